#!/usr/bin/env python3
"""Print what happens to the files of directories, and where renames come from and go.

    python examples/monitor_directories.py DIRECTORY...

It needs no privileges, and Linux 5.17.
"""

import contextlib
import sys

from butter.fanotify import (
    FAN_CLOSE_WRITE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_EVENT_ON_CHILD,
    FAN_MARK_ONLYDIR,
    FAN_ONDIR,
    FAN_RENAME,
    FAN_REPORT_DFID_NAME,
    Fanotify,
    UnknownPath,
)

EVENTS = FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_CLOSE_WRITE | FAN_ONDIR | FAN_EVENT_ON_CHILD


def main(directories: "list[str]") -> None:
    with Fanotify(FAN_REPORT_DFID_NAME) as fanotify, contextlib.suppress(KeyboardInterrupt):
        for directory in directories:
            fanotify.watch(directory, EVENTS, FAN_MARK_ONLYDIR)
        print("watching", *directories, flush=True)
        for event in fanotify:
            if event.overflow_event:
                print("events were lost: list the directories", flush=True)
                continue
            try:
                if event.rename_event:
                    # None on a side that is not watched
                    print(event.flags, repr(event.old_path), repr(event.path), flush=True)
                else:
                    print(event.flags, repr(event.path), flush=True)
            except UnknownPath as error:
                print(event.flags, repr(event.name), error, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
