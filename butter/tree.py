"""Watching a whole tree: a mirror that is right whenever the tree is quiet."""

from __future__ import annotations

import errno
import os
import time
from itertools import compress
from select import POLLIN
from typing import TYPE_CHECKING

from butter._tree_change import Change, ChangeKind, Entry
from butter._tree_errors import TREE
from butter._tree_fanotify import FanotifySource
from butter._tree_file import FileWatch, watch_file
from butter._tree_hints import Hints
from butter._tree_inotify import InotifySource
from butter._tree_look import RETRY, Looks
from butter._tree_model import Directory, Model
from butter._tree_mounts import WAKE, Mounts
from butter._tree_open import Opened
from butter._tree_patterns import Gitignore, Matchers, Patterns, gitignore
from butter._tree_place import directory_at
from butter._tree_process import Process
from butter._tree_settle import Settled
from butter._tree_spool import Spool, complete
from butter._tree_step import HINTS, MOUNTS, Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from butter._arguments import Path
    from butter._tree_model import Node, Record
    from butter._tree_patterns import Matcher
    from butter._tree_walk import Walk

__all__ = [
    "Change",
    "ChangeKind",
    "Entry",
    "FileWatch",
    "Gitignore",
    "Process",
    "Spool",
    "Tree",
    "complete",
    "gitignore",
    "watch_file",
]


