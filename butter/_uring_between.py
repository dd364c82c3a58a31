"""The requests of a ring for another ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_MSG_DATA,
    IORING_MSG_RING_CQE_SKIP,
    IORING_MSG_SEND_FD,
    IORING_OP_MSG_RING,
)
from butter._uring_memory import pointer
from butter._uring_operation_errors import WAITS
from butter._uring_operations import MESSAGE_BIT, Operation
from butter._uring_paths import ANY_SLOT, slot_index
from butter._uring_ring import FixedFile, Queue

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor

MSG_RING = Operation("msg_ring", IORING_OP_MSG_RING, WAITS)
SEND_FILE = Operation("send_file", IORING_OP_MSG_RING, WAITS)


class Between(Queue):
    """The requests of a ring for another ring."""

    def msg_ring(
        self, ring: FileDescriptor, result: int, data: int = 0, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Send a completion to another *ring*, or to this one.

        It has *result* (0 to 2**31 - 1) there, and the number *data* (0 to 2**63 - 1)
        as its ``user_data``; its ``request`` is 0.

        Linux 5.18.
        """
        data = integer(data, 63, "data") | MESSAGE_BIT
        return self._queue(
            *(MSG_RING, ring, pointer(IORING_MSG_DATA), integer(result, 31, "result"), data),
            user_data=user_data,
            flags=flags,
        )

    def send_file(
        self,
        ring: FileDescriptor,
        file: FixedFile,
        data: int | None = 0,
        user_data: Any = None,
        *,
        slot: int = ANY_SLOT,
        flags: int = 0,
    ) -> int:
        """Register a registered file of this ring in another *ring*, too.

        The other ring has registered files of its own; the file takes the *slot* there,
        or with ANY_SLOT one that the kernel chooses, whose number is the result. The
        other ring gets a message (``msg_ring``) with the same result and the number
        *data*, or none where *data* is None. With a *slot* both results are 0.

        Linux 6.0.
        """
        if not isinstance(file, FixedFile):
            raise TypeError(f"file must be a FixedFile, not {type(file).__name__}")
        silent = data is None
        return self._queue(
            *(SEND_FILE, ring, pointer(IORING_MSG_SEND_FD), 0),
            0 if data is None else integer(data, 63, "data") | MESSAGE_BIT,
            IORING_MSG_RING_CQE_SKIP if silent else 0,
            user_data=user_data,
            flags=flags,
            file_index=slot_index(slot),
            addr3=file.index,
        )
