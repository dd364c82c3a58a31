"""The cost of an import: the CPU time that it adds to a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.runner import Comparison, Sample

#: the most that the import may take, in nanoseconds
MOST = 25e6


def statement(code: str) -> Sample:
    """Return a sample of the CPU time of *code*.

    The interpreter imports installed packages, and nothing from this folder.
    """
    timed = f"import time; start = time.process_time_ns(); {code}; print(time.process_time_ns() - start)"
    command = [sys.executable, "-I", "-c", timed]
    return lambda: float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def comparisons() -> Iterator[Comparison]:
    yield Comparison(
        "Importing a synchronous module",
        {
            "nothing": statement("pass"),
            "butter": statement("import butter.inotify"),
            "inotify_simple": statement("import inotify_simple"),
            "asyncinotify": statement("import asyncinotify"),
            "watchdog": statement("import watchdog.observers"),
        },
        margins={"nothing": MOST},
    )
    yield Comparison(
        "Importing an awaitable",
        {
            "butter": statement("import butter.asyncio.inotify"),
            "asyncio alone": statement("import asyncio"),
        },
        margins={"asyncio alone": MOST},
    )
