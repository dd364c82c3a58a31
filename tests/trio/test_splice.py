"""copy under trio: it waits in the run, and whatever ends it loses no byte."""

import errno
import fcntl
import functools
import gc
import os
import socket

import pytest
import support
import trio
import trio.testing
from loops import finished, start, turn, under_trio

from butter.splice import NoReader
from butter.trio.splice import copy

Pipe = functools.partial(support.Pipe, os.O_NONBLOCK)
sockets = functools.partial(support.sockets, blocking=False)


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


@under_trio
async def test_a_proxy():
    """Two copies move bytes both ways between the same two sockets."""

    async def one_way(source, target):
        moved = await copy(source, target)
        target.shutdown(socket.SHUT_WR)
        return moved

    async def told(end):
        await trio.lowlevel.wait_readable(end)
        return end.recv(100)

    with sockets("tcp") as (client, front), sockets("tcp") as (back, server):
        ways = [start(one_way(front, back)), start(one_way(back, front))]
        client.send(b"question")
        assert await told(server) == b"question"
        server.send(b"an answer")
        assert await told(client) == b"an answer"
        client.shutdown(socket.SHUT_WR)
        assert await told(server) == b""
        server.shutdown(socket.SHUT_WR)
        assert await told(client) == b""
        await finished(ways)
        assert [way.result() for way in ways] == [8, 9]


@under_trio
async def test_files_and_arguments(tmp_path):
    """A copy of files is a checkpoint, has its arguments, and lets other tasks run."""
    data = bytes(range(256)) * 12_000
    (tmp_path / "in").write_bytes(data)
    told = []
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "w+b") as target:
        with trio.testing.assert_checkpoints():
            assert await copy(source, target, 1_000_000, 256, 10, told.append) == 1_000_000
        with trio.testing.assert_checkpoints():
            assert await copy(source, target, 0) == 0
    assert (tmp_path / "out").read_bytes() == bytes(10) + data[:1_000_000]
    assert told[-1] == 1_000_000
    turns = []
    with open("/dev/zero", "rb") as zero, open(tmp_path / "out", "wb") as target:
        os.set_blocking(zero.fileno(), False)
        task = start(copy(zero, target, 64 << 20))
        while not task.done():
            await trio.lowlevel.checkpoint()
            turns.append(1)
        assert task.result() == 64 << 20
    assert len(turns) > 50


@pytest.mark.parametrize("full", [False, True], ids=["input", "room"])
@under_trio
async def test_cancelled(full):
    """A cancelled copy tells what it moved and holds; the run forgets its numbers."""
    with Pipe() as source, Pipe() as target:
        if full:
            # as large as a copy makes it, so that it stays full
            fcntl.fcntl(target.writing, 1031, 1 << 20)  # F_SETPIPE_SZ
            os.write(target.writing, bytes(1 << 20))
        errors = []

        async def main():
            try:
                await copy(source.reading, target.writing)
            except trio.Cancelled as error:
                errors.append(error)
                raise

        os.write(source.writing, b"early")
        task = start(main())
        await turn(3)
        task.cancel()
        await finished([task])
        assert task.cancelled()
        [error] = errors
        if full:
            assert (error.moved, error.rest + drained(source.reading)) == (0, b"early")
        else:
            assert (error.moved, error.rest, drained(target.reading)) == (5, b"", b"early")
        for _ in range(3):
            with sockets() as (here, there):
                task = start(trio.lowlevel.wait_readable(there))
                await turn()
                assert not task.done()
                here.send(b"bytes")
                await finished([task])


@under_trio
async def test_errors():
    """A blocking descriptor is refused, and a reader that goes away ends the copy."""
    with support.Pipe() as blocking, Pipe() as source, Pipe() as target:
        for fds in (blocking.reading, target.writing), (source.reading, blocking.writing):
            with pytest.raises(ValueError, match="set_blocking"):
                await copy(*fds)
        task = start(copy(source.reading, target.writing))
        await turn()
        target.close_reading()
        os.write(source.writing, b"bytes")
        await finished([task])
        assert isinstance(task.exception(), NoReader)
        assert (task.exception().moved, task.exception().errno) == (0, errno.EPIPE)


@under_trio
async def test_a_forked_child_leaves_its_parent_alone():
    """A child that drops the copy leaves the parent's reader and bytes alone."""
    with Pipe() as source, Pipe() as target:
        coroutine = copy(source.reading, target.writing, 5)
        task = start(coroutine)
        await turn()

        def child():
            coroutine.close()
            gc.collect()

        support.in_child(child)
        os.write(source.writing, b"bytes")
        await finished([task])
        assert task.result() == 5
        assert drained(target.reading) == b"bytes"
