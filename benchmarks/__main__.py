"""Measure butter, beside its peers or beside another version of butter.

In a checkout on an idle machine::

    python3 -m venv .venv && .venv/bin/pip install '.[bench]'
    .venv/bin/python -m benchmarks                        # everything, beside the peers
    .venv/bin/python -m benchmarks inotify -k Draining    # the titles with this word
    .venv/bin/python -m benchmarks --json /tmp/results    # kept in files, too

The manual's pictures show the files in ``docs/figures``; to measure again what a
picture shows, and to draw it::

    .venv/bin/python -m benchmarks inotify --json docs/figures
    .venv/bin/python tools/plots.py

To see what a change costs, install the commit before it in another venv, and run the
benchmarks of this checkout with both, which take samples in turn::

    git worktree add --detach /tmp/old main && python3 -m venv /tmp/old/.venv
    /tmp/old/.venv/bin/pip install '/tmp/old[bench]'
    .venv/bin/python -m benchmarks --against /tmp/old/.venv/bin/python

Make both installs alike (both with ``-e`` or neither), with the same Python. On a busy
machine the medians of one program differ by a tenth and more: then the column "at
best", which has the ratio of the best samples, tells more.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

from benchmarks import forget_checkout
from benchmarks.record import Record
from benchmarks.runner import FEATURES, all_comparisons
from benchmarks.versions import beside


def main() -> None:
    """Run the benchmarks of the features that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("features", nargs="*", metavar="FEATURE", help=f"{', '.join(FEATURES)}; all by default")
    parser.add_argument("-r", "--rounds", type=int, help="how often each contender is measured")
    parser.add_argument("-k", metavar="WORD", default="", help="only the comparisons whose title has this word")
    parser.add_argument(
        "--json", metavar="FOLDER", type=Path, help="also write FOLDER/FEATURE.json, medians and quartiles"
    )
    parser.add_argument("--against", metavar="PYTHON", help="measure beside the butter that this interpreter imports")
    arguments = parser.parse_args()
    for feature in arguments.features:
        if feature not in FEATURES:
            parser.error(f"no feature {feature!r}; there are {', '.join(FEATURES)}")
    if arguments.json and arguments.against:
        parser.error("--json is for butter beside its peers, and not for --against")
    forget_checkout()
    # with it the programs that are started compile all modules each time
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{platform.python_implementation()} {platform.python_version()}, Linux {platform.release()}\n")
    for feature in arguments.features or FEATURES:
        if arguments.against:
            print(beside(arguments.against, feature, arguments.k, arguments.rounds or 9), flush=True)
            continue
        record = Record(arguments.json, feature, keep=bool(arguments.k)) if arguments.json else None
        for comparison in all_comparisons(feature, arguments.k):
            comparison.rounds = arguments.rounds or comparison.rounds
            samples = comparison.measure()
            print(comparison.report(samples), flush=True)
            if record:
                record.add(comparison, samples)


if __name__ == "__main__":
    main()
