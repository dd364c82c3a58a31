"""Files of event loops beside Python's own, by each backend and in each kind of loop.

A file, a function or an error of ``butter.asyncio.aio`` has to be that of the
synchronous call; ``test_aio_files_limits.py`` has what a machine may lack, and
``test_aio_files_cancel.py`` what happens to calls that are cancelled.
"""

import ctypes
import errno
import gc
import io
import os
import pathlib
import stat
import sys
import time
import warnings

import pytest
from files import (
    BACKENDS,
    KINDS,
    Index,
    by_butter,
    by_python,
    caller,
    everywhere,
    files,
    in_asyncio,
    in_thread,
    step,
    twins,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import finished, run, start

NEWLINES = [None, "", "\n", "\r\n", "\r"]
if sys.implementation.name == "pypy":
    NEWLINES.remove("")  # to PyPy's own files "\r\r" is one end of a line

sizes = st.integers(-1, 30) | st.sampled_from([8191, 8193, 20_000])
offsets = st.integers(0, 40) | st.sampled_from([8192, 9000])
whole_lines = st.sampled_from([(), (-1,), (5,)])
of_any_file = [
    st.tuples(st.just("read"), sizes) | st.just(("read",)),
    st.builds(lambda args: ("readline", *args), whole_lines),
    st.just(("lines",)),
    st.tuples(st.just("readlines")),
    st.tuples(st.just("truncate"), offsets) | st.just(("truncate",)),
    st.just(("flush",)),
    st.just(("remember",)),
    st.tuples(st.just("return"), st.integers(0, 5)),
    st.just(("seek", 0)) | st.just(("seek", 0, 2)),
]
of_binary = st.one_of(
    *of_any_file,
    st.tuples(st.just("write"), st.binary(max_size=30) | st.integers(8000, 20_000)),
    st.tuples(st.just("writelines"), st.lists(st.binary(max_size=5), min_size=1, max_size=3)),
    st.tuples(st.just("readinto"), st.integers(0, 30)),
    st.tuples(st.just("pread"), st.integers(0, 30), offsets),
    st.tuples(st.just("seek"), st.integers(-5, 40), st.sampled_from([0, 1, 2])),
    st.just(("tell",)),
    st.just(("stat",)),
)
letters = st.text("aé€\U0001f600\r\n", max_size=12)
of_text = st.one_of(
    *of_any_file,
    st.tuples(st.just("write"), letters),
    st.tuples(st.just("writelines"), st.lists(st.text("a\r\n", max_size=5), min_size=1, max_size=3)),
)
MODES = ["r", "w", "a", "x", "r+", "w+", "a+", "x+"]


def compared(kind, tmp_path, strategy):
    """Have the steps of a *strategy* agree, each example in files of its own."""

    async def main():
        call = caller()

        async def agree(options, steps):
            async with twins(tmp_path, **options) as twin:
                for number, each in enumerate(steps):
                    ours, theirs = await twin.do(*each)
                    assert ours == theirs, steps[: number + 1]
                    if isinstance(theirs.error, UnicodeDecodeError):
                        return  # the place is undefined now

        @settings(max_examples=settings.default.max_examples // 4)
        @given(*strategy)
        def test(options, steps):
            call(agree, options, steps)

        await in_thread(test)

    run(main(), kind)


every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
one_by_one = pytest.mark.parametrize("backend", BACKENDS)


@every_kind
@one_by_one
def test_binary_files(kind, backend, tmp_path):
    """Any steps with a binary file return, raise and write what they do in Python."""
    options = st.fixed_dictionaries(
        {
            "content": st.lists(st.binary(max_size=20), max_size=4).map(b"\n".join) | st.just(20_000),
            "mode": st.sampled_from([f"{mode}b" for mode in MODES]),
            "buffering": st.sampled_from([-1, 0, 16]),
            "backend": st.just(backend),
        }
    )
    compared(kind, tmp_path, (options, st.lists(of_binary, max_size=10)))


@every_kind
@one_by_one
def test_text_files(kind, backend, tmp_path):
    """Any steps with a text file do the same, in any encoding, with any line ends."""
    options = st.fixed_dictionaries(
        {
            "content": letters.map(str.encode) | st.integers(8000, 20_000),
            "mode": st.sampled_from(MODES),
            "encoding": st.sampled_from(["utf-8", "utf-16-le", "latin-1", "ascii"]),
            "errors": st.sampled_from(["strict", "replace", "surrogateescape"]),
            "newline": st.sampled_from(NEWLINES),
            "buffering": st.sampled_from([-1, 1, 16]),
            "backend": st.just(backend),
        }
    )
    compared(kind, tmp_path, (options, st.lists(of_text, max_size=10)))


@everywhere
async def test_a_carriage_return_in_front_of_the_position(backend, tmp_path):
    """Such a position is behind the next byte, and not behind all that was read."""
    for steps in (
        [("read", 14), ("truncate", 0), ("read", -1)],
        [("read", 14), ("truncate",), ("seek", 0), ("read", -1)],
        [("read", 14), ("write", "x"), ("seek", 0), ("read", -1)],
    ):
        async with twins(tmp_path, 8000, "r+", backend, encoding="utf-8") as twin:
            for each in steps:
                ours, theirs = await twin.do(*each)
                assert ours == theirs, each


@everywhere
async def test_byte_order_marks(backend, tmp_path):
    """A file of UTF-16 has one mark, at its beginning, whatever is read and written."""
    steps = [
        ("write", "aé\n"),
        ("write", "€\n"),
        ("seek", 0),
        ("read", 1),
        ("remember",),
        ("readline",),
        ("return", 0),
        ("write", "bc"),
        ("seek", 0, 2),
        ("write", "end"),
        ("seek", 0),
        ("lines",),
        ("seek", 0),
        ("write", "new"),
        ("seek", 0),
        ("read", 5),
        ("truncate",),
        ("seek", 0),
        ("read",),
    ]
    for encoding in ("utf-16", "utf-8-sig"):
        async with twins(tmp_path, b"", "w+", backend, encoding=encoding) as twin:
            for number, step in enumerate(steps):
                ours, theirs = await twin.do(*step)
                assert ours == theirs, (encoding, steps[: number + 1])
    async with files().open(tmp_path / "empty", "w+", encoding="utf-16", backend=backend) as file:
        assert await file.read() == ""
        await file.truncate()
        assert await file.write("a") == 1
        assert await files().read_file(tmp_path / "empty") == "a".encode("utf-16")


OPENS = [
    ("file", "rw", {}),
    ("file", "", {}),
    ("file", "b", {}),
    ("file", "rt+b", {}),
    ("file", "q", {}),
    ("file", "rb", {"encoding": "utf-8"}),
    ("file", "rb", {"errors": "strict"}),
    ("file", "rb", {"newline": ""}),
    ("file", "r", {"newline": "x"}),
    ("file", "r", {"encoding": "no-such"}),
    ("file", "r", {"buffering": 0}),
    ("file", "x", {}),
    ("file\0", "r", {}),
    ("missing", "r", {}),
    ("missing", "r+b", {}),
    ("missing/below", "wb", {}),
    ("file/below", "rb", {}),
    ("folder", "r", {}),
    ("folder", "wb", {}),
    ("circle", "rb", {}),
    ("n" * 300, "rb", {}),
    ("n" * 300, "wb", {}),
]


@everywhere
async def test_opens_that_fail(backend, tmp_path):
    """A file that cannot be opened is the error of Python's open, with the path."""
    prepare(tmp_path)
    for name, mode, options in OPENS:
        path = os.path.join(tmp_path, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # PyPy forgets its own file
            theirs = by_python(open, path, mode, **options)
            if theirs.value is not None:
                theirs.value.close()
            if sys.implementation.name == "pypy":
                gc.collect()
                gc.collect()
        if theirs.error is None and sys.implementation.name == "pypy":
            continue  # which takes arguments that CPython refuses
        assert theirs.error is not None
        assert await by_butter(opened, path, mode, backend=backend, **options) == theirs, (name, mode, options)
    for path in (None, 1.5, ["x"]):
        assert isinstance((await by_butter(opened, path, backend=backend)).error, TypeError)
    with pytest.raises(ValueError, match="threads"):
        await files().open(tmp_path / "file", backend="thread")


async def opened(*args, **options):
    """Open a file and close it."""
    async with files().open(*args, **options):
        pass


def prepare(folder):
    """Make the files that the tests of functions and errors are about."""
    (folder / "file").write_text("content")
    (folder / "other").write_text("other")
    (folder / "folder").mkdir()
    (folder / "full").mkdir()
    (folder / "full/file").touch()
    (folder / "circle").symlink_to("circle")


#: the calls of functions that os has too; a path is below the folder of the test
CALLS = [
    ("stat", "file"),
    ("stat", "folder"),
    ("stat", "missing"),
    ("stat", "circle"),
    ("rename", "file", "new"),
    ("rename", "missing", "new"),
    ("rename", "file", "folder"),
    ("rename", "folder", "full"),
    ("rename", "file", "missing/new"),
    ("replace", "file", "other"),
    ("replace", "missing", "other"),
    ("unlink", "file"),
    ("unlink", "missing"),
    ("unlink", "folder"),
    ("unlink", "circle"),
    ("mkdir", "new"),
    ("mkdir", "file"),
    ("mkdir", "missing/new"),
    ("rmdir", "folder"),
    ("rmdir", "full"),
    ("rmdir", "file"),
    ("rmdir", "missing"),
]


@everywhere
async def test_functions(backend, tmp_path, monkeypatch):
    """The functions do and raise what those of os do, with both paths."""
    for name, *paths in CALLS:
        outcomes, trees = [], []
        for folder in (tmp_path / f"{name}-ours", tmp_path / f"{name}-theirs"):
            if not folder.exists():
                folder.mkdir()
                prepare(folder)
            monkeypatch.chdir(folder)
            ours = folder.name.endswith("ours")
            outcomes.append(
                await by_butter(getattr(files(), name), *paths, backend=backend)
                if ours
                else by_python(getattr(os, name), *paths)
            )
            trees.append(sorted((path.relative_to(folder), path.lstat().st_mode) for path in folder.rglob("*")))
        ours, theirs = outcomes
        if name == "stat" and theirs.error is None:
            assert (ours.value.st_size, ours.value.st_mode) == (theirs.value.st_size, theirs.value.st_mode)
            assert ours.value.st_mtime_ns <= theirs.value.st_mtime_ns
        else:
            assert ours == theirs, (name, paths)
        assert trees[0] == trees[1]


@everywhere
async def test_stat_is_that_of_os(backend, tmp_path):
    """A result of stat has the numbers of os.stat, of a path and of a file."""
    (tmp_path / "file").write_text("content")
    names = [name for name in dir(os.stat_result) if name.startswith("st_")]
    expected = os.stat(tmp_path / "file")
    async with files().open(tmp_path / "file", backend=backend) as file:
        found = [await files().stat(tmp_path / "file", backend=backend), await file.stat()]
    for each in found:
        for name in names:
            assert getattr(each, name) == getattr(expected, name), name


@everywhere
async def test_scandir(backend, tmp_path):
    """scandir returns the entries of os.scandir."""
    prepare(tmp_path)
    with os.scandir(tmp_path) as entries:
        expected = sorted(map(described, entries))
    async with files().scandir(tmp_path, backend=backend) as entries:
        assert sorted([described(entry) async for entry in entries]) == expected
    assert sorted(map(described, await files().scandir(tmp_path, backend=backend))) == expected
    for name in ("missing", "file"):
        theirs = by_python(os.scandir, tmp_path / name)
        assert await by_butter(scanned, tmp_path / name, backend) == theirs


def described(entry):
    """The facts of an entry of a directory."""
    return entry.name, entry.path, entry.is_dir(follow_symlinks=False), entry.inode()


async def scanned(path, backend):
    """The entries of a directory as a list."""
    return await files().scandir(path, backend=backend)


@everywhere
async def test_modes_of_new_files(backend, tmp_path):
    """Permissions, flags and the umask mean what they do for os.open and os.mkdir."""
    before = os.umask(0o027)
    try:
        async with files().open(tmp_path / "file", "wb", permissions=0o646, backend=backend) as file:
            assert not os.get_inheritable(file.fileno())
        await files().mkdir(tmp_path / "folder", backend=backend)
        await files().write_file(tmp_path / "written", b"x", backend=backend)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "folder", "written")]
    assert modes == [0o640, 0o750, 0o640]
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="link"):
        await files().open(tmp_path / "link", "rb", flags=os.O_NOFOLLOW, backend=backend)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        async with files().open("file", "rb", dir_fd=folder, backend=backend) as file:
            assert await file.read() == b""
    finally:
        os.close(folder)


