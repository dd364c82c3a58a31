"""The cases of fanotify: one test for each, named after it."""

import ctypes
import errno
import os
import random
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
import support
from support import FILESYSTEMS, drain, in_child, libc, needs, own_filesystem, raw_mount

from butter.errors import InvalidArgument
from butter.fanotify import (
    FAN_ACCESS,
    FAN_ACCESS_PERM,
    FAN_ALL_EVENTS,
    FAN_ATTRIB,
    FAN_CLASS_CONTENT,
    FAN_CLASS_NOTIF,
    FAN_CLASS_PRE_CONTENT,
    FAN_CLOEXEC,
    FAN_CLOSE,
    FAN_CLOSE_NOWRITE,
    FAN_CLOSE_WRITE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_EVENT_ON_CHILD,
    FAN_FS_ERROR,
    FAN_MARK_ADD,
    FAN_MARK_DONT_FOLLOW,
    FAN_MARK_EVICTABLE,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_IGNORE,
    FAN_MARK_IGNORE_SURV,
    FAN_MARK_IGNORED_MASK,
    FAN_MARK_IGNORED_SURV_MODIFY,
    FAN_MARK_INODE,
    FAN_MARK_MOUNT,
    FAN_MARK_ONLYDIR,
    FAN_MODIFY,
    FAN_MOVE,
    FAN_MOVE_SELF,
    FAN_MOVED_FROM,
    FAN_MOVED_TO,
    FAN_NOFD,
    FAN_NONBLOCK,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_EXEC,
    FAN_OPEN_EXEC_PERM,
    FAN_OPEN_PERM,
    FAN_PRE_ACCESS,
    FAN_Q_OVERFLOW,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_DFID_NAME_TARGET,
    FAN_REPORT_DIR_FID,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_FID,
    FAN_REPORT_NAME,
    FAN_REPORT_PIDFD,
    FAN_REPORT_TARGET_FID,
    FAN_REPORT_TID,
    FAN_UNLIMITED_MARKS,
    FAN_UNLIMITED_QUEUE,
    Fanotify,
    FileHandle,
    close_events,
    fanotify_init,
    fanotify_mark,
)

DROP_CACHES = Path("/proc/sys/vm/drop_caches")

admin = needs("CAP_SYS_ADMIN")
# what is not tmpfs is in a file, which needs a loop device
every_filesystem = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == "tmpfs" else support.needs_loop) for kind in FILESYSTEMS]
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken(made):
    """The masks of all events that wait, which are closed."""
    events = drain(made)
    close_events(events)
    return [event.mask for event in events]


def paths(made):
    """The mask and the path of all events that wait, which are closed."""
    found = []
    for event in drain(made):
        with event:
            found.append((event.mask, event.filename))
    return found


def use(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags))


def change(path):
    with open(path, "r+b", buffering=0) as file:
        file.write(b"new")


def handle_of(path):
    """The FileHandle of a path, by the calls of the C library."""
    found = ctypes.create_string_buffer(8 + 128)
    mount = ctypes.c_int()
    for flags in 0, 0x200:  # AT_HANDLE_FID, for handles that cannot be opened
        ctypes.c_uint32.from_buffer(found).value = 128
        if not libc.name_to_handle_at(-100, os.fsencode(path), found, ctypes.byref(mount), flags):
            break
    else:
        raise OSError(ctypes.get_errno(), "name_to_handle_at")
    size, kind = ctypes.c_uint32.from_buffer(found).value, ctypes.c_int32.from_buffer(found, 4).value
    fsid = os.statvfs(path).f_fsid
    halves = tuple(ctypes.c_int32(half & 0xFFFFFFFF).value for half in (fsid, fsid >> 32))
    return FileHandle(halves, kind, found.raw[8 : 8 + size])


def exits(body, *args):
    """Run *body* in a child of the process, and return its number."""
    pid = os.fork()
    if not pid:
        try:
            body(*args)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    return pid


@admin
def test_fanotify02(here):
    """A directory has the events of its files, until its mark loses that bit."""
    with Fanotify(FAN_NONBLOCK) as made:
        mask = FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_EVENT_ON_CHILD | FAN_ONDIR
        made.watch(".", mask)
        with open("child", "wb", buffering=0) as file:
            file.write(b"content")
        assert taken(made) == [FAN_OPEN | FAN_MODIFY | FAN_CLOSE_WRITE]
        with open("child", "rb", buffering=0) as file:
            file.read()
            assert taken(made) == [FAN_OPEN | FAN_ACCESS]
        assert taken(made) == [FAN_CLOSE_NOWRITE]
        made.del_watch(".", FAN_EVENT_ON_CHILD)
        use("child")
        use(".", os.O_DIRECTORY)
        events = drain(made)
        assert [(event.mask, event.pid) for event in events] == [(FAN_OPEN | FAN_CLOSE_NOWRITE, os.getpid())]
        close_events(events)


