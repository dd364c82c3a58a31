"""The behaviour of all event objects; tests/features.py says how each is made."""

import contextlib
import copy
import ctypes
import errno
import gc
import itertools
import math
import os
import pickle
import platform
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref

import pytest
import support
from features import BARE, EVENTS, LONG, OBJECTS
from support import forget

import butter.eventlike
from butter import memfd, utils
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd, eventfd_read, eventfd_write
from butter.eventlike import Eventlike
from butter.inotify import IN_CREATE, Inotify, inotify_add_watch, inotify_rm_watch
from butter.memfd import Memfd
from butter.signalfd import Signalfd, signalfd
from butter.timerfd import Timer, TimerVal, timerfd_gettime, timerfd_settime


def choices(features):
    """The features as parameters, each with its needs."""
    return [pytest.param(feature, id=feature.cls.__name__, marks=feature.marks()) for feature in features]


def kinds(features):
    """The features to run a test with, as its parameter ``kind``."""
    return pytest.mark.parametrize("kind", choices(features), indirect=True)


every_object = kinds(OBJECTS)
every_number = kinds([feature for feature in OBJECTS if not feature.enters])
every_kind = kinds(EVENTS)
kinds_that_are_bare = kinds([feature for feature in EVENTS if feature.bare])
kinds_that_children_have = kinds([feature for feature in EVENTS if feature.bare and feature.inherited])
kinds_that_tick = kinds([feature for feature in EVENTS if feature.ticks])
#: those by which each way of waiting is tried
WAITING = [feature for feature in EVENTS if not feature.waits_alike]
kinds_that_wait = kinds(WAITING)
kinds_that_wait_and_tick = kinds([feature for feature in WAITING if feature.ticks])
kinds_that_wait_and_batch = kinds([feature for feature in WAITING if feature.batches])


@pytest.fixture
def kind(request, tmp_path, compositions):
    with request.param(tmp_path) as kind:
        yield kind


@pytest.fixture
def made(kind):
    """A blocking object, closed when the test has ended."""
    with kind.make() as made:
        yield made


@pytest.fixture
def quick(kind):
    """A non-blocking object, closed when the test has ended."""
    with kind.make(blocking=False) as quick:
        yield quick


def invented(kind, fd):
    """An object that ``__init__`` never saw, with a number that the test opened."""
    made = kind.cls.__new__(kind.cls)
    made._fd = fd
    return made


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError as error:
        return error.errno != errno.EBADF
    return True


def readable(made):
    return bool(select.select([made], [], [], 0)[0])


# a descriptor and its owner


@every_kind
def test_words_of_a_file(made):
    """A new object owns an open descriptor, and has the methods of Python's files."""
    assert isinstance(made, Eventlike)
    assert is_open(made.fileno())
    assert made._fd == made.fileno()
    assert made.closed() is False
    assert made.pending == 0
    assert made.isatty() is False
    assert made.readable() is True
    assert made.seekable() is False
    assert made.mode() == ("r+" if made.writable() else "r")
    assert repr(made) == made.name()
    assert repr(made).startswith(f"<{type(made).__name__} fd={made.fileno()}")


@every_kind
def test_bytes_words_of_a_file(made):
    """An object of events cannot read, write or seek bytes, with any arguments."""
    for word in ("read", "readline", "readlines", "seek", "tell", "truncate", "write", "writelines"):
        for arguments in ((), (1,), (b"bytes",), (0, 2)):
            with pytest.raises(NotImplementedError, match="read_event"):
                getattr(made, word)(*arguments)


@every_kind
def test_closed(kind):
    """A closed object has no descriptor and refuses work, but can still be printed."""
    made = kind.make()
    fd = made.fileno()
    made.close()
    assert not is_open(fd)
    assert made._fd is None
    assert made.closed() is True
    assert repr(made) == made.name()
    assert repr(made).startswith(f"<{type(made).__name__} fd=closed")
    assert made == made
    assert made.isatty() is False
    for method in (made.fileno, made.read_event, made.read_events, made.wait, made.__iter__().__next__, made.close):
        with pytest.raises(ValueError, match="closed file"):
            method()
    for timeout in (0, 0.5, None):
        with pytest.raises(ValueError, match="closed file"):
            made.wait(timeout)


@every_object
def test_closed_twice(kind):
    """A second close raises; neither it nor the finaliser closes a reused number."""
    made = kind.make()
    fd = made.fileno()
    made.close()
    stranger = os.dup(0)
    assert stranger == fd
    with pytest.raises(ValueError, match="closed file"):
        made.close()
    del made
    gc.collect()
    os.close(stranger)  # still open


@every_object
def test_forgotten_before_it_is_closed(kind, monkeypatch):
    """The object forgets its number first, also where closing that fails."""
    made = kind.make()
    fd = made.fileno()
    seen = []

    def close(number):
        seen.append((number, made._fd))
        os.close(number)
        raise OSError(errno.EIO, "a test")

    monkeypatch.setattr(utils, "_close", close)
    with pytest.raises(OSError, match="a test"):
        made.close()
    assert seen == [(fd, None)]
    assert made.closed()


def interrupt_close(made, at, handler):
    """Close *made*; *handler* runs at place *at* where Python may run handlers."""
    places = itertools.count()

    def profile(frame, event, arg):
        # where a function begins, and where one that is written in C has returned
        if event in ("call", "c_return") and arg is not sys.setprofile and next(places) == at:
            sys.setprofile(None)
            handler()

    sys.setprofile(profile)
    try:
        made.close()
    finally:
        sys.setprofile(None)


