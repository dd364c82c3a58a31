"""The uses that programs make of the awaitables."""

import asyncio
import contextlib
import types

import pytest
from loops import both, run, turn

import butter._inotify
import butter.inotify
from butter.asyncio.inotify import Inotify_async
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_CREATE,
    IN_DELETE,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    event_name,
)

# Each program has a loop of its own making and passes it, as was the custom.

deprecated_loop = pytest.mark.filterwarnings("ignore:the loop argument:DeprecationWarning")


@deprecated_loop
@both
def test_a_watcher_task_that_is_cancelled(tmp_path, kind):
    """One task reads until it is cancelled; file and directory are told apart."""
    assert butter._inotify.InotifyEvent is butter.inotify.InotifyEvent
    mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY
    file = tmp_path / "file"
    file.touch()
    seen = []

    async def watcher(notify):
        while True:
            seen.append(await notify.get_event())

    async def main():
        with contextlib.closing(Inotify_async(loop=asyncio.get_running_loop())) as notify:
            directory, alone = notify.watch(str(tmp_path), mask), notify.watch(str(file), IN_MODIFY)
            task = asyncio.ensure_future(watcher(notify))
            await turn()
            with file.open("a") as opened:
                opened.write("x")
            file.rename(tmp_path / "other")
            (tmp_path / "other").unlink()
            (tmp_path / "new").touch()
            while not (seen and seen[-1].create_event):
                await turn()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            notify.ignore(directory)
            return directory, alone

    directory, alone = run(main(), kind)
    names = [event.filename.decode() for event in seen if event.wd == directory]
    assert names == ["file", "file", "other", "other", "new"]
    ours = [event for event in seen if event.wd == alone and event.modify_event]
    assert len(ours) == 1
    assert not ours[0].filename
    moved_from, moved_to = (event for event in seen if event.cookie)
    assert moved_from.moved_from_event
    assert moved_to.moved_to_event
    assert moved_from.cookie == moved_to.cookie
    assert [event.filename for event in seen if event.delete_event] == [b"other"]


@deprecated_loop
@both
def test_a_batch_until_a_timeout(tmp_path, kind):
    """One task waits for the first event; wait_for takes those behind it; and again."""
    names = {key: bit for key, bit in event_name.items() if isinstance(key, str)}
    assert names["IN_CREATE"] == IN_CREATE
    assert names["IN_ALL_EVENTS"] == IN_ALL_EVENTS

    async def main():
        notify = Inotify_async(loop=asyncio.get_running_loop())
        wd = notify.watch(str(tmp_path), IN_CREATE)
        for count in (3, 1):
            first = asyncio.ensure_future(notify.get_event())
            await turn()
            for number in range(count):
                (tmp_path / f"{count}{number}").mkdir()
            events = [await first]
            with contextlib.suppress(asyncio.TimeoutError):
                while True:
                    events.append(await asyncio.wait_for(notify.get_event(), 0.05))
            assert [event.filename.decode() for event in events] == [f"{count}{number}" for number in range(count)]
            for event in events:
                assert event.mask & names["IN_ISDIR"] == IN_ISDIR
                assert event.is_dir_event
                assert event.create_event
                assert not event.modify_event
                assert event.wd == wd
        notify.close()

    run(main(), kind)


@deprecated_loop
@both
def test_a_generator_that_parses_the_repr(tmp_path, kind, capsys):
    """An old-style coroutine takes the repr of an event apart, and ignores."""

    @types.coroutine
    def main():
        notify = Inotify_async(loop=asyncio.get_running_loop())
        print(notify)
        wd = notify.watch(str(tmp_path), IN_ALL_EVENTS)
        (tmp_path / "answer").mkdir()
        event = yield from notify.get_event()
        assert str(event).split(",")[3].split("'")[1] == "answer"
        assert str(event) == f"InotifyEvent(wd={wd}, mask=CREATE|ISDIR, cookie=0, filename=b'answer')"
        notify.ignore(wd)
        event = yield from notify.get_event()
        assert event.ignored_event
        assert event.wd == wd
        notify.close()

    run(main(), kind)
    assert capsys.readouterr().out.startswith("<Inotify_async fd=")
