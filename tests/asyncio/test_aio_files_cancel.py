"""Calls of files that are cancelled, and files that are closed meanwhile."""

import os
import random

import pytest
import trio
from features import LONG
from files import BACKENDS, Told, everywhere, files, sleep, step
from loops import TOO_LATE, finished, start, turn, under_trio, within

PAGE = 4096


@everywhere
async def test_cancelled_reads(backend, tmp_path):
    """A cancelled read leaves the position, and no byte is lost or read twice."""
    lines = [b"%d\n" % number for number in range(10_000)]
    (tmp_path / "file").write_bytes(b"".join(lines))
    found = []
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        for turns in list(range(8)) * 4:
            before = await file.tell()
            call = Told(file.readline)
            await call.cancel(turns)
            if call.cancelled:
                assert await file.tell() == before
            else:
                found.append(call.result)
        found += [line async for line in file]
        await file.seek(0)
        for turns in range(8):
            before = await file.tell()
            call = Told(file.read, 100)
            await call.cancel(turns)
            assert await file.tell() == (before if call.cancelled else before + 100)
    assert found == lines


@everywhere
async def test_cancelled_writes(backend, tmp_path):
    """A cancelled write tells how many bytes it has written to the file."""
    chance, expected = random.Random(1), b""
    async with files().open(tmp_path / "file", "wb", buffering=0, backend=backend) as file:
        for turns in list(range(8)) * 4:
            part = os.urandom(chance.choice([1, 100, 100_000]))
            call = Told(file.write, part)
            await call.cancel(turns)
            expected += part[: (call.written or 0) if call.cancelled else call.result]
            assert await file.tell() == len(expected)
    assert (tmp_path / "file").read_bytes() == expected


@everywhere
async def test_cancelled_writes_of_buffers(backend, tmp_path):
    """With a buffer a write that is cancelled is in the file as far as it tells."""
    chance, expected = random.Random(2), b""
    async with files().open(tmp_path / "file", "wb", backend=backend) as file:
        for turns in list(range(8)) * 4:
            part = os.urandom(chance.choice([1, 100, 8192, 100_000]))
            call = Told(file.write, part)
            await call.cancel(turns)
            expected += part[: (call.written or 0) if call.cancelled else call.result]
    assert (tmp_path / "file").read_bytes() == expected


@everywhere
async def test_cancelled_calls_of_other_kinds(backend, tmp_path):
    """Each other call can be cancelled at each wait, and the file still works."""
    content = os.urandom(1 << 16)
    (tmp_path / "file").write_bytes(content)
    async with files().open(tmp_path / "file", "r+b", backend=backend) as file:
        for turns in range(6):
            for call in (
                lambda: file.pread(PAGE, 0),
                lambda: file.readinto(bytearray(PAGE)),
                lambda: file.pwrite(content[:PAGE], 0),
                lambda: file.seek(0, 2),
                lambda: file.truncate(1 << 16),
                lambda: file.flush(),
                lambda: file.fsync(),
                lambda: file.fdatasync(),
                lambda: file.stat(),
                lambda: files().stat(tmp_path / "file", backend=backend),
                lambda: files().scandir(tmp_path, backend=backend),
                lambda: files().read_file(tmp_path / "file", backend=backend),
            ):
                await Told(call).cancel(turns)
        await file.seek(0)
        assert await file.read() == content


@everywhere
async def test_cancelled_opens(backend, tmp_path):
    """An open that is cancelled leaves no descriptor, which the fixture sees."""
    (tmp_path / "file").write_bytes(b"x")
    for turns in list(range(8)) * 3:

        async def read():
            async with files().open(tmp_path / "file", "rb", backend=backend) as file:
                return await file.read()

        call = Told(read)
        await call.cancel(turns)
        assert call.cancelled or call.result == b"x"


@everywhere
async def test_a_cancelled_write_file(backend, tmp_path):
    """A cancelled write_file leaves the old content or the new, and no other file."""
    path, old, new = tmp_path / "file", b"old" * 1000, b"new" * 50_000
    seen = set()
    for turns in list(range(12)) * 2:
        path.write_bytes(old)
        call = Told(files().write_file, path, new, backend=backend)
        await call.cancel(turns)
        content = path.read_bytes()
        assert content in (old, new)
        assert call.cancelled or content == new
        seen.add(content == new)
        assert os.listdir(tmp_path) == ["file"]