def interrupted_closes(kind, step=1):
    """Yield objects, each with its close that is interrupted *step* places later."""
    for at in range(0, 100, step):
        made, done = kind.make(), []

        def close(handler, made=made, at=at, done=done):
            def handle():
                done.append(at)
                handler()

            interrupt_close(made, at, handle)

        yield made, close
        if not done:
            assert at > 3
            return


@every_object
def test_a_handler_raises_in_close(kind):
    """A handler that raises anywhere in a close leaves the object open or closed."""

    def handler():
        raise TimeoutError

    for made, close in interrupted_closes(kind):
        fd = made.fileno()
        with contextlib.suppress(TimeoutError):
            close(handler)
        assert made.closed() is not is_open(fd)
        if not made.closed():
            made.close()
        assert not is_open(fd)


@every_object
def test_a_handler_closes_in_close(kind):
    """When a handler closes the object during a close, a reused number stays open."""
    # the places are those of the test above; some are enough where a close takes long
    for made, close in interrupted_closes(kind, 3 if kind.lingers else 1):
        fd, ends = made.fileno(), []

        def handler(made=made, ends=ends):
            if not made.closed():
                made.close()
                ends.append(os.dup(0))

        with contextlib.suppress(ValueError):
            close(handler)
        assert made.closed()
        assert ends in ([], [fd])
        assert is_open(fd) is bool(ends)
        for end in ends:
            os.close(end)


@every_object
def test_closed_while_another_thread_closes(kind):
    """The second close gets ValueError, even before the first took the number."""
    made, first = kind.make(), []

    def handler():
        def close():
            with pytest.raises(ValueError, match="closed file"):
                made.close()
            first.append(made.closed())

        join(start(close, 1))

    # the first places come before the step that takes the number, this one after it
    interrupt_close(made, 4, handler)
    assert first == [False]
    assert made.closed()


@every_object
def test_closed_by_two_threads(kind):
    """Of four threads that close an object at once, three get the ValueError."""
    for _ in range(kind.sample(50)):
        made = kind.make()
        barrier = threading.Barrier(4)
        errors = []

        def close(made=made, barrier=barrier, errors=errors):
            barrier.wait()
            try:
                made.close()
            except ValueError as error:
                errors.append(error)

        join(start(close, 4))
        assert len(errors) == 3


@pytest.mark.defect("E1")
@every_object
def test_with(kind):
    """``with`` returns the object, and closes it however the block ends."""
    with kind.make() as made:
        fd = made.fileno()
        assert isinstance(made, kind.cls)
        with made as again:
            assert again is made
        assert made.closed()
    assert not is_open(fd)
    made = kind.make()
    with pytest.raises(KeyError), made:
        raise KeyError
    assert made.closed()


@every_number
def test_with_closed(kind):
    """A block may close its object, or begin with a closed one, without an error."""
    with kind.make() as made:
        made.close()
    with made as again:
        assert again is made


@pytest.mark.defect("E5")
@every_object
@pytest.mark.parametrize("cycle", [False, True])
def test_dropped(kind, cycle):
    """An unclosed object warns when it is deleted, and closes its descriptor."""
    box = [kind.make()]
    if cycle:
        box[0].itself = box[0]
    fd, name = box[0].fileno(), repr(box[0])
    with pytest.warns(ResourceWarning, match=re.escape(f"unclosed {name}")):
        forget(box)
    assert not is_open(fd)


@every_object
def test_dropped_where_warnings_are_errors(kind, monkeypatch):
    """The descriptor is closed even if the warning about it raises."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    box = [kind.make()]
    fd = box[0].fileno()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forget(box)
    assert seen == [ResourceWarning]
    assert not is_open(fd)


@kinds(BARE)
def test_dropped_with_another_number(kind):
    """The finaliser closes only a number that the object itself opened."""
    made = kind.make()
    own = made._fd
    stranger = os.dup(0)
    made._fd = stranger
    del made
    gc.collect()
    os.close(own)
    os.close(stranger)


@every_kind
def test_invented(kind):
    """An object of an invented number works, but its finaliser closes nothing."""
    stranger = os.dup(0)
    made = invented(kind, stranger)
    assert made == invented(kind, stranger)
    assert hash(made) == hash(invented(kind, stranger))
    assert made.fileno() == stranger
    assert repr(made).startswith(f"<{kind.cls.__name__} fd={stranger}")
    assert made.pending == 0
    del made
    gc.collect()
    assert is_open(stranger)
    with invented(kind, stranger):
        pass
    assert not is_open(stranger)


@every_number
def test_empty(kind):
    """An object whose constructor failed, or never ran, is a closed one."""
    made = kind.cls.__new__(kind.cls)
    assert made.closed()
    assert repr(made).startswith(f"<{kind.cls.__name__} fd=closed")
    with made:
        pass
    with pytest.raises(ValueError, match="closed file"):
        made.fileno()
    assert isinstance(hash(made), int)
    with pytest.raises(TypeError):
        kind.make(no_such_argument=1)


@pytest.mark.defect("E2")
@every_kind
def test_descriptor_zero(kind, in_child):
    """The number 0 is a descriptor like any other."""

    def body():
        os.close(0)
        with kind.make() as made:
            assert made.fileno() == 0
            assert not made.closed()
            assert repr(made).startswith(f"<{kind.cls.__name__} fd=0")
            assert made == made
            kind.trigger(made)
            made.wait(LONG)
            kind.trigger(made)
            made.read_event()
        assert made.closed()
        assert not is_open(0)
        box = [kind.make()]
        with pytest.warns(ResourceWarning, match="fd=0"):
            forget(box)
        assert not is_open(0)

    in_child(body)


@pytest.mark.defect("E6")
@every_object
def test_hash_is_kept(kind):
    """A closed object is still found in a dict, and its number's new owner is not."""
    made = kind.make()
    found = {made: "found"}
    before = hash(made)
    made.close()
    assert hash(made) == before
    assert found[made] == "found"
    with kind.make() as other:
        assert other not in found


