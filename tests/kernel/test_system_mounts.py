"""The mount API: what it makes, what it says of errors, and the mount table."""

import contextlib
import errno
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import support
from support import alone_in_namespaces, in_child, needs

from butter import _system_mounts_info, _system_mounts_mount
from butter._system_mountinfo import parse
from butter._system_mounts_c import ffi, lib
from butter._system_mounts_context import FSCONFIG
from butter.errors import InvalidArgument, PathNotFound, UnknownError
from butter.system import (
    AT_FDCWD,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_CMD_CREATE_EXCL,
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_BINARY,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_STRING,
    FSMOUNT_NAMESPACE,
    FSPICK_EMPTY_PATH,
    LISTMOUNT_REVERSE,
    LSMT_ROOT,
    MOUNT_ATTR__ATIME,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RELATIME,
    MS_PRIVATE,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    OPEN_TREE_CLONE,
    OPEN_TREE_NAMESPACE,
    STATMOUNT_BY_FD,
    STATMOUNT_MNT_BASIC,
    STATMOUNT_MNT_NS_ID,
    STATMOUNT_OPT_ARRAY,
    STATMOUNT_SB_SOURCE,
    Mount,
    MountAttr,
    fsconfig,
    fsmount,
    fsopen,
    fspick,
    listmount,
    mount_setattr,
    mounts,
    move_mount,
    open_tree,
    open_tree_attr,
    statmount,
)

NUMBERS = ("old_id", "old_parent", "flags", "propagation", "peer_group", "master", "device", "superblock_flags")
STRINGS = ("path", "root", "fstype", "source", "options")

needs_table = needs(kernel=(6, 13))


def attached(path, fstype="tmpfs", attributes=None, **options):
    """Mount a new filesystem at *path*, a directory that is made for it."""
    os.makedirs(path, exist_ok=True)
    with Mount.new(fstype, **options) as mount:
        mount.set(**(attributes or {}))
        mount.attach(path)


def at(path):
    """The uppermost mount at *path*, as the table has it."""
    return [mount for mount in mounts() if mount.path == os.path.abspath(path)][-1]


def unmount(path):
    assert support.libc.umount2(os.fsencode(path), 2) == 0


# making mounts


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_new_and_attach(tmp_path):
    """A new filesystem has its options, and is in the table once it is attached."""
    os.mkdir("place")
    with Mount.new("tmpfs", source="here", size="1m", mode="700") as mount:
        assert str(tmp_path / "place") not in [other.path for other in mounts()]
        mount.attach("place")
        found = at("place")
        assert (found.source, found.fstype, found.root) == ("here", "tmpfs", "/")
        assert {"size=1024k", "mode=700"} <= set(found.options.split(","))
        assert found.device == os.stat("place").st_dev
    assert os.path.ismount("place")


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_a_detached_mount_can_be_filled(tmp_path):
    """The descriptor is a directory, which comes into the tree with the mount."""
    os.mkdir("place")
    with Mount.new("tmpfs") as mount:
        os.mkdir("made", dir_fd=mount.fileno())
        mount.attach(Path("place"))
    assert os.listdir("place") == ["made"]


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_a_detached_mount_ends_with_its_object(tmp_path):
    """Nothing is left of a mount that was never attached."""
    before = [mount.old_id for mount in mounts()]
    with Mount.new("tmpfs") as mount, Mount.clone("/proc") as clone:
        assert os.path.exists(f"/proc/self/fd/{clone.fileno()}/self")
        assert mount.fileno() != clone.fileno()
    assert [mount.old_id for mount in mounts()] == before


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_values_of_options(tmp_path):
    """True is an option without a value, None is none, others are text."""
    attached("place", ro=True, size=4096, nr_inodes=b"10", mode=Path("711"), mpol=None)
    found = at("place")
    assert found.superblock_flags == 1
    assert {"size=4k", "nr_inodes=10", "mode=711"} <= set(found.options.split(","))


@needs(kernel=(6, 7))
@alone_in_namespaces
def test_options_that_come_more_than_once(tmp_path):
    """A list sets its option once for each value, and their order counts."""
    for name in "a", "b", "merged":
        os.mkdir(name)
    for name in "a", "b":
        Path(name, "file").write_text(name)
    with Mount.new("overlay", **{"lowerdir+": ["b", b"a"]}) as mount:
        mount.attach("merged")
    assert Path("merged/file").read_text() == "b"


