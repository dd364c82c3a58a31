"""The behaviour of butter.mounts that is its own."""

import contextlib
import errno
import itertools
import os
import platform

import pytest
import support
from support import Mounter, in_child, needs

from butter import mounts as module
from butter.clone import CLONE_NEWNS, Namespace, setns
from butter.errors import InvalidArgument, NoMoreEvents, OutOfMemory, PathNotFound
from butter.fanotify import (
    FAN_MARK_MNTNS,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_REPORT_FID,
    FAN_REPORT_MNT,
    FAN_REPORT_PIDFD,
    Fanotify,
)
from butter.mounts import FAN_NONBLOCK, MountEvent, MountMonitor
from butter.system import MS_BIND, MS_MOVE, MS_SHARED, MS_SLAVE, Mount, mount, mounts, umount

# root has such marks since 6.15, the root of a user namespace since 6.16
pytestmark = [support.needs_mounts, needs(kernel=(6, 15) if support.capable("CAP_SYS_ADMIN") else (6, 16))]
admin = needs("CAP_SYS_ADMIN")
users = pytest.mark.parametrize(
    "own",
    [
        pytest.param(support.own_mounts, id="as it is"),
        pytest.param(support.own_namespaces, id="as root of its own", marks=needs(kernel=(6, 16))),
    ],
)

# fs.fanotify.max_queued_events, unless the machine has another
with open("/proc/sys/fs/fanotify/max_queued_events") as _file:
    QUEUE = int(_file.read())


def inside(test):
    """Run a test in a child with a tmpfs on its working directory, all private."""

    def run(tmp_path, own=support.own_mounts, **fixtures):
        def body():
            own()
            support.raw_mount(None, "/", None, 0x44000)  # MS_REC | MS_PRIVATE
            support.raw_mount("tmpfs", tmp_path, "tmpfs")
            os.chdir(tmp_path)
            for name in "abc":
                os.mkdir(name)
            test(tmp_path, **fixtures)

        in_child(body)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def seen(events):
    """Pairs that tests compare: ``("appeared", path)``."""
    return [("moved" if each.moved else "gone" if each.gone else "appeared", each.mount.path) for each in events]


@users
def test_bind_move_umount(tmp_path, own):
    """A mount appears with all that it has, moves, and goes with what was known."""

    @inside
    def test(place):
        with MountMonitor(flags=FAN_NONBLOCK) as monitor:
            assert {(each.id, each.path) for each in monitor.mounts.values()} == {(m.id, m.path) for m in mounts()}
            with Mount(place) as made:
                here = made.id
            mount("some source", "a", "tmpfs", data="size=64k")
            os.mkdir("a/below")
            mount("a", "b", None, MS_BIND)
            mount("below", "a/below", "tmpfs")
            first, second, below = monitor.read_events()
            assert first.appeared
            assert not first.moved
            assert not first.gone
            with Mount("a") as made:
                assert (first.mask, first.id, first.before) == (FAN_MNT_ATTACH, made.id, None)
            assert not first.found
            assert (first.mount.source, first.mount.fstype, first.mount.root) == ("some source", "tmpfs", "/")
            assert first.mount.parent == here
            assert "size=64k" in first.mount.options
            assert (first.mount.path, second.mount.path) == (f"{place}/a", f"{place}/b")
            assert first.mount.device == second.mount.device == os.stat("b").st_dev
            assert monitor.mounts[below.id].path == f"{place}/a/below"

            mount("a", "c", None, MS_MOVE)
            (moved,) = monitor.read_events()
            assert (moved.mask, moved.id) == (FAN_MNT_ATTACH | FAN_MNT_DETACH, first.id)
            assert moved.moved
            assert (moved.before.path, moved.mount.path) == (f"{place}/a", f"{place}/c")
            assert monitor.mounts[below.id].path == f"{place}/c/below"

            umount("c/below")
            umount("c")
            gone = monitor.read_events()
            assert seen(gone) == [("gone", f"{place}/c/below"), ("gone", f"{place}/c")]
            assert [each.mask for each in gone] == [FAN_MNT_DETACH] * 2
            assert gone[1].mount.source == "some source"
            assert {each.id for each in monitor.mounts.values()} == {each.id for each in mounts()}

    test(tmp_path, own=own)


