"""Reading and writing files in the background under asyncio; see :mod:`butter.aio`."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from butter._arguments import integer
from butter._awaitables._files import File
from butter._awaitables._files_backends import backend_of, checked
from butter._awaitables._files_open import Opening, open_file
from butter._awaitables._files_paths import (
    Scan,
    change_path,
    rename_path,
    stat_path,
)
from butter._awaitables._files_text import TextFile
from butter._awaitables._files_whole import read_path, write_path
from butter._awaitables.aio import AnyAio
from butter.aio import Aio, Completion
from butter.asyncio._files import Loop
from butter.asyncio._queue import EventQueue

if TYPE_CHECKING:
    import asyncio
    import os
    from typing import Any

    from _typeshed import OpenBinaryMode, OpenTextMode
    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor, Path

__all__ = [
    "Aio_async",
    "File",
    "Opening",
    "Scan",
    "TextFile",
    "backend",
    "mkdir",
    "open",
    "read_file",
    "rename",
    "replace",
    "rmdir",
    "scandir",
    "stat",
    "unlink",
    "write_file",
]


class Aio_async(AnyAio, EventQueue[Aio, Completion]):
    """``Aio_async(depth=128, flags=0, *, maxsize=0)``: a queue of Completions.

    It works like an :class:`asyncio.Queue`. ::

        async with Aio_async() as aio:
            for offset in range(0, size, 4096):
                aio.pread(file, aligned_buffer(4096), offset)
            async for done in aio:
                print(done.user_data, done.error or done.data)

    *flags* are AioInit's, and ``EFD_NONBLOCK`` is added. ``get`` hands over what is
    queued when it begins to wait; for a task that waits already, ``submit()`` does.
    Where no operation is queued or under way, ``get`` raises NoMoreEvents and ``async
    for`` ends. ``submit()`` itself reads and writes files that are not open with
    O_DIRECT, and ``close()`` takes some hundredths of a second: the loop stands still
    meanwhile.

    Raises what :class:`butter.aio.Aio` does.
    """

    def __init__(
        self,
        depth: int = 128,
        flags: int = 0,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(depth, flags, maxsize=maxsize)
        self._ignore(loop)


_loop = Loop()


if TYPE_CHECKING:

    @overload
    def open(
        path: Path | int,
        mode: OpenTextMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        *,
        backend: str | None = None,
        dir_fd: FileDescriptor | None = None,
        flags: int = 0,
        permissions: int = 0o666,
    ) -> Opening[TextFile]: ...
    @overload
    def open(
        path: Path | int,
        mode: OpenBinaryMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        *,
        backend: str | None = None,
        dir_fd: FileDescriptor | None = None,
        flags: int = 0,
        permissions: int = 0o666,
    ) -> Opening[File]: ...
    @overload
    def open(
        path: Path | int,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        *,
        backend: str | None = None,
        dir_fd: FileDescriptor | None = None,
        flags: int = 0,
        permissions: int = 0o666,
    ) -> Opening[Any]: ...


def open(
    path: Path | int,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    *,
    backend: str | None = None,
    dir_fd: FileDescriptor | None = None,
    flags: int = 0,
    permissions: int = 0o666,
) -> Opening[Any]:
    """Open a file in the background: ``await`` it, or use ``async with``. ::

        async with open("/etc/hosts") as file:
            async for line in file:
                print(line)

    The arguments are those of Python's :func:`open` but for *opener*; *backend*,
    *dir_fd*, *flags* and *permissions* are added. A mode with "b" gives a File of
    bytes, another one a TextFile. *path* may be a descriptor, which the file closes in
    the end if *closefd* is true; where others have it, too, the file goes on where they
    are, and they where it is. *buffering* does nothing but to be checked: a file reads
    lines ahead, and buffers nothing that is written.

    *backend* is "uring", "aio", "threads", or None for the best that works here: see
    :func:`backend`. *dir_fd* is the directory at which a relative path begins. *flags*
    are further ones of :func:`os.open`, as ``os.O_DIRECT``, and *permissions* those of
    a new file, of which the umask takes some away.

    Raises, before anything happens, ValueError for a wrong mode or backend, and
    LookupError for an unknown encoding; then what Python's :func:`open` does, and
    where *backend* is named and does not work here, the OSError that says why. An
    Opening that is awaited a second time raises RuntimeError, and one that is never
    awaited warns.

    :manpage:`open(2)`.
    """
    return open_file(
        *(_loop, path, mode, buffering, encoding, errors, newline, closefd, backend, dir_fd, flags, permissions),
    )


async def stat(
    path: Path | int, *, dir_fd: FileDescriptor | None = None, follow_symlinks: bool = True, backend: str | None = None
) -> os.stat_result:
    """Return what :func:`os.stat` does, of a path or an open descriptor.

    Raises what :func:`os.stat` does.

    :manpage:`statx(2)`.
    """
    return await stat_path(_loop, backend, path, dir_fd, follow_symlinks)


async def rename(source: Path, target: Path, *, backend: str | None = None) -> None:
    """Rename a file; a file that has the name *target* already is replaced.

    Raises what :func:`os.rename` does.

    :manpage:`rename(2)`.
    """
    await rename_path(_loop, backend, source, target)


async def replace(source: Path, target: Path, *, backend: str | None = None) -> None:
    """Rename a file; it is the same as :func:`rename`.

    :manpage:`rename(2)`.
    """
    await rename_path(_loop, backend, source, target)


async def unlink(path: Path, *, backend: str | None = None) -> None:
    """Remove a file. Raises what :func:`os.unlink` does.

    :manpage:`unlink(2)`.
    """
    await change_path(_loop, backend, "unlink", path)


async def mkdir(path: Path, mode: int = 0o777, *, backend: str | None = None) -> None:
    """Make a directory, with *mode* but for what the umask takes away.

    Raises what :func:`os.mkdir` does.

    :manpage:`mkdir(2)`.
    """
    await change_path(_loop, backend, "mkdir", path, integer(mode, 12, "mode"))


async def rmdir(path: Path, *, backend: str | None = None) -> None:
    """Remove an empty directory. Raises what :func:`os.rmdir` does.

    :manpage:`rmdir(2)`.
    """
    await change_path(_loop, backend, "rmdir", path)


def scandir(path: Path | int = ".", *, backend: str | None = None) -> Scan:
    """Return the entries of a directory, for ``async for`` or ``await``. ::

        async for entry in scandir("/etc"):
            print(entry.name)

    They are those of :func:`os.scandir`, of which a thread takes some hundred at once;
    ``await scandir(path)`` is a list. An iteration that may end early stands in
    ``async with scandir(path) as entries``; one that is forgotten before its end warns
    as that of :func:`os.scandir` does.

    Raises what :func:`os.scandir` does, when the first entry is asked for.

    :manpage:`readdir(3)`.
    """
    return Scan(_loop, backend, path)


async def read_file(path: Path, *, backend: str | None = None) -> bytes:
    """Return the content of a file.

    Raises what :func:`open` and reads do, with *path* in ``filename``.
    """
    return await read_path(_loop, backend, path)


async def write_file(
    path: Path,
    data: Buffer,
    atomic: bool = True,
    permissions: int = 0o666,
    *,
    follow_symlinks: bool = True,
    backend: str | None = None,
) -> None:
    """Write *data* as the whole content of a file.

    With *atomic* the path has the old content or the new one, whatever happens: a new
    file beside it is written, brought to the disk and renamed, and then the directory
    is brought to the disk. Where that fails or is cancelled the new file is removed; a
    program that is killed may leave it, with a name that begins with a dot. Other hard
    links keep the old content. The program needs the right to write the directory, and
    not the file. Without *atomic* the file itself is written, and so is a device or a
    pipe; where that fails or is cancelled, it may have a part of *data*, which may be
    nothing.

    *permissions* are those of a file that does not exist, but for what the umask takes
    away, as for :func:`os.open`. One that exists keeps its own, whether it is written
    or replaced, and its owner, group, access control list and extended attributes of
    the user. Where the new file may not have that owner and group, it has no list, and
    its group has no right that not all have. Other attributes, as capabilities, are not
    kept.

    A symbolic link is followed, or without *follow_symlinks* is an OSError (ELOOP).

    Raises what :func:`open` does, and OSError for a disk that is full and the like,
    with *path* in ``filename``. Where the sync of the directory fails (EIO), the path
    has the new content already.

    :manpage:`rename(2)`.
    """
    await write_path(_loop, backend, path, data, atomic, permissions, follow_symlinks)


def backend(name: str | None = None) -> dict[str, str]:
    """The way in which each operation is made here: "uring", "aio" or "threads".

    The keys are "open", "read", "fsync" and so on. *name* is that of a backend, None
    for the best that works: io_uring, where no sysctl or seccomp filter forbids it and
    the kernel is new enough; then Linux's aio, which has reads, writes and syncs; then
    threads. Threads make all that a backend does not have. Reads of what is in the
    kernel's cache are made at once. Of aio, reads and writes are those of files that
    are open with O_DIRECT, since it would stop the loop for others, which are read and
    written in threads.

    Raises ValueError for another name; RuntimeError where no loop runs; for a name
    whose backend does not work here, the OSError that says why.
    """
    return dict(backend_of(_loop, checked(name)).table)
