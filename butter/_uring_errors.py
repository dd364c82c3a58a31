"""The meanings of the errnos of io_uring's calls."""

from __future__ import annotations

import errno
import functools
import operator
import resource
from typing import TYPE_CHECKING

from butter._constants.uring import (
    IORING_ENTER_GETEVENTS,
    IORING_REGISTER_ENABLE_RINGS,
    IORING_REGISTER_EVENTFD,
    IORING_REGISTER_RESTRICTIONS,
    IORING_SETUP_CLAMP,
    IORING_SETUP_CQSIZE,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQ_AFF,
    IORING_SETUP_SQ_REWIND,
    IORING_SETUP_SQPOLL,
    IORING_SETUP_TASKRUN_FLAG,
    UringEnter,
    UringRegister,
    UringSetup,
)
from butter._descriptor import link_of
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_ANONYMOUS,
    NOT_ALLOWED,
    Errors,
    InternalError,
    InvalidArgument,
    OutOfMemory,
    newer_than_kernel,
    sysctl,
)

if TYPE_CHECKING:
    from butter._enums import Flags
    from butter.errors import Meaning

#: how the descriptor of a ring is known in ``/proc/self/fd``
LINK = "anon_inode:[io_uring]"
#: the most entries of a ring, and the most completions
MOST, MOST_COMPLETIONS = 32768, 65536


def _is_ring(fd: int) -> bool:
    """Return whether *fd* is that of a ring; True where ``/proc`` does not say."""
    return (link_of(fd) or LINK).startswith(LINK)


def _all_of(flags: type[Flags]) -> int:
    """Return all the bits that a class names."""
    return functools.reduce(operator.or_, map(int, flags.__members__.values()))


def _forbidden(**_: object) -> str:
    disabled = sysctl("kernel.io_uring_disabled")
    if disabled == 2:
        return "kernel.io_uring_disabled is 2; 'sysctl kernel.io_uring_disabled=0' as root allows io_uring"
    if disabled == 1:
        return (
            "kernel.io_uring_disabled is 1, so this needs CAP_SYS_ADMIN or a group, that of kernel.io_uring_group; "
            "'sysctl kernel.io_uring_disabled=0' as root allows it to all users"
        )
    return f"{NOT_ALLOWED}: containers often have such a filter"


def _memory_exhausted(**_: object) -> str:
    soft, _hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft} bytes"
    return (
        "the kernel has no memory for this call, or this user may lock no more of it: "
        f"RLIMIT_MEMLOCK is {limit}; 'ulimit -l' raises it"
    )


def _setup_refused(entries: int, flags: int, cq_entries: int = 0, **_: object) -> str:
    known = _all_of(UringSetup)
    if newer := newer_than_kernel(flags, UringSetup):
        return newer
    if unknown := flags & ~known:
        return f"there are unknown flags {unknown:#x}"
    if not 0 < entries <= MOST and not (entries and flags & IORING_SETUP_CLAMP):
        return f"entries is {entries}; it must be 1 to {MOST}"
    if flags & IORING_SETUP_CQSIZE and not entries <= cq_entries <= MOST_COMPLETIONS:
        return f"cq_entries is {cq_entries}; it must be at least entries, and at most {MOST_COMPLETIONS}"
    if flags & IORING_SETUP_DEFER_TASKRUN and not flags & IORING_SETUP_SINGLE_ISSUER:
        return "IORING_SETUP_DEFER_TASKRUN needs the flag IORING_SETUP_SINGLE_ISSUER"
    if flags & IORING_SETUP_SQ_AFF and not flags & IORING_SETUP_SQPOLL:
        return "IORING_SETUP_SQ_AFF needs the flag IORING_SETUP_SQPOLL"
    if flags & IORING_SETUP_SQ_REWIND and not flags & IORING_SETUP_NO_SQARRAY:
        return "IORING_SETUP_SQ_REWIND needs the flag IORING_SETUP_NO_SQARRAY"
    if flags & IORING_SETUP_SQPOLL and flags & (IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG):
        return "with IORING_SETUP_SQPOLL the thread of the kernel completes requests: leave the TASKRUN flags out"
    return f"the kernel refuses these parameters together: flags {UringSetup(flags)}"


