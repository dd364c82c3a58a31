"""The cases of other test suites about io_uring, with their names."""

import contextlib
import ctypes
import errno
import itertools
import mmap
import os
import socket
from pathlib import Path

import pytest
from features import LONG
from support import in_place, needs

from butter.uring import IOSQE_IO_LINK, Ring

pytestmark = needs(kernel=(5, 6))

SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


@pytest.fixture
def file(tmp_path):
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def test_io_uring01(file):
    """A registered buffer is filled from a file, by the one completion there is."""
    os.write(file, b"a" * 1024)
    with Ring(1) as ring:
        buffer = mmap.mmap(-1, 1024)
        ring.register_buffers([buffer])
        ring.read_fixed(file, 0, 0, "request")
        ring.submit()
        (completion,) = ring.read_events()
        assert (completion.user_data, completion.result) == ("request", 1024)
        assert buffer[:] == b"a" * 1024
        ring.unregister_buffers()


def test_io_uring03(file):
    """Writes, a sync and reads complete with the right lengths and data."""
    with Ring(2) as ring:
        block = bytes(range(256)) * 16
        for parts in ([block], [block[2048:], block[:2048][::-1]]):
            offset = 0
            for part in parts:
                ring.pwrite(file, part, offset, ("write", offset))
                completion = ring.wait(LONG)
                assert (completion.user_data, completion.result) == (("write", offset), len(part))
                offset += len(part)
            ring.fsync(file, "sync")
            assert ring.wait(LONG)[:2] == ("sync", 0)
            ring.pread(file, 4096, 0, "read")
            completion = ring.wait(LONG)
            assert (completion.user_data, completion.result) == ("read", 4096)
            assert completion.value == b"".join(parts)


def test_io_uring03_linked(file):
    """The same as one chain, whose completions come in its order."""
    with Ring(4) as ring:
        ring.pwrite(file, b"a" * 2048, 0, 1, flags=IOSQE_IO_LINK)
        ring.pwrite(file, b"b" * 2048, 2048, 2, flags=IOSQE_IO_LINK)
        ring.fsync(file, 3, flags=IOSQE_IO_LINK)
        ring.pread(file, 4096, 0, 4)
        found = list(itertools.islice(ring, 4))
    assert [(each.user_data, each.result) for each in found] == [(1, 2048), (2, 2048), (3, 0), (4, 4096)]
    assert found[3].value == b"a" * 2048 + b"b" * 2048


@in_place
@needs(kernel=(6, 12))
def test_io_uring04(file):
    """Messages without a copy that fail leave registered buffers as they were."""
    # the case has a socket of RDS, which few kernels have; this one is of TCP
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    memory[:page] = b"a" * page
    protect(memory, page, page, 0)
    tainted, pinned = Path("/proc/sys/kernel/tainted").read_text(), of_this_process("VmPin")
    buffer = mmap.mmap(-1, 2 * page)
    with connection() as (client, server), Ring(4) as ring, Ring(4) as other:
        client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        ring.register_buffers([buffer])
        other.clone_buffers(ring)
        forbidden = memoryview(memory)[page:]
        for _ in range(512):
            for parts in ([memory], [memoryview(memory)[:page], forbidden]):
                ring.sendmsg(client, parts, msg_flags=MSG_ZEROCOPY)
                completion = ring.wait(LONG)
                # the first page may have been sent
                assert completion.result in (-errno.EFAULT, page)
                if completion.result == page:
                    assert server.recv(page, socket.MSG_WAITALL) == b"a" * page
            ring.sendmsg(client, [forbidden], msg_flags=MSG_ZEROCOPY)
            assert ring.wait(LONG).result == -errno.EFAULT
        for each in ring, other:
            os.pwrite(file, b"b" * page, 0)
            each.read_fixed(file, 0, 0, size=page)
            assert each.wait(LONG).value == b"b" * page
            each.unregister_buffers()
    assert buffer[:] == b"b" * page + bytes(page)
    assert memory[:page] == b"a" * page
    assert of_this_process("VmPin") == pinned
    assert Path("/proc/sys/kernel/tainted").read_text() == tainted


def of_this_process(name):
    """A line of the status of this process."""
    return next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))


def protect(memory, start, size, protection):
    """Give a part of a mapping another protection."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + start
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), protection) == 0


@contextlib.contextmanager
def connection():
    """Both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        other, _ = server.accept()
        with other:
            yield client, other
