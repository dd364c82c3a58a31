"""Groups of provided buffers, of which the kernel takes one when it needs it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring import (
    IORING_CQE_BUFFER_SHIFT,
    IORING_CQE_F_BUFFER,
    IORING_REGISTER_PBUF_RING,
    IORING_UNREGISTER_PBUF_RING,
)
from butter._descriptor import closed_error
from butter._uring_errors import REGISTER
from butter._uring_operations import ENDING, joined, read_bytes
from butter._uring_ring import Queue
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    from butter._uring_completions import Completions
    from butter._uring_operations import Completion, Operation

_MOST_PROVIDED = 32768
_CLOSED = -1 - errno.EBADF


class BufferGroup:
    """A group of provided buffers, which :meth:`butter.uring.Ring.provide` returns.

    A request that takes the group in the place of a buffer gets one of its buffers when
    there is something to put into it. The completion has the bytes, and the buffer is
    given back by then. ``close`` has the kernel forget the group.
    """

    __slots__ = ("_group", "_ring", "entries", "number", "size")

    def __init__(self, ring: Any, number: int, entries: int, size: int, first: int = 0) -> None:
        self.number, self.entries, self.size = number, entries, size
        group = lib.butter_group_new(number, entries, size, first)
        if not group:
            raise MemoryError(f"there is no memory for {entries} buffers of {size} bytes")
        self._ring, self._group = ring, ffi.gc(group, lib.butter_group_free)  # type: ignore[call-overload]
        self._check(lib.butter_group_register(ring, self._group), IORING_REGISTER_PBUF_RING)

    @property
    def pieces(self) -> bool:
        """Whether the group was made with *pieces*."""
        return bool(self._group.first)

    def _content(self, event: Completion, at: int) -> bytes:
        """Return the bytes of a completion, in a buffer from *at* on or in several."""
        group, count = self._group, max(0, event.result)
        buffer = (event.flags >> IORING_CQE_BUFFER_SHIFT) - group.first
        if not event.operation.bundles:
            # MSG_TRUNC has the kernel tell more bytes than there are
            at, count = (at, min(count, self.size - at)) if group.first else (0, min(count, self.size))
            return bytes(ffi.buffer(group.memory + buffer * self.size + at, count))
        parts = []
        for _ in range(self._used(event.operation, count)):
            parts.append(bytes(ffi.buffer(group.memory + buffer * self.size, self.size)))
            buffer = group.next[buffer]
        return joined(parts, count)

    def _used(self, operation: Operation, count: int) -> int:
        """Return how many buffers a completion has used."""
        return max(1, -(-count // self.size)) if operation.bundles else 1

    def _give_back(self, found: Completions, index: int, used: int) -> None:
        """Give back the buffers of a completion, unless that has been done."""
        lib.butter_group_give_back(self._ring, self._group, found.struct, index, used)

    def close(self) -> None:
        """Have the kernel forget the group.

        Requests that use it end with an error. Raises ValueError if the ring is closed,
        and what :func:`butter.uring.io_uring_register` does.
        """
        self._check(lib.butter_group_unregister(self._ring, self._group), IORING_UNREGISTER_PBUF_RING)

    def _check(self, result: int, opcode: int) -> None:
        if result == _CLOSED:
            raise closed_error()
        REGISTER.check(result, fd=-1, opcode=opcode)

    def __repr__(self) -> str:
        return f"<BufferGroup {self.number}: {self.entries} buffers of {self.size} bytes>"


def group_number(buffer: object, ring: Any) -> int:
    """Return the number that a group of provided buffers has in a *ring*.

    Raises TypeError for another object, ValueError for a group of another ring.
    """
    if not isinstance(buffer, BufferGroup):
        raise TypeError(f"buffer must be a BufferGroup, as Ring.provide() returns it, not {type(buffer).__name__}")
    if ring is not None and buffer._ring is not ring:
        # there the kernel would find another group under the number
        raise ValueError("the BufferGroup belongs to another ring: use one that provide() of this ring has returned")
    return buffer.number


def provided_bytes(completion: Completion) -> Any:
    """Return the bytes that came in a provided buffer, or in that of the request."""
    content = completion.buffer
    if isinstance(content, BufferGroup):
        return b""  # the end of a stream needs no buffer
    return read_bytes(completion)


class Provided(Queue):
    """The groups of provided buffers of a ring."""

    _group_number = 0
    _next_pieces = _MOST_PROVIDED

    def provide(self, entries: int, size: int, *, pieces: bool = False) -> BufferGroup:
        """Return a group of *entries* buffers, each of *size* bytes.

        *entries* is a power of 2, at most 32768. ``recv``, ``recvmsg_multishot`` and
        ``read_multishot`` take the group in the place of a buffer, and may then
        complete again and again. Where all buffers are in use a request ends with
        OutOfMemory (ENOBUFS): read completions, and queue it again.

        With *pieces* a completion uses only as much of a buffer as it fills, and the
        next one goes on there (Linux 6.12). A few large buffers then hold many short
        messages of a stream; the buffers of all such groups of a ring may be 32768.

        Raises ValueError for other numbers, and what
        :func:`butter.uring.io_uring_register` does.

        Linux 5.19.
        """
        entries, size = integer(entries, 16, "entries"), integer(size, 31, "size")
        if not 0 < entries <= _MOST_PROVIDED or entries & (entries - 1) or not size:
            raise ValueError(f"entries is {entries} and size {size}; entries must be a power of 2, and size positive")
        self.fileno()
        first = self._pieces(entries) if pieces else 0
        self._group_number += 1
        return BufferGroup(self._ring, integer(self._group_number, 16, "the number of groups"), entries, size, first)

    def _pieces(self, entries: int) -> int:
        """Return the number of the first of so many buffers that are used in pieces."""
        first = self._next_pieces
        if first + entries > 2 * _MOST_PROVIDED:
            left = 2 * _MOST_PROVIDED - first
            raise ValueError(f"entries is {entries}, and this ring may have {left} more buffers for pieces")
        if lib.butter_ring_use_pieces(self._ring):
            raise MemoryError("there is no memory for the list of pieces")
        self._next_pieces += entries
        return first

    def _copy_provided(self, events: list[Completion], entries: list[tuple[int, int, int]], found: Completions) -> None:
        # the requests by which a ring ends are not among the events
        places = (place for place, entry in enumerate(entries) if entry[0] != ENDING)
        for index, place in enumerate(places):
            event = events[index]
            group = event.buffer
            if event.flags & IORING_CQE_F_BUFFER and isinstance(group, BufferGroup):
                events[index] = event._replace(buffer=group._content(event, found.at[place]))

    def _give_back(self, found: Completions, entries: list[tuple[int, int, int]]) -> None:
        for index, (request, count, flags) in enumerate(entries):
            if flags & IORING_CQE_F_BUFFER:
                slot = self._slots.get(request)
                if slot is not None and isinstance(slot[1], BufferGroup):
                    slot[1]._give_back(found, index, slot[1]._used(slot[2], count))
