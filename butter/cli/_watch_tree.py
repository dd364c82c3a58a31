"""The changes of whole trees, and of files that are followed by their names."""

from __future__ import annotations

import os
import stat
from collections import deque
from typing import TYPE_CHECKING

from butter._tree_file import FileWatches
from butter._tree_settle import Sums
from butter.cli._output import shortened, tell_if_room, without_call
from butter.cli._watch import KINDS, MOST_LINES, ONLY_FANOTIFY, SOME, Line, json_fields
from butter.cli._watch_names import MOVED
from butter.cli._watch_skip import skip
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_MODIFY,
    IN_MOVE,
    IN_MOVE_SELF,
)
from butter.tree import Change, ChangeKind, Tree, gitignore

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from butter.cli._processes import Process
    from butter.tree import Entry

#: how many changes may wait whose processes have a descriptor each
MOST_PROCESSES = 10_000

BITS = {kind: KINDS[kind.value] for kind in ChangeKind}

#: after these a directory may be one that is not watched
APPEARED = ChangeKind.CREATED, ChangeKind.ATTRIBUTES, ChangeKind.MOVED

#: the events that stand for each kind, beside those of KINDS
ALSO = {IN_DELETE: IN_DELETE_SELF, IN_MOVE: IN_MOVE_SELF | ONLY_FANOTIFY["rename"]}


def kinds_of(mask: int) -> tuple[int, int]:
    """Return the bits of the kinds that *mask* stands for, and those that are left."""
    if mask == IN_ALL_EVENTS:
        return sum(KINDS.values()), 0
    kinds = known = 0
    for bits in KINDS.values():
        here = bits | ALSO.get(bits, 0)
        kinds |= bits if mask & here else 0
        known |= here
    if mask & IN_CLOSE_WRITE:
        known |= IN_CLOSE_NOWRITE  # as in 'close'
    return kinds, mask & ~known


class Changes:
    """Lines of the changes of a tree, or of files."""

    def __init__(self, source: Tree | FileWatches, options: argparse.Namespace, kinds: int) -> None:
        self._source = source
        self._options = options
        self._kinds = kinds
        self._sums = None if options.settle is None else Sums(options.settle)
        #: changes that were found when a directory appeared
        self._found: deque[Change] = deque()
        #: the files that are written, if that was asked for, whatever their change is
        self._written: set[Any] = set()
        #: the file that was DELETED last
        self._gone: Any = None
        self.fileno, self.close = source.fileno, source.close

    def drain(self) -> None:
        """Read what happened, and look."""
        if self._source.pending < (MOST_PROCESSES if self._options.who else MOST_LINES):
            self._source.step()

    def take(self) -> list[Line]:
        """Return the lines of some changes."""
        changes = self._changes()
        if self._sums is not None:
            self._settle(changes)
            changes = self._sums.take()
        return self._lines(changes)

    def left(self) -> float | None:
        """Return in how many seconds there may be lines."""
        if self._found or self._source.pending:
            return 0.0
        return None if self._sums is None else self._sums.left()

    def rest(self) -> list[Line]:
        """Return all lines."""
        changes = []
        while self._found or self._source.pending:
            changes += self._changes()
        if self._sums is not None:
            self._settle(changes)
            changes = self._sums.rest()
        return self._lines(changes)

    def find(self, path: bytes, entry: Entry, now: float) -> None:
        """Tell that a file was found."""
        place: Any = path
        self._found.append(Change(ChangeKind.CREATED, place, None, entry.is_dir, None, True, now, entry))

    def _changes(self) -> list[Change]:
        changes: list[Change] = []
        while len(changes) < SOME and self._found:
            changes.append(self._found.popleft())
        while len(changes) < SOME and self._source.pending:
            changes.append(self._seen(self._source.read_event()))
        return changes

    def _settle(self, changes: list[Change]) -> None:
        sums: Any = self._sums
        for change in changes:
            self._note(change)
            sums.add(change)

    def _lines(self, changes: list[Change]) -> list[Line]:
        lines: list[Line] = []
        for change in changes:
            path: Any = change.path
            old_path: Any = change.old_path
            if self._sums is None:
                self._note(change)
            goes = change.kind is ChangeKind.DELETED and self._is_named(path)
            if goes and change.outside:
                change = change._replace(kind=ChangeKind.MOVED)
            counted = BITS[change.kind] & self._kinds != 0 or path in self._written
            self._written.discard(path)
            if counted or goes:
                line = ChangeLine(change, self._whole(path), counted)
                line.old_path = None if old_path is None else self._whole(old_path)
                if self._options.who:
                    line.find_process()
                lines.append(line)
        if self._sums is not None and self._sums.left() is None:
            self._written.clear()
        return lines

    def _note(self, change: Change) -> None:
        """Remember whether a file is written, if that was asked for."""
        kind, path = change.kind, change.path
        if not self._kinds & IN_CLOSE_WRITE or change.is_dir:
            return
        if kind is ChangeKind.MOVED:
            if change.replaced or change.old_path in self._written:
                self._written.add(path)
            self._written.discard(change.old_path)
        elif kind is ChangeKind.DELETED:
            self._written.discard(path)
        elif kind is ChangeKind.WRITTEN or (kind is ChangeKind.CREATED and self._is_complete(change)):
            self._written.add(path)
        self._gone = path if kind is ChangeKind.DELETED else None

    def _seen(self, change: Change) -> Change:
        """Return a change of the source, which may have to be acted on."""
        raise NotImplementedError

    def _is_complete(self, change: Change) -> bool:
        """Return whether a file that was CREATED is not going to be WRITTEN."""
        raise NotImplementedError

    def _is_named(self, path: bytes) -> bool:
        """Return whether the path of a change is a PATH."""
        raise NotImplementedError

    def _whole(self, path: bytes) -> bytes:
        """Return a path as it is shown."""
        raise NotImplementedError


