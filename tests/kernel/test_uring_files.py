"""The requests of a ring for files and paths, each made for real."""

import errno
import itertools
import mmap
import os
import select
import stat

import pytest
from features import LONG
from support import in_place, kernel, needs
from support.completions import done

from butter.errors import InvalidArgument, PathNotFound
from butter.uring import ANY_SLOT, RESOLVE_BENEATH, FixedFile, Ring

pytestmark = needs(kernel=(5, 6))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def file(here):
    fd = os.open("file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"0123456789")
    yield fd
    os.close(fd)


def test_vectors(ring, file):
    """Several buffers are read and written with one request."""
    buffer = bytearray(3)
    ring.preadv(file, [buffer, 4], 1)
    assert done(ring) == b"1234567"
    assert buffer == b"123"
    ring.pwritev(file, [b"ab", b"cd"], 8)
    assert done(ring) == 4
    assert os.pread(file, 20, 0) == b"01234567abcd"


def test_the_position_of_a_file(ring, file):
    """Without an offset the position of the file counts, and moves."""
    os.lseek(file, 2, os.SEEK_SET)
    for expected in b"23", b"45":
        ring.pread(file, 2)
        assert done(ring) == expected
    ring.pwrite(file, b"x")
    assert done(ring) == 1
    assert os.pread(file, 20, 0) == b"012345x789"


def test_flags_of_reads(ring, file):
    """A read takes the flags of preadv2, and refuses others."""
    ring.pwrite(file, b"01", 0, rw_flags=2)  # RWF_DSYNC, which PyPy does not have
    assert done(ring) == 2
    ring.pread(file, 2, 0, rw_flags=1 << 30)
    with pytest.raises(OSError, match="pread: ") as caught:
        done(ring)
    assert caught.value.errno in (errno.EINVAL, errno.EOPNOTSUPP)


def test_syncs(ring, file):
    """A file is written to its disk, in each way."""
    ring.fsync(file)
    ring.fsync(file, datasync=True)
    ring.sync_file_range(file, 0, 4096, 7)
    assert [done(ring) for _ in range(3)] == [0, 0, 0]


def test_space(ring, file):
    """Space is allocated and taken away, and the size of a file is changed."""
    ring.fallocate(file, 0, 0, 8192)
    done(ring)
    assert os.fstat(file).st_size == 8192
    ring.fallocate(file, 3, 0, 4)  # PUNCH_HOLE and KEEP_SIZE
    done(ring)
    assert os.pread(file, 6, 0) == b"\0\0\0\x0045"
    ring.fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    assert done(ring) == 0


def test_madvise(ring):
    """The kernel is told how memory will be used, as by mmap.madvise."""
    with mmap.mmap(-1, 8192, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory[:2] = b"xy"
        ring.madvise(memory, 4)  # MADV_DONTNEED, of which PyPy has no name
        assert done(ring) == 0
        assert memory[:2] == b"\0\0"
        ring.madvise(memory, 999)
        assert ring.wait(LONG).error.errno == errno.EINVAL


@needs(kernel=(6, 9))
def test_ftruncate(ring, file):
    """A file gets another size."""
    ring.ftruncate(file, 3)
    done(ring)
    assert os.pread(file, 10, 0) == b"012"


@needs(kernel=(5, 8))
def test_splice_and_tee(ring, file, pipe):
    """Bytes move from a file to a pipe, and are copied from pipe to pipe."""
    ring.splice(file, pipe[1], 4, 2)
    assert done(ring) == 4
    other = os.pipe()
    ring.tee(pipe[0], other[1], 3)
    assert done(ring) == 3
    assert os.read(other[0], 10) == b"234"
    assert os.read(pipe[0], 10) == b"2345"
    for end in other:
        os.close(end)


@needs(kernel=(5, 15))
def test_paths(ring, here):
    """Files and directories are made, linked, renamed, looked at and removed."""
    ring.mkdir("directory", 0o750)
    assert done(ring) == 0
    assert stat.S_IMODE(os.stat("directory").st_mode) == 0o750 & ~_umask()
    ring.open("directory/file", os.O_RDWR | os.O_CREAT, 0o600)
    fd = done(ring)
    assert not os.get_inheritable(fd)
    os.write(fd, b"content")
    ring.link("directory/file", "hard")
    ring.symlink("directory/file", b"soft")
    done(ring), done(ring)
    assert os.stat("hard").st_nlink == 2
    assert os.readlink("soft") == "directory/file"
    ring.rename("hard", here / "renamed")
    done(ring)
    ring.statx("renamed")
    found = done(ring)
    expected = os.stat("renamed")
    for name in ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "mtime_ns", "ctime_ns", "atime_ns", "blocks"):
        assert getattr(found, f"st_{name}") == getattr(expected, f"st_{name}"), name
    assert found.st_mtime == pytest.approx(expected.st_mtime)
    assert found.st_rdev == expected.st_rdev
    ring.statx("soft", at_flags=0x100)
    assert stat.S_ISLNK(done(ring).st_mode)
    ring.unlink("renamed")
    ring.unlink("directory/file")
    ring.unlink("directory", directory=True)
    assert [done(ring) for _ in range(3)] == [0, 0, 0]
    assert os.listdir() == ["soft"]
    ring.close_fd(fd)
    assert done(ring) == 0
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@needs(kernel=(5, 15))
def test_paths_of_a_directory(ring, here):
    """Each path may begin at the descriptor of a directory."""
    os.mkdir("a")
    os.mkdir("b")
    first, second = os.open("a", os.O_RDONLY), os.open("b", os.O_RDONLY)
    ring.mkdir("inner", dir_fd=first)
    done(ring)
    ring.symlink("nowhere", "link", dir_fd=first)
    done(ring)
    ring.rename("link", "moved", src_dir_fd=first, dst_dir_fd=second)
    done(ring)
    ring.link("moved", "again", src_dir_fd=second, dst_dir_fd=first)
    done(ring)
    ring.open("inner", os.O_RDONLY | os.O_DIRECTORY, dir_fd=first)
    os.close(done(ring))
    ring.unlink("inner", dir_fd=first, directory=True)
    done(ring)
    ring.statx("again", dir_fd=first, at_flags=0x100)
    assert done(ring).st_nlink == 2
    assert (os.listdir("a"), os.listdir("b")) == (["again"], ["moved"])
    os.close(first)
    os.close(second)


def test_errors_of_paths(ring, here):
    """A path that is missing, and one that must not leave, are their own errors."""
    ring.open("missing")
    with pytest.raises(PathNotFound, match="open: the path does not exist"):
        done(ring)
    directory = os.open(".", os.O_RDONLY)
    ring.open("../", dir_fd=directory, resolve=RESOLVE_BENEATH)
    assert ring.wait(LONG).error.errno == errno.EXDEV
    os.close(directory)
    for wrong, error in (("a\0b", ValueError), (5, TypeError)):
        with pytest.raises(error):
            ring.open(wrong)


@needs(kernel=(5, 19))
def test_attributes(ring, file):
    """Extended attributes are set and got, by path and by descriptor."""
    ring.setxattr("file", "user.one", b"first")
    done(ring)
    ring.fsetxattr(file, b"user.two", bytearray(b"second"), xattr_flags=os.XATTR_CREATE)
    done(ring)
    assert sorted(os.listxattr("file")) == ["user.one", "user.two"]
    ring.getxattr("file", "user.two")
    assert done(ring) == b"second"
    ring.fgetxattr(file, "user.one", 100)
    assert done(ring) == b"first"
    ring.getxattr("file", "user.one", 2)
    with pytest.raises(InvalidArgument, match="larger than the size"):
        done(ring)
    ring.getxattr("file", "user.none")
    assert ring.wait(LONG).error.errno == errno.ENODATA


@pytest.mark.parametrize("read", [True, False])
def test_descriptors_that_nothing_takes_are_closed(here, read):
    """Closing a ring closes what its completions have opened, wherever they are."""
    before, ring = len(os.listdir("/proc/self/fd")), Ring(8)
    for _ in range(3):
        ring.open(".", os.O_RDONLY)
    ring.submit()
    taken = [ring.read_event().value] if read else []
    assert ring.pending == 2 * len(taken)
    ring.close()
    for fd in taken:
        os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before


# registered files and buffers


@needs(kernel=(5, 15))
def test_registered_files(ring, file, pipe):
    """A registered file stands for a descriptor, which may be closed."""
    copy = os.dup(file)
    ring.register_files([copy, -1])
    os.close(copy)
    ring.pread(FixedFile(0), 4, 0)
    assert done(ring) == b"0123"
    ring.pread(FixedFile(1), 4, 0)
    assert ring.wait(LONG).error.errno == errno.EBADF
    ring.update_files(1, [pipe[0]])
    os.write(pipe[1], b"piped")
    ring.pread(FixedFile(1), 5)
    assert done(ring) == b"piped"
    with pytest.raises(OSError, match="registered already"):
        ring.register_files([file])
    ring.close_fd(FixedFile(0))
    done(ring)
    ring.pread(FixedFile(0), 4, 0)
    assert ring.wait(LONG).error.errno == errno.EBADF
    ring.unregister_files()
    with pytest.raises(OSError, match="nothing is registered"):
        ring.unregister_files()


@needs(kernel=(6, 8))
def test_slots(ring, file):
    """A file is opened into a slot, one of the program or of the kernel."""
    ring.register_files(2)
    ring.open("file", slot=1)
    assert done(ring) == 0
    ring.open("file", slot=ANY_SLOT)
    assert done(ring) == 0
    ring.open("file", slot=ANY_SLOT)
    assert ring.wait(LONG).error.errno == errno.ENFILE
    ring.pread(FixedFile(0), 2, 0)
    assert done(ring) == b"01"
    ring.install(FixedFile(1))
    fd = done(ring)
    assert os.pread(fd, 3, 0) == b"012"
    os.close(fd)
    with pytest.raises(TypeError):
        ring.install(1)


@in_place
def test_registered_buffers(ring, file):
    """Registered buffers are read into and written from, whole and in part."""
    first, second = bytearray(4), bytearray(b"wxyz")
    ring.register_buffers([first, second])
    ring.read_fixed(file, 0, 2)
    assert done(ring) == b"2345"
    assert first == b"2345"
    ring.read_fixed(file, 0, 0, start=1, size=2)
    assert done(ring) == b"01"
    assert first == b"2015"
    ring.write_fixed(file, 1, 8, start=1)
    assert done(ring) == 3
    assert os.pread(file, 20, 0) == b"01234567xyz"
    for wrong in ({"index": 2}, {"index": 0, "start": 5}, {"index": 0, "size": 5}, {"index": -1}):
        with pytest.raises(ValueError, match=r"is |the buffer has"):
            ring.read_fixed(file, **wrong)
    with pytest.raises(BufferError):
        first.clear()
    with pytest.raises(OSError, match="registered already"):
        ring.register_buffers([bytearray(1)])
    ring.unregister_buffers()
    first.clear()


@needs(kernel=(6, 13))  # before that the call waits for the request
@in_place
def test_registered_buffers_live_until_the_completion(ring, pipe):
    """A request that is under way keeps registered buffers that were forgotten."""
    buffer = bytearray(4)
    ring.register_buffers([buffer])
    ring.read_fixed(pipe[0], 0)
    ring.submit()
    ring.unregister_buffers()
    with pytest.raises(BufferError):
        buffer.clear()
    os.write(pipe[1], b"late")
    assert ring.wait(LONG).value == b"late"
    buffer.clear()


@needs(kernel=(6, 12))
def test_cloned_buffers(ring, file):
    """A ring takes over the registered buffers of another."""
    buffer = mmap.mmap(-1, 4096)
    ring.register_buffers([buffer])
    with Ring(2) as other:
        other.clone_buffers(ring)
        other.read_fixed(file, 0, 0, size=4)
        assert other.wait(LONG).value == b"0123"
        with pytest.raises(TypeError, match="ring must be a Ring, not int"):
            other.clone_buffers(ring.fileno())
    assert buffer[:4] == b"0123"


@needs(kernel=(6, 7))
def test_multishot_read(ring, pipe):
    """A multishot read completes for each arrival, and once at the end."""
    group = ring.provide(4, 16)
    request = ring.read_multishot(pipe[0], group, "pipe")
    ring.submit()
    for word in [b"one", b"two", b"three", b"four", b"five", b"six"]:
        os.write(pipe[1], word)
        completion = ring.wait(LONG)
        assert (completion.value, completion.more) == (word, True)
    ring.cancel(request, "cancel")
    last = {completion.user_data: completion for completion in itertools.islice(ring, 2)}
    assert last["pipe"].error.errno == errno.ECANCELED
    assert not last["pipe"].more
    group.close()


@needs(kernel=(5, 19))
def test_numbers_of_groups(ring):
    """A group has a power of 2 of buffers."""
    for entries, size in ((0, 16), (3, 16), (65536, 16), (4, 0), (4, -1)):
        with pytest.raises(ValueError, match=r"entries|size"):
            ring.provide(entries, size)
    first, second = ring.provide(1, 1), ring.provide(2, 1)
    assert (first.number, second.number) == (1, 2)
    assert repr(second) == "<BufferGroup 2: 2 buffers of 1 bytes>"
    first.close()
    words = "no such" if kernel() >= (6, 12) else "the kernel refuses"
    with pytest.raises(OSError, match=f"io_uring_register: {words}"):
        first.close()
    ring.close()
    with pytest.raises(ValueError, match="closed file"):
        second.close()


def test_ready_descriptors(ring, pipe):
    """The ring itself is ready for select when a completion is there."""
    ring.pread(pipe[0], 1)
    ring.submit()
    assert select.select([ring], [], [], 0)[0] == []
    os.write(pipe[1], b"x")
    assert select.select([ring], [], [], LONG)[0] == [ring]
    assert done(ring) == b"x"
