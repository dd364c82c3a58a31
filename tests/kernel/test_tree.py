"""The behaviour of butter.tree that is its own."""

import copy
import ctypes
import errno
import gc
import itertools
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import pytest
import support
from support import become_nobody, in_child, inject, needs, needs_mounts, needs_namespaces, own_mounts, own_namespaces
from support.histories import (
    Mirror,
    Storm,
    changes,
    differences,
    history,
    lay_out,
    limit_watches,
    on_disk,
    seeds,
    start,
    told,
)

from butter import _tree_file, _tree_mounts, _tree_step, eventlike
from butter._tree_inotify import InotifySource
from butter._tree_process import SharedPidfd
from butter._tree_settle import Sums
from butter.errors import InvalidArgument, PathNotADirectory, PathNotFound
from butter.eventlike import poll, readable
from butter.fanotify import FAN_UNLIMITED_QUEUE
from butter.pidfd import Pidfd
from butter.system import MS_BIND, mount, umount
from butter.tree import Change, ChangeKind, Entry, FileWatch, Process, Tree

CREATED, WRITTEN, MODIFIED = ChangeKind.CREATED, ChangeKind.WRITTEN, ChangeKind.MODIFIED
ATTRIBUTES, DELETED, MOVED = ChangeKind.ATTRIBUTES, ChangeKind.DELETED, ChangeKind.MOVED

# events that an inotify descriptor keeps, unless the machine has another limit
with open("/proc/sys/fs/inotify/max_queued_events") as _file:
    QUEUE = int(_file.read())
fanotify = needs("CAP_SYS_ADMIN", kernel=(5, 17))
backends = pytest.mark.parametrize("backend", ["inotify", pytest.param("fanotify", marks=fanotify)])


@pytest.fixture
def tmp_path(request, tmp_path):
    """A new directory, which fanotify can watch if the test does that.

    The directory of temporary files may be on an overlay, whose files have no handles.
    """
    backend = request.node.callspec.params.get("backend") if hasattr(request.node, "callspec") else None
    if backend != "fanotify":
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        yield Path(place)


@pytest.fixture
def root(tmp_path):
    """A directory with a file and two directories, in one that is not watched."""
    path = tmp_path / "root"
    (path / "a/b").mkdir(parents=True)
    (path / "a/file").write_text("text")
    return path


