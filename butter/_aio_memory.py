"""The memory of buffers, which the kernel has until an operation is complete."""

# A bytearray that is resized moves, and the kernel would go on to write where it was.
# The view of a buffer that cffi makes is an export in Python's sense: as long as it
# lives, CPython refuses to resize, close or free the object (BufferError). PyPy does
# not refuse it. There the kernel gets memory that nothing else knows, and the bytes are
# copied before a write, and after a read.

from __future__ import annotations

import mmap
import sys
from typing import TYPE_CHECKING

from butter._aio_c import ffi
from butter._arguments import integer, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from typing_extensions import Buffer

# looked up once, as each operation needs them
_view_of: Callable[..., Any] = ffi.from_buffer
_cast, _release = ffi.cast, ffi.release
_CHARS, _ADDRESS = ffi.typeof("char[]"), ffi.typeof("uintptr_t")

#: whether the kernel gets copies
COPIED = sys.implementation.name == "pypy"


def aligned_buffer(size: int, alignment: int = mmap.PAGESIZE) -> memoryview:
    """A new buffer of *size* bytes whose address is a multiple of *alignment*.

    Both are ints, in bytes, and *alignment* is a power of 2. It is for files that are
    open with O_DIRECT, whose disk wants buffers, offsets and lengths that are multiples
    of its block: of 512 or 4,096 bytes. The bytes are zero at first. The memory is a
    shared mapping: a forked child sees what the kernel reads into it, and a fork while
    an operation is under way moves nothing (:manpage:`open(2)`).

    Raises ValueError for a *size* that is not positive, and for another *alignment*;
    OSError (ENOMEM) where the system does not have so much memory.
    """
    size, alignment = integer(size, 62, "size"), integer(alignment, 62, "alignment")
    if not size:
        raise ValueError("size is 0; it must be positive")
    if not alignment or alignment & (alignment - 1):
        raise ValueError(f"alignment is {alignment}; it must be a power of 2")
    # a mapping begins on a page
    more = alignment if alignment > mmap.PAGESIZE else 0
    whole = memoryview(mmap.mmap(-1, size + more))
    start = -_address(ffi.from_buffer("char[]", whole)) % alignment
    return whole[start : start + size]


def _address(view: Any) -> int:
    return int(ffi.cast("uintptr_t", view))


class Memory:
    """A buffer that the kernel may use until ``release()``."""

    __slots__ = ("_buffer", "_copy", "_view", "address", "length")

    def __init__(self, buffer: Buffer, writable: bool, copied: bool = COPIED) -> None:
        self._buffer = buffer
        self._copy: mmap.mmap | None = None
        if copied:
            self._copied(buffer, writable)
        else:
            try:
                self._view = view = _view_of(_CHARS, buffer, writable)
            except (TypeError, BufferError) as error:
                raise unusable(buffer, error) from None
            self.length = len(view)
        self.address = int(_cast(_ADDRESS, self._view))

    def _copied(self, buffer: Buffer, writable: bool) -> None:
        with memoryview(buffer) as given:
            if writable and given.readonly:
                raise BufferError(f"a buffer of type {type(buffer).__name__} cannot be written")
            self.length = given.nbytes
            copy = mmap.mmap(-1, self.length or 1)
            copy[: self.length] = given.tobytes()
            self._view = ffi.from_buffer("char[]", copy)
            self._copy = copy if writable else None

    def release(self, count: int) -> int:
        """Give the buffer back; *count* bytes were read into it and the next ones.

        Returns how many of them belong to the next ones. A second call changes nothing.
        """
        if self._copy is None:
            _release(self._view)
            return count - self.length
        own = min(count, self.length) if count > 0 else 0
        if own:
            with memoryview(self._buffer).cast("B") as target:
                # the program may have made it shorter
                some = min(own, len(target))
                target[:some] = self._copy[:some]
        return count - own


def vector(memory: Sequence[Memory]) -> tuple[Any, int, int]:
    """Return an array of ``struct iovec``, its address, and its length.

    The array has to be kept as long as the kernel may look at it.
    """
    made = ffi.new("struct iovec[]", [(ffi.cast("void *", each.address), each.length) for each in memory])
    return made, _address(made), len(memory)
