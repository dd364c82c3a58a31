"""Starting a program, with everything between clone and exec done in C.

clone_spawn.c says how the child works, and why.
"""

from __future__ import annotations

import functools
import os
import time
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, TypedDict

from butter import _clone_spawn_options as options
from butter._clone_maps import checked_ranges, map_child
from butter._clone_spawn_c import ffi, lib
from butter._clone_spawn_descriptors import DEVNULL, PIPE, STDOUT, STREAM_NAMES, Descriptors
from butter._clone_spawn_errors import SPAWN, of_clone
from butter._clone_spawn_mounts import add_mounts
from butter._clone_steps import Steps, within
from butter._constants.clone import CLONE_NEWCGROUP, CLONE_NEWUSER
from butter._descriptor import tell_of_forks
from butter._pidfd import OPEN
from butter._signals import INTERRUPTED, run_handlers
from butter.eventlike import deadline_of, timed_out
from butter.pidfd import Pidfd, _left_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import IO, Any, NoReturn

    from typing_extensions import TypeGuard

    from butter._arguments import FileDescriptor, Path
    from butter._clone_maps import Range
    from butter._clone_spawn_c import butter_spawn
    from butter._clone_spawn_descriptors import Stream
    from butter._clone_spawn_options import Id, Namespaces
    from butter._fence import Fenced

__all__ = ["DEVNULL", "PIPE", "STDOUT", "Child", "spawn"]

# The longest time in milliseconds between two looks at a child whose end of the
# connection another process may have, see butter_spawn_wait.
_LOOK = 50
# what children that outlive SIGKILL still use
_never_freed: list[object] = []

# results of butter_spawn_born and butter_spawn_wait
_DONE, _FAILED = 1, 2


def is_open(stream: IO[Any] | None) -> TypeGuard[IO[Any]]:
    """Return whether an attribute as ``stdin`` is the open file of a pipe."""
    try:
        return stream is not None and not stream.closed
    except ValueError:
        return False  # detached: the pipe belongs to another file


def _closing(stream: IO[bytes] | None) -> AbstractContextManager[object]:
    return closing(stream) if is_open(stream) else nullcontext()


class SpawnOptions(TypedDict, total=False):
    """The options of :func:`spawn` that a Process passes on, for type checkers."""

    namespaces: Namespaces
    uid_map: Iterable[Range] | None
    gid_map: Iterable[Range] | None
    cgroup: FileDescriptor | Path | None
    new_session: bool
    process_group: int | None
    foreground: FileDescriptor | None
    hostname: str | bytes | None
    mounts: Iterable[Sequence[Any]]
    root: Path | None
    cwd: Path | None
    umask: int | None
    nice: int | None
    rlimits: Mapping[int, tuple[int, int]] | None
    pass_fds: Iterable[FileDescriptor] | Mapping[int, FileDescriptor]
    groups: Iterable[Id] | None
    group: Id | None
    user: Id | None
    capabilities: Iterable[int] | None
    pdeathsig: int | None
    no_new_privs: bool
    signals: Iterable[int]
    env: Mapping[Any, Any] | None
    path: Path | None
    sandbox: Fenced | None
    timeout: float | None


class Child(Pidfd):
    """A program that :func:`spawn` has started: a Pidfd, and our ends of its pipes.

    ``stdin``, ``stdout`` and ``stderr`` are binary files where spawn was called with
    PIPE, else None. :meth:`close` and the ``with`` statement close them too.
    """

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def close(self) -> None:
        """Close the descriptor, and our ends of the pipes."""
        with _closing(self.stdin), _closing(self.stdout), _closing(self.stderr):
            super().close()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _closing(self.stdin), _closing(self.stdout), _closing(self.stderr):
            super().__exit__(kind, value, traceback)


