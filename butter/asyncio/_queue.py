"""The one awaitable: an :class:`asyncio.Queue`, for reading, that the kernel fills."""

# Some facts about waiting for events in an event loop
#
# A task waits for a future. The obvious way to hand it an event is
# future.set_result(event), in the callback that the loop runs when the
# descriptor is readable. That loses events. Between set_result() and the
# moment when the task runs, the task may be cancelled, or its wait_for() may
# run out of time; the future then has a result that no task takes. butter 0.13
# did so, and lost a signal now and then. Putting the event back does not
# help: by then others may have been delivered, and the order is wrong.
#
# So a future here never carries an event. It means "look again". The task
# that wakes up looks for itself, and between finding an event and returning
# it there is no await, so nothing can come between. Cancelling a waiter, at
# any moment, costs nothing but a look. The rules that follow from this:
#
# 1. get() takes an event that was read already, if no other task waits; else
#    it reads once, without waiting, if no reader is with the loop; else it
#    queues up. A newcomer never overtakes.
#
# 2. For an event only the first waiter is woken. Waking all would have each of them
#    look (and all but one find nothing); waking any other than the first
#    would let it overtake. A woken waiter that finds nothing keeps its place:
#    the dict of waiters maps a place to the future that wakes it now, and
#    setting a key anew keeps its order.
#
# 3. A waiter that leaves, with an event, cancelled, or with an error, takes
#    its place out and wakes the next one if events are left, or if none can
#    come any more (each waiter then raises NoMoreEvents). Otherwise a batch
#    of three would serve one task and leave two waiting beside it.
#
# 4. The reader callback reads nothing. It wakes the first waiter, and if
#    there is none it counts: at the second call without a waiter it removes
#    itself from the loop. Removing it at once would cost two epoll_ctl for
#    every event of a task that works a little between two gets. The first
#    such call proves nothing: asyncio's own loop polls between the wake and
#    the read, and so calls once more for the event that is just being taken.
#
# 5. A task that is always cancelled before the loop polls, as `async with
#    asyncio.timeout(0)` does, would never be served by the reader. So after
#    a waiter has left without an event the next get() reads once by itself.
#
# 6. A waiter with a timeout has a timer beside it that sets the same future.
#    When its time is over the first waiter looks once more. Any other waiter
#    must not look, because it would overtake. Without an event the waiter
#    raises TimeoutError.
#
# butter/asyncio/_awaitable.py has the rules about the object, its descriptor and
# the loop.
#
# asyncio.Queue itself works by the same idea (its getters are woken to look
# again), but its items come from put(), in the loop's own thread, so most of
# the above does not arise there.

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._awaitables._queue import AnyQueue
from butter.asyncio._awaitable import LONGEST_TIMER, Awaitable, WaitTimeout, look_again
from butter.eventlike import deadline_of, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter.eventlike import Eventlike

Source = TypeVar("Source", bound="Eventlike[Any]")
Event = TypeVar("Event")


class EventQueue(AnyQueue[Source, Event], Awaitable[Source], Generic[Source, Event]):
    """The base of each ``…_async`` queue, which works like an :class:`asyncio.Queue`.

    ``async for`` returns events until the object is closed, or until no event can come
    any more; ``async with``, and plain ``with``, close it. Cancelling a waiter, or
    :func:`asyncio.wait_for`, loses no event. If several tasks wait, they are served in
    the order in which they came. The object belongs to the thread of one event loop,
    the one that runs when it is first awaited; once that loop is closed another may
    take over.

    An object that the program forgets closes itself with a ResourceWarning. In a forked
    child the object belongs to no loop, and has none of the events that the parent had
    read; a loop that the child makes may use it.

    *maxsize* decides only what ``full()`` returns. It does not limit a read, so
    ``qsize()`` may be larger. *loop* does nothing and is deprecated.
    """

    _nothing = asyncio.QueueEmpty
    _at_once = True

    def _unbind(self) -> None:
        super()._unbind()
        self._must_read_first = False  # the last waiter may have left without an event
        self._idle = False  # the last call of the reader found no waiter

    async def get(self, timeout: float | None = None) -> Event:
        """Return the next event, waiting for it at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever.

        Raises TimeoutError, which is the builtin and asyncio's on every Python, when no
        event came in time; ValueError for a negative timeout, and if the object is
        closed, also during the wait; NoMoreEvents where no event can come any more;
        RuntimeError if the object belongs to another event loop that is not closed.
        """
        batch, waiters, loop = self._batch, self._waiters, self._loop
        deadline = None if timeout is None else deadline_of(timeout)
        # Before Python 3.12 asking which loop runs costs a system call. A caller that
        # is going to wait need not ask: asyncio refuses the future of another loop.
        if batch or waiters or self._must_read_first or not self._reading or loop is None or not loop.is_running():
            loop = self._bind()
            # A task that keeps being cancelled before the loop polls, as by
            # asyncio.timeout(0), would never be served by the reader: read once here.
            if not waiters and (batch or ((self._must_read_first or not self._reading) and self._read())):
                return batch.popleft()
        self._source._check_more()
        self._must_read_first = True
        place = future = loop.create_future()
        timer = None
        try:
            while True:
                # setting a key anew keeps its place in the order
                waiters[place] = future
                if not self._reading:
                    self._watch(loop)
                self._reader.waited_for = self
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        # one look, as the wait of an object takes
                        if next(iter(waiters), None) is place and (batch or self._read()):
                            self._must_read_first = False
                            return batch.popleft()
                        raise timed_out(WaitTimeout, timeout)
                    timer = loop.call_later(min(left, LONGEST_TIMER), look_again, future)
                await future
                if timer is not None:
                    timer.cancel()
                    # its time may be over although it is not the first
                    if not self._source.closed() and next(iter(waiters), None) is not place:
                        future = loop.create_future()
                        continue
                if batch or self._read():
                    self._must_read_first = False
                    return batch.popleft()
                future = loop.create_future()
        except RuntimeError:
            self._bind()  # raises a clearer error if this is the wrong loop
            raise
        finally:
            waiters.pop(place, None)
            if timer is not None:
                timer.cancel()
            if not waiters:
                self._reader.waited_for = None
            elif self._source.pending or self._ended():
                self._wake()

    wait = get_event = get

    def _ended(self) -> bool:
        """Return whether a wait would raise, because no event can come any more."""
        try:
            self._source._check_more()
        except Exception:
            return True
        return False

    def _readable(self) -> None:
        for future in self._waiters.values():
            self._idle = False
            look_again(future)
            return
        if not self._idle:
            # asyncio's own loop polls between a wake and the read, and then
            # calls once more for the event that was just taken
            self._idle = True
        else:
            self._stop_watching()

    def _wake(self) -> None:
        for future in self._waiters.values():
            if not future.get_loop().is_closed():
                look_again(future)
            return

    def _later(self) -> Callable[..., object]:
        return self._bind().call_later
