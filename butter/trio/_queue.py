"""The one awaitable of events under trio, beside butter/asyncio/_queue.py."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from butter._awaitables._queue import AnyQueue
from butter.eventlike import timed_out
from butter.trio._awaitable import Awaitable, WaitTimeout, end_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter.eventlike import Eventlike

Source = TypeVar("Source", bound="Eventlike[Any]")
Event = TypeVar("Event")


def _call_later(seconds: float, function: Callable[..., object], *arguments: Any) -> None:
    """Call *function* after so many seconds, unless the run of trio ends before."""

    async def later() -> None:
        await trio.sleep(seconds)
        function(*arguments)

    trio.lowlevel.spawn_system_task(later)


class EventQueue(AnyQueue[Source, Event], Awaitable[Source], Generic[Source, Event]):
    """The base of each ``…_async`` queue of :mod:`butter.trio`.

    ``async for`` returns events until the object is closed, or until no event can come
    any more; ``async with``, and plain ``with``, close it. Cancelling a task that waits
    loses no event. If several tasks wait, they are served in the order in which they
    came. Each method that is awaited is a checkpoint.

    While tasks wait, the object belongs to the ``trio.run()`` of these tasks; the next
    one may use it after them. An object that the program forgets closes itself with a
    ResourceWarning. In a forked child the object has neither waiters nor the events
    that the parent had read.

    *maxsize* decides only what ``full()`` returns. It does not limit a read, so
    ``qsize()`` may be larger.
    """

    _nothing = trio.WouldBlock

    @trio.lowlevel.enable_ki_protection
    async def get(self, timeout: float | None = None) -> Event:
        """Return the next event, waiting for it at most *timeout* seconds.

        *timeout* is an int or float, of the clock of trio; None waits for ever. A
        cancel scope, as ``trio.move_on_after`` makes, does the same.

        Raises TimeoutError, which is ``trio.TooSlowError`` too, when no event came in
        time; ``trio.ClosedResourceError``, which is a ValueError, if the object is
        closed, also during the wait; ValueError for a negative timeout; NoMoreEvents
        where no event can come any more; RuntimeError if tasks of another
        ``trio.run()`` wait for the object; ``trio.BusyResourceError`` if a task waits
        for the descriptor by ``trio.lowlevel.wait_readable``.
        """
        deadline = end_of(timeout)
        await trio.lowlevel.checkpoint_if_cancelled()
        self._bind()
        self._check_open()
        batch, waiters = self._batch, self._waiters
        if not waiters and (batch or self._read()):
            event = batch.popleft()
            # not cancelled, as the event would be lost
            await trio.lowlevel.cancel_shielded_checkpoint()
            return event
        self._source._check_more()
        place = object()
        try:
            while True:
                await self._wait_in_line(place, deadline)
                self._check_open()
                if self._is_first(place) and (batch or self._read()):
                    return batch.popleft()
                if deadline < inf and trio.current_time() >= deadline:
                    raise timed_out(WaitTimeout, timeout)
        finally:
            self._leave_line(place)

    wait = get_event = get

    def _later(self) -> Callable[..., object]:
        self._bind()
        return _call_later
