"""The constants of aio. Written by tools/constants.py from butter/build/aio.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._aio_c import lib
from butter._enums import Flags, Number

__all__ = [
    "AioCommand",
    "AioFlag",
    "AioInit",
    "AioTransfer",
    "EFD_NONBLOCK",
    "IOCB_CMD_FDSYNC",
    "IOCB_CMD_FSYNC",
    "IOCB_CMD_NOOP",
    "IOCB_CMD_POLL",
    "IOCB_CMD_PREAD",
    "IOCB_CMD_PREADV",
    "IOCB_CMD_PWRITE",
    "IOCB_CMD_PWRITEV",
    "IOCB_FLAG_IOPRIO",
    "IOCB_FLAG_RESFD",
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

# the flags of an Aio
#: reads of events fail with EAGAIN instead of waiting
EFD_NONBLOCK: Final[int] = lib.EFD_NONBLOCK

# the operations
#: read into a buffer, from an offset
IOCB_CMD_PREAD: Final[int] = lib.IOCB_CMD_PREAD
#: write a buffer, at an offset
IOCB_CMD_PWRITE: Final[int] = lib.IOCB_CMD_PWRITE
#: bring a file's bytes and metadata to the disk (Linux 4.18)
IOCB_CMD_FSYNC: Final[int] = lib.IOCB_CMD_FSYNC
#: bring a file's bytes to the disk (Linux 4.18)
IOCB_CMD_FDSYNC: Final[int] = lib.IOCB_CMD_FDSYNC
#: wait once until a file is ready (Linux 4.19)
IOCB_CMD_POLL: Final[int] = lib.IOCB_CMD_POLL
#: nothing; no kernel knows it
IOCB_CMD_NOOP: Final[int] = lib.IOCB_CMD_NOOP
#: read into several buffers
IOCB_CMD_PREADV: Final[int] = lib.IOCB_CMD_PREADV
#: write several buffers
IOCB_CMD_PWRITEV: Final[int] = lib.IOCB_CMD_PWRITEV

# which fields of an iocb count
#: add 1 to an eventfd when the operation is complete
IOCB_FLAG_RESFD: Final[int] = lib.IOCB_FLAG_RESFD
#: the priority counts; by default that of the thread does (Linux 4.18)
IOCB_FLAG_IOPRIO: Final[int] = lib.IOCB_FLAG_IOPRIO

# the flags of reads and writes
#: poll the device for the end of the transfer; for files open with O_DIRECT
RWF_HIPRI: Final[int] = lib.RWF_HIPRI
#: have the bytes on the disk at the completion, as O_DSYNC does
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


class AioInit(Flags):
    """The flags of an Aio."""

    NONBLOCK = EFD_NONBLOCK


class AioCommand(Number):
    """The operations."""

    PREAD = IOCB_CMD_PREAD
    PWRITE = IOCB_CMD_PWRITE
    FSYNC = IOCB_CMD_FSYNC
    FDSYNC = IOCB_CMD_FDSYNC
    POLL = IOCB_CMD_POLL
    NOOP = IOCB_CMD_NOOP
    PREADV = IOCB_CMD_PREADV
    PWRITEV = IOCB_CMD_PWRITEV

    __since__ = {
        "IOCB_CMD_FSYNC": (IOCB_CMD_FSYNC, "4.18"),
        "IOCB_CMD_FDSYNC": (IOCB_CMD_FDSYNC, "4.18"),
        "IOCB_CMD_POLL": (IOCB_CMD_POLL, "4.19"),
    }


class AioFlag(Flags):
    """Which fields of an iocb count."""

    RESFD = IOCB_FLAG_RESFD
    IOPRIO = IOCB_FLAG_IOPRIO

    __since__ = {
        "IOCB_FLAG_IOPRIO": (IOCB_FLAG_IOPRIO, "4.18"),
    }


class AioTransfer(Flags):
    """The flags of reads and writes."""

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
