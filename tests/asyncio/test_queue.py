"""The conformance tests of every awaitable, on every loop and in all their modes.

tests/features.py says how the awaitables are made, and their events.
"""

import asyncio
import contextlib
import copy
import errno
import functools
import gc
import inspect
import itertools
import os
import pickle
import signal
import threading
import types
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import features
import pytest
import support
from features import EVENTS
from loops import (
    LOOPS,
    MODES,
    NOTHING,
    TOO_LATE,
    TRIO,
    counting,
    finished,
    of_trio,
    on_signal,
    run,
    runner,
    soon,
    start,
    turn,
    until_readable,
    waiters,
    when_readable,
    within,
)
from support import alone, forget, in_child, inject

from butter.errors import InvalidArgument

MANY = [feature for feature in EVENTS if feature.batches]


class Bench:
    """A feature, and the loop that it is tested in."""

    def __init__(self, feature, kind, mode):
        self.feature, self.kind, self.mode = feature, kind, mode
        self.open, self.number = feature.open, feature.number
        if kind is TRIO:
            feature.awaitable = of_trio(feature.awaitable)

    def trigger(self, queue, count=1):
        """Make *count* events; they are in the kernel when this returns."""
        self.feature.trigger(queue, count)
        until_readable(queue)

    def numbers(self, events):
        return [self.number(event) for event in events]

    def run(self, main, kind=None, **options):
        """Run ``main(queue)`` in a loop of its own, and return its result."""

        async def body():
            async with self.open(**options) as queue:
                return await main(queue)

        return run(body(), kind or self.kind, self.mode)


def choices(features, loops=(*LOOPS, TRIO)):
    return [
        pytest.param(
            (feature, LOOPS.get(loop, loop), mode),
            id=f"{feature.cls.__name__}-{loop}-{mode}",
            marks=[*feature.marks(), *([pytest.mark.stress] if feature.lingers else [])],
        )
        for feature, loop, mode in itertools.product(features, loops, MODES)
        # A loop and its mode are about the tasks and callbacks of EventQueue, which is
        # one class for each kind of loop. A composition adds a constructor, and its
        # objects take long to make; the tests of its own have all loops. An object that
        # takes long to close is tried where there is time.
        if mode == "plain" or not (loop == TRIO or feature.composed or feature.slow)
        if loop != "uvloop" or not (feature.composed or feature.slow)
    ]


def parametrize(features, loops=(*LOOPS, TRIO), name="one"):
    """Have a test run with some of the *features* and *loops* alone."""
    return pytest.mark.parametrize(name, choices(features, loops), indirect=True)


#: of the fixture *one*, those whose number can be adopted, and which a forked child has
bare_ones = parametrize([feature for feature in EVENTS if feature.bare])
#: of the fixture *one*, those whose events a system call reads, which may fail
that_read = parametrize([feature for feature in EVENTS if feature.reading])
#: of the fixture *one*, those of asyncio's loops: the test uses asyncio itself
of_asyncio = parametrize(EVENTS, LOOPS)


@pytest.fixture(params=choices(EVENTS))
def one(request, tmp_path, compositions):
    """Every feature, for tests that never let two events wait."""
    feature, kind, mode = request.param
    with feature(tmp_path) as feature:
        yield Bench(feature, kind, mode)


@pytest.fixture(params=choices(MANY))
def many(request, tmp_path, compositions):
    """The features whose events queue up, so that one read returns several."""
    feature, kind, mode = request.param
    with feature(tmp_path) as feature:
        yield Bench(feature, kind, mode)


def in_loop(coroutine=None, *, loop=lambda kind: kind, **options):
    """Make a coroutine a test, which its bench runs with a new awaitable, *queue*."""
    if coroutine is None:
        return functools.partial(in_loop, loop=loop, **options)

    def test(**fixtures):
        bench = fixtures.get("one") or fixtures["many"]
        bench.run(lambda queue: coroutine(queue=queue, **fixtures), loop(bench.kind), **options)

    return runner(coroutine, test, [name for name in inspect.signature(coroutine).parameters if name != "queue"])


def take_all(queue):
    """All events that ``get_nowait`` returns."""
    events = []
    with contextlib.suppress(*NOTHING):
        while True:
            events.append(queue.get_nowait())
    return events


# getting


@of_asyncio
@in_loop
async def test_get_takes_what_waits(one, queue):
    """An event in the kernel is returned at once, without a turn of the loop."""
    one.trigger(queue)
    coroutine = queue.get()
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value is not None
    assert queue.empty()