class Below(Changes):
    """A directory, with all that is below it or with the files in it."""

    def __init__(self, path: bytes, options: argparse.Namespace, kinds: int) -> None:
        self.path = path
        #: whether the name, which is followed, may become that of a file
        self.is_gone = False
        self._unwatched: set[Any] = set()
        exclude: list[Any] = list(options.exclude or ())
        if options.gitignore:
            exclude.append(gitignore(path))
        if not options.recursive:
            exclude.append(lambda path, is_dir: b"/" in path)
        self._tree = Tree(
            path,
            exclude=exclude or None,
            include=options.include,
            modified=bool(kinds & IN_MODIFY),
            backend="fanotify" if options.who else "auto",
            partial=True,
            pidfd=options.who,
        )
        super().__init__(self._tree, options, kinds)

    def drain(self) -> None:
        """Read what happened, and look."""
        try:
            super().drain()
        except OSError as error:
            # the library names what it has tried to open
            error.filename = self.path
            raise

    def take(self) -> list[Line]:
        """Return the lines of some changes."""
        lines = super().take()
        return lines + self.rest() if self.is_gone else lines

    def begin(self) -> None:
        """Tell which directories cannot be read.

        Raises OSError if there are too few watches, which may be mended before a start.
        """
        for path, reason in self._new_unwatched():
            if not isinstance(reason, PermissionError):
                raise reason
            skip(path, reason)

    def find_all(self, now: float) -> None:
        """Tell that all was found that is in the directory."""
        path: Any
        for path, entry in self._tree.entries().items():
            if path:
                self.find(path, entry, now)

    def _new_unwatched(self) -> list[tuple[bytes, OSError]]:
        """Return the directories that are not watched any more, with the reasons."""
        found: dict[Any, OSError] = self._tree.unwatched()
        new = sorted(found.keys() - self._unwatched)
        self._unwatched = set(found)
        # those in a directory are of no interest where it is watched alone
        return [(self._whole(path), found[path]) for path in new if self._options.recursive or not path]

    def _lines(self, changes: list[Change]) -> list[Line]:
        if any(change.is_dir and change.kind in APPEARED for change in changes):
            lacking = []
            for path, reason in self._new_unwatched():
                if isinstance(reason, PermissionError):
                    skip(path, reason)
                else:
                    lacking.append((path, reason))
            if lacking:
                path, reason = lacking[0]
                others = f", and {len(lacking) - 1} others" if lacking[1:] else ""
                tell_if_room(f"not watched: {without_call(reason)}: '{shortened(path)}'{others}")
        return super()._lines(changes)

    def _seen(self, change: Change) -> Change:
        if self._options.follow and not change.path:
            self.is_gone = change.kind is ChangeKind.DELETED
        return change

    def _is_complete(self, change: Change) -> bool:
        # a file that was moved here, or linked, is not closed after writing
        path: Any = change.path
        return change.synthetic or change.outside or path == self._gone or is_linked(self._whole(path))

    def _is_named(self, path: bytes) -> bool:
        return not path

    def _whole(self, path: bytes) -> bytes:
        return os.path.join(self.path, path) if path else self.path


