"""The calls of :manpage:`signalfd(2)`, sets of signals, and the parser of signals."""

from __future__ import annotations

import errno
import signal
import struct
from collections import deque
from itertools import repeat, starmap
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from _cffi_backend import get_errno

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._buffers import Reader
from butter._constants.signalfd import *  # noqa: F403
from butter._constants.signalfd import (
    CLD_CONTINUED,
    CLD_EXITED,
    NEW_SIGNALFD,
    SFD_CLOEXEC,
    SFD_NONBLOCK,
    SIGINFO_LENGTH,
    ChildCode,
    SignalCode,
)
from butter._sigbits import MEMBERS, members, sigbits
from butter._signalfd_c import ffi, lib
from butter.errors import BAD_DESCRIPTOR, NEW_ANONYMOUS, Errors, InvalidArgument, reading
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from butter._arguments import FileDescriptor, HasFileno
    from butter._sigbits import Signals


def _signalfd_refused(fd: int, flags: int, **_: object) -> str:
    if unknown := flags & ~(SFD_CLOEXEC | SFD_NONBLOCK):
        return f"the only flags are SFD_NONBLOCK and SFD_CLOEXEC, not {unknown:#x}"
    return f"descriptor {fd} is not a signalfd"


SIGNALFD = Errors(
    "signalfd",
    {
        **NEW_ANONYMOUS,
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _signalfd_refused),
    },
    since="2.6.27",
)
SIGMASK = Errors(
    "pthread_sigmask",
    {
        errno.EFAULT: (InvalidArgument, "the set of signals is not in the memory of this process"),
        errno.EINVAL: (
            InvalidArgument,
            lambda action, **_: f"the action must be SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK, not {action}",
        ),
    },
)
READ = Errors(
    "read of a signalfd",
    {
        **reading("a signalfd", "no signal waits"),
        errno.EBADMSG: (InvalidArgument, "these bytes are not signals"),
    },
)

#: ``{10: 'SIGUSR1', …}``: the names of the signals by number; real-time signals are
#: counted from ``SIGRTMIN``
signum_to_signame: dict[int, str] = {
    number: member.name if isinstance(member, signal.Signals) else f"SIGRTMIN+{number - signal.SIGRTMIN}"
    for number, member in MEMBERS.items()
}


def sigset(signals: Signals) -> set[int]:
    """The set of *signals*, as ints or :class:`signal.Signals`.

    *signals* is one signal or an iterable of them.

    Raises TypeError for another type, also for a name as ``"SIGTERM"``, and ValueError
    for a number that is not a signal or that the C library keeps for itself (32 and 33
    in glibc).
    """
    return members(sigbits(signals))


# Looked up once, here: tests replace `lib` and `ffi` with mocks for the thin calls,
# and none of these is one.
_fill, _bits = lib.butter_sigset_fill, lib.butter_sigset_bits
_handled, _new, _buffer = lib.butter_signal_handled, ffi.new, ffi.buffer


def _sigset_t(signals: Signals) -> Any:
    filled = _new("sigset_t *")
    _fill(filled, sigbits(signals))
    return filled


def signalfd(
    signals: Signals, fd: FileDescriptor = NEW_SIGNALFD, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT
) -> int:
    """``signalfd(fd, signals, flags)``: returns a descriptor to read *signals* from.

    *signals* is what :func:`sigset` takes. *fd* is a signalfd that shall have this set
    from now on, and is then returned; by default a new one is made. *flags* are
    SignalfdInit's, and *closefd* adds ``SFD_CLOEXEC``; both count only for a new
    descriptor.

    The signals have to be blocked in every thread (:func:`pthread_sigmask`): a signal
    that is not blocked is handled as if there were no signalfd. SIGKILL and SIGSTOP are
    never received.

    Raises InvalidArgument for other flags and if *fd* is not a signalfd, OSError
    (EMFILE, ENFILE) where a limit is reached, OutOfMemory.

    Linux 2.6.27, :manpage:`signalfd(2)`.
    """
    # another name, because fd may be the last reference to an object: without it the
    # object would be closed before the call
    number, flags = fileno(fd), integer(flags, -32, "flags")
    result = lib.signalfd(number, _sigset_t(signals), flags | SFD_CLOEXEC if closefd else flags)
    return result if result >= 0 else SIGNALFD.check(result, fd=number, flags=flags)


