"""The names of the flags of an inotify event."""

from __future__ import annotations

from butter.inotify import InotifyMask

# the names of single bits, in the order of the manual page
BITS = {name: int(bit) for name, bit in InotifyMask.__members__.items() if not bit & (bit - 1)}


def flag_names(mask: int) -> list[str]:
    """Return the names of the bits in *mask*; unknown bits come last, as a number."""
    found = [name for name, bit in BITS.items() if mask & bit]
    rest = mask & ~sum(BITS.values())
    return [*found, f"{rest:#x}"] if rest else found
