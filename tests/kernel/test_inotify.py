"""inotify on this kernel: watches, their events, and the sentence of each failure."""

import contextlib
import errno
import gc
import itertools
import os
import pathlib
import platform
import re
import resource
import select
import threading

import pytest
import support
from support import become_nobody, drain, needs

import butter._inotify
import butter.errors
import butter.inotify
from butter.errors import InvalidArgument, InvalidPath, NoMoreEvents, PathNotADirectory, PathNotFound, sysctl
from butter.inotify import (
    IN_ATTRIB,
    IN_CREATE,
    IN_DELETE_SELF,
    IN_DONT_FOLLOW,
    IN_IGNORED,
    IN_ISDIR,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_MOVE_SELF,
    IN_NONBLOCK,
    IN_ONESHOT,
    IN_ONLYDIR,
    IN_OPEN,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    Inotify,
    InotifyEvent,
    InotifyMask,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
    watch,
)

INSTANCES, WATCHES = "user.max_inotify_instances", "user.max_inotify_watches"


def set_limit(name, value):
    """Set a limit of this user namespace: those of fs.inotify are the machine's."""
    assert name.startswith("user.")
    pathlib.Path("/proc/sys", name.replace(".", "/")).write_text(str(value))


def watches(inotify):
    """The watches of the kernel: ``{wd: mask}``."""
    info = pathlib.Path(f"/proc/self/fdinfo/{inotify.fileno()}").read_text()
    return {int(wd, 16): int(mask, 16) for wd, mask in re.findall(r"^inotify wd:(\w+) .* mask:(\w+) ", info, re.M)}


def seen(inotify):
    return [(event.wd, event.mask, event.filename) for event in drain(inotify)]


WAYS = {
    "wait": Inotify.wait,
    "wait 60": lambda inotify: inotify.wait(60),
    "iterate": lambda inotify: next(iter(inotify)),
    "read_event": Inotify.read_event,
    "read_events": lambda inotify: inotify.read_events()[0],
}


@pytest.fixture
def inotify():
    with Inotify(IN_NONBLOCK) as inotify:
        yield inotify


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"butter")
    return file


class BytesPath:
    def __init__(self, path):
        self.path = os.fsencode(path)

    def __fspath__(self):
        return self.path


# Paths and files


@pytest.mark.defect("A1")
@pytest.mark.parametrize("kind", [str, os.fsencode, pathlib.Path, BytesPath])
def test_kinds_of_path(inotify, file, kind):
    """A path is str, bytes, or a PathLike of either."""
    wd = inotify.watch(kind(file), IN_OPEN)
    file.open().close()
    assert seen(inotify) == [(wd, IN_OPEN, b"")]


@pytest.mark.defect("A3")
@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"\x80", b" \t\n"])
def test_path_that_is_no_utf8(inotify, tmp_path, name):
    """A path that is not UTF-8 can be bytes, or the str of os.fsdecode."""
    path = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(path)
    wd = inotify.watch(path, IN_CREATE)
    assert inotify.watch(os.fsdecode(path), IN_CREATE) == wd
    os.mknod(os.path.join(path, name))
    (event,) = drain(inotify)
    assert event.filename == name
    assert event.name == os.fsdecode(name)
    assert os.path.exists(os.path.join(os.fsdecode(path), event.name))


def test_two_paths_of_one_file(inotify, file):
    """Hard links are one watch, with the mask and the path of the last call."""
    link = file.with_name("link")
    os.link(file, link)
    wd = inotify.watch(file, IN_OPEN)
    assert inotify.watch(link, IN_ATTRIB) == wd
    assert inotify.path(wd) == str(link)
    assert watches(inotify) == {wd: IN_ATTRIB}
    file.open().close()
    link.chmod(0o600)
    assert seen(inotify) == [(wd, IN_ATTRIB, b"")]
    inotify.watch(file, IN_OPEN)
    assert inotify.path(wd) == str(file)


def test_symbolic_link(inotify, file):
    """A symbolic link is followed, and with IN_DONT_FOLLOW is watched itself."""
    link = file.with_name("link")
    link.symlink_to(file)
    target = inotify.watch(file, IN_OPEN | IN_DELETE_SELF)
    assert inotify.watch(link, IN_OPEN | IN_DELETE_SELF) == target
    itself = inotify.watch(link, IN_OPEN | IN_DELETE_SELF | IN_DONT_FOLLOW)
    assert itself != target
    link.open().close()
    link.unlink()
    assert seen(inotify) == [(target, IN_OPEN, b""), (itself, IN_DELETE_SELF, b""), (itself, IN_IGNORED, b"")]


