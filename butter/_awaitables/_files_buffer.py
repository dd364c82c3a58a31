"""How the bytes of a file come into memory, under whichever event loop."""

# Reads of up to AT_ONCE bytes go through a bytearray, which is cleared, and copied into
# the bytes that the program gets: that takes microseconds. Such work for a large read
# would keep all tasks from running. So there the kernel writes into a bytes object
# itself, before anything else sees it. It is cleared, too, unless its memory is new;
# so a read of less than _MAPPED bytes has parts, which a thread joins.

from __future__ import annotations

import mmap
import os
import sys
from time import perf_counter
from typing import Any

from butter._awaitables._files_engine import AT_ONCE, MOST, Request
from butter._awaitables._files_loop import turns
from butter._awaitables._files_position import Positioned
from butter._uring_ring_c import ffi
from butter.aio import aligned_buffer

# the largest buffer that a file keeps for its next read
_KEPT = 1 << 16
# the most bytes that are copied, or joined, while other tasks wait
_COPIED = 1 << 20
# from here on glibc always maps new memory, as other allocators do from fewer bytes on
_MAPPED = (1 << 25) + 1
# what O_DIRECT wants the offset of a read to be a multiple of, at least
_SECTOR = 512
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_preadv: Any = getattr(os, "preadv", None)
# elsewhere (PyPy) the memory of a bytes object may move
_FILLS = sys.implementation.name == "cpython"


class Buffers(Positioned):
    """A file whose bytes are read into memory."""

    def __init__(self, *arguments: Any) -> None:
        #: the buffer of the last read
        self._kept: list[bytearray] = []
        super().__init__(*arguments)

    # buffers

    def _buffer(self, size: int) -> Any:
        """Return a new buffer, which is aligned where the disk wants that."""
        if self._direct and size:
            return aligned_buffer(size)
        return bytearray(size)

    def _cached(self, fd: int, size: int, offset: int) -> bytes | None:
        """Return what is in the kernel's cache; None unless that is all."""
        # another thread with a loop of its own may have the last buffer
        try:
            buffer = self._kept.pop()
        except IndexError:
            buffer = bytearray()
        if len(buffer) != size:
            buffer = bytearray(size)
        count = self._now(fd, buffer, offset)
        data = bytes(buffer) if count == size else None if count else b""
        if size <= _KEPT:
            self._kept.append(buffer)
        return data

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
            if self._direct and done % _SECTOR:
                break  # the disk does not read on from a place that is not aligned
        return done

    # bytes

    async def _bytes(self, size: int, offset: int | None) -> bytes:
        """Return *size* bytes; there are fewer only at the end of the file."""
        if size <= _COPIED or not self._regular:
            return await self._portion(size, offset)
        # the file may be much smaller
        parts: list[bytes] = []
        await self._collect(parts, size, offset)
        return await self._joined(parts)

    async def _portion(self, size: int, offset: int | None, whole: bool = True) -> bytes:
        """Return the bytes of one buffer."""
        if size <= AT_ONCE or self._direct or not _FILLS:
            buffer = self._buffer(size)
            count = await self._read_into(memoryview(buffer), offset, whole)
            return bytes(memoryview(buffer)[:count])
        data = bytes(size)
        count = await self._read_into(memoryview(ffi.buffer(ffi.from_buffer(data))), offset, whole)
        return data[:count]

    async def _collect(self, parts: list[bytes], most: int, offset: int | None) -> None:
        """Read *most* bytes, or all that are left, into *parts*."""
        known, unknown = max(0, self._size - (offset or 0)), 1024
        while most:
            # a byte more than the file should have tells its end
            size = known if known >= AT_ONCE else max(known + 1, unknown)
            if self._direct or not _FILLS or size < _MAPPED:
                size = min(size, _COPIED)
            if self._direct:
                size += -size % mmap.PAGESIZE
            size = min(size, most)
            data = await self._portion(size, offset)
            if data:
                parts.append(data)
            if not data or (self._whole and len(data) < size):
                return
            most, known = most - len(data), max(0, known - len(data))
            if offset is not None:
                offset += len(data)
            if not known:
                # it has grown, or does not tell its size
                unknown = min(2 * unknown, _COPIED)
                if self._regular and most and offset is not None:
                    found = await self._run(Request(), "stat", self._fd, None, True)
                    known = max(0, found.st_size - offset)

    async def _joined(self, parts: list[bytes]) -> bytes:
        """Return all bytes of *parts*; many are joined while other tasks run."""
        if len(parts) == 1:
            return parts[0]
        if sum(map(len, parts)) <= _COPIED:
            return b"".join(parts)
        request = Request()
        await self._loop.in_thread(request, b"".join, (parts,))
        return request.found  # type: ignore[no-any-return]

    def _put_back(self, parts: list[bytes]) -> None:
        """Have the next read find *parts*, which were taken: a pipe has no others."""
        data = b"".join(parts)
        self._ahead, self._used = data + self._ahead[self._used :], 0
        if self._position is not None:
            self._position -= len(data)

    def _move(self, count: int) -> None:
        """Move the position after a read or write."""
        if self._position is not None:
            self._go(self._position + count)
