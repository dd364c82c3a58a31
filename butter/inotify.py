"""Watching files and directories: objects and calls for :manpage:`inotify(7)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._constants import inotify as _constants
from butter._constants.inotify import *  # noqa: F403
from butter._constants.inotify import IN_ALL_EVENTS
from butter._inotify import (
    InotifyEvent,
    event_name,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
    read_events,
    str_to_events,
)
from butter.eventlike import Eventlike

if TYPE_CHECKING:
    from butter._arguments import Path

__all__ = [
    "Inotify",
    "InotifyEvent",
    "event_name",
    "inotify_add_watch",
    "inotify_init",
    "inotify_rm_watch",
    "str_to_events",
    "watch",
]
__all__ += _constants.__all__


class Inotify(Eventlike[InotifyEvent]):
    """``Inotify(flags=0, closefd=True)``: watches files and directories, gives InotifyEvents.

    *flags* are InotifyInit's (``IN_NONBLOCK``); *closefd* keeps the descriptor from programs that the process
    executes. Raises what :func:`inotify_init` does. Linux 2.6.27, :manpage:`inotify(7)`. ::

        with Inotify() as inotify:
            inotify.watch("/tmp", IN_CREATE | IN_DELETE)
            for event in inotify:
                print(event.name, event.flags)

    Two things to know of: an event whose ``overflow_event`` is true says that events of any watch were lost, so look at
    the files themselves; and a directory is watched alone, without the directories in it.
    """

    _kind = "an inotify descriptor"
    _link = "anon_inode:inotify"

    def __init__(self, flags: int = 0, closefd: bool = True) -> None:
        super().__init__(inotify_init(flags, closefd))

    def watch(self, path: Path, events: int = IN_ALL_EVENTS) -> int:
        """Watch *path* for *events* (``IN_*``, combined by ``|``) and return the watch descriptor, an int.

        A second watch of the same file returns the same watch descriptor and replaces its events. Raises what
        :func:`inotify_add_watch` does, and ValueError if the object is closed.
        """
        return inotify_add_watch(self.fileno(), path, events)

    def ignore(self, wd: int) -> None:
        """Remove the watch *wd*.

        What waits of it still comes, and an event whose ``ignored_event`` is true is its last.
        Raises what :func:`inotify_rm_watch` does, and ValueError if the object is closed.
        """
        inotify_rm_watch(self.fileno(), wd)

    del_watch = ignore

    def _read_events(self) -> list[InotifyEvent]:
        return read_events(self)


def watch(path: Path, events: int = IN_ALL_EVENTS, timeout: float | None = None) -> InotifyEvent:
    """Wait for one event of *path* and return it: ``watch("/etc/hosts", IN_MODIFY)``.

    *events* are ``IN_*`` bits and *timeout* is in seconds. Raises TimeoutError, and what :func:`inotify_init` and
    :func:`inotify_add_watch` do. For more than one event use :class:`Inotify`, which loses none between two.
    """
    with Inotify() as inotify:
        inotify.watch(path, events)
        return inotify.wait(timeout)
