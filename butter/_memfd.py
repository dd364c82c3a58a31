"""The calls of :manpage:`memfd_create(2)`, and of :manpage:`fcntl(2)` for seals."""

from __future__ import annotations

import errno
import os
import struct
from fcntl import F_GETFL, F_UNLCK, F_WRLCK, fcntl
from typing import TYPE_CHECKING

from butter._arguments import ACCESS_MODE, CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._constants.memfd import *  # noqa: F403
from butter._constants.memfd import (
    F_ADD_SEALS,
    F_GET_SEALS,
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_HUGE_MASK,
    MFD_HUGE_SHIFT,
    MFD_HUGETLB,
    MFD_NOEXEC_SEAL,
    MemfdCreate,
    MemfdSeal,
)
from butter._descriptor import link_of
from butter._enums import Named
from butter._memfd_c import ffi as ffi
from butter._memfd_c import lib
from butter._signals import errno_of
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NO_DEVICE,
    NOT_ALLOWED,
    Errors,
    InvalidArgument,
    OutOfMemory,
    descriptors_exhausted,
    newer_than_kernel,
    sysctl,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO
    from typing import ClassVar

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor, Path
    from butter.errors import Meaning


# the kernel puts "memfd:" before the name, and NAME_MAX bounds both together
_LONGEST_NAME = 249
# PyPy does not have this constant
_F_OFD_GETLK = 36
# PyPy has no names for them
_SEEK_DATA = getattr(os, "SEEK_DATA", 3)
_SEEK_HOLE = getattr(os, "SEEK_HOLE", 4)
_KNOWN_FLAGS = sum(MemfdCreate)
_KNOWN_SEALS = sum(MemfdSeal)


class Sealed(PermissionError, ValueError):
    """A seal forbids the change, or no seal can be added."""


#: how the link in ``/proc/self/fd`` of a memfd begins
LINK = "/memfd:"


class _Combinations(Named):
    """Combinations of flags that are newer than each of the flags."""

    __since__: ClassVar[Mapping[str, tuple[int, str]]] = {
        "huge pages that can be sealed": (MFD_HUGETLB | MFD_ALLOW_SEALING, "4.16"),
    }


def _seals(fd: int) -> int:
    """Return the seals of *fd* for a sentence, 0 if it does not have any."""
    try:
        return fcntl(fd, F_GET_SEALS)
    except (OSError, ValueError):
        return 0


def _names(seals: int) -> str:
    return " and ".join(f"F_SEAL_{name}" for name, seal in MemfdSeal.__members__.items() if seals & seal)


def _only_reads(fd: int) -> bool:
    try:
        return fcntl(fd, F_GETFL) & ACCESS_MODE == os.O_RDONLY
    except (OSError, ValueError):
        return False


def _create_refused(name: bytes, flags: int, **_: object) -> str:
    known = _KNOWN_FLAGS
    if flags & MFD_HUGETLB:
        known |= MFD_HUGE_MASK << MFD_HUGE_SHIFT
    if flags & ~known:
        return f"unknown flags {flags & ~known:#x} (a size of huge pages is valid only with MFD_HUGETLB)"
    if flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
        return "MFD_EXEC and MFD_NOEXEC_SEAL exclude each other"
    if len(name) > _LONGEST_NAME:
        return f"the name has {len(name)} bytes; at most {_LONGEST_NAME} are allowed"
    newer = newer_than_kernel(flags, MemfdCreate)
    if newer:
        return newer
    newer = newer_than_kernel(flags, _Combinations)
    if newer:
        return f"{newer}; memfd_create(name, MFD_HUGETLB) makes them without seals"
    return "the kernel or a seccomp filter refuses it, for a reason that the manual page does not list"


def _not_executable(**_: object) -> str:
    level = sysctl("vm.memfd_noexec")
    if not level:
        return "a security module does not allow it"
    return f"vm.memfd_noexec is {level} in this pid namespace: only memfds with MFD_NOEXEC_SEAL are allowed"


def _no_device(flags: int, **_: object) -> str:
    if flags & MFD_HUGETLB:
        return "this machine has no huge pages of that size; /sys/kernel/mm/hugepages lists its sizes"
    return NO_DEVICE


def _not_allowed(flags: int, **_: object) -> str:
    if flags & MFD_HUGETLB:
        return "MFD_HUGETLB needs CAP_IPC_LOCK, or membership in the group that vm.hugetlb_shm_group names"
    return NOT_ALLOWED


def _other_kind(fd: int) -> str | None:
    """Return a sentence about the kind of *fd*.

    None if it is a memfd or ``/proc`` does not say.
    """
    link = link_of(fd)
    return None if link is None or link.startswith(LINK) else f"descriptor {fd} is not a memfd but {link!r}"


def _without_seals(fd: int, **_: object) -> str:
    if link_of(fd) is None:
        return f"descriptor {fd} is not a memfd"
    return _other_kind(fd) or f"descriptor {fd} is a memfd of huge pages, which can be sealed since Linux 4.16"


