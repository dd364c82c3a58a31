"""Long reads of files: what they return, their work, and how they end early."""

import os
import sys
import tempfile
import time

import pytest
from features import LONG
from files import BACKENDS, Index, Told, everywhere, files, in_asyncio, sleep, step, twins
from loops import finished, start, turn, under_trio, within
from support import needs

from butter._awaitables import _files_loop, _files_text

MIB = 1 << 20
PYPY = sys.implementation.name == "pypy"


@everywhere
async def test_large_reads(backend, tmp_path):
    """A large read returns the bytes of the file, whatever its size and its offset."""
    content = os.urandom(3 * MIB + 5)
    (tmp_path / "file").write_bytes(content)
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        for size in (2 * MIB, len(content), len(content) + 1, 1 << 40):
            await file.seek(0)
            assert await file.read(size) == content[:size]
            assert await file.tell() == min(size, len(content))
            assert await file.pread(size, 7) == content[7 : 7 + size]
            assert await file.read(size) == content[size:]
        await file.seek(9)
        assert await file.read() == content[9:]
        assert await file.read(1 << 40) == await file.pread(2 * MIB, len(content)) == b""
    assert await files().read_file(tmp_path / "file", backend=backend) == content


@in_asyncio
async def test_a_file_that_grows_and_shrinks(backend, tmp_path):
    """A large read has what the file has now, and not when it was opened."""
    content = os.urandom(3 * MIB)
    async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
        for size in (3 * MIB, MIB, 5):
            (tmp_path / "file").write_bytes(content[:size])
            await file.seek(0)
            assert await file.read() == content[:size]
            assert await file.pread(1 << 40, 0) == content[:size]
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        (tmp_path / "file").write_bytes(content)
        assert await file.read() == content
        (tmp_path / "file").write_bytes(content[:7])
        assert await file.pread(2 * MIB, 0) == content[:7]


@in_asyncio
async def test_each_large_read_has_bytes_of_its_own(backend, tmp_path):
    """The bytes that a large read has returned stay when others follow."""
    content = [bytes([number]) * 2 * MIB for number in range(4)]
    (tmp_path / "file").write_bytes(b"".join(content))
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        found = [await file.read(2 * MIB) for _ in content]
        tasks = [start(file.pread(2 * MIB, number * 2 * MIB)) for number in range(4)]
        await finished(tasks)
    assert found == content == [task.result() for task in tasks]


def direct(path):
    """A new descriptor that reads the file at *path* past the kernel's cache."""
    return os.open(path, os.O_RDONLY | os.O_DIRECT)


def has_direct():
    """Whether the disk of temporary files can be read so."""
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.close(direct(file.name))
        except OSError:
            return False
    return True


@needs(when=has_direct, reason="needs a filesystem with O_DIRECT")
@pytest.mark.skipif(PYPY, reason="PyPy reads into memory of its own, which is not aligned")
@in_asyncio
async def test_large_reads_of_the_disk_itself(backend, tmp_path):
    """With O_DIRECT large reads and lines return the same bytes up to an odd end."""
    content = b"x" * MIB + os.urandom(2 * MIB + 777)
    (tmp_path / "file").write_bytes(content)
    async with files().open(direct(tmp_path / "file"), "rb", backend=backend) as file:
        assert await file.read() == content
        await file.seek(0)
        assert await file.read(2 * MIB) == content[: 2 * MIB]
        assert await file.read(4 * MIB) == content[2 * MIB :]
        assert await file.pread(8 * MIB, 4096) == content[4096:]
        await file.seek(0)
        assert b"".join([line async for line in file]) == content


@pytest.mark.skipif(PYPY, reason="PyPy copies the bytes")
@in_asyncio
async def test_a_large_read_leaves_the_loop_alone(backend, tmp_path):
    """Its bytes are neither cleared nor copied by the loop's thread."""
    size = 33 * MIB  # of such a size the allocator always maps new memory
    (tmp_path / "file").write_bytes(bytes(size))
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        calls = [lambda: file.pread(size, 0), lambda: files().read_file(tmp_path / "file", backend=backend)]
        for call in calls:
            # the time of this thread, in which nothing else runs
            used, copied = [], []
            for _ in range(2):
                before = time.thread_time()
                data = await call()
                used.append(time.thread_time() - before)
                assert len(data) == size
                del data
                before = time.thread_time()
                bytes(bytearray(size))
                copied.append(time.thread_time() - before)
            assert min(used) < min(copied) / 2


