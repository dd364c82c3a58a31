"""The programs in examples/ that are about io_uring."""

import contextlib
import os
import pathlib
import random
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from functools import partial

import pytest
import support
from commands import run_as_nobody
from kernel.test_examples import EXAMPLES, port, reset, running

BIG = 3_000_001
FULL = "no client: [Errno 24] accept: this process has no descriptor left"


@contextlib.contextmanager
def serving(directory, *arguments, **options):
    """The server, with ``connect()``, and ``get(request)`` that returns the answer."""
    with running("serve_files.py", directory, 0, *arguments, **options) as process:
        address = ("127.0.0.1", port(process))

        def connect():
            return socket.create_connection(address, timeout=30)

        def get(request):
            with connect() as client:
                client.sendall(request)
                return answer(client)

        process.address, process.connect, process.get = address, connect, get
        yield process
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "")
        assert [line for line in err.splitlines() if not ("preexec_fn" in options and FULL in line)] == []


def answer(client):
    """The status and the content that a client gets, until the server ends."""
    content = b"".join(iter(lambda: client.recv(1 << 20), b""))
    head, _, body = content.partition(b"\r\n\r\n")
    assert head.splitlines()[1] == b"Content-Length: %d" % len(body)
    return head.splitlines()[0].removeprefix(b"HTTP/1.0 "), body


