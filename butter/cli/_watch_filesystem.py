"""``butter watch --filesystem``: one mark, and the process behind each event."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import sys
from typing import TYPE_CHECKING

from butter._descriptor import fields_of
from butter._look import CAP_SYS_ADMIN, capable
from butter.cli import FAILED, TOO_FEW
from butter.cli._flags import bits_of, flag_names
from butter.cli._output import colourful, printable, sentence, tell, without_call
from butter.cli._processes import Process, process_of
from butter.cli._watch import batches, json_fields, text_start
from butter.errors import raise_sysctl, running_kernel
from butter.fanotify import (
    FAN_ACCESS,
    FAN_ATTRIB,
    FAN_CLOSE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_FS_ERROR,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_MOUNT,
    FAN_MODIFY,
    FAN_MOVE,
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
    UnknownPath,
    close_events,
)
from butter.inotify import IN_ALL_EVENTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from butter.fanotify import FanotifyEvent

#: the events of groups with descriptors, and of mounts
OF_OPEN_FILES = FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC

#: how often, in milliseconds, the command looks whether its mark is still there
LOOK = 1000

BITS = bits_of(FanotifyMask)

#: why a filesystem cannot be marked, where another mark would not help the user
UNMARKED = {
    errno.ENODEV: "the filesystem has no identity that events could name",
    errno.EOPNOTSUPP: "the files of the filesystem have no handles that events could name",
    errno.EXDEV: "the path is in a subvolume, which has another identity than its filesystem",
}


def run(options: argparse.Namespace, mask: int, deadline: float) -> int:
    """Show the events in *mask* of the filesystem until *deadline*."""
    render: Callable[[float, Found], str]
    render = json_line if options.json else functools.partial(text_line, colour=colourful())
    count = 0
    with marked(os.fsencode(options.filesystem), mask) as fanotify:
        for now, events in batches(fanotify, deadline, LOOK):
            try:
                for event in events:
                    with event:
                        print(render(now, Found(event)))
                    if event.overflow_event:
                        limit = raise_sysctl("fs.fanotify.max_queued_events")
                        tell(f"overflow: the queue was full, and events of any path are lost: {limit}")
                    else:
                        count += 1
                    if count == options.count:
                        return 0
            finally:
                close_events(events)
            sys.stdout.flush()
            if not events and not has_mark(fanotify):
                tell("nothing is left to watch: it was unmounted")
                return FAILED
    return 0 if options.count is None else TOO_FEW


def marked(path: bytes, mask: int) -> Fanotify:
    """Return an object that watches the filesystem of *path*, or its mount."""
    everything = mask & IN_ALL_EVENTS == IN_ALL_EVENTS
    try:
        fanotify = watching(path, all_events() if everything else mask, FAN_MARK_FILESYSTEM)
    except OSError as error:
        error.strerror = UNMARKED.get(error.errno or 0, error.strerror)
        return mount_marked(path, 0 if everything else mask, error)
    tell(f"watching the filesystem of {printable(path)}")
    return fanotify


def mount_marked(path: bytes, mask: int, error: OSError) -> Fanotify:
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
    tell(f"watching the mount of {printable(path)}, which has only {names}: {without_call(error)}")
    return fanotify


def all_events() -> int:
    """Return the events of which ``all`` consists: each happening is one of them."""
    kernel = running_kernel()
    mask = OF_OPEN_FILES | FAN_ATTRIB | FAN_CREATE | FAN_DELETE
    mask |= FAN_RENAME if kernel >= (5, 17) else FAN_MOVE
    return mask | FAN_FS_ERROR if kernel >= (5, 16) else mask


def watching(path: bytes, mask: int, kind: int) -> Fanotify:
    flags = FAN_NONBLOCK | FAN_REPORT_PIDFD
    if kind == FAN_MARK_FILESYSTEM:
        flags |= FAN_REPORT_FID | FAN_REPORT_DFID_NAME
    if running_kernel() >= (6, 13):
        flags |= FAN_REPORT_FD_ERROR
    try:
        # O_NONBLOCK, or the descriptor for the event of a FIFO would wait for a writer
        fanotify = Fanotify(flags, os.O_RDONLY | os.O_NONBLOCK, exclude_self=True)
    except PermissionError as error:
        reason = without_call(error) if capable(CAP_SYS_ADMIN) else "--filesystem needs CAP_SYS_ADMIN, as root has it"
        error.strerror = (
            f"{reason}; 'butter watch PATH' shows the events of files and directories, without the process, "
            "to every user"
        )
        raise
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


def json_line(now: float, found: Found) -> str:
    """Return the line of an event for programs."""
    event = found.event
    fields: dict[str, object] = {"time": round(now, 6)}
    values = {"path": found.path, "name": event.name}
    if event.rename_event:
        values.update(old_path=found.old_path, old_name=event.old_name)
    for key, value in values.items():
        fields.update({key: None} if value is None else json_fields(key, os.fsencode(value)))
    if found.unknown is not None:
        fields["path_unknown"] = found.unknown
    fields.update(mask=event.mask, flags=[f"FAN_{name}" for name in found.flags], **found.process.json())
    if event.error is not None:
        fields.update(error=event.error, error_count=event.error_count)
    return json.dumps(fields)


def text_line(now: float, found: Found, colour: bool) -> str:
    """Return the line of an event for people."""
    event = found.event
    start = text_start(now, "|".join(found.flags), event.mask, colour)
    if event.overflow_event:
        return f"{start}-"
    path = words_of(found.path, event.name, found.unknown)
    if event.rename_event:
        path = f"{words_of(found.old_path, event.old_name, found.unknown)} -> {path}"
    if event.error is not None:
        path += f"  errors: {event.error_count}, the first: {os.strerror(event.error)}"
    return f"{start}{path}  by {found.process.text()}"


def words_of(path: bytes | None, name: str | None, unknown: str | None) -> str:
    """Return a path for people; of one that is not known the name, if that is."""
    if path is not None:
        return printable(path)
    if unknown is None:
        return "-"
    known = "" if name is None else f", the name is {printable(os.fsencode(name))}"
    return f"(path unknown: {unknown}{known})"
