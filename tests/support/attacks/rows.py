"""The table of attacks, and the calls that they make."""

from __future__ import annotations

import ctypes
import errno
import inspect
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.children import libc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from support.attacks.world import World

#: every attack, by its name
ATTACKS: dict[str, Attack] = {}

#: what no fence claims to stop
UNCLAIMED: dict[str, Attack] = {}

#: the numbers of the calls
NUMBERS = {
    name: int(number)
    for name, number in re.findall(r"#define __NR_(\w+) (\d+)", Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text())
}
NUMBERS.update(
    fchmodat2=452, setxattrat=463, removexattrat=466, open_tree_attr=467, file_setattr=469, quotactl_fd=443
)


@dataclass(frozen=True)
class Attack:
    """A way out, and the fence that claims it."""

    name: str
    fence: str
    run: Callable[[World], Any]
    #: whether it changes a file that is not given to the sandbox
    harms: bool = False
    #: which of the test's sandboxes it attacks
    sandbox: str = "files"
    #: the marks of its needs
    needs: tuple[Any, ...] = ()


def add(name: str, fence: str, run: Callable[[World], Any], **settings: Any) -> None:
    assert name not in ATTACKS, name
    ATTACKS[name] = Attack(name, fence, run, **settings)


def attack(fence: str, **settings: Any) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    """Add the function to the table."""

    def decorate(run: Callable[[World], Any]) -> Callable[[World], Any]:
        add(run.__name__, fence, run, **settings)
        return run

    return decorate


def unclaimed(name: str, run: Callable[[World], Any], sandbox: str = "files") -> None:
    """Add what no fence stops, which a sandbox reports under this name."""
    assert name not in UNCLAIMED, name
    UNCLAIMED[name] = Attack(name, "none", run, sandbox=sandbox)


def steps(run: Callable[[World], Any], world: World) -> Callable[[], Any]:
    """Do what an attack does before there is a fence, and return the rest of it."""
    if not inspect.isgeneratorfunction(run):
        return lambda: run(world)
    rest = run(world)
    next(rest)
    return lambda: next(rest, None)


def call(name: str, *arguments: Any) -> int:
    """Make a system call by its name, without the library's function."""
    result: int = libc.syscall(ctypes.c_long(NUMBERS[name]), *map(argument, arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def argument(value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        return ctypes.c_char_p(os.fsencode(value))
    if isinstance(value, bytes):
        return ctypes.c_char_p(value)
    return ctypes.c_ulong(value & (1 << 64) - 1) if isinstance(value, int) else ctypes.byref(value)


def reaches(name: str, *arguments: Any, answers: Iterable[int] = (errno.EINVAL, errno.EFAULT)) -> None:
    """Make a call whose arguments are such that the kernel refuses it, by *answers*.

    With better ones it would hurt the machine.
    """
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno not in answers:
            raise
