"""The requests of a ring for pipes, and for files that are read like them."""

from __future__ import annotations

import array
import os
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, integer
from butter._constants.uring_ring import IORING_OP_PIPE, IORING_OP_READ_MULTISHOT, IOSQE_BUFFER_SELECT
from butter._uring_memory import NULL, POSITION, writable
from butter._uring_operation_errors import FILES, SOCKETS
from butter._uring_operations import Completion, Operation
from butter._uring_provided import group_number, provided_bytes
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from butter._uring_provided import BufferGroup
    from butter._uring_ring import AnyFile


def _ends(completion: Completion) -> tuple[int, int]:
    reading, writing = array.array("i", bytes(completion.buffer))
    return reading, writing


def _close_ends(completion: Completion) -> None:
    for fd in _ends(completion):
        os.close(fd)


READ_MULTISHOT = Operation("read_multishot", IORING_OP_READ_MULTISHOT, FILES, provided_bytes)
PIPE = Operation("pipe", IORING_OP_PIPE, SOCKETS, _ends, discard=_close_ends)


class Pipes(Queue):
    """The requests of a ring for pipes, and for files that are read like them."""

    def read_multishot(self, fd: AnyFile, buffer: BufferGroup, user_data: Any = None, *, flags: int = 0) -> int:
        """Read from a pipe or the like, again and again, into provided buffers.

        There is a completion for each arrival (``more``), as for ``recv``.

        Linux 6.7.
        """
        number = group_number(buffer, self._ring)
        return self._queue(
            *(READ_MULTISHOT, fd, NULL, 0, POSITION),
            user_data=user_data,
            buffer=buffer,
            flags=flags,
            more_flags=IOSQE_BUFFER_SELECT,
            buf_index=number,
        )

    def pipe(
        self, pipe_flags: int = 0, user_data: Any = None, *, closefd: bool = CLOEXEC_DEFAULT, flags: int = 0
    ) -> int:
        """Make a pipe; the value of the completion is its two descriptors.

        *pipe_flags* are as ``os.O_NONBLOCK``.

        Linux 6.16, :manpage:`pipe2(2)`.
        """
        found, memory = writable(8)
        pipe_flags = integer(pipe_flags, 31, "pipe_flags") | (os.O_CLOEXEC if closefd else 0)
        return self._queue(
            *(PIPE, 0, memory, 0, 0, pipe_flags), user_data=user_data, buffer=found, kept=memory, flags=flags
        )
