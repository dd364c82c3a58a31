"""Namespaces: joining one, and going in and out."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, Sample, repeated
from butter.clone import CLONE_NEWUTS, Namespace, run_in, setns

floor = Floor(
    "floor_clone",
    "void join(int fd, int nstype, long count); void open_and_close(long count);",
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <sched.h>
    #include <unistd.h>

    static void join(int fd, int nstype, long count)
    {
        while (count--)
            setns(fd, nstype);
    }

    static void open_and_close(long count)
    {
        while (count--)
            close(open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC));
    }
    """,
)

CALLS = 20_000
OBJECTS = 5_000
THREADS = 500
UTS = "/proc/thread-self/ns/uts"


def on_namespace(statement: str, calls: int, **names: object) -> Sample:
    """Return a sample of *statement*, which uses *fd*, the own uts namespace."""

    def sample() -> float:
        fd = os.open(UTS, os.O_RDONLY)
        try:
            return repeated(statement, calls, fd=fd, **names)
        finally:
            os.close(fd)

    return sample


def join_in_c() -> float:
    fd = os.open(UTS, os.O_RDONLY)
    try:
        return timed(floor.join, fd, CLONE_NEWUTS, CALLS)
    finally:
        os.close(fd)


def comparisons() -> Iterator[Comparison]:
    joins = {"C floor": join_in_c, "butter": on_namespace("setns(fd, kind)", CALLS, setns=setns, kind=CLONE_NEWUTS)}
    if hasattr(os, "setns"):  # Python 3.12
        joins["os.setns"] = on_namespace("setns(fd, kind)", CALLS, setns=os.setns, kind=CLONE_NEWUTS)
    yield Comparison("Joining a namespace", joins, {"C floor": 1.5})
    yield Comparison(
        "Opening a namespace, and closing it",
        {
            "C floor": lambda: timed(floor.open_and_close, OBJECTS),
            "butter": lambda: repeated("Namespace(path).close()", OBJECTS, Namespace=Namespace, path=UTS),
            "os.open": lambda: repeated("os.close(os.open(path, 0))", OBJECTS, os=os, path=UTS),
        },
    )
    yield Comparison(
        "A function on a thread of its own inside a namespace",
        {"butter": on_namespace("run_in(int, fd)", THREADS, run_in=run_in)},
    )
