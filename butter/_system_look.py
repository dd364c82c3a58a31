"""The state of mounts and namespaces, for the sentences of errors.

Nothing here raises: where ``/proc`` does not tell, the answer is None or empty.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat

from butter._system_mountinfo import MountLine, mount_lines

_CAP_SYS_ADMIN = 21
_NS_GET_USERNS = 0xB701
# PyPy does not have this constant
_O_PATH = 0o10000000
# the number that the kernel gives to the first user namespace
_FIRST_USER_NAMESPACE = "user:[4026531837]"
# kinds of namespaces: what people call them, and the flag of unshare that makes one
_NAMESPACES = {"mnt": ("mount", "CLONE_NEWNS"), "uts": ("UTS", "CLONE_NEWUTS")}


def _text_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read())
    except OSError:
        return ""


def mounts() -> dict[int, MountLine]:
    """Return the mounts that this process can reach, by their numbers."""
    try:
        return {line.id: line for line in mount_lines()}
    except OSError:
        return {}


def _mount_of_descriptor(fd: int) -> int | None:
    found = re.search(r"^mnt_id:\s*(\d+)", _text_of(f"/proc/thread-self/fdinfo/{fd}"), re.MULTILINE)
    return int(found[1]) if found else None


def mount_of(path: str) -> int | None:
    """Return the number of the mount that a file is on, None if it does not exist."""
    try:
        fd = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _mount_of_descriptor(fd)
    finally:
        os.close(fd)


def mount_at(path: str) -> int | None:
    """Return the number of the mount whose place a path is.

    The filesystem there is not asked: it may wait for a server that is gone.
    """
    try:
        place = os.path.abspath(path)
    except OSError:  # the working directory was removed
        return mount_of(path)
    found = [line.id for line in mounts().values() if line.target == place]
    return found[-1] if found else mount_of(path)


def used_by_this_process(mount: int | None) -> str | None:
    """Return what of this process is on a mount: its directory, or a descriptor."""
    if mount is None:
        return None
    for link, what in ("cwd", "the working directory"), ("root", "the root directory"):
        if mount_of(f"/proc/thread-self/{link}") == mount:
            return what
    try:
        numbers = sorted(map(int, os.listdir("/proc/thread-self/fd")))
    except OSError:
        return None
    return next((f"descriptor {fd}" for fd in numbers if _mount_of_descriptor(fd) == mount), None)


def _errno_of(path: str) -> int | None:
    """Return the errno of the lookup of a path, None if the file exists."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno
    return None


def first_failing(number: int, *paths: str | None) -> str | None:
    """Return the first of *paths* whose lookup fails with errno *number*."""
    return next((path for path in paths if path is not None and _errno_of(path) == number), None)


def real(path: str) -> str:
    """Return an absolute path without symbolic links, as far as they can be read."""
    try:
        return os.path.realpath(path)
    except OSError:  # the working directory was removed
        return path


def kind_of(path: str) -> str | None:
    """Return what a file is, with its article."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFREG: "a file",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
        stat.S_IFSOCK: "a socket",
        stat.S_IFIFO: "a pipe",
    }
    return kinds.get(stat.S_IFMT(mode))


def filesystems() -> dict[str, bool]:
    """Return the filesystems that the kernel knows, and whether each needs a device."""
    lines = (line.split("\t") for line in _text_of("/proc/filesystems").splitlines())
    return {name: flag != "nodev" for flag, name in lines}


def in_user_namespace() -> bool:
    """Return whether this process is in a user namespace that it or another made."""
    try:
        return os.readlink("/proc/thread-self/ns/user") != _FIRST_USER_NAMESPACE
    except OSError:
        return False


def has_capability() -> bool | None:
    """Return whether this thread has CAP_SYS_ADMIN in its own user namespace."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", _text_of("/proc/thread-self/status"), re.MULTILINE)
    return bool(int(found[1], 16) >> _CAP_SYS_ADMIN & 1) if found else None


def is_foreign(kind: str) -> bool:
    """Return whether a namespace of this process is of a user namespace above its own.

    The kernel refuses to tell its owner then.
    """
    try:
        fd = os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(fd, _NS_GET_USERNS))
        return False
    except PermissionError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def not_privileged(kind: str) -> str | None:
    """Return why this process may not change its *kind* namespace; None if it may."""
    name, flag = _NAMESPACES[kind]
    if has_capability() is False:
        return (
            f"this needs CAP_SYS_ADMIN in the user namespace that owns the {name} namespace of this process: run as "
            f"root, or call unshare(CLONE_NEWUSER | {flag}) first"
        )
    if is_foreign(kind):
        return (
            f"the {name} namespace of this process belongs to a user namespace above its own, where it has no "
            f"capability: call unshare({flag}) first"
        )
    return None
