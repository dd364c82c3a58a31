"""Watching a whole tree in an asyncio program; see :mod:`butter.tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from butter._awaitables.tree import AnyFileWatch, AnySpool, AnyTree
from butter.asyncio._queue import EventQueue
from butter.tree import Change, FileWatch, Spool, Tree

if TYPE_CHECKING:
    import asyncio

    from butter._arguments import Path
    from butter._tree_patterns import Matcher

__all__ = ["FileWatch_async", "Spool_async", "Tree_async", "complete", "watch_file"]


class Tree_async(AnyTree, EventQueue[Tree, Change]):
    """``Tree_async(path, *, exclude=None, include=None, ..., maxsize=0)``.

    A queue of Changes, which works like an :class:`asyncio.Queue`. ::

        async with Tree_async("/srv") as tree:
            mirror = tree.entries()
            async for change in tree:
                print(change.kind.name, change.path)

    The arguments are those of :class:`butter.tree.Tree`. The first scan of the tree is
    made at once, and the loop waits for it.

    Raises what :class:`butter.tree.Tree` does.
    """

    def __init__(
        self,
        path: Path,
        *,
        exclude: Matcher | None = None,
        include: Matcher | None = None,
        modified: bool = False,
        follow_symlinks: bool = False,
        cross_mounts: bool = True,
        backend: str = "auto",
        partial: bool = False,
        pidfd: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        super().__init__(
            path,
            exclude=exclude,
            include=include,
            modified=modified,
            follow_symlinks=follow_symlinks,
            cross_mounts=cross_mounts,
            backend=backend,
            partial=partial,
            pidfd=pidfd,
            maxsize=maxsize,
        )
        self._ignore(loop)


class FileWatch_async(AnyFileWatch, EventQueue[FileWatch, Change]):
    """``FileWatch_async(path, *, maxsize=0)``.

    A queue of Changes, which works like an :class:`asyncio.Queue`. ::

        async with FileWatch_async("/etc/app/config.toml") as watch:
            async for change in watch:
                print(change.kind.name)

    *path* is that of :class:`butter.tree.FileWatch`.

    Raises what :class:`butter.tree.FileWatch` does.
    """

    def __init__(self, path: Path, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(path, maxsize=maxsize)
        self._ignore(loop)


async def watch_file(path: Path, timeout: float | None = None) -> Change:
    """Wait for one change of a file, at most *timeout* seconds, and return it.

    It does what :func:`butter.tree.watch_file` does.

    Raises TimeoutError, which is the builtin and asyncio's on every Python; ValueError
    for a negative timeout, and what :class:`butter.tree.FileWatch` does.
    """
    async with FileWatch_async(path) as watch:
        return await watch.get(timeout)


class Spool_async(AnySpool, EventQueue[Spool, Any]):
    """The queue of paths that :func:`complete` returns."""

    def __init__(self, directory: Path, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(directory, maxsize=maxsize)
        self._ignore(loop)


def complete(directory: Path, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> Spool_async:
    """The paths of the files in a spool directory, each once it is complete.

    The result is a queue, which works like an :class:`asyncio.Queue`, of the paths that
    :func:`butter.tree.complete` has. ::

        async with complete("/var/spool/jobs") as paths:
            async for path in paths:
                await work(path)
                os.unlink(path)

    *maxsize* is what ``full()`` compares with.

    Raises what :func:`butter.tree.complete` does.
    """
    return Spool_async(directory, loop=loop, maxsize=maxsize)
