"""The interface of inotify_simple: each fact is proved of that package and of butter's.

The tests of butter's improvements, further down, are about butter alone.
"""

import contextlib
import errno
import gc
import importlib
import math
import os
import pathlib
import select
import sys
import threading
import time

import pytest
import support

import butter.inotify_simple
from butter.inotify_simple import INotify, flags, masks, parse_events


@pytest.fixture(params=["butter.inotify_simple", "inotify_simple"])
def module(request):
    return importlib.import_module(request.param)


@pytest.fixture
def inotify(module):
    with module.INotify() as inotify:
        yield inotify


@pytest.fixture
def later():
    """``later(action, ...)``: the next actions of a signal handler, one every 20 ms."""
    actions = []

    def handler(*_):
        if actions:
            actions.pop(0)()

    with support.alarms(handler):
        yield lambda *these: actions.extend(these)
    assert not actions


def touch(directory, *names):
    for name in names:
        os.close(os.open(os.path.join(os.fsencode(directory), os.fsencode(name)), os.O_CREAT | os.O_WRONLY))


def fails_with(number):
    """``pytest.raises`` for an OSError with this errno, from either package."""
    return pytest.raises(OSError, match=rf"^\[Errno {number}\]")


def timed(function, *args):
    """The time that a call took, in seconds, and its result."""
    start = time.monotonic()
    result = function(*args)
    return time.monotonic() - start, result


def until_polling(thread):
    """Return when *thread* is inside ``poll``, which aarch64 does by ``ppoll``."""
    deadline = time.monotonic() + 60
    number = {"x86_64": "7", "aarch64": "73"}[os.uname().machine]
    while time.monotonic() < deadline:
        if pathlib.Path(f"/proc/self/task/{thread.native_id}/syscall").read_text().split()[0] == number:
            return
    pytest.fail("the thread never waited")


# The descriptor


def test_is_a_file(inotify):
    """An INotify is a raw file that is open for reading."""
    assert inotify.fd == inotify.fileno() == inotify.name
    assert inotify.mode == "rb"
    assert inotify.closed is False
    assert (inotify.readable(), inotify.writable()) == (True, False)
    # Linux has let nameless files seek since 6.0; io.FileIO asks it
    with open(os.dup(inotify.fd), "rb", buffering=0) as same:
        assert inotify.seekable() is same.seekable()
    assert "FileIO" in repr(inotify) or "INotify" in repr(inotify)
    assert {inotify: 1}[inotify] == 1
    assert os.readlink(f"/proc/self/fd/{inotify.fd}") == "anon_inode:inotify"
    with pytest.raises(AttributeError):
        inotify.fd = 5


@pytest.mark.parametrize("inheritable", [False, True])
@pytest.mark.parametrize("nonblocking", [False, True])
def test_modes(module, inheritable, nonblocking):
    """The two arguments set the two flags of the descriptor, both off by default."""
    with module.INotify(inheritable, nonblocking) as inotify:
        assert os.get_inheritable(inotify.fd) is inheritable
        assert os.get_blocking(inotify.fd) is not nonblocking
    with module.INotify() as inotify:
        assert not os.get_inheritable(inotify.fd)
        assert os.get_blocking(inotify.fd)


def test_closefd(module):
    """With *closefd* false, the third argument, the descriptor outlives the object."""
    with module.INotify(False, False, False) as inotify:
        fd = inotify.fd
    del inotify
    gc.collect()
    assert os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:inotify"
    os.close(fd)


def test_with(module):
    """``with`` returns the object and closes it."""
    inotify = module.INotify()
    with inotify as same:
        fd = inotify.fd
        assert same is inotify
    assert inotify.closed is True
    with fails_with(errno.EBADF):
        os.fstat(fd)


def test_closed(module, tmp_path):
    """A closed object raises ValueError for everything but another close."""
    inotify = module.INotify()
    inotify.close()
    inotify.close()
    for use in (
        lambda: inotify.fd,
        inotify.fileno,
        inotify.read,
        lambda: inotify.read(timeout=0),
        inotify._readall,
        lambda: inotify.add_watch(tmp_path, 0xFFF),
        lambda: inotify.rm_watch(1),
        inotify.__enter__,
    ):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_forgotten(module):
    """A forgotten object closes its descriptor and warns."""
    inotify = module.INotify()
    fd = inotify.fd
    with pytest.warns(ResourceWarning):  # noqa: PT031
        del inotify
        gc.collect()
    with fails_with(errno.EBADF):
        os.fstat(fd)


