"""The options of spawn: each is checked here, and becomes steps of the child."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import struct
import termios
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fsencode
from butter._checks import DESCRIPTOR, descriptor, limits_of, listed, number, refuse, switch
from butter._clone_errors import UNSHARE, a_namespace, kind_of
from butter._clone_spawn_c import lib
from butter._clone_spawn_descriptors import STREAM_NAMES
from butter._clone_spawn_errors import (
    ARGV,
    CAPABILITIES,
    CGROUP,
    CWD,
    FOREGROUND,
    GROUP,
    GROUPS,
    JOINED,
    LANDLOCK,
    MAPPED,
    NAMESPACES,
    NEW_SESSION,
    NICE,
    NO_NEW_PRIVS,
    OPENED,
    PASS_FDS,
    PDEATHSIG,
    PROCESS_GROUP,
    RLIMITS,
    SECCOMP,
    SIGNALS,
    STREAMS,
    UMASK,
    USER,
    check_open,
)
from butter._constants.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CloneNew,
)

# not _constants.prctl: the classes in it would add a sixth to the time of an import
from butter._prctl_c import lib as prctl
from butter._system_errors import SETHOSTNAME

if TYPE_CHECKING:
    from typing import Any, Union

    from butter._arguments import FileDescriptor, HasFileno, Path
    from butter._clone_spawn_descriptors import Descriptors
    from butter._clone_steps import Steps
    from butter._fence import Fence, Fenced

    Id = Union[int, str]
    Namespaces = Union[int, HasFileno, Iterable[Union[int, HasFileno]]]

_CAPABILITY_VERSION = 0x20080522
# -1 to setresuid and its like
_UNCHANGED = (1 << 32) - 1

_ANY_KIND = sum(CloneNew)

# what Python itself ignores; a program expects that they are not ignored
_IGNORED_BY_PYTHON = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1


def arguments_of(argv: Iterable[Path]) -> list[bytes]:
    """Return the program and its arguments, as C has them."""
    entries = listed(argv, "argv", "str, bytes or paths", ordered=True)
    return [fsencode(entry, f"argv[{number}]") for number, entry in enumerate(entries)]


# namespaces


class Joined(NamedTuple):
    """A namespace that the child joins."""

    kind: int
    fd: int


def namespaces_of(namespaces: Namespaces) -> tuple[int, list[Joined]]:
    """Return the CLONE_NEW bits, and the namespaces to join in their order."""
    form, name = "CLONE_NEW bits or an object as Namespace", "an entry of namespaces"
    entries: Any = namespaces
    # a namespace that open() has opened can be iterated too
    if isinstance(namespaces, int) or hasattr(namespaces, "fileno"):
        entries, name = [namespaces], "namespaces"
    new, joined = 0, []
    for entry in listed(entries, "namespaces", "CLONE_NEW bits and objects as Namespace", ordered=True):
        if isinstance(entry, int):
            new |= number(entry, 32, name, form)
        else:
            fd = descriptor(entry, name, form)
            kind = kind_of(fd)
            if not kind:
                raise ValueError(f"namespaces: descriptor {fd} is not a namespace")
            joined.append(Joined(kind, fd))
    if new & ~_ANY_KIND:
        raise ValueError(
            f"namespaces has the unknown bits {new & ~_ANY_KIND:#x}: a number is bits of CLONE_NEW, and a namespace to "
            "join is an object as Namespace"
        )
    kinds = [kind for kind, _fd in joined]
    for kind in kinds:
        if kind & new or kinds.count(kind) > 1:
            raise ValueError(f"namespaces has {a_namespace(kind)} twice, and a program is in one of each kind")
    return new, joined


def own_memory(joined: list[Joined]) -> bool:
    """Return whether a child in shared memory cannot, or must not, join these."""
    return any(kind in (CLONE_NEWTIME, CLONE_NEWUSER) for kind, _fd in joined)


def needs_middle(new: int, joined: list[Joined], descriptors: Descriptors) -> bool:
    """Return whether the program's process can only be made after the first steps.

    That is where it has new namespaces beside joined ones, or joins a pid namespace;
    and where files are opened, as in a new user namespace the rights of root are gone.
    """
    if new & CLONE_NEWUSER and any(path != os.devnull for _stream, path, _flags in descriptors.files):
        return True
    return any(new & ~CLONE_NEWCGROUP or kind == CLONE_NEWPID for kind, _fd in joined)


def add_joined(steps: Steps, joined: list[Joined]) -> None:
    """The namespaces to join."""
    for place, (kind, fd) in enumerate(joined):
        after_user = any(before == CLONE_NEWUSER for before, _fd in joined[:place])
        steps.add("namespaces", JOINED, lib.SYS_setns, fd, kind, fd=fd, nstype=kind, after_user=after_user)


def add_child(steps: Steps, new: int, shares_memory: bool) -> None:
    """The child that a middle child makes, and which does all further steps."""
    steps.add("namespaces", NAMESPACES, lib.STEP_CHILD, int(shares_memory), flags=new, joined=True)


def add_go(steps: Steps, mapped: bool) -> None:
    """The wait for the parent."""
    steps.add("uid_map" if mapped else "namespaces", MAPPED if mapped else NAMESPACES, lib.STEP_GO)


def opened(given: FileDescriptor, name: str, form: str = DESCRIPTOR) -> int:
    """Return the number of a descriptor that is open."""
    fd = descriptor(given, name, form)
    check_open([(name, fd)])
    return fd


def add_cgroup(steps: Steps, cgroup: int | Path | None, descriptors: Descriptors) -> int:
    """The control group. Returns a descriptor of it, or -1."""
    if cgroup is None:
        return -1
    fd = cgroup if isinstance(cgroup, int) else descriptors.directory(cgroup)
    steps.add("cgroup", CGROUP, lib.STEP_CGROUP, fd)
    return fd


def add_cgroup_namespace(steps: Steps, new: int) -> None:
    """The new cgroup namespace, whose root is the cgroup that the child is in."""
    if new & CLONE_NEWCGROUP:
        steps.add("namespaces", UNSHARE, lib.SYS_unshare, CLONE_NEWCGROUP, flags=CLONE_NEWCGROUP)


def add_guard(steps: Steps) -> None:
    """The end of the child, if the thread dies that waits for it.

    A new process does not inherit this, and it is lost where rights are gained.
    """
    steps.add("pdeathsig", PDEATHSIG, lib.STEP_DEATH, signal.SIGKILL, 0, signal=signal.SIGKILL)


# the session, and what the program sees


def add_session(steps: Steps, new: bool, group: int | None, terminal: int | None) -> None:
    """The new session, the process group, and the foreground of a terminal."""
    group = None if group is None else number(group, 31, "process_group")
    if switch(new, "new_session") and group:
        raise ValueError("new_session makes a process group too: process_group must be None")
    if new:
        steps.add("new_session", NEW_SESSION, lib.SYS_setsid)
    elif group is not None:
        steps.add("process_group", PROCESS_GROUP, lib.SYS_setpgid, 0, group)
    if terminal is not None:
        if new:
            # a new session does not have a terminal yet
            steps.add("foreground", FOREGROUND, lib.SYS_ioctl, terminal, termios.TIOCSCTTY, 0, fd=terminal)
        steps.add("foreground", FOREGROUND, lib.STEP_FOREGROUND, terminal, fd=terminal)


def add_hostname(steps: Steps, hostname: str | bytes | None, new: int) -> None:
    """The host name of a new UTS namespace."""
    if hostname is None:
        return
    if not isinstance(hostname, (str, bytes)):
        refuse(hostname, "hostname", "str or bytes")
    if not new & CLONE_NEWUTS:
        raise ValueError("hostname needs CLONE_NEWUTS in namespaces: it would be that of the whole machine")
    name = fsencode(hostname, "hostname")
    if len(name) > 64:
        raise ValueError(f"hostname has {len(name)} bytes; at most 64 are allowed")
    steps.add("hostname", SETHOSTNAME, lib.SYS_sethostname, name, len(name), name=name)


def add_limits(
    steps: Steps,
    cwd: Path | None,
    umask: int | None,
    nice: int | None,
    rlimits: Mapping[int, tuple[int, int]] | None,
    hidden: str,
) -> None:
    """The working directory, the umask, the priority and the limits."""
    if cwd is not None:
        steps.add("cwd", CWD, lib.SYS_chdir, fsencode(cwd, "cwd"), path=cwd, hidden=hidden)
    if umask is not None:
        steps.add("umask", UMASK, lib.SYS_umask, number(umask, 9, "umask"))
    if nice is not None:
        steps.add("nice", NICE, lib.STEP_NICE, number(nice, -32, "nice"))
    for limit, (soft, hard) in limits_of(rlimits).items():
        new = struct.pack("=QQ", soft, hard)
        steps.add("rlimits", RLIMITS, lib.SYS_prlimit64, 0, limit, new, None, limit=limit, soft=soft, hard=hard)


# descriptors


def add_files(steps: Steps, descriptors: Descriptors) -> None:
    """The files of the streams."""
    for stream, path, flags in descriptors.files:
        name = STREAM_NAMES[stream]
        steps.add(name, OPENED[stream], lib.STEP_OPEN, stream, fsencode(path, name), flags, path=path)


def add_kept(steps: Steps, descriptors: Descriptors) -> None:
    """Copies of what the program has, past all its numbers."""
    steps.add("pass_fds", PASS_FDS, lib.STEP_KEEP, kept=descriptors.kept)


def add_streams(steps: Steps) -> None:
    """The descriptors of the program in their places."""
    steps.add("streams", STREAMS, lib.STEP_STREAMS)


# ids and capabilities


def _number_of(given: Id, name: str) -> int:
    """Return the number of a user or group, which may be a name."""
    if not isinstance(given, str):
        found = number(given, 32, "an entry of groups" if name == "groups" else name, "a number or a name")
        if found == _UNCHANGED:
            raise ValueError(f"{name} is {found}, which stands for no change and is not an id")
        return found
    try:
        return pwd.getpwnam(given).pw_uid if name == "user" else grp.getgrnam(given).gr_gid
    except (KeyError, ValueError):  # the latter is for a name with a NUL in it
        pass
    raise ValueError(f"{name}: there is no {'user' if name == 'user' else 'group'} {given!r} on this system")


def add_ids(
    steps: Steps, groups: Iterable[Id] | None, group: Id | None, user: Id | None, keep_capabilities: bool
) -> None:
    """The groups, the group and the user: the last to change ends the right to."""
    if keep_capabilities:
        steps.add("capabilities", CAPABILITIES, lib.SYS_prctl, prctl.PR_SET_KEEPCAPS, 1, 0, 0, 0)
    if groups is not None:
        numbers = [_number_of(each, "groups") for each in listed(groups, "groups", "numbers and names")]
        packed = struct.pack(f"={len(numbers)}I", *numbers)
        steps.add("groups", GROUPS, lib.SYS_setgroups, len(numbers), packed, numbers=numbers)
    if group is not None:
        gid = _number_of(group, "group")
        steps.add("group", GROUP, lib.SYS_setresgid, gid, gid, gid, id=gid)
    if user is not None:
        uid = _number_of(user, "user")
        steps.add("user", USER, lib.SYS_setresuid, uid, uid, uid, id=uid)


def capability_mask(capabilities: Iterable[int] | None) -> int | None:
    """Return the capabilities as bits, or None."""
    if capabilities is None:
        return None
    entries = listed(capabilities, "capabilities", "numbers as Capability.NET_RAW")
    name, form = "an entry of capabilities", "a number as Capability.NET_RAW"
    return sum({1 << number(entry, 6, name, form) for entry in entries})


def add_capabilities(steps: Steps, mask: int | None, fenced: bool) -> None:
    """Keep the capabilities of *mask*, through the exec too, and none beside them.

    Behind a fence the bounding set does not matter, because no_new_privs is set: not to
    empty it saves a tenth of the time, and needs no CAP_SETPCAP.
    """
    if mask is None:
        return
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    data = struct.pack("=6I", low, low, low, high, high, high)
    steps.add("capabilities", CAPABILITIES, lib.STEP_RAISE)
    if not fenced:
        steps.add("capabilities", CAPABILITIES, lib.STEP_BOUND, mask)
    steps.add("capabilities", CAPABILITIES, lib.SYS_capset, header, data)
    ambient = "capabilities", CAPABILITIES, lib.SYS_prctl, prctl.PR_CAP_AMBIENT
    steps.add(*ambient, prctl.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        if mask >> capability & 1:
            steps.add(*ambient, prctl.PR_CAP_AMBIENT_RAISE, capability, 0, 0)


# the last steps


def _signal(given: int, name: str) -> int:
    found = number(given, -32, name, "a signal as signal.SIGTERM")
    if not 1 <= found <= 64:
        raise ValueError(f"{name} is {found}, and signals are 1 to 64")
    return found


def add_death_signal(steps: Steps, given: int | None) -> None:
    """The signal that the program gets when the thread dies that has started it."""
    wanted = 0 if given is None else _signal(given, "pdeathsig")
    steps.add("pdeathsig", PDEATHSIG, lib.STEP_DEATH, wanted, int(given is not None), signal=wanted)


def add_no_new_privs(steps: Steps, wanted: bool) -> None:
    """No program that is executed from there on has more rights than this one."""
    if switch(wanted, "no_new_privs"):
        steps.add("no_new_privs", NO_NEW_PRIVS, lib.SYS_prctl, prctl.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def add_signals(steps: Steps, blocked: Iterable[int]) -> None:
    """The signals that the program blocks; handlers do not outlive the exec."""
    mask = 0
    for entry in listed(blocked, "signals", "signals"):
        found = _signal(entry, "an entry of signals")
        if found in (signal.SIGKILL, signal.SIGSTOP):
            raise ValueError(f"signals: no program blocks {signal.Signals(found).name}")
        mask |= 1 << found - 1
    steps.add("signals", SIGNALS, lib.STEP_SIGNALS, _IGNORED_BY_PYTHON, mask)


def fence_of(sandbox: Fenced, mask: int | None, cgroup: object) -> Fence:
    """Return the fences of a sandbox, unless another option is in their way."""
    if not hasattr(sandbox, "_fence") or isinstance(sandbox, type):
        refuse(sandbox, "sandbox", "a butter.sandbox.Sandbox or None")
    if mask:
        raise ValueError("capabilities must be None or empty: the sandbox drops all of them")
    fence = sandbox._fence()
    if fence.cgroup is not None and cgroup is not None:
        sandbox._release(fence)
        raise ValueError("cgroup must be None: the program is in that of the sandbox, which has limits")
    return fence


def add_fence(steps: Steps, fence: Fence | None) -> None:
    """The fences of a sandbox. Nothing comes after the filters but the exec."""
    if fence is None:
        return
    if fence.ruleset is not None:
        steps.add("sandbox", LANDLOCK, lib.STEP_LANDLOCK, fence.ruleset_flags)
    for filter in fence.filters:
        steps.add("sandbox", SECCOMP, lib.STEP_SECCOMP, filter, len(filter) // 8, fence.filter_flags)


class Program(NamedTuple):
    """The program that the child executes."""

    argv: list[bytes]
    candidates: list[bytes]  # the first of these paths that there is
    variables: list[bytes]


def program_of(argv: list[bytes], env: Mapping[Any, Any] | None, path: Path | None) -> Program:
    """Return the program, as it is looked for on the search path."""
    if not argv:
        raise ValueError("argv is empty: its first entry is the program")
    program = argv[0]
    if not program:
        raise ValueError("argv[0], which is the program, is empty")
    if env is None:
        # the dict behind os.environb: to copy that one, name by name, takes as long as
        # all other preparations
        environment = dict(getattr(os.environb, "_data", os.environb))
    else:
        if not isinstance(env, Mapping):
            refuse(env, "env", "a mapping {name: value}")
        environment = {}
        for name, value in env.items():
            # the sentences have no value, of this variable or another: some are secret
            for text, what in (name, "a name"), (value, f"the value of {name!r}"):
                if not isinstance(text, (str, bytes, os.PathLike)):
                    refuse(text, f"env: {what}", "str or bytes")
            encoded, content = os.fsencode(name), os.fsencode(value)
            if not encoded or b"=" in encoded or b"\0" in encoded:
                raise ValueError(f"env: {name!r} is not the name of a variable: it is empty, or has '=' or a NUL in it")
            if b"\0" in content:
                raise ValueError(f"env: embedded null byte in the value of {name!r}")
            environment[encoded] = content
    search = environment.get(b"PATH", os.fsencode(os.defpath)) if path is None else fsencode(path, "path")
    candidates = [program] if b"/" in program else [os.path.join(each or b".", program) for each in search.split(b":")]
    return Program(argv, candidates, list(map(b"=".join, environment.items())))


def check_program(sandbox: Fenced, program: Program, cwd: Path | None) -> None:
    """Have the sandbox look at the program, as far as its path is known here."""
    sandbox._check_program([path for path in program.candidates if cwd is None or path.startswith(b"/")])


def add_exec(steps: Steps, program: Program, hidden: str, fenced: bool) -> None:
    """The exec."""
    argv, candidates, variables = program
    about = {"path": os.fsdecode(argv[0]), "hidden": hidden, "fenced": fenced}
    steps.add("argv", ARGV, lib.STEP_EXEC, candidates, argv, variables, **about)
