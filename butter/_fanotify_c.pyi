# The types of fanotify's C. Written by tools/constants.py from butter/build/fanotify.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_fanotify_events:
    masks: FFI.CData
    fds: FFI.CData
    pids: FFI.CData
    pidfds: FFI.CData
    offsets: FFI.CData
    count: int
    summary: FFI.CData
    data: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    FAN_CLOEXEC: int
    FAN_NONBLOCK: int
    FAN_CLASS_NOTIF: int
    FAN_CLASS_CONTENT: int
    FAN_CLASS_PRE_CONTENT: int
    FAN_UNLIMITED_QUEUE: int
    FAN_UNLIMITED_MARKS: int
    FAN_ENABLE_AUDIT: int
    FAN_REPORT_PIDFD: int
    FAN_REPORT_TID: int
    FAN_REPORT_FID: int
    FAN_REPORT_DIR_FID: int
    FAN_REPORT_NAME: int
    FAN_REPORT_DFID_NAME: int
    FAN_REPORT_TARGET_FID: int
    FAN_REPORT_DFID_NAME_TARGET: int
    FAN_REPORT_FD_ERROR: int
    FAN_REPORT_MNT: int
    FAN_ACCESS: int
    FAN_MODIFY: int
    FAN_ATTRIB: int
    FAN_CLOSE_WRITE: int
    FAN_CLOSE_NOWRITE: int
    FAN_OPEN: int
    FAN_MOVED_FROM: int
    FAN_MOVED_TO: int
    FAN_CREATE: int
    FAN_DELETE: int
    FAN_DELETE_SELF: int
    FAN_MOVE_SELF: int
    FAN_OPEN_EXEC: int
    FAN_Q_OVERFLOW: int
    FAN_FS_ERROR: int
    FAN_OPEN_PERM: int
    FAN_ACCESS_PERM: int
    FAN_OPEN_EXEC_PERM: int
    FAN_PRE_ACCESS: int
    FAN_MNT_ATTACH: int
    FAN_MNT_DETACH: int
    FAN_EVENT_ON_CHILD: int
    FAN_RENAME: int
    FAN_ONDIR: int
    FAN_CLOSE: int
    FAN_MOVE: int
    FAN_MARK_ADD: int
    FAN_MARK_REMOVE: int
    FAN_MARK_FLUSH: int
    FAN_MARK_INODE: int
    FAN_MARK_MOUNT: int
    FAN_MARK_FILESYSTEM: int
    FAN_MARK_MNTNS: int
    FAN_MARK_DONT_FOLLOW: int
    FAN_MARK_ONLYDIR: int
    FAN_MARK_EVICTABLE: int
    FAN_MARK_IGNORE: int
    FAN_MARK_IGNORED_MASK: int
    FAN_MARK_IGNORED_SURV_MODIFY: int
    FAN_MARK_IGNORE_SURV: int
    FAN_ALLOW: int
    FAN_DENY: int
    FAN_AUDIT: int
    FAN_INFO: int
    FAN_EVENT_INFO_TYPE_FID: int
    FAN_EVENT_INFO_TYPE_DFID_NAME: int
    FAN_EVENT_INFO_TYPE_DFID: int
    FAN_EVENT_INFO_TYPE_PIDFD: int
    FAN_EVENT_INFO_TYPE_ERROR: int
    FAN_EVENT_INFO_TYPE_RANGE: int
    FAN_EVENT_INFO_TYPE_MNT: int
    FAN_EVENT_INFO_TYPE_OLD_DFID_NAME: int
    FAN_EVENT_INFO_TYPE_NEW_DFID_NAME: int
    FAN_RESPONSE_INFO_NONE: int
    FAN_RESPONSE_INFO_AUDIT_RULE: int
    FAN_NOFD: int
    FAN_NOPIDFD: int
    FAN_EPIDFD: int
    FANOTIFY_METADATA_VERSION: int
    FAN_EVENT_METADATA_LEN: int
    FAN_ERRNO_BITS: int
    FAN_ERRNO_SHIFT: int
    FAN_ERRNO_MASK: int
    FAN_ALL_CLASS_BITS: int
    FAN_ALL_INIT_FLAGS: int
    FAN_ALL_MARK_FLAGS: int
    FAN_ALL_EVENTS: int
    FAN_ALL_PERM_EVENTS: int
    FAN_ALL_OUTGOING_EVENTS: int
    def fanotify_init(self, flags: int, event_f_flags: int, /) -> int: ...
    def fanotify_mark(self, fd: int, flags: int, mask: int, dirfd: int, pathname: bytes | FFI.CData, /) -> int: ...
    def butter_fanotify_parse(self, data: bytes | FFI.CData, size: int, events: butter_fanotify_events, /) -> int: ...
    def butter_fanotify_check(self, data: bytes | FFI.CData, size: int, pidfd: FFI.CData, /) -> int: ...
    def butter_fanotify_read(self, fd: int, events: butter_fanotify_events, /) -> int: ...
    def butter_fanotify_read_few(self, fd: int, events: butter_fanotify_events, /) -> int: ...
    def butter_fanotify_read_one(self, fd: int, events: butter_fanotify_events, /) -> int: ...
    def butter_fanotify_leave_out_own(self, fd: int, threads: int, events: butter_fanotify_events, /) -> None: ...

ffi: _FFI
lib: _Lib
