"""What was broken in eventfd once, and what programs rely on."""

import asyncio
import errno
import os
import threading
from unittest import mock

import pytest
from loops import run

from butter import _eventfd, eventfd
from butter.asyncio.eventfd import Eventfd_async
from butter.errors import UnknownError
from butter.eventfd import EFD_NONBLOCK, EFD_SEMAPHORE, Eventfd


def test_v1_large_initial_values():
    """An object starts with any value of a counter, and both spellings of the argument work."""
    with Eventfd(2**32) as counter:
        assert counter.read_event() == 2**32
    with Eventfd(inital_value=2**64 - 2, flags=0) as counter:
        assert counter.read_event() == 2**64 - 2
    for value in (-1, 2**64 - 1):
        with pytest.raises(ValueError, match="initial_value"):
            Eventfd(value)


def test_v2_numbers_out_of_range_are_one_class():
    """What a counter cannot add is a ValueError, and what is no int a TypeError."""
    with Eventfd(0, EFD_NONBLOCK) as counter:
        for value in (2**64 - 1, 2**64, -1):
            with pytest.raises(ValueError):  # noqa: PT011
                counter.increment(value)
        with pytest.raises(TypeError):
            counter.increment(1.5)


def test_e12_arguments_are_checked_without_assert():
    """Wrong ones raise under -O too, as TypeError and ValueError."""
    for value, kind in ((-1, ValueError), ("1", TypeError)):
        with pytest.raises(kind):
            eventfd.eventfd(value)


def test_q9_iteration_context_and_fileno():
    """The awaitable has what an object has."""

    async def main():
        async with Eventfd_async(0, EFD_SEMAPHORE) as counter:
            assert isinstance(counter.fileno(), int)
            counter.increment(3)
            taken = 0
            async for one in counter:
                taken += one
                if taken == 3:
                    break

    run(main())


def test_users_increment_from_an_executor():
    """A daemon makes the object before its loop runs and counts from a thread of an executor."""
    counter = Eventfd_async()

    async def main():
        waiter = asyncio.ensure_future(counter.wait())
        await asyncio.get_running_loop().run_in_executor(None, counter.increment)
        return await waiter

    assert run(main()) == 1
    counter.close()


def test_users_read_events_in_a_thread():
    """A monitor blocks in _read_events, which gives a list, until another thread counts."""
    counter, got = Eventfd(), []
    thread = threading.Thread(target=lambda: got.extend(counter._read_events()))
    thread.start()
    counter.increment()
    thread.join(10)
    assert got == [1]
    assert int("%d" % counter.fileno()) == counter.fileno()  # noqa: UP031
    counter.close()


def test_users_plain_number():
    """A runner uses the call alone: an int for a control file, read by os.read."""
    fd = eventfd.eventfd()
    os.write(fd, eventfd.event_to_str(1))
    assert len(os.read(fd, 8)) == 8
    os.close(fd)


def test_users_sums_up():
    """int() gives what was counted since the last int()."""
    with Eventfd(36) as counter:
        assert int(counter) == 36
        counter.increment(36)
        assert int(counter) == 36
        for _ in range(5):
            counter.increment(36)
        assert int(counter) == 180


def test_users_get_last():
    """The awaitable remembers the value that it read last, the initial one at first."""

    async def main():
        async with Eventfd_async(10) as counter:
            assert counter.get_last() == 10
            assert await counter.wait() == 10
            counter.increment(2)
            counter.increment(2)
            assert await counter.wait() == 4
            assert counter.get_last() == 4

    run(main())


@pytest.mark.parametrize(
    ("function", "arguments", "number", "exception"),
    [
        ("eventfd", (), errno.EINVAL, ValueError),
        ("eventfd", (), errno.EMFILE, OSError),
        ("eventfd", (), errno.ENFILE, OSError),
        ("eventfd", (), errno.ENODEV, OSError),
        ("eventfd", (), errno.ENOMEM, MemoryError),
        ("eventfd", (), errno.EHOSTDOWN, UnknownError),
        ("eventfd_read", (0,), errno.EAGAIN, BlockingIOError),
        ("eventfd_read", (0,), errno.EBADF, ValueError),
        ("eventfd_write", (0, 1), errno.EAGAIN, BlockingIOError),
        ("eventfd_write", (0, 1), errno.EHOSTDOWN, UnknownError),
    ],
)
def test_users_replace_lib(function, arguments, number, exception):
    """Tests of programs put a mock for the C library that gives -1 and sets the saved errno."""
    with mock.patch("butter._eventfd.lib") as lib:
        getattr(lib, function).return_value = -1
        _eventfd.ffi.errno = number
        with pytest.raises(exception) as caught:
            getattr(_eventfd, function)(*arguments)
    assert caught.value.errno == number
