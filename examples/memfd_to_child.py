#!/usr/bin/env python3
"""Hand data to child processes: in memory, sealed, without a copy for each of them.

    python examples/memfd_to_child.py

A child gets the descriptor, and its number as an argument. It is this program again,
started by subprocess and by butter.clone.spawn.
"""

import os
import subprocess
import sys

from butter.clone import spawn
from butter.memfd import F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE, Memfd

NEEDED = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW


def child(fd: int) -> None:
    with Memfd.adopt(fd) as words:
        if words.flags & NEEDED != NEEDED:
            sys.exit("not sealed: the parent could still change it")
        with words.mmap() as text:
            print(words.name(), "in", os.getpid(), "has", text[:].count(b"\n"), "lines", flush=True)


def main() -> None:
    command = [sys.executable, __file__]
    lines = b"".join(b"line %d\n" % number for number in range(100_000))
    with Memfd("words", lines) as draft:
        words = draft.sealed_copy()
    with words:
        # it has the same number in the child
        number = words.fileno()
        subprocess.run([*command, str(number)], pass_fds=[number], check=True)
        # it has the number 3 there
        with spawn([*command, "3"], pass_fds={3: words}) as process:
            if process.wait() != 0:
                raise RuntimeError("the child has failed")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(int(sys.argv[1]))
    else:
        main()
