"""Moving bytes between descriptors, past Python: :manpage:`splice(2)` and its kin."""

from __future__ import annotations

import errno
import os
import select
from typing import TYPE_CHECKING

from butter._arguments import fileno, integer
from butter._constants import splice as _constants
from butter._constants.splice import *  # noqa: F403
from butter._signals import INTERRUPTED, run_handlers
from butter._splice_c import ffi as _ffi
from butter._splice_c import lib as _lib
from butter._splice_errors import COPY, OWN, SPLICE, TEE, NoReader
from butter.errors import UnknownError as UnknownError
from butter.eventlike import check_poll, poll

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from butter._arguments import FileDescriptor

__all__ = ["NoReader", "UnknownError", "copy", "splice", "tee", "vmsplice"]
__all__ += _constants.__all__

# the most that the kernel moves in one call (on pages of 4 KiB)
_MOST = 0x7FFFF000


def _offset(number: int, name: str) -> int:
    """Return an offset as the C function takes it.

    Negative offsets are left to the kernel to refuse. OWN, which means "no offset", is
    replaced by -1, so that it is refused too.
    """
    if type(number) is not int:
        number = integer(number, -64, name)
    return -1 if number == OWN else number


def _check_ranges(fd_in: int, fd_out: int, in_offset: int, out_offset: int, len: int, flags: int) -> None:
    """Raise the ValueError for a number that its C type cannot hold."""
    fileno(fd_in)
    fileno(fd_out)
    integer(in_offset, -64, "in_offset")
    integer(out_offset, -64, "out_offset")
    integer(len, 64, "len")
    integer(flags, 32, "flags")


def splice(
    fd_in: FileDescriptor,
    fd_out: FileDescriptor,
    in_offset: int | None = None,
    out_offset: int | None = None,
    len: int | None = None,
    flags: int = 0,
) -> int:
    """``splice(fd_in, &in_offset, fd_out, &out_offset, len, flags)``: returns a count.

    It moves bytes from *fd_in* to *fd_out* and returns how many. One of the two has to
    be a pipe. An offset, in bytes, is where the other one is read or written, and its
    own position stays as it is; None means at its own position, which then moves. Note
    that 0 is an offset. *len* is the most bytes to move, None for as many as one call
    can; *flags* are SpliceFlags'. Fewer bytes may be moved, and 0 means that the input
    is at its end.

    Waits while the input is empty or the output full, or raises BlockingIOError with
    ``SPLICE_F_NONBLOCK``. Raises InvalidArgument (neither descriptor is a
    pipe, an offset for a pipe, a target open with O_APPEND, a descriptor that is not
    open), NoReader, OutOfMemory, and OSError for the errors of files and sockets.

    Linux 2.6.17, :manpage:`splice(2)`.
    """
    # Checking the arguments here would cost more than moving a page, and for plain
    # ints cffi's own checks suffice. fd_in and fd_out keep their values: otherwise an
    # object without another reference would be closed before the call.
    number_in = fd_in if type(fd_in) is int else fileno(fd_in)
    number_out = fd_out if type(fd_out) is int else fileno(fd_out)
    in_offset = OWN if in_offset is None else _offset(in_offset, "in_offset")
    out_offset = OWN if out_offset is None else _offset(out_offset, "out_offset")
    if len is None:
        len = _MOST
    elif type(len) is not int:
        len = integer(len, 64, "len")
    if type(flags) is not int:
        flags = integer(flags, 32, "flags")
    while True:
        try:
            result: int = _lib.splice(number_in, in_offset, number_out, out_offset, len, flags)
        except OverflowError:
            _check_ranges(number_in, number_out, in_offset, out_offset, len, flags)
            raise
        if result >= 0:
            return result
        if result != INTERRUPTED:
            break
        # Python's signal handlers run before the next try (PEP 475), and one of
        # them may close an object
        run_handlers()
        number_in, number_out = fileno(fd_in), fileno(fd_out)
    return SPLICE.check(
        result, fd_in=number_in, fd_out=number_out, in_offset=in_offset, out_offset=out_offset, flags=flags
    )