@pytest.mark.defect("E7")
@every_number
def test_equality(kind, made):
    """Equal are the same object, and two of one class with the same open number."""
    same = invented(kind, made.fileno())
    assert (made == same) is True
    assert (made != same) is False
    assert hash(made) == hash(same)
    with kind.make() as other:
        assert (made == other) is False
        assert (made != other) is True
    for other in (5, None, "text", made.fileno(), object()):
        assert (made == other) is False
        assert (made != other) is True
    sub = type("Sub", (kind.cls,), {})
    other = sub.__new__(sub)
    other._fd = made.fileno()
    assert made != other


@every_object
def test_closed_objects_are_not_equal(kind):
    """Two closed objects are not equal."""
    one, other = kind.make(), kind.make()
    one.close()
    other.close()
    assert one != other
    assert one == one
    assert len({one, other}) == 2


@pytest.mark.defect("E13")
@every_object
def test_no_copies(made):
    """An object cannot be copied or pickled: a copy would close the same descriptor."""
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot copy or pickle"):
            duplicate(made)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot copy or pickle"):
            pickle.dumps(made, protocol)


@every_object
def test_weak_references(kind):
    """A weak reference to an object does not keep it alive."""
    made = kind.make()
    reference = weakref.ref(made)
    assert reference() is made
    made.close()
    del made
    gc.collect()
    assert reference() is None


@pytest.mark.defect("E8")
@every_kind
def test_subclass(kind):
    """A subclass may have a constructor and methods of its own."""

    class Sub(kind.cls):
        def __init__(self, *args, word=None, **kwargs):
            super().__init__(*args, **kwargs)
            self.word = word

        def get(self):
            return self.word, self.read_event()

    with kind.make(Sub, word="mine") as made:
        assert repr(made).startswith(f"<Sub fd={made.fileno()}")
        kind.trigger(made)
        word, event = made.get()
        assert word == "mine"
        kind.trigger(made)
        assert type(made.wait(LONG)) is type(event)
    assert made.closed()


# a descriptor that exists


@pytest.fixture(params=choices(BARE))
def adopter(request, tmp_path, compositions):
    """Every feature with an object whose number can be adopted, also without events."""
    with request.param(tmp_path) as feature:
        yield feature


def test_adopt(adopter):
    """An object, of a subclass too, adopts a descriptor and owns it."""

    class Sub(adopter.cls):
        def __init__(self, needed):
            super().__init__()

    for cls in adopter.cls, Sub:
        fd = adopter.descriptor()
        with cls.adopt(fd) as made:
            assert type(made) is cls
            assert made.fileno() == fd
            adopter.prepare(made)
            adopter.use(made)
        assert not is_open(fd)


def test_adopted_and_dropped(adopter):
    """An adopted descriptor that the program never closed is closed with a warning."""
    fd = adopter.descriptor()
    box = [adopter.cls.adopt(fd)]
    with pytest.warns(ResourceWarning, match="unclosed"):
        forget(box)
    assert not is_open(fd)


def test_adopt_from_an_object(adopter):
    """``adopt`` takes anything with ``fileno()``; an object loses its descriptor."""

    class Holder:
        def fileno(self):
            return fd

    fd = adopter.descriptor()
    first = adopter.cls.adopt(Holder())
    with adopter.cls.adopt(first) as second:
        assert (first.closed(), second.fileno()) == (True, fd)
        del first
        gc.collect()
        assert is_open(fd)
        adopter.prepare(second)
        adopter.use(second)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_adopt_that_a_signal_handler_ends(adopter):
    """At each moment a descriptor has one owner, which closes it."""
    made, first = [], adopter.descriptor()
    for moment in support.moments():
        # a duplicate, as the last close of a group with marks takes 10 ms
        fd = os.dup(first)
        source = adopter.cls.adopt(fd)
        if not support.interrupt(lambda source=source: made.append(adopter.cls.adopt(source)), moment):
            break
        gc.collect()
        assert is_open(fd) is not source.closed()
        if not source.closed():
            source.close()
    made.pop().close()
    os.close(first)
    assert moment > 10


def test_adopt_a_number_that_a_signal_handler_ends(adopter):
    """An adopt that does not return has left a number to its caller."""
    made, first = [], adopter.descriptor()
    for moment in itertools.count():
        fd = os.dup(first)
        came = support.interrupt(lambda fd=fd: made.append(adopter.cls.adopt(fd)), moment, ["call"])
        gc.collect()
        assert is_open(fd)
        if not came:
            break
        os.close(fd)
    made.pop().close()
    os.close(first)
    assert moment > 3


