#!/usr/bin/env python3
"""Work off the files of a spool directory, each once it is complete.

    python examples/work_off_spool.py DIRECTORY

The work is to count the bytes of a file. A file that is done is deleted. One that
could not be done stays, and comes again when the program begins again.
"""

import contextlib
import os
import sys

from butter.tree import complete


def opener(path: str, flags: int) -> int:
    # refuses a link, and does not wait for the writer of a named pipe
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def work(path: str) -> None:
    with open(path, "rb", opener=opener) as file:
        print(repr(os.path.basename(path)), len(file.read()), "bytes", flush=True)


def main(directory: str) -> None:
    with complete(directory) as paths, contextlib.suppress(KeyboardInterrupt):
        for path in paths:
            try:
                work(path)
                os.unlink(path)
            except FileNotFoundError:
                pass  # it came again, because it was written again, and is done
            except OSError as error:
                print("not done:", error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
