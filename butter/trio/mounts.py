"""Mounts that appear, move and go under trio; see :mod:`butter.mounts`."""

from __future__ import annotations

from butter._awaitables.mounts import AnyMountMonitor
from butter.mounts import MountEvent, MountMonitor
from butter.trio._queue import EventQueue

__all__ = ["MountMonitor_async"]


class MountMonitor_async(AnyMountMonitor, EventQueue[MountMonitor, MountEvent]):
    """``MountMonitor_async(namespace=None, flags=0, *, maxsize=0)``.

    A queue of MountEvents. ::

        async with MountMonitor_async() as monitor:
            async for event in monitor:
                print(event)

    The arguments and methods are those of
    :class:`butter.asyncio.mounts.MountMonitor_async`.
    """
