"""Reads in the background, of 4 KiB each, at several depths, cached and by O_DIRECT."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import time
from array import array
from collections.abc import Callable, Iterator

from caio import linux_aio
from caio.linux_aio_asyncio import AsyncioContext

from benchmarks.floor import Floor, timed
from benchmarks.pages import PAGE, PAGES, Way, has_loops, loop_device, opened, sample
from benchmarks.runner import Comparison
from butter.aio import IOCB_CMD_PREAD, Aio, Iocb, aligned_buffer, io_destroy, io_getevents, io_setup, io_submit
from butter.asyncio.aio import Aio_async

floor = Floor(
    "floor_aio",
    "void reads(unsigned long context, unsigned long fds, int files, int depth, long count);",
    """
    #include <stdlib.h>
    #include <string.h>
    #include <linux/aio_abi.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    enum { PAGE = 4096, PAGES = 256, BUFFERS = 32 };

    static void reads(unsigned long context, unsigned long fds, int files, int depth, long count)
    {
        struct iocb *iocbs = calloc(depth, sizeof *iocbs), **pointers = calloc(depth, sizeof *pointers);
        struct io_event *events = calloc(depth, sizeof *events);
        char *buffers = aligned_alloc(PAGE, BUFFERS * PAGE);
        long page = 0;

        for (int i = 0; i < depth; i++) {
            pointers[i] = iocbs + i;
            iocbs[i].aio_lio_opcode = IOCB_CMD_PREAD;
            iocbs[i].aio_buf = (unsigned long)(buffers + i % BUFFERS * PAGE);
            iocbs[i].aio_nbytes = PAGE;
        }
        for (; count > 0; count -= depth) {
            for (int i = 0; i < depth; i++, page++) {
                iocbs[i].aio_fildes = ((int *)fds)[page % files];
                iocbs[i].aio_offset = page % PAGES * PAGE;
            }
            syscall(SYS_io_submit, context, depth, pointers);
            syscall(SYS_io_getevents, context, depth, depth, events, NULL);
        }
        free(buffers);
        free(events);
        free(pointers);
        free(iocbs);
    }
    """,
)

READS = 8192
DEPTHS, DEEP = (1, 32, 1024), 4096
BUFFERS = 32
FILES = 10_000


def batches(depth: int, batch: Callable[[int], object]) -> float:
    """Return the nanoseconds of a read; *batch* makes *depth* of them."""
    rounds = max(1, READS // depth)
    start = time.perf_counter_ns()
    for _ in range(rounds):
        batch(depth)
    return (time.perf_counter_ns() - start) / (rounds * depth)


def by_c(fds: list[int], depth: int) -> float:
    numbers = array("i", fds)
    context = io_setup(depth)
    try:
        return timed(floor.reads, context, numbers.buffer_info()[0], len(fds), depth, max(READS, depth))
    finally:
        io_destroy(context)


def by_object(fds: list[int], depth: int) -> float:
    with Aio(depth) as aio:
        # the buffers are few, since it is not the caches of the processor that count
        buffers = [aligned_buffer(PAGE) for _ in range(BUFFERS)]
        files = itertools.cycle(fds)

        def batch(count: int) -> None:
            for number in range(count):
                aio.pread(next(files), buffers[number % BUFFERS], number % PAGES * PAGE)
            while count:
                count -= len(aio.read_events())

        return batches(depth, batch)


def by_calls(fds: list[int], depth: int) -> float:
    context = io_setup(depth)
    iocbs = [
        Iocb(IOCB_CMD_PREAD, fds[0], aligned_buffer(PAGE), number % PAGES * PAGE, data=number)
        for number in range(depth)
    ]

    def batch(count: int) -> None:
        io_submit(context, iocbs)
        io_getevents(context, count, count)

    try:
        return batches(depth, batch)
    finally:
        io_destroy(context)


def by_preadv(fds: list[int], depth: int) -> float:
    buffers = [[aligned_buffer(PAGE)] for _ in range(BUFFERS)]

    def batch(count: int) -> None:
        for number in range(count):
            os.preadv(fds[0], buffers[number % BUFFERS], number % PAGES * PAGE)

    return batches(depth, batch)


def by_caio(fds: list[int], depth: int) -> float:
    context = linux_aio.Context(max_requests=depth)

    def batch(count: int) -> None:
        context.submit(*[linux_aio.Operation.read(PAGE, fds[0], number % PAGES * PAGE) for number in range(count)])
        while count:
            count -= context.process_events(count, 1, -1)

    return batches(depth, batch)


async def awaited(fd: int, depth: int) -> float:
    async with Aio_async(depth) as aio:
        start = time.perf_counter_ns()
        for _ in range(READS // depth):
            for number in range(depth):
                aio.pread(fd, PAGE, number % PAGES * PAGE)
            async for done in aio:
                assert done.result == PAGE
        return (time.perf_counter_ns() - start) / (READS // depth * depth)


async def awaited_of_caio(fd: int, depth: int) -> float:
    async with AsyncioContext(max_requests=depth) as context:  # type: ignore[no-untyped-call]
        start = time.perf_counter_ns()
        for _ in range(READS // depth):
            await asyncio.gather(*[context.read(PAGE, fd, number % PAGES * PAGE) for number in range(depth)])
        return (time.perf_counter_ns() - start) / (READS // depth * depth)


def by_awaitable(fds: list[int], depth: int) -> float:
    return asyncio.run(awaited(fds[0], depth))


def by_caio_of_asyncio(fds: list[int], depth: int) -> float:
    return asyncio.run(awaited_of_caio(fds[0], depth))


def comparisons() -> Iterator[Comparison]:
    one, many = functools.partial(opened, 1), functools.partial(opened, FILES)
    direct = functools.partial(opened, 1, os.O_DIRECT)
    ways: dict[str, Way] = {
        "C floor": by_c,
        "butter": by_object,
        "io_submit": by_calls,
        "os.preadv": by_preadv,
        "caio": by_caio,
    }
    for depth in DEPTHS:
        yield Comparison(
            f"A cached read of 4 KiB, {depth} at once", {name: sample(way, depth, one) for name, way in ways.items()}
        )
    yield Comparison(
        f"Cached reads of 4 KiB, {DEEP:,} at once",
        {
            "butter": sample(by_object, DEEP, one),
            "butter, 32 at once": sample(by_object, 32, one),
            "butter, one at once": sample(by_object, 1, one),
            "C floor": sample(by_c, DEEP, one),
        },
        {"butter, 32 at once": 1.2, "butter, one at once": 1.2},
    )
    yield Comparison(
        f"Cached reads of 4 KiB from {FILES:,} open files",
        {
            "butter": sample(by_object, 32, many),
            "butter, one file": sample(by_object, 32, one),
            "C floor": sample(by_c, 32, many),
            "C floor, one file": sample(by_c, 32, one),
        },
        {"butter, one file": 1.2},
    )
    yield Comparison(
        "A cached read of 4 KiB on asyncio, 32 at once",
        {"butter": sample(by_awaitable, 32, one), "caio": sample(by_caio_of_asyncio, 32, one)},
        {"caio": 1},
    )
    yield Comparison(
        "A read of 4 KiB by O_DIRECT, 32 at once",
        {name: sample(ways[name], 32, direct) for name in ("C floor", "butter", "os.preadv")},
        {"os.preadv": 0.5},
        rounds=7,
    )
    if has_loops():
        yield Comparison(
            "Reads of 4 KiB by O_DIRECT from a loop device, 32 at once",
            {name: sample(ways[name], 32, loop_device) for name in ("C floor", "butter")},
        )
