"""The interface of inotify_simple without a kernel: proved of it and of butter's."""

import copy
import importlib
import inspect
import io
import pickle
import struct
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

import butter.inotify_simple
from butter.errors import InvalidArgument

HEADER = struct.Struct("=iIII")


@pytest.fixture(params=["butter.inotify_simple", "inotify_simple"])
def module(request):
    return importlib.import_module(request.param)


def pack(wd, mask, cookie, name, room=None):
    """An event as the kernel writes it."""
    room = (len(name) // 16 + 1) * 16 if room is None and name else room or 0
    return HEADER.pack(wd, mask, cookie, room) + name.ljust(room, b"\0")


names = st.binary(max_size=255).map(lambda name: name.replace(b"\0", b"x"))
events = st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), names)


def test_names(module):
    """The module has the public names of inotify_simple 2.0.1, and its version."""
    assert module.__all__ == ["Event", "INotify", "flags", "masks", "parse_events"]
    assert module.__version__ == "2.0.1"


def test_signatures(module):
    """Each argument has the name, place and default that inotify_simple has."""

    def arguments(function):
        return [
            (name, parameter.default, parameter.kind)
            for name, parameter in inspect.signature(function).parameters.items()
        ]

    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    none = inspect.Parameter.empty
    self = ("self", none, either)
    assert arguments(module.INotify.__init__) == [
        self,
        ("inheritable", False, either),
        ("nonblocking", False, either),
        ("closefd", True, either),
    ]
    assert arguments(module.INotify.add_watch) == [self, ("path", none, either), ("mask", none, either)]
    assert arguments(module.INotify.rm_watch) == [self, ("wd", none, either)]
    assert arguments(module.INotify.read) == [self, ("timeout", None, either), ("read_delay", None, either)]
    assert arguments(module.INotify._readall) == [self]
    assert arguments(module.parse_events) == [("data", none, either)]
    assert arguments(module.flags.from_mask) == [("mask", none, either)]


def test_is_a_raw_file(module):
    """INotify is a FileIO, whose ``fd`` cannot be set."""
    assert module.INotify.__mro__[1] is io.FileIO
    assert isinstance(module.INotify.fd, property)
    assert module.INotify.fd.fset is None


def test_flags(module):
    """The flags are these, in this order, an IntEnum of plain bits."""
    assert issubclass(module.flags, IntEnum)
    assert [(flag.name, flag.value) for flag in module.flags] == [
        ("ACCESS", 0x1),
        ("MODIFY", 0x2),
        ("ATTRIB", 0x4),
        ("CLOSE_WRITE", 0x8),
        ("CLOSE_NOWRITE", 0x10),
        ("OPEN", 0x20),
        ("MOVED_FROM", 0x40),
        ("MOVED_TO", 0x80),
        ("CREATE", 0x100),
        ("DELETE", 0x200),
        ("DELETE_SELF", 0x400),
        ("MOVE_SELF", 0x800),
        ("UNMOUNT", 0x2000),
        ("Q_OVERFLOW", 0x4000),
        ("IGNORED", 0x8000),
        ("ONLYDIR", 0x1000000),
        ("DONT_FOLLOW", 0x2000000),
        ("EXCL_UNLINK", 0x4000000),
        ("MASK_ADD", 0x20000000),
        ("ISDIR", 0x40000000),
        ("ONESHOT", 0x80000000),
    ]
    assert list(module.flags.__members__.values()) == list(module.flags)
    assert repr(module.flags.CREATE) == "<flags.CREATE: 256>"
    assert type(module.flags.CREATE | module.flags.DELETE) is int


def test_masks(module):
    """The combinations are an IntEnum of their own."""
    assert issubclass(module.masks, IntEnum)
    assert {mask.name: mask.value for mask in module.masks} == {"CLOSE": 0x18, "MOVE": 0xC0, "ALL_EVENTS": 0xFFF}
    assert repr(module.masks.MOVE) == "<masks.MOVE: 192>"


def test_from_mask(module):
    """A mask comes apart into flags, by number; bits without a name are left out."""
    flags = module.flags
    assert flags.from_mask(0x40000100) == [flags.CREATE, flags.ISDIR]
    assert repr(flags.from_mask(0x40000100)) == "[<flags.CREATE: 256>, <flags.ISDIR: 1073741824>]"
    assert flags.from_mask(0) == []
    assert flags.from_mask(module.masks.CLOSE) == [flags.CLOSE_WRITE, flags.CLOSE_NOWRITE]
    assert flags.from_mask(0xFFFFFFFF) == list(flags)
    assert flags.from_mask(0x1000) == []


