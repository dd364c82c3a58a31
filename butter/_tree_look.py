"""Looking: what makes the model equal to the disk.

The invariant: each directory is watched first and listed then. From there on, for each
of its names, the model is right, or the name is dirty, or a hint about it (or an
overflow) is in the queue: the kernel queues an event after the change can be seen, and
before the system call returns. So a look that is too early is followed by another.

Code that changes the model at a name without having looked at that name makes it dirty.
With this, each rule below is safe: a wrong guess is corrected, and never final.

* A name is looked at through a descriptor of its directory, and only if that is the
  directory of the model: a path may lead to another one meanwhile. A directory that
  cannot be found by its path is *unreachable*, with its dirty names. Its ancestors have
  moved, which their names tell. The descriptor is closed after the look, because an
  open directory cannot be unmounted, and the end of its watch would be late.
* A directory is known by its key, wherever it is. A file is known by its inode number,
  at the same name. So directories that were moved are found even if the events are
  lost, and files are then deleted and created.
* A living directory that is gone from its name is not deleted at once: it may turn up
  elsewhere. The name is in *limbo* for a grace time, and is then looked at again.
* Where the model has a circle, as when a child took the place of its parent, the
  subtree is thrown away and found anew.
* A directory without permission is *blind*: known, and not looked into. Its names stay
  dirty until some directory was moved, or has other attributes.

Patterns (``Model.excluded``) are asked here for each name on the disk, and in the
hints: an excluded name counts as absent. A directory that moves is looked at with all
below it if there are patterns, which ``Model.move`` sees to. They are set before the
first look, which then makes no walk in C (``walk_with`` is None).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from butter._constants.fanotify_handle import AT_FDCWD
from butter._tree_c import lib
from butter._tree_change import ChangeKind
from butter._tree_errors import TREE
from butter._tree_hints import GRACE
from butter._tree_model import ALL, BYTES, MODE, MOUNT, MOUNT_BITS, MTIME, Directory
from butter._tree_open import CHANGED, EXHAUSTED, FOLLOW, FORBIDDEN, NAMES, Opens
from butter._tree_walk import Walk
from butter.inotify import IN_CREATE, IN_DELETE, IN_MOVED_TO

if TYPE_CHECKING:
    from collections.abc import Hashable

    from butter._tree_hints import Hints, Source
    from butter._tree_inotify import InotifySource
    from butter._tree_model import Facts, Model, Node

#: the hints are read again after so many directories, so that the queue does not
#: overflow because of a long look
READ_EACH = 64
#: when an unreachable directory is tried again, in seconds, and how often
RETRY, TRIES = 0.005, 20

# bits of a look beside those of events: all that is below is looked at, too, and the
# version of a file is taken, as after an overflow; and a wait in limbo is over
DEEP, FORCE = 1 << 32, 1 << 33

_APPEARED = IN_CREATE | IN_MOVED_TO


class Looks(Opens):
    """Looks at what is dirty, until the model is the disk."""

    def __init__(self, model: Model, source: Source, hints: Hints, cross_mounts: bool) -> None:
        super().__init__(model)
        self._source = source
        self._hints = hints
        self._cross_mounts = cross_mounts
        #: whether the tree goes on with the directories that have a watch
        self.partial = False
        #: names that are not looked at before a time, and the bits for that look
        self.limbo: dict[tuple[Directory, bytes], tuple[float, int]] = {}
        #: directories that are not where the model has them, and since when
        self.unreachable: dict[Directory, float] = {}
        self._generation = self._depth = 0
        self._retry_at, self._tries = 0.0, 0
        #: the source for a walk in C, in the first scan: it does not ask for patterns
        self.walk_with: InotifySource | None = None
        #: how many directories could not be watched, because no watch was left
        self.unwatched = 0
        #: the first of them that is an error, because watches ran out later
        self._lacking: bytes | None = None

    # when

    def is_quiet(self) -> bool:
        """Return whether nothing that was read is left to be looked at."""
        return not (self._model.dirty or self.limbo or self._hints.halves or self.unreachable)

    def next_time(self) -> float | None:
        """Return the ``time.monotonic()`` at which work() has something to do."""
        if self.is_quiet():
            return None
        times = [deadline for deadline, _ in self.limbo.values()]
        times += [deadline for _, _, deadline in self._hints.halves.values()]
        if self._model.dirty:
            times.append(0.0)
        if self.unreachable:
            times.append(self._retry_at)
        return min(times) if times else None

    def begun(self) -> list[float]:
        """Return the ``time.monotonic()`` since which each thing waits for a look."""
        times = [deadline - GRACE for deadline, _ in self.limbo.values()]
        times += [deadline - GRACE for _, _, deadline in self._hints.halves.values()]
        return times + list(self.unreachable.values())

    def work(self) -> None:
        """Look at all that is dirty, and end what has waited for long enough."""
        model, now = self._model, time.monotonic()
        # what a signal handler has left open
        self.close()
        self._hints.expire(now)
        changed = self._generation != model.generation
        self._generation = model.generation
        retried: dict[Directory, float] = {}
        if changed:
            model.dirty.update(model.blind)
            model.blind.clear()
            self._tries = 0
        if self.unreachable and (changed or now >= self._retry_at):
            retried, self.unreachable = self.unreachable, {}
            model.dirty.update(dict.fromkeys(retried))
        self._look_at_dirty(retried)
        while self._end_limbo():
            self._look_at_dirty(retried)
        if self.unreachable:
            self._plan_retry(retried)
        model.process = None
        if self.is_quiet():
            self._hints.processes.clear()
        if self._lacking is not None:
            path, self._lacking = os.fsdecode(self._lacking), None
            watches, unwatched, self.unwatched = self._source.watches, self.unwatched, 0
            TREE.fail(errno.ENOSPC, path, watches=watches, needed=watches + unwatched)

    def _look_at_dirty(self, retried: dict[Directory, float]) -> None:
        model, count = self._model, 0
        tried: set[Directory] = set()
        again: dict[Directory, None] = {}
        while model.dirty or again:
            if not model.dirty:
                model.dirty, again = again, {}
            batch, model.dirty = model.dirty, {}
            for directory in batch:
                names = directory.dirty
                if names is None or directory.gone:
                    continue
                directory.dirty = None
                count += 1
                if count % READ_EACH == 0:
                    self._hints.read()
                if len(names) == 1 and self._look_at_one(directory, names):
                    continue
                fd = self._open(directory)
                if fd in FORBIDDEN:
                    self._put_back(directory, names)
                    self._leave_blind(directory)
                    continue
                if fd < 0 and fd != AT_FDCWD:
                    self._put_back(directory, names)
                    if directory in tried:
                        self.unreachable[directory] = retried.get(directory) or time.monotonic()
                    else:
                        tried.add(directory)
                        again[directory] = None
                    continue
                try:
                    self._look_at_names(directory, names, fd)
                finally:
                    self.close()

    def _look_at_one(self, directory: Directory, names: dict[bytes, int]) -> bool:
        """Look at the only dirty name of a directory in one call, if it is a file."""
        ((name, bits),) = names.items()
        if directory.way or directory.dead or directory.is_followed() or (directory, name) in self._hints.half_at:
            return False
        facts = self._look_once(directory, name)
        if facts is None:
            return False
        if stat.S_ISLNK(facts[MODE]) and self._model.follows:
            return False
        if stat.S_ISDIR(facts[MODE]) or self._model.leaves_out(directory, name, False):
            return False
        self._model.process = self._hints.processes.pop((directory, name), None)
        self._look_at_file(directory, name, facts, bits)
        return True

    def _look_at_names(self, directory: Directory, names: dict[bytes, int], fd: int) -> None:
        if names is ALL:
            self._list(directory, fd)
            return
        for name, bits in names.items():
            if directory.gone:
                break
            self._look(directory, name, fd, bits)

    def _leave_blind(self, directory: Directory) -> None:
        self._model.dirty.pop(directory, None)
        self._model.blind[directory] = None

    @staticmethod
    def _put_back(directory: Directory, names: dict[bytes, int]) -> None:
        directory.dirty = names if directory.dirty is None else ALL

    def _end_limbo(self) -> bool:
        """Look again at names whose time in limbo is over; return if there were any."""
        now = time.monotonic()
        due = [
            (directory, name)
            for (directory, name), (deadline, _) in self.limbo.items()
            if deadline <= now or directory.gone or getattr(directory.children.get(name), "dead", False)
        ]
        for directory, name in due:
            _, bits = self.limbo.pop((directory, name))
            if directory.gone:
                continue
            fd = self._open(directory)
            if fd < 0 and fd != AT_FDCWD:
                self._model.touch(directory, name, bits)
                continue
            try:
                self._look(directory, name, fd, bits | FORCE)
            finally:
                self.close()
        return bool(due)

    def _plan_retry(self, retried: dict[Directory, float]) -> None:
        still = [directory for directory in self.unreachable if directory in retried]
        if still:
            self._tries += 1
        if still and self._tries >= TRIES:
            # only another change can help
            self._model.blind.update(dict.fromkeys(self.unreachable))
            self.unreachable = {}
            return
        self._retry_at = time.monotonic() + RETRY
        for directory in still:
            # the way to it must have changed
            node: Directory = directory
            while node.parent is not None and not node.gone:
                self._model.touch(node.parent, node.name)
                node = node.parent

    # how

    def _look(self, directory: Directory, name: bytes, dirfd: int, bits: int) -> None:
        """Look at a name, and make the model right; *bits* are those of its events."""
        model = self._model
        if (directory, name) in self._hints.half_at and not bits & FORCE:
            self._wait(directory, name, bits)
            return
        model.process = self._hints.processes.pop((directory, name), None)
        result = lib.butter_tree_look(dirfd, name, self._found)
        if result < 0 and result not in CHANGED:
            if result in EXHAUSTED:
                self._fail(result, directory, name)
            # no permission to search the directory, or a filesystem without a server
            model.touch(directory, name, bits)
            self._leave_blind(directory)
            return
        known = directory.children.get(name)
        if result == 0:
            facts = self._facts(directory)
            if stat.S_ISLNK(facts[MODE]) and model.follows and not directory.way:
                facts = self._follow(directory, name, dirfd) or facts
            is_dir = stat.S_ISDIR(facts[MODE])
            exists = is_dir if directory.way else not model.leaves_out(directory, name, is_dir)
            if exists and is_dir:
                self._look_at_directory(directory, name, dirfd, facts, bits)
                return
            if exists:
                self._look_at_file(directory, name, facts, bits)
                return
        if known is not None and self._may_end(directory, known, bits):
            model.delete(known, not bits & IN_DELETE)

    def _look_at_file(self, directory: Directory, name: bytes, facts: Facts, bits: int) -> None:
        model, known = self._model, directory.children.get(name)
        if known is not None and not known.is_dir and known.inode is None:
            # its record may be sent without an inode, because its directory was blind
            self._learn_version(known, facts)
            return
        if known is not None and not known.is_same(facts):
            if not self._may_end(directory, known, bits):
                return
            model.delete(known, True)
            known = None
        if known is None:
            model.add_file(directory, name, facts, not bits & _APPEARED)
            return
        version = known.size, known.mtime
        if bits and version != (facts[BYTES], facts[MTIME]):
            self._learn_version(known, facts)

    def _learn_version(self, known: Node, facts: Facts) -> None:
        """Remember what a look found out, and tell it."""
        if not known.unsent:
            # No record that is still to be sent takes the version along. Another
            # process than that of the event may have made it.
            self._model.process = None
            self._model.version(known, ChangeKind.WRITTEN, True)
        known.learn(facts)

    def _may_end(self, directory: Directory, known: Node, bits: int) -> bool:
        """Return whether a node that is gone from its name is to be deleted now."""
        if bits & FORCE or not isinstance(known, Directory) or known.dead:
            return True
        self._wait(directory, known.name, bits)
        return False

    def _wait(self, directory: Directory, name: bytes, bits: int) -> None:
        """Have a name wait for what becomes known soon."""
        self._hints.made_by(directory, name, self._model.process)
        deadline, before = self.limbo.get((directory, name)) or (time.monotonic() + GRACE, 0)
        self.limbo[directory, name] = deadline, before | bits

    def _look_at_directory(self, directory: Directory, name: bytes, dirfd: int, facts: Facts, bits: int) -> None:
        model = self._model
        link = facts[MOUNT] & ~MOUNT_BITS
        crosses = (facts[MOUNT] ^ directory.mount) & MOUNT_BITS
        if not directory.way and not self._cross_mounts and crosses:
            # another filesystem begins here, and it is not looked into
            self._know_blind(directory, name, dirfd, facts, bits)
            return
        count = self.count()
        follow = FOLLOW if link != directory.mount & ~MOUNT_BITS else 0
        fd = self.enter(dirfd, name, NAMES if len(directory.way) > 1 else follow)
        if fd in CHANGED:
            return
        if fd in EXHAUSTED:
            if self._depth <= 1:
                self._fail(fd, directory, name)
            # the directories above it need not be open, either
            model.touch(directory, name, bits)
            return
        if fd < 0:
            self._know_blind(directory, name, dirfd, facts, bits)
            return
        try:
            facts = self._facts(model.anchor)
            facts[MOUNT] |= link
            try:
                key = self._watch(directory, name, fd)
            except PermissionError:
                # it was taken away after the directory was opened
                self._know_blind(directory, name, dirfd, facts, bits)
                return
            self._enter(directory, name, fd, facts, key, bits)
        finally:
            self.close(count)

    def _know_blind(self, directory: Directory, name: bytes, dirfd: int, facts: Facts, bits: int) -> None:
        """Make the model right about a directory that cannot be opened."""
        model, known = self._model, directory.children.get(name)
        key = self._source.key_of(dirfd, name)
        if isinstance(known, Directory) and not known.dead and known.is_same(facts) and key in (None, known.key):
            return
        if known is not None:
            if not self._may_end(directory, known, bits):
                return
            model.delete(known, True)
        node = model.add_directory(directory, name, facts, True)
        if key is not None and model.find(key, facts[MOUNT]) is None:
            model.claim(key, node)

    def _enter(self, directory: Directory, name: bytes, fd: int, facts: Facts, key: Hashable, bits: int) -> None:
        """Make the model right about a directory that is open, and watched by *key*."""
        model, mount = self._model, facts[MOUNT]
        known, found = directory.children.get(name), model.find(key, mount)
        if found is not None and found is known:
            found.dead = False
            self._look_below(found, fd, bits)
            return
        if (
            isinstance(known, Directory)
            and found is None
            and (key is None or known.key in (None, key))
            and known.is_same(facts)
            and not known.dead
        ):
            # it could not be opened before, or can no longer be watched anew
            if key is not None:
                model.claim(key, known)
            self._look_below(known, fd, bits)
            return
        if known is not None and not self._may_end(directory, known, bits):
            self._unwatch(key)
            return
        if found is not None and (
            directory.way or model.is_within(directory, found) or (known is not None and model.is_within(found, known))
        ):
            key = self._break_circle(directory, name, found, fd)
            if directory.gone:
                return
            known, found = directory.children.get(name), None
        if found is not None:
            parent, old_name = found.parent, found.name
            model.move(found, directory, name, True)
            if parent is not None:
                model.touch(parent, old_name)
            self._look_below(found, fd, bits)
            return
        if known is not None:
            model.delete(known, True)
        node = model.add_directory(directory, name, facts, not bits & _APPEARED)
        if key is not None:
            model.claim(key, node)
        self._list(node, fd)

    def _look_below(self, node: Directory, fd: int, bits: int) -> None:
        if bits & DEEP or node.dirty is ALL or not node.listed:
            self._list(node, fd)

    def _break_circle(self, directory: Directory, at: bytes, found: Directory, fd: int) -> Hashable:
        """Throw a subtree away that would be below itself; return the key of *fd*."""
        model, known = self._model, directory.children.get(at)
        top = known if known is not None and model.is_within(found, known) else found
        parent, name = top.parent, top.name
        model.delete(top, True)
        if parent is not None:
            model.touch(parent, name)
        return None if directory.gone else self._watch(directory, at, fd)

    def _watch(self, directory: Directory, name: bytes, fd: int) -> Hashable:
        """Return the key of a directory that is open, None if it cannot be watched."""
        is_way = len(directory.way) > 1
        try:
            key = self._source.watch(fd, is_way)
        except PermissionError:
            if is_way:
                return None
            raise
        if key is None:
            self._lack_watch(directory, name)
        return key

    def _lack_watch(self, directory: Directory, name: bytes) -> None:
        """Count a directory that could not be watched, because no watch is left.

        The first scan ends here. Later what is on the disk is found out nevertheless,
        so that the error says how many watches the tree needs.
        """
        self.unwatched += 1
        if self.partial:
            return
        if self._model.silent:
            TREE.fail(errno.ENOSPC, watches=self._source.watches)
        if self._lacking is None:
            self._lacking = os.path.join(self._model.path(directory), name)

    def _unwatch(self, key: Hashable) -> None:
        """End a new watch that is not used; a look that follows makes another."""
        if key is not None and key not in self._model.keys:
            self._source.drop(key)

    def _list(self, node: Directory, fd: int) -> None:
        """Look at all names of a directory, on the disk and in the model."""
        if self._depth > lib.BUTTER_TREE_DEPTH:
            self._model.rescan(node)
            return
        self._depth += 1
        try:
            self._list_names(node, fd)
        finally:
            self._depth -= 1

    def _list_names(self, node: Directory, fd: int) -> None:
        node.dirty = None
        if node.way:
            self._look(node, node.way[0], fd, DEEP)
            node.listed = True
            return
        if node.packed is not None:
            walk, place = node.packed
            if (failed := walk.compare(place, fd)) < 0:
                if failed not in EXHAUSTED or self._depth <= 1:
                    self._fail(failed, node, b"")
                # those above need not be open, either
                self._model.rescan(node)
            return
        if self.walk_with is not None and self._model.silent and not node.listed and isinstance(node.key, int):
            node.listed = True
            if not Walk(self._model, self.walk_with).go(node, fd, node.key):
                self._lack_watch(node, b"")
            return
        try:
            # btrfs would leave out the names that came between the open and the watch
            os.lseek(fd, 0, os.SEEK_SET)
            names = [os.fsencode(name) for name in os.listdir(fd)]
        except OSError as error:
            failed = -1 - (error.errno or 0)
            if failed in EXHAUSTED and self._depth <= 1:
                self._fail(failed, node, b"")
            self._model.rescan(node)
            if failed not in EXHAUSTED:
                self._leave_blind(node)
            return
        node.listed = True
        for name in {*names, *node.children}:
            self._look(node, name, fd, DEEP)
            if node.gone:
                return
