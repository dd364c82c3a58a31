# The types of timerfd's C. Written by tools/constants.py from butter/build/timerfd.py: edit that.
from typing import Any

from _cffi_backend import FFI

class timespec:
    tv_sec: int
    tv_nsec: int

class itimerspec:
    it_interval: timespec
    it_value: timespec

class butter_times:
    first: int
    period: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    CLOCK_REALTIME: int
    CLOCK_MONOTONIC: int
    CLOCK_BOOTTIME: int
    CLOCK_REALTIME_ALARM: int
    CLOCK_BOOTTIME_ALARM: int
    CLOCK_PROCESS_CPUTIME_ID: int
    CLOCK_THREAD_CPUTIME_ID: int
    CLOCK_MONOTONIC_RAW: int
    CLOCK_REALTIME_COARSE: int
    CLOCK_MONOTONIC_COARSE: int
    CLOCK_TAI: int
    CLOCK_AUX: int
    TFD_CLOEXEC: int
    TFD_NONBLOCK: int
    TFD_TIMER_ABSTIME: int
    TFD_TIMER_CANCEL_ON_SET: int
    def timerfd_create(self, clockid: int, flags: int, /) -> int: ...
    def timerfd_settime(self, fd: int, flags: int, new_value: itimerspec, old_value: itimerspec, /) -> int: ...
    def timerfd_gettime(self, fd: int, curr_value: itimerspec, /) -> int: ...
    def butter_timer_arm(self, fd: int, flags: int, first: int, period: int, /) -> butter_times: ...
    def butter_timer_get(self, fd: int, /) -> butter_times: ...
    def butter_timerfd_read(self, fd: int, /) -> int: ...

ffi: _FFI
lib: _Lib
