"""The behaviour of aio alone; test_eventlike.py has that of every object."""

import ctypes
import errno
import gc
import itertools
import mmap
import os
import resource
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from unittest import mock

import pytest
import support
from features import LONG
from support import alarms, forget, in_child, in_place, inject, needs

import butter._aio_context
import butter._aio_operation
from butter._aio_memory import Memory
from butter.aio import (
    EFD_NONBLOCK,
    IOCB_CMD_FDSYNC,
    IOCB_CMD_FSYNC,
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE,
    IOCB_CMD_PWRITEV,
    IOCB_FLAG_RESFD,
    RWF_APPEND,
    RWF_DSYNC,
    RWF_NOAPPEND,
    Aio,
    Completion,
    Iocb,
    aligned_buffer,
    io_cancel,
    io_destroy,
    io_getevents,
    io_pgetevents,
    io_setup,
    io_submit,
)
from butter.errors import InvalidArgument, NoMoreEvents
from butter.eventfd import Eventfd

PAGE = mmap.PAGESIZE


@pytest.fixture(scope="module")
def shared():
    # the kernel takes hundredths of a second to end a context
    with Aio() as shared:
        yield shared


@pytest.fixture
def aio(shared):
    """An Aio without operations, which a test leaves so."""
    yield shared
    assert (shared.queued, shared.in_flight, shared.pending) == (0, 0, 0)


