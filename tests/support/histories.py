"""Random histories of a tree, and a mirror that sees nothing but the changes.

A *storm* is a process that does random operations below a root, in the directory above
it, and in a directory ``outside``. The mirror begins with ``entries()``, follows the
changes of a Tree, and refuses those about names that it does not have. In the end it is
compared with the disk.
"""

import ctypes
import fcntl
import os
import random
import shutil
import signal
import stat
import tempfile
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import butter._tree_fanotify
import butter._tree_part
from butter._tree_hints import Hint
from butter.fanotify import FAN_NONBLOCK, FAN_REPORT_DFID_NAME_TARGET, fanotify_init
from butter.inotify import IN_NONBLOCK, IN_Q_OVERFLOW, inotify_init
from butter.tree import ChangeKind, Entry, Tree
from support.children import libc
from support.mounts import raw_mount
from support.needs import capable

_EXCHANGE = 2  # a flag of renameat2
_FDCWD = -100


def seeds(few, many):
    """The parameter *seed*: a few, and up to *many* in the stress tests."""
    left = [pytest.param(seed, marks=pytest.mark.stress) for seed in range(few, many)]
    return pytest.mark.parametrize("seed", [*range(few), *left])


def told(source):
    """All events until now of a Tree, FileWatch or Spool."""
    source.sync(60)
    return [source.wait(0) for _ in range(source.pending)]


def changes(tree):
    """All changes until now: ``[(kind, path, old path), ...]``."""
    return [(each.kind, each.path, each.old_path) for each in told(tree)]


class Mirror:
    """The tree as a program knows it that follows the changes."""

    def __init__(self, entries, sums=False):
        self.entries = dict(entries)
        # the sums of settle() tell CREATED of what replaces something
        self._sums = sums
        self._sep = b"/" if any(isinstance(path, bytes) for path in entries) else "/"

    def _below(self, path):
        if not path:
            return list(self.entries)
        return [each for each in self.entries if each == path or each.startswith(path + self._sep)]

    def _parent(self, path):
        return path.rpartition(self._sep)[0]

    def follow(self, change):
        """Apply a change; AssertionError if it cannot be."""
        path, entries = change.path, self.entries
        if change.kind is ChangeKind.CREATED:
            assert self._sums or path not in entries, f"created twice: {change}"
            for each in self._below(path) if path in entries else ():
                del entries[each]
            if path:
                assert entries[self._parent(path)].is_dir, f"created below a file: {change}"
            entries[path] = change.entry or Entry(change.is_dir, None, None, None)
        elif change.kind is ChangeKind.DELETED:
            assert path in entries, f"deleted, but unknown: {change}"
            assert entries[path].is_dir == change.is_dir, f"another kind is known: {change}"
            for each in self._below(path):
                del entries[each]
        elif change.kind is ChangeKind.MOVED:
            old = change.old_path
            assert old in entries, f"moved, but unknown: {change}"
            assert path, "the root was moved"
            assert entries[self._parent(path)].is_dir, f"moved below a file: {change}"
            assert not (path + self._sep).startswith(old + self._sep), f"moved below itself: {change}"
            moved = {path + each[len(old) :]: entries.pop(each) for each in self._below(old)}
            for each in self._below(path):
                del entries[each]
            entries.update(moved)
        else:
            assert path in entries, f"unknown: {change}"
        if change.entry is not None and change.kind is not ChangeKind.DELETED:
            assert entries[path].is_dir == change.entry.is_dir
            entries[path] = change.entry


def on_disk(root, is_bytes=False):
    """``{path: Entry}`` of what is below *root*, which may be missing."""
    found = {}
    root = os.fsencode(root)

    def visit(path):
        status = os.lstat(os.path.join(root, path) if path else root)
        is_dir = stat.S_ISDIR(status.st_mode)
        entry = Entry(is_dir, status.st_ino, status.st_size, status.st_mtime_ns)
        found[path if is_bytes else os.fsdecode(path)] = entry
        if is_dir:
            try:
                names = os.listdir(os.path.join(root, path) if path else root)
            except PermissionError:
                return
            for name in names:
                visit(path + b"/" + name if path else name)

    if os.path.isdir(root) and not os.path.islink(root):
        visit(b"")
    return found


def differences(mirror, disk, linked=frozenset()):
    """The paths at which a mirror and the disk differ.

    The versions of files are not compared whose inodes are *linked*: such a file may be
    written through another name.
    """

    def key(entry):
        return (entry.is_dir, entry.inode, *(() if entry.is_dir or entry.inode in linked else entry[2:]))

    return {
        path: (mirror.get(path), disk.get(path))
        for path in mirror.keys() | disk.keys()
        if path not in mirror or path not in disk or key(mirror[path]) != key(disk[path])
    }


