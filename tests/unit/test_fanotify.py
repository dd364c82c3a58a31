"""The parser of fanotify events on bytes alone, and the event itself."""

import errno
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butter import fanotify
from butter._fanotify_answers import Answers, Origin
from butter.errors import InvalidArgument
from butter.fanotify import (
    FAN_CLOSE_NOWRITE,
    FAN_EVENT_INFO_TYPE_DFID,
    FAN_EVENT_INFO_TYPE_DFID_NAME,
    FAN_EVENT_INFO_TYPE_ERROR,
    FAN_EVENT_INFO_TYPE_FID,
    FAN_EVENT_INFO_TYPE_MNT,
    FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
    FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
    FAN_EVENT_INFO_TYPE_PIDFD,
    FAN_EVENT_INFO_TYPE_RANGE,
    FAN_FS_ERROR,
    FAN_NOFD,
    FAN_OPEN,
    FAN_Q_OVERFLOW,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_FID,
    FanotifyEvent,
    FileHandle,
    Paths,
    str_to_events,
)

# the header of an event, and the beginnings of its records
METADATA = struct.Struct("=IBBHQii")
RECORD = struct.Struct("=BBH")
HANDLE = struct.Struct("=iiIi")


def pack(mask, fd, pid, *records):
    """An event as the kernel writes it."""
    info = b"".join(records)
    return METADATA.pack(METADATA.size + len(info), 3, 0, METADATA.size, mask, fd, pid) + info


def record(kind, body):
    """A record, padded to a multiple of 4."""
    padding = bytes(-len(body) % 4)
    return RECORD.pack(kind, 0, RECORD.size + len(body) + len(padding)) + body + padding


def handle(kind, found, name=b""):
    """A record with a FileHandle, and perhaps a name."""
    fsid, number, handle = found
    return record(kind, HANDLE.pack(*fsid, len(handle), number) + handle + (name + b"\0" if name else b""))


ONE, OTHER = FileHandle((1, -2), 1, b"one"), FileHandle((3, 4), 0x81, b"another")


def test_one_event():
    """The fields come from the header, and an event without records has none."""
    (event,) = str_to_events(pack(FAN_OPEN, -1, 7))
    assert (event.version, event.mask, event.fd, event.pid) == (3, FAN_OPEN, FAN_NOFD, 7)
    names = ("handle", "dir_handle", "name", "old_dir_handle", "old_name", "pidfd")
    names += ("error", "error_count", "offset", "count", "mount_id", "filename")
    assert {name: getattr(event, name) for name in names} == dict.fromkeys(names)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([handle(FAN_EVENT_INFO_TYPE_FID, ONE)], {"handle": ONE}),
        ([handle(FAN_EVENT_INFO_TYPE_DFID, ONE)], {"dir_handle": ONE, "name": None}),
        (
            [handle(FAN_EVENT_INFO_TYPE_DFID_NAME, ONE, b"a\xff"), handle(FAN_EVENT_INFO_TYPE_FID, OTHER)],
            {"dir_handle": ONE, "name": "a\udcff", "filename": "a\udcff", "handle": OTHER},
        ),
        (
            [
                handle(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, ONE, b"old"),
                handle(FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, OTHER, b"new"),
            ],
            {"old_dir_handle": ONE, "old_name": "old", "dir_handle": OTHER, "name": "new"},
        ),
        ([handle(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, ONE, b"old")], {"old_name": "old", "dir_handle": None}),
        ([record(FAN_EVENT_INFO_TYPE_ERROR, struct.pack("=iI", errno.EIO, 3))], {"error": errno.EIO, "error_count": 3}),
        (
            [record(FAN_EVENT_INFO_TYPE_RANGE, struct.pack("=IQQ", 0, 1 << 40, 1 << 33))],
            {"offset": 1 << 40, "count": 1 << 33},
        ),
        ([record(FAN_EVENT_INFO_TYPE_MNT, struct.pack("=IQ", 0, 1 << 33))], {"mount_id": 1 << 33}),
        ([record(99, b"something"), handle(FAN_EVENT_INFO_TYPE_FID, ONE)], {"handle": ONE}),
        ([record(200, b"")], {"handle": None}),
    ],
)
def test_records(records, expected):
    """Each record becomes attributes, and one that is not known is skipped."""
    (event, after) = str_to_events(pack(0, -1, 0, *records) + pack(FAN_OPEN, 5, 6))
    assert {name: getattr(event, name) for name in expected} == expected
    assert (after.mask, after.fd, after.pid, after.handle) == (FAN_OPEN, 5, 6, None)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (-1, ProcessLookupError),
        (-errno.ESRCH, ProcessLookupError),
        (-2, OSError),
        (-errno.EMFILE, OSError),
    ],
)
def test_pidfds_that_are_missing(number, error):
    """A process that is gone is told from a pidfd that could not be made."""
    (event,) = str_to_events(pack(0, -1, 0, record(FAN_EVENT_INFO_TYPE_PIDFD, struct.pack("=i", number))))
    with pytest.raises(error) as caught:
        event.pidfd  # noqa: B018
    assert isinstance(caught.value, ProcessLookupError) == (error is ProcessLookupError)


