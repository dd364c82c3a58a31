"""The requests of a ring that use registered buffers, and how these change."""

import mmap
import os
import socket

import pytest
from features import LONG
from support import in_place, needs
from support.completions import done

from butter.errors import InvalidArgument
from butter.uring import IORING_RECVSEND_POLL_FIRST

pytestmark = needs(kernel=(5, 19))


@pytest.fixture
def file(tmp_path):
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"0123456789")
    yield fd
    os.close(fd)


@pytest.fixture
def buffer():
    buffer = mmap.mmap(-1, 4096)
    buffer[:10] = b"abcdefghij"
    return buffer


@needs(kernel=(6, 15))
def test_parts_of_a_buffer(ring, file, buffer):
    """Parts of a registered buffer are written and read, in the order of the list."""
    ring.register_buffers([mmap.mmap(-1, 4096), buffer])
    ring.writev_fixed(file, 1, [(8, 2), (0, 3)], 1)
    assert done(ring) == 5
    assert os.pread(file, 100, 0) == b"0ijabc6789"
    ring.readv_fixed(file, 1, [(100, 2), (4090, 6)], 1)
    assert done(ring) == b"ijabc678"
    assert buffer[100:102] + buffer[4090:] == b"ijabc678"
    ring.readv_fixed(file, 1, [(0, 3), (50, 100)], 5)
    assert done(ring) == b"c6789"
    ring.writev_fixed(file, 1, [(0, 1)], rw_flags=1 << 31)
    with pytest.raises(OSError, match="writev_fixed: "):
        done(ring)


@needs(kernel=(6, 15))
def test_parts_that_are_not_in_the_buffer(ring, file, buffer):
    """A part has to lie in the buffer; nothing is queued otherwise."""
    ring.register_buffers([buffer])
    for index, parts in ((0, [(4090, 7)]), (0, [(-1, 5)]), (0, [(0, -1)]), (1, [(0, 1)]), (1, []), (-1, [])):
        with pytest.raises(ValueError, match=r"buffer|start|size|index"):
            ring.readv_fixed(file, index, parts)
    assert ring.in_flight == 0


@in_place
@needs(kernel=(6, 15))
def test_parts_live_until_the_completion(ring, pipe):
    """A request keeps registered buffers that were forgotten meanwhile."""
    buffer = bytearray(8)
    ring.register_buffers([buffer])
    ring.readv_fixed(pipe[0], 0, [(0, 2), (4, 2)])
    ring.submit()
    ring.unregister_buffers()
    with pytest.raises(BufferError):
        buffer.clear()
    os.write(pipe[1], b"late")
    completion = ring.wait(LONG)
    assert completion.value == b"late"
    assert buffer == b"la\0\0te\0\0"
    del completion
    buffer.clear()


@needs(kernel=(6, 2))
def test_sending_a_registered_buffer(ring, buffer):
    """A part of a registered buffer is sent without a copy."""
    ring.register_buffers([buffer])
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        connection, _ = server.accept()
        ring.send_zc_fixed(client, 0, "sent", start=2, size=4, transfer_flags=IORING_RECVSEND_POLL_FIRST)
        first, last = ring.wait(LONG), ring.wait(LONG)
        assert (first.value, first.more) == (4, True)
        assert (last.is_notification, last.user_data) == (True, "sent")
        assert connection.recv(100) == b"cdef"
        connection.close()
    with pytest.raises(ValueError, match="and not 5 from 4092 on"):
        ring.send_zc_fixed(0, 0, start=4092, size=5)


def test_slots_of_buffers(ring, file, buffer):
    """Slots begin empty, and their buffers are replaced one by one."""
    ring.register_buffers(3)
    with pytest.raises(ValueError, match="the slot 1 of the registered buffers is empty"):
        ring.read_fixed(file, 1)
    ring.update_buffers(1, [buffer])
    ring.read_fixed(file, 1, 0, size=4)
    assert done(ring) == b"0123"
    other = mmap.mmap(-1, 4096)
    ring.update_buffers(1, [other, buffer])
    ring.read_fixed(file, 1, 4, size=4)
    ring.read_fixed(file, 2, 6, size=4)
    assert {done(ring), done(ring)} == {b"4567", b"6789"}
    assert (other[:4], buffer[:4]) == (b"4567", b"6789")
    ring.update_buffers(1, [None])
    with pytest.raises(ValueError, match="is empty"):
        ring.read_fixed(file, 1)
    with pytest.raises(InvalidArgument):
        ring.update_buffers(2, [buffer, buffer])
    ring.read_fixed(file, 2, 0, size=4)
    assert done(ring) == b"0123"


@in_place
def test_replaced_buffers_live_until_the_completion(ring, pipe):
    """A request that is under way keeps a buffer that was replaced."""
    buffer = bytearray(4)
    ring.register_buffers([buffer])
    ring.read_fixed(pipe[0], 0)
    ring.submit()
    ring.update_buffers(0, [None])
    with pytest.raises(BufferError):
        buffer.clear()
    os.write(pipe[1], b"late")
    assert ring.wait(LONG).value == b"late"
    buffer.clear()


@needs(when=hasattr(mmap, "PROT_READ"))
def test_buffers_that_cannot_be_registered(ring, file, buffer, tmp_path):
    """Where the second of two buffers is refused, the first is registered."""
    ring.register_buffers(2)
    with open(file, "r+b", closefd=False) as writable:
        beyond = mmap.mmap(writable.fileno(), 10)
    os.ftruncate(file, 0)
    with pytest.raises(ValueError, match="only 1 of 2 buffers"):
        ring.update_buffers(0, [buffer, beyond])
    ring.write_fixed(file, 0, 0, size=3)
    assert done(ring) == 3
    with pytest.raises(ValueError, match="is empty"):
        ring.read_fixed(file, 1)