def left_in(disk, exclude):
    """The entries of a disk without some names, and paths that begin with ``/``."""
    names = set(exclude)

    def keeps(path):
        parts = path.split("/")
        ways = {"/" + "/".join(parts[: count + 1]) for count in range(len(parts))}
        return not names & (ways | set(parts))

    return {path: entry for path, entry in disk.items() if keeps(path)}


def lay_out(place):
    """Make the directories of a storm in *place*, and return its root."""
    root = f"{os.fspath(place)}/above/root"
    os.makedirs(root)
    os.mkdir(f"{os.fspath(place)}/outside")
    return root


class Storm:
    """Random operations on the directory *place*/above/root, by a seed.

    They stay in *place*. A process that may have another root of all paths has that
    one. In any other, no link leads upwards: where links change while a path is
    followed, nothing else could keep them in.

    Hard links are made if *linked* is the number of a file, to which the inodes are
    added that have had another name, by a link or a mount, as 8 bytes each.
    """

    DIRECTORIES = (b"a", b"b", b"c", b"d\xff")
    FILES = (b"f", b"g", b"h", b"i\xe9")

    def __init__(self, place, seed, linked=None, wild=True, closed=False, mounts=False):
        self._random = random.Random(seed)
        self._linked = linked
        self._confined = False
        self._enter(os.fsencode(place))
        plain = [self.mkdir, self.makedirs, self.write, self.write, self.append, self.write, self.rename, self.rename]
        plain += [self.rename, self.move_out, self.move_in, self.remove, self.remove_tree, self.attributes]
        plain += [self.symlink, self.replace] + ([self.link] if linked is not None else [])
        rare = [self.exchange, self.replace_directory, self.over_empty, self.child_over_parent, self.utime]
        self._operations = plain * 6 + (rare * 4 + [self.root_goes, self.above_goes] if wild else [])
        self._operations += ([self.close] * 12 + [self.close_above] * 2) * closed
        self._operations += [self.mount, self.bind, self.umount, self.umount] * 4 * mounts
        self._operations += [self.mount_above, self.umount_above, self.umount_above] * mounts
        self._operations += [self.exchange] * 4 * mounts

    def _enter(self, place):
        self._place, self._outside, self._above = place, place + b"/outside", place + b"/above"
        self._root = self._above + b"/root"

    def start(self, count, pause=0.0):
        """The process id of a forked child that does *count* operations."""

        def body():
            if capable("CAP_SYS_CHROOT"):
                os.chroot(self._place)
                os.chdir("/")
                self._enter(b"")
                self._confined = True
            self.run(count, pause)

        return start(body)

    def run(self, count, pause=0.0):
        """Do *count* operations; those that fail are part of the history."""
        for _ in range(count):
            try:
                self._random.choice(self._operations)()
            except OSError:
                pass
            if pause and self._random.random() < 0.05:
                time.sleep(pause)

    def directory(self):
        """A directory that exists, perhaps."""
        path = self._root
        for _ in range(self._random.randrange(5)):
            below = path + b"/" + self._random.choice(self.DIRECTORIES)
            if not os.path.isdir(below) or os.path.islink(below):
                break
            path = below
        return path

    def name(self):
        return self._random.choice(self.DIRECTORIES if self._random.random() < 0.5 else self.FILES)

    def any(self):
        return self.directory() + b"/" + self.name()

    def file(self):
        return self.directory() + b"/" + self._random.choice(self.FILES)

    def subdirectory(self):
        return self.directory() + b"/" + self._random.choice(self.DIRECTORIES)

    def mkdir(self):
        os.mkdir(self.subdirectory())

    def makedirs(self):
        path = self.subdirectory()
        os.makedirs(path + b"/a/b")
        with open(path + b"/a/b/f", "wb") as file:
            file.write(b"deep")

    def write(self):
        with open(self.file(), "wb") as file:
            file.write(b"x" * self._random.randrange(100))

    def append(self):
        with open(self.file(), "ab") as file:
            file.write(b"more")

    def replace(self):
        path = self.file()
        with open(path + b".new", "wb") as file:
            file.write(b"y" * self._random.randrange(100))
        os.rename(path + b".new", path)

    def rename(self):
        os.rename(self.any(), self.any())

    def move_out(self):
        os.rename(self.any(), self._outside + b"/" + self.name())

    def move_in(self):
        os.rename(self._outside + b"/" + self.name(), self.any())

    def remove(self):
        os.unlink(self.file())

    def remove_tree(self):
        shutil.rmtree(self.subdirectory())

    def attributes(self):
        os.chmod(self.any(), self._random.choice((0o755, 0o700)))

    def utime(self):
        os.utime(self.file(), ns=(1, self._random.randrange(10**18)))

    def link(self):
        # by a name that only this process uses: so it is known which inode has two
        name = self._place + b"/linked%d" % os.getpid()
        os.link(self.file(), name)
        try:
            self._has_two_names(name)
            os.link(name, self.any())
        finally:
            os.unlink(name)

    def _has_two_names(self, path):
        if self._linked is not None:
            os.write(self._linked, os.lstat(path).st_ino.to_bytes(8, "little"))

    def symlink(self):
        targets = (b"a", b"..", b"nothing", b"../outside") if self._confined else (b"a", b"nothing")
        os.symlink(self._random.choice(targets), self.any())

    def exchange(self):
        if libc.renameat2(_FDCWD, self.any(), _FDCWD, self.any(), _EXCHANGE):
            raise OSError(ctypes.get_errno(), "renameat2")

    def replace_directory(self):
        path = self.subdirectory()
        shutil.rmtree(path)
        os.mkdir(path)
        with open(path + b"/f", "wb") as file:
            file.write(b"replaced")

    def over_empty(self):
        path = self.subdirectory()
        os.mkdir(path + b".empty")
        os.rename(self.subdirectory(), path + b".empty")
        os.rename(path + b".empty", path)

    def child_over_parent(self):
        path = self.subdirectory()
        os.rename(path, self._outside + b"/parent")
        os.rename(self._outside + b"/parent/" + self._random.choice(self.DIRECTORIES), path)
        os.rename(self._outside + b"/parent", path + b"/" + self._random.choice(self.DIRECTORIES))

    def close(self):
        """Take permissions away, or give them back."""
        os.chmod(self.subdirectory(), self._random.choice((0, 0o100, 0o400, 0o755, 0o755)))

    def close_above(self):
        """Take permissions from the directory above the root, often for a moment."""
        os.chmod(self._above, self._random.choice((0, 0o100, 0o311, 0o400)))
        if self._random.random() < 0.9:
            self._random.random() < 0.5 and time.sleep(0.005)
            os.chmod(self._above, 0o755)

    def mount(self):
        raw_mount("tmpfs", self.subdirectory(), "tmpfs")

    def bind(self):
        source, target = self.subdirectory(), self.subdirectory()
        raw_mount(source, target, None, 0x1000)
        # they may be files: what is written through one name is not told of the other
        for path in source, target:
            self._has_two_names(path)

    def umount(self):
        libc.umount2(self.subdirectory(), 2)  # MNT_DETACH

    def mount_above(self):
        raw_mount("tmpfs", self._above, "tmpfs")
        if self._random.random() < 0.5:
            os.mkdir(self._root)

    def umount_above(self):
        libc.umount2(self._above, 2)  # MNT_DETACH
        os.makedirs(self._root, exist_ok=True)

    def root_goes(self):
        other = self._above + b"/other"
        way = self._random.randrange(4)
        if way == 0:
            shutil.rmtree(self._root)
        elif way == 1:
            self._goes_and_comes(self._root, other)
        elif way == 2:
            os.rename(self._root, self._old())
        elif way == 3:
            os.rename(self.subdirectory(), other)
            os.rename(self._root, self._old())
            os.rename(other, self._root)
        os.makedirs(self._root, exist_ok=True)

    def above_goes(self):
        if self._random.random() < 0.5:
            self._goes_and_comes(self._above, self._place + b"/other")
        else:
            os.rename(self._above, self._old())
        os.makedirs(self._root, exist_ok=True)

    def _goes_and_comes(self, path, other):
        os.rename(path, other)
        self._random.random() < 0.5 and time.sleep(0.015)
        os.rename(other, path)

    def _old(self):
        return self._place + b"/old%d" % self._random.randrange(10**9)


