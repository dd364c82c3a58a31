"""The cases of eventfd: one test for each, named after it."""

import errno
import fcntl
import os
import select

import pytest

from butter.eventfd import (
    EFD_CLOEXEC,
    EFD_NONBLOCK,
    EFD_SEMAPHORE,
    Eventfd,
    eventfd,
    eventfd_read,
    eventfd_write,
)

MAXIMUM = 2**64 - 2


@pytest.fixture
def made():
    """Makes eventfds by the call, and closes them."""
    numbers = []

    def make(*args, **options):
        numbers.append(eventfd(*args, **options))
        return numbers[-1]

    yield make
    for number in numbers:
        os.close(number)


def test_eventfd01(made):
    """A read returns the value, then EAGAIN; a buffer of 4 bytes is EINVAL."""
    fd = made(10, EFD_NONBLOCK)
    assert eventfd_read(fd) == 10
    with pytest.raises(BlockingIOError) as caught:
        eventfd_read(fd)
    assert caught.value.errno == errno.EAGAIN
    with pytest.raises(OSError) as caught:  # noqa: PT011
        os.read(fd, 4)
    assert caught.value.errno == errno.EINVAL


def test_eventfd02(made):
    """A write adds; above 2**64 - 2 it is EAGAIN; 2**64 - 1, or 4 bytes, is EINVAL."""
    fd = made(0, EFD_NONBLOCK)
    eventfd_write(fd, 12)
    assert eventfd_read(fd) == 12
    eventfd_write(fd, MAXIMUM)
    with pytest.raises(BlockingIOError) as caught:
        eventfd_write(fd, MAXIMUM)
    assert caught.value.errno == errno.EAGAIN
    with pytest.raises(OSError) as caught:  # noqa: PT011
        os.write(fd, b"1234")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(ValueError, match=r"2\*\*64 - 2") as caught:
        eventfd_write(fd, 2**64 - 1)
    assert caught.value.errno == errno.EINVAL


def test_eventfd04():
    """A counter can be written below the maximum, and not at it."""
    with Eventfd(0, EFD_NONBLOCK) as counter:
        counter.increment(10)
        assert select.select([], [counter], [], 0)[1] == [counter]
        assert counter.read_event() == 10
        counter.increment(MAXIMUM)
        assert select.select([], [counter], [], 0)[1] == []


def test_eventfd05(in_child):
    """The parent reads the value that its child wrote."""
    with Eventfd(0, EFD_NONBLOCK) as counter:
        in_child(counter.increment, 0xDEADBEEF)
        assert counter.read_event() == 0xDEADBEEF


def test_eventfd2_01(made):
    """Close-on-exec is clear without its flag and set with it."""
    plain, closed = made(1, 0, closefd=False), made(1, EFD_CLOEXEC, closefd=False)
    assert not fcntl.fcntl(plain, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    assert fcntl.fcntl(closed, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_eventfd2_02(made):
    """O_NONBLOCK is clear without its flag and set with it."""
    plain, nonblocking = made(1, 0), made(1, EFD_NONBLOCK)
    assert not fcntl.fcntl(plain, fcntl.F_GETFL) & os.O_NONBLOCK
    assert fcntl.fcntl(nonblocking, fcntl.F_GETFL) & os.O_NONBLOCK


def test_eventfd2_03():
    """Two processes take turns by two semaphores: one post of 5 is five reads."""
    with Eventfd(0, EFD_SEMAPHORE) as one, Eventfd(0, EFD_SEMAPHORE) as other:

        def side(own, peer):
            own.increment(1)
            taken = [peer.read_event()]
            own.increment(5)
            return taken + [peer.read_event() for _ in range(5)]

        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writing, bytes(side(other, one)))
            finally:
                os._exit(0)
        os.close(writing)
        assert select.select([one], [], [], 0)[0] == []
        assert side(one, other) == [1] * 6
        with open(reading, "rb") as pipe:
            assert pipe.read() == bytes([1] * 6)
        assert os.waitpid(pid, 0)[1] == 0
