"""One operation of an Aio, and its completion."""

from __future__ import annotations

import errno
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._aio import IOCB, READS
from butter._aio_errors import POLL, READ, SYNC, WRITE
from butter._aio_memory import Memory, vector
from butter._arguments import fileno, integer
from butter._constants.aio import (
    IOCB_CMD_FDSYNC,
    IOCB_CMD_FSYNC,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE,
    IOCB_CMD_PWRITEV,
    IOCB_FLAG_RESFD,
    AioCommand,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Union

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor

    Buffers = Union[Buffer, tuple[Buffer, ...], None]

#: what the completion of each operation may have as its error
ERRORS = {
    IOCB_CMD_PREAD: READ,
    IOCB_CMD_PREADV: READ,
    IOCB_CMD_PWRITE: WRITE,
    IOCB_CMD_PWRITEV: WRITE,
    IOCB_CMD_FSYNC: SYNC,
    IOCB_CMD_FDSYNC: SYNC,
    IOCB_CMD_POLL: POLL,
}
# more bytes than the kernel moves in one operation
_LONGEST = 2**31 - 1

# A number for each operation of this process, which none has a second time. They begin
# where the numbers of programs do not.
_numbers = itertools.count(1 << 32)


class Completion(NamedTuple):
    """``Completion(user_data, result, flags, error, ...)``: a complete operation.

    It is a named tuple:

    * ``user_data``: the object that was passed with the operation, or the number that
      the method returned
    * ``result`` (int): how many bytes were read or written, the events of a ``poll``,
      0 for a sync; the negated errno of an operation that failed
    * ``flags`` (int): 0, but for the files of some devices
    * ``error`` (OSError or None): what a call that failed like this would raise
    * ``operation`` (int): an AioCommand
    * ``buffer``: the buffer or buffers of a read or write, None for others
    """

    user_data: object
    result: int
    flags: int
    error: OSError | None
    operation: int
    buffer: Buffers

    @property
    def data(self) -> bytes:
        """A copy of the bytes that were read; of other operations it is empty."""
        if self.operation not in READS or self.result <= 0:
            return b""
        pieces, left = [], self.result
        for buffer in self.buffer if isinstance(self.buffer, tuple) else (self.buffer,):
            with memoryview(b"" if buffer is None else buffer).cast("B") as view:
                pieces.append(view[:left].tobytes())
                left = max(0, left - view.nbytes)
        return b"".join(pieces)

    @property
    def value(self) -> bytes | int:
        """``data`` of a read, and ``result`` of another operation.

        Raises ``error`` if the operation has failed.
        """
        if self.error is not None:
            raise self.error
        return self.data if self.operation in READS else self.result

    def __repr__(self) -> str:
        what = f"error={self.error!r}" if self.error else f"result={self.result}"
        name = AioCommand(self.operation).name
        return f"<{type(self).__name__} {name} user_data={self.user_data!r} {what}>"


_new = tuple.__new__


class Operation:
    """An operation, from the call that queues it until its completion is taken.

    It holds what the kernel may look at: the buffers, the array of their places, and
    the iocb.
    """

    __slots__ = ("address", "block", "buffer", "fd", "file", "flags", "kind", "length", "memory", "number",
                 "offset", "user_data", "vector")  # fmt: skip

    def __init__(self, kind: int, file: FileDescriptor, offset: int = 0, flags: int = 0, user_data: Any = None) -> None:
        # a file that nothing else refers to stays open until the kernel has it
        self.kind, self.file, self.fd = kind, file, fileno(file)
        self.offset = integer(offset, -64, "offset")
        self.flags = integer(flags, 32, "flags") if flags else 0
        self.number = next(_numbers)
        self.user_data = self.number if user_data is None else user_data
        self.buffer: Buffers = None
        self.memory: Sequence[Memory] = ()
        self.address = self.length = 0
        self.vector: Any = None
        self.block: Any = None

    def with_size(self, size: int) -> Operation:
        """Read into a new buffer of so many bytes."""
        size = integer(size, 63, "size")
        if size > _LONGEST:
            raise ValueError(f"size is {size}; the kernel reads at most {_LONGEST} bytes at once")
        return self.with_buffer(bytearray(size))

    def with_buffer(self, buffer: Buffer) -> Operation:
        """Read into this buffer, or write it."""
        memory = Memory(buffer, self.kind in READS)
        self.buffer, self.memory = buffer, (memory,)
        self.address, self.length = memory.address, memory.length
        return self

    def with_buffers(self, buffers: Sequence[Buffer]) -> Operation:
        """Read into these buffers, one after the other, or write them."""
        self.buffer = given = tuple(buffers)
        self.memory = [Memory(each, self.kind in READS) for each in given]
        self.vector, self.address, self.length = vector(self.memory)
        return self

    def with_events(self, events: int) -> Operation:
        """Wait for these events of poll."""
        self.address = integer(events, 16, "events")
        return self

    def iocb(self, eventfd: int) -> bytes:
        """Return the bytes of its ``struct iocb``."""
        return IOCB.pack(
            self.number,
            0,
            self.flags,
            self.kind,
            0,
            self.fd & 0xFFFFFFFF,
            self.address,
            self.length,
            self.offset,
            0,
            IOCB_FLAG_RESFD,
            eventfd,
        )

    def completion(self, result: int, flags: int = 0) -> Completion:
        """Return its completion; it can be asked for again."""
        if result > 0:
            # without a call of a function of Python's, as most operations come here
            return _new(Completion, (self.user_data, result, flags, None, self.kind, self.buffer))
        if result == 0 and self.kind == IOCB_CMD_POLL:
            # the kernel's result of a poll that was cancelled: any other has an event
            result = -errno.ECANCELED
        if result < 0:
            arguments = {"operation": self.kind, "offset": self.offset, "flags": self.flags, "count": len(self.memory)}
            error = ERRORS[self.kind].error(-result, fd=self.fd, **arguments)
            return Completion(self.user_data, result, flags, error, self.kind, self.buffer)
        return Completion(self.user_data, result, flags, None, self.kind, self.buffer)

    def release(self, result: int) -> None:
        """Give the buffers back; a second call changes nothing."""
        left = result
        for memory in self.memory:
            left = memory.release(left)
