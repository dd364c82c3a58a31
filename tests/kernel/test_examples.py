"""The programs in examples/, run as their users run them."""

import asyncio
import contextlib
import errno
import os
import pathlib
import pty
import resource
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
import support
from commands import run_as_nobody, stop

from butter.asyncio.eventfd import Eventfd_async
from butter.memfd import Memfd

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"


@contextlib.contextmanager
def running(name, *arguments, warnings=("error",), unbuffered=sys.implementation.name == "pypy", **options):
    """The example *name*, which is stopped if it does not end by itself.

    It has a process group of its own, as a command in a terminal. It flushes by itself
    what a reader waits for; only PyPy has a buffer for stderr, too.
    """
    filters = [f"-W{warning}" for warning in warnings]
    command = [sys.executable, *filters, EXAMPLES / name, *map(str, arguments)]
    pipe = subprocess.PIPE
    options = {"stdout": pipe, "stderr": pipe, "text": True, "start_new_session": True, **options}
    env = {**options.pop("env", os.environ)}
    env.pop("PYTHONUNBUFFERED", None)
    if unbuffered:
        env["PYTHONUNBUFFERED"] = "1"
    with subprocess.Popen(command, env=env, **options) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def output(name):
    with running(name) as process:
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
    return out


def port(process):
    word, number = process.stdout.readline().split()
    assert word == "port"
    return int(number)


def test_heartbeat():
    """Beats come in order, to every client that is connected."""
    with running("heartbeat.py", 0, 0.01) as process:
        address = ("127.0.0.1", port(process))
        with socket.create_connection(address) as one, socket.create_connection(address) as other:
            for client in one, other:
                with client.makefile() as lines:
                    beats = [int(next(lines).removeprefix("beat ")) for _ in range(5)]
                assert beats == sorted(set(beats))


def test_heartbeat_that_is_interrupted():
    """Ctrl-C ends the server with its clients; one that broke off leaves no message."""
    with running("heartbeat.py", 0, 0.01) as process:
        address = ("127.0.0.1", port(process))
        reset(socket.create_connection(address))
        with socket.create_connection(address, timeout=30) as client, client.makefile() as lines:
            assert next(lines).startswith("beat ")
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=30) == ("", "")
            assert process.returncode == 0


def test_heartbeat_of_a_client_that_sends():
    """The memory of the server does not grow with what a client sends."""
    with running("heartbeat.py", 0, 0.01) as process:
        address = ("127.0.0.1", port(process))

        def memory():
            client.recv(1)  # so it has been accepted
            fields = pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()
            return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

        with socket.create_connection(address, timeout=30) as client:
            before = memory()
            for _ in range(50):
                client.sendall(bytes(1_000_000))
            assert memory() - before < 25_000_000


@support.needs(kernel=(5, 4))
def test_graceful_shutdown():
    """Every worker finishes, for either signal; the child process ends by SIGTERM."""
    for number in signal.SIGTERM, signal.SIGINT:
        with running("graceful_shutdown.py") as process:
            assert process.stderr.readline() == "working\n"
            os.killpg(process.pid, number)  # as Ctrl-C in a terminal does
            first, *rest, last = process.stderr.read().splitlines()
            assert (process.wait(), process.stdout.read()) == (0, "")
        assert last == "the helper process ended: -15"
        assert first == f"{number.name} from process {os.getpid()}: finishing"
        assert len(rest) == 2
        assert all("none is half done" in line for line in rest)


@support.needs(kernel=(5, 4))
@pytest.mark.parametrize("again", [True, False], ids=["by a second signal", "by the time"])
def test_graceful_shutdown_that_takes_long(again):
    """Work that does not end is given up, and the child process ends all the same."""
    with running("graceful_shutdown.py", 1000, 1000 if again else 0.01) as process:
        assert process.stderr.readline() == "working\n"
        process.terminate()
        assert process.stderr.readline() == f"SIGTERM from process {os.getpid()}: finishing\n"
        if again:
            process.terminate()
        out = process.stderr.read()
        assert (process.wait(), process.stdout.read()) == (1, "")
        assert out == ("" if again else "the time is over\n") + "the helper process ended: -15\n"


