"""Single files in butter.tree: FileWatch, watch_file and complete."""

import itertools
import os
import platform
import random
import resource
import shutil
import time
from functools import partial

import pytest
from support import become_nobody, descriptors, in_child, interrupt_between, needs_mounts, own_mounts
from support.histories import seeds, start, told

from butter._inotify import watches_of
from butter._tree_events import is_being_written
from butter.errors import InvalidPath, NoMoreEvents, PathNotADirectory, PathNotFound
from butter.inotify import IN_Q_OVERFLOW, InotifyEvent
from butter.system import MS_BIND, mount, umount
from butter.tree import Change, ChangeKind, Entry, FileWatch, Tree, complete, gitignore, watch_file

CREATED, WRITTEN, ATTRIBUTES, DELETED = (
    ChangeKind.CREATED,
    ChangeKind.WRITTEN,
    ChangeKind.ATTRIBUTES,
    ChangeKind.DELETED,
)


@pytest.fixture
def path(tmp_path):
    """A file that exists."""
    file = tmp_path / "file"
    file.write_text("text")
    return file


def kinds(watch):
    return [change.kind for change in told(watch)]


def replace(path, text):
    """Write a file beside the other, and move it over that."""
    beside = path.with_name("beside")
    beside.write_text(text)
    beside.rename(path)


def point(link, target):
    """Let a symbolic link point elsewhere, in one step."""
    beside = link.with_name("beside")
    beside.symlink_to(target)
    beside.rename(link)


# FileWatch


def test_each_change(path):
    """A file that is written, replaced, deleted and made again has one change each."""
    with FileWatch(path) as watch:
        before = path.stat()
        assert watch.entry == Entry(False, before.st_ino, 4, before.st_mtime_ns)
        assert kinds(watch) == []
        path.write_text("other")
        (change,) = told(watch)
        assert change == Change(WRITTEN, str(path), None, False, None, False, change.time, watch.entry)
        assert watch.entry == Entry(False, before.st_ino, 5, path.stat().st_mtime_ns)
        replace(path, "other")
        assert kinds(watch) == [WRITTEN]
        assert watch.entry.inode == path.stat().st_ino != before.st_ino
        path.chmod(0o600)
        assert kinds(watch) == [ATTRIBUTES]
        path.unlink()
        (change,) = told(watch)
        assert change == Change(DELETED, str(path), None, False, None, False, change.time)
        assert watch.entry is None
        path.write_text("again")
        assert kinds(watch) == [CREATED]
        # a write that leaves no trace in the status is a write
        with path.open("r+"):
            pass
        assert kinds(watch) == [WRITTEN]
        path.with_name("another").write_text("text")
        assert kinds(watch) == []


def test_editors(path):
    """Editors that move the old file away first have one change as well."""
    with FileWatch(path) as watch:
        path.rename(path.with_name("file~"))
        path.write_text("saved")
        assert kinds(watch) == [WRITTEN]
        path.unlink()
        replace(path, "saved")
        assert kinds(watch) == [WRITTEN]
        path.unlink()
        os.link(path.with_name("file~"), path)
        assert kinds(watch) == [WRITTEN]


def test_a_file_that_is_kept_open(path):
    """A new file is told when it is closed, however long that takes."""
    with FileWatch(path) as watch:
        path.unlink()
        assert kinds(watch) == [DELETED]
        with path.open("w") as file:
            file.write("half")
            file.flush()
            assert kinds(watch) == []
            with path.open():  # a reader does not complete it
                assert kinds(watch) == []
            assert kinds(watch) == []
            with pytest.raises(TimeoutError):
                watch.wait(0.1)
            assert watch.entry is None
        assert kinds(watch) == [CREATED]
        path.unlink()
        assert kinds(watch) == [DELETED]
        fd = os.open(path, os.O_CREAT | os.O_RDONLY)
        assert kinds(watch) == []
        os.close(fd)
        assert kinds(watch) == [CREATED]
        with path.open("a") as file:
            file.write("more")
            file.flush()
            assert kinds(watch) == []
        assert kinds(watch) == [WRITTEN]


