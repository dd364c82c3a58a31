"""The errors of :manpage:`fanotify(7)`, and the sentences that tell their causes apart.

fanotify_init and fanotify_mark have one errno, EINVAL, for some thirty mistakes. The
sentences look for the mistake in the order in which the kernel does.
"""

from __future__ import annotations

import errno
import functools
import operator
import os
import stat
from builtins import PermissionError as PermissionError
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import ACCESS_MODE
from butter._constants.fanotify import (
    FAN_ACCESS,
    FAN_ACCESS_PERM,
    FAN_ATTRIB,
    FAN_CLASS_CONTENT,
    FAN_CLASS_PRE_CONTENT,
    FAN_CLOSE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_ENABLE_AUDIT,
    FAN_EVENT_ON_CHILD,
    FAN_FS_ERROR,
    FAN_MARK_ADD,
    FAN_MARK_EVICTABLE,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_FLUSH,
    FAN_MARK_IGNORE,
    FAN_MARK_IGNORED_MASK,
    FAN_MARK_IGNORED_SURV_MODIFY,
    FAN_MARK_INODE,
    FAN_MARK_MNTNS,
    FAN_MARK_MOUNT,
    FAN_MARK_ONLYDIR,
    FAN_MARK_REMOVE,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_MODIFY,
    FAN_MOVE,
    FAN_MOVE_SELF,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_EXEC,
    FAN_OPEN_EXEC_PERM,
    FAN_OPEN_PERM,
    FAN_PRE_ACCESS,
    FAN_RENAME,
    FAN_REPORT_DIR_FID,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_FID,
    FAN_REPORT_MNT,
    FAN_REPORT_NAME,
    FAN_REPORT_PIDFD,
    FAN_REPORT_TARGET_FID,
    FAN_REPORT_TID,
    FAN_UNLIMITED_MARKS,
    FAN_UNLIMITED_QUEUE,
    FanotifyInit,
    FanotifyMark,
    FanotifyMask,
)
from butter._constants.fanotify_handle import AT_EMPTY_PATH, AT_FDCWD
from butter._descriptor import fields_of, link_of
from butter._fanotify_handle_errors import filesystem_of, not_a_directory
from butter._look import CAP_AUDIT_WRITE, CAP_SYS_ADMIN, capable, in_first_user_namespace, look
from butter.errors import (
    NEW_DESCRIPTOR,
    PATH,
    Errors,
    InvalidArgument,
    PathNotADirectory,
    PathNotFound,
    bad_descriptor,
    descriptors_exhausted,
    newer_than_kernel,
    raise_sysctl,
    running_kernel,
)

if TYPE_CHECKING:
    from butter._arguments import Path
    from butter._enums import Flags, Named

#: how ``/proc/self/fd`` names an fanotify descriptor
LINK = "anon_inode:[fanotify]"

#: the bits of fanotify_init that are the class of a group
CLASS = FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT

#: the flags of groups whose events have handles instead of descriptors
FID = FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID

#: events that wait for an answer
PERMISSION = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS

#: the flags that only CAP_SYS_ADMIN may have
_PRIVILEGED = (
    CLASS
    | FAN_REPORT_TID
    | FAN_REPORT_PIDFD
    | FAN_REPORT_FD_ERROR
    | FAN_UNLIMITED_QUEUE
    | FAN_UNLIMITED_MARKS
)  # fmt: skip

#: events that a group without handles can have: those of an open file
_OF_OPEN_FILES = FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC | PERMISSION
_OF_MOUNTS = FAN_MNT_ATTACH | FAN_MNT_DETACH
_OF_DIRECTORIES = FAN_MOVE | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ONDIR | FAN_EVENT_ON_CHILD
_EVENTS = (
    _OF_OPEN_FILES | _OF_MOUNTS | FAN_ATTRIB | FAN_MOVE | FAN_CREATE | FAN_DELETE | FAN_DELETE_SELF
    | FAN_MOVE_SELF | FAN_FS_ERROR | FAN_RENAME
)  # fmt: skip
_IN_MASKS = _EVENTS | FAN_ONDIR | FAN_EVENT_ON_CHILD

_TYPES = FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM
_COMMANDS = FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH

# the flags that the kernel accepts for the descriptors of events
_EVENT_FLAGS = (
    ACCESS_MODE | os.O_APPEND | os.O_NONBLOCK | os.O_SYNC | os.O_DSYNC | os.O_CLOEXEC | os.O_NOATIME | 0o100000
)


def _known(names: type[Named]) -> int:
    return functools.reduce(operator.or_, map(int, names.__members__.values()))


