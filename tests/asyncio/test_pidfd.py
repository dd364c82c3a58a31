"""Pidfd_async: many tasks wait for a process, and each gets its exit code."""

import asyncio
import errno
import gc
import os
import re
import signal

import pytest
import support
from loops import MODES, both, counting, run, turn, until_readable
from support import Child, needs

from butter import pidfd as module
from butter.asyncio.pidfd import Pidfd_async
from butter.clone import PIPE, spawn
from butter.errors import InvalidArgument
from butter.pidfd import PIDFD_NONBLOCK, Pidfd, pidfd_open

pytestmark = needs(kernel=(5, 4))

# far more than anything takes
LONG = 30


@pytest.fixture
def child():
    """A child that waits to be told how to end."""
    with Child() as child:
        yield child


async def waiting(process, count):
    """So many tasks that wait for the process."""
    tasks = [asyncio.ensure_future(process.wait()) for _ in range(count)]
    await turn()
    assert not any(task.done() for task in tasks)
    return tasks


@both
@pytest.mark.parametrize("mode", MODES)
def test_wait(kind, mode, child):
    """A wait returns the exit code, and so does every later one."""

    async def main():
        async with Pidfd_async(child.pid) as process:
            assert (process.poll(), process.returncode, process.pid) == (None, None, child.pid)
            task = asyncio.ensure_future(process.wait())
            await turn()
            assert not task.done()
            child.exit(7)
            assert await task == 7
            assert await process.wait() == await process.wait(0) == process.poll() == process.returncode == 7
        assert process.closed()

    run(main(), kind, mode)


@both
async def test_many_tasks(child):
    """Each of many tasks gets the same code, also after others were cancelled."""
    async with Pidfd_async(child.pid) as process:
        tasks = await waiting(process, 20)
        for task in tasks[::3]:
            task.cancel()
        child.exit(8)
        codes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [code for code in codes if code == 8] == [8] * 13
        assert all(isinstance(code, asyncio.CancelledError) for code in codes[::3])


@both
async def test_timeout(child):
    """A wait that is too short is a TimeoutError, the builtin and asyncio's."""
    async with Pidfd_async(child.pid) as process:
        for timeout in (0, 0.01):
            with pytest.raises(TimeoutError, match=f"has not ended within {timeout} seconds") as caught:
                await process.wait(timeout)
            assert isinstance(caught.value, asyncio.TimeoutError)
            assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(ValueError, match="negative"):
            await process.wait(-1)
        child.exit(9)
        assert await process.wait(1e12) == 9


@both
async def test_signals(child):
    """The methods of the object send signals, and fail once it was reaped."""
    async with Pidfd_async(child.pid) as process:
        process.send_signal(0)
        process.terminate()
        assert await process.wait(LONG) == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            process.kill()


@both
async def test_takes_over(child):
    """A Pidfd is taken over with what it knows, by one awaitable, which closes it."""
    process = Pidfd(child.pid)
    with pytest.raises(ValueError, match="flags are for a number"):
        Pidfd_async(process, PIDFD_NONBLOCK)
    assert not process.closed()
    async with Pidfd_async(process) as queue:
        assert queue.fileno() == process.fileno()
        with pytest.raises(ValueError, match="belongs to an awaitable already"):
            Pidfd_async(process)
        child.exit(10)
        assert await queue.wait(LONG) == 10
    assert process.closed()
    assert process.returncode == queue.returncode == 10


@both
async def test_takes_over_a_spawned_program():
    """An awaitable of a program closes its pipes too."""
    child = spawn(["cat"], stdin=PIPE, stdout=PIPE)
    async with Pidfd_async(child) as process:
        child.stdin.close()
        assert await process.wait(LONG) == 0
    assert child.closed()
    assert child.stdout.closed


@both
async def test_adopt(child, pipe):
    """``adopt`` takes a descriptor, an object, or an awaitable without waiters."""
    with Pidfd_async.adopt(pidfd_open(child.pid)) as first:
        assert (first.pid, first.poll()) == (child.pid, None)
        tasks = await waiting(first, 1)
        with pytest.raises(ValueError, match="tasks are waiting"):
            Pidfd_async.adopt(first)
        tasks[0].cancel()
        await turn()
        with Pidfd_async.adopt(first) as second:
            assert first.closed()
            child.exit(11)
            assert await second.wait(LONG) == 11
    with pytest.raises(InvalidArgument, match="is not a pidfd"):
        Pidfd_async.adopt(pipe[0])


