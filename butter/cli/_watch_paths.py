"""The paths of ``butter watch``: which are watched, and those of -r and --follow."""

from __future__ import annotations

import errno
import os
import select
import time
from typing import TYPE_CHECKING

from butter._tree_errors import TREE
from butter.cli._output import printable
from butter.cli._watch_skip import skip, watch_each
from butter.cli._watch_tree import Below, Files
from butter.errors import PathNotADirectory, PathNotFound

if TYPE_CHECKING:
    import argparse

    from butter.cli._watch import Line
    from butter.cli._watch_tree import Changes
    from butter.tree import Entry

#: the errnos of names that no file can ever have
NEVER = errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP

#: what is added to the words of an error of some calls
EACH = {"inotify_init1": "; each directory of -r and --follow takes one, and there are {}"}


class Paths:
    """Directories, each with what is below it, and files that are followed.

    Its descriptor is readable when one of theirs is. All files share one instance of
    inotify; each directory has one.
    """

    def __init__(self, options: argparse.Namespace, kinds: int) -> None:
        self._options = options
        self._kinds = kinds
        self._files: Files | None = None
        self._parts: dict[int, Changes] = {}
        self._epoll = select.epoll()
        self.fileno = self._epoll.fileno

    def watch(self, path: bytes) -> None:
        """Watch a path that was named.

        Raises OSError, with the path.
        """
        try:
            self._watch(path)
        except OSError as error:
            error.filename = path
            if self._options.who and isinstance(error, PermissionError):
                from butter.cli._watch_filesystem import explain

                explain(error)
            raise

    def _watch(self, path: bytes) -> None:
        options = self._options
        if os.path.isdir(path) or not (options.follow or os.path.lexists(path)):
            self._enter(path).begin()
            return
        if options.who:
            options.refuse(f"--who needs directories, which '{printable(path)}' is not")
        try:
            os.stat(path)
            number = 0
        except OSError as error:
            number = error.errno or 0
        if number in NEVER:
            TREE.fail(number, path)
        self._follow(path)

    def _enter(self, path: bytes) -> Below:
        below = Below(path, self._options, self._kinds)
        self._add(below)
        return below

    def _follow(self, path: bytes) -> Entry | None:
        """Watch a name, and return the file that has it, None if there is none."""
        if self._files is None:
            self._files = Files(self._options, self._kinds, path)
            self._add(self._files)
        return self._files.add(path)

    def _add(self, part: Changes) -> None:
        self._parts[part.fileno()] = part
        self._epoll.register(part.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """End the watches."""
        for part in self._parts.values():
            part.close()
        self._epoll.close()

    def drain(self) -> None:
        """Read what happened, and look."""
        for number, _ in self._epoll.poll(0):
            self._parts[number].drain()

    def take(self) -> list[Line]:
        """Return the lines of some changes."""
        lines = [line for part in self._parts.values() for line in part.take()]
        self._follow_names()
        return lines

    def left(self) -> float | None:
        """Return in how many seconds there may be lines."""
        times = [part.left() for part in self._parts.values()]
        return min((each for each in times if each is not None), default=None)

    def waits(self) -> bool:
        """Return whether there are changes in memory."""
        return self.left() is not None

    def rest(self) -> list[Line]:
        """Return all lines."""
        lines: list[Line] = []
        while self.waits():
            lines += [line for part in self._parts.values() for line in part.rest()]
            self._follow_names()
        return lines

    def over(self) -> str | None:
        """Return None: a path may always come again."""
        return None

    def _follow_names(self) -> None:
        """Watch names anew that are now those of files, or of directories."""
        for part in [part for part in self._parts.values() if isinstance(part, Below) and part.is_gone]:
            entry = self._follow(part.path)
            del self._parts[part.fileno()]
            self._epoll.unregister(part.fileno())
            part.close()
            if entry is not None and self._files is not None:
                # nothing tells of it any more
                self._files.find(part.path, entry, time.time())
        if self._files is not None:
            directories, self._files.directories = self._files.directories, {}
            for path, now in directories.items():
                self._find_directory(path, now)

    def _find_directory(self, path: bytes, now: float) -> None:
        """Watch a directory that has the name of a file."""
        try:
            below = self._enter(path)
        except (PathNotFound, PathNotADirectory):
            return  # it has gone again
        except PermissionError as error:
            skip(path, error)
            return
        if self._files is not None:
            self._files.remove(path)
        below.find_all(now)


def paths_of(options: argparse.Namespace, paths: list[str], kinds: int) -> tuple[Paths, list[bytes]]:
    """Return a source for *paths*, and those of them that it watches."""
    if options.who:
        raise_limit(options)
    named = distinct(list(map(os.fsencode, paths)), options.recursive)
    source = Paths(options, kinds)
    try:
        return source, watch_each(named, source.watch)
    except OSError as error:
        source.close()
        count = sum(map(os.path.isdir, named))
        if count > 1:
            error.strerror = (error.strerror or "") + EACH.get(getattr(error, "_call", ""), "").format(count)
        raise
    except BaseException:
        source.close()
        raise


def distinct(paths: list[bytes], recursive: bool) -> list[bytes]:
    """Return the paths without those that are named twice, or lie within others."""
    places: dict[bytes, bytes] = {}
    for path in paths:
        places.setdefault(place_of(path), path)
    directories = {place for place, path in places.items() if os.path.isdir(path)}
    return [path for place, path in places.items() if not is_within(place, directories, recursive)]


def place_of(path: bytes) -> bytes:
    """Return where a path is; that of a file is its name, which may be a link."""
    if os.path.isdir(path):
        return os.path.realpath(path)
    above, name = os.path.split(path)
    return os.path.join(os.path.realpath(above or b"."), name)


def is_within(place: bytes, directories: set[bytes], recursive: bool) -> bool:
    """Return whether a path is watched because a directory is that it lies within."""
    above = os.path.dirname(place)
    if not recursive:
        return place not in directories and above in directories and not os.path.islink(place)
    while above != place and not os.path.islink(place):
        if above in directories:
            return True
        place, above = above, os.path.dirname(above)
    return False


def raise_limit(options: argparse.Namespace) -> None:
    """Let this process have many descriptors: each process of a change takes one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if options.argv is not None:
        from butter.cli import _watch_command

        _watch_command.LIMITS.setdefault(resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
