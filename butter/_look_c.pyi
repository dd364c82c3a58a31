# The types of look's C. Written by tools/constants.py from butter/build/look.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_place:
    mount: int
    begins: int
    type: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    def butter_capable(self, capability: int, /) -> int: ...
    def butter_ns_owner(self, fd: int, /) -> int: ...
    def butter_compare_files(self, first_pid: int, first_fd: int, second_pid: int, second_fd: int, /) -> int: ...
    def butter_look(self, dirfd: int, path: bytes | FFI.CData, flags: int, place: butter_place, /) -> int: ...

ffi: _FFI
lib: _Lib
