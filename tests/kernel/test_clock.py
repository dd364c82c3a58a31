"""Clocks: read, slept by and adjusted. Calls that set a clock are marked ``clock``."""

import ctypes
import os
import threading
from decimal import Decimal
from types import SimpleNamespace

import pytest
import support
from support import alarms, in_child, needs

from butter import _clock
from butter.clock import (
    ADJ_MICRO,
    ADJ_NANO,
    ADJ_SETOFFSET,
    CLOCK_AUX,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    STA_NANO,
    TIMER_ABSTIME,
    ClockState,
    ClockStatus,
    TimerfdClock,
    Timex,
    clock_adjtime,
    clock_getres,
    clock_gettime,
    clock_nanosleep,
    clock_settime,
    fd_clock,
    process_clock,
    thread_clock,
)
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd

SECOND = 10**9
MILLISECOND = 10**6
CALLS = [clock_gettime, clock_getres, clock_adjtime]
# a machine without a clock that wakes it lacks the alarms, and others are off
CLOCKS = [clock for clock in TimerfdClock if clock.name not in ("REALTIME_ALARM", "BOOTTIME_ALARM", "AUX")]


class Timespec(ctypes.Structure):
    """struct timespec."""

    _fields_ = (("seconds", ctypes.c_long), ("parts", ctypes.c_long))


def by_c(function, clock):
    """The nanoseconds that a function of the C library tells of a clock."""
    spec = Timespec()
    assert getattr(support.libc, function)(int(clock), ctypes.byref(spec)) == 0
    return spec.seconds * SECOND + spec.parts


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
def test_time(clock):
    """The time of each clock is between two that the C library reads around it."""
    first = by_c("clock_gettime", clock)
    assert first <= clock_gettime(clock) <= by_c("clock_gettime", clock)


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
def test_resolution(clock):
    """The resolution of each clock is what the C library says."""
    assert clock_getres(clock) == by_c("clock_getres", clock) > 0


def test_process_clock():
    """The clock of this process is CLOCK_PROCESS_CPUTIME_ID, by its id and by 0."""
    for clock in process_clock(os.getpid()), process_clock(0):
        first = clock_gettime(CLOCK_PROCESS_CPUTIME_ID)
        assert first <= clock_gettime(clock) <= clock_gettime(CLOCK_PROCESS_CPUTIME_ID)


def test_clock_of_another_process():
    """A child reads the time that its parent has used."""
    parent = os.getpid()
    before = clock_gettime(CLOCK_PROCESS_CPUTIME_ID)
    assert before < in_child(lambda: clock_gettime(process_clock(parent))) < clock_gettime(CLOCK_PROCESS_CPUTIME_ID)


def test_process_clock_is_that_of_c():
    """The id of a process's clock is what clock_getcpuclockid returns."""
    found = ctypes.c_int()
    assert support.libc.clock_getcpuclockid(os.getppid(), ctypes.byref(found)) == 0
    assert process_clock(os.getppid()) == found.value


def test_thread_clock():
    """The clock of this thread is CLOCK_THREAD_CPUTIME_ID, by its id and by 0."""
    for clock in thread_clock(threading.get_native_id()), thread_clock(0):
        first = clock_gettime(CLOCK_THREAD_CPUTIME_ID)
        assert first <= clock_gettime(clock) <= clock_gettime(CLOCK_THREAD_CPUTIME_ID)


def test_clock_of_another_thread():
    """The clock of a thread that waits stands still while others use time."""
    begun, end = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (begun.set(), end.wait()))
    thread.start()
    try:
        begun.wait()
        clock = thread_clock(thread.native_id)
        support.until(lambda: clock_gettime(clock) == clock_gettime(clock))
        assert 0 < clock_gettime(clock) < clock_gettime(process_clock(0))
    finally:
        end.set()
        thread.join()


def test_clock_of_a_descriptor():
    """The id of a descriptor's clock is the kernel's, also of an object with fileno."""
    assert fd_clock(0) == -5
    assert fd_clock(3) == fd_clock(SimpleNamespace(fileno=lambda: 3)) == -29
    with open(os.devnull) as file, pytest.raises(InvalidArgument, match=f"descriptor {file.fileno()} is not that of a"):
        clock_gettime(fd_clock(file))


@pytest.mark.parametrize("make", [fd_clock, process_clock, thread_clock])
def test_numbers_of_clocks(make):
    """An id is made of a number that is not negative, and for which it has room."""
    assert make((1 << 28) - 1) < 0
    for number in (-1, 1 << 28):
        with pytest.raises(ValueError, match="must be 0 to"):
            make(number)


