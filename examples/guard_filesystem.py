#!/usr/bin/env python3
"""Refuse to open the files of a filesystem that begin with given bytes.

    python examples/guard_filesystem.py PATH '#!'

It needs root. A file that cannot be read is refused as well.
"""

import contextlib
import os
import stat
import sys

from butter.fanotify import (
    FAN_CLASS_CONTENT,
    FAN_MARK_FILESYSTEM,
    FAN_OPEN_PERM,
    FAN_UNLIMITED_QUEUE,
    Fanotify,
)


def is_allowed(fd: int, start: bytes) -> bool:
    return not stat.S_ISREG(os.fstat(fd).st_mode) or os.pread(fd, len(start), 0) != start


def main(path: str, start: bytes) -> None:
    # a task that finds a queue with a limit full is allowed to go on
    flags = FAN_CLASS_CONTENT | FAN_UNLIMITED_QUEUE
    with Fanotify(flags, default="deny", exclude_self=True) as fanotify, contextlib.suppress(KeyboardInterrupt):
        fanotify.watch(path, FAN_OPEN_PERM, FAN_MARK_FILESYSTEM)
        print("guarding the filesystem of", path, flush=True)
        for event in fanotify:
            try:
                # an event that ends without an answer gets the default
                with event:
                    # to open the file by its path would wait for this program itself
                    if is_allowed(event.fileno(), start):
                        event.allow()
                    else:
                        print("refused", repr(event.filename), "to process", event.pid, flush=True)
            except OSError as error:
                print("refused:", error, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], os.fsencode(sys.argv[2]))
