"""A process that takes samples of the butter that its interpreter imports.

benchmarks/versions.py talks to it. ``python -m benchmarks.worker FEATURE`` writes one
line that says where its butter is, and which measurements there are. Each line that it
then reads is the name of a measurement, and is answered by a line: nanoseconds, or a
sentence that says why there is no sample. All lines are JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from benchmarks import forget_checkout
from benchmarks.runner import Sample, all_comparisons, taken

#: the exceptions of a version that lacks something that a benchmark uses
LACKING = (AttributeError, ImportError, TypeError)


def own(feature: str) -> dict[str, Sample]:
    """Return the samples of *feature* that butter takes, by what they measure."""
    return {
        comparison.title + name[len("butter") :]: sample
        for comparison in all_comparisons(feature)
        # a copy, as a feature may go on with the same dict
        for name, sample in dict(comparison.contenders).items()
        if name.startswith("butter")
    }


def say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def main(feature: str) -> None:
    forget_checkout()
    samples: dict[str, Sample] = {}
    lacks = None
    try:
        samples = own(feature)
    except LACKING as error:
        lacks = str(error)
    say({"butter": importlib.import_module("butter").__file__, "measurements": list(samples), "lacks": lacks})
    for line in sys.stdin:
        try:
            say(taken(samples[json.loads(line)]))
        except LACKING as error:
            say(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