@everywhere
async def test_attributes(backend, tmp_path):
    """A file has the name, mode, descriptor and abilities that Python's has."""
    path = tmp_path / "file"
    path.write_text("text")
    for mode in ("rb", "r", "ab", "r+", "a+b"):
        file = await files().open(path, mode, backend=backend)
        with open(path, mode) as twin:
            assert file.name == twin.name
            assert [file.readable(), file.writable(), file.seekable()] == [
                twin.readable(),
                twin.writable(),
                twin.seekable(),
            ]
        assert (file.mode, file.closed) == (mode, False)
        assert os.fstat(file.fileno()).st_ino == path.stat().st_ino
        assert str(path) in repr(file)
        await file.close()
        await file.close()
        assert file.closed
        assert str(path) in repr(file)
    async with files().open(path, backend=backend) as file:
        assert await file.buffer.pread(2, 1) == b"ex"


#: the calls of a file, each with arguments that it takes
METHODS = [
    ("read",),
    ("readline",),
    ("readlines",),
    ("write", b"x"),
    ("writelines", [b"x"]),
    ("seek", 0),
    ("tell",),
    ("truncate",),
    ("flush",),
    ("fsync",),
    ("fdatasync",),
    ("stat",),
    ("pread", 1, 0),
    ("pwrite", b"x", 0),
    ("readinto", bytearray(1)),
    ("readall",),
]