class Searched(bytes):
    """Bytes that count how many of them are searched."""

    count = 0

    def find(self, what, begin, end):
        """As of bytes."""
        Searched.count += min(end, len(self)) - begin
        return super().find(what, begin, end)


@in_asyncio
async def test_a_long_line_is_searched_once(backend, tmp_path):
    """However long a line is, each byte of it is searched once, and joined once."""
    size = 5 * MIB + 3
    (tmp_path / "file").write_bytes(b"x" * size + b"\nsecond\n")
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        portion, sizes = file._portion, []

        async def counted(*args, **options):
            found = Searched(await portion(*args, **options))
            sizes.append(len(found))
            return found

        file._portion, Searched.count = counted, 0
        line = await file.readline()
        assert len(line) == size + 1
        assert line.endswith(b"x\n")
        assert Searched.count == sum(sizes)
        assert len(sizes) < 30
        assert await file.readline(0) == b""
        assert await file.readline(3) == b"sec"
        assert await file.readline() == b"ond\n"
        assert await file.tell() == size + 8
        await file.seek(0)
        assert await file.readline(0) == b""
        assert await file.readline(2 * MIB) == b"x" * (2 * MIB)
        assert await file.tell() == 2 * MIB


class Decoder:
    """The decoder of a file, which counts what it decodes, and what the file has."""

    def __init__(self, file):
        self.decoded = self.had = 0
        self._file, self._decoder = file, file._decoder
        self.getstate, self.setstate, self.reset = file._decoder.getstate, file._decoder.setstate, file._decoder.reset

    def decode(self, data, final=False):
        """As of other decoders."""
        self.decoded += len(data)
        self.had += len(self._file._decoded) + len(self._file._snapshot[2] if self._file._snapshot else b"")
        return self._decoder.decode(data, final)


@in_asyncio
async def test_each_byte_of_a_text_is_decoded_once(backend, tmp_path):
    """Each byte of a long text is decoded once, and what was taken is not kept."""
    size = 4 * MIB
    (tmp_path / "file").write_bytes(b"x" * size + b"\nsecond\n")
    for call in ("read", "readline"):
        for args in ((), (size,)):
            async with files().open(tmp_path / "file", "r", backend=backend) as file:
                file._decoder = decoder = Decoder(file)
                text = await getattr(file, call)(*args)
                assert text.startswith("x" * size)
                assert size <= decoder.decoded <= size + MIB
                assert decoder.had <= 2 * (size + MIB)
                assert await file.tell() == len(text)


CODECS = [
    *("utf-8", "utf-16", "utf-8-sig", "iso2022_jp", "utf-32"),
    pytest.param("utf-7", marks=pytest.mark.skipif(PYPY, reason="PyPy's own files read another text")),
]


@in_asyncio
@pytest.mark.parametrize("encoding", CODECS)
async def test_long_texts(encoding, tmp_path):
    """Long lines and reads agree with Python's, and so do their positions."""
    text = ("あ" * 9 + "a\r\nb\rc\n" * 7) * 400 + "あ" * 40_000 + "\r\n" + "x" * 70_001 + "\r" + "あ\n" * 9000
    steps = [("read", 20_000), ("remember",), ("readline",), ("remember",), ("readline", 100_000), ("remember",)]
    steps += [("readline",), ("return", 0), ("readline",), ("read", 150_000), ("return", 1), ("readline", 33_000)]
    steps += [("remember",), ("return", 2), ("readline",), ("return", 3), ("readline",), ("read",), ("read", 1)]
    if encoding == "utf-7" or (PYPY and encoding == "iso2022_jp"):
        # of which Python's own files, or PyPy's, do not always know the position
        steps = [each for each in steps if each[0] not in ("remember", "return")]
    for newline in (None, "", "\n", "\r", "\r\n"):
        async with twins(tmp_path, text.encode(encoding), "r", None, encoding=encoding, newline=newline) as twin:
            for number, each in enumerate(steps):
                ours, theirs = await twin.do(*each)
                assert ours == theirs, (newline, steps[: number + 1])


