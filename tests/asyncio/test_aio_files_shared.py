"""Files that tasks, loops and other users of a descriptor share, and their end."""

import asyncio
import errno
import gc
import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from features import LONG
from files import BACKENDS, KINDS, Told, everywhere, files, in_asyncio, step
from loops import finished, run, turn, under_trio, within
from support import descriptors, in_child

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_backend = pytest.mark.parametrize("backend", BACKENDS)

BYTES = os.urandom(1 << 22)


# closing


@everywhere
async def test_two_closers(backend, tmp_path):
    """Each close returns when the file is closed, and all that was written is in it."""
    for turns in range(4):
        file = await files().open(tmp_path / "file", "wb", backend=backend)
        fd, write = file.fileno(), Told(file.write, BYTES)
        while not (file._active or write.task.done()):
            await turn()
        first = Told(file.close)
        await step(turns)
        await file.close()
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
        assert os.path.getsize(tmp_path / "file") == len(BYTES)
        await finished([write.task, first.task])
        assert first.error is write.error is None
        assert file.closed
        await file.close()


@everywhere
async def test_closers_that_are_cancelled(backend, tmp_path):
    """A closer that is cancelled does not keep another one from its end."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    file = await files().open(tmp_path / "fifo", "rb", buffering=0, backend=backend)
    read = Told(file.read, 1)
    await step(5)
    closers = [Told(file.close) for _ in range(3)]
    await step(5)
    for closer in closers[:2]:
        closer.task.cancel()
    await finished([closer.task for closer in closers[:2]])
    assert not closers[2].task.done()
    os.write(writer, b"x")
    await finished([read.task, closers[2].task])
    assert read.result == b"x"
    assert closers[2].error is None
    assert not closers[2].cancelled
    os.close(writer)


@every_kind
@every_backend
def test_a_close_without_a_descriptor_left(kind, backend, tmp_path):
    """A file of another loop is closed although its backend cannot be had any more."""

    def body():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        file = run(opened(tmp_path / "file", backend), kind)
        fd = file.fileno()
        run(close_without_room(file), kind)
        assert file.closed
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)

    in_child(body)


async def opened(path, backend):
    """A file that is left open."""
    return await files().open(path, "wb", backend=backend)


async def close_without_room(file):
    """Close *file* where no other descriptor can be had."""
    used = []
    try:
        while True:
            used.append(os.dup(0))
    except OSError:
        pass
    try:
        await file.close()
    finally:
        for fd in used:
            os.close(fd)


@pytest.mark.parametrize("kind", [kind for name, kind in KINDS.items() if name != "trio"])
def test_a_close_without_an_executor(kind, tmp_path):
    """A file is closed although the program has ended the loop's threads."""

    async def main():
        file = await files().open(tmp_path / "file", "wb", backend="threads")
        fd = file.fileno()
        await asyncio.get_running_loop().shutdown_default_executor()
        with pytest.raises(RuntimeError, match="shut"):
            await file.write(b"x")
        await file.close()
        assert file.closed
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)

    run(main(), kind)


@pytest.mark.parametrize("kind", [kind for name, kind in KINDS.items() if name != "trio"])
def test_an_executor_that_drops_its_work(kind, tmp_path):
    """A call that the executor has dropped raises, and does not wait for ever."""

    async def main():
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1)
        loop.set_default_executor(pool)
        file = await files().open(tmp_path / "file", "r+b", backend="threads")
        free = threading.Event()
        pool.submit(free.wait, LONG)
        call = Told(file.fsync)
        await step(5)
        pool.shutdown(wait=False, cancel_futures=True)
        await within(LONG, finished([call.task]))
        free.set()
        assert call.error.errno == errno.ECANCELED
        await file.close()

    (tmp_path / "file").touch()
    run(main(), kind)


@pytest.mark.parametrize("backend", BACKENDS)
@under_trio
async def test_the_end_in_a_cancelled_scope(backend, tmp_path):
    """Under trio a close is a checkpoint, too, and closes the file."""
    file = await files().open(tmp_path / "file", "wb", backend=backend)
    for call in (lambda: file.pwrite(b"", 0), file.close):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call()
        assert scope.cancelled_caught
    assert file._fd is None


# loops


