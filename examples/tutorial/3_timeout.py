#!/usr/bin/env python3
"""Print the files of some directories that are complete, after each burst of them.

Usage: python examples/tutorial/3_timeout.py DIRECTORY...
"""

import sys

from butter.errors import NoMoreEvents
from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR, Inotify

COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR
PAUSE = 0.2  # seconds


def show(complete: set[str]) -> None:
    if complete:
        print("complete:", *map(repr, sorted(complete)), flush=True)
        complete.clear()


def main(directories: list[str]) -> None:
    complete: set[str] = set()
    with Inotify() as inotify:
        for directory in directories:
            inotify.watch(directory, COMPLETE)
        print("watching", *directories, flush=True)
        while True:
            try:
                event = inotify.wait(timeout=PAUSE if complete else None)
            except TimeoutError:
                show(complete)
                continue
            except NoMoreEvents:
                break
            if event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                complete.add(inotify.path(event))
        show(complete)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
