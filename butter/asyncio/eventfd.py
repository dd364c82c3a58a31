"""Waking an asyncio program from threads and handlers; see :mod:`butter.eventfd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.eventfd import AnyEventfd
from butter.asyncio._queue import EventQueue
from butter.eventfd import Eventfd

if TYPE_CHECKING:
    import asyncio

__all__ = ["Eventfd_async"]


class Eventfd_async(AnyEventfd, EventQueue[Eventfd, int]):
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

    def __init__(
        self,
        initial_value: int = 0,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
        inital_value: int | None = None,
    ) -> None:
        super().__init__(initial_value, flags, maxsize=maxsize, inital_value=inital_value)
        self._ignore(loop)
