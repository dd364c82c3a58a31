"""The fences are put up around this process: for restrict, and in the child of run."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from typing import TYPE_CHECKING

from butter._checks import INFINITY, limit_name
from butter._look import status_field
from butter.errors import Errors
from butter.landlock import landlock_restrict_self
from butter.prctl import capset, prctl
from butter.seccomp import SECCOMP_SET_MODE_FILTER, seccomp

if TYPE_CHECKING:
    from butter._fence import Fence


def check_alone() -> None:
    """Raise RuntimeError if this process has several threads."""
    threads = status_field("Threads", "self")
    if not threads:
        raise RuntimeError(
            "the number of threads of this process is not known, because /proc/self/status cannot be read: it has to be"
            " mounted, and a sandbox around this process has to have '/proc' in read"
        )
    if threads != "1":
        raise RuntimeError(
            f"this process has {threads} threads, and a sandbox would be around the calling"
            " one alone: the others keep their capabilities, and their way to all files. Restrict the process before"
            " it starts threads (libraries as numpy do that when they are imported), or use run() or spawn()"
        )


def put_up(fence: Fence) -> None:
    """Put the fences up around the calling thread, the strictest last, for ever."""
    if fence.cgroup is not None:
        file = os.open("cgroup.procs", os.O_WRONLY | os.O_CLOEXEC, dir_fd=fence.cgroup.fileno())
        try:
            os.write(file, b"0")
        finally:
            os.close(file)
    for limit, pair in fence.rlimits.items():
        soft, hard = (resource.RLIM_INFINITY if value == INFINITY else value for value in pair)
        try:
            resource.setrlimit(limit, (soft, hard))
        except ValueError:
            most = resource.getrlimit(limit)[1]
            sentence = f"rlimits[{limit_name(limit)}] is above the hard limit of this process, {most}"
            raise Errors("sandbox", {errno.EPERM: (PermissionError, sentence)}).error(errno.EPERM) from None
    prctl.no_new_privs = True
    _drop_capabilities()
    if fence.ruleset is not None:
        landlock_restrict_self(fence.ruleset, fence.ruleset_flags)
    for program in fence.filters:
        seccomp(SECCOMP_SET_MODE_FILTER, fence.filter_flags, program)


def _drop_capabilities() -> None:
    """Have no capabilities. Those that are ambient go with them.

    The bounding set matters to what gains rights when it is executed, and so behind
    no_new_privs to nothing; it is emptied where that is allowed.
    """
    with contextlib.suppress(PermissionError):
        prctl.capbset.drop(*prctl.capbset)
    capset((), (), ())
