"""Handles of files, and the paths that are found for them."""

import contextlib
import ctypes
import errno
import functools
import inspect
import itertools
import os
import pickle
import random
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from support import libc, needs

from butter._constants.fanotify_handle import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_HANDLE_CONNECTABLE,
    AT_HANDLE_FID,
    AT_HANDLE_MNT_ID_UNIQUE,
    AT_SYMLINK_FOLLOW,
    FD_NSFS_ROOT,
    FD_PIDFS_ROOT,
    MAX_HANDLE_SZ,
)
from butter._fanotify_handle import FileHandle, name_to_handle_at, open_by_handle_at
from butter._fanotify_handle_paths import Paths, UnknownPath, path_of
from butter.errors import InvalidPath
from butter.fanotify import (
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_MARK_FILESYSTEM,
    FAN_NONBLOCK,
    FAN_ONDIR,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_DFID_NAME_TARGET,
    FAN_REPORT_DIR_FID,
    FAN_REPORT_FID,
    Fanotify,
)
from butter.system import STATMOUNT_MNT_BASIC, statmount

O_PATH = 0o10000000  # PyPy's os does not have it

# what opens every handle
needs_search = needs("CAP_DAC_READ_SEARCH")

# filesystems whose handles can be opened
OPENED = [pytest.param(kind, marks=[] if kind == "tmpfs" else support.needs_loop) for kind in support.FILESYSTEMS]
# a Linux 5.10 does not come back from its xfs with a handle that was never given
GARBAGE = [
    pytest.param("xfs", marks=[support.needs_loop, needs(kernel=(6, 12))]) if kind.values == ("xfs",) else kind
    for kind in OPENED
]
EXT4 = pytest.param("ext4", marks=support.needs_loop)
BTRFS = pytest.param(
    "btrfs", marks=[support.needs_loop, needs(when="btrfs" in support.FILESYSTEMS, reason="needs btrfs and mkfs.btrfs")]
)
OVERLAY = pytest.param("overlay", marks=needs("CAP_SYS_ADMIN", kernel=(6, 6)))


def on_new(*kinds):
    """Run the test in a child, in a new filesystem of each of *kinds*."""

    def decorate(test):
        @pytest.mark.parametrize("kind", kinds)
        @functools.wraps(test)
        def run(tmp_path, kind, **fixtures):
            def body(_):
                if kind == "overlay":
                    for name in "lower", "upper", "work", "merged":
                        os.mkdir(name)
                    support.raw_mount(kind, "merged", kind, 0, "lowerdir=lower,upperdir=upper,workdir=work")
                    os.chdir("merged")
                # another path to the same place might lead through a symbolic link
                test(Path(os.getcwd()), **fixtures)

            support.own_filesystem(body, tmp_path, "tmpfs" if kind == "overlay" else kind)

        # the arguments that pytest passes
        signature = inspect.signature(test)
        own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("tmp_path", "kind")]
        run.__signature__ = signature.replace(parameters=[*list(signature.parameters.values())[1:], *own])
        return run

    return decorate


def opened(handle, mount, flags=O_PATH):
    """The path that /proc has for the file of a handle."""
    fd = handle.open(mount, flags)
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