@pytest.fixture
def make_deep(root):
    """A function that makes directories in each other, deeper than a path is long."""

    def make(path, depth, name="d"):
        fd = os.open(path, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=fd)
            below = os.open(name, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = below
        os.close(fd)

    yield make
    # for shutil.rmtree of older Pythons they are too deep
    subprocess.run(["rm", "-r", root], check=True)


def made(*paths):
    return [(CREATED, path, None) for path in paths]


def gone(*paths):
    return [(DELETED, path, None) for path in paths]


# single changes


def test_entries(root):
    """The entries are those of the beginning, with all that stat says."""
    with Tree(root) as tree:
        before = on_disk(root)
        assert tree.entries() == before
        assert set(before) == {"", "a", "a/b", "a/file"}
        assert before["a/file"].size == 4
        (root / "new").touch()
        tree.sync(60)
        assert tree.entries() == before


def test_paths_as_bytes(root):
    """A root that is bytes has paths that are bytes, whatever bytes they are."""
    with Tree(os.fsencode(root)) as tree:
        assert set(tree.entries()) == {b"", b"a", b"a/b", b"a/file"}
        os.mkdir(os.fsencode(root) + b"/\xff")
        assert changes(tree) == made(b"\xff")


@backends
def test_a_file(root, backend):
    """A file is told when it appears, is written, changed, renamed and deleted."""
    path = root / "a/new"
    with Tree(root, backend=backend) as tree:
        assert tree.backend == f"{backend}: asked for"
        path.write_text("1")
        created, written = told(tree)
        assert (created.kind, written.kind) == (CREATED, WRITTEN)
        assert written.entry == Entry(False, path.stat().st_ino, 1, path.stat().st_mtime_ns)
        assert written.process == (Process(os.getpid()) if backend == "fanotify" else None)
        assert (written.is_dir, written.synthetic) == (False, False)
        assert time.time() - 60 < written.time < time.time() + 1
        path.chmod(0o600)
        assert changes(tree) == [(ATTRIBUTES, "a/new", None)]
        path.rename(root / "b")
        assert changes(tree) == [(MOVED, "b", "a/new")]
        (root / "b").unlink()
        (deleted,) = told(tree)
        assert deleted == Change(DELETED, "b", None, False, deleted.process, False, deleted.time, None)
        assert tree.quiet


@pytest.mark.parametrize("backend", [pytest.param("fanotify", marks=fanotify)])
def test_processes(root, backend):
    """The changes of a process share its pidfd, which ends with the last of them."""
    before = set(support.descriptors())
    with support.Pipe() as (reading, writing), Tree(root, backend=backend, pidfd=True) as tree:
        child = start(lambda: (os.close(writing), (root / "x").touch(), (root / "y").touch(), os.read(reading, 1)))
        found = [tree.wait(60) for _ in range(4)]
        assert [(each.path, each.process.pid) for each in found] == [(path, child) for path in "xxyy"]
        pidfd = found[0].process.pidfd
        assert pidfd.pid == child
        assert {id(each.process.pidfd) for each in found} == {id(pidfd)}
        assert copy.copy(found[0]) == copy.deepcopy(found[0]) == found[0] != found[1]
        assert f"process=Process(pid={child}, pidfd=<SharedPidfd fd={pidfd.fileno()} pid={child}>)" in repr(found[0])
        number = pidfd.fileno()
        with Pidfd.adopt(pidfd) as taken:
            assert (taken.fileno(), pidfd.closed()) == (number, True)
            os.write(writing, b"x")
            # the tree has not reaped the child
            assert os.waitpid(child, 0) == (child, 0)
        (root / "own").touch()
        support.in_child(lambda: (root / "z").touch())
        own, _, ended, _ = told(tree)
        assert own.process.pidfd.pid == os.getpid()
        assert (ended.path, ended.process.pidfd) == ("z", None)
        box = [own]
        del own, found, pidfd
        support.forget(box)
    assert set(support.descriptors()) == before


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("backend", [pytest.param("fanotify", marks=fanotify)])
def test_processes_and_a_handler_that_raises(root, monkeypatch, backend, again):
    """A read that was interrupted has its pidfds once, whether it goes on or not."""

    def interrupted(*_):
        raise KeyboardInterrupt

    before = support.descriptors()
    with Tree(root, backend=backend, pidfd=True) as tree:
        (root / "file").touch()
        with monkeypatch.context() as patch:
            patch.setattr(SharedPidfd, "learn", interrupted)
            with pytest.raises(KeyboardInterrupt):
                tree._source.read()
        gc.collect()
        if again:
            assert tree._source.read()[0].process.pidfd.pid == os.getpid()
    gc.collect()
    assert support.descriptors() == before


@backends
def test_directories(root, tmp_path, backend):
    """A directory that appears is told with all below it, and one that goes alone."""
    with Tree(root, backend=backend) as tree:
        os.makedirs(root / "x/y/z")
        (root / "x/y/z/f").touch()
        found = changes(tree)
        assert found[:4] == made("x", "x/y", "x/y/z", "x/y/z/f")
        os.rename(root / "x", root / "a/x")
        assert changes(tree) == [(MOVED, "a/x", "x")]
        (root / "a/x/y/z/f").write_text("in its new place")
        assert changes(tree) == [(WRITTEN, "a/x/y/z/f", None)]
        os.rename(root / "a/x", tmp_path / "outside")
        assert changes(tree) == gone("a/x")
        (tmp_path / "outside/y/unseen").touch()
        assert changes(tree) == []
        os.rename(tmp_path / "outside", root / "back")
        assert sorted(changes(tree)) == made("back", "back/y", "back/y/unseen", "back/y/z", "back/y/z/f")
        shutil.rmtree(root / "back")
        assert changes(tree)[-1:] == gone("back")


@fanotify
@pytest.mark.parametrize("backend", ["fanotify"])
def test_the_process_of_what_a_look_finds(root, tmp_path, backend):
    """Directories, and what moves out and in, have the process of their events."""
    with Tree(root, backend=backend) as tree:
        for do, path in (
            (lambda: os.mkdir(root / "x"), "x"),
            (lambda: os.rename(root / "x", tmp_path / "x"), "x"),
            (lambda: os.rename(tmp_path / "x", root / "x"), "x"),
            (lambda: os.rmdir(root / "x"), "x"),
            (lambda: os.rename(root / "a/file", tmp_path / "f"), "a/file"),
            (lambda: os.rename(tmp_path / "f", root / "f"), "f"),
        ):
            in_child(do)
            (change,) = told(tree)
            assert change.path == path
            assert change.process is not None


@fanotify
@pytest.mark.parametrize("backend", ["fanotify"])
def test_the_processes_of_one_name(root, backend):
    """A change has no process where two of them may have made it."""
    with Tree(root, backend=backend) as tree:
        in_child(os.rmdir, root / "a/b")
        in_child(os.mkdir, root / "a/b")
        assert [each.process for each in told(tree) if each.path == "a/b"] == [None, None]
        # by its path: PyPy's os.truncate opens and closes the file
        assert support.libc.truncate(os.fsencode(root / "a/file"), ctypes.c_long(1)) == 0
        in_child(os.rename, root / "a/file", root / "a/moved")
        (moved, written) = told(tree)
        assert (moved.kind, written.kind, written.synthetic) == (MOVED, WRITTEN, True)
        assert moved.process is not None
        assert written.process is None


def test_modified(root):
    """With *modified* each write is told, and not only the close after it."""
    with Tree(root, modified=True) as tree, open(root / "a/file", "ab", buffering=0) as file:
        file.write(b"more")
        (modified,) = told(tree)
        assert (modified.kind, modified.path, modified.entry.size) == (MODIFIED, "a/file", 8)
        file.close()
        assert changes(tree) == [(WRITTEN, "a/file", None)]


def test_a_truncated_version(root):
    """A version that no event told is found by the look that another event causes."""
    with Tree(root) as tree:
        os.truncate(root / "a/file", 1)
        (root / "a/file").touch()
        assert told(tree)[-1].entry.size == 1


def test_a_file_that_is_gone(root):
    """A file that came and went before the look is told without an entry."""
    with Tree(root) as tree:
        (root / "x").touch()
        (root / "x").unlink()
        found = told(tree)
        assert [each.kind for each in found] == [CREATED, WRITTEN, DELETED]
        assert [each.entry for each in found] == [None] * 3


@backends
def test_exchange(root, backend):
    """Two names that were exchanged have each other's inode."""
    with Tree(root, backend=backend) as tree:
        mirror = Mirror(tree.entries())
        (root / "b").mkdir()
        (root / "b/below").touch()
        assert not support.libc.renameat2(-100, bytes(root / "a"), -100, bytes(root / "b"), 2)
        for change in told(tree):
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))


@backends
def test_a_child_in_the_place_of_its_parent(root, backend):
    """A child takes the place of its parent, which goes below it."""
    with Tree(root, backend=backend) as tree:
        mirror = Mirror(tree.entries())
        os.rename(root / "a/b", root / "b")
        os.rename(root / "a", root / "b/a")
        os.rename(root / "b", root / "a")
        for change in told(tree):
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))
        assert set(mirror.entries) == {"", "a", "a/a", "a/a/file"}


def test_a_deep_path(root):
    """Directories whose path is longer than the kernel takes are followed as others."""
    name, depth = "n" * 250, 20
    with Tree(root) as tree:
        mirror = Mirror(tree.entries())
        fd = os.open(root, os.O_RDONLY)
        try:
            for _ in range(depth):
                os.mkdir(name, dir_fd=fd)
                below = os.open(name, os.O_RDONLY, dir_fd=fd)
                os.close(fd)
                fd = below
            for change in told(tree):
                mirror.follow(change)
            os.close(os.open("file", os.O_CREAT, dir_fd=fd))
        finally:
            os.close(fd)
        deepest = "/".join([name] * depth)
        assert deepest in mirror.entries
        assert (CREATED, f"{deepest}/file", None) in changes(tree)
        shutil.rmtree(root / name)
        assert changes(tree)[-1] == (DELETED, name, None)