@pytest.mark.parametrize("call", CALLS)
def test_wrong_clocks(call):
    """A clock is an int of 32 bits."""
    for value in ("0", 0.0, None):
        with pytest.raises(TypeError, match="clock must be an int"):
            call(value)
    with pytest.raises(ValueError, match="clock is 2147483648"):
        call(1 << 31)


@pytest.mark.parametrize("call", CALLS)
def test_clocks_that_c_would_take(call):
    """An object that has an int in it is not a clock, and is not read as one."""
    with Eventfd(1) as counter:
        for value in (counter, Decimal("1.7")):
            with pytest.raises(TypeError, match="clock must be an int"):
                call(value)
        assert counter.read_event() == 1


def test_other_kinds_of_clocks():
    """The sentences name a clock of another time domain, and of a thread, as such."""
    with pytest.raises((InvalidArgument, OSError), match=r"CLOCK_AUX \+ 7 is off"):
        clock_gettime(CLOCK_AUX + 7)
    # a thread has other clocks than the one of thread_clock
    with pytest.raises(InvalidArgument, match=f"does not have a thread {os.getppid()}"):
        clock_gettime(thread_clock(os.getppid()) & ~3)


def test_adjustments_that_are_none():
    """A clock is adjusted by a Timex, and by nothing else."""
    for value in (None, (0,), 0):
        with pytest.raises(TypeError, match="timex must be a Timex, not"):
            clock_adjtime(CLOCK_REALTIME, value)


@pytest.mark.parametrize("call", [clock_settime, lambda clock, time: clock_nanosleep(clock, 0, time)])
def test_wrong_times(call):
    """A time is an int that is not negative, and of 63 bits."""
    with pytest.raises(TypeError, match="nanoseconds must be an int"):
        call(CLOCK_MONOTONIC, 0.5)
    for time in (-1, 1 << 63):
        with pytest.raises(ValueError, match="nanoseconds is"):
            call(CLOCK_MONOTONIC, time)


@pytest.mark.parametrize("clock", [CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_TAI])
def test_a_time_that_is_past(clock):
    """A sleep until a time that is past ends at once."""
    assert clock_nanosleep(clock, TIMER_ABSTIME, 0) is None
    clock_nanosleep(clock, TIMER_ABSTIME, clock_gettime(clock))
    assert clock_nanosleep(clock, 0, 0) is None


@pytest.mark.parametrize("flags", [0, TIMER_ABSTIME])
def test_handlers_do_not_end_a_sleep(flags):
    """Handlers run during a sleep, which then goes on, and ends no earlier."""
    ran = []
    with alarms(lambda *_: ran.append(clock_gettime(CLOCK_MONOTONIC)), 0.005):
        end = clock_gettime(CLOCK_MONOTONIC) + 50 * MILLISECOND
        clock_nanosleep(CLOCK_MONOTONIC, flags, end if flags else 50 * MILLISECOND)
    assert clock_gettime(CLOCK_MONOTONIC) >= end
    assert ran


def test_a_long_handler_does_not_make_a_sleep_until_a_time_longer():
    """A sleep until a time that has come while a handler ran ends after the handler."""
    end = clock_gettime(CLOCK_MONOTONIC) + 30 * MILLISECOND

    def handler(*_):
        while clock_gettime(CLOCK_MONOTONIC) < end:
            pass
        ended.append(True)

    ended = []
    with alarms(handler, 0.005, once=True):
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, end)
    assert ended


@pytest.mark.parametrize("time", [1000 * SECOND, (1 << 63) - 1])
@pytest.mark.parametrize("flags", [0, TIMER_ABSTIME])
def test_a_handler_that_raises_ends_a_sleep(flags, time):
    """An exception of a handler ends a sleep, and the longest sleep is one too."""

    def interrupt(*_):
        raise support.Interruption

    far = clock_gettime(CLOCK_MONOTONIC) + time if flags else time
    with pytest.raises(support.Interruption), alarms(interrupt):
        clock_nanosleep(CLOCK_MONOTONIC, flags, min(far, (1 << 63) - 1))


def test_other_threads_run_during_a_sleep():
    """A thread that sleeps lets others run."""

    def body():
        thread = threading.Thread(target=clock_nanosleep, args=(CLOCK_MONOTONIC, 0, 1000 * SECOND), daemon=True)
        thread.start()
        place = f"/proc/self/task/{thread.native_id}/syscall"

        def sleeps():
            with open(place) as file:
                return file.read().split()[0] == str(support.number_of("clock_nanosleep"))

        support.until(sleeps)

    in_child(body)


def test_a_sleep_by_the_time_of_a_process():
    """A sleep by the clock of a process lasts until its threads have used the time."""
    end = threading.Event()

    def use():
        while not end.is_set():
            pass

    thread = threading.Thread(target=use)
    thread.start()
    try:
        before = clock_gettime(CLOCK_PROCESS_CPUTIME_ID)
        clock_nanosleep(process_clock(0), 0, MILLISECOND)
        assert clock_gettime(CLOCK_PROCESS_CPUTIME_ID) >= before + MILLISECOND
    finally:
        end.set()
        thread.join()


