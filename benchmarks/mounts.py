"""The mount table of a process that sees 2,000 mounts, in namespaces of its own."""

from __future__ import annotations

import ctypes
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection

import psutil

from benchmarks.floor import Floor
from benchmarks.runner import Comparison, Sample, repeated, taken
from butter.system import STATMOUNT_MNT_BASIC, Mount, mounts

floor = Floor(
    "floor_mounts",
    "long table(uint64_t mask);",
    """
    #include <stdint.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #ifndef SYS_statmount
    # define SYS_statmount 457
    # define SYS_listmount 458
    #endif

    static long table(uint64_t mask)
    {
        struct { uint32_t size, fd; uint64_t id, param; } request = { 24, 0, UINT64_MAX, 0 };
        static uint64_t ids[4096];
        static char status[1 << 14];
        long count = syscall(SYS_listmount, &request, ids, 4096, 0);

        request.param = mask;
        for (long i = 0; i < count; i++) {
            request.id = ids[i];
            syscall(SYS_statmount, &request, status, sizeof(status), 0);
        }
        return count;
    }
    """,
)

MOUNTS = 2_000
TIMES = 5
# what complete objects consist of, as butter/build/system_mounts.c asks for it
COMPLETE = 0x3BB
PEER = "psutil.disk_partitions"

WORK: dict[str, Callable[[], object]] = {
    "C floor": lambda: floor.table(STATMOUNT_MNT_BASIC),
    "butter": lambda: list(mounts(strings=False)),
    "C floor, complete": lambda: floor.table(COMPLETE),
    "butter, complete": lambda: list(mounts()),
    PEER: lambda: psutil.disk_partitions(all=True),
}


def crowd(place: str) -> None:
    """Have many mounts below *place*, in namespaces of this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(0x10000000 | 0x20000):  # CLONE_NEWUSER, CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with Mount.new("tmpfs") as mount:
        mount.attach(place)
    for _ in range(MOUNTS):
        # as a host of containers has them
        volume = f"{place}/kubelet/pods/{uuid.uuid4()}/volumes/kubernetes.io~empty-dir/data"
        os.makedirs(volume)
        with Mount.new("tmpfs", size="1m") as mount:
            mount.set(nosuid=True, nodev=True)
            mount.attach(volume)


def serve(connection: Connection, place: str) -> None:
    """Take the sample of each name that comes: the nanoseconds for one mount."""
    crowd(place)
    while name := connection.recv():
        connection.send(taken(lambda: repeated("work()", TIMES, work=WORK[name]) / MOUNTS))


def comparisons() -> Iterator[Comparison]:
    here, there = Pipe()

    def sample(name: str) -> Sample:
        def ask() -> float:
            here.send(name)
            return float(here.recv())

        return ask

    with tempfile.TemporaryDirectory() as place:
        process = get_context("fork").Process(target=serve, args=[there, place], daemon=True)
        process.start()
        yield Comparison(
            f"Ids, flags and propagation of {MOUNTS:,} mounts",
            {name: sample(name) for name in ("C floor", "butter", PEER)},
            {PEER: 0.5},
        )
        yield Comparison(
            f"Everything about {MOUNTS:,} mounts",
            {name.partition(",")[0]: sample(name) for name in ("C floor, complete", "butter, complete", PEER)},
            {PEER: 1.7},
        )
        here.send("")
        process.join()
