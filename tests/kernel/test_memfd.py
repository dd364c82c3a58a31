"""memfd on this kernel: its content, its seals, and the sentence of each failure."""

import array
import ctypes
import errno
import faulthandler
import fcntl
import gc
import io
import mmap as mmap_module
import os
import pathlib
import platform
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading

import pytest
import support
from support import libc, needs

from butter import _memfd, errors
from butter import memfd as module
from butter._memfd import MMAP
from butter.errors import InvalidArgument, OutOfMemory
from butter.memfd import (
    ACCESS_COPY,
    ACCESS_READ,
    ACCESS_WRITE,
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MAP_PRIVATE,
    MAP_SHARED,
    MFD_ALLOW_SEALING,
    MFD_EXEC,
    MFD_HUGE_1GB,
    MFD_HUGE_2MB,
    MFD_HUGE_MASK,
    MFD_HUGE_SHIFT,
    MFD_HUGETLB,
    MFD_NOEXEC_SEAL,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    Memfd,
    MemfdHugePages,
    MemfdSeal,
    Sealed,
    flags,
    memfd_create,
    revoke,
    seal,
)

PAGE = mmap_module.PAGESIZE
ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE


def link(fd):
    return os.readlink(f"/proc/self/fd/{fd}")


@pytest.fixture
def memfd():
    with Memfd("test") as memfd:
        yield memfd


@pytest.fixture
def fd():
    fd = memfd_create("test", MFD_ALLOW_SEALING)
    yield fd
    os.close(fd)


# memfd_create


def test_create():
    """A new descriptor is an empty file, close-on-exec, that cannot be sealed."""
    fd = memfd_create()
    assert os.fstat(fd).st_size == 0
    assert link(fd) == "/memfd: (deleted)"
    assert not os.get_inheritable(fd)
    assert flags(fd) == F_SEAL_SEAL
    os.write(fd, b"butter")
    assert os.pread(fd, 10, 0) == b"butter"
    os.close(fd)


@pytest.mark.defect("M4")
@pytest.mark.parametrize(
    "name",
    ["test", b"test", pathlib.PurePath("test"), "", b"\xff\xfe", "caf\xe9", "a/b", "x" * 249, "\u20ac" * 83],
    ids=ascii,
)
def test_names(name):
    """A name is str, bytes or PathLike of at most 249 bytes, and is kept as it is."""
    for make in (memfd_create, lambda name: Memfd(name)):
        made = make(name)
        fd = made if isinstance(made, int) else made.fileno()
        assert os.readlink(os.fsencode(f"/proc/self/fd/{fd}")) == b"/memfd:" + os.fsencode(name) + b" (deleted)"
        os.close(fd) if made is fd else made.close()


@pytest.mark.parametrize("name", ["x" * 250, "\u20ac" * 84, b"x" * 5000])
def test_name_too_long(name):
    """The limit of a name counts bytes, and the error tells both numbers."""
    for make in (memfd_create, Memfd):
        with pytest.raises(InvalidArgument, match=f"has {len(os.fsencode(name))} bytes; at most 249 are") as caught:
            make(name)
        assert caught.value.errno == errno.EINVAL


@pytest.mark.defect("M4")
def test_nul_in_a_name():
    """A name with a NUL is refused, where the kernel would cut it there."""
    for name in ("a\0b", b"a\0b", "\0"):
        for make in (memfd_create, Memfd):
            with pytest.raises(ValueError, match="null byte"):
                make(name)


@pytest.mark.parametrize("make", [memfd_create, lambda name="", flags=0: Memfd(name, flags=flags)])
def test_names_and_flags_that_cannot_be(make):
    """Another type is a TypeError, and flags beyond an unsigned int a ValueError."""
    for arguments in (None,), (5,), (1.5,), ("", "1"), ("", None), ("", 0.0):
        with pytest.raises(TypeError):
            make(*arguments)
    for number in 2**32, -(2**31) - 1, 2**64:
        with pytest.raises(ValueError, match="it must be"):
            make("", number)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0x100, "0x100"),
        (-500, "unknown flags"),
        (MFD_HUGE_2MB, "only with MFD_HUGETLB"),
        (MFD_HUGETLB | 0x40, "0x40"),
    ],
)
def test_unknown_flags(number, words):
    """The error names the bits that are not flags."""
    with pytest.raises(InvalidArgument, match=words) as caught:
        memfd_create("", number)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    ("kernel", "flags", "words"),
    [
        ((6, 2), MFD_EXEC, r"Linux 6.2 does not know MFD_EXEC \(Linux 6.3\)$"),
        ((4, 14), MFD_HUGETLB, r"does not know huge pages that can be sealed \(Linux 4.16\); memfd_create"),
        ((6, 18), MFD_HUGETLB, "refuses it, for a reason"),
    ],
)
def test_flags_that_an_older_kernel_does_not_know(kernel, flags, words, old_kernel):
    """The error names flags that are newer than the kernel, and their versions."""
    old_kernel(*kernel)
    with pytest.raises(InvalidArgument, match=words) as caught:
        support.inject_in_child("memfd_create", errno.EINVAL, lambda: Memfd("", flags=flags))
    assert "ALLOW_SEALING" not in caught.value.strerror


