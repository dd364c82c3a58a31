"""A report for programs to read: the ways out of a sandbox that are closed, or open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from butter import landlock
from butter._landlock_rights import of_abi
from butter.seccomp import ALLOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from butter.seccomp import Filter

    Call = tuple[str, tuple[int, ...]]

_ANY = (1, 1, 1, 1, 1, 1)
# of calls that a filter allows for some arguments: the ones that are a way out
_ARGUMENTS: Mapping[str, tuple[int, ...]] = {
    "chmod": (0, 0o644),
    "fchmod": (0, 0o644),
    "fchmodat": (0, 0, 0o644),
    "fchmodat2": (0, 0, 0o644),
    "clone": (0x10000000,),
    "memfd_create": (0, 0x1),
    "open": (0, 0o1000),
    "openat": (0, 0, 0o1000),
    "fcntl": (0, 6),
    "ioctl": (0, 0x1234),
}
_SOCKETS: Mapping[str, Sequence[Call]] = {
    "abstract_unix_socket": (("socket", (1, 1, 0)), ("socketpair", (1, 2, 0))),
    "unix_socket": (("socket", (1, 1, 0)), ("socketpair", (1, 2, 0))),
    "udp": (("socket", (2, 2, 0)), ("socket", (10, 2, 0))),
    "tcp": (("socket", (2, 1, 0)), ("socket", (10, 1, 6))),
    "tcp_fast_open": (("sendto", (3, 0, 0, 0x20000000)), ("sendmsg", (3, 0, 0x20000000))),
    "mptcp": (("socket", (2, 1, 262)), ("socket", (10, 1, 132)), ("socket", (43, 1, 0)), ("setsockopt", (3, 6, 31))),
    "raw_socket": (("socket", (2, 3, 255)), ("socket", (17, 3, 0))),
    "netlink": (("socket", (16, 3, 0)),),
    "vsock": (("socket", (40, 1, 0)),),
}
# beside the calls of a gap that have its name
_MORE: Mapping[str, Sequence[Call]] = {"signal": (("fcntl", (0, 8)), ("ioctl", (0, 0x8901)), ("ioctl", (0, 0x8902)))}
# calls among those of a gap that are not the way out
_HARMLESS = {"truncate": ("ftruncate",)}


class Way(NamedTuple):
    """A way out of a sandbox."""

    name: str
    meaning: str
    #: whether it is closed
    closed: bool
    #: the fences that close it: "landlock", "seccomp", …
    by: list[str]


def calls_of(gap: landlock.Gap) -> list[Call]:
    """Return the calls, with arguments, by which a gap is used."""
    if gap.name in _SOCKETS:
        return list(_SOCKETS[gap.name])
    calls = [call for call in gap.calls if call not in _HARMLESS.get(gap.name, ())]
    return [*((call, _ARGUMENTS.get(call, _ANY)) for call in calls), *_MORE.get(gap.name, ())]


def _closed_by_filters(filters: Iterable[Filter], calls: Iterable[Call]) -> bool:
    """Return whether each of the calls is refused by one of the filters."""
    return all(any(_refuses(filter, call, arguments) for filter in filters) for call, arguments in calls)


def _refuses(filter: Filter, call: str, arguments: tuple[int, ...]) -> bool:
    try:
        action = filter.test(call, *arguments)
    except ValueError:
        return True  # the architecture lacks the call
    return action.name not in (ALLOW.name, "LOG", "NOTIFY", "TRACE")


def ways(filters: Sequence[Filter], found: int, scope: bool, group: bool, settings: bool) -> list[Way]:
    """Return the ways out: those that the fences close, and the others.

    *found* is the ABI of landlock; with *scope* the ruleset has its scopes, with
    *group* there is a control group, and with *settings* the machine's files are named.
    """
    handled = of_abi(landlock.FS, found) | of_abi(landlock.NET, found)
    handled |= of_abi(landlock.SCOPE, found) if scope else frozenset()
    rows = []
    for name, meaning, rights in _FILES:
        by = ["landlock"] if handled.issuperset(rights) else []
        rows.append(Way(name, meaning, bool(by), by))
    for gap in landlock.GAPS.values():
        by = ["seccomp"] if _closed_by_filters(filters, calls_of(gap)) else []
        if handled.issuperset(_RIGHTS.get(gap.name, ("",))):
            by.append("landlock")
        rows.append(Way(gap.name, gap.meaning, bool(by), by))
    by = ["seccomp"] if _closed_by_filters(filters, _OUTLIVING) else []
    by += ["cgroup"] if group else []
    rows.append(Way("outliving", "processes that go on when run() has ended, as after its timeout", bool(by), by))
    by = ["landlock"] if found and not settings else []
    rows.append(
        Way("settings", "as root: the settings of the kernel in /proc and /sys, and the devices in /dev", bool(by), by)
    )
    return rows + [Way(name, meaning, False, []) for name, meaning in _OPEN]


_FILES = (
    ("read", "reading files and directories that are not named", ("read_file", "read_dir")),
    ("write", "writing to files that are not named, making and removing files elsewhere", ("write_file", "make_reg")),
    ("execute", "executing programs that are not named", ("execute",)),
)
_RIGHTS = {
    "truncate": ("truncate",),
    "tcp": ("bind_tcp", "connect_tcp"),
    "ioctl": ("ioctl_dev",),
    "abstract_unix_socket": ("abstract_unix_socket",),
    "signal": ("signal",),
    "unix_socket": ("resolve_unix",),
    "udp": ("bind_udp", "connect_send_udp"),
}

# to make a process, or to go on when the parent has ended
_OUTLIVING: Sequence[Call] = (("fork", ()), ("vfork", ()), ("clone", (17,)), ("clone3", (0, 0)), ("prctl", (1, 0)))

# what no fence is for
_OPEN = (
    ("processes", "asking by its number whether a process exists"),
    ("machine", "asking for the name, the kernel, the load and the memory of the machine"),
    ("time", "taking time and memory of the machine, where neither rlimits nor memory and processes bound it"),
    ("kernel", "using a defect of the kernel in the calls that are allowed"),
)
