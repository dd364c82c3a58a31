"""Files of event loops for the tests: in each kind of loop, and by each backend."""

import asyncio
import concurrent.futures
import contextlib
import inspect
import io
import os

import pytest
import trio
from loops import LOOPS, TRIO, finished, in_trio, run, runner, start
from support import needs

from butter.asyncio import aio as of_asyncio
from butter.trio import aio as of_trio
from butter.uring import Ring

CANCELLED = asyncio.CancelledError, trio.Cancelled
KINDS = {**LOOPS, "trio": TRIO}


def has_rings():
    """Whether this process may have rings, with all that files need."""
    try:
        Ring(2).close()
    except OSError:
        return False
    return True


BACKENDS = [
    pytest.param("uring", marks=needs(kernel=(5, 19), when=has_rings, reason="needs io_uring")),
    "aio",
    "threads",
]


def files():
    """The module with the files of the running loop."""
    return of_trio if in_trio() else of_asyncio


def everywhere(coroutine):
    """Run a coroutine as a test in each kind of loop, and by each *backend*."""
    fixtures = inspect.signature(coroutine).parameters
    test = runner(coroutine, lambda kind, **values: run(coroutine(**values), kind), ["kind", *fixtures])
    test = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)(test)
    return pytest.mark.parametrize("backend", BACKENDS)(test) if "backend" in fixtures else test


def in_asyncio(coroutine):
    """Run a coroutine as a test in asyncio alone, by each *backend*."""
    fixtures = inspect.signature(coroutine).parameters
    test = runner(coroutine, lambda **values: run(coroutine(**values)), list(fixtures))
    return pytest.mark.parametrize("backend", BACKENDS)(test) if "backend" in fixtures else test


async def in_thread(function):
    """Call *function* in a thread; it may call the functions of ``from_thread``."""
    if in_trio():
        return await trio.to_thread.run_sync(function)
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return await loop.run_in_executor(pool, function)


def caller():
    """A function for other threads: it runs a coroutine in the running loop."""
    if in_trio():
        token = trio.lowlevel.current_trio_token()
        return lambda function, *args: trio.from_thread.run(function, *args, trio_token=token)
    loop = asyncio.get_running_loop()
    return lambda function, *args: asyncio.run_coroutine_threadsafe(function(*args), loop).result()


async def step(turns):
    """Let the loop go round so many times, whether or not other tasks wait."""
    for _ in range(turns):
        await (trio.lowlevel.checkpoint() if in_trio() else asyncio.sleep(0))


async def sleep(seconds):
    """Sleep by the running loop."""
    await (trio.sleep(seconds) if in_trio() else asyncio.sleep(seconds))


class Told:
    """A call of a file in a task, and what its cancellation tells."""

    def __init__(self, function, *args, **options):
        self.result = self.error = self.written = None
        self.task = start(self._run(function, args, options))

    async def _run(self, function, args, options):
        try:
            self.result = await function(*args, **options)
        except CANCELLED as error:
            self.written = getattr(error, "characters_written", None)
            raise
        except Exception as error:
            self.error = error

    async def cancel(self, turns):
        """Cancel the call after so many turns of the loop, and wait for its end."""
        await step(turns)
        self.task.cancel()
        await finished([self.task])
        assert self.error is None

    @property
    def cancelled(self):
        """Whether it has ended without a result, perhaps before it began."""
        return self.task.cancelled()


