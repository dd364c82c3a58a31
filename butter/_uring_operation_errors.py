"""The meanings of the errnos that requests of io_uring complete with.

There is a table for each kind of request. The sentences of an exception begin with the
name of the method that queued the request.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter.errors import MOVING, NEW_DESCRIPTOR, NO_MEMORY, PATH, Errors, InvalidArgument, OutOfMemory, files_exhausted

if TYPE_CHECKING:
    from butter.errors import Meaning

#: rows of each request
_EVERY: dict[int, Meaning] = {
    errno.EACCES: (PermissionError, "a restriction of the ring or a security module does not allow it"),
    errno.EAGAIN: (BlockingIOError, "the descriptor is non-blocking and not ready, or the kernel lacks memory now"),
    errno.EBADF: (InvalidArgument, "the descriptor is not open, or not open for this use"),
    errno.ECANCELED: (OSError, "the request was cancelled, or one that it was linked to has failed"),
    errno.EFAULT: (InvalidArgument, "the memory of the request cannot be used"),
    errno.EINTR: (InterruptedError, "the request was cancelled while it was under way"),
    errno.EINVAL: (
        InvalidArgument,
        "the kernel refuses an argument, does not have this for such a file, or is too old for the request",
    ),
    errno.ENOMEM: NO_MEMORY,
    errno.EOPNOTSUPP: (OSError, "the file does not support this"),
    errno.EPERM: (PermissionError, "a privilege is missing, or a seal or flag of the file does not allow it"),
}
_TRANSFER: dict[int, Meaning] = {
    **MOVING,
    **_EVERY,
    errno.EISDIR: (IsADirectoryError, "the descriptor is that of a directory"),
    errno.EPIPE: (BrokenPipeError, "the other end is closed"),
}

FILES = Errors(
    "request for a file",
    {
        **_TRANSFER,
        errno.ENOBUFS: (OutOfMemory, "the group has no buffer left: make events of those that were used"),
        errno.EROFS: (OSError, "the filesystem is read-only"),
        errno.ESPIPE: (OSError, "a pipe or socket does not have offsets: leave the offset out"),
    },
    since="5.1",
)
PATHS = Errors(
    "request for a path",
    {
        **PATH,
        **_EVERY,
        **NEW_DESCRIPTOR,
        errno.E2BIG: (InvalidArgument, "the value, or the struct, is larger than the kernel allows"),
        errno.EACCES: (PermissionError, "no permission for the path, or for a directory of it"),
        errno.EBUSY: (OSError, "the file is in use, as a mount point or by the kernel"),
        errno.EDQUOT: MOVING[errno.EDQUOT],
        errno.EEXIST: (FileExistsError, "the path exists already"),
        errno.EFBIG: (OSError, "the file is too large to be opened"),
        errno.EISDIR: (IsADirectoryError, "the path is a directory"),
        errno.EMLINK: (OSError, "the file has as many links as the filesystem allows"),
        errno.ENODATA: (OSError, "the file does not have this attribute"),
        errno.ENODEV: MOVING[errno.ENODEV],
        errno.ENOSPC: (OSError, "the filesystem is full"),
        errno.ENOTEMPTY: (OSError, "the directory is not empty"),
        errno.ENXIO: (OSError, "nothing reads the fifo, or the device is gone"),
        errno.EOVERFLOW: (OSError, "the file is too large for this"),
        errno.ERANGE: (InvalidArgument, "the value is larger than the size that was asked for"),
        errno.EROFS: (OSError, "the filesystem is read-only"),
        errno.ETXTBSY: MOVING[errno.ETXTBSY],
        errno.EXDEV: (OSError, "the paths are on different filesystems, or leave the directory"),
    },
    since="5.6",
)
SOCKETS = Errors(
    "request for a socket",
    {
        **_TRANSFER,
        **NEW_DESCRIPTOR,
        errno.EADDRINUSE: (OSError, "the address is in use"),
        errno.EADDRNOTAVAIL: (OSError, "the address is not one of this machine, or no port is left"),
        errno.EAFNOSUPPORT: (InvalidArgument, "the address, or the family, is not supported"),
        errno.EALREADY: (OSError, "the socket is connecting already"),
        errno.EINPROGRESS: (BlockingIOError, "the connection is being made"),
        errno.EISCONN: (OSError, "the socket is connected already"),
        errno.ELOOP: PATH[errno.ELOOP],
        errno.ENOBUFS: (OutOfMemory, "the network, or the group, has no buffer left"),
        errno.ENOENT: (FileNotFoundError, "the path of the address does not exist"),
        errno.ENOPROTOOPT: (InvalidArgument, "the socket does not have this option"),
        errno.ENOTDIR: (NotADirectoryError, "a part of the path of the address is not a directory"),
        errno.ENOTSOCK: (InvalidArgument, "the descriptor is not that of a socket"),
        errno.EPROTO: (OSError, "the protocol has failed"),
        errno.EPROTONOSUPPORT: (InvalidArgument, "the family does not have this protocol"),
        errno.EPROTOTYPE: (InvalidArgument, "the socket, or the peer, is of another type"),
        errno.EROFS: (OSError, "the filesystem of the address is read-only"),
        errno.ESOCKTNOSUPPORT: (InvalidArgument, "the family does not have sockets of this type"),
    },
    since="5.3",
)
WAITS = Errors(
    "request that waits",
    {
        **_EVERY,
        errno.EALREADY: (OSError, "the request is under way, and may not be cancelled any more"),
        errno.EBADFD: (InvalidArgument, "the descriptor is not that of a ring, or the other ring is disabled"),
        errno.ECHILD: (ChildProcessError, "there is no such child"),
        errno.EEXIST: (FileExistsError, "the descriptor is registered already"),
        errno.ELOOP: (InvalidArgument, "epolls would wait for each other in a ring"),
        errno.EMFILE: NEW_DESCRIPTOR[errno.EMFILE],
        errno.ENFILE: (OSError, lambda **_: f"no slot of the registered files is left, or {files_exhausted()}"),
        errno.ENOENT: (FileNotFoundError, "no such request is there: it has completed already"),
        errno.ENOSPC: (OSError, "this user has no registration left: fs.epoll.max_user_watches"),
        errno.EOVERFLOW: (OSError, "the queue of completions of the other ring is full"),
        errno.ETIME: (OSError, "the time is over"),
    },
    since="5.1",
)