# Paths


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "directory"
    directory.mkdir()
    return directory


def test_path_of_an_event(inotify, directory):
    """An event's path is the watched path with its name, and of the path's type."""
    given = {str(directory): str, os.fsencode(directory): bytes, directory: str, os.fsencode(f"{directory}/"): bytes}
    for path, kind in given.items():
        wd = inotify.watch(path, IN_CREATE | IN_ATTRIB)
        directory.chmod(0o700)
        name = b"caf\xe9 %d" % len(list(directory.iterdir()))
        os.mknod(os.path.join(os.fsencode(directory), name))
        itself, made = drain(inotify)
        assert inotify.path(wd) == inotify.path(itself) == os.fspath(path)
        assert type(inotify.path(made)) is kind
        assert os.fsencode(inotify.path(made)) == os.path.join(os.fsencode(directory), name)


def test_path_after_a_move(inotify, file):
    """The path of a watch stays as it was given."""
    wd = inotify.watch(file, IN_MOVE_SELF)
    file.rename(file.with_name("moved"))
    (event,) = drain(inotify)
    assert event.move_self_event
    assert inotify.path(event) == inotify.path(wd) == str(file)


def test_path_of_an_overflow(inotify):
    """An overflow has no path."""
    assert inotify.path(InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"")) is None


def test_path_of_a_watch_that_has_ended(inotify, file, directory):
    """The path of an ended watch is known until the next batch is read."""
    wd = inotify.watch(file, IN_OPEN)
    inotify.watch(directory, IN_CREATE)
    file.unlink()
    last = drain(inotify)[-1]
    assert last.ignored_event
    assert inotify.path(last) == inotify.path(wd) == str(file)
    (directory / "made").touch()
    assert inotify.path(inotify.read_event()) == str(directory / "made")
    for ended in last, wd:
        with pytest.raises(LookupError, match=f"no watch {wd}"):
            inotify.path(ended)


def test_path_of_a_watch_of_others(inotify, file):
    """The error for a watch that the object did not make says why it has no path."""
    wd = inotify_add_watch(inotify, file, IN_OPEN)
    file.open().close()
    for watched in wd, inotify.read_event():
        with pytest.raises(LookupError, match="did not make it"):
            inotify.path(watched)


@pytest.mark.parametrize(("wd", "exception"), [("/tmp", TypeError), (None, TypeError), (2**31, ValueError)])
def test_path_of_something_else(inotify, wd, exception):
    """``path`` takes an event or a watch descriptor."""
    with pytest.raises(exception, match=r"wd (is|must be) "):
        inotify.path(wd)


# The end of the last watch


def ends(inotify):
    """``wait`` and ``read_event`` say that no event can come, and iteration ends."""
    for method in inotify.wait, lambda: inotify.wait(0), inotify.read_event:
        with pytest.raises(NoMoreEvents) as caught:
            method()
        assert caught.value.errno == errno.ENODATA
    assert list(inotify) == []
    if os.get_blocking(inotify.fileno()):
        with pytest.raises(NoMoreEvents):
            inotify.read_events()
    else:
        assert inotify.read_events() == []
    return True


@pytest.fixture(params=[0, IN_NONBLOCK], ids=["blocking", "nonblocking"])
def either(request):
    with Inotify(request.param) as either:
        yield either


def test_iteration_ends_with_the_last_watch(either, file, directory):
    """Iteration ends behind the last watch's last event; a new watch begins anew."""
    for _ in range(2):
        first, second = either.watch(file, IN_OPEN), either.watch(directory, IN_CREATE)
        assert repr(either) == f"<Inotify fd={either.fileno()} watches=2>"
        either.ignore(first)
        (directory / "below").mkdir()
        (directory / "below").rmdir()
        either.ignore(second)
        assert [event[:2] for event in either] == [
            (first, IN_IGNORED),
            (second, IN_CREATE | IN_ISDIR),
            (second, IN_IGNORED),
        ]
        assert ends(either)
        assert repr(either) == f"<Inotify fd={either.fileno()}>"


