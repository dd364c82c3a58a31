"""The cases of memfd: one test for each, named after it."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
from pathlib import Path

import pytest
from support import libc, needs

from butter._memfd import CREATE, ffi, lib
from butter.errors import InvalidArgument, OutOfMemory
from butter.memfd import (
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_HUGE_1GB,
    MFD_HUGE_2GB,
    MFD_HUGE_2MB,
    MFD_HUGE_8MB,
    MFD_HUGE_16GB,
    MFD_HUGE_16MB,
    MFD_HUGE_64KB,
    MFD_HUGE_256MB,
    MFD_HUGE_512KB,
    MFD_HUGETLB,
    Memfd,
    memfd_create,
)

HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")
SIZES = Path("/sys/kernel/mm/hugepages")
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def meminfo(name):
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


@contextlib.contextmanager
def huge_pages(count):
    """*count* free huge pages, for as long as the block lasts."""
    with open(HUGE_PAGES) as lock:
        # they are the machine's, and the tests may run twice at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = HUGE_PAGES.read_text()
        try:
            HUGE_PAGES.write_text(str(int(before) - meminfo("HugePages_Free") + count))
            assert meminfo("HugePages_Free") == count, "the machine has no memory for huge pages"
            yield meminfo("Hugepagesize") * 1024
        finally:
            HUGE_PAGES.write_text(before)


def refused(number, *arguments):
    with pytest.raises(InvalidArgument) as caught:
        memfd_create(*arguments)
    assert caught.value.errno == number


def test_memfd_create02(in_child):
    """Bad pointers, long names and unknown flags are refused; an empty name is not."""

    def bad_pointers():
        for pointer in (ffi.NULL, ffi.cast("char *", -1)):
            with pytest.raises(InvalidArgument) as caught:
                CREATE.check(lib.memfd_create(pointer, 0))
            assert caught.value.errno == errno.EFAULT
        # without a NUL among the first 2048 bytes
        with pytest.raises(InvalidArgument) as caught:
            CREATE.check(lib.memfd_create(ffi.new("char[]", b"x" * 2048), 0), name=b"x" * 2048, flags=0)
        assert caught.value.errno == errno.EINVAL

    in_child(bad_pointers)
    refused(errno.EINVAL, "x" * 2047)
    for flags in (-500, 0x0100, ~MFD_CLOEXEC, ~MFD_ALLOW_SEALING, ~0, 0x80000000):
        refused(errno.EINVAL, "test", flags)
    for arguments in (
        ("test", MFD_CLOEXEC),
        ("test", MFD_ALLOW_SEALING),
        ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
        ("test", 0),
        ("", 0),
    ):
        os.close(memfd_create(*arguments))


@needs("CAP_SYS_ADMIN", kernel=(4, 16), when=HUGE_PAGES.exists(), reason="needs a kernel with huge pages")
def test_memfd_create03():
    """Huge pages cannot be written by a call nor unmapped in part, and run out."""
    with huge_pages(2) as size:
        with Memfd("huge", flags=MFD_HUGETLB) as memfd:
            with pytest.raises(OSError, match="Invalid argument"):
                os.write(memfd.fileno(), b"x")
            memfd.truncate(size)
            address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE, memfd.fileno(), 0)
            assert address not in (None, 2**64 - 1)
            for part in (size // 4, size // 2, size // 4 * 3):
                assert libc.munmap(address, part) == -1
                assert ctypes.get_errno() == errno.EINVAL
            assert libc.munmap(address, size) == 0
            with pytest.raises(InvalidArgument, match="a multiple of the page size"):
                memfd.truncate(size + 1)
        with Memfd("all", flags=MFD_HUGETLB) as memfd, memfd.mmap(2 * size) as mapping:
            mapping[0] = mapping[size] = 1
            assert meminfo("HugePages_Free") == 0
            with Memfd("one more", flags=MFD_HUGETLB) as other, pytest.raises(OutOfMemory, match="huge page") as caught:
                other.mmap(size)
            assert caught.value.errno == errno.ENOMEM
        # the bytes in them can be copied to pages of the ordinary size
        with Memfd("source", flags=MFD_HUGETLB) as memfd:
            with memfd.mmap(size) as mapping:
                mapping[:6] = b"butter"
            with memfd.sealed_copy() as sealed:
                assert len(sealed) == size
                assert os.pread(sealed.fileno(), 6, 0) == b"butter"


@pytest.mark.parametrize(
    ("flag", "kilobytes"),
    [
        (MFD_HUGE_64KB, 64),
        (MFD_HUGE_512KB, 512),
        (MFD_HUGE_2MB, 2 << 10),
        (MFD_HUGE_8MB, 8 << 10),
        (MFD_HUGE_16MB, 16 << 10),
        (MFD_HUGE_256MB, 256 << 10),
        (MFD_HUGE_1GB, 1 << 20),
        (MFD_HUGE_2GB, 2 << 20),
        (MFD_HUGE_16GB, 16 << 20),
    ],
)
@needs(when=SIZES.exists(), reason="needs a kernel with huge pages")
def test_memfd_create04(flag, kilobytes):
    """Each size of huge pages that the machine has makes a memfd; others are ENODEV."""
    if (SIZES / f"hugepages-{kilobytes}kB").exists():
        os.close(memfd_create("huge", MFD_HUGETLB | flag))
    else:
        with pytest.raises(OSError, match="no huge pages of that size") as caught:
            memfd_create("huge", MFD_HUGETLB | flag)
        assert caught.value.errno == errno.ENODEV
