"""Rings of io_uring: the queue, completions, memory, the end, forks, threads."""

import contextlib
import errno
import gc
import itertools
import mmap
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
import support
from features import LONG
from support import in_child, in_place, needs
from support.completions import completions

from butter import _uring_completions, _uring_slots, uring
from butter._uring_files import FSYNC
from butter._uring_ring_c import ffi, lib
from butter.errors import InvalidArgument
from butter.uring import (
    IORING_ENTER_GETEVENTS,
    IORING_FEAT_NODROP,
    IORING_REGISTER_PROBE,
    IORING_SETUP_CQE32,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQE128,
    IORING_SETUP_SQPOLL,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
    Completion,
    FixedFile,
    Ring,
    UringOp,
    UringParams,
    io_uring_enter,
    io_uring_register,
    io_uring_setup,
)

pytestmark = needs(kernel=(5, 6))

SINGLE = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
#: each way to make a ring that changes how requests are submitted and completions read
WAYS = [
    pytest.param(0, id="plain"),
    pytest.param(SINGLE, id="deferred", marks=needs(kernel=(6, 1))),
    pytest.param(IORING_SETUP_SQPOLL, id="sqpoll", marks=needs(kernel=(5, 11))),
    pytest.param(IORING_SETUP_SQE128 | IORING_SETUP_CQE32, id="large", marks=needs(kernel=(5, 19))),
]


@pytest.fixture
def file(tmp_path):
    """A file of 64 KiB, whose pages differ."""
    path = tmp_path / "file"
    path.write_bytes(b"".join(bytes([page]) * 4096 for page in range(16)))
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


# the calls


def test_calls(file):
    """A ring is made, asked, and entered by the calls alone."""
    fd, params = io_uring_setup(5, UringParams(flags=0))
    assert params.sq_entries == 8
    assert params.cq_entries == 16
    assert params.features & IORING_FEAT_NODROP
    assert params.sq_off.array > 0
    assert params.cq_off.cqes > 0
    assert not os.get_inheritable(fd)
    assert io_uring_enter(fd, 0, 0) == 0
    probe = bytearray(16 + 8 * 256)
    assert io_uring_register(fd, IORING_REGISTER_PROBE, probe, 256) == 0
    assert probe[0] >= UringOp.OPENAT2
    os.close(fd)


@needs(kernel=(5, 11))
def test_enter_with_a_timeout():
    """The timeout of a wait counts in nanoseconds, also with a mask of signals."""
    fd, _ = io_uring_setup(2)
    for sigmask in None, [signal.SIGUSR1]:
        start = time.monotonic()
        with pytest.raises(OSError, match="too few completions"):
            io_uring_enter(fd, 0, 1, IORING_ENTER_GETEVENTS, sigmask, 5_000_000)
        assert time.monotonic() - start >= 0.005
    os.close(fd)


@pytest.mark.parametrize(
    ("entries", "flags", "words"),
    [
        (0, 0, "entries is 0"),
        (40_000, 0, "must be 1 to 32768"),
        (8, 1 << 30, "unknown flags 0x40000000"),
        pytest.param(
            *(8, IORING_SETUP_DEFER_TASKRUN, "needs the flag IORING_SETUP_SINGLE_ISSUER"), marks=needs(kernel=(6, 1))
        ),
        pytest.param(*(8, IORING_SETUP_SQPOLL | SINGLE, "leave the TASKRUN flags out"), marks=needs(kernel=(6, 1))),
    ],
)
def test_refused_parameters(entries, flags, words):
    """The error of a ring that cannot be says which parameter is wrong."""
    for make in (Ring, lambda entries, flags: io_uring_setup(entries, UringParams(flags=flags))):
        with pytest.raises(InvalidArgument, match=re.escape(words)) as caught:
            make(entries, flags)
        assert caught.value.errno == errno.EINVAL


