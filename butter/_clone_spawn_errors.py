"""The errors of spawn: a table for each option whose calls have none elsewhere."""

from __future__ import annotations

import errno
import os
import resource
from typing import TYPE_CHECKING

from butter._checks import INFINITY, limit_name
from butter._clone_errors import KINDS, SETNS, UNSHARE, a_namespace, children_elsewhere
from butter._constants.clone import CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER
from butter._descriptor import is_open
from butter.errors import (
    NEW_DESCRIPTOR,
    NO_MEMORY,
    NOT_ALLOWED,
    PATH,
    Errors,
    InvalidArgument,
    OutOfMemory,
    PathNotADirectory,
    PathNotFound,
    raise_sysctl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from butter.errors import Meaning


def as_seen(hidden: str) -> str:
    """Return a clause about a path that the program may see otherwise, and why."""
    return f", as the program sees it ({hidden})" if hidden else ""


_NO_SUCH_ID = "has no number in the user namespace of the program: its maps lack it"


def _too_many_processes(**_: object) -> str:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NPROC)
    return (
        "no more processes can be made: RLIMIT_NPROC of this user"
        f" ({'unlimited' if soft < 0 else soft}), pids.max of a cgroup, or the system's limit"
        f" ({raise_sysctl('kernel.pid_max')})"
    )


def _not_cloned(flags: int = 0, joined: bool = False, **_: object) -> str:
    if joined and children_elsewhere():
        return (
            "a pid namespace to join, and new namespaces beside those to join, need a thread whose children are in its"
            " own pid namespace; those of this thread enter another, as after unshare(CLONE_NEWPID)"
        )
    if flags & CLONE_NEWTIME:
        return "this kernel is older than Linux 5.6, which brought CLONE_NEWTIME"
    return "the kernel is built without a kind of namespace"


def _clone_missing(flags: int = 0, **_: object) -> str:
    if flags & CLONE_NEWTIME:
        return "CLONE_NEWTIME needs clone3, which Linux has since 5.3: a seccomp filter hides it"
    return _HIDDEN


def _no_memory_for_process(**_: object) -> str:
    return "the kernel has no memory for a process, or the pid namespace for children has lost its init"


_HIDDEN = "a seccomp filter hides a system call that spawn needs: clone3 and clone, socketpair, sendto or ppoll"
_NO_SOCKETS = "a filter, as RestrictAddressFamilies= of systemd, forbids the sockets of AF_UNIX that spawn needs"

#: clone itself, and the connection with the child
SPAWN = Errors(
    "spawn",
    {
        **NEW_DESCRIPTOR,
        errno.EACCES: UNSHARE.meanings[errno.EACCES],
        errno.EAFNOSUPPORT: (OSError, _NO_SOCKETS),
        errno.EAGAIN: (BlockingIOError, _too_many_processes),
        errno.EINVAL: (InvalidArgument, "the kernel is older than CLONE_PIDFD (Linux 5.2)"),
        errno.ENOMEM: (OutOfMemory, _no_memory_for_process),
        errno.ENOSYS: (OSError, _HIDDEN),
    },
)
#: clone, where it makes namespaces too
NAMESPACES = Errors(
    "spawn(namespaces)",
    {
        **SPAWN.meanings,
        errno.EINVAL: (InvalidArgument, _not_cloned),
        errno.ENOSPC: UNSHARE.meanings[errno.ENOSPC],
        errno.ENOSYS: (OSError, _clone_missing),
        errno.EPERM: UNSHARE.meanings[errno.EPERM],
        errno.EUSERS: UNSHARE.meanings[errno.EUSERS],
    },
)


def of_clone(number: int, flags: int, cgroup: int) -> Errors:
    """Return the table for errno *number* of clone.

    It makes the namespaces *flags*, and joins the control group *cgroup*, if any.
    """
    if cgroup >= 0 and number in _OF_CGROUP:
        return CGROUP
    return NAMESPACES if flags else SPAWN


def _not_joined(fd: int = -1, nstype: int = 0, **_: object) -> str:
    if nstype & CLONE_NEWUSER:
        return f"the user namespace of descriptor {fd} is that of this process, so the program is in it already"
    if nstype & CLONE_NEWPID:
        return f"the pid namespace of descriptor {fd} is neither that of this process nor below it"
    return f"{a_namespace(nstype)}, as descriptor {fd} is, cannot be joined: the kernel does not say why"


