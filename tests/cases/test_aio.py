"""The cases of aio from other test suites, one test for each, named after it.

butter makes the pointers that a call takes itself, so the cases of a wrong one use the
C functions under the calls. They return -1 - errno.
"""

import errno
import os
import select
import signal
from pathlib import Path

import pytest
from support import needs

from butter._aio_c import ffi, lib
from butter._aio_errors import CANCEL, DESTROY, GETEVENTS, SETUP, SUBMIT
from butter.aio import (
    IOCB_CMD_POLL,
    IOCB_CMD_PREAD,
    IOCB_CMD_PWRITE,
    RWF_NOWAIT,
    Iocb,
    io_cancel,
    io_destroy,
    io_getevents,
    io_pgetevents,
    io_setup,
    io_submit,
)
from butter.errors import InternalError, InvalidArgument

# an address that no process has
NOWHERE = 2**64 - 4096


@pytest.fixture(scope="module")
def context():
    context = io_setup(1)
    yield context
    io_destroy(context)


def pointer(kind, address=NOWHERE):
    return ffi.cast(kind, address)


def raises(errors, number, result, **arguments):
    """Whether a result of a C function is raised as errno *number*."""
    exception = {errno.EAGAIN: BlockingIOError, errno.EFAULT: OSError}.get(number, InvalidArgument)
    with pytest.raises(exception, match=f"{errors.call}: ") as caught:
        errors.check(result, **arguments)
    return caught.value.errno == number


def room():
    return int(Path("/proc/sys/fs/aio-max-nr").read_text())


def test_io_setup01():
    """A context is made, and one of no or too many operations is refused."""
    io_destroy(io_setup(1))
    used = ffi.new("unsigned long *", 1)
    assert raises(SETUP, errno.EINVAL, lib.io_setup(1, used), nr_events=1)
    assert raises(SETUP, errno.EFAULT, lib.io_setup(1, pointer("unsigned long *")))
    with pytest.raises(InvalidArgument, match="not for 0"):
        io_setup(0)
    with pytest.raises(BlockingIOError, match=r"fs\.aio-max-nr"):
        io_setup(room() + 1)


def test_io_setup02():
    """The same, by the system call: 2**32 - 1 operations are too many anywhere."""
    filled = ffi.new("unsigned long *", 0x0101010101010101)
    assert raises(SETUP, errno.EINVAL, lib.io_setup(1, filled), nr_events=1)
    assert raises(SETUP, errno.EFAULT, lib.io_setup(1, ffi.NULL))
    with pytest.raises(InvalidArgument, match="not for 4294967295"):
        io_setup(2**32 - 1)


def test_io_submit03(context, tmp_path):
    """A wrong context, number, pointer or descriptor is refused."""
    path = tmp_path / "file"
    path.touch()
    buffer = bytearray(10)
    with path.open("rb") as reading, path.open("wb") as writing:
        with pytest.raises(InvalidArgument, match="0x0 is not a context"):
            io_submit(0, [Iocb(IOCB_CMD_PREAD, reading, buffer)])
        assert raises(SUBMIT, errno.EINVAL, lib.io_submit(context, -1, ffi.NULL), context=context, count=-1)
        assert raises(SUBMIT, errno.EFAULT, lib.io_submit(context, 1, pointer("butter_iocb **")))
        assert raises(SUBMIT, errno.EFAULT, lib.io_submit(context, 1, ffi.new("butter_iocb *[]", 1)))
        for operation, fd in (
            (IOCB_CMD_PREAD, -1),
            (IOCB_CMD_PWRITE, reading),
            (IOCB_CMD_PREAD, writing),
        ):
            wrong = Iocb(operation, fd, buffer)
            with pytest.raises(InvalidArgument, match="not open for this use") as caught:
                io_submit(context, [wrong])
            assert caught.value.errno == errno.EBADF
    assert io_submit(context, []) == 0


@needs(kernel=(6, 4))  # before that pipes do not know the flag
def test_io_submit04(context, pipe):
    """A read of an empty pipe with RWF_NOWAIT completes at once, with EAGAIN."""
    read = Iocb(IOCB_CMD_PREAD, pipe[0], bytearray(100), rw_flags=RWF_NOWAIT)
    assert io_submit(context, [read]) == 1
    (event,) = io_getevents(context, 1, 1, 10**9)
    assert event.res == -errno.EAGAIN


def test_io_getevents01():
    """A context of 0 is refused."""
    with pytest.raises(InvalidArgument, match="0x0 is not a context"):
        io_getevents(0, 0, 0)


def test_io_getevents02(context):
    """So is a number of events that is negative, or less than is waited for."""
    assert raises(GETEVENTS, errno.EINVAL, lib.io_getevents(0, 0, 0, ffi.NULL, -1), context=0, min_nr=0, nr=0)
    for least, most in ((-1, 1), (2, 1), (0, -1)):
        with pytest.raises(InvalidArgument, match="min_nr must not be negative"):
            io_getevents(context, least, most, 0)


def test_io_destroy01():
    """A context that there is not is refused, and one that is destroyed too."""
    with pytest.raises(InvalidArgument, match="0xffffffffffffffff is not a context"):
        io_destroy(2**64 - 1)
    assert raises(DESTROY, errno.EINVAL, lib.io_destroy(2**64 - 1), context=2**64 - 1)


def test_io_cancel01():
    """An operation at no address is refused."""
    assert raises(CANCEL, errno.EFAULT, lib.io_cancel(0, ffi.NULL))


def test_io_cancel02(context, pipe):
    """An operation that is not under way cannot be cancelled; a poll can, once."""
    with pytest.raises(InternalError):
        CANCEL.check(lib.io_cancel(context, pointer("butter_iocb *")))
    poll = Iocb(IOCB_CMD_POLL, pipe[0], select.POLLIN)
    with pytest.raises(InvalidArgument, match="never submitted"):
        io_cancel(context, poll)
    io_submit(context, [poll])
    io_cancel(context, poll)
    assert len(io_getevents(context, 1, 1)) == 1


@needs(kernel=(4, 18))
def test_io_pgetevents01(context, tmp_path):
    """With a set of no signals the event of a write comes."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    write = Iocb(IOCB_CMD_PWRITE, fd, bytes(4096))
    io_submit(context, [write])
    (event,) = io_pgetevents(context, 1, 1, 10**9, ())
    assert event.res == 4096
    os.close(fd)


@needs(kernel=(4, 18))
@pytest.mark.parametrize("sigmask", [(), signal.SIGUSR1, [signal.SIGUSR1, signal.SIGUSR2]])
def test_io_pgetevents02(context, sigmask):
    """Where nothing comes the call returns nothing when its time is over."""
    assert io_pgetevents(context, 1, 1, 1_000_000, sigmask) == []
