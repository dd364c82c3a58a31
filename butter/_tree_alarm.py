"""The alarm of a tree, which wakes the program for what has waited for long enough."""

from __future__ import annotations

import time

from butter._timerfd import CREATE, SETTIME, arm_timer
from butter._timerfd_c import lib
from butter._tree_part import Part, open_into
from butter.timerfd import CLOCK_MONOTONIC, TFD_CLOEXEC, TFD_NONBLOCK


class Alarm(Part):
    """A timer, whose descriptor is readable from a time on."""

    _armed = False

    def open(self) -> None:
        flags = TFD_NONBLOCK | TFD_CLOEXEC
        fd = open_into(self, lib.timerfd_create, CLOCK_MONOTONIC, flags)
        CREATE.check(fd, clock_type=CLOCK_MONOTONIC, flags=flags)

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
