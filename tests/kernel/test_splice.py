"""splice, tee and copy on this kernel: between which files, and each failure."""

import array
import errno
import fcntl
import functools
import itertools
import os
import pathlib
import pickle
import platform
import pty
import resource
import select
import signal
import socket
import struct
import tempfile
import threading
import time
import tty
from contextlib import ExitStack, contextmanager

import pytest
import support
from support import Pipe, alarms, needs, read_all, running, when_waiting, write_all

from butter.errors import InvalidArgument, OutOfMemory
from butter.eventfd import Eventfd
from butter.memfd import Memfd
from butter.signalfd import Signalfd
from butter.splice import (
    SPLICE_F_MORE,
    SPLICE_F_MOVE,
    SPLICE_F_NONBLOCK,
    NoReader,
    SpliceFlags,
    Transfer,
    copy,
    splice,
    tee,
    vmsplice,
)
from butter.timerfd import Timer

F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
O_PATH = 0o10000000  # PyPy has no name for it
CAPACITY = 65536
# more than a pipe, a private pipe, a socket or the buffer holds
DATA = bytes(array.array("I", range(750_000)))

tcp = functools.partial(support.sockets, "tcp")


class Enough(Exception):
    """The exception of a handler, or of *progress*."""


def enough(*_):
    raise Enough


@pytest.fixture
def other(pipe2):
    return pipe2


@pytest.fixture
def file(tmp_path):
    with open(tmp_path / "file", "w+b", buffering=0) as file:
        file.write(b"0123456789")
        file.seek(0)
        yield file


@pytest.fixture
def sockets():
    with support.sockets() as ends:
        yield ends


# splice


def test_own_positions(file, pipe):
    """Without offsets both positions move."""
    assert splice(file, pipe.writing, len=4) == 4
    assert file.tell() == 4
    assert splice(file, pipe.writing) == 6
    assert splice(file, pipe.writing) == 0
    assert os.read(pipe.reading, 20) == b"0123456789"


@pytest.mark.defect("P1")
def test_offsets_are_numbers(file, pipe):
    """An offset, 0 too, is a place in the file, whose own position stays."""
    file.seek(8)
    assert splice(file, pipe.writing, 0, len=2) == 2
    assert splice(file, pipe.writing, in_offset=6, len=3) == 3
    assert os.read(pipe.reading, 10) == b"01678"
    os.write(pipe.writing, b"xyz")
    assert splice(pipe.reading, file, None, 0, 1) == 1
    assert splice(pipe.reading, file, out_offset=4) == 2
    assert file.tell() == 8
    assert os.pread(file.fileno(), 20, 0) == b"x123yz6789"


def test_far_offsets(file, pipe):
    """An offset may have 63 bits; the kernel refuses a negative one."""
    assert splice(file, pipe.writing, in_offset=2**40, len=1) == 0
    os.write(pipe.writing, b"far")
    try:
        assert splice(pipe.reading, file, out_offset=2**36, len=3) == 3
        assert os.pread(file.fileno(), 10, 2**36) == b"far"
    finally:
        file.truncate(10)
    for offset in (-1, -(2**62), -(2**63)):
        with pytest.raises(InvalidArgument) as caught:
            splice(file, pipe.writing, in_offset=offset, len=1)
        assert caught.value.errno == errno.EINVAL


def test_end_of_the_input(pipe, other):
    """The result for an empty pipe without a writer is 0."""
    pipe.close_writing()
    assert splice(pipe.reading, other.writing) == 0
    assert tee(pipe.reading, other.writing) == 0


@pytest.mark.defect("P4")
def test_len_zero_moves_nothing(file, pipe):
    """A len of 0 moves no bytes."""
    assert splice(file, pipe.writing, len=0) == 0
    assert tee(pipe.reading, pipe.writing, len=0) == 0
    assert file.tell() == 0


@pytest.mark.parametrize("flags", [SPLICE_F_MOVE, SPLICE_F_MORE, SpliceFlags.MOVE | SpliceFlags.MORE])
def test_flags_are_taken(file, pipe, flags):
    """Flags are ints, or a SpliceFlags."""
    assert splice(file, pipe.writing, flags=flags) == 10


def test_objects_with_fileno(file, pipe):
    """Descriptors are ints or objects with fileno(), even with an __int__() too."""

    class Both:
        def __init__(self, fd):
            self.fd = fd

        def __int__(self):
            return 2**31

        def fileno(self):
            return self.fd

    with Pipe() as other:
        assert splice(file, Both(pipe.writing)) == 10
        assert tee(Both(pipe.reading), Both(other.writing)) == 10
        file.seek(0)
        assert copy(Both(pipe.reading), file, 10) == 10


@pytest.mark.defect("P3")
@pytest.mark.parametrize("call", [splice, tee])
def test_nothing_to_move_yet(pipe, other, call):
    """A call that would have to wait, and may not, is a BlockingIOError."""
    with pytest.raises(BlockingIOError) as caught:
        call(pipe.reading, other.writing, len=1, flags=SPLICE_F_NONBLOCK)
    assert caught.value.errno == errno.EAGAIN


def test_vmsplice_is_not_implemented(pipe):
    """vmsplice says why it is missing, and what to use instead."""
    with pytest.raises(NotImplementedError, match=r"stay .* os\.writev"):
        vmsplice(pipe.writing, [b"bytes"], 0)
    with pytest.raises(NotImplementedError):
        vmsplice(fd=pipe.writing, vec=[])


BAD = [
    ({"fd_in": "3"}, TypeError, "fd must be an int"),
    ({"fd_out": None}, TypeError, "fd must be an int"),
    ({"fd_in": 3.0}, TypeError, "fd must be an int"),
    ({"fd_in": 2**31}, ValueError, "it must be"),
    ({"fd_out": -(2**31) - 1}, ValueError, "it must be"),
    ({"in_offset": 2**63}, ValueError, "in_offset is"),
    ({"out_offset": -(2**63) - 1}, ValueError, "out_offset is"),
    ({"in_offset": 1.0}, TypeError, "in_offset must be"),
    ({"in_offset": float(-(2**63))}, TypeError, "in_offset must be"),
    ({"out_offset": "1"}, TypeError, "out_offset must be"),
    ({"len": -1}, ValueError, "len is"),
    ({"len": 2**64}, ValueError, "len is"),
    ({"len": 1.5}, TypeError, "len must be"),
    ({"flags": -1}, ValueError, "flags is"),
    ({"flags": 2**32}, ValueError, "flags is"),
    ({"flags": None}, TypeError, "flags must be"),
]


@pytest.mark.parametrize(("change", "exception", "words"), BAD)
def test_bad_arguments(file, pipe, change, exception, words):
    """Arguments that C cannot hold are refused before anything moves."""
    arguments = {"fd_in": file.fileno(), "fd_out": pipe.writing, **change}
    with pytest.raises(exception, match=words) as caught:
        splice(**arguments)
    assert type(caught.value) is exception
    if not {"in_offset", "out_offset"} & set(change):
        with pytest.raises(exception, match=words):
            tee(**arguments)
    assert file.tell() == 0