@everywhere
async def test_a_closed_file(backend, tmp_path):
    """Each method of a closed file raises ValueError."""
    file = await files().open(tmp_path / "file", "w+b", backend=backend)
    await file.close()
    for name, *args in METHODS:
        with pytest.raises(ValueError, match="closed"):
            await getattr(file, name)(*args)
    with pytest.raises(ValueError, match="closed"):
        file.fileno()
    with pytest.raises(ValueError, match="closed"):
        async for _ in file:
            pass
    with pytest.raises(ValueError, match="closed"):
        async with file:
            pass


@everywhere
async def test_what_a_mode_does_not_allow(backend, tmp_path):
    """A write of a file for reading, and the other way round, raise as Python's do."""
    for mode, calls in (("wb", ["read", "readline", "readall"]), ("w", ["read", "readline"])):
        async with files().open(tmp_path / "file", mode, backend=backend) as file:
            for name in calls:
                with pytest.raises(io.UnsupportedOperation):
                    await getattr(file, name)()
    for mode, text in (("rb", b"x"), ("r", "x")):
        async with files().open(tmp_path / "file", mode, backend=backend) as file:
            for name, args in (("write", (text,)), ("truncate", (0,)), ("writelines", ([text],))):
                with pytest.raises(io.UnsupportedOperation):
                    await getattr(file, name)(*args)
    async with files().open(tmp_path / "file", "r+b", backend=backend) as file:
        for name, *args in (
            ("write", "text"),
            ("write", 3),
            ("read", "3"),
            ("pread", 1, "0"),
            ("readinto", b"constant"),
            ("pwrite", "text", 0),
        ):
            with pytest.raises(TypeError):
                await getattr(file, name)(*args)
        for name, *args in (("pread", 1, -1), ("pread", -1, 0), ("pwrite", b"x", -1), ("seek", 0, 9)):
            with pytest.raises(ValueError):  # noqa: PT011
                await getattr(file, name)(*args)


