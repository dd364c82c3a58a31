"""The cases of inotify: one test for each, named after it."""

import ctypes
import fcntl
import os
import re
from pathlib import Path

import pytest
import support
from support import drain, needs

from butter.inotify import (
    IN_ACCESS,
    IN_ALL_EVENTS,
    IN_ATTRIB,
    IN_CLOEXEC,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_EXCL_UNLINK,
    IN_IGNORED,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_NONBLOCK,
    IN_ONESHOT,
    IN_OPEN,
    Inotify,
    inotify_init,
)

DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inotify():
    with Inotify(IN_NONBLOCK) as inotify:
        yield inotify


def test_inotify01(here):
    """The events of a file come in order, in one read, with exact masks."""
    Path("file").write_bytes(b"content")
    with Inotify() as inotify:
        wd = inotify.watch("file", IN_ALL_EVENTS)
        os.chmod("file", 0o600)
        fd = os.open("file", os.O_RDONLY)
        os.read(fd, 10)
        os.close(fd)
        fd = os.open("file", os.O_RDWR | os.O_CREAT)
        os.write(fd, b"new")
        os.close(fd)
        events = inotify.read_events()
        with pytest.raises(TimeoutError):
            inotify.wait(0)
    masks = [IN_ATTRIB, IN_OPEN, IN_ACCESS, IN_CLOSE_NOWRITE, IN_OPEN, IN_MODIFY, IN_CLOSE_WRITE]
    assert events == [(wd, mask, 0, b"") for mask in masks]


