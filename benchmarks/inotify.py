"""Reading inotify events: draining a full queue, and hearing of a touched file."""

from __future__ import annotations

import asyncio
import math
import os
import tempfile
import time
import timeit
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aionotify
import asyncinotify
import inotify_simple
import linuxfd
import minotaur
import trio
from watchdog.observers import inotify_c

import butter.inotify_simple
from benchmarks.floor import Floor
from benchmarks.runner import FOLDER, LOOPS, Comparison, NewLoop, Sample, awaited
from butter.asyncio.inotify import Inotify_async
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_MODIFY,
    IN_NONBLOCK,
    IN_OPEN,
    Inotify,
    inotify_add_watch,
    inotify_init,
)
from butter.trio.inotify import Inotify_async as Inotify_trio

try:
    import pyinotify
except ImportError:  # it needs asyncore, which Python 3.12 removed
    pyinotify = None

EVENTS = 8000
MASK = IN_CREATE | IN_OPEN | IN_MODIFY | IN_CLOSE_WRITE

floor = Floor(
    "floor_inotify",
    "long drain(int fd, long count);",
    """
    #include <unistd.h>
    #include <sys/inotify.h>

    static long drain(int fd, long count)
    {
        char data[16384];
        long seen = 0, sum = 0;
        while (seen < count) {
            ssize_t size = read(fd, data, sizeof data), at = 0;
            if (size < 0)
                break;
            while (at < size) {
                const struct inotify_event *event = (const struct inotify_event *)(data + at);
                sum += event->wd + event->mask + event->cookie + event->name[0];
                at += sizeof *event + event->len;
                seen++;
            }
        }
        return seen + (sum == 1);
    }
    """,
)


