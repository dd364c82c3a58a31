"""The answers of a filter, and its comparisons of the arguments of a call."""

from __future__ import annotations

import errno as _errno
from typing import NamedTuple

from butter._arguments import integer
from butter._checks import number, refuse
from butter._constants.seccomp import (
    SECCOMP_RET_ACTION_FULL,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_DATA,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_PROCESS,
    SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_LOG,
    SECCOMP_RET_TRACE,
    SECCOMP_RET_TRAP,
    SECCOMP_RET_USER_NOTIF,
)

# the kernel makes a greater errno this one
_LAST_ERRNO = 4095

_NAMES = {
    SECCOMP_RET_KILL_PROCESS: "KILL_PROCESS",
    SECCOMP_RET_KILL_THREAD: "KILL_THREAD",
    SECCOMP_RET_TRAP: "TRAP",
    SECCOMP_RET_ERRNO: "ERRNO",
    SECCOMP_RET_USER_NOTIF: "NOTIFY",
    SECCOMP_RET_TRACE: "TRACE",
    SECCOMP_RET_LOG: "LOG",
    SECCOMP_RET_ALLOW: "ALLOW",
}


_WORDS = {
    "EQ": "is",
    "NE": "is not",
    "LT": "is less than",
    "LE": "is at most",
    "GT": "is greater than",
    "GE": "is at least",
}


class Action(int):
    """An answer of a filter to a call: the number that its program returns.

    They are made by their names: :data:`ALLOW`, ``ERRNO(errno.EPERM)``.
    """

    @property
    def name(self) -> str:
        """The name of the action, as ``"ERRNO"``; ``"unknown"`` for another number.

        The kernel kills the process for an unknown one.
        """
        return _NAMES.get(self & SECCOMP_RET_ACTION_FULL, "unknown")

    @property
    def data(self) -> int:
        """The number in the lowest 16 bits: of ERRNO the errno."""
        return self & SECCOMP_RET_DATA

    def __repr__(self) -> str:
        name, data = self.name, self.data
        if name == "unknown":
            return f"Action({int(self):#x})"
        if name == "ERRNO":
            return f"ERRNO({_errno.errorcode.get(data, data)})"
        if name in ("TRAP", "TRACE"):
            return f"{name}({data or ''})"
        return name if not data else f"Action({int(self):#x})"

    __str__ = __repr__


#: allow the call
ALLOW = Action(SECCOMP_RET_ALLOW)
#: allow the call, and log it (Linux 4.14)
LOG = Action(SECCOMP_RET_LOG)
#: ask the listener, which has to be there (Linux 5.0)
NOTIFY = Action(SECCOMP_RET_USER_NOTIF)
#: kill the thread that makes the call; Python seldom survives the loss of a thread
KILL_THREAD = Action(SECCOMP_RET_KILL_THREAD)
#: kill the process: its parent sees that SIGSYS killed it (Linux 4.14)
KILL_PROCESS = Action(SECCOMP_RET_KILL_PROCESS)


def errno_of(value: int, lowest: int) -> int:
    """Return a number that the kernel takes for an errno; a bool is not one."""
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(value, "errno", "an int")
    if not lowest <= value <= _LAST_ERRNO:
        raise ValueError(f"errno is {value}; it must be {lowest} to {_LAST_ERRNO}")
    return int(value)


def ERRNO(errno: int) -> Action:
    """Return the action that makes a call fail with an errno, without being made.

    *errno* is up to 4095. With 0 the call seems to have worked, and returns 0.
    """
    return Action(SECCOMP_RET_ERRNO | errno_of(errno, 0))


def TRAP(data: int = 0) -> Action:
    """Return the action that sends SIGSYS to the thread instead of making the call.

    A handler in C finds *data* (0 to 65535) as ``si_errno``; without a handler the
    process dies. Python's own handlers run later, and the call has then returned what
    was in its register.
    """
    return Action(SECCOMP_RET_TRAP | number(data, 16, "data"))


def TRACE(data: int = 0) -> Action:
    """Return the action that asks the debugger (``PTRACE_O_TRACESECCOMP``).

    It finds *data* (0 to 65535) by ``PTRACE_GETEVENTMSG``. Without a debugger the call
    fails with ENOSYS.
    """
    return Action(SECCOMP_RET_TRACE | number(data, 16, "data"))


class Comparison(NamedTuple):
    """A comparison of one argument of a call: true or false of each call."""

    operator: str
    #: which argument: 0 to 5
    argument: int
    value: int
    #: 64, or 32 for the lower half of the register alone
    bits: int = 64
    #: of the bits that MASKED compares
    mask: int = -1

    def __repr__(self) -> str:
        mask = f"{self.mask:#x}, " if self.operator == "MASKED" else ""
        bits = "" if self.bits == 64 else f", bits={self.bits}"
        return f"{self.operator}({self.argument}, {mask}{_number(self.value)}{bits})"

    def __str__(self) -> str:
        argument = f"argument {self.argument}" if self.bits == 64 else f"the lower half of argument {self.argument}"
        if self.operator == "MASKED":
            return f"{argument} & {self.mask:#x} is {self.value:#x}"
        return f"{argument} {_WORDS[self.operator]} {_number(self.value)}"


def _number(value: int) -> str:
    """Return a number as people know it: small ones in decimal."""
    return str(value) if -4096 < value < 4096 else f"{value:#x}"


def _comparison(operator: str, index: int, value: int, bits: int, mask: int = -1) -> Comparison:
    if not 0 <= integer(index, -32, "index") <= 5:
        raise ValueError(f"index is {index}; a call has the arguments 0 to 5")
    if bits not in (32, 64):
        raise ValueError(f"bits is {bits!r}; it must be 32 or 64")
    if not isinstance(value, int) or operator not in ("EQ", "NE"):
        if isinstance(value, int) and value < 0:
            raise ValueError(f"value is {value}; {operator} compares numbers without a sign")
        integer(value, bits, "value")
    elif not -1 << bits - 1 <= value < 1 << bits:
        raise ValueError(f"value is {value}; it must be {-1 << bits - 1} to {(1 << bits) - 1}")
    return Comparison(operator, int(index), int(value), bits, mask)


def EQ(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* is equal to *value*.

    *index* is 0 to 5. The kernel gives a filter whole registers of 64 bits. Where the
    call takes an int of 32 bits, it ignores the upper half, in which a program may put
    anything: then pass ``bits=32``, which ignores it too. A negative *value* is that of
    an int of so many bits.
    """
    return _comparison("EQ", index, value, bits)


def NE(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* differs from *value*.

    *bits* is as for :func:`EQ`.
    """
    return _comparison("NE", index, value, bits)


def LT(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* is less than *value*.

    Both count as numbers without a sign. *bits* is as for :func:`EQ`.
    """
    return _comparison("LT", index, value, bits)


def LE(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* is at most *value*.

    It is like :func:`LT`.
    """
    return _comparison("LE", index, value, bits)


def GT(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* is greater than *value*.

    It is like :func:`LT`.
    """
    return _comparison("GT", index, value, bits)


def GE(index: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that argument *index* is at least *value*.

    It is like :func:`LT`.
    """
    return _comparison("GE", index, value, bits)


def MASKED(index: int, mask: int, value: int, bits: int = 64) -> Comparison:
    """Return the comparison that the bits *mask* of argument *index* are *value*.

    The other bits may be anything. *bits* is as for :func:`EQ`.
    """
    found = _comparison("MASKED", index, value, bits, integer(mask, bits, "mask"))
    if found.value & ~mask:
        raise ValueError(f"value is {value:#x}, which has bits outside the mask {mask:#x}: that is never true")
    return found
