"""Many system calls that wait, readers that share them, and interrupted tasks."""

import contextlib
import errno
import gc
import os
import platform
import random
import threading

import pytest
import support
from features import LONG, Calls
from loops import LOOPS, TRIO, finished, of_trio, run, start, turn

from butter.asyncio.seccomp import Listener_async
from butter.errors import NoMoreEvents
from butter.seccomp import CallGone, Listener

pytestmark = [pytest.mark.stress, Calls.needs]

# PyPy takes long to collect garbage
ROUNDS = 60 if platform.python_implementation() == "CPython" else 4
CALLS, READERS = 30, 4
#: what a call may return: an answer, EPERM of a forgotten one, EINTR
ENDS = {(1, 0), (-1, errno.EXDEV), (-1, errno.EPERM), (-1, errno.EINTR)}


@pytest.fixture
def fence():
    with support.Fences() as fences, contextlib.closing(fences.make()) as fence:
        yield fence


def answer(notification, choice):
    """Answer in one of several ways, or not at all."""
    with contextlib.suppress(CallGone):
        if choice == 0:
            notification.respond(1)
        elif choice == 1:
            notification.fail(errno.EXDEV)
        elif choice == 2:
            assert notification.read_path(notification.arguments[0]) == "/a/path"


def test_threads_and_signals(fence):
    """Each of many calls has one end, though readers share them and signals come."""
    results = []
    with Listener.adopt(fence.fd) as listener:

        def read():
            while True:
                try:
                    notification = listener.wait()
                except NoMoreEvents:
                    return
                answer(notification, random.randrange(4))
                del notification
                gc.collect()  # which PyPy puts off

        threads = [threading.Thread(target=read, daemon=True) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        with support.alarms(lambda *_: None, 0.002):
            for _ in range(ROUNDS):
                fence.call("/a/path", times=CALLS)
                fence.interrupt()
                results += [fence.result() for _ in range(CALLS)]
        fence.close()
        for thread in threads:
            thread.join(LONG)
            assert not thread.is_alive()
    assert len(results) == ROUNDS * CALLS
    assert set(results) <= ENDS
    assert (1, 0) in results
    assert (-1, errno.EPERM) in results


@pytest.mark.parametrize("kind", [*LOOPS.values(), TRIO], ids=[*LOOPS, TRIO])
def test_cancelled_waiters(fence, kind):
    """No call is lost by tasks that are cancelled while others wait and answer."""
    cls = of_trio(Listener_async) if kind is TRIO else Listener_async

    async def main():
        async with cls.adopt(fence.fd) as queue:
            for _ in range(ROUNDS):
                fence.call(times=READERS)
                left = READERS
                while left:
                    tasks = [start(queue.get(10)) for _ in range(left + 3)]
                    await turn()
                    for task in random.sample(tasks, 3 + left // 2):
                        task.cancel()
                    await turn(random.randrange(3))
                    for task in random.sample(tasks, left // 2):
                        task.cancel()
                    await turn(3)
                    for task in tasks:
                        if not task.done():
                            task.cancel()
                    await finished(tasks)
                    for task in tasks:
                        if not task.cancelled():
                            task.result().respond(7)
                            left -= 1
                assert [fence.result() for _ in range(READERS)] == [(7, 0)] * READERS

    run(main(), kind)


def test_children_of_the_reader(fence):
    """Forks of the process that answers take nothing and answer nothing."""
    with Listener.adopt(fence.fd) as listener:
        for number in range(ROUNDS):
            fence.call(number)
            notification = listener.wait(LONG)
            child = os.fork()
            if not child:
                del notification
                os._exit(0 if listener.closed() else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            notification.respond(number)
            assert fence.result() == (number, 0)
