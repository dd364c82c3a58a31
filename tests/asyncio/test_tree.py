"""The behaviour of butter.asyncio.tree that is its own."""

import asyncio
import os

import pytest
from loops import both
from support.histories import Mirror, differences, on_disk

from butter.asyncio.tree import FileWatch_async, Tree_async, complete, watch_file
from butter.tree import ChangeKind


@both
async def test_changes_are_events(tmp_path):
    """``get`` and ``async for`` return changes, and a mirror of them is the disk."""
    async with Tree_async(tmp_path) as tree:
        mirror = Mirror(tree.entries())
        os.makedirs(tmp_path / "a/b/c")
        change = await tree.get(60)
        assert (change.kind, change.path, change.is_dir) == (ChangeKind.CREATED, "a", True)
        mirror.follow(change)
        (tmp_path / "a/b/c/file").write_text("text")
        async for change in tree:
            mirror.follow(change)
            if change.path == "a/b/c/file" and await _is_same(tree, mirror, tmp_path):
                break


async def _is_same(tree, mirror, place):
    await tree.sync(60)
    while not tree.empty():
        mirror.follow(tree.get_nowait())
    return not differences(mirror.entries, on_disk(place))


@both
async def test_sync_of_an_awaitable(tmp_path):
    """``sync`` returns when all that happened before can be taken without waiting."""
    async with Tree_async(tmp_path, backend="inotify") as tree:
        assert tree.backend == "inotify: asked for"
        assert tree.quiet
        (tmp_path / "file").touch()
        os.rename(tmp_path / "file", tmp_path / "moved")
        await tree.sync(60)
        assert tree.quiet
        told = [tree.get_nowait() for _ in range(tree.qsize())]
        assert (told[0].kind, told[0].path) == (ChangeKind.CREATED, "file")
        assert (told[-1].kind, told[-1].path) == (ChangeKind.MOVED, "moved")
        with pytest.raises(TimeoutError):
            await tree.get(0.01)


@both
async def test_patterns(tmp_path):
    """The arguments about names are those of a tree."""
    (tmp_path / "out").mkdir()
    async with Tree_async(tmp_path, exclude="out", include="*.py") as tree:
        assert list(tree.entries()) == [""]
        (tmp_path / "out/a.py").touch()
        (tmp_path / "a").touch()
        (tmp_path / "a.py").touch()
        assert (await tree.get(60)).path == "a.py"


@both
async def test_a_file(tmp_path):
    """The changes of one file come as those of a queue do, DELETED after its pause."""
    path = tmp_path / "a/file"
    async with FileWatch_async(path) as watch:
        assert watch.entry is None
        path.parent.mkdir()
        path.write_text("text")
        change = await watch.get(60)
        assert (change.kind, change.path, change.entry) == (ChangeKind.CREATED, str(path), watch.entry)
        path.unlink()
        assert not watch.quiet
        await watch.sync(60)
        assert [watch.get_nowait().kind for _ in range(watch.qsize())] == [ChangeKind.DELETED]
        with pytest.raises(TimeoutError):
            await watch.get(0.01)


@both
async def test_watch_file(tmp_path):
    """One change is waited for, while other tasks run."""
    path = tmp_path / "file"
    with pytest.raises(TimeoutError):
        await watch_file(path, 0)
    waiting = asyncio.ensure_future(watch_file(path, 60))
    await asyncio.sleep(0)  # the watch is made before the first wait
    path.write_text("text")
    assert (await waiting).kind is ChangeKind.CREATED


@both
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
            if found[-1] == "old":
                (place / "new").write_text("text")
            elif found[-1] == "new":
                os.rename(place, tmp_path / "moved")
    assert found == ["old", "new"]


@both
async def test_settle_that_is_refused(tmp_path):
    """A time that is not one, and a closed tree, are refused by the call itself."""
    async with Tree_async(tmp_path) as tree:
        with pytest.raises(ValueError, match="must not be negative"):
            tree.settle(-1)
        with pytest.raises(TypeError, match="not None"):
            tree.settle(None)
    with pytest.raises(ValueError, match="closed"):
        tree.settle(1)


@both
async def test_a_settle_that_is_cancelled(tmp_path):
    """A task that is cancelled while it waits for a sum leaves the sums to the next."""
    async with Tree_async(tmp_path) as tree:
        sums = tree.settle(0.1)
        (tmp_path / "file").touch()
        task = asyncio.ensure_future(sums.__anext__())
        # so that it takes the change, and waits for a quiet moment
        await asyncio.sleep(0.01)
        task.cancel()
        try:
            change = await task
        except asyncio.CancelledError:
            change = await sums.__anext__()
        assert (change.kind, change.path) == (ChangeKind.CREATED, "file")
