"""The entries of directories, and opens."""

import gc
import os
import sys
import threading
import time
import warnings

import pytest
import trio
from features import LONG
from files import Told, everywhere, files, step
from loops import finished, start, turn, under_trio
from support import descriptors, until

from butter._awaitables import _files_paths

# directories: threads alone read them, whichever the backend


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory of more files than a thread takes at once."""
    path = tmp_path_factory.mktemp("many")
    fill(path, 600)
    return path


NAMES = [f"{number:04}" for number in range(600)]


def fill(folder, count):
    """Make so many files, and return their names in order."""
    for number in range(count):
        (folder / f"{number:04}").touch()
    return [f"{number:04}" for number in range(count)]


@everywhere
async def test_tasks_share_a_scan(folder, monkeypatch):
    """Each entry goes to one of the tasks that iterate, and one directory is opened."""
    found, opened = [], []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(path) or scandir(path))
    entries = files().scandir(folder)

    async def take():
        async for entry in entries:
            found.append(entry.name)
            await step(1)

    await finished([start(take()) for _ in range(5)])
    assert sorted(found) == NAMES
    assert opened == [str(folder)]
    assert await entries == []


@everywhere
async def test_a_task_that_shares_a_scan_is_cancelled(folder):
    """Entries that a cancelled task has asked for go to the others."""
    for turns in range(8):
        found, entries = [], files().scandir(folder)

        async def take(entries=entries, found=found):
            async for entry in entries:
                found.append(entry.name)

        first, second = Told(take), start(take())
        await first.cancel(turns)
        await finished([second])
        assert sorted(found) == NAMES


@everywhere
async def test_a_scan_goes_on_as_a_list(folder):
    """A list has the entries that were not iterated, in the order of os.scandir."""
    entries = files().scandir(folder)
    first = [(await entries.__anext__()).name for _ in range(3)]
    with os.scandir(folder) as theirs:
        assert first + [entry.name for entry in await entries] == [entry.name for entry in theirs]


class Slow:
    """The iterator of os.scandir, which waits in its first step."""

    def __init__(self, path):
        self.entries = self.scandir(path)
        self.reads, self.may_go_on, self.closed_amid = threading.Event(), threading.Event(), False

    def __iter__(self):
        return self

    def __next__(self):
        self.reads.set()
        assert self.may_go_on.wait(LONG)
        return next(self.entries)

    def close(self):
        self.closed_amid |= self.reads.is_set() and not self.may_go_on.is_set()
        self.entries.close()

    scandir = staticmethod(os.scandir)


@everywhere
async def test_a_scan_is_closed_amid_a_read(tmp_path, monkeypatch):
    """The thread that reads a directory ends its read, and then closes it."""
    fill(tmp_path, 3)
    made = []
    monkeypatch.setattr(os, "scandir", lambda path: made.append(Slow(path)) or made[0])
    entries = files().scandir(tmp_path)
    call, other = Told(entries.__anext__), Told(entries.__anext__)
    while not (made and made[0].reads.is_set()):
        await step(1)
    entries.close()
    made[0].may_go_on.set()
    await finished([call.task, other.task])
    for ended in (call, other):
        assert isinstance(ended.error, StopAsyncIteration)
    assert not made[0].closed_amid
    assert list(made[0].entries) == []  # it is closed
    assert await entries == []


def test_threads_read_and_close_a_directory(folder):
    """Whenever a directory is closed, a thread that reads it leaves nothing open."""
    for number in range(200):
        directory = _files_paths.Directory(folder)
        thread = threading.Thread(target=directory.take)
        thread.start()
        time.sleep(number * 0.000002)
        directory.close()
        thread.join(LONG)
        assert directory.take() == []


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy collects the scan later")
@everywhere
async def test_a_forgotten_scan(folder):
    """A scan that is forgotten before its end warns, and its directory is closed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async for _ in files().scandir(folder):
            break
        await turn()
        # the thread that has read it may be the last that knows it
        until(lambda: str(folder) not in (gc.collect(), *descriptors().values()))
    assert [each.category for each in caught] == [ResourceWarning]


@everywhere
async def test_other_tasks_run_beside_a_scan(folder):
    """Tasks run between the entries that were read together."""
    times = []

    async def tick():
        while True:
            times.append(time.perf_counter())
            await step(1)

    ticking = start(tick())
    seen = set()
    async for _ in files().scandir(folder):
        until = time.perf_counter() + 0.0002
        while time.perf_counter() < until:
            pass
        seen.add(len(times))
    ticking.cancel()
    await finished([ticking])
    assert len(seen) > 10


@under_trio
async def test_a_scan_is_cancelled_between_entries(tmp_path):
    """An entry that is there already is not returned to a task that is cancelled."""
    names = fill(tmp_path, 10)
    async with files().scandir(tmp_path) as entries:
        found = [(await entries.__anext__()).name]
        with trio.CancelScope() as scope:
            scope.cancel()
            await entries.__anext__()
        assert scope.cancelled_caught
        found += [entry.name async for entry in entries]
    assert sorted(found) == names


# opens


@everywhere
async def test_an_opening_is_used_once(backend, tmp_path):
    """A second use of what open returns raises, and opens nothing."""
    opening = files().open(tmp_path / "file", "wb", backend=backend)
    async with opening as file:
        with pytest.raises(RuntimeError, match=r"file.* was awaited already; call open\(\) again"):
            async with opening:
                pass
        with pytest.raises(RuntimeError, match="awaited already"):
            await opening
        await file.write(b"x")
    assert file.closed
    opening = files().open(tmp_path / "missing", backend=backend)
    with pytest.raises(FileNotFoundError):
        await opening
    with pytest.raises(RuntimeError, match="awaited already"):
        await opening


@everywhere
async def test_an_opening_that_is_never_awaited(backend, tmp_path):
    """It warns as a coroutine does; wrong arguments raise before, and do not warn."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        files().open(tmp_path / "file", "wb", backend=backend)
        with pytest.raises(ValueError, match="mode"):
            files().open(tmp_path / "file", "wrong")
        for _ in range(3):
            gc.collect()
    assert [(each.category, str(each.message)) for each in caught] == [
        (RuntimeWarning, f"open({str(tmp_path / 'file')!r}) was never awaited")
    ]
    assert os.listdir(tmp_path) == []
