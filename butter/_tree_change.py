"""The changes of a tree, as a program gets them."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from butter._tree_process import Process


class ChangeKind(enum.Enum):
    """The kind of a change."""

    #: it appeared, or it was found when a directory appeared or moved in
    CREATED = "created"
    #: a file was closed after writing, or has another version than was known
    WRITTEN = "written"
    #: a file was written to and is still open (only with ``modified=True``)
    MODIFIED = "modified"
    #: its mode, owner, times or links changed
    ATTRIBUTES = "attributes"
    #: it went, with all that was below it
    DELETED = "deleted"
    #: it has another path, with all below it, and replaced anything that was there
    MOVED = "moved"


class Entry(NamedTuple):
    """``Entry(is_dir, inode, size, mtime_ns)``: a file or directory as it was seen."""

    is_dir: bool
    inode: int
    #: in bytes
    size: int
    #: the time of the last modification, in nanoseconds since 1970
    mtime_ns: int


class Change(NamedTuple):
    """A change of a tree: a named tuple.

    Its paths are relative to the root, which is the empty path; they are bytes if the
    root was, else str, which is the type that checkers know.
    """

    kind: ChangeKind
    path: str
    #: where it was before it was MOVED; else None
    old_path: str | None = None
    is_dir: bool = False
    #: the process that did it, where the backend knows that; else None
    process: Process | None = None
    #: whether the change was found by looking, and not told by an event
    synthetic: bool = False
    #: when the event was read, in seconds since 1970
    time: float = 0.0
    #: the file as it was found after the change; None if it is DELETED, or was gone
    #: before it could be looked at
    entry: Entry | None = None
    #: whether a move replaced what was at the new path
    replaced: bool = False
    #: whether it was CREATED by a move from outside of the tree, or DELETED by one to
    #: there, as far as an event has told that
    outside: bool = False
