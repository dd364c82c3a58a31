"""Waiting for a program that is process 1 of a pid namespace, as a shell would see it.

The program has the terminal and the process group of this process. So the terminal's
signals (Ctrl-C, Ctrl-Z, a resize) go to both, and a shell as the program can make jobs.
But a process 1 does not get the default action of a signal: neither Ctrl-C nor SIGTERM
would end ``sleep``. This process does instead what the default action would do, from
outside, where SIGKILL and SIGSTOP work.

So it has to know whether the program has a handler, and ``/proc`` tells what is so now.
A signal of the terminal has reached the program before, and two things may lie between:

* The handler has run, and has restored the default for the next Ctrl-C, or the program
  is at its end already. Killed now, it would lose its own status. So this process also
  looks from time to time without a signal, and a handler of the last look counts.
* The program is in the middle of execve. The signal then waits for a handler that goes
  away with the old program, and the kernel drops it. So nothing is decided while a
  signal waits; ``/proc`` tells that too. Afterwards a handler of the last look counts
  only if the program is still the same.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, NamedTuple

from butter.signalfd import SI_KERNEL, Signalfd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from butter.pidfd import Pidfd
    from butter.signalfd import Signal

STOPPING = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
HARMLESS = {signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
# of this process itself: its child, its errors, its output
OWN = {
    *(signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGXCPU, signal.SIGKILL, signal.SIGSTOP),
    *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP),
}
# Seconds between two looks: while a signal waits, and at most.
SOON, SELDOM = 0.005, 60.0


@contextlib.contextmanager
def signals() -> Iterator[Signalfd]:
    """Receive the signals for the program, and have the terminal back at the end."""
    terminal = next(filter(os.isatty, range(3)), None)
    in_front = terminal is not None and os.tcgetpgrp(terminal) == os.getpgrp()
    with Signalfd(signal.valid_signals() - OWN) as received:
        try:
            yield received
        finally:
            # A shell that was the program has left it to a group that is gone. SIGTTOU,
            # which a process in the background gets here, is blocked.
            if terminal is not None and in_front:
                with contextlib.suppress(OSError):
                    os.tcsetpgrp(terminal, os.getpgrp())


def wait(child: Pidfd, received: Signalfd) -> int:
    """Pass signals on until the program ends, and return its status as a shell does."""
    program = _Program(child)
    undecided: list[Signal] = []
    killed_by, pause = 0, SOON
    while True:
        ready, _, _ = select.select([child, received], [], [], SOON if undecided else pause)
        if child in ready:
            break
        pause = min(2 * pause, SELDOM)
        events = [*undecided, *(received.read_events() if received in ready else ())]
        # a child that has ended meanwhile is found above
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            program.look()
            undecided = list(filter(program.has_yet_to_take, events))
            for event in events:
                if event not in undecided:
                    killed_by = program.pass_on(event) or killed_by
    code = child.wait()
    return 128 + killed_by if killed_by and code < 0 else code if code >= 0 else 128 - code


class _Look(NamedTuple):
    """How a program takes signals; *image* changes when it executes another program."""

    caught: set[int]
    blocked: set[int]
    ignored: set[int]
    waiting: set[int]
    image: list[str]


def _look(pid: int | None) -> _Look:
    with open(f"/proc/{pid}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    masks = (int(lines[name], 16) for name in ("SigCgt", "SigBlk", "SigIgn", "ShdPnd"))
    with open(f"/proc/{pid}/stat") as stat:
        # startcode, endcode, startstack; the last is another one at each execve
        image = stat.read().rpartition(")")[2].split()[23:26]
    return _Look(*({number for number in range(1, 65) if mask >> number - 1 & 1} for mask in masks), image=image)


class _Program:
    """The program as it is now, and as it was at the last look."""

    def __init__(self, child: Pidfd) -> None:
        self._child = child
        self._now = self._before = _Look(set(), set(), set(), set(), [])

    def look(self) -> None:
        self._before, self._now = self._now, _look(self._child.pid)

    def has_yet_to_take(self, event: Signal) -> bool:
        """Whether a signal of the terminal waits for a handler."""
        now = self._now
        return self._has(event) and event.signal in (now.caught & now.waiting) - now.blocked

    def pass_on(self, event: Signal) -> int:
        """Pass a signal on, and return its number if it has killed the program."""
        number, cared_for = event.signal, self._now.caught | self._now.blocked | self._now.ignored
        if self._has(event) and self._now.image == self._before.image:
            cared_for |= self._before.caught
        if number in STOPPING:
            if number not in self._now.ignored:
                _stop(number, self._child)
        elif number not in cared_for | HARMLESS:
            self._child.kill()
            return number
        elif not self._has(event):
            self._child.send_signal(number)
        return 0

    def _has(self, event: Signal) -> bool:
        """Whether the program got the signal too, from the terminal."""
        return event.code == SI_KERNEL and os.getpgid(self._child.pid or 0) == os.getpgrp()


def _stop(number: int, child: Pidfd) -> None:
    """Stop the program, then this process, until a shell lets both go on."""
    child.send_signal(signal.SIGSTOP)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    # here this process is stopped
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    child.send_signal(signal.SIGCONT)