class Layer:
    """A directory that has ``fileno()``."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def fileno(self):
        return self.fd


@needs(kernel=(6, 13))
@alone_in_namespaces
def test_options_that_are_files(tmp_path):
    """An object with ``fileno()`` is given to the filesystem as a file."""
    for name in "a", "b", "merged":
        os.mkdir(name)
    Path("b/file").touch()
    layers = [Layer(name) for name in ("a", "b")]
    with Mount.new("overlay", **{"lowerdir+": layers}) as mount:
        mount.attach("merged")
    for layer in layers:
        os.close(layer.fileno())
    assert os.listdir("merged") == ["file"]


@needs_table
@alone_in_namespaces
def test_a_type_of_two_parts(tmp_path):
    """The type of a filesystem of FUSE has the name of its program behind the dot."""
    os.mkdir("place")
    with open("/dev/fuse", "r+b", 0) as fuse:
        with fuse_mount(fuse, subtype="test", source="a program") as mount:
            mount.attach("place")
        assert same_both_ways()[-1].fstype == "fuse.test"


def fuse_mount(fuse, **options):
    """A filesystem of FUSE whose program never answers."""
    return Mount.new("fuse", fd=fuse, rootmode="40000", user_id=0, group_id=0, **options)


@needs(kernel=(6, 5))
@alone_in_namespaces
def test_a_server_that_does_not_answer(tmp_path):
    """A look for a sentence does not ask the filesystem, so it does not wait."""
    signal.alarm(20)
    Path("file").touch()
    attached("under", attributes={"propagation": "shared"})
    with open("/dev/fuse", "r+b", 0) as fuse, fuse_mount(fuse) as mount:
        with pytest.raises(PathNotFound, match="target 'missing' does not exist"):
            mount.attach("missing")
        with pytest.raises(OSError, match="is a directory, and the other is not"):
            mount.attach("file")
        mount.attach("under")
        with pytest.raises(OSError, match=r"nothing is mounted on the target '\.'"):
            mount.attach(".", beneath=True)
        with pytest.raises(InvalidArgument, match="descriptor -1 is not a user namespace"):
            mount.set(idmap=-1)
        with pytest.raises(InvalidArgument, match="descriptor 0 is not a user namespace"):
            mount.set(idmap=0)


@pytest.mark.parametrize(
    ("options", "exception"),
    [
        ({"size": 1.5}, TypeError),
        ({"size": {}}, TypeError),
        ({"size": [object()]}, TypeError),
        ({"size": "1\0m"}, ValueError),
        ({"noswap": False}, ValueError),
        ({"mode": 0o755}, ValueError),
        ({"umask": [0o22]}, ValueError),
        ({"fd": type("Closed", (), {"fileno": lambda self: 1 << 40})()}, ValueError),
    ],
)
def test_bad_options_are_refused_first(monkeypatch, options, exception):
    """A value that no option can have is refused before there is a context."""
    monkeypatch.setattr(_system_mounts_mount, "fsopen", lambda fstype: pytest.fail("opened"))
    with pytest.raises(exception):
        Mount.new("tmpfs", **options)


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_clone(tmp_path):
    """A clone begins at its path, and has the mounts below if it is recursive."""
    attached("source")
    os.mkdir("source/below")
    attached("source/below/mount")
    for name in "flat", "deep":
        os.mkdir(name)
        with Mount.clone("source/below", recursive=name == "deep") as clone:
            clone.attach(name)
        assert at(name).root == "/below"
    assert not os.path.ismount("flat/mount")
    assert os.path.ismount("deep/mount")


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_attach_to_a_descriptor(tmp_path):
    """The place of a mount may be a descriptor, or an object that has one."""
    for name in "number", "object":
        os.mkdir(name)
    with Mount.new("tmpfs") as mount:
        fd = open_tree(AT_FDCWD, "number")
        mount.attach(fd)
        os.close(fd)
    assert os.path.ismount("number")
    with Mount("object") as place, Mount.new("tmpfs") as mount:
        mount.attach(place)
    assert os.path.ismount("object")


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_attach_through_a_link(tmp_path):
    """A symbolic link is followed, as mount(8) does."""
    os.mkdir("place")
    os.symlink("place", "link")
    attached("link")
    assert os.path.ismount("place")


@needs(kernel=(6, 5))
@alone_in_namespaces
def test_attach_beneath(tmp_path):
    """A mount that comes beneath another is seen when that is gone."""
    attached("place", source="upper")
    with Mount.new("tmpfs", source="lower") as mount:
        mount.attach("place", beneath=True)
    unmount("place")
    assert at("place").source == "lower"


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_attached_mounts_move(tmp_path):
    """The mount at a path, opened by it, goes to another place."""
    attached("one", source="moving")
    os.mkdir("two")
    with Mount("one") as mount:
        mount.attach("two")
    assert not os.path.ismount("one")
    assert at("two").source == "moving"


@needs_table
@alone_in_namespaces
def test_id(tmp_path):
    """An object knows the id that the table and statmount have."""
    attached("place", source="known")
    with Mount("place") as mount:
        assert mount.id == at("place").id
        assert statmount(mount.id, STATMOUNT_SB_SOURCE).sb_source == "known"


# attributes


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_set(tmp_path):
    """True sets an attribute, False clears it, and None leaves it."""
    attached("place")
    words = ["readonly", "nosuid", "nodev", "noexec", "nosymfollow", "nodiratime"]
    with Mount("place") as mount:
        mount.set()
        assert at("place").flags == MOUNT_ATTR_RELATIME
        for count, word in enumerate(words, 1):
            mount.set(**{word: True})
            assert bin(at("place").flags).count("1") == count
        mount.set(readonly=False, nodiratime=False)
        assert str(MountAttr(at("place").flags)) == "NOSUID|NODEV|NOEXEC|NOSYMFOLLOW"
        mount.set(**dict.fromkeys(words, False))
        assert at("place").flags == MOUNT_ATTR_RELATIME


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_set_access_times(tmp_path):
    """Each of the three settings takes the place of the one before."""
    attached("place")
    with Mount("place") as mount:
        for word, name in ("noatime", "NOATIME"), ("strictatime", "STRICTATIME"), ("relatime", "RELATIME"):
            mount.set(atime=word)
            assert str(MountAttr(at("place").flags)) == name


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_set_propagation(tmp_path):
    """A propagation is a word or a number, and the table has it."""
    attached("place")
    with Mount("place") as mount:
        for word, number in (("shared", MS_SHARED), ("private", MS_PRIVATE), ("unbindable", MS_UNBINDABLE)):
            mount.set(propagation=word)
            assert at("place").propagation == number
            mount.set(propagation="shared")
            mount.set(propagation=number)
            assert at("place").propagation == number


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_set_recursively(tmp_path):
    """All mounts below change, or, if one of them cannot, none."""
    attached("place")
    attached("place/below")
    with Mount("place") as mount:
        mount.set(nosuid=True)
        assert [at("place").flags, at("place/below").flags] == [MOUNT_ATTR_NOSUID, 0]
        mount.set(nodev=True, recursive=True)
        assert [at("place").flags, at("place/below").flags] == [MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV]
        with open("place/below/file", "w"), pytest.raises(OSError, match="open for writing"):
            mount.set(readonly=True, recursive=True)
        assert [at("place").flags, at("place/below").flags] == [MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV]


@needs(kernel=(5, 2))
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"atime": "never"}, "atime is 'never'; it must be one of relatime, noatime, strictatime"),
        ({"propagation": "public"}, "propagation is 'public'; it must be one of shared, slave, private, unbindable"),
        ({"propagation": -1}, "propagation is -1"),
        ({"idmap": 1 << 31}, "fd is 2147483648"),
    ],
)
def test_set_what_there_is_not(words, sentence):
    """A word that means nothing is a ValueError that names those that do."""
    with Mount("/") as mount, pytest.raises(ValueError, match=sentence):
        mount.set(**words)


@needs(kernel=(5, 2))
@pytest.mark.parametrize("value", [0, 1, "no", ()])
def test_set_takes_only_a_bool(value):
    """An attribute that is almost a bool is a TypeError, and not a guess."""
    with Mount("/") as mount, pytest.raises(TypeError, match="readonly must be True, False or None"):
        mount.set(readonly=value)


def test_the_octal_digits_are_told():
    """The error of an int for a permission has the text to pass."""
    with pytest.raises(ValueError, match="0o755 is '755'"):
        Mount.new("tmpfs", mode=0o755)


def user_namespace(inside, outside):
    """A process whose user namespace maps *inside* to *outside*."""
    program = "import ctypes; ctypes.CDLL(None).unshare(0x10000000); print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    for name in "uid_map", "gid_map":
        Path(f"/proc/{process.pid}/{name}").write_text(f"{inside} {outside} 1")
    return process


@needs("CAP_SYS_ADMIN", kernel=(6, 3))
def test_idmap(tmp_path, in_child):
    """The owners of files are those that the user namespace maps them to."""

    def body():
        assert support.libc.unshare(0x20000) == 0  # CLONE_NEWNS
        assert support.libc.mount(None, b"/", None, 0x44000, None) == 0  # MS_REC, MS_PRIVATE
        with user_namespace(0, 4321) as process, Mount.new("tmpfs") as mount:
            os.mkdir("file", dir_fd=mount.fileno())
            with open(f"/proc/{process.pid}/ns/user", "rb") as namespace:
                mount.set(idmap=namespace)
            mount.attach(tmp_path)
            status = os.stat(tmp_path / "file")
            assert (status.st_uid, status.st_gid) == (4321, 4321)
            assert same_both_ways()[-1].flags == 0x100000
            with open("/proc/self/ns/net", "rb") as other, pytest.raises(InvalidArgument, match="not a user namespace"):
                mount.set(idmap=other)
            with open("/proc/self/ns/user", "rb") as own, pytest.raises(PermissionError, match="first user namespace"):
                mount.set(idmap=own)
            process.communicate(b"\n")

    in_child(body)


# what the kernel says of a context


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_the_kernel_says_what_is_wrong(tmp_path):
    """The log of the context is the text of the exception."""
    with pytest.raises(InvalidArgument, match=r"fsconfig: tmpfs: Unknown parameter 'sizze'$") as caught:
        Mount.new("tmpfs", sizze="1m")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(InvalidArgument, match=r"fsconfig: tmpfs: Bad value for 'size'$"):
        Mount.new("tmpfs", size="much")


@needs("CAP_SYS_ADMIN", kernel=(5, 17))
@pytest.mark.parametrize(("source", "number"), [("missing", errno.ENOENT), ("file", errno.ENOTBLK)])
def test_the_kernel_says_what_is_wrong_with_a_device(tmp_path, monkeypatch, source, number):
    """The log belongs to the call that failed, whichever option was its cause."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(OSError, match=f"fsconfig: .*{source}.*blockdev") as caught:
        Mount.new("ext4", source=source)
    assert caught.value.errno == number


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_the_log_is_taken(tmp_path):
    """Each error has its own words, and not those of one before."""
    fd = fsopen("tmpfs")
    for name in "first", "second":
        with pytest.raises(InvalidArgument, match=rf"fsconfig: tmpfs: Unknown parameter '{name}'$"):
            fsconfig(fd, FSCONFIG_SET_FLAG, name)
    with pytest.raises(InvalidArgument, match="FSCONFIG_SET_FLAG takes no value"):
        fsconfig(fd, FSCONFIG_SET_FLAG, "third", "value")
    os.close(fd)