@users
def test_another_namespace(tmp_path, own):
    """A namespace is a path, a Namespace or a number; other mounts are not events."""

    @inside
    def test(place):
        with Mounter("a") as other:
            path = f"/proc/{other.pid}/ns/mnt"
            with contextlib.closing(Namespace(path)) as namespace:
                for each in (path, os.fsencode(path), namespace, namespace.fileno()):
                    with MountMonitor(each, FAN_NONBLOCK) as monitor:
                        mount("here", "b", "tmpfs")
                        other.mount(7)
                        (event,) = monitor.read_events()
                        assert seen([event]) == [("appeared", f"{place}/a")]
                        assert event.mount.source == "7"
                        other.umount()
                        assert seen(monitor.read_events()) == [("gone", f"{place}/a")]

    test(tmp_path, own=own)


def test_without_privileges(tmp_path):
    """The error names the capability, and where it is needed."""

    def body():
        support.become_nobody()
        before = support.descriptors()
        with pytest.raises(PermissionError, match=r"FAN_MARK_MNTNS needs CAP_SYS_ADMIN.*that of the mount namespace"):
            MountMonitor()
        assert support.descriptors() == before

    in_child(body)


@inside
def test_propagation(place):
    """A mount that comes from a peer is an event like any other."""
    mount(None, place, None, MS_SHARED)
    copies = f"{place}/b"
    mount(place, copies, None, MS_BIND)
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        mount("shared", "c", "tmpfs")
        assert sorted(seen(monitor.read_events())) == [("appeared", f"{copies}/c"), ("appeared", f"{place}/c")]
        umount("c")
        assert sorted(seen(monitor.read_events())) == [("gone", f"{copies}/c"), ("gone", f"{place}/c")]


@inside
def test_gone_before_it_was_seen(place):
    """A mount that came and went before the read has nothing but its id."""
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        mount("short", "a", "tmpfs")
        with Mount("a") as made:
            known = made.id
        umount("a")
        appeared, gone = monitor.read_events()
        assert (appeared.appeared, gone.gone) == (True, True)
        assert appeared.id == gone.id == appeared.mount.id == gone.mount.id == known
        assert (gone.mount.path, gone.mount.fstype, gone.mount.parent) == ("", "", 0)
        assert known not in monitor.mounts


@inside
def test_events_before_the_first_list(place):
    """A mount that appears between the mark and the list is told once: by the list."""
    look = MountMonitor._list

    def late(monitor):
        mount("early", "a", "tmpfs")
        mount("short", "b", "tmpfs")
        umount("b")
        found = look(monitor)
        umount("a")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MountMonitor, "_list", late)
        monitor = MountMonitor(flags=FAN_NONBLOCK)
    with monitor:
        assert [each.source for each in monitor.mounts.values()].count("early") == 1
        first, second, third = monitor.read_events()
        # the one that the list has missed is told without a path
        assert seen([first, second, third]) == [("appeared", ""), ("gone", ""), ("gone", f"{place}/a")]
        assert first.id == second.id


@inside
def test_beneath(place):
    """A mount that comes beneath another changes the parent of that."""
    mount("top", "a", "tmpfs")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor, Mount.new("tmpfs", source="beneath") as beneath:
        (top,) = (each for each in monitor.mounts.values() if each.source == "top")
        beneath.attach("a", beneath=True)
        (event,) = monitor.read_events()
        assert seen([event]) == [("appeared", f"{place}/a")]
        assert (event.mount.source, event.mount.parent) == ("beneath", top.parent)
        assert monitor.mounts[top.id].parent == event.id
        umount("a")
        (gone,) = monitor.read_events()
        assert (gone.id, gone.mount.parent) == (top.id, event.id)


def table(found):
    """The parents and paths of mounts, by their ids."""
    return {each.id: (each.parent, each.path) for each in found}