@backends
def test_links_that_are_followed(root, tmp_path, backend):
    """A link to a directory is one, with what is there, if it is not above the link."""
    (tmp_path / "outside/d").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "in").symlink_to("a")
    (root / "a/loop").symlink_to(root)
    (root / "file").symlink_to("a/file")
    with Tree(root, follow_symlinks=True, backend=backend) as tree:
        entries = tree.entries()
        below = {"b", "file", "loop"}
        names = {"", "a", "in", "out", "out/d", "file"}
        assert set(entries) == names | {f"{top}/{name}" for top in ("a", "in") for name in below}
        assert entries["out"] == Entry(True, *entries["out"][1:])
        assert not entries["file"].is_dir
        assert not entries["a/loop"].is_dir
        (tmp_path / "outside/d/new").mkdir()
        assert changes(tree) == made("out/d/new")
        (root / "a/both").mkdir()
        assert sorted(changes(tree)) == made("a/both", "in/both")
        (root / "out").rename(root / "there")
        assert changes(tree) == [(MOVED, "there", "out")]
        (tmp_path / "outside/d/new/deep").mkdir()
        assert changes(tree) == made("there/d/new/deep")
        os.symlink("a/b", root / "swap")
        os.replace(root / "swap", root / "there")
        assert (DELETED, "there", None) in changes(tree)
        (root / "a/b/c").mkdir()
        assert (CREATED, "there/c", None) in changes(tree)
        (root / "there").unlink()
        assert changes(tree) == gone("there")
        shutil.rmtree(tmp_path / "outside")
        assert changes(tree) == []
        tree._hints.overflow()
        assert changes(tree) == []


def test_followed_links_and_patterns(root):
    """For patterns a link to a directory is one, also when it appears."""
    with Tree(root, include="*.py", follow_symlinks=True) as tree:
        (root / "new").symlink_to("a")
        (root / "a/x.py").mkdir()
        assert {(CREATED, "new", None), (CREATED, "new/b", None)} <= set(changes(tree))
    with Tree(root, exclude="new/", follow_symlinks=True) as tree:
        assert "a/b" in tree.entries()
        assert "new" not in tree.entries()


# the root


@backends
def test_a_root_with_a_deep_path(root, make_deep, backend):
    """The path of the root may be longer than the kernel takes."""
    name = "n" * 250
    make_deep(root / "a/b", 20, name)
    path = os.path.join(root, "a/b", *[name] * 20)
    with Tree(path, backend=backend) as tree:
        assert set(tree.entries()) == {""}
        os.rename(root / "a/b", root / "moved")
        assert changes(tree) == gone("")
        os.rename(root / "moved", root / "a/b")
        assert changes(tree) == made("")


def test_no_root(tmp_path):
    """A root that is missing, or is not a directory, is an error of the constructor."""
    with pytest.raises(PathNotFound, match="does not exist"):
        Tree(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(PathNotADirectory):
        Tree(tmp_path / "file")
    with pytest.raises(ValueError, match="backend must be"):
        Tree(tmp_path, backend="kqueue")


@backends
@pytest.mark.parametrize("moved", [".", ".."], ids=["the root", "a directory above it"])
def test_the_root_goes_and_comes(tmp_path, moved, backend):
    """One DELETED is told when the root goes, and all that is there when it comes."""
    above = tmp_path / "above"
    root = above / "root"
    (root / "a").mkdir(parents=True)
    which = os.path.normpath(root / moved)
    with Tree(root, backend=backend) as tree:
        os.rename(which, tmp_path / "elsewhere")
        assert changes(tree) == gone("")
        assert tree.quiet
        with pytest.raises(TimeoutError):
            tree.wait(0)
        os.makedirs(root / "new")
        assert changes(tree) == made("", "new")
        shutil.rmtree(above)
        assert changes(tree)[-1:] == gone("")
        above.symlink_to(tmp_path / "elsewhere")
        assert changes(tree) == []
        above.unlink()
        above.mkdir()
        os.rename(tmp_path / "elsewhere", which)
        assert changes(tree)[:2] == made("", "a")


def test_a_root_by_a_link(root, tmp_path):
    """A link to the root is followed once, and may then be changed."""
    (tmp_path / "link").symlink_to(root)
    with Tree(tmp_path / "link") as tree:
        (tmp_path / "link").unlink()
        (root / "new").mkdir()
        assert changes(tree) == made("new")


@needs("CAP_SYS_CHROOT", "CAP_SYS_ADMIN")
def test_the_whole_disk_as_root():
    """The root of all paths, which has no directory above it, can be a root."""

    def body():
        own_mounts("/tmp")
        os.chroot("/tmp")
        os.chdir("/")
        os.mkdir("proc")
        mount("proc", "proc", "proc")
        with Tree("/", cross_mounts=False) as tree:
            assert set(tree.entries()) == {"", "proc"}
            os.mkdir("/new")
            assert changes(tree) == made("new")

    in_child(body)


# lost events, and what is not allowed


@needs(when=QUEUE <= 1 << 17, reason="the queue of inotify is too long")
def test_an_overflow(root):
    """When the kernel's queue overflows, what was lost is found by looking."""
    with Tree(root) as tree:
        mirror = Mirror(tree.entries())
        for _ in range(QUEUE // 2 + 1):
            # two events that are not alike do not become one
            os.chmod(root / "a/file", 0o600)
            os.chmod(root / "a/b", 0o700)
        os.rename(root / "a", root / "moved")
        (root / "moved/new").mkdir()
        (root / "file").touch()
        found = told(tree)
        for change in found:
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))
        synthetic = [(each.kind, each.path) for each in found if each.synthetic]
        assert (MOVED, "moved") in synthetic
        assert {(CREATED, "moved/new"), (CREATED, "file")} <= set(synthetic)