class Files(Changes):
    """Files that are followed by their names.

    A name that is not there yet is waited for, and may become that of a directory.
    """

    def __init__(self, options: argparse.Namespace, kinds: int, path: bytes) -> None:
        self._watches = FileWatches(path)
        super().__init__(self._watches, options, kinds)
        self.add, self.remove = self._watches.add, self._watches.remove
        #: names that are now those of directories, and since when
        self.directories: dict[bytes, float] = {}

    def _seen(self, change: Change) -> Change:
        path: Any = change.path
        if change.is_dir and change.kind is not ChangeKind.DELETED:
            # also in the place of a file
            change = change._replace(kind=ChangeKind.CREATED)
            self.directories[path] = change.time
        return change

    def _is_complete(self, change: Change) -> bool:
        return True

    def _is_named(self, path: bytes) -> bool:
        return True

    def _whole(self, path: bytes) -> bytes:
        return path


def is_linked(path: bytes) -> bool:
    """Return whether a file has another name."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink > 1


class ChangeLine(Line):
    """The line of a change."""

    __slots__ = ("change", "process")

    def __init__(self, change: Change, path: bytes, counted: bool) -> None:
        flags = [change.kind.name, "ISDIR"] if change.is_dir else [change.kind.name]
        super().__init__(change.time, flags, BITS[change.kind], path, counted)
        self.change = change
        self.process: Process | None = None

    def find_process(self) -> None:
        """Look for the name of the process, while it has its number."""
        from butter.cli._processes import GONE, Process, process_behind

        found = self.change.process
        if found is None:
            self.process = Process(None, unknown="no event told it")
        elif found.pidfd is None:
            self.process = Process(found.pid, ended=True, unknown=GONE)
        else:
            self.process = process_behind(found.pid, found.pidfd)

    @property
    def note(self) -> str:  # type: ignore[override]
        """The process, and whether a PATH is no longer that of the file."""
        return ("" if self.process is None else f"  by {self.process.text()}") + MOVED * self._has_moved()

    def _has_moved(self) -> bool:
        return self.change.kind is ChangeKind.MOVED and self.old_path is None

    def json(self) -> dict[str, Any]:
        """The fields for programs."""
        change = self.change
        fields: dict[str, Any] = {"kind": change.kind.value}
        fields.update(json_fields("path", self.path or b""))
        fields.update({"old_path": None} if self.old_path is None else json_fields("old_path", self.old_path))
        fields.update(is_dir=change.is_dir, synthetic=change.synthetic)
        fields["process"] = None if change.process is None else change.process.pid
        if self._has_moved():
            fields["moved"] = True
        if self.process is not None:
            more = self.process.json()
            del more["pid"]
            fields.update(more)
        return fields

    def more(self) -> dict[str, Any]:
        """The other fields."""
        process = self.process
        return {} if process is None else {"pid": process.pid, "comm": process.comm}
