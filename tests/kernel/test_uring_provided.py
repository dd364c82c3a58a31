"""Groups of provided buffers: bundles, buffers used in pieces, messages."""

import array
import errno
import os
import socket
import threading
import time

import pytest
from features import LONG
from support import kernel, needs

from butter.errors import InvalidArgument
from butter.uring import IORING_CQE_F_BUF_MORE, Received, Ring

pytestmark = needs(kernel=(6, 0))
pieces = needs(kernel=(6, 12))


@pytest.fixture
def pair():
    first, second = socket.socketpair()
    with first, second:
        yield first, second


@pytest.fixture
def datagrams():
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        yield first, second


def values(ring, count):
    return [ring.wait(LONG).value for _ in range(count)]


def rights(*fds):
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))


def test_a_group_of_another_ring(ring, pair):
    """Its number is that of another group here, which would get the bytes."""
    ring.provide(2, 16)
    with Ring(8) as other:
        group = other.provide(2, 16)
        for call in ring.recv, ring.read_multishot, ring.recvmsg_multishot:
            with pytest.raises(ValueError, match="belongs to another ring"):
                call(pair[0], group)
        with Ring.adopt(other) as owner:
            owner.recv(pair[0], group)
            pair[1].send(b"abc")
            assert values(owner, 1) == [b"abc"]


# bundles


@needs(kernel=(6, 10))
def test_a_bundle_of_buffers(ring, pair):
    """One completion has the bytes of several buffers, which all come back."""
    group = ring.provide(4, 8)
    sent, longest = bytes(range(29)), 0
    for _ in range(10):
        pair[1].send(sent)
        received = b""
        while len(received) < len(sent):
            # how many buffers there are at once, the kernel decides
            ring.recv(pair[0], group, bundle=True)
            part = ring.wait(LONG).value
            received += part
            longest = max(longest, len(part))
        assert received == sent
    # Linux 6.12 takes one buffer for each of these
    assert longest > 8 or kernel() < (6, 18)


@needs(kernel=(6, 10))
def test_bundles_again_and_again(ring, pair):
    """A stream comes through in its order, by bundles of a multishot receive."""
    group = ring.provide(8, 16)
    sent = b"".join(b"%06d" % number for number in range(3000))
    received, at = b"", 0
    ring.recv(pair[0], group, multishot=True, bundle=True)
    while len(received) < len(sent):
        if at < len(sent):
            at += pair[1].send(sent[at : at + 500])
        completion = ring.wait(LONG)
        if not completion.more:
            ring.recv(pair[0], group, multishot=True, bundle=True)
        if completion.result != -errno.ENOBUFS:
            received += completion.value
    assert received == sent


@needs(kernel=(6, 10))
def test_bundles_that_cannot_be(ring, pair):
    """A bundle needs whole buffers, and as many bytes as the result says."""
    with pytest.raises(ValueError, match="bundle needs a BufferGroup"):
        ring.recv(pair[0], 10, bundle=True)
    with pytest.raises(ValueError, match="together with MSG_TRUNC"):
        ring.recv(pair[0], ring.provide(2, 8), bundle=True, msg_flags=socket.MSG_TRUNC)
    assert ring.in_flight == 0


def test_a_result_beyond_the_buffer(ring, datagrams):
    """With MSG_TRUNC the result is the length of the datagram, not of the bytes."""
    group = ring.provide(1, 8)
    for _ in range(3):
        datagrams[1].send(b"0123456789" * 1000)
        ring.recv(datagrams[0], group, msg_flags=socket.MSG_TRUNC)
        completion = ring.wait(LONG)
        assert (completion.result, completion.value) == (10_000, b"01234567")


# pieces


@pieces
def test_buffers_in_pieces(ring, pair):
    """Each completion uses as much of a buffer as it fills, and all come back."""
    group = ring.provide(2, 16, pieces=True)
    assert group.pieces
    ring.recv(pair[0], group, multishot=True)
    ring.submit()
    sent = received = b""
    for number in range(100):
        word = b"word %d" % number
        pair[1].send(word)
        sent += word
        while len(received) < len(sent):
            completion = ring.wait(LONG)
            assert completion.more
            received += completion.value
    assert received == sent


@pieces
def test_two_groups_in_pieces(ring, pair):
    """The pieces of each group are its own, also where another was closed."""
    closed = ring.provide(4, 16, pieces=True)
    pair[1].send(b"abc")
    ring.recv(pair[0], closed)
    assert values(ring, 1) == [b"abc"]
    closed.close()
    groups = [ring.provide(4, 16, pieces=True) for _ in range(2)]
    for group in groups * 5:
        pair[1].send(b"%d" % group.number)
        ring.recv(pair[0], group)
        completion = ring.wait(LONG)
        assert completion.value == b"%d" % group.number
        assert completion.flags & IORING_CQE_F_BUF_MORE


