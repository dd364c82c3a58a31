"""The constants of pipe. Written by tools/constants.py from butter/build/pipe.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._pipe_c import lib

__all__ = [
    "F_GETPIPE_SZ",
    "F_SETPIPE_SZ",
    "O_CLOEXEC",
    "O_DIRECT",
    "O_NONBLOCK",
    "O_NOTIFICATION_PIPE",
    "PIPE_BUF",
    "PipeFlags",
]

# the flags of pipe2
#: close both ends when the process executes another program
O_CLOEXEC: Final[int] = lib.O_CLOEXEC
#: reads of an empty pipe, and writes to a full one, fail with EAGAIN
O_NONBLOCK: Final[int] = lib.O_NONBLOCK
#: each write is a packet, which one read takes whole; up to PIPE_BUF bytes
O_DIRECT: Final[int] = lib.O_DIRECT
#: the kernel writes notifications, if it was built with them (Linux 5.8)
O_NOTIFICATION_PIPE: Final[int] = lib.O_NOTIFICATION_PIPE

# commands of fcntl, and a limit
#: set the size of a pipe
F_SETPIPE_SZ: Final[int] = lib.F_SETPIPE_SZ
#: return the size of a pipe
F_GETPIPE_SZ: Final[int] = lib.F_GETPIPE_SZ
#: the most bytes of a write that no other write can tear, and of a packet
PIPE_BUF: Final[int] = lib.PIPE_BUF


class PipeFlags(Flags):
    """The flags of pipe2."""

    CLOEXEC = O_CLOEXEC
    NONBLOCK = O_NONBLOCK
    DIRECT = O_DIRECT
    NOTIFICATION_PIPE = O_NOTIFICATION_PIPE

    __since__ = {
        "O_NOTIFICATION_PIPE": (O_NOTIFICATION_PIPE, "5.8"),
    }
