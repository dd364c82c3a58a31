"""Hints from inotify: one watch for each directory."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING

from butter._inotify import queued, read_events
from butter._inotify_c import lib
from butter._tree_hints import FULL, Hint
from butter._tree_part import Part, open_inotify, watch
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_EXCL_UNLINK,
    IN_IGNORED,
    IN_ISDIR,
    IN_MASK_ADD,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from butter._inotify import Columns

_NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB
_ENDS = IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT
# a directory on the way to the root may be a directory of the tree as well, by a bind
# mount, so no watch takes bits away from another
_FLAGS = IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD
_ON_THE_WAY = _NAMES | IN_DELETE_SELF | IN_MOVE_SELF | _FLAGS


class InotifySource(Part):
    """Watches directories; a key is a watch descriptor.

    ``inotify_add_watch`` returns the same number for the same living directory wherever
    it is, and a number that was never used for one that is new. So the key is an
    identity, as long as the end of the watch was not told.
    """

    name = "inotify"

    def __init__(self, modified: bool) -> None:
        self.mask = _NAMES | IN_CLOSE_WRITE | IN_DELETE_SELF | _FLAGS | (IN_MODIFY if modified else 0)
        self._unmade: deque[Columns] = deque()
        self.watches = self._newest = 0

    def open(self) -> None:
        open_inotify(self)

    def read(self, certain: bool = False) -> list[Hint]:
        hints: list[Hint] = []
        make: Any = _hints  # the reader does not ask what it makes
        while certain or self._unmade or queued(self._fd):
            certain = False
            new: list[Any] = read_events(self, make, self._unmade)
            hints += new
            if 0 < len(new) < FULL and not self._unmade:
                break
        return hints

    def watch(self, fd: int, is_way: bool) -> Hashable:
        wd = watch(self, fd, _ON_THE_WAY if is_way else self.mask, errno.ENOSPC)
        if wd < 0:
            return None
        if wd > self._newest:
            self.count(1, wd)
        return wd

    def count(self, watches: int, newest: int) -> None:
        """Count new watches, the *newest* of which has the largest number."""
        self.watches += watches
        self._newest = max(self._newest, newest)

    def key_of(self, dirfd: int, name: bytes) -> Hashable:
        return None

    def drop(self, key: Hashable) -> None:
        # it may have ended by itself
        lib.inotify_rm_watch(self._fd, key)  # type: ignore[arg-type]
        self.watches -= 1


def _hints(columns: Columns) -> list[Hint]:
    wds, masks, cookies, names = columns.rows()
    hints = []
    for wd, mask, cookie, name in zip(wds, masks, cookies, names.split(b"\0")):
        if name:
            hints.append(Hint(mask, wd, name, mask & IN_ISDIR != 0, cookie))
        elif mask & IN_Q_OVERFLOW:
            hints.append(Hint(IN_Q_OVERFLOW))
        elif mask & _ENDS:
            hints.append(Hint(IN_DELETE_SELF, wd))
        elif mask & IN_MOVE_SELF:
            hints.append(Hint(IN_MOVE_SELF, wd))
    return hints