def _names(kind: type[Flags], bits: int) -> str:
    """Return the names of *bits*, whole as in C; those without one are a number."""
    prefix = "FAN_MARK_" if kind is FanotifyMark else "FAN_"
    return "|".join(name if name[0].isdigit() else prefix + name for name in str(kind(bits)).split("|"))


class Group(NamedTuple):
    """The flags that a group was made with, as the kernel tells them.

    It does not tell ``FAN_ENABLE_AUDIT``.
    """

    flags: int
    event_flags: int


def group_of(fd: int) -> Group | None:
    """Return the flags of the group of an fanotify descriptor, None if not known."""
    for line in fields_of(fd).get("fanotify", ()):
        found = dict(field.split(":", 1) for field in line.split() if ":" in field)
        if "flags" in found and "event-flags" in found:
            return Group(int(found["flags"], 16), int(found["event-flags"], 16))
    return None


def _init_refused(flags: int, event_flags: int, **_: object) -> str:
    if unknown := flags & ~_known(FanotifyInit):
        return f"unknown flags {unknown:#x}"
    if newer := newer_than_kernel(flags, FanotifyInit):
        return newer
    if flags & FAN_REPORT_PIDFD and flags & FAN_REPORT_TID:
        return "FAN_REPORT_PIDFD and FAN_REPORT_TID exclude each other: a pidfd is that of a process"
    if flags & CLASS == CLASS:
        return "FAN_CLASS_CONTENT and FAN_CLASS_PRE_CONTENT exclude each other"
    if flags & FAN_REPORT_MNT and flags & (CLASS | FID | FAN_REPORT_FD_ERROR):
        others = _names(FanotifyInit, flags & (CLASS | FID | FAN_REPORT_FD_ERROR))
        return f"a group with FAN_REPORT_MNT has events of mounts only, and cannot have {others}"
    if unknown := event_flags & ~_EVENT_FLAGS:
        return f"event_flags have bits that the descriptors of events cannot have: {unknown:#x}" + " (O_PATH)" * (
            unknown & 0o10000000 != 0
        )
    if event_flags & ACCESS_MODE == ACCESS_MODE:
        return "event_flags must have one of O_RDONLY, O_WRONLY and O_RDWR"
    if flags & FID and flags & CLASS:
        return (
            f"events with handles ({_names(FanotifyInit, flags & FID)}) are not asked for permission: "
            f"they exclude {_names(FanotifyInit, flags & CLASS)}"
        )
    if flags & FAN_REPORT_NAME and not flags & FAN_REPORT_DIR_FID:
        return "FAN_REPORT_NAME needs FAN_REPORT_DIR_FID: a name means something in its directory"
    if flags & FAN_REPORT_TARGET_FID and not flags & FAN_REPORT_NAME:
        return "FAN_REPORT_TARGET_FID needs FAN_REPORT_NAME and FAN_REPORT_DIR_FID"
    if flags & FAN_REPORT_TARGET_FID and not flags & FAN_REPORT_FID:
        return "FAN_REPORT_TARGET_FID needs FAN_REPORT_FID, for handles of files"
    if flags & FAN_ENABLE_AUDIT:
        return "this kernel was built without the audit of system calls, which FAN_ENABLE_AUDIT needs"
    return f"this kernel refuses the flags {_names(FanotifyInit, flags)} with event_flags {event_flags:#x}"


def _init_not_allowed(flags: int, **_: object) -> str:
    admin = capable(CAP_SYS_ADMIN)
    where = " in the first user namespace" if admin and in_first_user_namespace() is False else ""
    if not admin or where:
        if flags & _PRIVILEGED:
            return f"{_names(FanotifyInit, flags & _PRIVILEGED)} needs CAP_SYS_ADMIN{where}"
        if not flags & (FID | FAN_REPORT_MNT):
            return (
                f"a group whose events have descriptors needs CAP_SYS_ADMIN{where}; "
                "one with FAN_REPORT_FID or FAN_REPORT_DIR_FID does not (Linux 5.13)"
            )
        if newer := newer_than_kernel(FAN_REPORT_FID, FanotifyInit):
            return newer
    if flags & FAN_ENABLE_AUDIT and not (capable(CAP_AUDIT_WRITE) and not where):
        return f"FAN_ENABLE_AUDIT needs CAP_AUDIT_WRITE{where}"
    return "this needs CAP_SYS_ADMIN before Linux 5.13; or a seccomp filter does not allow it"


def _groups_exhausted(**_: object) -> str:
    # The kernel has one errno for two limits. If another file can be opened, the
    # limit of descriptors was not reached.
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return descriptors_exhausted()
    limit = raise_sysctl("fs.fanotify.max_user_groups", "user.max_fanotify_groups")
    return f"this user has no fanotify group left: {limit}"


