"""The calls of :manpage:`timerfd_create(2)`, and the times that they take and give."""

from __future__ import annotations

import errno
from collections import namedtuple
from struct import Struct
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
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    TimerfdClock,
)
from butter._signals import INTERRUPTED, run_handlers
from butter._timerfd_c import ffi, lib
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
    from datetime import timedelta
    from decimal import Decimal
    from fractions import Fraction
    from typing import Any, NamedTuple, Protocol, Union

    from typing_extensions import Self

    from butter._arguments import FileDescriptor, HasFileno

    Seconds = Union[int, float, Decimal, Fraction, timedelta]

    class HasTimerspec(Protocol):
        def __timerspec__(self) -> Any: ...

    class TimePair(NamedTuple):
        """``TimePair(seconds, nano_seconds)``: a time as the kernel has it, both are ints."""

        seconds: int
        nano_seconds: int

else:
    TimePair = namedtuple("TimePair", "seconds nano_seconds")
    TimePair.__doc__ = "``TimePair(seconds, nano_seconds)``: a time as the kernel has it, both are ints."

_SECOND = 10**9
# what a time_t does not hold any more
_TOO_LONG = 2**63 * _SECOND

PLAIN_CLOCKS = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME)
ALARM_CLOCKS = (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
#: the clocks that make a timer
TIMER_CLOCKS = PLAIN_CLOCKS + ALARM_CLOCKS
#: the clocks that can be set, so that a timer on one can be cancelled by that
SETTABLE_CLOCKS = (CLOCK_REALTIME, CLOCK_REALTIME_ALARM)


def _clock(number: int) -> str:
    try:
        return f"CLOCK_{TimerfdClock(number).name}"
    except ValueError:
        return f"clock {number}"


def _no_timer(clock_type: int, **_: object) -> str:
    if clock_type in TIMER_CLOCKS:
        return "the flags are TFD_NONBLOCK and TFD_CLOEXEC, and no others"
    return f"{_clock(clock_type)} makes no timer; these do: {', '.join(map(_clock, TIMER_CLOCKS))}"


def _not_allowed(clock_type: int | None = None, **_: object) -> str:
    if clock_type in PLAIN_CLOCKS:
        return NOT_ALLOWED
    return "a clock that wakes the system from suspend (CLOCK_*_ALARM) needs CAP_WAKE_ALARM"


def _refused(fd: int, flags: int, spec: Any, **_: object) -> str:
    if flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET):
        return f"the flags are TFD_TIMER_ABSTIME and TFD_TIMER_CANCEL_ON_SET, not {flags:#x}"
    if spec is not None:
        for name, time in (("it_value", spec.it_value), ("it_interval", spec.it_interval)):
            if time.tv_sec < 0 or not 0 <= time.tv_nsec < _SECOND:
                return f"{name} is {time.tv_sec} s and {time.tv_nsec} ns: negative, or more than a second of ns"
    return f"descriptor {fd} is not a timerfd"


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
            "the time of day was set since the last call, which the timer was to be cancelled by;"
            " it is armed anew as asked, and the time may be another than you meant",
        ),
        errno.EFAULT: (InternalError, "the setting is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _refused),
        errno.EPERM: (PermissionError, _not_allowed),
    },
    since="2.6.25",
)
GETTIME = Errors(
    "timerfd_gettime",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EFAULT: (InternalError, "the setting is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, lambda fd, **_: f"descriptor {fd} is not a timerfd"),
    },
    since="2.6.25",
)
READ = Errors(
    "read of a timerfd",
    {
        **reading("a timerfd", "the timer has not expired"),
        errno.ECANCELED: (
            OSError,
            "the system clock was set (TFD_TIMER_CANCEL_ON_SET); the timer stays armed: read the clock and set it anew",
        ),
    },
)


def nanoseconds(seconds: Seconds | None, nano_seconds: int | None) -> int:
    """A time as one number: *seconds* as int, float, Decimal, Fraction or timedelta, plus *nano_seconds*, an int.

    Rounded to the nearest nanosecond, but to 1 if it is not 0, as 0 would stop a timer. Raises TypeError for other
    types, ValueError for what is negative, not a number, infinite or not below 2**63 seconds.
    """
    if nano_seconds is None and type(seconds) is int and 0 <= seconds < 2**63:
        return seconds * _SECOND  # before all else, as it is the most usual
    if seconds is None and nano_seconds is None:
        raise TypeError("a time is missing: give seconds or nano_seconds")
    if nano_seconds is None:
        nano_seconds = 0
    elif not isinstance(nano_seconds, int):
        raise TypeError(f"nano_seconds is an int, not {type(nano_seconds).__name__}")
    elif nano_seconds < 0:
        raise ValueError(f"nano_seconds is {nano_seconds}; it must not be negative")
    total = nano_seconds if seconds is None else _whole(seconds) + nano_seconds
    if total >= _TOO_LONG:
        raise ValueError(f"a time of {total // _SECOND} seconds is too long: it must be below 2**63")
    return total