@pytest.fixture
def file(tmp_path):
    """A file of ten digits, which can be written."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with open(path, "r+b", buffering=0) as file:
        yield file


@pytest.fixture(scope="module")
def context():
    """A context of the thin calls, which a test leaves without events."""
    context = io_setup(8)
    yield context
    io_destroy(context)


def address_of(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def by_user_data(aio):
    return {done.user_data: done for done in aio}


# operations


def test_reads_and_writes(aio, file):
    """Each operation moves its bytes at its offset, and completes with its data."""
    buffer, parts = bytearray(4), [bytearray(2), bytearray(3)]
    assert aio.pread(file, buffer, 1, "buffer") == "buffer"
    aio.pread(file, 100, 5, "size")
    aio.preadv(file, parts, 2, "parts")
    done = by_user_data(aio)
    assert (done["buffer"].result, buffer, done["buffer"].buffer) == (4, b"1234", buffer)
    assert (done["size"].result, done["size"].data, len(done["size"].buffer)) == (5, b"56789", 100)
    assert (done["parts"].result, parts, done["parts"].data) == (5, [b"23", b"456"], b"23456")
    aio.pwrite(file, b"ab", 1, "one", flags=RWF_DSYNC)
    aio.pwritev(file, [b"cd", memoryview(b"efg")], 4, "many")
    done = by_user_data(aio)
    assert [done[name].result for name in ("one", "many")] == [2, 5]
    assert {done[name].data for name in done} == {b""}
    assert [done[name].value for name in ("one", "many")] == [2, 5]
    assert os.pread(file.fileno(), 100, 0) == b"0ab3cdefg9"


def test_vectors_that_are_not_filled(aio, file):
    """The data of a short read into several buffers is what was read."""
    aio.preadv(file, [bytearray(2), bytearray(3), bytearray(8)], 7)
    done = aio.wait()
    assert done.data == done.value == b"789"
    aio.preadv(file, [bytearray(2)], 100)
    assert (done := aio.wait()).data == b""
    assert done.error is None


def test_syncs_and_a_poll(aio, file, pipe):
    """fsync and fdsync complete with 0, and a poll with the events that came."""
    reading, writing = pipe
    aio.fsync(file, "fsync")
    aio.fdsync(file, "fdsync")
    assert {name: each.result for name, each in by_user_data(aio).items()} == {"fsync": 0, "fdsync": 0}
    number = aio.poll(reading, select.POLLIN | select.POLLPRI)
    assert aio.submit() == 1
    with pytest.raises(TimeoutError):
        aio.wait(0)
    os.write(writing, b"x")
    done = aio.wait(LONG)
    # with POLLRDNORM, though nothing asked for it
    assert (done.user_data, done.result & select.POLLIN, done.error, done.buffer) == (number, select.POLLIN, None, None)
    assert done.operation == IOCB_CMD_POLL
    aio.poll(writing, select.POLLOUT)
    assert aio.wait().result & select.POLLOUT


def test_numbers_of_operations(aio, file):
    """An operation without user_data has a number that no other has; 0 is an object."""
    numbers = {aio.pread(file, 1) for _ in range(20)}
    assert len(numbers) == 20
    assert set(by_user_data(aio)) == numbers
    assert aio.pread(file, 1, user_data=0) == 0
    assert aio.wait().user_data == 0


def test_what_is_queued(aio, file):
    """Operations are queued, in flight, and gone once their completions are taken."""
    assert (aio.queued, aio.in_flight, aio.submit()) == (0, 0, 0)
    aio.pread(file, 1)
    aio.pread(file, 2)
    assert (aio.queued, aio.in_flight) == (2, 0)
    assert aio.submit() == 2
    assert (aio.queued, aio.in_flight, aio.pending) == (0, 2, 0)
    aio.read_event()
    assert (aio.queued, aio.in_flight, aio.pending) == (0, 0, 1)
    aio.read_event()
    with Aio() as other:
        pass
    assert (other.queued, other.in_flight) == (0, 0)


@pytest.mark.parametrize("way", ["wait", "read_event", "read_events", "iteration", "wait with a timeout"])
def test_each_wait_submits_first(aio, file, way):
    """Whatever waits for an event hands over what is queued."""
    aio.pread(file, 3)
    done = {
        "wait": lambda: aio.wait(),
        "wait with a timeout": lambda: aio.wait(LONG),
        "read_event": lambda: aio.read_event(),
        "read_events": lambda: aio.read_events()[0],
        "iteration": lambda: next(iter(aio)),
    }[way]()
    assert done.data == b"012"


def test_nothing_to_wait_for(aio, file):
    """Without an operation a wait raises NoMoreEvents, and an iteration ends."""
    for wait in (aio.wait, aio.read_event, aio.read_events):
        with pytest.raises(NoMoreEvents):
            wait()
    assert list(aio) == []
    aio.pread(file, 1)
    assert len(list(aio)) == 1
    with Aio(flags=EFD_NONBLOCK) as quick:
        assert quick.read_events() == []


def test_a_file_that_nothing_else_holds(aio, file):
    """A file stays open from the call that queues an operation on."""

    class Holder:
        def __init__(self, fd):
            self.fileno = lambda: fd

        def __del__(self, close=os.close):
            close(self.fileno())

    aio.pread(Holder(os.dup(file.fileno())), 3)
    gc.collect()
    assert aio.wait().data == b"012"


def test_completion(aio, file):
    """A completion is a named tuple, and prints its operation."""
    aio.pread(file, 3, user_data="x")
    done = aio.wait()
    assert done == Completion("x", 3, 0, None, IOCB_CMD_PREAD, bytearray(b"012"))
    assert repr(done) == "<Completion PREAD user_data='x' result=3>"
    aio.pread(999_999, 3, user_data="x")
    assert "error=InvalidArgument(9, " in repr(aio.wait())


# errors


def test_errors_are_completions(aio, file, pipe):
    """A refused operation completes with its error; those around it are handed over."""
    aio.pread(file, 2, 0, "first")
    aio.pread(999_999, 2, 0, "bad")
    aio.pread(file, 2, 2, "middle")
    aio.fsync(pipe[0], "pipe")
    aio.pread(file, 2, 4, "last")
    assert aio.submit() == 3
    assert select.select([aio], [], [], 0)[0] == [aio]
    done = {each.user_data: each for each in aio}
    assert {name: done[name].data for name in ("first", "middle", "last")} == {
        "first": b"01",
        "middle": b"23",
        "last": b"45",
    }
    assert (done["bad"].result, type(done["bad"].error)) == (-errno.EBADF, InvalidArgument)
    with pytest.raises(InvalidArgument) as raised:
        _ = done["bad"].value
    assert raised.value is done["bad"].error
    assert done["pipe"].error.errno == errno.EINVAL
    assert not select.select([aio], [], [], 0)[0]


@pytest.mark.parametrize("flags", [0, EFD_NONBLOCK])
def test_not_readable_for_what_was_taken(file, flags):
    """A refused operation makes the object readable until its completion is taken."""
    with Aio(flags=flags) as aio:
        aio.pread(999_999, 1, user_data="bad")
        aio.pread(file, 1, user_data="good")
        aio.submit()
        assert select.select([aio], [], [], 0)[0] == [aio]
        assert {done.user_data for done in aio.read_events()} == {"bad", "good"}
        assert not select.select([aio], [], [], 0)[0]
        aio.pread(999_999, 1)
        aio.wait()
        if flags:
            assert aio.read_events() == []
        else:
            with pytest.raises(NoMoreEvents):
                aio.read_events()
        assert not select.select([aio], [], [], 0)[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, -7), "offset is -7"),
        ((1, 2**63 - 1), "past the largest offset"),
    ],
)
def test_offsets_that_are_refused(aio, file, arguments, words):
    """An impossible offset is an InvalidArgument that says so."""
    aio.pread(file, *arguments)
    error = aio.wait().error
    assert isinstance(error, InvalidArgument)
    assert words in str(error)


def test_refused_by_the_kind_of_file(aio, tmp_path):
    """The sentence of EINVAL tells a directory, too many buffers and O_DIRECT apart."""
    directory = os.open(tmp_path, os.O_RDONLY)
    aio.pread(directory, 1)
    assert "is a directory" in str(aio.wait().error)
    aio.preadv(directory, [bytearray(1)] * 1025)
    assert "there are 1025 buffers; one operation takes at most 1024" in str(aio.wait().error)
    os.close(directory)


def test_flags_that_exclude_each_other(aio, file):
    """RWF_APPEND and RWF_NOAPPEND together are refused by name; unknown flags too."""
    aio.pwrite(file, b"x", flags=RWF_APPEND | RWF_NOAPPEND)
    error = aio.wait().error
    assert error.errno in (errno.EINVAL, errno.EOPNOTSUPP)
    assert "RWF_NOAPPEND" in str(error)
    aio.pwrite(file, b"x", flags=1 << 20)
    assert "unknown flags 0x100000" in str(aio.wait().error)


@pytest.mark.parametrize(
    ("call", "exception"),
    [
        (lambda aio, file: aio.pread("file", 1), TypeError),
        (lambda aio, file: aio.pread(file, "buffer"), TypeError),
        (lambda aio, file: aio.pread(file, b"bytes"), BufferError),
        (lambda aio, file: aio.preadv(file, [bytearray(1), b"bytes"]), BufferError),
        (lambda aio, file: aio.preadv(file, 5), TypeError),
        (lambda aio, file: aio.pwrite(file, 5), TypeError),
        (lambda aio, file: aio.pread(file, -1), ValueError),
        (lambda aio, file: aio.pread(file, 2**31), ValueError),
        (lambda aio, file: aio.pread(file, 1, 2**63), ValueError),
        (lambda aio, file: aio.pread(file, 1, 0.5), TypeError),
        (lambda aio, file: aio.pread(file, 1, flags=2**32), ValueError),
        (lambda aio, file: aio.poll(file, 2**16), ValueError),
        (lambda aio, file: aio.poll(file, None), TypeError),
    ],
)
def test_bad_arguments(aio, file, call, exception):
    """A wrong argument raises at once, and queues nothing."""
    with pytest.raises(exception):
        call(aio, file)
    assert aio.queued == 0


@pytest.mark.parametrize(
    ("depth", "flags", "exception"),
    [(0, 0, InvalidArgument), (-1, 0, ValueError), ("1", 0, TypeError), (1, 1, InvalidArgument), (1, "1", TypeError)],
)
def test_bad_constructors(depth, flags, exception):
    """A wrong depth or flag raises, and leaves no descriptor."""
    before = support.descriptors()
    with pytest.raises(exception):
        Aio(depth, flags)
    assert support.descriptors() == before


# room


def test_more_than_there_is_room_for(file):
    """Operations that find no room stay queued, and come with later waits."""
    with Aio(1) as aio:
        total = 3000
        for number in range(total):
            aio.pread(file, 1, number % 10, number)
        accepted = aio.submit()
        assert 0 < accepted < total
        assert (aio.queued, aio.in_flight) == (total - accepted, accepted)
        assert sorted(done.user_data for done in aio) == list(range(total))


def test_many_events_at_once(file):
    """One read takes 512 events, and the object stays readable for the others."""
    with Aio(2000) as aio:
        for _ in range(1500):
            aio.pread(file, 1)
        assert aio.submit() == 1500
        counts = [len(aio.read_events())]
        while select.select([aio], [], [], 0)[0]:
            counts.append(len(aio.read_events()))
        assert counts == [512, 512, 476]
        assert aio.in_flight == 0


def test_constructor_that_fails():
    """An object that could not be made leaves no descriptor, and no context."""

    def contexts():
        return Path("/proc/self/maps").read_text().count("/[aio]")

    def body():
        before, found = support.descriptors(), contexts()
        errors = []
        for depth, limit in (2**32 - 1, 100), (1, 3):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 100))
            try:
                Aio(depth)
            except OSError as error:
                errors.append(error)  # it refers to the frame of the constructor
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        assert (support.descriptors(), contexts()) == (before, found)
        with Aio(1):
            return [error.errno for error in errors], contexts() - found

    assert in_child(body) == ([errno.EINVAL, errno.EMFILE], 1)


def test_no_room_for_anything(file):
    """Without room, though nothing is under way, submit raises EAGAIN."""

    def body():
        with Aio() as aio:
            aio.pread(file, 1)
            inject("io_submit", errno.EAGAIN)
            with pytest.raises(BlockingIOError, match="io_submit: the context has no room"):
                aio.submit()
            return aio.queued, aio.in_flight

    assert in_child(body) == (1, 0)


# cancelling


def test_cancel(aio, file, pipe):
    """A queued operation, and a poll that waits, completes with ECANCELED."""
    for submitted in (False, True):
        aio.poll(pipe[0], select.POLLIN, "poll")
        aio.poll(pipe[0], select.POLLIN, "poll")
        aio.poll(pipe[0], select.POLLIN, "other")
        if submitted:
            assert aio.submit() == 3
        assert aio.cancel("poll") == 2
        done = [aio.wait(LONG), aio.wait(LONG)]
        assert {(each.user_data, each.result, each.error.errno) for each in done} == {
            ("poll", -errno.ECANCELED, errno.ECANCELED)
        }
        assert aio.cancel("poll") == 0
        assert aio.cancel("other") == 1
        aio.wait(LONG)
    aio.pread(file, 1, user_data="read")
    aio.submit()
    assert aio.cancel("read") == 0
    assert aio.wait().result == 1


def test_buffers_that_cannot_be_used(aio, file):
    """The sentence says what is wrong with a buffer."""
    for method in (aio.pread, aio.pwrite):
        with pytest.raises(TypeError, match=r"bytes-like object|buffer interface"):
            method(file, "text")
    with pytest.raises(BufferError, match="a buffer of type bytes cannot be written"):
        aio.pread(file, b"read-only")
    assert aio.queued == 0


def test_cancel_by_number(aio, file, pipe):
    """An operation is cancelled by the number that its method returned."""
    poll, read = aio.poll(pipe[0], select.POLLIN), aio.pread(file, 1)
    aio.submit()
    counts = [aio.cancel(poll), aio.cancel(poll), aio.cancel(read)]
    assert counts == [1, 0, 0]
    assert set(map(type, counts)) == {int}
    assert {each.user_data: each.result for each in aio} == {poll: -errno.ECANCELED, read: 1}


def test_cancelled_before_it_is_submitted(aio, file):
    """An operation that was cancelled in the queue never happens."""
    aio.pwrite(file, b"X", user_data="write")
    assert aio.cancel("write") == 1
    assert select.select([aio], [], [], 0)[0] == [aio]
    assert aio.wait().error.errno == errno.ECANCELED
    assert os.pread(file.fileno(), 1, 0) == b"0"


# memory


@in_place
def test_buffers_belong_to_the_kernel(aio, pipe, tmp_path):
    """A buffer cannot be resized or closed until its completion is taken."""
    buffer = bytearray(10)
    with open("/dev/zero", "rb") as zero, mmap.mmap(-1, PAGE) as mapping:
        aio.pread(zero, buffer)
        aio.pread(zero, mapping)
        for _ in range(2):
            with pytest.raises(BufferError):
                buffer.extend(b"x")
            with pytest.raises(BufferError):
                mapping.close()
            aio.submit()
        assert len(aio.read_events()) == 2
        buffer.extend(b"x")


def test_memory_of_its_own(monkeypatch, file):
    """Where buffers can be resized, bytes are copied into what is left of them."""
    monkeypatch.setattr(Memory.__init__, "__defaults__", (True,))
    with Aio() as aio:
        buffer, parts = bytearray(5), [bytearray(2), bytearray(3)]
        short = bytearray(5)
        aio.pread(file, buffer)
        aio.pread(file, short)
        aio.preadv(file, parts)
        aio.pwrite(file, b"bytes", 20)
        del short[2:]
        assert [done.result for done in aio] == [5] * 4
        with pytest.raises(BufferError):
            aio.pread(file, b"bytes")
    assert (buffer, short, parts) == (b"01234", b"01", [b"01", b"234"])
    assert os.pread(file.fileno(), 10, 20) == b"bytes"


@needs(kernel=(5, 0))
@in_place
@pytest.mark.parametrize("way", ["close", "forgotten", "a cycle", "the end of the interpreter"])
def test_buffers_are_held_until_the_context_has_ended(way):
    """Whatever ends the context, buffers are let go only after io_destroy returned."""

    def body():
        box, buffer = [Aio()], bytearray(5)
        with open("/dev/zero", "rb") as zero:
            box[0].pread(zero, buffer)
            box[0].submit()
        ends = {
            "close": lambda: box[0].close(),
            "forgotten": box.clear,
            "a cycle": gc.collect,
            "the end of the interpreter": butter._aio_context._end_all,
        }
        if way == "a cycle":
            box[0].itself = box[0]
            box.clear()
        warnings.simplefilter("ignore", ResourceWarning)
        listener = support.hold("io_destroy")
        threading.Thread(target=ends[way], daemon=True).start()
        assert select.select([listener], [], [], LONG)[0] == [listener]
        with pytest.raises(BufferError):
            buffer.extend(b"x")
        return True

    assert in_child(body)


def test_closing_waits_for_the_memory(pipe):
    """close() ends what is under way, and only then lets go of the buffers."""
    aio, buffer = Aio(), bytearray(10)
    os.set_blocking(pipe[0], False)
    aio.poll(pipe[0], select.POLLIN)
    with open("/dev/zero", "rb") as zero:
        aio.pread(zero, buffer)
        aio.submit()
        aio.pread(zero, buffer)
    aio.close()
    buffer.extend(b"free")
    for method in (aio.submit, lambda: aio.cancel(1), lambda: aio.pread(0, 1), lambda: aio.fsync(0)):
        with pytest.raises(ValueError, match="closed file"):
            method()


def test_forgotten_with_operations(pipe):
    """A forgotten object ends its operations, also in a cycle, and lets buffers go."""
    for cycle in (False, True):
        buffer = bytearray(5)
        box = [Aio()]
        box[0].poll(pipe[0], select.POLLIN)
        with open("/dev/zero", "rb") as zero:
            box[0].pread(zero, buffer)
            box[0].submit()
        if cycle:
            box[0].itself = box
        with pytest.warns(ResourceWarning, match="unclosed"):
            forget(box)
        gc.collect()
        buffer.extend(b"free")


AT_EXIT = """
    import os, select
    from butter.aio import Aio
    import butter._aio_context as context
    aio, buffer = Aio(), bytearray(100)
    reading, writing = os.pipe()
    aio.poll(reading, select.POLLIN)
    fd = os.open("/dev/zero", os.O_RDONLY)
    aio.pread(fd, buffer)
    aio.submit()
    aio.pread(fd, buffer)
    import atexit
    # runs after those that were registered later, butter's among them
    context.atexit.unregister(context._end_all)
    atexit.register(lambda: (buffer.extend(b"free"), print("the buffers are free")))
    atexit.register(context._end_all)
