"""Waiting for many descriptors, under whichever event loop."""

from __future__ import annotations

import os

from butter._awaitables._awaitable import forward
from butter._awaitables._queue import AnyQueue
from butter.epoll import Epoll, EpollEvent, EpollParams


class AnyEpoll(AnyQueue[Epoll, EpollEvent]):
    """The part of ``Epoll_async`` that is the same under each loop."""

    def __init__(self, flags: int = 0, *, maxsize: int = 0) -> None:
        epoll = Epoll(flags)
        os.set_blocking(epoll.fileno(), False)
        super().__init__(epoll, maxsize)

    _source_class = Epoll

    register = forward(Epoll.register)
    modify = forward(Epoll.modify)
    unregister = forward(Epoll.unregister)

    @property
    def params(self) -> EpollParams:
        """The parameters of busy polling, which can be set (Linux 6.9).

        Raises what :func:`butter.epoll.epoll_get_params` and
        :func:`butter.epoll.epoll_set_params` do, and ValueError if the object is
        closed.
        """
        return self._source.params

    @params.setter
    def params(self, params: EpollParams) -> None:
        self._source.params = params