def test_failing_constructor(module):
    """The constructor's OSError has its errno."""
    with fails_with(errno.EMFILE) as caught:
        support.exhaust_descriptors(module.INotify, limit=3)
    if module is butter.inotify_simple:
        assert "RLIMIT_NOFILE is 3" in str(caught.value)


# Watches


def test_kinds_of_path(inotify, tmp_path):
    """A path is str, bytes or PathLike."""
    wd = inotify.add_watch(str(tmp_path), 0x100)
    assert type(wd) is int
    assert inotify.add_watch(os.fsencode(tmp_path), 0x100) == inotify.add_watch(pathlib.Path(tmp_path), 0x100) == wd


@pytest.mark.parametrize(
    ("use", "number", "kind"),
    [
        (lambda inotify: inotify.add_watch("/missing", 0x100), errno.ENOENT, FileNotFoundError),
        (lambda inotify: inotify.add_watch("/dev/null/x", 0x100), errno.ENOTDIR, NotADirectoryError),
        (lambda inotify: inotify.add_watch("n" * 256, 0x100), errno.ENAMETOOLONG, OSError),
        (lambda inotify: inotify.add_watch("/", 0), errno.EINVAL, OSError),
        (lambda inotify: inotify.rm_watch(1), errno.EINVAL, OSError),
    ],
)
def test_plain_errors(inotify, use, number, kind):
    """Each error is Python's own for the errno: a ValueError means closed."""
    with pytest.raises(OSError, match=rf"^\[Errno {number}\]") as caught:
        use(inotify)
    assert type(caught.value) is kind
    assert caught.value.errno == number
    inotify.close()
    with pytest.raises(ValueError, match="closed") as caught:
        use(inotify)
    assert not isinstance(caught.value, OSError)


def test_plain_error_without_memory(module, in_child):
    """ENOMEM is an OSError as well."""

    def body():
        support.inject("inotify_init1", errno.ENOMEM)
        with fails_with(errno.ENOMEM) as caught:
            module.INotify()
        return type(caught.value)

    assert in_child(body) is OSError


def test_all_flags_together(module, inotify, tmp_path):
    """Every flag at once is a mask that the kernel takes."""
    assert inotify.add_watch(tmp_path, sum(module.flags)) == 1


def test_removed_watch(module, inotify, tmp_path):
    """Removing a watch returns None, and its last event says so."""
    wd = inotify.add_watch(tmp_path, 0x100)
    assert inotify.rm_watch(wd) is None
    assert inotify.read(timeout=0) == [(wd, module.flags.IGNORED, 0, "")]


def test_no_watch_left(module, in_child, tmp_path):
    """ENOSPC is an OSError with its errno, and butter's says which limit it was."""

    def body():
        with module.INotify() as inotify:
            support.inject("inotify_add_watch", errno.ENOSPC)
            with fails_with(errno.ENOSPC) as caught:
                inotify.add_watch(tmp_path, 0x100)
        return str(caught.value)

    text = in_child(body)
    if module is butter.inotify_simple:
        assert "max_user_watches" in text or "max_inotify_watches" in text


def test_interrupted_watch(module, in_child, tmp_path):
    """An interrupted lookup is repeated, unless a signal handler raises."""

    class Handled(Exception):
        pass

    def handler(*_):
        raise Handled

    def body():
        with module.INotify() as inotify:
            support.inject("inotify_add_watch", errno.EINTR)
            try:
                with support.alarms(handler):
                    inotify.add_watch(tmp_path, 0x100)
            except Handled:
                return "handled"

    assert in_child(body) == "handled"


# Reading


