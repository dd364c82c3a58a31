"""The calls of :manpage:`eventfd(2)`."""

from __future__ import annotations

import errno
from struct import Struct
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer, one_spelling
from butter._constants.eventfd import *  # noqa: F403
from butter._constants.eventfd import EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE
from butter._eventfd_c import ffi, lib
from butter._signals import INTERRUPTED, run_handlers
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_ANONYMOUS,
    Errors,
    InvalidArgument,
    reading,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor

#: the largest value of a counter
MAXIMUM = 2**64 - 2

_COUNTER = Struct("=Q")


def counter_value(value: int, name: str) -> int:
    """Return *value* if a counter can hold it.

    Raises TypeError and ValueError as :func:`integer` does.
    """
    if isinstance(value, int) and not 0 <= value <= MAXIMUM:
        raise ValueError(f"{name} is {value}; it must be 0 to {MAXIMUM}, which is 2**64 - 2")
    return integer(value, 64, name)


def _write_refused(fd: int, value: int = 0, **_: object) -> str:
    if value > MAXIMUM:
        return f"value is {value}; it must be 0 to {MAXIMUM}, which is 2**64 - 2"
    return f"descriptor {fd} is not an eventfd"


def _flags_refused(flags: int, **_: object) -> str:
    unknown = flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)
    return f"the only flags are EFD_CLOEXEC, EFD_NONBLOCK and EFD_SEMAPHORE, not {unknown:#x}"


EVENTFD = Errors(
    "eventfd",
    {
        **NEW_ANONYMOUS,
        errno.EINVAL: (InvalidArgument, _flags_refused),
    },
    since="2.6.27",
)
READ = Errors("eventfd_read", reading("an eventfd", "the counter is 0"))
WRITE = Errors(
    "eventfd_write",
    {
        errno.EAGAIN: (BlockingIOError, "the counter has no room for the value until it is read"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _write_refused),
    },
)


def eventfd(
    initial_value: int = 0, flags: int = 0, closefd: bool = CLOEXEC_DEFAULT, *, inital_value: int | None = None
) -> int:
    """``eventfd(initial_value, flags)``: returns the descriptor of a new counter.

    *initial_value* has 32 bits (:class:`butter.eventfd.Eventfd` takes any value);
    *flags* are EventfdInit's, and *closefd* adds ``EFD_CLOEXEC``. *inital_value* is an
    older spelling.

    Raises InvalidArgument for other flags, OSError (EMFILE, ENFILE) where a limit is
    reached, OutOfMemory.

    Linux 2.6.27, :manpage:`eventfd(2)`.
    """
    value = one_spelling("initial_value, inital_value", initial_value, inital_value)
    value = integer(value, 32, "initial_value")
    flags = integer(flags, -32, "flags")
    fd = lib.eventfd(value, flags | EFD_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else EVENTFD.check(fd, flags=flags)


def eventfd_read(fd: FileDescriptor) -> int:
    """``eventfd_read(fd, &value)``: returns the counter, and sets it to 0.

    If the counter has ``EFD_SEMAPHORE`` it returns 1, and takes 1 from the counter.

    Waits while the counter is 0, or raises BlockingIOError if the descriptor is
    non-blocking. Raises InvalidArgument if *fd* is not an eventfd.

    Linux 2.6.22, :manpage:`eventfd(2)`.
    """
    number, value = fileno(fd), ffi.new("uint64_t *")
    while (result := lib.eventfd_read(number, value)) == INTERRUPTED:
        # Python's signal handlers run before the next try (PEP 475), and one of
        # them may close the object
        run_handlers()
        number = fileno(fd)
    READ.check(result, fd=number)
    return int(value[0])


def eventfd_write(fd: FileDescriptor, value: int) -> None:
    """``eventfd_write(fd, value)``: adds *value* (0 to 2**64 - 2) to the counter.

    Waits while the sum would be above 2**64 - 2, or raises BlockingIOError if the
    descriptor is non-blocking. Raises InvalidArgument if *fd* is not an eventfd.

    Linux 2.6.22, :manpage:`eventfd(2)`.
    """
    # 2**64 - 1 is left to the kernel to refuse
    number, value = fileno(fd), value if value == MAXIMUM + 1 else counter_value(value, "value")
    while (result := lib.eventfd_write(number, value)) == INTERRUPTED:
        run_handlers()
        number = fileno(fd)
    WRITE.check(result, fd=number, value=value)


def str_to_events(str: bytes) -> list[int]:
    """The value in the 8 bytes *str* that a read of an eventfd returned, in a list.

    Raises ValueError for another size.
    """
    if len(str) != _COUNTER.size:
        raise ValueError(f"a read of an eventfd returns {_COUNTER.size} bytes, not {len(str)}")
    return [*_COUNTER.unpack(str)]


def event_to_str(event: int) -> bytes:
    """The 8 bytes that add *event* to the counter when they are written to an eventfd.

    *event* is 0 to 2**64 - 1. Raises TypeError for another type, ValueError for another
    number.
    """
    return _COUNTER.pack(integer(event, 64, "event"))