@pytest.mark.parametrize("open_source", [FileWatch, lambda path: complete(path.parent)])
def test_a_reader_that_comes_early(tmp_path, open_source):
    """A file is not complete when a reader closes it, whose opening made no event."""
    path = tmp_path / "file"
    with open_source(path) as source:
        # inotify has one event for both, because nothing is between them
        writer = os.open(path, os.O_CREAT | os.O_WRONLY)
        reader = os.open(path, os.O_RDONLY)
        os.close(reader)
        assert told(source) == []
        os.close(os.open(path, os.O_RDONLY))
        assert told(source) == []
        os.write(writer, b"text")
        os.close(writer)
        assert len(told(source)) == 1
        os.close(os.open(path, os.O_RDONLY))
        assert told(source) == []


def test_writers_that_the_kernel_tells(public_path):
    """The kernel tells the owner of a file, and root, whether it is being written."""
    path, fifo = os.fsencode(public_path / "file"), os.fsencode(public_path / "fifo")
    os.mkfifo(fifo)
    with open(path, "w"):
        assert is_being_written(path)
    assert not is_being_written(path)
    assert not is_being_written(path + b"-missing")
    assert not is_being_written(fifo)

    def body():
        become_nobody()
        # of another user's file it cannot be told
        assert is_being_written(path) == (os.geteuid() != os.stat(path).st_uid)

    in_child(body)

    def without_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        with pytest.raises(OSError, match="RLIMIT_NOFILE is 3"):
            is_being_written(path)

    in_child(without_descriptors)


CHANGES = {
    "made": lambda path: path.write_text("made"),
    "written": lambda path: path.write_text("written"),
    "replaced": lambda path: replace(path, "replaced"),
    "attributes": lambda path: path.chmod(0o600),
    "gone": lambda path: path.unlink(),
    "linked": lambda path: os.link(path.with_name("kept"), path),
}


def spool_of_three(place):
    (place / "file").write_text("text")
    (place / "link").symlink_to("file")
    os.close(os.open(place / "read", os.O_CREAT | os.O_RDONLY))


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
@pytest.mark.parametrize("change", [*CHANGES, "spool"])
def test_a_handler_that_raises_anywhere(tmp_path, monkeypatch, change):
    """Wherever a signal handler raises in a step, each change is told once."""
    monkeypatch.setattr("butter._tree_events.GRACE", 0.001)
    monkeypatch.setattr("butter._tree_file.GRACE", 0.001)
    for number in itertools.count(step=3):
        place = tmp_path / str(number)
        place.mkdir()
        path = place / "file"
        if change == "spool":
            source, make, count = complete(place), partial(spool_of_three, place), 3
        else:
            if change == "linked":
                path.with_name("kept").touch()
            elif change != "made":
                path.touch()
            source, make, count = FileWatch(path), partial(CHANGES[change], path), 1
        with source:
            make()
            before = descriptors()
            more = interrupt_between(source.step, number)
            assert len(told(source)) == count
            # one that C has opened when a handler raises is not known to Python
            for fd in descriptors().keys() - before.keys():
                os.close(fd)
        if not more:
            break
    assert number > 50


def now(source):
    """The changes that are told without waiting, of a source with a long GRACE."""
    source.step()
    return [source.wait(0) for _ in range(source.pending)]


@pytest.fixture
def patient(monkeypatch):
    """Objects wait so long for what may follow that no test would see the end."""
    monkeypatch.setattr("butter._tree_events.GRACE", 600)
    monkeypatch.setattr("butter._tree_file.GRACE", 600)