@pytest.mark.parametrize("nonblocking", [False, True])
def test_nothing_to_read(module, nonblocking):
    """An empty queue is an empty list, after the timeout in milliseconds."""
    with module.INotify(nonblocking=nonblocking) as inotify:
        found = inotify.read(timeout=0)
        assert found == []
        assert type(found) is list
        took, found = timed(inotify.read, 60)
        assert found == []
        assert 0.059 < took < 30
        assert inotify.read(timeout=1.5) == []


def test_wrong_timeouts(inotify):
    """A timeout that is not a number, is NaN, or is beyond a float is an error."""
    for wrong in "1", b"1", [], 1j:
        with pytest.raises(TypeError):
            inotify.read(timeout=wrong)
    with pytest.raises(ValueError, match="NaN"):
        inotify.read(timeout=float("nan"))
    with pytest.raises(OverflowError):
        inotify.read(timeout=10**400)


def test_one_event(module, inotify, tmp_path):
    """One event is a list of one Event, its name a str."""
    wd = inotify.add_watch(tmp_path, module.flags.CREATE)
    touch(tmp_path, "a")
    (event,) = inotify.read(timeout=0)
    assert type(event) is module.Event
    assert str(event) == f"Event(wd={wd}, mask=256, cookie=0, name='a')"
    assert tuple(map(type, event)) == (int, int, int, str)
    assert inotify.read(timeout=0) == []


@pytest.mark.parametrize("timeout", [None, -1, -5.0, 60_000])
@pytest.mark.parametrize("nonblocking", [False, True])
def test_waits_for_an_event(module, tmp_path, later, timeout, nonblocking):
    """None and negative timeouts wait for ever, through signals, for an event."""
    if module is not butter.inotify_simple and sys.implementation.name == "pypy" and timeout != 60_000:
        pytest.xfail("PyPy ends this wait at a signal, which butter makes good")
    with module.INotify(nonblocking=nonblocking) as inotify:
        inotify.add_watch(tmp_path, module.flags.CREATE)
        later(lambda: None, lambda: touch(tmp_path, "a"))
        assert [event.name for event in inotify.read(timeout)] == ["a"]


def test_read_delay(module, inotify, tmp_path, later):
    """A delay lasts as long as it says, and its events come with the first one."""
    inotify.add_watch(tmp_path, module.flags.CREATE)
    later(lambda: touch(tmp_path, "a"), lambda: touch(tmp_path, "b"))
    took, found = timed(inotify.read, None, 500)
    assert [event.name for event in found] == ["a", "b"]
    assert took > 0.499


def test_no_delay_for_waiting_events(module, inotify, tmp_path):
    """Waiting events are not delayed: this delay would be a day."""
    inotify.add_watch(tmp_path, module.flags.CREATE)
    touch(tmp_path, "a")
    took, found = timed(inotify.read, None, 86_400_000)
    assert [event.name for event in found] == ["a"]
    assert took < 60


def test_one_read_takes_all(module, inotify, tmp_path):
    """One read returns the whole queue, however long."""
    inotify.add_watch(tmp_path, module.flags.CREATE)
    names = [str(number).zfill(4) * 50 for number in range(500)]
    touch(tmp_path, *names)
    assert [event.name for event in inotify.read()] == names
    assert inotify.read(timeout=0) == []


