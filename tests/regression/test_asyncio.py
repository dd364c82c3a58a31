"""What was broken in the awaitables once, and what programs rely on."""

import asyncio
import contextlib
import inspect
import os
import types

import pytest
from loops import both, run, turn, until_readable, waiters

import butter._inotify
import butter.inotify
from butter.asyncio.inotify import Inotify_async
from butter.errors import InvalidArgument
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_CREATE,
    IN_DELETE,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_NONBLOCK,
    event_name,
)


def test_i2_the_module_can_be_imported():
    """Its methods are coroutines of the language, as asyncio has no decorator for them any more."""
    for name in ("get", "get_event", "wait"):
        assert inspect.iscoroutinefunction(getattr(Inotify_async, name))


def test_q2_flags_are_used():
    """The flags reach the kernel, which refuses those that it does not know."""
    with pytest.raises(InvalidArgument):
        Inotify_async(1)
    with contextlib.closing(Inotify_async(IN_NONBLOCK)) as notify:
        assert not os.get_blocking(notify.fileno())


@both
def test_q4_a_full_queue_loses_nothing(tmp_path, kind):
    """With a maxsize of 2, all of five events arrive."""

    async def main():
        async with Inotify_async(maxsize=2) as notify:
            notify.watch(tmp_path, IN_CREATE)
            [task] = await waiters(notify, 1)
            for number in range(5):
                (tmp_path / str(number)).touch()
            names = [(await task).name]
            while len(names) < 5:
                await turn(3)
                names.append((await notify.get_event()).name)
            assert names == ["0", "1", "2", "3", "4"]
            assert notify.empty()

    run(main(), kind)


@both
def test_q9_iteration_context_and_fileno(tmp_path, kind):
    """``async for``, ``async with`` and ``fileno`` exist."""

    async def main():
        async with Inotify_async() as notify:
            notify.watch(tmp_path, IN_CREATE)
            (tmp_path / "new").touch()
            until_readable(notify)
            async for event in notify:
                assert event.name == "new"
                break

    run(main(), kind)


# What programs do with it. Each has a loop of its own making and gives it to us, as was the custom.

deprecated_loop = pytest.mark.filterwarnings("ignore:the loop argument:DeprecationWarning")


@deprecated_loop
@both
def test_a_watcher_task_that_is_cancelled(tmp_path, kind):
    """One task reads events until it is cancelled, under contextlib.closing; file and directory are told apart."""
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
    """The first event is waited for by a task, those behind it by wait_for until it times out; then all over again."""
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
    """An old-style coroutine prints the object, finds the name in an event's repr, ignores, and gets one event more."""

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


def test_del_watch(tmp_path):
    """The second name of ``ignore``, and the arguments by keyword."""
    with contextlib.closing(Inotify_async(flags=0, maxsize=0)) as notify:
        wd = notify.watch(path=tmp_path, mask=IN_CREATE)
        notify.del_watch(wd=wd)
        assert notify.get_nowait().ignored_event


def test_made_before_any_loop(tmp_path):
    """It may be made without a loop, and then belongs to the one that waits first."""
    notify = Inotify_async()
    notify.watch(tmp_path, IN_CREATE)
    (tmp_path / "new").touch()

    async def main():
        return await notify.get_event()

    assert run(main()).name == "new"
    notify.close()
