"""Process_async under trio: streams, communicate, the end, and cancellation."""

import os
import signal
from pathlib import Path

import pytest
import support
import trio
import trio.testing
from loops import TRIO, finished, run, start, turn, under_trio

from butter.clone import PIPE, spawn
from butter.trio.clone import Process_async
from butter.trio.pidfd import Pidfd_async

pytestmark = support.needs(kernel=(5, 4))

# far more than anything takes, and more than pipes hold
LONG, LARGE = 60, 3_000_000
STUBBORN = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]


def gone(pid):
    """Whether there is neither a process nor a zombie of this number."""
    return not Path(f"/proc/{pid}").exists()


@under_trio
async def test_streams():
    """The streams are those of trio, and None where there is no pipe."""
    async with Process_async(["cat"], stdin=PIPE, stdout=PIPE) as process:
        await process.stdin.send_all(b"one\n")
        assert await process.stdout.receive_some() == b"one\n"
        await process.stdin.aclose()
        assert await process.stdout.receive_some() == b""
        assert process.stderr is None
        assert process.args == ["cat"]
        assert await process.wait(LONG) == process.returncode == 0


@under_trio
async def test_communicate():
    """More input, output and errors than pipes hold go through, at the same time."""
    data = os.urandom(LARGE)
    async with Process_async(["tee", "/dev/stderr"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert await process.communicate(memoryview(data), LONG) == (data, data)
        with trio.testing.assert_checkpoints():
            assert await process.communicate() == (data, data)
        assert process.returncode == 0
    async with Process_async(["true"], stdin=PIPE) as process:
        assert await process.communicate(bytes(LARGE), LONG) == (None, None)
    async with Process_async(["true"]) as process:
        with pytest.raises(ValueError, match="needs stdin=PIPE"):
            await process.communicate(b"data")
    with pytest.raises(TypeError, match="its streams have bytes"):
        Process_async(["true"], stdout=PIPE, text=True)


@under_trio
async def test_cancelling_loses_nothing(pipe):
    """After a timeout or a cancelled task a later call has all input and output."""
    data = os.urandom(LARGE)
    script = "cat; read line <&3; echo $line"
    async with Process_async(["sh", "-c", script], stdin=PIPE, stdout=PIPE, pass_fds={3: pipe.reading}) as process:
        task = start(process.communicate(data))
        await trio.sleep(0)
        await trio.sleep(0)
        with pytest.raises(trio.BusyResourceError):
            await process.communicate()
        task.cancel()
        await finished([task])
        assert task.cancelled()
        for timeout in (0, 0.05):
            with pytest.raises(trio.TooSlowError, match=f"has not ended.* within {timeout} seconds"):
                await process.communicate(timeout=timeout)
        with pytest.raises(ValueError, match="input must be None"):
            await process.communicate(b"more")
        os.write(pipe.writing, b"second\n")
        assert await process.communicate(timeout=LONG) == (data + b"second\n", None)


@under_trio
async def test_a_program_that_outlives_its_pipes():
    """A timeout counts for the end of the program, after that of its pipes, too."""
    script = "exec >&-; echo closed >&2; exec 2>&-; exec sleep 60"
    async with Process_async(["sh", "-c", script], stdout=PIPE, stderr=PIPE) as process:
        with pytest.raises(TimeoutError, match="has not ended"):
            await process.communicate(timeout=0.2)
        process.kill()
        assert await process.communicate() == (b"", b"closed\n")
        assert process.returncode == -signal.SIGKILL


@under_trio
async def test_end_of_block():
    """A program that runs at the end of the block is terminated, killed if need be."""
    async with Process_async(["sleep", "60"], stdin=PIPE) as process:
        stream = process.stdin
    assert process.returncode == -signal.SIGTERM
    assert stream.fileno() == -1
    async with Process_async(STUBBORN, stdout=PIPE, grace=0.05) as other:
        assert await other.stdout.receive_some() == b"ready\n"
    assert other.returncode == -signal.SIGKILL
    assert gone(process.pid)
    assert gone(other.pid)
    with pytest.raises(TypeError, match="use async with"):
        process.__enter__()


@pytest.mark.parametrize("grace", [0.05, None, LONG])
@under_trio
async def test_a_block_that_is_cancelled(grace):
    """The program has its grace time all the same, and is killed at once without."""
    patient = ["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"]
    argv = patient if grace == LONG else STUBBORN
    with trio.CancelScope() as scope:
        async with Process_async(argv, stdout=PIPE, grace=grace) as process:
            assert await process.stdout.receive_some() == b"ready\n"
            scope.cancel()
    assert scope.cancelled_caught
    assert process.returncode == (3 if grace == LONG else -signal.SIGKILL)
    assert gone(process.pid)


@under_trio
async def test_closing_leaves_the_program_alone():
    """Each waiter gets a ClosedResourceError, and so does a task that communicates."""
    process = Process_async(["sh", "-c", "read line; exit 6"], stdin=PIPE, stdout=PIPE)
    tasks = [start(process.communicate(timeout=LONG)) for _ in range(1)] + [start(process.wait())]
    async with Process_async(["cat"], stdin=PIPE, stdout=PIPE) as other:
        reading = start(other.communicate())
        await finished([reading])
        assert reading.result() == (b"", None)
    await finished(tasks)
    assert [task.result() for task in tasks] == [(b"", None), 6]
    await process.aclose()
    process = Process_async(["sleep", "60"], stdout=PIPE)
    pid, tasks = process.pid, [start(process.communicate()), start(process.wait())]
    await turn()
    process.close()
    process.close()
    await finished(tasks)
    assert all(isinstance(task.exception(), trio.ClosedResourceError) for task in tasks)
    assert not gone(pid)
    async with Pidfd_async(pid) as left:
        left.kill()
        assert await left.wait(LONG) == -signal.SIGKILL


@under_trio
async def test_adopt():
    """A Child of spawn becomes an awaitable with streams; one in use is kept."""
    async with Process_async.adopt(spawn(["cat"], stdin=PIPE, stdout=PIPE)) as process:
        with pytest.raises(ValueError, match="has its streams"):
            Pidfd_async.adopt(process)
        assert await process.communicate(b"data", LONG) == (b"data", None)


@support.alone
@under_trio
async def test_no_descriptor_for_a_stream():
    """Where a stream cannot be made, the program is ended."""
    process = Process_async(["sleep", "60"], stdout=PIPE)
    support.inject("fcntl", 24, first=process._source.stdout.fileno())  # EMFILE
    with pytest.raises(OSError, match="Too many open files"):
        async with process:
            pass
    assert gone(process.pid)


def test_streams_after_the_run():
    """Outside of a run the streams close when they are collected."""
    made = []

    async def main():
        made.append(Process_async(["true"], stdout=PIPE))
        await made[0].communicate(timeout=LONG)
        assert made[0].returncode == 0

    run(main(), TRIO)
    made[0].close()
    support.forget(made)