@needs(kernel=(6, 3))
def test_executable_or_not():
    """MFD_NOEXEC_SEAL forbids the executable bits, MFD_EXEC sets them; not both."""
    with Memfd("", flags=MFD_NOEXEC_SEAL) as memfd:
        assert memfd.flags == F_SEAL_EXEC
        assert os.fstat(memfd.fileno()).st_mode & 0o111 == 0
        with pytest.raises(PermissionError):
            os.fchmod(memfd.fileno(), 0o777)
    with Memfd("", flags=MFD_EXEC) as memfd:
        assert memfd.flags == 0
        assert os.fstat(memfd.fileno()).st_mode & 0o111
    with pytest.raises(InvalidArgument, match="exclude each other"):
        memfd_create("", MFD_EXEC | MFD_NOEXEC_SEAL)


def in_pid_namespace(body):
    """Run *body* in a child that is the first of a pid namespace of its own."""

    def outer():
        if libc.unshare(0x20000000):  # CLONE_NEWPID
            raise OSError(ctypes.get_errno(), "unshare")
        return support.in_child(body)

    return support.in_child(outer)


@needs("CAP_SYS_ADMIN", kernel=(6, 3))
def test_memfd_noexec():
    """Where vm.memfd_noexec is 2, the error for MFD_EXEC says what to do."""

    def body():
        pathlib.Path("/proc/sys/vm/memfd_noexec").write_text("2")
        Memfd("", flags=MFD_NOEXEC_SEAL).close()
        with Memfd(b"data", b"content", MFD_NOEXEC_SEAL) as memfd, memfd.sealed_copy() as sealed:
            assert sealed.flags & F_SEAL_EXEC
            assert bytes(sealed.mmap()) == b"content"
        memfd_create("", MFD_EXEC)

    before = pathlib.Path("/proc/sys/vm/memfd_noexec").read_text()
    with pytest.raises(PermissionError, match=r"memfd_noexec is 2 in this pid namespace.*MFD_NOEXEC_SEAL") as caught:
        in_pid_namespace(body)
    assert caught.value.errno == errno.EACCES
    assert pathlib.Path("/proc/sys/vm/memfd_noexec").read_text() == before


@needs("CAP_SYS_ADMIN", kernel=(6, 3))
def test_memfd_noexec_by_default():
    """Where vm.memfd_noexec is 1, only MFD_EXEC makes an executable memfd."""

    def body():
        pathlib.Path("/proc/sys/vm/memfd_noexec").write_text("1")
        with Memfd() as memfd, Memfd(flags=MFD_EXEC) as other:
            return os.fstat(memfd.fileno()).st_mode & 0o111, os.fstat(other.fileno()).st_mode & 0o111

    assert in_pid_namespace(body) == (0, 0o111)


@pytest.mark.parametrize(
    ("number", "flags", "exception", "words"),
    [
        (errno.EACCES, 0, PermissionError, "security module"),
        pytest.param(errno.EINVAL, MFD_EXEC, InvalidArgument, "does not list", marks=needs(kernel=(6, 3))),
        (errno.EPERM, MFD_HUGETLB, PermissionError, r"CAP_IPC_LOCK.*hugetlb_shm_group"),
    ],
)
def test_refused_by_the_kernel(number, flags, exception, words):
    """The error for refused flags names what forbids them."""
    with pytest.raises(exception, match=words) as caught:
        support.inject_in_child("memfd_create", number, memfd_create, "", flags)
    assert caught.value.errno == number


def test_sizes_of_huge_pages():
    """The bits of each size of huge pages are those of its name."""
    units = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
    for member in MemfdHugePages:
        number, unit = re.fullmatch(r"HUGE_(\d+)(..)", member.name).groups()
        assert 1 << (member >> MFD_HUGE_SHIFT) == int(number) * units[unit]
        assert 0 < member >> MFD_HUGE_SHIFT <= MFD_HUGE_MASK
        assert getattr(module, f"MFD_{member.name}") == member
    assert MFD_HUGE_1GB == 30 << 26


# Seals by the thin calls


@pytest.mark.defect("M5")
def test_seals(fd):
    """Seals are added one by one and read as bits, until F_SEAL_SEAL."""
    assert flags(fd) == 0
    revoke(fd, F_SEAL_GROW)
    assert flags(fd) == F_SEAL_GROW
    revoke(fd, F_SEAL_SHRINK | F_SEAL_GROW)
    assert flags(fd) == F_SEAL_GROW | F_SEAL_SHRINK
    revoke(fd, 0)
    assert seal(fd) is None
    assert flags(fd) == F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL
    for call in (lambda: revoke(fd, F_SEAL_WRITE), lambda: seal(fd)):
        with pytest.raises(Sealed, match="sealed with F_SEAL_SEAL") as caught:
            call()
        assert caught.value.errno == errno.EPERM
        assert isinstance(caught.value, PermissionError)
        assert isinstance(caught.value, ValueError)
    assert flags(fd) == F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL


@needs(kernel=(5, 1))
def test_future_write(fd):
    """F_SEAL_FUTURE_WRITE leaves the mappings that exist and forbids new ones."""
    os.ftruncate(fd, PAGE)
    with mmap_module.mmap(fd, PAGE) as mapping:
        revoke(fd, F_SEAL_FUTURE_WRITE)
        mapping[0] = 7
        assert os.pread(fd, 1, 0) == b"\x07"
        with pytest.raises(PermissionError):
            os.write(fd, b"x")
        with pytest.raises(PermissionError):
            mmap_module.mmap(fd, PAGE)


@needs(kernel=(6, 3))
def test_exec_seal(fd):
    """F_SEAL_EXEC keeps the mode, and seals the content of an executable memfd too."""
    revoke(fd, F_SEAL_EXEC)
    assert flags(fd) & (F_SEAL_EXEC | F_SEAL_WRITE) == F_SEAL_EXEC | F_SEAL_WRITE
    with pytest.raises(PermissionError):
        os.fchmod(fd, 0o644)