def open_all(root):
    """Give all permissions back."""
    left = [os.fsencode(root)]
    while left:
        path = left.pop()
        with suppress(OSError):  # it may be another user's
            os.chmod(path, 0o755)
        with suppress(OSError):
            left += [each.path for each in os.scandir(path) if each.is_dir(follow_symlinks=False)]


def start(body):
    """The process id of a forked child that runs *body*."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


#: descriptors whose queue is short, for each kind of queue and each size
_short = {}


@contextmanager
def short_queue(backend, size):
    """Let the tree of a child that is forked meanwhile have a queue of *size* events.

    Without a *size* nothing happens; else it needs root.
    """
    if size is None:
        yield
        return
    pool = _short.setdefault((backend, size), [])
    if not pool:
        _fill(pool, backend, size)
    fd = pool.pop()
    module = butter._tree_part if backend == "inotify" else butter._tree_fanotify
    make = module.open_into

    def open_into(part, *_):
        part._fd = fd
        return fd

    module.open_into = open_into
    try:
        yield
    finally:
        module.open_into = make
        os.close(fd)


def _fill(pool, backend, size):
    """Make descriptors with a short queue, several at once."""
    with lowered(backend, size):
        for _ in range(16):
            if backend == "inotify":
                pool.append(inotify_init(IN_NONBLOCK))
            else:
                pool.append(fanotify_init(FAN_REPORT_DFID_NAME_TARGET | FAN_NONBLOCK, os.O_RDONLY))


@contextmanager
def lowered(backend, size):
    """Let descriptors that are made meanwhile have a queue of *size* events.

    The limit is that of the whole machine, and counts when a descriptor is made. So it
    is low for a moment, under a lock. It needs root.
    """
    path = Path(f"/proc/sys/fs/{backend}/max_queued_events")
    with open(path) as limit:
        fcntl.flock(limit, fcntl.LOCK_EX)
        before = limit.read()
        try:
            path.write_text(str(size))
            yield
        finally:
            path.write_text(before)


def lose_events(tree, chance, seed):
    """Let the queue of a tree seem to overflow, at reads by *chance*.

    Events after some of those that were read are lost, as they are in the kernel.
    """
    source, chooser = tree._source, random.Random(seed)
    read = source.read

    def losing(certain=False):
        hints = read(certain)
        if hints and chooser.random() < chance:
            return [*hints[: chooser.randrange(len(hints))], Hint(IN_Q_OVERFLOW)]
        return hints

    source.read = losing


def history(
    place,
    seed,
    count=150,
    processes=2,
    links=True,
    wild=True,
    closed=False,
    mounts=False,
    loss=0.0,
    pause=0.0,
    rounds=1,
    exclude=(),
    **options,
):
    """Storms while a tree is made and followed. AssertionError if the tree lies.

    A tree that is *partial* is compared after all was looked at once more, with as many
    watches as it likes: before, only its changes have to make sense.

    Returns how often events were lost.
    """
    place = os.fspath(place)
    root = lay_out(place)
    with tempfile.TemporaryFile(dir=place) as file:
        linked = file.fileno() if links else None
        before = _marks(place)
        os.waitpid(Storm(place, seed, linked, wild=False).start(60), 0)
        os.makedirs(root, exist_ok=True)
        children = [Storm(place, seed + 1, linked, wild=False).start(count // 3)]
        try:
            with Tree(root, exclude=exclude or None, **options) as tree:
                if loss:
                    lose_events(tree, loss, seed)
                mirror, changes = Mirror(tree.entries()), []

                def follow(change):
                    changes.append(change)
                    mirror.follow(change)

                for turn in range(rounds):
                    for number in range(processes):
                        storm = Storm(place, f"{seed} {turn} {number}", linked, wild, closed, mounts)
                        children.append(storm.start(count, pause))
                    while children:
                        with suppress(TimeoutError):
                            follow(tree.wait(0.002))
                        children = [each for each in children if os.waitpid(each, os.WNOHANG)[0] == 0]
                    if closed:
                        open_all(place)
                    if options.get("partial"):
                        limit_watches(1 << 20)
                        tree._hints.overflow()
                    tree.sync(20)
                    while tree.pending:
                        follow(tree.wait(0))
                    inodes = memoryview(os.pread(file.fileno(), 1 << 20, 0)).cast("q")
                    found = differences(mirror.entries, left_in(on_disk(root), exclude), set(inodes))
                    assert not found, (found, changes[-30:])
                    assert _marks(place) == before, "the storms have left their directory"
                return tree._hints.overflows
        finally:
            for each in children:
                os.waitpid(each, 0)


def _marks(place):
    """The status of the directory of *place*, as far as no reader changes it."""
    status = os.stat(os.path.dirname(place))
    return status.st_dev, status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns


def limit_watches(count):
    """Let this process's user namespace have *count* watches of inotify."""
    with open("/proc/sys/user/max_inotify_watches", "w") as limit:
        limit.write(str(count))