@both
async def test_close(child):
    """Closing wakes every task with a ValueError; a second close does nothing."""
    process = Pidfd_async(child.pid)
    tasks = await waiting(process, 3)
    process.close()
    process.close()
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(error, ValueError)
        assert "closed file" in str(error)
    with pytest.raises(ValueError, match="closed file"):
        await process.wait()
    # the number is free for another process, which the loop watches anew
    with Child() as other:
        async with Pidfd_async(other.pid) as process:
            other.exit(12)
            assert await process.wait(LONG) == 12


@both
async def test_close_by_the_first_task(child):
    """Each task gets the code, though the first one has closed the object by then."""

    async def first():
        async with process:
            return await process.wait()

    process = Pidfd_async(child.pid)
    tasks = [asyncio.ensure_future(first()), *(asyncio.ensure_future(process.wait()) for _ in range(2))]
    await turn()
    child.exit(17)
    assert await asyncio.gather(*tasks) == [17] * 3
    assert process.closed()


@both
def test_readers(kind, child):
    """The loop watches the descriptor from the first wait to the end of the process."""
    kind = counting(kind)

    async def main():
        loop = asyncio.get_running_loop()
        async with Pidfd_async(child.pid) as process:
            del loop.calls[:]
            await asyncio.gather(*(process.wait(0.001) for _ in range(3)), return_exceptions=True)
            assert loop.calls == ["add_reader"]
            child.exit(13)
            assert await asyncio.gather(*(process.wait() for _ in range(3))) == [13] * 3
            assert loop.calls == ["add_reader", "remove_reader"]
            await process.wait()
        assert loop.calls == ["add_reader", "remove_reader"]

    run(main(), kind)


def test_loops(child):
    """An awaitable belongs to one loop while that is open, and to the next one then."""
    process = Pidfd_async(child.pid)

    async def cut_short():
        with pytest.raises(TimeoutError):
            await process.wait(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(cut_short())
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        run(process.wait())
    loop.close()
    child.exit(14)
    assert run(process.wait(LONG)) == 14
    process.close()


@both
def test_held_by_its_waiters(kind, child):
    """A task that waits keeps an awaitable that the program has forgotten."""

    async def wait():
        process = Pidfd_async(child.pid)
        process.itself = process  # a cycle, which only the collector finds
        return await process.wait()

    async def main():
        task = asyncio.ensure_future(wait())
        await turn()
        gc.collect()
        child.exit(15)
        await asyncio.wait([task])
        with pytest.warns(ResourceWarning, match="unclosed"):
            gc.collect()
        assert task.result() == 15

    run(main(), kind)


@both
async def test_forgotten(child):
    """A forgotten awaitable warns and closes; the next Pidfd reaps the child."""
    box = [Pidfd_async(child.pid)]
    fd, before = box[0].fileno(), support.descriptors()
    with pytest.raises(TimeoutError):
        await box[0].wait(0.001)
    with pytest.warns(ResourceWarning, match=re.escape(f"unclosed {box[0]!r}")):
        support.forget(box)
    while fd in support.descriptors():
        await turn()
    assert len(support.descriptors()) == len(before)  # the one that is kept for the child
    with Pidfd(child.pid) as process:
        child.exit(0)
        until_readable(process)
    Pidfd(os.getpid()).close()
    assert len(support.descriptors()) == len(before) - 1


@needs(kernel=(6, 15))
@both
async def test_stranger():
    """A wait for a process that is not a child ends when its parent has reaped it."""
    with support.Stranger() as stranger:
        async with Pidfd_async(stranger.pid) as process:
            tasks = await waiting(process, 3)
            stranger.exit(16)
            with pytest.raises(TimeoutError):
                await process.wait(0.1)
            assert not any(task.done() for task in tasks)
            stranger.be_reaped()
            assert await asyncio.gather(*tasks) == [16] * 3


@both
def test_lost(kind):
    """Where nothing keeps the exit code, each task gets the ChildProcessError."""

    async def main():
        with Child() as child:
            async with Pidfd_async(child.pid) as process:
                tasks = await waiting(process, 3)
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                for error in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(error, ChildProcessError)

    def body():
        support.inject("ioctl", errno.ENOTTY, arguments={1: module.PIDFD_GET_INFO})
        run(main(), kind)

    support.in_child(body)