@needs(kernel=(5, 11))
@alone_in_namespaces
def test_where_the_kernel_says_nothing(tmp_path):
    """Without a log the exception has the sentence of the errno."""
    with pytest.raises(OSError, match=r"fsconfig: .*options") as caught:
        Mount.new("overlay")
    assert caught.value.errno == errno.EINVAL


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_the_log_without_proc(tmp_path):
    """A context is told from other descriptors where /proc is not mounted yet."""
    attached("/proc")
    with pytest.raises(InvalidArgument, match="Unknown parameter 'sizze'"):
        Mount.new("tmpfs", sizze="1m")
    unmount("/proc")


@needs(kernel=(5, 2))
def test_other_descriptors_are_not_read(pipe):
    """A descriptor of another kind is refused, and nothing is taken from it."""
    os.write(pipe.writing, b"e not a log")
    with pytest.raises(InvalidArgument, match=f"descriptor {pipe.reading} is not a filesystem context"):
        fsconfig(pipe.reading, FSCONFIG_SET_FLAG, "ro")
    assert os.read(pipe.reading, 100) == b"e not a log"


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_an_unknown_errno_has_the_log_too(tmp_path):
    """A filesystem may fail with any errno."""
    fd = fsopen("tmpfs")
    assert lib.fsconfig(fd, FSCONFIG_SET_FLAG, b"strange", ffi.NULL, 0) == -1 - errno.EINVAL
    with pytest.raises(UnknownError, match="fsconfig: tmpfs: Unknown parameter 'strange'") as caught:
        FSCONFIG.fail(errno.EHOSTDOWN, fd=fd)
    assert caught.value.errno == errno.EHOSTDOWN
    os.close(fd)


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_a_failure_leaves_no_descriptor(tmp_path):
    """Wherever making a mount fails, the context is closed."""
    before = support.descriptors()
    for options in {"sizze": 1}, {"size": "much"}:
        with pytest.raises(InvalidArgument):
            Mount.new("tmpfs", **options)
    with pytest.raises(OSError, match="fsconfig"):
        Mount.new("ext4")
    support.inject("fsmount", errno.ENOMEM)
    with pytest.raises(MemoryError, match="fsmount"):
        Mount.new("tmpfs")
    assert support.descriptors() == before


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_reconfigure(tmp_path):
    """A filesystem that is mounted already is picked, and its options changed."""
    attached("place", size="1m")
    for dirfd, path, flags in (AT_FDCWD, "place", 0), (open_tree(AT_FDCWD, "place"), "", FSPICK_EMPTY_PATH):
        fd = fspick(dirfd, path, flags)
        fsconfig(fd, FSCONFIG_SET_STRING, "size", f"{2 + flags}m")
        fsconfig(fd, FSCONFIG_CMD_RECONFIGURE)
        os.close(fd)
        assert f"size={(2 + flags) << 10}k" in at("place").options
    os.close(dirfd)


