"""copy under load: every byte arrives once and in its order."""

import array
import asyncio
import os
import random
import signal
import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest
import support
from loops import both, run
from support import read_all, write_all

from butter.asyncio.splice import copy as copy_async
from butter.splice import Transfer, copy

pytestmark = pytest.mark.stress

# each word is its own place, so that a byte that is lost, doubled or moved shows
DATA = array.array("I", range(8_000_000)).tobytes()


class Interrupted(Exception):
    pass


def ends(kind):
    """``(end to write, end to read)`` of a new stream, which the caller closes."""
    if kind == "pipe":
        return os.pipe()[::-1]
    with support.sockets(kind) as pair:
        return tuple(end.detach() for end in pair)


@contextmanager
def fed(kind, data):
    """A descriptor from which *data* can be read, written by a thread."""
    writing, reading = ends(kind)

    def feed():
        try:
            write_all(writing, data)
        finally:
            os.close(writing)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield reading
    finally:
        os.close(reading)
        thread.join()


@contextmanager
def collected(kind, parts):
    """A descriptor that takes bytes; a thread reads them into *parts*."""
    writing, reading = ends(kind)
    thread = threading.Thread(target=lambda: parts.append(read_all(reading)))
    thread.start()
    try:
        yield writing
    finally:
        os.close(writing)
        thread.join()
        os.close(reading)


@pytest.mark.parametrize("target", ["pipe", "unix", "tcp"])
@pytest.mark.parametrize("source", ["pipe", "unix", "tcp"])
def test_interruptions_lose_nothing(source, target):
    """Copies that a handler ends every millisecond add up to the whole."""

    def handler(_, frame):
        # never when a copy has just begun, or is ending: that would not show whether it
        # was interrupted
        steps = frame.f_code is Transfer.step.__code__
        waits = frame.f_code is copy.__code__ and frame.f_locals.get("blocked")
        if armed and (steps or waits):
            armed.clear()
            raise Interrupted

    def interrupted_copy():
        """Copy all of DATA; how often that was interrupted."""
        moved, interruptions, ended, parts = 0, 0, False, []
        before = signal.signal(signal.SIGALRM, handler)
        try:
            with fed(source, DATA) as fd_in, collected(target, parts) as fd_out:
                signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
                while not ended:
                    try:
                        armed.append(1)
                        moved += copy(fd_in, fd_out)
                        ended = True
                    except Interrupted as error:
                        write_all(fd_out, error.rest)
                        moved += error.moved + len(error.rest)
                        interruptions += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert moved == len(DATA)
        assert parts == [DATA]
        return interruptions

    armed = []
    # on a busy machine a whole copy may run between two signals
    assert any(interrupted_copy() for _ in range(100))


def test_random_copies():
    """Pieces of any size between files, pipes and sockets, under a handler."""
    chance = random.Random(3)
    ticks = []
    before = signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(3000):
            size = chance.choice([0, 1, 4095, 4096, 65537, chance.randrange(1 << 22)])
            start = chance.randrange(len(DATA) - size)
            data, parts = DATA[start : start + size], []
            source, target = (chance.choice(["file", "pipe", "unix", "tcp"]) for _ in "ab")
            count = chance.choice([None, size, size + 1, chance.randrange(size + 1)])
            with ExitStack() as stack:
                if source == "file":
                    fd_in = os.memfd_create("source")
                    stack.callback(os.close, fd_in)
                    os.pwrite(fd_in, data, 0)
                else:
                    fd_in = stack.enter_context(fed(source, data))
                rest = []
                # before the source is closed: its writer waits until the rest is read
                stack.callback(lambda fd_in=fd_in, rest=rest: rest.append(read_all(fd_in)))
                if target == "file":
                    fd_out = os.memfd_create("target")
                    stack.callback(os.close, fd_out)
                    moved = copy(fd_in, fd_out, count)
                    parts.append(os.pread(fd_out, size + 1, 0))
                else:
                    with collected(target, parts) as fd_out:
                        moved = copy(fd_in, fd_out, count)
            assert moved == (size if count is None else min(size, count))
            assert parts[0] == data[:moved]
            assert parts[0] + rest[0] == data
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ticks


