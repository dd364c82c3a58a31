"""The requests of a ring for messages of sockets."""

from __future__ import annotations

import array
import os
import socket
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_RECVMSG,
    IORING_OP_SENDMSG,
    IORING_OP_SENDMSG_ZC,
)
from butter._uring_address import ADDRESS_SIZE, decode, encode
from butter._uring_memory import (
    address,
    from_buffer,
    readables,
    struct,
    vector,
    writables,
)
from butter._uring_operation_errors import SOCKETS
from butter._uring_operations import ZERO_COPY_BIT, Completion, Operation, joined
from butter._uring_ring import Queue
from butter._uring_sockets import MSG_NOSIGNAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from butter._uring_address import Address, SocketAddress
    from butter._uring_ring import AnyFile

# struct msghdr: the address, the buffers, the ancillary data, the flags
_MESSAGE, _ANCILLARY = Struct("@PI4xPNPNi4x"), Struct("@Nii")
_ALIGNED = Struct("@N").size


class Received(NamedTuple):
    """A message that ``recvmsg`` has received: a named tuple.

    * ``data`` (bytes): its bytes
    * ``ancdata`` (list): ancillary data, each a tuple of level, type and bytes
    * ``flags`` (int): as ``socket.MSG_TRUNC``
    * ``address``: that of the sender, as of :mod:`socket`, or None

    It is the result of :meth:`socket.socket.recvmsg`.
    """

    data: bytes
    ancdata: list[tuple[int, int, bytes]]
    flags: int
    address: SocketAddress


class _Room(NamedTuple):
    """The room for a message: its struct msghdr, and what that points to."""

    head: bytearray
    name: bytearray
    control: bytearray
    buffers: list[Any]


def _message(completion: Completion) -> Received:
    room: _Room = completion.buffer
    _, length, _, _, _, used, flags = _MESSAGE.unpack_from(room.head)
    data = joined(room.buffers, completion.result)
    return Received(data, _ancillary(room.control, used), flags, decode(bytes(room.name[:length])))


def _ancillary(control: bytearray, used: int) -> list[tuple[int, int, bytes]]:
    found, at = [], 0
    while at + _ANCILLARY.size <= min(used, len(control)):
        length, level, kind = _ANCILLARY.unpack_from(control, at)
        if length < _ANCILLARY.size:
            break
        found.append((level, kind, bytes(control[at + _ANCILLARY.size : at + length])))
        at += (length + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    return found


def _close_received(completion: Completion) -> None:
    """Close the descriptors that came with a message."""
    for level, kind, data in _message(completion).ancdata:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            for fd in array.array("i", data[: len(data) // 4 * 4]):
                os.close(fd)


SENDMSG = Operation("sendmsg", IORING_OP_SENDMSG, SOCKETS)
SENDMSG_ZC = Operation("sendmsg_zc", IORING_OP_SENDMSG_ZC, SOCKETS, bits=ZERO_COPY_BIT)
RECVMSG = Operation("recvmsg", IORING_OP_RECVMSG, SOCKETS, _message, discard=_close_received)


def _packed(name: Any, parts: Any, count: int, control: Any) -> bytes:
    """Return a struct msghdr. An empty part has no address."""
    where = [address(memory) if len(memory) else 0 for memory in (name, parts, control)]
    return _MESSAGE.pack(where[0], len(name), where[1], count, where[2], len(control), 0)


def _control(level: int, kind: int, data: Buffer) -> bytes:
    """Return ancillary data as the kernel has it (struct cmsghdr)."""
    content = bytes(data)
    packed = _ANCILLARY.pack(_ANCILLARY.size + len(content), level, kind) + content
    return packed + bytes(-len(packed) % _ALIGNED)


class Messages(Queue):
    """The requests of a ring for messages of sockets."""

    def sendmsg(
        self,
        fd: AnyFile,
        buffers: Iterable[Buffer],
        ancdata: Iterable[tuple[int, int, Buffer]] = (),
        address: Address | None = None,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        zero_copy: bool = False,
        flags: int = 0,
    ) -> int:
        """Send *buffers* as one message, with ancillary data, to an address.

        The arguments are those of :meth:`socket.socket.sendmsg`; *address* is as for
        ``bind``. With *zero_copy* there are two completions, as for ``send_zc`` (Linux
        6.1).

        Linux 5.3, :manpage:`sendmsg(2)`.
        """
        buffers = list(buffers)
        memories = readables(buffers)
        parts = vector(memories)
        control = struct(b"".join(_control(*each) for each in ancdata))
        name = struct(b"" if address is None else encode(address))
        head = struct(_packed(name, parts, len(memories), control))
        return self._queue(
            *(SENDMSG_ZC if zero_copy else SENDMSG, fd, head, 1, 0),
            integer(msg_flags, 31, "msg_flags") | MSG_NOSIGNAL,
            user_data=user_data,
            buffer=buffers,
            kept=(head, name, parts, memories, control),
            flags=flags,
        )

    def recvmsg(
        self,
        fd: AnyFile,
        buffers: Iterable[Buffer | int],
        ancbufsize: int = 0,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Receive one message into *buffers*.

        The value of the completion is a Received. Each buffer is a writable one, or the
        size of a new one. *ancbufsize* is the room for ancillary data, as of
        :func:`socket.CMSG_SPACE`. The program closes descriptors that come with the
        message (``socket.SCM_RIGHTS``).

        Linux 5.3, :manpage:`recvmsg(2)`.
        """
        filled, memories = writables(buffers)
        parts = vector(memories)
        control, name = bytearray(integer(ancbufsize, 31, "ancbufsize")), bytearray(ADDRESS_SIZE)
        control_memory, name_memory = from_buffer("char[]", control, True), from_buffer("char[]", name, True)
        head = bytearray(_packed(name_memory, parts, len(memories), control_memory))
        memory = from_buffer("char[]", head, True)
        return self._queue(
            *(RECVMSG, fd, memory, 1, 0, integer(msg_flags, 31, "msg_flags")),
            user_data=user_data,
            buffer=_Room(head, name, control, filled),
            kept=(parts, memories, memory, name_memory, control_memory),
            flags=flags,
        )
