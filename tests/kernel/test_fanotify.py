"""The behaviour of fanotify alone: calls, marks, events, and their descriptors."""

import copy
import errno
import fcntl
import gc
import itertools
import os
import pickle
import platform
import re
import resource
import signal
import stat
import struct
import threading
import time
from pathlib import Path

import pytest
import support
from support import in_child, needs, own_filesystem

from butter import _fanotify, _fanotify_read, fanotify, fanotify_constants
from butter._fanotify_answers import DENY_ERRNOS, Answers
from butter.errors import InvalidArgument, sysctl
from butter.fanotify import (
    FAN_ACCESS_PERM,
    FAN_ALL_EVENTS,
    FAN_ATTRIB,
    FAN_CLASS_CONTENT,
    FAN_CLASS_NOTIF,
    FAN_CLASS_PRE_CONTENT,
    FAN_CLOSE,
    FAN_CLOSE_NOWRITE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_DENY,
    FAN_ENABLE_AUDIT,
    FAN_EVENT_INFO_TYPE_DFID_NAME,
    FAN_EVENT_INFO_TYPE_PIDFD,
    FAN_EVENT_ON_CHILD,
    FAN_FS_ERROR,
    FAN_MARK_ADD,
    FAN_MARK_EVICTABLE,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_FLUSH,
    FAN_MARK_IGNORE,
    FAN_MARK_IGNORE_SURV,
    FAN_MARK_IGNORED_MASK,
    FAN_MARK_INODE,
    FAN_MARK_MNTNS,
    FAN_MARK_MOUNT,
    FAN_MARK_REMOVE,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_MODIFY,
    FAN_NOFD,
    FAN_NONBLOCK,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_EXEC_PERM,
    FAN_OPEN_PERM,
    FAN_PRE_ACCESS,
    FAN_Q_OVERFLOW,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_DIR_FID,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_FID,
    FAN_REPORT_MNT,
    FAN_REPORT_NAME,
    FAN_REPORT_PIDFD,
    FAN_REPORT_TARGET_FID,
    FAN_REPORT_TID,
    AuditRule,
    Fanotify,
    FanotifyEvent,
    UnknownPath,
    close_events,
    fanotify_init,
    fanotify_mark,
)
from butter.pidfd import Pidfd, pidfd_open
from butter.utils import get_buffered_length

admin = needs("CAP_SYS_ADMIN")

# calls: the kernel refuses them in one way, and the sentence says why


@admin
@needs(kernel=(6, 15))
@pytest.mark.parametrize(
    ("flags", "event_flags", "words"),
    [
        (0x8000, 0, "unknown flags 0x8000"),
        (FAN_REPORT_PIDFD | FAN_REPORT_TID, 0, "FAN_REPORT_PIDFD and FAN_REPORT_TID exclude each other"),
        (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0, "FAN_CLASS_CONTENT and FAN_CLASS_PRE_CONTENT exclude"),
        (FAN_REPORT_MNT | FAN_REPORT_FID, 0, "cannot have FAN_REPORT_FID"),
        (FAN_REPORT_MNT | FAN_REPORT_FD_ERROR, 0, "cannot have FAN_REPORT_FD_ERROR"),
        (FAN_REPORT_MNT | FAN_CLASS_CONTENT, 0, "cannot have FAN_CLASS_CONTENT"),
        (0, 0o10000000, "O_PATH"),
        (0, os.O_TRUNC, f"{os.O_TRUNC:#x}"),
        (0, 3, "one of O_RDONLY, O_WRONLY and O_RDWR"),
        (FAN_CLASS_CONTENT | FAN_REPORT_FID, 0, "they exclude FAN_CLASS_CONTENT"),
        (FAN_CLASS_PRE_CONTENT | FAN_REPORT_FID, 0, "they exclude FAN_CLASS_PRE_CONTENT"),
        (FAN_REPORT_NAME, 0, "FAN_REPORT_NAME needs FAN_REPORT_DIR_FID"),
        (FAN_REPORT_FID | FAN_REPORT_NAME, 0, "FAN_REPORT_NAME needs FAN_REPORT_DIR_FID"),
        (FAN_REPORT_FID | FAN_REPORT_TARGET_FID, 0, "FAN_REPORT_TARGET_FID needs FAN_REPORT_NAME"),
        (
            FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID,
            0,
            "FAN_REPORT_TARGET_FID needs FAN_REPORT_FID, for",
        ),
    ],
)
def test_refused_groups(flags, event_flags, words):
    """The kernel refuses flags that do not fit, and the sentence names the pair."""
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        fanotify_init(flags, event_flags)


NAMES = FAN_REPORT_DIR_FID | FAN_REPORT_NAME
SURE = FAN_MARK_ADD


@admin
@needs(kernel=(6, 15))
@pytest.mark.parametrize(
    ("group", "path", "mask", "flags", "words"),
    [
        (0, ".", 1 << 32 | FAN_OPEN, SURE, "more than 32 bits"),
        (0, ".", FAN_OPEN, SURE | 0x8000, "unknown flags 0x8000"),
        (0, ".", FAN_OPEN, 0, "one of FAN_MARK_ADD, FAN_MARK_REMOVE and FAN_MARK_FLUSH"),
        (0, ".", FAN_OPEN, FAN_MARK_ADD | FAN_MARK_REMOVE, "one of FAN_MARK_ADD"),
        (0, ".", 0, FAN_MARK_FLUSH | FAN_MARK_IGNORE, "not with FAN_MARK_IGNORE"),
        (0, ".", 0, SURE, "asks for no event"),
        (0, ".", 0x4000, SURE, "cannot be asked for: FAN_Q_OVERFLOW"),
        (0, ".", FAN_OPEN, SURE | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, "exclude each other"),
        (0, ".", FAN_OPEN_PERM, SURE, "FAN_OPEN_PERM needs a group of FAN_CLASS_CONTENT"),
        (0, ".", FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM, SURE, "needs a group of FAN_CLASS_CONTENT"),
        (0, "file", FAN_PRE_ACCESS, SURE, "FAN_PRE_ACCESS needs a group of FAN_CLASS_PRE_CONTENT"),
        (FAN_CLASS_CONTENT, "file", FAN_PRE_ACCESS, SURE, "FAN_PRE_ACCESS needs a group of FAN_CLASS_PRE_CONTENT"),
        (FAN_CLASS_PRE_CONTENT, ".", FAN_PRE_ACCESS | FAN_ONDIR, SURE, "FAN_PRE_ACCESS and FAN_ONDIR exclude"),
        (FAN_CLASS_CONTENT, "/proc/version", FAN_OPEN_PERM, SURE, "the filesystem (proc) cannot have permission"),
        (FAN_REPORT_FID, ".", FAN_FS_ERROR, SURE, "FAN_FS_ERROR needs a mark with FAN_MARK_FILESYSTEM"),
        (FAN_REPORT_FID, ".", FAN_OPEN, SURE | FAN_MARK_MOUNT | FAN_MARK_EVICTABLE, "FAN_MARK_EVICTABLE"),
        (0, ".", FAN_ATTRIB, SURE, "FAN_ATTRIB needs a group with FAN_REPORT_FID"),
        (FAN_REPORT_FID, ".", FAN_CREATE, SURE | FAN_MARK_MOUNT, "FAN_MARK_MOUNT cannot have FAN_CREATE"),
        (FAN_REPORT_FID, ".", FAN_RENAME, SURE, "FAN_RENAME needs a group with FAN_REPORT_NAME"),
        (FAN_REPORT_MNT, "/proc/self/ns/mnt", FAN_OPEN, SURE | FAN_MARK_MNTNS, "not FAN_OPEN"),
        (FAN_REPORT_MNT, ".", FAN_MNT_ATTACH, SURE, "only marks with FAN_MARK_MNTNS"),
        (FAN_REPORT_MNT, ".", FAN_MNT_ATTACH, SURE | FAN_MARK_MNTNS, "needs a path to a mount namespace"),
        (0, ".", FAN_MNT_ATTACH, SURE, "FAN_MNT_ATTACH needs a group with FAN_REPORT_MNT"),
        (0, ".", FAN_OPEN, SURE | FAN_MARK_MNTNS, "FAN_MARK_MNTNS needs a group with FAN_REPORT_MNT"),
        (0, ".", FAN_OPEN, SURE | FAN_MARK_MOUNT | FAN_MARK_IGNORE, "use FAN_MARK_IGNORE_SURV"),
        (0, ".", FAN_OPEN, SURE | FAN_MARK_FILESYSTEM | FAN_MARK_IGNORE, "use FAN_MARK_IGNORE_SURV"),
    ],
)
def test_refused_marks(tmp_path, monkeypatch, group, path, mask, flags, words):
    """The kernel refuses a mark that does not fit, and the sentence says to what."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with Fanotify(group) as made, pytest.raises(InvalidArgument, match=re.escape(words)):
        fanotify_mark(made, path, mask, flags)


@admin
@pytest.mark.parametrize("kind", [FAN_MARK_MOUNT, pytest.param(FAN_MARK_FILESYSTEM, marks=needs(kernel=(4, 20)))])
def test_refused_marks_of_a_pipe(pipe, kind):
    """A pipe is on a filesystem of the kernel's own, which is not marked as a whole."""
    with Fanotify() as made, pytest.raises(InvalidArgument, match="the kernel's own"):
        made.watch(None, FAN_OPEN, kind, dfd=pipe[0])