class _Birth:
    """A child up to its exec. Where it is forgotten before, nothing is left of it.

    A signal handler may raise at the beginning of :meth:`end` too. So the state, which
    is C's, ends itself: cffi calls butter_spawn_free, and no Python runs in between.
    """

    def __init__(self) -> None:
        self._used: list[object] = []
        free = functools.partial(lib.butter_spawn_free, ffi.new_handle(self._used))
        self.state: butter_spawn = ffi.gc(lib.butter_spawn_new(), free)  # type: ignore[call-overload]
        if not self.state:
            raise MemoryError
        self._child = Child.__new__(Child)

    def end(self) -> None:
        """Kill the child, and close what was opened for it."""
        if not lib.butter_spawn_kill(self.state):
            # it still uses that
            _never_freed.append(self._used)
            _left_behind.add(self.state.pidfd)
        lib.butter_spawn_release(self.state)
        child = self._child
        with _closing(child.stdin), _closing(child.stdout), _closing(child.stderr):
            pass

    def start(self, steps: Steps, descriptors: Descriptors, **fields: int) -> None:
        """Make the child."""
        state, self._steps = self.state, steps
        kept = ffi.new("butter_kept[]", [(here, there) for there, here in descriptors.kept])
        rows = steps.compiled()
        self._used += steps, kept, rows
        state.steps, state.count, state.kept, state.kept_count = rows, len(steps), kept, len(descriptors.kept)
        for name, value in fields.items():
            setattr(state, name, value)
        result = lib.butter_spawn_start(state)
        if result:
            flags = 0 if state.middle else state.flags
            of_clone(-1 - result, flags, state.cgroup).check(result, flags=flags)

    def map_ids(self, uid_map: list[Range] | None, gid_map: list[Range] | None, deadline: float | None) -> None:
        """Write the maps of the child, which waits for them."""
        failure = None
        try:
            map_child(self.state.pid, self.state.pidfd, uid_map, gid_map, deadline)
        except OSError as error:
            failure = error
        if failure is not None:
            # a step before may have failed, and the child ended; or it was killed
            ended = lib.butter_spawn_wait(self.state, 0)
            if ended == _FAILED:
                self._fail()
            if ended != _DONE:
                raise failure

    def go(self) -> None:
        """Let the child go on."""
        # wait() finds one that has ended meanwhile
        SPAWN.check(lib.butter_spawn_go(self.state))

    def wait(self, look: Callable[[butter_spawn, int], int], deadline: float | None, timeout: float | None) -> None:
        """Wait for the birth or for the exec, and raise for a step that failed."""
        while True:
            left = _LOOK if deadline is None else (deadline - time.monotonic()) * 1000
            result = look(self.state, round(max(0, min(_LOOK, left))))
            if result == _DONE:
                return
            if result == INTERRUPTED:
                run_handlers()
            elif result == _FAILED:
                self._fail()
            elif result:
                within("namespaces", OPEN).check(result, pid=self.state.pid)
            elif left <= 0:
                raise timed_out(TimeoutError, timeout, "spawn(timeout): the steps before the exec have not ended")

    def _fail(self) -> NoReturn:
        self._steps.fail(self.state.failed, self.state.error)

    def child(self) -> Child:
        """Return the object for the child, which does not own the pidfd yet."""
        child, state = self._child, self.state
        lib.butter_spawn_disconnect(state)
        child._pid, child._child = state.pid, True
        for number, name in enumerate(STREAM_NAMES):
            fd = state.ours[number]
            if fd >= 0:
                # the file closes it, and nothing else does, however this ends
                state.ours[number] = -1
                setattr(child, name, open(fd, "rb" if number else "wb"))  # noqa: SIM115
        tell_of_forks(child)
        _left_behind.reap()
        return child


