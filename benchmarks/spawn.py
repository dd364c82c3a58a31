"""Starting a program and waiting for it: in a small and a large process, and inside."""

from __future__ import annotations

import mmap
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.runner import Comparison, Sample, repeated
from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    spawn,
)

PROGRAM = ["/bin/true"]
STARTS = 30
GIB = 1 << 30

NAMESPACES = (
    CLONE_NEWCGROUP
    | CLONE_NEWIPC
    | CLONE_NEWNET
    | CLONE_NEWNS
    | CLONE_NEWPID
    | CLONE_NEWTIME
    | CLONE_NEWUSER
    | CLONE_NEWUTS
)
INSIDE: Mapping[str, Any] = {
    "namespaces": NAMESPACES,
    "uid_map": [(0, os.geteuid(), 1)],
    "gid_map": [(0, os.getegid(), 1)],
}
KINDS = "--cgroup", "--ipc", "--net", "--mount", "--pid", "--time", "--user", "--uts"
UNSHARE = ["unshare", *KINDS, "--fork", "--map-root-user", *PROGRAM]


def by_butter(options: Mapping[str, Any] | None = None) -> float:
    def start() -> None:
        with spawn(PROGRAM, **(options or {})) as child:
            child.wait()

    return repeated("start()", STARTS, start=start)


def by_subprocess() -> float:
    def start() -> None:
        with subprocess.Popen(PROGRAM, close_fds=True) as child:
            child.wait()

    return repeated("start()", STARTS, start=start)


def by_posix_spawn(argv: list[str] = PROGRAM) -> float:
    return repeated(
        "waitpid(start(program, argv, environ), 0)",
        STARTS,
        start=os.posix_spawnp,
        waitpid=os.waitpid,
        program=argv[0],
        argv=argv,
        environ=os.environ,
    )


def with_memory(sample: Sample) -> Sample:
    """Return *sample*, taken while this process holds a GiB, in pages of 4 KiB."""

    def large() -> float:
        with mmap.mmap(-1, GIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_NOHUGEPAGE)
            for place in range(0, GIB, mmap.PAGESIZE):
                memory[place] = 1
            return sample()

    return large


def peers(wrapped: Callable[[Sample], Sample] = lambda sample: sample) -> dict[str, Sample]:
    return {
        "butter": wrapped(by_butter),
        "subprocess.Popen": wrapped(by_subprocess),
        "os.posix_spawn": wrapped(by_posix_spawn),
    }


def comparisons() -> Iterator[Comparison]:
    yield Comparison("Starting a program, and waiting for it", peers(), targets={"subprocess.Popen": 1.0})
    yield Comparison(
        "The same in a process of 1 GiB",
        {**peers(with_memory), "butter in a small process": by_butter},
        targets={"subprocess.Popen": 1.0, "butter in a small process": 1.2},
        rounds=7,
    )
    yield Comparison(
        "A program in namespaces of all kinds, as root there",
        {"butter": lambda: by_butter(INSIDE), "unshare(1)": lambda: by_posix_spawn(UNSHARE)},
        targets={"unshare(1)": 1.2},
    )
