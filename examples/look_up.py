#!/usr/bin/env python3
"""Look keys up in a sorted file that may be larger than the memory.

    python examples/look_up.py FILE < KEYS

For each key it prints a line of FILE that begins with it, in the order in which they
are found. 32 searches are under way at once, by io_uring (Linux 5.6). The file is
sorted by its bytes, as LC_ALL=C sort does it.
"""

import os
import sys
from collections.abc import Generator

from butter.uring import Ring

DEPTH = 32
PAGE = LONGEST = 4096  # bytes, of a line too
Search = Generator[int, bytes, "bytes | None"]


def lines_in(page: int, data: bytes) -> "list[bytes]":
    """The lines that begin in a page; the data begins a byte before it."""
    if len(data) < PAGE + LONGEST:
        data += b"" if data.endswith(b"\n") else b"\n"  # the end of the file
    elif data.rfind(b"\n") < PAGE:
        raise ValueError(f"a line is longer than {LONGEST} bytes")
    return data.split(b"\n")[1 if page else 0 : -1]


def search(key: bytes, pages: int) -> Search:
    """Yield the number of each page that has to be read, and return the line."""
    low, high = 0, pages
    while high - low > 1:
        page = (low + high) // 2
        lines = lines_in(page, (yield page))
        if lines and lines[0][: len(key)] <= key:
            low = page
        else:
            high = page
    return next((line for line in lines_in(low, (yield low)) if line.startswith(key)), None)


def look_up(path: str) -> None:
    with open(path, "rb", buffering=0) as file, Ring(DEPTH) as ring:
        pages = max(1, -(-os.fstat(file.fileno()).st_size // PAGE))

        def go_on(task: Search, data: "bytes | None") -> int:
            """Queue the next read, and return how many searches have ended: 0 or 1."""
            try:
                page = task.send(data)  # type: ignore[arg-type]
            except StopIteration as end:
                if end.value is not None:
                    sys.stdout.buffer.write(end.value + b"\n")
                return 1
            ring.pread(file, PAGE + LONGEST, max(0, page * PAGE - 1), user_data=task)
            return 0

        under_way = 0
        for key in sys.stdin.buffer:
            go_on(search(key.rstrip(b"\n"), pages), None)
            under_way += 1
            while under_way == DEPTH:
                done = ring.wait()
                under_way -= go_on(done.user_data, done.value)
        while under_way:
            done = ring.wait()
            under_way -= go_on(done.user_data, done.value)


if __name__ == "__main__":
    try:
        look_up(sys.argv[1])
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
