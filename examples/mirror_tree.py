#!/usr/bin/env python3
"""Know all files of a directory, with their sizes, at any time.

    python examples/mirror_tree.py DIRECTORY

The program lists the directory once, and follows its changes from there on. Each time
when nothing is left to follow, it prints how many files there are, and their bytes.
"""

import contextlib
import sys

from butter.tree import Change, ChangeKind, Entry, Tree


def take(entries: "dict[str, Entry]", top: str) -> "dict[str, Entry]":
    """Remove a path and all below it, and return them."""
    paths = [path for path in entries if not top or path == top or path.startswith(top + "/")]
    return {path: entries.pop(path) for path in paths}


def follow(entries: "dict[str, Entry]", change: Change) -> None:
    if change.kind is ChangeKind.DELETED:
        take(entries, change.path)
    elif change.old_path is not None:  # MOVED
        moved = take(entries, change.old_path)
        take(entries, change.path)
        for path, entry in moved.items():
            entries[change.path + path[len(change.old_path) :]] = entry
    # one that was gone before it could be looked at has no entry: DELETED follows
    if change.entry is not None:
        entries[change.path] = change.entry


def main(directory: str) -> None:
    with Tree(directory) as tree, contextlib.suppress(KeyboardInterrupt):
        entries = tree.entries()
        print("watching", len(entries), "files, by", tree.backend, flush=True)
        for change in tree:
            follow(entries, change)
            if tree.quiet and not tree.pending:
                print(
                    len(entries),
                    "files,",
                    sum(entry.size for entry in entries.values() if not entry.is_dir),
                    "bytes",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1])
