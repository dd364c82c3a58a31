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

from butter._arguments import fileno, fsencode, integer
from butter._clone_errors import SETNS, UNSHARE, kind_of
from butter._clone_spawn_c import lib
from butter._clone_spawn_errors import (
    ARGV,
    CAPABILITIES,
    CGROUP,
    CWD,
    FOREGROUND,
    GROUP,
    GROUPS,
    MAPPED,
    NEW_SESSION,
    NICE,
    NO_NEW_PRIVS,
    PASS_FDS,
    PDEATHSIG,
    PROCESS_GROUP,
    RLIMITS,
    ROOT,
    SIGNALS,
    SPAWN,
    STREAMS,
    UMASK,
    USER,
)
from butter._constants.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CloneNew,
)
from butter._constants.prctl import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAP_AMBIENT_RAISE,
    PR_SET_KEEPCAPS,
    PR_SET_NO_NEW_PRIVS,
)
from butter._system_errors import MOUNT, SETHOSTNAME
from butter._system_mounts_errors import MOVE_MOUNT
from butter._system_umount_errors import PIVOT_ROOT, UMOUNT
from butter.system import AT_FDCWD, MNT_DETACH, MOVE_MOUNT_F_EMPTY_PATH, MS_BIND, MS_PRIVATE, MS_REC, _options

if TYPE_CHECKING:
    from typing import Any, Union

    from butter._arguments import FileDescriptor, HasFileno, Path
    from butter._clone_spawn_descriptors import Descriptors
    from butter._clone_steps import Steps

    Id = Union[int, str]
    Namespaces = Union[int, HasFileno, Iterable[Union[int, HasFileno]]]

_CAPABILITY_VERSION = 0x20080522
_INFINITY = (1 << 64) - 1
# -1 to setresuid and its like
_UNCHANGED = (1 << 32) - 1

_ANY_KIND = sum(CloneNew)

# what Python itself ignores; a program expects that they are not ignored
_IGNORED_BY_PYTHON = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1


def texts(values: Iterable[Path], name: str) -> list[bytes]:
    """Return the strings of a list, as C has them."""
    if not isinstance(values, (list, tuple)) and (isinstance(values, (str, bytes)) or not isinstance(values, Iterable)):
        raise TypeError(f"{name} must be a list of str, bytes or paths, not {type(values).__name__}")
    return [fsencode(value) for value in values]


# namespaces


class Joined(NamedTuple):
    """A namespace that the child joins."""

    kind: int
    fd: int


def namespaces_of(namespaces: Namespaces) -> tuple[int, list[Joined]]:
    """Return the CLONE_NEW bits, and the namespaces to join in their order."""
    # a namespace that open() has opened can be iterated too
    one = isinstance(namespaces, int) or hasattr(namespaces, "fileno")
    entries: Iterable[Any] = [namespaces] if one else namespaces  # type: ignore[assignment]
    new, joined = 0, []
    for entry in entries:
        if isinstance(entry, int):
            new |= integer(entry, 32, "namespaces")
        else:
            fd = fileno(entry)
            kind = kind_of(fd)
            if not kind:
                raise ValueError(f"descriptor {fd} in namespaces is not a namespace")
            joined.append(Joined(kind, fd))
    if new & ~_ANY_KIND:
        raise ValueError(f"namespaces has the unknown bits {new & ~_ANY_KIND:#x}; it takes those of CLONE_NEW")
    twice = {kind for kind, _fd in joined if kind & new}
    if twice:
        raise ValueError("namespaces has one of a kind that is new, and another of this kind to join")
    return new, joined


def own_memory(joined: list[Joined]) -> bool:
    """Return whether a child in shared memory cannot, or must not, join these."""
    return any(kind in (CLONE_NEWTIME, CLONE_NEWUSER) for kind, _fd in joined)


def needs_middle(new: int, joined: list[Joined]) -> bool:
    """Return whether the program's process can only be made once these were joined."""
    return any(new & ~CLONE_NEWCGROUP or kind == CLONE_NEWPID for kind, _fd in joined)


def add_joined(steps: Steps, joined: list[Joined]) -> None:
    """The namespaces to join."""
    for kind, fd in joined:
        steps.add("namespaces", SETNS, lib.SYS_setns, fd, kind, fd=fd, nstype=kind)


