"""The cases of other test suites about io_uring, with their names."""

import itertools
import mmap
import os

import pytest
from features import LONG
from support import needs

from butter.uring import IOSQE_IO_LINK, Ring

pytestmark = needs(kernel=(5, 6))


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
