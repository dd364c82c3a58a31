"""The errors of file handles: which filesystem, which permission, which file."""

from __future__ import annotations

import errno
import os
import re
import stat
from builtins import PermissionError as PermissionError
from typing import TYPE_CHECKING

from butter._arguments import O_PATH
from butter._constants.fanotify_handle import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_HANDLE_CONNECTABLE,
    AT_HANDLE_FID,
    MAX_HANDLE_SZ,
    HandleAt,
)
from butter._fanotify_handle_c import ffi, lib
from butter._look import CAP_DAC_READ_SEARCH, capable, in_first_user_namespace, look, text_of
from butter.errors import (
    NEW_DESCRIPTOR,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    InvalidPath,
    PathNotADirectory,
    PathNotFound,
    bad_descriptor,
    newer_than_kernel,
    running_kernel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter._fanotify_handle import FileHandle
    from butter.errors import Meaning

_KNOWN = sum(map(int, HandleAt.__members__.values()))
# the bits of a handle's type that are not the filesystem's: 1 and 2 have a meaning
_USER_FLAGS, _VALID_USER_FLAGS = 0x7FFF0000, 0x30000
_O_TMPFILE = 0o20000000


def is_privileged() -> bool:
    """Return whether this thread may open every handle."""
    return capable(CAP_DAC_READ_SEARCH) and in_first_user_namespace() is not False


def filesystem_of(path: str | bytes, dirfd: int, flags: int = 0) -> str:
    """Return words for the filesystem of a file, with its name if that is known."""
    mount = look(path, dirfd, flags).mount
    lines = text_of("/proc/thread-self/mountinfo")
    found = re.search(rf"^{mount} .* - (\S+) ", lines, re.MULTILINE)
    return f"the filesystem ({found[1]})" if found else "the filesystem"


def _flags_refused(flags: int, **_: object) -> str:
    newer = newer_than_kernel(flags, HandleAt)
    if newer:
        return newer
    if flags & ~_KNOWN:
        return f"name_to_handle_at has no flag {flags & ~_KNOWN:#x}"
    if flags & AT_HANDLE_CONNECTABLE and flags & (AT_HANDLE_FID | AT_EMPTY_PATH):
        return "AT_HANDLE_CONNECTABLE excludes AT_HANDLE_FID and AT_EMPTY_PATH"
    return f"the flags {HandleAt(flags)} are not valid"


def _no_handles(name: str | bytes, dirfd: int, flags: int, **_: object) -> str:
    filesystem = filesystem_of(name, dirfd, flags & AT_EMPTY_PATH)
    if flags & AT_HANDLE_FID:
        return f"{filesystem} has no handles for files"
    if flags & AT_HANDLE_CONNECTABLE:
        return f"{filesystem} has no handles that lead to the directory of a file"
    return (
        f"{filesystem} has no handles that can be opened; with AT_HANDLE_FID (Linux 6.5) there is one to compare, "
        "as the events of fanotify have it"
    )


def _missing(name: str | bytes, flags: int, **_: object) -> str:
    if not name and not flags & AT_EMPTY_PATH:
        return "the path is empty: add AT_EMPTY_PATH to mean the descriptor itself"
    return "the path does not exist" if name else "the directory was removed"


def not_a_directory(name: str | bytes, dirfd: int, **_: object) -> str:
    """Return what is not a directory: a part of the path, or where it begins."""
    kind = None if name[:1] in ("/", b"/") or dirfd == AT_FDCWD else look("", dirfd, AT_EMPTY_PATH).type
    if kind not in (None, stat.S_IFDIR):
        return f"descriptor {dirfd} is not a directory, and the path {name!r} is relative"
    return "a part of the path is not a directory"


def _bad_directory(dirfd: int, **_: object) -> str:
    return f"{bad_descriptor(dirfd)}, and the path is relative or empty"


NAME_TO_HANDLE_AT = Errors(
    "name_to_handle_at",
    {
        **PATH,
        **NEW_DESCRIPTOR,
        errno.EBADF: (InvalidArgument, _bad_directory),
        errno.EINVAL: (InvalidArgument, _flags_refused),
        errno.ENOENT: (PathNotFound, _missing),
        errno.ENOTDIR: (PathNotADirectory, not_a_directory),
        errno.EOPNOTSUPP: (OSError, _no_handles),
        errno.EOVERFLOW: (OSError, "this file has no handle, as the mount point of a network filesystem"),
    },
)


def _not_open(mount_fd: int, **_: object) -> str:
    flags = re.search(r"^flags:\s*([0-7]+)", text_of(f"/proc/thread-self/fdinfo/{mount_fd}"), re.MULTILINE)
    if flags and int(flags[1], 8) & O_PATH:
        return f"descriptor {mount_fd} was opened with O_PATH, which does not do for a mount: open it with O_RDONLY"
    return bad_descriptor(mount_fd)


def _handle_refused(handle: FileHandle, flags: int, **_: object) -> str:
    size = len(handle.handle)
    if not 0 < size <= MAX_HANDLE_SZ:
        empty = "" if size else ", which an event about a whole filesystem has"
        return f"the handle has {size} bytes{empty}; it must have 1 to {MAX_HANDLE_SZ}"
    if handle.type < 0 or handle.type & _USER_FLAGS & ~_VALID_USER_FLAGS:
        return f"type {handle.type:#x} is not that of a handle"
    return f"the flags {flags:#o} are not valid, or the filesystem does not take them"


def _not_permitted(flags: int, **_: object) -> str:
    if is_privileged():
        return f"a file that can only be appended to needs O_APPEND, O_NOATIME the owner of the file, or {NOT_ALLOWED}"
    needed = "opening a handle needs CAP_DAC_READ_SEARCH in the first user namespace"
    if running_kernel() < (6, 11):
        return f"{needed}; since Linux 6.11 the root of a user namespace may open directories of its own mounts"
    if not flags & os.O_DIRECTORY:
        return f"{needed}; without it only directories can be opened, with O_DIRECTORY"
    return (
        f"{needed}, or CAP_DAC_READ_SEARCH and CAP_SYS_ADMIN in the user namespace that owns the filesystem, or its "
        "mount namespace if no locked mount is below the descriptor of the mount: run as root, or in a new user and "
        "mount namespace"
    )


def _not_found(mount_fd: int, handle: FileHandle, flags: int, **_: object) -> str:
    if mount_fd < 0 and mount_fd != AT_FDCWD:
        return "the kernel finds nothing with this handle (any more)"
    place = "the working directory" if mount_fd == AT_FDCWD else f"descriptor {mount_fd}"
    filesystem = f"{filesystem_of('', mount_fd, AT_EMPTY_PATH)} of {place}"
    found = ffi.new("butter_handle *")
    result = lib.name_to_handle_at(mount_fd, b"", AT_EMPTY_PATH, found)
    if result == -1 - errno.EOPNOTSUPP:
        return f"{filesystem} has no handles that can be opened"
    fsid = (found.mount.fsid[0], found.mount.fsid[1])
    if result == 0 and fsid != handle.fsid:
        return f"the handle is of another filesystem: its fsid is {handle.fsid}, and {filesystem} has {fsid}"
    if handle.type > _USER_FLAGS & -_USER_FLAGS:
        more = ", or is not below the mount, as a handle of AT_HANDLE_CONNECTABLE has to be"
    elif is_privileged():
        more = ""
    else:
        more = (
            ", is not a directory, is not below the mount, or belongs to a user that this user namespace does not "
            "know: CAP_DAC_READ_SEARCH in the first user namespace would tell"
        )
    return f"{filesystem} finds no file with this handle: it was deleted, or is not in the kernel's memory{more}"


def _symbolic_link(**_: object) -> str:
    return "the handle is that of a symbolic link, which can be opened with O_PATH alone"


_OPEN: Mapping[int, Meaning] = {
    **NEW_DESCRIPTOR,
    errno.EACCES: (PermissionError, "no permission to open the file in this way"),
    errno.EAGAIN: (
        BlockingIOError,
        "another process has a lease on the file, and O_NONBLOCK does not wait for its end",
    ),
    errno.EBUSY: (OSError, "the device is in use by the system, and O_EXCL asked for a device that is not"),
    errno.EDQUOT: (OSError, "the disk quota of this user is used up"),
    errno.EFBIG: (OSError, "the file is too large to be opened by this process"),
    errno.EINTR: (InterruptedError, "a signal interrupted the opening"),
    errno.EIO: (OSError, "the filesystem could not read the file"),
    errno.EISDIR: (IsADirectoryError, "a directory cannot be opened for writing"),
    errno.ENODEV: (OSError, "there is no device behind the device file"),
    errno.ENOSPC: (OSError, "the filesystem has no room left for a file"),
    errno.ENXIO: (OSError, "nothing reads the FIFO, or there is no device behind the file, or it is a socket"),
    errno.EOPNOTSUPP: (OSError, "the filesystem does not support O_TMPFILE"),
    errno.EOVERFLOW: (OSError, "the file is too large to be opened without O_LARGEFILE"),
    errno.EROFS: (OSError, "the mount can only be read, so the file cannot be opened for writing"),
    errno.ETXTBSY: (OSError, "the file is a program that runs, or a swap file, so it cannot be opened for writing"),
}
OPEN_BY_HANDLE_AT = Errors(
    "open_by_handle_at",
    {
        **_OPEN,
        errno.EBADF: (InvalidArgument, _not_open),
        errno.EFAULT: (InvalidArgument, "the handle is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _handle_refused),
        errno.ELOOP: (InvalidPath, _symbolic_link),
        errno.ENOTDIR: (PathNotADirectory, "the file is not a directory, and O_DIRECTORY asked for one"),
        errno.EPERM: (PermissionError, _not_permitted),
        errno.ESTALE: (OSError, _not_found),
    },
)