@contextlib.contextmanager
def unless(*numbers):
    """Go on if the block fails with one of these errnos."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise


# a name that is that of a link or of another directory, or a full filesystem
TAKEN = (errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST, errno.ENOSPC)


def reason(paths, handle, name=""):
    """Why a path is not known."""
    with pytest.raises(UnknownPath) as caught:
        paths.path(handle, name)
    return caught.value.reason


def listener():
    """A group of fanotify whose events have handles of directories, and names."""
    return Fanotify(FAN_REPORT_DFID_NAME | FAN_NONBLOCK)


# handles


@needs_search
@on_new(*OPENED)
def test_each_way_to_a_handle_leads_to_the_file(place):
    """A handle by path, directory or descriptor opens the file for read and write."""
    (place / "test_file").touch()
    inode = os.stat("test_file").st_ino
    for how in os.O_RDWR, os.O_RDONLY, os.O_WRONLY:
        with contextlib.ExitStack() as stack:
            directory, file = os.open(".", os.O_RDONLY), os.open("test_file", how)
            for fd in directory, file:
                stack.callback(os.close, fd)
            ways = [
                (dirfd, "test_file", flags)
                for dirfd in (directory, AT_FDCWD)
                for flags in (0, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH | AT_SYMLINK_FOLLOW)
            ]
            for arguments in [*ways, (file, "", AT_EMPTY_PATH)]:
                handle, mount = name_to_handle_at(*arguments)
                assert mount == support.mountinfo(place)[-1].id
                for mount_fd in directory, file, AT_FDCWD:
                    fd = open_by_handle_at(mount_fd, handle, how)
                    stack.callback(os.close, fd)
                    assert (os.fstat(fd).st_ino, os.fstat(fd).st_size) == (inode, 0)
                    assert not os.get_inheritable(fd)
    handle, _ = name_to_handle_at(AT_FDCWD, "", AT_EMPTY_PATH)
    assert opened(handle, place) == str(place)


@needs("CAP_SYS_ADMIN", kernel=(5, 13))
@on_new(*OPENED, OVERLAY)
def test_a_handle_is_equal_to_that_of_an_event(place):
    """``FileHandle.of`` is the handle that an event has, with fsid and type."""
    directory = place / "directory"
    directory.mkdir()
    with listener() as made:
        made.watch(directory, FAN_CREATE)
        (directory / "file").touch()
        event = made.read_event()
    assert (event.dir_handle, event.name) == (FileHandle.of(directory), "file")
    assert {event.dir_handle: "a key"}[FileHandle.of("directory")] == "a key"


@needs_search
@on_new(*OPENED)
def test_a_handle_is_of_the_file_and_not_of_the_name(place):
    """A file keeps its handle when renamed; the next with its name has another."""
    Path("file").touch()
    handle = FileHandle.of("file")
    os.rename("file", "renamed")
    Path("file").touch()
    assert FileHandle.of("renamed") == handle != FileHandle.of("file")
    assert opened(handle, place) == str(place / "renamed")
    os.unlink("renamed")
    with pytest.raises(OSError, match="it was deleted, or is not") as caught:
        handle.open(".")
    assert caught.value.errno == errno.ESTALE


@needs(kernel=(5, 13))
@needs_search
@on_new("tmpfs")
def test_a_handle_is_opened_on_its_own_filesystem(place):
    """A file of another filesystem is not opened, though it has the same handle."""
    for name in "one", "other":
        Path(name).mkdir()
        support.raw_mount("tmpfs", name, "tmpfs")
    one, other = FileHandle.of("one"), FileHandle.of("other")
    # the kernel's call looks at the handle alone
    foreign = one._replace(type=other.type, handle=other.handle)
    os.close(open_by_handle_at(os.open("other", os.O_RDONLY), foreign, O_PATH))
    with pytest.raises(OSError, match="is of another filesystem: its fsid is") as caught:
        foreign.open("other")
    assert caught.value.errno == errno.ESTALE
    fd = other.open("other", os.O_RDONLY, closefd=False)
    assert os.get_inheritable(fd)


@needs_search
@on_new(BTRFS)
def test_a_handle_of_a_subvolume(place):
    """A subvolume of btrfs has an fsid of its own, and a mark on it all another."""
    subprocess.run(["btrfs", "-q", "subvolume", "create", "part"], check=True, timeout=60)
    Path("part/directory").mkdir()
    handle = FileHandle.of("part/directory")
    marked = handle._replace(fsid=FileHandle.of(".").fsid)
    assert marked != handle
    paths = Paths()
    paths.add(".")
    for of in handle, marked:
        assert opened(of, place) == str(place / "part/directory")
    assert paths.path(marked) == str(place / "part/directory")
    with pytest.raises(OSError, match="of another filesystem"):
        marked.open("part")


@needs_search
@needs("CAP_SYS_ADMIN")
@support.needs_loop
@on_new("tmpfs")
def test_a_file_whose_directory_the_kernel_does_not_remember(place):
    """After a new mount the handle of a directory has a path, that of a file none."""
    Path("mount").mkdir()
    with support.loop_device(place) as device:
        support.raw_mount(device, "mount", "ext4")
        Path("mount/directory").mkdir()
        Path("mount/directory/file").touch()
        directory, file = FileHandle.of("mount/directory"), FileHandle.of("mount/directory/file")
        paths = Paths()
        paths.add("mount")
        assert paths.path(file) == str(place / "mount/directory/file")
        assert support.libc.umount2(b"mount", 0) == 0
        support.raw_mount(device, "mount", "ext4")
    paths = Paths()
    paths.add("mount")
    assert reason(paths, file) == "unreachable"
    assert paths.path(directory) == str(place / "mount/directory")
    os.close(file.open("mount", os.O_RDWR))


def test_a_handle_is_a_value(tmp_path):
    """It is a tuple that can be pickled, compared and read from its repr."""
    handle = FileHandle.of(tmp_path)
    assert pickle.loads(pickle.dumps(handle)) == handle == eval(repr(handle))
    assert handle == (handle.fsid, handle.type, handle.handle)
    assert hash(handle) == hash(FileHandle.of(tmp_path / ".." / tmp_path.name))
    assert (handle.fsid[0] - os.statvfs(tmp_path).f_fsid) % (1 << 32) == 0
    with pytest.raises(AttributeError):
        handle.type = 1
    with pytest.raises(TypeError, match="must be a FileHandle, not tuple"):
        open_by_handle_at(0, tuple(handle))


@needs(kernel=(6, 5))
def test_a_symbolic_link_has_a_handle(tmp_path):
    """A link at the end is followed by ``of`` unless told not to, never by the call."""
    (tmp_path / "link").symlink_to(".")
    assert FileHandle.of(tmp_path / "link") == FileHandle.of(tmp_path)
    link = FileHandle.of(tmp_path / "link", follow=False)
    assert link == name_to_handle_at(AT_FDCWD, tmp_path / "link", AT_HANDLE_FID)[0] != FileHandle.of(tmp_path)


@needs_search
@on_new(*OPENED)
def test_a_symbolic_link_is_opened_with_o_path(place):
    """The handle of a link opens the link, and nothing else does."""
    os.symlink(".", "link")
    link = FileHandle.of("link", follow=False)
    assert opened(link, place) == str(place / "link")
    with pytest.raises(InvalidPath, match="symbolic link"):
        link.open(place, os.O_RDONLY)


@needs(kernel=(6, 13))
@needs_search
@on_new(EXT4)
def test_a_connectable_handle_leads_to_its_directory(place):
    """A handle of AT_HANDLE_CONNECTABLE opens only below the mount, with its path."""
    os.makedirs("part/directory")
    Path("part/directory/file").touch()
    Path("file").touch()
    os.mkdir("seen")
    support.raw_mount("part", "seen", None, 0x1000)  # MS_BIND
    handle, unique = name_to_handle_at(AT_FDCWD, "part/directory/file", AT_HANDLE_CONNECTABLE | AT_HANDLE_MNT_ID_UNIQUE)
    assert statmount(unique, STATMOUNT_MNT_BASIC).mnt_id_old == support.mountinfo(place)[-1].id
    assert opened(handle, "seen") == str(place / "seen/directory/file")
    outside, _ = name_to_handle_at(AT_FDCWD, "file", AT_HANDLE_CONNECTABLE)
    with pytest.raises(OSError, match="AT_HANDLE_CONNECTABLE has to be"):
        outside.open("seen")


@on_new(OVERLAY)
def test_a_handle_to_compare(place):
    """Where handles cannot be opened ``of`` returns one to compare."""
    with pytest.raises(OSError, match=r"the filesystem \(overlay\) has no handles that can be opened") as caught:
        name_to_handle_at(AT_FDCWD, ".")
    assert caught.value.errno == errno.EOPNOTSUPP
    handle = FileHandle.of(".")
    assert handle == name_to_handle_at(AT_FDCWD, ".", AT_HANDLE_FID)[0]
    with pytest.raises(OSError, match=r"\(overlay\) of descriptor [0-9]+ has no handles that can be opened"):
        handle.open(".")


@needs(kernel=(6, 18))
def test_handles_of_processes_and_namespaces():
    """A pidfd and a namespace have handles, which need no capability to be opened."""
    pidfd = os.pidfd_open(os.getpid()) if hasattr(os, "pidfd_open") else libc.pidfd_open(os.getpid(), 0)
    found = [open_by_handle_at(FD_PIDFS_ROOT, FileHandle.of("", pidfd), os.O_RDONLY)]
    found.append(open_by_handle_at(FD_NSFS_ROOT, FileHandle.of("/proc/self/ns/uts"), os.O_RDONLY))
    assert os.fstat(found[0]).st_ino == os.fstat(pidfd).st_ino
    assert os.fstat(found[1]).st_ino == os.stat("/proc/self/ns/uts").st_ino
    for fd in pidfd, *found:
        os.close(fd)


@needs_search
@given(
    st.builds(
        FileHandle,
        st.tuples(*[st.integers(-(1 << 31), (1 << 31) - 1)] * 2),
        st.one_of(st.sampled_from([1, 2, 0x4D, 0x81, 0xF8, 0x10001, 0x30001]), st.integers(-(1 << 31), (1 << 31) - 1)),
        st.binary(max_size=MAX_HANDLE_SZ + 2),
    )
)
def test_garbage_is_refused(handle):
    """Bytes that are not a handle raise an OSError, and have no path."""
    paths = Paths()
    root = paths.add("/")
    for of in handle, handle._replace(fsid=root.fsid):
        with unless(errno.ESTALE, errno.EINVAL):
            os.close(of.open("/"))
        with contextlib.suppress(UnknownPath):
            paths.path(of)


@needs_search
@on_new(*GARBAGE)
def test_garbage_of_the_right_form_is_refused(place):
    """Bytes close to those of a handle open another file or none."""
    chance = random.Random(1)
    good = FileHandle.of(".")
    paths = Paths()
    paths.add(".")
    for _ in range(2000):
        content = bytearray(good.handle)
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        handle = good._replace(handle=bytes(content[: chance.choice([len(content), chance.randrange(len(content))])]))
        try:
            found = paths.path(handle)
        except UnknownPath:
            continue
        assert FileHandle.of(found) == handle


def test_no_descriptor_left(tmp_path):
    """Without a free descriptor handles and paths raise, and a rename is noted."""
    paths = Paths()
    watched = paths.add(tmp_path)
    (tmp_path / "other").mkdir()
    other = FileHandle.of(tmp_path / "other")

    def body():
        support.occupy_descriptors(63)
        support.allow_descriptors(64)
        for call in FileHandle.of, lambda _: paths.path(watched), lambda _: paths.path(other), other.open:
            with pytest.raises(OSError, match=r"\[Errno 24\]"):
                call(tmp_path)
        paths.moved(watched, "other", watched, "another")
        os.close(63)
        assert paths.path(watched) == os.path.realpath(tmp_path)

    support.in_child(body)


# permissions


def test_a_handle_of_what_may_not_be_read(public_path):
    """A user may have the handle of a file without a permission for it."""
    (public_path / "secret").mkdir(mode=0)

    def body():
        expected = FileHandle.of(public_path / "secret")
        support.become_nobody()
        assert FileHandle.of(public_path / "secret") == expected
        with pytest.raises(PermissionError, match="search a directory"):
            FileHandle.of(public_path / "secret/below")
        with pytest.raises(PermissionError, match=r"CAP_DAC_READ_SEARCH .* without it only directories") as caught:
            expected.open(public_path)
        with pytest.raises(PermissionError, match="CAP_SYS_ADMIN in the user namespace"):
            expected.open(public_path, os.O_DIRECTORY)
        return caught.value.errno

    if support.kernel() >= (6, 11):
        assert support.in_child(body) == errno.EPERM


@needs(kernel=(6, 11))
@support.alone_in_namespaces
def test_the_root_of_a_user_namespace_opens_directories(tmp_path):
    """It opens the directories, and only those, of a filesystem that it mounted."""
    Path("place").mkdir()
    support.raw_mount("tmpfs", "place", "tmpfs")
    Path("place/directory").mkdir()
    Path("place/file").touch()
    paths = Paths()
    paths.add("place")
    handle, file = FileHandle.of("place/directory"), FileHandle.of("place/file")
    assert opened(handle, "place", os.O_DIRECTORY) == paths.path(handle) == str(tmp_path / "place/directory")
    with pytest.raises(PermissionError, match="CAP_DAC_READ_SEARCH"):
        file.open("place", O_PATH)
    with pytest.raises(OSError, match="is not a directory") as caught:
        file.open("place", os.O_DIRECTORY)
    assert caught.value.errno == errno.ESTALE
    assert reason(paths, file) == "stale"


@needs("CAP_SYS_ADMIN", kernel=(6, 11))
@on_new(*OPENED)
def test_the_root_of_a_user_namespace_opens_directories_of_a_bind_mount(place):
    """It opens directories below a mount of its own, on a filesystem of others."""
    for name in "part", "part/directory", "other", "seen":
        Path(name).mkdir()
    support.own_namespaces()
    support.raw_mount("part", "seen", None, 0x1000)  # MS_BIND
    paths = Paths()
    paths.add("seen")
    assert paths.path(FileHandle.of("part/directory")) == str(place / "seen/directory")
    assert reason(paths, FileHandle.of("other")) == "stale"


# paths


@needs(kernel=(5, 13))
@needs_search
@on_new(*OPENED)
def test_a_path_follows_its_directory(place):
    """The path of a handle is where the directory is now, until it is deleted."""
    os.makedirs("a/b/c")
    paths = Paths()
    paths.add(".")
    handle = FileHandle.of("a/b/c")
    assert paths.path(handle) == paths.path(handle, ".") == str(place / "a/b/c")
    os.rename("a/b", "b")
    assert paths.path(handle, "name") == str(place / "b/c/name")
    os.symlink("b", "link")
    os.rename("b", "d")
    os.symlink("d", "b")
    assert paths.path(handle, b"name") == str(place / "d/c/name")
    assert paths.path(FileHandle.of(".")) == str(place)
    os.rmdir("d/c")
    assert reason(paths, handle) == "stale"


@needs_search
@on_new(*OPENED)
def test_a_deleted_directory_is_told_from_one_with_such_a_name(place):
    """A name that ends as the link of a deleted file does is found all the same."""
    Path("name (deleted)").mkdir()
    Path("name").mkdir()
    paths = Paths()
    paths.add(".")
    assert paths.path(FileHandle.of("name (deleted)")) == str(place / "name (deleted)")
    handle, fd = FileHandle.of("name"), os.open("name", os.O_RDONLY)
    os.rmdir("name")
    # its link is the path of the other, with a handle of its own
    assert os.readlink(f"/proc/self/fd/{fd}") == str(place / "name (deleted)")
    assert reason(paths, handle) in ("deleted", "stale")
    os.close(fd)


@needs_search
@on_new("tmpfs")
def test_a_deleted_directory_that_is_open(place):
    """The last path of a directory that was deleted is told, and not returned."""
    Path("name").mkdir()
    paths = Paths()
    paths.add(".")
    handle, fd = FileHandle.of("name"), os.open("name", os.O_RDONLY)
    os.rmdir("name")
    with pytest.raises(UnknownPath, match=f"deleted; its path was '{place}/name'$") as caught:
        paths.path(handle)
    assert (caught.value.reason, pickle.loads(pickle.dumps(caught.value)).reason) == ("deleted", "deleted")
    os.close(fd)


@needs_search
@on_new("tmpfs", EXT4)
def test_what_no_path_leads_to_is_unreachable(place):
    """A directory that is covered, outside the mount or the root has no path."""
    for name in "part", "part/inside", "outside", "seen", "covered", "covered/below", "root":
        Path(name).mkdir()
    support.raw_mount("part", "seen", None, 0x1000)  # MS_BIND
    outside, inside = FileHandle.of("outside"), FileHandle.of("part/inside")
    covered, below = FileHandle.of("covered"), FileHandle.of("covered/below")
    paths = Paths()
    paths.add("seen")
    assert paths.path(inside) == str(place / "seen/inside")
    # the link in /proc is the path of another directory
    assert os.path.isdir(opened(outside, "seen"))
    assert reason(paths, outside) == "unreachable"
    paths = Paths()
    paths.add(".")
    assert paths.path(covered, "name") == str(place / "covered/name")
    assert paths.path(below) == str(place / "covered/below")
    support.raw_mount("tmpfs", "covered", "tmpfs")
    Path("covered/below").mkdir()
    assert reason(paths, covered) == reason(paths, below) == "unreachable"
    support.libc.umount2(b"covered", 2)  # MNT_DETACH
    assert paths.path(below) == str(place / "covered/below")
    os.mkdir("root/proc")
    support.raw_mount("/proc", "root/proc", None, 0x5000)  # MS_BIND, MS_REC
    os.chroot("root")
    assert reason(paths, outside) == "unreachable"


# before, all filesystems in memory have the same number
@needs(kernel=(5, 13))
@needs_search
@on_new("tmpfs")
def test_the_mount_that_was_watched_is_gone(place):
    """The filesystem can be unmounted; the next one there has other paths."""
    os.makedirs("mount/a")
    support.raw_mount("tmpfs", "mount", "tmpfs")
    Path("mount/a").mkdir()
    handle = FileHandle.of("mount/a")
    paths = Paths()
    paths.add("mount")
    assert paths.path(handle) == str(place / "mount/a")
    # it is not busy
    assert support.libc.umount2(b"mount", 0) == 0
    assert reason(paths, handle) == "unreachable"
    support.raw_mount("tmpfs", "mount", "tmpfs")
    Path("mount/a").mkdir()
    paths.add("mount")
    assert reason(paths, handle) == "unreachable"


@needs("CAP_SYS_ADMIN")
@needs_search
@on_new(EXT4)
def test_copies_of_a_filesystem_are_not_mistaken_for_each_other(place):
    """Where two filesystems with one id are watched, no path of them is known."""
    os.mkdir("made")
    os.mkdir("copied")
    support.raw_mount("tmpfs", "made", "tmpfs")
    for name in "first", "second":
        Path(name).mkdir()
        Path("made", name).mkdir()
    with support.loop_device("made/first") as device:
        support.raw_mount(device, "first", "ext4")
        os.sync()
    with support.loop_device("made/second") as device:
        shutil.copyfile("made/first/image", device)
        support.raw_mount(device, "second", "ext4")
    paths = Paths()
    first = paths.add("first")
    assert paths.path(first) == str(place / "first")
    assert paths.add("second") == first
    assert reason(paths, first) == "ambiguous"


@needs_search
@on_new(*OPENED)
def test_names_of_any_bytes(place):
    """A name may be as long as a filesystem allows, and of any bytes."""
    paths = Paths()
    paths.add(b".")
    for name in b"n" * 255, b"\xff\xfe", b"a\nb \t\\012", "\u00e9".encode(), b" (deleted)":
        os.mkdir(name)
        assert os.fsencode(paths.path(FileHandle.of(name), name)) == b"%s/%s/%s" % (bytes(place), name, name)


@needs_search
@on_new("tmpfs")
def test_a_path_that_is_too_long(place):
    """A directory whose path is longer than the kernel takes is not found by it."""
    paths = Paths()
    paths.add(".")
    for _ in range(20):
        os.mkdir("n" * 250)
        os.chdir("n" * 250)
    with pytest.raises(UnknownPath, match="longer than 4095 bytes"):
        paths.path(FileHandle.of("."))


@needs_search
@on_new("tmpfs")
def test_a_look_needs_proc(place):
    """Without /proc only the watched paths are known, and the error says so."""
    Path("directory").mkdir()
    paths = Paths()
    watched, other = paths.add("."), FileHandle.of("directory")
    support.raw_mount("tmpfs", "/proc", "tmpfs")
    assert paths.path(watched) == str(place)
    with pytest.raises(UnknownPath, match="/proc is needed"):
        paths.path(other)


@needs_search
@on_new("tmpfs")
def test_the_cache_is_bounded(place):
    """It keeps the paths that were looked up last, and what is watched for ever."""
    paths = Paths(size=2)
    watched = paths.add(".")
    handles = []
    for name in "abcd":
        Path(name).mkdir()
        handles.append(FileHandle.of(name))
        assert paths.path(handles[-1]) == str(place / name)
    assert list(paths._found) == handles[2:]
    # an open of a handle would fail now
    support.inject("open_by_handle_at", errno.ESTALE)
    assert [paths.path(handle) for handle in (watched, *handles[2:])] == [
        str(place),
        *map(str, (place / "c", place / "d")),
    ]
    assert reason(paths, handles[0]) == "stale"
    paths.forget(watched)
    assert reason(paths, watched) == "stale"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
@needs_search
@on_new("tmpfs")
def test_without_openat2(place, number):
    """On an old kernel, or in a sandbox, the event of a rename ends a path."""
    support.inject("openat2", number)
    os.makedirs("old/below")
    paths = Paths()
    paths.add(".")
    handle = FileHandle.of("old/below")
    assert paths.path(handle) == str(place / "old/below")
    os.rename("old", "new")
    os.symlink("new", "old")
    # it leads there, too
    assert paths.path(handle) == str(place / "old/below")
    paths.moved()
    assert paths.path(handle) == str(place / "new/below")


@pytest.mark.parametrize("flags", [[0x201], [0x201, 0x200]], ids=["before 6.12", "before 6.5"])
@needs_search
@on_new(EXT4)
def test_on_an_older_kernel(place, flags):
    """Where a mount gets the id of another, its filesystem tells them apart."""
    Path("mount").mkdir()
    Path("directory").mkdir()
    for flag in flags:
        for empty in 0, AT_EMPTY_PATH:
            support.inject("name_to_handle_at", errno.EINVAL, arguments={4: flag | empty})
    paths = Paths()
    paths.add(".")
    handle = FileHandle.of("directory")
    assert [paths.path(handle), paths.path(handle)] == [str(place / "directory")] * 2
    support.raw_mount("tmpfs", "mount", "tmpfs")
    root = paths.add("mount")
    assert paths.path(root) == str(place / "mount")
    support.libc.umount2(b"mount", 0)
    support.raw_mount("tmpfs", "mount", "tmpfs")
    # as if the id had been used again, which it is if no other process is faster
    for kept in paths._mounts[root.fsid].values():
        kept.mount.id = support.mountinfo(place / "mount")[-1].id
    with pytest.raises(UnknownPath):
        paths.path(root)


@needs("CAP_SYS_ADMIN")
@on_new(OVERLAY)
def test_what_is_watched_is_known_where_handles_cannot_be_opened(place):
    """On an overlay the paths of watched directories are known, and no others."""
    os.makedirs("watched/other")
    paths = Paths()
    handle = paths.add("watched")
    assert paths.path(handle, "name") == str(place / "watched/name")
    assert reason(paths, FileHandle.of("watched/other")) == "stale"
    os.rename("watched", "renamed")
    assert reason(paths, handle) == "stale"


def test_a_user_knows_what_is_watched(public_path):
    """Without a capability a path is known while the directory is there."""
    os.chmod(public_path, 0o777)

    def body():
        support.become_nobody()
        os.chdir(public_path)
        os.makedirs("a/b/c")
        os.mkdir("d")
        paths = Paths()
        above, a, d, c = map(paths.add, (".", "a", "d", "a/b/c"))
        place = Path(os.getcwd())
        assert [paths.path(handle) for handle in (a, c)] == [str(place / "a"), str(place / "a/b/c")]
        assert reason(paths, FileHandle.of("a/b")) == "forbidden"
        # a rename of which no event tells, and one that an event tells
        os.rename("a/b", "d/e")
        assert reason(paths, c) == "forbidden"
        paths.moved(a, "b", d, b"e")
        assert paths.path(c) == str(place / "d/e/c")
        os.rename("d", "f")
        paths.moved(above, "d", above, "f")
        assert (paths.path(c, "name"), paths.path(d)) == (str(place / "f/e/c/name"), str(place / "f"))
        # to where nothing is watched
        os.mkdir("f/e/g")
        os.rename("f/e/c", "f/e/g/c")
        paths.moved(None, "", FileHandle.of("f/e/g"), "c")
        assert reason(paths, c) == "forbidden"
        paths.forget(d)
        assert reason(paths, d) == "forbidden"
        os.rename("a", "f/a")
        os.chmod("f", 0)
        assert reason(paths, a) == "forbidden"

    support.in_child(body)


# the paths of descriptors


def reason_of(file):
    """Why the path of an open file is not known."""
    with pytest.raises(UnknownPath) as caught:
        path_of(file.fileno())
    return caught.value.reason


@pytest.mark.parametrize("name", ["name", "name (deleted)", "\udcff\udcfe"])
def test_the_path_of_an_open_file(tmp_path, name):
    """It is where the file is now, whatever its name; a deleted file has none."""
    place = Path(os.path.realpath(tmp_path))
    with open(place / "first", "w") as file:
        assert path_of(file.fileno()) == str(place / "first")
        os.rename(place / "first", place / name)
        assert path_of(file.fileno()) == str(place / name)
        os.unlink(place / name)
        # the link in /proc is now the path of another file
        (place / f"{name} (deleted)").touch()
        with pytest.raises(UnknownPath, match="was deleted; its path was") as caught:
            path_of(file.fileno())
        assert caught.value.reason == "deleted"
        assert str(caught.value).endswith(repr(str(place / name)))


def test_the_path_of_a_file_with_several_names(tmp_path):
    """The file that lost the name under which it was opened is not called deleted."""
    place = Path(os.path.realpath(tmp_path))
    with open(place / "one", "w") as file:
        os.link(place / "one", place / "other")
        assert path_of(file.fileno()) == str(place / "one")
        os.unlink(place / "one")
        assert reason_of(file) == "unreachable"
        # a name that the words of the link lead to is right after all
        os.link(place / "other", place / "one (deleted)")
        assert path_of(file.fileno()) == str(place / "one (deleted)")


def test_what_is_not_in_a_directory_has_no_path(tmp_path, pipe, monkeypatch):
    """A pipe has none, even where a file is called as its link in /proc is."""
    monkeypatch.chdir(tmp_path)
    reading, _ = pipe
    Path(os.readlink(f"/proc/self/fd/{reading}")).symlink_to(f"/proc/self/fd/{reading}")
    with open(reading, closefd=False) as file:
        assert reason_of(file) == "unreachable"


@support.alone_in_namespaces
def test_the_path_of_a_file_on_a_mount_of_another_namespace(tmp_path):
    """It is one that leads to the file here, or unknown if none does."""
    for name in "seen", "covered":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    def elsewhere():
        support.own_mounts()
        files.extend(os.open(tmp_path / name / "file", os.O_RDONLY) for name in ("seen", "covered"))
        support.raw_mount("tmpfs", tmp_path / "covered", "tmpfs")
        Path(tmp_path, "covered/file").touch()
        files.append(os.open(tmp_path / "covered/file", os.O_RDONLY))
        ready.set()
        done.wait()  # the mounts are those of this thread

    files, ready, done = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=elsewhere)
    thread.start()
    ready.wait(30)
    seen, below, covering = map(open, files)
    assert path_of(seen.fileno()) == str(tmp_path / "seen/file")
    assert path_of(below.fileno()) == str(tmp_path / "covered/file")
    # the text is that of another file here
    assert os.readlink(f"/proc/self/fd/{covering.fileno()}") == str(tmp_path / "covered/file")
    assert reason_of(covering) == "unreachable"
    support.raw_mount("tmpfs", tmp_path / "seen", "tmpfs")
    assert reason_of(seen) == "unreachable"
    for file in seen, below, covering:
        file.close()
    done.set()
    thread.join()


def test_the_path_of_a_file_that_moves_all_the_time(tmp_path):
    """A file that is renamed there and back has one of its paths, or is moving."""
    place = os.path.realpath(tmp_path)
    names = [f"{place}/one", f"{place}/other"]
    done = threading.Event()

    def move():
        while not done.is_set():
            os.rename(names[0], names[1])
            os.rename(names[1], names[0])

    with open(names[0], "w") as file:
        thread = threading.Thread(target=move)
        thread.start()
        found = set()
        for _ in range(300):
            try:
                found.add(path_of(file.fileno()))
            except UnknownPath as error:
                found.add(error.reason)
        done.set()
        thread.join()
    assert found <= {*names, "moving"}


def test_no_permission_to_try_the_path(public_path):
    """A file in a directory that may not be searched has a path that is not tried."""
    (public_path / "closed").mkdir()
    with open(public_path / "closed/file", "w") as file:

        def body():
            support.become_nobody()
            with pytest.raises(UnknownPath, match=r"closed/file' cannot be tried: Permission denied") as caught:
                path_of(file.fileno())
            return caught.value.reason

        assert path_of(file.fileno()) == str(public_path / "closed/file")
        os.chmod(public_path / "closed", 0)
        reason = support.in_child(body)
        os.chmod(public_path / "closed", 0o700)
    assert reason == "unreachable"


# what is watched


def test_nothing_is_watched(tmp_path):
    """Without a watched path on its filesystem a handle has no path."""
    paths = Paths()
    assert reason(paths, FileHandle.of(tmp_path)) == "unwatched"
    for missing in tmp_path / "missing", "":
        assert paths.add(missing, 999 if missing == "" else AT_FDCWD) is None


def test_a_path_begins_at_a_descriptor(tmp_path):
    """A file that is watched by a descriptor has an absolute, real path."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("directory")
    fd = os.open(tmp_path, os.O_RDONLY)
    paths = Paths()
    real = os.path.realpath(tmp_path)
    for path, follow, name in (
        ("directory", True, "/directory"),
        ("", True, ""),
        ("link", True, "/directory"),
        ("link", False, "/link"),
    ):
        handle = paths.add(path, fd, follow)
        assert paths.path(handle) == real + name
    (tmp_path / "file").touch()
    with open(tmp_path / "file") as file:
        assert paths.path(paths.add(None, file)) == real + "/file"
    os.close(fd)


