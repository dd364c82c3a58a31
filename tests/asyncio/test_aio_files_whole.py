"""Functions of files that read and write whole files."""

import errno
import io
import itertools
import os
import resource
import stat
import struct
import sys

import pytest
from files import BACKENDS, KINDS, by_butter, by_python, files, in_asyncio
from loops import run
from support import become_nobody, in_child, inject, needs

from butter._awaitables import _files_whole

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_backend = pytest.mark.parametrize("backend", BACKENDS)


# paths


def write(path):
    """Do by Python's own open what a write_file does."""
    with io.open(path, "wb") as file:  # noqa: UP020  # the name open is that of files
        file.write(b"new")


def prepare(folder):
    folder.mkdir()
    (folder / "file").write_text("old")
    (folder / "folder").mkdir()
    for name, target in (
        ("to_file", "file"),
        ("to_to_file", f"{folder}/to_file"),
        ("to_folder", "folder"),
        ("to_new", "folder/new"),
        ("to_nowhere", "missing/new"),
        ("to_slash", "new/"),
        ("to_file_slash", "file/"),
        ("circle", "circle"),
    ):
        (folder / name).symlink_to(target)


def tree(folder):
    """All files below a folder, with their kinds and contents."""
    return sorted(
        (str(path.relative_to(folder)), path.is_symlink(), path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    )


NAMES = ["", "/", ".", "..", "file", "file/", "file/.", "file/x", "new", "new/", "new/.", "new/new/", "missing/../new"]
NAMES += ["folder", "folder/", "folder/new", "folder/../new", "to_file", "to_file/", "to_to_file", "to_folder"]
NAMES += ["to_folder/new", "to_folder/../new", "to_new", "to_new/", "to_nowhere", "to_slash", "to_file_slash"]
NAMES += ["circle", "circle/", "circle/x", "x" * 255, "x" * 256, b"bytes", b"missing/bytes", b"to_new"]


@in_asyncio
async def test_paths_of_write_file(backend, tmp_path, monkeypatch):
    """write_file makes, follows and refuses the paths that Python's open does."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for number, (name, atomic) in enumerate(itertools.product(NAMES, (True, False))):
        for folder in (ours, theirs):
            if not folder.exists():
                prepare(folder)
        monkeypatch.chdir(ours)
        outcome = await by_butter(files().write_file, name, b"new", atomic=atomic, backend=backend)
        monkeypatch.chdir(theirs)
        expected = by_python(write, name)
        assert outcome == expected, (name, atomic)
        if expected.error is None:
            assert tree(ours) == tree(theirs), (name, atomic)
            for folder in (ours, theirs):
                folder.rename(tmp_path / f"{number}-{folder.name}")
    assert tree(ours) == tree(theirs)


@in_asyncio
async def test_the_program_changes_its_directory(backend, tmp_path, monkeypatch):
    """A relative path is that of the moment in which write_file begins."""
    (tmp_path / "file").write_text("old")
    monkeypatch.chdir(tmp_path)
    change = os.fchown
    monkeypatch.setattr(os, "fchown", lambda *args: os.chdir("/") or change(*args))
    await files().write_file("file", b"new", backend=backend)
    assert tree(tmp_path) == [("file", False, b"new")]


@in_asyncio
async def test_write_file_by_a_link_of_proc(backend, tmp_path):
    """A file that has lost its name is written by its descriptor's path."""
    with (tmp_path / "file").open("w+b") as file:
        path = f"/proc/self/fd/{file.fileno()}"
        await files().write_file(path, b"named", backend=backend)
        assert (tmp_path / "file").read_bytes() == b"named"
    with (tmp_path / "file").open("w+b") as file:
        (tmp_path / "file").unlink()
        await files().write_file(f"/proc/self/fd/{file.fileno()}", b"unnamed", backend=backend)
        assert file.read() == b"unnamed"
    assert os.listdir(tmp_path) == []


@in_asyncio
async def test_write_file_that_follows_no_link(backend, tmp_path, monkeypatch):
    """Without *follow_symlinks* a link raises, and one that comes amid is replaced."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    options = {"follow_symlinks": False, "backend": backend}
    for atomic in (True, False):
        with pytest.raises(OSError, match="link") as caught:
            await files().write_file(tmp_path / "link", b"new", atomic=atomic, **options)
        assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, str(tmp_path / "link"))
        await files().write_file(tmp_path / "new", b"%d" % atomic, atomic=atomic, **options)
        assert (tmp_path / "new").read_bytes() == b"%d" % atomic
    temporary = _files_whole._temporary
    monkeypatch.setattr(
        _files_whole, "_temporary", lambda path: os.symlink("file", tmp_path / "late") or temporary(path)
    )
    await files().write_file(tmp_path / "late", b"new", **options)
    assert (tmp_path / "late").read_bytes() == b"new"
    assert (tmp_path / "file").read_bytes() == b"old"


@in_asyncio
async def test_data_that_is_not_bytes(backend, tmp_path):
    """Data that cannot be written raises before anything happens."""
    (tmp_path / "file").write_text("old")
    for data in ("text", None, memoryview(b"abcd")[::2]):
        for atomic in (True, False):
            with pytest.raises((TypeError, BufferError), match=r"bytes|buffer"):
                await files().write_file(tmp_path / "file", data, atomic=atomic, backend=backend)
    assert tree(tmp_path) == [("file", False, b"old")]


# their errors


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("call", ["openat", "fchmod", "pwrite64", "fsync", "rename", "newfstatat", "fstat"])
@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy asks for the status where it returns the result")
def test_the_path_of_each_error(call, number, tmp_path):
    """Whichever call fails, the error has the path of the caller, and no other."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    async def main(atomic):
        outcome = await by_butter(files().write_file, path, b"new", atomic=atomic, backend="threads")
        return outcome.error and (outcome.error.errno, outcome.error.filename, outcome.error.filename2)

    def body():
        if call == "pwrite64":
            inject("pwritev2", number)
            inject("pwritev", number)
        inject(call, number)
        return [run(main(atomic)) for atomic in (True, False)]

    found = in_child(body)
    assert set(found) <= {None, (number, str(path), None)}
    assert found[0] is not None or call in ("fstat", "newfstatat")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() in (b"old", b"new", b"")


@every_kind
@every_backend
def test_errors_by_each_backend(kind, backend, tmp_path, monkeypatch):
    """An error of a write, of the rename and of a read has the path alone."""
    path, full = tmp_path / "file", os.fsencode(tmp_path / "full")
    (tmp_path / "folder").mkdir()

    async def main():
        found = [
            await by_butter(files().write_file, each, bytes(100_000), atomic=atomic, backend=backend)
            for each in (path, full)
            for atomic in (True, False)
        ]
        found += [
            await by_butter(files().read_file, each, backend=backend)
            for each in (tmp_path, "/proc/self/mem", full * 99)
        ]
        # what it writes to has become a folder
        monkeypatch.setattr(_files_whole, "_target", lambda path, follow: (path, None))
        found.append(await by_butter(files().write_file, tmp_path / "folder", b"x", backend=backend))
        return [(each.error.errno, each.error.filename, each.error.filename2) for each in found]

    def body():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        return run(main(), kind)

    large, folder = errno.EFBIG, errno.EISDIR
    assert in_child(body) == [
        *[(large, str(path), None)] * 2,
        *[(large, full, None)] * 2,
        (folder, str(tmp_path), None),
        (errno.EIO, "/proc/self/mem", None),
        (errno.ENAMETOOLONG, full * 99, None),
        (folder, str(tmp_path / "folder"), None),
    ]
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "full"]


