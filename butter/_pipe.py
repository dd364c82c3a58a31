"""The calls of :manpage:`pipe(2)`, and of :manpage:`fcntl(2)` for sizes of pipes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.pipe import *  # noqa: F403
from butter._constants.pipe import O_CLOEXEC, PipeFlags
from butter._descriptor import get_buffered_length
from butter._look import capable
from butter._pipe_c import ffi, lib
from butter._signals import errno_of
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NO_MEMORY,
    NOT_ALLOWED,
    Errors,
    InvalidArgument,
    files_exhausted,
    newer_than_kernel,
    raise_sysctl,
    sysctl,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor

_CAP_SYS_RESOURCE = 24
_KNOWN_FLAGS = sum(PipeFlags)
_NEITHER = -1, -1


def _flags_refused(flags: int, **_: object) -> str:
    if flags & ~_KNOWN_FLAGS:
        return f"unknown flags {flags & ~_KNOWN_FLAGS:#x}"
    return newer_than_kernel(flags, PipeFlags) or "the kernel or a seccomp filter refuses the flags"


def _no_pipe(**_: object) -> str:
    # 0 means that there is no such limit
    if not sysctl("fs.pipe-user-pages-hard"):
        return files_exhausted()
    return (
        f"{files_exhausted()}; or the pipes of this user have too many pages together: "
        f"{raise_sysctl('fs.pipe-user-pages-hard')}"
    )


def _size_refused(size: int, **_: object) -> str:
    return f"size is {size}; a pipe has at most {1 << 31} bytes"


def _size_not_allowed(size: int, **_: object) -> str:
    if capable(_CAP_SYS_RESOURCE):
        return NOT_ALLOWED
    most = sysctl("fs.pipe-max-size")
    if most is not None and size > most:
        return f"without CAP_SYS_RESOURCE a pipe cannot have {size} bytes: {raise_sysctl('fs.pipe-max-size')}"
    return (
        "without CAP_SYS_RESOURCE the pipes of a user can have only so many pages together: "
        f"{raise_sysctl('fs.pipe-user-pages-soft')}"
    )


def _not_smaller(fd: int, size: int, **_: object) -> str:
    if not _waiting(fd):
        return "the size of a pipe with O_NOTIFICATION_PIPE cannot be set"
    return f"the bytes in the pipe need more room than {size} bytes; read some first"


def _waiting(fd: int) -> int:
    try:
        return get_buffered_length(fd)
    except (OSError, ValueError):
        return 0


def _not_a_pipe(fd: int, **_: object) -> str:
    return f"descriptor {fd} is not open, or not a pipe"


_NOT_A_PIPE = {errno.EBADF: (InvalidArgument, _not_a_pipe)}

PIPE2 = Errors(
    "pipe2",
    {
        **NEW_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _flags_refused),
        errno.ENFILE: (OSError, _no_pipe),
        errno.ENOPKG: (OSError, "this kernel was built without CONFIG_WATCH_QUEUE, which O_NOTIFICATION_PIPE needs"),
    },
)
GET_SIZE = Errors("fcntl(F_GETPIPE_SZ)", _NOT_A_PIPE)
SET_SIZE = Errors(
    "fcntl(F_SETPIPE_SZ)",
    {
        **_NOT_A_PIPE,
        errno.EBUSY: (OSError, _not_smaller),
        errno.EINVAL: (InvalidArgument, _size_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.EPERM: (PermissionError, _size_not_allowed),
    },
)
# Python has these calls already; the tables are for their sentences
READ = Errors(
    "read of a pipe",
    {
        errno.EAGAIN: (BlockingIOError, "the pipe is empty"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ENOBUFS: (OSError, "notifications were lost, because the pipe was full"),
    },
)
WRITE = Errors(
    "write of a pipe",
    {
        errno.EAGAIN: (BlockingIOError, "the pipe is full, or does not have room for a packet or for PIPE_BUF bytes"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ENOMEM: NO_MEMORY,
        errno.EPIPE: (BrokenPipeError, "the pipe does not have a reader any more"),
        errno.EXDEV: (OSError, "only the kernel writes to a pipe with O_NOTIFICATION_PIPE"),
    },
)


def pipe2(flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> tuple[int, int]:
    """``pipe2(fds, flags)``: returns the two descriptors of a new pipe.

    They are ``(reader, writer)``. *flags* are PipeFlags', and *closefd* adds
    ``O_CLOEXEC``. With ``O_DIRECT`` each write of up to ``PIPE_BUF`` bytes is a packet,
    and a read takes one packet; bytes of it that its buffer does not have room for are
    lost. With ``O_NOTIFICATION_PIPE`` the kernel alone writes to the pipe.

    Raises InvalidArgument for other flags, OSError (EMFILE, ENFILE: a limit is reached;
    ENOPKG: the kernel was built without notifications), OutOfMemory.

    Linux 2.6.27, 3.4 for ``O_DIRECT``, 5.8 for ``O_NOTIFICATION_PIPE``;
    :manpage:`pipe(2)`.
    """
    flags = integer(flags, -32, "flags")
    ends = ffi.new("int[2]", _NEITHER)
    try:
        PIPE2.check(lib.pipe2(ends, flags | O_CLOEXEC if closefd else flags), flags=flags)
        return ends[0], ends[1]
    except BaseException:  # of a signal handler too, or for want of memory
        lib.butter_close_ends(ends)
        raise


def get_pipe_size(fd: FileDescriptor) -> int:
    """``fcntl(fd, F_GETPIPE_SZ)``: returns how many bytes a pipe has room for.

    *fd* is either end. Each write begins on a page of its own unless the last one has
    room, so a pipe may be full with fewer bytes.

    Raises InvalidArgument (EBADF) if *fd* is not a pipe.

    Linux 2.6.35, :manpage:`fcntl(2)`.
    """
    number = fileno(fd)
    size = lib.get_pipe_size(number)
    return size if size >= 0 else GET_SIZE.check(size, fd=number)


def set_pipe_size(fd: FileDescriptor, size: int) -> int:
    """``fcntl(fd, F_SETPIPE_SZ, size)``: sets the size, and returns the new one.

    *fd* is either end. The kernel rounds *size*, in bytes, up to a power of two of
    pages; 0 means one page.

    Raises InvalidArgument if *fd* is not a pipe, or for a *size* above 2**31,
    PermissionError for one above ``fs.pipe-max-size`` without CAP_SYS_RESOURCE, OSError
    (EBUSY) where the bytes in the pipe need more room, OutOfMemory.

    Linux 2.6.35, :manpage:`fcntl(2)`.
    """
    number, size = fileno(fd), integer(size, 32, "size")
    result = lib.set_pipe_size(number, size)
    return result if result >= 0 else SET_SIZE.check(result, fd=number, size=size)


def read(fd: int, count: int) -> bytes:
    """``read(fd, buffer, count)``: returns at most *count* bytes.

    Raises what the table READ says.
    """
    try:
        return os.read(fd, count)
    except OSError as error:
        number = errno_of(error)
    READ.fail(number, fd=fd)


def write(fd: int, content: Buffer) -> int:
    """``write(fd, content)``: returns how many bytes fitted; raises as WRITE says."""
    try:
        return os.write(fd, content)
    except OSError as error:
        number = errno_of(error)
    WRITE.fail(number, fd=fd)
