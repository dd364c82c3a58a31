"""Watching a whole tree under trio; see :mod:`butter.tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._awaitables.tree import AnyFileWatch, AnySpool, AnyTree
from butter.tree import Change, FileWatch, Spool, Tree
from butter.trio._queue import EventQueue

if TYPE_CHECKING:
    from butter._arguments import Path

__all__ = ["FileWatch_async", "Spool_async", "Tree_async", "complete", "watch_file"]


class Tree_async(AnyTree, EventQueue[Tree, Change]):
    """``Tree_async(path, *, exclude=None, include=None, ..., maxsize=0)``.

    A queue of Changes. ::

        async with Tree_async("/srv") as tree:
            mirror = tree.entries()
            async for change in tree:
                print(change.kind.name, change.path)

    The arguments and methods are those of :class:`butter.asyncio.tree.Tree_async`.
    """


class FileWatch_async(AnyFileWatch, EventQueue[FileWatch, Change]):
    """``FileWatch_async(path, *, maxsize=0)``: a queue of Changes. ::

        async with FileWatch_async("/etc/app/config.toml") as watch:
            async for change in watch:
                print(change.kind.name)

    The arguments and methods are those of :class:`butter.asyncio.tree.FileWatch_async`.
    """


async def watch_file(path: Path, timeout: float | None = None) -> Change:
    """Wait for one change of a file, at most *timeout* seconds, and return it.

    It does what :func:`butter.tree.watch_file` does.

    Raises TimeoutError, which is ``trio.TooSlowError`` too; ValueError for a negative
    timeout, and what :class:`butter.tree.FileWatch` does.
    """
    with FileWatch_async(path) as watch:
        return await watch.get(timeout)


class Spool_async(AnySpool, EventQueue[Spool, Any]):
    """The queue of paths that :func:`complete` returns."""


def complete(directory: Path, *, maxsize: int = 0) -> Spool_async:
    """The paths of the files in a spool directory, each once it is complete. ::

        async with complete("/var/spool/jobs") as paths:
            async for path in paths:
                await work(path)
                os.unlink(path)

    It is a queue of the paths that :func:`butter.tree.complete` has.

    Raises what :func:`butter.tree.complete` does.
    """
    return Spool_async(directory, maxsize=maxsize)
