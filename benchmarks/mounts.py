"""The mounts of a process that sees 2,000 of them, in namespaces of its own.

The whole table, and what a monitor tells of those that come and go.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.floor import Floor
from benchmarks.runner import Comparison, Sample, repeated, taken
from butter.fanotify import (
    FAN_MARK_MNTNS,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_REPORT_MNT,
    Fanotify,
)
from butter.mounts import FAN_NONBLOCK, MountMonitor
from butter.system import STATMOUNT_MNT_BASIC, Mount, mount, mounts, umount

floor = Floor(
    "floor_mounts",
    "long table(uint64_t mask); long follow(int fd);",
    """
    #include <stdint.h>
    #include <string.h>
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

    /* reads the events that wait, and looks up each mount that has appeared */
    static long follow(int fd)
    {
        struct { uint32_t size, fd; uint64_t id, param; } request = { 24, 0, 0, 0x3BB };
        static char data[4096], status[1 << 14];
        long seen = 0, size = read(fd, data, sizeof(data));

        for (long at = 0; at < size; at += *(uint32_t *)(data + at)) {
            if (!(*(uint64_t *)(data + at + 8) & 0x01000000))
                continue;
            /* the event has 24 bytes, the head of the record with the id 8 */
            memcpy(&request.id, data + at + 32, sizeof(request.id));
            seen += syscall(SYS_statmount, &request, status, sizeof(status), 0) == 0;
        }
        return seen;
    }
    """,
)

MOUNTS = 2_000
TIMES = 5
CHANGES = 20
# what complete objects consist of, as butter/build/system_mounts.c asks for it
COMPLETE = 0x3BB
PEER = "psutil.disk_partitions"
TABLE = "reading mountinfo"

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


@contextlib.contextmanager
def in_c(_: str) -> Iterator[Callable[[], int]]:
    with Fanotify(FAN_REPORT_MNT | FAN_NONBLOCK) as fanotify:
        fanotify.watch("/proc/self/ns/mnt", FAN_MNT_ATTACH | FAN_MNT_DETACH, FAN_MARK_MNTNS)
        yield lambda: int(floor.follow(fanotify.fileno()))


@contextlib.contextmanager
def with_monitor(target: str) -> Iterator[Callable[[], int]]:
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        yield lambda: sum(event.appeared and event.mount.path == target for event in monitor.read_events())


@contextlib.contextmanager
def with_table(target: str) -> Iterator[Callable[[], int]]:
    path = Path("/proc/self/mountinfo")
    yield lambda: sum(line.split(b" ")[4] == target.encode() for line in path.read_bytes().splitlines())


FOLLOW = {"C floor, followed": in_c, "butter, followed": with_monitor, f"{TABLE}, followed": with_table}


def followed(name: str, target: str) -> float:
    """Return the nanoseconds in which one of CHANGES mounts is noticed."""
    spent = found = 0
    with FOLLOW[name](target) as look:
        for _ in range(CHANGES):
            mount("benchmark", target, "tmpfs")
            start = time.perf_counter_ns()
            found += look()
            spent += time.perf_counter_ns() - start
            umount(target)
            look()
    assert found == CHANGES, (name, found)
    return spent / CHANGES


def serve(connection: Connection, place: str) -> None:
    """Take the sample of each name that comes: the nanoseconds for one mount."""
    crowd(place)
    target = f"{place}/target"
    os.mkdir(target)
    while name := connection.recv():
        if name in FOLLOW:
            connection.send(followed(name, target))
        else:
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
        yield Comparison(
            f"Noticing a mount beside {MOUNTS:,} others",
            {name: sample(f"{name}, followed") for name in ("C floor", "butter", TABLE)},
            # one event costs a few calls in Python, whereas the file has every mount
            {"C floor": 10, TABLE: 0.02},
        )
        here.send("")
        process.join()