@in_asyncio
async def test_a_directory_that_is_not_brought_to_the_disk(backend, tmp_path, monkeypatch):
    """A filesystem that cannot do it raises nothing, and one that fails raises."""
    path = tmp_path / "file"

    async def fail(*_):
        raise OSError(number, "text", "directory")

    monkeypatch.setattr(_files_whole, "_sync_directory", fail)
    for number in (errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM):
        await files().write_file(path, b"%d" % number, backend=backend)
        assert path.read_bytes() == b"%d" % number
    for number in (errno.EIO, errno.ENOSPC):
        with pytest.raises(OSError, match="text") as caught:
            await files().write_file(path, b"%d" % number, backend=backend)
        assert (caught.value.errno, caught.value.filename) == (number, str(path))
        assert path.read_bytes() == b"%d" % number
    assert os.listdir(tmp_path) == ["file"]


@every_backend
def test_a_directory_that_may_not_be_read(backend, public_path):
    """A file of such a directory is written."""
    public_path.chmod(0o777)

    def body():
        become_nobody()
        os.mkdir(public_path / "folder", 0o300)
        run(files().write_file(public_path / "folder/file", b"new", backend=backend))

    in_child(body)
    (public_path / "folder").chmod(0o700)
    assert (public_path / "folder/file").read_bytes() == b"new"


