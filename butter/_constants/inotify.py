"""The constants of inotify. Written by tools/constants.py from butter/build/inotify.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._inotify_c import lib

__all__ = [
    "IN_ACCESS",
    "IN_ALL_EVENTS",
    "IN_ATTRIB",
    "IN_CLOEXEC",
    "IN_CLOSE",
    "IN_CLOSE_NOWRITE",
    "IN_CLOSE_WRITE",
    "IN_CREATE",
    "IN_DELETE",
    "IN_DELETE_SELF",
    "IN_DONT_FOLLOW",
    "IN_EXCL_UNLINK",
    "IN_IGNORED",
    "IN_ISDIR",
    "IN_MASK_ADD",
    "IN_MASK_CREATE",
    "IN_MODIFY",
    "IN_MOVE",
    "IN_MOVED_FROM",
    "IN_MOVED_TO",
    "IN_MOVE_SELF",
    "IN_NONBLOCK",
    "IN_ONESHOT",
    "IN_ONLYDIR",
    "IN_OPEN",
    "IN_Q_OVERFLOW",
    "IN_UNMOUNT",
    "InotifyInit",
    "InotifyMask",
]

# the flags of inotify_init1
#: close the descriptor when the process executes another program
IN_CLOEXEC: Final[int] = lib.IN_CLOEXEC
#: reads fail with EAGAIN instead of waiting for an event
IN_NONBLOCK: Final[int] = lib.IN_NONBLOCK

# the mask of inotify_add_watch, and of an event
#: a file was read, or executed
IN_ACCESS: Final[int] = lib.IN_ACCESS
#: a file was written, or truncated
IN_MODIFY: Final[int] = lib.IN_MODIFY
#: the metadata of a file or directory changed
IN_ATTRIB: Final[int] = lib.IN_ATTRIB
#: a file that was open for writing was closed
IN_CLOSE_WRITE: Final[int] = lib.IN_CLOSE_WRITE
#: a file or directory that was not open for writing was closed
IN_CLOSE_NOWRITE: Final[int] = lib.IN_CLOSE_NOWRITE
#: a file or directory was opened
IN_OPEN: Final[int] = lib.IN_OPEN
#: a name left the watched directory; the other half has the same cookie
IN_MOVED_FROM: Final[int] = lib.IN_MOVED_FROM
#: a name came into the watched directory; the other half has the same cookie
IN_MOVED_TO: Final[int] = lib.IN_MOVED_TO
#: a name was created in the watched directory
IN_CREATE: Final[int] = lib.IN_CREATE
#: a name was deleted from the watched directory
IN_DELETE: Final[int] = lib.IN_DELETE
#: the watched file or directory itself was deleted
IN_DELETE_SELF: Final[int] = lib.IN_DELETE_SELF
#: the watched file or directory itself was moved
IN_MOVE_SELF: Final[int] = lib.IN_MOVE_SELF
#: IN_CLOSE_WRITE or IN_CLOSE_NOWRITE
IN_CLOSE: Final[int] = lib.IN_CLOSE
#: IN_MOVED_FROM or IN_MOVED_TO
IN_MOVE: Final[int] = lib.IN_MOVE
#: every event that can be asked for
IN_ALL_EVENTS: Final[int] = lib.IN_ALL_EVENTS
#: the filesystem of the watched object was unmounted (only in events)
IN_UNMOUNT: Final[int] = lib.IN_UNMOUNT
#: the queue was full and events were lost; wd is -1 (only in events)
IN_Q_OVERFLOW: Final[int] = lib.IN_Q_OVERFLOW
#: the watch is gone: removed, deleted or unmounted (only in events)
IN_IGNORED: Final[int] = lib.IN_IGNORED
#: refuse a path that is not a directory
IN_ONLYDIR: Final[int] = lib.IN_ONLYDIR
#: watch a symbolic link itself, not what it points to
IN_DONT_FOLLOW: Final[int] = lib.IN_DONT_FOLLOW
#: no more events for a child once it is unlinked
IN_EXCL_UNLINK: Final[int] = lib.IN_EXCL_UNLINK
#: refuse an object that is already watched (Linux 4.18)
IN_MASK_CREATE: Final[int] = lib.IN_MASK_CREATE
#: add to the mask of an existing watch instead of replacing it
IN_MASK_ADD: Final[int] = lib.IN_MASK_ADD
#: the event is about a directory (only in events)
IN_ISDIR: Final[int] = lib.IN_ISDIR
#: remove the watch after its first event
IN_ONESHOT: Final[int] = lib.IN_ONESHOT


class InotifyInit(Flags):
    """The flags of inotify_init1."""

    CLOEXEC = IN_CLOEXEC
    NONBLOCK = IN_NONBLOCK


class InotifyMask(Flags):
    """The mask of inotify_add_watch, and of an event."""

    ACCESS = IN_ACCESS
    MODIFY = IN_MODIFY
    ATTRIB = IN_ATTRIB
    CLOSE_WRITE = IN_CLOSE_WRITE
    CLOSE_NOWRITE = IN_CLOSE_NOWRITE
    OPEN = IN_OPEN
    MOVED_FROM = IN_MOVED_FROM
    MOVED_TO = IN_MOVED_TO
    CREATE = IN_CREATE
    DELETE = IN_DELETE
    DELETE_SELF = IN_DELETE_SELF
    MOVE_SELF = IN_MOVE_SELF
    CLOSE = IN_CLOSE
    MOVE = IN_MOVE
    ALL_EVENTS = IN_ALL_EVENTS
    UNMOUNT = IN_UNMOUNT
    Q_OVERFLOW = IN_Q_OVERFLOW
    IGNORED = IN_IGNORED
    ONLYDIR = IN_ONLYDIR
    DONT_FOLLOW = IN_DONT_FOLLOW
    EXCL_UNLINK = IN_EXCL_UNLINK
    MASK_CREATE = IN_MASK_CREATE
    MASK_ADD = IN_MASK_ADD
    ISDIR = IN_ISDIR
    ONESHOT = IN_ONESHOT

    __since__ = {
        "IN_MASK_CREATE": (IN_MASK_CREATE, "4.18"),
    }
