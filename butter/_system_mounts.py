"""The calls of the mount API that make, move and change mounts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._constants.system_mounts import *  # noqa: F403
from butter._constants.system_mounts import (
    AT_FDCWD,
    FSCONFIG_SET_BINARY,
    FSCONFIG_SET_PATH,
    FSCONFIG_SET_PATH_EMPTY,
    FSMOUNT_CLOEXEC,
    FSOPEN_CLOEXEC,
    FSPICK_CLOEXEC,
    OPEN_TREE_CLOEXEC,
)
from butter._system_mounts_c import ffi as ffi
from butter._system_mounts_c import lib
from butter._system_mounts_context import FSCONFIG, FSMOUNT, FSOPEN
from butter._system_mounts_errors import FSPICK, MOUNT_SETATTR, MOVE_MOUNT, OPEN_TREE, OPEN_TREE_ATTR
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from typing import Any, Union

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor, Path

    Blob = Union[Path, Buffer]


def fsopen(fstype: Path, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``fsopen(fstype, flags)``: returns the descriptor of a new filesystem context.

    :func:`fsconfig` sets the options of the filesystem there and makes it, and
    :func:`fsmount` mounts it. *fstype* is its type, as ``"tmpfs"``; *flags* are
    Fsopen's. *closefd* adds ``FSOPEN_CLOEXEC``.

    Raises OSError (ENODEV: the kernel has no such filesystem; EMFILE, ENFILE: a limit
    is reached), InvalidArgument, OutOfMemory, PermissionError without CAP_SYS_ADMIN.

    Linux 5.2, :manpage:`fsopen(2)`.
    """
    flags, encoded = integer(flags, 32, "flags"), fsencode(fstype, "fstype")
    fd = lib.fsopen(encoded, flags | FSOPEN_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else FSOPEN.check(fd, fstype=os.fsdecode(encoded), flags=flags)


def fsconfig(
    fd: FileDescriptor,
    cmd: int,
    key: Path | None = None,
    value: Blob | None = None,
    aux: FileDescriptor | None = None,
) -> None:
    """``fsconfig(fd, cmd, key, value, aux)``: configures the context *fd*, or uses it.

    *cmd* is one of FsconfigCommand. *key* is the name of an option and *value* a str,
    bytes, path or, with ``FSCONFIG_SET_BINARY``, any buffer. *aux* is the descriptor of
    ``FSCONFIG_SET_FD``, that of the directory of a path (by default the working
    directory), or the number of bytes (by default all); None where the command does not
    take it.

    The filesystem itself often says what is wrong, and the exception then has its
    words: *fsconfig: tmpfs: Unknown parameter 'sizze'*. Raises InvalidArgument,
    PathNotFound, OSError (EBUSY: the context cannot do this any more), OutOfMemory,
    PermissionError, and UnknownError for what a filesystem thought of.

    Linux 5.2, :manpage:`fsconfig(2)`.
    """
    number, cmd = fileno(fd), integer(cmd, 32, "cmd")
    name = ffi.NULL if key is None else fsencode(key, "key")
    content: Any = ffi.NULL
    rest = 0
    if cmd == FSCONFIG_SET_BINARY and value is not None:
        content = value.encode() if isinstance(value, str) else memoryview(value).tobytes()  # type: ignore[arg-type]
        rest = len(content) if aux is None else fileno(aux)
        if rest > len(content):
            raise ValueError(f"aux is {rest}; value has only {len(content)} bytes")
    elif value is not None:
        content = fsencode(value, "value")  # type: ignore[arg-type]
        rest = AT_FDCWD if cmd in (FSCONFIG_SET_PATH, FSCONFIG_SET_PATH_EMPTY) else 0
    rest = rest if aux is None else fileno(aux)
    result = lib.fsconfig(number, cmd, name, content, rest)
    if result < 0:
        FSCONFIG.check(result, fd=number, cmd=cmd, key=None if key is None else os.fsdecode(key), value=value, aux=rest)


def fsmount(fd: FileDescriptor, flags: int = 0, attr_flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``fsmount(fd, flags, attr_flags)``: returns the descriptor of a new mount.

    It mounts the filesystem of the context *fd*, attached nowhere as yet:
    :func:`move_mount` attaches it, and if nothing does, it ends with its descriptor.
    *flags* are Fsmount's and *attr_flags* MountAttr's. *closefd* adds
    ``FSMOUNT_CLOEXEC``.

    Raises OSError (EBUSY: the context has no filesystem, or was mounted already;
    EMFILE, ENFILE, ENOSPC: a limit is reached), InvalidArgument, OutOfMemory,
    PermissionError.

    Linux 5.2, :manpage:`fsmount(2)`.
    """
    number, flags, attr_flags = fileno(fd), integer(flags, 32, "flags"), integer(attr_flags, 32, "attr_flags")
    mount = lib.fsmount(number, flags | FSMOUNT_CLOEXEC if closefd else flags, attr_flags)
    return mount if mount >= 0 else FSMOUNT.check(mount, fd=number, flags=flags, attr_flags=attr_flags)


def fspick(dirfd: FileDescriptor, path: Path, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``fspick(dirfd, path, flags)``: returns a context for a filesystem that exists.

    :func:`fsconfig` changes its options there. *path* is where it is mounted; if it is
    relative, it begins at the directory *dirfd*, or, with ``AT_FDCWD``, at the working
    directory. *flags* are Fspick's. *closefd* adds ``FSPICK_CLOEXEC``.

    Raises InvalidArgument if *path* is not where something is mounted, PathNotFound,
    PathNotADirectory, InvalidPath, OSError (EMFILE, ENFILE: a limit is reached),
    OutOfMemory, PermissionError.

    Linux 5.2, :manpage:`fspick(2)`.
    """
    number, flags, encoded = fileno(dirfd), integer(flags, 32, "flags"), fsencode(path)
    fd = lib.fspick(number, encoded, flags | FSPICK_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else FSPICK.check(fd, path or None, dirfd=number, flags=flags, fd=number)


def open_tree(dirfd: FileDescriptor, path: Path, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``open_tree(dirfd, path, flags)``: returns a descriptor of a mount, or a copy.

    Without flags it is like ``open(path, O_PATH)``. With ``OPEN_TREE_CLONE`` it is that
    of a copy of the mount from *path* on (a bind mount), which is attached nowhere as
    yet. *path*, if it is relative, begins at the directory *dirfd*, or, with
    ``AT_FDCWD``, at the working directory. *flags* are OpenTree's and MountAt's.
    *closefd* adds ``OPEN_TREE_CLOEXEC``.

    Raises PathNotFound, PathNotADirectory, InvalidPath, InvalidArgument (a mount that
    cannot be copied), OSError (EMFILE, ENFILE, ENOSPC: a limit is reached),
    OutOfMemory, PermissionError.

    Linux 5.2, :manpage:`open_tree(2)`.
    """
    number, flags, encoded = fileno(dirfd), integer(flags, 32, "flags"), fsencode(path)
    fd = lib.open_tree(number, encoded, flags | OPEN_TREE_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else OPEN_TREE.check(fd, path or None, dirfd=number, flags=flags, fd=number)


def open_tree_attr(
    dirfd: FileDescriptor,
    path: Path,
    flags: int = 0,
    attr_set: int = 0,
    attr_clr: int = 0,
    propagation: int = 0,
    userns_fd: FileDescriptor = 0,
    closefd: bool = CLOEXEC_DEFAULT,
) -> int:
    """``open_tree_attr(dirfd, path, flags, attr, size)``: a mount with attributes.

    It is :func:`open_tree` and :func:`mount_setattr` in one step.

    Raises what these do.

    Linux 6.15, :manpage:`open_tree_attr(2)`.
    """
    number, flags, encoded = fileno(dirfd), integer(flags, 32, "flags"), fsencode(path)
    attributes = _attributes(attr_set, attr_clr, propagation, userns_fd)
    fd = lib.open_tree_attr(number, encoded, flags | OPEN_TREE_CLOEXEC if closefd else flags, *attributes.values())
    return fd if fd >= 0 else OPEN_TREE_ATTR.check(fd, path or None, dirfd=number, flags=flags, **attributes)


def mount_setattr(
    dirfd: FileDescriptor,
    path: Path,
    flags: int = 0,
    attr_set: int = 0,
    attr_clr: int = 0,
    propagation: int = 0,
    userns_fd: FileDescriptor = 0,
) -> None:
    """``mount_setattr(dirfd, path, flags, attr, size)``: changes a mount.

    With ``AT_RECURSIVE`` it changes all mounts below it too, or none if one cannot be.
    *path*, if it is relative, begins at the directory *dirfd*, or, with ``AT_FDCWD``,
    at the working directory; with ``AT_EMPTY_PATH`` it may be empty, and the mount is
    that of *dirfd*. *flags* are MountAt's. *attr_set* and *attr_clr* are the attributes
    to set and to clear (MountAttr); *propagation* is 0 or one of ``MS_SHARED``,
    ``MS_SLAVE``, ``MS_PRIVATE`` and ``MS_UNBINDABLE``; *userns_fd* is the user
    namespace of ``MOUNT_ATTR_IDMAP``.

    Raises InvalidArgument (not a mount, attributes that cannot be), OSError (EBUSY: a
    file is open for writing), PermissionError, and what a path can raise.

    Linux 5.12, :manpage:`mount_setattr(2)`.
    """
    number, flags, encoded = fileno(dirfd), integer(flags, 32, "flags"), fsencode(path)
    attributes = _attributes(attr_set, attr_clr, propagation, userns_fd)
    result = lib.mount_setattr(number, encoded, flags, *attributes.values())
    if result < 0:
        MOUNT_SETATTR.check(result, path or None, dirfd=number, flags=flags, **attributes)


def _attributes(attr_set: int, attr_clr: int, propagation: int, userns_fd: FileDescriptor) -> dict[str, int]:
    """Return the fields of ``struct mount_attr``, in its order."""
    return {
        "attr_set": integer(attr_set, 64, "attr_set"),
        "attr_clr": integer(attr_clr, 64, "attr_clr"),
        "propagation": integer(propagation, 64, "propagation"),
        "userns_fd": fileno(userns_fd),
    }


def move_mount(
    from_dirfd: FileDescriptor, from_path: Path, to_dirfd: FileDescriptor, to_path: Path, flags: int = 0
) -> None:
    """``move_mount(from_dirfd, from_path, to_dirfd, to_path, flags)``: moves a mount.

    It attaches one that :func:`fsmount` or :func:`open_tree` returned, too: its path is
    then empty, and *flags* (MoveMount) have ``MOVE_MOUNT_F_EMPTY_PATH``. A path that is
    relative begins at the directory before it, or, with ``AT_FDCWD``, at the working
    directory.

    Raises InvalidArgument (not a mount, or one that cannot be moved there),
    PathNotFound, PathNotADirectory, OSError (ENOSPC: too many mounts), OutOfMemory,
    PermissionError.

    Linux 5.2, :manpage:`move_mount(2)`.
    """
    source, target = fileno(from_dirfd), fileno(to_dirfd)
    encoded_from, encoded_to = fsencode(from_path), fsencode(to_path)
    flags = integer(flags, 32, "flags")
    result = lib.move_mount(source, encoded_from, target, encoded_to, flags)
    if result < 0:
        MOVE_MOUNT.check(
            result,
            from_path or None,
            path2=to_path or None,
            from_dirfd=source,
            from_path=encoded_from,
            to_dirfd=target,
            to_path=encoded_to,
            flags=flags,
        )
