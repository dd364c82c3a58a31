"""``butter doctor --watches``: the processes that have the inotify watches."""

from __future__ import annotations

import functools
import os
import pwd
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from butter._inotify import LINK
from butter._look import compare_files, status_field
from butter.cli._limits import user_limit
from butter.cli._output import escaped, output_number
from butter.cli._processes import arguments_of, command_of, proc_file

if TYPE_CHECKING:
    from collections.abc import Iterable


class ProcessRow(TypedDict):
    """A process that has inotify instances."""

    watches: int  # of all its instances
    instances: int  # its inotify descriptors, each open file once
    pid: int  # the number of the process
    uid: int  # the number of its effective user
    user: str  # the name of that user, or the number again
    comm: str  # the name of the process
    cmdline: list[str]  # its program and arguments


class UserRow(TypedDict):
    """A user with processes that have inotify instances."""

    uid: int  # the number
    user: str  # the name, or the number again
    watches: int  # of all instances; one that processes share counts once
    instances: int  # the open files


class Report(TypedDict):
    """The whole report, as ``--watches --json`` prints it."""

    max_user_watches: int | None  # the limit of each user here; null if it cannot be read
    max_user_instances: int | None  # the same, for instances
    users: list[UserRow]  # the most watches first
    processes: list[ProcessRow]  # the most watches first
    unreadable: int  # how many processes may not be looked at


class Instance(NamedTuple):
    """A descriptor of a process, and the watches of its open file."""

    pid: int
    fd: int
    watches: int


def examine() -> Report:
    """Look at every process in ``/proc``; one that ends meanwhile is left out."""
    instances: list[Instance] = []
    rows: dict[int, ProcessRow] = {}
    unreadable = 0
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            own = distinct(instances_of(pid))
            row = row_of(pid, own) if own else None
        except PermissionError:
            unreadable += 1
            continue
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        if row is not None:
            rows[pid] = row
            instances += own
    users: dict[int, UserRow] = {}
    # The kernel counts an instance for the user that has made it. One that processes
    # share was probably made by the oldest of them.
    for each in distinct(instances):
        row = rows[each.pid]
        sums = users.setdefault(row["uid"], {"uid": row["uid"], "user": row["user"], "watches": 0, "instances": 0})
        sums["watches"] += each.watches
        sums["instances"] += 1
    return {
        "max_user_watches": user_limit("watches"),
        "max_user_instances": user_limit("instances"),
        "users": sorted(users.values(), key=lambda row: (-row["watches"], -row["instances"], row["uid"])),
        "processes": sorted(rows.values(), key=lambda row: (-row["watches"], -row["instances"], row["pid"])),
        "unreadable": unreadable,
    }


def instances_of(pid: int) -> list[Instance]:
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}") != LINK:
                continue
            with open(f"/proc/{pid}/fdinfo/{name}", "rb") as lines:
                watches = sum(line.startswith(b"inotify ") for line in lines)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it was closed, or the process has ended
        found.append(Instance(pid, int(name), watches))
    return found


def distinct(instances: Iterable[Instance]) -> list[Instance]:
    """Return the first of *instances* for each open file."""
    found: list[Instance] = []
    for each in sorted(instances, key=functools.cmp_to_key(compare)):
        if not found or compare(found[-1], each):
            found.append(each)
    return found


def compare(first: Instance, second: Instance) -> int:
    return compare_files(first[:2], second[:2])


def row_of(pid: int, instances: list[Instance]) -> ProcessRow | None:
    """Return the row of a process; None if it has ended."""
    ids, comm, cmdline = status_field("Uid", pid).split(), proc_file(pid, "comm"), proc_file(pid, "cmdline")
    if not ids or comm is None or cmdline is None:
        return None
    return {
        "watches": sum(each.watches for each in instances),
        "instances": len(instances),
        "pid": pid,
        "uid": int(ids[1]),
        "user": name_of(int(ids[1])),
        "comm": escaped(comm.removesuffix(b"\n")),
        "cmdline": [escaped(argument) for argument in arguments_of(cmdline)],
    }


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def show(report: Report) -> None:
    """Print *report* for people."""
    unreadable = report["unreadable"]
    if not report["processes"]:
        print(f"no process {'that may be looked at ' * bool(unreadable)}has an inotify instance")
    else:
        width = max(len(row["user"]) for row in report["processes"])
        show_users(report)
        print(f"\n{'WATCHES':>9}  {'INSTANCES':>9}  {'PID':>8}  {'USER':{width}}  COMMAND")
        columns = columns_of_output()
        for row in report["processes"]:
            start = f"{row['watches']:9}  {row['instances']:9}  {row['pid']:8}  {row['user']:{width}}  "
            words = command_of([argument.encode() for argument in row["cmdline"]] or [row["comm"].encode()])
            print(f"{start}{words}"[:columns])
    if unreadable:
        processes = "1 process" if unreadable == 1 else f"{unreadable} processes"
        print(f"\n{processes} may not be looked at, which takes the same user, or CAP_SYS_PTRACE")


def show_users(report: Report) -> None:
    watches, instances = (
        "unknown" if value is None else str(value)
        for value in (report["max_user_watches"], report["max_user_instances"])
    )
    print(f"{'WATCHES':>9}  {'of':>9}  {'INSTANCES':>9}  {'of':>8}  USER")
    for row in report["users"]:
        print(f"{row['watches']:9}  {watches:>9}  {row['instances']:9}  {instances:>8}  {row['user']}")


def columns_of_output() -> int | None:
    """Return the width of the terminal; None if the output is not one."""
    output = output_number()
    try:
        return None if output is None else os.get_terminal_size(output).columns or None
    except OSError:
        return None
