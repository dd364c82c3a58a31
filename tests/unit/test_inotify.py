"""The parser of inotify events on bytes alone, and the event itself."""

import abc
import copy
import pickle
import struct
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from butter import _inotify, inotify
from butter.inotify import InotifyEvent, InotifyMask, str_to_events

HEADER = struct.Struct("=iIII")


def pack(wd, mask, cookie, name, padding=None):
    """An event as the kernel writes it: the name is padded to a multiple of 16."""
    if padding is None:
        padding = -len(name) % 16 or 16 if name else 0
    return HEADER.pack(wd, mask, cookie, len(name) + padding) + name + bytes(padding)


names = st.binary(max_size=255).map(lambda name: name.replace(b"\0", b"x"))
events = st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), names)


def test_one_event():
    """The four fields come from the header, and the name ends at its first NUL."""
    data = b"\x01\0\0\0\0\x01\0\x40\x05\0\0\0\x10\0\0\0directory\0\0\0\0\0\0\0"
    if sys.byteorder == "big":
        data = pack(1, 0x40000100, 5, b"directory")
    assert str_to_events(data) == [InotifyEvent(1, 0x40000100, 5, b"directory")]


def test_bytes_after_the_nul():
    """The bytes behind the first NUL of a name are ignored."""
    assert str_to_events(HEADER.pack(1, 2, 3, 8) + b"a\0b\0cdef") == [(1, 2, 3, b"a")]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_kinds_of_bytes(kind):
    """Any bytes-like object is parsed, and nothing of it is kept."""
    data = kind(pack(1, 2, 3, b"abc"))
    parsed = str_to_events(data)
    assert parsed == [(1, 2, 3, b"abc")]
    if kind is bytearray:
        data.clear()  # a BufferError if a view still existed
        assert parsed == [(1, 2, 3, b"abc")]


@pytest.mark.parametrize("count", [1023, 1024, 1025, 2048, 5000])
def test_many_bare_events(count):
    """More events than the parser takes in one pass are parsed as fewer are."""
    expected = [(number, 2, 0, b"") for number in range(count)]
    assert str_to_events(b"".join(pack(*event) for event in expected)) == expected


@pytest.mark.parametrize("length", [1, 15, 16, 100, 255])
def test_many_named_events(length):
    """An event that the parser's pass ends within comes whole."""
    expected = [(number, 256, number, b"%0*d" % (length, number % 10)) for number in range(3000)]
    assert str_to_events(b"".join(pack(*event) for event in expected)) == expected


@pytest.mark.parametrize("count", [1, 2, 1024, 1025, 3000])
@pytest.mark.parametrize("odd", [(7, 256, 0), (2, 256, 9), (7, 256, 9)])
@pytest.mark.parametrize("place", [0, -1])
def test_one_odd_event(count, odd, place):
    """One odd event among events of one watch without cookies keeps its own fields."""
    expected = [(2, 256, 0, b"x")] * count
    assert str_to_events(b"".join(pack(*event) for event in expected)) == expected
    expected[place] = (*odd, b"odd")
    assert str_to_events(b"".join(pack(*event) for event in expected)) == expected


def test_largest_event():
    """An event of 16 KiB is parsed, a longer one not: the kernel's have 272 bytes."""
    room = 16384 - HEADER.size
    assert str_to_events(pack(1, 2, 3, b"n" * room, padding=0)) == [(1, 2, 3, b"n" * room)]
    assert str_to_events(pack(0, 0, 0, b"") + pack(1, 2, 3, b"n" * room, padding=0))[1] == (1, 2, 3, b"n" * room)
    with pytest.raises(ValueError, match="not inotify events"):
        str_to_events(pack(1, 2, 3, b"n" * (room + 1), padding=0))