def test_what_splice_refuses_says_why(file, pipe, tmp_path):
    """The error for EINVAL has a sentence for each of its six meanings."""

    def refusal(call, *args, **kwargs):
        with pytest.raises(InvalidArgument) as caught:
            call(*args, **kwargs)
        assert caught.value.errno == errno.EINVAL
        return caught.value.strerror

    os.write(pipe.writing, b"bytes")
    assert "neither descriptor" in refusal(splice, file, file)
    assert "two ends of one pipe" in refusal(splice, pipe.reading, pipe.writing)
    assert "unknown flags 0x70" in refusal(splice, file, pipe.writing, flags=0x71)
    with open(tmp_path / "log", "ab") as log:
        assert "O_APPEND" in refusal(splice, pipe.reading, log)
    assert "in_offset is -5" in refusal(splice, file, pipe.writing, in_offset=-5)
    assert "out_offset is -5" in refusal(splice, pipe.reading, file, out_offset=-5)
    with select.epoll() as epoll:
        assert f"descriptor {epoll.fileno()} is of a kind" in refusal(splice, epoll, pipe.writing)
        assert f"descriptor {epoll.fileno()} is of a kind" in refusal(splice, pipe.reading, epoll)
    assert f"tee: descriptor {file.fileno()} is not a pipe" in refusal(tee, file, pipe.writing)
    assert f"tee: descriptor {file.fileno()} is not a pipe" in refusal(tee, pipe.reading, file)
    assert f"tee: neither descriptor {file.fileno()} nor" in refusal(tee, file, file)
    assert "two ends of one pipe" in refusal(tee, pipe.reading, pipe.writing)
    assert "unknown flags 0x100" in refusal(tee, pipe.reading, pipe.writing, flags=0x100)


@pytest.mark.defect("P2")
def test_tee_without_reader(pipe, other):
    """A pipe without a reader is NoReader, and takes no bytes."""
    os.write(pipe.writing, b"bytes")
    other.close_reading()
    for call in (tee, splice):
        with pytest.raises(NoReader) as caught:
            call(pipe.reading, other.writing)
        assert caught.value.errno == errno.EPIPE
    assert os.read(pipe.reading, 10) == b"bytes"


@pytest.mark.parametrize("call", [splice, tee])
def test_calls_go_on_after_a_signal(pipe, other, call):
    """A call that waits goes on after a handler has run."""
    seen = []

    def handler(*_):
        seen.append(1)
        # this errno is not that of the waiting call
        with pytest.raises(InvalidArgument):
            splice(-1, -1)
        if len(seen) == 3:
            os.write(pipe.writing, b"bytes")

    with alarms(handler):
        assert call(pipe.reading, other.writing) == 5
    assert len(seen) >= 3


@contextmanager
def a_handler_closes(end, stranger):
    """A signal handler closes *end*, and a duplicate of *stranger* gets its number."""
    number = end.fileno()

    def handler(*_):
        if not end.closed:
            end.close()
            os.dup2(stranger, number, inheritable=False)

    try:
        with alarms(handler):
            yield
    finally:
        if end.closed:
            os.close(number)
        end.close()


@pytest.mark.parametrize("call", [splice, tee, copy])
def test_a_handler_may_close_the_input(pipe, other, call):
    """An input that a handler closes is not read from its number's new file."""
    with Pipe() as strange:
        os.write(strange.writing, b"not for us")
        source = os.fdopen(os.dup(pipe.reading), "rb", buffering=0)
        with pytest.raises(ValueError, match="closed file"), a_handler_closes(source, strange.reading):
            call(source, other.writing)
        assert os.read(strange.reading, 20) == b"not for us"


@pytest.mark.parametrize("call", [splice, tee, copy])
def test_a_handler_may_close_the_output(pipe, other, call):
    """An output that a handler closes is not written to its number's new file."""
    os.write(pipe.writing, b"bytes")
    fcntl.fcntl(other.writing, F_SETPIPE_SZ, 4096)
    os.write(other.writing, bytes(4096))
    with Pipe() as strange:
        target = os.fdopen(os.dup(other.writing), "wb", buffering=0)
        with pytest.raises(ValueError, match="closed file"), a_handler_closes(target, strange.writing):
            call(pipe.reading, target)
        strange.close_writing()
        assert os.read(strange.reading, 20) == b""
    assert os.read(pipe.reading, 10) == b"bytes"


def test_progress_may_close_a_socket(tmp_path, sockets):
    """A socket that *progress* closes, with the number -1 from then on, is EBADF."""
    here, _ = sockets
    here.setblocking(False)
    with file_source(tmp_path) as (source, _), pytest.raises(InvalidArgument) as caught:
        copy(source, here, progress=lambda moved: here.close())
    assert caught.value.errno == errno.EBADF
    assert caught.value.moved > 0


def test_a_closed_input_keeps_its_position_to_itself(tmp_path, pipe):
    """A copy whose input was closed moves no other file's position back."""

    def progress(moved):
        source.close()
        os.dup2(stranger.fileno(), number)
        raise KeyboardInterrupt

    (tmp_path / "source").write_bytes(DATA)
    with open(tmp_path / "stranger", "w+b", buffering=0) as stranger, open(tmp_path / "source", "rb") as source:
        stranger.seek(1 << 30)
        number = source.fileno()
        os.set_blocking(pipe.writing, False)
        fcntl.fcntl(pipe.writing, F_SETPIPE_SZ, 4096)
        # a copy that holds something: it appends to a pipe by hand
        fcntl.fcntl(pipe.writing, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)
        try:
            with pytest.raises(KeyboardInterrupt) as caught:
                copy(source, pipe.writing, progress=progress)
            assert stranger.tell() == 1 << 30
        finally:
            os.close(number)
    moved, rest = caught.value.moved, caught.value.rest
    assert (os.read(pipe.reading, 1 << 20), len(rest) > 0) == (DATA[:moved], True)
    assert DATA.startswith(rest, moved)


@pytest.mark.parametrize("call", [splice, tee, copy])
def test_a_temporary_object_stays_open(pipe, other, call):
    """An object without another reference lives until the call returns."""

    class Owner:
        def __init__(self, fd):
            self.fd = os.dup(fd)

        def fileno(self):
            return self.fd

        def __del__(self):
            os.close(self.fd)

    os.write(pipe.writing, b"bytes")
    pipe.close_writing()
    # within an assert pytest itself would hold them
    moved = call(Owner(pipe.reading), Owner(other.writing))
    assert moved == 5


