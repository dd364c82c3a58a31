"""Many reads by one call of a ring."""

import itertools
import os
import sys
import threading
import time
from array import array

import pytest
import support
from features import LONG
from support import in_place, needs

from butter.errors import InvalidArgument
from butter.uring import IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER, IOSQE_IO_LINK, Ring

pytestmark = needs(kernel=(5, 6))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 16)
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def requests(fd, count):
    return [(fd, 10, 7 * index) for index in range(count)]


def expected(count):
    content = bytes(range(256)) * 16
    return [content[7 * index : 7 * index + 10] for index in range(count)]


@pytest.mark.parametrize("count", [1, 8, 9, 500])
def test_many(ring, file, count):
    """All reads are made, in their order, also more than the queue holds."""
    assert ring.read_many(requests(file, count)) == expected(count)
    buffer = bytearray(10 * count)
    assert ring.read_many(requests(file, count), buffer) == [10] * count
    assert buffer == b"".join(expected(count))
    packed = array("q", itertools.chain.from_iterable(requests(file, count)))
    assert ring.read_many(packed) == expected(count)
    assert ring.in_flight == ring.pending == 0
    assert ring._left == {}


@needs(kernel=(6, 1))
def test_many_of_a_deferred_ring(file):
    """A ring of one thread makes them, too."""
    with Ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) as ring:
        assert ring.read_many(requests(file, 50)) == expected(50)


def test_objects_and_sizes(ring, file):
    """A descriptor may be an object, a size 0, and a read short."""
    with os.fdopen(os.dup(file), "rb") as opened:
        assert ring.read_many([(opened, 3, 1), (file, 0, 5), (file, 100, 4090)]) == [
            b"\1\2\3",
            b"",
            bytes(range(250, 256)),
        ]
    assert ring.read_many([]) == []


def test_files_that_only_the_requests_refer_to(ring, tmp_path):
    """They stay open until they were read."""

    class File:
        def __init__(self, path):
            self.fd = os.open(path, os.O_RDONLY)

        def fileno(self):
            return self.fd

        def __del__(self):
            os.close(self.fd)

    (tmp_path / "file").write_bytes(b"abc")
    assert ring.read_many((File(tmp_path / "file"), 3, 0) for _ in range(2)) == [b"abc", b"abc"]


def test_requests_that_change_meanwhile(pipe):
    """Reads that are queued later have the sizes that were checked."""
    with Ring(1) as ring:
        packed = array("q", [pipe[0], 1, 0, pipe[0], 1, 0])
        buffer = bytearray(8)
        thread = threading.Thread(target=ring.read_many, args=(packed, memoryview(buffer)[:2]))
        thread.start()
        while not ring.in_flight:
            time.sleep(0.001)
        packed[4] = 8
        os.write(pipe[1], b"abcdefgh")
        thread.join(LONG)
    assert buffer == b"ab" + bytes(6)


def test_errors_in_their_place(ring, file):
    """A read that has failed has its exception in the list."""
    first, second, third = ring.read_many([(file, 2, 1), (9999, 2, 0), (file, 2, 3)])
    assert (first, third) == (b"\1\2", b"\3\4")
    assert isinstance(second, InvalidArgument)
    found = ring.read_many([(9999, 2, 0), (file, 2, 1)], bytearray(4))
    assert isinstance(found[0], InvalidArgument)
    assert found[1] == 2


@pytest.mark.parametrize(
    ("wrong", "buffer", "error", "words"),
    [
        ([0, 1, 0], None, TypeError, "each request is a descriptor, a size and an offset"),
        ([(0, 1)], None, ValueError, "a descriptor, a size and an offset"),
        (array("q", [0, 1, 0, 0]), None, ValueError, "a descriptor, a size and an offset"),
        ([(0, -1, 0)], None, ValueError, "size is -1"),
        ([(0, 1, -1)], None, ValueError, "offset is -1"),
        ([(1 << 40, 1, 0)], None, ValueError, "fd is"),
        ([(0, 1 << 80, 0)], None, ValueError, "size is"),
        ([(0, "1", 0)], None, TypeError, "size must be an int"),
        ([("0", 1, 0)], None, TypeError, "fd must be"),
        ([(0, 5, 0), (0, 6, 0)], bytearray(10), ValueError, "has 10 bytes, and the requests ask for 11"),
    ],
)
def test_wrong_requests(ring, wrong, buffer, error, words):
    """Requests that cannot be raise before any is made."""
    with pytest.raises(error, match=words):
        ring.read_many(wrong, buffer)
    assert ring.in_flight == 0