@in_loop
async def test_get_gives_each_event_in_order(many, queue):
    """Events come once, in their order, those of a batch as those behind it."""
    many.trigger(queue, 3)
    events = [await queue.get() for _ in range(2)]
    many.trigger(queue, 2)
    events += [await queue.get() for _ in range(3)]
    assert many.numbers(events) == [0, 1, 2, 3, 4]
    assert queue.empty()


@pytest.mark.parametrize("name", ["get", "get_event", "wait"])
@in_loop
async def test_names_of_get(one, queue, name):
    """``get`` waits for an event, and has two more names."""
    task = start(getattr(queue, name)())
    await turn()
    one.trigger(queue)
    await task
    assert queue.empty()


def test_get_needs_a_running_loop(one):
    """``get`` without a loop is a RuntimeError, and the event stays."""
    queue = one.open()
    one.trigger(queue)
    with pytest.raises(RuntimeError, match=r"no running event loop|must be called from async context"):
        queue.get().send(None)
    queue.get_nowait()
    queue.close()


@pytest.mark.defect("Q3")
@pytest.mark.parametrize("name", ["get_nowait", "get_event_nowait"])
def test_get_nowait(one, name):
    """``get_nowait`` takes an event or raises QueueEmpty, and needs no loop."""
    queue = one.open()
    get_nowait = getattr(queue, name)
    with pytest.raises(NOTHING):
        get_nowait()
    one.trigger(queue)
    get_nowait()
    with pytest.raises(NOTHING):
        get_nowait()
    queue.close()


@in_loop
async def test_empty_says_what_get_nowait_does(one, queue):
    """``empty`` is true exactly when ``get_nowait`` would raise QueueEmpty."""
    assert queue.empty()
    assert take_all(queue) == []
    one.trigger(queue)
    assert not queue.empty()
    assert not queue.empty()
    queue.get_nowait()
    assert queue.empty()
    one.trigger(queue)
    await queue.get()
    assert queue.empty()
    assert take_all(queue) == []


@pytest.mark.defect("Q4")
@in_loop(maxsize=2)
async def test_qsize_and_full(many, queue):
    """``qsize`` counts what was read; a queue at ``maxsize`` reads when empty."""
    assert queue.maxsize == 2
    many.trigger(queue, 4)
    assert (queue.qsize(), queue.full()) == (0, False)
    await queue.get()
    assert (queue.qsize(), queue.full()) == (3, True)
    many.trigger(queue)
    assert not queue.empty()
    assert queue.qsize() == 3
    await queue.get()
    assert (queue.qsize(), queue.full()) == (2, True)
    await queue.get()
    assert (queue.qsize(), queue.full()) == (1, False)
    assert many.numbers(take_all(queue)) == [3, 4]


@pytest.mark.parametrize("maxsize", [0, -1])
def test_never_full(many, maxsize):
    """As with asyncio.Queue, a maxsize of zero or less means no limit."""

    async def main(queue):
        assert queue.maxsize == maxsize
        many.trigger(queue, 3)
        await queue.get()
        assert not queue.full()

    many.run(main, maxsize=maxsize)


@pytest.mark.parametrize("maxsize", ["2", 1.5, None])
def test_maxsize_is_an_int(one, maxsize):
    """A maxsize that is not an int is a TypeError, and no descriptor is left behind."""
    with pytest.raises(TypeError, match="maxsize"):
        one.open(maxsize=maxsize)


# several waiters


@in_loop
async def test_first_come_first_served(many, queue):
    """Waiters get events in the order in which they came, each one."""
    tasks = await waiters(queue, 3)
    many.trigger(queue, 2)
    await finished(tasks[:2])
    await turn(3)
    assert not tasks[2].done()
    many.trigger(queue, 2)
    await tasks[2]
    assert many.numbers(task.result() for task in tasks) == [0, 1, 2]
    assert many.number(queue.get_nowait()) == 3


@in_loop
async def test_one_event_is_no_stampede(one, queue, monkeypatch):
    """An event makes one of many waiters read, and at most one more look in vain."""
    tasks = await waiters(queue, 50)
    reads = []
    read = queue._source._read_events
    monkeypatch.setattr(queue._source, "_read_events", lambda: reads.append(1) or read())
    one.trigger(queue)
    await tasks[0]
    await turn(5)
    assert len(reads) <= 2
    assert not any(task.done() for task in tasks[1:])
    for task in tasks[1:]:
        task.cancel()


