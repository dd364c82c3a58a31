"""Control groups of a test's own."""

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path

from support.mounts import mountinfo
from support.needs import needs

_numbers = itertools.count()


def _cgroup2():
    """Where cgroup2 is mounted, or None."""
    return next((Path(mount.target) for mount in mountinfo() if mount.kind == "cgroup2"), None)


def usable():
    """Whether this process can make control groups."""
    return _cgroup2() is not None and os.access(_cgroup2(), os.W_OK)


needs_cgroup = needs(when=usable(), reason="needs cgroup2, and to make control groups")


@contextlib.contextmanager
def own_cgroup(frozen=False):
    """The directory of a new control group; its processes are killed at the end.

    A process that comes into a *frozen* one does not even begin.
    """
    path = _cgroup2() / f"butter-{os.getpid()}-{next(_numbers)}"
    path.mkdir()
    try:
        if frozen:
            freeze(path, True)
        yield path
    finally:
        deadline = time.monotonic() + 30
        while populated(path):
            kill_all(path)
            assert time.monotonic() < deadline, "a process does not end"
        path.rmdir()


def kill_all(path):
    """Kill the processes in a control group, but for those made meanwhile."""
    for pid in members(path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def freeze(path, frozen):
    """Freeze or thaw a control group."""
    (path / "cgroup.freeze").write_text(str(int(frozen)))


def members(path):
    """The numbers of the processes in a control group."""
    return [int(line) for line in (path / "cgroup.procs").read_text().split()]


def populated(path):
    """Whether there are processes in a control group that have not ended."""
    return "populated 1" in (path / "cgroup.events").read_text()
