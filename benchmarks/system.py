"""The calls of containers: mounting, the name of the host, and ids."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor
from benchmarks.runner import Comparison, Sample, repeated
from butter.system import gethostname, getpid, mount, umount

floor = Floor(
    "floor_system",
    "int own_mounts(void); void mounts(const char *target, long count);",
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <sched.h>
    #include <sys/mount.h>

    static int own_mounts(void)
    {
        if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
            return -1;
        return mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    }

    static void mounts(const char *target, long count)
    {
        while (count--) {
            mount("benchmark", target, "tmpfs", MS_NOSUID, "size=64k");
            umount2(target, 0);
        }
    }
    """,
)

MOUNTS = 100
CALLS = 200_000
NAMES = 20_000


def with_own_mounts(measure: Callable[[str], float]) -> Sample:
    """Return a sample of *measure*, which mounts on the directory that it gets.

    It is taken in a child with a mount namespace of its own.
    """

    def sample() -> float:
        reading, writing = os.pipe()
        with tempfile.TemporaryDirectory() as target, open(reading) as result:
            pid = os.fork()
            if pid == 0:
                try:
                    if floor.own_mounts() == 0:
                        os.write(writing, str(measure(target)).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            os.waitpid(pid, 0)
            return float(result.read())

    return sample


def mount_in_c(target: str) -> float:
    return repeated("mounts(target, count)", 1, mounts=floor.mounts, target=target.encode(), count=MOUNTS) / MOUNTS


def mount_by_butter(target: str) -> float:
    return repeated(
        "mount('benchmark', target, 'tmpfs', 2, 'size=64k'); umount(target)",
        MOUNTS,
        mount=mount,
        umount=umount,
        target=target,
    )


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Mounting a tmpfs, and unmounting it",
        {"C floor": with_own_mounts(mount_in_c), "butter": with_own_mounts(mount_by_butter)},
        {"C floor": 1.15},
        rounds=151,
    )
    yield Comparison(
        "The id of the process",
        {
            "butter": lambda: repeated("getpid()", CALLS, getpid=getpid),
            "os.getpid": lambda: repeated("getpid()", CALLS, getpid=os.getpid),
        },
        {"os.getpid": 1.35},
    )
    yield Comparison(
        "The name of the host",
        {
            "butter": lambda: repeated("gethostname()", NAMES, gethostname=gethostname),
            "socket.gethostname": lambda: repeated("gethostname()", NAMES, gethostname=socket.gethostname),
        },
    )
