"""Sockets of all kinds."""

import contextlib
import ctypes
import os
import socket
import struct

from support.attacks.rows import add, attack, call
from support.needs import kernel, needs

SECCOMP, LANDLOCK, SCOPE = "seccomp", "landlock", "scope"
RAW = (needs("CAP_NET_RAW"),)
UPPER = 1 << 32

# family, type, protocol
SOCKETS = {
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
    "udp_v6": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "udp_with_flags": (socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 17),
    "udp_with_upper_half": (socket.AF_INET | UPPER, socket.SOCK_DGRAM | UPPER, UPPER),
    "udp_lite": (socket.AF_INET, socket.SOCK_DGRAM, 136),
    "raw": (socket.AF_INET, socket.SOCK_RAW, 1),
    "raw_v6": (socket.AF_INET6, socket.SOCK_RAW, 58),
    "ping": (socket.AF_INET, socket.SOCK_DGRAM, 1),
    "packet": (17, socket.SOCK_RAW, 0),
    "packet_of_old_type": (17, 10, 0),
    "netlink_route": (16, socket.SOCK_RAW, 0),
    "netlink_audit": (16, socket.SOCK_RAW, 9),
    "netlink_kobject_events": (16, socket.SOCK_DGRAM, 15),
    "netlink_diagnostics": (16, socket.SOCK_DGRAM, 4),
    "netlink_netfilter": (16, socket.SOCK_RAW, 12),
    "netlink_generic": (16, socket.SOCK_RAW, 16),
    "netlink_crypto": (16, socket.SOCK_RAW, 21),
    "vsock": (40, socket.SOCK_STREAM, 0),
    "algorithms": (38, socket.SOCK_SEQPACKET, 0),
    "bluetooth": (31, socket.SOCK_RAW, 1),
    "can": (29, socket.SOCK_RAW, 1),
    "xdp": (44, socket.SOCK_RAW, 0),
    "key": (15, socket.SOCK_RAW, 2),
    "tipc": (30, socket.SOCK_SEQPACKET, 0),
    "rds": (21, socket.SOCK_SEQPACKET, 0),
    "smc": (43, socket.SOCK_STREAM, 0),
    "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132),
    "multipath_tcp": (socket.AF_INET, socket.SOCK_STREAM, 262),
    "multipath_tcp_v6": (socket.AF_INET6, socket.SOCK_STREAM, 262),
    "kernel_connection_multiplexor": (41, socket.SOCK_DGRAM, 0),
    "qualcomm_router": (42, socket.SOCK_DGRAM, 0),
    "ppp": (24, socket.SOCK_STREAM, 0),
    "layer_2_tunnel": (socket.AF_INET, socket.SOCK_DGRAM, 115),
}


def has(numbers):
    """Whether this kernel has such sockets, for this user.

    A kernel without landlock has no sandbox, so it is not asked.
    """
    if kernel() < (5, 13):
        return False
    try:
        os.close(call("socket", *numbers))
    except OSError:
        return False
    return True


def opening(numbers):
    return lambda world: call("socket", *numbers)


# what this kernel lacks, test_calls_that_a_kernel_may_lack tries on the filters
for kind, numbers in SOCKETS.items():
    if has(numbers):
        add(f"{kind}_socket", SECCOMP, opening(numbers), sandbox="network")
for kind, numbers in ("tcp", (2, 1, 0)), ("tcp_v6", (10, 1, 6)), ("udp", (2, 2, 0)):
    add(f"{kind}_socket_without_network", SECCOMP, opening(numbers))


# TCP: the sandbox may connect to one port, and have another


def listening(family=socket.AF_INET):
    listener = socket.socket(family)
    listener.bind(("", 0))
    listener.listen()
    return listener


@attack(LANDLOCK, sandbox="network")
def connect_to_other_port(world):
    listener = listening()
    yield
    socket.socket().connect(("127.0.0.1", listener.getsockname()[1]))


@attack(LANDLOCK, sandbox="network")
def connect_to_other_port_v6(world):
    listener = listening(socket.AF_INET6)
    yield
    socket.socket(socket.AF_INET6).connect(("::1", listener.getsockname()[1]))


@attack(LANDLOCK, sandbox="network")
def connect_by_mapped_address(world):
    listener = listening()
    yield
    socket.socket(socket.AF_INET6).connect(("::ffff:127.0.0.1", listener.getsockname()[1]))


@attack(LANDLOCK, sandbox="network")
def connect_without_waiting(world):
    listener = listening()
    yield
    client = socket.socket()
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect(("127.0.0.1", listener.getsockname()[1]))
    client.setblocking(True)
    client.sendall(b"x")