@pytest.mark.parametrize("late", ["get", "__anext__"])
@in_loop
async def test_no_barging(many, queue, late):
    """A task that comes before a woken waiter has run gets the event behind its."""
    [task] = await waiters(queue, 1)
    many.trigger(queue, 2)
    assert not queue.empty()  # this reads the events, and wakes the waiter
    assert queue.qsize() == 2
    event = await getattr(queue, late)()
    assert many.numbers([await task, event]) == [0, 1]


@in_loop
async def test_get_nowait_wakes_the_waiters(many, queue):
    """``get_nowait`` empties the kernel's queue, and so wakes the waiters itself."""
    tasks = await waiters(queue, 2)
    many.trigger(queue, 3)
    assert many.number(queue.get_nowait()) == 0
    await finished(tasks)
    assert many.numbers(task.result() for task in tasks) == [1, 2]


@in_loop
async def test_look_again(one, queue):
    """A woken waiter whose event was taken by ``get_nowait`` keeps its place."""
    tasks = await waiters(queue, 2)
    one.trigger(queue)
    assert not queue.empty()
    queue.get_nowait()
    await turn(3)
    assert not any(task.done() for task in tasks)
    one.trigger(queue)
    await tasks[0]
    await turn(3)
    assert not tasks[1].done()
    one.trigger(queue)
    await tasks[1]


@alone
@that_read
@in_loop
async def test_an_error_reaches_every_waiter(one, queue):
    """A read that fails raises in every task that wanted it, and not in the loop."""
    tasks = await waiters(queue, 2)
    one.trigger(queue)
    for call in one.feature.reading:
        inject(call, errno.ENOMEM, first=one.feature.reads(queue))
    await finished(tasks)
    assert [task.exception().errno for task in tasks] == [errno.ENOMEM] * 2
    for method in (queue.empty, queue.get_nowait):
        with pytest.raises(OSError, match="read") as caught:
            method()
        assert caught.value.errno == errno.ENOMEM


# cancelling


def cancel_now(queue, task, pipe):
    task.cancel()


def cancel_after_wake(queue, task, pipe):
    """Between the wake of the first waiter and its next step."""
    assert not queue.empty()
    task.cancel()


def cancel_before_reader(queue, task, pipe):
    """In the turn that sees the event, before it is seen."""
    soon(task.cancel)


def cancel_after_reader(queue, task, pipe):
    """In the turn that sees the event, after it: epoll reports the pipe behind it."""
    when_readable(pipe[0], task.cancel)
    os.write(pipe[1], b"x")


MOMENTS = [cancel_now, cancel_after_wake, cancel_before_reader, cancel_after_reader]
at_each_moment = pytest.mark.parametrize("cancel", MOMENTS)


@at_each_moment
@pytest.mark.parametrize(("count", "victim"), [(1, 0), (2, 0), (2, 1)])
@in_loop
async def test_cancel(one, queue, pipe, count, victim, cancel):
    """The event goes to the waiter that is left, or stays for the next task."""
    tasks = await waiters(queue, count)
    one.trigger(queue)
    cancel(queue, tasks[victim], pipe)
    gone = tasks.pop(victim)
    await finished([gone])
    if not gone.cancelled():
        # of what happens in one turn trio takes anything first
        assert one.kind is TRIO
        assert gone.result() is not None
        one.trigger(queue)
    await finished(tasks)
    assert len(tasks or take_all(queue)) == 1
    assert queue.empty()
    assert not any(task.cancelled() or task.exception() for task in tasks)


@pytest.mark.defect("Q6")
@at_each_moment
@pytest.mark.parametrize("victim", [0, 1, 2])
@in_loop
async def test_cancel_one_of_three(many, queue, pipe, victim, cancel):
    """The waiters beside a cancelled one get the first events in order; others stay."""
    tasks = await waiters(queue, 3)
    many.trigger(queue, 3)
    cancel(queue, tasks[victim], pipe)
    await finished(tasks)
    served = [task for task in tasks if not task.cancelled()]
    # of what happens in one turn trio takes anything first
    assert tasks[victim] not in served or many.kind is TRIO
    events = many.numbers(task.result() for task in served)
    assert events == [0, 1, 2][: len(served)]
    assert events + many.numbers(take_all(queue)) == [0, 1, 2]


