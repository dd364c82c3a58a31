"""Mounts that appear, move and go, under whichever event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables._queue import AnyQueue
from butter.mounts import FAN_NONBLOCK, MountEvent, MountMonitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter.mounts import MountInfo, MountNamespace


class AnyMountMonitor(AnyQueue[MountMonitor, MountEvent]):
    """The part of ``MountMonitor_async`` that is the same under each loop."""

    def __init__(self, namespace: MountNamespace = None, flags: int = 0, *, maxsize: int = 0) -> None:
        # MountMonitor itself refuses flags that are not an int
        flags = flags | FAN_NONBLOCK if isinstance(flags, int) else flags
        super().__init__(MountMonitor(namespace, flags), maxsize)

    _source_class = MountMonitor

    @property
    def mounts(self) -> Mapping[int, MountInfo]:
        """The mounts by their ids, as far as events were read from the kernel."""
        return self._source.mounts
