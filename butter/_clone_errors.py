"""The errors of unshare, setns and namespaces: which of the causes it was."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from butter._clone_c import lib
from butter._constants.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
    NS_GET_ID,
    NS_GET_MNTNS_ID,
    NS_GET_NSTYPE,
    NS_GET_PARENT,
    NS_GET_USERNS,
    CloneMounts,
    CloneNew,
    CloneUnshare,
)
from butter._descriptor import fields_of, link_of
from butter._look import (
    CAP_SYS_ADMIN,
    CAP_SYS_CHROOT,
    capable,
    has_proc,
    in_first_user_namespace,
    status_field,
    text_of,
)
from butter.errors import (
    BAD_DESCRIPTOR,
    NEW_DESCRIPTOR,
    NO_MEMORY,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    PathNotFound,
    newer_than_kernel,
    raise_sysctl,
    running_kernel,
    sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter._arguments import Path


class NamespacesExhausted(PermissionError):
    """A limit of namespaces, or of how deep they are nested, is reached."""


#: the kinds of namespaces, as the files in ``/proc/self/ns`` are called; the limits
#: in ``/proc/sys/user`` have the same names
KINDS: Mapping[int, str] = {
    CLONE_NEWCGROUP: "cgroup",
    CLONE_NEWIPC: "ipc",
    CLONE_NEWNET: "net",
    CLONE_NEWNS: "mnt",
    CLONE_NEWPID: "pid",
    CLONE_NEWTIME: "time",
    CLONE_NEWUSER: "user",
    CLONE_NEWUTS: "uts",
}

_ANY_KIND = sum(CloneNew)
_UNSHARE = _ANY_KIND | sum(CloneUnshare) | sum(CloneMounts)
_SINGLE = CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM
# the value of each limit in a user namespace until a process sets another one there
_UNSET = (1 << 31) - 1
_MOST_USER_LEVELS, _MOST_PID_LEVELS = 33, 33
_MOST_NAMES = 6


# what the sentences look at


def blind() -> str:
    """Return a clause about why ``/proc`` cannot be read now, empty if it can be."""
    if not has_proc():
        return "/proc is not mounted, which would tell"
    if not text_of("/proc/thread-self/status"):
        return "/proc cannot be read, as where no descriptor is left"
    return ""


def namespace_link(kind: str, pid: int | str = "thread-self") -> str:
    """Return the name of a process's namespace, as ``net:[4026531833]``.

    It is empty where it cannot be read.
    """
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""


def privileged(number: int) -> bool:
    """Return whether this thread has a capability in the system's first namespace."""
    return capable(number) and bool(in_first_user_namespace())


def children_elsewhere() -> bool:
    """Return whether the children of this thread are in another pid namespace."""
    return namespace_link("pid") != namespace_link("pid_for_children")


def thread_names() -> list[str]:
    """Return the name of each thread of this process.

    The list is empty where ``/proc`` cannot be read.
    """
    try:
        found = sorted(os.listdir("/proc/self/task"), key=int)
    except OSError:
        return []
    names = [text_of(f"/proc/self/task/{task}/comm") for task in found]
    # the file of a thread that has just ended is empty, and that of the name "" is not
    return [name.strip() or "(without a name)" for name in names if name]


def _threads() -> str:
    """Return a clause about the threads of this process."""
    names = thread_names()
    if not names:
        return f"this process may have several threads ({blind()})"
    some = ", ".join(names[:_MOST_NAMES]) + (", …" if names[_MOST_NAMES:] else "")
    return f"this process has {len(names)} thread{'s' * (len(names) > 1)}: {some}"


def names_of(flags: int) -> str:
    """Return the constants of *flags*, as ``CLONE_NEWNET and CLONE_FS``."""
    members = {**CloneNew.__members__, **CloneUnshare.__members__}
    return " and ".join(f"CLONE_{name}" for name, flag in members.items() if flags & flag)


def a_namespace(kind: int) -> str:
    """Return what a namespace is called, with its article."""
    name = KINDS.get(kind, "newer")
    return f"a{'n' * (name == 'ipc')} {name} namespace"


def mapped(kind: str, number: int) -> bool:
    """Return whether an id has a mapping in this user namespace.

    *kind* is "uid" or "gid".
    """
    ranges = [line.split() for line in text_of(f"/proc/thread-self/{kind}_map").splitlines()]
    return any(int(first) <= number < int(first) + int(count) for first, _, count in ranges)


