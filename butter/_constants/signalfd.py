"""The constants of signalfd. Written by tools/constants.py from butter/build/signalfd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._signalfd_c import lib

__all__ = [
    "CLD_CONTINUED",
    "CLD_DUMPED",
    "CLD_EXITED",
    "CLD_KILLED",
    "CLD_STOPPED",
    "CLD_TRAPPED",
    "ChildCode",
    "NEW_SIGNALFD",
    "SFD_CLOEXEC",
    "SFD_NONBLOCK",
    "SIGINFO_LENGTH",
    "SIG_BLOCK",
    "SIG_SETMASK",
    "SIG_UNBLOCK",
    "SI_ASYNCIO",
    "SI_ASYNCNL",
    "SI_DETHREAD",
    "SI_KERNEL",
    "SI_MESGQ",
    "SI_QUEUE",
    "SI_SIGIO",
    "SI_TIMER",
    "SI_TKILL",
    "SI_USER",
    "SigmaskAction",
    "SignalCode",
    "SignalfdInit",
]

# the flags of signalfd
#: close the descriptor when the process executes another program
SFD_CLOEXEC: Final[int] = lib.SFD_CLOEXEC
#: reads fail with EAGAIN instead of waiting for a signal
SFD_NONBLOCK: Final[int] = lib.SFD_NONBLOCK

# the ways to change the mask, by the signals of pthread_sigmask
#: block these signals, in addition to those that are blocked
SIG_BLOCK: Final[int] = lib.SIG_BLOCK
#: unblock these signals
SIG_UNBLOCK: Final[int] = lib.SIG_UNBLOCK
#: block these signals, and no others
SIG_SETMASK: Final[int] = lib.SIG_SETMASK

# the codes that all signals have: the sender of the signal
#: a process, by kill or raise
SI_USER: Final[int] = lib.SI_USER
#: the kernel
SI_KERNEL: Final[int] = lib.SI_KERNEL
#: a process, by sigqueue, with a value
SI_QUEUE: Final[int] = lib.SI_QUEUE
#: a timer of timer_create
SI_TIMER: Final[int] = lib.SI_TIMER
#: a POSIX message queue that was empty got a message
SI_MESGQ: Final[int] = lib.SI_MESGQ
#: an asynchronous input or output is complete
SI_ASYNCIO: Final[int] = lib.SI_ASYNCIO
#: queued input or output, in kernels before Linux 2.4
SI_SIGIO: Final[int] = lib.SI_SIGIO
#: a process, by tkill or tgkill, which pthread_kill is
SI_TKILL: Final[int] = lib.SI_TKILL
#: execve, to end the other threads
SI_DETHREAD: Final[int] = lib.SI_DETHREAD
#: an asynchronous name lookup of glibc is complete
SI_ASYNCNL: Final[int] = lib.SI_ASYNCNL

# the codes of a SIGCHLD, each about a change of the child
#: it exited; the status is its exit status
CLD_EXITED: Final[int] = lib.CLD_EXITED
#: a signal killed it; the status is the signal
CLD_KILLED: Final[int] = lib.CLD_KILLED
#: a signal killed it and it dumped core; the status is the signal
CLD_DUMPED: Final[int] = lib.CLD_DUMPED
#: it is traced and met a trap
CLD_TRAPPED: Final[int] = lib.CLD_TRAPPED
#: a signal stopped it; the status is the signal
CLD_STOPPED: Final[int] = lib.CLD_STOPPED
#: it was stopped and goes on
CLD_CONTINUED: Final[int] = lib.CLD_CONTINUED

# other numbers
#: instead of a descriptor: make a new descriptor
NEW_SIGNALFD: Final[int] = lib.NEW_SIGNALFD
#: the size of one signal in the bytes of a read
SIGINFO_LENGTH: Final[int] = lib.SIGINFO_LENGTH


class SignalfdInit(Flags):
    """The flags of signalfd."""

    CLOEXEC = SFD_CLOEXEC
    NONBLOCK = SFD_NONBLOCK


class SigmaskAction(Number):
    """The ways to change the mask, by the signals of pthread_sigmask."""

    BLOCK = SIG_BLOCK
    UNBLOCK = SIG_UNBLOCK
    SETMASK = SIG_SETMASK


class SignalCode(Number):
    """The codes that all signals have: the sender of the signal."""

    USER = SI_USER
    KERNEL = SI_KERNEL
    QUEUE = SI_QUEUE
    TIMER = SI_TIMER
    MESGQ = SI_MESGQ
    ASYNCIO = SI_ASYNCIO
    SIGIO = SI_SIGIO
    TKILL = SI_TKILL
    DETHREAD = SI_DETHREAD
    ASYNCNL = SI_ASYNCNL


class ChildCode(Number):
    """The codes of a SIGCHLD, each about a change of the child."""

    EXITED = CLD_EXITED
    KILLED = CLD_KILLED
    DUMPED = CLD_DUMPED
    TRAPPED = CLD_TRAPPED
    STOPPED = CLD_STOPPED
    CONTINUED = CLD_CONTINUED