@pytest.mark.usefixtures("patient")
def test_changes_that_are_not_told(path, tmp_path):
    """A name that comes back, and a file in a new directory, are waited for."""
    with FileWatch(path) as watch:
        path.rename(tmp_path / "file~")
        assert now(watch) == []
        path.write_text("saved")
        assert [change.kind for change in now(watch)] == [WRITTEN]
        tmp_path.rename(tmp_path.with_name("elsewhere"))
        assert now(watch) == []
        assert not watch.quiet
        tmp_path.with_name("elsewhere").rename(tmp_path)
        assert now(watch) == []
        assert watch.quiet
    with FileWatch(tmp_path / "a/file") as watch:
        (tmp_path / "a").mkdir()
        with open(tmp_path / "a/file", "w"):
            assert now(watch) == []
        assert [change.kind for change in now(watch)] == [CREATED]
    with FileWatch(tmp_path / "b") as watch:
        replace(tmp_path / "b", "complete")
        assert [change.kind for change in now(watch)] == [CREATED]
        os.link(tmp_path / "b", tmp_path / "c")
        (tmp_path / "b").unlink()
        os.truncate(tmp_path / "c", 1)
        os.link(tmp_path / "c", tmp_path / "b")
        assert [change.kind for change in now(watch)] == [WRITTEN]
        assert watch.quiet
    with complete(tmp_path / "a") as spool:
        assert len(now(spool)) == 1
        os.link(tmp_path / "a/file", tmp_path / "a/link")
        os.symlink("file", tmp_path / "a/symlink")
        assert len(now(spool)) == 2


