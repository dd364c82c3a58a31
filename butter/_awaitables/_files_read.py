"""The reads of files of bytes, under whichever event loop."""

from __future__ import annotations

import mmap
import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._awaitables._files_engine import AT_ONCE, MOST, Request
from butter._awaitables._files_loop import turns
from butter._awaitables._files_position import Positioned, as_bytes
from butter.aio import aligned_buffer

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

# what a read of lines reads at once
_AHEAD = 1 << 16
# the largest buffer that a file keeps for its next read
_KEPT = 1 << 16
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_preadv: Any = getattr(os, "preadv", None)


class Reads(Positioned):
    """The reads of a file of bytes."""

    _kept = bytearray()

    # reads

    async def read(self, size: int | None = -1) -> bytes:
        """Return the next *size* bytes, or all that are left.

        There are fewer only at the end of the file. A read of a pipe or terminal
        returns what is there, and waits only if nothing is.

        :manpage:`read(2)`.
        """
        fd = self._check_readable()
        if size is None or size < 0:
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
            if self._position is None and self._used < len(self._ahead):
                return self._taken(self._used + size)
            buffer = self._buffer(size)
            count = await self._read_into(memoryview(buffer), self._position)
            self._move(count)
            return bytes(memoryview(buffer)[:count])
        finally:
            self._leave()

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
        try:
            parts, position = [], self._position
            if position is None:
                parts.append(self._taken(len(self._ahead)))
            size = max(0, self._size - (position or 0)) + 1
            if self._direct:
                size += -size % mmap.PAGESIZE
            while True:
                buffer = self._buffer(max(size, 1024))
                try:
                    count = await self._read_into(memoryview(buffer), position, whole=False)
                except BaseException:
                    # what came from a pipe is kept for the next read
                    if position is None:
                        self._ahead, self._used = b"".join(parts) + self._ahead[self._used :], 0
                    raise
                if not count:
                    break
                parts.append(bytes(memoryview(buffer)[:count]))
                if position is not None:
                    position += count
                if self._direct and count < len(buffer):
                    break  # the disk does not read on from a place that is not aligned
                size = min(2 * size, MOST) if count == len(buffer) else size - count
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            self._move(len(data))
            return data
        finally:
            self._leave()

    async def pread(self, size: int, offset: int) -> bytes:
        """Return *size* bytes at *offset*; there are fewer only at the end of the file.

        The position stays where it is. :manpage:`pread(2)`.
        """
        fd = self._check_readable()
        size, offset = integer(size, 63, "size"), integer(offset, 63, "offset")
        quick = self._quick_read and self._whole and size <= AT_ONCE
        if quick and perf_counter() < turns.until:
            if self._loop.looks:
                await self._loop.look()
            data = self._cached(fd, size, offset)
            if data is not None:
                return data
        self._begin()
        try:
            if quick and perf_counter() >= turns.until:
                await turns.next(self._loop)
                data = self._cached(fd, size, offset)
                if data is not None:
                    return data
            buffer = self._buffer(size)
            count = await self._read_into(memoryview(buffer), offset)
            return bytes(memoryview(buffer)[:count])
        finally:
            self._done()

    def _buffer(self, size: int) -> Any:
        """Return a new buffer, which is aligned where the disk wants that."""
        if self._direct and size:
            return aligned_buffer(size)
        return bytearray(size)

    def _cached(self, fd: int, size: int, offset: int) -> bytes | None:
        """Return what is in the kernel's cache; None unless that is all."""
        # no other call runs before the bytes are copied, so one buffer does
        buffer = self._kept
        if len(buffer) != size:
            buffer = bytearray(size)
            if size <= _KEPT:
                self._kept = buffer
        count = self._now(fd, buffer, offset)
        if count == size:
            return bytes(buffer)
        return None if count else b""

    def _now(self, fd: int, buffer: Any, offset: int) -> int:
        """Read what is in the cache; -1 where the read would wait."""
        try:
            return _preadv(fd, (buffer,), offset, _NOWAIT)  # type: ignore[no-any-return]
        except BlockingIOError:
            pass
        except OSError:
            # the filesystem cannot say it, or a filter forbids the call: otherwise the
            # read that follows fails, too
            self._quick_read = False
        return -1

    async def _read_into(self, view: memoryview, offset: int | None, whole: bool = True) -> int:
        """Read into *view*, and return how many bytes.

        Unless *whole* is true, one read is enough.
        """
        fd: int = self._fd  # type: ignore[assignment]
        done, size = 0, len(view)
        while done < size:
            part = view[done : done + MOST]
            if perf_counter() >= turns.until:
                await turns.next(self._loop)
            at = -1 if offset is None else offset + done
            count = self._now(fd, part, at) if self._quick_read and len(part) <= AT_ONCE else -1
            if count < 0:
                request = Request()
                try:
                    count = await self._run(request, "read", fd, part, None if offset is None else at)
                except BaseException:
                    if offset is None and request.done:
                        self._ahead, self._used = self._ahead[self._used :] + part[: request.moved], 0
                    raise
            done += count
            if not count or not (whole and self._whole):
                break
        return done

    def _move(self, count: int) -> None:
        """Move the position after a read or write."""
        if self._position is not None:
            self._go(self._position + count)

    # lines

    async def readline(self, size: int | None = -1) -> bytes:
        """Return the next line with its end, or at most *size* bytes of it."""
        self._check_readable()
        most = -1 if size is None else integer(size, -64, "size")
        if perf_counter() >= turns.until:
            await turns.next(self._loop)
        if not self._held and (end := self._line_end(most)):
            await self._loop.look()
            return self._taken(end)
        await self._enter()
        try:
            while not (end := self._line_end(most)):
                if not await self._fill():
                    # the last line does not have an end
                    end = len(self._ahead)
                    break
            return self._taken(end)
        finally:
            self._leave()

    def _line_end(self, most: int) -> int:
        """Return where the next line ends in what was read ahead; 0 if it does not."""
        ahead, used = self._ahead, self._used
        stop = used + most if most >= 0 else len(ahead)
        return ahead.find(b"\n", used, stop) + 1 or (stop if most >= 0 and stop <= len(ahead) else 0)

    async def _fill(self) -> int:
        """Read ahead, and return how many bytes."""
        buffer, left = self._buffer(_AHEAD), self._ahead[self._used :]
        offset = None if self._position is None else self._position + len(left)
        count = await self._read_into(memoryview(buffer), offset, whole=False)
        self._ahead, self._used = left + memoryview(buffer)[:count], 0
        return count

    async def readlines(self) -> list[bytes]:
        """Return all lines that are left."""
        return [line async for line in self]

    def __aiter__(self) -> Self:
        self._check()
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line
