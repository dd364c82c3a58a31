"""The one awaitable of events, as far as it does not depend on the event loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._arguments import integer
from butter._awaitables._awaitable import AnyAwaitable
from butter.errors import NoMoreEvents

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

    from butter._arguments import FileDescriptor
    from butter._descriptor import Descriptor
    from butter.eventlike import Eventlike

Source = TypeVar("Source", bound="Eventlike[Any]")
Event = TypeVar("Event")


class AnyQueue(AnyAwaitable[Source], Generic[Source, Event]):
    """A queue, for reading, that the kernel fills, under whichever event loop."""

    #: the error of get_nowait where there is no event
    _nothing: type[Exception]
    #: whether ``async for`` may return an event without a turn of the loop
    _at_once = False
    # Whether a get must read before it waits, since the events may be in the source,
    # where the loop does not see them. It is for a loop that watches the descriptor
    # between two waits, too.
    _must_read_first = False

    def __init__(self, source: Source, maxsize: int = 0) -> None:
        # this owns the source from here on, even if maxsize is wrong
        try:
            self._maxsize = integer(maxsize, -64, "maxsize")
        except BaseException:
            source.close()
            raise
        self._batch: deque[Event] = source._batch
        super().__init__(source)

    # the loop's base replaces these

    async def get(self, timeout: float | None = None) -> Event:
        """Return the next event, waiting for it at most *timeout* seconds."""
        raise NotImplementedError

    def _later(self) -> Callable[..., object]:
        """Return a function that the loop has for a call after so many seconds.

        Raises RuntimeError where no loop runs.
        """
        raise NotImplementedError

    # the same under each loop

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
        owned = cls._owned(source)
        os.set_blocking(owned.fileno(), False)
        self = cls.__new__(cls)
        AnyQueue.__init__(self, owned, maxsize=maxsize)
        return self

    async def read_events(self) -> list[Event]:
        """Return all events of one read, waiting for the first as ``get`` does."""
        batch = self._batch
        events = [await self.get()]
        while batch:
            events.append(batch.popleft())
        return events

    def get_nowait(self) -> Event:
        """Return the next event without waiting.

        Raises :exc:`asyncio.QueueEmpty`, or under trio ``trio.WouldBlock``, if there is
        none, ValueError if the object is closed.
        """
        if not self._batch and self.empty():
            raise self._nothing
        return self._batch.popleft()

    get_event_nowait = get_nowait

    def qsize(self) -> int:
        """How many events were read from the kernel and not yet taken.

        The kernel may hold more.
        """
        return len(self._batch)

    def empty(self) -> bool:
        """Whether ``get_nowait`` would find no event.

        Looks into the kernel. Raises ValueError if the object is closed.
        """
        if self._batch:
            return False
        self._check_open()
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

    def _give_up(self) -> Descriptor:
        source = super()._give_up()
        self._batch = self._source._batch
        return source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        # the short way through get, for less than half its cost
        if self._batch and self._at_once and not self._waiters:
            return self._batch.popleft()
        try:
            return await self.get()
        except NoMoreEvents:
            raise StopAsyncIteration from None
        except ValueError:
            if self._source.closed():
                raise StopAsyncIteration from None
            raise

    def _read(self) -> bool:
        """Make one read into an empty batch, and return whether it returned events.

        Raises ValueError if the object is closed.
        """
        try:
            self._batch.extend(self._source._read_events())
        except BlockingIOError:
            return False
        except BaseException:
            self._must_read_first = True
            raise
        return bool(self._batch)
