"""The errors of umount and pivot_root: which path is wrong, and why."""

from __future__ import annotations

import errno

from butter._constants.system import MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW
from butter._system_errors import (
    PATHS,
    PRIVATE_FIRST,
    line_of,
    locked,
    not_mounted,
    shared_parent,
)
from butter._system_look import (
    in_user_namespace,
    kind_of,
    link_at,
    look,
    mount_at,
    mount_of,
    mounts,
    not_privileged,
    real,
    used_by_this_process,
)
from butter.errors import NOT_ALLOWED, Errors, InvalidArgument, PathNotADirectory


class Retry(BlockingIOError):
    """``MNT_EXPIRE`` has marked the mount; a second call unmounts what is unused."""


def _is_root(number: int | None) -> bool:
    """Return whether a mount is the one that the root of this process is on."""
    return number is not None and number == mount_of("/")


def _umount_refused(target: str = "", flags: int = 0, **_: object) -> str:
    unknown = flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)
    if unknown:
        return f"unknown flags {unknown & 0xFFFFFFFF:#x}"
    if flags & UMOUNT_NOFOLLOW and link_at(target) is not None:
        return f"{target!r} is a symbolic link, which UMOUNT_NOFOLLOW does not follow"
    missing = not_mounted(target)
    if missing:
        return missing
    if flags & MNT_EXPIRE and flags & (MNT_FORCE | MNT_DETACH):
        return "MNT_EXPIRE excludes MNT_FORCE and MNT_DETACH"
    if _is_root(mount_of(target)):
        verb = "expire" if flags & MNT_EXPIRE else "be unmounted"
        return f"{target!r} is the root, which cannot {verb}: pivot_root() exchanges it"
    return locked(target)


def _umount_not_permitted(flags: int = 0, **_: object) -> str:
    refused = not_privileged("mnt")
    if refused:
        return refused
    if flags & MNT_FORCE and in_user_namespace():
        return "MNT_FORCE needs CAP_SYS_ADMIN in the user namespace of the filesystem, or outside of all"
    return NOT_ALLOWED


def _umount_busy(target: str = "", flags: int = 0, **_: object) -> str:
    number = mount_at(target)
    if not flags & (MNT_DETACH | MNT_EXPIRE) and _is_root(number):
        return f"files on {target!r} are open for writing: the root is not unmounted, but made read-only"
    others = [line.target for line in mounts().values() if line.parent == number]
    if others:
        return f"other mounts are on {target!r}: {', '.join(others[:5])}; unmount them before, or use MNT_DETACH"
    used = used_by_this_process(number)
    if used:
        return f"{used} of this process is on {target!r}; MNT_DETACH unmounts it nevertheless"
    if not mounts():
        return f"a process uses {target!r}, or other mounts are on it; MNT_DETACH unmounts it nevertheless"
    return f"a process uses {target!r}, which 'fuser -vm' lists; MNT_DETACH unmounts it nevertheless"


UMOUNT = Errors(
    "umount2",
    {
        **PATHS,
        errno.EAGAIN: (Retry, "MNT_EXPIRE has marked the mount: call again, and it is unmounted if it was not used"),
        errno.EBUSY: (InvalidArgument, _umount_busy),
        errno.EINVAL: (InvalidArgument, _umount_refused),
        errno.EPERM: (PermissionError, _umount_not_permitted),
    },
)


def _pivot_refused(new: str = "", old: str = "", **_: object) -> str:
    if real(new) == "/":
        return f"{new!r} is the root already"
    root = line_of("/")
    if look("/").begins is False or (mounts() and root is None):
        return "the root directory of this process is not a mount point, because of a chroot()"
    if root and root.kind == "rootfs":
        return "the root is the rootfs that the kernel began with, which stays: move a mount to '/' and use chroot()"
    line = line_of(old)
    if line and line.shared:
        return f"{old!r} is on a mount whose propagation is shared: {PRIVATE_FIRST}"
    shared = shared_parent(new)
    if shared:
        return f"{new!r} is mounted on the mount at {shared!r}, whose propagation is shared: {PRIVATE_FIRST}"
    missing = not_mounted(new)
    if missing:
        return missing
    inside = real(new).rstrip("/") + "/"
    if not (real(old) + "/").startswith(inside):
        return f"{old!r} is not below {new!r}"
    return f"the mount that the root is on is shared, or {locked(new, ', or one of the mounts is shared')}"


def _on_the_root(new: str = "", old: str = "", **_: object) -> str:
    if real(new) == "/":
        return f"{new!r} is the root already"
    if mount_of(new) == mount_of("/"):
        return f"{new!r} is on the same mount as the root: bind it to itself before, by mount(new, new, None, MS_BIND)"
    return f"{old!r} is on the same mount as the root, and not below {new!r}"


def _pivot_not_permitted(**_: object) -> str:
    return not_privileged("mnt") or NOT_ALLOWED


def _pivot_not_a_directory(new: str = "", old: str = "", **_: object) -> str:
    if kind_of(new) == "a directory":
        return f"put_old {old!r} is not a directory, or a part of it is not"
    return f"new_root {new!r} is not a directory, or a part of it is not"


PIVOT_ROOT = Errors(
    "pivot_root",
    {
        **PATHS,
        errno.EBUSY: (InvalidArgument, _on_the_root),
        errno.EINVAL: (InvalidArgument, _pivot_refused),
        errno.ENOTDIR: (PathNotADirectory, _pivot_not_a_directory),
        errno.EPERM: (PermissionError, _pivot_not_permitted),
    },
)
