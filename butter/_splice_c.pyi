# The types of splice's C. Written by tools/constants.py from butter/build/splice.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_copy:
    fd_in: int
    fd_out: int
    duplicate: int
    in_offset: int
    out_offset: int
    left: int
    moved: int
    pipe: FFI.CData
    piped: int
    buffer: FFI.CData
    start: int
    end: int
    in_disk: int
    in_waits: int
    out_waits: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    SPLICE_F_MOVE: int
    SPLICE_F_NONBLOCK: int
    SPLICE_F_MORE: int
    SPLICE_F_GIFT: int
    IOV_MAX: int
    NULL_TERMINATOR: int
    COPY_DONE: int
    COPY_MORE: int
    COPY_WAIT_IN: int
    COPY_WAIT_OUT: int
    def splice(self, fd_in: int, off_in: int, fd_out: int, off_out: int, len: int, flags: int, /) -> int: ...
    def tee(self, fd_in: int, fd_out: int, len: int, flags: int, /) -> int: ...
    def butter_copy_begin(self, copy: butter_copy, /) -> int: ...
    def butter_copy_step(self, copy: butter_copy, most: int, /) -> int: ...
    def butter_copy_end(self, copy: butter_copy, /) -> None: ...

ffi: _FFI
lib: _Lib
