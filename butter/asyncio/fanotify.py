"""Watching filesystems in an asyncio program; see :mod:`butter.fanotify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.fanotify import AnyFanotify
from butter.asyncio._queue import EventQueue
from butter.fanotify import FAN_CLASS_NOTIF, O_RDONLY, Fanotify, FanotifyEvent

if TYPE_CHECKING:
    import asyncio

__all__ = ["Fanotify_async"]


class Fanotify_async(AnyFanotify, EventQueue[Fanotify, FanotifyEvent]):
    """``Fanotify_async(flags=FAN_CLASS_NOTIF, event_flags=O_RDONLY, *, maxsize=0)``.

    A queue of FanotifyEvents, which works like an :class:`asyncio.Queue`. ::

        async with Fanotify_async() as fanotify:
            fanotify.watch("/home", FAN_CLOSE_WRITE, FAN_MARK_FILESYSTEM)
            async for event in fanotify:
                with event:
                    print(event.filename, event.pid, event.flags)

    *flags* are FanotifyInit's, and ``FAN_NONBLOCK`` is added. *event_flags*, *default*
    and *exclude_self* are those of :class:`butter.fanotify.Fanotify`.

    A permission event that was not answered *deadline* seconds after it was read gets
    the default; without a deadline its task waits for as long as it takes. With one the
    object is read only where its loop runs. An object that ``adopt()`` made has no
    deadline. ::

        async def decide(event):
            with event:
                if await is_clean(event.fileno()):
                    event.allow()
                else:
                    event.deny()

        async for event in fanotify:
            tasks.create_task(decide(event))

    Raises what :class:`butter.fanotify.Fanotify` does, and ValueError for a negative
    deadline.
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
        deadline: float | None = None,
    ) -> None:
        super().__init__(
            flags, event_flags, maxsize=maxsize, default=default, exclude_self=exclude_self, deadline=deadline
        )
        self._ignore(loop)
