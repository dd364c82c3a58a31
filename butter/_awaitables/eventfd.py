"""Waking a program from threads and handlers, under whichever event loop."""

from __future__ import annotations

from butter._arguments import integer, one_spelling
from butter._awaitables._awaitable import old_name
from butter._awaitables._queue import AnyQueue
from butter.eventfd import EFD_NONBLOCK, Eventfd


class AnyEventfd(AnyQueue[Eventfd, int]):
    """The part of ``Eventfd_async`` that is the same under each loop."""

    _last = 0

    def __init__(
        self, initial_value: int = 0, flags: int = 0, *, maxsize: int = 0, inital_value: int | None = None
    ) -> None:
        self._last = one_spelling("initial_value, inital_value", initial_value, inital_value)
        super().__init__(Eventfd(self._last, integer(flags, -32, "flags") | EFD_NONBLOCK), maxsize)

    _eventfd = old_name()
    _source_class = Eventfd

    def increment(self, value: int = 1) -> None:
        """Add *value* (0 to 2**64 - 2) to the counter.

        Any thread may call this, and any signal handler.

        Raises BlockingIOError where the sum would be above 2**64 - 2, ValueError for
        other numbers and if the object is closed, TypeError for a value that is not an
        int.
        """
        self._source.increment(value)

    def get_last(self) -> int:
        """The value that was last read from the counter; does not wait.

        At first it is the initial value, and 0 if the descriptor was adopted.
        """
        return self._last

    def _read(self) -> bool:
        try:
            self._last = value = self._source._read_value()
        except BlockingIOError:
            return False
        self._batch.append(value)
        return True
