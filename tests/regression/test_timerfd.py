"""What was broken in timerfd once, and what programs rely on."""

import errno
import os
import select
import time
from unittest import mock

import pytest
import support
from loops import both, run

from butter import _timerfd, timerfd
from butter.asyncio.timerfd import Timerfd_async
from butter.errors import InternalError, InvalidArgument, UnknownError
from butter.timerfd import (
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    TFD_CLOEXEC,
    TFD_NONBLOCK,
    TFD_TIMER_CANCEL_ON_SET,
    Timer,
    Timerfd,
    TimerfdClock,
    TimerVal,
    timerfd_gettime,
    timerfd_settime,
)


def test_t1_truth():
    """bool(), ``if timer:`` and enabled say whether it would expire."""
    with Timer() as timer:
        for value in (TimerVal(), timer):
            assert not value
            assert not value.enabled
            assert value.every(nano_seconds=1)
            assert value.enabled
            assert not value.disable()
            assert not value.enabled


def test_t2_disable_and_start_again():
    """disable() leaves nothing behind that would show in the next sentence."""
    value = TimerVal().every(3, 500)
    value.disable()
    assert (value.next_event, value.period) == ((0, 0), (0, 0))
    value.every(7)
    assert (value.next_event, value.period) == ((7, 0), (7, 0))
    value.after(1, 5).every(2)
    assert (value.next_event, value.period) == ((1, 5), (2, 0))


def test_t3_fractions_and_negative_times():
    """Half a second is one, and a negative time is refused by the word, not by the kernel."""
    assert TimerVal().after(0.5).next_event == (0, 500_000_000)
    for word in ("after", "every"):
        with pytest.raises(ValueError, match="must not be negative"):
            getattr(TimerVal(), word)(-1)
        with pytest.raises(ValueError, match="negative"):
            getattr(TimerVal(), word)(nano_seconds=-1)


def test_t4_what_the_kernel_refused():
    """The error blames what is wrong, and a thousand million seconds are not."""
    with Timer() as timer:
        timer.after(10**9).every(2 * 10**9).update()
        assert timer.get_current().period == (2 * 10**9, 0)
        with pytest.raises(InvalidArgument, match="flags"):
            timerfd_settime(timer, timer, 1 << 5)
    reading, writing = os.pipe()
    with pytest.raises(InvalidArgument, match=f"descriptor {reading} is not a timerfd"):
        timerfd_settime(reading, TimerVal().after(10**9))
    os.close(reading)
    os.close(writing)


def test_t5_no_right_to_wake_the_system():
    """It is a PermissionError with its errno, and names the capability."""
    with pytest.raises(PermissionError, match="CAP_WAKE_ALARM") as caught:
        support.inject_in_child("timerfd_create", errno.EPERM, timerfd.timerfd, CLOCK_BOOTTIME_ALARM)
    assert caught.value.errno == errno.EPERM


def test_t6_clocks_that_make_no_timer():
    """Each refusal names the clock, not the flags, and lists those that do."""
    for name in ("MONOTONIC_COARSE", "MONOTONIC_RAW", "PROCESS_CPUTIME_ID", "REALTIME_COARSE", "THREAD_CPUTIME_ID"):
        with pytest.raises(
            ValueError, match=f"CLOCK_{name} is not a clock for timers; these are: CLOCK_REALTIME, CLOCK_MONOTONIC,"
        ):
            Timer(TimerfdClock[name])


def test_t7_a_clock_that_is_set(in_child):
    """The flag is there, and ECANCELED says what to do, in both calls that give it."""
    assert TFD_TIMER_CANCEL_ON_SET == 2

    def body(call, method):
        timer = Timer(CLOCK_REALTIME)
        timer.after(int(time.time()) + 1000).update(absolute=True)
        support.inject(call, errno.ECANCELED, timer.fileno())
        try:
            getattr(timer, method)(**({"absolute": True, "cancel_on_set": True} if method == "update" else {}))
        except OSError as error:
            return error.errno, error.strerror

    for call, method in (("read", "read_event"), ("timerfd_settime", "update")):
        number, text = in_child(body, call, method)
        assert number == errno.ECANCELED
        assert "was set" in text


def test_e8_subclasses():
    """A class of one's own can be made of it, with other arguments."""

    class Heartbeat(Timer):
        def __init__(self, rate):
            super().__init__(flags=TFD_NONBLOCK)
            self.every(1 / rate).update()

    with Heartbeat(1000) as timer:
        assert timer.wait(10) >= 1
        assert "Heartbeat" in repr(timer)


@both
def test_q1_the_awaitable_works(kind):
    """It can be made, set by the words of every age of it, and waited for."""

    async def main():
        async with Timerfd_async() as timer:
            timer.set_one_off(0, 1)
            assert await timer.wait() == 1
            timer.set_reoccuring(0, 1_000_000)
            assert await timer.wait() >= 1
            assert timer.enabled
            timer.disable()
            assert timer.disabled
            assert not timer.get_current()

    run(main(), kind)


