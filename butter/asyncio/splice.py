"""Moving bytes between descriptors in an asyncio program; see :mod:`butter.splice`."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING

from butter.splice import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._arguments import FileDescriptor

__all__ = ["copy"]

# the bytes that may move before other tasks have their turn
LOOP_PORTION = 1 << 18


async def copy(
    fd_in: FileDescriptor,
    fd_out: FileDescriptor,
    count: int | None = None,
    in_offset: int | None = None,
    out_offset: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Copy *count* bytes from any descriptor to any other, and return how many.

    It is :func:`butter.splice.copy`, with the same arguments, for pipes and sockets
    that the event loop waits for. They have to be non-blocking, and must not belong to
    a transport or stream of asyncio's. A file, which is never waited for, may be on
    either side; its disk stops the loop for a moment. A proxy is two copies::

        async def one_way(source, target):
            await copy(source, target)
            target.shutdown(socket.SHUT_WR)

        async with asyncio.TaskGroup() as group:  # a broken connection ends both ways
            group.create_task(one_way(client, server))
            group.create_task(one_way(server, client))

    ``asyncio.gather`` would not end the other way; before Python 3.11, which brought
    the TaskGroup, do as ``examples/proxy.py`` does. Several copies may use one
    descriptor in both directions, and closing it does not end them: they work on
    duplicates.

    Raises what :func:`butter.splice.copy` does, and ValueError if a pipe or socket is
    blocking. An exception that ends the copy, also CancelledError, has the attributes
    ``moved`` (the number of bytes that reached the target) and ``rest`` (the bytes
    taken from a pipe or socket that did not), so cancelling loses nothing; catch it
    where the copy is awaited. If a task is cancelled before its first step, the copy
    has not begun and the CancelledError lacks both attributes: ``getattr(error,
    "moved", 0)`` is 0 then too.
    """
    loop = asyncio.get_running_loop()
    with Transfer(fd_in, fd_out, count, in_offset, out_offset, progress, duplicate=True) as transfer:
        transfer.begin()
        if transfer.waits:
            raise ValueError("a descriptor is blocking and would stop the loop: use os.set_blocking(fd, False)")
        while (blocked := transfer.step(LOOP_PORTION)) is not None:
            if blocked:
                await _ready(loop, transfer, *blocked)
            else:
                await asyncio.sleep(0)
        return transfer.moved


async def _ready(loop: asyncio.AbstractEventLoop, transfer: Transfer, fd: int, event: int) -> None:
    """Wait until *fd* is ready for *event*."""
    reads = event == select.POLLIN
    add, remove = (loop.add_reader, loop.remove_reader) if reads else (loop.add_writer, loop.remove_writer)
    future = loop.create_future()
    add(fd, _wake, future)
    try:
        await future
    finally:
        # a forked child shares the parent's epoll, and must not touch it
        if not transfer.inherited():
            remove(fd)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
