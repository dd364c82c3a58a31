"""How requests are queued and handed over, which are then those of _uring_slots.py."""

from __future__ import annotations

import errno
from _thread import get_ident
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
from butter._uring_completions import Completions, reader
from butter._uring_errors import ENTER, READ
from butter._uring_memory import MOST_BYTES, NULL, offset_of, size_of
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
# looked up once, as each request needs them
_queue, _queue_move, _read_ring = lib.butter_ring_queue, lib.butter_ring_move, lib.butter_ring_read


class FixedFile:
    """``FixedFile(index)``: a registered file, in place of a descriptor."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = integer(index, 31, "index")

    def __repr__(self) -> str:
        return f"FixedFile({self.index})"


class Queue(Slots):
    """The base of the methods that queue requests."""

    _fd: int | None
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
        while result := _queue(
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
        buffer: Any,
        memory: Any,
        offset: int | None,
        rw_flags: int,
        user_data: Any,
        flags: int,
    ) -> int:
        """Queue a read or write of *memory*: as ``_queue``, in half the time."""
        size, ring = len(memory), self._ring
        if (
            flags != 0
            or rw_flags != 0
            or fd.__class__ is not int
            or offset.__class__ is not int
            or not 0 <= fd < 1 << 31
            or not 0 <= offset < 1 << 63
            or size > MOST_BYTES
            or ring is None
        ):
            return self._queue(
                *(operation, fd, memory, size_of(memory), offset_of(offset), integer(rw_flags, 32, "rw_flags")),
                user_data=user_data,
                buffer=buffer,
                kept=memory,
                flags=flags,
            )
        request = self._next()
        self._slots[request] = (user_data, buffer, operation, memory, fd)
        self._queued = True
        while result := _queue_move(ring, request, operation.opcode, fd, memory, size, offset):
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
        if self._fd is None:
            raise closed_error()
        return self._ring

    def _read(self, wait: int) -> list[Completion]:
        """Return the completions of one read; *wait* says whether it may wait.

        Its steps are those of ``Reader.read``, where the reason of each stands.
        """
        unmade = self._unmade
        if unmade:
            return reader.resume(self._made, unmade)
        fd = self._fd
        if fd is None:
            raise closed_error()
        self._queued = False
        thread, free = get_ident(), reader.free
        found = free.pop(thread, None)
        if found is None:
            found = Completions()
        try:
            count = _read_ring(fd, found.struct, self._ring, wait)
            if count > 0:
                events = self._made_one(found) if count == 1 else self._made(found)
                free[thread] = found
                found.struct.count = 0
                return events
        except BaseException:
            if found.struct.count:
                unmade.appendleft(found)
            raise
        reader.give(found)
        if count != INTERRUPTED:
            READ.check(count, fd=fd)
        run_handlers()
        return []


def _check_flags(flags: int) -> None:
    integer(flags, 8, "flags")
    if wrong := flags & ~FLAGS:
        raise ValueError(f"the flags of a request may be {UringRequest(FLAGS)}, not {UringRequest(wrong)}")
