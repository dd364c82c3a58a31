# The types of pipe's C. Written by tools/constants.py from butter/build/pipe.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    O_CLOEXEC: int
    O_NONBLOCK: int
    O_DIRECT: int
    O_NOTIFICATION_PIPE: int
    F_SETPIPE_SZ: int
    F_GETPIPE_SZ: int
    PIPE_BUF: int
    def pipe2(self, ends: FFI.CData, flags: int, /) -> int: ...
    def butter_close_ends(self, ends: FFI.CData, /) -> None: ...
    def get_pipe_size(self, fd: int, /) -> int: ...
    def set_pipe_size(self, fd: int, size: int, /) -> int: ...

ffi: _FFI
lib: _Lib
