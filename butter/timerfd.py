"""Timers that can be waited for: objects and calls for :manpage:`timerfd_create(2)`."""

from __future__ import annotations

from butter._constants import timerfd as _constants
from butter._constants.timerfd import *  # noqa: F403
from butter._constants.timerfd import CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
from butter._fd import closed_error
from butter._timerfd import (
    OTHER_PERIOD,
    SETTABLE_CLOCKS,
    SETTIME,
    Setting,
    TimePair,
    TimerVal,
    gettime,
    nanoseconds,
    new_pair,
    pairs,
    read_count,
    settime,
    timerfd,
    timerfd_gettime,
    timerfd_settime,
)
from butter.eventlike import Eventlike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from butter._timerfd import Seconds

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


class Timer(Eventlike[int], TimerVal):
    """``Timer(clock_type=CLOCK_MONOTONIC, flags=0, closefd=True)``: a timer; its event is how often it has expired.

    It is set with the words of :class:`TimerVal`, and armed by ``update()``. An event is an int, 1 unless the program
    came late: no expiration is lost. *clock_type* is one of TimerfdClock, *flags* are TimerfdInit's
    (``TFD_NONBLOCK``), and *closefd* keeps the descriptor from programs that the process executes. Raises what
    :func:`timerfd` does. Linux 2.6.27, :manpage:`timerfd_create(2)`. ::

        with Timer() as timer:
            timer.every(seconds=1).after(seconds=0.5).update()
            for ticks in timer:
                print(ticks)

    ``enabled``, ``next_event``, ``period`` and ``bool()`` are about the words, so about the next ``update()``;
    ``get_current()`` asks the kernel.
    """

    _clock: int = CLOCK_MONOTONIC
    # The period that the kernel should have, in nanoseconds. C has two numbers
    # to tell and one to return; if this is right, the other is enough.
    _armed: int = 0

    def __init__(self, clock_type: int = CLOCK_MONOTONIC, flags: int = 0, closefd: bool = True) -> None:
        super().__init__(timerfd(clock_type, flags, closefd))
        self._clock = int(clock_type)

    def get_current(self) -> TimerVal:
        """The time that is left until the timer expires, and its period, as a :class:`TimerVal`.

        Not enabled if the timer is not armed. Raises ValueError if the object is closed.
        """
        fd, period = self._fd, self._armed
        if fd is None:
            raise closed_error()
        left = gettime(fd, period)
        setting: TimerVal
        if left >= 0:
            setting = Setting()
            setting._times = (left, period)
        else:
            # once more, by the call that says what is wrong, or the period
            setting = timerfd_gettime(fd)
            self._armed = setting._times[1]
        return setting

    def update(self, absolute: bool = False, cancel_on_set: bool = False) -> TimerVal:
        """Arm the timer as the words said, or stop it, and return its setting until now as a :class:`TimerVal`.

        *absolute* makes the first expiration a time on the clock, for CLOCK_REALTIME in seconds since 1970. If that is
        past the timer expires at once, and counts every period since. *cancel_on_set* says that reads, and the next
        update, shall fail with ECANCELED after someone sets the time of day: the timer stays armed, so read the clock
        and update again. Expirations that nobody read are gone.

        Raises ValueError if the object is closed, or for *cancel_on_set* without *absolute* or on a clock that cannot
        be set; PermissionError; OSError (ECANCELED).
        """
        flags = 0
        if absolute or cancel_on_set:
            # the kernel ignores the second flag in these cases
            if cancel_on_set and not (absolute and self._clock in SETTABLE_CLOCKS):
                raise ValueError("cancel_on_set needs absolute=True and CLOCK_REALTIME or CLOCK_REALTIME_ALARM")
            flags = TFD_TIMER_ABSTIME | (TFD_TIMER_CANCEL_ON_SET if cancel_on_set else 0)
        first, period = self._times
        if first is None:
            first = period
        fd, was = self._fd, self._armed
        if fd is None:
            raise closed_error()
        try:
            pair = pairs.pop()
        except IndexError:
            pair = new_pair()
        try:
            left = settime(fd, flags, first, period, was, pair)
        except OverflowError:
            # more nanoseconds than 64 bits hold, which the kernel takes for "never"
            return timerfd_settime(fd, self, flags)
        if left == OTHER_PERIOD:
            left, was = pair
        pairs.append(pair)
        if left < 0:
            SETTIME.fail(-left, fd=fd, flags=flags, spec=None)
        self._armed = period
        old: TimerVal = Setting()
        old._times = (left, was)
        return old

    def set_one_off(self, seconds: Seconds, nano_seconds: int = 0, absolute: bool = False) -> TimerVal:
        """Arm the timer to expire once after the time, or at it: ``after(…).every(0).update(…)``."""
        return self.after(seconds, nano_seconds).every(0).update(absolute)

    def set_reoccuring(
        self,
        seconds: Seconds,
        nano_seconds: int = 0,
        next_seconds: Seconds = 0,
        next_nano_seconds: int = 0,
        absolute: bool = False,
    ) -> TimerVal:
        """Arm the timer to expire again and again: ``after(next_…).every(…).update(…)``.

        The first time is after one period, unless another is given.
        """
        first, period = nanoseconds(next_seconds, next_nano_seconds), nanoseconds(seconds, nano_seconds)
        return self.after(0, first).every(0, period).update(absolute)

    set_reoccurring = set_reoccuring

    def _read_events(self) -> list[int]:
        return [read_count(self)]

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} {self._words()}>"


#: the older name of :class:`Timer`
Timerfd = Timer