def test_a_forked_child_and_threads_share_the_paths(tmp_path):
    """Threads that look while directories move find right paths, or none."""
    real = os.path.realpath(tmp_path)
    paths = Paths(size=8)
    paths.add(tmp_path)
    handles = []
    for number in range(20):
        (tmp_path / f"a{number}").mkdir()
        handles.append(FileHandle.of(tmp_path / f"a{number}"))
        paths.add(tmp_path / f"a{number}")
    wrong, done = [], threading.Event()

    def look():
        chance = random.Random(2)
        while not done.is_set():
            number = chance.randrange(20)
            with contextlib.suppress(UnknownPath):
                found = paths.path(handles[number])
                if found not in (f"{real}/a{number}", f"{real}/b{number}"):
                    wrong.append(found)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    top = FileHandle.of(tmp_path)
    for turn in range(20):
        for number in range(20):
            names = [f"{letter}{number}" for letter in ("ab" if turn % 2 == 0 else "ba")]
            os.rename(tmp_path / names[0], tmp_path / names[1])
            paths.moved(top, names[0], top, names[1])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert support.in_child(lambda: [paths.path(handle) for handle in handles]) == [f"{real}/a{n}" for n in range(20)]


# of the chances that a history has; a long run tries more
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.stress) for seed in range(1, 16))]


