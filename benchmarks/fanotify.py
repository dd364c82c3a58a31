"""Reading fanotify events: with descriptors, with handles, and with an answer.

Where the environment has ``BUTTER_0_13=/tmp/old/bin/python``, butter 0.13.1 takes its
turn too. It has to be installed in the venv of that interpreter, by
``/tmp/old/bin/pip install butter==0.13.1``.
"""

from __future__ import annotations

import gc
import operator
import os
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.floor import Floor
from benchmarks.runner import LOOPS, Comparison, NewLoop, Sample
from butter.asyncio.fanotify import Fanotify_async
from butter.clone import CLONE_NEWNS, unshare
from butter.fanotify import (
    FAN_ALLOW,
    FAN_CLASS_CONTENT,
    FAN_CREATE,
    FAN_MARK_FILESYSTEM,
    FAN_NONBLOCK,
    FAN_OPEN,
    FAN_OPEN_PERM,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_FID,
    FAN_UNLIMITED_QUEUE,
    Fanotify,
    close_events,
)
from butter.system import MS_PRIVATE, MS_REC, mount

EVENTS = 4000
ANSWERS = 500
DIRECTORIES = 100_000

#: the interpreter that has butter 0.13.1
OLD = os.environ.get("BUTTER_0_13")
OLD_DRAIN = """
import os, sys, time
from butter.fanotify import Fanotify
fanotify = Fanotify.__new__(Fanotify)
fanotify._fd, fanotify._events, count = int(sys.argv[1]), [], 0
start = time.perf_counter_ns()
while count < int(sys.argv[2]):
    for event in fanotify.read_events():
        event.close()
        count += 1
print(time.perf_counter_ns() - start)
"""

floor = Floor(
    "floor_fanotify",
    "long drain(int fd, long count); long look(int fd, long count); void answer(int fd, long count);",
    """
    #include <stdint.h>
    #include <string.h>
    #include <unistd.h>

    struct event {
        uint32_t length;
        uint8_t version, reserved;
        uint16_t metadata_length;
        uint64_t mask;
        int32_t fd, pid;
    };

    struct record {
        uint8_t type, pad;
        uint16_t length;
        int32_t fsid[2];
        uint32_t handle_size;
        int32_t handle_type;
    };

    /* Copy the handle and the name of each record, and return something of them. */
    static long look_at(const struct event *event)
    {
        const char *place = (const char *)event + event->metadata_length;
        const char *end = (const char *)event + event->length;
        long sum = 0;
        while (place < end) {
            const struct record *record = (const struct record *)place;
            char handle[128], name[256];
            uint32_t length = record->handle_size;
            memcpy(handle, place + sizeof *record, length);
            sum += record->fsid[0] + record->handle_type + handle[length - 1];
            if (sizeof *record + length < record->length) {
                strncpy(name, place + sizeof *record + length, sizeof name - 1);
                sum += name[0];
            }
            place += record->length;
        }
        return sum;
    }

    static inline long drained(int fd, long count, char *data, size_t most, int look)
    {
        long seen = 0, sum = 0;
        while (seen < count) {
            ssize_t size = read(fd, data, most), at = 0;
            if (size < 0)
                break;
            while (at < size) {
                const struct event *event = (const struct event *)(data + at);
                if (look)
                    sum += look_at(event);
                sum += event->mask + event->pid + data[at + event->length - 1];
                at += event->length;
                if (event->fd >= 0)
                    close(event->fd);
                seen++;
            }
        }
        return seen + (sum == 1);
    }

    static long drain(int fd, long count)
    {
        char data[4096];
        return drained(fd, count, data, sizeof data, 0);
    }

    /* The same, with the handle and the name of each event. */
    static long look(int fd, long count)
    {
        char data[16384];
        return drained(fd, count, data, sizeof data, 1);
    }

    static void answer(int fd, long count)
    {
        struct event event;
        for (long i = 0; i < count; i++) {
            if (read(fd, &event, sizeof event) != sizeof event)
                return;
            int32_t answer[2] = {event.fd, 1};
            if (write(fd, answer, sizeof answer) != sizeof answer)
                return;
            close(event.fd);
        }
    }
    """,
)


