"""Receiving signals in an asyncio program; see :mod:`butter.signalfd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter.asyncio._queue import EventQueue, forward, old_name
from butter.signalfd import SFD_NONBLOCK, Signal, Signalfd

if TYPE_CHECKING:
    import asyncio

    from typing_extensions import Self

    from butter._signalfd import Signals

__all__ = ["Signalfd_async"]


class Signalfd_async(EventQueue[Signalfd, Signal]):
    """``Signalfd_async(signals=(), flags=0, *, maxsize=0)``: an :class:`asyncio.Queue` of Signals.

    *flags* are SignalfdInit's, and ``SFD_NONBLOCK`` is added. Raises what :class:`butter.signalfd.Signalfd` does.
    ``async with`` blocks the signals in the loop's thread, and gives back the mask before it closes; threads that
    were started before, as those of an executor, have to block them themselves. ::

        async with Signalfd_async([SIGINT, SIGTERM]) as signals:
            async for signal in signals:
                print(signal.name)
    """

    def __init__(
        self, signals: Signals = (), flags: int = 0, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0
    ) -> None:
        super().__init__(Signalfd(signals, flags | SFD_NONBLOCK), loop, maxsize)

    _signalfd = old_name()
    _source_class = Signalfd

    sigmask = property(lambda self: self._source.sigmask, doc=Signalfd.sigmask.__doc__)
    __contains__ = forward(Signalfd.__contains__)
    enable = forward(Signalfd.enable)
    enable_all = forward(Signalfd.enable_all)
    disable = forward(Signalfd.disable)
    disable_all = forward(Signalfd.disable_all)
    block = forward(Signalfd.block)
    restore = forward(Signalfd.restore)

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._source._restore_surely()
        finally:
            self.close()
