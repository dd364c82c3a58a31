"""The model of a tree: its nodes, and the operations that change it.

The principle of :class:`butter.tree.Tree` begins here. The model and the stream of
changes are one thing: only ``add_file``, ``add_directory``, ``delete``, ``move`` and
``version`` change what the program believes, and each of them appends its record to the
stream. So a program that replays the stream has the model, whatever the rest of the
code does; the rest has to see to it that the model is the disk.

A signal handler may raise between any two steps of such an operation, which would make
two things of one. So an operation is kept until it is whole, each of its steps can be
made twice, and ``mend`` makes them again.

A node has its parent and its name, and no path: a directory is moved by one assignment,
and a path is built when a record is told. Above the root stand its ancestors, up to an
*anchor* that is not a directory of the disk but has ``/`` as its child. Of each of them
one name is of interest, the next on the way to the root. So a root that is deleted,
moved or made again, or any directory above it, is an ordinary change.
"""

from __future__ import annotations

import stat
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from butter._tree_c import lib
from butter._tree_change import ChangeKind, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Any, Union

    from butter._tree_process import Process
    from butter._tree_walk import Walk

    #: what a look found out about a file; the places are those of C
    Facts = list[int]
    #: a record that is not sent yet: kind, path, old path, node, whether it is a
    #: directory, the process, whether it was found by looking, the time, whether the
    #: move replaced something
    Record = tuple["ChangeKind", bytes, Union[bytes, None], "Node", bool, Union[Process, None], bool, float, bool]

MODE, DEVICE, INODE, BYTES, MTIME, MOUNT, FACTS = (
    lib.BUTTER_MODE,
    lib.BUTTER_DEVICE,
    lib.BUTTER_INODE,
    lib.BUTTER_BYTES,
    lib.BUTTER_MTIME,
    lib.BUTTER_MOUNT,
    lib.BUTTER_FACTS,
)

#: a mount has these bits; those above them say which symbolic link leads there
LINK_SHIFT = 64
MOUNT_BITS = (1 << LINK_SHIFT) - 1

#: the dirty names of a directory of which every name is to be looked at
ALL: dict[bytes, int] = {}


class Node:
    """A file of the model, of any type but a directory."""

    __slots__ = ("device", "gone", "inode", "mtime", "name", "parent", "size", "type", "unsent")

    is_dir = False

    def __init__(self, parent: Directory | None, name: bytes, facts: Facts | None) -> None:
        self.parent = parent
        self.name = name
        #: whether a record is in the stream that takes the version along
        self.unsent = self.gone = False
        self.inode: int | None = None
        if facts is None:
            # an event told its name, and no look has found it yet
            self.type = self.device = self.size = self.mtime = 0
        else:
            self.learn(facts)

    def learn(self, facts: Facts) -> None:
        """Remember what a look found out."""
        mode, self.device, self.inode, self.size, self.mtime, _ = facts
        self.type = stat.S_IFMT(mode)

    def is_same(self, facts: Facts) -> bool:
        """Return whether a look may have found this file, by device, inode and type."""
        return self.inode == facts[INODE] and self.device == facts[DEVICE] and self.type == stat.S_IFMT(facts[MODE])

    def entry(self) -> Entry | None:
        """Return what is known; None for a file that was gone before the look."""
        return None if self.inode is None else Entry(self.is_dir, self.inode, self.size, self.mtime)


