"""The reads of files of bytes, under whichever event loop."""

from __future__ import annotations

import errno
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from butter._arguments import index, integer, whole_number
from butter._awaitables._files_buffer import Buffers
from butter._awaitables._files_engine import AT_ONCE
from butter._awaitables._files_loop import turns
from butter._awaitables._files_position import as_bytes

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

# what a read of lines reads at once
_AHEAD = 1 << 16


class Reads(Buffers):
    """The reads of a file of bytes."""

    # reads

    async def read(self, size: int | None = -1) -> bytes:
        """Return the next *size* bytes, or all that are left.

        There are fewer only at the end of the file. A read of a pipe or terminal
        returns what is there, and waits only if nothing is.

        A large read keeps no other task waiting; but Python 3.9 and PyPy join its
        parts, if it has some, while others wait.

        :manpage:`read(2)`.
        """
        fd = self._check_readable()
        if size.__class__ is not int:
            size = -1 if size is None else whole_number(size, -64, "size")
        if size < 0:
            return await self.readall()
        position = self._position
        # the short way: what is in the kernel's cache
        if self._quick_read and size <= AT_ONCE and position is not None and self._whole and not self._held:
            if perf_counter() >= turns.until:
                return await self._read(size)
            if self._loop.looks:
                await self._loop.look()
            data = self._cached(fd, size, position)
            if data is not None:
                self._go(position + len(data))
                return data
        return await self._read(size)

    async def _read(self, size: int) -> bytes:
        await self._enter()
        try:
            return await self._read_next(size)
        finally:
            self._leave()

    async def _read_next(self, size: int) -> bytes:
        """Return the next *size* bytes; the caller stands in the line."""
        if self._position is None and self._used < len(self._ahead):
            return self._taken(self._used + size)
        data = await self._bytes(size, self._position)
        self._move(len(data))
        return data

    async def readinto(self, buffer: Buffer) -> int:
        """Read into a writable *buffer*, and return how many bytes.

        It is as full as ``read`` would fill it.
        """
        self._check_readable()
        with memoryview(buffer) as whole, as_bytes(whole) as view:
            if view.readonly:
                raise TypeError("readinto() argument must be read-write bytes-like object")
            await self._enter()
            try:
                if self._position is None and self._used < len(self._ahead):
                    data = self._taken(self._used + len(view))
                    view[: len(data)] = data
                    return len(data)
                count = await self._read_into(view, self._position)
                self._move(count)
                return count
            finally:
                self._leave()

    async def readall(self) -> bytes:
        """Return all bytes that are left."""
        self._check_readable()
        await self._enter()
        parts: list[bytes] = []
        try:
            if self._position is None and self._used < len(self._ahead):
                parts.append(self._taken(len(self._ahead)))
            await self._collect(parts, sys.maxsize, self._position)
            data = await self._joined(parts)
            self._move(len(data))
            return data
        except BaseException:
            if self._position is None:
                self._put_back(parts)
            raise
        finally:
            self._leave()

    async def pread(self, size: int, offset: int) -> bytes:
        """Return *size* bytes at *offset*; there are fewer only at the end of the file.

        The position stays where it is. :manpage:`pread(2)`.
        """
        fd = self._check_readable()
        if size.__class__ is not int or offset.__class__ is not int:
            size, offset = index(size, "size"), index(offset, "offset")
        size, offset = integer(size, 63, "size"), integer(offset, 63, "offset")
        if self._position is None:
            raise self._failure(errno.ESPIPE)
        quick = self._quick_read and self._whole and size <= AT_ONCE
        if quick and perf_counter() < turns.until:
            if self._loop.looks:
                await self._loop.look()
            data = self._cached(fd, size, offset)
            if data is not None:
                return data
        self._begin()
        try:
            if perf_counter() >= turns.until:
                await turns.next(self._loop)
                data = self._cached(fd, size, offset) if quick else None
                if data is not None:
                    return data
            elif self._loop.looks:
                await self._loop.look()
            return await self._bytes(size, offset)
        finally:
            self._done()

    # lines

    async def readline(self, size: int | None = -1) -> bytes:
        """Return the next line with its end, or at most *size* bytes of it."""
        self._check_readable()
        most = -1 if size is None else whole_number(size, -64, "size")
        quick = not self._held and self._kernels is None
        if quick and perf_counter() < turns.until and (end := self._line_end(most)):
            await self._loop.look()
            return self._taken(end)
        await self._enter()
        try:
            return await self._line_of(most if most >= 0 else sys.maxsize)
        finally:
            self._leave()

    async def _line_of(self, left: int) -> bytes:
        """Return the next line, or *left* bytes of it."""
        parts: list[bytes] = []
        ahead = _AHEAD
        try:
            while left:
                end = self._line_end(left)
                part = self._taken(end or len(self._ahead))
                if part:
                    parts.append(part)
                if end or not await self._fill(ahead):
                    break
                left -= len(part)
                ahead = min(2 * ahead, AT_ONCE)
            return await self._joined(parts)
        except BaseException:
            self._put_back(parts)
            raise

    def _line_end(self, most: int) -> int:
        """Return where the next line ends in what was read ahead; 0 if it does not."""
        ahead, used = self._ahead, self._used
        stop = used + most if most >= 0 else len(ahead)
        return ahead.find(b"\n", used, stop) + 1 or (stop if most >= 0 and stop <= len(ahead) else 0)

    async def _fill(self, size: int) -> int:
        """Read up to *size* bytes ahead, and return how many; none were ahead."""
        data = await self._portion(size, self._position, whole=False)
        self._ahead, self._used = data, 0
        return len(data)

    async def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Return all lines that are left, or those up to a *hint*.

        The last is then the first with which they have more than *hint* bytes. None,
        and a *hint* below 1, mean all.
        """
        return await lines_of(self, hint)

    def __aiter__(self) -> Self:
        self._check()
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line


async def lines_of(file: Any, hint: int | None) -> list[Any]:
    """Return the lines of a file up to a *hint*."""
    most = -1 if hint is None else whole_number(hint, -64, "hint")
    lines, found = [], 0
    async for line in file:
        lines.append(line)
        found += len(line)
        if 0 < most < found:
            break
    return lines