@every_kind
@every_backend
def test_calls_after_the_end_of_the_engine(kind, backend, tmp_path):
    """Generators that use files at the end of the loop leave no descriptor."""
    ends = []

    async def generator(number):
        try:
            yield
        finally:
            await files().write_file(tmp_path / f"{number}", b"x", backend=backend)
            ends.append(number)

    async def main():
        await files().stat(tmp_path, backend=backend)
        for number in range(12):
            each = generator(number)
            await each.__anext__()
            kept.append(each)

    kept, before = [], descriptors()
    run(main(), kind)
    # under trio a task that is cancelled does not write
    assert sorted(ends) == ([] if kind == "trio" else list(range(12)))
    assert descriptors() == before


@every_kind
@every_backend
def test_a_file_that_another_loop_uses(kind, backend, tmp_path):
    """A call while those of another loop are under way raises; later it works."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)

    async def main():
        file = await files().open(tmp_path / "fifo", "rb", buffering=0, backend=backend)
        read = Told(file.read, 1)
        await step(5)
        errors = []

        async def use():
            for call in (lambda: file.read(1), file.stat, file.close):
                try:
                    await call()
                except RuntimeError as error:
                    errors.append(str(error))

        other = threading.Thread(target=lambda: asyncio.run(use()) if kind != "trio" else trio.run(use))
        other.start()
        other.join(LONG)
        assert len(errors) == 3
        assert all("belongs to another event loop" in error for error in errors)
        os.write(writer, b"x")
        await finished([read.task])
        assert read.result == b"x"
        await file.close()

    try:
        run(main(), kind)
    finally:
        os.close(writer)


# lines


@everywhere
async def test_copies_both_ways(backend, tmp_path):
    """Copies between two files, one each way, do not wait for each other."""
    for name in "ab":
        (tmp_path / name).write_bytes(BYTES[:100_000])
    opening = files().open(tmp_path / "a", "r+b", backend=backend)
    async with opening as a, files().open(tmp_path / "b", "r+b", backend=backend) as b:
        calls = [
            Told(b.write, BYTES),
            Told(a.copy, b, 1000),
            Told(b.copy, a, 1000),
            Told(a.copy, b, 1000),
            Told(b.seek, 0),
            Told(b.copy, a, 1000),
        ]
        await within(LONG, finished([call.task for call in calls]))
        assert [call.error for call in calls] == [None] * 6
        assert {call.result for call in calls[1:] if call is not calls[4]} <= {0, 1000}


@everywhere
async def test_a_copy_in_the_line_of_a_file_that_is_closed(backend, tmp_path):
    """A copy that waits for its place when the file is closed has its result."""
    (tmp_path / "file").write_bytes(BYTES[:100_000])
    async with files().open(tmp_path / "file", "rb", backend=backend) as source:
        target = await files().open(tmp_path / "copy", "wb", backend=backend)
        write = Told(target.write, BYTES)
        await step(1)
        copy = Told(source.copy, target)
        await step(2)
        path = Told(source.copy, tmp_path / "third")
        await step(2)
        close = Told(target.close)
        await finished([each.task for each in (write, copy, path, close)])
    assert copy.error is None
    assert (copy.result, path.result) == (100_000, 0)
    assert (tmp_path / "copy").read_bytes() == BYTES + BYTES[:100_000]


@everywhere
async def test_what_waits_in_the_line_and_is_cancelled(backend, tmp_path):
    """A write or copy that is cancelled in the line has moved nothing, and says so."""
    (tmp_path / "file").write_bytes(BYTES[:1000])
    opening = files().open(tmp_path / "file", "r+b", backend=backend)
    async with opening as file, files().open(tmp_path / "copy", "wb", backend=backend) as target:
        for call in (
            lambda: Told(file.write, b"x"),
            lambda: Told(file.copy, target),
            lambda: Told(file.copy, tmp_path / "third"),
        ):
            # another operation has the place in both
            file._stand_in_line()
            target._stand_in_line()
            waiting = call()
            await step(5)
            waiting.task.cancel()
            await finished([waiting.task])
            assert waiting.cancelled
            assert waiting.written == 0
            file._leave()
            target._leave()
        assert await file.tell() == await target.tell() == 0
        assert await file.copy(target) == 1000


@in_asyncio
async def test_a_copy_from_a_pipe_that_fails(backend):
    """A copy that fails loses nothing that a read of lines has read ahead."""
    reading, writing = os.pipe()
    os.write(writing, b"line\nrest")
    os.close(writing)
    async with files().open(reading, "rb", backend=backend) as file:
        assert await file.readline() == b"line\n"
        full = os.open("/dev/full", os.O_WRONLY)
        with pytest.raises(OSError) as caught:  # noqa: PT011
            await file.copy(full)
        os.close(full)
        assert (caught.value.errno, caught.value.characters_written) == (errno.ENOSPC, 0)
        assert await file.read(10) == b"rest"


# descriptors


@in_asyncio
async def test_a_descriptor_of_others(backend, tmp_path):
    """A file of a descriptor goes on where another user is, and leads it."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"one ")
    async with files().open(os.dup(fd), "r+b", backend=backend) as file:
        assert await file.tell() == 4
        assert await file.write(b"two ") == 4
        os.write(fd, b"three ")
        assert await file.tell() == 14
        await file.write(b"four\nfive\nsix\n")
        assert os.lseek(fd, 0, os.SEEK_CUR) == 28
        assert await file.pread(3, 0) == b"one"
        assert await file.pwrite(b"ONE", 0) == 3
        assert os.lseek(fd, 0, os.SEEK_CUR) == await file.tell() == 28
        os.lseek(fd, 14, os.SEEK_SET)
        assert await file.readline() == b"four\n"
        assert os.lseek(fd, 0, os.SEEK_CUR) == 19
        assert await file.readline() == b"five\n"
        assert os.lseek(fd, 0, os.SEEK_CUR) == await file.tell() == 24
        assert os.read(fd, 2) == b"si"
        assert await file.read(2) == b"x\n"
        await file.seek(4)
        assert os.read(fd, 4) == b"two "
    os.write(fd, b"THREE")
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"ONE two THREE four\nfive\nsix\n"