def test_end_of_a_oneshot(either, file):
    """A oneshot watch ends by itself."""
    either.watch(file, IN_OPEN | IN_ONESHOT)
    file.open().close()
    assert [event.flags for event in either] == [IN_OPEN, IN_IGNORED]
    assert ends(either)


def test_without_a_watch_nothing_ends(inotify):
    """An object that never had a watch waits for the events of one."""
    for _ in range(2):
        with pytest.raises(TimeoutError):
            inotify.wait(0.01)
        with pytest.raises(BlockingIOError):
            inotify.read_event()
        assert inotify.read_events() == []


def test_watches_of_others_count(either, file, directory):
    """A watch made by the thin call keeps the object waiting until it ends."""
    either.watch(file, IN_OPEN)
    other = inotify_add_watch(either, directory, IN_CREATE)
    file.unlink()
    assert [event.wd for event in itertools.islice(either, 1)] != [other]
    with pytest.raises(TimeoutError):
        either.wait(0.01)
    (directory / "made").touch()
    inotify_rm_watch(either, other)
    assert [event.flags for event in either] == [IN_CREATE, IN_IGNORED]
    assert ends(either)
    # also where it was the only one
    inotify_rm_watch(either, inotify_add_watch(either, directory, IN_CREATE))
    assert [event.flags for event in either] == [IN_IGNORED]
    assert ends(either)


def test_no_end_without_a_descriptor_to_look_with(in_child, file, directory):
    """A watch of others has not ended just because /proc cannot be read."""

    def body():
        with Inotify(IN_NONBLOCK) as inotify:
            inotify.watch(file, IN_OPEN)
            inotify_add_watch(inotify, directory, IN_CREATE)
            file.unlink()
            assert inotify.read_events()[-1].ignored_event
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            with pytest.raises(TimeoutError):
                inotify.wait(0.01)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            (directory / "new").touch()
            return inotify.wait(10).name

    assert in_child(body) == "new"


def test_end_without_proc(inotify, file, monkeypatch):
    """Without /proc only the object's own watches count."""
    monkeypatch.setattr(butter.inotify, "watches_of", lambda fd: None)
    monkeypatch.setattr(butter.inotify, "proc_is_mounted", lambda: False)
    inotify.watch(file, IN_OPEN)
    file.unlink()
    assert [event.flags for event in inotify] == [IN_IGNORED]
    assert ends(inotify)


