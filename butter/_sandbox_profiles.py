"""The profiles of a sandbox, and the filter of system calls that each becomes."""

from __future__ import annotations

import errno
import functools
import signal
from typing import TYPE_CHECKING, NamedTuple

from butter import _sandbox_calls as calls
from butter.seccomp import ALLOW, EQ, ERRNO, MASKED, Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

#: the ABIs of landlock that know truncate, TCP ports, commands to devices, and signals
TRUNCATE_ABI, TCP_ABI, DEVICES_ABI, SCOPE_ABI = 3, 4, 5, 6


class Profile(NamedTuple):
    """A profile: the things that a sandbox allows beside the named paths and ports."""

    name: str
    meaning: str
    #: the first Linux on which all holds that the profile promises
    kernel: str
    #: the same as an ABI of landlock
    abi: int
    #: whether it may start processes, and change modes and times of files
    processes: bool = False
    #: whether it may have ports
    network: bool = False


#: the profiles by their names
PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("pure", "compute with threads, read and write the files that are named", "5.13", 1),
        Profile("network-client", "the same, and TCP by the ports that are named", "6.7", TCP_ABI, network=True),
        Profile(
            "build",
            "the same, start programs, and change the modes and times of files",
            "6.12",
            SCOPE_ABI,
            processes=True,
            network=True,
        ),
    )
}


class Needs(NamedTuple):
    """The facts that decide about the filter, beside the profile."""

    connect: bool = False
    bind: bool = False
    execute: bool = False
    #: whether it has devices that are not those of every program
    devices: bool = False
    #: whether signals may be sent: landlock keeps them within, or they may leave
    signals: bool = True
    #: the ABI of landlock
    abi: int = SCOPE_ABI


_REFUSED = ERRNO(errno.EPERM)
_MISSING = ERRNO(errno.ENOSYS)


@functools.lru_cache(maxsize=64)
def filter_of(profile: Profile, needs: Needs) -> Filter:
    """Return the filter of a profile: what it does not name fails."""
    filter = Filter(_MISSING)
    _allow_itself(filter, profile, needs)
    _allow_files(filter, needs)
    _allow_requests(filter, needs)
    _allow_network(filter, needs)
    if profile.processes:
        for call, mode in calls.MODES.items():
            filter.add(call, ALLOW, MASKED(mode, calls.SETUID_BITS, 0, bits=32))
        for call in (*calls.PROCESSES, *calls.TIMES):
            filter.add(call, ALLOW)
    _refuse_rest(filter)
    return filter


@functools.lru_cache(maxsize=64)
def gaps_of(needs: Needs) -> Filter:
    """Return the filter beside the caller's, which closes what landlock lets through.

    It knows the gaps by their names, and allows all other calls.
    """
    filter = Filter(ALLOW)
    strict = filter_of(PROFILES["build"], needs)
    for rule in strict._given:
        if rule.call in _CLOSED:
            filter.add(rule.call, rule.action, *rule.comparisons)
    for call in (*calls.RINGS, "clone3", "execveat", "openat2", "memfd_secret", "file_setattr"):
        filter.add(call, _MISSING)
    return filter


_CLOSED = {
    *calls.REFUSED,
    *calls.MAKING,
    *calls.ATTRIBUTES,
    "ioctl",
    "fcntl",
    "setsockopt",
}


def _allow_itself(filter: Filter, profile: Profile, needs: Needs) -> None:
    """The process itself, and its threads."""
    for call in (*calls.MEMORY, *calls.PROCESS, *calls.SIGNALS, *calls.TIME, *calls.DESCRIPTORS):
        filter.add(call, ALLOW)
    # of the other processes of the user these would be changed, too
    filter.add("prlimit64", ALLOW, EQ(0, 0, bits=32))
    filter.add("sched_setaffinity", ALLOW, EQ(0, 0, bits=32))
    filter.add("setpriority", ALLOW, EQ(0, 0, bits=32), EQ(1, 0, bits=32))
    for option in calls.OPTIONS:
        filter.add("prctl", ALLOW, EQ(0, option, bits=32))
    filter.add("prctl", ALLOW, EQ(0, calls.DEATH_SIGNAL, bits=32), EQ(1, signal.SIGKILL))
    filter.add("personality", ALLOW, EQ(0, calls.ANY_PERSONALITY, bits=32))
    # landlock does not forbid to execute a file in memory
    filter.add("memfd_create", ALLOW, MASKED(1, calls.MFD_NOEXEC_SEAL, calls.MFD_NOEXEC_SEAL, bits=32))
    thread = 0 if profile.processes else calls.CLONE_THREAD
    filter.add("clone", ALLOW, MASKED(0, calls.CLONE_FORBIDDEN | thread, thread, bits=32))
    if needs.execute:
        filter.add("execve", ALLOW)
    if needs.signals:
        for call in calls.SENT:
            filter.add(call, ALLOW)
    for command in calls.FCNTL_FORBIDDEN + (() if needs.signals else calls.FCNTL_SIGNALS):
        filter.add("fcntl", _REFUSED, EQ(1, command, bits=32))
    filter.add("fcntl", ALLOW)


