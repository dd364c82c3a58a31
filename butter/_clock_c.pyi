# The types of clock's C. Written by tools/constants.py from butter/build/clock.py: edit that.
from typing import Any

from _cffi_backend import FFI

class timeval:
    tv_sec: int
    tv_usec: int

class timex:
    modes: int
    offset: int
    freq: int
    maxerror: int
    esterror: int
    status: int
    constant: int
    precision: int
    tolerance: int
    time: timeval
    tick: int
    ppsfreq: int
    jitter: int
    shift: int
    stabil: int
    jitcnt: int
    calcnt: int
    errcnt: int
    stbcnt: int
    tai: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    TIMER_ABSTIME: int
    ADJ_OFFSET: int
    ADJ_FREQUENCY: int
    ADJ_MAXERROR: int
    ADJ_ESTERROR: int
    ADJ_STATUS: int
    ADJ_TIMECONST: int
    ADJ_TAI: int
    ADJ_SETOFFSET: int
    ADJ_MICRO: int
    ADJ_NANO: int
    ADJ_TICK: int
    ADJ_OFFSET_SINGLESHOT: int
    ADJ_OFFSET_SS_READ: int
    STA_PLL: int
    STA_PPSFREQ: int
    STA_PPSTIME: int
    STA_FLL: int
    STA_INS: int
    STA_DEL: int
    STA_UNSYNC: int
    STA_FREQHOLD: int
    STA_PPSSIGNAL: int
    STA_PPSJITTER: int
    STA_PPSWANDER: int
    STA_PPSERROR: int
    STA_CLOCKERR: int
    STA_NANO: int
    STA_MODE: int
    STA_CLK: int
    TIME_OK: int
    TIME_INS: int
    TIME_DEL: int
    TIME_OOP: int
    TIME_WAIT: int
    TIME_ERROR: int
    def clock_gettime(self, clock: int, /) -> int: ...
    def clock_getres(self, clock: int, /) -> int: ...
    def clock_settime(self, clock: int, nanoseconds: int, /) -> int: ...
    def clock_adjtime(self, clock: int, timex: timex, /) -> int: ...
    def clock_nanosleep(self, clock: int, flags: int, nanoseconds: int, /) -> int: ...

ffi: _FFI
lib: _Lib
