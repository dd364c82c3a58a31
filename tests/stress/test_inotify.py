"""inotify under load: an event is lost only where an overflow says so."""

import contextlib
import gc
import os
import pathlib
import queue
import select
import signal
import sys
import tempfile
import threading

import pytest
import support

from butter import _descriptor, _inotify
from butter.errors import PathNotFound, sysctl
from butter.inotify import (
    IN_ATTRIB,
    IN_CREATE,
    IN_DELETE,
    IN_NONBLOCK,
    IN_Q_OVERFLOW,
    Inotify,
    inotify_add_watch,
    inotify_rm_watch,
)

pytestmark = pytest.mark.stress


@pytest.fixture
def directory():
    """A directory in memory, where there is one: a disk is slow and shared."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield pathlib.Path(name)


@contextlib.contextmanager
def another_process(body):
    """Run *body* in a forked child; the descriptor is readable when it has ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            body()
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        yield reading
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    assert status == 0


def ended(descriptor):
    return bool(select.select([descriptor], [], [], 0)[0])


def make_and_delete(directory, numbers):
    """Two events for each number: a file of this name is made, then deleted."""
    for number in numbers:
        path = f"{directory}/{number}"
        os.mknod(path)
        os.unlink(path)


def position(event):
    """Where in the order of make_and_delete an event stands."""
    return 2 * int(event.filename) + (event.mask == IN_DELETE)


def test_a_million_events(directory):
    """Each of a million events of another process comes, or an overflow instead."""
    count = 500_000
    events = overflows = expected = told = 0
    # An overflow that waits in the queue tells of all that is lost meanwhile, so a full
    # queue of events may lie between it and the last gap.
    waiting = sysctl("fs.inotify.max_queued_events")
    with Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(directory, IN_CREATE | IN_DELETE)
        with another_process(lambda: make_and_delete(directory, range(count))) as end:
            while True:
                # asked before the read: the events until then cannot come after it
                last = ended(end)
                batch = inotify.read_events()
                if not batch:
                    if last:
                        break
                    select.select([inotify, end], [], [])
                for event in batch:
                    if event.overflow_event:
                        assert event == (-1, IN_Q_OVERFLOW, 0, b"")
                        overflows, told = overflows + 1, waiting + 1
                        continue
                    here = position(event)
                    assert here == expected or (here > expected and told)
                    events, expected, told = events + 1, here + 1, max(0, told - 1)
    assert events > 0
    assert events == 2 * count or overflows
    assert expected == 2 * count or told


