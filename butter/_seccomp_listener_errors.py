"""The errors of the notifications of seccomp, of their answers, and of what is read."""

from __future__ import annotations

import errno
from builtins import PermissionError as PermissionError

from butter._constants.seccomp_listener import (
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
    AddFd,
    NotificationAnswer,
)
from butter.errors import (
    BAD_DESCRIPTOR,
    NO_MEMORY,
    Errors,
    InvalidArgument,
    InvalidPath,
    NoMoreEvents,
    newer_than_kernel,
)


class CallGone(ProcessLookupError):
    """The system call of a notification does not wait for an answer any more.

    Its task was killed, or a signal interrupted the call; if the call is then begun
    again, it has a notification of its own. Or another process that has the listener
    was faster. A program goes on with the next notification. The errno is ESRCH.
    """


def _not_a_listener(fd: object = "fd", **_: object) -> str:
    return f"descriptor {fd} is not a seccomp listener"


_OTHER_KIND = InvalidArgument, _not_a_listener
_GONE = (
    CallGone,
    "the call does not wait any more: its task was killed, a signal interrupted the call, or another answered it",
)


def _answer_refused(flags: int = 0, **_: object) -> str:
    newer = newer_than_kernel(flags, NotificationAnswer)
    return newer or "the kernel refuses the answer, and the task still waits for one"


def _descriptor_refused(flags: int = 0, **_: object) -> str:
    newer = newer_than_kernel(flags, AddFd)
    return newer or "add_fd needs Linux 5.9, and a number of a descriptor in the task that is not negative"


def _source_closed(source: object = "fd", newfd: object = None, **_: object) -> str:
    if newfd is None:
        return f"descriptor {source} is not open"
    return f"descriptor {source} is not open, or RLIMIT_NOFILE of the task is not above {newfd}"


def _flags_refused(flags: int, **_: object) -> str:
    unknown = flags & ~SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
    if unknown:
        return f"the only flag is SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, not {unknown:#x}"
    return "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP needs Linux 6.6"


READ = Errors(
    "read of a seccomp listener",
    {
        errno.EAGAIN: (BlockingIOError, "no notification waits"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, "the kernel has another struct for notifications than butter"),
        errno.ENODATA: (NoMoreEvents, "the last task under the filter is gone, so no notification can come"),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOTTY: _OTHER_KIND,
    },
    since="5.0",
)
ANSWER = Errors(
    "answer to a notification",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _answer_refused),
        errno.ENOTTY: _OTHER_KIND,
        errno.ESRCH: _GONE,
    },
)
VALID = Errors(
    "validity of a notification",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.ENOTTY: _OTHER_KIND,
        errno.ESRCH: _GONE,
    },
)
ADD_FD = Errors(
    "add_fd",
    {
        errno.EACCES: (PermissionError, "a security module does not let the task have the descriptor"),
        errno.EBADF: (InvalidArgument, _source_closed),
        errno.EBUSY: (OSError, "another add_fd of this notification is not done yet"),
        errno.EINVAL: (InvalidArgument, _descriptor_refused),
        errno.EMFILE: (OSError, "the task has no descriptor left: its RLIMIT_NOFILE is reached"),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOTTY: _OTHER_KIND,
        errno.ESRCH: _GONE,
    },
)
SET_FLAGS = Errors(
    "flags of a seccomp listener",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _flags_refused),
        errno.ENOTTY: _OTHER_KIND,
    },
)
READ_MEMORY = Errors(
    "process_vm_readv",
    {
        errno.EFAULT: (
            InvalidArgument,
            lambda address=0, length=0, **_: f"the task does not have {length} bytes of memory at {address:#x}",
        ),
        errno.EINVAL: (InvalidArgument, "the length is more than a call can read"),
        errno.ENAMETOOLONG: (
            InvalidPath,
            lambda address=0, **_: f"the path at {address:#x} is longer than 4095 bytes",
        ),
        errno.ENOMEM: NO_MEMORY,
        errno.EPERM: (
            PermissionError,
            "the memory of the task belongs to another user, or is kept secret: that needs CAP_SYS_PTRACE; or Yama "
            "(kernel.yama.ptrace_scope) allows it for children alone",
        ),
        errno.ESRCH: _GONE,
    },
    since="3.2",
)
