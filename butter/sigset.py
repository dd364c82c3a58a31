"""Sets of signals: blocked, sent with a value, and waited for.

::

    from signal import SIGTERM
    from butter.sigset import blocked, sigtimedwait

    with blocked(SIGTERM):
        signal = sigtimedwait(SIGTERM, 1_000_000_000)  # a second
        if signal is not None:
            print(signal.pid, "sent it")

A set of signals is a Python set of ints. Times are ints, in nanoseconds.
:mod:`butter.signalfd` has the signals as events.
"""

from __future__ import annotations

from butter._sigset import (
    blocked,
    pause,
    sigaddset,
    sigdelset,
    sigemptyset,
    sigfillset,
    sigismember,
    sigprocmask,
    sigqueue,
    sigsuspend,
    sigtimedwait,
)
from butter.signalfd import SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SigmaskAction, Signal, pthread_sigmask, sigset

__all__ = [
    "SIG_BLOCK",
    "SIG_SETMASK",
    "SIG_UNBLOCK",
    "Signal",
    "SigmaskAction",
    "blocked",
    "pause",
    "pthread_sigmask",
    "sigaddset",
    "sigdelset",
    "sigemptyset",
    "sigfillset",
    "sigismember",
    "sigprocmask",
    "sigqueue",
    "sigset",
    "sigsuspend",
    "sigtimedwait",
]
