"""The behaviour of butter.asyncio.tree that is its own."""

import os

import pytest
from loops import both
from support.histories import Mirror, differences, on_disk

from butter.asyncio.tree import Tree_async
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
