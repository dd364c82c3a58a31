"""The requests of a ring for messages of sockets."""

from __future__ import annotations

import array
import os
import socket
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import integer
from butter._constants.uring_ring import (
    IORING_OP_RECVMSG,
    IORING_OP_SENDMSG,
    IORING_OP_SENDMSG_ZC,
    IORING_RECV_MULTISHOT,
    IOSQE_BUFFER_SELECT,
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
from butter._uring_operations import ZERO_COPY_BIT, Completion, Operation, joined, sent
from butter._uring_provided import BufferGroup, group_number
from butter._uring_ring import Queue
from butter._uring_sockets import MSG_NOSIGNAL, transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Buffer

    from butter._uring_address import Address, SocketAddress
    from butter._uring_ring import AnyFile

# struct msghdr: the address, the buffers, the ancillary data, the flags
_MESSAGE, _ANCILLARY = Struct("@PI4xPNPNi4x"), Struct("@Nii")
# of struct io_uring_recvmsg_out: the sizes of the address, of the ancillary data and of
# the bytes, and the flags
_PROVIDED = Struct("=4I")
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


def _ancillary(control: bytearray | bytes, used: int) -> list[tuple[int, int, bytes]]:
    found, at = [], 0
    while at + _ANCILLARY.size <= min(used, len(control)):
        length, level, kind = _ANCILLARY.unpack_from(control, at)
        if length < _ANCILLARY.size:
            break
        found.append((level, kind, bytes(control[at + _ANCILLARY.size : at + length])))
        at += (length + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    return found


def _provided_message(room: int, completion: Completion) -> Received:
    """Return the message in a provided buffer, with *room* for ancillary data."""
    content = completion.buffer
    if isinstance(content, BufferGroup):
        return Received(b"", [], 0, None)
    length, used, _, flags = _PROVIDED.unpack_from(content)
    name_at, control_at = _PROVIDED.size, _PROVIDED.size + ADDRESS_SIZE
    name, control = content[name_at:control_at][:length], content[control_at : control_at + room]
    return Received(content[control_at + room :], _ancillary(control, used), flags, decode(name))


def _close_received(message: Callable[[Completion], Received], completion: Completion) -> None:
    """Close the descriptors that came with a message."""
    for level, kind, data in message(completion).ancdata:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            for fd in array.array("i", data[: len(data) // 4 * 4]):
                os.close(fd)


SENDMSG = Operation("sendmsg", IORING_OP_SENDMSG, SOCKETS)
SENDMSG_ZC = Operation("sendmsg", IORING_OP_SENDMSG_ZC, SOCKETS, sent, bits=ZERO_COPY_BIT)
RECVMSG = Operation("recvmsg", IORING_OP_RECVMSG, SOCKETS, _message, discard=partial(_close_received, _message))


def _recvmsg_multishot(room: int) -> Operation:
    """Return the kind of a request with so much *room* for ancillary data."""
    message = partial(_provided_message, room)
    discard = partial(_close_received, message)
    return Operation("recvmsg_multishot", IORING_OP_RECVMSG, SOCKETS, message, discard=discard)


def _packed(name: Any, parts: Any, count: int, control: Any) -> bytes:
    """Return a struct msghdr. An empty part has no address."""
    where = [address(memory) if len(memory) else 0 for memory in (name, parts, control)]
    return _MESSAGE.pack(where[0], len(name), where[1], count, where[2], len(control), 0)


def _control(ancillary: tuple[int, int, Buffer]) -> bytes:
    """Return ancillary data as the kernel has it (struct cmsghdr)."""
    try:
        level, kind, data = ancillary
    except (TypeError, ValueError):
        raise TypeError(f"ancillary data is a level, a type and bytes, not {ancillary!r}") from None
    content = memoryview(data).tobytes()
    numbers = integer(level, -32, "the level of ancillary data"), integer(kind, -32, "the type of ancillary data")
    packed = _ANCILLARY.pack(_ANCILLARY.size + len(content), *numbers) + content
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
        transfer_flags: int = 0,
        zero_copy: bool = False,
        flags: int = 0,
    ) -> int:
        """Send *buffers* as one message, with ancillary data, to an address.

        The arguments are those of :meth:`socket.socket.sendmsg`; *address* is as for
        ``bind``. *transfer_flags* are as for ``send``. With *zero_copy* there are two
        completions, as for ``send_zc`` (Linux 6.1).

        Linux 5.3, :manpage:`sendmsg(2)`.
        """
        buffers = list(buffers)
        memories = readables(buffers)
        parts = vector(memories)
        control = struct(b"".join(map(_control, ancdata)))
        name = struct(b"" if address is None else encode(address))
        head = struct(_packed(name, parts, len(memories), control))
        return self._queue(
            *(SENDMSG_ZC if zero_copy else SENDMSG, fd, head, 1, 0),
            integer(msg_flags, 31, "msg_flags") | MSG_NOSIGNAL,
            user_data=user_data,
            buffer=buffers,
            kept=(head, name, parts, memories, control),
            flags=flags,
            ioprio=transfer(transfer_flags),
        )

    def recvmsg(
        self,
        fd: AnyFile,
        buffers: Iterable[Buffer | int],
        ancbufsize: int = 0,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Receive one message into *buffers*.

        The value of the completion is a Received. Each buffer is a writable one, or the
        size of a new one. *ancbufsize* is the room for ancillary data, as of
        :func:`socket.CMSG_SPACE`. The program closes descriptors that come with the
        message (``socket.SCM_RIGHTS``). *transfer_flags* are as for ``recv``.

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
            ioprio=transfer(transfer_flags),
        )

    def recvmsg_multishot(
        self,
        fd: AnyFile,
        buffer: BufferGroup,
        ancbufsize: int = 0,
        user_data: Any = None,
        *,
        msg_flags: int = 0,
        transfer_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Receive message after message, each into a provided buffer.

        There is a completion for each message (``more``), as for ``recv``, whose value
        is a Received. A buffer has room for 16 bytes, an address (128 bytes),
        *ancbufsize*, and the bytes of the message, which is cut off
        (``socket.MSG_TRUNC``) where it is longer. A group whose buffers are too small
        for the first three makes the request fail with InvalidArgument (EFAULT). A
        group that is used in pieces cannot have messages, and raises ValueError.

        Linux 6.0, :manpage:`recvmsg(2)`.
        """
        number = group_number(buffer, self._ring)
        if buffer.pieces:
            raise ValueError("the rest of a buffer that is used in pieces may be too small for a message")
        room = integer(ancbufsize, 31, "ancbufsize")
        head = struct(_MESSAGE.pack(0, ADDRESS_SIZE, 0, 0, 0, room, 0))
        return self._queue(
            *(_recvmsg_multishot(room), fd, head, 1, 0, integer(msg_flags, 31, "msg_flags")),
            user_data=user_data,
            buffer=buffer,
            kept=head,
            flags=flags,
            more_flags=IOSQE_BUFFER_SELECT,
            ioprio=transfer(transfer_flags) | IORING_RECV_MULTISHOT,
            buf_index=number,
        )
