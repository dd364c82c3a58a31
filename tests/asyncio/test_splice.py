"""copy as an awaitable: it waits in the loop, and whatever ends it loses no byte."""

import asyncio
import errno
import fcntl
import functools
import gc
import os
import select
import socket
from contextlib import ExitStack, contextmanager

import pytest
import support
from loops import MODES, both, run, turn

import butter.splice
from butter.asyncio.splice import copy
from butter.errors import InvalidArgument
from butter.splice import NoReader

DATA = bytes(range(256)) * 12_000  # 3 MB


Pipe = functools.partial(support.Pipe, os.O_NONBLOCK)
sockets = functools.partial(support.sockets, blocking=False)


@contextmanager
def stream(kind, small=False):
    """``(end to write, end to read, a function that closes the first)``.

    A *small* one never holds all of DATA.
    """
    if kind == "pipe":
        with Pipe() as pipe:
            if small:
                fcntl.fcntl(pipe.writing, 1031, 8192)  # F_SETPIPE_SZ
            yield pipe.writing, pipe.reading, pipe.close_writing
    else:
        with sockets(kind) as (here, there):
            if small:
                here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50_000)
                there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
            yield here.fileno(), there.fileno(), here.close


async def read_all(fd):
    """All bytes of a non-blocking descriptor until its end."""
    loop, data = asyncio.get_running_loop(), b""
    own = os.dup(fd)
    try:
        while True:
            try:
                part = os.read(own, 1 << 20)
            except BlockingIOError:
                ready = asyncio.Event()
                loop.add_reader(own, ready.set)
                await ready.wait()
                loop.remove_reader(own)
                continue
            data += part
            if not part:
                return data
    finally:
        os.close(own)


async def write_all(fd, data, end):
    """Write *data* to a non-blocking descriptor, then call *end*."""
    loop, view = asyncio.get_running_loop(), memoryview(data)
    own = os.dup(fd)
    try:
        while view:
            try:
                view = view[os.write(own, view) :]
            except BlockingIOError:
                ready = asyncio.Event()
                loop.add_writer(own, ready.set)
                await ready.wait()
                loop.remove_writer(own)
    finally:
        os.close(own)
    end()


def drained(fd):
    """The bytes that a non-blocking descriptor holds now."""
    data = b""
    while True:
        try:
            part = os.read(fd, 1 << 20)
        except BlockingIOError:
            return data
        if not part:
            return data
        data += part


@both
@pytest.mark.parametrize("target", ["unix", "tcp", "pipe", "file"])
@pytest.mark.parametrize("source", ["unix", "tcp", "pipe", "file"])
async def test_copy_between(tmp_path, source, target):
    """Pipes, sockets and files are copied to each other, whole and in order."""
    (tmp_path / "in").write_bytes(DATA)
    with ExitStack() as stack:
        fd_in = stack.enter_context(open(tmp_path / "in", "rb"))
        fd_out = stack.enter_context(open(tmp_path / "out", "w+b"))
        file, reading, feeding = fd_out, None, None
        if source != "file":
            end, fd_in, close = stack.enter_context(stream(source))
            feeding = asyncio.ensure_future(write_all(end, DATA, close))
        if target != "file":
            fd_out, end, close = stack.enter_context(stream(target))
            reading = asyncio.ensure_future(read_all(end))
        assert await copy(fd_in, fd_out) == len(DATA)
        if feeding:
            await feeding
        if reading:
            close()
        assert (await reading if reading else os.pread(file.fileno(), len(DATA) + 1, 0)) == DATA


