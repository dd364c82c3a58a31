"""The constants of timerfd. Written by tools/constants.py from butter/build/timerfd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._timerfd_c import lib

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
    "TFD_CLOEXEC",
    "TFD_NONBLOCK",
    "TFD_TIMER_ABSTIME",
    "TFD_TIMER_CANCEL_ON_SET",
    "TimerfdClock",
    "TimerfdInit",
    "TimerfdSet",
]

# the clocks of timerfd_create, and those that it refuses
#: the time of day, which can be set and so can jump
CLOCK_REALTIME: Final[int] = lib.CLOCK_REALTIME
#: never set, does not count the time in suspend
CLOCK_MONOTONIC: Final[int] = lib.CLOCK_MONOTONIC
#: never set, counts the time in suspend (Linux 3.15)
CLOCK_BOOTTIME: Final[int] = lib.CLOCK_BOOTTIME
#: CLOCK_REALTIME that wakes the system from suspend (Linux 3.11)
CLOCK_REALTIME_ALARM: Final[int] = lib.CLOCK_REALTIME_ALARM
#: CLOCK_BOOTTIME that wakes the system from suspend (Linux 3.11)
CLOCK_BOOTTIME_ALARM: Final[int] = lib.CLOCK_BOOTTIME_ALARM
#: the processor time of this process; not for timers
CLOCK_PROCESS_CPUTIME_ID: Final[int] = lib.CLOCK_PROCESS_CPUTIME_ID
#: the processor time of this thread; not for timers
CLOCK_THREAD_CPUTIME_ID: Final[int] = lib.CLOCK_THREAD_CPUTIME_ID
#: the hardware's own time, without correction; not for timers
CLOCK_MONOTONIC_RAW: Final[int] = lib.CLOCK_MONOTONIC_RAW
#: CLOCK_REALTIME in steps of a kernel tick; not for timers
CLOCK_REALTIME_COARSE: Final[int] = lib.CLOCK_REALTIME_COARSE
#: CLOCK_MONOTONIC in steps of a kernel tick; not for timers
CLOCK_MONOTONIC_COARSE: Final[int] = lib.CLOCK_MONOTONIC_COARSE
#: atomic time: CLOCK_REALTIME without leap seconds; not for timers
CLOCK_TAI: Final[int] = lib.CLOCK_TAI
#: the first of eight clocks of other time domains; not for timers (Linux 6.17)
CLOCK_AUX: Final[int] = lib.CLOCK_AUX

# the flags of timerfd_create
#: close the descriptor when the process executes another program
TFD_CLOEXEC: Final[int] = lib.TFD_CLOEXEC
#: reads fail with EAGAIN instead of waiting for an expiration
TFD_NONBLOCK: Final[int] = lib.TFD_NONBLOCK

# the flags of timerfd_settime
#: the first expiration is a time on the clock, not one from now
TFD_TIMER_ABSTIME: Final[int] = lib.TFD_TIMER_ABSTIME
#: reads fail with ECANCELED after the clock was set (Linux 3.0)
TFD_TIMER_CANCEL_ON_SET: Final[int] = lib.TFD_TIMER_CANCEL_ON_SET


class TimerfdClock(Number):
    """The clocks of timerfd_create, and those that it refuses."""

    REALTIME = CLOCK_REALTIME
    MONOTONIC = CLOCK_MONOTONIC
    BOOTTIME = CLOCK_BOOTTIME
    REALTIME_ALARM = CLOCK_REALTIME_ALARM
    BOOTTIME_ALARM = CLOCK_BOOTTIME_ALARM
    PROCESS_CPUTIME_ID = CLOCK_PROCESS_CPUTIME_ID
    THREAD_CPUTIME_ID = CLOCK_THREAD_CPUTIME_ID
    MONOTONIC_RAW = CLOCK_MONOTONIC_RAW
    REALTIME_COARSE = CLOCK_REALTIME_COARSE
    MONOTONIC_COARSE = CLOCK_MONOTONIC_COARSE
    TAI = CLOCK_TAI
    AUX = CLOCK_AUX

    __since__ = {
        "CLOCK_AUX": (CLOCK_AUX, "6.17"),
    }


class TimerfdInit(Flags):
    """The flags of timerfd_create."""

    CLOEXEC = TFD_CLOEXEC
    NONBLOCK = TFD_NONBLOCK


class TimerfdSet(Flags):
    """The flags of timerfd_settime."""

    ABSTIME = TFD_TIMER_ABSTIME
    CANCEL_ON_SET = TFD_TIMER_CANCEL_ON_SET
