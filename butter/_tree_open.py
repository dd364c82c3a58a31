"""Directories of a model, opened by their paths, if they are the same on the disk."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._constants.fanotify_handle import AT_FDCWD
from butter._tree_c import ffi, lib
from butter._tree_errors import TREE
from butter._tree_model import DEVICE, FACTS, INODE, LINK_SHIFT, MOUNT, MOUNT_BITS, Directory
from butter.errors import NEW_DESCRIPTOR

if TYPE_CHECKING:
    from typing import Any

    from butter._tree_model import Facts, Model

NAMES, FOLLOW = lib.BUTTER_TREE_NAMES, lib.BUTTER_TREE_FOLLOW

# the name has changed again, and an event about that is queued
CHANGED = {-1 - errno.ENOENT, -1 - errno.ENOTDIR, -1 - errno.ELOOP, -1 - errno.ESTALE}
FORBIDDEN = {-1 - errno.EACCES, -1 - errno.EPERM}
EXHAUSTED = {-1 - number for number in NEW_DESCRIPTOR}


class Opened:
    """Directories that are open, each in the one before it.

    C puts their descriptors here, where a signal handler that raises loses none.
    """

    def __init__(self) -> None:
        self._opened: Any = ffi.new("butter_tree_opened *")
        self._found = ffi.new("int64_t[]", FACTS)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def enter(self, dirfd: int, name: bytes, how: int) -> int:
        """Return a descriptor of a directory, or -1 - errno.

        *how* is NAMES for one that may be searched and not read, and FOLLOW for one
        that a symbolic link may lead to.
        """
        fd: int = lib.butter_tree_enter(self._opened, dirfd, name, how, self._found)
        return fd

    def open(self, path: bytes, how: int = 0) -> int:
        """Do what enter() does with an absolute path of any length."""
        fd: int = lib.butter_tree_open(self._opened, path, how, self._found)
        return fd

    def count(self) -> int:
        """Return how many are open."""
        count: int = self._opened.count
        return count

    def close(self, count: int = 0) -> None:
        """Close all but the first *count*."""
        lib.butter_tree_close(self._opened, count)


class Opens(Opened):
    """Opens directories of a model."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        #: the largest number of a link that was followed
        self._links = 0

    def _facts(self, directory: Directory) -> Facts:
        """Return the facts about something in a directory, or about itself."""
        facts: Any = ffi.unpack(self._found, FACTS)
        facts[MOUNT] |= directory.mount & ~MOUNT_BITS
        return facts  # type: ignore[no-any-return]

    def _open(self, directory: Directory) -> int:
        """Return a descriptor of a directory of the model, -1 if its path is another's.

        Any other negative number but AT_FDCWD is -1 - errno.
        """
        if directory.parent is None:
            return AT_FDCWD
        if directory.dead:
            return -1
        path, count = self._model.path(directory), self.count()
        fd = self.open(path, NAMES if directory.way else FOLLOW if directory.is_followed() else 0)
        if fd in EXHAUSTED:
            TREE.check(fd, os.fsdecode(path))
        if fd >= 0:
            facts = self._facts(directory)
            if (facts[INODE], facts[DEVICE], facts[MOUNT]) != (directory.inode, directory.device, directory.mount):
                self.close(count)
                return -1
        return fd if fd >= 0 or fd in FORBIDDEN else -1

    def _fail(self, result: int, directory: Directory, name: bytes) -> None:
        """Raise the error of a call about a name of a directory."""
        TREE.check(result, os.fsdecode(os.path.join(self._model.path(directory), name)))

    def _follow(self, directory: Directory, name: bytes, dirfd: int) -> Facts | None:
        """Return the facts about the directory that a link leads to, None if to none.

        Links get numbers, which are part of the mount: so what is below a link is told
        apart from the same directory at another path, as with bind mounts. A directory
        above the link would be below itself.
        """
        count = self.count()
        fd = self.enter(dirfd, name, FOLLOW)
        self.close(count)
        if fd in EXHAUSTED:
            self._fail(fd, directory, name)
        if fd < 0:
            return None
        facts = self._facts(self._model.anchor)
        above: Directory | None = directory
        while above is not None:
            if (above.inode, above.device) == (facts[INODE], facts[DEVICE]):
                return None
            above = above.parent
        known = directory.children.get(name)
        if isinstance(known, Directory) and known.is_followed():
            facts[MOUNT] |= known.mount & ~MOUNT_BITS
            if known.is_same(facts):
                return facts
        self._links += 1
        facts[MOUNT] = facts[MOUNT] & MOUNT_BITS | self._links << LINK_SHIFT
        return facts

    def _look_once(self, directory: Directory, name: bytes) -> Facts | None:
        """Return the facts about a name, by one call; None where that fails."""
        path, found = self._model.path(directory), self._found
        inode, device, mount = directory.inode or 0, directory.device, directory.mount & MOUNT_BITS
        failed = lib.butter_tree_look_once(path, inode, device, mount, name, found)
        return None if failed else self._facts(directory)