def _whole(seconds: Any) -> int:
    """*seconds* in nanoseconds. What has no such methods is no number, so that no module has to be imported here."""
    if isinstance(seconds, int):
        numerator, denominator = seconds, 1
    elif hasattr(seconds, "microseconds") and hasattr(seconds, "days"):
        numerator = (seconds.days * 86400 + seconds.seconds) * 10**6 + seconds.microseconds
        denominator = 10**6
    elif hasattr(seconds, "as_integer_ratio"):
        try:
            # first, because the ratio of a Decimal such as 1E+999999 is long,
            # and so is that of 1E-999999
            if not 0 <= seconds < 2**63:
                raise ValueError(f"seconds is {seconds}; it must be at least 0 and below 2**63")
            if hasattr(seconds, "adjusted") and (not seconds or seconds.adjusted() < -9):
                return int(seconds > 0)
            numerator, denominator = seconds.as_integer_ratio()
        except ArithmeticError:  # how a Decimal compares that is not a number
            raise ValueError(f"seconds is {seconds}; it must be a number") from None
    else:
        kinds = "an int, float, Decimal, Fraction or timedelta"
        raise TypeError(f"seconds is {kinds}, not {type(seconds).__name__}")
    if numerator < 0:
        raise ValueError(f"seconds is {seconds}; it must not be negative")
    nearest = (2 * numerator * _SECOND + denominator) // (2 * denominator)
    return nearest or int(numerator > 0)


_ITIMERSPEC = ffi.typeof("struct itimerspec *")


def _timerspec(value: HasTimerspec | Any) -> Any:
    spec = value.__timerspec__() if hasattr(value, "__timerspec__") else value
    if not isinstance(spec, ffi.CData):
        raise TypeError(f"a timerspec is a TimerVal or a struct itimerspec *, not {type(value).__name__}")
    # cffi would go where the pointer leads
    if spec == ffi.NULL:
        raise ValueError("a timerspec is a TimerVal or a struct itimerspec *, not NULL")
    if ffi.typeof(spec) is not _ITIMERSPEC:
        raise TypeError(f"a timerspec is a TimerVal or a struct itimerspec *, not {ffi.typeof(spec).cname}")
    return spec


class TimerVal:
    """``TimerVal(timerspec=None)``: when a timer expires first, and how often after that.

    Its words change it and return it, so that they make a sentence::

        TimerVal().occurring.every(seconds=5).after(seconds=0.5)
        TimerVal().offset(seconds=3).and_repeats.every(minute)

    Seconds are an int, float, Decimal, Fraction or timedelta, and whole nanoseconds are added to them. Each word sets
    the whole of its time: TypeError for other types, ValueError for a time that is negative, infinite, not a number or
    not below 2**63 seconds. *timerspec*, another TimerVal or a ``struct itimerspec *`` of cffi, is copied.
    See :manpage:`timerfd_settime(2)`.
    """

    # The first time and the period in nanoseconds. A first time of None is "as
    # the period", so that a new period is a new first time.
    _times: tuple[int | None, int]

    def __init__(self, timerspec: Any = None) -> None:
        self._times = None, 0
        if timerspec is not None:
            spec = _timerspec(timerspec)
            first, period = spec.it_value, spec.it_interval
            self._times = (
                int(first.tv_sec * _SECOND + first.tv_nsec),
                int(period.tv_sec * _SECOND + period.tv_nsec),
            )

    @property
    def occurring(self) -> Self:
        """The object itself, to make a sentence; ``occuring`` is an older spelling."""
        return self

    occuring = and_repeats = occurring

    def every(self, seconds: Seconds | None = None, nano_seconds: int | None = None) -> Self:
        """Expire again and again with this time between; the first time after it too, unless ``after`` said when.

        0 is once only. ``repeat`` and ``repeats`` are the same.
        """
        self._times = (self._times[0] or None, nanoseconds(seconds, nano_seconds))
        return self

    repeat = repeats = every

    def after(self, seconds: Seconds | None = None, nano_seconds: int | None = None) -> Self:
        """Expire first after this time, or at it if the timer is then set with ``absolute=True``.

        0 is never, as ``disable`` (but the period stays). ``offset`` is the same.
        """
        self._times = (nanoseconds(seconds, nano_seconds), self._times[1])
        return self

    offset = after

    def disable(self) -> Self:
        """Never expire: both times become 0."""
        self._times = (None, 0)
        return self

    @property
    def enabled(self) -> bool:
        """Whether a timer with this setting expires. The object is true in the same case."""
        return bool(self)

    @property
    def disabled(self) -> bool:
        """Whether a timer with this setting never expires."""
        return not self

    def __bool__(self) -> bool:
        return any(self.next_event)

    @property
    def next_event(self) -> TimePair:
        """When the first expiration is: ``TimePair(seconds, nano_seconds)``, (0, 0) for never.

        In what a timer gives, the time that is left until then.
        """
        first, period = self._times
        return TimePair(*divmod(period if first is None else first, _SECOND))

    @property
    def period(self) -> TimePair:
        """The time between expirations: ``TimePair(seconds, nano_seconds)``, (0, 0) for once only."""
        return TimePair(*divmod(self._times[1], _SECOND))

    def __timerspec__(self) -> Any:
        """A new ``struct itimerspec *`` of cffi with the values, for :func:`timerfd_settime`."""
        return ffi.new("struct itimerspec *", {"it_value": self.next_event, "it_interval": self.period})

    def _words(self) -> str:
        (first, first_ns), (period, period_ns) = self.next_event, self.period
        return f"offset=({first}s, {first_ns}ns) reoccuring=({period}s, {period_ns}ns)"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._words()}>"


