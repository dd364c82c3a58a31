"""Reading and writing files in the background under trio; see :mod:`butter.aio`."""

from __future__ import annotations

from butter._awaitables.aio import AnyAio
from butter.aio import Aio, Completion
from butter.trio._queue import EventQueue

__all__ = ["Aio_async"]


class Aio_async(AnyAio, EventQueue[Aio, Completion]):
    """``Aio_async(depth=128, flags=0, *, maxsize=0)``: a queue of Completions. ::

        async with Aio_async() as aio:
            for offset in range(0, size, 4096):
                aio.pread(file, aligned_buffer(4096), offset)
            async for done in aio:
                print(done.user_data, done.error or done.data)

    The arguments and methods are those of :class:`butter.asyncio.aio.Aio_async`.
    """