@in_asyncio
async def test_an_output_of_text(backend, tmp_path):
    """Text that is written to the standard output stands before what comes later."""
    fd = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    async with files().open(os.dup(fd), "w", backend=backend) as file:
        await file.write("file\n")
        os.write(fd, b"other\n")
        await file.write("file\n")
    os.write(fd, b"last\n")
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"file\nother\nfile\nlast\n"


@in_asyncio
async def test_a_descriptor_that_stays_open(backend, tmp_path):
    """With closefd=False the end of the file leaves the descriptor as it is."""
    fd = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    async with files().open(fd, "w", closefd=False, backend=backend) as file:
        await file.write("file\n")
    os.write(fd, b"other\n")
    file = await files().open(fd, "wb", closefd=False, backend=backend)
    write = Told(file.write, b"file\n")
    await step(1)
    await Told(file.close).cancel(0)
    await finished([write.task])
    file = await files().open(fd, "wb", closefd=False, backend=backend)
    del file  # which neither warns nor closes
    gc.collect()
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"file\nother\nfile\n"
    with pytest.raises(ValueError, match="closefd"):
        files().open(tmp_path / "file", closefd=False)


@in_asyncio
async def test_a_copy_by_descriptors(backend, tmp_path):
    """A copy between files of descriptors begins and ends at the kernel's positions."""
    (tmp_path / "file").write_bytes(b"0123456789")
    source = os.open(tmp_path / "file", os.O_RDONLY)
    target = os.open(tmp_path / "copy", os.O_WRONLY | os.O_CREAT)
    opening = files().open(os.dup(source), "rb", backend=backend)
    async with opening as file, files().open(os.dup(target), "wb", backend=backend) as copy:
        os.read(source, 2)
        os.write(target, b"--")
        assert await file.copy(copy, 4) == 4
        assert os.read(source, 2) == b"67"
        os.write(target, b"--")
        assert await file.copy(copy) == 2
    os.write(target, b"--")
    os.close(source)
    os.close(target)
    assert (tmp_path / "copy").read_bytes() == b"--2345--89--"


@every_backend
def test_a_child_forked_in_a_close(backend, tmp_path):
    """A child that was forked while the file was being closed closes its own."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)

    async def main():
        file = await files().open(tmp_path / "fifo", "rb", buffering=0, backend=backend)
        read, close = Told(file.read, 1), None
        await step(5)
        close = Told(file.close)
        await turn()

        def child():
            fd = file.fileno()
            thread = threading.Thread(target=lambda: asyncio.run(file.close()))
            thread.start()
            thread.join(LONG)
            with pytest.raises(OSError, match="Bad file"):
                os.fstat(fd)
            return file.closed

        assert in_child(child)
        os.write(writer, b"x")
        await finished([read.task, close.task])
        assert read.result == b"x"

    try:
        run(main())
    finally:
        os.close(writer)
