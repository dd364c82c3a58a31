"""Many events of fanotify, answers that fail, and listeners that die."""

import asyncio
import os
import random
import signal
import warnings

import pytest
import support
from loops import both
from support import needs

from butter.asyncio.fanotify import Fanotify_async
from butter.errors import sysctl
from butter.fanotify import (
    FAN_CLASS_CONTENT,
    FAN_CREATE,
    FAN_NONBLOCK,
    FAN_OPEN,
    FAN_OPEN_PERM,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_FID,
    Fanotify,
)

pytestmark = [pytest.mark.stress, needs("CAP_SYS_ADMIN")]

TASKS = 4


@pytest.fixture
def count(request):
    """How many permission events a test makes, which TASKS tasks share."""
    return request.config.getoption("--count") // TASKS * TASKS


def open_often(path, count):
    """Open the file so often; returns how often that was denied."""
    denied = 0
    for _ in range(count):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except PermissionError:
            denied += 1
    return denied


def start(path, count, results):
    """A child that opens the file so often, and writes how often it was denied."""
    pid = os.fork()
    if not pid:
        try:
            os.write(results, open_often(path, count).to_bytes(4, "little"))
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def test_failing_handlers(tmp_path, pipe, count):
    """Each of many tasks goes on, whatever its handler does, and nothing leaks."""
    path = tmp_path / "file"
    path.touch()
    source, denied = random.Random(1), 0
    with Fanotify(FAN_CLASS_CONTENT, default="deny") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        made.watch(path, FAN_OPEN_PERM)
        tasks = [start(path, count // TASKS, pipe[1]) for _ in range(TASKS)]
        for _ in range(count):
            event = made.read_event()
            way = source.randrange(5)
            if way == 0:
                with event:
                    event.allow()
                continue
            denied += 1
            if way == 1:
                with event:
                    event.deny()
            elif way == 2:
                with pytest.raises(ZeroDivisionError), event:
                    event.pid / 0
            elif way == 3:
                os.close(event.fd)
            support.forget([event])
            del event
        told = sum(int.from_bytes(os.read(pipe[0], 4), "little") for _ in tasks)
        assert told == denied
        assert [os.waitpid(task, 0)[1] for task in tasks] == [0] * TASKS


@both
async def test_cancelled_handlers(tmp_path, pipe, count):
    """Each of many tasks goes on, though handlers fail, or are cancelled, or late."""
    path = tmp_path / "file"
    path.touch()
    source, tasks, each = random.Random(2), set(), count // TASKS // 5

    async def handle(event):
        with event:
            way = source.randrange(4)
            if way == 0:
                raise ZeroDivisionError
            if way == 1:
                await asyncio.sleep(60)
            await asyncio.sleep(0)
            if way == 2:
                event.allow()
            # else it gets the default

    # a handler that is cancelled before it began forgets its event
    warnings.simplefilter("ignore", ResourceWarning)
    async with Fanotify_async(FAN_CLASS_CONTENT, default="deny", deadline=0.01) as fanotify:
        fanotify.watch(path, FAN_OPEN_PERM)
        children = [start(path, each, pipe[1]) for _ in range(TASKS)]
        for _ in range(TASKS * each):
            task = asyncio.ensure_future(handle(await fanotify.get(30)))
            tasks.add(task)
            if source.randrange(2):
                asyncio.get_running_loop().call_soon(task.cancel)
            for done in [each for each in tasks if each.done()]:
                tasks.remove(done)
                assert done.cancelled() or done.exception() is None or done.exception().args == ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * TASKS


def test_killed_listeners(tmp_path):
    """Tasks go on although their listeners are killed, one after the other."""
    path, stop = tmp_path / "file", tmp_path / "stop"
    path.touch()
    tasks = []
    for _ in range(TASKS):
        tasks.append(os.fork())
        if not tasks[-1]:
            try:
                while not stop.exists():
                    os.close(os.open(path, os.O_RDONLY))
                os._exit(0)
            finally:
                os._exit(1)
    for _ in range(50):
        listener = os.fork()
        if not listener:
            try:
                made = Fanotify(FAN_CLASS_CONTENT, default="deny")
                made.watch(path, FAN_OPEN_PERM)
                for _ in range(100):
                    with made.read_event() as event:
                        event.allow()
                waiting = made.read_event()
                assert waiting.permission_event
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitpid(listener, 0)[1] == signal.SIGKILL
    stop.touch()
    for task in tasks:
        assert os.waitpid(task, 0)[1] == 0


def test_notifications(tmp_path, count):
    """Ten times as many events are counted, each once, and none is lost."""
    paths = [tmp_path / str(number) for number in range(1000)]
    with Fanotify(FAN_REPORT_FID | FAN_NONBLOCK) as made:
        for path in paths:
            path.touch()
            made.watch(path, FAN_OPEN)
        seen = 0
        for _ in range(count // 100):
            for path in paths:
                os.close(os.open(path, os.O_RDONLY))
            for event in support.drain(made):
                assert event.mask == FAN_OPEN
                seen += 1
        assert seen == count // 100 * 1000
        for path in paths:
            os.close(os.open(path, os.O_RDONLY))
        handles = {event.handle for event in support.drain(made)}
        assert len(handles) == len(paths)


def test_an_overflow_is_told(tmp_path):
    """Of more events than the queue takes, each comes or the overflow comes last."""
    most = sysctl("fs.fanotify.max_queued_events")
    with Fanotify(FAN_REPORT_DFID_NAME | FAN_NONBLOCK) as made:
        made.watch(tmp_path, FAN_CREATE)
        for number in range(most + 100):
            (tmp_path / str(number)).touch()
        *created, overflow = support.drain(made)
        assert [event.name for event in created] == [str(number) for number in range(most)]
        assert overflow.overflow_event
