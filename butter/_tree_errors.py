"""The meanings of the errnos of a tree."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, TypeVar

from butter.errors import NEW_DESCRIPTOR, PATH, Errors, InvalidPath, NoMoreEvents, raise_sysctl

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._arguments import Path

Result = TypeVar("Result")


def _exhausted(watches: int | None = None, needed: int = 0, partial: bool = False, **_: object) -> str:
    if watches is None:
        return f"this user has no registration with epoll left: {raise_sysctl('fs.epoll.max_user_watches')}"
    limit = raise_sysctl("fs.inotify.max_user_watches", "user.max_inotify_watches", needed - watches)
    has = f"this user has watches for {watches} directories, and the tree needs {needed or 'more'}"
    return f"{has}: {limit}" if partial else f"{has}: {limit}; partial=True goes on with those that there are"


TREE = Errors(
    "Tree",
    {
        **PATH,
        **NEW_DESCRIPTOR,
        errno.EACCES: (PermissionError, "no permission to read the directory, or to search one above it"),
        errno.EAGAIN: (BlockingIOError, "nothing has changed"),
        errno.ELOOP: (InvalidPath, "too many symbolic links in the path, or a directory was replaced by one"),
        errno.ENODATA: (NoMoreEvents, "the directory was deleted, or moved: no file can come"),
        errno.ENOSPC: (OSError, _exhausted),
        errno.EOPNOTSUPP: (OSError, "/proc is not mounted, by which files are watched and mounts are noticed"),
    },
)


def explained(path: Path | None, call: Callable[..., Result], *args: object) -> Result:
    """Return the result of a call of Python, whose errors are told by the table."""
    try:
        return call(*args)
    except OSError as error:
        number = error.errno or 0
    # outside, so that the error has no other as its context
    TREE.fail(number, path)
