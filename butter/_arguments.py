"""The arguments of calls, checked before the call: numbers, descriptors, paths."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol, TypeVar, Union

    class HasFileno(Protocol):
        def fileno(self) -> int: ...

    FileDescriptor = Union[int, HasFileno]
    Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
    Value = TypeVar("Value")

#: the bits of a descriptor's flags that say what it is open for (PyPy has no O_ACCMODE)
ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR

#: the flag of a descriptor that only names a file (PyPy does not have it)
O_PATH = 0o10000000

#: descriptors are closed when the process executes another program, unless
#: ``closefd=False`` says otherwise
CLOEXEC_DEFAULT = True


# the least and the greatest number of so many bits; a negative count is a signed type
_RANGES = {bits: (0, (1 << bits) - 1) for bits in range(1, 65)}
_RANGES.update({-bits: (-1 << bits - 1, (1 << bits - 1) - 1) for bits in range(1, 65)})


def index(value: int, name: str) -> int:
    """Return *value* as an int: it is one, or has ``__index__`` as those of NumPy do.

    Raises TypeError for another value.
    """
    try:
        return int.__index__(operator.index(value))
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None


def integer(value: int, bits: int, name: str) -> int:
    """Return *value* if it is an int of *bits* bits.

    Negative *bits* mean a signed type, as in C: ``integer(v, 32, "mask")`` accepts the
    numbers that a ``uint32_t`` holds and ``integer(v, -32, "wd")`` those of an
    ``int32_t``.

    Raises TypeError for a value that is not an int, ValueError for a number out of
    range.
    """
    low, most = _RANGES[bits]
    # nearly each argument of nearly each call comes this way
    if value.__class__ is int and low <= value <= most:
        return value
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= most:
        raise ValueError(f"{name} is {value}; it must be {low} to {most}")
    return int.__index__(value)


def whole_number(value: int, bits: int, name: str) -> int:
    """Return *value* as ``integer`` does, and also one that has ``__index__``."""
    return integer(value if value.__class__ is int else index(value, name), bits, name)


def fileno(fd: FileDescriptor) -> int:
    """Return the number of a descriptor: an int, or anything with ``fileno()``."""
    if fd.__class__ is int and 0 <= fd < 1 << 31:
        return fd
    if not isinstance(fd, int):
        try:
            method = fd.fileno
        except AttributeError:
            raise TypeError(f"fd must be an int or have fileno(), not {type(fd).__name__}") from None
        fd = method()
    return integer(fd, -32, "fd")


def unusable(buffer: object, error: Exception) -> Exception:
    """Return the exception for a buffer that cffi has refused with *error*."""
    kind = type(buffer).__name__
    try:
        with memoryview(buffer) as view:  # type: ignore[arg-type]
            readonly = view.readonly and view.contiguous
    except TypeError:
        return TypeError(f"a buffer must be a bytes-like object, not {kind}")
    return BufferError(f"a buffer of type {kind} cannot be written") if readonly else error


def fsencode(path: Path, name: str = "the path") -> bytes:
    """Return the bytes of a path, or of another text, that is str, bytes or PathLike.

    Raises TypeError for another type, and ValueError for a text with a NUL in it, at
    which the kernel would stop; *name* is what the sentence calls it.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} must be str, bytes or os.PathLike, not {type(path).__name__}")
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"embedded null byte in {name} {encoded!r}")
    return encoded


def path_of(path: Path) -> str | bytes:
    """Return a path as str or bytes. Raises what :func:`fsencode` does."""
    fsencode(path)
    return os.fspath(path)


def one_spelling(names: str, value: Value, alias: Value | None, default: object = 0) -> Value:
    """Return *alias* if the caller passed it, else *value*.

    They are the old and the new spelling of one argument; *names* has both, for the
    TypeError that is raised if both were passed.
    """
    if alias is None:
        return value
    if value is not default:
        raise TypeError(f"{names.replace(', ', ' and ')} are two spellings of one argument: pass one of them")
    return alias
