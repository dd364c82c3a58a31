"""The calls of :manpage:`memfd_create(2)` and the sealing part of :manpage:`fcntl(2)`."""

from __future__ import annotations

import errno
import os
from fcntl import fcntl
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._constants.memfd import *  # noqa: F403
from butter._constants.memfd import (
    F_ADD_SEALS,
    F_GET_SEALS,
    F_SEAL_SEAL,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_HUGE_MASK,
    MFD_HUGE_SHIFT,
    MFD_HUGETLB,
    MFD_NOEXEC_SEAL,
    MemfdCreate,
    MemfdSeal,
)
from butter._memfd_c import ffi as ffi
from butter._memfd_c import lib
from butter._signals import raised_by_handler
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NO_DEVICE,
    NOT_ALLOWED,
    Errors,
    InvalidArgument,
    OutOfMemory,
    descriptors_exhausted,
    sysctl,
)
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from butter._arguments import FileDescriptor, Path
    from butter.errors import Meaning


# the kernel puts "memfd:" before it, and NAME_MAX holds for both
_LONGEST_NAME = 249
_KNOWN_FLAGS = sum(MemfdCreate)
_KNOWN_SEALS = sum(MemfdSeal)


class Sealed(PermissionError, ValueError):
    """A seal forbids it, or no seal can be added."""


def _create_refused(name: bytes, flags: int, **_: object) -> str:
    known = _KNOWN_FLAGS
    if flags & MFD_HUGETLB:
        known |= MFD_HUGE_MASK << MFD_HUGE_SHIFT
    if flags & ~known:
        return f"no flags are {flags & ~known:#x} (the size of huge pages goes with MFD_HUGETLB alone)"
    if flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
        return "MFD_EXEC and MFD_NOEXEC_SEAL exclude each other"
    if len(name) > _LONGEST_NAME:
        return f"the name has {len(name)} bytes; it may have {_LONGEST_NAME}"
    return f"this kernel does not know all of {MemfdCreate(flags & _KNOWN_FLAGS)!r}"


def _not_executable(**_: object) -> str:
    level = sysctl("vm.memfd_noexec")
    if not level:
        return "a security module does not allow it"
    return f"vm.memfd_noexec is {level} in this pid namespace: only memfds with MFD_NOEXEC_SEAL are allowed"


def _no_device(flags: int, **_: object) -> str:
    if flags & MFD_HUGETLB:
        return "this machine has no huge pages of that size; /sys/kernel/mm/hugepages has those it has"
    return NO_DEVICE


def _not_allowed(flags: int, **_: object) -> str:
    if flags & MFD_HUGETLB:
        return "MFD_HUGETLB needs CAP_IPC_LOCK, or to be in the group that vm.hugetlb_shm_group names"
    return NOT_ALLOWED


def _seals_refused(fd: int, seals: int, **_: object) -> str:
    if seals & ~_KNOWN_SEALS:
        return f"no seals are {seals & ~_KNOWN_SEALS:#x}"
    return f"descriptor {fd} is no memfd and cannot be sealed, or this kernel does not know {MemfdSeal(seals)!r}"