"""


def run(source):
    """The output, the errors and the exit status of a program."""
    program = support.same_path(textwrap.dedent(source))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr, done.returncode


def test_the_end_of_the_interpreter():
    """Before the interpreter ends, operations are ended, and their buffers are free."""
    assert run(AT_EXIT) == ("the buffers are free\n", "", 0)


def test_the_end_of_the_interpreter_while_a_thread_submits():
    """A daemon thread inside io_submit does not keep the interpreter from ending."""
    source = """
        import os, threading, time
        from butter.aio import Aio
        aio, (reading, _) = Aio(), os.pipe()
        aio.pread(reading, 10)
        thread = threading.Thread(target=aio.submit, daemon=True)
        thread.start()
        number = {"x86_64": "209", "aarch64": "2"}[os.uname().machine]
        while open(f"/proc/self/task/{thread.native_id}/syscall").read().split()[0] != number:
            time.sleep(0.001)
    """
    assert run(source) == ("", "", 0)


def test_forked_child(file, pipe):
    """A child has a closed object, and its parent's operations go on."""
    with Aio() as aio:
        buffer = bytearray(3)
        aio.poll(pipe[0], select.POLLIN, "poll")
        aio.submit()
        aio.pread(file, buffer, user_data="read")
        fd = aio.fileno()

        def body():
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(fd)
            for method in (aio.submit, aio.wait, aio.close, lambda: aio.pread(0, 1)):
                with pytest.raises(ValueError, match="closed file"):
                    method()
            buffer.extend(b"the child's own")
            with Aio() as own:
                own.pread(file, 2)
                return own.wait().data, aio.closed(), aio.queued, aio.in_flight

        assert in_child(body) == (b"01", True, 0, 0)
        assert aio.wait(LONG).user_data == "read"
        os.write(pipe[1], b"x")
        assert aio.wait(LONG).user_data == "poll"