class Directory(Node):
    """A directory of the model, or an ancestor of the root."""

    __slots__ = ("_children", "dead", "dirty", "key", "listed", "mount", "packed", "way")

    is_dir = True

    def __init__(self, parent: Directory | None, name: bytes, facts: Facts | None, way: tuple[bytes, ...] = ()) -> None:
        super().__init__(parent, name, facts)
        self.mount = 0 if facts is None else facts[MOUNT]
        self._children: dict[bytes, Node] = {}
        #: where the children are, if nothing has asked for them since the first scan
        self.packed: tuple[Walk, int] | None = None
        #: the names that lead from here to the root; empty for the root and below
        self.way = way
        #: the identity that the source of hints knows it by; None if it has none
        self.key: Hashable = None
        #: the kernel has told that it was deleted
        self.dead = False
        #: all its names have been looked at
        self.listed = False
        #: the names to look at, with the bits of their events
        self.dirty: dict[bytes, int] | None = None

    @property
    def children(self) -> dict[bytes, Node]:
        """The nodes in this directory by their names."""
        if self.packed is not None:
            self.unpack()
        return self._children

    def pack(self, walk: Walk, place: int) -> None:
        """Have the children that a walk has found at a place of its own."""
        self.packed = walk, place

    def unpack(self) -> None:
        """Make the nodes of the children, unless they exist."""
        packed = self.packed
        if packed is not None:
            self._children = packed[0].unpack(self, packed[1])
            self.packed = None

    def is_followed(self) -> bool:
        """Return whether its name is that of a symbolic link."""
        return self.parent is not None and self.mount >> LINK_SHIFT != self.parent.mount >> LINK_SHIFT

    def is_same(self, facts: Facts) -> bool:
        """Return whether a look may have found this directory, on the same mount."""
        return super().is_same(facts) and self.mount == facts[MOUNT]