@needs(when=sysctl("fs.inotify.max_queued_events") <= 1 << 18, reason="needs a queue that can be filled")
@pytest.mark.parametrize("lost", ["all", "one"])
def test_end_that_an_overflow_has_lost(inotify, file, directory, lost):
    """A watch whose end an overflow has lost is known to have ended."""
    wds = [inotify.watch(path, IN_ATTRIB) for path in (file, directory)]
    for _ in range(sysctl("fs.inotify.max_queued_events") // 2 + 1):
        os.utime(file)
        os.utime(directory)
    file.unlink()
    if lost == "all":
        directory.rmdir()
    # read as after select(): never when there is nothing
    while not inotify.read_event().overflow_event or inotify.pending:
        pass
    assert len(inotify._paths) == (0 if lost == "all" else 1)
    assert inotify.path(wds[0]) == str(file)
    if lost == "all":
        assert ends(inotify)
    else:
        with pytest.raises(TimeoutError):
            inotify.wait(0.01)
        directory.rmdir()
        assert [event.wd for event in inotify] == [wds[1]]


def test_end_that_is_read_before_the_watch_is_written_down(inotify, file, monkeypatch):
    """A thread may read the end of a watch before watch() has returned."""

    def slow(fd, path, mask):
        wd = inotify_add_watch(fd, path, mask)
        file.unlink()
        others = threading.Thread(target=lambda: events.extend(drain(inotify)))
        others.start()
        others.join()
        return wd

    events = []
    monkeypatch.setattr(butter.inotify, "inotify_add_watch", slow)
    wd = inotify.watch(file, IN_DELETE_SELF)
    assert [event.wd for event in events] == [wd, wd]
    assert ends(inotify)
    assert inotify.path(wd) == str(file)


def test_memory_of_ended_watches(inotify, directory):
    """Watches that have ended are forgotten, batch after batch."""
    for number in range(100):
        inotify.ignore(inotify.watch(directory, IN_CREATE))
        assert [event.wd for event in inotify.read_events()] == [number + 1]
        assert (len(inotify._paths), len(inotify._ended)) == (0, 1)


@pytest.mark.parametrize("flags", [0, IN_NONBLOCK])
def test_adopt(file, directory, flags):
    """An adopted descriptor's watches count, but have no path."""
    fd = inotify_init(flags)
    wd = inotify_add_watch(fd, file, IN_OPEN)
    with Inotify.adopt(fd) as inotify:
        assert repr(inotify) == f"<Inotify fd={fd} watches=1>"
        with pytest.raises(TimeoutError):
            inotify.wait(0.01)
        file.open().close()
        with pytest.raises(LookupError):
            inotify.path(inotify.read_event())
        own = inotify.watch(directory, IN_CREATE)
        assert inotify.path(own) == str(directory)
        file.unlink()
        inotify.ignore(own)
        assert {event.wd for event in inotify} == {wd, own}
        assert ends(inotify)


def test_adopt_many_watches(tmp_path):
    """The numbers of adopted watches are read as hexadecimal."""
    fd = inotify_init()
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        inotify_add_watch(fd, tmp_path / str(number), IN_CREATE)
    with Inotify.adopt(fd) as inotify:
        for wd in range(1, 21):
            inotify.ignore(wd)
        for wd, event in enumerate(inotify, 1):
            assert event.wd == wd
        assert wd == 20


# Reads whose events cannot be made


def raising(error):
    def function(*_):
        raise error

    return function


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("way", WAYS)
def test_events_that_could_not_be_made(either, directory, monkeypatch, error, way):
    """Events for which memory was missing are pending, and come first."""
    either.watch(directory, IN_CREATE)
    (directory / "lost").touch()
    with monkeypatch.context() as patch:
        patch.setattr(butter._inotify.Columns, "made", raising(error))
        for _ in range(2):
            with pytest.raises(error):
                either.read_events()
            assert either.pending == 1
    assert WAYS[way](either).name == "lost"
    (directory / "next").touch()
    assert [event.name for event in either.read_events()] == ["next"]
    assert either.pending == 0


def test_whose_they_are(either, directory, in_child, monkeypatch):
    """Pending events stay in the process that read them, until a close."""
    either.watch(directory, IN_CREATE)
    (directory / "made").touch()
    with monkeypatch.context() as patch:
        patch.setattr(butter._inotify.Columns, "made", raising(MemoryError))
        with pytest.raises(MemoryError):
            either.read_events()
    assert in_child(lambda: either.pending) == 0
    assert either.pending == 1
    either.close()
    assert either.pending == 0


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="it aborts itself when memory runs out")
def test_without_memory(in_child, directory):
    """Events that were read without memory are complete once there is some again."""

    def body():
        names = [f"{number:0200}" for number in range(60)]
        with Inotify(IN_NONBLOCK) as inotify:
            inotify.watch(directory, IN_CREATE)
            assert inotify.read_events() == []  # so that there is a buffer
            for name in names:
                (directory / name).touch()
            gc.disable()
            resource.setrlimit(resource.RLIMIT_AS, (1, resource.RLIM_INFINITY))
            hoard, most, events = None, 0, []
            with contextlib.suppress(MemoryError):
                for size in itertools.cycle(range(1, 1000)):
                    hoard = (hoard, bytes(size))
            while not events:
                # a little more each time, so that it fails in one place after the other
                hoard = hoard[0]
                with contextlib.suppress(MemoryError):
                    most = max(most, inotify.pending)
                    events = inotify.read_events()
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return most, [event.name for event in events] == names

    assert in_child(body) == (60, True)


# Masks


def test_mask_add(inotify, file):
    """IN_MASK_ADD adds to the mask of the watch, also as an InotifyMask."""
    wd = inotify.watch(file, InotifyMask.OPEN)
    assert inotify.watch(file, IN_ATTRIB | IN_MASK_ADD) == wd
    assert watches(inotify) == {wd: IN_OPEN | IN_ATTRIB}
    file.open().close()
    file.chmod(0o600)
    assert seen(inotify) == [(wd, IN_OPEN, b""), (wd, IN_ATTRIB, b"")]


@needs(kernel=(4, 18))
def test_mask_create(inotify, file):
    """IN_MASK_CREATE refuses a watched file, and leaves its watch as it was."""
    link = file.with_name("link")
    os.link(file, link)
    wd = inotify.watch(file, IN_OPEN | IN_MASK_CREATE)
    with pytest.raises(FileExistsError, match="already watched") as caught:
        inotify.watch(link, IN_ATTRIB | IN_MASK_CREATE)
    assert caught.value.filename == str(link)
    assert watches(inotify) == {wd: IN_OPEN}