def opened(process):
    """How many descriptors a process has."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


@pytest.fixture
def served(tmp_path):
    """A directory with files, and one beside it."""
    directory = tmp_path / "served"
    (directory / "below").mkdir(parents=True)
    (directory / "small").write_text("text")
    (directory / "empty").touch()
    (directory / os.fsdecode(b"a b\xc3\xa4")).write_text("quoted")
    (directory / "big").write_bytes(random.Random(1).randbytes(BIG))
    (directory / "inside").symlink_to("below/../small")
    (directory / "outside").symlink_to(tmp_path / "secret")
    (directory / "up").symlink_to("../secret")
    os.mkfifo(directory / "pipe")
    (tmp_path / "secret").write_text("secret")
    return directory


@support.needs(kernel=(6, 0))
def test_serve_files(served):
    """Files of each size are served, and nothing outside the directory is."""
    with serving(served) as process:
        before = opened(process)
        for name, content in (("small", b"text"), ("empty", b""), ("a%20b%C3%A4", b"quoted"), ("inside", b"text")):
            assert process.get(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == (b"200 OK", content)
        assert process.get(b"GET /big HTTP/1.1\r\n\r\n") == (b"200 OK", (served / "big").read_bytes())
        for name in ("none", "below", "", "pipe", "outside", "up", "../secret", "%2e%2e/secret", "below/../../secret"):
            assert process.get(f"GET /{name} HTTP/1.1\r\n\r\n".encode()) == (b"404 Not Found", b"")
        for line in (b"GET\r\n", b"\n", b"GET /%00 HTTP/1.1\r\n"):
            assert process.get(line) == (b"400 Bad Request", b"")
        support.until(lambda: opened(process) == before)


@support.needs(kernel=(6, 0))
def test_serve_files_to_many(served):
    """Clients that come and send bit by bit are all served, however slow others are."""
    with serving(served) as process, contextlib.ExitStack() as clients:
        slow = clients.enter_context(process.connect())
        slow.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        many = [clients.enter_context(process.connect()) for _ in range(100)]
        for part in (b"GET /sm", b"all HTTP", b"/1.1\r", b"\n", b"Host: x\r\n\r\n"):
            for client in many:
                client.sendall(part)
        for client in many:
            assert answer(client) == (b"200 OK", b"text")
        assert answer(slow) == (b"200 OK", (served / "big").read_bytes())


@support.needs(kernel=(6, 0))
def test_serve_files_to_clients_that_go(served):
    """A client that goes at any moment leaves nothing behind."""
    with serving(served) as process:
        before = opened(process)
        for request in (b"", b"GET /", b"GET /big HTTP/1.1\r\n\r\n"):
            for leave in (socket.socket.close, reset):
                client = process.connect()
                client.sendall(request)
                if b"\n" in request:
                    assert client.recv(8) == b"HTTP/1.0"
                leave(client)
        # one that has said all it wants to say still gets its answer
        with process.connect() as client:
            client.sendall(b"GET /big HTTP/1.1\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            assert answer(client) == (b"200 OK", (served / "big").read_bytes())
        support.until(lambda: opened(process) == before)


@support.needs(kernel=(6, 0))
def test_serve_files_to_a_client_without_a_line(served):
    """A client that sends and sends without an end of the line is cut off."""
    with serving(served) as process:
        before = opened(process)
        with process.connect() as client:
            # until it is reset, or its queue is full for ever
            client.settimeout(0.1)
            with contextlib.suppress(OSError):
                while True:
                    client.sendall(bytes(10_000))
            support.until(lambda: opened(process) == before)


@support.needs(kernel=(6, 0))
def test_serve_files_to_a_client_that_takes_nothing(served):
    """Such a client is cut off after the time that is given."""
    with serving(served, 0.1) as process:
        before = opened(process)
        with socket.socket() as client:
            # so that the file does not fit into the queues
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(process.address)
            client.sendall(b"GET /big HTTP/1.1\r\n\r\n")
            assert client.recv(8) == b"HTTP/1.0"
            support.until(lambda: opened(process) == before)
            with pytest.raises(ConnectionError):
                answer(client)


@support.needs(kernel=(6, 0))
def test_serve_files_without_descriptors(served):
    """Where no descriptor is free, the server says so, and serves when there is one."""
    # the kernel takes the limit of the moment in which the accept is queued
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (12, 12))
    request = b"GET /small HTTP/1.1\r\n\r\n"
    with serving(served, preexec_fn=limit) as process:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(process.connect()) for _ in range(12)]
            assert FULL in process.stderr.readline()
            clients[0].sendall(request)
            assert answer(clients[0]) == (b"503 Service Unavailable", b"")
        assert process.get(request) == (b"200 OK", b"text")


def looked_up(path, keys, **options):
    """``(exit code, lines, what it said)`` of the example."""
    command = [sys.executable, "-Werror", EXAMPLES / "look_up.py", path]
    done = subprocess.run(command, input=keys, capture_output=True, timeout=60, **options)
    return done.returncode, done.stdout.splitlines(), done.stderr.decode()


@support.needs(kernel=(5, 6))
@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("lines", [0, 1, 2, 400, 10_000])
def test_look_up(tmp_path, lines, end):
    """Each key that is there is found, wherever its line is, and no other is."""
    chance = random.Random(lines)
    keys = sorted({b"%x" % chance.getrandbits(64) for _ in range(lines)})
    content = {key: key + b":" + bytes(chance.choice((1, 5, 300))).hex().encode() for key in keys}
    path = tmp_path / "sorted"
    path.write_bytes(b"\n".join(content.values()) + (end if lines else b""))
    asked = [*keys[:100], *chance.sample(keys, min(lines, 500)), *keys[-100:]]
    wanted = sorted(content[key] for key in asked)
    missing = [b"0", b"g", b"", *(key + b"!" for key in keys[::1000])]
    code, found, said = looked_up(path, b"".join(key + b":\n" for key in [*asked, *missing]))
    assert (code, sorted(found), said) == (0, wanted, "")


@support.needs(kernel=(5, 6))
def test_look_up_of_long_lines(tmp_path):
    """Lines as long as a page are found, and a longer one is told."""
    path = tmp_path / "sorted"
    lines = [b"%03d " % number + bytes([65 + number % 26]) * (4091 - number % 3) for number in range(100)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    code, found, said = looked_up(path, b"".join(b"%03d\n" % number for number in range(101)))
    assert (code, sorted(found), said) == (0, lines, "")
    path.write_bytes(b"a" * 10_000 + b"\n")
    assert looked_up(path, b"a\n") == (1, [], f"{path}: a line is longer than 4096 bytes\n")
    code, found, said = looked_up(tmp_path / "none", b"a\n")
    assert (code, found) == (1, [])
    assert "No such file" in said
    assert "Traceback" not in said


def copied(source, target, **options):
    """``(exit code, what it said)`` of the example."""
    command = [sys.executable, "-Werror", EXAMPLES / "copy_tree.py", source, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.stdout == ""
    return done.returncode, done.stderr


def tree_of(root):
    """``{path: (mode, content)}`` of all that is below a directory."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        kinds = {stat.S_IFREG: path.read_bytes, stat.S_IFLNK: lambda path=path: os.readlink(path)}
        found[path.relative_to(root)] = (status.st_mode, kinds.get(stat.S_IFMT(status.st_mode), lambda: None)())
    return found


