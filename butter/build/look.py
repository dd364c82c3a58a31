from pathlib import Path

from cffi import FFI

DECLARATIONS = """
int butter_capable(int capability);
int butter_is_mount_root(const char *path);
int butter_ns_owner(int fd);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._look_c", Path(__file__).with_suffix(".c").read_text())