def test_copies_leave_nothing_behind():
    """Ten thousand copies of each way to copy keep no descriptor."""
    before = support.descriptors()
    with socket.socket() as lonely:
        here, there = socket.socketpair()
        reading, writing = os.pipe()
        memfd = os.memfd_create("file")
        appending = os.open("/dev/null", os.O_WRONLY | os.O_APPEND)
        os.pwrite(memfd, b"bytes", 0)
        for _ in range(10_000):
            assert copy(memfd, memfd, 5, 0, 5) == 5
            assert copy(memfd, here, 5, 0) == 5
            assert copy(there, writing, 5) == 5
            assert copy(reading, memfd, 5, None, 0) == 5
            assert copy(memfd, here, 5, 0) == 5
            assert copy(there, memfd, 5, None, 5) == 5
            assert copy(memfd, appending, 10, 0) == 10
            with pytest.raises(OSError, match=r"connected|no reader"):
                copy(memfd, lonely, 5, 0)
        for end in (here, there):
            end.close()
        for fd in (reading, writing, memfd, appending):
            os.close(fd)
    assert support.descriptors() == before


@both
@pytest.mark.parametrize("target", ["pipe", "unix", "tcp"])
@pytest.mark.parametrize("source", ["pipe", "unix", "tcp"])
def test_cancellations_lose_nothing(kind, source, target):
    """A copy that is cancelled after a few turns, and begun anew, moves the whole."""

    async def piece(fd_in, fd_out):
        try:
            return await copy_async(fd_in, fd_out), b"", True
        except asyncio.CancelledError as error:
            return error.moved, error.rest, False

    async def main(fd_in, fd_out):
        loop, chance = asyncio.get_running_loop(), random.Random(5)
        moved = cancellations = 0
        while True:
            task = asyncio.ensure_future(piece(fd_in, fd_out))
            for _ in range(chance.randrange(1, 5)):
                await asyncio.sleep(0)
            if not task.done() and not chance.randrange(3):
                await asyncio.wait([task], timeout=0.0005)
            task.cancel()
            try:
                count, rest, ended = await task
            except asyncio.CancelledError:
                # cancelled before it began
                count, rest, ended = 0, b"", False
            moved += count + len(rest)
            if ended:
                return moved, cancellations
            cancellations += 1
            os.set_blocking(fd_out, True)
            await loop.run_in_executor(None, write_all, fd_out, rest)
            os.set_blocking(fd_out, False)

    parts = []
    with fed(source, DATA) as fd_in, collected(target, parts) as fd_out:
        os.set_blocking(fd_in, False)
        os.set_blocking(fd_out, False)
        moved, cancellations = run(main(fd_in, fd_out), kind)
    assert moved == len(DATA)
    assert parts == [DATA]
    assert cancellations > 3


@both
def test_many_proxies_at_once(kind):
    """A hundred connections through one loop, both ways, get their own bytes."""

    async def one_way(fd_in, fd_out):
        moved = await copy_async(fd_in, fd_out)
        fd_out.shutdown(socket.SHUT_WR)
        return moved

    async def talk(loop, end, sent, expected):
        async def send():
            await loop.sock_sendall(end, sent)
            end.shutdown(socket.SHUT_WR)

        async def receive():
            got = bytearray()
            while part := await loop.sock_recv(end, 1 << 18):
                got += part
            assert got == expected

        await asyncio.gather(send(), receive())

    async def connection(number):
        loop = asyncio.get_running_loop()
        question = DATA[number * 4000 : number * 4000 + 700_000]
        answer = DATA[number * 8000 : number * 8000 + 900_000]
        with support.sockets("tcp", False) as (client, front), support.sockets("unix", False) as (back, server):
            moved = await asyncio.gather(
                one_way(front, back),
                one_way(back, front),
                talk(loop, client, question, answer),
                talk(loop, server, answer, question),
            )
        assert moved[:2] == [len(question), len(answer)]

    async def main():
        await asyncio.gather(*map(connection, range(100)))

    run(main(), kind)
