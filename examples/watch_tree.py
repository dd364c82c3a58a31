#!/usr/bin/env python3
"""Watch a directory recursively, and print what happens to its files.

    python examples/watch_tree.py DIRECTORY [EXCLUDED...]

The names that git ignores are left out, and those that the patterns EXCLUDED match, as
"*.tmp" or "build/".
"""

import contextlib
import os
import sys

from butter.tree import ChangeKind, Tree, gitignore


def main(directory: str, *excluded: str) -> None:
    ignored = gitignore(directory)
    with Tree(directory, exclude=[ignored, ".git/", *excluded]) as tree, contextlib.suppress(KeyboardInterrupt):
        print("watching", len(tree.entries()), "files, by", tree.backend, flush=True)
        for change in tree:
            path = os.path.join(directory, change.path)
            if change.old_path is not None:
                print("moved", repr(os.path.join(directory, change.old_path)), "to", repr(path), flush=True)
            elif change.kind is ChangeKind.DELETED and not change.path:
                print("the directory is gone: waiting for it", flush=True)
            elif change.kind is not ChangeKind.ATTRIBUTES:
                print(change.kind.value, repr(path), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
