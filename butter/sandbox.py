"""Fences around code that is not trusted, without root: one object for all of them.

::

    import resource
    from butter.sandbox import Sandbox

    sandbox = Sandbox(read=["data"], rlimits={resource.RLIMIT_CPU: (2, 2)})
    print(sandbox.run(parse, "data/table", timeout=5))

A sandbox takes away what is not named. It is made of :mod:`butter.landlock`,
:mod:`butter.seccomp`, capabilities, limits and control groups.
"""

from __future__ import annotations

import codecs
import errno
import functools
import os
import platform
from typing import TYPE_CHECKING

from butter import _sandbox_profiles as _profiles
from butter import landlock
from butter._checks import limit_name, number, switch
from butter._fence import Fence
from butter._sandbox_arguments import (
    DEVNULL,
    environment_of,
    paths_of,
    ports_of,
    profile_of,
    rlimits_of,
    stream_of,
    without_cores,
)
from butter._sandbox_cgroup import Group, missing, settings_of
from butter._sandbox_kernel import has_filters, not_enforced
from butter._sandbox_profiles import PROFILES, Needs, Profile
from butter._sandbox_report import ways
from butter._sandbox_rules import DEVICES, Paths, check_program, has_settings, ruleset_of
from butter._sandbox_run import SandboxedError, run
from butter._sandbox_start import check_alone, put_up
from butter.landlock import NotEnforced
from butter.seccomp import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    from butter._arguments import FileDescriptor, Path

    Result = TypeVar("Result")

__all__ = ["DEVICES", "DEVNULL", "PROFILES", "NotEnforced", "Profile", "Sandbox", "SandboxedError"]

#: the longest result of :meth:`Sandbox.run`, in bytes
LIMIT = 1 << 24

# what a program finds in its environment unless the caller says otherwise: nothing
# that is a secret
_HARMLESS = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM")
# glibc asks for names by TCP then; UDP is closed
_RESOLVER = {"RES_OPTIONS": "use-vc"}


