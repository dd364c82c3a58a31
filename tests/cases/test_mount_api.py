"""Cases of the Linux Test Project for the mount API."""

import errno
import os
import re
from pathlib import Path

import pytest
import support
from support import alone_in_namespaces, in_child, needs

from butter.system import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_RECURSIVE,
    FSCONFIG_CMD_CREATE,
    FSCONFIG_CMD_RECONFIGURE,
    FSCONFIG_SET_BINARY,
    FSCONFIG_SET_FD,
    FSCONFIG_SET_FLAG,
    FSCONFIG_SET_PATH,
    FSCONFIG_SET_PATH_EMPTY,
    FSCONFIG_SET_STRING,
    FSMOUNT_CLOEXEC,
    FSOPEN_CLOEXEC,
    LSMT_ROOT,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_RDONLY,
    MOVE_MOUNT_BENEATH,
    MOVE_MOUNT_F_AUTOMOUNTS,
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_F_SYMLINKS,
    MOVE_MOUNT_T_AUTOMOUNTS,
    MOVE_MOUNT_T_EMPTY_PATH,
    MOVE_MOUNT_T_SYMLINKS,
    MS_PRIVATE,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    OPEN_TREE_CLONE,
    STATMOUNT_FS_TYPE,
    STATMOUNT_MNT_BASIC,
    STATMOUNT_MNT_POINT,
    STATMOUNT_MNT_ROOT,
    STATMOUNT_PROPAGATE_FROM,
    STATMOUNT_SB_BASIC,
    Mount,
    fsconfig,
    fsmount,
    fsopen,
    fspick,
    listmount,
    mount_setattr,
    move_mount,
    open_tree,
    open_tree_attr,
    statmount,
)

pytestmark = needs(kernel=(5, 2))

needs_status = needs(kernel=(6, 11))


def raises(number):
    """Expect an OSError with this errno."""
    return pytest.raises(OSError, match=rf"^\[Errno {number}\] ")


def new_context(**options):
    """A context of a tmpfs with its options."""
    fd = fsopen("tmpfs")
    for key, value in options.items():
        fsconfig(fd, FSCONFIG_SET_STRING, key, value)
    return fd


def new_mount():
    """The descriptor of a new tmpfs that is attached nowhere."""
    fd = new_context(source="source")
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    return fsmount(fd)


def mounted(path, fd=None):
    """Make the directory *path*, and attach a mount to it."""
    os.makedirs(path, exist_ok=True)
    move_mount(new_mount() if fd is None else fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH)
    return Mount(path)


def tags(path):
    """The propagation of the uppermost mount at *path*, as ``{"shared": 5}``."""
    found = support.mountinfo(path)[-1].propagation
    return {name: int(number or 0) for name, _, number in (field.partition(":") for field in found)}


# PyPy has no names for the flags of statvfs
@needs(kernel=(5, 14))
@pytest.mark.parametrize("call", ["mount_setattr", "open_tree_attr"])
@pytest.mark.parametrize(
    ("attribute", "flag"),
    [
        (MOUNT_ATTR_RDONLY, 0x1),
        (MOUNT_ATTR_NOSUID, 0x2),
        (MOUNT_ATTR_NODEV, 0x4),
        (MOUNT_ATTR_NOEXEC, 0x8),
        (MOUNT_ATTR_NOSYMFOLLOW, 0x2000),
        (MOUNT_ATTR_NODIRATIME, 0x800),
    ],
)
@alone_in_namespaces
def test_mount_setattr01(tmp_path, call, attribute, flag):
    """An attribute of a detached mount is seen where it is attached."""
    if call == "open_tree_attr" and support.kernel() < (6, 15):
        return
    source = mounted("source")
    assert not os.statvfs("source").f_flag & flag
    if call == "mount_setattr":
        fd = open_tree(source, "", AT_EMPTY_PATH | OPEN_TREE_CLONE)
        mount_setattr(fd, "", AT_EMPTY_PATH, attribute)
    else:
        fd = open_tree_attr(source, "", AT_EMPTY_PATH | OPEN_TREE_CLONE, attribute)
    mounted("target", fd)
    assert os.statvfs("target").f_flag & flag