def test_a_mark_by_another_descriptor(pipe):
    """A descriptor that is not fanotify's is called that."""
    with pytest.raises(InvalidArgument, match="is not an fanotify descriptor"):
        fanotify_mark(pipe[0], ".", FAN_OPEN, FAN_MARK_ADD)


@needs(kernel=(5, 13))
@support.needs_namespaces
def test_no_group_left():
    """The limit of groups is told from that of descriptors, of the same errno."""

    def body():
        support.own_namespaces()
        Path("/proc/sys/user/max_fanotify_groups").write_text("0")
        Fanotify(FAN_REPORT_FID)

    with pytest.raises(OSError, match=r"no fanotify group left: user\.max_fanotify_groups is 0") as caught:
        in_child(body)
    assert caught.value.errno == errno.EMFILE


@needs(kernel=(5, 13))
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (FAN_CLASS_NOTIF, "a group whose events have descriptors needs CAP_SYS_ADMIN"),
        (FAN_CLASS_CONTENT, "FAN_CLASS_CONTENT needs CAP_SYS_ADMIN"),
        (FAN_REPORT_FID | FAN_REPORT_TID, "FAN_REPORT_TID needs CAP_SYS_ADMIN"),
        pytest.param(
            FAN_REPORT_FID | FAN_REPORT_PIDFD, "FAN_REPORT_PIDFD needs CAP_SYS_ADMIN", marks=needs(kernel=(5, 15))
        ),
    ],
)
def test_groups_of_a_user(flags, words):
    """Without privileges the sentence says which flag needs which capability."""

    def body():
        support.become_nobody()
        Fanotify(flags)

    with pytest.raises(PermissionError, match=words):
        in_child(body)


@needs(kernel=(5, 13))
@support.needs_namespaces
def test_groups_in_a_user_namespace():
    """The root of another user namespace is not the one that the kernel asks for."""

    def body():
        support.own_namespaces()
        Fanotify(FAN_CLASS_CONTENT)

    with pytest.raises(PermissionError, match="needs CAP_SYS_ADMIN in the first user namespace"):
        in_child(body)


@needs(kernel=(5, 1))
@pytest.mark.parametrize(
    ("path", "dfd", "error", "words"),
    [
        (None, fanotify.AT_FDCWD, InvalidArgument, "a path of None stands for the file dfd"),
        (None, 10**6, InvalidArgument, "descriptor 1000000 is not open"),
        ("file", 10**6, InvalidArgument, "descriptor 1000000 is not open"),
        ("file", "pipe", NotADirectoryError, "is not a directory, and the path 'file' is relative"),
        (Path("file"), "pipe", NotADirectoryError, "is not a directory, and the path 'file' is relative"),
        ("/dev/null/x", fanotify.AT_FDCWD, NotADirectoryError, "a part of the path is not a directory"),
        ("", fanotify.AT_FDCWD, FileNotFoundError, "the path is empty: pass None"),
    ],
)
def test_where_a_path_begins(pipe, path, dfd, error, words):
    """The sentence tells whether the path is wrong, or the descriptor before it."""
    with Fanotify(FAN_REPORT_FID) as made, pytest.raises(error, match=words):
        made.watch(path, FAN_OPEN, dfd=pipe[0] if dfd == "pipe" else dfd)


@needs(kernel=(5, 1))
@pytest.mark.parametrize("method", ["watch", "ignore", "del_watch", "del_ignore", "flush", "__init__"])
@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        ("x", TypeError, "flags must be an int, not str"),
        ([], TypeError, "flags must be an int, not list"),
        (1 << 32, ValueError, "flags is 4294967296;"),
    ],
)
def test_flags_that_are_not_flags(method, flags, error, words):
    """They are refused before a flag of the method is added, and named as passed."""
    with Fanotify(FAN_REPORT_FID) as made, pytest.raises(error, match=words):
        getattr(made, method)(*([] if method in ("flush", "__init__") else ["/", FAN_OPEN]), flags=flags)


@needs(kernel=(5, 1))
def test_a_missing_mark(tmp_path):
    """To remove a mark that is not there fails with a sentence of its own."""
    with Fanotify(FAN_REPORT_FID) as made, pytest.raises(FileNotFoundError, match="does not have a mark"):
        made.del_watch(tmp_path, FAN_OPEN)


@pytest.mark.defect("F10")
@needs(kernel=(5, 17))
def test_events_of_directories_on_a_file(tmp_path):
    """A file cannot have events of names, and the sentence says which they are."""
    (tmp_path / "file").touch()
    with Fanotify(NAMES) as made, pytest.raises(NotADirectoryError, match="FAN_RENAME is about directories"):
        made.watch(tmp_path / "file", FAN_RENAME)


# events with descriptors