def add_child(steps: Steps, new: int, shares_memory: bool) -> None:
    """The child that a middle child makes, and which does all further steps."""
    steps.add("namespaces", SPAWN, lib.STEP_CHILD, int(shares_memory), flags=new, joined=True)


def add_go(steps: Steps, mapped: bool) -> None:
    """The wait for the parent."""
    steps.add("uid_map" if mapped else "namespaces", MAPPED if mapped else SPAWN, lib.STEP_GO)


def add_cgroup(steps: Steps, cgroup: FileDescriptor | Path | None, descriptors: Descriptors) -> int:
    """The control group. Returns a descriptor of it, or -1."""
    if cgroup is None:
        return -1
    fd = descriptors.directory(cgroup) if isinstance(cgroup, (str, bytes, os.PathLike)) else fileno(cgroup)
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


def add_session(steps: Steps, new: bool, group: int | None, terminal: FileDescriptor | None) -> None:
    """The new session, the process group, and the foreground of a terminal."""
    if new and group:
        raise ValueError("new_session makes a process group too: process_group must be None")
    if new:
        steps.add("new_session", NEW_SESSION, lib.SYS_setsid)
    elif group is not None:
        steps.add("process_group", PROCESS_GROUP, lib.SYS_setpgid, 0, integer(group, 31, "process_group"))
    if terminal is not None:
        fd = fileno(terminal)
        if new:
            # a new session does not have a terminal yet
            steps.add("foreground", FOREGROUND, lib.SYS_ioctl, fd, termios.TIOCSCTTY, 0, fd=fd)
        steps.add("foreground", FOREGROUND, lib.STEP_FOREGROUND, fd, fd=fd)


def add_hostname(steps: Steps, hostname: str | bytes | None, new: int) -> None:
    """The host name of a new UTS namespace."""
    if hostname is None:
        return
    if not isinstance(hostname, (str, bytes)):
        raise TypeError(f"hostname must be str or bytes, not {type(hostname).__name__}")
    if not new & CLONE_NEWUTS:
        raise ValueError("hostname needs CLONE_NEWUTS in namespaces: it would be that of the whole machine")
    name = fsencode(hostname, "hostname")
    if len(name) > 64:
        raise ValueError(f"hostname has {len(name)} bytes; at most 64 are allowed")
    steps.add("hostname", SETHOSTNAME, lib.SYS_sethostname, name, len(name), name=name)


def add_mounts(steps: Steps, mounts: Iterable[Any], root: Path | None, new: int, joined: list[Joined]) -> None:
    """The mounts in their order, and then the root."""
    mounts = list(mounts)
    own = bool(new & CLONE_NEWNS) or any(kind == CLONE_NEWNS for kind, _fd in joined)
    if mounts and not own:
        raise ValueError("mounts needs CLONE_NEWNS in namespaces: they would be those of the whole machine")
    if new & CLONE_NEWNS:
        # as unshare(1) does: what is mounted inside must not appear outside
        _add_mount(steps, "namespaces", None, "/", None, MS_REC | MS_PRIVATE)
    for entry in mounts:
        if not isinstance(entry, (tuple, list)) or not 2 <= len(entry) <= 5:
            raise TypeError(f"mounts has tuples (source, target, fs, flags, data) or (Mount, target), not {entry!r}")
        if hasattr(entry[0], "fileno"):
            _add_detached(steps, *entry)
        else:
            _add_mount(steps, "mounts", *entry)
    if root is not None:
        # not in one that was joined, where pivot_root moves the root of all
        _add_root(steps, root, pivots=bool(new & CLONE_NEWNS))


def _add_mount(
    steps: Steps, option: str, source: Path | None, target: Path, fs: Path | None = None, flags: int = 0, data: Any = ""
) -> None:
    flags, data = integer(flags, 64, "flags"), _options(data)
    steps.add(
        *(option, MOUNT, lib.SYS_mount),
        *(None if source is None else fsencode(source), fsencode(target), None if fs is None else fsencode(fs)),
        *(flags, data or None),
        path=source,
        path2=target,
        src=None if source is None else os.fsdecode(source),
        target=os.fsdecode(target),
        fs=None if fs is None else os.fsdecode(fs),
        flags=flags,
        data=data,
    )