@pytest.mark.parametrize("call", [splice, tee, copy])
def test_a_handler_may_end_a_call(pipe, other, call):
    """A handler's exception comes out of the waiting call."""
    with pytest.raises(Enough), alarms(enough):
        call(pipe.reading, other.writing)


@pytest.mark.parametrize("call", [splice, tee])
def test_calls_leave_the_interpreter_free(pipe, other, call):
    """Another thread works while a call waits, and ends that wait."""
    with running(os.write, pipe.writing, b"bytes"):
        assert call(pipe.reading, other.writing) == 5


# copy: between which files

# each yields (descriptor to read, the bytes that copy should find)


@contextmanager
def file_source(tmp_path):
    (tmp_path / "source").write_bytes(DATA)
    with open(tmp_path / "source", "rb", buffering=0) as file:
        yield file, DATA


@contextmanager
def proc_source(tmp_path):
    with open("/proc/kallsyms", "rb", buffering=0) as file:
        data = file.readall()
        file.seek(0)
        assert len(data) > 100_000
        assert os.fstat(file.fileno()).st_size == 0
        yield file, data


@contextmanager
def pipe_source(tmp_path):
    def feed():
        try:
            write_all(pipe.writing, DATA)
        finally:
            pipe.close_writing()

    with Pipe() as pipe, running(feed):
        yield pipe.reading, DATA


@contextmanager
def socket_source(pair):
    def feed():
        try:
            here.sendall(DATA)
        finally:
            here.close()

    with pair as (here, there), running(feed):
        yield there, DATA


@contextmanager
def terminal_source(tmp_path):
    # the end of a terminal is EIO, so it is read up to a count
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        with running(write_all, master, DATA[:200_000]):
            yield slave, DATA[:200_000]
    finally:
        os.close(master)
        os.close(slave)


SOURCES = {
    "file": file_source,
    "proc": proc_source,
    "pipe": pipe_source,
    "unix": lambda tmp_path: socket_source(closing_pair()),
    "tcp": lambda tmp_path: socket_source(tcp()),
    "terminal": terminal_source,
}


@contextmanager
def closing_pair():
    here, there = socket.socketpair()
    with here, there:
        yield here, there


# each yields (descriptor to write, a function that returns what was written)


@contextmanager
def file_target(tmp_path, mode="wb"):
    path = tmp_path / "target"
    path.write_bytes(b"old" if "a" in mode else b"")
    with open(path, mode, buffering=0) as file:
        yield file, lambda: path.read_bytes().removeprefix(b"old") if "a" in mode else path.read_bytes()


@contextmanager
def received(reading, writing, close):
    parts = []
    with ExitStack() as stack:
        stack.enter_context(running(lambda: parts.append(read_all(reading))))

        def result():
            close()
            stack.close()
            return parts[0]

        stack.callback(close)
        yield writing, result


@contextmanager
def pipe_target(tmp_path):
    with Pipe() as pipe, received(pipe.reading, pipe.writing, pipe.close_writing) as target:
        yield target


@contextmanager
def socket_target(pair):
    with pair as (here, there), received(there.fileno(), here, here.close) as target:
        yield target


@contextmanager
def terminal_target(tmp_path):
    master, slave = pty.openpty()
    tty.setraw(slave)
    done = threading.Event()
    parts = []

    def drain():
        poll = select.poll()
        poll.register(master, select.POLLIN)
        while poll.poll(0 if done.is_set() else 20) or not done.is_set():
            if poll.poll(0):
                parts.append(os.read(master, 1 << 16))

    with ExitStack() as stack:
        stack.callback(os.close, master)
        stack.callback(os.close, slave)
        stack.enter_context(running(drain))
        stack.callback(done.set)

        def result():
            stack.pop_all().close()
            return b"".join(parts)

        yield slave, result


TARGETS = {
    "file": file_target,
    "append": lambda tmp_path: file_target(tmp_path, "ab"),
    "pipe": pipe_target,
    "unix": lambda tmp_path: socket_target(closing_pair()),
    "tcp": lambda tmp_path: socket_target(tcp()),
    "terminal": terminal_target,
}


def copies(source, target, tmp_path, nonblocking=False):
    """Copy between two kinds of file, and compare what arrives."""
    with SOURCES[source](tmp_path) as (fd_in, data), TARGETS[target](tmp_path) as (fd_out, result):
        if nonblocking:
            for fd in (fd_in, fd_out):
                os.set_blocking(fd if isinstance(fd, int) else fd.fileno(), False)
        moved = copy(fd_in, fd_out, len(data) if source == "terminal" else None)
        assert moved == len(data)
        return result() == data


