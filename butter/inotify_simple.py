"""The interface of the package inotify_simple (1.3.5 and 2.0.1) over butter.

A program changes one import, to ``from butter.inotify_simple import INotify, flags``,
and reads a full queue in less than half the time. Its ``except`` clauses keep working:
an errno is raised as the plain :class:`OSError` that Python has for it, with a sentence
that says what to do, and ValueError means that the object is closed. Four things are
stricter or safer here:

* A path with a NUL in it is a ValueError; the kernel would watch another file, the one
  before the NUL.
* A mask or watch descriptor that is not an int, or that its C type cannot hold, is a
  TypeError or ValueError, and is never cut.
* :func:`parse_events` raises InvalidArgument, a ValueError, for bytes that are not
  whole events.
* Threads may wait in one object together; see :meth:`INotify.read`.

New programs find more in :mod:`butter.inotify`.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from enum import IntEnum
from io import FileIO
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from butter._constants import inotify as _constants
from butter._descriptor import get_buffered_length
from butter._inotify import inotify_add_watch, inotify_init, inotify_rm_watch, parse_rows
from butter.errors import InvalidArgument, InvalidPath, OutOfMemory, PathNotADirectory, PathNotFound, plain
from butter.eventlike import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from butter._arguments import Path

__all__ = ["Event", "INotify", "flags", "masks", "parse_events"]

#: the newest inotify_simple whose interface this is, for programs that ask for it;
#: butter has its own version
__version__ = "2.0.1"

# header + NAME_MAX + 1: room for any one event
_LARGEST_EVENT = 16 + 255 + 1


class _Fields(NamedTuple):
    wd: int
    mask: int
    cookie: int
    name: str


class Event(_Fields):
    """``Event(wd, mask, cookie, name)``: one event, a named tuple.

    * ``wd`` (int): the watch descriptor, -1 for an overflow of the queue
    * ``mask`` (int): bits that say what happened; :meth:`flags.from_mask` lists them
    * ``cookie`` (int): the same number in the two halves of a move, else 0
    * ``name`` (str): the name within the watched directory by :func:`os.fsdecode`,
      empty for the watched object itself

    See :manpage:`inotify(7)`.
    """

    __slots__ = ()


class flags(IntEnum):
    """The single bits of a mask.

    :class:`~butter.inotify.InotifyMask` says what they mean.
    """

    # Exactly those of inotify_simple: a program that combines all flags to watch
    # everything would get EINVAL for MASK_ADD beside MASK_CREATE.
    ACCESS = _constants.IN_ACCESS
    MODIFY = _constants.IN_MODIFY
    ATTRIB = _constants.IN_ATTRIB
    CLOSE_WRITE = _constants.IN_CLOSE_WRITE
    CLOSE_NOWRITE = _constants.IN_CLOSE_NOWRITE
    OPEN = _constants.IN_OPEN
    MOVED_FROM = _constants.IN_MOVED_FROM
    MOVED_TO = _constants.IN_MOVED_TO
    CREATE = _constants.IN_CREATE
    DELETE = _constants.IN_DELETE
    DELETE_SELF = _constants.IN_DELETE_SELF
    MOVE_SELF = _constants.IN_MOVE_SELF
    UNMOUNT = _constants.IN_UNMOUNT
    Q_OVERFLOW = _constants.IN_Q_OVERFLOW
    IGNORED = _constants.IN_IGNORED
    ONLYDIR = _constants.IN_ONLYDIR
    DONT_FOLLOW = _constants.IN_DONT_FOLLOW
    EXCL_UNLINK = _constants.IN_EXCL_UNLINK
    MASK_ADD = _constants.IN_MASK_ADD
    ISDIR = _constants.IN_ISDIR
    ONESHOT = _constants.IN_ONESHOT

    @classmethod
    def from_mask(cls, mask: int) -> list[flags]:
        """The flags that are set in *mask* (int), a list in the order of numbers."""
        return [flag for flag in cls if flag & mask]


class masks(IntEnum):
    """Combinations of :class:`flags` that have a name of their own."""

    CLOSE = _constants.IN_CLOSE
    MOVE = _constants.IN_MOVE
    ALL_EVENTS = _constants.IN_ALL_EVENTS


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Raise the plain OSError instead of an error of butter with the same errno.

    This is about the errors that are a ValueError or MemoryError as well.
    """
    try:
        yield
    except (InvalidArgument, InvalidPath, OutOfMemory, PathNotADirectory, PathNotFound) as error:
        raise plain(error) from None


