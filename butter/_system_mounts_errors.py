"""The errors of the mount API: which argument is wrong, and what is missing.

Those of a filesystem context are in ``_system_mounts_context``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from butter._constants.system import MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE
from butter._constants.system_mounts import (
    AT_EMPTY_PATH,
    FSPICK_EMPTY_PATH,
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_IDMAP,
    MOVE_MOUNT_BENEATH,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_T_EMPTY_PATH,
    OPEN_TREE_CLONE,
    Fspick,
    MountAt,
    MountAttr,
    MoveMount,
    OpenTree,
)
from butter._look import CAP_SYS_ADMIN, capable, is_foreign, look
from butter._system_look import mounts, not_privileged
from butter._system_mountinfo import MountLine
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    PathNotADirectory,
    PathNotFound,
    newer_than_kernel,
    raise_sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from butter._enums import Named
    from butter.errors import Meaning

#: the propagations of a mount, by the names that mount(8) has for them
PROPAGATIONS = {"shared": MS_SHARED, "slave": MS_SLAVE, "private": MS_PRIVATE, "unbindable": MS_UNBINDABLE}
# the ioctl that asks for the kind of a namespace, and its answer for a user namespace
_NS_GET_NSTYPE = 0xB703
_CLONE_NEWUSER = 0x10000000


def unknown(flags: int, *names: type[Named]) -> str | None:
    """Return a sentence about the bits of *flags* that have no name, or are too new."""
    rest = flags
    for kind in names:
        for bits in kind.__members__.values():
            rest &= ~int(bits)
    if rest:
        return f"unknown flags {rest:#x}"
    return next(filter(None, (newer_than_kernel(flags, kind) for kind in names)), None)


def privilege(**_: object) -> str:
    return not_privileged("mnt") or NOT_ALLOWED


def _end(dirfd: int, path: Any) -> str:
    """Return a name for a file that is given by a directory and a path."""
    return repr(os.fsdecode(path)) if path else f"descriptor {dirfd}"


class _Place(NamedTuple):
    """The state of a file that is given by a directory and a path; None if unknown."""

    exists: bool | None = None
    root: bool | None = None  # of a mount
    directory: bool | None = None
    table: bool = False  # whether the mount table could be read, for the rest
    mount: MountLine | None = None  # None also for one that is attached nowhere
    parent: MountLine | None = None


def _look_at(dirfd: int, path: Any) -> _Place:
    """Look at a file, without a descriptor, and without a word to a server."""
    place = look(path or "", dirfd, AT_EMPTY_PATH)
    if not place.exists:
        return _Place(exists=place.exists)
    table = mounts()
    mount = None if place.mount is None else table.get(place.mount)
    return _Place(
        exists=True,
        root=place.begins,
        directory=None if place.type is None else stat.S_ISDIR(place.type),
        table=bool(table) and place.mount is not None,
        mount=mount,
        parent=table.get(mount.parent) if mount else None,
    )


def _nothing(path: Any, allowed: bool, flag: str) -> str:
    if path or allowed:
        return f"{os.fsdecode(path or '')!r} does not exist"
    return f"the path is empty, which only {flag} allows"


def namespaces_exhausted(**_: object) -> str:
    return f"the mount needs a mount namespace until it is attached: {raise_sysctl('user.max_mnt_namespaces')}"


# fspick, open_tree, move_mount


def _not_picked(path: object, dirfd: int, flags: int, **_: object) -> str:
    return unknown(flags, Fspick) or f"{_end(dirfd, path)} is not where a filesystem is mounted"


def _nothing_to_pick(path: object, flags: int, **_: object) -> str:
    return _nothing(path, bool(flags & FSPICK_EMPTY_PATH), "FSPICK_EMPTY_PATH")


def _nothing_there(path: object, flags: int, **_: object) -> str:
    return _nothing(path, bool(flags & AT_EMPTY_PATH), "AT_EMPTY_PATH")


def _not_opened(path: object, dirfd: int, flags: int, **_: object) -> str:
    wrong = unknown(flags, OpenTree, MountAt)
    if wrong:
        return wrong
    if not flags & OPEN_TREE_CLONE:
        return "AT_RECURSIVE is for OPEN_TREE_CLONE"
    place = _look_at(dirfd, path)
    if place.mount and "unbindable" in place.mount.propagation:
        return f"the mount at {place.mount.target!r} is unbindable, so it cannot be copied"
    unbindable = "" if place.table else "it is unbindable, or "
    return (
        f"the mount cannot be copied: {unbindable}it belongs to another mount namespace, or what is below it is hidden"
    )


_LOOKUP: Mapping[int, Meaning] = {
    **PATH,
    errno.EBADF: BAD_DESCRIPTOR,
    errno.ENOENT: (PathNotFound, _nothing_there),
    errno.EPERM: (PermissionError, privilege),
}
FSPICK = Errors(
    "fspick",
    {
        **NEW_DESCRIPTOR,
        **_LOOKUP,
        errno.EINVAL: (InvalidArgument, _not_picked),
        errno.ENOENT: (PathNotFound, _nothing_to_pick),
    },
    since="5.2",
)
OPEN_TREE = Errors(
    "open_tree",
    {
        **NEW_DESCRIPTOR,
        **_LOOKUP,
        errno.EINVAL: (InvalidArgument, _not_opened),
        errno.ENOSPC: (OSError, namespaces_exhausted),
    },
    since="5.2",
)


def _missing_end(from_dirfd: int, from_path: Any, to_dirfd: int, to_path: Any, flags: int, **_: object) -> str:
    for name, path, allowed in ("F", from_path, MOVE_MOUNT_F_EMPTY_PATH), ("T", to_path, MOVE_MOUNT_T_EMPTY_PATH):
        if not path and not flags & allowed:
            return f"a path is empty, which only MOVE_MOUNT_{name}_EMPTY_PATH allows"
    source, target = _end(from_dirfd, from_path), _end(to_dirfd, to_path)
    if _look_at(from_dirfd, from_path).exists is False:
        return f"the source {source} does not exist"
    if _look_at(to_dirfd, to_path).exists is False:
        return f"the target {target} does not exist"
    return f"the source {source} or the target {target} does not exist any more"


def _not_moved(from_dirfd: int, from_path: Any, to_dirfd: int, to_path: Any, flags: int, **_: object) -> str:
    wrong = unknown(flags, MoveMount)
    if wrong:
        return wrong
    source, target = _look_at(from_dirfd, from_path), _look_at(to_dirfd, to_path)
    names = _end(from_dirfd, from_path), _end(to_dirfd, to_path)
    if source.root is False:
        return f"the source {names[0]} is not where a mount begins"
    if flags & MOVE_MOUNT_BENEATH and target.root is False:
        return f"nothing is mounted on the target {names[1]}, so nothing can be put beneath it"
    if {source.directory, target.directory} == {True, False}:
        return f"one of the source {names[0]} and the target {names[1]} is a directory, and the other is not"
    if source.parent and source.parent.shared:
        return f"the source {names[0]} is on a shared mount, {source.parent.target!r}, which has to be private first"
    if target.mount and target.mount.shared:
        return f"the target {names[1]} is on a shared mount, and a mount of the source is unbindable or below itself"
    if source.table and target.table:
        return "the source or the target belongs to another mount namespace, or is a mount that cannot move"
    return (
        "the source is not where a mount begins, or the source or the target is on a shared mount, belongs to another"
        " mount namespace, or is a mount that cannot move"
    )


MOVE_MOUNT = Errors(
    "move_mount",
    {
        **PATH,
        errno.EBADF: (
            InvalidArgument,
            lambda from_dirfd, to_dirfd, **_: (
                f"descriptor {from_dirfd} of the source, or descriptor {to_dirfd} of the target, is not open"
            ),
        ),
        errno.EINVAL: (InvalidArgument, _not_moved),
        errno.ELOOP: (InvalidArgument, "too many symbolic links in a path, or the target is below the source itself"),
        errno.ENOENT: (PathNotFound, _missing_end),
        errno.ENOSPC: (OSError, lambda **_: f"there are too many mounts: {raise_sysctl('fs.mount-max')}"),
        errno.ENOTDIR: (PathNotADirectory, "a part of a path is not a directory, or one end is a file"),
        errno.EPERM: (PermissionError, privilege),
    },
    since="5.2",
)


# mount_setattr


def _is_user_namespace(fd: int) -> bool:
    try:
        return fd >= 0 and fcntl.ioctl(fd, _NS_GET_NSTYPE) == _CLONE_NEWUSER
    except OSError:
        return False


def _attributes_refused(attr_set: int, attr_clr: int, propagation: int, userns_fd: int) -> str | None:
    """Return a sentence about attributes that no mount can have."""
    wrong = unknown(attr_set | attr_clr, MountAttr)
    if wrong:
        return wrong
    if propagation not in (0, *PROPAGATIONS.values()):
        return "propagation has to be one of MS_SHARED, MS_SLAVE, MS_PRIVATE and MS_UNBINDABLE"
    if attr_clr & MOUNT_ATTR_IDMAP:
        return "MOUNT_ATTR_IDMAP cannot be cleared"
    if attr_clr & MOUNT_ATTR__ATIME not in (0, MOUNT_ATTR__ATIME) or (
        attr_set & MOUNT_ATTR__ATIME and not attr_clr & MOUNT_ATTR__ATIME
    ):
        return "to change the access times, attr_clr needs all of MOUNT_ATTR__ATIME"
    if attr_set & MOUNT_ATTR_IDMAP and not _is_user_namespace(userns_fd):
        return f"descriptor {userns_fd} is not a user namespace"
    return None


def _not_set(
    path: object, dirfd: int, flags: int, attr_set: int, attr_clr: int, propagation: int, userns_fd: int, **_: object
) -> str:
    wrong = unknown(flags, MountAt) or _attributes_refused(attr_set, attr_clr, propagation, userns_fd)
    if wrong:
        return wrong
    place = _look_at(dirfd, path)
    inside = f"{_end(dirfd, path)} is not where a mount begins"
    if place.root is False:
        return inside
    if attr_set & MOUNT_ATTR_IDMAP:
        if place.mount:
            return "the mount is attached: owners can be mapped before that, as in a copy of the mount"
        attached = "" if place.table else "the mount is attached, or "
        return f"{attached}the filesystem of the mount cannot map owners, or the namespace has no map"
    foreign = "the mount belongs to another mount namespace"
    return foreign if place.root else f"{inside}, or {foreign}"


def _not_set_now(attr_set: int, **_: object) -> str:
    change = "mapping owners" if attr_set & MOUNT_ATTR_IDMAP else "MOUNT_ATTR_RDONLY"
    return f"a file of the mount is open for writing, which {change} does not allow"


def _locked(attr_set: int, **_: object) -> str:
    missing = not_privileged("mnt")
    if missing and (not capable(CAP_SYS_ADMIN) or is_foreign("mnt")):
        return missing
    if attr_set & MOUNT_ATTR_IDMAP:
        locked = (
            "the mount maps owners already, the namespace is the first user namespace, or the filesystem belongs to"
            " another user namespace"
        )
    else:
        locked = "an attribute is locked, because the mount comes from a mount namespace with more privileges"
    return f"{locked}, or {missing}" if missing else locked


_SETATTR: Mapping[int, Meaning] = {
    **_LOOKUP,
    errno.EBADF: (
        InvalidArgument,
        lambda dirfd, userns_fd, **_: f"descriptor {dirfd} of the path, or userns_fd {userns_fd}, is not open",
    ),
    errno.EBUSY: (OSError, _not_set_now),
    errno.EINVAL: (InvalidArgument, _not_set),
    errno.ENOSPC: (OSError, "the kernel has no peer group left for a shared mount"),
    errno.EPERM: (PermissionError, _locked),
}
MOUNT_SETATTR = Errors("mount_setattr", _SETATTR, since="5.12")


def _tree_not_opened(
    path: object, dirfd: int, flags: int, attr_set: int, attr_clr: int, propagation: int, userns_fd: int, **_: object
) -> str:
    wrong = unknown(flags, OpenTree, MountAt) or _attributes_refused(attr_set, attr_clr, propagation, userns_fd)
    if wrong:
        return wrong
    if flags & OPEN_TREE_CLONE or not attr_set | attr_clr | propagation:
        return _not_opened(path, dirfd, flags)
    return _not_set(path, dirfd, flags & ~sum(OpenTree), attr_set, attr_clr, propagation, userns_fd)


def _no_room(flags: int, **_: object) -> str:
    if flags & OPEN_TREE_CLONE:
        return namespaces_exhausted()
    return "the kernel has no peer group left for a shared mount"


OPEN_TREE_ATTR = Errors(
    "open_tree_attr",
    {
        **NEW_DESCRIPTOR,
        **_SETATTR,
        errno.EINVAL: (InvalidArgument, _tree_not_opened),
        errno.ENOSPC: (OSError, _no_room),
    },
    since="6.15",
)
