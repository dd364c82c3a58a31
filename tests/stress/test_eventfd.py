"""eventfd for long: a million round trips, and nothing is lost."""

import asyncio
import threading

import pytest
from loops import both, run

from butter.asyncio.eventfd import Eventfd_async
from butter.eventfd import EFD_NONBLOCK, EFD_SEMAPHORE, Eventfd

pytestmark = pytest.mark.stress

MILLION = 1_000_000


def test_a_million_round_trips():
    """Each value comes back, by the object alone."""
    with Eventfd(0, EFD_NONBLOCK) as counter:
        for value in range(1, MILLION + 1):
            counter.increment(value)
            assert counter.read_event() == value


def test_a_million_between_threads():
    """Four threads write a million 1s, four read them, and the sums agree."""
    with Eventfd(0, EFD_SEMAPHORE) as counter:
        taken = []

        def read():
            taken.append(sum(counter.read_event() for _ in range(MILLION // 4)))

        def write():
            for _ in range(MILLION // 4):
                counter.increment()

        threads = [threading.Thread(target=work) for work in (read, write) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert sum(taken) == MILLION


@both
def test_a_million_wake_ups_with_cancellations(kind):
    """Waiters are cancelled as the value comes; the others get the whole sum."""

    async def main():
        async with Eventfd_async() as counter:
            total = 0
            for number in range(MILLION // 10):
                # nine at once, then one that races with a cancellation
                for _ in range(9):
                    counter.increment()
                    total += await counter.get()
                task = asyncio.ensure_future(counter.get())
                await asyncio.sleep(0)
                counter.increment()
                if number % 2:
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    total += await task
                except asyncio.CancelledError:
                    pass
            while total < MILLION:
                total += await counter.get()
            assert total == MILLION
            assert counter.empty()

    run(main(), kind, timeout=120)
