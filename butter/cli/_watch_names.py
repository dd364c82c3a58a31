"""The events of files, and of the names in directories, from inotify."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING

from butter.cli._flags import flag_names
from butter.cli._output import escaped, printable
from butter.cli._watch import MOST_BYTES, Line, json_fields
from butter.cli._watch_patterns import patterns_of
from butter.cli._watch_skip import watch_each
from butter.errors import raise_sysctl
from butter.inotify import (
    IN_IGNORED,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_NONBLOCK,
    IN_Q_OVERFLOW,
    Inotify,
    str_to_events,
)

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from butter.cli._watch_patterns import Patterns
    from butter.inotify import InotifyEvent

#: how long the second half of a move is waited for, in seconds
GRACE = 0.010

#: how many bytes one read takes; its events are formatted before the next read
READ = 1 << 14

MOVED = "  (moved away: this is no longer its path)"

LOST = "overflow: the queue was full, and events of any path are lost: "


class Names:
    """Watches files, and directories without the directories in them.

    Events wait in memory as the bytes that the kernel has made of them, a twentieth of
    what the objects would take.
    """

    def __init__(self, mask: int, joined: bool, patterns: Patterns | None) -> None:
        self._asked = mask
        #: whether a move is one line
        self._joined = joined
        self._patterns = patterns
        #: every path of each watch: of hard and symbolic links there may be several
        self._paths: dict[int, list[bytes]] = {}
        #: the device and the inode of each watch, by which a path is known again
        self._files: dict[int, tuple[int, int]] = {}
        self._moved: set[int] = set()
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        #: half of a move, and the events after it, each with the time when it was read
        self._held: list[tuple[float, InotifyEvent]] = []
        self._inotify = Inotify(IN_NONBLOCK)
        self.fileno, self.close = self._inotify.fileno, self._inotify.close

    def add(self, path: bytes) -> None:
        """Watch *path*."""
        wd = self._inotify.watch(path, self._asked | IN_MOVE_SELF)
        # one that is written in two ways, as with a slash at its end, is not another
        place = os.path.abspath(path)
        self._paths[wd] = [each for each in self._paths.get(wd, ()) if os.path.abspath(each) != place] + [path]
        self._files[wd] = file_of(path) or (0, 0)
        if self._patterns is not None:
            self._patterns.add(path)

    def drain(self) -> None:
        """Move the events that the kernel has into memory."""
        fd = self.fileno()
        while self._size < MOST_BYTES:
            try:
                chunk = os.read(fd, READ)
            except BlockingIOError:
                break
            self._chunks.append((time.time(), chunk))
            self._size += len(chunk)
            if len(chunk) < READ // 2:
                break

    def take(self) -> list[Line]:
        """Return the lines of one read."""
        events = self._next()
        if self._joined and events:
            events = self._whole(events)
        return self._lines(events, {})

    def left(self) -> float | None:
        """Return in how many seconds there may be lines."""
        if self._chunks:
            return 0.0
        if not self._held:
            return None
        age = time.time() - self._held[0][0]
        return GRACE - age if 0 <= age < GRACE else 0.0

    def waits(self) -> bool:
        """Return whether there are events in memory."""
        return bool(self._chunks or self._held)

    def rest(self) -> list[Line]:
        """Return all lines."""
        lines: list[Line] = []
        halves: dict[int, NameLine] = {}
        while self._chunks or self._held:
            lines += self._lines(self._next(), halves)
        return lines

    def over(self) -> str | None:
        """Return why no line can come any more."""
        if self._paths or self._chunks or self._held:
            return None
        return "every path was deleted or unmounted; with --follow a path is waited for"

    def _next(self) -> list[tuple[float, InotifyEvent]]:
        held, self._held = self._held, []
        if not self._chunks:
            return held
        now, chunk = self._chunks.popleft()
        self._size -= len(chunk)
        return held + [(now, event) for event in str_to_events(chunk)]

    def _whole(self, events: list[tuple[float, InotifyEvent]]) -> list[tuple[float, InotifyEvent]]:
        """Return *events* up to the first half of a move whose other half may come."""
        targets = {event.cookie for _, event in events if event.mask & IN_MOVED_TO}
        # what was read later may have the other half, however long that was ago
        now = events[-1][0] if self._chunks else time.time()
        for number, (read, event) in enumerate(events):
            if event.mask & IN_MOVED_FROM and event.cookie not in targets and 0 <= now - read < GRACE:
                self._held = events[number:]
                return events[:number]
        return events

    def _lines(self, events: list[tuple[float, InotifyEvent]], halves: dict[int, NameLine]) -> list[Line]:
        """Return the lines of *events*; *halves* has those of halves of moves."""
        lines: list[Line] = []
        for now, event in events:
            wd, mask, cookie, name = event
            if self._patterns is not None and name and self._patterns.excluded(self._paths.get(wd, ()), name, mask):
                continue
            paths = self._paths_of(wd, name)
            if mask & IN_MOVE_SELF:
                self._look(wd)
            if mask & IN_MOVED_TO and cookie in halves:
                halves.pop(cookie).join(mask, paths)
                continue
            line = NameLine(now, event, paths, mask & self._asked != 0, wd in self._moved)
            lines.append(line)
            if self._joined and mask & IN_MOVED_FROM:
                halves[cookie] = line
            elif mask & IN_IGNORED:
                self._paths.pop(wd, None)
                self._files.pop(wd, None)
                self._moved.discard(wd)
            elif mask & IN_Q_OVERFLOW:
                line.warning = LOST + raise_sysctl("fs.inotify.max_queued_events")
        return lines

    def _look(self, wd: int) -> None:
        """Look whether a watched file that has moved is at one of its paths."""
        if any(file_of(path) == self._files.get(wd) for path in self._paths.get(wd, ())):
            self._moved.discard(wd)
        else:
            self._moved.add(wd)

    def _paths_of(self, wd: int, name: bytes) -> list[bytes]:
        """Return the paths of a name, beginning with the one that was watched last."""
        paths = self._paths.get(wd, [])[::-1]
        return [os.path.join(path, name) for path in paths] if name else paths


def file_of(path: bytes) -> tuple[int, int] | None:
    """Return the device and the inode of what is at *path*, None if nothing is."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class NameLine(Line):
    """A line of an event of inotify."""

    __slots__ = ("also", "cookie", "moved", "name", "wd")

    def __init__(self, now: float, event: InotifyEvent, paths: list[bytes], counted: bool, moved: bool) -> None:
        self.wd, mask, self.cookie, self.name = event
        super().__init__(now, flag_names(mask), mask, paths[0] if paths else None, counted)
        #: the other paths of the file
        self.also = paths[1:]
        #: whether the watched file has another path by now
        self.moved = moved

    def join(self, mask: int, paths: list[bytes]) -> None:
        """Become the line of a whole move, the second half of which has *mask*."""
        self.old_path, self.path = self.path, paths[0]
        self.mask |= mask
        self.flags = flag_names(self.mask)

    def merge(self, later: Line) -> None:
        """Stand for a later line as well, after which the path may be another."""
        super().merge(later)
        if isinstance(later, NameLine):
            self.also, self.moved = later.also, later.moved

    @property
    def note(self) -> str:  # type: ignore[override]
        """The other paths, and whether all of them are old."""
        also = f"  (also {', '.join(map(printable, self.also))})" if self.also and self.old_path is None else ""
        return also + MOVED * self.moved

    def json(self) -> dict[str, Any]:
        """The fields for programs."""
        fields: dict[str, Any] = {"path": None}
        if self.path is not None:
            fields.update(json_fields("path", self.path))
        fields.update(json_fields("name", self.name))
        fields.update(wd=self.wd, mask=self.mask, flags=[f"IN_{name}" for name in self.flags], cookie=self.cookie)
        if self.also:
            fields["also"] = [escaped(path) for path in self.also]
        if self.moved:
            fields["moved"] = True
        return fields

    def more(self) -> dict[str, Any]:
        """The other fields."""
        return {"name": self.name}


def source_of_names(
    options: argparse.Namespace, paths: list[str], mask: int, joined: bool
) -> tuple[Names, list[bytes]]:
    """Return a source for *paths*, and those of them that it watches."""
    names = Names(mask, joined, patterns_of(options))
    try:
        return names, watch_each(map(os.fsencode, paths), names.add)
    except BaseException:
        names.close()
        raise
