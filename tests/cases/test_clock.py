"""The cases of clocks: one test for each, named after it.

Those that set the clock move it by milliseconds where the cases move it by seconds: the
kernel does not tell them apart. No test takes it to another day or year, where all
programs of the machine would follow: so the case of the leap second is left out, and
the one of the end of 32 bits looks at times beyond it from here.
"""

import contextlib
import ctypes
import os
import re
import signal
import statistics
import time
from pathlib import Path

import pytest
import support
from support import in_child, needs

from butter._clock_c import ffi, lib
from butter._clock_errors import ADJTIME
from butter.clock import (
    ADJ_ESTERROR,
    ADJ_FREQUENCY,
    ADJ_MAXERROR,
    ADJ_MICRO,
    ADJ_NANO,
    ADJ_OFFSET,
    ADJ_OFFSET_SINGLESHOT,
    ADJ_OFFSET_SS_READ,
    ADJ_SETOFFSET,
    ADJ_STATUS,
    ADJ_TICK,
    ADJ_TIMECONST,
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_COARSE,
    CLOCK_THREAD_CPUTIME_ID,
    STA_NANO,
    STA_PLL,
    TIME_ERROR,
    TIME_OK,
    TIMER_ABSTIME,
    TimerfdClock,
    Timex,
    clock_adjtime,
    clock_gettime,
    clock_nanosleep,
    clock_settime,
)
from butter.clone import CLONE_NEWTIME, unshare
from butter.errors import InternalError, InvalidArgument
from butter.timerfd import Timer

SECOND = 10**9
MILLISECOND = 10**6
STEADY = [CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME]
TELLING = [*STEADY, CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID]


def interrupt(*_):
    raise support.Interruption


def names(clocks):
    return [str(TimerfdClock(clock)) for clock in clocks]


@pytest.mark.parametrize("clock", TELLING, ids=names(TELLING))
def test_clock_gettime01(clock):
    """Each clock tells a time."""
    assert clock_gettime(clock) > 0


@pytest.mark.parametrize("number", [15, 24, 99])
def test_clock_gettime02(number):
    """There are no clocks beyond the last one."""
    with pytest.raises(InvalidArgument, match=f"there is no clock {number}"):
        clock_gettime(number)


TOGETHER = [*STEADY, CLOCK_REALTIME, CLOCK_REALTIME_COARSE]


@pytest.mark.parametrize("clock", TOGETHER, ids=names(TOGETHER))
def test_clock_gettime04(clock):
    """A clock never goes back, whether the C library or the kernel reads it."""

    class Timespec(ctypes.Structure):
        _fields_ = (("seconds", ctypes.c_long), ("parts", ctypes.c_long))

    spec = Timespec()
    call, number, place = support.libc.syscall, support.number_of("clock_gettime"), ctypes.byref(spec)
    last, steps = clock_gettime(clock), []
    for _ in range(2000):
        now = clock_gettime(clock)
        assert last <= now
        steps.append(now - last)
        assert call(number, int(clock), place) == 0
        last = spec.seconds * SECOND + spec.parts
        assert now <= last
        steps.append(last - now)
    # other processes have their turns between a few of the readings
    assert statistics.median(steps) < 50 * MILLISECOND


def test_clock_nanosleep01():
    """Times that are not times, and clocks that cannot measure a sleep, are refused."""
    for wrong in -1, 1 << 63:
        with pytest.raises(ValueError, match="nanoseconds is"):
            clock_nanosleep(CLOCK_REALTIME, 0, wrong)
    with pytest.raises(OSError, match="CLOCK_THREAD_CPUTIME_ID cannot measure a sleep"):
        clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, SECOND // 2)


def test_clock_nanosleep01_interrupted():
    """A signal ends the call of C with the time that is left, which is not longer."""
    passed = 10 * SECOND

    def body():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        return lib.clock_nanosleep(CLOCK_REALTIME, 0, passed)

    assert 0 < in_child(body) <= passed


