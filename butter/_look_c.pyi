# The types of look's C. Written by tools/constants.py from butter/build/look.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    def butter_capable(self, capability: int, /) -> int: ...
    def butter_is_mount_root(self, path: bytes | FFI.CData, /) -> int: ...
    def butter_ns_owner(self, fd: int, /) -> int: ...

ffi: _FFI
lib: _Lib
