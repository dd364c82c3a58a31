"""What was once wrong with splice and tee, and what programs rely on."""

import errno
import os

import pytest

from butter import splice as module
from butter.errors import InvalidArgument, OutOfMemory, UnknownError
from butter.splice import SPLICE_F_NONBLOCK, splice, tee, vmsplice


@pytest.fixture
def file(tmp_path):
    with open(tmp_path / "file", "w+b", buffering=0) as file:
        file.write(b"0123456789")
        file.seek(0)
        yield file


def test_P1_offsets_are_numbers(file, pipe):
    """Both offsets are positions in the file, whose own position stays."""
    assert splice(file, pipe[1], in_offset=6, len=3) == 3
    assert os.read(pipe[0], 10) == b"678"
    os.write(pipe[1], b"xy")
    assert splice(pipe[0], file, out_offset=1, len=2) == 2
    assert file.tell() == 0
    assert file.read() == b"0xy3456789"


@pytest.mark.parametrize("offset", [0, 6])
def test_P2_a_pipe_has_no_offset(file, pipe, offset):
    """An offset for a pipe is an InvalidArgument that says so, and a pipe without a reader is something else."""
    with pytest.raises(InvalidArgument, match="has no offset") as caught:
        splice(file, pipe[1], out_offset=offset, len=1)
    assert caught.value.errno == errno.ESPIPE
    with pytest.raises(InvalidArgument, match="has no offset"):
        splice(pipe[0], file, in_offset=offset, len=1)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(BrokenPipeError, match="no reader") as caught:
            splice(file, writing, len=1)
        assert isinstance(caught.value, ValueError)
    finally:
        os.close(writing)


def test_P3_errors_of_tee_and_of_waiting(pipe, pipe2):
    """EAGAIN is a BlockingIOError with its errno, and EBADF an InvalidArgument, for both calls."""
    for call in (splice, tee):
        with pytest.raises(BlockingIOError) as caught:
            call(pipe[0], pipe2[1], len=1, flags=SPLICE_F_NONBLOCK)
        assert caught.value.errno == errno.EAGAIN
        for arguments in ((-1, pipe2[1]), (pipe[0], -1)):
            with pytest.raises(InvalidArgument) as caught:
                call(*arguments, len=1)
            assert caught.value.errno == errno.EBADF


def test_P4_without_a_length_it_moves_what_it_can(file, pipe, pipe2):
    """len=None, the default, is no limit."""
    assert splice(file, pipe[1]) == 10
    assert tee(pipe[0], pipe2[1]) == 10
    assert os.read(pipe2[0], 20) == b"0123456789"


def test_order_of_the_arguments(file, pipe, pipe2):
    """splice(fd_in, fd_out, in_offset, out_offset, len, flags) and tee(fd_in, fd_out, len, flags)."""
    assert splice(file, pipe[1], 2, None, 3, 0) == 3
    assert tee(pipe[0], pipe2[1], 3, 0) == 3
    assert splice(fd_in=pipe2[0], fd_out=file, in_offset=None, out_offset=7, len=3, flags=0) == 3
    assert file.read() == b"0123456234"


class Failing:
    """Stands in for the C library: every function returns -1 with *number* in the saved errno."""

    def __init__(self, number):
        self.number = number

    def __getattr__(self, name):
        assert name in {"splice", "tee"}

        def fail(*arguments):
            module._ffi.errno = self.number
            return -1

        return fail


@pytest.mark.parametrize(
    ("call", "number", "expected"),
    [
        (splice, errno.EINVAL, ValueError),
        (splice, errno.EBADF, ValueError),
        (splice, errno.EPIPE, ValueError),
        (splice, errno.ESPIPE, ValueError),
        (splice, errno.ENOMEM, MemoryError),
        (splice, errno.EAGAIN, OSError),
        (splice, errno.EHOSTDOWN, UnknownError),
        (tee, errno.EINVAL, ValueError),
        (tee, errno.ENOMEM, OutOfMemory),
        (tee, errno.EHOSTDOWN, UnknownError),
    ],
)
def test_library_can_be_replaced(monkeypatch, call, number, expected):
    """A test may put its own functions in the place of the C library's, and gets the documented exceptions."""
    monkeypatch.setattr(module, "_lib", Failing(number))
    with pytest.raises(expected) as caught:
        call(3, 4, len=5)
    assert caught.value.errno == number


def test_vmsplice_is_not_implemented(pipe):
    """It says why, and what to use instead."""
    with pytest.raises(NotImplementedError, match=r"stay .* os\.writev"):
        vmsplice(pipe[1], [b"bytes"], 0)
    with pytest.raises(NotImplementedError):
        vmsplice(fd=pipe[1], vec=[])
