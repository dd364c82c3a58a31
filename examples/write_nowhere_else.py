#!/usr/bin/env python3
"""Run a program that may read every file, and change those below one directory alone.

    python examples/write_nowhere_else.py DIRECTORY PROGRAM [ARGUMENT...]

It needs no privileges, and holds for all that the program starts.
"""

import os
import sys

from butter.landlock import EXECUTE, READ, WRITE, NotEnforced, Ruleset
from butter.prctl import prctl


def main(directory: str, *argv: str) -> None:
    try:
        # all rights to files that landlock has had since Linux 6.2, before which it let
        # files be emptied
        with Ruleset(net=(), scope=(), abi=3) as ruleset:
            ruleset.allow_path("/", READ | EXECUTE)
            ruleset.allow_path(directory, WRITE)
            # a program opens these for writing although it changes no file
            for device in "/dev/null", "/dev/tty":
                ruleset.allow_path(device, "write_file")
            prctl.no_new_privs = True
            ruleset.restrict()
    except NotEnforced as error:
        sys.exit(f"nothing was started: {error.strerror}")
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
