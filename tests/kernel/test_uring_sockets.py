"""The requests of a ring for sockets, each made for real."""

import array
import errno
import itertools
import mmap
import os
import socket

import pytest
from features import LONG
from support import in_place, needs
from support.completions import done

from butter._uring_ring_c import lib
from butter.errors import InvalidArgument
from butter.uring import (
    IORING_NOTIF_USAGE_ZC_COPIED,
    IORING_SEND_ZC_REPORT_USAGE,
    IOSQE_IO_LINK,
    Received,
    Ring,
)

pytestmark = needs(kernel=(5, 6))


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def pair():
    first, second = socket.socketpair()
    with first, second:
        yield first, second


@needs(kernel=(6, 11))
@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0)), (socket.AF_UNIX, "path")]
)
def test_a_connection(ring, tmp_path, monkeypatch, family, address):
    """A server and its client are made, bound and connected by requests alone."""
    monkeypatch.chdir(tmp_path)
    ring.socket(family)
    server = socket.socket(fileno=done(ring))
    assert not server.get_inheritable()
    ring.bind(server, address, flags=IOSQE_IO_LINK)
    ring.listen(server)
    assert [done(ring), done(ring)] == [0, 0]
    ring.accept(server, "server")
    ring.socket(family, user_data="client")
    found = ring.wait(LONG)
    client = socket.socket(fileno=found.value)
    ring.connect(client, server.getsockname(), "connected")
    found = {completion.user_data: completion for completion in itertools.islice(ring, 2)}
    assert found["connected"].result == 0
    connection = socket.socket(fileno=found["server"].value)
    ring.send(client, b"hello")
    assert done(ring) == 5
    ring.recv(connection, 100)
    assert done(ring) == b"hello"
    ring.shutdown(client, socket.SHUT_WR)
    done(ring)
    ring.recv(connection, 100)
    assert done(ring) == b""
    for each in server, client, connection:
        each.close()


@needs(kernel=(5, 19))
def test_multishot_accept(ring, server):
    """One request accepts each connection, until it is cancelled."""
    request = ring.accept(server, "accept", multishot=True)
    ring.submit()
    for _ in range(3):
        with socket.create_connection(server.getsockname()):
            completion = ring.wait(LONG)
            assert completion.more
            os.close(completion.value)
    ring.cancel(request)
    found = {completion.user_data: completion for completion in itertools.islice(ring, 2)}
    assert found["accept"].error.errno == errno.ECANCELED


@needs(kernel=(5, 19))
@pytest.mark.parametrize("read", [True, False])
def test_connections_that_nothing_takes_are_closed(server, read):
    """A connection that was accepted, and not taken, is closed with the ring."""
    ring = Ring(8)
    ring.accept(server, multishot=True)
    ring.submit()
    with socket.create_connection(server.getsockname()) as client:
        client.settimeout(LONG)
        if read:
            while not ring.pending:
                ring._batch.extend(ring._read_events())
        ring.close()
        assert client.recv(1) == b""


@needs(kernel=(6, 0))
def test_multishot_receive(ring, pair):
    """One request receives each arrival into provided buffers, which come back."""
    group = ring.provide(2, 8)
    ring.recv(pair[0], group, multishot=True)
    ring.submit()
    for index in range(10):
        pair[1].send(b"word %d" % index)
        completion = ring.wait(LONG)
        assert (completion.value, completion.more) == (b"word %d" % index, True)
    pair[1].close()
    completion = ring.wait(LONG)
    assert (completion.value, completion.more) == (b"", False)


@needs(kernel=(6, 0))
def test_a_group_without_a_buffer(ring, pair):
    """Where all buffers are in use the request ends with an error."""
    group = ring.provide(1, 4)
    ring.recv(pair[0], group, multishot=True)
    ring.submit()
    pair[1].send(b"1234")
    pair[1].send(b"5678")
    found = ring.read_events()
    while found[-1].more:
        found += ring.read_events()
    assert found[0].value == b"1234"
    assert found[-1].error.errno == errno.ENOBUFS
    ring.recv(pair[0], group)
    assert done(ring) == b"5678"


