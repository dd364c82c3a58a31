"""Files on asyncio, beside caio, aiofile, aiofiles and anyio.

A read or write of butter, caio and aiofile names the offset; the files of aiofiles and
anyio have a position alone, so these go on from there, which spares them a seek.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import aiofile
import aiofiles
import anyio
import caio

from benchmarks.runner import LOOPS, Comparison, Sample, on_loop
from butter.asyncio import aio

PAGE, PAGES = 4096, 256
READS = 4096
DEPTH = 32
FILES = 1000
#: the readers beside a timer, how long they read, and the period of the timer
READERS, SECONDS, PERIOD = 100, 0.5, 0.005

DATA = bytes(PAGE)

#: reads or writes a page at an offset, which is the next one
Page = Callable[[int], Awaitable[Any]]
#: opens the file of pages, for as long as the block
Opened = Callable[[str], "contextlib.AbstractAsyncContextManager[Page]"]


def by_butter(
    backend: str | None,
    mode: str = "rb",
    page: Callable[[Any], Page] = lambda file: lambda offset: file.pread(PAGE, offset),
) -> Opened:
    @contextlib.asynccontextmanager
    async def opened(path: str) -> AsyncIterator[Page]:
        async with aio.open(path, mode, backend=backend) as file:
            yield page(file)

    return opened


def by_caio(
    module: Any,
    mode: str = "rb",
    page: Callable[[Any, int], Page] = lambda context, fd: lambda offset: context.read(PAGE, fd, offset),
) -> Opened:
    @contextlib.asynccontextmanager
    async def opened(path: str) -> AsyncIterator[Page]:
        with open(path, mode) as file:
            async with module.AsyncioContext(max_requests=2 * READERS) as context:
                yield page(context, file.fileno())

    return opened


def by_aiofile(
    mode: str = "rb",
    page: Callable[[Any], Page] = lambda file: lambda offset: file.read_bytes(PAGE, offset),
) -> Opened:
    @contextlib.asynccontextmanager
    async def opened(path: str) -> AsyncIterator[Page]:
        async with aiofile.AIOFile(path, mode) as file:
            yield page(file)

    return opened


def endless(read: Callable[[int], Awaitable[bytes]], rewind: Callable[[int], Awaitable[int]]) -> Page:
    """Return a reader that begins anew at the end of the file."""

    async def page(offset: int) -> bytes:
        while not (data := await read(PAGE)):
            await rewind(0)
        return data

    return page


@contextlib.asynccontextmanager
async def by_aiofiles(path: str) -> AsyncIterator[Page]:
    async with aiofiles.open(path, "rb", buffering=0) as file:
        yield endless(file.read, file.seek)


@contextlib.asynccontextmanager
async def by_anyio(path: str) -> AsyncIterator[Page]:
    async with await anyio.open_file(path, "rb", buffering=0) as file:
        yield endless(file.read, file.seek)


#: butter by itself and by each backend that is slower, and the peers
READING: dict[str, Opened] = {
    "butter": by_butter(None),
    "butter, aio": by_butter("aio"),
    "butter, threads": by_butter("threads"),
    "caio, linux_aio": by_caio(caio.linux_aio_asyncio),
    "caio, uring": by_caio(caio.linux_uring_asyncio),
    "caio, threads": by_caio(caio.thread_aio_asyncio),
    "aiofile": by_aiofile(),
    "aiofiles": by_aiofiles,
    "anyio": by_anyio,
}


def writing_by_butter(backend: str | None) -> Opened:
    return by_butter(backend, "r+b", lambda file: lambda offset: file.pwrite(DATA, offset))


def writing_by_caio(module: Any) -> Opened:
    return by_caio(module, "r+b", lambda context, fd: lambda offset: context.write(DATA, fd, offset))


@contextlib.asynccontextmanager
async def writing_by_aiofiles(path: str) -> AsyncIterator[Page]:
    async with aiofiles.open(path, "r+b", buffering=0) as file:

        async def page(offset: int) -> int:
            if not offset:
                await file.seek(0)
            count: int = await file.write(DATA)
            return count

        yield page


WRITING: dict[str, Opened] = {
    "butter": writing_by_butter(None),
    "butter, aio": writing_by_butter("aio"),
    "butter, threads": writing_by_butter("threads"),
    "caio, linux_aio": writing_by_caio(caio.linux_aio_asyncio),
    "caio, uring": writing_by_caio(caio.linux_uring_asyncio),
    "caio, threads": writing_by_caio(caio.thread_aio_asyncio),
    "aiofile": by_aiofile("r+b", lambda file: lambda offset: file.write_bytes(DATA, offset)),
    "aiofiles": writing_by_aiofiles,
}


async def one_by_one(opened: Opened, path: str, size: Callable[[Any], int] = len) -> float:
    """Return the nanoseconds of a page, where a task awaits one after the other."""
    async with opened(path) as page:
        start = time.perf_counter_ns()
        for number in range(READS):
            data = await page(number % PAGES * PAGE)
            assert size(data) == PAGE
        return (time.perf_counter_ns() - start) / READS


async def by_tasks(opened: Opened, path: str, size: Callable[[Any], int] = len) -> float:
    """Return the nanoseconds of a page, where 32 tasks await them."""

    async def work(first: int) -> None:
        for number in range(first, READS, DEPTH):
            data = await page(number % PAGES * PAGE)
            assert size(data) == PAGE

    async with opened(path) as page:
        start = time.perf_counter_ns()
        await asyncio.gather(*map(work, range(DEPTH)))
        return (time.perf_counter_ns() - start) / READS


async def gathered(opened: Opened, path: str) -> float:
    """Return the nanoseconds of a read, where a gather awaits 32 at once."""
    async with opened(path) as read:
        start = time.perf_counter_ns()
        for _ in range(READS // DEPTH):
            for data in await asyncio.gather(*[read(number * PAGE) for number in range(DEPTH)]):
                assert len(data) == PAGE
        return (time.perf_counter_ns() - start) / READS


async def small_by_butter(path: str) -> bytes:
    async with aio.open(path, "rb") as file:
        return await file.read()


async def small_by_aiofile(path: str) -> bytes:
    async with aiofile.async_open(path, "rb") as file:
        data: bytes = await file.read()
        return data


async def small_by_aiofiles(path: str) -> bytes:
    async with aiofiles.open(path, "rb") as file:
        data: bytes = await file.read()
        return data


async def small_by_anyio(path: str) -> bytes:
    async with await anyio.open_file(path, "rb") as file:
        return await file.read()


SMALL: dict[str, Callable[[str], Coroutine[Any, Any, bytes]]] = {
    "butter": small_by_butter,
    "butter, read_file": aio.read_file,
    "aiofile": small_by_aiofile,
    "aiofiles": small_by_aiofiles,
    "anyio": small_by_anyio,
}


async def small(read: Callable[[str], Coroutine[Any, Any, bytes]], paths: list[str]) -> float:
    """Return the nanoseconds of a small file that is opened, read and closed."""
    start = time.perf_counter_ns()
    for path in paths:
        assert len(await read(path)) == 100
    return (time.perf_counter_ns() - start) / len(paths)


async def lateness(opened: Opened, path: str) -> float:
    """Return by how many nanoseconds the latest timer was late, beside 100 readers."""
    end = time.perf_counter() + SECONDS

    async def work(read: Page, first: int) -> None:
        for number in itertools.count(first):
            if time.perf_counter() > end:
                return
            await read(number % PAGES * PAGE)

    async with contextlib.AsyncExitStack() as files:
        reads = [await files.enter_async_context(opened(path)) for _ in range(READERS)]
        tasks = [asyncio.ensure_future(work(read, number)) for number, read in enumerate(reads)]
        late: float = 0
        while time.perf_counter() < end:
            due = time.perf_counter() + PERIOD
            await asyncio.sleep(PERIOD)
            late = max(late, time.perf_counter() - due)
        await asyncio.gather(*tasks)
    return late * 1e9


def contenders(measure: Callable[[Opened, str], Coroutine[Any, Any, float]], path: str, loop: str) -> dict[str, Sample]:
    """Return the samples that *measure* takes of each way to read, on this loop."""
    return {
        name: lambda opened=opened: on_loop(LOOPS[loop], measure(opened, path))  # type: ignore[misc]
        for name, opened in READING.items()
    }


def reads(path: str) -> Iterator[Comparison]:
    for loop in LOOPS:
        yield Comparison(
            f"An awaited read of 4 KiB, one after the other, on {loop}",
            contenders(one_by_one, path, loop),
            {"caio, linux_aio": 0.5, "caio, uring": 0.5, "caio, threads": 0.5},
            rounds=9,
        )
        yield Comparison(
            f"An awaited read of 4 KiB, by 32 tasks, on {loop}",
            contenders(by_tasks, path, loop),
            {"caio, linux_aio": 0.5},
            rounds=9,
        )
        yield Comparison(
            f"An awaited read of 4 KiB, 32 in a gather, on {loop}",
            contenders(gathered, path, loop),
            # a gather makes a task of each read, which takes longer than the read
            {"caio, linux_aio": 1},
            rounds=9,
        )


def writes(path: str) -> Iterator[Comparison]:
    # without a target: each write is an operation of the backend, as those of the peers
    for manner, measure in {"one after the other": one_by_one, "by 32 tasks": by_tasks}.items():
        yield Comparison(
            f"An awaited write of 4 KiB, {manner}, on asyncio",
            {
                name: lambda opened=opened, measure=measure: on_loop(LOOPS["asyncio"], measure(opened, path, int))  # type: ignore[misc]
                for name, opened in WRITING.items()
            },
            rounds=9,
        )


def comparisons() -> Iterator[Comparison]:
    # on a disk, whose pages are in the kernel's cache: a filesystem in memory cannot
    # say whether a read would wait
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/pages"
        Path(path).write_bytes(os.urandom(PAGE * PAGES))
        yield from reads(path)
        paths = [f"{folder}/{number}" for number in range(FILES)]
        for each in paths:
            Path(each).write_bytes(bytes(100))
        yield Comparison(
            "A small file, opened, read and closed, on asyncio",
            {
                name: lambda read=read: on_loop(LOOPS["asyncio"], small(read, paths))  # type: ignore[misc]
                for name, read in SMALL.items()
            },
            {"aiofiles": 0.5},
            rounds=9,
        )
        yield Comparison(
            "The latest timer of a loop beside 100 readers, on asyncio",
            contenders(lateness, path, "asyncio"),
            most=2_000_000,
            rounds=9,
        )
        yield from writes(path)
