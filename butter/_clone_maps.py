"""The maps of user namespaces: which ids inside are which outside."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import integer
from butter._checks import listed, number
from butter._clone_errors import namespace_link, restricted
from butter._look import CAP_SETFCAP, capable, status_field, text_of
from butter._pidfd import number_of
from butter._pidfd_c import lib
from butter._signals import raised_by_handler
from butter.errors import NEW_DESCRIPTOR, Errors, InvalidArgument, PathNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    Range = tuple[int, int, int]

_CAP_SETGID, _CAP_SETUID = 6, 7
# what the kernel takes in one write
_MOST_RANGES = 340


# no process has this name in /proc
_NOWHERE = 0


def _number(pid: int, pidfd: int) -> int:
    """Return the number that ``/proc`` has for a process.

    ``/proc`` may be that of an outer pid namespace, where the process has another
    number, and *pid* is another one's.
    """
    number = number_of(pidfd)
    return _same(pid) if number is None else max(number, _NOWHERE)


def _same(pid: int) -> int:
    """Return *pid*, where no pidfd tells more, if ``/proc`` counts as this process."""
    try:
        own = os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        own = False
    return pid if own else _NOWHERE


def _place(pid: int) -> int | str:
    """Return the name of a process in ``/proc``."""
    if pid == os.getpid():
        return "self"
    fd = lib.pidfd_open(pid, 0)
    if fd < 0:
        # a thread cannot be opened, and nothing can before Linux 5.3
        return _NOWHERE if fd == -1 - errno.ESRCH else _same(pid)
    try:
        return _number(pid, fd)
    finally:
        os.close(fd)


def _inside(place: int | str) -> bool:
    """Return whether this thread is in the user namespace of a process."""
    return place == "self" or namespace_link("user", place) == namespace_link("user")


def _not_written(
    pid: int, place: int | str, name: str, ranges: list[Range], said: str = "", child: bool = False, **_: object
) -> str:
    if said:
        return f"{said} (the ranges that a user may map are in /etc/sub{name[:3]})"
    directory = f"/proc/{place}"
    allowed = text_of(f"{directory}/setgroups").strip() == "allow"
    if name == "setgroups" and not allowed:
        name = "gid_map"
    if name == "setgroups":
        return f"setgroups of process {pid} can be denied only before its gid_map is written, and by its creator"
    if text_of(f"{directory}/{name}").strip():
        return f"{name} of process {pid} has been written already, and the kernel allows that once"
    reason = restricted()
    if reason:
        return reason
    inside = _inside(place)
    root = name == "uid_map" and any(outside == 0 for _, outside, _ in ranges)
    if root and not inside and not capable(CAP_SETFCAP):
        return "user 0 of the outside is mapped by a process with CAP_SETFCAP alone (Linux 5.12)"
    own = len(ranges) == 1 and ranges[0][2] == 1
    if name == "gid_map" and own and allowed and (inside or not capable(_CAP_SETGID)):
        return (
            "a process in the new user namespace, or without CAP_SETGID, maps its own group alone, and that only where "
            "setgroups is denied, which setgroups=True does not do"
        )
    if root and own and inside:
        return (
            "a process in the new user namespace maps user 0 of the outside only if that is its own, and if its "
            "creator had CAP_SETFCAP at that moment (Linux 5.12)"
        )
    if inside:
        return (
            f"a process in the new user namespace maps one id alone, which is its own outside; a process outside has "
            f"to write this {name}"
        )
    unmapped = "an id of the outside does not have a mapping in the parent user namespace"
    if child:
        return unmapped
    return f"{unmapped}, or process {pid} is not in a user namespace right below the one of this process"


def _not_opened(pid: int, place: int | str, child: bool = False, **_: object) -> str:
    if child:
        return (
            "the files of the child in /proc are root's, because this process has changed its ids or runs a program "
            "that cannot be read: prctl(PR_SET_DUMPABLE, 1) before makes them this user's"
        )
    users = status_field("Uid", place).split()
    if users[1:2] == [str(os.geteuid())]:
        return (
            f"the files of process {pid} in /proc are root's, because it has changed its ids or runs a program that "
            "cannot be read: prctl(PR_SET_DUMPABLE, 1) makes them its own again"
        )
    return f"process {pid} belongs to another user"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    return True


def _missing(pid: int, path: str | None, child: bool = False, **_: object) -> str:
    if path:
        return (
            f"for this user {path} alone may map other ids than its own, and it is not installed: its package is "
            "uidmap (shadow-utils on some systems)"
        )
    if not namespace_link("user") or (not child and _exists(pid)):
        return "/proc is not mounted here, or is that of another pid namespace"
    return "the child has ended" if child else f"there is no process {pid}"


def _ended(pid: int, child: bool = False, **_: object) -> str:
    return "the child has ended" if child else f"process {pid} has ended"


MAP = Errors(
    "map_ids",
    {
        **NEW_DESCRIPTOR,
        errno.EACCES: (PermissionError, _not_opened),
        errno.EINVAL: (
            InvalidArgument,
            f"the kernel takes at most {_MOST_RANGES} ranges (5 before Linux 4.15), of a page of text",
        ),
        errno.ENOENT: (PathNotFound, _missing),
        errno.EPERM: (PermissionError, _not_written),
        errno.ESRCH: (ProcessLookupError, _ended),
    },
)


class _Process(NamedTuple):
    """The process whose maps are written: the child of spawn, or one of map_ids."""

    pid: int
    place: int | str  # its name in /proc
    child: bool = False

    def call(self, name: str) -> str:
        """Return how a sentence about the file *name* begins."""
        if not self.child:
            return MAP.call
        return "spawn(uid_map)" if name == "uid_map" else "spawn(gid_map)"

    def fail(self, number: int, name: str, path: str | None = None, **about: object) -> NoReturn:
        """Raise for errno *number* of the file *name*."""
        errors = Errors(self.call(name), MAP.meanings)
        errors.fail(number, path, pid=self.pid, place=self.place, name=name, child=self.child, **about)


def checked_ranges(ranges: Iterable[Range], name: str) -> list[Range]:
    """Return the ranges of a map, or raise for what the kernel would refuse."""
    found = []
    for entry in listed(ranges, name, "ranges (inside, outside, count)"):
        if not isinstance(entry, (tuple, list)) or len(entry) != 3:
            raise TypeError(f"a range of {name} is (inside, outside, count), not {entry!r}")
        inside, outside, count = [number(each, 32, f"a number in {name}", "an int") for each in entry]
        if not count or inside + count >= 1 << 32 or outside + count >= 1 << 32:
            raise ValueError(f"the range {entry!r} of {name} is empty, or goes beyond the last id, {(1 << 32) - 2}")
        found.append((inside, outside, count))
    if not found:
        raise ValueError(f"{name} is empty: it needs a range (inside, outside, count), or None leaves it unwritten")
    for side in 0, 1:
        ordered = sorted(found, key=lambda entry: entry[side])
        for before, after in zip(ordered, ordered[1:]):
            if before[side] + before[2] > after[side]:
                raise ValueError(f"the ranges {before!r} and {after!r} of {name} overlap")
    return found


def _helper(process: _Process, name: str, ranges: list[Range] | None) -> str | None:
    """Return the path of the program that has to write a map.

    None if this process may write it itself: with the capability in the parent, for its
    own id, or inside, where the program has no more rights than the process.
    """
    if ranges is None:
        return None
    own, capability = (os.geteuid(), _CAP_SETUID) if name == "uid_map" else (os.getegid(), _CAP_SETGID)
    alone = len(ranges) == 1 and ranges[0][1:] == (own, 1)
    if alone or capable(capability) or _inside(process.place):
        return None
    program = f"new{name.replace('_', '')}"
    for directory in os.get_exec_path():
        path = os.path.join(directory, program)
        if os.access(path, os.X_OK):
            return path
    process.fail(errno.ENOENT, name, program)


def _write(process: _Process, name: str, text: str, ranges: list[Range]) -> None:
    try:
        fd = os.open(f"/proc/{process.place}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
        return
    except OSError as error:
        if raised_by_handler(error):
            raise
        number = error.errno or 0
    process.fail(number, name, ranges=ranges)


def _write_map(process: _Process, name: str, ranges: list[Range], helper: str | None, deadline: float | None) -> None:
    if helper is None:
        _write(process, name, "".join(f"{inside} {outside} {count}\n" for inside, outside, count in ranges), ranges)
        return
    numbers = [str(number) for entry in ranges for number in entry]
    left = None if deadline is None else max(0, deadline - time.monotonic())
    command = [helper, str(process.place), *numbers]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        done = None
    if done is None:
        raise TimeoutError(errno.ETIMEDOUT, f"{process.call(name)}: {helper} took too long, and was killed")
    # an exit status is lost where SIGCHLD is ignored
    if done.returncode or not text_of(f"/proc/{process.place}/{name}").strip():
        if not os.path.exists(f"/proc/{process.place}"):
            process.fail(errno.ENOENT, name)
        process.fail(errno.EPERM, name, ranges=ranges, said=done.stderr.strip() or f"{helper} failed")


def map_ids(
    pid: int,
    uid_map: Iterable[Range] | None = None,
    gid_map: Iterable[Range] | None = None,
    setgroups: bool | None = None,
    timeout: float | None = None,
) -> None:
    """Write the maps of the user namespace that the process *pid* is in.

    A map is a list of ranges ``(inside, outside, count)``: *count* ids from *inside* on
    are those from *outside* on in the parent user namespace. None leaves a map
    unwritten. Each can be written once. ::

        unshare(CLONE_NEWUSER)
        map_ids(os.getpid(), [(0, uid, 1)], [(0, gid, 1)])  # os.geteuid() before

    A process inside maps its own id alone. Its creator outside maps what its
    capabilities allow (CAP_SETUID, CAP_SETGID), its own id, or, by the programs
    ``newuidmap`` and ``newgidmap``, what ``/etc/subuid`` and ``/etc/subgid`` list.

    *setgroups* False denies :manpage:`setgroups(2)` inside, which the kernel demands of
    a process that maps its own group alone; None denies it where that is so. *timeout*
    is how many seconds the two programs may take; None lets them take any time.

    Raises PermissionError with the reason, InvalidArgument, PathNotFound if there is no
    such process or the programs are not installed, ProcessLookupError, TimeoutError;
    ValueError for ranges that are empty or overlap. Both maps are checked before one is
    written; gid_map is the first. Where uid_map then fails, gid_map and a denied
    setgroups stay: a second call passes uid_map alone.

    Linux 3.8, :manpage:`user_namespaces(7)`.
    """
    pid = integer(pid, 31, "pid")
    deadline = None if timeout is None else time.monotonic() + timeout
    uids = None if uid_map is None else checked_ranges(uid_map, "uid_map")
    gids = None if gid_map is None else checked_ranges(gid_map, "gid_map")
    _map(_Process(pid, _place(pid)), uids, gids, setgroups, deadline)


def map_child(pid: int, pidfd: int, uids: list[Range] | None, gids: list[Range] | None, deadline: float | None) -> None:
    """Write the maps of a child of spawn, whose ranges are checked."""
    _map(_Process(pid, _number(pid, pidfd), child=True), uids, gids, None, deadline)


def _map(
    process: _Process,
    uids: list[Range] | None,
    gids: list[Range] | None,
    setgroups: bool | None,
    deadline: float | None,
) -> None:
    uid_helper, gid_helper = _helper(process, "uid_map", uids), _helper(process, "gid_map", gids)
    if setgroups is None:
        own = _inside(process.place) or not capable(_CAP_SETGID)
        setgroups = gids is None or gid_helper is not None or not own
    if not setgroups:
        _write(process, "setgroups", "deny", [])
    if gids is not None:
        _write_map(process, "gid_map", gids, gid_helper, deadline)
    if uids is not None:
        _write_map(process, "uid_map", uids, uid_helper, deadline)