@pytest.mark.parametrize("size", range(1, 48))
def test_truncated(size):
    """Part of an event is an error, also behind a whole one."""
    whole = pack(1, 2, 3, b"n" * 20)
    assert len(whole) == 48
    for before in (b"", pack(4, 5, 6, b"first")):
        with pytest.raises(ValueError, match="not inotify events") as caught:
            str_to_events(before + whole[:size])
        assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("length", [1, 16, 2**31 - 1, 2**31, 2**32 - 16, 2**32 - 1])
def test_length_beyond_the_end(length):
    """An event that is longer than the bytes are is an error, at any length."""
    with pytest.raises(ValueError, match="not inotify events"):
        str_to_events(HEADER.pack(1, 2, 3, length))


@pytest.mark.parametrize("data", [None, "text", 5, 1.5, [1, 2], object()])
def test_not_bytes(data):
    """An object that is not bytes-like is a TypeError."""
    with pytest.raises(TypeError):
        str_to_events(data)


def test_buffers_come_back():
    """Neither a success nor a failure takes a buffer from the free list for good."""
    str_to_events(pack(1, 2, 3, b"x"))
    free = len(_inotify._buffers.free)
    for _ in range(10):
        str_to_events(pack(1, 2, 3, b"x"))
        for wrong in (b"broken", None):
            with pytest.raises((ValueError, TypeError)):
                str_to_events(wrong)
    assert len(_inotify._buffers.free) == free


@given(st.binary(max_size=4096))
def test_any_bytes(data):
    """Any bytes are events or a ValueError."""
    try:
        parsed = str_to_events(data)
    except ValueError:
        return
    assert all(type(event) is InotifyEvent for event in parsed)
    assert sum(HEADER.size + len(event.filename) for event in parsed) <= len(data)


@given(st.lists(st.tuples(events, st.integers(0, 40)), max_size=40), st.binary(max_size=20))
@example([((1, 2, 3, b"n" * 16), 0), ((4, 5, 6, b"next"), 4096), ((7, 8, 9, b""), 1)], b"")
def test_tail(parts, tail):
    """Whole events with any padding are parsed; with half a header behind, refused."""
    data = b"".join(pack(*event, padding=padding) for event, padding in parts)
    expected = [event for event, _ in parts]
    assert str_to_events(data) == expected
    if 0 < len(tail) < HEADER.size:
        with pytest.raises(ValueError, match="not inotify events"):
            str_to_events(data + tail)


@given(st.lists(events, min_size=1, max_size=20), st.data())
def test_mutated_events(whole, data):
    """Events with a changed byte and the end cut off are events or a ValueError."""
    mutated = bytearray(b"".join(pack(*event) for event in whole))
    mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    del mutated[data.draw(st.integers(0, len(mutated))) :]
    try:
        parsed = str_to_events(mutated)
    except ValueError:
        return
    assert sum(HEADER.size + len(event.filename) for event in parsed) <= len(mutated)


@given(st.lists(events, max_size=200), st.integers(0, 15))
@example([(-1, inotify.IN_Q_OVERFLOW, 0, b""), (-(2**31), 0, 2**32 - 1, b""), (2**31 - 1, 2**32 - 1, 0, b"x")], 0)
def test_round_trip(expected, offset):
    """Events packed as the kernel packs them come back the same, at any offset."""
    data = bytes(offset) + b"".join(pack(*event) for event in expected)
    parsed = str_to_events(memoryview(data)[offset:])
    assert parsed == expected
    assert [type(event) for event in parsed] == [InotifyEvent] * len(expected)
    assert str_to_events(b"".join(pack(*event) for event in parsed)) == parsed


# the event

EVENT = InotifyEvent(1, inotify.IN_CREATE | inotify.IN_ISDIR, 5, b"na\xffme")


