"""What was broken in eventfd once, and what programs rely on."""

import asyncio
import errno
import gc
import os
import threading
from unittest import mock

import pytest
from loops import both, run, turn, until_readable, waiters

import butter.eventfd
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


def test_e2_descriptor_zero_is_open(in_child):
    """With stdin closed an Eventfd gets number 0, and works."""

    def body():
        os.close(0)
        with Eventfd(3) as counter:
            return counter.fileno(), counter.closed(), counter.read_event(), repr(counter)

    assert in_child(body) == (0, False, 3, "<Eventfd fd=0>")


def test_e3_close_on_exec():
    """Descriptors are not inherited unless that was asked for."""
    number = eventfd.eventfd()
    with Eventfd() as counter, Eventfd(closefd=False) as inherited:
        assert not os.get_inheritable(counter.fileno())
        assert os.get_inheritable(inherited.fileno())
    assert not os.get_inheritable(number)
    os.close(number)


def test_e5_a_forgotten_object_warns_and_closes():
    """It does not leak its descriptor."""
    forgotten = [Eventfd()]
    fd = forgotten[0].fileno()
    with pytest.warns(ResourceWarning, match="unclosed <Eventfd"):
        forget(forgotten)
    with pytest.raises(OSError):  # noqa: PT011
        os.fstat(fd)


def test_e8_subclasses():
    """A class of one's own can be made of it."""

    class Mine(Eventfd):
        def __init__(self):
            super().__init__(5)

    with Mine() as counter:
        assert int(counter) == 5


def test_e12_arguments_are_checked_without_assert():
    """Wrong ones raise under -O too, as TypeError and ValueError."""
    for value, kind in ((-1, ValueError), ("1", TypeError)):
        with pytest.raises(kind):
            eventfd.eventfd(value)


def forget(things):
    """Let go of them, and have them collected."""
    things.clear()
    gc.collect()


@both
def test_q6_a_waiter_that_is_not_first_is_cancelled(kind):
    """The loop has nothing to complain of, and the first waiter gets the value."""

    async def main():
        async with Eventfd_async() as counter:
            first, second = await waiters(counter, 2)
            second.cancel()
            await turn()
            counter.increment(4)
            assert await first == 4

    run(main(), kind)


@both
def test_q7_a_value_after_a_timeout_is_not_lost(kind):
    """It waits for the next who asks."""

    async def main():
        async with Eventfd_async() as counter:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(counter.wait(), 0.01)
            counter.increment(3)
            until_readable(counter)
            await turn(3)
            assert await counter.wait() == 3

            # counted before the cancellation, in the same turn of the loop
            [task] = await waiters(counter, 1)
            counter.increment(5)
            until_readable(counter)
            task.cancel()
            await turn(3)
            assert task.cancelled()
            assert await counter.wait() == 5

    run(main(), kind)


def test_q8_close_wakes_the_waiter_and_frees_the_loop():
    """Nobody waits for ever, and a second close is harmless."""

    async def main():
        counter = Eventfd_async()
        [task] = await waiters(counter, 1)
        fd = counter.fileno()
        counter.close()
        counter.close()
        with pytest.raises(ValueError, match="closed file"):
            await task
        assert not asyncio.get_running_loop().remove_reader(fd)

    run(main())


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


def test_names_stay():
    """The names that programs import are in their modules."""
    assert butter.eventfd.Eventfd is Eventfd
    assert callable(butter.eventfd.eventfd)
