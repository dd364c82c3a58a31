"""The cases of mounts, names and ids: one test for each, named after it."""

import errno
import os

import pytest
import support
from support import alone, needs, needs_loop, needs_mounts

from butter.errors import InvalidArgument, InvalidPath, PathNotADirectory, PathNotFound
from butter.system import (
    MNT_DETACH,
    MNT_EXPIRE,
    MNT_FORCE,
    MS_BIND,
    MS_MOVE,
    MS_NOSYMFOLLOW,
    MS_RDONLY,
    MS_REMOUNT,
    UMOUNT_NOFOLLOW,
    Retry,
    getdomainname,
    gethostname,
    getpid,
    getppid,
    mount,
    setdomainname,
    sethostname,
    umount,
)

ST_NOSYMFOLLOW = 0x2000


@pytest.fixture
def place(tmp_path):
    """The directory on which a test mounts."""
    path = tmp_path / "place"
    path.mkdir()
    return path


@needs_loop
@alone
def test_mount01(tmp_path, place):
    """A filesystem on a block device is mounted, shows as mounted, and is unmounted."""
    support.own_mounts()
    with support.loop_device(tmp_path) as device:
        assert mount(device, place, "ext4") is None
        (line,) = support.mountinfo(place)
        assert (line.kind, line.source) == ("ext4", device)
        assert (place / "lost+found").is_dir()
        assert umount(place) is None
        assert support.mountinfo(place) == []


@needs_loop
@alone
def test_mount02(tmp_path, place):
    """Each bad argument of a mount is refused with its errno."""
    support.own_mounts()
    file = tmp_path / "file"
    file.touch()
    with support.loop_device(tmp_path) as device:
        rows = [
            ((device, place, "error"), OSError, errno.ENODEV),
            (("/dev/null", place, "ext4"), InvalidArgument, errno.ENOTBLK),
            ((None, place, "ext4"), InvalidArgument, errno.EINVAL),
            ((device, place, None), InvalidArgument, errno.EINVAL),
            ((device, place, "ext4", MS_REMOUNT), InvalidArgument, errno.EINVAL),
            ((device, "x/" * 2048 + "x", "ext4"), InvalidPath, errno.ENAMETOOLONG),
            ((device, tmp_path / "missing", "ext4"), PathNotFound, errno.ENOENT),
            ((device, file, "ext4"), PathNotADirectory, errno.ENOTDIR),
        ]
        for arguments, exception, number in rows:
            with pytest.raises(exception) as caught:
                mount(*arguments)
            assert caught.value.errno == number, arguments
        mount(device, place, "ext4")
        with pytest.raises(InvalidArgument, match=r"is mounted on .* already") as caught:
            mount(device, place, "ext4")
        assert caught.value.errno == errno.EBUSY
        with open(place / "file", "w"), pytest.raises(InvalidArgument, match="open for writing") as caught:
            mount(device, place, "ext4", MS_REMOUNT | MS_RDONLY)
        assert caught.value.errno == errno.EBUSY
        umount(place)


@alone
def test_mount04(place):
    """A user without privileges mounts nothing."""
    os.chdir(place)
    os.chmod(".", 0o777)
    support.become_nobody()
    with pytest.raises(PermissionError, match="CAP_SYS_ADMIN") as caught:
        mount("none", ".", "tmpfs")
    assert caught.value.errno == errno.EPERM


@needs_mounts
@alone
def test_mount05(tmp_path, place):
    """The files of a directory are reachable at the place that it is bound to."""
    support.own_mounts(tmp_path)
    for name in "source", "source/directory", "target":
        (tmp_path / name).mkdir()
    (tmp_path / "source/file").write_text("text")
    mount(tmp_path / "source", tmp_path / "target", None, MS_BIND)
    assert (tmp_path / "target/file").read_text() == "text"
    assert (tmp_path / "target/directory").is_dir()
    umount(tmp_path / "target")
    assert not (tmp_path / "target/file").exists()


@needs_mounts
@alone
def test_mount06(tmp_path):
    """A mount that is moved is at its new place alone."""
    support.own_mounts(tmp_path)
    for name in "before", "after":
        (tmp_path / name).mkdir()
    mount("moving", tmp_path / "before", "tmpfs")
    (tmp_path / "before/file").touch()
    mount(tmp_path / "before", tmp_path / "after", None, MS_MOVE)
    assert not (tmp_path / "before/file").exists()
    assert (tmp_path / "after/file").exists()


