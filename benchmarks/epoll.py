"""Waiting for many descriptors, changing them, and a loop that does both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import select
import time
from collections.abc import Callable, Iterator

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, repeated
from butter.epoll import EPOLL_CTL_MOD, EPOLLIN, Epoll, EpollSelector, epoll_create1, epoll_ctl, epoll_wait

floor = Floor(
    "floor_epoll",
    "void wait(int epoll, int most, long count); void modify(int epoll, int fd, long count);",
    """
    #include <stdlib.h>
    #include <sys/epoll.h>

    static void wait(int epoll, int most, long count)
    {
        struct epoll_event *events = malloc(most * sizeof *events);
        while (count > 0)
            count -= epoll_wait(epoll, events, most, 0);
        free(events);
    }

    static void modify(int epoll, int fd, long count)
    {
        struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
        while (count--)
            epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    }
    """,
)

#: how many descriptors are ready at once
READY = (1, 100, 10_000)
MESSAGES = 2000


@contextlib.contextmanager
def ready(count: int) -> Iterator[Epoll]:
    """An Epoll with *count* descriptors, which stay ready."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(READY) + 1000, max(hard, max(READY) + 1000)))
    counter = os.eventfd(1)
    numbers = [os.dup(counter) for _ in range(count)]
    with Epoll() as epoll:
        for number in numbers:
            epoll.register(number, EPOLLIN)
        yield epoll
    for number in (counter, *numbers):
        os.close(number)


def of_select(epoll: Epoll) -> select.epoll:
    """Return Python's own epoll for the same list in the kernel."""
    return select.epoll.fromfd(os.dup(epoll.fileno()))


def each(wait: Callable[[], object], count: int) -> float:
    """Return the nanoseconds of an event; *count* of them are ready."""
    calls = max(5, 20_000 // count)
    start = time.perf_counter_ns()
    for _ in range(calls):
        wait()
    return (time.perf_counter_ns() - start) / calls / count


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


async def messages() -> float:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    start = time.perf_counter_ns()
    for _ in range(MESSAGES):
        writer.write(b"x" * 100)
        await reader.readexactly(100)
    took = (time.perf_counter_ns() - start) / MESSAGES
    writer.close()
    server.close()
    await asyncio.sleep(0.01)  # the server sees the end
    return took


def echoed(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[], float]:
    def sample() -> float:
        loop = new_loop()
        try:
            return loop.run_until_complete(messages())
        finally:
            loop.close()

    return sample


def waits(count: int) -> Iterator[Comparison]:
    with ready(count) as epoll:
        theirs = of_select(epoll)
        others = {
            "C floor": lambda: timed(floor.wait, epoll.fileno(), count, max(count, 20_000)),
            "select.epoll.poll": lambda: each(lambda: theirs.poll(-1, count), count),
        }
        yield Comparison(
            f"poll with {count} ready descriptors",
            {"butter": lambda: each(lambda: epoll.poll(-1, count), count), **others},
            {"select.epoll.poll": 1},
        )
        read = min(count, 1024)
        yield Comparison(
            f"read_events with {count} ready descriptors",
            {"butter": lambda: each(epoll.read_events, read), **others},
            {"select.epoll.poll": 1.5},
        )
        yield Comparison(
            f"epoll_wait with {count} ready descriptors",
            {"butter": lambda: each(lambda: epoll_wait(epoll, count), count), **others},
            {"select.epoll.poll": 1.35},
        )
        theirs.close()


def comparisons() -> Iterator[Comparison]:
    for count in READY:
        yield from waits(count)
    with ready(1) as epoll:
        theirs = of_select(epoll)
        ((fd, _),) = epoll.poll()
        number = epoll.fileno()
        calls = {
            "Epoll.modify": lambda: repeated("epoll.modify(fd, 1)", epoll=epoll, fd=fd),
            "epoll_ctl": lambda: repeated(
                "epoll_ctl(epoll, MOD, fd, 1)", epoll_ctl=epoll_ctl, epoll=number, MOD=EPOLL_CTL_MOD, fd=fd
            ),
        }
        for name, call in calls.items():
            yield Comparison(
                f"Changing the events of a descriptor, by {name}",
                {
                    "C floor": lambda: timed(floor.modify, number, fd, 20_000),
                    "butter": call,
                    "select.epoll.modify": lambda: repeated("epoll.modify(fd, 1)", epoll=theirs, fd=fd),
                },
                {"select.epoll.modify": 1.35},
            )
        theirs.close()
    yield Comparison(
        "Making an epoll, and closing it",
        {
            "butter": lambda: repeated("close(create())", create=epoll_create1, close=os.close),
            "select.epoll": lambda: repeated("create().close()", create=select.epoll),
        },
        {"select.epoll": 1.35},
    )
    yield Comparison(
        "A message to an echo server and back, on asyncio",
        {
            "butter": echoed(lambda: asyncio.SelectorEventLoop(EpollSelector())),
            "selectors.EpollSelector": echoed(asyncio.SelectorEventLoop),
        },
        {"selectors.EpollSelector": 1},
    )
