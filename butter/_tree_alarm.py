"""The alarm of a tree, which wakes the program for what has waited for long enough."""

from __future__ import annotations

import time

from butter._timerfd import SETTIME, arm_timer
from butter.timerfd import TFD_NONBLOCK, timerfd
from butter.utils import _close


class Alarm:
    """A timer, whose descriptor is readable from a time on."""

    def __init__(self) -> None:
        self._armed = False
        self._fd = timerfd(flags=TFD_NONBLOCK)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            _close(fd)

    def set(self, when: float | None) -> None:
        """Ring at the ``time.monotonic()`` *when*; None for not at all."""
        if when is None and not self._armed:
            return
        left = 0 if when is None else max(1, int((when - time.monotonic()) * 1e9))
        # before the call: a signal handler may raise after it
        self._armed = True
        armed = arm_timer(self._fd, 0, left, 0).first
        if armed < 0:
            SETTIME.check(armed, fd=self._fd)
        self._armed = when is not None