def test_flags_for_the_call_alone():
    """Flags that change the memory of the queues are refused by the object."""
    with pytest.raises(ValueError, match="NO_MMAP: use io_uring_setup"):
        Ring(8, IORING_SETUP_NO_MMAP)


def test_cq_entries():
    """The queue of completions is as large as it was asked for."""
    with pytest.raises(InvalidArgument, match="cq_entries is 4"):
        Ring(8, cq_entries=4)
    with Ring(8, cq_entries=64) as ring:
        assert ring._ring.cq_entries == 64
        assert ring.entries == 8


def test_workers_of(ring):
    """A ring may share the workers of another."""
    with Ring(8, workers_of=ring) as other:
        other.nop(flags=IOSQE_ASYNC)
        assert other.wait(LONG).result == 0


# the queue


@pytest.mark.parametrize("flags", WAYS)
def test_reads_and_writes(flags, file):
    """Requests complete with what the kernel did, in each kind of ring."""
    with Ring(8, flags) as ring:
        for page in range(16):
            ring.pread(file, 4096, page * 4096, user_data=page)
        found = completions(ring, 16)
        assert {page: found[page].value for page in range(16)} == {page: bytes([page]) * 4096 for page in range(16)}
        ring.pwrite(file, b"new", 5, user_data="written")
        assert ring.wait(LONG)[:4] == ("written", 3, 0, b"new")
        ring.pread(file, 3, 5)
        assert ring.wait(LONG).value == b"new"
        assert ring.in_flight == ring.queued == 0


def test_a_number_for_each_request(ring):
    """Each request has a number of its own, which its completion has."""
    requests = [ring.nop(user_data=index) for index in range(5)]
    assert len(set(requests)) == 5
    assert {found.user_data: found.request for found in completions(ring, 5).values()} == dict(enumerate(requests))


def test_user_data_is_any_object(ring):
    """The user_data of a completion is the object itself."""
    marker = {}
    ring.nop(marker)
    assert ring.wait(LONG).user_data is marker


def test_queued_until_submitted(ring, pipe):
    """A request is handed over by submit, and not before."""
    os.write(pipe[1], b"x")
    ring.pread(pipe[0], 1)
    assert (ring.queued, ring.in_flight) == (1, 1)
    ring.submit()
    assert ring.queued == 0
    assert ring.read_event().value == b"x"


def test_wait_submits_first(ring):
    """A wait hands over what is queued, also where events wait in the object."""
    ring.nop(1)
    ring.nop(2)
    assert ring.wait(LONG).user_data == 1
    assert ring.pending == 1
    ring.nop(3)
    assert ring.queued == 1
    assert ring.wait(LONG).user_data == 2
    assert ring.queued == 0
    ring.nop(4)
    assert [found.user_data for found in ring.read_events()] == [3, 4]


def test_wait_submits_all(file, monkeypatch):
    """Also before Linux 5.18, where a step ends with a request that is refused."""
    monkeypatch.setattr(uring, "IORING_SETUP_SUBMIT_ALL", 0)
    with Ring(8) as ring:
        ring._queue(FSYNC, file, op_flags=99, user_data="refused")
        ring.nop("first")
        ring.nop("second")
        assert ring.wait().user_data == "refused"
        assert ring.queued == 0
        assert [ring.wait(LONG).user_data for _ in range(2)] == ["first", "second"]


def test_wait_of_a_ring_that_does_not_block(ring, pipe):
    """It waits too, and takes several completions that are there."""
    os.set_blocking(ring.fileno(), False)
    ring.pread(pipe[0], 10, user_data="read")
    thread = threading.Timer(0.05, os.write, (pipe[1], b"x"))
    thread.start()
    assert ring.wait().value == b"x"
    thread.join()
    ring.nop("first")
    ring.nop("second")
    assert [ring.wait().user_data for _ in range(2)] == ["first", "second"]