def test_a_closed_ring(ring, file):
    """A ring that is closed, or was taken over, reads nothing."""
    with Ring.adopt(ring) as other:
        with pytest.raises(ValueError, match="closed file"):
            ring.read_many(requests(file, 1))
        assert other.read_many(requests(file, 1)) == expected(1)
    for wanted in requests(file, 1), []:
        with pytest.raises(ValueError, match="closed file"):
            other.read_many(wanted)


def test_an_open_chain(ring, file):
    """A batch does not become a part of a chain that is being queued."""
    ring.nop(flags=IOSQE_IO_LINK)
    with pytest.raises(ValueError, match="chain of linked requests is open"):
        ring.read_many(requests(file, 1))
    ring.submit()
    assert ring.read_many(requests(file, 1)) == expected(1)


def test_other_completions_wait(ring, file):
    """Completions of other requests come into the object meanwhile."""
    ring.nop("first")
    ring.submit()
    ring.nop("second")
    assert ring.read_many(requests(file, 20)) == expected(20)
    assert [ring.wait(LONG).user_data, ring.wait(LONG).user_data] == ["first", "second"]


def test_threads(file):
    """Threads that share a ring make batches and requests at the same time."""
    with Ring(8) as ring:
        os.set_blocking(ring.fileno(), False)
        wrong, taken = [], []

        def batches():
            wrong.extend(1 for _ in range(100) if ring.read_many(requests(file, 30)) != expected(30))

        def singles():
            for index in range(1000):
                ring.nop(index)
                taken.extend(ring.read_events())

        threads = [threading.Thread(target=each) for each in (batches, singles, batches, singles)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        while ring.in_flight or ring.pending:
            taken.append(ring.wait(LONG))
    assert not wrong
    assert sorted(each.user_data for each in taken) == sorted([*range(1000)] * 2)


@in_place
def test_a_handler_that_raises(file, pipe):
    """A batch that a handler ends keeps its memory until its reads have completed."""
    buffer = bytearray(10)

    def stop(*_):
        # the reads may not have begun yet
        if ring.in_flight == 2:
            raise TimeoutError("of the handler")

    with Ring(8) as ring:
        with support.alarms(stop, 0.01), pytest.raises(TimeoutError, match="of the handler"):
            ring.read_many([(pipe[0], 5, 0), (pipe[0], 5, 0)], buffer)
        assert ring.in_flight == 2
        with pytest.raises(BufferError):
            buffer.clear()
        os.write(pipe[1], b"0123456789")
        while ring.in_flight:
            ring.nop()
            ring.wait(LONG)
        assert ring.read_many(requests(file, 1)) == expected(1)
        assert ring._left == {}
        # the order of the two is the kernel's
        assert {bytes(buffer[:5]), bytes(buffer[5:])} == {b"01234", b"56789"}
        buffer.clear()


def raises_at(names, call, *args):
    """Make a call in which a handler raises beside functions with these names."""

    def profile(frame, event, arg):
        name = frame.f_code.co_name if event == "call" else getattr(arg, "__name__", "")
        if event in ("call", "c_return") and name in names:
            sys.setprofile(None)
            raise TimeoutError("of the handler")

    sys.setprofile(profile)
    try:
        return call(*args)
    except TimeoutError:
        return []
    finally:
        sys.setprofile(None)


@in_place
@pytest.mark.parametrize("name", ["popleft", "extend", "give"])
def test_completions_that_wait_are_not_lost_where_a_handler_raises(ring, monkeypatch, name):
    """A handler that raises while a full buffer is emptied does not lose it."""

    def fails(_found):
        raise MemoryError

    ring.nop("first")
    with monkeypatch.context() as patch:
        patch.setattr(ring, "_made_one", fails)
        with pytest.raises(MemoryError):
            ring._read(1)
    events = raises_at([name], ring._read, 1)
    ring.nop("second")
    events += ring._read(1) if events else [ring.wait(LONG)]
    assert events[0].user_data == "first"


def test_a_close_ends_a_batch(pipe):
    """A thread that reads many gets ValueError when the ring is closed."""
    ring, errors = Ring(8), []

    def read():
        try:
            ring.read_many([(pipe[0], 5, 0)])
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not ring.in_flight:
        pass
    ring.close()
    thread.join(LONG)
    assert not thread.is_alive()
    # the read may have been cancelled before the thread learned of the close
    assert [str(error) for error in errors] in ([], ["I/O operation on closed file"])