class Task:
    """A child that runs *body* when it is told to, and its exit status."""

    def __init__(self, body):
        self.pid = os.fork()
        if not self.pid:
            status = 99
            try:
                status = body() or 0
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)

    def status(self):
        """The errno of the body's OSError, or what it returned; waits for its end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def use(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    return path


@admin
@pytest.mark.defect("F3")
def test_an_event(file):
    """An event has the descriptor, the process and the kind of what happened."""
    with Fanotify() as made:
        assert made.watch(file, FAN_OPEN | FAN_CLOSE) is None
        use(file)
        with made.read_event() as event:
            assert (event.version, event.pid, event.mask) == (3, os.getpid(), FAN_OPEN | FAN_CLOSE_NOWRITE)
            assert os.path.samestat(os.fstat(event.fileno()), os.stat(file))
            assert event.filename == str(file)
            assert str(event.flags) == "CLOSE_NOWRITE|OPEN"
            assert event.open_event
            assert event.close_event
            assert not event.modify_event
            assert not os.get_inheritable(event.fileno())


@admin
@pytest.mark.defect("F1")
def test_an_event_of_a_group_that_does_not_wait(file):
    """A non-blocking object has the same events, and then none."""
    with Fanotify(FAN_NONBLOCK) as made:
        assert not made.blocking
        made.watch(file, FAN_OPEN)
        assert made.read_events() == []
        use(file)
        close_events(made.read_events())
        with pytest.raises(BlockingIOError):
            made.read_event()


@admin
@pytest.mark.defect("F2")
@pytest.mark.parametrize(("flags", "mode"), [(os.O_RDONLY, "r"), (os.O_RDWR, "r+"), (os.O_WRONLY, "r+")])
def test_mode(flags, mode):
    """The mode of an object is that of the descriptors of its events."""
    with Fanotify(0, flags) as made:
        assert (made.mode(), made.writable()) == (mode, mode != "r")
        with Fanotify.adopt(made) as adopted:
            assert (adopted.mode(), adopted.writable()) == (mode, mode != "r")
    number = fanotify_init(0, flags)
    with Fanotify.adopt(number) as adopted:
        assert adopted.mode() == mode


@admin
@pytest.mark.defect("F4", "F6")
@pytest.mark.parametrize("path", ["file", b"file", Path("file")])
def test_relative_paths(file, monkeypatch, path):
    """A relative path of any type begins at the working directory."""
    monkeypatch.chdir(file.parent)
    with Fanotify() as made:
        made.watch(path, FAN_OPEN)
        use(file)
        with made.read_event() as event:
            assert event.filename == str(file)


@admin
@pytest.mark.defect("F5")
def test_a_descriptor_is_watched(file):
    """Without a path the descriptor itself is watched, and with one it is the start."""
    with Fanotify() as made, open(file) as opened:
        made.watch(None, FAN_OPEN, dfd=opened)
        use(file)
        with made.read_event() as event:
            assert event.filename == str(file)
        made.del_watch(None, FAN_OPEN, dfd=opened)
        directory = os.open(file.parent, os.O_RDONLY)
        made.watch(file.name, FAN_OPEN, dfd=directory)
        os.close(directory)
        use(file)
        made.read_event().close()


@admin
def test_older_names_of_the_events(file):
    """The mask has three names, of which one is passed."""
    with Fanotify() as made:
        made.watch(file, mask=FAN_OPEN)
        made.watch(file, event_mask=FAN_OPEN)
        made.ignore(file, mask=FAN_OPEN)
        made.del_watch(file, event_mask=FAN_OPEN)
        with pytest.raises(TypeError, match="two spellings"):
            made.watch(file, FAN_OPEN, mask=FAN_OPEN)
        with pytest.raises(TypeError, match="events are missing"):
            made.watch(file)


def read_one(made, file):
    made.watch(file, FAN_OPEN)
    use(file)
    return made.read_event()


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@admin
def test_an_event_owns_its_descriptor(file):
    """close() closes it, also twice; a closed event says what it was."""
    with Fanotify() as made:
        event = read_one(made, file)
        number = event.fileno()
        assert event.filename == str(file)
        event.close()
        assert not is_open(number)
        event.close()
        assert (event.fd, event.filename, event.open_event) == (-1, str(file), True)
        assert "fd=closed" in repr(event)
        with pytest.raises(ValueError, match="closed file"):
            event.fileno()
        event = read_one(made, file)
        event.close()
        with pytest.raises(ValueError, match="closed file"):
            event.filename  # noqa: B018


@admin
def test_a_forgotten_event(file):
    """An event that is forgotten warns, and closes its descriptor."""
    with Fanotify() as made:
        events = [read_one(made, file)]
        number = events[0].fileno()
        with pytest.warns(ResourceWarning, match=r"unclosed FanotifyEvent\(mask=OPEN, fd=\d+"):
            support.forget(events)
        assert not is_open(number)


@admin
def test_a_descriptor_that_is_handed_over(file):
    """Who reads fd gets the descriptor; close() of the event closes it all the same."""
    with Fanotify() as made:
        events = [read_one(made, file)]
        number = events[0].fd
        support.forget(events)
        assert is_open(number)
        os.close(number)
        event = read_one(made, file)
        number = event.fd
        event.close()
        assert not is_open(number)


def test_a_hand_made_event(pipe):
    """An event that no read made owns nothing, and close() closes what it has."""
    number = os.dup(pipe[0])
    events = [FanotifyEvent(3, FAN_OPEN, number, 1)]
    support.forget(events)
    assert is_open(number)
    with FanotifyEvent(3, FAN_OPEN, number, 1) as event:
        assert event.fd == number
    assert not is_open(number)


@needs(kernel=(5, 3))
def test_a_pidfd_that_belongs_to_the_program():
    """An event of str_to_events closes its pidfd in close(), not when forgotten."""
    number = pidfd_open(os.getpid())
    data = struct.pack("=IBBHQiiBBHi", 32, 3, 0, 24, FAN_OPEN, FAN_NOFD, 1, FAN_EVENT_INFO_TYPE_PIDFD, 0, 8, number)
    events = fanotify.str_to_events(data)
    assert events[0].pidfd.pid == os.getpid()
    support.forget(events)
    assert is_open(number)
    for look in (lambda event: event.pidfd), (lambda event: None):
        (event,) = fanotify.str_to_events(data)
        look(event)
        other = os.dup(number)
        event.close()
        assert not is_open(number)
        os.dup2(other, number, inheritable=False)
        os.close(other)
    os.close(number)


@pytest.mark.defect("F7")
def test_an_overflow_has_no_descriptor():
    """close() of an event without a descriptor does nothing."""
    event = FanotifyEvent(3, FAN_Q_OVERFLOW, FAN_NOFD, 0)
    assert event.queue_overflow_event
    assert event.overflow_event
    assert (event.fd, event.filename) == (-1, None)
    with pytest.raises(ValueError, match="does not have a descriptor"):
        event.fileno()
    event.close()
    event.close()


def test_events_are_not_copied():
    """A copy would close the descriptor a second time."""
    event = FanotifyEvent(3, FAN_OPEN, FAN_NOFD, 0)
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot copy or pickle a FanotifyEvent"):
            make(event)


@needs(kernel=(6, 13))
@admin
def test_a_batch_that_is_dropped(file):
    """Events that wait in an object are closed with it, without a warning."""
    before = support.descriptors()
    with Fanotify() as made:
        for number in range(3):
            path = file.with_name(str(number))
            path.touch()
            made.watch(path, FAN_OPEN)
            use(path)
        made.read_event().close()
        assert made.pending == 2
    assert support.descriptors() == before


@needs(kernel=(6, 13))
@admin
@pytest.mark.parametrize("flags", [0, pytest.param(FAN_REPORT_PIDFD, marks=needs(kernel=(5, 15)))])
@pytest.mark.parametrize("failing", range(3))
def test_a_batch_that_fails_half_way(file, monkeypatch, failing, flags):
    """Events that cannot be made are not leaked, and come with the next read."""
    before = support.descriptors()
    made = Fanotify(FAN_NONBLOCK | flags)
    for number in range(3):
        path = file.with_name(str(number))
        path.touch()
        made.watch(path, FAN_OPEN)
        use(path)

    def fail(function, rows):
        yield from itertools.islice(itertools.starmap(function, rows), failing)
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(_fanotify_read, "starmap", fail)
        with pytest.raises(MemoryError):
            made.read_event()
    gc.collect()
    assert made.pending == 3
    events = made.read_events()
    assert [event.filename for event in events] == [str(file.with_name(str(number))) for number in range(3)]
    close_events(events)
    for number in range(3):
        use(file.with_name(str(number)))
    with monkeypatch.context() as patch:
        patch.setattr(_fanotify_read, "starmap", fail)
        with pytest.raises(MemoryError):
            made.read_event()
    made.close()
    assert support.descriptors() == before


@admin
@needs(kernel=(5, 15))
def test_a_pidfd_belongs_to_its_event(file):
    """It is closed with the event, whether it was asked for or not, unless adopted."""
    before = support.descriptors()
    with Fanotify(FAN_REPORT_PIDFD) as made:
        read_one(made, file).close()
        with read_one(made, file) as event, Pidfd.adopt(event.pidfd) as process:
            event.close()
            assert process.pid == os.getpid()
        events = [read_one(made, file)]
        os.close(events[0].fd)
        with pytest.warns(ResourceWarning, match="unclosed FanotifyEvent"):
            support.forget(events)
        event = read_one(made, file)
        close_events([event, event])
        with pytest.raises(ValueError, match="closed file"):
            event.pidfd  # noqa: B018
    assert support.descriptors() == before


@admin
def test_many_events_are_closed(file):
    """close_events closes each once, also those that are closed already."""
    with Fanotify() as made:
        first, second = read_one(made, file), read_one(made, file)
        numbers = first.fileno(), second.fileno()
        first.close()
        stranger = os.dup(0)
        close_events([first, second, second])
        assert is_open(stranger)
        os.close(stranger)
        assert not is_open(numbers[1])
        first, second = read_one(made, file), read_one(made, file)
        os.close(first.fd)
        with pytest.raises(OSError, match="Bad file descriptor"):
            close_events([first, second])
        assert not is_open(second[2])
    close_events([FanotifyEvent(3, FAN_OPEN, FAN_NOFD, 1)])


@admin
@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
@pytest.mark.parametrize("close", [FanotifyEvent.close, lambda event: close_events([event])])
@pytest.mark.parametrize("flags", [0, FAN_CLASS_CONTENT])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_close_that_a_handler_interrupts(file, close, flags):
    """Wherever a handler raises, the descriptor is closed once and the task goes on."""
    before, at, more = support.descriptors(), 0, True
    while more:
        with Fanotify(flags, default="deny") as made:
            made.watch(file, FAN_OPEN_PERM if flags else FAN_OPEN)
            task = Task(lambda: use(file))
            events = [made.read_event()]
            more = support.interrupt_between(lambda events=events: close(events[0]), at)
            support.forget(events)
            assert set(support.descriptors()) - set(before) == {made.fileno()}
            assert task.status() == (errno.EPERM if flags else 0)
        at += 1
    assert at > 3


@admin
@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_end_of_an_object_that_a_handler_interrupts(file):
    """Wherever a handler raises in close(), all that wait get the default."""
    at, more = 0, True
    paths = [file, file.with_name("other")]
    paths[1].touch()
    while more:
        made = Fanotify(FAN_CLASS_CONTENT, default="deny")
        for path in paths:
            made.watch(path, FAN_OPEN_PERM)
        tasks = [Task(lambda path=path: use(path)) for path in paths]
        events = [made.read_event()]
        if not made.pending:
            wait_for_size(made, 1)
        more = support.interrupt_between(made.close, at)
        if not made.closed():
            made.close()
        assert [task.status() for task in tasks] == [errno.EPERM] * 2
        support.forget(events)
        at += 1
    assert at > 10


@admin
@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
def test_a_read_without_own_events_that_a_handler_interrupts(file):
    """Wherever a handler raises in the read, the events of others are not lost."""
    before, at, more = support.descriptors(), 0, True
    while more:
        with Fanotify(FAN_CLASS_CONTENT | FAN_NONBLOCK, exclude_self=True) as made:
            made.watch(file, FAN_OPEN)
            use(file)
            task = Task(lambda: use(file))
            assert task.status() == 0
            use(file)
            read = []
            more = support.interrupt(lambda made=made, read=read: read.append(made.read_event()), at, ("call",))
            read += made.read_events()
            assert [event.pid for event in read] == [task.pid]
            close_events(read)
            assert set(support.descriptors()) - set(before) == {made.fileno()}
        at += 1
    assert at > 3


@admin
def test_an_object_that_init_never_saw(file):
    """An object around a number that a test opened reads, and closes nothing itself."""
    made = Fanotify.__new__(Fanotify)
    made._fd = fanotify_init(FAN_NONBLOCK)
    read_one(made, file).close()
    fd = made._fd
    del made
    gc.collect()
    assert is_open(fd)
    os.close(fd)


@needs(kernel=(4, 20))
@admin
def test_flush(tmp_path):
    """Marks are removed by their type, or all of them."""

    def body(path):
        Path("file").touch()
        with Fanotify(FAN_NONBLOCK) as made:

            def events():
                use("file")
                return sorted(event.mask for event in support.drain(made) if event.close() is None)

            for flags in FAN_MARK_INODE, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM:
                made.watch("file", {FAN_MARK_INODE: FAN_OPEN}.get(flags, FAN_CLOSE_NOWRITE), flags)
            assert events() == [FAN_OPEN | FAN_CLOSE_NOWRITE]
            made.flush(FAN_MARK_MOUNT)
            assert events() == [FAN_OPEN | FAN_CLOSE_NOWRITE]
            made.flush(FAN_MARK_INODE)
            assert events() == [FAN_CLOSE_NOWRITE]
            made.watch("file", FAN_OPEN)
            made.flush()
            assert events() == []

    own_filesystem(body, tmp_path, "tmpfs")


@needs(kernel=(6, 0))
def test_two_ways_to_ignore(tmp_path):
    """A mark ignores in one way, and the error says which it already has."""
    with Fanotify(FAN_REPORT_FID) as made:
        made.ignore(tmp_path, FAN_OPEN, FAN_MARK_IGNORE_SURV)
        with pytest.raises(FileExistsError, match="cannot ignore by FAN_MARK_IGNORED_MASK too"):
            made.ignore(tmp_path, FAN_OPEN)
    with Fanotify(FAN_REPORT_FID) as made:
        made.watch(tmp_path, FAN_OPEN)
        with pytest.raises(FileExistsError, match="without FAN_MARK_EVICTABLE"):
            made.ignore(tmp_path, FAN_OPEN, FAN_MARK_EVICTABLE)
    with Fanotify(FAN_REPORT_FID) as made:
        made.ignore(tmp_path, FAN_OPEN, FAN_MARK_IGNORE_SURV | FAN_MARK_EVICTABLE)
        with pytest.raises(FileExistsError, match="cannot ignore by FAN_MARK_IGNORED_MASK too"):
            made.ignore(tmp_path, FAN_OPEN, FAN_MARK_EVICTABLE)
    file = tmp_path / "file"
    file.touch()
    with Fanotify(FAN_REPORT_FID) as made:
        made.ignore(file, FAN_OPEN, FAN_MARK_IGNORE_SURV)
        with pytest.raises(FileExistsError, match="IGNORED_MASK, or by FAN_MARK_IGNORE_SURV"):
            made.ignore(file, FAN_OPEN, FAN_MARK_IGNORE)


@needs(kernel=(6, 0))
@pytest.mark.parametrize("flags", [0, FAN_MARK_IGNORE_SURV])
def test_the_end_of_an_ignore(file, flags):
    """del_ignore takes back what ignore hid, which del_watch leaves alone."""
    with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        made.watch(file, FAN_OPEN | FAN_CLOSE_NOWRITE)
        made.ignore(file, FAN_OPEN, flags)
        made.del_watch(file, FAN_OPEN)
        made.watch(file, FAN_OPEN)
        use(file)
        assert [event.mask for event in made.read_events()] == [FAN_CLOSE_NOWRITE]
        made.del_ignore(file, FAN_OPEN, flags)
        use(file)
        assert [event.mask for event in made.read_events()] == [FAN_OPEN | FAN_CLOSE_NOWRITE]
        with pytest.raises(FileNotFoundError, match="does not have a mark"):
            made.del_ignore(file.parent, FAN_OPEN, flags)


@admin
@needs(kernel=(6, 0))
def test_the_files_in_a_directory_that_is_ignored(file):
    """FAN_EVENT_ON_CHILD in an ignore counts with FAN_MARK_IGNORE alone."""
    with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        made.watch(file, FAN_OPEN)
        made.ignore(file.parent, FAN_OPEN | FAN_EVENT_ON_CHILD)
        use(file)
        assert [event.mask for event in made.read_events()] == [FAN_OPEN]
        made.watch(file.parent, FAN_CLOSE | FAN_EVENT_ON_CHILD)
        use(file)
        assert [event.mask for event in made.read_events()] == [FAN_CLOSE_NOWRITE]
    with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        made.watch(file, FAN_OPEN)
        made.ignore(file.parent, FAN_OPEN | FAN_EVENT_ON_CHILD, FAN_MARK_IGNORE_SURV)
        use(file)
        assert made.read_events() == []


@needs(kernel=(5, 1))
def test_a_file_that_is_truncated(file):
    """A truncation is a modification in events with handles, and with them alone."""
    with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        made.watch(file, FAN_MODIFY)
        os.truncate(file, 1)
        (event,) = made.read_events()
        assert event.modify_event


# files that the kernel cannot open for their events


def without_descriptors(made, file, left=1):
    """Cause three events, and leave descriptors for so many of them."""
    paths = [file.with_name(str(number)) for number in range(3)]
    for path in paths:
        path.touch()
        made.watch(path, FAN_OPEN)
        use(path)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@admin
@needs(kernel=(6, 13))
@pytest.mark.parametrize("flags", [0, FAN_REPORT_PIDFD])
def test_no_descriptor_is_left(file, flags):
    """The events come all the same, and say why their file is not open."""

    def body():
        with Fanotify(FAN_NONBLOCK | flags) as made:
            without_descriptors(made, file, left=2 if flags else 1)
            opened, *others = made.read_events()
            assert opened.filename == str(file.with_name("0"))
            assert [event.mask for event in others] == [FAN_OPEN] * 2
            for event in others:
                for look in (lambda e: e.fileno(), lambda e: e.filename, lambda e: e.path):
                    with pytest.raises(OSError, match=r"this process has no descriptor left: RLIMIT_NOFILE is") as no:
                        look(event)
                    assert no.value.errno == errno.EMFILE
                assert (event.fd, event.pid) == (-errno.EMFILE, os.getpid())
            close_events([opened, *others])

    in_child(body)


@admin
@pytest.mark.parametrize("flags", [0, pytest.param(FAN_REPORT_PIDFD, marks=needs(kernel=(5, 15)))])
def test_no_descriptor_is_left_on_older_kernels(file, flags):
    """Without FAN_REPORT_FD_ERROR each event that is lost is an error of a read."""

    def body():
        with Fanotify.adopt(fanotify_init(FAN_NONBLOCK | flags)) as made:
            without_descriptors(made, file, left=2 if flags else 1)
            with made.read_event() as event:
                for _ in range(2):
                    with pytest.raises(OSError, match=r"an event is lost, because .* RLIMIT_NOFILE is") as caught:
                        made.read_event()
                    assert caught.value.errno == errno.EMFILE
                assert made.read_events() == []
                assert event.filename == str(file.with_name("0"))

    in_child(body)


@admin
@needs(kernel=(6, 13))
def test_a_question_about_a_file_that_cannot_be_opened(file):
    """The kernel denies it, the event cannot be answered, and others are answered."""

    def body(exclude_self):
        with Fanotify(FAN_CLASS_CONTENT, exclude_self=exclude_self) as made:
            made.watch(file, FAN_OPEN_PERM)
            task = Task(lambda: use(file))
            wait_for_size(made, 1)
            without_descriptors(made, file, left=0)
            event = made.read_event()
            assert event.pid == task.pid
            with pytest.raises(ValueError, match="the kernel could not open its file, and denied it"):
                event.allow()
            event.close()
            assert task.status() == errno.EPERM

    in_child(lambda: body(False))
    in_child(lambda: body(True))


@admin
@needs(kernel=(6, 13))
def test_a_file_with_a_lease(file):
    """With O_NONBLOCK a read does not wait for the holder of a lease."""
    with Fanotify(0, os.O_RDWR | os.O_NONBLOCK) as made, open(file) as leased:
        made.watch(file, FAN_OPEN)
        use(file)
        fcntl.fcntl(leased, fcntl.F_SETSIG, signal.SIGURG)  # which is ignored
        fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        with made.read_event() as event, pytest.raises(BlockingIOError, match="has a lease on its file"):
            event.fileno()


@needs(kernel=(5, 1))
@admin
def test_files_that_are_not_opened(tmp_path):
    """FIFOs and devices make no events with descriptors: a read never opens one."""
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (tmp_path / "file").touch()
    with Fanotify(FAN_CLASS_CONTENT | FAN_NONBLOCK, os.O_RDONLY) as made, Fanotify(FAN_REPORT_FID) as by_handle:
        for name in "fifo", "null", "file":
            made.watch(tmp_path / name, FAN_OPEN)
            by_handle.watch(tmp_path / name, FAN_OPEN)
        made.watch(tmp_path / "fifo", FAN_OPEN_PERM)
        for name in "fifo", "null", "file":
            os.close(os.open(tmp_path / name, os.O_RDWR | os.O_NONBLOCK))
        assert len([by_handle.wait(30) for _ in range(3)]) == 3
        events = made.read_events()
        assert [event.filename for event in events] == [str(tmp_path / "file")]
        close_events(events)


# events with handles, and users without privileges


@needs(kernel=(5, 13))
def test_a_plain_user(public_path):
    """A user without privileges has events with names, and sees only its own pid."""
    public_path.chmod(0o777)

    def body():
        support.become_nobody()
        with Fanotify(FAN_REPORT_DFID_NAME) as made:
            made.watch(public_path, FAN_CREATE | FAN_DELETE | FAN_ONDIR)
            (public_path / "own").mkdir()
            with made.read_event() as event:
                assert (event.pid, event.fd, event.name) == (os.getpid(), FAN_NOFD, "own")
                assert event.create_event
                assert event.on_dir_event
            in_child(lambda: (public_path / "other").touch())
            with made.read_event() as event:
                assert (event.pid, event.name, event.on_dir_event) == (0, "other", False)
            made.flush()
            (public_path / "more").touch()
            with pytest.raises(TimeoutError):
                made.wait(0)

    in_child(body)


@support.needs_namespaces
@needs(kernel=(6, 16))
def test_the_root_of_a_user_namespace(tmp_path):
    """It may mark the mounts, filesystems and mount namespace that are its own."""

    def body():
        support.own_namespaces()
        support.raw_mount("tmpfs", tmp_path, "tmpfs")
        for kind in FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM:
            with Fanotify(FAN_REPORT_FID) as made:
                made.watch(tmp_path, FAN_OPEN | FAN_ONDIR, kind)
                use(tmp_path)
                with made.read_event() as event:
                    assert event.open_event
                    assert event.handle.handle
                # the second if the root is an overlay
                with pytest.raises(OSError, match=r"needs CAP_SYS_ADMIN|nfs_export=on"):
                    made.watch("/", FAN_OPEN, kind)
        with Fanotify(FAN_REPORT_MNT) as made:
            made.watch("/proc/self/ns/mnt", FAN_MNT_ATTACH | FAN_MNT_DETACH, FAN_MARK_MNTNS)
            os.mkdir(tmp_path / "mount")
            support.raw_mount("tmpfs", tmp_path / "mount", "tmpfs")
            support.libc.umount2(os.fsencode(tmp_path / "mount"), 0)
            attached, detached = made.read_event(), made.read_event()
            assert (attached.mount_attach_event, attached.mount_detach_event) == (True, False)
            assert (detached.mount_attach_event, detached.mount_detach_event) == (False, True)
            assert attached.mount_id == detached.mount_id > 0
            made.flush()

    in_child(body)


@admin
@needs(kernel=(6, 14))
def test_pre_access_on_a_filesystem_that_cannot(tmp_path):
    """The error for a filesystem without FAN_PRE_ACCESS names those that have it."""

    def body(_):
        Path("file").touch()
        with Fanotify(FAN_CLASS_PRE_CONTENT) as made:
            made.watch("file", FAN_PRE_ACCESS)

    with pytest.raises(OSError, match=r"\(tmpfs\) cannot have FAN_PRE_ACCESS; ext4, xfs and btrfs can") as caught:
        own_filesystem(body, tmp_path, "tmpfs")
    assert caught.value.errno == errno.EOPNOTSUPP


@support.needs_loop
@needs(kernel=(6, 14))
def test_pre_access(tmp_path):
    """The event has the range that the task wants, which the answer lets it have."""

    def body(_):
        Path("file").write_bytes(bytes(1 << 16))
        with Fanotify(FAN_CLASS_PRE_CONTENT) as made:
            made.watch("file", FAN_PRE_ACCESS)
            for answer, result in (FanotifyEvent.allow, 0), (lambda event: event.deny(errno.ENOSPC), errno.ENOSPC):

                def task():
                    fd = os.open("file", os.O_RDONLY)
                    os.pread(fd, 4096, 8192)

                reading = Task(task)
                with made.read_event() as event:
                    assert event.pre_access_event
                    # the kernel may ask for whole pages, and for some ahead
                    assert event.offset <= 8192
                    assert event.offset + event.count >= 8192 + 4096
                    answer(event)
                made.default = "allow" if result == 0 else "deny"
                assert reading.status() == result

    own_filesystem(body, tmp_path, "ext4")


@support.needs_loop
@needs(kernel=(6, 8), when="btrfs" in support.FILESYSTEMS, reason="needs btrfs")
@pytest.mark.defect("F10")
def test_a_subvolume(tmp_path):
    """The error for a subvolume of btrfs says which mark can be had."""

    def body(path):
        fd = os.open(path, os.O_RDONLY)
        fcntl.ioctl(fd, 0x5000940E, bytearray(struct.pack("q4088s", 0, b"volume")))  # BTRFS_IOC_SUBVOL_CREATE
        os.close(fd)
        with Fanotify(FAN_REPORT_FID) as made:
            made.watch("volume", FAN_OPEN)
            made.watch("volume", FAN_OPEN, FAN_MARK_FILESYSTEM)

    with pytest.raises(OSError, match=r"in a subvolume .* FAN_MARK_INODE can be had") as caught:
        own_filesystem(body, tmp_path, "btrfs")
    assert caught.value.errno == errno.EXDEV


@admin
def test_writing_through_the_descriptor_of_an_event(file):
    """It is open as event_flags say, and its use makes no events."""
    with Fanotify(FAN_NONBLOCK, os.O_RDWR) as made:
        made.watch(file, FAN_OPEN | FAN_MODIFY)
        use(file)
        with made.read_event() as event:
            os.write(event.fileno(), b"new")
        assert made.read_events() == []
    assert file.read_text() == "newt"


@admin
@needs(kernel=(4, 20))
def test_threads(file):
    """With FAN_REPORT_TID the number is that of the thread."""
    found = []

    def thread():
        found.append(threading.get_native_id())
        use(file)

    with Fanotify(FAN_REPORT_TID | FAN_NONBLOCK) as made:
        made.watch(file, FAN_OPEN)
        other = threading.Thread(target=thread)
        other.start()
        other.join()
        with made.read_event() as event:
            assert event.pid == found[0] != os.getpid()


# paths


@admin
def test_the_path_of_a_descriptor(file):
    """It is the file's own, and there is none once it was deleted."""
    with Fanotify() as made:
        with read_one(made, file) as event:
            assert event.path == made.path(event) == str(file)
            assert event.old_path is None
            moved = file.rename(file.with_name("moved"))
            assert event.path == str(moved)
            moved.unlink()
            with pytest.raises(UnknownPath, match="was deleted") as caught:
                event.path  # noqa: B018
            assert caught.value.reason == "deleted"
        with pytest.raises(ValueError, match="closed file"):
            event.path  # noqa: B018