def _marks_exhausted(**_: object) -> str:
    limit = raise_sysctl("fs.fanotify.max_user_marks", "user.max_fanotify_marks")
    return f"this user has no mark left: {limit}; a group with FAN_UNLIMITED_MARKS has no limit"


def type_of(flags: int) -> str:
    """Return the name of the type of a mark."""
    names = {
        FAN_MARK_INODE: "FAN_MARK_INODE",
        FAN_MARK_MOUNT: "FAN_MARK_MOUNT",
        FAN_MARK_FILESYSTEM: "FAN_MARK_FILESYSTEM",
        FAN_MARK_MNTNS: "FAN_MARK_MNTNS",
    }
    return names[flags & _TYPES]


def _mode(path: Path | None, dfd: int) -> int:
    """Return the type of the file that is marked, as in stat.S_IFMT; 0 if not known."""
    return (look("", dfd, AT_EMPTY_PATH) if path is None else look(os.fspath(path), dfd)).type or 0


def _mark_refused(fd: int, mask: int, flags: int, dfd: int, path: Path | None = None, **_: object) -> str:
    return (
        _wrong_arguments(mask, flags)
        or _wrong_for_group(fd, mask, flags)
        or _wrong_for_file(path, mask, flags, dfd)
        or newer_than_kernel(mask, FanotifyMask)
        or newer_than_kernel(flags, FanotifyMark)
        or "this kernel refuses the mark; it may be built without permission events (FANOTIFY_ACCESS_PERMISSIONS)"
    )


def _wrong_arguments(mask: int, flags: int) -> str | None:
    if mask >> 32:
        return f"the mask {mask:#x} has more than 32 bits"
    if unknown := flags & ~_known(FanotifyMark):
        return f"unknown flags {unknown:#x}"
    if newer := newer_than_kernel(flags, FanotifyMark):
        return newer
    command = flags & _COMMANDS
    if command not in (FAN_MARK_ADD, FAN_MARK_REMOVE, FAN_MARK_FLUSH):
        return "the flags must have one of FAN_MARK_ADD, FAN_MARK_REMOVE and FAN_MARK_FLUSH"
    if command == FAN_MARK_FLUSH and (others := flags & ~(FAN_MARK_FLUSH | _TYPES)):
        return f"FAN_MARK_FLUSH goes with the type of marks alone, not with {_names(FanotifyMark, others)}"
    if command != FAN_MARK_FLUSH and not mask:
        return "the mask asks for no event"
    if unknown := mask & ~_IN_MASKS:
        return f"the mask has bits that cannot be asked for: {_names(FanotifyMask, unknown)}"
    if newer := newer_than_kernel(mask, FanotifyMask):
        return newer
    if flags & FAN_MARK_IGNORE and flags & FAN_MARK_IGNORED_MASK:
        return "FAN_MARK_IGNORE and FAN_MARK_IGNORED_MASK exclude each other"
    return None


def _wrong_for_group(fd: int, mask: int, flags: int) -> str | None:
    if not (link_of(fd) or LINK).startswith(LINK):
        return f"descriptor {fd} is not an fanotify descriptor"
    group, kind = group_of(fd), type_of(flags)
    # a group that is not known is taken for one that has all flags
    has = group.flags if group else 0
    if group and has & FAN_REPORT_MNT:
        if mask & ~_OF_MOUNTS:
            others = _names(FanotifyMask, mask & ~_OF_MOUNTS)
            return f"a group with FAN_REPORT_MNT has only FAN_MNT_ATTACH and FAN_MNT_DETACH, not {others}"
        if kind != "FAN_MARK_MNTNS":
            return f"a group with FAN_REPORT_MNT has only marks with FAN_MARK_MNTNS, not {kind}"
    elif group:
        if mask & _OF_MOUNTS:
            return f"{_names(FanotifyMask, mask & _OF_MOUNTS)} needs a group with FAN_REPORT_MNT"
        if kind == "FAN_MARK_MNTNS":
            return "FAN_MARK_MNTNS needs a group with FAN_REPORT_MNT"
    if group and mask & FAN_PRE_ACCESS and not has & FAN_CLASS_PRE_CONTENT:
        return "FAN_PRE_ACCESS needs a group of FAN_CLASS_PRE_CONTENT"
    if group and mask & PERMISSION and not has & CLASS:
        wanted = _names(FanotifyMask, mask & PERMISSION)
        return f"{wanted} needs a group of FAN_CLASS_CONTENT or FAN_CLASS_PRE_CONTENT"
    if mask & FAN_FS_ERROR and kind != "FAN_MARK_FILESYSTEM":
        return f"FAN_FS_ERROR needs a mark with FAN_MARK_FILESYSTEM, not {kind}"
    if flags & FAN_MARK_EVICTABLE and kind != "FAN_MARK_INODE":
        return f"only marks on files and directories can have FAN_MARK_EVICTABLE, not {kind}"
    if by_handle := mask & ~(_OF_OPEN_FILES | _OF_MOUNTS | FAN_ONDIR | FAN_EVENT_ON_CHILD):
        if group and not has & FID:
            return f"{_names(FanotifyMask, by_handle)} needs a group with FAN_REPORT_FID, or FAN_REPORT_DIR_FID"
        if kind == "FAN_MARK_MOUNT":
            return (
                f"a mark with FAN_MARK_MOUNT cannot have {_names(FanotifyMask, by_handle)}, which is not about a mount"
            )
    if group and mask & FAN_RENAME and not has & FAN_REPORT_NAME:
        return "FAN_RENAME needs a group with FAN_REPORT_NAME"
    if mask & FAN_PRE_ACCESS and mask & FAN_ONDIR:
        return "FAN_PRE_ACCESS and FAN_ONDIR exclude each other: a directory has no content"
    return None


