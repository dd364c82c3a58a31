"""The position of a file: seek and tell."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._awaitables._files_backends import failure
from butter._awaitables._files_base import AnyFile
from butter._awaitables._files_engine import Request

if TYPE_CHECKING:
    from typing import Literal


def as_bytes(view: memoryview) -> memoryview:
    """Return a view of the same memory as bytes."""
    # on PyPy the result of a cast cannot be written by a ring
    return view[:] if view.format == "B" and view.ndim == 1 else view.cast("B")


class Positioned(AnyFile):
    """A file with a position, and the operations that move it or leave it alone."""

    async def seek(self, offset: int, whence: Literal[0, 1, 2, 3, 4] | int = os.SEEK_SET) -> int:
        """Go to *offset*, and return it; *whence* says from where it counts.

        From 0 (the beginning), 1 (the position) or 2 (the end); ``os.SEEK_DATA`` and
        ``os.SEEK_HOLE`` are the next data and hole.

        Raises ValueError for a position before the beginning or another *whence*,
        OSError for a pipe, and ValueError if the file is closed.

        :manpage:`lseek(2)`.
        """
        fd = self._check()
        integer(offset, -64, "offset")
        if whence not in range(5):  # PyPy does not have the names of the last two
            raise ValueError(f"invalid whence ({whence}, should be 0, 1, 2, os.SEEK_DATA or os.SEEK_HOLE)")
        await self._enter()
        try:
            if self._position is None:
                raise failure(errno.ESPIPE)
            if whence == os.SEEK_CUR:
                offset += self._position
            elif whence == os.SEEK_END and self._regular:
                offset += (await self._run(Request(), "stat", fd, None, True)).st_size
            elif whence != os.SEEK_SET:
                offset = await self._run(Request(), "seek", fd, offset, whence)
            if offset < 0:
                raise failure(errno.EINVAL)
            self._go(offset)
            return offset
        finally:
            self._leave()

    def _taken(self, end: int) -> bytes:
        """Return what was read ahead up to *end*, and move the position there."""
        used, end = self._used, min(end, len(self._ahead))
        self._used = end
        if self._position is not None:
            self._position += end - used
        return self._ahead[used:end]

    def _go(self, position: int) -> None:
        """Move the position, and forget what was read ahead."""
        self._position, self._ahead, self._used = position, b"", 0

    async def tell(self) -> int:
        """Return the position. Raises OSError for a pipe.

        It waits for the operations before it.
        """
        self._check()
        await self._let_pass()
        if self._position is None:
            raise self._failure(errno.ESPIPE)
        return self._position

    async def stat(self) -> os.stat_result:
        """Return what :func:`os.fstat` does. :manpage:`fstat(2)`."""
        return await self._beside("stat", self._check(), None, True)  # type: ignore[no-any-return]

    async def _beside(self, name: str, *arguments: Any) -> Any:
        """Make an operation that does not use the position."""
        self._begin()
        try:
            await self._loop.pause()
            return await self._run(Request(), name, *arguments)
        finally:
            self._done()
