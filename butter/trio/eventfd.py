"""Waking a trio program from threads and handlers; see :mod:`butter.eventfd`."""

from __future__ import annotations

from butter._awaitables.eventfd import AnyEventfd
from butter.eventfd import Eventfd
from butter.trio._queue import EventQueue

__all__ = ["Eventfd_async"]


class Eventfd_async(AnyEventfd, EventQueue[Eventfd, int]):
    """``Eventfd_async(initial_value=0, flags=0, *, maxsize=0)``: a queue of a counter.

    ``increment`` may be called from any thread and from signal handlers, so this wakes
    a task::

        async with Eventfd_async() as wakeup:
            Thread(target=lambda: wakeup.increment()).start()
            print(await wakeup.wait())

    The arguments and methods are those of
    :class:`butter.asyncio.eventfd.Eventfd_async`.
    """