def test_forked_while_a_thread_submits(pipe):
    """A child is not held up by the lock of a thread that it does not have."""
    aio = Aio()
    aio.pread(pipe[0], 10)
    thread = threading.Thread(target=aio.submit)
    thread.start()
    number, place = str(support.number_of("io_submit")), Path(f"/proc/self/task/{thread.native_id}/syscall")
    deadline = time.monotonic() + LONG
    while place.read_text().split()[0] != number:
        assert time.monotonic() < deadline

    def body():
        butter._aio_context._end_all()
        gc.collect()
        with Aio() as own:
            return aio.closed(), own.closed()

    assert in_child(body) == (True, False)
    os.write(pipe[1], b"bytes")
    thread.join(LONG)
    assert aio.wait(LONG).data == b"bytes"
    aio.close()


def test_not_adopted():
    """A bare eventfd is not an Aio; another Aio is, with its operations."""
    with Eventfd() as counter, pytest.raises(InvalidArgument, match="Aio consists of more than that"):
        Aio.adopt(counter.fileno())
    first = Aio()
    with open("/dev/zero", "rb") as zero:
        first.pread(zero, 3, user_data=1)
        first.submit()
        first.pread(zero, 3, user_data=2)
        with Aio.adopt(first) as second:
            assert first.closed()
            assert [done.user_data for done in second] == [1, 2]


