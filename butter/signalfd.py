"""Receiving signals as events: objects and calls for :manpage:`signalfd(2)`."""

from __future__ import annotations

import os
import signal
from collections import deque
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, one_spelling
from butter._constants import signalfd as _constants
from butter._constants.signalfd import *  # noqa: F403
from butter._constants.signalfd import NEW_SIGNALFD, SFD_NONBLOCK, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK
from butter._descriptor import fields_of
from butter._sigbits import members
from butter._signalfd import (
    Signal,
    pthread_sigmask,
    read_events,
    signalfd,
    signum_to_signame,
    sigset,
    str_to_events,
)
from butter.eventlike import Eventlike

if TYPE_CHECKING:
    from collections.abc import Set
    from types import TracebackType

    from typing_extensions import Self

    from butter._sigbits import Signals
    from butter._signalfd import Records

__all__ = [
    "Signal",
    "Signalfd",
    "pthread_sigmask",
    "signalfd",
    "signum_to_signame",
    "sigset",
    "str_to_events",
]
__all__ += _constants.__all__

# all signals but the two that the kernel silently drops from every mask
_RECEIVABLE = sigset(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}


def _receivable(signals: Signals) -> set[int]:
    """Return the set of those *signals* that can be received.

    Raises ValueError if none of them can.
    """
    asked = sigset(signals)
    found = asked & _RECEIVABLE
    if asked and not found:
        names = " and ".join(signum_to_signame[number] for number in sorted(asked))
        raise ValueError(f"{names} cannot be received: no process can block SIGKILL or SIGSTOP")
    return found


