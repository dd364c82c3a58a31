"""The table of attacks, and the calls that they make."""

import ctypes
import errno
import inspect
import os
from typing import Any, NamedTuple

from butter.seccomp import syscall_number
from support.children import libc

# one of its own: a result has 64 bits, as an address does
SYSCALL = libc["syscall"]
SYSCALL.restype = ctypes.c_long

#: every attack, by its name
ATTACKS = {}

#: what no fence claims to stop
UNCLAIMED = {}


class Attack(NamedTuple):
    """A way out, and the fence that claims it, or several that do."""

    name: str
    fence: Any
    #: the function
    run: Any
    #: whether it changes a file that is not given to the sandbox
    harms: bool = False
    #: which of the test's sandboxes it attacks
    sandbox: str = "files"
    #: the marks of its needs
    needs: tuple = ()
    #: by which name a sandbox reports what it does not stop
    gap: str = ""


def add(name, fence, run, **settings):
    assert name not in ATTACKS, name
    ATTACKS[name] = Attack(name, fence, run, **settings)


def attack(fence, **settings):
    """Add the function to the table."""

    def decorate(run):
        add(run.__name__, fence, run, **settings)
        return run

    return decorate


def unclaimed(name, gap, run, **settings):
    """Add what no fence stops, and a sandbox reports as *gap*."""
    assert name not in UNCLAIMED, name
    UNCLAIMED[name] = Attack(name, "none", run, gap=gap, **settings)


def steps(run, world):
    """Do what an attack does before there is a fence, and return the rest of it."""
    if not inspect.isgeneratorfunction(run):
        return lambda: run(world)
    rest = run(world)
    next(rest)
    return lambda: next(rest, None)


def call(name, *arguments):
    """Make a system call by its name, without the library's function."""
    result = SYSCALL(ctypes.c_long(syscall_number(name)), *map(argument, arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def argument(value):
    if isinstance(value, (str, os.PathLike)):
        return ctypes.c_char_p(os.fsencode(value))
    if isinstance(value, bytes):
        return ctypes.c_char_p(value)
    return ctypes.c_ulong(value & (1 << 64) - 1) if isinstance(value, int) else ctypes.byref(value)


def reaches(name, *arguments, answers=(errno.EINVAL, errno.EFAULT)):
    """Make a call whose arguments are such that the kernel refuses it, by *answers*.

    With better ones it would hurt the machine.
    """
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno not in answers:
            raise