def test_a_full_queue_submits(ring):
    """A request that finds the queue full submits it, and completions are kept."""
    for index in range(1000):
        ring.nop(index)
    assert ring.in_flight == 1000
    assert sorted(completions(ring, 1000)) == list(range(1000))


@pytest.mark.parametrize("flag", [IOSQE_IO_LINK, IOSQE_IO_HARDLINK])
def test_a_chain_longer_than_the_queue(ring, flag):
    """A chain is never cut by a submission: a longer one is an error."""
    for _ in range(8):
        ring.nop(flags=flag)
    with pytest.raises(ValueError, match=r"chain of linked requests is longer than the queue \(8 entries\)"):
        ring.nop()
    ring.submit()
    ring.nop("next")
    assert "next" in completions(ring, 9)


@pytest.mark.parametrize("flag", [IOSQE_IO_LINK, IOSQE_IO_HARDLINK])
@pytest.mark.parametrize("before", range(9))
def test_a_chain_in_a_queue_that_is_almost_full(ring, pipe, before, flag):
    """A chain as long as the queue stays whole: what is before it makes room."""
    for index in range(before):
        ring.nop(index)
    ring.pread(pipe[0], 1, user_data="first", flags=flag)
    for _ in range(6):
        ring.nop(flags=flag)
    ring.nop("last")
    ring.submit()
    assert sorted(completions(ring, before)) == list(range(before))
    with pytest.raises(TimeoutError):
        ring.wait(0)
    os.write(pipe[1], b"x")
    assert {"first", "last"} <= set(completions(ring, 8))


def test_linked(ring, file, pipe):
    """A linked request waits for the one before it, and ends with it."""
    ring.pread(pipe[0], 3, user_data="read", flags=IOSQE_IO_LINK)
    ring.pwrite(file, b"linked", 0, user_data="write")
    ring.submit()
    assert os.pread(file, 6, 0) == bytes(6)
    os.write(pipe[1], b"xyz")
    assert completions(ring, 2)["write"].result == 6
    assert os.pread(file, 6, 0) == b"linked"
    # a short read breaks the chain
    ring.pread(file, 10, 1 << 30, user_data="read", flags=IOSQE_IO_LINK)
    ring.pwrite(file, b"broken", 0, user_data="write")
    found = completions(ring, 2)
    assert found["read"].value == b""
    assert found["write"].error.errno == errno.ECANCELED


@needs(kernel=(6, 18))  # Linux 6.1 looks when it is submitted
@pytest.mark.parametrize("flags", [(IOSQE_IO_LINK, 0), (0, IOSQE_IO_DRAIN)])
def test_a_descriptor_that_is_closed_before_its_request_begins(ring, file, pipe, flags):
    """A request that waits for others looks its descriptor up after them."""
    closed = os.dup(file)
    ring.pread(pipe[0], 1, flags=flags[0])
    ring.pread(closed, 1, 0, user_data="closed", flags=flags[1])
    ring.submit()
    os.close(closed)
    os.write(pipe[1], b"x")
    assert completions(ring, 2)["closed"].error.errno == errno.EBADF


def test_a_descriptor_that_the_program_has_closed_itself():
    """Closing a ring closes the descriptors in its completions that are still open."""
    with Ring() as ring:
        for _ in range(2):
            ring.open(os.devnull, os.O_RDONLY)
        found = [ring.wait(LONG), ring.wait(LONG)]
        os.close(found[0].result)
        ring._batch.extend(found)  # as if nothing had taken them
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(found[1].result)


def test_drained(ring, pipe):
    """A drained request begins when all before it have completed."""
    ring.pread(pipe[0], 1, user_data="read")
    ring.nop("drained", flags=IOSQE_IO_DRAIN)
    ring.submit()
    with pytest.raises(TimeoutError):
        ring.wait(0)
    os.write(pipe[1], b"x")
    assert [found.user_data for found in itertools.islice(ring, 2)] == ["read", "drained"]


