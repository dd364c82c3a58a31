"""The names that are shown where there is no tree: globs, and .gitignore files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter.inotify import IN_ISDIR

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable


def patterns_of(options: argparse.Namespace) -> Patterns | None:
    """Return the patterns of *options*, None if there are none."""
    return Patterns(options) if options.exclude or options.include or options.gitignore else None


class Patterns:
    """Globs, which are compared with names, and rules for the names in directories."""

    def __init__(self, options: argparse.Namespace) -> None:
        # slow to import, and mostly not needed
        from butter._tree_patterns import Globs, Included, Matchers

        exclude, include = Matchers.of(options.exclude, "exclude"), Matchers.of(options.include, "include")
        self._excluded = None if exclude is None else Globs(exclude.globs)
        self._included = None if include is None else Included(include)
        self._follows = options.gitignore
        #: the rules for each directory
        self._rules: dict[bytes, Callable[[bytes, bool], bool]] = {}

    def add(self, path: bytes) -> None:
        """Know a directory."""
        if self._follows and os.path.isdir(path):
            from butter._tree_patterns import gitignore

            self._rules[path] = gitignore(path)

    def excluded(self, paths: Iterable[bytes], name: bytes, mask: int) -> bool:
        """Return whether a name in a directory, which has *paths*, is not shown."""
        is_dir = mask & IN_ISDIR != 0  # FAN_ONDIR is the same
        text = os.fsdecode(name)
        globs = self._excluded
        if globs is not None and (globs.name_matches(text, is_dir) or globs.path_matches(text, is_dir)):
            return True
        if self._included is not None and not self._included.has(text, text, is_dir):
            return True
        return any(path in self._rules and self._rules[path](name, is_dir) for path in paths)
