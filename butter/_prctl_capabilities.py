"""Capabilities of threads and files: :manpage:`capabilities(7)`, without libcap."""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fileno, fsencode, integer
from butter._constants.prctl import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAP_AMBIENT_IS_SET,
    PR_CAP_AMBIENT_LOWER,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    Capability,
)
from butter._prctl import call
from butter._prctl_c import ffi, lib
from butter._prctl_errors import CAPGET, CAPSET, GETXATTR, PRCTL, REMOVEXATTR, SETXATTR
from butter._prctl_options import unknown_capability

if TYPE_CHECKING:
    from typing import Any, Union

    from butter._arguments import FileDescriptor, Path

    File = Union[FileDescriptor, Path]

# the length of a set in the kernel, in bits
_BITS = 64
# security.capability is these numbers, each of 32 bits, with the lowest byte first:
# the revision and the flag, two halves of two sets, and in revision 3 a user id
_REVISIONS = {0x01000000: struct.Struct("<3I"), 0x02000000: struct.Struct("<5I"), 0x03000000: struct.Struct("<6I")}
_REVISION, _EFFECTIVE = 0xFF000000, 1
_LONGEST = _REVISIONS[0x03000000].size
# results of C functions: the file has no capabilities, the kernel does not know one
_NO_CAPABILITIES, _UNKNOWN = -1 - errno.ENODATA, -1 - errno.EINVAL
# each by its number; one that is newer than butter stays an int
_NAMED = {int(capability): capability for capability in Capability}


def _set(mask: int) -> set[Capability | int]:
    return {_NAMED.get(number, number) for number in range(_BITS) if mask >> number & 1}


def _numbers(capabilities: Iterable[int]) -> set[int]:
    """Return the numbers of capabilities that this kernel knows.

    Others it ignores, and so a mistake would not be seen.
    """
    numbers = {integer(capability, 6, "a capability") for capability in capabilities}
    unknown = unknown_capability(max(numbers, default=0))
    if unknown:
        raise ValueError(unknown)
    return numbers


def _mask(capabilities: Iterable[int]) -> int:
    return sum(1 << number for number in _numbers(capabilities))


class CapabilitySets(NamedTuple):
    """The three sets of a thread, as Python sets of :class:`Capability`.

    The capabilities in *effective* are in force; those in *permitted* can become
    effective; those in *inheritable* can pass on to a program whose file has them too.
    """

    effective: set[Capability | int]
    permitted: set[Capability | int]
    inheritable: set[Capability | int]


def capget(pid: int = 0) -> CapabilitySets:
    """``capget(header, data)``: returns the three sets of a thread.

    *pid* is the id of a thread, 0 for the calling one.

    Raises ProcessLookupError if there is no such thread, InvalidArgument for a negative
    id.

    :manpage:`capget(2)`.
    """
    pid = integer(pid, -32, "pid")
    sets = ffi.new("butter_capabilities *")
    CAPGET.check(lib.capget(pid, sets), pid=pid)
    return CapabilitySets(_set(sets.effective), _set(sets.permitted), _set(sets.inheritable))


def capset(effective: Iterable[int], permitted: Iterable[int], inheritable: Iterable[int], pid: int = 0) -> None:
    """``capset(header, data)``: set the three sets of the calling thread, and no other.

    The sets are iterables of :class:`Capability` or int. *pid* is 0, or the id of the
    calling thread. A capability that is taken out of *permitted* does not come back.

    Raises PermissionError, whose sentence names the capabilities: for those that were
    not permitted before, that are effective without being permitted, that the thread
    may not inherit; and for another thread. Raises ValueError for a capability that
    this kernel does not know.

    :manpage:`capset(2)`.
    """
    pid = integer(pid, -32, "pid")
    masks = {"effective": _mask(effective), "permitted": _mask(permitted), "inheritable": _mask(inheritable)}
    own = pid in (0, threading.get_native_id())
    CAPSET.check(lib.capset(pid, *masks.values()), pid=pid, own=own, **masks)


