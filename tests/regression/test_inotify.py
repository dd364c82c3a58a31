"""Defects of the first releases that inotify must not have again; each test bears the id of one."""

import errno
import os

import pytest
import support

from butter import inotify as module
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_ATTRIB,
    IN_CLOEXEC,
    IN_CREATE,
    IN_DELETE,
    IN_IGNORED,
    IN_MASK_CREATE,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_NONBLOCK,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    Inotify,
    InotifyEvent,
    event_name,
)


@pytest.fixture
def inotify():
    with Inotify(IN_NONBLOCK) as inotify:
        yield inotify


def test_A1_bytes_paths(inotify, tmp_path):
    """``watch(b"/tmp", ...)`` once watched a file called ``b'/tmp'``."""
    wd = inotify.watch(os.fsencode(tmp_path), IN_CREATE)
    assert inotify.watch(str(tmp_path), IN_CREATE) == wd
    assert inotify.watch(tmp_path, IN_CREATE) == wd
    (tmp_path / "file").touch()
    assert inotify.read_event() == (wd, IN_CREATE, 0, b"file")


@pytest.mark.parametrize("path", [None, 5, 1.5, ["file"], object()])
def test_A2_what_is_no_path(inotify, tmp_path, monkeypatch, path):
    """None, and whatever else has a str, once was a path: that of a file so called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / str(path)).touch()
    with pytest.raises(TypeError):
        inotify.watch(path, IN_CREATE)


def test_A3_names_that_are_not_utf_8(inotify, tmp_path):
    """What os.fsdecode, os.listdir and pathlib make of any name can be watched."""
    name = os.fsdecode(b"na\xffme")
    directory = tmp_path / name
    directory.mkdir()
    wd = inotify.watch(str(directory), IN_CREATE)
    assert inotify.watch(directory, IN_CREATE) == wd
    (directory / name).touch()
    event = inotify.read_event()
    assert (event.filename, event.name) == (b"na\xffme", name)
    with pytest.raises(ValueError, match="does not exist") as caught:
        inotify.watch(directory / "missing" / name)
    assert caught.value.filename == str(directory / "missing" / name)


@pytest.mark.parametrize("end", ["\0", "\0/zzz"])
def test_A4_nul_in_a_path(inotify, tmp_path, end):
    """What follows a NUL was once cut off, and the rest watched."""
    for path in (f"{tmp_path}{end}", os.fsencode(f"{tmp_path}{end}")):
        with pytest.raises(ValueError, match="null byte"):
            inotify.watch(path, IN_CREATE)
    (tmp_path / "file").touch()
    assert inotify.read_events() == []


def test_A5_ordinary_errors_are_known(inotify, tmp_path):
    """Errors that every program meets once were unknown ones."""
    file = tmp_path / "file"
    file.touch()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    inotify.watch(file, IN_MODIFY)
    for path, mask, number, exception in (
        (file, IN_MODIFY | IN_ONLYDIR, errno.ENOTDIR, NotADirectoryError),
        (file / "below", IN_MODIFY, errno.ENOTDIR, NotADirectoryError),
        (tmp_path / ("n" * 256), IN_MODIFY, errno.ENAMETOOLONG, ValueError),
        (loop, IN_MODIFY, errno.ELOOP, ValueError),
        *([(file, IN_MODIFY | IN_MASK_CREATE, errno.EEXIST, FileExistsError)] if support.kernel() >= (4, 18) else []),
    ):
        with pytest.raises(exception) as caught:
            inotify.watch(path, mask)
        assert isinstance(caught.value, OSError)
        assert (caught.value.errno, caught.value.filename) == (number, str(path))


def test_A6_no_event_waits(inotify, tmp_path):
    """Without an event ``read_event`` raises, ``read_events`` gives an empty list and ``wait(0)`` times out."""
    with pytest.raises(BlockingIOError):
        inotify.read_event()
    assert inotify.read_events() == []
    with pytest.raises(TimeoutError):
        inotify.wait(0)
    inotify.watch(tmp_path, IN_CREATE)
    (tmp_path / "file").touch()
    assert inotify.wait(0).filename == b"file"


def test_A7_names_of_events_are_not_those_of_init_flags():
    """0x800 is IN_MOVE_SELF in an event, and was once called IN_NONBLOCK."""
    assert event_name[0x800] == event_name[IN_MOVE_SELF] == "IN_MOVE_SELF"
    assert event_name["IN_MOVE_SELF"] == 0x800
    assert IN_CLOEXEC not in event_name
    assert not {"IN_CLOEXEC", "IN_NONBLOCK"} & set(event_name)


def test_A8_events_that_nobody_asked_for(inotify, tmp_path):
    """The end of a watch, an unmount and an overflow once had no property, and IN_MASK_CREATE was missing."""
    wd = inotify.watch(tmp_path, IN_DELETE)
    inotify.ignore(wd)
    event = inotify.read_event()
    assert event.wd == wd
    assert (event.ignored_event, event.overflow_event, event.unmount_event) == (True, False, False)
    assert InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"").overflow_event
    assert InotifyEvent(1, IN_UNMOUNT, 0, b"").unmount_event
    assert InotifyEvent(1, IN_IGNORED, 0, b"").ignored_event
    assert module.IN_MASK_CREATE == 0x10000000


@pytest.mark.parametrize("mask", [2**32, 2**32 | IN_ATTRIB, 2**64, -1])
def test_A9_mask_out_of_range(inotify, tmp_path, mask):
    """A mask that has no room in 32 bits once was an OverflowError."""
    with pytest.raises(ValueError, match="mask"):
        inotify.watch(tmp_path, mask)
    assert inotify.watch(tmp_path, IN_ALL_EVENTS) == 1