def test_graceful_shutdown_without_output():
    """When the reader of its output has gone, the program still obeys a signal."""
    # with a buffer Python itself could not flush it at the end
    with running("graceful_shutdown.py", unbuffered=True) as process:
        assert process.stderr.readline() == "working\n"
        process.stderr.close()
        process.terminate()
        assert process.wait(30) == 0


def test_graceful_shutdown_that_is_killed():
    """The child process, which has the program's output, does not survive SIGKILL."""
    with running("graceful_shutdown.py") as process:
        assert process.stderr.readline() == "working\n"
        process.kill()
        assert process.communicate(timeout=30) == ("", "")


def test_wake_from_thread():
    """All that the thread counted arrives."""
    assert output("wake_from_thread.py").startswith("100000 pieces in ")


def test_wake_from_thread_that_fails():
    """After an error in the loop, the thread ends before its descriptor is closed."""
    main = runpy.run_path(str(EXAMPLES / "wake_from_thread.py"))["main"]
    threads = []

    class Broken(Eventfd_async):
        async def wait(self, timeout=None):
            threads.extend(threading.enumerate())
            raise ZeroDivisionError

    main.__globals__["Eventfd_async"] = Broken
    # an error in the thread would be a warning, and so an error here
    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    assert len(threads) > 1
    assert not any(thread.name.endswith("(produce)") for thread in threading.enumerate())


def test_sealed_memfd():
    """The other process reads the sealed bytes that were sent."""
    assert output("sealed_memfd.py") == "received: these bytes cannot change\n"


def test_sealed_memfd_that_is_not_sent():
    """The end of a sender that has sent nothing is an error, and not waited for."""
    main = runpy.run_path(str(EXAMPLES / "sealed_memfd.py"))["main"]
    main.__globals__["send"] = lambda connection, text: os._exit(1)
    with pytest.raises(EOFError, match="the sender has ended"):
        main()
    os.wait()


def test_sealed_memfd_stays_here():
    """A program that the receiver executes does not get the memfd."""
    example = runpy.run_path(str(EXAMPLES / "sealed_memfd.py"))
    receive, seen = example["receive"], []

    class Seen(Memfd):
        @classmethod
        def adopt(cls, fd):
            seen.append(os.get_inheritable(fd))
            return Memfd.adopt(fd)

    receive.__globals__["Memfd"] = Seen
    with support.sockets() as (here, there):
        example["send"](there, b"text")
        assert receive(here) == b"text"
    assert seen == [False]


def test_proxy():
    """Bytes and the end of a connection pass through the proxy, both ways."""
    sent = os.urandom(3_000_000)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo():
            with server.accept()[0] as connection, connection.makefile("rb") as file:
                connection.sendall(file.read())

        thread = threading.Thread(target=echo)
        thread.start()
        with (
            running("proxy.py", 0, "127.0.0.1", server.getsockname()[1]) as process,
            socket.create_connection(("127.0.0.1", port(process))) as client,
            client.makefile("rb") as file,
        ):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert file.read() == sent
        thread.join()


