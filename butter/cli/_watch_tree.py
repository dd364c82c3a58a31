"""The changes of whole trees, and of files that are followed by their names."""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import TYPE_CHECKING

from butter._tree_model import Directory
from butter._tree_settle import Sums
from butter.cli._output import printable, tell, without_call
from butter.cli._watch import KINDS, MOST_LINES, ONLY_FANOTIFY, SOME, Line, json_fields
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
from butter.tree import Change, ChangeKind, FileWatch, Tree, gitignore

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from butter._tree_model import Node
    from butter.cli._processes import Process

#: how many changes may wait whose processes have a descriptor each
MOST_PROCESSES = 10_000

BITS = {kind: KINDS[kind.value] for kind in ChangeKind}

#: what is added to the words of an error
EACH = {errno.EMFILE: "; each PATH of -r and --follow takes one"}

#: after these a directory may be one that cannot be read
APPEARED = ChangeKind.CREATED, ChangeKind.ATTRIBUTES

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


class Followed:
    """A path: a directory with all below it, or a file by its name.

    A name that is not there yet is waited for, and is then one or the other.
    """

    def __init__(self, path: bytes, options: argparse.Namespace, kinds: int) -> None:
        self.path = path
        self._options = options
        self._kinds = kinds
        self._sums = None if options.settle is None else Sums(options.settle)
        #: changes that were found when a directory appeared
        self._found: deque[Change] = deque()
        #: the file that was DELETED last
        self._gone: Any = None
        self._source: Tree | FileWatch = self._open()

    def _open(self) -> Tree | FileWatch:
        if os.path.isdir(self.path) or not (self._options.follow or os.path.lexists(self.path)):
            return self._tree()
        if self._options.who:
            self._options.refuse(f"--who needs directories, which '{printable(self.path)}' is not")
        return FileWatch(self.path)

    def _tree(self) -> Tree:
        options = self._options
        exclude: list[Any] = list(options.exclude or ())
        if options.gitignore:
            exclude.append(gitignore(self.path))
        if not options.recursive:
            exclude.append(lambda path, is_dir: b"/" in path)
        return Tree(
            self.path,
            exclude=exclude or None,
            include=options.include,
            modified=bool(self._kinds & IN_MODIFY),
            backend="fanotify" if options.who else "auto",
            pidfd=options.who,
        )

    def unreadable(self) -> list[bytes]:
        """Return the directories that this user may not read."""
        if not isinstance(self._source, Tree):
            return []
        model = self._source._model
        found: list[bytes] = []
        left: list[Node] = [] if model.root is None else [model.root]
        while left:
            node = left.pop()
            # what is packed was read
            if isinstance(node, Directory) and node.packed is None:
                if node.key is None:
                    found.append(self._whole(model.path_below_root(node)))
                left.extend(node.children.values())
        return sorted(found)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is something to drain."""
        return self._source.fileno()

    def close(self) -> None:
        """End the watch."""
        self._source.close()

    def drain(self) -> None:
        """Read what happened, and look."""
        if self._source.pending < (MOST_PROCESSES if self._options.who else MOST_LINES):
            self._source.step()

    def take(self) -> list[Line]:
        """Return the lines of some changes."""
        changes = self._changes()
        if self._sums is not None:
            for change in changes:
                self._sums.add(change)
            changes = self._sums.take()
        return self._lines(changes)

    def left(self) -> float | None:
        """Return in how many seconds there may be lines."""
        if self._found or self._source.pending:
            return 0.0
        return None if self._sums is None else self._sums.left()

    def waits(self) -> bool:
        """Return whether there are changes in memory."""
        return self.left() is not None

    def rest(self) -> list[Line]:
        """Return all lines."""
        changes = []
        while self._found or self._source.pending:
            changes += self._changes()
        if self._sums is not None:
            for change in changes:
                self._sums.add(change)
            changes = self._sums.rest()
        return self._lines(changes)

    def over(self) -> str | None:
        """Return None: a path may always come again."""
        return None

    def _changes(self) -> list[Change]:
        changes: list[Change] = []
        while len(changes) < SOME and self._found:
            changes.append(self._found.popleft())
        while len(changes) < SOME and self._source.pending:
            change = self._source.read_event()
            if isinstance(self._source, FileWatch):
                root: Any = b""
                change = change._replace(path=root)
                if change.is_dir and change.kind is not ChangeKind.DELETED:
                    # also in the place of a file
                    change = change._replace(kind=ChangeKind.CREATED)
                    self._enter(change.time)
            elif self._options.follow and change.kind is ChangeKind.DELETED and not change.path:
                self._leave(change.time)
            changes.append(change)
        return changes

    def _leave(self, now: float) -> None:
        """Watch the name, which was that of a directory and may become a file's."""
        if self._source.pending:
            return  # there is a directory again
        watch = FileWatch(self.path)
        self._source.close()
        self._source = watch
        entry = watch.entry
        if entry is not None:
            # nothing tells of it any more
            root: Any = b""
            self._found.append(Change(ChangeKind.CREATED, root, None, entry.is_dir, None, True, now, entry))
            if entry.is_dir:
                self._enter(now)

    def _enter(self, now: float) -> None:
        """Watch the directory that has appeared."""
        try:
            tree = self._tree()
        except OSError:
            return  # it has gone again
        self._source.close()
        self._source = tree
        for path, entry in tree.entries().items():
            if path:
                self._found.append(Change(ChangeKind.CREATED, path, None, entry.is_dir, None, True, now, entry))

    def _lines(self, changes: list[Change]) -> list[Line]:
        lines: list[Line] = []
        for change in changes:
            path: Any = change.path
            old_path: Any = change.old_path
            if change.is_dir and change.kind in APPEARED and isinstance(self._source, Tree):
                self._tell_unreadable(path)
            counted = self._is_asked(change)
            self._gone = path if change.kind is ChangeKind.DELETED and not change.is_dir else None
            if counted or (not path and change.kind is ChangeKind.DELETED):
                line = ChangeLine(change, self._whole(path), counted)
                line.old_path = None if old_path is None else self._whole(old_path)
                if self._options.who:
                    line.find_process()
                lines.append(line)
        return lines

    def _tell_unreadable(self, path: bytes) -> None:
        whole = self._whole(path)
        if os.path.isdir(whole) and not os.access(whole, os.R_OK | os.X_OK):
            skip(whole)

    def _is_asked(self, change: Change) -> bool:
        kind = change.kind
        if BITS[kind] & self._kinds:
            return True
        if not self._kinds & IN_CLOSE_WRITE or change.is_dir:
            return False
        # a file that is complete was written, whichever way it came to its name
        if kind is ChangeKind.CREATED:
            return isinstance(self._source, FileWatch) or change.synthetic or change.path == self._gone
        return kind is ChangeKind.MOVED and change.replaced

    def _whole(self, path: bytes) -> bytes:
        return os.path.join(self.path, path) if path else self.path


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
        """The process."""
        return "" if self.process is None else f"  by {self.process.text()}"

    def json(self) -> dict[str, Any]:
        """The fields for programs."""
        change = self.change
        fields: dict[str, Any] = {"kind": change.kind.value}
        fields.update(json_fields("path", self.path or b""))
        fields.update({"old_path": None} if self.old_path is None else json_fields("old_path", self.old_path))
        fields.update(is_dir=change.is_dir, synthetic=change.synthetic)
        fields["process"] = None if change.process is None else change.process.pid
        if self.process is not None:
            more = self.process.json()
            del more["pid"]
            fields.update(more)
        return fields

    def more(self) -> dict[str, Any]:
        """The other fields."""
        process = self.process
        return {} if process is None else {"pid": process.pid, "comm": process.comm}