class Signalfd(Eventlike[Signal]):
    """``Signalfd(signals=(), flags=0, closefd=True)``: receives signals as events.

    Its events are Signals. ::

        with Signalfd([SIGINT, SIGTERM]) as signals:
            print(signals.wait().name)

    *signals* is a signal or an iterable of them, *flags* are SignalfdInit's
    (``SFD_NONBLOCK``); *closefd* keeps the descriptor from programs that the process
    executes; *sigmask* is an older spelling of *signals*. SIGKILL and SIGSTOP cannot be
    received and are left out.

    A signal that is not blocked is not received; it is handled as usual. Without the
    ``with`` statement, or :meth:`block`, a SIGTERM ends the process. The ``with``
    statement blocks the signals in the thread that enters it, and those that ``enable``
    adds inside; before it closes it restores the thread's mask, and signals that still
    wait are then handled as usual. It has to surround the start of all threads: each
    thread has a mask of its own, a new thread inherits it, and a thread that does not
    block a signal gets it.

    Children inherit the blocked signals too, and could not be terminated. So a child
    that is started inside has to unblock them:

    * :mod:`subprocess` and :mod:`asyncio`: ``preexec_fn=signals.restore``. It takes no
      lock, so it does not cause the deadlock that Python's documentation warns of.
      (uvloop unblocks all signals in its children by itself.)
    * :func:`os.posix_spawn`: ``setsigmask=[]``.
    * :mod:`multiprocessing`: ``pthread_sigmask(SIG_SETMASK, ())`` is the first line of
      the function that the child runs. For a Pool it is the initializer:
      ``Pool(initializer=pthread_sigmask, initargs=(SIG_SETMASK, ()))``.
    * :func:`os.fork`: the child calls ``signals.restore()``.

    multiprocessing starts a resource tracker, for shared memory and for children that
    are not forked, and CPython then unblocks SIGINT and SIGTERM in the thread that
    started it: the next such signal ends the process. Start the tracker before the
    ``with`` statement, by ``multiprocessing.resource_tracker.ensure_running()``, or
    call :meth:`block` again.

    A read returns signals that were sent to the process or to the thread that reads.
    Two of the same kind below ``SIGRTMIN`` count as one while they wait, so one SIGCHLD
    may stand for many children. After :func:`os.fork` the child's object receives the
    child's signals, and is independent of the parent's. ``adopt()`` learns from
    ``/proc`` which signals are received.

    Raises what :func:`sigset` and :func:`signalfd` do, and ValueError if SIGKILL and
    SIGSTOP are the only *signals*.

    Linux 2.6.27, :manpage:`signalfd(2)`.
    """

    _kind = "a signalfd"
    _link = "anon_inode:[signalfd]"

    _signals: Set[int] = frozenset()
    _blocked: set[int] | None = None  # what the thread blocked before block()

    def __init__(
        self, signals: Signals = (), flags: int = 0, closefd: bool = CLOEXEC_DEFAULT, *, sigmask: Signals | None = None
    ) -> None:
        received = _receivable(one_spelling("signals, sigmask", signals, sigmask, ()))
        super().__init__(signalfd(received, NEW_SIGNALFD, flags, closefd))
        self._signals = received

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Records] = deque()

    def _adopted(self, fd: int) -> None:
        # without /proc the set is empty until enable() is called
        for bits in fields_of(fd).get("sigmask", ()):
            self._signals = members(int(bits, 16))

    @property
    def signals(self) -> set[int]:
        """A copy of the received signals; ``enable`` and ``disable`` change them."""
        return set(self._signals)

    @property
    def sigmask(self) -> set[int]:
        """An older name of ``signals``."""
        return set(self._signals)

    def __contains__(self, signal: int) -> bool:
        """Whether *signal* is received; SIGKILL and SIGSTOP never are."""
        return signal in self._signals

    def __repr__(self) -> str:
        known = self._signals
        names = "|".join(signum_to_signame[number] for number in sorted(known)) or "none"
        return f"{super().__repr__()[:-1]} signals={'all' if known == _RECEIVABLE else names}>"

    def enable(self, signals: Signals) -> None:
        """Receive *signals*, one or an iterable, in addition to those received so far.

        Raises what the constructor does, and ValueError if the object is closed; an
        error leaves everything as it was.
        """
        self.fileno()
        added = _receivable(signals)
        if self._blocked is None:
            return self._change(added, set())
        # as in block(): the mask to restore is known before the mask is changed
        before = pthread_sigmask(SIG_BLOCK, ())
        try:
            pthread_sigmask(SIG_BLOCK, added)
            self._change(added, set())
        except BaseException:
            pthread_sigmask(SIG_UNBLOCK, added - before)
            raise

    def disable(self, signals: Signals | None = None, *, signal: Signals | None = None) -> None:
        """Receive *signals*, one or an iterable, no longer.

        The signals stay blocked, and those that were read before are still returned.
        *signal* is an older spelling.

        Raises what :meth:`enable` does.
        """
        self.fileno()
        removed = one_spelling("signals, signal", signals, signal, None)
        if removed is None:
            raise TypeError("disable() needs an argument: the signals to receive no longer")
        self._change(set(), sigset(removed))

    def enable_all(self) -> None:
        """Receive every signal but SIGKILL and SIGSTOP.

        Raises what :meth:`enable` does.
        """
        self.enable(_RECEIVABLE)

    def disable_all(self) -> None:
        """Receive no signals any more. Raises what :meth:`enable` does."""
        self.disable(_RECEIVABLE)

    def _change(self, added: set[int], removed: set[int]) -> None:
        """Receive *added* and no longer *removed*.

        An error, also that of a signal handler, leaves everything as it was.
        """
        added, removed = added - self._signals, removed & self._signals
        try:
            # the set is changed in place, because another thread may change it too
            self._signals |= added
            self._signals -= removed
            self._update()
        except BaseException:
            self._signals -= added
            self._signals |= removed
            try:
                self._update()
            except (OSError, ValueError):
                pass  # the kernel refuses every change, or the handler has closed the object
            raise

    def _update(self) -> None:
        # Another thread may change the set between the look and the call: the thread
        # that comes last calls again.
        done = None
        while done != self._signals:
            done = set(self._signals)
            signalfd(done, self)

    def _read_events(self) -> list[Signal]:
        return read_events(self, self._unmade)

    def block(self) -> None:
        """Block the received signals in this thread until :meth:`restore`.

        The ``with`` statement calls both methods, ``close`` neither. A second call
        blocks the signals again, if they were unblocked meanwhile.

        Children inherit the blocked signals, and cannot be terminated. So pass
        ``preexec_fn=signals.restore`` to :mod:`subprocess` and :mod:`asyncio`,
        ``setsigmask=[]`` to :func:`os.posix_spawn`; a child of :mod:`multiprocessing`
        calls ``pthread_sigmask(SIG_SETMASK, ())``.
        """
        # Python may run a signal handler between any two steps, and the handler
        # may raise. In order of time:
        # 1. The mask from before is kept in _blocked. A handler that raises here
        #    finds nothing blocked, and restore() changes nothing.
        # 2. The signals are blocked. A handler of another signal that raises
        #    here leaves them blocked, and restore() frees them.
        # 3. This method has returned to __enter__, which has not returned: the
        #    with statement would not call __exit__, so __enter__ restores.
        first = self._blocked is None
        try:
            if first:
                self._blocked = pthread_sigmask(SIG_BLOCK, ())
            pthread_sigmask(SIG_BLOCK, self._signals)
        except BaseException:
            if first:
                self.restore()
            raise

    def restore(self) -> None:
        """Restore the signals that this thread blocked before :meth:`block`.

        Without an earlier :meth:`block` nothing changes.

        In a forked child it unblocks the signals for that child: directly after
        :func:`os.fork`, in the function of a forked child of :mod:`multiprocessing`, or
        as the *preexec_fn* of :mod:`subprocess` and :mod:`asyncio`. A child that is not
        forked does not have the object: pass ``setsigmask=[]`` to
        :func:`os.posix_spawn`, and let a child of multiprocessing call
        ``pthread_sigmask(SIG_SETMASK, ())``.
        """
        # forgotten last: if a handler raises, the next call restores the mask
        before = self._blocked
        if before is not None:
            pthread_sigmask(SIG_SETMASK, before)
            self._blocked = None

    def __enter__(self) -> Self:
        # step 3 of block()
        first = self._blocked is None
        try:
            self.block()
        except BaseException:
            if first:
                self.restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._restore_surely()
        finally:
            super().__exit__(kind, value, traceback)

    def _restore_surely(self) -> None:
        """Call ``restore()``, once more if a signal handler raises in it."""
        # Two calls, for two handlers that may raise. In order of time:
        # 1. A signal that was never blocked comes before the mask is set. The
        #    first call has done nothing, the second one sets the mask.
        # 2. A signal that waited becomes free when the mask is set. The first
        #    call has set it, and the second one forgets _blocked.
        # Where the first call succeeds, the second one does nothing.
        try:
            self.restore()
        finally:
            self.restore()

    def _after_fork(self) -> None:
        super()._after_fork()
        fd = self._fd
        if fd is None or fd != self._opened:
            return
        # Parent and child share the file: a new mask of one would be that of both,
        # and an epoll would report it for the parent's signals (signalfd(2)). So the
        # child makes a file of its own with the old number. The old file is closed
        # first, because there may be no descriptor left for a second one. A failure
        # leaves the child's object closed.
        new = None
        try:
            flags = 0 if os.get_blocking(fd) else SFD_NONBLOCK
            inheritable = os.get_inheritable(fd)
            self._fd = None
            os.close(fd)
            new = signalfd(self._signals, NEW_SIGNALFD, flags, not inheritable)
            if new != fd:
                # refused where RLIMIT_NOFILE has been set to the old number or less
                os.dup2(new, fd, inheritable)
            self._fd = fd
        except OSError:
            pass
        finally:
            if new is not None and new != fd:
                os.close(new)
