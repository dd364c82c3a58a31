"""The constants of fanotify_handle. Written by tools/constants.py from butter/build/fanotify_handle.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._fanotify_handle_c import lib

__all__ = [
    "AT_EMPTY_PATH",
    "AT_FDCWD",
    "AT_HANDLE_CONNECTABLE",
    "AT_HANDLE_FID",
    "AT_HANDLE_MNT_ID_UNIQUE",
    "AT_SYMLINK_FOLLOW",
    "FD_NSFS_ROOT",
    "FD_PIDFS_ROOT",
    "HandleAt",
    "MAX_HANDLE_SZ",
]

# how name_to_handle_at looks the path up, and which handle it returns
#: follow a symbolic link at the end of the path
AT_SYMLINK_FOLLOW: Final[int] = lib.AT_SYMLINK_FOLLOW
#: the path may be empty, and then means the descriptor itself
AT_EMPTY_PATH: Final[int] = lib.AT_EMPTY_PATH
#: a handle to compare, which need not be possible to open (Linux 6.5)
AT_HANDLE_FID: Final[int] = lib.AT_HANDLE_FID
#: return the id of the mount that no other mount gets (Linux 6.12)
AT_HANDLE_MNT_ID_UNIQUE: Final[int] = lib.AT_HANDLE_MNT_ID_UNIQUE
#: a handle that also leads to the directory of a file (Linux 6.13)
AT_HANDLE_CONNECTABLE: Final[int] = lib.AT_HANDLE_CONNECTABLE

# for a directory, or for the descriptor of a mount
#: the working directory
AT_FDCWD: Final[int] = lib.AT_FDCWD
#: the filesystem of pidfds (Linux 6.17)
FD_PIDFS_ROOT: Final[int] = lib.FD_PIDFS_ROOT
#: the filesystem of namespaces (Linux 6.18)
FD_NSFS_ROOT: Final[int] = lib.FD_NSFS_ROOT

# the longest handle
#: of bytes
MAX_HANDLE_SZ: Final[int] = lib.MAX_HANDLE_SZ


class HandleAt(Flags):
    """How name_to_handle_at looks the path up, and which handle it returns."""

    SYMLINK_FOLLOW = AT_SYMLINK_FOLLOW
    EMPTY_PATH = AT_EMPTY_PATH
    HANDLE_FID = AT_HANDLE_FID
    HANDLE_MNT_ID_UNIQUE = AT_HANDLE_MNT_ID_UNIQUE
    HANDLE_CONNECTABLE = AT_HANDLE_CONNECTABLE

    __since__ = {
        "AT_HANDLE_FID": (AT_HANDLE_FID, "6.5"),
        "AT_HANDLE_MNT_ID_UNIQUE": (AT_HANDLE_MNT_ID_UNIQUE, "6.12"),
        "AT_HANDLE_CONNECTABLE": (AT_HANDLE_CONNECTABLE, "6.13"),
    }
