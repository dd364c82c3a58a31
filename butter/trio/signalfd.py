"""Receiving signals under trio; see :mod:`butter.signalfd`."""

from __future__ import annotations

from butter._awaitables.signalfd import AnySignalfd
from butter.signalfd import Signal, Signalfd
from butter.trio._queue import EventQueue

__all__ = ["Signalfd_async"]


class Signalfd_async(AnySignalfd, EventQueue[Signalfd, Signal]):
    """``Signalfd_async(signals=(), flags=0, *, maxsize=0)``: a queue of Signals. ::

        async with Signalfd_async([SIGINT, SIGTERM]) as signals:
            async for signal in signals:
                print(signal.name)

    The arguments and methods are those of
    :class:`butter.asyncio.signalfd.Signalfd_async`. ``async with`` blocks the signals
    in the thread of the run; threads that were started before, as those that
    ``trio.to_thread`` keeps, have to block the signals themselves. Start a child with
    ``trio.run_process(command, preexec_fn=signals.restore)``.
    """
