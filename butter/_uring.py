"""The calls of :manpage:`io_uring(7)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fileno, integer
from butter._constants.uring import *  # noqa: F403
from butter._sigbits import sigbits
from butter._uring_c import ffi, lib
from butter._uring_errors import ENTER, REGISTER, SETUP
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor
    from butter._sigbits import Signals


class SqOffsets(NamedTuple):
    """Where the parts of the queue of requests are, in bytes from its mapping."""

    head: int = 0
    tail: int = 0
    ring_mask: int = 0
    ring_entries: int = 0
    flags: int = 0
    dropped: int = 0
    array: int = 0
    user_addr: int = 0


class CqOffsets(NamedTuple):
    """Where the parts of the queue of completions are, in bytes from its mapping."""

    head: int = 0
    tail: int = 0
    ring_mask: int = 0
    ring_entries: int = 0
    overflow: int = 0
    cqes: int = 0
    flags: int = 0
    user_addr: int = 0


class UringParams(NamedTuple):
    """The parameters of a ring: a named tuple of ints, and two of offsets.

    A program sets ``flags`` (UringSetup), and where a flag asks for it ``cq_entries``,
    ``sq_thread_cpu``, ``sq_thread_idle`` (milliseconds), ``wq_fd`` and the
    ``user_addr`` of the offsets. The kernel sets the rest: ``features`` are
    UringFeature's.
    """

    sq_entries: int = 0
    cq_entries: int = 0
    flags: int = 0
    sq_thread_cpu: int = 0
    sq_thread_idle: int = 0
    features: int = 0
    wq_fd: int = 0
    sq_off: SqOffsets = SqOffsets()
    cq_off: CqOffsets = CqOffsets()


_NUMBERS = UringParams._fields[:7]


def io_uring_setup(entries: int, params: UringParams | None = None) -> tuple[int, UringParams]:
    """``io_uring_setup(entries, &params)``: returns the descriptor of a new ring.

    The result has the parameters too, as the kernel has set them. *entries* is 1 to
    32768. The kernel closes the descriptor when the process executes another program.

    Raises PermissionError where ``kernel.io_uring_disabled`` or a seccomp filter
    forbids io_uring, InvalidArgument for other arguments, OSError (EMFILE, ENFILE)
    where a limit is reached, OutOfMemory.

    Linux 5.1, :manpage:`io_uring_setup(2)`.
    """
    entries, wanted = integer(entries, 32, "entries"), params or UringParams()
    struct: Any = ffi.new("butter_uring_params *")
    for name in _NUMBERS:
        setattr(struct, name, integer(getattr(wanted, name), 32, name))
    struct.sq_off.user_addr = integer(wanted.sq_off.user_addr, 64, "sq_off.user_addr")
    struct.cq_off.user_addr = integer(wanted.cq_off.user_addr, 64, "cq_off.user_addr")
    fd = lib.butter_uring_setup(entries, struct)
    if fd < 0:
        SETUP.check(fd, entries=entries, flags=wanted.flags, cq_entries=wanted.cq_entries)
    numbers = [getattr(struct, name) for name in _NUMBERS]
    sq_off = SqOffsets(*(getattr(struct.sq_off, name) for name in SqOffsets._fields))
    cq_off = CqOffsets(*(getattr(struct.cq_off, name) for name in CqOffsets._fields))
    return fd, UringParams(*numbers)._replace(sq_off=sq_off, cq_off=cq_off)


def io_uring_enter(
    fd: FileDescriptor,
    to_submit: int,
    min_complete: int,
    flags: int = 0,
    sigmask: Signals | None = None,
    timeout: int | None = None,
    min_wait: int = 0,
) -> int:
    """``io_uring_enter(fd, to_submit, min_complete, flags, arg)``: submits and waits.

    Returns how many requests the kernel has taken. With ``IORING_ENTER_GETEVENTS`` in
    *flags*, which are UringEnter's, the call waits for *min_complete* completions. The
    thread blocks *sigmask*, one signal or an iterable, and no others meanwhile; None
    changes nothing. *timeout* is in nanoseconds, and *min_wait*, after which one
    completion is enough, in microseconds; the call adds ``IORING_ENTER_EXT_ARG`` for
    them (Linux 5.11 and 6.12). After a signal the call is not made again.

    Raises OSError (ETIME) when the time is over, InterruptedError after a signal
    handler has run, InvalidArgument for other arguments and if *fd* is not that of a
    ring, OSError (EBUSY) where completions have to be read first, OutOfMemory.

    Linux 5.1, :manpage:`io_uring_enter(2)`.
    """
    number, to_submit = fileno(fd), integer(to_submit, 32, "to_submit")
    min_complete, flags = integer(min_complete, 32, "min_complete"), integer(flags, 32, "flags")
    masked, bits = sigmask is not None, 0 if sigmask is None else sigbits(sigmask)
    limit = -1 if timeout is None else integer(timeout, 63, "timeout")
    min_wait = integer(min_wait, 32, "min_wait")
    result = lib.butter_uring_enter(number, to_submit, min_complete, flags, masked, bits, limit, min_wait)
    return ENTER.check(result, fd=number, flags=flags)


def io_uring_register(fd: FileDescriptor, opcode: int, arg: Buffer | None = None, nr_args: int = 0) -> int:
    """``io_uring_register(fd, opcode, arg, nr_args)``: registers, changes, asks.

    *opcode* is a UringRegister. *arg* has the bytes of the struct that the manual page
    describes; where the kernel writes into it, it is a writable buffer. The result is
    that of the operation, and mostly 0.

    Raises InvalidArgument for other arguments and if *fd* is not that of a ring,
    PermissionError where a restriction of the ring forbids it, OSError (EBUSY) for what
    is registered already and (ENXIO) for what is not, OutOfMemory, and more errors of
    single operations.

    Linux 5.1, :manpage:`io_uring_register(2)`.
    """
    number, opcode = fileno(fd), integer(opcode, 32, "opcode")
    nr_args = integer(nr_args, 32, "nr_args")
    argument = ffi.NULL if arg is None else ffi.from_buffer(arg)
    result = lib.butter_uring_register(number, opcode, argument, nr_args)
    return REGISTER.check(result, fd=number, opcode=opcode)