@in_asyncio
async def test_integers_of_other_types(backend, tmp_path):
    """An object with ``__index__`` is a number, as in Python; floats are not."""
    (tmp_path / "file").write_bytes(b"0123456789\n" * 3)
    for mode in ("r+b", "r+"):
        async with files().open(tmp_path / "file", mode, backend=backend) as file:
            assert await file.seek(Index(22)) == 22
            assert await file.seek(Index(0), Index(2)) == 33
            assert await file.seek(Index(11), Index(0)) == 11
            found = [await file.readline(Index(2)), await file.readline(Index(-1))]
            assert found == ([b"01", b"23456789\n"] if "b" in mode else ["01", "23456789\n"])
            for wrong in (1.5, float("nan"), "1", b"1"):
                for name in ("seek", "readline"):
                    with pytest.raises(TypeError, match="must be an int, not"):
                        await getattr(file, name)(wrong)
                with pytest.raises(TypeError, match="whence must be an int, not"):
                    await file.seek(0, wrong)
            assert await file.tell() == 22
    async with files().open(tmp_path / "file", "r+", backend=backend) as file:
        assert await file.read(Index(3)) == "012"
        assert await file.truncate(Index(5)) == 5
        assert await file.read(Index(-1)) == "34"
        for wrong in (1.5, float("nan"), "1", b"1"):
            for name in ("read", "truncate"):
                with pytest.raises(TypeError, match="size must be an int, not"):
                    await getattr(file, name)(wrong)