def test_adopt_another_kind(adopter):
    """A descriptor of another kind is an InvalidArgument, and stays as it is."""
    others = [feature for feature in BARE if feature.cls is not adopter.cls and not feature.unmet()]
    for other in [other(adopter.place) for other in others]:
        with other, other.cls.adopt(other.descriptor()) as made:
            fd = made.fileno()
            for source in (made,) if other.wider is adopter.cls else (made, fd):
                with pytest.raises(InvalidArgument, match=rf"adopt: descriptor {fd} is not an? ") as caught:
                    adopter.cls.adopt(source)
                assert caught.value.errno == errno.EINVAL
                assert not made.closed()
            gc.collect()
            other.prepare(made)
            other.use(made)


def test_adopt_a_plain_file(adopter, tmp_path):
    """A file, a pipe or a socket cannot be adopted."""
    with open(tmp_path / "file", "wb") as file, socket.socket() as connection:
        reading, writing = os.pipe()
        for source in (file, connection, writing):
            with pytest.raises(InvalidArgument, match=r"is not an? "):
                adopter.cls.adopt(source)
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("number", [-1, 1_000_000, 2**31 - 1])
def test_adopt_what_is_not_open(adopter, number):
    """A number that is not open is an InvalidArgument with EBADF."""
    with pytest.raises(InvalidArgument, match=f"descriptor {number} is not open") as caught:
        adopter.cls.adopt(number)
    assert caught.value.errno == errno.EBADF


def test_adopt_a_closed_object(adopter):
    """A closed object cannot be adopted."""
    made = adopter.cls.adopt(adopter.descriptor())
    made.close()
    with pytest.raises(ValueError, match="closed file"):
        adopter.cls.adopt(made)


@pytest.mark.parametrize("source", ["5", None, 1.5, 2**31])
def test_adopt_what_is_no_descriptor(adopter, source):
    """Another type is a TypeError, and a number beyond an int of C a ValueError."""
    with pytest.raises(ValueError if source == 2**31 else TypeError, match=r"fd (is|must be) "):
        adopter.cls.adopt(source)