def reset(connection):
    """Close the connection so that the other end gets ECONNRESET."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("broken", ["client", "server"])
def test_proxy_of_a_broken_connection(broken):
    """The end of one side is passed on, and the proxy keeps no descriptor."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running("proxy.py", 0, "127.0.0.1", server.getsockname()[1]) as process,
    ):
        address = ("127.0.0.1", port(process))
        before = len(os.listdir(f"/proc/{process.pid}/fd"))
        for _ in range(3):
            client = socket.create_connection(address, timeout=30)
            connection, _ = server.accept()
            connection.settimeout(30)
            client.sendall(b"question")
            assert connection.recv(100) == b"question"
            gone, there = (client, connection) if broken == "client" else (connection, client)
            reset(gone)
            with there, contextlib.suppress(ConnectionResetError):
                assert there.recv(100) == b""
        deadline = time.monotonic() + 30
        while len(os.listdir(f"/proc/{process.pid}/fd")) != before:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_proxy_without_a_server():
    """The proxy says that there is no server, tells clients, and goes on."""
    with socket.socket() as deaf:
        # the port is taken, and not listened to
        deaf.bind(("127.0.0.1", 0))
        silent = deaf.getsockname()[1]
        with running("proxy.py", 0, "127.0.0.1", silent) as process:
            address = ("127.0.0.1", port(process))
            for _ in range(2):
                with socket.create_connection(address, timeout=30) as client:
                    assert client.recv(100) == b""
                line = process.stderr.readline()
                assert line.startswith(f"127.0.0.1 port {silent}: [Errno {errno.ECONNREFUSED}]")


@pytest.mark.parametrize("name", ["proxy.py", "log_by_tee.py", "use_in_epoll.py", "trio_server.py"])
def test_a_server_without_a_free_descriptor(name, tmp_path):
    """It says so and goes on, and serves a new client when others have gone."""

    def echo():
        with contextlib.suppress(OSError):  # at the end of the test
            while True:
                with target.accept()[0] as connection:
                    connection.sendall(connection.recv(100))

    def is_served():
        with contextlib.suppress(ConnectionError), socket.create_connection(address, timeout=30) as client:
            client.sendall(b"question")
            return client.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as target, support.running(echo):
        proxied = [0, "127.0.0.1", target.getsockname()[1]]
        arguments = {"proxy.py": proxied, "log_by_tee.py": [*proxied, tmp_path]}
        with running(name, *arguments.get(name, [tmp_path])) as process:
            address = ("127.0.0.1", port(process))
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (32, 32))
            with contextlib.ExitStack() as clients:
                for _ in range(40):
                    clients.enter_context(socket.create_connection(address, timeout=30))
                while os.strerror(errno.EMFILE) not in process.stderr.readline():
                    assert process.poll() is None
            support.until(is_served)
        target.shutdown(socket.SHUT_RDWR)


def test_watch_directory(tmp_path):
    """A file is printed when it was written or moved in, and a directory is not."""
    outside = tmp_path / "outside"
    outside.write_text("abc")
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "directory").mkdir()
    with running("watch_directory.py", inside) as process:
        assert process.stdout.readline() == f"watching {inside}\n"
        (tmp_path / "directory").rename(inside / "directory")
        (inside / "written").write_text("a")
        assert process.stdout.readline() == f"'{inside}/written' 1 bytes\n"
        outside.rename(inside / "moved")
        assert process.stdout.readline() == f"'{inside}/moved' 3 bytes\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_watch_directory_that_goes(tmp_path):
    """The example survives a file that is gone, and ends with its directory."""
    inside = tmp_path / "inside"
    inside.mkdir()
    with running("watch_directory.py", inside) as process:
        assert process.stdout.readline() == f"watching {inside}\n"
        stop(process)
        (inside / "gone").touch()
        (inside / "gone").unlink()
        (inside / "there").touch()
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == f"'{inside}/there' 0 bytes\n"
        (inside / "there").unlink()
        inside.rmdir()
        out, err = process.communicate()
        assert (process.returncode, out, err) == (0, "", "")


@support.needs("CAP_SYS_ADMIN", kernel=(4, 20))
def test_guard_filesystem(tmp_path):
    """A file that begins with the bytes is refused, until the guard is killed."""

    def body(path):
        script, text = pathlib.Path("script"), pathlib.Path("text")
        script.write_text("#!/bin/sh")
        text.write_text("#")
        with running("guard_filesystem.py", path, "#!") as process:
            assert process.stdout.readline() == f"guarding the filesystem of {path}\n"
            assert text.read_text() == "#"
            with pytest.raises(PermissionError):
                script.read_text()
            assert process.stdout.readline() == f"refused '{path}/script' to process {os.getpid()}\n"
        assert script.read_text() == "#!/bin/sh"

    support.own_filesystem(body, tmp_path)


