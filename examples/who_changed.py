#!/usr/bin/env python3
"""Log which program writes, creates, renames or deletes a file below a directory.

    python examples/who_changed.py DIRECTORY

It needs root, and Linux 5.17.
"""

import contextlib
import os
import sys

from butter.tree import Process, Tree


def program(process: "Process | None") -> str:
    """Return the number, the file and the arguments of the program."""
    if process is None:
        return "(unknown)"
    try:
        if process.pidfd is None:
            return f"{process.pid} (ended)"
        file = os.readlink(f"/proc/{process.pid}/exe")
        with open(f"/proc/{process.pid}/cmdline", errors="replace") as line:
            arguments = line.read().split("\0")[:-1]
        # the process is still there: so the number was its own, and what was read too
        process.pidfd.send_signal(0)
    except (FileNotFoundError, ProcessLookupError):
        return f"{process.pid} (ended)"
    return f"{process.pid} {file!r} {arguments}"


def main(directory: str) -> None:
    with Tree(directory, backend="fanotify", pidfd=True) as tree, contextlib.suppress(KeyboardInterrupt):
        print("watching", directory, flush=True)
        for change in tree:
            paths = [repr(os.path.join(directory, path)) for path in (change.old_path, change.path) if path is not None]
            print(program(change.process), change.kind.value, *paths, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