# threads and signals


def submit_with_a_fork(aio, at, pipe):
    """submit(), with a fork at place *at*; returns the status of the child, or None."""
    places, children, fd = itertools.count(), [], aio.fileno()

    def profile(frame, event, arg):
        if event in ("call", "c_return") and arg is not sys.setprofile and next(places) == at:
            sys.setprofile(None)
            children.append(os.fork())
            if not children[0]:
                os.dup2(pipe[1], fd)  # another file has the number now

    sys.setprofile(profile)
    try:
        aio.submit()
    except ValueError:
        pass
    finally:
        sys.setprofile(None)
        if children == [0]:
            os._exit(not aio.closed() or aio.queued or aio.in_flight)
    return os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) if children else None


def test_a_handler_forks_in_submit(aio, file, pipe):
    """The child has a closed object, and writes nothing to what has its number now."""
    for at in range(0, 300, 5):  # a fork takes long
        aio.pread(999_999, 1, user_data="bad")
        aio.pread(file, 1, user_data="good")
        status = submit_with_a_fork(aio, at, pipe)
        assert {done.user_data for done in aio} == {"bad", "good"}
        if status is None:
            break
        assert status == 0, at
        assert not select.select([pipe[0]], [], [], 0)[0], at
    assert at > 10


def test_closed_between_a_read_and_its_completions(file, monkeypatch):
    """A thread whose events another one has closed away gets ValueError."""
    aio, records = Aio(), butter._aio_context.Events.records

    def close_first(events):
        aio.close()
        return records(events)

    aio.pread(file, 1)
    aio.submit()
    monkeypatch.setattr(butter._aio_context.Events, "records", close_first)
    with pytest.raises(ValueError, match="closed file"):
        aio.read_events()
    assert aio.pending == 0


