"""Completion, not readiness: objects and calls for :manpage:`io_uring(7)`."""

from __future__ import annotations

import atexit
import errno
import os
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

from butter._arguments import fileno, integer
from butter._constants import uring as _constants
from butter._constants import uring_ring as _ring_constants
from butter._constants.uring import *  # noqa: F403
from butter._constants.uring import (
    IORING_SETUP_CQE_MIXED,
    IORING_SETUP_CQSIZE,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_REGISTERED_FD_ONLY,
    IORING_SETUP_SQ_REWIND,
    IORING_SETUP_SQE_MIXED,
    IORING_SETUP_SUBMIT_ALL,
    UringSetup,
)
from butter._constants.uring_ring import *  # noqa: F403
from butter._descriptor import ADOPT
from butter._signals import INTERRUPTED, run_handlers
from butter._uring import CqOffsets, SqOffsets, UringParams, io_uring_enter, io_uring_register, io_uring_setup
from butter._uring_attributes import Attributes
from butter._uring_between import Between
from butter._uring_commands import Commands
from butter._uring_completions import Completions
from butter._uring_errors import LINK, SETUP
from butter._uring_files import Files
from butter._uring_futexes import Futexes
from butter._uring_many import Many
from butter._uring_messages import Messages, Received
from butter._uring_operations import Completion, Operation, ignore
from butter._uring_paths import ANY_SLOT, Paths
from butter._uring_pipes import Pipes
from butter._uring_provided import BufferGroup, Provided
from butter._uring_registered import Registered
from butter._uring_ring import FixedFile
from butter._uring_ring_c import lib
from butter._uring_sockets import Sockets
from butter._uring_stat import Stat
from butter._uring_waits import ChildState, Waits
from butter.eventlike import Eventlike, deadline_of, poll_is_replaced

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor
    from butter._descriptor import Descriptor

__all__ = [
    "ANY_SLOT",
    "BufferGroup",
    "ChildState",
    "Completion",
    "CqOffsets",
    "FixedFile",
    "Operation",
    "Received",
    "Ring",
    "SqOffsets",
    "Stat",
    "UringParams",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
]
__all__ += _constants.__all__
__all__ += _ring_constants.__all__

#: the longest wait of one call, in seconds
_LONGEST = 1e9
# the memory of the queues would look different, or would not be there
_NOT_FOR_RINGS = (
    IORING_SETUP_IOPOLL
    | IORING_SETUP_NO_MMAP
    | IORING_SETUP_REGISTERED_FD_ONLY
    | IORING_SETUP_CQE_MIXED
    | IORING_SETUP_SQE_MIXED
    | IORING_SETUP_SQ_REWIND
)