@pytest.mark.defect("Q7")
@pytest.mark.parametrize("seconds", [0, 0.001])
@in_loop
async def test_timeout(one, queue, seconds):
    """A wait that timed out takes no event with it, and others go on waiting."""
    [task] = await waiters(queue, 1)
    for _ in range(3):
        with pytest.raises(TOO_LATE):
            await within(seconds, queue.get())
    one.trigger(queue)
    await task
    with pytest.raises(TOO_LATE):
        await within(seconds, queue.get())
    one.trigger(queue)
    queue.get_nowait()


@in_loop
async def test_polling_without_patience(one, queue):
    """A task that gives up before the loop polled gets the event at its second try."""

    async def poll(queue):
        task = start(queue.get())
        await turn()
        task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None

    for _ in range(3):
        assert await poll(queue) is None
        one.trigger(queue)
        assert await poll(queue) is not None or await poll(queue) is not None


if hasattr(asyncio, "TaskGroup"):  # Python 3.11

    @of_asyncio
    def test_task_group(one):
        """A group cancels its tasks when one fails, and none of them takes an event."""

        async def fail():
            await turn()
            raise LookupError

        async def group_of(queue):
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(queue.get())
                group.create_task(fail())

        async def main(queue):
            with pytest.raises(BaseExceptionGroup) as caught:  # noqa: F821  # Python 3.11
                await group_of(queue)
            assert [type(error) for error in caught.value.exceptions] == [LookupError]
            one.trigger(queue)
            await queue.get()
            assert queue.empty()

        one.run(main)


# the reader in the loop


@of_asyncio
@pytest.mark.parametrize("pause", [0, 1, 3])
@in_loop(loop=counting)
async def test_steady_use_adds_the_reader_once(one, queue, pause):
    """A consumer that comes back, now or later, costs no further epoll_ctl."""
    loop = asyncio.get_running_loop()
    for _ in range(20):
        task = asyncio.ensure_future(queue.get())
        await turn(2)
        one.trigger(queue)
        await task
        await turn(pause)
    if one.feature.woken_by_others:
        assert loop.calls.count("add_reader") < 20
    else:
        assert loop.calls == ["add_reader"]


@of_asyncio
@in_loop(loop=counting)
async def test_a_reader_without_waiters_is_removed(one, queue):
    """Events without a waiter do not keep the loop busy; later ones are delivered."""
    loop = asyncio.get_running_loop()
    [task] = await waiters(queue, 1)
    one.trigger(queue)
    await task
    one.trigger(queue)
    await turn(10)
    assert loop.calls == ["add_reader", "remove_reader"]
    await queue.get()
    assert loop.calls == ["add_reader", "remove_reader"]
    [task] = await waiters(queue, 1)
    one.trigger(queue)
    await task
    assert loop.calls == ["add_reader", "remove_reader", "add_reader"]


@pytest.mark.defect("Q8")
@in_loop
async def test_close_wakes_every_waiter(one, queue):
    """Every waiter gets the ValueError of a closed file."""
    tasks = await waiters(queue, 3)
    queue.close()
    await finished(tasks)
    for task in tasks:
        with pytest.raises(ValueError, match="I/O operation on closed file"):
            task.result()


@of_asyncio
@in_loop(loop=counting)
async def test_close_removes_the_reader(one, queue):
    """The reader leaves the loop before the descriptor is closed, and once."""
    loop = asyncio.get_running_loop()
    tasks = await waiters(queue, 3)
    queue.close()
    assert loop.calls == ["add_reader", "remove_reader"]
    await finished(tasks)
    assert all(task.exception() for task in tasks)
    await turn(3)
    assert loop.calls == ["add_reader", "remove_reader"]


# closing


@in_loop
async def test_closed(one, queue):
    """A closed object describes itself, and raises ValueError for the rest."""
    one.trigger(queue)
    assert not queue.empty()
    assert not queue.closed()
    queue.close()
    assert queue.closed()
    for method in (queue.get_nowait, queue.empty, queue.fileno):
        with pytest.raises(ValueError, match="I/O operation on closed file"):
            method()
    with pytest.raises(ValueError, match="I/O operation on closed file"):
        await queue.get()
    assert [event async for event in queue] == []
    assert (queue.qsize(), queue.full(), queue.maxsize) == (0, False, 0)
    queue.close()


@in_loop
async def test_close_between_wake_and_read(one, queue):
    """A waiter that was woken for an event, and then closed, raises."""
    tasks = await waiters(queue, 2)
    one.trigger(queue)
    assert not queue.empty()
    queue.close()
    await finished(tasks)
    for task in tasks:
        with pytest.raises(ValueError, match="closed"):
            task.result()


