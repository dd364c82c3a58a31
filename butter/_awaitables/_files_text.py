"""Files of text, over files of bytes, under whichever event loop."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

from butter._arguments import index, whole_number
from butter._awaitables._awaitable import forward
from butter._awaitables._files import File
from butter._awaitables._files_text_read import TextReads
from butter._descriptor import Descriptor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from butter._arguments import Path

# so many are encoded while other tasks wait
_CHARACTERS = 1 << 20
_BITS = 64
_MASK = (1 << _BITS) - 1


class TextFile(TextReads):
    """A file of text, which :func:`open` returns; ``buffer`` is its File of bytes.

    Its methods are those of Python's text files, as coroutines. A write goes to the
    file at once. ``pread``, ``pwrite``, ``readinto`` and ``copy`` are methods of
    ``buffer``.

    Methods raise what those of File do, and UnicodeError for bytes or characters that
    do not belong to the encoding.
    """

    # writes

    async def write(self, text: str) -> int:
        """Write all of *text*, and return how many characters that is.

        The exception of a write that has failed, or was cancelled, says in
        ``characters_written`` how many bytes were written.

        Raises what ``File.write`` does, and UnicodeEncodeError, before anything is
        written.

        :manpage:`write(2)`.
        """
        source = self._source
        source._check_writable()
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        await source._enter_to_write()
        before, state = self._mark(), self._encoder.getstate()
        try:
            self._before_bytes()
            data = await self._encode(text)
            await source._write_from(memoryview(data), None if source._appends else source._position, moves=True)
            return len(text)
        except BaseException as error:
            written = getattr(error, "characters_written", 0)
            if not written:
                # a byte order mark, or the like, is still to come
                self._encoder.setstate(state)
                self._return_to(before)
            error.characters_written = written  # type: ignore[attr-defined]
            raise
        finally:
            source._leave()

    async def _encode(self, text: str) -> bytes:
        """Return the bytes of *text*, of which other tasks run between the portions."""
        newline = self._newline if self._newline in ("\r", "\r\n") else None
        parts = []
        for start in range(0, len(text) or 1, _CHARACTERS):
            await self._source._loop.pause()
            part = text[start : start + _CHARACTERS]
            parts.append(self._encoder.encode(part.replace("\n", newline) if newline else part))
        return await self._source._joined(parts)

    def _before_bytes(self) -> None:
        """Go to where the text was read up to: bytes will be written there.

        The caller stands in the line.
        """
        if (self._decoded or self._snapshot) and self._source._position is not None:
            self._trim()
            self._forget()
            self._decoder.reset()
            self._source._lead()

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of *lines*, one after the other, by one operation."""
        await self.write("".join(lines))

    async def truncate(self, size: int | None = None) -> int:
        """Make the file *size* bytes long, by default up to the position.

        Returns *size*. Raises OSError (EINVAL for a size below 0, ESPIPE for a pipe
        without a *size*), and ValueError if the file is closed.

        :manpage:`ftruncate(2)`.
        """
        source = self._source
        source._check_writable()
        size = None if size is None else whole_number(size, -64, "size")
        await source._enter()
        try:
            self._trim()
            return await source._cut(size)
        finally:
            source._leave()

    # the position

    async def tell(self) -> int:
        """Return a number for the position, which ``seek`` understands.

        Raises OSError (ESPIPE) for a pipe, and ValueError if the file is closed.
        """
        await self._source.tell()
        return self._number()

    def _number(self) -> int:
        """Return the number for the position."""
        if self._snapshot is None:
            return self._source._position or 0
        start, state, _ = self._snapshot
        place = self._place(self._snapshot)
        if place.exact:
            return start + place.fed | int(place.state[1]) << _BITS
        return start | int(state[1]) << _BITS | place.fed << 2 * _BITS | self._used << 3 * _BITS

    def _trim(self) -> None:
        """Move the file to where the text was read up to, and forget what is behind."""
        if self._snapshot is None or self._source._position is None:
            return
        start, state, data = self._snapshot
        if self._source._position != start + len(data):
            # others have moved the file itself
            self._forget()
            self._decoder.reset()
            self._encoder.setstate(0) if self._source._position else self._encoder.reset()
            return
        place = self._place(self._snapshot)
        self._source._go(start + place.fed)
        self._encoder.setstate(0) if start + place.fed else self._encoder.reset()
        if place.exact:
            self._decoded, self._used = "", 0
            self._snapshot = start + place.fed, place.state, b""
            self._decoder.setstate(place.state)
        else:
            self._snapshot = start, state, data[: place.fed]
            self._decoder.setstate(state)
            self._decoded = self._decoder.decode(data[: place.fed])

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position that ``tell`` has returned, to the beginning, or to the end.

        *whence* is 0; or with an *offset* of 0 it may be 1 (the position) or 2 (the
        end).

        Raises ValueError for another position, and if the file is closed, OSError
        (ESPIPE) for a pipe, and (EINVAL) for a position beyond 2**63 - 1.

        :manpage:`lseek(2)`.
        """
        offset, whence = index(offset, "offset"), whole_number(whence, -32, "whence")
        if whence in (os.SEEK_CUR, os.SEEK_END) and offset:
            which = "cur" if whence == os.SEEK_CUR else "end"
            raise io.UnsupportedOperation(f"can't do nonzero {which}-relative seeks")
        if whence == os.SEEK_END:
            position = await self._source.seek(0, whence)
            self._forget()
            self._decoder.reset()
            self._encoder.setstate(0) if position else self._encoder.reset()
            return position
        if whence not in (os.SEEK_SET, os.SEEK_CUR):
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        self._source._check()
        await self._source._enter()
        before = self._mark()
        try:
            if before.position is None:
                raise self._source._failure(errno.ESPIPE)
            if whence == os.SEEK_CUR:
                offset = self._number()
            await self._go_to(offset)
            return offset
        except BaseException:
            self._return_to(before)
            raise
        finally:
            self._source._leave()

    async def _go_to(self, offset: int) -> None:
        """Go to a position of ``tell``; the caller stands in the line."""
        start, flags, size, skipped = (offset >> at * _BITS & _MASK for at in range(4))
        if offset >> 4 * _BITS or size >> 63:
            raise ValueError(f"{offset} is not a position in this file")
        if start >> 63:
            raise self._source._failure(errno.EINVAL)
        self._source._go(start)
        self._forget()
        if start or flags:
            self._decoder.setstate((b"", flags))
            self._snapshot = start, (b"", flags), b""
        else:
            self._decoder.reset()
        if skipped:
            before = self._decoder.getstate()
            data = await self._source._read_next(size)
            self._snapshot = start, before, data
            self._decoded, self._used = self._decoder.decode(data), skipped
            if len(self._decoded) < skipped:
                raise ValueError(f"{offset} is not a position in this file")
        self._encoder.setstate(0) if offset else self._encoder.reset()

    # the rest is the file's

    flush = forward(File.flush)
    fsync = forward(File.fsync)
    fdatasync = forward(File.fdatasync)
    stat = forward(File.stat)
    close = forward(File.close)
    fileno = forward(File.fileno)
    readable = forward(File.readable)
    writable = forward(File.writable)
    seekable = forward(File.seekable)
    isatty = forward(File.isatty)

    async def __aenter__(self) -> Self:
        self._source._check()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._source.close()

    @property
    def buffer(self) -> File:
        """The file of bytes.

        Its position is behind what was decoded ahead; ``await text.seek(await
        text.tell())`` brings it back to where the text was read up to.
        """
        return self._source

    @property
    def encoding(self) -> str:
        """The name of the encoding."""
        return self._encoding

    @property
    def errors(self) -> str:
        """The name of the error handler."""
        return self._errors

    @property
    def newlines(self) -> str | tuple[str, ...] | None:
        """The ends of lines that were translated so far: a str, a tuple, or None."""
        found: str | tuple[str, ...] | None = getattr(self._decoder, "newlines", None)
        return found

    @property
    def closed(self) -> bool:
        """Whether the file is closed, or being closed."""
        return self._source.closed

    @property
    def name(self) -> Path | int:
        """The path or descriptor that ``open`` got."""
        return self._source.name

    @property
    def mode(self) -> str:
        """The mode that ``open`` got."""
        return self._source.mode

    @property
    def backend(self) -> str:
        """The name of the backend: "uring", "aio" or "threads"."""
        return self._source.backend

    def __repr__(self) -> str:
        state = "closed " if self.closed else ""
        return f"<{state}TextFile name={self.name!r} mode={self.mode!r} encoding={self._encoding!r}>"

    __reduce_ex__ = Descriptor.__reduce_ex__
