"""Files that the benchmarks of reads in the background read page by page."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from benchmarks.runner import FOLDER, Sample

PAGE, PAGES = 4096, 256

#: makes so many reads at once of these descriptors, and returns the nanoseconds of one
Way = Callable[[list[int], int], float]


def has_loops() -> bool:
    """Whether this process can make a loop device; if not, stderr has a line on it."""
    if os.geteuid() == 0 and os.path.exists("/dev/loop-control") and shutil.which("losetup"):
        return True
    print("no loop device is read: that needs root, /dev/loop-control and losetup", file=sys.stderr)
    return False


@contextlib.contextmanager
def opened(count: int, flags: int = 0) -> Iterator[list[int]]:
    """A file of pages, opened so often: the descriptors.

    It is on a disk, and in the cache: io_uring reads a file in memory, as those of
    /dev/shm, by a thread of the kernel.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 100)), hard))
    fds: list[int] = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(os.urandom(PAGE * PAGES))
        file.flush()
        if flags & os.O_DIRECT:
            os.fsync(file.fileno())
        try:
            fds.extend(os.open(file.name, os.O_RDONLY | flags) for _ in range(count))
            yield fds
        finally:
            for fd in fds:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def loop_device() -> Iterator[list[int]]:
    """A loop device that is open with O_DIRECT: its descriptor."""
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        file.write(os.urandom(PAGE * PAGES))
        file.flush()
        found = subprocess.run(["losetup", "--find", "--show", file.name], check=True, capture_output=True, text=True)
        device = found.stdout.strip()
        try:
            fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
            try:
                yield [fd]
            finally:
                os.close(fd)
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)


def sample(way: Way, depth: int, files: Callable[[], AbstractContextManager[list[int]]]) -> Sample:
    """Return a sample that *way* takes of *files*, which are there so long."""

    def take() -> float:
        with files() as fds:
            return way(fds, depth)

    return take