@pieces
def test_pieces_that_cannot_be(ring, pair):
    """A ring has so many buffers for pieces; bundles and messages need whole ones."""
    group = ring.provide(16384, 1, pieces=True)
    with pytest.raises(ValueError, match="may have 16384 more buffers for pieces"):
        ring.provide(32768, 1, pieces=True)
    with pytest.raises(ValueError, match="used in pieces"):
        ring.recv(pair[0], group, bundle=True)
    with pytest.raises(ValueError, match="too small for a message"):
        ring.recvmsg_multishot(pair[0], group)
    assert ring.in_flight == 0


@pieces
def test_threads_that_take_pieces(pair):
    """Each piece is copied from its place, also where threads take several at once."""
    words = [b"%04d" % number for number in range(4000)]
    received, errors = [], []
    with Ring(8, cq_entries=8192) as ring:
        os.set_blocking(ring.fileno(), False)
        group = ring.provide(64, 64, pieces=True)

        def take():
            try:
                while len(received) < len(words) and not errors:
                    try:
                        completion = ring.wait(0.05)
                    except TimeoutError:
                        continue
                    assert completion.more
                    value = completion.value
                    received.extend(value[at : at + 4] for at in range(0, len(value), 4))
            except BaseException as error:
                errors.append(error)

        # this thread submits: the requests of one that ends are cancelled
        ring.recv(pair[0], group, multishot=True)
        ring.submit()
        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + LONG
        for index, word in enumerate(words):
            # a fourth of the buffers is enough for what nothing has received yet
            while index - len(received) > 256 and not errors and time.monotonic() < deadline:
                time.sleep(0)
            pair[1].send(word)
        for thread in threads:
            thread.join(LONG)
    assert errors == []
    assert sorted(received) == words


# messages


def test_messages_again_and_again(ring, datagrams):
    """One request receives message after message, with ancillary data and flags."""
    room = socket.CMSG_SPACE(4)
    group = ring.provide(2, 16 + 128 + room + 10)
    request = ring.recvmsg_multishot(datagrams[0], group, room)
    reading, writing = os.pipe()
    for number in range(5):
        datagrams[1].sendmsg([b"message %d" % number], [rights(writing)])
        completion = ring.wait(LONG)
        assert completion.more
        message = completion.value
        assert isinstance(message, Received)
        assert (message.data, message.flags, message.address) == (b"message %d" % number, 0, None)
        ((_, _, data),) = message.ancdata
        (fd,) = array.array("i", data)
        os.close(fd)
    datagrams[1].send(b"a longer message")
    message = ring.wait(LONG).value
    assert (message.data, message.ancdata) == (b"a longer m", [])
    assert message.flags & socket.MSG_TRUNC
    ring.cancel(request)
    ring.submit()
    os.close(reading)
    os.close(writing)


def test_addresses_of_messages(ring):
    """A message that came again has the address of its sender."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as one, socket.socket(family, socket.SOCK_DGRAM) as other:
            one.bind((host, 0))
            other.bind((host, 0))
            ring.recvmsg_multishot(other, ring.provide(2, 200))
            ring.submit()
            for data in b"first", b"second":
                one.sendto(data, other.getsockname())
                assert ring.wait(LONG).value == Received(data, [], 0, one.getsockname())


def test_the_end_of_messages(ring, pair):
    """The end of a stream is a last message without bytes."""
    ring.recvmsg_multishot(pair[0], ring.provide(2, 200))
    pair[1].send(b"last")
    assert values(ring, 1)[0].data == b"last"
    pair[1].close()
    completion = ring.wait(LONG)
    assert (completion.value.data, completion.more) == (b"", False)


def test_buffers_too_small_for_messages(ring, datagrams):
    """A buffer without room for the address ends the request with an error."""
    ring.recvmsg_multishot(datagrams[0], ring.provide(2, 100))
    datagrams[1].send(b"x")
    with pytest.raises(InvalidArgument):
        values(ring, 1)
    with pytest.raises(TypeError, match="must be a BufferGroup"):
        ring.recvmsg_multishot(datagrams[0], 100)


@pytest.mark.parametrize("read", [True, False])
def test_descriptors_of_messages_that_nothing_takes(datagrams, read):
    """Descriptors in messages that nothing takes are closed with the ring."""
    reading, writing = os.pipe()
    ring = Ring(4)
    ring.recvmsg_multishot(datagrams[0], ring.provide(4, 300), socket.CMSG_SPACE(8))
    ring.submit()
    for _ in range(3):
        datagrams[1].sendmsg([b"x"], [rights(writing, writing)])
    os.close(writing)
    if read:
        ring._batch.extend(ring._read_events())
    ring.close()
    assert os.read(reading, 1) == b""
    os.close(reading)
