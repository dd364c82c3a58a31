"""Counting: the cost of a write and a read of an eventfd, and of waking a loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator

import linuxfd

from benchmarks.floor import Floor, timed
from benchmarks.runner import LOOPS, Comparison, awaited, repeated
from butter.asyncio.eventfd import Eventfd_async
from butter.eventfd import EFD_NONBLOCK, Eventfd

floor = Floor(
    "floor_eventfd",
    "void write_read(int fd, long count); void wake(int fd, long count);",
    """
    #include <stdint.h>
    #include <sys/epoll.h>
    #include <sys/eventfd.h>
    #include <unistd.h>

    static void write_read(int fd, long count)
    {
        uint64_t value;
        while (count--) {
            eventfd_write(fd, 1);
            eventfd_read(fd, &value);
        }
    }

    static void wake(int fd, long count)
    {
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN};
        uint64_t value;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        while (count--) {
            eventfd_write(fd, 1);
            epoll_wait(epoll, &event, 1, -1);
            eventfd_read(fd, &value);
        }
        close(epoll);
    }
    """,
)

ROUND_TRIPS = 20_000


def in_c(call: Callable[[int, int], object]) -> float:
    with Eventfd() as counter:
        return timed(call, counter.fileno(), ROUND_TRIPS)


def butter() -> float:
    with Eventfd(0, EFD_NONBLOCK) as counter:
        return repeated("counter.increment(1); counter.read_event()", counter=counter)


def os_builtins() -> float:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    try:
        return repeated("os.eventfd_write(fd, 1); os.eventfd_read(fd)", os=os, fd=fd)
    finally:
        os.close(fd)


def linuxfd_object() -> float:
    counter = linuxfd.eventfd(nonBlocking=True)
    try:
        return repeated("counter.write(1); counter.read()", counter=counter)
    finally:
        counter.close()


async def eventfd_wakes() -> float:
    async with Eventfd_async() as counter:
        loop = asyncio.get_running_loop()
        start = time.perf_counter_ns()
        for _ in range(2000):
            loop.call_soon(counter.increment, 1)
            await counter.get()
        return (time.perf_counter_ns() - start) / 2000


async def queue_wakes() -> float:
    queue: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    start = time.perf_counter_ns()
    for _ in range(2000):
        loop.call_soon(queue.put_nowait, 1)
        await queue.get()
    return (time.perf_counter_ns() - start) / 2000


def comparisons() -> Iterator[Comparison]:
    contenders = {"C floor": lambda: in_c(floor.write_read), "butter": butter, "linuxfd": linuxfd_object}
    if hasattr(os, "eventfd"):
        contenders["os.eventfd_write, os.eventfd_read"] = os_builtins
    yield Comparison(
        "A write and a read of an eventfd",
        contenders,
        {"os.eventfd_write, os.eventfd_read": 1.25, "linuxfd": 1},
    )
    for name, new_loop in LOOPS.items():
        yield Comparison(
            f"Waking a task, on {name}",
            {
                "C floor": lambda: in_c(floor.wake),
                "butter": awaited(new_loop, eventfd_wakes),
                "asyncio.Queue": awaited(new_loop, queue_wakes),
            },
            {"asyncio.Queue": 1.6},
        )