@pytest.mark.parametrize("nonblocking", [False, True], ids=["blocking", "nonblocking"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_copy_between(tmp_path, source, target, nonblocking):
    """A copy between any two kinds of file is whole and in order, blocking or not."""
    assert copies(source, target, tmp_path, nonblocking)


CALLS = ["copy_file_range", "sendfile", "splice"]


BETWEEN = [("file", "file"), ("file", "tcp"), ("unix", "file"), ("pipe", "tcp")]
MISSING = [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EPERM]
REFUSED = [errno.EACCES, errno.EBADF, errno.EOVERFLOW, errno.ESPIPE, errno.ETXTBSY]


@pytest.mark.parametrize(
    ("between", "calls", "number"),
    [
        *itertools.product(BETWEEN, [CALLS[:1], CALLS[:2], CALLS[1:], CALLS], MISSING),
        *itertools.product(BETWEEN[:1], [CALLS], REFUSED),
        # some kernels return 0 at once for files of /proc, which have no size
        *itertools.product(BETWEEN[:1], [CALLS[:1], CALLS[:2]], [0]),
    ],
    ids=str,
)
def test_copy_without_the_better_calls(in_child, tmp_path, between, calls, number):
    """Where a call is missing, refuses or moves nothing, the next best copies."""

    def body():
        for call in calls:
            support.inject(call, number)
        return copies(*between, tmp_path)

    assert in_child(body)


def test_no_poll(in_child, pipe, other):
    """A copy that cannot wait ends, instead of trying for ever."""

    def body():
        os.set_blocking(pipe.reading, False)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        copy(pipe.reading, other.writing)

    with pytest.raises(OSError, match="RLIMIT_NOFILE is 0") as caught:
        in_child(body)
    assert caught.value.moved == 0


def test_copy_without_a_descriptor_left(in_child, tmp_path):
    """Without descriptors for the private pipe a copy goes through a buffer."""

    def body():
        with closing_pair() as (here, there), open(tmp_path / "target", "w+b") as target:
            here.sendall(b"bytes")
            here.close()
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            # poll() wants a limit above the number of descriptors that it polls
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            return copy(there, target), os.pread(target.fileno(), 10, 0)

    assert in_child(body) == (5, b"bytes")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_copy_of_a_device(file, device):
    """A device without end can be copied by a count, and /dev/null takes all."""
    with open(device, "rb", buffering=0) as source, open("/dev/null", "wb") as null:
        assert copy(source, file, 300_000) == 300_000
        assert os.fstat(file.fileno()).st_size == 300_000
        assert copy(file, null, in_offset=0) == 300_000


def test_copy_of_sys_files(file):
    """A file of /sys is copied although it is shorter than it says."""
    with open("/sys/kernel/mm/transparent_hugepage/enabled", "rb", buffering=0) as source:
        data = source.readall()
        source.seek(0)
        assert os.fstat(source.fileno()).st_size > len(data) > 0
        file.truncate(0)
        assert copy(source, file) == len(data)
    assert os.pread(file.fileno(), 5000, 0) == data


@contextmanager
def soon():
    """A block that takes a minute is a TimeoutError."""

    def handler(*_):
        raise TimeoutError

    with alarms(handler, 60):
        yield


@contextmanager
def small_pipe():
    with Pipe() as pipe:
        fcntl.fcntl(pipe.writing, F_SETPIPE_SZ, 8192)
        yield pipe.reading, pipe.writing


@contextmanager
def packets(kind):
    here, there = socket.socketpair(type=kind)
    with here, there:
        yield here, there


def filled(fd):
    """The number of bytes that fill what *fd* writes to."""
    os.set_blocking(fd, False)
    count = 0
    try:
        while True:
            count += os.write(fd, bytes(1024))
    except BlockingIOError:
        os.set_blocking(fd, True)
        return count


def test_the_last_bytes_may_fill_the_target(tmp_path, pipe):
    """A copy is over when all is written, even if the target is full then."""
    with open(tmp_path / "source", "w+b", buffering=0) as source, soon():
        source.write(DATA[: 1 << 19])
        source.seek(0)
        assert copy(source, pipe.writing) == 1 << 19
        source.truncate(100_000)
        source.seek(0)
        with closing_pair() as (here, there):
            # such a socket has room, says poll(), below a quarter of its buffer
            assert copy(source, here) == 100_000
            assert there.recv(100_000, socket.MSG_WAITALL) == DATA[:100_000]
        source.truncate(8192)
        source.seek(0)
        with small_pipe() as (_, writing):
            assert copy(source, writing) == 8192
        with small_pipe() as (_, writing):
            assert copy(source, writing, in_offset=0) == 8192
        with Pipe() as ended, small_pipe() as (_, writing):
            os.write(ended.writing, bytes(8192))
            ended.close_writing()
            assert copy(ended.reading, writing) == 8192


@pytest.mark.parametrize("end", ["close", "shutdown", "empty"])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
def test_the_end_of_a_socket_needs_no_room(sockets, kind, end):
    """A socket at its end ends a copy to a target that is full."""
    filled(sockets[0].fileno())
    with packets(kind) as (here, there), soon():
        if end == "empty" and kind != socket.SOCK_STREAM:
            here.send(b"")
        elif kind == socket.SOCK_DGRAM:
            there.shutdown(socket.SHUT_RD)
        elif end == "close":
            here.close()
        else:
            here.shutdown(socket.SHUT_WR)
        assert copy(there, sockets[0]) == 0


def test_the_end_of_a_file_of_proc_needs_no_room(sockets):
    """Bytes that were read to find the end wait for room, or go back."""
    here, there = sockets
    with open("/proc/cpuinfo", "rb", buffering=0) as source:
        data = source.readall()
        size = filled(here.fileno())
        with soon():
            assert copy(source, here) == 0
            assert copy(source, here, in_offset=1 << 30) == 0
            source.seek(0)
            with running(lambda: there.recv(size, socket.MSG_WAITALL)):
                assert copy(source, here, 100) == 100
        assert there.recv(200) == data[:100]
        filled(here.fileno())
        source.seek(3)
        with pytest.raises(KeyboardInterrupt) as caught, alarms(when_waiting(signal.default_int_handler)):
            copy(source, here)
        assert (caught.value.moved, caught.value.rest, source.tell()) == (0, b"", 3)


def test_copy_of_empty_things(tmp_path, file, pipe):
    """A copy of nothing is 0 bytes, and not an error."""
    (tmp_path / "empty").touch()
    with open(tmp_path / "empty", "rb") as empty:
        assert copy(empty, file) == 0
        assert copy(empty, pipe.writing) == 0
    pipe.close_writing()
    assert copy(pipe.reading, file) == 0
    assert copy(file, file, 0) == 0


# copy: counts, offsets, progress


def test_count_is_the_most(tmp_path, pipe):
    """A count ends the copy, and a second one goes on where it ended."""
    with file_source(tmp_path) as (source, data), open(tmp_path / "target", "w+b") as target:
        assert copy(source, target, 1000) == 1000
        assert copy(source, target, 0) == 0
        assert source.tell() == target.tell() == 1000
        assert copy(source, target, 2**63 - 1) == len(data) - 1000
        assert os.pread(target.fileno(), 1 << 23, 0) == data
    os.write(pipe.writing, b"0123456789")
    with open(tmp_path / "few", "w+b") as few:
        assert copy(pipe.reading, few, 4) == 4
    assert os.read(pipe.reading, 20) == b"456789"


@pytest.mark.parametrize("missing", [[], CALLS[:1], CALLS[:2], CALLS], ids=lambda calls: "+".join(calls) or "none")
def test_offsets_leave_positions(in_child, tmp_path, missing):
    """With offsets a file keeps its position, whichever call copies."""

    def body():
        for call in missing:
            support.inject(call, errno.ENOSYS)
        with file_source(tmp_path) as (source, data), open(tmp_path / "target", "w+b", buffering=0) as target:
            source.seek(5)
            target.seek(7)
            assert copy(source, target, 600_000, 1000, 0) == 600_000
            assert (source.tell(), target.tell()) == (5, 7)
            assert os.pread(target.fileno(), 1 << 23, 0) == data[1000:601_000]
            assert copy(source, target, 600_000, out_offset=600_000) == 600_000
            assert (source.tell(), target.tell()) == (600_005, 7)
            assert copy(source, target, 10, in_offset=0) == 10
            assert (source.tell(), target.tell()) == (600_005, 17)
            written = os.pread(target.fileno(), 1 << 23, 0)
            return (
                written[:7] == data[1000:1007] and written[7:17] == data[:10] and written[600_000:] == data[5:600_005]
            )

    assert in_child(body)


def test_offset_beside_a_pipe(tmp_path, file, pipe):
    """The file at one side of a pipe may have an offset."""
    assert copy(file, pipe.writing, in_offset=7) == 3
    pipe.close_writing()
    assert copy(pipe.reading, file, out_offset=1) == 3
    assert file.read() == b"0789456789"


def test_progress_is_told(tmp_path):
    """*progress* is called with growing numbers, and at last with the whole."""
    told = []
    with open("/dev/zero", "rb") as source, open(tmp_path / "target", "wb") as target:
        assert copy(source, target, 100 << 20, progress=told.append) == 100 << 20
    assert told == sorted(set(told))
    assert told[-1] == 100 << 20
    assert len(told) > 2


def test_progress_may_end_the_copy(tmp_path):
    """The exception of *progress* tells what was moved, up to the file's position."""
    with file_source(tmp_path) as (source, _), Pipe() as pipe:
        with pytest.raises(Enough) as caught:
            copy(source, pipe.writing, 1000, progress=enough)
        assert (caught.value.moved, caught.value.rest) == (1000, b"")
        assert source.tell() == 1000


@pytest.mark.parametrize(
    ("change", "exception", "words"),
    [
        ({"fd_in": "3"}, TypeError, "fd must be an int"),
        ({"fd_out": None}, TypeError, "fd must be an int"),
        ({"fd_in": "path"}, TypeError, "not str: open the path first"),
        ({"fd_out": pathlib.Path("path")}, TypeError, "open the path first"),
        ({"fd_in": 2**31}, ValueError, "it must be"),
        ({"count": -1}, ValueError, "count is"),
        ({"count": 2**63}, ValueError, "count is"),
        ({"count": 1.0}, TypeError, "count must be"),
        ({"in_offset": -1}, ValueError, "in_offset is"),
        ({"out_offset": 2**63}, ValueError, "out_offset is"),
        ({"in_offset": "1"}, TypeError, "in_offset must be"),
        ({"progress": 5}, TypeError, "progress must be a function"),
    ],
)
def test_bad_arguments_of_copy(file, pipe, change, exception, words):
    """A wrong argument is refused before anything moves."""
    with pytest.raises(exception, match=words):
        copy(**{"fd_in": file, "fd_out": pipe.writing, **change})
    assert file.tell() == 0


def test_descriptors_for_another_use(tmp_path, file, pipe, sockets):
    """A descriptor that is not open for its use is refused, and no byte is taken."""
    here, there = sockets
    here.sendall(b"bytes")
    path = os.open(tmp_path / "file", O_PATH)
    try:
        with open(tmp_path / "file", "rb") as readable, open(tmp_path / "file", "r+b") as closed:
            pass
        with open(tmp_path / "file", "rb") as readable:
            for fd_out in (readable, -1, path, pipe.reading):
                with pytest.raises(InvalidArgument, match="is not open") as caught:
                    copy(there, fd_out)
                assert caught.value.errno == errno.EBADF
                number = fd_out if isinstance(fd_out, int) else fd_out.fileno()
                use = "" if number in (-1, path) else " for writing"
                assert caught.value.strerror == f"copy: descriptor {number} is not open{use}"
                assert (caught.value.moved, caught.value.rest) == (0, b"")
            with pytest.raises(InvalidArgument, match=r"not open for reading; .* for writing; pass the source first"):
                copy(pipe.writing, pipe.reading)
        with pytest.raises(ValueError, match="closed file"):
            copy(closed, file)
        for fd_in in (-1, path, pipe.writing):
            with pytest.raises(InvalidArgument) as caught:
                copy(fd_in, file)
            assert caught.value.errno == errno.EBADF
    finally:
        os.close(path)
    assert there.recv(10) == b"bytes"


def test_a_directory_is_no_source(tmp_path, file):
    """A directory cannot be copied."""
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError) as caught:
            copy(directory, file)
    finally:
        os.close(directory)
    assert caught.value.errno == errno.EISDIR


@pytest.mark.defect("P2")
def test_offsets_for_what_has_none(file, pipe, sockets):
    """An offset in a pipe, socket or terminal is an error."""
    master, slave = pty.openpty()
    try:
        for stream in (pipe.reading, sockets[0], slave):
            with pytest.raises(InvalidArgument, match="has no offset: leave in_offset at None") as caught:
                copy(stream, file, in_offset=0, out_offset=0)
            assert caught.value.errno == errno.ESPIPE
        for stream in (pipe.writing, sockets[0], slave):
            with pytest.raises(InvalidArgument, match="has no offset: leave out_offset at None"):
                copy(file, stream, in_offset=0, out_offset=0)
        with pytest.raises(InvalidArgument, match="has no offset: leave out_offset at None"):
            splice(file, pipe.writing, out_offset=0)
    finally:
        os.close(master)
        os.close(slave)


def test_appending_takes_no_offset(tmp_path, pipe):
    """An offset in a file that appends, which the kernel would ignore, is an error."""
    os.write(pipe.writing, b"bytes")
    with open(tmp_path / "log", "ab") as log:
        with pytest.raises(InvalidArgument, match="O_APPEND"):
            copy(pipe.reading, log, 5, out_offset=0)
        assert copy(pipe.reading, log, 5) == 5


def test_within_one_file(file):
    """Ranges of one file are copied if they do not overlap."""
    fd = file.fileno()
    assert copy(fd, fd, 4, in_offset=0, out_offset=6) == 4
    assert os.pread(fd, 20, 0) == b"0123450123"
    assert copy(fd, fd, 5, in_offset=0, out_offset=5) == 5
    for fd_in, fd_out in ((0, 4), (4, 0), (3, 3)):
        with pytest.raises(InvalidArgument, match="overlap"):
            copy(fd, fd, 5, in_offset=fd_in, out_offset=fd_out)
    with pytest.raises(InvalidArgument, match="overlap"):
        copy(fd, fd)
    # beyond the end there is nothing that could overlap
    assert copy(fd, fd, 100, in_offset=10, out_offset=12) == 0
    assert copy(fd, fd, 100, in_offset=8, out_offset=10) == 2


def test_appending_to_itself_ends(tmp_path, file):
    """A file that is appended to itself is doubled."""
    with open(tmp_path / "file", "ab") as end:
        assert copy(file, end) == 10
    assert os.pread(file.fileno(), 30, 0) == b"01234567890123456789"


def test_one_pipe_twice(pipe):
    """A pipe cannot be copied to itself."""
    os.write(pipe.writing, b"bytes")
    with pytest.raises(InvalidArgument, match="two ends of one pipe"):
        copy(pipe.reading, pipe.writing)
    assert os.read(pipe.reading, 10) == b"bytes"


def test_a_socket_may_echo(sockets):
    """One socket can be both source and target, as in an echo server."""
    here, there = sockets
    here.sendall(b"echo")
    here.shutdown(socket.SHUT_WR)
    assert copy(there, there) == 4
    there.shutdown(socket.SHUT_WR)
    assert here.recv(10) + here.recv(10) == b"echo"


# copy: holes

MIB = 1 << 20
# where a file with holes has its data, in pages
DATA_PAGES = {
    "none": (),
    "first": (0,),
    "last": (64 * 256 - 1,),
    "some": (0, 1, 700, 5000, 5002),
}


@contextmanager
def in_memory():
    with Memfd("holes") as memfd, memfd.open("r+b", 0) as file:
        yield file


@contextmanager
def within(directory):
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        yield file


KINDS = {
    "disk": within,
    "tmpfs": lambda tmp_path: within("/dev/shm"),
    "memfd": lambda tmp_path: in_memory(),
}


def with_holes(file, pages, size=64 * MIB):
    file.truncate(size)
    for page in pages:
        os.pwrite(file.fileno(), DATA[:4096], page * 4096)
    return file


def blocks(file):
    return os.fstat(file.fileno()).st_blocks


def differs(file, other, step=MIB):
    """Whether two files differ, without memory for the whole of them."""
    size = os.fstat(file.fileno()).st_size
    return size != os.fstat(other.fileno()).st_size or any(
        os.pread(file.fileno(), step, at) != os.pread(other.fileno(), step, at) for at in range(0, size, step)
    )


@pytest.mark.parametrize("pages", DATA_PAGES)
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_holes_stay_holes(tmp_path, source, target, pages):
    """A copy of a file with holes has its content and size, and takes as much room."""
    told = []
    with KINDS[source](tmp_path) as fd_in, KINDS[target](tmp_path) as fd_out:
        with_holes(fd_in, DATA_PAGES[pages])
        room = len(DATA_PAGES[pages]) * 4096 // 512
        assert blocks(fd_in) == room
        assert copy(fd_in, fd_out, progress=told.append) == 64 * MIB == told[-1]
        assert fd_in.tell() == fd_out.tell() == 64 * MIB
        assert blocks(fd_out) == room
        assert not differs(fd_in, fd_out)
        fd_out.truncate(0)
        assert copy(fd_in, fd_out, None, 0, 0) == 64 * MIB
        assert fd_in.tell() == fd_out.tell() == 64 * MIB
        assert blocks(fd_out) == room
        assert not differs(fd_in, fd_out)


@pytest.mark.parametrize("target", KINDS)
def test_a_hole_over_data(tmp_path, target):
    """A hole of the source becomes a hole of zeros in the target's data."""
    with KINDS["disk"](tmp_path) as fd_in, KINDS[target](tmp_path) as fd_out:
        with_holes(fd_in, (10,), MIB + 5)
        fd_out.write(b"x" * (2 * MIB))
        fd_out.seek(100)
        assert copy(fd_in, fd_out) == MIB + 5
        expected = b"x" * 100 + os.pread(fd_in.fileno(), 2 * MIB, 0)
        assert os.pread(fd_out.fileno(), 3 * MIB, 0) == expected.ljust(2 * MIB, b"x")
        assert blocks(fd_out) < 1.2 * MIB // 512


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_ranges_with_holes(tmp_path, source, target):
    """Counts, offsets and positions within holes and data are exact."""
    size = 3 * MIB + 5
    with KINDS[source](tmp_path) as fd_in:
        with_holes(fd_in, (1, 300, 301), size)
        data = os.pread(fd_in.fileno(), size, 0)
        for start, count in ((0, 4096), (1, 4095), (0, 5000), (4097, 2 * MIB), (MIB, 50), (2 * MIB, None), (size, 1)):
            for in_offset, out_offset in ((None, None), (start, None), (None, 7), (start, MIB)):
                with KINDS[target](tmp_path) as fd_out:
                    fd_out.write(b"old")
                    fd_in.seek(start)
                    moved = copy(fd_in, fd_out, count, in_offset, out_offset)
                    part = data[start:][:count]
                    assert moved == len(part)
                    at = 3 if out_offset is None else out_offset
                    assert os.pread(fd_out.fileno(), 4 * MIB, 0) == (b"old".ljust(at, b"\0") + part if part else b"old")
                    assert fd_in.tell() == start + (moved if in_offset is None else 0)
                    assert fd_out.tell() == 3 + (moved if out_offset is None else 0)


@support.needs_namespaces
def test_filesystems_without_holes(in_child, tmp_path):
    """On a ramfs, which has no holes, data is overwritten by zeros."""

    def body():
        support.own_namespaces()
        assert support.libc.mount(b"none", os.fsencode(tmp_path), b"ramfs", 0, None) == 0
        with KINDS["disk"](tmp_path) as ram, KINDS["memfd"](tmp_path) as memfd:
            ram.write(b"x" * (2 * MIB))
            ram.seek(0)
            assert copy(with_holes(memfd, (10,), MIB), ram) == MIB
            assert os.pread(ram.fileno(), 3 * MIB, 0) == os.pread(memfd.fileno(), MIB, 0) + b"x" * MIB
            with KINDS["memfd"](tmp_path) as target:
                ram.truncate(4 * MIB)
                assert copy(ram, target, in_offset=0) == 4 * MIB
                return differs(ram, target)

    assert in_child(body) is False


def test_a_locked_source_stays_locked(tmp_path):
    """A copy closes no descriptor that would drop the locks of the process."""
    with KINDS["disk"](tmp_path) as fd_in, KINDS["disk"](tmp_path) as fd_out:
        with_holes(fd_in, (10,), MIB)
        fcntl.lockf(fd_in, fcntl.LOCK_EX)
        for in_offset in (0, None):
            assert copy(fd_in, fd_out, None, in_offset, 0) == MIB
            assert not differs(fd_in, fd_out)
            with pytest.raises(BlockingIOError):
                support.in_child(fcntl.lockf, fd_in.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_hole_beyond_a_limit(in_child, tmp_path):
    """A target that cannot grow by a hole ends at both files' positions."""

    def body():
        with KINDS["disk"](tmp_path) as fd_in, KINDS["disk"](tmp_path) as fd_out:
            with_holes(fd_in, (0, 1000), 8 * MIB)
            resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, resource.RLIM_INFINITY))
            with pytest.raises(OSError, match="RLIMIT_FSIZE") as caught:
                copy(fd_in, fd_out)
            return caught.value.moved, fd_in.tell(), fd_out.tell(), os.fstat(fd_out.fileno()).st_size

    assert in_child(body) == (4096,) * 4