def test_overflow(module, inotify, tmp_path):
    """The last event of a queue that was full has no watch."""
    inotify.add_watch(tmp_path, module.flags.OPEN)
    touch(tmp_path, "a", "b")
    limit = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for _ in range(limit // 2 + 1):
        touch(tmp_path, "a", "b")
    found = inotify.read(timeout=0)
    assert found[-1] == (-1, module.flags.Q_OVERFLOW, 0, "")
    assert len(found) == limit + 1
    assert module.flags.from_mask(found[-1].mask) == [module.flags.Q_OVERFLOW]


def test_select(module, inotify, tmp_path):
    """select takes the object, and finds it readable while events wait."""
    inotify.add_watch(tmp_path, module.flags.CREATE)
    assert select.select([inotify], [], [], 0)[0] == []
    touch(tmp_path, "a")
    assert select.select([inotify], [], [], 0)[0] == [inotify]
    inotify.read()
    assert select.select([inotify], [], [], 0)[0] == []


def test_raw_bytes(module, tmp_path):
    """parse_events takes the bytes that the descriptor itself returns."""
    with module.INotify(nonblocking=True) as inotify:
        wd = inotify.add_watch(tmp_path, module.flags.CREATE)
        assert inotify._readall() == b""
        assert inotify.readall() is None
        with pytest.raises(BlockingIOError):
            os.read(inotify.fd, 4096)
        for read in (inotify._readall, inotify.readall, lambda: os.read(inotify.fd, 4096)):
            (tmp_path / "a").unlink(missing_ok=True)
            touch(tmp_path, "a")
            assert module.parse_events(read()) == [(wd, 256, 0, "a")]


def test_no_lines(inotify):
    """Iteration over the lines of an INotify is an OSError."""
    inotify.add_watch("/", 0x8000 | 0x100)
    with pytest.raises(OSError, match="should have returned a bytes object"):
        next(inotify)


def busy_directory(directory):
    """Make events of every kind: files, links, directories and moves."""
    os.mkdir(directory / "sub")
    touch(directory, "file", b"\xe2\x28", "n" * 255)
    (directory / "file").write_text("butter")
    (directory / "file").read_text()
    (directory / "file").chmod(0o600)
    os.link(directory / "file", directory / "link")
    os.symlink("file", directory / "symlink")
    os.rename(directory / "file", directory / "moved")
    os.rename(directory / "moved", directory / "sub" / "moved")
    os.rename(directory / "sub", directory / "other")
    os.unlink(directory / "link")
    os.unlink(directory / "other" / "moved")
    os.rmdir(directory / "other")


def test_the_same_events(tmp_path):
    """Both packages return the same events, cookies included."""
    original = importlib.import_module("inotify_simple")
    outside = tmp_path / "outside"
    directory = tmp_path / "watched"
    outside.mkdir()
    directory.mkdir()
    touch(outside, "file")
    modules = (original, butter.inotify_simple)
    with contextlib.ExitStack() as stack:
        found = []
        inotifys = [stack.enter_context(module.INotify()) for module in modules]
        for module, inotify in zip(modules, inotifys):
            inotify.add_watch(directory, module.masks.ALL_EVENTS)
            inotify.add_watch(outside / "file", module.masks.ALL_EVENTS | module.flags.ONESHOT)
        busy_directory(directory)
        touch(outside, "file")
        (outside / "file").unlink()
        for module, inotify in zip(modules, inotifys):
            inotify.rm_watch(1)
            events = inotify.read(timeout=0)
            found.append([(*event, [flag.name for flag in module.flags.from_mask(event.mask)]) for event in events])
    assert found[0] == found[1]
    assert {flag for event in found[1] for flag in event[-1]} >= {
        "CREATE", "MODIFY", "ATTRIB", "MOVED_FROM", "MOVED_TO", "DELETE", "OPEN", "ACCESS", "ISDIR", "IGNORED",
    }  # fmt: skip


# Improvements of butter


def test_path_with_nul(tmp_path):
    """A path with a NUL is refused, where the kernel would cut it there."""
    with INotify() as inotify:
        with pytest.raises(ValueError, match="null byte"):
            inotify.add_watch(f"{tmp_path}\0x", masks.ALL_EVENTS)
        touch(tmp_path, "a")
        assert inotify.read(timeout=0) == []


@pytest.mark.parametrize(("delay", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError)])
def test_wrong_delay(tmp_path, delay, error):
    """A wrong delay is refused before the wait."""
    with INotify() as inotify, pytest.raises(error):
        inotify.read(None, delay)


class Undecided:
    def __bool__(self):
        raise RuntimeError("neither true nor false")


@pytest.mark.parametrize("name", ["inheritable", "nonblocking", "closefd"])
def test_constructor_leaks_nothing(name):
    """A constructor that fails leaves no descriptor."""
    before = support.descriptors()
    with pytest.raises((RuntimeError, TypeError)):
        INotify(**{name: Undecided()})
    assert support.descriptors() == before