@support.needs(kernel=(5, 19))
def test_copy_tree(tmp_path):
    """Content, modes and links are those of the source, also where there are many."""
    source, chance = tmp_path / "source", random.Random(2)
    for number in range(20):
        (source / f"{number}" / "a" / "b").mkdir(parents=True)
        for size in (0, 1, 65_536, 65_537):
            (source / f"{number}" / "a" / f"{size}").write_bytes(chance.randbytes(size))
    # in one chain, in whole chains, and in several
    for size in (1 << 20, (1 << 20) + 1, 5_000_001):
        (source / f"{size}").write_bytes(chance.randbytes(size))
    for mode in (0o400, 0o644, 0o751):
        (source / f"mode{mode:o}").write_text("text")
        (source / f"mode{mode:o}").chmod(mode)
    (source / "dangling").symlink_to("nowhere")
    (source / "to a directory").symlink_to("0")
    (source / os.fsdecode(b"\xff")).write_text("a name that is not UTF-8")
    (source / "read only").mkdir()
    (source / "read only" / "file").write_text("text")
    (source / "read only").chmod(0o555)
    assert copied(source, tmp_path / "target") == (0, "")
    assert tree_of(tmp_path / "target") == tree_of(source)
    # by the umask, and without the bits that give rights
    (source / "mode751").chmod(0o6775)
    assert copied(source, tmp_path / "masked", preexec_fn=partial(os.umask, 0o077)) == (0, "")
    assert stat.S_IMODE((tmp_path / "masked/mode751").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "masked/read only").stat().st_mode) == 0o500


@support.needs(kernel=(5, 19))
def test_copy_tree_tells_errors(tmp_path):
    """The path of what cannot be copied is told, and all else is copied."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "below").mkdir(parents=True)
    os.mkfifo(source / "below" / "pipe")
    (source / "below" / "file").write_text("text")
    code, said = copied(source, target)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"'{source}/below/pipe' to '{target}/below/pipe': ")
    assert (target / "below" / "file").read_text() == "text"
    # a target that is there is left alone
    code, said = copied(source, target)
    assert (code, said.count("\n"), "exists" in said) == (1, 1, True)
    code, said = copied(tmp_path / "none", tmp_path / "other")
    assert (code, "No such file" in said or "does not exist" in said) == (1, True)
    assert str(tmp_path / "none") in said
    for inside in (source, source / "below" / "new"):
        assert copied(source, inside) == (1, f"{str(inside)!r} is in {str(source)!r}\n")
    assert not (source / "below" / "new").exists()


@support.needs(kernel=(5, 19))
def test_copy_tree_of_files_that_change(tmp_path):
    """A file whose size is not what it seems is copied up to its end."""
    # that of sysfs is 4096, whatever is in it
    assert copied("/sys/kernel/fscaps", tmp_path / "copy") == (0, "")
    assert (tmp_path / "copy").read_text() == pathlib.Path("/sys/kernel/fscaps").read_text()


@support.needs(kernel=(5, 19))
def test_copy_tree_without_room(tmp_path):
    """A write that is cut short goes on, and an error ends the copy of that file."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "large").write_bytes(bytes(range(256)) * 8192)
    (source / "small").write_text("text")
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    code, said = copied(source, target, preexec_fn=limit)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"'{source}/large' to '{target}/large': [Errno 27]")
    assert (target / "small").read_text() == "text"
    assert (target / "large").read_bytes() == (source / "large").read_bytes()[:1_000_000]


@support.needs(kernel=(5, 19))
def test_copy_tree_without_rights():
    """A user copies what he may read, and an unreadable file is told."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        # the directories of pytest are closed to others when another pytest starts
        os.chmod(place, 0o777)
        source, target = pathlib.Path(place, "source"), pathlib.Path(place, "target")
        (source / "closed").mkdir(parents=True)
        (source / "secret").write_text("text")
        (source / "file").write_text("text")
        (source / "secret").chmod(0)
        (source / "closed").chmod(0o311)
        imports = "import runpy\nexample = runpy.run_path(sys.argv[1])"
        done = run_as_nobody(imports, "example['main'](*sys.argv[2:])", EXAMPLES / "copy_tree.py", source, target)
        assert (done.returncode, done.stdout) == (1, "")
        assert sorted(line.partition(" to ")[0] for line in done.stderr.splitlines()) == [
            f"'{source}/closed'",
            f"'{source}/secret'",
        ]
        assert (target / "file").read_text() == "text"
        (source / "closed").chmod(0o755)
