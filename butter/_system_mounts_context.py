"""The errors of fsopen, fsconfig and fsmount: what is wrong with a context."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._constants.system_mounts import (
    FSCONFIG_CMD_CREATE,
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_BINARY,
    FSCONFIG_SET_FD,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_STRING,
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
    FsconfigCommand,
    Fsmount,
    Fsopen,
    MountAttr,
)
from butter._look import CAP_SYS_ADMIN, capable, in_first_user_namespace, is_foreign
from butter._signals import raised_by_handler
from butter._system_mounts_c import ffi, lib
from butter._system_mounts_errors import namespaces_exhausted, privilege, unknown
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    PathNotFound,
    UnknownError,
    newer_than_kernel,
)

if TYPE_CHECKING:
    from typing import Any, NoReturn

_ATIMES = (MOUNT_ATTR_RELATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME)
_LARGEST_FD = (1 << 31) - 1
# how many bytes the kernel reads of a key, and of the value of FSCONFIG_SET_STRING
_MOST_TEXT = 255


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


def _is_context(fd: int) -> bool:
    """Return whether a descriptor is a context, as far as the kernel tells.

    ``/proc``, which knows the kinds, may not be mounted yet. The kernel looks at the
    context first, and then misses the descriptor of the option.
    """
    probe = lib.fsconfig(fd, FSCONFIG_SET_FD, b"fd", ffi.NULL, _LARGEST_FD)
    return probe in (-1 - errno.EBADF, -1 - errno.EOPNOTSUPP)


class ContextErrors(Errors):
    """The errors of a call for a filesystem context, whose log may know more."""

    def fail(self, number: int, path: Any = None, **arguments: Any) -> NoReturn:
        # another kind of descriptor must not be read
        fd = arguments.get("fd", -1)
        log = _log_of(fd) if _is_context(fd) else ""
        if not log:
            super().fail(number, path, **arguments)
        exception = self.meanings.get(number, (UnknownError, ""))[0]
        raise exception(number, f"{self.call}: {log}")


def _type_refused(fstype: str, flags: int, **_: object) -> str:
    return unknown(flags, Fsopen) or f"the type has {len(fstype)} characters, which is too long"


def _no_type(fstype: str, **_: object) -> str:
    return f"this kernel has no filesystem {fstype!r}; /proc/filesystems lists those that are loaded"


def _inside() -> str | None:
    """Return the end of a sentence about a process that is in a user namespace.

    None for a process that is not in one, or that has no capability there.
    """
    first = in_first_user_namespace()
    if first or not capable(CAP_SYS_ADMIN):
        return None
    return f", or {NOT_ALLOWED}" if first is None else ""


def _type_denied(fstype: str, **_: object) -> str:
    end = None if is_foreign("mnt") else _inside()
    if end is None:
        return privilege()
    return f"{fstype!r} shows a namespace that belongs to another user namespace than that of this process{end}"


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


def _too_long(cmd: int, key: Any, value: Any) -> str | None:
    """Return a sentence about a text that is longer than the kernel reads."""
    for name, text in ("key", key), ("value", value if cmd == FSCONFIG_SET_STRING else None):
        length = 0 if text is None else len(os.fsencode(text))
        if length > _MOST_TEXT:
            layers = "; 'lowerdir+' takes the layers one by one" if name == "value" and key == "lowerdir" else ""
            return f"the {name} of the option {key[:50]!r} has {length} bytes; the kernel takes {_MOST_TEXT}{layers}"
    return None


def _not_a_context(fd: int) -> str | None:
    return None if _is_context(fd) else f"descriptor {fd} is not a filesystem context, which fsopen and fspick return"


def _config_refused(fd: int, cmd: int, key: str | None, value: object, aux: int, **_: object) -> str:
    wrong = _wrong_parts(cmd, key, value, aux) or _not_a_context(fd) or _too_long(cmd, key, value)
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
    end = _inside() if cmd >= FSCONFIG_CMD_CREATE else None
    if end is None:
        return privilege()
    return (
        "a user namespace cannot mount filesystems of this type, or not with these options; proc and sysfs have to be"
        f" visible as a whole already{end}"
    )


def _no_mount(fd: int, flags: int, attr_flags: int, **_: object) -> str:
    wrong = unknown(flags, Fsmount) or unknown(attr_flags, MountAttr) or _not_a_context(fd)
    if wrong:
        return wrong
    if attr_flags & MOUNT_ATTR_IDMAP or attr_flags & MOUNT_ATTR__ATIME not in _ATIMES:
        return "MOUNT_ATTR_IDMAP is for mount_setattr, and one setting of the access times is allowed"
    return "the context has no filesystem to mount: FSCONFIG_CMD_CREATE makes it"


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
        errno.ENOSPC: (OSError, namespaces_exhausted),
        errno.EPERM: (PermissionError, privilege),
    },
    since="5.2",
)