@pytest.mark.parametrize("flags", [IOSQE_CQE_SKIP_SUCCESS, 1 << 7, 1])
def test_flags_of_requests(ring, flags):
    """Flags that would take a completion or a buffer away are refused."""
    with pytest.raises(ValueError, match="the flags of a request may be IO_DRAIN"):
        ring.nop(flags=flags)
    assert ring.in_flight == 0


def test_arguments(ring, file):
    """Wrong arguments raise before anything is queued."""
    for error, call in [
        (TypeError, lambda: ring.pread("file", 1, 0)),
        (TypeError, lambda: ring.pread(file, "text", 0)),
        (TypeError, lambda: ring.pwrite(file, "text", 0)),
        (TypeError, lambda: ring.pread(file, 1, 1.5)),
        (TypeError, lambda: ring.pread(file, 1, 0, rw_flags=None)),
        (TypeError, lambda: ring.pread(file, 1, 0, flags=None)),
        (TypeError, lambda: ring.nop(flags="1")),
        (ValueError, lambda: ring.pread(file, -1, 0)),
        (ValueError, lambda: ring.pread(file, 1, -1)),
        (ValueError, lambda: ring.pread(file, 1, 1 << 63)),
        (ValueError, lambda: ring.pread(1 << 31, 1, 0)),
        (ValueError, lambda: ring.timeout(-1)),
        (ValueError, lambda: ring.timeout(float("nan"))),
        (TypeError, lambda: ring.timeout("1")),
        (BufferError, lambda: ring.pread(file, b"read-only", 0)),
        (ValueError, lambda: FixedFile(-1)),
    ]:
        with pytest.raises(error):
            call()
    assert ring.in_flight == 0
    assert ring._slots == {}


def test_buffers_that_cannot_be_used(ring, file):
    """The sentence says what is wrong with a buffer."""
    for method in (ring.pread, ring.pwrite):
        with pytest.raises(TypeError, match="a buffer must be a bytes-like object, not str"):
            method(file, "text", 0)
    with pytest.raises(BufferError, match="a buffer of type bytes cannot be written"):
        ring.pread(file, b"read-only", 0)
    assert ring.in_flight == 0


def test_errors(ring):
    """A failed request has an exception, whose words begin with its method."""
    ring.pread(9999, 1, 0)
    completion = ring.wait(LONG)
    assert completion.result == -errno.EBADF
    assert isinstance(completion.error, InvalidArgument)
    with pytest.raises(InvalidArgument, match=r"pread: the descriptor is not open"):
        completion.value  # noqa: B018
    assert repr(completion) == "Completion(pread, user_data=None, result=-9, flags=0)"


# memory


@in_place
def test_a_buffer_cannot_be_resized(ring, pipe):
    """A bytearray keeps its size until the completion, also after a cancellation."""
    buffer = bytearray(4)
    request = ring.pread(pipe[0], buffer)
    with pytest.raises(BufferError):
        buffer.extend(b"more")
    ring.submit()
    ring.cancel(request, "cancel")
    ring.submit()
    with pytest.raises(BufferError):
        buffer.clear()
    found = completions(ring, 2)
    assert found[None].error.errno == errno.ECANCELED
    assert found["cancel"].error is None
    assert found[None].buffer is buffer
    buffer.extend(b"more")


def test_buffers_live_until_the_completion(ring, pipe):
    """A request keeps its buffer, and the last completion returns it."""
    ring.pread(pipe[0], bytearray(5))
    ring.submit()
    gc.collect()
    assert len(ring._slots) == 1
    os.write(pipe[1], b"alive")
    completion = ring.wait(LONG)
    assert completion.buffer == b"alive"
    assert completion.value == b"alive"
    assert ring._slots == {}


@in_place
def test_a_mapped_buffer_cannot_be_closed(ring, pipe):
    """A mapping stays while a request uses it."""
    with mmap.mmap(-1, 4096) as memory:
        request = ring.pread(pipe[0], memory)
        ring.submit()
        with pytest.raises(BufferError):
            memory.close()
        ring.cancel(request)
        found = list(itertools.islice(ring, 2))
        assert {completion.operation.name for completion in found} == {"pread", "cancel"}