class Model:
    """Directories as they should be, beside those of a filesystem."""

    def __init__(self, place, chance):
        self.place, self.chance = str(place), chance
        self.parents, self.names, self.handles = {0: None}, {0: ""}, {0: FileHandle.of(place)}
        self.dead, self.numbers = [], itertools.count(1)

    def path(self, node):
        parts = []
        while node:
            parts.append(self.names[node])
            node = self.parents[node]
        return "/".join([self.place, *reversed(parts)])

    def is_below(self, node, other):
        while node is not None and node != other:
            node = self.parents[node]
        return node == other

    def any(self, but_root=False):
        nodes = list(self.parents)[but_root:]
        return self.chance.choice(nodes) if nodes else None

    def any_name(self):
        """One of few names, so that it has often been that of another."""
        return self.chance.choice("abcdefgh")

    def make(self):
        parent, name, node = self.any(), self.any_name(), next(self.numbers)
        path = f"{self.path(parent)}/{name}"
        os.mkdir(path)
        self.parents[node], self.names[node], self.handles[node] = parent, name, FileHandle.of(path)
        return path

    def move(self):
        node, parent = self.any(but_root=True), self.any()
        if node is not None and not self.is_below(parent, node):
            name = self.any_name()
            os.rename(self.path(node), f"{self.path(parent)}/{name}")
            for other in list(self.parents):
                if (self.parents[other], self.names[other]) == (parent, name) and other != node:
                    self.forget(other)  # it was empty, and the other took its place
            self.parents[node], self.names[node] = parent, name

    def exchange(self):
        """Let two directories change places."""
        one, two = self.any(but_root=True), self.any(but_root=True)
        if one is None or self.is_below(one, two) or self.is_below(two, one):
            return
        paths = [os.fsencode(self.path(node)) for node in (one, two)]
        if libc.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], 2):  # RENAME_EXCHANGE
            raise OSError(ctypes.get_errno(), "renameat2")
        for values in self.parents, self.names:
            values[one], values[two] = values[two], values[one]

    def remove(self):
        leaves = [node for node in self.parents if node and node not in self.parents.values()]
        if leaves:
            node = self.chance.choice(leaves)
            os.rmdir(self.path(node))
            self.forget(node)

    def forget(self, node):
        for values in self.parents, self.names:
            del values[node]
        self.dead.append(self.handles.pop(node))

    def link(self):
        """Put a symbolic link in a place that a directory has left, or remove one."""
        path = f"{self.path(self.any())}/{self.any_name()}"
        if os.path.islink(path):
            os.unlink(path)
        else:
            os.symlink(self.path(self.any()), path)