@needs(kernel=(5, 17))
@pytest.mark.parametrize("plain", [False, True])
def test_paths_of_names(public_path, plain):
    """A name has the path that its directory has by now, without privileges too."""
    top = public_path / "top"
    (top / "below").mkdir(parents=True)
    for path in public_path, top, top / "below":
        path.chmod(0o777)

    def body():
        if plain:
            support.become_nobody()
        with Fanotify(FAN_REPORT_DFID_NAME | FAN_NONBLOCK) as made:
            for path in public_path, top, top / "below":
                made.watch(path, FAN_CREATE | FAN_RENAME | FAN_ONDIR)
            (top / "below/file").touch()
            created = made.read_event()
            assert created.path == str(top / "below/file")
            os.rename(top / "below/file", top / "other")
            renamed = made.read_event()
            assert (renamed.old_path, renamed.path) == (str(top / "below/file"), str(top / "other"))
            os.rename(top, public_path / "up")
            assert made.read_event().path == str(public_path / "up")
            assert created.path == str(public_path / "up/below/file")
            assert renamed.old_path == str(public_path / "up/below/file")
            assert made.path(renamed) == str(public_path / "up/other")

    in_child(body)


@admin
@needs(kernel=(5, 13))
def test_paths_below_a_filesystem(tmp_path):
    """One mark on a filesystem is enough for the paths of all that is in it."""

    def body(path):
        os.makedirs("a/b/c")
        with Fanotify(FAN_REPORT_DFID_NAME | FAN_REPORT_FID) as made:
            made.watch(path, FAN_CREATE | FAN_MODIFY | FAN_DELETE_SELF | FAN_ONDIR, FAN_MARK_FILESYSTEM)
            Path("a/b/c/file").write_text("text")
            created = made.read_event()
            assert created.path == f"{path}/a/b/c/file"
            os.rename("a", "z")
            assert created.path == f"{path}/z/b/c/file"
            os.unlink("z/b/c/file")
            os.rmdir("z/b/c")
            with pytest.raises(UnknownPath):
                created.path  # noqa: B018

    own_filesystem(body, tmp_path, "tmpfs")


