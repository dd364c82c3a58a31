"""The behaviour of Inotify_async alone; test_queue.py has that of every awaitable."""

import asyncio

import pytest
from loops import both, run, waiters

import butter._inotify
from butter.asyncio.inotify import Inotify_async
from butter.errors import InvalidArgument, NoMoreEvents
from butter.inotify import IN_ATTRIB, IN_CREATE, IN_IGNORED, IN_ISDIR, IN_NONBLOCK, IN_OPEN, Inotify


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "directory"
    directory.mkdir()
    return directory


def test_methods_are_those_of_the_object(directory):
    """Watches are made and ended, and paths told, as by Inotify."""
    with Inotify_async() as inotify:
        wd = inotify.watch(directory, mask=IN_CREATE)
        assert inotify.watch(directory, events=IN_OPEN) == wd
        assert inotify.path(wd) == str(directory)
        inotify.ignore(wd)
        assert inotify.path(inotify.get_nowait()) == str(directory)
        inotify.del_watch(wd=inotify.watch(path=directory))
        assert inotify.get_nowait().ignored_event
    with pytest.raises(TypeError, match=r"pass a path to watch\(\)"):
        Inotify_async("/tmp")


@pytest.mark.defect("Q2")
def test_flags_reach_the_kernel():
    """The flags reach the kernel, which refuses those that it does not know."""
    with pytest.raises(InvalidArgument):
        Inotify_async(1)
    Inotify_async(IN_NONBLOCK).close()


@both
async def test_iteration_ends_with_the_last_watch(directory):
    """``async for`` ends with the last watch, and ``get`` raises, until a new watch."""
    async with Inotify_async() as inotify:
        for _ in range(2):
            directory.mkdir(exist_ok=True)
            wd = inotify.watch(directory, IN_CREATE)
            (directory / "below").mkdir()
            (directory / "below").rmdir()
            directory.rmdir()
            assert [event[:2] async for event in inotify] == [(wd, IN_CREATE | IN_ISDIR), (wd, IN_IGNORED)]
            for get in inotify.get, inotify.read_events:
                with pytest.raises(NoMoreEvents):
                    await get()


@both
async def test_every_waiter_hears_of_the_end(directory):
    """The last event goes to the first waiter, and the others get NoMoreEvents."""
    async with Inotify_async() as inotify:
        inotify.watch(directory, IN_CREATE)
        tasks = await waiters(inotify, 3)
        directory.rmdir()
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert first.ignored_event
        assert [type(error) for error in others] == [NoMoreEvents] * 2


@both
def test_events_that_could_not_be_made(kind, directory, monkeypatch):
    """Events that were not made for want of memory go to a present or later waiter."""

    made, failures = butter._inotify.Columns.made, []

    def made_or_not(columns):
        if failures:
            raise failures.pop()
        return made(columns)

    async def main():
        with Inotify_async() as inotify:
            inotify.watch(directory, IN_CREATE)
            for number in range(3):
                failed, *others = await waiters(inotify, number) or [inotify.get()]
                failures.append(MemoryError())
                (directory / str(number)).touch()
                with pytest.raises(MemoryError):
                    await failed
                assert (await (others[0] if others else inotify.get())).name == str(number)
            failures.append(MemoryError())
            (directory / "last").touch()
            with pytest.raises(MemoryError):
                inotify.empty()
            assert (await inotify.get()).name == "last"

    monkeypatch.setattr(butter._inotify.Columns, "made", made_or_not)
    run(main(), kind)


@both
async def test_adopt(directory):
    """The watches of an object that is adopted keep their paths."""
    inotify = Inotify()
    wd = inotify.watch(directory, IN_ATTRIB)
    directory.chmod(0o700)
    async with Inotify_async.adopt(inotify) as adopted:
        assert adopted.path(await adopted.get()) == adopted.path(wd) == str(directory)
        directory.rmdir()
        assert [event.flags async for event in adopted] == [IN_IGNORED]