@contextmanager
def filled(flags: int, events: int) -> Iterator[Fanotify]:
    """Yield an object in whose queue EVENTS events wait."""
    flags |= FAN_NONBLOCK | FAN_UNLIMITED_QUEUE
    with tempfile.TemporaryDirectory() as path, Fanotify(flags) as fanotify:
        names = [Path(path, f"report-{number:04}.txt") for number in range(EVENTS)]
        if events == FAN_OPEN:
            for name in names:
                name.touch()
                fanotify.watch(name, events)
        else:
            fanotify.watch(path, events)
        for name in names:
            name.write_bytes(b"")
        yield fanotify


def timed(flags: int, events: int, drain: Callable[[Fanotify], int]) -> Sample:
    """Return a sample of *drain*, which returns how many events it found."""

    def sample() -> float:
        with filled(flags, events) as fanotify:
            # or the collector looks through the names of the files as it counts events
            gc.collect()
            gc.freeze()
            start = time.perf_counter_ns()
            count = drain(fanotify)
            elapsed = time.perf_counter_ns() - start
            assert count == EVENTS, count
            return elapsed / EVENTS

    return sample


def in_old() -> float:
    """Return a sample of butter 0.13.1, in a process that inherits the descriptor."""
    with filled(0, FAN_OPEN) as fanotify:
        fd = fanotify.fileno()
        command = [str(OLD), "-c", OLD_DRAIN, str(fd), str(EVENTS)]
        result = subprocess.run(command, pass_fds=[fd], cwd="/", check=True, stdout=subprocess.PIPE)
        return int(result.stdout) / EVENTS


