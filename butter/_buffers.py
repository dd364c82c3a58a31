"""Read buffers that are used again and again, and reads that lose nothing."""

from __future__ import annotations

from _thread import get_ident
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from butter._signals import INTERRUPTED, run_handlers

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Any

    from butter.errors import Errors


class Filled(Protocol):
    """A buffer that :class:`Reader` can use."""

    #: the struct that C fills; its field ``count`` says how many events C put there
    struct: Any

    def __len__(self) -> int:
        """How many events the buffer holds."""


Buffer = TypeVar("Buffer")
FilledBuffer = TypeVar("FilledBuffer", bound=Filled)
Event = TypeVar("Event")


class Pool(Generic[Buffer]):
    """Buffers made by *make*. The pool keeps at most one free buffer for each thread.

    A reader takes one before the call and gives it back after the events exist: the
    GIL is free during the call, and two threads on one buffer would tear events. There
    is no lock, because it could deadlock in a signal handler and over a fork. Each
    thread has a place of its own, so one operation of the dict takes or gives. A
    handler that reads while its thread has the buffer gets another. If an exception
    leaves a read, its buffer does not come back and becomes garbage.
    """

    __slots__ = ("_make", "free")

    def __init__(self, make: Callable[[], Buffer]) -> None:
        self._make = make
        #: by thread
        self.free: dict[int, Buffer] = {}

    def take(self) -> Buffer:
        """Return a buffer that belongs to the caller until ``give(buffer)``."""
        buffer = self.free.pop(get_ident(), None)
        return self._make() if buffer is None else buffer

    def give(self, buffer: Buffer) -> None:
        """Make the buffer available again."""
        self.free[get_ident()] = buffer


class Reader(Pool[FilledBuffer], Generic[FilledBuffer, Event]):
    """A pool whose buffers are filled by *fill*, the C function of one read.

    ``fill(fd, struct)``, with further arguments if it needs them, returns how many
    events it read, and puts the number into ``struct.count`` too; where it fails it
    returns -1 - errno and leaves the count alone. *errors* says what the errno means. A
    buffer that no read uses has a count of 0.
    """

    __slots__ = ("_errors", "_fill")

    def __init__(self, new: Callable[[], FilledBuffer], fill: Callable[..., int], errors: Errors) -> None:
        super().__init__(new)
        self._fill = fill
        self._errors = errors

    def read(
        self, fd: int, make: Callable[[FilledBuffer], list[Event]], unmade: deque[FilledBuffer], *arguments: int
    ) -> list[Event]:
        """Return the events that *make* makes of one read of *fd*.

        The *arguments* are those of the C function. The list is empty if a signal
        interrupted the read.

        The kernel delivers an event once. If *make* runs out of memory, or a signal
        handler raises after the read, the full buffer waits in *unmade*, and the next
        call makes its events before it reads anything.
        """
        if unmade:
            return self.resume(make, unmade)
        thread, free = get_ident(), self.free
        buffer = free.pop(thread, None)
        if buffer is None:
            buffer = self._make()
        try:
            count = self._fill(fd, buffer.struct, *arguments)
            if count > 0:
                events = make(buffer)
                # Since Python 3.11 a signal handler runs after a call, or where a
                # function begins. Neither comes between here and the return, so the
                # events reach the caller. Hence the buffer is not given back by a call.
                free[thread] = buffer
                buffer.struct.count = 0
                return events
        except BaseException:
            # An empty deque has room for this without asking for memory. The
            # count is C's own, because a handler may raise before it is returned.
            if buffer.struct.count:
                unmade.appendleft(buffer)
            raise
        self.give(buffer)
        if count != INTERRUPTED:
            self._errors.check(count, fd=fd)
        run_handlers()
        return []

    def resume(self, make: Callable[[FilledBuffer], list[Event]], unmade: deque[FilledBuffer]) -> list[Event]:
        """Return the events of the first buffer in *unmade*.

        The list is empty if another thread has taken the buffer.
        """
        thread = get_ident()
        taken: list[FilledBuffer] = []
        try:
            try:
                # one call takes it out and keeps it, so a handler that raises loses
                # nothing
                taken.extend(starmap(unmade.popleft, repeat((), 1)))
            except IndexError:
                if taken:
                    raise  # a handler's
                return []
            buffer = taken[0]
            events = make(buffer)
        except BaseException:
            unmade.extendleft(taken)
            raise
        # no call comes between, as in read()
        self.free[thread] = buffer
        buffer.struct.count = 0
        return events
