"""The calls of :manpage:`signalfd(2)`, sets of signals, and the one parser of what a read gives."""

from __future__ import annotations

import errno
import signal
import struct
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from _cffi_backend import get_errno

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._buffers import Pool
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
from butter._signalfd_c import ffi, lib
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import BAD_DESCRIPTOR, NEW_ANONYMOUS, Errors, InvalidArgument, reading
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Union

    from typing_extensions import Self

    from butter._arguments import FileDescriptor, HasFileno

    Signals = Union[int, Iterable[int]]


def _signalfd_refused(fd: int, flags: int, **_: object) -> str:
    if flags & ~(SFD_CLOEXEC | SFD_NONBLOCK):
        return f"the flags {flags:#x} are not SFD_NONBLOCK and SFD_CLOEXEC alone"
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
            lambda action, **_: f"the action {action} is none of SIG_BLOCK, SIG_UNBLOCK and SIG_SETMASK",
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

# as ints and as members of signal.Signals, where there is one; without the
# two or three that the C library keeps for itself
_valid: dict[int, int] = {int(number): number for number in sorted(signal.valid_signals())}

#: ``{10: 'SIGUSR1', …}``: the names of the signals by number; real-time signals are counted from ``SIGRTMIN``
signum_to_signame: dict[int, str] = {
    number: member.name if isinstance(member, signal.Signals) else f"SIGRTMIN+{number - signal.SIGRTMIN}"
    for number, member in _valid.items()
}


def sigset(signals: Signals) -> set[int]:
    """The set of *signals*: one signal or an iterable of them, as ints or :class:`signal.Signals`.

    Raises TypeError for what is no signal, ValueError for a number that no signal has or that the C library keeps for
    itself (32 and 33 in glibc).
    """
    if isinstance(signals, int):
        signals = (signals,)
    found = set()
    for number in signals:
        member = _valid.get(integer(number, -32, "signal"))
        if member is None:
            raise ValueError(f"there is no signal {number}: they are 1 to 31 and {signal.SIGRTMIN} to {max(_valid)}")
        found.add(member)
    return found


# taken here once: tests replace `lib` and `ffi` with mocks, and none of these is a thin call
_fill, _bits, _read = lib.butter_sigset_fill, lib.butter_sigset_bits, lib.butter_signalfd_read
_new, _buffer = ffi.new, ffi.buffer


def _sigset_t(signals: Signals) -> Any:
    filled = _new("sigset_t *")
    _fill(filled, sum(1 << number - 1 for number in sigset(signals)))
    return filled


def signalfd(
    signals: Signals, fd: FileDescriptor = NEW_SIGNALFD, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT
) -> int:
    """``signalfd(fd, signals, flags)``: a descriptor that gives *signals*; a new one, or *fd* with another set.

    *signals* is what :func:`sigset` takes. They have to be blocked in every thread (:func:`pthread_sigmask`), or what
    would happen without a signalfd happens; SIGKILL and SIGSTOP are never given. *closefd* adds ``SFD_CLOEXEC``; the
    flags count only for a new descriptor. Raises InvalidArgument for other flags than SignalfdInit's and where *fd* is
    not a signalfd, OSError (EMFILE, ENFILE) where a limit is reached, OutOfMemory. Linux 2.6.27,
    :manpage:`signalfd(2)`.
    """
    # another name: fd may be the last reference to an object, which would close it
    number, flags = fileno(fd), integer(flags, -32, "flags")
    result = lib.signalfd(number, _sigset_t(signals), flags | SFD_CLOEXEC if closefd else flags)
    return SIGNALFD.check(result, fd=number, flags=flags)


def pthread_sigmask(action: int, signals: Signals) -> set[int]:
    """``pthread_sigmask(action, signals)``: change the signals that this thread blocks, return those it blocked before.

    *action* is a SigmaskAction and *signals* what :func:`sigset` takes; ``pthread_sigmask(SIG_BLOCK, ())`` changes
    nothing. New threads, children and the programs they execute inherit what is blocked. SIGKILL and SIGSTOP cannot
    be. Raises InvalidArgument for another *action*. :manpage:`pthread_sigmask(3)`.
    """
    action, old = integer(action, -32, "action"), _new("sigset_t *")
    result = lib.pthread_sigmask(action, _sigset_t(signals), old)
    if result:
        # C returns the error itself and leaves errno alone
        SIGMASK.fail(get_errno() if result == -1 else result, action=action)
    bits = _bits(old)
    return {member for number, member in _valid.items() if bits >> number - 1 & 1}


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
    return property(itemgetter(_Fields._fields.index(name)), doc=f"``{name}`` (int): {meaning}.")


