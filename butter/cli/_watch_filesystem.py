"""``butter watch --filesystem``, and ``--who``: the process behind each event."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from butter._descriptor import fields_of
from butter._look import CAP_SYS_ADMIN, capable
from butter.cli._flags import bits_of, flag_names
from butter.cli._output import printable, sentence, without_call
from butter.cli._processes import Process, process_of
from butter.cli._watch import MOST_LINES, SOME, Line, json_fields
from butter.cli._watch_names import LOST
from butter.cli._watch_patterns import patterns_of
from butter.errors import raise_sysctl, running_kernel
from butter.fanotify import (
    FAN_ACCESS,
    FAN_ATTRIB,
    FAN_CLOSE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_EVENT_ON_CHILD,
    FAN_FS_ERROR,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_INODE,
    FAN_MARK_MOUNT,
    FAN_MODIFY,
    FAN_MOVE,
    FAN_MOVE_SELF,
    FAN_NONBLOCK,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_EXEC,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_FID,
    FAN_REPORT_PIDFD,
    Fanotify,
    FanotifyMask,
    FileHandle,
    UnknownPath,
    close_events,
)
from butter.inotify import IN_ALL_EVENTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from butter.cli._watch_patterns import Patterns
    from butter.fanotify import FanotifyEvent

#: the events of groups with descriptors, and of mounts
OF_OPEN_FILES = FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC

#: how often, in seconds, the command looks whether its marks are still there
LOOK = 1.0

BITS = bits_of(FanotifyMask)

#: why a filesystem cannot be marked, where another mark would not help the user
UNMARKED = {
    errno.ENODEV: "the filesystem has no identity that events could name",
    errno.EOPNOTSUPP: "the files of the filesystem have no handles that events could name",
    errno.EXDEV: "the path is in a subvolume, which has another identity than its filesystem",
}


class Filesystem:
    """The events of a filesystem, or of files and the names in directories."""

    def __init__(self, fanotify: Fanotify, patterns: Patterns | None, asked: int = -1) -> None:
        self._fanotify = fanotify
        #: the bits of the events that are counted
        self._asked = asked
        self._patterns = patterns
        #: the directories that have rules of their own
        self._directories: dict[FileHandle, bytes] = {}
        # An event has descriptors, of which there are few, and its process may end at
        # any time: so a line is made as soon as the event is read.
        self._lines: deque[Line] = deque()
        self._look = time.monotonic() + LOOK
        self.fileno, self.close = fanotify.fileno, fanotify.close

    def add(self, path: bytes) -> None:
        """Know a directory, whose names have patterns."""
        if self._patterns is not None and os.path.isdir(path):
            self._patterns.add(path)
            self._directories[FileHandle.of(path)] = path

    def drain(self) -> None:
        """Move the events that the kernel has into memory, as lines."""
        while len(self._lines) < MOST_LINES and (events := self._fanotify.read_events()):
            now = time.time()
            try:
                for event in events:
                    with event:
                        if not self._excluded(event):
                            line = FoundLine(now, Found(event))
                            line.counted = line.counted and event.mask & self._asked != 0
                            self._lines.append(line)
            finally:
                close_events(events)

    def _excluded(self, event: FanotifyEvent) -> bool:
        if self._patterns is None or event.name is None:
            return False
        handle = event.dir_handle
        path = None if handle is None else self._directories.get(handle)
        return self._patterns.excluded([] if path is None else [path], os.fsencode(event.name), event.mask)

    def take(self) -> list[Line]:
        """Return some lines."""
        return [self._lines.popleft() for _ in range(min(len(self._lines), SOME))]

    def left(self) -> float | None:
        """Return in how many seconds there may be lines, or something to look at."""
        return 0.0 if self._lines else max(0.0, self._look - time.monotonic())

    def waits(self) -> bool:
        """Return whether there are lines in memory."""
        return bool(self._lines)

    def rest(self) -> list[Line]:
        """Return all lines."""
        lines = list(self._lines)
        self._lines.clear()
        return lines

    def over(self) -> str | None:
        """Return why no line can come any more."""
        if self._lines or time.monotonic() < self._look:
            return None
        self._look = time.monotonic() + LOOK
        return None if has_mark(self._fanotify) else "it was deleted or unmounted"


def source_of(options: argparse.Namespace, mask: int) -> tuple[Filesystem, str | None]:
    """Return a source for the filesystem that *options* name, or for their paths.

    The words for what is watched come with it, if they are not those paths.
    """
    patterns = patterns_of(options)
    whole = whole_moves(mask)
    if mask & IN_ALL_EVENTS != IN_ALL_EVENTS:
        mask = whole
    if options.filesystem is None:
        if mask & FAN_FS_ERROR:
            options.refuse("fs_error: only --filesystem has such events")
        source = Filesystem(names_marked(options, mask), patterns, whole & ~FAN_ONDIR)
        try:
            for path in options.paths:
                source.add(os.fsencode(path))
        except BaseException:
            source.close()
            raise
        return source, None
    if not options.filesystem:
        options.refuse("--filesystem: the path is empty")
    fanotify, words = marked(os.fsencode(options.filesystem), mask)
    return Filesystem(fanotify, patterns), words


def names_marked(options: argparse.Namespace, mask: int) -> Fanotify:
    """Return an object that watches files, and directories without those in them."""
    if mask & IN_ALL_EVENTS == IN_ALL_EVENTS:
        mask = (all_events() & ~FAN_FS_ERROR) | FAN_DELETE_SELF
    fanotify = opened(FAN_REPORT_FID | FAN_REPORT_DFID_NAME)
    try:
        for path in options.paths:
            path = os.fsencode(path)
            below = FAN_EVENT_ON_CHILD | FAN_ONDIR if os.path.isdir(path) else 0
            # a path that moves is always told
            fanotify.watch(path, mask | FAN_MOVE_SELF | below, FAN_MARK_INODE)
    except BaseException:
        fanotify.close()
        raise
    return fanotify


def marked(path: bytes, mask: int) -> tuple[Fanotify, str]:
    """Return an object for the filesystem of *path*, or its mount, with its words."""
    everything = mask & IN_ALL_EVENTS == IN_ALL_EVENTS
    try:
        fanotify = watching(path, all_events() if everything else mask, FAN_MARK_FILESYSTEM)
    except OSError as error:
        error.strerror = UNMARKED.get(error.errno or 0, error.strerror)
        return mount_marked(path, 0 if everything else mask, error)
    return fanotify, f"the filesystem of {printable(path)}"


def mount_marked(path: bytes, mask: int, error: OSError) -> tuple[Fanotify, str]:
    """Return an object that watches the mount of *path*, for all events if *mask* is 0.

    Raises *error*, for which the filesystem cannot be watched, if the mount cannot be
    watched either, or does not have such events.
    """
    # In a group with descriptors a mark on the filesystem would be possible. But it
    # reports what happens in other mount namespaces, and the paths there are not the
    # paths here.
    try:
        fanotify = watching(path, mask & OF_OPEN_FILES or OF_OPEN_FILES, FAN_MARK_MOUNT)
    except OSError:
        raise error from None
    if lacking := flag_names(mask & ~OF_OPEN_FILES, BITS):
        fanotify.close()
        error.strerror = f"{error.strerror}; the mount alone can be watched, which does not have {', '.join(lacking)}"
        raise error
    names = ", ".join(flag_names(OF_OPEN_FILES, BITS))
    return fanotify, f"the mount of {printable(path)}, which has only {names}: {without_call(error)}"


def all_events() -> int:
    """Return the events of which ``all`` consists: each happening is one of them."""
    kernel = running_kernel()
    mask = OF_OPEN_FILES | FAN_ATTRIB | FAN_CREATE | FAN_DELETE
    mask = whole_moves(mask | FAN_MOVE)
    return mask | FAN_FS_ERROR if kernel >= (5, 16) else mask


def whole_moves(mask: int) -> int:
    """Return *mask* with one event for both halves of a move, where there is one."""
    halves = mask & FAN_MOVE == FAN_MOVE
    return mask & ~FAN_MOVE | FAN_RENAME if halves and running_kernel() >= (5, 17) else mask


def opened(flags: int) -> Fanotify:
    """Return an object whose events have the process."""
    flags |= FAN_NONBLOCK | FAN_REPORT_PIDFD
    if running_kernel() >= (6, 13):
        flags |= FAN_REPORT_FD_ERROR
    try:
        # O_NONBLOCK, or the descriptor for the event of a FIFO would wait for a writer
        return Fanotify(flags, os.O_RDONLY | os.O_NONBLOCK, exclude_self=True)
    except PermissionError as error:
        explain(error)
        raise


def explain(error: PermissionError) -> None:
    """Have an error of a group say what this user lacks, and what works without it."""
    reason = without_call(error) if capable(CAP_SYS_ADMIN) else "it needs CAP_SYS_ADMIN, as root has it"
    error.strerror = (
        f"{reason}; 'butter watch PATH' shows the events of files and directories, without the process, to every user"
    )


def watching(path: bytes, mask: int, kind: int) -> Fanotify:
    fanotify = opened(FAN_REPORT_FID | FAN_REPORT_DFID_NAME if kind == FAN_MARK_FILESYSTEM else 0)
    try:
        fanotify.watch(path, mask | FAN_ONDIR, kind)
    except BaseException:
        fanotify.close()
        raise
    return fanotify


def has_mark(fanotify: Fanotify) -> bool:
    """Return whether the mark is still there; it goes when its mount does."""
    # the line of the group, and one for each mark
    return len(fields_of(fanotify.fileno()).get("fanotify", "??")) > 1


class Found:
    """An event, its paths and its process, found while they can be."""

    def __init__(self, event: FanotifyEvent) -> None:
        self.event = event
        self.flags = flag_names(event.mask, BITS)
        self.process = Process(None) if event.overflow_event else process_of(event)
        self.unknown: str | None = None  # why the path is, in one word or a sentence
        self.path = self._path("path")
        self.old_path = self._path("old_path") if event.rename_event else None

    def _path(self, name: str) -> bytes | None:
        handle = self.event.handle
        if handle is not None and not handle.handle:
            return None  # the event is about the filesystem
        try:
            path: str | None = getattr(self.event, name)
            if path is None:
                with contextlib.suppress(ValueError):
                    self.event.fileno()  # a file that cannot be opened raises why
        except UnknownPath as error:
            self.unknown = error.reason
        except OSError as error:
            self.unknown = sentence(error)
        else:
            return None if path is None else os.fsencode(path)
        return None


class FoundLine(Line):
    """The line of an event of fanotify."""

    __slots__ = ("found",)

    def __init__(self, now: float, found: Found) -> None:
        event = found.event
        super().__init__(now, found.flags, event.mask, found.path, not event.overflow_event)
        self.old_path = found.old_path
        self.found = found
        if event.overflow_event:
            self.warning = LOST + raise_sysctl("fs.fanotify.max_queued_events")

    def merge(self, later: Line) -> None:
        """Stand for a later line as well, whose process is shown."""
        super().merge(later)
        if isinstance(later, FoundLine):
            self.found = later.found

    def json(self) -> dict[str, Any]:
        """The fields for programs."""
        found, event = self.found, self.found.event
        fields: dict[str, Any] = {}
        values = {"path": found.path, "name": event.name}
        if event.rename_event:
            values.update(old_path=found.old_path, old_name=event.old_name)
        for key, value in values.items():
            fields.update({key: None} if value is None else json_fields(key, os.fsencode(value)))
        if found.unknown is not None:
            fields["path_unknown"] = found.unknown
        fields.update(mask=self.mask, flags=[f"FAN_{name}" for name in self.flags], **found.process.json())
        if event.error is not None:
            fields.update(error=event.error, error_count=event.error_count)
        return fields

    def words(self, shown: Callable[[bytes], str] = printable) -> str:
        """The path for people."""
        found, event = self.found, self.found.event
        if event.overflow_event:
            return "-"
        path = words_of(found.path, event.name, found.unknown, shown)
        if event.rename_event:
            path = f"{words_of(found.old_path, event.old_name, found.unknown, shown)} -> {path}"
        if event.error is not None:
            path += f"  errors: {event.error_count}, the first: {os.strerror(event.error)}"
        return path

    @property
    def note(self) -> str:  # type: ignore[override]
        """The process."""
        return "" if self.found.event.overflow_event else f"  by {self.found.process.text()}"

    def more(self) -> dict[str, Any]:
        """The other fields."""
        name, process = self.found.event.name, self.found.process
        return {"name": os.fsencode(name or ""), "pid": process.pid, "comm": process.comm}


def words_of(path: bytes | None, name: str | None, unknown: str | None, shown: Callable[[bytes], str]) -> str:
    """Return a path for people; of one that is not known the name, if that is."""
    if path is not None:
        return shown(path)
    if unknown is None:
        return "-"
    known = "" if name is None else f", the name is {shown(os.fsencode(name))}"
    return f"(path unknown: {unknown}{known})"
