"""Handles of files, which lead to a file wherever it is renamed to."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import CLOEXEC_DEFAULT, O_PATH, fileno, fsencode, integer
from butter._constants.fanotify_handle import *  # noqa: F403
from butter._constants.fanotify_handle import AT_EMPTY_PATH, AT_FDCWD, AT_HANDLE_FID, AT_SYMLINK_FOLLOW
from butter._fanotify_handle_c import ffi, lib
from butter._fanotify_handle_errors import NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from _cffi_backend import FFI
    from typing_extensions import Self

    from butter._arguments import FileDescriptor, Path
    from butter._fanotify_handle_c import butter_handle, butter_mount

_NO_HANDLES, _UNKNOWN_FLAG = -1 - errno.EOPNOTSUPP, -1 - errno.EINVAL


class _Fields(NamedTuple):
    fsid: tuple[int, int]
    type: int
    handle: bytes


class FileHandle(_Fields):
    """``FileHandle(fsid, type, handle)``: names a file, wherever it is; a named tuple.

    * ``fsid`` (two ints): the id of the filesystem, as :manpage:`statfs(2)` has it
    * ``type`` (int): the kind of handle, which the filesystem chooses
    * ``handle`` (bytes): the handle itself

    The events of fanotify have handles where others have paths or descriptors. A file
    keeps its handle when it is renamed, and a file that is made later gets another one,
    though it may have the same inode number. Two handles are equal if they are of the
    same file; they are keys of dicts, and can be pickled. ::

        handle = FileHandle.of("/srv/data")
        os.rename("/srv/data", "/srv/old")
        fd = handle.open("/srv")  # of /srv/old

    On btrfs each subvolume has an ``fsid`` of its own, but the events of a mark on the
    whole filesystem all have that of its mark. An event about a filesystem has an empty
    handle.
    """

    __slots__ = ()

    def __new__(cls, fsid: tuple[int, int], type: int, handle: bytes) -> Self:
        if not isinstance(fsid, tuple) or len(fsid) != 2:
            raise TypeError(f"fsid must be a tuple of two ints, not {fsid!r}")
        if not isinstance(handle, bytes):
            raise TypeError(f"handle must be bytes, not {handle.__class__.__name__}")
        checked = integer(fsid[0], -32, "fsid"), integer(fsid[1], -32, "fsid")
        return super().__new__(cls, checked, integer(type, -32, "the type of the handle"), handle)

    @classmethod
    def of(cls, path: Path, dfd: FileDescriptor = AT_FDCWD, follow: bool = True) -> FileHandle:
        """The handle of the file that *path* leads to, as events have it.

        *path* begins at the directory *dfd*, if it is relative; if it is empty, it
        means *dfd* itself. *follow* is whether a symbolic link at its end is followed.
        No permission for the file itself is needed. On a filesystem whose handles
        cannot be opened, as overlay without ``nfs_export``, it is one to compare (Linux
        6.5).

        Raises what :func:`name_to_handle_at` does.
        """
        number, encoded = fileno(dfd), fsencode(path)
        flags = (0 if encoded else AT_EMPTY_PATH) | (AT_SYMLINK_FOLLOW if follow else 0)
        found = ffi.new("butter_handle *")
        result = lib.name_to_handle_at(number, encoded, flags, found)
        if result == _NO_HANDLES:
            again = lib.name_to_handle_at(number, encoded, flags | AT_HANDLE_FID, found)
            if again != _UNKNOWN_FLAG:
                result, flags = again, flags | AT_HANDLE_FID
        if result < 0:
            NAME_TO_HANDLE_AT.check(result, path or None, dirfd=number, name=os.fsdecode(encoded), flags=flags)
        return made(found, found.mount.fsid)

    def open(self, mount: FileDescriptor | Path, flags: int = O_PATH, closefd: bool = CLOEXEC_DEFAULT) -> int:
        """Open the file and return its descriptor, which the caller closes.

        *mount* is a directory of the filesystem: a path, or a descriptor that was not
        opened with ``O_PATH``. Its mount is that of the new descriptor. *flags* are
        those of ``os.open()``. A file with the same handle on another filesystem is
        not opened.

        Raises what :func:`open_by_handle_at` does, and ``os.open()`` for *mount*.
        """
        fsid = [integer(part, -32, "fsid") for part in self.fsid]
        if not isinstance(mount, (str, bytes, os.PathLike)):
            return _open(mount, self, flags, closefd, ffi.new("butter_mount *", {"fsid": fsid}))
        fd = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return self.open(fd, flags, closefd)
        finally:
            os.close(fd)


def made(found: butter_handle, fsid: FFI.CData) -> FileHandle:
    """Return the FileHandle of a ``butter_handle``, and of the id of its filesystem."""
    return FileHandle._make(((fsid[0], fsid[1]), found.type, ffi.buffer(found.handle, found.size)[:]))


def name_to_handle_at(dfd: FileDescriptor, path: Path, flags: int = 0) -> tuple[FileHandle, int]:
    """``name_to_handle_at(dfd, path, handle, mount_id, flags)``: returns a handle.

    The result is ``(handle, mount_id)``: a FileHandle, and the id of the mount in
    ``/proc/self/mountinfo`` or, with ``AT_HANDLE_MNT_ID_UNIQUE``, the one that
    :func:`butter.system.statmount` takes. *path*, if it is relative, begins at the
    directory *dfd*, or, with ``AT_FDCWD``, at the working directory. *flags* are
    HandleAt's. The handle is never too long for the buffer.

    Raises OSError (EOPNOTSUPP: the filesystem has no handles, or, without
    ``AT_HANDLE_FID``, none that can be opened; EOVERFLOW: this file has none; EMFILE,
    ENFILE: there is no descriptor to ask for the id of the filesystem),
    InvalidArgument, PathNotFound, PathNotADirectory, InvalidPath, OutOfMemory, and
    PermissionError for a directory that may not be searched. Permission for the file
    itself is not needed.

    :manpage:`name_to_handle_at(2)`.
    """
    number, flags, encoded = fileno(dfd), integer(flags, -32, "flags"), fsencode(path)
    found = ffi.new("butter_handle *")
    result = lib.name_to_handle_at(number, encoded, flags, found)
    if result < 0:
        NAME_TO_HANDLE_AT.check(result, path or None, dirfd=number, name=os.fsdecode(encoded), flags=flags)
    return made(found, found.mount.fsid), found.mount.id


def open_by_handle_at(
    mount_fd: FileDescriptor, handle: FileHandle, flags: int = os.O_RDONLY, closefd: bool = CLOEXEC_DEFAULT
) -> int:
    """``open_by_handle_at(mount_fd, handle, flags)``: opens the file of a handle.

    Returns its descriptor. *mount_fd* is a descriptor of any file on a mount of the
    filesystem, not opened with ``O_PATH``, or ``AT_FDCWD`` for the working directory,
    or ``FD_PIDFS_ROOT``, ``FD_NSFS_ROOT``. *flags* are those of ``os.open()``.
    *closefd* adds ``O_CLOEXEC``.

    It needs CAP_DAC_READ_SEARCH in the first user namespace. Since Linux 6.11
    directories can be opened, with ``O_DIRECTORY``, by a process that has CAP_SYS_ADMIN
    and CAP_DAC_READ_SEARCH in the user namespace that owns the filesystem. It may also
    be the one that owns the mount namespace: then the directory has to be below
    *mount_fd*, and no mount there may be locked. Their owners have to be known in the
    user namespace of the process.

    Raises OSError (ESTALE: the filesystem finds no file with this handle, which is not
    always because it was deleted; EMFILE, ENFILE: a limit is reached), PermissionError,
    InvalidArgument, InvalidPath (ELOOP: a symbolic link, which only ``O_PATH`` opens),
    PathNotADirectory, IsADirectoryError, OutOfMemory.

    :manpage:`open_by_handle_at(2)`.
    """
    return _open(mount_fd, handle, flags, closefd)


def _open(
    mount_fd: FileDescriptor, handle: FileHandle, flags: int, closefd: bool, mount: butter_mount | None = None
) -> int:
    """Open a handle, with *mount* only on the filesystem whose id is there."""
    number, flags = fileno(mount_fd), integer(flags, -32, "flags")
    if not isinstance(handle, FileHandle):
        raise TypeError(f"handle must be a FileHandle, not {type(handle).__name__}")
    content, kind = bytes(handle.handle), integer(handle.type, -32, "the type of the handle")
    how = flags | os.O_CLOEXEC if closefd else flags
    if mount is None:
        fd = lib.open_by_handle_at(number, content, len(content), kind, how)
    else:
        fd = lib.butter_open_handle(number, content, len(content), kind, how, mount)
    return fd if fd >= 0 else OPEN_BY_HANDLE_AT.check(fd, mount_fd=number, handle=handle, flags=flags)
