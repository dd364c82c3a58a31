"""The errors of the mount API: which argument is wrong, and what is missing."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from butter._constants.system import MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE
from butter._constants.system_mounts import (
    AT_EMPTY_PATH,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_BINARY,
    FSCONFIG_SET_FD,
    FSCONFIG_SET_FLAG,
    FSPICK_EMPTY_PATH,
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
    MOVE_MOUNT_BENEATH,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_T_EMPTY_PATH,
    OPEN_TREE_CLONE,
    FsconfigCommand,
    Fsmount,
    Fsopen,
    Fspick,
    MountAt,
    MountAttr,
    MoveMount,
    OpenTree,
)
from butter._descriptor import link_of
from butter._signals import raised_by_handler
from butter._system_look import has_capability, in_user_namespace, mount_of, mounts, not_privileged
from butter._system_mountinfo import MountLine
from butter._system_mounts_c import ffi, lib
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    PathNotADirectory,
    PathNotFound,
    UnknownError,
    newer_than_kernel,
    raise_sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from butter._enums import Named
    from butter.errors import Meaning

#: what /proc/self/fd says of the descriptor of fsopen or fspick
CONTEXT = "anon_inode:[fscontext]"
#: the propagations of a mount, by the names that mount(8) has for them
PROPAGATIONS = {"shared": MS_SHARED, "slave": MS_SLAVE, "private": MS_PRIVATE, "unbindable": MS_UNBINDABLE}
_ATIMES = (MOUNT_ATTR_RELATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME)
_LARGEST_FD = (1 << 31) - 1


def _log_of(fd: int) -> str:
    """Return the errors that the kernel has written about the context *fd*.

    The log, which may have warnings of earlier calls too, is then empty.
    """
    found = []
    try:
        # each read returns one message, as b"e tmpfs: Unknown parameter 'sizze'"
        while message := os.read(fd, 1 << 16):
            kind, _, text = os.fsdecode(message).strip().partition(" ")
            if kind == "e":
                found.append(text)
    except OSError as error:
        # ENODATA: there is no more
        if raised_by_handler(error):
            raise
    return "; ".join(found)


class ContextErrors(Errors):
    """The errors of a call for a filesystem context, whose log may know more."""

    def fail(self, number: int, path: Any = None, **arguments: Any) -> NoReturn:
        # Another kind of descriptor must not be read, and /proc, which knows the kind,
        # may not be mounted yet. The kernel tells a context apart, which it looks at
        # first, and then misses the descriptor of the option.
        fd = arguments.get("fd", -1)
        probe = lib.fsconfig(fd, FSCONFIG_SET_FD, b"fd", ffi.NULL, _LARGEST_FD)
        log = _log_of(fd) if probe in (-1 - errno.EBADF, -1 - errno.EOPNOTSUPP) else ""
        if not log:
            super().fail(number, path, **arguments)
        exception = self.meanings.get(number, (UnknownError, ""))[0]
        raise exception(number, f"{self.call}: {log}")


def unknown(flags: int, *names: type[Named]) -> str | None:
    """Return a sentence about the bits of *flags* that have no name, or are too new."""
    rest = flags
    for kind in names:
        for bits in kind.__members__.values():
            rest &= ~int(bits)
    if rest:
        return f"unknown flags {rest:#x}"
    return next(filter(None, (newer_than_kernel(flags, kind) for kind in names)), None)


def _privilege(**_: object) -> str:
    return not_privileged("mnt") or NOT_ALLOWED


def _end(dirfd: int, path: Any) -> str:
    """Return a name for a file that is given by a directory and a path."""
    return repr(os.fsdecode(path)) if path else f"descriptor {dirfd}"


class _Place(NamedTuple):
    """The state of a file that is given by a directory and a path."""

    exists: bool = False
    inside: bool = False  # not where a mount begins
    directory: bool = False
    mount: MountLine | None = None  # None also for one that is attached nowhere
    parent: MountLine | None = None


def _look_at(dirfd: int, path: Any) -> _Place:
    fd = lib.open_tree(dirfd, os.fsencode(path or ""), 0 if path else AT_EMPTY_PATH)
    if fd < 0:
        return _Place()
    try:
        table = mounts()
        mount = table.get(mount_of(f"/proc/thread-self/fd/{fd}") or 0)
        parent = table.get(mount.parent) if mount else None
        return _Place(True, lib.butter_is_mount(fd) == 0, stat.S_ISDIR(os.fstat(fd).st_mode), mount, parent)
    finally:
        os.close(fd)


def _nothing(path: Any, allowed: bool, flag: str) -> str:
    if path or allowed:
        return f"{os.fsdecode(path or '')!r} does not exist"
    return f"the path is empty, which only {flag} allows"


# fsopen, fsconfig, fsmount


def _type_refused(fstype: str, flags: int, **_: object) -> str:
    return unknown(flags, Fsopen) or f"the type has {len(fstype)} characters, which is too long"


def _no_type(fstype: str, **_: object) -> str:
    return f"this kernel has no filesystem {fstype!r}; /proc/filesystems lists those that are loaded"


def _type_denied(fstype: str, **_: object) -> str:
    if not_privileged("mnt") is None and in_user_namespace():
        return f"{fstype!r} shows a namespace that belongs to another user namespace than that of this process"
    return _privilege()


def _wrong_parts(cmd: int, key: object, value: object, aux: int) -> str | None:
    """Return a sentence about what a command of fsconfig does not take, or lacks."""
    name = f"FSCONFIG_{FsconfigCommand(cmd)}" if cmd in FsconfigCommand.__members__.values() else ""
    if cmd >= FSCONFIG_CMD_CREATE:
        return f"{name} takes neither key nor value nor aux" if key or value is not None or aux else None
    if key is None:
        return f"{name} needs a key"
    if cmd in (FSCONFIG_SET_FLAG, FSCONFIG_SET_FD):
        if value is not None:
            return f"{name} takes no value"
    elif value is None:
        return f"{name} needs a value"
    if cmd < FSCONFIG_SET_BINARY and aux:
        return f"{name} takes no aux"
    if cmd == FSCONFIG_SET_BINARY and not 0 < aux <= 1 << 20:
        return f"{name} takes 1 to 1048576 bytes, not {aux}"
    return f"{name} needs a descriptor as aux, not {aux}" if cmd == FSCONFIG_SET_FD and aux < 0 else None


def _not_a_context(fd: int) -> str | None:
    link = link_of(fd)
    if fd >= 0 and link in (None, CONTEXT):
        return None
    return f"descriptor {fd} is not a filesystem context, which fsopen and fspick return"


def _config_refused(fd: int, cmd: int, key: str | None, value: object, aux: int, **_: object) -> str:
    wrong = _wrong_parts(cmd, key, value, aux) or _not_a_context(fd)
    if wrong:
        return wrong
    if key is None:
        return "the filesystem does not take these options together, or lacks one"
    return f"the filesystem has no option {key!r} of this kind, or not with this value"


def _wrong_state(cmd: int, **_: object) -> str:
    if cmd == FSCONFIG_CMD_RECONFIGURE:
        return "a file is open for writing, or the context is not one that can be reconfigured"
    if cmd > FSCONFIG_CMD_RECONFIGURE:
        return "a filesystem that is like it exists already, or the context has been used"
    return "the context has been used: it made its filesystem already, or failed to"


def _no_command(cmd: int, **_: object) -> str:
    if cmd not in FsconfigCommand.__members__.values():
        return f"there is no command {cmd}"
    return newer_than_kernel(cmd, FsconfigCommand) or "this filesystem takes options only as flags and strings"


def _config_denied(cmd: int, **_: object) -> str:
    if cmd >= FSCONFIG_CMD_CREATE and has_capability() and in_user_namespace():
        return (
            "a user namespace cannot mount filesystems of this type, or not with these options; proc and sysfs have to"
            " be visible as a whole already"
        )
    return _privilege()


def _no_mount(fd: int, flags: int, attr_flags: int, **_: object) -> str:
    wrong = unknown(flags, Fsmount) or unknown(attr_flags, MountAttr) or _not_a_context(fd)
    if wrong:
        return wrong
    if attr_flags & MOUNT_ATTR_IDMAP or attr_flags & MOUNT_ATTR__ATIME not in _ATIMES:
        return "MOUNT_ATTR_IDMAP is for mount_setattr, and one setting of the access times is allowed"
    return "the context has no filesystem to mount: FSCONFIG_CMD_CREATE makes it"


def _namespaces_exhausted(**_: object) -> str:
    return f"the mount needs a mount namespace until it is attached: {raise_sysctl('user.max_mnt_namespaces')}"


FSOPEN = Errors(
    "fsopen",
    {
        **NEW_DESCRIPTOR,
        errno.EFAULT: (InvalidArgument, "the type is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _type_refused),
        errno.ENODEV: (OSError, _no_type),
        errno.EPERM: (PermissionError, _type_denied),
    },
    since="5.2",
)
FSCONFIG = ContextErrors(
    "fsconfig",
    {
        **PATH,
        errno.EACCES: (
            PermissionError,
            "no permission for a path among the options, or for a device (nodev, read-only)",
        ),
        errno.EBADF: (InvalidArgument, lambda fd, aux, **_: f"descriptor {fd}, or aux {aux}, is not open"),
        errno.EBUSY: (OSError, _wrong_state),
        errno.EFAULT: (InvalidArgument, "the key or the value is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _config_refused),
        errno.EINTR: (InterruptedError, "a signal interrupted it, and the context may be of no use any more"),
        errno.ENOENT: (PathNotFound, "a path among the options, or the source, does not exist"),
        errno.ENOTBLK: (InvalidArgument, "the source, or another option, has to be a block device"),
        errno.ENXIO: (OSError, "the device of an option does not exist"),
        errno.EOPNOTSUPP: (InvalidArgument, _no_command),
        errno.EPERM: (PermissionError, _config_denied),
    },
    since="5.2",
)
FSMOUNT = ContextErrors(
    "fsmount",
    {
        **NEW_DESCRIPTOR,
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EBUSY: (OSError, "the context was used for a mount already, or is one of fspick"),
        errno.EINVAL: (InvalidArgument, _no_mount),
        errno.ENOSPC: (OSError, _namespaces_exhausted),
        errno.EPERM: (PermissionError, _privilege),
    },
    since="5.2",
)


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
    mount = _look_at(dirfd, path).mount
    if mount and "unbindable" in mount.propagation:
        return f"the mount at {mount.target!r} is unbindable, so it cannot be copied"
    return "the mount cannot be copied: it belongs to another mount namespace, or what is below it is hidden"


_LOOKUP: Mapping[int, Meaning] = {
    **PATH,
    errno.EBADF: BAD_DESCRIPTOR,
    errno.ENOENT: (PathNotFound, _nothing_there),
    errno.EPERM: (PermissionError, _privilege),
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
        errno.ENOSPC: (OSError, _namespaces_exhausted),
    },
    since="5.2",
)


def _missing_end(from_dirfd: int, from_path: Any, to_dirfd: int, to_path: Any, flags: int, **_: object) -> str:
    for name, path, allowed in ("F", from_path, MOVE_MOUNT_F_EMPTY_PATH), ("T", to_path, MOVE_MOUNT_T_EMPTY_PATH):
        if not path and not flags & allowed:
            return f"a path is empty, which only MOVE_MOUNT_{name}_EMPTY_PATH allows"
    if not _look_at(from_dirfd, from_path).exists:
        return f"the source {_end(from_dirfd, from_path)} does not exist"
    return f"the target {_end(to_dirfd, to_path)} does not exist"


def _not_moved(from_dirfd: int, from_path: Any, to_dirfd: int, to_path: Any, flags: int, **_: object) -> str:
    wrong = unknown(flags, MoveMount)
    if wrong:
        return wrong
    source, target = _look_at(from_dirfd, from_path), _look_at(to_dirfd, to_path)
    names = _end(from_dirfd, from_path), _end(to_dirfd, to_path)
    if source.inside:
        return f"the source {names[0]} is not where a mount begins"
    if flags & MOVE_MOUNT_BENEATH and target.inside:
        return f"nothing is mounted on the target {names[1]}, so nothing can be put beneath it"
    if source.exists and target.exists and source.directory != target.directory:
        return f"one of the source {names[0]} and the target {names[1]} is a directory, and the other is not"
    if source.parent and source.parent.shared:
        return f"the source {names[0]} is on a shared mount, {source.parent.target!r}, which has to be private first"
    if target.mount and target.mount.shared:
        return f"the target {names[1]} is on a shared mount, and a mount of the source is unbindable or below itself"
    return "the source or the target belongs to another mount namespace, or is a mount that cannot move"


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
        errno.EPERM: (PermissionError, _privilege),
    },
    since="5.2",
)


# mount_setattr


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
    if attr_set & MOUNT_ATTR_IDMAP and (
        userns_fd > _LARGEST_FD or not (link_of(userns_fd) or "user:").startswith("user:")
    ):
        return f"descriptor {userns_fd} is not a user namespace"
    return None


def _not_set(
    path: object, dirfd: int, flags: int, attr_set: int, attr_clr: int, propagation: int, userns_fd: int, **_: object
) -> str:
    wrong = unknown(flags, MountAt) or _attributes_refused(attr_set, attr_clr, propagation, userns_fd)
    if wrong:
        return wrong
    place = _look_at(dirfd, path)
    if place.inside:
        return f"{_end(dirfd, path)} is not where a mount begins"
    if attr_set & MOUNT_ATTR_IDMAP and place.mount:
        return "the mount is attached: owners can be mapped before that, as in a copy of the mount"
    if attr_set & MOUNT_ATTR_IDMAP:
        return "the filesystem of the mount cannot map owners, or the namespace has no map"
    return "the mount belongs to another mount namespace"


def _not_set_now(attr_set: int, **_: object) -> str:
    change = "mapping owners" if attr_set & MOUNT_ATTR_IDMAP else "MOUNT_ATTR_RDONLY"
    return f"a file of the mount is open for writing, which {change} does not allow"


def _locked(attr_set: int, **_: object) -> str:
    missing = not_privileged("mnt")
    if missing:
        return missing
    if attr_set & MOUNT_ATTR_IDMAP:
        return (
            "the mount maps owners already, the namespace is the first user namespace, or the filesystem belongs to"
            " another user namespace"
        )
    return "an attribute is locked, because the mount comes from a mount namespace with more privileges"


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
        return _namespaces_exhausted()
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