@inside
def test_moved_beneath(place):
    """A mount that moves beneath another changes the parent of that, too."""
    mount("top", "a", "tmpfs")
    mount("moves", "b", "tmpfs")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        with Mount("b") as moves:
            moves.attach("a", beneath=True)
        (event,) = monitor.read_events()
        assert (seen([event]), event.before.path) == ([("moved", f"{place}/a")], f"{place}/b")
        assert table(monitor.mounts.values()) == table(mounts())


@inside
def test_put_beneath_by_a_peer(place):
    """A peer's mount comes beneath another, which moves when the first goes again."""
    mount(None, place, None, MS_SHARED)
    copies = f"{place}/b"
    mount(place, copies, None, MS_BIND)
    mount(None, copies, None, MS_SLAVE)
    mount("stays", f"{copies}/c", "tmpfs")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        (stays,) = (each for each in monitor.mounts.values() if each.source == "stays")
        mount("peer's", "c", "tmpfs")
        events = monitor.read_events()
        assert sorted(seen(events)) == [("appeared", f"{copies}/c"), ("appeared", f"{place}/c")]
        assert monitor.mounts[stays.id].parent in [each.id for each in events]
        assert table(monitor.mounts.values()) == table(mounts())
        umount("c")
        events = monitor.read_events()
        assert sorted(seen(events)) == [
            ("gone", f"{copies}/c"),
            ("gone", f"{place}/c"),
            ("moved", f"{copies}/c"),
        ]
        assert monitor.mounts[stays.id].parent == stays.parent
        assert table(monitor.mounts.values()) == table(mounts())


@inside
def test_outside_the_root(place):
    """A mount that the root of the thread does not reach is an event without a path."""
    mount("root", "a", "tmpfs")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        os.chroot("a")
        mount("hidden", "b", "tmpfs")
        os.mkdir("/inside")
        mount("seen", "/inside", "tmpfs")
        hidden, seen_one = monitor.read_events()
        assert (hidden.mount.source, hidden.mount.path) == ("hidden", "")
        assert (seen_one.mount.source, seen_one.mount.path) == ("seen", "/inside")
        # looking finds that it is still there, although no list has it
        assert [each for each in monitor._compared(monitor._table.copy()) if each.gone] == []
        umount("b")
        (gone,) = monitor.read_events()
        assert (gone.id, gone.gone) == (hidden.id, True)


@needs(when=QUEUE <= 1 << 16, reason="the queue of fanotify is long here")
@inside
def test_overflow(place):
    """When the queue was full the monitor looks, and tells what has changed since."""
    mount("stays", "b", "tmpfs")
    mount("goes", "c", "tmpfs")
    os.mkdir("b/1")
    os.mkdir("b/2")
    os.mkdir("d")
    mount("moves", "b/1", "tmpfs")
    os.mkdir("b/1/below")
    mount("below", "b/1/below", "tmpfs")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        for turn in range(QUEUE + 1):
            mount(*(("b/1", "b/2") if turn % 2 == 0 else ("b/2", "b/1")), None, MS_MOVE)
        mount("comes", "a", "tmpfs")
        umount("c")
        mount("b", "d", None, MS_MOVE)
        events = []
        while part := monitor.read_events():
            events += part
        told, found = [each for each in events if not each.found], [each for each in events if each.found]
        assert len(told) == QUEUE
        assert {(each.moved, each.mount.source) for each in told} == {(True, "moves")}
        by_source = {each.mount.source: each for each in found}
        assert len(by_source) == len(found)
        assert set(by_source) <= {"comes", "goes", "stays", "moves"}
        assert by_source["comes"].appeared
        assert by_source["goes"].gone
        assert by_source["stays"].moved
        assert by_source["stays"].before.path == f"{place}/b"
        assert by_source["stays"].mount.path == f"{place}/d"
        assert {each.id: each.path for each in monitor.mounts.values()} == {each.id: each.path for each in mounts()}


