"""timerfd on this kernel: when a timer expires, how often, and what its errors say."""

import copy
import ctypes
import datetime
import decimal
import errno
import fractions
import itertools
import os
import pickle
import re
import select
import socket
import sys
import threading
import time

import pytest
import support
from support import needs

import butter._timerfd
import butter.timerfd
from butter._timerfd import TIMER_CLOCKS, nanoseconds
from butter.errors import InvalidArgument
from butter.timerfd import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_THREAD_CPUTIME_ID,
    TFD_NONBLOCK,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    TimePair,
    Timer,
    Timerfd,
    TimerfdClock,
    TimerVal,
    timerfd,
    timerfd_gettime,
    timerfd_settime,
)

SECOND = 10**9
PLAIN = [CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME]
ALARM = [CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM]
NONE = [
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_THREAD_CPUTIME_ID,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME_COARSE,
    CLOCK_MONOTONIC_COARSE,
]


@pytest.fixture
def timer():
    with Timer(flags=TFD_NONBLOCK) as made:
        yield made


def info(timer):
    """The fields that the kernel prints of a timer: ``{name: text}``."""
    with open(f"/proc/self/fdinfo/{timer.fileno()}") as lines:
        return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def total(pair):
    """A TimePair in nanoseconds."""
    return pair.seconds * SECOND + pair.nano_seconds


# -- the words


@pytest.mark.defect("T3")
@pytest.mark.parametrize(
    ("seconds", "nano_seconds", "expected"),
    [
        (3, None, (3, 0)),
        (3, 4, (3, 4)),
        (None, 5, (0, 5)),
        (0, 10**9, (1, 0)),
        (1, 2_500_000_000, (3, 500_000_000)),
        (0.1, None, (0, 100_000_000)),
        (0.3, None, (0, 300_000_000)),
        (1.5, 500_000_001, (2, 1)),
        (1e-9, None, (0, 1)),
        (1e-12, None, (0, 1)),
        (5e-324, None, (0, 1)),
        (0.0, None, (0, 0)),
        (-0.0, None, (0, 0)),
        (2.0**62, None, (2**62, 0)),
        (decimal.Decimal("0.1"), None, (0, 100_000_000)),
        (decimal.Decimal("1234567890123.123456789"), None, (1234567890123, 123456789)),
        (decimal.Decimal("1E-30"), None, (0, 1)),
        (decimal.Decimal("0"), 7, (0, 7)),
        (fractions.Fraction(1, 3), None, (0, 333_333_333)),
        (fractions.Fraction(2, 3), None, (0, 666_666_667)),
        (datetime.timedelta(days=1, milliseconds=1), None, (86400, 1_000_000)),
        (datetime.timedelta(microseconds=1), 1, (0, 1001)),
        (datetime.timedelta(0), None, (0, 0)),
        (True, None, (1, 0)),
        (10**9 + 1, None, (10**9 + 1, 0)),
        (2**63 - 1, 999_999_999, (2**63 - 1, 999_999_999)),
    ],
)
def test_a_time_is_exact(seconds, nano_seconds, expected):
    """A time of any type is kept to the nanosecond, and one above 0 stays above 0."""
    with decimal.localcontext() as context:
        context.prec = 3  # has no effect
        value = TimerVal().after(seconds, nano_seconds).every(seconds, nano_seconds)
    assert value.period == expected
    assert value.next_event == max(expected, (0, 1))
    assert isinstance(value.next_event, TimePair)
    assert all(type(part) is int for part in (*value.next_event, *value.period))


@pytest.mark.defect("T3")
@pytest.mark.parametrize(
    ("seconds", "nano_seconds"),
    [
        (-1, None),
        (-1e-9, None),
        (float("nan"), None),
        (float("inf"), None),
        (-float("inf"), None),
        (1, -1),
        (None, -1),
        (2**63, None),
        (2**63 - 1, SECOND),
        (1e300, None),
        (0, 2**63 * SECOND),
        (decimal.Decimal("-0.1"), None),
        (decimal.Decimal("nan"), None),
        (decimal.Decimal("snan"), None),
        (decimal.Decimal("inf"), None),
        (decimal.Decimal("1E+999999"), None),
        (fractions.Fraction(-1, 3), None),
        (datetime.timedelta(-1), None),
        (datetime.timedelta(microseconds=-1), None),
    ],
)
@pytest.mark.parametrize("word", ["after", "every", "offset", "repeat", "repeats", "set_one_off", "set_reoccuring"])
def test_a_time_that_there_is_not(timer, word, seconds, nano_seconds):
    """A time that cannot be is a ValueError, and the timer is as before."""
    timer.after(1, 2).every(3, 4).update()
    before = timer.get_current()
    with pytest.raises(ValueError, match="seconds"):
        getattr(timer, word)(seconds, 0 if nano_seconds is None else nano_seconds)
    assert (timer.next_event, timer.period) == ((1, 2), (3, 4))
    assert 0 < total(timer.get_current().next_event) <= total(before.next_event)


