"""Pidfd_async under trio: many tasks wait, and each gets the exit code."""

import errno
import os
import signal

import pytest
import support
import trio
import trio.testing
from loops import finished, start, turn, under_trio
from support import Child, needs

from butter import pidfd as module
from butter.pidfd import Pidfd
from butter.trio.pidfd import Pidfd_async

pytestmark = needs(kernel=(5, 4))

LONG = 30


@pytest.fixture
def child():
    """A child that waits to be told how to end."""
    with Child() as child:
        yield child


async def waiting(process, count):
    """So many tasks that wait for the process."""
    tasks = [start(process.wait()) for _ in range(count)]
    await turn()
    assert not any(task.done() for task in tasks)
    return tasks


@under_trio
async def test_many_tasks(child):
    """Each of many tasks gets the same code, also after others were cancelled."""
    async with Pidfd_async(child.pid) as process:
        assert (process.poll(), process.returncode, process.pid) == (None, None, child.pid)
        tasks = await waiting(process, 20)
        for task in tasks[::3]:
            task.cancel()
        child.exit(8)
        await finished(tasks)
        assert all(task.cancelled() for task in tasks[::3])
        assert [task.result() for task in tasks if not task.cancelled()] == [8] * 13
        with trio.testing.assert_checkpoints():
            assert await process.wait(0) == process.poll() == process.returncode == 8
    assert await process.wait() == 8


@under_trio
async def test_timeout(child):
    """A wait that is too short is a TimeoutError, the builtin and trio's."""
    async with Pidfd_async(child.pid) as process:
        [first] = await waiting(process, 1)
        for timeout in (0, 0.01):
            with trio.testing.assert_checkpoints(), pytest.raises(trio.TooSlowError, match="has not ended") as caught:
                await process.wait(timeout)
            assert isinstance(caught.value, TimeoutError)
            assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(ValueError, match="negative"):
            await process.wait(-1)
        child.exit(9)
        assert await process.wait(1e12) == 9
        assert await first == 9


@under_trio
async def test_close(child):
    """Closing wakes every task with a ClosedResourceError."""
    process = Pidfd_async(child.pid)
    tasks = await waiting(process, 3)
    process.close()
    process.close()
    await finished(tasks)
    assert all(isinstance(task.exception(), trio.ClosedResourceError) for task in tasks)
    with pytest.raises(ValueError, match="closed file"):
        await process.wait()


@under_trio
async def test_close_by_the_first_task(child):
    """Each task gets the code, though the first one has closed the object by then."""

    async def first():
        async with process:
            return await process.wait()

    process = Pidfd_async(child.pid)
    tasks = [start(first()), *(start(process.wait()) for _ in range(2))]
    await turn()
    child.exit(17)
    await finished(tasks)
    assert [task.result() for task in tasks] == [17] * 3


@under_trio
async def test_adopt(child):
    """A Pidfd is taken over by one awaitable, and not while tasks wait."""
    with Pidfd_async.adopt(Pidfd(child.pid)) as first:
        [task] = await waiting(first, 1)
        with pytest.raises(ValueError, match="tasks are waiting"):
            Pidfd_async.adopt(first)
        task.cancel()
        await finished([task])
        with Pidfd_async.adopt(first) as second:
            child.exit(11)
            assert await second.wait(LONG) == 11


@needs(kernel=(6, 15))
@under_trio
async def test_stranger():
    """A wait for a process that is not a child ends when its parent has reaped it."""
    with support.Stranger() as stranger:
        async with Pidfd_async(stranger.pid) as process:
            tasks = await waiting(process, 3)
            stranger.exit(16)
            with pytest.raises(TimeoutError):
                await process.wait(0.1)
            assert not any(task.done() for task in tasks)
            with pytest.raises(ValueError, match="tasks are waiting"):
                Pidfd_async.adopt(process)
            stranger.be_reaped()
            await finished(tasks)
            assert [task.result() for task in tasks] == [16] * 3


@support.alone
@under_trio
async def test_lost():
    """Where nothing keeps the exit code, each task gets the ChildProcessError."""
    support.inject("ioctl", errno.ENOTTY, arguments={1: module.PIDFD_GET_INFO})
    with Child() as child:
        async with Pidfd_async(child.pid) as process:
            tasks = await waiting(process, 3)
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            await finished(tasks)
            assert all(isinstance(task.exception(), ChildProcessError) for task in tasks)
