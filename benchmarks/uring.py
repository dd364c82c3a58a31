"""Reads of 4 KiB by io_uring, one by one and many at once, beside its peers and C."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.floor import Floor, timed
from benchmarks.pages import PAGE, PAGES, Way, has_loops, loop_device, opened, sample
from benchmarks.runner import Comparison
from butter.aio import aligned_buffer
from butter.uring import Ring

try:
    import liburing
except ImportError:  # as on Python 3.9 and on PyPy
    print("liburing, which is for CPython from 3.10 on x86_64, is not measured", file=sys.stderr)
    liburing = None

BUFFERS = 32
READS = 8192
DEPTH, DEEP = 32, 4096
FILES = 10_000

floor = Floor(
    "floor_uring",
    """
    void preads(int fd, long count);
    void reads(unsigned long fds, int files, unsigned depth, long count);
    """,
    """
    #include <linux/io_uring.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    enum { PAGE = 4096, PAGES = 256, BUFFERS = 32 };

    static void preads(int fd, long count)
    {
        char buffer[PAGE];

        for (long page = 0; page < count; page++)
            if (pread(fd, buffer, PAGE, page % PAGES * PAGE) != PAGE)
                return;
    }

    static void *map(int ring, size_t size, off_t offset)
    {
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
    }

    /* A ring, and so many reads by it, as many at once as it is deep. */
    static void reads(unsigned long fds, int files, unsigned depth, long count)
    {
        struct io_uring_params setup = {0};
        int ring = (int)syscall(SYS_io_uring_setup, depth, &setup);
        size_t queues = setup.sq_off.array + setup.sq_entries * sizeof(uint32_t); /* which comes last */
        char *queue = map(ring, queues, IORING_OFF_SQ_RING), *buffers = aligned_alloc(PAGE, BUFFERS * PAGE);
        struct io_uring_sqe *sqes = map(ring, setup.sq_entries * sizeof *sqes, IORING_OFF_SQES);
        struct io_uring_cqe *cqes = (struct io_uring_cqe *)(queue + setup.cq_off.cqes);
        uint32_t *sq_tail = (uint32_t *)(queue + setup.sq_off.tail), *places = (uint32_t *)(queue + setup.sq_off.array);
        uint32_t *cq_head = (uint32_t *)(queue + setup.cq_off.head), *cq_tail = (uint32_t *)(queue + setup.cq_off.tail);
        long page = 0;

        for (unsigned i = 0; i < setup.sq_entries; i++)
            places[i] = i;
        while (page < count) {
            uint32_t tail = *sq_tail, head = *cq_head, taken = 0;
            for (unsigned i = 0; i < depth; i++, page++)
                sqes[tail++ & (setup.sq_entries - 1)] = (struct io_uring_sqe){
                    .opcode = IORING_OP_READ,
                    .fd = ((int *)fds)[page % files],
                    .addr = (uintptr_t)(buffers + page % BUFFERS * PAGE),
                    .len = PAGE,
                    .off = page % PAGES * PAGE,
                };
            __atomic_store_n(sq_tail, tail, __ATOMIC_RELEASE);
            syscall(SYS_io_uring_enter, ring, depth, depth, IORING_ENTER_GETEVENTS, NULL, 0);
            for (; head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE); head++)
                taken += cqes[head & (setup.cq_entries - 1)].res == PAGE;
            __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
            if (taken != depth)
                abort();
        }
        munmap(sqes, setup.sq_entries * sizeof *sqes);
        munmap(queue, queues);
        close(ring);
        free(buffers);
    }
    """,
)


def per_read(depth: int, batch: Callable[[], object]) -> float:
    """Return the nanoseconds of a read; *batch* makes *depth* of them."""
    rounds = max(2, READS // depth)
    start = time.perf_counter_ns()
    for _ in range(rounds):
        batch()
    return (time.perf_counter_ns() - start) / (rounds * depth)


def batches(
    fds: list[int], depth: int, new: Callable[[int], bytearray | memoryview] = bytearray
) -> Iterator[list[tuple[int, Any, int]]]:
    """Return for the reads of each batch their files, buffers and offsets.

    The buffers are few, since it is not the caches of the processor that are measured.
    """
    buffers = [new(PAGE) for _ in range(BUFFERS)]
    count = max(depth, len(fds), PAGES)
    reads = [(fds[page % len(fds)], buffers[page % BUFFERS], page % PAGES * PAGE) for page in range(count)]
    return itertools.cycle([reads[start : start + depth] for start in range(0, count - depth + 1, depth)])


def by_c_ring(fds: list[int], depth: int) -> float:
    numbers = array("i", fds)
    return timed(floor.reads, numbers.buffer_info()[0], len(fds), depth, max(READS, depth))


def by_methods(fds: list[int], depth: int) -> float:
    every = batches(fds, depth, aligned_buffer)
    with Ring(depth) as ring:

        def batch() -> None:
            for fd, buffer, offset in next(every):
                ring.pread(fd, buffer, offset, offset)
            left = depth
            while left:
                events = ring.read_events()
                left -= len(events)
                for event in events:
                    if event.result != PAGE or event.user_data is None:
                        raise RuntimeError("a read has failed")

        return per_read(depth, batch)


def one_by_one(fds: list[int], depth: int) -> float:
    every = batches(fds, depth)
    with Ring(depth) as ring:

        def batch() -> None:
            ((fd, buffer, offset),) = next(every)
            ring.pread(fd, buffer, offset)
            if ring.wait().result != PAGE:
                raise RuntimeError("a read has failed")

        return per_read(depth, batch)


def by_read_many(fds: list[int], depth: int) -> float:
    packed = itertools.cycle(
        [
            array("q", [number for fd, _, offset in reads for number in (fd, PAGE, offset)])
            for reads in itertools.islice(batches(fds, depth), max(1, PAGES // depth))
        ]
    )
    buffer = aligned_buffer(PAGE * depth)
    with Ring(depth) as ring:
        return per_read(depth, lambda: ring.read_many(next(packed), buffer))


def by_liburing(fds: list[int], depth: int) -> float:
    every = batches(fds, depth)  # it takes no buffer but a bytearray
    ring, cqes = liburing.Ring(), liburing.Cqe()
    liburing.io_uring_queue_init(depth, ring)
    get_sqe, prep_read, submit_and_wait = (
        liburing.io_uring_get_sqe,
        liburing.io_uring_prep_read,
        liburing.io_uring_submit_and_wait,
    )
    wait_cqe, advance = liburing.io_uring_wait_cqe, liburing.io_uring_cq_advance

    def batch() -> None:
        for fd, buffer, offset in next(every):
            sqe = get_sqe(ring)
            prep_read(sqe, fd, buffer, offset)
            sqe.user_data = offset
        submit_and_wait(ring, depth)
        wait_cqe(ring, cqes)
        for number in range(depth):
            cqe = cqes[number]
            if cqe.res != PAGE or cqe.user_data is None:
                raise RuntimeError("a read has failed")
        advance(ring, depth)

    try:
        return per_read(depth, batch)
    finally:
        liburing.io_uring_queue_exit(ring)


def by_pread(fds: list[int], depth: int) -> float:
    every = batches(fds, depth)

    def batch() -> None:
        for fd, _, offset in next(every):
            if len(os.pread(fd, PAGE, offset)) != PAGE:
                raise RuntimeError("a read has failed")

    return per_read(depth, batch)


def comparisons() -> Iterator[Comparison]:
    one, many = functools.partial(opened, 1), functools.partial(opened, FILES)
    peers: dict[str, Way] = {"C ring": by_c_ring, "os.pread": by_pread}
    if liburing is not None:
        peers["liburing"] = by_liburing
    for way, title, depth, targets in (
        (one_by_one, "one by one", 1, {"os.pread": 2.0}),
        (by_methods, f"{DEPTH} at once", DEPTH, {"liburing": 1.0}),
        (by_read_many, f"{DEPTH} at once by read_many", DEPTH, {"C ring": 1.15, "liburing": 1.0}),
    ):
        ways: dict[str, Way] = {"butter": way, **peers}
        yield Comparison(
            f"Cached reads of 4 KiB, {title}",
            {name: sample(way, depth, one) for name, way in ways.items()},
            targets,
        )
    yield Comparison(
        f"Cached reads of 4 KiB, {DEEP:,} at once",
        {
            "butter": sample(by_methods, DEEP, one),
            f"butter, {DEPTH} at once": sample(by_methods, DEPTH, one),
            "butter, one at once": sample(by_methods, 1, one),
            "C ring": sample(by_c_ring, DEEP, one),
        },
        {f"butter, {DEPTH} at once": 1.2, "butter, one at once": 1.2},
    )
    yield Comparison(
        f"Cached reads of 4 KiB from {FILES:,} open files",
        {
            "butter": sample(by_methods, DEPTH, many),
            "butter, one file": sample(by_methods, DEPTH, one),
            "C ring": sample(by_c_ring, DEPTH, many),
            "C ring, one file": sample(by_c_ring, DEPTH, one),
        },
        {"butter, one file": 1.2},
    )
    if has_loops():
        yield Comparison(
            f"Reads of 4 KiB by O_DIRECT from a loop device, {DEPTH} at once by read_many",
            {
                "butter": sample(by_read_many, DEPTH, loop_device),
                "butter by methods": sample(by_methods, DEPTH, loop_device),
                "C ring": sample(by_c_ring, DEPTH, loop_device),
            },
            {"C ring": 1 / 0.95},
        )
