"""Running a command on changes, for ``butter watch … -- COMMAND``.

Signals are blocked, and taken by :meth:`Runner.step` alone: an exception of a handler
could come between the start of a program and the line that keeps it.

The terminal belongs to the command where it can: then the command is in the process
group of this process, as that of a shell script is, and Ctrl-C reaches both. Where the
command may be ended for a restart, or there is not a terminal in front, it has a group
of its own, so that all of its processes can be ended.
"""

from __future__ import annotations

import contextlib
import select
import signal
import termios
import time
from typing import TYPE_CHECKING

from butter.cli import _foreground
from butter.cli._watch_command import Command, Job, safe
from butter.pidfd import P_ALL, P_PID, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, waitid
from butter.prctl import prctl
from butter.signalfd import CLD_STOPPED, SFD_NONBLOCK, Signalfd, signum_to_signame
from butter.timerfd import TFD_NONBLOCK, Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Literal

    from typing_extensions import Self

    from butter.signalfd import Signal

ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
# SIGTTOU stops a process in the background that takes the terminal back
OTHERS = {signal.SIGCHLD, signal.SIGTSTP, signal.SIGTTOU}

#: these stop a process in the background that uses the terminal
FOR_TERMINAL = {signal.SIGTTIN, signal.SIGTTOU}

#: the exit status of a shell that cannot start a program
NOT_STARTED = 127


