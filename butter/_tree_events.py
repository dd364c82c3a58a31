"""The events of single directories, and which of their new files are complete."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from butter._inotify import Columns, queued, read_events
from butter._tree_part import Part, open_inotify
from butter.inotify import (
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_OPEN,
)

if TYPE_CHECKING:
    from os import stat_result

    from butter.inotify import InotifyEvent

#: how long the opening of a new file may come after it appeared, in seconds; and how
#: long a name that is gone may take to come back
GRACE = 0.05

_COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO
_GONE = IN_DELETE | IN_MOVED_FROM


class Events(Part):
    """An inotify descriptor whose events are read without waiting."""

    def __init__(self) -> None:
        self._unmade: deque[Columns] = deque()

    def open(self) -> None:
        open_inotify(self)

    def read(self) -> list[InotifyEvent]:
        """Return all events that are there."""
        events: list[InotifyEvent] = []
        while self._unmade or queued(self._fd):
            events += read_events(self, Columns.made, self._unmade)
        return events


class Writing:
    """The new files of a directory that are not complete, by their names.

    A program that creates a file opens it in the same system call, and closes it when
    it is complete. A link to a file appears in the same way, but is not opened, and no
    close is told. So a new file that is not opened soon is complete.

    inotify merges equal events in a row, so the count of those that have the file open
    may be too small. That matters only where the file is created without being written.
    """

    def __init__(self) -> None:
        #: how often the file is open, and until when the opening is waited for
        self._begun: dict[bytes, tuple[int, float]] = {}

    def __contains__(self, name: bytes) -> bool:
        return name in self._begun

    def begin(self, name: bytes) -> None:
        """Know of a file that may be new."""
        self._begun[name] = 0, time.monotonic() + GRACE

    def forget(self, name: bytes) -> None:
        self._begun.pop(name, None)

    def feed(self, name: bytes, bits: int) -> bool:
        """Take an event of inotify, and return whether it completes the file."""
        opens, deadline = self._begun.get(name, (0, 0.0))
        if bits & IN_CREATE:
            self.begin(name)
        elif bits & _GONE:
            self.forget(name)
        elif bits & _COMPLETE:
            self.forget(name)
            return True
        elif name in self._begun and bits & IN_OPEN:
            self._begun[name] = opens + 1, deadline
        elif name in self._begun and bits & IN_CLOSE_NOWRITE:
            if opens <= 1:
                self.forget(name)
                return True
            self._begun[name] = opens - 1, deadline
        return False

    def due(self) -> list[bytes]:
        """Forget the files that were not opened in time, and return their names."""
        now = time.monotonic()
        names = [name for name, (opens, deadline) in self._begun.items() if not opens and deadline <= now]
        for name in names:
            self.forget(name)
        return names

    def next_time(self) -> float | None:
        """Return the ``time.monotonic()`` at which some file may be due."""
        return min((deadline for opens, deadline in self._begun.values() if not opens), default=None)


def version(status: stat_result) -> tuple[int, ...]:
    """Return what is another number when a file is another, or has other content."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
