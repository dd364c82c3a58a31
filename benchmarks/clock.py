"""Clocks: the cost of reading one, of asking its resolution, and of a sleep."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.clock import (
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    TIMER_ABSTIME,
    clock_adjtime,
    clock_getres,
    clock_gettime,
    clock_nanosleep,
)

floor = Floor(
    "floor_clock",
    "void read_clock(long count); void resolution(long count); void past(long count); void adjustment(long count);",
    """
    #include <sys/timex.h>
    #include <time.h>

    static void read_clock(long count)
    {
        struct timespec time;
        while (count--)
            clock_gettime(CLOCK_MONOTONIC, &time);
    }

    static void resolution(long count)
    {
        struct timespec time;
        while (count--)
            clock_getres(CLOCK_MONOTONIC, &time);
    }

    static void past(long count)
    {
        struct timespec time = {0};
        while (count--)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    }

    static void adjustment(long count)
    {
        while (count--) {
            struct timex timex = {0};
            clock_adjtime(CLOCK_REALTIME, &timex);
        }
    }
    """,
)

CALLS = 20_000


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Reading a clock",
        {
            "C floor": lambda: timed(floor.read_clock, CALLS),
            "butter": lambda: repeated("read(clock)", CALLS, read=clock_gettime, clock=CLOCK_MONOTONIC),
            "time.clock_gettime_ns": lambda: repeated(
                "read(clock)", CALLS, read=time.clock_gettime_ns, clock=CLOCK_MONOTONIC
            ),
        },
        {"time.clock_gettime_ns": 1.35},
    )
    yield Comparison(
        "The resolution of a clock",
        {
            "C floor": lambda: timed(floor.resolution, CALLS),
            "butter": lambda: repeated("ask(clock)", CALLS, ask=clock_getres, clock=CLOCK_MONOTONIC),
            "time.clock_getres": lambda: repeated("ask(clock)", CALLS, ask=time.clock_getres, clock=CLOCK_MONOTONIC),
        },
        {"time.clock_getres": 1.35},
    )
    yield Comparison(
        "A sleep until a time that is past",
        {
            "C floor": lambda: timed(floor.past, CALLS),
            "butter": lambda: repeated("sleep(1, flags, 0)", CALLS, sleep=clock_nanosleep, flags=TIMER_ABSTIME),
            "time.sleep(0)": lambda: repeated("sleep(0)", CALLS, sleep=time.sleep),
        },
    )
    yield Comparison(
        "How a clock is adjusted",
        {
            "C floor": lambda: timed(floor.adjustment, CALLS),
            "butter": lambda: repeated("ask(clock)", 2_000, ask=clock_adjtime, clock=CLOCK_REALTIME),
        },
    )