def _allow_files(filter: Filter, needs: Needs) -> None:
    """Files by their paths; a file of another's rights is not made."""
    for call in calls.FILES:
        filter.add(call, ALLOW)
    if needs.abi >= TRUNCATE_ABI:
        filter.add("truncate", ALLOW)
    for call, (mode, flags) in calls.MAKING.items():
        if flags is None:
            filter.add(call, ALLOW, MASKED(mode, calls.SETUID_BITS, 0, bits=32))
            filter.add(call, _REFUSED)
            continue
        for making in (calls.O_CREAT, calls.O_TMPFILE):
            for bit in (0o4000, 0o2000):
                filter.add(call, _REFUSED, MASKED(flags, making, making, bits=32), MASKED(mode, bit, bit, bits=32))
        if needs.abi < TRUNCATE_ABI:
            # open for reading, and nevertheless empties the file
            filter.add(call, _REFUSED, MASKED(flags, calls.O_TRUNC | calls.O_ACCMODE, calls.O_TRUNC, bits=32))
        filter.add(call, ALLOW)


def _allow_requests(filter: Filter, needs: Needs) -> None:
    """Requests of ioctl; the kernel looks at 32 bits of them."""
    for request in calls.REQUESTS.values():
        filter.add("ioctl", ALLOW, EQ(1, request, bits=32))
    for request in calls.HARMFUL.values():
        filter.add("ioctl", _REFUSED, EQ(1, request, bits=32))
    if not needs.signals:
        for request in calls.IOCTL_SIGNALS:
            filter.add("ioctl", _REFUSED, EQ(1, request, bits=32))
    if not needs.devices:
        filter.add("ioctl", ERRNO(errno.ENOTTY))
        return
    for kind in calls.OF_FILES:
        filter.add("ioctl", _REFUSED, MASKED(1, 0xFF00, kind << 8, bits=32))
    filter.add("ioctl", ALLOW)


def _allow_network(filter: Filter, needs: Needs) -> None:
    """Pairs of sockets, and TCP sockets where there are ports."""
    for kind in (calls.SOCK_STREAM, calls.SOCK_SEQPACKET):
        # one of datagrams reaches any other by its path
        filter.add("socketpair", ALLOW, EQ(0, calls.AF_UNIX, bits=32), MASKED(1, calls.SOCK_TYPE, kind, bits=32))
    level, option = calls.TCP_KIND
    filter.add("setsockopt", ERRNO(errno.ENOPROTOOPT), EQ(1, level, bits=32), EQ(2, option, bits=32))
    filter.add("setsockopt", ALLOW)
    for call, flags in calls.SENDING.items():
        filter.add(call, ALLOW, MASKED(flags, calls.MSG_FASTOPEN, 0, bits=32))
    if not (needs.connect or needs.bind):
        return
    for family in (calls.AF_INET, calls.AF_INET6):
        for protocol in (0, calls.IPPROTO_TCP):
            filter.add(
                "socket",
                ALLOW,
                EQ(0, family, bits=32),
                MASKED(1, calls.SOCK_TYPE, calls.SOCK_STREAM, bits=32),
                EQ(2, protocol, bits=32),
            )
    for call in calls.NETWORK + (calls.LISTENING if needs.bind else ()):
        filter.add(call, ALLOW)


def _refuse_rest(filter: Filter) -> None:
    """The rest of the calls that programs do not expect to be missing."""
    allowed = {rule.call for rule in filter._given if not rule.comparisons}
    for call in calls.REFUSED:
        if call not in allowed:
            filter.add(call, _REFUSED)
    for call in calls.ATTRIBUTES:
        filter.add(call, ERRNO(errno.EOPNOTSUPP))
