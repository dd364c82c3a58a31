# The types of tree's C. Written by tools/constants.py from butter/build/tree.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    BUTTER_MODE: int
    BUTTER_DEVICE: int
    BUTTER_INODE: int
    BUTTER_BYTES: int
    BUTTER_MTIME: int
    BUTTER_MOUNT: int
    BUTTER_FACTS: int
    def butter_tree_look(self, dirfd: int, name: bytes | FFI.CData, facts: FFI.CData, /) -> int: ...
    def butter_tree_enter(self, dirfd: int, name: bytes | FFI.CData, facts: FFI.CData, /) -> int: ...
    def butter_tree_open(self, path: bytes | FFI.CData, facts: FFI.CData, /) -> int: ...
    def butter_tree_wait_for(self, fds: FFI.CData, events: FFI.CData, count: int, /) -> int: ...

ffi: _FFI
lib: _Lib
