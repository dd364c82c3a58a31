"""The position of a file: seek and tell."""

from __future__ import annotations

import errno
import os

from butter._arguments import whole_number
from butter._awaitables._files_base import AnyFile
from butter._awaitables._files_engine import Request


def as_bytes(view: memoryview) -> memoryview:
    """Return a view of the same memory as bytes.

    Raises BufferError where its parts have gaps between them.
    """
    if not view.nbytes:
        # which cannot be cast where it has several dimensions
        return memoryview(b"" if view.readonly else bytearray())
    if not view.c_contiguous:
        raise BufferError("the data is not contiguous in memory; bytes(data) is contiguous")
    # on PyPy the result of a cast cannot be written by a ring
    return view[:] if view.format == "B" and view.ndim == 1 else view.cast("B")


class Positioned(AnyFile):
    """A file with a position, and the operations that move it or leave it alone."""

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to *offset*, and return it; *whence* says from where it counts.

        From 0 (the beginning), 1 (the position) or 2 (the end); ``os.SEEK_DATA`` and
        ``os.SEEK_HOLE`` are the next data and hole.

        Raises OSError: EINVAL for a position before the beginning or beyond
        2**63 - 1, ESPIPE for a pipe, ENXIO where no data follows. Raises ValueError for
        another *whence*, and if the file is closed.

        :manpage:`lseek(2)`.
        """
        fd = self._check()
        offset, whence = whole_number(offset, -64, "offset"), whole_number(whence, -32, "whence")
        if whence not in range(5):  # PyPy does not have the names of the last two
            raise ValueError(f"invalid whence ({whence}, should be 0, 1, 2, os.SEEK_DATA or os.SEEK_HOLE)")
        await self._enter()
        try:
            if self._position is None:
                raise self._failure(errno.ESPIPE)
            if whence == os.SEEK_CUR:
                offset += self._position
            elif whence == os.SEEK_END and self._regular:
                offset += (await self._run(Request(), "stat", fd, None, True)).st_size
            elif whence != os.SEEK_SET:
                offset = await self._run(Request(), "seek", fd, offset, whence)
            if not 0 <= offset < 1 << 63:
                raise self._failure(errno.EINVAL)
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

    async def _cut(self, size: int | None) -> int:
        """Make the file *size* bytes long, by default up to the position.

        The caller stands in the line.
        """
        if size is None:
            if self._position is None:
                raise self._failure(errno.ESPIPE)
            size = self._position
        if size < 0:
            raise self._failure(errno.EINVAL)
        if self._position is not None:
            self._go(self._position)
        await self._run(Request(), "truncate", self._fd, whole_number(size, 63, "size"))
        return size

    async def tell(self) -> int:
        """Return the position, after the operations before the call.

        Raises OSError (ESPIPE) for a pipe, and ValueError if the file is closed.

        :manpage:`lseek(2)`.
        """
        self._check()
        await self._let_pass()
        if self._position is None:
            raise self._failure(errno.ESPIPE)
        return self._position

    async def stat(self) -> os.stat_result:
        """Return what :func:`os.fstat` does. :manpage:`fstat(2)`."""
        fd = self._check()
        self._begin()
        try:
            await self._loop.pause()
            return await self._run(Request(), "stat", fd, None, True)  # type: ignore[no-any-return]
        finally:
            self._done()
