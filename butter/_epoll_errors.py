"""The meanings of the errnos of epoll."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._constants.epoll import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLWAKEUP,
    EpollMask,
)
from butter._descriptor import is_open, link_of
from butter._epoll_c import ffi
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NO_MEMORY,
    Errors,
    InternalError,
    InvalidArgument,
    raise_sysctl,
)

if TYPE_CHECKING:
    from butter.errors import Meaning

#: how an epoll descriptor is known in ``/proc/self/fd``
LINK = "anon_inode:[eventpoll]"
#: the bytes of an event in the kernel's list
EVENT_SIZE = ffi.sizeof("struct epoll_event")
#: the longest list that the kernel returns: of INT_MAX bytes
MOST = (2**31 - 1) // EVENT_SIZE
# what may stand beside EPOLLEXCLUSIVE
_BESIDE_EXCLUSIVE = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE


def _is_epoll(fd: int) -> bool:
    """Return whether *fd* is an epoll descriptor; True where ``/proc`` does not say."""
    return (link_of(fd) or LINK).startswith(LINK)


def _flags_refused(flags: int, **_: object) -> str:
    return f"the only flag is EPOLL_CLOEXEC, not {flags & ~EPOLL_CLOEXEC:#x}"


def _not_open(epfd: int, fd: int, **_: object) -> str:
    return f"descriptor {fd if epfd >= 0 and is_open(epfd) else epfd} is not open, or only names a file (O_PATH)"


def _refused(epfd: int, op: int, fd: int, events: int, **_: object) -> str:
    if not _is_epoll(epfd):
        return f"descriptor {epfd} is not an epoll descriptor"
    if op not in (EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD):
        return f"the operation must be EPOLL_CTL_ADD, EPOLL_CTL_DEL or EPOLL_CTL_MOD, not {op}"
    if epfd == fd:
        return "an epoll cannot wait for itself"
    if events & EPOLLEXCLUSIVE:
        if op == EPOLL_CTL_MOD:
            return "EPOLLEXCLUSIVE counts only when the descriptor is registered: unregister it first"
        if beside := events & ~_BESIDE_EXCLUSIVE:
            return f"EPOLLEXCLUSIVE does not go with {EpollMask(beside)}"
        return "EPOLLEXCLUSIVE is not for an epoll that waits for an epoll"
    if op == EPOLL_CTL_MOD:
        return f"the events of descriptor {fd} cannot be changed: it was registered with EPOLLEXCLUSIVE"
    return "epolls wait for each other in a ring, or in more than five levels"


def _registrations_exhausted(**_: object) -> str:
    return f"this user has no registration left: {raise_sysctl('fs.epoll.max_user_watches')}"


def _wait_refused(epfd: int, maxevents: int = 1, timeout: object = None, **_: object) -> str:
    if not _is_epoll(epfd):
        return f"descriptor {epfd} is not an epoll descriptor"
    if 0 < maxevents <= MOST:
        return "the kernel, or a seccomp filter, refuses to wait"
    return f"maxevents is {maxevents}; it must be 1 to {MOST}"


CREATE1 = Errors(
    "epoll_create1",
    {**NEW_DESCRIPTOR, errno.EINVAL: (InvalidArgument, _flags_refused)},
    since="2.6.27",
)
CTL = Errors(
    "epoll_ctl",
    {
        errno.EBADF: (InvalidArgument, _not_open),
        errno.EEXIST: (
            FileExistsError,
            lambda fd, **_: f"descriptor {fd} is registered already: EPOLL_CTL_MOD changes its events",
        ),
        errno.EINVAL: (InvalidArgument, _refused),
        errno.ELOOP: (InvalidArgument, "epolls would wait for each other in a ring, or in more than five levels"),
        errno.ENOENT: (FileNotFoundError, lambda fd, **_: f"descriptor {fd} is not registered"),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSPC: (OSError, _registrations_exhausted),
        errno.EPERM: (
            PermissionError,
            lambda fd, **_: f"descriptor {fd} is of a file that is always ready, such as a regular file or directory",
        ),
    },
)
_WAITING: dict[int, Meaning] = {
    errno.EBADF: (InvalidArgument, lambda epfd, **_: f"descriptor {epfd} is not open"),
    errno.EFAULT: (InternalError, "the list of events is not in the memory of this process"),
    errno.EINVAL: (InvalidArgument, _wait_refused),
}
WAIT = Errors("epoll_wait", _WAITING)
_INTERRUPTED: dict[int, Meaning] = {
    errno.EINTR: (
        InterruptedError,
        "a signal that sigmask lets through was handled, or the process was stopped and went on",
    )
}
PWAIT = Errors("epoll_pwait", {**_WAITING, **_INTERRUPTED})
PWAIT2 = Errors("epoll_pwait2", {**_WAITING, **_INTERRUPTED}, since="5.11")


def _no_params(fd: int, **_: object) -> str:
    if not _is_epoll(fd):
        return f"descriptor {fd} is not an epoll descriptor"
    return "the kernel was built without busy polling, or is older than Linux 6.9"


_NO_PARAMS: dict[int, Meaning] = {
    errno.EBADF: BAD_DESCRIPTOR,
    errno.ENOTTY: (OSError, _no_params),
    errno.EOPNOTSUPP: (OSError, _no_params),
}
GET_PARAMS = Errors(
    "EPIOCGPARAMS",
    {**_NO_PARAMS, errno.EINVAL: (InvalidArgument, lambda fd, **_: f"descriptor {fd} is not an epoll descriptor")},
)


def _params_refused(fd: int, **_: object) -> str:
    if not _is_epoll(fd):
        return f"descriptor {fd} is not an epoll descriptor"
    return "busy_poll_usecs must be 0 to 2147483647, and prefer_busy_poll 0 or 1"


SET_PARAMS = Errors(
    "EPIOCSPARAMS",
    {
        **_NO_PARAMS,
        errno.EINVAL: (InvalidArgument, _params_refused),
        errno.EPERM: (PermissionError, "a busy_poll_budget above 64 needs CAP_NET_ADMIN"),
    },
)
READ = Errors(
    "read of an epoll descriptor",
    {
        errno.EAGAIN: (BlockingIOError, "no descriptor is ready"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EFAULT: _WAITING[errno.EFAULT],
        errno.EINVAL: (InvalidArgument, lambda fd, **_: _wait_refused(fd)),
    },
)
