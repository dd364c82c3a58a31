"""Comparisons as a program makes them: of words of 32 bits.

A program cannot compare 64 bits at once. So a comparison becomes a Test of one word,
whose outcome may be another Test, of the other half of the register. A word under a
mask counts as a word of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from butter._seccomp_bpf import ARGS

if TYPE_CHECKING:
    from butter._seccomp_actions import Comparison

    Outcome = Union[bool, "Test"]

_ALL = 0xFFFFFFFF


class Word(NamedTuple):
    """A word of ``struct seccomp_data``, or the bits of it that a mask has."""

    offset: int
    mask: int = _ALL


class Test(NamedTuple):
    """A decision by the value of a word.

    The pieces are ``(first value, outcome)``, sorted, and the first begins at 0.
    """

    word: Word
    pieces: tuple[tuple[int, Outcome], ...]

    def at(self, value: int) -> Outcome:
        """Return the outcome for a value of the word."""
        found: Outcome = False
        for first, outcome in self.pieces:
            if first > value:
                break
            found = outcome
        return found


def _test(word: Word, value: int, below: Outcome, equal: Outcome, above: Outcome) -> Outcome:
    """Return the Test with an outcome for less, as much and more than *value*."""
    pieces = [(0, below)] if value else []
    pieces.append((value, equal))
    if value < _ALL:
        pieces.append((value + 1, above))
    merged = [piece for place, piece in enumerate(pieces) if not place or pieces[place - 1][1] != piece[1]]
    return merged[0][1] if len(merged) == 1 else Test(word, tuple(merged))


def _compared(word: Word, operator: str, value: int, equal: Outcome | None = None) -> Outcome:
    """Return the Test of one word.

    If other words decide where it is the value, their outcome is *equal*.
    """
    outcomes: dict[str, tuple[Outcome, Outcome, Outcome]] = {
        "EQ": (False, True, False),
        "NE": (True, False, True),
        "LT": (True, False, False),
        "LE": (True, True, False),
        "GT": (False, False, True),
        "GE": (False, True, True),
    }
    below, same, above = outcomes[operator]
    return _test(word, value, below, same if equal is None else equal, above)


def lowered(comparison: Comparison, bits: int) -> Outcome:
    """Return the test that a comparison is, where registers have so many *bits*."""
    operator, index, value, compared, mask = comparison
    low, high = Word(ARGS + 8 * index), Word(ARGS + 8 * index + 4)
    value &= (1 << min(bits, compared)) - 1 if value < 0 else -1
    if operator == "MASKED":
        operator, low, high = "EQ", low._replace(mask=mask & _ALL), high._replace(mask=mask >> 32)
    outcome = _compared(low, operator, value & _ALL) if low.mask else True
    if compared == 64 and high.mask:
        outcome = _compared(high, operator, value >> 32, outcome)
        if bits == 32 and isinstance(outcome, Test):
            outcome = outcome.at(0)  # there the kernel leaves the upper half 0
    return outcome