class Capabilities:
    """The capabilities of the calling thread; ``capabilities`` is the one object.

    Each attribute returns a new Python set, and is set as a whole::

        capabilities.effective -= {Capability.NET_RAW}
        capabilities.inheritable |= {Capability.NET_BIND_SERVICE}

    They are the thread's: other threads of the process keep theirs, and threads and
    processes that this one starts begin with its own. Setting raises what
    :func:`capset` does.
    """

    __slots__ = ()

    @property
    def effective(self) -> set[Capability | int]:
        """Those that are in force for this thread."""
        return capget().effective

    @effective.setter
    def effective(self, capabilities: Iterable[int]) -> None:
        capset(*capget()._replace(effective=set(capabilities)))

    @property
    def permitted(self) -> set[Capability | int]:
        """Those that this thread may make effective.

        One that is taken out does not come back, and is not effective any more.
        """
        return capget().permitted

    @permitted.setter
    def permitted(self, capabilities: Iterable[int]) -> None:
        permitted, before = set(capabilities), capget()
        capset(before.effective & permitted, permitted, before.inheritable)

    @property
    def inheritable(self) -> set[Capability | int]:
        """Those that this thread can pass on to programs whose files have them too."""
        return capget().inheritable

    @inheritable.setter
    def inheritable(self, capabilities: Iterable[int]) -> None:
        capset(*capget()._replace(inheritable=set(capabilities)))

    def __repr__(self) -> str:
        sets = (f"{name}={sorted(map(str, value))}" for name, value in capget()._asdict().items())
        return f"<capabilities {' '.join(sets)}>"


class KernelSet(Set[int]):
    """A set of capabilities that the kernel has for the calling thread.

    It works as a :class:`frozenset` does, over what is there at the moment: ``in``,
    iteration, ``len()``, comparisons, and ``|``, ``&`` and ``-``, which return sets.
    """

    __slots__ = ()
    _question: tuple[int, ...] = ()

    @classmethod
    def _from_iterable(cls, found: Iterable[Any]) -> Set[Any]:
        return set(found)

    def _ask(self, number: int) -> bool | None:
        """Return whether a capability is in the set; None if the kernel lacks it."""
        option, *arguments = (*self._question, number, 0, 0, 0)[:5]
        result = lib.prctl(option, *arguments)
        if result == _UNKNOWN:
            return None
        return bool(PRCTL.check(result, option=option, arguments=arguments))

    def __contains__(self, capability: object) -> bool:
        return isinstance(capability, int) and 0 <= capability < _BITS and bool(self._ask(capability))

    def __iter__(self) -> Iterator[Capability | int]:
        for number in range(_BITS):
            found = self._ask(number)
            if found is None:
                return  # the kernel has no more
            if found:
                yield _NAMED.get(number, number)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({{{', '.join(map(str, self))}}})"


class BoundingSet(KernelSet):
    """``prctl.capbset``: the capabilities that the thread may ever get."""

    __slots__ = ()
    _question = (PR_CAPBSET_READ,)

    def drop(self, *capabilities: int) -> None:
        """Take *capabilities* out, for ever.

        A program that is executed does not get them, and they cannot become
        inheritable; the thread keeps those that it has. Raises PermissionError without
        CAP_SETPCAP, and ValueError for what this kernel does not know.
        """
        for number in _numbers(capabilities):
            call(PR_CAPBSET_DROP, number)


class AmbientSet(KernelSet):
    """``prctl.ambient``: the capabilities that every program keeps, whatever its file.

    Only what is permitted and inheritable can be ambient.
    """

    __slots__ = ()
    _question = (PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET)

    def raise_(self, *capabilities: int) -> None:
        """Add *capabilities*; the name has a ``_`` because ``raise`` is a keyword.

        Raises PermissionError, whose sentence says in which set one is missing, and
        ValueError for what this kernel does not know.
        """
        for number in _numbers(capabilities):
            call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)

    def lower(self, *capabilities: int) -> None:
        """Take *capabilities* out; those that are not there are left out.

        Raises ValueError for what this kernel does not know.
        """
        for number in _numbers(capabilities):
            call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, number)

    def clear(self) -> None:
        """Take all capabilities out."""
        call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)


