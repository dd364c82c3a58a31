"""The parts of butter.trio.tree that wait in their own way."""

import os

import pytest
import trio
import trio.testing
from loops import finished, start, turn, under_trio

from butter.tree import ChangeKind
from butter.trio.tree import FileWatch_async, Tree_async, complete, watch_file


@under_trio
async def test_sync(tmp_path):
    """``sync`` returns when all that happened before can be taken without waiting."""
    async with Tree_async(tmp_path, backend="inotify") as tree:
        assert tree.backend == "inotify: asked for"
        (tmp_path / "file").touch()
        os.rename(tmp_path / "file", tmp_path / "moved")
        await tree.sync(60)
        assert tree.quiet
        told = [tree.get_nowait() for _ in range(tree.qsize())]
        assert (told[-1].kind, told[-1].path) == (ChangeKind.MOVED, "moved")
        with trio.testing.assert_checkpoints():
            await tree.sync()
    for method in tree.sync, lambda: tree.quiet:
        with pytest.raises(trio.ClosedResourceError):
            await method()


@under_trio
async def test_sync_that_takes_too_long(tmp_path):
    """A ``sync`` that is too short is a TimeoutError, the builtin and trio's."""
    path = tmp_path / "file"
    path.touch()
    async with FileWatch_async(path) as watch:
        path.unlink()  # DELETED comes after its pause
        with pytest.raises(trio.TooSlowError, match="no quiet moment"):
            await watch.sync(0)
        await watch.sync(60)
        assert watch.get_nowait().kind is ChangeKind.DELETED


@under_trio
async def test_settle(tmp_path):
    """A sum comes after a quiet time, also where an earlier wait was cancelled."""
    async with Tree_async(tmp_path) as tree:
        sums = tree.settle(0.05)
        (tmp_path / "file").touch()
        change = None
        with trio.move_on_after(0.01):
            change = await sums.__anext__()
        change = change or await sums.__anext__()
        assert (change.kind, change.path) == (ChangeKind.CREATED, "file")
        (tmp_path / "a").touch()
        (tmp_path / "b").touch()
        await sums.__anext__()
        with trio.testing.assert_checkpoints():
            await sums.__anext__()


@under_trio
async def test_watch_file(tmp_path):
    """One change is waited for, while other tasks run."""
    path = tmp_path / "file"
    with pytest.raises(trio.TooSlowError):
        await watch_file(path, 0)
    task = start(watch_file(path, 60))
    await turn()
    path.write_text("text")
    await finished([task])
    assert task.result().kind is ChangeKind.CREATED


@under_trio
async def test_a_spool_directory(tmp_path):
    """Files come when they are complete, and the iteration ends with the directory."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "old").touch()
    found = []
    async with complete(place, maxsize=2) as paths:
        assert paths.maxsize == 2
        async for path in paths:
            found.append(os.path.basename(path))
            os.rename(place, tmp_path / "moved")
    assert found == ["old"]