@needs(kernel=(5, 12))
@alone_in_namespaces
def test_mount_setattr02(tmp_path):
    """A propagation of 0 changes none, and each other is what /proc then says."""
    place = tmp_path / "mount"
    mounted(place)
    mount_setattr(-1, place, 0, propagation=0)
    assert tags(place) == {}
    with pytest.raises(ValueError, match="propagation"):
        mount_setattr(-1, place, 0, propagation=-1)
    with raises(errno.EINVAL):
        mount_setattr(-1, place, 0, propagation=(1 << 64) - 1)
    assert tags(place) == {}
    mount_setattr(-1, place, 0, propagation=MS_SHARED)
    assert list(tags(place)) == ["shared"]
    mount_setattr(-1, place, 0, propagation=0)
    assert list(tags(place)) == ["shared"]
    mounted(place / "below", open_tree(-1, place, OPEN_TREE_CLONE))
    mount_setattr(-1, place / "below", 0, propagation=MS_SLAVE)
    assert list(tags(place / "below")) == ["master"]
    mount_setattr(-1, place, 0, propagation=MS_PRIVATE)
    assert tags(place) == {}


@pytest.mark.parametrize(
    "flags",
    [
        MOVE_MOUNT_F_SYMLINKS,
        MOVE_MOUNT_F_AUTOMOUNTS,
        MOVE_MOUNT_F_EMPTY_PATH,
        MOVE_MOUNT_T_SYMLINKS,
        MOVE_MOUNT_T_AUTOMOUNTS,
        MOVE_MOUNT_T_EMPTY_PATH,
    ],
)
@alone_in_namespaces
def test_move_mount01(tmp_path, flags):
    """A detached mount can be attached with each flag."""
    move_mount(new_mount(), "", AT_FDCWD, tmp_path, MOVE_MOUNT_F_EMPTY_PATH | flags)
    assert os.path.ismount(tmp_path)


@alone_in_namespaces
def test_move_mount02(tmp_path):
    """Each bad argument has its errno, and the mount stays detached."""
    fd = new_mount()
    os.mkdir("target")
    for arguments, number in (
        ((-1, "", AT_FDCWD, "target", MOVE_MOUNT_F_EMPTY_PATH), errno.EBADF),
        ((fd, "invalid", AT_FDCWD, "target", MOVE_MOUNT_F_EMPTY_PATH), errno.ENOENT),
        ((fd, "", -1, "target", MOVE_MOUNT_F_EMPTY_PATH), errno.EBADF),
        ((fd, "", AT_FDCWD, "invalid", MOVE_MOUNT_F_EMPTY_PATH), errno.ENOENT),
        ((fd, "", AT_FDCWD, "target", 0x08), errno.EINVAL),
    ):
        with raises(number):
            move_mount(*arguments)
    assert not os.path.ismount("target")