@needs_mounts
@needs(kernel=(5, 10))
@alone
def test_mount07(place):
    """MS_NOSYMFOLLOW stops opening through a link, not reading or changing links."""
    support.own_mounts(place)
    (place / "file").write_text("text")
    (place / "link").symlink_to("file")
    for flags in 0, MS_NOSYMFOLLOW:
        mount(None, place, None, MS_REMOUNT | flags)
        if flags:
            with pytest.raises(OSError, match="symbolic links") as caught:
                (place / "link").read_text()
            assert caught.value.errno == errno.ELOOP
        else:
            assert (place / "link").read_text() == "text"
        assert os.readlink(place / "link") == "file"
        assert os.path.realpath(place / "link") == str(place / "file")
        (place / "new").symlink_to("file")
        (place / "new").unlink()
        assert bool(os.statvfs(place).f_flag & ST_NOSYMFOLLOW) == bool(flags)


@needs_mounts
@alone
def test_umount01(place):
    """A filesystem that is mounted can be unmounted."""
    support.own_mounts(place)
    assert umount(place) is None
    assert support.mountinfo(place) == []


@needs_mounts
@alone
def test_umount02(tmp_path, place):
    """Each bad argument of an unmount is refused with its errno."""
    support.own_mounts(place)
    with open(place / "file", "w"):
        rows = [
            (place, InvalidArgument, errno.EBUSY),
            (tmp_path / "missing", PathNotFound, errno.ENOENT),
            (f"{tmp_path}/./", InvalidArgument, errno.EINVAL),
            ("x/" * 2048 + "x", InvalidPath, errno.ENAMETOOLONG),
        ]
        for path, exception, number in rows:
            with pytest.raises(exception) as caught:
                umount(path)
            assert caught.value.errno == number, path
    with pytest.raises(TypeError):
        umount(None)
    umount(place)


@needs_loop
@alone
def test_umount2_01(tmp_path, place):
    """MNT_DETACH takes a mount away that is used; later writes are not lost."""
    support.own_mounts()
    with support.loop_device(tmp_path) as device:
        mount(device, place, "ext4")
        with open(place / "file", "w") as file:
            umount(place, MNT_DETACH)
            assert not (place / "file").exists()
            file.write("text")
        mount(device, place, "ext4")
        assert (place / "file").read_text() == "text"
        umount(place)


@needs_mounts
@alone
def test_umount2_02(tmp_path, place):
    """MNT_EXPIRE marks, then unmounts what is unused; UMOUNT_NOFOLLOW takes no link."""
    support.own_mounts(place)
    (tmp_path / "link").symlink_to(place)
    for flags in MNT_EXPIRE | MNT_FORCE, MNT_EXPIRE | MNT_DETACH:
        with pytest.raises(InvalidArgument, match="MNT_EXPIRE excludes") as caught:
            umount(place, flags)
        assert caught.value.errno == errno.EINVAL
    with pytest.raises(Retry):
        umount(place, MNT_EXPIRE)
    (place / "file").touch()
    with pytest.raises(Retry) as caught:
        umount(place, MNT_EXPIRE)
    assert caught.value.errno == errno.EAGAIN
    umount(place, MNT_EXPIRE)
    assert support.mountinfo(place) == []
    mount("again", place, "tmpfs")
    with pytest.raises(InvalidArgument, match="symbolic link"):
        umount(tmp_path / "link", UMOUNT_NOFOLLOW)
    umount(place, UMOUNT_NOFOLLOW)
    assert support.mountinfo(place) == []


def test_gethostname01():
    """The host has a name, the one that uname tells."""
    assert gethostname() == os.uname().nodename


NAMES = {"hostname": (sethostname, gethostname), "domainname": (setdomainname, getdomainname)}


@needs_mounts
@pytest.mark.parametrize("kind", NAMES)
@alone
def test_sethostname01_setdomainname01(kind):
    """A name that is set is the name that is read."""
    support.own_uts()
    set_name, get_name = NAMES[kind]
    assert set_name("test_dom") is None
    assert get_name() == "test_dom"


@needs_mounts
@pytest.mark.parametrize("kind", NAMES)
@alone
def test_sethostname02_setdomainname02(kind):
    """A name of 65 bytes is refused, and the old one stays."""
    support.own_uts()
    set_name, get_name = NAMES[kind]
    before = get_name()
    with pytest.raises(InvalidArgument) as caught:
        set_name("x" * 65)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(TypeError):
        set_name(None)
    assert get_name() == before


@pytest.mark.parametrize("kind", NAMES)
@alone
def test_sethostname03_setdomainname03(kind):
    """A user without privileges changes no name."""
    support.become_nobody()
    with pytest.raises(PermissionError) as caught:
        NAMES[kind][0]("test_dom")
    assert caught.value.errno == errno.EPERM


def test_getppid01():
    """The id of the parent is one that the kernel gives."""
    with open("/proc/sys/kernel/pid_max") as file:
        assert 0 <= getppid() <= int(file.read())


def test_getppid02():
    """The parent of a child is the process that forked it, and both know its id."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{getpid()} {getppid()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    found = os.read(reading, 100)
    os.close(reading)
    os.close(writing)
    assert found == f"{child} {getpid()}".encode()
