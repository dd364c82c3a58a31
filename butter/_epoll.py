"""The calls of :manpage:`epoll(7)`, and the one read of its events."""

from __future__ import annotations

import math
import time
from itertools import repeat, starmap
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._buffers import Reader
from butter._constants.epoll import *  # noqa: F403
from butter._constants.epoll import EPIOCGPARAMS, EPIOCSPARAMS, EPOLL_CLOEXEC, EpollMask
from butter._epoll_c import ffi, lib
from butter._epoll_errors import CREATE1, CTL, EVENT_SIZE, GET_PARAMS, MOST, PWAIT, PWAIT2, READ, SET_PARAMS, WAIT
from butter._sigbits import sigbits
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._arguments import FileDescriptor
    from butter._sigbits import Signals
    from butter.errors import Errors

#: how many events one call of the kernel returns at most, unless a program says else
ROOM = 1024
#: the longest list whose memory is kept for the next call
LARGE = 16 * ROOM
#: the timeout of a read that waits unless the descriptor is non-blocking
AS_FLAGGED = -2
#: the timeout of a read that waits for ever
FOR_EVER = -1

_NANOSECONDS, _MILLISECOND = 10**9, 10**6
# a longer wait, of 292 years, has no end
_LONGEST = 2**63 // _NANOSECONDS


class EpollEvent(NamedTuple):
    """``EpollEvent(fd, events)``: a descriptor that is ready, a named tuple.

    * ``fd`` (int): the number that was registered
    * ``events`` (int): EpollMask's, which say what it is ready for

    It is the pair that ``select.epoll.poll`` returns. See
    :manpage:`epoll_ctl(2)`.
    """

    fd: int
    events: int

    @property
    def flags(self) -> EpollMask:
        """``events`` as an EpollMask, which prints the names of its bits."""
        return EpollMask(self.events)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(fd={self.fd!r}, events={EpollMask(self.events)})"


