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

A program that has a signal blocked either takes it by sigwait or a signalfd, or has it
blocked for a moment, as while it starts a process, and then the kernel drops it. The
first sleeps from one look to the next, as the kernel's count of its turns tells, and
the second does not. So what becomes of a signal that is blocked is seen at later looks.
During sigwait the kernel shows the signal as not blocked, and shows the truth when the
program is stopped.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from butter.eventlike import readable
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
# How many looks in a row find a signal blocked in a program that keeps it so.
MANY = 100


@contextlib.contextmanager
def signals() -> Iterator[Signalfd]:
    """Receive the signals for the program, and have the terminal back at the end."""
    # where it is ignored no exit code is kept
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    terminal = terminal_in_front()
    with Signalfd(signal.valid_signals() - OWN) as received:
        try:
            yield received
        finally:
            # those that came before the program has ended were for it
            while readable(received, 0):
                received.read_events()
            if terminal is not None:
                take_back(terminal)


def terminal_in_front() -> int | None:
    """Return a descriptor of the terminal, if this process is in its foreground."""
    for number in range(3):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(number) == os.getpgrp():
                return number
    return None


def take_back(terminal: int) -> None:
    """Have the terminal, if a shell that was the program has left it to a dead group.

    If this process is in the background by now, it belongs to another program.
    """
    with contextlib.suppress(OSError):
        try:
            os.killpg(os.tcgetpgrp(terminal), 0)
        except ProcessLookupError:
            # SIGTTOU, which a process in the background gets here, is blocked
            os.tcsetpgrp(terminal, os.getpgrp())


def also_got(event: Signal, child: Pidfd) -> bool:
    """Whether *child* got a signal of this process too, from the terminal."""
    # a terminal that hangs up tells the leader of its session alone
    for_leader = event.signal == signal.SIGHUP and os.getsid(0) == os.getpid()
    same_group = os.getpgid(child.pid or 0) == os.getpgrp()
    return event.code == SI_KERNEL and same_group and not for_leader


def stop_self(number: int) -> None:
    """Do what the default action of a blocked signal does: stop, until SIGCONT."""
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    # here this process is stopped
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])


def wait(child: Pidfd, received: Signalfd, program: AnyProgram | None = None) -> int:
    """Pass signals on until the program ends, and return its status as a shell does.

    *program* says how, where the program is not process 1.
    """
    program, killed_by, pause = program or _Program(child), 0, SOON
    # not select, which takes no number above 1023
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(received, select.POLLIN)
    while True:
        ready = dict(poll.poll(pause * 1000))
        if child.fileno() in ready:
            break
        events = received.read_events() if ready else []
        # a child that has ended meanwhile is found above
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            program.look()
            killed_by = killed_by or program.pass_on_owed()
            for event in events:
                killed_by = killed_by or program.pass_on(event)
        pause = SOON if events else min(2 * pause, program.longest_pause())
    code = child.wait()
    return 128 + killed_by if killed_by and code < 0 else code if code >= 0 else 128 - code


class AnyProgram(Protocol):
    """How the wait passes signals on: it looks at the program, then tells it."""

    def look(self) -> None: ...
    def longest_pause(self) -> float: ...
    def pass_on(self, event: Signal) -> int: ...
    def pass_on_owed(self) -> int: ...


class _Look(NamedTuple):
    """How a program takes signals; *image* changes when it executes another program."""

    state: str
    image: list[str]
    turns: tuple[str, str]
    caught: set[int]
    blocked: set[int]
    ignored: set[int]
    waiting: set[int]


def look_at(pid: int | None) -> _Look:
    # both files from before an execve, or both from after it
    image = state_and_image(pid)[1]
    while True:
        with open(f"/proc/{pid}/status", errors="replace") as status:
            lines = dict(line.split(":", 1) for line in status)
        before, image = image, state_and_image(pid)[1]
        if image == before:
            turns = lines["voluntary_ctxt_switches"], lines["nonvoluntary_ctxt_switches"]
            masks = (int(lines[name], 16) for name in ("SigCgt", "SigBlk", "SigIgn", "ShdPnd"))
            sets = ({n for n in range(1, 65) if mask >> n - 1 & 1} for mask in masks)
            return _Look(lines["State"].strip()[0], image, turns, *sets)


def _in_sigwait(pid: int | None) -> bool:
    try:
        with open(f"/proc/{pid}/wchan") as function:
            return "sigtimedwait" in function.read()
    except (FileNotFoundError, PermissionError):
        return False


