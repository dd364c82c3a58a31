"""Waiting for a program that is process 1 of a pid namespace, as a shell would see it.

The program has the terminal and the process group of this process. So the terminal's
signals (Ctrl-C, Ctrl-Z, a resize) go to both, and a shell as the program can make jobs.
But a process 1 does not get the default action of a signal: neither Ctrl-C nor SIGTERM
would end ``sleep``. This process does instead what the default action would do, from
outside, where SIGKILL and SIGSTOP work.

So it has to know whether the program has a handler, and ``/proc`` tells what is so now.
Two things may lie between the signal and the look, or the other way round:

* The handler has run, and has restored the default for the next Ctrl-C, or the program
  is at its end already. Killed now, it would lose its own status. So this process also
  looks from time to time without a signal, and for a signal of the terminal, which the
  program has got before, a handler of the last look counts.
* The program is in the middle of execve. A signal then waits for a handler that goes
  away with the old program, and the kernel drops it. So where a signal waits for a
  handler, or is to be sent to one, this process stops the program. It stops after
  execve, and has taken by then what waited.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import time
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
# Seconds between two looks: after a signal, doubled each time, and at most.
SOON, SELDOM = 0.01, 60.0
# Seconds for a program to stop. In vfork, or at a device that hangs, it takes longer.
PATIENCE = 1.0


@contextlib.contextmanager
def signals() -> Iterator[Signalfd]:
    """Receive the signals for the program, and have the terminal back at the end."""
    terminal = _terminal_in_front()
    with Signalfd(signal.valid_signals() - OWN) as received:
        try:
            yield received
        finally:
            # those that came before the program has ended were for it
            while received in select.select([received], [], [], 0)[0]:
                received.read_events()
            # A shell that was the program has left it to a group that is gone. SIGTTOU,
            # which a process in the background gets here, is blocked.
            if terminal is not None:
                with contextlib.suppress(OSError):
                    os.tcsetpgrp(terminal, os.getpgrp())


def _terminal_in_front() -> int | None:
    """Return a descriptor of the terminal, if this process is in its foreground."""
    for number in range(3):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(number) == os.getpgrp():
                return number
    return None


def wait(child: Pidfd, received: Signalfd) -> int:
    """Pass signals on until the program ends, and return its status as a shell does."""
    program, killed_by, pause = _Program(child), 0, SOON
    while True:
        ready, _, _ = select.select([child, received], [], [], pause)
        if child in ready:
            break
        events = received.read_events() if received in ready else []
        pause = SOON if events else min(2 * pause, SELDOM)
        # a child that has ended meanwhile is found above
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            program.look()
            for event in events:
                killed_by = program.pass_on(event) or killed_by
    code = child.wait()
    return 128 + killed_by if killed_by and code < 0 else code if code >= 0 else 128 - code


class _Look(NamedTuple):
    """How a program takes signals; *image* changes when it executes another program."""

    state: str
    image: list[str]
    caught: set[int]
    blocked: set[int]
    ignored: set[int]
    waiting: set[int]


def _look(pid: int | None) -> _Look:
    # both files from before an execve, or both from after it
    state, image = _state_and_image(pid)
    while True:
        with open(f"/proc/{pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        before, (state, image) = image, _state_and_image(pid)
        if image == before:
            masks = (int(lines[name], 16) for name in ("SigCgt", "SigBlk", "SigIgn", "ShdPnd"))
            return _Look(state, image, *({n for n in range(1, 65) if mask >> n - 1 & 1} for mask in masks))


def _state_and_image(pid: int | None) -> tuple[str, list[str]]:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    # the addresses of the code and of the stack, which each execve moves
    return fields[0], fields[23:26]


class _Program:
    """The program as it is now, and as it was at the last look."""

    def __init__(self, child: Pidfd) -> None:
        self._child = child
        self._now = self._before = _Look("", [], set(), set(), set(), set())

    def look(self) -> None:
        self._before, self._now = self._now, _look(self._child.pid)

    def pass_on(self, event: Signal) -> int:
        """Pass a signal on, and return its number if it has killed the program."""
        number, has_it = event.signal, self._has(event)
        if number in STOPPING:
            if number not in self._now.ignored:
                _stop(number, self._child)
            return 0
        by_handler = number in self._now.caught - self._now.blocked - HARMLESS
        stopped = by_handler and self._now.state != "T" and (not has_it or number in self._now.waiting)
        if stopped:
            self._look_when_stopped()
        cared_for = number in HARMLESS | self._now.caught | self._now.blocked | self._now.ignored
        handled = has_it and self._now.image == self._before.image and number in self._before.caught
        if not cared_for and not handled:
            self._child.kill()
            return number
        if not has_it:
            self._child.send_signal(number)
        if stopped:
            self._child.send_signal(signal.SIGCONT)
        return 0

    def _look_when_stopped(self) -> None:
        self._child.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + PATIENCE
        while _state_and_image(self._child.pid)[0] in "RSD" and time.monotonic() < deadline:
            time.sleep(0.001)
        self.look()

    def _has(self, event: Signal) -> bool:
        """Whether the program got the signal too, from the terminal."""
        return event.code == SI_KERNEL and os.getpgid(self._child.pid or 0) == os.getpgrp()


def _stop(number: int, child: Pidfd) -> None:
    """Stop the program, then this process, until a shell lets both go on."""
    child.send_signal(signal.SIGSTOP)
    terminal = _terminal_in_front()
    settings = [] if terminal is None else termios.tcgetattr(terminal)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    # here this process is stopped
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    # A program that sets the terminal and draws it anew when it goes on has a handler
    # that stops it. That does not work for process 1, so it may have done both before.
    if terminal is not None and terminal == _terminal_in_front():
        termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
    child.send_signal(signal.SIGCONT)
    child.send_signal(signal.SIGWINCH)