def test_a_slow_reader_is_told_of_overflows(directory):
    """A late reader gets a full queue and then the overflow, round after round."""
    limit = sysctl("fs.inotify.max_queued_events")
    with Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(directory, IN_CREATE | IN_DELETE)
        for _ in range(10):
            with another_process(lambda: make_and_delete(directory, range(limit // 2 + 100))) as end:
                select.select([end], [], [])
            events = []
            while batch := inotify.read_events():
                events += batch
            assert events.pop().overflow_event
            assert [position(event) for event in events] == list(range(limit))


def resident():
    """The memory of this process in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_million_objects(directory):
    """A million objects leave no descriptor, no memory and no entry in a table."""

    def use(times):
        for number in range(times):
            with Inotify(IN_NONBLOCK) as inotify:
                # some are used: a watch makes the close wait for the kernel
                if number % 1000 == 0:
                    inotify.watch(directory, IN_ATTRIB)
                    os.utime(directory)
                    inotify.read_event()
        gc.collect()

    use(500_000)
    before = resident(), support.descriptors(), len(_descriptor._told_of_forks), len(_inotify._buffers.free)
    use(500_000)
    after = resident(), support.descriptors(), len(_descriptor._told_of_forks), len(_inotify._buffers.free)
    assert after[1:] == before[1:]
    # The smallest object of CPython, leaked by each, would be 8 million bytes.
    # PyPy's heap breathes, so there it has to be an object with its state.
    assert after[0] - before[0] < (4_000_000 if sys.implementation.name == "cpython" else 64_000_000)


def test_a_hundred_thousand_timeouts(directory):
    """Events that come among waits that time out are all there, in order."""
    count, timeouts, found = 10_000, 0, []
    with Inotify() as inotify:
        inotify.watch(directory, IN_CREATE | IN_DELETE)

        def body():
            for number in range(count):
                make_and_delete(directory, [number])
                # so the reader meets an empty queue often
                select.select([], [], [], 0.0005)

        with another_process(body) as end:
            while True:
                last = ended(end)
                try:
                    found.append(position(inotify.wait(0.001 if timeouts % 100 == 0 else 0)))
                except TimeoutError:
                    timeouts += 1
                    if last and timeouts >= 100_000:
                        break
    assert found == list(range(2 * count))


@pytest.mark.parametrize("way", ["read_event", "read_events", "wait", "iterate", "mixed"])
@pytest.mark.parametrize("flags", [0, IN_NONBLOCK])
def test_eight_threads(directory, flags, way):
    """Eight threads on one object get each event once, whichever way they wait."""
    inotify = Inotify(flags)
    inotify.watch(directory, IN_CREATE | IN_DELETE)
    found = queue.SimpleQueue()

    def read_event():
        return [inotify.read_event()]

    def wait():
        return [inotify.wait(60)]

    def iterate():
        return [next(iter(inotify))]

    ways = {"read_event": read_event, "read_events": inotify.read_events, "wait": wait, "iterate": iterate}

    def work(call):
        while True:
            try:
                events = call()
            except BlockingIOError:
                events = []
            except BaseException as error:
                found.put(error)
                return
            if not events:
                select.select([inotify], [], [], 60)
            for event in events:
                if event.name == "stop":
                    found.put("stopped")
                    return
                found.put(position(event))

    calls = list(ways.values()) * 2 if way == "mixed" else [ways[way]] * 8
    threads = [threading.Thread(target=work, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    rounds, size = 20, 1000
    try:
        for number in range(rounds):
            # less than the queue holds, and all of it has come before the next begins
            make_and_delete(directory, range(number * size, (number + 1) * size))
            positions = [found.get(timeout=60) for _ in range(2 * size)]
            assert sorted(positions) == list(range(2 * number * size, 2 * (number + 1) * size))
    finally:
        for number in range(len(threads)):
            # one at a time: the thread that gets it leaves without looking for more
            if number % 2:
                os.unlink(directory / "stop")
            else:
                os.mknod(directory / "stop")
            while found.get(timeout=60) != "stopped":
                pass
        for thread in threads:
            thread.join()
    assert found.empty()
    assert inotify.pending == 0
    inotify.close()


@contextlib.contextmanager
def failing_timer(fd):
    """A signal handler makes failing system calls, a thousand a second; its calls."""
    calls = []

    def handler(*_):
        calls.append(None)
        with contextlib.suppress(OSError):
            os.close(-1)
        with contextlib.suppress(OSError):
            inotify_rm_watch(fd, 77)

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        yield calls
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize(
    ("flags", "read"),
    [
        (0, Inotify.read_event),
        (0, Inotify.wait),
        (0, lambda inotify: inotify.wait(60)),
        (IN_NONBLOCK, Inotify.wait),
        (IN_NONBLOCK, lambda inotify: inotify.wait(60)),
    ],
    ids=["read_event", "wait", "wait 60", "non-blocking wait", "non-blocking wait 60"],
)
def test_waits_under_a_timer(directory, flags, read):
    """Signals in blocking waits lose no event, and their errors stay their own."""
    count = 1000
    with Inotify(flags) as inotify, Inotify() as other:
        inotify.watch(directory, IN_CREATE | IN_DELETE)

        def body():
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            for number in range(count):
                make_and_delete(directory, [number])
                # longer than the timer's period, so that the reader is interrupted
                select.select([], [], [], 0.003)

        with another_process(body), failing_timer(other) as calls:
            for expected in range(2 * count):
                assert position(read(inotify)) == expected
    assert len(calls) > count


def test_thin_calls_under_a_timer():
    """The error of a call is its own, whatever a signal handler did in between."""
    with Inotify() as inotify, failing_timer(inotify) as calls:
        while len(calls) < 3000:
            with pytest.raises(PathNotFound):
                inotify_add_watch(inotify, "/nonexistent", IN_CREATE)


def wait_inside(thread, call):
    """Return when *thread* sleeps in a system call of *call* (x86_64, aarch64)."""
    while True:
        with open(f"/proc/self/task/{thread.native_id}/syscall") as file:
            if file.read().split()[0] in call:
                return
        assert thread.is_alive()
        os.sched_yield()


def test_close_while_a_thread_polls(directory):
    """A wait with a timeout does not read from the next owner of its number."""
    for number in range(200):
        inotify = Inotify()
        inotify.watch(directory, IN_CREATE)
        errors = []

        def work(inotify=inotify, errors=errors):
            try:
                inotify.wait(60)
            except ValueError as error:
                errors.append(str(error))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        wait_inside(thread, {"7", "73"})
        inotify.close()
        reading, writing = os.pipe()
        os.write(writing, b"someone else's")
        os.mknod(directory / str(number))
        thread.join(60)
        assert not thread.is_alive()
        assert errors == ["I/O operation on closed file"]
        assert os.read(reading, 100) == b"someone else's"
        os.close(reading)
        os.close(writing)


# this tests the danger that Python warns of
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_fork_while_threads_read(directory):
    """A child forked while threads read can read; the threads miss nothing."""
    count = 100
    with Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(directory, IN_CREATE | IN_DELETE)
        found = queue.SimpleQueue()

        def work():
            while True:
                event = inotify.wait()
                if event.name == "stop":
                    return
                found.put(position(event))

        def body():
            with Inotify() as own:
                own.watch(mine, IN_CREATE | IN_DELETE)
                make_and_delete(mine, range(10))
                return [position(own.read_event()) for _ in range(20)]

        mine = directory / "mine"
        mine.mkdir()
        assert inotify.wait(0).name == "mine"
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            with another_process(lambda: make_and_delete(directory, range(5000))):
                for _ in range(count):
                    assert support.in_child(body) == list(range(20))
            assert [found.get(timeout=60) for _ in range(10_000)] == list(range(10_000))
        finally:
            os.mknod(directory / "stop")
            thread.join()
