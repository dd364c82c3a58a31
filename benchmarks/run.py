"""A program in a container: butter beside bubblewrap, both with the same isolation."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import struct
import sys
import time
from collections.abc import Iterator

from benchmarks.runner import Comparison, repeated
from butter.cli import _container, _foreground

PROGRAM = "/bin/true"
STARTS = 20

BWRAP = [
    *("bwrap", "--unshare-all", "--uid", "0", "--gid", "0", "--hostname", "butter", "--die-with-parent"),
    *("--as-pid-1", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
    *(
        word
        for name in _container.SYSTEM
        if os.path.islink(f"/{name}")
        for word in ("--symlink", f"usr/{name}", f"/{name}")
    ),
    PROGRAM,
]
COMMAND = [sys.executable, "-m", "butter", "run", "--", PROGRAM]
PYTHON = [sys.executable, "-c", "pass"]


def by_butter() -> float:
    """In a process that has the imports; neither its fork nor its end counts."""
    reading, writing = os.pipe()
    for _ in range(STARTS):
        if not os.fork():
            with contextlib.suppress(BaseException):
                os.write(writing, struct.pack("d", one_by_butter()))
            os._exit(0)
        os.wait()
    os.close(writing)
    with open(reading, "rb") as results:
        samples: list[float] = [took for (took,) in struct.iter_unpack("d", results.read())]
    return statistics.mean(samples)


def one_by_butter() -> float:
    begun = time.perf_counter_ns()
    with _foreground.signals() as received:
        _container.enter(keep_ids=False, network=False)
        child = _container.start(
            [PROGRAM], [], hostname="butter", env=os.environ, network=False, rlimits={}, cgroup=None
        )
        if _foreground.wait(child, received):
            raise RuntimeError("the container has failed")
    return time.perf_counter_ns() - begun


def by_program(argv: list[str]) -> float:
    def start() -> None:
        if os.waitpid(os.posix_spawnp(argv[0], argv, os.environ), 0)[1]:
            raise RuntimeError(f"{argv[0]} has failed")

    return repeated("start()", STARTS, start=start)


def comparisons() -> Iterator[Comparison]:
    contenders = {
        "butter": by_butter,
        "butter run": lambda: by_program(COMMAND),
        "the start of Python": lambda: by_program(PYTHON),
    }
    if shutil.which("bwrap"):
        contenders["bwrap"] = lambda: by_program(BWRAP)
    yield Comparison("A program in a container", contenders, targets={"bwrap": 1.5}, rounds=7)