def test_progress_between_holes(tmp_path):
    """Whenever *progress* is called, the target has as many bytes."""

    def progress(moved):
        assert os.fstat(fd_out.fileno()).st_size == moved
        sizes.append(moved)

    sizes = []
    with KINDS["disk"](tmp_path) as fd_in, KINDS["disk"](tmp_path) as fd_out:
        with_holes(fd_in, (), 64 * MIB)
        for at in range(0, 64 * MIB, 4 * MIB):
            os.pwrite(fd_in.fileno(), DATA[: 3 * MIB], at)
        with Transfer(fd_in, fd_out, None, None, None, progress) as transfer:
            transfer.begin()
            while transfer.step(MIB) is not None:
                pass
        assert not differs(fd_in, fd_out)
    assert len(sizes) > 10


@pytest.mark.parametrize("target", ["append", "pipe", "unix"])
def test_holes_that_become_zeros(tmp_path, target):
    """Streams, and files that append, get the zeros of a hole."""
    with KINDS["disk"](tmp_path) as fd_in, TARGETS[target](tmp_path) as (fd_out, result):
        with_holes(fd_in, (10, 20), MIB)
        assert copy(fd_in, fd_out) == MIB
        assert result() == os.pread(fd_in.fileno(), MIB, 0)


def test_holes_within_one_file(tmp_path):
    """A range with holes is copied to the end of its own file."""
    with KINDS["disk"](tmp_path) as file:
        with_holes(file, (10,), MIB)
        before = blocks(file)
        assert copy(file, file, None, 0, MIB) == MIB
        assert os.pread(file.fileno(), 3 * MIB, 0) == os.pread(file.fileno(), MIB, 0) * 2
        assert blocks(file) == 2 * before


