"""Answering system calls, under whichever event loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter._awaitables._awaitable import forward
from butter._awaitables._queue import AnyQueue
from butter.seccomp import Listener, Notification

if TYPE_CHECKING:
    from butter.seccomp import Filter


class AnyListener(AnyQueue[Listener, Notification]):
    """The part of ``Listener_async`` that is the same under each loop."""

    def __init__(self, filter: Filter, flags: int = 0, *, sync_wake_up: bool = False, maxsize: int = 0) -> None:
        listener = Listener(filter, flags, sync_wake_up=sync_wake_up)
        try:
            os.set_blocking(listener.fileno(), False)
        except BaseException:
            listener.close()
            raise
        super().__init__(listener, maxsize)

    _source_class = Listener

    set_flags = forward(Listener.set_flags)
