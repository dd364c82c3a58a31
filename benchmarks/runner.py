"""How the benchmarks measure: contenders in turn, many rounds, medians, ratios.

On a machine that does other things an absolute time means little. A ratio of medians of
interleaved samples is reliable, because the noise hits all contenders.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import statistics
import timeit
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from benchmarks import HERE

Result = TypeVar("Result")
NewLoop = Callable[[], asyncio.AbstractEventLoop]
#: takes one sample and returns nanoseconds for one operation
Sample = Callable[[], float]
#: the samples of each contender
Samples = dict[str, list[float]]

#: where files are made: in memory, or a busy disk would be measured
FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else None

#: the modules beside this one that have ``comparisons()``
FEATURES = sorted(
    path.stem
    for path in HERE.glob("*.py")
    if path.stem not in ("__init__", "__main__", "floor", "pages", "record", "runner", "versions", "worker")
)

#: the event loops that everything awaitable is measured on
LOOPS: dict[str, NewLoop] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass
class Comparison:
    """The contenders that do the same work, and the targets of butter.

    *targets* are ``{other: the highest ratio butter / other}``, and *margins* ``{other:
    the most nanoseconds that butter may take longer}``; *most* is what butter may take.
    The samples are in *unit*.
    """

    title: str
    contenders: dict[str, Sample]
    targets: dict[str, float] = field(default_factory=dict)
    margins: dict[str, float] = field(default_factory=dict)
    most: float | None = None
    rounds: int = 15
    unit: str = "ns"

    def measure(self) -> Samples:
        """Take all samples, a round of all contenders after the other."""
        samples: Samples = {name: [] for name in self.contenders}
        names = list(self.contenders)
        for turn in range(self.rounds + 1):
            # each round begins with another contender, so that none always runs after
            # the one that dirties the caches most
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                nanoseconds = taken(self.contenders[name])
                if turn:  # the first round warms up
                    samples[name].append(nanoseconds)
        return samples

    def report(self, samples: Samples) -> str:
        """Return the table of *samples*, and which targets are reached, as text."""
        medians = {name: statistics.median(values) for name, values in samples.items()}
        rows = [
            (name, f"{medians[name]:,.0f}", f"{medians[name] / medians['butter']:.2f}")
            for name in sorted(medians, key=lambda name: medians[name])
        ]
        lines = [self.title, "", *table(("", f"{self.unit} each", "times butter"), rows)]
        for other, most in self.targets.items():
            if other in medians:
                ratio = medians["butter"] / medians[other]
                verdict = "reached" if ratio <= most else "NOT REACHED"
                lines.append(f"butter / {other}: {ratio:.2f}, to reach {most:.2f}: {verdict}")
        for other, most in self.margins.items():
            if other in medians:
                longer = medians["butter"] - medians[other]
                verdict = "reached" if longer <= most else "NOT REACHED"
                lines.append(f"butter - {other}: {longer:.0f} ns, to reach {most:.0f} ns: {verdict}")
        if self.most is not None:
            verdict = "reached" if medians["butter"] <= self.most else "NOT REACHED"
            lines.append(f"butter: {medians['butter']:,.0f} {self.unit}, to reach {self.most:,.0f}: {verdict}")
        return "\n".join(lines) + "\n"


def all_comparisons(feature: str, word: str = "") -> Iterator[Comparison]:
    """Return the comparisons of *feature* whose title has *word*."""
    try:
        comparisons: Iterator[Comparison] = importlib.import_module(f"benchmarks.{feature}").comparisons()
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error}: the benchmark {feature!r} needs it, and the extra 'bench' has it") from None
    return (comparison for comparison in comparisons if word in comparison.title)


def taken(sample: Sample) -> float:
    """Take *sample*, without the garbage of earlier samples."""
    gc.collect()
    gc.freeze()
    try:
        return sample()
    finally:
        gc.unfreeze()


def on_loop(new_loop: NewLoop, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of *work*, run on a new loop."""
    loop = new_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def awaited(new_loop: NewLoop, work: Callable[[], Coroutine[Any, Any, float]]) -> Sample:
    """Return a sample that *work* takes, on a new loop each time."""
    return lambda: on_loop(new_loop, work())


def repeated(statement: str, times: int = 20_000, **names: object) -> float:
    """Return the nanoseconds of one run of *statement*, which uses *names*."""
    return timeit.timeit(statement, number=times, globals=names) / times * 1e9


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a reStructuredText table, numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = "  ".join("=" * width for width in widths)

    def line(row: tuple[str, ...]) -> str:
        first, *rest = row
        cells = [(first or "\\").ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:])]
        return "  ".join(cells).rstrip()

    return [rule, line(head), rule, *map(line, rows), rule, ""]