def _seals_refused(fd: int, seals: int, **_: object) -> str:
    if seals & ~_KNOWN_SEALS:
        return f"unknown seals {seals & ~_KNOWN_SEALS:#x}"
    return _other_kind(fd) or newer_than_kernel(seals, MemfdSeal) or _without_seals(fd)


def _sealed(fd: int, seals: int, **_: object) -> str:
    if not seals:
        return "a seal cannot be removed"
    other, present = _other_kind(fd), _seals(fd)
    if other:
        return other
    if present & F_SEAL_SEAL:
        reason = "the memfd was sealed with F_SEAL_SEAL"
        # A memfd made without MFD_ALLOW_SEALING has this seal alone, and so has one
        # that was sealed at once.
        if not present & ~(F_SEAL_SEAL | F_SEAL_EXEC):
            reason = "the memfd was made without MFD_ALLOW_SEALING, or sealed with F_SEAL_SEAL"
        return f"no seal can be added: {reason}"
    if _only_reads(fd):
        return f"no seal can be added through descriptor {fd}: it is not open for writing"
    return NOT_ALLOWED


def _busy(**_: object) -> str:
    sentence = "F_SEAL_WRITE: a mapping can still write; close every mmap and memoryview"
    if newer_than_kernel(F_SEAL_FUTURE_WRITE, MemfdSeal):
        return sentence
    return f"{sentence}, or use F_SEAL_FUTURE_WRITE"


def _size_refused(fd: int, **_: object) -> str:
    if _only_reads(fd):
        seals = _seals(fd) & (F_SEAL_SHRINK | F_SEAL_GROW)
        sealed = f" (and a seal forbids it: {_names(seals)})" if seals else ""
        return f"descriptor {fd} is open for reading only, so it cannot change the size{sealed}"
    return "the size of a memfd of huge pages must be a multiple of the page size"


def _size_sealed(fd: int, mode: str = "", **_: object) -> str:
    if mode:
        return f"mode {mode!r} empties the memfd, which F_SEAL_SHRINK forbids; mode 'rb' reads it"
    seals = _seals(fd) & (F_SEAL_SHRINK | F_SEAL_GROW)
    return f"a seal forbids another size: {_names(seals)}" if seals else NOT_ALLOWED


def _write_sealed(fd: int, **_: object) -> str:
    seals = _seals(fd) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_GROW)
    return f"a seal forbids the write: {_names(seals)}" if seals else NOT_ALLOWED


def _mapping_sealed(fd: int, writes: bool = True, **_: object) -> str:
    seals = _seals(fd) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
    if not seals:
        return NOT_ALLOWED
    if writes:
        return f"a seal forbids a shared mapping that can write: {_names(seals)}"
    return (
        f"a seal forbids a shared mapping that can write: {_names(seals)}. Before Linux 6.7 every shared mapping counts"
        " as one, unless the descriptor is open for reading only: leave access, flags and prot out, or use"
        " ACCESS_COPY, or a sealed_copy()"
    )


