"""The requests of a ring that are commands, and the registrations of a ring."""

import errno
import os
import select
import socket

import pytest
from features import LONG
from support import in_place, needs
from support.completions import done

from butter.asyncio.uring import Ring_async
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd
from butter.uring import (
    ANY_SLOT,
    IORING_ACCEPT_DONTWAIT,
    IORING_ACCEPT_POLL_FIRST,
    IORING_RECVSEND_BUNDLE,
    IORING_RECVSEND_POLL_FIRST,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    SOCKET_URING_OP_SIOCINQ,
    FixedFile,
    Ring,
)

pytestmark = needs(kernel=(5, 6))


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def pair(server):
    """Both ends of a connection."""
    with socket.create_connection(server.getsockname()) as client:
        connection, _ = server.accept()
        with connection:
            yield client, connection


# commands


@needs(kernel=(6, 7))
def test_what_waits_in_a_socket(ring, pair):
    """A request tells how many bytes wait at both ends of a connection."""
    ring.unread(pair[1])
    assert done(ring) == 0
    for size in 5, 7:
        pair[0].send(bytes(size))
    while (done_unread := count(ring, ring.unread, pair[1])) < 12:
        pass
    assert done_unread == 12
    # bytes that fill the buffers of both ends are not sent
    pair[0].setblocking(False)
    sent = 12 + sum(iter(lambda: fill(pair[0]), 0))
    unsent = count(ring, ring.unsent, pair[0])
    assert 0 < unsent < sent


def count(ring, ask, file):
    ask(file)
    return done(ring)


def fill(file):
    try:
        return file.send(bytes(1 << 16))
    except BlockingIOError:
        return 0


@needs(kernel=(6, 7))
def test_what_is_not_asked(ring, pipe):
    """A pipe, and the socket of a path, cannot be asked by a request."""
    with socket.socket(socket.AF_UNIX) as path:
        for file in path, pipe[0]:
            ring.unread(file)
            with pytest.raises(OSError, match="unread: the file does not support this"):
                done(ring)


