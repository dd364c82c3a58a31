#!/usr/bin/env python3
"""The SHA-256 of a file, read past the page cache with 32 reads under way.

    python examples/read_direct.py FILE

The disk has a queue of reads to work on, and what other programs have in the page cache
stays there.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Iterator

from butter.aio import Aio, aligned_buffer

SIZE = 1 << 18  # bytes of a read
DEPTH = 32


def open_direct(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError as error:
        # a filesystem without O_DIRECT, as some in memory: submit() itself reads then
        if error.errno != errno.EINVAL:
            raise
        return os.open(path, os.O_RDONLY)


def blocks(path: str) -> "Iterator[memoryview]":
    """The bytes of a file in order; each block is valid until the next is asked for."""
    with open(open_direct(path), "rb", buffering=0) as file, Aio(DEPTH) as aio:
        free = [aligned_buffer(SIZE) for _ in range(DEPTH)]
        buffers, complete = {}, {}
        asked = wanted = 0
        while True:
            while free:
                buffers[asked] = free.pop()
                aio.pread(file, buffers[asked], asked, user_data=asked)
                asked += SIZE
            # reads complete in any order
            while wanted not in complete:
                done = aio.wait()
                complete[done.user_data] = done
            done = complete.pop(wanted)
            if done.error:
                raise done.error
            buffer = buffers.pop(wanted)
            yield buffer[: done.result]
            if done.result < SIZE:
                return  # leaving the block waits for the reads behind the end
            free.append(buffer)
            wanted += SIZE


def main(path: str) -> None:
    digest = hashlib.sha256()
    try:
        for block in blocks(path):
            digest.update(block)
    except OSError as error:
        sys.exit(f"{path}: {error}")
    print(digest.hexdigest(), path)


if __name__ == "__main__":
    main(sys.argv[1])
