"""The events of single directories, and which of their new files are complete."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import stat
import time
from collections import deque
from typing import TYPE_CHECKING

from butter._arguments import O_PATH
from butter._inotify import Columns, queued, read_events
from butter._tree_errors import TREE
from butter._tree_open import CHANGED, EXHAUSTED
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
    from collections.abc import Callable
    from os import stat_result

    from butter.inotify import InotifyEvent

#: how long the opening of a new file may come after it appeared, in seconds; and how
#: long a name that is gone may take to come back
GRACE = 0.05

_COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO
_GONE = IN_DELETE | IN_MOVED_FROM

# of fcntl, which Python and PyPy do not name alike
_F_SETSIG, _F_SETLEASE = 10, 1024


class Events(Part):
    """An inotify descriptor whose events are read without waiting."""

    def __init__(self) -> None:
        self._unmade: deque[Columns] = deque()
        #: the watches of a way; see butter/_tree_way.py
        self.watched: set[int] = set()
        #: what the search for a way has open
        self.held: list[int] = []

    def open(self) -> None:
        open_inotify(self)

    def drop_held(self) -> None:
        while self.held:
            os.close(self.held.pop())

    def close(self) -> None:
        self.drop_held()
        super().close()

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

    A file that is created without being written has no close after writing. When all
    that opened it have closed it, the kernel is asked whether a program has it open for
    writing: inotify makes one event of equal ones in a row, so the count of those that
    have it open may be too small.
    """

    def __init__(self) -> None:
        #: how often the file is open, and until when the opening is waited for. Once
        #: the number is negative, it does not count what opens the file.
        self._begun: dict[bytes, tuple[int, float]] = {}

    def __contains__(self, name: bytes) -> bool:
        return name in self._begun

    def begin(self, name: bytes) -> None:
        """Remember a file that may be new, and has perhaps been opened already."""
        self._begun[name] = -1, time.monotonic() + GRACE

    def forget(self, name: bytes) -> None:
        self._begun.pop(name, None)

    def feed(self, name: bytes, bits: int, is_written: Callable[[bytes], bool]) -> bool:
        """Take an event of inotify, and return whether it completes the file.

        *is_written* asks the kernel about a name, as ``is_being_written`` does.
        """
        opens, deadline = self._begun.get(name, (-1, 0.0))
        if bits & IN_CREATE:
            self._begun[name] = 0, time.monotonic() + GRACE
        elif bits & _GONE:
            self.forget(name)
        elif bits & _COMPLETE:
            self.forget(name)
            return True
        elif opens >= 0 and bits & IN_OPEN:
            self._begun[name] = opens + 1, deadline
        elif opens > 1 and bits & IN_CLOSE_NOWRITE:
            self._begun[name] = opens - 1, deadline
        elif opens >= 0 and bits & IN_CLOSE_NOWRITE:
            # To ask makes events, which do not count any more. A close that came before
            # the answer is in the queue, so the file is complete after the next read.
            self._begun[name] = -1, math.inf
            if not is_written(name):
                self._begun[name] = -1, time.monotonic()
        return False

    def due(self, now: float) -> list[bytes]:
        """Forget the files that were not opened in time, and return their names.

        *now* is a ``time.monotonic()`` before the last events were read.
        """
        names = [name for name, (opens, deadline) in self._begun.items() if opens <= 0 and deadline <= now]
        for name in names:
            self.forget(name)
        return names

    def next_time(self) -> float | None:
        """Return the ``time.monotonic()`` at which some file may be due."""
        when = min((deadline for opens, deadline in self._begun.values() if opens <= 0), default=math.inf)
        return None if when == math.inf else when


def is_being_written(path: bytes) -> bool:
    """Return whether a program has a file open for writing.

    True also where this user may not know it: it needs a file of this user, which it
    may read, or CAP_LEASE.
    """
    held: list[int] = []
    try:
        held.append(os.open(path, O_PATH))
        if not stat.S_ISREG(os.fstat(held[0]).st_mode):
            return False
        # a FIFO or a device would notice that it is opened
        held.append(os.open(b"/proc/self/fd/%d" % held[0], os.O_RDONLY | os.O_NONBLOCK))
        # The kernel refuses a lease for reading while a program can write. If one opens
        # the file before the lease ends, the process has a signal, which is SIGIO by
        # default and would end it; SIGURG is ignored.
        fcntl.fcntl(held[1], _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(held[1], _F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(held[1], _F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        result = -1 - (error.errno or 0)
        if result in EXHAUSTED:
            TREE.check(result, path)
        return result not in CHANGED
    finally:
        while held:
            os.close(held.pop())
    return False


def version(status: stat_result) -> tuple[int, ...]:
    """Return what is another number when a file is another, or has other content."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
