"""Watching files and directories in an asyncio program; see :mod:`butter.inotify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.inotify import AnyInotify
from butter.asyncio._queue import EventQueue
from butter.inotify import Inotify, InotifyEvent

if TYPE_CHECKING:
    import asyncio

__all__ = ["Inotify_async"]


class Inotify_async(AnyInotify, EventQueue[Inotify, InotifyEvent]):
    """``Inotify_async(flags=0, *, maxsize=0)``: a queue of InotifyEvents.

    It works like an :class:`asyncio.Queue`. ::

        async with Inotify_async() as inotify:
            inotify.watch("/tmp", IN_CREATE)
            async for event in inotify:
                print(inotify.path(event), event.flags)

    *flags* are InotifyInit's, and ``IN_NONBLOCK`` is added.
    :class:`butter.inotify.Inotify` says when the loop ends.

    Raises what :class:`butter.inotify.Inotify` does.
    """

    def __init__(self, flags: int = 0, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(flags, maxsize=maxsize)
        self._ignore(loop)
