"""The state of mounts and namespaces, for the sentences of errors.

Nothing here raises: where ``/proc`` or the kernel does not tell, the answer is None or
empty. No filesystem is asked for the attributes of a file, as ``os.stat`` does: it may
wait for a server that is gone.
"""

from __future__ import annotations

import os
import re
import stat

from butter import _look
from butter._arguments import O_PATH
from butter._look import CAP_SYS_ADMIN, Place, capable, in_first_user_namespace, text_of
from butter._look import is_foreign as is_foreign
from butter._system_mountinfo import MountLine, mount_lines

# kinds of namespaces: what people call them, and the flag of unshare that makes one
_NAMESPACES = {"mnt": ("mount", "CLONE_NEWNS"), "uts": ("UTS", "CLONE_NEWUTS")}
#: the end of a sentence that names causes, one of which it is
UNSEEN = "/proc, which tells which of these it is, could not be read"


def mounts() -> dict[int, MountLine]:
    """Return the mounts that this process can reach, by their numbers."""
    try:
        return {line.id: line for line in mount_lines()}
    except OSError:
        return {}


def _mount_of_descriptor(fd: int) -> int | None:
    found = re.search(r"^mnt_id:\s*(\d+)", text_of(f"/proc/thread-self/fdinfo/{fd}"), re.MULTILINE)
    return int(found[1]) if found else None


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFREG: "a file",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
}


def look(path: str) -> Place:
    """Return the file that a path leads to, or why there is none."""
    place = _look.look(path)
    if place.error or place.mount is not None:
        return place
    return place._replace(mount=_mount_by_descriptor(path))


def _mount_by_descriptor(path: str) -> int | None:
    """Return the mount of a path where statx does not tell it: before Linux 5.8."""
    try:
        fd = os.open(path, O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _mount_of_descriptor(fd)
    finally:
        os.close(fd)


def mount_of(path: str) -> int | None:
    """Return the number of the mount that a file is on, None if it does not exist."""
    return look(path).mount


def kind_of(path: str) -> str | None:
    """Return what a file is, with its article."""
    return _KINDS.get(look(path).type or 0)


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


def first_failing(number: int, *paths: str | None) -> str | None:
    """Return the first of *paths* whose lookup fails with errno *number*."""
    return next((path for path in paths if path is not None and look(path).error == number), None)


def link_at(path: str) -> str | None:
    """Return the text of a symbolic link, None if a path does not end in one."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def real(path: str) -> str:
    """Return an absolute path without symbolic links, as far as they can be read.

    ``os.path.realpath`` asks the filesystem whether there is a link.
    """
    try:
        parts = (path if path.startswith("/") else f"{os.getcwd()}/{path}").split("/")[::-1]
    except OSError:  # the working directory was removed
        return path
    found, links = "", 0
    while parts:
        part = parts.pop()
        if part == "..":
            found = found.rpartition("/")[0]
        elif part not in ("", "."):
            found += "/" + part
            link = link_at(found)
            if link is not None and links < 40:  # the kernel does not follow more
                links += 1
                found = "" if link.startswith("/") else found.rpartition("/")[0]
                parts += link.split("/")[::-1]
    return found or "/"


def filesystems() -> dict[str, bool]:
    """Return the filesystems that the kernel knows, and whether each needs a device."""
    lines = (line.split("\t") for line in text_of("/proc/filesystems").splitlines())
    return {name: flag != "nodev" for flag, name in lines}


def in_user_namespace() -> bool:
    """Return whether this process is in a user namespace that it or another made.

    False also where that is unknown: not_privileged() has looked before.
    """
    return in_first_user_namespace() is False


def not_privileged(kind: str) -> str | None:
    """Return why this process may not change its *kind* namespace; None if it may."""
    name, flag = _NAMESPACES[kind]
    owner = f"the user namespace that owns the {name} namespace of this process"
    if not capable(CAP_SYS_ADMIN):
        return f"this needs CAP_SYS_ADMIN in {owner}: run as root, or call unshare(CLONE_NEWUSER | {flag}) first"
    foreign = is_foreign(kind)
    if foreign:
        return (
            f"the {name} namespace of this process belongs to a user namespace above its own, where it has no "
            f"capability: call unshare({flag}) first"
        )
    if foreign is None:
        return (
            f"this needs CAP_SYS_ADMIN in {owner}, or is not allowed in a user namespace, or a seccomp filter or a "
            f"security module forbids it; {UNSEEN}"
        )
    return None