def test_multishot_needs_a_group(ring, pair):
    """A multishot request with one buffer would write over what it has received."""
    with pytest.raises(ValueError, match="multishot needs a BufferGroup"):
        ring.recv(pair[0], 10, multishot=True)
    with pytest.raises(TypeError, match="must be a BufferGroup"):
        ring.read_multishot(pair[0], bytearray(3))


@in_place
@needs(kernel=(6, 2))
def test_send_without_a_copy(ring, server):
    """The buffer is in use until the notification, which is the last completion."""
    client = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    data = bytearray(b"x" * 100_000)
    ring.send_zc(client, data, "sent", transfer_flags=IORING_SEND_ZC_REPORT_USAGE)
    ring.submit()
    with pytest.raises(BufferError):
        data.clear()
    first = ring.wait(LONG)
    assert first.more
    assert not first.is_notification
    received = 0
    while received < first.value:
        received += len(connection.recv(1 << 20))
    last = ring.wait(LONG)
    assert last.is_notification
    assert not last.more
    assert last.user_data == "sent"
    # bytes to this very machine are copied when they arrive
    assert last.value in (0, IORING_NOTIF_USAGE_ZC_COPIED)
    assert last.error is None
    data.clear()
    client.close()
    connection.close()


@needs(kernel=(6, 2))
def test_a_notification_is_not_an_error(ring, server):
    """Its highest bit says that the kernel has copied: the result is negative then."""
    with socket.create_connection(server.getsockname()) as client:
        ring.send_zc(client, b"data", transfer_flags=IORING_SEND_ZC_REPORT_USAGE)
        first, last = itertools.islice(ring, 2)
    assert (first.value, first.error, last.error) == (4, None, None)
    copied = last._replace(result=-(1 << 31))
    assert (copied.error, copied.value) == (None, IORING_NOTIF_USAGE_ZC_COPIED)


@needs(kernel=(6, 1))
@pytest.mark.parametrize("call", ["send_zc", "sendmsg", "send_zc_fixed", "too many buffers"])
def test_send_without_a_copy_in_a_chain_that_breaks(ring, server, call):
    """Its cancellation has more, as the kernel sends a notification then, too."""
    ring.register_buffers([mmap.mmap(-1, mmap.PAGESIZE)])
    with socket.create_connection(server.getsockname()) as client:
        ring.pread(-1, 10, 0, user_data="fails", flags=IOSQE_IO_LINK)
        if call == "send_zc":
            ring.send_zc(client, b"never", "sent")
        elif call == "send_zc_fixed":
            ring.send_zc_fixed(client, 0, "sent")
        else:
            ring.sendmsg(client, [b"n"] * (1 if call == "sendmsg" else 2000), user_data="sent", zero_copy=True)
        fails, *found = itertools.islice(ring, 3)
    assert fails.user_data == "fails"
    assert [(event.user_data, event.result, event.more, event.is_notification) for event in found] == [
        ("sent", -errno.EMSGSIZE if call == "too many buffers" else -errno.ECANCELED, True, False),
        ("sent", 0, False, True),
    ]
    assert lib.butter_ring_in_flight(ring._ring) == 0
    assert ring._slots == {}


@pytest.mark.parametrize(
    ("ancillary", "error", "words"),
    [
        ((1, 2), TypeError, r"is a level, a type and bytes, not \(1, 2\)"),
        (7, TypeError, "is a level, a type and bytes, not 7"),
        (("a", 1, b""), TypeError, "the level of ancillary data must be an int"),
        ((1, 1 << 31, b""), ValueError, "the type of ancillary data is 2147483648"),
        ((1, 1, "text"), TypeError, r"bytes-like object|buffer interface"),
        ((1, 1, 5), TypeError, r"bytes-like object|buffer interface"),
    ],
)
def test_ancillary_data_that_cannot_be(ring, pair, ancillary, error, words):
    """Each is a level, a type and bytes; nothing is queued otherwise."""
    with pytest.raises(error, match=words):
        ring.sendmsg(pair[0], [b""], [ancillary])
    assert ring.in_flight == 0


