"""The behaviour of Fanotify_async alone; test_queue.py has that of every awaitable."""

import asyncio
import errno
import os
import select

import pytest
from loops import both
from support import needs

from butter.asyncio.fanotify import Fanotify_async
from butter.asyncio.pidfd import Pidfd_async
from butter.errors import InvalidArgument
from butter.fanotify import (
    FAN_CLASS_CONTENT,
    FAN_CREATE,
    FAN_DELETE,
    FAN_NONBLOCK,
    FAN_OPEN,
    FAN_OPEN_PERM,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_FID,
)

pytestmark = needs(kernel=(5, 9))


@pytest.mark.defect("Q5")
def test_methods_are_those_of_the_object(tmp_path):
    """Marks are made and ended as by Fanotify, with its order of arguments."""
    (tmp_path / "file").touch()
    with Fanotify_async(FAN_REPORT_DFID_NAME) as fanotify:
        fanotify.watch(tmp_path, FAN_CREATE | FAN_DELETE, 0)
        fanotify.ignore(tmp_path, FAN_DELETE)
        os.unlink(tmp_path / "file")
        (tmp_path / "new").touch()
        assert [fanotify.get_nowait().name, fanotify.empty()] == ["new", True]
        fanotify.del_watch(tmp_path, event_mask=FAN_CREATE)
        fanotify.flush()
        (tmp_path / "newer").touch()
        assert fanotify.empty()
    with pytest.raises(TypeError, match=r"pass a path to watch\(\)"):
        Fanotify_async("/tmp")


def test_flags_reach_the_kernel():
    """The flags reach the kernel, which refuses those that it does not know."""
    with pytest.raises(InvalidArgument):
        Fanotify_async(0x8000 | FAN_REPORT_FID)
    Fanotify_async(FAN_NONBLOCK | FAN_REPORT_FID).close()


@needs("CAP_SYS_ADMIN")
@both
async def test_events_with_descriptors(tmp_path):
    """An event that a task got owns its descriptor."""
    path = tmp_path / "file"
    path.touch()
    async with Fanotify_async() as fanotify:
        fanotify.watch(path, FAN_OPEN)
        os.close(os.open(path, os.O_RDONLY))
        with await fanotify.get(30) as event:
            assert event.filename == str(path)


class Task:
    """A child that opens a file, and the errno with which that failed."""

    def __init__(self, path):
        self.pid = os.fork()
        if not self.pid:
            status = 99
            try:
                os.close(os.open(path, os.O_RDONLY))
                status = 0
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)

    async def status(self):
        async with Pidfd_async(self.pid) as process:
            return await process.wait(30)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.touch()
    return path


@needs("CAP_SYS_ADMIN")
@both
async def test_answers_of_coroutines(file):
    """Each event is answered by a task of its own, and gets the default if it fails."""

    async def decide(event, number):
        with event:
            await asyncio.sleep(0)
            if number == 2:
                raise ZeroDivisionError
            (event.deny if number else event.allow)()

    async with Fanotify_async(FAN_CLASS_CONTENT, default="deny") as fanotify:
        fanotify.watch(file, FAN_OPEN_PERM)
        for number, result in enumerate([0, errno.EPERM, errno.EPERM]):
            task = Task(file)
            deciding = asyncio.ensure_future(decide(await fanotify.get(30), number))
            assert await task.status() == result
            await asyncio.wait([deciding])
            assert (deciding.exception() is None) == (number < 2)


@needs("CAP_SYS_ADMIN")
@both
@pytest.mark.parametrize(("default", "result"), [("allow", 0), ("deny", errno.EPERM)])
async def test_deadline(file, default, result):
    """An event that is not answered in time gets the default, and no other answer."""
    async with Fanotify_async(FAN_CLASS_CONTENT, default=default, deadline=0.01) as fanotify:
        fanotify.watch(file, FAN_OPEN_PERM)
        task = Task(file)
        with await fanotify.get(30) as event:
            assert await task.status() == result
            with pytest.raises(ValueError, match="it was answered"):
                event.allow()


@needs("CAP_SYS_ADMIN")
def test_a_deadline_without_a_loop(file):
    """Outside a loop nothing is read, as no deadline could end."""
    with Fanotify_async(FAN_CLASS_CONTENT, default="deny", deadline=30) as fanotify:
        fanotify.watch(file, FAN_OPEN_PERM)
        task = Task(file)
        assert select.select([fanotify._source], [], [], 30)[0]
        with pytest.raises(RuntimeError):
            fanotify.get_nowait()
        assert select.select([fanotify._source], [], [], 0)[0]
    assert os.WEXITSTATUS(os.waitpid(task.pid, 0)[1]) == errno.EPERM


@needs("CAP_SYS_ADMIN")
@both
async def test_own_events_alone(tmp_path):
    """A batch that has events of this process alone is not the end of what is there."""
    async with Fanotify_async(FAN_REPORT_DFID_NAME, exclude_self=True) as fanotify:
        fanotify.watch(tmp_path, FAN_CREATE)
        for number in range(600):
            (tmp_path / str(number)).touch()
        if not os.fork():
            (tmp_path / "other").touch()
            os._exit(0)
        os.wait()
        assert not fanotify.empty()
        assert fanotify.get_nowait().name == "other"


def test_other_deadlines():
    """Deadlines and flags out of range are named as they were passed."""
    with pytest.raises(ValueError, match="deadline is -1; it must not be negative"):
        Fanotify_async(FAN_REPORT_FID, deadline=-1)
    with pytest.raises(ValueError, match="flags is 4294967296;"):
        Fanotify_async(1 << 32)
    with pytest.raises(TypeError, match="number of seconds"):
        Fanotify_async(FAN_REPORT_FID, deadline="1")


@needs("CAP_SYS_ADMIN")
@both
async def test_the_end_of_an_awaitable(file):
    """close() answers all that wait, whether a task took them or not."""
    fanotify = Fanotify_async(FAN_CLASS_CONTENT, default="deny")
    fanotify.watch(file, FAN_OPEN_PERM)
    tasks = [Task(file)]
    event = await fanotify.get(30)
    tasks.append(Task(file))
    fanotify.close()
    assert await tasks[0].status() == errno.EPERM
    assert await tasks[1].status() in (0, errno.EPERM)  # it may have come after the marks
    event.close()