def test_seals_of_other_things(fd):
    """The error for seals names unknown ones, and a descriptor of another kind."""
    # a file of a tmpfs, which may be where tmp_path lies, is as sealable as a memfd
    with open("/proc/self/maps") as file, pytest.raises(InvalidArgument, match="not a memfd") as caught:
        flags(file)
    assert caught.value.errno == errno.EINVAL
    with socket.socket() as other, pytest.raises(InvalidArgument, match="not a memfd but 'socket") as caught:
        revoke(other, F_SEAL_WRITE)
    assert caught.value.errno == errno.EINVAL
    for number in (0x80, 0x8000_0000):
        with pytest.raises(InvalidArgument, match=f"unknown seals {number:#x}") as caught:
            revoke(fd, number)
        assert caught.value.errno == errno.EINVAL


@pytest.mark.defect("M5")
def test_busy(fd):
    """F_SEAL_WRITE is refused while a mapping writes, and the error says so."""
    os.ftruncate(fd, PAGE)
    words = "close every mmap.*F_SEAL_FUTURE_WRITE" if support.kernel() >= (5, 1) else "close every mmap"
    with mmap_module.mmap(fd, PAGE):
        with pytest.raises(InvalidArgument, match=words) as caught:
            revoke(fd, F_SEAL_WRITE)
        assert caught.value.errno == errno.EBUSY
    revoke(fd, F_SEAL_WRITE)


@pytest.fixture
def old_kernel(monkeypatch):
    """A function that makes butter believe in an older kernel."""
    return lambda *version: monkeypatch.setattr(errors, "running_kernel", lambda: version)


def test_seals_that_an_older_kernel_does_not_know(fd, old_kernel, in_child):
    """The error names seals that are newer than the kernel, and advises none."""

    def refused(number, seals):
        support.inject("fcntl", number, first=fd)
        revoke(fd, seals)

    old_kernel(5, 0)
    with pytest.raises(InvalidArgument, match=r"Linux 5.0 does not know .*FUTURE_WRITE \(Linux 5.1\)$") as caught:
        in_child(refused, errno.EINVAL, F_SEAL_FUTURE_WRITE | F_SEAL_GROW)
    assert "memfd" not in caught.value.strerror
    with pytest.raises(InvalidArgument, match=r"close every mmap and memoryview$"):
        in_child(refused, errno.EBUSY, F_SEAL_WRITE)


def test_a_file_of_a_tmpfs_is_not_a_memfd(fd):
    """A file of a tmpfs, which has F_SEAL_SEAL, can neither be sealed nor adopted."""
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        assert flags(file) == F_SEAL_SEAL
        with pytest.raises(Sealed, match="is not a memfd but '/dev/shm"):
            revoke(file, F_SEAL_GROW)
        with pytest.raises(InvalidArgument, match=r"is not a memfd; .*'/dev/shm") as caught:
            Memfd.adopt(file)
        assert caught.value.errno == errno.EINVAL
        assert not file.closed


def test_why_no_seal_can_be_added():
    """The error tells F_SEAL_SEAL from a descriptor that only reads."""
    with Memfd() as memfd, memfd.open("rb") as reading:
        with pytest.raises(Sealed, match=r"is not open for writing$"):
            revoke(reading, F_SEAL_GROW)
        memfd.revoke(F_SEAL_GROW)
        memfd.seal()
        for file in (memfd, reading):
            with pytest.raises(Sealed, match=r"the memfd was sealed with F_SEAL_SEAL$"):
                revoke(file, F_SEAL_SHRINK)


@pytest.mark.parametrize(
    ("value", "exception"),
    [("1", TypeError), (None, TypeError), (1.5, TypeError), (b"1", TypeError), (-1, ValueError), (2**32, ValueError)],
)
def test_wrong_types_of_seals(fd, value, exception):
    """Seals of another type are a TypeError, beyond an unsigned int a ValueError."""
    with pytest.raises(exception, match=r"flags (is|must be)"):
        revoke(fd, value)


# The object


@pytest.mark.defect("M4")
def test_content():
    """The initial value is a size or the content, which is read from its beginning."""
    with Memfd() as memfd:
        assert len(memfd) == 0
        assert memfd
    with Memfd("", 5000) as memfd:
        assert len(memfd) == 5000
        assert os.pread(memfd.fileno(), 6000, 0) == bytes(5000)
    for content in (b"butter", bytearray(b"butter"), memoryview(b"butter"), array.array("B", b"butter")):
        with Memfd("", content) as memfd:
            assert len(memfd) == 6
            assert os.read(memfd.fileno(), 10) == b"butter"
    with Memfd("", array.array("I", [1, 2])) as memfd:
        assert len(memfd) == 8
    with Memfd(inital_value=b"old", flags=0) as memfd:
        assert len(memfd) == 3
    for content in (b"new", b"", 5):
        with pytest.raises(TypeError, match="one argument"):
            Memfd("", content, inital_value=b"old")


@pytest.mark.parametrize("value", ["text", None, 1.5, -1, 2**63], ids=str)
def test_bad_content(value):
    """An initial value of another type is refused before there is a descriptor."""
    before = support.descriptors()
    words = "it must be" if isinstance(value, int) else f"bytes or another buffer, .* not {type(value).__name__}"
    with pytest.raises(ValueError if isinstance(value, int) else TypeError, match=words):
        Memfd("", value)
    assert support.descriptors() == before


