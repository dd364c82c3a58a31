"""Watching filesystems under trio; see :mod:`butter.fanotify`."""

from __future__ import annotations

from butter._awaitables.fanotify import AnyFanotify
from butter.fanotify import Fanotify, FanotifyEvent
from butter.trio._queue import EventQueue

__all__ = ["Fanotify_async"]


class Fanotify_async(AnyFanotify, EventQueue[Fanotify, FanotifyEvent]):
    """``Fanotify_async(flags=FAN_CLASS_NOTIF, event_flags=O_RDONLY, *, maxsize=0)``.

    A queue of FanotifyEvents. ::

        async def decide(event):
            with event:
                if await is_clean(event.fileno()):
                    event.allow()
                else:
                    event.deny()

        async with Fanotify_async(FAN_CLASS_CONTENT, deadline=5) as fanotify:
            fanotify.watch("/home", FAN_OPEN_PERM, FAN_MARK_FILESYSTEM)
            async with trio.open_nursery() as nursery:
                async for event in fanotify:
                    nursery.start_soon(decide, event)

    The arguments and methods are those of
    :class:`butter.asyncio.fanotify.Fanotify_async`. Where the run of trio ends before a
    deadline, ``close()`` answers.
    """
