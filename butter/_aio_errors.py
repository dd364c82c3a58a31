"""The meanings of the errnos of aio: of its calls, and of its operations."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from butter._constants.aio import (
    EFD_NONBLOCK,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE,
    IOCB_CMD_PWRITEV,
    RWF_APPEND,
    RWF_NOAPPEND,
    AioTransfer,
)
from butter.errors import (
    BAD_DESCRIPTOR,
    MOVING,
    NEW_ANONYMOUS,
    NO_MEMORY,
    Errors,
    InternalError,
    InvalidArgument,
    NoMoreEvents,
    newer_than_kernel,
    raise_sysctl,
    reading,
    sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter.errors import Meaning

#: how many operations a context may be made for: the kernel doubles the number, and its
#: ring of events has at most 256 MiB
MOST = 0x10000000 // 32 // 2

_TRANSFER_FLAGS = sum(AioTransfer)
#: the operations that read or write buffers
TRANSFERS = {IOCB_CMD_PREAD, IOCB_CMD_PWRITE, IOCB_CMD_PREADV, IOCB_CMD_PWRITEV}

_MISSING: Meaning = (
    OSError,
    "the system call is missing: the kernel was built without CONFIG_AIO, or a seccomp filter hides it",
)
_OUTSIDE: Meaning = (InternalError, "an argument is not in the memory of this process")


def _contexts_exhausted(nr_events: int = 0, **_: object) -> str:
    used = sysctl("fs.aio-nr")
    beside = "" if used is None else f" beside the {used} of other contexts"
    limit = raise_sysctl("fs.aio-max-nr", missing=nr_events)
    return f"the system has no room for a context of {nr_events} operations{beside}: {limit}"


def _setup_refused(nr_events: int, **_: object) -> str:
    if 0 < nr_events <= MOST:
        return "the kernel, or a seccomp filter, refuses a context"
    return f"a context is for 1 to {MOST} operations, not for {nr_events}"


def _not_a_context(context: int) -> str:
    return f"{context:#x} is not a context of this process: it was destroyed, or made by the parent of this process"


def _submit_refused(context: int = 0, count: int = 0, **_: object) -> str:
    if count < 0:
        return f"the number of operations is {count}; it must not be negative"
    return (
        f"{_not_a_context(context)}; or the first operation is not one that the kernel knows, or its fields are wrong"
    )


def _events_refused(context: int, min_nr: int, nr: int, **_: object) -> str:
    if not 0 <= min_nr <= nr:
        return f"min_nr is {min_nr} and nr is {nr}; min_nr must not be negative, nor nr below it"
    return _not_a_context(context)


SETUP = Errors(
    "io_setup",
    {
        errno.EAGAIN: (BlockingIOError, _contexts_exhausted),
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (InvalidArgument, _setup_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSYS: _MISSING,
    },
)
SUBMIT = Errors(
    "io_submit",
    {
        errno.EACCES: MOVING[errno.EACCES],
        errno.EAGAIN: (BlockingIOError, "the context has no room: take events by io_getevents, and submit again"),
        errno.EBADF: (InvalidArgument, "the descriptor of the first operation is not open, or not open for this use"),
        errno.EFAULT: (InvalidArgument, "the first operation, or its buffer, is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _submit_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSYS: _MISSING,
        errno.EOPNOTSUPP: (OSError, "the kernel, or the file of the first operation, does not support its flags"),
        errno.EOVERFLOW: MOVING[errno.EOVERFLOW],
        errno.EPERM: (PermissionError, "a realtime priority needs CAP_SYS_ADMIN, or a seccomp filter is in the way"),
    },
)
_TAKING: Mapping[int, Meaning] = {
    errno.EFAULT: _OUTSIDE,
    errno.EINVAL: (InvalidArgument, _events_refused),
    errno.ENOSYS: _MISSING,
}
GETEVENTS = Errors("io_getevents", _TAKING)
PGETEVENTS = Errors(
    "io_pgetevents",
    {
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (InvalidArgument, _events_refused),
        errno.EINTR: (InterruptedError, "a signal that sigmask lets through was handled"),
    },
    since="4.18",
)
CANCEL = Errors(
    "io_cancel",
    {
        errno.EAGAIN: (BlockingIOError, "the operation cannot be cancelled at this moment"),
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (
            InvalidArgument,
            "the operation is complete, was never submitted, or is of a kind that cannot be cancelled, as a read of"
            " a disk; or the context is not one of this process",
        ),
        errno.ENOSYS: _MISSING,
    },
)
DESTROY = Errors(
    "io_destroy",
    {
        errno.EFAULT: _OUTSIDE,
        errno.EINVAL: (InvalidArgument, lambda context, **_: _not_a_context(context)),
        errno.ENOSYS: _MISSING,
    },
)

# of the object


def _flags_refused(flags: int, **_: object) -> str:
    return f"the only flag is EFD_NONBLOCK, not {flags & ~EFD_NONBLOCK:#x}"


EVENTFD = Errors("eventfd of an Aio", {**NEW_ANONYMOUS, errno.EINVAL: (InvalidArgument, _flags_refused)})
EVENTS = Errors(
    "read of the events of an Aio",
    {
        **reading("that of an Aio", "no operation is complete"),
        errno.ENODATA: (NoMoreEvents, "no operation is queued or under way, so waiting would never end"),
    },
)


def _transfer_refused(fd: int, offset: int, flags: int, count: int) -> str:
    most = os.sysconf("SC_IOV_MAX")
    if count > most:
        return f"there are {count} buffers; one operation takes at most {most}"
    if offset < 0:
        return f"offset is {offset}; it must not be negative"
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        return "RWF_APPEND and RWF_NOAPPEND exclude each other"
    try:
        mode, status = os.fstat(fd).st_mode, fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:
        mode = status = 0
    if stat.S_ISDIR(mode):
        return f"descriptor {fd} is a directory"
    if status & os.O_DIRECT:
        return (
            f"descriptor {fd} is open with O_DIRECT: its disk wants a buffer, an offset and a length that are multiples"
            " of its block, of 512 or 4096 bytes; aligned_buffer() makes such buffers"
        )
    return (
        f"descriptor {fd} is of a kind that cannot be read or written like this, or its file demands multiples of a"
        " block, as with RWF_ATOMIC, or the offset and the length together are past the largest offset"
    )


def _refused(fd: int, operation: int, offset: int, flags: int, count: int, **_: object) -> str:
    if operation in TRANSFERS:
        return _transfer_refused(fd, offset, flags, count)
    if operation == IOCB_CMD_POLL:
        return "the events are others than those of poll, or this kernel is older than Linux 4.19"
    return (
        f"descriptor {fd} is of a kind without a disk, so there is nothing to sync, or this kernel is older than"
        " Linux 4.18"
    )


def _flags_unsupported(flags: int = 0, **_: object) -> str:
    if flags & ~_TRANSFER_FLAGS:
        return f"unknown flags {flags & ~_TRANSFER_FLAGS:#x}"
    return newer_than_kernel(flags, AioTransfer) or f"the file does not support {AioTransfer(flags)}"


_ANY: Mapping[int, Meaning] = {
    errno.EBADF: BAD_DESCRIPTOR,
    errno.ECANCELED: (OSError, "the operation was cancelled"),
    errno.EINVAL: (InvalidArgument, _refused),
    errno.ENOMEM: NO_MEMORY,
    errno.ENOSYS: _MISSING,
}
_MOVED: Mapping[int, Meaning] = {
    **MOVING,
    **_ANY,
    errno.EFAULT: (InvalidArgument, "the buffer is not in the memory of this process any more"),
    errno.EINTR: (InterruptedError, "a signal interrupted the transfer while it was submitted: queue it again"),
    errno.EOPNOTSUPP: (OSError, _flags_unsupported),
}
#: what the completion of a read may have as its error
READ = Errors(
    "read of an Aio",
    {
        **_MOVED,
        errno.EAGAIN: (BlockingIOError, "nothing can be read now without waiting"),
        errno.EISDIR: (IsADirectoryError, "the descriptor is a directory"),
    },
)
WRITE = Errors(
    "write of an Aio",
    {
        **_MOVED,
        errno.EAGAIN: (BlockingIOError, "nothing can be written now without waiting"),
        errno.EPERM: (
            PermissionError,
            "a seal of the memfd, an immutable file, a security module or a seccomp filter does not allow it",
        ),
        errno.EPIPE: (BrokenPipeError, "the pipe or connection does not have a reader any more"),
    },
)
SYNC = Errors(
    "sync of an Aio",
    {
        **_ANY,
        errno.EDQUOT: MOVING[errno.EDQUOT],
        errno.EIO: (OSError, "the device failed to write what was written before"),
        errno.ENOSPC: MOVING[errno.ENOSPC],
        errno.EROFS: (OSError, "the filesystem is read-only"),
    },
)
POLL = Errors("poll of an Aio", _ANY)
