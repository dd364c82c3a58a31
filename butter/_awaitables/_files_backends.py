"""The three ways in which files are read and written: io_uring, aio and threads."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from butter._awaitables._files_engine import AIO, RING, Request
from butter.errors import descriptors_exhausted, files_exhausted, running_kernel
from butter.splice import copy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from butter._awaitables._files_engine import AnyEngine
    from butter._awaitables._files_loop import AnyLoop

#: the backends, the best first
NAMES = ("uring", "aio", "threads")


def _read(fd: int, buffer: Any, offset: int | None) -> int:
    with memoryview(buffer) as view:
        if offset is not None and hasattr(os, "preadv"):
            try:
                return os.preadv(fd, (buffer,), offset)
            except OSError:
                pass  # a filter may know only the older call
        # PyPy does not have the other
        data = os.read(fd, view.nbytes) if offset is None else os.pread(fd, view.nbytes, offset)
        view[: len(data)] = data
        return len(data)


def _write(fd: int, data: Any, offset: int | None) -> int:
    return os.write(fd, data) if offset is None else os.pwrite(fd, data, offset)


def _stat(path: Any, dir_fd: int | None, follow_symlinks: bool) -> os.stat_result:
    if isinstance(path, int):
        return os.stat(path)
    return os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


#: each operation as a function for a thread
THREADS: dict[str, Callable[..., Any]] = {
    "open": lambda path, flags, mode, dir_fd, waits=False: os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=dir_fd),
    "close": os.close,
    "read": _read,
    "write": _write,
    "fsync": os.fsync,
    "fdatasync": os.fdatasync,
    "truncate": os.ftruncate,
    "stat": _stat,
    "rename": os.rename,
    "unlink": os.unlink,
    "rmdir": os.rmdir,
    "mkdir": os.mkdir,
    "copy": copy,
    "seek": os.lseek,
    "call": lambda function, *arguments: function(*arguments),
}
#: those of programs, in the table of ``backend()``
SHOWN = (*list(RING), "copy", "scandir")


#: the errno of a fifo without a reader
_NO_READER: dict[Any, bool] = {errno.ENXIO: True}
_LIMITS: dict[Any, Callable[..., str]] = {errno.EMFILE: descriptors_exhausted, errno.ENFILE: files_exhausted}


def failure(number: int, *paths: Any) -> OSError:
    """Return the exception that a call has for an errno: that of Python's own call.

    Its sentence names the limit, if it is one that is reached.
    """
    sentence = _LIMITS[number]() if number in _LIMITS else os.strerror(number)
    if len(paths) == 2:
        return OSError(number, sentence, paths[0], None, paths[1])
    return OSError(number, sentence, *paths)


def stat_result(found: Any) -> os.stat_result:
    """Return what :func:`os.stat` would, of the completion of a request of statx."""
    status = found.value
    rest = {"st_blksize": status.st_blksize, "st_blocks": status.st_blocks, "st_rdev": status.st_rdev}
    seconds = []
    for name in ("atime", "mtime", "ctime"):
        time = getattr(status, f"st_{name}_ns")
        second, nanoseconds = divmod(time, 10**9)
        seconds.append(second)
        rest[f"st_{name}"] = second + 1e-9 * nanoseconds
        if hasattr(os.stat_result, "nsec_atime"):  # of PyPy
            rest[f"nsec_{name}"] = nanoseconds
        else:
            rest[f"st_{name}_ns"] = time
    return os.stat_result((*status[:7], *seconds), rest)


class Backend:
    """A backend in an event loop: it makes operations."""

    def __init__(self, loop: AnyLoop, name: str) -> None:
        self.name, self._loop = name, loop
        self._engine: AnyEngine | None = None if name == "threads" else loop.new_engine(name)
        #: the way of each operation
        self.table: Mapping[str, str] = table_of(name)

    def usable(self) -> bool:
        """Whether it can be used: the end of the loop, and a fork, close the engine."""
        return self._engine is None or not self._engine.closed()

    async def run(self, request: Request, name: str, *arguments: Any) -> Any:
        """Make the operation *name*, and return its result.

        A cancelled task cancels it and waits for its end; its result is in *request*.

        Raises OSError.
        """
        # the end of the loop may have closed the engine since the call has begun
        engine = self._engine if self.usable() else None
        if engine is not None and self.table.get(name) == self.name and engine.begin(request, name, arguments):
            if not request.done:
                await engine.wait(request)
            result = request.result if request.done else -errno.ECANCELED
            if result >= 0:
                return stat_result(request.found) if name == "stat" else result
            if self.name == "uring" or result != -errno.EINVAL:
                raise failure(-result, *request.paths)
            # aio does not know each kind of file
            request.done = False
        try:
            await self._loop.in_thread(request, THREADS[name], arguments)
        except OSError as error:
            number = error.errno or 0
            if number in _LIMITS:
                raise failure(number, *request.paths) from None
            raise
        return request.found


def table_of(name: str) -> dict[str, str]:
    """Return the way in which a backend makes each operation."""
    kernel = running_kernel()
    own: Mapping[str, tuple[tuple[int, int], Any]] = RING if name == "uring" else AIO if name == "aio" else {}
    return {each: name if each in own and kernel >= own[each][0] else "threads" for each in SHOWN}


def checked(name: str | None) -> str | None:
    """Return the name of a backend, or None for the best.

    Raises TypeError and ValueError for another one.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"backend must be a str or None, not {type(name).__name__}")
    if name is not None and name not in NAMES:
        raise ValueError(f"backend is {name!r}; it must be 'uring', 'aio', 'threads', or None for the best one")
    return name


