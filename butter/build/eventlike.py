from pathlib import Path

from cffi import FFI

DECLARATIONS = """
int butter_poll(int fd, short events, int timeout);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
ffi.set_source("butter._eventlike_c", Path(__file__).with_suffix(".c").read_text())
