"""How requests are queued and handed over, which are then those of _uring_slots.py."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer
from butter._constants.uring_ring import (
    IOSQE_ASYNC,
    IOSQE_FIXED_FILE,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
    UringRequest,
)
from butter._descriptor import closed_error
from butter._signals import INTERRUPTED, run_handlers
from butter._uring_completions import reader
from butter._uring_errors import ENTER
from butter._uring_memory import MOST_BYTES, NULL
from butter._uring_ring_c import lib
from butter._uring_slots import Slots

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from typing import Union

    from butter._arguments import FileDescriptor
    from butter._uring_operations import Completion, Operation

    AnyFile = Union[FileDescriptor, "FixedFile"]

#: the flags that a caller may give to a request
FLAGS = IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC

_FULL, _CLOSED = -1 - errno.EAGAIN, -1 - errno.EBADF
_BUSY = -1 - errno.EBUSY
_queue = lib.butter_ring_queue


class FixedFile:
    """``FixedFile(index)``: a registered file, in place of a descriptor."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = integer(index, 31, "index")

    def __repr__(self) -> str:
        return f"FixedFile({self.index})"


class Queue(Slots):
    """The base of the methods that queue requests."""

    _batch: deque[Completion]
    #: whether something may be queued that is not handed over
    _queued = False

    def _queue(
        self,
        operation: Operation,
        fd: AnyFile,
        addr: Any = NULL,
        length: int = 0,
        offset: int = 0,
        op_flags: int = 0,
        *,
        user_data: Any = None,
        buffer: Any = None,
        kept: Any = None,
        flags: int = 0,
        more_flags: int = 0,
        ioprio: int = 0,
        buf_index: int = 0,
        file_index: int = 0,
        addr3: int = 0,
    ) -> int:
        """Queue a request, and return its number.

        *kept*, *buffer* and *fd* live until the last completion.
        """
        ring = self._ring
        if ring is None:
            raise closed_error()
        if flags.__class__ is not int or flags & ~FLAGS:
            _check_flags(flags)
        number: Any = fd
        if fd.__class__ is not int:
            if isinstance(fd, FixedFile):
                number, more_flags = fd.index, more_flags | IOSQE_FIXED_FILE
            else:
                number = fileno(fd)
        elif not -1 <= fd < 1 << 31:
            integer(fd, -32, "fd")
        request = self._next() | operation.bits
        self._slots[request] = (user_data, buffer, operation, kept, fd)
        self._queued = True
        while result := lib.butter_ring_queue(
            ring,
            request,
            operation.opcode,
            flags | more_flags,
            number,
            addr,
            length,
            offset,
            op_flags,
            ioprio,
            buf_index,
            file_index,
            addr3,
        ):
            self._make_room(result, request)
        self._queued = True
        return request

    def _move(
        self,
        operation: Operation,
        fd: AnyFile,
        memory: Any,
        offset: int,
        op_flags: int,
        user_data: Any,
        buffer: Any,
        flags: int,
    ) -> int:
        """Queue a read or write of *memory*: as ``_queue``, in half the time."""
        size, ring = len(memory), self._ring
        if size > MOST_BYTES:
            size = MOST_BYTES
        if flags or fd.__class__ is not int or not 0 <= fd < 1 << 31 or ring is None:
            return self._queue(
                *(operation, fd, memory, size, offset, op_flags),
                user_data=user_data,
                buffer=buffer,
                kept=memory,
                flags=flags,
            )
        request = self._next()
        self._slots[request] = (user_data, buffer, operation, memory, fd)
        self._queued = True
        opcode = operation.opcode
        while result := _queue(ring, request, opcode, 0, fd, memory, size, offset, op_flags, 0, 0, 0, 0):
            self._make_room(result, request)
        self._queued = True
        return request

    def _make_room(self, result: int, request: int) -> None:
        """Submit what is queued, for a *request* that had no room, or raise.

        A chain that is being queued stays, since a submission would cut it.
        """
        if result == _FULL:
            try:
                self._submit(lib.butter_ring_make_room)
            except BaseException:
                self._slots.pop(request, None)
                raise
            return
        # a signal handler, or another thread, may have closed the ring
        self._slots.pop(request, None)
        if result == _CLOSED:
            raise closed_error()
        raise ValueError(
            f"the chain of linked requests is longer than the queue ({self._ring.entries} entries): "
            "make a ring with more entries"
        )

    def _submit(self, call: Callable[[Any], int] = lib.butter_ring_submit) -> None:
        """Hand over what is queued."""
        self._queued = False
        while result := call(self._ring):
            if result == _CLOSED:
                raise closed_error()
            self._queued = True
            if result == _BUSY:
                # before Linux 5.19 the kernel takes no request while completions have
                # no room: they come into the object
                self._batch.extend(self._read(0))
            elif result != INTERRUPTED:
                ENTER.check(result, fd=self.fileno())
            run_handlers()
            self._queued = False

    if TYPE_CHECKING:

        def fileno(self) -> int: ...

    def _opened_ring(self) -> Any:
        """Return the ring, or raise ValueError if the object is closed."""
        self.fileno()
        return self._ring

    def _read(self, wait: int) -> list[Completion]:
        """Return the completions of one read; *wait* says whether it may wait."""
        fd = self.fileno()
        self._queued = False
        return reader.read(fd, self._made, self._unmade, self._ring, wait)


def _check_flags(flags: int) -> None:
    integer(flags, 8, "flags")
    if wrong := flags & ~FLAGS:
        raise ValueError(f"the flags of a request may be {UringRequest(FLAGS)}, not {UringRequest(wrong)}")
