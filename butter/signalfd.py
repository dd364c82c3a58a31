"""Receiving signals as events: objects and calls for :manpage:`signalfd(2)`."""

from __future__ import annotations

import os
import signal as _signal
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT
from butter._constants import signalfd as _constants
from butter._constants.signalfd import *  # noqa: F403
from butter._constants.signalfd import NEW_SIGNALFD, SFD_NONBLOCK, SIG_BLOCK, SIG_SETMASK
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

    from butter._signalfd import Signals

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

# the kernel drops them from every mask without a word
_UNCATCHABLE = {_signal.SIGKILL, _signal.SIGSTOP}


class Signalfd(Eventlike[Signal]):
    """``Signalfd(sigmask=(), flags=0, closefd=True)``: receives the signals of *sigmask*, gives Signals.

    *sigmask* is a signal or an iterable of them, *flags* are SignalfdInit's (``SFD_NONBLOCK``); *closefd* keeps the
    descriptor from programs that the process executes. Raises what :func:`sigset` and :func:`signalfd` do.
    Linux 2.6.27, :manpage:`signalfd(2)`. ::

        with Signalfd([SIGINT, SIGTERM]) as signals:
            print(signals.wait().name)

    A signal that is not blocked is not received but handled as ever. The ``with`` statement blocks the signals in the
    thread that enters it, and those that ``enable`` adds inside; it gives back the thread's mask before it closes, and
    what still waits is then handled as ever. It has to surround the start of all threads: each has a mask of its own,
    a new one inherits it, and one that does not block a signal gets it. So do programs that the process executes:
    :func:`os.posix_spawn` has *setsigmask* for them.

    A read gives signals sent to the process or to the thread that reads. Two of the same kind below ``SIGRTMIN`` count
    as one while they wait, so one SIGCHLD may stand for many children. After :func:`os.fork` the child's object
    receives the child's signals, and is independent of the parent's.
    """

    _kind = "a signalfd"
    _link = "anon_inode:[signalfd]"

    _signals: Set[int] = frozenset()
    _blocked: set[int] | None = None  # what the thread blocked before the with statement

    def __init__(self, sigmask: Signals = (), flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> None:
        signals = sigset(sigmask)
        super().__init__(signalfd(signals, NEW_SIGNALFD, flags, closefd))
        self._signals = signals - _UNCATCHABLE

    @property
    def sigmask(self) -> set[int]:
        """The signals that are received. It is a copy: ``enable`` and ``disable`` change them."""
        return set(self._signals)

    def __contains__(self, signal: int) -> bool:
        """Whether *signal* is received; SIGKILL and SIGSTOP never are."""
        return signal in self._signals

    def enable(self, signals: Signals) -> None:
        """Receive *signals*, one or an iterable, beside those received so far.

        Raises what :func:`sigset` and :func:`signalfd` do, and ValueError if the object is closed.
        """
        fd, added = self.fileno(), sigset(signals) - _UNCATCHABLE
        if self._blocked is not None:
            pthread_sigmask(SIG_BLOCK, added)
        added -= self._signals
        self._signals |= added
        try:
            self._update(fd)
        except OSError:
            self._signals -= added
            raise

    def disable(self, signal: Signals) -> None:
        """No longer receive *signal*, one or an iterable; they stay blocked, and what was read before still comes.

        Raises what :meth:`enable` does.
        """
        fd, removed = self.fileno(), sigset(signal) & self._signals
        self._signals -= removed
        try:
            self._update(fd)
        except OSError:
            self._signals |= removed
            raise

    def enable_all(self) -> None:
        """Receive every signal but SIGKILL and SIGSTOP. Raises what :meth:`enable` does."""
        self.enable(_signal.valid_signals())

    def disable_all(self) -> None:
        """Receive no signal. Raises what :meth:`enable` does."""
        self.disable(_signal.valid_signals())

    def _update(self, fd: int) -> None:
        # Another thread may change the set, and hand over its own before this
        # one does: whoever is last to look goes round again.
        given = None
        while given != self._signals:
            given = set(self._signals)
            signalfd(given, fd)

    def _read_events(self) -> list[Signal]:
        return read_events(self)

    def block(self) -> None:
        """Block the received signals in this thread, until :meth:`restore`, which ``close`` does not call.

        The ``with`` statement does both.
        """
        # A signal handler may raise after any call. So the mask from before
        # is known before it changes, and what fails takes the change back.
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
        """Block in this thread what it blocked before :meth:`block`, if that was called."""
        # forgotten last: a handler that raises leaves it to the next call
        before = self._blocked
        if before is not None:
            pthread_sigmask(SIG_SETMASK, before)
            self._blocked = None

    def __enter__(self) -> Self:
        first = self._blocked is None
        try:
            self.block()
        except BaseException:
            # also from a handler that ran when block() had returned
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
        # The handler of a signal that becomes free here may raise, and that of
        # another before the mask is set: then the second call sets it.
        try:
            self.restore()
        finally:
            self.restore()

    def _after_fork(self) -> None:
        super()._after_fork()
        fd = self._fd
        if fd is None or fd != self._opened:
            return
        # The file is the parent's too: the mask of one would be that of both,
        # and an epoll knows it as ready for the parent's signals (signalfd(2)).
        # Closed first, because there may be no descriptor left for a second.
        try:
            flags = 0 if os.get_blocking(fd) else SFD_NONBLOCK
            inheritable = os.get_inheritable(fd)
            self._fd = None
            os.close(fd)
            new = signalfd(self._signals, NEW_SIGNALFD, flags, not inheritable)
            if new != fd:
                os.dup2(new, fd, inheritable)
                os.close(new)
            self._fd = fd
        except OSError:
            pass  # closed, which every later call says