@pytest.mark.parametrize(
    "value",
    [
        memoryview(b"0123456789")[::2],
        memoryview(b"0123456789")[::-1],
        memoryview(bytes(range(12))).cast("B", (3, 4)),
        memoryview(array.array("I", range(12)))[1::3],
        pytest.param(
            (ctypes.c_int * 0 * 3)(),
            marks=pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="PyPy itself divides by zero"),
        ),
        array.array("I"),
    ],
    ids=["gaps", "backwards", "rows", "words", "empty rows", "empty"],
)
def test_content_of_any_shape(value):
    """A buffer of any shape is the content that bytes() makes of it."""
    with Memfd("", value) as memfd:
        assert os.pread(memfd.fileno(), 100, 0) == bytes(value)
        assert len(memfd) == len(bytes(value))


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (lambda memfd: Memfd("", len(memfd)), "ftruncate"),
        (lambda memfd: Memfd("", bytes(len(memfd))), "write of a memfd"),
        (Memfd.sealed_copy, "ftruncate"),
    ],
)
def test_no_room(in_child, make, call):
    """The error for content or a copy without room names the limit, without a leak."""

    def body():
        with Memfd("", bytes(2 * PAGE)) as memfd:
            before = support.descriptors()
            resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, PAGE))
            try:
                make(memfd)
            finally:
                assert support.descriptors() == before

    with pytest.raises(OSError, match=f"{call}: RLIMIT_FSIZE") as caught:
        in_child(body)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.defect("M3")
def test_permissions(memfd):
    """Each permission is true at first, and once set to False it stays so."""
    for name, added in (("shrinkable", F_SEAL_SHRINK), ("growable", F_SEAL_GROW), ("writable", F_SEAL_WRITE)):
        before = memfd.flags
        assert getattr(memfd, name) is True
        setattr(memfd, name, True)
        assert memfd.flags == before
        setattr(memfd, name, False)
        assert memfd.flags == before | added
        assert getattr(memfd, name) is False
        setattr(memfd, name, False)
        with pytest.raises(Sealed, match="cannot be removed") as caught:
            setattr(memfd, name, True)
        assert caught.value.errno == errno.EPERM
        assert getattr(memfd, name) is False
    assert memfd.seals == MemfdSeal.SHRINK | MemfdSeal.GROW | MemfdSeal.WRITE
    assert memfd.sealable
    memfd.seal()
    assert not memfd.sealable
    memfd.growable = False
    with pytest.raises(Sealed):
        memfd.revoke(F_SEAL_GROW)


@pytest.mark.defect("M7")
def test_made_without_sealing():
    """A memfd made without MFD_ALLOW_SEALING says so, and can still grow."""
    with Memfd.adopt(memfd_create()) as memfd:
        assert not memfd.sealable
        assert memfd.growable
        with pytest.raises(PermissionError, match="made without MFD_ALLOW_SEALING"):
            memfd.growable = False


def test_what_seals_forbid():
    """Sealed memfds cannot grow, shrink or be written."""
    with Memfd("", b"butter") as memfd:
        memfd.growable = False
        with pytest.raises(Sealed, match="F_SEAL_GROW") as caught:
            memfd.truncate(7)
        assert caught.value.errno == errno.EPERM
        memfd.truncate(5)
        memfd.shrinkable = False
        with pytest.raises(Sealed, match="F_SEAL_SHRINK"):
            memfd.truncate(4)
        assert os.pwrite(memfd.fileno(), b"B", 0) == 1
        memfd.writable = False
        with pytest.raises(PermissionError):
            os.pwrite(memfd.fileno(), b"b", 0)
        assert os.pread(memfd.fileno(), 10, 0) == b"Butte"


@needs(kernel=(5, 1))
def test_future_write_is_not_writable(memfd):
    """A memfd with F_SEAL_FUTURE_WRITE is not writable."""
    memfd.revoke(F_SEAL_FUTURE_WRITE)
    assert not memfd.writable
    assert memfd.mode() == "r"


def test_truncate(memfd):
    """truncate changes the size, in both directions, and takes only sizes."""
    memfd.truncate(10)
    assert len(memfd) == 10
    memfd.truncate(3)
    assert len(memfd) == 3
    for size, exception in (
        (-1, ValueError),
        (2**63, ValueError),
        ("1", TypeError),
        (None, TypeError),
        (1.0, TypeError),
    ):
        with pytest.raises(exception):
            memfd.truncate(size)
    assert len(memfd) == 3


def test_words_of_a_file(memfd):
    """A memfd has the methods of event objects and files."""
    assert memfd.isatty() is False
    assert memfd.readable() is True
    assert memfd.seekable() is False
    assert memfd.name() == "test"
    assert memfd.mode() == "r+"
    assert not memfd.closed()
    memfd.writable = False
    assert memfd.mode() == "r"


NO_EVENTS = ["wait", "read_event", "read_events", "__iter__"]
NO_BYTES = ["read", "readline", "readlines", "seek", "tell", "write", "writelines"]


@pytest.mark.defect("M2")
@pytest.mark.parametrize("name", NO_EVENTS + NO_BYTES)
def test_unsupported(memfd, name):
    """Methods of events and of bytes raise, and name open() and mmap()."""
    with pytest.raises(io.UnsupportedOperation, match=r"open\(\) or mmap\(\)"):
        getattr(memfd, name)()
    with pytest.raises(NotImplementedError):
        getattr(memfd, name)(1)
    with pytest.raises(io.UnsupportedOperation):
        iter(memfd)


