"""system, as this kernel does it: mounts, names, ids, and what each failure says."""

import errno
import gc
import inspect
import os
import pickle
import resource
import signal
import threading
from pathlib import Path

import pytest
import support
from support import alone, in_child, needs, needs_loop, needs_mounts, needs_namespaces

from butter import _system_errors, _system_look, _system_umount_errors, system
from butter._system_mountinfo import MountLine
from butter.errors import InvalidArgument, InvalidPath, PathNotADirectory, PathNotFound
from butter.prctl import capabilities
from butter.system import (
    MNT_DETACH,
    MNT_EXPIRE,
    MNT_FORCE,
    MS_BIND,
    MS_MOVE,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_NOUSER,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    UMOUNT_NOFOLLOW,
    MountFlags,
    Retry,
    UmountFlags,
    getdomainname,
    gethostname,
    getpid,
    getppid,
    gettid,
    mount,
    mounted,
    pivot_root,
    setdomainname,
    sethostname,
    umount,
)

# linux/mount.h of Linux 7.2, and linux/fs.h for the flags of umount
MOUNT = {
    "MS_RDONLY": 1 << 0,
    "MS_NOSUID": 1 << 1,
    "MS_NODEV": 1 << 2,
    "MS_NOEXEC": 1 << 3,
    "MS_SYNCHRONOUS": 1 << 4,
    "MS_REMOUNT": 1 << 5,
    "MS_MANDLOCK": 1 << 6,
    "MS_DIRSYNC": 1 << 7,
    "MS_NOSYMFOLLOW": 1 << 8,
    "MS_NOATIME": 1 << 10,
    "MS_NODIRATIME": 1 << 11,
    "MS_BIND": 1 << 12,
    "MS_MOVE": 1 << 13,
    "MS_REC": 1 << 14,
    "MS_SILENT": 1 << 15,
    "MS_VERBOSE": 1 << 15,
    "MS_POSIXACL": 1 << 16,
    "MS_UNBINDABLE": 1 << 17,
    "MS_PRIVATE": 1 << 18,
    "MS_SLAVE": 1 << 19,
    "MS_SHARED": 1 << 20,
    "MS_RELATIME": 1 << 21,
    "MS_I_VERSION": 1 << 23,
    "MS_STRICTATIME": 1 << 24,
    "MS_LAZYTIME": 1 << 25,
}
KERNELS_OWN = {
    "MS_KERNMOUNT": 1 << 22,
    "MS_SUBMOUNT": 1 << 26,
    "MS_NOREMOTELOCK": 1 << 27,
    "MS_NOSEC": 1 << 28,
    "MS_BORN": 1 << 29,
    "MS_ACTIVE": 1 << 30,
    "MS_NOUSER": 1 << 31,
    "MS_RMT_MASK": 0x2800051,
    "MS_MGC_VAL": 0xC0ED0000,
    "MS_MGC_MSK": 0xFFFF0000,
}
UMOUNT = {"MNT_FORCE": 1, "MNT_DETACH": 2, "MNT_EXPIRE": 4}


@pytest.fixture
def place(tmp_path):
    """The directory on which a test mounts."""
    path = tmp_path / "place"
    path.mkdir()
    return path


def targets():
    """The mounts, each by its place."""
    return {line.target: line for line in support.mountinfo()}


# constants


@pytest.mark.defect("Y3")
def test_constants():
    """Every constant of the newest kernel is there, and no other."""
    found = {name: value for name, value in vars(system).items() if name.startswith(("MS_", "MNT_", "UMOUNT_"))}
    assert found == {**MOUNT, **KERNELS_OWN, **UMOUNT, "UMOUNT_NOFOLLOW": 8}
    assert {"MS_" + name: int(member) for name, member in MountFlags.__members__.items()} == MOUNT
    assert {"MNT_" + name: int(member) for name, member in UmountFlags.__members__.items()} == UMOUNT


# mount and umount


@needs_mounts
@pytest.mark.defect("Y4")
@pytest.mark.parametrize("kind", [str, os.fsencode, Path], ids=["str", "bytes", "Path"])
@alone
def test_paths_of_each_kind(place, kind):
    """A path is a str, bytes or PathLike, and the source of a tmpfs any text."""
    support.own_mounts()
    for source in "some name", b"some name", Path("some name"), "", None:
        assert mount(source, kind(place), "tmpfs") is None
        shown = "none" if source is None else os.fsdecode(source)
        assert targets()[str(place)].source == shown
        assert umount(kind(place)) is None