def test_descriptor_objects_live_until_the_completion(ring, tmp_path):
    """A file that only the request refers to is not closed by the garbage collector."""
    (tmp_path / "file").write_bytes(b"content")
    ring.pread(open(tmp_path / "file", "rb"), 7, 0)  # noqa: SIM115
    gc.collect()
    assert ring.in_flight == 1
    with pytest.warns(ResourceWarning):
        support.forget([ring.wait(LONG)])


@pytest.mark.parametrize("flags", WAYS)
@pytest.mark.parametrize("submitted", [True, False])
def test_closing_ends_requests(flags, submitted, pipe):
    """After a close no request writes into its buffer, and no memory is kept."""
    buffer = bytearray(4)
    ring = Ring(8, flags)
    ring.pread(pipe[0], buffer)
    if submitted:
        ring.submit()
    ring.close()
    os.write(pipe[1], b"late")
    assert buffer == bytes(4)
    assert os.read(pipe[0], 4) == b"late"
    assert ring._slots == {}
    assert _uring_slots.abandoned == []
    del ring
    buffer.extend(b"more")


@pytest.mark.parametrize("end", ["forgotten", "closed"])
def test_closing_waits_for_a_worker(end, tmp_path):
    """A request that a worker of the kernel is busy with ends, too."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    box = [Ring(8)]
    box[0].pread(fd, 4, flags=IOSQE_ASYNC)
    box[0].submit()
    if end == "closed":
        box[0].close()
    else:
        with pytest.warns(ResourceWarning, match="unclosed"):
            support.forget(box)
    os.close(fd)
    assert _uring_slots.abandoned == []


def test_closing_drops_what_was_read(ring):
    """Completions that nothing has taken are gone with the ring."""
    ring.nop()
    ring.nop()
    ring.read_event()
    assert ring.pending == 1
    ring.close()
    assert ring.pending == 0
    for method in (ring.nop, ring.submit, lambda: ring.queued, lambda: ring.entries):
        with pytest.raises(ValueError, match="closed file"):
            method()


def test_exit_of_the_interpreter():
    """A program may end with requests under way."""
    program = """
import os, sys
from butter.uring import Ring
ring, buffer = Ring(8), bytearray(1 << 16)
pipe = os.pipe()
for _ in range(8):
    ring.pread(pipe[0], buffer)
