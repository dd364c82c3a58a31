"""The behaviour of epoll alone; test_eventlike.py has that of every object."""

import contextlib
import errno
import itertools
import math
import os
import select
import selectors
import signal
import socket
import threading
import time
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE

import pytest
import support
from features import LONG
from support import alarms, in_child, inject, needs

import butter.epoll
from butter._epoll import LARGE, ROOM, Events, reader
from butter._epoll_c import ffi
from butter.epoll import (
    EPIOCGPARAMS,
    EPIOCSPARAMS,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLWAKEUP,
    Epoll,
    EpollEvent,
    EpollMask,
    EpollParams,
    EpollSelector,
    epoll_ctl,
    epoll_pwait,
    epoll_pwait2,
    epoll_wait,
)
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd

MASKS = [name for name in dir(select) if name.startswith("EPOLL") and name not in ("EPOLL_CLOEXEC", "EPOLL_RDHUP")]


@pytest.fixture
def epoll():
    with Epoll() as epoll:
        yield epoll


@pytest.fixture
def counters():
    """A function that makes a counter, which is readable if it is not 0."""
    made = []

    def make(value=1):
        made.append(Eventfd(value))
        return made[-1]

    yield make
    for counter in made:
        if not counter.closed():
            counter.close()


# like select.epoll


@pytest.mark.parametrize("name", MASKS)
def test_constants_are_those_of_select(name):
    """A constant has the number that it has in the module select."""
    assert getattr(select, name) == getattr(butter.epoll, name)


def test_poll_is_that_of_select(epoll, counters):
    """``poll`` returns the pairs that select.epoll returns for the same files."""
    theirs = select.epoll()
    with theirs:
        for number in range(10):
            counter = counters(number % 3)
            for each in epoll, theirs:
                each.register(counter, EPOLLIN | EPOLLOUT if number % 2 else EPOLLIN)
        for options in {}, {"timeout": 0}, {"maxevents": 3}, {"timeout": -1, "maxevents": 100}:
            assert epoll.poll(**options) == theirs.poll(**options)
        assert {type(pair) for pair in epoll.poll(0)} == {tuple}
        assert [event == pair for event, pair in zip(epoll.read_events(), theirs.poll())] == [True] * 8


def test_register_waits_for_what_select_waits_for(epoll):
    """Without a mask a descriptor is registered for reading, writing and urgency."""
    with contextlib.ExitStack() as stack:
        one, other = map(stack.enter_context, socket.socketpair())
        epoll.register(one)
        assert epoll.poll() == [(one.fileno(), EPOLLOUT)]
        other.send(b"x")
        assert epoll.poll() == [(one.fileno(), EPOLLIN | EPOLLOUT)]


def test_register_takes_objects_and_reads_nothing(epoll, counters):
    """An object with ``fileno()`` is registered by that, also one with ``__int__``."""
    counter = counters(5)
    epoll.register(counter, EPOLLIN)
    epoll.modify(counter, EPOLLIN | EPOLLET)
    assert epoll.poll(0) == [(counter.fileno(), EPOLLIN)]
    epoll.unregister(counter)
    assert int(counter) == 5


def test_closed():
    """Each method of a closed Epoll raises the ValueError of closed files."""
    epoll = Epoll()
    epoll.close()
    for method in (
        lambda: epoll.poll(0),
        lambda: epoll.poll(),
        lambda: epoll.register(0),
        lambda: epoll.modify(0, EPOLLIN),
        lambda: epoll.unregister(0),
        lambda: epoll.params,
    ):
        with pytest.raises(ValueError, match="closed file"):
            method()


def test_fromfd_knows_what_was_registered(counters):
    """A descriptor of select.epoll is adopted with its registrations."""
    theirs, counter = select.epoll(), counters()
    theirs.register(counter, EPOLLIN)
    with Epoll.fromfd(os.dup(theirs.fileno())) as epoll:
        theirs.close()
        assert epoll.poll(0) == [(counter.fileno(), EPOLLIN)]
        epoll.unregister(counter)
        assert epoll.poll(0) == []


@pytest.mark.parametrize("maxevents", [0, -2, 2**31])
def test_poll_for_an_impossible_number(epoll, maxevents):
    """A number of events that is not positive, nor -1, is a ValueError."""
    with pytest.raises(ValueError, match="maxevents"):
        epoll.poll(0, maxevents)