# what the sentences look at


def move_a_mount_below_a_shared_one():
    attached("shared", attributes={"propagation": "shared"})
    attached("shared/mount")
    os.mkdir("place")
    Mount("shared/mount").attach("place")


def attach_what_is_unbindable_to_what_is_shared():
    attached("shared", attributes={"propagation": "shared"})
    mount = Mount.new("tmpfs")
    mount.set(propagation="unbindable")
    mount.attach("shared")


def attach_a_directory_to_a_file():
    Path("file").touch()
    Mount.new("tmpfs").attach("file")


def clone_what_is_unbindable():
    attached("place", attributes={"propagation": "unbindable"})
    Mount.clone("place")


def map_owners_of_what_is_attached():
    attached("place")
    with open("/proc/self/ns/user", "rb") as namespace:
        Mount("place").set(idmap=namespace)


def map_owners_while_a_file_is_open():
    mount = Mount.new("tmpfs")
    os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=mount.fileno())
    with user_namespace(0, 0) as process, open(f"/proc/{process.pid}/ns/user", "rb") as namespace:
        try:
            mount.set(idmap=namespace)
        finally:
            process.communicate(b"\n")


def created():
    fd = fsopen("tmpfs")
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    return fd


SENTENCES = [
    (lambda: move_mount(-1, "", AT_FDCWD, "/"), "a path is empty, which only MOVE_MOUNT_F_EMPTY_PATH allows"),
    (lambda: move_mount(AT_FDCWD, "missing", AT_FDCWD, "/"), "the source 'missing' does not exist"),
    (lambda: move_mount(AT_FDCWD, "/", AT_FDCWD, "/", 8), "unknown flags 0x8"),
    (lambda: Mount.new("tmpfs").attach(".", beneath=True), "nothing is mounted on the target '.'"),
    (move_a_mount_below_a_shared_one, "'.*/shared', which has to be private first"),
    (attach_what_is_unbindable_to_what_is_shared, "the target 'shared' is on a shared mount"),
    (attach_a_directory_to_a_file, "target 'file' is a directory, and the other is not"),
    (clone_what_is_unbindable, "the mount at '.*/place' is unbindable"),
    (lambda: open_tree(AT_FDCWD, "/", 0x10), "unknown flags 0x10"),
    (lambda: open_tree_attr(AT_FDCWD, ".", 0, MOUNT_ATTR_NODEV), "'.' is not where a mount begins"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0x10, MOUNT_ATTR_NODEV), "unknown flags 0x10"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0, 0x100), "unknown flags 0x100"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0, 0, MOUNT_ATTR_IDMAP), "MOUNT_ATTR_IDMAP cannot be cleared"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0, MOUNT_ATTR_NOATIME), "attr_clr needs all of MOUNT_ATTR__ATIME"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0, 0, MOUNT_ATTR_NOATIME), "attr_clr needs all of MOUNT_ATTR__ATIME"),
    (lambda: mount_setattr(AT_FDCWD, "/", 0, 0, 0, MS_SHARED | MS_SLAVE), "has to be one of MS_SHARED, MS_SLAVE"),
    (map_owners_of_what_is_attached, "the mount is attached|is the first user namespace|maps owners"),
    (map_owners_while_a_file_is_open, "a file of the mount is open for writing, which mapping owners"),
    (lambda: fsmount(created(), 0, MOUNT_ATTR_IDMAP), "MOUNT_ATTR_IDMAP is for mount_setattr"),
    (lambda: fsmount(created(), 0, MOUNT_ATTR__ATIME), "one setting of the access times is allowed"),
    (lambda: fsconfig(created(), FSCONFIG_CMD_RECONFIGURE), "not one that can be reconfigured"),
    (lambda: fsconfig(created(), FSCONFIG_CMD_CREATE_EXCL), "the context has been used"),
    (lambda: fsopen("n" * 5000), "the type has 5000 characters"),
    (lambda: fsopen("sysfs"), "'sysfs' shows a namespace that belongs to another user namespace"),
    (lambda: Mount.new("proc"), "proc and sysfs have to be visible"),
    (lambda: statmount(1 << 40, 0, 0x10), "unknown flags 0x10"),
    (lambda: Mount.new("overlay", lowerdir="/" + "a" * 260), "has 261 bytes; the kernel takes 255; 'lowerdir\\+'"),
    (lambda: Mount.new("tmpfs", size="1" * 256), "the value of the option 'size' has 256 bytes"),
    (lambda: Mount.new("tmpfs", **{"k" * 256: True}), "the key of the option 'k{50}' has 256 bytes"),
    (lambda: listmount(last=5), "last 5 is not the unique id"),
    (lambda: listmount(mnt_ns_id=12345), "there is no mount namespace 12345"),
    (lambda: statmount(1 << 40, 0, mnt_ns_id=77), "there is no mount namespace 77"),
    (lambda: statmount(1 << 40, 0), "there is no mount 0x10000000000 .* in this mount namespace"),
    (lambda: listmount(fd=os.pipe()[0]), "is not a mount namespace"),
]


