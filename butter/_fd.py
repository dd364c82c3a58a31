"""The calls about descriptors of any kind, and their errors."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.fd import *  # noqa: F403
from butter._constants.fd import (
    O_CLOEXEC,
    RWF_APPEND,
    RWF_NOAPPEND,
    FdCloseRange,
    FdTransfer,
)
from butter._descriptor import is_open
from butter._fd_c import ffi, lib
from butter._signals import INTERRUPTED, errno_of, run_handlers
from butter.errors import (
    BAD_DESCRIPTOR,
    MOVING,
    NO_MEMORY,
    Errors,
    InvalidArgument,
    descriptors_exhausted,
    newer_than_kernel,
    raise_sysctl,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor
    from butter.errors import Meaning

#: the largest number that close_range takes
LAST = 2**32 - 1

_CLOSE_RANGE_FLAGS = sum(FdCloseRange)
_TRANSFER_FLAGS = sum(FdTransfer)


def _dup_refused(oldfd: int, newfd: int, flags: int, **_: object) -> str:
    if flags & ~O_CLOEXEC:
        return f"the only flag is O_CLOEXEC, not {flags & ~O_CLOEXEC:#x}"
    return f"oldfd and newfd are both {newfd}"


def _not_duplicated(oldfd: int, newfd: int, **_: object) -> str:
    if not is_open(oldfd):
        return f"descriptor {oldfd} is not open"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"newfd is {newfd}; it must not be negative, and below RLIMIT_NOFILE ('ulimit -n'), which is {most}"


def _range_refused(first: int, last: int, flags: int, **_: object) -> str:
    if flags & ~_CLOSE_RANGE_FLAGS:
        return f"unknown flags {flags & ~_CLOSE_RANGE_FLAGS:#x}"
    if first > last:
        return f"first is {first} and last is {last}; last must not be below first"
    return newer_than_kernel(flags, FdCloseRange) or "the kernel or a seccomp filter refuses it"


def _table_too_large(**_: object) -> str:
    return f"a copy of the table of descriptors would be too large: {raise_sysctl('fs.nr_open')}"


def _not_both_open(a: int, b: int, **_: object) -> str:
    if is_open(a):
        return f"descriptor {b} is not open"
    if is_open(b):
        return f"descriptor {a} is not open"
    return f"neither descriptor {a} nor descriptor {b} is open"


def _refused(fd: int, buffers: Sequence[Buffer], use: str, offset: int, flags: int) -> str:
    most = os.sysconf("SC_IOV_MAX")
    if len(buffers) > most:
        return f"there are {len(buffers)} buffers; one call takes at most {most}"
    if offset < -1:
        return f"offset is {offset}; it must not be negative (-1 is the file's own position)"
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        return "RWF_APPEND and RWF_NOAPPEND exclude each other"
    size = sum(memoryview(buffer).nbytes for buffer in buffers) if offset > 0 else 0
    if offset + size >= 1 << 63:
        return f"offset is {offset}, and with {size} bytes beyond 2**63 - 1, the last place of any file"
    return (
        f"descriptor {fd} is of a kind that cannot be {use}, or wants a larger buffer, as an eventfd does, or its file"
        " demands buffers, offsets and lengths that are multiples of a block, as with O_DIRECT or RWF_ATOMIC"
    )


def _read_refused(fd: int, buffers: Sequence[Buffer], offset: int = -1, flags: int = 0, **_: object) -> str:
    return _refused(fd, buffers, "read", offset, flags)


def _write_refused(fd: int, buffers: Sequence[Buffer], offset: int = -1, flags: int = 0, **_: object) -> str:
    return _refused(fd, buffers, "written", offset, flags)


def _flags_unsupported(flags: int = 0, **_: object) -> str:
    if flags & ~_TRANSFER_FLAGS:
        return f"unknown flags {flags & ~_TRANSFER_FLAGS:#x}"
    return newer_than_kernel(flags, FdTransfer) or f"the file does not support {FdTransfer(flags)}"


def _without_offset(fd: int, **_: object) -> str:
    return f"descriptor {fd} is a pipe, socket or terminal and has no offset: leave it out (0 is an offset too)"


_READING: Mapping[int, Meaning] = {
    **MOVING,
    errno.EAGAIN: (BlockingIOError, "nothing can be read now without waiting"),
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EINVAL: (InvalidArgument, _read_refused),
    errno.EISDIR: (IsADirectoryError, "the descriptor is a directory"),
    errno.ENOMEM: NO_MEMORY,
}
_WRITING: Mapping[int, Meaning] = {
    **MOVING,
    errno.EAGAIN: (BlockingIOError, "nothing can be written now without waiting"),
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EINVAL: (InvalidArgument, _write_refused),
    errno.ENOMEM: NO_MEMORY,
    errno.EPERM: (
        PermissionError,
        "a seal of the memfd, an immutable file, a security module or a seccomp filter does not allow it",
    ),
    errno.EPIPE: (BrokenPipeError, "the pipe or connection does not have a reader any more"),
}
_AT_AN_OFFSET: Mapping[int, Meaning] = {
    errno.EOPNOTSUPP: (OSError, _flags_unsupported),
    errno.ESPIPE: (InvalidArgument, _without_offset),
}

DUP3 = Errors(
    "dup3",
    {
        errno.EBADF: (InvalidArgument, _not_duplicated),
        errno.EBUSY: (OSError, "another thread is opening a file with the number newfd at this moment"),
        errno.EINTR: (InterruptedError, "a signal interrupted the call"),
        errno.EINVAL: (InvalidArgument, _dup_refused),
        errno.EMFILE: (OSError, descriptors_exhausted),
        errno.ENOMEM: NO_MEMORY,
    },
)
CLOSE_RANGE = Errors(
    "close_range",
    {
        errno.EINVAL: (InvalidArgument, _range_refused),
        errno.EMFILE: (OSError, _table_too_large),
        errno.ENOMEM: NO_MEMORY,
    },
    since="5.9",
)
SAME = Errors(
    "same_open_file",
    {
        errno.EBADF: (InvalidArgument, _not_both_open),
        errno.ENOSYS: (
            OSError,
            "open files cannot be compared: this kernel is older than Linux 6.10, and was built without kcmp, or a "
            "seccomp filter hides it",
        ),
    },
)
READV = Errors("readv", _READING)
WRITEV = Errors("writev", _WRITING)
PREADV2 = Errors("preadv2", {**_READING, **_AT_AN_OFFSET})
PWRITEV2 = Errors("pwritev2", {**_WRITING, **_AT_AN_OFFSET})


def dup3(oldfd: FileDescriptor, newfd: FileDescriptor, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``dup3(oldfd, newfd, flags)``: makes *newfd* a duplicate of *oldfd*.

    It returns *newfd*. A file that had this number is closed in the same step, so no
    other thread can get the number in between; an object that owns the number owns the
    duplicate now. *flags* are FdDup's, and *closefd* adds ``O_CLOEXEC``:
    ``closefd=False`` leaves the duplicate to programs that the process executes.

    Raises InvalidArgument if *oldfd* is not open, *newfd* is the same or beyond
    RLIMIT_NOFILE, or for other flags, and OSError (EBUSY) while another thread opens a
    file with this number.

    Linux 2.6.27, :manpage:`dup(2)`.
    """
    flags = integer(flags, -32, "flags")
    if closefd:
        flags |= O_CLOEXEC
    old, new = fileno(oldfd), fileno(newfd)
    result = lib.dup3(old, new, flags)
    return result if result >= 0 else DUP3.check(result, oldfd=old, newfd=new, flags=flags)


