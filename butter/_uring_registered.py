"""The things that a ring knows beforehand: files, buffers, restrictions."""

from __future__ import annotations

import array
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.uring import (
    IO_URING_OP_SUPPORTED,
    IORING_REGISTER_BUFFERS,
    IORING_REGISTER_BUFFERS2,
    IORING_REGISTER_BUFFERS_UPDATE,
    IORING_REGISTER_CLONE_BUFFERS,
    IORING_REGISTER_ENABLE_RINGS,
    IORING_REGISTER_EVENTFD,
    IORING_REGISTER_FILE_ALLOC_RANGE,
    IORING_REGISTER_FILES,
    IORING_REGISTER_FILES2,
    IORING_REGISTER_FILES_UPDATE,
    IORING_REGISTER_IOWQ_MAX_WORKERS,
    IORING_REGISTER_PROBE,
    IORING_REGISTER_RESTRICTIONS,
    IORING_REGISTER_SYNC_CANCEL,
    IORING_RESTRICTION_REGISTER_OP,
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
    IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
    IORING_RESTRICTION_SQE_OP,
    IORING_RSRC_REGISTER_SPARSE,
    IORING_UNREGISTER_BUFFERS,
    IORING_UNREGISTER_EVENTFD,
    IORING_UNREGISTER_FILES,
)
from butter._constants.uring_ring import (
    IORING_FILE_INDEX_ALLOC,
    IORING_FIXED_FD_NO_CLOEXEC,
    IORING_OP_FILES_UPDATE,
    IORING_OP_FIXED_FD_INSTALL,
    UringOp,
)
from butter._uring_errors import REGISTER
from butter._uring_fixed import Fixed
from butter._uring_memory import NULL, address, from_buffer, in_place, seconds_of, struct, vector
from butter._uring_operation_errors import WAITS
from butter._uring_operations import Completion, Operation, close_result
from butter._uring_paths import ANY_SLOT
from butter._uring_ring import FixedFile
from butter._uring_ring_c import lib

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor

_RESTRICTION, _PROBE = Struct("=HBB12x"), Struct("=BxH4x")
_FILES, _RSRC, _UPDATE = Struct("=IIQ"), Struct("=IIQQQ"), Struct("=IIQQII")
_CLONE = Struct("=8I")
_CANCEL = Struct("=QiIqq32x")
_RANGE = Struct("=II8x")
_PROBE_HEAD, _MOST_OPERATIONS = 16, 256


def _new_slots(completion: Completion) -> list[int] | int:
    """Return the slots that the kernel has chosen, or how many files were replaced."""
    slots = completion.buffer
    return completion.result if slots is None else slots.tolist()[: completion.result]


INSTALL = Operation("install", IORING_OP_FIXED_FD_INSTALL, WAITS, discard=close_result)
REPLACE_FILES = Operation("replace_files", IORING_OP_FILES_UPDATE, WAITS, _new_slots)


