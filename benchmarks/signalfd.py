"""Draining queued signals, with all fields of each."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import linuxfd

from benchmarks.floor import Floor
from benchmarks.runner import Comparison
from butter.signalfd import SFD_NONBLOCK, SIG_BLOCK, Signalfd, pthread_sigmask

SIGNALS = range(signal.SIGRTMIN, signal.SIGRTMIN + 4)
QUEUED = 32
ROUNDS = 50

floor = Floor(
    "floor_signalfd",
    "long drain(int fd, long count);",
    """
    #include <unistd.h>
    #include <sys/signalfd.h>

    static long drain(int fd, long count)
    {
        struct signalfd_siginfo data[128];
        long seen = 0;
        while (seen < count) {
            ssize_t size = read(fd, data, sizeof data);
            if (size < 0)
                break;
            seen += size / sizeof *data;
        }
        return seen;
    }
    """,
)


def timed(drain: Callable[[], int]) -> float:
    """Return the nanoseconds of a signal; each drain finds QUEUED of them."""
    elapsed = 0
    for _ in range(ROUNDS):
        for number in range(QUEUED):
            os.kill(os.getpid(), SIGNALS[number % len(SIGNALS)])
        start = time.perf_counter_ns()
        count = drain()
        elapsed += time.perf_counter_ns() - start
        assert count == QUEUED, count
    return elapsed / ROUNDS / QUEUED


def c_floor() -> float:
    with Signalfd(SIGNALS, SFD_NONBLOCK) as signals:
        return timed(lambda: floor.drain(signals.fileno(), QUEUED))


def butter() -> float:
    with Signalfd(SIGNALS, SFD_NONBLOCK) as signals:
        return timed(lambda: len(signals.read_events()))


def linuxfd_object() -> float:
    signals = linuxfd.signalfd(set(SIGNALS), nonBlocking=True)

    def drain() -> int:
        count = 0
        while count < QUEUED:
            signals.read()
            count += 1
        return count

    try:
        return timed(drain)
    finally:
        signals.close()


def sigtimedwait() -> float:
    signals = set(SIGNALS)

    def drain() -> int:
        count = 0
        while signal.sigtimedwait(signals, 0):
            count += 1
        return count

    return timed(drain)


def comparisons() -> Iterator[Comparison]:
    pthread_sigmask(SIG_BLOCK, SIGNALS)
    yield Comparison(
        f"Draining {QUEUED} queued signals",
        {"C floor": c_floor, "butter": butter, "linuxfd": linuxfd_object, "signal.sigtimedwait": sigtimedwait},
        {"signal.sigtimedwait": 0.75, "linuxfd": 1 / 3},
    )
