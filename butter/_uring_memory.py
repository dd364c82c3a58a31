"""The memory of requests: buffers, structs and paths, with their addresses."""

from __future__ import annotations

import itertools
import math
import mmap
import sys
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import fsencode, integer, unusable
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
#: the type of all such memory, which cffi need not look up by its name
CHARS = ffi.typeof("char[]")
_cast = ffi.cast


def address(memory: Any) -> int:
    """Return the address of memory, as a number."""
    return int(_cast("uintptr_t", memory))


def pointer(number: int) -> Any:
    """Return a number as an address, for a field that has it in the place of one."""
    return _cast("void *", number)


# PyPy lets a program resize a bytearray, or close a mapping, whose memory is in use. So
# the kernel has memory of its own there, which is copied when the request has
# completed.
COPIES = sys.implementation.name == "pypy"
#: by the id of such a memory: the memory, and the buffer that gets its content
_copied: dict[int, tuple[Any, Any]] = {}


def writable(buffer: Any) -> tuple[Any, Any]:
    """Return a buffer that the kernel fills, and its memory.

    *buffer* is a writable buffer, or the number of bytes of a new one.
    """
    if buffer.__class__ is int:
        buffer = bytearray(integer(buffer, 31, "the size of the buffer"))
        return buffer, from_buffer(CHARS, buffer, True)
    try:
        memory = from_buffer(CHARS, buffer, True)
    except (TypeError, BufferError) as error:
        raise unusable(buffer, error) from None
    return buffer, _copy_of(memory, buffer) if COPIES else memory


def _copy_of(memory: Any, buffer: Any) -> Any:
    copy = ffi.new("char[]", len(memory))
    ffi.memmove(copy, memory, len(memory))
    _copied[id(copy)] = copy, buffer
    return copy


def copy_back(kept: Any) -> None:
    """Copy what the kernel has put into memory of its own, and forget that memory.

    A buffer that the program has resized or closed meanwhile is left alone.
    """
    if isinstance(kept, (tuple, list)):
        for each in kept:
            copy_back(each)
    elif id(kept) in _copied:
        copy, buffer = _copied.pop(id(kept))
        try:
            memoryview(buffer).cast("B")[:] = bytes(ffi.buffer(copy))
        except ValueError:
            pass


def readable(buffer: Buffer) -> Any:
    """Return the memory of a buffer that the kernel reads."""
    try:
        if COPIES and not isinstance(buffer, bytes):
            buffer = bytes(memoryview(buffer))
        return from_buffer(CHARS, buffer)
    except TypeError as error:
        raise unusable(buffer, error) from None


def in_place(buffer: Any) -> Any:
    """Return the memory of a writable buffer that the kernel uses for long.

    Raises TypeError where PyPy would move it.
    """
    if COPIES and not isinstance(buffer, mmap.mmap):
        raise TypeError(f"on PyPy this must be an mmap.mmap, which is not moved, not {type(buffer).__name__}")
    return from_buffer(CHARS, buffer, True)


def size_of(memory: Any) -> int:
    """Return how many bytes of memory one request may move."""
    size = len(memory)
    return size if size <= MOST_BYTES else MOST_BYTES


def offset_of(offset: int | None) -> int:
    """Return an offset for the kernel; None stands for the position of the file."""
    return POSITION if offset is None else integer(offset, 63, "offset")


def struct(content: bytes) -> Any:
    """Return the memory of a struct, which keeps it."""
    return from_buffer(CHARS, content)


def text(path: Path, name: str = "the path") -> Any:
    """Return the memory of a path, or of another text, with a NUL at its end."""
    return struct(fsencode(path, name) + b"\0")


def seconds_of(seconds: float) -> tuple[int, int]:
    """Return a number of seconds as seconds and nanoseconds.

    Raises TypeError for another type, ValueError for one that no clock reaches.
    """
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"seconds must be a number, not {type(seconds).__name__}")
    if not 0 <= seconds < 1 << 62:
        raise ValueError(f"seconds is {seconds}; it must be finite, and not negative")
    return divmod(math.ceil(seconds * _SECOND), _SECOND)


def span(seconds: float) -> Any:
    """Return the memory of a struct with a number of seconds, as of seconds_of()."""
    return struct(_TIME.pack(*seconds_of(seconds)))


def vector(memories: Sequence[Any]) -> Any:
    """Return the memory of a list of addresses and sizes (struct iovec).

    None is one without an address.
    """
    parts = ((0, 0) if memory is None else (address(memory), len(memory)) for memory in memories)
    return struct(b"".join(itertools.starmap(_IOVEC.pack, parts)))


def writables(buffers: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return buffers that the kernel fills, and their memory."""
    pairs = [writable(buffer) for buffer in buffers]
    return [buffer for buffer, _ in pairs], [memory for _, memory in pairs]


def readables(buffers: Iterable[Buffer]) -> list[Any]:
    """Return the memory of buffers that the kernel reads."""
    return [readable(buffer) for buffer in buffers]