# Events


def test_directory_is_watched_alone(inotify, tmp_path):
    """A directory within the watched one has no events."""
    below = tmp_path / "below"
    below.mkdir()
    inotify.watch(tmp_path, IN_CREATE)
    (below / "file").touch()
    assert seen(inotify) == []


@pytest.mark.defect("A8")
@pytest.mark.parametrize("method", ["ignore", "del_watch"])
def test_ignore(inotify, file, method):
    """IN_IGNORED comes after the watch's other events, and the number is not reused."""
    wd = inotify.watch(file, IN_OPEN)
    file.open().close()
    getattr(inotify, method)(wd)
    assert watches(inotify) == {}
    file.open().close()
    assert seen(inotify) == [(wd, IN_OPEN, b""), (wd, IN_IGNORED, b"")]
    with pytest.raises(InvalidArgument, match=f"no watch {wd}"):
        inotify.ignore(wd)
    assert inotify.watch(file, IN_OPEN) != wd


@support.needs_namespaces
def test_unmount(in_child, tmp_path):
    """The last events of an unmounted filesystem are IN_UNMOUNT and IN_IGNORED."""

    def body():
        support.own_namespaces()
        path = os.fsencode(tmp_path)
        assert support.libc.mount(b"none", path, b"tmpfs", 0, None) == 0
        with Inotify(IN_NONBLOCK) as inotify:
            wd = inotify.watch(tmp_path, IN_CREATE)
            (tmp_path / "file").touch()
            assert support.libc.umount2(path, 0) == 0
            (tmp_path / "file").touch()
            events = drain(inotify)
            assert [event.unmount_event for event in events] == [False, True, False]
            # newer kernels add that it was a directory
            return wd, [(event.wd, event.mask & ~IN_ISDIR, event.filename) for event in events], watches(inotify)

    wd, events, left = in_child(body)
    assert events == [(wd, IN_CREATE, b"file"), (wd, IN_UNMOUNT, b""), (wd, IN_IGNORED, b"")]
    assert left == {}


