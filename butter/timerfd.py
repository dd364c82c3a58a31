"""Timers that can be waited for: objects and calls for :manpage:`timerfd_create(2)`."""

from __future__ import annotations

import errno
from struct import error as StructError
from typing import TYPE_CHECKING

from butter._constants import timerfd as _constants
from butter._constants.timerfd import *  # noqa: F403
from butter._constants.timerfd import CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET
from butter._timerfd import (
    LEAST_ERRNO,
    SETTABLE_CLOCKS,
    SETTIME,
    Setting,
    TimePair,
    TimerVal,
    arm_timer,
    get_timer,
    nanoseconds,
    packed,
    read_count,
    timer_before,
    timerfd,
    timerfd_gettime,
    timerfd_settime,
)
from butter.eventlike import Eventlike

if TYPE_CHECKING:
    from typing import Any

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


# what fails and arms the timer all the same
_ARMED = (-errno.ECANCELED,)

# a setting that is nobody's
_NOT_GIVEN: Any = (None, 0, object(), b"")


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

    _kind = "a timerfd"
    _link = "anon_inode:[timerfd]"

    _clock: int = CLOCK_MONOTONIC
    # The last setting as C takes it, for which one pointer is cheaper than four numbers,
    # beside the words it came from (None if they were absolute), its period and its
    # descriptor. C says whether the kernel still has that period, so others may set the timer.
    _given: tuple[tuple[int | None, int] | None, int, int | None, bytes]

    def _init_state(self) -> None:
        super()._init_state()
        self._times = None, 0
        self._given = _NOT_GIVEN

    def __init__(self, clock_type: int = CLOCK_MONOTONIC, flags: int = 0, closefd: bool = True) -> None:
        super().__init__(timerfd(clock_type, flags, closefd))
        self._clock = int(clock_type)

    def get_current(self) -> TimerVal:
        """The time that is left until the timer expires, and its period, as a :class:`TimerVal`.

        Not enabled if the timer is not armed. Raises ValueError if the object is closed.
        """
        _, period, fd, setting = self._given
        # another number, or none, and what C does not answer are for the call that knows the errors
        if fd is self._fd:
            left = get_timer(setting)
            if left:
                current: Setting = Setting()
                current._left = left
                current._period = period
                return current
        return timerfd_gettime(self.fileno())

    def update(self, absolute: bool = False, cancel_on_set: bool = False) -> TimerVal:
        """Arm the timer as the words said, or stop it, and return its setting until now as a :class:`TimerVal`.

        *absolute* makes the first expiration a time on the clock, for CLOCK_REALTIME in seconds since 1970. If that is
        past the timer expires at once, and counts every period since. *cancel_on_set* says that reads, and the next
        update, shall fail with ECANCELED after someone sets the time of day: the timer stays armed, so read the clock
        and update again. Expirations that nobody read are gone.

        Raises ValueError if the object is closed, or for *cancel_on_set* without *absolute* or on a clock that cannot
        be set; PermissionError; OSError (ECANCELED).
        """
        times, period, fd, setting = self._given
        flags = 0
        # each "is" is enough, because what is only equal takes the longer way
        if absolute or cancel_on_set or times is not self._times or fd is not self._fd:
            if absolute or cancel_on_set:
                # the kernel ignores the second flag in these cases
                if cancel_on_set and not (absolute and self._clock in SETTABLE_CLOCKS):
                    raise ValueError("cancel_on_set needs absolute=True and CLOCK_REALTIME or CLOCK_REALTIME_ALARM")
                flags = TFD_TIMER_ABSTIME | (TFD_TIMER_CANCEL_ON_SET if cancel_on_set else 0)
            fd, times = self._fd, self._times
            if fd is None or fd != self._opened:
                return self._settime(flags)
            first, period = times
            try:
                setting = packed(fd, flags, period if first is None else first, period)
            except StructError:
                # more nanoseconds than 64 bits hold, which the kernel takes for "never"
                return self._settime(flags)
            # a handler may have closed the object, and the number be another timer's
            if fd is not self._fd:
                return self._settime(flags)
            self._given = (None if flags else times), period, fd, setting
        left = arm_timer(setting)
        if left < 0 or self._batch:
            failed = LEAST_ERRNO <= left < 0
            if not failed or left in _ARMED:
                self._batch.clear()
            if failed:
                SETTIME.fail(-left, fd=fd, flags=flags, spec=None, clock_type=self._clock)
            if left < 0:
                before = timer_before(left)
                left, period = before.first, before.period
        old: Setting = Setting()
        old._left = left
        old._period = period
        return old

    def _settime(self, flags: int) -> TimerVal:
        """What ``update`` does, in three times the time, for all settings and descriptors."""
        try:
            old = timerfd_settime(self.fileno(), self, flags)
        except OSError as error:
            if -(error.errno or 0) in _ARMED:
                self._batch.clear()
            raise
        self._batch.clear()
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
