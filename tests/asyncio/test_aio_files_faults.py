"""Files where a ring, a thread or a loop refuses, and calls that wait for others."""

import asyncio
import errno
import itertools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from features import LONG
from files import KINDS, Told, everywhere, files, has_rings, in_asyncio, step
from loops import TRIO, finished, run, start, within
from support import needs

from butter._awaitables import _files_copy
from butter.uring import Ring

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
of_asyncio = pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind is not TRIO])

# the kernel


@needs(when=has_rings, reason="needs io_uring")
@every_kind
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EBUSY])
def test_a_ring_that_takes_nothing_now(kind, number, tmp_path, monkeypatch):
    """A request that the kernel cannot take now is made later, and its call waits."""
    submit, calls, each = Ring.submit, itertools.count(), []

    def sometimes(ring):
        if next(calls) % each[-1]:
            raise OSError(number, os.strerror(number))
        submit(ring)

    async def main():
        os.mkfifo(tmp_path / "fifo")
        kept = os.open(tmp_path / "fifo", os.O_RDWR)
        for often in (1, 2, 5):
            each.append(often)
            monkeypatch.setattr(Ring, "submit", sometimes)
            file = await files().open(tmp_path / "file", "w+b", backend="uring")
            assert await file.write(b"x" * 300_000) == 300_000
            await file.fsync()
            assert await file.pread(300_001, 0) == b"x" * 300_000
            fd = file.fileno()
            await file.close()
            with pytest.raises(OSError, match="Bad file"):
                os.fstat(fd)
            # a cancellation, too
            async with files().open(kept, "rb", closefd=False, backend="uring") as pipe:
                call = Told(pipe.read, 1)
                await step(3)
                call.task.cancel()
                await within(LONG, finished([call.task]))
                assert call.cancelled
        os.close(kept)

    run(main(), kind)


@of_asyncio
def test_a_thread_that_cannot_be_started(kind, tmp_path, monkeypatch):
    """A call that has no thread raises, and is not made by another thread later."""

    def refuse():
        raise RuntimeError("can't start new thread")

    async def main():
        free = threading.Event()
        pool = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(pool)
        file = await files().open(tmp_path / "file", "w+b", backend="threads")
        other = await files().open(tmp_path / "other", "wb", backend="threads")
        busy = pool.submit(free.wait, LONG)
        with monkeypatch.context() as patch:
            # which is where it starts one, after it has queued the work
            patch.setattr(pool, "_adjust_thread_count", refuse)
            with pytest.raises(RuntimeError, match="thread"):
                await file.pwrite(b"x" * 300_000, 0)
            fd = other.fileno()
            await other.close()
        taken = os.open("/dev/null", os.O_RDONLY)
        assert taken == fd
        free.set()
        assert busy.result(LONG)
        await file.fsync()
        os.close(taken)
        assert (await file.stat()).st_size == 0
        await file.close()

    run(main(), kind)


# other tasks


@everywhere
async def test_a_sync_after_writes_at_an_offset(backend, tmp_path):
    """fsync, fdatasync and flush come after each pwrite that has begun before."""
    async with files().open(tmp_path / "file", "wb", backend=backend) as file:
        for call in (file.fsync, file.fdatasync, file.flush):
            first, second = file._begin_write(), file._begin_write()
            sync = Told(call)
            await step(5)
            file._end_write(second)
            await step(5)
            assert not sync.task.done()
            later = file._begin_write()
            file._end_write(first)
            await within(LONG, finished([sync.task]))
            assert sync.error is None
            file._end_write(later)


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="PyPy cannot read without waiting")
@in_asyncio
async def test_reads_at_once(backend, tmp_path, monkeypatch):
    """A read by another thread amid a read leaves its bytes alone."""
    (tmp_path / "file").write_bytes(b"a" * 4096 + b"b" * 4096)
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        now, found = file._now, []

        def amid(fd, buffer, offset):
            count = now(fd, buffer, offset)
            if not found:
                found.append(None)
                found[0] = file._cached(fd, 4096, 4096)
            return count

        assert await file.pread(4096, 0) == b"a" * 4096
        monkeypatch.setattr(file, "_now", amid)
        assert file._cached(file.fileno(), 4096, 0) in (b"a" * 4096, None)
        assert found[0] in (b"b" * 4096, None)


@everywhere
async def test_calls_that_move_nothing(backend, tmp_path):
    """A task that makes nothing but such calls lets the others run."""
    async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
        for call in (
            lambda: file.seek(0),
            lambda: file.tell(),
            lambda: file.read(0),
            lambda: file.readinto(bytearray()),
            lambda: file.readline(),
            lambda: file.write(b""),
            lambda: file.pwrite(b"", 0),
            lambda: file.flush(),
        ):
            ticks, end = [], time.monotonic() + LONG

            async def tick(ticks=ticks):
                for _ in range(3):
                    ticks.append(await step(1))

            ticking = start(tick())
            while len(ticks) < 3:
                await call()
                assert time.monotonic() < end
            await finished([ticking])


