"""Watching a whole tree: a mirror that is right whenever the tree is quiet."""

from __future__ import annotations

import errno
import os
import time
from _thread import get_ident
from select import POLLIN
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fsencode
from butter._descriptor import ADOPT
from butter._signals import run_handlers
from butter._tree_alarm import Alarm
from butter._tree_c import ffi, lib
from butter._tree_errors import TREE
from butter._tree_fanotify import FanotifySource
from butter._tree_hints import Hints
from butter._tree_inotify import InotifySource
from butter._tree_look import RETRY, Looks
from butter._tree_model import ChangeKind, Directory, Entry, Model, absolute
from butter._tree_mounts import WAKE, Mounts
from butter._tree_settle import Sums
from butter.eventlike import Eventlike, check_poll, deadline_of, poll, timed_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from butter._arguments import Path
    from butter._tree_hints import Source
    from butter._tree_model import Node, Record
    from butter._tree_walk import Walk

__all__ = ["Change", "ChangeKind", "Entry", "Tree"]

#: how much longer than its timeout a wait may take for what has begun, in seconds
LATE = 0.1


class Change(NamedTuple):
    """A change of a tree: a named tuple.

    Its paths are relative to the root, which is the empty path; they are bytes if the
    root was, else str.
    """

    kind: ChangeKind
    path: str | Any
    #: where it was before it was MOVED; else None
    old_path: str | Any = None
    is_dir: bool = False
    #: the process that did it, where the backend knows that; else None
    process: int | None = None
    #: whether the change was found by looking, and not told by an event
    synthetic: bool = False
    #: when the event was read, in seconds since 1970
    time: float = 0.0
    #: the file as it was found after the change; None if it is DELETED, or was gone
    #: before it could be looked at
    entry: Entry | None = None
    #: whether a move replaced what was at the new path
    replaced: bool = False