def test_users_a_timer_in_epoll():
    """A program arms a timer of three seconds, registers it with epoll, and reads ints."""
    with Timer(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC) as timer, select.epoll() as epoll:
        timer.after(3, 0).every(3, 0)
        timer.update()
        assert timer.get_current().period == (3, 0)
        timer.after(0, 1).update()
        epoll.register(timer.fileno(), select.EPOLLIN)
        assert epoll.poll(10) == [(timer.fileno(), select.EPOLLIN)]
        assert timer.read_event() == 1


def test_users_a_period_is_kept():
    """An interval of a tenth of a second comes one by one, and what is left of it can be asked."""
    with Timer() as timer:
        timer.repeats(seconds=0, nano_seconds=100_000_000).update()
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        expired = sum(timer.wait() for _ in range(3))
        assert time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start >= (expired - 1) * 100_000_000
        left = timer.get_current().next_event
        assert left.seconds == 0
        assert 0 < left.nano_seconds <= 100_000_000


def test_users_a_time_is_set_back_to_nothing():
    """0 is a time like others: it replaces the one before, and nothing is left of the timer then."""
    with Timer() as timer:
        timer.offset(seconds=0, nano_seconds=1).repeats(seconds=1, nano_seconds=1).update()
        assert timer.wait(10) == 1
        timer.offset(seconds=0, nano_seconds=0)
        timer.repeats(seconds=0, nano_seconds=0)
        timer.update()
        # at once, and then never again
        assert timer.wait(10) == 1
        assert timer.get_current().next_event == (0, 0)
        timer.offset(seconds=1, nano_seconds=1).repeats(seconds=1, nano_seconds=1).update()
        timer.disable()
        timer.update()
        assert timer.get_current().next_event == (0, 0)
        with pytest.raises(TimeoutError):
            timer.wait(0.05)


def test_users_a_loop_over_an_interval():
    """The interval timer of the documentation: words, update, and a for loop."""
    with Timer() as timer:
        timer.occuring.every(seconds=0.01).after(nano_seconds=500_000).update()
        for ticks, _ in zip(timer, range(2)):
            assert ticks >= 1


def test_users_settings_without_an_object():
    """A number and a TimerVal are enough."""
    fd = timerfd.timerfd(clock_type=CLOCK_MONOTONIC, flags=TFD_NONBLOCK)
    timerfd_settime(fd, TimerVal().occuring.every(seconds=5, nano_seconds=3).after(seconds=5))
    current = timerfd_gettime(fd)
    assert current.period.seconds == 5
    assert current.period.nano_seconds == 3
    os.close(fd)


@pytest.mark.parametrize(
    ("function", "arguments", "number", "exception"),
    [
        ("timerfd_create", (0xFFFF,), errno.EINVAL, ValueError),
        ("timerfd_create", (), errno.EMFILE, OSError),
        ("timerfd_create", (), errno.ENFILE, OSError),
        ("timerfd_create", (), errno.ENODEV, OSError),
        ("timerfd_create", (), errno.ENOMEM, MemoryError),
        ("timerfd_create", (), errno.EHOSTDOWN, UnknownError),
        ("timerfd_gettime", (0,), errno.EBADF, ValueError),
        ("timerfd_gettime", (0,), errno.EFAULT, InternalError),
        ("timerfd_gettime", (0,), errno.EINVAL, ValueError),
        ("timerfd_gettime", (0,), errno.EHOSTDOWN, UnknownError),
        ("timerfd_settime", (0, TimerVal()), errno.EINVAL, ValueError),
        ("timerfd_settime", (0, TimerVal().repeats(nano_seconds=10**9)), errno.EINVAL, ValueError),
        ("timerfd_settime", (0, TimerVal().offset(seconds=10**9)), errno.EINVAL, ValueError),
        ("timerfd_settime", (0, TimerVal()), errno.EFAULT, InternalError),
        ("timerfd_settime", (0, TimerVal()), errno.EMFILE, OSError),
        ("timerfd_settime", (0, TimerVal()), errno.ENFILE, OSError),
        ("timerfd_settime", (0, TimerVal()), errno.ENODEV, OSError),
        ("timerfd_settime", (0, TimerVal()), errno.ENOMEM, MemoryError),
        ("timerfd_settime", (0, TimerVal()), errno.EHOSTDOWN, UnknownError),
    ],
)
def test_users_replace_lib(function, arguments, number, exception):
    """Tests of programs put a mock for the C library that gives -1 and sets the saved errno."""
    with mock.patch("butter._timerfd.lib") as lib:
        getattr(lib, function).return_value = -1
        _timerfd.ffi.errno = number
        with pytest.raises(exception) as caught:
            getattr(_timerfd, function.replace("_create", ""))(*arguments)
    assert caught.value.errno == number


def test_names_stay():
    """The older name is the same class."""
    assert Timerfd is Timer
    with Timerfd(CLOCK_MONOTONIC) as timer:
        timer.set_one_off(seconds=0, nano_seconds=1)
        assert timer.wait(10) == 1
        timer.set_reoccuring(seconds=1, nano_seconds=2, next_seconds=0, next_nano_seconds=1, absolute=False)
        assert timer.wait(10) == 1
        assert (timer.enabled, timer.disabled) == (True, False)
        assert timer.get_current().period == (1, 2)
