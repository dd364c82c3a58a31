"""The cases of timerfd: one test for each, named after it."""

import errno
import os
import select
import sys
import threading
import time

import pytest

from butter._timerfd import GETTIME, SETTIME, ffi, lib
from butter.errors import InternalError, InvalidArgument
from butter.timerfd import (
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    TimerVal,
    timerfd,
    timerfd_gettime,
    timerfd_settime,
)

MILLISECOND = 10**6
BAD_POINTER = ffi.cast("struct itimerspec *", 1)


@pytest.fixture
def made():
    """Makes timers by the call, and closes them."""
    numbers = []

    def make(*args):
        numbers.append(timerfd(*args))
        return numbers[-1]

    yield make
    for number in numbers:
        os.close(number)


@pytest.fixture
def file(tmp_path):
    """The descriptor of a regular file."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def ticks(fd):
    """Wait until the timer can be read, and read it."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(10_000)
    return int.from_bytes(os.read(fd, 8), sys.byteorder)


@pytest.mark.parametrize("clock", [CLOCK_MONOTONIC, CLOCK_REALTIME])
def test_timerfd01(made, clock):
    """A one-shot is one tick, relative or absolute; a period counts; then EAGAIN."""
    fd = made(clock)
    start = time.clock_gettime_ns(clock)
    timerfd_settime(fd, TimerVal().after(0, 100 * MILLISECOND))
    assert ticks(fd) == 1
    assert time.clock_gettime_ns(clock) - start >= 100 * MILLISECOND

    then = time.clock_gettime_ns(clock) + 100 * MILLISECOND
    timerfd_settime(fd, TimerVal().after(0, then), TFD_TIMER_ABSTIME)
    assert ticks(fd) == 1
    assert time.clock_gettime_ns(clock) >= then

    first = time.clock_gettime_ns(clock) + 50 * MILLISECOND
    timerfd_settime(fd, TimerVal().after(0, first).every(0, 50 * MILLISECOND), TFD_TIMER_ABSTIME)
    left = timerfd_gettime(fd)
    assert (0, 0) < left.next_event <= (0, 50 * MILLISECOND)
    assert left.period == (0, 50 * MILLISECOND)
    # three ticks, two periods after the first; more if this process had no processor
    time.sleep(max(0, first + 110 * MILLISECOND - time.clock_gettime_ns(clock)) / 1e9)
    low = (time.clock_gettime_ns(clock) - first) // (50 * MILLISECOND) + 1
    got = ticks(fd)
    high = (time.clock_gettime_ns(clock) - first) // (50 * MILLISECOND) + 1
    assert 3 <= low <= got <= high

    timerfd_settime(fd, TimerVal().after(0, 100 * MILLISECOND))
    assert ticks(fd) == 1
    os.set_blocking(fd, False)
    with pytest.raises(BlockingIOError) as caught:
        os.read(fd, 8)
    assert caught.value.errno == errno.EAGAIN


@pytest.mark.parametrize(("clock", "flags"), [(-1, 0), (CLOCK_REALTIME, -1)])
def test_timerfd_create01(clock, flags):
    """A clock of -1 is EINVAL, and so are flags of -1."""
    with pytest.raises(InvalidArgument) as caught:
        timerfd(clock, flags)
    assert caught.value.errno == errno.EINVAL


def test_timerfd_gettime01(made, file):
    """A bad descriptor is EBADF, another file EINVAL, and a bad pointer EFAULT."""
    for fd, number in ((-1, errno.EBADF), (file, errno.EINVAL)):
        with pytest.raises(InvalidArgument) as caught:
            timerfd_gettime(fd)
        assert caught.value.errno == number
    # timerfd_gettime() has memory of its own
    with pytest.raises(InternalError) as caught:
        GETTIME.check(lib.timerfd_gettime(made(), BAD_POINTER))
    assert caught.value.errno == errno.EFAULT


def test_timerfd_settime01(made, file):
    """Bad descriptors and flags have their errnos, and a bad pointer is EFAULT."""
    fd = made()
    for number, flags, expected in ((-1, 0, errno.EBADF), (file, 0, errno.EINVAL), (fd, -1, errno.EINVAL)):
        with pytest.raises(InvalidArgument) as caught:
            timerfd_settime(number, TimerVal(), flags)
        assert caught.value.errno == expected
    with pytest.raises(InternalError) as caught:
        timerfd_settime(fd, BAD_POINTER)
    assert caught.value.errno == errno.EFAULT
    with pytest.raises(InternalError) as caught:
        SETTIME.check(lib.timerfd_settime(fd, 0, TimerVal().__timerspec__(), BAD_POINTER))
    assert caught.value.errno == errno.EFAULT


def test_timerfd_settime02(made):
    """Two threads that set a cancelable timer at once: every setting is taken."""
    with open("/proc/sys/kernel/tainted") as file:
        tainted = file.read()
    fd, done = made(CLOCK_REALTIME), []
    armed = TimerVal().after(int(time.time()) + 1000)
    start, end = threading.Barrier(3), threading.Barrier(3)
    rounds = 2000

    def race():
        for _ in range(rounds):
            start.wait(10)
            timerfd_settime(fd, armed)
            end.wait(10)
        done.append(True)

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        timerfd_settime(fd, armed, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
        start.wait(10)
        end.wait(10)
    for thread in threads:
        thread.join(10)
    assert done == [True, True]
    with open("/proc/sys/kernel/tainted") as file:
        assert file.read() == tainted
