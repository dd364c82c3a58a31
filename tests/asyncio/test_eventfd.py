"""The behaviour of Eventfd_async alone; test_queue.py has that of every awaitable."""

import asyncio
import os
import signal
import threading

import pytest
from loops import both, turn, waiters

from butter.asyncio.eventfd import Eventfd_async
from butter.eventfd import EFD_NONBLOCK, EFD_SEMAPHORE, Eventfd, eventfd


def test_arguments():
    """The arguments are those of Eventfd, the older spelling and EFD_NONBLOCK too."""
    for options in {"initial_value": 3}, {"inital_value": 3, "flags": EFD_NONBLOCK}:
        with Eventfd_async(**options) as counter:
            assert counter.get_nowait() == 3
    with pytest.raises(ValueError, match="initial_value"):
        Eventfd_async(-1)
    with pytest.raises(TypeError):
        Eventfd_async(1.0)
    with pytest.raises(TypeError, match="one argument"):
        Eventfd_async(1, inital_value=1)


def test_increment_of_a_subclass():
    """A subclass's increment is called, and counts in the object under the queue."""

    class Tens(Eventfd_async):
        def increment(self, value=1):
            super().increment(10 * value)

    counter = Tens()
    counter.increment(2)
    assert counter.get_nowait() == 20
    with Eventfd() as other:
        before, counter._eventfd = counter._eventfd, other
        counter.increment()
        assert other.read_event() == 10
        counter._eventfd = before
    counter.close()


def test_increment_checks():
    """An increment of the awaitable has the limits and errors of the object's."""
    counter = Eventfd_async(2**64 - 2)
    with pytest.raises(BlockingIOError):
        counter.increment()
    with pytest.raises(ValueError):  # noqa: PT011
        counter.increment(-1)
    with pytest.raises(TypeError):
        counter.increment("1")
    counter.close()
    with pytest.raises(ValueError, match="closed file"):
        counter.increment()


@both
async def test_one_value_for_many_increments():
    """The increments since the last read are one value; a semaphore returns 1s."""
    async with Eventfd_async() as counter:
        for _ in range(5):
            counter.increment(2)
        assert await counter.get() == 10
        assert counter.empty()
    async with Eventfd_async(3, EFD_SEMAPHORE) as counter:
        assert [await counter.wait() for _ in range(3)] == [1, 1, 1]
        assert counter.empty()


@both
async def test_a_signal_handler_wakes_the_loop():
    """A handler of Python counts while the loop runs, and the waiter gets the value."""
    async with Eventfd_async() as counter:
        before = signal.signal(signal.SIGUSR1, lambda *_: counter.increment())
        try:
            [task] = await waiters(counter, 1)
            os.kill(os.getpid(), signal.SIGUSR1)
            assert await task == 1
        finally:
            signal.signal(signal.SIGUSR1, before)


@both
async def test_many_threads_count():
    """No increment of eight threads is lost while one task reads."""
    each, threads = 1000, 8

    async with Eventfd_async() as counter:

        def work():
            for _ in range(each):
                counter.increment()

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        total = 0
        while total < each * threads:
            total += await counter.get()
        for worker in workers:
            worker.join()
        assert total == each * threads
        assert counter.empty()


@both
async def test_many_waiters_of_a_semaphore():
    """Three 1s wake three waiters, in their order."""
    async with Eventfd_async(0, EFD_SEMAPHORE) as counter:
        order = []

        async def take(name):
            await counter.get()
            order.append(name)

        tasks = [asyncio.ensure_future(take(name)) for name in range(3)]
        await turn()
        counter.increment(3)
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]


@both
async def test_get_last():
    """get_last is the initial value, then the last value that was read."""
    async with Eventfd_async(4) as counter:
        assert counter.get_last() == 4
        assert await counter.wait() == 4
        counter.increment(3)
        counter.increment(1)
        assert not counter.empty()
        assert (counter.get_last(), counter.qsize()) == (4, 1)
        counter.increment(5)
        assert counter.get_nowait() == 4
        assert await counter.wait() == 5
        assert counter.get_last() == 5


def test_get_last_of_an_adopted_descriptor():
    """get_last() of an adopted descriptor is 0 until a value was read."""
    with Eventfd_async.adopt(eventfd(5)) as counter:
        assert counter.get_last() == 0
        assert counter.get_nowait() == counter.get_last() == 5
