"""Completions of requests under trio; see :mod:`butter.uring`."""

from __future__ import annotations

from butter._awaitables.uring import AnyRing
from butter.trio._queue import EventQueue
from butter.uring import Completion, Ring

__all__ = ["Ring_async"]


class Ring_async(AnyRing, EventQueue[Ring, Completion]):
    """``Ring_async(entries=128, flags=0, *, maxsize=0)``: a queue of Completions. ::

        async with Ring_async() as ring:
            ring.pread(file, 4096, 0)
            completion = await ring.get()
            print(completion.value)

    The arguments and methods are those of :class:`butter.asyncio.uring.Ring_async`.
    """