# copy: what ends it early


def test_a_failing_target_gives_bytes_back(sockets, pipe):
    """Bytes that were read from a stream and not written are in the exception."""
    here, there = sockets
    here.sendall(b"bytes")
    os.write(pipe.writing, b"bytes")
    with open("/dev/full", "wb", buffering=0) as full:
        for stream in (there, pipe.reading):
            with pytest.raises(OSError, match="is full") as caught:
                copy(stream, full, 4)
            assert (caught.value.errno, caught.value.moved, caught.value.rest) == (errno.ENOSPC, 0, b"byte")
            assert os.read(stream if isinstance(stream, int) else stream.fileno(), 10) == b"s"


@pytest.mark.parametrize("missing", [[], CALLS], ids=["all calls", "read and write"])
@pytest.mark.parametrize("source", ["file", "pipe", "unix", "tcp"])
def test_a_limit_in_the_middle(in_child, tmp_path, source, missing):
    """A copy up to the largest size of a file accounts for every byte."""
    limit = 1_000_001

    def body():
        for call in missing:
            support.inject(call, errno.ENOSYS)
        with SOURCES[source](tmp_path) as (fd_in, data), open(tmp_path / "target", "wb") as target:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            with pytest.raises(OSError, match="RLIMIT_FSIZE") as caught:
                copy(fd_in, target)
            left = read_all(fd_in if isinstance(fd_in, int) else fd_in.fileno())
        error = caught.value
        assert error.errno == errno.EFBIG
        assert error.moved == limit
        assert (tmp_path / "target").read_bytes() == data[:limit]
        return error.rest + left == data[limit:] and (source != "file" or error.rest == b"")

    assert in_child(body)


