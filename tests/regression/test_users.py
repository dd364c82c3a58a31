"""The uses that programs in the wild make of butter, which keep working."""

import errno
import os
import pathlib
import select
import threading
from unittest import mock

import pytest
import support

import butter.inotify
from butter import _eventfd, _fanotify, _memfd, _signalfd, _timerfd, clone, splice, system
from butter.errors import UnknownError
from butter.eventfd import eventfd, eventfd_read, eventfd_write
from butter.fanotify import (
    FAN_ALLOW,
    FAN_CLASS_CONTENT,
    FAN_CLOSE_WRITE,
    FAN_DENY,
    FAN_MARK_ADD,
    FAN_MARK_MOUNT,
    FAN_MODIFY,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_PERM,
    Fanotify,
    fanotify_init,
    fanotify_mark,
)
from butter.inotify import (
    IN_CREATE,
    IN_DELETE_SELF,
    IN_ISDIR,
    IN_MODIFY,
    Inotify,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
    str_to_events,
)
from butter.memfd import memfd_create
from butter.signalfd import pthread_sigmask, signalfd
from butter.system import (
    MS_BIND,
    MS_NOSUID,
    MS_RDONLY,
    MS_REMOUNT,
    gethostname,
    getpid,
    getppid,
    mount,
    pivot_root,
    sethostname,
    umount,
)
from butter.timerfd import TimerVal, timerfd, timerfd_gettime, timerfd_settime


def test_file_checker(tmp_path):
    """A program joins the bytes path of the watch with the event's filename."""
    directories = {}
    notify = Inotify()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        directories[notify.watch(str(tmp_path / name), IN_MODIFY)] = os.fsencode(tmp_path / name)
    (tmp_path / "two" / "file").write_text("changed")
    for event in notify:
        path = os.path.join(directories[event.wd], event.filename)
        break
    assert path == os.fsencode(tmp_path / "two" / "file")
    notify.close()


def test_daemon_with_plugins(tmp_path):
    """A daemon has ``fileno()`` in an epoll, and its plugins watch and test masks."""

    class Plugin:
        def __init__(self, inotify):
            self.seen = []
            self.wd = inotify.watch(str(tmp_path), IN_CREATE | IN_MODIFY)

        def handle(self, event):
            if event.mask & IN_CREATE:
                self.seen.append(event.filename)

    inotify = Inotify()
    plugin = Plugin(inotify)
    with select.epoll() as epoll:
        epoll.register(inotify.fileno(), select.EPOLLIN)
        assert epoll.poll(0) == []
        (tmp_path / "file").write_text("text")
        (tmp_path / "directory").mkdir()
        assert epoll.poll(30) == [(inotify.fileno(), select.EPOLLIN)]
        events = inotify.read_events()
        assert isinstance(events, list)
        for event in events:
            plugin.handle(event)
        assert plugin.seen == [b"file", b"directory"]
        assert [event.mask for event in events] == [IN_CREATE, IN_MODIFY, IN_CREATE | IN_ISDIR]
        assert epoll.poll(0) == []
    inotify.close()


@pytest.mark.parametrize("timeout", [30, 30.0, None])
def test_file_lock(tmp_path, timeout):
    """A program waits until a lock file is gone, or for the builtin TimeoutError."""
    lock = tmp_path / "lock"
    lock.touch()
    watcher = butter.inotify.Inotify()
    watcher.watch(str(lock), butter.inotify.IN_DELETE_SELF)
    with pytest.raises(TimeoutError):
        watcher.wait(timeout=0.01)
    release = threading.Thread(target=lock.unlink)
    release.start()
    event = watcher.wait(timeout=timeout)
    assert event.delete_self_event
    assert event.mask == IN_DELETE_SELF
    release.join()
    watcher.close()


def test_wrapper_of_ones_own(tmp_path):
    """A program reads as many bytes as FIONREAD promises, and parses them."""
    from butter.utils import get_buffered_length

    fd = inotify_init(butter.inotify.IN_NONBLOCK)
    assert type(fd) is int
    assert get_buffered_length(fd) == 0
    wd = inotify_add_watch(fd, str(tmp_path), IN_CREATE)
    (tmp_path / "file").touch()
    (tmp_path / "a longer name than that").touch()
    length = get_buffered_length(fd)
    assert length == 16 + 16 + 16 + 32
    data = os.read(fd, length)
    assert str_to_events(data) == [(wd, IN_CREATE, 0, b"file"), (wd, IN_CREATE, 0, b"a longer name than that")]
    assert get_buffered_length(fd) == 0
    inotify_rm_watch(fd, wd)
    (event,) = str_to_events(os.read(fd, get_buffered_length(fd)))
    assert event.ignored_event
    os.close(fd)


