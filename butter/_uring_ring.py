"""The requests and completions of a ring, and the memory that the kernel uses.

The head of butter/build/uring_ring.h has the rules of the memory that both share. Those
of Python are here.
"""

# A buffer belongs to the kernel until the last completion of its request, also where
# the request was cancelled: to cancel means to ask. So a request has a slot, under a
# number that the kernel returns with each completion (user_data), and the slot keeps
# all that the request points to. A bytearray is kept by an export of its buffer, which
# refuses to let it be resized. The slot goes with the last completion, the one without
# IORING_CQE_F_MORE.
#
# The number of a slot counts up and is never used again. So neither an old completion
# nor a cancellation can meet another request.
#
# A slot is filled before the kernel can know of its request, and is left where a signal
# handler raises meanwhile: it cannot be known then whether the request is queued.
#
# Where a request cannot be ended (a disk that does not answer, a ring that only another
# thread may use), closing gives up after a while, and the slots stay for ever: lost
# memory is harmless, memory that is used twice is not.

from __future__ import annotations

import errno
import itertools
import time
from collections import deque
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer
from butter._constants.uring import IORING_CQE_F_BUFFER, IORING_CQE_F_MORE
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
from butter._uring_completions import Completions, first_in, reader
from butter._uring_errors import ENTER
from butter._uring_memory import COPIES, MOST_BYTES, copy_back
from butter._uring_operations import ENDING, MESSAGE, MESSAGE_BIT, Completion, Operation, ignore
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    from typing import Union

    from butter._arguments import FileDescriptor

    AnyFile = Union[FileDescriptor, "FixedFile"]
    Slot = tuple[Any, Any, Operation, Any, Any]

#: how long closing waits for requests that do not end, in seconds
PATIENCE = 10.0
#: the flags that a caller may give to a request
FLAGS = IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC

_FULL, _CUT, _CLOSED = -1 - errno.EAGAIN, -1 - errno.E2BIG, -1 - errno.EBADF
_BUSY, _OTHER_THREAD = -1 - errno.EBUSY, -1 - errno.EEXIST
_NULL = ffi.NULL
_request_of, _flags_of = itemgetter(0), itemgetter(2)
_new, _queue = tuple.__new__, lib.butter_ring_queue
_NO_SLOT = (None,) * 5
#: the slots and batches of requests that could not be ended
abandoned: list[tuple[Any, ...]] = []


