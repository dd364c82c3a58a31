"""The addresses of sockets, as the kernel has them."""

from __future__ import annotations

import os
import socket
from struct import Struct
from typing import TYPE_CHECKING, Any

from butter._arguments import integer

if TYPE_CHECKING:
    from typing import Union

    from butter._arguments import Path

    SocketAddress = Union[str, bytes, tuple[str, int], tuple[str, int, int, int], None]
    Address = Union[Path, tuple[str, int], tuple[str, int, int, int]]

#: the size of the largest address (struct sockaddr_storage)
ADDRESS_SIZE = 128

_FAMILY = Struct("=H")
# struct sockaddr_in, and the parts of struct sockaddr_in6, in the order of the network
_INET, _PORT_FLOW, _SCOPE = Struct("!H4s8x"), Struct("!HI16s"), Struct("=I")
_PATH_SIZE = 108


def encode(address: Address) -> bytes:
    """Return the bytes of an address.

    A pair of a host and a port, or the four of IPv6, is that of an IP socket; the host
    is a numeric address. A path, which may begin with a NUL, is that of a unix socket.

    Raises ValueError for another address, TypeError for another type.
    """
    if not isinstance(address, tuple):
        return _unix(address)
    if len(address) not in (2, 4):
        raise ValueError(f"an address is (host, port) or (host, port, flowinfo, scope_id), not {address!r}")
    host, port, *rest = address
    if not isinstance(host, str):
        raise TypeError(f"the host must be a str, not {type(host).__name__}")
    port = integer(port, 16, "the port")
    try:
        if rest or ":" in host:
            flow, scope = rest or (0, 0)
            packed = _PORT_FLOW.pack(port, integer(flow, 32, "flowinfo"), socket.inet_pton(socket.AF_INET6, host))
            return _FAMILY.pack(socket.AF_INET6) + packed + _SCOPE.pack(integer(scope, 32, "scope_id"))
        return _FAMILY.pack(socket.AF_INET) + _INET.pack(port, socket.inet_pton(socket.AF_INET, host or "0.0.0.0"))
    except OSError:
        raise ValueError(f"{host!r} is not a numeric address: look the name up with socket.getaddrinfo()") from None


def _unix(path: Any) -> bytes:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"an address must be a tuple or a path, not {type(path).__name__}")
    name = os.fsencode(path)
    if not name.startswith(b"\0"):
        if b"\0" in name:
            raise ValueError(f"embedded null byte in the path {name!r}")
        name += b"\0"
    if len(name) > _PATH_SIZE:
        raise ValueError(f"the path of a socket has at most {_PATH_SIZE - 1} bytes, not {len(name) - 1}")
    return _FAMILY.pack(socket.AF_UNIX) + name


def decode(address: bytes) -> SocketAddress:
    """Return the address in bytes of the kernel, as :mod:`socket` does.

    None for no address, and the bytes for one of another family.
    """
    if len(address) < _FAMILY.size:
        return None
    (family,) = _FAMILY.unpack_from(address)
    rest = address[_FAMILY.size :]
    if family == socket.AF_INET and len(rest) >= _INET.size:
        port, host = _INET.unpack_from(rest)
        return socket.inet_ntop(socket.AF_INET, host), port
    if family == socket.AF_INET6 and len(rest) >= _PORT_FLOW.size + _SCOPE.size:
        port, flow, host = _PORT_FLOW.unpack_from(rest)
        (scope,) = _SCOPE.unpack_from(rest, _PORT_FLOW.size)
        return socket.inet_ntop(socket.AF_INET6, host), port, flow, scope
    if family == socket.AF_UNIX:
        return rest if rest.startswith(b"\0") else os.fsdecode(rest.partition(b"\0")[0])
    return address