@needs_table
@pytest.mark.parametrize(("call", "sentence"), SENTENCES)
@alone_in_namespaces
def test_sentences(tmp_path, call, sentence):
    """A sentence looks at the arguments, and at the mounts, before it speaks."""
    try:
        call()
    except OSError as error:
        found = error.strerror
    assert re.search(sentence, found), found


def hide_proc():
    attached("/proc")


def use_up_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


@needs(kernel=(6, 5))
@pytest.mark.parametrize("hide", [hide_proc, use_up_descriptors])
@alone_in_namespaces
def test_sentences_without_the_mount_table(tmp_path, hide):
    """A sentence names the possible causes where it cannot look for the one."""
    attached("unbindable", attributes={"propagation": "unbindable"})
    attached("shared", attributes={"propagation": "shared"})
    attached("shared/mount")
    os.mkdir("place")
    moving, detached = Mount("shared/mount"), Mount.new("tmpfs")
    other = os.open("/proc/self/ns/net", os.O_RDONLY)
    hide()
    calls = [
        (lambda: detached.attach("missing"), "the target 'missing' does not exist"),
        (lambda: detached.attach("place", beneath=True), "nothing is mounted on the target 'place'"),
        (lambda: move_mount(AT_FDCWD, "place", AT_FDCWD, "/"), "the source 'place' is not where a mount begins"),
        (lambda: mount_setattr(AT_FDCWD, "place", 0, MOUNT_ATTR_NODEV), "'place' is not where a mount begins"),
        (
            lambda: moving.attach("place"),
            "is on a shared mount, belongs to another mount namespace, or is a mount that",
        ),
        (lambda: detached.set(idmap=other), f"descriptor {other} is not a user namespace"),
        (lambda: fsconfig(other, FSCONFIG_SET_FLAG, "ro"), f"descriptor {other} is not a filesystem context"),
    ]
    if hide is hide_proc:
        calls += [
            (lambda: Mount.clone("unbindable"), "it is unbindable, or it belongs to another mount namespace"),
            (lambda: Mount.new("proc"), "visible as a whole already, or a seccomp filter"),
            (lambda: Mount.new("sysfs"), "than that of this process, or a seccomp filter"),
        ]
    for call, sentence in calls:
        with pytest.raises(OSError) as caught:  # noqa: PT011 (the sentence is compared below)
            call()
        assert sentence in caught.value.strerror


@needs(kernel=(5, 2))
@needs(when=support.kernel() < (7, 0), reason="needs a kernel that does not know all flags")
@pytest.mark.parametrize(
    "call",
    [
        lambda: open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_NAMESPACE),
        lambda: fsmount(created(), FSMOUNT_NAMESPACE),
        pytest.param(lambda: statmount(0, STATMOUNT_MNT_BASIC, STATMOUNT_BY_FD, fd=0), marks=needs(kernel=(6, 8))),
    ],
)
@alone_in_namespaces
def test_flags_of_newer_kernels(tmp_path, call):
    """A flag that came later is named, with the kernel that brought it."""
    with pytest.raises(InvalidArgument, match=r"does not know (NAMESPACE|BY_FD|\w+) \(Linux 7\.\d\)"):
        call()


# arguments


