"""The times of a timer, which the calls of timerfd take and return."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._timerfd_c import ffi

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal
    from fractions import Fraction
    from typing import Any, ClassVar, Protocol, Union

    from typing_extensions import Self

    Seconds = Union[int, float, Decimal, Fraction, timedelta]

    class HasTimerspec(Protocol):
        def __timerspec__(self) -> Any: ...


_SECOND = 10**9
# the first time that a time_t cannot hold
_TOO_LONG = 2**63 * _SECOND
_ITIMERSPEC = ffi.typeof("struct itimerspec *")


class TimePair(NamedTuple):
    """``TimePair(seconds, nano_seconds)``: a time as the kernel has it, two ints."""

    seconds: int
    nano_seconds: int

    @property
    def nanoseconds(self) -> int:
        """The whole time in nanoseconds."""
        return self.seconds * _SECOND + self.nano_seconds


def nanoseconds(seconds: Seconds | None, nano_seconds: int | None) -> int:
    """Return *seconds* in nanoseconds, plus *nano_seconds*.

    *seconds* is an int, float, Decimal, Fraction or timedelta, *nano_seconds* an int.
    The result is rounded to the nearest nanosecond, but to 1 if the time is not 0.

    Raises TypeError for other types, ValueError for a time that is negative, not a
    number, infinite or not below 2**63 seconds.
    """
    if nano_seconds is None and type(seconds) is int and 0 <= seconds < 2**63:
        return seconds * _SECOND  # the most usual case, before all others
    if seconds is None and nano_seconds is None:
        raise TypeError("a time is missing: pass seconds or nano_seconds")
    if nano_seconds is None:
        nano_seconds = 0
    elif not isinstance(nano_seconds, int):
        raise TypeError(f"nano_seconds must be an int, not {type(nano_seconds).__name__}")
    elif nano_seconds < 0:
        raise ValueError(f"nano_seconds is {nano_seconds}; it must not be negative")
    total = nano_seconds if seconds is None else _whole(seconds) + nano_seconds
    if total >= _TOO_LONG:
        raise ValueError(f"a time of {total // _SECOND} seconds is too long: it must be below 2**63")
    return total


def _whole(seconds: Any) -> int:
    """Return *seconds* in nanoseconds.

    The types are recognised by their methods, so their modules need not be imported.
    """
    if isinstance(seconds, int):
        numerator, denominator = seconds, 1
    elif hasattr(seconds, "microseconds") and hasattr(seconds, "days"):
        numerator = (seconds.days * 86400 + seconds.seconds) * 10**6 + seconds.microseconds
        denominator = 10**6
    elif hasattr(seconds, "as_integer_ratio"):
        try:
            # checked first, because the ratio of a Decimal such as 1E+999999 is huge,
            # and so is that of 1E-999999
            if not 0 <= seconds < 2**63:
                raise ValueError(f"seconds is {seconds}; it must be at least 0 and below 2**63")
            if hasattr(seconds, "adjusted") and (not seconds or seconds.adjusted() < -9):
                return int(seconds > 0)
            numerator, denominator = seconds.as_integer_ratio()
        except ArithmeticError:  # from comparing a Decimal that is not a number
            raise ValueError(f"seconds is {seconds}; it must be a number") from None
    else:
        kinds = "an int, float, Decimal, Fraction or timedelta"
        raise TypeError(f"seconds must be {kinds}, not {type(seconds).__name__}")
    if numerator < 0:
        raise ValueError(f"seconds is {seconds}; it must not be negative")
    nearest = (2 * numerator * _SECOND + denominator) // (2 * denominator)
    return nearest or int(numerator > 0)


def timerspec(value: HasTimerspec | Any) -> Any:
    """Return the ``struct itimerspec *`` of cffi that *value* is, or has."""
    spec = value.__timerspec__() if hasattr(value, "__timerspec__") else value
    if not isinstance(spec, ffi.CData):
        raise TypeError(f"a timerspec must be a TimerVal or a struct itimerspec *, not {type(value).__name__}")
    # C would follow the pointer
    if spec == ffi.NULL:
        raise ValueError("a timerspec must be a TimerVal or a struct itimerspec *, not NULL")
    if ffi.typeof(spec) is not _ITIMERSPEC:
        raise TypeError(f"a timerspec must be a TimerVal or a struct itimerspec *, not {ffi.typeof(spec).cname}")
    return spec


class TimerVal:
    """``TimerVal(timerspec=None)``: when a timer expires, first and then again.

    Its methods are words of a sentence, in any order: each changes the object and
    returns it. ::

        TimerVal().occurring.every(seconds=5).after(seconds=0.5)
        TimerVal().offset(seconds=3).and_repeats.every(minute)

    Seconds are an int, float, Decimal, Fraction or timedelta, and whole nanoseconds are
    added to them. Each word replaces the whole of its time. A time of 0 is the shortest
    one, a nanosecond: a timer that is set to it expires at once. Only ``disable``, or
    no word at all, means that the timer never expires.

    *timerspec*, another TimerVal or a ``struct itimerspec *`` of cffi, is copied. An
    ``it_value`` of 0 in it means "never", as for the kernel.

    Two objects are equal if both their times are equal. They can be changed, and so
    they cannot be hashed.

    Words raise TypeError for other types, ValueError for a time that is negative,
    infinite, not a number or not below 2**63 seconds.

    See :manpage:`timerfd_settime(2)`.
    """

    # The first time and the period in nanoseconds. They are one attribute, so that
    # threads and signal handlers see both of them before a word or both after it. A
    # first time of None means "after one period", whichever period follows; 0 means
    # "never", as in the kernel.
    _times: tuple[int | None, int]

    def __init__(self, timerspec: Any = None) -> None:
        self._times = (0, 0) if timerspec is None else _times_of(timerspec)

    @property
    def occurring(self) -> Self:
        """The object itself, to make a sentence; ``occuring`` is an older spelling."""
        return self

    occuring = and_repeats = occurring

    def every(self, seconds: Seconds | None = None, nano_seconds: int | None = None) -> Self:
        """Expire again and again with this time between.

        The first expiration is after this time too, unless ``after`` sets it, before or
        later in the sentence. 0 means once only: at the time of ``after``, or at once
        without it. ``repeat`` and ``repeats`` are the same.
        """
        self._times = (self._times[0] or None, nanoseconds(seconds, nano_seconds))
        return self

    repeat = repeats = every

    def after(self, seconds: Seconds | None = None, nano_seconds: int | None = None) -> Self:
        """Expire first after this time.

        With ``update(absolute=True)`` it is a time on the clock. 0 means at once: it
        counts as a nanosecond, because for the kernel 0 means "never". ``offset`` is
        the same.
        """
        self._times = (nanoseconds(seconds, nano_seconds) or 1, self._times[1])
        return self

    offset = after

    def disable(self) -> Self:
        """Never expire.

        Both times become 0, and words that follow begin anew.
        """
        self._times = (0, 0)
        return self

    @property
    def enabled(self) -> bool:
        """Whether a timer with this setting expires; ``bool()`` says the same."""
        return bool(self)

    @property
    def disabled(self) -> bool:
        """Whether a timer with this setting never expires."""
        return not self

    def __bool__(self) -> bool:
        return self._times[0] != 0

    def _nanoseconds(self) -> tuple[int, int]:
        """Return the first time, 0 for never, and the period."""
        first, period = self._times
        return (period or 1 if first is None else first), period

    @property
    def next_event(self) -> TimePair:
        """When the first expiration is, a :class:`TimePair`; (0, 0) for never.

        In a setting that a timer returned, it is the time that is left until then.
        """
        return TimePair(*divmod(self._nanoseconds()[0], _SECOND))

    @property
    def period(self) -> TimePair:
        """The time between expirations, a :class:`TimePair`; (0, 0) for once only."""
        return TimePair(*divmod(self._times[1], _SECOND))

    def __timerspec__(self) -> Any:
        """A new ``struct itimerspec *`` of cffi, for :func:`timerfd_settime`."""
        return ffi.new(_ITIMERSPEC, {"it_value": self.next_event, "it_interval": self.period})

    def __eq__(self, other: object) -> bool:
        # a Timer is a TimerVal too, but is not equal to its words
        if not isinstance(other, TimerVal) or type(self) is not type(other):
            return NotImplemented
        return self._nanoseconds() == other._nanoseconds()

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def _words(self) -> str:
        """Return the times for people: ``next=0.2s every=1.5s``, or ``disabled``."""
        words = f"next={_exact(self.next_event)}" if self else "disabled"
        return f"{words} every={_exact(self.period)}" if any(self.period) else words

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._words()}>"


def _times_of(value: HasTimerspec | Any) -> tuple[int | None, int]:
    if isinstance(value, TimerVal):
        return value._times
    spec = timerspec(value)
    first, period = spec.it_value, spec.it_interval
    return int(first.tv_sec * _SECOND + first.tv_nsec), int(period.tv_sec * _SECOND + period.tv_nsec)


def _exact(time: TimePair) -> str:
    """Return the time in seconds, every nanosecond of it: ``1.5s``."""
    return f"{time.seconds}.{time.nano_seconds:09}".rstrip("0").rstrip(".") + "s"