def test_messages(ring, pair):
    """A message has several buffers, and takes descriptors along."""
    reading, writing = os.pipe()
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [writing]))
    ring.sendmsg(pair[0], [b"one", b"two"], [rights])
    assert done(ring) == 6
    os.close(writing)
    buffer = bytearray(4)
    ring.recvmsg(pair[1], [buffer, 10], socket.CMSG_SPACE(4))
    message = done(ring)
    assert isinstance(message, Received)
    assert message.data == b"onetwo"
    assert buffer == b"onet"
    ((level, kind, data),) = message.ancdata
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    (received,) = array.array("i", data)
    os.write(received, b"through")
    os.close(received)
    assert os.read(reading, 10) == b"through"
    os.close(reading)


def test_addresses_of_messages(ring):
    """A message of a datagram socket goes to an address, and tells of its sender."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as one, socket.socket(family, socket.SOCK_DGRAM) as other:
            one.bind((host, 0))
            other.bind((host, 0))
            ring.sendmsg(one, [b"datagram"], address=other.getsockname())
            assert done(ring) == 8
            ring.recvmsg(other, [4])
            message = done(ring)
            assert message[:2] == (b"data", [])
            assert message.flags & socket.MSG_TRUNC
            assert message.address == one.getsockname()


@needs(kernel=(6, 1))
def test_messages_without_a_copy(ring, server):
    """A message may be sent without a copy, too."""
    client = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    ring.sendmsg(client, [b"ab", b"cd"], zero_copy=True)
    first, last = ring.wait(LONG), ring.wait(LONG)
    assert (first.value, last.is_notification) == (4, True)
    assert connection.recv(10) == b"abcd"
    client.close()
    connection.close()


def test_descriptors_of_messages_that_nothing_takes(pair):
    """Descriptors of a message that was received, and not taken, are closed."""
    reading, writing = os.pipe()
    socket.send_fds(pair[0], [b"x"], [writing])
    os.close(writing)
    ring = Ring(2)
    ring.recvmsg(pair[1], [1], socket.CMSG_SPACE(4))
    ring.nop()
    ring.submit()
    ring.close()
    assert os.read(reading, 1) == b""
    os.close(reading)


@needs(kernel=(6, 16))
def test_pipe(ring):
    """A pipe is made, whose descriptors the program has, or the ring closes."""
    ring.pipe(os.O_NONBLOCK)
    reading, writing = done(ring)
    assert not os.get_blocking(reading)
    assert not os.get_inheritable(writing)
    os.write(writing, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    os.close(writing)
    before = os.listdir("/proc/self/fd")
    with Ring(2) as other:
        other.pipe()
        other.submit()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_broken_connection(ring, pair):
    """Sending to a closed connection is an error, and not a signal."""
    pair[1].close()
    ring.send(pair[0], b"x")
    with pytest.raises(BrokenPipeError, match="send: the other end is closed"):
        done(ring)


def test_not_a_socket(ring, pipe):
    """A descriptor of another kind is an error that says so."""
    ring.send(pipe[1], b"x")
    with pytest.raises(InvalidArgument, match="not that of a socket"):
        done(ring)


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        (("localhost", 1), ValueError, "not a numeric address"),
        (("127.0.0.1", 65536), ValueError, "the port is 65536"),
        (("127.0.0.1",), ValueError, "an address is"),
        ((5, 5), TypeError, "the host must be a str"),
        (5, TypeError, "a tuple or a path"),
        ("x" * 108, ValueError, "at most 107 bytes"),
        ("a\0b", ValueError, "null byte"),
    ],
)
def test_addresses(ring, address, error, words):
    """An address that cannot be one is refused before anything happens."""
    with pytest.raises(error, match=words):
        ring.connect(0, address)
    assert ring.in_flight == 0


def test_abstract_addresses(ring):
    """The address of a unix socket may be a name without a file."""
    name = b"\0butter %d" % os.getpid()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(name)
        server.listen()
        ring.connect(client, name)
        assert done(ring) == 0
        assert client.getpeername() == name