@needs_mounts
@pytest.mark.defect("Y4")
@alone
def test_long_path(tmp_path):
    """A path of more than 255 bytes is a path too, up to the kernel's 4,095."""
    support.own_mounts()
    os.chdir(tmp_path)
    name = "n" * 250
    for _ in range(3):
        os.mkdir(name)
        os.chdir(name)
    os.chdir(tmp_path)
    long = "./" * ((4095 - 752) // 2) + "/".join([name] * 3)
    assert len(long) in (4094, 4095)
    mount("long", long, "tmpfs")
    umount(long)
    with pytest.raises(InvalidPath):
        mount("long", "./" + long, "tmpfs")


@needs_mounts
@alone
def test_relative_paths_and_an_empty_type(place):
    """Paths may be relative, and a bind needs no type: None and "" are the same."""
    support.own_mounts(place)
    os.chdir(place)
    for name in "one", "two":
        os.mkdir(name)
    Path("one/file").touch()
    for fs in "", None:
        mount("one", "two", fs, MS_BIND)
        assert Path("two/file").exists()
        umount("two")


@needs_mounts
@pytest.mark.parametrize(
    "data",
    [
        "size=64k,nr_inodes=10,mode=700",
        b"size=64k,nr_inodes=10,mode=700",
        {"size": "64k", "nr_inodes": 10, "mode": b"700"},
        {"size": Path("64k"), "nr_inodes": "10", "mode": "700", "rw": True},
    ],
    ids=["str", "bytes", "dict", "mixed"],
)
@alone
def test_options(place, data):
    """Options are a str, bytes, or a mapping with values of each kind."""
    support.own_mounts()
    mount("options", place, "tmpfs", 0, data)
    assert {"size=64k", "nr_inodes=10", "mode=700"} <= set(targets()[str(place)].data)


@needs_mounts
@pytest.mark.parametrize("data", ["", b"", None, {}])
@alone
def test_no_options(place, data):
    """Each way to say that there are no options is taken."""
    support.own_mounts()
    mount("options", place, "tmpfs", 0, data)
    assert str(place) in targets()


@pytest.mark.parametrize(
    ("data", "exception", "words"),
    [
        ("size=1m\0,ro", ValueError, "null byte"),
        ({"size": "1m\0"}, ValueError, "null byte"),
        ({"size": "1m,ro"}, ValueError, "comma"),
        ({"size,ro": True}, ValueError, "comma"),
        ({"size": False}, ValueError, "leave it out"),
        ({"": "1m"}, ValueError, "not the name"),
        ({"size=1": "m"}, ValueError, "not the name"),
        ({"size": None}, TypeError, "not NoneType"),
        ({"mode": 0o755}, ValueError, "octal: 0o755 is '755'"),
        ({"size": 1.5}, TypeError, "not float"),
        ({b"size": "1m"}, TypeError, "name of an option"),
        (5, TypeError, "mapping"),
        (["size=1m"], TypeError, "mapping"),
        ("x" * os.sysconf("SC_PAGESIZE"), ValueError, "the kernel reads"),
    ],
)
def test_wrong_options(place, data, exception, words):
    """Options that the kernel would misunderstand are refused before the call."""
    with pytest.raises(exception, match=words):
        mount("options", place, "tmpfs", 0, data)


@pytest.mark.parametrize(
    ("function", "arguments", "exception"),
    [
        (mount, (5, "/", "tmpfs"), TypeError),
        (mount, ("x", None, "tmpfs"), TypeError),
        (mount, ("x", "/", 5), TypeError),
        (mount, ("x", "/", "tmpfs", "flags"), TypeError),
        (mount, ("x", "/", "tmpfs", -1), ValueError),
        (mount, ("x", "/", "tmpfs", 1 << 64), ValueError),
        (mount, ("x\0", "/", "tmpfs"), ValueError),
        (mount, ("x", "/\0", "tmpfs"), ValueError),
        (mount, ("x", "/", "tmpfs\0"), ValueError),
        (umount, (None,), TypeError),
        (umount, ("/\0",), ValueError),
        (umount, ("/", "flags"), TypeError),
        (umount, ("/", 1 << 31), ValueError),
        (pivot_root, (None, "/"), TypeError),
        (pivot_root, ("/", 5), TypeError),
        (pivot_root, ("/\0", "/"), ValueError),
        (sethostname, (None,), TypeError),
        (sethostname, (Path("name"),), TypeError),
        (sethostname, ("na\0me",), ValueError),
        (setdomainname, (5,), TypeError),
    ],
)
def test_wrong_arguments(function, arguments, exception):
    """A wrong type is a TypeError, what C cannot hold a ValueError, before the call."""

    def body():
        for call in "mount", "umount2", "pivot_root", "sethostname", "setdomainname":
            support.inject(call, errno.EHOSTDOWN)
        with pytest.raises(exception) as caught:
            function(*arguments)
        assert not isinstance(caught.value, OSError)

    in_child(body)


@needs_mounts
@alone
def test_shared_and_slave(tmp_path):
    """A mount on a shared one appears at its peer and slave, but not back again."""
    support.own_mounts(tmp_path)
    os.chdir(tmp_path)
    for name in "one", "two":
        os.mkdir(name)
    mount("one", "one", "tmpfs")
    os.mkdir("one/below")
    mount(None, "one", None, MS_SHARED)
    mount("one", "two", None, MS_BIND)
    mount("both", "one/below", "tmpfs")
    assert f"{tmp_path}/two/below" in targets()
    umount("one/below")
    assert f"{tmp_path}/two/below" not in targets()
    mount(None, "two", None, MS_SLAVE)
    mount("one alone", "two/below", "tmpfs")
    assert f"{tmp_path}/one/below" not in targets()


@needs_mounts
@alone
def test_both_filenames(place):
    """An exception of two paths has both as attributes, prints and pickles both."""
    support.own_mounts()
    with pytest.raises(OSError, match="nofs") as caught:
        mount("source", place, "nofs")
    error = caught.value
    assert (error.filename, error.filename2) == ("source", str(place))
    assert f"'source' -> {str(place)!r}" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.filename, copy.filename2, str(copy)) == (error.filename, error.filename2, str(error))
    with pytest.raises(OSError, match="nofs") as caught:
        mount(None, place, "nofs")
    assert (caught.value.filename, caught.value.filename2) == (str(place), None)


# what the errors say: a call that fails, and what its sentence has


def prepare(place):
    """Mount a tmpfs for a child, with directories, a file, and a tmpfs in it."""
    support.own_mounts(place)
    os.chdir(place)
    for name in "a", "b", "mounted":
        os.mkdir(name)
    Path("file").touch()
    support.raw_mount("mounted", "mounted", "tmpfs")
    os.mkdir("mounted/below")


def share(path):
    support.raw_mount(None, path, None, MS_SHARED)


def move_out_of_a_shared_mount():
    share(".")
    mount("mounted", "a", None, MS_MOVE)


def move_something_unbindable():
    support.raw_mount("target", "a", "tmpfs")
    share("a")
    os.mkdir("a/place")
    support.raw_mount(None, "mounted", None, MS_UNBINDABLE)
    mount("mounted", "a/place", None, MS_MOVE)


def bind_something_unbindable():
    support.raw_mount(None, "mounted", None, MS_UNBINDABLE)
    mount("mounted", "a", None, MS_BIND)


def root_of_another_namespace():
    """The path of the root of this namespace, which the process leaves for another."""
    old = os.open("/", os.O_RDONLY)
    assert support.libc.unshare(0x20000) == 0
    return f"/proc/self/fd/{old}"


