"""Waking an asyncio program from threads and handlers; see :mod:`butter.eventfd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._arguments import integer, one_spelling
from butter.asyncio._awaitable import old_name
from butter.asyncio._queue import EventQueue
from butter.eventfd import EFD_NONBLOCK, Eventfd

if TYPE_CHECKING:
    import asyncio

__all__ = ["Eventfd_async"]


class Eventfd_async(EventQueue[Eventfd, int]):
    """``Eventfd_async(initial_value=0, flags=0, *, maxsize=0)``: a queue of a counter.

    It works like an :class:`asyncio.Queue`, and its events are the values of the
    counter. Counts that were added before a task waits come as one value, or with
    ``EFD_SEMAPHORE`` as that many 1s. If several tasks wait, the value goes to the
    first.

    Unlike everything else here, ``increment`` may be called from any thread and from
    signal handlers, so this wakes a loop::

        async with Eventfd_async() as wakeup:
            Thread(target=lambda: wakeup.increment()).start()
            print(await wakeup.wait())

    *flags* are EventfdInit's, and ``EFD_NONBLOCK`` is added; *inital_value* is an older
    spelling.

    Raises what :class:`butter.eventfd.Eventfd` does.
    """

    _last = 0

    def __init__(
        self,
        initial_value: int = 0,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
        inital_value: int | None = None,
    ) -> None:
        self._last = one_spelling("initial_value, inital_value", initial_value, inital_value)
        super().__init__(Eventfd(self._last, integer(flags, -32, "flags") | EFD_NONBLOCK), loop, maxsize)

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
