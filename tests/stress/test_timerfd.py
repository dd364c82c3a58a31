"""timerfd for long: a million expirations add up."""

import asyncio
import time

import pytest
from loops import both, run

from butter.asyncio.timerfd import Timerfd_async
from butter.timerfd import Timer

pytestmark = pytest.mark.stress

MILLION = 1_000_000
PERIOD = 10_000  # nanoseconds: a million of them are ten seconds


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def test_a_million_expirations():
    """A blocking reader counts as many expirations as the clock says."""
    with Timer() as timer:
        start = now() + 1_000_000
        timer.after(nano_seconds=start).every(nano_seconds=PERIOD).update(absolute=True)
        total, early = 0, 0
        while total < MILLION:
            total += timer.read_event()
            # the last of them was due before this read came back
            early += start + (total - 1) * PERIOD > now()
        low = (now() - start) // PERIOD + 1
        total += timer.read_event()
        high = (now() - start) // PERIOD + 1
        assert early == 0
        assert low <= total <= high


@both
def test_a_million_expirations_with_cancellations(kind):
    """Every other waiter is cancelled, and still the sum is what the clock says."""

    async def main():
        async with Timerfd_async() as timer:
            start = now() + 1_000_000
            timer.after(nano_seconds=start).every(nano_seconds=PERIOD)
            timer.update(absolute=True)
            total = cancelled = 0
            while total < MILLION:
                total += await timer.get()
                task = asyncio.ensure_future(timer.get())
                await asyncio.sleep(0)
                task.cancel()
                try:
                    total += await task
                except asyncio.CancelledError:
                    cancelled += 1
            low = (now() - start) // PERIOD + 1
            total += await timer.get()
            high = (now() - start) // PERIOD + 1
            assert cancelled
            assert low <= total <= high

    run(main(), kind, timeout=120)


def test_a_million_settings():
    """The kernel has each setting that was made."""
    with Timer() as timer:
        for number in range(1, MILLION // 4):
            timer.every(number, number).update()
            assert timer.get_current().period == (number, number)
