# The types of memfd's C. Written by tools/constants.py from butter/build/memfd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    MFD_CLOEXEC: int
    MFD_ALLOW_SEALING: int
    MFD_HUGETLB: int
    MFD_NOEXEC_SEAL: int
    MFD_EXEC: int
    MFD_HUGE_64KB: int
    MFD_HUGE_512KB: int
    MFD_HUGE_1MB: int
    MFD_HUGE_2MB: int
    MFD_HUGE_8MB: int
    MFD_HUGE_16MB: int
    MFD_HUGE_32MB: int
    MFD_HUGE_256MB: int
    MFD_HUGE_512MB: int
    MFD_HUGE_1GB: int
    MFD_HUGE_2GB: int
    MFD_HUGE_16GB: int
    F_SEAL_SEAL: int
    F_SEAL_SHRINK: int
    F_SEAL_GROW: int
    F_SEAL_WRITE: int
    F_SEAL_FUTURE_WRITE: int
    F_SEAL_EXEC: int
    PROT_READ: int
    PROT_WRITE: int
    PROT_EXEC: int
    MAP_SHARED: int
    MAP_PRIVATE: int
    MAP_ANON: int
    MAP_ANONYMOUS: int
    MAP_DENYWRITE: int
    MAP_EXECUTABLE: int
    F_ADD_SEALS: int
    F_GET_SEALS: int
    MFD_HUGE_SHIFT: int
    MFD_HUGE_MASK: int
    def memfd_create(self, name: bytes | FFI.CData, flags: int, /) -> int: ...

ffi: _FFI
lib: _Lib
