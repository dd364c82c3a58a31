"""The types of arguments of spawn and its like; each sentence names the argument."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

from butter._arguments import integer

if TYPE_CHECKING:
    from typing import NoReturn

    from butter._arguments import FileDescriptor

# resource.RLIM_INFINITY, as the kernel has it
INFINITY = (1 << 64) - 1

DESCRIPTOR = "a descriptor or an object with fileno()"


def refuse(value: object, name: str, form: str) -> NoReturn:
    """Raise TypeError for a value of another form."""
    raise TypeError(f"{name} must be {form}, not {type(value).__name__}")


def number(value: int, bits: int, name: str, form: str = "an int") -> int:
    """Return an int of *bits* bits, as :func:`integer` does; a bool is not one.

    ``nice=True`` is an option that was taken for a switch.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(value, name, form)
    return integer(value, bits, name)


def switch(value: bool, name: str) -> bool:
    """Return a bool."""
    if not isinstance(value, bool):
        refuse(value, name, "True or False")
    return value


def listed(values: Iterable[Any], name: str, entries: str, ordered: bool = False) -> list[Any]:
    """Return the entries of a list or of another iterable, which is not a text.

    Those of an *ordered* list cannot come from a set.
    """
    if (
        not isinstance(values, Iterable)
        or isinstance(values, (str, bytes, bytearray, memoryview, Mapping))
        or (ordered and isinstance(values, Set))
    ):
        refuse(values, name, f"a list of {entries}")
    return list(values)


def descriptor(value: FileDescriptor, name: str, form: str = DESCRIPTOR) -> int:
    """Return the number of a descriptor, or of an object with ``fileno()``."""
    if isinstance(value, int):
        return number(value, 31, name, form)
    method = getattr(value, "fileno", None)
    if method is None:
        refuse(value, name, form)
    try:
        fd = method()
    except io.UnsupportedOperation:
        fd = None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None  # it is closed
    if fd is None:
        raise TypeError(f"{name} is {type(value).__name__}, which does not have a descriptor")
    return number(fd, 31, name, form)


def limit_name(limit: int) -> str:
    """Return the constant of a limit, or its number."""
    names = [name for name in vars(resource) if name.startswith("RLIMIT_") and getattr(resource, name) == limit]
    return min(names, default=f"limit {limit}")


def limits_of(rlimits: Mapping[int, tuple[int, int]] | None) -> dict[int, tuple[int, int]]:
    """Return limits as the kernel has them: -1 is resource.RLIM_INFINITY."""
    form = "{resource.RLIMIT_…: (soft, hard)}"
    if not isinstance(rlimits, (Mapping, type(None))):
        refuse(rlimits, "rlimits", form)
    found = {}
    for limit, pair in (rlimits or {}).items():
        limit = number(limit, 31, "a key of rlimits", f"a number, as in {form}")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"rlimits[{limit_name(limit)}] must be (soft, hard), not {pair!r}")
        # a list: PyPy replaces a TypeError in a generator that is unpacked
        soft, hard = [_limit(value, f"rlimits[{limit_name(limit)}]") for value in pair]
        found[limit] = soft, hard
    return found


def _limit(value: int, name: str) -> int:
    """Return a limit as the kernel has it; -1 is resource.RLIM_INFINITY."""
    if value == -1:
        return INFINITY
    if isinstance(value, int) and value < 0:
        raise ValueError(f"{name} is {value}; a limit is 0 or more, or RLIM_INFINITY")
    return number(value, 64, name, "(soft, hard), which are numbers")
