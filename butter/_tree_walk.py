"""A walk in C through a whole tree, whose nodes are made when they are asked for.

The first scan of a tree finds more than the program will ever hear of again. So it
fills a few arrays in C (``butter/build/tree_walk.c``), and a directory of the model is
*packed*: its children are in the arrays, until something asks for them. The arrays
never change, so ``Tree.entries()`` is made of them, too.

After an overflow a packed directory is compared in C with the disk; the directories
below it that differ are unpacked, and looked at one by one.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import TYPE_CHECKING, Any

from butter._tree_c import ffi, lib
from butter._tree_change import Entry
from butter._tree_errors import TREE
from butter._tree_model import Directory, Node

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from butter._tree_inotify import InotifySource
    from butter._tree_model import Model

# inode, size, mtime, offset of the name, mode, place of the directory
_ENTRY = struct.Struct("=qqqIIi4x")
_DIRECTORY = struct.Struct("=iiIII")
_string: Any = ffi.string  # it returns bytes for a char pointer
_gc: Any = ffi.gc  # the types of cffi know void * alone


class Walk:
    """All that was found below one directory at one time."""

    def __init__(self, model: Model, source: InotifySource) -> None:
        self._model = model
        self._source = source
        found: Any = lib.butter_tree_new()
        if not found:
            TREE.fail(errno.ENOMEM)
        self._found: Any = _gc(found, lib.butter_tree_free)
        #: the directories that were unpacked, by their places
        self._nodes: dict[int, Directory] = {}
        #: the last directory of which the nodes were made, or are half made
        self._unpacked: Directory | None = None

    def go(self, node: Directory, fd: int, wd: int) -> bool:
        """Walk through *node*, which is open and watched, and pack what is found.

        Returns False if there were too few watches; then nothing is packed.
        """
        source, found = self._source, self._found
        result = lib.butter_tree_walk_in(found, fd, source.fileno(), source.mask, wd)
        source.count(found.watches, found.newest)
        if result == -1 - errno.ENOSPC:
            return False
        TREE.check(result, os.fsdecode(self._model.path(node)))
        if not found.directory_count:
            # it cannot be listed, which a look finds out, too
            self._model.rescan(node)
            return True
        self._nodes[0] = node
        node.pack(self, 0)
        self._model.walks.append(self)
        left = [(each.directory, _string(found.names + each.name)) for each in self._left()]
        for place, name in left:
            self._model.touch(self._node(place), name)
        return True

    def compare(self, place: int, fd: int) -> int:
        """Compare a packed directory with the disk, and make dirty what differs.

        Returns 0, or -1 - errno if not all was compared.
        """
        result = lib.butter_tree_compare(self._found, place, fd, self._source.fileno(), self._source.mask)
        if result < 0:
            return result
        for each in [each.directory for each in self._left()]:
            changed = self._node(each)
            changed.unpack()
            self._model.rescan(changed)
            # a look may first meet them elsewhere
            for below in changed.children.values():
                if isinstance(below, Directory):
                    self._model.rescan(below)
        return 0

    def _left(self) -> list[Any]:
        found = self._found
        return [found.left[number] for number in range(found.left_count)]

    def unpack(self, node: Directory, place: int) -> dict[bytes, Node]:
        """Return the children of a directory."""
        self._unpacked = node
        found, model = self._found, self._model
        directory = found.directories[place]
        entries = ffi.buffer(found.entries + directory.first, directory.count * _ENTRY.size)
        children: dict[bytes, Node] = {}
        for inode, size, mtime, offset, mode, below in _ENTRY.iter_unpack(entries):
            if not mode:
                continue  # it was left, and is looked at
            name = _string(found.names + offset)
            facts = [mode, found.device, inode, size, mtime, found.mount]
            if below < 0:
                children[name] = Node(node, name, facts)
                continue
            child = self._nodes.get(below) or Directory(node, name, facts)
            if below not in self._nodes:
                child.listed = True
                child.pack(self, below)
                self._nodes[below] = child
            children[name] = child
            model.claim(found.directories[below].wd, child)
        return children

    def mend(self) -> None:
        """Make the nodes again that a signal handler has left half made."""
        if self._unpacked is not None:
            self._unpacked.unpack()

    def find(self, key: Hashable) -> None:
        """Unpack the directory with this key, if there is one that is packed."""
        place = lib.butter_tree_find(self._found, key)  # type: ignore[arg-type]
        if place >= 0:
            self._node(place)

    def _node(self, place: int) -> Directory:
        """Return the directory at a place, which is unpacked if need be."""
        nodes, way = self._nodes, []
        while place not in nodes:
            way.append(place)
            place = self._found.directories[place].above
        node = nodes[place]
        for place in reversed(way):
            node.unpack()
            node = nodes[place]
        return node

    def entries(self, top: bytes, place: int) -> Iterator[tuple[bytes, Entry]]:
        """Every path below a directory, whose path is *top*, with its entry."""
        found = self._found
        rows = list(_ENTRY.iter_unpack(ffi.buffer(found.entries, found.entry_count * _ENTRY.size)))
        places = list(_DIRECTORY.iter_unpack(ffi.buffer(found.directories, found.directory_count * _DIRECTORY.size)))
        names = ffi.buffer(found.names, found.names_size)[:]
        left = [(top + b"/" if top else b"", place)]
        while left:
            path, place = left.pop()
            _, _, _, first, count = places[place]
            for inode, size, mtime, offset, mode, below in rows[first : first + count]:
                if not mode:
                    continue
                name = path + names[offset : names.index(0, offset)]
                yield name, Entry(stat.S_ISDIR(mode), inode, size, mtime)
                if below >= 0:
                    left.append((name + b"/", below))