@both
@pytest.mark.parametrize("mode", MODES)
def test_a_proxy(kind, mode):
    """Two copies move bytes both ways between the same two sockets."""

    async def one_way(source, target):
        moved = await copy(source, target)
        target.shutdown(socket.SHUT_WR)
        return moved

    async def main():
        loop = asyncio.get_running_loop()
        with sockets("tcp") as (client, front), sockets("tcp") as (back, server):
            proxy = asyncio.gather(one_way(front, back), one_way(back, front))
            await loop.sock_sendall(client, b"question")
            assert await loop.sock_recv(server, 100) == b"question"
            await loop.sock_sendall(server, b"an answer")
            assert await loop.sock_recv(client, 100) == b"an answer"
            client.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(server, 100) == b""
            server.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(client, 100) == b""
            return await proxy

    assert run(main(), kind, mode) == [8, 9]


@both
async def test_arguments_are_those_of_the_call(tmp_path):
    """count, offsets and progress mean what they mean to butter.splice.copy."""
    (tmp_path / "in").write_bytes(DATA)

    told = []
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "w+b") as target:
        assert await copy(source, target, 1_000_000, 256, 10, told.append) == 1_000_000
        assert (source.tell(), target.tell()) == (0, 0)
    assert (tmp_path / "out").read_bytes() == bytes(10) + DATA[:1_000_000]
    assert told == sorted(set(told))
    assert told[-1] == 1_000_000
    with sockets() as (here, there), Pipe() as pipe:
        here.send(b"0123456789")
        assert await copy(there, pipe.writing, count=4) == 4
        assert drained(pipe.reading) == b"0123"
        assert there.recv(10) == b"456789"


@both
async def test_other_tasks_have_their_turn(tmp_path):
    """A copy that never has to wait lets the loop go round."""
    with open("/dev/zero", "rb") as zero, open(tmp_path / "out", "wb") as target:
        os.set_blocking(zero.fileno(), False)
        task = asyncio.ensure_future(copy(zero, target, 64 << 20))
        turns = 0
        while not task.done():
            await turn()
            turns += 1
        assert await task == 64 << 20
    assert turns > 50


async def cancelled(fd_in, fd_out):
    """``(moved, rest)`` of a copy that is cancelled."""
    try:
        await copy(fd_in, fd_out)
    except asyncio.CancelledError as error:
        return error.moved, error.rest


@both
@pytest.mark.parametrize("source", ["pipe", "unix", "tcp"])
async def test_cancelled_while_it_waits_for_input(source):
    """A copy cancelled while nothing comes takes nothing, and tells what it moved."""
    with stream(source) as (writing, reading, _), Pipe() as target:
        task = asyncio.ensure_future(cancelled(reading, target.writing))
        os.write(writing, b"early")
        await turn(10)
        task.cancel()
        assert await task == (5, b"")
        os.write(writing, b"late")
        assert drained(target.reading) == b"early"
        # its reader is gone, and another copy takes over
        assert await copy(reading, target.writing, 4) == 4
        assert drained(target.reading) == b"late"


@both
@pytest.mark.parametrize("target", ["pipe", "unix", "tcp"])
@pytest.mark.parametrize("source", ["file", "pipe", "unix", "tcp"])
async def test_cancelled_while_it_waits_for_room(tmp_path, source, target):
    """moved, rest and the bytes left in the source are the whole, in this order."""
    (tmp_path / "in").write_bytes(DATA)
    with ExitStack() as stack:
        feeding = None
        if source == "file":
            fd_in = stack.enter_context(open(tmp_path / "in", "rb", buffering=0)).fileno()
        else:
            writing, fd_in, close = stack.enter_context(stream(source))
            feeding = asyncio.ensure_future(write_all(writing, DATA, close))
        fd_out, end, close_target = stack.enter_context(stream(target, small=True))
        task = asyncio.ensure_future(cancelled(fd_in, fd_out))
        await turn(200)
        task.cancel()
        moved, rest = await task
        left = await read_all(fd_in)
        if feeding:
            await feeding
        close_target()
        arrived = await read_all(end)
    assert 0 < moved < len(DATA)
    assert arrived == DATA[:moved]
    assert arrived + rest + left == DATA
    assert source != "file" or rest == b""


