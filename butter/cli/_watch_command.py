"""The command of ``butter watch … -- COMMAND``: arguments, paths, processes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import signal
import sys
from typing import TYPE_CHECKING

from butter.cli._output import printable, sentence
from butter.cli._watch_left import is_any_left, left_below, own_children
from butter.clone import DEVNULL, spawn
from butter.errors import InvalidArgument
from butter.memfd import Memfd
from butter.pidfd import P_PGID, WEXITED, WNOHANG, WNOWAIT, pidfd_send_signal, waitid
from butter.signalfd import signum_to_signame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from butter.clone import Child

# {{}} and {{+}}, which stand for themselves, or {} and {+}
PLACES = re.compile(rb"\{\{(\+?)\}\}|\{(\+?)\}")

#: why a command cannot be executed, where the words of the system are a riddle
REASONS = {
    errno.E2BIG: "cannot be executed: its arguments and the environment are too long",
    errno.ENOEXEC: "is not a program of this machine, nor a script that begins as #!/bin/sh does",
}

#: the limits that commands have, where those of this process are others: a program may
#: use select(), which takes small numbers, or close all numbers that there may be
LIMITS: dict[int, tuple[int, int]] = {}

#: how many times the processes are looked through for those that have come meanwhile
MANY = 100

#: how much of a command is shown
LONGEST_NAME = 60


def safe(path: str | bytes) -> bytes:
    """Return a path that no program takes for an option."""
    encoded = os.fsencode(path)
    return b"./" + encoded if encoded.startswith(b"-") else encoded


def fill(argument: bytes, path: bytes) -> bytes:
    return PLACES.sub(lambda found: path if found[1] is None else b"{%b}" % found[1], argument)


def places(argument: bytes) -> set[bytes]:
    """Return the kinds of places in an argument: b"" for {}, b"+" for {+}."""
    return {found[2] for found in PLACES.finditer(argument) if found[1] is None}


class Command:
    """``Command(argv)``: a program, and its arguments with places for paths.

    Raises ValueError for one that cannot be.
    """

    def __init__(self, argv: Sequence[str | bytes]) -> None:
        self._argv = [os.fsencode(argument) for argument in argv]
        if not self._argv or not self._argv[0]:
            raise ValueError("a COMMAND is missing after --")
        kinds = {kind for argument in self._argv for kind in places(argument)}
        if b"" in kinds and b"+" in kinds:
            raise ValueError("COMMAND has {}, which runs it for each path, and {+}, which runs it for all: use one")
        #: whether it runs for each path, whether it has all paths as arguments
        self.for_each, self.for_all = b"" in kinds, b"+" in kinds
        #: whether the program itself is a path that has changed
        self.varies = bool(places(self._argv[0]))

    def arguments(self, paths: list[bytes]) -> list[bytes]:
        filled = []
        for argument in self._argv:
            every = b"+" in places(argument)
            filled += [fill(argument, path) for path in (paths if every else paths[:1] or [b""])]
        return filled

    def start(self, paths: list[bytes], own_group: bool, tell: Callable[[str], None]) -> Job:
        """Start it for as many of *paths* as it takes, from the first on.

        Raises OSError, with a sentence for people.
        """
        taken = paths[:1] if self.for_each else paths
        # a line of a name would be taken for another path
        in_lines = not any(b"\n" in path for path in taken)
        while True:
            try:
                job = Job(self.arguments(taken), taken, in_lines, own_group)
            except OSError as error:
                # E2BIG
                too_long = isinstance(error, InvalidArgument)
                if not too_long or not (in_lines or (self.for_all and len(taken) > 1)):
                    error.strerror, error.filename = self._reason(error, taken), None
                    raise
            else:
                break
            # only the kernel knows how much it takes
            if in_lines:
                in_lines = False
            else:
                taken = taken[: len(taken) // 2]
        if not in_lines and not self.for_each and not self.for_all:
            tell("BUTTER_PATHS is not set, for paths with newlines or too many of them: BUTTER_PATHS_FILE has them")
        return job

    def _reason(self, error: OSError, paths: list[bytes]) -> str:
        if not (error.strerror or "").startswith("spawn(argv)"):
            return sentence(error)
        number = error.errno or 0
        program = f"'{printable(self.arguments(paths)[0])}'"
        if isinstance(error, FileNotFoundError):
            there = "/" in program and os.path.lexists(self.arguments(paths)[0])
            return f"the command {program} {'names an interpreter that does not exist' if there else 'was not found'}"
        return f"the command {program} {REASONS.get(number, f'cannot be executed: {os.strerror(number)}')}"


class Job:
    """A run of the command: the program, and the processes that it starts.

    The group is that of this process, unless it has *own_group*. Then the number of the
    group is the program's, and stays the group's as long as a child of this process in
    it was not reaped. Because this process is a subreaper, the processes that the
    program leaves become its children. So a signal reaches all, and never a stranger.

    The processes that an earlier run has left, which has ended by itself, are not of
    this one; but those that they leave in turn are taken for its own.
    """

    #: the exit code, once the program has ended
    status: int | None = None

    def __init__(self, argv: list[bytes], paths: list[bytes], in_lines: bool, own_group: bool) -> None:
        self.paths, self.own_group = paths, own_group
        # each argument is a character at least, and there may be thousands
        shown = [printable(argument[: LONGEST_NAME + 1]) for argument in argv[: LONGEST_NAME + 1]]
        command = shlex.join(shown)
        self.name = command if len(command) <= LONGEST_NAME else f"{command[: LONGEST_NAME - 3]}..."
        self._earlier = set(own_children())
        #: the signals that were sent, each with the number of a process
        self._told: set[tuple[int, int]] = set()
        self._file = Memfd("butter-paths", b"".join(path + b"\0" for path in paths))
        try:
            # not a number that the program inherits: many programs close those
            file = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"
            environment = {**os.environb, b"BUTTER_PATHS_FILE": file.encode()}
            environment.pop(b"BUTTER_PATHS", None)
            if in_lines:
                environment[b"BUTTER_PATHS"] = b"\n".join(paths)
            self.child: Child = spawn(
                argv,
                env=environment,
                process_group=0 if own_group else None,
                # a process in the background that reads from the terminal is stopped
                stdin=DEVNULL if sys.stdin is None or (own_group and os.isatty(0)) else None,
                stderr=DEVNULL if sys.stderr is None else None,
                rlimits=LIMITS or None,
                # where this process is killed
                pdeathsig=signal.SIGTERM,
            )
        except BaseException:
            self._file.close()
            raise

    @property
    def running(self) -> bool:
        return self.status is None

    def left(self) -> bool:
        """Return whether the program, or another process of the run, is there."""
        return self.running or self._group_left() or is_any_left(self._earlier)

    def _group_left(self) -> bool:
        """Return whether a process of its own group is there."""
        if not self.own_group:
            return False
        try:
            waitid(P_PGID, self.child.pid or 0, WEXITED | WNOHANG | WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to all that is left: to the group, then to the others."""
        try:
            if self._group_left():
                os.killpg(self.child.pid or 0, number)
            elif self.running:
                self.child.send_signal(number)
        except PermissionError as error:
            error.strerror, error.filename = f"{self.name}: it cannot be ended, because it runs as another user", None
            raise
        self._told = {told for told in self._told if told[0] != number}
        self.signal_others(number)

    def signal_others(self, number: int) -> None:
        """Send a signal to the processes that did not get it, until there are none.

        Programs that start others for ever do not let it go on for ever.
        """
        before = -1
        for _ in range(MANY):
            if before == len(self._told):
                break
            before = len(self._told)
            for pidfd, pid in left_below(self._earlier):
                if (number, pid) not in self._told and not self._has_got(pid):
                    self._told.add((number, pid))
                    with contextlib.suppress(ProcessLookupError):
                        pidfd_send_signal(pidfd, number)

    def _has_got(self, pid: int) -> bool:
        """Return whether a process has the signals of the program, or of its group."""
        program = self.child.pid
        try:
            return pid == program or (self.own_group and os.getpgid(pid) == program)
        except ProcessLookupError:
            return True

    def words(self) -> str:
        """The sentence about the end of the program."""
        status = self.status or 0
        if status < 0:
            return f"{self.name}: ended by {signum_to_signame.get(-status, f'signal {-status}')}"
        return f"{self.name}: ended with status {status}"

    def close(self) -> None:
        self.child.close()
        self._file.close()