@admin
@pytest.mark.defect("F10")
def test_fanotify04(here):
    """FAN_MARK_ONLYDIR, FAN_MARK_DONT_FOLLOW and a flush do what they say."""
    Path("file").touch()
    os.symlink("file", "link")
    os.mkdir("directory")
    with Fanotify(FAN_NONBLOCK) as made:
        made.watch(".", FAN_OPEN, FAN_MARK_ONLYDIR)
        with pytest.raises(NotADirectoryError, match="FAN_MARK_ONLYDIR"):
            made.watch("file", FAN_OPEN, FAN_MARK_ONLYDIR)
        made.flush()
        made.watch("link", FAN_OPEN, FAN_MARK_DONT_FOLLOW)
        use("link")
        assert drain(made) == []
        made.flush()
        made.watch("link", FAN_OPEN)
        use("link")
        assert paths(made) == [(FAN_OPEN, str(here / "file"))]
        made.flush()
        for path, flags, kind in ("file", 0, stat.S_ISREG), ("directory", FAN_ONDIR, stat.S_ISDIR):
            made.watch(path, FAN_OPEN | flags)
            use(path)
            with made.read_event() as event:
                assert kind(os.fstat(event.fileno()).st_mode)
            made.flush()
            use(path)
            assert drain(made) == []


@admin
@pytest.mark.parametrize(
    ("flags", "number"),
    [
        (0, FAN_NOFD),
        pytest.param(FAN_REPORT_FD_ERROR, FAN_NOFD, marks=needs(kernel=(6, 13))),
        (FAN_UNLIMITED_QUEUE, None),
    ],
)
@pytest.mark.defect("F7")
def test_fanotify05(tmp_path, flags, number):
    """A full queue says so once, in an event without a descriptor, unless unlimited."""

    def body(path):
        most = int(Path("/proc/sys/fs/fanotify/max_queued_events").read_text())
        with Fanotify(FAN_NONBLOCK | flags) as made:
            made.watch(path, FAN_OPEN, FAN_MARK_MOUNT)
            for name in range(most + 1):
                use(str(name), os.O_CREAT)
            for name in range(10):
                use(str(name))
            count, names, overflows = 0, [], []
            while events := made.read_events():
                overflows += [(event.mask, event.fd) for event in events if event.queue_overflow_event]
                # the name of one in each read, because it takes as long as the read
                names.append((count, int(os.path.basename(events[0].filename or "-1"))))
                count += sum(event.mask == FAN_OPEN for event in events)
                close_events(events)
        assert overflows == ([] if number is None else [(FAN_Q_OVERFLOW, number)])
        # later opens of a file may be merged with the first
        assert count == most if overflows else count > most
        assert [name for place, name in names if place < most] == [place for place, name in names if place < most]

    own_filesystem(body, tmp_path, "tmpfs")


@admin
def test_fanotify07(here):
    """The close of a group lets those go on that wait, whatever was answered before."""
    Path("file").write_bytes(b"content")

    def read_for_ever():
        with open("file", "rb", buffering=0) as file:
            while True:
                file.seek(0)
                file.read(1)

    tasks = []
    with Fanotify(FAN_CLASS_CONTENT) as made:
        made.watch("file", FAN_ACCESS_PERM)
        for _ in range(16):
            tasks.append(os.fork())
            if not tasks[-1]:
                try:
                    read_for_ever()
                finally:
                    os._exit(99)
        unanswered, source = [], random.Random(7)
        while len(unanswered) < 4:
            event = made.read_event()
            assert event.mask == FAN_ACCESS_PERM
            if source.random() < 0.05:
                unanswered.append(event)
                continue
            with event:
                event.allow()
        with Fanotify(FAN_CLASS_CONTENT) as second:
            second.watch("file", FAN_ACCESS_PERM)
        close_events(unanswered[:2])
    close_events(unanswered)
    for task in tasks:
        os.kill(task, signal.SIGKILL)
    assert {os.waitpid(task, 0)[1] for task in tasks} == {signal.SIGKILL}


@needs(kernel=(5, 1))
@pytest.mark.parametrize(("flags", "inheritable"), [(0, True), (FAN_CLOEXEC, False)])
def test_fanotify08(flags, inheritable):
    """FAN_CLOEXEC alone decides whether programs inherit the descriptor."""
    fd = fanotify_init(FAN_REPORT_FID | flags, closefd=False)
    assert os.get_inheritable(fd) == inheritable
    os.close(fd)


