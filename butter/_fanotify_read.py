"""The one parser of the events of :manpage:`fanotify(7)`, and the reads."""

from __future__ import annotations

import os
from itertools import chain, repeat, starmap
from typing import TYPE_CHECKING, TypeVar

from butter._buffers import Reader
from butter._constants.fanotify import (
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_EVENT_METADATA_LEN,
    FAN_MOVE,
    FAN_MOVE_SELF,
    FAN_NOFD,
    FAN_ONDIR,
    FAN_Q_OVERFLOW,
    FAN_RENAME,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_MNT,
    FANOTIFY_METADATA_VERSION,
)
from butter._fanotify_answers import Origin, keys_of
from butter._fanotify_c import ffi, lib
from butter._fanotify_errors import FID, PERMISSION
from butter._fanotify_event import FanotifyEvent, OwningEvent
from butter._fanotify_event_errors import READ

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Any

    from butter._fanotify_answers import Answers
    from butter._fanotify_handle_paths import Paths

Event = TypeVar("Event")

# Looked up once, here: tests replace `lib` and `ffi` of butter._fanotify with mocks.
_buffer, _from_buffer = ffi.buffer, ffi.from_buffer
_unpack: Any = ffi.unpack  # a list of ints for each array here
_parse, _leave_out_own = lib.butter_fanotify_parse, lib.butter_fanotify_leave_out_own


# the events after which a path may lead elsewhere
_OF_NAMES = FAN_MOVE | FAN_MOVE_SELF | FAN_RENAME | FAN_DELETE | FAN_DELETE_SELF | FAN_Q_OVERFLOW


def _follow(events: list[FanotifyEvent], paths: Paths) -> None:
    """Tell *paths* what was renamed and deleted; a second call does no harm."""
    for event in events:
        mask = event.mask
        if not mask & _OF_NAMES:
            continue
        # one event may have several of these bits
        if mask & FAN_DELETE_SELF:
            # a group that reports directories names a directory by itself
            gone = event.dir_handle if event.handle is None else event.handle
            if gone is not None:
                paths.forget(gone)
        if mask & FAN_DELETE and mask & FAN_ONDIR and event.name and event.handle is not None:
            paths.forget(event.handle)
        if mask & FAN_Q_OVERFLOW or (mask & (FAN_MOVE | FAN_MOVE_SELF) and mask & FAN_ONDIR):
            paths.moved()
        if mask & FAN_RENAME and mask & FAN_ONDIR:
            paths.moved(event.old_dir_handle, event.old_name or "", event.dir_handle, event.name or "")