def test_closed_while_completions_are_made(file, monkeypatch):
    """A thread gets the completions that it has made when another one closes."""
    aio, release = Aio(), butter._aio_operation.Operation.release

    def close_first(operation, result):
        if not aio.closed():
            aio.close()
        release(operation, result)

    aio.pread(file, 1)
    aio.pread(file, 2)
    aio.submit()
    monkeypatch.setattr(butter._aio_operation.Operation, "release", close_first)
    assert [done.data for done in aio.read_events()] == [b"0", b"01"]
    assert (aio.pending, aio.in_flight) == (0, 0)


def test_closed_while_a_thread_submits_the_rest(pipe):
    """An operation that a close finds on its way to the kernel holds no buffer then."""
    aio, buffer = Aio(1, EFD_NONBLOCK), bytearray(3)
    for _ in range(3000):
        aio.pread(pipe[0], buffer)
    os.set_blocking(pipe[0], False)
    submit, context = aio._open_context().submit, aio._open_context()

    def close_first(*arguments):
        aio.close()
        return -1 - errno.ESHUTDOWN

    with mock.patch.object(butter._aio_context, "lib", mock.Mock(wraps=butter._aio_context.lib)) as lib:
        lib.butter_aio_submit = close_first
        with pytest.raises(ValueError, match="closed file"):
            submit(aio.fileno(), aio._batch)
    assert (len(context.queue), len(context.known)) == (0, 0)
    buffer.extend(b"free")


