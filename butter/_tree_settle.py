"""The sum of the changes of each path, once the path was quiet for some time.

A sum says whether its path existed before, and what is there now: nothing, a file that
is new, one that came from another path, or the one that was there. The kind of its
change follows from that, so a file that came and went is not told, and an editor that
writes a new file and moves it over the old one has WRITTEN that.

The order of sums is kept where it matters. A sum waits for an older one that is about
the same path, or one above or below it. Where a directory moves, or goes with files
that came from elsewhere, the older sums are told at once: their paths would change.

A signal handler may raise while changes are added, and a task may be cancelled while it
waits for some. So the iterators are not generators, which would end; and the sums are
copied before they change, and replaced by one assignment.
"""

from __future__ import annotations

import time
from collections import deque
from copy import copy
from itertools import repeat
from typing import TYPE_CHECKING

from butter._tree_change import ChangeKind
from butter.eventlike import deadline_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from butter._tree_step import Steps

# when a path is looked at again that waits for another, in seconds
_AGAIN = 0.01

_RANK = {None: 0, ChangeKind.ATTRIBUTES: 1, ChangeKind.MODIFIED: 2, ChangeKind.WRITTEN: 3}


class Sum:
    """All that has happened to one path; copies of the sums share it."""

    def __init__(self, change: Any, existed: bool, was_dir: bool) -> None:
        #: the last change of the path
        self.change = change
        #: whether there was something at this path before, and whether a directory
        self.existed = existed
        self.was_dir = was_dir
        #: whether there is nothing now, or something that is new
        self.gone = self.new = False
        #: where the file was before, if it was moved
        self.origin: Any = None
        #: the weightiest of the changes that a file has without being moved
        self.kind: ChangeKind | None = None
        self.deadline = 0.0

    def paths(self) -> list[Any]:
        """The paths that the sum is about."""
        return [self.change.path] if self.origin is None else [self.change.path, self.origin]

    def result(self) -> Any:
        """Return one change for all, None if nothing is to be told."""
        change, kind, old_path = self.change, self.kind, None
        if self.gone:
            kind = ChangeKind.DELETED if self.existed else None
            change = change._replace(is_dir=self.was_dir)
        elif self.origin is not None and self.origin != change.path:
            kind, old_path = ChangeKind.MOVED, self.origin
        elif self.new:
            replaced = self.existed and not self.was_dir and not change.is_dir
            kind = ChangeKind.WRITTEN if replaced else ChangeKind.CREATED
        return None if kind is None else change._replace(kind=kind, old_path=old_path)


