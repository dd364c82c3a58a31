"""The calls about sets of signals, and about waiting for one."""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from butter._arguments import integer
from butter._constants.signalfd import SIG_BLOCK
from butter._pidfd import SEND_SIGNAL
from butter._sigbits import members, sigbits
from butter._signalfd import SIGMASK, Signal, str_to_events
from butter._signals import INTERRUPTED, run_handlers
from butter._sigset_c import ffi, lib
from butter.errors import Errors, InvalidArgument
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from butter._sigbits import Signals

# all bits of a mask, which the results of C have as a signed number
_ALL = (1 << 64) - 1
# the result of a wait in vain
_NOTHING = -1 - errno.EAGAIN
_SIGINFO = ffi.typeof("char[128]")

_MEMORY = (InvalidArgument, "the set of signals is not in the memory of this process")

SIGPROCMASK = Errors("sigprocmask", SIGMASK.meanings)
SIGQUEUE = Errors(
    "sigqueue",
    {
        errno.EAGAIN: SEND_SIGNAL.meanings[errno.EAGAIN],
        errno.EINVAL: (InvalidArgument, lambda signum, **_: f"there is no signal {signum:d}"),
        errno.EPERM: (
            PermissionError,
            "a signal to a process of another user needs CAP_KILL, or a filter or a security module refuses it",
        ),
        errno.ESRCH: (ProcessLookupError, lambda pid, **_: f"there is no process {pid} (any more)"),
    },
)
SIGTIMEDWAIT = Errors("sigtimedwait", {errno.EFAULT: _MEMORY, errno.EINVAL: (InvalidArgument, "the time is refused")})
SIGSUSPEND = Errors("sigsuspend", {errno.EFAULT: _MEMORY})
PAUSE = Errors("pause", {})


def _checked(signals: set[Any]) -> set[Any]:
    if not isinstance(signals, set):
        raise TypeError(f"signals must be a set, which can be changed, not {type(signals).__name__}")
    return signals


def sigemptyset(signals: set[Any]) -> None:
    """``sigemptyset(signals)``: removes all signals from a set.

    *signals* is a Python set, here and in the four calls that follow. They raise
    TypeError for another type, and ValueError for a number that is not a signal.

    :manpage:`sigemptyset(3)`.
    """
    _checked(signals).clear()


def sigfillset(signals: set[Any]) -> None:
    """``sigfillset(signals)``: adds all signals to a set.

    Those that the C library keeps for itself are left out.

    :manpage:`sigfillset(3)`.
    """
    _checked(signals).update(members(_ALL))


def sigaddset(signals: set[Any], signum: int) -> None:
    """``sigaddset(signals, signum)``: adds a signal to a set.

    :manpage:`sigaddset(3)`.
    """
    _checked(signals).update(members(sigbits(integer(signum, -32, "signum"))))


def sigdelset(signals: set[Any], signum: int) -> None:
    """``sigdelset(signals, signum)``: removes a signal from a set, if it is in there.

    :manpage:`sigdelset(3)`.
    """
    _checked(signals).difference_update(members(sigbits(integer(signum, -32, "signum"))))


def sigismember(signals: set[Any], signum: int) -> bool:
    """``sigismember(signals, signum)``: returns whether a signal is in a set.

    :manpage:`sigismember(3)`.
    """
    return members(sigbits(integer(signum, -32, "signum"))) <= _checked(signals)


def _mask(how: int, bits: int) -> int:
    """Change the mask of this thread, and return the one before."""
    before = lib.sigprocmask(how, bits)
    # No mask has SIGSTOP, so none looks like an errno.
    if -4096 < before < 0:
        SIGPROCMASK.check(before, action=how)
    return before & _ALL


def sigprocmask(how: int, signals: Signals = ()) -> set[int]:
    """``sigprocmask(how, signals, &old)``: returns the signals blocked before.

    It changes the signals that this thread blocks; Linux has a mask for each thread, so
    it is :func:`~butter.signalfd.pthread_sigmask` under its older name. *how* is a
    SigmaskAction, and *signals* are one signal or an iterable of them;
    ``sigprocmask(SIG_BLOCK)`` changes nothing.

    Raises InvalidArgument for another *how*, ValueError for a number that is not a
    signal.

    :manpage:`sigprocmask(2)`.
    """
    return members(_mask(integer(how, -32, "how"), sigbits(signals)))