# the type of the mark, FAN_ONDIR, how the directory is ignored, the path, the events of
# the first group, and whether the others have FAN_CLOSE_NOWRITE
FANOTIFY09 = [
    (FAN_MARK_MOUNT, 0, None, "testdir", 1, False),
    (FAN_MARK_MOUNT, FAN_ONDIR, None, "testdir", 2, False),
    (FAN_MARK_MOUNT, FAN_ONDIR, None, ".", 2, False),
    (FAN_MARK_INODE, FAN_ONDIR, None, "testdir", 2, False),
    (FAN_MARK_MOUNT, 0, None, "testfile", 2, True),
    (FAN_MARK_MOUNT, 0, (FAN_MARK_IGNORED_MASK, 0), "testdir", 1, False),
    (FAN_MARK_MOUNT, 0, (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, 0), "testfile", 2, True),
    (FAN_MARK_MOUNT, FAN_ONDIR, (FAN_MARK_IGNORE_SURV, 0), ".", 2, True),
    (FAN_MARK_MOUNT, FAN_ONDIR, (FAN_MARK_IGNORE_SURV, FAN_ONDIR), ".", 2, False),
    (FAN_MARK_MOUNT, 0, (FAN_MARK_IGNORE_SURV, 0), "testfile", 2, True),
    (FAN_MARK_MOUNT, 0, (FAN_MARK_IGNORE_SURV, FAN_EVENT_ON_CHILD), "testfile", 2, False),
    (FAN_MARK_MOUNT, FAN_ONDIR, (FAN_MARK_IGNORE_SURV, FAN_ONDIR), "testdir", 2, True),
    (FAN_MARK_MOUNT, FAN_ONDIR, (FAN_MARK_IGNORE_SURV, FAN_EVENT_ON_CHILD), "testdir", 2, True),
    (FAN_MARK_MOUNT, FAN_ONDIR, (FAN_MARK_IGNORE_SURV, FAN_EVENT_ON_CHILD | FAN_ONDIR), "testdir", 2, False),
]


@admin
@needs(kernel=(6, 0))
@pytest.mark.parametrize(("kind", "ondir", "ignored", "path", "count", "others"), FANOTIFY09)
def test_fanotify09(tmp_path, kind, ondir, ignored, path, count, others):
    """Groups with two marks have the events of both, but for those that they ignore."""

    def body(_):
        os.mkdir("testdir")
        Path("tfile").touch()
        Path("testfile").touch()
        groups = [Fanotify(FAN_NONBLOCK) for _ in range(3)]
        for number, made in enumerate(groups):
            on_child = FAN_EVENT_ON_CHILD if number == 0 or ignored else 0
            directory = ondir if number == 0 or ignored else 0
            made.watch(path, FAN_CLOSE_NOWRITE | directory | on_child, kind)
            if number and ignored:
                made.ignore(".", FAN_CLOSE_NOWRITE | ignored[1], ignored[0])
            else:
                made.watch(".", FAN_MODIFY | ondir | (FAN_EVENT_ON_CHILD if number == 0 else 0))
        change("tfile")
        use(path)
        seen = [taken(made) for made in groups]
        assert seen[0] == [FAN_MODIFY, FAN_CLOSE_NOWRITE][:count]
        assert seen[1:] == [[FAN_CLOSE_NOWRITE] if others else []] * 2
        for made in groups[1:]:
            info = Path(f"/proc/self/fdinfo/{made.fileno()}").read_text()
            assert not ignored or re.search(r"ignored_mask:\w*10\b", info)
        for made in groups:
            made.close()

    own_filesystem(body, tmp_path, "tmpfs")


# the mark, the ignoring mark and its flags, the path, and what both see
EXEC, BOTH = FAN_OPEN_EXEC, FAN_OPEN | FAN_OPEN_EXEC
FANOTIFY10 = [
    ("mount M", "inode M2/d/f", 0, "M/d/f", 0, FAN_OPEN),
    ("mount M", "inode M2/x", 0, "M/x", EXEC, BOTH),
    ("mount M", "inode M/d/f", 0, "M/d/f2", FAN_OPEN, FAN_OPEN),
    ("mount M", "inode M/x", 0, "M/x2", BOTH, BOTH),
    ("inode M/d/f", "mount M2", 0, "M2/d/f", 0, FAN_OPEN),
    ("inode M/x", "mount M2", 0, "M2/x", EXEC, BOTH),
    ("inode M2/d/f", "mount M2", 0, "M/d/f", FAN_OPEN, FAN_OPEN),
    ("inode M2/x", "mount M2", 0, "M/x", BOTH, BOTH),
    ("filesystem M", "inode M/d/f", 0, "M/d/f", 0, FAN_OPEN),
    ("filesystem M", "inode M/x", 0, "M/x", EXEC, BOTH),
    ("filesystem M", "inode M/d/f", 0, "M/d/f2", FAN_OPEN, FAN_OPEN),
    ("filesystem M", "inode M/x", 0, "M/x2", BOTH, BOTH),
    ("filesystem M", "mount M2", 0, "M2/d/f", 0, FAN_OPEN),
    ("filesystem M", "mount M2", 0, "M2/x", EXEC, BOTH),
    ("filesystem M", "mount M2", 0, "M/d/f", FAN_OPEN, FAN_OPEN),
    ("filesystem M", "mount M2", 0, "M/x", BOTH, BOTH),
    ("inode M", "mount M", 0, "M/x", EXEC, BOTH),
    ("inode M/d", "inode M/d", FAN_EVENT_ON_CHILD, "M/d/f", 0, FAN_OPEN),
    ("inode M/d/f", "inode M/d", FAN_EVENT_ON_CHILD, "M/d/f", 0, FAN_OPEN),
    ("inode M/d/f", "inode M/d", 0, "M/d/f", FAN_OPEN, FAN_OPEN),
    ("mount M", "inode M/d", FAN_EVENT_ON_CHILD, "M/d/f", 0, FAN_OPEN),
    ("mount M", "inode M/d", 0, "M/d/f", FAN_OPEN, FAN_OPEN),
    ("filesystem M", "inode M/d", FAN_EVENT_ON_CHILD, "M/d/f", 0, FAN_OPEN),
    ("filesystem M", "inode M/d", 0, "M/d/f", FAN_OPEN, FAN_OPEN),
    ("inode M/d/s", "inode M/d", FAN_EVENT_ON_CHILD | FAN_ONDIR, "M/d/s", 0, FAN_OPEN),
    ("inode M/d/s", "inode M/d", FAN_ONDIR, "M/d/s", FAN_OPEN, FAN_OPEN),
    ("inode M/d/s", "inode M/d", FAN_EVENT_ON_CHILD, "M/d/s", FAN_OPEN, FAN_OPEN),
]
TYPES = {"inode": FAN_MARK_INODE, "mount": FAN_MARK_MOUNT, "filesystem": FAN_MARK_FILESYSTEM}
CLASSES = [FAN_CLASS_PRE_CONTENT, FAN_CLASS_CONTENT, FAN_CLASS_NOTIF, FAN_REPORT_DFID_NAME | FAN_REPORT_FID]