CREATE = Errors(
    "memfd_create",
    {
        **NEW_DESCRIPTOR,
        errno.EACCES: (PermissionError, _not_executable),
        errno.EFAULT: (InvalidArgument, "the name is not in the memory of this process"),
        errno.EINVAL: (InvalidArgument, _create_refused),
        errno.ENODEV: (OSError, _no_device),
        errno.EPERM: (PermissionError, _not_allowed),
    },
    since="3.17",
)
ADD_SEALS = Errors(
    "fcntl(F_ADD_SEALS)",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EBUSY: (InvalidArgument, _busy),
        errno.EINVAL: (InvalidArgument, _seals_refused),
        errno.EPERM: (Sealed, _sealed),
    },
)
GET_SEALS = Errors(
    "fcntl(F_GET_SEALS)",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _without_seals),
    },
)
# Python has these calls already. The tables are for their sentences, because a seal is
# behind most of these errors.
_GROWING: Mapping[int, Meaning] = {
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EFBIG: (OSError, "RLIMIT_FSIZE ('ulimit -f') forbids files of this size"),
}
TRUNCATE = Errors(
    "ftruncate",
    {
        **_GROWING,
        errno.EINVAL: (InvalidArgument, _size_refused),
        errno.EPERM: (Sealed, _size_sealed),
    },
)
WRITE = Errors(
    "write of a memfd",
    {
        **_GROWING,
        errno.EINVAL: (
            InvalidArgument,
            "a memfd of huge pages has no write(): pass its size as initial_value, and fill a mapping",
        ),
        errno.ENOMEM: (OutOfMemory, "there is no memory for the mapping, or the control group has reached its limit"),
        errno.ENOSPC: (OSError, "there is no memory for the mapping: vm.overcommit_memory allows no more"),
        errno.EPERM: (Sealed, _write_sealed),
    },
)
MMAP = Errors(
    "mmap",
    {
        errno.EACCES: (PermissionError, "the memfd is open for reading only: a shared mapping cannot write"),
        errno.EAGAIN: (OSError, "RLIMIT_MEMLOCK ('ulimit -l') does not allow so much locked memory"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (
            InvalidArgument,
            "offset must be a multiple of the page size, and flags must have MAP_SHARED or MAP_PRIVATE",
        ),
        errno.EMFILE: (OSError, descriptors_exhausted),
        errno.ENOMEM: (OutOfMemory, "there is no memory or huge page for it, or RLIMIT_AS ('ulimit -v') forbids it"),
        errno.EPERM: (Sealed, _mapping_sealed),
    },
)


def memfd_create(name: Path = "", flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``memfd_create(name, flags)``: returns the descriptor of a new file in memory.

    The file is empty and does not have a path. *name* has at most 249 bytes and is for
    people, as they see it in ``/proc/self/fd``; two files may have the same name.
    *flags* are MemfdCreate's, and beside ``MFD_HUGETLB`` one of MemfdHugePages.
    *closefd* adds ``MFD_CLOEXEC``, and no other flag is added.

    Raises InvalidArgument, PermissionError where ``vm.memfd_noexec`` refuses an
    executable memfd, OSError (EMFILE, ENFILE: a limit is reached; ENODEV: the machine
    has no such huge pages), OutOfMemory.

    Linux 3.17, and 4.16 for ``MFD_HUGETLB`` with ``MFD_ALLOW_SEALING``;
    :manpage:`memfd_create(2)`.
    """
    # C takes the flags as unsigned; in Python ~MFD_CLOEXEC is negative
    flags = integer(flags, -32 if flags < 0 else 32, "flags") & 0xFFFFFFFF
    encoded = fsencode(name)
    fd = lib.memfd_create(encoded, flags | MFD_CLOEXEC if closefd else flags)
    return fd if fd >= 0 else CREATE.check(fd, name=encoded, flags=flags)


def _fcntl(errors: Errors, fd: int, command: int, argument: int = 0) -> int:
    number = errno.EBADF
    # Python's fcntl raises a bare ValueError for a negative descriptor
    if fd >= 0:
        try:
            return fcntl(fd, command, argument)
        except OSError as error:
            number = errno_of(error)
    errors.fail(number, fd=fd, seals=argument)


def write(fd: int, content: Buffer, offset: int) -> int:
    """``pwrite(fd, content, offset)``: returns how many bytes were written.

    Raises what the table WRITE says.
    """
    try:
        return os.pwrite(fd, content, offset)
    except OSError as error:
        number = errno_of(error)
    WRITE.fail(number, fd=fd)


def own_description(fd: int) -> FileIO | None:
    """Open the file anew and return it.

    SEEK_DATA moves a position, and that of *fd* may be shared. None if this process has
    record locks on the file, because closing the new one would drop them.
    """
    lock = struct.Struct("hhqqi4x")
    try:
        found = fcntl(fd, _F_OFD_GETLK, lock.pack(F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return open(f"/proc/self/fd/{fd}", "rb", 0) if lock.unpack(found)[0] == F_UNLCK else None
    except OSError as error:
        errno_of(error)
        return None


def data_of(file: FileIO | None, size: int) -> Iterator[tuple[int, int]]:
    """Yield where each range of data starts and ends; holes are between the ranges.

    Everything is data if *file* is None or its filesystem does not know holes.
    """
    end = 0
    try:
        number = -1 if file is None else file.fileno()
        os.lseek(number, 0, _SEEK_HOLE)
    except OSError as error:
        errno_of(error)
        yield end, size
        return
    while end < size:
        try:
            start = os.lseek(number, end, _SEEK_DATA)
            end = os.lseek(number, start, _SEEK_HOLE)
        except OSError as error:
            errno_of(error)
            return  # a hole up to the end
        yield start, end


def revoke(fd: FileDescriptor, flags: int) -> None:
    """``fcntl(fd, F_ADD_SEALS, flags)``: adds the seals in *flags* (MemfdSeal).

    The changes that they name are forbidden for ever, in every process.

    Raises Sealed (a PermissionError and a ValueError) where no seal can be added any
    more or *fd* is not open for writing, InvalidArgument if *fd* is not a memfd, also
    with EBUSY where ``F_SEAL_WRITE`` meets a mapping that can write.

    Linux 3.17, :manpage:`fcntl(2)`.
    """
    _fcntl(ADD_SEALS, fileno(fd), F_ADD_SEALS, integer(flags, 32, "flags"))


def seal(fd: FileDescriptor) -> None:
    """``fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)``: allows no more seals.

    Raises what :func:`revoke` does.
    """
    revoke(fd, F_SEAL_SEAL)


def flags(fd: FileDescriptor) -> int:
    """``fcntl(fd, F_GET_SEALS)``: returns the seals of a memfd, as bits of MemfdSeal.

    A program that receives a memfd looks here before it uses the memfd. Without
    ``F_SEAL_SHRINK`` another process can cut off bytes that are mapped, and reading
    them then ends the receiver with SIGBUS. For the kernel any file of a tmpfs has
    seals, ``F_SEAL_SEAL`` alone; :meth:`Memfd.adopt` checks that a descriptor is a
    memfd.

    Raises InvalidArgument if *fd* does not have seals.

    Linux 3.17, :manpage:`fcntl(2)`.
    """
    return _fcntl(GET_SEALS, fileno(fd), F_GET_SEALS)
