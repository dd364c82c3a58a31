"""A set of signals as the kernel has it: a number with a bit for each."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from butter._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Signals = Union[int, Iterable[int]]

# the two or three signals that the C library keeps for itself are left out
_VALID = frozenset(map(int, signal.valid_signals()))


def sigbits(signals: Signals) -> int:
    """Return *signals*, one or an iterable, as a number.

    Its lowest bit is that of signal 1.

    Raises TypeError for another type, ValueError for a number that is not a signal.
    """
    if isinstance(signals, int):
        signals = (signals,)
    bits = 0
    for number in signals:
        if integer(number, -32, "signal") not in _VALID:
            raise ValueError(f"there is no signal {number}: signals are 1 to 31 and {signal.SIGRTMIN} to {max(_VALID)}")
        bits |= 1 << number - 1
    return bits