@pytest.mark.parametrize(
    ("seconds", "nano_seconds"), [("1", 0), (b"1", 0), (1j, 0), ([1], 0), (1, 1.0), (1, "1"), (1, decimal.Decimal(1))]
)
@pytest.mark.parametrize("word", ["after", "every", "set_one_off", "set_reoccuring"])
def test_another_type_of_time(timer, word, seconds, nano_seconds):
    """Another type than a time's is a TypeError, and the timer is as before."""
    timer.after(1, 2).every(3, 4)
    with pytest.raises(TypeError, match="seconds"):
        getattr(timer, word)(seconds, nano_seconds)
    assert (timer.next_event, timer.period) == ((1, 2), (3, 4))
    with pytest.raises(TypeError, match="time is missing"):
        TimerVal().after()


def test_a_decimal_s_own_context_does_not_matter():
    """Traps and precision of the program are not used for a finite number."""
    with decimal.localcontext() as context:
        context.traps[decimal.Inexact] = context.traps[decimal.FloatOperation] = True
        assert nanoseconds(decimal.Decimal("1.1234567891"), None) == 1_123_456_789


def test_sentences():
    """Each word returns the object, so that they make sentences, in any order."""
    value = TimerVal()
    assert value.occurring is value.occuring is value.and_repeats is value
    assert value.after(1) is value.offset(2) is value.every(3) is value.repeat(4) is value.repeats(5) is value
    assert (value.next_event, value.period) == ((2, 0), (5, 0))
    assert value.disable() is value
    assert (value.next_event, value.period) == ((0, 0), (0, 0))

    value = TimerVal().occurring.every(seconds=5, nano_seconds=3).after(seconds=5)
    assert (value.next_event, value.period) == ((5, 0), (5, 3))
    value = TimerVal().offset(seconds=3).and_repeats.every(seconds=5)
    assert (value.next_event, value.period) == ((3, 0), (5, 0))


def test_a_period_alone_is_the_first_time_too():
    """A period is the first time too, unless another is given, before or after."""
    value = TimerVal().every(2)
    assert value.next_event == (2, 0)
    assert value.every(3).next_event == (3, 0)
    assert TimerVal(value).every(4).next_event == (4, 0)
    assert value.after(1).every(4).next_event == (1, 0)


def spoken(*words):
    """A TimerVal after these words, each a pair of a name and its arguments."""
    value = TimerVal()
    for name, *arguments in words:
        getattr(value, name)(*arguments)
    return value


@pytest.mark.parametrize("first", [None, 0, 3, 0.0, datetime.timedelta(0)])
@pytest.mark.parametrize("period", [None, 0, 5, decimal.Decimal(0)])
def test_the_order_of_the_words_decides_nothing(first, period):
    """Two words in either order make one setting, and enable it."""
    words = [("after", first)] * (first is not None) + [("every", period)] * (period is not None)
    settings = [spoken(*order) for order in itertools.permutations(words)]
    assert all(value == settings[0] for value in settings)
    assert all(value.enabled is bool(words) for value in settings)


@pytest.mark.defect("T1", "T2")
def test_only_disable_says_never():
    """A time of 0 is the shortest one; only disable() says never."""
    assert not TimerVal()
    for value in (TimerVal().after(0), TimerVal().every(0), TimerVal().after(0, 0).every(0, 0)):
        assert (value.next_event, value.period) == ((0, 1), (0, 0))
        assert (bool(value), value.enabled, value.disabled) == (True, True, False)
        value.disable()
        assert (value.next_event, value.period) == ((0, 0), (0, 0))
        assert (bool(value), value.enabled, value.disabled) == (False, False, True)
        assert value.every(7).next_event == (7, 0)
    assert TimerVal().every(0).after(5).next_event == (5, 0)


