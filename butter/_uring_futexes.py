"""The requests of a ring that wait for futexes."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_FUTEX_WAIT,
    IORING_OP_FUTEX_WAITV,
    IORING_OP_FUTEX_WAKE,
)
from butter._uring_memory import address, in_place, struct
from butter._uring_operation_errors import WAITS
from butter._uring_operations import Operation
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer


_FUTEX2_SIZE_U32, _FUTEX2_PRIVATE = 2, 128
_ANY_BITS = 0xFFFFFFFF
_FUTEX_WAITV = Struct("=QQII")

FUTEX_WAIT = Operation("futex_wait", IORING_OP_FUTEX_WAIT, WAITS)
FUTEX_WAKE = Operation("futex_wake", IORING_OP_FUTEX_WAKE, WAITS)
FUTEX_WAITV = Operation("futex_waitv", IORING_OP_FUTEX_WAITV, WAITS)


def _futex(futex: Buffer) -> Any:
    memory = in_place(futex)
    if len(memory) < 4:
        raise ValueError(f"a futex has 4 bytes, and this buffer {len(memory)}")
    if address(memory) % 4:
        raise ValueError("a futex is at an address that 4 divides")
    return memory


def _kind(private: bool) -> int:
    return _FUTEX2_SIZE_U32 | (_FUTEX2_PRIVATE if private else 0)


class Futexes(Queue):
    """The requests of a ring that wait for futexes."""

    def futex_wait(
        self, futex: Buffer, value: int, user_data: Any = None, *, private: bool = True, flags: int = 0
    ) -> int:
        """Wait while the 4 bytes of *futex* are *value*, until they are woken.

        *futex* is a writable buffer, as of :mod:`mmap`; *private* means that no other
        process uses it.

        Linux 6.7, :manpage:`futex(2)`.
        """
        return self._use_futex(FUTEX_WAIT, futex, integer(value, 32, "value"), user_data, private, flags)

    def futex_wake(
        self, futex: Buffer, count: int = 1, user_data: Any = None, *, private: bool = True, flags: int = 0
    ) -> int:
        """Wake at most *count* waiters of a *futex*.

        The result of the completion is how many were woken.

        Linux 6.7, :manpage:`futex(2)`.
        """
        return self._use_futex(FUTEX_WAKE, futex, integer(count, 31, "count"), user_data, private, flags)

    def _use_futex(
        self, operation: Operation, futex: Buffer, number: int, user_data: Any, private: bool, flags: int
    ) -> int:
        memory = _futex(futex)
        return self._queue(
            *(operation, _kind(private), memory, 0, number),
            user_data=user_data,
            buffer=futex,
            kept=memory,
            flags=flags,
            addr3=_ANY_BITS,
        )

    def futex_waitv(
        self,
        futexes: Iterable[tuple[Buffer, int]],
        user_data: Any = None,
        *,
        private: bool = True,
        flags: int = 0,
    ) -> int:
        """Wait for one of several *futexes*, each a buffer and its value.

        The result of the completion is the index of one that was woken.

        Linux 6.7, :manpage:`futex_waitv(2)`.
        """
        kind = _kind(private)
        waits = [(_futex(futex), integer(value, 32, "value")) for futex, value in futexes]
        memory = struct(b"".join(_FUTEX_WAITV.pack(value, address(futex), kind, 0) for futex, value in waits))
        return self._queue(
            *(FUTEX_WAITV, 0, memory, len(waits)), user_data=user_data, kept=(memory, waits), flags=flags
        )
