"""Completions of requests in an asyncio program; see :mod:`butter.uring`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.uring import AnyRing
from butter.asyncio._queue import EventQueue
from butter.uring import Completion, Ring

if TYPE_CHECKING:
    import asyncio

__all__ = ["Ring_async"]


class Ring_async(AnyRing, EventQueue[Ring, Completion]):
    """``Ring_async(entries=128, flags=0, *, maxsize=0)``: a queue of Completions.

    It works like an :class:`asyncio.Queue`. ::

        async with Ring_async() as ring:
            ring.pread(file, 4096, 0)
            completion = await ring.get()
            print(completion.value)

    The methods for requests are those of :class:`butter.uring.Ring`. ``get`` hands over
    what is queued before it waits, and ``submit`` does so at once.

    Raises ValueError for ``IORING_SETUP_DEFER_TASKRUN``, which does not wake the loop,
    and what :class:`butter.uring.Ring` does.
    """

    def __init__(
        self,
        entries: int = 128,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(entries, flags, maxsize=maxsize)
        self._ignore(loop)
