"""Calls for any descriptor on this kernel: duplicates, comparisons, vectored reads."""

import array
import errno
import mmap
import os
import socket
import threading

import pytest
import support
from support import alarms, in_child, needs, when_waiting

from butter import _fd
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd
from butter.fd import (
    RWF_APPEND,
    RWF_DSYNC,
    RWF_NOWAIT,
    close_range,
    dup3,
    preadv2,
    pwritev2,
    read_into,
    readv,
    same_open_file,
    writev,
)


@pytest.fixture(params=["builtin", "c"])
def ways(request, monkeypatch):
    """The vectored calls by Python's builtins, where there are any, and by cffi."""
    if request.param == "c":
        for name, call in _fd.BY_C.items():
            monkeypatch.setattr(_fd, f"_{name}", call)


@pytest.fixture
def file(tmp_path):
    with open(tmp_path / "file", "w+b", 0) as file:
        yield file


def test_duplicate():
    """A duplicate takes the place of a file, and its number is closed on exec."""
    with Eventfd(5) as counter, Eventfd() as other:
        number = other.fileno()
        assert dup3(counter, other) == number
        assert other.read_event() == 5
        assert not os.get_inheritable(number)
        assert dup3(counter, other, closefd=False) == number
        assert os.get_inheritable(number)


class Indexed:
    """An object that C would take as 3."""

    def __index__(self):
        return 3


def test_arguments_of_duplicates():
    """A wrong type is a TypeError, a number out of range a ValueError."""
    for call in (
        lambda: dup3("0", 5),
        lambda: dup3(0, None),
        lambda: dup3(0, 5, "0"),
        lambda: close_range("3"),
        lambda: same_open_file(0, 1.5),
        lambda: readv("0", [bytearray(1)]),
        lambda: readv(0, 5),
        lambda: read_into(0, 5),
        lambda: preadv2(0, [bytearray(1)], 0.5),
        lambda: preadv2(0, [bytearray(1)], 1.5),
        lambda: pwritev2(0, [b""], 0, 0.0),
        lambda: pwritev2(0, [b""], Indexed()),
    ):
        with pytest.raises(TypeError):
            call()
    for call in (
        lambda: dup3(0, 2**31),
        lambda: close_range(-1),
        lambda: close_range(3, 2**32),
        lambda: close_range(3, 4, 2**32),
        lambda: same_open_file(2**31, 0),
        lambda: readv(2**31, [bytearray(1)]),
        lambda: writev(2**31, [b""]),
        lambda: preadv2(0, [bytearray(1)], 2**63),
        lambda: pwritev2(0, [b""], 0, 2**31),
        lambda: read_into(0, bytearray(1), -1),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()


def same_files(file, path):
    duplicate = os.dup(file.fileno())
    with open(path, "rb") as again:
        assert same_open_file(file, duplicate) is True
        assert same_open_file(file, file) is True
        assert same_open_file(file, again) is False
        assert same_open_file(duplicate, again) is False
    os.close(duplicate)
    with pytest.raises(InvalidArgument, match=f"descriptor {duplicate} is not open"):
        same_open_file(file, duplicate)
    with pytest.raises(InvalidArgument, match="descriptor -1 is not open"):
        same_open_file(-1, file)


def test_same_open_file(file, tmp_path):
    """Duplicates are of one open file, and a file that is opened again is another."""
    same_files(file, tmp_path / "file")
    path = os.open(tmp_path, 0o10000000)  # O_PATH
    assert same_open_file(path, path)
    os.close(path)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF])
def test_same_open_file_by_kcmp(file, tmp_path, number):
    """A kernel without F_DUPFD_QUERY is asked by kcmp."""

    def body():
        # EBADF is what such a kernel answers for a file that was opened with O_PATH
        support.inject("fcntl", number, arguments={1: 1027})
        same_files(file, tmp_path / "file")

    in_child(body)


def test_same_open_file_without_kcmp(file):
    """A kernel that can do neither is named in the error."""

    def body():
        support.inject("fcntl", errno.EINVAL, arguments={1: 1027})
        support.inject("kcmp", errno.ENOSYS)
        with pytest.raises(OSError, match=r"older than Linux 6\.10, and was built without kcmp") as caught:
            same_open_file(file, 0)
        assert caught.value.errno == errno.ENOSYS

    in_child(body)


def test_same_open_file_looks_at_both(file):
    """A closed descriptor is an error, though the kernel looked at the other alone."""

    def body():
        support.inject("fcntl", 0, arguments={1: 1027})
        with pytest.raises(InvalidArgument, match="descriptor 999 is not open"):
            same_open_file(file, 999)
        assert same_open_file(file, 0) is False

    in_child(body)


@needs(kernel=(5, 9))
def test_same_open_file_in_a_table_of_its_own():
    """A thread with its own table of descriptors compares those of its own, by kcmp."""

    def body():
        support.inject("fcntl", errno.EINVAL, arguments={1: 1027})
        found = []

        def work():
            close_range(2**32 - 1, flags=2)  # CLOSE_RANGE_UNSHARE
            dup3(0, 900)
            found.append(same_open_file(0, 900))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found == [True]

    in_child(body)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    "kind", [bytearray, lambda size: memoryview(bytearray(size)), lambda size: mmap.mmap(-1, size)]
)
def test_read_into_any_buffer(file, kind):
    """Bytes go into any buffer that can be written, and no further than it reaches."""
    file.write(b"toast and butter")
    buffer = kind(5)
    assert read_into(file, buffer, 0) == 5
    assert bytes(buffer[:]) == b"toast"
    assert file.tell() == 16
    assert read_into(file, memoryview(buffer)[1:3], 10) == 2
    assert bytes(buffer[:]) == b"tbust"
    file.seek(15)
    assert read_into(file, buffer) == 1
    assert read_into(file, buffer) == 0
    assert bytes(buffer[:]) == b"rbust"