@pytest.mark.parametrize("pair", [closing_pair, tcp])
def test_a_peer_that_goes_away(pair, sockets):
    """A connection that breaks is an exception that has the bytes under way."""
    here, there = sockets
    here.sendall(b"bytes")
    here.close()
    with pair() as (target, peer):
        target.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        # unread bytes and a linger of 0: the peer resets the connection
        target.sendall(b"unread")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        with pytest.raises((NoReader, ConnectionResetError)) as caught:
            copy(there, target)
    assert caught.value.moved == 0
    assert caught.value.rest + read_all(there.fileno()) == b"bytes"
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.moved, copied.rest, copied.errno) == (0, caught.value.rest, caught.value.errno)


def test_sockets_without_connection(file):
    """A socket that is not connected can neither be read nor written."""
    with socket.socket() as lonely:
        for fds in ((lonely, file), (file, lonely)):
            with pytest.raises(OSError, match=r"connected|no reader") as caught:
                copy(*fds)
            assert caught.value.errno in (errno.ENOTCONN, errno.EPIPE)
    assert file.tell() == 0


def test_listening_sockets_are_refused(file, pipe):
    """A socket that listens never has bytes or room."""
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as server, soon():
        unix.bind("")
        unix.listen()
        for listening in (unix, server):
            for fds in ((listening, file), (listening, pipe.writing), (file, listening), (pipe.reading, listening)):
                with pytest.raises(OSError, match="not connected") as caught:
                    copy(*fds)
                assert (caught.value.errno, caught.value.moved) == (errno.ENOTCONN, 0)
    assert file.tell() == 0


def test_what_cannot_be_read_or_written_is_refused(file, pipe):
    """A descriptor without read() or write() is refused, instead of waited for."""
    with ExitStack() as stack:
        epoll = stack.enter_context(select.epoll())
        timer, signals = stack.enter_context(Timer()), stack.enter_context(Signalfd())
        stack.enter_context(soon())
        sources, targets = [epoll], [epoll, timer, signals]
        if hasattr(os, "pidfd_open") and support.kernel() >= (5, 3):
            pidfd = os.pidfd_open(os.getpid())
            stack.callback(os.close, pidfd)
            sources.append(pidfd)
            targets.append(pidfd)
        for fds in [(source, file) for source in sources] + [(pipe.reading, target) for target in targets]:
            with pytest.raises(InvalidArgument, match="kind that cannot be") as caught:
                copy(*fds)
            culprit, use = (fds[0], "read") if fds[1] is file else (fds[1], "written")
            number = culprit if isinstance(culprit, int) else culprit.fileno()
            assert f"descriptor {number} is of a kind that cannot be {use}" in caught.value.strerror
            assert (caught.value.errno, caught.value.moved) == (errno.EINVAL, 0)


def test_counters_are_copied(file, pipe):
    """An eventfd can be read and written, a timer and a signalfd read."""
    with Eventfd(7) as counter, Timer() as timer, soon():
        timer.after(seconds=1e-6).update()
        assert copy(counter, pipe.writing, 8) == 8
        assert copy(timer, file, 8) == 8
        assert copy(pipe.reading, counter, 8) == 8
        assert counter.read_event() == 7


def test_a_file_without_a_position(in_child, tmp_path):
    """The bytes from a regular file that cannot seek are in the exception."""

    def body():
        with open(tmp_path / "source", "w+b", buffering=0) as source, open("/dev/full", "wb", buffering=0) as full:
            source.write(b"bytes")
            source.seek(0)
            support.inject("lseek", errno.ESPIPE, first=source.fileno())
            with pytest.raises(OSError, match="is full") as caught:
                copy(source, full)
            return caught.value.errno, caught.value.moved, caught.value.rest

    assert in_child(body) == (errno.ENOSPC, 0, b"bytes")