@admin
@needs(kernel=(6, 0))
@pytest.mark.parametrize("newer", [False, True])
def test_fanotify10(tmp_path, newer):
    """An event that a group ignores comes to another, whatever the two marks are on."""

    def body(_):
        for mount in "M", "M2":
            os.mkdir(mount)
        raw_mount("tmpfs", "M", "tmpfs")
        raw_mount("M", "M2", None, 0x1000)  # MS_BIND
        os.makedirs("M/d/s")
        for name in "M/d/f", "M/d/f2":
            Path(name).touch()
        for name in "M/x", "M/x2":
            shutil.copy(shutil.which("true"), name)
        groups = {each: Fanotify(each | FAN_NONBLOCK) for each in CLASSES}
        for row in FANOTIFY10:
            if newer or not row[3].endswith("s"):  # the older way is not for directories
                check_fanotify10(groups, row, newer)
        for made in groups.values():
            made.close()

    own_filesystem(body, tmp_path, "tmpfs")


def check_fanotify10(groups, row, newer):
    mark, ignored, flags, path, seen, wanted = row
    asked = BOTH if path.split("/")[-1] in ("x", "x2") else FAN_OPEN
    for each, made in groups.items():
        kind, place = mark.split()
        made.watch(place, asked | FAN_EVENT_ON_CHILD | FAN_ONDIR, TYPES[kind])
        if each != FAN_CLASS_PRE_CONTENT:
            kind, place = ignored.split()
            if newer:
                made.ignore(place, FAN_OPEN | flags, TYPES[kind] | FAN_MARK_IGNORE_SURV)
            else:
                if flags & FAN_EVENT_ON_CHILD:
                    made.watch(place, FAN_MODIFY | FAN_EVENT_ON_CHILD)
                made.ignore(place, FAN_OPEN, TYPES[kind] | FAN_MARK_IGNORED_SURV_MODIFY)
    if asked == BOTH:
        subprocess.run([f"./{path}"], check=True)
    else:
        use(path)
    for each, made in groups.items():
        found = 0
        for event in drain(made):
            with event:
                found |= event.mask & asked
        assert found == (wanted if each == FAN_CLASS_PRE_CONTENT else seen), (row, each)
        made.flush()  # for the next row; a close takes 10 ms


@admin
@needs(kernel=(5, 0))
@pytest.mark.parametrize(
    ("mask", "ignored", "expected"),
    [
        (FAN_OPEN, 0, [FAN_OPEN, FAN_OPEN]),
        (FAN_OPEN_EXEC, 0, [FAN_OPEN_EXEC]),
        (BOTH, 0, [FAN_OPEN, BOTH]),
        (FAN_OPEN, FAN_OPEN_EXEC, [FAN_OPEN, FAN_OPEN]),
        (FAN_OPEN_EXEC, FAN_OPEN, [FAN_OPEN_EXEC]),
        (BOTH, FAN_OPEN_EXEC, [FAN_OPEN, FAN_OPEN]),
    ],
)
def test_fanotify12(here, mask, ignored, expected):
    """FAN_OPEN_EXEC is for a file that is executed, and is ignored by itself."""
    Path("file").touch()
    shutil.copy(shutil.which("true"), "program")
    with Fanotify(FAN_NONBLOCK) as made:
        for path in "file", "program":
            made.watch(path, mask)
            if ignored:
                made.ignore(path, ignored)
        pid = os.fork()
        if not pid:
            try:
                use("file")
                os.execl("program", "program")
            finally:
                os._exit(99)
        assert os.waitpid(pid, 0)[1] == 0
        events = drain(made)
        assert [(event.mask, event.pid) for event in events] == [(each, pid) for each in expected]
        close_events(events)


@admin
@needs(kernel=(5, 13))
@every_filesystem
def test_fanotify13(tmp_path, kind):
    """The handles of events are those that name_to_handle_at returns."""

    def body(path):
        for ondir in 0, FAN_ONDIR:
            check_fanotify13(path, [FAN_MARK_INODE, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM], ondir)

    own_filesystem(body, tmp_path, kind)


