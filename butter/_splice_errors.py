"""The errors of splice, tee and copy: which descriptor they are about, and why."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
from typing import TYPE_CHECKING

from butter._arguments import ACCESS_MODE, O_PATH
from butter._constants.splice import SpliceFlags
from butter.errors import MOVING, NEW_DESCRIPTOR, NO_MEMORY, Errors, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from butter.errors import Meaning


class NoReader(BrokenPipeError, ValueError):
    """The pipe or connection that was written to has no reader any more."""


# for the C function: no offset, so the file's own position
OWN = -(1 << 63)
_FLAGS = sum(SpliceFlags)
# PyPy does not have these constants
_F_GET_SEALS, _F_SEAL_SEAL = 1034, 1
_ONE_PIPE = "the descriptors are the two ends of one pipe"


def _asked(call: Callable[..., int], *arguments: int) -> int | None:
    """Return what *call* returns for a descriptor, None where it fails."""
    try:
        return call(*arguments)
    except (OSError, ValueError):
        return None


def _access(fd: int) -> int | None:
    """Return what the descriptor is open for, as O_RDONLY and its like.

    None if it is not open at all.
    """
    flags = _asked(fcntl.fcntl, fd, fcntl.F_GETFL)
    return None if flags is None or flags & O_PATH else flags & ACCESS_MODE


def _appends(fd: int) -> bool:
    return bool((_asked(fcntl.fcntl, fd, fcntl.F_GETFL) or 0) & os.O_APPEND)


def _not_open(fd_in: int = -1, fd_out: int = -1, **_: object) -> str:
    reads, writes = _access(fd_in), _access(fd_out)
    source = f"descriptor {fd_in} is not open for reading" if reads is not None else f"descriptor {fd_in} is not open"
    target = (
        f"descriptor {fd_out} is not open for writing" if writes is not None else f"descriptor {fd_out} is not open"
    )
    if reads == os.O_WRONLY and writes == os.O_RDONLY:
        return f"{source}; {target}; pass the source first, then the target"
    if reads in (None, os.O_WRONLY) and writes in (None, os.O_RDONLY):
        return f"{source}; {target}"
    if reads in (None, os.O_WRONLY):
        return source
    if writes in (None, os.O_RDONLY):
        return target
    return f"descriptor {fd_in} or descriptor {fd_out} was closed meanwhile"


def _is_pipe(fd: int) -> bool:
    return stat.S_ISFIFO(_asked(lambda: os.fstat(fd).st_mode) or 0)


def _same_file(fd_in: int, fd_out: int) -> bool:
    return bool(_asked(os.path.sameopenfile, fd_in, fd_out))


def _pipes_refused(fd_in: int, fd_out: int, flags: int) -> str | None:
    """Return a sentence for what splice and tee both refuse, or None."""
    if flags & ~_FLAGS:
        return f"unknown flags {flags & ~_FLAGS:#x}"
    if _is_pipe(fd_in) and _same_file(fd_in, fd_out):
        return _ONE_PIPE
    return None


def _without_a_pipe(fd_in: int, fd_out: int) -> str:
    return f"neither descriptor {fd_in} nor descriptor {fd_out} is a pipe; butter.splice.copy() does not need one"


def _splice_refused(
    fd_in: int = -1, fd_out: int = -1, in_offset: int = 0, out_offset: int = 0, flags: int = 0, **_: object
) -> str:
    refused = _pipes_refused(fd_in, fd_out, flags)
    if refused:
        return refused
    if not _is_pipe(fd_in) and not _is_pipe(fd_out):
        return _without_a_pipe(fd_in, fd_out)
    if _appends(fd_out):
        return f"descriptor {fd_out} is open with O_APPEND, so only write() can append to it"
    for name, offset in ("in_offset", in_offset), ("out_offset", out_offset):
        if OWN < offset < 0:
            return f"the offset {name} is {offset}; it must not be negative"
    return f"descriptor {fd_out if _is_pipe(fd_in) else fd_in} is of a kind that cannot be spliced"


def _tee_refused(fd_in: int = -1, fd_out: int = -1, flags: int = 0, **_: object) -> str:
    refused = _pipes_refused(fd_in, fd_out, flags)
    if refused:
        return refused
    if not _is_pipe(fd_in) and not _is_pipe(fd_out):
        return _without_a_pipe(fd_in, fd_out)
    return f"descriptor {fd_out if _is_pipe(fd_in) else fd_in} is not a pipe; butter.splice.copy() does not need one"


def _copy_refused(fd_in: int = -1, fd_out: int = -1, out_offset: int | None = None, **_: object) -> str:
    if out_offset is not None and _appends(fd_out):
        return f"descriptor {fd_out} is open with O_APPEND, so it takes no offset"
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 0:
        return "RLIMIT_NOFILE is 0, so the kernel does not let this process wait for a descriptor"
    if _same_file(fd_in, fd_out):
        return _ONE_PIPE if _is_pipe(fd_in) else "the two ranges of the file overlap"
    # reading into no buffer takes nothing, and fails for files that cannot be read
    # (PyPy has no readv)
    if _asked(lambda: os.readv(fd_in, []) if hasattr(os, "readv") else len(os.read(fd_in, 0))) is None:
        return f"descriptor {fd_in} is of a kind that cannot be read"
    return f"descriptor {fd_out} is of a kind that cannot be written"


def _no_offset(
    fd_in: int = -1, fd_out: int = -1, in_offset: int | None = None, out_offset: int | None = None, **_: object
) -> str:
    name, fd = "in_offset", fd_in
    if in_offset in (None, OWN) or (
        out_offset not in (None, OWN) and _asked(os.lseek, fd_in, 0, os.SEEK_CUR) is not None
    ):
        name, fd = "out_offset", fd_out
    return f"descriptor {fd} is a pipe, socket or terminal and has no offset: leave {name} at None (0 is an offset too)"


def _not_allowed(fd_out: int = -1, **_: object) -> str:
    if (_asked(fcntl.fcntl, fd_out, _F_GET_SEALS) or 0) & ~_F_SEAL_SEAL:
        return f"descriptor {fd_out} is a memfd whose seals do not allow it"
    return "an immutable file, a security module or a seccomp filter does not allow it"


_PIPES: Mapping[int, Meaning] = {
    errno.EAGAIN: (BlockingIOError, "nothing can be moved now: the input is empty, or the output is full"),
    errno.EBADF: (InvalidArgument, _not_open),
    errno.ENOMEM: NO_MEMORY,
    errno.EPERM: (PermissionError, _not_allowed),
    errno.EPIPE: (NoReader, "the target has no reader any more"),
}
_FILES: Mapping[int, Meaning] = {**_PIPES, **MOVING, errno.ESPIPE: (InvalidArgument, _no_offset)}
SPLICE = Errors("splice", {**_FILES, errno.EINVAL: (InvalidArgument, _splice_refused)}, since="2.6.17")
TEE = Errors("tee", {**_PIPES, errno.EINVAL: (InvalidArgument, _tee_refused)}, since="2.6.17")
COPY = Errors(
    "copy",
    {
        **NEW_DESCRIPTOR,
        **_FILES,
        errno.EINVAL: (InvalidArgument, _copy_refused),
        errno.EISDIR: (IsADirectoryError, "a directory has no bytes to copy"),
        errno.ENOSYS: (OSError, "a seccomp filter hides read() or write()"),
    },
)
