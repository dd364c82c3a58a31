#!/usr/bin/env python3
"""Handle each file that is put into a directory, once it is complete.

    python examples/watch_directory.py DIRECTORY [COUNT]

A file is complete when its writer closes it, or moves it into the directory. If the
kernel's queue ran over, events were lost, so the program lists the directory.
"""

import contextlib
import itertools
import os
import sys

from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR, Inotify


def handle(path: str) -> None:
    try:
        size = os.path.getsize(path)
    except FileNotFoundError:
        return  # another program has handled it, or deleted it
    print(path, size, "bytes", flush=True)


def main(directory: str, count: "int | None" = None) -> None:
    with Inotify() as inotify:
        inotify.watch(directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR)
        print("watching", directory, flush=True)
        # the loop ends when the directory is gone
        for event in itertools.islice(inotify, count):
            if event.overflow_event:
                with contextlib.suppress(FileNotFoundError):
                    for name in os.listdir(directory):
                        handle(os.path.join(directory, name))
            elif not event.ignored_event:
                handle(inotify.path(event))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
