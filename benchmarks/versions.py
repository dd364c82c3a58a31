"""Two versions of butter side by side, sample by sample in turn.

Each runs in processes of its own interpreter, and every round starts new processes. The
memory layout differs from process to process and makes whole microbenchmarks some
percent faster or slower; with one process for all rounds that would look like a
difference of the versions.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks import ROOT
from benchmarks.runner import table

#: the highest ratio of a median of the new version to that of the old one
MOST = 1.05
#: the features that may take longer than before; their benchmarks have their targets
EXEMPT = ("imports", "timerfd")

HEAD = ("", "old ns", "new ns", "new / old", f"at most {MOST}", "at best")


class Lacking(Exception):
    """A version of butter lacks something that a benchmark uses."""


class Pair(NamedTuple):
    """The nanoseconds of a measurement in one round."""

    old: float
    new: float


class Worker:
    """A process of benchmarks/worker.py, and its first answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.hello = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmarks ended; both venvs need butter[bench], see --help")
        return json.loads(line)

    def take(self, measurement: str) -> float:
        """Return a sample in nanoseconds.

        Raises Lacking if this version lacks something that the benchmark uses.
        """
        assert self._process.stdin is not None
        print(json.dumps(measurement), file=self._process.stdin, flush=True)
        answer = self._answer()
        if isinstance(answer, str):
            raise Lacking(answer)
        return float(answer)


@contextmanager
def worker(python: str, feature: str) -> Iterator[Worker]:
    process = subprocess.Popen(
        [python, "-m", "benchmarks.worker", feature],
        cwd=ROOT,
        # the same order of sets in both
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Worker(process)
        finally:
            process.kill()


def check(old: Worker, new: Worker) -> None:
    """Exit unless both have a butter of their own.

    The new one must also have everything that the benchmarks use.
    """
    if old.hello["butter"] == new.hello["butter"]:
        raise SystemExit(f"both interpreters import {new.hello['butter']}")
    if new.hello["lacks"]:
        raise SystemExit(f"{new.hello['butter']}: {new.hello['lacks']}")


def take_pair(old: Worker, new: Worker, measurement: str, old_first: bool) -> Pair:
    """Return a sample of each version, after one that warms up.

    Raises Lacking for the old version.
    """
    if old.hello["lacks"]:
        raise Lacking(old.hello["lacks"])
    found = {}
    for process in 2 * ((old, new) if old_first else (new, old)):
        try:
            found[process] = process.take(measurement)
        except Lacking as error:
            if process is new:
                raise SystemExit(f"{measurement}: {error}") from None
            raise
    return Pair(found[old], found[new])


def beside(old_python: str, feature: str, word: str, rounds: int) -> str:
    """Measure *feature* with *old_python*'s butter and with this one; return the table.

    *word* chooses the measurements whose names have it.
    """
    pairs: dict[str, list[Pair]] = {}
    missing: dict[str, str] = {}
    for turn in range(rounds):
        with worker(old_python, feature) as old, worker(sys.executable, feature) as new:
            check(old, new)
            for measurement in new.hello["measurements"]:
                if word in measurement and measurement not in missing:
                    try:
                        pair = take_pair(old, new, measurement, old_first=turn % 2 == 0)
                    except Lacking as error:
                        missing[measurement] = str(error)
                    else:
                        pairs.setdefault(measurement, []).append(pair)
    rows = [row(measurement, taken, exempt=feature in EXEMPT) for measurement, taken in pairs.items()]
    lines = [feature, "", *table(HEAD, rows)] if rows else []
    lines += [f"{measurement}: not in the old one ({reason})" for measurement, reason in missing.items()]
    return "\n".join(lines)


def row(measurement: str, pairs: list[Pair], exempt: bool) -> tuple[str, ...]:
    """Return a line of the table.

    It has both medians, their ratio, whether that is at most MOST, and the ratio of the
    best samples. On a busy machine the best samples are those that other programs
    disturbed least.
    """
    old, new = [pair.old for pair in pairs], [pair.new for pair in pairs]
    medians = statistics.median(old), statistics.median(new)
    ratio = medians[1] / medians[0]
    verdict = "yes" if ratio <= MOST else "exempt" if exempt else "NO"
    return (
        measurement,
        f"{medians[0]:,.0f}",
        f"{medians[1]:,.0f}",
        f"{ratio:.2f}",
        verdict,
        f"{min(new) / min(old):.2f}",
    )
