"""Files of event loops at the limits of the machine, forgotten and forked."""

import asyncio
import codecs
import errno
import gc
import os
import resource
import sys
import threading
import warnings

import pytest
from features import LONG
from files import BACKENDS, KINDS, Told, everywhere, files, step
from loops import TRIO, finished, run, start, turn
from support import become_nobody, descriptors, in_child, inject, needs

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_backend = pytest.mark.parametrize("backend", BACKENDS)


async def use(path, backend=None):
    """Use files as programs do, and return the backend of a file."""
    async with files().open(path, "w+b", backend=backend) as file:
        await file.write(b"0123456789" * 1000)
        await file.fsync()
        assert await file.pread(4, 10) == b"0123"
        await file.seek(0)
        assert len(await file.read()) == 10_000
        name = file.backend
    assert (await files().stat(path)).st_size == 10_000
    await files().write_file(path, b"new")
    assert await files().read_file(path) == b"new"
    await files().unlink(path)
    return name


@every_kind
@every_backend
def test_without_locked_memory(kind, backend, public_path):
    """A user that may lock no memory has files; a ring's error names that limit."""
    public_path.chmod(0o777)

    def body():
        become_nobody()
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        run(use(public_path / "file"), kind)
        try:
            assert run(use(public_path / "file", backend), kind) == backend
        except OSError as error:
            return backend == "uring" and "RLIMIT_MEMLOCK is 0 bytes" in str(error)
        return True

    assert in_child(body)


@every_kind
def test_without_io_uring(kind, tmp_path):
    """Where a filter forbids io_uring the next backend works; that, named, raises."""

    def body(number):
        inject("io_uring_setup", number)
        assert "uring" not in run(table(), kind).values()
        assert run(use(tmp_path / "file"), kind) in ("aio", "threads")
        with pytest.raises(OSError, match="seccomp") as caught:
            run(use(tmp_path / "file", "uring"), kind)
        assert caught.value.errno == number

    for number in (errno.EPERM, errno.ENOSYS):
        in_child(body, number)


async def table():
    """The backend of each operation."""
    return dict(files().backend())


@every_kind
def test_without_io_uring_and_aio(kind, tmp_path):
    """Where nothing of the kernel's is left, threads do the work."""

    def body():
        inject("io_uring_setup", errno.EPERM)
        inject("io_setup", errno.EAGAIN)
        assert set(run(table(), kind).values()) == {"threads"}
        assert run(use(tmp_path / "file"), kind) == "threads"
        with pytest.raises(OSError, match=r"fs\.aio-max-nr"):
            run(use(tmp_path / "file", "aio"), kind)

    in_child(body)


def fill():
    """Take all descriptors that are left, and return them."""
    used = [os.open("/dev/null", os.O_RDONLY)]
    try:
        while True:
            used.append(os.dup(used[0]))
    except OSError:
        return used


@every_kind
@every_backend
def test_descriptors_are_used_up(kind, backend, tmp_path):
    """An open without a descriptor left names the limit, and the file later opens."""

    async def main():
        # what the backend itself needs is there
        await use(tmp_path / "file", backend)
        used = fill()
        with pytest.raises(OSError, match="RLIMIT_NOFILE") as caught:
            await files().open(tmp_path / "file", "wb", backend=backend)
        assert (caught.value.errno, caught.value.filename) == (errno.EMFILE, str(tmp_path / "file"))
        for fd in used:
            os.close(fd)
        await use(tmp_path / "file", backend)

    def body():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        run(main(), kind)

    in_child(body)


@every_kind
def test_the_first_file_without_descriptors(kind, tmp_path):
    """Where not even the backend gets a descriptor, the error is that of the limit."""

    async def main():
        codecs.lookup("ascii")  # PyPy imports it for the names of trio's threads
        used = fill()
        with pytest.raises(OSError, match="RLIMIT_NOFILE") as caught:
            await files().open(tmp_path / "file", "wb")
        assert caught.value.errno == errno.EMFILE
        for fd in used:
            os.close(fd)
        await use(tmp_path / "file")

    def body():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        run(main(), kind)

    in_child(body)