@everywhere
async def test_positions_beyond_the_last(backend, tmp_path):
    """They are refused, by a path and by a descriptor, and the file goes on."""
    (tmp_path / "file").write_bytes(b"abc\n")
    for mode in ("r+b", "r+"):
        for target in (tmp_path / "file", os.open(tmp_path / "file", os.O_RDWR)):
            async with files().open(target, mode, backend=backend) as file:
                steps = [(1 << 63, 0), ((1 << 64) - 1, 0)]
                if mode == "r+b":
                    await file.seek((1 << 62) + 1)
                    steps = [(1 << 62, 1), ((1 << 63) - 1, 1), ((1 << 63) - 1, 2), (-5, 2), (-1, 0)]
                for step_ in steps:
                    with pytest.raises(OSError, match="Invalid argument") as caught:
                        await file.seek(*step_)
                    assert caught.value.errno == errno.EINVAL
                for wrong in (1 << 256, 1 << 191 | 1 << 192) if mode == "r+" else ():
                    with pytest.raises(ValueError, match="is not a position in this file"):
                        await file.seek(wrong)
                await file.seek(0)
                assert await file.read() in (b"abc\n", "abc\n")


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy does not tell such shapes")
@in_asyncio
async def test_memory_of_any_shape(backend, tmp_path):
    """Empty arrays have no bytes; those with gaps are refused before the call."""
    empty, gaps = (ctypes.c_char * 3 * 0)(), memoryview(bytearray(b"abcdefgh"))[::2]
    square = (ctypes.c_short * 2 * 2)((1, 2), (3, 4))
    assert memoryview(empty).shape == (0, 3)
    async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
        assert await file.write(square) == await file.pwrite(square, 8) == 8
        for call in (file.write, file.readinto, lambda data: file.pwrite(data, 0)):
            assert await call(empty) == 0
            with pytest.raises(BufferError, match=r"not contiguous in memory; bytes\(data\) is"):
                await call(gaps)
        with pytest.raises(BufferError, match=r"not contiguous in memory; bytes\(data\) is"):
            await files().write_file(tmp_path / "file", gaps, atomic=False, backend=backend)
        assert await file.tell() == 8
        assert (tmp_path / "file").read_bytes() == bytes(square) * 2
        with pytest.raises(TypeError, match="read-write"):
            await file.readinto(memoryview(empty).toreadonly())
    await files().write_file(tmp_path / "file", empty, backend=backend)
    assert (tmp_path / "file").read_bytes() == b""


class Undecided:
    """An object that is neither true nor false, as an array is."""

    def __bool__(self):
        raise ValueError("neither true nor false")


@in_asyncio
async def test_a_closefd_that_is_not_a_truth(backend, tmp_path):
    """It is refused before the file has the descriptor, which stays open."""
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(ValueError, match="neither true nor false"):
            await files().open(fd, "rb", closefd=Undecided(), backend=backend)
        gc.collect()
        os.fstat(fd)
    finally:
        os.close(fd)


@in_asyncio
async def test_a_text_tells_that_it_is_closed(tmp_path):
    """As a file of bytes does."""
    for mode, kind in (("w", "TextFile"), ("wb", "File")):
        async with files().open(tmp_path / "file", mode) as file:
            assert repr(file).startswith(f"<{kind} name=")
        assert repr(file).startswith(f"<closed {kind} name=")


@everywhere
async def test_reads_and_writes_at_once(backend, tmp_path):
    """Tasks read and write a file at their offsets at once, each its own bytes."""
    block = 4096
    async with files().open(tmp_path / "file", "w+b", backend=backend) as file:

        async def work(number):
            text = bytes([number]) * block
            assert await file.pwrite(text, number * block) == block
            return await file.pread(block, number * block) == text

        tasks = [start(work(number)) for number in range(100)]
        await finished(tasks)
        assert all(task.result() for task in tasks)
        assert await file.tell() == 0
        assert len(await file.read()) == 100 * block


