"""Pipes on this kernel: their ends, sizes, packets and content."""

import array
import copy
import errno
import fcntl
import os

import pytest
import support
from support import alarms, in_child

from butter.errors import InvalidArgument
from butter.pipe import (
    O_DIRECT,
    O_NONBLOCK,
    O_NOTIFICATION_PIPE,
    PIPE_BUF,
    Pipe,
    PipeReader,
    PipeWriter,
    get_buffered_length,
    get_pipe_size,
    pipe2,
    set_pipe_size,
)

PAGE = os.sysconf("SC_PAGE_SIZE")


def test_bytes_of_a_pipe():
    """The reader gets what the writer wrote, and at the end nothing."""
    with Pipe() as pipe:
        assert pipe.writer.write(b"butter") == 6
        assert pipe.writer.write(array.array("i", [1, 2])) == 8
        assert pipe.buffered_length == pipe.reader.buffered_length == pipe.writer.buffered_length == 14
        assert pipe.reader.read(6) == b"butter"
        assert pipe.reader.read() == array.array("i", [1, 2]).tobytes()
        assert get_buffered_length(pipe.reader) == 0
        pipe.writer.close()
        assert pipe.reader.read() == b""


def test_a_write_that_a_handler_interrupts():
    """A write that waits ends with what it has written once a handler has run."""
    with Pipe(size=PAGE) as pipe, alarms(support.when_waiting(lambda *_: None)):
        assert pipe.writer.write(bytes(20 * PAGE)) == PAGE


def test_reads_of_more_than_memory():
    """A read asks for no more room than a pipe has."""
    with Pipe() as pipe:
        pipe.writer.write(b"toast")
        assert pipe.reader.read(2**63 - 1) == b"toast"


def test_a_pipe_is_not_copied():
    """A pipe cannot be copied, and one without descriptors is closed."""
    with Pipe() as pipe, pytest.raises(TypeError, match="cannot copy or pickle 'Pipe'"):
        copy.copy(pipe)
    made = Pipe.__new__(Pipe)
    assert made.closed()
    assert "reader=<PipeReader" in repr(made)
    with made:
        pass


def test_ends_of_a_pipe():
    """The two ends are the descriptors of one pipe, each open for its own use."""
    with Pipe() as pipe:
        assert type(pipe.reader) is PipeReader
        assert type(pipe.writer) is PipeWriter
        assert os.fstat(pipe.reader.fileno()).st_ino == os.fstat(pipe.writer.fileno()).st_ino
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(pipe.reader.fileno(), b"x")
        reading, writing = pipe.reader.fileno(), pipe.writer.fileno()
        assert repr(pipe) == f"<Pipe reader=<PipeReader fd={reading}> writer=<PipeWriter fd={writing}>>"
    assert pipe.closed()
    for fd in (reading, writing):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_with_closes_what_is_open():
    """An end may be closed, or taken over, before the block ends."""
    with Pipe() as pipe:
        pipe.reader.close()
        assert not pipe.closed()
        taken = PipeWriter.adopt(pipe.writer)
        assert pipe.closed()
    assert not taken.closed()
    taken.close()


def test_closed_pipe():
    """A pipe whose ends are closed refuses work with ValueError."""
    pipe = Pipe()
    pipe.close()
    for use in (
        pipe.close,
        lambda: pipe.size,
        lambda: pipe.buffered_length,
        pipe.reader.read,
        lambda: pipe.writer.write(b"x"),
        pipe.writer.open,
    ):
        with pytest.raises(ValueError, match="closed file"):
            use()


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_forgotten_pipe():
    """Each end that was not closed warns, and is closed."""
    box = [Pipe()]
    ends = box[0].reader.fileno(), box[0].writer.fileno()
    with pytest.warns(ResourceWarning) as caught:
        support.forget(box)
    assert {str(each.message) for each in caught} == {
        f"unclosed <PipeReader fd={ends[0]}>",
        f"unclosed <PipeWriter fd={ends[1]}>",
    }


def test_flags_of_a_pipe():
    """The flags are those of both ends."""
    with Pipe(O_NONBLOCK, closefd=False) as pipe:
        for end in (pipe.reader, pipe.writer):
            assert os.get_inheritable(end.fileno())
            assert fcntl.fcntl(end.fileno(), fcntl.F_GETFL) & O_NONBLOCK
        with pytest.raises(BlockingIOError, match="the pipe is empty"):
            pipe.reader.read()
        pipe.writer.write(bytes(pipe.size))
        with pytest.raises(BlockingIOError, match="the pipe is full"):
            pipe.writer.write(b"x")
        pipe.reader.close()
        with pytest.raises(BrokenPipeError, match="does not have a reader any more"):
            pipe.writer.write(b"x")


