"""A program that is an ordinary process, for the wait of ``_foreground``.

Unlike process 1 of a namespace it gets the default action of each signal, can stop
itself, and is in the same pid namespace. So a signal is passed on as it is, and this
process stops when the program has done so.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from butter.cli._foreground import SELDOM, STOPPING, also_got, look_at, state_when_stopped, stop_self

if TYPE_CHECKING:
    from butter.pidfd import Pidfd
    from butter.signalfd import Signal


class Ordinary:
    """Such a program, for ``_foreground.wait``: nothing is looked at."""

    def __init__(self, child: Pidfd) -> None:
        self._child = child

    def look(self) -> None:
        """Do nothing: no signal depends on the handlers of the program."""

    def longest_pause(self) -> float:
        return SELDOM

    def pass_on(self, event: Signal) -> int:
        """Pass a signal on, and return 0: the program's own status says what it did."""
        number = event.signal
        if not also_got(event, self._child):
            self._child.send_signal(number)
        if number in STOPPING:
            self._stop_with_it(number)
        return 0

    def pass_on_owed(self) -> int:
        return 0

    def _stop_with_it(self, number: int) -> None:
        """Stop once the program has stopped, and let it go on afterwards.

        A handler first gives the terminal back, as that of an editor does, and a
        program that ignores the signal goes on.
        """
        pid = self._child.pid
        if number in look_at(pid).ignored or state_when_stopped(pid) != "T":
            return
        stop_self(number)
        # a shell tells the whole group, and another sender this process alone
        self._child.send_signal(signal.SIGCONT)