@pytest.mark.parametrize("backend", [pytest.param("fanotify", marks=fanotify)])
def test_a_queue_without_a_limit(root, backend):
    """The queue of fanotify, which all of the filesystem fills, has no limit."""
    with Tree(root, backend=backend) as tree, open(f"/proc/self/fdinfo/{tree._source.fileno()}") as info:
        flags = next(line.split()[1] for line in info if line.startswith("fanotify flags:"))
    assert int(flags.partition(":")[2], 16) & FAN_UNLIMITED_QUEUE


def test_a_large_tree_after_lost_events(root):
    """Directories that were never asked for are compared after an overflow."""
    for number in range(100):
        os.makedirs(root / f"d{number % 20}/e{number}/f")
        (root / f"d{number % 20}/e{number}/f/file").write_text("text")
    deep = root / "/".join(["deep"] * 100)
    os.makedirs(deep)
    with Tree(root, backend="inotify") as tree:
        before = tree.entries()
        assert before == on_disk(root)
        mirror, read = Mirror(before), tree._source.read
        (root / "d1/e1/f/file").write_text("another text")
        (root / "d2/e2").rename(root / "d3/moved")
        (root / "d3/moved/new").touch()
        shutil.rmtree(root / "d4")
        (root / "d5/e5").rename(root.parent / "outside")
        (root / "d6").rename(root / "d7/e7/d6")
        (deep / "file").touch()
        (root / "d8/e8/f").rename(root / "f")
        (root / "d8/e8/f").symlink_to("file")
        read()  # they are lost
        tree._hints.overflow()
        found = told(tree)
        for change in found:
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))
        assert {(MOVED, "d3/moved"), (MOVED, "d7/e7/d6"), (MOVED, "f")} <= {each[:2] for each in found}
        assert len(found) < 100
        # nothing is told a second time
        tree._hints.overflow()
        assert changes(tree) == []
        assert tree.entries() == before


def test_a_handler_that_raises(root, monkeypatch):
    """A step that did not come to its end is made up for by the next."""
    with Tree(root) as tree:
        work = tree._looks.work

        def interrupted():
            monkeypatch.setattr(tree._looks, "work", work)
            raise KeyboardInterrupt

        (root / "new").touch()
        (root / "directory").mkdir()
        monkeypatch.setattr(tree._looks, "work", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tree.wait(60)
        assert sorted(each[:2] for each in made("directory", "new")) == sorted(
            each[:2] for each in changes(tree) if each[0] is CREATED
        )


def shuffled(root):
    """Make changes of each kind, in a tree that has a few directories more."""
    (root / "a/new").write_text("1")
    (root / "a/file").write_text("another")
    (root / "x/y").rename(root / "a/b/y")
    (root / "a/b/y/one").rename(root / "a/two")
    (root / "a/two").rename(root / "swap/s")
    shutil.rmtree(root / "gone")
    (root / "d/e").mkdir(parents=True)
    (root / "d/e/f").touch()
    (root / "a/b").rename(root / "over")
    (root / "swap").rename(root.parent / "outside")
    (root / "swap").mkdir()


def shuffled_trees(backend):
    """Yield the numbers of some moments, and for each a new tree that has changes."""
    before = support.descriptors()
    for moment in itertools.count(1, 193):
        # the directory of temporary files may be on an overlay, without handles
        with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
            root = Path(place, "root")
            for path in "a/b/c", "x/y/z", "gone/deep", "over", "swap":
                (root / path).mkdir(parents=True)
            for path in "a/file", "x/y/one", "gone/deep/two", "swap/s":
                (root / path).write_text("text")
            with Tree(root, backend=backend) as tree:
                entries = tree.entries()
                shuffled(root)
                yield moment, tree, entries, root
            assert support.descriptors() == before


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
@backends
def test_a_handler_that_raises_anywhere(backend):
    """Wherever a handler raises, each change is told once, and the tree is readable."""
    for moment, tree, entries, root in shuffled_trees(backend):
        more = support.interrupt_between(lambda tree=tree: tree.sync(60), moment)
        assert not more or tree.pending or readable(tree, time.monotonic() + 60)
        mirror = Mirror(entries)
        for change in told(tree):
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))
        if not more:
            break
    assert moment > 1000


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
def test_a_settle_that_a_handler_interrupts():
    """Wherever a handler raises, the iterator goes on, and its sums lose nothing."""
    for moment, tree, entries, root in shuffled_trees("inotify"):
        tree.sync(60)
        (root / "end").touch()
        mirror, sums, found = Mirror(entries, sums=True), tree.settle(0.001), []

        def read(sums=sums, found=found):
            for change in sums:
                found.append(change)
                if change.path == "end":
                    break

        more = support.interrupt_between(read, moment)
        if all(change.path != "end" for change in found):
            read()
        for change in found:
            mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))
        if not more:
            break
    assert moment > 500


def test_a_handler_that_reads(root, monkeypatch):
    """A signal handler cannot read a tree that its own thread is reading."""
    with Tree(root) as tree:
        (root / "new").touch()
        monkeypatch.setattr(tree._looks, "work", lambda: tree.step())
        with pytest.raises(RuntimeError, match="signal handler"):
            tree.wait(60)


def test_permission_lost_and_regained(public_path):
    """A directory without permission is as it was seen last, until it is readable."""
    root = public_path / "root"
    (root / "a/b").mkdir(parents=True)

    def body():
        with Tree(root) as tree:
            os.chmod(root / "a", 0)
            assert changes(tree) == [(ATTRIBUTES, "a", None)]
            assert tree.quiet
            os.mkdir(root / "closed", 0)
            assert changes(tree) == made("closed")
            os.chmod(root / "a", 0o700)
            (root / "a/new").mkdir()
            assert changes(tree) == [(ATTRIBUTES, "a", None), *made("a/new")]
            os.chmod(root / "closed", 0o700)
            (root / "closed/below").mkdir()
            assert changes(tree)[-1:] == made("closed/below")

    in_child(lambda: as_nobody(body, root, root / "a", root / "a/b"))


