"""The options of a filesystem, as the kernel reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Union

    from butter._arguments import Path

    Value = Union[bool, int, Path]
    Data = Union[str, bytes, Mapping[str, Value], None]

# the kernel reads one page of options, and takes its last byte for the end
_MOST_DATA = os.sysconf("SC_PAGESIZE") - 1


def option_value(name: str, value: Value) -> bytes | None:
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


def mount_options(data: Data) -> bytes:
    """Return the options that mount takes in one argument, separated by commas."""
    if data is None:
        return b""
    if isinstance(data, (str, bytes)):
        encoded = os.fsencode(data)
    elif isinstance(data, Mapping):
        encoded = b",".join(_option(name, value) for name, value in data.items())
    else:
        raise TypeError(f"data must be str, bytes, a mapping or None, not {type(data).__name__}")
    if b"\0" in encoded:
        raise ValueError(f"embedded null byte in data, {encoded!r}")
    if len(encoded) > _MOST_DATA:
        raise ValueError(f"data has {len(encoded)} bytes; the kernel reads {_MOST_DATA}")
    return encoded


def _option(name: str, value: Value) -> bytes:
    """Return ``b"name=value"``, or ``b"name"`` for the value True."""
    if not isinstance(name, str):
        raise TypeError(f"the name of an option must be a str, not {type(name).__name__}")
    encoded, text = os.fsencode(name), option_value(name, value)
    if not encoded or b"=" in encoded:
        raise ValueError(f"{name!r} is not the name of an option")
    if text is not None:
        encoded += b"=" + text
    if b"," in encoded:
        raise ValueError(f"option {name!r} has a comma in it, which separates options: {value!r}")
    return encoded
