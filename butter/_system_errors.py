"""The errors of mount, umount, pivot_root and names: which path is wrong, and why."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._constants.system import (
    HOST_NAME_MAX,
    MAXPATHLEN,
    MNT_DETACH,
    MNT_EXPIRE,
    MNT_FORCE,
    MS_BIND,
    MS_MOVE,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SILENT,
    MS_SLAVE,
    MS_UNBINDABLE,
    UMOUNT_NOFOLLOW,
    MountFlags,
)
from butter._system_look import (
    filesystems,
    first_failing,
    in_user_namespace,
    is_foreign,
    kind_of,
    mount_at,
    mount_of,
    mounts,
    not_privileged,
    real,
    used_by_this_process,
)
from butter.errors import (
    NOT_ALLOWED,
    PATH,
    Errors,
    InternalError,
    InvalidArgument,
    InvalidPath,
    PathNotADirectory,
    PathNotFound,
    raise_sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from butter._system_mountinfo import MountLine
    from butter.errors import Meaning


class Retry(BlockingIOError):
    """``MNT_EXPIRE`` has marked the mount; a second call unmounts what is unused."""


PROPAGATIONS = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE
# flags that a mount keeps which came from a more privileged mount namespace
_LOCKED = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
# filesystems that show a namespace, which has to be of this process's user namespace
_SHOWN = {"proc": "pid", "sysfs": "net", "mqueue": "ipc", "cgroup": "cgroup", "cgroup2": "cgroup"}
_MORE_IN_THE_LOG = "the kernel's log ('dmesg') may say more"
_PRIVATE_FIRST = "call mount(None, '/', None, MS_REC | MS_PRIVATE) before"
_LOCKED_MOUNT = "is locked, since it came from a mount namespace with more privileges"


def _which(number: int, sentence: str, otherwise: str) -> Callable[..., str]:
    """Return a sentence about the path whose lookup fails with errno *number*.

    The kernel looks up the target first, and the source only where that is a path.
    """

    def which(
        target: str | None = None, src: str | None = None, new: str | None = None, old: str | None = None, **_: object
    ) -> str:
        path = first_failing(number, target, src, new, old)
        return otherwise if path is None else f"{path!r} {sentence}"

    return which


def _names(flags: int) -> str:
    return " | ".join(f"MS_{name}" for name in str(MountFlags(flags)).split("|"))


def _line(path: str) -> MountLine | None:
    """Return the mount that a path is on, None if that is unknown."""
    return mounts().get(mount_of(path) or 0)


def _not_mounted(target: str) -> str | None:
    """Return why *target* is not a mount point of this process; None if it is one."""
    table, number = mounts(), mount_of(target)
    if not table or number is None:
        return None
    if number not in table:
        return f"{target!r} is on a mount of another mount namespace, or on one that was detached or is out of reach"
    begin = table[number].target
    if begin == real(target):
        return None
    return f"{target!r} is not a mount point: it is a part of the mount at {begin!r}"


def _shared_parent(path: str) -> str | None:
    """Return the place of the mount below the one at *path*, if it is shared."""
    table = mounts()
    line = table.get(mount_of(path) or 0)
    below = table.get(line.parent) if line else None
    return below.target if below and below.shared else None


def _mount_refused(
    src: str | None = None,
    target: str = "",
    fs: str | None = None,
    flags: int = 0,
    data: bytes | None = None,
    **_: object,
) -> str:
    for name, text in ("source", src), ("name of the filesystem", fs):
        if text is not None and len(os.fsencode(text)) >= MAXPATHLEN:
            return f"the {name} has more than {MAXPATHLEN - 1} bytes"
    if flags & MS_REMOUNT:
        return _remount_refused(target, flags, data)
    if flags & MS_BIND:
        return _bind_refused(src, flags)
    if flags & PROPAGATIONS:
        return _propagation_refused(target, flags)
    if flags & MS_MOVE:
        return _move_refused(src, target)
    if fs is None:
        return "a new mount needs the name of a filesystem"
    options = "" if data is None else os.fsdecode(data)
    if filesystems().get(fs):
        return f"{src!r} has no valid superblock of {fs!r}, or an option is wrong: {options!r}; {_MORE_IN_THE_LOG}"
    return f"the filesystem {fs!r} does not take the source {src!r} with the options {options!r}; {_MORE_IN_THE_LOG}"


def _remount_refused(target: str, flags: int, data: bytes | None) -> str:
    if flags & MS_BIND:
        return _not_mounted(target) or "the mount does not take these flags"
    options = "" if data is None else os.fsdecode(data)
    return _not_mounted(target) or f"the filesystem does not take the options {options!r}; {_MORE_IN_THE_LOG}"


def _bind_refused(src: str | None, flags: int) -> str:
    if not src:
        return "MS_BIND needs a source, the path of a file or directory that exists"
    line = _line(src)
    if line and "unbindable" in line.propagation:
        return f"{src!r} is on a mount that is unbindable, the one at {line.target!r}"
    if mounts() and not line:
        return f"{src!r} is on a mount of another mount namespace, or is a mount namespace of which this one is a part"
    if not flags & MS_REC and in_user_namespace():
        return f"the mounts below {src!r} are locked, so what they hide must not be seen: add MS_REC"
    return f"the mount that {src!r} is on cannot be bound"


def _propagation_refused(target: str, flags: int) -> str:
    chosen = flags & PROPAGATIONS
    if chosen & (chosen - 1):
        return f"{_names(chosen)} exclude each other"
    others = flags & ~(PROPAGATIONS | MS_REC | MS_SILENT)
    if others:
        return f"beside {_names(chosen)} only MS_REC and MS_SILENT are allowed, not {_names(others)}"
    return _not_mounted(target) or "the propagation of this mount cannot be changed"


def _move_refused(src: str | None, target: str) -> str:
    if not src:
        return "MS_MOVE needs a source, the path of a mount point"
    if real(src) == "/":
        return "the root of all mounts cannot be moved; pivot_root() exchanges it"
    shared = _shared_parent(src)
    if shared:
        return (
            f"{src!r} is on the mount at {shared!r}, whose propagation is shared: make that private before, by "
            f"mount(None, {shared!r}, None, MS_PRIVATE)"
        )
    kinds = kind_of(src), kind_of(target)
    if "a directory" in kinds and kinds[0] != kinds[1]:
        return f"{src!r} is {kinds[0]}, and {target!r} is {kinds[1]}"
    line = _line(target)
    if line and line.shared:
        return f"{target!r} is on a shared mount, and a mount of {src!r} is unbindable"
    return _not_mounted(src) or f"{src!r} {_LOCKED_MOUNT}"


def _not_permitted(target: str = "", fs: str | None = None, flags: int = 0, **_: object) -> str:
    refused = not_privileged("mnt")
    if refused:
        return refused
    line = _line(target)
    if flags & MS_REMOUNT:
        kept = [bit for name, bit in _LOCKED.items() if line and name in line.options and not flags & bit]
        if kept and in_user_namespace():
            return f"the mount at {target!r} {_LOCKED_MOUNT}: its flags have to stay, so add {_names(sum(kept))}"
        if in_user_namespace() and not flags & MS_BIND:
            return "the filesystem belongs to another user namespace; MS_BIND | MS_REMOUNT changes this mount alone"
    elif fs and in_user_namespace() and not flags & (MS_BIND | MS_MOVE | PROPAGATIONS):
        return _not_in_user_namespaces(fs)
    return NOT_ALLOWED


def _not_in_user_namespaces(fs: str) -> str:
    shown = _SHOWN.get(fs)
    if shown is None:
        return f"a user namespace cannot mount the filesystem {fs!r}; it can mount tmpfs, overlay, fuse and a few more"
    if is_foreign(shown):
        return f"{fs!r} shows the {shown} namespace, which belongs to another user namespace than that of this process"
    return (
        f"a new {fs!r} would show more than those that are mounted: one has to be visible as a whole, with the same "
        "flags and without mounts on it"
    )


def _mount_busy(src: str | None = None, target: str = "", fs: str | None = None, flags: int = 0, **_: object) -> str:
    if flags & MS_REMOUNT:
        return f"files on {target!r} are open for writing, so it cannot become read-only"
    line = _line(target)
    if line and line.source == src and line.target == real(target):
        return f"{src!r} is mounted on {target!r} already"
    if filesystems().get(fs or ""):
        return f"{src!r} is in use: mounted with other options, or held by a device mapper, as swap or by a program"
    return f"what the source {src!r} or the options name is in use by another mount"


def _nothing_there(
    src: str | None = None,
    target: str | None = None,
    fs: str | None = None,
    flags: int = 0,
    data: bytes = b"",
    **_: object,
) -> str:
    # many filesystems do not take their source for a path
    is_path = flags & (MS_BIND | MS_MOVE) or filesystems().get(fs or "")
    path = first_failing(errno.ENOENT, target, src if is_path else None)
    if path is not None:
        return f"{path!r} does not exist"
    if data and not flags & MS_REMOUNT:
        return f"a path in the options {os.fsdecode(data)!r} does not exist"
    return "a path is empty, or names a directory that was removed"


def _not_a_device(src: str | None = None, fs: str | None = None, **_: object) -> str:
    return (
        f"the filesystem {fs!r} needs a block device, and {src!r} is {kind_of(src or '')}; losetup makes one of a file"
    )


def _unknown_filesystem(fs: str | None = None, **_: object) -> str:
    known = filesystems()
    if fs is None or (known and fs.partition(".")[0] in known):
        return "the device of the source does not exist"
    return (
        f"this kernel does not know the filesystem {fs!r}, and found no module for it; /proc/filesystems has those "
        "that it knows"
    )


def _not_directories(src: str | None = None, target: str | None = None, flags: int = 0, **_: object) -> str:
    path = first_failing(errno.ENOTDIR, target, src)
    if path is not None:
        return f"a part of {path!r} is not a directory"
    kinds = kind_of(src or ""), kind_of(target or "")
    if flags & (MS_BIND | MS_MOVE) and all(kinds):
        return f"{src!r} is {kinds[0]}, so it cannot be mounted on {target!r}, which is {kinds[1]}"
    return f"{target!r} is not a directory"


def _no_access(src: str | None = None, target: str | None = None, flags: int = 0, **_: object) -> str:
    path = first_failing(errno.EACCES, target, src)
    if path is not None:
        return f"no permission to search a directory of {path!r}"
    device = src is not None and kind_of(src) == "a block device"
    line = _line(src) if src and device else None
    if line and "nodev" in line.options:
        return f"the device {src!r} is on the mount at {line.target!r}, which has MS_NODEV"
    if (device or flags & MS_REMOUNT) and not flags & MS_RDONLY:
        return "the device can only be read, or its filesystem: add MS_RDONLY"
    return "a security module, as AppArmor or SELinux, does not allow it"


def _below_itself(src: str | None = None, target: str | None = None, **_: object) -> str:
    path = first_failing(errno.ELOOP, target, src)
    if path is not None:
        return f"too many symbolic links in {path!r}"
    return f"{target!r} is below {src!r}, so that cannot be moved there"


def _too_many_mounts(**_: object) -> str:
    return f"this mount namespace has {len(mounts())} mounts: {raise_sysctl('fs.mount-max')}"


_NOT_SEARCHED = _which(errno.EACCES, "is in a directory that this process may not search", "no access to a directory")
_LOOP = _which(errno.ELOOP, "goes through too many symbolic links", "too many symbolic links in a path")
_TOO_LONG = _which(
    errno.ENAMETOOLONG,
    f"is longer than {MAXPATHLEN - 1} bytes, or a name in it is longer than its filesystem allows",
    "a path is too long",
)
_MISSING = _which(errno.ENOENT, "does not exist", "a path is empty, or names a directory that was removed")
_NOT_A_DIRECTORY = _which(errno.ENOTDIR, "has a part that is not a directory", "a path is not a directory")
_PATHS: Mapping[int, Meaning] = {
    **PATH,
    errno.EACCES: (PermissionError, _NOT_SEARCHED),
    errno.EFAULT: (InvalidArgument, "an argument is not in the memory of this process"),
    errno.ELOOP: (InvalidPath, _LOOP),
    errno.ENAMETOOLONG: (InvalidPath, _TOO_LONG),
    errno.ENOENT: (PathNotFound, _MISSING),
    errno.ENOTDIR: (PathNotADirectory, _NOT_A_DIRECTORY),
}
MOUNT = Errors(
    "mount",
    {
        **_PATHS,
        errno.EACCES: (PermissionError, _no_access),
        errno.EBUSY: (InvalidArgument, _mount_busy),
        errno.EINVAL: (InvalidArgument, _mount_refused),
        errno.ELOOP: (InvalidPath, _below_itself),
        errno.EMFILE: (OSError, "the kernel has no number left for a filesystem without a device"),
        errno.ENODEV: (OSError, _unknown_filesystem),
        errno.ENOENT: (PathNotFound, _nothing_there),
        errno.ENOSPC: (OSError, _too_many_mounts),
        errno.ENOTBLK: (InvalidArgument, _not_a_device),
        errno.ENOTDIR: (PathNotADirectory, _not_directories),
        errno.ENXIO: (OSError, "no driver has the device of the source, or it has no medium"),
        errno.EOPNOTSUPP: (OSError, "the filesystem or its server does not support this"),
        errno.EPERM: (PermissionError, _not_permitted),
        errno.EROFS: (OSError, "the source can only be read: add MS_RDONLY"),
        errno.EUCLEAN: (OSError, "the filesystem is damaged: check it, as fsck does"),
    },
)


def _umount_refused(target: str = "", flags: int = 0, **_: object) -> str:
    unknown = flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)
    if unknown:
        return f"unknown flags {unknown & 0xFFFFFFFF:#x}"
    if flags & UMOUNT_NOFOLLOW and os.path.islink(target):
        return f"{target!r} is a symbolic link, which UMOUNT_NOFOLLOW does not follow"
    missing = _not_mounted(target)
    if missing:
        return missing
    if flags & MNT_EXPIRE and flags & (MNT_FORCE | MNT_DETACH):
        return "MNT_EXPIRE excludes MNT_FORCE and MNT_DETACH"
    if flags & MNT_EXPIRE and real(target) == "/":
        return "the root of this process cannot expire"
    return f"{target!r} {_LOCKED_MOUNT}"


def _umount_not_permitted(flags: int = 0, **_: object) -> str:
    refused = not_privileged("mnt")
    if refused:
        return refused
    if flags & MNT_FORCE and in_user_namespace():
        return "MNT_FORCE needs CAP_SYS_ADMIN in the user namespace of the filesystem, or outside of all"
    return NOT_ALLOWED


def _umount_busy(target: str = "", **_: object) -> str:
    number = mount_at(target)
    others = [line.target for line in mounts().values() if line.parent == number]
    if others:
        return f"other mounts are on {target!r}: {', '.join(others[:5])}; unmount them before, or use MNT_DETACH"
    used = used_by_this_process(number)
    if used:
        return f"{used} of this process is on {target!r}; MNT_DETACH unmounts it nevertheless"
    return f"a process uses {target!r}, which 'fuser -vm' lists; MNT_DETACH unmounts it nevertheless"


UMOUNT = Errors(
    "umount2",
    {
        **_PATHS,
        errno.EAGAIN: (Retry, "MNT_EXPIRE has marked the mount: call again, and it is unmounted if it was not used"),
        errno.EBUSY: (InvalidArgument, _umount_busy),
        errno.EINVAL: (InvalidArgument, _umount_refused),
        errno.EPERM: (PermissionError, _umount_not_permitted),
    },
)


def _pivot_refused(new: str = "", old: str = "", **_: object) -> str:
    if real(new) == "/":
        return f"{new!r} is the root already"
    table = mounts()
    root = table.get(mount_of("/") or 0)
    if table and root is None:
        return "the root directory of this process is not a mount point, because of a chroot()"
    if root and root.kind == "rootfs":
        return "the root is the rootfs that the kernel began with, which stays: move a mount to '/' and use chroot()"
    line = _line(old)
    if line and line.shared:
        return f"{old!r} is on a mount whose propagation is shared: {_PRIVATE_FIRST}"
    shared = _shared_parent(new)
    if shared:
        return f"{new!r} is mounted on the mount at {shared!r}, whose propagation is shared: {_PRIVATE_FIRST}"
    missing = _not_mounted(new)
    if missing:
        return missing
    inside = real(new).rstrip("/") + "/"
    if not (real(old) + "/").startswith(inside):
        return f"{old!r} is not below {new!r}"
    return f"the mount that the root is on is shared, or {new!r} {_LOCKED_MOUNT}"


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
        **_PATHS,
        errno.EBUSY: (InvalidArgument, _on_the_root),
        errno.EINVAL: (InvalidArgument, _pivot_refused),
        errno.ENOTDIR: (PathNotADirectory, _pivot_not_a_directory),
        errno.EPERM: (PermissionError, _pivot_not_permitted),
    },
)


def _name_refused(name: bytes = b"", **_: object) -> str:
    return f"the name has {len(name)} bytes; at most {HOST_NAME_MAX} are allowed"


def _name_not_permitted(**_: object) -> str:
    return not_privileged("uts") or NOT_ALLOWED


_NAME_TO_SET: Mapping[int, Meaning] = {
    errno.EFAULT: (InvalidArgument, "the name is not in the memory of this process"),
    errno.EINVAL: (InvalidArgument, _name_refused),
    errno.EPERM: (PermissionError, _name_not_permitted),
}
_NAME_TO_GET: Mapping[int, Meaning] = {
    errno.EFAULT: (InvalidArgument, "the buffer is not in the memory of this process"),
    errno.EINVAL: (InvalidArgument, "the length of the buffer is not valid"),
    errno.ENAMETOOLONG: (InternalError, "the name is longer than the buffer"),
}
SETHOSTNAME = Errors("sethostname", _NAME_TO_SET)
SETDOMAINNAME = Errors("setdomainname", _NAME_TO_SET)
GETHOSTNAME = Errors("gethostname", _NAME_TO_GET)
GETDOMAINNAME = Errors("getdomainname", _NAME_TO_GET)