def unmount_below_a_mount():
    support.raw_mount("below", "mounted/below", "tmpfs")
    umount("mounted")


def unmount_the_working_directory():
    os.chdir("mounted")
    umount(Path("../mounted").resolve())


def unmount_what_another_process_uses():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir("mounted")
        os.write(writing, b"there")
        os.read(os.pipe()[0], 1)
    os.read(reading, 5)
    try:
        umount("mounted")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def pivot_in_a_chroot():
    for name in "new", "proc":
        os.mkdir(f"a/{name}")
    support.raw_mount("/proc", "a/proc", None, MS_BIND | MS_REC)
    support.raw_mount("new", "a/new", "tmpfs")
    os.chroot("a")
    pivot_root("/new", "/new")


def pivot_beside_the_root():
    support.raw_mount("old", "a", "tmpfs")
    pivot_root("mounted", "a")


def pivot_to_a_shared_mount():
    share(".")
    pivot_root("mounted", "mounted")


def pivot_with_a_shared_old_root():
    support.raw_mount("old", "mounted/below", "tmpfs")
    share("mounted/below")
    pivot_root("mounted", "mounted/below")


def mount_on_what_was_detached():
    os.chdir("mounted/below")
    umount("..", MNT_DETACH)
    mount("x", ".", "tmpfs")


def own_root(path):
    """Make the mount at *path* the root, with proc and the old root in it."""
    os.chdir(path)
    for name in "proc", "old":
        os.mkdir(name)
    support.raw_mount("/proc", "proc", None, MS_BIND | MS_REC)
    pivot_root(".", "old")
    os.chdir("/")


def unmount_the_root_that_is_locked():
    support.own_namespaces()
    support.raw_mount("root", "a", "tmpfs")
    own_root("a")
    umount("/")


REFUSALS = {
    "source too long": (lambda: mount("x" * 4096, "a", "tmpfs"), InvalidArgument, "the source has more than 4095"),
    "type too long": (lambda: mount("x", "a", "x" * 4096), InvalidArgument, "filesystem has more than 4095"),
    "no type": (lambda: mount("x", "a"), InvalidArgument, "needs the name of a filesystem"),
    "wrong option": (lambda: mount("x", "a", "tmpfs", 0, "sizze=1m"), InvalidArgument, "'tmpfs'.*'sizze=1m'"),
    "remount of a directory": (
        lambda: mount(None, "a", None, MS_REMOUNT),
        InvalidArgument,
        "'a' is not a mount point: it is a part of the mount at '.*/place'",
    ),
    "bind remount of a directory": (
        lambda: mount(None, "a", None, MS_REMOUNT | MS_BIND),
        InvalidArgument,
        "'a' is not a mount point",
    ),
    "remount with a wrong option": (
        lambda: mount(None, "mounted", None, MS_REMOUNT, "sizze=1m"),
        InvalidArgument,
        "options 'sizze=1m'",
    ),
    "bind of nothing": (lambda: mount("", "a", None, MS_BIND), InvalidArgument, "MS_BIND needs a source"),
    "bind of a file": (
        lambda: mount("file", "a", None, MS_BIND),
        PathNotADirectory,
        "'file' is a file, so it cannot be mounted on 'a', which is a directory",
    ),
    "bind to a file": (lambda: mount("a", "file", None, MS_BIND), PathNotADirectory, "'a' is a directory, .*'file'"),
    "bind of what is missing": (lambda: mount("c", "a", None, MS_BIND), PathNotFound, "'c' does not exist"),
    "bind to what is missing": (lambda: mount("a", "c", None, MS_BIND), PathNotFound, "'c' does not exist"),
    "unbindable": (bind_something_unbindable, InvalidArgument, "'mounted' is on a mount that is unbindable"),
    "bind of another namespace": (
        lambda: mount(root_of_another_namespace(), "a", None, MS_BIND),
        InvalidArgument,
        "of another mount namespace",
    ),
    "unmount in another namespace": (
        lambda: umount(root_of_another_namespace()),
        InvalidArgument,
        "is on a mount of another mount namespace",
    ),
    "two propagations": (
        lambda: mount(None, "mounted", None, MS_SHARED | MS_PRIVATE),
        InvalidArgument,
        "MS_PRIVATE | MS_SHARED exclude each other",
    ),
    "empty target": (lambda: mount("x", "", "tmpfs"), PathNotFound, "'' does not exist"),
    "propagation and more": (
        lambda: mount(None, "mounted", None, MS_PRIVATE | MS_NODEV),
        InvalidArgument,
        "only MS_REC and MS_SILENT are allowed, not MS_NODEV",
    ),
    "propagation of a directory": (
        lambda: mount(None, "a", None, MS_PRIVATE),
        InvalidArgument,
        "'a' is not a mount point",
    ),
    "move of a directory": (lambda: mount("a", "b", None, MS_MOVE), InvalidArgument, "'a' is not a mount point"),
    "move of nothing": (lambda: mount(None, "b", None, MS_MOVE), InvalidArgument, "MS_MOVE needs a source"),
    "move of the root": (lambda: mount("/", "/", None, MS_MOVE), OSError, "root of all mounts|is below '/'"),
    "move to a file": (
        lambda: mount("mounted", "file", None, MS_MOVE),
        (InvalidArgument, PathNotADirectory),
        "'mounted' is a directory, .*'file'",
    ),
    "move below itself": (
        lambda: mount("mounted", "mounted/below", None, MS_MOVE),
        InvalidPath,
        "'mounted/below' is below 'mounted'",
    ),
    "move out of a shared mount": (
        move_out_of_a_shared_mount,
        InvalidArgument,
        "'mounted' is on the mount at '.*/place', whose propagation is shared",
    ),
    "move of something unbindable": (move_something_unbindable, InvalidArgument, "unbindable"),
    "unmount of a directory": (lambda: umount("a"), InvalidArgument, "'a' is not a mount point"),
    "flags of the kernel": (
        lambda: mount("x", "a", "tmpfs", 1 << 40 | MS_NOUSER | MS_NODEV),
        InvalidArgument,
        "programs cannot use the flags 0x10080000000",
    ),
    "bind with a flag of the kernel": (
        lambda: mount("a", "b", None, MS_BIND | MS_NOUSER),
        InvalidArgument,
        "programs cannot use the flags 0x80000000",
    ),
    "mount on what was detached": (
        mount_on_what_was_detached,
        (PathNotFound, InvalidArgument),
        "is on a mount of another mount namespace, or on one that was detached",
    ),
    "root that is locked": (unmount_the_root_that_is_locked, InvalidArgument, "'/' is the root, which cannot be unm"),
    "unknown flags of umount": (lambda: umount("a", 0x40 | MNT_DETACH), InvalidArgument, "unknown flags 0x40"),
    "flags that exclude each other": (
        lambda: umount("mounted", MNT_EXPIRE | MNT_FORCE),
        InvalidArgument,
        "MNT_EXPIRE excludes",
    ),
    "expiry of the root": (lambda: umount("/", MNT_EXPIRE), InvalidArgument, "'/' is the root, which cannot expire"),
    "mounts on it": (unmount_below_a_mount, InvalidArgument, "other mounts are on 'mounted': .*/mounted/below"),
    "used by its working directory": (
        unmount_the_working_directory,
        InvalidArgument,
        "the working directory of this process is on",
    ),
    "used by another process": (
        unmount_what_another_process_uses,
        InvalidArgument,
        "a process uses 'mounted', which 'fuser -vm' lists",
    ),
    "pivot to a directory": (lambda: pivot_root("a", "a"), InvalidArgument, "'a' is not a mount point"),
    "pivot to the root": (lambda: pivot_root("/", "mounted"), InvalidArgument, "'/' is the root already"),
    "old root on the mount of the root": (
        lambda: pivot_root("mounted", "/"),
        InvalidArgument,
        "'/' is on the same mount as the root, and not below 'mounted'",
    ),
    "old root elsewhere": (pivot_beside_the_root, InvalidArgument, "'a' is not below 'mounted'"),
    "pivot in a chroot": (pivot_in_a_chroot, InvalidArgument, r"because of a chroot\(\)"),
    "pivot to a shared mount": (
        pivot_to_a_shared_mount,
        InvalidArgument,
        "'mounted' is mounted on the mount at '.*/place', whose propagation is shared",
    ),
    "old root on a shared mount": (
        pivot_with_a_shared_old_root,
        InvalidArgument,
        "'mounted/below' is on a mount whose propagation is shared",
    ),
    "new root is a file": (lambda: pivot_root("file", "a"), PathNotADirectory, "new_root 'file' is not a directory"),
    "old root is a file": (lambda: pivot_root("a", "file"), PathNotADirectory, "put_old 'file' is not a directory"),
    "new root is missing": (lambda: pivot_root("c", "a"), PathNotFound, "'c' does not exist"),
    "old root is missing": (lambda: pivot_root("mounted", "c"), PathNotFound, "'c' does not exist"),
}