def test_repr():
    """The repr has the class, the descriptor and the name as it was given."""
    memfd = Memfd("it's a \\ name")
    assert repr(memfd) == f"<Memfd fd={memfd.fileno()} name='it's a \\ name'>"
    memfd.close()
    assert "name='it's" in repr(memfd)
    assert "closed" in repr(memfd)
    with Memfd(b"\xff") as memfd:
        assert "name='\udcff'" in repr(memfd)


def test_closed():
    """Each method that needs the descriptor raises ValueError for a closed object."""
    memfd = Memfd()
    memfd.close()
    for call in (
        lambda: len(memfd),
        lambda: memfd.open(),
        lambda: memfd.mmap(1),
        lambda: memfd.flags,
        lambda: memfd.seals,
        lambda: memfd.growable,
        lambda: setattr(memfd, "growable", False),
        lambda: memfd.revoke(0),
        lambda: memfd.seal(),
        lambda: memfd.truncate(0),
        lambda: memfd.sealed_copy(),
        lambda: memfd.sealable,
        lambda: memfd.close(),
        lambda: flags(memfd),
    ):
        with pytest.raises(ValueError, match="closed file"):
            call()


def test_fork(in_child):
    """The parent has the bytes that a child writes, and the seals that it adds."""
    with Memfd("", b"parent") as memfd:

        def child():
            with memfd.open() as file:
                file.write(b"child!")
            memfd.growable = False
            memfd.close()

        in_child(child)
        assert os.pread(memfd.fileno(), 10, 0) == b"child!"
        assert not memfd.growable


def test_subclass():
    """A subclass may have another constructor; its sealed copy is a Memfd."""

    class Named(Memfd):
        def __init__(self):
            super().__init__("named", b"x")

    with Named() as memfd, memfd.sealed_copy() as copied:
        assert type(copied) is Memfd
        assert (memfd.name(), copied.name(), len(copied)) == ("named", "named", 1)