def trees_of(options: argparse.Namespace, kinds: int) -> list[Followed]:
    """Return a source for each path that *options* name, and tell what is skipped."""
    sources: list[Followed] = []
    skipped: list[tuple[bytes, PermissionError]] = []
    if options.who:
        raise_limit(options)
    # a path that is named twice is one
    paths = {os.path.abspath(path): path for path in map(os.fsencode, reversed(options.paths))}
    try:
        for path in reversed(paths.values()):
            try:
                sources.append(Followed(path, options, kinds))
            except PermissionError as error:
                if options.who:
                    from butter.cli._watch_filesystem import explain

                    explain(error)
                if not options.recursive or options.who:
                    raise
                skipped.append((path, error))
            except OSError as error:
                error.strerror = (error.strerror or "") + EACH.get(error.errno or 0, "")
                raise
        if not sources:
            raise skipped.pop()[1]
    except BaseException:
        for source in sources:
            source.close()
        raise
    finally:
        for path, reason in skipped:
            tell(f"skipped: {without_call(reason)}: '{printable(path)}'")
    for source in sources:
        for unreadable in source.unreadable():
            skip(unreadable)
    return sources


def skip(path: bytes) -> None:
    """Tell that a directory is left out."""
    tell(f"skipped: no permission to read the directory: '{printable(path)}'")


def raise_limit(options: argparse.Namespace) -> None:
    """Let this process have many descriptors: each process of a change takes one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if options.argv is not None:
        from butter.cli import _watch_command

        _watch_command.LIMITS.setdefault(resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