@pytest.mark.parametrize(
    ("call", "exception"),
    [
        (lambda: fsopen("a\0b"), ValueError),
        (lambda: fsopen(5), TypeError),
        (lambda: fsopen("tmpfs", -1), ValueError),
        (lambda: fsconfig("fd", 0), TypeError),
        (lambda: fsconfig(-1, -1), ValueError),
        (lambda: fsconfig(-1, 0, "a\0b"), ValueError),
        (lambda: fsconfig(-1, 1, "a", "b\0"), ValueError),
        (lambda: fsconfig(-1, 1, "a", 5), TypeError),
        (lambda: fsconfig(-1, 1, "a", "b", 1 << 31), ValueError),
        (lambda: fsconfig(-1, FSCONFIG_SET_BINARY, "a", b"bytes", 6), ValueError),
        (lambda: fsconfig(-1, FSCONFIG_SET_BINARY, "a", 5), TypeError),
        (lambda: fsmount(-1, 1 << 32), ValueError),
        (lambda: fsmount(-1, 0, -1), ValueError),
        (lambda: fspick(-1, None), TypeError),
        (lambda: open_tree(-1, "a\0"), ValueError),
        (lambda: open_tree(None, "/"), TypeError),
        (lambda: mount_setattr(-1, "/", 0, -1), ValueError),
        (lambda: mount_setattr(-1, "/", 0, 0, 1 << 64), ValueError),
        (lambda: mount_setattr(-1, "/", userns_fd="fd"), TypeError),
        (lambda: move_mount(-1, "a", -1, "b\0"), ValueError),
        (lambda: move_mount(-1, "a", -1, "b", -1), ValueError),
        (lambda: statmount(-1, 0), ValueError),
        (lambda: statmount(1.5, 0), TypeError),
        (lambda: statmount(1, 1 << 64), ValueError),
        (lambda: listmount(last=-1), ValueError),
        (lambda: listmount(count=-1), ValueError),
        (lambda: listmount(count="1"), TypeError),
        (lambda: Mount("a\0b"), ValueError),
        (lambda: Mount(5), TypeError),
    ],
)
def test_bad_arguments(call, exception):
    """An argument that no call can take is refused before the call."""
    with pytest.raises(exception) as caught:
        call()
    assert not isinstance(caught.value, OSError)


@needs(kernel=(5, 2))
def test_bytes_of_an_option():
    """The number of bytes is by default that of all, and never more."""
    for value in b"bytes", bytearray(b"bytes"), "bytes", memoryview(b"bytes"):
        for aux in (None, 5, 1):
            with pytest.raises(InvalidArgument, match="is not a filesystem context"):
                fsconfig(-1, FSCONFIG_SET_BINARY, "key", value, aux)


@needs(kernel=(5, 2))
@alone_in_namespaces
def test_a_closed_object(tmp_path):
    """Every method of a closed object is a ValueError."""
    mount = Mount.new("tmpfs")
    mount.close()
    for use in (lambda: mount.id, lambda: mount.attach("/"), lambda: mount.set(nodev=True)):
        with pytest.raises(ValueError, match="closed file"):
            use()


# the table


def values(mount, names):
    return {name: getattr(mount, name) for name in names}


def same_both_ways():
    """The table, which has to be the same from the calls and from /proc."""
    by_calls, late = list(mounts()), list(mounts(strings=False))
    by_proc = in_child(lambda: support.inject("listmount", errno.ENOSYS) or table())
    assert len(by_calls) == len(late) == len(by_proc)
    for mount, other, expected in zip(by_calls, late, by_proc):
        assert values(mount, NUMBERS + STRINGS) == expected
        assert (other.id, other.parent) == (mount.id, mount.parent)
        assert values(other, NUMBERS + STRINGS) == expected
    return by_calls


def table():
    """The table from /proc, in a form that comes out of a child."""
    found = list(mounts())
    assert all((mount.id, mount.parent) == (mount.old_id, mount.old_parent) for mount in found)
    assert [values(mount, NUMBERS + STRINGS) for mount in mounts(strings=False)] == [
        values(mount, NUMBERS + STRINGS) for mount in found
    ]
    return [values(mount, NUMBERS + STRINGS) for mount in found]


@needs_table
@alone_in_namespaces
def test_the_table_is_the_same_both_ways(tmp_path):
    """The calls and /proc tell the same of every mount."""
    for name in b"a space", b"a\ttab", b"a\nline", b"back\\slash", b"#hash", b"latin-\xe9", "ünïcödé".encode():
        attached(name, source=b"of " + name)
        os.mkdir(name + b"/" + name)
        os.mkdir(b"root of " + name)
        with Mount.clone(name + b"/" + name) as clone:
            clone.attach(b"root of " + name)
    attached("none", source="")
    for word in "noatime", "strictatime", "relatime":
        attached(word, attributes={"atime": word, "nodiratime": True})
    attached("all", attributes=dict.fromkeys(["readonly", "nosuid", "nodev", "noexec", "nosymfollow"], True))
    attached("ro", ro=True)
    attached("sync", sync=True, dirsync=True, lazytime=True)
    attached("sync only", sync=True, size="1m")
    attached("shared", attributes={"propagation": "shared"})
    for word in "peer", "slave", "slave shared":
        os.mkdir(word)
        with Mount.clone("shared") as clone:
            for part in word.split() if word != "peer" else []:
                clone.set(propagation=part)
            clone.attach(word)
    attached("shared/below")
    attached("unbindable", attributes={"propagation": "unbindable"})
    found = same_both_ways()
    by_path = {os.path.relpath(mount.path, tmp_path): mount for mount in found}
    assert by_path["latin-\udce9"].source == "of latin-\udce9"
    assert by_path["a\nline"].source == "of a\nline"
    assert by_path["root of back\\slash"].root == "/back\\slash"
    assert by_path["slave shared"].propagation == MS_SLAVE | MS_SHARED
    assert by_path["slave"].master == by_path["peer"].peer_group == by_path["shared"].peer_group
    assert by_path["shared/below"].peer_group == by_path["peer/below"].peer_group
    assert by_path["shared/below"].parent == by_path["shared"].id
    assert by_path["sync"].superblock_flags == 1 << 4 | 1 << 7 | 1 << 25