def test_packets():
    """With O_DIRECT a read takes one packet, and loses what its buffer cannot hold."""
    with Pipe(O_DIRECT) as pipe:
        pipe.writer.write(b"first")
        pipe.writer.write(b"second")
        pipe.writer.write(bytes(PIPE_BUF + 1))
        assert pipe.buffered_length == 11 + PIPE_BUF + 1
        assert pipe.reader.read() == b"first"
        assert pipe.reader.read(3) == b"sec"
        assert len(pipe.reader.read()) == PIPE_BUF
        assert len(pipe.reader.read()) == 1


def test_notifications():
    """A pipe of notifications is made, or the error says why this kernel has none."""
    try:
        pipe = Pipe(O_NOTIFICATION_PIPE)
    except OSError as error:
        # an older kernel does not know the flag
        reason = {errno.ENOPKG: "without CONFIG_WATCH_QUEUE", errno.EINVAL: r"does not know O_NOTIFICATION_PIPE"}
        with pytest.raises(OSError, match=reason[error.errno]):
            raise
    else:
        with pipe, pytest.raises(OSError, match="only the kernel writes"):
            pipe.writer.write(b"x")


def test_sizes():
    """A size is rounded up to a power of two of pages, and is that of both ends."""
    with Pipe(size=3 * PAGE) as pipe:
        assert pipe.size == pipe.reader.size == pipe.writer.size == 4 * PAGE
        pipe.writer.size = 0
        assert pipe.size == PAGE
        pipe.size = PAGE + 1
        assert pipe.reader.size == 2 * PAGE
        assert set_pipe_size(pipe.reader, 8 * PAGE) == get_pipe_size(pipe.writer) == 8 * PAGE
        pipe.reader.close()
        assert pipe.size == 8 * PAGE


def test_size_that_fails_leaves_nothing_open():
    """Where the size is refused, both ends are closed again."""
    before = support.descriptors()
    with pytest.raises((InvalidArgument, OSError)):
        Pipe(size=2**32 - 1)
    assert support.descriptors() == before
    for wrong, error in (("1", TypeError), (-1, ValueError), (2**32, ValueError)):
        with pytest.raises(error, match="size"):
            Pipe(size=wrong)
    assert support.descriptors() == before


def test_files_on_the_ends():
    """A Python file on an end works with text, and leaves the end open."""
    with Pipe() as pipe:
        with pipe.writer.open("t", encoding="utf-8") as file:
            file.write("Käse\n")
        assert not pipe.writer.closed()
        with pipe.reader.open("t", encoding="utf-8") as file:
            assert file.readline() == "Käse\n"
        with pipe.writer.open(buffering=0) as file:
            file.write(b"raw")
        assert pipe.reader.read() == b"raw"


def test_adopted_ends(tmp_path):
    """An end is adopted as what it is open for, also that of a FIFO."""
    reading, writing = pipe2()
    with pytest.raises(InvalidArgument, match="is not a writing end of a pipe"):
        PipeWriter.adopt(reading)
    with pytest.raises(InvalidArgument, match="is not a reading end of a pipe"):
        PipeReader.adopt(writing)
    with PipeReader.adopt(reading) as reader, PipeWriter.adopt(writing) as writer:
        writer.write(b"x")
        assert reader.read() == b"x"
    os.mkfifo(tmp_path / "fifo")
    both = os.open(tmp_path / "fifo", os.O_RDWR)
    with PipeReader.adopt(both) as reader, PipeWriter.adopt(os.dup(both)) as writer:
        writer.write(b"y")
        assert reader.read() == b"y"


def test_ends_for_a_program():
    """The ends are the standard input and output of a program."""

    def body():
        with Pipe() as there, Pipe() as back:
            if os.fork() == 0:
                os.dup2(there.reader.fileno(), 0)
                os.dup2(back.writer.fileno(), 1)
                os.execvp("cat", ["cat"])
            there.reader.close()
            back.writer.close()
            there.writer.write(b"through")
            there.writer.close()
            assert back.reader.read() == b"through"
            assert back.reader.read() == b""
            os.wait()

    in_child(body)