ring.submit()
sys.stdout.write("done")
"""
    command = [sys.executable, "-W", "ignore", "-X", "dev", "-c", support.same_path(program)]
    env = {**os.environ, "PYTHONMALLOC": "debug"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done", "")


@in_place
@needs(kernel=(6, 1))
def test_another_thread_closes_a_ring_of_one_thread(pipe):
    """Where only another thread could end a request, its memory is kept for ever."""
    ring, buffer = Ring(8, SINGLE), bytearray(4)
    ring.pread(pipe[0], buffer)
    ring.submit()
    thread = threading.Thread(target=ring.close)
    thread.start()
    thread.join(LONG)
    assert ring.closed()
    assert [len(slots) for slots, _ in _uring_slots.abandoned] == [1]
    with pytest.raises(BufferError):
        buffer.extend(b"more")
    _uring_slots.abandoned.clear()


@needs(kernel=(5, 19))
def test_a_close_cancels_what_a_worker_of_the_polling_thread_does(pipe):
    """With SQPOLL, a read that a worker of the kernel waits for ends too."""
    ring = Ring(8, IORING_SETUP_SQPOLL)
    ring.pread(pipe[0], 4, flags=IOSQE_ASYNC)
    ring.nop("taken")
    assert ring.wait(LONG).user_data == "taken"
    begun = time.monotonic()
    ring.close()
    assert _uring_slots.abandoned == []
    assert time.monotonic() - begun < _uring_slots.PATIENCE


@needs(kernel=(5, 11))
@pytest.mark.parametrize("count", [4, 5])
def test_a_polled_ring_that_is_disabled(count):
    """A full queue raises, and closing takes back what is there."""

    def stop(*_):
        raise TimeoutError

    with Ring(4, IORING_SETUP_SQPOLL | IORING_SETUP_R_DISABLED) as ring:
        begun = time.monotonic()
        for _ in range(4):
            ring.nop()
        if count > 4:
            with support.alarms(stop, 1.0), pytest.raises(InvalidArgument, match=r"Ring\.enable"):
                ring.nop()
        # the thread of the kernel may sleep already, and cannot be woken
        with contextlib.suppress(InvalidArgument):
            ring.submit()
    assert _uring_slots.abandoned == []
    assert time.monotonic() - begun < _uring_slots.PATIENCE


def test_mappings_are_not_inherited(ring):
    """The queues are not mapped in a forked child."""

    def flags():
        with open("/proc/self/smaps") as file:
            parts = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", file.read())
        return [re.search("VmFlags: (.*)", part)[1].split() for part in parts if "io_uring" in part.split("\n")[0]]

    assert flags()
    assert all("dc" in each for each in flags())
    assert in_child(lambda: len(flags())) == 0


def test_a_forked_child_does_not_have_the_ring(ring, pipe):
    """The copy in a child is closed, and the parent's requests go on."""
    buffer = bytearray(4)
    ring.pread(pipe[0], buffer)
    ring.nop("pending")
    ring.nop("pending")
    ring.submit()
    assert ring.wait(LONG).user_data == "pending"

    def body():
        assert ring.closed()
        assert ring.pending == 0
        for method in (ring.nop, ring.submit, ring.read_event, ring.close):
            with pytest.raises(ValueError, match="closed file"):
                method()
        with Ring(2) as own:
            own.nop()
            own.wait(LONG)
        gc.collect()

    in_child(body)
    os.write(pipe[1], b"goes")
    assert {ring.wait(LONG).user_data, ring.wait(LONG).user_data} == {"pending", None}
    assert buffer == b"goes"


def test_adopt():
    """A ring takes over another, with its requests; a bare descriptor is refused."""
    with Ring(8) as ring:
        with pytest.raises(InvalidArgument, match="a Ring consists of more"):
            Ring.adopt(ring.fileno())
        ring.nop("first")
        with Ring.adopt(ring) as other:
            assert ring.closed()
            assert other.wait(LONG).user_data == "first"
            other.nop("second")
            assert other.wait(LONG).user_data == "second"


# threads and signals


def test_threads_queue_and_wait():
    """Threads that share a ring get each completion once."""
    taken, count = [], 2000
    with Ring(16) as ring:
        os.set_blocking(ring.fileno(), False)

        def work(number):
            for index in range(count):
                ring.nop((number, index))
                if not index % 7:
                    taken.extend(ring.read_events())

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        while ring.in_flight or ring.pending:
            taken.append(ring.wait(LONG))
    assert sorted(found.user_data for found in taken) == [
        (number, index) for number in range(4) for index in range(count)
    ]


@needs(kernel=(5, 13))
def test_a_thread_reads_the_last_completion_first(pipe):
    """The completions that another thread has taken before keep their request."""
    others = []

    class Slow(Ring):
        def _made(self, found):
            if not others:
                others.append(None)
                self.cancel(request, "cancel")
                reader = threading.Thread(target=lambda: others.extend(itertools.islice(self, 2)))
                reader.start()
                reader.join(LONG)
            return super()._made(found)

    with Slow(8) as ring:
        request = ring.poll(pipe[0], select.POLLIN, "poll", multishot=True)
        ring.submit()
        os.write(pipe[1], b"x")
        first = ring.wait(LONG)
        assert (first.user_data, first.request, first.more) == ("poll", request, True)
        assert {event.user_data: event.more for event in others[1:]} == {"poll": False, "cancel": False}
        assert all(event.flags == 0 for event in others[1:])
        assert ring._slots == ring._held == {}