@both
async def test_a_reader_that_goes_away():
    """A target whose other end is closed ends a copy, waiting for room as well."""
    with Pipe() as source, Pipe() as target:
        os.write(source.writing, bytes(60_000))
        os.write(target.writing, bytes(65536))
        task = asyncio.ensure_future(copy(source.reading, target.writing))
        await turn(10)
        # the copy made it larger, so it is filled again
        os.write(target.writing, bytes(1 << 20))
        os.write(source.writing, b"more")
        await turn(10)
        assert not task.done()
        target.close_reading()
        with pytest.raises(NoReader) as caught:
            await task
        assert (caught.value.moved, caught.value.rest) == (60_000, b"")
        assert drained(source.reading) == b"more"


@both
@pytest.mark.parametrize("source", ["file", "pipe", "unix", "tcp"])
async def test_the_end_needs_no_room(tmp_path, source):
    """A source that ends when the target is full ends the copy."""
    (tmp_path / "in").write_bytes(bytes(8192))
    with ExitStack() as stack:
        target, _, _ = stack.enter_context(stream("pipe", small=True))
        if source == "file":
            fd_in = stack.enter_context(open(tmp_path / "in", "rb", buffering=0))
        else:
            writing, fd_in, close = stack.enter_context(stream(source))
            os.write(writing, bytes(8192))
        task = asyncio.ensure_future(copy(fd_in, target))
        await turn(10)
        if source != "file":
            close()
        assert await asyncio.wait_for(task, 10) == 8192


@both
async def test_what_never_gets_ready_is_refused():
    """A listening socket, or what has no write(), would be waited for for ever."""
    with Pipe() as pipe, socket.create_server(("127.0.0.1", 0)) as server, select.epoll() as epoll:
        for fds, number in (
            ((server, pipe.writing), errno.ENOTCONN),
            ((pipe.reading, server), errno.ENOTCONN),
            ((epoll, pipe.writing), errno.EINVAL),
            ((pipe.reading, epoll), errno.EINVAL),
        ):
            with pytest.raises(OSError, match="copy: ") as caught:
                await asyncio.wait_for(copy(*fds), 10)
            assert caught.value.errno == number


@both
async def test_closing_the_descriptors_does_not_end_it():
    """A copy uses duplicates: it never reads the next owner of a closed number."""
    with Pipe() as source, Pipe() as target:
        task = asyncio.ensure_future(copy(source.reading, target.writing))
        await turn(5)
        source.close_reading()
        with Pipe() as stranger:
            os.write(stranger.writing, b"not for us")
            os.write(source.writing, b"for us")
            source.close_writing()
            assert await task == 6
            assert drained(stranger.reading) == b"not for us"
        assert drained(target.reading) == b"for us"


@both
async def test_blocking_descriptors_are_refused(tmp_path):
    """A descriptor that would block the loop is a ValueError, unless it is a file."""
    out = tmp_path / "out"

    with support.Pipe() as blocking, Pipe() as pipe, socket.socket() as unconnected, open(out, "w+b") as file:
        for fds in ((blocking.reading, file), (file, blocking.writing), (unconnected, pipe.writing)):
            with pytest.raises(ValueError, match="set_blocking"):
                await copy(*fds)
        assert await copy(file, file, 0) == 0


@both
@pytest.mark.parametrize(
    ("arguments", "exception", "words"),
    [
        (("3", 4), TypeError, "fd must be an int"),
        ((-1, 1), InvalidArgument, "not open"),
        ((0, 2**31), ValueError, "it must be"),
        ((0, 1, -1), ValueError, "count is"),
        ((0, 1, None, -1), ValueError, "in_offset is"),
        ((0, 1, None, None, 1.0), TypeError, "out_offset must be"),
        ((0, 1, None, None, None, 1), TypeError, "progress must be"),
    ],
)
async def test_bad_arguments(arguments, exception, words):
    """The awaitable refuses the arguments that butter.splice.copy refuses."""
    with pytest.raises(exception, match=words):
        await copy(*arguments)