@support.needs("CAP_SYS_ADMIN", kernel=(5, 15))
def test_log_accesses(tmp_path):
    """The program behind an event is named, unless it has ended by then."""

    def write(path):
        pathlib.Path(path).write_text("text")
        return os.getpid()

    def body(path):
        with running("log_accesses.py", path) as process:
            assert process.stdout.readline() == f"watching the filesystem of {path}\n"
            # so that the events of one file are one event
            stop(process)
            write("file")
            ended = support.in_child(write, "other")
            process.send_signal(signal.SIGCONT)
            name = pathlib.Path("/proc/self/comm").read_text()[:-1]
            assert process.stdout.readline() == f"{os.getpid()} {name!r} MODIFY|CLOSE_WRITE '{path}/file'\n"
            assert process.stdout.readline() == f"{ended} (ended) MODIFY|CLOSE_WRITE '{path}/other'\n"

    support.own_filesystem(body, tmp_path)


@support.needs_namespaces
@support.needs(kernel=(5, 17))
def test_monitor_directories(tmp_path):
    """Without privileges a rename has both of its paths, as far as they are watched."""
    one, two = tmp_path / "one", tmp_path / "two"

    def body():
        # in which programs have no capability, of root too
        support.own_namespaces(root=False)
        with running("monitor_directories.py", one, two) as process:
            assert process.stdout.readline() == f"watching {one} {two}\n"
            stop(process)
            (one / "file").write_text("text")
            (one / "file").rename(two / "new")
            (two / "new").rename(tmp_path / "outside")
            (tmp_path / "outside").rename(one / "back")
            (one / "below").mkdir()
            (one / "back").unlink()
            process.send_signal(signal.SIGCONT)
            assert [process.stdout.readline() for _ in range(6)] == [
                f"CLOSE_WRITE|CREATE '{one}/file'\n",
                f"RENAME '{one}/file' '{two}/new'\n",
                f"RENAME '{two}/new' None\n",
                f"RENAME None '{one}/back'\n",
                f"CREATE|ONDIR '{one}/below'\n",
                f"DELETE '{one}/back'\n",
            ]

    one.mkdir()
    two.mkdir()
    support.in_child(body)


@support.needs("CAP_SYS_ADMIN", kernel=(6, 15))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "name", ["guard_filesystem.py", "log_accesses.py", "monitor_directories.py", "mount_monitor.py"]
)
def test_an_endless_example_ends(name, number, tmp_path):
    """Ctrl-C ends a program that waits for events with 0, and SIGTERM at once."""

    def body(path):
        arguments = {"guard_filesystem.py": [path, "#!"], "mount_monitor.py": []}.get(name, [path])
        with running(name, *arguments) as process:
            assert process.stdout.readline().startswith(("guarding ", "watching "))
            process.send_signal(number)
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == (0 if number == signal.SIGINT else -number)

    support.own_filesystem(body, tmp_path, "tmpfs")


def test_every_example_is_tested():
    """Each example is run by a test, here or in a file with a name like this one's."""
    tests = "".join(path.read_text() for path in pathlib.Path(__file__).parent.glob("test_examples*.py"))
    assert [path.stem for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in tests] == []


BROKER_ALLOWS = ["/usr", "/lib", "/lib64", "/etc", "/dev/null"]