def _sealed(fd: int, seals: int, **_: object) -> str:
    if not seals:
        return "a seal cannot be removed"
    return (
        "no seal can be added: it was sealed with F_SEAL_SEAL or made without MFD_ALLOW_SEALING, "
        f"or descriptor {fd} is not open for writing"
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
        errno.EBUSY: (
            InvalidArgument,
            "F_SEAL_WRITE: a mapping can still write; close every mmap and memoryview, or use F_SEAL_FUTURE_WRITE",
        ),
        errno.EINVAL: (InvalidArgument, _seals_refused),
        errno.EPERM: (Sealed, _sealed),
    },
)
GET_SEALS = Errors(
    "fcntl(F_GET_SEALS)",
    {
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, "the descriptor is no memfd and has no seals"),
    },
)
# The calls that Python has already, for their words: a seal is behind most of
# what goes wrong here.
_GROWING: Mapping[int, Meaning] = {
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EFBIG: (OSError, "RLIMIT_FSIZE ('ulimit -f') forbids files of this size"),
}
TRUNCATE = Errors(
    "ftruncate",
    {
        **_GROWING,
        errno.EINVAL: (
            InvalidArgument,
            "a memfd of huge pages has whole pages, and one opened for reading keeps its size",
        ),
        errno.EPERM: (Sealed, "F_SEAL_GROW or F_SEAL_SHRINK forbids this size"),
    },
)
WRITE = Errors(
    "write of a memfd",
    {
        **_GROWING,
        errno.EINVAL: (
            InvalidArgument,
            "a memfd of huge pages has no write: give its size as initial_value, and fill a mapping",
        ),
        errno.ENOMEM: (OutOfMemory, "there is no memory for it, or its control group may have no more"),
        errno.ENOSPC: (OSError, "there is no room for it: vm.overcommit_memory allows no more memory"),
        errno.EPERM: (Sealed, "F_SEAL_WRITE, F_SEAL_FUTURE_WRITE or F_SEAL_GROW forbids it"),
    },
)
MMAP = Errors(
    "mmap",
    {
        errno.EACCES: (PermissionError, "the memfd is open for reading alone: a shared mapping cannot write"),
        errno.EAGAIN: (OSError, "RLIMIT_MEMLOCK ('ulimit -l') forbids to lock so much memory"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (
            InvalidArgument,
            "offset has to be a multiple of the page size, and flags MAP_SHARED or MAP_PRIVATE",
        ),
        errno.EMFILE: (OSError, descriptors_exhausted),
        errno.ENOMEM: (OutOfMemory, "there is no memory or no huge page for it, or RLIMIT_AS ('ulimit -v') forbids it"),
        errno.EPERM: (Sealed, "F_SEAL_WRITE or F_SEAL_FUTURE_WRITE forbids a shared mapping that writes"),
    },
)


def errno_of(error: OSError) -> int:
    """The errno of an *error* that a builtin raised; what a signal handler raised meanwhile goes its way."""
    if raised_by_handler(error):
        raise error
    return error.errno or 0


def memfd_create(name: Path = "", flags: int = 0, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``memfd_create(name, flags)``: the descriptor of a new file in memory, empty and without a path.

    *name* has at most 249 bytes and is for people, who see it in ``/proc/self/fd``; two may have the same. *flags* are
    MemfdCreate's, and beside ``MFD_HUGETLB`` one of MemfdHugePages; no flag is added but ``MFD_CLOEXEC``, by *closefd*.
    Raises InvalidArgument, PermissionError where ``vm.memfd_noexec`` refuses an executable one, OSError (EMFILE,
    ENFILE: a limit is reached; ENODEV: no such huge pages), OutOfMemory. Linux 3.17, :manpage:`memfd_create(2)`.
    """
    # C takes them as unsigned; ~MFD_CLOEXEC is negative here
    flags = integer(flags, -32 if flags < 0 else 32, "flags") & 0xFFFFFFFF
    encoded = fsencode(name)
    return CREATE.check(lib.memfd_create(encoded, flags | MFD_CLOEXEC if closefd else flags), name=encoded, flags=flags)


def _fcntl(errors: Errors, fd: int, command: int, argument: int = 0) -> int:
    number = errno.EBADF
    # of a negative one Python's fcntl says that it is a ValueError, and no more
    if fd >= 0:
        try:
            return fcntl(fd, command, argument)
        except OSError as error:
            number = errno_of(error)
    errors.fail(number, fd=fd, seals=argument)


def write(fd: int, content: Buffer, offset: int) -> int:
    """``pwrite(fd, content, offset)``: how many bytes were written; WRITE says what it raises."""
    try:
        return os.pwrite(fd, content, offset)
    except OSError as error:
        number = errno_of(error)
    WRITE.fail(number, fd=fd)


def revoke(fd: FileDescriptor, flags: int) -> None:
    """``fcntl(fd, F_ADD_SEALS, flags)``: forbid for ever what the seals in *flags* (MemfdSeal) say, to everyone.

    Raises Sealed (a PermissionError and a ValueError) where no seal can be added any more or *fd* is not open for
    writing, InvalidArgument where it is no memfd, also with EBUSY where ``F_SEAL_WRITE`` meets a mapping that writes.
    Linux 3.17, :manpage:`fcntl(2)`.
    """
    _fcntl(ADD_SEALS, fileno(fd), F_ADD_SEALS, integer(flags, 32, "flags"))


def seal(fd: FileDescriptor) -> None:
    """``fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)``: allow no more seals. Raises what :func:`revoke` does."""
    revoke(fd, F_SEAL_SEAL)


def flags(fd: FileDescriptor) -> int:
    """``fcntl(fd, F_GET_SEALS)``: the seals of a memfd, as the bits of MemfdSeal.

    Who is given a memfd looks here before using it: without ``F_SEAL_SHRINK`` another process can cut off what is
    mapped, and reading it then ends this one with SIGBUS. Raises InvalidArgument where *fd* is no memfd.
    Linux 3.17, :manpage:`fcntl(2)`.
    """
    return _fcntl(GET_SEALS, fileno(fd), F_GET_SEALS)