def hide_proc():
    """Leave this process, a forked child, without /proc."""
    support.own_namespaces()
    # MNT_DETACH; a mount of another user namespace cannot be undone, and is covered
    if support.libc.umount2(b"/proc", 2) and support.libc.mount(b"none", b"/proc", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")
    assert not os.path.exists("/proc/self")


@support.needs_namespaces
def test_adopt_without_proc(adopter, in_child):
    """``adopt`` works where /proc is not mounted."""

    def body():
        fd = adopter.descriptor()
        hide_proc()
        with contextlib.closing(adopter.cls.adopt(fd)) as made:
            adopter.prepare(made)
            adopter.use(made)
        with pytest.raises(InvalidArgument, match="is not open"):
            adopter.cls.adopt(fd)
        # the class of an object says what its descriptor is
        others = (feature for feature in BARE if feature.cls is not adopter.cls and not feature.unmet())
        other = next(others)(adopter.place)
        wrong = pytest.raises(InvalidArgument, match=r"is not an? .*; it is an? ")
        with other, other.cls.adopt(other.descriptor()) as source, wrong:
            adopter.cls.adopt(source)

    in_child(body)


@support.needs_namespaces
def test_adopt_without_proc_is_not_checked(in_child, pipe):
    """Without /proc the first use finds a wrong kind; only a memfd is known at once."""

    def body():
        hide_proc()
        with pytest.raises(InvalidArgument, match="F_GET_SEALS"):
            Memfd.adopt(pipe[0])
        with Timer.adopt(pipe[0]) as timer, pytest.raises(InvalidArgument, match="is not a timerfd"):
            timer.get_current()

    in_child(body)


# close-on-exec


def after_exec(made):
    """The file behind an object's number in a program that this process executes."""
    look = "import os, sys; n = '/proc/self/fd/' + sys.argv[1]; print(os.path.lexists(n) and os.readlink(n))"
    command = [sys.executable, "-S", "-c", look, str(made.fileno())]
    return subprocess.run(command, close_fds=False, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.mark.defect("E3", "E4")
@kinds([feature for feature in BARE if feature.opens])
@pytest.mark.parametrize(
    ("arguments", "inherited"), [({}, False), ({"closefd": True}, False), ({"closefd": False}, True)]
)
def test_close_on_exec(kind, arguments, inherited):
    """A program that is executed has the descriptor only with ``closefd=False``."""
    with kind.make(**arguments) as made:
        assert os.get_inheritable(made.fileno()) is inherited
        assert (after_exec(made) == os.readlink(f"/proc/self/fd/{made.fileno()}")) is inherited


@pytest.mark.parametrize("adopter", choices([feature for feature in BARE if feature.opens]), indirect=True)
def test_thin_calls_and_exec(adopter):
    """A new descriptor is closed on exec by default, and with a flag in any case."""
    for options, inheritable in (
        ({}, False),
        ({"closefd": True}, False),
        ({"closefd": False}, True),
        ({"closefd": False, "flags": adopter.cloexec}, not adopter.cloexec),
    ):
        fd = adopter.descriptor(**options)
        assert os.get_inheritable(fd) is inheritable
        os.close(fd)


@kinds([feature for feature in OBJECTS if feature.unknown])
def test_unknown_flags(kind):
    """The error for unknown flags names the unknown ones alone."""
    with pytest.raises(InvalidArgument, match=rf"(not|unknown flags) {kind.unknown:#x}\b") as caught:
        kind.descriptor(flags=kind.unknown | kind.flag)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    "call",
    [
        lambda: timerfd_gettime(Timer()),
        lambda: timerfd_settime(Timer(), TimerVal().after(1)),
        lambda: eventfd_read(Eventfd(1)),
        lambda: signalfd([], Signalfd([])),
        lambda: inotify_add_watch(Inotify(), "/", IN_CREATE),
    ],
)
def test_thin_calls_keep_their_object(call):
    """An object without another reference lives until the thin call returns."""
    with pytest.warns(ResourceWarning, match="unclosed"):
        forget([call()])


THIN = {
    "timerfd_gettime": timerfd_gettime,
    "timerfd_settime": lambda fd: timerfd_settime(fd, TimerVal()),
    "eventfd_read": eventfd_read,
    "eventfd_write": lambda fd: eventfd_write(fd, 1),
    "inotify_add_watch": lambda fd: inotify_add_watch(fd, "/", IN_CREATE),
    "inotify_rm_watch": lambda fd: inotify_rm_watch(fd, 1),
    "flags": memfd.flags,
    "revoke": lambda fd: memfd.revoke(fd, 0),
    "seal": memfd.seal,
}
BAD_DESCRIPTORS = [(-1, InvalidArgument), (2**31 - 1, InvalidArgument), (2**31, ValueError)]
BAD_DESCRIPTORS += [(value, TypeError) for value in (None, "0", b"0", 1.5)]


@pytest.mark.parametrize("call", THIN.values(), ids=THIN)
@pytest.mark.parametrize(("fd", "exception"), BAD_DESCRIPTORS)
def test_thin_calls_need_a_descriptor(call, fd, exception):
    """The thin calls refuse anything but an open descriptor."""
    with pytest.raises(exception) as caught:
        call(fd)
    assert type(caught.value) is exception


# waiting and reading


@every_kind
def test_select(kind, quick):
    """select, poll and epoll take the object itself, and say when there is an event."""
    poll, epoll = select.poll(), select.epoll()
    poll.register(quick, select.POLLIN)
    epoll.register(quick, select.EPOLLIN)
    with epoll:
        for _ in range(2):
            assert not readable(quick)
            assert not poll.poll(0)
            assert not epoll.poll(0)
            kind.trigger(quick)
            assert select.select([quick], [], [], LONG)[0] == [quick]
            assert poll.poll(LONG * 1000) == [(quick.fileno(), select.POLLIN)]
            assert epoll.poll(LONG) == [(quick.fileno(), select.EPOLLIN)]
            assert len(quick.read_events()) == 1


@kinds_that_wait
@pytest.mark.parametrize("timeout", [None, 0, 5, 0.5, 1e300, math.inf, 2**40, True])
@pytest.mark.parametrize("blocking", [True, False])
def test_wait_with_an_event(kind, blocking, timeout):
    """A waiting event is returned at once, with any timeout."""
    with kind.make(blocking=blocking) as made:
        kind.trigger(made)
        assert select.select([made], [], [], LONG)[0]
        event = made.wait(timeout) if timeout is not None else made.wait()
        kind.trigger(made)
        assert type(made.wait(timeout=LONG)) is type(event)


@pytest.mark.defect("A6")
@kinds_that_wait
@pytest.mark.parametrize("timeout", [0, 0.0, 0.03, 1e-9])
@pytest.mark.parametrize("blocking", [True, False])
def test_wait_without_an_event(kind, blocking, timeout):
    """A timeout is Python's TimeoutError, and not before the time is over."""
    with kind.make(blocking=blocking) as made:
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=f"{timeout} seconds") as caught:
            made.wait(timeout)
        assert time.monotonic() - start >= timeout
        assert caught.value.errno == errno.ETIMEDOUT
        kind.trigger(made)
        made.wait(LONG)


@every_kind
@pytest.mark.parametrize(
    ("exception", "timeouts"),
    [(ValueError, [-1, -0.001, -math.inf, math.nan, 10**400]), (TypeError, ["1", b"1", [], object(), 1j])],
)
def test_wait_for_an_impossible_time(kind, made, exception, timeouts):
    """An impossible time is a ValueError, another type a TypeError; events remain."""
    kind.trigger(made)
    for timeout in timeouts:
        with pytest.raises(exception, match="timeout"):
            made.wait(timeout)
    made.wait(LONG)


@pytest.mark.defect("E9")
@support.needs_descriptors(4096)
@every_kind
def test_large_descriptor(kind, in_child):
    """A process with thousands of descriptors can wait: select(2) stops at 1024."""

    def body():
        support.occupy_descriptors(1500)
        with kind.make() as made:
            assert made.fileno() > 1500
            with pytest.raises(TimeoutError):
                made.wait(0.001)
            kind.trigger(made)
            made.wait(LONG)
            kind.trigger(made)
            made.read_event()

    in_child(body)


@pytest.mark.defect("A6")
@every_kind
def test_no_event(quick):
    """A non-blocking object says at once that there is no event."""
    with pytest.raises(BlockingIOError) as caught:
        quick.read_event()
    assert caught.value.errno == errno.EAGAIN
    assert quick.read_events() == []
    assert quick.pending == 0


@kinds_that_tick
@pytest.mark.parametrize("blocking", [True, False])
def test_each_way_of_reading(kind, blocking):
    """All ways to read together return each event once and in order."""
    with kind.make(blocking=blocking) as made:
        kind.trigger(made, 10)
        events = [made.read_event(), made.wait(), made.wait(0), next(iter(made))]
        while len(events) < 10:
            events += made.read_events()
        assert kind.count(events) == 10
        assert not readable(made)
        assert made.pending == 0


