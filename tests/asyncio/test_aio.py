"""Aio_async as a queue of completions; test_queue.py has what every awaitable does."""

import errno
import os
import select

import pytest
from features import LONG
from loops import both, finished, run, start, turn, under_trio

from butter.asyncio.aio import Aio_async
from butter.errors import InvalidArgument, NoMoreEvents
from butter.trio import aio as of_trio


async def everything(aio, file, pipe):
    """Do all that an awaitable does, under any loop."""
    with pytest.raises(NoMoreEvents):
        await aio.get()
    assert [done async for done in aio] == []
    numbers = [aio.pread(file, 3, 1), aio.preadv(file, [bytearray(2)], 4), aio.fsync(file), aio.fdsync(file)]
    numbers += [aio.pwrite(file, b"x", 10), aio.pwritev(file, [b"y", b"z"], 11)]
    assert (aio.queued, aio.in_flight) == (6, 0)
    # get hands them over
    done = {each.user_data: each async for each in aio}
    assert [done[number].result for number in numbers] == [3, 2, 0, 0, 1, 2]
    assert done[numbers[0]].data == b"123"
    aio.poll(pipe[0], select.POLLIN, "poll")
    assert aio.submit() == 1
    with pytest.raises(TimeoutError):
        await aio.get(timeout=0.01)
    assert (aio.cancel("poll"), aio.cancel("poll")) == (1, 0)
    assert (await aio.get(LONG)).error.errno == errno.ECANCELED
    aio.pread(999_999, 1)
    assert isinstance((await aio.get()).error, InvalidArgument)
    assert aio.empty()


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    with open(tmp_path / "file", "r+b", buffering=0) as file:
        yield file


@both
def test_operations(kind, file, pipe):
    """Operations are queued, handed over by get, and complete as events."""

    async def main():
        async with Aio_async() as aio:
            await everything(aio, file, pipe)

    run(main(), kind)


@under_trio
async def test_operations_under_trio(file, pipe):
    """The same under trio."""
    async with of_trio.Aio_async() as aio:
        await everything(aio, file, pipe)


@both
def test_a_task_that_waits(kind, file, pipe):
    """submit wakes a task that waits already, also for what the kernel refuses."""

    async def main():
        async with Aio_async() as aio:
            aio.poll(pipe[0], select.POLLIN, "poll")
            tasks = [start(aio.get()) for _ in range(3)]
            await turn(2)
            aio.pread(999_999, 1, user_data="bad")
            aio.pread(file, 1, user_data="good")
            assert aio.submit() == 1
            await finished(tasks[:2])
            os.write(pipe[1], b"x")
            await finished(tasks)
            assert {task.result().user_data for task in tasks} == {"bad", "good", "poll"}

    run(main(), kind)


@both
def test_the_last_completion_ends_the_other_waits(kind, pipe):
    """When the last operation completes, the tasks that wait for more are told."""

    async def main():
        async with Aio_async() as aio:
            aio.poll(pipe[0], select.POLLIN)
            tasks = [start(aio.get()) for _ in range(3)]
            await turn(2)
            os.write(pipe[1], b"x")
            await finished(tasks)
            assert tasks[0].result().result
            assert [type(task.exception()) for task in tasks[1:]] == [NoMoreEvents] * 2

    run(main(), kind)


def test_bad_arguments():
    """A wrong constructor raises as that of Aio does."""
    for cls in (Aio_async, of_trio.Aio_async):
        with pytest.raises(InvalidArgument):
            cls(0)
        with pytest.raises(TypeError):
            cls(1, "0")
