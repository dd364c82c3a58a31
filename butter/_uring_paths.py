"""The requests of a ring that look paths up, open and close."""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.uring_ring import (
    IORING_FILE_INDEX_ALLOC,
    IORING_OP_CLOSE,
    IORING_OP_LINKAT,
    IORING_OP_MKDIRAT,
    IORING_OP_OPENAT2,
    IORING_OP_RENAMEAT,
    IORING_OP_STATX,
    IORING_OP_SYMLINKAT,
    IORING_OP_UNLINKAT,
)
from butter._uring_memory import address, struct, text, writable
from butter._uring_operation_errors import PATHS
from butter._uring_operations import Operation, close_result
from butter._uring_ring import FixedFile, Queue
from butter._uring_stat import stat_of

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor, Path
    from butter._uring_ring import AnyFile

#: a directory that stands for the current one
AT_FDCWD = -100
#: of *slot*: the kernel chooses a free one
ANY_SLOT = -1

_STATX_BASIC = 0x7FF
# of O_TMPFILE, which PyPy does not have, without O_DIRECTORY
_O_TMPFILE = 0o20000000
_OPEN_HOW = Struct("=QQQ")


def slot_index(slot: int | None) -> int:
    """Return a slot of the registered files as requests have it."""
    if slot is None:
        return 0
    if slot == ANY_SLOT:
        return IORING_FILE_INDEX_ALLOC - (1 << 32)
    return integer(slot, 31, "slot") + 1


OPEN = Operation("open", IORING_OP_OPENAT2, PATHS, discard=close_result)
#: a request that opens a registered file, which does not have a descriptor
OPEN_SLOT = Operation("open", IORING_OP_OPENAT2, PATHS)
CLOSE = Operation("close_fd", IORING_OP_CLOSE, PATHS)
STATX = Operation("statx", IORING_OP_STATX, PATHS, stat_of)
RENAME = Operation("rename", IORING_OP_RENAMEAT, PATHS)
UNLINK = Operation("unlink", IORING_OP_UNLINKAT, PATHS)
MKDIR = Operation("mkdir", IORING_OP_MKDIRAT, PATHS)
SYMLINK = Operation("symlink", IORING_OP_SYMLINKAT, PATHS)
LINK = Operation("link", IORING_OP_LINKAT, PATHS)


