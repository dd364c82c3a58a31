"""The behaviour of Listener_async that is its own, under asyncio, uvloop and trio."""

import contextlib
import errno
import gc
import os

import pytest
import support
from features import Calls
from loops import LOOPS, TRIO, finished, of_trio, run, start, turn, until_readable, waiters
from support import in_child, needs

import butter.asyncio.seccomp
from butter.errors import NoMoreEvents
from butter.prctl import prctl
from butter.seccomp import ALLOW, NOTIFY, CallGone, Filter, Listener

pytestmark = Calls.needs

DENIED = (-1, errno.EPERM)


@pytest.fixture(scope="module")
def fences():
    with support.Fences() as fences:
        yield fences


@pytest.fixture
def fence(fences):
    with contextlib.closing(fences.make()) as fence:
        yield fence


@pytest.fixture(params=[*LOOPS, TRIO])
def in_loop(request, fence):
    """``in_loop(main)`` runs ``main(queue)`` in a loop, for the listener of *fence*."""
    loop, kind = LOOPS.get(request.param, TRIO), butter.asyncio.seccomp.Listener_async

    def runs(main):
        async def body():
            async with (of_trio(kind) if loop is TRIO else kind).adopt(fence.fd) as queue:
                return await main(queue)

        return run(body(), loop)

    return runs


def test_answers(in_loop, fence):
    """Tasks that wait get a call each, in their order, and answer it."""

    async def main(queue):
        tasks = await waiters(queue, 3)
        for number in range(3):
            fence.call("/path", number)
        await finished(tasks)
        for task in tasks:
            notification = task.result()
            assert notification.read_path(notification.arguments[0]) == "/path"
            notification.respond(10 * notification.arguments[1])
        return sorted(fence.result() for _ in tasks)

    assert in_loop(main) == [(0, 0), (10, 0), (20, 0)]


def test_the_end_of_the_last_task(in_loop, fence):
    """``async for`` ends, and a get raises NoMoreEvents, when the last task is gone."""

    async def main(queue):
        fence.call()
        seen = []
        async for notification in queue:
            seen.append(notification.name)
            notification.respond(0)
            fence.close()
        assert seen == ["getppid"]
        with pytest.raises(NoMoreEvents):
            await queue.get()
        assert queue.empty()

    in_loop(main)


def test_the_end_wakes_every_waiter(in_loop, fence):
    """Each task that waits learns that the last fenced one is gone."""

    async def main(queue):
        tasks = await waiters(queue, 3)
        fence.close()
        await finished(tasks)
        assert all(isinstance(task.exception(), NoMoreEvents) for task in tasks)

    in_loop(main)


def test_cancelled_waiter(in_loop, fence):
    """A waiter that is cancelled in the turn of a call leaves it to the next."""

    async def main(queue):
        first, second = await waiters(queue, 2)
        fence.call()
        until_readable(queue)
        first.cancel()
        await finished([first, second])
        second.result().respond(4)
        return fence.result()

    assert in_loop(main) == (4, 0)


def test_cancelled_before_the_answer(in_loop, fence):
    """The call of a task that is cancelled before it has answered fails with EPERM."""

    async def main(queue):
        async def answer():
            notification = await queue.get()
            await queue.get()
            notification.respond(0)

        fence.call()
        task = start(answer())
        while not queue._waiters:
            await turn()
        task.cancel()
        await finished([task])
        del task
        for _ in range(3):  # PyPy takes more than one round
            await turn()
            gc.collect()
        return fence.result()

    assert in_loop(main) == DENIED


def test_close_answers_what_was_read(in_loop, fence):
    """A close lets the calls fail that a task holds, or that wait in the object."""

    async def main(queue):
        fence.call(times=2)
        held = await queue.get()
        until_readable(queue)
        assert not queue.empty()
        queue.close()
        with pytest.raises(ValueError, match="its listener is closed"):
            held.respond(0)

    in_loop(main)
    assert [fence.result(), fence.result()] == [DENIED, DENIED]


def test_interrupted(in_loop, fence):
    """A call that is gone before it was read is left out, and the next is not."""

    async def main(queue):
        [task] = await waiters(queue, 1)
        fence.call()
        fence.interrupt()
        assert fence.result() == (-1, errno.EINTR)
        await turn(3)
        if task.done():
            with pytest.raises(CallGone):
                task.result().respond(0)
            [task] = await waiters(queue, 1)
        fence.call()
        await finished([task])
        task.result().respond(5)
        return fence.result()

    assert in_loop(main) == (5, 0)


@needs(kernel=(5, 9))
@pytest.mark.parametrize("kind", [*LOOPS.values(), TRIO], ids=[*LOOPS, TRIO])
def test_the_loop_of_the_fenced_thread(kind):
    """The constructor fences the loop's thread, which answers the children of it."""

    def body():
        prctl.no_new_privs = True
        filter, cls = Filter(ALLOW).add("getppid", NOTIFY), butter.asyncio.seccomp.Listener_async

        async def main():
            async with (of_trio(cls) if kind is TRIO else cls)(filter, maxsize=3) as listener:
                assert listener.maxsize == 3
                child = os.fork()
                if not child:
                    # the child has the filter, and no copy of the listener
                    os._exit(os.getppid() if listener.closed() else 99)
                (await listener.get()).respond(44)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        return run(main(), kind)

    assert in_child(body) == 44


def test_adopt_takes_what_was_read(in_loop, fence):
    """An object's events, and what it knows of their answers, come along."""

    async def main(queue):
        fence.call(times=2)
        with Listener.adopt(queue) as listener:
            held = listener.wait(10)
            until_readable(listener)
            listener._batch.append(listener.wait(10))
            async with type(queue).adopt(listener) as again:
                held.respond(1)
                (await again.get()).respond(2)
        return {fence.result(), fence.result()}

    assert in_loop(main) == {(1, 0), (2, 0)}