@pytest.fixture
def broker(tmp_path):
    """``broker(*command)``: the outcome of a program that may read in a directory."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open/file").write_text("what it may read\n")
    (tmp_path / "secret").write_text("what it may not\n")
    (tmp_path / "open/link").symlink_to("../secret")
    os.mkfifo(tmp_path / "open/pipe")

    def run(*command):
        allowed = [place for place in [*BROKER_ALLOWS, tmp_path / "open"] if os.path.exists(place)]
        with running("broker.py", *allowed, "--", *command, cwd=tmp_path) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    return run


@support.needs(kernel=(5, 14))
def test_broker(broker):
    """The broker opens what is allowed, by relative and absolute paths."""
    # the pipe has no writer: an open of it would wait for one
    out = "".join(2 * ["what it may read\n"]) + "file\nlink\npipe\n"
    assert broker("sh", "-c", 'cat open/file "$PWD/open/file" open/pipe; ls open') == (0, out, "")


@support.needs(kernel=(5, 14))
def test_broker_that_refuses(broker, tmp_path):
    """An open that is not allowed fails with an errno, and the program ends with it."""
    status, out, err = broker(
        "sh", "-c", "cat secret open/link open/../secret /proc/self/maps missing; cp open/file open/copy"
    )
    assert (status, out) == (1, "")
    words = [line.rpartition(": ")[2] for line in err.splitlines()]
    assert words == 4 * ["Permission denied"] + ["No such file or directory", "Read-only file system"]
    assert not (tmp_path / "open/copy").exists()
    status, out, err = broker("/no/such/program")
    assert (status, out) == (1, "")
    assert "No such file" in err


@support.needs(kernel=(5, 14))
def test_broker_of_a_program_without_descriptors(broker):
    """A program that can have no more descriptors is told so, and others go on."""
    status, out, err = broker("sh", "-c", "(ulimit -n 3; exec cat open/file); cat open/file")
    assert (status, out) == (0, "what it may read\n")
    assert "cannot open shared object file" in err
    assert "Traceback" not in err


@support.needs(kernel=(5, 14))
def test_broker_and_children(broker):
    """The broker serves until the last task is gone, and has the program's status."""
    command = "(sleep 0.1; cat open/file; cat secret) & exit 3"
    status, out, err = broker("sh", "-c", command)
    assert (status, out) == (3, "what it may read\n")
    assert "Permission denied" in err


@support.needs(kernel=(5, 4))
@support.needs_namespaces
def test_run_isolated():
    """The program is alone, without a network, in an empty /tmp, and without rights."""
    script = "hostname; ls -A /tmp; echo /proc/[0-9]*; tail -n +3 /proc/net/dev; grep CapEff /proc/self/status; exit 3"
    with running("run_isolated.py", "sh", "-c", script) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (3, "")
    host, processes, loopback, capabilities = out.splitlines()
    assert (host, processes) == ("isolated", "/proc/1")
    assert loopback.split()[0] == "lo:"
    assert capabilities.split() == ["CapEff:", "0" * 16]


@support.needs(kernel=(5, 12))
@support.needs_namespaces
@pytest.mark.parametrize("as_root", [True, False])
def test_container(as_root):
    """The program sees /usr, its own processes and devices, and has no rights."""
    script = "hostname; ls /; echo /proc/[0-9]*; grep CapBnd /proc/self/status; (: >> /usr/none) || exit 3"
    path, arguments = EXAMPLES / "container.py", ["sh", "-c", script]
    if as_root:
        with running(path.name, *arguments) as process:
            out, err = process.communicate()
            code = process.returncode
    else:
        imports = "import runpy\nexample = runpy.run_path(sys.argv[1])"
        done = run_as_nobody(imports, "example['main'](sys.argv[2:])", path, *arguments)
        out, err, code = done.stdout, done.stderr, done.returncode
    assert (code, err.count("\n"), "Read-only" in err) == (3, 1, True), err
    host, *files, processes, capabilities = out.splitlines()
    assert (host, processes, capabilities.split()[1]) == ("container", "/proc/1", "0" * 16)
    assert (
        {"bin", "dev", "proc", "tmp", "usr"}
        <= set(files)
        <= {"lib", "lib64", "sbin", "bin", "dev", "proc", "tmp", "usr"}
    )