@everywhere
async def test_a_cancelled_read_of_many_portions(backend, tmp_path):
    """A long read that is cancelled has not moved, and loses nothing."""
    content = b"x" * (2 * MIB) + b"\nsecond\n"
    (tmp_path / "file").write_bytes(content)
    for mode in ("rb", "r"):
        async with files().open(tmp_path / "file", mode, backend=backend) as file:
            first = await file.read(5)
            for turns in range(12):
                before = await file.tell()
                call = Told(*((file.readline,) if turns % 2 else (file.read, MIB)))
                await call.cancel(turns)
                if not call.cancelled:
                    await file.seek(before)
                assert await file.tell() == before == 5
            found = first + await file.readline()
            assert found == (content[: -len(b"second\n")] if mode == "rb" else "x" * (2 * MIB) + "\n")
            assert await file.read() in (b"second\n", "second\n")


@everywhere
async def test_a_cancelled_line_of_a_pipe(backend, tmp_path):
    """The next call has what a cancelled one has read of a pipe."""
    os.mkfifo(tmp_path / "fifo")
    for mode, end in (("rb", b"\n"), ("r", "\n")):
        writer = os.open(tmp_path / "fifo", os.O_RDWR)
        try:
            async with files().open(tmp_path / "fifo", mode, backend=backend) as file:
                for name, *args in (("readline",), ("read", 30_000), ("readline", 40_000), ("read",)):
                    if mode == "rb" and name == "read" and args:
                        continue  # such a read returns what is there
                    call, sent = Told(getattr(file, name), *args), b""
                    for _ in range(3):
                        os.write(writer, b"x" * 5000)
                        sent += b"x" * 5000
                        await turn(3)
                    call.task.cancel()
                    if backend != "uring":
                        os.write(writer, b"y")  # a thread cannot be interrupted
                        sent += b"y"
                    await finished([call.task])
                    assert call.cancelled
                    os.write(writer, b"\n")
                    line = await within(LONG, file.readline())
                    assert line == (sent + b"\n" if mode == "rb" else sent.decode() + "\n")
                    assert line.endswith(end)
        finally:
            os.close(writer)