def test_values_are_compared():
    """Settings with the same times are equal; timers are compared as objects."""
    value = TimerVal().every(2, 5)
    assert value == TimerVal().after(2, 5).every(2, 5) == TimerVal(value.__timerspec__())
    assert value != TimerVal().after(2, 4).every(2, 5)
    assert value != TimerVal().after(2, 5)
    assert TimerVal() == TimerVal().after(3).disable()
    assert value != (2, 5)
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)
    with Timer() as one, Timer() as other:
        assert one.after(1) != other.after(1)
        assert one != TimerVal().after(1) != one
        assert len({one, other}) == 2


def test_the_whole_of_a_time():
    """A TimePair adds itself up, and stays a tuple of two."""
    assert TimerVal().after(3, 4).next_event.nanoseconds == 3 * SECOND + 4
    seconds, nano_seconds = TimePair(1, 2)
    assert (seconds, nano_seconds) == TimePair(1, 2) == (1, 2)
    assert TimePair(2**63 - 1, 1).nanoseconds == (2**63 - 1) * SECOND + 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "disabled"),
        ([("every", 1)], "next=1s every=1s"),
        ([("after", 0.2), ("every", 1.5)], "next=0.2s every=1.5s"),
        ([("after", 10)], "next=10s"),
        ([("after", 0)], "next=0.000000001s"),
        ([("after", 123456789, 123456789)], "next=123456789.123456789s"),
        ([("after", 1), ("disable",)], "disabled"),
    ],
)
def test_text(words, text):
    """Times print as seconds, with nanoseconds; a timer prints its descriptor too."""
    assert repr(spoken(*words)) == f"<TimerVal {text}>"
    with Timer() as timer:
        for name, *arguments in words:
            getattr(timer, name)(*arguments)
        assert repr(timer) == f"<Timer fd={timer.fileno()} {text}>"


def test_text_of_what_a_timer_returns(timer):
    """update and get_current return a TimerVal, which prints as one."""
    assert repr(timer.after(100, 1).every(7).update()) == "<TimerVal disabled>"
    assert re.fullmatch(r"<TimerVal next=\d+(\.\d+)?s every=7s>", repr(timer.get_current()))
    assert type(timer.get_current()) is type(timer.update()) is TimerVal
    spec = TimerVal().every(7).__timerspec__()
    spec.it_value.tv_sec = 0
    assert repr(TimerVal(spec)) == "<TimerVal disabled every=7s>"
    assert not TimerVal(spec)


def test_timerval_of_a_struct():
    """__timerspec__ returns the C structure, of which a TimerVal can be made."""
    value = TimerVal().after(1, 2).every(3, 4)
    spec = value.__timerspec__()
    assert (spec.it_value.tv_sec, spec.it_value.tv_nsec) == (1, 2)
    assert (spec.it_interval.tv_sec, spec.it_interval.tv_nsec) == (3, 4)
    for again in (TimerVal(spec), TimerVal(value), TimerVal(timerspec=spec), copy.copy(value), copy.deepcopy(value)):
        assert (again.next_event, again.period) == ((1, 2), (3, 4))
    for wrong in (5, "x", (1, 2)):
        with pytest.raises(TypeError, match="timerspec"):
            TimerVal(wrong)


# -- the calls


@pytest.mark.parametrize("clock", [*PLAIN, *(pytest.param(clock, marks=needs("CAP_WAKE_ALARM")) for clock in ALARM)])
def test_clocks_that_make_a_timer(clock):
    """A plain clock makes a timer; one that wakes the system needs CAP_WAKE_ALARM."""
    with Timer(clock, TFD_NONBLOCK) as timer:
        assert info(timer)["clockid"] == str(clock)
        timer.after(nano_seconds=1).update()
        assert timer.wait(10) == 1
    with Timer(TimerfdClock(clock)) as timer:
        assert info(timer)["clockid"] == str(clock)


@pytest.mark.defect("T6")
@pytest.mark.parametrize("clock", [*NONE, -1, 11, 2**31 - 1])
@pytest.mark.parametrize("make", [timerfd, Timer])
def test_clocks_that_make_no_timer(make, clock):
    """The refusal of a clock names it, and lists those that make a timer."""
    with pytest.raises(InvalidArgument, match="is not a clock for timers") as caught:
        make(clock)
    assert caught.value.errno == errno.EINVAL
    assert clock not in NONE or f"CLOCK_{TimerfdClock(clock).name} is not a clock for timers" in caught.value.strerror
    for other in TimerfdClock:
        assert (f"CLOCK_{other.name}," in f"{caught.value.strerror.partition(';')[2]},") is (other in TIMER_CLOCKS)


