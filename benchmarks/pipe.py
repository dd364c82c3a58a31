"""Pipes: making one, and its size, beside Python's own calls."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.pipe import F_GETPIPE_SZ, Pipe, get_pipe_size, pipe2

floor = Floor(
    "floor_pipe",
    "void create(long count); void size(int fd, long count);",
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <unistd.h>

    static void create(long count)
    {
        int ends[2];
        while (count--)
            if (!pipe2(ends, O_CLOEXEC)) {
                close(ends[0]);
                close(ends[1]);
            }
    }

    static void size(int fd, long count)
    {
        while (count--)
            fcntl(fd, F_GETPIPE_SZ);
    }
    """,
)

CALLS = 5_000
SIZES = 50_000


def create_by_call() -> float:
    return repeated("r, w = pipe2(); close(r); close(w)", CALLS, pipe2=pipe2, close=os.close)


def create_by_object() -> float:
    return repeated("Pipe().close()", CALLS, Pipe=Pipe)


def create_by_os() -> float:
    return repeated(
        "r, w = pipe2(flags); close(r); close(w)", CALLS, pipe2=os.pipe2, close=os.close, flags=os.O_CLOEXEC
    )


def size_in_c() -> float:
    with Pipe() as pipe:
        return timed(floor.size, pipe.reader.fileno(), SIZES)


def size_by_call() -> float:
    with Pipe() as pipe:
        return repeated("get_pipe_size(fd)", SIZES, get_pipe_size=get_pipe_size, fd=pipe.reader.fileno())


def size_by_fcntl() -> float:
    with Pipe() as pipe:
        return repeated("fcntl(fd, command)", SIZES, fcntl=fcntl.fcntl, fd=pipe.reader.fileno(), command=F_GETPIPE_SZ)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Making a pipe, and closing it",
        {
            "C floor": lambda: timed(floor.create, CALLS),
            "butter": create_by_call,
            "Pipe": create_by_object,
            "os.pipe2": create_by_os,
        },
        {"os.pipe2": 1.35},
    )
    yield Comparison(
        "The size of a pipe",
        {"C floor": size_in_c, "butter": size_by_call, "fcntl.fcntl": size_by_fcntl},
        # it leaves the GIL: a writer may hold the lock of the pipe
        {"fcntl.fcntl": 2.0},
    )
