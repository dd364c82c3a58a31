#!/usr/bin/env python3
"""Load a configuration file anew each time when it has changed.

    python examples/follow_configuration.py FILE

The file is JSON. An editor may write it or move another over it, and a ConfigMap of
Kubernetes may replace a symbolic link on the way; it may also be missing for a while.
"""

import contextlib
import json
import sys

from butter.tree import FileWatch


def load(path: str) -> None:
    try:
        with open(path) as file:
            settings = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        print("the settings stay:", error, flush=True)
    else:
        print("settings", repr(settings), flush=True)


def main(path: str) -> None:
    # watched first and loaded then, so that no change falls in between
    with FileWatch(path) as watch, contextlib.suppress(KeyboardInterrupt):
        load(path)
        for _ in watch:
            load(path)


if __name__ == "__main__":
    main(sys.argv[1])
