"""Waiting for many descriptors under trio; see :mod:`butter.epoll`."""

from __future__ import annotations

from butter._awaitables.epoll import AnyEpoll
from butter.epoll import Epoll, EpollEvent
from butter.trio._queue import EventQueue

__all__ = ["Epoll_async"]


class Epoll_async(AnyEpoll, EventQueue[Epoll, EpollEvent]):
    """``Epoll_async(flags=0, *, maxsize=0)``: a queue of EpollEvents. ::

        async with Epoll_async() as epoll:
            epoll.register(pipe, EPOLLIN | EPOLLET)
            async for event in epoll:
                print(event.fd, event.flags)

    The arguments and methods are those of :class:`butter.asyncio.epoll.Epoll_async`.
    """
