# The types of eventfd's C. Written by tools/constants.py from butter/build/eventfd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    EFD_CLOEXEC: int
    EFD_NONBLOCK: int
    EFD_SEMAPHORE: int
    def eventfd(self, initval: int, flags: int, /) -> int: ...
    def eventfd_read(self, fd: int, value: FFI.CData, /) -> int: ...
    def eventfd_write(self, fd: int, value: int, /) -> int: ...

ffi: _FFI
lib: _Lib
