"""Pipes whose ends are owned: objects and calls for :manpage:`pipe2(2)`."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

from butter._arguments import ACCESS_MODE, CLOEXEC_DEFAULT, integer
from butter._constants import pipe as _constants
from butter._constants.pipe import *  # noqa: F403
from butter._descriptor import ADOPT, Descriptor, closed_error, link_of
from butter._pipe import get_pipe_size, pipe2, read, set_pipe_size, write
from butter.errors import InvalidArgument
from butter.utils import get_buffered_length

if TYPE_CHECKING:
    from types import TracebackType
    from typing import IO, Any

    from typing_extensions import Buffer, Self

__all__ = [
    "Pipe",
    "PipeEnd",
    "PipeReader",
    "PipeWriter",
    "get_buffered_length",
    "get_pipe_size",
    "pipe2",
    "set_pipe_size",
]
__all__ += _constants.__all__


class PipeEnd(Descriptor):
    """An end of a pipe, which owns its descriptor: a PipeReader or a PipeWriter."""

    #: what the descriptor of the other end alone is open for
    _other = os.O_RDONLY
    _mode = "b"

    def _adopted(self, fd: int) -> None:
        # a FIFO has a path, so the link in /proc does not tell
        try:
            get_pipe_size(fd)
            right = fcntl.fcntl(fd, fcntl.F_GETFL) & ACCESS_MODE != self._other
        except InvalidArgument:
            right = False
        if not right:
            ADOPT.fail(errno.EINVAL, fd=fd, kind=self._kind, link=link_of(fd))

    @property
    def size(self) -> int:
        """The size in bytes of the pipe, which can be set.

        The kernel rounds a new size up, to a power of two of pages. Setting it raises
        what :func:`set_pipe_size` does, and ValueError if the object is closed.
        """
        return get_pipe_size(self.fileno())

    @size.setter
    def size(self, size: int) -> None:
        set_pipe_size(self.fileno(), size)

    @property
    def buffered_length(self) -> int:
        """The number of bytes that wait in the pipe, of all packets together.

        Raises ValueError if the object is closed.
        """
        return get_buffered_length(self.fileno())

    def open(
        self,
        mode: str = "",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a Python file on this end, which still owns the descriptor.

        *mode* is ``'b'`` (the default) or ``'t'``; the other arguments are those of
        :func:`open`. Close the file first, or flush it: a buffered file that outlives
        its end would write to a number that is another file's by then.

        Raises what :func:`open` does, and ValueError if the object is closed.
        """
        return open(self.fileno(), self._mode + (mode or "b"), buffering, encoding, errors, newline, closefd=False)


class PipeReader(PipeEnd):
    """The reading end of a pipe: :attr:`Pipe.reader`.

    ``adopt`` makes one of the reading end of any pipe, and of a FIFO.
    """

    _kind = "a reading end of a pipe"
    _other = os.O_WRONLY
    _mode = "r"

    def read(self, count: int = 65536) -> bytes:
        """Return at most *count* bytes, as soon as there are any.

        Of a pipe with ``O_DIRECT`` it is one packet, whose bytes beyond *count* are
        lost. Empty bytes mean that the pipe is empty and does not have a writer any
        more. :func:`butter.fd.read_into` reads into a buffer that exists already.

        Raises BlockingIOError if the pipe is empty and the end non-blocking, and
        ValueError if the object is closed.
        """
        number, count = self.fileno(), integer(count, 63, "count")
        if count > 65536:  # Python makes room for all that is asked for
            count = min(count, get_pipe_size(number))
        return read(number, count)


class PipeWriter(PipeEnd):
    """The writing end of a pipe: :attr:`Pipe.writer`.

    ``adopt`` makes one of the writing end of any pipe, and of a FIFO.
    """

    _kind = "a writing end of a pipe"
    _other = os.O_RDONLY
    _mode = "w"

    def write(self, content: Buffer) -> int:
        """Write bytes, or those of any buffer, and return how many.

        A write to a blocking end waits until all bytes are in the pipe, or until a
        signal handler has run after some of them. A write to a non-blocking end writes
        those that fit. Writes of up to ``PIPE_BUF`` bytes are whole, and never mixed
        with those of other writers.

        Raises BrokenPipeError if the pipe does not have a reader any more,
        BlockingIOError if the pipe is full and the end non-blocking, and ValueError if
        the object is closed.
        """
        return write(self.fileno(), content)


class Pipe:
    """``Pipe(flags=0, closefd=True, *, size=None)``: a pipe, and the owner of its ends.

    Each end is an object that owns its descriptor. It can be closed alone, as a reader
    has to see the end of the bytes, or be handed to a program that is started. ::

        with Pipe(size=1 << 20) as pipe:
            pipe.writer.write(b"toast")
            pipe.writer.close()
            print(pipe.reader.read())

    *flags* are PipeFlags', and *closefd* keeps both ends from programs that the process
    executes. *size* is the size in bytes, which the kernel rounds up to a power of two
    of pages; None leaves the kernel's, which is 64 KiB, or two pages where the pipes of
    the user have reached ``fs.pipe-user-pages-soft``.

    A ``with`` statement closes the ends that are still open when it ends.

    Raises what :func:`pipe2` and :func:`set_pipe_size` do.

    Linux 2.6.35, :manpage:`pipe(2)`, :manpage:`pipe(7)`.
    """

    #: the end that is read
    reader: PipeReader
    #: the end that is written
    writer: PipeWriter

    # an end has one owner, so a pipe is not copied either
    __reduce_ex__ = Descriptor.__reduce_ex__

    def __new__(cls, *_: object, **__: object) -> Self:
        # the ends exist before their descriptors, which then have an owner at once
        self = super().__new__(cls)
        self.reader, self.writer = PipeReader.__new__(PipeReader), PipeWriter.__new__(PipeWriter)
        return self

    def __init__(self, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT, *, size: int | None = None) -> None:
        size = None if size is None else integer(size, 32, "size")
        reader, writer = self.reader, self.writer
        reader._fd, writer._fd = reader._opened, writer._opened = pipe2(flags, closefd)
        if size is not None:
            try:
                self.size = size
            except BaseException:
                self.close()
                raise

    def _open_end(self) -> PipeEnd:
        """Return an end that is open: both know the size and the content."""
        return self.writer if self.reader.closed() else self.reader

    @property
    def size(self) -> int:
        """The size in bytes, which can be set.

        The kernel rounds a new size up, to a power of two of pages. Setting it raises
        what :func:`set_pipe_size` does, and ValueError if both ends are closed.
        """
        return self._open_end().size

    @size.setter
    def size(self, size: int) -> None:
        self._open_end().size = size

    @property
    def buffered_length(self) -> int:
        """The number of bytes that wait in the pipe, of all packets together.

        Raises ValueError if both ends are closed.
        """
        return self._open_end().buffered_length

    def close(self) -> None:
        """Close the ends that are still open.

        Raises ValueError if both are closed already.
        """
        if self.closed():
            raise closed_error()
        try:
            if not self.writer.closed():
                self.writer.close()
        finally:
            if not self.reader.closed():
                self.reader.close()

    def closed(self) -> bool:
        """Whether both ends are closed."""
        return self.reader.closed() and self.writer.closed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.closed():
            self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} reader={self.reader!r} writer={self.writer!r}>"