@pytest.mark.parametrize("name", ["flags", "masks"])
def test_printed_as_there(name):
    """Flags and masks print what those of the original print, in every form."""
    original, ours = (
        getattr(importlib.import_module(module), name) for module in ("inotify_simple", "butter.inotify_simple")
    )
    forms = str, repr, format, "{}".format, "{:#x}".format, "{:>20}".format, "%s".__mod__, "%d".__mod__
    for theirs, mine in zip(original, ours):
        assert [form(mine) for form in forms] == [form(theirs) for form in forms]


@given(st.integers(0, 2**32 - 1))
def test_from_mask_is_the_same(mask):
    """Any mask has the flags that the other package finds."""
    original = importlib.import_module("inotify_simple")
    assert butter.inotify_simple.flags.from_mask(mask) == original.flags.from_mask(mask)


def test_event(module):
    """An event is a named tuple, with all that one can do."""
    event = module.Event(1, 256, 0, "a")
    assert module.Event._fields == ("wd", "mask", "cookie", "name")
    assert (event.wd, event.mask, event.cookie, event.name) == event == (1, 256, 0, "a")
    assert repr(event) == str(event) == "Event(wd=1, mask=256, cookie=0, name='a')"
    assert event == module.Event(wd=1, mask=256, cookie=0, name="a")
    assert event._asdict() == {"wd": 1, "mask": 256, "cookie": 0, "name": "a"}
    assert event._replace(name="b") == (1, 256, 0, "b")
    assert {event: 1}[(1, 256, 0, "a")] == 1
    for same in (module.Event._make(event), copy.copy(event), pickle.loads(pickle.dumps(event))):
        assert same == event
        assert type(same) is module.Event
    with pytest.raises(AttributeError):
        event.wd = 2
    for wrong in ((), (1, 2, 3), (1, 2, 3, "a", 5)):
        with pytest.raises(TypeError):
            module.Event(*wrong)


def test_parse_events(module):
    """Bytes become a list of events: ints, and a str that ends at the first NUL."""
    data = pack(1, 0x40000100, 7, b"abc") + pack(-1, 0x4000, 0, b"") + pack(2, 0xFFFFFFFF, 2**32 - 1, b"n" * 16, 16)
    found = module.parse_events(data)
    assert found == [(1, 0x40000100, 7, "abc"), (-1, 0x4000, 0, ""), (2, 0xFFFFFFFF, 2**32 - 1, "n" * 16)]
    assert type(found) is list
    assert {type(event) for event in found} == {module.Event}
    assert {tuple(map(type, event)) for event in found} == {(int, int, int, str)}
    assert module.parse_events(b"") == []


def test_parse_undecodable_name(module):
    """A byte outside the filesystem's encoding becomes a surrogate."""
    (event,) = module.parse_events(pack(1, 256, 0, b"\xff"))
    assert event.name == "\udcff"


@given(st.lists(events, max_size=50))
def test_parsers_are_the_same(found):
    """Both packages parse any events of the kernel alike."""
    original = importlib.import_module("inotify_simple")
    data = b"".join(pack(*event) for event in found)
    assert butter.inotify_simple.parse_events(data) == original.parse_events(data)


@given(st.binary(max_size=200))
def test_parse_any_bytes(data):
    """Any bytes are events, or an InvalidArgument."""
    try:
        found = butter.inotify_simple.parse_events(data)
    except InvalidArgument:
        assert data
    else:
        assert bool(found) == bool(data)


@pytest.mark.parametrize("cut", [1, 15, 17, 31])
def test_parse_half_an_event(cut):
    """Half an event is refused, where the other package raises struct.error."""
    with pytest.raises(InvalidArgument):
        butter.inotify_simple.parse_events(pack(1, 256, 0, b"abc") + pack(1, 256, 0, b"abc")[:cut])


@pytest.mark.parametrize("data", ["", None, 5, [b"abc"]])
def test_parse_no_bytes(data):
    """An object that is not bytes is a TypeError."""
    with pytest.raises(TypeError):
        butter.inotify_simple.parse_events(data)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "euc_jp", "euc_kr", "gb18030", "big5", "shift_jis"])
@given(found=st.lists(names, min_size=1, max_size=8))
def test_names_may_be_decoded_at_once(encoding, found):
    """In a locale's encodings, decoding before splitting at NULs changes nothing."""
    joined = b"\0".join(found).decode(encoding, "surrogateescape")
    assert joined.split("\0") == [name.decode(encoding, "surrogateescape") for name in found]


def test_stays_inside_its_c_types():
    """A number that its C type cannot hold is refused before the call."""
    with butter.inotify_simple.INotify() as inotify:
        for mask in (-1, 2**32):
            with pytest.raises(ValueError, match="mask"):
                inotify.add_watch("/", mask)
        for wd in (2**31, -(2**31) - 1):
            with pytest.raises(ValueError, match="wd"):
                inotify.rm_watch(wd)
        with pytest.raises(TypeError, match="mask"):
            inotify.add_watch("/", "CREATE")
        with pytest.raises(TypeError, match="wd"):
            inotify.rm_watch(None)
