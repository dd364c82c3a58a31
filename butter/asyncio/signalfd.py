"""Receiving signals in an asyncio program; see :mod:`butter.signalfd`."""

from __future__ import annotations

import signal
import warnings
from typing import TYPE_CHECKING

from butter._awaitables.signalfd import AnySignalfd
from butter._signalfd import is_handled
from butter.asyncio._queue import EventQueue
from butter.signalfd import Signal, Signalfd

if TYPE_CHECKING:
    import asyncio

    from butter._sigbits import Signals

__all__ = ["Signalfd_async"]


class Signalfd_async(AnySignalfd, EventQueue[Signalfd, Signal]):
    """``Signalfd_async(signals=(), flags=0, *, maxsize=0)``: a queue of Signals.

    It works like an :class:`asyncio.Queue`. ::

        async with Signalfd_async([SIGINT, SIGTERM]) as signals:
            async for signal in signals:
                print(signal.name)

    *signals* is a signal or an iterable of them, *flags* are SignalfdInit's, and
    ``SFD_NONBLOCK`` is added; *sigmask* is an older spelling of *signals*. ``async
    with`` blocks the signals in the loop's thread, and restores the mask before it
    closes; threads that were started before, as those of an executor, have to block the
    signals themselves.

    Children that are started inside inherit the blocked signals, and could not be
    terminated. So start a child of asyncio or :mod:`subprocess` with
    ``preexec_fn=signals.restore``, one of :func:`os.posix_spawn` with
    ``setsigmask=[]``; a child of :mod:`multiprocessing` calls
    ``pthread_sigmask(SIG_SETMASK, ())`` first of all. :class:`butter.signalfd.Signalfd`
    says more.

    SIGCHLD is for programs that start children without the loop. uvloop learns of the
    end of its own subprocesses by a handler of SIGCHLD, and so do those child watchers
    of asyncio that are not the default. The handler does not run while the signal is
    blocked, and ``await process.wait()`` then never returns. A RuntimeWarning says so
    when a SIGCHLD is received instead of being handled.

    Raises what :class:`butter.signalfd.Signalfd` does.
    """

    _warned = False

    def __init__(
        self,
        signals: Signals = (),
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
        sigmask: Signals | None = None,
    ) -> None:
        super().__init__(signals, flags, maxsize=maxsize, sigmask=sigmask)
        self._ignore(loop)

    def _read(self) -> bool:
        found = super()._read()
        if found and not self._warned and signal.SIGCHLD in self._source:
            self._warn()
        return found

    def _warn(self) -> None:
        """Warn, once, if the batch has a SIGCHLD whose handler did not run."""
        if any(event.ssi_signo == signal.SIGCHLD for event in self._batch) and is_handled(signal.SIGCHLD):
            self._warned = True
            message = (
                "a SIGCHLD was received, so its handler did not run. Where the handler is the event loop's, as uvloop's"
                " is, process.wait() of the loop's subprocesses never returns"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=4)
