"""The completions of one read of a ring, as C has put them down."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._buffers import Reader
from butter._uring_errors import READ
from butter._uring_ring_c import ffi, lib

if TYPE_CHECKING:
    from butter._uring_operations import Completion

#: how many completions one read takes at most
ROOM = 1024

_CQE = Struct("=QiI")
first_in = _CQE.unpack_from


class Completions:
    """Room for the completions of one read, and what was made of them."""

    __slots__ = ("at", "made", "struct", "view")

    def __init__(self) -> None:
        found = ffi.new("butter_cqe[]", ROOM)
        self.view = ffi.buffer(found)  # which keeps it
        self.struct = ffi.new("butter_completions *")
        #: where the pieces of buffers begin
        self.at = ffi.new("uint32_t[]", ROOM)
        self.struct.found, self.struct.at, self.struct.room = found, self.at, ROOM
        #: the events, from the moment when their slots may be gone
        self.made: list[Completion] | None = None

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def entries(self) -> list[tuple[int, int, int]]:
        """Return the user_data, the result and the flags of each."""
        count = self.struct.count
        return list(_CQE.iter_unpack(self.view[: count * _CQE.size]))


#: the read of a ring, and the room for its completions
reader: Reader[Completions, Any] = Reader(Completions, lib.butter_ring_read, READ)
