# The types of clone's C. Written by tools/constants.py from butter/build/clone.py: edit that.
from typing import Any

from _cffi_backend import FFI

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    CLONE_NEWNS: int
    CLONE_NEWUTS: int
    CLONE_NEWIPC: int
    CLONE_NEWUSER: int
    CLONE_NEWPID: int
    CLONE_NEWNET: int
    CLONE_NEWCGROUP: int
    CLONE_NEWTIME: int
    CLONE_FS: int
    CLONE_FILES: int
    CLONE_SYSVSEM: int
    CLONE_VM: int
    CLONE_SIGHAND: int
    CLONE_THREAD: int
    UNSHARE_EMPTY_MNTNS: int
    SETNS_ANY: int
    NS_GET_USERNS: int
    NS_GET_PARENT: int
    NS_GET_NSTYPE: int
    NS_GET_OWNER_UID: int
    NS_GET_MNTNS_ID: int
    NS_GET_ID: int
    def unshare(self, flags: int, /) -> int: ...
    def setns(self, fd: int, nstype: int, /) -> int: ...
    def setns_at(self, fd: int, nstype: int, root: int, directory: int, /) -> int: ...
    def tgkill(self, pid: int, tid: int, signal: int, /) -> int: ...
    def ns_open(self, path: bytes | FFI.CData, flags: int, /) -> int: ...
    def ns_ioctl(self, fd: int, request: int, /) -> int: ...

ffi: _FFI
lib: _Lib
