"""The engines of files: a ring or an Aio that belongs to an event loop."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Any, Union

from butter._awaitables._awaitable import AnyAwaitable
from butter._constants.uring_ring import IOSQE_ASYNC
from butter.aio import EFD_NONBLOCK, Aio
from butter.errors import NoMoreEvents
from butter.uring import Ring

if TYPE_CHECKING:
    from collections.abc import Callable

#: after how many seconds the kernel is asked again to take what is queued
PAUSE = 0.005
# it cannot take it now, since it lacks memory or completions have no room
_LATE: dict[Any, bool] = dict.fromkeys((errno.EAGAIN, errno.ENOMEM, errno.EBUSY), True)

#: the most bytes that a call moves itself, while other tasks wait
AT_ONCE = 1 << 18
#: the most bytes of one operation
MOST = 1 << 30

_AT_EMPTY_PATH, _AT_SYMLINK_NOFOLLOW = 0x1000, 0x100
#: a directory that stands for the current one
AT_FDCWD = -100


class Request:
    """An operation from its call until the kernel has ended it.

    The caller keeps it, so a call that was cancelled knows what was done all the same.
    """

    __slots__ = ("begun", "done", "firm", "found", "number", "paths", "result")

    def __init__(self, *paths: Any, firm: bool = False) -> None:
        #: whether the kernel or a thread has it
        self.begun = False
        self.done = False
        #: whether it is made although the task was cancelled
        self.firm = firm
        #: the result of the kernel, or minus an errno
        self.result = 0
        #: what the operation returns
        self.found: Any = None
        self.number = 0
        #: those of the exception
        self.paths = paths

    def make(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Make the operation in this thread."""
        self.begun = True
        try:
            self.found = function(*arguments)
        finally:
            self.done = True

    @property
    def moved(self) -> int:
        """How many bytes were read or written."""
        if not self.done:
            return 0
        return self.found if isinstance(self.found, int) else max(0, self.result)

    @property
    def opened(self) -> int | None:
        """The descriptor that was opened, if there is one."""
        if isinstance(self.found, int):
            return self.found
        return self.result if self.done and self.found is not None and self.result >= 0 else None


def _cwd(dir_fd: int | None) -> int:
    return AT_FDCWD if dir_fd is None else dir_fd


def _large(buffer: Any) -> int:
    # the kernel copies what is in its cache inside the call
    return IOSQE_ASYNC if len(buffer) > AT_ONCE else 0


def _statx(ring: Ring, request: Request, path: Any, dir_fd: int | None, follow_symlinks: bool) -> int:
    if isinstance(path, int):
        return ring.statx("", request, dir_fd=path, at_flags=_AT_EMPTY_PATH)
    return ring.statx(path, request, dir_fd=_cwd(dir_fd), at_flags=0 if follow_symlinks else _AT_SYMLINK_NOFOLLOW)


#: the operations of a ring: the kernel that has them, and the method
RING: dict[str, tuple[tuple[int, int], Callable[..., int]]] = {
    "open": (
        (5, 6),
        lambda ring, request, path, flags, mode, dir_fd, waits=False: ring.open(
            path, flags, mode, request, dir_fd=_cwd(dir_fd), flags=IOSQE_ASYNC if waits else 0
        ),
    ),
    "close": ((5, 6), lambda ring, request, fd: ring.close_fd(fd, request)),
    "read": (
        (5, 6),
        lambda ring, request, fd, buffer, offset: ring.pread(fd, buffer, offset, request, flags=_large(buffer)),
    ),
    "write": (
        (5, 6),
        lambda ring, request, fd, data, offset: ring.pwrite(fd, data, offset, request, flags=_large(data)),
    ),
    "fsync": ((5, 1), lambda ring, request, fd: ring.fsync(fd, request)),
    "fdatasync": ((5, 1), lambda ring, request, fd: ring.fsync(fd, request, datasync=True)),
    "truncate": ((6, 9), lambda ring, request, fd, size: ring.ftruncate(fd, size, request)),
    "stat": ((5, 6), _statx),
    "rename": ((5, 11), lambda ring, request, source, target: ring.rename(source, target, request)),
    "unlink": ((5, 11), lambda ring, request, path: ring.unlink(path, request)),
    "rmdir": ((5, 11), lambda ring, request, path: ring.unlink(path, request, directory=True)),
    "mkdir": ((5, 15), lambda ring, request, path, mode: ring.mkdir(path, mode, request)),
}
#: those that often complete inside the call
PROMPT = {"open", "close"} if hasattr(os, "preadv") else {"open", "close", "read", "write"}