def _joining_denied(fd: int = -1, nstype: int = 0, after_user: bool = False, **_: object) -> str:
    if after_user:
        return (
            f"the {KINDS.get(nstype)} namespace of descriptor {fd} does not belong to the user namespace that is "
            "joined before it: put it before that one in namespaces, which needs CAP_SYS_ADMIN"
        )
    sentence = SETNS.meanings[errno.EPERM][1]
    return sentence(fd=fd, nstype=nstype) if callable(sentence) else sentence


#: the namespaces that the child joins: it has one thread, whatever this process has
JOINED = Errors(
    "spawn(namespaces): setns",
    {
        **SETNS.meanings,
        errno.EINVAL: (InvalidArgument, _not_joined),
        errno.EPERM: (PermissionError, _joining_denied),
        errno.EUSERS: (OSError, "a time namespace is not joined by a process that shares its memory"),
    },
)

MAPPED = Errors("spawn(uid_map, gid_map)", {errno.ECANCELED: (OSError, "this process went away")})


def _cgroup_denied(path: object = None, **_: object) -> str:
    if path is not None:
        return "no permission to search a directory of the path, or to read the last one"
    return "no permission to move a process into the cgroup"


def _no_cgroup(path: object = None, **_: object) -> str:
    return "the cgroup was removed, or is not one" if path is None else "the directory does not exist"


CGROUP = Errors(
    "spawn(cgroup)",
    {
        # Python's open() goes on after a signal
        **{number: PATH[number] for number in PATH.keys() - {errno.EINTR}},
        errno.EMFILE: NEW_DESCRIPTOR[errno.EMFILE],
        errno.ENFILE: NEW_DESCRIPTOR[errno.ENFILE],
        errno.EACCES: (PermissionError, _cgroup_denied),
        errno.EAGAIN: (BlockingIOError, "a limit of the cgroup does not allow it now"),
        errno.EBADF: (InvalidArgument, "it is not a directory of cgroup2"),
        errno.EBUSY: (OSError, "the cgroup gives controllers to its children, and so cannot have processes itself"),
        errno.ENODEV: (OSError, "the cgroup was removed"),
        errno.ENOENT: (PathNotFound, _no_cgroup),
        errno.EOPNOTSUPP: (OSError, "the cgroup is in the state 'domain invalid': its type has to be 'threaded'"),
    },
)
# those of clone
_OF_CGROUP = {errno.EACCES, errno.EBADF, errno.EBUSY, errno.ENODEV, errno.ENOENT, errno.EOPNOTSUPP}

NEW_SESSION = Errors("spawn(new_session)", {})

PROCESS_GROUP = Errors(
    "spawn(process_group)",
    {
        errno.EINVAL: (InvalidArgument, "the number is negative"),
        errno.EPERM: (PermissionError, "there is no such process group in the session of this process"),
        errno.ESRCH: (ProcessLookupError, "the process is gone"),
    },
)


def _not_a_terminal(fd: object = "", **_: object) -> str:
    return f"descriptor {fd} is not the terminal of this session"


FOREGROUND = Errors(
    "spawn(foreground)",
    {
        errno.EBADF: (InvalidArgument, lambda fd="fd", **_: f"descriptor {fd} is not open"),
        errno.EIO: (OSError, "the terminal was hung up"),
        errno.ENOTTY: (OSError, _not_a_terminal),
        errno.EPERM: (PermissionError, "the terminal is that of another session"),
        errno.ESRCH: (ProcessLookupError, "the process group of the child is gone"),
    },
)

_DIRECTORY: Mapping[int, Meaning] = {
    **PATH,
    errno.ENOENT: (PathNotFound, lambda hidden="", **_: f"the directory does not exist{as_seen(hidden)}"),
    errno.ENOTDIR: (
        PathNotADirectory,
        lambda hidden="", **_: f"a part of the path, or its end, is not a directory{as_seen(hidden)}",
    ),
}
CWD = Errors("spawn(cwd)", _DIRECTORY)
ROOT = Errors(
    "spawn(root)",
    {
        **_DIRECTORY,
        errno.EPERM: (PermissionError, "chroot needs CAP_SYS_CHROOT, which CLONE_NEWUSER in namespaces gives"),
    },
)
UMASK = Errors("spawn(umask)", {})

NICE = Errors(
    "spawn(nice)",
    {errno.EACCES: (PermissionError, "a lower value than now needs CAP_SYS_NICE, or RLIMIT_NICE")},
)


def _limit(value: int) -> str:
    """Return a limit as it is written; the highest number is resource.RLIM_INFINITY."""
    return "RLIM_INFINITY" if value == INFINITY else str(value)


