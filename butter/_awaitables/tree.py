"""Watching a whole tree, under whichever event loop."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from butter._awaitables._awaitable import forward
from butter._awaitables._queue import AnyQueue
from butter._tree_settle import Sums
from butter._tree_step import Steps
from butter.eventlike import deadline_of, timed_out
from butter.tree import Change, Entry, FileWatch, Spool, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from butter._arguments import Path
    from butter._tree_patterns import Matcher

Source = TypeVar("Source", bound="Steps[Any]")
Event = TypeVar("Event")

# how often a tree is looked at that is not quiet, in seconds: the time that the second
# half of a move is given is the only one that it waits for
_PAUSE = 0.003


def _non_blocking(source: Source) -> Source:
    """Return an object whose reads do not wait: the loop does that."""
    os.set_blocking(source.fileno(), False)
    return source


class AnySteps(AnyQueue[Source, Event]):
    """A queue that knows whether its object is quiet."""

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to be read and looked at.

        Raises ValueError if the object is closed.
        """
        self._check_open()
        quiet = self._source.quiet
        self._wake_if_any()
        return quiet

    def _is_behind(self, moment: float) -> bool:
        self._check_open()
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

        Raises TimeoutError as ``get`` does; ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        await self._checkpoint()
        self._check_open()
        self._source.step()
        called = time.monotonic()
        while self._is_behind(called):
            if deadline is not None and time.monotonic() >= deadline:
                raise timed_out(self._timed_out, timeout, "no quiet moment")
            await self._sleep(_PAUSE)


class AnyTree(AnySteps[Tree, Change]):
    """The part of ``Tree_async`` that is the same under each loop."""

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
        super().__init__(_non_blocking(tree), maxsize)

    _source_class = Tree

    entries = forward(Tree.entries)
    unwatched = forward(Tree.unwatched)

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
        return _Settled(self, seconds)


class _Settled:
    """The iterator of ``settle``; see :mod:`butter._tree_settle`."""

    def __init__(self, tree: AnyTree, seconds: float) -> None:
        tree.fileno()  # not of one that is closed
        self._tree = tree
        self._sums = Sums(seconds)

    def __aiter__(self) -> _Settled:
        return self

    async def __anext__(self) -> Change:
        tree = self._tree
        await tree._checkpoint()
        while not self._sums.ready:
            new = self._sums.new
            try:
                new.append(await tree.get(self._sums.left()))
            except tree._timed_out:
                pass
            while not tree.empty():
                new.append(tree.get_nowait())
            self._sums = self._sums.following()
        change: Change = self._sums.ready.popleft()
        return change


class AnyFileWatch(AnySteps[FileWatch, Change]):
    """The part of ``FileWatch_async`` that is the same under each loop."""

    def __init__(self, path: Path, *, maxsize: int = 0) -> None:
        super().__init__(_non_blocking(FileWatch(path)), maxsize)

    _source_class = FileWatch

    @property
    def entry(self) -> Entry | None:
        """The file as it was told last, or found at first; None if there is none."""
        return self._source.entry


class AnySpool(AnySteps[Spool, Any]):
    """The part of ``Spool_async`` that is the same under each loop."""

    def __init__(self, directory: Path, *, maxsize: int = 0) -> None:
        super().__init__(_non_blocking(Spool(directory)), maxsize)

    _source_class = Spool
