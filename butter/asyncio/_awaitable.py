"""The base of the awaitables of asyncio: the loop watches the descriptor."""

# Some facts about a descriptor that a loop watches
#
# butter/asyncio/_queue.py says how tasks wait for events. The rules here are
# about an awaitable, the descriptor of the object under it, and the loop: each of
# the three may go before the others.
#
# 1. Closing removes the reader before the descriptor is closed. An epoll
#    instance watches open files, not numbers, and a loop that still knows the
#    number when another file gets it would never report an event of that.
#    All waiters are woken; each looks, and gets the ValueError of a closed
#    object.
#
# 2. The loop must not keep an object that the program has forgotten, or it
#    would never be closed. So the loop holds a Reader, which refers to the
#    awaitable weakly. But while a task waits, the loop has to hold it: a task
#    that waits for a socket is held by the loop through its future, and a
#    program may have no other reference. So the Reader holds the awaitable just as long
#    as there are waiters.
#
# 3. The collector may run the finaliser in any thread, and a loop is only for
#    its own thread. So the finaliser asks the loop, by call_soon_threadsafe, to
#    forget the number and to close the descriptor, in this order. If the loop
#    does not watch the number, or is closed, there is nothing to forget and the
#    number is closed at once. A loop that is closed before it runs the request
#    drops it, and the request (_LateClose) then closes the number when it is
#    collected. An awaitable in a cycle is collected together with its object,
#    whose own finaliser might come first and close the number while the loop
#    still knows it: so the object of an awaitable leaves the closing to that
#    (_in_queue).
#
# 4. A fork copies the loop's bookkeeping, but shares its epoll instance: a
#    child that removes "its" reader removes the parent's. So in the child the
#    awaitable only forgets its loop and its waiters. The events that were read
#    are the parent's, and are dropped.

from __future__ import annotations

import asyncio
import os
import sys
import warnings
import weakref
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Generic, TypeVar

from butter._awaitables._awaitable import AnyAwaitable
from butter._descriptor import Descriptor

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Source = TypeVar("Source", bound=Descriptor)


if sys.version_info >= (3, 11):
    WaitTimeout = TimeoutError
else:

    class WaitTimeout(TimeoutError, asyncio.TimeoutError):
        """The builtin TimeoutError and asyncio's in one, for either ``except``."""


class Reader:
    """The callback for a readable descriptor, and the only thing that the loop holds.

    While a task waits this holds the awaitable, and so the loop does: the task may not
    have another reference. At other times one that the program has forgotten can be
    collected.
    """

    __slots__ = ("forgettable", "waited_for")

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.forgettable = weakref.ref(awaitable)
        self.waited_for: Awaitable[Any] | None = None

    def __call__(self) -> None:
        awaitable = self.forgettable()
        if awaitable is not None:
            awaitable._readable()


def look_again(future: asyncio.Future[None]) -> None:
    """Wake the task that waits for *future*."""
    if not future.done():
        future.set_result(None)


class _LateClose:
    """Closes the descriptor of a forgotten awaitable, once its loop has forgotten it.

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


#: the longest delay of call_later() that every loop accepts
LONGEST_TIMER = 24 * 3600


class Awaitable(AnyAwaitable[Source], Generic[Source]):
    """An object of :mod:`butter` under an event loop of asyncio.

    ``async with``, and plain ``with``, close it. The object belongs to the thread of
    one event loop, the one that runs when it is first awaited; once that loop is closed
    another may take over.

    An object that the program forgets closes itself with a ResourceWarning. In a forked
    child the object belongs to no loop; a loop that the child makes may use it.
    """

    _timed_out = WaitTimeout

    # for the finaliser of an object whose __init__ did not come to its end
    _loop: asyncio.AbstractEventLoop | None = None
    _reading = False

    def __init__(self, source: Source) -> None:
        self._reader = Reader(self)
        super().__init__(source)

    def _unbind(self) -> None:
        super()._unbind()
        self._loop = None
        self._reader.waited_for = None
        self._reading = False

    def _ignore(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Warn that the argument *loop* does nothing, if there is one."""
        if loop is not None:
            message = "the loop argument does nothing: the running loop is used"
            try:
                warnings.warn(message, DeprecationWarning, stacklevel=3)
            except BaseException:
                self.close()
                raise

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(f"{self!r} belongs to another event loop")
            # tasks that waited in a closed loop never run again
            self._unbind()
            self._loop = loop
        return loop

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have *loop* call the reader when the descriptor is readable."""
        loop.add_reader(self._source.fileno(), self._reader)
        self._reading = True

    def _stop_watching(self) -> None:
        loop = self._loop
        if self._reading and loop is not None and not loop.is_closed():
            loop.remove_reader(self._source.fileno())
        self._reading = False

    def _readable(self) -> None:
        """Wake tasks; the loop calls this when the descriptor is readable."""
        raise NotImplementedError

    def _wake_all(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            for future in list(self._waiters.values()):
                look_again(future)

    def _when_forgotten(self, close: Callable[[int], object]) -> Callable[[int], object]:
        loop = self._loop if self._reading else None
        return close if loop is None else lambda fd: _LateClose(loop, fd).begin()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