def test_permission_of_a_directory_above_the_root(public_path):
    """A root is not deleted because a directory above it cannot be read or searched."""
    above = public_path / "above"
    root = above / "root"
    (root / "a").mkdir(parents=True)

    def body():
        with Tree(root) as tree:
            for mode in (0o311, 0o755, 0, 0o755):
                os.chmod(above, mode)
                assert changes(tree) == []
                assert tree.quiet
            (root / "a/new").mkdir()
            assert changes(tree) == made("a/new")

    in_child(lambda: as_nobody(body, above, root, root / "a"))


def as_nobody(body, *paths):
    """Run *body* as a user without privileges, to whom *paths* belong."""
    nobody = 20_000 + os.getpid() % 40_000
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, nobody, nobody)
    become_nobody()
    body()


@pytest.mark.parametrize("options", [{}, {"exclude": "none"}], ids=["walk", "patterns"])
def test_few_descriptors(root, make_deep, options):
    """A tree may be deeper than there are descriptors, and an error has its path."""
    make_deep(root / "a/b", 200)

    def body():
        # so that all numbers below the limit are in use
        support.occupy_descriptors(max(support.descriptors()))
        with Tree(root, **options) as tree:
            free = support.next_descriptor()
            support.allow_descriptors(free)
            (root / "new").mkdir()
            with pytest.raises(OSError, match="no descriptor left") as caught:
                tree.sync(60)
            assert caught.value.errno == errno.EMFILE
            assert str(root).startswith(caught.value.filename)
            support.allow_descriptors(free + 4)
            assert changes(tree) == made("new")
            assert len(tree.entries()) == 204
        support.allow_descriptors(support.next_descriptor() + 10)
        with Tree(root, **options) as tree:
            assert len(tree.entries()) == 205

    in_child(body)


@pytest.mark.parametrize("options", [{}, {"exclude": "none"}], ids=["walk", "patterns"])
def test_a_directory_that_cannot_be_listed(root, monkeypatch, options):
    """One directory whose listing fails is as one without permission."""
    numbers, watch = [], InotifySource.watch

    def note(source, fd, is_way):
        numbers.append(fd)
        return watch(source, fd, is_way)

    with monkeypatch.context() as patch:
        patch.setattr(InotifySource, "watch", note)
        Tree(root, **options).close()

    def body(number):
        inject("getdents64", errno.EIO, number)
        with Tree(root, **options) as tree:
            assert {""} <= set(tree.entries()) < {"", "a", "a/b", "a/file", "other"}
            assert tree.quiet

    # the second number is that of os.listdir
    number = numbers[above(root)]
    for each in range(number, number + 4):
        in_child(body, each)


@needs("CAP_SYS_ADMIN", when=os.path.exists("/dev/fuse"), reason="needs CAP_SYS_ADMIN and /dev/fuse")
@pytest.mark.parametrize(
    "options", [{}, {"exclude": "none"}, {"cross_mounts": False}], ids=["walk", "patterns", "mounts"]
)
def test_a_filesystem_without_a_server(root, options):
    """A tree goes on beside a mount of FUSE whose server has ended."""

    def body():
        own_mounts()
        fd = os.open("/dev/fuse", os.O_RDWR)
        mount("fuse", root / "a/b", "fuse", 0, f"fd={fd},rootmode=40000,user_id=0,group_id=0")
        os.close(fd)
        with pytest.raises(OSError, match="not connected"):
            os.stat(root / "a/b")
        with Tree(root, **options) as tree:
            assert {"", "a", "a/file"} <= set(tree.entries())
            (root / "a/new").mkdir()
            assert changes(tree) == made("a/new")
            umount(root / "a/b")
            (root / "a/b/in").mkdir()
            assert changes(tree)[-1:] == made("a/b/in")

    in_child(body)


def allow_watches(count):
    """Have namespaces with a limit of watches of their own."""
    own_namespaces()
    limit_watches(count)


def above(path):
    """How many directories are above a path, each of which needs a watch."""
    return len(path.parents)


@needs_namespaces
def test_too_few_watches(root):
    """Without a watch for each directory the error has both numbers, or it goes on."""
    for number in range(140):
        (root / f"d{number}").mkdir()
    needed = 143 + above(root)

    def body():
        allow_watches(20)
        with pytest.raises(OSError, match="for 20 directories, and the tree needs") as caught:
            Tree(root, backend="inotify")
        assert caught.value.filename == str(root)
        told = [int(number) for number in re.findall("(?:needs|is|watches=) ?([0-9]+)", str(caught.value))]
        assert told == [needed, 20, 20 + 2 * (needed - 20)]
        with Tree(root, backend="inotify", partial=True) as tree:
            assert len(tree.entries()) == 144
            assert tree.backend == "inotify: it watches 20 directories, and this user has no watch for the others"
            (root / "new").touch()
            assert changes(tree) == [*made("new"), (WRITTEN, "new", None)]
            for number in range(140):
                (root / f"d{number}/below").mkdir()
            # those in directories that have a watch
            assert 0 < len(changes(tree)) < 20

    in_child(body)