def test_inotify02(here, inotify):
    """The events of a directory come in order; its two renames in a row are one."""
    directory = here / "D"
    directory.mkdir()
    os.chdir(directory)
    wd = inotify.watch(".", IN_ALL_EVENTS)
    os.chmod(".", 0o755)
    os.close(os.open("f1", os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    os.rename("f1", "f2")
    os.rename(directory, here / "D1")
    os.unlink("f2")
    os.rename(here / "D1", here / "D2")
    os.rename(here / "D2", directory)
    events = drain(inotify)
    assert {event.wd for event in events} == {wd}
    assert [(event.mask, event.filename) for event in events] == [
        (IN_ISDIR | IN_ATTRIB, b""),
        (IN_CREATE, b"f1"),
        (IN_OPEN, b"f1"),
        (IN_CLOSE_WRITE, b"f1"),
        (IN_MOVED_FROM, b"f1"),
        (IN_MOVED_TO, b"f2"),
        (IN_MOVE_SELF, b""),
        (IN_DELETE, b"f2"),
        (IN_MOVE_SELF, b""),
    ]
    cookies = [event.cookie for event in events]
    assert cookies[4] == cookies[5] != 0
    assert not any(cookies[:4] + cookies[6:])


def test_inotify04(here, inotify):
    """The end of a watched directory, and of a watched file."""
    os.mkdir("directory")
    os.mknod("file")
    directory, file = inotify.watch("directory", IN_ALL_EVENTS), inotify.watch("file", IN_ALL_EVENTS)
    os.rmdir("directory")
    os.unlink("file")
    assert drain(inotify) == [
        (directory, IN_DELETE_SELF, 0, b""),
        (directory, IN_IGNORED, 0, b""),
        (file, IN_ATTRIB, 0, b""),
        (file, IN_DELETE_SELF, 0, b""),
        (file, IN_IGNORED, 0, b""),
    ]


def overlaid(directory, make):
    """In this child: an overlay of *directory*, over the layer that *make* fills.

    The layers are on a tmpfs, and so not on an overlay themselves. The kernel can
    forget the overlay's files all the same, which is what these cases are about.
    """

    def done(result):
        if result:
            raise OSError(ctypes.get_errno(), "overlay")

    support.own_namespaces()
    done(support.libc.mount(b"none", os.fsencode(directory), b"tmpfs", 0, None))
    os.chdir(directory)
    for name in "lower", "upper", "work", "overlay":
        os.mkdir(name)
    make(Path("lower"))
    done(support.libc.mount(b"none", b"overlay", b"overlay", 0, b"lowerdir=lower,upperdir=upper,workdir=work"))
    return Path("overlay")


needs_overlay = needs(
    kernel=(5, 11),
    when=os.access(DROP_CACHES, os.W_OK) and "\toverlay\n" in Path("/proc/filesystems").read_text(),
    reason="needs root, and a kernel with overlayfs",
)


@support.needs_namespaces
@needs_overlay
def test_inotify07(in_child, tmp_path):
    """A watch of an overlay's directory outlives the copy from the lower layer."""

    def make(lower):
        (lower / "directory").mkdir()
        (lower / "directory/file").touch()

    def body():
        directory = overlaid(tmp_path, make) / "directory"
        inotify = Inotify(IN_NONBLOCK)
        wd = inotify.watch(directory, IN_ALL_EVENTS)
        DROP_CACHES.write_text("2")
        directory.chmod(0o700)
        assert Path("upper/directory").exists()
        directory.chmod(0o755)
        os.close(os.open(directory / "file", os.O_WRONLY))
        os.utime(directory / "file")
        return wd, list(map(tuple, drain(inotify)))

    wd, events = in_child(body)
    assert events == [
        (wd, IN_ISDIR | IN_ATTRIB, 0, b""),
        (wd, IN_OPEN, 0, b"file"),
        (wd, IN_CLOSE_WRITE, 0, b"file"),
        (wd, IN_ATTRIB, 0, b"file"),
    ]


@support.needs_namespaces
@needs_overlay
def test_inotify08(in_child, tmp_path):
    """A watch of an overlay's file sees what is done through the overlay alone."""

    def touch(file):
        os.close(os.open(file, os.O_WRONLY))
        os.utime(file)

    def body():
        file = overlaid(tmp_path, lambda lower: (lower / "file").touch()) / "file"
        inotify = Inotify(IN_NONBLOCK)
        wd = inotify.watch(file, IN_ATTRIB | IN_OPEN | IN_CLOSE_WRITE)
        DROP_CACHES.write_text("2")
        file.chmod(0o600)
        assert Path("upper/file").exists()
        file.chmod(0o644)
        with file.open("wb", buffering=0) as opened:
            opened.write(b"new")
        through_overlay = list(map(tuple, drain(inotify)))
        touch("lower/file")
        touch("upper/file")
        return wd, through_overlay, drain(inotify)

    wd, through_overlay, in_layers = in_child(body)
    assert through_overlay == [(wd, IN_ATTRIB, 0, b""), (wd, IN_OPEN, 0, b""), (wd, IN_CLOSE_WRITE, 0, b"")]
    assert in_layers == []


CHILDREN = {"test_dir": IN_ISDIR, "test_file": 0}
NAMED = [(".", IN_ATTRIB | kind, os.fsencode(name)) for name, kind in CHILDREN.items()]
ITSELF = [(name, IN_ATTRIB | kind, b"") for name, kind in CHILDREN.items()]


@pytest.mark.parametrize(
    ("parent", "children", "other_parent", "other_children", "expected"),
    [
        (IN_ATTRIB, IN_ATTRIB, 0, 0, [NAMED[0], ITSELF[0], NAMED[1], ITSELF[1]]),
        (0, IN_ATTRIB, IN_ATTRIB, 0, ITSELF),
        (IN_ATTRIB, 0, 0, IN_ATTRIB, NAMED),
        (IN_ATTRIB, IN_OPEN, IN_OPEN, IN_ATTRIB, NAMED),
    ],
)
def test_inotify10(here, inotify, parent, children, other_parent, other_children, expected):
    """Watches of a directory and of its children each get their own events."""
    os.mkdir("test_dir")
    os.mknod("test_file")
    with Inotify(IN_NONBLOCK) as other:
        paths = {}
        for watcher, of_parent, of_children in (inotify, parent, children), (other, other_parent, other_children):
            for path, mask in {".": of_parent, "test_dir": of_children, "test_file": of_children}.items():
                if mask:
                    paths[watcher, watcher.watch(path, mask)] = path
        os.chmod("test_dir", 0o700)
        os.chmod("test_file", 0o600)
        assert [(paths[inotify, event.wd], event.mask, event.filename) for event in drain(inotify)] == expected


def test_inotify11(here):
    """A file is gone for every process when its IN_DELETE has come."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(writing)
            os.read(reading, 1)
            for number in range(9999):
                os.close(os.open(str(number), os.O_WRONLY | os.O_CREAT))
                os.unlink(str(number))
            os.mkdir("end")
            os.rmdir("end")
        finally:
            os._exit(0)
    deleted = 0
    with Inotify() as inotify:
        inotify.watch(".", IN_DELETE)
        os.write(writing, b"!")
        for event in inotify:
            # an overflow may swallow the end; the events before it are true
            if event.name == "end" or event.overflow_event:
                break
            deleted += 1
            with pytest.raises(FileNotFoundError):
                os.open(event.filename, os.O_RDONLY)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert deleted > 0


@needs(kernel=(5, 19))
@pytest.mark.parametrize("flag", [0, IN_ONESHOT, IN_EXCL_UNLINK])
def test_inotify12(here, inotify, flag):
    """The kernel keeps the special flags of a watch, and heeds them."""
    mask = IN_MODIFY | flag
    os.mknod("test_file")
    wd = inotify.watch(".", mask)
    info = Path(f"/proc/self/fdinfo/{inotify.fileno()}").read_text()
    assert re.findall(r"^inotify wd:(\w+) .* mask:(\w+) ", info, re.M) == [(f"{wd:x}", f"{mask:x}")]
    ended = [(wd, IN_IGNORED, 0, b"")] if flag == IN_ONESHOT else []
    fd = os.open("test_file", os.O_RDWR)
    try:
        os.write(fd, b"1")
        assert drain(inotify) == [(wd, IN_MODIFY, 0, b"test_file"), *ended]
        os.unlink("test_file")
        os.write(fd, b"2")
    finally:
        os.close(fd)
    assert drain(inotify) == ([] if flag else [(wd, IN_MODIFY, 0, b"test_file")])


@pytest.mark.parametrize("flags", [0, IN_CLOEXEC])
def test_inotify_init1_01(flags):
    """IN_CLOEXEC alone decides about close-on-exec, where butter does not add it."""
    fd = inotify_init(flags, closefd=False)
    try:
        assert bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC) is (flags == IN_CLOEXEC)
    finally:
        os.close(fd)


@pytest.mark.parametrize("flags", [0, IN_NONBLOCK])
def test_inotify_init1_02(flags):
    """IN_NONBLOCK makes the descriptor non-blocking."""
    fd = inotify_init(flags)
    try:
        assert bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK) is (flags == IN_NONBLOCK)
    finally:
        os.close(fd)
