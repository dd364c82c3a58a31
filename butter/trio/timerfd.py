"""Timers under trio; see :mod:`butter.timerfd`."""

from __future__ import annotations

from butter._awaitables.timerfd import AnyTimerfd
from butter.timerfd import Timer
from butter.trio._queue import EventQueue

__all__ = ["Timerfd_async"]


class Timerfd_async(AnyTimerfd, EventQueue[Timer, int]):
    """``Timerfd_async(clock_type=CLOCK_MONOTONIC, flags=0, *, maxsize=0)``: a queue.

    An event is how often the timer has expired since the last one. ::

        async for ticks in Timerfd_async().every(seconds=1):
            print(ticks)

    The arguments and methods are those of
    :class:`butter.asyncio.timerfd.Timerfd_async`.
    """