def _wrong_for_file(path: Path | None, mask: int, flags: int, dfd: int) -> str | None:
    kind, mode = type_of(flags), _mode(path, dfd)
    if kind == "FAN_MARK_MNTNS":
        return "FAN_MARK_MNTNS needs a path to a mount namespace, as /proc/self/ns/mnt"
    if mask & FAN_PRE_ACCESS and mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "FAN_PRE_ACCESS is for files and directories"
    if (
        flags & FAN_MARK_IGNORE
        and kind in ("FAN_MARK_MOUNT", "FAN_MARK_FILESYSTEM")
        and not flags & FAN_MARK_IGNORED_SURV_MODIFY
    ):
        return f"FAN_MARK_IGNORE with {kind} needs FAN_MARK_IGNORED_SURV_MODIFY: use FAN_MARK_IGNORE_SURV"
    filesystem = _filesystem(path, dfd)
    if mask & PERMISSION and "(proc)" in filesystem:
        return f"{filesystem} cannot have permission events"
    if kind != "FAN_MARK_INODE":
        return f"the path is on a filesystem of the kernel's own, as a pipe is, which cannot have {kind}"
    return None


def _mark_not_allowed(flags: int, **_: object) -> str:
    kind = type_of(flags)
    if kind == "FAN_MARK_INODE":
        return "a security module or a seccomp filter does not allow this mark"
    needs = f"{kind} needs CAP_SYS_ADMIN, in the user namespace of the group and in that of the {_owner(kind)}"
    if running_kernel() < (6, 16):
        needs = f"{kind} needs CAP_SYS_ADMIN, in the first user namespace before Linux 6.16"
    return needs if kind == "FAN_MARK_MNTNS" else f"{needs}; a mark on a file or directory (FAN_MARK_INODE) does not"


def _owner(kind: str) -> str:
    return "mount namespace" if kind == "FAN_MARK_MNTNS" else "filesystem"


def _mark_missing(flags: int, path: Path | None = None, dfd: int = AT_FDCWD, **_: object) -> str:
    if path in ("", b""):
        return "the path is empty: pass None to mean the file dfd itself"
    if flags & FAN_MARK_REMOVE and (path is None or look(os.fspath(path), dfd).exists):
        return f"this group does not have a mark of the type {type_of(flags)} there, or it was evicted"
    return "the path does not exist"


def _is_evictable(fd: int, dfd: int, path: Path | None) -> bool:
    """Return whether the kernel tells that the mark on a file is evictable."""
    try:
        file = os.fstat(dfd) if path is None else os.stat(path, dir_fd=dfd)
    except OSError:
        return False
    begin = f"ino:{file.st_ino:x} sdev:{os.major(file.st_dev) << 20 | os.minor(file.st_dev):x} mflags:"
    marks = (line for line in fields_of(fd).get("fanotify", ()) if line.startswith(begin))
    return any(int(line[len(begin) :].split()[0], 16) & FAN_MARK_EVICTABLE for line in marks)


