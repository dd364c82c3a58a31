"""Timers that can be waited for: objects and calls for :manpage:`timerfd_create(2)`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT
from butter._constants import timerfd as _constants
from butter._constants.timerfd import *  # noqa: F403
from butter._constants.timerfd import CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
from butter._descriptor import closed_error
from butter._timerfd import (
    GETTIME,
    LINK,
    SETTABLE_CLOCKS,
    SETTIME,
    arm_timer,
    clock_of,
    get_timer,
    read_count,
    timerfd,
    timerfd_gettime,
    timerfd_settime,
)
from butter._timerfd_value import TimePair, TimerVal, nanoseconds
from butter.eventlike import Eventlike, readable

if TYPE_CHECKING:
    from butter._timerfd_value import Seconds

__all__ = [
    "TimePair",
    "Timer",
    "TimerVal",
    "Timerfd",
    "timerfd",
    "timerfd_gettime",
    "timerfd_settime",
]
__all__ += _constants.__all__


_new = object.__new__

# the result of arm_timer for its one failure that arms the timer all the same
_CANCELED = -1 - errno.ECANCELED
# the kernel counts nanoseconds in 64 bits, and shortens longer times to this one
_LONGEST = 2**63 - 1


class Timer(Eventlike[int], TimerVal):
    """``Timer(clock_type=CLOCK_MONOTONIC, flags=0, closefd=True)``: a timer.

    It is set with the words of :class:`TimerVal`, and armed by ``update()``. Its event
    is how often it has expired, an int: 1 unless the program came late, so no
    expiration is lost. ::

        with Timer() as timer:
            timer.every(seconds=1).after(seconds=0.5).update()
            for ticks in timer:
                print(ticks)

    *clock_type* is one of TimerfdClock, *flags* are TimerfdInit's (``TFD_NONBLOCK``),
    and *closefd* keeps the descriptor from programs that the process executes.

    ``enabled``, ``next_event``, ``period`` and ``bool()`` are about the words, so about
    the next ``update()``; ``get_current()`` asks the kernel. A wait for a timer that is
    not armed, although its words were changed and ask for an expiration, raises
    RuntimeError: ``update()`` is missing. Timers are compared by their descriptors, as
    all objects of butter are, and not by their words.

    A timer is exact. A wait that may be late is a sleep inside ``with
    prctl.slack(nanoseconds)``, of :mod:`butter.prctl`.

    Raises what :func:`timerfd` does.

    Linux 2.6.27, :manpage:`timerfd_create(2)`.
    """

    _kind = "a timerfd"
    _link = LINK

    _clock: int = CLOCK_MONOTONIC
    _armed: tuple[int | None, int]  # the words with which the timer was armed last

    # those of an object that owns a descriptor, and not those of its words
    __eq__ = Eventlike.__eq__
    __hash__ = Eventlike.__hash__  # type: ignore[assignment]

    def _init_state(self) -> None:
        super()._init_state()
        self._times = self._armed = (0, 0)

    def __init__(self, clock_type: int = CLOCK_MONOTONIC, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        super().__init__(timerfd(clock_type, flags, closefd))
        self._clock = int(clock_type)

    def _adopted(self, fd: int) -> None:
        self._clock = clock_of(fd)

    def get_current(self) -> TimerVal:
        """The time until the timer expires, and its period, as a :class:`TimerVal`.

        It is not enabled if the timer is not armed.

        Raises ValueError if the object is closed.
        """
        fd = self._fd
        if fd is None:
            raise closed_error()
        now = get_timer(fd)
        left = now.first
        if left < 0:
            GETTIME.check(left, fd=fd)
        # equal to TimerVal(...), but made in half the time
        current = _new(TimerVal)
        current._times = (left, now.period)
        return current

    def update(self, absolute: bool = False, cancel_on_set: bool = False) -> TimerVal:
        """Arm the timer as the words said, or stop it, and return its setting before.

        *absolute* makes the first expiration a time on the clock, for CLOCK_REALTIME in
        seconds since 1970. If that time is past the timer expires at once, and counts
        every period since. With *cancel_on_set*, reads and the next update fail with
        ECANCELED after the system clock was set: the timer stays armed, so read the
        clock and update again. Expirations that were not read are dropped.

        Raises ValueError if the object is closed, or for *cancel_on_set* without
        *absolute* or on a clock that cannot be set; PermissionError; OSError
        (ECANCELED).
        """
        flags = self._flags(absolute, cancel_on_set) if absolute or cancel_on_set else 0
        times = first, period = self._times
        if first is None:
            first = period or 1
        fd = self._fd
        if fd is None:
            raise closed_error()
        try:
            old = arm_timer(fd, flags, first, period)
        except OverflowError:  # more than 64 bits
            old = arm_timer(fd, flags, min(first, _LONGEST), min(period, _LONGEST))
        left = old.first
        if left >= 0 or left == _CANCELED:
            self._armed = times
            if self._batch:
                self._batch.clear()
        if left < 0:
            SETTIME.check(left, fd=fd, flags=flags, spec=None)
        before = _new(TimerVal)
        before._times = (left, old.period)
        return before

    def _flags(self, absolute: bool, cancel_on_set: bool) -> int:
        """Return the flags of ``update``.

        Raises ValueError where the kernel would ignore *cancel_on_set*.
        """
        if not cancel_on_set:
            return TFD_TIMER_ABSTIME
        if not absolute or self._clock not in SETTABLE_CLOCKS:
            raise ValueError("cancel_on_set needs absolute=True and CLOCK_REALTIME or CLOCK_REALTIME_ALARM")
        return TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET

    def set_one_off(self, seconds: Seconds, nano_seconds: int = 0, absolute: bool = False) -> TimerVal:
        """Arm the timer to expire once: ``after(…).every(0).update(…)``.

        A time of 0 means at once.
        """
        return self.after(seconds, nano_seconds).every(0).update(absolute)

    def set_reoccurring(
        self,
        seconds: Seconds,
        nano_seconds: int = 0,
        next_seconds: Seconds = 0,
        next_nano_seconds: int = 0,
        absolute: bool = False,
    ) -> TimerVal:
        """Arm the timer to expire repeatedly: ``after(next_…).every(…).update(…)``.

        The first expiration is after one period, unless *next_seconds* or
        *next_nano_seconds* say otherwise. Here 0 does not mean "at once", because it is
        the default. ``set_reoccuring`` is an older spelling.
        """
        first, period = nanoseconds(next_seconds, next_nano_seconds), nanoseconds(seconds, nano_seconds)
        self._times = (first or None, period)
        return self.update(absolute)

    set_reoccuring = set_reoccurring

    def _check_more(self) -> None:
        """Raise RuntimeError if the words ask for what no ``update()`` has armed."""
        words = self._times
        if self._armed == words or not self:
            return
        # An earlier setting, or the thin call, may have armed the timer. It may also
        # expire between these two looks, so the second look is for an expiration; with
        # a deadline of 0, which is past, it does not wait.
        if not (self.get_current() or readable(self, 0)):
            raise RuntimeError(
                f"{self!r} is not armed, so waiting for it would never end: call update() after the words that set it"
            )
        self._armed = words

    def _read_events(self) -> list[int]:
        if self._armed is not self._times:
            self._check_more()  # the read may wait
        return [read_count(self)]

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} {self._words()}>"


#: the older name of :class:`Timer`
Timerfd = Timer