class FixedFile:
    """``FixedFile(index)``: a registered file, in place of a descriptor."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = integer(index, 31, "index")

    def __repr__(self) -> str:
        return f"FixedFile({self.index})"


class Queue:
    """The base of the methods that queue requests."""

    _ring: Any = None
    _slots: dict[int, Slot]
    _unmade: Any
    _batch: deque[Completion]
    #: whether something may be queued that is not handed over
    _queued = False

    def _init_queue(self) -> None:
        self._ring = None
        self._slots = {}
        self._unmade = deque()
        self._left: dict[int, tuple[Any, ...]] = {}
        self._next = itertools.count(1).__next__

    def _open_ring(self, entries: int, flags: int, *rest: int) -> int:
        """Make the ring, and return its descriptor, or -1 - errno."""
        ring = lib.butter_ring_new()
        if not ring:
            return -1 - errno.ENOMEM
        self._ring = ffi.gc(ring, lib.butter_ring_free)  # type: ignore[call-overload]
        return lib.butter_ring_open(self._ring, entries, flags, *rest)

    def _queue(
        self,
        operation: Operation,
        fd: AnyFile,
        addr: Any = _NULL,
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
        request = self._next()
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
        """Submit what is queued, for a *request* that had no room, or raise."""
        if result == _FULL:
            try:
                self._submit()
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
            "call submit() before a chain, or make a ring with more entries"
        )

    def _submit(self) -> None:
        """Hand over what is queued."""
        self._queued = False
        while result := lib.butter_ring_submit(self._ring):
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

    def _made(self, found: Completions) -> list[Completion]:
        """Return the events of a read, and forget the slots of those that are the last.

        A signal handler may raise anywhere, and this is called again then: so the
        events are in *found* before the first slot goes.
        """
        slots, events = self._slots, found.made
        if events is None and found.struct.count == 1:
            # the short way of a program that has few requests
            request, result, flags = first_in(found.view)
            slot = slots.get(request)
            if slot is not None and not flags & (IORING_CQE_F_MORE | IORING_CQE_F_BUFFER):
                if COPIES:
                    copy_back(slot[3])
                events = found.made = [_new(Completion, (slot[0], result, flags, slot[1], request, slot[2]))]
                slots.pop(request, None)
                found.made = None
                return events
        entries = found.entries()
        kinds = set(map(_flags_of, entries))
        provided = any(flags & IORING_CQE_F_BUFFER for flags in kinds)
        if events is None:
            events = [
                _new(Completion, (slot[0], result, flags, slot[1], request, slot[2]))
                for request, result, flags in entries
                for slot in (slots.get(request),)
                if slot is not None
            ]
            if len(events) != len(entries):
                events = self._with_messages(entries)
            if provided:
                self._copy_provided(events)
            found.made = events
        if provided:
            self._give_back(found, entries)
        if any(flags & IORING_CQE_F_MORE for flags in kinds):
            last = [request for request, _, flags in entries if not flags & IORING_CQE_F_MORE]
        else:
            last = list(map(_request_of, entries))
        if COPIES:
            for request in last:
                copy_back(slots.get(request, _NO_SLOT)[3])
        # one call of C, which forgets them all
        deque(map(slots.pop, last, repeat(None)), 0)
        found.made = None
        return events

    def _with_messages(self, entries: list[tuple[int, int, int]]) -> list[Completion]:
        """Return the events where some are messages, or of the end of the ring."""
        events = []
        for request, result, flags in entries:
            slot = self._slots.get(request)
            if slot is not None:
                events.append(Completion(slot[0], result, flags, slot[1], request, slot[2]))
            elif request != ENDING:
                # other libraries may send messages without the bit
                events.append(Completion(request & ~MESSAGE_BIT, result, flags, None, 0, MESSAGE))
        return events

    def _copy_provided(self, events: list[Completion]) -> None:
        """Replace each provided buffer by its bytes."""
        raise NotImplementedError

    def _give_back(self, found: Completions, entries: list[tuple[int, int, int]]) -> None:
        """Give each provided buffer back to its group, once."""
        raise NotImplementedError

    # the end

    def _end(self) -> None:
        """Cancel all requests, wait for their completions, and unmap the ring.

        A call that a signal handler ends is repeated, and goes on.
        """
        ring = self._ring
        if ring is None:
            return
        deadline = time.monotonic() + PATIENCE
        found = Completions()
        requests = ffi.new("uint64_t[]", list(self._slots))
        while result := lib.butter_ring_end(ring, found.struct, requests, len(requests)):
            self._discard(found)
            if result == _OTHER_THREAD or time.monotonic() > deadline:
                break
        self._discard(found)
        lib.butter_ring_unmap(ring)
        if lib.butter_ring_in_flight(ring):
            abandoned.append((self._slots, self._left))
            self._slots, self._left = {}, {}
        else:
            self._slots.clear()
            self._left.clear()

    def _discard(self, found: Completions) -> None:
        """Drop completions that came while the ring ended."""
        for request, result, flags in found.entries():
            slot = self._slots.get(request)
            if slot is None:
                continue
            copy_back(slot[3])
            ignore(Completion(slot[0], result, flags, slot[1], request, slot[2]))
            if not flags & IORING_CQE_F_MORE:
                del self._slots[request]
        found.struct.count = 0

    def _forget_ring(self) -> None:
        """Forget the ring in a forked child, which does not have its memory."""
        if self._ring is not None:
            lib.butter_ring_forget(self._ring)
        self._slots = {}


def _check_flags(flags: int) -> None:
    integer(flags, 8, "flags")
    if wrong := flags & ~FLAGS:
        raise ValueError(f"the flags of a request may be {UringRequest(FLAGS)}, not {UringRequest(wrong)}")