# permissions and attributes


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@in_asyncio
async def test_permissions_of_write_file(backend, tmp_path):
    """They are those of a new file, but for the umask; an old file keeps its own."""
    for umask, asked, mode in ((0o077, {}, 0o600), (0o022, {}, 0o644), (0o027, {"permissions": 0o604}, 0o600)):
        for atomic in (True, False):
            path = tmp_path / f"{umask}-{atomic}"
            before = os.umask(umask)
            try:
                await files().write_file(path, b"1", atomic=atomic, backend=backend, **asked)
                assert mode_of(path) == mode
                path.chmod(0o646)
                await files().write_file(path, b"2", atomic=atomic, backend=backend, **asked)
            finally:
                os.umask(before)
            assert (mode_of(path), path.read_bytes()) == (0o646, b"2")


@in_asyncio
async def test_a_secret_file_stays_one(backend, tmp_path, monkeypatch):
    """The new file can at no moment be read by others."""
    path, modes = tmp_path / "file", []
    path.write_bytes(b"old")
    path.chmod(0o600)
    change = os.fchown
    monkeypatch.setattr(os, "fchown", lambda fd, *args: modes.append(os.fstat(fd).st_mode) or change(fd, *args))
    monkeypatch.setattr(os, "fchmod", lambda fd, mode: modes.append(mode))
    before = os.umask(0)
    try:
        await files().write_file(path, b"new", permissions=0o666, backend=backend)
    finally:
        os.umask(before)
    assert list(map(stat.S_IMODE, modes)) == [0o600, 0o600]
    assert (mode_of(path), path.read_bytes()) == (0o600, b"new")


@needs("CAP_CHOWN")
@in_asyncio
async def test_another_group_gets_no_rights(backend, tmp_path, monkeypatch):
    """Where the owner cannot be kept, the new group has what all have, and no more."""
    path = tmp_path / "file"
    for mode, expected in ((0o640, 0o600), (0o664, 0o644), (0o2755, 0o755), (0o604, 0o604)):
        path.write_bytes(b"old")
        os.chown(path, 12345, 12346)
        path.chmod(mode)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fchown", refused)
            await files().write_file(path, b"new", backend=backend)
        assert (mode_of(path), path.stat().st_uid) == (expected, os.geteuid())


def refused(*_):
    raise OSError(errno.EINVAL, "an owner that this user namespace does not have")


ACL = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"


def access(group):
    """A list by which user 12345 reads and writes, and the group as said."""
    entries = ((1, 6, -1), (2, 6, 12345), (4, group, -1), (16, 6, -1), (32, 0, -1))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *each) for each in entries)


@in_asyncio
async def test_lists_and_attributes(backend, tmp_path):
    """A file that is replaced keeps its access control list and user attributes."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.setxattr(path, ACL, access(0))
    os.setxattr(path, "user.name", b"value")
    for atomic in (True, False):
        await files().write_file(path, b"new", atomic=atomic, backend=backend)
        assert os.getxattr(path, ACL) == access(0)
        assert os.getxattr(path, "user.name") == b"value"
        assert mode_of(path) == 0o660


@in_asyncio
async def test_a_list_that_cannot_be_kept(backend, tmp_path, monkeypatch):
    """Without its list the group of a file gets none of the rights of that."""
    path, change = tmp_path / "file", os.setxattr
    path.write_bytes(b"old")
    os.setxattr(path, ACL, access(0))

    def full(fd, name, value):
        if name == ACL:
            raise OSError(errno.ENOSPC, "full")
        change(fd, name, value)

    monkeypatch.setattr(os, "setxattr", full)
    await files().write_file(path, b"new", backend=backend)
    assert mode_of(path) == 0o600
    assert ACL not in os.listxattr(path)


@in_asyncio
async def test_the_list_of_the_directory(backend, tmp_path):
    """A file without a list does not get that which its directory gives to new ones."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.setxattr(tmp_path, DEFAULT, access(6))
    await files().write_file(path, b"new", backend=backend)
    assert ACL not in os.listxattr(path)
    assert mode_of(path) == 0o640
    await files().write_file(tmp_path / "new", b"new", backend=backend)
    assert os.getxattr(tmp_path / "new", ACL) == access(6)


@needs("CAP_SETFCAP")
@in_asyncio
async def test_capabilities_are_not_kept(backend, tmp_path):
    """New content has none of the capabilities of the old."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.setxattr(path, "security.capability", struct.pack("<5I", 0x2000001, 1 << 10, 0, 0, 0))
    await files().write_file(path, b"new", backend=backend)
    assert "security.capability" not in os.listxattr(path)