@inside
def test_nothing_is_lost_for_want_of_memory(place):
    """Events whose mounts cannot be looked at wait, and come with the next read."""
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        mount("one", "a", "tmpfs")
        mount("two", "b", "tmpfs")
        looked, look_up = [], module.look_up

        def fail_second(*args):
            looked.append(args)
            if len(looked) == 2:
                raise OutOfMemory(errno.ENOMEM, "memory")
            return look_up(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "look_up", fail_second)
            with pytest.raises(OutOfMemory):
                monitor.read_events()
        assert monitor.pending == 2
        assert [each.mount.source for each in monitor.read_events()] == ["one", "two"]
        assert monitor.pending == 0


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="needs CPython's profiler")
@inside
def test_a_read_that_a_signal_handler_ends(place):
    """Wherever a handler raises, each event is told once, now or by the next read."""
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        for moment in itertools.count():
            told = []
            mount("one", "a", "tmpfs")
            mount("two", "b", "tmpfs")

            def read(told=told):
                told += monitor._read_events()

            more = support.interrupt_between(read, moment)
            told += support.drain(monitor)
            assert [(each.appeared, each.mount.source) for each in told] == [(True, "one"), (True, "two")]
            assert table(monitor.mounts.values()) == table(mounts())
            umount("a")
            umount("b")
            assert [each.gone for each in support.drain(monitor)] == [True, True]
            if not more:
                break
    assert moment > 50


@admin
def test_the_end_of_a_namespace(tmp_path):
    """All mounts go, an iteration ends, and a wait raises NoMoreEvents."""
    with Mounter(tmp_path) as other, MountMonitor(f"/proc/{other.pid}/ns/mnt") as monitor:
        known = set(monitor.mounts)
        other.end()
        events = list(monitor)
        assert known <= {each.id for each in events}
        assert all(each.gone for each in events)
        assert not monitor.mounts
        for call in monitor.wait, monitor.read_event:
            with pytest.raises(NoMoreEvents, match="mount namespace has ended"):
                call()


@admin
def test_adopt(tmp_path):
    """A descriptor is adopted if it watches a mount namespace in which a process is."""
    with Mounter(tmp_path) as other:
        path, mask = f"/proc/{other.pid}/ns/mnt", FAN_MNT_ATTACH | FAN_MNT_DETACH
        with Fanotify(FAN_REPORT_MNT) as made:
            with pytest.raises(InvalidArgument, match=r"not a mount monitor; it is .* without a mount namespace"):
                MountMonitor.adopt(made.fileno())
            made.watch(path, mask, FAN_MARK_MNTNS)
            with MountMonitor.adopt(os.dup(made.fileno())) as monitor:
                other.mount(5)
                assert monitor.wait(60).mount.source == "5"
            other.end()
            with pytest.raises(InvalidArgument, match="not a mount monitor"):
                MountMonitor.adopt(made.fileno())
        with Fanotify(FAN_REPORT_FID) as made, pytest.raises(InvalidArgument, match="without FAN_REPORT_MNT"):
            MountMonitor.adopt(made.fileno())


@admin
def test_adopt_where_a_number_was_used_again(tmp_path, monkeypatch):
    """A new namespace with the number of one that has ended is not taken for it."""
    with Mounter(tmp_path) as other, Fanotify(FAN_REPORT_MNT) as made:
        made.watch(f"/proc/{other.pid}/ns/mnt", FAN_MNT_ATTACH, FAN_MARK_MNTNS)
        monkeypatch.setattr(module, "_marked", lambda _: os.stat("/proc/self/ns/mnt").st_ino)
        with pytest.raises(InvalidArgument, match="in which /proc has no process"):
            MountMonitor.adopt(made.fileno())


@admin
def test_a_namespace_without_processes(tmp_path):
    """A namespace that only a descriptor keeps can be watched, but not adopted."""
    with Mounter(tmp_path) as other, contextlib.closing(Namespace(f"/proc/{other.pid}/ns/mnt")) as namespace:
        other.end()
        with MountMonitor(namespace, FAN_NONBLOCK) as monitor:
            assert monitor.mounts
            assert monitor.read_events() == []
            with pytest.raises(TimeoutError):
                monitor.wait(0)
            with pytest.raises(InvalidArgument, match="in which /proc has no process"):
                MountMonitor.adopt(monitor.fileno())


