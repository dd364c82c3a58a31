"""Watching filesystems in an asyncio program; see :mod:`butter.fanotify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._fanotify_answers import keys_of
from butter.asyncio._awaitable import forward, old_name
from butter.asyncio._queue import EventQueue
from butter.eventlike import deadline_of
from butter.fanotify import FAN_CLASS_NOTIF, FAN_NONBLOCK, O_RDONLY, Fanotify, FanotifyEvent

if TYPE_CHECKING:
    import asyncio
    from typing import Any

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

    _deadline: float | None = None

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
        deadline_of(deadline, "deadline")  # which checks it
        # Fanotify itself refuses flags that are not an int
        flags = integer(flags, 32, "flags") | FAN_NONBLOCK if isinstance(flags, int) else flags
        super().__init__(Fanotify(flags, event_flags, default=default, exclude_self=exclude_self), loop, maxsize)
        self._deadline = deadline

    def _read(self) -> bool:
        if self._deadline is None:
            return super()._read()
        # first, as it raises where no loop runs that could end the deadline
        loop, found = self._bind(), super()._read()
        keys = keys_of(self._batch)
        if keys:
            # the timer holds the answers and not the events, whose finalisers answer
            answers: Any = self._source._answers
            loop.call_later(self._deadline, answers.give_defaults, keys)
        return found

    _fanotify = old_name()
    _source_class = Fanotify

    watch = forward(Fanotify.watch)
    ignore = forward(Fanotify.ignore)
    del_watch = forward(Fanotify.del_watch)
    del_ignore = forward(Fanotify.del_ignore)
    flush = forward(Fanotify.flush)
    path = forward(Fanotify.path)
