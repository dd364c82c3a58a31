"""The programs in examples/ about a thread that stops, and about other loops."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
import support
from kernel.test_examples import port, running

SERVERS = {"use_in_epoll.py": [], "trio_server.py": ["the server ends\n"]}


@pytest.mark.parametrize("end", ["Enter", "Ctrl-C"])
def test_stop_thread(tmp_path, end):
    """The thread ends with the program, though no event comes any more."""
    with running("stop_thread.py", tmp_path, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == f"watching {tmp_path} until Enter is pressed\n"
        (tmp_path / "file").touch()
        assert process.stdout.readline() == f"'{tmp_path / 'file'}' is complete\n"
        if end == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        out, err = process.communicate("\n" if end == "Enter" else None)
        assert (process.returncode, out, err) == (0, "the thread ends\n", "")


def test_stop_thread_of_strange_names(tmp_path):
    """A name that is not UTF-8 is printed; a directory that comes is not a file."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    with running("stop_thread.py", inside, stdin=subprocess.PIPE, env=strict) as process:
        assert process.stdout.readline() == f"watching {inside} until Enter is pressed\n"
        outside.rename(inside / "directory")
        (inside / os.fsdecode(b"\xff")).touch()
        assert process.stdout.readline() == f"'{inside}/\\udcff' is complete\n"
        shutil.rmtree(inside)
        assert process.stdout.readline() == "the directory is gone\n"
        assert process.stdout.readline() == "the thread ends\n"
        assert process.communicate("\n") == ("", "")


@contextlib.contextmanager
def client_of(address, directory):
    """The lines that the server at *address* sends, after the first."""
    with socket.create_connection(address, timeout=30) as connection, connection.makefile() as lines:
        assert lines.readline() == f"watching {directory}\n"
        yield lines


def wait_for_descriptors(process, count):
    support.until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) == count)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server(tmp_path, name, number):
    """Each client is told of each file, and the server ends at a signal."""
    with running(name, tmp_path) as process:
        address = ("127.0.0.1", port(process))
        with client_of(address, tmp_path) as one:
            descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
            with client_of(address, tmp_path) as other:
                (tmp_path / "file").touch()
                assert [one.readline(), other.readline()] == ["file is complete\n"] * 2
            wait_for_descriptors(process, descriptors)
            (tmp_path / "second").touch()
            assert one.readline() == "second is complete\n"
            process.send_signal(number)
            assert list(one) == SERVERS[name]
        out, err = process.communicate()
        assert process.returncode == 0
        assert (out or err).startswith((f"ends by {number.name}", f"{number.name} from process {os.getpid()}"))


@pytest.mark.parametrize("name", SERVERS)
def test_server_whose_directory_goes(tmp_path, name):
    """A directory that comes is not a file, and the server ends with its own."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    with running(name, inside) as process:
        with client_of(("127.0.0.1", port(process)), inside) as lines:
            outside.rename(inside / "directory")
            (inside / "file").touch()
            shutil.rmtree(inside)
            assert list(lines) == ["file is complete\n", "the directory is gone\n", *SERVERS[name]]
        out, err = process.communicate()
        assert process.returncode == 0
        assert "the directory is gone\n" in out + err


@support.needs("CAP_SYS_ADMIN")
@pytest.mark.parametrize("name", SERVERS)
def test_server_whose_filesystem_goes(tmp_path, name):
    """The end of a filesystem is the end of the server, and not of a file."""

    def body(path):
        os.chdir("/")  # as the server, because it would not go with a process in it
        with running(name, path) as process, client_of(("127.0.0.1", port(process)), path) as lines:
            subprocess.run(["umount", path], check=True)
            assert list(lines) == ["the directory is gone\n", *SERVERS[name]]

    support.own_filesystem(body, tmp_path, "tmpfs")


@pytest.mark.parametrize("name", SERVERS)
def test_server_without_output(tmp_path, name):
    """When the reader of its messages has gone, a signal still ends the server."""
    with running(name, tmp_path) as process:
        with client_of(("127.0.0.1", port(process)), tmp_path) as lines:
            process.stdout.close()
            process.stderr.close()
            process.terminate()
            assert list(lines) == SERVERS[name]
        process.wait(30)


@pytest.mark.parametrize("name", SERVERS)
def test_server_with_a_client_that_does_not_read(tmp_path, name):
    """The server drops it, and goes on."""
    names = [tmp_path / (letter * 250) for letter in "ab"]
    with running(name, tmp_path) as process:
        address = ("127.0.0.1", port(process))
        with socket.socket() as client, client_of(address, tmp_path) as lines:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least there is
            client.connect(address)
            assert client.recv(8) == b"watching"
            descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
            deadline = time.monotonic() + 30
            while len(os.listdir(f"/proc/{process.pid}/fd")) == descriptors:
                assert time.monotonic() < deadline
                for _ in range(100):
                    for path in names:  # in turns, since equal events would be one
                        path.write_bytes(b"")
                # one that reads is not told more at once than it can take
                for path in names * 100:
                    assert lines.readline() == f"{path.name} is complete\n"
            (tmp_path / "file").touch()
            assert lines.readline() == "file is complete\n"
            with client_of(address, tmp_path) as later:
                (tmp_path / "other").touch()
                assert later.readline() == "other is complete\n"


@pytest.fixture
def broadway(monkeypatch, tmp_path):
    """A display of GTK that no screen shows."""
    (tmp_path / "display").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "display"))
    monkeypatch.setenv("GDK_BACKEND", "broadway")
    monkeypatch.setenv("BROADWAY_DISPLAY", ":1")
    command = ["gtk4-broadwayd", f"--unixsocket={tmp_path / 'display/http'}", ":1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("Listening on ")
            yield
        finally:
            process.kill()


@pytest.mark.loops
@pytest.mark.parametrize("name", ["use_in_qt.py", "use_in_gtk.py"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_window(tmp_path, monkeypatch, request, name, number):
    """The window shows each change, until a signal closes it."""
    directory = tmp_path / "watched"
    directory.mkdir()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    # Debian's package of GTK imports in an old way
    warnings = "error", "ignore::ImportWarning"
    if name == "use_in_gtk.py":
        request.getfixturevalue("broadway")
    with running(name, directory, warnings=warnings) as process:
        assert process.stdout.readline() == f"watching {directory}\n"
        (directory / "one").touch()
        (directory / "one").rename(directory / "two")
        (directory / "two").unlink()
        directory.rmdir()
        changes = ["CREATE one", "CLOSE_WRITE one", "MOVED_FROM one", "MOVED_TO two", "DELETE two"]
        for flags, _, file in map(str.partition, changes, " " * len(changes)):
            assert process.stdout.readline() == f"{flags} {directory / file}\n"
        assert process.stdout.readline() == "the directory is gone\n"
        process.send_signal(number)
        out, err = process.communicate()
        assert (process.returncode, out, err) == (0, "", "")