class Runner:
    """``Runner(argv, restart=False, on_busy='queue', tell=…)``: runs *argv* on changes.

    ``with`` takes the signals of this process and, with *restart*, starts the command;
    at its end the command is ended. Poll :meth:`fileno`, and call :meth:`step` when it
    is readable.

    *tell* takes lines for people. *kill_after* is how many seconds a command may take
    to end. *late* is how many seconds after a change :meth:`changed` tells it: with
    ``on_busy='skip'``, a change is dropped that comes so soon after a run.

    Raises ValueError for an *argv* that cannot be.
    """

    def __init__(
        self,
        argv: Sequence[str | bytes],
        *,
        restart: bool = False,
        on_busy: Literal["queue", "skip", "restart"] = "queue",
        tell: Callable[[str], None],
        kill_after: float = 5.0,
        late: float = 0.0,
    ) -> None:
        self._command = Command(argv)
        if restart and (self._command.for_each or self._command.for_all):
            raise ValueError(
                "--restart runs COMMAND from the start, when no path has changed, so that {} and {+} have no meaning: "
                "use BUTTER_PATHS or --on-busy restart"
            )
        self._server, self._skips, self._restarts = restart, on_busy == "skip", restart or on_busy == "restart"
        self._tell, self._kill_after, self._late = tell, kill_after, late
        self._resources = contextlib.ExitStack()
        self._pending: dict[bytes, None] = {}
        self._due = restart
        self._job: Job | None = None
        self._started = self._again = False
        self._end_of_job = -late
        # the signal that ends the job, and the one that has ended this process
        self._sent: int | None = None
        self._reason: Signal | None = None
        self._terminal: tuple[int, list[Any]] | None = None
        #: the exit status of the last run, as a shell has it
        self.status: int | None = None

    def __enter__(self) -> Self:
        # where it is ignored no exit code is kept
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        received = {number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN} | OTHERS
        with contextlib.ExitStack() as stack:
            self._epoll = stack.enter_context(select.epoll())
            self._timer = stack.enter_context(Timer(flags=TFD_NONBLOCK))
            stack.enter_context(prctl.subreaper)
            self._signals = stack.enter_context(Signalfd(received, SFD_NONBLOCK))
            for source in self._timer, self._signals:
                self._epoll.register(source, select.EPOLLIN)
            self._resources = stack.pop_all()
        try:
            self._advance()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._epoll.fileno()

    @property
    def busy(self) -> bool:
        """Whether the command runs, or is about to run."""
        return bool(self._pending) or (self._job is not None and self._job.running)

    def changed(self, paths: Iterable[str | bytes]) -> None:
        """Run the command for *paths*, now or as soon as it may; do not wait for it.

        Raises OSError if the command cannot be started, and never could before.
        """
        self._look()
        found = dict.fromkeys(map(safe, paths))
        if not found or (self._skips and (self.busy or time.monotonic() < self._end_of_job + self._late)):
            return
        job = self._job
        if self._restarts and job is not None and job.running and self._sent is None:
            if not self._server:
                # it was not done with these
                self._pending = {**dict.fromkeys(job.paths), **self._pending}
            self._end(signal.SIGTERM)
        self._pending.update(found)
        self._advance()

    def step(self) -> None:
        """Do what is to be done once :meth:`fileno` is readable.

        Raises KeyboardInterrupt after Ctrl-C, SystemExit after another signal that ends
        this process, and what :meth:`changed` does.
        """
        for event in self._signals.read_events():
            if event.signal in ENDING:
                self._reason = event
                if event.signal == signal.SIGINT:
                    raise KeyboardInterrupt
                raise SystemExit(128 + event.signal)
            if event.signal == signal.SIGTSTP:
                self._stop()
        self._look()
        self._advance()

    def finish(self) -> int:
        """Wait until the command has run for all changes, and return :attr:`status`.

        A server is not waited for, and 0 is returned; so it is without any run.

        Raises what :meth:`step` does.
        """
        while self.busy and not self._server:
            self._epoll.poll()
            self.step()
        return 0 if self._server else self.status or 0

    def close(self) -> None:
        """End the command, and leave signals and the terminal as they were.

        A second Ctrl-C, or another signal, ends it by SIGKILL.
        """
        with self._resources:
            job, reason = self._job, self._reason
            self._pending.clear()
            if job is None:
                return
            number = signal.SIGINT if reason is not None and reason.signal == signal.SIGINT else signal.SIGTERM
            told = reason is not None and job.running and _foreground.also_got(reason, job.child)
            self._end(number, told)
            while self._job is not None:
                self._epoll.poll()
                if any(event.signal in ENDING for event in self._signals.read_events()):
                    self._end(signal.SIGKILL)
                self._look()

    def _advance(self) -> None:
        """Start the command if it has to run and may."""
        while self._job is None and (self._due or self._pending):
            self._due = False
            self._start(list(self._pending))
        # a server that has ended by itself, and left processes
        if self._pending and self._job is not None and not self._job.running and self._sent is None:
            self._end(signal.SIGTERM)

    def _start(self, paths: list[bytes]) -> None:
        terminal = None if self._restarts else _foreground.terminal_in_front()
        self._terminal = None if terminal is None else (terminal, termios.tcgetattr(terminal))
        try:
            job = self._job = self._command.start(paths, terminal is None, self._tell)
        except OSError as error:
            for path in paths[:1] if self._command.for_each else paths:
                del self._pending[path]
            # later it may be there again, as a program that is being built
            if not self._started and not self._command.varies:
                raise
            self._tell(str(error.strerror))
            self.status = NOT_STARTED
            return
        for path in job.paths:
            self._pending.pop(path, None)
        if self._again:
            self._tell(f"{job.name}: starts again")
        self._started, self._again = True, False

    def _end(self, number: int, told: bool = False) -> None:
        """Let the command end, if it was not *told* to already."""
        self._sent = number
        if self._job is not None and not told:
            self._job.signal(number)
            # a stopped process takes it only then
            self._job.signal(signal.SIGCONT)
        self._timer.after(self._kill_after).update()
        self._look()

    def _look(self) -> None:
        """Reap what has ended, and kill what does not end in time."""
        job = self._job
        with contextlib.suppress(ChildProcessError):
            while found := waitid(P_ALL, 0, WEXITED | WSTOPPED | WNOHANG | WNOWAIT):
                program = job if job is not None and job.running and found.si_pid == job.child.pid else None
                if found.si_code == CLD_STOPPED:
                    waitid(P_PID, found.si_pid, WSTOPPED | WNOHANG)
                    if program is not None and found.si_status in FOR_TERMINAL:
                        name = signum_to_signame[found.si_status]
                        self._tell(
                            f"{program.name}: stopped by {name}, for it uses the terminal, which it does not have"
                        )
                elif program is not None:
                    program.status = program.child.poll()
                    self._ended(program)
                else:
                    waitid(P_PID, found.si_pid, WEXITED | WNOHANG)
        if job is None:
            return
        if self._sent in (signal.SIGTERM, signal.SIGKILL):
            # those that have come since
            job.signal_others(self._sent)
        if (not self._restarts and not job.running and self._sent is None) or not job.left():
            job.close()
            self._again = self._sent is not None
            self._job = self._sent = None
            self._timer.disable().update()
        elif self._timer.read_events() and self._sent is not None:
            self._tell(f"{job.name}: did not end within {self._kill_after:g} seconds, and is killed")
            self._sent = signal.SIGKILL
            job.signal(signal.SIGKILL)

    def _ended(self, job: Job) -> None:
        """Tell how the command has ended, and have the terminal as it was before."""
        code = job.status or 0
        self.status = code if code >= 0 else 128 - code
        self._end_of_job = time.monotonic()
        if self._terminal is not None and not job.own_group:
            terminal, settings = self._terminal
            _foreground.take_back(terminal)
            if _foreground.terminal_in_front() is not None:
                termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
        # told by the user, or by a line that says so
        if code != -(self._sent or 0) or not code:
            self._tell(job.words())
        if self._sent == signal.SIGINT:
            # a shell starts its background programs so that they ignore Ctrl-C
            self._sent = signal.SIGTERM
            job.signal(signal.SIGTERM)

    def _stop(self) -> None:
        """Stop as Ctrl-Z does, with the command, until a shell lets both go on."""
        job = self._job if self._job is not None and self._job.own_group else None
        if job is not None:
            job.signal(signal.SIGSTOP)
        _foreground.stop_self(signal.SIGTSTP)
        if job is not None:
            job.signal(signal.SIGCONT)
