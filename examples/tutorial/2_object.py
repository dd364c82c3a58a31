#!/usr/bin/env python3
"""Print each file of some directories that is complete: with the object.

Usage: python examples/tutorial/2_object.py DIRECTORY...
"""

import sys

from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR, Inotify

COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR


def main(directories: list[str]) -> None:
    with Inotify() as inotify:
        for directory in directories:
            inotify.watch(directory, COMPLETE)
        print("watching", *directories, flush=True)
        for event in inotify:
            if event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                print(repr(inotify.path(event)), "is complete", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
