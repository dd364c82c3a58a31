"""The programs in examples/ that are about files, timers, and what children get."""

import contextlib
import errno
import hashlib
import http.client
import os
import pathlib
import pwd
import random
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import support
from commands import ignore, stop
from kernel.test_examples import EXAMPLES, output, port, reset, running
from kernel.test_timerfd import shift_the_clock

from butter.memfd import Memfd
from butter.pipe import Pipe
from butter.prctl import Capability, prctl
from butter.timerfd import CLOCK_REALTIME, Timer


def test_watch_tree(tmp_path):
    """New subdirectories and renames are told, and excluded names are not."""
    root = tmp_path / "root"
    (root / "old").mkdir(parents=True)
    ignore(root, "build/\n")
    (root / "old/file").write_text("text")
    with running("watch_tree.py", root, "*.tmp") as process:
        assert process.stdout.readline().startswith("watching 4 files, by inotify")
        (root / "build").mkdir()
        (root / "build/file").write_text("text")
        (root / "old/file.tmp").write_text("text")
        (root / "old").rename(root / "new")
        assert process.stdout.readline() == f"moved '{root}/old' to '{root}/new'\n"
        (root / "new/below").mkdir()
        (root / "new/below/other").touch()
        assert process.stdout.readline() == f"created '{root}/new/below'\n"
        assert process.stdout.readline() == f"created '{root}/new/below/other'\n"
        root.rename(tmp_path / "gone")
        lines = iter(process.stdout.readline, "the directory is gone: waiting for it\n")
        # the other was perhaps closed after it was looked at
        assert set(lines) <= {f"written '{root}/new/below/other'\n"}
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


@pytest.mark.parametrize("size", [0, 1, 1 << 18, 10_000_001])
def test_read_direct(tmp_path, size):
    """The sum of a file is right, whatever its size."""
    path = tmp_path / "file"
    path.write_bytes(random.Random(size).randbytes(size))
    with running("read_direct.py", path) as process:
        assert process.communicate(timeout=60) == (f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path}\n", "")


def test_read_direct_of_what_cannot_be_read(tmp_path):
    """The example tells why a file cannot be read."""
    for path, words in ((tmp_path, "Is a directory"), (tmp_path / "missing", "No such file")):
        done = subprocess.run(
            [sys.executable, EXAMPLES / "read_direct.py", path], capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.returncode) == ("", 1)
        assert words in done.stderr
        assert "Traceback" not in done.stderr