def close_range(first: int, last: int = LAST, flags: int = 0) -> None:
    """``close_range(first, last, flags)``: closes the descriptors *first* to *last*.

    Both are included, and numbers that are not open are left out. *flags* are
    FdCloseRange's: ``CLOSE_RANGE_CLOEXEC`` sets close-on-exec instead, and
    ``CLOSE_RANGE_UNSHARE`` gives this thread a table of descriptors of its own first.

    Objects do not learn that their numbers are closed. So use it before a program is
    executed, and not in one that goes on.

    Raises InvalidArgument for other flags, or if *last* is below *first*, OutOfMemory,
    and OSError (ENOSYS) on older kernels.

    Linux 5.9, and 5.11 for ``CLOSE_RANGE_CLOEXEC``; :manpage:`close_range(2)`.
    """
    first, last = integer(first, 32, "first"), integer(last, 32, "last")
    # C takes the flags as unsigned; in Python ~CLOSE_RANGE_CLOEXEC is negative
    flags = integer(flags, -32 if flags < 0 else 32, "flags") & 0xFFFFFFFF
    result = lib.close_range(first, last, flags)
    if result < 0:
        CLOSE_RANGE.check(result, first=first, last=last, flags=flags)


def same_open_file(a: FileDescriptor, b: FileDescriptor) -> bool:
    """``fcntl(a, F_DUPFD_QUERY, b)``: returns whether both are of one open file.

    Duplicates share an open file, with its position and its status flags, also over a
    fork. Two descriptors of a file that was opened twice do not; compare their
    :func:`os.fstat` to find that. Kernels without the query are asked by ``kcmp``.

    Raises InvalidArgument if a descriptor is not open, and OSError (ENOSYS, EPERM)
    where the kernel can do neither, or a filter forbids it.

    Linux 6.10, or 3.5 with CONFIG_KCMP; :manpage:`fcntl(2)`, :manpage:`kcmp(2)`.
    """
    first, second = fileno(a), fileno(b)
    result = lib.same_open_file(first, second)
    return (result if result >= 0 else SAME.check(result, a=first, b=second)) == 1


