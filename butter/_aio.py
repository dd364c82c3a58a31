"""The calls of Linux's asynchronous I/O: :manpage:`io_submit(2)` and its kin."""

from __future__ import annotations

import time
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._aio_c import ffi, lib
from butter._aio_errors import CANCEL, DESTROY, GETEVENTS, MOST, PGETEVENTS, SETUP, SUBMIT, TRANSFERS
from butter._aio_memory import Memory, vector
from butter._arguments import fileno, integer
from butter._constants.aio import *  # noqa: F403
from butter._constants.aio import IOCB_CMD_PREAD, IOCB_CMD_PREADV, IOCB_CMD_PWRITEV, IOCB_FLAG_RESFD
from butter._sigbits import sigbits
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from butter._arguments import FileDescriptor
    from butter._sigbits import Signals
    from butter.errors import Errors


# struct iocb: data, key, rw_flags, opcode, reqprio, fildes, buf, nbytes, offset,
# reserved, flags, resfd
IOCB = Struct("=QIIHhIQQqQII")

FOR_EVER = -1
#: the operations that write into their buffers
READS = {IOCB_CMD_PREAD, IOCB_CMD_PREADV}
_VECTORS = {IOCB_CMD_PREADV, IOCB_CMD_PWRITEV}
# more events than this are not waiting in any context, as the kernel limits their ring
_ROOM = 1 << 16
# the kernel doubles the number of operations
_LARGEST = 2 * MOST


class Iocb:
    """``Iocb(opcode, fd, buffer=None, offset=0, ...)``: the kernel's ``struct iocb``.

    *opcode* is an AioCommand, *fd* an int or anything with ``fileno()``. *buffer* is
    that of a read or write (which one can be written for a read), a sequence of them
    for ``IOCB_CMD_PREADV`` and ``IOCB_CMD_PWRITEV``, and the int of the events for
    ``IOCB_CMD_POLL``. *data* is a number of 64 bits that comes with the event;
    *rw_flags* are AioTransfer's. *resfd* is an eventfd that counts the completion, and
    adds ``IOCB_FLAG_RESFD`` to *flags*, which are AioFlag's. *reqprio* is the priority.

    The object has to live until its event has come, since the kernel uses the buffers
    until then. As long as it lives they cannot be resized; PyPy does not refuse that,
    and the program must not do it. :class:`butter.aio.Aio` sees to all this by itself.

    ``address`` is where the struct is, which the event has as ``obj``.

    Raises TypeError and ValueError for other types and numbers, BufferError for a
    buffer that cannot be written.

    :manpage:`io_submit(2)`.
    """

    def __init__(
        self,
        opcode: int,
        fd: FileDescriptor,
        buffer: Any = None,
        offset: int = 0,
        *,
        data: int = 0,
        rw_flags: int = 0,
        reqprio: int = 0,
        flags: int = 0,
        resfd: FileDescriptor | None = None,
    ) -> None:
        address = length = 0
        opcode = integer(opcode, 16, "opcode")
        if opcode in TRANSFERS:
            buffers = buffer if opcode in _VECTORS else (buffer,)
            self._memory = [Memory(each, opcode in READS, copied=False) for each in buffers]
            if opcode in _VECTORS:
                self._vector, address, length = vector(self._memory)
            else:
                address, length = self._memory[0].address, self._memory[0].length
        elif buffer is not None:
            address = integer(buffer, 64, "buffer")
        flags = integer(flags, 32, "flags")
        counter = 0
        if resfd is not None:
            counter, flags = fileno(resfd), flags | IOCB_FLAG_RESFD
        self._struct = ffi.new("butter_iocb *")
        ffi.buffer(self._struct)[:] = IOCB.pack(
            integer(data, 64, "data"),
            0,
            integer(rw_flags, 32, "rw_flags"),
            opcode,
            integer(reqprio, -16, "reqprio"),
            fileno(fd) & 0xFFFFFFFF,
            address,
            length,
            integer(offset, -64, "offset"),
            0,
            flags,
            counter & 0xFFFFFFFF,
        )

    @property
    def address(self) -> int:
        """Where the struct is in the memory of this process."""
        return int(ffi.cast("uintptr_t", self._struct))


class IoEvent(NamedTuple):
    """``IoEvent(data, obj, res, res2)``: a completion, a named tuple.

    * ``data`` (int): the ``data`` of the Iocb
    * ``obj`` (int): the ``address`` of the Iocb
    * ``res`` (int): the result of the operation, or the negated errno of its failure
    * ``res2`` (int): 0, but for the files of some devices
    """

    data: int
    obj: int
    res: int
    res2: int


def io_setup(nr_events: int) -> int:
    """``io_setup(nr_events, &context)``: returns a new context for operations.

    It has room for at least *nr_events* operations that are not complete, or whose
    events were not taken; the kernel makes more room than that.

    Raises InvalidArgument for 0 and for too large a number, BlockingIOError where
    fs.aio-max-nr is reached, OutOfMemory, OSError (ENOSYS) without CONFIG_AIO.

    :manpage:`io_setup(2)`.
    """
    nr_events = integer(nr_events, 32, "nr_events")
    found = ffi.new("unsigned long *")
    SETUP.check(lib.io_setup(nr_events, found), nr_events=nr_events)
    return int(found[0])


