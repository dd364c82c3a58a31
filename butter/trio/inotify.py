"""Watching files and directories under trio; see :mod:`butter.inotify`."""

from __future__ import annotations

from butter._awaitables.inotify import AnyInotify
from butter.inotify import Inotify, InotifyEvent
from butter.trio._queue import EventQueue

__all__ = ["Inotify_async"]


class Inotify_async(AnyInotify, EventQueue[Inotify, InotifyEvent]):
    """``Inotify_async(flags=0, *, maxsize=0)``: a queue of InotifyEvents. ::

        async with Inotify_async() as inotify:
            inotify.watch("/tmp", IN_CREATE)
            async for event in inotify:
                print(inotify.path(event), event.flags)

    The arguments and methods are those of
    :class:`butter.asyncio.inotify.Inotify_async`.
    """
