"""The errors of mount, and of host names: which argument is wrong, and why."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._constants.system import (
    HOST_NAME_MAX,
    MAXPATHLEN,
    MS_BIND,
    MS_MGC_MSK,
    MS_MGC_VAL,
    MS_MOVE,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_NOUSER,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SILENT,
    MS_SLAVE,
    MS_UNBINDABLE,
    MountFlags,
)
from butter._system_look import (
    UNSEEN,
    filesystems,
    first_failing,
    in_user_namespace,
    is_foreign,
    kind_of,
    look,
    mount_of,
    mounts,
    not_privileged,
    real,
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


PROPAGATIONS = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE
# flags that a mount keeps which came from a more privileged mount namespace
_LOCKED = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
# filesystems that show a namespace, which has to be of this process's user namespace
SHOWN = {"proc": "pid", "sysfs": "net", "mqueue": "ipc", "cgroup": "cgroup", "cgroup2": "cgroup"}
_MORE_IN_THE_LOG = "the kernel's log ('dmesg') may say more"
PRIVATE_FIRST = "call mount(None, '/', None, MS_REC | MS_PRIVATE) before"
LOCKED_MOUNT = "is locked, since it came from a mount namespace with more privileges"


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


def line_of(path: str) -> MountLine | None:
    """Return the mount that a path is on, None if that is unknown."""
    return mounts().get(mount_of(path) or 0)


def not_reachable(target: str) -> str | None:
    """Return a sentence about a path on a mount that this process does not see."""
    table, number = mounts(), mount_of(target)
    if not table or number is None or number in table:
        return None
    return f"{target!r} is on a mount of another mount namespace, or on one that was detached or is out of reach"


def not_mounted(target: str) -> str | None:
    """Return why *target* is not a mount point of this process; None if it is one.

    None also where neither the kernel nor /proc tells.
    """
    place, line = look(target), line_of(target)
    sentence = not_reachable(target)
    if sentence:
        return sentence
    if place.begins or (place.begins is None and (line is None or line.target == real(target))):
        return None
    return f"{target!r} is not a mount point" + (f": it is a part of the mount at {line.target!r}" if line else "")


def locked(path: str, otherwise: str = "") -> str:
    """Return the sentence for a mount point where nothing else is wrong.

    *otherwise* are more causes, which /proc would have shown.
    """
    if mounts():
        return f"{path!r} {LOCKED_MOUNT}"
    return f"{path!r} {LOCKED_MOUNT}, or is of another mount namespace{otherwise}; {UNSEEN}"


def shared_parent(path: str) -> str | None:
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
    # MS_NOUSER is the highest bit of a C int, and so are all above; the number of old
    # programs covers them
    unknown = 0 if flags & MS_MGC_MSK == MS_MGC_VAL else flags & -MS_NOUSER
    if unknown:
        return f"programs cannot use the flags {unknown:#x}"
    unreachable = not_reachable(target)
    if unreachable:
        return unreachable
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
    options = "" if data is None else os.fsdecode(data)
    refused = "the mount does not take these flags"
    if not flags & MS_BIND:
        refused = f"the filesystem does not take the options {options!r}; {_MORE_IN_THE_LOG}"
    if not mounts():
        refused = f"{target!r} is of another mount namespace, or {refused}; {UNSEEN}"
    return not_mounted(target) or refused


def _bind_refused(src: str | None, flags: int) -> str:
    if not src:
        return "MS_BIND needs a source, the path of a file or directory that exists"
    line = line_of(src)
    if line and "unbindable" in line.propagation:
        return f"{src!r} is on a mount that is unbindable, the one at {line.target!r}"
    if not line and mounts():
        return f"{src!r} is on a mount of another mount namespace, or is a mount namespace of which this one is a part"
    refused = f"the mount that {src!r} is on cannot be bound"
    if not mounts():
        return f"{refused}: it is of another mount namespace, unbindable, or needs MS_REC; {UNSEEN}"
    if not flags & MS_REC and in_user_namespace():
        return f"the mounts below {src!r} are locked, so what they hide must not be seen: add MS_REC"
    return refused


def _propagation_refused(target: str, flags: int) -> str:
    chosen = flags & PROPAGATIONS
    if chosen & (chosen - 1):
        return f"{_names(chosen)} exclude each other"
    others = flags & ~(PROPAGATIONS | MS_REC | MS_SILENT)
    if others:
        return f"beside {_names(chosen)} only MS_REC and MS_SILENT are allowed, not {_names(others)}"
    return not_mounted(target) or "the propagation of this mount cannot be changed"


def _move_refused(src: str | None, target: str) -> str:
    if not src:
        return "MS_MOVE needs a source, the path of a mount point"
    if real(src) == "/":
        return "the root of all mounts cannot be moved; pivot_root() exchanges it"
    shared = shared_parent(src)
    if shared:
        return (
            f"{src!r} is on the mount at {shared!r}, whose propagation is shared: make that private before, by "
            f"mount(None, {shared!r}, None, MS_PRIVATE)"
        )
    kinds = kind_of(src), kind_of(target)
    if "a directory" in kinds and kinds[0] != kinds[1]:
        return f"{src!r} is {kinds[0]}, and {target!r} is {kinds[1]}"
    line = line_of(target)
    if line and line.shared:
        return f"{target!r} is on a shared mount, and a mount of {src!r} is unbindable"
    return not_mounted(src) or locked(src, ", or is on a shared mount")


def _not_permitted(target: str = "", fs: str | None = None, flags: int = 0, **_: object) -> str:
    refused = not_privileged("mnt")
    if refused:
        return refused
    if flags & MS_REMOUNT:
        kept = locked_flags(target, flags) if in_user_namespace() else None
        if kept:
            return kept
        if in_user_namespace() and not flags & MS_BIND:
            return "the filesystem belongs to another user namespace; MS_BIND | MS_REMOUNT changes this mount alone"
    elif fs and in_user_namespace() and not flags & (MS_BIND | MS_MOVE | PROPAGATIONS):
        return _not_in_user_namespaces(fs)
    return NOT_ALLOWED


def locked_flags(target: str, flags: int) -> str | None:
    """Return the sentence for flags of a mount that a user namespace cannot clear."""
    line = line_of(target)
    kept = [bit for name, bit in _LOCKED.items() if line and name in line.options and not flags & bit]
    if not kept:
        return None
    return f"the mount at {target!r} {LOCKED_MOUNT}: its flags have to stay, so add {_names(sum(kept))}"


def _not_in_user_namespaces(fs: str) -> str:
    shown = SHOWN.get(fs)
    if shown is None:
        return not_of_users(fs)
    if is_foreign(shown):
        return f"{fs!r} shows the {shown} namespace, which belongs to another user namespace than that of this process"
    return shows_more(fs)


def not_of_users(fs: str) -> str:
    """Return the sentence for a filesystem that no user namespace mounts."""
    able = "tmpfs, fuse, overlay (Linux 5.11) and a few more"
    return f"a user namespace cannot mount the filesystem {fs!r}; it can mount {able}"


def shows_more(fs: str) -> str:
    """Return the sentence for a proc or sysfs that no other of its kind allows."""
    return (
        f"a new {fs!r} would show more than those that are mounted: one has to be visible as a whole, with the same "
        "flags and without mounts on it"
    )


def _mount_busy(src: str | None = None, target: str = "", fs: str | None = None, flags: int = 0, **_: object) -> str:
    if flags & MS_REMOUNT:
        return f"files on {target!r} are open for writing, so it cannot become read-only"
    line = line_of(target)
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
    known = filesystems()
    is_path = flags & (MS_BIND | MS_MOVE) or known.get(fs or "")
    path = first_failing(errno.ENOENT, target, src if is_path else None)
    if path is not None:
        return f"{path!r} does not exist"
    if data and not flags & MS_REMOUNT:
        return f"a path in the options {os.fsdecode(data)!r} does not exist"
    if not known and src is not None:
        return f"the source {src!r} does not exist, or {target!r} was removed or is on a mount that was detached"
    return not_reachable(target or "") or f"{target!r} was removed, or is on a mount that was detached"


def _not_a_device(src: str | None = None, fs: str | None = None, **_: object) -> str:
    kind = kind_of(src or "") or "not one"
    return f"the filesystem {fs!r} needs a block device, and {src!r} is {kind}; losetup makes one of a file"


def _unknown_filesystem(fs: str | None = None, **_: object) -> str:
    known = filesystems()
    if fs is None or (known and fs.partition(".")[0] in known):
        return "the device of the source does not exist"
    otherwise = "/proc/filesystems has those that it knows" if known else "or the device of the source does not exist"
    return f"this kernel does not know the filesystem {fs!r}, and found no module for it; {otherwise}"


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
    line = line_of(src) if src and device else None
    if line and "nodev" in line.options:
        return f"the device {src!r} is on the mount at {line.target!r}, which has MS_NODEV"
    if (device or flags & MS_REMOUNT) and not flags & MS_RDONLY:
        nodev = "" if mounts() or not device else f"; or {src!r} is on a mount with MS_NODEV"
        return f"the device can only be read, or its filesystem: add MS_RDONLY{nodev}"
    return "a security module, as AppArmor or SELinux, does not allow it"


def _below_itself(src: str | None = None, target: str | None = None, **_: object) -> str:
    path = first_failing(errno.ELOOP, target, src)
    if path is not None:
        return f"too many symbolic links in {path!r}"
    return f"{target!r} is below {src!r}, so that cannot be moved there"


def _too_many_mounts(**_: object) -> str:
    return f"this mount namespace has {len(mounts()) or 'too many'} mounts: {raise_sysctl('fs.mount-max')}"


_NOT_SEARCHED = _which(errno.EACCES, "is in a directory that this process may not search", "no access to a directory")
_LOOP = _which(errno.ELOOP, "goes through too many symbolic links", "too many symbolic links in a path")
_TOO_LONG = _which(
    errno.ENAMETOOLONG,
    f"is longer than {MAXPATHLEN - 1} bytes, or a name in it is longer than its filesystem allows",
    "a path is too long",
)
_MISSING = _which(errno.ENOENT, "does not exist", "a path is empty, or names a directory that was removed")
_NOT_A_DIRECTORY = _which(errno.ENOTDIR, "has a part that is not a directory", "a path is not a directory")
PATHS: Mapping[int, Meaning] = {
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
        **PATHS,
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
