#!/usr/bin/env python3
"""Work off the files of a spool directory, each once it is complete.

    python examples/work_off_spool.py DIRECTORY

The work is to count the bytes of a file. A file that is done is deleted, so one that
was not done when the program ended is the first when it begins again.
"""

import contextlib
import os
import sys

from butter.tree import complete


def work(path: str) -> None:
    with open(path, "rb") as file:
        print(os.path.basename(path), len(file.read()), "bytes", flush=True)


def main(directory: str) -> None:
    with complete(directory) as paths, contextlib.suppress(KeyboardInterrupt):
        for path in paths:
            # a file may come again, if it was written again meanwhile
            with contextlib.suppress(FileNotFoundError):
                work(path)
                os.unlink(path)


if __name__ == "__main__":
    main(sys.argv[1])