def tee(fd_in: FileDescriptor, fd_out: FileDescriptor, len: int | None = None, flags: int = 0) -> int:
    """``tee(fd_in, fd_out, len, flags)``: returns how many bytes were copied.

    It copies bytes from pipe to pipe and leaves them in the first. *len* is the most
    bytes to copy, None for as many as one call can; *flags* are SpliceFlags'. A second
    call copies the same bytes again, unless they were read or spliced away; 0 means
    that the input is empty and has no writer.

    Waits while the input is empty or the output full, or raises BlockingIOError with
    ``SPLICE_F_NONBLOCK``. Raises InvalidArgument (a descriptor is not a pipe,
    or is not open; both are ends of one pipe), NoReader, OutOfMemory.

    Linux 2.6.17, :manpage:`tee(2)`.
    """
    flags = integer(flags, 32, "flags")
    len = _MOST if len is None else integer(len, 64, "len")
    while True:
        # looked up again after each signal: its handler may have closed an object
        number_in, number_out = fileno(fd_in), fileno(fd_out)
        result = _lib.tee(number_in, number_out, len, flags)
        if result != INTERRUPTED:
            break
        run_handlers()
    return TEE.check(result, fd_in=number_in, fd_out=number_out, flags=flags)


def vmsplice(fd: FileDescriptor, vec: object, flags: int = 0) -> int:
    """Raises NotImplementedError: :manpage:`vmsplice(2)` is not safe in Python.

    The pages of an object themselves go into the pipe and stay there, but do not keep
    the object alive: once it is freed, a reader of the pipe sees the bytes that are
    stored there next. Use ``os.writev(fd, vec)``, which copies.
    """
    raise NotImplementedError(
        "vmsplice puts the pages of an object into the pipe, where they stay after Python frees the object and uses "
        "its memory for another; os.writev copies the bytes instead"
    )


# looked up once, here: tests replace `_lib` and `_ffi` with mocks
_new, _buffer = _ffi.new, _ffi.buffer
_begin, _step, _end = _lib.butter_copy_begin, _lib.butter_copy_step, _lib.butter_copy_end
_DONE, _MORE, _WAIT_IN, _WAIT_OUT = _lib.COPY_DONE, _lib.COPY_MORE, _lib.COPY_WAIT_IN, _lib.COPY_WAIT_OUT

# The bytes that may move before Python's signal handlers run: a few milliseconds from
# memory to memory.
SYNC_PORTION = 1 << 24


def _number(fd: FileDescriptor) -> int:
    if not isinstance(fd, int) and isinstance(fd, (str, bytes, os.PathLike)):
        raise TypeError(f"fd must be an int or have fileno(), not {type(fd).__name__}: open the path first")
    return fileno(fd)