def state_and_image(pid: int | None) -> tuple[str, list[str]]:
    # the name of a program may be any bytes
    with open(f"/proc/{pid}/stat", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    # the addresses of the code and of the stack, which each execve moves
    return fields[0], fields[23:26]


def state_when_stopped(pid: int | None) -> str:
    """Wait until a process that was told to stop does so, or ends; return its state.

    After PATIENCE this is the state that it has then.
    """
    deadline = time.monotonic() + PATIENCE
    while (state := state_and_image(pid)[0]) in "RSD" and time.monotonic() < deadline:
        time.sleep(0.001)
    return state


class _Owed(NamedTuple):
    """A signal that the program may block: more looks show what becomes of it."""

    number: int
    has_it: bool
    # looks left until it is sent to a program that does not sleep
    looks: int = MANY
    step: int = 0


# It was blocked while the program ran; it was sent to a program that slept, which most
# likely takes it; it was still there at the next look, so unblocking it may drop it.
UNDECIDED, SENT, WAITS = range(3)


class _Program:
    """The program as it is now, and as it was at the last look."""

    def __init__(self, child: Pidfd) -> None:
        self._child = child
        self._now = self._before = _Look("", [], ("", ""), set(), set(), set(), set())
        self._owed: list[_Owed] = []

    def look(self) -> None:
        self._before, self._now = self._now, look_at(self._child.pid)

    def longest_pause(self) -> float:
        """Return how many seconds the next look may take to come."""
        if any(owed.step == UNDECIDED for owed in self._owed):
            return SOON
        return PATIENCE if self._owed else SELDOM

    def pass_on(self, event: Signal) -> int:
        """Pass a signal on, and return its number if it has killed the program."""
        number = event.signal
        if number in STOPPING:
            if number not in self._now.ignored:
                _stop(number, self._child)
            return 0
        return self._act(_Owed(number, also_got(event, self._child)))

    def pass_on_owed(self) -> int:
        """Do the same for the signals that were blocked at the last look."""
        owed, self._owed = self._owed, []
        return max([0, *map(self._act, owed)])

    def _act(self, owed: _Owed) -> int:
        number, has_it, now = owed.number, owed.has_it, self._now
        asleep = now.state == "T" or (now.state == self._before.state == "S" and now.turns == self._before.turns)
        if owed.step == SENT and number not in now.waiting:
            return 0  # taken
        by_handler = number in now.caught - now.blocked - HARMLESS
        # it may be on its way into sigwait, where it is not seen to be
        doubtful = not self._cares_for(number) and now.state in "RS" and not (has_it and self._handled(number))
        in_sigwait = doubtful and _in_sigwait(self._child.pid)
        stopped = now.state != "T" and (doubtful or (by_handler and (not has_it or number in now.waiting)))
        if stopped:
            self._look_when_stopped()
        if not self._cares_for(number) and not (has_it and self._handled(number)):
            self._child.kill()
            return number
        if number in self._now.blocked - self._now.caught - self._now.ignored - HARMLESS and not in_sigwait:
            self._wait_for(owed, asleep=asleep and not doubtful)
        elif not has_it:
            self._child.send_signal(number)
        if stopped:
            self._child.send_signal(signal.SIGCONT)
            self._now = self._now._replace(state="R")
        return 0

    def _wait_for(self, owed: _Owed, asleep: bool) -> None:
        """Deal with a signal that is blocked, and has no handler."""
        number, has_it, looks, step = owed
        if step == UNDECIDED and not asleep and looks > 0:
            # during vfork, state D, every program has it blocked
            self._owed.append(owed._replace(looks=looks - (self._now.state != "D")))
        elif not has_it:
            self._child.send_signal(number)
            self._owed.append(_Owed(number, True, looks, SENT))
        elif number in self._now.waiting:
            self._owed.append(_Owed(number, True, looks, WAITS))

    def _cares_for(self, number: int) -> bool:
        return number in HARMLESS | self._now.caught | self._now.blocked | self._now.ignored

    def _handled(self, number: int) -> bool:
        """Whether a handler may have taken the signal since the last look."""
        return self._now.image == self._before.image and number in self._before.caught

    def _look_when_stopped(self) -> None:
        self._child.send_signal(signal.SIGSTOP)
        state_when_stopped(self._child.pid)
        self.look()


def _stop(number: int, child: Pidfd) -> None:
    """Stop the program, then this process, until a shell lets both go on."""
    child.send_signal(signal.SIGSTOP)
    terminal = terminal_in_front()
    settings = [] if terminal is None else termios.tcgetattr(terminal)
    stop_self(number)
    # A program that sets the terminal and draws it anew when it goes on has a handler
    # that stops it. That does not work for process 1, so it may have done both before.
    if terminal is not None and terminal == terminal_in_front():
        termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
    child.send_signal(signal.SIGCONT)
    child.send_signal(signal.SIGWINCH)