def restricted() -> str | None:
    """Return a sentence about a sysctl that keeps user namespaces from this process."""
    if privileged(CAP_SYS_ADMIN):
        return None
    name = "kernel.unprivileged_userns_clone"
    if sysctl(name) == 0:
        return f"{name} is 0: only a process with CAP_SYS_ADMIN makes user namespaces; 'sysctl {name}=1' as root"
    name = "kernel.apparmor_restrict_unprivileged_userns"
    if value := sysctl(name):
        return (
            f"{name} is {value}: AppArmor lets only a program whose profile allows it use user namespaces; "
            f"'sysctl {name}=0' as root turns that off"
        )
    return None


# unshare


def _unshare_refused(flags: int, **_: object) -> str:
    unknown = flags & ~_UNSHARE & 0xFFFFFFFF
    if unknown:
        return f"unknown flags {unknown:#x}"
    newer = newer_than_kernel(flags, CloneNew) or newer_than_kernel(flags, CloneMounts)
    if newer:
        return newer
    for flag, kind in KINDS.items():
        if flags & flag and namespace_link("user") and not namespace_link(kind):
            return f"{names_of(flag)}: this kernel is built without {kind} namespaces"
    if flags & CLONE_NEWPID and children_elsewhere():
        return (
            "CLONE_NEWPID: the children of this thread are in another pid namespace already, and only they can make "
            "one in there"
        )
    unseen = blind()
    if unseen and not flags & _SINGLE:
        return (
            "this kernel is built without one of the namespaces, or the children of this thread are in another pid "
            f"namespace already ({unseen})"
        )
    if not flags & _SINGLE:
        return "the kernel or a seccomp filter refuses it, for a reason that the manual page does not list"
    if len(thread_names()) == 1:
        return f"{names_of(flags & _SINGLE)}: another process shares the memory of this one, or a thread is ending"
    return (
        f"{names_of(flags & _SINGLE)} needs a process with a single thread, and {_threads()}. Call it before threads "
        "start (numpy starts some when it is imported), or in a forked child"
    )


def _user_denied() -> str:
    """Return a sentence about EPERM of a new user namespace."""
    unseen = blind()
    if unseen:
        return (
            "CLONE_NEWUSER is not allowed in a chroot, nor to a process whose ids do not have a mapping in its user "
            f"namespace; or a sysctl, a seccomp filter or a security module forbids it ({unseen})"
        )
    for kind, number, what in ("uid", os.geteuid(), "user"), ("gid", os.getegid(), "group"):
        if not mapped(kind, number):
            return (
                f"CLONE_NEWUSER: the {what} id of this process, shown as {number}, does not have a mapping in its user "
                f"namespace; write /proc/{os.getpid()}/{kind}_map first, as butter.clone.map_ids() does"
            )
    reason = restricted()
    if reason:
        return reason
    mounts = text_of("/proc/thread-self/mountinfo").splitlines()
    if mounts and not any(line.split()[4] == "/" for line in mounts):
        return (
            "CLONE_NEWUSER is not allowed in a chroot: the root directory of this process is not that of its mount "
            "namespace; pivot_root() does not have this effect"
        )
    if status_field("Seccomp") == "2":
        return "a seccomp filter is in force (as in containers) and does not allow CLONE_NEWUSER"
    # the kernel has no other reason
    return (
        "CLONE_NEWUSER is not allowed in a chroot, and a mount that is not the root of the mount namespace is the root "
        "directory here; or a security module does not allow it"
    )


def _unshare_denied(flags: int, **_: object) -> str:
    if flags & CLONE_NEWUSER:
        return _user_denied()
    if capable(CAP_SYS_ADMIN):
        return NOT_ALLOWED
    reason = restricted()
    but = f", but {reason}" if reason else ""
    return f"{names_of(flags)} needs CAP_SYS_ADMIN; CLONE_NEWUSER in the same call makes that unnecessary{but}"


def _exhausted(flags: int, **_: object) -> str:
    asked = {kind: sysctl(f"user.max_{kind}_namespaces") for flag, kind in KINDS.items() if flags & flag}
    used_up = [kind for kind, value in asked.items() if value == 0]
    if not used_up:
        if "pid" in asked and len(status_field("NSpid").split()) >= _MOST_PID_LEVELS:
            return "CLONE_NEWPID: pid namespaces cannot be nested deeper than 32 levels"
        # a limit that was never set here does not stop anything
        if asked.get("user") == _UNSET and not in_first_user_namespace():
            return (
                f"CLONE_NEWUSER: user namespaces cannot be nested deeper than {_MOST_USER_LEVELS} levels. (If this one "
                "is not so deep, user.max_user_namespaces of a user namespace above it is reached; "
                f"here it is {_UNSET}.)"
            )
    limits = "; ".join(raise_sysctl(f"user.max_{kind}_namespaces") for kind in used_up or asked)
    nested = "" if used_up or not blind() else f", or they are nested as deep as can be ({blind()})"
    return f"this user can make no more namespaces of this kind: {limits}{nested}"


