# The types of seccomp's C. Written by tools/constants.py from butter/build/seccomp.py: edit that.
from typing import Any

from _cffi_backend import FFI

class sock_filter:
    code: int
    jt: int
    jf: int
    k: int

class sock_fprog:
    len: int
    filter: FFI.CData

class seccomp_notif_sizes:
    seccomp_notif: int
    seccomp_notif_resp: int
    seccomp_data: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    SECCOMP_SET_MODE_STRICT: int
    SECCOMP_SET_MODE_FILTER: int
    SECCOMP_GET_ACTION_AVAIL: int
    SECCOMP_GET_NOTIF_SIZES: int
    SECCOMP_FILTER_FLAG_TSYNC: int
    SECCOMP_FILTER_FLAG_LOG: int
    SECCOMP_FILTER_FLAG_SPEC_ALLOW: int
    SECCOMP_FILTER_FLAG_NEW_LISTENER: int
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH: int
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: int
    SECCOMP_RET_KILL_PROCESS: int
    SECCOMP_RET_KILL_THREAD: int
    SECCOMP_RET_KILL: int
    SECCOMP_RET_TRAP: int
    SECCOMP_RET_ERRNO: int
    SECCOMP_RET_USER_NOTIF: int
    SECCOMP_RET_TRACE: int
    SECCOMP_RET_LOG: int
    SECCOMP_RET_ALLOW: int
    SECCOMP_RET_ACTION_FULL: int
    SECCOMP_RET_ACTION: int
    SECCOMP_RET_DATA: int
    def seccomp(self, operation: int, flags: int, args: FFI.CData, /) -> int: ...

ffi: _FFI
lib: _Lib