def _add_detached(steps: Steps, mount: HasFileno, target: Path) -> None:
    """Attach a mount that is not part of a tree yet."""
    fd, path = fileno(mount), fsencode(target)
    steps.add(
        *("mounts", MOVE_MOUNT, lib.SYS_move_mount),
        *(fd, b"", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH),
        path=target,
        from_dirfd=fd,
        from_path=b"",
        to_dirfd=AT_FDCWD,
        to_path=path,
        flags=MOVE_MOUNT_F_EMPTY_PATH,
    )


def _add_root(steps: Steps, root: Path, pivots: bool) -> None:
    path, encoded = os.fsdecode(root), fsencode(root)
    if not pivots:
        steps.add("root", ROOT, lib.SYS_chroot, encoded, path=root)
    else:
        # The new root has to be a mount point. After pivot_root the old one is on top
        # of it, until it is unmounted.
        _add_mount(steps, "root", root, root, None, MS_BIND | MS_REC)
        steps.add("root", ROOT, lib.SYS_chdir, encoded, path=root)
        steps.add("root", PIVOT_ROOT, lib.SYS_pivot_root, b".", b".", path=root, path2=root, new=path, old=path)
        steps.add("root", UMOUNT, lib.SYS_umount2, b".", MNT_DETACH, path=root, target=path, flags=MNT_DETACH)
    steps.add("root", ROOT, lib.SYS_chdir, b"/", path=root)


def add_limits(
    steps: Steps,
    cwd: Path | None,
    umask: int | None,
    nice: int | None,
    rlimits: Mapping[int, tuple[int, int]] | None,
) -> None:
    """The working directory, the umask, the priority and the limits."""
    if cwd is not None:
        steps.add("cwd", CWD, lib.SYS_chdir, fsencode(cwd), path=cwd)
    if umask is not None:
        steps.add("umask", UMASK, lib.SYS_umask, integer(umask, 9, "umask"))
    if nice is not None:
        steps.add("nice", NICE, lib.STEP_NICE, integer(nice, -32, "nice"))
    if not isinstance(rlimits, (Mapping, type(None))):
        raise TypeError(f"rlimits must be a mapping, not {type(rlimits).__name__}")
    for limit, pair in (rlimits or {}).items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"rlimits[{limit!r}] must be (soft, hard), not {pair!r}")
        soft, hard = pair
        limit = integer(limit, 31, "rlimits")
        # -1 is resource.RLIM_INFINITY
        values = [_INFINITY if value == -1 else integer(value, 64, "rlimits") for value in (soft, hard)]
        new = struct.pack("=QQ", *values)
        steps.add("rlimits", RLIMITS, lib.SYS_prlimit64, 0, limit, new, None, limit=limit, soft=soft, hard=hard)


# descriptors


def add_kept(steps: Steps, descriptors: Descriptors) -> None:
    """Copies of what the program has, past all its numbers."""
    steps.add("pass_fds", PASS_FDS, lib.STEP_KEEP, kept=descriptors.kept)


def add_streams(steps: Steps) -> None:
    """The descriptors of the program in their places."""
    steps.add("stdin", STREAMS, lib.STEP_STREAMS)


# ids and capabilities


def _number_of(given: Id, name: str) -> int:
    """Return the number of a user or group, which may be a name."""
    if not isinstance(given, str):
        number = integer(given, 32, name)
        if number == _UNCHANGED:
            raise ValueError(f"{name} is {number}, which stands for no change and is not an id")
        return number
    try:
        return pwd.getpwnam(given).pw_uid if name == "user" else grp.getgrnam(given).gr_gid
    except KeyError:
        pass
    raise ValueError(f"there is no {'user' if name == 'user' else 'group'} {given!r} on this system")


def add_ids(
    steps: Steps, groups: Iterable[Id] | None, group: Id | None, user: Id | None, keep_capabilities: bool
) -> None:
    """The groups, the group and the user: the last to change ends the right to."""
    if keep_capabilities:
        steps.add("capabilities", CAPABILITIES, lib.SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0)
    if groups is not None:
        if isinstance(groups, (str, bytes)):
            raise TypeError(f"groups must be a list of numbers or names, not {type(groups).__name__}")
        numbers = [_number_of(each, "groups") for each in groups]
        packed = struct.pack(f"={len(numbers)}I", *numbers)
        steps.add("groups", GROUPS, lib.SYS_setgroups, len(numbers), packed, numbers=numbers)
    if group is not None:
        number = _number_of(group, "group")
        steps.add("group", GROUP, lib.SYS_setresgid, number, number, number, id=number)
    if user is not None:
        number = _number_of(user, "user")
        steps.add("user", USER, lib.SYS_setresuid, number, number, number, id=number)