@pytest.mark.parametrize(("timeout", "exception"), [("1", TypeError), (1j, TypeError), (math.nan, ValueError)])
def test_poll_for_an_impossible_time(epoll, timeout, exception):
    """A timeout that is not a number is refused."""
    with pytest.raises(exception, match="timeout"):
        epoll.poll(timeout)


@pytest.mark.parametrize("timeout", [None, -1, -0.5, math.inf, 1e300, 2**70])
def test_poll_without_an_end(epoll, counters, timeout):
    """None, a negative and an endless timeout wait until there is an event."""
    counter = counters(0)
    epoll.register(counter, EPOLLIN)
    with alarms(lambda *_: counter.increment(), once=True):
        assert epoll.poll(timeout) == [(counter.fileno(), EPOLLIN)]


@pytest.mark.parametrize("timeout", [0, 1e-9, 0.0001, 0.002])
def test_poll_returns_nothing_and_not_early(epoll, timeout):
    """Without an event the list is empty, when the time is over."""
    start = time.monotonic_ns()
    assert epoll.poll(timeout) == []
    assert time.monotonic_ns() - start >= timeout * 1e9


@needs(kernel=(5, 11))
def test_timeouts_are_not_rounded_to_milliseconds(epoll):
    """Of many waits of a tenth of a millisecond one takes less than a whole one."""
    took = []
    while not took or min(took) >= 1_000_000:
        start = time.monotonic_ns()
        epoll.poll(0.0001)
        took.append(time.monotonic_ns() - start)
        assert len(took) < 10_000
    assert min(took) >= 100_000


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_timeouts_of_older_kernels(number):
    """Without epoll_pwait2 a timeout is rounded up to milliseconds."""

    def body():
        with Epoll() as epoll:
            inject("epoll_pwait2", number)
            start = time.monotonic_ns()
            assert epoll.poll(0.0001) == []
            with pytest.raises(TimeoutError):
                epoll.wait(0.0011)
            return time.monotonic_ns() - start

    assert in_child(body) >= 3_000_000


@support.needs_descriptors(4096)
def test_more_events_than_a_read_has():
    """``poll`` returns 1024 events, or as many as the program wants."""

    def body():
        support.allow_descriptors(4096)
        with Epoll() as epoll, Eventfd(1) as counter:
            for _ in range(1500):
                epoll.register(os.dup(counter.fileno()), EPOLLIN)
            several = epoll.poll(0, 1400)
            return len(epoll.poll(0)), len(set(several)), len(epoll.poll(0, 5000)), len(epoll.read_events())

    assert in_child(body) == (1024, 1400, 1500, 1024)


def test_a_replaced_poll_is_used(epoll, counters, monkeypatch):
    """The waits use the poll that stands in select: gevent puts its own there."""
    seen, real = [], select.poll

    class Poll:
        def __init__(self):
            self.poller = real()
            self.register = self.poller.register

        def poll(self, milliseconds):
            seen.append(milliseconds)
            return self.poller.poll(milliseconds)

    monkeypatch.setattr(select, "poll", Poll)
    assert epoll.poll(0.001) == []
    epoll.register(counters(), EPOLLIN)
    assert len(epoll.poll()) == len(epoll.poll(LONG)) == 1
    assert epoll.wait(LONG).events == EPOLLIN
    assert len(seen) >= 4


# events that wait in the object


