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
# 7. Closing removes the reader before the descriptor is closed. An epoll
#    instance watches open files, not numbers, and a loop that still knows the
#    number when another file gets it would never report an event of that.
#    All waiters are woken; each looks, and gets the ValueError of a closed
#    object.
#
# 8. The loop must not keep an object that the program has forgotten, or it
#    would never be closed. So the loop holds a _Reader, which refers to the
#    queue weakly. But while a task waits, the loop has to hold it: a task that
#    waits for a socket is held by the loop through its future, and a program
#    may have no other reference. So the _Reader holds the queue just as long
#    as there are waiters.
#
# 9. The collector may run the finaliser in any thread, and a loop is only for
#    its own thread. So the finaliser asks the loop, by call_soon_threadsafe, to
#    forget the number and to close the descriptor, in this order. If the loop
#    does not watch the number, or is closed, there is nothing to forget and the
#    number is closed at once. A loop that is closed before it runs the request
#    drops it, and the request (_LateClose) then closes the number when it is
#    collected. A queue in a cycle is collected together with its object, whose
#    own finaliser might come first and close the number while the loop still
#    knows it: so the object of a queue leaves the closing to the queue
#    (_in_queue).
#
# 10. A fork copies the loop's bookkeeping, but shares its epoll instance: a
#    child that removes "its" reader removes the parent's. So in the child the
#    queue only forgets its loop and its waiters. The events that were read are the
#    parent's, and are dropped.
#
# asyncio.Queue itself works by the same idea (its getters are woken to look
# again), but its items come from put(), in the loop's own thread, so most of
# the above does not arise there.

from __future__ import annotations

import asyncio
import functools
import os
import sys
import time
import warnings
import weakref
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._arguments import integer
from butter._descriptor import Descriptor, Owner, tell_of_forks
from butter.errors import NoMoreEvents
from butter.eventlike import deadline_of, timed_out

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Concatenate, ParamSpec, Self

    from butter._arguments import FileDescriptor
    from butter.eventlike import Eventlike

    P = ParamSpec("P")
    R = TypeVar("R")

Source = TypeVar("Source", bound="Eventlike[Any]")
Event = TypeVar("Event")