class Model:
    """The nodes, what is dirty, and the stream of records."""

    def __init__(self, path: bytes, drop: Callable[[Hashable], None]) -> None:
        way = (b"/", *(part for part in path.split(b"/") if part))
        self.anchor = Directory(None, b"", None, way)
        self.anchor.listed = True
        self.root: Directory | None = None
        self._drop = drop
        #: the directories of each identity: bind mounts have one identity
        self.keys: dict[Hashable, list[Directory]] = {}
        #: the first scans, which know the directories that are still packed
        self.walks: list[Walk] = []
        self.dirty: dict[Directory, None] = {}
        #: directories without permission, which stay dirty and are not looked into
        self.blind: dict[Directory, None] = {}
        #: the directories at which another mount begins
        self.mount_points: dict[Directory, None] = {}
        self.records: deque[Record] = deque()
        #: an operation that is not whole: its record, and the change it makes
        self._begun: tuple[Record | None, Callable[..., None], tuple[Any, ...]] | None = None
        #: nothing is told while the tree is scanned for the first time
        self.silent = True
        #: counts what may make an unreachable directory reachable
        self.generation = 0
        #: a directory, the generation, and what _near returned
        self._kept: tuple[Directory | None, int, tuple[bytes, bytes]] = None, 0, (b"", b"")
        #: patterns leave names out: a function of the parent, the name, and whether it
        #: is a directory
        self.excluded: Callable[[Directory, bytes, bool], bool] | None = None
        #: symbolic links to directories are directories
        self.follows = False
        #: is told of each directory of which all names are going to be looked at
        self.rescanned: Callable[[Directory], None] | None = None
        #: of the event that is being applied
        self.process: Process | None = None
        self.time = 0.0

    def leaves_out(self, parent: Directory, name: bytes, is_dir: bool) -> bool:
        """Return whether patterns leave out a name."""
        return self.excluded is not None and not parent.way and self.excluded(parent, name, is_dir)

    # the operations

    def add_file(self, parent: Directory, name: bytes, facts: Facts | None, synthetic: bool) -> Node:
        """Add a file, and tell CREATED."""
        node = Node(parent, name, facts)
        self._do(self._record(ChangeKind.CREATED, node, synthetic), self._add, parent, node)
        return node

    def add_directory(self, parent: Directory, name: bytes, facts: Facts, synthetic: bool) -> Directory:
        """Add a directory, and tell CREATED."""
        node = Directory(parent, name, facts, parent.way[1:])
        self._do(self._record(ChangeKind.CREATED, node, synthetic), self._add, parent, node)
        return node

    def delete(self, node: Node, synthetic: bool) -> None:
        """Remove a file, or a directory with all below it, and tell DELETED."""
        # an ancestor takes the root along
        told = self.root if isinstance(node, Directory) and node.way else node
        record = None if told is None else self._record(ChangeKind.DELETED, told, synthetic)
        self._do(record, self._forget, node)

    def move(self, node: Node, parent: Directory, name: bytes, synthetic: bool) -> None:
        """Give a node another place, over anything that is there, and tell MOVED.

        The new place must not be below the node, nor the node below what it replaces.
        """
        replaced = parent.children.get(name)
        if replaced is not None and replaced.is_dir != node.is_dir:
            # the two were exchanged
            self.delete(replaced, synthetic)
            replaced = None
        old_path, path = self.path_below_root(node), self.path_at(parent, name)
        record = self._record(ChangeKind.MOVED, node, synthetic, path, old_path, replaced is not None)
        self._do(record, self._put, node, node.parent, node.name, parent, name, replaced)

    def version(self, node: Node, kind: ChangeKind, synthetic: bool = False) -> None:
        """Tell that a file has another version, or a node other attributes."""
        # the record first: it takes along what is learned afterwards
        record = self._record(kind, node, synthetic)
        if record is not None:
            self.records.append(record)
            node.unsent = True

    def _record(
        self,
        kind: ChangeKind,
        node: Node,
        synthetic: bool,
        path: bytes | None = None,
        old_path: bytes | None = None,
        replaced: bool = False,
    ) -> Record | None:
        """Return the record of a change, whose path is that of the node by default."""
        if self.silent or (isinstance(node, Directory) and node.way):
            return None
        if path is None:
            path = self.path_below_root(node)
        return kind, path, old_path, node, node.is_dir, self.process, synthetic, self.time, replaced

    def _do(self, record: Record | None, change: Callable[..., None], *args: Any) -> None:
        """Change the model, and tell it."""
        self._begun = record, change, args
        self._finish()

    def mend(self) -> None:
        """Make whole what a signal handler has left in the middle."""
        for walk in self.walks:
            walk.mend()
        self._finish()

    def _finish(self) -> None:
        if self._begun is None:
            return
        record, change, args = self._begun
        change(*args)
        if record is not None:
            if not self.records or self.records[-1] is not record:
                self.records.append(record)
            if record[0] is ChangeKind.CREATED:
                record[3].unsent = True
        self._begun = None

    # the changes of the operations

    def _add(self, parent: Directory, node: Node) -> None:
        """Put a new node into its directory."""
        parent.children[node.name] = node
        if isinstance(node, Directory):
            if (node.mount ^ parent.mount) & MOUNT_BITS:
                self.mount_points[node] = None
            if parent.way and not node.way:
                self.root = node

    def _put(
        self,
        node: Node,
        old_parent: Directory | None,
        old_name: bytes,
        parent: Directory,
        name: bytes,
        replaced: Node | None,
    ) -> None:
        """Move a node from one directory to another."""
        if replaced is not None:
            self._forget(replaced)
        if old_parent is not None:
            old_parent.children.pop(old_name, None)
        node.parent, node.name = parent, name
        parent.children[name] = node
        if isinstance(node, Directory):
            self.generation += 1
            if self.excluded is not None:
                # other patterns may fit to what is below it
                self.rescan(node)
                for below in self.directories(node):
                    self.rescan(below)

    def _forget(self, node: Node) -> None:
        """Take a node, and all below it, out of the model."""
        parent = node.parent
        if parent is not None and parent.children.get(node.name) is node:
            del parent.children[node.name]
        if not isinstance(node, Directory):
            node.gone = True
            return
        self.generation += 1
        left: list[Node] = [node]
        while left:
            each = left.pop()
            each.gone = True
            if isinstance(each, Directory):
                if each is self.root:
                    self.root = None
                self.release(each)
                self.dirty.pop(each, None)
                self.blind.pop(each, None)
                self.mount_points.pop(each, None)
                left.extend(each.children.values())

    # identities

    def claim(self, key: Hashable, node: Directory) -> None:
        """Let *node* be found by *key* from now on."""
        node.key, node.dead = key, False
        nodes = self.keys.setdefault(key, [])
        if node not in nodes:
            nodes.append(node)

    def release(self, node: Directory) -> None:
        """Forget the identity of *node*; the last of its directories ends the watch."""
        key, known = node.key, self.keys.get(node.key)
        if known == [node]:
            self._drop(key)
            del self.keys[key]
        elif known is not None and node in known:
            known.remove(node)
        node.key = None

    def known(self, key: Hashable) -> list[Directory] | tuple[()]:
        """Return the directories with this identity."""
        nodes = self.keys.get(key)
        if nodes is None and key is not None:
            for walk in self.walks:
                walk.find(key)
            nodes = self.keys.get(key)
        return nodes or ()

    def find(self, key: Hashable, mount: int) -> Directory | None:
        """Return the directory with this identity on a mount, if it is known."""
        for node in self.known(key):
            if node.mount == mount:
                return node
        return None

    # places

    def path_below_root(self, node: Node) -> bytes:
        """Return the path from the root, empty for the root itself."""
        parent = node.parent
        if parent is None or parent.way:
            return b""
        return self.path_at(parent, node.name)

    def path_at(self, directory: Directory, name: bytes) -> bytes:
        """Return the path from the root of a name in the root, or below it."""
        return self._near(directory)[1] + name

    def path(self, directory: Directory) -> bytes:
        """Return the absolute path of a directory, as the model has it."""
        return self._near(directory)[0]

    def _near(self, directory: Directory) -> tuple[bytes, bytes]:
        """Return the absolute path of a directory, and the beginning of paths below it.

        Changes come in bursts, about one directory, so the last answer is kept until a
        directory is moved.
        """
        kept, generation, paths = self._kept
        if kept is directory and generation == self.generation:
            return paths
        parts, below, node = [], 0, directory
        while node.parent is not None:
            parts.append(node.name)
            below += not node.parent.way
            node = node.parent
        parts.reverse()
        paths = b"/" + b"/".join(parts[1:]), b"".join(name + b"/" for name in parts[len(parts) - below :])
        self._kept = directory, self.generation, paths
        return paths

    def at(self, path: bytes) -> tuple[Directory, bytes, Node | None]:
        """Return the directory and the name that an absolute path leads to.

        The node is that of the whole path; if the model lacks it, it is None, and the
        name is the first that is missing.
        """
        directory, name = self.anchor, b"/"
        for part in path.split(b"/"):
            if not part:
                continue
            below = directory.children.get(name)
            if not isinstance(below, Directory):
                return directory, name, None
            directory, name = below, part
        return directory, name, directory.children.get(name)

    def directories(self, top: Directory) -> Iterator[Directory]:
        """Every directory below *top*, parents first; none below one that is packed."""
        level = [top]
        while level:
            level = [
                below
                for each in level
                if each.packed is None
                for below in each.children.values()
                if isinstance(below, Directory)
            ]
            yield from level

    @staticmethod
    def is_within(node: Node | None, top: Node) -> bool:
        """Return whether *node* is *top*, or below it."""
        while node is not None:
            if node is top:
                return True
            node = node.parent
        return False

    # what is dirty

    def touch(self, directory: Directory, name: bytes, bits: int = 0) -> None:
        """Have a name looked at."""
        if directory.gone:
            return
        self.dirty[directory] = None
        names = directory.dirty
        if names is None:
            directory.dirty = {name: bits}
        elif names is not ALL:
            names[name] = names.get(name, 0) | bits

    def rescan(self, directory: Directory) -> None:
        """Have every name of a directory looked at."""
        if directory.gone:
            return
        directory.dirty = ALL
        self.dirty[directory] = None
        if self.rescanned is not None:
            self.rescanned(directory)

    def rescan_all(self) -> None:
        """Have every name looked at, as after an overflow of the queue."""
        self.touch(self.anchor, self.anchor.way[0])
        for each in list(self.directories(self.anchor)):
            self.rescan(each)

    # the stream

    def complete(self) -> list[Record]:
        """Return the records that can be sent, which stay in the stream.

        A record of a file waits, and those after it, until a look has found the inode,
        or could not.
        """
        complete = []
        for record in self.records:
            node = record[3]
            if node.inode is None and not node.gone and node.parent not in self.blind:
                break
            node.unsent = False
            complete.append(record)
        for record in islice(self.records, len(complete), None):
            if record[0] is not ChangeKind.DELETED and record[0] is not ChangeKind.MOVED:
                record[3].unsent = True
        return complete
