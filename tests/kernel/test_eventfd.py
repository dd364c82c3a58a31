"""eventfd on this kernel: counting, waiting, and the sentence of each failure."""

import errno
import itertools
import os
import select
import signal
import sys
import threading

import pytest
import support

import butter._eventfd
import butter.eventfd
from butter.errors import InvalidArgument
from butter.eventfd import (
    EFD_NONBLOCK,
    Eventfd,
    event_to_str,
    eventfd,
    eventfd_read,
    eventfd_write,
    str_to_events,
)

MAXIMUM = 2**64 - 2


@pytest.fixture
def counter():
    with Eventfd(0, EFD_NONBLOCK) as made:
        yield made


@pytest.fixture
def number():
    """A plain descriptor, for the calls."""
    fd = eventfd(0, EFD_NONBLOCK)
    yield fd
    os.close(fd)


def count(fd):
    """The counter, which a read would change, as the kernel prints it."""
    with open(f"/proc/self/fdinfo/{fd}") as info:
        return next(int(line.split()[1], 16) for line in info if line.startswith("eventfd-count"))


def test_a_read_takes_everything(counter):
    """A read returns all that was counted as one event, and leaves 0."""
    counter.increment(3)
    counter.increment()
    assert count(counter.fileno()) == 4
    assert counter.read_event() == 4
    assert counter.read_events() == []
    for _ in range(2):
        counter.increment(36)
        assert int(counter) == 36
    counter.increment(0)  # a value like the others, and no event
    with pytest.raises(BlockingIOError):
        counter.read_event()


@pytest.mark.defect("V1")
@pytest.mark.parametrize("value", [0, 1, 2**32 - 1, 2**32, 2**63, MAXIMUM])
def test_initial_value(value):
    """An object starts at any value of a counter, under both names of the argument."""
    for options in ({"initial_value": value}, {"inital_value": value}):
        with Eventfd(flags=EFD_NONBLOCK, **options) as counter:
            assert count(counter.fileno()) == value
            assert (counter.read_event() if value else 0) == value


def test_both_names_of_the_initial_value():
    """The thin call takes both names too, and both at once are a TypeError."""
    fd = eventfd(inital_value=5)
    assert eventfd_read(fd) == 5
    os.close(fd)
    for make in (eventfd, Eventfd):
        with pytest.raises(TypeError, match="one argument"):
            make(1, inital_value=2)


@pytest.mark.defect("V2")
@pytest.mark.parametrize("value", [-1, 2**64 - 1, 2**64, -(2**70)])
def test_numbers_out_of_range(counter, number, value):
    """A number beyond a counter is a ValueError in each call, and is not counted."""
    for call in Eventfd, counter.increment, lambda value: eventfd_write(number, value):
        with pytest.raises(ValueError, match=f"value is {value}; it must be 0 to {2**64 - 2}, which is"):
            call(value)
    for beyond in value, 2**32:  # the call takes 32 bits
        with pytest.raises(ValueError, match="initial_value"):
            eventfd(beyond)
    assert count(number) == count(counter.fileno()) == 0


@pytest.mark.parametrize("value", [1.0, "1", b"1", None, (), object()])
def test_other_types(counter, number, value):
    """A value that is not an int is a TypeError in each call, and is not counted."""
    calls = [lambda: counter.increment(value), lambda: eventfd_write(number, value), lambda: event_to_str(value)]
    calls += [lambda: Eventfd(value), lambda: eventfd(value), lambda: Eventfd(0, value), lambda: eventfd(0, value)]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert count(number) == count(counter.fileno()) == 0


def test_a_full_counter_makes_writers_wait():
    """A blocking increment of a full counter goes on after a read."""
    with Eventfd(MAXIMUM) as counter:
        thread = threading.Thread(target=counter.increment, args=(5,))
        thread.start()
        assert counter.read_event() == MAXIMUM
        assert counter.read_event() == 5
        thread.join(10)
        assert not thread.is_alive()


def test_unknown_flags():
    """The error for unknown flags names the flags that there are."""
    for make in eventfd, Eventfd:
        with pytest.raises(InvalidArgument, match="the only flags are EFD_CLOEXEC, EFD_NONBLOCK and EFD_SEMAPHORE"):
            make(0, 4)
        with pytest.raises(ValueError, match="flags"):
            make(0, 2**31)


