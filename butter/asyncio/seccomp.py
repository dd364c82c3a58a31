"""Answering system calls in an asyncio program; see :mod:`butter.seccomp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.seccomp import AnyListener
from butter.asyncio._queue import EventQueue
from butter.seccomp import Listener, Notification

if TYPE_CHECKING:
    import asyncio

    from butter.seccomp import Filter

__all__ = ["Listener_async"]


class Listener_async(AnyListener, EventQueue[Listener, Notification]):
    """``Listener_async(filter, flags=0, *, sync_wake_up=False, maxsize=0)``.

    A queue of the system calls that wait for an answer, which works like an
    :class:`asyncio.Queue`. ::

        async def answer(notification):
            try:
                if await may(notification.pid, notification.arguments):
                    notification.proceed()
                else:
                    notification.fail(errno.EPERM)
            except CallGone:
                pass  # the task was killed, or a signal interrupted it

        async with Listener_async.adopt(fd) as listener:
            async for notification in listener:
                tasks.create_task(answer(notification))

    The arguments are those of :class:`butter.seccomp.Listener`: the constructor loads
    the filter in front of the thread of the loop, which then must not make the calls
    that wait, and in front of the children that it starts. ``adopt()`` makes an object
    of the descriptor that a fenced child sent, or of a Listener.

    A task that is cancelled while it waits leaves the notification to the next. One
    that is cancelled before it has answered forgets its notification, which then fails
    with EPERM.

    Raises what :class:`butter.seccomp.Listener` does.
    """

    def __init__(
        self,
        filter: Filter,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        sync_wake_up: bool = False,
        maxsize: int = 0,
    ) -> None:
        super().__init__(filter, flags, sync_wake_up=sync_wake_up, maxsize=maxsize)
        self._ignore(loop)
