"""A spool directory: the files that are complete."""

from __future__ import annotations

import errno
import os
import stat
from select import POLLIN
from typing import TYPE_CHECKING, Any

from butter._arguments import fsencode
from butter._tree_errors import TREE
from butter._tree_events import Events, Writing, version
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
    inotify_add_watch,
)

if TYPE_CHECKING:
    from butter._arguments import Path

_MASK = IN_CREATE | IN_OPEN | IN_CLOSE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE
_ENDS = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED


class Spool(Steps[Any]):
    """The files of a directory, each when it is complete; see :func:`complete`."""

    # The directory is watched first and listed then. A file of the list whose creation
    # is among the events that came meanwhile is new, and waits for its end.

    _kind = "a spool directory"

    def __init__(self, directory: Path) -> None:
        self._directory: Any = os.fspath(directory)
        self._place = fsencode(directory)
        try:
            self._start(directory)
            self._events = Events()
            self._add(self._events, POLLIN, HINTS)
            inotify_add_watch(self._events, self._place, _MASK | _ENDS & ~IN_IGNORED | IN_ONLYDIR)
            self._list()
            self._arm()
            self.step()
        except BaseException:
            self._fail()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        self._ended = False
        self._writing = Writing()
        #: names of files that are complete, in order
        self._ready: dict[bytes, None] = {}
        #: the versions that were told of the files that are still there
        self._told: dict[bytes, tuple[int, ...]] = {}

    def _list(self) -> None:
        """Find the files that are there and were not told."""
        try:
            names = set(os.listdir(self._place))
        except FileNotFoundError:
            return
        self._told = {name: version for name, version in self._told.items() if name in names}
        for name in sorted(names):
            status = self._look(name)
            if status is not None and self._told.get(name) != version(status) and name not in self._writing:
                self._ready[name] = None

    def _look(self, name: bytes) -> os.stat_result | None:
        """Return the status of a file, None if there is none."""
        try:
            status = os.stat(os.path.join(self._place, name), follow_symlinks=False)
        except OSError:
            return None
        return None if stat.S_ISDIR(status.st_mode) else status

    def _work(self, torn: bool) -> None:
        lost, new = torn, []
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
                if self._writing.feed(name, bits):
                    self._ready[name] = None
                elif bits & IN_CREATE:
                    new.append(name)
        for name in new:
            status = self._look(name)
            if name in self._writing and (status is None or status.st_nlink > 1 or not stat.S_ISREG(status.st_mode)):
                # it is not written, but linked
                self._writing.forget(name)
                self._ready[name] = None
        if lost and not self._ended:
            # a close may be among the lost events, so all files are new ones again
            ready, self._writing = dict(self._ready), Writing()
            self._list()
            for name in self._ready.keys() - ready.keys():
                self._writing.begin(name)
            self._ready = ready
        self._ready.update(dict.fromkeys(self._writing.due()))

    def _take(self) -> list[Any]:
        found = []
        for name in self._ready:
            status = self._look(name)
            if status is not None:
                self._told[name] = version(status)
                found.append(self._path(name))
        self._ready = {}
        return found

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
    come under both. After so many events at once that the kernel lost
    some, a file may come before it is complete, and then again.

    The iteration ends when the directory is deleted or moved.

    Raises PathNotFound, PathNotADirectory, PermissionError, OSError (ENOSPC: no watch
    is left; EMFILE, ENFILE).
    """
    return Spool(directory)
