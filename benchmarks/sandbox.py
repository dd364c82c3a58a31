"""Starting a program with fences around it, and running a function behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.runner import Comparison, repeated
from butter.clone import spawn
from butter.sandbox import Sandbox

PROGRAM = ["/bin/true"]
STARTS = 30
# where the directories of programs are links to those below /usr, as everywhere by now
SYSTEM = ["/usr"] if os.path.islink("/bin") else ["/usr", "/bin", "/lib", "/lib64"]

FENCED = {"sandbox": Sandbox(read=["/etc"], execute=SYSTEM, syscalls="build")}


def by_spawn(options: Mapping[str, Any]) -> float:
    def start() -> None:
        with spawn(PROGRAM, **options) as child:
            child.wait()

    return repeated("start()", STARTS, start=start)


def by_run() -> float:
    sandbox = Sandbox(read=["/etc"])
    return repeated("run(int)", STARTS, run=sandbox.run)


def by_fork() -> float:
    def start() -> None:
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)

    return repeated("start()", STARTS, start=start)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Starting a program in a sandbox, and waiting for it",
        {"butter": lambda: by_spawn(FENCED), "spawn without a sandbox": lambda: by_spawn({})},
        targets={"spawn without a sandbox": 1.5},
    )
    yield Comparison("A function in a sandbox", {"butter": by_run, "fork alone": by_fork})
