"""Reading inotify events: draining a full queue, and hearing of a touched file."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aionotify
import asyncinotify
import inotify_simple
import linuxfd
import minotaur
from watchdog.observers import inotify_c

import butter.inotify_simple
from benchmarks.floor import Floor
from benchmarks.runner import LOOPS, Comparison, NewLoop, Sample, awaited
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
    """Return a sample of one contender."""

    def sample() -> float:
        with tempfile.TemporaryDirectory() as path, contender(path) as drain:
            fill(path)
            start = time.perf_counter_ns()
            count = drain()
            elapsed = time.perf_counter_ns() - start
            assert count == EVENTS, (contender, count)
            return elapsed / EVENTS

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
        start = time.perf_counter_ns()
        if iterable is None:
            while count < EVENTS:
                await get()
                count += 1
        else:
            async for _ in iterable:
                count += 1
                if count == EVENTS:
                    break
        return (time.perf_counter_ns() - start) / EVENTS


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
        with tempfile.TemporaryDirectory() as path:
            return await scenario(contender, path)

    return awaited(new_loop, work)


def comparisons() -> Iterator[Comparison]:
    batches = {
        "C floor": c_floor,
        "butter": butter_batches,
        "butter, one by one": butter_one_by_one,
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
