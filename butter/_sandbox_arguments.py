"""The look at the arguments of a sandbox, before anything happens."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Mapping
from typing import TYPE_CHECKING

from butter._checks import descriptor, limit_name, limits_of, listed, number, refuse
from butter._sandbox_profiles import PROFILES, Profile
from butter.errors import BAD_DESCRIPTOR, Errors
from butter.seccomp import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._arguments import FileDescriptor, Path

#: a stream that is ``/dev/null``
DEVNULL = -3

# RLIM_NLIMITS of the kernel
_LIMITS = 16


def paths_of(values: Iterable[Path], name: str) -> tuple[Path, ...]:
    """Return a list of paths."""
    found = listed(values, name, "paths")
    for each in found:
        if not isinstance(each, (str, bytes, os.PathLike)):
            refuse(each, f"an entry of {name}", "str, bytes or a path")
    return tuple(found)


def ports_of(values: Iterable[int], name: str) -> tuple[int, ...]:
    """Return a list of TCP ports."""
    return tuple(number(each, 16, f"an entry of {name}", "a TCP port") for each in listed(values, name, "TCP ports"))


def profile_of(syscalls: str | Filter) -> tuple[Profile | None, Filter | None]:
    """Return the profile or the filter that *syscalls* is."""
    if isinstance(syscalls, Filter):
        syscalls._check_alone()
        return None, syscalls
    if not isinstance(syscalls, str):
        refuse(syscalls, "syscalls", "the name of a profile or a butter.seccomp.Filter")
    if syscalls not in PROFILES:
        raise ValueError(f"syscalls is {syscalls!r}; the profiles are {', '.join(PROFILES)}")
    return PROFILES[syscalls], None


def environment_of(env: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return an environment that a process can have."""
    if not isinstance(env, (Mapping, type(None))):
        refuse(env, "env", "a mapping {name: value}")
    for name, value in (env or {}).items():
        # a value may be a secret, so the sentences do not have it
        for each in name, value:
            if not isinstance(each, str):
                refuse(each, "a name or value of env", "str")
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"env: {name!r} is not the name of a variable: it is empty, or has '=' or a NUL in it")
        if "\0" in value:
            raise ValueError(f"env: the value of {name!r} has a NUL in it")
        try:
            os.fsencode(name)
            os.fsencode(value)
        except UnicodeEncodeError:
            raise ValueError(f"env: {name!r} or its value has a character that no variable can have") from None
    return None if env is None else dict(env)


def rlimits_of(rlimits: Mapping[int, tuple[int, int]] | None) -> dict[int, tuple[int, int]]:
    """Return limits that the kernel knows."""
    found = limits_of(rlimits)
    for limit, (soft, hard) in found.items():
        if limit >= _LIMITS:
            raise ValueError(f"a key of rlimits is {limit}; it must be a number as resource.RLIMIT_CPU")
        if soft > hard:
            raise ValueError(f"rlimits[{limit_name(limit)}] is ({soft}, {hard}): the soft limit is above the hard one")
    return found


def without_cores(rlimits: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Return the limits, and no core if they do not say how long one may be.

    One byte is too short for a file, and the kernel's sign for none where it hands
    cores to a program, as to systemd-coredump; 0 does not stop those. A process that
    may not have one byte cannot have that sign either.
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return {resource.RLIMIT_CORE: (0, 0) if hard == 0 else (1, 1), **rlimits}


def stream_of(given: FileDescriptor, name: str) -> int:
    """Return the descriptor of a stream, or -1 for DEVNULL."""
    if given == DEVNULL:
        return -1
    fd = descriptor(given, name)
    try:
        os.fstat(fd)
    except OSError:
        raise Errors(name, {errno.EBADF: BAD_DESCRIPTOR}).error(errno.EBADF, fd=fd) from None
    return fd
