"""The requests of a ring that use registered buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_READ_FIXED,
    IORING_OP_READV_FIXED,
    IORING_OP_SEND_ZC,
    IORING_OP_WRITE_FIXED,
    IORING_OP_WRITEV_FIXED,
    IORING_RECVSEND_FIXED_BUF,
)
from butter._uring_memory import CHARS, from_buffer, offset_of, vector
from butter._uring_operation_errors import FILES, SOCKETS
from butter._uring_operations import ZERO_COPY_BIT, Operation, read_bytes, read_several, sent
from butter._uring_ring import Queue
from butter._uring_ring_c import ffi
from butter._uring_sockets import MSG_NOSIGNAL, transfer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._uring_ring import AnyFile


READ_FIXED = Operation("read_fixed", IORING_OP_READ_FIXED, FILES, read_bytes)
WRITE_FIXED = Operation("write_fixed", IORING_OP_WRITE_FIXED, FILES)
READV_FIXED = Operation("readv_fixed", IORING_OP_READV_FIXED, FILES, read_several)
WRITEV_FIXED = Operation("writev_fixed", IORING_OP_WRITEV_FIXED, FILES)
SEND_ZC_FIXED = Operation("send_zc_fixed", IORING_OP_SEND_ZC, SOCKETS, sent, bits=ZERO_COPY_BIT)


def _view(memory: Any, start: int, size: int) -> memoryview:
    """Return a part of the memory of a registered buffer, which keeps it."""
    return memoryview(ffi.buffer(memory))[start : start + size]


class Fixed(Queue):
    """The requests of a ring that use registered buffers."""

    #: the memories of the buffers, in the order of their indices; None is an empty slot
    _buffers: tuple[Any, ...] = ()

    def _fixed(self, index: int, start: int, size: int | None) -> tuple[Any, int]:
        buffers = self._buffers
        if not 0 <= integer(index, 31, "index") < len(buffers):
            raise ValueError(f"index is {index}; the ring has {len(buffers)} registered buffers")
        if buffers[index] is None:
            raise ValueError(f"the slot {index} of the registered buffers is empty")
        most = len(buffers[index])
        start = integer(start, 63, "start")
        size = most - start if size is None else integer(size, 31, "size")
        if start + size > most or size < 0:
            raise ValueError(f"the buffer has {most} bytes, and not {size} from {start} on")
        return buffers[index], size

    def read_fixed(
        self,
        fd: AnyFile,
        index: int,
        offset: int | None = None,
        user_data: Any = None,
        *,
        start: int = 0,
        size: int | None = None,
        flags: int = 0,
    ) -> int:
        """Read into the registered buffer *index*, or *size* bytes of it from *start*.

        The value of the completion is the bytes that were read.

        Linux 5.1.
        """
        return self._move_fixed(READ_FIXED, fd, index, offset, user_data, start, size, flags)

    def write_fixed(
        self,
        fd: AnyFile,
        index: int,
        offset: int | None = None,
        user_data: Any = None,
        *,
        start: int = 0,
        size: int | None = None,
        flags: int = 0,
    ) -> int:
        """Write the registered buffer *index*, or *size* bytes of it from *start*.

        Linux 5.1.
        """
        return self._move_fixed(WRITE_FIXED, fd, index, offset, user_data, start, size, flags)

    def _move_fixed(
        self,
        operation: Operation,
        fd: AnyFile,
        index: int,
        offset: int | None,
        user_data: Any,
        start: int,
        size: int | None,
        flags: int,
    ) -> int:
        memory, size = self._fixed(index, start, size)
        return self._queue(
            *(operation, fd, memory + start, size, offset_of(offset)),
            user_data=user_data,
            buffer=_view(memory, start, size) if operation is READ_FIXED else None,
            kept=self._buffers,
            flags=flags,
            buf_index=index,
        )

    def readv_fixed(
        self,
        fd: AnyFile,
        index: int,
        parts: Iterable[tuple[int, int]],
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Read into *parts* of the registered buffer *index*.

        Each part is a start and a size. *rw_flags* are as for ``pread``. The value of
        the completion is the bytes that were read.

        Linux 6.15.
        """
        return self._move_parts(READV_FIXED, fd, index, parts, offset, rw_flags, user_data, flags)

    def writev_fixed(
        self,
        fd: AnyFile,
        index: int,
        parts: Iterable[tuple[int, int]],
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Write *parts* of the registered buffer *index*, each a start and a size.

        Linux 6.15.
        """
        return self._move_parts(WRITEV_FIXED, fd, index, parts, offset, rw_flags, user_data, flags)

    def _move_parts(
        self,
        operation: Operation,
        fd: AnyFile,
        index: int,
        parts: Iterable[tuple[int, int]],
        offset: int | None,
        rw_flags: int,
        user_data: Any,
        flags: int,
    ) -> int:
        memory, _ = self._fixed(index, 0, 0)
        views = [_view(memory, start, self._fixed(index, start, size)[1]) for start, size in parts]
        memories = [from_buffer(CHARS, view) for view in views]
        list_of_them = vector(memories)
        return self._queue(
            *(operation, fd, list_of_them, len(memories), offset_of(offset), integer(rw_flags, 32, "rw_flags")),
            user_data=user_data,
            buffer=views,
            kept=(list_of_them, self._buffers),
            flags=flags,
            buf_index=index,
        )

    def send_zc_fixed(
        self,
        fd: AnyFile,
        index: int,
        user_data: Any = None,
        *,
        start: int = 0,
        size: int | None = None,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Send the registered buffer *index*, or *size* bytes of it from *start*.

        The arguments and completions are those of ``send_zc``.

        Linux 6.0.
        """
        memory, size = self._fixed(index, start, size)
        return self._queue(
            *(SEND_ZC_FIXED, fd, memory + start, size, 0, integer(msg_flags, 31, "msg_flags") | MSG_NOSIGNAL),
            user_data=user_data,
            kept=self._buffers,
            flags=flags,
            ioprio=transfer(transfer_flags) | IORING_RECVSEND_FIXED_BUF,
            buf_index=index,
        )
