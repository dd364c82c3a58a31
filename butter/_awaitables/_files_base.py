"""The descriptor of a file, its position and its end."""

# A file has a descriptor and a position of its own: the kernel's is used only where it
# has to be, by pipes and by writes that append. So reads and writes at an offset need
# not wait for others, and a read that was cancelled has not moved anything.

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
import warnings
from typing import TYPE_CHECKING, Any

from butter._awaitables._files_backends import backend_of, close_descriptor, failure
from butter._awaitables._files_engine import Request
from butter._awaitables._files_line import Line
from butter._descriptor import Descriptor, tell_of_forks

if TYPE_CHECKING:
    from typing_extensions import Self

    from butter._arguments import Path
    from butter._awaitables._files_loop import AnyLoop


class AnyFile(Line):
    """The descriptor of a file, with its position and its end."""

    def __init__(self, fd: int, name: Path | int, mode: str, loop: AnyLoop, choice: str | None) -> None:
        self._loop, self._choice = loop, choice
        self._backend = backend_of(loop, choice).name
        self._name, self._mode = name, mode
        self._can_read = "r" in mode or "+" in mode
        self._can_write = "r" not in mode or "+" in mode
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            raise failure(errno.EISDIR, name)
        #: how many bytes it had when it was opened
        self._size = found.st_size
        self._regular = stat.S_ISREG(found.st_mode)
        #: whether a read of fewer bytes than were asked for is not its end
        self._whole = self._regular or stat.S_ISBLK(found.st_mode)
        #: where the next read or write begins; None for a pipe or the like
        self._position: int | None = None
        try:
            self._position = os.lseek(fd, 0, os.SEEK_END if "a" in mode else os.SEEK_CUR)
        except OSError:
            pass
        status = fcntl.fcntl(fd, fcntl.F_GETFL)
        self._direct = bool(status & os.O_DIRECT)
        #: whether the kernel knows where a write goes
        self._appends = bool(status & os.O_APPEND)
        #: whether the kernel can say that a read, or a write, would wait; one of the
        #: disk itself always does
        self._quick_read = hasattr(os, "preadv") and not self._direct
        self._quick_write = self._quick_read and not status & os.O_DSYNC
        #: the kernel's position, if it may be another one's, too
        self._kernels = self._position if isinstance(name, int) else None
        if self._kernels is not None:
            self._quick_read, self._appends = False, True
        #: what a read of lines has read, and how much of it is before the position
        self._ahead, self._used = b"", 0
        super().__init__()
        self._fd = fd
        tell_of_forks(self)

    # operations

    def _check(self) -> int:
        """Return the descriptor; raise ValueError if the file is closed."""
        fd = self._fd
        if fd is None or self._ends is not None:
            raise ValueError("I/O operation on closed file")
        return fd

    def _check_readable(self) -> int:
        fd = self._check()
        if not self._can_read:
            raise io.UnsupportedOperation("not readable")
        return fd

    def _check_writable(self) -> int:
        fd = self._check()
        if not self._can_write:
            raise io.UnsupportedOperation("not writable")
        return fd

    async def _run(self, request: Request, name: str, *arguments: Any) -> Any:
        try:
            return await backend_of(self._loop, self._choice).run(request, name, *arguments)
        except OSError as error:
            error.filename = self._name
            raise

    def _failure(self, number: int) -> OSError:
        return failure(number, self._name)

    # the end

    async def close(self) -> None:
        """Close the file, after the operations that are under way.

        Later ones raise ValueError. A second call waits for the end of the first, and
        does nothing else. A task that is cancelled meanwhile does not wait, and the
        last operation closes the file.

        Raises OSError where the kernel could not keep what was written; the file is
        closed all the same.

        :manpage:`close(2)`.
        """
        if self._loop.is_closed(self._user):
            # its tasks never run again
            self._after_fork()
        if self._ends is not None:
            await self._ends.wait()
        if self._fd is None:
            return
        self._begin()
        self._ends = self._loop.event()
        self._idle = self._loop.event()
        self._done()
        try:
            if not self._idle.is_set():
                await self._idle.wait()
        except BaseException:
            self._idle = None
            self._active += 1
            self._done()
            raise
        try:
            self._lead()
            await self._close()
        finally:
            self._ends.set()
        await self._loop.look()

    async def _close(self) -> None:
        fd, self._fd = self._fd, None
        if self._closes:
            await close_descriptor(self._loop, self._choice, fd, self._name)  # type: ignore[arg-type]

    @property
    def closed(self) -> bool:
        """Whether the file is closed, or being closed."""
        return self._fd is None or self._ends is not None

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        fd = self._fd
        if fd is not None and self._closes:
            try:
                warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self._fd = None
                close(fd)

    # what it is

    def fileno(self) -> int:
        """The number of the descriptor. Raises ValueError if the file is closed."""
        return self._check()

    @property
    def name(self) -> Path | int:
        """The path or descriptor that ``open`` got."""
        return self._name

    @property
    def mode(self) -> str:
        """The mode that ``open`` got."""
        return self._mode

    @property
    def backend(self) -> str:
        """The name of the backend: "uring", "aio" or "threads"."""
        return self._backend

    def readable(self) -> bool:
        """Whether the file is open for reading. Raises ValueError if it is closed."""
        self._check()
        return self._can_read

    def writable(self) -> bool:
        """Whether the file is open for writing. Raises ValueError if it is closed."""
        self._check()
        return self._can_write

    def seekable(self) -> bool:
        """Whether the file has a position. Raises ValueError if it is closed."""
        self._check()
        return self._position is not None

    def isatty(self) -> bool:
        """Whether the file is a terminal. Raises ValueError if it is closed."""
        return os.isatty(self._check())

    def __repr__(self) -> str:
        state = "closed " if self.closed else ""
        return f"<{state}{type(self).__name__} name={self._name!r} mode={self._mode!r}>"

    __reduce_ex__ = Descriptor.__reduce_ex__
