"""Watching files and directories: objects and calls for :manpage:`inotify(7)`."""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, integer, one_spelling
from butter._constants import inotify as _constants
from butter._constants.inotify import *  # noqa: F403
from butter._constants.inotify import IN_ALL_EVENTS, IN_IGNORED, IN_MASK_ADD, IN_Q_OVERFLOW
from butter._inotify import (
    ADD_WATCH,
    EVENTS,
    LINK,
    READ,
    InotifyEvent,
    event_name,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
    proc_is_mounted,
    queued,
    read_events,
    str_to_events,
    watches_of,
)
from butter.eventlike import Eventlike

if TYPE_CHECKING:
    from typing import Any

    from butter._arguments import Path
    from butter._inotify import Columns

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
    """``Inotify(flags=0, closefd=True)``: watches files and directories.

    Its events are InotifyEvents. ::

        with Inotify() as inotify:
            inotify.watch("/tmp", IN_CREATE | IN_DELETE)
            for event in inotify:
                print(inotify.path(event), event.flags)

    *flags* are InotifyInit's (``IN_NONBLOCK``); *closefd* keeps the descriptor from
    programs that the process executes.

    A directory is watched without the directories in it. Three kinds of events come
    even if they were not asked for. One whose ``overflow_event`` is true says that
    events of any watch were lost, so look at the files themselves. One whose
    ``unmount_event`` is true says that the filesystem was unmounted. One whose
    ``ignored_event`` is true is the last of its watch, which ends when the file is
    deleted, when its filesystem is unmounted, and by :meth:`ignore`.

    When the last watch has ended the loop ends, and ``wait``, ``read_event`` and a
    ``read_events`` that would wait raise NoMoreEvents. After a new watch all of them
    work again. An object that never had a watch waits for one. If one thread waits
    while another reads the last event of a shared object, the first goes on waiting:
    Linux cannot wake it.

    Raises what :func:`inotify_init` does.

    Linux 2.6.27, :manpage:`inotify(7)`.
    """

    _kind = "an inotify descriptor"
    _link = LINK

    # How the object knows that its last watch has ended
    #
    # Counting is the obvious way: one more with each watch(), one less with each
    # IN_IGNORED. It is wrong in four ways. A second watch of one file is the same
    # watch. A program that has the descriptor too may make watches, and end them.
    # When the queue overflows, IN_IGNORED is lost as well. And the end of a watch may
    # be read, by another thread, before watch() has returned from the kernel with
    # its number: then the end is counted first, and the watch for ever after.
    #
    # So _paths has each watch by its number until its IN_IGNORED was read, and while
    # it is not empty an event may come. When it is empty, the kernel is asked
    # (/proc/self/fdinfo) for watches of other programs. Where an end may have been
    # missed, by an overflow or because ends came while watch() ran (_ends is not the
    # same object any more), the object is _unsure: then the kernel is asked for all
    # watches, and those of _paths that it does not have are forgotten.
    #
    # The kernel's list is true only while its queue is empty: a watch that has ended
    # is off the list at once, but its last events still wait. Hence the queue is
    # looked at before and after. Threads and signal handlers may run between any two
    # steps, and a lock would deadlock in a handler, so each step is one operation of a
    # dict or one assignment, and what makes the object unsure is set before what
    # relies on it is removed.

    _watched = False  # there has been a watch
    _unsure = False  # _paths may have watches that have ended
    _ends: object = None  # another object each time that watches end

    def __init__(self, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        if not isinstance(flags, int):
            raise TypeError(f"flags must be an int, not {type(flags).__name__}: pass a path to watch()")
        super().__init__(inotify_init(flags, closefd))

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Columns] = deque()
        # the path of each watch as it was passed; None if another program made it
        self._paths: dict[int, str | bytes | None] = {}
        # the paths of the watches that ended in the last batch
        self._ended: dict[int, str | bytes | None] = {}

    def _adopted(self, fd: int) -> None:
        self._paths = dict.fromkeys(watches_of(fd) or ())
        self._watched = bool(self._paths)

    def watch(self, path: Path, events: int = IN_ALL_EVENTS, mask: int | None = None) -> int:
        """Watch *path* and return the watch descriptor, an int.

        *path* is str, bytes or PathLike, and *events* are ``IN_*`` bits, combined by
        ``|``. A second watch of the same file returns the same watch descriptor and
        replaces its events and its path. *mask* is the older name of *events*.

        Raises what :func:`inotify_add_watch` does, InvalidArgument also for *events*
        without any event, such as ``IN_ONLYDIR`` alone, and ValueError if the object is
        closed.
        """
        events = integer(one_spelling("events, mask", events, mask, IN_ALL_EVENTS), 32, "the mask of events")
        fd, path = self.fileno(), os.fspath(path)
        if not events & (EVENTS | IN_MASK_ADD):
            # the kernel would accept some of them, and no event would ever come
            ADD_WATCH.fail(errno.EINVAL, path, fd=fd, mask=events)
        ends = self._ends
        wd = inotify_add_watch(fd, path, events)
        self._paths[wd] = path
        self._watched = True
        if ends is not self._ends:
            # a reader may have met its end before its path was stored here
            self._unsure = True
        return wd

    def ignore(self, wd: int) -> None:
        """Remove the watch *wd*.

        Its events that wait are still delivered; an event whose ``ignored_event`` is
        true is its last.

        Raises what :func:`inotify_rm_watch` does, and ValueError if the object is
        closed.
        """
        if not isinstance(wd, int):
            raise TypeError(f"wd must be the int that watch() returned, not {type(wd).__name__}")
        inotify_rm_watch(self.fileno(), wd)

    del_watch = ignore

    def path(self, watched: InotifyEvent | int) -> str | Any:
        """The path of an event, or of a watch descriptor; None for an overflow.

        It is the path that was passed to ``watch``, joined with the event's name: bytes
        if the path was bytes, else str. For a file that is watched by two paths it is
        the newest. It does not change when the file is moved (``move_self_event``).

        Raises LookupError for a watch that another program made on the descriptor, and
        for one that has ended. The path of a watch that has ended is kept until the
        batch after its last event is read.
        """
        if isinstance(watched, InotifyEvent):
            if watched.overflow_event:
                return None
            wd, name = watched.wd, watched.filename
        else:
            wd, name = integer(watched, -32, "wd"), b""
        path = self._paths.get(wd)
        if path is None:
            path = self._ended.get(wd)
        if path is None:
            if self._fd is not None and wd in (watches_of(self._fd) or ()):
                raise LookupError(f"the path of watch {wd} is not known: this object did not make it")
            raise LookupError(f"there is no watch {wd} (any more)")
        if not name:
            return path
        return os.path.join(path, name) if isinstance(path, bytes) else os.path.join(path, os.fsdecode(name))

    def _read_events(self) -> list[InotifyEvent]:
        self._check_more()
        return read_events(self, self._made, self._unmade)

    def _check_more(self) -> None:
        if self._paths and not self._unsure:
            return
        if self._watched and not self._unmade and self._is_over():
            READ.fail(errno.ENODATA)

    def _made(self, columns: Columns) -> list[InotifyEvent]:
        events = columns.made()
        if columns.any_mask & (IN_IGNORED | IN_Q_OVERFLOW) or self._ended or self._unsure:
            self._follow(events)
        return events

    def _follow(self, events: list[InotifyEvent]) -> None:
        """Note which watches end in this batch; a second call for it does no harm."""
        before = self._ended
        ended = {
            event.wd: self._paths.get(event.wd) or before.get(event.wd) for event in events if event.mask & IN_IGNORED
        }
        if ended:
            # set before the paths are removed: watch() looks after it has stored one
            self._ends = object()
            self._watched = True
        self._ended = ended
        for wd in ended:
            self._paths.pop(wd, None)
        if any(event.mask & IN_Q_OVERFLOW for event in events):
            self._unsure = True
        if self._unsure:
            self._is_over()

    def _is_over(self) -> bool:
        """Return whether neither an event nor a watch is left.

        Where the object is unsure, this forgets the watches that the kernel no longer
        has.
        """
        fd = self._fd
        if fd is None or queued(fd):
            return False
        known = list(self._paths)
        unsure, self._unsure = self._unsure, False
        left = watches_of(fd)
        if queued(fd):
            # the end of a watch that is not listed may have been queued in between
            self._unsure = unsure
            return False
        if left is None and proc_is_mounted():
            # it cannot be read now, because no descriptor is left
            self._unsure = unsure
            return False
        if left is not None and unsure:
            for wd in known:
                if wd not in left:
                    self._ended[wd] = self._paths.get(wd)
                    self._paths.pop(wd, None)
        return not left and not self._paths

    def __repr__(self) -> str:
        if self._fd is None or not self._paths:
            return super().__repr__()
        return f"<{type(self).__name__} fd={self._fd} watches={len(self._paths)}>"


def watch(path: Path, events: int = IN_ALL_EVENTS, timeout: float | None = None) -> InotifyEvent:
    """Wait for one event of *path* and return it: ``watch("/etc/hosts", IN_MODIFY)``.

    *events* are ``IN_*`` bits and *timeout* is in seconds, None for no limit. If the
    file is deleted first, the event that ends the watch is returned; its
    ``ignored_event`` is true. For more than one event use :class:`Inotify`, which loses
    none between two.

    Raises TimeoutError, and what :func:`inotify_init` and :meth:`Inotify.watch` do.
    """
    with Inotify() as inotify:
        inotify.watch(path, events)
        return inotify.wait(timeout)