@every_kind
@every_backend
def test_a_full_disk(kind, backend, tmp_path):
    """A write_file that fails leaves the old content, and no other file."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    async def main():
        with pytest.raises(OSError) as caught:  # noqa: PT011
            await files().write_file(path, bytes(100_000), backend=backend)
        assert caught.value.errno == errno.EFBIG
        async with files().open(tmp_path / "other", "wb", backend=backend) as file:
            with pytest.raises(OSError):  # noqa: PT011
                await file.write(bytes(100_000))
            await file.truncate(0)
            await file.seek(0)
        os.unlink(tmp_path / "other")

    def body():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        run(main(), kind)

    in_child(body)
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["openat", "fchmod", "pwritev2", "fsync", "rename"])
def test_calls_that_fail_in_write_file(call, tmp_path):
    """Whichever call of it fails, a write_file by threads leaves one whole file."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    async def main():
        try:
            await files().write_file(path, b"new", backend="threads")
        except OSError as error:
            return error.errno
        return None

    def body():
        inject(call, errno.EDQUOT)
        return run(main())

    failed = in_child(body)
    assert failed in (None, errno.EDQUOT)
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == (b"old" if failed else b"new")


@everywhere
async def test_write_file_of_what_it_cannot(backend, tmp_path):
    """write_file to a folder, or below a file, raises with the path."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name, kind in (("folder", IsADirectoryError), ("file/x", NotADirectoryError), ("none/x", FileNotFoundError)):
        for atomic in (True, False):
            with pytest.raises(kind) as caught:
                await files().write_file(tmp_path / name, b"x", atomic=atomic, backend=backend)
            assert caught.value.filename == str(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert os.listdir(tmp_path / "folder") == []


@everywhere
async def test_write_file_keeps_what_it_replaces(backend, tmp_path):
    """write_file keeps the permissions of the file, and follows a link to it."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    await files().write_file(tmp_path / "link", b"new", backend=backend)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o7777 == 0o640


@needs("CAP_CHOWN")
@everywhere
async def test_write_file_keeps_the_owner(backend, tmp_path, monkeypatch):
    """A new file has the owner of the old one, or none of the bits that give rights."""
    (tmp_path / "file").write_bytes(b"old")
    for change, mode in ((os.fchown, 0o4755), (refused, 0o755)):
        os.chown(tmp_path / "file", 12345, 12346)
        (tmp_path / "file").chmod(0o4755)
        monkeypatch.setattr(os, "fchown", change)
        await files().write_file(tmp_path / "file", b"new", backend=backend)
        found = (tmp_path / "file").stat()
        assert found.st_mode & 0o7777 == mode
        assert (found.st_uid == 12345) == (found.st_gid == 12346) == (change is not refused)


def refused(*_):
    raise PermissionError(errno.EPERM, "not allowed")


@everywhere
async def test_write_file_of_a_pipe(backend, tmp_path):
    """A named pipe is written, and not replaced."""
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    await files().write_file(tmp_path / "pipe", b"bytes", backend=backend)
    assert os.read(reading, 10) == b"bytes"
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()


@everywhere
async def test_a_write_of_text_that_failed(backend, tmp_path, monkeypatch):
    """After a write that has written nothing the byte order mark is still to come."""

    async def full(*_, **options):
        raise OSError(errno.ENOSPC, "full")

    async with files().open(tmp_path / "file", "w", encoding="utf-16", backend=backend) as file:
        with monkeypatch.context() as patch:
            patch.setattr(file._source, "_write_from", full)
            with pytest.raises(OSError, match="full"):
                await file.write("a")
        await file.write("b")
    assert (tmp_path / "file").read_text(encoding="utf-16") == "b"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_copy_that_fails(backend, tmp_path):
    """The exception and the positions say how many bytes were copied."""
    (tmp_path / "file").write_bytes(b"x" * 500_000)

    async def main():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        source = files().open(tmp_path / "file", "rb", backend=backend)
        async with source as file, files().open(tmp_path / "copy", "wb", backend=backend) as copy:
            with pytest.raises(OSError, match="large") as caught:
                await file.copy(copy)
            assert caught.value.characters_written == 300_000
            assert (caught.value.filename, caught.value.filename2) == (file.name, copy.name)
            assert (await file.tell(), await copy.tell()) == (300_000, 300_000)

    in_child(lambda: run(main()))