CHANGES = FAN_RENAME | FAN_DELETE_SELF | FAN_ONDIR


@needs("CAP_SYS_ADMIN", kernel=(5, 17))
@needs_search
@pytest.mark.parametrize("seed", SEEDS)
@on_new(*OPENED)
def test_a_path_is_right_whatever_was_renamed(place, seed):
    """Beside a model, each path is that of its directory now, or there is none."""
    chance = random.Random(seed)
    model, looks, told = Model(place, chance), 0, 0
    with listener() as made:
        made._paths = paths = Paths(size=10)
        made.watch(place, CHANGES, FAN_MARK_FILESYSTEM)
        steps = [model.make, model.make, model.move, model.move, model.exchange, model.remove, model.link]
        for _ in range(250):
            with unless(*TAKEN):
                chance.choice(steps)()
            # before the event is read, and after
            for _ in range(2):
                for node in chance.sample(sorted(model.parents), min(4, len(model.parents))):
                    assert paths.path(model.handles[node]) == model.path(node)
                    looks += 1
                for handle in model.dead[-3:]:
                    assert reason(paths, handle) == "stale"
                told += len(made.read_events())
    assert looks > 1000
    assert told > 50


@needs(kernel=(5, 17))
@pytest.mark.parametrize("seed", SEEDS)
def test_a_path_is_right_or_unknown_to_a_user(public_path, seed):
    """Beside a model, the paths that a user watches follow the events."""
    os.chmod(public_path, 0o777)

    def body():
        support.become_nobody()
        chance = random.Random(seed)
        model, followed, told = Model(os.path.realpath(public_path), chance), 0, 0
        with listener() as made:
            paths = made._paths
            made.watch(model.place, CHANGES)

            def watch():
                made.watch(model.make(), CHANGES)

            # of those that are made, one in three is not watched
            steps = [watch, watch, model.make, model.move, model.move, model.exchange, model.remove, model.link]
            for _ in range(250):
                with unless(*TAKEN):
                    chance.choice(steps)()
                for _ in range(2):
                    for node, handle in model.handles.items():
                        with contextlib.suppress(UnknownPath):
                            assert paths.path(handle) == model.path(node)
                            followed += 1
                    for handle in model.dead:
                        reason(paths, handle)
                    told += len(made.read_events())
                assert not paths._watched.keys() & set(model.dead)
        return told, followed

    told, followed = support.in_child(body)
    assert told > 50
    assert followed > 1000