@attack(LANDLOCK, sandbox="network")
def connect_again(world):
    """A socket is disconnected by AF_UNSPEC, and then connected elsewhere."""
    listener = listening()
    yield
    client = socket.socket()
    number = client.fileno()
    call("connect", number, struct.pack("=H14x", 0), 16)
    client.connect(("127.0.0.1", listener.getsockname()[1]))


@attack("seccomp", sandbox="network")
def connect_by_fast_open(world):
    """sendto with MSG_FASTOPEN connects, without a call of connect."""
    listener = listening()
    yield
    socket.socket().sendto(b"x", 0x20000000, ("127.0.0.1", listener.getsockname()[1]))
    listener.accept()


@attack("seccomp", sandbox="network")
def connect_by_fast_open_message(world):
    listener = listening()
    yield
    socket.socket().sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", listener.getsockname()[1]))
    listener.accept()


class Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint),
        ("parts", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


@attack("seccomp", sandbox="network")
def connect_by_fast_open_messages(world):
    listener = listening()
    yield
    address = ctypes.create_string_buffer(
        struct.pack("=H", 2) + struct.pack("!H4B8x", listener.getsockname()[1], 127, 0, 0, 1), 16
    )
    data = ctypes.create_string_buffer(b"x")
    part = (ctypes.c_size_t * 2)(ctypes.addressof(data), 1)
    message = Message(ctypes.addressof(address), 16, ctypes.addressof(part), 1)
    client = socket.socket()
    call("sendmmsg", client.fileno(), message, 1, 0x20000000)
    listener.accept()


@attack(LANDLOCK, sandbox="network")
def connect_by_fast_open_option(world):
    listener = listening()
    yield
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
    client.connect(("127.0.0.1", listener.getsockname()[1]))
    client.sendall(b"x")


def bind_to(family, address, port):
    return lambda world: socket.socket(family).bind((address, port))


add("bind_to_any_port", LANDLOCK, bind_to(socket.AF_INET, "", 0), sandbox="network")
add("bind_to_any_port_v6", LANDLOCK, bind_to(socket.AF_INET6, "::1", 0), sandbox="network")
add(
    "bind_to_low_port",
    LANDLOCK,
    bind_to(socket.AF_INET, "127.0.0.1", 17),
    sandbox="network",
    needs=(needs("CAP_NET_BIND_SERVICE"),),
)


@attack("seccomp", sandbox="client")
def listen_without_bind(world):
    """A socket that listens without an address gets a port of its own."""
    listener = socket.socket()
    listener.listen()
    assert listener.getsockname()[1]


@attack("seccomp")
def accept_on_inherited_listener(world):
    listener = listening()
    client = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
    yield
    listener.accept()
    client.close()


# sockets of this machine


def abstract(kind):
    def run(world):
        server = socket.socket(socket.AF_UNIX, kind)
        server.bind(f"\0butter-attack-{os.getpid()}")
        if kind != socket.SOCK_DGRAM:
            server.listen()
        yield
        client = socket.socket(socket.AF_UNIX, kind)
        client.connect(server.getsockname())
        client.send(b"x")

    return run


add("abstract_stream", SCOPE, abstract(socket.SOCK_STREAM), sandbox="network")
add("abstract_packets", SCOPE, abstract(socket.SOCK_SEQPACKET), sandbox="network")
add("abstract_datagrams", SCOPE, abstract(socket.SOCK_DGRAM), sandbox="network")


@attack(SCOPE, sandbox="network")
def abstract_datagram_without_connection(world):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(f"\0butter-attack-{os.getpid()}")
    yield
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", server.getsockname())


@attack(LANDLOCK, harms=True, sandbox="network")
def bind_unix_socket_outside(world):
    socket.socket(socket.AF_UNIX).bind(os.fspath(world.outside / "new"))


def unix_socket(world):
    """A server that listens outside, as those of containers and desktops do."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.fspath(world.top / "socket"))
    server.listen()
    yield
    socket.socket(socket.AF_UNIX).connect(server.getsockname())


add("unix_socket_outside", SECCOMP, unix_socket)
add("unix_socket_outside_with_network", SECCOMP, unix_socket, sandbox="network")


@attack(SECCOMP, sandbox="network")
def connect_by_multipath_tcp(world):
    """landlock looks at the sockets of TCP alone."""
    listener = listening()
    yield
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(("127.0.0.1", listener.getsockname()[1]))
    listener.accept()
