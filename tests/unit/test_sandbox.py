"""The plain data of a sandbox as bytes, which an untrusted process writes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butter._sandbox_data import DEPTH, KEYS, VALUES, Damaged, decoded, encoded

LIMIT = 1 << 20
PLAIN = {type(None), bool, int, float, str, bytes, list, tuple, dict, set}

keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
values = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


def types_of(value):
    """The types of a value, and of all that is in it."""
    found = {type(value)}
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple, set)):
        for each in value:
            found |= types_of(each)
    return found


def length(number):
    return struct.pack("<Q", number)


@given(values)
def test_a_value_comes_back(value):
    """Plain data comes back as it was, with the types of all that is in it."""
    again = decoded(encoded(value, LIMIT))
    assert again == value
    assert types_of(again) == types_of(value)


@given(st.binary(max_size=200))
def test_any_bytes(content):
    """Any bytes are plain data, or Damaged is raised, and nothing else happens."""
    try:
        assert types_of(decoded(content)) <= PLAIN
    except Damaged:
        pass


@given(values, st.data())
def test_changed_bytes(value, data):
    """A value of which some bytes were changed is plain data, or Damaged is raised."""
    content = bytearray(encoded(value, LIMIT))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        assert types_of(decoded(bytes(content))) <= PLAIN
    except Damaged:
        pass


@given(values)
def test_a_part_of_the_bytes(value):
    """The beginning of a value is not a value."""
    content = encoded(value, LIMIT)
    for end in range(0, len(content), max(1, len(content) // 20)):
        with pytest.raises(Damaged):
            decoded(content[:end])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"N" + b"N",
        b"x",
        b"c" + length(3) + b"os\n",
        b"s" + length(1) + b"\xff",
        b"s" + length(1 << 63),
        b"l" + length(1 << 63),
        b"d" + length(1) + b"N",
        b"e" + length(1) + b"l" + length(0),
        b"d" + length(1) + b"e" + length(0) + b"N",
        (b"l" + length(1)) * (DEPTH + 1) + b"N",
    ],
)
def test_damaged(content):
    """Bytes that are not those of a value raise Damaged."""
    with pytest.raises(Damaged):
        decoded(content)


def test_nan():
    """A float is the same even where it is not equal to itself."""
    found = decoded(encoded(float("nan"), LIMIT))
    assert isinstance(found, float)
    assert found != found


def test_text_that_is_not_unicode():
    """A str may have lone surrogates, as the names of files have."""
    assert decoded(encoded("\udcff", LIMIT)) == "\udcff"


class Number(int):
    pass


@pytest.mark.parametrize("value", [object(), Number(1), [Number(1)], {1: {object()}}, bytearray(b"x"), 1j, frozenset()])
def test_other_types(value):
    """Data of other types is refused, and so are subclasses."""
    with pytest.raises(TypeError, match="not plain data"):
        encoded(value, LIMIT)


def test_depth():
    """Values may be in each other up to a depth, and not in themselves."""
    value = None
    for _ in range(DEPTH):
        value = [value]
    assert decoded(encoded(value, LIMIT)) == value
    for each in [value], recursive():
        with pytest.raises(ValueError, match="in each other"):
            encoded(each, LIMIT)


def recursive():
    value = []
    value.append(value)
    return value


def test_limit():
    """A result has at most the bytes of the limit."""
    assert encoded(b"x" * 91, 100)
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        encoded(b"x" * 92, 100)


def test_number_of_values():
    """There may be so many values, which take more memory than their bytes."""
    with pytest.raises(ValueError, match="values"):
        encoded([[None] * 1024] * 1024, 1 << 24)
    with pytest.raises(Damaged, match="values"):
        decoded(b"l" + length(VALUES) + b"N" * VALUES)


@pytest.mark.parametrize("kind", ["set", "dict"])
def test_keys_of_one_hash(kind):
    """Keys that were chosen to have one hash, and so take long, are refused."""
    modulus = (1 << 61) - 1
    numbers = [modulus * factor + 1 for factor in range(100)]
    items = b"".join(encoded(each, LIMIT) + (b"N" if kind == "dict" else b"") for each in numbers)
    assert len({hash(each) for each in numbers}) == 1
    with pytest.raises(Damaged, match="one hash"):
        decoded((b"d" if kind == "dict" else b"e") + length(100) + items)


@pytest.mark.parametrize(("kind", "key"), [(set, int), (dict.fromkeys, str)])
def test_number_of_keys(kind, key):
    """A set or dict has so many keys, which could all be compared with all others."""
    keys = list(map(key, range(KEYS + 1)))
    for fine in kind(keys[:-1]), [kind(keys[:100])] * 100:
        assert decoded(encoded(fine, LIMIT)) == fine
    for many in kind(keys), [kind(keys[: KEYS // 2])] * 5:
        with pytest.raises(ValueError, match="several large ones: a list takes more"):
            encoded(many, 1 << 24)
    with pytest.raises(Damaged, match="several large ones"):
        decoded(unlimited(kind(keys)))
    half = unlimited(kind(keys[: KEYS // 2]))
    with pytest.raises(Damaged, match="several large ones"):
        decoded(b"l" + length(5) + half * 5)


def unlimited(value):
    """The bytes of a set or dict, from a child that does not count."""
    entries = [each for pair in value.items() for each in pair] if isinstance(value, dict) else value
    kind = b"d" if isinstance(value, dict) else b"e"
    return kind + length(len(value)) + b"".join(encoded(each, LIMIT) for each in entries)