def backend_of(loop: AnyLoop, name: str | None) -> Backend:
    """Return the backend *name* of the running loop, or the best that works.

    Raises OSError for one that is named and does not work.
    """
    store = loop.store()
    name = "threads" if "ended" in store else name
    found = store.get(name)
    if found is not None and found.usable():
        return found  # type: ignore[no-any-return]
    if name is not None:
        store[name] = made = Backend(loop, name)
        return made
    for each in NAMES:
        try:
            best = backend_of(loop, each)
        except OSError as error:
            if _LIMITS.get(error.errno):
                # another moment may be a better one
                return backend_of(loop, "threads")
        else:
            store[None] = best
            break
    return best


async def open_descriptor(
    loop: AnyLoop, backend: Backend, path: Any, flags: int, permissions: int = 0o666, dir_fd: int | None = None
) -> int:
    """Open a file, and return its descriptor."""
    await loop.pause()
    arguments = path, flags, permissions, dir_fd
    try:
        fd = await _opened(backend, *arguments)
    except OSError as error:
        if backend.table["open"] == "threads" or not _NO_READER.get(error.errno):
            raise
        return await _opened(backend, *arguments, True)
    if backend.table["open"] == "threads" or flags & os.O_NONBLOCK or not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    # A ring opens a fifo without waiting for the other end. This descriptor stays open
    # until there is another: a writer that came meanwhile would lose its reader.
    try:
        return await _opened(backend, *arguments, True)
    finally:
        os.close(fd)


async def close_descriptor(loop: AnyLoop, choice: str | None, fd: int, name: Any) -> None:
    """Close a descriptor, also where the loop has no ring and no thread for it."""
    request = Request(firm=True)
    try:
        await backend_of(loop, choice).run(request, "close", fd)
    except BaseException as error:
        if request.begun:
            if isinstance(error, OSError):
                error.filename = name
            raise
        os.close(fd)
        if not isinstance(error, (OSError, RuntimeError)):
            raise


async def _opened(backend: Backend, *arguments: Any) -> int:
    request = Request(arguments[0])
    try:
        fd: int = await backend.run(request, "open", *arguments)
    except BaseException:
        # it was cancelled, and opened all the same
        opened = request.opened
        if opened is not None:
            os.close(opened)
        raise
    return fd