@needs_namespaces
def test_watches_that_are_needed(root, make_deep):
    """The error counts what the tree has, by its patterns and mounts, however deep."""
    needed = 2 + above(root)
    deep = 500
    make_deep(root / "a/b", deep)

    def body():
        allow_watches(needed - 1)
        sys.setrecursionlimit(sys.getrecursionlimit() // 2)
        with pytest.raises(OSError, match=f"the tree needs {needed + 1 + deep}:"):
            Tree(root, backend="inotify")
        with pytest.raises(OSError, match=f"the tree needs {needed}:"):
            Tree(root, backend="inotify", exclude="b")
        mount("tmpfs", root / "a/b", "tmpfs")
        (root / "a/b/in").mkdir()
        with pytest.raises(OSError, match=f"the tree needs {needed}:"):
            Tree(root, backend="inotify", cross_mounts=False)

    in_child(body)


@needs_namespaces
def test_watches_that_run_out(root):
    """When a tree outgrows its watches, the error says where, and how many it needs."""

    def body():
        has = 3 + above(root) + 2
        allow_watches(has)
        with Tree(root, backend="inotify") as tree:
            mirror = Mirror(tree.entries())
            for number in range(5):
                os.makedirs(root / f"new/{number}")
            for _ in range(2):
                with pytest.raises(OSError, match=f"for {has} directories, and the tree needs {has + 4}:") as caught:
                    tree.sync(60)
                assert caught.value.errno == errno.ENOSPC
                assert os.path.dirname(caught.value.filename) == str(root / "new")
            for number in range(4):
                os.rmdir(root / f"new/{number}")
            for change in told(tree):
                mirror.follow(change)
            assert not differences(mirror.entries, on_disk(root))

    in_child(body)


@fanotify
def test_no_inotify_descriptor(tmp_path):
    """A user without an inotify descriptor has fanotify by default, if that works."""

    def body():
        own_mounts(tmp_path)
        inject("inotify_init1", errno.EMFILE)
        with Tree(tmp_path) as tree:
            assert tree.backend == "fanotify: this user has no inotify descriptor left"
        for backend in "auto", "inotify":
            if backend == "auto":
                inject("fanotify_init", errno.EPERM)
            with pytest.raises(OSError, match="inotify") as caught:
                Tree(tmp_path, backend=backend)
            assert caught.value.errno == errno.EMFILE

    in_child(body)


@pytest.mark.parametrize("exclude", [None, "x"], ids=["the walk in C", "patterns"])
def test_no_descriptor_left(root, exclude):
    """The error says that the process has no descriptor left, wherever that is met."""

    def body():
        first = max(support.descriptors()) + 1
        while os.dup(0) < first:
            pass  # no number below is free
        for limit in range(first + 1, first + 50):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 1000))
            try:
                Tree(root, backend="inotify", exclude=exclude).close()
                break
            except OSError as error:
                found = error
            assert (found.errno, "RLIMIT_NOFILE" in found.strerror) == (errno.EMFILE, True)
        assert limit > first + 5

    in_child(body)


# mounts


@needs_mounts
def test_mounts(root):
    """A mount over a directory replaces it, and an unmount brings it back."""

    def body():
        own_mounts()
        with Tree(root) as tree:
            mirror = Mirror(tree.entries())

            def follow():
                found = told(tree)
                for change in found:
                    mirror.follow(change)
                assert not differences(mirror.entries, on_disk(root))
                return [(each.kind, each.path) for each in found]

            mount("tmpfs", root / "a", "tmpfs")
            assert follow() == [(DELETED, "a"), (CREATED, "a")]
            (root / "a/in").mkdir()
            assert follow() == [(CREATED, "a/in")]
            (root / "b").mkdir()
            mount(root / "a", root / "b", None, MS_BIND)
            assert follow()[-1:] == [(CREATED, "b/in")]
            (root / "a/both").touch()
            assert {(CREATED, "a/both"), (CREATED, "b/both")} <= set(follow())
            umount(root / "a")
            assert (CREATED, "a/file") in follow()
            umount(root / "b")
            assert follow() == [(DELETED, "b"), (CREATED, "b")]

    in_child(body)


@needs_mounts
@backends
@pytest.mark.parametrize("above", [False, True], ids=["below the root", "above the root"])
def test_mounts_one_after_the_other(root, backend, above):
    """A filesystem is told from one that had its number and its place before."""

    def body():
        own_mounts()
        place = root.parent if above else root / "a"
        with Tree(root, backend=backend) as tree:
            mirror = Mirror(tree.entries())

            def follow():
                for change in told(tree):
                    mirror.follow(change)
                assert not differences(mirror.entries, on_disk(root))

            for number in range(2):
                mount("tmpfs", place, "tmpfs")
                (root / "a").mkdir(parents=True, exist_ok=True)
                follow()
                (root / f"a/{number}").touch()
                follow()
                assert f"a/{number}" in mirror.entries
                umount(place)
                follow()
                # the end of such a mount has no event
                mount(root / "a/b", place, None, MS_BIND)
                follow()
                umount(place)
                follow()
            assert "a/file" in mirror.entries

    in_child(body)


@needs_mounts
def test_mounts_are_not_crossed(root):
    """Without *cross_mounts* a directory is empty on which another filesystem is."""

    def body():
        own_mounts()
        mount("tmpfs", root / "a", "tmpfs")
        (root / "a/in").mkdir()
        with Tree(root, cross_mounts=False) as tree:
            assert set(tree.entries()) == {"", "a"}
            (root / "a/new").mkdir()
            assert changes(tree) == []
            umount(root / "a")
            assert changes(tree)[:2] == [*gone("a"), *made("a")]

    in_child(body)


@needs_mounts
@pytest.mark.parametrize("make", [Tree, lambda root: FileWatch(root / "a/file")], ids=["Tree", "FileWatch"])
def test_readiness_for_mounts_lasts(root, make):
    """A mount makes the object readable until a step, and does not keep a wait."""

    def body():
        own_mounts()
        (root.parent / "elsewhere").mkdir()
        with make(root) as watch:
            assert not readable(watch, 0)
            mount("tmpfs", root.parent / "elsewhere", "tmpfs")
            assert readable(watch, 0)
            assert readable(watch, 0)
            with pytest.raises(TimeoutError):
                watch.wait(0.01)
            watch.sync(60)
            assert not readable(watch, 0)
            mount("tmpfs", root / "a", "tmpfs")
            assert watch.wait(60).kind is DELETED

    in_child(body)


@needs_mounts
def test_a_file_that_is_mounted(root):
    """A file over which another is mounted is told, and so is its return."""
    (root / "other").touch()

    def body():
        own_mounts()
        for first in False, True:
            if first:
                mount(root / "other", root / "a/file", None, MS_BIND)
            with Tree(root) as tree:
                if not first:
                    mount(root / "other", root / "a/file", None, MS_BIND)
                    assert changes(tree) == [*gone("a/file"), *made("a/file")]
                os.rename(root / "a", root / "b")
                os.rename(root / "b", root / "a")
                umount(root / "a/file")
                assert changes(tree)[-2:] == [*gone("a/file"), *made("a/file")]
                assert changes(tree) == []

    in_child(body)


