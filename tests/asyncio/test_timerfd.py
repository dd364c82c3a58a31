"""The behaviour of Timerfd_async alone; test_queue.py has that of every awaitable."""

import asyncio
import inspect
import time

import pytest
from loops import both, turn, until_readable

from butter.asyncio.timerfd import Timerfd_async
from butter.errors import InvalidArgument
from butter.timerfd import CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME, TFD_NONBLOCK, Timer, TimerVal


def test_arguments():
    """The arguments are those of Timer, and the clock is the monotonic one."""
    assert inspect.signature(Timerfd_async).parameters["clock_type"].default == CLOCK_MONOTONIC
    Timerfd_async(CLOCK_REALTIME, TFD_NONBLOCK).close()
    with pytest.raises(InvalidArgument, match="these are"):
        Timerfd_async(CLOCK_MONOTONIC_RAW)


def test_words_arm_at_once_and_return_the_queue():
    """Each word arms the timer, with the documentation and errors of the object's."""
    timer = Timerfd_async()
    assert timer.occurring is timer.occuring is timer.and_repeats is timer
    for word in ("every", "repeat", "repeats"):
        assert getattr(timer, word)(seconds=100) is timer
        assert timer.get_current().period == (100, 0)
        assert timer.get_current().next_event >= (99, 0)
        assert timer.disable() is timer
        assert not timer.get_current()
    for word in ("after", "offset"):
        assert getattr(timer, word)(50, 5) is timer
        assert timer.get_current().next_event >= (49, 0)
        assert timer.get_current().period == (0, 0)
    timer.after(seconds=50).and_repeats.every(seconds=7)
    assert (timer.next_event, timer.period) == ((50, 0), (7, 0))
    assert timer.get_current().period == (7, 0)
    assert timer.get_current().next_event >= (49, 0)
    assert Timerfd_async.every.__doc__ == Timer.every.__doc__
    with pytest.raises(ValueError, match="seconds"):
        timer.every(-1)
    with pytest.raises(TypeError, match="seconds"):
        timer.after("1")
    assert timer.get_current().period == (7, 0)
    assert (timer.enabled, timer.disabled) == (True, False)
    timer.close()
    for word in (timer.every, timer.after):
        with pytest.raises(ValueError, match="closed file"):
            word(1)
    with pytest.raises(ValueError, match="closed file"):
        timer.disable()


@pytest.mark.defect("Q1")
def test_update_and_set_one_off():
    """The methods that Timer has beside the words are here, and return TimerVals."""
    timer = Timerfd_async(CLOCK_REALTIME)
    timer.after(int(time.time()) + 1000).update(absolute=True, cancel_on_set=True)
    assert (900, 0) < timer.get_current().next_event <= (1000, 0)
    old = timer.set_one_off(30)
    assert isinstance(old, TimerVal)
    assert (900, 0) < old.next_event <= (1000, 0)
    timer.set_reoccuring(5)
    assert timer.get_current().period == (5, 0)
    timer.set_reoccurring(20, next_seconds=10)
    assert (timer.next_event, timer.period) == ((10, 0), (20, 0))
    assert timer.get_current().period == (20, 0)
    timer.close()


@both
async def test_no_expiration_is_lost():
    """A late or cancelled program gets the expirations in one number later."""
    async with Timerfd_async() as timer:
        task = asyncio.ensure_future(timer.get())
        await turn()
        timer.every(nano_seconds=1_000_000)
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        until_readable(timer)
        task.cancel()
        await turn(2)
        assert task.cancelled()
        time.sleep(0.02)
        # a small number if the loop has read it before this program was late
        expired = await timer.get()
        at_least = (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start) // 1_000_000
        assert expired + await timer.get() >= at_least


@both
async def test_a_delay_of_0_is_over_at_once():
    """In whichever order the words come, a computed delay may be 0."""
    async with Timerfd_async() as timer:
        assert await timer.after(0).get(10) == 1
        assert await timer.every(1000).after(0).get(10) == 1
        assert await timer.after(0).every(1000).get(10) == 1
        timer.set_one_off(0)
        assert await timer.get(10) == 1


@both
async def test_a_timer_that_was_never_armed():
    """The words of an adopted Timer arm nothing: get says so, and update() does it."""
    async with Timerfd_async.adopt(Timer().every(nano_seconds=1)) as timer:
        with pytest.raises(RuntimeError, match=r"update\(\)"):
            await timer.get()
        timer.update()
        assert await timer.get(10) >= 1


def test_a_stale_expiration():
    """An expiration that was read and not taken is gone when the timer is set."""
    timer = Timerfd_async().after(0.001)
    until_readable(timer)
    assert not timer.empty()
    timer.disable()
    assert timer.empty()
    with pytest.raises(asyncio.QueueEmpty):
        timer.get_nowait()
    timer.close()