@every_kind
def test_an_operation_at_the_end_of_the_loop(kind):
    """An operation that the end of its loop has cancelled raises, and does not hang."""

    async def main():
        reading, writing = os.pipe()
        async with files().open(reading, "rb", backend="uring") as file:
            call = Told(file.read, 1)
            await step(3)
            (engine,) = files()._loop.store()["engines"]
            engine.close()
            await finished([call.task])
            assert call.error.errno == errno.ECANCELED
        os.close(writing)

    run(main(), kind)


@everywhere
async def test_a_forgotten_file(backend, tmp_path):
    """A file that is forgotten warns, with its path, and is closed."""
    file = await files().open(tmp_path / "file", "wb", backend=backend)
    fd = file.fileno()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        for _ in range(3):
            gc.collect()
            await turn()
    assert [(each.category, str(tmp_path / "file") in str(each.message)) for each in caught] == [
        (ResourceWarning, True)
    ]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@every_kind
@every_backend
def test_loops_come_and_go(kind, backend, tmp_path):
    """Each loop has files, and leaves neither a descriptor nor a thread that runs."""
    threads = set(threading.enumerate())
    for _ in range(5):
        run(use(tmp_path / "file", backend), kind)
    gc.collect()
    if kind is not TRIO:  # which keeps its idle threads for a while
        for thread in set(threading.enumerate()) - threads:
            thread.join(LONG)
            assert not thread.is_alive()


@every_kind
@every_backend
def test_a_loop_ends_with_calls_under_way(kind, backend, tmp_path):
    """A loop that ends while a file is read leaves nothing of it."""
    (tmp_path / "file").write_bytes(bytes(1 << 20))

    async def main():
        file = await files().open(tmp_path / "file", "rb", backend=backend)
        for number in range(20):
            start(file.pread(4096, number))
        await turn()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        run(main(), kind)
        for _ in range(100):
            gc.collect()  # PyPy collects what a finaliser leaves in a later round
            if str(tmp_path / "file") not in descriptors().values():
                break


@every_kind
@every_backend
def test_a_forked_child(kind, backend, tmp_path):
    """A forked child has files of its own loop, and the parent goes on."""

    async def main():
        async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
            await file.write(b"parent")
            await file.flush()
            assert in_child(use_in_thread, tmp_path / "child", backend) == []
            await file.write(b"!")
        assert (tmp_path / "file").read_bytes() == b"parent!"

    run(main(), kind)


def use_in_thread(path, backend):
    """Use files in a thread, where no copy of the parent's loop runs."""
    errors = []

    def work():
        try:
            run(use(path, backend))
        except BaseException as error:
            errors.append(repr(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(LONG)
    assert not thread.is_alive()
    return errors


@every_backend
def test_loops_of_threads(backend, tmp_path):
    """Loops of several threads have files at once, each its own."""
    errors = []

    def work(number):
        try:
            for turn in range(5):
                asyncio.run(use(tmp_path / f"{number}-{turn}", backend))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert errors == []


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy collects the loop later")
@every_backend
def test_a_loop_that_is_only_closed(backend, tmp_path):
    """A loop whose end has not been told to its generators leaves no descriptor."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(use(tmp_path / "file", backend))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    del loop
    gc.collect()


@everywhere
async def test_more_files_than_a_ring_has_entries(backend, tmp_path):
    """A thousand calls at once are made, more than a backend takes at a time."""
    async with files().open(tmp_path / "file", "w+b", backend=backend) as file:
        tasks = [start(file.pwrite(b"%04d" % number, 4 * number)) for number in range(1000)]
        await finished(tasks)
        assert await file.pread(8, 4 * 998) == b"09980999"