def _limits_refused(limit: int = 0, soft: int = 0, hard: int = 0, **_: object) -> str:
    if soft > hard:
        return f"{limit_name(limit)}: the soft limit {_limit(soft)} is above the hard limit {_limit(hard)}"
    return f"there is no {limit_name(limit)}"


def _limit_raised(limit: int = 0, hard: int = 0, **_: object) -> str:
    now = resource.getrlimit(limit)[1] % (1 << 64)
    if hard <= now:
        return NOT_ALLOWED
    return f"{limit_name(limit)}: a hard limit of {_limit(hard)}, which is {_limit(now)} now, needs CAP_SYS_RESOURCE"


RLIMITS = Errors(
    "spawn(rlimits)",
    {
        errno.EINVAL: (InvalidArgument, _limits_refused),
        errno.EPERM: (PermissionError, _limit_raised),
    },
)


def check_open(kept: Iterable[tuple[str, int]]) -> None:
    """Raise if one of the descriptors, each after its option, is not open here."""
    for option, here in kept:
        if not is_open(here):
            Errors(f"spawn({option})", PASS_FDS.meanings).fail(errno.EBADF, fd=here)


def _closed(fd: int | None = None, **_: object) -> str:
    return "a descriptor was closed meanwhile" if fd is None else f"descriptor {fd} is not open"


def _past_the_limit(kept: Sequence[tuple[int, int]] = (), **_: object) -> str:
    highest = max((there for there, _here in kept), default=0)
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"the child has no descriptor left above {highest}: RLIMIT_NOFILE is {soft}"


PASS_FDS = Errors(
    "spawn(pass_fds)",
    {
        errno.EBADF: (InvalidArgument, _closed),
        errno.EINVAL: (InvalidArgument, _past_the_limit),
        errno.EMFILE: (OSError, _past_the_limit),
    },
)

_FILE: Mapping[int, Meaning] = {
    # the call goes on after a signal
    **{number: PATH[number] for number in PATH.keys() - {errno.EINTR}},
    **NEW_DESCRIPTOR,
    errno.EACCES: (PermissionError, "no permission to open the file, or to search a directory of the path"),
    errno.EBUSY: (OSError, "the device is in use"),
    errno.EDQUOT: (OSError, "the quota of this user has no room for a file"),
    errno.EISDIR: (IsADirectoryError, "the path is a directory"),
    errno.ENODEV: (OSError, "no driver has the device"),
    errno.ENOSPC: (OSError, "the filesystem has no room for a file"),
    errno.ENXIO: (OSError, "no driver has the device, or the path is a socket"),
    errno.EPERM: (PermissionError, "the file cannot be emptied (chattr), or a filter or module of security forbids it"),
    errno.EROFS: (OSError, "the filesystem can only be read"),
    errno.ETXTBSY: (OSError, "the file is a program that runs"),
}
#: the opening of the file of each stream
OPENED = STDIN, STDOUT, STDERR = tuple(Errors(f"spawn({name})", _FILE) for name in ("stdin", "stdout", "stderr"))

#: the last step of the descriptors, which concerns all of these options
STREAMS = Errors(
    "spawn(stdin, stdout, stderr, pass_fds)",
    {
        errno.EACCES: (PermissionError, "close_range is missing (Linux 5.11), and /proc/self/fd cannot be read"),
        errno.EBADF: (
            InvalidArgument,
            "a stream, or a number of pass_fds, is not below RLIMIT_NOFILE, which rlimits may have set",
        ),
        errno.EBUSY: (OSError, "another thread was opening the descriptor"),
        errno.EMFILE: (OSError, "close_range is missing (Linux 5.11), and no descriptor is left"),
        errno.ENFILE: NEW_DESCRIPTOR[errno.ENFILE],
        errno.ENOENT: (PathNotFound, "close_range is missing (Linux 5.11), and /proc is not mounted"),
        errno.ENOMEM: NO_MEMORY,
    },
)


def _groups_refused(numbers: Sequence[int] = (), **_: object) -> str:
    most = os.sysconf("SC_NGROUPS_MAX")
    if len(numbers) > most:
        return f"{len(numbers)} groups are more than the {most} that the kernel takes"
    return f"one of the groups {_NO_SUCH_ID}"


