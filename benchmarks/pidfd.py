"""Waiting for children: one that has ended, and a thousand that end at once."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from asyncio import unix_events
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from benchmarks.floor import Floor
from benchmarks.runner import LOOPS, Comparison, NewLoop, Sample, on_loop
from butter.asyncio.pidfd import Pidfd_async
from butter.pidfd import Pidfd

# the child watcher that this Python uses unless it is told otherwise
DEFAULT = "pidfd watcher" if sys.version_info >= (3, 12) else "thread watcher"

ENDED = 100
CROWD = 1000

floor = Floor(
    "floor_pidfd",
    "int reap(int pid); int child(int reading);",
    """
    #include <sched.h>
    #include <signal.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>

    static char stacks[1100][4096];

    static int wait_and_exit(void *reading)
    {
        char byte;
        return read((int)(intptr_t)reading, &byte, 1) != 1;
    }

    /* A child in the memory of this process: to fork would take longer than to wait. */
    static int child(int reading)
    {
        static int next;
        char *stack = stacks[next++ % 1100];
        return clone(wait_and_exit, stack + sizeof stacks[0], CLONE_VM | SIGCHLD, (void *)(intptr_t)reading);
    }

    static int reap(int pid)
    {
        siginfo_t info;
        int fd = syscall(434, pid, 0);
        waitid(3, fd, &info, WEXITED);
        close(fd);
        return info.si_status;
    }
    """,
)


class Children:
    """So many children, which end when they are told to."""

    def __init__(self, count: int) -> None:
        self._reading, self._writing = os.pipe()
        self.pids = [floor.child(self._reading) for _ in range(count)]

    def end(self) -> None:
        os.write(self._writing, bytes(len(self.pids)))
        os.close(self._writing)
        os.close(self._reading)


def reaped(reap: Callable[[int], object]) -> Sample:
    """Return a sample of *reap*, called with the number of a child that has ended."""

    def sample() -> float:
        children = Children(ENDED)
        children.end()
        for pid in children.pids:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        start = time.perf_counter_ns()
        for pid in children.pids:
            reap(pid)
        return (time.perf_counter_ns() - start) / ENDED

    return sample


def butter(pid: int) -> None:
    with Pidfd(pid) as process:
        process.wait()


def os_calls(pid: int) -> None:
    fd = os.pidfd_open(pid)
    os.waitid(os.P_PIDFD, fd, os.WEXITED)
    os.close(fd)


def awaited(new_loop: NewLoop, wait: Callable[[Children], Coroutine[Any, Any, float]]) -> Sample:
    """Return a sample of *wait*, which waits for a thousand children on a new loop."""
    return lambda: on_loop(new_loop, wait(Children(CROWD))) / CROWD


async def crowd_butter(children: Children) -> float:
    start = time.perf_counter_ns()
    processes = [Pidfd_async(pid) for pid in children.pids]
    tasks = [asyncio.ensure_future(process.wait()) for process in processes]
    await asyncio.sleep(0)
    children.end()
    assert await asyncio.gather(*tasks) == [0] * CROWD
    for process in processes:
        process.close()
    return time.perf_counter_ns() - start


def crowd_watched(name: str) -> Callable[[Children], Coroutine[Any, Any, float]] | None:
    """Return the wait for a crowd by a child watcher of asyncio, if it exists."""
    # Python 3.14 has them for itself alone
    kind: Any = getattr(unix_events, name, None) or getattr(unix_events, f"_{name}", None)
    if kind is None:
        return None

    async def wait(children: Children) -> float:
        start = time.perf_counter_ns()
        loop, watcher = asyncio.get_running_loop(), kind()
        if hasattr(watcher, "attach_loop"):
            watcher.attach_loop(loop)

        def ended(pid: int, code: int, future: asyncio.Future[int]) -> None:
            loop.call_soon_threadsafe(future.set_result, code)

        async def one(pid: int) -> int:
            future = loop.create_future()
            watcher.add_child_handler(pid, ended, future)
            code: int = await future
            return code

        tasks = [asyncio.ensure_future(one(pid)) for pid in children.pids]
        await asyncio.sleep(0)
        children.end()
        assert await asyncio.gather(*tasks) == [0] * CROWD
        return time.perf_counter_ns() - start

    return wait


def comparisons() -> Iterator[Comparison]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8 * CROWD), hard))
    contenders = {"C floor": reaped(floor.reap), "butter": reaped(butter)}
    if hasattr(os, "pidfd_open"):
        contenders["os.pidfd_open, os.waitid"] = reaped(os_calls)
    yield Comparison("Opening, reaping and closing a child that has ended", contenders)
    for name, new_loop in LOOPS.items():
        crowds = {"butter": awaited(new_loop, crowd_butter)}
        for title, kind in ("thread watcher", "ThreadedChildWatcher"), ("pidfd watcher", "PidfdChildWatcher"):
            # that of pidfds needs a method that uvloop lacks
            if (name, title) != ("uvloop", "pidfd watcher") and (wait := crowd_watched(kind)):
                crowds[title] = awaited(new_loop, wait)
        yield Comparison(
            f"{CROWD:,} children awaited at once, on {name}",
            crowds,
            {DEFAULT: 1},
            rounds=7,
        )