def test_a_file_that_could_not_be_opened():
    """The descriptor is then the errno, which fileno() raises."""
    (event,) = str_to_events(pack(FAN_OPEN, -errno.EROFS, 1))
    assert event.fd == -errno.EROFS
    with pytest.raises(OSError, match="the event does not have this descriptor") as caught:
        event.fileno()
    assert caught.value.errno == errno.EROFS
    event.close()
    assert event.fd == FAN_NOFD


@pytest.mark.parametrize(
    ("flags", "mask", "error"),
    [
        (FAN_REPORT_FD_ERROR, FAN_OPEN, PermissionError),
        (FAN_REPORT_FD_ERROR, FAN_Q_OVERFLOW, ValueError),
        (FAN_REPORT_FD_ERROR | FAN_REPORT_FID, FAN_OPEN, ValueError),
        (0, FAN_OPEN, ValueError),
        (None, FAN_OPEN, ValueError),
    ],
)
def test_the_errno_that_looks_like_no_descriptor(flags, mask, error):
    """EPERM is the number -1, as an overflow and events with handles have it."""
    origin = Origin(Answers(None, 0, flags), Paths(), 0)
    origin.making = False
    event = tuple.__new__(FanotifyEvent, (3, mask, -errno.EPERM, 1, b"", None, origin))
    with pytest.raises(error, match=r"does not have (this|a) descriptor"):
        event.fileno()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_kinds_of_bytes(kind):
    """Any bytes-like object is parsed, and nothing of it is kept."""
    data = kind(pack(FAN_OPEN, -1, 3, handle(FAN_EVENT_INFO_TYPE_FID, ONE)))
    (event,) = str_to_events(data)
    if kind is bytearray:
        data.clear()  # a BufferError if a view still existed
    assert event.handle == ONE


@pytest.mark.parametrize("count", [0, 1, 681, 682, 683, 2000])
def test_many_events(count):
    """More events than the parser takes in one pass are parsed as fewer are."""
    parsed = str_to_events(b"".join(pack(FAN_OPEN, -1, number) for number in range(count)))
    assert [event.pid for event in parsed] == list(range(count))


@pytest.mark.parametrize("length", [1, 100, 250])
def test_many_named_events(length):
    """An event that the parser's pass ends within comes whole."""
    expected = [f"{number:0{length}}" for number in range(10)] * 30
    data = (pack(0, -1, 0, handle(FAN_EVENT_INFO_TYPE_DFID_NAME, ONE, name.encode())) for name in expected)
    assert [event.name for event in str_to_events(b"".join(data))] == expected


WHOLE = pack(FAN_OPEN, -1, 1, handle(FAN_EVENT_INFO_TYPE_DFID_NAME, ONE, b"name"))


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        WHOLE[:-1],
        WHOLE + WHOLE[:20],
        METADATA.pack(24, 2, 0, 24, 0, 0, 0),
        METADATA.pack(23, 3, 0, 24, 0, 0, 0),
        METADATA.pack(24, 3, 0, 23, 0, 0, 0),
        METADATA.pack(24, 3, 0, 25, 0, 0, 0),
        pack(0, 0, 0, b"12"),
        pack(0, 0, 0, RECORD.pack(1, 0, 3) + b"\0"),
        pack(0, 0, 0, RECORD.pack(99, 0, 8)),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_PIDFD, b"")),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_ERROR, bytes(4))),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_RANGE, bytes(16))),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_MNT, bytes(8))),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_FID, bytes(12))),
        pack(0, 0, 0, record(FAN_EVENT_INFO_TYPE_FID, HANDLE.pack(0, 0, 1, 0))),
        pack(0, 0, 0, record(99, bytes(16400))),
    ],
)
def test_broken_bytes(data):
    """Bytes that are not whole events are refused."""
    with pytest.raises(InvalidArgument, match="are not fanotify events"):
        str_to_events(data)


handles = st.builds(
    FileHandle,
    st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1)),
    st.integers(-(2**31), 2**31 - 1),
    st.binary(max_size=128),
)
names = st.binary(min_size=1, max_size=255).map(lambda name: name.replace(b"\0", b"x"))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**64 - 1), st.integers(-(2**31) + 1, -1), st.integers(-(2**31), 2**31 - 1), handles, names
        )
    )
)
def test_events_come_as_they_were_packed(events):
    """Every field of any events is parsed as it was written."""
    data = b"".join(
        pack(mask, fd, pid, handle(FAN_EVENT_INFO_TYPE_DFID_NAME, found, name)) for mask, fd, pid, found, name in events
    )
    parsed = [
        (event.mask, event.fd, event.pid, event.dir_handle, os.fsencode(event.name)) for event in str_to_events(data)
    ]
    # the kernel writes -EBADF for an event that is not about an open file
    events = [(mask, FAN_NOFD if fd == -errno.EBADF else fd, *rest) for mask, fd, *rest in events]
    assert parsed == events