def capability_mask(capabilities: Iterable[int] | None) -> int | None:
    """Return the capabilities as bits, or None."""
    if capabilities is None:
        return None
    return sum({1 << integer(capability, 6, "capabilities") for capability in capabilities})


def add_capabilities(steps: Steps, mask: int | None) -> None:
    """Keep the capabilities of *mask*, through the exec too, and none beside them."""
    if mask is None:
        return
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    data = struct.pack("=6I", low, low, low, high, high, high)
    steps.add("capabilities", CAPABILITIES, lib.STEP_RAISE)
    steps.add("capabilities", CAPABILITIES, lib.STEP_BOUND, mask)
    steps.add("capabilities", CAPABILITIES, lib.SYS_capset, header, data)
    steps.add("capabilities", CAPABILITIES, lib.SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        if mask >> number & 1:
            arguments = PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0
            steps.add("capabilities", CAPABILITIES, lib.SYS_prctl, *arguments)


# the last steps


def _signal(number: int, name: str) -> int:
    if not 1 <= integer(number, -32, name) <= 64:
        raise ValueError(f"{name}: there is no signal {number}; signals are 1 to 64")
    return number


def add_death_signal(steps: Steps, number: int | None) -> None:
    """The signal that the program gets when the thread dies that has started it."""
    wanted = 0 if number is None else _signal(number, "pdeathsig")
    steps.add("pdeathsig", PDEATHSIG, lib.STEP_DEATH, wanted, int(number is not None), signal=wanted)


def add_no_new_privs(steps: Steps, wanted: bool) -> None:
    """No program that is executed from there on has more rights than this one."""
    if wanted:
        steps.add("no_new_privs", NO_NEW_PRIVS, lib.SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def add_signals(steps: Steps, blocked: Iterable[int]) -> None:
    """The signals that the program blocks; handlers do not outlive the exec."""
    if not isinstance(blocked, Iterable):
        raise TypeError(f"signals must be a list of signals, not {type(blocked).__name__}")
    mask = 0
    for number in blocked:
        if number in (signal.SIGKILL, signal.SIGSTOP):
            raise ValueError(f"signals: no program blocks {signal.Signals(number).name}")
        mask |= 1 << _signal(number, "signals") - 1
    steps.add("signals", SIGNALS, lib.STEP_SIGNALS, _IGNORED_BY_PYTHON, mask)


def add_exec(steps: Steps, argv: list[bytes], env: Mapping[Any, Any] | None, path: Path | None) -> None:
    """The exec of the first program on the search path that there is."""
    if not argv:
        raise ValueError("argv is empty: its first entry is the program")
    program = argv[0]
    if not program:
        raise ValueError("the first entry of argv, which is the program, is empty")
    if env is None:
        # the dict behind os.environb: to copy that one, name by name, takes as long as
        # all other preparations
        environment = dict(getattr(os.environb, "_data", os.environb))
    else:
        if not isinstance(env, Mapping):
            raise TypeError(f"env must be a mapping, not {type(env).__name__}")
        for what, texts_of in ("name", env.keys()), ("value", env.values()):
            for text in texts_of:
                if not isinstance(text, (str, bytes, os.PathLike)):
                    raise TypeError(f"env has a {what} of {type(text).__name__}; it must be str or bytes")
        environment = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
        for name, value in environment.items():
            if not name or b"=" in name or b"\0" in name:
                raise ValueError(f"{name!r} is not the name of an environment variable")
            # the sentence has no value, of this variable or another: some are secret
            if b"\0" in value:
                raise ValueError(f"embedded null byte in the environment variable {name!r}")
    search = environment.get(b"PATH", os.fsencode(os.defpath)) if path is None else fsencode(path)
    candidates = [program] if b"/" in program else [os.path.join(each or b".", program) for each in search.split(b":")]
    variables = list(map(b"=".join, environment.items()))
    steps.add("argv", ARGV, lib.STEP_EXEC, candidates, argv, variables, path=os.fsdecode(program))
