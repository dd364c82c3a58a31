"""Waiting for a program that is process 1 of a pid namespace, as a shell would see it.

The program has the terminal and the process group of this process. So the terminal's
signals (Ctrl-C, Ctrl-Z, a resize) go to both, and a shell as the program can make jobs.
But a process 1 does not get the default action of a signal: neither Ctrl-C nor SIGTERM
would end ``sleep``. This process does instead what the default action would do, from
outside, where SIGKILL and SIGSTOP work.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING

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
    killed_by = 0
    while child not in select.select([child, received], [], [])[0]:
        for event in received.read_events():
            # a child that has ended meanwhile is found above
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                killed_by = killed_by or _pass_on(event, child)
    code = child.wait()
    return 128 + killed_by if killed_by and code < 0 else code if code >= 0 else 128 - code


def _pass_on(event: Signal, child: Pidfd) -> int:
    """Pass a signal on, and return its number if it has killed the program."""
    number = event.signal
    caught, ignored = _cares(child, number)
    if number in STOPPING:
        if not ignored:
            _stop(number, child)
    elif not (caught or ignored or number in HARMLESS):
        child.kill()
        return number
    elif not (event.code == SI_KERNEL and os.getpgid(child.pid or 0) == os.getpgrp()):
        child.send_signal(number)
    return 0


def _cares(child: Pidfd, number: int) -> tuple[bool, bool]:
    """Return whether the program waits for a signal, and whether it ignores it."""
    with open(f"/proc/{child.pid}/status") as status:
        sets = {name: value for name, _, value in (line.partition(":") for line in status) if name.startswith("Sig")}
    caught, ignored, blocked = (int(sets[name], 16) >> number - 1 & 1 for name in ("SigCgt", "SigIgn", "SigBlk"))
    return bool(caught or blocked), bool(ignored)


def _stop(number: int, child: Pidfd) -> None:
    """Stop the program, then this process, until a shell lets both go on."""
    child.send_signal(signal.SIGSTOP)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    # here this process is stopped
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    child.send_signal(signal.SIGCONT)
