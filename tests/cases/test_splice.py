"""The cases of splice and tee: one test for each, named after it."""

import errno
import os
import socket

import pytest
from support import needs

from butter.errors import InvalidArgument
from butter.splice import SPLICE_F_NONBLOCK, splice, tee

CAPACITY = 65536


def opened(request, path, flags):
    fd = os.open(path, flags, 0o600)
    request.addfinalizer(lambda: os.close(fd))
    return fd


@pytest.fixture
def pattern():
    """1024 bytes in a pattern that shows a wrong offset."""
    return bytes(n * 7 % 251 for n in range(1024))


def test_splice01(tmp_path, pipe, pattern):
    """A file goes through a pipe into another file."""
    reading, writing = pipe
    (tmp_path / "in").write_bytes(pattern)
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "wb") as target:
        assert splice(source, writing, len=1024) == 1024
        assert splice(reading, target, len=1024) == 1024
    assert (tmp_path / "out").read_bytes() == pattern


def test_splice02(tmp_path):
    """A child splices its standard input to a file, whole and in order."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(writing)
            os.dup2(reading, 0)
            with open(tmp_path / "out", "wb") as target:
                while splice(0, target, len=1024):
                    pass
            status = 0
        finally:
            os._exit(status)
    os.close(reading)
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    whole = (alphabet * (16 * CAPACITY // 26 + 1))[: 16 * CAPACITY]
    for start in range(0, len(whole), 512):
        assert os.write(writing, whole[start : start + 512]) == 512
    os.close(writing)
    assert os.waitpid(pid, 0)[1] == 0
    assert (tmp_path / "out").read_bytes() == whole


ROWS = ["no input", "no output", "input not readable", "appending", "no pipe", "offset of input", "offset of output"]


@pytest.mark.parametrize("row", ROWS)
def test_splice03(request, tmp_path, pipe, row):
    """Descriptors that cannot be spliced have the errno of the manual page."""
    reading, writing = pipe
    os.write(writing, b"some bytes")
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    readable = opened(request, path, os.O_RDONLY)
    writable = opened(request, path, os.O_WRONLY)
    appending = opened(request, path, os.O_RDWR | os.O_APPEND)
    arguments, number = {
        "no input": ((-1, writing), errno.EBADF),
        "no output": ((reading, -1), errno.EBADF),
        "input not readable": ((writable, writing), errno.EBADF),
        "appending": ((reading, appending), errno.EINVAL),
        "no pipe": ((readable, writable), errno.EINVAL),
        "offset of input": ((reading, writable, 0), errno.ESPIPE),
        "offset of output": ((readable, writing, None, 0), errno.ESPIPE),
    }[row]
    with pytest.raises(InvalidArgument) as caught:
        splice(*arguments, len=10)
    assert caught.value.errno == number
    assert path.read_bytes() == b"0123456789"
    assert os.read(reading, 100) == b"some bytes"


def test_splice04(pipe, pipe2):
    """A full pipe is spliced into another one."""
    data = os.urandom(CAPACITY)
    assert os.write(pipe[1], data) == CAPACITY
    left = CAPACITY
    while left:
        left -= splice(pipe[0], pipe2[1], len=left)
    assert os.read(pipe2[0], CAPACITY) == data


def test_splice05(pipe, pipe2):
    """A pipe is spliced into a socket, and the socket into another pipe."""
    data = os.urandom(CAPACITY)
    assert os.write(pipe[1], data) == CAPACITY
    here, there = socket.socketpair()
    with here, there:
        left, received = CAPACITY, b""
        while left:
            left -= splice(pipe[0], here, len=left)
        while len(received) < CAPACITY:
            moved = splice(there, pipe2[1], len=CAPACITY)
            received += os.read(pipe2[0], moved)
    assert received == data


@needs(kernel=(6, 7))
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
@pytest.mark.parametrize("n", range(9))
def test_splice08(request, pipe, device, n):
    """The devices of endless zeros fill a pipe."""
    source = opened(request, device, os.O_RDONLY)
    assert splice(source, pipe[1], len=n * 1009) == n * 1009
    if n:
        assert os.read(pipe[0], CAPACITY) == bytes(n * 1009)


@needs(kernel=(6, 7))
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_splice09(request, pipe, pattern, device):
    """The devices that swallow everything take what a pipe holds."""
    target = opened(request, device, os.O_WRONLY)
    os.write(pipe[1], pattern)
    assert splice(pipe[0], target, len=1024) == 1024


def test_tee01(tmp_path, pipe, pipe2, pattern):
    """tee copies the bytes of the first pipe, which keeps them."""
    (tmp_path / "in").write_bytes(pattern)
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "wb") as target:
        assert splice(source, pipe[1], len=1024) == 1024
        assert tee(pipe[0], pipe2[1], 1024, SPLICE_F_NONBLOCK) == 1024
        assert splice(pipe2[0], target, len=1024) == 1024
    assert (tmp_path / "out").read_bytes() == pattern
    assert os.read(pipe[0], 2048) == pattern


@pytest.mark.parametrize("row", ["file to pipe", "pipe to file", "pipe to itself"])
def test_tee02(request, tmp_path, pipe, row):
    """tee takes two pipes, and not one twice."""
    reading, writing = pipe
    os.write(writing, b"some bytes")
    (tmp_path / "file").write_bytes(b"0123456789")
    file = opened(request, tmp_path / "file", os.O_RDWR)
    fd_in, fd_out = {
        "file to pipe": (file, writing),
        "pipe to file": (reading, file),
        "pipe to itself": (reading, writing),
    }[row]
    with pytest.raises(ValueError, match="pipe") as caught:
        tee(fd_in, fd_out, 10)
    assert caught.value.errno == errno.EINVAL
    assert os.read(reading, 100) == b"some bytes"