def check_fanotify13(path, types, ondir):
    Path("one").touch()
    Path("two").touch()
    os.mkdir("directory")
    names = ["one", "two", "directory"]
    handles = {name: handle_of(name) for name in names}
    with Fanotify(FAN_NONBLOCK) as other, Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        other.watch("one", FAN_CLOSE_WRITE)
        for kind in types:
            for name in names if kind == FAN_MARK_INODE else [path]:
                made.watch(name, FAN_OPEN | FAN_CLOSE_NOWRITE | ondir, kind)
            opened = [os.open(name, os.O_RDONLY) for name in names]
            for fd in opened:
                os.close(fd)
            events = drain(made)
            assert all(event.fd == FAN_NOFD and event.pid == os.getpid() for event in events)
            wanted = [(FAN_OPEN | FAN_CLOSE_NOWRITE, handles[name]) for name in names[:2]]
            if ondir:
                wanted.append((FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_ONDIR, handles["directory"]))
            assert [(event.mask, event.handle) for event in events] == wanted
            made.flush()
        for name in names:
            made.watch(name, FAN_DELETE_SELF | ondir)
        os.unlink("one")
        os.unlink("two")
        os.rmdir("directory")
        found = {(event.mask, event.handle) for event in drain(made)}
        wanted = {(FAN_DELETE_SELF, handles[name]) for name in names[:2]}
        if ondir:
            wanted.add((FAN_DELETE_SELF | FAN_ONDIR, handles["directory"]))
        assert found == wanted
        assert taken(other) == []


@admin
@needs(kernel=(6, 6))
def test_fanotify13_overlay(tmp_path):
    """On overlay files have handles, and the error says which marks need options."""

    def body(path):
        for name in "lower", "upper", "work", "merged":
            os.mkdir(name)
        raw_mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work")
        os.chdir("merged")
        check_fanotify13(".", [FAN_MARK_INODE, FAN_MARK_MOUNT][:1], FAN_ONDIR)
        with Fanotify(FAN_REPORT_FID) as made, pytest.raises(OSError, match="nfs_export=on") as caught:
            made.watch(".", FAN_OPEN, FAN_MARK_FILESYSTEM)
        assert caught.value.errno == errno.EOPNOTSUPP
        os.chdir(path)
        libc.umount2(b"merged", 0)
        data = "lowerdir=lower,upperdir=upper,workdir=work,index=on,nfs_export=on"
        raw_mount("overlay", "merged", "overlay", 0, data)
        os.chdir("merged")
        check_fanotify13(".", [FAN_MARK_INODE, FAN_MARK_FILESYSTEM], FAN_ONDIR)
        os.chdir(path)
        libc.umount2(b"merged", 0)

    own_filesystem(body, tmp_path, "tmpfs")


NAMES = FAN_REPORT_DFID_NAME
ENTRIES = FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_DELETE_SELF | FAN_MOVE_SELF


@admin
@needs(kernel=(6, 14))
@every_filesystem
def test_fanotify14(tmp_path, kind):
    """Groups and marks that do not fit are refused, each with its errno."""
    for flags in (
        FAN_CLASS_CONTENT | FAN_REPORT_FID,
        FAN_CLASS_PRE_CONTENT | FAN_REPORT_FID,
        FAN_REPORT_NAME,
        FAN_REPORT_FID | FAN_REPORT_NAME,
        FAN_REPORT_TARGET_FID | NAMES,
        FAN_REPORT_TARGET_FID | FAN_REPORT_DIR_FID | FAN_REPORT_FID,
    ):
        with pytest.raises(InvalidArgument):
            fanotify_init(flags)
    directories = (FAN_DELETE, FAN_RENAME, FAN_OPEN | FAN_ONDIR, FAN_OPEN | FAN_EVENT_ON_CHILD)
    reading, writing = os.pipe()
    rows = [
        (0, 0, ENTRIES, "directory", errno.EINVAL),
        (FAN_REPORT_FID, FAN_MARK_MOUNT, ENTRIES, "directory", errno.EINVAL),
        (FAN_REPORT_DIR_FID | FAN_REPORT_FID, 0, FAN_RENAME, "directory", errno.EINVAL),
        (0, FAN_MARK_ONLYDIR, FAN_OPEN, "file", errno.ENOTDIR),
        *((FAN_REPORT_DFID_NAME_TARGET, 0, mask, "file", errno.ENOTDIR) for mask in directories),
        *((NAMES, FAN_MARK_IGNORE_SURV, mask, "file", errno.ENOTDIR) for mask in directories),
        (0, FAN_MARK_IGNORE, FAN_OPEN, "directory", errno.EISDIR),
        (0, FAN_MARK_MOUNT | FAN_MARK_IGNORE, FAN_OPEN, "file", errno.EINVAL),
        (0, FAN_MARK_FILESYSTEM | FAN_MARK_IGNORE, FAN_OPEN, "file", errno.EINVAL),
        (0, FAN_MARK_MOUNT, FAN_ACCESS, reading, errno.EINVAL),
        (0, FAN_MARK_FILESYSTEM, FAN_ACCESS, reading, errno.EINVAL),
        (0, 0, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM, "file", errno.EINVAL),
        (0, 0, FAN_PRE_ACCESS, "file", errno.EINVAL),
        (FAN_CLASS_CONTENT, 0, FAN_PRE_ACCESS, "file", errno.EINVAL),
    ]

    def body(_):
        os.mkdir("directory")
        Path("file").touch()
        for group, flags, mask, path, number in rows:
            name, dfd = (None, path) if isinstance(path, int) else (path, -100)
            with Fanotify(group) as made:
                with pytest.raises(OSError, match="fanotify_mark: ") as caught:
                    fanotify_mark(made, name, mask, flags | FAN_MARK_ADD, dfd)
                assert caught.value.errno == number, (group, flags, mask, path)
                if number == errno.ENOTDIR:
                    fanotify_mark(made, "directory", mask, flags | FAN_MARK_ADD)
                    if not flags & FAN_MARK_ONLYDIR:
                        fanotify_mark(made, "file", mask, flags | FAN_MARK_ADD | FAN_MARK_FILESYSTEM)

    own_filesystem(body, tmp_path, kind)
    os.close(reading)
    os.close(writing)


