"""The one parser of the events of :manpage:`fanotify(7)`, and the reads."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from butter._buffers import Reader
from butter._constants.fanotify import FAN_NOPIDFD, FANOTIFY_METADATA_VERSION
from butter._fanotify_answers import Origin
from butter._fanotify_c import ffi, lib
from butter._fanotify_errors import PERMISSION, READ
from butter._fanotify_event import FanotifyEvent

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable
    from typing import Any

    from butter._fanotify_answers import Answers

# Looked up once, here: tests replace `lib` and `ffi` of butter._fanotify with mocks.
_buffer, _from_buffer = ffi.buffer, ffi.from_buffer
_unpack: Any = ffi.unpack  # a list of ints for each array here
_parse = lib.butter_fanotify_parse


class Columns:
    """Room for the events of one read; see the builder.

    The arrays are taken out once, because each access to a field makes an object.
    """

    __slots__ = ("data", "ends", "fds", "masks", "pidfds", "pids", "serial", "starts", "struct", "summary")

    def __init__(self) -> None:
        self.struct = struct = ffi.new("butter_fanotify_events *")
        self.masks, self.fds, self.pids, self.pidfds = struct.masks, struct.fds, struct.pids, struct.pidfds
        self.starts, self.ends, self.data, self.summary = struct.starts, struct.ends, struct.data, struct.summary
        self.serial: int | None = None  # of a read whose events could not be made

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def events(self, data: bytes | None = None) -> list[FanotifyEvent]:
        """Return the events, which own nothing; *data* are the parsed bytes."""
        count, _, any_record, used = _unpack(self.summary, 4)
        infos: Iterable[bytes] = itertools.repeat(b"")
        if any_record:
            data = _buffer(self.data, used)[:] if data is None else data
            infos = [data[start:end] for start, end in zip(_unpack(self.starts, count), _unpack(self.ends, count))]
        return list(
            map(
                FanotifyEvent,
                itertools.repeat(FANOTIFY_METADATA_VERSION),
                _unpack(self.masks, count),
                _unpack(self.fds, count),
                _unpack(self.pids, count),
                infos,
            )
        )

    def made(self, answers: Answers) -> list[FanotifyEvent]:
        """Return the events, which own their descriptors when this call ends."""
        _, any_mask, any_record, _ = _unpack(self.summary, 4)
        events = self.events()
        if self.serial is None:
            self.serial = answers.next_serial()
        origin = Origin(answers, self.serial, making=True, owning=True)
        for event in events:
            event._origin = origin
        if any_record:
            for event, pidfd in zip(events, _unpack(self.pidfds, len(events))):
                if pidfd != FAN_NOPIDFD:
                    event._pidfd = pidfd
        if any_mask & PERMISSION:
            # the kernel has denied those whose file it could not open
            keys = [(self.serial, event._fd) for event in events if event.mask & PERMISSION and event._fd >= 0]
            answers.waiting.update(keys)
        # From here on the events own the descriptors, and the buffer does not. No
        # handler runs between these lines.
        self.struct.count, self.serial, origin.making = 0, None, False
        return events

    def drop(self) -> None:
        """Close the descriptors of events that were never made."""
        count, self.struct.count, self.serial = self.struct.count, 0, None
        for fd in itertools.chain(_unpack(self.fds, count), _unpack(self.pidfds, count)):
            if fd >= 0:
                os.close(fd)


_buffers: Reader[Columns, FanotifyEvent] = Reader(Columns, lib.butter_fanotify_read, READ)


def read_events(fd: int, make: Callable[[Columns], list[FanotifyEvent]], unmade: deque[Columns]) -> list[FanotifyEvent]:
    """Return the events of one read of *fd*; none if a signal interrupted it.

    Raises what the table READ says. See :meth:`butter._buffers.Reader.read` for *make*
    and *unmade*.
    """
    return _buffers.read(fd, make, unmade)


def str_to_events(str: bytes) -> list[FanotifyEvent]:
    """The events in *str*, the bytes that a read of an fanotify descriptor returned.

    They own nothing: the program closes their descriptors, which ``close()`` of each
    does, too.

    Raises InvalidArgument (a ValueError) unless it is a sequence of whole events. A
    single event of more than 4 KiB counts as broken: the kernel does not make such
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
