"""Calls for descriptors of any kind: duplicates, ranges, reads without a copy."""

from __future__ import annotations

from butter._constants import fd as _constants
from butter._constants.fd import *  # noqa: F403
from butter._fd import (
    UnknownError,
    close_range,
    dup3,
    preadv2,
    pwritev2,
    read_into,
    readv,
    same_open_file,
    writev,
)

__all__ = [
    "UnknownError",
    "close_range",
    "dup3",
    "preadv2",
    "pwritev2",
    "read_into",
    "readv",
    "same_open_file",
    "writev",
]
__all__ += _constants.__all__