def test_a_close_right_after_a_read():
    """A thread whose read has found completions gets ValueError, and no messages."""

    class Slow(Ring):
        def _made(self, found):
            closer = threading.Thread(target=self.close)
            closer.start()
            closer.join(LONG)
            return super()._made(found)

    ring = Slow(8)
    ring.nop("first")
    ring.nop("second")
    with pytest.raises(ValueError, match="closed"):
        ring.read_events()
    assert ring.closed()


@pytest.mark.parametrize("flags", WAYS)
def test_a_wait_with_a_timeout_ends_with_a_completion(flags, pipe):
    """A wait is woken by what comes later, and not only at the end of its time."""
    with Ring(8, flags) as ring:
        start = time.monotonic()
        for _ in range(3):
            ring.pread(pipe[0], 1)
            timer = threading.Timer(0.005, os.write, (pipe[1], b"x"))
            timer.start()
            assert ring.wait(LONG).value == b"x"
            timer.join()
        assert time.monotonic() - start < LONG
        with pytest.raises(TimeoutError):
            ring.wait(0.005)
        with pytest.raises(ValueError, match="negative"):
            ring.wait(-1)


def test_a_close_wakes_a_thread_that_waits():
    """A thread that waits in the kernel gets ValueError when the ring is closed."""
    ring, errors = Ring(8), []

    def wait():
        try:
            ring.read_event()
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while lib.butter_ring_in_flight(ring._ring) or not _is_waiting(thread):
        time.sleep(0.001)
    ring.close()
    thread.join(LONG)
    assert not thread.is_alive()
    assert "closed file" in str(errors[0])


def _is_waiting(thread):
    with contextlib.suppress(OSError), open(f"/proc/self/task/{thread.native_id}/syscall") as call:
        return call.read().split()[0] == str(support.number_of("io_uring_enter"))
    return False


def test_a_handler_that_raises_loses_no_completion():
    """At each moment a completion is in the object, or was returned."""
    for moment in support.moments():
        with Ring(8) as ring:
            ring.nop("first")
            ring.nop("second")
            taken = []
            came = support.interrupt_between(lambda ring=ring, taken=taken: taken.extend(ring.read_events()), moment)
            while ring.pending or ring.in_flight:
                taken.append(ring.wait(LONG))
            # a list that was returned to the interrupted code is its own
            assert [found.user_data for found in taken] in (["first", "second"], [])
            assert taken or came
            assert ring._slots == {}
        if not came:
            break
    assert moment > 5


def test_a_handler_that_raises_in_wait_loses_no_completion():
    """At each moment the completion is in the object, or was returned."""
    for moment in support.moments():
        with Ring(8) as ring:
            ring.nop("only")
            taken = []
            came = support.interrupt_between(lambda ring=ring, taken=taken: taken.append(ring.wait()), moment)
            while ring.pending or ring.in_flight:
                taken.append(ring.wait(LONG))
            assert [found.user_data for found in taken] == ["only"]
            assert ring._slots == {}
        if not came:
            break
    assert moment > 5


# parsing


def test_completions_of_unknown_requests(ring):
    """A completion that belongs to no request is a message, and frees no memory."""
    found = _uring_completions.Completions()
    found.struct.count = 1
    found.struct.found[0].user_data = 999
    assert [event[:3] for event in ring._made(found)] == [(999, 0, 0)]
    assert ffi.sizeof("butter_cqe") == 16


def test_names():
    """The public module has the classes that its methods return."""
    assert {"Completion", "Ring", "FixedFile", "Operation"} <= set(uring.__all__)
    assert Completion._fields[:4] == ("user_data", "result", "flags", "buffer")