@pytest.mark.defect("T5")
@pytest.mark.parametrize("clock", ALARM)
def test_no_right_to_wake_the_system(clock):
    """The error for a clock that wakes the system names the missing capability."""
    with pytest.raises(PermissionError, match="CAP_WAKE_ALARM") as caught:
        support.inject_in_child("timerfd_create", errno.EPERM, Timer, clock)
    assert caught.value.errno == errno.EPERM


def test_the_thin_calls():
    """The thin calls take a number or an object, and a TimerVal or a struct of C."""
    fd = timerfd()
    value = TimerVal().after(100).every(7, 8)
    old = timerfd_settime(fd, value)
    assert type(old) is TimerVal
    assert not old.enabled
    current = timerfd_gettime(fd)
    assert type(current) is TimerVal
    assert 99 * SECOND < total(current.next_event) <= 100 * SECOND
    assert current.period == (7, 8)
    old = timerfd_settime(fd, TimerVal().__timerspec__())
    assert 99 * SECOND < total(old.next_event) <= 100 * SECOND
    assert old.period == (7, 8)
    assert not timerfd_gettime(fd).enabled
    os.close(fd)
    with Timer() as timer:
        timerfd_settime(timer, timer.after(50))
        assert 49 * SECOND < total(timerfd_gettime(timer).next_event) <= 50 * SECOND


