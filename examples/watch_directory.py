#!/usr/bin/env python3
"""Handle each file that is put into a directory, once it is complete.

    python examples/watch_directory.py DIRECTORY

A file is complete when its writer closes it, or moves it into the directory. If the
kernel's queue ran over, events were lost, so the program lists the directory.
"""

import contextlib
import os
import sys

from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR, Inotify


def handle(path: str) -> None:
    try:
        size = os.lstat(path).st_size
    except FileNotFoundError:
        return  # another program has handled it, or deleted it
    print(repr(path), size, "bytes", flush=True)


def main(directory: str) -> None:
    with Inotify() as inotify, contextlib.suppress(KeyboardInterrupt):
        inotify.watch(directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR)
        print("watching", directory, flush=True)
        # the loop ends when the directory is gone
        for event in inotify:
            if event.overflow_event:
                with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
                    for entry in entries:
                        if not entry.is_dir(follow_symlinks=False):
                            handle(entry.path)
            elif event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                handle(inotify.path(event))


if __name__ == "__main__":
    main(sys.argv[1])