def spawn(
    argv: Sequence[Path],
    *,
    namespaces: Namespaces = 0,
    uid_map: Iterable[Range] | None = None,
    gid_map: Iterable[Range] | None = None,
    cgroup: FileDescriptor | Path | None = None,
    new_session: bool = False,
    process_group: int | None = None,
    foreground: FileDescriptor | None = None,
    hostname: str | bytes | None = None,
    mounts: Iterable[Sequence[Any]] = (),
    root: Path | None = None,
    cwd: Path | None = None,
    umask: int | None = None,
    nice: int | None = None,
    rlimits: Mapping[int, tuple[int, int]] | None = None,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    pass_fds: Iterable[FileDescriptor] | Mapping[int, FileDescriptor] = (),
    groups: Iterable[Id] | None = None,
    group: Id | None = None,
    user: Id | None = None,
    capabilities: Iterable[int] | None = None,
    pdeathsig: int | None = None,
    no_new_privs: bool = False,
    signals: Iterable[int] = (),
    env: Mapping[Any, Any] | None = None,
    path: Path | None = None,
    sandbox: Fenced | None = None,
    timeout: float | None = None,
) -> Child:
    """Start the program *argv* and return a :class:`Child`, which is a Pidfd.

    ::

        namespaces = CLONE_NEWUSER | CLONE_NEWNET
        with spawn(["ip", "link"], namespaces=namespaces, stdout=PIPE) as child:
            print(child.stdout.read())
            child.wait()

    *argv* is a list: the program and its arguments, each str, bytes or a path. The
    child does what the options ask for, in this order, and then executes the program:

    *cgroup*
        a directory of a control group, as a path or descriptor.
    *namespaces*
        CLONE_NEW bits for new ones, objects as :class:`Namespace` to join, or a list of
        both. Those to join come first, in their order, and the new ones belong to the
        user namespace that was joined. In a new mount namespace every mount is private.
    *uid_map*, *gid_map*
        the maps of a new user namespace: lists of ranges (inside, outside, count), as
        :func:`map_ids` takes them.
    *new_session*, *process_group*, *foreground*
        True for a session of its own; the number of a process group, 0 for one of its
        own; a terminal, as a descriptor, whose foreground the process group becomes.
    *hostname*
        the host name in a new UTS namespace.
    *mounts*
        a list, in its order, of tuples: the arguments of :func:`butter.system.mount`,
        or a :class:`butter.system.Mount` and its target. It needs a mount namespace,
        new or joined. The paths are those of the child: a mount may hide them from the
        next. To mount proc in a new user namespace needs CLONE_NEWPID.
    *root*
        the directory that becomes ``/``: by pivot_root in a new mount namespace, else
        by chroot. The working directory is then ``/``. The path ``/`` itself changes
        nothing else; a link that leads there is refused in a new mount namespace.
    *cwd*, *umask*, *nice*, *rlimits*
        the working directory (below *root*), the umask, the number that is added to the
        nice value, and ``{resource.RLIMIT_…: (soft, hard)}``.
    *stdin*, *stdout*, *stderr*, *pass_fds*
        a descriptor, an object with ``fileno()``, the path of a file, PIPE or DEVNULL,
        and STDOUT for stderr; a list of descriptors, or ``{number in the program:
        descriptor}``. The program has no others. The files are opened before all else;
        those of stdout and stderr are made, or emptied.
    *groups*, *group*, *user*
        the supplementary groups, the group and the user, as numbers or as names that
        are looked up here. *user* alone leaves the groups as they are.
    *capabilities*
        the capabilities that the program has and can have, whatever its user, as
        numbers like ``butter.prctl.Capability.NET_RAW``.
    *pdeathsig*, *no_new_privs*
        the signal that the program gets when the thread ends that calls spawn; True,
        and no program that is executed from then on adds rights.
    *signals*
        the signals that the program blocks. It does not ignore SIGPIPE and SIGXFSZ,
        which Python ignores.
    *env*, *path*
        the environment, a mapping, os.environ by default; the directories with ``:``
        between them where a program is looked for whose name does not have a slash,
        PATH of *env* by default.
    *sandbox*
        a :class:`butter.sandbox.Sandbox`, whose fences are up at the first instruction
        of the program. Its control group, limits, capabilities, no_new_privs and
        environment count as if they were passed here; an *env* that is passed is used
        instead of the sandbox's.

    *timeout* is how many seconds the steps of the child before the program may take.

    The memory of this process does not matter for the time this takes, except where
    *group* or *user* is passed, or a user or time namespace is joined (before Linux 6.3
    also with CLONE_NEWTIME): then its page tables are copied.

    Raises TypeError or ValueError, with the name of the option, for a value that cannot
    be, before there is a child: a bool is not a number here, nor 1 a bool. Raises
    TimeoutError, and for a step that fails the exception of its call: PathNotFound (a
    FileNotFoundError) for a program that does not exist, PermissionError,
    InvalidArgument, OSError. Its text begins with the name of the option. Nothing of
    the child is left then, nor after an exception of a signal handler.

    Linux 5.4, :manpage:`clone3(2)`.
    """
    deadline = deadline_of(timeout)
    new, joined = options.namespaces_of(namespaces)
    maps = [
        None if ranges is None else checked_ranges(ranges, name)
        for name, ranges in (("uid_map", uid_map), ("gid_map", gid_map))
    ]
    mapped = maps != [None, None]
    if mapped and not new & CLONE_NEWUSER:
        raise ValueError("uid_map and gid_map need CLONE_NEWUSER in namespaces")
    mask = options.capability_mask(capabilities)
    arguments = options.arguments_of(argv)
    # before anything is opened, which would get the number of one that is closed
    if not isinstance(cgroup, (str, bytes, os.PathLike, type(None))):
        cgroup = options.opened(cgroup, "cgroup", "a path, a descriptor or an object with fileno()")
    terminal = None if foreground is None else options.opened(foreground, "foreground")
    joins_alone, same_ids = options.own_memory(joined), group is None and user is None
    steps, birth, fence = Steps(), _Birth(), None
    descriptors = Descriptors(birth.state)
    try:
        if sandbox is not None:
            fence = options.fence_of(sandbox, mask, cgroup)
            cgroup, mask = cgroup if fence.cgroup is None else fence.cgroup.fileno(), 0
        program = options.program_of(arguments, fence.env if fence is not None and env is None else env, path)
        # what stands here is the order of the child
        descriptors.keep((stdin, stdout, stderr), pass_fds)
        middle = options.needs_middle(new, joined, descriptors)
        options.add_guard(steps)
        options.add_files(steps, descriptors)
        directory = options.add_cgroup(steps, cgroup, descriptors)
        options.add_joined(steps, joined)
        if middle:
            options.add_child(steps, new, shares_memory=same_ids or joins_alone)
        if joined or middle:
            options.add_guard(steps)
        options.add_kept(steps, descriptors)
        if middle or mapped:
            options.add_go(steps, mapped)
        options.add_cgroup_namespace(steps, new)
        options.add_session(steps, new_session, process_group, terminal)
        options.add_hostname(steps, hostname, new)
        hidden = add_mounts(steps, mounts, root, new, joined)
        if sandbox is not None and not hidden:
            options.check_program(sandbox, program, cwd)
        options.add_limits(steps, cwd, umask, nice, rlimits, hidden)
        if fence is not None:
            options.add_limits(steps, None, None, None, fence.rlimits, hidden)
        options.add_streams(steps)
        options.add_ids(steps, groups, group, user, mask is not None)
        options.add_capabilities(steps, mask, fence is not None)
        options.add_death_signal(steps, pdeathsig)
        options.add_no_new_privs(steps, no_new_privs or fence is not None)
        options.add_signals(steps, signals)
        options.add_fence(steps, fence)
        options.add_exec(steps, program, hidden, fence is not None)
        birth.start(
            steps,
            descriptors,
            flags=new & ~CLONE_NEWCGROUP,
            # joined before the first step, or by a step of the child
            cgroup=directory,
            shares_memory=not joins_alone and (same_ids or middle),
            middle=middle,
            ruleset=-1 if fence is None or fence.ruleset is None else fence.ruleset.fileno(),
        )
        if middle:
            birth.wait(lib.butter_spawn_born, deadline, timeout)
        if mapped:
            birth.map_ids(maps[0], maps[1], deadline)
        if middle or mapped:
            birth.go()
        birth.wait(lib.butter_spawn_wait, deadline, timeout)
        child = birth.child()
    except BaseException:
        birth.end()
        raise
    finally:
        if sandbox is not None and fence is not None:
            sandbox._release(fence)
    # there is no call in these lines, at which a signal handler could raise: the pidfd
    # has one owner
    child._fd = child._opened = birth.state.pidfd
    birth.state.pidfd = -1
    return child