@needs(when=sysctl("fs.inotify.max_queued_events") <= 1 << 18, reason="needs a queue that can be filled")
def test_overflow(inotify, file):
    """A full queue ends with an overflow, behind which events are lost, and goes on."""
    limit = sysctl("fs.inotify.max_queued_events")
    other = file.with_name("other")
    other.touch()
    wds = [inotify.watch(path, IN_ATTRIB) for path in (file, other)]
    for _ in range(limit // 2 + 1):
        # in turns, because the kernel merges an event with an equal one before it
        os.utime(file)
        os.utime(other)
    events = drain(inotify)
    assert [event.wd for event in events] == [wds[number % 2] for number in range(limit)] + [-1]
    assert events[-1] == InotifyEvent(-1, IN_Q_OVERFLOW, 0, b"")
    assert events[-1].overflow_event
    assert not any(event.overflow_event for event in events[:-1])
    os.utime(file)
    assert seen(inotify) == [(wds[0], IN_ATTRIB, b"")]


def test_names_of_every_length(inotify, tmp_path):
    """Names of 1 to 255 bytes are complete, of files and of directories."""
    wd = inotify.watch(tmp_path, IN_CREATE)
    directory = os.fsencode(tmp_path)
    expected = []
    for length in range(1, 256):
        # the byte that is not UTF-8 stands where a strict decoder meets it last
        name = b"n" * (length - 1) + bytes([0x80 + length % 0x80])
        if length % 2:
            os.mkdir(os.path.join(directory, name))
        else:
            os.mknod(os.path.join(directory, name))
        expected.append((wd, IN_CREATE | (IN_ISDIR if length % 2 else 0), name))
    assert seen(inotify) == expected


def test_many_events_in_one_read(inotify, file):
    """One read takes 1024 events without names, the next read those behind them."""
    other = file.with_name("other")
    other.touch()
    wds = [inotify.watch(path, IN_ATTRIB) for path in (file, other)]
    for _ in range(1000):
        os.utime(file)
        os.utime(other)
    assert inotify.read_event().wd == wds[0]
    assert inotify.pending == 1023
    assert [event.wd for event in inotify.read_events()] == wds[::-1] * 511 + wds[1:]
    assert inotify.pending == 0
    assert [event.wd for event in drain(inotify)] == wds * 488


def test_long_events_in_reads(inotify, tmp_path):
    """Events that do not fit the first read are complete in the next."""
    names = [b"%0255d" % number for number in range(500)]
    wd = inotify.watch(tmp_path, IN_CREATE)
    for name in names:
        os.mknod(os.path.join(os.fsencode(tmp_path), name))
    reads = []
    while events := inotify.read_events():
        reads.append(events)
    assert [event.filename for events in reads for event in events] == names
    assert {event.wd for events in reads for event in events} == {wd}
    assert len(reads) > 1


# Thin calls


# Waiting


@pytest.mark.parametrize("timeout", [None, 60])
def test_watch_function(file, timeout):
    """The function watch() returns one event and keeps no descriptor open."""
    before = support.descriptors()
    done = threading.Event()

    def touch():
        # again and again, because the moment at which the watch begins is unknown
        while not done.wait(0.001):
            os.utime(file)

    toucher = threading.Thread(target=touch)
    toucher.start()
    try:
        event = watch(file, IN_ATTRIB, timeout)
    finally:
        done.set()
        toucher.join()
    assert event == InotifyEvent(event.wd, IN_ATTRIB, 0, b"")
    assert support.descriptors() == before


def test_watch_function_fails(file):
    """The function watch() closes its descriptor when it fails."""
    before = support.descriptors()
    with pytest.raises(TimeoutError):
        watch(file, IN_ATTRIB, 0)
    with pytest.raises(PathNotFound):
        watch(file.with_name("missing"), IN_ATTRIB)
    with pytest.raises(InvalidArgument):
        watch(file, 0)
    with pytest.raises(InvalidArgument, match="ONLYDIR asks for no event"):
        watch(file.parent, IN_ONLYDIR)
    with pytest.raises(ValueError, match="negative"):
        watch(file, IN_ATTRIB, -1)
    with pytest.raises(TypeError):
        watch(None)
    assert support.descriptors() == before


# Bad input

BAD_PATHS = [
    ("missing", PathNotFound, "does not exist"),
    ("", PathNotFound, "does not exist"),
    (b"", PathNotFound, "does not exist"),
    ("file/below", PathNotADirectory, "not a directory"),
    ("n" * 256, InvalidPath, "longer"),
    ("d/" * 2100, InvalidPath, "longer"),
    ("loop", InvalidPath, "too many symbolic links"),
    ("\0", ValueError, "null byte"),
    ("file\0", ValueError, "null byte"),
    (b"file\0/below", ValueError, "null byte"),
    (None, TypeError, "NoneType"),
    (5, TypeError, "int"),
    (True, TypeError, "bool"),
    (5.0, TypeError, "float"),
    (["file"], TypeError, "list"),
    ("\ud800", UnicodeEncodeError, "surrogates"),
]
BAD_MASKS = [
    (0, InvalidArgument, "IN_ALL_EVENTS"),
    (0x1000, InvalidArgument, "asks for no event"),
    (IN_ONLYDIR, InvalidArgument, "the mask ONLYDIR asks for no event"),
    (IN_OPEN | 0x1000, InvalidArgument, "the mask has unknown bits: 0x1000"),
    pytest.param(
        IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE, InvalidArgument, "exclude each other", marks=needs(kernel=(4, 18))
    ),
    pytest.param(2**32 - 1, InvalidArgument, "exclude each other", marks=needs(kernel=(4, 18))),
    (-1, ValueError, "it must be"),
    (2**32, ValueError, "it must be"),
    (2**100, ValueError, "it must be"),
    (None, TypeError, "NoneType"),
    ("IN_OPEN", TypeError, "str"),
    (1.0, TypeError, "float"),
]


@pytest.mark.defect("A2", "A4")
@pytest.mark.parametrize(("path", "exception", "words"), BAD_PATHS)
def test_bad_path(inotify, file, monkeypatch, path, exception, words):
    """The error for a bad path says why, and no watch is made."""
    monkeypatch.chdir(file.parent)
    os.symlink("loop", "loop")
    if not isinstance(path, (str, bytes)):
        pathlib.Path(str(path)).touch()  # an object with a __str__ is not a path
    wd = inotify.watch(".", IN_OPEN)
    with pytest.raises(exception, match=words) as caught:
        inotify.watch(path, IN_OPEN)
    assert type(caught.value) is exception
    if isinstance(caught.value, OSError):
        assert caught.value.filename == path
    assert watches(inotify) == {wd: IN_OPEN}


@pytest.mark.defect("A9")
@pytest.mark.parametrize(("mask", "exception", "words"), BAD_MASKS)
def test_bad_mask(inotify, file, mask, exception, words):
    """The error for a bad mask says why, and an older watch keeps its own."""
    wd = inotify.watch(file, IN_OPEN)
    with pytest.raises(exception, match=words) as caught:
        inotify.watch(file, mask)
    assert type(caught.value) is exception
    assert watches(inotify) == {wd: IN_OPEN}


@pytest.mark.parametrize(
    ("wd", "exception", "words"),
    [
        (0, InvalidArgument, "no watch 0"),
        (-1, InvalidArgument, "no watch -1"),
        (77, InvalidArgument, "no watch 77"),
        (2**31 - 1, InvalidArgument, "no watch"),
        (2**31, ValueError, "it must be"),
        (-(2**31) - 1, ValueError, "it must be"),
        (None, TypeError, "NoneType"),
        ("1", TypeError, "str"),
    ],
)
def test_bad_wd(inotify, file, wd, exception, words):
    """The error for a watch that does not exist says so, and the others stay."""
    watched = inotify.watch(file, IN_OPEN)
    with pytest.raises(exception, match=words) as caught:
        inotify.ignore(wd)
    assert type(caught.value) is exception
    assert watches(inotify) == {watched: IN_OPEN}


@pytest.mark.parametrize(
    ("flags", "exception"),
    [
        (1, InvalidArgument),
        (-1, InvalidArgument),
        (2**31, ValueError),
        (-(2**31) - 1, ValueError),
        (None, TypeError),
        ("0", TypeError),
    ],
)
@pytest.mark.parametrize("make", [inotify_init, Inotify])
def test_bad_flags(make, flags, exception):
    """Bad flags make no object and leave no descriptor."""
    before = support.descriptors()
    with pytest.raises(exception) as caught:
        make(flags)
    assert type(caught.value) is exception
    assert support.descriptors() == before


def test_descriptor_of_another_kind(file):
    """The error for a descriptor of another kind says so."""
    reading, writing = os.pipe()
    try:
        with file.open() as opened, select.epoll() as epoll:
            for stranger in opened, epoll, reading, writing:
                with pytest.raises(InvalidArgument, match="is not an inotify descriptor:") as caught:
                    inotify_add_watch(stranger, file, IN_OPEN)
                assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, str(file))
                with pytest.raises(InvalidArgument, match=r"is not an inotify descriptor$"):
                    inotify_rm_watch(stranger, 1)
    finally:
        os.close(reading)
        os.close(writing)