def test_another_directory_than_that_of_an_open_file(path, tmp_path):
    """A file that is kept open does not hold up one of another directory."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").touch()
    with FileWatch(tmp_path / "a/file") as watch, open(tmp_path / "a/file", "w"):
        assert kinds(watch) == []
        (tmp_path / "a").rename(tmp_path / "c")
        (tmp_path / "b").rename(tmp_path / "a")
        assert kinds(watch) == [CREATED]


def test_single_events(tmp_path, monkeypatch):
    """Events that are read one by one have the changes of those that come together."""
    path, events = tmp_path / "file", []
    with FileWatch(path) as watch:
        read = watch._events.read

        def one():
            events.extend(read())
            return [events.pop(0)] if events else []

        def singly():
            found = now(watch)
            while events:
                found += now(watch)
            return [change.kind for change in found + told(watch)]

        monkeypatch.setattr(watch._events, "read", one)
        path.write_text("text")
        assert singly() == [CREATED]
        # the close was not told of the file, whose watch is newer
        os.link(path, tmp_path / "link")
        assert singly() == []
        (tmp_path / "link").write_text("longer")
        assert singly() == [WRITTEN]
        for text in "12":
            path.write_text(text)
            assert singly() == [WRITTEN]
        replace(path, "3")
        assert singly() == [WRITTEN]
        path.unlink()
        assert singly() == [DELETED]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkdir(path),
        lambda path: os.mkfifo(path),
        lambda path: os.mknod(path),
        lambda path: os.symlink("/", path),
        lambda path: os.link(path + "~", path),
        lambda path: os.close(os.open(path, os.O_CREAT | os.O_RDONLY)),
    ],
)
def test_files_that_are_not_written(path, make):
    """A file that appears without being written is complete at once."""
    path.rename(path.with_name("file~"))
    with FileWatch(path) as watch:
        make(str(path))
        (change,) = told(watch)
        assert (change.kind, change.is_dir) == (CREATED, path.is_dir())


def test_other_names_of_the_file(path, tmp_path):
    """A write through a hard link in another directory is told."""
    (tmp_path / "below").mkdir()
    os.link(path, tmp_path / "below/link")
    with FileWatch(path) as watch:
        assert kinds(watch) == []
        for text in ("by", "the", "link"):
            (tmp_path / "below/link").write_text(text)
            assert kinds(watch) == [WRITTEN]
            path.write_text(text)
            assert kinds(watch) == [WRITTEN]


def test_no_directories(tmp_path):
    """Directories on the way may be missing, appear, move and go."""
    path = tmp_path / "a/b/file"
    with FileWatch(os.fsencode(path)) as watch:
        assert watch.entry is None
        path.parent.mkdir(parents=True)
        assert kinds(watch) == []
        path.write_text("text")
        (change,) = told(watch)
        assert (change.kind, change.path) == (CREATED, os.fsencode(path))
        (tmp_path / "a").rename(tmp_path / "moved")
        assert kinds(watch) == [DELETED]
        (tmp_path / "moved").rename(tmp_path / "a")
        assert kinds(watch) == [CREATED]
        shutil.rmtree(tmp_path / "a")
        assert kinds(watch) == [DELETED]
        path.parent.mkdir(parents=True)
        path.write_text("text")
        assert kinds(watch) == [CREATED]
        # the same place, by other directories
        (tmp_path / "c/b").mkdir(parents=True)
        (tmp_path / "c/b/file").write_text("text")
        (tmp_path / "a").rename(tmp_path / "d")
        (tmp_path / "c").rename(tmp_path / "a")
        assert kinds(watch) == [WRITTEN]
        assert watch.entry.inode == path.stat().st_ino


def test_a_mounted_configuration(tmp_path):
    """A link on the way that is replaced is one change, as in Kubernetes."""
    path = tmp_path / "key"
    for version in "12":
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}/key").write_text(version)
    (tmp_path / "..data").symlink_to("..1")
    path.symlink_to("..data/key")
    with FileWatch(path) as watch:
        watches = len(watches_of(watch._events.fileno()))
        point(tmp_path / "..data", "..2")
        assert kinds(watch) == [WRITTEN]
        assert watch.entry.inode == (tmp_path / "..2/key").stat().st_ino
        assert len(watches_of(watch._events.fileno())) == watches
        shutil.rmtree(tmp_path / "..1")
        assert kinds(watch) == []
        point(tmp_path / "..data", (tmp_path / "..2"))  # leads to the same file
        assert kinds(watch) == []
        (tmp_path / "..2/key").write_text("in place")
        assert kinds(watch) == [WRITTEN]
        point(path, "key")  # leads to itself
        assert kinds(watch) == [DELETED]
        point(path, "../" + tmp_path.name + "/./..2/key")
        assert kinds(watch) == [CREATED]


def test_directories_that_may_not_be_read(public_path):
    """A directory that may only be searched is passed, and permission may come back."""
    path = public_path / "searched/closed/file"
    path.parent.mkdir(parents=True)
    path.write_text("text")

    def body():
        os.chmod(path.parent.parent, 0o300)
        with FileWatch(path) as watch:
            path.write_text("other")
            assert kinds(watch) == [WRITTEN]
            os.chmod(path.parent, 0)
            assert kinds(watch) == [DELETED]
            os.chmod(path.parent, 0o700)
            os.chmod(path.parent.parent, 0o700)
            assert kinds(watch) == [CREATED]
            os.chmod(path.parent, 0)
            assert kinds(watch) == [DELETED]
            os.chmod(path.parent, 0o700)
            assert kinds(watch) == [CREATED]

    def as_nobody():
        nobody = 20_000 + os.getpid() % 40_000
        if os.geteuid() == 0:
            for each in (path, path.parent, path.parent.parent):
                os.chown(each, nobody, nobody)
        become_nobody()
        body()

    in_child(as_nobody)


def test_paths_that_lead_to_directories(path, tmp_path):
    """With a slash at its end a path leads to a directory, as in every system call."""
    for form in "{}/", "{}/.", "{}//":
        with FileWatch(form.format(path)) as watch:
            assert watch.entry is None
            path.rename(tmp_path / "file~")
            path.mkdir()
            (change,) = told(watch)
            assert (change.kind, change.is_dir) == (CREATED, True)
            path.rmdir()
            path.write_text("text")
            assert kinds(watch) == [DELETED]
    (tmp_path / "link").symlink_to("file/")
    with FileWatch(tmp_path / "link") as watch:
        assert watch.entry is None


@needs_mounts
def test_a_file_that_is_mounted(tmp_path, path):
    """A mount over the file is told, and so is what is written to its other place."""
    (tmp_path / "below").mkdir()
    other = tmp_path / "below/other"
    other.write_text("of another place")

    def body():
        own_mounts()
        with FileWatch(path) as watch:
            mount(str(other), str(path), flags=MS_BIND)
            assert kinds(watch) == [WRITTEN]
            path.write_text("through the mount")
            assert kinds(watch) == [WRITTEN]
            other.write_text("in its own place")
            assert kinds(watch) == [WRITTEN]
            umount(str(path))
            assert kinds(watch) == [WRITTEN]

    in_child(body)


def test_lost_events(path, monkeypatch):
    """After an overflow the file is compared with what was told."""
    with FileWatch(path) as watch:
        for number in range(2):
            read = watch._events.read
            monkeypatch.setattr(
                watch._events, "read", lambda read=read: read() and [InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"")]
            )
            path.write_text(f"other {10**number}")
            (change,) = told(watch)
            assert (change.kind, change.synthetic) == (WRITTEN, True)
            monkeypatch.undo()


@pytest.mark.parametrize("function", [Tree, gitignore, complete, FileWatch])
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("", PathNotFound),
        ("file/", PathNotADirectory),
        ("loop", InvalidPath),
        ("n" * 5000, InvalidPath),
    ],
)
def test_paths_that_lead_nowhere(path, monkeypatch, function, form, error):
    """A path has the error that the kernel has for it, whatever it is for."""
    monkeypatch.chdir(path.parent)
    os.symlink("loop", "loop")
    if function is FileWatch and form:
        # the file need not exist, so the path may lead to one later
        with FileWatch(form) as watch:
            assert watch.entry is None
    else:
        with pytest.raises(error) as caught:
            function(form)
        assert caught.value.filename == form


def test_no_working_directory(path, tmp_path):
    """Where the working directory is deleted, only relative paths are an error."""

    def body():
        (tmp_path / "gone").mkdir()
        os.chdir(tmp_path / "gone")
        os.rmdir(tmp_path / "gone")
        with FileWatch(path) as watch:
            assert watch.entry.size == 4
        for function in FileWatch, Tree, complete:
            with pytest.raises(PathNotFound) as caught:
                function(".")
            assert caught.value.filename == "."

    in_child(body)


def test_watch_file(path):
    """One change is waited for, and the time may run out."""
    with pytest.raises(TimeoutError):
        watch_file(path, 0)

    def write():
        while not stop.exists():
            path.write_text("text")
            time.sleep(0.001)

    stop = path.with_name("stop")
    child = start(write)
    try:
        assert watch_file(path, 60).kind in (WRITTEN, CREATED)
    finally:
        stop.touch()
        os.waitpid(child, 0)


def test_a_closed_watch(path):
    """A watch owns several descriptors, which end with it, and in a forked child."""
    before = descriptors()
    watch = FileWatch(path)
    in_child(lambda: watch.closed() or 1 / 0)
    watch.close()
    assert descriptors() == before
    with pytest.raises(ValueError, match="closed"):
        watch.wait()


class Swaps:
    """Random operations on two directories of files, links between them, and a name."""

    def __init__(self, place, seed):
        self._place, self._random = place, random.Random(seed)

    def run(self, count):
        for _ in range(count):
            try:
                self._random.choice(self.OPERATIONS)(self)
            except OSError:
                pass
            if self._random.random() < 0.2:
                time.sleep(self._random.random() / 500)

    def any(self):
        directory = self._random.choice(("", "one/", "two/", "link/", "link/sub/"))
        return f"{self._place}/{directory}{self._random.choice(('one', 'two', 'link', 'sub', 'file', 'file', 'tmp'))}"

    def write(self):
        with open(self.any(), self._random.choice(("w", "a"))) as file:
            file.write("x" * self._random.randrange(9))

    def rename(self):
        os.rename(self.any(), self.any())

    def replace(self):
        path = self.any()
        with open(path + "~", "w") as file:
            file.write("y" * self._random.randrange(9))
        os.rename(path + "~", path)

    def link(self):
        path = self.any()
        os.symlink(self._random.choice(("one", "two", "../one", "link", "file", f"{self._place}/two")), path + "~")
        os.rename(path + "~", path)

    def hard_link(self):
        os.link(self.any(), self.any())

    def mkdir(self):
        os.mkdir(self.any())

    def unlink(self):
        os.unlink(self.any())

    def rmtree(self):
        shutil.rmtree(self.any())

    def mend(self):
        """Let the path lead to a file again, through either directory."""
        one = self._random.choice(("one", "two"))
        os.makedirs(f"{self._place}/{one}/sub", exist_ok=True)
        beside = f"{self._place}/{self._random.random()}"
        os.symlink(one, beside)
        os.rename(beside, f"{self._place}/link")
        with open(f"{self._place}/{one}/sub/file", "a") as file:
            file.write("mended")

    OPERATIONS = (write, write, write, rename, rename, replace, replace, link, hard_link, mkdir, unlink, rmtree)
    OPERATIONS += (mend,) * 8


@seeds(1, 20)
def test_random_swaps(tmp_path, seed):
    """After random operations on the way the watch knows the file that is there."""
    path = tmp_path / "link/sub/file"
    (tmp_path / "one/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("one")
    for turn in range(3):
        with FileWatch(path) as watch:
            entry = watch.entry
            children = [start(partial(Swaps(tmp_path, f"{seed} {turn} {number}").run, 60)) for number in (1, 2)]
            while children:
                try:
                    changes = [watch.wait(0.002)]
                except TimeoutError:
                    changes = []
                children = [each for each in children if os.waitpid(each, os.WNOHANG)[0] == 0]
                changes += [] if children else told(watch)
                for change in changes:
                    assert (change.kind is CREATED) == (entry is None)
                    assert (change.entry is None) == (change.kind is DELETED)
                    entry = change.entry
            try:
                status = path.stat()
                truth = Entry(path.is_dir(), status.st_ino, status.st_size, status.st_mtime_ns)
            except OSError:
                truth = None
            if truth is None or truth.is_dir or entry is None:
                assert (entry and entry[:2]) == (truth and truth[:2])
            else:
                assert entry == truth


# complete


def names(spool):
    return [os.path.basename(path) for path in told(spool)]


def test_complete(tmp_path):
    """The files that are there come first, and then each that is complete."""
    for name in "cab":
        (tmp_path / name).touch()
    (tmp_path / "directory").mkdir()
    with complete(tmp_path) as spool:
        assert [spool.wait(60) for _ in range(3)] == [str(tmp_path / name) for name in "abc"]
        assert names(spool) == []
        with open(tmp_path / "new", "w") as file:
            file.write("half")
            file.flush()
            assert names(spool) == []
        assert names(spool) == ["new"]
        replace(tmp_path / "moved", "text")
        assert names(spool) == ["moved"]
        os.link(tmp_path / "a", tmp_path / "linked")
        os.symlink("a", tmp_path / "symlink")
        os.mknod(tmp_path / "node")
        assert sorted(names(spool)) == ["linked", "node", "symlink"]
        (tmp_path / "gone").touch()
        (tmp_path / "gone").unlink()
        (tmp_path / "a").unlink()
        (tmp_path / "other").mkdir()
        assert names(spool) == []
        (tmp_path / "b").write_text("again")
        assert names(spool) == ["b"]
    with complete(os.fsencode(tmp_path)) as spool:
        assert spool.wait(60) == os.fsencode(tmp_path) + b"/b"


def test_a_file_that_begins_with_the_list(tmp_path, monkeypatch):
    """A file that is created while the directory is listed comes when it is closed."""
    listdir, opened = os.listdir, []

    def listing(place):
        opened.append(os.open(tmp_path / "new", os.O_CREAT | os.O_WRONLY))
        return listdir(place)

    (tmp_path / "old").touch()
    monkeypatch.setattr(os, "listdir", listing)
    with complete(tmp_path) as spool:
        monkeypatch.undo()
        assert names(spool) == ["old"]
        os.close(opened.pop())
        assert names(spool) == ["new"]


def test_the_end_of_a_spool_directory(tmp_path):
    """The iteration ends when the directory goes, after all that had come before."""
    place = tmp_path / "place"
    for end in (shutil.rmtree, lambda place: place.rename(tmp_path / "moved")):
        place.mkdir()
        (place / "file").touch()
        with complete(place) as spool:
            assert spool.wait(60) == str(place / "file")
            end(place)
            assert list(spool) == []
            with pytest.raises(NoMoreEvents):
                spool.wait()
    with pytest.raises(PathNotFound):
        complete(place)
    with pytest.raises(PathNotADirectory):
        complete(tmp_path / "moved/file")


def test_other_paths_of_a_spool_directory(tmp_path, monkeypatch):
    """A directory stays the same where the path that was passed leads elsewhere."""
    for name in ("above", "above/one", "above/two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "above")
    os.symlink("one", "link")
    with complete("link") as spool:
        point(tmp_path / "above/link", "two")
        monkeypatch.chdir("/")
        (tmp_path / "above/one/file").touch()
        (tmp_path / "above/two/other").touch()
        assert told(spool) == ["link/file"]
        (tmp_path / "above").rename(tmp_path / "elsewhere")
        (tmp_path / "above/one").mkdir(parents=True)
        (tmp_path / "elsewhere/one/lost").touch()
        assert list(spool) == []


def test_lost_events_of_a_spool(tmp_path, monkeypatch):
    """A file comes though its close was lost by an overflow."""
    with complete(tmp_path) as spool:
        read = spool._events.read
        with open(tmp_path / "file", "w"):
            assert names(spool) == []
            # to list the directory has events as well, which are not lost
            lost = [InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"")]
            monkeypatch.setattr(spool._events, "read", lambda: lost and read() and [lost.pop()])
        assert names(spool) == ["file"]


@pytest.mark.parametrize("lose", [False, True])
def test_a_random_spool(tmp_path, monkeypatch, lose):
    """Each file of several processes comes, and none before it is complete."""
    count = 20

    def produce(number):
        chooser = random.Random(number)
        for each in range(count):
            name = f"{number}-{each}"
            way = chooser.randrange(4)
            where = tmp_path / "spool" / name if way % 2 else tmp_path / name
            with open(where, "w", buffering=1) as file:
                for _ in range(3):
                    file.write("line\n")
            if way == 0:
                os.rename(where, tmp_path / "spool" / name)
            elif way == 2:
                os.link(where, tmp_path / "spool" / name)

    (tmp_path / "spool").mkdir()
    children = [start(lambda number=number: produce(number)) for number in range(3)]
    try:
        with complete(tmp_path / "spool") as spool:
            read, chooser = spool._events.read, random.Random(3)

            def losing():
                events = read()
                if events and chooser.random() < 0.3:
                    return [*events[: chooser.randrange(len(events))], InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"")]
                return events

            if lose:
                monkeypatch.setattr(spool._events, "read", losing)
            # those that were open already may come twice
            first, seen = set(told(spool)), set()
            for path in first:
                seen.add(path)
            while len(seen) < 3 * count:
                path = spool.wait(60)
                seen.add(path)
                if not lose:
                    with open(path) as file:
                        assert file.read() == "line\n" * 3
    finally:
        for child in children:
            os.waitpid(child, 0)