@everywhere
async def test_a_read_of_an_empty_pipe(backend, tmp_path):
    """A read that waits for bytes stops neither the loop nor other calls."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_bytes(b"x")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    try:
        async with files().open(tmp_path / "fifo", "rb", buffering=0, backend=backend) as file:
            calls = [Told(file.read, 3) for _ in range(3)]
            await turn(3)
            for _ in range(20):
                assert await within(LONG, files().read_file(tmp_path / "file", backend=backend)) == b"x"
            assert not any(call.task.done() for call in calls)
            os.write(writer, b"abc")
            os.write(writer, b"def")
            os.write(writer, b"ghi")
            await finished([call.task for call in calls])
            assert sorted(call.result for call in calls) == [b"abc", b"def", b"ghi"]
            call = Told(file.read, 3)
            await turn(3)
            call.task.cancel()
            if backend != "uring":
                os.write(writer, b"jkl")  # a thread cannot be interrupted
            await finished([call.task])
            if not call.cancelled:
                assert call.result == b"jkl"
    finally:
        os.close(writer)


@everywhere
async def test_close_waits(backend, tmp_path):
    """close waits for the operations under way, which then have their results."""
    content = os.urandom(100 * PAGE)
    (tmp_path / "file").write_bytes(content)
    for turns in range(4):
        file = await files().open(tmp_path / "file", "r+b", backend=backend)
        reads = [start(file.pread(PAGE, number * PAGE)) for number in range(50)]
        writes = [start(file.pwrite(content[:PAGE], 0)) for _ in range(5)]
        await step(turns)
        await file.close()
        assert file.closed
        await finished(reads + writes)
        for number, task in enumerate(reads):
            # a task that has not begun finds a closed file
            error = task.exception()
            assert isinstance(error, ValueError) or task.result() == content[number * PAGE :][:PAGE]
        for task in writes:
            assert isinstance(task.exception(), ValueError) or task.result() == PAGE
        if turns > 1:
            assert not all(task.exception() for task in reads)


@everywhere
async def test_a_cancelled_close(backend, tmp_path):
    """A close that is cancelled has closed the file, with all that was written."""
    for turns in range(6):
        file = await files().open(tmp_path / "file", "wb", backend=backend)
        await file.write(b"x" * 100)
        call = Told(file.close)
        await call.cancel(turns)
        if not file.closed:  # the task had not begun
            await file.close()
        assert (tmp_path / "file").read_bytes() == b"x" * 100


@everywhere
async def test_a_cancelled_block(backend, tmp_path):
    """A block that is cancelled closes its file, and writes what was in its buffer."""

    async def write():
        async with files().open(tmp_path / "file", "wb", backend=backend) as file:
            await file.write(b"x" * 100)
            ready.append(file)
            await sleep(LONG)

    ready = []
    task = start(write())
    while not ready:
        await turn()
    task.cancel()
    await finished([task])
    assert ready[0].closed
    assert (tmp_path / "file").read_bytes() == b"x" * 100


@everywhere
async def test_a_timeout(backend, tmp_path):
    """A timeout around a call ends it, as a cancellation does."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    if backend != "uring":
        os.write(writer, b"x")
    try:
        async with files().open(tmp_path / "fifo", "rb", buffering=0, backend=backend) as file:
            if backend != "uring":
                assert await within(LONG, file.read(1)) == b"x"
            else:
                with pytest.raises((TimeoutError, *TOO_LATE)):
                    await within(0.01, file.read(1))
    finally:
        os.close(writer)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pause", [0, 0.02])
@under_trio
async def test_calls_in_a_cancelled_scope(backend, pause, tmp_path):
    """Under trio each call is a checkpoint, whether or not it would wait."""
    (tmp_path / "file").write_bytes(b"x" * PAGE)
    async with files().open(tmp_path / "file", "r+b", backend=backend) as file:
        for name, *args in (
            ("read", 1),
            ("read",),
            ("readline",),
            ("pread", 1, 0),
            ("readinto", bytearray(1)),
            ("write", b"x"),
            ("pwrite", b"x", 0),
            ("seek", 0),
            ("tell",),
            ("truncate", PAGE),
            ("flush",),
            ("fsync",),
            ("stat",),
        ):
            await trio.sleep(pause)
            with trio.CancelScope() as scope:
                scope.cancel()
                await getattr(file, name)(*args)
            assert scope.cancelled_caught, name
        for name, *args in (("stat", "file"), ("read_file", "file"), ("scandir", "."), ("mkdir", "new")):
            await trio.sleep(pause)
            with trio.CancelScope() as scope:
                scope.cancel()
                await getattr(files(), name)(tmp_path / args[0], backend=backend)
            assert scope.cancelled_caught, name
    async with files().open(tmp_path / "file", "r+", backend=backend) as file:
        assert await file.read(1) == "x"  # and the rest is decoded
        calls = (("read", 1), ("readline",), ("tell",), ("write", "x"), ("seek", 0), ("truncate",), ("flush",))
        for name, *args in calls:
            await trio.sleep(pause)
            with trio.CancelScope() as scope:
                scope.cancel()
                await getattr(file, name)(*args)
            assert scope.cancelled_caught, name
    assert os.listdir(tmp_path) == ["file"]