def test_closed_object(file):
    """A closed object refuses to begin and to end watches."""
    inotify = Inotify()
    inotify.close()
    calls = (
        lambda: inotify.watch(file),
        lambda: inotify.ignore(1),
        lambda: inotify.del_watch(1),
        lambda: inotify_add_watch(inotify, file, IN_OPEN),
        lambda: inotify_rm_watch(inotify, 1),
    )
    for call in calls:
        with pytest.raises(ValueError, match="closed file") as caught:
            call()
        assert type(caught.value) is ValueError


def test_path_in_the_wrong_place():
    """The error for a path instead of flags or a watch says where it belongs."""
    with pytest.raises(TypeError, match=r"flags must be an int, not str: pass a path to watch\(\)"):
        Inotify("/tmp")
    with Inotify() as inotify, pytest.raises(TypeError, match=r"wd must be the int that watch\(\) returned, not str"):
        inotify.ignore("/tmp")


def test_both_spellings(inotify, file):
    """``mask`` is the older name of ``events``, and both at once are refused."""
    wd = inotify.watch(file, mask=IN_OPEN)
    assert watches(inotify) == {wd: IN_OPEN}
    inotify.watch(file, events=IN_ATTRIB)
    assert watches(inotify) == {wd: IN_ATTRIB}
    with pytest.raises(TypeError, match="events and mask are two spellings of one argument"):
        inotify.watch(file, IN_OPEN, mask=IN_OPEN)


