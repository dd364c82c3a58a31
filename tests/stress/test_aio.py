"""aio for long: operations are cancelled, and objects closed, at random."""

import gc
import os
import random
import select
import threading
import warnings

import pytest
from loops import both, run

from butter.aio import EFD_NONBLOCK, Aio, aligned_buffer
from butter.asyncio.aio import Aio_async

pytestmark = pytest.mark.stress

MANY = 100_000
BLOCK = 512


@pytest.fixture
def pages(tmp_path):
    """A file whose blocks tell where they are, by a descriptor with O_DIRECT."""
    path = tmp_path / "pages"
    path.write_bytes(b"".join(number.to_bytes(4, "little") * (4096 // 4) for number in range(64)))
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        fd = os.open(path, os.O_RDONLY)  # a filesystem in memory
    yield fd
    os.close(fd)


def queue(aio, random, pages, pipe):
    """Queue an operation, and return what its completion has to be."""
    kind = random.randrange(4)
    if kind == 0:
        return aio.poll(pipe[0], select.POLLIN), None
    if kind == 1:
        return aio.pread(999_999, 10), None
    page = random.randrange(64)
    buffer = aligned_buffer(4096) if kind == 2 else 4096
    return aio.pread(pages, buffer, page * 4096), page.to_bytes(4, "little") * 1024


def test_random_cancellations_and_closes(pages, pipe):
    """Of 100,000 operations each completes once, with its own bytes, or is closed."""
    chance, done, closed, garbage = random.Random(1), 0, 0, []
    while done < MANY:
        aio, expected = Aio(chance.choice([1, 8, 64]), EFD_NONBLOCK), {}
        for _ in range(chance.randrange(1, 40)):
            for _ in range(chance.randrange(1, 100)):
                number, data = queue(aio, chance, pages, pipe)
                expected[number] = data
            if chance.random() < 0.5:
                aio.submit()
            for number in chance.sample(sorted(expected), min(50, len(expected))):
                aio.cancel(number)
            for completion in aio.read_events():
                data = expected.pop(completion.user_data)
                done += 1
                if data is not None and completion.error is None:
                    assert completion.data == data
            # freed memory that is used again shows a late write of the kernel
            garbage = [bytearray(b"\xaa" * 4096) for _ in range(20)]
        way = chance.randrange(3)
        if way == 0:
            for number in list(expected):
                aio.cancel(number)
            while expected:
                del expected[aio.wait(30).user_data]
            assert aio.in_flight == aio.queued == 0
            aio.close()
        elif way == 1:
            aio.close()
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                del aio
                gc.collect()
        closed += 1
        assert all(block.count(0xAA) == 4096 for block in garbage)
    assert closed > 10


def test_threads_queue_cancel_and_close(pages, pipe):
    """Threads queue, cancel and read at once, until one of them closes the object."""
    for turn in range(50):
        aio, ends = Aio(64, EFD_NONBLOCK), []

        def work(seed, aio=aio, ends=ends):
            chance = random.Random(seed)
            try:
                while True:
                    number, _ = queue(aio, chance, pages, pipe)
                    if chance.random() < 0.2:
                        aio.cancel(number)
                    for completion in aio.read_events():
                        if completion.error is None and completion.result == 4096:
                            data = completion.data
                            assert data == data[:4] * 1024
            except ValueError as error:
                ends.append(str(error))

        threads = [threading.Thread(target=work, args=(4 * turn + number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        threads[0].join(0.02)
        aio.close()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        # a read may have begun with the number, as it may of every object
        assert all("closed file" in end or "is not open" in end for end in ends)
        assert len(ends) == 4


@both
def test_tasks_are_cancelled(kind, pages):
    """Tasks that wait are cancelled as completions come, and none is lost."""

    async def main():
        import asyncio

        async with Aio_async(64) as aio:
            chance, numbers = random.Random(2), set()
            for _ in range(MANY // 100):
                for _ in range(10):
                    numbers.add(aio.pread(pages, aligned_buffer(4096), 4096 * chance.randrange(64)))
                task = asyncio.ensure_future(aio.get())
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    numbers.remove((await task).user_data)
                except asyncio.CancelledError:
                    pass
                for _ in range(chance.randrange(12)):
                    if numbers:
                        numbers.remove((await aio.get()).user_data)
            async for completion in aio:
                numbers.remove(completion.user_data)
            assert not numbers

    run(main(), kind, timeout=120)