def over(directories: int) -> Sample:
    """Return a sample of one mark over a filesystem with so many *directories*."""

    def sample() -> float:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(writing, str(marked(directories)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading) as result:
            elapsed = float(result.read())
        os.waitpid(child, 0)
        return elapsed

    return sample


def marked(directories: int) -> float:
    """Mark a new tmpfs with so many *directories*, and read EVENTS events of its files.

    It is mounted in a namespace that goes away with this process.
    """
    unshare(CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs")
    for number in range(directories):
        os.mkdir(f"/tmp/{number}")
    with Fanotify(FAN_REPORT_DFID_NAME | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE) as fanotify:
        start = time.perf_counter_ns()
        fanotify.watch("/tmp", FAN_CREATE, FAN_MARK_FILESYSTEM)
        elapsed = time.perf_counter_ns() - start
        for number in range(EVENTS):
            Path(f"/tmp/report-{number:04}.txt").touch()
        gc.collect()
        gc.freeze()
        start = time.perf_counter_ns()
        count = named(fanotify)
        elapsed += time.perf_counter_ns() - start
        assert count == EVENTS, count
        return elapsed / EVENTS


def in_c(fanotify: Fanotify) -> int:
    return int(floor.drain(fanotify.fileno(), EVENTS))


def bare(fanotify: Fanotify) -> int:
    """Read and close with nothing but os and struct."""
    fd, count = fanotify.fileno(), 0
    while count < EVENTS:
        for *_, number, _ in struct.iter_unpack("IBBHQii", os.read(fd, 4096)):
            os.close(number)
            count += 1
    return count


def one_by_one(fanotify: Fanotify) -> int:
    count = 0
    while events := fanotify.read_events():
        for event in events:
            event.close()
            count += 1
    return count


def in_batches(fanotify: Fanotify) -> int:
    count = 0
    while events := fanotify.read_events():
        count += len(events)
        close_events(events)
    return count


def looked_at_in_c(fanotify: Fanotify) -> int:
    return int(floor.look(fanotify.fileno(), EVENTS))


def looked_at(attribute: str) -> Callable[[Fanotify], int]:
    """Return a drain that asks each event for *attribute*."""
    get = operator.attrgetter(attribute)

    def drain(fanotify: Fanotify) -> int:
        count = 0
        while events := fanotify.read_events():
            for event in events:
                count += get(event) is not None
        return count

    return drain


def named(fanotify: Fanotify) -> int:
    count = 0
    while events := fanotify.read_events():
        count += len(events)
    return count


def open_often(path: str) -> int:
    """Start a task that opens the file ANSWERS times, and return its pid."""
    task = os.fork()
    if not task:
        for _ in range(ANSWERS):
            os.close(os.open(path, os.O_RDONLY))
        os._exit(0)
    return task


def answered(answer: Callable[[Fanotify], object]) -> Sample:
    """Return a sample of *answer*, which answers ANSWERS permission events."""

    def sample() -> float:
        with tempfile.NamedTemporaryFile() as file, Fanotify(FAN_CLASS_CONTENT) as fanotify:
            fanotify.watch(file.name, FAN_OPEN_PERM)
            task = open_often(file.name)
            start = time.perf_counter_ns()
            answer(fanotify)
            elapsed = time.perf_counter_ns() - start
            os.waitpid(task, 0)
            return elapsed / ANSWERS

    return sample


def answer_bare(fanotify: Fanotify) -> None:
    fd = fanotify.fileno()
    for _ in range(ANSWERS):
        *_, number, _ = struct.unpack("IBBHQii", os.read(fd, 4096))
        os.write(fd, struct.pack("iI", number, FAN_ALLOW))
        os.close(number)


def answer_butter(fanotify: Fanotify) -> None:
    for _ in range(ANSWERS):
        with fanotify.read_event() as event:
            event.allow()


def answered_in(new_loop: NewLoop) -> Sample:
    """Return a sample of the awaitable, which answers ANSWERS permission events."""

    async def answer(fanotify: Fanotify_async) -> None:
        for _ in range(ANSWERS):
            with await fanotify.get() as event:
                event.allow()

    def sample() -> float:
        loop = new_loop()
        with tempfile.NamedTemporaryFile() as file, Fanotify_async(FAN_CLASS_CONTENT, loop=loop) as fanotify:
            fanotify.watch(file.name, FAN_OPEN_PERM)
            task = open_often(file.name)
            start = time.perf_counter_ns()
            loop.run_until_complete(answer(fanotify))
            elapsed = time.perf_counter_ns() - start
            os.waitpid(task, 0)
        loop.close()
        return elapsed / ANSWERS

    return sample


def comparisons() -> Iterator[Comparison]:
    drains = {
        "C floor": timed(0, FAN_OPEN, in_c),
        "os.read and os.close": timed(0, FAN_OPEN, bare),
        "butter": timed(0, FAN_OPEN, in_batches),
        "butter, one by one": timed(0, FAN_OPEN, one_by_one),
    }
    if OLD:
        drains["0.13.1, one by one"] = in_old
    yield Comparison(
        f"Draining {EVENTS:,} queued events and closing their descriptors", drains, {"os.read and os.close": 1.25}
    )
    for title, flags, events, attribute in (
        ("handles", FAN_REPORT_FID, FAN_OPEN, "handle"),
        ("handles and names", FAN_REPORT_DFID_NAME, FAN_CREATE, "name"),
    ):
        yield Comparison(
            f"Draining {EVENTS:,} queued events with {title}",
            {"C floor": timed(flags, events, in_c), "butter": timed(flags, events, named)},
            {"C floor": 1.6},
        )
        yield Comparison(
            f"The same, and the {attribute} of each",
            {
                "C floor": timed(flags, events, looked_at_in_c),
                "butter": timed(flags, events, looked_at(attribute)),
            },
            {"C floor": 6},
        )
    yield Comparison(
        f"One mark on a filesystem of {DIRECTORIES:,} directories, and {EVENTS:,} events",
        {"an empty filesystem": over(0), "butter": over(DIRECTORIES)},
        {"an empty filesystem": 1.1},
        rounds=9,
    )
    yield Comparison(
        "Answering a permission event, with its task in between",
        {
            "C floor": answered(lambda fanotify: floor.answer(fanotify.fileno(), ANSWERS)),
            "os.read and os.write": answered(answer_bare),
            "butter": answered(answer_butter),
        },
        {"C floor": 1.3},
    )
    for name, new_loop in LOOPS.items():
        yield Comparison(
            f"Answering a permission event in a coroutine ({name})",
            {
                "C floor": answered(lambda fanotify: floor.answer(fanotify.fileno(), ANSWERS)),
                "butter": answered_in(new_loop),
            },
            {"C floor": 3},
        )