@kinds_that_wait_and_batch
@pytest.mark.parametrize("blocking", [True, False])
def test_pending(kind, blocking):
    """Events that were read but not taken are pending, and are returned first."""
    with kind.make(blocking=blocking) as made:
        kind.trigger(made, 4)
        first = made.read_event()
        assert made.pending == 3
        assert not readable(made)
        kind.trigger(made)
        assert kind.count([first, made.wait(0)]) == 2
        rest = made.read_events()
        assert (len(rest), made.pending) == (2, 0)
        assert readable(made)
        assert len(made.read_events()) == 1


@kinds_that_wait_and_batch
def test_closing_drops_what_is_pending(kind):
    """A closed object has no pending events."""
    made = kind.make()
    kind.trigger(made, 3)
    made.read_event()
    made.close()
    assert made.pending == 0
    with pytest.raises(ValueError, match="closed file"):
        made.read_event()


@kinds_that_tick
def test_iteration_leaves_nothing_behind(kind, made):
    """A loop that ends early loses no event: the next read continues there."""
    kind.trigger(made, 6)
    events = []
    for event in made:
        events.append(event)
        if len(events) == 2:
            break
    abandoned = iter(made)
    events.append(next(abandoned))
    del abandoned
    events += itertools.islice(made, 1)
    events.append(made.read_event())
    events += made.read_events()
    assert kind.count(events) == 6


@kinds_that_tick
def test_two_iterators(kind, made):
    """Two loops over one object share its events."""
    kind.trigger(made, 6)
    one, other = iter(made), iter(made)
    events = [next(iterator) for _ in range(3) for iterator in (one, other)]
    assert kind.count(events) == 6
    assert not readable(made)
    assert made.pending == 0


@kinds_that_tick
def test_closed_within_a_loop(kind):
    """A loop over an object that is closed meanwhile ends with ValueError."""
    made = kind.make()
    kind.trigger(made, 3)
    seen = []

    def loop():
        for event in made:
            seen.append(event)
            made.close()

    with pytest.raises(ValueError, match="closed file"):
        loop()
    assert len(seen) == 1


# threads


def start(body, count):
    """*count* threads that run *body*; ``join`` raises the exception of one."""

    def guarded():
        try:
            body()
        except BaseException as error:
            threading.current_thread().error = error

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def join(threads):
    for thread in threads:
        thread.join(2 * LONG)
        assert not thread.is_alive(), "a thread hangs"
        if error := getattr(thread, "error", None):
            raise error


@kinds_that_wait_and_tick
@pytest.mark.parametrize("way", ["read_event", "read_events", "iterate"])
def test_eight_threads_empty_a_queue(kind, quick, way):
    """Eight threads that read at once get each waiting event once."""
    total = kind.sample(2000)
    kind.trigger(quick, total)
    taken = []
    barrier = threading.Barrier(8)

    def take():
        barrier.wait()
        try:
            while True:
                if way == "read_event":
                    taken.append(quick.read_event())
                elif way == "read_events":
                    events = quick.read_events()
                    if not events:
                        return
                    taken.extend(events)
                else:
                    taken.append(quick.wait(0))
        except (BlockingIOError, TimeoutError):
            pass

    join(start(take, 8))
    assert kind.count(taken) == total
    assert quick.pending == 0


@kinds_that_wait_and_tick
@pytest.mark.parametrize(("blocking", "way"), [(True, "read_event"), (True, "wait"), (False, "wait")])
def test_eight_threads_wait(kind, blocking, way):
    """Eight threads that wait get each coming event once."""
    total = enough = kind.sample(2000)
    taken = []

    def take():
        while len(taken) < enough:
            taken.append(getattr(made, way)())

    with kind.make(blocking=blocking) as made:
        threads = start(take, 8)
        kind.trigger(made, total)
        # a thread that still waits in the kernel is woken by the next event
        while any(thread.is_alive() for thread in threads):
            kind.trigger(made)
            total += 1
            threads[total % 8].join(0.01)
        join(threads)
        while made.pending or readable(made):
            taken += made.read_events()
        assert kind.count(taken) == total


def until_reading(kind, thread, fd):
    """Return when *thread* is inside a read of *fd*, or else in a poll."""
    words = slice(1) if kind.polls else slice(1, 2)
    wanted = str(support.number_of("poll")) if kind.polls else hex(fd)
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        with open(f"/proc/self/task/{thread.native_id}/syscall") as call:
            if call.read().split()[words] == [wanted]:
                return
    pytest.fail("the thread never read")


@kinds_that_are_bare
def test_closed_while_a_thread_reads(kind):
    """A close leaves the number to a read that is under way, which gets its event."""
    made = kind.make()
    fd = made.fileno()
    spare = invented(kind, os.dup(fd))
    taken = []
    threads = start(lambda made=made: taken.append(made.read_event()), 1)
    until_reading(kind, threads[0], fd)
    made.close()
    stranger = os.open("/dev/null", os.O_RDONLY)
    assert stranger == fd
    with spare:
        kind.trigger(spare)
        join(threads)
        assert len(taken) == 1
        with pytest.raises(ValueError, match="closed file"):
            made.read_event()
    del made, threads
    gc.collect()
    os.close(stranger)  # still open


# signals


