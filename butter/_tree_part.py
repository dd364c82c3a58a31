"""The descriptors of an object of butter.tree beside the one that the program knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._inotify import ADD_WATCH, INIT
from butter._inotify_c import lib
from butter.inotify import IN_CLOEXEC, IN_NONBLOCK
from butter.utils import _close

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter._arguments import Path


class Part:
    """A descriptor that is opened when its object knows it, and is closed with that."""

    #: the number, negative as long as there is none
    _fd = -1

    def open(self) -> None:
        raise NotImplementedError

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            # one call of C takes the number and closes it, as below
            any(map(_close, map(vars(self).pop, ("_fd",))))


def open_into(owner: object, call: Callable[..., int], *args: Any) -> int:
    """Call a function of C, store the number as ``_fd`` of *owner*, and return it.

    One call of C does both, so a signal handler that raises before or after it leaves
    no open file that nothing knows.
    """
    vars(owner).update(zip(("_fd",), map(call, *zip(args))))
    fd: int = owner._fd  # type: ignore[attr-defined]
    return fd


def open_inotify(part: Part) -> None:
    """Have a part own a new inotify descriptor."""
    flags = IN_NONBLOCK | IN_CLOEXEC
    INIT.check(open_into(part, lib.inotify_init1, flags), flags=flags)


def watch(part: Part, fd: int, mask: int, refused: int = 0, path: Path | None = None) -> int:
    """Watch an open file by an inotify descriptor, and return the watch descriptor.

    Returns -1 for the errno *refused*. *path* is that of the file for other errors.
    """
    # by this path, the file is watched that was opened, and cannot be another one
    link = b"/proc/self/fd/%d" % fd
    wd: int = lib.inotify_add_watch(part.fileno(), link, mask)
    if wd == -1 - refused:
        return -1
    if wd < 0:
        ADD_WATCH.check(wd, path or link, fd=part.fileno(), mask=mask)
    return wd