def pthread_sigmask(action: int, signals: Signals) -> set[int]:
    """``pthread_sigmask(action, signals)``: returns the signals blocked before.

    It changes the signals that this thread blocks. *action* is a SigmaskAction and
    *signals* what :func:`sigset` takes; ``pthread_sigmask(SIG_BLOCK, ())`` changes
    nothing. New threads, children and the programs they execute inherit the blocked
    signals. SIGKILL and SIGSTOP cannot be blocked.

    Raises InvalidArgument for another *action*.

    :manpage:`pthread_sigmask(3)`.
    """
    action, old = integer(action, -32, "action"), _new("sigset_t *")
    result = lib.pthread_sigmask(action, _sigset_t(signals), old)
    if result:
        # this call returns the errno itself and leaves errno alone
        SIGMASK.fail(get_errno() if result == -1 else result, action=action)
    return members(_bits(old))


class _Fields(NamedTuple):
    ssi_signo: int
    ssi_errno: int
    ssi_code: int
    ssi_pid: int
    ssi_uid: int
    ssi_fd: int
    ssi_tid: int
    ssi_band: int
    ssi_overrun: int
    ssi_trapno: int
    ssi_status: int
    ssi_int: int
    ssi_ptr: int
    ssi_utime: int
    ssi_stime: int
    ssi_addr: int
    ssi_addr_lsb: int
    ssi_syscall: int
    ssi_call_addr: int
    ssi_arch: int


def _field(name: str, meaning: str) -> Any:
    # itemgetter is C and takes half the time of a method; the annotations in the class
    # tell editors and type checkers that the value is an int
    return property(itemgetter(_Fields._fields.index(name)), doc=f"``{name}`` (int): {meaning}.")


