"""The constants of fd. Written by tools/constants.py from butter/build/fd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._fd_c import lib

__all__ = [
    "CLOSE_RANGE_CLOEXEC",
    "CLOSE_RANGE_UNSHARE",
    "FdCloseRange",
    "FdDup",
    "FdTransfer",
    "O_CLOEXEC",
    "RWF_APPEND",
    "RWF_ATOMIC",
    "RWF_DONTCACHE",
    "RWF_DSYNC",
    "RWF_HIPRI",
    "RWF_NOAPPEND",
    "RWF_NOSIGNAL",
    "RWF_NOWAIT",
    "RWF_SYNC",
]

# the flags of dup3
#: close the duplicate when the process executes another program
O_CLOEXEC: Final[int] = lib.O_CLOEXEC

# the flags of close_range
#: leave the descriptors of what shares them, as threads do: copy the table first
CLOSE_RANGE_UNSHARE: Final[int] = lib.CLOSE_RANGE_UNSHARE
#: close them when the process executes another program, and not now (Linux 5.11)
CLOSE_RANGE_CLOEXEC: Final[int] = lib.CLOSE_RANGE_CLOEXEC

# the flags of preadv2 and pwritev2
#: poll the device for the end of the transfer; for files open with O_DIRECT
RWF_HIPRI: Final[int] = lib.RWF_HIPRI
#: have the bytes on the disk when the call returns, as O_DSYNC does
RWF_DSYNC: Final[int] = lib.RWF_DSYNC
#: have the bytes and the file's metadata on the disk, as O_SYNC does
RWF_SYNC: Final[int] = lib.RWF_SYNC
#: fail with EAGAIN instead of waiting for a disk or a lock (Linux 4.14)
RWF_NOWAIT: Final[int] = lib.RWF_NOWAIT
#: write at the end of the file, whatever the offset (Linux 4.16)
RWF_APPEND: Final[int] = lib.RWF_APPEND
#: write at the offset though the file is open with O_APPEND (Linux 6.9)
RWF_NOAPPEND: Final[int] = lib.RWF_NOAPPEND
#: write all of it or nothing, even if the power fails (Linux 6.11)
RWF_ATOMIC: Final[int] = lib.RWF_ATOMIC
#: leave nothing of the transfer in the page cache (Linux 6.14)
RWF_DONTCACHE: Final[int] = lib.RWF_DONTCACHE
#: send no SIGPIPE to a writer without a reader (Linux 6.18)
RWF_NOSIGNAL: Final[int] = lib.RWF_NOSIGNAL


class FdDup(Flags):
    """The flags of dup3."""

    CLOEXEC = O_CLOEXEC


class FdCloseRange(Flags):
    """The flags of close_range."""

    UNSHARE = CLOSE_RANGE_UNSHARE
    CLOEXEC = CLOSE_RANGE_CLOEXEC

    __since__ = {
        "CLOSE_RANGE_CLOEXEC": (CLOSE_RANGE_CLOEXEC, "5.11"),
    }


class FdTransfer(Flags):
    """The flags of preadv2 and pwritev2."""

    HIPRI = RWF_HIPRI
    DSYNC = RWF_DSYNC
    SYNC = RWF_SYNC
    NOWAIT = RWF_NOWAIT
    APPEND = RWF_APPEND
    NOAPPEND = RWF_NOAPPEND
    ATOMIC = RWF_ATOMIC
    DONTCACHE = RWF_DONTCACHE
    NOSIGNAL = RWF_NOSIGNAL

    __since__ = {
        "RWF_APPEND": (RWF_APPEND, "4.16"),
        "RWF_NOAPPEND": (RWF_NOAPPEND, "6.9"),
        "RWF_ATOMIC": (RWF_ATOMIC, "6.11"),
        "RWF_DONTCACHE": (RWF_DONTCACHE, "6.14"),
        "RWF_NOSIGNAL": (RWF_NOSIGNAL, "6.18"),
    }