class Transfer:
    """A :func:`copy` under way, for callers that wait in their own way.

    Call ``begin()`` once, then ``step(most)`` until it returns None. ``(fd, event)``
    means that the caller has to wait for this descriptor, as with :func:`select.poll`;
    ``()`` means that there is more to do. An exception that leaves the ``with``
    statement gets the attributes ``moved`` and ``rest``. With *duplicate* the transfer
    works on duplicates of the descriptors, so that no other code closes them.
    """

    def __init__(
        self,
        fd_in: FileDescriptor,
        fd_out: FileDescriptor,
        count: int | None,
        in_offset: int | None,
        out_offset: int | None,
        progress: Callable[[int], object] | None,
        duplicate: bool = False,
    ) -> None:
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be a function, not {type(progress).__name__}")
        self._objects = {} if duplicate else {"fd_in": fd_in, "fd_out": fd_out}
        self._arguments = {
            "fd_in": _number(fd_in),
            "fd_out": _number(fd_out),
            "in_offset": in_offset,
            "out_offset": out_offset,
        }
        self._progress = progress
        self._process = os.getpid()
        self._state = _new(
            "butter_copy *",
            {
                "fd_in": self._arguments["fd_in"],
                "fd_out": self._arguments["fd_out"],
                "duplicate": duplicate,
                "in_offset": -1 if in_offset is None else integer(in_offset, 63, "in_offset"),
                "out_offset": -1 if out_offset is None else integer(out_offset, 63, "out_offset"),
                "left": (1 << 63) - 1 if count is None else integer(count, 63, "count"),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                vars(error).update(moved=self._state.moved, rest=b"")
                vars(error).update(rest=self._give_back())
        finally:
            _end(self._state)

    @property
    def moved(self) -> int:
        """The number of bytes that reached the target."""
        return int(self._state.moved)

    @property
    def waits(self) -> bool:
        """Whether a step may wait in the kernel, because a descriptor is blocking."""
        return bool(self._state.in_waits or self._state.out_waits)

    def inherited(self) -> bool:
        """Whether this is a forked child's copy of its parent's transfer."""
        return self._process != os.getpid()

    def begin(self) -> None:
        """Look at the descriptors, and refuse what :func:`copy` refuses."""
        self._check(_begin(self._state))

    def step(self, most: int) -> tuple[int, int] | tuple[()] | None:
        """Copy for some milliseconds, or until about *most* bytes have moved."""
        self._check_open("fd_in", "fd_out")
        before = self._state.moved
        result = self._check(_step(self._state, most))
        moved = self._state.moved
        if moved != before and self._progress is not None:
            self._progress(moved)
        if result == _WAIT_IN:
            return self._state.fd_in, select.POLLIN
        if result == _WAIT_OUT:
            return self._state.fd_out, select.POLLOUT
        return None if result == _DONE else ()

    def _check_open(self, *names: str) -> None:
        # a signal handler or progress may have closed an object, and another file may
        # have its number now
        for name in names:
            if name in self._objects:
                number = fileno(self._objects[name])
                if number != self._arguments[name]:
                    COPY.fail(errno.EBADF, **{**self._arguments, name: number})

    def _check(self, result: int) -> int:
        return result if result >= 0 else COPY.check(result, **self._arguments)

    def _give_back(self) -> bytes:
        """Return the bytes that were taken and did not reach the target.

        A file gets them back through its position, and then the result is empty.
        """
        state = self._state
        kept = state.end - state.start
        # a forked child would take them from its parent
        if state.in_offset >= 0 or not kept + state.piped or self.inherited():
            return b""
        if state.in_disk:
            try:
                self._check_open("fd_in")
                os.lseek(state.fd_in, -(kept + state.piped), os.SEEK_CUR)
                return b""
            except (OSError, ValueError):
                pass  # then the bytes are returned
        rest: bytes = _buffer(state.buffer + state.start, kept)[:] if kept else b""
        return rest + os.read(state.pipe[0], state.piped) if state.piped else rest


def copy(
    fd_in: FileDescriptor,
    fd_out: FileDescriptor,
    count: int | None = None,
    in_offset: int | None = None,
    out_offset: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Copy *count* bytes from any descriptor to any other, and return how many.

    The result is less than *count* if the input ended. ``copy(source, target)`` copies
    everything until the end of the input. ::

        with open("disk.img", "rb") as image, socket.create_connection(peer) as target:
            copy(image, target, progress=lambda moved: print(moved, "bytes"))

    An offset, in bytes, is where a file is read or written, and its own position stays
    as it is; None means at its own position, which then moves. ``progress(moved)`` is
    called now and then with the bytes moved so far; an exception of it ends the copy.

    The bytes take the best way that works: copy_file_range (which shares blocks where
    the filesystem can), sendfile, splice, splice through a private pipe, and at last
    read and write. The interpreter is free meanwhile, and signal handlers run. A
    descriptor that is non-blocking is waited for. A pipe that has to be waited for
    grows to 512 KiB, unless its size was set by a program.

    Between two files holes stay holes, count as the zeros that they are, and take at
    most one block at the end of the target. A target that is not a file, or is open
    with O_APPEND or O_DIRECT, gets zeros instead; so does any target if an offset of
    the source is passed and ``/proc`` is not mounted, or this process has locked the
    source by lockf().

    The bytes in a buffer of a Python file are not copied: flush it first. Two ranges of
    one file must not overlap; a file that is copied to its own end is copied as it was
    at the beginning. Sockets should be streams: an empty message looks like the end.

    Raises InvalidArgument (an offset for a descriptor that cannot have one, or with
    O_APPEND; overlapping ranges; a descriptor not open for this, or of a kind that
    cannot be read or written), ValueError if a handler or *progress* closes an
    argument, IsADirectoryError, NoReader, OSError for the errors of files and sockets
    (``ENOSPC``, ``ECONNRESET``).

    Each exception that ends a copy, also one of a signal handler or of *progress*, has
    two more attributes: ``moved``, the number of bytes that reached the target, and
    ``rest``, bytes that were taken from a pipe, socket or device and could not be
    written. The position of a file goes back instead. So nothing is lost.

    Linux 4.14, :manpage:`copy_file_range(2)`, :manpage:`sendfile(2)`,
    :manpage:`splice(2)`.
    """
    with Transfer(fd_in, fd_out, count, in_offset, out_offset, progress) as transfer:
        transfer.begin()
        while (blocked := transfer.step(SYNC_PORTION)) is not None:
            if blocked:
                check_poll(poll(*blocked, -1))
            run_handlers()
        return transfer.moved