# the methods for requests come first: the manual then has them at the class
class Ring(
    Files,
    Many,
    Paths,
    Attributes,
    Sockets,
    Messages,
    Commands,
    Pipes,
    Waits,
    Between,
    Futexes,
    Registered,
    Provided,
    Eventlike[Completion],
):
    """``Ring(entries=128, flags=0)``: requests that the kernel works on by itself.

    Each method for a request queues it, and returns its number. ``submit`` hands over
    what is queued, and so do ``wait`` and ``read_events``, before they wait. The events
    are Completions. ::

        with Ring(32) as ring:
            for offset in range(0, size, 4096):
                ring.pread(file, 4096, offset, user_data=offset)
            for completion in itertools.islice(ring, size // 4096):
                print(completion.user_data, completion.value)

    *entries* is how many requests the queue holds, 1 to 32768, rounded up to a power of
    2; a method that finds it full submits. *flags* are UringSetup's: those of the
    memory of the queues are for the call :func:`io_uring_setup`, and
    ``IORING_SETUP_SUBMIT_ALL`` is added. *cq_entries* is how many completions there is
    room for, by default twice as many as requests; the kernel keeps those that have
    none. *sq_thread_cpu* and *sq_thread_idle* (milliseconds) are about the thread of
    ``IORING_SETUP_SQPOLL``, and *workers_of* is a ring whose workers this one shares.

    A request takes *user_data*, any object, which its completion has. *flags* of a
    request are UringRequest's: ``IOSQE_IO_LINK`` and ``IOSQE_IO_HARDLINK`` have the
    next request wait for this one, ``IOSQE_IO_DRAIN`` has this one wait for those
    before it, and ``IOSQE_ASYNC`` leaves it to a worker. A FixedFile may stand for a
    descriptor. A descriptor is looked up when its request begins, which is when it is
    submitted, and with newer kernels later where it is linked to another or drained:
    until then it has to stay open, and afterwards the kernel keeps its file.

    A buffer belongs to the kernel until the last completion of its request, also after
    ``cancel``. The ring keeps it, with paths and all else that the request needs, and a
    bytearray cannot be resized so long. Closing cancels all requests and waits for
    them, which takes as long as a disk needs, and at most 10 seconds. The descriptors
    in completions that nothing has taken are closed. At the exit of the interpreter
    rings that are open end in the same way.

    A request belongs to the thread that has submitted it. Where that thread ends, the
    kernel cancels a request that waits for a pipe, a socket or the like, but only when
    there is something to read or write. Threads may share a ring, unless it has
    ``IORING_SETUP_SINGLE_ISSUER``: then the thread that has made it submits, waits and
    closes. Where several threads read, one may have the last completion of a request
    before another has those before it. A chain of linked requests, at most as many as
    *entries*, is queued by one thread, while no other queues, and nothing is submitted
    or waited for meanwhile. A forked child does not have the ring: its copy is closed.
    ``adopt`` takes over a Ring, and no bare descriptor, which is not all of one.

    Raises what :func:`io_uring_setup` does.

    Linux 5.5, :manpage:`io_uring(7)`.
    """

    _kind = "a ring"
    _link = LINK

    _unmade: deque[Completions]

    def __init__(
        self,
        entries: int = 128,
        flags: int = 0,
        *,
        cq_entries: int | None = None,
        sq_thread_cpu: int = 0,
        sq_thread_idle: int = 0,
        workers_of: FileDescriptor | None = None,
    ) -> None:
        entries, flags = integer(entries, 32, "entries"), integer(flags, 32, "flags")
        if wrong := flags & _NOT_FOR_RINGS:
            raise ValueError(f"a Ring cannot have {UringSetup(wrong)}: use io_uring_setup()")
        if cq_entries is not None:
            flags |= IORING_SETUP_CQSIZE
        if workers_of is not None:
            flags |= UringSetup.ATTACH_WQ
        rest = (
            integer(cq_entries or 0, 32, "cq_entries"),
            integer(sq_thread_cpu, 32, "sq_thread_cpu"),
            integer(sq_thread_idle, 32, "sq_thread_idle"),
            0 if workers_of is None else fileno(workers_of),
        )
        fd = self._open_ring(entries, flags | IORING_SETUP_SUBMIT_ALL, *rest)
        if fd == -1 - errno.EINVAL:
            # Linux before 5.18 does not know that flag
            fd = self._open_ring(entries, flags, *rest)
        if fd < 0:
            SETUP.check(fd, entries=entries, flags=flags, cq_entries=cq_entries or 0)
        super().__init__(fd)
        _open_rings.add(self)

    def _init_state(self) -> None:
        super()._init_state()
        self._init_queue()

    def _adopted(self, fd: int) -> None:
        ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, other="a descriptor, and a Ring consists of more than that")

    def _take_over(self, owner: Descriptor) -> None:
        super()._take_over(owner)
        _open_rings.add(self)

    def submit(self) -> None:
        """Hand over what is queued, without waiting.

        Raises OutOfMemory, InvalidArgument for a ring that another thread submits to or
        that is disabled, and ValueError if the object is closed.
        """
        self.fileno()
        self._submit()

    @classmethod
    def available(cls) -> OSError | None:
        """Why this process cannot have a ring, or None if it can.

        The exception is that of the constructor: OSError (ENOSYS) where the kernel is
        too old or a seccomp filter hides the call, PermissionError where
        ``kernel.io_uring_disabled`` or a filter forbids it, or that of a limit.
        """
        try:
            cls(1).close()
        except OSError as error:
            return error
        return None

    @property
    def entries(self) -> int:
        """How many requests the queue holds."""
        return int(self._opened_ring().entries)

    @property
    def features(self) -> int:
        """The abilities that the kernel gave to the ring, UringFeature's."""
        return int(self._opened_ring().features)

    @property
    def queued(self) -> int:
        """How many requests are queued, and not handed over."""
        return int(max(0, lib.butter_ring_queued(self._opened_ring())))

    @property
    def in_flight(self) -> int:
        """How many requests the ring has whose last completion was not read."""
        return int(lib.butter_ring_in_flight(self._opened_ring()))

    # an Eventlike

    def _read_events(self) -> list[Completion]:
        return self._read(1)

    def _check_more(self) -> None:
        # before a wait by poll; _queued may be wrong after a signal handler has raised
        if self._fd is not None:
            self._submit()

    def wait(self, timeout: float | None = None) -> Completion:
        if self._batch:
            if self._queued:
                self._submit()
        elif timeout is None and not poll_is_replaced():
            # the short way: one read submits, waits and takes
            try:
                events = self._read(1)
                # no call comes between, after which a signal handler may raise
                if events and not events[1:]:
                    return events[0]
                self._batch.extend(events)
            except BlockingIOError:
                if os.get_blocking(self.fileno()):
                    raise  # a signal handler's
        elif timeout is not None and self._opened_ring().setup & IORING_SETUP_DEFER_TASKRUN and not self._unmade:
            timeout = self._wait_deferred(timeout)
        return super().wait(timeout)

    wait.__doc__ = Eventlike.wait.__doc__

    def _wait_deferred(self, timeout: float) -> float:
        """Wait until a completion is there or the time is over: poll is not woken.

        Returns the seconds that are left.
        """
        deadline = deadline_of(timeout) or 0.0  # there is one, as there is a timeout
        result = INTERRUPTED
        while result == INTERRUPTED and not self._batch:
            self._queued = False
            left = max(0.0, deadline - time.monotonic())
            result = lib.butter_ring_wait(self._opened_ring(), int(min(left, _LONGEST) * 1e9))
            if result == INTERRUPTED:
                run_handlers()
        return max(0.0, deadline - time.monotonic())

    def read_events(self) -> list[Completion]:
        if self._queued and self._batch:
            self._submit()
        return super().read_events()

    read_events.__doc__ = Eventlike.read_events.__doc__

    def _drop_batch(self) -> None:
        while self._unmade:
            self._batch.extend(self._made(self._unmade[0]))
            self._unmade.popleft()
        self._end()
        while self._batch:
            ignore(self._batch.popleft())

    def _after_fork(self) -> None:
        # the memory of the queues is not mapped here, and the requests are the parent's
        fd, self._fd = self._fd, None
        self._batch.clear()
        self._unmade.clear()
        self._forget_ring()
        if fd is not None:
            os.close(fd)

    def writable(self) -> bool:
        """False: requests have methods of their own."""
        return False


_open_rings: weakref.WeakSet[Ring] = weakref.WeakSet()


def _end_rings() -> None:
    """End the rings that are open when the interpreter exits, which frees memory."""
    for ring in list(_open_rings):
        if not ring.closed():
            ring._end()


atexit.register(_end_rings)