def forward(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method that calls *method* of the object under the queue.

    It has the same arguments and documentation.
    """

    @functools.wraps(method)
    def forwarded(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self._source, *args, **kwargs)

    return forwarded


def old_name() -> Any:
    """Return a property for the object under the queue, under its name in butter 0.13.

    Tests of other programs set it.
    """
    return property(lambda self: self._source, lambda self, source: setattr(self, "_source", source))


if sys.version_info >= (3, 11):
    WaitTimeout = TimeoutError
else:

    class WaitTimeout(TimeoutError, asyncio.TimeoutError):
        """The builtin TimeoutError and asyncio's in one, for either ``except``."""


class _Reader:
    """The callback for a readable descriptor, and the only thing that the loop holds.

    While a task waits this holds the queue, and so the loop does: the task may not have
    another reference. At other times a queue that the program has forgotten can be
    collected.
    """

    __slots__ = ("forgettable", "waited_for")

    def __init__(self, queue: EventQueue[Any, Any]) -> None:
        self.forgettable = weakref.ref(queue)
        self.waited_for: EventQueue[Any, Any] | None = None

    def __call__(self) -> None:
        queue = self.forgettable()
        if queue is not None:
            queue._readable()


def _look_again(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _LateClose:
    """Closes the descriptor of a forgotten queue, once its loop has forgotten it.

    The loop may be closed without calling this. Then it drops it, and the number is
    closed all the same.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop, self._fd = loop, fd

    def begin(self) -> None:
        # the collector runs in any thread, and the loop is told in its own
        try:
            self._loop.call_soon_threadsafe(self)
        except RuntimeError:  # the loop is closed
            self.close()

    def __call__(self) -> None:
        self._loop.remove_reader(self._fd)
        self.close()

    def close(self, close: Any = os.close) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            close(fd)

    __del__ = close


# the longest delay of call_later() that every loop accepts
_LONGEST_TIMER = 24 * 3600


class EventQueue(Owner, Generic[Source, Event]):
    """The base of each ``…_async`` object, which works like an :class:`asyncio.Queue`.

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

    #: the class of the object under the queue
    _source_class: type[Source]

    # for the finaliser of an object whose __init__ did not come to its end
    _loop: asyncio.AbstractEventLoop | None = None
    _reading = False

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        # this owns the source from here on, even if the warning is an error
        try:
            self._maxsize = integer(maxsize, -64, "maxsize")
            if loop is not None:
                message = "the loop argument does nothing: the running loop is used"
                warnings.warn(message, DeprecationWarning, stacklevel=3)
        except BaseException:
            source.close()
            raise
        self._source = source
        source._in_queue = True
        self._batch: deque[Event] = source._batch
        # the place of each waiter, in order, and the future that wakes the waiter now
        self._waiters: dict[asyncio.Future[None], asyncio.Future[None]] = {}
        self._reader = _Reader(self)
        self._unbind()
        tell_of_forks(self)

    def _unbind(self) -> None:
        """Belong to no loop."""
        self._loop = None
        self._waiters.clear()
        self._reader.waited_for = None
        self._reading = False
        self._must_read_first = False  # the last waiter may have left without an event
        self._idle = False  # the last call of the reader found no waiter

    @classmethod
    def adopt(cls, source: FileDescriptor | Source, *, maxsize: int = 0) -> Self:
        """Return an awaitable for a descriptor that exists already.

        *source* is an int, anything with ``fileno()``, or an object such as
        :class:`butter.eventfd.Eventfd` with the events that it has read already. The
        returned object owns it and closes it. Another awaitable is left closed by this
        call. The descriptor becomes non-blocking, also for other processes that share
        it.

        Raises InvalidArgument for a descriptor of another kind, and ValueError for an
        awaitable that tasks are waiting for; *source* is then unchanged, and still the
        caller's. Where ``/proc`` is not mounted the kind is not checked.
        """
        maxsize = integer(maxsize, -64, "maxsize")
        kind = cls._source_class
        owned = source if isinstance(source, kind) and source._give_up() is source else kind.adopt(source)
        os.set_blocking(owned.fileno(), False)
        self = cls.__new__(cls)
        EventQueue.__init__(self, owned, maxsize=maxsize)
        return self

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
                    loop.add_reader(self._source.fileno(), self._reader)
                    self._reading = True
                self._reader.waited_for = self
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        # one look, as the wait of an object takes
                        if next(iter(waiters), None) is place and (batch or self._read()):
                            self._must_read_first = False
                            return batch.popleft()
                        raise timed_out(WaitTimeout, timeout)
                    timer = loop.call_later(min(left, _LONGEST_TIMER), _look_again, future)
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

    async def read_events(self) -> list[Event]:
        """Return all events of one read, waiting for the first as :meth:`get` does."""
        batch = self._batch
        events = [await self.get()]
        while batch:
            events.append(batch.popleft())
        return events

    def get_nowait(self) -> Event:
        """Return the next event without waiting.

        Raises :exc:`asyncio.QueueEmpty` if there is none, ValueError if the object is
        closed.
        """
        if not self._batch and self.empty():
            raise asyncio.QueueEmpty
        return self._batch.popleft()

    get_event_nowait = get_nowait

    def qsize(self) -> int:
        """How many events were read from the kernel and not yet taken.

        The kernel may hold more.
        """
        return len(self._batch)

    def empty(self) -> bool:
        """Whether ``get_nowait`` would raise QueueEmpty.

        Looks into the kernel. Raises ValueError if the object is closed.
        """
        if self._batch:
            return False
        try:
            if not self._read():
                return True
        except NoMoreEvents:
            return True
        # no other call tells the waiters about the events that this read
        self._wake()
        return False

    def full(self) -> bool:
        """Whether ``qsize()`` has reached ``maxsize``; never if that is 0."""
        return 0 < self._maxsize <= self.qsize()

    @property
    def maxsize(self) -> int:
        """How many events count as full, 0 for no limit."""
        return self._maxsize

    def fileno(self) -> int:
        """The number of the descriptor, to look at; close it only through this object.

        Raises ValueError if the object is closed.
        """
        return self._source.fileno()

    def closed(self) -> bool:
        """Whether the object is closed."""
        return self._source.closed()

    def close(self) -> None:
        """Close the object: every waiter gets a ValueError, and ``async for`` ends.

        A second close does nothing. (The objects of :mod:`butter` raise instead.)
        """
        if self._source.closed():
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            self._source.close()
            return
        # The loop has to forget the number before another file gets it: otherwise it
        # would never report an event of that file.
        if self._reading:
            loop.remove_reader(self._source.fileno())
            self._reading = False
        try:
            self._source.close()
        except ValueError:
            # a signal handler may have closed it meanwhile
            if not self._source.closed():
                raise
        for future in list(self._waiters.values()):
            _look_again(future)

    def _give_up(self) -> Descriptor:
        if self._waiters:
            raise ValueError(f"{self!r} is in use: tasks are waiting for its events")
        source, loop = self._source, self._loop
        if self._reading and loop is not None and not loop.is_closed():
            loop.remove_reader(source.fileno())
        self._unbind()
        source._in_queue = False
        # a closed object stays here
        self._source = type(source).__new__(type(source))
        self._batch = self._source._batch
        return source

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        source: Any = getattr(self, "_source", None)
        fd = getattr(source, "_fd", None)
        if fd is not None and fd == source._opened:
            loop = self._loop if self._reading else None
            source._forgotten(fd, self, warn, close if loop is None else lambda fd: _LateClose(loop, fd).begin())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        # the short way through get, for less than half its cost
        if self._batch and not self._waiters:
            return self._batch.popleft()
        try:
            return await self.get()
        except NoMoreEvents:
            raise StopAsyncIteration from None
        except ValueError:
            if self._source.closed():
                raise StopAsyncIteration from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        self.__exit__(*error)

    def __repr__(self) -> str:
        fd = self._source._fd
        return f"<{type(self).__name__} fd={'closed' if fd is None else fd}>"

    __reduce_ex__ = Descriptor.__reduce_ex__

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(f"{self!r} belongs to another event loop")
            # tasks that waited in a closed loop never run again
            self._unbind()
            self._loop = loop
        return loop

    def _read(self) -> bool:
        """Make one read into an empty batch, and return whether it returned events.

        Raises ValueError if the object is closed.
        """
        try:
            self._batch.extend(self._source._read_events())
        except BlockingIOError:
            return False
        except BaseException:
            # the events may wait in the source, where the loop does not see them
            self._must_read_first = True
            raise
        return bool(self._batch)

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
            _look_again(future)
            return
        if not self._idle:
            # asyncio's own loop polls between a wake and the read, and then
            # calls once more for the event that was just taken
            self._idle = True
        elif self._loop is not None:
            self._loop.remove_reader(self._source.fileno())
            self._reading = False

    def _wake(self) -> None:
        for future in self._waiters.values():
            if not future.get_loop().is_closed():
                _look_again(future)
            return

    def _after_fork(self) -> None:
        # The loop and its epoll descriptor are the parent's, and the child must not
        # touch them. The source drops the batch by itself.
        self._unbind()
