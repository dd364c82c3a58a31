"""The calls of :manpage:`inotify(7)`, and the one parser of its events."""

from __future__ import annotations

import errno
import functools
import operator
import os
from builtins import PermissionError as PermissionError
from itertools import chain, repeat, starmap
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._buffers import Reader
from butter._constants.inotify import *  # noqa: F403
from butter._constants.inotify import (
    IN_ACCESS,
    IN_ALL_EVENTS,
    IN_ATTRIB,
    IN_CLOEXEC,
    IN_CLOSE,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_ISDIR,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_NONBLOCK,
    IN_ONLYDIR,
    IN_OPEN,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    InotifyMask,
)
from butter._descriptor import fields_of, get_buffered_length, link_of
from butter._enums import has
from butter._inotify_c import ffi, lib
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    PATH,
    Errors,
    InvalidArgument,
    NoMoreEvents,
    PathNotADirectory,
    descriptors_exhausted,
    newer_than_kernel,
    raise_sysctl,
    reading,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable
    from typing import Any

    from butter._arguments import FileDescriptor, HasFileno, Path


def _flags_refused(flags: int, **_: object) -> str:
    unknown = flags & ~(IN_NONBLOCK | IN_CLOEXEC)
    return f"the only flags are IN_NONBLOCK and IN_CLOEXEC, not {unknown:#x}"


def _instances_exhausted(**_: object) -> str:
    # The kernel has one errno for two limits. If another file can be opened, the
    # limit of descriptors was not reached.
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError:
        return descriptors_exhausted()
    limit = raise_sysctl("fs.inotify.max_user_instances", "user.max_inotify_instances")
    return f"this user has no inotify instance left: {limit}"


def _watches_exhausted(**_: object) -> str:
    limit = raise_sysctl("fs.inotify.max_user_watches", "user.max_inotify_watches")
    return f"this user has no watch left: {limit}"


#: how ``/proc/self/fd`` names an inotify descriptor
LINK = "anon_inode:inotify"

#: bits of which a mask needs one: without them a watch never has an event
EVENTS = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED

_KNOWN = functools.reduce(operator.or_, map(int, InotifyMask.__members__.values()))


def _watch_refused(fd: int, mask: int, **_: object) -> str:
    # the kernel looks at the mask first: if that is good, the descriptor is wrong
    if mask & IN_MASK_ADD and mask & IN_MASK_CREATE:
        return "IN_MASK_ADD and IN_MASK_CREATE exclude each other"
    if not mask & EVENTS:
        return f"the mask {InotifyMask(mask)} asks for no event; IN_ALL_EVENTS asks for all"
    if mask & ~_KNOWN:
        return f"the mask has unknown bits: {mask & ~_KNOWN:#x}"
    return newer_than_kernel(mask, InotifyMask) or f"descriptor {fd} is not an inotify descriptor"


def _not_a_directory(mask: int, **_: object) -> str:
    itself = ", or the path itself is not one (IN_ONLYDIR)" if mask & IN_ONLYDIR else ""
    return f"a part of the path is not a directory{itself}"


def _not_removed(fd: int, wd: int, **_: object) -> str:
    if (link_of(fd) or LINK).startswith(LINK):
        return f"there is no watch {wd} (any more)"
    return f"descriptor {fd} is not an inotify descriptor"


def queued(fd: int) -> bool:
    """Return whether events wait in the kernel.

    True also where *fd* is not an inotify descriptor: the read then raises.
    """
    try:
        return get_buffered_length(fd) > 0
    except OSError:
        return True


def watches_of(fd: int) -> set[int] | None:
    """Return all watches on the descriptor *fd*, of other programs too.

    None where ``/proc`` is missing, or cannot be read because no descriptor is left.
    """
    fields = fields_of(fd)
    if not fields:
        return None
    # "wd:1f ino:3a2b ...", in hexadecimal
    return {int(watch.split()[0].removeprefix("wd:"), 16) for watch in fields.get("inotify", ())}


def proc_is_mounted() -> bool:
    """Return whether ``/proc`` is there, which this can tell without a descriptor."""
    return os.path.exists("/proc/self/fdinfo")


INIT = Errors(
    "inotify_init1",
    {
        **NEW_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _flags_refused),
        errno.EMFILE: (OSError, _instances_exhausted),
    },
    since="2.6.27",
)
ADD_WATCH = Errors(
    "inotify_add_watch",
    {
        **PATH,
        errno.EACCES: (PermissionError, "no permission to read the file, or to search a directory of the path"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EEXIST: (
            FileExistsError,
            "IN_MASK_CREATE: this file is already watched, perhaps by another of its paths",
        ),
        errno.EINVAL: (InvalidArgument, _watch_refused),
        errno.ENOSPC: (OSError, _watches_exhausted),
        errno.ENOTDIR: (PathNotADirectory, _not_a_directory),
        errno.EPERM: (PermissionError, "a security module does not allow this watch"),
    },
)
RM_WATCH = Errors(
    "inotify_rm_watch",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _not_removed),
    },
)
READ = Errors(
    "read of an inotify descriptor",
    {
        **reading("an inotify descriptor", "no event waits"),
        errno.EBADMSG: (InvalidArgument, "these bytes are not inotify events"),
        errno.ENODATA: (NoMoreEvents, "every watch has ended, so no event can come; watch() adds another"),
    },
)


