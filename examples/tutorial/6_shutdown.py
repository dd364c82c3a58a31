#!/usr/bin/env python3
"""Print the files of some directories that are complete, until SIGTERM or Ctrl-C.

Usage: python examples/tutorial/6_shutdown.py DIRECTORY...
"""

import asyncio
import contextlib
import os
import sys
from signal import SIGINT, SIGTERM

from butter.asyncio.inotify import Inotify_async
from butter.asyncio.signalfd import Signalfd_async
from butter.errors import InvalidArgument
from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR

COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR
PAUSE = 0.2  # seconds


def show(complete: set[str]) -> None:
    if complete:
        print("complete:", *map(repr, sorted(complete)), flush=True)
        complete.clear()


def files(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if entry.is_file()]
    except FileNotFoundError:
        return []  # the directory has gone meanwhile


async def watch(inotify: Inotify_async, directories: list[str], complete: set[str]) -> None:
    async for event in inotify:
        if event.overflow_event:
            print("events were lost: looking at all files", flush=True)
            for directory in directories:
                complete.update(files(directory))
        elif event.close_write_event or (event.moved_to_event and not event.is_dir_event):
            complete.add(inotify.path(event))


async def end_by_signal(
    signals: Signalfd_async,
    inotify: Inotify_async,
    watches: list[int],
) -> None:
    received = await signals.get()
    for wd in watches:
        with contextlib.suppress(InvalidArgument):  # its directory has gone already
            inotify.ignore(wd)
    print(f"{received.name}: finishing", flush=True)


async def main(directories: list[str]) -> None:
    complete: set[str] = set()
    async with Signalfd_async([SIGINT, SIGTERM]) as signals, Inotify_async() as inotify:
        watches = [inotify.watch(directory, COMPLETE) for directory in directories]
        print("watching", *directories, flush=True)
        watching = asyncio.create_task(watch(inotify, directories, complete))
        ending = asyncio.create_task(end_by_signal(signals, inotify, watches))
        while not watching.done():
            await asyncio.wait([watching], timeout=PAUSE)
            show(complete)
        ending.cancel()
        await watching


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1:]))