@every_kind
def test_a_copy_from_a_file_of_another_loop(kind, tmp_path):
    """A copy that its source refuses leaves the target as it was."""
    os.mkfifo(tmp_path / "fifo")
    kept = os.open(tmp_path / "fifo", os.O_RDWR)

    async def main():
        source = await files().open(tmp_path / "fifo", "rb")
        read = Told(source.read, 1)
        await step(3)
        errors = []

        async def use():
            async with files().open(tmp_path / "file", "wb") as target:
                try:
                    await source.copy(target)
                except RuntimeError as error:
                    errors.append(str(error))
                await target.write(b"x")

        thread = threading.Thread(target=run, args=(use(), kind))
        thread.start()
        thread.join(LONG)
        assert ["another event loop" in error for error in errors] == [True]
        os.write(kept, b"x")
        await finished([read.task])
        await source.close()

    run(main(), kind)
    os.close(kept)
    assert (tmp_path / "file").read_bytes() == b"x"


@of_asyncio
@pytest.mark.parametrize("closes", [False, True], ids=["read", "close"])
def test_a_file_of_a_loop_that_was_only_closed(kind, closes, tmp_path):
    """A file whose loop was closed with a call under way is closed in the next loop."""
    os.mkfifo(tmp_path / "fifo")
    kept = os.open(tmp_path / "fifo", os.O_RDWR)
    loop = kind()

    pool = ThreadPoolExecutor(1)
    loop.set_default_executor(pool)

    async def begin():
        file = await files().open(tmp_path / "fifo", "rb", backend="threads")
        tasks = [loop.create_task(file.read(1))]
        await step(3)
        if closes:
            tasks.append(loop.create_task(file.close()))
            await step(3)
        return file, tasks

    file, tasks = loop.run_until_complete(begin())
    os.write(kept, b"x")
    pool.shutdown()
    loop.close()
    run(file.close(), kind)
    assert file._fd is None
    for task in tasks:
        task._log_destroy_pending = False  # or the loop complains of it
    os.close(kept)


@everywhere
async def test_a_copy_to_a_text_that_refuses(backend, tmp_path, monkeypatch):
    """Where a copy fails in its text the places in both lines are free again."""

    def refuse():
        raise UnicodeError("not of this encoding")

    (tmp_path / "file").write_bytes(b"bytes")
    opening = files().open(tmp_path / "file", "rb", backend=backend)
    async with opening as file, files().open(tmp_path / "text", "w", backend=backend) as text:
        with monkeypatch.context() as patch:
            patch.setattr(text, "_before_bytes", refuse)
            with pytest.raises(UnicodeError, match="encoding") as caught:
                await file.copy(text)
            assert caught.value.characters_written == 0
        assert await within(LONG, file.copy(text)) == 5


# what errors tell


@in_asyncio
async def test_the_path_in_errors_of_methods(backend, tmp_path):
    """The error of a method has the path, and says how much was moved."""
    os.mkfifo(tmp_path / "fifo")
    kept = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(kept, b"bytes")
    async with files().open(tmp_path / "fifo", "r+b", backend=backend) as file:
        for call in (lambda: file.pread(1, 0), lambda: file.pwrite(b"x", 0), lambda: file.tell()):
            with pytest.raises(OSError, match="fifo") as caught:
                await call()
            assert (caught.value.errno, caught.value.filename) == (errno.ESPIPE, str(tmp_path / "fifo"))
        assert await file.read(10) == b"bytes"
    os.close(kept)
    async with files().open("/dev/full", "wb", backend=backend) as file:
        with pytest.raises(OSError, match="/dev/full") as caught:
            await file.write(b"x")
        assert (caught.value.errno, caught.value.characters_written) == (errno.ENOSPC, 0)
    for wrong in (-1, -100, 999_999):
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            await files().stat(wrong, backend=backend)
        assert caught.value.filename == wrong


@in_asyncio
async def test_a_copy_whose_target_fails_at_its_end(backend, tmp_path, monkeypatch):
    """The exception of a close that ends a copy says how much was copied."""
    (tmp_path / "file").write_bytes(b"x" * 1000)
    close = _files_copy.close_descriptor

    async def fail(*arguments):
        await close(*arguments)
        raise OSError(errno.EIO, "too late")

    monkeypatch.setattr(_files_copy, "close_descriptor", fail)
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        with pytest.raises(OSError, match="too late") as caught:
            await file.copy(tmp_path / "copy")
        assert caught.value.characters_written == await file.tell() == 1000