def is_direct(fd: int) -> bool:
    """Return whether a file is open with O_DIRECT.

    The kernel reads and writes other files inside io_submit, which waits for that.
    """
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT)


def _transfer(method: Callable[..., Any]) -> Callable[..., int | None]:
    def begin(aio: Aio, request: Request, fd: int, buffer: Any, offset: int | None) -> int | None:
        if offset is None or not is_direct(fd):
            return None
        return int(method(aio, fd, buffer, offset, request) is request)

    return begin


#: the operations of an Aio; one that returns None is left to a thread
AIO: dict[str, tuple[tuple[int, int], Callable[..., int | None]]] = {
    "read": ((2, 6), _transfer(Aio.pread)),
    "write": ((2, 6), _transfer(Aio.pwrite)),
    "fsync": ((4, 18), lambda aio, request, fd: int(aio.fsync(fd, request) is request)),
    "fdatasync": ((4, 18), lambda aio, request, fd: int(aio.fdsync(fd, request) is request)),
}


class AnyEngine(AnyAwaitable[Union[Ring, Aio]]):
    """A ring or an Aio of a loop, whose completions end the requests of tasks.

    ``_waiters`` has the requests for which tasks wait.
    """

    _ends = False
    #: whether the kernel has yet to take what is queued
    _late = False

    def __init__(self, name: str) -> None:
        if name == "uring":
            ring = Ring(256)
            os.set_blocking(ring.fileno(), False)
            super().__init__(ring)
        else:
            super().__init__(Aio(256, EFD_NONBLOCK))

    # the loop's base replaces this

    async def wait(self, request: Request) -> None:
        """Wait until the kernel has ended *request*; a cancelled task cancels it.

        Where the engine is closed this waits no more.
        """
        raise NotImplementedError

    def _wake_waiter(self, waiter: Any) -> None:
        """Wake the task of *waiter*."""
        raise NotImplementedError

    # the same under each loop

    def end(self) -> None:
        """Close the engine when no task waits for it any more."""
        self._ends = True
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._ends and not self._waiters:
            self.close()

    def begin(self, request: Request, name: str, arguments: tuple[Any, ...]) -> bool:
        """Hand an operation over, and return whether the kernel has it."""
        self._bind()
        source: Any = self._source
        table = RING if isinstance(source, Ring) else AIO
        number = table[name][1](source, request, *arguments)
        if number is None:
            return False
        request.number, request.begun = number, True
        self._submit()
        if name in PROMPT or source._batch:
            self._take()
        return True

    def _submit(self) -> None:
        """Hand over what is queued, or be late: it stays queued."""
        try:
            self._source.submit()
            self._late = False
        except OSError as error:
            self._be_late(error)

    def _be_late(self, error: OSError) -> None:
        """Have the kernel asked again later; raise where that does not help."""
        self._late = _LATE.get(error.errno, False)
        if not self._late:
            raise error

    def _hand_over(self) -> None:
        """Hand over what the kernel could not take before."""
        if self._late and not self.closed():
            self._submit()
            self._take()

    def cancel(self, request: Request) -> None:
        """Ask the kernel to end *request*; its end comes as that of each other."""
        source = self._source
        try:
            if isinstance(source, Ring):
                source.cancel(request.number)
                self._submit()
            else:
                source.cancel(request)
        except OSError as error:
            # then it ends as it would have ended
            self._be_late(error)
        self._take()

    def _take(self) -> None:
        """End the requests that the kernel has completed."""
        source: Any = self._source
        while True:
            try:
                # what an Aio has refused is in its batch already
                found = source._read_events() if not source._batch else []
            except (BlockingIOError, NoMoreEvents):
                return
            except OSError as error:
                # the completions are there later
                self._be_late(error)
                return
            found += source._batch
            source._batch.clear()
            for completion in found:
                request = completion.user_data
                if isinstance(request, Request):
                    request.result, request.found, request.done = completion.result, completion, True
                    waiter = self._waiters.get(request)
                    if waiter is not None:
                        self._wake_waiter(waiter)
            if not source._batch:
                return

    def _readable(self) -> None:
        if not self._source.closed():
            self._take()

    if TYPE_CHECKING:

        def _bind(self) -> Any: ...

    def __del__(self, warn: Any = None, close: Any = os.close) -> None:
        # the program did not open it, so it does not forget it either
        super().__del__(_silent, close)


def _silent(*_: object, **__: object) -> None:
    pass