def test_flag_of_a_newer_kernel(inotify, file, monkeypatch):
    """The error names a flag that is newer than the kernel, and its version."""
    monkeypatch.setattr(butter.errors, "running_kernel", lambda: (4, 17))
    with pytest.raises(InvalidArgument, match=r"4\.17 does not know IN_MASK_CREATE \(Linux 4\.18\):"):
        support.inject_in_child("inotify_add_watch", errno.EINVAL, inotify.watch, file, IN_OPEN | IN_MASK_CREATE)


# Limits


def remedy(message):
    """The name and value of the sysctl that a message advises."""
    name, value = re.search(r"'sysctl (\S+)=(\d+)' as root", message).groups()
    return name, int(value)


@support.needs_namespaces
@pytest.mark.parametrize(("name", "limit"), [(INSTANCES, 3), (WATCHES, 2)])
def test_limit_of_a_user_namespace(in_child, tmp_path, name, limit):
    """The error names the namespace's limit and its value, and its advice helps."""

    def body():
        support.own_namespaces()
        kept = [Inotify()]
        for number in range(5):
            (tmp_path / str(number)).touch()

        def use():
            if name == INSTANCES:
                kept.append(Inotify())
            else:
                kept[0].watch(tmp_path / str(len(watches(kept[0]))), IN_OPEN)
            return len(kept), len(watches(kept[0]))

        set_limit(name, limit)
        try:
            while True:
                used = use()
        except OSError as error:
            message, number = error.strerror, error.errno
        advised, value = remedy(message)
        set_limit(advised, value)
        return used, message, number, advised, value, use()

    used, message, number, advised, value, after = in_child(body)
    assert number == (errno.EMFILE if name == INSTANCES else errno.ENOSPC)
    assert used == ((limit, 0) if name == INSTANCES else (1, limit))
    assert f"{name} is {limit};" in message
    assert "RLIMIT" not in message
    assert advised == name
    assert value > limit
    assert after == ((limit + 1, 0) if name == INSTANCES else (1, limit + 1))


@support.needs_descriptors(sysctl("fs.inotify.max_user_instances") + 50)
def test_limit_of_instances(in_child):
    """The error for a user without instances names the machine's limit."""

    def body():
        support.allow_descriptors(limit + 50)
        become_nobody()
        while True:
            inotify_init()

    limit = sysctl("fs.inotify.max_user_instances")
    with pytest.raises(OSError, match="inotify_init1: this user has no inotify instance left") as caught:
        in_child(body)
    assert caught.value.errno == errno.EMFILE
    assert f"fs.inotify.max_user_instances is {limit};" in caught.value.strerror
    assert "RLIMIT" not in caught.value.strerror
    assert remedy(caught.value.strerror) == ("fs.inotify.max_user_instances", 2 * limit)


def test_limit_of_descriptors(in_child):
    """The error for a process without descriptors names RLIMIT_NOFILE, and helps."""

    def body():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            Inotify()
        except OSError as error:
            caught = error
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        Inotify().close()
        return caught.errno, caught.strerror, hard

    number, message, hard = in_child(body)
    assert number == errno.EMFILE
    assert message.startswith("inotify_init1: this process has no descriptor left: RLIMIT_NOFILE is 3;")
    assert f"'ulimit -n' raises it (up to {hard})" in message
    assert "max_user_instances" not in message


def test_limit_of_watches(file):
    """Outside of a user namespace the error names the machine's limit."""
    limit = sysctl("fs.inotify.max_user_watches")
    with pytest.raises(OSError, match="inotify_add_watch: this user has no watch left") as caught:
        support.inject_in_child("inotify_add_watch", errno.ENOSPC, lambda: Inotify().watch(file))
    assert f"fs.inotify.max_user_watches is {limit};" in caught.value.strerror
    assert remedy(caught.value.strerror) == ("fs.inotify.max_user_watches", 2 * limit)
    assert caught.value.filename == str(file)


def test_adopt_keeps_what_was_read(tmp_path):
    """An object that adopts another has its pending events and its paths."""
    with Inotify(IN_NONBLOCK) as first:
        wd = first.watch(tmp_path, IN_CREATE)
        for name in "abc":
            (tmp_path / name).mkdir()
        first.read_event()
        with Inotify.adopt(first) as second:
            assert (first.closed(), first.pending, second.pending) == (True, 0, 2)
            assert [second.path(event) for event in second.read_events()] == [str(tmp_path / name) for name in "bc"]
            assert second.path(wd) == str(tmp_path)