class Sandbox:
    """``Sandbox(read=[…], write=[…], execute=[…], …)``: fences for untrusted code.

    The object describes the fences. They are put up by :meth:`run`, around a function,
    by :func:`butter.clone.spawn`, around a program (``spawn(argv, sandbox=sandbox)``),
    or by :meth:`restrict`, around this process.

    *read*, *write*, *execute*
        lists of files and directories: to read, to read and change (make, remove,
        rename), to read and execute. A directory stands for all that is below it. A
        program needs its loader and its libraries, too: mostly ``execute=["/usr"]`` is
        right.
    *connect*, *bind*
        TCP ports: of the servers to connect to, and of this machine to listen at.
        Without any there is no network at all.
    *devices*
        files of devices that may be opened for reading and writing, and given commands
        to, each by its own path. By default those that every program may use:
        ``DEVICES``.
    *syscalls*
        the name of a profile in ``PROFILES``, which says what the code may do beside
        that: ``"pure"``, ``"network-client"`` or ``"build"``. Or a
        :class:`butter.seccomp.Filter`, without the action NOTIFY: then what landlock
        lets through is closed by a second filter, except the modes and times of files,
        which are left to the first.
    *env*
        the environment, a mapping. By default PATH, TZ, TERM and the language.
    *rlimits*
        ``{resource.RLIMIT_…: (soft, hard)}``, of each process. No core is dumped
        unless they have RLIMIT_CORE.
    *memory*, *processes*
        bounds for all processes together: bytes, and a number of processes and threads.
        They need a control group (cgroup2) that this process may make.
    *scope*
        False lets signals leave the sandbox.
    *best_effort*
        True starts without the things that this kernel cannot enforce. They are in
        :meth:`report`.

    All capabilities are dropped, and no_new_privs is set. The paths are looked up
    anew each time that the fences are put up.

    Raises TypeError and ValueError for values that cannot be. A sandbox that this
    kernel cannot enforce raises NotEnforced when the fences are put up, and so before
    any of the code runs.

    Linux 5.13, :manpage:`landlock(7)`, :manpage:`seccomp(2)`.
    """

    def __init__(
        self,
        read: Iterable[Path] = (),
        write: Iterable[Path] = (),
        execute: Iterable[Path] = (),
        connect: Iterable[int] = (),
        bind: Iterable[int] = (),
        devices: Iterable[Path] = DEVICES,
        syscalls: str | Filter = "pure",
        env: Mapping[str, str] | None = None,
        rlimits: Mapping[int, tuple[int, int]] | None = None,
        memory: int | None = None,
        processes: int | None = None,
        scope: bool = True,
        best_effort: bool = False,
    ) -> None:
        devices = paths_of(devices, "devices")
        self._paths = Paths(
            paths_of(read, "read"),
            paths_of(write, "write"),
            paths_of(execute, "execute"),
            devices,
            ports_of(connect, "connect"),
            ports_of(bind, "bind"),
            own_devices=not set(map(os.fsencode, devices)) <= set(map(os.fsencode, DEVICES)),
        )
        self._profile, self._filter = profile_of(syscalls)
        if self._profile and not self._profile.network and (self._paths.connect or self._paths.bind):
            raise ValueError(
                f"connect and bind must be empty: the profile {self._profile.name!r} has no network;"
                " 'network-client' and 'build' have"
            )
        if self._paths.connect or self._paths.bind:
            # that of the names of hosts, and of addresses: Python imports it late, and
            # so behind the fence
            codecs.lookup("idna")
        self._env, self._rlimits = environment_of(env), rlimits_of(rlimits)
        for value, name in ((memory, "memory"), (processes, "processes")):
            if value is not None and not number(value, 63, name):
                raise ValueError(f"{name} is 0; it must be at least 1")
        self._settings = settings_of(memory, processes)
        self._scope, self._best_effort = switch(scope, "scope"), switch(best_effort, "best_effort")

    def __repr__(self) -> str:
        return f"<Sandbox {self._profile.name if self._profile else repr(self._filter)}>"

    # what the fences are made of

    def _needs(self) -> Needs:
        """Return what decides about the filter, on this kernel."""
        found = landlock.abi()
        return Needs(
            connect=bool(self._paths.connect),
            bind=bool(self._paths.bind),
            execute=bool(self._paths.execute),
            devices=self._paths.own_devices,
            signals=not self._scope or found >= _profiles.SCOPE_ABI,
            abi=found,
        )

    def _filters(self) -> list[Filter]:
        """Return the filters. One of the caller's is the last, and closes most."""
        needs = self._needs()
        if self._profile:
            return [_profiles.filter_of(self._profile, needs)]
        if self._filter is not None:
            self._filter._check_alone()  # it may have got rules since the sandbox was made
        return [_profiles.gaps_of(needs), *([self._filter] if self._filter else [])]

    def _fence(self) -> Fence:
        """Return new fences. The caller releases them."""
        sentences = not_enforced(self._paths, self._settings)
        if sentences and not self._best_effort:
            raise NotEnforced(errno.EOPNOTSUPP, f"sandbox: {'; '.join(sentences)}. best_effort=True starts without")
        filters = self._filters() if has_filters() else []
        # the caller may still add rules to a filter of its own
        programs = [each.program() if each is self._filter else _program_of(each) for each in filters]
        limits, environment = without_cores(self._rlimits), self._environment()
        ruleset = ruleset_of(self._paths, self._scope, self._best_effort) if landlock.abi() else None
        group = None
        try:
            # a group that is missing has a sentence
            if self._settings and not (sentences and missing(self._settings)):
                group = Group(self._settings)
        except BaseException:
            if ruleset is not None:
                ruleset.close()
            raise
        return Fence(group, limits, environment, ruleset, 0, programs, 0)

    def _release(self, fence: Fence) -> None:
        """Close the descriptors of fences."""
        for each in (fence.ruleset, fence.cgroup):
            if isinstance(each, (landlock.Ruleset, Group)):
                each.close()

    def _check_program(self, candidates: Sequence[bytes]) -> None:
        """Raise if none of the programs that exist may be executed inside."""
        check_program(candidates, self._paths.execute)

    def _environment(self) -> dict[Any, Any]:
        if self._env is not None:
            return self._env
        found = {name: os.environ[name] for name in _HARMLESS if name in os.environ}
        return {**found, **_RESOLVER} if self._paths.connect else found

    # what it is for

    def run(
        self,
        function: Callable[..., Result],
        *args: object,
        timeout: float | None = None,
        stdin: FileDescriptor = DEVNULL,
        stdout: FileDescriptor = DEVNULL,
        stderr: FileDescriptor = DEVNULL,
        limit: int = LIMIT,
    ) -> Result:
        """Run ``function(*args)`` in a forked child, behind the fences.

        Returns its result. The child is not trusted, so the result comes back as plain
        data, and never as a pickle: None, bool, int, float, str, bytes, list, tuple,
        dict and set, and no subclasses of these. It may have *limit* bytes, a million
        values, 64 of them in each other, and 32768 keys in one set or dict, or fewer
        where several are large: lists are as long as they like.

        The child is a fork, and not a program: it has the modules that were imported,
        and a copy of all that is in the memory of this process, secrets too. They can
        go only where the fences let them. It has no descriptors of this process, a
        session of its own, none of the handlers of signals, and the environment of the
        sandbox. *stdin*, *stdout* and *stderr* are descriptors, or objects with
        ``fileno()``, and else ``/dev/null``. They are shared: the child may make them
        nonblocking for both. The function should import what it needs before, as
        ``json``; else *read* has to name the directories of Python.

        The child is killed after *timeout* seconds, when this call is interrupted, and
        with the thread that has called it; and so are the processes of its group. In
        the profile build it may start some that leave the group and go on: *processes*
        or *memory* make a control group, which is killed whole when this call ends.

        An exception of a builtin class is raised here as itself, if its arguments are
        plain data; its ``__cause__`` is a SandboxedError with the traceback. Any other
        is raised as SandboxedError, with its text, and so are those that would end a
        loop or a program, as StopIteration, KeyboardInterrupt and SystemExit, groups,
        SyntaxError, and UnicodeDecodeError and its kin. A child that was killed or has
        ended otherwise is a SandboxedError, too.

        Raises TimeoutError, which has no ``__cause__`` unless it is the function's,
        TypeError or ValueError for a result that is not plain data, or too long, and
        NotEnforced before the function begins.

        The fork copies the calling thread alone. A lock that another thread holds at
        that moment stays locked in the child: where threads run, pass a *timeout*, or
        start a program by :func:`butter.clone.spawn`.
        """
        streams = [stream_of(stdin, "stdin"), stream_of(stdout, "stdout"), stream_of(stderr, "stderr")]
        number(limit, 40, "limit")
        fence = self._fence()
        try:
            return run(fence, function, args, streams, timeout, limit)  # type: ignore[no-any-return]
        finally:
            if isinstance(fence.cgroup, Group):
                fence.cgroup.kill()
            self._release(fence)

    def restrict(self) -> None:
        """Put the fences up around this process, for ever.

        They are also around all that it starts from now on. The environment stays as it
        is, and so do open files: what is open can still be used.

        Raises RuntimeError if the process has several threads, because the others would
        stay outside; NotEnforced; and OSError if a fence cannot be put up: those before
        it are up then, and the process should end.
        """
        check_alone()
        fence = self._fence()
        try:
            put_up(fence)
        finally:
            self._release(fence)

    def report(self) -> dict[str, Any]:
        """The fences that hold on this kernel, and the ways out, as JSON can have them.

        ``"starts"`` is whether the fences can be put up, and ``"missing"`` is a list of
        sentences about the things that this kernel cannot enforce. ``"fences"`` says of
        each fence whether it is there.

        ``"ways"`` are the known ways out of a sandbox: each with its ``"name"``, its
        ``"meaning"``, whether it is ``"closed"``, and the fences that it is closed
        ``"by"``: ``"landlock"``, ``"seccomp"``, ``"cgroup"``. The answers about seccomp
        are those of the filters themselves.

        ``"profile"`` is the name, None for a filter of the caller's; ``"promised"`` the
        first kernel on which the profile holds; ``"kernel"`` and ``"landlock_abi"`` are
        those of this machine.
        """
        found, sentences = landlock.abi(), not_enforced(self._paths, self._settings)
        filters = self._filters() if has_filters() else []
        group = bool(self._settings) and not missing(self._settings)
        return {
            "starts": not sentences or self._best_effort,
            "missing": sentences,
            "profile": self._profile.name if self._profile else None,
            "promised": self._profile.kernel if self._profile else None,
            "kernel": platform.release(),
            "landlock_abi": found,
            "fences": {
                "landlock": found > 0,
                "seccomp": bool(filters),
                "no_new_privs": True,
                "capabilities": True,
                "cgroup": group,
            },
            "rlimits": {limit_name(limit): list(pair) for limit, pair in without_cores(self._rlimits).items()},
            "ways": [way._asdict() for way in ways(filters, found, self._scope, group, has_settings(self._paths))],
        }


@functools.lru_cache(maxsize=64)
def _program_of(filter: Filter) -> bytes:
    """Return the program of a filter, which takes a tenth of the time of a start."""
    return filter.program()