@contextlib.contextmanager
def serving(folder):
    """The server of files, and a function that sends it a request."""

    def ask(method, name, body=None, **headers):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", number, timeout=60)) as connection:
            connection.request(method, name, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    with running("file_server.py", folder) as process:
        number = port(process)
        ask.address = ("127.0.0.1", number)
        yield process, ask


def test_file_server(tmp_path):
    """Files are read whole and from a place on, listed, and replaced as a whole."""
    content = os.urandom(3_000_000)
    (tmp_path / "a b").write_bytes(content)
    with serving(tmp_path) as (process, ask):
        assert ask("GET", "/a%20b") == (200, content)
        assert ask("GET", "/a%20b", Range="bytes=2999990-") == (206, content[-10:])
        assert ask("GET", "/a%20b", Range="bytes=3000000-")[0] == 416
        assert ask("HEAD", "/a%20b") == (200, b"")
        assert ask("PUT", "/new", content[:1000]) == (201, b"")
        assert ask("PUT", "/new", content[:500], Expect="100-continue") == (201, b"")
        assert (tmp_path / "new").read_bytes() == content[:500]
        assert ask("GET", "/") == (200, b"/a%20b\n/new\n")
        assert ask("HEAD", "/") == (200, b"")
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_file_server_of_what_it_must_not(tmp_path):
    """Nothing outside of the directory is read, and nothing that would wait."""
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root/link").symlink_to("../secret")
    (tmp_path / "root/.hidden").touch()
    os.mkfifo(tmp_path / "root/fifo")
    (tmp_path / "root/folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        root = os.open(tmp_path / "root", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{root}/socket")  # since that path is short
        os.close(root)
    with serving(tmp_path / "root") as (process, ask):
        for name in (
            "/../secret",
            "/%2e%2e/secret",
            "/%2Fetc%2Fpasswd",
            "/.hidden",
            "/a%00b",
            "/missing",
            "/folder/x",
            "/folder%2Fx",
            "/.",
            "/%2e",
            "/folder/../../secret",
            "/" + "x" * 256,
        ):
            assert ask("GET", name) == (404, b""), name
            if name != "/missing":
                assert ask("PUT", name, b"x")[0] == 404, name
        for name in ("/fifo", "/folder", "/link", "/socket"):
            assert ask("GET", name) == (403, b""), name
            assert ask("PUT", name, b"x")[0] == 403, name
        assert ask("GET", "/") == (200, b"")
        assert ask("PUT", "/", b"x")[0] == 405
        assert ask("PUT", "/large", b"", **{"Content-Length": str(1 << 40)})[0] == 413
        assert ask("DELETE", "/link")[0] == 405
        with socket.create_connection(ask.address, timeout=60) as client:
            client.sendall(b"nonsense\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        reset(socket.create_connection(ask.address, timeout=60))
        with socket.create_connection(ask.address, timeout=60) as client:
            client.sendall(b"PUT /half HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""
        assert not (tmp_path / "root/half").exists()
        with socket.create_connection(ask.address, timeout=60) as client:
            client.sendall(b"PUT /late HTTP/1.1\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 100 ")
            (tmp_path / "root/late").symlink_to("../secret")
            client.sendall(b"replaced")
            assert client.recv(100).startswith(b"HTTP/1.1 403 ")
        assert (tmp_path / "secret").read_text() == "secret"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert "/root/link" in errors
    assert sorted(os.listdir(tmp_path / "root")) == [".hidden", "fifo", "folder", "late", "link", "socket"]


@support.needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(5, 17))
def test_who_changed(tmp_path):
    """Each change below the directory has its program, until that has ended."""

    def rename():
        os.rename("there/file", "there/new")
        return os.getpid()

    def body(path):
        there = f"{path}/there"
        os.mkdir(there)
        with running("who_changed.py", there) as process:
            assert process.stdout.readline() == f"watching {there}\n"
            arguments = pathlib.Path("/proc/self/cmdline").read_text().split("\0")[:-1]
            this = f"{os.getpid()} {os.readlink('/proc/self/exe')!r} {arguments}"
            pathlib.Path("elsewhere").write_text("text")
            pathlib.Path("there/file").write_text("text")
            assert process.stdout.readline() == f"{this} created '{there}/file'\n"
            assert process.stdout.readline() == f"{this} written '{there}/file'\n"
            # so that the process has ended before its event is read
            stop(process)
            ended = support.in_child(rename)
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == f"{ended} (ended) moved '{there}/file' '{there}/new'\n"
            os.unlink("there/new")
            assert process.stdout.readline() == f"{this} deleted '{there}/new'\n"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0

    support.own_filesystem(body, tmp_path)


def test_wall_clock():
    """There is a line after each period, until Ctrl-C ends the program."""
    with running("wall_clock.py", 0.05) as process:
        assert process.stdout.readline() == "armed\n"
        for _ in range(3):
            line = process.stdout.readline()
            assert re.fullmatch(r"\d\d:\d\d:\d\d \([1-9]\d*\)\n", line), line
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
        assert (process.returncode, err) == (0, "")


def test_wall_clock_of_a_full_period():
    """The timer expires at the next multiple of the period, also if armed anew."""
    example = runpy.run_path(str(EXAMPLES / "wall_clock.py"))
    with Timer(CLOCK_REALTIME) as timer:
        for period in 3600 * 10**9, 10**12:
            before = time.time_ns()
            example["arm"](timer, period)
            seconds, nanoseconds = timer.next_event
            first = seconds * 10**9 + nanoseconds
            assert first % period == 0
            assert before < first <= time.time_ns() + period
        assert timer.get_current().period == (1000, 0)


@pytest.mark.clock
@support.needs("CAP_SYS_TIME")
def test_wall_clock_that_is_set():
    """After the time of day was set the timer is armed anew, each time."""
    with running("wall_clock.py", 3600) as process:
        assert process.stdout.readline() == "armed\n"
        for nanoseconds in 1, -1:
            shift_the_clock(nanoseconds)
            assert process.stdout.readline() == "the clock was set\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


@support.needs(kernel=(5, 4))
def test_memfd_to_child():
    """Both children read the whole sealed file by its descriptor."""
    lines = output("memfd_to_child.py").splitlines()
    assert [re.sub("[0-9]+", "N", line, count=1) for line in lines] == ["words in N has 100000 lines"] * 2


def test_memfd_to_child_without_seals():
    """A child refuses a memfd that its parent could still change."""
    with Memfd("words", b"text") as memfd:
        done = subprocess.run(
            [sys.executable, EXAMPLES / "memfd_to_child.py", str(memfd.fileno())],
            pass_fds=[memfd.fileno()],
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "not sealed: the parent could still change it\n"


def kept(directory):
    """The two files of the one connection that there was."""
    (place,) = directory.iterdir()
    return (place / "request").read_bytes(), (place / "reply").read_bytes()


def test_log_by_tee(tmp_path):
    """Bytes and the end of a connection pass both ways, and the same bytes are kept."""
    sent, answer = os.urandom(3_000_000), os.urandom(2_000_000)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with server.accept()[0] as connection, connection.makefile("rb") as file:
                assert file.read() == sent
                connection.sendall(answer)

        with (
            support.running(serve),
            running("log_by_tee.py", 0, "127.0.0.1", server.getsockname()[1], tmp_path) as process,
            socket.create_connection(("127.0.0.1", port(process))) as client,
            client.makefile("rb") as file,
        ):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert file.read() == answer
            assert kept(tmp_path) == (sent, answer)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0


def test_log_by_tee_in_parts(tmp_path):
    """Where tee copies a part of the bytes only, none is lost and none comes twice."""
    one_way = runpy.run_path(str(EXAMPLES / "log_by_tee.py"))["one_way"]
    sizes = iter([65536, 4096])
    one_way.__globals__["Pipe"] = lambda: Pipe(size=next(sizes))
    sent = os.urandom(300_000)
    with (
        support.sockets() as (client, source),
        support.sockets() as (target, server),
        support.running(one_way, source, target, tmp_path / "log"),
        support.running(client.sendall, sent),
        server.makefile("rb") as file,
    ):
        assert file.read(len(sent)) == sent
        client.shutdown(socket.SHUT_WR)
        assert file.read() == b""
    assert (tmp_path / "log").read_bytes() == sent


@pytest.mark.parametrize("broken", ["client", "server"])
def test_log_by_tee_of_a_broken_connection(broken, tmp_path):
    """The end of one side is passed on, the bytes are kept, and no descriptor is."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running("log_by_tee.py", 0, "127.0.0.1", server.getsockname()[1], tmp_path) as process,
    ):
        address = ("127.0.0.1", port(process))
        before = len(os.listdir(f"/proc/{process.pid}/fd"))
        client = socket.create_connection(address, timeout=30)
        connection, _ = server.accept()
        connection.settimeout(30)
        client.sendall(b"question")
        assert connection.recv(100) == b"question"
        gone, there = (client, connection) if broken == "client" else (connection, client)
        reset(gone)
        with there, contextlib.suppress(ConnectionResetError):
            assert there.recv(100) == b""
        support.until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) == before)
        assert kept(tmp_path) == (b"question", b"")


def test_log_by_tee_without_a_server(tmp_path):
    """The proxy says that there is no server, tells the client, and goes on."""
    with socket.socket() as deaf:
        # the port is taken, and not listened to
        deaf.bind(("127.0.0.1", 0))
        silent = deaf.getsockname()[1]
        with running("log_by_tee.py", 0, "127.0.0.1", silent, tmp_path) as process:
            address = ("127.0.0.1", port(process))
            for _ in range(2):
                with socket.create_connection(address, timeout=30) as client:
                    assert client.recv(100) == b""
                assert process.stderr.readline().startswith(f"127.0.0.1 {silent} [Errno {errno.ECONNREFUSED}]")


def below_a_fence(directory, script):
    """The output of a shell below the fence of write_nowhere_else.py."""
    with running("write_nowhere_else.py", directory, "sh", "-c", script) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


@support.needs_landlock(3)
def test_write_nowhere_else(tmp_path):
    """The program reads everything, changes the one directory, and nothing else."""
    work, other = tmp_path / "work", tmp_path / "other"
    for place in work, other:
        place.mkdir()
        (place / "file").write_text("content")
    script = f"""
        cat {other}/file >{work}/copy && mv {work}/copy {work}/new && mkdir {work}/below
        for change in 'echo x >{other}/file' 'echo x >{other}/new' 'rm {other}/file' 'mkdir {other}/below' \
                      'ln {work}/file {other}/new' 'ln -s file {other}/link'
        do
            sh -c "$change" 2>/dev/null && echo "done: $change"
        done
        echo end
    """
    assert below_a_fence(work, script) == "end\n"
    assert (work / "new").read_text() == "content"
    assert (work / "below").is_dir()
    assert (other / "file").read_text() == "content"
    assert os.listdir(other) == ["file"]


def test_write_nowhere_else_without_landlock(tmp_path):
    """Without landlock nothing is started."""

    def body():
        support.inject("landlock_create_ruleset", errno.ENOSYS)
        main = runpy.run_path(str(EXAMPLES / "write_nowhere_else.py"))["main"]
        with pytest.raises(
            SystemExit, match="nothing was started: landlock_create_ruleset: the system call is missing"
        ):
            main(str(tmp_path), "true")

    support.in_child(body)


@support.needs_landlock(1)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("import os; return sorted(os.listdir(directory))", (0, "['code.py', 'file']\n", "")),
        ("return open('/etc/passwd').read()", (1, "", "PermissionError: [Errno 13] Permission denied: '/etc/passwd'")),
        ("raise SystemExit(0)", (1, "", "SystemExit: 0")),
        ("return directory.nothing", (1, "", "AttributeError: 'str' object has no attribute 'nothing'")),
        ("return object()", (1, "", "TypeError: the result has a object")),
        ("return [None] * (1 << 30)", (1, "", "MemoryError: ")),
        ("return '\\x1b[2J'", (0, "'\\x1b[2J'\n", "")),
    ],
)
def test_run_untrusted(tmp_path, body, expected):
    """The code reads its directory, and its result or error is told."""
    (tmp_path / "file").touch()
    (tmp_path / "code.py").write_text(f"def main(directory):\n    {body}\n")
    with running("run_untrusted.py", tmp_path, tmp_path / "code.py") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == expected[:2]
    assert err.startswith(f"the code failed: {expected[2]}" if expected[2] else "")


def test_run_untrusted_without_landlock(capsys):
    """Without landlock nothing is run."""

    def body():
        support.inject("landlock_create_ruleset", errno.ENOSYS)
        main = runpy.run_path(str(EXAMPLES / "run_untrusted.py"))["main"]
        return main("/", "/missing")

    assert support.in_child(body) == 2


@support.needs("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
@pytest.mark.parametrize("names", [(), ("NET_BIND_SERVICE",)])
def test_drop_privileges(names):
    """The server is another user, with the capabilities that it was to keep alone."""
    user = pwd.getpwuid(65534)
    with running("drop_privileges.py", user.pw_name, 0, *names) as process:
        address = ("127.0.0.1", port(process))
        with socket.create_connection(address) as client, client.makefile() as file:
            assert file.read() == f"I am user {user.pw_uid}\n"
        lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        assert status["Uid"].split() == [str(user.pw_uid)] * 4
        assert status["Gid"].split() == [str(user.pw_gid)] * 4
        assert (status["Groups"].split(), status["NoNewPrivs"].strip()) == ([], "1")
        capabilities = sum(1 << Capability[name] for name in names)
        for name in "CapPrm", "CapEff", "CapBnd":
            assert int(status[name], 16) == capabilities
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


@support.needs("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
def test_drop_privileges_in_threads():
    """With another thread, which would keep its capabilities, nothing is dropped."""

    def body():
        drop = runpy.run_path(str(EXAMPLES / "drop_privileges.py"))["drop"]
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        try:
            with pytest.raises(RuntimeError, match="other threads"):
                drop(pwd.getpwuid(65534).pw_name, set())
        finally:
            done.set()
            thread.join()
        return os.getuid(), len(prctl.capbset)

    assert support.in_child(body) == (os.getuid(), len(prctl.capbset))
