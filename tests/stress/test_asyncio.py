"""The awaitable for a long time: a million events, cancellations, random tasks."""

import asyncio
import contextlib
import itertools
import os
import random
import select
import tempfile

import pytest
from loops import both, run, turn

from butter.asyncio.inotify import Inotify_async
from butter.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_OPEN

pytestmark = pytest.mark.stress

# the events of each file, in this order
STEPS = [IN_CREATE, IN_OPEN, IN_CLOSE_WRITE, IN_DELETE]
MASK = IN_CREATE | IN_OPEN | IN_CLOSE_WRITE | IN_DELETE
FILES = 250_000
EVENTS = FILES * len(STEPS)
CREDIT = 1000  # files


@pytest.fixture
def directory():
    """A directory in memory: the files are many, and a disk would be slow."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield name


class Maker:
    """A process that makes and removes FILES files, CREDIT for each permission.

    ``finished()`` returns when it is gone.
    """

    def __init__(self, directory):
        self._left = FILES // CREDIT
        allowed, self._allow = os.pipe()
        self._alive, alive = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                # so that the pipe tells when the parent is gone
                os.close(self._allow)
                os.chdir(directory)
                for number in range(FILES):
                    if number % CREDIT == 0 and not os.read(allowed, 1):
                        raise EOFError
                    name = str(number)
                    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
                    os.unlink(name)
                status = 0
            finally:
                os._exit(status)
        os.close(allowed)
        os.close(alive)

    def allow(self, count):
        count = min(count, self._left)
        self._left -= count
        os.write(self._allow, b"x" * count)

    async def finished(self):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.add_reader(self._alive, future.set_result, None)
        await future
        loop.remove_reader(self._alive)
        os.close(self._alive)
        os.close(self._allow)
        assert os.waitpid(self._pid, 0)[1] == 0


def wrong(event, index):
    """Whether *event* is another than the *index*-th of the maker's."""
    number, step = divmod(index, len(STEPS))
    return event.mask != STEPS[step] or event.filename != b"%d" % number


@both
def test_a_million_events(directory, kind):
    """A maker that the kernel's queue always holds: all events arrive, in order."""

    async def main():
        async with Inotify_async() as notify:
            notify.watch(directory, MASK)
            maker = Maker(directory)
            # 16,000 events, where the kernel's queue holds 16,384 or more
            maker.allow(4)
            index = 0
            async for event in notify:
                assert not wrong(event, index)
                index += 1
                if index % (CREDIT * len(STEPS)) == 0:
                    maker.allow(1)
                if index == EVENTS:
                    break
            await maker.finished()
            assert notify.empty()

    run(main(), kind, timeout=120)


@both
def test_a_million_events_at_the_makers_speed(directory, kind):
    """At full speed all events arrive in order, up to a reported overflow."""

    async def main():
        async with Inotify_async() as notify:
            notify.watch(directory, MASK)
            maker = Maker(directory)
            maker.allow(FILES)
            index = overflows = 0

            def take(event):
                nonlocal index, overflows
                overflows += event.overflow_event
                assert overflows or not wrong(event, index)
                index += not event.overflow_event

            async def consume():
                async for event in notify:
                    take(event)

            task = asyncio.ensure_future(consume())
            await maker.finished()
            # nothing comes any more, so the rest can be taken without waiting
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while not notify.empty():
                take(notify.get_nowait())
            assert index < EVENTS if overflows else index == EVENTS

    run(main(), kind, timeout=120)


@both
@pytest.mark.parametrize("timed", [False, True], ids=["cancelled", "timed out"])
def test_waits_that_end_early(tmp_path, kind, timed):
    """Every event arrives once, while 100,000 waits are cancelled or time out."""
    chance = random.Random(1)
    waits, made, seen = 0, 0, []
    path = tmp_path / "file"

    async def one(notify):
        nonlocal waits
        try:
            if timed:
                event = await asyncio.wait_for(notify.get(), chance.choice([0, 1e-5]))
            else:
                event = await notify.get()
        except (asyncio.TimeoutError, asyncio.CancelledError):
            waits += 1
        else:
            seen.append(event.filename)

    async def main():
        nonlocal made
        async with Inotify_async() as notify:
            notify.watch(tmp_path, IN_CREATE)
            while waits < 100_000:
                tasks = [asyncio.ensure_future(one(notify)) for _ in range(20)]
                await turn(chance.randrange(3))
                for _ in range(chance.randrange(4)):
                    os.close(os.open(f"{path}{made}", os.O_CREAT | os.O_WRONLY))
                    os.unlink(f"{path}{made}")
                    made += 1
                await turn(chance.randrange(3))
                if not timed:
                    for task in tasks:
                        task.cancel()
                await asyncio.wait(tasks)
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:
                    seen.append(notify.get_nowait().filename)

    run(main(), kind, timeout=120)
    assert made > 1000
    # an event is noted in the step that takes it, so the order is the kernel's
    if not timed:
        assert seen == [b"file%d" % number for number in range(made)]
    assert sorted(seen) == sorted(b"file%d" % number for number in range(made))


@both
@pytest.mark.parametrize("seed", range(100))
def test_tasks_that_do_as_they_like(tmp_path, kind, seed):
    """Tasks of any behaviour get each event once, and in their order."""
    chance = random.Random(seed)
    tickets, names = itertools.count(), itertools.count()
    taken, served, tasks = [], [], []

    async def getter(notify):
        for _ in range(chance.randrange(1, 4)):
            ticket = next(tickets)
            event = await notify.get()
            taken.append(int(event.name))
            served.append(ticket)
            await turn(chance.randrange(3))

    async def iterating(notify):
        ticket = next(tickets)
        async for event in notify:
            taken.append(int(event.name))
            served.append(ticket)
            if chance.random() < 0.5:
                return
            await turn(chance.randrange(3))
            ticket = next(tickets)

    def make(notify):
        for _ in range(chance.randrange(1, 5)):
            name = tmp_path / str(next(names))
            name.touch()
            name.unlink()

    def start(notify):
        tasks.append(asyncio.ensure_future(chance.choice([getter, iterating])(notify)))

    def cancel(notify):
        if tasks:
            chance.choice(tasks).cancel()

    def take(notify):
        with contextlib.suppress(asyncio.QueueEmpty):
            taken.append(int(notify.get_nowait().name))

    def look(notify):
        assert notify.empty() == (notify.qsize() == 0)
        if notify.empty():
            assert not select.select([notify], [], [], 0)[0]

    def something_left(notify):
        # not by asking `empty`, which would wake a waiter that was forgotten
        return notify.qsize() or select.select([notify], [], [], 0)[0]

    async def main():
        async with Inotify_async(maxsize=chance.randrange(4)) as notify:
            notify.watch(tmp_path, IN_CREATE)
            for _ in range(500):
                chance.choice([make, start, start, cancel, take, look])(notify)
                await turn(chance.randrange(3))
            # events do not wait while a task does: after a lost wake-up this never ends
            while any(not task.done() for task in tasks) and something_left(notify):
                await turn()
            while not notify.empty():
                take(notify)
            waiting = [task for task in tasks if not task.done()]
            notify.close()
            if waiting:
                _, pending = await asyncio.wait(waiting, timeout=10)
                assert not pending
            for task in tasks:
                # after a close, get raises ValueError, and async for just ends
                assert task.cancelled() or isinstance(task.exception(), (ValueError, type(None)))

    run(main(), kind)
    assert taken == list(range(next(names)))
    assert served == sorted(served)
