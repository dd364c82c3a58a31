"""Receiving signals, under whichever event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._arguments import integer, one_spelling
from butter._awaitables._awaitable import forward, old_name
from butter._awaitables._queue import AnyQueue
from butter.signalfd import SFD_NONBLOCK, Signal, Signalfd

if TYPE_CHECKING:
    from typing_extensions import Self

    from butter._sigbits import Signals


class AnySignalfd(AnyQueue[Signalfd, Signal]):
    """The part of ``Signalfd_async`` that is the same under each loop."""

    def __init__(
        self, signals: Signals = (), flags: int = 0, *, maxsize: int = 0, sigmask: Signals | None = None
    ) -> None:
        received = one_spelling("signals, sigmask", signals, sigmask, ())
        super().__init__(Signalfd(received, integer(flags, -32, "flags") | SFD_NONBLOCK), maxsize)

    _signalfd = old_name()
    _source_class = Signalfd

    @property
    def signals(self) -> set[int]:
        """A copy of the received signals; ``enable`` and ``disable`` change them."""
        return self._source.signals

    @property
    def sigmask(self) -> set[int]:
        """An older name of ``signals``."""
        return self._source.signals

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