@needs(kernel=(5, 17))
def test_directories_that_take_the_place_of_others(public_path):
    """A user knows the path of each, exchanged or watched before the event is read."""
    os.chmod(public_path, 0o777)

    def body():
        support.become_nobody()
        os.chdir(public_path)
        place = os.getcwd()
        with listener() as made:
            for name in ".", "one", "one/below", "two":
                os.makedirs(name, exist_ok=True)
                made.watch(name, CHANGES)
            one, below, two = map(FileHandle.of, ("one", "one/below", "two"))
            assert libc.renameat2(AT_FDCWD, b"one", AT_FDCWD, b"two", 2) == 0  # RENAME_EXCHANGE
            made.read_events()
            for handle, name in (one, "two"), (below, "two/below"), (two, "one"):
                assert made._paths.path(handle) == f"{place}/{name}"
            os.rename("one", "three")
            os.mkdir("one")
            made.watch("one", CHANGES)
            made.read_events()
            for handle, name in (FileHandle.of("one"), "one"), (two, "three"):
                assert made._paths.path(handle) == f"{place}/{name}"

    support.in_child(body)


@needs(kernel=(5, 17))
@pytest.mark.parametrize(
    "flags", [FAN_REPORT_FID, FAN_REPORT_DIR_FID, FAN_REPORT_DFID_NAME, FAN_REPORT_DFID_NAME_TARGET]
)
def test_what_was_deleted_is_forgotten(tmp_path, flags):
    """Directories that come and go do not fill the memory, in any mode of a group."""
    events = FAN_ONDIR | (FAN_DELETE if flags == FAN_REPORT_DFID_NAME_TARGET else FAN_DELETE_SELF)
    with Fanotify(flags | FAN_NONBLOCK) as made:
        made.watch(tmp_path, events)
        for _ in range(3):
            (tmp_path / "directory").mkdir()
            made.watch(tmp_path / "directory", events)
            assert len(made._paths._watched) == 2
            (tmp_path / "directory").rmdir()
            made.read_events()
            assert list(made._paths._watched) == [FileHandle.of(tmp_path)]


