"""The values of a filesystem's options, which mount and Mount.new share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from butter._arguments import Path


def option_value(name: str, value: bool | int | Path) -> bytes | None:
    """Return the bytes of a value; None for True, an option that has none.

    Raises ValueError for False, and for an int where filesystems read octal digits.
    """
    if value is True:
        return None
    if value is False:
        raise ValueError(f"option {name!r} is False: leave it out, or use the option that says the opposite")
    if not isinstance(value, int):
        return os.fsencode(value)
    if name.endswith(("mode", "mask")):
        raise ValueError(f"option {name!r} is an int, and filesystems read it as octal: {value:#o} is '{value:o}'")
    return b"%d" % value
