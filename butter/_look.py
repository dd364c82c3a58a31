"""The facts about this process that the sentences of errors name.

A sentence looks for the cause of an error after the call has failed. It may run in a
new root without ``/proc``, or where no descriptor is left: so the facts come from calls
that need neither, where there are such calls. Nothing here raises.
"""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

from butter._look_c import ffi, lib

CAP_AUDIT_WRITE = 29
CAP_DAC_READ_SEARCH = 2
CAP_SETFCAP = 31
CAP_SYS_ADMIN = 21
CAP_SYS_CHROOT = 18
CAP_SYS_RESOURCE = 24

_AT_FDCWD = -100
_MISSING, _NO_STATX = -1 - errno.ENOENT, -1 - errno.ENOSYS
# the number that the kernel gives to the first user namespace
_FIRST_USER_NAMESPACE = "user:[4026531837]"


def text_of(path: str) -> str:
    """Return the text of a small file, empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read())
    except OSError:
        return ""


def status_field(name: str, pid: int | str = "thread-self") -> str:
    """Return a field of the status of a process, empty where ``/proc`` is missing.

    *name* is as in ``/proc/<pid>/status``: ``"Threads"``.
    """
    found = re.search(rf"^{name}:[ \t]*(.*)$", text_of(f"/proc/{pid}/status"), re.MULTILINE)
    return found[1] if found else ""


def capable(capability: int) -> bool:
    """Return whether this thread has a capability in its own user namespace.

    It counts as there if capget itself is refused, as by a seccomp filter.
    """
    return bool(lib.butter_capable(capability))


class Place(NamedTuple):
    """The file that a path leads to; None for what the kernel does not tell."""

    error: int  # the errno of its lookup, 0 if there is none
    exists: bool | None = None
    mount: int | None = None  # the number in mountinfo of the mount that it is on
    begins: bool | None = None  # whether the mount begins there
    type: int | None = None  # as in stat.S_IFMT


def look(path: str | bytes, dirfd: int = _AT_FDCWD, flags: int = 0) -> Place:
    """Return the file that a path leads to, or why there is none.

    *path* begins at *dirfd*, and may be empty if *flags* are ``AT_EMPTY_PATH``. Nothing
    is known where a filter hides statx.
    """
    found = ffi.new("butter_place *")
    result = lib.butter_look(dirfd, os.fsencode(path), flags, found)
    if result == _NO_STATX:
        return Place(0)
    if result < 0:
        return Place(-1 - result, False if result == _MISSING else None)
    return Place(
        0,
        True,
        None if found.mount < 0 else found.mount,
        None if found.begins < 0 else found.begins > 0,
        found.type or None,
    )


def has_proc() -> bool:
    """Return whether ``/proc`` is there, and is that of this process."""
    return os.path.exists("/proc/thread-self")


def user_namespace() -> str:
    """Return the name of the user namespace, as ``user:[4026531837]``.

    It is empty where ``/proc`` is missing.
    """
    try:
        return os.readlink("/proc/thread-self/ns/user")
    except OSError:
        return ""


def in_first_user_namespace() -> bool | None:
    """Return whether this process is in the first user namespace; None if not known."""
    found = user_namespace()
    return found == _FIRST_USER_NAMESPACE if found else None


def is_foreign(kind: str) -> bool | None:
    """Return whether a namespace of this thread is of a user namespace above its own.

    *kind* is as in ``/proc/self/ns``: ``"mnt"``. None where it cannot be known.
    """
    try:
        fd = os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        owner = lib.butter_ns_owner(fd)
        if owner >= 0:
            os.close(owner)
        return bool(owner == -1 - errno.EPERM)
    finally:
        os.close(fd)


def compare_files(first: tuple[int, int], second: tuple[int, int]) -> int:
    """Compare two descriptors, each a process and its number, by their open files.

    Returns 0 if it is one file, else -1 or 1, by which they can be sorted. Where the
    files cannot be compared, as without the privilege, the numbers are.
    """
    result = lib.butter_compare_files(*first, *second)
    if result < 0:
        return (first > second) - (first < second)
    return (0, -1, 1)[result]
