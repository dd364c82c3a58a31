"""Timers in an asyncio program; see :mod:`butter.timerfd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.timerfd import AnyTimerfd
from butter.asyncio._queue import EventQueue
from butter.timerfd import CLOCK_MONOTONIC, Timer

if TYPE_CHECKING:
    import asyncio

__all__ = ["Timerfd_async"]


class Timerfd_async(AnyTimerfd, EventQueue[Timer, int]):
    """``Timerfd_async(clock_type=CLOCK_MONOTONIC, flags=0, *, maxsize=0)``: a queue.

    It works like an :class:`asyncio.Queue` of a timer. An event is how often it has
    expired since the last one, 1 unless the program came late. The words ``every``,
    ``after`` and ``disable`` are those of :class:`butter.timerfd.TimerVal`, but here
    each arms the timer at once, so a heartbeat has two lines::

        async for ticks in Timerfd_async().every(seconds=1):
            print(ticks)

    For a time on the clock ``update(absolute=True)`` follows the words. Each word arms
    the timer too, with a delay that is far too long, until ``update`` arms it again
    with the right one::

        timer = Timerfd_async(CLOCK_REALTIME).after(midnight).every(timedelta(days=1))
        timer.update(absolute=True, cancel_on_set=True)

    *clock_type* is one of TimerfdClock, *flags* are TimerfdInit's, and ``TFD_NONBLOCK``
    is added.

    Raises what :class:`butter.timerfd.Timer` does.
    """

    def __init__(
        self,
        clock_type: int = CLOCK_MONOTONIC,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(clock_type, flags, maxsize=maxsize)
        self._ignore(loop)