@everywhere
async def test_reads_in_order_at_once(backend, tmp_path):
    """Tasks that read on from one position get each line once."""
    lines = [f"{number}\n".encode() for number in range(200)]
    (tmp_path / "file").write_bytes(b"".join(lines))
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:

        async def work():
            return [line for line in [await file.readline() for _ in range(10)] if line]

        tasks = [start(work()) for _ in range(20)]
        await finished(tasks)
        assert sorted(line for task in tasks for line in task.result()) == sorted(lines)


@everywhere
async def test_large_files(backend, tmp_path):
    """Megabytes are written and read whole, at once and in parts."""
    content = os.urandom(1 << 20) * 3 + b"end"
    path = tmp_path / "file"
    async with files().open(path, "wb", backend=backend) as file:
        assert await file.write(content) == len(content)
        await file.fsync()
        await file.fdatasync()
    assert path.read_bytes() == content
    async with files().open(path, "rb", backend=backend) as file:
        assert await file.read() == content
        assert await file.read() == b""
        await file.seek(0)
        parts = [await file.read(1 << 17) for _ in range(25)]
        assert b"".join(parts) == content
    assert await files().read_file(path, backend=backend) == content
    await files().write_file(path, content[:100], backend=backend)
    assert path.read_bytes() == content[:100]


@everywhere
async def test_files_that_tell_no_size(backend):
    """A file of /proc is read to its end, and one without an end as far as is asked."""
    expected = pathlib.Path("/proc/self/cmdline").read_bytes()
    assert await files().read_file("/proc/self/cmdline", backend=backend) == expected
    async with files().open("/proc/self/cmdline", "rb", backend=backend) as file:
        assert await file.read() == expected
    async with files().open("/dev/zero", "rb", backend=backend) as file:
        assert await file.read(10) == bytes(10)
    async with files().open("/dev/full", "wb", buffering=0, backend=backend) as file:
        with pytest.raises(OSError, match="space"):
            await file.write(b"x")


@everywhere
async def test_copy(backend, tmp_path):
    """copy writes what is left of a file, or a part of it, to another."""
    (tmp_path / "file").write_bytes(b"0123456789")
    source = files().open(tmp_path / "file", "rb", backend=backend)
    async with source as file, files().open(tmp_path / "copy", "wb", backend=backend) as target:
        assert await file.copy(target, 4) == 4
        assert await file.copy(target) == 6
        assert await file.copy(target) == 0
    assert (tmp_path / "copy").read_bytes() == b"0123456789"


@everywhere
async def test_copy_to_another_name_of_the_file(backend, tmp_path):
    """A copy to another name of the same file raises, and the file stays as it is."""
    (tmp_path / "file").write_bytes(b"0123456789")
    os.link(tmp_path / "file", tmp_path / "link")
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        for name in "file", "link":
            with pytest.raises(ValueError, match="copied to itself"):
                await file.copy(tmp_path / name)
        assert await file.copy("/dev/null", 4) == 4
        (tmp_path / "longer").write_bytes(b"x" * 20)
        assert await file.copy(tmp_path / "longer") == 6
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    assert (tmp_path / "longer").read_bytes() == b"456789"


@everywhere
async def test_other_tasks_run_beside_reads(backend, tmp_path):
    """Others run between reads of a task that works for long, and between its lines."""
    (tmp_path / "file").write_bytes(b"a line\n" * 50_000)
    count = 0

    async def others():
        nonlocal count
        while True:
            count += 1
            await step(1)

    other = start(others())
    async with files().open(tmp_path / "file", "rb", backend=backend) as file:
        for _ in range(10):
            await file.read(7)
            end = time.perf_counter() + 0.006
            while time.perf_counter() < end:
                pass
        assert count >= 9
        for mode in "rb", "r":
            before = count
            async with files().open(tmp_path / "file", mode, backend=backend) as lines:
                async for _ in lines:
                    pass
            assert count > before + 5
    other.cancel()
    await finished([other])


@everywhere
async def test_backends(backend, tmp_path):
    """The table tells the backend of each operation, and a file the one that it has."""
    table = files().backend(backend) if backend else files().backend()
    assert set(table.values()) <= {"uring", "aio", "threads"}
    assert table["pread" if "pread" in table else "read"] == backend
    assert table["scandir"] == "threads"
    async with files().open(tmp_path / "file", "wb", backend=backend) as file:
        assert file.backend == backend
    async with files().open(tmp_path / "file", "wb") as file:
        assert file.backend in ("uring", "aio", "threads")