@pytest.mark.parametrize("milliseconds", [1, 2, 5, 10, 25])
def test_clock_nanosleep02(milliseconds):
    """A sleep is never shorter than it was to be."""
    taken = []
    for _ in range(5):
        start = clock_gettime(CLOCK_MONOTONIC)
        clock_nanosleep(CLOCK_MONOTONIC, 0, milliseconds * MILLISECOND)
        taken.append(clock_gettime(CLOCK_MONOTONIC) - start)
    assert min(taken) >= milliseconds * MILLISECOND
    # a sleep that is counted in other units is a thousand times as long
    assert min(taken) < milliseconds * SECOND


@needs("CAP_SYS_ADMIN", "CAP_SYS_TIME", kernel=(5, 6))
def test_clock_nanosleep03():
    """A sleep until a time is one of the clock of the thread's time namespace."""

    def body():
        unshare(CLONE_NEWTIME)
        offsets = Path("/proc/self/timens_offsets")
        # they count from the first namespace, which need not be that of the tests
        ((seconds, rest),) = re.findall(r"^monotonic +(-?[0-9]+) +([0-9]+)$", offsets.read_text(), re.MULTILINE)
        offsets.write_text(f"monotonic {int(seconds) + 10} {rest}")
        start = clock_gettime(CLOCK_MONOTONIC)
        in_child(lambda: clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, start + 10 * SECOND + 30 * MILLISECOND))
        return clock_gettime(CLOCK_MONOTONIC) - start

    assert 30 * MILLISECOND <= in_child(body) < 10 * SECOND


@contextlib.contextmanager
def clock_put_back():
    """Undo what is done to the time of day meanwhile, to a few microseconds."""

    def distance():
        return clock_gettime(CLOCK_REALTIME) - clock_gettime(CLOCK_MONOTONIC)

    found, before = clock_adjtime(CLOCK_REALTIME), distance()
    try:
        yield
    finally:
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_SETOFFSET | ADJ_NANO, time=before - distance()))
        if not found.status & STA_NANO:
            clock_adjtime(CLOCK_REALTIME, Timex(ADJ_MICRO))


@pytest.mark.clock
@needs("CAP_SYS_TIME")
def test_clock_settime01():
    """The clock is set forwards, and backwards."""
    with clock_put_back():
        for step in 10 * MILLISECOND, -10 * MILLISECOND:
            before = clock_gettime(CLOCK_REALTIME) - clock_gettime(CLOCK_MONOTONIC)
            clock_settime(CLOCK_REALTIME, clock_gettime(CLOCK_REALTIME) + step)
            moved = clock_gettime(CLOCK_REALTIME) - clock_gettime(CLOCK_MONOTONIC) - before
            assert abs(moved - step) < MILLISECOND


def test_clock_settime03():
    """A time beyond 32 bits of seconds is not taken for one that is past."""
    end = ((1 << 31) + 5) * SECOND
    with Timer(CLOCK_REALTIME) as timer:
        timer.set_one_off(end // SECOND, absolute=True)
        before = clock_gettime(CLOCK_REALTIME)
        left = timer.get_current().next_event
        assert end - clock_gettime(CLOCK_REALTIME) <= left.nanoseconds <= end - before

    def sleep():
        with support.alarms(support.when_waiting(interrupt)):
            clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, end)

    with pytest.raises(support.Interruption):
        in_child(sleep)


@pytest.mark.clock
@needs("CAP_SYS_TIME")
@pytest.mark.parametrize("flags", [0, TIMER_ABSTIME])
def test_clock_settime04(flags):
    """A clock that is set back neither shortens nor prolongs a sleep of some time."""
    length = 100 * MILLISECOND

    def body():
        start = clock_gettime(CLOCK_MONOTONIC)
        # a time of this clock is long past on the other
        clock_nanosleep(CLOCK_REALTIME, flags, start + length if flags else length)
        return clock_gettime(CLOCK_MONOTONIC) - start

    with clock_put_back():
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, str(body()).encode())
            os._exit(0)
        time.sleep(0.02)
        clock_settime(CLOCK_REALTIME, clock_gettime(CLOCK_REALTIME) - 20 * MILLISECOND)
        os.waitpid(child, 0)
        taken = int(os.read(reading, 100))
        os.close(reading)
        os.close(writing)
    assert (0 if flags else length) <= taken < length + SECOND


