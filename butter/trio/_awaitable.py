"""The base of the awaitables of trio: tasks in a line, the first of which watches."""

# Some facts about waiting under trio
#
# trio lets one task at a time wait for a descriptor: a second one gets a
# BusyResourceError. But several tasks may wait for the events of an object. So they
# stand in a line, the dict of waiters. The first one watches the descriptor, and
# the others sleep. The rules that follow from this:
#
# 1. Each waits in a cancel scope of its own, and cancelling that scope means "look
#    again". It never carries an event: between finding an event and returning it
#    there is no await at which trio could cancel the task, so a task that is
#    cancelled, at any moment, has taken nothing. A wait whose time is over ends by
#    the deadline of the same scope.
#
# 2. A waiter that looks in vain waits again in its old place: setting a key of the
#    dict anew keeps its order. A newcomer stands behind all that wait.
#
# 3. The first waiter that leaves, with an event, cancelled, or with an error, wakes
#    the next, which looks, and then watches the descriptor in its turn.
#
# 4. The descriptor is watched only while a task waits. So trio holds an object, by
#    the task, just as long as a task waits for it, and the finaliser of a forgotten
#    object has nothing to tell to trio.
#
# 5. Closing tells trio first (notify_closing), and closes then: trio's epoll
#    instance watches open files, and not numbers. In a forked child that epoll
#    instance is the parent's. So the child's object forgets the run of trio that it
#    belonged to, and tells it nothing.

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from butter._awaitables._awaitable import AnyAwaitable
from butter._descriptor import Descriptor, closed_error
from butter.eventlike import deadline_of

if TYPE_CHECKING:
    from typing import Any

Source = TypeVar("Source", bound=Descriptor)


class WaitTimeout(TimeoutError, trio.TooSlowError):
    """The builtin TimeoutError and trio's in one, for either ``except``."""


class ClosedError(trio.ClosedResourceError, ValueError):
    """The ValueError of a closed object and trio's error in one, for either."""


def end_of(timeout: float | None) -> float:
    """Return the time on trio's clock at which a wait of *timeout* seconds is over.

    Raises TypeError for a timeout that is not a number, ValueError for a negative one.
    """
    deadline_of(timeout)  # which checks it
    return inf if timeout is None else trio.current_time() + timeout


class Awaitable(AnyAwaitable[Source], Generic[Source]):
    """An object of :mod:`butter` under trio.

    ``async with`` closes it, and so does plain ``with``. While tasks wait, the object
    belongs to the ``trio.run()`` of these tasks.

    An object that the program forgets closes itself with a ResourceWarning.
    """

    _timed_out = WaitTimeout

    # of the run that knows the descriptor, or knew it once
    _token: trio.lowlevel.TrioToken | None = None

    def _unbind(self) -> None:
        super()._unbind()
        self._token = None

    def _bind(self) -> None:
        token = trio.lowlevel.current_trio_token()
        if token is not self._token:
            if self._waiters:
                raise RuntimeError(f"{self!r} belongs to another event loop")
            self._token = token

    def _stop_watching(self) -> None:
        if self._waiters or (self._token is not None and trio.lowlevel.in_trio_run()):
            self._bind()
            trio.lowlevel.notify_closing(self._source.fileno())

    def _check_open(self) -> None:
        if self._source.closed():
            raise ClosedError(*closed_error().args)

    def _wake(self) -> None:
        for scope in self._waiters.values():
            scope.cancel()
            return

    def _wake_all(self) -> None:
        for scope in list(self._waiters.values()):
            scope.cancel()

    def _is_first(self, place: object) -> bool:
        return next(iter(self._waiters), None) is place

    async def _wait_in_line(self, place: object, deadline: float, watch: bool = True) -> None:
        """Wait until there may be something to see, at most until *deadline*.

        Unless *watch* is true, it is another task that ends the wait.
        """
        with trio.CancelScope(deadline=deadline) as scope:
            self._waiters[place] = scope
            if not (watch and self._is_first(place)):
                await trio.sleep_forever()
            try:
                await trio.lowlevel.wait_readable(self.fileno())
            except trio.ClosedResourceError:
                return  # the look that follows says so
            self._readable()

    def _readable(self) -> None:
        """Learn that the descriptor is readable."""

    def _leave_line(self, place: object) -> None:
        first = self._is_first(place)
        self._waiters.pop(place, None)
        if first:
            self._wake()

    async def _checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()

    async def _sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def aclose(self) -> None:
        """Close the object, and let other tasks have their turn."""
        self.close()
        await trio.lowlevel.checkpoint()

    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        await trio.lowlevel.checkpoint()
