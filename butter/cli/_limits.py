"""The limits of the system, and what each bounds."""

from __future__ import annotations

import resource
from typing import TypedDict

from butter.errors import sysctl

# PyPy does not have the constant
_SIGPENDING = 11

LIMITS = {
    "fs.inotify.max_user_instances": "inotify descriptors of a user",
    "user.max_inotify_instances": "the same, in this user namespace",
    "fs.inotify.max_user_watches": "inotify watches of a user",
    "user.max_inotify_watches": "the same, in this user namespace",
    "fs.inotify.max_queued_events": "events that wait in one inotify descriptor",
    "fs.fanotify.max_user_groups": "fanotify descriptors of a user",
    "user.max_fanotify_groups": "the same, in this user namespace",
    "fs.fanotify.max_user_marks": "fanotify marks of a user",
    "user.max_fanotify_marks": "the same, in this user namespace",
    "fs.fanotify.max_queued_events": "events that wait in one fanotify descriptor",
    "fs.file-max": "open files of the system",
    "fs.nr_open": "descriptors of a process, at most",
    "fs.epoll.max_user_watches": "descriptors registered with the epolls of a user",
    "fs.aio-max-nr": "operations of all contexts of io_setup",
    "fs.pipe-max-size": "bytes in a pipe of a user that is not root",
    "fs.pipe-user-pages-soft": "pages of the pipes of a user; further ones are small; 0: unlimited",
    "fs.pipe-user-pages-hard": "pages of the pipes of a user, at most; 0: unlimited",
}


class Limit(TypedDict):
    """A limit; its value is None where it cannot be read."""

    name: str  # of the limit, as sysctl or getrlimit have it
    value: int | None  # the present one; null where it cannot be read
    meaning: str  # the things that it bounds


def limits() -> list[Limit]:
    """Every limit with its present value."""
    found: list[Limit] = [{"name": name, "value": sysctl(name), "meaning": meaning} for name, meaning in LIMITS.items()]
    for name, number, things, option in (
        ("RLIMIT_NOFILE", resource.RLIMIT_NOFILE, "descriptors of this process", "n"),
        ("RLIMIT_SIGPENDING", _SIGPENDING, "signals with a value that wait for the processes of a user", "i"),
    ):
        soft, hard = resource.getrlimit(number)
        most = "unlimited" if hard == resource.RLIM_INFINITY else hard
        found.append({"name": name, "value": soft, "meaning": f"{things}; 'ulimit -{option}' raises it, up to {most}"})
    return found


def user_limit(things: str) -> int | None:
    """Return how many inotify ``watches`` or ``instances`` a user may have.

    A user namespace has a limit of its own, which may be the lower one.
    """
    values = map(sysctl, (f"fs.inotify.max_user_{things}", f"user.max_inotify_{things}"))
    return min((value for value in values if value is not None), default=None)


def processes_exhausted(**_: object) -> str:
    """Return the sentence for EAGAIN, the errno of a refused process or thread."""
    both = resource.getrlimit(resource.RLIMIT_NPROC)
    soft, hard = ("unlimited" if limit == resource.RLIM_INFINITY else limit for limit in both)
    return (
        f"no process or thread can be started: RLIMIT_NPROC is {soft} ('ulimit -u' raises it, up to {hard});"
        " pids.max of the cgroup and kernel.threads-max are limits too"
    )