def test_constructor():
    """Four fields, by place or by name."""
    assert InotifyEvent(1, 0x40000100, cookie=5, filename=b"na\xffme") == EVENT
    assert InotifyEvent(filename=b"na\xffme", cookie=5, mask=0x40000100, wd=1) == EVENT
    assert type(InotifyEvent(1, 2, 3, b"")) is InotifyEvent
    assert InotifyEvent._make([1, 0x40000100, 5, b"na\xffme"]) == EVENT
    assert type(InotifyEvent._make([1, 2, 3, b""])) is InotifyEvent


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, 2, 3), {}),
        ((1, 2, 3, b"", 5), {}),
        (((1, 2, 3, b""),), {}),
        ((1, 2, 3), {"name": b""}),
        ((1, 2, 3, b""), {"wd": 1}),
    ],
)
def test_wrong_number_of_fields(args, kwargs):
    """Too few, too many, unknown and repeated fields are a TypeError."""
    with pytest.raises(TypeError):
        InotifyEvent(*args, **kwargs)


def test_repr():
    """The fields and their order stay, and have no comma: programs take them apart."""
    assert repr(EVENT) == str(EVENT) == r"InotifyEvent(wd=1, mask=CREATE|ISDIR, cookie=5, filename=b'na\xffme')"
    assert str(InotifyEvent(1, 2, 3, b"file")).split(",")[3].split("'")[1] == "file"


def test_tuple():
    """An event equals a tuple of its fields, unpacks like one, and hashes like one."""
    plain = (1, 0x40000100, 5, b"na\xffme")
    assert isinstance(EVENT, tuple)
    assert EVENT == plain  # noqa: SIM300
    assert plain == EVENT
    assert EVENT != (1, 2, 3, b"")
    assert hash(EVENT) == hash(plain)
    assert {plain: "found"}[EVENT] == "found"
    wd, mask, cookie, filename = EVENT
    assert (wd, mask, cookie, filename) == (EVENT.wd, EVENT.mask, EVENT.cookie, EVENT.filename) == plain
    assert EVENT[3] == EVENT[-1] == b"na\xffme"
    assert EVENT[:2] == plain[:2]
    assert InotifyEvent(1, 2, 3, b"a") < InotifyEvent(2, 0, 0, b"")
    assert InotifyEvent._fields == ("wd", "mask", "cookie", "filename")


def test_fields_are_read_only():
    """Nothing can be set, neither a field nor something new: an event has no dict."""
    for name in ("wd", "flags", "create_event", "other"):
        with pytest.raises(AttributeError):
            setattr(EVENT, name, 1)
    assert not hasattr(EVENT, "__dict__")