class Signal(_Fields):
    """``Signal(siginfo)``: one signal of :manpage:`signalfd(2)`, a named tuple of ints.

    It has every field of ``struct signalfd_siginfo`` under that name (``ssi_signo`` to ``ssi_arch``), most of them
    under a shorter one too. Which fields mean something depends on the signal and its code; the others are 0.
    *siginfo* is anything with some of these fields as attributes; who reads signals needs not make one.

    * ``ssi_errno``: an errno that belongs to the signal, nearly always 0
    * ``ssi_int``, ``ssi_ptr``: the value that came with it (``SI_QUEUE``, ``SI_TIMER``), as int and as pointer
    * ``ssi_addr``, ``ssi_addr_lsb``: the address of a fault, and its lowest bit that counts (SIGBUS, Linux 2.6.37)
    * ``ssi_syscall``, ``ssi_call_addr``, ``ssi_arch``: the system call that a filter refused, where it was made and
      for which architecture (SIGSYS, Linux 4.18)
    """

    __slots__ = ()

    def __new__(cls, siginfo: object) -> Self:
        return tuple.__new__(cls, [getattr(siginfo, name, 0) for name in _Fields._fields])

    def __reduce__(self) -> tuple[Any, ...]:
        return self._make, (tuple(self),)

    signal = _field("ssi_signo", "the number of the signal")
    signal_code = _field("ssi_code", "why it was sent; :attr:`code` knows its name")
    pid = _field("ssi_pid", "the process that sent it, or the child (SIGCHLD)")
    uid = _field("ssi_uid", "the real user of that process")
    sigio_fd = _field("ssi_fd", "the descriptor that is ready (SIGIO)")
    timer_id = _field("ssi_tid", "the kernel's number of the timer (``SI_TIMER``)")
    sigio_band = _field("ssi_band", "what the descriptor is ready for, as the bits of :func:`select.poll` (SIGIO)")
    overrun = _field("ssi_overrun", "how many more times the timer ran out (``SI_TIMER``)")
    trapno = _field("ssi_trapno", "the trap of a fault, on a few architectures")
    child_status = _field("ssi_status", "the exit status of the child, or the signal that changed its state (SIGCHLD)")
    child_user_time = _field("ssi_utime", "time the child spent in its program, in ``SC_CLK_TCK`` ticks (SIGCHLD)")
    child_system_time = _field("ssi_stime", "time the child spent in the kernel, in ``SC_CLK_TCK`` ticks (SIGCHLD)")

    @property
    def name(self) -> str:
        """The name of the signal, as ``'SIGUSR1'`` or ``'SIGRTMIN+3'``."""
        return signum_to_signame.get(self.ssi_signo, str(self.ssi_signo))

    @property
    def code(self) -> int:
        """``ssi_code`` as a SignalCode or, for SIGCHLD, a ChildCode; as it is where neither has it."""
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


# 128 signals, more than mostly wait
_READ_SIZE = 128 * SIGINFO_LENGTH
# The fields are aligned as C aligns them. Unpacking them is faster than taking
# them as columns from C: there are twenty, and most are 0 in most signals.
_unpack = struct.Struct("@IiiIIiIIIIiiQQQQH2xiQI28x").iter_unpack


def _new_buffer() -> tuple[Any, Any]:
    """Room for what one read gives, and a view of it."""
    buffer = _new("char[]", _READ_SIZE)
    return buffer, _buffer(buffer)


_buffers = Pool(_new_buffer)


def read_events(source: HasFileno) -> list[Signal]:
    """The signals that one read of *source* gives, none if a signal interrupted it; READ says what it raises."""
    fd = source.fileno()
    buffer, view = pair = _buffers.take()
    size = _read(fd, buffer, _READ_SIZE)
    if size < 0:
        _buffers.give(pair)
        if size == INTERRUPTED:
            run_handlers()
            return []
        READ.check(size, fd=fd)
    data = view[:size]  # a copy
    _buffers.give(pair)
    return str_to_events(data)


def str_to_events(str: bytes) -> list[Signal]:
    """The signals in *str*, the bytes that a read of a signalfd gave.

    Raises InvalidArgument (a ValueError) unless it is a sequence of whole ones, ``SIGINFO_LENGTH`` bytes each.
    """
    try:
        return list(map(tuple.__new__, repeat(Signal), _unpack(str)))
    except struct.error:
        pass
    READ.fail(errno.EBADMSG)