@needs(kernel=(6, 15))
@alone_in_namespaces
def test_the_table_of_a_root_without_a_source(tmp_path):
    """An empty source is not taken for a kernel that does not tell it."""
    attached("root", source="")
    os.chroot("root")
    os.chdir("/")
    with Mount("/") as root:
        for strings in True, False:
            assert [(mount.id, mount.path, mount.source) for mount in mounts(strings)] == [(root.id, "/", "")]


@needs_table
@pytest.mark.parametrize("mounted", [True, False])
@alone_in_namespaces
def test_the_table_below_another_root(tmp_path, mounted):
    """The table has what is below the root of the process, with paths from there."""
    os.mkdir("root")
    if mounted:
        attached("root")
    attached("root/a")
    attached("root/a/b")
    os.mkdir("root/proc")
    with Mount.clone("/proc", recursive=True) as proc:
        proc.attach("root/proc")
    os.chroot("root")
    os.chdir("/")
    assert [mount.path for mount in same_both_ways()] == ["/"] * mounted + ["/a", "/a/b", "/proc"]


@needs_table
@alone_in_namespaces
def test_the_table_of_unusual_mounts(tmp_path):
    """A mount on a mount, of a file, of what was removed, and at a very long path."""
    for _ in range(2):
        attached("twice")
    Path("file").touch()
    with Mount.clone("file") as mount:
        mount.attach("file")
    attached("place")
    os.mkdir("place/removed")
    os.mkdir("other")
    with Mount.clone("place/removed") as mount:
        mount.attach("other")
    os.rmdir("place/removed")
    for _ in range(30):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    os.mkdir("end")
    with Mount.new("tmpfs") as mount:
        mount.attach("end")
    found = same_both_ways()[-6:]
    assert [mount.path for mount in found[:3]] == [f"{tmp_path}/{name}" for name in ("twice", "twice", "file")]
    assert found[1].parent == found[0].id
    assert found[2].root.endswith("/file")
    assert found[4].root == "/removed//deleted"
    assert len(found[5].path) > 6000


@pytest.mark.parametrize(
    ("call", "number"), [("listmount", errno.EPERM), ("statmount", errno.ENOSYS), ("statmount", errno.EPERM)]
)
def test_the_table_without_a_call(call, number, in_child):
    """Where either call is missing or refused, the table comes from /proc."""
    assert in_child(lambda: support.inject(call, number) or table()) == [
        values(mount, NUMBERS + STRINGS) for mount in mounts()
    ]


@needs_table
@pytest.mark.parametrize(("call", "number"), [("listmount", errno.ENOMEM), ("statmount", errno.ENOMEM)])
def test_the_table_where_a_call_fails(call, number, in_child):
    """Another errno is the error of the call that failed."""

    def body():
        support.inject(call, number)
        next(mounts())

    with pytest.raises(MemoryError, match=f"{call}: the kernel has no memory"):
        in_child(body)


@needs_table
@alone_in_namespaces
def test_the_table_comes_in_batches(tmp_path):
    """However small the batches and the room for the strings, each mount comes once."""
    for number in range(10):
        attached(str(number), source=f"{number}" * 200)
    whole = [values(mount, ("id", *STRINGS)) for mount in mounts()]
    for count, text in (1, 1 << 18), (3, 1 << 18), (1024, 1 << 11), (1024, 1 << 12), (7, 1 << 12):
        _system_mounts_info._COUNT, _system_mounts_info._TEXT = count, text
        assert [values(mount, ("id", *STRINGS)) for mount in mounts()] == whole
        assert [mount.id for mount in mounts(strings=False)] == [mount["id"] for mount in whole]


@needs_table
@alone_in_namespaces
def test_the_table_has_long_strings(tmp_path):
    """Strings that are longer than a batch has room for make the room larger."""
    for number in range(60):
        os.mkdir(str(number).rjust(60, "d"))
    names = [os.path.abspath(name) for name in sorted(os.listdir("."))]
    os.mkdir("merged")
    with Mount.new("overlay", **{"lowerdir+": names}) as mount:
        mount.attach("merged")
    _system_mounts_info._TEXT = 1 << 11
    found = [mount for mount in same_both_ways() if mount.path == f"{tmp_path}/merged"]
    assert found[0].options.count("lowerdir+=") == 60
    assert len(statmount(found[0].id, STATMOUNT_OPT_ARRAY).opt_array) >= 60


@needs_table
@alone_in_namespaces
def test_strings_on_demand(tmp_path):
    """A string that was left out is looked up when it is used, if the mount stays."""
    attached("stays", source="one")
    attached("goes", source="two")
    stays, goes = list(mounts(strings=False))[-2:]
    assert repr(stays) == f"<MountInfo {stays.id:#x}>"
    assert stays.source == "one"
    assert repr(stays) == f"<MountInfo {stays.id:#x} tmpfs {str(tmp_path / 'stays')!r}>"
    for name in "stays", "goes":
        unmount(name)
    assert stays.path == f"{tmp_path}/stays"
    with pytest.raises(PathNotFound, match=f"statmount: there is no mount {goes.id:#x}"):
        assert goes.path
    assert goes.flags == 0


