"""Clocks, read, set, adjusted and slept by: :manpage:`clock_gettime(2)`.

::

    from butter.clock import CLOCK_BOOTTIME, CLOCK_TAI, clock_gettime, clock_nanosleep

    print(clock_gettime(CLOCK_TAI))
    clock_nanosleep(CLOCK_BOOTTIME, 0, 1_000_000_000)  # a second

All times are ints, in nanoseconds.
"""

from __future__ import annotations

from butter._clock import (
    Timex,
    clock_adjtime,
    clock_getres,
    clock_gettime,
    clock_nanosleep,
    clock_settime,
)
from butter._clock_errors import fd_clock, process_clock, thread_clock
from butter._constants import clock as _constants
from butter._constants.clock import *  # noqa: F403
from butter.timerfd import (
    CLOCK_AUX,
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    TimerfdClock,
)

__all__ = [
    "CLOCK_AUX",
    "CLOCK_BOOTTIME",
    "CLOCK_BOOTTIME_ALARM",
    "CLOCK_MONOTONIC",
    "CLOCK_MONOTONIC_COARSE",
    "CLOCK_MONOTONIC_RAW",
    "CLOCK_PROCESS_CPUTIME_ID",
    "CLOCK_REALTIME",
    "CLOCK_REALTIME_ALARM",
    "CLOCK_REALTIME_COARSE",
    "CLOCK_TAI",
    "CLOCK_THREAD_CPUTIME_ID",
    "TimerfdClock",
    "Timex",
    "clock_adjtime",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "clock_settime",
    "fd_clock",
    "process_clock",
    "thread_clock",
]
__all__ += _constants.__all__
