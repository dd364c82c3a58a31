"""Operations of aio, cancelled and closed at random; ``nox -s rings`` does more."""

import os
import random

import pytest
import rings
from loops import both, run

from butter.aio import aligned_buffer
from butter.asyncio.aio import Aio_async

pytestmark = pytest.mark.stress


@pytest.fixture
def pages(tmp_path):
    """A file of 64 pages, by a descriptor with O_DIRECT."""
    path = tmp_path / "pages"
    path.write_bytes(bytes(64 * 4096))
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        fd = os.open(path, os.O_RDONLY)  # a filesystem in memory
    yield fd
    os.close(fd)


def test_random_cancellations_and_closes():
    """Of many operations each completes once, with its own bytes, or is closed."""
    rings.load("aio", 50_000)


def test_where_freed_memory_is_overwritten():
    """With the debug allocator no operation writes into freed memory."""
    rings.load_beside_freed_memory("aio", 20_000)


@both
def test_tasks_are_cancelled(kind, pages):
    """Tasks that wait are cancelled as completions come, and none is lost."""

    async def main():
        import asyncio

        async with Aio_async(64) as aio:
            chance, numbers = random.Random(2), set()
            for _ in range(1_000):
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
