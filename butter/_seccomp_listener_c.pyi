# The types of seccomp_listener's C. Written by tools/constants.py from butter/build/seccomp_listener.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_notification:
    id: int
    pid: int
    flags: int
    number: int
    arch: int
    instruction_pointer: int
    arguments: FFI.CData

class butter_received:
    count: int
    ioctl_ends: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    SECCOMP_USER_NOTIF_FLAG_CONTINUE: int
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: int
    SECCOMP_ADDFD_FLAG_SETFD: int
    SECCOMP_ADDFD_FLAG_SEND: int
    SECCOMP_IOCTL_NOTIF_RECV: int
    SECCOMP_IOCTL_NOTIF_SEND: int
    SECCOMP_IOCTL_NOTIF_ID_VALID: int
    SECCOMP_IOCTL_NOTIF_ADDFD: int
    SECCOMP_IOCTL_NOTIF_SET_FLAGS: int
    def butter_notification_of(self, received: butter_received, /) -> butter_notification: ...
    def butter_notification_receive(self, fd: int, received: butter_received, /) -> int: ...
    def butter_notification_send(self, fd: int, id: int, value: int, error: int, flags: int, /) -> int: ...
    def butter_notification_valid(self, fd: int, id: int, /) -> int: ...
    def butter_notification_add_fd(
        self, fd: int, id: int, flags: int, source: int, number: int, number_flags: int, /
    ) -> int: ...
    def butter_listener_set_flags(self, fd: int, flags: int, /) -> int: ...
    def butter_read_memory(self, pid: int, address: int, buffer: FFI.CData, length: int, /) -> int: ...

ffi: _FFI
lib: _Lib
