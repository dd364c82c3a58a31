"""Watching files by their names, wherever these lead."""

from __future__ import annotations

import os
import stat
import time
from itertools import chain
from select import POLLIN
from typing import TYPE_CHECKING

from butter._tree_change import Change, ChangeKind, Entry
from butter._tree_events import GRACE, Events, Writing, is_being_written, version
from butter._tree_mounts import WAKE, Mounts
from butter._tree_place import name_at
from butter._tree_step import HINTS, MOUNTS, Steps
from butter._tree_way import Traveller, Way, go
from butter.inotify import IN_ATTRIB, IN_CLOSE_WRITE, IN_CREATE, IN_Q_OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from butter._arguments import Path


class File(Traveller):
    """A file that is followed by its name: where it leads, and what was told of it."""

    # Each step in which an event is about the path goes along it anew. The difference
    # between what is found and what was told is told, once it is finished.
    #
    # A close after writing is an event of the directory and one of the file, unless the
    # file has another name or is mounted alone, or the filesystem has made a copy of
    # it. So of two such events in a row the other one is an echo, which counts only if
    # the file has another version than was told.

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.way = Way({}, [])
        self.path: str = os.fspath(path)  # type: ignore[assignment]  # or bytes, as Change says
        self._place = name_at(path)
        #: the file that was told last
        self._told: os.stat_result | None = None
        self._writing = Writing()
        #: whether it was written since then, has other attributes, may have another
        #: version, and whether events were lost
        self._written = self._attributes = self._unsure = self._lost = False
        #: the watch whose next event is an echo
        self._echo = -1
        #: when it is told that the file is gone
        self._gone_at: float | None = None
        self.changes: list[Change] = []

    def begin(self, events: Events) -> None:
        """Find the file for the first time, of which nothing is told."""
        self.way = go(events, self, self._place)
        self._told = self.way.status

    def entry(self) -> Entry | None:
        """Return the file as it was told last, or found at first."""
        return _entry(self._told)

    def lose(self) -> None:
        """Know that events were lost, or were read and not applied."""
        self._lost, self._writing = True, Writing()

    def feed(self, wd: int, bits: int, name: bytes) -> None:
        """Take an event that is about the path."""
        way = self.way
        if wd != way.file and (wd != way.last or name != way.name):
            return
        self._attributes = self._attributes or bits & IN_ATTRIB != 0
        complete = self._writing.feed(way.name, bits, self._is_written) if wd == way.last else False
        # a link may lead to the same file, with another version or not
        self._unsure = self._unsure or bits & IN_CREATE != 0
        if not bits & IN_CLOSE_WRITE:
            self._written = self._written or complete
        elif wd == self._echo:
            self._echo, self._unsure = -1, True
        else:
            self._written = True
            self._echo = way.last if wd == way.file else way.file
            self._writing.forget(way.name)

    def due(self, now: float) -> bool:
        """Return whether something becomes known without an event.

        *now* is a ``time.monotonic()`` before the last events were read.
        """
        gone = self._gone_at is not None and self._gone_at <= time.monotonic()
        return bool(self._writing.due(now)) or gone

    def look(self, events: Events, torn: bool) -> None:
        """Go along the path, and tell what is finished."""
        before = self.way
        self.way = way = go(events, self, self._place, before.name in self._writing)
        # while the path led elsewhere, no event told of the file
        self._unsure = self._unsure or (way.places, way.file) != (before.places, before.file)
        if way.last != before.last:
            self._writing = Writing()
        self._compare(before.status is None or (torn and self._told is None))

    def next_time(self) -> float | None:
        """Return the ``time.monotonic()`` at which something becomes known."""
        when = self._writing.next_time()
        return self._gone_at if when is None or (self._gone_at is not None and self._gone_at < when) else when

    def _is_written(self, _: bytes) -> bool:
        return is_being_written(self._place)

    def _compare(self, was_missing: bool) -> None:
        """Tell the difference between what is found and what was told."""
        found, told, name = self.way.status, self._told, self.way.name
        if found is None:
            if told is not None and self._gone_at is None:
                self._gone_at = time.monotonic() + GRACE
            elif told is not None and self._gone_at is not None and self._gone_at <= time.monotonic():
                self._tell(ChangeKind.DELETED)
            return
        self._gone_at = None
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            is_known = told is not None and version(found) == version(told)
            if was_missing and not (is_known or self._written or name in self._writing):
                # its directory is new as well, and the events before the watch are lost
                self._writing.begin(name)
            if name in self._writing:
                return
        else:
            # it is not written, but linked
            self._writing.forget(name)
        if told is None:
            self._tell(ChangeKind.CREATED)
        elif self._is_new(found, told):
            self._tell(ChangeKind.WRITTEN)
        elif (self._attributes or self._lost) and _attributes(found) != _attributes(told):
            self._tell(ChangeKind.ATTRIBUTES)
        else:
            self._attributes = self._unsure = self._lost = False

    def _is_new(self, found: os.stat_result, told: os.stat_result) -> bool:
        """Return whether another file was found, or another version."""
        if self._written or (found.st_dev, found.st_ino) != (told.st_dev, told.st_ino):
            return True
        return (self._unsure or self._lost) and version(found) != version(told)

    def _tell(self, kind: ChangeKind) -> None:
        found = self.way.status
        is_dir = stat.S_ISDIR((found or self._told or _NOTHING).st_mode)
        change = Change(kind, self.path, None, is_dir, None, self._lost, time.time(), _entry(found))
        nothing = dict.fromkeys(("_written", "_attributes", "_unsure", "_lost"), False)
        # in one call: a signal handler that raises makes neither two of it nor none
        vars(self).update(nothing, changes=[*self.changes, change], _told=found, _gone_at=None)