@needs_mounts
def test_mounts_that_are_not_found(root, monkeypatch):
    """Where a mount is not found at its place, everything is looked at in the end."""

    def body():
        own_mounts()
        with Tree(root) as tree:
            touch = tree._model.touch
            monkeypatch.setattr(tree._model, "touch", lambda *_: None)
            mount("tmpfs", root / "a/b", "tmpfs")
            while tree._mounts.pending != 1:
                tree.wait(0) if readable(tree, 60) and tree.pending else tree.step()
            monkeypatch.setattr(tree._model, "touch", touch)
            monkeypatch.setattr(tree._mounts, "_is_different", lambda *_: True)
            assert changes(tree) == [*gone("a/b"), *made("a/b")]
            assert tree.quiet

    in_child(body)


@support.needs_loop
@needs(when="btrfs" in support.FILESYSTEMS, reason="needs btrfs and mkfs.btrfs")
def test_a_name_between_the_open_and_the_watch_on_btrfs(tmp_path, monkeypatch):
    """btrfs lists the names of the open, and events tell of those after the watch."""
    watch = InotifySource.watch

    def late(source, fd, is_way):
        if os.path.basename(os.readlink(f"/proc/self/fd/{fd}")) in ("root", "new"):
            os.close(os.open("between", os.O_CREAT, dir_fd=fd))
        return watch(source, fd, is_way)

    def body(path):
        monkeypatch.setattr(InotifySource, "watch", late)
        for options in {}, {"exclude": "none"}:
            place = Path(tempfile.mkdtemp(dir=path), "root")
            place.mkdir()
            with Tree(place, **options) as tree:
                assert set(tree.entries()) == {"", "between"}
                (place / "new").mkdir()
                assert made("new/between")[0] in changes(tree)

    support.own_filesystem(body, tmp_path, "btrfs", size=128)


def test_without_a_working_directory_of_its_own(root):
    """Where unshare is not allowed, directories are watched and compared as well."""

    def body():
        inject("unshare", errno.EPERM)
        with Tree(root) as tree:
            assert tree.entries() == on_disk(root)
            (root / "a/b/new").mkdir()
            assert changes(tree) == made("a/b/new")
            tree._hints.overflow()
            assert changes(tree) == []

    here = os.getcwd()
    Tree(root).close()
    assert os.getcwd() == here
    in_child(body)


# sums


def settled(tree, count):
    """The first changes of a settled tree, one a path."""
    sums = tree.settle(0.02)
    return [(each.kind, each.path, each.old_path) for each in itertools.islice(sums, count)]


def test_settle(root):
    """One change is told for each path, whatever its file went through."""
    with Tree(root) as tree:
        (root / "saved").write_text("new")
        (root / "saved").rename(root / "a/file")
        (root / "gone").write_text("for a moment")
        (root / "gone").unlink()
        (root / "new").write_text("1")
        (root / "new").write_text("2")
        (root / "new").chmod(0o600)
        (root / "x").touch()
        (root / "x").rename(root / "y")
        (root / "last").mkdir()
        assert settled(tree, 4) == [(WRITTEN, "a/file", None), *made("new", "y", "last")]
        (root / "new").rename(root / "a/middle")
        (root / "a/middle").rename(root / "a/end")
        (root / "new").mkdir()
        (root / "y").unlink()
        found = settled(tree, 3)
        assert set(found) == {(MOVED, "a/end", "new"), *made("new"), *gone("y")}
        assert found.index((MOVED, "a/end", "new")) < found.index(*made("new"))


def test_settle_that_is_refused(root):
    """A time that is not one, and a closed tree, are refused by the call itself."""
    with Tree(root) as tree:
        with pytest.raises(ValueError, match="must not be negative"):
            tree.settle(-1)
        with pytest.raises(TypeError, match="not None"):
            tree.settle(None)
    with pytest.raises(ValueError, match="closed"):
        tree.settle(1)


def test_settle_and_directories(root):
    """A directory that moves does not mix the paths before with those after it."""
    with Tree(root) as tree:
        (root / "a/new").touch()
        (root / "a").rename(root / "b")
        (root / "b/new").chmod(0o600)
        shutil.rmtree(root / "b")
        assert settled(tree, 2) == [*made("a/new"), (DELETED, "a", None)]


@seeds(1, 20)
def test_settled_histories(tmp_path, seed):
    """A mirror of the sums is the disk, as one of all changes is."""
    root = lay_out(tmp_path)
    sums = Sums(0.002)
    with Tree(root) as tree:
        mirror = Mirror(tree.entries(), sums=True)
        storm = Storm(tmp_path, seed)
        for _ in range(25):
            storm.run(6)
            for change in told(tree):
                sums.add(change)
            for change in sums.take():
                mirror.follow(change)
        while sums.left() is not None:
            for change in sums.take():
                mirror.follow(change)
        assert not differences(mirror.entries, on_disk(root))


# the object


def test_waiting(root):
    """A wait ends with a change of another process, and not before its timeout."""
    with Tree(root) as tree:
        with pytest.raises(TimeoutError, match=r"no event within 0\.01 seconds"):
            tree.wait(0.01)
        pid = os.fork()
        if not pid:
            try:
                os.rename(root / "a/file", root / "moved")
            finally:
                os._exit(0)
        assert tree.wait().path == "moved"
        os.waitpid(pid, 0)
        os.set_blocking(tree.fileno(), False)
        assert tree.read_events() == []
        os.rename(root / "a", root.parent / "a")
        # not a second wait, but the same: the directory may turn up elsewhere
        assert tree.wait(0).path == "a"


@pytest.fixture
def busy_tree(root, monkeypatch):
    """A tree of which after each look a directory moves out, and another in."""
    (root / "0").mkdir()
    (root.parent / "1").mkdir()
    with Tree(root) as tree:
        work, numbers = tree._looks.work, itertools.count()

        def look():
            work()
            number = next(numbers)
            os.rename(root / f"{number}", root.parent / f"{number + 2}")
            os.rename(root.parent / f"{number + 1}", root / f"{number + 1}")

        monkeypatch.setattr(tree._looks, "work", look)
        yield tree


