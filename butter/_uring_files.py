"""The requests of a ring that read and write files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._arguments import fileno, integer
from butter._constants.uring_ring import (
    IORING_FSYNC_DATASYNC,
    IORING_OP_FADVISE,
    IORING_OP_FALLOCATE,
    IORING_OP_FSYNC,
    IORING_OP_FTRUNCATE,
    IORING_OP_MADVISE,
    IORING_OP_NOP,
    IORING_OP_READ,
    IORING_OP_READV,
    IORING_OP_SPLICE,
    IORING_OP_SYNC_FILE_RANGE,
    IORING_OP_TEE,
    IORING_OP_WRITE,
    IORING_OP_WRITEV,
    SPLICE_F_FD_IN_FIXED,
)
from butter._uring_memory import (
    MOST_BYTES,
    NULL,
    in_place,
    offset_of,
    pointer,
    readable,
    readables,
    vector,
    writable,
    writables,
)
from butter._uring_operation_errors import FILES
from butter._uring_operations import Operation, read_bytes, read_several
from butter._uring_ring import FixedFile, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from butter._uring_ring import AnyFile


NOP = Operation("nop", IORING_OP_NOP, FILES)
PREAD = Operation("pread", IORING_OP_READ, FILES, read_bytes)
PREADV = Operation("preadv", IORING_OP_READV, FILES, read_several)
PWRITE = Operation("pwrite", IORING_OP_WRITE, FILES)
PWRITEV = Operation("pwritev", IORING_OP_WRITEV, FILES)
FSYNC = Operation("fsync", IORING_OP_FSYNC, FILES)
SYNC_FILE_RANGE = Operation("sync_file_range", IORING_OP_SYNC_FILE_RANGE, FILES)
FALLOCATE = Operation("fallocate", IORING_OP_FALLOCATE, FILES)
FTRUNCATE = Operation("ftruncate", IORING_OP_FTRUNCATE, FILES)
FADVISE = Operation("fadvise", IORING_OP_FADVISE, FILES)
MADVISE = Operation("madvise", IORING_OP_MADVISE, FILES)
SPLICE = Operation("splice", IORING_OP_SPLICE, FILES)
TEE = Operation("tee", IORING_OP_TEE, FILES)


class Files(Queue):
    """The requests of a ring that read and write files.

    Each method queues a request, and returns its number.
    """

    def nop(self, user_data: Any = None, *, flags: int = 0) -> int:
        """Do nothing, and complete with 0 (Linux 5.1)."""
        return self._queue(NOP, -1, user_data=user_data, flags=flags)

    def pread(
        self,
        fd: AnyFile,
        buffer: Buffer | int,
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Read from *offset* of a file into *buffer*.

        An *offset* of None is the position of the file, or stands for a pipe or socket.
        *buffer* is a writable buffer, or the size of a new one. *rw_flags* are those of
        :manpage:`preadv2(2)`, as ``os.RWF_NOWAIT``. The value of the completion is the
        bytes that were read.

        Linux 5.6, :manpage:`pread(2)`.
        """
        buffer, memory = writable(buffer)
        return self._move(PREAD, fd, buffer, memory, offset, rw_flags, user_data, flags)

    def pwrite(
        self,
        fd: AnyFile,
        data: Buffer,
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Write *data* at *offset* of a file.

        An *offset* of None is the position of the file, or stands for a pipe or socket.
        *rw_flags* are those of :manpage:`pwritev2(2)`, as ``os.RWF_DSYNC``. The result
        of the completion is how many bytes were written.

        Linux 5.6, :manpage:`pwrite(2)`.
        """
        return self._move(PWRITE, fd, data, readable(data), offset, rw_flags, user_data, flags)

    def preadv(
        self,
        fd: AnyFile,
        buffers: Iterable[Buffer | int],
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Read into several *buffers*, one after the other.

        Each is a writable buffer, or the size of a new one. An *offset* of None is the
        position of the file. The value of the completion is the bytes that were read.

        Linux 5.1, :manpage:`preadv2(2)`.
        """
        filled, memories = writables(buffers)
        return self._move_several(PREADV, fd, memories, offset, rw_flags, user_data, filled, flags)

    def pwritev(
        self,
        fd: AnyFile,
        buffers: Iterable[Buffer],
        offset: int | None = None,
        user_data: Any = None,
        *,
        rw_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Write several *buffers*, one after the other.

        An *offset* of None is the position of the file.

        Linux 5.1, :manpage:`pwritev2(2)`.
        """
        buffers = list(buffers)
        return self._move_several(PWRITEV, fd, readables(buffers), offset, rw_flags, user_data, buffers, flags)

    def _move_several(
        self,
        operation: Operation,
        fd: AnyFile,
        memories: list[Any],
        offset: int | None,
        rw_flags: int,
        user_data: Any,
        buffers: list[Any],
        flags: int,
    ) -> int:
        list_of_them = vector(memories)
        return self._queue(
            *(operation, fd, list_of_them, len(memories), offset_of(offset), integer(rw_flags, 32, "rw_flags")),
            user_data=user_data,
            buffer=buffers,
            kept=(list_of_them, memories),
            flags=flags,
        )

    def fsync(self, fd: AnyFile, user_data: Any = None, *, datasync: bool = False, flags: int = 0) -> int:
        """Write a file to its disk, with *datasync* without times and the like.

        A ring may do this before the writes that are queued: link it to them, or drain.

        Linux 5.1, :manpage:`fsync(2)`.
        """
        op_flags = IORING_FSYNC_DATASYNC if datasync else 0
        return self._queue(FSYNC, fd, op_flags=op_flags, user_data=user_data, flags=flags)

    def sync_file_range(
        self, fd: AnyFile, offset: int, length: int, sync_flags: int, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Write a part of a file to its disk.

        Linux 5.2, :manpage:`sync_file_range(2)`.
        """
        where, length = integer(offset, 63, "offset"), integer(length, 32, "length")
        sync_flags = integer(sync_flags, 32, "sync_flags")
        return self._queue(SYNC_FILE_RANGE, fd, NULL, length, where, sync_flags, user_data=user_data, flags=flags)

    def fallocate(
        self, fd: AnyFile, mode: int, offset: int, length: int, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Allocate space of a file, or make a hole in it.

        Linux 5.6, :manpage:`fallocate(2)`.
        """
        amount, where = pointer(integer(length, 63, "length")), integer(offset, 63, "offset")
        return self._queue(FALLOCATE, fd, amount, integer(mode, 31, "mode"), where, user_data=user_data, flags=flags)

    def ftruncate(self, fd: AnyFile, length: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Change the size of a file.

        Linux 6.9, :manpage:`ftruncate(2)`.
        """
        return self._queue(FTRUNCATE, fd, offset=integer(length, 63, "length"), user_data=user_data, flags=flags)

    def fadvise(
        self, fd: AnyFile, offset: int, length: int, advice: int, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Say how a part of a file will be used.

        *advice* is as ``os.POSIX_FADV_RANDOM``.

        Linux 5.6, :manpage:`posix_fadvise(2)`.
        """
        where, length = integer(offset, 63, "offset"), integer(length, 32, "length")
        advice = integer(advice, 31, "advice")
        return self._queue(FADVISE, fd, NULL, length, where, advice, user_data=user_data, flags=flags)

    def madvise(self, memory: Buffer, advice: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Say how a mapping will be used; *advice* is as ``mmap.MADV_WILLNEED``.

        *memory* is an :class:`mmap.mmap`, or a part of one that begins at a page.

        Linux 5.6, :manpage:`madvise(2)`.
        """
        where = in_place(memory)
        size, advice = min(len(where), MOST_BYTES), integer(advice, 31, "advice")
        return self._queue(MADVISE, -1, where, size, 0, advice, user_data=user_data, kept=where, flags=flags)

    def splice(
        self,
        source: AnyFile,
        target: AnyFile,
        length: int,
        offset_source: int | None = None,
        offset_target: int | None = None,
        user_data: Any = None,
        *,
        splice_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Move at most *length* bytes, of which the source or the target is a pipe.

        An offset of None is the position of the file, or stands for a pipe.

        Linux 5.7, :manpage:`splice(2)`.
        """
        number, splice_flags = _splice_source(source, splice_flags)
        return self._queue(
            SPLICE,
            target,
            pointer(offset_of(offset_source)),
            integer(length, 32, "length"),
            offset_of(offset_target),
            splice_flags,
            user_data=user_data,
            kept=source,
            flags=flags,
            file_index=number,
        )

    def tee(
        self,
        source: AnyFile,
        target: AnyFile,
        length: int,
        user_data: Any = None,
        *,
        splice_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Copy at most *length* bytes from a pipe to a pipe, and leave them there.

        Linux 5.8, :manpage:`tee(2)`.
        """
        number, splice_flags = _splice_source(source, splice_flags)
        length = integer(length, 32, "length")
        return self._queue(
            *(TEE, target, NULL, length, 0, splice_flags),
            user_data=user_data,
            kept=source,
            flags=flags,
            file_index=number,
        )


def _splice_source(source: AnyFile, flags: int) -> tuple[int, int]:
    """Return the number of a source, and the flags, which say whether it is fixed."""
    flags = integer(flags, 32, "splice_flags")
    if isinstance(source, FixedFile):
        return source.index, flags | SPLICE_F_FD_IN_FIXED
    return fileno(source), flags
