"""Hints: the events of a source, and what the model makes of them before any look.

A source of hints is an object with

* ``fileno()``, whose descriptor is readable when ``read()`` has hints;
* ``read(certain)``, which returns the hints that are there, and never waits; *certain*
  says that there are some;
* ``watch(fd, is_way)``, which returns the key of an open directory, by which hints
  know it, or None if no watch is left; a watched directory has a hint for each later
  change of its names;
* ``key_of(dirfd, name)``, the key of a directory that cannot be opened, or None;
* ``drop(key)``, ``close()``, and the names of the class :class:`Source`.

A hint is never trusted: it makes a name dirty, and the look (``butter/_tree_look.py``)
decides. But the queue knows two things better than the disk: files that came and went,
and which two names were one move. So these are applied at once, as a guess that the
look corrects.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from butter._tree_change import ChangeKind
from butter._tree_model import Directory
from butter.fanotify import FAN_RENAME
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_Q_OVERFLOW,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from butter._tree_model import Model
    from butter._tree_process import Process

#: how long the second half of a move is waited for, in seconds, and a directory that is
#: gone from its place and may turn up elsewhere
GRACE = 0.010

#: a read with fewer events than these was not full: it has emptied the queue
FULL = 16

_SELF = IN_ATTRIB | IN_MOVE_SELF


class Hint(NamedTuple):
    """Something happened to a name in a directory, or to the directory itself.

    The bits of both sources have the same numbers, those of inotify; a rename of
    fanotify has both places.
    """

    bits: int
    key: Hashable = None
    #: None for the directory itself
    name: bytes | None = None
    is_dir: bool = False
    #: the same in both halves of a move
    cookie: int = 0
    process: Process | None = None
    new_key: Hashable = None
    new_name: bytes | None = None


class Source(Protocol):
    """Where hints come from."""

    #: "inotify" or "fanotify"
    name: str
    #: how many directories are watched
    watches: int

    def fileno(self) -> int: ...
    def read(self, certain: bool = False) -> list[Hint]: ...
    def watch(self, fd: int, is_way: bool) -> Hashable: ...
    def key_of(self, dirfd: int, name: bytes) -> Hashable: ...
    def drop(self, key: Hashable) -> None: ...
    def close(self) -> None: ...


class Hints:
    """Reads the hints of a source into a model."""

    def __init__(self, model: Model, source: Source) -> None:
        self._model = model
        self._source = source
        #: the first halves of moves, by cookie: directory, name, and when to give up
        self.halves: dict[int, tuple[Directory, bytes, float]] = {}
        #: the cookie of each place that is such a half
        self.half_at: dict[tuple[Directory, bytes], int] = {}
        #: which process made a name dirty, if that is known
        self.processes: dict[tuple[Directory, bytes], Process | None] = {}
        #: how often events were lost
        self.overflows = 0

    def read(self, certain: bool = False) -> int:
        """Apply all hints that are there, and return how many there were."""
        hints = self._source.read(certain)
        if hints:
            model = self._model
            model.time, now = time.time(), time.monotonic()
            for hint in hints:
                if hint.name is None:
                    self._about_itself(hint)
                elif hint.bits & FAN_RENAME:
                    self._rename(hint)
                else:
                    self._about_name(hint, hint.name, now)
            model.process = None
        return len(hints)

    def expire(self, now: float) -> None:
        """Give up the halves of moves whose time is over: they left the tree."""
        for cookie, (directory, name, deadline) in list(self.halves.items()) if self.halves else ():
            if deadline <= now or directory.gone:
                self._take_half(cookie)
                self._model.touch(directory, name)

    def overflow(self) -> None:
        """Events were lost: everything has to be looked at."""
        self.overflows += 1
        self.halves.clear()
        self.half_at.clear()
        self._model.rescan_all()

    def made_by(self, directory: Directory, name: bytes, process: Process | None) -> None:
        """Remember the process that made a name dirty, unless there are several."""
        if process is not None:
            place = directory, name
            self.processes[place] = process if self.processes.get(place, process) == process else None

    def _take_half(self, cookie: int) -> tuple[Directory, bytes] | None:
        half = self.halves.pop(cookie, None)
        if half is None:
            return None
        self.half_at.pop(half[:2], None)
        return half[:2]

    def _about_itself(self, hint: Hint) -> None:
        model, bits = self._model, hint.bits
        if bits & IN_Q_OVERFLOW:
            self.overflow()
            return
        for node in model.known(hint.key):
            if node.parent is None:
                continue
            if bits & IN_DELETE_SELF:
                node.dead = True
                model.touch(node.parent, node.name)
            if bits & _SELF:
                model.generation += 1
                model.touch(node.parent, node.name, bits & IN_ATTRIB)
                if bits & IN_ATTRIB and not node.way:
                    model.process = hint.process
                    model.version(node, ChangeKind.ATTRIBUTES)

    def _about_name(self, hint: Hint, name: bytes, now: float) -> None:
        bits, key, _, is_dir, cookie = hint[:5]
        for directory in self._model.known(key):
            if directory.way:
                self._on_the_way(directory, name, bits, cookie)
            elif self._model.leaves_out(directory, name, is_dir):
                if bits & IN_MOVED_TO:
                    self._moved_out(cookie)
                if self._model.follows:
                    # patterns may take a link for a directory, as the look does
                    self._model.touch(directory, name, bits)
            elif bits & IN_MOVED_FROM:
                self._model.touch(directory, name, bits)
                self.halves[cookie] = directory, name, now + GRACE
                self.half_at[directory, name] = cookie
            elif bits & IN_MOVED_TO:
                half = self._take_half(cookie)
                if half is None:
                    self._model.touch(directory, name, bits)
                else:
                    self._guess_move(half, (directory, name))
            else:
                self._guess(directory, name, bits, is_dir, hint.process)

    def _on_the_way(self, directory: Directory, name: bytes, bits: int, cookie: int) -> None:
        if name == directory.way[0]:
            if bits & IN_ATTRIB:
                self._model.generation += 1
            self._model.touch(directory, name, bits)
        if bits & IN_MOVED_TO:
            self._moved_out(cookie)

    def _moved_out(self, cookie: int) -> None:
        half = self._take_half(cookie)
        if half is not None:
            self._model.touch(*half)

    def _rename(self, hint: Hint) -> None:
        """Apply a rename with both places, each of which may be outside the tree."""
        model = self._model
        model.process = hint.process
        olds = self._places(hint.key, hint.name, hint.is_dir)
        news = self._places(hint.new_key, hint.new_name, hint.is_dir)
        for place in (*olds, *news):
            self.made_by(*place, hint.process)
        for old in olds:
            model.touch(*old, IN_MOVED_FROM)
        for new in news:
            model.touch(*new, IN_MOVED_TO)
            for old in olds:
                self._guess_move(old, new)

    def _places(self, key: Hashable, name: bytes | None, is_dir: bool) -> list[tuple[Directory, bytes]]:
        if name is None:
            return []
        return [
            (directory, name)
            for directory in self._model.known(key)
            if (name == directory.way[0] if directory.way else not self._model.leaves_out(directory, name, is_dir))
        ]

    def _guess(self, directory: Directory, name: bytes, bits: int, is_dir: bool, process: Process | None) -> None:
        model = self._model
        model.process = process
        model.touch(directory, name, bits)
        self.made_by(directory, name, process)
        node = directory.children.get(name)
        if is_dir:
            if bits & IN_ATTRIB:
                model.generation += 1
                if node is not None:
                    model.version(node, ChangeKind.ATTRIBUTES)
            return
        if node is None and bits & IN_CREATE:
            node = model.add_file(directory, name, None, False)
        if node is None or node.is_dir:
            return
        if bits & IN_MODIFY:
            model.version(node, ChangeKind.MODIFIED)
        if bits & IN_CLOSE_WRITE:
            model.version(node, ChangeKind.WRITTEN)
        if bits & IN_DELETE:
            model.delete(node, False)
        elif bits & IN_ATTRIB:
            model.version(node, ChangeKind.ATTRIBUTES)

    def _guess_move(self, old: tuple[Directory, bytes], new: tuple[Directory, bytes]) -> None:
        model, (source, name), (target, new_name) = self._model, old, new
        model.touch(source, name, IN_MOVED_FROM)
        model.touch(target, new_name, IN_MOVED_TO)
        if source.gone or target.gone or source.way or target.way or source.mount != target.mount:
            return
        node, replaced = source.children.get(name), target.children.get(new_name)
        if node is None or node is replaced or model.is_within(target, node):
            return
        if replaced is not None and model.is_within(node, replaced):
            return
        model.move(node, target, new_name, False)