SETUP = Errors(
    "io_uring_setup",
    {
        **NEW_ANONYMOUS,
        errno.EFAULT: (InternalError, "the parameters are not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _setup_refused),
        errno.ENOMEM: (OutOfMemory, _memory_exhausted),
        errno.ENXIO: (InvalidArgument, "the ring whose workers this one should share is not open"),
        errno.EPERM: (PermissionError, _forbidden),
    },
    since="5.1",
)

_OTHER_THREAD = (
    "the ring has IORING_SETUP_SINGLE_ISSUER, and another thread than this one submits: "
    "use the ring in the thread that made it"
)


def _not_a_ring(fd: int, **_: object) -> str:
    return f"descriptor {fd} is not that of a ring"


def _enter_refused(fd: int, flags: int = IORING_ENTER_GETEVENTS, **_: object) -> str:
    known = _all_of(UringEnter)
    if newer := newer_than_kernel(flags, UringEnter):
        return newer
    if unknown := flags & ~known:
        return f"there are unknown flags {unknown:#x}"
    if not _is_ring(fd):
        return _not_a_ring(fd)
    return "the kernel refuses the flags or the argument"


_RING: dict[int, Meaning] = {
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EBADFD: (InvalidArgument, "the ring is disabled until IORING_REGISTER_ENABLE_RINGS (Ring.enable)"),
    errno.EEXIST: (FileExistsError, _OTHER_THREAD),
    errno.EFAULT: (InvalidArgument, "the argument is not in the memory of this process"),
    errno.ENXIO: (OSError, "the ring is being closed"),
    errno.EOPNOTSUPP: (InvalidArgument, _not_a_ring),
}

_ENTERING: dict[int, Meaning] = {
    **_RING,
    errno.EBUSY: (OSError, "more completions wait than the ring has room for: read some first"),
    errno.EINVAL: (InvalidArgument, _enter_refused),
    errno.ENOMEM: (OutOfMemory, _memory_exhausted),
    errno.EOWNERDEAD: (OSError, "the thread of the kernel that submits has died"),
}
ENTER = Errors(
    "io_uring_enter",
    {
        **_ENTERING,
        errno.EAGAIN: (BlockingIOError, "the kernel has no memory for the requests now: try again"),
        errno.EINTR: (InterruptedError, "a signal was handled, or completions came, that sigmask lets through"),
        errno.ETIME: (OSError, "too few completions came in time"),
    },
    since="5.1",
)
READ = Errors("read of a ring", {**_ENTERING, errno.EAGAIN: (BlockingIOError, "no completion is there")}, since="5.1")


def _register_refused(fd: int, opcode: int, **_: object) -> str:
    if not _is_ring(fd):
        return _not_a_ring(fd)
    if opcode == IORING_REGISTER_EVENTFD:
        return "the descriptor to be registered is not that of an eventfd"
    for name, (number, since) in UringRegister.__since__.items():
        if number == opcode:
            return f"the kernel refuses the argument of {name}, or is older than Linux {since}"
    return f"the kernel does not know the operation {opcode}"


def _not_supported(fd: int, **_: object) -> str:
    return "the device does not support this" if _is_ring(fd) else _not_a_ring(fd)


def _register_disabled(opcode: int, **_: object) -> str:
    if opcode in (IORING_REGISTER_ENABLE_RINGS, IORING_REGISTER_RESTRICTIONS):
        return "the ring was not made with IORING_SETUP_R_DISABLED, or is enabled already"
    return "the ring is disabled until IORING_REGISTER_ENABLE_RINGS (Ring.enable)"


REGISTER = Errors(
    "io_uring_register",
    {
        **_RING,
        errno.EACCES: (PermissionError, "a restriction of the ring does not allow it"),
        errno.EAGAIN: (BlockingIOError, "the other ring cannot take it now: try again"),
        errno.EALREADY: (OSError, "the request is under way, and cannot be cancelled any more"),
        errno.EBADFD: (InvalidArgument, _register_disabled),
        errno.EBUSY: (OSError, "such a thing is registered already: unregister it first"),
        errno.EINTR: (InterruptedError, "a signal interrupted the wait for requests under way"),
        errno.EINVAL: (InvalidArgument, _register_refused),
        errno.EMFILE: (OSError, "more files than RLIMIT_NOFILE, or than the kernel allows, cannot be registered"),
        errno.ENOENT: (FileNotFoundError, "no such request, group or registered thing is there"),
        errno.ENOMEM: (OutOfMemory, _memory_exhausted),
        errno.ENXIO: (OSError, "nothing is registered, or the ring is being closed"),
        errno.EOPNOTSUPP: (InvalidArgument, _not_supported),
        errno.EOVERFLOW: (InvalidArgument, "an offset and a length together are past the end"),
        errno.ETIME: (OSError, "the requests did not end in time"),
    },
    since="5.1",
)
