"""The requests of a ring for extended attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_FGETXATTR,
    IORING_OP_FSETXATTR,
    IORING_OP_GETXATTR,
    IORING_OP_SETXATTR,
)
from butter._uring_memory import NULL, address, readable, size_of, text, writable
from butter._uring_operation_errors import PATHS
from butter._uring_operations import Operation, read_bytes
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor, Path

#: the largest value of an extended attribute
XATTR_SIZE = 65536

GETXATTR = Operation("getxattr", IORING_OP_GETXATTR, PATHS, read_bytes)
SETXATTR = Operation("setxattr", IORING_OP_SETXATTR, PATHS)
FGETXATTR = Operation("fgetxattr", IORING_OP_FGETXATTR, PATHS, read_bytes)
FSETXATTR = Operation("fsetxattr", IORING_OP_FSETXATTR, PATHS)


class Attributes(Queue):
    """The requests of a ring for extended attributes."""

    def getxattr(self, path: Path, name: Path, size: int = XATTR_SIZE, user_data: Any = None, *, flags: int = 0) -> int:
        """Get an extended attribute, which is the value of the completion.

        It has at most *size* bytes.

        Linux 5.19, :manpage:`getxattr(2)`.
        """
        where = text(path)
        found, memory = writable(integer(size, 31, "size"))
        return self._attribute(GETXATTR, 0, name, found, memory, len(memory), 0, user_data, flags, where)

    def fgetxattr(
        self, fd: FileDescriptor, name: Path, size: int = XATTR_SIZE, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Get an extended attribute of an open file, as ``getxattr`` does.

        Linux 5.19, :manpage:`fgetxattr(2)`.
        """
        found, memory = writable(integer(size, 31, "size"))
        return self._attribute(FGETXATTR, fd, name, found, memory, len(memory), 0, user_data, flags)

    def setxattr(
        self, path: Path, name: Path, value: Buffer, user_data: Any = None, *, xattr_flags: int = 0, flags: int = 0
    ) -> int:
        """Set an extended attribute; *xattr_flags* are as ``os.XATTR_CREATE``.

        Linux 5.19, :manpage:`setxattr(2)`.
        """
        where, memory, how = text(path), readable(value), integer(xattr_flags, 31, "xattr_flags")
        return self._attribute(SETXATTR, 0, name, value, memory, size_of(memory), how, user_data, flags, where)

    def fsetxattr(
        self,
        fd: FileDescriptor,
        name: Path,
        value: Buffer,
        user_data: Any = None,
        *,
        xattr_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Set an extended attribute of an open file, as ``setxattr`` does.

        Linux 5.19, :manpage:`fsetxattr(2)`.
        """
        memory, how = readable(value), integer(xattr_flags, 31, "xattr_flags")
        return self._attribute(FSETXATTR, fd, name, value, memory, size_of(memory), how, user_data, flags)

    def _attribute(
        self,
        operation: Operation,
        fd: FileDescriptor,
        name: Path,
        buffer: Any,
        memory: Any,
        size: int,
        how: int,
        user_data: Any,
        flags: int,
        where: Any = NULL,
    ) -> int:
        attribute = text(name, "the name of the attribute")
        return self._queue(
            *(operation, fd, attribute, size, address(memory), how),
            user_data=user_data,
            buffer=buffer,
            kept=(attribute, memory, where),
            flags=flags,
            addr3=address(where),
        )