@needs(kernel=(6, 5))
@alone_in_namespaces
def test_move_mount03(tmp_path):
    """A mount that is put beneath another is seen when the other is gone."""
    for name in "A", "B":
        mounted(name)
        Path(name, name).touch()
    clone = open_tree(AT_FDCWD, "A", OPEN_TREE_CLONE)
    target = open_tree(AT_FDCWD, "B")
    move_mount(clone, "", target, "", MOVE_MOUNT_BENEATH | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
    assert os.listdir("B") == ["B"]
    os.close(target)
    assert support.libc.umount2(b"B", 2) == 0
    assert os.listdir("B") == ["A"]


@pytest.mark.parametrize("flags", [0, FSOPEN_CLOEXEC])
@alone_in_namespaces
def test_fsopen01(tmp_path, flags):
    """A new filesystem is mounted in the steps of the manual page."""
    fd = fsopen("tmpfs", flags, closefd=False)
    assert os.get_inheritable(fd) is not bool(flags)
    fsconfig(fd, FSCONFIG_SET_STRING, "source", "device")
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    move_mount(fsmount(fd), "", AT_FDCWD, tmp_path, MOVE_MOUNT_F_EMPTY_PATH)
    assert os.path.ismount(tmp_path)


@alone_in_namespaces
def test_fsopen02(tmp_path):
    """An unknown type and an unknown flag are refused."""
    with raises(errno.ENODEV):
        fsopen("invalid", 0)
    with raises(errno.EINVAL):
        fsopen("tmpfs", 0x10)


@alone_in_namespaces
def test_fsmount02(tmp_path):
    """Each bad argument has its errno, and the context can still be mounted."""
    fd = new_context()
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    for arguments, number in (
        ((-1, FSMOUNT_CLOEXEC, 0), errno.EBADF),
        ((fd, 0x80000000, 0), errno.EINVAL),
        ((fd, FSMOUNT_CLOEXEC, 0x100), errno.EINVAL),
    ):
        with raises(number):
            fsmount(*arguments)
    fsmount(fd)


@alone_in_namespaces
def test_fsconfig01(tmp_path):
    """Options of each kind are set, and the filesystem is mounted."""
    fd = new_context()
    fsconfig(fd, FSCONFIG_SET_FLAG, "rw")
    fsconfig(fd, FSCONFIG_SET_STRING, "source", "device")
    for command, value, aux in (
        (FSCONFIG_SET_PATH, "/", None),
        (FSCONFIG_SET_PATH_EMPTY, "/", None),
        (FSCONFIG_SET_FD, None, 0),
    ):
        fsconfig(fd, command, "sync", value, aux)
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    move_mount(fsmount(fd), "", AT_FDCWD, tmp_path, MOVE_MOUNT_F_EMPTY_PATH)
    assert os.path.ismount(tmp_path)


WRONG = {
    FSCONFIG_SET_FLAG: [(None, None, 0), ("rw", "foo", 0), ("rw", None, 1)],
    FSCONFIG_SET_STRING: [(None, "foo", 0), ("key", None, 0), ("key", "foo", 1)],
    FSCONFIG_SET_BINARY: [(None, b"foo", 3), ("key", None, 3), ("key", b"foo", 0)],
    FSCONFIG_SET_PATH: [(None, "/", AT_FDCWD), ("key", None, AT_FDCWD), ("key", "/", -1)],
    FSCONFIG_SET_PATH_EMPTY: [(None, "/", AT_FDCWD), ("key", None, AT_FDCWD), ("key", "/", -1)],
    FSCONFIG_SET_FD: [(None, None, 0), ("key", "foo", 0), ("key", None, -1)],
    FSCONFIG_CMD_CREATE: [("foo", None, 0), (None, "foo", 0), (None, None, 1)],
    FSCONFIG_CMD_RECONFIGURE: [("foo", None, 0), (None, "foo", 0), (None, None, 1)],
}


@pytest.mark.parametrize("command", WRONG)
@alone_in_namespaces
def test_fsconfig02(tmp_path, command):
    """A part that the command does not take, or lacks, is named."""
    fd = new_context()
    for key, value, aux in WRONG[command]:
        with raises(errno.EINVAL) as caught:
            fsconfig(fd, command, key, value, aux)
        assert re.search("takes|needs|has no option|Unknown parameter", caught.value.strerror)


@alone_in_namespaces
def test_fsconfig02_descriptor_and_command(tmp_path):
    """A negative descriptor is EINVAL, and an unknown command EOPNOTSUPP."""
    with raises(errno.EINVAL):
        fsconfig(-1, FSCONFIG_SET_FLAG, "rw")
    with raises(errno.EOPNOTSUPP):
        fsconfig(new_context(), 100, "rw")


@alone_in_namespaces
def test_fsconfig03(tmp_path):
    """An option without a name is refused, however often it comes."""
    fd = new_context()
    before = Path("/proc/sys/kernel/tainted").read_text()
    for _ in range(5000):
        with raises(errno.EINVAL):
            fsconfig(fd, FSCONFIG_SET_STRING, "", "v" * 33)
    assert Path("/proc/sys/kernel/tainted").read_text() == before


@alone_in_namespaces
def test_fspick02(tmp_path):
    """Each bad argument has its errno."""
    for arguments, number in (
        ((-1, "relative"), errno.EBADF),
        ((AT_FDCWD, "invalid"), errno.ENOENT),
        ((AT_FDCWD, "/", 0x10), errno.EINVAL),
    ):
        with raises(number):
            fspick(*arguments)


@needs_status
@alone_in_namespaces
def test_statmount02(tmp_path):
    """The superblock of a filesystem that is read-only."""
    fd = new_context()
    fsconfig(fd, FSCONFIG_SET_FLAG, "ro")
    fsconfig(fd, FSCONFIG_CMD_CREATE)
    mount = mounted("mount", fsmount(fd))
    status = statmount(mount.id, STATMOUNT_SB_BASIC)
    device = os.stat("mount").st_dev
    assert (status.mask, status.size) == (STATMOUNT_SB_BASIC, 512)
    assert (status.sb_dev_major, status.sb_dev_minor) == (os.major(device), os.minor(device))
    assert (status.sb_magic, status.sb_flags) == (0x01021994, 1)
    assert status.mnt_id is status.mnt_point is status.fs_type is None


@needs_status
@pytest.mark.parametrize("kind", [MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE])
@alone_in_namespaces
def test_statmount03(tmp_path, kind):
    """The ids of a mount and its parent, and where mounts propagate from and to."""
    mounted("B")
    mount_setattr(AT_FDCWD, "B", propagation=MS_SHARED)
    mount = mounted("A", open_tree(AT_FDCWD, "B", OPEN_TREE_CLONE))
    mount_setattr(AT_FDCWD, "A", propagation=kind)
    status = statmount(mount.id, STATMOUNT_MNT_BASIC)
    line = support.mountinfo(tmp_path / "A")[-1]
    assert (status.mask, status.size) == (STATMOUNT_MNT_BASIC, 512)
    assert status.mnt_id == mount.id
    assert (status.mnt_id_old, status.mnt_parent_id_old) == (line.id, line.parent)
    assert status.mnt_parent_id == Mount(".").id
    assert status.mnt_propagation & kind
    found = tags(tmp_path / "A")
    assert status.mnt_peer_group == found.get("shared", 0)
    assert status.mnt_master == found.get("master", 0)
    assert bool(status.mnt_peer_group) is (kind == MS_SHARED)
    assert bool(status.mnt_master) is (kind == MS_SLAVE)


@needs_status
@alone_in_namespaces
def test_statmount04(tmp_path):
    """The peer group that a slave of a slave's mount receives mounts from."""
    mounted("A")
    mount_setattr(AT_FDCWD, "A", propagation=MS_SHARED)
    mounted("B", open_tree(AT_FDCWD, "A", OPEN_TREE_CLONE))
    mount_setattr(AT_FDCWD, "B", propagation=MS_SLAVE)
    os.mkdir("A/C")
    mounted("A/C")
    status = statmount(Mount("B/C").id, STATMOUNT_PROPAGATE_FROM | STATMOUNT_MNT_BASIC)
    assert status.mask == STATMOUNT_PROPAGATE_FROM | STATMOUNT_MNT_BASIC
    assert status.mnt_master == tags(tmp_path / "A/C")["shared"]
    assert status.propagate_from == status.mnt_master


@needs_status
@alone_in_namespaces
def test_statmount05(tmp_path):
    """Which directory is mounted, and where."""
    mounted("mount")
    os.mkdir("mount/root")
    mount = mounted("mount/point", open_tree(AT_FDCWD, "mount/root", OPEN_TREE_CLONE))
    status = statmount(mount.id, STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT)
    assert status.mask == STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT
    assert (status.mnt_root, status.mnt_point) == ("/root", f"{tmp_path}/mount/point")


@needs_status
@alone_in_namespaces
def test_statmount06(tmp_path):
    """The name of the type."""
    status = statmount(mounted("mount").id, STATMOUNT_FS_TYPE)
    assert (status.mask, status.fs_type) == (STATMOUNT_FS_TYPE, "tmpfs")


def outside():
    """See only the working directory, and return the id of the root before."""
    mount = Mount("/").id
    os.chmod(".", 0o755)
    os.chroot(".")
    support.become_nobody()
    return mount


@needs("CAP_SYS_ADMIN", kernel=(6, 8))
@pytest.mark.parametrize("call", [lambda mount: statmount(mount, STATMOUNT_SB_BASIC), listmount])
def test_statmount08_listmount03(tmp_path, call):
    """A mount outside the root of a user without privileges is not told about."""

    def body():
        os.chdir(tmp_path)
        mount = outside()
        with raises(errno.EPERM):
            call(mount)

    in_child(body)


def enter(place):
    """Have a mount at *place* as the root."""
    mounted(place)
    os.chroot(place)
    os.chdir("/")


@needs_status
@alone_in_namespaces
def test_listmount01(tmp_path):
    """Below a root that is one mount there is this mount alone."""
    enter("root")
    assert listmount(count=32) == [Mount("/").id]


@needs_status
@alone_in_namespaces
def test_listmount02(tmp_path):
    """The list in pieces is the list."""
    enter("root")
    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, propagation=MS_SHARED)
    for _ in range(7):
        mounted("/", open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE))
    whole = listmount(count=128)
    pieces = []
    while piece := listmount(last=pieces[-1] if pieces else 0, count=3):
        pieces += piece
    assert len(whole) == 128
    assert whole == pieces == listmount()


@needs_status
@alone_in_namespaces
def test_listmount04(tmp_path):
    """Each bad argument has its errno."""
    for arguments, number in (
        ({"flags": 0xFFFFFFFF}, errno.EINVAL),
        ({"fd": -1}, errno.EBADF if support.kernel() >= (6, 12) else errno.EINVAL),
        ({"last": 17}, errno.EINVAL),
        ({"mnt_id": 0}, errno.EINVAL),
        ({"mnt_id": LSMT_ROOT - 1}, errno.ENOENT),
    ):
        with raises(number):
            listmount(**arguments)
