from pathlib import Path

from cffi import FFI

DECLARATIONS = """
/* Where a look puts each fact about a file. */
enum { BUTTER_MODE, BUTTER_DEVICE, BUTTER_INODE, BUTTER_BYTES, BUTTER_MTIME, BUTTER_MOUNT, BUTTER_FACTS };

int butter_tree_look(int dirfd, const char *name, int64_t *facts);
int butter_tree_enter(int dirfd, const char *name, int64_t *facts);
int butter_tree_open(const char *path, int64_t *facts);
int butter_tree_wait_for(const int *fds, const uint32_t *events, int count);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "tree.c")]
ffi.set_source("butter._tree_c", "\n".join(SOURCES))
