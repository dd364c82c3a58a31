"""Fanotify_async under trio: deadlines, which a task of trio keeps."""

import errno
import os

import pytest
import trio
from loops import under_trio
from support import needs

from butter.fanotify import FAN_CLASS_CONTENT, FAN_OPEN_PERM
from butter.trio.fanotify import Fanotify_async
from butter.trio.pidfd import Pidfd_async

pytestmark = needs("CAP_SYS_ADMIN", kernel=(5, 4))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.touch()
    return path


def opener(path):
    """A child that opens a file, and exits with the errno of that."""
    pid = os.fork()
    if not pid:
        status = 99
        try:
            os.close(os.open(path, os.O_RDONLY))
            status = 0
        except OSError as error:
            status = error.errno
        finally:
            os._exit(status)
    return pid


async def status_of(pid):
    async with Pidfd_async(pid) as process:
        return await process.wait(30)


@pytest.mark.parametrize(("default", "result"), [("allow", 0), ("deny", errno.EPERM)])
@under_trio
async def test_deadline(file, default, result):
    """An event that is not answered in time gets the default, and no other answer."""
    async with Fanotify_async(FAN_CLASS_CONTENT, default=default, deadline=0.01) as fanotify:
        fanotify.watch(file, FAN_OPEN_PERM)
        pid = opener(file)
        with await fanotify.get(30) as event:
            assert await status_of(pid) == result
            with pytest.raises(ValueError, match="it was answered"):
                event.allow()


def test_a_deadline_after_the_run(file):
    """Where the run ends before a deadline, closing the object answers."""
    fanotify = Fanotify_async(FAN_CLASS_CONTENT, default="deny", deadline=1000)
    fanotify.watch(file, FAN_OPEN_PERM)
    pid = opener(file)
    event = trio.run(fanotify.get, 30)
    fanotify.close()
    assert trio.run(status_of, pid) == errno.EPERM
    event.close()


def test_a_deadline_without_a_run(file):
    """Outside of a run nothing is read, as no deadline could end."""
    with Fanotify_async(FAN_CLASS_CONTENT, default="deny", deadline=30) as fanotify:
        fanotify.watch(file, FAN_OPEN_PERM)
        with pytest.raises(RuntimeError, match="async context"):
            fanotify.get_nowait()