def sigqueue(pid: int, signum: int, value: int = 0) -> None:
    """``sigqueue(pid, signum, value)``: sends a signal to a process, with a value.

    *value* has 64 bits, with a sign or without. The receiver has it as ``ssi_ptr`` of a
    Signal, and its lower 32 bits as ``ssi_int``. A real-time signal waits as often as
    it was sent; another one waits once, with the value that came first. A *signum* of 0
    only looks whether the process is there.

    Raises BlockingIOError (EAGAIN) where as many signals wait as RLIMIT_SIGPENDING
    allows, InvalidArgument for a number that is not a signal, PermissionError for a
    process of another user, ProcessLookupError.

    :manpage:`sigqueue(3)`.
    """
    pid, signum = integer(pid, -32, "pid"), integer(signum, -32, "signum")
    # the value of a Signal has no sign
    value = integer(value, -64 if isinstance(value, int) and value < 0 else 64, "value")
    SIGQUEUE.check(lib.sigqueue(pid, signum, value & _ALL), pid=pid, signum=signum)


def sigtimedwait(signals: Signals, nanoseconds: int | None = None) -> Signal | None:
    """``sigtimedwait(signals, &info, time)``: takes a signal, and returns it.

    It waits for one of *signals*, at most for so many *nanoseconds*: without an end if
    they are None, and not at all if they are 0. The result is a
    :class:`~butter.signalfd.Signal`, as a signalfd has it, or None if no signal came in
    time. The signals have to be blocked in every thread. The handlers of others run
    meanwhile, and the wait goes on (:pep:`475`). A handler that raises just after the
    signal was taken loses it: a :class:`~butter.signalfd.Signalfd` keeps its signals.

    Raises ValueError for a number that is not a signal.

    :manpage:`sigtimedwait(2)`.
    """
    bits, room = sigbits(signals), ffi.new(_SIGINFO)
    left = -1 if nanoseconds is None else integer(nanoseconds, 63, "nanoseconds")
    end = time.monotonic_ns() + left if left > 0 else 0
    while (result := lib.sigtimedwait(bits, left, room)) < 0:
        if result == _NOTHING:
            return None
        if result != INTERRUPTED:
            SIGTIMEDWAIT.check(result)
        run_handlers()
        if left > 0:
            left = max(end - time.monotonic_ns(), 0)
    return str_to_events(ffi.buffer(room)[:])[0]


def sigsuspend(signals: Signals) -> None:
    """``sigsuspend(signals)``: waits until a signal has run its handler.

    Meanwhile the thread blocks *signals*, and no others; then it blocks what it blocked
    before. To change the mask and to wait is one step, so a signal that was blocked
    cannot come between::

        with blocked(SIGCHLD) as before:
            while not children:  # which the handler of SIGCHLD changes
                sigsuspend(before)

    A signal that is ignored does not end the wait. Python runs its handlers in the main
    thread, so that is where to call this.

    Raises ValueError for a number that is not a signal.

    :manpage:`sigsuspend(2)`.
    """
    result = lib.sigsuspend(sigbits(signals))
    if result != INTERRUPTED:
        SIGSUSPEND.check(result)
    run_handlers()


def pause() -> None:
    """``pause()``: waits until a signal has run its handler.

    One that comes just before the call does not end the wait: :func:`sigsuspend` has no
    such gap.

    :manpage:`pause(2)`.
    """
    result = lib.pause()
    if result != INTERRUPTED:
        PAUSE.check(result)
    run_handlers()


@contextmanager
def blocked(*signals: int) -> Iterator[set[int]]:
    """``with blocked(*signals) as before:`` blocks them in this thread meanwhile.

    *before* is the set of the signals that the thread blocked until then, and at the
    end it blocks these again, whatever the block has changed, and also if a handler
    raises at any moment: since CPython 3.10, and on PyPy when its garbage collector has
    run. Signals that came
    meanwhile are then handled. Other threads do not notice, so a signal to the process
    may be handled in one of them. Threads, children and their programs inherit the
    mask: see :class:`~butter.signalfd.Signalfd` for how they unblock them.

    Raises ValueError for a number that is not a signal. Raises RuntimeError where
    ``with`` is left in another thread than it was entered: the masks of both stay as
    they are.

    :manpage:`pthread_sigmask(3)`.
    """
    # butter._prctl_settings.changed says why a generator does this, and one call of C
    # the end
    bits, thread, set_back = sigbits(signals), lib.butter_thread(), lib.butter_mask_back
    mask = _mask(SIG_BLOCK, 0)
    before = members(mask)
    try:
        _mask(SIG_BLOCK, bits)
        yield before
    finally:
        result = set_back(thread, mask)
        if result < 0:
            SIGPROCMASK.check(result, action=SIG_BLOCK)
        if result > 0:
            raise RuntimeError("the mask of a thread was to be restored in another one, and stays as it is")
