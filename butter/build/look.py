from pathlib import Path

from cffi import FFI

DECLARATIONS = """
int butter_capable(int capability);
int butter_ns_owner(int fd);
int butter_compare_files(int first_pid, int first_fd, int second_pid, int second_fd);

/* A file: the number of its mount in mountinfo, whether the mount begins there, and its type */
typedef struct {
    int64_t mount;
    int begins;
    uint32_t type;
} butter_place;

int butter_look(int dirfd, const char *path, int flags, butter_place *place);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [Path(__file__).with_name(name).read_text() for name in ("calls.h", "look.c")]
ffi.set_source("butter._look_c", "\n".join(SOURCES))
