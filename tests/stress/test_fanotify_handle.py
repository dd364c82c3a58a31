"""The paths of handles while their directories move as fast as they can."""

import contextlib
import os
import threading
from collections import Counter

import pytest
from support import needs, own_filesystem

from butter._fanotify_handle import FileHandle
from butter._fanotify_handle_paths import Paths, UnknownPath

pytestmark = [pytest.mark.stress, needs("CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN")]


@contextlib.contextmanager
def moving(names):
    """Another process renames the directory *names[0]* to each of *names* in turn."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(writing)
            os.set_blocking(reading, False)
            while True:
                for old, new in zip(names * 100, [*names[1:], names[0]] * 100):
                    os.rename(old, new)
                with contextlib.suppress(BlockingIOError):
                    os.read(reading, 1)
                    break  # the other end is closed
        finally:
            os._exit(0)
    os.close(reading)
    try:
        yield
    finally:
        os.close(writing)
        os.waitpid(pid, 0)


def test_a_directory_that_moves_all_the_time(tmp_path):
    """Each of 100,000 looks by four threads finds a place of it, or tells of moves."""

    def body(place):
        names = [f"{os.getcwd()}/{name}" for name in ("a", "b", "c")]
        os.makedirs(f"{names[0]}/below")
        handle = FileHandle.of(f"{names[0]}/below")
        paths, found = Paths(), Counter()
        paths.add(place)

        def look():
            for _ in range(25_000):
                try:
                    found[paths.path(handle)] += 1
                except UnknownPath as error:
                    found[error.reason] += 1

        with moving(names):
            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert set(found) <= {*(f"{name}/below" for name in names), "moving"}
        assert len(found) >= len(names)

    own_filesystem(body, tmp_path, "tmpfs")
