# The types of eventlike's C. Written by tools/constants.py from butter/build/eventlike.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    def butter_poll(self, fd: int, events: int, timeout: int, /) -> int: ...

ffi: _FFI
lib: _Lib