class Sums:
    """Takes changes with ``add``, and returns one for each path with ``take``."""

    def __init__(self, seconds: float) -> None:
        if seconds is None:
            raise TypeError("seconds must be a number of seconds, not None")
        deadline_of(seconds, "seconds")
        self._seconds = seconds
        self._sums: dict[Any, Sum] = {}
        self._early: list[Any] = []
        #: changes that are not in the sums yet, and those that can be told
        self.new: list[Any] = []
        self.ready: deque[Any] = deque()
        #: before this time.monotonic() no path was quiet for long enough
        self._soonest = 0.0

    def following(self) -> Sums:
        """Return the sums with the new changes, and with those that can be told.

        Nothing must be left to be told in these sums, which stay as they are.
        """
        after = copy(self)
        after._sums, after._early, after.new = self._sums.copy(), self._early.copy(), []
        for change in self.new:
            after.add(change)
        after.ready = deque(after.take())
        return after

    def left(self) -> float | None:
        """Return for how many seconds nothing can be taken, None if nothing is left."""
        if self._early:
            return 0.0
        return max(0.0, self._soonest - time.monotonic()) if self._sums else None

    def take(self) -> list[Any]:
        """Return the changes of the paths that were quiet for long enough."""
        ready, self._early = self._early, []
        now = time.monotonic()
        if self._sums and now >= self._soonest:
            # the paths of those that wait, and all paths above them
            waiting: set[Any] = set()
            above: set[Any] = set()
            soonest = now + self._seconds
            for path, each in list(self._sums.items()):
                ways = [list(_way(place)) for place in each.paths()]
                if each.deadline > now or any(way[0] in above or not waiting.isdisjoint(way) for way in ways):
                    soonest = min(soonest, max(now + _AGAIN, each.deadline))
                    waiting.update(way[0] for way in ways)
                    above.update(place for way in ways for place in way[1:])
                else:
                    del self._sums[path]
                    ready.append(each.result())
            self._soonest = soonest
        return [each for each in ready if each is not None]

    def add(self, change: Any) -> None:
        """Add a change."""
        kind, path = change.kind, change.path
        if kind is ChangeKind.MOVED:
            self._move(change)
        elif kind is ChangeKind.DELETED:
            self._delete(change)
        else:
            each = copy(self._sums.get(path))
            if kind is ChangeKind.CREATED:
                if each is None:
                    each = Sum(change, existed=False, was_dir=False)
                each.new, each.gone, each.origin, each.kind = True, False, None, None
            else:
                if each is None:
                    each = Sum(change, existed=True, was_dir=change.is_dir)
                if _RANK[kind] > _RANK[each.kind]:
                    each.kind = kind
            self._put(each, change)

    def _put(self, each: Sum, change: Any) -> None:
        each.change = change
        each.deadline = time.monotonic() + self._seconds
        if not self._sums:
            self._soonest = each.deadline
        self._sums[change.path] = each

    def _delete(self, change: Any) -> None:
        if change.is_dir:
            self._end_below(change.path)
        each = copy(self._sums.pop(change.path, None))
        if each is None:
            each = Sum(change, existed=True, was_dir=change.is_dir)
        elif each.origin is not None:
            self._lost(each.origin, change)
        each.gone, each.origin = True, None
        if each.existed:
            self._put(each, change)

    def _lost(self, origin: Any, change: Any) -> None:
        """Record that a file which was moved away from *origin* has gone."""
        there = copy(self._sums.get(origin))
        if there is not None:
            there.existed, there.was_dir = True, change.is_dir
            self._sums[origin] = there
            return
        there = Sum(change, existed=True, was_dir=change.is_dir)
        there.gone = True
        self._put(there, change._replace(path=origin, entry=None))

    def _move(self, change: Any) -> None:
        old, path = change.old_path, change.path
        if change.is_dir:
            self._tell_all(old)
            self._tell_all(path)
        source = self._sums.get(old)
        if (
            source is not None
            and source.origin is not None
            and any(_is_below(each, source.origin) for each in self._sums)
        ):
            # another file has the name that it came from
            self._tell_all(old)
        replaced = self._sums.pop(path, None)
        if replaced is not None and replaced.origin is not None and replaced.origin != path:
            self._lost(replaced.origin, change)
        source = self._sums.pop(old, None)
        existed = change.replaced if replaced is None else replaced.existed
        was_dir = change.is_dir if replaced is None else replaced.was_dir
        each = Sum(change, existed, was_dir)
        if source is None:
            each.origin = old
        else:
            each.new, each.kind = source.new, source.kind
            each.origin = None if source.new else source.origin or old
            if source.existed and (source.new or source.origin is not None):
                # the file that was there before had gone
                before = Sum(change, existed=True, was_dir=source.was_dir)
                before.gone = True
                self._put(before, change._replace(path=old, entry=None))
        self._put(each, change)

    def _end_below(self, top: Any) -> None:
        """End the sums below a directory that goes."""
        below = [path for path in self._sums if path != top and _is_below(path, top)]
        moved = [path for path, each in self._sums.items() if path != top and each.origin is not None]
        if any(_is_about(self._sums[path], top) for path in moved):
            self._tell_all(top)
            return
        for path in below:
            del self._sums[path]

    def _tell_all(self, top: Any) -> None:
        """Tell the sums about a path and those below it at once, and those before."""
        told = [number for number, each in enumerate(self._sums.values()) if _is_about(each, top)]
        for path in list(self._sums)[: told[-1] + 1 if told else 0]:
            self._early.append(self._sums.pop(path).result())


class Settled:
    """The iterator of ``Tree.settle``."""

    def __init__(self, tree: Steps[Any], seconds: float) -> None:
        tree.fileno()  # not of one that is closed
        self._tree = tree
        self._sums = Sums(seconds)

    def __iter__(self) -> Settled:
        return self

    def __next__(self) -> Any:
        while not self._sums.ready:
            batch = self._tree._fill(self._sums.left())
            try:
                # one call of C, before and after which each change is in one place
                self._sums.new.extend(map(deque.popleft, repeat(batch, len(batch))))
            except IndexError:
                pass  # another thread took the last one
            self._sums = self._sums.following()
        ready = self._sums.ready
        change = ready[0]
        # not a call, after which a handler could raise
        del ready[0]
        return change


def _is_below(path: Any, top: Any) -> bool:
    separator = b"/" if isinstance(top, bytes) else "/"
    return bool(not top or path == top or path.startswith(top + separator))


def _is_about(each: Sum, top: Any) -> bool:
    return any(_is_below(path, top) for path in each.paths())


def _way(path: Any) -> Iterator[Any]:
    """Return a path and all above it."""
    separator = b"/" if isinstance(path, bytes) else "/"
    yield path
    while path:
        path = path.rpartition(separator)[0]
        yield path
