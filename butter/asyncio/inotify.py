"""Watching files and directories in an asyncio program; see :mod:`butter.inotify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter.asyncio._queue import EventQueue, forward, old_name
from butter.inotify import IN_ALL_EVENTS, IN_NONBLOCK, Inotify, InotifyEvent

if TYPE_CHECKING:
    import asyncio

    from butter._arguments import Path

__all__ = ["Inotify_async"]


class Inotify_async(EventQueue[Inotify, InotifyEvent]):
    """``Inotify_async(flags=0, *, maxsize=0)``: an :class:`asyncio.Queue` of InotifyEvents.

    *flags* are InotifyInit's, and ``IN_NONBLOCK`` is added. Raises what :class:`butter.inotify.Inotify` does. ::

        async with Inotify_async() as inotify:
            inotify.watch("/tmp", IN_CREATE)
            async for event in inotify:
                print(event.name)
    """

    def __init__(self, flags: int = 0, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(Inotify(flags | IN_NONBLOCK), loop, maxsize)

    _inotify = old_name()
    _source_class = Inotify

    def watch(self, path: Path, mask: int = IN_ALL_EVENTS) -> int:
        """Watch *path* for the events of *mask*; the same as :meth:`butter.inotify.Inotify.watch`."""
        return self._source.watch(path, mask)

    ignore = del_watch = forward(Inotify.ignore)
