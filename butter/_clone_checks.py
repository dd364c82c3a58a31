"""The types of arguments of spawn and map_ids; each sentence names the argument."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

from butter._arguments import integer

if TYPE_CHECKING:
    from typing import NoReturn

    from butter._arguments import FileDescriptor

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
