# The types of system's C. Written by tools/constants.py from butter/build/system.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    MS_RDONLY: int
    MS_NOSUID: int
    MS_NODEV: int
    MS_NOEXEC: int
    MS_SYNCHRONOUS: int
    MS_REMOUNT: int
    MS_MANDLOCK: int
    MS_DIRSYNC: int
    MS_NOSYMFOLLOW: int
    MS_NOATIME: int
    MS_NODIRATIME: int
    MS_BIND: int
    MS_MOVE: int
    MS_REC: int
    MS_SILENT: int
    MS_VERBOSE: int
    MS_POSIXACL: int
    MS_UNBINDABLE: int
    MS_PRIVATE: int
    MS_SLAVE: int
    MS_SHARED: int
    MS_RELATIME: int
    MS_I_VERSION: int
    MS_STRICTATIME: int
    MS_LAZYTIME: int
    MNT_FORCE: int
    MNT_DETACH: int
    MNT_EXPIRE: int
    UMOUNT_NOFOLLOW: int
    MS_KERNMOUNT: int
    MS_SUBMOUNT: int
    MS_NOREMOTELOCK: int
    MS_NOSEC: int
    MS_BORN: int
    MS_ACTIVE: int
    MS_NOUSER: int
    MS_RMT_MASK: int
    MS_MGC_VAL: int
    MS_MGC_MSK: int
    HOST_NAME_MAX: int
    MAXPATHLEN: int
    def mount(
        self,
        source: bytes | FFI.CData,
        target: bytes | FFI.CData,
        type: bytes | FFI.CData,
        flags: int,
        data: bytes | FFI.CData,
        /,
    ) -> int: ...
    def umount2(self, target: bytes | FFI.CData, flags: int, /) -> int: ...
    def pivot_root(self, new_root: bytes | FFI.CData, put_old: bytes | FFI.CData, /) -> int: ...
    def sethostname(self, name: bytes | FFI.CData, length: int, /) -> int: ...
    def gethostname(self, name: bytes | FFI.CData, length: int, /) -> int: ...
    def setdomainname(self, name: bytes | FFI.CData, length: int, /) -> int: ...
    def getdomainname(self, name: bytes | FFI.CData, length: int, /) -> int: ...
    def getpid(self) -> int: ...
    def getppid(self) -> int: ...
    def gettid(self) -> int: ...
    def butter_mounted(
        self,
        source: bytes | FFI.CData,
        target: bytes | FFI.CData,
        type: bytes | FFI.CData,
        flags: int,
        data: bytes | FFI.CData,
        path: bytes | FFI.CData,
        made: FFI.CData,
        /,
    ) -> int: ...
    def butter_unmounted(self, path: bytes | FFI.CData, flags: int, made: FFI.CData, /) -> int: ...

ffi: _FFI
lib: _Lib
