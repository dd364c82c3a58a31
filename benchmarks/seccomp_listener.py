"""Answering a system call of a fenced process: the way there and back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import trio

from benchmarks.floor import Floor
from benchmarks.runner import LOOPS, Comparison, NewLoop, Sample, on_loop
from butter.asyncio.seccomp import Listener_async
from butter.seccomp import SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Listener
from butter.trio.seccomp import Listener_async as Listener_trio

floor = Floor(
    "floor_seccomp_listener",
    "int fenced(int ready, int go, long count); void answer(int fd, long count);",
    """
    #include <linux/filter.h>
    #include <linux/seccomp.h>
    #include <sched.h>
    #include <signal.h>
    #include <stddef.h>
    #include <string.h>
    #include <sys/ioctl.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* A child that makes the call so many times, once it is told to. It shares the
       descriptors, so that of its listener is open here, too. */
    static int fenced(int ready, int go, long count)
    {
        struct sock_filter steps[] = {
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
            {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
            {BPF_RET, 0, 0, SECCOMP_RET_USER_NOTIF},
            {BPF_RET, 0, 0, SECCOMP_RET_ALLOW},
        };
        struct sock_fprog program = {4, steps};
        int pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

        if (!pid) {
            char byte;
            int fd;
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
            if (write(ready, &fd, sizeof fd) != sizeof fd || read(go, &byte, 1) != 1)
                _exit(1);
            while (count--)
                syscall(SYS_getppid);
            _exit(0);
        }
        return pid;
    }

    static void answer(int fd, long count)
    {
        struct seccomp_notif call;
        struct seccomp_notif_resp answer;

        while (count--) {
            memset(&call, 0, sizeof call);
            ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call);
            memset(&answer, 0, sizeof answer);
            answer.id = call.id;
            answer.val = 1;
            ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        }
    }
    """,
)

CALLS = 5_000


def answered(answer: Callable[[Listener], object], flags: int) -> Sample:
    """Return a sample of *answer*, which answers CALLS calls that a listener has."""

    def sample() -> float:
        (ready, told), (go, tell) = os.pipe(), os.pipe()
        pid = floor.fenced(told, go, CALLS)
        with Listener.adopt(int.from_bytes(os.read(ready, 4), "little")) as listener:
            if flags:
                listener.set_flags(flags)
            start = time.perf_counter_ns()
            os.write(tell, b"g")
            answer(listener)
            took = time.perf_counter_ns() - start
        os.waitpid(pid, 0)
        for fd in (ready, told, go, tell):
            os.close(fd)
        return took / CALLS

    return sample


def in_c(listener: Listener) -> None:
    floor.answer(listener.fileno(), CALLS)


def butter(listener: Listener) -> None:
    for _ in range(CALLS):
        listener.read_event().respond(1)


async def awaitable(listener: Listener, kind: type[Listener_async] | type[Listener_trio]) -> None:
    async with kind.adopt(listener) as queue:
        for _ in range(CALLS):
            (await queue.get()).respond(1)


def on_asyncio(new_loop: NewLoop) -> Callable[[Listener], object]:
    return lambda listener: on_loop(new_loop, awaitable(listener, Listener_async))


def on_trio(listener: Listener) -> None:
    trio.run(awaitable, listener, Listener_trio)


def comparisons() -> Iterator[Comparison]:
    for words, flags in (("", 0), (", waking on one processor", SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)):
        yield Comparison(
            f"A system call that is answered{words}",
            {"C floor": answered(in_c, flags), "butter": answered(butter, flags)},
            {"C floor": 1.3},
        )
        for name, new_loop in LOOPS.items():
            yield Comparison(
                f"A system call that is answered, on {name}{words}",
                {"C floor": answered(in_c, flags), "butter": answered(on_asyncio(new_loop), flags)},
                {"C floor": 3},
            )
        yield Comparison(
            f"A system call that is answered, on trio{words}",
            {"C floor": answered(in_c, flags), "butter": answered(on_trio, flags)},
        )