def _table_too_large(**_: object) -> str:
    return (
        "CLONE_FILES: a descriptor of this process has a number that is not allowed any more; "
        f"{raise_sysctl('fs.nr_open')}"
    )


def _module_denied(**_: object) -> str:
    unseen = blind()
    return restricted() or f"a security module{' or a sysctl' * bool(unseen)} does not allow it"


UNSHARE = Errors(
    "unshare",
    {
        errno.EACCES: (PermissionError, _module_denied),
        errno.EINVAL: (InvalidArgument, _unshare_refused),
        errno.EMFILE: (OSError, _table_too_large),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSPC: (NamespacesExhausted, _exhausted),
        errno.EPERM: (PermissionError, _unshare_denied),
        errno.EUSERS: (NamespacesExhausted, _exhausted),
    },
)


# setns


def kind_of(fd: int) -> int:
    """Return the kind of namespace that a descriptor is, 0 if it is another file."""
    return max(0, lib.ns_ioctl(fd, NS_GET_NSTYPE))


def _is_pidfd(fd: int) -> bool:
    # the link of older kernels, and that of pidfs (Linux 6.9)
    return (link_of(fd) or "").startswith(("anon_inode:[pidfd]", "pidfd:"))


def pid_of(fd: int) -> int:
    """Return the process of a pidfd: -1 if it has ended, 0 if *fd* is not a pidfd."""
    return int(fields_of(fd).get("Pid", ["0"])[0])


def _is_own(fd: int, kind: str) -> bool:
    """Return whether this thread is already in the namespace that setns would join."""
    target = namespace_link(kind, pid_of(fd)) if _is_pidfd(fd) else link_of(fd)
    return bool(target) and target == namespace_link(kind)


def _setns_refused(fd: int, nstype: int, **_: object) -> str:
    unknown = nstype & ~_ANY_KIND & 0xFFFFFFFF
    if unknown:
        return f"nstype has unknown bits {unknown:#x}; it may be SETNS_ANY, or CLONE_NEWNET and its like"
    newer = newer_than_kernel(nstype, CloneNew)
    if newer:
        return newer
    joined = kind_of(fd)
    if _is_pidfd(fd):
        if running_kernel() < (5, 8):
            return f"descriptor {fd} is a pidfd, which setns takes since Linux 5.8"
        if not nstype:
            return f"descriptor {fd} is a pidfd: nstype has to say which namespaces of the process (CLONE_NEWNET | …)"
        joined = nstype
    elif not joined:
        link = link_of(fd)
        if link is not None:
            return f"descriptor {fd} is neither a namespace nor a pidfd, but {link!r}"
        return (
            f"descriptor {fd} is not a namespace; if it is a pidfd, nstype has to say which namespaces of the process "
            "are joined, and CLONE_NEWUSER and CLONE_NEWNS need a process with a single thread (/proc is not mounted, "
            "which would tell)"
        )
    elif nstype not in (0, joined):
        several = "; several kinds at once need a pidfd" if nstype & joined else ""
        return (
            f"descriptor {fd} is {a_namespace(joined)} ({names_of(joined)}), but nstype is {names_of(nstype)}{several}"
        )
    if joined & CLONE_NEWUSER:
        threads, own = thread_names(), _is_own(fd, "user")
        if threads[1:] or not (threads or own):
            return f"a user namespace is joined by a process with a single thread alone, and {_threads()}"
        if own:
            return f"the thread is in the user namespace of descriptor {fd} already"
    if joined & (CLONE_NEWNS | CLONE_NEWUSER):
        return (
            "a thread that shares its root and working directory cannot join a mount namespace, and "
            f"{_threads()}. butter.clone.run_in() enters it on a thread of its own; unshare(CLONE_FS) ends the sharing"
        )
    return f"the pid namespace of descriptor {fd} is neither that of this process nor below it"