def epoll_create1(flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``epoll_create1(flags)``: returns a new epoll descriptor.

    *flags* are EpollInit's, and *closefd* adds ``EPOLL_CLOEXEC``.

    Raises InvalidArgument for other flags, OSError (EMFILE, ENFILE) where a limit is
    reached, OutOfMemory.

    Linux 2.6.27, :manpage:`epoll_create1(2)`.
    """
    flags = integer(flags, -32, "flags")
    fd = lib.epoll_create1(flags | EPOLL_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else CREATE1.check(fd, flags=flags)


def epoll_ctl(epfd: FileDescriptor, op: int, fd: FileDescriptor, events: int = 0, data: int | None = None) -> None:
    """``epoll_ctl(epfd, op, fd, &event)``: registers *fd*, changes it or forgets it.

    *op* is an EpollOp; *events* are EpollMask's. *data* is a number of 64 bits that
    comes with each event of *fd*; by default it is the number of *fd*, which
    :class:`butter.epoll.Epoll` needs. ``EPOLL_CTL_DEL`` looks at neither. The kernel
    forgets a file by itself once all its descriptors are closed, in every process.

    Raises FileExistsError if *fd* is registered already, FileNotFoundError if it is not
    registered, PermissionError for a file that is always ready, such as a regular file,
    InvalidArgument for other arguments and a ring of epolls, OSError (ENOSPC) where a
    limit is reached, OutOfMemory. Without CAP_BLOCK_SUSPEND the kernel ignores
    ``EPOLLWAKEUP``.

    Linux 2.6, :manpage:`epoll_ctl(2)`.
    """
    # an object is never left to the C function, which would take int(fd) for its number
    number = epfd if epfd.__class__ is int else fileno(epfd)
    watched = fd if fd.__class__ is int else fileno(fd)
    if not (op.__class__ is int is events.__class__):
        op, events = integer(op, -32, "op"), integer(events, 32, "events")
    data = watched & 0xFFFFFFFF if data is None else integer(data, 64, "data")
    try:
        result = lib.butter_epoll_ctl(number, op, watched, events, data)
    except OverflowError:
        # the C function knows the ranges, and takes no time for it
        integer(fileno(epfd), -32, "fd"), fileno(fd)
        integer(op, -32, "op"), integer(events, 32, "events"), integer(data, 64, "data")
        raise
    if result:
        CTL.check(result, epfd=number, op=op, fd=watched, events=events)


# Looked up once, here: tests replace `lib` and `ffi` with mocks for the thin calls,
# and the read of an object is not a thin call. The memory is not cleared, as a program
# may ask for far more events than there ever are.
_new, _buffer, _array = ffi.new, ffi.buffer, ffi.new_allocator(should_clear_after_alloc=False)
_PAIR = Struct("=iI")
_pair_in, _pairs_in, _PAIR_SIZE = _PAIR.unpack_from, _PAIR.iter_unpack, _PAIR.size
# struct epoll_event has its 64 bits at once on x86_64, and aligned elsewhere
_events_in = Struct("=IQ" if EVENT_SIZE == 12 else "=I4xQ").iter_unpack


class Events:
    """Room for the events of one call."""

    __slots__ = ("struct", "view")

    def __init__(self, room: int = ROOM) -> None:
        found = _array("struct epoll_event[]", room)
        self.view = _buffer(found)  # which keeps it
        self.struct = _new("butter_epoll_events *")
        self.struct.found, self.struct.room = found, room

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def with_data(self) -> list[tuple[int, int]]:
        """Return the mask and the data of each event of a call."""
        return list(_events_in(self.view[: self.struct.count * EVENT_SIZE]))

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of a read of an object."""
        count = self.struct.count
        # one event is frequent, and this takes less time for it
        return [_pair_in(self.view)] if count == 1 else list(_pairs_in(self.view[: count * _PAIR_SIZE]))

    def made(self) -> list[EpollEvent]:
        """Return the events of a read of an object."""
        # zip uses one tuple of arguments again and again; map makes one for each event
        return list(starmap(tuple.__new__, zip(repeat(EpollEvent), self.pairs())))  # noqa: RUF058


_buffers: Reader[Events, Any] = Reader(Events, lib.butter_epoll_read, READ)
_large: Reader[Events, Any] = Reader(lambda: Events(LARGE), lib.butter_epoll_read, READ)


#: the read of at most ROOM events
read_few = _buffers.read


def reader(most: int) -> Reader[Events, Any]:
    """Return a reader whose buffers have room for *most* events.

    Its read takes that number after the other arguments, and then the timeout in
    nanoseconds: FOR_EVER, AS_FLAGGED, or one that is not negative.
    """
    if most <= ROOM:
        return _buffers
    return _large if most <= LARGE else Reader(lambda: Events(most), lib.butter_epoll_read, READ)


def nanoseconds(timeout: float | None) -> int:
    """Return a timeout of seconds in nanoseconds, rounded up.

    None and a negative number stand for a wait without an end, as in
    ``select.epoll.poll``.

    Raises TypeError for another type, ValueError for NaN.
    """
    if timeout is None:
        return FOR_EVER
    if not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout must be a number of seconds or None, not {type(timeout).__name__}")
    if timeout != timeout:
        raise ValueError("timeout is not a number of seconds but NaN")
    if timeout < 0 or timeout >= _LONGEST:
        return FOR_EVER
    return math.ceil(timeout * _NANOSECONDS)


def _waited(
    errors: Errors,
    call: Callable[[int, Any, int, int], int],
    epfd: FileDescriptor,
    maxevents: int,
    timeout: int,
    scale: int,
    masked: bool = False,
) -> list[tuple[int, int]]:
    """Make a call that waits, again after signals, and return its events.

    The unit of *timeout* is *scale* nanoseconds; a negative one waits for ever.
    """
    number = fileno(epfd)
    # the kernel refuses what is more than MOST before it looks at the list
    pool = reader(maxevents if maxevents <= MOST else ROOM)
    events = pool.take()
    deadline = time.monotonic_ns() + timeout * scale if timeout > 0 else 0
    left = timeout
    while (result := call(number, events.struct, maxevents, left)) == INTERRUPTED and not masked:
        run_handlers()
        # one of the handlers may have closed the object
        number = fileno(epfd)
        if timeout > 0:
            left = max(0, -((time.monotonic_ns() - deadline) // scale))
    found = events.with_data() if result > 0 else []
    events.struct.count = 0
    pool.give(events)
    if result < 0:
        errors.check(result, epfd=number, maxevents=maxevents)
    return found


def epoll_wait(epfd: FileDescriptor, maxevents: int, timeout: int = FOR_EVER) -> list[tuple[int, int]]:
    """``epoll_wait(epfd, events, maxevents, timeout)``: returns ready descriptors.

    The result has a pair for each: its events, which are EpollMask's, and the data that
    was registered with it. *timeout* is in milliseconds; 0 does not wait, and a
    negative one waits for ever. The list is empty when the time is over. A signal
    handler that raises loses what the call has just found: an event with ``EPOLLET`` or
    ``EPOLLONESHOT`` does not come again. :class:`butter.epoll.Epoll` keeps it.

    Raises InvalidArgument if *epfd* is not an epoll descriptor, or *maxevents* is not
    positive.

    Linux 2.6, :manpage:`epoll_wait(2)`.
    """
    maxevents, timeout = integer(maxevents, -32, "maxevents"), integer(timeout, -32, "timeout")
    return _waited(WAIT, lib.butter_epoll_wait, epfd, maxevents, timeout, _MILLISECOND)


def epoll_pwait(
    epfd: FileDescriptor, maxevents: int, timeout: int = FOR_EVER, sigmask: Signals | None = None
) -> list[tuple[int, int]]:
    """``epoll_pwait(epfd, events, maxevents, timeout, sigmask)``: waits with a mask.

    The thread blocks *sigmask*, one signal or an iterable, and no others until the call
    returns; None changes nothing. The rest is as for :func:`epoll_wait`.

    Raises InterruptedError where a *sigmask* let a signal through whose handler has
    run, or the process was stopped and went on, and what :func:`epoll_wait` does.

    Linux 2.6.19, :manpage:`epoll_pwait(2)`.
    """
    maxevents, timeout = integer(maxevents, -32, "maxevents"), integer(timeout, -32, "timeout")
    masked, bits, call = sigmask is not None, 0 if sigmask is None else sigbits(sigmask), lib.butter_epoll_pwait

    def wait(number: int, events: Any, most: int, left: int) -> int:
        return call(number, events, most, left, masked, bits)

    return _waited(PWAIT, wait, epfd, maxevents, timeout, _MILLISECOND, masked)


def epoll_pwait2(
    epfd: FileDescriptor, maxevents: int, timeout: int | None = None, sigmask: Signals | None = None
) -> list[tuple[int, int]]:
    """``epoll_pwait2(epfd, events, maxevents, timeout, sigmask)``: in nanoseconds.

    *timeout* is an int of nanoseconds, and None waits for ever. The rest is as for
    :func:`epoll_pwait`.

    Raises ValueError for a negative *timeout*, and what :func:`epoll_pwait` does.

    Linux 5.11, :manpage:`epoll_pwait2(2)`.
    """
    maxevents = integer(maxevents, -32, "maxevents")
    limit = FOR_EVER if timeout is None else integer(timeout, 63, "timeout")
    masked, bits, call = sigmask is not None, 0 if sigmask is None else sigbits(sigmask), lib.butter_epoll_pwait2

    def wait(number: int, events: Any, most: int, left: int) -> int:
        return call(number, events, most, left, masked, bits)

    return _waited(PWAIT2, wait, epfd, maxevents, limit, 1, masked)


class EpollParams(NamedTuple):
    """``EpollParams(busy_poll_usecs, busy_poll_budget, prefer_busy_poll)``.

    The parameters of busy polling, by which a wait asks the network card itself before
    it sleeps:

    * ``busy_poll_usecs`` (int): how many microseconds a wait polls the card; 0 leaves
      that to ``net.core.busy_poll``
    * ``busy_poll_budget`` (int): how many packets it takes at once; more than 64 needs
      CAP_NET_ADMIN
    * ``prefer_busy_poll`` (bool): whether the card waits with its interrupts meanwhile
    """

    busy_poll_usecs: int = 0
    busy_poll_budget: int = 0
    prefer_busy_poll: bool = False


def epoll_get_params(epfd: FileDescriptor) -> EpollParams:
    """``ioctl(epfd, EPIOCGPARAMS, &params)``: returns the parameters of busy polling.

    Raises InvalidArgument if *epfd* is not an epoll descriptor, OSError (ENOTTY,
    EOPNOTSUPP) where the kernel has none.

    Linux 6.9, :manpage:`ioctl_eventpoll(2)`.
    """
    number, found = fileno(epfd), ffi.new("butter_epoll_params *")
    GET_PARAMS.check(lib.butter_epoll_ioctl(number, EPIOCGPARAMS, found), fd=number)
    return EpollParams(found.busy_poll_usecs, found.busy_poll_budget, bool(found.prefer_busy_poll))


def epoll_set_params(epfd: FileDescriptor, params: EpollParams) -> None:
    """``ioctl(epfd, EPIOCSPARAMS, &params)``: sets the parameters of busy polling.

    *params* are EpollParams, or another sequence of their fields.

    Raises PermissionError for a budget above 64 without CAP_NET_ADMIN, InvalidArgument
    for other numbers and if *epfd* is not an epoll descriptor, OSError (ENOTTY,
    EOPNOTSUPP) where the kernel has none.

    Linux 6.9, :manpage:`ioctl_eventpoll(2)`.
    """
    usecs, budget, prefer = params
    number, wanted = fileno(epfd), ffi.new("butter_epoll_params *")
    wanted.busy_poll_usecs = integer(usecs, 32, "busy_poll_usecs")
    wanted.busy_poll_budget = integer(budget, 16, "busy_poll_budget")
    wanted.prefer_busy_poll = integer(prefer, 8, "prefer_busy_poll")
    SET_PARAMS.check(lib.butter_epoll_ioctl(number, EPIOCSPARAMS, wanted), fd=number)