class Columns:
    """Room for the events of one read; see the builder.

    The arrays are taken out once, because each access to a field makes an object.
    """

    __slots__ = ("data", "fds", "masks", "offsets", "pidfds", "pids", "serial", "struct", "summary")

    def __init__(self) -> None:
        self.struct = struct = ffi.new("butter_fanotify_events *")
        self.masks, self.fds, self.pids, self.pidfds = struct.masks, struct.fds, struct.pids, struct.pidfds
        self.offsets, self.data, self.summary = struct.offsets, struct.data, struct.summary
        self.serial: int | None = None  # of a read whose events could not be made

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def events(self, data: bytes | None = None, origin: Origin | None = None) -> list[FanotifyEvent]:
        """Return the events of the bytes *data*, by default those that were read."""
        count, used, any_mask, any_fd, any_pidfd, many_pids = _unpack(self.summary, 6)
        cls = FanotifyEvent
        if origin is not None:
            origin.asks, origin.pidfds = any_mask & PERMISSION != 0, any_pidfd != 0
            if any_fd or any_pidfd:
                cls = OwningEvent
        # most events with descriptors have no records
        bare = used == count * FAN_EVENT_METADATA_LEN
        if bare:
            data = b""
        elif data is None:
            data = _buffer(self.data, used)[:]
        if count == 1:
            # A program that keeps up gets events one by one, and this is faster.
            event = (
                FANOTIFY_METADATA_VERSION,
                self.masks[0],
                self.fds[0],
                self.pids[0],
                data,
                None if bare else self.offsets[0],
                origin,
            )
            return [tuple.__new__(cls, event)]
        fields = zip(
            repeat(FANOTIFY_METADATA_VERSION),
            _unpack(self.masks, count),
            _unpack(self.fds, count) if any_fd else repeat(FAN_NOFD),
            _unpack(self.pids, count) if many_pids else repeat(self.pids[0]),
            repeat(data),
            repeat(None) if bare else _unpack(self.offsets, count),
            repeat(origin),
        )
        # zip uses one tuple of arguments again and again; map makes one for each event
        return list(starmap(tuple.__new__, zip(repeat(cls), fields)))  # noqa: RUF058

    def leave_out_own(self, answers: Answers, threads: bool) -> bool:
        """Allow what this process asks, and return whether no other event is there.

        *threads* says that the events have the numbers of threads.
        """
        if self.summary[2] & PERMISSION:
            self.serial = answers.next_serial() if self.serial is None else self.serial
            for number in _unpack(self.fds, len(self)):
                answers.end_older(self.serial, number)
        _leave_out_own(-1 if answers.fd is None else answers.fd, threads, self.struct)
        return not len(self)

    def made(self, answers: Answers, paths: Paths) -> list[FanotifyEvent]:
        """Return the events, which own their descriptors when this call ends."""
        if self.serial is None:
            self.serial = answers.next_serial()
        origin = Origin(answers, paths, self.serial)
        events = self.events(None, origin)
        if origin.asks:
            answers.begin(keys_of(events))
        elif self.summary[2] & _OF_NAMES:
            _follow(events, paths)
        # From here on the events own the descriptors, and the buffer does not. No
        # handler runs between these stores.
        self.struct.count, self.serial, origin.making = 0, None, False
        return events

    def drop(self) -> None:
        """Close the descriptors of events that were never made."""
        count, self.struct.count, self.serial = self.struct.count, 0, None
        for fd in chain(_unpack(self.fds, count), _unpack(self.pidfds, count)):
            if fd >= 0:
                os.close(fd)


_buffers: Reader[Columns, Any] = Reader(Columns, lib.butter_fanotify_read, READ)
_readers: tuple[Reader[Columns, Any], ...] = (
    _buffers,
    Reader(Columns, lib.butter_fanotify_read_few, READ),
    Reader(Columns, lib.butter_fanotify_read_one, READ),
)

#: how many events a read takes; the builder says why
MANY, FEW, ONE = range(3)


def size_of(flags: int) -> int:
    """Return how many events a read takes of a group with these flags."""
    if flags & (FID | FAN_REPORT_MNT):
        return MANY
    return FEW if flags & FAN_REPORT_FD_ERROR else ONE


def read_events(fd: int, make: Callable[[Columns], list[Event]], unmade: deque[Columns], size: int) -> list[Event]:
    """Return the events of one read of *fd*; none if a signal interrupted it.

    *size* is MANY, FEW or ONE. Raises what the table READ says. See
    :meth:`butter._buffers.Reader.read` for *make* and *unmade*.
    """
    return _readers[size].read(fd, make, unmade)


def str_to_events(str: bytes) -> list[FanotifyEvent]:
    """The events in *str*, the bytes that a read of an fanotify descriptor returned.

    They own nothing: the program closes their descriptors and pidfds, by ``close()`` of
    each or by the numbers, and forgetting one closes neither.

    Raises InvalidArgument (a ValueError) unless it is a sequence of whole events. A
    single event of more than 16 KiB counts as broken: the kernel does not make such
    events.
    """
    buffer = _from_buffer(str)
    size, offset = len(buffer), 0
    events: list[FanotifyEvent] = []
    columns = _buffers.take()
    while True:
        used = _parse(buffer + offset, size - offset, columns.struct)
        if used < 0:
            columns.struct.count = 0
            _buffers.give(columns)
            READ.check(used)
        events += columns.events(bytes(str[offset : offset + used]))
        offset += used
        if offset == size:
            break
    columns.struct.count = 0
    _buffers.give(columns)
    return events
