"""Files of event loops for long: calls are cancelled at random, and nothing is lost.

``--count 1000000`` makes so many calls in each kind of loop, by each backend.
"""

import os
import random

import pytest
from files import BACKENDS, KINDS, Told, files, step
from loops import finished, run, start

pytestmark = [
    pytest.mark.stress,
    pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS),
    pytest.mark.parametrize("backend", BACKENDS),
]

BLOCK, TASKS, BLOCKS = 512, 32, 16


class Load:
    """Tasks that read and write blocks, each its own, of one file."""

    def __init__(self, file, count):
        self.file, self.left = file, count
        self.started = self.ended = self.cancelled = 0
        self.content = [bytes(BLOCK)] * (TASKS * BLOCKS)

    async def work(self, task):
        """Make calls until all are made."""
        chance = random.Random(task)
        while self.left > 0:
            self.left -= 1
            block = TASKS * chance.randrange(BLOCKS) + task
            offset, old = block * BLOCK, self.content[block]
            new = chance.getrandbits(32).to_bytes(4, "little") * (BLOCK // 4) if chance.random() < 0.5 else None
            call = (self.file.pread, BLOCK, offset) if new is None else (self.file.pwrite, new, offset)
            self.started += 1
            if chance.random() < 0.8:
                result, written = await call[0](*call[1:]), 0
            else:
                told = Told(*call)
                await told.cancel(chance.choice([0, 0, 1, 1, 2, 3, 5]))
                result, written = told.result, told.written or 0
                self.cancelled += told.cancelled
            self.ended += 1
            if new is None:
                assert result in (old, None)
            else:
                if result is not None:
                    written = result
                self.content[block] = new[:written] + old[written:]


def test_blocks(kind, backend, tmp_path, request):
    """Each read has the bytes of the last write, as far as that has told to be made."""
    count = request.config.getoption("--count")

    async def main():
        async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
            await file.truncate(TASKS * BLOCKS * BLOCK)
            load = Load(file, count)
            tasks = [start(load.work(task)) for task in range(TASKS)]
            for task in tasks:
                await task
            return load

    load = run(main(), kind, timeout=3600)
    assert load.started == load.ended >= count
    assert load.cancelled > count // 1000
    assert (tmp_path / "file").read_bytes() == b"".join(load.content)


@pytest.mark.parametrize("options", [{"mode": "rb"}, {"mode": "r", "newline": ""}], ids=["bytes", "text"])
def test_lines(kind, backend, options, tmp_path, request):
    """A file that is written and read line by line has each line once, and whole."""
    count = request.config.getoption("--count") // 10
    chance = random.Random(1)

    async def main():
        written = []
        async with files().open(tmp_path / "file", "wb", backend=backend) as file:
            for number in range(count):
                line = b"%d\n" % number
                if chance.random() < 0.9:
                    await file.write(line)
                else:
                    told = Told(file.write, line)
                    await told.cancel(chance.randrange(4))
                    line = line if told.result else line[: told.written or 0]
                written.append(line)
        found = []
        async with files().open(tmp_path / "file", backend=backend, **options) as file:
            while True:
                if chance.random() < 0.9:
                    line = await file.readline()
                else:
                    told = Told(file.readline)
                    await told.cancel(chance.randrange(4))
                    if told.cancelled:
                        continue
                    line = told.result
                if not line:
                    break
                found.append(line if isinstance(line, bytes) else line.encode())
        return b"".join(written), b"".join(found)

    written, found = run(main(), kind, timeout=3600)
    assert written == found == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso2022_jp"])
def test_texts(kind, backend, encoding, tmp_path, request):
    """A text has each character once, in codecs that have a state, too."""
    count = request.config.getoption("--count") // 20
    chance = random.Random(2)

    async def main():
        written, found = [], []
        async with files().open(tmp_path / "file", "w", encoding=encoding, backend=backend) as file:
            for number in range(count):
                line = f"{number} 日本{chance.choice(['', 'x' * 3000])}\n"
                told = Told(file.write, line)
                await (told.cancel(chance.randrange(4)) if chance.random() < 0.1 else finished([told.task]))
                if told.result or told.written:
                    written.append(line)  # what is so short is written whole
        async with files().open(tmp_path / "file", encoding=encoding, backend=backend) as file:
            while True:
                if chance.random() < 0.05:
                    await file.seek(await file.tell())
                told = Told(*chance.choice([(file.readline,), (file.read, 1), (file.read, 5000)]))
                await (told.cancel(chance.randrange(4)) if chance.random() < 0.1 else finished([told.task]))
                assert told.error is None
                if told.result == "":
                    return "".join(written), "".join(found)
                found.append(told.result or "")

    written, found = run(main(), kind, timeout=3600)
    assert written == found == (tmp_path / "file").read_text(encoding=encoding)


def test_shared_files(kind, backend, tmp_path, request):
    """Copies both ways, reads, writes and closes of two files all come to an end."""
    rounds = request.config.getoption("--count") // 500
    chance = random.Random(3)

    async def use(file, other):
        for _ in range(8):
            call = chance.choice(
                [
                    (file.copy, other, chance.randrange(3000)),
                    (file.read, 1000),
                    (file.readline,),
                    (file.write, b"x" * 500 + b"\n"),
                    (file.pwrite, b"x", 0),
                    (file.seek, 0),
                    (file.tell,),
                    (file.fsync,),
                ]
            )
            told = Told(*call)
            if chance.random() < 0.3:
                await step(chance.randrange(6))
                told.task.cancel()
            await finished([told.task])
            assert told.error is None or file.closed or other.closed, told.error
            if told.cancelled and call[0] in (file.copy, file.write):
                assert (told.written or 0) <= 3000

    async def main():
        for _ in range(rounds):
            pair = [await files().open(tmp_path / name, "w+b", backend=backend) for name in "ab"]
            tasks = [start(use(*(pair if number % 2 else pair[::-1]))) for number in range(6)]
            await step(chance.randrange(60))
            closers = [Told(file.close) for file in pair * 2]
            if chance.random() < 0.5:
                await closers[0].cancel(chance.randrange(3))
            await finished(tasks + [closer.task for closer in closers])
            assert [task.exception() for task in tasks] == [None] * 6
            for file in pair:
                await file.close()
                assert file._fd is None
                assert (file._active, len(file._line)) == (0, 0)

    run(main(), kind, timeout=3600)
    for name in "ab":
        assert set((tmp_path / name).read_bytes()) <= set(b"x\n")


def test_files_come_and_go(kind, backend, tmp_path, request):
    """Cancelled opens and replacements leave whole files, and no descriptor."""
    count = request.config.getoption("--count") // 20
    contents = {bytes([number]) * 3000 for number in range(8)}

    async def work(task):
        chance, path = random.Random(task), tmp_path / f"{task % 4}"
        for _ in range(count // 8):
            calls = [
                lambda: files().write_file(path, bytes([task]) * 3000, backend=backend),
                lambda: files().read_file(path, backend=backend),
                lambda: read(path, backend),
            ]
            told = Told(chance.choice(calls))
            if chance.random() < 0.7:
                await finished([told.task])
            else:
                await told.cancel(chance.randrange(8))
            assert told.error is None
            if isinstance(told.result, bytes):
                assert told.result in contents

    async def main():
        for number in range(4):
            await files().write_file(tmp_path / f"{number}", bytes(3000))
        tasks = [start(work(task)) for task in range(8)]
        for task in tasks:
            await task

    run(main(), kind, timeout=3600)
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2", "3"]


async def read(path, backend):
    """Open a file, read it in parts, and close it."""
    async with files().open(path, "rb", backend=backend) as file:
        return await file.read(1000) + await file.read(500) + await file.read()