@support.needs_namespaces
@support.alone
def test_sandbox(tmp_path):
    """Builds a root of binds with relative paths and "" as type, and moves in."""
    MNT_DETACH = 2  # which 0.13 did not have
    # new mounts, UTS, IPC, user, pid and net namespaces
    user, group = os.geteuid(), os.getegid()
    assert support.libc.unshare(0x20000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000) == 0
    for name, text in ("setgroups", "deny"), ("uid_map", f"1000 {user} 1"), ("gid_map", f"1000 {group} 1"):
        (pathlib.Path("/proc/self") / name).write_text(text)

    def inside():
        root = str(tmp_path)
        mount("root", root, "tmpfs", MS_NOSUID)
        os.chdir(root)
        for name in ("usr", "proc", "tmp", "old_root"):
            os.mkdir(name)
        mount("/usr", "usr", "", MS_BIND | MS_NOSUID)
        mount("/usr", "usr", "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)
        mount("proc", "proc", "proc", MS_NOSUID)
        mount("tmp", "tmp", "tmpfs", MS_NOSUID, "size=16m,nr_inodes=4k")
        pivot_root(".", "old_root")
        umount("old_root", MNT_DETACH)
        os.rmdir("old_root")
        mount("/", "/", "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)
        sethostname("sandbox")
        with pytest.raises(OSError, match="Read-only"):
            os.mkdir("/usr/new")
        with pytest.raises(OSError, match="Read-only"):
            os.mkdir("/new")
        os.mkdir("/tmp/new")
        return sorted(os.listdir("/")), getpid(), getppid(), gethostname(), os.statvfs("/tmp").f_files

    assert support.in_child(inside) == (["proc", "tmp", "usr"], 1, 0, "sandbox", 4096)


def opened(path):
    """A child that opens a file; its exit code is the errno."""
    pid = os.fork()
    if not pid:
        try:
            os.close(os.open(path, os.O_RDONLY))
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
        finally:
            os._exit(99)
    return pid


@support.needs("CAP_SYS_ADMIN")
def test_guard_that_answers_by_hand(tmp_path):
    """A program writes the struct of an answer itself, in a thread of each event."""
    path = tmp_path / "file"
    path.touch()
    notifier = Fanotify(FAN_CLASS_CONTENT)
    notifier.watch(str(tmp_path), FAN_OPEN_PERM | FAN_MODIFY | 0x8000000)
    results = []

    def handle(event, answer):
        name = event.filename
        if event.open_perm_event:
            os.write(notifier.fileno(), event.fd.to_bytes(4, "little") + answer.to_bytes(4, "little"))
        event.close()
        results.append((name, event.filename, event.open_perm_event, event.access_perm_event, event.modify_event))

    for answer in FAN_ALLOW, FAN_DENY:
        task = opened(path)
        for event in notifier:
            assert event.pid == task
            thread = threading.Thread(target=handle, args=(event, answer))
            thread.start()
            thread.join()
            break
        results.append(os.waitstatus_to_exitcode(os.waitpid(task, 0)[1]))
    row = (str(path), str(path), True, False, False)
    assert results == [row, 0, row, errno.EPERM]
    notifier.close()


@support.needs_mounts
@support.needs("CAP_SYS_ADMIN")
def test_log_of_a_mount(tmp_path):
    """A program marks a mount, reads event by event, and closes them by number."""

    def body():
        support.own_mounts(tmp_path)
        notifier = Fanotify(0)
        notifier.watch(str(tmp_path), FAN_CLOSE_WRITE | FAN_ONDIR, FAN_MARK_ADD | FAN_MARK_MOUNT)
        (tmp_path / "file").write_text("text")
        fd = os.open(tmp_path, os.O_RDONLY)
        notifier.watch(None, FAN_OPEN, FAN_MARK_ADD | FAN_MARK_MOUNT, dfd=fd)
        os.close(fd)
        event = notifier.read_event()
        found = os.readlink(f"/proc/self/fd/{event.fd}")
        os.close(event.fd)
        return found, event.mask

    assert support.in_child(body) == (str(tmp_path / "file"), FAN_CLOSE_WRITE)


LIBRARY = {
    "eventfd": (_eventfd, "lib", eventfd),
    "eventfd_read": (_eventfd, "lib", lambda: eventfd_read(0)),
    "eventfd_write": (_eventfd, "lib", lambda: eventfd_write(0, 1)),
    "timerfd_create": (_timerfd, "lib", timerfd),
    "timerfd_gettime": (_timerfd, "lib", lambda: timerfd_gettime(0)),
    "timerfd_settime": (_timerfd, "lib", lambda: timerfd_settime(0, TimerVal().every(nano_seconds=1))),
    "signalfd": (_signalfd, "lib", lambda: signalfd([])),
    "pthread_sigmask": (_signalfd, "lib", lambda: pthread_sigmask(0, 9)),
    "fanotify_init": (_fanotify, "lib", fanotify_init),
    "fanotify_mark": (_fanotify, "lib", lambda: fanotify_mark(0, "/", FAN_OPEN, FAN_MARK_ADD)),
    "memfd_create": (_memfd, "lib", memfd_create),
    "splice": (splice, "_lib", lambda: splice.splice(3, 4, len=5)),
    "tee": (splice, "_lib", lambda: splice.tee(3, 4, len=5)),
    "mount": (system, "_lib", lambda: mount("source", "/", "tmpfs")),
    "umount2": (system, "_lib", lambda: umount("/")),
    "pivot_root": (system, "_lib", lambda: pivot_root("/", "/")),
    "sethostname": (system, "_lib", lambda: sethostname("name")),
    "gethostname": (system, "_lib", gethostname),
    "setdomainname": (system, "_lib", lambda: system.setdomainname("name")),
    "getdomainname": (system, "_lib", system.getdomainname),
    "unshare": (clone, "_lib", lambda: clone.unshare(clone.CLONE_NEWNET)),
    "setns": (clone, "_lib", lambda: clone.setns(3)),
}


@pytest.mark.parametrize("call", LIBRARY)
def test_library_that_is_replaced(monkeypatch, call):
    """Programs' tests replace the C library by one that returns -1 and sets errno."""
    module, name, function = LIBRARY[call]
    ffi = module.ffi if module is clone else getattr(module, name.replace("lib", "ffi"))
    meanings = support.errno_tables()[call].meanings

    def fail(*_):
        ffi.errno = number
        return -1

    monkeypatch.setattr(module, name, mock.Mock(**{call: fail}))
    for number in (*meanings, errno.EHOSTDOWN):
        with pytest.raises(meanings.get(number, (UnknownError,))[0]) as caught:
            function()
        assert caught.value.errno == number