def test_a_sealed_target(file):
    """A sealed memfd takes no byte, and the file goes back to where it was."""
    memfd = os.memfd_create("sealed", os.MFD_ALLOW_SEALING)
    try:
        fcntl.fcntl(memfd, 1033, 0x8)  # F_ADD_SEALS, F_SEAL_WRITE
        with pytest.raises(PermissionError, match="memfd whose seals do not allow it") as caught:
            copy(file, memfd)
    finally:
        os.close(memfd)
    assert (caught.value.moved, caught.value.rest, file.tell()) == (0, b"", 0)


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="it aborts itself when memory runs out")
def test_memory_for_the_buffer(in_child, tmp_path, file):
    """A copy without memory for its buffer has taken no bytes."""

    def body():
        with open(tmp_path / "log", "ab") as log, open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
            # the buffer must not fit into free parts of the heap either
            hoard = []
            try:
                while True:
                    hoard.append(bytes(1 << 17))
            except MemoryError:
                # the buffer is of the C library's memory, which need not be Python's
                while support.libc.malloc(1 << 16):
                    pass
                copy(file, log)

    with pytest.raises(OutOfMemory) as caught:
        in_child(body)
    assert (caught.value.errno, file.tell()) == (errno.ENOMEM, 0)


# copy: signals, threads, forks


@pytest.mark.parametrize("pair", [closing_pair, tcp])
def test_handlers_run_while_a_copy_waits(pair, pipe):
    """A copy that waits for input or room goes on after handlers have run."""
    seen = []

    def handler(*_):
        seen.append(1)
        if len(seen) == 3:
            os.write(pipe.writing, b"bytes")
            pipe.close_writing()

    with pair() as (here, there):
        with alarms(handler):
            assert copy(pipe.reading, here) == 5
        assert there.recv(10) == b"bytes"
    assert len(seen) >= 3


def test_handlers_run_after_each_call_that_could_wait(sockets, pipe):
    """Handlers can run after each call that moves bytes."""
    here, _ = sockets
    os.write(pipe.writing, b"bytes")
    with Transfer(pipe.reading, here, None, None, None, None) as transfer:
        transfer.begin()
        assert transfer.step(1 << 20) == ()
        assert transfer.moved == 5
        assert transfer.step(1 << 20) == (pipe.reading, select.POLLIN)
    here.setblocking(False)
    os.write(pipe.writing, b"bytes")
    with Transfer(pipe.reading, here, None, None, None, None) as transfer:
        transfer.begin()
        assert transfer.step(1 << 20) == (pipe.reading, select.POLLIN)
        assert transfer.moved == 5


@pytest.mark.parametrize("nonblocking", [False, True], ids=["blocking", "nonblocking"])
@pytest.mark.parametrize("target", ["pipe", "unix", "tcp"])
@pytest.mark.parametrize("source", ["file", "pipe", "unix"])
def test_a_handler_ends_a_copy_without_loss(tmp_path, source, target, nonblocking):
    """A handler ends a copy to a full target, and no byte is lost."""
    with ExitStack() as stack:
        if target == "pipe":
            pipe = stack.enter_context(Pipe())
            fd_in, fd_out = pipe.reading, pipe.writing
        else:
            here, there = stack.enter_context(closing_pair() if target == "unix" else tcp())
            for end in (here, there):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            fd_in, fd_out = there.fileno(), here.fileno()
        os.set_blocking(fd_out, not nonblocking)
        reading, data = stack.enter_context(SOURCES[source](tmp_path))
        with pytest.raises(Enough) as caught, alarms(when_waiting(enough)):
            copy(reading, fd_out)
        if target == "pipe":
            pipe.close_writing()
        else:
            here.shutdown(socket.SHUT_WR)
        arrived = read_all(fd_in)
        left = read_all(reading if isinstance(reading, int) else reading.fileno())
    assert arrived == data[: caught.value.moved]
    assert arrived + caught.value.rest + left == data


def test_a_child_forked_in_the_middle(tmp_path, sockets):
    """A child that leaves a copy of its parent changes neither position nor bytes."""

    def progress(moved):
        if not children:
            children.append(os.fork())
            if children[0] == 0:
                raise SystemExit

    children = []
    with file_source(tmp_path) as (source, data), open(tmp_path / "log", "ab") as log:
        try:
            moved = copy(source, log, progress=progress)
        except SystemExit:
            os._exit(0)
        assert moved == len(data)
    assert os.waitpid(children[0], 0)[1] == 0
    assert (tmp_path / "log").read_bytes() == data


# copy: what it does to pipes


@pytest.mark.parametrize("size", [None, 4096, 1 << 18])
def test_a_pipe_grows_unless_its_size_was_chosen(pipe, sockets, size):
    """A pipe of the usual size grows if it is too small for a copy."""
    here, there = sockets
    if size:
        assert fcntl.fcntl(pipe.writing, F_SETPIPE_SZ, size) == size
    before = fcntl.fcntl(pipe.writing, F_GETPIPE_SZ)

    def read():
        # not before the pipe was full, which the copy might have had no occasion to see
        while select.select([], [pipe.writing], [], 0)[1] and fcntl.fcntl(pipe.writing, F_GETPIPE_SZ) == before:
            time.sleep(0.001)
        parts.append(read_all(pipe.reading))

    with running(lambda: (here.sendall(DATA), here.close())):
        parts = []
        with running(read):
            assert copy(there, pipe.writing) == len(DATA)
            capacity = fcntl.fcntl(pipe.writing, F_GETPIPE_SZ)
            pipe.close_writing()
    assert parts == [DATA]
    assert capacity == (size or 1 << 19)


def test_a_pipe_with_room_stays_as_it_is(file, pipe):
    """A copy that fits into a pipe keeps its size."""
    copy(file, pipe.writing)
    assert fcntl.fcntl(pipe.writing, F_GETPIPE_SZ) == CAPACITY


@contextmanager
def loop_device(image):
    """A block device whose bytes are those of the file *image*."""
    with open("/dev/loop-control", "rb") as control:
        fcntl.flock(control, fcntl.LOCK_EX)  # the tests may run twice at a time
        number = fcntl.ioctl(control, 0x4C82)  # LOOP_CTL_GET_FREE
        with open(f"/dev/loop{number}", "r+b", buffering=0) as device:
            fcntl.ioctl(device, 0x4C00, image.fileno())  # LOOP_SET_FD
            try:
                yield device
            finally:
                fcntl.ioctl(device, 0x4C01)  # LOOP_CLR_FD


@needs("CAP_SYS_ADMIN", when=os.path.exists("/dev/loop-control"), reason="needs a kernel with loop devices")
def test_a_block_device(tmp_path):
    """A block device is copied as a file, whose position moves."""
    with open(tmp_path / "image", "w+b") as image, open(tmp_path / "out", "w+b") as out:
        image.write(DATA[:2_000_000].ljust(1 << 21, b"\0"))
        image.flush()
        with loop_device(image) as device:
            assert copy(device, out, 1000, in_offset=512) == 1000
            assert device.tell() == 0
            assert copy(device, out) == 1 << 21
            assert os.pread(out.fileno(), 2_001_000, 0) == DATA[512:1512] + DATA[:2_000_000]
            out.seek(0)
            device.seek(4096)
            assert copy(out, device, 1000) == 1000
            assert device.tell() == 5096
            device.seek(4096)
            assert device.read(1000) == DATA[512:1512]