def _mark_exists(fd: int, flags: int, dfd: int, path: Path | None = None, **_: object) -> str:
    if flags & FAN_MARK_EVICTABLE and not _is_evictable(fd, dfd, path):
        return "the mark is there without FAN_MARK_EVICTABLE, and cannot become evictable: remove it first"
    if flags & FAN_MARK_IGNORED_MASK:
        return "the mark ignores by FAN_MARK_IGNORE, and cannot ignore by FAN_MARK_IGNORED_MASK too"
    if flags & FAN_MARK_IGNORE:
        return (
            "the mark ignores by FAN_MARK_IGNORED_MASK, or by FAN_MARK_IGNORE_SURV, "
            "and cannot ignore by FAN_MARK_IGNORE alone: remove it first"
        )
    return "the mark is there with other flags: remove it first"


def _bad_descriptor(fd: int, dfd: int, path: Path | None = None, **_: object) -> str:
    if not link_of(fd):
        return bad_descriptor(fd)
    if path is None and dfd == AT_FDCWD:
        return "a path of None stands for the file dfd: pass its descriptor as dfd"
    return bad_descriptor(dfd)


def _not_a_directory(flags: int, mask: int, path: Path | None = None, dfd: int = AT_FDCWD, **_: object) -> str:
    mode = _mode(path, dfd)
    if not mode or stat.S_ISDIR(mode):
        return not_a_directory("" if path is None else os.fspath(path), dfd)
    if flags & FAN_MARK_ONLYDIR:
        return "the path is not a directory (FAN_MARK_ONLYDIR)"
    return (
        f"the path is not a directory, and {_names(FanotifyMask, mask & _OF_DIRECTORIES)} is about directories; "
        "a mark with FAN_MARK_FILESYSTEM may have it"
    )


def _filesystem(path: Path | None, dfd: int) -> str:
    return filesystem_of("", dfd, AT_EMPTY_PATH) if path is None else filesystem_of(os.fspath(path), dfd)


def _no_handles(mask: int, flags: int, dfd: int, path: Path | None = None, **_: object) -> str:
    filesystem = _filesystem(path, dfd)
    if mask & FAN_PRE_ACCESS:
        return f"{filesystem} cannot have FAN_PRE_ACCESS; ext4, xfs and btrfs can"
    if flags & _TYPES:
        options = "overlay has them with nfs_export=on; " if "(overlay)" in filesystem else ""
        return (
            f"{filesystem} has no handles that can be opened, which {type_of(flags)} needs in a group with handles; "
            f"{options}a mark with FAN_MARK_INODE does not need them (Linux 6.6)"
        )
    return f"{filesystem} has no handles of files, which a group with FAN_REPORT_FID needs: use a group without"


def _no_fsid(dfd: int, path: Path | None = None, **_: object) -> str:
    return (
        f"{_filesystem(path, dfd)} has no identity (fsid), which a group with handles needs: "
        "use a group without FAN_REPORT_FID, or a mark with FAN_MARK_INODE (Linux 6.8)"
    )


def _other_fsid(flags: int, **_: object) -> str:
    if flags & _TYPES:
        return (
            f"the path is in a subvolume whose identity (fsid) is not that of its filesystem, so it cannot have "
            f"{type_of(flags)} in a group with handles; a mark with FAN_MARK_INODE can be had (Linux 6.8)"
        )
    return (
        "the path is in a subvolume whose identity (fsid) is not that of its filesystem, or the group has marks on "
        "another filesystem without an identity"
    )


INIT = Errors(
    "fanotify_init",
    {
        **NEW_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _init_refused),
        errno.EMFILE: (OSError, _groups_exhausted),
        errno.ENOSYS: (OSError, "this kernel was built without fanotify, or a seccomp filter hides the system call"),
        errno.EPERM: (PermissionError, _init_not_allowed),
    },
)
MARK = Errors(
    "fanotify_mark",
    {
        **PATH,
        errno.EACCES: (PermissionError, "no permission to read the file, or to search a directory of the path"),
        errno.EBADF: (InvalidArgument, _bad_descriptor),
        errno.EEXIST: (FileExistsError, _mark_exists),
        errno.EINVAL: (InvalidArgument, _mark_refused),
        errno.EISDIR: (
            IsADirectoryError,
            "FAN_MARK_IGNORE on a directory needs FAN_MARK_IGNORED_SURV_MODIFY: use FAN_MARK_IGNORE_SURV",
        ),
        errno.ENODEV: (OSError, _no_fsid),
        errno.ENOENT: (PathNotFound, _mark_missing),
        errno.ENOSPC: (OSError, _marks_exhausted),
        errno.ENOSYS: (OSError, "this kernel was built without fanotify, or a seccomp filter hides the system call"),
        errno.ENOTDIR: (PathNotADirectory, _not_a_directory),
        errno.EOPNOTSUPP: (OSError, _no_handles),
        errno.EPERM: (PermissionError, _mark_not_allowed),
        errno.EXDEV: (OSError, _other_fsid),
    },
)
