"""The values of options that several subcommands have: sizes and counts."""

from __future__ import annotations

import argparse
import re

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size_argument(argument: str) -> int:
    found = re.fullmatch("([0-9]+)([kmgt]?)", argument.lower())
    if not found or not 0 < int(found[1]) * UNITS[found[2]] < 1 << 63:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a size, such as 512m or 2g")
    return int(found[1]) * UNITS[found[2]]


def count_argument(argument: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", argument) or not int(argument):
        raise argparse.ArgumentTypeError(f"{argument!r} is not a whole number above 0")
    return int(argument)