def _setns_denied(fd: int, nstype: int, present: bool = False, **_: object) -> str:
    kind, owner = kind_of(fd), -1
    if kind:
        owner = lib.ns_ioctl(fd, NS_GET_USERNS)
        if owner == -1 - errno.EPERM:
            where = "is not below" if kind == CLONE_NEWUSER else "belongs to a user namespace outside"
            # a thread that enters for a while has looked whether it may come back
            whose = "that the thread is in, and could not enter again," if present else f"of descriptor {fd}"
            return f"the {KINDS.get(kind)} namespace {whose} {where} the user namespace of this process"
        if owner >= 0:
            os.close(owner)
    mounts = (kind or nstype) & CLONE_NEWNS
    if owner >= 0 and capable(CAP_SYS_ADMIN) and (not mounts or capable(CAP_SYS_CHROOT)):
        return NOT_ALLOWED
    needs = "CAP_SYS_ADMIN and CAP_SYS_CHROOT" if mounts else "CAP_SYS_ADMIN"
    if kind == CLONE_NEWUSER:
        return f"setns needs {needs} in the user namespace that is joined"
    trace = "" if kind else ", and the right to trace the process of the pidfd"
    return f"setns needs {needs}, here and in the user namespace that owns what is joined{trace}"


SETNS = Errors(
    "setns",
    {
        errno.EACCES: (PermissionError, "no permission to go back to the root or working directory"),
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _setns_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.EPERM: (PermissionError, _setns_denied),
        errno.ESRCH: (ProcessLookupError, lambda fd, **_: f"the process of the pidfd, descriptor {fd}, has ended"),
        errno.EUSERS: (
            OSError,
            lambda **_: f"a time namespace is joined by a process with a single thread alone, and {_threads()}",
        ),
    },
    since="3.0",
)


# namespaces as files


def _not_found(path: Path | None, **_: object) -> str:
    text = os.fsdecode(path or "")
    if text.startswith("/proc/") and not namespace_link("user"):
        return "/proc is not mounted here"
    found = re.fullmatch(r"(/proc/[^/]+(?:/task/\d+)?)/ns/(\w+)", text)
    if not found:
        return "the path does not exist"
    directory, kind = found.groups()
    if not os.path.exists(directory):
        return "the process does not exist (any more)"
    if kind.endswith("_for_children"):
        return "no child was made yet in the namespace that unshare made for children"
    if not os.path.lexists(text):
        return f"this kernel does not have {kind} namespaces"
    return "the process has ended"


def _not_a_namespace(path: Path | None = None, fd: int = -1, **_: object) -> str:
    if path is None:
        if _is_pidfd(fd):
            return f"the process of descriptor {fd} cannot be read in /proc/self/fdinfo: no descriptor may be left"
        return f"descriptor {fd} is not a pidfd" + ("" if has_proc() else ", or is one, but /proc is not mounted here")
    return "the path is not a namespace, as /proc/self/ns/net is and bind mounts of it"


OPEN = Errors(
    "open of a namespace",
    {
        **NEW_DESCRIPTOR,
        **PATH,
        errno.EACCES: (
            PermissionError,
            "no permission to search a directory of the path, or to trace the process (CAP_SYS_PTRACE)",
        ),
        errno.EINVAL: (InvalidArgument, _not_a_namespace),
        errno.ENOENT: (PathNotFound, _not_found),
        errno.ESRCH: (ProcessLookupError, "the process has ended"),
    },
)


def _outside(request: int, **_: object) -> str:
    what = "the parent namespace does not exist, or is" if request == NS_GET_PARENT else "the user namespace is"
    return f"{what} outside the namespace of this process, which may not look there"


def _unknown_request(fd: int, request: int, **_: object) -> str:
    if not kind_of(fd):
        link = link_of(fd)
        return f"descriptor {fd} is not a namespace" + ("" if link is None else f", but {link!r}")
    since = {NS_GET_ID: "6.18", NS_GET_MNTNS_ID: "6.11"}.get(request, "4.11")
    return f"this kernel is older than Linux {since}, which brought the request {request:#x}"


def _no_parent(fd: int, **_: object) -> str:
    return (
        f"{a_namespace(kind_of(fd))} does not have this: only user and pid namespaces have parents, user namespaces an "
        "owner"
    )


IOCTL = Errors(
    "ioctl of a namespace",
    {
        **NEW_DESCRIPTOR,
        errno.EBADF: BAD_DESCRIPTOR,
        errno.EINVAL: (InvalidArgument, _no_parent),
        errno.ENOTTY: (InvalidArgument, _unknown_request),
        errno.EPERM: (PermissionError, _outside),
    },
)
