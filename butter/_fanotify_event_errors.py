"""The errors of the events of :manpage:`fanotify(7)`, and of their answers."""

from __future__ import annotations

import errno
from builtins import PermissionError as PermissionError
from typing import TYPE_CHECKING

from butter.errors import (
    BAD_DESCRIPTOR,
    Errors,
    InvalidArgument,
    descriptors_exhausted,
    files_exhausted,
    reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _unopened(cause: str | Callable[..., str]) -> Callable[..., str]:
    """Return the sentence for an event whose file the kernel could not open.

    Without ``FAN_REPORT_FD_ERROR`` the read fails, and with it the event is *kept*.
    """

    def sentence(kept: bool = False, **_: object) -> str:
        why = cause if isinstance(cause, str) else cause()
        if kept:
            return f"the event does not have this descriptor, because {why}"
        return f"an event is lost, because {why}; FAN_REPORT_FD_ERROR (Linux 6.13) keeps such events"

    return sentence


_LEASED = _unopened("another process has a lease on its file, and event_flags have O_NONBLOCK")

READ = Errors(
    "read of an fanotify descriptor",
    {
        **reading("an fanotify descriptor", "no event waits"),
        errno.EAGAIN: (BlockingIOError, lambda kept=False, **_: _LEASED(kept) if kept else "no event waits"),
        errno.EACCES: (PermissionError, _unopened("a security module does not let its file be opened")),
        errno.EBADMSG: (InvalidArgument, "these bytes are not fanotify events"),
        errno.EMFILE: (OSError, _unopened(descriptors_exhausted)),
        errno.ENFILE: (OSError, _unopened(files_exhausted)),
        errno.ENODATA: (OSError, "the kernel could not make a pidfd; FAN_REPORT_FD_ERROR (Linux 6.13) tells why"),
        errno.ENODEV: (OSError, _unopened("the device of its file is gone")),
        errno.ENXIO: (OSError, _unopened("the device of its file is gone")),
        errno.EOVERFLOW: (OSError, _unopened("its file is too large for event_flags without O_LARGEFILE")),
        errno.EPERM: (PermissionError, _unopened("its file must not be written, and event_flags ask for that")),
        errno.EROFS: (OSError, _unopened("its filesystem is read-only, and event_flags ask for writing")),
        errno.ESRCH: (ProcessLookupError, "the process behind the event is gone"),
        errno.ETXTBSY: (OSError, _unopened("its file is being executed, and event_flags ask for writing")),
    },
)
ANSWER = Errors(
    "answer to a permission event",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, "the kernel refuses the answer, and the task still waits for one"),
        errno.ENOENT: (FileNotFoundError, "the event was answered before, by another that has the descriptor"),
        errno.ENOMEM: (OSError, "the kernel has no memory for the answer"),
    },
)