@everywhere
async def test_a_read_of_a_pipe_that_is_cancelled_before_its_turn(backend, tmp_path):
    """The next one has what is decoded already."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    try:
        async with files().open(tmp_path / "fifo", "r", backend=backend) as file:
            os.write(writer, b"ab\ncd\nef")
            assert await within(LONG, file.readline()) == "ab\n"
            _files_loop.turns.until = 0
            call = Told(file.readline)
            await call.cancel(1)
            assert call.cancelled or call.result == "cd\n"
            if call.cancelled:
                assert await within(LONG, file.readline()) == "cd\n"
            os.write(writer, b"\n")
            assert await within(LONG, file.readline()) == "ef\n"
    finally:
        os.close(writer)


CALLS = [
    ("read", 20_000),
    ("read",),
    ("readline",),
    ("tell",),
    ("seek", 3),
    ("seek", 0, 1),
    ("write", "z"),
    ("truncate",),
]


@everywhere
async def test_a_text_that_is_closed_meanwhile(backend, tmp_path):
    """A call of several operations that is under way at the close has its result."""
    for name, *args in CALLS:
        (tmp_path / "file").write_text("é" * 30_000 + "\n")
        file = await files().open(tmp_path / "file", "r+", encoding="utf-8", backend=backend)
        assert await file.read(1) == "é"
        await file.buffer._enter()  # an operation that others wait for
        call = Told(getattr(file, name), *args)
        await turn(2)
        closing = start(file.close())
        await turn(2)
        file.buffer._leave()
        await finished([call.task, closing])
        assert call.error is None
        assert call.result is not None
        assert file.closed
        with pytest.raises(ValueError, match="closed file"):
            await file.readline()


@everywhere
async def test_a_text_of_a_pipe_that_is_closed_meanwhile(backend, tmp_path):
    """A read that has some of its characters waits for the others all the same."""
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    try:
        file = await files().open(tmp_path / "fifo", "r", backend=backend)
        call = Told(file.read, 10)
        os.write(writer, b"abc")
        await turn(5)
        closing = start(file.close())
        await turn(5)
        for letter in b"defghij":
            os.write(writer, bytes([letter]))
            await sleep(0.002)
        await finished([call.task, closing])
        assert call.result == "abcdefghij"
    finally:
        os.close(writer)


@everywhere
async def test_a_write_of_text_that_is_cancelled_in_the_line(backend, tmp_path):
    """It has written nothing, says so, and leaves the position of the text."""
    for encoding, newline in (("utf-8", None), ("utf-16", ""), ("iso2022_jp", "\r\n")):
        (tmp_path / "file").write_bytes("あb\r\ncd\r\n".encode(encoding))
        async with files().open(tmp_path / "file", "r+", encoding=encoding, newline=newline, backend=backend) as file:
            assert await file.read(2) == "あb"
            before = await file.tell()
            for turns in range(1, 4):
                await file.buffer._enter()
                call = Told(file.write, "x")
                await step(turns)
                call.task.cancel()
                await turn(2)
                file.buffer._leave()
                await finished([call.task])
                assert call.cancelled
                assert call.written == 0
                assert await file.tell() == before
            assert (await file.read()).replace("\r", "") == "\ncd\n"
            await file.seek(before)
            assert await file.write("y") == 1
            await file.seek(0)
            assert (await file.read(3)).startswith("あby")


@everywhere
async def test_a_text_of_several_tasks(backend, tmp_path):
    """A call begins where the calls before it have left the text."""
    steps = {
        ("write", "X\n"): "a\nb\nX\n",
        ("truncate",): "a\nb\n",
        ("seek", 0, 2): "a\nb\nc\nend",
        ("seek", 0): "end\nc\n",
    }
    for (name, *args), expected in steps.items():
        (tmp_path / "file").write_text("a\nb\nc\n")
        async with files().open(tmp_path / "file", "r+", backend=backend) as file:
            assert await file.readline() == "a\n"
            await file.buffer._enter()  # an operation that others wait for
            calls = [Told(file.readline)]
            await turn(2)
            calls.append(Told(getattr(file, name), *args))
            await turn(2)
            if name == "seek":
                calls.append(Told(file.write, "end"))
                await turn(2)
            file.buffer._leave()
            await finished([call.task for call in calls])
            assert [call.error for call in calls] == [None] * len(calls)
            assert calls[0].result == "b\n"
        assert (tmp_path / "file").read_text() == expected, name


@everywhere
async def test_lines_of_a_text_for_several_tasks(backend, tmp_path):
    """Each line goes to one task, and each text that they write is whole."""
    lines = [f"{number}\n" for number in range(3000)]
    (tmp_path / "file").write_text("".join(lines))
    async with files().open(tmp_path / "file", "r+", backend=backend) as file:
        found = []

        async def take():
            found.extend([line async for line in file])

        await finished([start(take()) for _ in range(3)])
        assert sorted(found, key=int) == lines

        async def give(number):
            for _ in range(20):
                await file.write(f"{number}" * 5 + "\n")

        await finished([start(give(number)) for number in range(3)])
        await file.seek(0)
        whole = (await file.read()).splitlines(keepends=True)
    assert whole[:3000] == lines
    assert sorted(whole[3000:]) == sorted(20 * ["00000\n", "11111\n", "22222\n"])


@in_asyncio
async def test_a_text_whose_file_others_move(backend, tmp_path):
    """A write goes where the text was read up to, or where others have gone since."""
    for moved, expected in ((None, "one\nTWO\nthree\n"), (8, "one\ntwo\nTWO\ne\n")):
        for shared in (False, True):
            (tmp_path / "file").write_text("one\ntwo\nthree\n")
            fd = os.open(tmp_path / "file", os.O_RDWR)
            try:
                target = fd if shared else tmp_path / "file"
                async with files().open(target, "r+", closefd=not shared, backend=backend) as file:
                    assert await file.readline() == "one\n"
                    if moved and shared:
                        os.lseek(fd, moved, os.SEEK_SET)
                    elif moved:
                        await file.buffer.seek(moved)
                    assert await file.write("TWO\n") == 4
                    end = 4 + (moved or 4)
                    assert await file.tell() == await file.buffer.tell() == end
                    assert not shared or os.lseek(fd, 0, os.SEEK_CUR) == end
            finally:
                os.close(fd)
            assert (tmp_path / "file").read_text() == expected


@in_asyncio
async def test_the_file_of_a_text_goes_back(backend, tmp_path):
    """To where the text was read up to, by the way that the documentation tells."""
    (tmp_path / "file").write_bytes("é\r\ntwo\n".encode() * 3000)
    async with files().open(tmp_path / "file", encoding="utf-8", backend=backend) as file:
        assert await file.readline() == "é\n"
        assert await file.buffer.tell() > 4
        await file.seek(await file.tell())
        assert await file.buffer.tell() == 4
        assert await file.buffer.readline() == b"two\n"


@in_asyncio
async def test_portions_of_a_text(monkeypatch, tmp_path):
    """A text that is encoded in portions is the same in the file."""
    monkeypatch.setattr(_files_text, "_CHARACTERS", 3)
    text = "あb\r\n\n\ncdé\n\rあああ" * 5
    for encoding in ("utf-8", "utf-16", "utf-8-sig", "iso2022_jp_2", "utf-32"):
        for newline in (None, "", "\n", "\r", "\r\n"):
            async with twins(tmp_path, b"", "w+", None, encoding=encoding, newline=newline) as twin:
                for each in (("write", text), ("write", ""), ("write", "x"), ("seek", 0), ("read",)):
                    ours, theirs = await twin.do(*each)
                    assert ours == theirs, (encoding, newline, each)
    async with files().open(tmp_path / "file", "w", encoding="ascii") as file:
        with pytest.raises(UnicodeEncodeError) as caught:
            await file.write("abcdefé")
        assert caught.value.characters_written == 0
        assert await file.write("ok") == 2
    assert (tmp_path / "file").read_text() == "ok"


class Encoder:
    """The encoder of a text, with what *call* returns before each portion."""

    def __init__(self, file, call):
        self.encoder, self.call, self.found = file._encoder, call, []

    def encode(self, text):
        self.found.append(self.call())
        return self.encoder.encode(text)

    def __getattr__(self, name):
        return getattr(self.encoder, name)


@everywhere
async def test_a_huge_text(backend, tmp_path):
    """Others run while it is encoded; a cancelled write of it has written nothing."""
    text = "é\n" * (2 * MIB)
    async with files().open(tmp_path / "file", "w", encoding="utf-16", newline="\r\n", backend=backend) as file:
        turns = []

        async def others():
            while file._encoder.found is not None:
                turns.append(1)
                await step(1)

        def long():
            _files_loop.turns.until = 0
            return len(turns)

        file._encoder = encoder = Encoder(file, long)
        task = start(others())
        for number in (1, 2):
            call = Told(file.write, text)
            while len(encoder.found) < number:
                await step(1)
            call.task.cancel()
            await finished([call.task])
            assert call.cancelled
            assert call.written == await file.tell() == 0
            encoder.found.clear()
        assert await file.write(text) == len(text)
        assert len(encoder.found) == 4
        assert encoder.found[-1] - encoder.found[0] >= 2
        encoder.found = None
        await finished([task])
    assert (tmp_path / "file").read_bytes() == text.replace("\n", "\r\n").encode("utf-16")


@in_asyncio
async def test_lines_up_to_a_hint(tmp_path):
    """As many as have so many characters, as Python's own."""
    for mode, options in (("r", {"encoding": "utf-8"}), ("rb", {})):
        await lines_up_to_a_hint(tmp_path, mode, options)


