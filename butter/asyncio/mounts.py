"""Mounts that appear, move and go in an asyncio program; see :mod:`butter.mounts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables.mounts import AnyMountMonitor
from butter.asyncio._queue import EventQueue
from butter.mounts import MountEvent, MountMonitor

if TYPE_CHECKING:
    import asyncio

    from butter.mounts import MountNamespace

__all__ = ["MountMonitor_async"]


class MountMonitor_async(AnyMountMonitor, EventQueue[MountMonitor, MountEvent]):
    """``MountMonitor_async(namespace=None, flags=0, *, maxsize=0)``.

    A queue of MountEvents, which works like an :class:`asyncio.Queue`. ::

        async with MountMonitor_async() as monitor:
            async for event in monitor:
                print(event)

    *namespace* is that of :class:`butter.mounts.MountMonitor`, and so are *flags*, to
    which ``FAN_NONBLOCK`` is added.

    Raises what :class:`butter.mounts.MountMonitor` does.
    """

    def __init__(
        self,
        namespace: MountNamespace = None,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(namespace, flags, maxsize=maxsize)
        self._ignore(loop)
