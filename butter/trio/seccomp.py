"""Answering system calls under trio; see :mod:`butter.seccomp`."""

from __future__ import annotations

from butter._awaitables.seccomp import AnyListener
from butter.seccomp import Listener, Notification
from butter.trio._queue import EventQueue

__all__ = ["Listener_async"]


class Listener_async(AnyListener, EventQueue[Listener, Notification]):
    """``Listener_async(filter, flags=0, *, sync_wake_up=False, maxsize=0)``.

    A queue of the system calls that wait for an answer. ::

        async def answer(notification):
            try:
                if await may(notification.pid, notification.arguments):
                    notification.proceed()
                else:
                    notification.fail(errno.EPERM)
            except CallGone:
                pass  # the task was killed, or a signal interrupted it

        async with Listener_async.adopt(fd) as listener:
            async with trio.open_nursery() as nursery:
                async for notification in listener:
                    nursery.start_soon(answer, notification)

    The arguments and methods are those of
    :class:`butter.asyncio.seccomp.Listener_async`.
    """
