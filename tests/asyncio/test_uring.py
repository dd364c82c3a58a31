"""Ring_async as a queue of completions; test_queue.py has what every awaitable does."""

import errno
import os
import socket

import pytest
from features import LONG
from loops import LOOPS, TRIO, finished, of_trio, run, start, turn, within
from support import needs

from butter.asyncio import uring
from butter.uring import IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_SQPOLL

pytestmark = needs(kernel=(6, 1))

each_loop = pytest.mark.parametrize("kind", [*LOOPS.values(), TRIO], ids=[*LOOPS, TRIO])


def awaitable(kind):
    """The class for a kind of loop."""
    return of_trio(uring.Ring_async) if kind is TRIO else uring.Ring_async


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    with here, there:
        yield here, there


@each_loop
@pytest.mark.parametrize("flags", [0, IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_SQPOLL])
def test_requests(kind, flags, pair, pipe):
    """get hands requests over and wakes for each completion, of multishot ones too."""

    async def main():
        async with awaitable(kind)(8, flags) as ring:
            group = ring.provide(8, 1024)
            ring.recv(pair[0], group, "received", multishot=True)
            for word in b"one", b"two":
                waiting = start(ring.get())
                await turn(2)
                pair[1].send(word)
                await finished([waiting])
                done = waiting.result()
                assert (done.user_data, done.value, done.more) == ("received", word, True)
            ring.pread(pipe[0], 1, user_data="read")
            ring.cancel_fd(pipe[0], "cancel")
            found = {each.user_data: each for each in [await within(LONG, ring.get()) for _ in range(2)]}
            assert found["read"].error.errno == errno.ECANCELED
            assert found["cancel"].value == 1

    run(main(), kind)


@each_loop
def test_a_task_that_waits(kind, pipe):
    """submit wakes a task that waits already, and no completion has no room."""

    async def main():
        async with awaitable(kind)(4) as ring:
            ring.pread(pipe[0], 1, user_data="read")
            tasks = [start(ring.get()) for _ in range(101)]
            await turn(2)
            for number in range(100):
                ring.nop(number)
            ring.submit()
            os.write(pipe[1], b"x")
            await finished(tasks)
            assert {task.result().user_data for task in tasks} == {"read", *range(100)}

    run(main(), kind)


@each_loop
def test_a_task_that_is_cancelled_loses_no_completion(kind, pipe):
    """A completion that a cancelled task waited for goes to the next one."""

    async def main():
        async with awaitable(kind)(4) as ring:
            for number in range(20):
                ring.pread(pipe[0], 1, user_data=number)
                task = start(ring.get())
                await turn(2)
                os.write(pipe[1], b"x")
                await turn(number % 3)
                task.cancel()
                await finished([task])
                done = await within(LONG, ring.get()) if task.cancelled() else task.result()
                assert (done.user_data, done.value) == (number, b"x")

    run(main(), kind)


@each_loop
def test_closed_with_requests(kind, pipe):
    """A close ends the requests, gives the buffers back, and tells the tasks."""

    async def main():
        ring, buffer = awaitable(kind)(4), bytearray(4)
        ring.pread(pipe[0], buffer)
        task = start(ring.get())
        await turn(2)
        ring.close()
        await finished([task])
        with pytest.raises(ValueError, match="closed"):
            task.result()
        os.write(pipe[1], b"late")
        assert buffer == bytes(4)
        buffer.append(1)

    run(main(), kind)
