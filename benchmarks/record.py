"""Samples that are kept: a file of JSON for each feature, which other programs read.

``tools/plots.py`` makes the pictures of the manual of such files.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from pathlib import Path
from typing import Any

import butter
from benchmarks.runner import Comparison, Samples


def machine() -> dict[str, Any]:
    """Return the facts about this machine and Python that times depend on."""
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cpu": " ".join((found[1] if found else platform.machine()).split()),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "butter": butter.__version__,
    }


class Record:
    """The file of a feature, with the results of each comparison that ran.

    If *keep* is true, the file keeps those comparisons that did not run again.
    """

    def __init__(self, folder: Path, feature: str, keep: bool = False) -> None:
        self._path = folder / f"{feature}.json"
        old = json.loads(self._path.read_text())["comparisons"] if keep and self._path.exists() else []
        self._results: dict[str, dict[str, Any]] = {result["title"]: result for result in old}

    def add(self, comparison: Comparison, samples: Samples) -> None:
        """Write the file anew, with a comparison more.

        A contender has a list: the lower quartile, the median and the upper quartile.
        """
        result = {
            "title": comparison.title,
            "unit": comparison.unit,
            "rounds": comparison.rounds,
            "contenders": {name: [round(value, 1) for value in quartiles(taken)] for name, taken in samples.items()},
        }
        self._results[comparison.title] = result
        content = {"machine": machine(), "comparisons": list(self._results.values())}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        # a line for a contender
        text = re.sub(r"\[\s+([\d., \n]+?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(f"{text}\n")


def quartiles(samples: list[float]) -> list[float]:
    """Return the lower quartile of *samples*, their median and the upper quartile."""
    if len(samples) == 1:
        return samples * 3
    return statistics.quantiles(samples, n=4, method="inclusive")