@needs(kernel=(5, 9))
@pytest.mark.parametrize("flags", [FAN_REPORT_FID, FAN_REPORT_DIR_FID])
def test_paths_without_names(tmp_path, flags):
    """Without names the path is that of the file, or of its directory."""
    with Fanotify(flags) as made:
        made.watch(tmp_path, FAN_CREATE)
        (tmp_path / "file").touch()
        event = made.read_event()
        assert (event.name, event.filename, event.path) == (None, None, str(tmp_path))


def test_events_without_a_path():
    """An overflow has none, and a hand-made event cannot know it."""
    assert FanotifyEvent(3, FAN_Q_OVERFLOW, FAN_NOFD, 0).path is None
    info = struct.pack("=BBHiiIi", FAN_EVENT_INFO_TYPE_DFID_NAME, 0, 24, 1, 2, 0, 1) + b"abc\0"
    event = FanotifyEvent(3, FAN_CREATE, FAN_NOFD, 0, info)
    assert event.name == "abc"
    with pytest.raises(UnknownPath, match="was not read by a Fanotify object"):
        event.path  # noqa: B018


# permission events


@admin
@pytest.mark.defect("F9")
def test_answers(file):
    """The task goes on, or its call fails, as the answer says."""
    with Fanotify(FAN_CLASS_CONTENT) as made:
        made.watch(file, FAN_OPEN_PERM)
        for answer, result in (FanotifyEvent.allow, 0), (FanotifyEvent.deny, errno.EPERM):
            task = Task(lambda: use(file))
            with made.read_event() as event:
                assert (event.pid, event.filename) == (task.pid, str(file))
                assert event.open_perm_event
                assert event.permission_event
                answer(event)
            assert task.status() == result