class _Watch(Steps[Change]):
    """Watches files by their names, all with one inotify descriptor."""

    _events: Events

    def _init_state(self) -> None:
        super()._init_state()
        self._files: dict[str | bytes, File] = {}
        #: the files whose path an event is about: by the watch, and the name if there
        #: is one
        self._about: dict[tuple[int, bytes], dict[File, None]] = {}
        #: those that are to be looked at, and those of which something becomes known
        #: without an event
        self._looks: dict[File, None] = {}
        self._waiting: dict[File, None] = {}

    def _open(self, path: Path) -> None:
        """Make the descriptors; *path* is for errors."""
        self._start(path)
        self._mounts, self._events = Mounts(), Events()
        self._add(self._mounts, WAKE, MOUNTS)
        self._add(self._events, POLLIN, HINTS)

    def _follow(self, path: Path) -> File:
        """Follow another name."""
        file = File(path)
        # what has happened to its directories is not about it
        self._read()
        try:
            file.begin(self._events)
        except BaseException:
            self._events.leave(file, file.watched.copy())
            raise
        self._files[file.path] = file
        self._know(file)
        return file

    def _know(self, file: File) -> None:
        """Have the events about the path of a file be found."""
        for place in _places(file.way):
            self._about.setdefault(place, {})[file] = None

    def _forget(self, file: File) -> None:
        for place in _places(file.way):
            about = self._about.get(place, {})
            about.pop(file, None)
            if not about:
                self._about.pop(place, None)

    def _work(self, torn: bool) -> None:
        now = time.monotonic()
        files = list(self._files.values())
        if torn:
            self._about.clear()
            for file in files:
                file.lose()
                self._know(file)
        self._read()
        looks, self._looks = self._looks, {}
        if torn or self._ask() & MOUNTS:
            looks = dict.fromkeys(files)
        for file in self._waiting:
            if file.due(now):
                looks[file] = None
        for file in looks:
            self._forget(file)
            try:
                file.look(self._events, torn)
            finally:
                self._know(file)
            if file.next_time() is None:
                self._waiting.pop(file, None)
            else:
                self._waiting[file] = None

    def _read(self) -> None:
        """Apply all events, and have the files looked at whose path they are about."""
        for event in self._events.read():
            wd, bits, name = event.wd, event.mask, event.filename
            if bits & IN_Q_OVERFLOW:
                self._looks.update(dict.fromkeys(self._files.values()))
                for file in self._looks:
                    file.lose()
                continue
            for file in self._about.get((wd, name), ()):
                self._looks[file] = None
                file.feed(wd, bits, name)

    def _take(self) -> Iterator[Change]:
        # each is taken out by the call that puts it into the batch
        changes = [file.changes for file in self._files.values() if file.changes]
        return chain.from_iterable([map(each.pop, [0] * len(each)) for each in changes])

    def _next_time(self) -> float | None:
        if self._looks:
            return 0.0
        times = [file.next_time() for file in self._waiting]
        return min((each for each in times if each is not None), default=None)

    def _is_quiet(self) -> bool:
        return self._next_time() is None