class FileCapabilities(NamedTuple):
    """The capabilities of a file, which the thread that executes it gets.

    *permitted* are added to the thread's; of its inheritable ones it keeps those in
    *inheritable*. With *effective* the program has them in force from its start. They
    count in the user namespace whose root is the user *rootid*, 0 for this one.
    """

    permitted: set[Capability | int]
    inheritable: set[Capability | int]
    effective: bool = False
    rootid: int = 0


def decode_file_capabilities(value: bytes) -> FileCapabilities:
    """Return what the bytes of the attribute ``security.capability`` mean.

    Raises ValueError for bytes that are not of its revisions 1, 2 or 3.
    """
    magic = int.from_bytes(value[:4], "little")
    layout = _REVISIONS.get(magic & _REVISION)
    if layout is None or len(value) != layout.size:
        raise ValueError(f"{len(value)} bytes of revision {magic >> 24} are not the capabilities of a file")
    _, permitted, inheritable, *rest = layout.unpack(value)
    if rest:
        permitted, inheritable = permitted | rest[0] << 32, inheritable | rest[1] << 32
    return FileCapabilities(_set(permitted), _set(inheritable), bool(magic & _EFFECTIVE), *rest[2:])


def encode_file_capabilities(
    permitted: Iterable[int] = (), inheritable: Iterable[int] = (), effective: bool = False, rootid: int = 0
) -> bytes:
    """Return ``security.capability``: of revision 3 with a rootid, else of 2."""
    may, keeps, rootid = _mask(permitted), _mask(inheritable), integer(rootid, 32, "rootid")
    revision, rest = (0x03000000, [rootid]) if rootid else (0x02000000, [])
    magic, low = revision | (_EFFECTIVE if effective else 0), 0xFFFFFFFF
    return _REVISIONS[revision].pack(magic, may & low, keeps & low, may >> 32, keeps >> 32, *rest)


def _located(file: File) -> tuple[int, Any, Path | None]:
    """Return a descriptor, the path for C, and the path for an error."""
    if isinstance(file, (str, bytes, os.PathLike)):
        return -1, fsencode(file), file
    return fileno(file), ffi.NULL, None


def get_file_capabilities(file: File) -> FileCapabilities | None:
    """Return the capabilities of a file, None if it does not have any.

    *file* is a path or a descriptor; a symbolic link is followed.

    Raises OSError: PathNotFound and its like for the path, and where the filesystem
    does not have extended attributes.

    :manpage:`capabilities(7)`.
    """
    fd, path, name = _located(file)
    value = ffi.new("char[]", _LONGEST)
    length = lib.getxattr(fd, path, value, _LONGEST)
    if length == _NO_CAPABILITIES:
        return None
    return decode_file_capabilities(ffi.buffer(value, GETXATTR.check(length, name, fd=fd))[:])


def set_file_capabilities(
    file: File,
    permitted: Iterable[int] = (),
    inheritable: Iterable[int] = (),
    effective: bool = False,
    rootid: int = 0,
) -> None:
    """Set the capabilities of a program's file, in place of those that it has.

    *file* is a path or a descriptor; a symbolic link is followed. The other arguments
    are those of :class:`FileCapabilities`, so
    ``set_file_capabilities(path, *get_file_capabilities(other))`` copies them. Each
    change of the file's content takes its capabilities away again.

    Raises PermissionError without CAP_SETFCAP, ValueError for a capability that this
    kernel does not know, InvalidArgument for a *rootid* that this user namespace does
    not know, and OSError as :func:`get_file_capabilities`.

    Linux 4.14 for *rootid*; :manpage:`capabilities(7)`.
    """
    fd, path, name = _located(file)
    value = encode_file_capabilities(permitted, inheritable, effective, rootid)
    SETXATTR.check(lib.setxattr(fd, path, value, len(value)), name, fd=fd)


def remove_file_capabilities(file: File) -> None:
    """Take the capabilities of a file away; a file without any stays as it is.

    *file* is a path or a descriptor; a symbolic link is followed.

    Raises PermissionError without CAP_SETFCAP, and OSError as
    :func:`get_file_capabilities`.
    """
    fd, path, name = _located(file)
    result = lib.removexattr(fd, path)
    if result != _NO_CAPABILITIES:
        REMOVEXATTR.check(result, name, fd=fd)
