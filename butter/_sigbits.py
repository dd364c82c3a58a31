"""Sets of signals as Python has them, and as numbers with a bit for each signal."""

from __future__ import annotations

import signal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Signals = Union[int, Iterable[int]]

# The member of signal.Signals for each number, or the number where there is none; the
# two or three signals that the C library keeps for itself are left out.
MEMBERS: dict[int, int] = {int(number): number for number in sorted(signal.valid_signals())}


def sigbits(signals: Signals) -> int:
    """Return *signals* as a number whose lowest bit is that of signal 1.

    Takes and raises what :func:`butter.signalfd.sigset` does.
    """
    if isinstance(signals, (int, str)):
        signals = (signals,)
    elif not hasattr(signals, "__iter__"):
        raise TypeError(f"signals is a signal or an iterable of them, not {type(signals).__name__}")
    bits = 0
    for number in signals:
        if not isinstance(number, int) or number not in MEMBERS:
            raise _not_a_signal(number)
        bits |= 1 << number - 1
    return bits


def _not_a_signal(value: object) -> Exception:
    """Return the exception for a value that is not the number of a signal."""
    if isinstance(value, str):
        return TypeError(_not_a_name(value))
    if not isinstance(value, int):
        return TypeError(f"signal must be an int, not {type(value).__name__}")
    return ValueError(f"there is no signal {value:d}: signals are 1 to 31 and {signal.SIGRTMIN} to {max(MEMBERS)}")


def _not_a_name(text: str) -> str:
    """Return the sentence about a str that was passed as a signal."""
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    constant = name if name in signal.Signals.__members__ else "SIGTERM"
    return f"a signal must be an int, such as signal.{constant}, not the str {text!r}"


def members(bits: int) -> set[int]:
    """Return the set of the signals whose bits are 1 in *bits*.

    The lowest bit is that of signal 1.
    """
    return set(_members_of(bits))


@lru_cache(maxsize=64)
def _members_of(bits: int) -> frozenset[int]:
    # a program has few masks, and asks for them again and again
    return frozenset(member for number, member in MEMBERS.items() if bits >> number - 1 & 1)
