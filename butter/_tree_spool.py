"""A spool directory: the files that are complete."""

from __future__ import annotations

import errno
import os
import stat
import time
from select import POLLIN
from typing import TYPE_CHECKING, Any

from butter._arguments import O_PATH
from butter._tree_errors import TREE
from butter._tree_events import Events, Writing, is_being_written, version
from butter._tree_open import EXHAUSTED, Opened
from butter._tree_part import Part, watch
from butter._tree_place import PATH_MAX, directory_at
from butter._tree_step import HINTS, Steps
from butter.inotify import (
    IN_CLOSE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_ISDIR,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_OPEN,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from butter._arguments import Path

_MASK = IN_CREATE | IN_OPEN | IN_CLOSE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE
_ENDS = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED


class _Place(Part):
    """The directory, which is open while its files are looked at.

    It cannot be open for longer: the kernel tells that it was deleted when all have
    closed it. Its path may lead elsewhere then.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory_at(directory)
        self._identity: tuple[int, int] | None = None

    def enter(self, directory: Path | None = None) -> bool:
        """Open the directory, and return whether it is there.

        *directory* is its path for the errors of the first time.
        """
        if self._fd < 0 and (result := self._open()) < 0:
            if directory is not None or result in EXHAUSTED:
                TREE.check(result, directory or self._path)
            return False
        status = os.fstat(self._fd)
        identity = status.st_dev, status.st_ino
        if directory is not None:
            self._identity = identity
        return identity == self._identity

    def _open(self) -> int:
        if len(self._path) >= PATH_MAX:
            # the kernel does not take the path, but the way of C does
            with Opened() as opened:
                if (fd := opened.open(self._path)) >= 0:
                    self._fd = os.dup(fd)
                return fd
        try:
            # which has no event, as a descriptor that can be read has
            self._fd = os.open(self._path, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            return -1 - (error.errno or 0)
        return self._fd

    def link(self, name: bytes = b"") -> bytes:
        """Return a path of the directory, or of a file in it."""
        return b"/proc/self/fd/%d/%b" % (self._fd, name)


class Spool(Steps[Any]):
    """The files of a directory, each when it is complete; see :func:`complete`."""

    # The directory is watched first and listed then. A file of the list whose creation
    # is among the events that came meanwhile is new, and waits for its end.

    _kind = "a spool directory"

    def __init__(self, directory: Path) -> None:
        self._directory: Any = os.fspath(directory)
        self._place = _Place(directory)
        try:
            self._start(directory)
            self._parts.append(self._place)
            self._place.enter(directory)
            self._events = Events()
            self._add(self._events, POLLIN, HINTS)
            self._watch(directory)
            for name in self._list():
                self._complete(name)
            self._arm()
            self.step()
        except BaseException:
            self._fail()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        self._ended = False
        self._writing = Writing()
        #: the paths of files that are complete, by their names, in order
        self._ready: dict[bytes, Any] = {}
        #: the versions that were told of the files that are still there
        self._told: dict[bytes, tuple[int, ...]] = {}

    def _list(self) -> list[bytes]:
        """Return the names of the files that are there and were not told."""
        names = set(os.listdir(self._place.link())) if self._is_there() else set()
        # not named as the function below, which CPython 3.12.1 would take for it
        self._told = {name: told for name, told in self._told.items() if name in names}
        found = ((name, self._look(name)) for name in sorted(names))
        return [name for name, status in found if status is not None and self._told.get(name) != version(status)]

    def _watch(self, directory: Path) -> None:
        mask = _MASK | _ENDS & ~IN_IGNORED | IN_ONLYDIR
        watch(self._events, self._place.fileno(), mask, path=directory)

    def _is_there(self) -> bool:
        """Return whether the directory can be looked at."""
        there = self._place.enter()
        self._ended = self._ended or not there
        return there

    def _look(self, name: bytes) -> os.stat_result | None:
        """Return the status of a file, None if there is none."""
        if not self._is_there():
            return None
        try:
            status = os.stat(name, dir_fd=self._place.fileno(), follow_symlinks=False)
        except OSError:
            return None
        return None if stat.S_ISDIR(status.st_mode) else status

    def _work(self, torn: bool) -> None:
        lost, new, now = torn, [], time.monotonic()
        for event in self._events.read():
            bits, name = event.mask, event.filename
            if not name:
                lost = lost or bits & IN_Q_OVERFLOW != 0
                self._ended = self._ended or bits & _ENDS != 0
            elif not bits & IN_ISDIR:
                if bits & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO):
                    # the file with this name is another now
                    self._told.pop(name, None)
                    self._ready.pop(name, None)
                if self._writing.feed(name, bits, self._is_written):
                    self._complete(name)
                elif bits & IN_CREATE:
                    new.append(name)
        for name in new:
            status = self._look(name)
            if name in self._writing and (status is None or status.st_nlink > 1 or not stat.S_ISREG(status.st_mode)):
                # it is not written, but linked
                self._writing.forget(name)
                self._complete(name)
        if lost and not self._ended:
            # a close may be among the lost events, so all files are new ones again
            self._writing = Writing()
            for name in self._list():
                if name not in self._ready:
                    self._writing.begin(name)
        for name in self._writing.due(now):
            self._complete(name)

    def _is_written(self, name: bytes) -> bool:
        return self._is_there() and is_being_written(self._place.link(name))

    def _complete(self, name: bytes) -> None:
        """Put a file that is complete among those to be told."""
        self._ready[name] = self._path(name)

    def _take(self) -> Iterator[Any]:
        for name in list(self._ready):
            status = self._look(name)
            if status is None:
                del self._ready[name]
            else:
                self._told[name] = version(status)
        self._place.close()
        # each is taken out by the call that puts it into the batch
        return map(self._ready.pop, list(self._ready))

    def _path(self, name: bytes) -> Any:
        return os.path.join(self._directory, name if isinstance(self._directory, bytes) else os.fsdecode(name))

    def _next_time(self) -> float | None:
        return self._writing.next_time()

    def _is_quiet(self) -> bool:
        return self._writing.next_time() is None

    def _check_more(self) -> None:
        if self._ended and not self._batch:
            TREE.fail(errno.ENODATA)


def complete(directory: Path) -> Spool:
    """The paths of the files in a spool directory, each once it is complete.

    First come the files that are there, in the order of their names, and then each file
    when it was written and closed, or moved or linked into the directory. The result is
    an Eventlike. ::

        with complete("/var/spool/jobs") as paths:
            for path in paths:
                work(path)
                os.unlink(path)

    A file that is written again comes again. A file that another process was writing
    already when this began comes at once, and again when it is closed. Directories do
    not come, nor what is in them. A file that gets another name in the directory may
    come under both. After so many events at once that the kernel lost some, a file may
    come before it is complete, and then again. An empty file that was never open for
    writing may not come if another user owns it.

    A link in *directory* is followed once, when this begins. The iteration ends when
    the directory, or one above it, is deleted or moved; the latter is noticed when the
    next file comes.

    Raises PathNotFound, PathNotADirectory, PermissionError, OSError (ENOSPC: no watch
    is left; EMFILE, ENFILE).
    """
    return Spool(directory)