@pytest.fixture
def alarms():
    """``support.alarms`` for one test, whose handler overwrites errno each time."""
    with contextlib.ExitStack() as stack:

        def begin(handler, interval=0.003, once=False, waiting=False):
            def handle(*_):
                try:
                    os.stat("/no/such/file")
                except FileNotFoundError:
                    pass
                handler()

            handle = support.when_waiting(handle) if waiting else handle
            stack.enter_context(support.alarms(handle, interval, once))

        yield begin


WAITS = {
    "read_event": lambda made: made.read_event(),
    "read_events": lambda made: made.read_events()[0],
    "wait": lambda made: made.wait(),
    "wait with a timeout": lambda made: made.wait(LONG),
    "iteration": lambda made: next(iter(made)),
}
POLLS = [name for name in WAITS if not name.startswith("read")]
BLOCKING_WAITS = [(True, name) for name in WAITS] + [(False, name) for name in POLLS]


def interrupted_wait(alarms, handler, way, made):
    """A wait in which *handler* runs once; before it, on a slow machine."""
    alarms(handler, once=True)
    WAITS[way](made)


@kinds_that_wait
@pytest.mark.parametrize(("blocking", "way"), BLOCKING_WAITS)
def test_signals_during_a_wait(kind, alarms, blocking, way):
    """A wait for an event goes on after a signal handler has run (PEP 475)."""
    with kind.make(blocking=blocking) as made:
        calls = itertools.count(1)
        alarms(lambda: next(calls) == 5 and kind.trigger(made))
        WAITS[way](made)
        assert next(calls) > 5


SHORT_WAIT = "wait with a short timeout"


@kinds_that_wait_and_batch
@pytest.mark.parametrize(
    ("blocking", "way"),
    [(True, "read_event"), (True, "wait"), (True, "iteration"), (True, SHORT_WAIT), (False, SHORT_WAIT)],
)
def test_handler_that_reads(kind, alarms, blocking, way):
    """Events that a handler read and left in the object end the wait it interrupted."""
    # a wait with a timeout may see them only when the timeout is over
    with kind.make(blocking=blocking) as made:
        taken = []

        def read():
            kind.trigger(made, 2)
            taken.append(made.read_event())

        alarms(read, once=True)
        taken.append(made.wait(0.05) if way == SHORT_WAIT else WAITS[way](made))
        assert kind.count(taken) == 2
        assert made.pending == 0


@kinds_that_wait
@pytest.mark.parametrize("exception", [TimeoutError, BlockingIOError])
@pytest.mark.parametrize(("blocking", "way"), BLOCKING_WAITS)
def test_exception_of_a_handler(kind, alarms, blocking, way, exception):
    """A handler's exception ends the wait, also one that the call may raise itself."""
    with kind.make(blocking=blocking) as made:

        def stop():
            raise exception("of the handler")

        # in front of the wait a BlockingIOError would mean that there is no event
        alarms(stop, waiting=True)
        with pytest.raises(exception, match="of the handler"):
            WAITS[way](made)
        kind.trigger(made)
        WAITS[way](made)


@every_kind
def test_signals_do_not_lengthen_a_timeout(made, alarms):
    """A timeout counts from the call, however many handlers run meanwhile."""
    calls = itertools.count()
    alarms(lambda: next(calls))
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        made.wait(0.05)
    took = time.monotonic() - start
    assert 0.05 <= took < LONG
    assert next(calls) > 0


@every_kind
@pytest.mark.parametrize("way", ["read_event", "read_events", "wait", "iteration"])
def test_closed_by_a_handler(kind, alarms, way):
    """A handler that closes the object ends the read; the number's new file is safe."""
    made = kind.make()
    fd = made.fileno()
    ends = []

    def close():
        if made.closed():
            return
        made.close()
        ends.extend(os.pipe())
        os.write(ends[1], b"somebody else's")

    main = threading.current_thread()

    def interrupt():
        until_reading(kind, main, fd)
        while not ends:
            # a signal that comes between two polls of a read does not end the second
            os.kill(os.getpid(), signal.SIGALRM)
            end = time.monotonic() + 1
            while not ends and time.monotonic() < end:
                time.sleep(0.001)

    alarms(close, interval=0)
    threads = start(interrupt, 1)
    try:
        with pytest.raises(ValueError, match="closed file"):
            WAITS[way](made)
        assert ends[0] == fd
        assert os.read(fd, 100) == b"somebody else's"
    finally:
        join(threads)
        for end in ends:
            os.close(end)


@every_kind
@pytest.mark.parametrize("way", POLLS)
def test_closed_by_a_handler_during_a_poll(kind, alarms, way):
    """The wait of a closed object ends, although its number is another file's."""
    made, ends = kind.make(blocking=False), []

    def close():
        made.close()
        ends.extend(os.pipe())

    with pytest.raises(ValueError, match="closed file"):
        interrupted_wait(alarms, close, way, made)
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("timeout", [0.01, LONG])
def test_closed_by_a_handler_before_a_poll(monkeypatch, timeout):
    """A wait does not begin on the number of an object that was closed meanwhile."""
    timer, ends = Timer(), []

    class Interrupted:
        inf = math.inf

        @staticmethod
        def ceil(number):
            timer.close()
            ends.extend(os.pipe())
            return math.ceil(number)

    monkeypatch.setattr(butter.eventlike, "math", Interrupted)
    with pytest.raises(ValueError, match="closed file"):
        timer.wait(timeout)
    for end in ends:
        os.close(end)