def test_how_a_clock_is_adjusted():
    """Every user can read how the time of day is adjusted."""

    def body():
        support.become_nobody()
        first = clock_gettime(CLOCK_REALTIME)
        found = clock_adjtime(CLOCK_REALTIME)
        # in microseconds, unless the status says nanoseconds
        assert first - 1000 < found.time <= clock_gettime(CLOCK_REALTIME)
        return found

    found = in_child(body)
    assert isinstance(found, Timex)
    assert found.state in list(ClockState)
    assert found.modes == 0
    assert 9000 <= found.tick <= 11000
    assert not found.status & ~sum(ClockStatus)
    assert found.tai == round((clock_gettime(CLOCK_TAI) - clock_gettime(CLOCK_REALTIME)) / SECOND)


def kernel(monkeypatch, answer):
    """Let *answer* be the kernel's part of clock_adjtime."""
    monkeypatch.setattr(_clock, "lib", SimpleNamespace(clock_adjtime=answer))


@pytest.mark.parametrize(("status", "unit"), [(0, 1000), (STA_NANO, 1)])
def test_the_unit_of_the_time(monkeypatch, status, unit):
    """The time of a Timex is in nanoseconds, whatever the kernel counts."""

    def answer(clock, timex):
        timex.status, timex.time.tv_sec, timex.time.tv_usec = status, 5, 7
        return 3

    kernel(monkeypatch, answer)
    found = clock_adjtime(CLOCK_REALTIME)
    assert (found.time, found.state) == (5 * SECOND + 7 * unit, 3)


@pytest.mark.parametrize(
    ("mode", "time", "parts"), [(ADJ_NANO, -1, 999_999_999), (ADJ_MICRO, -1000, 999_999), (0, 0, 0)]
)
def test_a_time_to_add(monkeypatch, mode, time, parts):
    """The time that ADJ_SETOFFSET adds reaches the kernel in the unit of the modes."""
    passed = []

    def answer(clock, timex):
        passed.append((clock, timex.modes, timex.time.tv_sec, timex.time.tv_usec))
        return 0

    kernel(monkeypatch, answer)
    modes = ADJ_SETOFFSET | mode
    clock_adjtime(CLOCK_REALTIME, Timex(modes, time=time))
    assert passed == [(CLOCK_REALTIME, modes, time // SECOND, parts)]


def test_a_time_to_add_is_not_rounded():
    """Without ADJ_NANO the kernel would lose nanoseconds, so they are refused."""
    with pytest.raises(ValueError, match="time is 1500 ns; it must be whole microseconds without ADJ_NANO"):
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_SETOFFSET, time=1500))


def test_every_field_reaches_the_kernel(monkeypatch):
    """Each field of a Timex goes to the kernel and comes back under its name."""
    kernel(monkeypatch, lambda clock, timex: 0)
    sent = Timex(*range(2, len(Timex._fields) + 2))
    assert clock_adjtime(CLOCK_REALTIME, sent) == sent._replace(time=0, state=0)


def test_wrong_fields():
    """A field of a Timex is an int that its type in C can hold."""
    for name, value in (("modes", -1), ("status", 1 << 31), ("freq", 1 << 63)):
        with pytest.raises(ValueError, match=f"{name} is {value}; it must be"):
            clock_adjtime(CLOCK_REALTIME, Timex()._replace(**{name: value}))
    with pytest.raises(TypeError, match="freq must be an int, not float"):
        clock_adjtime(CLOCK_REALTIME, Timex(freq=0.5))


@pytest.mark.clock
@needs("CAP_SYS_TIME")
def test_setting_and_moving_a_clock():
    """The time of day is set by a call, and moved back by the other."""

    def distance():
        """How far CLOCK_REALTIME is before CLOCK_MONOTONIC, to a few microseconds."""
        return clock_gettime(CLOCK_REALTIME) - clock_gettime(CLOCK_MONOTONIC)

    nano = clock_adjtime(CLOCK_REALTIME).status & STA_NANO
    before = distance()
    clock_settime(CLOCK_REALTIME, clock_gettime(CLOCK_REALTIME) + 10 * MILLISECOND)
    moved = distance() - before
    clock_adjtime(CLOCK_REALTIME, Timex(ADJ_SETOFFSET | ADJ_NANO, time=-moved))
    if not nano:
        clock_adjtime(CLOCK_REALTIME, Timex(ADJ_MICRO))
    assert abs(moved - 10 * MILLISECOND) < 5 * MILLISECOND
    assert abs(distance() - before) < 5 * MILLISECOND