def test_copies():
    """Events can be copied, and pickled by every protocol."""
    pickles = [pickle.dumps(EVENT, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for same in copy.copy(EVENT), copy.deepcopy(EVENT), *map(pickle.loads, pickles):
        assert same == EVENT
        assert type(same) is InotifyEvent


def test_replace():
    """``_replace`` and, on Python 3.13, ``copy.replace`` return a changed event."""
    changed = EVENT._replace(wd=9, filename=b"other")
    assert changed == (9, 0x40000100, 5, b"other")
    assert type(changed) is InotifyEvent
    if sys.version_info >= (3, 13):
        assert copy.replace(EVENT, wd=9) == EVENT._replace(wd=9)
        assert copy.replace(EVENT, cookie=0) == EVENT._replace(cookie=0)
    with pytest.raises((ValueError, TypeError)):
        EVENT._replace(name=b"")


def test_asdict():
    """``_asdict`` returns the fields by name, in order."""
    assert list(EVENT._asdict().items()) == [("wd", 1), ("mask", 0x40000100), ("cookie", 5), ("filename", b"na\xffme")]


def test_match_fields():
    """``case InotifyEvent(wd, mask, cookie, filename)`` takes the fields in order."""
    if sys.version_info >= (3, 10):
        assert InotifyEvent.__match_args__ == ("wd", "mask", "cookie", "filename")
        found = {}
        exec("match event:\n case kind(wd, mask, filename=name): pass", {"event": EVENT, "kind": InotifyEvent}, found)
        assert found == {"wd": 1, "mask": 0x40000100, "name": b"na\xffme"}


PROPERTIES = {
    "access_event": inotify.IN_ACCESS,
    "modify_event": inotify.IN_MODIFY,
    "attrib_event": inotify.IN_ATTRIB,
    "close_write_event": inotify.IN_CLOSE_WRITE,
    "close_nowrite_event": inotify.IN_CLOSE_NOWRITE,
    "close_event": inotify.IN_CLOSE_WRITE | inotify.IN_CLOSE_NOWRITE,
    "open_event": inotify.IN_OPEN,
    "moved_from_event": inotify.IN_MOVED_FROM,
    "moved_to_event": inotify.IN_MOVED_TO,
    "create_event": inotify.IN_CREATE,
    "delete_event": inotify.IN_DELETE,
    "delete_self_event": inotify.IN_DELETE_SELF,
    "move_self_event": inotify.IN_MOVE_SELF,
    "is_dir_event": inotify.IN_ISDIR,
    "overflow_event": inotify.IN_Q_OVERFLOW,
    "ignored_event": inotify.IN_IGNORED,
    "unmount_event": inotify.IN_UNMOUNT,
}


@pytest.mark.defect("A8")
@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name):
    """A property is True for each of its bits, and False for every other bit."""
    for bit in (1 << number for number in range(32)):
        expected = bool(bit & PROPERTIES[name])
        assert getattr(InotifyEvent(1, bit, 0, b""), name) is expected
        assert getattr(InotifyEvent(1, 0xFFFFFFFF & ~bit, 0, b""), name) is (bool(PROPERTIES[name] & ~bit))
    assert getattr(InotifyEvent(1, 0, 0, b""), name) is False
    assert vars(InotifyEvent)[name].__doc__.startswith("Whether ")


def test_every_property_is_known():
    """The table above has every property, and each has its own documentation."""
    assert {name for name in vars(InotifyEvent) if name.endswith("_event")} == set(PROPERTIES)
    assert len({vars(InotifyEvent)[name].__doc__ for name in PROPERTIES}) == len(PROPERTIES)


def test_name():
    """``name`` is the filename as str, and goes back to the same bytes."""
    assert InotifyEvent(1, 2, 3, "é".encode()).name == "é"
    assert EVENT.name == "na\udcffme"
    assert EVENT.name.encode(errors="surrogateescape") == EVENT.filename
    assert InotifyEvent(1, 2, 3, b"").name == ""


def test_flags():
    """``flags`` is the mask with names, and still the same number."""
    assert EVENT.flags == InotifyMask.CREATE | InotifyMask.ISDIR == EVENT.mask
    assert isinstance(EVENT.flags, InotifyMask)
    assert "CREATE" in repr(EVENT.flags)
    assert "ISDIR" in repr(EVENT.flags)
    assert InotifyEvent(1, 0xFFFFFFFF, 0, b"").flags == 0xFFFFFFFF


def test_subclass_of_an_event():
    """A program may add words of its own to the event."""

    class Mine(InotifyEvent):
        @property
        def upper(self):
            return self.filename.upper()

    event = Mine(1, 2, 3, b"file")
    assert event.upper == b"FILE"
    assert isinstance(event, InotifyEvent)
    assert event == (1, 2, 3, b"file")
    assert type(event._replace(wd=2)) is Mine
    assert repr(event) == "Mine(wd=1, mask=MODIFY, cookie=3, filename=b'file')"


def test_subclass_with_a_constructor():
    """A subclass's __new__ and __init__ run, and it may mix in an ABC."""

    class Mine(InotifyEvent, abc.ABC):
        def __new__(cls, *fields):
            return super().__new__(cls, *fields, b"file")

        def __init__(self, *fields):
            self.made_of = fields

    event = Mine(1, 2, 3)
    assert event == (1, 2, 3, b"file")
    assert event.made_of == (1, 2, 3)
    assert InotifyEvent._field_defaults == {}
