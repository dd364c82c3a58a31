"""Mounts over a tree and below it, of which no event of a directory tells."""

from __future__ import annotations

import os
from select import POLLERR, POLLPRI
from typing import TYPE_CHECKING

from butter._constants.fanotify_handle import AT_FDCWD
from butter._system_mountinfo import mount_lines
from butter._tree_c import ffi, lib
from butter._tree_model import DEVICE, FACTS, INODE, MOUNT, Directory
from butter.utils import _close

if TYPE_CHECKING:
    from butter._tree_model import Model, Node

_PATH = "/proc/self/mountinfo"
#: how often a change of mounts is compared with the model, which may lag behind
TRIES = 20


class Mounts:
    """Notices that mounts have changed, and makes dirty what they concern.

    A poll of ``mountinfo`` tells of a change once for each open file. One file makes
    the descriptor of the tree readable, and whichever poll comes first takes that from
    it; the other is asked by the tree alone.
    """

    def __init__(self) -> None:
        #: the file that the tree asks
        self.asked = -1
        self._fd = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.asked = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.close()
            raise
        self._found = ffi.new("int64_t[]", FACTS)
        #: how often the model is still to be compared
        self.pending = 0

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            _close(fd)
        fd, self.asked = self.asked, -1
        if fd >= 0:
            _close(fd)

    def changed(self) -> None:
        """Begin to compare: mounts have changed."""
        self.pending = TRIES

    def compare(self, model: Model) -> bool:
        """Have those places looked at where the model has another mount than the disk.

        Returns whether there are any. The model may be behind, so that a place is not
        found in it; the caller compares again.
        """
        self.pending -= 1
        root = b"/" + b"/".join(model.anchor.way[1:])
        targets = {os.fsencode(line.target) for line in mount_lines()}
        targets = {each for each in targets if is_below(each, root) or is_below(root, each)}
        targets.update(map(model.path, model.mount_points))
        different = False
        for target in targets:
            if lib.butter_tree_look(AT_FDCWD, target, self._found) < 0:
                continue
            directory, name, node = model.at(target)
            if node is None and (not directory.listed or model.leaves_out(directory, name, True)):
                continue
            if node is None or not self._is(node):
                model.touch(directory, name)
                different = True
        if not different:
            self.pending = 0
        return different

    def _is(self, node: Node) -> bool:
        found = self._found
        if node.inode != found[INODE] or node.device != found[DEVICE]:
            return False
        return not isinstance(node, Directory) or node.mount == found[MOUNT]


def is_below(path: bytes, top: bytes) -> bool:
    """Return whether an absolute path is *top* or below it."""
    return path == top or path.startswith(top.rstrip(b"/") + b"/")


# POLLERR comes unasked
WAKE = POLLPRI | POLLERR
