"""What programs in the wild do with inotify, each in its own way; all of it keeps working."""

import os
import select
import threading
from pathlib import Path

import pytest

import butter.inotify
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_CREATE,
    IN_DELETE_SELF,
    IN_ISDIR,
    IN_MODIFY,
    Inotify,
    event_name,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
    str_to_events,
)


def test_file_checker(tmp_path):
    """Watches directories by their str, loops over the object, and joins its own bytes path with the filename."""
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
    """Has ``fileno()`` in an epoll, hands the object to plugins which watch, and tests masks in a list of events."""

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
    """Waits until a lock file is gone, with seconds or None, and takes the builtin TimeoutError for a no."""
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
    """Reads what FIONREAD promises from a bare descriptor, and parses it."""
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


def test_module_as_a_name(tmp_path):
    """``from butter import inotify`` and the call from there."""
    from butter import inotify

    fd = inotify.inotify_init()
    assert inotify.inotify_add_watch(fd, str(tmp_path), inotify.IN_ALL_EVENTS) == 1
    os.close(fd)


def test_names_by_number():
    """Takes the str keys of ``event_name`` for a list of everything that can be asked for."""
    names = {name: mask for name, mask in event_name.items() if isinstance(name, str)}
    assert all(isinstance(mask, int) for mask in names.values())
    wanted = """
        ACCESS MODIFY ATTRIB CLOSE_WRITE CLOSE_NOWRITE OPEN MOVED_FROM MOVED_TO CREATE DELETE DELETE_SELF MOVE_SELF
        ONLYDIR DONT_FOLLOW EXCL_UNLINK MASK_ADD ISDIR ONESHOT ALL_EVENTS
    """
    for name in wanted.split():
        assert names[f"IN_{name}"] == getattr(butter.inotify, f"IN_{name}")


def test_type_of_an_event(tmp_path):
    """Takes the event's class from the private module, and an empty filename for the watched file itself."""
    from butter._inotify import InotifyEvent

    file = tmp_path / "file"
    file.touch()
    with Inotify() as inotify:
        wd = inotify.watch(str(file), IN_MODIFY)
        file.write_text("text")
        event = inotify.read_event()
        assert isinstance(event, InotifyEvent)
        assert event.wd == wd
        assert not event.filename
        assert event.filename.decode("utf-8") == ""
        assert event.cookie == 0
        assert event.modify_event
        assert not event.create_event
        assert not event.is_dir_event


def test_repr_is_taken_apart(tmp_path):
    """Finds the filename in ``str(event)`` by its commas and quotes."""
    with Inotify() as inotify:
        inotify.watch(str(tmp_path), IN_CREATE)
        Path(tmp_path, "file").touch()
        event = inotify.read_event()
        assert str(event) == "InotifyEvent(wd=1, mask=CREATE, cookie=0, filename=b'file')"
        assert str(event).split(",")[3].split("'")[1] == "file"


def test_watch_then_ignore(tmp_path):
    """Ends a watch and takes the IN_IGNORED event as the last one."""
    inotify = Inotify()
    wd = inotify.watch(str(tmp_path), IN_ALL_EVENTS)
    inotify.ignore(wd)
    assert inotify.read_event().mask == butter.inotify.IN_IGNORED
    inotify.close()


def test_pair_of_a_move(tmp_path):
    """Pairs the two halves of a move by their cookie."""
    (tmp_path / "old").touch()
    with Inotify() as inotify:
        inotify.watch(str(tmp_path), butter.inotify.IN_MOVED_FROM | butter.inotify.IN_MOVED_TO)
        (tmp_path / "old").rename(tmp_path / "new")
        source, target = inotify.read_events()
        assert (source.moved_from_event, target.moved_to_event) == (True, True)
        assert source.cookie == target.cookie != 0
        assert (source.filename, target.filename) == (b"old", b"new")
