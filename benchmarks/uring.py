"""Reading a cached file by io_uring, beside os.pread and C."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.uring import Ring

SIZE, DEPTH = 4096, 32

floor = Floor(
    "floor_uring",
    "void preads(int fd, long count);",
    """
    #define _GNU_SOURCE
    #include <unistd.h>

    static void preads(int fd, long count)
    {
        char buffer[4096];
        while (count--)
            if (pread(fd, buffer, sizeof buffer, 0) != sizeof buffer)
                return;
    }
    """,
)


def with_file(measure: Callable[[int], float]) -> float:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(SIZE))
        file.flush()
        return measure(file.fileno())


def one_by_one(fd: int) -> float:
    buffer = bytearray(SIZE)
    with Ring(DEPTH) as ring:
        return repeated("ring.pread(fd, buffer, 0); ring.wait()", ring=ring, fd=fd, buffer=buffer)


def os_pread(fd: int) -> float:
    return repeated("os.pread(fd, 4096, 0)", os=os, fd=fd)


def in_batches(fd: int) -> float:
    buffers = [bytearray(SIZE) for _ in range(DEPTH)]
    with Ring(DEPTH) as ring:
        start = time.perf_counter_ns()
        for _ in range(300):
            for buffer in buffers:
                ring.pread(fd, buffer, 0)
            left = DEPTH
            while left:
                left -= len(ring.read_events())
        return (time.perf_counter_ns() - start) / (300 * DEPTH)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "A cached read of 4 KiB",
        {
            "C floor": lambda: with_file(lambda fd: timed(floor.preads, fd, 20_000)),
            "butter": lambda: with_file(one_by_one),
            "butter, 32 at once": lambda: with_file(in_batches),
            "os.pread": lambda: with_file(os_pread),
        },
        {},
    )
