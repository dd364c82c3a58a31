"""Watching filesystems in an asyncio program; see :mod:`butter.fanotify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter.asyncio._awaitable import forward, old_name
from butter.asyncio._queue import EventQueue
from butter.fanotify import FAN_CLASS_NOTIF, FAN_NONBLOCK, O_RDONLY, Fanotify, FanotifyEvent

if TYPE_CHECKING:
    import asyncio

__all__ = ["Fanotify_async"]


class Fanotify_async(EventQueue[Fanotify, FanotifyEvent]):
    """``Fanotify_async(flags=FAN_CLASS_NOTIF, event_flags=O_RDONLY, *, maxsize=0)``.

    A queue of FanotifyEvents, which works like an :class:`asyncio.Queue`. ::

        async with Fanotify_async() as fanotify:
            fanotify.watch("/home", FAN_CLOSE_WRITE, FAN_MARK_FILESYSTEM)
            async for event in fanotify:
                with event:
                    print(event.filename, event.pid, event.flags)

    *flags* are FanotifyInit's, and ``FAN_NONBLOCK`` is added. *event_flags*, *default*
    and *exclude_self* are those of :class:`butter.fanotify.Fanotify`.

    Raises what :class:`butter.fanotify.Fanotify` does.
    """

    def __init__(
        self,
        flags: int = FAN_CLASS_NOTIF,
        event_flags: int = O_RDONLY,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
        default: str = "allow",
        exclude_self: bool = False,
    ) -> None:
        # Fanotify itself refuses flags that are not an int
        flags = flags | FAN_NONBLOCK if isinstance(flags, int) else flags
        super().__init__(Fanotify(flags, event_flags, default=default, exclude_self=exclude_self), loop, maxsize)

    _fanotify = old_name()
    _source_class = Fanotify

    watch = forward(Fanotify.watch)
    ignore = forward(Fanotify.ignore)
    del_watch = forward(Fanotify.del_watch)
    flush = forward(Fanotify.flush)
    path = forward(Fanotify.path)
