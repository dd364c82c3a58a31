"""Files of text: their reads, under whichever event loop."""

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
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import integer
from butter._awaitables._files_loop import turns

if TYPE_CHECKING:
    from typing_extensions import Self

    from butter._awaitables._files import File

# how many bytes are decoded at once
_PORTION = 1 << 14


class Place(NamedTuple):
    """The bytes of a snapshot that are decoded for the characters that were taken."""

    #: how many bytes these are
    fed: int
    #: that of the decoder after them
    state: Any
    #: whether they are those characters, and not a part of one more
    exact: bool


class TextReads:
    """The reads of a file of text."""

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
        await self._begin()
        if size is None or size < 0:
            parts = [self._decoded[self._used :]]
            data = await self._source.readall()
            text = self._decoder.decode(data, final=True)
            self._forget()
            return parts[0] + text if parts[0] else str(text)
        while len(self._decoded) - self._used < size and await self._more():
            pass
        return self._take(self._used + size)

    async def _begin(self) -> None:
        """Begin a read, which may find what was decoded already."""
        self._source._check_readable()
        loop = self._source._loop
        if perf_counter() >= turns.until:
            await turns.next(loop)
        elif loop.looks:
            await loop.look()

    async def _more(self) -> bool:
        """Decode the next bytes; False at the end of the file."""
        position, state = self._source._position or 0, self._decoder.getstate()
        data = await self._source.read(_PORTION)
        text = self._decoder.decode(data, final=not data)
        kept = self._decoded[self._used :]
        if kept and self._snapshot is not None and (place := self._place(self._snapshot)).exact:
            start, _, earlier = self._snapshot
            self._snapshot = start + place.fed, place.state, earlier[place.fed :] + data
        elif kept and self._snapshot is not None:
            # bytes and characters do not meet here
            start, state, earlier = self._snapshot
            self._snapshot = start, state, earlier + data
            self._decoded += text
            return bool(data)
        else:
            self._snapshot = position - len(state[0]), (b"", state[1]), state[0] + data
        self._decoded, self._used = kept + text, 0
        return bool(data)

    def _place(self, snapshot: tuple[int, Any, bytes]) -> Place:
        """Return the place in the bytes of the snapshot."""
        _, state, data = snapshot
        decoder, before = self._decoder, self._decoder.getstate()
        try:
            decoder.setstate(state)
            fed = found = 0
            while found < self._used and fed < len(data):
                # each character has at least one byte
                step = self._used - found
                found += len(decoder.decode(data[fed : fed + step]))
                fed += step
            if found < self._used:
                # at the end of the file the decoder gives the rest
                found += len(decoder.decode(b"", final=True))
            after = decoder.getstate()
            return Place(fed, after, found == self._used and not after[0])
        finally:
            decoder.setstate(before)

    def _take(self, end: int) -> str:
        taken = self._decoded[self._used : end]
        self._used += len(taken)
        return taken

    def _forget(self) -> None:
        self._decoded, self._used, self._snapshot = "", 0, None

    async def readline(self, size: int | None = -1) -> str:
        """Return the next line with its end, or at most *size* characters of it."""
        await self._begin()
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
