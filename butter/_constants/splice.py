"""The constants of splice. Written by tools/constants.py from butter/build/splice.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._splice_c import lib

__all__ = [
    "IOV_MAX",
    "NULL_TERMINATOR",
    "SPLICE_F_GIFT",
    "SPLICE_F_MORE",
    "SPLICE_F_MOVE",
    "SPLICE_F_NONBLOCK",
    "SpliceFlags",
]

# the flags of splice and tee
#: move pages instead of copying them; Linux 2.6.21 and later ignore it
SPLICE_F_MOVE: Final[int] = lib.SPLICE_F_MOVE
#: fail with EAGAIN instead of waiting for a pipe; a socket may still wait
SPLICE_F_NONBLOCK: Final[int] = lib.SPLICE_F_NONBLOCK
#: more follows soon, so a socket may wait to fill its packet
SPLICE_F_MORE: Final[int] = lib.SPLICE_F_MORE
#: the pages become the kernel's (vmsplice alone)
SPLICE_F_GIFT: Final[int] = lib.SPLICE_F_GIFT

# limits of the C library
#: the most buffers that one call takes
IOV_MAX: Final[int] = lib.IOV_MAX
#: the bytes that end a string in C
NULL_TERMINATOR: Final[int] = lib.NULL_TERMINATOR


class SpliceFlags(Flags):
    """The flags of splice and tee."""

    MOVE = SPLICE_F_MOVE
    NONBLOCK = SPLICE_F_NONBLOCK
    MORE = SPLICE_F_MORE
    GIFT = SPLICE_F_GIFT