@support.alone
@both
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_no_descriptor_left(number):
    """A copy needs two descriptors of its own, and says so where there are none."""
    with Pipe() as source, Pipe() as target:
        support.inject("fcntl", number, first=source.reading)
        with pytest.raises(OSError, match=r"no descriptor left|no more files") as caught:
            await copy(source.reading, target.writing)
        assert (caught.value.errno, caught.value.moved) == (number, 0)


@both
async def test_it_is_the_loops_own_number():
    """A reader that the program has for the same descriptor stays, and is called."""
    loop = asyncio.get_running_loop()
    with sockets() as (here, there), Pipe() as target:
        called = asyncio.Event()
        loop.add_reader(there.fileno(), called.set)
        task = asyncio.ensure_future(copy(there, target.writing, 5))
        await turn(5)
        here.send(b"bytes")
        assert await task == 5
        await called.wait()
        loop.remove_reader(there.fileno())


@both
@pytest.mark.parametrize("full", [False, True], ids=["input", "room"])
async def test_its_numbers_are_free_again(full):
    """After a cancelled copy the loop knows none of its descriptors' numbers."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        source, target = stack.enter_context(Pipe()), stack.enter_context(Pipe())
        if full:
            os.write(source.writing, b"bytes")
            while True:
                try:
                    os.write(target.writing, bytes(4096))
                except BlockingIOError:
                    break
            # no copy makes this one larger
            fcntl.fcntl(target.writing, 1031, 1 << 17)
            os.write(target.writing, bytes(1 << 16))
        task = asyncio.ensure_future(copy(source.reading, target.writing))
        await turn(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(3):
            here, there = stack.enter_context(sockets())
            called = asyncio.Event()
            loop.add_writer(there.fileno(), called.set)
            await called.wait()
            loop.remove_writer(there.fileno())
            called.clear()
            loop.add_reader(there.fileno(), called.set)
            here.send(b"bytes")
            await called.wait()
            loop.remove_reader(there.fileno())


@both
async def test_a_forked_child_leaves_its_parent_alone():
    """A child that drops the copy leaves the parent's reader and bytes alone."""
    with Pipe() as source, Pipe() as target:
        coroutine = copy(source.reading, target.writing, 5)
        task = asyncio.ensure_future(coroutine)
        await turn(5)
        pid = os.fork()
        if pid == 0:
            try:
                coroutine.close()
            finally:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        os.write(source.writing, b"bytes")
        assert await task == 5
        assert drained(target.reading) == b"bytes"


@both
async def test_cancelled_before_its_first_step():
    """A copy that never ran has moved nothing, and its exception has no attributes."""
    with Pipe() as source, Pipe() as target:
        os.write(source.writing, b"bytes")
        task = asyncio.ensure_future(copy(source.reading, target.writing))
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert not {"moved", "rest"} & set(dir(caught.value))
        assert os.read(source.reading, 10) == b"bytes"


@both
def test_a_loop_closed_in_the_middle(kind):
    """A copy whose loop is gone is dropped in silence, with its descriptors."""
    with Pipe() as source, Pipe() as target:
        loop = kind()
        coroutine = copy(source.reading, target.writing)
        task = loop.create_task(coroutine)
        loop.run_until_complete(turn(5))
        loop.close()
        coroutine.close()
        # a task that is never finished complains when it is collected
        task._log_destroy_pending = False
        del task, coroutine
        gc.collect()
        before = support.descriptors()
        os.write(source.writing, b"bytes")
        assert butter.splice.copy(source.reading, target.writing, 5) == 5
        assert support.descriptors() == before


def test_it_needs_a_running_loop():
    """A copy can be made outside of a loop, but not run."""
    coroutine = copy(0, 1)
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)
