"""The functions about paths, under whichever event loop."""

from __future__ import annotations

import errno
import os
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, path_of
from butter._awaitables._files_backends import backend_of, checked, failure
from butter._awaitables._files_engine import Request

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Self

    from butter._arguments import Path
    from butter._awaitables._files_loop import AnyEvent, AnyLoop

# how many entries of a directory one thread takes
_ENTRIES = 256


async def on_paths(loop: AnyLoop, backend: str | None, name: str, *arguments: Any, paths: tuple[Any, ...]) -> Any:
    """Make an operation on paths, which its exception has."""
    found = backend_of(loop, checked(backend))
    await loop.pause()
    return await found.run(Request(*paths), name, *arguments)


async def stat_path(loop: AnyLoop, backend: str | None, path: Path | int, dir_fd: Any, follow: bool) -> os.stat_result:
    """Return what :func:`os.stat` does."""
    name = path if isinstance(path, int) else path_of(path)
    if isinstance(name, int) and name < 0:
        raise failure(errno.EBADF, name)
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


class Directory:
    """The directory of a Scan. One thread at a time reads it."""

    def __init__(self, path: Any) -> None:
        self._path = path
        self._entries: Any = None
        self._lock = Lock()
        self.ended = False

    def take(self) -> list[os.DirEntry[Any]]:
        """Return the next entries; none where it has ended."""
        found: list[os.DirEntry[Any]] = []
        with self._lock:
            if not self.ended:
                if self._entries is None:
                    self._entries = os.scandir(self._path)
                found.extend(islice(self._entries, _ENTRIES))
        if self.ended:
            self.close()
        return found

    def close(self) -> None:
        """Close it; where a thread reads it, that thread does."""
        self.ended = True
        if self._lock.acquire(blocking=False):
            if self._entries is not None:
                self._entries.close()
            self._lock.release()


class Scan:
    """The entries of a directory, as :func:`os.scandir` has them.

    It is iterated by ``async for``, which an ``async with`` ends before its end;
    ``await`` returns them all as a list. Where several tasks iterate over it, each
    entry goes to one of them.
    """

    def __init__(self, loop: AnyLoop, backend: str | None, path: Path | int) -> None:
        self._loop, self._backend = loop, checked(backend)
        self._path = path if isinstance(path, int) else path_of(path)
        self._directory = Directory(self._path)
        #: those that were read and not taken, the next one last
        self._found: list[os.DirEntry[Any]] = []
        #: what the tasks wait for while one of them reads
        self._reading: AnyEvent | None = None

    def __await__(self) -> Generator[Any, Any, list[os.DirEntry[Any]]]:
        return self._all().__await__()

    async def _all(self) -> list[os.DirEntry[Any]]:
        entries: list[os.DirEntry[Any]] = []
        try:
            while await self._filled():
                entries += reversed(self._found)
                self._found = []
        finally:
            self.close()
        return entries

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> os.DirEntry[Any]:
        if not await self._filled():
            raise StopAsyncIteration
        return self._found.pop()

    async def _filled(self) -> bool:
        """Wait until there is an entry, and return whether there is one."""
        await self._loop.pause()
        while not self._found and not self._directory.ended:
            if self._reading is None:
                await self._read()
            else:
                await self._reading.wait()
        return bool(self._found)

    async def _read(self) -> None:
        self._reading = reading = self._loop.event()
        request = Request(self._path)
        try:
            await backend_of(self._loop, self._backend).run(request, "call", self._directory.take)
            if not request.found:
                self.close()
        finally:
            # those that a cancelled task has taken are not lost
            if not self._directory.ended:
                self._found = (request.found or [])[::-1]
            self._reading = None
            reading.set()

    def close(self) -> None:
        """Close the directory; the iteration ends."""
        self._found = []
        self._directory.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