@admin
def test_an_event_is_answered_once(file):
    """A second answer raises, and so does one after close()."""
    with Fanotify(FAN_CLASS_CONTENT) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            event.allow()
            for answer in event.allow, event.deny:
                with pytest.raises(ValueError, match="it was answered"):
                    answer()
        assert task.status() == 0
        with pytest.raises(ValueError, match="it was closed"):
            event.deny()


@pytest.mark.parametrize(
    ("mask", "words"), [(FAN_OPEN, "is not a permission event"), (FAN_OPEN_PERM, "was not read by a Fanotify")]
)
def test_events_without_a_task(mask, words):
    """Only a permission event that an object read can be answered."""
    with pytest.raises(ValueError, match=words):
        FanotifyEvent(3, mask, FAN_NOFD, 0).allow()


def forgotten(event):
    with pytest.warns(ResourceWarning, match="unclosed"):
        support.forget(event)


def closed(event):
    event.pop().close()


def raising(event):
    with pytest.raises(ZeroDivisionError), event.pop() as event:
        event.pid / 0


def handed_over(event):
    number = event[0].fd
    support.forget(event)
    os.close(number)


@admin
@pytest.mark.parametrize(("default", "result"), [("allow", 0), ("deny", errno.EPERM)])
@pytest.mark.parametrize("end", [forgotten, closed, raising, handed_over])
def test_an_event_without_an_answer(file, end, default, result):
    """An event that is dropped, or whose handler raises, gets the object's default."""
    with Fanotify(FAN_CLASS_CONTENT, default=default) as made:
        assert made.default == default
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        end([made.read_event()])
        assert task.status() == result


