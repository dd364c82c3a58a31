"""The container of ``butter run``: its tree, its namespaces, and the program in them.

A mount that :class:`butter.system.Mount` makes is attached nowhere. So this process
prepares all of them, and the child attaches them in a mount namespace of its own: this
process goes on seeing the files of the machine, which Python may still have to import.
"""

from __future__ import annotations

import _socket
import contextlib
import fcntl
import os
import signal
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from butter.cli._output import printable, sentence
from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    map_ids,
    spawn,
    unshare,
)
from butter.system import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REMOUNT,
    Mount,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from butter.clone import Child

# The new root is mounted there before it becomes /, in the child's namespace alone.
PLACE = "/tmp"
# How many seconds the steps before the program may take.
TIMEOUT = 30

DIRECTORIES = "dev", "dev/pts", "dev/shm", "proc", "tmp", "usr"
PUBLIC = "dev/shm", "tmp"
DEVICES = "full", "null", "random", "tty", "urandom", "zero"
LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/ptmx": "pts/ptmx",
    "dev/stderr": "fd/2",
    "dev/stdin": "fd/0",
    "dev/stdout": "fd/1",
}
# links to /usr, or directories where the machine has no merged /usr
SYSTEM = "bin", "lib", "lib32", "lib64", "libx32", "sbin"
# parts of /usr that are not there: its links that the machine's owner chooses, as awk
# and cc, and where its libraries are
OF_USR = "/etc/alternatives", "/etc/ld.so.cache"
# what a program needs to find hosts, and to trust them
NETWORK = "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/ssl"
# Without capabilities the user root still owns these: writing one changes the machine.
OF_THE_MACHINE = "bus", "fs", "irq", "sys", "sysrq-trigger"

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


class Bind(NamedTuple):
    """A file or directory of the machine that the program sees."""

    source: str
    target: str
    writable: bool = False
    # as the user has typed it, for error texts
    option: str = ""


