"""The constants of eventfd. Written by tools/constants.py from butter/build/eventfd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._eventfd_c import lib

__all__ = [
    "EFD_CLOEXEC",
    "EFD_NONBLOCK",
    "EFD_SEMAPHORE",
    "EventfdInit",
]

# the flags of eventfd
#: close the descriptor when the process executes another program
EFD_CLOEXEC: Final[int] = lib.EFD_CLOEXEC
#: reads of 0, and writes that would overflow, fail with EAGAIN instead of waiting
EFD_NONBLOCK: Final[int] = lib.EFD_NONBLOCK
#: a read takes 1 from the counter instead of all of it
EFD_SEMAPHORE: Final[int] = lib.EFD_SEMAPHORE


class EventfdInit(Flags):
    """The flags of eventfd."""

    CLOEXEC = EFD_CLOEXEC
    NONBLOCK = EFD_NONBLOCK
    SEMAPHORE = EFD_SEMAPHORE
