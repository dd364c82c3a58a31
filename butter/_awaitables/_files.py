"""Files of bytes, under whichever event loop."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from butter._arguments import whole_number
from butter._awaitables._files_copy import copy
from butter._awaitables._files_engine import AT_ONCE, MOST, Request
from butter._awaitables._files_position import as_bytes
from butter._awaitables._files_read import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from butter._arguments import Path
    from butter._awaitables._files_copy import Target
    from butter._awaitables._files_loop import AnyLoop

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_pwritev: Any = getattr(os, "pwritev", None)


class File(Reads):
    """A file of bytes, which :func:`open` returns.

    Its methods are those of Python's files, as coroutines. Operations that use the
    position are made one after the other, in the order of the calls; ``pread`` and
    ``pwrite`` do not, and run beside each other. Nothing is buffered but what a read of
    lines has read ahead, of which the position does not know.

    A call that is cancelled cancels its operation, and ends when the kernel no longer
    uses the buffer; a thread that works already, or aio, is waited for. A read has not
    moved the position then, and the exception of a write, as that of one that has
    failed, says in ``characters_written`` how many bytes were written, which is where
    the position is.

    ``async with`` closes the file; one that the program forgets closes itself with a
    ResourceWarning. Methods raise the OSError of the synchronous call, and ValueError
    if the file is closed.
    """

    # writes

    async def write(self, data: Buffer) -> int:
        """Write all of *data*, and return how many bytes that is.

        :manpage:`write(2)`.
        """
        self._check_writable()
        with memoryview(data) as whole, as_bytes(whole) as view:
            await self._enter_to_write()
            try:
                await self._write_from(view, None if self._appends else self._position, moves=True)
                return len(view)
            finally:
                self._leave()

    async def writelines(self, lines: Iterable[Buffer]) -> None:
        """Write each of *lines*, one after the other, by one operation."""
        await self.write(b"".join(lines))

    async def pwrite(self, data: Buffer, offset: int) -> int:
        """Write all of *data* at *offset*, and return how many bytes that is.

        The position stays where it is. A file in mode "a" is written at its end.

        :manpage:`pwrite(2)`.
        """
        self._check_writable()
        offset = whole_number(offset, 63, "offset")
        with memoryview(data) as whole, as_bytes(whole) as view:
            if self._position is None:
                raise self._failure(errno.ESPIPE)
            key = self._begin_write()
            try:
                await self._write_from(view, offset)
                return len(view)
            finally:
                self._end_write(key)

    async def _enter_to_write(self) -> None:
        """Begin a write; the exception says that nothing was written."""
        try:
            await self._enter()
        except BaseException as error:
            error.characters_written = 0  # type: ignore[attr-defined]
            raise

    async def _write_from(self, view: memoryview, offset: int | None, moves: bool = False) -> None:
        """Write *view*; with *moves* the position is then behind what was written."""
        fd: int = self._fd  # type: ignore[assignment]
        if self._position is not None:
            self._go(self._position)
        done, size, request = 0, len(view), Request()
        try:
            if not moves:
                await self._loop.pause()
            while done < size:
                part, request = view[done : done + MOST], Request()
                if done:
                    await self._loop.pause()
                at = None if offset is None else offset + done
                done += self._write_now(fd, part, at) or await self._run(request, "write", fd, part, at)
        except BaseException as error:
            error.characters_written = done + request.moved  # type: ignore[attr-defined]
            done += request.moved
            raise
        finally:
            if moves and done and self._position is not None:
                self._position = os.lseek(fd, 0, os.SEEK_CUR) if self._appends else self._position + done

    def _write_now(self, fd: int, data: memoryview, offset: int | None) -> int:
        """Write what the cache takes; 0 where the write would wait."""
        if self._quick_write and len(data) <= AT_ONCE:
            try:
                return _pwritev(fd, (data,), -1 if offset is None else offset, _NOWAIT)  # type: ignore[no-any-return]
            except BlockingIOError:
                pass
            except OSError:
                self._quick_write = False
        return 0

    async def truncate(self, size: int | None = None) -> int:
        """Make the file *size* bytes long, by default up to the position.

        Returns *size*. Raises OSError (EINVAL for a size below 0, ESPIPE for a pipe
        without a *size*).

        :manpage:`ftruncate(2)`.
        """
        self._check_writable()
        size = None if size is None else whole_number(size, -64, "size")
        await self._enter()
        try:
            return await self._cut(size)
        finally:
            self._leave()

    async def flush(self) -> None:
        """Wait for the operations before it: nothing is buffered here."""
        self._check()
        writes = self._writes_before()
        await self._let_pass()
        for ended in writes:
            await ended.wait()

    async def fsync(self) -> None:
        """Bring bytes and metadata to the disk, after the writes before it.

        :manpage:`fsync(2)`.
        """
        await self._sync("fsync")

    async def fdatasync(self) -> None:
        """Bring the bytes to the disk, after the writes before it.

        :manpage:`fdatasync(2)`.
        """
        await self._sync("fdatasync")

    async def _sync(self, name: str) -> None:
        fd, writes = self._check(), self._writes_before()
        await self._enter()
        try:
            for ended in writes:
                await ended.wait()
            await self._run(Request(), name, fd)
        finally:
            self._leave()

    async def copy(self, target: Target, size: int | None = None) -> int:
        """Copy *size* bytes, or all that are left, and return how many.

        They go from the position to that of another File, to a descriptor, or to a new
        file at a path, and stay inside the kernel where it can do so. The exception of
        a copy that fails or is cancelled says in ``characters_written`` how many bytes
        were copied.

        Raises what :func:`butter.splice.copy` does.

        :manpage:`copy_file_range(2)`.
        """
        return await copy(self, target, size)


def file_of(fd: int, name: Path | int, mode: str, loop: AnyLoop, choice: str | None) -> File:
    """Return the file of a new descriptor, which is closed where that fails."""
    try:
        return File(fd, name, mode, loop, choice)
    except BaseException:
        os.close(fd)
        raise