def _view(buffer: Buffer, writable: bool) -> Any:
    view: Callable[..., Any] = ffi.from_buffer
    try:
        return view("char[]", buffer, writable)
    except TypeError:
        # PyPy's error for a buffer that cannot be written too
        if writable and memoryview(buffer).readonly:
            raise BufferError(f"a buffer of type {type(buffer).__name__} cannot be written") from None
        raise


def _by_c(call: str, writable: bool, fd: int, buffers: Sequence[Buffer], *rest: int) -> int:
    """Make a vectored call through cffi, and return its result.

    It is -1 - errno where the call fails.
    """
    with ExitStack() as stack:
        views = [stack.enter_context(_view(buffer, writable)) for buffer in buffers]
        vector = ffi.new("struct iovec[]", [(view, len(view)) for view in views])
        while (result := getattr(lib, call)(fd, vector, len(views), *rest)) == INTERRUPTED:
            run_handlers()
        return int(result)


#: the vectored calls by the names that :mod:`os` has for them
BY_C: Mapping[str, Callable[..., int]] = {
    "readv": partial(_by_c, "readv", True),
    "writev": partial(_by_c, "writev", False),
    "preadv": partial(_by_c, "preadv2", True),
    "pwritev": partial(_by_c, "pwritev2", False),
}

# CPython's own builtins make the vector in half the time that cffi takes. PyPy does not
# have them, and a C library without preadv2 leaves the flags out.
_readv: Callable[..., int] = getattr(os, "readv", BY_C["readv"])
_writev: Callable[..., int] = getattr(os, "writev", BY_C["writev"])
_preadv: Callable[..., int] = os.preadv if hasattr(os, "RWF_HIPRI") else BY_C["preadv"]
_pwritev: Callable[..., int] = os.pwritev if hasattr(os, "RWF_HIPRI") else BY_C["pwritev"]


def _failed(error: OSError | OverflowError, fd: int, offset: int = -1, flags: int = 0) -> int:
    """Return -1 - errno; raise the ValueError for a number that C cannot hold."""
    if isinstance(error, OSError):
        return -1 - errno_of(error)
    fileno(fd)
    integer(offset, -64, "offset")
    integer(flags, -32, "flags")
    raise error


def readv(fd: FileDescriptor, buffers: Sequence[Buffer]) -> int:
    """``readv(fd, iov, iovcnt)``: reads into one buffer after the other.

    It returns how many bytes were read, 0 at the end of the input. *buffers* is a
    sequence of buffers that can be written, of which one call takes up to
    ``os.sysconf("SC_IOV_MAX")``. The bytes go straight to them. On PyPy
    another thread must not resize a buffer meanwhile; CPython refuses that itself.

    Waits, or raises BlockingIOError if the descriptor is non-blocking. Raises
    InvalidArgument (the descriptor is not open for reading, or of a kind that cannot be
    read; there are too many buffers), IsADirectoryError, BufferError for a buffer
    that cannot be written, OSError for the errors of files and sockets.

    :manpage:`readv(2)`.
    """
    number = fd if type(fd) is int else fileno(fd)
    try:
        result = _readv(number, buffers)
    except (OSError, OverflowError) as error:
        result = _failed(error, number)
    return result if result >= 0 else READV.check(result, fd=number, buffers=buffers)


