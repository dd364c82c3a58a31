"""The constants of clock. Written by tools/constants.py from butter/build/clock.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._clock_c import lib
from butter._enums import Flags, Number

__all__ = [
    "ADJ_ESTERROR",
    "ADJ_FREQUENCY",
    "ADJ_MAXERROR",
    "ADJ_MICRO",
    "ADJ_NANO",
    "ADJ_OFFSET",
    "ADJ_OFFSET_SINGLESHOT",
    "ADJ_OFFSET_SS_READ",
    "ADJ_SETOFFSET",
    "ADJ_STATUS",
    "ADJ_TAI",
    "ADJ_TICK",
    "ADJ_TIMECONST",
    "ClockAdjust",
    "ClockSleep",
    "ClockState",
    "ClockStatus",
    "STA_CLK",
    "STA_CLOCKERR",
    "STA_DEL",
    "STA_FLL",
    "STA_FREQHOLD",
    "STA_INS",
    "STA_MODE",
    "STA_NANO",
    "STA_PLL",
    "STA_PPSERROR",
    "STA_PPSFREQ",
    "STA_PPSJITTER",
    "STA_PPSSIGNAL",
    "STA_PPSTIME",
    "STA_PPSWANDER",
    "STA_UNSYNC",
    "TIMER_ABSTIME",
    "TIME_DEL",
    "TIME_ERROR",
    "TIME_INS",
    "TIME_OK",
    "TIME_OOP",
    "TIME_WAIT",
]

# the flags of clock_nanosleep
#: the sleep ends at a time on the clock, and not after a time
TIMER_ABSTIME: Final[int] = lib.TIMER_ABSTIME

# the modes of clock_adjtime: the fields that it sets
#: offset: the clock is moved by it slowly, in small steps
ADJ_OFFSET: Final[int] = lib.ADJ_OFFSET
#: freq
ADJ_FREQUENCY: Final[int] = lib.ADJ_FREQUENCY
#: maxerror
ADJ_MAXERROR: Final[int] = lib.ADJ_MAXERROR
#: esterror
ADJ_ESTERROR: Final[int] = lib.ADJ_ESTERROR
#: status: the bits of ClockStatus that can be set
ADJ_STATUS: Final[int] = lib.ADJ_STATUS
#: constant
ADJ_TIMECONST: Final[int] = lib.ADJ_TIMECONST
#: constant: the whole seconds from CLOCK_REALTIME to CLOCK_TAI
ADJ_TAI: Final[int] = lib.ADJ_TAI
#: time: it is added to the clock at once
ADJ_SETOFFSET: Final[int] = lib.ADJ_SETOFFSET
#: offset counts microseconds from now on
ADJ_MICRO: Final[int] = lib.ADJ_MICRO
#: offset counts nanoseconds from now on, and time is exact to the nanosecond
ADJ_NANO: Final[int] = lib.ADJ_NANO
#: tick
ADJ_TICK: Final[int] = lib.ADJ_TICK
#: offset, in microseconds: as adjtime moves the clock; no other mode beside it
ADJ_OFFSET_SINGLESHOT: Final[int] = lib.ADJ_OFFSET_SINGLESHOT
#: read into offset how much of that movement is left; no other mode beside it
ADJ_OFFSET_SS_READ: Final[int] = lib.ADJ_OFFSET_SS_READ

# the bits of the status of a clock that is adjusted; the last eight can only be read
#: the kernel follows the offset by a phase-locked loop
STA_PLL: Final[int] = lib.STA_PLL
#: the frequency follows a signal once each second
STA_PPSFREQ: Final[int] = lib.STA_PPSFREQ
#: the time follows a signal once each second
STA_PPSTIME: Final[int] = lib.STA_PPSTIME
#: the loop follows the frequency
STA_FLL: Final[int] = lib.STA_FLL
#: the last minute of this UTC day gets a leap second
STA_INS: Final[int] = lib.STA_INS
#: the last minute of this UTC day loses a second
STA_DEL: Final[int] = lib.STA_DEL
#: the clock is not synchronised
STA_UNSYNC: Final[int] = lib.STA_UNSYNC
#: the frequency is held, and not estimated
STA_FREQHOLD: Final[int] = lib.STA_FREQHOLD
#: the signal once each second is there
STA_PPSSIGNAL: Final[int] = lib.STA_PPSSIGNAL
#: the signal jitters too much
STA_PPSJITTER: Final[int] = lib.STA_PPSJITTER
#: the signal wanders too much
STA_PPSWANDER: Final[int] = lib.STA_PPSWANDER
#: the signal could not be calibrated
STA_PPSERROR: Final[int] = lib.STA_PPSERROR
#: the hardware of the clock has a fault
STA_CLOCKERR: Final[int] = lib.STA_CLOCKERR
#: offset counts nanoseconds, not microseconds
STA_NANO: Final[int] = lib.STA_NANO
#: the loop is a frequency-locked one
STA_MODE: Final[int] = lib.STA_MODE
#: the source is B, not A; Linux never sets it
STA_CLK: Final[int] = lib.STA_CLK

# the state that clock_adjtime tells
#: the clock is synchronised, and no leap second is near
TIME_OK: Final[int] = lib.TIME_OK
#: the last minute of this UTC day gets a leap second
TIME_INS: Final[int] = lib.TIME_INS
#: the last minute of this UTC day loses a second
TIME_DEL: Final[int] = lib.TIME_DEL
#: this is the leap second
TIME_OOP: Final[int] = lib.TIME_OOP
#: a leap second is over, and the status still announces it
TIME_WAIT: Final[int] = lib.TIME_WAIT
#: the clock is not synchronised
TIME_ERROR: Final[int] = lib.TIME_ERROR


class ClockSleep(Flags):
    """The flags of clock_nanosleep."""

    ABSTIME = TIMER_ABSTIME


class ClockAdjust(Flags):
    """The modes of clock_adjtime: the fields that it sets."""

    OFFSET = ADJ_OFFSET
    FREQUENCY = ADJ_FREQUENCY
    MAXERROR = ADJ_MAXERROR
    ESTERROR = ADJ_ESTERROR
    STATUS = ADJ_STATUS
    TIMECONST = ADJ_TIMECONST
    TAI = ADJ_TAI
    SETOFFSET = ADJ_SETOFFSET
    MICRO = ADJ_MICRO
    NANO = ADJ_NANO
    TICK = ADJ_TICK
    OFFSET_SINGLESHOT = ADJ_OFFSET_SINGLESHOT
    OFFSET_SS_READ = ADJ_OFFSET_SS_READ


class ClockStatus(Flags):
    """The bits of the status of a clock that is adjusted; the last eight can only be read."""

    PLL = STA_PLL
    PPSFREQ = STA_PPSFREQ
    PPSTIME = STA_PPSTIME
    FLL = STA_FLL
    INS = STA_INS
    DEL = STA_DEL
    UNSYNC = STA_UNSYNC
    FREQHOLD = STA_FREQHOLD
    PPSSIGNAL = STA_PPSSIGNAL
    PPSJITTER = STA_PPSJITTER
    PPSWANDER = STA_PPSWANDER
    PPSERROR = STA_PPSERROR
    CLOCKERR = STA_CLOCKERR
    NANO = STA_NANO
    MODE = STA_MODE
    CLK = STA_CLK


class ClockState(Number):
    """The state that clock_adjtime tells."""

    OK = TIME_OK
    INS = TIME_INS
    DEL = TIME_DEL
    OOP = TIME_OOP
    WAIT = TIME_WAIT
    ERROR = TIME_ERROR
