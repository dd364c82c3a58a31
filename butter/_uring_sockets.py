"""The requests of a ring for sockets."""

from __future__ import annotations

import array
import os
import socket
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, integer
from butter._constants.uring_ring import (
    IORING_ACCEPT_MULTISHOT,
    IORING_OP_ACCEPT,
    IORING_OP_BIND,
    IORING_OP_CONNECT,
    IORING_OP_LISTEN,
    IORING_OP_PIPE,
    IORING_OP_READ_MULTISHOT,
    IORING_OP_RECV,
    IORING_OP_SEND,
    IORING_OP_SEND_ZC,
    IORING_OP_SHUTDOWN,
    IORING_OP_SOCKET,
    IORING_RECV_MULTISHOT,
    IOSQE_BUFFER_SELECT,
)
from butter._uring_address import encode
from butter._uring_memory import NULL, POSITION, readable, size_of, struct, writable
from butter._uring_operation_errors import FILES, SOCKETS
from butter._uring_operations import ZERO_COPY_BIT, Completion, Operation, close_result, read_bytes
from butter._uring_paths import slot_index
from butter._uring_provided import BufferGroup
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from butter._uring_address import Address
    from butter._uring_ring import AnyFile

#: no SIGPIPE for a broken connection (PyPy does not have it)
MSG_NOSIGNAL = 0x4000


def _ends(completion: Completion) -> tuple[int, int]:
    reading, writing = array.array("i", bytes(completion.buffer))
    return reading, writing


def _close_ends(completion: Completion) -> None:
    for fd in _ends(completion):
        os.close(fd)


def _provided(completion: Completion) -> Any:
    """Return the bytes that came in a provided buffer, or in that of the request."""
    content = completion.buffer
    if isinstance(content, BufferGroup):
        return b""  # the end of a stream needs no buffer
    return read_bytes(completion)


SOCKET = Operation("socket", IORING_OP_SOCKET, SOCKETS, discard=close_result)
SOCKET_SLOT = Operation("socket", IORING_OP_SOCKET, SOCKETS)
BIND = Operation("bind", IORING_OP_BIND, SOCKETS)
LISTEN = Operation("listen", IORING_OP_LISTEN, SOCKETS)
ACCEPT = Operation("accept", IORING_OP_ACCEPT, SOCKETS, discard=close_result)
ACCEPT_SLOT = Operation("accept", IORING_OP_ACCEPT, SOCKETS)
CONNECT = Operation("connect", IORING_OP_CONNECT, SOCKETS)
SEND = Operation("send", IORING_OP_SEND, SOCKETS)
SEND_ZC = Operation("send_zc", IORING_OP_SEND_ZC, SOCKETS, bits=ZERO_COPY_BIT)
RECV = Operation("recv", IORING_OP_RECV, SOCKETS, _provided)
READ_MULTISHOT = Operation("read_multishot", IORING_OP_READ_MULTISHOT, FILES, _provided)
SHUTDOWN = Operation("shutdown", IORING_OP_SHUTDOWN, SOCKETS)
PIPE = Operation("pipe", IORING_OP_PIPE, SOCKETS, _ends, discard=_close_ends)


