"""Mounts over a tree and below it, of which no event of a directory tells."""

from __future__ import annotations

import os
import stat
import time
from select import EPOLLET, EPOLLIN
from typing import TYPE_CHECKING

from butter._constants.fanotify_handle import AT_FDCWD
from butter._system_mountinfo import mount_lines
from butter._tree_c import ffi, lib
from butter._tree_errors import explained
from butter._tree_model import DEVICE, FACTS, INODE, MODE, MOUNT, MOUNT_BITS, Directory
from butter._tree_part import Part, open_into
from butter._tree_place import is_below

if TYPE_CHECKING:
    from butter._tree_model import Model

_PATH = "/proc/self/mountinfo"
#: how often a change of mounts is compared with the model, which may lag behind, until
#: everything is looked at
TRIES = 20
#: the events of epoll by which such a file is waited for
WAKE = EPOLLIN | EPOLLET


class Mounts(Part):
    """Notices that mounts have changed, and makes dirty what they concern.

    A poll of ``mountinfo`` tells of a change once, and the next has forgotten it. But
    the file can always be read, and an epoll descriptor that waits for that by edges
    takes it for ready when mounts change. So the descriptor of the tree is readable
    from a change on, for every poll, until a step calls ``epoll_wait``.
    """

    def __init__(self) -> None:
        self._found = ffi.new("int64_t[]", FACTS)
        #: how often the model is still to be compared, and since when it waits for that
        self.pending = 0
        self.since = 0.0
        #: files at which another mount begins: their directories and names
        self._files: dict[tuple[Directory, bytes], None] = {}

    def open(self) -> None:
        explained(_PATH, open_into, self, os.open, _PATH, os.O_RDONLY | os.O_CLOEXEC)

    def changed(self) -> None:
        """Begin to compare: mounts have changed."""
        if not self.pending:
            self.since = time.monotonic()
        self.pending = TRIES

    def compare(self, model: Model) -> bool:
        """Have those places looked at where the model has another mount than the disk.

        Returns whether there are any. The model may be behind, so that a place is not
        found in it; the caller compares again. In the end everything is looked at.
        """
        self.pending -= 1
        root = b"/" + b"/".join(model.anchor.way[1:])
        targets = {os.fsencode(line.target) for line in explained(_PATH, mount_lines)}
        targets = {each for each in targets if is_below(each, root) or is_below(root, each)}
        targets.update(map(model.path, model.mount_points))
        files = {os.path.join(model.path(directory), name): (directory, name) for directory, name in self._files}
        still: dict[tuple[Directory, bytes], None] = {}
        different = [place for place in targets.union(files) if self._is_different(model, place, place in files, still)]
        self._files = still
        if not different:
            self.pending = 0
        elif not self.pending:
            model.rescan_all()
        return bool(different)

    def _is_different(
        self, model: Model, target: bytes, was_file: bool, files: dict[tuple[Directory, bytes], None]
    ) -> bool:
        """Return whether a place is another on the disk, and have it looked at then.

        *was_file* says that another mount began at that file; those of which that is
        still so, or not known, are added to *files*.
        """
        directory, name, node = model.at(target)
        if directory.gone or not directory.listed or directory in model.blind:
            return False
        # what the model lacks may be above the target
        place = target if directory.parent is None else os.path.join(model.path(directory), name)
        if lib.butter_tree_look(AT_FDCWD, place, self._found) < 0:
            if was_file and node is not None:
                # its directory has moved
                files[directory, name] = None
                return True
            return False
        found, known = self._found, directory.children.get(name)
        is_dir = stat.S_ISDIR(found[MODE])
        if known is None and (not is_dir if directory.way else model.leaves_out(directory, name, is_dir)):
            return False
        if not is_dir and not directory.way and found[MOUNT] != directory.mount & MOUNT_BITS:
            files[directory, name] = None
        if isinstance(known, Directory) and (known.is_followed() or known.mount & MOUNT_BITS != found[MOUNT]):
            same = known.is_followed()  # nothing is mounted on a link
        else:
            same = known is not None and (known.inode, known.device) == (found[INODE], found[DEVICE])
        if same:
            return False
        model.touch(directory, name)
        return True
