"""Sets of signals: the cost of changing the mask, and of taking a signal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, Sample, repeated
from butter.sigset import SIG_BLOCK, blocked, sigprocmask, sigqueue, sigtimedwait

floor = Floor(
    "floor_sigset",
    "void mask(long count); void take(long count); void in_vain(long count);",
    """
    #include <signal.h>
    #include <time.h>
    #include <unistd.h>

    static void mask(long count)
    {
        sigset_t set, old;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        while (count--)
            sigprocmask(SIG_BLOCK, &set, &old);
    }

    static void take(long count)
    {
        sigset_t set;
        siginfo_t info;
        struct timespec time = {0};
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        while (count--) {
            kill(getpid(), SIGUSR1);
            sigtimedwait(&set, &info, &time);
        }
    }

    static void in_vain(long count)
    {
        sigset_t set;
        siginfo_t info;
        struct timespec time = {0};
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        while (count--)
            sigtimedwait(&set, &info, &time);
    }
    """,
)

CALLS = 20_000
USR1 = {signal.SIGUSR1}


def inside(sample: Callable[[], float]) -> Sample:
    """Return a sample that is taken while SIGUSR1 is blocked."""

    def body() -> float:
        with blocked(signal.SIGUSR1):
            return sample()

    return body


def by_signal() -> None:
    """Block a signal and unblock it, by Python's own call."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, USR1)
    try:
        pass
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def by_butter() -> None:
    with blocked(signal.SIGUSR1):
        pass


def comparisons() -> Iterator[Comparison]:
    names = {"kill": os.kill, "pid": os.getpid(), "number": signal.SIGUSR1, "set": USR1}
    yield Comparison(
        "Changing the mask",
        {
            "C floor": inside(lambda: timed(floor.mask, CALLS)),
            "butter": inside(lambda: repeated("mask(how, set)", CALLS, mask=sigprocmask, how=SIG_BLOCK, set=USR1)),
            "signal.pthread_sigmask": inside(
                lambda: repeated("mask(how, set)", CALLS, mask=signal.pthread_sigmask, how=signal.SIG_BLOCK, set=USR1)
            ),
        },
        {"signal.pthread_sigmask": 1.35},
    )
    yield Comparison(
        "Blocking a signal for a while",
        {
            "butter": lambda: repeated("block()", CALLS, block=by_butter),
            "signal.pthread_sigmask": lambda: repeated("block()", CALLS, block=by_signal),
        },
    )
    take = "kill(pid, number); take(set, 0)"
    yield Comparison(
        "Sending a signal and taking it",
        {
            "C floor": inside(lambda: timed(floor.take, CALLS)),
            "butter": inside(lambda: repeated(take, CALLS, take=sigtimedwait, **names)),
            "signal.sigtimedwait": inside(lambda: repeated(take, CALLS, take=signal.sigtimedwait, **names)),
            "butter, with sigqueue": inside(
                lambda: repeated("send(pid, number, 5); take(set, 0)", CALLS, take=sigtimedwait, send=sigqueue, **names)
            ),
        },
        # docs/design.rst, "Three arguments cost more than a short call", says why
        {"signal.sigtimedwait": 2.5},
    )
    yield Comparison(
        "Looking for a signal in vain",
        {
            "C floor": inside(lambda: timed(floor.in_vain, CALLS)),
            "butter": inside(lambda: repeated("take(set, 0)", CALLS, take=sigtimedwait, **names)),
            "signal.sigtimedwait": inside(lambda: repeated("take(set, 0)", CALLS, take=signal.sigtimedwait, **names)),
        },
        {"signal.sigtimedwait": 4.0},
    )