def test_reads_within_a_wait(tmp_path, later):
    """A signal handler may wait in the object that it interrupted."""
    inner = []
    with INotify() as inotify:
        inotify.add_watch(tmp_path, flags.CREATE)
        later(lambda: inner.append(inotify.read(timeout=1)), lambda: touch(tmp_path, "a"))
        assert [event.name for event in inotify.read()] == ["a"]
    assert inner == [[]]


@pytest.mark.parametrize("timeout", [None, -1, -math.inf, 2**40, math.inf])
def test_long_timeouts(tmp_path, later, timeout):
    """A timeout may be longer than poll can hold, and a signal does not end it."""
    with INotify() as inotify:
        inotify.add_watch(tmp_path, flags.CREATE)
        later(lambda: None, lambda: touch(tmp_path, "a"))
        assert [event.name for event in inotify.read(timeout=timeout)] == ["a"]


def test_closed_by_a_handler_during_a_wait(later):
    """The wait of a closed object ends, although its number is another file's."""
    inotify, ends = INotify(), []
    later(lambda: (inotify.close(), ends.extend(os.pipe())))
    with pytest.raises(ValueError, match="closed file"):
        inotify.read()
    for end in ends:
        os.close(end)


def test_threads_share_one(tmp_path):
    """Threads that wait in one non-blocking object get each event once."""
    found = []
    names = [str(number) for number in range(300)]

    def reader():
        try:
            while "end" not in [event.name for event in batch()]:
                pass
        except BaseException as error:
            found.append(error)

    def batch():
        events = inotify.read(timeout=60_000)
        found.extend(event.name for event in events)
        return events

    with INotify(nonblocking=True) as inotify:
        inotify.add_watch(tmp_path, flags.CREATE)
        threads = [threading.Thread(target=reader) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            until_polling(thread)
        touch(tmp_path, *names)
        while any(thread.is_alive() for thread in threads):
            touch(tmp_path, "end")
            (tmp_path / "end").unlink()
    assert sorted(name for name in found if name != "end") == sorted(names)


def test_another_reader_is_faster(in_child, tmp_path):
    """A counted event that another reader took is an empty list, not an error."""

    def body():
        with INotify(nonblocking=True) as inotify:
            inotify.add_watch(tmp_path, flags.CREATE)
            touch(tmp_path, "a")
            support.inject("read", errno.EAGAIN, first=inotify.fd)
            return inotify.read(timeout=0), inotify.read()

    assert in_child(body) == ([], [])


def test_a_larger_event_than_counted(tmp_path, monkeypatch):
    """A read has room for an event that is larger than the counted one."""
    with INotify() as inotify:
        inotify.add_watch(tmp_path, masks.ALL_EVENTS)
        tmp_path.chmod(0o700)
        count = butter.inotify_simple.get_buffered_length

        def count_and_lose(fd):
            counted = count(fd)
            os.read(fd, 4096)
            touch(tmp_path, "n" * 255)
            return counted

        monkeypatch.setattr(butter.inotify_simple, "get_buffered_length", count_and_lose)
        assert [event.name for event in inotify.read()] == ["n" * 255]


def test_closed_while_waiting(tmp_path):
    """A thread that waits in a closed object gets ValueError, and no other bytes."""
    caught = []

    def reader():
        try:
            caught.append(inotify.read(timeout=10_000))
        except ValueError as error:
            caught.append(error)

    inotify = INotify()
    inotify.add_watch(tmp_path, flags.CREATE)
    thread = threading.Thread(target=reader)
    thread.start()
    until_polling(thread)
    fd = inotify.fd
    inotify.close()
    reading, writing = os.pipe()
    os.write(writing, b"a stranger's")
    touch(tmp_path, "a")
    thread.join()
    assert fd in (reading, writing)
    assert os.read(reading, 100) == b"a stranger's"
    os.close(reading)
    os.close(writing)
    assert [type(error) for error in caught] == [ValueError]


def test_strict_parser_keeps_the_object(tmp_path):
    """Bytes of another kind of descriptor are refused by parse_events."""
    with pytest.raises(ValueError, match="not inotify events"):
        parse_events(b"a stranger's")
    with INotify() as inotify:
        inotify.add_watch(tmp_path, flags.CREATE)
        touch(tmp_path, "a")
        assert [event.name for event in inotify.read()] == ["a"]
