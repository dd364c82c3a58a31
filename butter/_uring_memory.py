"""The memory of requests: buffers, structs and paths, with their addresses."""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import fsencode, integer
from butter._uring_ring_c import ffi

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Buffer

    from butter._arguments import Path

NULL = ffi.NULL
#: the most bytes that the kernel moves at once
MOST_BYTES = 0x7FFFF000
#: an offset that stands for the position of the file
POSITION = (1 << 64) - 1

_TIME, _IOVEC = Struct("=qq"), Struct("@PN")
_SECOND = 10**9

from_buffer = ffi.from_buffer
_cast = ffi.cast


def address(memory: Any) -> int:
    """Return the address of memory, as a number."""
    return int(_cast("uintptr_t", memory))


def pointer(number: int) -> Any:
    """Return a number as an address, for a field that has it in the place of one."""
    return _cast("void *", number)


def writable(buffer: Any) -> tuple[Any, Any]:
    """Return a buffer that the kernel fills, and its memory.

    *buffer* is a writable buffer, or the number of bytes of a new one.
    """
    if buffer.__class__ is int:
        buffer = bytearray(integer(buffer, 31, "the size of the buffer"))
    return buffer, from_buffer("char[]", buffer, True)


def size_of(memory: Any) -> int:
    """Return how many bytes of memory one request may move."""
    size = len(memory)
    return size if size <= MOST_BYTES else MOST_BYTES


def offset_of(offset: int | None) -> int:
    """Return an offset for the kernel; None stands for the position of the file."""
    return POSITION if offset is None else integer(offset, 63, "offset")


def struct(content: bytes) -> Any:
    """Return the memory of a struct, which keeps it."""
    return from_buffer("char[]", content)


def text(path: Path, name: str = "the path") -> Any:
    """Return the memory of a path, or of another text, with a NUL at its end."""
    return struct(fsencode(path, name) + b"\0")


def span(seconds: float) -> Any:
    """Return the memory of a struct with a number of seconds.

    Raises TypeError for another type, ValueError for one that no clock reaches.
    """
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"seconds must be a number, not {type(seconds).__name__}")
    if not 0 <= seconds < 1 << 62:
        raise ValueError(f"seconds is {seconds}; it must not be negative, and be finite")
    return struct(_TIME.pack(*divmod(math.ceil(seconds * _SECOND), _SECOND)))


def vector(memories: Sequence[Any]) -> Any:
    """Return the memory of a list of addresses and sizes (struct iovec)."""
    return struct(b"".join(_IOVEC.pack(address(memory), len(memory)) for memory in memories))


def writables(buffers: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return buffers that the kernel fills, and their memory."""
    pairs = [writable(buffer) for buffer in buffers]
    return [buffer for buffer, _ in pairs], [memory for _, memory in pairs]


def readables(buffers: Iterable[Buffer]) -> list[Any]:
    """Return the memory of buffers that the kernel reads."""
    return [from_buffer("char[]", buffer) for buffer in buffers]