@pytest.mark.parametrize("event_first", [True, False])
@pytest.mark.parametrize("count", [0, 2])
@in_loop
async def test_close_in_the_turn_of_an_event(one, queue, pipe, event_first, count):
    """Another reader may close the object in the turn of its event."""
    # after this the loop has a reader, also where no task waits
    [task] = await waiters(queue, 1)
    one.trigger(queue)
    await task
    when_readable(pipe[0], queue.close)
    tasks = await waiters(queue, count)
    if event_first:
        one.trigger(queue)
    os.write(pipe[1], b"x")
    if not event_first:
        one.trigger(queue)
    await turn(5)
    assert queue.closed()
    errors = [task.exception() for task in tasks]
    if one.kind is TRIO and errors and errors[0] is None:
        del errors[0]  # of what happens in one turn trio takes anything first
    assert all(isinstance(error, ValueError) for error in errors)


@of_asyncio
def test_after_the_loop(one):
    """Events can be taken after the loop was closed; then close() has none to wake."""
    loop = one.kind()
    queue = one.open()
    [task] = loop.run_until_complete(waiters(queue, 1))
    task._log_destroy_pending = False
    loop.close()
    one.trigger(queue)
    assert not queue.empty()
    queue.get_nowait()
    queue.close()
    assert not task.done()


@in_loop
async def test_the_number_is_free_after_close(one, queue):
    """Another object may get the number, and gets its events in the same loop."""
    tasks = await waiters(queue, 1)
    number = queue.fileno()
    queue.close()
    async with one.open() as other:
        assert other.fileno() == number
        await finished(tasks)
        [task] = await waiters(other, 1)
        one.trigger(other)
        await task
    assert isinstance(tasks[0].exception(), ValueError)


def test_closed_at_the_end_of_a_block(one):
    """``with`` and contextlib.closing close the object, which never waits."""
    for manager in one.open(), contextlib.closing(one.open()):
        with manager as queue:
            assert not queue.closed()
        assert queue.closed()


# async for, async with


@pytest.mark.defect("Q9")
@in_loop
async def test_async_for(many, queue):
    """``async for`` returns every event; leaving the loop loses none of them."""
    many.trigger(queue, 5)
    seen = []
    for stop in (2, 4):
        async for event in queue:
            seen.append(event)
            if len(seen) == stop:
                break
    seen.append(await queue.get())
    assert many.numbers(seen) == [0, 1, 2, 3, 4]


@in_loop
async def test_async_for_waits(one, queue):
    """``async for`` waits for each event, and ends when the object is closed."""
    seen = []

    async def consume():
        async for event in queue:
            seen.append(event)  # noqa: PERF401  # one by one, as the task below looks on

    task = start(consume())
    for count in (1, 2, 3):
        await turn(2)
        one.trigger(queue)
        while len(seen) < count:
            await turn()
    queue.close()
    await task
    assert len(seen) == 3


@alone
@that_read
@in_loop
async def test_async_for_raises_other_errors(one, queue):
    """An error of the read does not end an ``async for`` quietly."""
    one.trigger(queue)
    for call in one.feature.reading:
        inject(call, errno.EINVAL, first=one.feature.reads(queue))
    with pytest.raises(ValueError, match="read") as caught:
        await queue.__anext__()
    assert caught.value.errno == errno.EINVAL


@pytest.mark.defect("Q9")
@in_loop
async def test_async_with(one, queue):
    """``async with`` returns the object and closes it, whatever happens inside."""

    async def fail():
        async with queue as entered:
            assert entered is queue
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert queue.closed()
    async with one.open() as other:
        other.close()


# loops, threads, processes, signals


@of_asyncio
def test_one_loop_after_another(one):
    """An object whose loop was closed, with a waiter in it, moves to the next loop."""
    queue = one.open()
    for _ in range(3):
        loop = one.kind()
        [task] = loop.run_until_complete(waiters(queue, 1))
        task._log_destroy_pending = False
        loop.close()

    async def main():
        tasks = await waiters(queue, 2)
        one.trigger(queue)
        await tasks[0]
        one.trigger(queue)
        await tasks[1]
        queue.close()

    run(main(), one.kind, one.mode)