parts = st.one_of(
    st.binary(max_size=64),
    st.builds(
        pack,
        st.integers(0, 2**64 - 1),
        st.just(-1),
        st.integers(0, 9),
        st.builds(record, st.integers(0, 15), st.binary(max_size=60)),
    ),
)


@given(st.lists(parts).map(b"".join))
def test_any_bytes(data):
    """Any bytes are events, whose records can be asked for, or a ValueError."""
    try:
        events = str_to_events(data)
    except ValueError:
        return
    for event in events:
        assert isinstance(repr(event), str)
        assert event.name is None or isinstance(event.name, str)


def test_properties():
    """Each ``…_event`` is true for its bits alone."""
    found = {name: getattr(FanotifyEvent, name) for name in dir(FanotifyEvent) if name.endswith("_event")}

    def true(mask):
        event = FanotifyEvent(3, mask, FAN_NOFD, 0)
        return {name for name in found if getattr(event, name)}

    assert true(0) == set()
    assert true(FAN_CLOSE_NOWRITE) == {"close_nowrite_event", "close_event"}
    assert true(FAN_FS_ERROR) == {"fs_error_event"}
    seed = "access access_perm modify close close_write close_nowrite open open_perm queue_overflow on_dir on_child"
    assert {f"{name}_event" for name in seed.split()} <= set(found)
    assert all(value.__doc__.startswith("Whether ") for value in found.values())


def test_an_event_prints_its_mask():
    """The names of the bits, the descriptor, the process, and a name are printed."""
    (event,) = str_to_events(WHOLE)
    assert repr(event) == "FanotifyEvent(mask=OPEN, fd=-1, pid=1, name='name')"
    assert repr(FanotifyEvent(3, FAN_OPEN, -1, 2)) == "FanotifyEvent(mask=OPEN, fd=-1, pid=2)"
    info = handle(FAN_EVENT_INFO_TYPE_DFID_NAME, ONE, b"x")
    assert repr(FanotifyEvent(3, FAN_OPEN, -1, 2, info)) == "FanotifyEvent(mask=OPEN, fd=-1, pid=2, name='x')"


@pytest.mark.parametrize("info", ["", bytearray(), None])
def test_records_that_are_not_bytes(info):
    """A hand-made event has its records as bytes, and they are whole."""
    with pytest.raises(TypeError, match="info must be bytes"):
        FanotifyEvent(3, FAN_OPEN, -1, 2, info)
    with pytest.raises(InvalidArgument, match="are not fanotify events"):
        FanotifyEvent(3, FAN_OPEN, -1, 2, b"x")


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        (((1, 2, 3), 1, b"x"), TypeError, "fsid must be a tuple of two ints"),
        (([1, 2], 1, b"x"), TypeError, "fsid must be a tuple of two ints"),
        (((1, "2"), 1, b"x"), TypeError, "fsid must be an int, not str"),
        (((1, 1 << 31), 1, b"x"), ValueError, "fsid is"),
        (((1, 2), 1, 2**40), TypeError, "handle must be bytes, not int"),
        (((1, 2), "1", b"x"), TypeError, "the type of the handle must be an int"),
    ],
)
def test_handles_that_are_not_handles(fields, error, words):
    """The fields of a FileHandle are checked when it is made."""
    with pytest.raises(error, match=words):
        FileHandle(*fields)


def test_the_size_of_paths():
    """A number of paths is checked when the object is made."""
    with pytest.raises(TypeError, match="size must be an int"):
        Paths(size="x")


def test_values():
    """The constants have the kernel's numbers, also those that old headers lack."""
    values = {name: getattr(fanotify, name) for name in fanotify.__all__ if name.isupper()}
    assert len(values) >= 90
    expected = {"FAN_PRE_ACCESS": 0x100000, "FAN_MNT_DETACH": 0x2000000, "FAN_RENAME": 0x10000000}
    expected.update(FAN_MARK_MNTNS=0x110, FAN_MARK_IGNORE_SURV=0x440, FAN_REPORT_MNT=0x4000, FAN_EPIDFD=-2)
    expected.update(FAN_ALL_MARK_FLAGS=0xFF, FAN_ALL_EVENTS=0x3B, FAN_EVENT_METADATA_LEN=24, FAN_ERRNO_SHIFT=24)
    assert expected.items() <= values.items()
