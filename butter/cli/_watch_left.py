"""The processes that a command has left: all below this process, wherever they moved.

This process is a subreaper, so whatever a program starts stays below it: in a group or
a session of its own too, and when the program has ended. ``/proc`` has the children of
each process.

The number of a process that its parent has reaped may be a stranger's. So a process is
opened by its number first, and then has to be a child of the one above it still, which
in turn was not reaped: while it was not, its number and its list of children are its
own. This process reaps its own children, in one thread, and does not do it meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from butter.pidfd import pidfd_open, pidfd_send_signal

if TYPE_CHECKING:
    from collections.abc import Collection, Generator


def children(pid: int) -> list[int]:
    """Return the children of a process; none where ``/proc`` does not tell."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.readall().split())
    except OSError:
        pass  # it has ended
    return found


def own_children() -> list[int]:
    """Return the children of this process."""
    own = os.getpid()
    try:
        # that of another pid namespace has other numbers
        return children(own) if os.readlink("/proc/self") == str(own) else []
    except OSError:
        return []


def left_below(others: Collection[int]) -> Generator[tuple[int, int], None, None]:
    """Return the processes below this one: of each a pidfd, and the number.

    The children *others* of this process, and all below those, are left out, and so are
    the processes that this user may not signal. The one above comes first; a process
    that moves up meanwhile, because the one above it ends, may be left out.
    """
    for number in own_children():
        if number not in others:
            yield from _with_all_below(number, os.getpid(), None)


def is_any_left(others: Collection[int]) -> bool:
    """Return whether there is a process below this one, without *others* as before."""
    with contextlib.closing(left_below(others)) as found:
        return next(found, None) is not None


def _with_all_below(number: int, parent: int, parent_fd: int | None) -> Generator[tuple[int, int], None, None]:
    try:
        fd = pidfd_open(number)
    except OSError:
        return
    try:
        if number in children(parent) and (parent_fd is None or is_there(parent_fd)) and is_there(fd):
            yield fd, number
            for child in children(number):
                yield from _with_all_below(child, number, fd)
    finally:
        os.close(fd)


def is_there(pidfd: int) -> bool:
    """Return whether a process was not reaped, and may be signalled."""
    try:
        pidfd_send_signal(pidfd, 0)
    except OSError:
        return False
    return True