class Tree:
    """The mounts of a container, as the option *mounts* of spawn takes them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._root = stack.enter_context(Mount.new("tmpfs", mode="755"))
        self._root.set(nosuid=True, nodev=True)
        self.mounts: list[tuple[Any, ...]] = [(self._root, PLACE)]
        self._covered: dict[str, Mount | None] = {}
        for name in DIRECTORIES:
            os.mkdir(name, 0o755, dir_fd=self._root.fileno())
        for name in PUBLIC:
            os.chmod(name, 0o1777, dir_fd=self._root.fileno())
        for name, link in LINKS.items():
            os.symlink(link, name, dir_fd=self._root.fileno())
        self.bind(Bind("/usr", "/usr"))
        for name in SYSTEM:
            if os.path.islink(f"/{name}"):
                # relative, as it is followed before this tree is the root
                os.symlink(os.readlink(f"/{name}").lstrip("/"), name, dir_fd=self._root.fileno())
            elif os.path.isdir(f"/{name}"):
                self.bind(Bind(f"/{name}", f"/{name}"))
        for name in DEVICES:
            self._mount(stack.enter_context(Mount.clone(f"/dev/{name}")), f"/dev/{name}", directory=False)
        terminals = stack.enter_context(Mount.new("devpts", newinstance=True, ptmxmode="0666", mode="620"))
        terminals.set(nosuid=True, noexec=True)
        self._mount(terminals, "/dev/pts")
        self._add_proc()

    def _add_proc(self) -> None:
        place, flags = f"{PLACE}/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC
        self.mounts.append(("proc", place, "proc", flags))
        self._covered["/proc"] = None
        for name in OF_THE_MACHINE:
            if os.path.exists(f"/proc/{name}"):
                path = f"{place}/{name}"
                self.mounts.append((path, path, None, MS_BIND))
                self.mounts.append((None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags))

    def bind(self, bind: Bind) -> None:
        """Add a file or directory of the machine, with what is mounted below it."""
        mount = self._stack.enter_context(Mount.clone(bind.source, recursive=True))
        mount.set(readonly=True if not bind.writable else None, nosuid=True, nodev=True, recursive=True)
        self._mount(mount, bind.target, stat.S_ISDIR(os.stat(mount.fileno()).st_mode))

    def _mount(self, mount: Mount, target: str, directory: bool = True) -> None:
        """Attach *mount*, to a place that is made unless another mount has it."""
        above = [path for path in self._covered if f"{target}/".startswith(f"{path}/")]
        try:
            if not above:
                self._make(target, directory)
                place = os.stat(target[1:], dir_fd=self._root.fileno(), follow_symlinks=False)
            elif (covering := self._covered[above[-1]]) is None:
                # the /proc of the machine has the same files
                place = os.stat(target)
            elif target == above[-1]:
                place = os.stat(covering.fileno())
            else:
                place = os.stat(target[len(above[-1]) + 1 :], dir_fd=covering.fileno())
        except OSError as error:
            raise ValueError(
                f"{target!r} does not exist in the container, and cannot be made there: {error.strerror}"
            ) from error
        if stat.S_ISLNK(place.st_mode):
            raise ValueError(f"{target!r} is a link in the container")
        if stat.S_ISDIR(place.st_mode) != directory:
            kinds = ("a file", "a directory") if directory else ("a directory", "a file")
            raise ValueError(f"{target!r} is {kinds[0]} in the container, and cannot become {kinds[1]}")
        self.mounts.append((mount, PLACE + target))
        self._covered[target] = mount

    def _make(self, target: str, directory: bool) -> None:
        *parents, name = target.strip("/").split("/")
        path = ""
        for parent in [*parents, name] if directory else parents:
            path = f"{path}{parent}/"
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o755, dir_fd=self._root.fileno())
        if not directory:
            os.close(os.open(path + name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._root.fileno()))


def enter(keep_ids: bool, network: bool) -> None:
    """Make this process one that may mount: in namespaces, as the user of a new one.

    The user is root there, or with *keep_ids* itself.
    """
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS | (0 if network else CLONE_NEWNET))
    map_ids(os.getpid(), [(user if keep_ids else 0, user, 1)], [(group if keep_ids else 0, group, 1)])
    if not network:
        # the module socket around it takes as long to import as the container to start
        loopback = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
        try:
            fcntl.ioctl(loopback.fileno(), SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
        finally:
            loopback.close()


def start(
    argv: list[str],
    binds: list[Bind],
    *,
    hostname: str,
    env: Mapping[str, str],
    network: bool,
    rlimits: Mapping[int, tuple[int, int]],
    cgroup: int | None,
) -> Child:
    """Start the program, in the namespaces that :func:`enter` has not made yet."""
    with contextlib.ExitStack() as stack:
        tree = Tree(stack)
        for path in filter(os.path.exists, OF_USR + NETWORK if network else OF_USR):
            tree.bind(Bind(path, path))
        # a directory before what is in it, in whatever order the options are
        for bind in sorted(binds, key=lambda bind: bind.target.count("/")):
            with _naming(bind):
                tree.bind(bind)
        return spawn(
            argv,
            namespaces=CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
            hostname=hostname,
            mounts=tree.mounts,
            root=PLACE,
            cwd=_directory(binds),
            rlimits=rlimits,
            cgroup=cgroup,
            capabilities=(),
            no_new_privs=True,
            pdeathsig=signal.SIGKILL,
            env=env,
            timeout=TIMEOUT,
        )


@contextlib.contextmanager
def _naming(bind: Bind) -> Iterator[None]:
    """Let an error begin with the option that it comes from."""
    try:
        yield
    except OSError as error:
        cause = sentence(OSError(error.errno, os.strerror(error.errno or 0), bind.source))
        raise ValueError(f"{printable(os.fsencode(bind.option))}: {cause}") from error
    except ValueError as error:
        raise ValueError(f"{printable(os.fsencode(bind.option))}: {error}") from error


def _directory(binds: list[Bind]) -> str:
    """Return the directory that the program begins in: this one, if it is inside."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return "/"
    seen = [bind.target for bind in binds if bind.source == bind.target and os.path.isdir(bind.source)]
    return here if any(here == path or here.startswith(f"{path}/") for path in [*seen, "/usr"]) else "/"
