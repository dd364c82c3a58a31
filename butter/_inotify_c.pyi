# The types of inotify's C. Written by tools/constants.py from butter/build/inotify.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_inotify_events:
    wds: FFI.CData
    masks: FFI.CData
    cookies: FFI.CData
    names: FFI.CData
    count: int
    summary: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    IN_CLOEXEC: int
    IN_NONBLOCK: int
    IN_ACCESS: int
    IN_MODIFY: int
    IN_ATTRIB: int
    IN_CLOSE_WRITE: int
    IN_CLOSE_NOWRITE: int
    IN_OPEN: int
    IN_MOVED_FROM: int
    IN_MOVED_TO: int
    IN_CREATE: int
    IN_DELETE: int
    IN_DELETE_SELF: int
    IN_MOVE_SELF: int
    IN_CLOSE: int
    IN_MOVE: int
    IN_ALL_EVENTS: int
    IN_UNMOUNT: int
    IN_Q_OVERFLOW: int
    IN_IGNORED: int
    IN_ONLYDIR: int
    IN_DONT_FOLLOW: int
    IN_EXCL_UNLINK: int
    IN_MASK_CREATE: int
    IN_MASK_ADD: int
    IN_ISDIR: int
    IN_ONESHOT: int
    def inotify_init1(self, flags: int, /) -> int: ...
    def inotify_add_watch(self, fd: int, pathname: bytes | FFI.CData, mask: int, /) -> int: ...
    def inotify_rm_watch(self, fd: int, wd: int, /) -> int: ...
    def butter_inotify_parse(self, data: bytes | FFI.CData, size: int, events: butter_inotify_events, /) -> int: ...
    def butter_inotify_read(self, fd: int, events: butter_inotify_events, /) -> int: ...

ffi: _FFI
lib: _Lib
