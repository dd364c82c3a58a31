"""Process_async: streams, communicate, the end of the block, and cancellation."""

import asyncio
import gc
import inspect
import os
import signal
from pathlib import Path

import pytest
import support
from loops import both, turn

from butter._clone_spawn import SpawnOptions
from butter.asyncio.clone import Process_async
from butter.asyncio.pidfd import Pidfd_async
from butter.clone import PIPE, spawn

pytestmark = support.needs(kernel=(5, 4))

# far more than anything takes, and more than pipes hold
LONG, LARGE = 60, 3_000_000
STUBBORN = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]


def gone(pid):
    """Whether there is neither a process nor a zombie of this number."""
    return not Path(f"/proc/{pid}").exists()


@both
async def test_streams():
    """The streams are those of asyncio, and None where there is no pipe."""
    async with Process_async(["cat"], stdin=PIPE, stdout=PIPE) as process:
        process.stdin.write(b"one\ntwo\n")
        await process.stdin.drain()
        assert await process.stdout.readline() == b"one\n"
        process.stdin.close()
        await process.stdin.wait_closed()
        assert [line async for line in process.stdout] == [b"two\n"]
        assert process.stderr is None
        assert await process.wait(LONG) == process.returncode == 0


@both
async def test_communicate():
    """More input, output and errors than pipes hold go through, at the same time."""
    data = os.urandom(LARGE)
    async with Process_async(["tee", "/dev/stderr"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert await process.communicate(memoryview(data), LONG) == (data, data)
        assert await process.communicate() == (data, data)
        assert process.returncode == 0
    async with Process_async(["true"], stdin=PIPE) as process:
        assert await process.communicate(bytes(LARGE), LONG) == (None, None)
    async with Process_async(["true"]) as process:
        with pytest.raises(ValueError, match="needs stdin=PIPE"):
            await process.communicate(b"data")


@pytest.mark.parametrize("option", [{"text": True}, {"encoding": "utf-8"}, {"errors": "replace"}], ids=str)
def test_text(option):
    """The streams have bytes, so what asks for text is refused."""
    with pytest.raises(TypeError, match=f"does not take {next(iter(option))}: its streams have bytes"):
        Process_async(["true"], stdout=PIPE, **option)


@both
async def test_cancelling_loses_nothing(pipe):
    """After a timeout or a cancelled task a later call has all input and output."""
    data = os.urandom(LARGE)
    script = "cat; read line <&3; echo $line"
    async with Process_async(["sh", "-c", script], stdin=PIPE, stdout=PIPE, pass_fds={3: pipe.reading}) as process:
        task = asyncio.ensure_future(process.communicate(data))
        await turn(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for timeout in (0, 0.05):
            with pytest.raises(TimeoutError, match=f"has not ended.* within {timeout} seconds") as caught:
                await process.communicate(timeout=timeout)
            assert isinstance(caught.value, asyncio.TimeoutError)
        with pytest.raises(ValueError, match="input must be None"):
            await process.communicate(b"more")
        os.write(pipe.writing, b"second\n")
        assert await process.communicate(timeout=LONG) == (data + b"second\n", None)


@both
async def test_many_tasks_wait():
    """Tasks wait while another communicates, and each gets the exit code."""
    async with Process_async(["sh", "-c", "cat; exit 7"], stdin=PIPE, stdout=PIPE) as process:
        tasks = [asyncio.ensure_future(process.wait()) for _ in range(5)]
        await turn()
        tasks[0].cancel()
        assert await process.communicate(b"data", LONG) == (b"data", None)
        assert await asyncio.gather(*tasks[1:]) == [7] * 4
    assert await process.wait() == process.poll() == process.returncode == 7


@both
async def test_end_of_block():
    """A program that runs at the end of the block is terminated, killed if need be."""
    async with Process_async(["sleep", "60"]) as process:
        assert process.args == ["sleep", "60"]
    assert process.returncode == -signal.SIGTERM
    process.terminate()
    async with Process_async(STUBBORN, stdout=PIPE, grace=0.05) as other:
        assert await other.stdout.readline() == b"ready\n"
    assert other.returncode == -signal.SIGKILL
    assert gone(process.pid)
    assert gone(other.pid)


@both
async def test_cancelled_end():
    """A task that is cancelled in the grace time kills the program and reaps it."""
    made = []

    async def block():
        async with Process_async(STUBBORN, stdout=PIPE, grace=None) as process:
            made.append(process)
            await process.stdout.readline()

    task = asyncio.ensure_future(block())
    while not (made and made[0]._waiters):  # those of the grace time
        await turn()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made[0].returncode == -signal.SIGKILL
    assert gone(made[0].pid)


@both
async def test_cancelled_begin():
    """A task that is cancelled while the streams are connected leaves nothing."""
    made, told = [], []

    async def block():
        made.append(Process_async(["sleep", "60"], stdin=PIPE, stdout=PIPE, stderr=PIPE))
        async with made[-1]:
            await asyncio.sleep(LONG)

    async def alone():
        made.append(Process_async(["sleep", "60"], stdin=PIPE, stdout=PIPE, stderr=PIPE))
        try:
            await made[-1].communicate(b"x")
        finally:
            made[-1].kill()
            made[-1]._source.wait()
            made[-1].close()

    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    for body in block, alone:
        for turns in range(9):
            task = asyncio.ensure_future(body())
            await turn(turns)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert turns == 0 or gone(made[-1].pid)
            await turn(5)
            gc.collect()
    assert not told


@both
async def test_without_a_block():
    """An awaited object has its streams too, and closing leaves the program alone."""
    process = await Process_async(["sh", "-c", "read line; exit 6"], stdin=PIPE)
    pid = process.pid
    process.stdin.write(b"\n")
    assert await process.wait(LONG) == 6
    process.close()
    process.close()
    assert gone(pid)
    async with Process_async(["true"]) as process:
        with pytest.raises(TypeError, match="use async with"):
            process.__enter__()
        await process.wait(LONG)


@both
async def test_unwritten_input_at_the_end():
    """Bytes that the program never read do not delay the end of the block."""
    async with Process_async(["sleep", "60"], stdin=PIPE) as process:
        process.stdin.write(bytes(LARGE))
    assert process.returncode == -signal.SIGTERM
    await turn(5)


@both
async def test_adopt():
    """A Child of spawn becomes an awaitable with streams; one in use is kept."""
    async with Process_async.adopt(spawn(["cat"], stdin=PIPE, stdout=PIPE)) as process:
        with pytest.raises(ValueError, match="has its streams"):
            Pidfd_async.adopt(process)
        assert await process.communicate(b"data", LONG) == (b"data", None)


def test_options_of_spawn():
    """Every option of spawn is one of Process_async."""
    named = set(inspect.signature(Process_async).parameters) - {"limit", "grace", "options"}
    assert named | set(SpawnOptions.__annotations__) == set(inspect.signature(spawn).parameters)


@both
async def test_forgotten():
    """A forgotten awaitable warns and closes."""
    box = [Process_async(["true"])]
    assert await box[0].wait(LONG) == 0
    with pytest.warns(ResourceWarning, match="unclosed <Process_async"):
        support.forget(box)
    await turn(3)


@both
async def test_hundred_at_once():
    """A hundred programs at once keep their output apart."""

    async def talk(number):
        async with Process_async(["sh", "-c", f"cat; echo {number}"], stdin=PIPE, stdout=PIPE) as process:
            return await process.communicate(b"in\n", LONG)

    found = await asyncio.gather(*map(talk, range(100)))
    assert found == [(f"in\n{number}\n".encode(), None) for number in range(100)]