@needs(kernel=(6, 7))
def test_options_of_sockets(ring, pair):
    """Options of a socket are got and set, as numbers and as bytes."""
    ring.setsockopt(pair[0], socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert done(ring) == 0
    assert pair[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    linger = pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    ring.setsockopt(pair[0], socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\7\0\0\0")
    assert done(ring) == 0
    ring.getsockopt(pair[0], socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert done(ring) == pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) != linger
    ring.getsockopt(pair[0], socket.SOL_SOCKET, socket.SO_LINGER, 4)
    assert len(done(ring)) == 4


@needs(kernel=(6, 7))
def test_options_that_are_refused(ring, pair):
    """An option that there is not, or not here, is an error that says so."""
    ring.getsockopt(pair[0], socket.SOL_SOCKET, 9999)
    with pytest.raises(InvalidArgument, match="getsockopt: the socket does not have this option"):
        done(ring)
    ring.getsockopt(pair[0], socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with pytest.raises(OSError, match="does not support this") as caught:
        done(ring)
    assert caught.value.errno == errno.EOPNOTSUPP
    for level, option, value in ((-1, 1, 1), (1, 1 << 31, 1), (1, 1, 1 << 32)):
        with pytest.raises(ValueError, match=r"level|option|value"):
            ring.setsockopt(pair[0], level, option, value)


@needs(kernel=(6, 7))
def test_other_commands(ring, pair, pipe):
    """Any command is given by its number; a file without commands refuses them."""
    pair[0].send(b"x")
    select.select([pair[1]], [], [], LONG)
    ring.command(pair[1], SOCKET_URING_OP_SIOCINQ)
    assert done(ring) == 1
    for file, command in ((pair[0], 4096), (pipe[0], 0)):
        ring.command(file, command)
        with pytest.raises(OSError, match="command: the file does not support this"):
            done(ring)


@in_place
@needs(kernel=(5, 19))
def test_the_buffer_of_a_command(ring, pair):
    """The ring keeps the buffer of a command until its completion."""
    buffer = bytearray(8)
    ring.command(pair[0], 4096, buffer)
    with pytest.raises(BufferError):
        buffer.clear()
    assert ring.wait(LONG).buffer is buffer
    buffer.clear()


# how a socket is used


@needs(kernel=(6, 10))
def test_accept_at_once(ring, server):
    """An accept may refuse to wait, and may wait before it tries."""
    ring.accept(server, how=IORING_ACCEPT_DONTWAIT)
    with pytest.raises(BlockingIOError):
        done(ring)
    ring.accept(server, how=IORING_ACCEPT_POLL_FIRST)
    ring.submit()
    with socket.create_connection(server.getsockname()):
        os.close(done(ring))


@needs(kernel=(5, 19))
def test_transfers_that_wait_first(ring, pair):
    """Sends and receives may wait for the socket before they try."""
    ring.recv(pair[1], 10, "recv", transfer_flags=IORING_RECVSEND_POLL_FIRST)
    ring.recvmsg(pair[0], [10], 0, "recvmsg", transfer_flags=IORING_RECVSEND_POLL_FIRST)
    ring.send(pair[0], b"one", transfer_flags=IORING_RECVSEND_POLL_FIRST)
    ring.sendmsg(pair[1], [b"two"], transfer_flags=IORING_RECVSEND_POLL_FIRST)
    found = {completion.user_data: completion.value for completion in (ring.wait(LONG) for _ in range(4))}
    assert found["recv"] == b"one"
    assert found["recvmsg"].data == b"two"


def test_flags_of_transfers(ring, pair):
    """Flags that would need other buffers are parameters, and are refused as flags."""
    with pytest.raises(ValueError, match="not RECVSEND_BUNDLE"):
        ring.recv(pair[0], 10, transfer_flags=IORING_RECVSEND_BUNDLE)
    with pytest.raises(ValueError, match="transfer_flags may be"):
        ring.send(pair[0], b"x", transfer_flags=1 << 10)
    assert ring.in_flight == 0


# registered files


@needs(kernel=(6, 0))
def test_files_are_replaced_by_a_request(ring, pipe):
    """A request registers files, in the slots of the program or of the kernel."""
    ring.register_files(4)
    ring.replace_files(1, [pipe[1], pipe[0]])
    assert done(ring) == 2
    ring.pwrite(FixedFile(1), b"x")
    assert done(ring) == 1
    ring.replace_files(ANY_SLOT, [pipe[0], pipe[0]])
    slots = done(ring)
    assert sorted(slots) == [0, 3]
    ring.pread(FixedFile(slots[0]), 5)
    assert done(ring) == b"x"
    ring.replace_files(ANY_SLOT, [pipe[0]])
    with pytest.raises(OSError, match="no slot of the registered files is left") as caught:
        done(ring)
    assert caught.value.errno == errno.ENFILE
    ring.replace_files(2, [-1])
    assert done(ring) == 1
    ring.pread(FixedFile(2), 5)
    with pytest.raises(InvalidArgument, match="not open"):
        done(ring)


@needs(kernel=(6, 0))
def test_a_file_for_another_ring(ring, pipe):
    """A registered file is registered in another ring, with a message or without."""
    ring.register_files([pipe[1], pipe[0]])
    with Ring(4) as other:
        other.register_files(3)
        ring.send_file(other, FixedFile(0), 77)
        assert done(ring) == 0
        assert other.wait(LONG)[:2] == (77, 0)
        ring.send_file(other, FixedFile(1), None, slot=2)
        assert done(ring) == 0
        other.pwrite(FixedFile(0), b"through")
        other.pread(FixedFile(2), 10)
        assert [done(other), done(other)] == [7, b"through"]
        assert other.in_flight == 0
        with pytest.raises(TypeError, match="must be a FixedFile"):
            ring.send_file(other, pipe[0])
        ring.send_file(other, FixedFile(9))
        with pytest.raises(InvalidArgument):
            done(ring)


@needs(kernel=(6, 0))
def test_the_slots_of_the_kernel(ring, pipe):
    """The kernel chooses among the slots that it may have."""
    ring.register_files(8)
    ring.allow_slots(5, 2)
    ring.replace_files(ANY_SLOT, [pipe[0], pipe[1]])
    assert sorted(done(ring)) == [5, 6]
    with pytest.raises(InvalidArgument):
        ring.allow_slots(7, 2)
    with pytest.raises(InvalidArgument, match="past the end"):
        ring.allow_slots(1, (1 << 32) - 1)


@needs(kernel=(6, 8))
@pytest.mark.parametrize("closefd", [True, False])
def test_installed_descriptors(ring, pipe, closefd):
    """A descriptor of a registered file is closed by an exec, or is not."""
    ring.register_files([pipe[0]])
    ring.install(FixedFile(0), closefd=closefd)
    fd = done(ring)
    assert os.get_inheritable(fd) is not closefd
    os.close(fd)


# registrations


@needs(kernel=(6, 0))
def test_cancel_and_wait(ring, pipe):
    """A request has ended when the call returns, and its completion is there."""
    request = ring.pread(pipe[0], 10, user_data="read")
    ring.cancel_now(request)
    assert ring.read_event().error.errno == errno.ECANCELED
    for timeout in (None, 1, 0.5):
        with pytest.raises(FileNotFoundError):
            ring.cancel_now(request, timeout)
    with pytest.raises(ValueError, match="finite, and not negative"):
        ring.cancel_now(request, -1)
    ring.close()
    with pytest.raises(ValueError, match="closed file"):
        ring.cancel_now(request)


def test_an_eventfd_counts_completions(ring, pipe):
    """A registered eventfd counts completions, until it is unregistered."""
    with Eventfd() as eventfd:
        ring.register_eventfd(eventfd)
        with pytest.raises(OSError, match="registered already"):
            ring.register_eventfd(eventfd)
        ring.pread(pipe[0], 1)
        ring.submit()
        assert not select.select([eventfd], [], [], 0)[0]
        os.write(pipe[1], b"x")
        assert eventfd.wait(LONG) == 1
        assert ring.read_event().value == b"x"
        ring.unregister_eventfd()
        ring.nop()
        ring.submit()
        assert not select.select([eventfd], [], [], 0)[0]
    with pytest.raises(InvalidArgument, match="is not that of an eventfd"):
        ring.register_eventfd(pipe[0])


@needs(kernel=(6, 1))
def test_an_eventfd_of_a_ring_whose_completions_wait(pipe):
    """An eventfd is woken where a thread has to ask for its completions."""
    with Ring(4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) as ring, Eventfd() as eventfd:
        ring.register_eventfd(eventfd)
        for _ in range(2):
            ring.pread(pipe[0], 1)
            ring.submit()
            os.write(pipe[1], b"x")
            assert eventfd.wait(LONG) > 0
            assert ring.read_event().value == b"x"


def test_a_loop_has_no_ring_that_does_not_wake_it():
    """The awaitable refuses a ring whose completions would not wake its loop."""
    with pytest.raises(ValueError, match="leave the flag out"):
        Ring_async(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
