"""Counters in the kernel: objects and calls for :manpage:`eventfd(2)`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, one_spelling
from butter._constants import eventfd as _constants
from butter._constants.eventfd import *  # noqa: F403
from butter._eventfd import (
    counter_value,
    event_to_str,
    eventfd,
    eventfd_read,
    eventfd_write,
    str_to_events,
)
from butter._signals import raised_by_handler
from butter.eventlike import Eventlike

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "Eventfd",
    "event_to_str",
    "eventfd",
    "eventfd_read",
    "eventfd_write",
    "str_to_events",
]
__all__ += _constants.__all__

# Python's own calls (3.10) are faster than any call through cffi. Where they fail,
# the call through cffi is made: it raises the right error, or waits on after a
# signal.
_read: Callable[[Any], int] | None = getattr(os, "eventfd_read", None)
_write: Callable[[Any, int], None] | None = getattr(os, "eventfd_write", None)


class Eventfd(Eventlike[int]):
    """``Eventfd(initial_value=0, flags=0, closefd=True)``: a counter to wait for.

    Its event is its value, and a read sets it to 0. Threads, signal handlers and forked
    children may all count. ::

        with Eventfd() as done:
            Thread(target=lambda: done.increment()).start()
            done.wait(timeout=5)

    *initial_value* is 0 to 2**64 - 2. *flags* are EventfdInit's: with ``EFD_SEMAPHORE``
    a read returns 1 and takes 1 from the counter; with ``EFD_NONBLOCK`` nothing waits.
    *closefd* keeps the descriptor from programs that the process executes.
    *inital_value* is an older spelling.

    Raises ValueError for another *initial_value*, and what :func:`eventfd` does.

    Linux 2.6.27, :manpage:`eventfd(2)`.
    """

    _kind = "an eventfd"
    _link = "anon_inode:[eventfd]"

    def __init__(
        self,
        initial_value: int = 0,
        flags: int = 0,
        closefd: bool = CLOEXEC_DEFAULT,
        *,
        inital_value: int | None = None,
    ) -> None:
        value = one_spelling("initial_value, inital_value", initial_value, inital_value)
        value = counter_value(value, "initial_value")
        # the call takes 32 bits; a new counter has room for any value, so add it
        small = value < 1 << 32
        super().__init__(eventfd(value if small else 0, flags, closefd))
        if not small:
            self.increment(value)

    def increment(self, value: int = 1) -> None:
        """Add *value* (0 to 2**64 - 2) to the counter.

        Waits while the sum would be above 2**64 - 2; a non-blocking object raises
        BlockingIOError instead.

        Raises ValueError for other numbers and for a closed object, TypeError for a
        value that is not an int.
        """
        if _write is not None:
            try:
                return _write(self._fd, value)
            except OSError as error:
                # the handler's: the value may be written already
                if raised_by_handler(error):
                    raise
            except (TypeError, ValueError, OverflowError) as error:
                # a handler written in C lacks a frame, but then the numbers are good
                if raised_by_handler(error) or (self.fileno() >= 0 and counter_value(value, "value") >= 0):
                    raise
        return eventfd_write(self, value)

    def read_event(self) -> int:
        """The counter, which becomes 0.

        If the counter has ``EFD_SEMAPHORE`` this returns 1, and takes 1 from the
        counter.

        Waits while the counter is 0; a non-blocking object raises BlockingIOError
        instead. Raises ValueError if the object is closed.
        """
        # the value of a read after which a signal handler raised
        if self._batch:
            return super().read_event()
        return self._read_value()

    def _read_value(self) -> int:
        if _read is not None:
            try:
                return _read(self._fd)
            except OSError as error:
                if raised_by_handler(error):
                    raise
            except TypeError as error:
                if raised_by_handler(error) or self.fileno() >= 0:
                    raise
        return eventfd_read(self)

    def _read_events(self) -> list[int]:
        return [self._read_value()]

    def __int__(self) -> int:
        """The same as ``read_event()``: takes the value, and waits for one."""
        return self.read_event()

    def writable(self) -> bool:
        """True: ``increment`` writes."""
        return True
