"""Files of text, over files of bytes, under whichever event loop."""

# The decoder and the encoder are Python's own incremental ones. A position in a text is
# a number that tells where to begin to read bytes, in which state the decoder has to
# be, and how many characters to skip. It is a plain offset of bytes wherever the
# decoder has no state there.
#
# _snapshot is the offset of the bytes that were decoded last, and the state of the
# decoder before them. tell() decodes them anew, up to the characters that were taken.

from __future__ import annotations

import codecs
import io
import os
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._awaitables._awaitable import forward
from butter._awaitables._files import File
from butter._descriptor import Descriptor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

# how many bytes are decoded at once
_PORTION = 1 << 14
_BITS = 64
_MASK = (1 << _BITS) - 1


class TextFile:
    """A file of text, which :func:`open` returns; ``buffer`` is its File of bytes.

    Its methods are those of Python's text files, as coroutines. A write goes to the
    file at once. Several tasks must not use the position of one TextFile at once.

    Methods raise what those of File do, and UnicodeError for bytes or characters that
    do not belong to the encoding.
    """

    def __init__(self, file: File, encoding: str, errors: str, newline: str | None) -> None:
        self._source, self._encoding, self._errors, self._newline = file, encoding, errors, newline
        self._terminator = newline if newline else "\n"
        self._decoder: Any = codecs.getincrementaldecoder(encoding)(errors)
        if not newline:
            self._decoder = io.IncrementalNewlineDecoder(self._decoder, translate=newline is None)
        self._encoder: Any = codecs.getincrementalencoder(encoding)(errors)
        if file._position:
            self._encoder.setstate(0)  # without another byte order mark
        self._snapshot: tuple[int, Any, bytes] | None = None
        #: what was decoded, and how much of it was taken
        self._decoded, self._used = "", 0

    # reads

    async def read(self, size: int | None = -1) -> str:
        """Return the next *size* characters, or all that are left.

        There are fewer only at the end of the file.
        """
        self._source._check_readable()
        if size is None or size < 0:
            parts = [self._decoded[self._used :]]
            data = await self._source.readall()
            text = self._decoder.decode(data, final=True)
            self._forget()
            return parts[0] + text if parts[0] else str(text)
        while len(self._decoded) - self._used < size and await self._more():
            pass
        return self._take(self._used + size)

    async def _more(self) -> bool:
        """Decode the next bytes; False at the end of the file."""
        file = self._source
        position, state = file._position or 0, self._decoder.getstate()
        left, _ = state
        data = await file.read(_PORTION)
        kept = self._decoded[self._used :]
        text = self._decoder.decode(data, final=not data)
        if kept:
            # an earlier snapshot goes on
            start, before, earlier = self._snapshot or (position, state, b"")
            self._snapshot = start, before, earlier + data
            self._decoded += text
        else:
            self._snapshot = position - len(left), (b"", state[1]), left + data
            self._decoded, self._used = text, 0
        return bool(data)

    def _take(self, end: int) -> str:
        taken = self._decoded[self._used : end]
        self._used += len(taken)
        return taken

    def _forget(self) -> None:
        self._decoded, self._used, self._snapshot = "", 0, None

    async def readline(self, size: int | None = -1) -> str:
        """Return the next line with its end, or at most *size* characters of it."""
        self._source._check_readable()
        most = -1 if size is None else integer(size, -64, "size")
        searched = self._used
        while not (end := self._line_end(searched)) and (most < 0 or len(self._decoded) - self._used < most):
            seen = len(self._decoded) - self._used
            if not await self._more():
                end = self._line_end(self._used) or len(self._decoded)
                break
            # the end of a line may have two characters
            searched = self._used + max(0, seen - 1)
        if most >= 0 and (not end or end - self._used > most):
            end = self._used + most
        return self._take(end)

    def _line_end(self, start: int) -> int:
        """Return where the line ends in what is decoded; 0 if it does not."""
        text = self._decoded
        if self._newline != "":
            end = text.find(self._terminator, start)
            return 0 if end < 0 else end + len(self._terminator)
        ends = [end for end in (text.find("\n", start), text.find("\r", start)) if end >= 0]
        if not ends:
            return 0
        end = min(ends)
        return end + 2 if text.startswith("\r\n", end) else end + 1

    async def readlines(self) -> list[str]:
        """Return all lines that are left."""
        return [line async for line in self]

    def __aiter__(self) -> Self:
        self._source._check()
        return self

    async def __anext__(self) -> str:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    # writes

    async def write(self, text: str) -> int:
        """Write all of *text*, and return how many characters that is.

        The exception of a write that has failed, or was cancelled, says in
        ``characters_written`` how many bytes were written.
        """
        self._source._check_writable()
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        ended = text.replace("\n", self._newline) if self._newline in ("\r", "\r\n") else text
        if self._decoded or self._snapshot:
            if self._used < len(self._decoded) and self._source._position is not None:
                await self.seek(await self.tell())
            self._forget()
            self._decoder.reset()
        await self._source.write(self._encoder.encode(ended))
        return len(text)

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of *lines*, one after the other, by one operation."""
        await self.write("".join(lines))

    async def truncate(self, size: int | None = None) -> int:
        """Make the file *size* bytes long, by default up to the position."""
        if size is None:
            size = await self.tell()
        return await self._source.truncate(size)

    # the position

    async def tell(self) -> int:
        """Return a number for the position, which ``seek`` understands."""
        position = await self._source.tell()
        if self._snapshot is None:
            return position
        start, state, data = self._snapshot
        decoder, before = self._decoder, self._decoder.getstate()
        if self._used == len(self._decoded) and not before[0]:
            return position | int(before[1]) << _BITS
        try:
            decoder.setstate(state)
            fed = found = 0
            while found < self._used and fed < len(data):
                # each character has at least one byte
                step = self._used - found
                found += len(decoder.decode(data[fed : fed + step]))
                fed += step
            left, flags = decoder.getstate()
            if found == self._used and not left:
                return start + fed | int(flags) << _BITS
            return start | int(state[1]) << _BITS | len(data) << 2 * _BITS | self._used << 3 * _BITS
        finally:
            decoder.setstate(before)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position that ``tell`` has returned, to the beginning, or to the end.

        *whence* is 0; or with an *offset* of 0 it may be 1 (the position) or 2 (the
        end).

        Raises ValueError for another position, and what ``File.seek`` does.
        """
        if whence in (os.SEEK_CUR, os.SEEK_END) and offset:
            which = "cur" if whence == os.SEEK_CUR else "end"
            raise io.UnsupportedOperation(f"can't do nonzero {which}-relative seeks")
        if whence == os.SEEK_END:
            position = await self._source.seek(0, whence)
            self._forget()
            self._decoder.reset()
            self._encoder.setstate(0) if position else self._encoder.reset()
            return position
        if whence == os.SEEK_CUR:
            offset = await self.tell()
        elif whence != os.SEEK_SET:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        start, flags, size, skipped = (offset >> at * _BITS & _MASK for at in range(4))
        await self._source.seek(start)
        self._forget()
        self._decoder.setstate((b"", flags)) if start or flags else self._decoder.reset()
        self._encoder.setstate(0) if offset else self._encoder.reset()
        if skipped:
            before = self._decoder.getstate()
            data = await self._source.read(size)
            self._snapshot = start, before, data
            self._decoded, self._used = self._decoder.decode(data), skipped
            if len(self._decoded) < skipped:
                raise ValueError(f"{offset} is not a position in this file")
        return offset

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
        """The file of bytes, whose position is where the text was read up to."""
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
    def newlines(self) -> Any:
        """The ends of lines that were translated so far: a str, a tuple, or None."""
        return getattr(self._decoder, "newlines", None)

    @property
    def closed(self) -> bool:
        """Whether the file is closed, or being closed."""
        return self._source.closed

    @property
    def name(self) -> Any:
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
        return f"<TextFile name={self.name!r} mode={self.mode!r} encoding={self._encoding!r}>"

    __reduce_ex__ = Descriptor.__reduce_ex__
