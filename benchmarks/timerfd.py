"""Timers: the cost of setting one and of asking it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

import linuxfd

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, Sample, repeated
from butter.timerfd import Timer

floor = Floor(
    "floor_timerfd",
    "void set(int fd, long count); void get(int fd, long count);",
    """
    #include <sys/timerfd.h>

    static void set(int fd, long count)
    {
        struct itimerspec old, spec = {.it_value = {.tv_sec = 100}, .it_interval = {.tv_sec = 10}};
        while (count--)
            timerfd_settime(fd, 0, &spec, &old);
    }

    static void get(int fd, long count)
    {
        struct itimerspec now;
        while (count--)
            timerfd_gettime(fd, &now);
    }
    """,
)

CALLS = 20_000


def in_c(call: Callable[[int, int], object]) -> float:
    with Timer() as timer:
        timer.every(10).after(100).update()
        return timed(call, timer.fileno(), CALLS)


def by_butter(statement: str) -> float:
    with Timer() as timer:
        timer.every(10).after(100).update()
        return repeated(statement, timer=timer)


def by_linuxfd(statement: str) -> float:
    timer = linuxfd.timerfd()
    timer.settime(100, 10)
    try:
        return repeated(statement, timer=timer)
    finally:
        timer.close()


def by_os(statement: str) -> float:
    if sys.version_info < (3, 13):
        raise NotImplementedError
    fd = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(fd, initial=100, interval=10)
    try:
        return repeated(statement, os=os, fd=fd)
    finally:
        os.close(fd)


def comparisons() -> Iterator[Comparison]:
    setting: dict[str, Sample] = {
        "C floor": lambda: in_c(floor.set),
        "butter": lambda: by_butter("timer.update()"),
        "linuxfd": lambda: by_linuxfd("timer.settime(100, 10)"),
    }
    asking: dict[str, Sample] = {
        "C floor": lambda: in_c(floor.get),
        "butter": lambda: by_butter("timer.get_current()"),
        "linuxfd": lambda: by_linuxfd("timer.gettime()"),
    }
    if hasattr(os, "timerfd_create"):  # Python 3.13
        setting["os.timerfd_settime"] = lambda: by_os("os.timerfd_settime(fd, initial=100, interval=10)")
        asking["os.timerfd_gettime"] = lambda: by_os("os.timerfd_gettime(fd)")
    targets = {"os.timerfd_settime": 1.5, "linuxfd": 1.5}
    yield Comparison("Setting a timer", setting, targets)
    # the other contenders take both times with every call
    setting["butter"] = lambda: by_butter("timer.after(100).update()")
    yield Comparison("Setting a timer, with a new time", setting, targets)
    yield Comparison("Asking a timer", asking, {"os.timerfd_gettime": 1.5, "linuxfd": 1.5})
