"""Reads in the background, of 4 KiB each, at several depths, cached and by O_DIRECT."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator

from caio import linux_aio
from caio.linux_aio_asyncio import AsyncioContext

from benchmarks.floor import Floor, timed
from benchmarks.runner import FOLDER, Comparison
from butter.aio import IOCB_CMD_PREAD, Aio, Iocb, aligned_buffer, io_destroy, io_getevents, io_setup, io_submit
from butter.asyncio.aio import Aio_async

floor = Floor(
    "floor_aio",
    "void reads(unsigned long context, int fd, int depth, long count);",
    """
    #include <stdlib.h>
    #include <string.h>
    #include <linux/aio_abi.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    enum { PAGE = 4096, PAGES = 256 };

    static void reads(unsigned long context, int fd, int depth, long count)
    {
        struct iocb *iocbs = calloc(depth, sizeof *iocbs), **pointers = calloc(depth, sizeof *pointers);
        struct io_event *events = calloc(depth, sizeof *events);
        char *buffers = aligned_alloc(PAGE, (size_t)depth * PAGE);
        long page = 0;

        for (int i = 0; i < depth; i++) {
            pointers[i] = iocbs + i;
            iocbs[i].aio_lio_opcode = IOCB_CMD_PREAD;
            iocbs[i].aio_fildes = fd;
            iocbs[i].aio_buf = (unsigned long)(buffers + i * PAGE);
            iocbs[i].aio_nbytes = PAGE;
        }
        for (; count > 0; count -= depth) {
            for (int i = 0; i < depth; i++)
                iocbs[i].aio_offset = page++ % PAGES * PAGE;
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

PAGE, PAGES = 4096, 256
READS = 8192
DEPTHS = (1, 32, 1024)

Work = Callable[[int, int], Callable[[int], object]]


def batches(depth: int, batch: Callable[[int], object]) -> float:
    """Return the nanoseconds of a read; *batch* makes *depth* of them."""
    rounds = max(1, READS // depth)
    start = time.perf_counter_ns()
    for _ in range(rounds):
        batch(depth)
    return (time.perf_counter_ns() - start) / (rounds * depth)


def by_c(fd: int, depth: int) -> float:
    context = io_setup(depth)
    try:
        return timed(floor.reads, context, fd, depth, max(READS, depth))
    finally:
        io_destroy(context)


def by_object(fd: int, depth: int) -> float:
    with Aio(depth) as aio:
        buffers = [aligned_buffer(PAGE) for _ in range(depth)]

        def batch(count: int) -> None:
            for number in range(count):
                aio.pread(fd, buffers[number], number % PAGES * PAGE)
            while count:
                count -= len(aio.read_events())

        return batches(depth, batch)


def by_calls(fd: int, depth: int) -> float:
    context = io_setup(depth)
    iocbs = [
        Iocb(IOCB_CMD_PREAD, fd, aligned_buffer(PAGE), number % PAGES * PAGE, data=number) for number in range(depth)
    ]

    def batch(count: int) -> None:
        io_submit(context, iocbs)
        io_getevents(context, count, count)

    try:
        return batches(depth, batch)
    finally:
        io_destroy(context)


def by_preadv(fd: int, depth: int) -> float:
    buffers = [[aligned_buffer(PAGE)] for _ in range(depth)]

    def batch(count: int) -> None:
        for number in range(count):
            os.preadv(fd, buffers[number], number % PAGES * PAGE)

    return batches(depth, batch)


def by_caio(fd: int, depth: int) -> float:
    context = linux_aio.Context(max_requests=depth)

    def batch(count: int) -> None:
        context.submit(*[linux_aio.Operation.read(PAGE, fd, number % PAGES * PAGE) for number in range(count)])
        while count:
            count -= context.process_events(count, 1, -1)

    return batches(depth, batch)


async def by_awaitable(fd: int, depth: int) -> float:
    async with Aio_async(depth) as aio:
        start = time.perf_counter_ns()
        for _ in range(READS // depth):
            for number in range(depth):
                aio.pread(fd, PAGE, number % PAGES * PAGE)
            async for done in aio:
                assert done.result == PAGE
        return (time.perf_counter_ns() - start) / (READS // depth * depth)


async def by_caio_of_asyncio(fd: int, depth: int) -> float:
    async with AsyncioContext(max_requests=depth) as context:  # type: ignore[no-untyped-call]
        start = time.perf_counter_ns()
        for _ in range(READS // depth):
            await asyncio.gather(*[context.read(PAGE, fd, number % PAGES * PAGE) for number in range(depth)])
        return (time.perf_counter_ns() - start) / (READS // depth * depth)


@contextlib.contextmanager
def pages(folder: str | None, flags: int = 0) -> Iterator[int]:
    """A file of pages, by its descriptor."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(os.urandom(PAGE * PAGES))
        file.flush()
        os.fsync(file.fileno())
        fd = os.open(file.name, os.O_RDONLY | flags)
        try:
            yield fd
        finally:
            os.close(fd)


def comparisons() -> Iterator[Comparison]:
    for depth in DEPTHS:
        with pages(FOLDER) as fd:
            yield Comparison(
                f"A cached read of 4 KiB, {depth} at once",
                {
                    "C floor": lambda depth=depth: by_c(fd, depth),  # type: ignore[misc]
                    "butter": lambda depth=depth: by_object(fd, depth),  # type: ignore[misc]
                    "io_submit": lambda depth=depth: by_calls(fd, depth),  # type: ignore[misc]
                    "os.preadv": lambda depth=depth: by_preadv(fd, depth),  # type: ignore[misc]
                    "caio": lambda depth=depth: by_caio(fd, depth),  # type: ignore[misc]
                },
            )
    with pages(FOLDER) as fd:
        yield Comparison(
            "A cached read of 4 KiB on asyncio, 32 at once",
            {
                "butter": lambda: asyncio.run(by_awaitable(fd, 32)),
                "caio": lambda: asyncio.run(by_caio_of_asyncio(fd, 32)),
            },
            {"caio": 1},
        )
    with pages(None, os.O_DIRECT) as fd:
        yield Comparison(
            "A read of 4 KiB by O_DIRECT, 32 at once",
            {
                "C floor": lambda: by_c(fd, 32),
                "butter": lambda: by_object(fd, 32),
                "os.preadv": lambda: by_preadv(fd, 32),
            },
            {"os.preadv": 0.5},
            rounds=7,
        )
