"""Watching a whole tree in an asyncio program; see :mod:`butter.tree`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from butter._tree_settle import Sums
from butter.asyncio._awaitable import WaitTimeout, forward
from butter.asyncio._queue import EventQueue
from butter.eventlike import deadline_of, timed_out
from butter.tree import Change, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from butter._arguments import Path

__all__ = ["Tree_async"]

# how often a tree is looked at that is not quiet, in seconds: the time that the second
# half of a move is given is the only one that it waits for
_PAUSE = 0.003


class Tree_async(EventQueue[Tree, Change]):
    """``Tree_async(path, *, modified=False, cross_mounts=True, ..., maxsize=0)``.

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
        modified: bool = False,
        cross_mounts: bool = True,
        backend: str = "auto",
        partial: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        maxsize: int = 0,
    ) -> None:
        tree = Tree(path, modified=modified, cross_mounts=cross_mounts, backend=backend, partial=partial)
        os.set_blocking(tree.fileno(), False)
        super().__init__(tree, loop, maxsize)

    _source_class = Tree

    entries = forward(Tree.entries)

    @property
    def backend(self) -> str:
        """Where changes come from, and why, as "inotify: asked for"."""
        return self._source.backend

    @property
    def quiet(self) -> bool:
        """Whether the model is the disk: nothing is left to be read and looked at.

        Raises ValueError if the object is closed.
        """
        quiet = self._source.quiet
        if self._batch:
            # no other call tells the waiters about the changes that this found
            self._wake()
        return quiet

    async def sync(self, timeout: float | None = None) -> None:
        """Read and look until the tree is quiet.

        ``get`` and ``async for`` then return all changes that were complete before the
        call, and ``qsize()`` says how many there are. *timeout* is in seconds; None is
        without a limit, though a tree that never pauses is never quiet.

        Raises TimeoutError, which is the builtin and asyncio's on every Python;
        ValueError if the object is closed.
        """
        deadline = deadline_of(timeout)
        while not self.quiet:
            if deadline is not None and time.monotonic() >= deadline:
                raise timed_out(WaitTimeout, timeout, "no quiet moment")
            await asyncio.sleep(_PAUSE)

    async def settle(self, seconds: float) -> AsyncIterator[Change]:
        """One change for each path, the sum of all, once it was quiet for *seconds*.

        It is an asynchronous iterator that does what :meth:`butter.tree.Tree.settle`
        does.

        Raises ValueError for negative *seconds*, and if the object is closed.
        """
        deadline_of(seconds, "seconds")
        sums = Sums(seconds)
        while True:
            try:
                sums.add(await self.get(sums.left()))
            except WaitTimeout:
                pass
            for change in sums.take():
                yield change
