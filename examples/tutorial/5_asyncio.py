#!/usr/bin/env python3
"""Print the files of some directories that are complete, in an asyncio program.

Usage: python examples/tutorial/5_asyncio.py DIRECTORY...
"""

import asyncio
import os
import sys

from butter.asyncio.inotify import Inotify_async
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


async def main(directories: list[str]) -> None:
    complete: set[str] = set()
    async with Inotify_async() as inotify:
        for directory in directories:
            inotify.watch(directory, COMPLETE)
        print("watching", *directories, flush=True)
        watching = asyncio.create_task(watch(inotify, directories, complete))
        while not watching.done():
            await asyncio.wait([watching], timeout=PAUSE)
            show(complete)
        await watching


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1:]))