class Index:
    """A number that is not an int, as those of NumPy are not."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Outcome:
    """The value or error of a call, for comparisons."""

    def __init__(self, value=None, error=None):
        self.value, self.error = value, error

    def __eq__(self, other):
        """Whether *self*, of butter, is of the kind of *other*, of Python."""
        if self.error is None or other.error is None:
            return (self.value, self.error) == (other.value, other.error)
        details = zip(self._details(), other._details())
        # the methods of butter tell the path where Python's own do not
        return isinstance(self.error, type(other.error)) and all(own in (None, our) for our, own in details)

    def _details(self):
        return [getattr(self.error, name, None) for name in ("errno", "filename", "filename2")]

    def __repr__(self):
        return repr(self.value) if self.error is None else f"{self.error!r} {self._details()}"


async def by_butter(function, *args, **options):
    """The Outcome of a coroutine function."""
    try:
        return Outcome(await function(*args, **options))
    except Exception as error:
        return Outcome(error=error)


def by_python(function, *args, **options):
    """The Outcome of a function."""
    try:
        return Outcome(function(*args, **options))
    except Exception as error:
        return Outcome(error=error)


def many(size):
    """So many bytes, which are text in UTF-8, too."""
    return (bytes(range(128)) + "é\r\n€\n".encode()) * (size // 136)


class Twin:
    """A file by butter, and one with the same content by Python's own ``open``."""

    def __init__(self, file, twin):
        self.file, self.twin = file, twin
        self.places = []  # of both, in the order of their calls of tell
        self.text = isinstance(twin, io.TextIOBase)
        self.read_last = False
        self.appends = "a" in file.mode

    async def do(self, name, *args):
        """Do a step with both files, and return both outcomes."""
        reads = name.startswith(("read", "line"))
        if self.text and reads != self.read_last and os.fstat(self.twin.fileno()).st_size:
            # Python's files of text want a seek between a read and a write
            by_python(lambda: self.twin.seek(self.twin.tell()))
        self.read_last = reads
        special = getattr(self, f"_{name}", None)
        if special:
            outcomes = await special(*args)
        else:
            outcomes = await by_butter(getattr(self.file, name), *args), by_python(getattr(self.twin, name), *args)
        if self.appends:
            # until then Python does not know that its position is the end
            by_python(self.twin.flush)
        return outcomes

    async def _write(self, data):
        data = many(data) if isinstance(data, int) else data
        return await by_butter(self.file.write, data), by_python(self.twin.write, data)

    async def _readinto(self, size):
        ours, theirs = bytearray(b"?" * size), bytearray(b"?" * size)
        outcomes = await by_butter(self.file.readinto, ours), by_python(self.twin.readinto, theirs)
        assert ours == theirs
        return outcomes

    async def _lines(self):
        async def lines():
            return [line async for line in self.file]

        return await by_butter(lines), self._their_lines()

    async def _readlines(self):
        return await by_butter(self.file.readlines), self._their_lines()

    def _their_lines(self):
        # an iteration that fails keeps Python's files of text from telling the position
        return by_python(lambda: list(self.twin) if self.twin.readable() else self.twin.readline())

    async def _pread(self, size, offset):
        def pread():
            if not self.twin.readable():
                raise io.UnsupportedOperation
            if self.twin.writable():
                self.twin.flush()
            return os.pread(self.twin.fileno(), size, offset)

        return await by_butter(self.file.pread, size, offset), by_python(pread)

    async def _stat(self):
        def size():
            if self.twin.writable():
                self.twin.flush()
            return os.fstat(self.twin.fileno()).st_size

        async def our_size():
            if self.file.writable():
                await self.file.flush()
            return (await self.file.stat()).st_size

        return await by_butter(our_size), by_python(size)

    async def _remember(self):
        """Keep a place; places of text are compared by what follows them alone."""
        ours, theirs = await by_butter(self.file.tell), by_python(self.twin.tell)
        if ours.error is None and theirs.error is None:
            self.places.append((ours.value, theirs.value))
            return Outcome(), Outcome()
        return ours, theirs

    async def _return(self, number):
        if not self.places:
            return Outcome(), Outcome()
        ours, theirs = self.places[number % len(self.places)]
        ours, theirs = await by_butter(self.file.seek, ours), by_python(self.twin.seek, theirs)
        if ours.error is None and theirs.error is None:
            return Outcome(), Outcome()
        return ours, theirs


@contextlib.asynccontextmanager
async def twins(folder, content, mode, backend, **options):
    """Open a Twin in the *folder*, whose files have the *content*."""
    paths = folder / "ours", folder / "theirs"
    for path in paths:
        path.unlink(missing_ok=True)
        if "x" not in mode:
            path.write_bytes(many(content) if isinstance(content, int) else content)
    with io.open(paths[1], mode, **options) as theirs:  # noqa: UP020  # the name open is that of files
        async with files().open(paths[0], mode, backend=backend, **options) as ours:
            yield Twin(ours, theirs)
    assert paths[0].read_bytes() == paths[1].read_bytes()
