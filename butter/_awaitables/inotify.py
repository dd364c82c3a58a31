"""Watching files and directories, under whichever event loop."""

from __future__ import annotations

from butter._awaitables._awaitable import forward, old_name
from butter._awaitables._queue import AnyQueue
from butter.inotify import IN_NONBLOCK, Inotify, InotifyEvent


class AnyInotify(AnyQueue[Inotify, InotifyEvent]):
    """The part of ``Inotify_async`` that is the same under each loop."""

    def __init__(self, flags: int = 0, *, maxsize: int = 0) -> None:
        # Inotify itself refuses flags that are not an int
        super().__init__(Inotify(flags | IN_NONBLOCK if isinstance(flags, int) else flags), maxsize)

    _inotify = old_name()
    _source_class = Inotify

    watch = forward(Inotify.watch)
    ignore = del_watch = forward(Inotify.ignore)
    path = forward(Inotify.path)