@admin
@needs(kernel=(5, 13))
@every_filesystem
@pytest.mark.parametrize("style", [FAN_MARK_FILESYSTEM, FAN_MARK_INODE])
def test_fanotify15(tmp_path, kind, style):
    """The events of names have the directory's handle, and are merged."""
    entries = FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_MODIFY | FAN_ONDIR

    def check(made, create, rename, delete, extra):
        place = handle_of(".")
        create("one")
        if style == FAN_MARK_INODE:
            made.watch("one", extra | FAN_DELETE_SELF)
        own = handle_of("one")
        if extra & FAN_MODIFY:
            os.truncate("one", 1)
        rename("one", "two")
        delete("two")
        ondir = extra & FAN_ONDIR
        found = {}
        for event in drain(made):
            assert (event.fd, event.pid) == (FAN_NOFD, os.getpid())
            found[event.handle] = found.get(event.handle, 0) | event.mask
        assert found == {
            place: FAN_CREATE | FAN_MOVE | FAN_DELETE | ondir,
            own: FAN_DELETE_SELF | extra,
        }

    def body(path):
        with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
            extra = FAN_DELETE_SELF if style == FAN_MARK_FILESYSTEM else FAN_EVENT_ON_CHILD
            made.watch(path, entries | extra, style)
            check(made, lambda name: Path(name).touch(), os.rename, os.unlink, FAN_MODIFY)
            check(made, os.mkdir, os.rename, os.rmdir, FAN_ONDIR)

    own_filesystem(body, tmp_path, kind)


FANOTIFY16 = [
    (NAMES, 0, False),
    (FAN_REPORT_DIR_FID, 0, False),
    (FAN_REPORT_DIR_FID | FAN_REPORT_FID, 0, False),
    (NAMES | FAN_REPORT_FID, 0, False),
    (FAN_REPORT_DFID_NAME_TARGET, 0, False),
    (NAMES | FAN_REPORT_FID, FAN_RENAME, False),
    (FAN_REPORT_DFID_NAME_TARGET, FAN_RENAME, False),
    (NAMES | FAN_REPORT_FID, FAN_RENAME, True),
]


@admin
@needs(kernel=(5, 17))
@every_filesystem
def test_fanotify16(tmp_path, kind):
    """Events have the directory, the name and the child that their group reports."""

    def body(path):
        # the filesystem makes no difference to the marks of directories
        for style in (FAN_MARK_FILESYSTEM, FAN_MARK_INODE)[: 2 if kind == "tmpfs" else 1]:
            for number, row in enumerate(FANOTIFY16):
                os.mkdir(f"{path}/{style}-{number}")
                os.chdir(f"{path}/{style}-{number}")
                check_fanotify16(style, *row)

    own_filesystem(body, tmp_path, kind)


