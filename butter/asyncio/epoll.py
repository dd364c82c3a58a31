"""Waiting for many descriptors in an asyncio program; see :mod:`butter.epoll`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.epoll import AnyEpoll
from butter.asyncio._queue import EventQueue
from butter.epoll import Epoll, EpollEvent

if TYPE_CHECKING:
    import asyncio

__all__ = ["Epoll_async"]


class Epoll_async(AnyEpoll, EventQueue[Epoll, EpollEvent]):
    """``Epoll_async(flags=0, *, maxsize=0)``: a queue of EpollEvents.

    It works like an :class:`asyncio.Queue`. ::

        async with Epoll_async() as epoll:
            epoll.register(pipe, EPOLLIN | EPOLLET)
            async for event in epoll:
                print(event.fd, event.flags)

    *flags* are EpollInit's. The loop watches one descriptor instead of many. A file
    that stays ready is an event for each ``get``, so a program that does not read it
    keeps the loop busy: ``EPOLLET`` and ``EPOLLONESHOT`` tell of it once.

    For a loop that itself waits by epoll to the nanosecond there is
    :class:`butter.epoll.EpollSelector`.

    Raises what :class:`butter.epoll.Epoll` does.
    """

    def __init__(self, flags: int = 0, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(flags, maxsize=maxsize)
        self._ignore(loop)