GROUPS = Errors(
    "spawn(groups)",
    {
        errno.EINVAL: (InvalidArgument, _groups_refused),
        errno.ENOMEM: NO_MEMORY,
        errno.EPERM: (
            PermissionError,
            "it needs CAP_SETGID, and a user namespace in which setgroups is not denied, with a gid_map",
        ),
    },
)
GROUP = Errors(
    "spawn(group)",
    {
        errno.EINVAL: (InvalidArgument, lambda id=0, **_: f"group {id} {_NO_SUCH_ID}"),
        errno.EPERM: (PermissionError, "another group needs CAP_SETGID"),
    },
)
USER = Errors(
    "spawn(user)",
    {
        errno.EAGAIN: (BlockingIOError, "the user has as many processes as RLIMIT_NPROC allows"),
        errno.EINVAL: (InvalidArgument, lambda id=0, **_: f"user {id} {_NO_SUCH_ID}"),
        errno.ENOMEM: NO_MEMORY,
        errno.EPERM: (PermissionError, "another user needs CAP_SETUID"),
    },
)

CAPABILITIES = Errors(
    "spawn(capabilities)",
    {
        errno.EINVAL: (InvalidArgument, "this kernel does not know one of the capabilities"),
        errno.EPERM: (
            PermissionError,
            "this process does not have one of the capabilities; and dropping others from the bounding set needs"
            " CAP_SETPCAP",
        ),
    },
)

PDEATHSIG = Errors(
    "spawn(pdeathsig)",
    {
        errno.ECANCELED: (OSError, "this process went away"),
        errno.EINVAL: (InvalidArgument, lambda signal=0, **_: f"there is no signal {signal}"),
    },
)
NO_NEW_PRIVS = Errors(
    "spawn(no_new_privs)", {errno.EINVAL: (InvalidArgument, "this kernel does not have no_new_privs")}
)
SIGNALS = Errors("spawn(signals)", {})

#: the fences of a sandbox: its ruleset, and its filters
LANDLOCK = Errors(
    "spawn(sandbox): landlock_restrict_self",
    {
        errno.E2BIG: (
            InvalidArgument,
            "this process has 16 rulesets around it already, its own and those it inherited, and a program can have no"
            " more",
        ),
        errno.ENOMEM: NO_MEMORY,
        errno.ENOSYS: (OSError, "a seccomp filter hides the call"),
    },
)
SECCOMP = Errors(
    "spawn(sandbox): seccomp",
    {
        errno.EINVAL: (InvalidArgument, "the kernel refuses the filter, or was built without filters"),
        errno.ENOMEM: (OutOfMemory, "no memory for the filter, or those of the program are too long together"),
        errno.ENOSYS: (OSError, "a seccomp filter hides the call"),
    },
)


def _not_allowed(fenced: bool = False, **_: object) -> str:
    filter = "the filter of the sandbox does not allow execve, or " if fenced else ""
    return f"{filter}the program has capabilities or another user, which a debugger or a nosuid mount forbids"


def _not_executed(fenced: bool = False, **_: object) -> str:
    if fenced:
        return (
            "the sandbox does not have the program, or the interpreter or loader that it names, in its execute, or its"
            " filter does not allow execve"
        )
    return (
        "it is a directory, its mode or its mount (noexec) forbids it, or a directory of its path, or of the search"
        " path, cannot be searched"
    )


def _script(path: object = None, **_: object) -> str:
    return "the file is not a program for this machine; a script begins with '#!' and its interpreter"


#: the exec
ARGV = Errors(
    "spawn(argv)",
    {
        **PATH,
        errno.E2BIG: (InvalidArgument, "the arguments and the environment are too long"),
        errno.EACCES: (PermissionError, _not_executed),
        errno.EAGAIN: (BlockingIOError, "the user has more processes than RLIMIT_NPROC allows"),
        errno.EINVAL: (InvalidArgument, "the program names more than one interpreter"),
        errno.EISDIR: (IsADirectoryError, "the interpreter of the program is a directory"),
        errno.ELIBBAD: (OSError, "the interpreter of the program is not one for this machine"),
        errno.EMFILE: NEW_DESCRIPTOR[errno.EMFILE],
        errno.ENFILE: NEW_DESCRIPTOR[errno.ENFILE],
        errno.ENOENT: (
            PathNotFound,
            lambda hidden="", **_: f"the program, or the interpreter that it names, does not exist{as_seen(hidden)}",
        ),
        errno.ENOEXEC: (OSError, _script),
        errno.EPERM: (PermissionError, _not_allowed),
        errno.ETXTBSY: (OSError, "the program is open for writing"),
    },
)
