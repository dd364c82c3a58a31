"""The calls of :manpage:`timerfd_create(2)`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.timerfd import *  # noqa: F403
from butter._constants.timerfd import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    TFD_CLOEXEC,
    TFD_NONBLOCK,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    TimerfdClock,
)
from butter._descriptor import fields_of, link_of
from butter._signals import INTERRUPTED, run_handlers
from butter._timerfd_c import ffi, lib
from butter._timerfd_value import TimePair as TimePair
from butter._timerfd_value import TimerVal, timerspec
from butter._timerfd_value import nanoseconds as nanoseconds
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_ANONYMOUS,
    NOT_ALLOWED,
    Errors,
    InternalError,
    InvalidArgument,
    reading,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any

    from butter._arguments import FileDescriptor, HasFileno
    from butter._timerfd_value import HasTimerspec

PLAIN_CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME)
ALARM_CLOCKS = (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
#: how ``/proc/self/fd`` names a timer
LINK = "anon_inode:[timerfd]"
#: the clocks that a timer can use
TIMER_CLOCKS = PLAIN_CLOCKS + ALARM_CLOCKS
#: the clocks that can be set, so that setting them can cancel a timer
SETTABLE_CLOCKS = (CLOCK_REALTIME, CLOCK_REALTIME_ALARM)


def clock_name(number: int) -> str:
    """Return the name of a clock, as ``CLOCK_TAI``; ``clock 99`` where it has none."""
    try:
        return f"CLOCK_{TimerfdClock(number).name}"
    except ValueError:
        return f"clock {number}"


def clock_of(fd: int) -> int:
    """Return the clock of the timer *fd*, as the kernel reports it.

    CLOCK_MONOTONIC where ``/proc`` is missing.
    """
    return int(fields_of(fd).get("clockid", [CLOCK_MONOTONIC])[0])


def _no_timer(clock_type: int, flags: int, **_: object) -> str:
    if clock_type not in TIMER_CLOCKS:
        return (
            f"{clock_name(clock_type)} is not a clock for timers; these are: {', '.join(map(clock_name, TIMER_CLOCKS))}"
        )
    unknown = flags & ~(TFD_NONBLOCK | TFD_CLOEXEC)
    return f"the only flags are TFD_NONBLOCK and TFD_CLOEXEC, not {unknown:#x}"


def _not_allowed(clock_type: int, **_: object) -> str:
    if clock_type in ALARM_CLOCKS:
        return f"{clock_name(clock_type)} wakes the system from suspend, and so needs CAP_WAKE_ALARM"
    return NOT_ALLOWED


def _another_kind(fd: int, **_: object) -> str:
    found = link_of(fd)
    if found == LINK:
        return "the kernel refuses it, although the descriptor is a timerfd"
    told = "" if found is None else f"; /proc/self/fd says that it is {found!r}"
    return f"descriptor {fd} is not a timerfd{told}"


def _refused(fd: int, flags: int, spec: Any, **_: object) -> str:
    # spec is None for the times of an object, which checks them itself
    if unknown := flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET):
        return f"the only flags are TFD_TIMER_ABSTIME and TFD_TIMER_CANCEL_ON_SET, not {unknown:#x}"
    for name in () if spec is None else ("it_value", "it_interval"):
        time = getattr(spec, name)
        if time.tv_sec < 0 or not 0 <= time.tv_nsec < 10**9:
            told = f"the time {name} is {time.tv_sec} s and {time.tv_nsec} ns"
            return f"{told}; neither may be negative, and the ns must be less than a second"
    return _another_kind(fd)


CREATE = Errors(
    "timerfd_create",
    {
        **NEW_ANONYMOUS,
        errno.EINVAL: (InvalidArgument, _no_timer),
        errno.EPERM: (PermissionError, _not_allowed),
    },
    since="2.6.27",
)
SETTIME = Errors(
    "timerfd_settime",
    {
        **NEW_ANONYMOUS,
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ECANCELED: (
            OSError,
            "the system clock was set since the last call (TFD_TIMER_CANCEL_ON_SET). The timer has been armed"
            " as requested, but that time may no longer be the one you meant",
        ),
        errno.EFAULT: (InternalError, "the setting is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _refused),
        errno.EPERM: (PermissionError, lambda fd, **_: _not_allowed(clock_of(fd))),
    },
    since="2.6.25",
)
GETTIME = Errors(
    "timerfd_gettime",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EFAULT: (InternalError, "the setting is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _another_kind),
    },
    since="2.6.25",
)
READ = Errors(
    "read of a timerfd",
    {
        **reading("a timerfd", "the timer has not expired"),
        errno.ECANCELED: (
            OSError,
            "the system clock was set (TFD_TIMER_CANCEL_ON_SET). The timer stays armed: read the clock and arm it anew",
        ),
    },
)


def timerfd(clock_type: int = CLOCK_MONOTONIC, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``timerfd_create(clock_type, flags)``: returns the descriptor of a new timer.

    The timer is not armed. *clock_type* is one of TimerfdClock, of which timers can use
    five; *flags* are TimerfdInit's, and *closefd* adds ``TFD_CLOEXEC``.

    Raises InvalidArgument for other clocks and flags, PermissionError for a
    ``CLOCK_*_ALARM`` without CAP_WAKE_ALARM, OSError (EMFILE, ENFILE) where a limit is
    reached, OutOfMemory.

    Linux 2.6.27, :manpage:`timerfd_create(2)`.
    """
    clock_type, flags = integer(clock_type, -32, "clock_type"), integer(flags, -32, "flags")
    fd = lib.timerfd_create(clock_type, flags | TFD_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else CREATE.check(fd, clock_type=clock_type, flags=flags)


def timerfd_settime(fd: FileDescriptor, timer_spec: HasTimerspec | Any, flags: int = 0) -> TimerVal:
    """``timerfd_settime(fd, flags, timer_spec, &old)``: returns the setting until now.

    It arms the timer or, with an ``it_value`` of 0, stops it. *timer_spec* is a
    TimerVal, or a ``struct itimerspec *`` of cffi; *flags* are TimerfdSet's.
    Expirations that were not read are dropped.

    Raises InvalidArgument for other flags and for a descriptor that is not a timerfd,
    OSError (ECANCELED) as :meth:`butter.timerfd.Timer.update` does.

    Linux 2.6.25, :manpage:`timerfd_settime(2)`.
    """
    # another name, because fd may be the last reference to an object: without it the
    # object would be closed before the call
    number, flags = fileno(fd), integer(flags, -32, "flags")
    spec = timerspec(timer_spec)
    old = ffi.new("struct itimerspec *")
    SETTIME.check(lib.timerfd_settime(number, flags, spec, old), fd=number, flags=flags, spec=spec)
    return TimerVal(old)


def timerfd_gettime(fd: FileDescriptor) -> TimerVal:
    """``timerfd_gettime(fd, &value)``: returns the time left, and the period.

    In the returned TimerVal, ``next_event`` is the time until the timer expires, (0, 0)
    if it is not armed.

    Raises InvalidArgument for a descriptor that is not a timerfd.

    Linux 2.6.25, :manpage:`timerfd_gettime(2)`.
    """
    number, value = fileno(fd), ffi.new("struct itimerspec *")
    GETTIME.check(lib.timerfd_gettime(number, value), fd=number)
    return TimerVal(value)


# The calls of an object take and return numbers. Each result is a new struct: a signal
# handler, or another thread, may arm the same timer before Python has read it.
arm_timer, get_timer = lib.butter_timer_arm, lib.butter_timer_get
_read = lib.butter_timerfd_read


def read_count(source: HasFileno) -> int:
    """Return how often the timer *source* has expired since the last read.

    Raises what the table READ says.
    """
    while True:
        fd = source.fileno()
        count: int = _read(fd)
        if count > 0:
            return count
        # 0 bytes, because a clock was set back between the expiration and the read
        # (timerfd_create(2)), are as good as an interrupted read
        if count not in (INTERRUPTED, 0):
            READ.check(count, fd=fd)
        # one of Python's handlers may close the object before the next try (PEP 475)
        run_handlers()