@needs(kernel=(6, 13))
@admin
@pytest.mark.parametrize(("default", "result"), [("allow", 0), ("deny", errno.EPERM)])
@pytest.mark.parametrize("end", ["close", "forget"])
def test_the_end_of_an_object(file, default, result, end):
    """All that wait get the default: taken, in the batch, in the queue."""
    objects = [Fanotify(FAN_CLASS_CONTENT, default=default)]
    paths = [file.with_name(str(number)) for number in range(6)]
    for path in paths:
        path.touch()
        objects[0].watch(path, FAN_OPEN_PERM)
    tasks = [Task(lambda path=path: use(path)) for path in paths[:3]]
    wait_for_size(objects[0], 3)
    event = objects[0].read_event()
    assert objects[0].pending == 2
    tasks += [Task(lambda path=path: use(path)) for path in paths[3:]]
    wait_for_size(objects[0], 3)
    if end == "close":
        objects[0].close()
    else:
        with pytest.warns(ResourceWarning, match="unclosed <Fanotify"):
            support.forget(objects)
    assert [task.status() for task in tasks] == [result] * 6
    with pytest.raises(ValueError, match="its object is closed"):
        event.allow()
    event.close()


def wait_for_size(made, count):
    """Wait until so many events wait in the kernel."""
    deadline = time.monotonic() + 30
    while get_buffered_length(made) < 24 * count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@needs(kernel=(4, 20))
@admin
def test_a_full_queue(tmp_path):
    """While the queue is full the kernel allows, whatever the default is."""

    def body(_):
        Path("guarded").touch()
        with Fanotify(FAN_CLASS_CONTENT | FAN_NONBLOCK, default="deny") as made:
            made.watch("guarded", FAN_OPEN_PERM)
            task = Task(lambda: use("guarded"))
            made.wait().close()
            assert task.status() == errno.EPERM
            made.watch(".", FAN_OPEN, FAN_MARK_FILESYSTEM)
            # each event is of another file, or the kernel would merge them
            for number in range(sysctl("fs.fanotify.max_queued_events")):
                use(str(number), os.O_CREAT)
            task = Task(lambda: use("guarded"))
            assert task.status() == 0
            while events := made.read_events():
                close_events(events)
                last = events[-1]
            assert last.overflow_event

    own_filesystem(body, tmp_path, "tmpfs")


@admin
def test_a_forked_child_does_not_answer(file):
    """The child has its copies closed, and the parent still answers."""
    with Fanotify(FAN_CLASS_CONTENT, default="deny") as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:

            def body():
                assert made.closed()
                with pytest.raises(ValueError, match="another process"):
                    event.allow()
                event.close()
                gc.collect()

            in_child(body)
            event.allow()
        assert task.status() == 0


@admin
def test_the_death_of_a_listener(file, pipe, pipe2):
    """If the listener is killed the kernel allows, though a child of it lives on."""

    def listen():
        made = Fanotify(FAN_CLASS_CONTENT, default="deny")
        made.watch(file, FAN_OPEN_PERM)
        os.write(pipe[1], b"r")
        event = made.read_event()
        if not os.fork():
            os.close(pipe2[1])
            os.read(pipe2[0], 1)  # until the test has ended
            os._exit(event.pid > 0)
        os.kill(os.getpid(), signal.SIGKILL)

    listener = Task(listen)
    os.read(pipe[0], 1)
    task = Task(lambda: use(file))
    assert listener.status() == -signal.SIGKILL
    assert task.status() == 0


@admin
def test_the_own_process_is_excluded(file):
    """The thread that reads answers for the others of its process by itself."""
    with Fanotify(FAN_CLASS_CONTENT, default="deny", exclude_self=True) as made:
        made.watch(file, FAN_OPEN_PERM)
        read = []
        thread = threading.Thread(target=lambda: read.append(made.read_event()))
        thread.start()
        use(file)
        task = Task(lambda: use(file))
        thread.join(30)
        with read.pop() as event:
            assert event.pid == task.pid
            event.allow()
        assert task.status() == 0


@admin
@needs(kernel=(6, 13))
def test_an_own_question_about_a_file_that_cannot_be_opened(file):
    """The kernel has denied it, so it is left out as any other."""

    def body():
        with Fanotify(FAN_CLASS_CONTENT | FAN_NONBLOCK, exclude_self=True) as made:
            made.watch(file, FAN_OPEN_PERM)
            failed = []

            def ask():
                with pytest.raises(PermissionError):
                    use(file)
                failed.append(file)

            thread = threading.Thread(target=ask)
            thread.start()
            wait_for_size(made, 1)
            support.allow_descriptors(0)
            assert made.read_events() == []
            thread.join()
            assert failed == [file]

    in_child(body)


@admin
@needs(kernel=(4, 20))
@pytest.mark.parametrize("flags", [0, FAN_REPORT_TID])
def test_the_own_events_are_left_out(file, flags):
    """Without permission events too, and where the number is that of a thread."""
    with Fanotify(FAN_NONBLOCK | flags, exclude_self=True) as made:
        made.watch(file, FAN_OPEN)
        use(file)
        assert made.read_events() == []
        task = Task(lambda: use(file))
        assert task.status() == 0
        with made.read_event() as event:
            assert event.pid == task.pid


