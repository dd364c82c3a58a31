"""The behaviour of Fanotify_async alone; test_queue.py has that of every awaitable."""

import os

import pytest
from loops import both
from support import needs

from butter.asyncio.fanotify import Fanotify_async
from butter.errors import InvalidArgument
from butter.fanotify import FAN_CREATE, FAN_DELETE, FAN_NONBLOCK, FAN_OPEN, FAN_REPORT_DFID_NAME, FAN_REPORT_FID


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