class Sockets(Queue):
    """The requests of a ring for sockets, and pipes."""

    def socket(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,
        proto: int = 0,
        user_data: Any = None,
        *,
        closefd: bool = CLOEXEC_DEFAULT,
        slot: int | None = None,
        flags: int = 0,
    ) -> int:
        """Make a socket; the value of the completion is its descriptor.

        ``socket.socket(fileno=...)`` takes it. *slot* is as for ``open``.

        Linux 5.19, :manpage:`socket(2)`.
        """
        family, type = integer(family, 31, "family"), integer(type, 31, "type")
        if closefd and slot is None:
            type |= socket.SOCK_CLOEXEC
        return self._queue(
            *(SOCKET if slot is None else SOCKET_SLOT, family, NULL, integer(proto, 31, "proto"), type),
            user_data=user_data,
            flags=flags,
            file_index=slot_index(slot),
        )

    def bind(self, fd: AnyFile, address: Address, user_data: Any = None, *, flags: int = 0) -> int:
        """Give an address to a socket.

        An address is (host, port), with a numeric host, the four values of IPv6, or the
        path of a unix socket.

        Linux 6.11, :manpage:`bind(2)`.
        """
        memory = struct(encode(address))
        return self._queue(BIND, fd, memory, 0, len(memory), user_data=user_data, kept=memory, flags=flags)

    def listen(self, fd: AnyFile, backlog: int = 128, user_data: Any = None, *, flags: int = 0) -> int:
        """Have a socket take connections.

        Linux 6.11, :manpage:`listen(2)`.
        """
        return self._queue(LISTEN, fd, NULL, integer(backlog, 31, "backlog"), user_data=user_data, flags=flags)

    def accept(
        self,
        fd: AnyFile,
        user_data: Any = None,
        *,
        multishot: bool = False,
        accept_flags: int = 0,
        closefd: bool = CLOEXEC_DEFAULT,
        slot: int | None = None,
        flags: int = 0,
    ) -> int:
        """Accept a connection; the value of the completion is its descriptor.

        ``socket.socket(fileno=...)`` takes it. With *multishot* each connection is a
        completion (``more``; Linux 5.19). *accept_flags* are as ``SOCK_NONBLOCK``.
        *slot* is as for ``open``.

        Linux 5.5, :manpage:`accept4(2)`.
        """
        accept_flags = integer(accept_flags, 31, "accept_flags")
        if closefd and slot is None:
            accept_flags |= socket.SOCK_CLOEXEC
        return self._queue(
            *(ACCEPT if slot is None else ACCEPT_SLOT, fd, NULL, 0, 0, accept_flags),
            user_data=user_data,
            flags=flags,
            ioprio=IORING_ACCEPT_MULTISHOT if multishot else 0,
            file_index=slot_index(slot),
        )

    def connect(self, fd: AnyFile, address: Address, user_data: Any = None, *, flags: int = 0) -> int:
        """Connect a socket to an address, which is as for ``bind``.

        Linux 5.5, :manpage:`connect(2)`.
        """
        memory = struct(encode(address))
        return self._queue(CONNECT, fd, memory, 0, len(memory), user_data=user_data, kept=memory, flags=flags)

    def shutdown(self, fd: AnyFile, how: int, user_data: Any = None, *, flags: int = 0) -> int:
        """End a direction of a connection; *how* is as ``socket.SHUT_WR``.

        Linux 5.11, :manpage:`shutdown(2)`.
        """
        return self._queue(SHUTDOWN, fd, NULL, integer(how, 31, "how"), user_data=user_data, flags=flags)

    def send(self, fd: AnyFile, data: Buffer, user_data: Any = None, *, msg_flags: int = 0, flags: int = 0) -> int:
        """Send bytes; the result of the completion is how many.

        *msg_flags* are as ``socket.MSG_WAITALL``; ``MSG_NOSIGNAL`` is added.

        Linux 5.6, :manpage:`send(2)`.
        """
        return self._send(SEND, fd, data, user_data, msg_flags, flags, 0)

    def send_zc(
        self,
        fd: AnyFile,
        data: Buffer,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Send bytes from where they are, without copying them.

        There are two completions: the first, with ``more``, says how many bytes were
        sent, and the second (``is_notification``) that the kernel no longer uses the
        buffer. *transfer_flags* are as ``IORING_SEND_ZC_REPORT_USAGE``.

        Linux 6.0.
        """
        return self._send(SEND_ZC, fd, data, user_data, msg_flags, flags, integer(transfer_flags, 16, "transfer_flags"))

    def _send(
        self, operation: Operation, fd: AnyFile, data: Buffer, user_data: Any, msg_flags: int, flags: int, ioprio: int
    ) -> int:
        memory = readable(data)
        return self._queue(
            *(operation, fd, memory, size_of(memory), 0, integer(msg_flags, 31, "msg_flags") | MSG_NOSIGNAL),
            user_data=user_data,
            buffer=data,
            kept=memory,
            flags=flags,
            ioprio=ioprio,
        )

    def recv(
        self,
        fd: AnyFile,
        buffer: Buffer | int | BufferGroup,
        user_data: Any = None,
        *,
        multishot: bool = False,
        msg_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Receive bytes into *buffer*; they are the value of the completion.

        *buffer* is a writable buffer, the size of a new one, or a BufferGroup; with
        that and *multishot* there is a completion for each arrival (``more``; Linux
        6.0), until the end of the stream, an error, or a group without a free buffer.
        *msg_flags* are as ``socket.MSG_WAITALL``.

        Linux 5.6, :manpage:`recv(2)`.
        """
        msg_flags = integer(msg_flags, 31, "msg_flags")
        if isinstance(buffer, BufferGroup):
            return self._queue(
                *(RECV, fd, NULL, 0, 0, msg_flags),
                user_data=user_data,
                buffer=buffer,
                flags=flags,
                more_flags=IOSQE_BUFFER_SELECT,
                ioprio=IORING_RECV_MULTISHOT if multishot else 0,
                buf_index=buffer.number,
            )
        if multishot:
            raise ValueError("multishot needs a BufferGroup, as Ring.provide() returns it")
        buffer, memory = writable(buffer)
        return self._queue(
            *(RECV, fd, memory, size_of(memory), 0, msg_flags),
            user_data=user_data,
            buffer=buffer,
            kept=memory,
            flags=flags,
        )

    def read_multishot(self, fd: AnyFile, buffer: BufferGroup, user_data: Any = None, *, flags: int = 0) -> int:
        """Read from a pipe or the like, again and again, into provided buffers.

        There is a completion for each arrival (``more``), as for ``recv``.

        Linux 6.7.
        """
        if not isinstance(buffer, BufferGroup):
            raise TypeError(f"buffer must be a BufferGroup, as Ring.provide() returns it, not {type(buffer).__name__}")
        return self._queue(
            *(READ_MULTISHOT, fd, NULL, 0, POSITION),
            user_data=user_data,
            buffer=buffer,
            flags=flags,
            more_flags=IOSQE_BUFFER_SELECT,
            buf_index=buffer.number,
        )

    def pipe(
        self, pipe_flags: int = 0, user_data: Any = None, *, closefd: bool = CLOEXEC_DEFAULT, flags: int = 0
    ) -> int:
        """Make a pipe; the value of the completion is its two descriptors.

        *pipe_flags* are as ``os.O_NONBLOCK``.

        Linux 6.16, :manpage:`pipe2(2)`.
        """
        found, memory = writable(8)
        pipe_flags = integer(pipe_flags, 31, "pipe_flags") | (os.O_CLOEXEC if closefd else 0)
        return self._queue(
            *(PIPE, 0, memory, 0, 0, pipe_flags), user_data=user_data, buffer=found, kept=memory, flags=flags
        )