def io_submit(context: int, iocbs: Sequence[Iocb]) -> int:
    """``io_submit(context, nr, iocbs)``: hands over operations, and returns how many.

    The kernel stops at the first one that it refuses, and raises if that is the first
    of all. So a program calls this again with those that are left. A file that is not
    open with O_DIRECT is read and written inside this call, which waits for that.

    Raises BlockingIOError if the context has no room, InvalidArgument (EBADF, EINVAL,
    EFAULT) for the first operation or the context, OSError (EOPNOTSUPP) for flags that
    its file does not support.

    :manpage:`io_submit(2)`.
    """
    number = integer(context, 64, "context")
    for iocb in iocbs:
        if not isinstance(iocb, Iocb):
            raise TypeError(f"iocbs must be Iocb's, not {type(iocb).__name__}")
    pointers = ffi.new("butter_iocb *[]", [iocb._struct for iocb in iocbs])
    return SUBMIT.check(lib.io_submit(number, len(iocbs), pointers), context=number, count=len(iocbs))


def _taken(
    errors: Errors, call: Callable[..., int], context: int, min_nr: int, nr: int, timeout: int | None, masked: bool
) -> list[IoEvent]:
    """Make a call that waits, again after signals, and return its events."""
    number, least, most = integer(context, 64, "context"), integer(min_nr, -64, "min_nr"), integer(nr, -64, "nr")
    if least > _LARGEST:
        raise ValueError(f"min_nr is {least}; no context has room for more than {_LARGEST} events")
    left = limit = FOR_EVER if timeout is None else integer(timeout, 63, "timeout")
    room = max(1, min(most, max(least, _ROOM)))
    found = ffi.new("butter_io_event[]", room)
    deadline = time.monotonic_ns() + limit
    while (result := call(number, least, min(most, room), found, left)) == INTERRUPTED and not masked:
        run_handlers()
        if limit > 0:
            left = max(0, deadline - time.monotonic_ns())
    errors.check(result, context=number, min_nr=least, nr=most)
    return [IoEvent(event.data, event.obj, event.res, event.res2) for event in found[0:result]]


def io_getevents(context: int, min_nr: int, nr: int, timeout: int | None = None) -> list[IoEvent]:
    """``io_getevents(context, min_nr, nr, events, timeout)``: takes completions.

    It returns at most *nr* events, and waits until there are *min_nr*. *timeout* is in
    nanoseconds, and None waits for ever; when the time is over there may be fewer. A
    signal handler that raises loses the events that the call has just taken;
    :class:`butter.aio.Aio` keeps them.

    Raises InvalidArgument if *min_nr* is more than *nr*, or *context* is not one of
    this process; ValueError for a negative *timeout*, and for a *min_nr* of more events
    than any context has.

    :manpage:`io_getevents(2)`.
    """
    return _taken(GETEVENTS, lib.io_getevents, context, min_nr, nr, timeout, False)


def io_pgetevents(
    context: int, min_nr: int, nr: int, timeout: int | None = None, sigmask: Signals | None = None
) -> list[IoEvent]:
    """``io_pgetevents(context, min_nr, nr, events, timeout, &sigmask)``: with a mask.

    The thread blocks *sigmask*, one signal or an iterable, and no others until the call
    returns; None changes nothing. The rest is as for :func:`io_getevents`.

    Raises InterruptedError where a *sigmask* let a signal through whose handler has
    run, and what :func:`io_getevents` does.

    Linux 4.18, :manpage:`io_getevents(2)`.
    """
    masked, bits, call = sigmask is not None, 0 if sigmask is None else sigbits(sigmask), lib.io_pgetevents

    def wait(number: int, least: int, most: int, found: Any, left: int) -> int:
        return call(number, least, most, found, left, masked, bits)

    return _taken(PGETEVENTS, wait, context, min_nr, nr, timeout, masked)


def io_cancel(context: int, iocb: Iocb) -> None:
    """``io_cancel(context, iocb, &result)``: cancels an operation, if that is possible.

    The kernel says EINPROGRESS where it cancels, and this returns. The event of the
    operation comes by :func:`io_getevents` as always, for ``IOCB_CMD_POLL`` with a
    ``res`` of 0. It is the only operation of files that can be cancelled: reads and
    writes of a disk go on to their end.

    Raises InvalidArgument if the operation is complete, or cannot be cancelled, or
    *context* is not one of this process.

    :manpage:`io_cancel(2)`.
    """
    number = integer(context, 64, "context")
    if not isinstance(iocb, Iocb):
        raise TypeError(f"iocb must be an Iocb, not {type(iocb).__name__}")
    CANCEL.check(lib.io_cancel(number, iocb._struct))


def io_destroy(context: int) -> None:
    """``io_destroy(context)``: ends a context.

    It cancels the operations that can be cancelled, and waits for the others, which
    takes a few hundredths of a second even where there are none. Their events are
    dropped.

    Raises InvalidArgument if *context* is not one of this process.

    :manpage:`io_destroy(2)`.
    """
    number = integer(context, 64, "context")
    DESTROY.check(lib.io_destroy(number), context=number)