def check_fanotify16(style, flags, renames, ignoring):
    seen = []

    def take():
        for event in drain(made):
            assert (event.fd, event.pid) == (FAN_NOFD, os.getpid())
            seen.append(event)

    os.mkdir("temp")
    with Fanotify(flags | FAN_NONBLOCK) as made:
        entries = FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_ONDIR | renames
        if style == FAN_MARK_FILESYSTEM:
            made.watch(".", entries, style)
        else:
            made.watch(".", entries)
        if ignoring:
            made.ignore("temp", FAN_MOVE | FAN_RENAME, FAN_MARK_IGNORED_SURV_MODIFY)
        os.mkdir("dir1")
        if style == FAN_MARK_INODE:
            made.watch("dir1", entries | FAN_OPEN | FAN_CLOSE | FAN_EVENT_ON_CHILD)
        outer, inner = handle_of("."), handle_of("dir1")
        with open("dir1/file1", "wb", buffering=0) as file:
            child = handle_of("dir1/file1")
            file.write(b"x")
            os.rename("dir1/file1", "dir1/file2")
        os.unlink("dir1/file2")
        take()
        os.rename("dir1", "temp/dir2")
        os.rename("temp/dir2", "dir3")
        take()
        named, target = flags & FAN_REPORT_NAME, flags & FAN_REPORT_TARGET_FID
        # the directory and name of each kind of event, which merging keeps apart
        found = {}
        for event in seen:
            for bit in (FAN_CREATE, FAN_MOVED_FROM, FAN_MOVED_TO, FAN_DELETE, FAN_RENAME):
                if event.mask & bit:
                    key = bit, bool(event.mask & FAN_ONDIR)
                    found.setdefault(key, []).append(
                        (event.old_dir_handle, event.old_name, event.dir_handle, event.name, event.handle)
                    )
        directory = handle_of("dir3")

        def entry(where, name, what):
            return None, None, where, name if named else None, what if target else None

        assert found[FAN_CREATE, True] == [entry(outer, "dir1", directory)]
        assert found[FAN_CREATE, False] == [entry(inner, "file1", child)]
        assert found[FAN_MOVED_FROM, False] == [entry(inner, "file1", child)]
        assert found[FAN_MOVED_TO, False] == [entry(inner, "file2", child)]
        assert found[FAN_DELETE, False] == [entry(inner, "file2", child)]
        assert entry(outer, "dir1", directory) in found[FAN_MOVED_FROM, True]
        assert entry(outer, "dir3", directory) in found[FAN_MOVED_TO, True]
        if renames:
            assert [row[:4] for row in found[FAN_RENAME, False]] == [(inner, "file1", inner, "file2")]
            assert [row[4] for row in found[FAN_RENAME, False]] == [child if target else None]
            moved = [row[:4] for row in found.get((FAN_RENAME, True), [])]
            temp = handle_of("temp")
            if ignoring:
                assert moved == []
            elif style == FAN_MARK_FILESYSTEM:
                assert moved == [(outer, "dir1", temp, "dir2"), (temp, "dir2", outer, "dir3")]
            else:
                assert moved == [(outer, "dir1", None, None), (None, None, outer, "dir3")]
        if style == FAN_MARK_INODE:
            opened = [event for event in seen if event.mask & FAN_CLOSE_WRITE]
            assert [event.handle for event in opened if event.handle] == (
                [child] * len(opened) if flags & FAN_REPORT_FID else []
            )


@needs("CAP_SETUID", kernel=(5, 13))
@support.needs_namespaces
def test_fanotify17(public_path):
    """The limits of groups and marks hold for a user, and in a namespace of its own."""
    file = public_path / "file"
    file.touch()
    most = int(Path("/proc/sys/fs/fanotify/max_user_groups").read_text())

    def groups(inside=False, limit=None):
        support.allow_descriptors(most + 100)
        support.become_nobody()  # whose limits no other test uses up
        if inside:
            support.own_namespaces()
        if limit:
            Path(f"/proc/sys/user/{limit}").write_text("10")
        made = []
        try:
            while True:
                made.append(Fanotify(FAN_REPORT_FID))
                made[-1].watch(file, FAN_OPEN)
        except OSError as error:
            return len(made), error.errno, error.strerror

    for inside in False, True:
        count, number, words = in_child(groups, inside)
        assert count <= most
        assert (number, "max_user_groups" in words) == (errno.EMFILE, True)
    count, number, words = in_child(groups, True, "max_fanotify_groups")
    assert count <= 10
    assert (number, "user.max_fanotify_groups is 10" in words) == (errno.EMFILE, True)
    count, number, words = in_child(groups, True, "max_fanotify_marks")
    assert count <= 11
    assert (number, "user.max_fanotify_marks is 10" in words) == (errno.ENOSPC, True)


@needs(kernel=(5, 13))
def test_fanotify18(public_path):
    """A user may have groups with handles and marks on files, and nothing more."""
    file = public_path / "file"
    file.touch()
    file.chmod(0o666)

    def body():
        support.become_nobody()
        for flags in (
            FAN_CLASS_NOTIF,
            *(
                FAN_REPORT_FID | flag
                for flag in (
                    FAN_CLASS_CONTENT,
                    FAN_CLASS_PRE_CONTENT,
                    FAN_UNLIMITED_QUEUE,
                    FAN_UNLIMITED_MARKS,
                    FAN_REPORT_TID,
                )
            ),
        ):
            with pytest.raises(PermissionError, match="CAP_SYS_ADMIN"):
                Fanotify(flags)
        with Fanotify(FAN_REPORT_FID) as made:
            for kind in FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM:
                with pytest.raises(PermissionError, match="CAP_SYS_ADMIN"):
                    made.watch(file, FAN_ALL_EVENTS, kind)
            made.watch(file, FAN_ALL_EVENTS)

    in_child(body)


@needs("CAP_SETUID", kernel=(5, 13))
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_fanotify19(public_path, other, again):
    """A user does not learn other processes, even with privileges at the read."""
    file = public_path / "file"
    file.write_bytes(b"content")
    file.chmod(0o666)

    def work():
        fd = os.open(file, os.O_RDWR)
        os.read(fd, 1)
        os.write(fd, b"x")
        os.close(fd)

    def body():
        os.seteuid(65534)
        with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
            made.watch(file, FAN_ALL_EVENTS)
            exits(work) if other else work()
            if again:
                os.seteuid(0)
            mask = 0
            for event in drain(made):
                assert (event.fd, event.pid) == (FAN_NOFD, 0 if other else os.getpid())
                mask |= event.mask
            assert mask == FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE_WRITE

    in_child(body)


