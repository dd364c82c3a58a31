"""Reading and writing files in the background under asyncio; see :mod:`butter.aio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.aio import AnyAio
from butter.aio import Aio, Completion
from butter.asyncio._queue import EventQueue

if TYPE_CHECKING:
    import asyncio

__all__ = ["Aio_async"]


class Aio_async(AnyAio, EventQueue[Aio, Completion]):
    """``Aio_async(depth=128, flags=0, *, maxsize=0)``: a queue of Completions.

    It works like an :class:`asyncio.Queue`. ::

        async with Aio_async() as aio:
            for offset in range(0, size, 4096):
                aio.pread(file, aligned_buffer(4096), offset)
            async for done in aio:
                print(done.user_data, done.error or done.data)

    *flags* are AioInit's, and ``EFD_NONBLOCK`` is added. ``get`` hands over what is
    queued when it begins to wait; for a task that waits already, ``submit()`` does.
    Where no operation is queued or under way, ``get`` raises NoMoreEvents and ``async
    for`` ends. ``submit()`` itself reads and writes files that are not open with
    O_DIRECT, and ``close()`` takes some hundredths of a second: the loop stands still
    meanwhile.

    Raises what :class:`butter.aio.Aio` does.
    """

    def __init__(
        self,
        depth: int = 128,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(depth, flags, maxsize=maxsize)
        self._ignore(loop)
