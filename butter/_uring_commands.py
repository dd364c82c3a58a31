"""The requests of a ring that are commands: of sockets, and of other files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_URING_CMD,
    SOCKET_URING_OP_GETSOCKOPT,
    SOCKET_URING_OP_SETSOCKOPT,
    SOCKET_URING_OP_SIOCINQ,
    SOCKET_URING_OP_SIOCOUTQ,
)
from butter._uring_memory import address, pointer, readable, size_of, writable
from butter._uring_operation_errors import SOCKETS
from butter._uring_operations import Operation, read_bytes
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from butter._uring_ring import AnyFile

COMMAND = Operation("command", IORING_OP_URING_CMD, SOCKETS)
UNREAD = Operation("unread", IORING_OP_URING_CMD, SOCKETS)
UNSENT = Operation("unsent", IORING_OP_URING_CMD, SOCKETS)
GETSOCKOPT = Operation("getsockopt", IORING_OP_URING_CMD, SOCKETS, read_bytes)
SETSOCKOPT = Operation("setsockopt", IORING_OP_URING_CMD, SOCKETS)


class Commands(Queue):
    """The requests of a ring that are commands: of sockets, and of other files."""

    def unread(self, fd: AnyFile, user_data: Any = None, *, flags: int = 0) -> int:
        """Ask how many bytes of an IP socket can be read, which is the result.

        Linux 6.7; ``SIOCINQ`` of :manpage:`tcp(7)`.
        """
        return self._queue(UNREAD, fd, offset=SOCKET_URING_OP_SIOCINQ, user_data=user_data, flags=flags)

    def unsent(self, fd: AnyFile, user_data: Any = None, *, flags: int = 0) -> int:
        """Ask how many bytes the other end of an IP socket does not have yet.

        They are the result of the completion: those that were not sent, and those of
        TCP that were not acknowledged.

        Linux 6.7; ``SIOCOUTQ`` of :manpage:`tcp(7)`.
        """
        return self._queue(UNSENT, fd, offset=SOCKET_URING_OP_SIOCOUTQ, user_data=user_data, flags=flags)

    def getsockopt(
        self, fd: AnyFile, level: int, option: int, size: int = 4, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Get an option of a socket, of at most *size* bytes.

        The value of the completion is its bytes, as of ``socket.getsockopt``
        with a size. The kernel has the *level* ``socket.SOL_SOCKET`` alone here, and
        refuses others with OSError (EOPNOTSUPP).

        Linux 6.7, :manpage:`getsockopt(2)`.
        """
        found, memory = writable(integer(size, 31, "size"))
        return self._option(
            GETSOCKOPT, SOCKET_URING_OP_GETSOCKOPT, fd, level, option, found, memory, len(memory), user_data, flags
        )

    def setsockopt(
        self, fd: AnyFile, level: int, option: int, value: int | Buffer, user_data: Any = None, *, flags: int = 0
    ) -> int:
        """Set an option of a socket; *value* is an int, or the bytes of a struct.

        Linux 6.7, :manpage:`setsockopt(2)`.
        """
        if isinstance(value, int):
            value = integer(value, -32, "value").to_bytes(4, sys.byteorder, signed=True)
        memory = readable(value)
        return self._option(
            SETSOCKOPT, SOCKET_URING_OP_SETSOCKOPT, fd, level, option, value, memory, size_of(memory), user_data, flags
        )

    def _option(
        self,
        operation: Operation,
        command: int,
        fd: AnyFile,
        level: int,
        option: int,
        buffer: Any,
        memory: Any,
        size: int,
        user_data: Any,
        flags: int,
    ) -> int:
        which = integer(level, 31, "level") | integer(option, 31, "option") << 32
        return self._queue(
            *(operation, fd, pointer(which), 0, command),
            user_data=user_data,
            buffer=buffer,
            kept=memory,
            flags=flags,
            file_index=size,
            addr3=address(memory),
        )

    def command(
        self,
        fd: AnyFile,
        op: int,
        where: int | Buffer = 0,
        length: int = 0,
        extra: int = 0,
        user_data: Any = None,
        *,
        command_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Give a command to the driver of a file, or to a socket.

        *op* is the number of the command. *where* is a number, or a writable buffer,
        whose address the driver gets and which the ring keeps; *length* and *extra* are
        numbers: the fields ``addr``, ``len`` and ``addr3`` of the request. The result
        of the completion means what the driver says. So ``BLOCK_URING_CMD_DISCARD``
        (0x1200) makes the *extra* bytes of a block device free from the offset *where*
        on (Linux 6.12).

        A driver that wants more than these 8 bytes (*extra*) of its own, as that of
        NVMe does, cannot be commanded in this way. Raises OSError (EOPNOTSUPP) from the
        completion where the file has no such command.

        Linux 5.19.
        """
        buffer = kept = None
        if isinstance(where, int):
            memory: Any = pointer(integer(where, 64, "where"))
        else:
            buffer, memory = writable(where)
            kept = memory
        return self._queue(
            *(COMMAND, fd, memory, integer(length, 32, "length"), integer(op, 32, "op")),
            integer(command_flags, 32, "command_flags"),
            user_data=user_data,
            buffer=buffer,
            kept=kept,
            flags=flags,
            addr3=integer(extra, 64, "extra"),
        )
