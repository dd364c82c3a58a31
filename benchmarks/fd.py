"""Calls for any descriptor: duplicates, ranges, and reads into buffers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.fd import close_range, dup3, preadv2, pwritev2, read_into, readv, writev

floor = Floor(
    "floor_fd",
    """
    void duplicate(int fd, int other, long count);
    void read_at(int fd, long count);
    void write_at(int fd, long count);
    """,
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <sys/uio.h>
    #include <unistd.h>

    static void duplicate(int fd, int other, long count)
    {
        while (count--)
            dup3(fd, other, O_CLOEXEC);
    }

    static void read_at(int fd, long count)
    {
        char buffer[64] = "";
        struct iovec vector = {buffer, sizeof buffer};
        while (count--)
            if (preadv(fd, &vector, 1, 0) < 0)
                break;
    }

    static void write_at(int fd, long count)
    {
        char buffer[64] = "";
        struct iovec vector = {buffer, sizeof buffer};
        while (count--)
            if (pwritev(fd, &vector, 1, 0) < 0)
                break;
    }
    """,
)

MIB = 1 << 20
READS = 500
CALLS = 20_000


def on_file(size: int, measure: Callable[[int, bytearray], float]) -> Callable[[], float]:
    """Return a sample of *measure* with a file, and a buffer, of *size* bytes."""

    def sample() -> float:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(os.urandom(size))
            return measure(file.fileno(), bytearray(size))

    return sample


def on_files(statement: str, count: int, size: int, **names: object) -> Callable[[], float]:
    """Return a sample of *statement*, for ``fd`` and ``buffer`` as above."""
    return on_file(size, lambda fd, buffer: repeated(statement, count, fd=fd, buffer=buffer, **names))


def on_zeros(statement: str, **names: object) -> Callable[[], float]:
    """Return a sample of *statement* for the device of zeros and two buffers."""

    def sample() -> float:
        fd = os.open("/dev/zero", os.O_RDWR)
        try:
            return repeated(statement, CALLS, fd=fd, buffers=[bytearray(1), bytearray(1)], **names)
        finally:
            os.close(fd)

    return sample


def on_number(statement: str, **names: object) -> Callable[[], float]:
    """Return a sample of *statement* for ``other``, which is an open number."""

    def sample() -> float:
        other = os.dup(0)
        try:
            return repeated(statement, CALLS, other=other, **names)
        finally:
            os.close(other)

    return sample


def duplicate_in_c() -> float:
    other = os.dup(0)
    try:
        return timed(floor.duplicate, 0, other, CALLS)
    finally:
        os.close(other)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Reading 1 MiB of a file into a buffer",
        {
            "butter": on_files(
                "lseek(fd, 0, 0); read_into(fd, buffer)", READS, MIB, lseek=os.lseek, read_into=read_into
            ),
            "os.readv": on_files("lseek(fd, 0, 0); readv(fd, (buffer,))", READS, MIB, lseek=os.lseek, readv=os.readv),
            "os.read": on_files("lseek(fd, 0, 0); read(fd, 1 << 20)", READS, MIB, lseek=os.lseek, read=os.read),
        },
        {"os.readv": 1.0},
    )
    yield Comparison(
        "Reading into two buffers",
        {"butter": on_zeros("call(fd, buffers)", call=readv), "os.readv": on_zeros("call(fd, buffers)", call=os.readv)},
        {"os.readv": 1.35},
    )
    yield Comparison(
        "Writing two buffers",
        {
            "butter": on_zeros("call(fd, buffers)", call=writev),
            "os.writev": on_zeros("call(fd, buffers)", call=os.writev),
        },
        {"os.writev": 1.35},
    )
    yield Comparison(
        "Reading 64 bytes of a file at an offset",
        {
            "C floor": on_file(64, lambda fd, buffer: timed(floor.read_at, fd, CALLS)),
            "butter": on_files("call(fd, (buffer,), 0)", CALLS, 64, call=preadv2),
            "os.preadv": on_files("call(fd, (buffer,), 0)", CALLS, 64, call=os.preadv),
        },
        {"os.preadv": 1.35},
    )
    yield Comparison(
        "Writing 64 bytes to a file at an offset",
        {
            "C floor": on_file(64, lambda fd, buffer: timed(floor.write_at, fd, CALLS)),
            "butter": on_files("call(fd, (buffer,), 0)", CALLS, 64, call=pwritev2),
            "os.pwritev": on_files("call(fd, (buffer,), 0)", CALLS, 64, call=os.pwritev),
        },
        {"os.pwritev": 1.35},
    )
    yield Comparison(
        "Duplicating a descriptor",
        {
            "C floor": duplicate_in_c,
            "butter": on_number("dup3(0, other)", dup3=dup3),
            "os.dup2": on_number("dup2(0, other, False)", dup2=os.dup2),
        },
        # docs/design.rst, "Three arguments cost more than a short call", says why
        {"os.dup2": 4.0},
    )
    yield Comparison(
        "Closing a range without an open number",
        {
            "butter": on_number("close_range(100_000, 100_010)", close_range=close_range),
            "os.closerange": on_number("closerange(100_000, 100_011)", closerange=os.closerange),
        },
        {"os.closerange": 4.0},
    )
