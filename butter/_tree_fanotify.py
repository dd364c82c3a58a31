"""Hints from fanotify: one mark on a whole filesystem."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from butter._fanotify_c import lib as fanotify_lib
from butter._fanotify_errors import INIT
from butter._fanotify_read import MANY, read_events
from butter._tree_c import ffi, lib
from butter._tree_errors import TREE
from butter._tree_hints import FULL, Hint
from butter._tree_model import FACTS, MOUNT
from butter._tree_open import Opened
from butter._tree_part import Part, open_into
from butter._tree_process import Process, Processes
from butter.eventlike import readable
from butter.fanotify import (
    FAN_ATTRIB,
    FAN_CLOEXEC,
    FAN_CLOSE_WRITE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_MARK_ADD,
    FAN_MARK_FILESYSTEM,
    FAN_MODIFY,
    FAN_MOVE_SELF,
    FAN_NONBLOCK,
    FAN_ONDIR,
    FAN_Q_OVERFLOW,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME_TARGET,
    FAN_REPORT_PIDFD,
    FAN_UNLIMITED_QUEUE,
    FileHandle,
    fanotify_mark,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from butter._fanotify_event import FanotifyEvent
    from butter._fanotify_read import Columns

# numbers of mounts that are never used again begin here; before Linux 6.8 all are below
_UNIQUE = 1 << 31
_NAMES = FAN_CREATE | FAN_DELETE | FAN_ATTRIB
_ON_THE_WAY = _NAMES | FAN_RENAME | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR


class FanotifySource(Part):
    """Has a mark on the filesystem of the root; a key is the handle of a directory.

    The handle of a deleted directory is not used again, and needs no watch. A key does
    not have the id of the filesystem, which on btrfs is not the same everywhere: where
    two directories of different filesystems have one handle, hints are about both, and
    the model tells them apart by their mounts.

    Directories above the root that are on other filesystems have marks of their own. So
    have other filesystems that are mounted below the root.
    """

    name = "fanotify"

    def __init__(self, root: bytes, modified: bool, pidfd: bool = False) -> None:
        self._mask = _NAMES | FAN_CLOSE_WRITE | FAN_RENAME | FAN_DELETE_SELF | FAN_ONDIR
        if modified:
            self._mask |= FAN_MODIFY
        self._unmade: deque[Columns] = deque()
        # the mounts whose filesystem has a mark: a mark ends with its filesystem, whose
        # number another one may have then, and an older kernel gives its mount the old
        # number too
        self._marked: set[int] = set()
        self._found = ffi.new("int64_t[]", FACTS)
        self.watches = 0
        self._root = root
        # root alone may have the mark, and may have a queue that never overflows
        self._flags = FAN_REPORT_DFID_NAME_TARGET | FAN_NONBLOCK | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE
        self._flags |= FAN_REPORT_PIDFD if pidfd else 0
        self._processes = Processes()
        self._made = self._processes.made if pidfd else self._events

    def open(self) -> None:
        flags, event_flags = self._flags, os.O_RDONLY | os.O_CLOEXEC
        fd = open_into(self, fanotify_lib.fanotify_init, flags, event_flags)
        INIT.check(fd, flags=flags, event_flags=event_flags)
        root = os.fsdecode(self._root)
        try:
            with Opened() as opened:
                TREE.check(directory := opened.open(self._root), root)
                # a filesystem without handles is refused now
                self.watch(directory, False)
        except OSError as error:
            # a path may be too long for the kernel, but not for its errors
            error.filename = root
            raise

    def close(self) -> None:
        super().close()
        while self._unmade:
            self._unmade.popleft().drop()
        self._processes.forget()

    def read(self, certain: bool = False) -> list[Hint]:
        hints: list[Hint] = []
        while certain or self._unmade or readable(self, 0):
            certain = False
            events = read_events(self._fd, self._made, self._unmade, MANY)
            for event, process in events:
                hints += _hints_of(event, process)
            self._processes.close_spare()
            if 0 < len(events) < FULL and not self._unmade:
                break
        return hints

    def _events(self, columns: Columns) -> list[tuple[FanotifyEvent, Process | None]]:
        process_of = self._processes.of
        return [(event, process_of(event)) for event in columns.events()]

    def watch(self, fd: int, is_way: bool) -> Hashable:
        lib.butter_tree_look(fd, b"", self._found)
        mount: int = self._found[MOUNT]
        if mount not in self._marked or mount < _UNIQUE:
            path = b"/proc/self/fd/%d" % fd
            if is_way:
                fanotify_mark(self._fd, path, _ON_THE_WAY, FAN_MARK_ADD)
            else:
                fanotify_mark(self._fd, path, self._mask, FAN_MARK_ADD | FAN_MARK_FILESYSTEM)
                self.watches += mount not in self._marked
                self._marked.add(mount)
        return FileHandle.of(b"", fd)[1:]

    def key_of(self, dirfd: int, name: bytes) -> Hashable:
        try:
            return FileHandle.of(name, dirfd, follow=False)[1:]
        except OSError:
            return None

    def drop(self, key: Hashable) -> None:
        pass


def _hints_of(event: FanotifyEvent, process: Process | None) -> list[Hint]:
    """Return the hints of an event, whose bits are those of several changes."""
    bits = event.mask
    if bits & FAN_Q_OVERFLOW:
        return [Hint(FAN_Q_OVERFLOW)]
    hints = []
    directory, name = event.dir_handle, event.name
    is_dir = bits & FAN_ONDIR != 0
    if bits & FAN_RENAME:
        old, old_name = event.old_dir_handle, event.old_name
        hints.append(
            Hint(
                FAN_RENAME,
                None if old is None else old[1:],
                os.fsencode(old_name or ""),
                is_dir,
                0,
                process,
                None if directory is None else directory[1:],
                os.fsencode(name or ""),
            )
        )
        bits &= ~(FAN_RENAME | FAN_MOVE_SELF)
    if directory is None or not name:
        return hints
    key = directory[1:]
    if name != ".":
        if bits & ~FAN_ONDIR:
            hints.append(Hint(bits, key, os.fsencode(name), is_dir, 0, process))
    elif is_dir and bits & (FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ATTRIB):
        hints.append(Hint(bits & ~FAN_ONDIR, key, None, True, 0, process))
    return hints