def read_into(fd: FileDescriptor, buffer: Buffer, offset: int | None = None) -> int:
    """``read(fd, buffer, len(buffer))``: returns how many bytes came into *buffer*.

    *buffer* is a bytearray, memoryview, mmap or any other buffer that can be written.
    The kernel puts the bytes straight into it, where ``os.read`` makes new bytes each
    time. *offset* is where a file is read, and its own position stays as it is; None
    means at its own position, which then moves. A result of 0 means the end of the
    input, unless the buffer is empty; a part of a buffer is
    ``memoryview(buffer)[start:]``.

    Waits and raises as :func:`readv` does, and as :func:`preadv2` with an *offset*:
    errors have the names of these calls.

    :manpage:`readv(2)`.
    """
    if offset is not None:
        return preadv2(fd, (buffer,), integer(offset, 63, "offset"))
    return readv(fd, (buffer,))


def writev(fd: FileDescriptor, buffers: Sequence[Buffer]) -> int:
    """``writev(fd, iov, iovcnt)``: writes one buffer after the other.

    It returns how many bytes were written, which may be fewer than there are. *buffers*
    is a sequence of bytes or other buffers, of which one call takes up to
    ``os.sysconf("SC_IOV_MAX")``. They are not joined first.

    Waits, or raises BlockingIOError if the descriptor is non-blocking. Raises
    InvalidArgument (the descriptor is not open for writing, or of a kind that cannot be
    written; there are too many buffers), BrokenPipeError, PermissionError where a seal
    forbids it, OSError for the errors of files and sockets.

    :manpage:`writev(2)`.
    """
    number = fd if type(fd) is int else fileno(fd)
    try:
        result = _writev(number, buffers)
    except (OSError, OverflowError) as error:
        result = _failed(error, number)
    return result if result >= 0 else WRITEV.check(result, fd=number, buffers=buffers)


def _at_offset(
    call: Callable[..., int], errors: Errors, fd: FileDescriptor, buffers: Sequence[Buffer], offset: int, flags: int
) -> int:
    number = fd if type(fd) is int else fileno(fd)
    if offset.__class__ is not int or flags.__class__ is not int:
        # some builtins take a float, or any object with __index__
        offset, flags = integer(offset, -64, "offset"), integer(flags, -32, "flags")
    try:
        result = call(number, buffers, offset, flags)
    except (OSError, OverflowError) as error:
        result = _failed(error, number, offset, flags)
    if result >= 0:
        return result
    return errors.check(result, fd=number, buffers=buffers, offset=offset, flags=flags)


def preadv2(fd: FileDescriptor, buffers: Sequence[Buffer], offset: int = -1, flags: int = 0) -> int:
    """``preadv2(fd, iov, iovcnt, offset, flags)``: reads at an offset, into buffers.

    It returns how many bytes were read. *offset*, in bytes, is where the file is read,
    and its own position stays as it is; -1 means at its own position, which then moves.
    *flags* are FdTransfer's: with ``RWF_NOWAIT`` the call does not wait for a disk.

    Raises what :func:`readv` does, InvalidArgument (ESPIPE) for an offset of a pipe or
    socket, and OSError (EOPNOTSUPP) for flags that the kernel or the file does not
    know.

    Linux 4.6, :manpage:`preadv2(2)`.
    """
    return _at_offset(_preadv, PREADV2, fd, buffers, offset, flags)


def pwritev2(fd: FileDescriptor, buffers: Sequence[Buffer], offset: int = -1, flags: int = 0) -> int:
    """``pwritev2(fd, iov, iovcnt, offset, flags)``: writes buffers at an offset.

    It returns how many bytes were written. *offset*, in bytes, is where the file is
    written, and its own position stays as it is; -1 means at its own position, which
    then moves. *flags* are FdTransfer's.

    Raises what :func:`writev` does, InvalidArgument (ESPIPE) for an offset of a pipe or
    socket, and OSError (EOPNOTSUPP) for flags that the kernel or the file does not
    know.

    Linux 4.6, :manpage:`pwritev2(2)`.
    """
    return _at_offset(_pwritev, PWRITEV2, fd, buffers, offset, flags)
