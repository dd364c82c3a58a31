"""The event loop as files see it, and the turns of its tasks."""

# A call that completes at once does not suspend its task, which is faster by a factor
# of ten. But a task that makes nothing but such calls would keep all others, and the
# timers, from running. So the tasks share a portion of time in each turn of the loop:
#
# 1. Each task may use its share, and then lets the others run. The share is the portion
#    divided by the number of tasks that did so in the turn before.
#
# 2. The first task that runs again begins the next turn: those that let others run
#    all wait for the same turn of the loop.
#
# 3. A task waits for its turn before its operation, and never after it: a task that is
#    cancelled meanwhile has done nothing.

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import Protocol

    from butter._awaitables._files_engine import AnyEngine, Request

    class AnyEvent(Protocol):
        """The Event of a loop."""

        def set(self) -> Any: ...
        def is_set(self) -> bool: ...
        async def wait(self) -> Any: ...


#: how long tasks may keep others from running, in seconds
PORTION = 0.0005
# of which it takes a task so much to let others run and to go on
_SWITCH = 0.000005


class Turns:
    """The turns of the tasks that make operations.

    Threads with loops of their own share it, and then have a little less time each.
    """

    __slots__ = ("_count", "_end", "_number", "_share", "until")

    def __init__(self) -> None:
        #: when the task that runs now has to let others run
        self.until = 0.0
        self._end = 0.0
        self._share = PORTION
        self._count = self._number = 0

    async def next(self, loop: AnyLoop) -> None:
        """Let other tasks run."""
        mine = self._number
        self._count += 1
        self.until = min(perf_counter() + self._share, self._end)
        await loop.checkpoint()
        if self._number == mine:
            self._begin(perf_counter())

    def _begin(self, now: float) -> None:
        self._number += 1
        portion = max(PORTION - _SWITCH * self._count, PORTION / 8)
        self._share = portion / max(1, self._count)
        self._count = 0
        self._end = now + portion
        self.until = now + self._share


turns = Turns()


class AnyLoop:
    """A kind of event loop; an object for each."""

    #: the event of the loop
    event: Callable[[], AnyEvent]
    #: whether each call has to look whether its task was cancelled
    looks = False
    #: the engine under this loop
    engine: Callable[[str], AnyEngine]
    #: the function that returns the running loop
    current: Callable[[], object]

    def store(self) -> dict[Any, Any]:
        """Return what the running loop keeps for files until its end."""
        raise NotImplementedError

    async def checkpoint(self) -> None:
        """Let other tasks run."""
        raise NotImplementedError

    async def look(self) -> None:
        """Raise where the task was cancelled, if the loop wants that of each call."""

    async def pause(self) -> None:
        """Let other tasks run, if this one has had its share, and look."""
        if perf_counter() >= turns.until:
            await turns.next(self)
        elif self.looks:
            await self.look()

    def is_closed(self, loop: Any) -> bool:
        """Return whether *loop* was closed, maybe with tasks that never end."""
        return False

    async def in_thread(self, request: Request, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Call *function* in a thread, and put its result into *request*.

        A task that is cancelled waits for the thread, and ends with the cancellation;
        the result is in *request* then, too.
        """
        raise NotImplementedError

    def new_engine(self, name: str) -> AnyEngine:
        """Return an engine that is closed when the running loop ends.

        Raises OSError where the system does not have it.
        """
        store, engine = self.store(), self.engine(name)
        engines = store.setdefault("engines", [])
        engines.append(engine)
        if "end" not in store:
            # Loops end the asynchronous generators that have begun in them: there is no
            # other hook for their end.
            store["end"] = _end(store)
            try:
                store["end"].__anext__().send(None)
            except StopIteration:
                pass
        return engine


async def _end(store: dict[Any, Any]) -> AsyncGenerator[None, None]:
    """Close the engines at the end of the loop in which this has begun."""
    try:
        yield
    finally:
        # Generators of the program end beside this one: their operations that are under
        # way are made, and what they do still later is left to threads.
        store["ended"] = True
        for engine in store["engines"]:
            engine.end()
        store["engines"].clear()
