# The types of epoll's C. Written by tools/constants.py from butter/build/epoll.py: edit that.
from typing import Any

from _cffi_backend import FFI

class epoll_event:
    events: int

class butter_epoll_events:
    count: int
    room: int
    found: FFI.CData

class butter_epoll_params:
    busy_poll_usecs: int
    busy_poll_budget: int
    prefer_busy_poll: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    EPOLL_CLOEXEC: int
    EPOLL_CTL_ADD: int
    EPOLL_CTL_DEL: int
    EPOLL_CTL_MOD: int
    EPOLLIN: int
    EPOLLPRI: int
    EPOLLOUT: int
    EPOLLRDNORM: int
    EPOLLRDBAND: int
    EPOLLWRNORM: int
    EPOLLWRBAND: int
    EPOLLMSG: int
    EPOLLERR: int
    EPOLLNVAL: int
    EPOLLHUP: int
    EPOLLRDHUP: int
    EPOLLEXCLUSIVE: int
    EPOLLWAKEUP: int
    EPOLLONESHOT: int
    EPOLLET: int
    EPIOCSPARAMS: int
    EPIOCGPARAMS: int
    def epoll_create1(self, flags: int, /) -> int: ...
    def butter_epoll_ctl(self, epfd: int, op: int, fd: int, events: int, data: int, /) -> int: ...
    def butter_epoll_wait(self, epfd: int, events: butter_epoll_events, maxevents: int, timeout: int, /) -> int: ...
    def butter_epoll_pwait(
        self, epfd: int, events: butter_epoll_events, maxevents: int, timeout: int, masked: int, blocked: int, /
    ) -> int: ...
    def butter_epoll_pwait2(
        self, epfd: int, events: butter_epoll_events, maxevents: int, timeout: int, masked: int, blocked: int, /
    ) -> int: ...
    def butter_epoll_read(self, epfd: int, events: butter_epoll_events, maxevents: int, timeout: int, /) -> int: ...
    def butter_epoll_ioctl(self, epfd: int, request: int, params: butter_epoll_params, /) -> int: ...

ffi: _FFI
lib: _Lib
