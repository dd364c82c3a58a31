"""Plain data as bytes, which an untrusted process writes and this one reads.

Nothing is looked up, called or imported for these bytes, which pickle would do: they
can only become None, bools, numbers, texts, bytes, lists, tuples, dicts and sets. So
that few bytes do not become much memory, or take long, the depth and the number of the
values are limited, and so is the work of the keys: see :class:`_Keys`.

Each value is a byte that says its type, and then:

* ``N``, ``T`` and ``F`` (None, True, False): nothing more;
* ``f``: a float of eight bytes;
* ``i``, ``s``, ``b``: a length of eight bytes, and so many bytes: a number with its
  sign and the lowest byte first, a text as UTF-8, bytes;
* ``l``, ``t``, ``e``, ``d`` (list, tuple, set, dict): a length of eight bytes, and so
  many values; a dict has twice as many, each key before its value.
"""

from __future__ import annotations

import operator
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: how many lists, tuples, dicts and sets may lie in each other
DEPTH = 64
#: how many values there may be in all
VALUES = 1 << 20
#: how many keys one set or dict may have; of several the squares count together
KEYS = 1 << 15
# how many keys may have one hash: those of random keys are different
_SAME_HASH = 64

_LENGTH = struct.Struct("<Q")
_FLOAT = struct.Struct("<d")
_SINGLE = {None: b"N", True: b"T", False: b"F"}
_MANY: dict[type, bytes] = {list: b"l", tuple: b"t", set: b"e", dict: b"d"}


class Damaged(ValueError):
    """The bytes are not those of plain data."""


class _Keys:
    """The keys of all sets and dicts, which may be chosen so that they take long.

    A key is compared with those before it in the table whose places it comes by, at
    worst with all. A fork knows the secret of this process for the hashes of texts,
    too, so no type of key is safe from that. The sum of the squares is a bound for it:
    at most a second, in which no signal handler runs.
    """

    def __init__(self) -> None:
        self._left = KEYS**2

    def add(self, count: int) -> bool:
        """Count the keys of a set or dict. Return whether there may be so many."""
        self._left -= count**2
        return self._left >= 0


class _Writer:
    def __init__(self, limit: int) -> None:
        self._parts: list[bytes] = []
        self._size, self._limit, self._left, self._keys = 0, limit, VALUES, _Keys()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise ValueError(f"the result is longer than {self._limit} bytes, which is the limit")
        self._parts.append(part)

    def write(self, value: object, depth: int = 0) -> None:
        """Add a value and what is in it."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"the result has more than {VALUES} values")
        kind = type(value)
        if value is None or value is True or value is False:
            self._add(_SINGLE[value])
        elif isinstance(value, int) and kind is int:
            self._add_bytes(b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
        elif isinstance(value, float) and kind is float:
            self._add(b"f" + _FLOAT.pack(value))
        elif isinstance(value, str) and kind is str:
            self._add_bytes(b"s", value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, bytes) and kind is bytes:
            self._add_bytes(b"b", value)
        elif isinstance(value, (list, tuple, set, dict)) and kind in _MANY:
            if depth == DEPTH:
                raise ValueError(f"the result has more than {DEPTH} lists, tuples, dicts and sets in each other")
            if isinstance(value, (set, dict)) and not self._keys.add(len(value)):
                raise ValueError(
                    f"the result has a set or dict of more than {KEYS} keys, or several large ones: a list takes more"
                )
            self._add(_MANY[kind] + _LENGTH.pack(len(value)))
            entries: Iterable[Any] = value
            if isinstance(value, dict):
                entries = (each for pair in value.items() for each in pair)
            for entry in entries:
                self.write(entry, depth + 1)
        else:
            raise TypeError(
                f"the result has a {kind.__qualname__}, which is not plain data: None, bool, int, float, str, bytes,"
                " list, tuple, dict, set"
            )

    def _add_bytes(self, kind: bytes, content: bytes) -> None:
        self._add(kind + _LENGTH.pack(len(content)))
        self._add(content)

    def content(self) -> bytes:
        return b"".join(self._parts)


def encoded(value: object, limit: int) -> bytes:
    """Return plain data as at most *limit* bytes.

    Raises TypeError for another type, a subclass too, and ValueError for data that is
    too long, too deep, or has itself in it.
    """
    writer = _Writer(limit)
    writer.write(value)
    return writer.content()


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._place, self._left, self._keys = content, 0, VALUES, _Keys()

    def _take(self, length: int) -> bytes:
        first, last = self._place, self._place + length
        if last > len(self._content):
            raise Damaged("the bytes end within a value")
        self._place = last
        return self._content[first:last]

    def _length(self) -> int:
        length: int = _LENGTH.unpack(self._take(_LENGTH.size))[0]
        if length > len(self._content) - self._place:
            raise Damaged("a length is more than there are bytes")
        return length

    def read(self, depth: int = 0) -> Any:
        """Return the next value with what is in it."""
        self._left -= 1
        if self._left < 0:
            raise Damaged(f"there are more than {VALUES} values")
        kind = self._take(1)
        if kind in b"NTF":
            return {b"N": None, b"T": True, b"F": False}[kind]
        if kind == b"f":
            return _FLOAT.unpack(self._take(_FLOAT.size))[0]
        if kind == b"i":
            return int.from_bytes(self._take(self._length()), "little", signed=True)
        if kind == b"s":
            try:
                return self._take(self._length()).decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                raise Damaged("a text is not UTF-8") from None
        if kind == b"b":
            return self._take(self._length())
        if kind not in b"lted":
            raise Damaged(f"there is no type {kind!r}")
        if depth == DEPTH:
            raise Damaged(f"more than {DEPTH} values are in each other")
        length = self._length()
        if kind in b"ed" and not self._keys.add(length):
            raise Damaged(f"a set or dict has more than {KEYS} keys, or there are several large ones")
        if kind == b"d":
            length *= 2
        values = [self.read(depth + 1) for _ in range(length)]
        return values if kind == b"l" else tuple(values) if kind == b"t" else _hashed(kind, values)

    def at_end(self) -> bool:
        return self._place == len(self._content)


def _hashed(kind: bytes, values: list[Any]) -> set[Any] | dict[Any, Any]:
    """Return a set or dict, whose keys may have been chosen so that it takes long."""
    keys = values if kind == b"e" else values[::2]
    try:
        hashes = sorted(map(hash, keys))
    except TypeError:
        raise Damaged("a key has no hash") from None
    if any(map(operator.eq, hashes, hashes[_SAME_HASH:])):
        raise Damaged(f"more than {_SAME_HASH} keys have one hash")
    return set(keys) if kind == b"e" else dict(zip(keys, values[1::2]))


def decoded(content: bytes) -> Any:
    """Return the value that the bytes are. They may come from anywhere.

    Raises Damaged for bytes that :func:`encoded` does not return.
    """
    reader = _Reader(content)
    value = reader.read()
    if not reader.at_end():
        raise Damaged("there are bytes after the value")
    return value
