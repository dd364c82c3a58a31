"""Moving bytes between descriptors under trio; see :mod:`butter.splice`."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import trio

from butter.splice import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._arguments import FileDescriptor

__all__ = ["copy"]

# the bytes that may move before other tasks have their turn
TURN_PORTION = 1 << 18


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
    that trio waits for. They have to be non-blocking, as those of trio are. A file,
    which is never waited for, may be on either side; its disk stops the run for a
    moment. A proxy is two copies::

        async def one_way(source, target):
            await copy(source.socket, target.socket)
            await target.send_eof()

        async with trio.open_nursery() as nursery:  # a broken one ends both ways
            nursery.start_soon(one_way, client, server)
            nursery.start_soon(one_way, server, client)

    Several copies may use one descriptor in both directions, and closing it does not
    end them: they work on duplicates.

    Raises what :func:`butter.splice.copy` does, and ValueError if a pipe or socket is
    blocking. An exception that ends the copy, also ``trio.Cancelled``, has the
    attributes ``moved`` (the number of bytes that reached the target) and ``rest`` (the
    bytes taken from a pipe or socket that did not), so cancelling loses nothing; catch
    it where the copy is awaited, and raise it again.
    """
    with Transfer(fd_in, fd_out, count, in_offset, out_offset, progress, duplicate=True) as transfer:
        await trio.lowlevel.checkpoint()
        transfer.begin()
        if transfer.waits:
            raise ValueError("a descriptor is blocking and would stop the run: use os.set_blocking(fd, False)")
        while (blocked := transfer.step(TURN_PORTION)) is not None:
            if blocked:
                await _ready(transfer, *blocked)
            else:
                await trio.lowlevel.checkpoint()
        return transfer.moved


async def _ready(transfer: Transfer, fd: int, event: int) -> None:
    """Wait until *fd* is ready for *event*."""
    wait = trio.lowlevel.wait_readable if event == select.POLLIN else trio.lowlevel.wait_writable
    try:
        await wait(fd)
    finally:
        # The file outlives its duplicate, so closing that would not end the watch. A
        # forked child shares the parent's epoll, and must not touch it.
        if not transfer.inherited():
            trio.lowlevel.notify_closing(fd)