def fill(path: str) -> None:
    """Queue EVENTS events, as a program that writes files does."""
    for number in range(EVENTS // 4):
        Path(path, f"report-{number:04}.txt").write_bytes(b"a line\n")


# Each of these watches a directory and yields a function that drains it, in
# the way that its own documentation shows.


@contextmanager
def c_floor(path: str) -> Iterator[Callable[[], int]]:
    fd = inotify_init()
    inotify_add_watch(fd, path, MASK)
    yield lambda: floor.drain(fd, EVENTS)
    os.close(fd)


@contextmanager
def butter_batches(path: str) -> Iterator[Callable[[], int]]:
    with Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(path, MASK)

        def drain() -> int:
            count = 0
            while events := inotify.read_events():
                count += len(events)
            return count

        yield drain


@contextmanager
def butter_one_by_one(path: str) -> Iterator[Callable[[], int]]:
    with Inotify() as inotify:
        inotify.watch(path, MASK)

        def drain() -> int:
            for count, _ in enumerate(inotify, 1):
                if count == EVENTS:
                    return count
            return 0

        yield drain


@contextmanager
def butter_waits(path: str) -> Iterator[Callable[[], int]]:
    with Inotify() as inotify:
        inotify.watch(path, MASK)

        def drain() -> int:
            for _ in range(EVENTS):
                inotify.wait()
            return EVENTS

        yield drain


@contextmanager
def linuxfd_batches(path: str) -> Iterator[Callable[[], int]]:
    inotify = linuxfd.inotify(nonBlocking=True)
    inotify.add(path, MASK)

    def drain() -> int:
        count = 0
        try:
            while events := inotify.read():
                count += len(events)
        except BlockingIOError:
            pass
        return count

    yield drain
    inotify.close()


def simple(module: Any) -> Any:
    @contextmanager
    def batches(path: str) -> Iterator[Callable[[], int]]:
        with module.INotify() as inotify:
            inotify.add_watch(path, MASK)

            def drain() -> int:
                count = 0
                while events := inotify.read(timeout=0):
                    count += len(events)
                return count

            yield drain

    return batches


@contextmanager
def watchdog_reader(path: str) -> Iterator[Callable[[], int]]:
    reader = inotify_c.InotifyFD()
    inotify_add_watch(reader._inotify_fd, path, MASK)

    def drain() -> int:
        count = 0
        while count < EVENTS:
            count += len(reader.read_events())
        return count

    yield drain
    reader._close_resources()


@contextmanager
def pyinotify_notifier(path: str) -> Iterator[Callable[[], int]]:
    count = 0

    def handle(event: object) -> None:
        nonlocal count
        count += 1

    manager = pyinotify.WatchManager()
    notifier = pyinotify.Notifier(manager, default_proc_fun=handle)
    manager.add_watch(path, MASK)

    def drain() -> int:
        while count < EVENTS and notifier.check_events(0):
            notifier.read_events()
            notifier.process_events()
        return count

    yield drain
    notifier.stop()


def drained(contender: Callable[[str], Any]) -> Callable[[], float]:
    """Return a sample of one contender: CPU time, as no drain waits."""

    def sample() -> float:
        with tempfile.TemporaryDirectory(dir=FOLDER) as path, contender(path) as drain:
            fill(path)
            start = time.process_time_ns()
            count = drain()
            elapsed = time.process_time_ns() - start
            assert count == EVENTS, (contender, count)
            return elapsed / EVENTS

    return sample


def asked(question: str) -> Sample:
    """Return a sample of *question*, which is about an event: CPU time."""

    def sample() -> float:
        with tempfile.TemporaryDirectory(dir=FOLDER) as path, Inotify() as inotify:
            inotify.watch(path, IN_CLOSE_WRITE)
            Path(path, "report.txt").touch()
            names = {"event": inotify.wait(), "IN_CLOSE_WRITE": IN_CLOSE_WRITE}
            return timeit.timeit(question, timer=time.process_time, number=20_000, globals=names) / 20_000 * 1e9

    return sample


# The asyncio contenders: each yields a watch on a directory, and the function that
# waits for its next event.


@asynccontextmanager
async def butter_async(path: str, mask: int) -> AsyncIterator[Any]:
    async with Inotify_async() as inotify:
        inotify.watch(path, mask)
        yield inotify, inotify.get


@asynccontextmanager
async def asyncinotify_async(path: str, mask: int) -> AsyncIterator[Any]:
    with asyncinotify.Inotify() as inotify:
        inotify.add_watch(path, asyncinotify.Mask(mask))
        yield inotify, inotify.get


@asynccontextmanager
async def minotaur_async(path: str, mask: int) -> AsyncIterator[Any]:
    with minotaur.Inotify(blocking=False) as inotify:
        inotify.add_watch(Path(path), minotaur.Mask(mask))
        yield inotify, inotify.__anext__


@asynccontextmanager
async def aionotify_async(path: str, mask: int) -> AsyncIterator[Any]:
    watcher = aionotify.Watcher()
    watcher.watch(path, mask)
    await watcher.setup()
    # its stream may hold back events that were queued before it began to read
    yield None, watcher.get_event
    watcher.close()


async def queued(contender: Callable[[str, int], Any], path: str) -> float:
    async with contender(path, MASK) as (iterable, get):
        fill(path)
        count = 0
        start = time.process_time_ns()
        if iterable is None:
            while count < EVENTS:
                await get()
                count += 1
        else:
            async for _ in iterable:
                count += 1
                if count == EVENTS:
                    break
        return (time.process_time_ns() - start) / EVENTS


async def touched(contender: Callable[[str, int], Any], path: str) -> float:
    file = Path(path, "report.txt")
    file.touch()
    loop = asyncio.get_running_loop()
    async with contender(path, IN_ATTRIB) as (iterable, get):
        if iterable is not None:
            iterable.__aiter__()
        start = time.perf_counter_ns()
        for _ in range(500):
            # touched by the loop, when the waiter already waits
            loop.call_soon(os.utime, file)
            await get()
        return (time.perf_counter_ns() - start) / 500


def in_directory(scenario: Callable[..., Coroutine[Any, Any, float]], contender: Any, new_loop: NewLoop) -> Sample:
    """Return a sample of one contender, on a loop of its own."""

    async def work() -> float:
        with tempfile.TemporaryDirectory(dir=FOLDER) as path:
            return await scenario(contender, path)

    return awaited(new_loop, work)


# The contenders of trio, which has no inotify of its own: its documentation has
# wait_readable for a descriptor, and threads for a call that blocks.


@asynccontextmanager
async def butter_trio(path: str, mask: int) -> AsyncIterator[Any]:
    async with Inotify_trio() as inotify:
        inotify.watch(path, mask)
        yield inotify, inotify.get


@asynccontextmanager
async def butter_trio_batches(path: str, mask: int) -> AsyncIterator[Any]:
    async with butter_trio(path, mask) as (inotify, _):
        iterable = one_by_one(inotify.read_events)
        yield iterable, iterable.__anext__


async def one_by_one(read: Callable[[], Coroutine[Any, Any, list[Any]]]) -> AsyncIterator[Any]:
    while True:
        for event in await read():
            yield event


def simple_trio(read: Callable[[Any], Coroutine[Any, Any, list[Any]]]) -> Callable[[str, int], Any]:
    """Return a contender that waits with *read*, which returns at least one event."""

    @asynccontextmanager
    async def contender(path: str, mask: int) -> AsyncIterator[Any]:
        with inotify_simple.INotify() as inotify:
            inotify.add_watch(path, mask)
            iterable = one_by_one(lambda: read(inotify))
            yield iterable, iterable.__anext__

    return contender


@asynccontextmanager
async def channel_trio(path: str, mask: int) -> AsyncIterator[Any]:
    """A task that reads when it can, and shares the events by a memory channel."""
    send, receive = trio.open_memory_channel[Any](math.inf)

    async def share(inotify: Any) -> None:
        while True:
            for event in await when_readable(inotify):
                send.send_nowait(event)

    with inotify_simple.INotify() as inotify:
        inotify.add_watch(path, mask)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(share, inotify)
            yield receive, receive.receive
            nursery.cancel_scope.cancel()


async def when_readable(inotify: Any) -> list[Any]:
    await trio.lowlevel.wait_readable(inotify.fileno())
    events: list[Any] = inotify.read(timeout=0)
    return events


async def in_a_thread(inotify: Any) -> list[Any]:
    return await trio.to_thread.run_sync(inotify.read)


async def touched_trio(contender: Callable[[str, int], Any], path: str) -> float:
    file = Path(path, "report.txt")
    file.touch()

    async def touch() -> None:
        os.utime(file)

    async with contender(path, IN_ATTRIB) as (_, get), trio.open_nursery() as nursery:
        start = time.perf_counter_ns()
        for _ in range(500):
            nursery.start_soon(touch)
            await get()
        return (time.perf_counter_ns() - start) / 500


def under_trio(scenario: Callable[..., Coroutine[Any, Any, float]], contender: Any) -> Sample:
    """Return a sample of one contender, in a run of trio."""

    def sample() -> float:
        with tempfile.TemporaryDirectory(dir=FOLDER) as path:
            return trio.run(scenario, contender, path)

    return sample


TRIO = {
    "butter": butter_trio,
    "butter, read_events": butter_trio_batches,
    "wait_readable, inotify_simple": simple_trio(when_readable),
    "the same, a memory channel": channel_trio,
    "to_thread, inotify_simple": simple_trio(in_a_thread),
}


def comparisons() -> Iterator[Comparison]:
    batches = {
        "C floor": c_floor,
        "butter": butter_batches,
        "butter, one by one": butter_one_by_one,
        "butter, wait()": butter_waits,
        "linuxfd": linuxfd_batches,
        "inotify_simple": simple(inotify_simple),
        "watchdog's reader": watchdog_reader,
    }
    if pyinotify is not None:
        batches["pyinotify"] = pyinotify_notifier
    yield Comparison(
        f"Draining {EVENTS:,} queued inotify events",
        {name: drained(contender) for name, contender in batches.items()},
        {"C floor": 1.5, "linuxfd": 1.05, "inotify_simple": 0.4},
    )
    yield Comparison(
        f"Draining {EVENTS:,} queued inotify events through the interface of inotify_simple",
        {"butter": drained(simple(butter.inotify_simple)), "inotify_simple": drained(simple(inotify_simple))},
        {"inotify_simple": 0.5},
    )
    yield Comparison(
        "Asking an event for a flag",
        {
            "butter": asked("event.close_write_event"),
            "butter, by mask": asked("event.mask & IN_CLOSE_WRITE"),
            "butter, by flags": asked("event.flags & IN_CLOSE_WRITE"),
        },
    )
    peers = {
        "butter": butter_async,
        "asyncinotify": asyncinotify_async,
        "minotaur": minotaur_async,
        "aionotify": aionotify_async,
    }
    for loop, new_loop in LOOPS.items():
        yield Comparison(
            f"async for over {EVENTS:,} queued inotify events, on {loop}",
            {name: in_directory(queued, peer, new_loop) for name, peer in peers.items()},
            {"asyncinotify": 0.25, "minotaur": 0.25, "aionotify": 0.25},
            rounds=9,
        )
    for loop, new_loop in LOOPS.items():
        yield Comparison(
            f"One touched file to one awaited event, on {loop}",
            {name: in_directory(touched, peer, new_loop) for name, peer in peers.items()},
            {"asyncinotify": 1, "minotaur": 1, "aionotify": 1},
        )
    yield Comparison(
        f"async for over {EVENTS:,} queued inotify events, on trio",
        {
            **{name: under_trio(queued, peer) for name, peer in TRIO.items()},
            "butter, on asyncio": in_directory(queued, butter_async, LOOPS["asyncio"]),
        },
        {"the same, a memory channel": 1.5},
        rounds=9,
    )
    yield Comparison(
        "One touched file to one awaited event, on trio",
        {
            **{name: under_trio(touched_trio, peer) for name, peer in TRIO.items()},
            "butter, on asyncio": in_directory(touched, butter_async, LOOPS["asyncio"]),
        },
        {"the same, a memory channel": 1.5},
    )