@in_loop
async def test_another_live_loop(one, queue):
    """``get`` under another live loop is a RuntimeError, and takes nothing."""

    async def elsewhere(queue):
        with pytest.raises(RuntimeError, match="another event loop"):
            await queue.get()
        with pytest.raises(RuntimeError, match="another event loop"):
            async for _ in queue:
                pass
        return True

    [task] = await waiters(queue, 1)
    results = []
    thread = threading.Thread(target=lambda: results.append(run(elsewhere(queue), one.kind, one.mode)))
    thread.start()
    thread.join(30)
    assert results == [True]
    one.trigger(queue)
    await task


@of_asyncio
@pytest.mark.parametrize("waits", [False, True])
def test_a_loop_that_moved_to_another_thread(one, waits):
    """Awaiting under a second loop in the first one's thread is a RuntimeError."""
    first = one.kind()
    queue = one.open()

    async def once():
        one.trigger(queue)
        return await queue.get()

    first.run_until_complete(once())
    thread = threading.Thread(target=first.run_forever)
    thread.start()
    try:
        if not waits:
            one.trigger(queue)

        async def elsewhere():
            with pytest.raises(RuntimeError, match="another event loop"):
                await queue.get()

        run(elsewhere(), one.kind, one.mode)
        one.trigger(queue)
        asyncio.run_coroutine_threadsafe(queue.get(), first).result(30)
    finally:
        first.call_soon_threadsafe(queue.close)
        first.call_soon_threadsafe(first.stop)
        thread.join(30)
        first.close()


@parametrize([feature for feature in EVENTS if feature.bare and feature.inherited], LOOPS)
@in_loop
async def test_fork_in_a_running_loop(one, queue):
    """A child uses and closes its object in its own loop; the parent's goes on."""
    tasks = await waiters(queue, 2)

    def child():
        async def use(mine):
            [task] = await waiters(mine, 1)
            one.trigger(mine)
            await task

        with queue:
            run(use(queue), one.kind, one.mode)
        one.run(use)
        return True

    assert in_child(child)
    assert not queue.closed()
    # for features whose events the child's own are too
    take_all(queue)
    for task in tasks:
        one.trigger(queue)
        await task


@parametrize([feature for feature in MANY if feature.bare], name="many")
@in_loop
async def test_fork_drops_what_was_read(many, queue):
    """Events that the parent has read are the parent's."""
    many.trigger(queue, 3)
    await queue.get()

    def child():
        return queue.closed(), queue.qsize()

    assert in_child(child) == (False, 0)
    assert many.numbers(take_all(queue)) == [1, 2]


