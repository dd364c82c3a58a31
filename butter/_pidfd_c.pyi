# The types of pidfd's C. Written by tools/constants.py from butter/build/pidfd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class pidfd_info:
    mask: int
    cgroupid: int
    pid: int
    tgid: int
    ppid: int
    ruid: int
    rgid: int
    euid: int
    egid: int
    suid: int
    sgid: int
    fsuid: int
    fsgid: int
    exit_code: int
    coredump_mask: int
    coredump_signal: int
    coredump_code: int
    coredump_pad: int
    supported_mask: int

class butter_waited:
    pid: int
    uid: int
    signo: int
    status: int
    code: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    PIDFD_NONBLOCK: int
    PIDFD_THREAD: int
    PIDFD_SIGNAL_THREAD: int
    PIDFD_SIGNAL_THREAD_GROUP: int
    PIDFD_SIGNAL_PROCESS_GROUP: int
    PIDFD_INFO_PID: int
    PIDFD_INFO_CREDS: int
    PIDFD_INFO_CGROUPID: int
    PIDFD_INFO_EXIT: int
    PIDFD_INFO_COREDUMP: int
    PIDFD_INFO_SUPPORTED_MASK: int
    PIDFD_INFO_COREDUMP_SIGNAL: int
    PIDFD_INFO_COREDUMP_CODE: int
    PIDFD_COREDUMPED: int
    PIDFD_COREDUMP_SKIP: int
    PIDFD_COREDUMP_USER: int
    PIDFD_COREDUMP_ROOT: int
    PIDFD_GET_CGROUP_NAMESPACE: int
    PIDFD_GET_IPC_NAMESPACE: int
    PIDFD_GET_MNT_NAMESPACE: int
    PIDFD_GET_NET_NAMESPACE: int
    PIDFD_GET_PID_NAMESPACE: int
    PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE: int
    PIDFD_GET_TIME_NAMESPACE: int
    PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE: int
    PIDFD_GET_USER_NAMESPACE: int
    PIDFD_GET_UTS_NAMESPACE: int
    P_ALL: int
    P_PID: int
    P_PGID: int
    P_PIDFD: int
    WNOHANG: int
    WSTOPPED: int
    WEXITED: int
    WCONTINUED: int
    WNOWAIT: int
    PIDFD_SELF: int
    PIDFD_SELF_THREAD: int
    PIDFD_SELF_PROCESS: int
    PIDFD_SELF_THREAD_GROUP: int
    PIDFD_GET_INFO: int
    PIDFD_INFO_SIZE_VER0: int
    PIDFD_INFO_SIZE_VER1: int
    PIDFD_INFO_SIZE_VER2: int
    PIDFD_INFO_SIZE_VER3: int
    PIDFS_IOCTL_MAGIC: int
    def pidfd_open(self, pid: int, flags: int, /) -> int: ...
    def pidfd_getfd(self, pidfd: int, targetfd: int, flags: int, /) -> int: ...
    def pidfd_send_signal(self, pidfd: int, sig: int, info: FFI.CData, flags: int, /) -> int: ...
    def waitid(self, idtype: int, id: int, infop: butter_waited, options: int, /) -> int: ...
    def butter_siginfo_fill(self, info: FFI.CData, sig: int, code: int, pid: int, uid: int, value: int, /) -> None: ...
    def butter_pidfd_info(self, pidfd: int, info: pidfd_info, /) -> int: ...
    def butter_pidfd_namespace(self, pidfd: int, request: int, /) -> int: ...
    def butter_pidfd_exit_code(self, pidfd: int, options: int, /) -> int: ...

ffi: _FFI
lib: _Lib
