"""Watching filesystems, under whichever event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._awaitables._awaitable import forward, old_name
from butter._awaitables._queue import AnyQueue
from butter._fanotify_answers import keys_of
from butter.eventlike import deadline_of
from butter.fanotify import FAN_CLASS_NOTIF, FAN_NONBLOCK, O_RDONLY, Fanotify, FanotifyEvent

if TYPE_CHECKING:
    from typing import Any


class AnyFanotify(AnyQueue[Fanotify, FanotifyEvent]):
    """The part of ``Fanotify_async`` that is the same under each loop."""

    _deadline: float | None = None

    def __init__(
        self,
        flags: int = FAN_CLASS_NOTIF,
        event_flags: int = O_RDONLY,
        *,
        maxsize: int = 0,
        default: str = "allow",
        exclude_self: bool = False,
        deadline: float | None = None,
    ) -> None:
        deadline_of(deadline, "deadline")  # which checks it
        # Fanotify itself refuses flags that are not an int
        flags = integer(flags, 32, "flags") | FAN_NONBLOCK if isinstance(flags, int) else flags
        super().__init__(Fanotify(flags, event_flags, default=default, exclude_self=exclude_self), maxsize)
        self._deadline = deadline

    def _read(self) -> bool:
        if self._deadline is None:
            return super()._read()
        # first, as it raises where no loop runs that could end the deadline
        later, found = self._later(), super()._read()
        keys = keys_of(self._batch)
        if keys:
            # the timer holds the answers and not the events, whose finalisers answer
            answers: Any = self._source._answers
            later(self._deadline, answers.give_defaults, keys)
        return found

    _fanotify = old_name()
    _source_class = Fanotify

    watch = forward(Fanotify.watch)
    ignore = forward(Fanotify.ignore)
    del_watch = forward(Fanotify.del_watch)
    del_ignore = forward(Fanotify.del_ignore)
    flush = forward(Fanotify.flush)
    path = forward(Fanotify.path)
