"""The functions about paths, under whichever event loop."""

from __future__ import annotations

import errno
import os
import stat as _stat
from time import perf_counter
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer, path_of
from butter._awaitables._files import file_of
from butter._awaitables._files_backends import Backend, backend_of, checked, failure, open_descriptor
from butter._awaitables._files_engine import Request
from butter._awaitables._files_loop import turns

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Buffer, Self

    from butter._arguments import Path
    from butter._awaitables._files_loop import AnyLoop

# how many entries of a directory one thread takes
_ENTRIES = 256


async def on_paths(loop: AnyLoop, backend: str | None, name: str, *arguments: Any, paths: tuple[Any, ...]) -> Any:
    """Make an operation on paths, which its exception has."""
    found = backend_of(loop, checked(backend))
    await loop.look()
    if perf_counter() >= turns.until:
        await turns.next(loop)
    return await found.run(Request(*paths), name, *arguments)


async def stat_path(loop: AnyLoop, backend: str | None, path: Path | int, dir_fd: Any, follow: bool) -> os.stat_result:
    """Return what :func:`os.stat` does."""
    name = path if isinstance(path, int) else path_of(path)
    directory = None if dir_fd is None else fileno(dir_fd)
    found: os.stat_result = await on_paths(loop, backend, "stat", name, directory, follow, paths=(name,))
    return found


async def rename_path(loop: AnyLoop, backend: str | None, source: Path, target: Path) -> None:
    """Rename a file."""
    paths = path_of(source), path_of(target)
    await on_paths(loop, backend, "rename", *paths, paths=paths)


async def change_path(loop: AnyLoop, backend: str | None, name: str, path: Path, *arguments: Any) -> None:
    """Make an operation on a path that returns nothing."""
    path = path_of(path)
    await on_paths(loop, backend, name, path, *arguments, paths=(path,))


async def read_path(loop: AnyLoop, backend: str | None, path: Path) -> bytes:
    """Return the content of a file."""
    choice, path = checked(backend), path_of(path)
    fd = await open_descriptor(loop, backend_of(loop, choice), path, os.O_RDONLY)
    file = file_of(fd, path, "rb", loop, choice)
    try:
        return await file.readall()
    finally:
        await file.close()


class Scan:
    """The entries of a directory, as :func:`os.scandir` has them.

    It is iterated by ``async for``, which an ``async with`` ends before its end;
    ``await`` returns them all as a list.
    """

    def __init__(self, loop: AnyLoop, backend: str | None, path: Path | int) -> None:
        self._loop, self._backend = loop, checked(backend)
        self._path = path if isinstance(path, int) else path_of(path)
        self._entries: Any = None
        self._found: list[os.DirEntry[Any]] = []
        self._ended = False

    def __await__(self) -> Generator[Any, Any, list[os.DirEntry[Any]]]:
        return self._all().__await__()

    async def _all(self) -> list[os.DirEntry[Any]]:
        try:
            return [entry async for entry in self]
        finally:
            self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> os.DirEntry[Any]:
        if not self._found and not self._ended:
            await self._more()
        if not self._found:
            raise StopAsyncIteration
        return self._found.pop()

    async def _more(self) -> None:
        backend = backend_of(self._loop, self._backend)
        if perf_counter() >= turns.until:
            await turns.next(self._loop)
        if self._entries is None:
            request = Request(self._path)
            try:
                await backend.run(request, "scandir", self._path)
            finally:
                self._entries = request.found
        request = Request(self._path)
        try:
            await backend.run(request, "next", self._entries, _ENTRIES)
        finally:
            # those that a cancelled task has taken are not lost
            self._found = (request.found or [])[::-1]
        if not self._found:
            self.close()

    def close(self) -> None:
        """Close the directory; the iteration ends."""
        self._ended, self._found = True, []
        if self._entries is not None:
            self._entries.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


# writing whole files


async def write_path(
    loop: AnyLoop, backend: str | None, path: Path, data: Buffer, atomic: bool, permissions: int | None
) -> None:
    """Write a whole file."""
    choice, path = checked(backend), path_of(path)
    with memoryview(data) as view:
        if permissions is not None:
            permissions = integer(permissions, 12, "permissions")
        found = backend_of(loop, choice)
        if atomic:
            real, there = await found.run(Request(path), "call", _target, path)
            if there is None or _stat.S_ISREG(there.st_mode):
                await _replace(loop, found, path, real, view, permissions, there)
                return
            # a device or a pipe is written, and not replaced
        fd = await open_descriptor(
            *(loop, found, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o666 if permissions is None else permissions
        )
        await _write_and_close(loop, found, fd, path, view, sync=False)


async def _write_and_close(
    loop: AnyLoop,
    backend: Backend,
    fd: int,
    path: Any,
    data: memoryview,
    sync: bool,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
) -> None:
    file = file_of(fd, path, "wb", loop, backend.name)
    try:
        if owner is not None and mode is not None:
            try:
                await backend.run(Request(path), "call", os.fchown, fd, *owner)
            except PermissionError:
                # to another owner these bits would give other rights
                mode &= 0o777
        if mode is not None:
            await backend.run(Request(path), "call", os.fchmod, fd, mode)
        await file.write(data)
        if sync:
            await file.fsync()
    finally:
        await file.close()


def _target(path: Any) -> tuple[Any, os.stat_result | None]:
    """Return where a path leads to, and the status of the file that is there."""
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
    except FileNotFoundError:
        return real, None
    if _stat.S_ISDIR(found.st_mode):
        raise failure(errno.EISDIR, path)
    return real, found


def _temporary(path: Any) -> Any:
    """Return the name of a new file in the directory of *path*."""
    directory, name = os.path.split(path)
    random = os.urandom(8).hex()
    # a name has at most 255 bytes
    if isinstance(path, bytes):
        return os.path.join(directory, b".%s.%s" % (name[:200], random.encode()))
    short = os.fsdecode(os.fsencode(name)[:200])
    return os.path.join(directory, f".{short}.{random}")


async def _replace(
    loop: AnyLoop,
    backend: Backend,
    path: Any,
    real: Any,
    data: memoryview,
    permissions: int | None,
    there: os.stat_result | None,
) -> None:
    """Write a new file, bring it to the disk, and put it in the place of the old."""
    owner = None
    if there is not None:
        owner = there.st_uid, there.st_gid
        permissions = _stat.S_IMODE(there.st_mode) if permissions is None else permissions
    temporary = _temporary(real)
    created = False
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        fd = await open_descriptor(loop, backend, temporary, flags, 0o666 if permissions is None else 0o600)
        created = True
        await _write_and_close(loop, backend, fd, temporary, data, sync=True, mode=permissions, owner=owner)
        await backend.run(Request(temporary, real), "rename", temporary, real)
    except BaseException as error:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        if not created and isinstance(error, OSError) and error.filename == temporary:
            error.filename = path
        raise
    try:
        fd = await open_descriptor(loop, backend, os.path.dirname(real), os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return  # it can be written and not read, and so not be brought to the disk
    try:
        await backend.run(Request(path), "fsync", fd)
    finally:
        await backend.run(Request(path, firm=True), "close", fd)