def test_words_of_a_counter(counter):
    """A counter is writable; a closed or uninitialised one cannot be incremented."""
    assert counter.writable()
    closed = Eventfd()
    closed.close()
    for made in (closed, Eventfd.__new__(Eventfd)):
        for call in (made.increment, made.__int__, lambda made=made: made.increment(-1)):
            with pytest.raises(ValueError, match="closed file"):
                call()


def test_another_kind_of_descriptor(tmp_path):
    """The thin calls say that a descriptor is of another kind."""
    (tmp_path / "file").write_bytes(b"short")
    with open(tmp_path / "file", "r+b") as file, pytest.raises(InvalidArgument, match="not an eventfd"):
        eventfd_read(file)
    with open(tmp_path / "file", "rb") as file, pytest.raises(InvalidArgument):
        eventfd_write(file, 1)  # EBADF, as it is not open for writing
    with select.epoll() as epoll:
        for call in (lambda: eventfd_read(epoll), lambda: eventfd_write(epoll, 1)):
            with pytest.raises(InvalidArgument, match=f"descriptor {epoll.fileno()} is not an eventfd") as caught:
                call()
            assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("data", [b"", b"1234567", b"123456789"])
def test_bytes_of_another_size(data):
    """Bytes of another size than 8 are a ValueError."""
    with pytest.raises(ValueError, match="8 bytes"):
        str_to_events(data)


@pytest.mark.parametrize("value", [0, 1, 0x0102030405060708, 2**64 - 1])
def test_bytes(counter, value):
    """event_to_str and str_to_events reverse each other, in the kernel's byte order."""
    data = event_to_str(value)
    assert data == value.to_bytes(8, sys.byteorder)
    assert str_to_events(data) == [value]
    if 0 < value <= MAXIMUM:
        os.write(counter.fileno(), data)
        assert str_to_events(os.read(counter.fileno(), 8)) == [value]


def test_a_signal_handler_runs_during_a_read():
    """The thin read goes on after a handler, although that makes calls that fail."""
    with Eventfd() as counter:
        calls = itertools.count(1)

        def handler(*_):
            with pytest.raises(InvalidArgument):
                eventfd_read(-1)
            if next(calls) == 5:
                counter.increment(7)

        with support.alarms(handler, 0.002):
            assert eventfd_read(counter) == 7


@pytest.mark.parametrize("write", [Eventfd.increment, eventfd_write])
def test_a_signal_handler_runs_during_a_write(write):
    """A write goes on after a signal handler, and is made once."""
    with Eventfd(MAXIMUM) as counter:
        calls, taken = itertools.count(1), []

        def handler(*_):
            if next(calls) == 5:
                taken.append(counter.read_event())

        with support.alarms(handler, 0.002):
            write(counter, 3)
        assert taken == [MAXIMUM]
        assert counter.read_event() == 3


@pytest.mark.parametrize("value", [0, MAXIMUM])
def test_an_exception_of_a_handler_in_c(in_child, value):
    """The exception of a handler in C, which has no frame, comes out of the call."""

    def body():
        with Eventfd(value) as counter, support.alarms(len):
            counter.increment() if value else counter.read_event()

    with pytest.raises(TypeError, match="argument"):
        in_child(body)


def test_an_exception_of_a_signal_handler_after_a_write(counter, monkeypatch):
    """A handler that raises an OSError after a write does not repeat the write."""

    class Stop(OSError):
        pass

    def handler(*_):
        raise Stop

    before = signal.signal(signal.SIGUSR1, handler)
    wrote, real = [], butter.eventfd._write or butter.eventfd.eventfd_write

    def write_and_signal(fd, value):
        # a function of Python between the two, so that the handler's turn is there
        real(fd, value)
        wrote.append(value)
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(butter.eventfd, "_write", write_and_signal)
    try:
        with pytest.raises(Stop):
            counter.increment(5)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert wrote == [5]
    assert counter.read_event() == 5


def test_increment_in_a_signal_handler(counter):
    """An increment takes no lock, so that a handler may count too."""
    before = signal.signal(signal.SIGUSR1, lambda *_: counter.increment(10))
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        counter.increment()
        assert counter.wait(10) == 11
    finally:
        signal.signal(signal.SIGUSR1, before)
