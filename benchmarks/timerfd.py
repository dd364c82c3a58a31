"""Timers: what setting one and asking it cost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import linuxfd

from benchmarks.floor import compiled
from benchmarks.runner import Comparison, Sample, repeated
from butter.timerfd import Timer

floor = compiled(
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


def c_set() -> float:
    with Timer() as timer:
        start = time.perf_counter_ns()
        floor.set(timer.fileno(), CALLS)
        return (time.perf_counter_ns() - start) / CALLS


def c_get() -> float:
    with Timer() as timer:
        timer.every(10).after(100).update()
        start = time.perf_counter_ns()
        floor.get(timer.fileno(), CALLS)
        return (time.perf_counter_ns() - start) / CALLS


def butter_set() -> float:
    with Timer() as timer:
        timer.every(10).after(100)
        return repeated("timer.update()", timer=timer)


def butter_get() -> float:
    with Timer() as timer:
        timer.every(10).after(100).update()
        return repeated("timer.get_current()", timer=timer)


def linuxfd_set() -> float:
    timer = linuxfd.timerfd()
    try:
        return repeated("timer.settime(100, 10)", timer=timer)
    finally:
        timer.close()


def linuxfd_get() -> float:
    timer = linuxfd.timerfd()
    timer.settime(100, 10)
    try:
        return repeated("timer.gettime()", timer=timer)
    finally:
        timer.close()


def os_set() -> float:
    fd = os.timerfd_create(time.CLOCK_MONOTONIC)
    try:
        return repeated("os.timerfd_settime(fd, initial=100, interval=10)", os=os, fd=fd)
    finally:
        os.close(fd)


def os_get() -> float:
    fd = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(fd, initial=100, interval=10)
    try:
        return repeated("os.timerfd_gettime(fd)", os=os, fd=fd)
    finally:
        os.close(fd)


def comparisons() -> Iterator[Comparison]:
    setting: dict[str, Sample] = {"C floor": c_set, "butter": butter_set, "linuxfd": linuxfd_set}
    asking: dict[str, Sample] = {"C floor": c_get, "butter": butter_get, "linuxfd": linuxfd_get}
    if hasattr(os, "timerfd_create"):  # Python 3.13
        setting["os.timerfd_settime"] = os_set
        asking["os.timerfd_gettime"] = os_get
    yield Comparison("Setting a timer", setting, {"os.timerfd_settime": 1.25, "linuxfd": 1})
    yield Comparison("Asking a timer", asking, {"os.timerfd_gettime": 1.25, "linuxfd": 1})
