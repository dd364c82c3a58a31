"""The rules of trio; tests/asyncio/test_queue.py has what every awaitable does."""

import os
import signal
import threading

import pytest
import trio
import trio.testing
from loops import TRIO, finished, run, start, turn, under_trio, waiters
from support import in_child

from butter.trio.eventfd import Eventfd_async


@under_trio
async def test_every_await_is_a_checkpoint():
    """A method that need not wait lets other tasks run, and looks for cancellation."""
    async with Eventfd_async(1) as counter:
        for method in counter.get, counter.read_events, counter.__anext__, counter.wait, counter.get_event:
            counter.increment()
            with trio.testing.assert_checkpoints():
                await method()
        with trio.testing.assert_checkpoints(), pytest.raises(TimeoutError):
            await counter.get(0)
        with trio.testing.assert_checkpoints():
            await counter.aclose()
    with trio.testing.assert_checkpoints():
        async with Eventfd_async():
            pass


@under_trio
async def test_a_cancelled_task_takes_nothing():
    """A get in a scope that is cancelled raises, and the event stays."""
    async with Eventfd_async(5) as counter:
        with trio.CancelScope() as scope:
            scope.cancel()
            await counter.get()
        assert scope.cancelled_caught
        assert counter.get_nowait() == 5


@under_trio
async def test_a_nursery_that_fails():
    """A task that fails cancels those beside it, and none of them takes an event."""

    async def fail():
        await turn()
        raise LookupError

    async def group_of(counter):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(counter.get)
            nursery.start_soon(fail)

    async with Eventfd_async() as counter:
        with pytest.raises(BaseException) as caught:  # noqa: PT011  # a group
            await group_of(counter)
        assert [type(error) for error in caught.value.exceptions] == [LookupError]
        counter.increment()
        assert await counter.get() == 1


@under_trio
async def test_a_closed_object():
    """It raises trio's error, which is the ValueError of a closed file too."""
    counter = Eventfd_async()
    tasks = await waiters(counter, 2)
    counter.close()
    await finished(tasks)
    errors = [task.exception() for task in tasks]
    for method in counter.get_nowait, counter.empty, counter.fileno:
        with pytest.raises(trio.ClosedResourceError) as caught:
            method()
        errors.append(caught.value)
    with pytest.raises(trio.ClosedResourceError) as caught:
        await counter.get()
    errors.append(caught.value)
    assert {(isinstance(error, ValueError), str(error)) for error in errors} == {(True, "I/O operation on closed file")}


def test_timeouts_are_of_the_clock_of_trio():
    """A timeout is over when the clock of the run says so, which a test may move on."""

    async def main():
        async with Eventfd_async() as counter:
            with pytest.raises(trio.TooSlowError, match="no event within 100000 seconds"):
                await counter.get(100_000)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@under_trio
async def test_beside_a_task_that_waits_for_the_descriptor():
    """A get is refused while a task of the program watches; closing ends that too."""
    counter = Eventfd_async()
    task = start(trio.lowlevel.wait_readable(counter))
    await turn()
    with pytest.raises(trio.BusyResourceError):
        await counter.get()
    counter.increment()
    assert await counter.get() == 1
    task.cancel()
    await finished([task])
    task = start(trio.lowlevel.wait_readable(counter))
    await turn()
    counter.close()
    await finished([task])
    assert isinstance(task.exception(), trio.ClosedResourceError)


def test_one_run_after_another():
    """An object is used in each run, whether events came or waits were cancelled."""
    counter = Eventfd_async()

    async def main():
        counter.increment()
        assert await counter.get() == 1
        with pytest.raises(TimeoutError):
            await counter.get(0.001)
        [task] = await waiters(counter, 1)
        counter.increment()
        assert await task == 1

    for _ in range(3):
        run(main(), TRIO)
    run(waiters(counter, 2), TRIO)
    run(main(), TRIO)
    counter.close()


@under_trio
async def test_closing_elsewhere():
    """A thread cannot close an object that tasks wait for, which then stays open."""
    errors = []

    def close():
        try:
            counter.close()
        except RuntimeError as error:
            errors.append(error)

    async with Eventfd_async() as counter:
        [task] = await waiters(counter, 1)
        for target in close, lambda: run(_call(close), TRIO):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join(30)
        assert len(errors) == 2
        counter.increment()
        assert await task == 1


async def _call(function):
    function()


@under_trio
async def test_a_forked_child_leaves_its_parent_alone():
    """A child closes its object, and the parent's task goes on waiting."""
    async with Eventfd_async() as counter:
        tasks = await waiters(counter, 2)

        def child():
            counter.increment()
            assert counter.get_nowait() == 1
            counter.close()
            return counter.closed()

        assert in_child(child)
        await turn()
        assert not any(task.done() for task in tasks)
        for task in tasks:
            counter.increment()
            assert await task == 1


def test_an_interrupt_loses_no_event():
    """A Ctrl-C in a get is raised after it, when the program has the event."""

    class Interrupted(Eventfd_async):
        def _read(self):
            found = super()._read()
            os.kill(os.getpid(), signal.SIGINT)
            return found

    events = []

    async def main():
        async with Interrupted(3) as counter:
            events.append(await counter.get())
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert events == [3]


@under_trio
async def test_the_number_of_an_adopted_object_is_watched_anew():
    """The run forgets the number of an awaitable whose descriptor another takes."""
    first = Eventfd_async()
    with pytest.raises(TimeoutError):
        await first.get(0.001)
    with Eventfd_async.adopt(first) as second:
        [task] = await waiters(second, 1)
        second.increment()
        assert await task == 1
