"""Watching a whole tree in an asyncio program; see :mod:`butter.tree`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from butter._tree_settle import Sums
from butter._tree_step import Steps
from butter.asyncio._awaitable import WaitTimeout, forward
from butter.asyncio._queue import EventQueue
from butter.eventlike import deadline_of, timed_out
from butter.tree import Change, Entry, FileWatch, Spool, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from butter._arguments import Path
    from butter._tree_patterns import Matcher

__all__ = ["FileWatch_async", "Spool_async", "Tree_async", "complete", "watch_file"]

Source = TypeVar("Source", bound="Steps[Any]")
Event = TypeVar("Event")

# how often a tree is looked at that is not quiet, in seconds: the time that the second
# half of a move is given is the only one that it waits for
_PAUSE = 0.003


def _non_blocking(source: Source) -> Source:
    """Return an object whose reads do not wait: the loop does that."""
    os.set_blocking(source.fileno(), False)
    return source


class _Steps_async(EventQueue[Source, Event]):
    """A queue that knows whether its object is quiet."""

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to be read and looked at.

        Raises ValueError if the object is closed.
        """
        quiet = self._source.quiet
        self._wake_if_any()
        return quiet

    def _is_behind(self, moment: float) -> bool:
        behind = self._source._is_behind(moment)
        self._wake_if_any()
        return behind

    def _wake_if_any(self) -> None:
        # no other call tells the waiters about the changes that a step has found
        if self._batch:
            self._wake()

    async def sync(self, timeout: float | None = None) -> None:
        """Read and look until all is known that was there before the call.

        ``get`` and ``async for`` then return all changes that were complete before the
        call, and ``qsize()`` says how many there are. Where nothing changes meanwhile,
        the object is ``quiet``. *timeout* is in seconds; None is without a limit.

        Raises TimeoutError, which is the builtin and asyncio's on every Python;
        ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        self._source.step()
        called = time.monotonic()
        while self._is_behind(called):
            if deadline is not None and time.monotonic() >= deadline:
                raise timed_out(WaitTimeout, timeout, "no quiet moment")
            await asyncio.sleep(_PAUSE)


class Tree_async(_Steps_async[Tree, Change]):
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
        tree = Tree(
            path,
            exclude=exclude,
            include=include,
            modified=modified,
            follow_symlinks=follow_symlinks,
            cross_mounts=cross_mounts,
            backend=backend,
            partial=partial,
            pidfd=pidfd,
        )
        super().__init__(_non_blocking(tree), loop, maxsize)

    _source_class = Tree

    entries = forward(Tree.entries)

    @property
    def backend(self) -> str:
        """Where changes come from, and why, as "inotify: asked for"."""
        return self._source.backend

    def settle(self, seconds: float) -> AsyncIterator[Change]:
        """One change for each path, the sum of all, once it was quiet for *seconds*.

        It is an asynchronous iterator that does what :meth:`butter.tree.Tree.settle`
        does.

        Raises ValueError for negative *seconds*, and if the object is closed; TypeError
        for None.
        """
        return _Settled_async(self, seconds)


class _Settled_async:
    """The iterator of ``settle``; see :mod:`butter._tree_settle`."""

    def __init__(self, tree: Tree_async, seconds: float) -> None:
        tree.fileno()  # not of one that is closed
        self._tree = tree
        self._sums = Sums(seconds)

    def __aiter__(self) -> _Settled_async:
        return self

    async def __anext__(self) -> Change:
        tree = self._tree
        while not self._sums.ready:
            new = self._sums.new
            try:
                new.append(await tree.get(self._sums.left()))
            except WaitTimeout:
                pass
            while not tree.empty():
                new.append(tree.get_nowait())
            self._sums = self._sums.following()
        change: Change = self._sums.ready.popleft()
        return change


class FileWatch_async(_Steps_async[FileWatch, Change]):
    """``FileWatch_async(path, *, maxsize=0)``.

    A queue of Changes, which works like an :class:`asyncio.Queue`. ::

        async with FileWatch_async("/etc/app/config.toml") as watch:
            async for change in watch:
                print(change.kind.name)

    *path* is that of :class:`butter.tree.FileWatch`.

    Raises what :class:`butter.tree.FileWatch` does.
    """

    def __init__(self, path: Path, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(_non_blocking(FileWatch(path)), loop, maxsize)

    _source_class = FileWatch

    @property
    def entry(self) -> Entry | None:
        """The file as it was told last, or found at first; None if there is none."""
        return self._source.entry


async def watch_file(path: Path, timeout: float | None = None) -> Change:
    """Wait for one change of a file, at most *timeout* seconds, and return it.

    It does what :func:`butter.tree.watch_file` does.

    Raises TimeoutError, which is the builtin and asyncio's on every Python; ValueError
    for a negative timeout, and what :class:`butter.tree.FileWatch` does.
    """
    async with FileWatch_async(path) as watch:
        return await watch.get(timeout)


class Spool_async(_Steps_async[Spool, Any]):
    """The queue of paths that :func:`complete` returns."""

    def __init__(self, directory: Path, *, loop: asyncio.AbstractEventLoop | None = None, maxsize: int = 0) -> None:
        super().__init__(_non_blocking(Spool(directory)), loop, maxsize)

    _source_class = Spool


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