def test_threads(memfd):
    """Seals that threads add at once are all there."""
    each = [F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE]
    threads = [threading.Thread(target=memfd.revoke, args=(one,)) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memfd.flags == sum(each)


# open


def test_open(memfd):
    """open returns ordinary file objects, each with a position of its own."""
    with memfd.open("w", encoding="utf-8", newline="\n") as file:
        assert isinstance(file, io.TextIOWrapper)
        file.write("caf\xe9\nbar")
    with memfd.open("rb") as first, memfd.open("rb") as second:
        assert isinstance(first, io.BufferedReader)
        assert first.read(3) == second.read(3) == b"caf"
        assert not os.get_inheritable(first.fileno())
    with memfd.open("a") as file:
        file.write("!")
    with memfd.open(encoding="utf-8", mode="r") as file:
        assert list(file) == ["caf\xe9\n", "bar!"]
    with memfd.open("wb", 0) as file:
        assert isinstance(file, io.FileIO)
    assert len(memfd) == 0
    with memfd.open() as file:
        assert isinstance(file, io.BufferedRandom)
        file.write(b"abc")
        file.seek(1)
        assert file.read() == b"bc"


def test_file_outlives_the_object():
    """A file object of a closed memfd still works."""
    with Memfd("", b"butter") as memfd:
        file = memfd.open("rb")
    with file:
        assert file.read() == b"butter"


def test_open_what_is_sealed(memfd):
    """The kernel refuses files that would empty or write a sealed memfd."""
    with memfd.open("wb") as file:
        file.write(b"butter")
    memfd.revoke(F_SEAL_WRITE | F_SEAL_SHRINK)
    for mode in ("w", "wb", "w+"):
        with pytest.raises(Sealed, match=re.escape(f"mode {mode!r} empties the memfd")) as caught:
            memfd.open(mode)
        assert (caught.value.errno, caught.value.filename) == (errno.EPERM, None)
    with memfd.open("rb") as file:
        assert file.read() == b"butter"
    with pytest.raises(PermissionError), memfd.open("r+b", 0) as file:
        file.write(b"B")
    with pytest.raises(ValueError, match="mode"):
        memfd.open("z")
    with pytest.raises(FileExistsError):
        memfd.open("x")


def test_size_of_what_only_reads():
    """The error for a size says that the file only reads, and which seals it has."""
    with Memfd("", b"x") as memfd:
        with memfd.sealed_copy() as sealed, pytest.raises(InvalidArgument) as caught:
            sealed.truncate(2)
        assert re.search("open for reading only.*F_SEAL_SHRINK and F_SEAL_GROW", caught.value.strerror)
        reading = os.open(f"/proc/self/fd/{memfd.fileno()}", os.O_RDONLY)
        with Memfd.adopt(reading) as other, pytest.raises(InvalidArgument, match=r"so it cannot change the size$"):
            other.truncate(2)


# mmap


@pytest.mark.defect("M1")
def test_mmap_defaults(memfd):
    """A mapping is shared, reads and writes, and makes the memfd long enough."""
    with memfd.mmap(20) as mapping:
        assert isinstance(mapping, mmap_module.mmap)
        assert len(mapping) == len(memfd) == 20
        mapping[:6] = b"butter"
        assert os.pread(memfd.fileno(), 6, 0) == b"butter"
    with memfd.mmap() as mapping:
        assert mapping[:6] == b"butter"
        assert len(mapping) == 20
    with memfd.mmap(5) as mapping:
        assert mapping[:] == b"butte"
    assert len(memfd) == 20


def test_mmap_offset(memfd):
    """A mapping starts at its offset, and the memfd grows behind it."""
    with memfd.mmap(10, offset=2 * PAGE) as mapping:
        mapping[0] = 1
        assert len(memfd) == 2 * PAGE + 10
    assert os.pread(memfd.fileno(), 1, 2 * PAGE) == b"\x01"
    with memfd.mmap(offset=PAGE) as mapping:
        assert len(mapping) == PAGE + 10


def test_mmap_access():
    """The kinds of access are mmap's; only ACCESS_WRITE makes the memfd longer."""
    with Memfd("", b"butter") as memfd:
        with memfd.mmap(6, access=ACCESS_READ) as mapping, pytest.raises(TypeError):
            mapping[0] = 1
        with memfd.mmap(6, access=ACCESS_COPY) as mapping:
            mapping[0] = 0
            assert os.pread(memfd.fileno(), 6, 0) == b"butter"
        for access in (ACCESS_READ, ACCESS_COPY):
            with pytest.raises(ValueError, match="greater than file size"):
                memfd.mmap(7, access=access)
        assert len(memfd) == 6
        with memfd.mmap(7, access=ACCESS_WRITE) as mapping:
            mapping[0] = ord("B")
        assert os.pread(memfd.fileno(), 10, 0) == b"Butter\0"


@pytest.mark.defect("M1")
def test_mmap_flags_and_prot():
    """Flags and protection reach the kernel as they are."""
    with Memfd("", b"butter") as memfd:
        with memfd.mmap(6, MAP_PRIVATE) as mapping:
            mapping[0] = 0
        assert os.pread(memfd.fileno(), 1, 0) == b"b"
        with memfd.mmap(6, MAP_SHARED, PROT_READ) as mapping, pytest.raises(TypeError):
            mapping[0] = 0
        with memfd.mmap(6, prot=PROT_READ | PROT_WRITE | PROT_EXEC) as mapping, open("/proc/self/maps") as maps:
            assert any(line.split()[1] == "rwxs" for line in maps if "/memfd:" in line)
        with pytest.raises(ValueError, match="not both"):
            memfd.mmap(6, MAP_SHARED, access=ACCESS_READ)
        with pytest.raises(ValueError, match="not both"):
            memfd.mmap(6, prot=0, access=ACCESS_READ)
        for seldom in (MAP_PRIVATE, MAP_SHARED):
            with pytest.raises(ValueError, match="greater than file size"):
                memfd.mmap(7, seldom, PROT_READ)
        assert len(memfd) == 6


def test_mmap_of_what_is_sealed():
    """A write-sealed memfd can be mapped to read, and to write is an error."""
    with Memfd("", b"butter") as memfd:
        memfd.growable = False
        with pytest.raises(Sealed, match="F_SEAL_GROW"):
            memfd.mmap(7)
        memfd.writable = False
        with memfd.mmap(6) as mapping:
            assert mapping[:] == b"butter"
            with pytest.raises(TypeError):
                mapping[0] = 0
        with memfd.mmap() as mapping:
            assert mapping[:] == b"butter"
        for arguments in ({"prot": PROT_READ | PROT_WRITE}, {"access": ACCESS_WRITE}):
            with pytest.raises(Sealed, match="F_SEAL_WRITE") as caught:
                memfd.mmap(6, **arguments)
            assert caught.value.errno == errno.EPERM


def test_mmap_of_what_is_sealed_before_linux_6_7():
    """The error for a mapping that only reads names Linux 6.7, and the way out."""
    with Memfd("", b"butter") as memfd:
        memfd.writable = False
        with pytest.raises(Sealed, match=r"Before Linux 6.7.*ACCESS_COPY, or a sealed_copy\(\)"):
            MMAP.fail(errno.EPERM, fd=memfd.fileno(), writes=False)


def test_a_lost_byte_ends_the_process():
    """A memfd cut under its mapping is a SIGBUS; F_SEAL_SHRINK forbids the cut."""
    with Memfd("", bytes(PAGE)) as memfd:

        def body():
            faulthandler.disable()  # pytest enables it
            with memfd.mmap() as mapping:
                memfd.truncate(0)
                return mapping[0]

        pid = os.fork()
        if pid == 0:
            body()
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGBUS
        memfd.truncate(PAGE)
        memfd.shrinkable = False
        with pytest.raises(Sealed):
            body()


@pytest.mark.parametrize(
    ("arguments", "exception"),
    [
        ((-1,), ValueError),
        ((2**63,), ValueError),
        (("1",), TypeError),
        ((None,), TypeError),
        ((1.5,), TypeError),
        ((1, "1"), TypeError),
        ((1, 0, "1"), TypeError),
        ((1, 0, None, "1"), TypeError),
        ((1, 0, None, 0, -1), ValueError),
        ((1, 0, None, 0, None), TypeError),
        ((1, 0, None, 9), ValueError),
        ((1, 2**31), ValueError),
        ((1, 0, -(2**31) - 1), ValueError),
        ((1, 0, None, 2**64), ValueError),
        ((2**63 - 1, 0, None, 0, PAGE), ValueError),
        ((0,), ValueError),
    ],
    ids=str,
)
def test_bad_mappings(memfd, arguments, exception):
    """Impossible arguments of a mapping are refused, and the memfd stays empty."""
    with pytest.raises(exception):
        memfd.mmap(*arguments)
    assert len(memfd) == 0


def test_refused_mappings(in_child):
    """The error for a mapping that the kernel refuses says why."""

    def refused(number, exception, words, call):
        with pytest.raises(exception, match=words) as caught:
            call()
        assert caught.value.errno == number

    with Memfd("", bytes(2 * PAGE)) as memfd:
        refused(errno.EINVAL, InvalidArgument, "multiple of the page size", lambda: memfd.mmap(1, offset=5))
        reading = Memfd.adopt(os.open(f"/proc/self/fd/{memfd.fileno()}", os.O_RDONLY))
        refused(errno.EACCES, PermissionError, "reading only", lambda: reading.mmap(1))
        reading.close()

        def limited(limit, value, arguments):
            support.become_nobody()
            resource.setrlimit(limit, (value, value))
            memfd.mmap(*arguments)

        locked = MAP_SHARED | 0x2000  # MAP_LOCKED
        limit = resource.RLIMIT_MEMLOCK
        refused(errno.EAGAIN, OSError, "ulimit -l", lambda: in_child(limited, limit, PAGE, (2 * PAGE, locked)))
        limit = resource.RLIMIT_NOFILE
        refused(errno.EMFILE, OSError, "RLIMIT_NOFILE is 1", lambda: in_child(limited, limit, 1, (PAGE,)))
        limit = resource.RLIMIT_AS
        refused(errno.ENOMEM, OutOfMemory, "ulimit -v", lambda: in_child(limited, limit, 1 << 20, (1 << 30,)))


# The sealed copy


def test_sealed_copy():
    """A sealed copy has the content for good; the original can be changed as before."""
    with Memfd("numbers", b"1 2 3") as memfd:
        with memfd.sealed_copy() as sealed:
            assert sealed.flags & ALL_SEALS == ALL_SEALS
            assert sealed.name() == "numbers"
            assert link(sealed.fileno()) == "/memfd:numbers (deleted)"
            assert not os.get_inheritable(sealed.fileno())
            assert memfd.flags == 0
            os.pwrite(memfd.fileno(), b"9", 0)
            memfd.truncate(1)
            assert os.read(sealed.fileno(), 10) == b"1 2 3"
            with sealed.mmap() as mapping, sealed.mmap(access=ACCESS_READ) as other:
                assert mapping[:] == other[:] == b"1 2 3"
            for call in (
                lambda: os.write(sealed.fileno(), b"x"),
                lambda: sealed.truncate(0),
                lambda: sealed.truncate(100),
                lambda: sealed.mmap(1, prot=PROT_WRITE),
                lambda: sealed.revoke(F_SEAL_GROW),
            ):
                with pytest.raises(OSError) as caught:  # noqa: PT011
                    call()
                assert caught.value.errno in (errno.EPERM, errno.EBADF, errno.EINVAL, errno.EACCES)
            # neither by opening it anew
            with sealed.open("r+b", 0) as file, pytest.raises(PermissionError):
                file.write(b"x")
            assert os.pread(sealed.fileno(), 10, 0) == b"1 2 3"
        with memfd.sealed_copy(b"other") as sealed:
            assert link(sealed.fileno()) == "/memfd:other (deleted)"
            assert sealed.name() == "other"


@pytest.mark.parametrize("size", [0, 1, PAGE, (1 << 20) - 1, (3 << 20) + 5])
def test_sizes_of_copies(size):
    """A copy, and a copy of it, are whole wherever the original's position is."""
    content = os.urandom(size)
    with Memfd("", content) as memfd:
        os.lseek(memfd.fileno(), 3, os.SEEK_SET)
        with memfd.sealed_copy() as sealed, sealed.sealed_copy() as again, again.open("rb") as file:
            assert file.read() == content
        assert os.lseek(memfd.fileno(), 0, os.SEEK_CUR) == 3


@pytest.mark.parametrize("locked", [False, True])
def test_holes_of_copies(locked):
    """A copy keeps holes, unless a lock on the original would be lost by that."""
    size = 1 << 30
    with Memfd("", 8 << 20 if locked else size) as memfd:
        with memfd.sealed_copy() as sealed:
            assert len(sealed) == len(memfd)
            assert os.fstat(sealed.fileno()).st_blocks == 0
        for offset, data in ((5, b"first"), (3 << 20, bytes(1) + b"x" * PAGE), (len(memfd) - 1, b"!")):
            os.pwrite(memfd.fileno(), data, offset)
        if locked:
            fcntl.lockf(memfd, fcntl.LOCK_EX)
        with memfd.sealed_copy() as sealed:
            for offset in (0, 3 << 20, len(memfd) - PAGE):
                assert os.pread(sealed.fileno(), 2 * PAGE, offset) == os.pread(memfd.fileno(), 2 * PAGE, offset)
            if locked:
                with pytest.raises(BlockingIOError):
                    support.in_child(fcntl.lockf, memfd.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                assert os.fstat(sealed.fileno()).st_blocks == os.fstat(memfd.fileno()).st_blocks == 4 * PAGE // 512


def test_copy_without_memory(monkeypatch):
    """Wherever memory ends while a copy is made, each descriptor is closed."""
    steps = ["Memfd.__new__", "Memfd._fill", "Memfd.revoke", "Memfd.open", "memfd_create", "own_description", "data_of"]
    with Memfd("", b"x") as memfd:
        before = support.descriptors()
        for step in steps:
            for after in range(2):
                owner = getattr(module, step.partition(".")[0]) if "." in step else module
                name = step.rpartition(".")[2]
                real, left = getattr(owner, name), [after]

                def fails(*args, real=real, left=left, **kwargs):
                    if not left[0]:
                        raise MemoryError
                    left[0] -= 1
                    return real(*args, **kwargs)

                with monkeypatch.context() as patch:
                    patch.setattr(owner, name, fails)
                    try:
                        memfd.sealed_copy().close()
                    except MemoryError:
                        pass
                gc.collect()
                assert support.descriptors() == before, step


@needs(kernel=(6, 3))
def test_executable_copy():
    """A copy can be executed if the original can."""
    with Memfd("", pathlib.Path("/bin/true").read_bytes(), MFD_EXEC) as memfd, memfd.sealed_copy() as sealed:
        path = f"/proc/self/fd/{sealed.fileno()}"
        assert subprocess.run([path], pass_fds=[sealed.fileno()]).returncode == 0
        assert flags(sealed) & ALL_SEALS == ALL_SEALS
    with Memfd("", b"data", MFD_NOEXEC_SEAL) as memfd, memfd.sealed_copy() as sealed:
        assert sealed.flags & F_SEAL_EXEC
        assert os.fstat(sealed.fileno()).st_mode & 0o111 == 0


def test_copy_before_linux_6_3(monkeypatch):
    """A kernel without MFD_EXEC and MFD_NOEXEC_SEAL makes the copy without them."""
    real = _memfd.lib.memfd_create
    asked = []

    class Old:
        def memfd_create(self, name, flags):
            asked.append(flags)
            # a kernel refuses bits that it does not know
            return real(name, flags | 0x100 if flags & (MFD_EXEC | MFD_NOEXEC_SEAL) else flags)

    monkeypatch.setattr(_memfd, "lib", Old())
    with Memfd("", b"x") as memfd, memfd.sealed_copy() as sealed:
        assert sealed.flags & ALL_SEALS == ALL_SEALS
        assert os.read(sealed.fileno(), 5) == b"x"
    assert [bool(flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) for flags in asked] == [False, True, False]


def test_hand_over(in_child):
    """Another process receives the sealed copy over a socket, and maps it."""
    ours, theirs = socket.socketpair()

    def receiver():
        _, (received,), _, _ = socket.recv_fds(theirs, 10, 1)
        with Memfd.adopt(received) as memfd:
            assert memfd.flags & ALL_SEALS == ALL_SEALS
            assert len(memfd) == 5
            with memfd.mmap() as mapping, mmap_module.mmap(received, 0, access=ACCESS_READ) as other:
                assert mapping[:] == other[:]
                return mapping[:]

    with ours, theirs, Memfd("numbers", b"1 2 3") as memfd, memfd.sealed_copy() as sealed:
        socket.send_fds(ours, [b"numbers"], [sealed.fileno()])
        assert in_child(receiver) == b"1 2 3"


@pytest.mark.parametrize("name", ["config", "", "a (deleted)", "caf\xe9", b"\xff"])
def test_name_of_an_adopted_one(name):
    """An adopted memfd has the name that its maker gave it."""
    with Memfd(name) as memfd:
        for mode in (os.O_RDONLY, os.O_RDWR):
            with Memfd.adopt(os.open(f"/proc/self/fd/{memfd.fileno()}", mode)) as adopted:
                assert adopted.name() == memfd.name()
                with adopted.sealed_copy() as sealed:
                    assert sealed.name() == memfd.name()


# The calls that other people's tests replace


def test_replaced_mmap(memfd, monkeypatch):
    """Memfd.mmap calls the mmap of its module with the arguments as given."""
    asked = []
    monkeypatch.setattr(module, "mmap", lambda *args, **kwargs: asked.append((args, kwargs)))
    memfd.mmap(length=20)
    memfd.mmap(0, access=ACCESS_READ, offset=PAGE)
    memfd.mmap(10, MAP_PRIVATE, PROT_READ)
    fd = memfd.fileno()
    assert asked == [
        ((fd, 20), {"offset": 0, "flags": MAP_SHARED, "prot": PROT_READ | PROT_WRITE}),
        ((fd, 0), {"offset": PAGE, "access": ACCESS_READ}),
        ((fd, 10), {"offset": 0, "flags": MAP_PRIVATE, "prot": PROT_READ}),
    ]


@needs(kernel=(4, 16))
def test_refused_writes():
    """The error for content that huge pages, or a seal, refuse says why."""
    with pytest.raises(InvalidArgument, match="huge pages has no write") as caught:
        Memfd("h", b"x", flags=MFD_HUGETLB)
    assert caught.value.errno == errno.EINVAL
    with Memfd("", b"x") as memfd:
        memfd.writable = False
        with pytest.raises(Sealed, match="F_SEAL_WRITE"):
            _memfd.write(memfd.fileno(), b"y", 0)


def test_a_mapping_that_fails_leaves_no_bytes():
    """A mapping that fails undoes the growth of the memfd, unless a seal forbids it."""
    with Memfd("", b"butter") as memfd:
        for arguments in ({"length": 2**60}, {"length": 10, "offset": 1}):
            with pytest.raises(OSError, match="mmap:"):
                memfd.mmap(**arguments)
            assert len(memfd) == 6
        memfd.shrinkable = False
        with pytest.raises(InvalidArgument, match="page size"):
            memfd.mmap(10, offset=1)
        assert len(memfd) == 11


def test_a_handler_that_closes_during_a_mapping(memfd, monkeypatch):
    """A handler that closes the memfd in mmap() and raises cuts no other file."""

    def interrupted(*_, **__):
        memfd.close()
        raise LookupError

    monkeypatch.setattr(module, "mmap", interrupted)
    with pytest.raises(LookupError):
        memfd.mmap(10)
