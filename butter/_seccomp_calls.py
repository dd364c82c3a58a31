"""The architectures of system calls, and the names and numbers of their calls."""

from __future__ import annotations

import difflib
import functools
import platform
import sys
from typing import TYPE_CHECKING, NamedTuple

from butter import _seccomp_numbers
from butter._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    Arch = Union[str, int]

#: the bit that the calls of x32 have in their numbers
X32_BIT = 0x40000000


class Architecture(NamedTuple):
    """One way of making system calls."""

    name: str
    audit: int  # what the kernel calls it (AUDIT_ARCH_)
    bits: int  # of a register
    bit: int = 0  # that is in each number


ARCHITECTURES: Mapping[str, Architecture] = {
    found.name: found
    for found in (
        Architecture("x86_64", 0xC000003E, 64),
        Architecture("x32", 0xC000003E, 64, X32_BIT),
        Architecture("i386", 0x40000003, 32),
        Architecture("aarch64", 0xC00000B7, 64),
    )
}
# what platform.machine() says, where it is another word
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "i486": "i386", "i586": "i386", "i686": "i386"}

#: two calls of i386 from which others are reached, by their first argument
SOCKETCALL: Mapping[str, int] = {
    "socket": 1,
    "bind": 2,
    "connect": 3,
    "listen": 4,
    "accept": 5,
    "getsockname": 6,
    "getpeername": 7,
    "socketpair": 8,
    "send": 9,
    "recv": 10,
    "sendto": 11,
    "recvfrom": 12,
    "shutdown": 13,
    "setsockopt": 14,
    "getsockopt": 15,
    "sendmsg": 16,
    "recvmsg": 17,
    "accept4": 18,
    "recvmmsg": 19,
    "sendmmsg": 20,
}
IPC: Mapping[str, int] = {
    "semop": 1,
    "semget": 2,
    "semctl": 3,
    "semtimedop": 4,
    "msgsnd": 11,
    "msgrcv": 12,
    "msgget": 13,
    "msgctl": 14,
    "shmat": 21,
    "shmdt": 22,
    "shmget": 23,
    "shmctl": 24,
}


def native() -> str:
    """Return the name of this machine's architecture."""
    machine = platform.machine()
    name = _MACHINES.get(machine, machine)
    return "i386" if name == "x86_64" and sys.maxsize < 1 << 32 else name


def architecture(arch: Arch | None = None) -> Architecture:
    """Return an architecture by its name, or by the number that the kernel has for it.

    Without an argument it is this machine's.
    """
    if arch is None:
        arch = native()
    if isinstance(arch, str):
        name = _MACHINES.get(arch, arch)
        if name not in ARCHITECTURES:
            raise ValueError(f"butter has no system calls of {arch!r}: it has those of {', '.join(ARCHITECTURES)}")
        return ARCHITECTURES[name]
    number = integer(arch, 32, "arch")
    for found in ARCHITECTURES.values():
        if found.audit == number:
            return found
    return Architecture(f"architecture {number:#x}", number, 64)


@functools.cache
def _tables() -> dict[str, dict[str, int]]:
    """Return the numbers of each architecture, by the names of the calls."""
    found: dict[str, dict[str, int]] = {name: {} for name in _seccomp_numbers.ARCHITECTURES}
    for line in _seccomp_numbers.TABLE.split("\n")[1:-1]:
        name, *numbers = line.split(" ")
        for arch, number in zip(_seccomp_numbers.ARCHITECTURES, numbers):
            if number != "-":
                found[arch][name] = int(number) | ARCHITECTURES[arch].bit
    return found


@functools.cache
def _names(arch: str) -> dict[int, str]:
    return {number: name for name, number in _tables().get(arch, {}).items()}


def numbers(arch: str) -> Mapping[str, int]:
    """Return the numbers of the calls of an architecture; none if butter has none."""
    return _tables().get(arch, {})


@functools.cache
def _known() -> frozenset[str]:
    """Return the names of all calls, of whichever architecture."""
    return frozenset().union(*_tables().values(), IPC, SOCKETCALL)


def check_name(call: str) -> str:
    """Return a name, or raise ValueError if no architecture has such a call."""
    known = _known()
    if call in known:
        return call
    near = difflib.get_close_matches(call, sorted(known), 3)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"no system call has the name {call!r}{hint} (a call that is newer than butter goes by its number)"
    )


def syscall_number(name: str, arch: Arch | None = None) -> int:
    """Return the number of a system call; those of x32 have the bit 0x40000000.

    *arch* is ``"x86_64"``, ``"x32"``, ``"i386"`` or ``"aarch64"``, or the kernel's
    number of one; this machine's by default.

    Raises ValueError for a name that no architecture has, and for one that *arch*
    lacks.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {type(name).__name__}")
    found = architecture(arch)
    number = numbers(found.name).get(check_name(name))
    if number is None:
        raise ValueError(f"{found.name} does not have the system call {name}")
    return number


def syscall_name(number: int, arch: Arch | None = None) -> str | None:
    """Return the name of a system call, None if butter does not know the number.

    *arch* is as for :func:`syscall_number`. A number of x86_64 that has the bit of x32
    is a call of x32.
    """
    found = architecture(arch)
    if found.name == "x86_64" and number & X32_BIT:
        found = ARCHITECTURES["x32"]
    return _names(found.name).get(number)