class Signal(_Fields):
    """``Signal(siginfo)``: one signal, a named tuple of ints.

    It has every field of ``struct signalfd_siginfo`` under that name (``ssi_signo`` to
    ``ssi_arch``), and most of them under a shorter one too. The signal and its code
    decide which fields mean something; the others are 0. *siginfo* is any object that
    has some of these fields as attributes; reads make Signals, programs rarely do.

    * ``ssi_errno``: an errno that belongs to the signal, nearly always 0
    * ``ssi_int``, ``ssi_ptr``: the value sent with it (``SI_QUEUE``, ``SI_TIMER``), as
      int and as pointer
    * ``ssi_addr``, ``ssi_addr_lsb``: the address of a fault, and its lowest bit that
      counts (SIGBUS, Linux 2.6.37)
    * ``ssi_syscall``, ``ssi_call_addr``, ``ssi_arch``: the system call that a filter
      refused, the address of the call and its architecture (SIGSYS, Linux 4.18)

    See :manpage:`signalfd(2)`.
    """

    __slots__ = ()

    def __new__(cls, siginfo: object) -> Self:
        return tuple.__new__(cls, [getattr(siginfo, name, 0) for name in _Fields._fields])

    def __reduce__(self) -> tuple[Any, ...]:
        # the third value has the attributes that an object of a subclass may have
        return self._make, (tuple(self),), getattr(self, "__dict__", None)

    signal: int = _field("ssi_signo", "the number of the signal")
    signal_code: int = _field("ssi_code", "why it was sent; :attr:`code` has its name")
    pid: int = _field("ssi_pid", "the process that sent it, or the child (SIGCHLD)")
    uid: int = _field("ssi_uid", "the real user of that process")
    sigio_fd: int = _field("ssi_fd", "the descriptor that is ready (SIGIO)")
    timer_id: int = _field("ssi_tid", "the kernel's number of the timer (``SI_TIMER``)")
    sigio_band: int = _field("ssi_band", "what the descriptor is ready for, as the bits of :func:`select.poll` (SIGIO)")
    overrun: int = _field("ssi_overrun", "how many more times the timer ran out (``SI_TIMER``)")
    trapno: int = _field("ssi_trapno", "the trap of a fault, on a few architectures")
    child_status: int = _field(
        "ssi_status", "the exit status of the child, or the signal that changed its state (SIGCHLD)"
    )
    child_user_time: int = _field("ssi_utime", "time the child spent in its program, in ``SC_CLK_TCK`` ticks (SIGCHLD)")
    child_system_time: int = _field(
        "ssi_stime", "time the child spent in the kernel, in ``SC_CLK_TCK`` ticks (SIGCHLD)"
    )

    @property
    def name(self) -> str:
        """The name of the signal, as ``'SIGUSR1'`` or ``'SIGRTMIN+3'``."""
        return signum_to_signame.get(self.ssi_signo, str(self.ssi_signo))

    @property
    def code(self) -> int:
        """``ssi_code`` as a SignalCode or, for SIGCHLD, a ChildCode.

        A code that neither has comes as the plain int.
        """
        code = self.ssi_code
        if self.ssi_signo == signal.SIGCHLD and CLD_EXITED <= code <= CLD_CONTINUED:
            return ChildCode(code)
        try:
            return SignalCode(code)
        except ValueError:
            return code

    def __repr__(self) -> str:
        told = {"ssi_signo": self.name, "ssi_code": getattr(self.code, "name", self.ssi_code)}
        fields = (f"{name}={told.get(name, value)}" for name, value in zip(self._fields, self) if value or name in told)
        return f"<Signal {' '.join(fields)}>"


# The fields are aligned as C aligns them. Unpacking is faster than columns made in C:
# there are twenty fields, and most are 0 in most signals.
_unpack = struct.Struct("@IiiIIiIIIIiiQQQQH2xiQI28x").iter_unpack


def _signals(data: bytes) -> list[Signal]:
    """Return the signals in *data*, a sequence of whole signals.

    tuple's own constructor checks nothing.
    """
    # zip uses one tuple of arguments again and again; map makes one for each signal
    return list(starmap(tuple.__new__, zip(repeat(Signal), _unpack(data))))  # noqa: RUF058


class Records:
    """Room for the signals of one read."""

    __slots__ = ("struct", "view")

    def __init__(self) -> None:
        self.struct = _new("butter_signals *")
        self.view = _buffer(self.struct.data)

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def made(self) -> list[Signal]:
        """Return the signals."""
        return _signals(self.view[: self.struct.count * SIGINFO_LENGTH])


_buffers: Reader[Records, Signal] = Reader(Records, lib.butter_signalfd_read, READ)


def is_handled(number: int) -> bool:
    """Return whether the signal has a handler.

    It is Python's, or one that a C library installed without Python's knowledge.
    """
    return bool(_handled(number))


def read_events(source: HasFileno, unmade: deque[Records] | None = None) -> list[Signal]:
    """Return the signals of one read of *source*; none if a signal interrupted it.

    Raises what the table READ says. See :meth:`butter._buffers.Reader.read` for
    *unmade*.
    """
    return _buffers.read(source.fileno(), Records.made, deque() if unmade is None else unmade)


def str_to_events(str: bytes) -> list[Signal]:
    """The signals in *str*, the bytes that a read of a signalfd returned.

    Raises InvalidArgument (a ValueError) unless it is a sequence of whole signals,
    ``SIGINFO_LENGTH`` bytes each.
    """
    try:
        return _signals(str)
    except struct.error:
        pass
    READ.fail(errno.EBADMSG)
