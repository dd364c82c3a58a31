#!/usr/bin/env python3
"""Log which process does what to which file of a filesystem.

    python examples/log_accesses.py PATH

It needs root, and Linux 5.15.
"""

import contextlib
import sys

from butter.fanotify import (
    FAN_ACCESS,
    FAN_CLOSE_WRITE,
    FAN_MARK_FILESYSTEM,
    FAN_MODIFY,
    FAN_OPEN_EXEC,
    FAN_REPORT_PIDFD,
    Fanotify,
    FanotifyEvent,
)

EVENTS = FAN_ACCESS | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_OPEN_EXEC


def program(event: FanotifyEvent) -> str:
    try:
        process = event.pidfd
        if process is None:
            return "(unknown)"
        with open(f"/proc/{event.pid}/comm", errors="replace") as file:
            name = file.read()[:-1]
        # the process is still there: so the number was its own, and the name too
        process.send_signal(0)
    except (FileNotFoundError, ProcessLookupError):
        return "(ended)"
    return repr(name)


def main(path: str) -> None:
    with Fanotify(FAN_REPORT_PIDFD, exclude_self=True) as fanotify, contextlib.suppress(KeyboardInterrupt):
        fanotify.watch(path, EVENTS, FAN_MARK_FILESYSTEM)
        print("watching the filesystem of", path, flush=True)
        for event in fanotify:
            with event:
                if event.overflow_event:
                    print("events were lost", flush=True)
                else:
                    print(event.pid, program(event), event.flags, repr(event.filename), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
