"""``python -m benchmarks [FEATURE...]``: measure, beside the peers of the extra ``bench``."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# the butter that is installed is measured, not the sources beside this folder
sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != HERE.parent]

FEATURES = sorted(
    path.stem for path in HERE.glob("*.py") if path.stem not in ("__init__", "__main__", "runner", "floor")
)


def main() -> None:
    """Run the benchmarks of the features that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("features", nargs="*", metavar="FEATURE", help=f"{', '.join(FEATURES)}; all by default")
    parser.add_argument("-r", "--rounds", type=int, help="how often everybody is measured")
    parser.add_argument("-k", metavar="WORD", default="", help="only the comparisons whose title has this word")
    arguments = parser.parse_args()
    for feature in arguments.features:
        if feature not in FEATURES:
            parser.error(f"no feature {feature!r}; there are {', '.join(FEATURES)}")
    print(f"{platform.python_implementation()} {platform.python_version()}, Linux {platform.release()}\n")
    for feature in arguments.features or FEATURES:
        for comparison in importlib.import_module(f"benchmarks.{feature}").comparisons():
            if arguments.k in comparison.title:
                comparison.rounds = arguments.rounds or comparison.rounds
                print(comparison.run(), flush=True)


if __name__ == "__main__":
    main()
