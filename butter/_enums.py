"""The base of all classes that name the numbers of the kernel."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Named:
    """Prints the names of the bits, or of the value, on every Python.

    ``str()``, f-strings and ``format()`` return ``CREATE|ISDIR``; bits without a
    name come last, as a number. ``repr()`` names the class as well.
    A format spec for numbers, as ``:#x`` or ``:d``, formats the number.
    """

    if TYPE_CHECKING:
        __members__: Mapping[str, int]

        def __int__(self) -> int: ...

    #: the constants that not every supported kernel knows, each with its value and
    #: the kernel that brought it
    __since__: ClassVar[Mapping[str, tuple[int, str]]] = {}

    def __str__(self) -> str:
        number, members = int(self), type(self).__members__
        names = []
        # In the order of the manual page. A name of several bits, as CLOSE, is used
        # only for exactly these bits.
        for name, member in members.items():
            if member == number:
                return name
        for name, member in members.items():
            bit = int(member)
            if bit > 0 and not bit & (bit - 1) and number > 0 and number & bit:
                names.append(name)
                number &= ~bit
        if number or not names:
            names.append(f"{number:#x}" if number > 0 else str(number))
        return "|".join(names)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self}: {int(self)}>"

    def __format__(self, spec: str) -> str:
        if spec[-1:] in tuple("bcdoxXneEfFgG%"):
            return format(int(self), spec)
        try:
            return format(str(self), spec)
        except ValueError:  # of a spec that no str has, as ","
            return format(int(self), spec)


def has(bits: int, meaning: str) -> Any:
    """Return a property of an event: whether its mask has one of *bits*.

    The annotation in the class tells editors and type checkers that it is a bool.
    """
    return property(lambda event: event.mask & bits != 0, doc=f"Whether {meaning}.")


class Flags(Named, IntFlag):
    """The base of the flags of an argument, which are combined by ``|``."""


class Number(Named, IntEnum):
    """The base of the values of an argument, which exclude each other."""
