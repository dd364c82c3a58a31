"""Reading and writing files in the background under trio; see :mod:`butter.aio`."""

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
from butter.trio._files import Loop
from butter.trio._queue import EventQueue

if TYPE_CHECKING:
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
    """``Aio_async(depth=128, flags=0, *, maxsize=0)``: a queue of Completions. ::

        async with Aio_async() as aio:
            for offset in range(0, size, 4096):
                aio.pread(file, aligned_buffer(4096), offset)
            async for done in aio:
                print(done.user_data, done.error or done.data)

    The arguments and methods are those of :class:`butter.asyncio.aio.Aio_async`.
    """


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
    """As :func:`butter.asyncio.aio.open`, under trio."""
    return open_file(
        *(_loop, path, mode, buffering, encoding, errors, newline, closefd, backend, dir_fd, flags, permissions),
    )


async def stat(
    path: Path | int, *, dir_fd: FileDescriptor | None = None, follow_symlinks: bool = True, backend: str | None = None
) -> os.stat_result:
    """As :func:`butter.asyncio.aio.stat`, under trio."""
    return await stat_path(_loop, backend, path, dir_fd, follow_symlinks)


async def rename(source: Path, target: Path, *, backend: str | None = None) -> None:
    """As :func:`butter.asyncio.aio.rename`, under trio."""
    await rename_path(_loop, backend, source, target)


async def replace(source: Path, target: Path, *, backend: str | None = None) -> None:
    """As :func:`butter.asyncio.aio.replace`, under trio."""
    await rename_path(_loop, backend, source, target)


async def unlink(path: Path, *, backend: str | None = None) -> None:
    """As :func:`butter.asyncio.aio.unlink`, under trio."""
    await change_path(_loop, backend, "unlink", path)


async def mkdir(path: Path, mode: int = 0o777, *, backend: str | None = None) -> None:
    """As :func:`butter.asyncio.aio.mkdir`, under trio."""
    await change_path(_loop, backend, "mkdir", path, integer(mode, 12, "mode"))


async def rmdir(path: Path, *, backend: str | None = None) -> None:
    """As :func:`butter.asyncio.aio.rmdir`, under trio."""
    await change_path(_loop, backend, "rmdir", path)


def scandir(path: Path | int = ".", *, backend: str | None = None) -> Scan:
    """As :func:`butter.asyncio.aio.scandir`, under trio."""
    return Scan(_loop, backend, path)


async def read_file(path: Path, *, backend: str | None = None) -> bytes:
    """As :func:`butter.asyncio.aio.read_file`, under trio."""
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
    """As :func:`butter.asyncio.aio.write_file`, under trio."""
    await write_path(_loop, backend, path, data, atomic, permissions, follow_symlinks)


def backend(name: str | None = None) -> dict[str, str]:
    """As :func:`butter.asyncio.aio.backend`, under trio."""
    return dict(backend_of(_loop, checked(name)).table)
