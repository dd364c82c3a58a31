"""A program in a container: butter beside bubblewrap, both with the same isolation."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
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
    """Without the start of Python, in a fork of this process for each container."""

    def start() -> None:
        pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException), _foreground.signals() as received:
                _container.enter(keep_ids=False, network=False)
                child = _container.start(
                    [PROGRAM], [], hostname="butter", env=os.environ, network=False, rlimits={}, cgroup=None
                )
                os._exit(_foreground.wait(child, received))
            os._exit(125)
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError("the container has failed")

    return repeated("start()", STARTS, start=start)


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