FIELDS = [
    (ADJ_FREQUENCY, "freq", 100),
    (ADJ_MAXERROR, "maxerror", 100),
    (ADJ_ESTERROR, "esterror", 100),
    (ADJ_TIMECONST, "constant", 1),
    (ADJ_TICK, "tick", 1000),
]


@pytest.mark.clock
@needs("CAP_SYS_TIME")
@pytest.mark.parametrize(("mode", "field", "change"), FIELDS, ids=[field for _, field, _ in FIELDS])
def test_clock_adjtime01(mode, field, change):
    """A field that is set is read back, and set back."""
    before = clock_adjtime(CLOCK_REALTIME)
    assert before.state in range(TIME_OK, TIME_ERROR + 1)
    old = getattr(before, field)
    # an error that has its highest value goes down
    new = old - change if "error" in field else old + change
    # without STA_NANO the kernel adds 4 to a time constant
    modes = mode | ADJ_NANO
    try:
        clock_adjtime(CLOCK_REALTIME, Timex(modes)._replace(**{field: new}))
        # and with each second something to the errors
        assert abs(getattr(clock_adjtime(CLOCK_REALTIME), field) - new) <= (2000 if "error" in field else 0)
    finally:
        clock_adjtime(CLOCK_REALTIME, Timex(modes)._replace(**{field: old}))
        if not before.status & STA_NANO:
            clock_adjtime(CLOCK_REALTIME, Timex(ADJ_MICRO))


@pytest.mark.clock
@needs("CAP_SYS_TIME")
def test_clock_adjtime01_offset():
    """An offset that is set, for the loop and for adjtime, is read back."""
    before = clock_adjtime(CLOCK_REALTIME)
    unit = 1000 if before.status & STA_NANO else 1
    try:
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_STATUS, status=before.status | STA_PLL))
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_OFFSET, offset=100 * unit))
        assert 0 < clock_adjtime(CLOCK_REALTIME).offset <= 100 * unit
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_OFFSET_SINGLESHOT, offset=100))
        assert 0 < clock_adjtime(CLOCK_REALTIME, Timex(ADJ_OFFSET_SS_READ)).offset <= 100
    finally:
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_OFFSET_SINGLESHOT))
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_OFFSET, offset=before.offset))
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_STATUS, status=before.status))


@pytest.mark.parametrize("clock", [15, 99])
def test_clock_adjtime02(clock):
    """A clock that does not exist is not adjusted."""
    with pytest.raises(InvalidArgument, match=f"there is no clock {clock}"):
        clock_adjtime(clock)


def test_clock_adjtime02_bad_pointer():
    """A struct outside the memory of the process is an error of butter itself."""
    with pytest.raises(InternalError, match="not in the memory"):
        ADJTIME.check(lib.clock_adjtime(CLOCK_REALTIME, ffi.cast("struct timex *", 1)), clock=CLOCK_REALTIME)


@needs("CAP_SYS_TIME")
@pytest.mark.parametrize("tick", [8999, 11001])
def test_clock_adjtime02_tick(tick):
    """A tick that is a tenth longer or shorter than usual, and more, is refused."""
    with pytest.raises(InvalidArgument, match=f"tick is {tick}; it must be 9000 to 11000"):
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_TICK, tick=tick))


def test_clock_adjtime02_nobody():
    """A user without CAP_SYS_TIME adjusts nothing."""

    def body():
        support.become_nobody()
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_TICK, tick=10_000))

    with pytest.raises(PermissionError, match="CAP_SYS_TIME"):
        in_child(body)
