"""The one awaitable: events of a descriptor as an :class:`asyncio.Queue` gives items, read side only."""

from __future__ import annotations

import asyncio
import functools
import warnings
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._arguments import integer
from butter._descriptor import Descriptor, tell_of_forks

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Concatenate, ParamSpec, Self

    from butter.eventlike import Eventlike

    P = ParamSpec("P")
    R = TypeVar("R")

Source = TypeVar("Source", bound="Eventlike[Any]")
Event = TypeVar("Event")


def forward(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method that calls *method* of the object under the queue, with the same arguments and documentation."""

    @functools.wraps(method)
    def forwarded(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self._source, *args, **kwargs)

    return forwarded


def old_name() -> Any:
    """The name that the object under the queue had in butter 0.13: tests of other people set it."""
    return property(lambda self: self._source, lambda self, source: setattr(self, "_source", source))


class EventQueue(Generic[Source, Event]):
    """What every ``…_async`` object is: an :class:`asyncio.Queue` whose items come from the kernel.

    ``async for`` gives events until the object is closed, ``async with`` closes it. Cancelling a waiter, or
    :func:`asyncio.wait_for`, loses no event. Several tasks may wait: first come, first served. All of it belongs to
    the thread of one event loop, the one that runs when it is first awaited; once that loop is closed another may
    take over. In a forked child it is closed.

    *maxsize* only says when ``full()`` is true, and reading stops: the events behind wait in the kernel. *loop* does
    nothing and is deprecated.
    """

    # How it works: a waiter's future means "look again" and never carries an
    # event, so there is nothing to lose with it. Only the first waiter is ever
    # woken; it reads, and when it leaves, in whatever way, it wakes the next if
    # events are left. The reader stays with the loop while there are waiters
    # and for two calls more, so that steady use costs no epoll_ctl.

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        # this owns the source from here on, also where a warning is an error
        try:
            self._maxsize = integer(maxsize, -64, "maxsize")
            if loop is not None:
                message = "the loop argument does nothing: the running loop is used"
                warnings.warn(message, DeprecationWarning, stacklevel=3)
        except BaseException:
            source.close()
            raise
        self._source = source
        self._batch: deque[Event] = source._batch
        self._loop: asyncio.AbstractEventLoop | None = None
        # the place of each waiter, in their order, and the future that wakes it
        self._waiters: dict[asyncio.Future[None], asyncio.Future[None]] = {}
        self._reading = False
        self._unserved = False  # the last waiter may have left without an event
        self._unwanted = False  # the reader was called without a waiter, and not with one since
        tell_of_forks(self)

    async def get(self) -> Event:
        """The next event, waiting for it. Raises ValueError if the object is closed, also while this waits."""
        batch, waiters, loop = self._batch, self._waiters, self._loop
        # Which loop runs is a system call to ask before Python 3.12. Who is going to
        # wait need not: asyncio refuses the future of another loop.
        if batch or waiters or self._unserved or not self._reading or loop is None or not loop.is_running():
            loop = self._bind()
            # Who was cancelled before the loop looked at the descriptor may come again
            # and again, as asyncio.timeout(0) does: the reader alone would never serve it.
            if not waiters and (batch or ((self._unserved or not self._reading) and self._read())):
                return batch.popleft()
        self._unserved = True
        place = future = loop.create_future()
        try:
            while True:
                # setting a key anew keeps its place in the order
                waiters[place] = future
                if not self._reading:
                    loop.add_reader(self._source.fileno(), self._readable)
                    self._reading = True
                await future
                if batch or self._read():
                    self._unserved = False
                    return batch.popleft()
                future = loop.create_future()
        except RuntimeError:
            self._bind()  # which says it better if this is the wrong loop
            raise
        finally:
            waiters.pop(place, None)
            if batch:
                self._wake()

    wait = get_event = get

    def get_nowait(self) -> Event:
        """The next event. Raises :exc:`asyncio.QueueEmpty` if there is none, ValueError if the object is closed."""
        if not self._batch and self.empty():
            raise asyncio.QueueEmpty
        return self._batch.popleft()

    get_event_nowait = get_nowait

    def qsize(self) -> int:
        """How many events were read from the kernel and not yet taken; the kernel may hold more."""
        return len(self._batch)

    def empty(self) -> bool:
        """Whether ``get_nowait`` would raise QueueEmpty. Looks into the kernel; ValueError if the object is closed."""
        if self._batch:
            return False
        if not self._read():
            return True
        # nobody else tells the waiters of what this has read
        self._wake()
        return False

    def full(self) -> bool:
        """Whether ``qsize()`` has reached ``maxsize``; never if that is 0."""
        return 0 < self._maxsize <= self.qsize()

    @property
    def maxsize(self) -> int:
        """How many events count as full, 0 for none."""
        return self._maxsize

    def fileno(self) -> int:
        """The number of the descriptor, to look at; close it through this object alone. ValueError if it is closed."""
        return self._source.fileno()

    def closed(self) -> bool:
        """Whether the object is closed."""
        return self._source.closed()

    def close(self) -> None:
        """Close the object: whoever waits gets a ValueError, and ``async for`` ends. A second close does nothing."""
        if self._source.closed():
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            self._source.close()
            return
        # The loop has to forget the number before the kernel gives it to
        # someone else: it would never report an event of theirs.
        if self._reading:
            loop.remove_reader(self._source.fileno())
            self._reading = False
        try:
            self._source.close()
        except ValueError:
            # unless a signal handler has closed it meanwhile
            if not self._source.closed():
                raise
        for future in list(self._waiters.values()):
            if not future.done():
                future.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        # the short way through get, for less than half its cost
        if self._batch and not self._waiters:
            return self._batch.popleft()
        try:
            return await self.get()
        except ValueError:
            if self._source.closed():
                raise StopAsyncIteration from None
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        fd = self._source._fd
        return f"<{type(self).__name__} fd={'closed' if fd is None else fd}>"

    __reduce_ex__ = Descriptor.__reduce_ex__

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(f"{self!r} belongs to another event loop")
            # whoever waited in a closed loop waits for ever
            self._loop = loop
            self._reading = False
            self._waiters.clear()
        return loop

    def _read(self) -> bool:
        """Whether one read, into an empty batch, gave events; ValueError if the object is closed."""
        try:
            self._batch.extend(self._source._read_events())
        except BlockingIOError:
            return False
        return bool(self._batch)

    def _readable(self) -> None:
        for future in self._waiters.values():
            self._unwanted = False
            if not future.done():
                future.set_result(None)
            return
        if not self._unwanted:
            # asyncio's own loop polls between a wake and the read, and then
            # calls once more for the event that was just taken
            self._unwanted = True
        elif self._loop is not None:
            self._loop.remove_reader(self._source.fileno())
            self._reading = False

    def _wake(self) -> None:
        for future in self._waiters.values():
            if not future.done() and not future.get_loop().is_closed():
                future.set_result(None)
            return

    def _after_fork(self) -> None:
        # The loop and its epoll descriptor are the parent's: closing the
        # number is all that a child may do.
        self._reading = False
        self._loop = None
        self._waiters.clear()
        if not self._source.closed():
            self._source.close()