@needs_search
@on_new("tmpfs")
def test_a_mount_that_was_moved(place):
    """After it is watched in its new place, its paths are found there."""
    os.makedirs("above/mount")
    support.raw_mount("tmpfs", "above/mount", "tmpfs")
    os.mkdir("above/mount/directory")
    handle = FileHandle.of("above/mount/directory")
    paths = Paths()
    paths.add("above/mount")
    assert paths.path(handle) == str(place / "above/mount/directory")
    os.rename("above", "renamed")
    assert reason(paths, handle) == "unreachable"
    paths.add("renamed/mount")
    assert paths.path(handle) == str(place / "renamed/mount/directory")


@needs_search
@on_new(BTRFS)
def test_a_subvolume_that_is_mounted_as_well(place):
    """The two mounts of one btrfs are not taken for two filesystems with one id."""
    subprocess.run(["btrfs", "-q", "subvolume", "create", "part"], check=True, timeout=60)
    os.makedirs("part/directory")
    Path("mount").mkdir()
    support.raw_mount(support.mountinfo(place)[-1].source, "mount", "btrfs", 0, "subvol=part")
    paths = Paths()
    handle = paths.add("part")
    assert paths.add("mount") == handle
    # a subvolume is a place of its own in each
    assert paths.path(FileHandle.of("part/directory")) in (
        str(place / "part/directory"),
        str(place / "mount/directory"),
    )