def inotify_init(flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``inotify_init1(flags)``: returns a new inotify descriptor.

    *flags* are InotifyInit's, and *closefd* adds ``IN_CLOEXEC``.

    Raises InvalidArgument for other flags, OSError (EMFILE, ENFILE) where a limit is
    reached, OutOfMemory.

    Linux 2.6.27, :manpage:`inotify_init(2)`.
    """
    flags = integer(flags, -32, "flags")
    fd = lib.inotify_init1(flags | IN_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else INIT.check(fd, flags=flags)


def inotify_add_watch(fd: FileDescriptor, path: Path, mask: int) -> int:
    """``inotify_add_watch(fd, path, mask)``: returns the watch descriptor of *path*.

    *mask* says which events of it are reported: bits of InotifyMask. The watch is on
    the file, not on its name: two paths of one file (hard links) have the same watch
    descriptor, and the second mask replaces the first unless it has ``IN_MASK_ADD``.

    Raises PathNotFound, PathNotADirectory, InvalidPath, PermissionError,
    FileExistsError (``IN_MASK_CREATE``), InvalidArgument, OSError (ENOSPC: no watch is
    left).

    Linux 2.6.13, :manpage:`inotify_add_watch(2)`.
    """
    number, name, mask = fileno(fd), fsencode(path), integer(mask, 32, "mask")
    return ADD_WATCH.check(lib.inotify_add_watch(number, name, mask), path, fd=number, mask=mask)


def inotify_rm_watch(fd: FileDescriptor, wd: int) -> None:
    """``inotify_rm_watch(fd, wd)``: removes the watch *wd*.

    Its events that wait in the queue are still delivered, and an ``IN_IGNORED`` event
    is its last.

    Raises InvalidArgument if the watch is gone already, which is normal: the kernel
    removes the watch of a deleted file by itself.

    Linux 2.6.13, :manpage:`inotify_rm_watch(2)`.
    """
    number, wd = fileno(fd), integer(wd, -32, "wd")
    RM_WATCH.check(lib.inotify_rm_watch(number, wd), fd=number, wd=wd)


class _Fields(NamedTuple):
    wd: int
    mask: int
    cookie: int
    filename: bytes


class InotifyEvent(_Fields):
    """``InotifyEvent(wd, mask, cookie, filename)``: one event, a named tuple.

    * ``wd`` (int): the watch descriptor, -1 for an overflow of the queue
    * ``mask`` (int): ``IN_*`` bits that say what happened
    * ``cookie`` (int): the same number in the two halves of a move, else 0
    * ``filename`` (bytes): the name within the watched directory, empty for the watched
      object itself

    See :manpage:`inotify(7)`.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """``filename`` as str, by :func:`os.fsdecode`.

        Bytes that are not UTF-8 become surrogates.
        """
        return os.fsdecode(self.filename)

    @property
    def flags(self) -> InotifyMask:
        """``mask`` as an InotifyMask, which prints the names of its bits."""
        return InotifyMask(self.mask)

    def __repr__(self) -> str:
        # the names of a mask are joined by |, because commas separate the fields
        return (
            f"{type(self).__name__}"
            f"(wd={self.wd!r}, mask={InotifyMask(self.mask)}, cookie={self.cookie!r}, filename={self.filename!r})"
        )

    access_event: bool = has(IN_ACCESS, "the file was read, or executed")
    modify_event: bool = has(IN_MODIFY, "the file was written, or truncated")
    attrib_event: bool = has(IN_ATTRIB, "metadata changed: mode, owner, times, number of links")
    close_write_event: bool = has(IN_CLOSE_WRITE, "a file that was open for writing was closed")
    close_nowrite_event: bool = has(IN_CLOSE_NOWRITE, "a file or directory that was not open for writing was closed")
    close_event: bool = has(IN_CLOSE, "the file was closed, whatever it was open for")
    open_event: bool = has(IN_OPEN, "the file was opened")
    moved_from_event: bool = has(IN_MOVED_FROM, "the name left the watched directory")
    moved_to_event: bool = has(IN_MOVED_TO, "the name came into the watched directory")
    create_event: bool = has(IN_CREATE, "the name was created in the watched directory")
    delete_event: bool = has(IN_DELETE, "the name was deleted from the watched directory")
    delete_self_event: bool = has(IN_DELETE_SELF, "the watched object itself was deleted")
    move_self_event: bool = has(IN_MOVE_SELF, "the watched object itself was moved")
    is_dir_event: bool = has(IN_ISDIR, "the event is about a directory")
    overflow_event: bool = has(IN_Q_OVERFLOW, "the queue was full: an unknown number of events of every watch is lost")
    ignored_event: bool = has(IN_IGNORED, "the watch is gone, and this is its last event")
    unmount_event: bool = has(IN_UNMOUNT, "the filesystem of the watched object was unmounted")


class Columns:
    """Room for the events of one read; see the builder.

    The arrays are taken out once, because each access to a field makes an object.
    """

    __slots__ = ("any_mask", "cookies", "masks", "names", "struct", "summary", "wds")

    def __init__(self) -> None:
        self.struct = struct = ffi.new("butter_inotify_events *")
        self.wds, self.masks, self.cookies, self.names = struct.wds, struct.masks, struct.cookies, struct.names
        self.summary = struct.summary
        self.any_mask = 0  # the bits of all masks, once the fields were taken

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def rows(self) -> tuple[Iterable[int], Iterable[int], Iterable[int], bytes]:
        """Return the fields of all events, the names as one NUL-separated string."""
        count, names_size, many_wds, any_cookie, self.any_mask = _unpack(self.summary, 5)
        return (
            # most batches are of one watch, and only moves have cookies
            _unpack(self.wds, count) if many_wds else repeat(self.wds[0], count),
            _unpack(self.masks, count),
            _unpack(self.cookies, count) if any_cookie else repeat(0, count),
            _buffer(self.names, names_size)[:],
        )

    def made(self) -> list[InotifyEvent]:
        """Return all events."""
        if self.struct.count > 1:
            return _events(*self.rows())
        # A program that keeps up gets events one by one, and this takes half the time.
        _, names_size, _, _, self.any_mask = _unpack(self.summary, 5)
        name = _buffer(self.names, names_size - 1)[:]
        return [tuple.__new__(InotifyEvent, (self.wds[0], self.masks[0], self.cookies[0], name))]


# Looked up once, here: tests replace `lib` and `ffi` with mocks for the thin calls,
# and the read of an object is not a thin call.
_buffer, _from_buffer = ffi.buffer, ffi.from_buffer
_unpack: Any = ffi.unpack  # a list of ints for each array here
_parse = lib.butter_inotify_parse
_buffers: Reader[Columns, InotifyEvent] = Reader(Columns, lib.butter_inotify_read, READ)


def _events(wds: Iterable[int], masks: Iterable[int], cookies: Iterable[int], names: bytes) -> list[InotifyEvent]:
    """Return the events of four columns.

    Their fields need no check, and tuple's own constructor makes none.
    """
    fields = zip(wds, masks, cookies, names.split(b"\0"))
    # zip uses one tuple of arguments again and again; map makes one for each event
    return list(starmap(tuple.__new__, zip(repeat(InotifyEvent), fields)))  # noqa: RUF058


def read_events(
    source: HasFileno, make: Callable[[Columns], list[InotifyEvent]], unmade: deque[Columns]
) -> list[InotifyEvent]:
    """Return the events of one read of *source*; none if a signal interrupted it.

    Raises what the table READ says. See :meth:`butter._buffers.Reader.read` for *make*
    and *unmade*.
    """
    return _buffers.read(source.fileno(), make, unmade)


def parse_rows(data: bytes) -> tuple[Iterable[int], Iterable[int], Iterable[int], bytes]:
    """Return the fields of all events in *data*, as columns.

    Raises InvalidArgument unless *data* is a sequence of whole events.
    """
    buffer = _from_buffer(data)
    size, offset = len(buffer), 0
    parts = []
    columns = _buffers.take()
    while True:
        used = _parse(buffer + offset, size - offset, columns.struct)
        if used < 0:
            columns.struct.count = 0
            _buffers.give(columns)
            READ.check(used)
        parts.append(columns.rows())
        offset += used
        if offset == size:
            break
    columns.struct.count = 0
    _buffers.give(columns)
    if len(parts) == 1:
        return parts[0]
    wds, masks, cookies, names = zip(*parts)
    return chain(*wds), chain(*masks), chain(*cookies), b"".join(names)


def str_to_events(str: bytes) -> list[InotifyEvent]:
    """The events in *str*, the bytes that a read of an inotify descriptor returned.

    Raises InvalidArgument (a ValueError) unless it is a sequence of whole events. A
    single event of more than 16 KiB counts as broken: the kernel does not make such
    events.
    """
    return _events(*parse_rows(str))


#: ``{'IN_CREATE': 256, 256: 'IN_CREATE', …}``: the names of an event's bits by number,
#: and the numbers by name
event_name: dict[Any, Any] = {}
for _name, _member in InotifyMask.__members__.items():
    event_name[f"IN_{_name}"] = int(_member)
    event_name[int(_member)] = f"IN_{_name}"
del _name, _member