def test_arguments():
    """Another file, another type and flags of other groups are refused."""
    before = support.descriptors()
    with pytest.raises(ValueError, match="FAN_REPORT_PIDFD"):
        MountMonitor(flags=FAN_REPORT_PIDFD)
    with pytest.raises(InvalidArgument, match="FAN_REPORT_MNT has events of mounts only"):
        MountMonitor(flags=FAN_REPORT_FID)
    with pytest.raises(InvalidArgument, match="the path is not a mount namespace"):
        MountMonitor("/dev/null")
    with pytest.raises(PathNotFound, match="does not exist"):
        MountMonitor("missing")
    with pytest.raises(TypeError):
        MountMonitor(1.5)
    with pytest.raises(TypeError, match="flags"):
        MountMonitor(flags="x")
    assert support.descriptors() == before


def test_an_old_kernel(monkeypatch):
    """Where the kernel refuses the group the error names the kernel that has it."""

    def body():
        support.inject("fanotify_init", errno.EINVAL)
        monkeypatch.setattr("platform.release", lambda: "6.14.0")
        monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", "x", "6.14.0", "x", "x86_64")))
        with pytest.raises(InvalidArgument, match=r"FAN_REPORT_MNT.*Linux 6\.15"):
            MountMonitor()

    in_child(body)


def test_repr():
    """An event prints what happened, to which mount, and how it is known."""
    mount = next(iter(mounts()))
    assert repr(MountEvent(FAN_MNT_ATTACH, mount.id, mount)) == f"<MountEvent appeared {mount!r}>"
    moved = MountEvent(FAN_MNT_ATTACH | FAN_MNT_DETACH, mount.id, mount, mount, True)
    assert repr(moved) == f"<MountEvent moved {mount!r} from {mount.path!r} (found)>"


@inside
def test_forked_child(place):
    """A forked child may read what comes, even if its parent was reading."""
    with MountMonitor(flags=FAN_NONBLOCK) as monitor, monitor._lock:

        def body():
            unshared = os.fork()
            if unshared == 0:
                mount("child's", "a", "tmpfs")
                os._exit(0)
            os.waitpid(unshared, 0)
            return monitor.wait(60).mount.source

        assert in_child(body) == "child's"


@inside
def test_a_storm(place):
    """A thousand mounts in a row are told once each, in order, and so is their end."""
    for number in range(1000):
        os.mkdir(f"a/{number}")
    with MountMonitor(flags=FAN_NONBLOCK) as monitor:
        known = set(monitor.mounts)
        for number in range(1000):
            mount(str(number), f"a/{number}", "tmpfs")
        events = support.drain(monitor)
        assert [(each.appeared, each.found, each.mount.source) for each in events] == [
            (True, False, str(number)) for number in range(1000)
        ]
        for number in range(1000):
            umount(f"a/{number}")
        gone = support.drain(monitor)
        assert [(each.gone, each.id, each.mount.path) for each in gone] == [
            (True, each.id, f"{place}/a/{number}") for number, each in enumerate(events)
        ]
        assert set(monitor.mounts) == known


@admin
def test_its_thread_enters_another_namespace(tmp_path):
    """A monitor stays with the namespace that it began with."""

    @inside
    def test(place):
        with MountMonitor(flags=FAN_NONBLOCK) as monitor, Mounter("b") as other:
            other.mount(1)
            assert monitor.read_events() == []
            before = contextlib.closing(Namespace("/proc/self/ns/mnt"))
            with before as own, contextlib.closing(Namespace(f"/proc/{other.pid}/ns/mnt")) as namespace:
                setns(namespace, CLONE_NEWNS)
                mount("there", f"{place}/a", "tmpfs")
                assert monitor.read_events() == []
                setns(own, CLONE_NEWNS)
                mount("here", f"{place}/c", "tmpfs")
                (event,) = monitor.read_events()
                assert (event.mount.source, event.mount.path) == ("here", f"{place}/c")

    test(tmp_path)
