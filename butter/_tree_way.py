"""Where a path leads, with a watch on each directory that it leads through."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import O_PATH
from butter._inotify_c import lib
from butter._tree_errors import TREE
from butter._tree_open import EXHAUSTED
from butter._tree_part import watch
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_OPEN,
)

if TYPE_CHECKING:
    from butter._tree_events import Events

# a directory on the way, and the one that has the file
_ON_THE_WAY = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
_LAST = _ON_THE_WAY | IN_CLOSE_WRITE
# these are noisy, so they are asked for only where the file is missing
_OPENINGS = IN_OPEN | IN_CLOSE_NOWRITE
_FILE = IN_CLOSE_WRITE | IN_ATTRIB

#: how many symbolic links a path may have, as in the kernel
_LINKS = 40

#: how a path ends that must lead to a directory
_DIRECTORY_ENDS = b"/", b"/."


class Way(NamedTuple):
    """Where a path leads, and what is watched to know it."""

    #: the names of interest in each directory, by watch descriptors
    names: dict[int, set[bytes]]
    #: the directories, by device and inode
    places: list[tuple[int, int]]
    #: the watch of the directory that has the file, or lacks it, and the name in it; -1
    #: where a directory is missing
    last: int = -1
    name: bytes = b""
    #: the watch of the file itself: it tells of writes through other names, and is -1
    #: where there is none
    file: int = -1
    #: None where the path leads nowhere
    status: os.stat_result | None = None


def go(events: Events, path: bytes, openings: bool = False) -> Way:
    """Go along an absolute path, and end those watches that are not used any more.

    Each directory is watched before it is looked at, so a change after the look has an
    event. A directory that this user may not read has no watch. With *openings*, and
    where the file is missing, the directory tells of openings as well.
    """
    names: dict[int, set[bytes]] = {}
    places: list[tuple[int, int]] = []
    last, name, file, links = -1, b"", -1, 0
    of_last = _LAST | _OPENINGS if openings else _LAST
    left, ends = _parts(path), path.endswith(_DIRECTORY_ENDS)
    status: os.stat_result | None = None
    # what is open: the directory, and for a moment what has the next name in it
    held = events.held
    events.drop_held()
    try:
        if _hold(held, b"/"):
            status = os.fstat(held[0])
        while left and status is not None:
            name = left.pop()
            places.append((status.st_dev, status.st_ino))
            last = _watch(events, held[0], (_ON_THE_WAY if left else of_last) | IN_ONLYDIR)
            names.setdefault(last, set()).add(name)
            if not _hold(held, name):
                status = None
                if not left:
                    _watch(events, held[0], _LAST | _OPENINGS | IN_ONLYDIR)
                break
            status = os.fstat(held[1])
            if not stat.S_ISLNK(status.st_mode):
                os.close(held.pop(0))
                if left and not stat.S_ISDIR(status.st_mode):
                    status = None
                continue
            target = os.readlink(b"", dir_fd=held[1])
            os.close(held.pop())
            links += 1
            ends = ends or (not left and target.endswith(_DIRECTORY_ENDS))
            left += _parts(target)
            if target.startswith(b"/"):
                os.close(held.pop())
            is_lost = links > _LINKS or not (held or _hold(held, b"/"))
            status = None if is_lost else os.fstat(held[0])
        if status is not None and ends and not stat.S_ISDIR(status.st_mode):
            status = None
        if status is not None and stat.S_ISREG(status.st_mode):
            file = _watch(events, held[0], _FILE)
            # what was written through another name meanwhile has no event
            status = os.fstat(held[0])
    finally:
        events.drop_held()
    way = Way(names, places, -1 if left else last, name, file, status)
    for wd in events.watched - {*names, file}:
        # it may have ended by itself
        lib.inotify_rm_watch(events.fileno(), wd)
        events.watched.discard(wd)
    return way


def _parts(path: bytes) -> list[bytes]:
    """Return the parts of a path, the first of them last."""
    return [part for part in reversed(path.split(b"/")) if part not in (b"", b".")]


def _hold(held: list[int], name: bytes) -> bool:
    """Open what has a name in the directory that is held last, and hold it as well.

    It may be a link. Returns False where that is impossible.
    """
    try:
        # in one call: when a signal handler raises, the number is in the list
        held.append(os.open(name, O_PATH | os.O_NOFOLLOW, dir_fd=held[-1] if held else None))
    except OSError as error:
        result = -1 - (error.errno or 0)
        if result in EXHAUSTED:
            TREE.check(result, name)
        return False
    return True


def _watch(events: Events, fd: int, mask: int) -> int:
    """Watch an open file, and return its watch descriptor; -1 without permission."""
    wd = watch(events, fd, mask, errno.EACCES)
    if wd >= 0:
        events.watched.add(wd)
    return wd