@support.needs(kernel=(5, 12))
@support.needs_namespaces
def test_container_whose_terminal_hangs_up():
    """The program's handler learns of it, though the kernel tells the example alone."""
    script = "trap 'exit 5' HUP; echo ready; while :; do sleep 0.01; done"
    pid, terminal = pty.fork()
    if not pid:
        with contextlib.suppress(OSError):
            os.execv(sys.executable, [sys.executable, str(EXAMPLES / "container.py"), "sh", "-c", script])
        os._exit(99)
    timer = threading.Timer(60, os.kill, [pid, signal.SIGKILL])
    timer.start()
    try:
        seen = b""
        while b"ready" not in seen:
            seen += os.read(terminal, 1000)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    finally:
        timer.cancel()


@support.needs(kernel=(5, 12))
@support.needs_namespaces
def test_container_of_a_program_without_handlers():
    """SIGTSTP and SIGTERM do what they do, though by default process 1 ignores them."""
    with running("container.py", "sh", "-c", "echo ready; exec sleep 60") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTSTP)
        assert os.WSTOPSIG(os.waitpid(process.pid, os.WUNTRACED)[1]) == signal.SIGSTOP
        process.send_signal(signal.SIGCONT)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGKILL


def test_mirror_tree(tmp_path):
    """After each change the program knows how many files there are, and their bytes."""
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/file").write_text("12345")
    with running("mirror_tree.py", root) as process:
        assert process.stdout.readline().startswith("watching 4 files, by inotify")
        (root / "a/file").rename(root / "moved")
        assert process.stdout.readline() == "4 files, 5 bytes\n"
        (root / "a").rename(tmp_path / "outside")
        assert process.stdout.readline() == "2 files, 5 bytes\n"
        (tmp_path / "outside").rename(root / "back")
        assert process.stdout.readline() == "4 files, 5 bytes\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_follow_configuration(tmp_path):
    """Settings are loaded after each kind of save, and stay while they are broken."""
    path = tmp_path / "..data/settings.json"
    with running("follow_configuration.py", path) as process:
        assert process.stdout.readline().startswith("the settings stay: [Errno 2]")
        for version in "12":
            (tmp_path / f"..{version}").mkdir()
            (tmp_path / f"..{version}/settings.json").write_text(version)
            (tmp_path / "link").symlink_to(f"..{version}")
            (tmp_path / "link").rename(tmp_path / "..data")
            assert process.stdout.readline() == f"settings {version}\n"
        path.write_text("3")
        assert process.stdout.readline() == "settings 3\n"
        path.write_text("[")
        assert process.stdout.readline().startswith("the settings stay: ")
        # what is there cannot be read
        path.unlink()
        path.mkdir()
        lines = iter(process.stdout.readline, f"the settings stay: [Errno 21] Is a directory: '{path}'\n")
        assert all(line.startswith("the settings stay: [Errno 2]") for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_work_off_spool(tmp_path):
    """Each file is done once it is complete, first those that were there."""
    (tmp_path / "old").write_text("1")
    with running("work_off_spool.py", tmp_path) as process:
        assert process.stdout.readline() == "'old' 1 bytes\n"
        with open(tmp_path / "slow", "w") as file:
            file.write("half")
            file.flush()
            (tmp_path / "quick").write_text("12")
            assert process.stdout.readline() == "'quick' 2 bytes\n"
            file.write(" and half")
        assert process.stdout.readline() == "'slow' 13 bytes\n"
        support.until(lambda: not list(tmp_path.iterdir()))
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


@support.needs("CAP_SYS_ADMIN", kernel=(6, 16))
def test_mount_monitor(tmp_path):
    """Each mount is a line, and the program ends with the namespace."""
    with support.Mounter(tmp_path) as other, running("mount_monitor.py", other.pid) as process:
        assert process.stdout.readline().startswith("watching ")
        other.mount(6)
        assert process.stdout.readline() == f"appeared '{tmp_path}' (tmpfs '6')\n"
        other.umount()
        assert process.stdout.readline() == f"gone '{tmp_path}' (tmpfs '6')\n"
        other.end()
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert {line.split()[0] for line in out.splitlines()} == {"gone"}