@admin
@needs(kernel=(5, 15))
@pytest.mark.parametrize("errors", [0, pytest.param(FAN_REPORT_FD_ERROR, marks=needs(kernel=(6, 13)))])
def test_fanotify21(tmp_path, errors):
    """An event has a pidfd of its process, or says that the process is gone."""

    def body(path):
        os.mkdir("M")
        Path("M/file").touch()
        raw_mount("M", "M", None, 0x1000)  # MS_BIND
        # a Fanotify that is not adopted adds FAN_REPORT_FD_ERROR
        with Fanotify.adopt(fanotify_init(FAN_REPORT_PIDFD | errors, os.O_RDWR)) as made:
            made.watch("M/file", FAN_OPEN)
            use("M/file")
            with made.read_event() as event:
                assert event.fileno() >= 0
                assert event.pidfd.pid == event.pid == os.getpid()
                process = event.pidfd
                process.send_signal(0)
                assert event.pidfd is process
            assert process.closed()
            pid = exits(use, "M/file")
            with made.read_event() as event:
                assert event.pid == pid
                with pytest.raises(ProcessLookupError, match="is gone"):
                    event.pidfd  # noqa: B018
            use("M/file")
            raw_mount("M", "M", None, 0x1000 | 0x20 | 0x1)  # MS_REMOUNT, MS_RDONLY
            if not errors:
                with pytest.raises(OSError, match="FAN_REPORT_FD_ERROR") as caught:
                    made.read_event()
                assert caught.value.errno == errno.EROFS
                return
            with made.read_event() as event:
                assert event.fd == -errno.EROFS
                assert event.pidfd.pid == os.getpid()

    own_filesystem(body, tmp_path, "tmpfs")


@support.needs_loop
@needs("CAP_SYS_ADMIN", kernel=(5, 16))
@needs(when=shutil.which("debugfs") is not None, reason="needs debugfs of e2fsprogs")
def test_fanotify22(tmp_path):
    """An error of the filesystem is an event with its errno, and the file's handle."""

    def body(path):
        os.makedirs("A/B")
        handle = handle_of("A/B")
        source = next(line.source for line in support.mountinfo(path))
        device = os.open(source, os.O_RDONLY)  # which would go with its last mount
        os.chdir("/")
        libc.umount2(os.fsencode(path), 0)
        subprocess.run(["debugfs", "-w", "-R", "sif A/B mode 0xff", source], check=True, capture_output=True)
        raw_mount(source, path, "ext4")
        os.close(device)
        os.chdir(path)
        with Fanotify(FAN_REPORT_FID) as made:
            made.watch(path, FAN_FS_ERROR, FAN_MARK_FILESYSTEM)
            with pytest.raises(OSError, match="A/B") as caught:
                os.stat("A/B")
            assert caught.value.errno == errno.EUCLEAN
            with made.wait(30) as event:
                assert (event.mask, event.fd) == (FAN_FS_ERROR, FAN_NOFD)
                assert (event.error, event.error_count) == (errno.EUCLEAN, 1)
                assert event.handle.fsid == handle.fsid
            raw_mount(source, path, "ext4", 0x20, "abort")  # MS_REMOUNT
            count = 0
            while not count:
                with made.wait(30) as event:
                    assert event.error == errno.ESHUTDOWN
                    count += event.error_count

    own_filesystem(body, tmp_path, "ext4")


@admin
@support.needs_loop
@needs(kernel=(5, 19), when=os.access(DROP_CACHES, os.W_OK), reason="needs to drop caches")
def test_fanotify23(tmp_path):
    """An evictable mark is not one that stays, and goes with its inode."""

    def body(path):
        Path("file").touch()
        with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
            made.watch("file", FAN_ACCESS, FAN_MARK_EVICTABLE)
            made.watch("file", FAN_ACCESS)
            with pytest.raises(FileExistsError, match="without FAN_MARK_EVICTABLE"):
                made.watch("file", FAN_ACCESS, FAN_MARK_EVICTABLE)
            made.del_watch("file", FAN_ACCESS)
            with pytest.raises(FileNotFoundError, match="does not have a mark"):
                made.del_watch("file", FAN_ACCESS)
            made.watch(path, FAN_ATTRIB, FAN_MARK_FILESYSTEM)
            os.chmod("file", 0o600)
            assert taken(made) == [FAN_ATTRIB]
            made.ignore("file", FAN_ATTRIB, FAN_MARK_EVICTABLE | FAN_MARK_IGNORED_SURV_MODIFY)
            os.chmod("file", 0o644)
            assert taken(made) == []
            root = os.open(path, os.O_RDONLY)
            while "fanotify ino:" in Path(f"/proc/self/fdinfo/{made.fileno()}").read_text():
                libc.syncfs(root)
                DROP_CACHES.write_text("2")
            os.close(root)
            os.chmod("file", 0o600)
            assert taken(made) == [FAN_ATTRIB]
            with pytest.raises(FileNotFoundError, match="or it was evicted"):
                made.del_watch("file", FAN_ATTRIB, FAN_MARK_IGNORED_MASK)

    own_filesystem(body, tmp_path, "ext2")