@admin
def test_threads_that_answer_one_event(file):
    """Of two threads that answer at once, one answers and the other is told."""
    with Fanotify(FAN_CLASS_CONTENT) as made:
        made.watch(file, FAN_OPEN_PERM)
        for _ in range(50):
            task = Task(lambda: use(file))
            barrier, refused = threading.Barrier(2), []

            def answer(event, barrier=barrier, refused=refused):
                barrier.wait()
                try:
                    event.allow()
                except ValueError:
                    refused.append(event)

            with made.read_event() as event:
                threads = [threading.Thread(target=answer, args=(event,)) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            assert len(refused) == 1
            assert task.status() == 0


@admin
def test_a_descriptor_that_is_closed_before_the_answer(file):
    """The event gets the default, and the answer to the next reaches its own task."""
    with Fanotify(FAN_CLASS_CONTENT, default="deny") as made:
        made.watch(file, FAN_OPEN_PERM)
        first = Task(lambda: use(file))
        old = made.read_event()
        os.close(old.fd)
        second = Task(lambda: use(file))
        with made.read_event() as new:
            assert new.fileno() == old[2]
            assert first.status() == errno.EPERM
            with pytest.raises(ValueError, match="it was answered"):
                old.allow()
            new.allow()
            assert second.status() == 0


@admin
def test_a_descriptor_that_is_closed_during_the_next_read(file, monkeypatch):
    """The older of two events with one number gets the default, before any answer."""
    # as if another thread closed it after this
    monkeypatch.setattr(Answers, "end_closed", lambda _: None)
    with Fanotify(FAN_CLASS_CONTENT, default="deny") as made:
        made.watch(file, FAN_OPEN_PERM)
        first = Task(lambda: use(file))
        old = made.read_event()
        os.close(old.fd)
        second = Task(lambda: use(file))
        with made.read_event() as new:
            assert new.fileno() == old[2]
            new.allow()
            assert (first.status(), second.status()) == (errno.EPERM, 0)


@admin
def test_the_end_of_an_object_in_the_middle_of_an_answer(file, monkeypatch):
    """An answer that close() overtakes is the default, and its thread is told."""
    made = Fanotify(FAN_CLASS_CONTENT, default="deny")
    made.watch(file, FAN_OPEN_PERM)
    task = Task(lambda: use(file))
    event = made.read_event()
    give = Answers._write

    def overtaken(self, *arguments):
        monkeypatch.setattr(Answers, "_write", give)
        made.close()
        give(self, *arguments)

    monkeypatch.setattr(Answers, "_write", overtaken)
    with pytest.raises(ValueError, match="its object is closed"):
        event.allow()
    assert task.status() == errno.EPERM
    event.close()


@admin
def test_a_number_that_another_event_has(file):
    """The default of an event whose descriptor the program closed is not another's."""
    with Fanotify(FAN_CLASS_CONTENT, default="allow") as made:
        made.watch(file, FAN_OPEN_PERM)
        first = Task(lambda: use(file))
        answered = [made.read_event()]
        number = answered[0].fd
        os.write(made.fileno(), struct.pack("iI", number, FAN_DENY))
        os.close(number)
        second = Task(lambda: use(file))
        with made.read_event() as event:
            assert event.fileno() == number
            support.forget(answered)
            event.deny()
        assert (first.status(), second.status()) == (errno.EPERM, errno.EPERM)


@admin
@needs(kernel=(6, 14))
@pytest.mark.parametrize("number", DENY_ERRNOS, ids=errno.errorcode.get)
def test_deny_with_an_errno(file, number):
    """In the pre-content class the task gets the errno that the answer has."""
    with Fanotify(FAN_CLASS_PRE_CONTENT) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            event.deny(number)
        assert task.status() == number


@admin
@needs(kernel=(6, 14))
def test_an_answer_that_is_written_by_hand(file):
    """FAN_DENY_ERRNO makes the answer that a program writes by itself."""
    with Fanotify(FAN_CLASS_PRE_CONTENT) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            os.write(made.fileno(), struct.pack("iI", event.fileno(), fanotify.FAN_DENY_ERRNO(errno.EBUSY)))
            assert task.status() == errno.EBUSY
    for wrong in -1, 256:
        with pytest.raises(ValueError, match=r"err is .* must be 0 to 255"):
            fanotify.FAN_DENY_ERRNO(wrong)


@admin
@pytest.mark.parametrize(
    ("flags", "answer", "words"),
    [
        (FAN_CLASS_CONTENT, lambda event: event.deny(errno.EIO), "only a group of FAN_CLASS_PRE_CONTENT"),
        (FAN_CLASS_PRE_CONTENT, lambda event: event.deny(errno.EACCES), "one of EPERM, .* not with EACCES"),
        (FAN_CLASS_PRE_CONTENT, lambda event: event.deny(0), "not with 0"),
        (FAN_CLASS_CONTENT, lambda event: event.deny(2**40), "errno is 1099511627776"),
        (FAN_CLASS_CONTENT, lambda event: event.allow(audit=True), "FAN_ENABLE_AUDIT"),
        (FAN_CLASS_CONTENT, lambda event: event.deny(audit=AuditRule(1)), "FAN_ENABLE_AUDIT"),
    ],
)
def test_answers_that_the_kernel_would_refuse(file, flags, answer, words):
    """They raise before they are written, and the event still waits for another."""
    with Fanotify(flags) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            with pytest.raises(ValueError, match=words):
                answer(event)
            event.allow()
        assert task.status() == 0


@admin
def test_a_refused_answer_can_be_repeated(file):
    """An adopted descriptor may be without audit: the kernel refuses, then accepts."""
    with Fanotify.adopt(fanotify_init(FAN_CLASS_CONTENT)) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            with pytest.raises(InvalidArgument, match="the task still waits"):
                event.deny(audit=True)
            event.deny()
        assert task.status() == errno.EPERM


@needs("CAP_SYS_ADMIN", "CAP_AUDIT_WRITE", kernel=(6, 3))
@pytest.mark.parametrize("audit", [True, AuditRule(7), AuditRule(7, 0, 1)])
def test_audited_answers(file, audit):
    """A group with FAN_ENABLE_AUDIT takes answers with an audit record."""
    with Fanotify(FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT) as made:
        made.watch(file, FAN_OPEN_PERM)
        for answer, result in (FanotifyEvent.allow, 0), (FanotifyEvent.deny, errno.EPERM):
            task = Task(lambda: use(file))
            with made.read_event() as event:
                answer(event, audit=audit)
            assert task.status() == result


@needs(kernel=(4, 15))
@admin
@pytest.mark.parametrize(
    ("audit", "error", "words"),
    [
        (None, TypeError, "audit must be a bool or an AuditRule, not NoneType"),
        (5, TypeError, "audit must be a bool or an AuditRule, not int"),
        (AuditRule("x"), TypeError, "number of an AuditRule must be"),
        (AuditRule(-1), ValueError, "number of an AuditRule"),
        (AuditRule(1, 1 << 32), ValueError, "subject_trust of an AuditRule"),
    ],
)
def test_other_audits(file, audit, error, words):
    """An audit is refused before it is written unless it has three numbers."""
    with Fanotify(FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT) as made:
        made.watch(file, FAN_OPEN_PERM)
        task = Task(lambda: use(file))
        with made.read_event() as event:
            with pytest.raises(error, match=words):
                event.deny(audit=audit)
            for number in 5.0, [1]:
                with pytest.raises(TypeError, match="errno must be an int"):
                    event.deny(number)
            event.allow()
        assert task.status() == 0


@needs(kernel=(5, 1))
@pytest.mark.parametrize("default", ["ask", 1, None, []])
def test_other_defaults(default):
    """The default is one of two words, also when it is set later."""
    with pytest.raises(ValueError, match="'allow' or 'deny'"):
        Fanotify(FAN_REPORT_FID, default=default)
    with Fanotify(FAN_REPORT_FID) as made:
        with pytest.raises(ValueError, match="'allow' or 'deny'"):
            made.default = default
        assert made.default == "allow"


# constants


@pytest.mark.defect("F8")
@pytest.mark.parametrize("module", [fanotify, fanotify_constants, _fanotify])
def test_modify_dir(module):
    """FAN_MODIFY_DIR is still importable, warns, and is in nothing else."""
    with pytest.warns(DeprecationWarning, match="FAN_OPEN_EXEC_PERM"):
        assert module.FAN_MODIFY_DIR == 0x40000
    brought = {}
    exec(f"from {module.__name__} import *", brought)
    assert "FAN_MODIFY_DIR" not in brought
    assert brought["FAN_OPEN"] == FAN_OPEN
    assert not FAN_ALL_EVENTS & 0x40000
    with pytest.raises(AttributeError, match="FAN_MODIFY_DIRS"):
        module.FAN_MODIFY_DIRS  # noqa: B018


def test_constants_of_the_older_module():
    """butter.fanotify_constants has every constant, and the modes of descriptors."""
    names = {name for name in fanotify.__all__ if re.match("FAN[A-Z]*_|O_", name)} - {"FAN_DENY_ERRNO"}
    assert {"FAN_OPEN", "FANOTIFY_METADATA_VERSION", "O_RDONLY", "O_WRONLY", "O_RDWR"} <= names
    assert names == {name for name in vars(fanotify_constants) if re.match("FAN[A-Z]*_|O_", name)}
    assert all(getattr(fanotify, name) == getattr(fanotify_constants, name) for name in names)