def test_wait_without_any_descriptor_allowed(in_child):
    """A wait works under an RLIMIT_NOFILE of 0, where poll takes no descriptor."""

    def body(number):
        resource.setrlimit(resource.RLIMIT_NOFILE, (number + 1,) * 2)
        with Timer() as timer:
            os.dup2(timer.fileno(), number)
            with Timer.adopt(number) as high:
                resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
                with pytest.raises(TimeoutError):
                    high.wait(0.01)
                high.after(0.01).update()
                return high.wait(10)

    assert in_child(body, 100) == 1
    assert in_child(body, 1100) == 1


@kinds_that_wait
@pytest.mark.parametrize("way", ["read_event", "read_events", "wait", "iteration"])
@pytest.mark.parametrize("exception", [TimeoutError, TypeError])
def test_closed_by_a_handler_that_raises(kind, alarms, way, exception):
    """A handler that closes the object and raises ends the wait with that exception."""
    made = kind.make()

    def stop():
        made.close()
        raise exception("of the handler")

    with pytest.raises(exception, match="of the handler"):
        interrupted_wait(alarms, stop, way, made)


# fork


@kinds([feature for feature in EVENTS if feature.batches and feature.bare])
def test_fork_drops_what_is_pending(kind, made, in_child):
    """A child has no events that its parent has read, and the parent keeps them."""
    kind.trigger(made, 3)
    first = made.read_event()

    def body():
        with pytest.raises(TimeoutError):
            made.wait(0)
        return made.pending, made.closed()

    assert in_child(body) == (0, False)
    assert made.pending == 2
    assert kind.count([first, *made.read_events()]) == 3


def test_fork_goes_on_after_a_failure(in_child):
    """An _after_fork() that raises in the child keeps no other object from its own."""

    class Failing(Timer):
        def _after_fork(self):
            raise LookupError("of this object")

    reports = []
    with Failing(), Timer() as timer, Failing():
        timer._batch.append(1)

        def body():
            return timer.pending, len(reports)

        before, sys.unraisablehook = sys.unraisablehook, reports.append
        try:
            assert in_child(body) == (0, 1)
        finally:
            sys.unraisablehook = before


@kinds_that_children_have
def test_child_closes_its_own(kind, made, in_child):
    """A child that closes the object leaves the parent's open."""

    def body():
        made.close()
        return made.closed()

    assert in_child(body) is True
    assert is_open(made.fileno())
    kind.trigger(made)
    made.wait(LONG)


@kinds_that_children_have
def test_fork_with_objects_of_every_state(kind, in_child):
    """Closed, dropped and invented objects do not disturb a fork."""
    closed = kind.make()
    closed.close()
    kind.make().close()
    with kind.make() as made:
        same = invented(kind, made.fileno())
        kind.trigger(made)
        assert in_child(lambda: (closed.closed(), made.closed(), same.closed())) == (True, False, False)
        made.read_event()


@pytest.mark.parametrize("timeout", [None, 10])
def test_a_replaced_poll_is_used(monkeypatch, timeout):
    """Each wait uses the poll that stands in select: gevent puts its own there."""
    seen = []

    class Poll:
        def __init__(self):
            self.poller = real()

        def register(self, fd, events):
            seen.append((fd, events))
            self.poller.register(fd, events)

        def poll(self, milliseconds):
            return self.poller.poll(milliseconds)

    real = select.poll
    monkeypatch.setattr(select, "poll", Poll)
    with Eventfd(1) as counter:
        assert counter.wait(timeout) == 1
        assert seen == [(counter.fileno(), select.POLLIN)]


@every_object
def test_threads_hash_alike(kind):
    """The first hash of an object is the same in each thread, and survives a close."""
    for _ in range(kind.sample(20)):
        made = kind.make()
        barrier = threading.Barrier(3)
        hashes = []

        def look(made=made, barrier=barrier, hashes=hashes):
            barrier.wait()
            hashes.append(hash(made))

        threads = start(look, 2)
        barrier.wait()
        made.close()
        join(threads)
        assert len(set(hashes)) == 1
        assert hash(made) == hashes[0]


@every_kind
@pytest.mark.parametrize("method", ["read_event", "wait"])
def test_an_error_tells_of_itself_alone(kind, method):
    """The error of an empty read, or of a timeout, has no context."""
    with kind.make(blocking=False) as made, pytest.raises((BlockingIOError, TimeoutError)) as caught:
        getattr(made, method)(*([0] if method == "wait" else []))
    assert caught.value.__context__ is None


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="it has no hooks of memory")
@pytest.mark.parametrize("adopter", choices([feature for feature in BARE if feature.opens]), indirect=True)
def test_no_descriptor_is_lost_for_want_of_memory(adopter, in_child):
    """Where memory ends after a descriptor was opened, it is closed or returned."""
    testcapi = pytest.importorskip("_testcapi", reason="Debian's Python has no _testcapi")
    if adopter.name == "signalfd":
        pytest.skip("cffi itself crashes where it cannot make the number that a set of signals is")

    def body():
        lost = []
        for count in range(40):
            gc.collect()
            before, made = support.descriptors(), None
            testcapi.set_nomemory(count, count + 1)
            try:
                made = adopter.descriptor()
            except MemoryError:
                pass
            finally:
                testcapi.remove_mem_hooks()
            if made is not None:
                os.close(made)
            lost += [count] if support.descriptors() != before else []
        return lost

    assert in_child(body) == []