@pytest.mark.usefixtures("ways")
def test_read_into_items(pipe):
    """A buffer of larger items is filled by bytes."""
    numbers = array.array("q", [0, 0])
    os.write(pipe[1], array.array("q", [2**40, -1]).tobytes())
    assert read_into(pipe[0], numbers) == 16
    assert numbers.tolist() == [2**40, -1]


@pytest.mark.usefixtures("ways")
def test_buffers_are_free_after_a_call(pipe):
    """A buffer can be resized once the call has returned, or failed."""
    buffer = bytearray(4)
    os.write(pipe[1], b"four")
    read_into(pipe[0], buffer)
    buffer.append(0)
    try:
        read_into(pipe[1], buffer)
    except InvalidArgument:
        # the traceback is still there
        buffer.append(0)
    assert buffer == b"four\0\0"


@pytest.mark.usefixtures("ways")
def test_buffers_that_cannot_be_written(pipe):
    """A buffer that cannot be written is refused before anything is read."""
    os.write(pipe[1], b"x")
    for wrong in (b"bytes", memoryview(b"bytes")):
        with pytest.raises(BufferError):
            readv(pipe[0], [bytearray(1), wrong])
    with pytest.raises(TypeError):
        readv(pipe[0], [5])
    assert os.read(pipe[0], 9) == b"x"


@pytest.mark.usefixtures("ways")
def test_vectors(pipe):
    """Buffers are written, and filled, one after the other."""
    first, second, third = bytearray(2), bytearray(3), bytearray(b"kept")
    assert writev(pipe[1], [b"ab", b"", memoryview(b"cde"), bytearray(b"fg")]) == 7
    assert readv(pipe[0], (first, second, third)) == 7
    assert (first, second, third) == (b"ab", b"cde", b"fgpt")
    assert writev(pipe[1], []) == 0
    with pytest.raises(
        InvalidArgument, match=f"there are 5000 buffers; one call takes at most {os.sysconf('SC_IOV_MAX')}"
    ):
        readv(pipe[0], [third] * 5000)


@pytest.mark.usefixtures("ways")
def test_vectors_at_an_offset(file):
    """A file is read and written at an offset, and its own position stays."""
    file.write(b"0123456789")
    assert pwritev2(file, [b"ab", b"cd"], 3, RWF_DSYNC) == 4
    buffers = bytearray(2), bytearray(4)
    assert preadv2(file, buffers, 2) == 6
    assert buffers == (b"2a", b"bcd7")
    assert file.tell() == 10
    file.seek(0)
    assert preadv2(file, buffers) == 6
    assert file.tell() == 6
    with pytest.raises(InvalidArgument, match="offset is -2; it must not be negative"):
        preadv2(file, buffers, -2)
    with pytest.raises(OSError, match="unknown flags 0x40000") as caught:
        preadv2(file, buffers, 0, 0x40000)
    assert caught.value.errno == errno.EOPNOTSUPP


@needs(kernel=(4, 16))
def test_vectors_at_the_end(file):
    """RWF_APPEND writes at the end, whatever the offset."""
    file.write(b"0123")
    assert pwritev2(file, [b"e", b"nd"], 1, RWF_APPEND) == 3
    assert os.pread(file.fileno(), 20, 0) == b"0123end"


@pytest.mark.usefixtures("ways")
def test_refused_transfers(file):
    """EINVAL is explained for a buffer that is too small, and the end of offsets."""
    with Eventfd() as counter:
        with pytest.raises(InvalidArgument, match="wants a larger buffer, as an eventfd does"):
            writev(counter, [b"a"])
        with pytest.raises(InvalidArgument, match="wants a larger buffer"):
            read_into(counter, bytearray(7))
    with pytest.raises(InvalidArgument, match=r"with 5 bytes beyond 2\*\*63 - 1, the last place of any file"):
        read_into(file, bytearray(5), 2**63 - 1)


@needs(kernel=(6, 4))
@pytest.mark.usefixtures("ways")
def test_no_wait(pipe):
    """A call with RWF_NOWAIT, or of a non-blocking descriptor, does not wait."""
    with pytest.raises(BlockingIOError, match="preadv2: nothing can be read now"):
        preadv2(pipe[0], [bytearray(1)], flags=RWF_NOWAIT)
    os.set_blocking(pipe[0], False)
    with pytest.raises(BlockingIOError, match="readv: nothing can be read now"):
        read_into(pipe[0], bytearray(1))


@pytest.mark.usefixtures("ways")
def test_interrupted_reads(pipe):
    """A read that signals interrupt goes on, and a handler's exception ends it."""
    buffer = bytearray(9)

    def handler(*_):
        if next(calls, None) is None:
            os.write(pipe[1], b"at last")

    calls = iter(range(3))
    with alarms(when_waiting(handler)):
        assert read_into(pipe[0], buffer) == 7

    def fail(*_):
        raise PermissionError(errno.EPERM, "of the handler")

    with alarms(when_waiting(fail)), pytest.raises(PermissionError, match="of the handler") as caught:
        read_into(pipe[0], buffer)
    assert caught.value.strerror == "of the handler"


@pytest.mark.usefixtures("ways")
def test_messages():
    """A read of a socket takes one message."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        assert writev(one, [b"one ", b"message"]) == 11
        one.send(b"another")
        buffer = bytearray(100)
        assert read_into(other, buffer) == 11
        assert buffer[:11] == b"one message"