def timerfd(clock_type: int = CLOCK_MONOTONIC, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``timerfd_create(clock_type, flags)``: the descriptor of a new timer, which is not armed.

    *clock_type* is one of TimerfdClock, of which five make a timer, *flags* are TimerfdInit's and *closefd* adds
    ``TFD_CLOEXEC``. Raises InvalidArgument for other clocks and flags, PermissionError for a ``CLOCK_*_ALARM`` without
    CAP_WAKE_ALARM, OSError (EMFILE, ENFILE) where a limit is reached, OutOfMemory.
    Linux 2.6.27, :manpage:`timerfd_create(2)`.
    """
    clock_type, flags = integer(clock_type, -32, "clock_type"), integer(flags, -32, "flags")
    fd = lib.timerfd_create(clock_type, flags | TFD_CLOEXEC if closefd else flags)
    return CREATE.check(fd, clock_type=clock_type)


def timerfd_settime(fd: FileDescriptor, timer_spec: HasTimerspec | Any, flags: int = 0) -> TimerVal:
    """``timerfd_settime(fd, flags, timer_spec, &old)``: arm the timer, or stop it, and return its setting until now.

    *timer_spec* is a TimerVal, or a ``struct itimerspec *`` of cffi; *flags* are TimerfdSet's. Expirations that
    nobody read are gone. Raises InvalidArgument for other flags and for what is no timer, OSError (ECANCELED) as
    :meth:`butter.timerfd.Timer.update` does. Linux 2.6.25, :manpage:`timerfd_settime(2)`.
    """
    # another name: fd may be the last reference to an object, which would close it
    number, flags = fileno(fd), integer(flags, -32, "flags")
    spec = _timerspec(timer_spec)
    old = ffi.new("struct itimerspec *")
    SETTIME.check(lib.timerfd_settime(number, flags, spec, old), fd=number, flags=flags, spec=spec)
    return TimerVal(old)


def timerfd_gettime(fd: FileDescriptor) -> TimerVal:
    """``timerfd_gettime(fd, &value)``: the time that is left until the timer expires, and its period.

    ``next_event`` is (0, 0) if the timer is not armed. Raises InvalidArgument for what is no timer. Linux 2.6.25,
    :manpage:`timerfd_gettime(2)`.
    """
    number, value = fileno(fd), ffi.new("struct itimerspec *")
    GETTIME.check(lib.timerfd_gettime(number, value), fd=number)
    return TimerVal(value)


class Setting(TimerVal):
    """A :class:`TimerVal` that a timer gave: made in half the time, by one who sets its two numbers."""

    __slots__ = ("_left", "_period")
    __init__ = object.__init__

    _left: int | None
    _period: int

    @property
    def _times(self) -> tuple[int | None, int]:
        return self._left, self._period

    @_times.setter
    def _times(self, times: tuple[int | None, int]) -> None:
        self._left, self._period = times

    def __repr__(self) -> str:
        return f"<TimerVal {self._words()}>"


# what the calls of an object use instead of the thin ones
arm_timer, get_timer, timer_before = lib.butter_timer_arm, lib.butter_timer_get, lib.butter_timer_before
_read = lib.butter_timerfd_read
# what arming gives for an errno is at least this; below it are the addresses for timer_before
LEAST_ERRNO = -4095

#: descriptor, flags, first time and period in nanoseconds, as C takes them
packed = Struct("@iiqq").pack

_AGAIN = (INTERRUPTED, 0)


def read_count(source: HasFileno) -> int:
    """How often the timer *source* has expired since this was asked last; READ says what it raises."""
    # Python runs its signal handlers before it goes round (PEP 475), and one of
    # them may close the object. Nothing is read where a clock was set back
    # between the expiration and the read (timerfd_create(2)).
    while True:
        fd = source.fileno()
        count: int = _read(fd)
        if count not in _AGAIN:
            break
        run_handlers()
    return READ.check(count, fd=fd)
