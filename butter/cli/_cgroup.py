"""A control group for a program, which is removed whatever becomes of this process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from butter._sandbox_cgroup import find as find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def group(directory: Path, settings: Mapping[str, str]) -> Iterator[int]:
    """Make a group with *settings*, whose descriptor spawn takes.

    Another process removes it when this one ends, killed or not.
    """
    path = directory / f"butter-run-{os.getpid()}"
    path.mkdir()
    reading, writing = os.pipe()
    keeper = os.fork()
    if not keeper:
        os.close(writing)
        _keep(path, reading)
    os.close(reading)
    try:
        for name, value in settings.items():
            (path / name).write_text(value)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)
    finally:
        os.close(writing)
        os.waitpid(keeper, 0)


def _keep(path: Path, reading: int) -> None:
    """Remove the group when the other end of the pipe is closed."""
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        # a reader of the command's output waits for all its writers
        reading = fcntl.fcntl(reading, fcntl.F_DUPFD, 3)
        with open(os.devnull, "r+b") as null:
            for stream in range(3):
                os.dup2(null.fileno(), stream)
        os.read(reading, 1)
        with contextlib.suppress(OSError):
            # Linux 5.14
            (path / "cgroup.kill").write_text("1")
        with open(path / "cgroup.events") as events:
            changes = select.poll()
            changes.register(events, select.POLLPRI)
            while "populated 1" in events.read():
                changes.poll()
                events.seek(0)
        path.rmdir()
    finally:
        os._exit(0)
