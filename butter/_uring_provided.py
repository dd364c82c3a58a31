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
from butter._uring_ring import Queue
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    from butter._uring_completions import Completions
    from butter._uring_operations import Completion

_MOST_PROVIDED = 32768
_CLOSED = -1 - errno.EBADF


class BufferGroup:
    """A group of provided buffers, which :meth:`butter.uring.Ring.provide` returns.

    A request that takes the group in the place of a buffer gets one of its buffers when
    there is something to put into it. The completion has the bytes, and the buffer is
    given back by then. ``close`` has the kernel forget the group.
    """

    __slots__ = ("_group", "_ring", "entries", "number", "size")

    def __init__(self, ring: Any, number: int, entries: int, size: int) -> None:
        self.number, self.entries, self.size = number, entries, size
        group = lib.butter_group_new(number, entries, size)
        if not group:
            raise MemoryError(f"there is no memory for {entries} buffers of {size} bytes")
        self._ring, self._group = ring, ffi.gc(group, lib.butter_group_free)  # type: ignore[call-overload]
        self._check(lib.butter_group_register(ring, self._group), IORING_REGISTER_PBUF_RING)

    def _bytes_of(self, number: int, count: int) -> bytes:
        """Return the first bytes of a buffer."""
        return bytes(ffi.buffer(self._group.memory + number * self.size, count))

    def _give_back(self, found: Completions, index: int) -> None:
        """Give back the buffer of a completion, unless that has been done."""
        lib.butter_group_give_back(self._ring, self._group, found.struct, index)

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


class Provided(Queue):
    """The groups of provided buffers of a ring."""

    _group_number = 0

    def provide(self, entries: int, size: int) -> BufferGroup:
        """Return a group of *entries* buffers, each of *size* bytes.

        *entries* is a power of 2, at most 32768. ``recv`` and ``read_multishot`` take
        the group in the place of a buffer, and may then complete again and again. Where
        all buffers are in use a request ends with OutOfMemory (ENOBUFS): read
        completions, and queue it again.

        Raises ValueError for other numbers, and what
        :func:`butter.uring.io_uring_register` does.

        Linux 5.19.
        """
        entries, size = integer(entries, 16, "entries"), integer(size, 31, "size")
        if not 0 < entries <= _MOST_PROVIDED or entries & (entries - 1) or not size:
            raise ValueError(f"entries is {entries} and size {size}; they must be a power of 2, and positive")
        self.fileno()
        self._group_number += 1
        return BufferGroup(self._ring, integer(self._group_number, 16, "the number of groups"), entries, size)

    def _copy_provided(self, events: list[Completion]) -> None:
        for index, event in enumerate(events):
            group = event.buffer
            if event.flags & IORING_CQE_F_BUFFER and isinstance(group, BufferGroup):
                content = group._bytes_of(event.flags >> IORING_CQE_BUFFER_SHIFT, max(0, event.result))
                events[index] = event._replace(buffer=content)

    def _give_back(self, found: Completions, entries: list[tuple[int, int, int]]) -> None:
        for index, (request, _, flags) in enumerate(entries):
            if flags & IORING_CQE_F_BUFFER:
                slot = self._slots.get(request)
                if slot is not None and isinstance(slot[1], BufferGroup):
                    slot[1]._give_back(found, index)
