"""Files in memory: making one, mapping it, and a sealed copy."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.memfd import F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, Memfd

floor = Floor(
    "floor_memfd",
    "void create(long count); void map(int fd, long size, long count);",
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <sys/mman.h>
    #include <unistd.h>

    static void create(long count)
    {
        while (count--)
            close(memfd_create("benchmark", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    }

    static void map(int fd, long size, long count)
    {
        while (count--)
            munmap(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), size);
    }
    """,
)

SIZE = 1 << 20
CONTENT = os.urandom(SIZE)
CALLS = 5_000
COPIES = 50
FLAGS = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL


def create_by_butter() -> float:
    return repeated("Memfd('benchmark').close()", CALLS, Memfd=Memfd)


def create_by_os() -> float:
    return repeated("os.close(os.memfd_create('benchmark', flags))", CALLS, os=os, flags=FLAGS)


def on_memfd(measure: Callable[[Memfd], float]) -> Callable[[], float]:
    """Return a sample of *measure* with a memfd of SIZE bytes."""

    def sample() -> float:
        with Memfd("benchmark", CONTENT) as memfd:
            return measure(memfd)

    return sample


def map_by_butter(memfd: Memfd) -> float:
    return repeated("memfd.mmap().close()", CALLS, memfd=memfd)


def map_by_python(memfd: Memfd) -> float:
    return repeated("mmap(fd, 0).close()", CALLS, mmap=mmap.mmap, fd=memfd.fileno())


def copy_by_butter(memfd: Memfd) -> float:
    return repeated("memfd.sealed_copy().close()", COPIES, memfd=memfd)


def copy_by_os(memfd: Memfd) -> float:
    def sealed_copy() -> int:
        """The same by hand: open for reading alone, and sealed."""
        copy = os.memfd_create("benchmark", FLAGS)
        offset = 0
        while block := os.pread(memfd.fileno(), SIZE, offset):
            offset += os.pwrite(copy, block, offset)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
        sealed = os.open(f"/proc/self/fd/{copy}", os.O_RDONLY | os.O_CLOEXEC)
        os.close(copy)
        return sealed

    return repeated("close(sealed_copy())", COPIES, close=os.close, sealed_copy=sealed_copy)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Making a memfd, and closing it",
        {
            "C floor": lambda: timed(floor.create, CALLS),
            "butter": create_by_butter,
            "os.memfd_create": create_by_os,
        },
    )
    yield Comparison(
        "Mapping a memfd, and unmapping it",
        {
            "C floor": on_memfd(lambda memfd: timed(floor.map, memfd.fileno(), SIZE, CALLS)),
            "butter": on_memfd(map_by_butter),
            "mmap.mmap": on_memfd(map_by_python),
        },
    )
    yield Comparison(
        "A sealed copy of 1 MiB",
        {"butter": on_memfd(copy_by_butter), "os.memfd_create, os.pwrite, fcntl.fcntl": on_memfd(copy_by_os)},
    )