class Registered(Fixed):
    """The things that a ring knows beforehand: files, buffers, restrictions."""

    def _register(self, opcode: int, argument: Any = NULL, count: int = 0) -> int:
        number = self.fileno()
        result = lib.butter_ring_register(self._ring, opcode, argument, count)
        return result if result >= 0 else REGISTER.check(result, fd=number, opcode=opcode)

    def probe(self) -> frozenset[UringOp | int]:
        """Which operations the kernel has: a set of UringOp's.

        An operation that butter does not know is a number. Linux 5.6.
        """
        found = bytearray(_PROBE_HEAD + _MOST_OPERATIONS * _PROBE.size)
        self._register(IORING_REGISTER_PROBE, from_buffer("char[]", found, True), _MOST_OPERATIONS)
        count = found[1]
        parts = _PROBE.iter_unpack(found[_PROBE_HEAD : _PROBE_HEAD + count * _PROBE.size])
        known = {int(each): each for each in UringOp}
        return frozenset(known.get(number, number) for number, flags in parts if flags & IO_URING_OP_SUPPORTED)

    # files

    def register_files(self, files: Iterable[FileDescriptor] | int) -> None:
        """Register descriptors, each of which a FixedFile then stands for.

        *files* are descriptors, in the order of their slots; -1 leaves a slot empty. A
        number makes so many empty slots (Linux 5.19). The ring keeps the files open,
        also when their descriptors are closed.

        Raises OSError (EBUSY) where files are registered already, and what
        :func:`butter.uring.io_uring_register` does.

        Linux 5.1.
        """
        if isinstance(files, int):
            files = integer(files, 31, "files")
            memory = struct(_RSRC.pack(files, IORING_RSRC_REGISTER_SPARSE, 0, 0, 0))
            self._register(IORING_REGISTER_FILES2, memory, _RSRC.size)
            return
        numbers = array.array("i", [fileno(file) for file in files])
        self._register(IORING_REGISTER_FILES, from_buffer("char[]", numbers), len(numbers))

    def update_files(self, slot: int, files: Iterable[FileDescriptor]) -> None:
        """Replace the files of the slots from *slot* on; -1 empties one.

        Linux 5.5.
        """
        numbers = array.array("i", [fileno(file) for file in files])
        memory = from_buffer("char[]", numbers)
        argument = struct(_FILES.pack(integer(slot, 31, "slot"), 0, address(memory)))
        self._register(IORING_REGISTER_FILES_UPDATE, argument, len(numbers))

    def allow_slots(self, first: int, count: int) -> None:
        """Have ANY_SLOT stand for one of *count* slots from *first* on.

        At first it stands for any slot.

        Linux 6.0.
        """
        argument = struct(_RANGE.pack(integer(first, 32, "first"), integer(count, 32, "count")))
        self._register(IORING_REGISTER_FILE_ALLOC_RANGE, argument)

    def unregister_files(self) -> None:
        """Forget the registered files.

        Requests under way keep theirs; before Linux 6.13 this waits for them.
        """
        self._register(IORING_UNREGISTER_FILES)

    def replace_files(
        self, slot: int, files: Iterable[FileDescriptor], user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Replace the files of the slots from *slot* on, by a request.

        It does what ``update_files`` does, and can be linked to others. With ANY_SLOT
        the kernel chooses free slots, whose numbers are the value of the completion
        (Linux 6.0); otherwise that is how many slots there are.

        Linux 5.6.
        """
        files = list(files)
        numbers = array.array("i", [fileno(file) for file in files])
        chosen = slot == ANY_SLOT
        memory = from_buffer("char[]", numbers, True)
        return self._queue(
            *(REPLACE_FILES, -1, memory, len(numbers)),
            IORING_FILE_INDEX_ALLOC if chosen else integer(slot, 31, "slot"),
            user_data=user_data,
            buffer=numbers if chosen else None,
            kept=(memory, files),
            flags=flags,
        )

    def install(
        self, file: FixedFile, user_data: Any = None, *, closefd: bool = CLOEXEC_DEFAULT, flags: int = 0
    ) -> int:
        """Make a descriptor of a registered file; it is the value of the completion.

        Linux 6.8.
        """
        if not isinstance(file, FixedFile):
            raise TypeError(f"file must be a FixedFile, not {type(file).__name__}")
        op_flags = 0 if closefd else IORING_FIXED_FD_NO_CLOEXEC
        return self._queue(INSTALL, file, op_flags=op_flags, user_data=user_data, flags=flags)

    # buffers

    def register_buffers(self, buffers: Iterable[Buffer] | int) -> None:
        """Register writable *buffers*, whose memory then stays in place.

        ``read_fixed`` and ``write_fixed`` use them, by their index. They belong to the
        ring until ``unregister_buffers``, and until the requests that use them have
        completed: a bytearray cannot be resized so long. A number makes so many empty
        slots (Linux 5.19).

        Raises OSError (EBUSY) where buffers are registered already, OutOfMemory where
        RLIMIT_MEMLOCK is reached, and what :func:`butter.uring.io_uring_register` does.

        Linux 5.1.
        """
        if isinstance(buffers, int):
            count = integer(buffers, 31, "buffers")
            memory = struct(_RSRC.pack(count, IORING_RSRC_REGISTER_SPARSE, 0, 0, 0))
            self._register(IORING_REGISTER_BUFFERS2, memory, _RSRC.size)
            self._buffers = (None,) * count
            return
        memories = tuple(map(in_place, buffers))
        self._register(IORING_REGISTER_BUFFERS, vector(memories), len(memories))
        self._buffers = memories

    def update_buffers(self, slot: int, buffers: Iterable[Buffer | None]) -> None:
        """Replace the registered buffers from *slot* on; None empties one.

        Requests under way keep the buffers that they use.

        Linux 5.13.
        """
        memories = tuple(None if each is None else in_place(each) for each in buffers)
        slot = integer(slot, 31, "slot")
        parts = vector(memories)
        argument = struct(_UPDATE.pack(slot, 0, address(parts), 0, len(memories), 0))
        done = self._register(IORING_REGISTER_BUFFERS_UPDATE, argument, _UPDATE.size)
        self._buffers = (*self._buffers[:slot], *memories[:done], *self._buffers[slot + done :])
        if done < len(memories):
            raise ValueError(f"only {done} of {len(memories)} buffers could be registered: the next one cannot be used")

    def unregister_buffers(self) -> None:
        """Forget the registered buffers.

        Requests under way keep theirs; before Linux 6.13 this waits for them.
        """
        self._register(IORING_UNREGISTER_BUFFERS)
        self._buffers = ()

    def clone_buffers(self, ring: Any) -> None:
        """Have the registered buffers of another *ring* here, too (Linux 6.12)."""
        if not isinstance(ring, Registered):
            raise TypeError(f"ring must be a Ring, not {type(ring).__name__}")
        argument = struct(_CLONE.pack(ring.fileno(), *(0,) * 7))
        self._register(IORING_REGISTER_CLONE_BUFFERS, argument, 1)
        self._buffers = ring._buffers

    # permissions, and the end of requests

    def restrict(
        self,
        operations: Iterable[int] = (),
        *,
        registrations: Iterable[int] = (),
        flags_allowed: int = 0,
        flags_required: int = 0,
    ) -> None:
        """Allow some *operations* (UringOp) alone, before the ring is enabled.

        *registrations* (UringRegister) are what the ring may be asked to register,
        *flags_allowed* and *flags_required* the flags of requests (UringRequest). The
        ring was made with ``IORING_SETUP_R_DISABLED``. Without
        ``IORING_REGISTER_SYNC_CANCEL``, or ``IORING_OP_ASYNC_CANCEL``, closing cannot
        end requests, and keeps their memory for ever.

        Linux 5.10.
        """
        rows = [(IORING_RESTRICTION_SQE_OP, integer(each, 8, "an operation")) for each in operations]
        rows += [(IORING_RESTRICTION_REGISTER_OP, integer(each, 8, "a registration")) for each in registrations]
        rows.append((IORING_RESTRICTION_SQE_FLAGS_ALLOWED, integer(flags_allowed | flags_required, 8, "flags")))
        rows.append((IORING_RESTRICTION_SQE_FLAGS_REQUIRED, integer(flags_required, 8, "flags")))
        memory = struct(b"".join(_RESTRICTION.pack(kind, value, 0) for kind, value in rows))
        self._register(IORING_REGISTER_RESTRICTIONS, memory, len(rows))

    def enable(self) -> None:
        """Have a ring that was made with ``IORING_SETUP_R_DISABLED`` take requests.

        Linux 5.10.
        """
        self._register(IORING_REGISTER_ENABLE_RINGS)

    def cancel_now(self, request: int, timeout: float | None = None) -> None:
        """Cancel a *request*, and wait until it has ended.

        Its completion is there afterwards, and its buffer free once that was read.
        *timeout* is in seconds.

        Raises FileNotFoundError if it has completed already, OSError (ETIME) when the
        time is over first, as where a disk does not answer, and what ``submit`` does.

        Linux 6.0.
        """
        time = (-1, -1) if timeout is None else seconds_of(timeout)
        number = integer(request, 63, "request")
        self.fileno()
        self._submit()
        self._register(IORING_REGISTER_SYNC_CANCEL, from_buffer("char[]", _CANCEL.pack(number, -1, 0, *time)), 1)

    # wake-ups and workers

    def register_eventfd(self, fd: FileDescriptor) -> None:
        """Have an eventfd count the completions, for a program that waits for that.

        The descriptor of the ring is ready in the same cases, so ``select`` and an
        epoll do without, but for a ring with ``IORING_SETUP_DEFER_TASKRUN``, which
        does not wake them. An eventfd can belong to several rings. Reading it says only
        that something may be there: take completions until there are none.

        Raises OSError (EBUSY) where the ring has one, InvalidArgument for another
        descriptor.

        Linux 5.2.
        """
        number = array.array("i", [fileno(fd)])
        self._register(IORING_REGISTER_EVENTFD, from_buffer("char[]", number), 1)

    def unregister_eventfd(self) -> None:
        """Have the eventfd count no longer (Linux 5.2)."""
        self._register(IORING_UNREGISTER_EVENTFD)

    def max_workers(self, bounded: int = 0, unbounded: int = 0) -> tuple[int, int]:
        """Limit the kernel's workers, and return the limits from before; 0 keeps one.

        *bounded* ones work on files and devices, *unbounded* ones on the rest.

        Linux 5.15.
        """
        numbers = array.array("I", [integer(bounded, 31, "bounded"), integer(unbounded, 31, "unbounded")])
        self._register(IORING_REGISTER_IOWQ_MAX_WORKERS, from_buffer("char[]", numbers, True), 2)
        return numbers[0], numbers[1]
