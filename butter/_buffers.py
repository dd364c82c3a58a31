"""Read buffers that are used again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Buffer = TypeVar("Buffer")


class Pool(Generic[Buffer]):
    """Buffers made by *make* that no read uses now.

    A reader takes one before the call and gives it back after the events
    exist: the GIL is free during the call, and two threads on one buffer would
    tear events. There is no lock, because it could deadlock in a signal
    handler and over a fork; the list's own methods are atomic. A read that an
    exception leaves does not give its buffer back, which then is garbage.
    """

    __slots__ = ("_make", "free", "give")

    def __init__(self, make: Callable[[], Buffer]) -> None:
        self._make = make
        self.free: list[Buffer] = []
        #: ``give(buffer)`` makes the buffer available again
        self.give = self.free.append

    def take(self) -> Buffer:
        """Return a buffer that is the caller's until the caller gives it back."""
        try:
            return self.free.pop()
        except IndexError:
            return self._make()