class Tree(Steps[Change]):
    """``Tree(path, *, exclude=None, include=None, backend="auto", ...)``.

    Watches the directory *path* with all below it. Its events are Changes. ::

        with Tree("/srv") as tree:
            mirror = tree.entries()
            for change in tree:
                print(change.kind.name, change.path)

    Whenever the tree is ``quiet``, a program that began with :meth:`entries` and
    has followed the changes has the names, kinds and inodes that are on the disk. The
    version of a file is that of the last time when it was closed after writing, or its
    attributes changed, under this name. The states are promised, and not the
    story: a file that comes and goes before it is looked at may not be told, and a move
    may be told as DELETED and CREATED.

    A directory that appears or moves in is told as CREATED, and then all that is in it.
    DELETED and MOVED are about a path and all below it. When the root goes, one DELETED
    with an empty path is told; the tree then waits for the path, and tells CREATED
    again. A link in *path* is followed once, when the tree is made; links in the tree
    are not, unless *follow_symlinks* makes those to directories directories.

    *exclude* leaves files and directories out, and *include* all other files. Each is a
    glob, a function, or several. A glob without ``/`` is compared with the name, and
    one with ``/`` with the path: ``*`` and ``?`` do not match a slash, ``**`` between
    slashes matches any number of directories, and a glob that ends with ``/`` matches
    directories alone. A function is called with the path and whether that is a
    directory, and returns whether it matches. :func:`gitignore` returns rules for
    *exclude*. A directory that is excluded costs no watch; one that *include* matches
    is in the tree with all below it, and functions of *include* are asked about files
    alone. A move from a name that is left out is CREATED, and a move to one DELETED.

    *modified* tells MODIFIED for each write. Without *cross_mounts*, directories at
    which another filesystem begins are not looked into. With *partial* the tree goes on
    with the directories that can be watched, when this user has no watch left.
    *backend* is "inotify", which has a watch for each directory, or "fanotify", which
    has a mark on the whole filesystem: only root may have that, on some filesystems,
    and reads everything that happens there. "auto" is inotify, unless this user has too
    few watches for the tree and fanotify works, also with *partial*. :attr:`backend`
    says which it is. With *pidfd* each process of ``Change.process`` has a pidfd, if
    the backend is fanotify.

    No event tells of a file that is truncated by its path, of stores through a mapping
    after the file is closed, of what is written by another hard link of the file, and
    of changes that another machine makes in a network filesystem.

    A forked child does not have the tree: its copy is closed. ``adopt`` takes over a
    tree, and no bare descriptor, which is not all of one. A signal handler that reads
    the tree gets RuntimeError if it has interrupted a read that is at work, and not one
    that waits.

    Raises PathNotFound, PathNotADirectory, PermissionError, OSError (ENOSPC: no watch
    is left; EMFILE, ENFILE), OutOfMemory, ValueError for another *backend* or a glob
    that no path can match, TypeError for an *exclude* of another type.
    """

    # One step reads all hints, applies them, looks at what is dirty, and sends the
    # records that can be sent (butter/_tree_model.py, _tree_hints.py, _tree_look.py).
    #
    # The step is that of butter/_tree_step.py; the descriptor is readable for mountinfo
    # as well.

    _kind = "a tree"

    _source: InotifySource | FanotifySource | None = None
    _mounts: Mounts
    _model: Model
    _looks: Looks
    #: returns a path as the type that the root has
    _text: Callable[[bytes], Any]
    _name = _why = ""

    def __init__(
        self,
        path: Path,
        *,
        exclude: Matcher | None = None,
        include: Matcher | None = None,
        modified: bool = False,
        follow_symlinks: bool = False,
        cross_mounts: bool = True,
        backend: str = "auto",
        partial: bool = False,
        pidfd: bool = False,
    ) -> None:
        if backend not in ("auto", "inotify", "fanotify"):
            raise ValueError(f"backend must be 'auto', 'inotify' or 'fanotify', not {backend!r}")
        self._patterns = Matchers.of(exclude, "exclude"), Matchers.of(include, "include")
        self._follows = follow_symlinks
        self._text = bytes if isinstance(os.fspath(path), bytes) else os.fsdecode
        place = directory_at(path)
        with Opened() as opened:
            TREE.check(opened.open(place), path)
        try:
            self._start(path)
            self._open(place, path, modified, cross_mounts, backend, partial, pidfd)
            self._looks.partial = partial
            self._known, self._packed = _first(self._model)
            if self._model.root is None:
                TREE.fail(errno.ENOENT, path)
            self._arm()
        except BaseException:
            self._fail()
            raise

    def _open(
        self, place: bytes, path: Path, modified: bool, cross_mounts: bool, backend: str, partial: bool, pidfd: bool
    ) -> None:
        """Choose where hints come from, and scan the tree."""
        self._mounts = Mounts()
        self._add(self._mounts, WAKE, MOUNTS)
        if backend == "fanotify":
            self._scan(place, FanotifySource(place, modified, pidfd), cross_mounts)
            self._why = "asked for"
            return
        source, refused = InotifySource(modified), None
        try:
            self._scan(place, source, cross_mounts, walk=True)
            self._why = "asked for" if backend == "inotify" else "its watches suffice, and nothing outside is read"
            return
        except OSError as error:
            is_open = source.fileno() >= 0
            if is_open and not self._looks.unwatched:
                raise
            refused = error
            watches = source.watches
        if backend == "auto":
            try:
                self._scan(place, FanotifySource(place, modified, pidfd), cross_mounts)
                few = (
                    f"watches for {watches} directories, which are too few" if is_open else "no inotify descriptor left"
                )
                self._why = f"this user has {few}"
                return
            except OSError:
                pass  # inotify is what there is
        if not is_open:
            raise refused
        source = InotifySource(modified)
        self._scan(place, source, cross_mounts, partial=True)
        if not partial:
            TREE.fail(errno.ENOSPC, path, watches=watches, needed=source.watches + self._looks.unwatched)
        self._why = f"it watches {watches} directories, and this user has no watch for the others"

    def _scan(
        self,
        place: bytes,
        source: InotifySource | FanotifySource,
        cross_mounts: bool,
        partial: bool = False,
        walk: bool = False,
    ) -> None:
        if self._source is not None:
            # its watches end, so that there are more for others
            self._source.close()
            self._looks.close()
        self._source, self._name = source, source.name
        self._model = model = Model(place, source.drop)
        self._hints = Hints(model, source)
        self._looks = Looks(model, source, self._hints, cross_mounts)
        self._parts.append(self._looks)
        self._add(source, POLLIN, HINTS)
        self._looks.partial = partial
        model.follows = self._follows
        if self._patterns == (None, None):
            if walk and not self._follows and isinstance(source, InotifySource):
                self._looks.walk_with = source
        else:
            # the walk in C knows nothing of patterns and links
            patterns = Patterns(model, *self._patterns, self._text)
            model.excluded, model.rescanned = patterns.excluded, patterns.rescanned
        model.touch(model.anchor, model.anchor.way[0])
        self._looks.work()
        self._mounts.changed()
        if self._mounts.compare(model):
            self._looks.work()
        model.silent = False

    def entries(self) -> dict[str | Any, Entry]:
        """The files that were there when the tree was made: a dict from path to Entry.

        Paths are relative to the root, which is the empty path. Changes are not
        followed: the result is always the same.
        """
        text = self._text
        found = {text(path): entry for path, entry in self._known}
        for path, walk, place in self._packed:
            found.update((text(below), entry) for below, entry in walk.entries(path, place))
        return found

    @property
    def backend(self) -> str:
        """Where changes come from, and why, as "inotify: asked for"."""
        return f"{self._name}: {self._why}"

    def settle(self, seconds: float) -> Iterator[Change]:
        """One change for each path, the sum of all, once it was quiet for *seconds*.

        A file that came and went is not told, and one that was replaced, as editors
        save, is WRITTEN. CREATED of a path that was there means that a directory was
        replaced, or is now. Where a directory moves, what had happened below it is told
        at once.

        The iterator has what it has not told yet: another one begins anew.

        Raises ValueError for negative *seconds*, and if the object is closed; TypeError
        for None.
        """
        return Settled(self, seconds)

    # a step

    def _work(self, torn: bool) -> None:
        hints, looks, mounts = self._hints, self._looks, self._mounts
        if torn:
            self._model.mend()
            hints.overflow()
            mounts.changed()
        self._model.time = time.time()
        there = self._ask()
        if there & HINTS:
            hints.read(True)
        if there & MOUNTS:
            mounts.changed()
            # another filesystem may be where a directory could not be opened
            self._model.generation += 1
        looks.work()
        if mounts.pending and mounts.compare(self._model):
            looks.work()

    def _send(self) -> None:
        model = self._model
        changes = [self._change(record) for record in model.complete()]
        # One call of C takes each record and puts its change there: a signal handler
        # that raises before or after it finds each change once.
        self._batch.extend(compress(changes, iter(model.records.popleft, None)))

    def _next_time(self) -> float | None:
        when = self._looks.next_time()
        if not self._mounts.pending:
            return when
        retry = time.monotonic() + RETRY
        return retry if when is None else min(when, retry)

    def _begun(self) -> float | None:
        times = self._looks.begun()
        if self._mounts.pending:
            times.append(self._mounts.since)
        if self._is_quiet():
            return None
        return min(times, default=0.0)

    def _is_quiet(self) -> bool:
        return self._looks.is_quiet() and not (self._model.records or self._mounts.pending)

    def _change(self, record: Record) -> Change:
        kind, path, old_path, node, is_dir, process, synthetic, moment, replaced = record
        text = self._text
        entry = None if kind is ChangeKind.DELETED else node.entry()
        old = None if old_path is None else text(old_path)
        return Change(kind, text(path), old, is_dir, process, synthetic, moment, entry, replaced)


def _first(model: Model) -> tuple[list[tuple[bytes, Entry]], list[tuple[bytes, Walk, int]]]:
    """Return the entries of a model, parents first, and the packed directories."""
    known: list[tuple[bytes, Entry]] = []
    packed: list[tuple[bytes, Walk, int]] = []
    left: list[tuple[bytes, Node]] = [] if model.root is None else [(b"", model.root)]
    while left:
        path, node = left.pop()
        entry = node.entry()
        if entry is not None:
            known.append((path, entry))
        if not isinstance(node, Directory):
            continue
        if node.packed is not None:
            packed.append((path, *node.packed))
            continue
        left.extend((path + b"/" + name if path else name, each) for name, each in node.children.items())
    return known, packed
