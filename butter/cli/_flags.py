"""The names of the flags of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter.inotify import InotifyMask

if TYPE_CHECKING:
    from butter._enums import Flags


def bits_of(names: type[Flags]) -> dict[str, int]:
    """Return the names of single bits, in the order of the manual page."""
    return {name: int(bit) for name, bit in names.__members__.items() if not bit & (bit - 1)}


BITS = bits_of(InotifyMask)


def flag_names(mask: int, bits: dict[str, int] = BITS) -> list[str]:
    """Return the names of the bits in *mask*; unknown bits come last, as a number."""
    found = [name for name, bit in bits.items() if mask & bit]
    rest = mask & ~sum(bits.values())
    return [*found, f"{rest:#x}"] if rest else found