def test_sync_of_a_busy_tree(root, busy_tree):
    """A change after the call does not keep ``sync``, which may end unquiet."""
    (root / "left").mkdir()
    busy_tree.sync(60)
    os.rename(root / "left", root.parent / "left")
    busy_tree.sync(60)
    assert not busy_tree._is_quiet()
    found = [(each.kind, each.path) for each in busy_tree.read_events()]
    assert {(CREATED, "left"), (DELETED, "left")} <= set(found)


@pytest.mark.parametrize("timeout", [1e10, 1e300, float("inf")])
def test_sync_with_a_long_timeout(root, timeout):
    """A timeout that is longer than any wait of the kernel is as good as none."""
    with Tree(root) as tree:
        os.rename(root / "a", root.parent / "a")
        tree.sync(timeout)
        assert tree.wait(timeout).kind is DELETED


def test_a_timeout_is_not_long_over(tmp_path, monkeypatch):
    """A wait whose timeout is over waits for nothing that takes more than a moment."""
    waits = []

    def record(fd, events, milliseconds):
        waits.append(milliseconds)
        return poll(fd, events, milliseconds)

    monkeypatch.setattr(_tree_file, "GRACE", 60)
    (tmp_path / "file").touch()
    with FileWatch(tmp_path / "file") as watch:
        (tmp_path / "file").unlink()
        monkeypatch.setattr(eventlike, "poll", record)
        monkeypatch.setattr(_tree_step, "poll", record)
        with pytest.raises(TimeoutError):
            watch.wait(0)
        assert not watch._is_quiet()
        assert set(waits) <= {0}


def test_the_time_of_a_change_that_is_found(root):
    """A change that no event told has the time when it was found."""
    with Tree(root) as tree:
        before = time.time()
        (root / "new").mkdir()
        tree._source.read()
        tree._hints.overflow()
        (change,) = told(tree)
        assert change.synthetic
        assert before <= change.time <= time.time()


@pytest.mark.parametrize("in_thread", [False, True], ids=["by the same thread", "by another"])
def test_a_close_during_a_step(root, in_thread):
    """A step in which the tree is closed ends as on a closed one, and closes all."""
    before = support.descriptors()

    def exclude(path, is_dir):
        if path == "new" and not tree.closed():
            if in_thread:
                thread = Thread(target=tree.close)
                thread.start()
                thread.join(60)
            else:
                tree.close()
            (root / "more").mkdir()
        return False

    tree = Tree(root, exclude=exclude)
    (root / "new").mkdir()
    with pytest.raises(ValueError, match="closed file"):
        tree.wait(60)
    assert tree.closed()
    assert support.descriptors() == before


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
def test_a_constructor_that_a_handler_interrupts(tmp_path, monkeypatch):
    """Wherever a handler raises in a constructor, each part of the object is closed."""
    # the parser of mounts is a long way
    monkeypatch.setattr(_tree_mounts, "mount_lines", list)
    before = support.descriptors()
    for moment in itertools.count(0, 7):
        made = []
        more = support.interrupt_between(lambda made=made: made.append(Tree(tmp_path)), moment)
        for each in made:
            each.close()
        after = support.descriptors()
        assert [
            path for fd, path in after.items() if fd not in before and path.startswith(("anon_inode", "/proc"))
        ] == []
        for fd in after.keys() - before.keys():
            os.close(fd)  # one that a look has opened
        if not more:
            break
    assert moment > 20


def test_a_step_that_fails(root):
    """After a step that an error ended the tree is readable, and the next makes up."""
    fails = [OSError("once"), RuntimeError("once")]

    def exclude(path, is_dir):
        if armed and fails:
            raise fails.pop()
        return False

    armed = False
    with Tree(root, exclude=exclude) as tree:
        armed = True
        (root / "new").mkdir()
        for error in RuntimeError, OSError:
            with pytest.raises(error, match="once"):
                tree.step()
            assert readable(tree, time.monotonic() + 60)
        assert tree.wait(60).path == "new"


def test_changes_before_an_error(root, monkeypatch):
    """Known changes are told before the error of a limit, which comes again."""
    with Tree(root) as tree:
        work = tree._looks.work

        def fail():
            work()
            raise OSError(errno.ENOSPC, "no watch is left")

        monkeypatch.setattr(tree._looks, "work", fail)
        (root / "new").mkdir()
        # not all is known
        with pytest.raises(OSError, match="no watch"):
            tree.sync(60)
        assert tree.pending == 1
        (root / "newer").mkdir()
        assert [tree.wait(60).path for _ in range(2)] == ["new", "newer"]
        with pytest.raises(OSError, match="no watch"):
            tree.wait(60)


def test_a_forked_child(root):
    """A forked child does not have the tree, and the parent goes on."""
    with Tree(root) as tree:

        def body():
            assert tree.closed()
            assert len(support.descriptors()) < before

        before = len(support.descriptors())
        in_child(body)
        (root / "new").mkdir()
        assert changes(tree) == made("new")


def test_adopt(root):
    """A tree takes over another with all that it knows, and no other descriptor."""
    with Tree(root) as tree:
        (root / "new").mkdir()
        tree.sync(60)
        with Tree.adopt(tree) as other:
            assert tree.closed()
            assert changes(other) == made("new")
            with pytest.raises(InvalidArgument):
                Tree.adopt(other.fileno())


@backends
def test_close_on_exec(root, backend):
    """No descriptor of a tree is left to programs that the process executes."""
    before = support.descriptors()
    with Tree(root, backend=backend):
        assert [fd for fd in support.descriptors() if fd not in before and os.get_inheritable(fd)] == []


def test_closed(root):
    """A closed tree raises the error of a closed file, and owns no descriptor."""
    before = support.descriptors()
    tree = Tree(root)
    tree.close()
    assert support.descriptors() == before
    for use in (tree.sync, tree.wait, tree.read_events, lambda: tree.quiet):
        with pytest.raises(ValueError, match="closed file"):
            use()


# histories


@backends
@pytest.mark.parametrize("loss", [0.0, 0.2], ids=["all events", "events are lost"])
def test_histories(tmp_path, backend, loss):
    """After random operations of several processes the mirror equals the disk."""
    history(tmp_path / "place", 0, backend=backend, loss=loss)