class Paths(Queue):
    """The requests of a ring that look paths up, open and close.

    Each path begins at a directory, by default the current one.
    """

    def open(
        self,
        path: Path,
        open_flags: int = os.O_RDONLY,
        mode: int = 0o666,
        user_data: Any = None,
        *,
        dir_fd: FileDescriptor = AT_FDCWD,
        resolve: int = 0,
        closefd: bool = CLOEXEC_DEFAULT,
        slot: int | None = None,
        flags: int = 0,
    ) -> int:
        """Open a file; the value of the completion is its descriptor.

        *open_flags* are those of :func:`os.open`, to which *closefd* adds
        ``O_CLOEXEC``. *mode* is that of a new file, from which the umask of the process
        is taken. *resolve* restricts the path: it is UringResolve's, as
        ``RESOLVE_BENEATH``. With a *slot* the file is registered there instead, and
        with ANY_SLOT in one that the kernel chooses, whose number is the result (Linux
        5.15, 5.19).

        Linux 5.6, :manpage:`openat2(2)`.
        """
        name = text(path)
        open_flags = integer(open_flags, 32, "open_flags")
        if closefd and slot is None:
            open_flags |= os.O_CLOEXEC
        creates = open_flags & os.O_CREAT or open_flags & _O_TMPFILE
        how = struct(
            _OPEN_HOW.pack(open_flags, integer(mode, 12, "mode") if creates else 0, integer(resolve, 64, "resolve"))
        )
        return self._queue(
            *(OPEN if slot is None else OPEN_SLOT, dir_fd, name, _OPEN_HOW.size, address(how)),
            user_data=user_data,
            kept=(name, how),
            flags=flags,
            file_index=slot_index(slot),
        )

    def close_fd(self, fd: AnyFile, user_data: Any = None, *, flags: int = 0) -> int:
        """Close a descriptor, or a registered file.

        The number of a descriptor must not be used any more, as after ``os.close``.

        Linux 5.6, :manpage:`close(2)`.
        """
        if isinstance(fd, FixedFile):
            return self._queue(CLOSE, 0, user_data=user_data, flags=flags, file_index=fd.index + 1)
        return self._queue(CLOSE, fd, user_data=user_data, flags=flags)

    def statx(
        self,
        path: Path,
        user_data: Any = None,
        *,
        dir_fd: FileDescriptor = AT_FDCWD,
        at_flags: int = 0,
        mask: int = _STATX_BASIC,
        flags: int = 0,
    ) -> int:
        """Look at a file; the value of the completion is a Stat.

        *at_flags* are as ``AT_SYMLINK_NOFOLLOW`` and ``AT_EMPTY_PATH`` of
        :mod:`butter.system`. *mask* is what is asked for (``STATX_BASIC_STATS``).

        Linux 5.6, :manpage:`statx(2)`.
        """
        name, (found, memory) = text(path), writable(256)
        at_flags, mask = integer(at_flags, 32, "at_flags"), integer(mask, 32, "mask")
        return self._queue(
            *(STATX, dir_fd, name, mask, address(memory), at_flags),
            user_data=user_data,
            buffer=found,
            kept=(name, memory),
            flags=flags,
        )

    def rename(
        self,
        source: Path,
        target: Path,
        user_data: Any = None,
        *,
        src_dir_fd: FileDescriptor = AT_FDCWD,
        dst_dir_fd: FileDescriptor = AT_FDCWD,
        rename_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Rename a file; *rename_flags* are as ``RENAME_NOREPLACE`` (1).

        Linux 5.11, :manpage:`renameat2(2)`.
        """
        return self._two_paths(
            RENAME, source, target, src_dir_fd, dst_dir_fd, integer(rename_flags, 32, "rename_flags"), user_data, flags
        )

    def link(
        self,
        source: Path,
        target: Path,
        user_data: Any = None,
        *,
        src_dir_fd: FileDescriptor = AT_FDCWD,
        dst_dir_fd: FileDescriptor = AT_FDCWD,
        at_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Make a hard link *target* to *source*.

        Linux 5.15, :manpage:`linkat(2)`.
        """
        return self._two_paths(
            LINK, source, target, src_dir_fd, dst_dir_fd, integer(at_flags, 32, "at_flags"), user_data, flags
        )

    def _two_paths(
        self,
        operation: Operation,
        source: Path,
        target: Path,
        src_dir_fd: FileDescriptor,
        dst_dir_fd: FileDescriptor,
        op_flags: int,
        user_data: Any,
        flags: int,
    ) -> int:
        old, new = text(source), text(target)
        return self._queue(
            *(operation, src_dir_fd, old, fileno(dst_dir_fd) & 0xFFFFFFFF, address(new), op_flags),
            user_data=user_data,
            kept=(old, new, dst_dir_fd),
            flags=flags,
        )

    def unlink(
        self,
        path: Path,
        user_data: Any = None,
        *,
        dir_fd: FileDescriptor = AT_FDCWD,
        directory: bool = False,
        flags: int = 0,
    ) -> int:
        """Remove a name, or with *directory* an empty directory.

        Linux 5.11, :manpage:`unlinkat(2)`.
        """
        name = text(path)
        how = 0x200 if directory else 0  # AT_REMOVEDIR
        return self._queue(UNLINK, dir_fd, name, op_flags=how, user_data=user_data, kept=name, flags=flags)

    def mkdir(
        self,
        path: Path,
        mode: int = 0o777,
        user_data: Any = None,
        *,
        dir_fd: FileDescriptor = AT_FDCWD,
        flags: int = 0,
    ) -> int:
        """Make a directory.

        Linux 5.15, :manpage:`mkdirat(2)`.
        """
        name = text(path)
        return self._queue(
            *(MKDIR, dir_fd, name, integer(mode, 12, "mode")), user_data=user_data, kept=name, flags=flags
        )

    def symlink(
        self,
        content: Path,
        path: Path,
        user_data: Any = None,
        *,
        dir_fd: FileDescriptor = AT_FDCWD,
        flags: int = 0,
    ) -> int:
        """Make a symbolic link at *path*, which leads to *content*.

        Linux 5.15, :manpage:`symlinkat(2)`.
        """
        old, new = text(content, "the content of the link"), text(path)
        return self._queue(*(SYMLINK, dir_fd, old, 0, address(new)), user_data=user_data, kept=(old, new), flags=flags)
