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

# what may pass before other tasks have their turn
LOOP_PORTION = 1 << 18


async def copy(
    fd_in: FileDescriptor,
    fd_out: FileDescriptor,
    count: int | None = None,
    in_offset: int | None = None,
    out_offset: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Copy *count* bytes from any descriptor to any other, and return how many were copied: fewer if the input ended.

    :func:`butter.splice.copy` for pipes and sockets which the event loop waits for, with
    the same arguments. They have to be non-blocking (ValueError otherwise), and must not
    belong to a transport or stream of asyncio's. A file, which is never waited for, may
    be on either side; its disk stops the loop for a moment. A proxy is two of these::

        async def one_way(source, target):
            await copy(source, target)
            target.shutdown(socket.SHUT_WR)

        async with asyncio.TaskGroup() as group:  # which ends both ways when a connection breaks
            group.create_task(one_way(client, server))
            group.create_task(one_way(server, client))

    ``asyncio.gather`` would leave the other way to itself; before Python 3.11, which
    brought the TaskGroup, do as ``examples/proxy.py`` does. Several copies may use one
    descriptor in both directions, and closing it does not end them: they work on
    duplicates.

    Raises what :func:`butter.splice.copy` does. An exception that ends it, also
    CancelledError, has the attributes ``moved`` (the bytes that reached the target) and
    ``rest`` (the bytes taken from a pipe or socket that did not), so cancelling loses
    nothing; catch it where this is awaited. A task that is cancelled before its first
    step has run nothing of this, so its CancelledError lacks both attributes: nothing
    was moved, and ``getattr(error, "moved", 0)`` says so.
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