@pytest.mark.parametrize("change", ["unregister", "modify", "unregister what is closed"])
def test_events_of_a_descriptor_that_changed_do_not_come(epoll, counters, change):
    """A waiting event is dropped once its descriptor is unregistered or modified."""
    ready = [counters() for _ in range(5)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
    numbers = [counter.fileno() for counter in ready]
    assert epoll.read_event().fd == numbers[0]
    assert epoll.pending == 4
    if change == "modify":
        epoll.modify(ready[2], EPOLLOUT | EPOLLONESHOT)
    elif change == "unregister":
        epoll.unregister(ready[2])
    else:
        ready[2].close()
        with pytest.raises(InvalidArgument, match="is not open"):
            epoll.unregister(numbers[2])
    assert epoll.pending == 3
    assert [epoll.read_event().fd for _ in range(3)] == [numbers[1], *numbers[3:]]
    expected = [(numbers[2], EPOLLOUT)] if change == "modify" else []
    assert epoll.poll(0) == expected


def test_events_stay_where_a_change_fails(epoll, counters):
    """A modify that the kernel refuses drops no event."""
    ready = [counters() for _ in range(2)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
    epoll.read_event()
    with pytest.raises(InvalidArgument):
        epoll.modify(ready[1], EPOLLIN | EPOLLEXCLUSIVE)
    assert epoll.read_event().fd == ready[1].fileno()


def test_unmade_events_of_a_descriptor_that_changed_do_not_come(epoll, counters, monkeypatch):
    """Events that a signal handler kept from being made are dropped as well."""
    ready = [counters() for _ in range(3)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)

    with monkeypatch.context() as patched:
        patched.setattr(Events, "made", None)
        with pytest.raises(TypeError):
            epoll.read_event()
    assert epoll.pending == 3
    epoll.unregister(ready[1])
    assert epoll.pending == 2
    assert [event.fd for event in epoll.read_events()] == [ready[0].fileno(), ready[2].fileno()]


@pytest.mark.parametrize("known", [False, True])
def test_a_number_that_is_registered_anew_has_no_old_event(epoll, counters, known):
    """An event of a closed file does not come for the next file with its number."""
    ready = [counters() for _ in range(2)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
    epoll.read_event()
    if known:
        with pytest.raises(FileExistsError):
            epoll.register(ready[1])
        assert epoll.pending == 1
        return
    number = ready[1].fileno()
    ready[1].close()
    assert counters(0).fileno() == number
    epoll.register(number, EPOLLIN)
    assert epoll.poll(0) == []


@pytest.mark.parametrize("way", ["read_event", "wait"])
def test_an_event_that_is_being_read_does_not_come_after_an_unregister(epoll, counters, monkeypatch, way):
    """A descriptor may be unregistered while the events of a read are made."""
    ready = [counters() for _ in range(3)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
    made = Events.made

    def unregister(events):
        found = made(events)
        epoll.unregister(ready[1])
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Events, "made", unregister)
        assert getattr(epoll, way)().fd == ready[0].fileno()
    assert epoll.pending == 1
    epoll.register(ready[1], EPOLLIN | EPOLLONESHOT)
    assert [epoll.read_event().fd for _ in range(2)] == [ready[2].fileno(), ready[1].fileno()]


def test_an_event_after_a_change_stays(epoll, counters, monkeypatch):
    """An event that another thread reads right after a modify is not dropped by it."""
    ready = [counters() for _ in range(2)]
    for counter in ready:
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
    epoll.read_event()
    real = butter.epoll.epoll_ctl

    def control(*arguments):
        real(*arguments)
        epoll._batch.extend(epoll._read_events())

    monkeypatch.setattr(butter.epoll, "epoll_ctl", control)
    epoll.modify(ready[0], EPOLLIN | EPOLLONESHOT)
    assert {epoll.read_event().fd for _ in range(2)} == {counter.fileno() for counter in ready}


def test_threads_that_arm_anew_lose_nothing(epoll):
    """Threads that take events of one Epoll, and re-arm descriptors, lose nothing."""
    pipes = [os.pipe() for _ in range(8)]
    wanted, handled = 100, dict.fromkeys((reading for reading, _ in pipes), 0)

    def work():
        while True:
            fd = epoll.wait(LONG).fd
            if fd == end:
                break
            os.read(fd, 1)
            handled[fd] += 1
            epoll.modify(fd, EPOLLIN | EPOLLONESHOT)

    with Eventfd() as stop:
        end = stop.fileno()
        for reading, writing in pipes:
            os.write(writing, b"x" * wanted)
            epoll.register(reading, EPOLLIN | EPOLLONESHOT)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            support.until(lambda: set(handled.values()) == {wanted})
        finally:
            epoll.register(stop, EPOLLIN)
            stop.increment()
            for thread in threads:
                thread.join()
    for end in itertools.chain(*pipes):
        os.close(end)


def test_a_thread_that_takes_the_event_does_not_lengthen_a_wait(epoll, counters):
    """A wait whose events others take ends with its timeout."""
    epoll.register(counters(), EPOLLIN)

    class Taken(type(epoll._batch)):
        def extend(self, events):
            assert events
            assert time.monotonic() < start + LONG

    epoll._batch, start = Taken(), time.monotonic()
    with pytest.raises(TimeoutError):
        epoll.wait(0.02)


@pytest.mark.parametrize("way", ["poll", "unregister"])
def test_unmade_events_that_another_thread_takes(epoll, counters, way):
    """No call waits for events that another thread has made meanwhile."""
    counter = counters(0)
    epoll.register(counter, EPOLLIN)

    class Gone(type(epoll._unmade)):
        looks = [True, True]

        def __bool__(self):
            return bool(self.looks and self.looks.pop())

    def end(*_):
        ended.append(1)
        counter.increment()

    epoll._unmade, ended = Gone(), []
    with alarms(end, interval=1, once=True):
        if way == "poll":
            assert epoll.poll(0) == []
        else:
            epoll.unregister(counter)
    assert not Gone.looks
    assert not ended


def test_arming_anew_within_a_loop_looks_at_few_events(epoll, counters):
    """The ways that return events one by one read few of them at once."""
    with Eventfd(1) as counter:
        copies = [os.dup(counter.fileno()) for _ in range(100)]
        for fd in copies:
            epoll.register(fd, EPOLLIN | EPOLLONESHOT)
        waiting = []
        for take in epoll.read_event, epoll.wait, lambda: next(iter(epoll)):
            epoll.modify(take().fd, EPOLLIN | EPOLLONESHOT)
            waiting.append(epoll.pending)
            epoll.read_events()
            for fd in copies:
                epoll.modify(fd, EPOLLIN | EPOLLONESHOT)
        assert waiting == [63, 63, 63]
        assert len(epoll.read_events()) == 100
        for fd in copies:
            os.close(fd)


@pytest.mark.parametrize("wait", [lambda e, most: e.poll(0, most), lambda e, most: epoll_wait(e, most, 0)])
def test_a_long_list_is_not_kept(epoll, counters, wait):
    """The memory of a list beyond 16384 events is not kept for the next call."""
    epoll.register(counters(), EPOLLIN)
    for most in LARGE, LARGE + 1, 10**6:
        assert len(wait(epoll, most)) == 1
    kept = {buffer.struct.room for pool in (reader(1), reader(LARGE)) for buffer in pool.free.values()}
    assert kept == {ROOM, LARGE}


def test_poll_returns_what_waits_in_the_object_first(epoll, counters):
    """``poll`` returns events that were read, at most as many as it is asked for."""
    numbers = []
    for _ in range(4):
        counter = counters()
        epoll.register(counter, EPOLLIN | EPOLLONESHOT)
        numbers.append(counter.fileno())
    assert epoll.read_event().fd == numbers[0]
    assert epoll.poll(maxevents=2) == [(fd, EPOLLIN) for fd in numbers[1:3]]
    assert epoll.poll() == [(numbers[3], EPOLLIN)]
    assert epoll.poll(0) == []


def test_level_edge_and_one_shot(epoll, counters):
    """A descriptor comes with each read, once for each news, or once at all."""
    level, edge, once = counters(), counters(), counters()
    epoll.register(level, EPOLLIN)
    epoll.register(edge, EPOLLIN | EPOLLET)
    epoll.register(once, EPOLLIN | EPOLLONESHOT)
    assert [event.fd for event in epoll.read_events()] == [level.fileno(), edge.fileno(), once.fileno()]
    assert [event.fd for event in epoll.read_events()] == [level.fileno()]
    for counter in level, edge, once:
        counter.increment()
    assert {event.fd for event in epoll.read_events()} == {level.fileno(), edge.fileno()}
    epoll.modify(once, EPOLLIN | EPOLLONESHOT)
    assert {event.fd for event in epoll.read_events()} == {level.fileno(), once.fileno()}


def test_an_event_prints_its_names(epoll, counters):
    """An event is a named tuple whose text has the names of its bits."""
    counter = counters()
    epoll.register(counter, EPOLLIN | EPOLLOUT)
    event = epoll.read_event()
    assert (event.fd, event.events, event.flags) == (counter.fileno(), EPOLLIN | EPOLLOUT, EpollMask.IN | EpollMask.OUT)
    assert repr(event) == f"EpollEvent(fd={event.fd}, events=IN|OUT)"
    assert str(EpollMask(EPOLLET | EPOLLONESHOT | EPOLLHUP)) == "HUP|ONESHOT|ET"
    assert EpollEvent(1, 2) == (1, 2)


@pytest.mark.parametrize("take", [Epoll.poll, Epoll.read_events])
def test_a_handler_that_raises_loses_nothing_that_waits(counters, take):
    """Events that wait in the object stay there if a handler ends the call."""
    ready = [counters() for _ in range(4)]
    for moment in itertools.count():
        with Epoll() as epoll:
            for counter in ready:
                epoll.register(counter, EPOLLIN | EPOLLONESHOT)
            epoll.read_event()
            if not support.interrupt_between(lambda epoll=epoll: take(epoll), moment):
                break
            assert len(epoll.poll(0)) == 3
    assert moment > 1


@pytest.mark.parametrize(("method", "lost"), [("poll", 0), ("wait", 1)])
def test_a_handler_that_raises_loses_no_batch(counters, method, lost):
    """A handler that raises in a read loses no event but one being returned."""
    ready = [counters() for _ in range(3)]
    for moment in itertools.count():
        with Epoll() as epoll:
            for counter in ready:
                epoll.register(counter, EPOLLIN | EPOLLONESHOT)
            came = support.interrupt_between(getattr(epoll, method), moment)
            left = []
            while found := epoll.poll(0):
                left += found
            if not came:
                break
            assert len({fd for fd, _ in left}) == len(left) >= 3 - lost
    assert moment > 5
    assert len(left) == (0 if method == "poll" else 2)


# the calls


@pytest.mark.parametrize("data", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_data_has_64_bits(epoll, counters, data):
    """The data of a registration comes back with each event."""
    counter = counters()
    epoll_ctl(epoll, EPOLL_CTL_ADD, counter, EPOLLIN, data)
    assert epoll_wait(epoll, 5) == epoll_pwait(epoll, 5) == [(EPOLLIN, data)]
    epoll_ctl(epoll.fileno(), EPOLL_CTL_MOD, counter.fileno(), EPOLLOUT)
    assert epoll_wait(epoll, 5, 0) == [(EPOLLOUT, counter.fileno())]
    epoll_ctl(epoll, EPOLL_CTL_DEL, counter)
    assert epoll_wait(epoll, 5, 0) == []


@pytest.mark.parametrize(
    ("arguments", "exception"),
    [
        ((EPOLL_CTL_ADD, "0"), TypeError),
        ((EPOLL_CTL_ADD, None), TypeError),
        ((EPOLL_CTL_ADD, 0, 1.5), TypeError),
        ((1.0, 0), TypeError),
        ((EPOLL_CTL_ADD, 0, EPOLLIN, "data"), TypeError),
        ((EPOLL_CTL_ADD, 2**31), ValueError),
        ((EPOLL_CTL_ADD, 0, 2**32), ValueError),
        ((EPOLL_CTL_ADD, 0, -1), ValueError),
        ((2**31, 0), ValueError),
        ((EPOLL_CTL_ADD, 0, EPOLLIN, -1), ValueError),
        ((EPOLL_CTL_ADD, 0, EPOLLIN, 2**64), ValueError),
    ],
)
def test_arguments_of_epoll_ctl(epoll, arguments, exception):
    """A wrong type is a TypeError, a number out of range a ValueError."""
    with pytest.raises(exception) as caught:
        epoll_ctl(epoll, *arguments)
    assert type(caught.value) is exception


def test_sentences_of_epoll_ctl(epoll, counters):
    """The error of a refused argument says which one is wrong."""
    counter = counters()
    with Epoll() as other:
        for words, arguments in {
            "the operation must be": (epoll, 9, counter),
            "is not an epoll descriptor": (counter, EPOLL_CTL_ADD, epoll),
            "does not go with PRI": (epoll, EPOLL_CTL_ADD, counter, EPOLLIN | EPOLLPRI | EPOLLEXCLUSIVE),
            "an epoll that waits for an epoll": (epoll, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE),
        }.items():
            with pytest.raises(InvalidArgument, match=words):
                epoll_ctl(*arguments)
    with pytest.raises(InvalidArgument, match="descriptor 999 is not open"):
        epoll_ctl(999, EPOLL_CTL_ADD, counter)


def test_an_exclusive_descriptor_cannot_be_changed(epoll, counters):
    """A descriptor with EPOLLEXCLUSIVE has to be unregistered first."""
    counter = counters()
    epoll.register(counter, EPOLLIN | EPOLLEXCLUSIVE)
    with pytest.raises(InvalidArgument, match="registered with EPOLLEXCLUSIVE"):
        epoll.modify(counter, EPOLLIN)
    epoll.unregister(counter)
    epoll.register(counter, EPOLLIN | EPOLLWAKEUP)
    assert epoll.poll(0) == [(counter.fileno(), EPOLLIN)]


def test_waits_take_any_number_of_events(epoll, counters):
    """The longest list may be as long as the kernel allows, and no longer."""
    epoll.register(counters(), EPOLLIN)
    assert len(epoll_wait(epoll, 1_000_000, 0)) == 1
    for maxevents in 0, -1, 2**31 - 1:
        with pytest.raises(InvalidArgument, match=f"maxevents is {maxevents};"):
            epoll_wait(epoll, maxevents, 0)
    with pytest.raises(ValueError, match="maxevents"):
        epoll_wait(epoll, 2**31, 0)


WAITS = {
    "epoll_wait": lambda epoll, milliseconds: epoll_wait(epoll, 1, milliseconds),
    "epoll_pwait": lambda epoll, milliseconds: epoll_pwait(epoll, 1, milliseconds),
    "epoll_pwait2": lambda epoll, milliseconds: epoll_pwait2(epoll, 1, milliseconds * 1_000_000),
}
needs_pwait2 = needs(kernel=(5, 11))


@pytest.mark.parametrize(
    "wait",
    [pytest.param(wait, id=name, marks=[needs_pwait2] * (name == "epoll_pwait2")) for name, wait in WAITS.items()],
)
def test_calls_go_on_after_a_handler(epoll, counters, wait):
    """A call waits on after a signal handler has run, no longer than its timeout."""
    counter, calls = counters(0), []
    epoll.register(counter, EPOLLIN)
    with alarms(lambda *_: calls.append(1), interval=0.003):
        start = time.monotonic_ns()
        assert wait(epoll, 30) == []
        assert LONG * 10**9 > time.monotonic_ns() - start >= 30_000_000
    assert calls
    with alarms(lambda *_: counter.increment(), once=True):
        assert wait(epoll, LONG * 1000) == [(EPOLLIN, counter.fileno())]


@pytest.mark.parametrize("call", [epoll_pwait, pytest.param(epoll_pwait2, marks=needs_pwait2)])
def test_a_masked_wait_that_is_stopped(call):
    """A process that was stopped and goes on learns that its masked wait has ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with Epoll() as epoll:
                os.write(writing, b"r")
                try:
                    call(epoll, 1, -1 if call is epoll_pwait else None, ())
                except InterruptedError as error:
                    os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"r"
    number = str(support.number_of(call.__name__))
    support.until(lambda: Path(f"/proc/{child}/syscall").read_text().split()[0] == number)
    os.kill(child, signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    os.kill(child, signal.SIGCONT)
    assert b"or the process was stopped" in os.read(reading, 1000)
    os.waitpid(child, 0)
    os.close(reading)


@pytest.mark.parametrize(
    ("call", "second"), [(epoll_pwait, 1000), pytest.param(epoll_pwait2, 10**9, marks=needs_pwait2)]
)
def test_a_mask_lets_a_signal_through(epoll, call, second):
    """A blocked signal comes within the call whose mask allows it, and ends it."""
    came = []

    def handler(*_):
        came.append(1)

    before = signal.signal(signal.SIGUSR2, handler)
    mask = support.block_everywhere(signal.SIGUSR2)
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert call(epoll, 1, 1, [signal.SIGUSR1, signal.SIGUSR2]) == []
        assert came == []
        with pytest.raises(InterruptedError, match="sigmask"):
            call(epoll, 1, LONG * second, ())
        assert came == [1]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR2, before)


@pytest.mark.parametrize("sigmask", [0, 65, [1, -1]])
def test_a_mask_of_no_signals(epoll, sigmask):
    """A number that is not a signal is a ValueError, and another type a TypeError."""
    with pytest.raises(ValueError, match="there is no signal"):
        epoll_pwait(epoll, 1, 0, sigmask)
    with pytest.raises(TypeError):
        epoll_pwait2(epoll, 1, 0, ["SIGTERM"])


def test_a_negative_number_of_nanoseconds(epoll):
    """None waits for ever, so a negative number is a ValueError."""
    with pytest.raises(ValueError, match="timeout"):
        epoll_pwait2(epoll, 1, -1)


@needs(kernel=(6, 9))
def test_parameters_of_busy_polling(epoll):
    """The parameters that were set are those that the kernel returns."""
    assert epoll.params == EpollParams(0, 0, False)
    epoll.params = wanted = EpollParams(busy_poll_usecs=20, busy_poll_budget=16, prefer_busy_poll=True)
    assert epoll.params == wanted
    for wrong in (2**32, 0, 0), (0, 2**16, 0), (0, 0, -1):
        with pytest.raises(ValueError, match="busy_poll"):
            epoll.params = wrong
    assert epoll.params == wanted


def test_the_struct_is_that_of_the_kernel():
    """The fields of the parameters are where the kernel's requests expect them."""
    kind = "butter_epoll_params"
    fields = [ffi.offsetof(kind, name) for name in ("busy_poll_usecs", "busy_poll_budget", "prefer_busy_poll")]
    assert (ffi.sizeof(kind), fields) == (8, [0, 4, 6])
    assert (EPIOCSPARAMS, EPIOCGPARAMS) == (0x40088A01, 0x80088A02)


# the selector


@pytest.fixture
def selector():
    with EpollSelector() as selector:
        yield selector


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_selector_registers(selector, pair):
    """A file is found by itself and by its number, in the map too, until it is gone."""
    one, other = pair
    key = selector.register(one, EVENT_READ, "data")
    assert key == selectors.SelectorKey(one, one.fileno(), EVENT_READ, "data")
    known = selector.get_map()
    assert selector.get_key(one) is selector.get_key(one.fileno()) is known[one] is known[one.fileno()] is key
    assert (len(known), list(known), list(known.values())) == (1, [one.fileno()], [key])
    assert one in known
    assert other not in known
    with pytest.raises(TypeError):
        del known[one]
    assert selector.unregister(one) is key
    assert len(known) == 0
    for method in selector.unregister, selector.get_key, known.__getitem__:
        with pytest.raises(KeyError):
            method(one)
        for unfit in "file", object(), -1:
            with pytest.raises(ValueError, match="fd"):
                method(unfit)
    assert selector.register(one, EVENT_READ).data is None


def test_selector_refuses(selector, pair):
    """Unknown events, files without a number, and a second time are refused."""
    one, other = pair
    for events in 0, 4, 999_999:
        with pytest.raises(ValueError, match="events are"):
            selector.register(one, events)
    for fileobj in -10, "file", None, object():
        with pytest.raises(ValueError, match="fd"):
            selector.register(fileobj, EVENT_READ)
    selector.register(one, EVENT_READ)
    for again in one, one.fileno():
        with pytest.raises(KeyError, match="registered already"):
            selector.register(again, EVENT_WRITE)
    with pytest.raises(KeyError):
        selector.modify(other, EVENT_READ)
    assert list(selector.get_map()) == [one.fileno()]


def test_selector_refuses_what_is_always_ready(selector, tmp_path):
    """A regular file is a PermissionError, and is not registered."""
    with open(tmp_path / "file", "wb") as file:
        with pytest.raises(PermissionError):
            selector.register(file, EVENT_WRITE)
        with pytest.raises(KeyError):
            selector.get_key(file)


def test_selector_modifies(selector, pair):
    """``modify`` changes events and data; the kernel is asked only about events."""
    one, other = pair
    other.send(b"x")
    selector.register(one, EVENT_WRITE, "first")
    key = selector.modify(one, EVENT_READ, "second")
    assert (key.events, key.data, selector.get_key(one)) == (EVENT_READ, "second", key)
    assert selector.select(0) == [(key, EVENT_READ)]
    with pytest.raises(ValueError, match="events are"):
        selector.modify(one, 8)
    selector._epoll.modify = None  # would not be called
    assert selector.modify(one, EVENT_READ, "third").data == "third"


def test_selector_forgets_what_it_cannot_modify(selector, pair):
    """A file whose change the kernel refuses is not registered any more."""
    one, _ = pair
    selector.register(one, EVENT_READ)
    selector._epoll.unregister(one)
    with pytest.raises(FileNotFoundError):
        selector.modify(one, EVENT_WRITE)
    assert len(selector.get_map()) == 0


def test_selector_of_closed_files(selector, pair):
    """A file that was closed can still be unregistered, and its number be used anew."""
    one, other = pair
    number = one.fileno()
    key = selector.register(one, EVENT_READ)
    one.close()
    assert selector.unregister(one) is key
    reused = os.dup(other.fileno())
    assert reused == number
    selector.register(reused, EVENT_READ)
    os.close(reused)
    stranger = os.dup(other.fileno())
    assert selector.unregister(number).fd == stranger
    os.close(stranger)


def test_selector_of_a_file_whose_number_is_gone(selector, pair):
    """A file is found by itself where its ``fileno()`` fails."""

    class Transport:
        socket = pair[0]

        def fileno(self):
            return self.socket.fileno()

    class Number:
        def __int__(self):
            return pair[1].fileno()

    transport = Transport()
    key = selector.register(transport, EVENT_READ)
    transport.socket = None
    assert selector.get_key(transport) is key
    assert selector.unregister(transport) is key
    transport.fileno = Number
    assert selector.register(transport, EVENT_READ).fd == pair[1].fileno()


@pytest.mark.parametrize("change", ["register", "unregister", "modify"])
def test_selector_whose_change_a_handler_ends(counters, change):
    """A handler that raises leaves a file that is registered, or one that is not."""
    counter, done = counters(), itertools.count()
    for moment in done:
        with EpollSelector() as selector:
            if change != "register":
                selector.register(counter, EVENT_READ)
            call = getattr(selector, change)
            arguments = [counter] if change == "unregister" else [counter, EVENT_READ | EVENT_WRITE]
            came = support.interrupt_between(lambda call=call, arguments=arguments: call(*arguments), moment)
            assert bool(selector._epoll.poll(0)) == bool(selector.select(0))
            if counter in selector.get_map():
                selector.unregister(counter)
            selector.register(counter, EVENT_READ)
            assert len(selector.select(0)) == 1
            if not came:
                break
    assert moment > 3


def test_selector_selects(selector, pair):
    """A file comes once, with those of its events that it is ready for."""
    one, other = pair
    key = selector.register(one, EVENT_READ | EVENT_WRITE)
    assert selector.select() == [(key, EVENT_WRITE)]
    other.send(b"x")
    assert selector.select(LONG) == [(key, EVENT_READ | EVENT_WRITE)]
    reader = selector.modify(one, EVENT_READ)
    assert selector.select(0) == [(reader, EVENT_READ)]
    one.recv(1)
    assert selector.select(0) == selector.select(-1) == selector.select(0.001) == []
    other.close()
    assert selector.select() == [(reader, EVENT_READ)]


def test_selector_tells_a_writer_of_an_error(selector):
    """The end of a pipe whose readers are gone is ready for writing."""
    reading, writing = os.pipe()
    key = selector.register(writing, EVENT_WRITE)
    os.close(reading)
    assert selector._epoll.poll(0) == [(writing, EPOLLOUT | EPOLLERR)]
    assert selector.select(0) == [(key, EVENT_WRITE)]
    os.close(writing)


@support.needs_descriptors(4096)
def test_selector_of_many_files():
    """One select returns every file that is ready, though they are thousands."""

    def body():
        support.allow_descriptors(4096)
        with EpollSelector() as selector, Eventfd(1) as counter:
            for _ in range(2000):
                selector.register(os.dup(counter.fileno()), EVENT_READ)
            return len(selector.select(0))

    assert in_child(body) == 2000


def test_selector_without_files(selector):
    """A selector without any file waits for its timeout."""
    start = time.monotonic_ns()
    assert selector.select(0.0003) == []
    assert time.monotonic_ns() - start >= 300_000
    assert selector.select(0) == []


def test_selector_and_signals(selector, pair):
    """A handler ends a select only if it raises."""
    one, other = pair
    key = selector.register(one, EVENT_READ)
    calls = []

    def count(*_):
        calls.append(1)
        if len(calls) == 3:
            other.send(b"x")

    with alarms(count, interval=0.003):
        assert selector.select(LONG) == [(key, EVENT_READ)]
    assert len(calls) >= 3
    one.recv(1)

    def stop(*_):
        raise InterruptedError("of the handler")

    with alarms(stop, once=True), pytest.raises(InterruptedError, match="of the handler"):
        selector.select(LONG)


def test_selector_is_closed():
    """A second close does nothing; a closed selector has neither keys nor a map."""
    selector = EpollSelector()
    reading, writing = os.pipe()
    selector.register(reading, EVENT_READ)
    known = selector.get_map()
    fd = selector.fileno()
    assert os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[eventpoll]"
    with selector:
        pass
    selector.close()
    assert selector.get_map() is None
    assert known.get(reading) is None
    with pytest.raises(RuntimeError):
        selector.get_key(reading)
    for method in selector.fileno, lambda: selector.register(reading, EVENT_READ), lambda: selector.select(0):
        with pytest.raises(ValueError, match="closed"):
            method()
    for end in reading, writing:
        os.close(end)
