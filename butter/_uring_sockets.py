"""The requests of a ring for sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from butter._arguments import CLOEXEC_DEFAULT, integer
from butter._constants.uring_ring import (
    IORING_ACCEPT_MULTISHOT,
    IORING_OP_ACCEPT,
    IORING_OP_BIND,
    IORING_OP_CONNECT,
    IORING_OP_LISTEN,
    IORING_OP_RECV,
    IORING_OP_SEND,
    IORING_OP_SEND_ZC,
    IORING_OP_SHUTDOWN,
    IORING_OP_SOCKET,
    IORING_RECV_MULTISHOT,
    IORING_RECVSEND_BUNDLE,
    IORING_RECVSEND_POLL_FIRST,
    IORING_SEND_ZC_REPORT_USAGE,
    IOSQE_BUFFER_SELECT,
    UringTransfer,
)
from butter._uring_address import encode
from butter._uring_memory import NULL, readable, size_of, struct, writable
from butter._uring_operation_errors import SOCKETS
from butter._uring_operations import ZERO_COPY_BIT, Operation, close_result, sent
from butter._uring_paths import slot_index
from butter._uring_provided import BufferGroup, group_number, provided_bytes
from butter._uring_ring import Queue

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from butter._uring_address import Address
    from butter._uring_ring import AnyFile

# the others are parameters, or would need another buffer than the request has
_TRANSFER = IORING_RECVSEND_POLL_FIRST | IORING_SEND_ZC_REPORT_USAGE
#: no SIGPIPE for a broken connection (PyPy does not have it)
MSG_NOSIGNAL = 0x4000


SOCKET = Operation("socket", IORING_OP_SOCKET, SOCKETS, discard=close_result)
SOCKET_SLOT = Operation("socket", IORING_OP_SOCKET, SOCKETS)
BIND = Operation("bind", IORING_OP_BIND, SOCKETS)
LISTEN = Operation("listen", IORING_OP_LISTEN, SOCKETS)
ACCEPT = Operation("accept", IORING_OP_ACCEPT, SOCKETS, discard=close_result)
ACCEPT_SLOT = Operation("accept", IORING_OP_ACCEPT, SOCKETS)
CONNECT = Operation("connect", IORING_OP_CONNECT, SOCKETS)
SEND = Operation("send", IORING_OP_SEND, SOCKETS)
SEND_ZC = Operation("send_zc", IORING_OP_SEND_ZC, SOCKETS, sent, bits=ZERO_COPY_BIT)
RECV = Operation("recv", IORING_OP_RECV, SOCKETS, provided_bytes)
RECV_BUNDLE = Operation("recv", IORING_OP_RECV, SOCKETS, provided_bytes, bundles=True)
SHUTDOWN = Operation("shutdown", IORING_OP_SHUTDOWN, SOCKETS)


def transfer(flags: int) -> int:
    """Return the *transfer_flags* of a caller, or raise ValueError."""
    if wrong := integer(flags, 16, "transfer_flags") & ~_TRANSFER:
        raise ValueError(f"transfer_flags may be {UringTransfer(_TRANSFER)}, not {UringTransfer(wrong)}")
    return flags


class Sockets(Queue):
    """The requests of a ring for sockets."""

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
        how: int = 0,
        closefd: bool = CLOEXEC_DEFAULT,
        slot: int | None = None,
        flags: int = 0,
    ) -> int:
        """Accept a connection; the value of the completion is its descriptor.

        ``socket.socket(fileno=...)`` takes it. With *multishot* each connection is a
        completion (``more``; Linux 5.19). *accept_flags* are as ``SOCK_NONBLOCK``.
        *how* is UringAccept's: ``IORING_ACCEPT_DONTWAIT`` completes with
        BlockingIOError where no connection is there (Linux 6.10). *slot* is as for
        ``open``.

        Linux 5.5, :manpage:`accept4(2)`.
        """
        accept_flags = integer(accept_flags, 31, "accept_flags")
        if closefd and slot is None:
            accept_flags |= socket.SOCK_CLOEXEC
        return self._queue(
            *(ACCEPT if slot is None else ACCEPT_SLOT, fd, NULL, 0, 0, accept_flags),
            user_data=user_data,
            flags=flags,
            ioprio=integer(how, 16, "how") | (IORING_ACCEPT_MULTISHOT if multishot else 0),
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

    def send(
        self,
        fd: AnyFile,
        data: Buffer,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Send bytes; the result of the completion is how many.

        *msg_flags* are as ``socket.MSG_WAITALL``; ``MSG_NOSIGNAL`` is added.
        *transfer_flags* are as ``IORING_RECVSEND_POLL_FIRST``.

        Linux 5.6, :manpage:`send(2)`.
        """
        return self._send(SEND, fd, data, user_data, msg_flags, flags, transfer_flags)

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
        buffer. *transfer_flags* are as ``IORING_SEND_ZC_REPORT_USAGE``: with that the
        value of the second is ``IORING_NOTIF_USAGE_ZC_COPIED`` where the kernel had to
        copy, and 0 otherwise.

        Do not queue it while a request with ``IOSQE_IO_DRAIN`` waits: on Linux 6.18
        neither begins, for as long as the ring is open. Bytes that the other side does
        not read keep the buffer: ``close`` waits for them, for 10 seconds at most.

        Linux 6.0.
        """
        return self._send(SEND_ZC, fd, data, user_data, msg_flags, flags, transfer_flags)

    def _send(
        self,
        operation: Operation,
        fd: AnyFile,
        data: Buffer,
        user_data: Any,
        msg_flags: int,
        flags: int,
        transfer_flags: int,
    ) -> int:
        memory = readable(data)
        return self._queue(
            *(operation, fd, memory, size_of(memory), 0, integer(msg_flags, 31, "msg_flags") | MSG_NOSIGNAL),
            user_data=user_data,
            buffer=data,
            kept=memory,
            flags=flags,
            ioprio=transfer(transfer_flags),
        )

    def recv(
        self,
        fd: AnyFile,
        buffer: Buffer | int | BufferGroup,
        user_data: Any = None,
        *,
        multishot: bool = False,
        bundle: bool = False,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Receive bytes into *buffer*; they are the value of the completion.

        *buffer* is a writable buffer, the size of a new one, or a BufferGroup; with
        that and *multishot* there is a completion for each arrival (``more``; Linux
        6.0), until the end of the stream, an error, or a group without a free buffer.
        With *bundle* one completion may have the bytes of several buffers of the group
        (Linux 6.10). *msg_flags* are as ``socket.MSG_WAITALL``, *transfer_flags* as
        ``IORING_RECVSEND_POLL_FIRST``.

        Linux 5.6, :manpage:`recv(2)`.
        """
        msg_flags, how = integer(msg_flags, 31, "msg_flags"), transfer(transfer_flags)
        if isinstance(buffer, BufferGroup):
            how |= IORING_RECV_MULTISHOT if multishot else 0
            if bundle:
                how |= IORING_RECVSEND_BUNDLE
                if buffer.pieces or msg_flags & socket.MSG_TRUNC:
                    raise ValueError("bundle cannot be together with MSG_TRUNC, or a group that is used in pieces")
            return self._queue(
                *(RECV_BUNDLE if bundle else RECV, fd, NULL, 0, 0, msg_flags),
                user_data=user_data,
                buffer=buffer,
                flags=flags,
                more_flags=IOSQE_BUFFER_SELECT,
                ioprio=how,
                buf_index=group_number(buffer, self._ring),
            )
        if multishot or bundle:
            name = "multishot" if multishot else "bundle"
            raise ValueError(f"{name} needs a BufferGroup, as Ring.provide() returns it")
        buffer, memory = writable(buffer)
        return self._queue(
            *(RECV, fd, memory, size_of(memory), 0, msg_flags),
            user_data=user_data,
            buffer=buffer,
            kept=memory,
            flags=flags,
            ioprio=how,
        )