class INotify(FileIO):
    """``INotify(inheritable=False, nonblocking=False, closefd=True)``: reads events.

    It is an inotify descriptor as a raw file. ::

        with INotify() as inotify:
            inotify.add_watch("/tmp", flags.CREATE | flags.DELETE)
            for event in inotify.read():
                print(event.name, flags.from_mask(event.mask))

    *inheritable* leaves the descriptor to programs that the process executes.
    *nonblocking* is for programs that read the descriptor with ``os.read``, and for
    threads: :meth:`read` keeps its timeout either way. If *closefd* is false, the
    program has to call ``os.close`` itself.

    Raises OSError (EMFILE, ENFILE, ENOMEM).

    Linux 2.6.27, :manpage:`inotify_init(2)`.
    """

    def __init__(self, inheritable: bool = False, nonblocking: bool = False, closefd: bool = True) -> None:
        fd = -1
        try:
            with _plain_errors():
                # inotify_init's closefd is close-on-exec, this object's own is io's
                fd = inotify_init(_constants.IN_NONBLOCK if nonblocking else 0, closefd=not inheritable)
            super().__init__(fd, mode="rb", closefd=closefd)
        except BaseException:
            if fd >= 0:
                os.close(fd)  # no other object knows the number
            raise

    @property
    def fd(self) -> int:
        """The number of the descriptor, as ``fileno()``.

        Raises ValueError if the object is closed.
        """
        return self.fileno()

    def add_watch(self, path: Path, mask: int) -> int:
        """Watch *path* and return the watch descriptor, an int.

        *path* is str, bytes or PathLike; *mask* has bits of :class:`flags`.

        Raises OSError with its errno: FileNotFoundError, PermissionError, ENOSPC where
        no watch is left, and the others of :manpage:`inotify_add_watch(2)`. Raises
        ValueError if the object is closed.
        """
        while True:
            try:
                with _plain_errors():
                    return inotify_add_watch(self.fileno(), path, mask)
            except InterruptedError:
                # A signal came while a network filesystem looked up the path;
                # Python has run its handlers by now (PEP 475).
                pass

    def rm_watch(self, wd: int) -> None:
        """Remove the watch *wd* (int).

        Raises OSError (EINVAL) if the watch is gone already, ValueError if the object
        is closed. :manpage:`inotify_rm_watch(2)`.
        """
        with _plain_errors():
            inotify_rm_watch(self.fileno(), wd)

    def read(  # type: ignore[override]  # a file's read returns bytes
        self, timeout: float | None = None, read_delay: float | None = None
    ) -> list[Event]:
        """All events that wait, in one list.

        If there are none, it waits for events for at most *timeout* milliseconds: for
        ever if that is None or negative, not at all if it is 0. The list is empty when
        the time is over. With *read_delay*, in milliseconds, events that this call had
        to wait for stay in the queue for that long: more events join them, and equal
        ones become one, at the risk that the queue overflows.

        Raises ValueError if the object is closed or *read_delay* is negative, TypeError
        if one of the two is not a number.

        Only one thread at a time may read a blocking object: the event that it saw may
        be gone before it reads, and Linux then waits. Threads, or processes, that share
        an object should make it *nonblocking*: a read that comes too late then returns
        an empty list.
        """
        data = self._readall()
        if not data and timeout != 0:
            if read_delay is not None and not read_delay >= 0:
                raise ValueError(f"read_delay is {read_delay}; it must not be negative")
            if timeout != timeout:
                raise ValueError("timeout is NaN; it must be a number of milliseconds")
            deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
            if readable(self, deadline):
                if read_delay is not None:
                    time.sleep(read_delay / 1000)
                data = self._readall()
        return parse_events(data)

    def _readall(self) -> bytes:
        fd = self.fileno()
        size = get_buffered_length(fd)
        if not size:
            return b""
        # Another reader may have taken the bytes that were counted, and a read with
        # less room than the next event fails with EINVAL (inotify(7)).
        try:
            return os.read(fd, max(size, _LARGEST_EVENT))
        except BlockingIOError:
            return b""


def parse_events(data: bytes) -> list[Event]:
    """The events in *data*, the bytes that a read of an inotify descriptor returned.

    They come as a list. Raises InvalidArgument (an OSError and a ValueError) unless
    *data* is a sequence of whole events.
    """
    *columns, names = parse_rows(data)
    # Decoded as one string and then split: a NUL ends a name in every encoding that a
    # filesystem may have, even after a byte that begins a longer character.
    return list(map(tuple.__new__, repeat(Event), zip(*columns, os.fsdecode(names).split("\0"))))
