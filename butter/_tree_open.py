"""Directories of a model, opened by their paths, if they are the same on the disk."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from butter._arguments import O_PATH
from butter._constants.fanotify_handle import AT_FDCWD
from butter._tree_c import ffi, lib
from butter._tree_errors import TREE
from butter._tree_model import DEVICE, FACTS, INODE, MOUNT

if TYPE_CHECKING:
    from typing import Any

    from butter._tree_model import Directory, Facts, Model

# the name has changed again, and an event about that is queued
CHANGED = {-1 - errno.ENOENT, -1 - errno.ENOTDIR, -1 - errno.ELOOP, -1 - errno.ESTALE}
FORBIDDEN = {-1 - errno.EACCES, -1 - errno.EPERM}
EXHAUSTED = {-1 - errno.EMFILE, -1 - errno.ENFILE, -1 - errno.ENOMEM}


class Opens:
    """Opens directories of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._found = ffi.new("int64_t[]", FACTS)

    def _facts(self) -> Facts:
        facts: Any = ffi.unpack(self._found, FACTS)
        return facts  # type: ignore[no-any-return]

    def _open(self, directory: Directory) -> int:
        """Return a descriptor of a directory of the model, -1 if its path is another's.

        Any other negative number but AT_FDCWD is -1 - errno.
        """
        if directory.parent is None:
            return AT_FDCWD
        if directory.dead:
            return -1
        path = self._model.path(directory)
        fd: int = lib.butter_tree_open(path, self._found)
        if fd in FORBIDDEN and directory.way:
            fd = self._open_way(AT_FDCWD, path)
        if fd in EXHAUSTED:
            TREE.check(fd, os.fsdecode(path))
        if fd >= 0:
            facts = self._facts()
            if (facts[INODE], facts[DEVICE], facts[MOUNT]) != (directory.inode, directory.device, directory.mount):
                os.close(fd)
                return -1
        return fd if fd >= 0 or fd in FORBIDDEN else -1

    def _open_way(self, dirfd: int, path: bytes) -> int:
        """Open a directory above the root that cannot be read, for its name alone."""
        try:
            fd = os.open(path, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=None if dirfd == AT_FDCWD else dirfd)
        except OSError as error:
            return -1 - (error.errno or 0)
        lib.butter_tree_look(fd, b"", self._found)
        return fd

    def _look_once(self, directory: Directory, name: bytes) -> Facts | None:
        """Return the facts about a name, by one call; None where that fails."""
        path, found = self._model.path(directory), self._found
        inode, device, mount = directory.inode or 0, directory.device, directory.mount
        failed = lib.butter_tree_look_once(path, inode, device, mount, name, found)
        return None if failed else self._facts()