async def lines_up_to_a_hint(folder, mode, options):
    """The lines up to each hint by butter are those by Python."""
    async with twins(folder, "é\n€€\n\nlast".encode(), mode, None, **options) as twin:
        for hint in (None, -1, 0, 1, 2, 3, 5, 6, 7, 100, Index(4), True):
            await twin.do("seek", 0)
            ours, theirs = await twin.file.readlines(hint), twin.twin.readlines(hint)
            assert ours == theirs, hint
            assert await twin.file.read() == twin.twin.read()
        for wrong in (1.5, "1"):
            with pytest.raises(TypeError, match="hint must be an int"):
                await twin.file.readlines(wrong)


@pytest.mark.parametrize("backend", BACKENDS)
@under_trio
async def test_large_calls_in_a_cancelled_scope(backend, tmp_path):
    """Under trio a read of any size, or of nothing, looks for a cancellation."""
    import trio

    (tmp_path / "file").write_bytes(b"x" * (2 * MIB))
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        for name, *args in (("pread", 0, 0), ("pread", 2 * MIB, 0), ("read", 2 * MIB), ("read", 0), ("readline", 0)):
            for pause in (0, 0.01):
                await trio.sleep(pause)
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await getattr(file, name)(*args)
                assert scope.cancelled_caught, (name, args)
        assert await file.tell() == 0
