"""Reading and writing whole files, under whichever event loop."""

# A file is replaced by a new one beside it, which is renamed. An error of any of its
# steps has the path that the caller knows.

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from butter._arguments import path_of, whole_number
from butter._awaitables._files import file_of
from butter._awaitables._files_backends import (
    Backend,
    backend_of,
    checked,
    close_descriptor,
    failure,
    open_descriptor,
)
from butter._awaitables._files_engine import Request
from butter._awaitables._files_position import as_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from butter._arguments import Path
    from butter._awaitables._files_loop import AnyLoop

    #: the path and the status of a file
    Old = tuple[Any, os.stat_result]

#: the access control list, as an extended attribute
_ACL = "system.posix_acl_access"
#: what filesystems say that cannot bring a directory to the disk
_NO_SYNC: dict[Any, bool] = dict.fromkeys(
    (errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM), True
)
#: a path may lead through so many symbolic links
_LINKS = 40


@contextmanager
def _errors_of(path: Any) -> Iterator[None]:
    """Let each OSError have *path*: the steps have other paths, or none."""
    try:
        yield
    except OSError as error:
        if error.filename2 is not None:
            raise failure(error.errno or 0, path) from None
        error.filename = path
        raise


async def read_path(loop: AnyLoop, backend: str | None, path: Path) -> bytes:
    """Return the content of a file."""
    choice, path = checked(backend), path_of(path)
    with _errors_of(path):
        fd = await open_descriptor(loop, backend_of(loop, choice), path, os.O_RDONLY)
        file = file_of(fd, path, "rb", loop, choice)
        try:
            return await file.readall()
        finally:
            await file.close()


async def write_path(
    loop: AnyLoop, backend: str | None, path: Path, data: Buffer, atomic: bool, permissions: int, follow: bool
) -> None:
    """Write a whole file."""
    choice, path = checked(backend), path_of(path)
    mode = whole_number(permissions, 12, "permissions")
    with memoryview(data) as whole, as_bytes(whole) as view, _errors_of(path):
        found = backend_of(loop, choice)
        target = await found.run(Request(path), "call", _target, path, follow) if atomic else None
        if target is not None:
            place, status = target
            await _replace(loop, found, place, status, mode, view)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | (0 if follow else os.O_NOFOLLOW)
            await _write(loop, found, path, flags, mode, view)


async def _write(
    loop: AnyLoop,
    backend: Backend,
    path: Any,
    flags: int,
    mode: int,
    data: memoryview,
    sync: bool = False,
    old: Old | None = None,
) -> None:
    """Open a file, write *data* and close it; it becomes like *old* before."""
    fd = await open_descriptor(loop, backend, path, flags, mode)
    file = file_of(fd, path, "wb", loop, backend.name)
    try:
        if old is not None:
            await backend.run(Request(path), "call", _become, fd, *old)
        await file.write(data)
        if sync:
            await file.fsync()
    finally:
        await file.close()


def _target(path: Any, follow: bool) -> tuple[Any, os.stat_result | None] | None:
    """Return where the file of *path* stands, and its status, or None for a new one.

    Returns None where it cannot be replaced: a device or a pipe is written, and of a
    directory and the like the kernel says why it is not.
    """
    # the program may go to another directory meanwhile
    if not os.path.isabs(path) and path:
        path = os.path.join(os.getcwdb() if isinstance(path, bytes) else os.getcwd(), path)
    place = path
    for _ in range(_LINKS):
        if not os.path.basename(place):
            return None
        try:
            link = os.readlink(place) if follow else None
        except OSError:
            link = None
        if link is None:
            break
        place = os.path.join(os.path.dirname(place), link)
    try:
        found = os.stat(path, follow_symlinks=follow)
    except FileNotFoundError:
        return place, None
    try:
        # what a link of /proc leads to need not have the name that it tells
        same = os.path.samestat(found, os.lstat(place))
    except FileNotFoundError:
        return None
    return (place, found) if same and stat.S_ISREG(found.st_mode) else None


async def _replace(
    loop: AnyLoop, backend: Backend, path: Any, status: os.stat_result | None, mode: int, data: memoryview
) -> None:
    """Write a new file, bring it to the disk, and put it in the place of the old."""
    temporary = _temporary(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    # others might not read the old one
    old, mode = (None, mode) if status is None else ((path, status), 0o600)
    try:
        await _write(loop, backend, temporary, flags, mode, data, True, old)
        await backend.run(Request(temporary, path), "rename", temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    try:
        await _sync_directory(loop, backend, os.path.dirname(path))
    except OSError as error:
        if not _NO_SYNC.get(error.errno):
            raise


def _temporary(path: Any) -> Any:
    """Return the name of a new file in the directory of *path*."""
    directory, name = os.path.split(path)
    random = os.urandom(8).hex()
    # a name has at most 255 bytes
    if isinstance(path, bytes):
        return os.path.join(directory, b".%s.%s" % (name[:200], random.encode()))
    short = os.fsdecode(os.fsencode(name)[:200])
    return os.path.join(directory, f".{short}.{random}")


async def _sync_directory(loop: AnyLoop, backend: Backend, path: Any) -> None:
    fd = await open_descriptor(loop, backend, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        await backend.run(Request(path), "fsync", fd)
    finally:
        await close_descriptor(loop, backend.name, fd, path)


def _become(fd: int, path: Any, status: os.stat_result) -> None:
    """Give a new file the owner, permissions, list and attributes of an old one."""
    mode = stat.S_IMODE(status.st_mode)
    acl = None
    try:
        os.fchown(fd, status.st_uid, status.st_gid)
    except OSError:
        # another owner or group gets no right that not all have
        mode &= 0o707 | (mode & 0o007) << 3
    else:
        with suppress(OSError):
            acl = os.getxattr(path, _ACL, follow_symlinks=False)
    try:
        if acl is None:
            # that which the directory gives to new files
            os.removexattr(fd, _ACL)
        else:
            os.setxattr(fd, _ACL, acl)
    except OSError:
        if acl is not None:
            # which are the mask of the list, and not the rights of the group
            mode &= ~0o070
    with suppress(OSError):
        for name in os.listxattr(path, follow_symlinks=False):
            if name.startswith("user."):
                os.setxattr(fd, name, os.getxattr(path, name, follow_symlinks=False))
    os.fchmod(fd, mode)