class FileWatches(_Watch):
    """Watches many files by their names, with the descriptors of one FileWatch.

    Its Changes are those that a FileWatch of each name has. *path* is for errors.
    """

    _kind = "the watch of files"

    def __init__(self, path: Path) -> None:
        try:
            self._open(path)
            self._arm()
        except BaseException:
            self._fail()
            raise

    def add(self, path: Path) -> Entry | None:
        """Watch another file, and return it as it is found; None if there is none."""
        with self._lock:
            # a signal handler that raises leaves events that were read and not applied
            torn, self._torn = self._torn, True
            entry = self._follow(path).entry()
            self._torn = torn
            if self._looks:
                self._arm()
            return entry

    def remove(self, path: Path) -> None:
        """Watch a file no more; its changes that wait in the object stay."""
        with self._lock:
            file = self._files.pop(os.fspath(path))
            self._forget(file)
            self._looks.pop(file, None)
            self._waiting.pop(file, None)
            self._events.leave(file, file.watched.copy())


class FileWatch(_Watch):
    """``FileWatch(path)``: watches one file by its name.

    Its events are Changes, one for each change that is finished. ::

        with FileWatch("/etc/app/config.toml") as watch:
            load()
            for change in watch:
                if change.kind is not ChangeKind.DELETED:
                    load()

    WRITTEN is told when the file was closed after writing, and when another file has
    its name: after a rename over it, as editors save, or because a symbolic link on the
    way, or a directory, was replaced. CREATED is told when there is a file again and it
    is complete; ATTRIBUTES when its mode, owner or times are others; and DELETED when
    the name has led nowhere for a twentieth of a second. A file that is created and
    kept open is told when it is closed. The path of a Change is *path* as it was given.

    Neither the file nor the directories above it have to exist. Symbolic links are
    followed, and each directory that the path leads through is watched, as far as this
    user may read it. A path that ends with a slash leads to a directory, or nowhere.

    No event tells of a file that is truncated by its path, of stores through a mapping
    after the file is closed, and of changes that another machine makes in a network
    filesystem.

    A forked child does not have the watch: its copy is closed.

    Raises OSError (ENOSPC: no watch is left; EMFILE, ENFILE), OutOfMemory.
    """

    _kind = "the watch of a file"

    def __init__(self, path: Path) -> None:
        try:
            self._open(path)
            self._follow(path)
            self._arm()
        except BaseException:
            self._fail()
            raise

    @property
    def entry(self) -> Entry | None:
        """The file as it was told last, or found at first; None if there is none."""
        return next((file.entry() for file in self._files.values()), None)


_NOTHING = os.stat_result([0] * 10)


def _entry(status: os.stat_result | None) -> Entry | None:
    if status is None:
        return None
    return Entry(stat.S_ISDIR(status.st_mode), status.st_ino, status.st_size, status.st_mtime_ns)


def _attributes(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns


def _places(way: Way) -> Iterator[tuple[int, bytes]]:
    """The watches of a way, and the names of interest in each."""
    for wd, names in way.names.items():
        yield wd, b""
        for name in names:
            yield wd, name
    if way.file >= 0:
        yield way.file, b""


def watch_file(path: Path, timeout: float | None = None) -> Change:
    """Wait for one change of a file, at most *timeout* seconds, and return it.

    *timeout* is an int or float; None waits for ever. Changes before the call do not
    count, so a program that waits again and again has a :class:`FileWatch`.

    Raises TimeoutError, ValueError for a negative timeout, and what :class:`FileWatch`
    does.
    """
    with FileWatch(path) as watch:
        return watch.wait(timeout)