def test_threads_share_an_object(file):
    """Threads that queue, submit and read at once get each completion once."""
    with Aio(64, EFD_NONBLOCK) as aio:
        taken, each = [], 300

        def work(first):
            for number in range(first, first + each):
                aio.pread(file, 1, user_data=number)
                taken.extend(aio.read_events())

        threads = [threading.Thread(target=work, args=(first * each,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        taken += list(aio)
        assert sorted(done.user_data for done in taken) == list(range(4 * each))


def test_closed_while_threads_submit(file):
    """A close ends the submissions of other threads with ValueError."""
    for _ in range(3):
        aio, errors = Aio(64, EFD_NONBLOCK), []

        def work(aio=aio, errors=errors):
            try:
                while True:
                    aio.pread(file, bytearray(1))
                    aio.read_events()
            except ValueError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        aio.close()
        for thread in threads:
            thread.join(LONG)
        assert errors == ["I/O operation on closed file"] * 3


def test_a_handler_raises_anywhere(file):
    """A signal handler that raises in a call loses no operation, and doubles none."""
    with Aio() as aio:
        for at in range(200):
            aio.pread(file, 1, user_data="one")
            aio.pread(999_999, 1, user_data="bad")
            aio.pread(file, 1, user_data="two")
            found = []
            came = support.interrupt_between(lambda found=found: found.extend(aio.read_events()), at)
            while len(found) < 3:
                found += aio.read_events()
            assert sorted(done.user_data for done in found) == ["bad", "one", "two"]
            assert (aio.queued, aio.in_flight, aio.pending) == (0, 0, 0)
            if not came:
                break
        assert at > 10


@in_place
def test_a_handler_raises_where_an_operation_is_refused():
    """An operation that a handler has queued again still holds its buffer."""
    with Aio() as aio:
        for at in range(200):
            buffer = bytearray(1)
            aio.pread(999_999, buffer)
            came = support.interrupt_between(aio.submit, at)
            if aio.queued:
                with pytest.raises(BufferError):
                    buffer.extend(b"x")
            assert [done.buffer for done in aio] == [buffer]
            if not came:
                break
        assert at > 10


def test_a_handler_raises_where_there_is_no_room(pipe):
    """Operations without room stay queued, wherever a handler raises."""
    with Aio(1) as aio:
        for number in range(3000):
            aio.poll(pipe[0], select.POLLIN, number)
        aio.submit()
        before = aio.queued, aio.in_flight
        assert min(before) > 0
        for _ in range(before[0] - 5):
            aio._context.queue.pop()
        for at in range(200):
            came = support.interrupt_between(aio.submit, at)
            assert (aio.queued, aio.in_flight) == (5, before[1]), at
            assert [each.user_data for each in aio._context.queue] == list(range(before[1], before[1] + 5))
            if not came:
                break
        assert at > 10


def test_a_handler_raises_in_cancel(aio, file, pipe):
    """An operation completes once, whenever a signal handler raises in its cancel."""
    for at in range(200):
        aio.poll(pipe[0], select.POLLIN, "poll")
        aio.submit()
        aio.pread(file, 1, user_data="read")
        came = False
        for name in ("poll", "read"):
            came = support.interrupt_between(lambda name=name: aio.cancel(name), at) or came
        aio.cancel("poll")
        done = sorted((each.user_data, each.error is None) for each in aio)
        assert done in ([("poll", False), ("read", False)], [("poll", False), ("read", True)])
        if not came:
            break
    assert at > 5


# calls


def test_calls(context, file):
    """An Iocb of each kind is submitted, and its event has its data and address."""
    buffer, parts = bytearray(4), [bytearray(2), bytearray(2)]
    made = [
        Iocb(IOCB_CMD_PREAD, file, buffer, 1, data=1),
        Iocb(IOCB_CMD_PREADV, file, parts, 5, data=2),
        Iocb(IOCB_CMD_PWRITE, file, b"x", 10, data=3, rw_flags=RWF_DSYNC),
        Iocb(IOCB_CMD_PWRITEV, file, [b"y", b"z"], 11, data=4),
        Iocb(IOCB_CMD_FSYNC, file, data=5),
        Iocb(IOCB_CMD_FDSYNC, file, data=6),
    ]
    assert io_submit(context, made) == 6
    events = sorted(io_getevents(context, 6, 100))
    assert [(event.data, event.res, event.res2) for event in events] == [
        (1, 4, 0),
        (2, 4, 0),
        (3, 1, 0),
        (4, 2, 0),
        (5, 0, 0),
        (6, 0, 0),
    ]
    assert [event.obj for event in events] == [iocb.address for iocb in made]
    assert (buffer, parts) == (b"1234", [b"56", b"78"])
    assert os.pread(file.fileno(), 100, 9) == b"9xyz"


def test_call_with_an_eventfd(context, file):
    """An Iocb with resfd counts its completion there."""
    with Eventfd() as counter:
        iocb = Iocb(IOCB_CMD_PREAD, file, bytearray(1), resfd=counter)
        assert io_submit(context, [iocb]) == 1
        assert counter.wait(LONG) == 1
        assert len(io_getevents(context, 1, 1)) == 1
        wrong = Iocb(IOCB_CMD_PREAD, file, bytearray(1), flags=IOCB_FLAG_RESFD, resfd=file)
        with pytest.raises(InvalidArgument):
            io_submit(context, [wrong])


def test_call_of_cancel(context, pipe):
    """io_cancel of a poll succeeds with EINPROGRESS, and the event has a res of 0."""
    iocb = Iocb(IOCB_CMD_POLL, pipe[0], select.POLLIN, data=9)
    io_submit(context, [iocb])
    assert io_getevents(context, 0, 1, 0) == []
    io_cancel(context, iocb)
    (event,) = io_getevents(context, 1, 1)
    assert (event.data, event.res) == (9, 0)
    with pytest.raises(InvalidArgument, match="is complete"):
        io_cancel(context, iocb)


@pytest.mark.parametrize("call", [io_getevents, pytest.param(io_pgetevents, marks=needs(kernel=(4, 18)))])
def test_timeouts_of_calls(context, call):
    """A timeout counts in nanoseconds, and from the call, whatever handlers run."""
    start = time.monotonic_ns()
    with alarms(lambda *_: None, 0.002):
        assert call(context, 1, 1, 20_000_000) == []
    assert 20_000_000 <= time.monotonic_ns() - start < LONG * 10**9
    with pytest.raises(ValueError, match="timeout"):
        call(context, 1, 1, -1)


@needs(kernel=(4, 18))
def test_mask_of_a_call(context):
    """A signal that the mask lets through ends io_pgetevents after its handler."""
    calls = []
    before = signal.signal(signal.SIGUSR1, lambda *_: calls.append(1))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert io_pgetevents(context, 1, 1, 1_000_000, signal.SIGUSR1) == []
        assert calls == []
        with pytest.raises(InterruptedError):
            io_pgetevents(context, 1, 1, None, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGUSR1, before)
    assert calls == [1]


@pytest.mark.parametrize(
    ("call", "exception"),
    [
        (lambda context: io_setup(-1), ValueError),
        (lambda context: io_setup("1"), TypeError),
        (lambda context: io_submit("1", []), TypeError),
        (lambda context: io_submit(context, [1]), TypeError),
        (lambda context: io_cancel(context, 1), TypeError),
        (lambda context: io_destroy(-1), ValueError),
        (lambda context: io_getevents(context, 1.5, 1), TypeError),
        (lambda context: Iocb(IOCB_CMD_PREAD, 0, b"bytes"), (BufferError, TypeError)),
        (lambda context: Iocb(IOCB_CMD_PREAD, 0), TypeError),
        (lambda context: Iocb(IOCB_CMD_POLL, 0, "in"), TypeError),
        (lambda context: Iocb(2**16, 0), ValueError),
        (lambda context: Iocb(IOCB_CMD_FSYNC, 0, data=-1), ValueError),
    ],
)
def test_bad_arguments_of_calls(call, exception):
    """A wrong argument of a call raises before anything happens."""
    with pytest.raises(exception):
        call(0x1000)  # which no context is


# aligned buffers


@pytest.mark.parametrize("alignment", [1, 512, PAGE, 1 << 16, 1 << 21])
@pytest.mark.parametrize("size", [1, 512, PAGE + 1])
def test_aligned_buffer(size, alignment):
    """A buffer has its size, is zero, and begins at a multiple of its alignment."""
    buffer = aligned_buffer(size, alignment)
    assert (len(buffer), buffer.nbytes, buffer.readonly) == (size, size, False)
    assert bytes(buffer) == bytes(size)
    assert address_of(buffer) % alignment == 0
    buffer[-1] = 7
    assert buffer[-1] == 7


@pytest.mark.parametrize(
    ("arguments", "exception"),
    [((0,), ValueError), ((-1,), ValueError), (("1",), TypeError), ((1, 0), ValueError), ((1, 3), ValueError)],
)
def test_aligned_buffer_of_bad_arguments(arguments, exception):
    """An impossible size or alignment raises."""
    with pytest.raises(exception):
        aligned_buffer(*arguments)


def test_direct(aio, tmp_path):
    """A file that is open with O_DIRECT is written and read in the background."""
    try:
        fd = os.open(tmp_path / "direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        pytest.skip("the filesystem of the temporary directory does not know O_DIRECT")
    pages = 8
    for page in range(pages):
        buffer = aligned_buffer(PAGE)
        buffer[:] = bytes([page]) * PAGE
        aio.pwrite(fd, buffer, page * PAGE, page)
    assert {done.result for done in aio} == {PAGE}
    for page in range(pages):
        aio.pread(fd, aligned_buffer(PAGE), page * PAGE, page)
    assert {done.user_data: done.data for done in aio} == {page: bytes([page]) * PAGE for page in range(pages)}
    aio.pread(fd, PAGE, 1)
    assert "is open with O_DIRECT" in str(aio.wait().error)
    os.close(fd)
