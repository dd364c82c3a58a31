"""Counting: the cost of a write and a read of an eventfd, and of waking a loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator

import linuxfd
import trio

from benchmarks.floor import Floor, timed
from benchmarks.runner import LOOPS, Comparison, awaited, repeated
from butter.asyncio.eventfd import Eventfd_async
from butter.eventfd import EFD_NONBLOCK, Eventfd
from butter.trio.eventfd import Eventfd_async as Eventfd_trio

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


# Under trio a task of its own does what asyncio's call_soon does.


async def trio_wakes(wake: Callable[[], object], wait: Callable[[], Awaitable[object]]) -> float:
    async def soon() -> None:
        wake()

    async with trio.open_nursery() as nursery:
        start = time.perf_counter_ns()
        for _ in range(2000):
            nursery.start_soon(soon)
            await wait()
        return (time.perf_counter_ns() - start) / 2000


async def trio_eventfd_wakes() -> float:
    async with Eventfd_trio() as counter:
        return await trio_wakes(counter.increment, counter.get)


async def trio_channel_wakes() -> float:
    send, receive = trio.open_memory_channel[int](1)
    return await trio_wakes(lambda: send.send_nowait(1), receive.receive)


async def trio_readable_wakes() -> float:
    fd = os.eventfd(0, os.EFD_NONBLOCK)

    async def wait() -> None:
        await trio.lowlevel.wait_readable(fd)
        os.eventfd_read(fd)

    try:
        return await trio_wakes(lambda: os.eventfd_write(fd, 1), wait)
    finally:
        os.close(fd)


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
    waking = {
        "C floor": lambda: in_c(floor.wake),
        "butter": lambda: trio.run(trio_eventfd_wakes),
        "butter, on asyncio": awaited(LOOPS["asyncio"], eventfd_wakes),
        "a memory channel": lambda: trio.run(trio_channel_wakes),
    }
    if hasattr(os, "eventfd"):
        waking["wait_readable, os.eventfd_read"] = lambda: trio.run(trio_readable_wakes)
    yield Comparison("Waking a task, on trio", waking, {"wait_readable, os.eventfd_read": 2.5})
