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
        print("complete:", *sorted(complete))
        complete.clear()


async def show_always(complete: set[str]) -> None:
    while True:
        await asyncio.sleep(PAUSE)
        show(complete)


def files(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if entry.is_file()]
    except FileNotFoundError:
        return []  # the directory has gone meanwhile


async def end_by_signal(
    signals: Signalfd_async,
    inotify: Inotify_async,
    watches: list[int],
) -> None:
    received = await signals.get()
    print(f"{received.name}: finishing")
    for wd in watches:
        with contextlib.suppress(InvalidArgument):  # its directory has gone already
            inotify.ignore(wd)


async def main(directories: list[str]) -> None:
    complete: set[str] = set()
    async with Signalfd_async([SIGINT, SIGTERM]) as signals, Inotify_async() as inotify:
        watches = [inotify.watch(directory, COMPLETE) for directory in directories]
        print("watching", *directories)
        showing = asyncio.create_task(show_always(complete))
        ending = asyncio.create_task(end_by_signal(signals, inotify, watches))
        async for event in inotify:
            if event.overflow_event:
                print("events were lost: looking at all files")
                for directory in directories:
                    complete.update(files(directory))
            elif event.close_write_event or event.moved_to_event:
                complete.add(inotify.path(event))
        showing.cancel()
        ending.cancel()
        show(complete)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