@pytest.mark.defect("T7")
def test_flags_reach_the_kernel(timer):
    """The kernel gets the flags that timerfd_settime and update were called with."""
    far = int(time.time()) + 1000
    with Timer(CLOCK_REALTIME) as real:
        timerfd_settime(real, real.after(far), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
        assert int(info(real)["settime flags"], 8) == 3
        real.update(absolute=True)
        assert int(info(real)["settime flags"], 8) == 1
        real.update(absolute=True, cancel_on_set=True)
        assert int(info(real)["settime flags"], 8) == 3
        assert 990 * SECOND < total(real.get_current().next_event) <= 1000 * SECOND
        real.update()
        assert int(info(real)["settime flags"], 8) == 0


def test_wrong_settings(timer):
    """Another type is a TypeError; unknown flags and bad nanoseconds are named."""
    for wrong in (None, 5, (1, 2), "x"):
        with pytest.raises(TypeError):
            timerfd_settime(timer, wrong)
    with pytest.raises(InvalidArgument, match="not 0x4"):
        timerfd_settime(timer, TimerVal(), 4)
    with pytest.raises(TypeError):
        timerfd_settime(timer, TimerVal(), "1")
    spec = TimerVal().after(1).__timerspec__()
    spec.it_value.tv_nsec = SECOND
    with pytest.raises(InvalidArgument, match="it_value is 1 s and 1000000000 ns"):
        timerfd_settime(timer, spec)
    spec = TimerVal().every(1).__timerspec__()
    spec.it_interval.tv_sec = -1
    with pytest.raises(InvalidArgument, match="it_interval is -1 s"):
        timerfd_settime(timer, spec)
    assert not timer.get_current().enabled


@pytest.mark.defect("T4")
def test_another_kind_of_descriptor(tmp_path):
    """The thin calls say that a descriptor is not a timerfd, and what it is."""
    with open(tmp_path / "file", "w") as file:
        for call in (lambda: timerfd_gettime(file), lambda: timerfd_settime(file, TimerVal())):
            with pytest.raises(InvalidArgument, match=f"descriptor {file.fileno()} is not a timerfd") as caught:
                call()
            assert caught.value.errno == errno.EINVAL
            assert f"/proc/self/fd says that it is {str(tmp_path / 'file')!r}" in caught.value.strerror


def test_unknown_flags():
    """The error for unknown flags names the flags that there are."""
    for make in (timerfd, Timer):
        with pytest.raises(InvalidArgument, match="TFD_NONBLOCK"):
            make(CLOCK_MONOTONIC, 1)
        for wrong in (None, "1", 1.5):
            with pytest.raises(TypeError):
                make(wrong)
            with pytest.raises(TypeError):
                make(CLOCK_MONOTONIC, wrong)
        with pytest.raises(ValueError, match="clock_type"):
            make(2**31)


# -- the object


def test_the_words_alone_do_nothing(timer):
    """The words do nothing until update(), which returns the setting before."""
    assert not timer
    assert not timer.enabled
    timer.every(seconds=100).after(seconds=50)
    assert timer
    assert not timer.get_current()
    assert not timer.update()
    current = timer.get_current()
    assert 49 * SECOND < total(current.next_event) <= 50 * SECOND
    assert current.period == (100, 0)
    old = timer.disable().update()
    assert 49 * SECOND < total(old.next_event) <= 50 * SECOND
    assert old.period == (100, 0)
    assert not timer.get_current()
    assert timer.get_current().period == (0, 0)


def test_the_setting_of_another_object(timer):
    """get_current and update return a setting that another object has made."""
    timer.after(100).every(7).update()
    timerfd_settime(timer.fileno(), TimerVal().after(200).every(9, 9))
    current = timer.get_current()
    assert 199 * SECOND < total(current.next_event) <= 200 * SECOND
    assert current.period == (9, 9)
    timerfd_settime(timer.fileno(), TimerVal().after(300).every(11))
    old = timer.update()
    assert 299 * SECOND < total(old.next_event) <= 300 * SECOND
    assert old.period == (11, 0)
    assert timer.get_current().period == (7, 0)


def test_a_setting_can_be_put_back(timer):
    """The setting that update returned can be set, changed and copied."""
    timer.after(100).every(7).update()
    old = timer.after(1).update()
    timerfd_settime(timer, old)
    current = timer.get_current()
    assert 99 * SECOND < total(current.next_event) <= 100 * SECOND
    assert current.every(5).period == (5, 0)
    assert 99 * SECOND < total(current.next_event) <= 100 * SECOND
    for again in (pickle.loads(pickle.dumps(current)), copy.copy(current), TimerVal(current)):
        assert isinstance(again, TimerVal)
        assert (again.next_event, again.period) == (current.next_event, current.period)


def test_one_shot():
    """A timer without a period expires once, not early, and is then not armed."""
    with Timer() as timer:
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        timer.after(0.02).update()
        assert timer.wait() == 1
        assert time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start >= 20_000_000
        assert not timer.get_current()
        with pytest.raises(TimeoutError):
            timer.wait(0.03)


def test_no_expiration_is_lost():
    """Late reads return counts that add up to all periods that have passed."""
    with Timer() as timer:
        timer.every(nano_seconds=100_000).update()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        expired = 0
        for delay in (0, 0.001, 0.01, 0.05):
            time.sleep(delay)
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            expired += timer.read_event()
        assert expired >= (after - before) // 100_000
        # at the same moment as the last read, between two looks at the clock
        timer.update()
        low = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        time.sleep(0.01)
        at_least = (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - low) // 100_000
        assert timer.read_event() >= at_least


@pytest.mark.parametrize("clock", PLAIN)
def test_absolute(clock):
    """The first expiration is a time on the clock, and a past one is at once."""
    # no time here is before this test: the clock may have begun shortly before it
    with Timer(clock) as timer:
        first = time.clock_gettime_ns(clock)
        timer.after(0, first + 10**11).update(absolute=True)
        assert 0 < total(timer.get_current().next_event) <= 10**11
        now = time.clock_gettime_ns(clock)
        timer.after(0, now + 20_000_000).update(absolute=True)
        assert timer.wait(10) == 1
        assert time.clock_gettime_ns(clock) >= now + 20_000_000
        period = 2_000_000
        timer.after(0, first).every(0, period).update(absolute=True)
        low = (time.clock_gettime_ns(clock) - first) // period + 1
        assert 11 <= low <= timer.read_event() <= (time.clock_gettime_ns(clock) - first) // period + 1
        timer.disable().after(0, 1).update(absolute=True)  # long ago
        assert timer.read_event() == 1


def test_longer_than_the_kernel_counts(timer):
    """A time of more than 292 years never comes: the kernel's clock ends before."""
    for seconds in (2**34, 10**12, 2**63 - 1):
        assert timer.after(seconds).every(seconds).update() is not timer
        assert timer.next_event == timer.period == (seconds, 0)
        current = timer.get_current()
        assert total(current.next_event) > 2**62
        assert current.period == divmod(2**63 - 1, SECOND)
        old = timer.update()
        assert total(old.next_event) > 2**62


@pytest.mark.defect("T4")
@pytest.mark.parametrize("seconds", [10**9, 2**31, 2**33])
def test_long_times(timer, seconds):
    """The kernel takes more seconds than 999,999,999."""
    timer.after(seconds).every(seconds).update()
    current = timer.get_current()
    assert seconds - 10 <= current.next_event.seconds <= seconds
    assert current.period == (seconds, 0)


def test_set_one_off_and_set_reoccuring(timer):
    """The words of the first releases arm the timer, and return the setting before."""
    assert Timerfd is Timer
    assert not timer.set_one_off(100, 5)
    assert (timer.next_event, timer.period) == ((100, 5), (0, 0))
    old = timer.set_reoccuring(10, 1, 5, 2)
    assert 99 * SECOND < total(old.next_event) <= 100 * SECOND + 5
    assert (timer.next_event, timer.period) == ((5, 2), (10, 1))
    assert timer.get_current().period == (10, 1)
    timer.set_reoccurring(0.25)
    assert (timer.next_event, timer.period) == ((0, 250_000_000), (0, 250_000_000))
    timer.set_one_off(datetime.timedelta(seconds=3))
    assert (timer.next_event, timer.period) == ((3, 0), (0, 0))
    timer.set_one_off(time.clock_gettime(CLOCK_MONOTONIC) + 50, absolute=True)
    assert 49 * SECOND < total(timer.get_current().next_event) <= 50 * SECOND
    with pytest.raises(ValueError, match="seconds"):
        timer.set_reoccuring(5, next_seconds=-1)
    assert timer.period == (0, 0)


@pytest.mark.parametrize(
    "start",
    [
        lambda timer: timer.set_one_off(0),
        lambda timer: timer.set_one_off(0, absolute=True),
        lambda timer: timer.set_reoccuring(0),
        lambda timer: timer.after(0).update(),
        lambda timer: timer.after(max(0.0, -3.5)).update(absolute=True),
        lambda timer: timer.after(0).every(1000).update(),
        lambda timer: timer.every(1000).after(0).update(),
        lambda timer: timer.every(0).update(),
        lambda timer: timer.every(0).after(0).update(),
        lambda timer: timerfd_settime(timer, TimerVal().after(0)),
    ],
)
def test_a_delay_of_0_is_over_at_once(timer, start):
    """A delay of 0 expires at once, however it was said."""
    start(timer)
    assert timer.wait(10) == 1


def test_a_struct_of_zeros_stops_the_timer(timer):
    """The thin call passes a struct of zeros on, which the kernel takes as never."""
    timer.every(100).update()
    spec = TimerVal().__timerspec__()
    assert (spec.it_value.tv_sec, spec.it_value.tv_nsec) == (0, 0)
    spec.it_interval.tv_sec = 7
    timerfd_settime(timer, spec)
    current = timer.get_current()
    assert not current
    assert (current.next_event, current.period) == ((0, 0), (7, 0))


WAITS = {
    "wait": lambda timer: timer.wait(),
    "wait with a timeout": lambda timer: timer.wait(60),
    "read_event": lambda timer: timer.read_event(),
    "read_events": lambda timer: timer.read_events(),
    "for": lambda timer: next(iter(timer)),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("flags", [0, TFD_NONBLOCK])
def test_waiting_for_a_timer_that_was_never_armed(wait, flags):
    """A wait raises where the words were not followed by an update()."""
    with Timer(flags=flags) as timer:
        timer.every(nano_seconds=1)
        with pytest.raises(RuntimeError, match=r"every=0\.000000001s> is not armed.*update\(\)"):
            wait(timer)
        assert timer.pending == 0
        timer.update()
        assert select.select([timer], [], [], 10)[0]
        assert wait(timer)


def test_words_that_were_forgotten_after_an_expiration(timer):
    """New words after an expiration need an update() before a wait."""
    timer.after(nano_seconds=1).update()
    assert timer.wait(10) == 1
    timer.every(1)
    with pytest.raises(RuntimeError, match="is not armed"):
        timer.wait()
    timer.after(nano_seconds=1).update()
    assert timer.wait(10) == 1


def test_armed_by_the_thin_call(timer):
    """A timer that the thin call armed can be waited for."""
    timerfd_settime(timer, timer.after(nano_seconds=1))
    assert timer.wait(10) == 1
    with pytest.raises(TimeoutError):
        timer.wait(0)
    assert timer.read_events() == []
    with Timer() as other:
        timerfd_settime(other, other.after(100))
        with pytest.raises(TimeoutError):
            other.wait(0)


def test_words_after_an_update(timer):
    """A wait before the next update() is for the setting that is armed."""
    timer.every(nano_seconds=1).update()
    timer.after(1000)
    assert timer.wait(10) >= 1


def test_waiting_without_words(timer):
    """A timer without words, or only disabled, can be waited for: others may arm it."""
    for setting in (timer, timer.disable()):
        assert setting.read_events() == []
        with pytest.raises(TimeoutError):
            setting.wait(0)


@pytest.mark.parametrize("clock", PLAIN)
def test_adopt_knows_the_clock(clock):
    """An adopted timer stays armed, has no words, and knows what its clock allows."""
    fd = timerfd(clock)
    timerfd_settime(fd, TimerVal().after(100).every(7))
    with Timer.adopt(fd) as timer:
        assert timer.get_current().period == (7, 0)
        assert not timer
        far = int(time.clock_gettime(clock)) + 1000
        if clock == CLOCK_REALTIME:
            timer.after(far).update(absolute=True, cancel_on_set=True)
            assert int(info(timer)["settime flags"], 8) == 3
        else:
            with pytest.raises(ValueError, match="CLOCK_REALTIME"):
                timer.after(far).update(absolute=True, cancel_on_set=True)
        timer.after(0).update()
        assert timer.wait(10) == 1


def test_cancel_on_set_where_it_means_nothing(timer):
    """cancel_on_set is a ValueError where the kernel would ignore it."""
    with pytest.raises(ValueError, match="CLOCK_REALTIME"):
        timer.after(1).update(absolute=True, cancel_on_set=True)
    with Timer(CLOCK_REALTIME) as real, pytest.raises(ValueError, match="absolute"):
        real.after(1).update(cancel_on_set=True)
    assert not timer.get_current()


class Timex(ctypes.Structure):
    """struct timex, as far as it is used here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("before", ctypes.c_long * 8),
        ("seconds", ctypes.c_long),
        ("parts", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    )


def shift_the_clock(nano_seconds):
    """Set the time of day by so little that only cancel_on_set shows it."""
    # ADJ_SETOFFSET | ADJ_NANO; a negative time has negative seconds
    timex = Timex(0x0100 | 0x2000, seconds=nano_seconds // SECOND, parts=nano_seconds % SECOND)
    if support.libc.adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


@pytest.mark.clock
@needs("CAP_SYS_TIME")
def test_cancel_on_set():
    """Setting the clock is ECANCELED for read and update; the timer stays armed."""
    far = int(time.time()) + 1000
    with Timer(CLOCK_REALTIME) as timer:
        timer.after(far).update(absolute=True, cancel_on_set=True)
        assert select.select([timer], [], [], 0)[0] == []
        shift_the_clock(1)
        try:
            assert select.select([timer], [], [], 10)[0] == [timer]
            with pytest.raises(OSError, match="system clock was set") as caught:
                timer.read_event()
            assert caught.value.errno == errno.ECANCELED
            assert timer.get_current().enabled
            timer.update(absolute=True, cancel_on_set=True)
        finally:
            shift_the_clock(-1)
        with pytest.raises(OSError, match="has been armed as requested") as caught:
            timer.after(far + 1000).update(absolute=True, cancel_on_set=True)
        assert caught.value.errno == errno.ECANCELED
        assert total(timer.get_current().next_event) > 1500 * SECOND
        timer.update(absolute=True, cancel_on_set=True)


def test_a_read_without_bytes():
    """A read that returns no bytes, as after a clock was set back, is repeated."""
    # a datagram socket can do that whenever it is asked to
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there, Timer() as timer:
        os.dup2(here.fileno(), timer.fileno())
        there.send(b"")
        there.send((7).to_bytes(8, sys.byteorder))
        assert timer.read_event() == 7
        there.send(b"")
        os.set_blocking(timer.fileno(), False)
        with pytest.raises(BlockingIOError):
            timer.read_event()


def test_fork_shares_the_timer(in_child):
    """A child may read and set what its parent armed."""
    with Timer() as timer:
        timer.after(0.01).every(0.01).update()
        assert in_child(timer.read_event) >= 1
        in_child(timer.set_one_off, 100)
        current = timer.get_current()
        assert 90 * SECOND < total(current.next_event) <= 100 * SECOND
        assert current.period == (0, 0)


def test_threads_lose_nothing():
    """The counts that four threads read from one timer add up to every expiration."""
    each = 200
    with Timer() as timer:
        taken = []
        begun = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        timer.every(nano_seconds=50_000).update()
        low = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        threads = [
            threading.Thread(target=lambda: taken.append(sum(timer.read_event() for _ in range(each))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        high = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        taken.append(timer.read_event())
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert len(taken) == 5
        assert (high - low) // 50_000 <= sum(taken) <= (after - begun) // 50_000


def test_threads_set_one_timer(timer):
    """Settings are never torn between threads that make and read them."""
    made = {(number, number) for number in range(100, 108)}
    wrong = []

    def work(number):
        value = TimerVal().every(number, number)
        for _ in range(300):
            timerfd_settime(timer, value)
            seen = (timer.get_current(), timerfd_settime(timer, value), timer.update())
            wrong.extend(one for one in seen if one.period not in made or one.next_event > (107, 107))

    timer.every(100, 100).update()
    threads = [threading.Thread(target=work, args=pair[:1]) for pair in sorted(made)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_pointers_that_are_no_setting(timer):
    """NULL is a ValueError and another type a TypeError; neither is followed."""
    ffi = butter._timerfd.ffi
    for use in (TimerVal, lambda spec: timerfd_settime(timer, spec)):
        for null in (ffi.NULL, ffi.cast("struct itimerspec *", 0)):
            with pytest.raises(ValueError, match="not NULL"):
                use(null)
        for other in (ffi.new("struct timespec *"), ffi.new("struct itimerspec *")[0], ffi.cast("int", 0)):
            with pytest.raises(TypeError, match="struct itimerspec"):
                use(other)


@pytest.mark.parametrize("text", ["1e-9999999", "0e-9999999", "0e9999999"])
def test_decimals_with_a_long_ratio(text):
    """A decimal with an enormous exponent takes no time to convert."""
    start = time.process_time()
    assert nanoseconds(decimal.Decimal(text), None) == (text[0] == "1")
    assert time.process_time() - start < 1


@pytest.mark.parametrize("raises", [False, True])
def test_a_handler_between_the_call_and_its_result(timer, monkeypatch, raises):
    """A handler between the system call and its result changes no result."""
    # in this order: the timer has a period of 5; it is updated to 7; before that update
    # returns, the handler finds 7, and sets it to 9 and 11; the update returns the 5
    real = butter.timerfd.arm_timer

    def interrupted(*setting):
        result = real(*setting)
        monkeypatch.setattr(butter.timerfd, "arm_timer", real)
        if raises:
            raise LookupError
        assert timer.every(9).update().period == (7, 0)
        assert timer.every(11).update().period == (9, 0)
        return result

    timer.every(5).update()
    timer.every(7)
    monkeypatch.setattr(butter.timerfd, "arm_timer", interrupted)
    if raises:
        with pytest.raises(LookupError):
            timer.update()
        assert timer.get_current().period == (7, 0)
    else:
        assert timer.update().period == (5, 0)
        assert timer.get_current().period == (11, 0)


@pytest.mark.parametrize("fd", [None, "another"])
def test_another_descriptor(timer, fd):
    """An object uses the number that it holds now, not the one that it opened."""
    timer.every(5).update()
    opened = timer._fd
    with Timer() as other:
        other.every(7).update()
        timer._fd = None if fd is None else other.fileno()
        try:
            if fd is None:
                for call in timer.update, timer.get_current:
                    with pytest.raises(ValueError, match="closed"):
                        call()
            else:
                assert timer.get_current().period == (7, 0)
                assert timer.update().period == (7, 0)
                assert other.get_current().period == (5, 0)
        finally:
            timer._fd = opened
    assert timer.get_current().period == (5, 0)


def test_an_update_drops_what_was_read(timer):
    """An update drops expirations that were read and not taken, unless it fails."""
    for seconds in (0, 100, 2**34):
        timer._batch.append(1)
        timer.after(seconds).update()
        assert timer.pending == 0
    timer.after(1)
    with select.epoll() as epoll:
        timer._batch.append(1)
        os.dup2(epoll.fileno(), timer.fileno())
        for call in (timer.update, timer.get_current):
            with pytest.raises(InvalidArgument, match="not a timerfd"):
                call()
        assert timer.pending == 1


@pytest.mark.defect("T7")
@pytest.mark.parametrize("seconds", [1, 2**34])
def test_a_cancelled_update_drops_what_was_read(in_child, seconds):
    """An update that a set clock cancelled drops expirations that were read."""

    def body():
        with Timer() as timer:
            timer.after(seconds)
            timer._batch.append(1)
            support.inject("timerfd_settime", errno.ECANCELED, timer.fileno())
            with pytest.raises(OSError, match="has been armed as requested"):
                timer.update()
            return timer.pending

    assert in_child(body) == 0