class Tree(Eventlike[Change]):
    """``Tree(path, *, modified=False, cross_mounts=True, backend="auto", ...)``.

    Watches the directory *path* with all below it. Its events are Changes. ::

        with Tree("/srv") as tree:
            mirror = tree.entries()
            for change in tree:
                print(change.kind.name, change.path)

    Whenever the tree is :attr:`quiet`, a program that began with :meth:`entries` and
    has followed the changes has the names, kinds and inodes that are on the disk. The
    version of a file is that of the last time when it was closed after writing, or its
    attributes changed, under a name in the tree. The states are promised, and not the
    story: a file that comes and goes before it is looked at may not be told, and a move
    may be told as DELETED and CREATED.

    A directory that appears or moves in is told as CREATED, and then all that is in it.
    DELETED and MOVED are about a path and all below it. When the root goes, one DELETED
    with an empty path is told; the tree then waits for the path, and tells CREATED
    again. A link in *path* is followed once, when the tree is made; links in the tree
    are not.

    *modified* tells MODIFIED for each write. Without *cross_mounts*, directories at
    which another filesystem begins are not looked into. With *partial* the tree goes on
    with the directories that can be watched, when this user has no watch left.
    *backend* is "inotify", which has a watch for each directory, or "fanotify", which
    has a mark on the whole filesystem: only root may have that, on some filesystems,
    and reads everything that happens there. "auto" is inotify, unless this user has too
    few watches for the tree and fanotify works. :attr:`backend` says which it is.

    No event tells of a file that is truncated by its path, of stores through a mapping
    after the file is closed, of what is written by a hard link outside the tree, and of
    changes that another machine makes in a network filesystem.

    A forked child does not have the tree: its copy is closed. ``adopt`` takes over a
    tree, and no bare descriptor, which is not all of one. A signal handler that reads
    the tree gets RuntimeError if it has interrupted a read that is at work, and not one
    that waits.

    Raises PathNotFound, PathNotADirectory, PermissionError, OSError (ENOSPC: no watch
    is left; EMFILE, ENFILE), OutOfMemory, ValueError for another *backend*.
    """

    # One step reads all hints, applies them, looks at what is dirty, and sends the
    # records that can be sent (butter/_tree_model.py, _tree_hints.py, _tree_look.py).
    #
    # The descriptor is an epoll over those that hints come from, mountinfo, and a timer
    # for names in limbo and halves of moves. O_NONBLOCK of an epoll descriptor means
    # nothing to the kernel; here it says, as everywhere, whether a read waits.
    #
    # Two threads must not follow the hints at once, so a step holds a lock. A signal
    # handler that reads the tree inside a step of its own thread would find the model
    # half changed, so it gets an error. A handler that raises there leaves dirty names
    # behind that are not known to be dirty any more: the next step looks at everything.

    _kind = "a tree"
    _link = "anon_inode:[eventpoll]"

    _source: Source
    _alarm: Alarm
    _mounts: Mounts
    _name = _why = ""
    _torn = False
    _stepping: int | None = None  # the thread that is in a step

    def __init__(
        self,
        path: Path,
        *,
        modified: bool = False,
        cross_mounts: bool = True,
        backend: str = "auto",
        partial: bool = False,
    ) -> None:
        if backend not in ("auto", "inotify", "fanotify"):
            raise ValueError(f"backend must be 'auto', 'inotify' or 'fanotify', not {backend!r}")
        self._is_bytes = isinstance(os.fspath(path), bytes)
        place = absolute(fsencode(path))
        if (result := lib.butter_tree_open(place, ffi.new("int64_t[]", lib.BUTTER_FACTS))) < 0:
            TREE.check(result, path)
        os.close(result)
        if (fd := lib.butter_tree_epoll()) < 0:
            TREE.check(fd, path)
        super().__init__(fd)
        try:
            self._open(place, path, modified, cross_mounts, backend, partial)
            self._begin()
            if self._model.root is None:
                TREE.fail(errno.ENOENT, path)
        except BaseException:
            if not self.closed():
                self.close()
            raise

    def _init_state(self) -> None:
        super()._init_state()
        self._lock = RLock()
        #: what has a descriptor beside that of the object
        self._parts: list[Source | Alarm | Mounts] = []

    def _open(self, place: bytes, path: Path, modified: bool, cross_mounts: bool, backend: str, partial: bool) -> None:
        """Choose where hints come from, and scan the tree."""
        self._mounts = Mounts()
        self._parts.append(self._mounts)
        if backend == "fanotify":
            self._scan(place, FanotifySource(place, modified), cross_mounts, partial)
            self._why = "asked for"
            return
        source = InotifySource(modified)
        try:
            self._scan(place, source, cross_mounts, partial, source)
            self._why = "asked for" if backend == "inotify" else "its watches suffice, and nothing outside is read"
            return
        except OSError:
            if not self._looks.unwatched:
                raise
            watches = source.watches
        if backend == "auto":
            try:
                self._scan(place, FanotifySource(place, modified), cross_mounts, partial)
                self._why = f"this user has watches for {watches} directories, which are too few"
                return
            except OSError:
                pass  # inotify is what there is
        if not partial:
            needed = 1 + sum(len(directories) for _, directories, _ in os.walk(place))
            TREE.fail(errno.ENOSPC, path, watches=watches, needed=needed)
        self._scan(place, InotifySource(modified), cross_mounts, True)
        self._why = f"it watches {watches} directories, and this user has no watch for the others"

    def _scan(
        self,
        place: bytes,
        source: Source,
        cross_mounts: bool,
        partial: bool,
        walk_with: InotifySource | None = None,
    ) -> None:
        if len(self._parts) > 1:
            # its watches end, so that there are more for others
            self._parts.pop().close()
        self._parts.append(source)
        self._source, self._name = source, source.name
        self._model = model = Model(place, source.drop)
        self._hints = Hints(model, source)
        self._looks = Looks(model, source, self._hints, cross_mounts, partial)
        self._looks.walk_with = walk_with
        model.touch(model.anchor, model.anchor.way[0])
        self._looks.work()
        model.silent = False

    def _begin(self) -> None:
        """Have the descriptor become readable for all that there is to wait for."""
        self._known, self._packed = _first(self._model)
        self._alarm = alarm = Alarm()
        self._parts.append(alarm)
        for part, events in (self._source, POLLIN), (alarm, POLLIN), (self._mounts, WAKE):
            TREE.check(lib.butter_tree_wait_for(self.fileno(), part.fileno(), events))
        self._arm()

    def _end(self) -> None:
        """Close all descriptors but the one that the program knows."""
        # A signal handler may raise between two of them: the caller comes again then.
        for part in self._parts:
            part.close()
        self._parts.clear()

    def _drop_batch(self) -> None:
        super()._drop_batch()
        self._end()

    def _after_fork(self) -> None:
        # two processes cannot follow one queue
        self._lock, self._stepping = RLock(), None
        fd, self._fd = self._fd, None
        super()._after_fork()
        if fd is not None:
            os.close(fd)

    def _adopted(self, fd: int) -> None:
        ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other="a descriptor, of which the tree is not known")

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

    @property
    def quiet(self) -> bool:
        """Whether the model is the disk: nothing is left to be read and looked at.

        The changes may still wait in the object (``pending``).

        Raises ValueError if the object is closed.
        """
        with self._lock:
            self.step()
            mounts = self._mounts
            return self._looks.is_quiet() and not (self._model.records or mounts.pending)

    def sync(self, timeout: float | None = None) -> None:
        """Read and look until the tree is quiet.

        ``wait`` and iteration then return all changes that were complete before the
        call, and ``pending`` says how many there are. *timeout* is in seconds; None is
        without a limit, though a tree that never pauses is never quiet.

        Raises TimeoutError, ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        while not self.quiet:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise timed_out(TimeoutError, timeout, "no quiet moment")
            self._await(-1 if left is None else int(left * 1000) + 1)

    def wait(self, timeout: float | None = None) -> Change:
        """The next change, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever, 0 not at all. A wait may take
        a tenth of a second longer, for a change that has begun and is not known yet.

        Raises TimeoutError when nothing has changed in time, ValueError for a negative
        timeout or a closed object.
        """
        deadline = deadline_of(timeout)
        try:
            return super().wait(timeout)
        except TimeoutError:
            while deadline is not None and not self.quiet and time.monotonic() < deadline + LATE:
                try:
                    return super().wait(RETRY)
                except TimeoutError:
                    pass
            try:
                # the last look may have found a change
                return self._batch.popleft()
            except IndexError:
                pass
            raise

    def settle(self, seconds: float) -> Iterator[Change]:
        """One change for each path, the sum of all, once it was quiet for *seconds*.

        A file that came and went is not told, and one that was replaced, as editors
        save, is WRITTEN. CREATED of a path that was there means that a directory was
        replaced, or is now. Where a directory moves, what had happened below it is told
        at once.

        The iterator has what it has not told yet: another one begins anew.

        Raises ValueError for negative *seconds*, and if the object is closed.
        """
        deadline_of(seconds, "seconds")
        return self._settled(Sums(seconds))

    def _settled(self, sums: Sums) -> Iterator[Change]:
        while True:
            try:
                sums.add(self.wait(sums.left()))
            except TimeoutError:
                pass
            yield from sums.take()

    def _read_events(self) -> list[Change]:
        # A step puts the changes into the batch itself, where a signal handler that
        # raises cannot lose them; the caller looks there after this.
        if not os.get_blocking(self.fileno()):
            self.step()
            if not self._batch:
                TREE.fail(errno.EAGAIN)
            return []
        if self._await(-1):
            self.step()
        return []

    def _await(self, milliseconds: int) -> bool:
        """Wait until there is something to do, and return whether no signal came."""
        ready = poll(self.fileno(), POLLIN, milliseconds)
        if ready < 0:
            check_poll(ready)
            run_handlers()
        return ready >= 0

    def step(self) -> None:
        """Read and look as far as that is possible without waiting.

        The changes that were found wait in the object (``pending``).

        Raises ValueError if the object is closed, OSError where a limit is reached.
        """
        if self._stepping == get_ident():
            raise RuntimeError(f"{self!r} is being read by this thread: a signal handler cannot read it meanwhile")
        with self._lock:
            self.fileno()
            mounts = self._mounts
            self._stepping = get_ident()
            try:
                if self._torn:
                    self._hints.overflow()
                self._torn = True
                there = lib.butter_tree_ask(self._source.fileno(), mounts.asked)
                if there & 1 or there < 0:
                    self._hints.read(there > 0)
                if there & 2:
                    mounts.changed()
                self._looks.work()
                if mounts.pending and mounts.compare(self._model):
                    self._looks.work()
                self._torn = False
                records = self._model.take()
                if records:
                    self._batch.extend([self._change(record) for record in records])
                self._arm()
            finally:
                self._stepping = None

    def _arm(self) -> None:
        """Have the descriptor become readable when there is something to do."""
        when = self._looks.next_time()
        if self._mounts.pending or self._torn:
            when = min(when or time.monotonic() + RETRY, time.monotonic() + RETRY)
        self._alarm.set(when)

    def _change(self, record: Record) -> Change:
        kind, path, old_path, node, is_dir, process, synthetic, moment, replaced = record
        text = self._text
        entry = None if kind is ChangeKind.DELETED else node.entry()
        old = None if old_path is None else text(old_path)
        return Change(kind, text(path), old, is_dir, process, synthetic, moment, entry, replaced)

    def _text(self, path: bytes) -> str | Any:
        return path if self._is_bytes else os.fsdecode(path)


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
