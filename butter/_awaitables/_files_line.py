"""The line of the operations of a file, and how many are under way."""

# Operations that use the position stand in a line (_enter, _leave). Each is counted,
# from its call to its end (_begin, _done), and closing waits for them all.
#
# A descriptor that the program has opened itself may be another one's, too, as that of
# the standard output is. So its kernel's position follows, and is followed (_follow,
# _lead), whenever an operation has its place in the line.

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from butter._awaitables._files_loop import AnyEvent, AnyLoop


class Line:
    """The operations of a file under its loop."""

    _loop: AnyLoop
    _fd: int | None = None
    #: whether the end of the file closes the descriptor
    _closes = True
    #: where the next operation begins, and the kernel's position if others use that
    _position: int | None
    _kernels: int | None
    #: what a read of lines has read, and how much of it is before the position
    _ahead: bytes
    _used: int

    def __init__(self) -> None:
        self._line: deque[AnyEvent] = deque()
        self._after_fork()

    def _after_fork(self) -> None:
        # the tasks are the parent's
        self._held = False
        self._line.clear()
        #: how many operations are under way, and in which loop
        self._active = 0
        self._user: object = None
        #: the writes at an offset that are under way, and what their ends set
        self._writes: dict[object, AnyEvent | None] = {}
        self._idle: AnyEvent | None = None
        #: what the end of a close sets
        self._ends: AnyEvent | None = None

    def _begin(self) -> None:
        """Begin an operation, which _done ends."""
        loop = self._loop.current()
        if loop is not self._user:
            if self._active:
                raise RuntimeError(f"{self!r} belongs to another event loop, whose operations are under way")
            self._user = loop
        self._active += 1

    async def _enter(self) -> None:
        """Begin an operation that uses the position: wait for those before it."""
        place = self._stand_in_line()
        try:
            await (self._loop.pause() if place is None else place.wait())
        except BaseException:
            self._leave_line(place)
            raise
        self._follow()

    def _stand_in_line(self) -> AnyEvent | None:
        """Take a place in the line; None if it is the first."""
        self._begin()
        if not self._held:
            self._held = True
            return None
        place = self._loop.event()
        self._line.append(place)
        return place

    def _leave_line(self, place: AnyEvent | None) -> None:
        """Give up a place whose operation will not be made."""
        if place is None or place.is_set():
            self._next()
        else:
            self._line.remove(place)
        self._done()

    async def _let_pass(self) -> None:
        """Wait for the operations before this one."""
        if self._held or self._kernels is not None:
            await self._enter()
            self._leave()
        else:
            await self._loop.pause()

    def _leave(self) -> None:
        """End an operation that has used the position."""
        self._lead()
        self._next()
        self._done()

    def _next(self) -> None:
        self._held = bool(self._line)
        if self._held:
            self._line.popleft().set()

    # writes at an offset do not stand in the line; a sync comes after those before it

    def _begin_write(self) -> object:
        self._begin()
        key = object()
        self._writes[key] = None
        return key

    def _end_write(self, key: object) -> None:
        ended = self._writes.pop(key, None)
        if ended is not None:
            ended.set()
        self._done()

    def _writes_before(self) -> list[AnyEvent]:
        """Return an event for the end of each write at an offset that is under way."""
        for key, ended in self._writes.items():
            if ended is None:
                self._writes[key] = self._loop.event()
        return [ended for ended in self._writes.values() if ended is not None]

    def _done(self) -> None:
        """End an operation."""
        # one of a loop that is gone may end here, where it was not counted
        self._active = max(0, self._active - 1)
        if self._ends is not None and not self._active:
            if self._idle is not None:
                self._idle.set()
            elif self._fd is not None:
                # the task that closes the file was cancelled
                fd, self._fd = self._fd, None
                self._ends.set()
                if self._closes:
                    os.close(fd)

    def _follow(self) -> None:
        """Go where another user of the descriptor has gone, if it has; else lead it."""
        if self._kernels is not None:
            position = self._seek(0, os.SEEK_CUR)
            if position != self._kernels:
                self._position = self._kernels = position
                self._ahead, self._used = b"", 0
            self._lead()

    def _lead(self) -> None:
        """Have other users of the descriptor go where this file is."""
        if self._kernels is not None and self._kernels != self._position:
            self._kernels = self._seek(self._position, os.SEEK_SET)

    def _seek(self, offset: Any, whence: int) -> int:
        try:
            return os.lseek(self._fd, offset, whence)  # type: ignore[arg-type]
        except (OSError, OverflowError):
            # the program has closed it, as the operation itself will tell
            return self._kernels  # type: ignore[return-value]
