"""Files of text: their reads, under whichever event loop."""

# The decoder and the encoder are Python's own incremental ones. A position in a text is
# a number that tells where to begin to read bytes, in which state the decoder has to
# be, and how many characters to skip. It is a plain offset of bytes wherever the
# decoder has no state there.
#
# _snapshot is the offset of the bytes that were decoded last, the state of the decoder
# before them, and these bytes. tell() decodes them anew, up to the characters that were
# taken. A read takes all that was decoded before it decodes more, so each byte is
# decoded and copied once, however long a line is.

from __future__ import annotations

import codecs
import io
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import whole_number
from butter._awaitables._files_engine import AT_ONCE
from butter._awaitables._files_loop import turns
from butter._awaitables._files_read import lines_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from butter._awaitables._files import File

# how many bytes a read decodes first; a long one then decodes more at once
_PORTION = 1 << 14


class Place(NamedTuple):
    """The bytes of a snapshot that are decoded for the characters that were taken."""

    #: how many bytes these are
    fed: int
    #: that of the decoder after them
    state: Any
    #: whether they are those characters, and not a part of one more
    exact: bool


class Mark(NamedTuple):
    """The state of a text before a call."""

    position: int | None
    state: Any
    decoded: str
    used: int
    snapshot: tuple[int, Any, bytes] | None


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

        There are fewer only at the end of the file. The parts of a large text are
        joined while others wait: 256 million characters take a tenth of a second.

        Raises what ``File.read`` does, and UnicodeDecodeError.

        :manpage:`read(2)`.
        """
        source = self._source
        source._check_readable()
        size = -1 if size is None else whole_number(size, -64, "size")
        if size < 0:
            text = await self._gather(sys.maxsize)
            self._forget()
            return text
        end = self._used + size
        if end <= len(self._decoded) and not source._held and perf_counter() < turns.until:
            if source._loop.looks:
                await source._loop.look()
            return self._take(end)
        return await self._gather(size)

    async def readline(self, size: int | None = -1) -> str:
        """Return the next line with its end, or at most *size* characters of it.

        It is "" at the end of the file. Raises what ``read`` does.
        """
        source = self._source
        source._check_readable()
        most = -1 if size is None else whole_number(size, -64, "size")
        end = self._line_end()
        if end and not source._held and perf_counter() < turns.until:
            if source._loop.looks:
                await source._loop.look()
            return self._take(end if most < 0 else min(end, self._used + most))
        return await self._gather(most if most >= 0 else sys.maxsize, lines=True)

    async def _gather(self, left: int, lines: bool = False) -> str:
        """Return the next *left* characters, with *lines* up to the end of the line."""
        source, parts, portion, last = self._source, [""], _PORTION, False
        everything = left == sys.maxsize and not lines
        await source._enter()
        before = self._mark()
        try:
            while True:
                end = self._line_end(parts[-1][-1:]) if lines else 0
                part = self._take(min(end or len(self._decoded), self._used + left))
                if part:
                    parts.append(part)
                left -= len(part)
                if end or last or not left:
                    return "".join(parts)
                last = await self._more(portion, everything)
                portion = min(2 * portion, AT_ONCE)
        except BaseException as error:
            if before.position is None or isinstance(error, UnicodeError):
                # that is not read again
                self._decoded, self._snapshot = "".join(parts) + self._decoded[self._used :], None
                self._used = 0
            else:
                self._return_to(before)
            raise
        finally:
            source._leave()

    async def _more(self, size: int, everything: bool) -> bool:
        """Decode the next *size* bytes, after all is taken; True at the end.

        A read of *everything* ends where a file has fewer: others look for more.
        """
        position, state = self._source._position or 0, self._decoder.getstate()
        data = await self._source._read_next(size)
        last = not data or (everything and self._source._whole and len(data) < size)
        self._decoded, self._used = self._decoder.decode(data, final=last), 0
        self._snapshot = position - len(state[0]), (b"", state[1]), state[0] + data
        return last

    def _mark(self) -> Mark:
        """Return the state of the text."""
        return Mark(self._source._position, self._decoder.getstate(), self._decoded, self._used, self._snapshot)

    def _return_to(self, mark: Mark) -> None:
        position, state, self._decoded, self._used, self._snapshot = mark
        self._decoder.setstate(state)
        if position is not None:
            self._source._go(position)

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

    def _line_end(self, before: str = "") -> int:
        """Return where the line ends in what is not taken; 0 if it does not.

        *before* is the character before, if that belongs to the same line.
        """
        text, start = self._decoded, self._used
        if before == "\r" and len(self._terminator) == 2 and text.startswith("\n", start):
            return start + 1
        if self._newline != "":
            end = text.find(self._terminator, start)
            return 0 if end < 0 else end + len(self._terminator)
        end = text.find("\n", start)
        first = text.find("\r", start, end if end >= 0 else None)
        if first >= 0:
            return first + 2 if text.startswith("\r\n", first) else first + 1
        return end + 1

    async def readlines(self, hint: int | None = -1) -> list[str]:
        """Return all lines that are left, or those up to a *hint*.

        The last is then the first with which they have more than *hint* characters.
        None, and a *hint* below 1, mean all. Raises what ``read`` does.
        """
        return await lines_of(self, hint)

    def __aiter__(self) -> Self:
        self._source._check()
        return self

    async def __anext__(self) -> str:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line