@needs_mounts
@pytest.mark.defect("Y5", "Y6")
@pytest.mark.parametrize("cause", REFUSALS)
@alone
def test_refusal(place, cause):
    """The sentence says which cause of an errno it was, and which path is wrong."""
    call, exception, words = REFUSALS[cause]
    prepare(place)
    with pytest.raises(exception, match=words):
        call()


@needs_mounts
@needs(kernel=(5, 11), when="overlay" in _system_look.filesystems(), reason="needs overlay")
@alone
def test_path_in_an_option(place):
    """A source that is a name is not taken for the path that is missing."""
    support.own_mounts()
    with pytest.raises(PathNotFound, match="a path in the options 'lowerdir=/missing:/tmp' does not"):
        mount("overlay", place, "overlay", 0, "lowerdir=/missing:/tmp")


def new_user_namespace():
    """Be root in a user namespace, with the mount namespace of before."""
    user, group = os.geteuid(), os.getegid()
    assert support.libc.unshare(0x10000000) == 0
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        Path("/proc/self", name).write_text(text)


def in_a_mount_namespace(call):
    """Make *call* in a mount namespace that has copied mounts from one above."""

    def body():
        support.raw_mount(None, "mounted", None, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        support.own_namespaces()
        call()

    return body


def in_a_user_namespace(call):
    def body():
        new_user_namespace()
        call()

    return body


def force_in_a_user_namespace():
    support.raw_mount(".", "a", None, MS_BIND | MS_REC)
    umount("a", MNT_FORCE)


FOREIGN = "belongs to a user namespace above its own.*unshare"
DENIALS = {
    "mounts of the namespace above": (
        in_a_user_namespace(lambda: mount("x", "a", "tmpfs")),
        f"mount namespace.*{FOREIGN}",
    ),
    "unmount in the namespace above": (in_a_user_namespace(lambda: umount("mounted")), f"mount namespace.*{FOREIGN}"),
    "pivot in the namespace above": (
        in_a_user_namespace(lambda: pivot_root("mounted", "mounted")),
        f"mount namespace.*{FOREIGN}",
    ),
    "host name of the namespace above": (in_a_user_namespace(lambda: sethostname("x")), f"UTS namespace.*{FOREIGN}"),
    "locked flags": (
        in_a_mount_namespace(lambda: mount(None, "mounted", None, MS_REMOUNT | MS_BIND | MS_NODEV)),
        "is locked.*so add MS_NOSUID | MS_NOEXEC",
    ),
    "filesystem of the namespace above": (
        in_a_mount_namespace(lambda: mount(None, "mounted", None, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC)),
        "belongs to another user namespace; MS_BIND | MS_REMOUNT",
    ),
    "filesystem of no user namespace": (
        in_a_mount_namespace(lambda: mount("x", "a", "bpf" if "bpf" not in _system_look.filesystems() else "debugfs")),
        "a user namespace cannot mount the filesystem",
    ),
    "force in a user namespace": (
        in_a_mount_namespace(force_in_a_user_namespace),
        "MNT_FORCE needs CAP_SYS_ADMIN in the user namespace of the filesystem",
    ),
    "proc of another pid namespace": (
        in_a_mount_namespace(lambda: mount("proc", "a", "proc")),
        "'proc' shows the pid namespace, which belongs to another user namespace",
    ),
}


@needs_mounts
@needs_namespaces
@pytest.mark.parametrize("cause", DENIALS)
@alone
def test_denial(place, cause):
    """EPERM says which namespace it is about, or which flags are locked."""
    call, words = DENIALS[cause]
    prepare(place)
    with pytest.raises(PermissionError, match=words):
        call()


@needs_mounts
@needs_namespaces
@alone
def test_locked_mounts(place):
    """A mount that came from above cannot be unmounted, moved or bound alone."""
    prepare(place)
    support.own_namespaces()
    with pytest.raises(InvalidArgument, match="'mounted' is locked"):
        umount("mounted")
    with pytest.raises(InvalidArgument, match="'mounted' is locked"):
        mount("mounted", "a", None, MS_MOVE)
    with pytest.raises(InvalidArgument, match="'mounted' is locked"):
        pivot_root("mounted", "mounted/below")
    with pytest.raises(InvalidArgument, match="add MS_REC"):
        mount(".", "a", None, MS_BIND)
    mount(".", "a", None, MS_BIND | MS_REC)


@needs_mounts
@needs_namespaces
@alone
def test_proc_that_would_show_more(place):
    """A new proc is refused where the visible one is covered in part."""
    support.own_mounts()
    support.raw_mount("cover", "/proc/sys", "tmpfs")
    support.own_namespaces()
    assert support.libc.unshare(0x20000000) == 0  # CLONE_NEWPID

    def body():
        with pytest.raises(PermissionError, match="would show more"):
            mount("proc", place, "proc")

    in_child(body)


@needs_loop
@alone
def test_device_on_a_mount_without_devices(tmp_path, place):
    """A device file on a mount with MS_NODEV is not a device there."""
    support.own_mounts(place)
    (place / "target").mkdir()
    with support.loop_device(tmp_path) as device:
        os.mknod(place / "device", 0o60600, os.stat(device).st_rdev)
        mount(None, place, None, MS_REMOUNT | MS_NODEV)
        with pytest.raises(PermissionError, match="which has MS_NODEV"):
            mount(place / "device", place / "target", "ext4")


@needs_loop
@alone
def test_device_that_can_only_be_read(tmp_path, place):
    """A device that is read-only has to be mounted so."""
    support.own_mounts()
    with support.loop_device(tmp_path, read_only=True) as device:
        with pytest.raises(OSError, match="add MS_RDONLY") as caught:
            mount(device, place, "ext4")
        assert caught.value.errno in (errno.EACCES, errno.EROFS)
        mount(device, place, "ext4", MS_RDONLY)
        with pytest.raises(OSError, match="add MS_RDONLY"):
            mount(None, place, None, MS_REMOUNT)


@needs_loop
@alone
def test_damaged_filesystem(tmp_path, place):
    """A device without a superblock is named, with its type and the options."""
    support.own_mounts()
    with support.loop_device(tmp_path) as device:
        Path(device).write_bytes(bytes(4096))
        with pytest.raises(InvalidArgument, match=f"{device!r} has no valid superblock of 'ext4'.*'ro'"):
            mount(device, place, "ext4", 0, {"ro": True})


@needs_mounts
@alone
def test_sentence_without_proc(place):
    """Where proc is not mounted the errors are the same, with plainer sentences."""
    prepare(place)
    support.raw_mount("cover", "/proc", "tmpfs")
    for call, exception in (
        (lambda: mount(None, "a", None, MS_REMOUNT), InvalidArgument),
        (lambda: mount("a", "b", None, MS_MOVE), InvalidArgument),
        (lambda: mount("x", "a", "nofs"), OSError),
        (lambda: umount("a"), InvalidArgument),
        (lambda: pivot_root("a", "b"), InvalidArgument),
        (lambda: sethostname("x" * 65), OSError),
    ):
        with pytest.raises(exception) as caught:
            call()
        assert len(caught.value.strerror) > 30
    os.chdir("mounted")
    with pytest.raises(InvalidArgument, match="a process uses"):
        umount(place / "mounted")


UNSEEN = "/proc, which tells which of these it is, could not be read"


def cover_below():
    support.raw_mount("below", "mounted/below", "tmpfs")


def nothing():
    pass


VAGUE = {
    "unmount of a directory": (nothing, lambda: umount("a"), "'a' is not a mount point"),
    "move of a directory": (nothing, lambda: mount("a", "b", None, MS_MOVE), "'a' is not a mount point"),
    "remount of a directory": (nothing, lambda: mount(None, "a", None, MS_REMOUNT), "'a' is not a mount point"),
    "pivot to a directory": (nothing, lambda: pivot_root("a", "a"), "'a' is not a mount point"),
    "unmount of a locked mount": (
        support.own_namespaces,
        lambda: umount("mounted"),
        f"'mounted' is locked.*, or is of another mount namespace; {UNSEEN}",
    ),
    "move of a locked mount": (
        support.own_namespaces,
        lambda: mount("mounted", "a", None, MS_MOVE),
        f"'mounted' is locked.*, or is on a shared mount; {UNSEEN}",
    ),
    "bind of a locked mount": (
        support.own_namespaces,
        lambda: mount(".", "a", None, MS_BIND),
        f"cannot be bound: .*unbindable, or needs MS_REC; {UNSEEN}",
    ),
    "pivot to a locked mount": (
        support.own_namespaces,
        lambda: pivot_root("mounted", "mounted/below"),
        f"'mounted' is locked.*, or one of the mounts is shared; {UNSEEN}",
    ),
    "a filesystem": (
        support.own_namespaces,
        lambda: mount("proc", "a", "proc"),
        f"CAP_SYS_ADMIN in .* mount namespace.*, or is not allowed in a user namespace.*; {UNSEEN}",
    ),
    "a host name": (
        support.own_namespaces,
        lambda: sethostname("x"),
        f"CAP_SYS_ADMIN in .* UTS namespace.*; {UNSEEN}",
    ),
    "no capability": (
        nothing,
        lambda: (setattr(capabilities, "effective", ()), umount("mounted")),
        "this needs CAP_SYS_ADMIN.*run as root",
    ),
    "what is in use": (cover_below, lambda: umount("mounted"), "a process uses 'mounted', or other mounts are on it"),
    "a type": (nothing, lambda: mount("x", "a", "nofs"), "'nofs'.*; or the device of the source does not exist"),
}


def without_proc():
    support.raw_mount("cover", "/proc", "tmpfs")


def without_descriptors():
    number = support.next_descriptor()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


@needs_mounts
@needs_namespaces
@needs(kernel=(5, 8))
@pytest.mark.parametrize("blind", [without_proc, without_descriptors])
@pytest.mark.parametrize("cause", VAGUE)
@alone
def test_sentence_of_several_causes(place, cause, blind):
    """Where /proc cannot be read, the sentence names the causes and not a wrong one."""
    change, call, words = VAGUE[cause]
    prepare(place)
    change()
    blind()
    with pytest.raises(OSError, match=words):
        call()


@needs_mounts
@alone
def test_sentence_in_a_removed_directory(place):
    """A relative path without a working directory is an error of the call alone."""
    prepare(place)
    os.chdir("b")
    os.rmdir("../b")
    with pytest.raises(PathNotFound):
        mount("x", "a", "tmpfs")
    with pytest.raises(PathNotFound):
        umount("a")


def test_mounts_are_read_as_the_kernel_writes_them(tmp_path):
    """The sentences know mounts whose paths have blanks and bytes that are not text."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/a blank\t\n\\\xff")
    os.mkdir(path)

    def body():
        support.own_mounts(path)
        line = _system_look.mounts()[_system_look.mount_of(path)]
        assert (line.target, line.kind, line.source, line.shared) == (path, "tmpfs", "tmpfs", False)
        with (
            pytest.raises(InvalidArgument, match="descriptor") as caught,
            open(f"{path}/x", "w"),
        ):
            umount(path)
        assert caught.value.filename == path

    in_child(body)


test_mounts_are_read_as_the_kernel_writes_them = needs_mounts(test_mounts_are_read_as_the_kernel_writes_them)


@needs("CAP_SYS_ADMIN")
@alone
def test_pivot_to_a_directory_of_the_root(place):
    """A directory on the mount of the root is not a new root yet."""
    support.own_mounts()
    root = _system_look.mount_of("/")
    new = next(f"/{name}" for name in os.listdir("/") if _system_look.mount_of(f"/{name}") == root)
    with pytest.raises(InvalidArgument, match=f"{new!r} is on the same mount as the root: bind it to itself"):
        pivot_root(new, new)


@needs("CAP_SYS_ADMIN")
@alone
def test_root_with_a_file_open_for_writing(place):
    """The root is not unmounted but made read-only, and the error is about that."""
    support.own_mounts(place)
    own_root(place)
    with open("/file", "w"), pytest.raises(InvalidArgument, match="files on '/' are open for writing"):
        umount("/")


@needs_mounts
@alone
def test_without_statx(place):
    """Where statx is missing, a descriptor and mountinfo tell the mounts apart."""
    prepare(place)
    support.inject("statx", errno.ENOSYS)
    with pytest.raises(InvalidArgument, match=r"'a' is not a mount point: it is a part of the mount at '.*/place'"):
        umount("a")
    with mounted("source", "a", "tmpfs"):
        assert f"{place}/a" in targets()
    assert f"{place}/a" not in targets()


def test_pivot_from_the_rootfs(monkeypatch, place):
    """The root that the kernel began with cannot be put elsewhere."""
    root = MountLine(1, 1, "0:1", "/", "/", [], [], "rootfs", "rootfs", [])
    for module in _system_errors, _system_umount_errors:
        monkeypatch.setattr(module, "mounts", lambda: {_system_look.mount_of("/"): root})
    with pytest.raises(InvalidArgument, match="the root is the rootfs"):
        _system_umount_errors.PIVOT_ROOT.fail(errno.EINVAL, new=str(place), old=str(place))


# mounted


@needs_mounts
@alone
def test_mounted(place):
    """The mount is there in the body alone; the arguments are those of mount."""
    support.own_mounts()
    with mounted("source", place, "tmpfs", MS_NODEV, {"size": "64k"}) as path:
        assert path == str(place)
        line = targets()[path]
        assert (line.source, "nodev" in line.options, "size=64k" in line.data) == ("source", True, True)
    assert str(place) not in targets()
    parameters = list(inspect.signature(mount).parameters.values())
    assert list(inspect.signature(mounted).parameters.values())[: len(parameters)] == parameters


@needs_mounts
@pytest.mark.parametrize("kind", [os.fsencode, os.path.relpath, Path])
@alone
def test_mounted_elsewhere(tmp_path, place, kind):
    """A relative path, bytes or a link: the mount is found again from any directory."""
    support.own_mounts()
    (tmp_path / "link").symlink_to("place")
    os.chdir(tmp_path)
    with mounted("source", kind("link"), "tmpfs") as path:
        assert path == str(place)
        os.chdir("/")
        (tmp_path / "link").unlink()
    assert str(place) not in targets()


@needs_mounts
@alone
def test_mounted_with_an_exception(place):
    """An exception of the body comes out as it is, after the unmount."""
    support.own_mounts()
    error = KeyError("of the body")
    with pytest.raises(KeyError) as caught, mounted("source", place, "tmpfs"):
        raise error
    assert caught.value is error
    assert error.__context__ is None
    assert str(place) not in targets()


@needs_mounts
@alone
def test_mounted_that_cannot_be_unmounted(place):
    """A failure of the unmount is the error, or a note of the error of the body."""
    support.own_mounts()
    kept = []

    def use():
        kept.append(open(place / "file", "w"))  # noqa: SIM115

    with pytest.raises(InvalidArgument, match="descriptor"), mounted("source", place, "tmpfs"):
        use()
    with pytest.raises(KeyError) as caught, mounted("source", place, "tmpfs"):  # noqa: PT012
        use()
        raise KeyError("of the body")
    assert caught.value.args == ("of the body",)
    if hasattr(caught.value, "add_note"):
        (note,) = caught.value.__notes__
        assert "is still mounted: " in note
        assert "descriptor" in note
    for file in kept:
        file.close()


@needs_mounts
@alone
def test_mounted_and_detached(place):
    """With MNT_DETACH the end does not mind what is in use."""
    support.own_mounts()
    with mounted("source", place, "tmpfs", umount_flags=MNT_DETACH):
        file = os.open(place / "file", os.O_CREAT)
    assert str(place) not in targets()
    os.close(file)


@needs_mounts
@needs(kernel=(5, 8))
@alone
def test_mounted_and_unmounted_in_the_body(place):
    """A mount that the body has unmounted is not unmounted again, nor one below it."""
    support.own_mounts(place)
    with mounted("source", place, "tmpfs"):
        umount(place)
    assert [line.source for line in support.mountinfo(place)] == ["tmpfs"]


@needs_mounts
@needs(kernel=(5, 8))
@alone
def test_mounted_and_covered(place):
    """A mount that covers it is left alone, and the error says so."""
    support.own_mounts()
    with pytest.raises(RuntimeError, match=r"moved(,| or) covered"), mounted("source", place, "tmpfs"):
        mount("cover", place, "tmpfs")
    assert [line.source for line in support.mountinfo(place)] == ["source", "cover"]


@needs_mounts
@alone
def test_mounted_in_a_forked_child(place):
    """A child that leaves the body does not unmount what its parent uses."""
    support.own_mounts()
    try:
        with mounted("source", place, "tmpfs"):
            child = os.fork()
            if child == 0:
                raise SystemExit
            os.waitpid(child, 0)
            assert str(place) in targets()
    except SystemExit:
        os._exit(0)
    assert str(place) not in targets()


@needs_mounts
@pytest.mark.parametrize("flags", [MS_REMOUNT, MS_REMOUNT | MS_BIND, MS_MOVE, MS_PRIVATE, MS_REC | MS_SLAVE])
@alone
def test_mounted_without_a_mount(place, flags):
    """Flags with which nothing new is mounted are refused before anything happens."""
    support.own_mounts(place)
    with pytest.raises(ValueError, match="mount nothing"), mounted(None, place, None, flags):
        raise AssertionError
    assert len(support.mountinfo(place)) == 1


@needs_mounts
@alone
def test_mounted_that_is_refused(place):
    """Without a mount there is nothing to unmount."""
    support.own_mounts(place)
    with pytest.raises(OSError, match="nofs"), mounted("source", place, "nofs"):
        raise AssertionError
    assert len(support.mountinfo(place)) == 1
    with pytest.raises(ValueError, match="umount_flags"), mounted("source", place, "tmpfs", umount_flags=1 << 40):
        raise AssertionError
    assert len(support.mountinfo(place)) == 1


@needs_mounts
@alone
def test_mounted_on_the_root(place):
    """The root of the process is refused, by whatever name: its mount could not end."""
    # a root of the test's own: if it were unmounted, its filesystem would be read-only
    support.own_mounts(place)
    own_root(place)
    os.symlink("/", "link")
    for target in "/", b"//", ".", Path("link"), "/proc/self/root":
        with pytest.raises(ValueError, match="root of this process"), mounted("source", target, "tmpfs"):
            raise AssertionError
    assert [line.source for line in support.mountinfo()].count("source") == 0


@needs_mounts
@alone
def test_mounted_that_expires(place):
    """MNT_EXPIRE is refused, since its first call unmounts nothing."""
    support.own_mounts(place)
    with (
        pytest.raises(ValueError, match="second call"),
        mounted("source", place, "tmpfs", umount_flags=MNT_EXPIRE),
    ):
        raise AssertionError
    assert len(support.mountinfo(place)) == 1


def move_it(place):
    os.mkdir(place.parent / "other")
    mount(place, place.parent / "other", None, MS_MOVE)


def change_the_root(place):
    os.chroot(place.parent)


def change_the_root_to_it(place):
    os.mkdir(place / "old")
    pivot_root(place, place / "old")


def change_the_namespace(place):
    assert support.libc.unshare(0x20000) == 0


@needs_mounts
@needs(kernel=(6, 8))
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (move_it, "still exists.* moved"),
        (change_the_root, "still exists.* root of this process has changed"),
        (change_the_root_to_it, "still exists.* root of this process has changed"),
        (change_the_namespace, "has another mount namespace"),
    ],
)
@alone
def test_mounted_and_out_of_reach(place, change, words):
    """Where the path does not lead to the mount any more, the end says why."""
    support.own_mounts(place.parent)
    place.mkdir()
    with pytest.raises(RuntimeError, match=words), mounted("source", place, "tmpfs"):
        change(place)


@needs_mounts
@needs(kernel=(6, 8))
@alone
def test_mounted_and_replaced(place):
    """Another mount in the place of one that the body has unmounted stays."""
    support.own_mounts()
    with mounted("source", place, "tmpfs"):
        umount(place)
        mount("another", place, "tmpfs")
    assert [line.source for line in support.mountinfo(place)] == ["another"]
    umount(place)
    with mounted("source", place, "tmpfs"):
        umount(place)
        place.rmdir()


class Interrupted(Exception):
    """The exception of a handler."""


@needs_mounts
@alone
def test_mounted_with_handlers_that_raise(place):
    """A signal handler that raises, wherever it comes, leaves nothing mounted."""
    support.own_mounts()
    raised = 0

    def handler(*_):
        raise Interrupted

    signal.signal(signal.SIGALRM, handler)
    for number in range(1000):
        try:
            signal.setitimer(signal.ITIMER_REAL, 2e-6 * (number % 40 + 1))
            with mounted("source", place, "tmpfs"):
                pass
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            raised += 1
        if support.mountinfo(place):
            gc.collect()  # PyPy has not ended the generator yet
        assert support.mountinfo(place) == []
    assert raised > 0


def ways_to_refuse(path):
    """Calls that fail with a sentence about a mount, which some filesystem has."""
    return [
        lambda: umount(path, MNT_EXPIRE | MNT_DETACH),
        lambda: umount(path, 0x100),
        lambda: umount(path, UMOUNT_NOFOLLOW | 0x100),
        lambda: mount(None, path, None, MS_REMOUNT | MS_BIND | MS_NOUSER),
        lambda: mount(None, path, None, MS_PRIVATE | MS_SHARED),
        lambda: mount(path, "/proc/version", None, MS_MOVE),
        lambda: mount("/proc/version", path, None, MS_BIND),
        lambda: mount("x", path, "nofs"),
        lambda: mount("/nofile", path, None, MS_BIND),
        lambda: pivot_root("/proc", path),
        lambda: pivot_root(path, "/proc/version"),
    ]


@needs_namespaces
@needs(when=os.path.exists("/dev/fuse"), reason="needs FUSE")
@alone
def test_a_filesystem_that_does_not_answer(place):
    """Neither a sentence nor mounted asks the filesystem: its server may be gone."""
    support.own_namespaces()
    support.raw_mount(None, "/", None, MS_REC | MS_PRIVATE)
    fuse = os.open("/dev/fuse", os.O_RDWR)
    support.raw_mount("fuse", place, "fuse", 0, f"fd={fuse},rootmode=40000,user_id=0,group_id=0")
    signal.alarm(20)  # which ends a process that waits for the server
    for call in ways_to_refuse(str(place)):
        with pytest.raises(OSError, match=r"^\[Errno"):
            call()
    with mounted("source", place, "tmpfs"):
        pass
    fd = os.open(place, 0o10000000)  # O_PATH
    with pytest.raises(InvalidArgument, match=f"descriptor {fd} of this process"):
        umount(place)
    os.close(fd)
    umount(place)


# pivot_root


@needs_mounts
@alone
def test_pivot_root(place):
    """The new root is the root, and the old one is where it was put."""
    prepare(place)
    os.mkdir("mounted/old")
    assert pivot_root("mounted", b"mounted/old") is None
    os.chdir("/")
    assert sorted(os.listdir("/")) == ["below", "old"]
    assert Path(f"/old{place}/file").exists()
    umount("/old", MNT_DETACH)
    assert os.listdir("/old") == []


@needs_mounts
@alone
def test_pivot_root_onto_itself(place):
    """With one path for both, the old root lies on the new one until unmounted."""
    prepare(place)
    os.chdir("mounted")
    pivot_root(".", ".")
    umount(".", MNT_DETACH)
    os.chdir("/")
    assert os.listdir("/") == ["below"]


@needs_namespaces
@alone
def test_example_of_the_module():
    """The example of the module's documentation works as it stands."""
    lines = [line for line in inspect.getdoc(system).split("\n") if line.startswith("    ") or not line]
    found = []

    def build(path):
        Path(path, "file").touch()
        found.extend(os.listdir(path))

    exec(inspect.cleandoc("\n".join(["", *lines])), {"build": build})
    assert found == ["file"]


# names


@needs_mounts
@pytest.mark.defect("Y1", "Y2")
@pytest.mark.parametrize(
    "name", ["x", "n" * 64, "n" * 63, "€" * 21, "ä" * 32, "", b"bytes", os.fsdecode(b"\xff" * 64)], ids=repr
)
@pytest.mark.parametrize(
    ("set_name", "get_name"), [(sethostname, gethostname), (setdomainname, getdomainname)], ids=["host", "domain"]
)
@alone
def test_names(set_name, get_name, name):
    """A name of up to 64 bytes is set, and read as a str."""
    support.own_uts()
    assert set_name(name) is None
    assert get_name() == os.fsdecode(name)


@needs_mounts
@pytest.mark.defect("Y2")
@alone
def test_name_that_is_too_long():
    """Bytes are counted, not characters."""
    support.own_uts()
    with pytest.raises(InvalidArgument, match="has 120 bytes; at most 64"):
        sethostname("€" * 40)


def test_name_with_a_nul():
    """The error of a NUL is about a name and not about a path."""
    with pytest.raises(ValueError, match="null byte in the name"):
        sethostname("na\0me")


# ids


def test_ids():
    """The ids are those that Python knows, of each thread too."""
    assert (getpid(), getppid(), gettid()) == (os.getpid(), os.getppid(), threading.get_native_id())
    found = []
    thread = threading.Thread(target=lambda: found.append((getpid(), gettid(), threading.get_native_id())))
    thread.start()
    thread.join()
    ((pid, tid, expected),) = found
    assert (pid, tid) == (getpid(), expected)
    assert tid != pid


@needs_namespaces
@alone
def test_ids_in_a_pid_namespace():
    """The first process of a pid namespace is 1 there, and its parent is outside."""
    support.own_namespaces()
    assert support.libc.unshare(0x20000000) == 0
    assert in_child(lambda: (getpid(), getppid(), gettid())) == (1, 0, 1)


@needs_mounts
@alone
def test_retry(place):
    """Retry is the BlockingIOError of EAGAIN, with the path."""
    support.own_mounts(place)
    with pytest.raises(Retry) as caught:
        umount(place, MNT_EXPIRE)
    assert (caught.value.errno, caught.value.filename) == (errno.EAGAIN, str(place))
    assert issubclass(Retry, BlockingIOError)


@needs_mounts
@alone
def test_read_only(place):
    """A remount changes the flags of the mount, alone or with the filesystem's."""
    support.own_mounts(place)
    mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    with pytest.raises(OSError, match="Read-only"):
        (place / "file").touch()
    line = targets()[str(place)]
    assert ("ro" in line.options, "ro" in line.data) == (True, False)
    mount(None, place, None, MS_REMOUNT | MS_RDONLY)
    assert "ro" in targets()[str(place)].data