@needs_table
@alone_in_namespaces
def test_mounts_that_come_and_go(tmp_path):
    """While another thread mounts and unmounts, each mount that stays comes once."""
    expected = {mount.id for mount in mounts()}
    os.mkdir("place")
    ends = threading.Event()

    def change():
        while not ends.is_set():
            attached("place")
            unmount("place")

    with support.running(change):
        try:
            for strings in (True, False) * 50:
                found = [mount.id for mount in mounts(strings)]
                assert len(found) == len(set(found))
                assert expected <= set(found)
        finally:
            ends.set()


def test_iterators_are_independent():
    """Two iterations at once do not disturb each other, and an end stays an end."""
    whole = [mount.id for mount in mounts()]
    first, second = mounts(), mounts(strings=False)
    assert [(one.id, two.id) for one, two in zip(first, second)] == list(zip(whole, whole))
    assert list(mounts()) != []
    assert next(first, None) is None
    assert next(first, None) is None


@needs_table
def test_listmount_in_reverse():
    """The newest mounts come first where it is asked for."""
    assert listmount(flags=LISTMOUNT_REVERSE) == listmount()[::-1] == [mount.id for mount in mounts()][::-1]


@needs_table
@alone_in_namespaces
def test_another_namespace(tmp_path):
    """The mounts of another namespace are asked for by its id or its descriptor."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            assert support.libc.unshare(0x20000) == 0
            attached("place", source="of the child")
            os.write(writing, b"%d" % Mount("place").id)
            signal.pause()
        os._exit(1)
    try:
        mount = int(os.read(reading, 100))
        with open(f"/proc/{pid}/ns/mnt", "rb") as namespace:
            assert mount not in listmount()
            if support.kernel() >= (6, 18):
                assert mount in listmount(fd=namespace)
                status = statmount(mount, STATMOUNT_SB_SOURCE | 0x40, fd=namespace)
                assert status.sb_source == "of the child"
                assert statmount(mount, STATMOUNT_MNT_BASIC, mnt_ns_id=status.mnt_ns_id).mnt_id == mount
                assert listmount(mnt_ns_id=status.mnt_ns_id) == listmount(fd=namespace)
                os.dup2(namespace.fileno(), 0)  # a number that the kernel takes for none
                before = support.descriptors()
                assert listmount(fd=0) == listmount(fd=namespace)
                assert statmount(mount, STATMOUNT_SB_SOURCE, fd=0).sb_source == "of the child"
                assert support.descriptors() == before
                os.close(0)
                for closed in 0, -1:
                    with pytest.raises(InvalidArgument, match="is not open"):
                        listmount(fd=closed)
        with pytest.raises(PathNotFound):
            statmount(mount, STATMOUNT_MNT_BASIC)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)


@needs(kernel=(6, 11))
@support.needs_namespaces
def test_a_namespace_that_may_not_be_seen(in_child):
    """A namespace above the own one may not be asked, and the error says so."""

    def body():
        root = Mount("/").id
        number = statmount(root, STATMOUNT_MNT_NS_ID).mnt_ns_id
        support.own_namespaces()
        for call in (lambda: listmount(mnt_ns_id=number), lambda: statmount(root, 0, mnt_ns_id=number)):
            with pytest.raises(OSError, match=r"to look at that mount namespace needs CAP_SYS_ADMIN"):
                call()
        with pytest.raises(PathNotFound, match=r"there is no mount 0xf{15}e .* in this mount namespace"):
            listmount(LSMT_ROOT - 1)
        own = statmount(Mount("/").id, STATMOUNT_MNT_NS_ID).mnt_ns_id
        with pytest.raises(PathNotFound, match=r"there is no mount 0xf{15}e .* in that mount namespace"):
            listmount(LSMT_ROOT - 1, mnt_ns_id=own)

    in_child(body)


# the lines of /proc/self/mountinfo


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
            {"old_id": 36, "old_parent": 35, "root": "/mnt1", "path": "/mnt2", "master": 1, "propagation": MS_SLAVE},
        ),
        (
            "1 1 0:2 / / ro,relatime shared:3 master:1 propagate_from:2 unbindable - t  ro",
            {"source": "", "options": "", "peer_group": 3, "propagation": MS_SHARED | MS_SLAVE | MS_UNBINDABLE},
        ),
        (
            r"1 1 0:2 / /a\040b\134 rw,idmapped - fuse.x a\043 rw,dirsync,mand,lazytime,sync=1,ro",
            {"path": "/a b\\", "source": "a#", "fstype": "fuse.x", "options": "sync=1,ro", "flags": 0x100020},
        ),
    ],
)
def test_lines_of_mountinfo(line, expected):
    """A line as kernels write it, of every age."""
    assert values(_system_mounts_info.from_line(parse(line)), expected) == expected


@pytest.mark.parametrize("line", ["", "x", "1 2 3 4", "1 1 0:2 / / rw - t s", "a b c:d / / rw - t s rw"])
def test_other_lines(line):
    """Another line is a ValueError."""
    with pytest.raises(ValueError, match=r"unpack|invalid literal"):
        _system_mounts_info.from_line(parse(line))
