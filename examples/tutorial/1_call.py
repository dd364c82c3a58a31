#!/usr/bin/env python3
"""Print each file of a directory that is complete: by calls.

Usage: python examples/tutorial/1_call.py DIRECTORY
"""

import os
import sys

from butter.inotify import (
    IN_CLOSE_WRITE,
    IN_MOVED_TO,
    IN_ONLYDIR,
    inotify_add_watch,
    inotify_init,
    str_to_events,
)

COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR


def main(directory: str) -> None:
    fd = inotify_init()
    inotify_add_watch(fd, directory, COMPLETE)
    print("watching", directory, flush=True)
    while True:
        for event in str_to_events(os.read(fd, 4096)):
            print(repr(event.name), "is complete", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