@in_loop
async def test_signal_handlers(one, queue):
    """Handlers run while a task waits, and may make an event or close the object."""
    with on_signal(signal.SIGUSR1, lambda: one.feature.make_event(queue)), on_signal(signal.SIGUSR2, queue.close):
        [task] = await waiters(queue, 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        await task
        tasks = await waiters(queue, 1)
        os.kill(os.getpid(), signal.SIGUSR2)
        await finished(tasks)
        assert isinstance(tasks[0].exception(), ValueError)


# the rest


@pytest.mark.defect("Q9")
def test_fileno(one):
    """``fileno`` is the descriptor, which does not block and is not inherited."""
    queue = one.open()
    assert isinstance(queue.fileno(), int)
    assert not os.get_blocking(queue.fileno())
    assert not os.get_inheritable(queue.fileno())
    queue.close()


@of_asyncio
def test_loop_is_deprecated(one):
    """``loop=`` warns at the caller, and does nothing: the running loop is used."""
    other = asyncio.SelectorEventLoop()
    other.close()
    with pytest.warns(DeprecationWarning, match="loop") as caught:
        queue = one.open(loop=other)
    assert [warning.filename for warning in caught] == [features.__file__]

    async def main():
        [task] = await waiters(queue, 1)
        one.trigger(queue)
        await task
        queue.close()

    run(main(), one.kind, one.mode)


@of_asyncio
def test_a_warning_that_is_an_error_leaks_nothing(one):
    """Under ``-W error`` the deprecation is raised, and no descriptor leaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning):
            one.open(loop=object())
        gc.collect()


@of_asyncio
def test_yield_from(one):
    """Coroutines of the old style can wait for it."""

    @types.coroutine
    def main(queue):
        one.trigger(queue)
        yield from queue.get_event()
        task = asyncio.ensure_future(queue.get_event())
        yield from asyncio.sleep(0).__await__()
        one.trigger(queue)
        yield from task

    one.run(main)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_duplicates(one, duplicate):
    """Two objects would close one descriptor, so copies and pickles are a TypeError."""
    queue = one.open()
    with pytest.raises(TypeError, match=type(queue).__name__):
        duplicate(queue)
    queue.close()


def test_repr(one):
    """The repr shows the class and the descriptor."""
    queue = one.open()
    assert repr(queue) == f"<{type(queue).__name__} fd={queue.fileno()}>"
    queue.close()
    assert repr(queue) == f"<{type(queue).__name__} fd=closed>"


def test_equality_is_identity(one):
    """Two objects are never equal, and the hash outlives the descriptor."""
    first, second = one.open(), one.open()
    assert first != second
    table = {first: 1, second: 2}
    first.close()
    second.close()
    assert first != second
    assert (table[first], table[second]) == (1, 2)


# forgotten, adopted, waited for with a timeout


async def is_closed(fd, until=200):
    """Whether the loop closes *fd* within *until* turns."""
    for _ in range(until):
        if fd not in support.descriptors():
            return True
        await turn()
    return False


async def forgettable(one, awaited=True):
    """A new awaitable in a list, its number, and its repr."""
    made = one.open()
    if awaited:
        with pytest.raises(TimeoutError):
            await made.get(timeout=0.001)
        await turn()  # trio has the exception that ended the wait until then
    return [made], made.fileno(), repr(made)


@in_loop
async def test_forgotten_after_a_wait(one, queue):
    """A forgotten object that was awaited warns, and the loop closes it."""
    objects, fd, name = await forgettable(one)
    with pytest.warns(ResourceWarning, match=f"unclosed {name}"):
        forget(objects)
    assert await is_closed(fd)
    # the loop has forgotten the number before another file gets it
    fresh = one.open()
    assert fresh.fileno() == fd
    one.trigger(fresh)
    await fresh.get(timeout=10)
    fresh.close()


@in_loop
async def test_forgotten_in_a_cycle(one, queue):
    """The loop forgets the number of an object in a cycle before it is closed."""
    objects, fd, name = await forgettable(one)
    objects[0].itself = objects
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del objects
        gc.collect()
    assert [str(warning.message) for warning in caught] == [f"unclosed {name}"]
    assert await is_closed(fd)
    with one.open() as fresh:
        assert fresh.fileno() == fd
        [task] = await waiters(fresh, 1)
        one.trigger(fresh)
        await task


@in_loop
async def test_forgotten_before_it_is_awaited(one, queue):
    """A forgotten object that was never awaited warns and is closed at once."""
    objects, fd, name = await forgettable(one, awaited=False)
    with pytest.warns(ResourceWarning, match=f"unclosed {name}"):
        forget(objects)
    assert fd not in support.descriptors()


@in_loop
async def test_forgotten_in_another_thread(one, queue):
    """An object that another thread collects is closed in the loop's thread."""
    objects, fd, name = await forgettable(one)
    with ThreadPoolExecutor(1) as executor, pytest.warns(ResourceWarning, match=f"unclosed {name}"):
        executor.submit(forget, objects).result()
    assert await is_closed(fd)


def test_forgotten_after_its_loop(one):
    """A forgotten object whose loop is closed is closed at once."""
    objects, fd, name = one.run(lambda _: forgettable(one))
    with pytest.warns(ResourceWarning, match=f"unclosed {name}"):
        forget(objects)
    assert fd not in support.descriptors()


@in_loop
async def test_a_waiting_task_is_kept(one, queue):
    """The loop holds a task that waits, as one on a socket, and it gets its event."""
    opened, done = [], []

    async def use():
        with one.open() as queue:
            opened.append(weakref.ref(queue))
            await queue.get(timeout=None)
            done.append(True)

    task = weakref.ref(start(use()))
    await turn(3)
    gc.collect()
    assert task() is not None
    one.trigger(opened[0]())
    while not done:
        await turn()


@in_loop
async def test_a_timeout(one, queue):
    """A timeout is the builtin TimeoutError and the loop's, and loses no event."""
    for timeout in (0, 0.001, 1e-9, False):
        for method in (queue.get, queue.wait):
            with pytest.raises(TimeoutError, match="no event within") as caught:
                await method(timeout=timeout)
            assert isinstance(caught.value, TOO_LATE[one.kind is TRIO])
            assert caught.value.errno == errno.ETIMEDOUT
    one.trigger(queue)
    await queue.wait(10)
    one.trigger(queue)
    await queue.wait(0)
    one.trigger(queue)
    await queue.wait(1e300)
    # also where the last waiter was served, and the loop still has the reader
    [task] = await waiters(queue, 1)
    one.trigger(queue)
    await task
    one.trigger(queue)
    await queue.wait(0)


@pytest.mark.parametrize(("timeout", "error"), [("1", TypeError), (-1, ValueError), (float("nan"), ValueError)])
@in_loop
async def test_a_bad_timeout(one, queue, timeout, error):
    """The arguments are those of the object's wait."""
    with pytest.raises(error, match=r"timeout (is|must be) "):
        await queue.wait(timeout)


@in_loop
async def test_timeouts_keep_the_order(many, queue):
    """A wait that timed out takes no event from those before or behind it."""
    first = (await waiters(queue, 1))[0]
    short = start(queue.wait(0.001))
    last = (await waiters(queue, 1))[0]
    with pytest.raises(TimeoutError):
        await short
    assert not first.done()
    assert not last.done()
    many.trigger(queue, 2)
    await finished([first, last])
    assert many.numbers([first.result(), last.result()]) == [0, 1]


@in_loop
async def test_read_events(many, queue):
    """A batch is what one read returned, or the rest of it; it waits for the first."""
    many.trigger(queue, 3)
    assert many.numbers(await queue.read_events()) == [0, 1, 2]
    task = start(queue.read_events())
    await turn()
    assert not task.done()
    many.trigger(queue, 1)
    assert many.numbers(await task) == [3]
    many.trigger(queue, 3)
    await queue.get()
    assert many.numbers(await queue.read_events()) == [5, 6]
    assert queue.empty()


@bare_ones
@in_loop
async def test_adopt(one, queue):
    """An awaitable adopts a number, or an object with the events that it has read."""
    kind = type(queue)
    fd = os.dup(queue.fileno())
    os.set_blocking(fd, True)
    with kind.adopt(fd) as adopted:
        assert adopted.fileno() == fd
        assert not os.get_blocking(fd)
        one.trigger(queue)
        await adopted.get(10)
    assert fd not in support.descriptors()
    source = kind._source_class.adopt(os.dup(queue.fileno()))
    with kind.adopt(source, maxsize=3) as adopted:
        one.trigger(queue)
        await adopted.get(10)
        assert adopted.maxsize == 3
    assert source.closed()


@in_loop
async def test_adopt_another_awaitable(one, queue):
    """An adopted awaitable is closed, and gone from the loop; not while tasks wait."""
    kind = type(queue)
    with one.open() as other:
        tasks = await waiters(other, 1)
        for adopt in (kind.adopt, kind._source_class.adopt):
            with pytest.raises(ValueError, match="tasks are waiting"):
                adopt(other)
        tasks[0].cancel()
        await finished(tasks)
        with kind.adopt(other) as adopted:
            assert other.closed()
            one.trigger(adopted)
            await adopted.get(10)
            source = kind._source_class.adopt(adopted)
            assert adopted.closed()
            with kind.adopt(source), pytest.raises(ValueError, match="belongs to an awaitable already"):
                kind.adopt(source)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("taken", ["by an awaitable", "by an object"])
@pytest.mark.parametrize(
    "feature",
    [pytest.param(feature, id=feature.cls.__name__, marks=feature.marks()) for feature in EVENTS if feature.bare],
)
def test_adopt_that_a_signal_handler_ends(feature, taken, tmp_path):
    """At each moment a descriptor has one owner, which closes it."""
    made = []
    with feature(tmp_path) as one, one.open() as first:
        kind = type(first)
        for moment in support.moments():
            # a duplicate, as the last close of a group with marks takes 10 ms
            with kind.adopt(os.dup(first.fileno())) as queue:
                fd = queue.fileno()
                adopt = kind.adopt if taken == "by an awaitable" else kind._source_class.adopt
                if not support.interrupt(lambda adopt=adopt, queue=queue: made.append(adopt(queue)), moment):
                    break
                gc.collect()
                assert (fd in support.descriptors()) is not queue.closed()
    made.pop().close()
    assert moment > 10


def test_adopt_a_stranger(one, pipe):
    """A descriptor of another kind is refused, and is as before."""
    with one.open() as queue:
        kind = type(queue)
    reading, _ = pipe
    with pytest.raises(InvalidArgument, match=f"descriptor {reading} is not .*; /proc/self/fd says that it is 'pipe:"):
        kind.adopt(reading)
    assert os.get_blocking(reading)
