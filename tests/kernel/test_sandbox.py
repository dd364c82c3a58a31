"""Sandboxes around a function, a program and this process, and their reports."""

import builtins
import contextlib
import ctypes
import errno
import fcntl
import gc
import io
import itertools
import json
import os
import platform
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from support import alarms, become_nobody, descriptors, forge, in_child, inject, needs, needs_landlock
from support.cgroups import needs_cgroup, own_cgroup

from butter import _sandbox_cgroup, _sandbox_kernel, _sandbox_profiles, _sandbox_run, landlock
from butter._sandbox_data import encoded
from butter._sandbox_exceptions import EXCEPTIONS
from butter._sandbox_profiles import PROFILES, Needs, filter_of, gaps_of
from butter._sandbox_report import calls_of
from butter.clone import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, PIPE, spawn, unshare
from butter.landlock import GAPS, NotEnforced
from butter.pidfd import P_ALL, WEXITED, WNOWAIT, waitid
from butter.prctl import Capability, prctl
from butter.sandbox import DEVICES, DEVNULL, Sandbox, SandboxedError
from butter.seccomp import ALLOW, ERRNO, NOTIFY, Filter
from butter.system import MS_BIND, MS_PRIVATE, MS_REC, mount

pytestmark = needs(kernel=(5, 13))

LONG = 60
FOREIGN = "x86_64" if platform.machine() == "aarch64" else "aarch64"
ports = needs_landlock(4)
scopes = needs_landlock(6)
# PyPy does not have it
O_TMPFILE = 0o20200000
#: the system, for programs
SYSTEM = [path for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc") if os.path.exists(path)]


def build(**options):
    return Sandbox(**{"execute": SYSTEM, "syscalls": "build", **options})


def output(argv, **options):
    """The bytes that a program writes to stdout and stderr, and its exit code."""
    with spawn(argv, stdout=PIPE, stderr=PIPE, **options) as child:
        return child.stdout.read(), child.stderr.read(), child.wait(LONG)


# run: results


def test_result():
    """The result of a function comes back, and its arguments reach it."""
    result = Sandbox().run(lambda *args: {"got": args, "all": [None, True, 1.5, "ä", b"\xff", {1}]}, (1, 2), "x")
    assert result == {"got": ((1, 2), "x"), "all": [None, True, 1.5, "ä", b"\xff", {1}]}


@pytest.mark.parametrize("error", [ValueError("no", 3), KeyError("key"), ZeroDivisionError(), UserWarning([1])])
def test_builtin_exception(error):
    """An exception of a builtin class comes back as itself, caused by its traceback."""

    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        Sandbox().run(fail)
    assert type(caught.value) is type(error)
    assert caught.value.args == error.args
    assert "in fail\n" in caught.value.__cause__.traceback


def test_error_of_a_file():
    """The error of a system call has its errno and its files."""
    with pytest.raises(PermissionError) as caught:
        Sandbox().run(open, "/etc/passwd")
    assert (caught.value.errno, caught.value.filename) == (errno.EACCES, "/etc/passwd")
    with pytest.raises(PermissionError) as caught:
        Sandbox().run(os.rename, "/etc/passwd", "/etc/other")
    assert (caught.value.filename, caught.value.filename2) == ("/etc/passwd", "/etc/other")


class Own(ValueError):
    pass


class Pretender(Exception):
    pass


Pretender.__name__ = "ValueError"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Own("reason"), "Own: reason"),
        (Pretender("reason"), "reason"),
        (ValueError(object), "ValueError: <class 'object'>"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Own("\x1b[2J"), r"Own: \\x1b\[2J"),
        (StopIteration(1), "StopIteration: 1"),
        (StopAsyncIteration(), "StopAsyncIteration"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "UnicodeDecodeError"),
        (SyntaxError("no"), "SyntaxError: no"),
        (ValueError(1 << 1024), "ValueError"),
    ],
)
def test_other_exception(error, text):
    """Any other exception is a SandboxedError, whose text cannot harm a terminal."""

    def fail():
        raise error

    with pytest.raises(SandboxedError, match=text) as caught:
        Sandbox().run(fail)
    assert "in fail\n" in caught.value.traceback


@pytest.mark.parametrize(
    ("missing", "text", "traced"),
    [("format_exception", f"{Own.__module__}.Own: reason", False), ("format_exception_only", "Own", True)],
)
def test_text_without_a_traceback(monkeypatch, missing, text, traced):
    """A text does not need the traceback, nor a traceback the text."""

    def fail():
        raise Own("reason")

    monkeypatch.setattr(traceback, missing, lambda *_: Path("/etc/passwd").read_text())
    with pytest.raises(SandboxedError) as caught:
        Sandbox().run(fail)
    assert str(caught.value) == text
    assert ("in fail\n" in caught.value.traceback) is traced


FAILS = """\
from butter.sandbox import Sandbox

def fail():
    return "ä" + None.nothing

try:
    Sandbox(read=[__file__]).run(fail)
except AttributeError as error:
    print(ascii(error.__cause__.traceback))
"""


def test_traceback_in_a_small_program(tmp_path):
    """A traceback has its lines in a program that imports nothing else."""
    # the modules that Python imports for them are out of reach behind the fence
    (tmp_path / "program.py").write_text(FAILS)
    printed = subprocess.check_output([sys.executable, tmp_path / "program.py"], text=True, timeout=LONG)
    assert r'in fail\n    return "\xe4" + None.nothing\n' in printed


def test_only_exceptions_are_made():
    """No class but the builtin exceptions can come of a name that the child sends."""
    assert {"ValueError", "OSError"} < set(EXCEPTIONS)
    assert not {"SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "eval", "type"} & set(EXCEPTIONS)
    assert all(issubclass(found, Exception) and found.__module__ == "builtins" for found in EXCEPTIONS.values())


def sent(*fields):
    """The bytes of an exception, as a child sends them that was taken over."""
    content = encoded(("raised", *fields), 1 << 20)
    return len(content).to_bytes(8, "little") + content


HOSTILE = [
    (),
    (-(10**12),),
    ("a", b"x", -(10**12), 1 - 10**12, "r"),
    ("a", "x", -(10**12), 1 - 10**12, "r"),
    ("x", -(10**12), 1 - 10**12, "r"),
    ("m", ("/etc/passwd", 1, 10**9, "x", 1 << 40, 1 << 40)),
    ("m", [ValueError.__name__]),
    (1 << 100_000,),
    (1 << 70, "x", "file", None, 5),
]


def test_hostile_arguments():
    """No exception that a child sends does harm when it is printed."""
    names = [name for name, kind in vars(builtins).items() if isinstance(kind, type)]

    def body():
        made = []
        for name, arguments in itertools.product(names, HOSTILE):
            try:
                _sandbox_run._outcome(sent(name, arguments, "text", "lines")[8:])
            except Exception as error:
                str(error), repr(error), traceback.format_exception(type(error), error, None)
                made.append(type(error))
        return made

    found = in_child(body)
    assert len(found) == len(names) * len(HOSTILE)
    assert {SandboxedError, ValueError} < set(found) <= {SandboxedError, *EXCEPTIONS.values()}


def test_loop_of_the_caller():
    """A function that ends an iteration does not end that of the caller."""
    with pytest.raises(SandboxedError, match="StopIteration"):
        list(map(Sandbox().run, [int, lambda: next(iter(())), int]))


def test_long_texts():
    """The texts of an exception are as long as an honest child's, and no longer."""
    with pytest.raises(ValueError, match="no") as caught:
        Sandbox().run(forge, sent("ValueError", ("no",), "x" * (1 << 18), "\x1b" * (1 << 18)))
    assert len(str(caught.value.__cause__)) == 1 << 14


@pytest.mark.parametrize("value", [object(), [iter([])], os.stat("/")])
def test_result_that_is_not_plain(value):
    """A result of another type is refused, with its name."""
    with pytest.raises(TypeError, match=type(value).__name__ if not isinstance(value, list) else "iterator"):
        Sandbox().run(lambda: value)


def test_limit_of_the_result():
    """A result has as many bytes as the caller allows."""
    assert Sandbox().run(lambda: b"x" * 66, limit=100)
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        Sandbox().run(lambda: b"x" * 100, limit=100)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "exit code 0"),
        (b"\5", "exit code 0"),
        (b"\5" + bytes(7) + b"nonsense", "not a result"),
        (b"\1" + bytes(7) + b"N", "neither a result nor an exception"),
        (b"\xff" * 8, "bytes as its result"),
        (b"\x0b" + bytes(7) + b"t\2" + bytes(7) + b"NN", "neither a result"),
    ],
)
def test_forged_result(content, sentence):
    """A child that sends anything else, or less, does no harm."""
    with pytest.raises(SandboxedError, match=sentence):
        Sandbox().run(forge, content)


# run: the end of the child


@scopes
def test_killed():
    """A child that a signal kills is told of, with the signal."""
    with pytest.raises(SandboxedError, match="SIGKILL") as caught:
        Sandbox().run(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert caught.value.signal == signal.SIGKILL


def test_exit_code():
    """A child that ends without a result is told of, with its exit code."""
    with pytest.raises(SandboxedError, match="exit code 4"):
        Sandbox().run(os._exit, 4)


def test_limits():
    """A child has the limits, and its excess is told of."""
    limited = Sandbox(rlimits={resource.RLIMIT_AS: (1 << 30, 1 << 30), resource.RLIMIT_CPU: (1, 1)})
    with pytest.raises(MemoryError):
        limited.run(lambda: len(bytes(1 << 31)))
    assert limited.run(resource.getrlimit, resource.RLIMIT_CPU) == (1, 1)


def test_no_core():
    """The kernel hands no core to a program either, as it does at a limit of 0."""
    assert Sandbox().run(resource.getrlimit, resource.RLIMIT_CORE) == (1, 1)
    assert output(["sh", "-c", "ulimit -Hc"], sandbox=build())[0] == b"0\n"  # in blocks
    assert Sandbox(rlimits={resource.RLIMIT_CORE: (0, 5)}).run(resource.getrlimit, resource.RLIMIT_CORE) == (0, 5)

    def body():
        become_nobody()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return Sandbox().run(resource.getrlimit, resource.RLIMIT_CORE)

    assert in_child(body) == (0, 0)


def test_limit_above_that_of_the_process():
    """A limit that the process may not have is told of, with its name."""

    def body():
        become_nobody()
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 60))
        Sandbox(rlimits={resource.RLIMIT_NOFILE: (50, 70)}).run(int)

    with pytest.raises(PermissionError, match=r"rlimits\[RLIMIT_NOFILE\] is above the hard limit .* 60"):
        in_child(body)


def test_timeout():
    """A child that takes too long is killed."""
    before = descriptors()
    with pytest.raises(TimeoutError, match=r"not returned within 0\.05 seconds"):
        Sandbox().run(time.sleep, LONG, timeout=0.05)
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


class Interruption(Exception):
    pass


def test_interruption():
    """An exception of a signal handler ends the wait and the child."""

    def handler(*_):
        raise Interruption

    signal.signal(signal.SIGUSR1, handler)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Interruption):
            Sandbox().run(time.sleep, LONG)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


class Late(Exception):
    pass


def test_interruption_at_any_time():
    """A handler that raises at any moment leaves no child, and none that goes on."""

    def late(*_):
        raise Late

    def body():
        signal.signal(signal.SIGALRM, late)
        sandbox, interrupted = Sandbox(), 0
        for turn in range(60):
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0005 + turn * 0.0002)
                    sandbox.run(int)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Late:
                interrupted += 1
            assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        return interrupted

    assert in_child(body) > 5


def test_interruption_of_the_end(monkeypatch):
    """Where handlers raise while the child is killed, it is killed nevertheless."""
    kill, left = _sandbox_run._kill_group, [Late, KeyboardInterrupt]

    def disturbed(process):
        if left:
            raise left.pop()
        kill(process)

    monkeypatch.setattr(_sandbox_run, "_kill_group", disturbed)
    with pytest.raises(Late):
        Sandbox().run(time.sleep, LONG, timeout=0.01)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_end_that_takes_long(monkeypatch):
    """A killed child that does not end in time is reaped by the next call."""

    def never(process, timeout=None):
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(_sandbox_run.Pidfd, "wait", never)
        assert Sandbox().run(int) == 0
    waitid(P_ALL, 0, WEXITED | WNOWAIT)  # PyPy's os does not have it
    Sandbox().run(int)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_without_descriptors():
    """For want of a descriptor nothing of the child is left."""

    def body():
        sandbox, sentences, held = Sandbox(), set(), []
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 4096))
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(0))
        for _ in range(12):
            os.close(held.pop())
            try:
                sandbox.run(int)
            except OSError as error:
                sentences.add((error.errno, error.strerror.split(":")[0]))
            with pytest.raises(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
        return sentences

    assert in_child(body) >= {(errno.EMFILE, "pidfd_open"), (errno.EMFILE, "pipe2")}


@pytest.mark.parametrize("missing", [(0,), (1, 2), (0, 1, 2)])
def test_without_streams(missing):
    """A process without standard streams, as a daemon, has sandboxes, too."""

    def body():
        for fd in missing:
            os.close(fd)
        return build(read=["/proc"]).run(lambda: [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)])

    assert in_child(body) == [os.devnull] * 3


def test_failure_in_the_child(monkeypatch):
    """Whatever fails in the child before the function is told of."""
    monkeypatch.setattr(gc, "freeze", lambda: 1 / 0, raising=False)  # PyPy does not have it
    with pytest.raises(ZeroDivisionError):
        Sandbox().run(int)


def test_result_just_before_the_end(monkeypatch):
    """A result that comes between the looks at pipe and child is not lost."""

    class Poll:
        def __init__(self):
            self.real, self.first = poll(), True

        def register(self, fd, events):
            self.real.register(fd, events)
            self.process = fd

        def poll(self, timeout):
            ready, first, self.first = self.real.poll(timeout), self.first, False
            if not first:
                return ready
            time.sleep(0.1)
            return [(self.process, select.POLLIN)]

    poll = select.poll
    monkeypatch.setattr(_sandbox_run.select, "poll", Poll)
    assert Sandbox().run(int) == 0


@pytest.mark.parametrize("profile", PROFILES)
def test_end_of_the_parent(profile):
    """A child cannot ask to outlive its parent."""
    libc = ctypes.CDLL(None, use_errno=True)

    def undo():
        return libc.prctl(1, 0, 0, 0, 0), ctypes.get_errno(), libc.prctl(1, signal.SIGKILL, 0, 0, 0)

    assert Sandbox(syscalls=profile).run(undo) == (-1, errno.EPERM, 0)


def test_processes_of_the_child():
    """The processes of a child end with it."""
    reading, writing = os.pipe()

    def start():
        if not os.fork():
            time.sleep(LONG)

    build().run(start, stderr=writing)
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_reaped_elsewhere():
    """A result comes although SIGCHLD is ignored, and the kernel reaps the child."""

    def body():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        results = [Sandbox().run(int)]
        with pytest.raises(SandboxedError, match="without a result"):
            Sandbox().run(os._exit, 4)
        return results

    assert in_child(body) == [0]


# run: what the child has of its parent


def test_descriptors_of_the_child():
    """The child has none of its parent's descriptors, and its streams are /dev/null."""

    def look():
        found = {}
        for fd in range(64):
            try:
                found[fd] = os.fstat(fd).st_rdev
            except OSError:
                pass
        return found

    null = os.stat(os.devnull).st_rdev
    with open("/etc/passwd"):
        found = Sandbox().run(look)
    assert {fd: found.pop(fd) for fd in range(3)} == dict.fromkeys(range(3), null)
    assert list(found.values()) == [0]  # the pipe for the result


def test_streams(tmp_path):
    """The child has the streams that are passed, and what is printed arrives."""
    with open(tmp_path / "in", "w+") as source, open(tmp_path / "out", "w+") as target:
        source.write("line\n")
        source.seek(0)

        def talk():
            print(input())
            print("error", file=sys.stderr)

        Sandbox().run(talk, stdin=source, stdout=target, stderr=target)
        target.seek(0)
        assert sorted(target) == ["error\n", "line\n"]


def test_buffers_of_the_parent(tmp_path):
    """The child does not write the bytes that wait in the files of its parent."""
    with open(tmp_path / "file", "w") as file:
        file.write("once")
        Sandbox(write=[tmp_path]).run(lambda: None)
    assert (tmp_path / "file").read_text() == "once"


def test_handlers_of_the_parent():
    """The child has none of the handlers of its parent, and blocks no signal."""

    def look():
        return signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL, signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()

    signal.signal(signal.SIGUSR1, print)
    try:
        assert Sandbox().run(look) == (True, True)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def test_environment(monkeypatch):
    """The child has a harmless environment, or the one that it is given."""
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PATH", "/bin")
    found = Sandbox().run(lambda: dict(os.environ))
    assert found["PATH"] == "/bin"
    assert "SECRET" not in found
    assert Sandbox(env={"A": "b"}).run(lambda: dict(os.environ)) == {"A": "b"}


def test_session():
    """The child has a session of its own, and so no terminal."""
    assert Sandbox().run(lambda: os.getsid(0) == os.getpid())


def test_capabilities():
    """The child has no capabilities, and cannot get one."""
    found = Sandbox().run(lambda: (list(prctl.ambient), prctl.no_new_privs, sorted(capabilities_here())))
    assert found == ([], True, [])


def capabilities_here():
    from butter.prctl import capget

    return [int(each) for group in capget() for each in group]


def test_alarms():
    """Signals that come again and again do not disturb a run."""
    sandbox = Sandbox()
    with alarms(lambda *_: None):
        assert [sandbox.run(abs, -1) for _ in range(5)] == [1] * 5


# what is named


def test_paths(tmp_path):
    """Files that are named can be read, or written, and no others."""
    for name in "read", "write", "other":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    sandbox = Sandbox(read=[tmp_path / "read"], write=[os.fsencode(tmp_path / "write")])
    assert sandbox.run(lambda: (tmp_path / "read" / "file").read_text()) == "read"
    assert sandbox.run(lambda: (tmp_path / "write" / "file").read_text()) == "write"
    sandbox.run(lambda: (tmp_path / "write" / "new").write_text("x") and None)
    assert (tmp_path / "write" / "new").read_text() == "x"
    for path in "read/new", "other/new", "read/file", "other/file":
        with pytest.raises(PermissionError):
            sandbox.run(lambda path=path: open(tmp_path / path, "w").close())
    with pytest.raises(PermissionError):
        sandbox.run(lambda: (tmp_path / "other" / "file").read_text())


def test_paths_are_looked_up_each_time(tmp_path):
    """A path means the file that it leads to when the fences are put up."""
    path = tmp_path / "file"
    sandbox = Sandbox(read=[path])
    with pytest.raises(FileNotFoundError, match="does not exist") as caught:
        sandbox.run(path.read_text)
    assert caught.value.filename == str(path)
    path.write_text("first")
    assert sandbox.run(path.read_text) == "first"
    path.unlink()
    path.write_text("second")
    assert sandbox.run(path.read_text) == "second"


@ports
def test_ports():
    """A sandbox connects to the ports that are named, and listens at them."""

    def connect(port):
        with socket.socket() as connection:
            connection.connect(("127.0.0.1", port))
            return connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port = server.getsockname()[1]
        client = Sandbox(connect=[port], syscalls="network-client")

        def serve():
            with server.accept()[0] as connection:
                connection.send(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        assert client.run(connect, port) == b"x"
        thread.join()
        for run, wrong in (client, other.getsockname()[1]), (Sandbox(), port):
            with pytest.raises(PermissionError):
                run.run(connect, wrong)
        with pytest.raises(PermissionError):
            client.run(lambda: socket.create_server(("127.0.0.1", 0)).close())


CONNECTS = """\
import socket, sys
from butter.sandbox import Sandbox

def connect(port):
    socket.create_connection(("127.0.0.1", port)).close()

Sandbox(connect=[int(sys.argv[1])], syscalls="network-client").run(connect, int(sys.argv[1]))
"""


@ports
def test_address_in_a_small_program():
    """An address is taken as a name is, in a program that imports nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", CONNECTS, str(server.getsockname()[1])]
        subprocess.check_call(command, timeout=LONG, cwd="/")  # the checkout may not be the installed butter
        server.settimeout(0)
        server.accept()[0].close()


@ports
def test_bind():
    """A server has the ports that are named, and no other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sandbox = Sandbox(bind=[port], syscalls="network-client")
    sandbox.run(lambda: socket.create_server(("127.0.0.1", port)).close())
    with pytest.raises(PermissionError):
        sandbox.run(lambda: socket.create_server(("127.0.0.1", 0)).close())


def answer_names(server):
    """Answer one question for a name, by TCP: 10.1.2.3, whatever the name."""
    with server.accept()[0] as connection:
        question = connection.recv(2) and connection.recv(512)
        end = question.index(b"\0", 12) + 5
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\1\2\3"
        reply = question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:end] + answer
        connection.send(len(reply).to_bytes(2, "big") + reply)


@ports
@needs("CAP_SYS_ADMIN", "CAP_NET_BIND_SERVICE")
def test_names(tmp_path):
    """Names are looked up by TCP, because UDP is closed."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")

    def body():
        unshare(CLONE_NEWNS | CLONE_NEWNET)
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        for name in "resolv.conf", "nsswitch.conf":
            mount(tmp_path / name, f"/etc/{name}", "", MS_BIND)
        with socket.socket() as control:
            # SIOCSIFFLAGS: the loopback device is up
            fcntl.ioctl(control, 0x8914, b"lo".ljust(16, b"\0") + b"\1\0".ljust(24, b"\0"))
        with socket.create_server(("127.0.0.1", 53)) as server:
            thread = threading.Thread(target=answer_names, args=(server,))
            thread.start()
            sandbox = Sandbox(read=["/etc", *SYSTEM], connect=[53], syscalls="network-client")
            found = sandbox.run(socket.gethostbyname, "name.test", timeout=LONG)
            thread.join()
        return found

    assert in_child(body) == "10.1.2.3"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
def test_pairs_of_sockets(kind):
    """Two sockets that are connected to each other are always there."""

    def talk():
        first, second = socket.socketpair(socket.AF_UNIX, kind)
        first.send(b"x")
        return second.recv(1)

    assert Sandbox().run(talk) == b"x"


def test_devices():
    """The devices of every program are there, unless none are wanted."""
    assert Sandbox().run(lambda: [len(os.read(os.open(path, os.O_RDWR), 1)) for path in DEVICES]) == [0, 1, 1, 1, 1]
    with pytest.raises(PermissionError):
        Sandbox(devices=[]).run(open, "/dev/null")


@needs_landlock(5)
@pytest.mark.parametrize("path", ["/etc", "/etc/passwd"])
def test_devices_that_are_none(path):
    """A device that is named is one, since it may be written."""
    with pytest.raises(ValueError, match=f"devices has '{path}', which is not a device"):
        Sandbox(devices=[path]).run(int)


@pytest.mark.parametrize("option", ["read", "write", "execute", pytest.param("devices", marks=needs_landlock(5))])
def test_path_that_is_missing(option):
    """A path that does not exist is told of, with the option."""
    with pytest.raises(FileNotFoundError, match=f"{option}: the path does not exist"):
        Sandbox(**{option: ["/nonexistent"]}).run(int)


def test_threads():
    """The profile pure has threads, and no processes."""

    def work():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        return True

    assert Sandbox().run(work)
    with pytest.raises(PermissionError):
        Sandbox().run(lambda: os.fork() and None)


# spawn


def test_program():
    """A program is fenced from its first instruction, and has no capabilities."""
    out, err, code = output(["sh", "-c", "cat /proc/self/status; exit 3"], sandbox=build(read=["/proc"]))
    fields = dict(line.split(":\t", 1) for line in out.decode().splitlines())
    assert (err, code) == (b"", 3)
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert {fields[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Amb")} == {"0" * 16}


def test_program_reads_what_is_named(tmp_path):
    """A program reads what is named, and nothing else."""
    (tmp_path / "file").write_text("content")
    assert output(["cat", tmp_path / "file"], sandbox=build(read=[tmp_path])) == (b"content", b"", 0)
    out, err, code = output(["cat", tmp_path / "file"], sandbox=build())
    assert (out, code) == (b"", 1)
    assert b"Permission denied" in err


def test_environment_of_a_program(monkeypatch):
    """A program has the environment of the sandbox, unless spawn is given one."""
    monkeypatch.setenv("SECRET", "x")
    assert b"SECRET" not in output(["env"], sandbox=build())[0]
    assert output(["env"], sandbox=build(env={"PATH": "/usr/bin:/bin", "A": "b"}))[0].split() == [
        b"PATH=/usr/bin:/bin",
        b"A=b",
    ]
    assert output(["/usr/bin/env"], sandbox=build(), env={"B": "c"})[0] == b"B=c\n"


def test_limits_of_a_program():
    """A program has the limits of the sandbox, and those of spawn."""
    limited = build(rlimits={resource.RLIMIT_NOFILE: (50, 60)})
    options = {"rlimits": {resource.RLIMIT_NOFILE: (70, 80), resource.RLIMIT_CPU: (9, 9)}}
    assert output(["sh", "-c", "ulimit -n; ulimit -Hn; ulimit -t"], sandbox=limited, **options)[0] == b"50\n60\n9\n"


def test_numbers_of_descriptors():
    """A program that has many descriptors does not overwrite the ruleset."""
    with open(os.devnull) as null:
        passed = dict.fromkeys(range(3, 60), null)
        assert output(["sh", "-c", "cat /etc/passwd <&9 >/dev/null"], sandbox=build(), pass_fds=passed)[2] == 0


def test_as_another_user():
    """A program may be of another user, with memory of its own, and in namespaces."""
    for options in {"namespaces": CLONE_NEWUSER}, {"user": os.geteuid()}:
        assert output(["true"], sandbox=build(), **options) == (b"", b"", 0)


def test_without_privileges():
    """A user without rights has sandboxes, too."""

    def body():
        become_nobody()
        before = Sandbox().run(open_is_refused, "/etc/passwd"), output(["id", "-u"], sandbox=build())[2]
        build().restrict()
        return (*before, open_is_refused("/proc/self/status"))

    assert in_child(body) == (True, 0, True)


def open_is_refused(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        return True
    return False


@pytest.mark.parametrize(
    ("execute", "sentence"),
    [
        ([], "has to name the program"),
        (["/etc"], "has to name the program"),
    ],
)
def test_program_that_is_not_named(execute, sentence):
    """A program that may not be executed is refused before there is a process."""
    with pytest.raises(PermissionError, match=f"sandbox: execute {sentence}") as caught:
        spawn(["/bin/true"], sandbox=Sandbox(execute=execute))
    assert caught.value.filename == "/bin/true"


def test_loader_and_interpreter(tmp_path):
    """The loader of a program and the interpreter of a script have to be named."""
    program = os.path.realpath("/usr/bin/env")
    with pytest.raises(PermissionError, match="the loader of"):
        spawn([program], sandbox=Sandbox(execute=[program]))
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexit 5\n")
    script.chmod(0o755)
    with pytest.raises(PermissionError, match="the interpreter of"):
        spawn([script], sandbox=Sandbox(execute=[tmp_path]))
    assert output([script], sandbox=build(execute=[*SYSTEM, tmp_path]))[2] == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!",
        b"#!\n",
        b"\x7fELF",
        b"\x7fELF\2\1" + b"\xff" * 100,
        b"\x7fELF\1\2" + b"\xff" * 100,
        b"\x7fELF\2\1" + bytes(100),
    ],
)
def test_strange_programs(tmp_path, content):
    """A program that cannot be read is left to the kernel."""
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    with pytest.raises(OSError, match=r"spawn\(argv\)"):
        spawn([program], sandbox=Sandbox(execute=[tmp_path]))


def test_kinds_of_ends(tmp_path):
    """The name of an interpreter ends where it does for the kernel."""
    script = tmp_path / "script"
    for line in b"#!/bin/sh\0x\nexit 5\n", b"#! \t/bin/sh\t\nexit 5\n":
        script.unlink(missing_ok=True)
        script.write_bytes(line)
        script.chmod(0o755)
        assert output([script], sandbox=build(execute=[*SYSTEM, tmp_path]))[2] == 5
        with pytest.raises(PermissionError, match="the interpreter of"):
            spawn([script], sandbox=Sandbox(execute=[tmp_path]))


def test_program_that_changes(tmp_path):
    """A program is looked at again once it has changed."""
    script = tmp_path / "script"
    sandbox = build(execute=[*SYSTEM, tmp_path])
    for interpreter in "/bin/sh", "/dev/null", "/bin/sh":
        (tmp_path / f"new{interpreter[1:4]}").touch()
        script.write_text(f"#!{interpreter}\n")
        script.chmod(0o755)
        if interpreter == "/bin/sh":
            assert output([script], sandbox=sandbox)[2] == 0
        else:
            with pytest.raises(PermissionError, match="the interpreter of"):
                spawn([script], sandbox=sandbox)


def test_search_path(tmp_path):
    """Of the programs on the search path one that may be executed is enough."""
    (tmp_path / "true").write_bytes(b"#!/bin/false\n")
    (tmp_path / "true").chmod(0o755)
    assert output(["true"], sandbox=build(), path=f"{tmp_path}:/usr/bin:/bin")[2] == 0
    with pytest.raises(FileNotFoundError):
        spawn(["butter-has-no-such-program"], sandbox=build())


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"capabilities": [Capability.NET_RAW]}, ValueError, "the sandbox drops all of them"),
        ({"sandbox": Sandbox}, TypeError, "sandbox must be a butter.sandbox.Sandbox or None, not type"),
        ({"sandbox": "pure"}, TypeError, "sandbox must be a butter.sandbox.Sandbox or None, not str"),
    ],
)
def test_options_in_the_way(options, error, sentence):
    """An option that a sandbox contradicts is refused."""
    before = descriptors()
    with pytest.raises(error, match=sentence):
        spawn(["true"], **{"sandbox": build(), **options})
    assert descriptors() == before


def test_filter_that_forbids_the_exec():
    """A filter of the caller's that forbids the exec is told of."""
    closed = Filter(ALLOW).add("execve", ERRNO(errno.EPERM))
    with pytest.raises(PermissionError, match=r"spawn\(argv\): the filter of the sandbox does not allow execve"):
        spawn(["true"], sandbox=Sandbox(execute=SYSTEM, syscalls=closed))


def test_filter_that_gets_a_rule():
    """A filter is looked at again when the fences are put up."""
    filter = Filter(ALLOW)
    sandbox = Sandbox(syscalls=filter)
    filter.add("mkdir", NOTIFY)
    with pytest.raises(ValueError, match="needs a listener"):
        sandbox.run(int)


# restrict


def test_restrict():
    """The process itself is fenced, and what it starts."""

    def body():
        build(read=["/proc"]).restrict()
        return (
            open_is_refused(__file__),
            not os.system("cat /proc/self/status > /dev/null"),
            prctl.no_new_privs,
            capabilities_here(),
        )

    assert in_child(body) == (True, True, True, [])


def test_sandbox_in_a_sandbox():
    """Sandboxes can be in each other."""

    def body():
        build().restrict()
        return build().run(lambda: 1), output(["true"], sandbox=build())[2]

    assert in_child(body) == (1, 0)


def test_run_where_no_signal_may_be_sent():
    """A function returns where an outer sandbox forbids signals, as on old kernels."""

    def body():
        inject("pidfd_send_signal", errno.EPERM)
        return Sandbox().run(lambda: 1)

    assert in_child(body) == 1


def test_restrict_with_threads():
    """A process with threads is not restricted, since they would stay outside."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match=f"has {len(os.listdir('/proc/self/task'))} threads"):
            Sandbox().restrict()
        assert not prctl.no_new_privs
    finally:
        event.set()
        thread.join()


def test_restrict_twice():
    """A sandbox that hides /proc says so to the next one."""

    def body():
        Sandbox().restrict()
        with pytest.raises(PermissionError, match=r"sandbox: .* forbids the fork"):
            Sandbox().run(int)
        Sandbox().restrict()

    with pytest.raises(RuntimeError, match="/proc/self/status cannot be read"):
        in_child(body)


def test_restrict_leaves_no_descriptor():
    """The descriptors of the fences are closed."""

    def body():
        before = descriptors()
        Sandbox(read=["/proc"]).restrict()
        return len(descriptors()) - len(before)

    assert in_child(body) == 0


# arguments


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"read": "/etc"}, TypeError, "read must be a list of paths, not str"),
        ({"write": [1]}, TypeError, "an entry of write must be str, bytes or a path, not int"),
        ({"connect": [1 << 16], "syscalls": "build"}, ValueError, "connect"),
        ({"bind": ["http"], "syscalls": "build"}, TypeError, "an entry of bind must be a TCP port, not str"),
        ({"connect": [80]}, ValueError, "the profile 'pure' has no network"),
        ({"syscalls": "purest"}, ValueError, "the profiles are pure, network-client, build"),
        ({"syscalls": None}, TypeError, "syscalls must be the name of a profile or a butter.seccomp.Filter"),
        ({"env": []}, TypeError, "env must be a mapping"),
        ({"env": {"A": 1}}, TypeError, "a name or value of env must be str, not int"),
        ({"env": {"A=B": "x"}}, ValueError, "'A=B' is not the name of a variable"),
        ({"env": {"": "x"}}, ValueError, "'' is not the name of a variable"),
        ({"env": {"A\0": "x"}}, ValueError, "is not the name of a variable"),
        ({"env": {"A": "x\0"}}, ValueError, "the value of 'A' has a NUL"),
        ({"env": {"A": "\ud800"}}, ValueError, "a character that no variable can have"),
        ({"rlimits": {7: (10, 5)}}, ValueError, r"RLIMIT_NOFILE\] is \(10, 5\)"),
        ({"rlimits": {999: (1, 1)}}, ValueError, "a key of rlimits is 999"),
        ({"syscalls": Filter(ALLOW).add("mkdir", NOTIFY)}, ValueError, "needs a listener"),
        ({"syscalls": Filter(ALLOW, arch=FOREIGN)}, ValueError, "name .* in arch"),
        ({"rlimits": {0: 5}}, TypeError, r"must be \(soft, hard\)"),
        ({"memory": 0}, ValueError, "memory is 0"),
        ({"processes": True}, TypeError, "processes"),
        ({"scope": 1}, TypeError, "scope must be True or False"),
        ({"best_effort": None}, TypeError, "best_effort must be True or False"),
    ],
)
def test_arguments(options, error, sentence):
    """A value that cannot be is refused, with the name of the argument."""
    with pytest.raises(error, match=sentence):
        Sandbox(**options)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": -1}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"limit": -1}, ValueError),
        ({"stdin": "file"}, TypeError),
        ({"stdin": 999}, OSError),
        ({"stdout": io.StringIO()}, TypeError),
    ],
)
def test_arguments_of_run(options, error):
    """A wrong argument of run is refused before there is a child."""
    with pytest.raises(error, match=next(iter(options))):
        Sandbox().run(int, **options)
    assert DEVNULL < 0


def test_timeout_without_an_end():
    """A timeout may be infinite."""
    assert Sandbox().run(int, timeout=float("inf")) == 0


def test_repr():
    """A sandbox shows its profile, or its filter."""
    assert repr(Sandbox()) == "<Sandbox pure>"
    assert "Filter(ALLOW)" in repr(Sandbox(syscalls=Filter(ALLOW)))


# kernels that cannot enforce it


@pytest.mark.parametrize("call", ["landlock_create_ruleset", "seccomp"])
def test_missing_call(call):
    """Where a filter hides a call the sandbox does not start, but by best_effort."""

    def body():
        inject(call, errno.ENOSYS)
        for start in lambda: Sandbox().run(int), lambda: spawn(["true"], sandbox=build()), Sandbox().restrict:
            with pytest.raises(NotEnforced, match=r"sandbox: .*hides.* best_effort=True"):
                start()
        report = Sandbox().report()
        weak = Sandbox(best_effort=True)
        return report["starts"], len(report["missing"]), report["fences"], weak.run(open_is_refused, "/etc/passwd")

    starts, count, fences, refused = in_child(body)
    assert (starts, count) == (False, 1)
    assert fences[call.split("_")[0]] is False
    assert refused is (call == "seccomp")


@pytest.mark.parametrize("call", ["landlock_add_rule", "landlock_restrict_self"])
def test_missing_later_call(call):
    """Where only a later call is hidden, nothing runs either."""

    def body():
        inject(call, errno.ENOSYS)
        for start in lambda: Sandbox().run(os._exit, 9), lambda: spawn(["true"], sandbox=build()):
            with pytest.raises(OSError, match="landlock") as caught:
                start()
            assert caught.value.errno == errno.ENOSYS
        return True

    assert in_child(body)


def old(monkeypatch, number):
    """Have landlock of an older ABI."""
    monkeypatch.setattr(landlock, "abi", lambda: number)


@pytest.mark.parametrize(
    ("options", "least"), [({"connect": [80], "syscalls": "build"}, 4), ({"devices": ["/dev/null", "/dev/tty"]}, 5)]
)
def test_older_abi(monkeypatch, options, least):
    """A sandbox that an older ABI cannot enforce refuses to start."""
    old(monkeypatch, least - 1)
    sandbox = Sandbox(**options)
    with pytest.raises(NotEnforced, match=f"need landlock ABI {least}, .* has ABI {least - 1}"):
        sandbox.run(int)
    assert sandbox.report()["starts"] is False
    assert Sandbox(**options, best_effort=True).report()["starts"]
    old(monkeypatch, least)
    assert sandbox.report()["starts"] is True


@pytest.mark.parametrize("number", [number for number in range(1, 8) if number <= landlock.abi()])
def test_pure_on_every_abi(monkeypatch, number, tmp_path):
    """The profile pure holds on every ABI, by the filter where landlock cannot."""
    old(monkeypatch, number)
    sandbox = Sandbox(write=[tmp_path])
    assert sandbox.run(lambda: [open_is_refused("/etc/passwd"), (tmp_path / "file").write_text("x")]) == [True, 1]
    ways = {way["name"]: way["closed"] for way in sandbox.report()["ways"]}
    left = {"stat", "chdir", "flock", "open_files", "mmap", "processes", "machine", "time", "kernel"}
    assert {name for name, closed in ways.items() if not closed} == left


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_promised_kernels(monkeypatch, profile):
    """On the first kernel that a profile promises it starts, and closes these ways."""
    assert landlock.ABIS[profile.abi] == profile.kernel
    old(monkeypatch, profile.abi)
    ports = {"connect": [80], "bind": [80]} if profile.network else {}
    report = Sandbox(syscalls=profile.name, **ports).report()
    closed = {way["name"] for way in report["ways"] if way["closed"]}
    assert report["starts"]
    assert {"read", "write", "execute", "signal", "udp", "ioctl", "truncate", "io_uring", "user_namespace"} <= closed
    assert "tcp_fast_open" in closed


# control groups


def test_without_controllers(monkeypatch):
    """Bounds that need a control group are refused where there is none."""
    monkeypatch.setattr(_sandbox_cgroup, "find", lambda controllers: None)
    for options in {"memory": 1 << 30}, {"processes": 5}:
        with pytest.raises(NotEnforced, match=r"needs a control group .* rlimits bound each process"):
            Sandbox(**options).run(int)
        assert Sandbox(**options).report()["fences"]["cgroup"] is False
        assert Sandbox(**options, best_effort=True).run(int) == 0


def test_settings():
    """The bounds are those of memory, with swap, and of processes."""
    assert _sandbox_cgroup.settings_of(5, 6) == {"memory.max": "5", "memory.swap.max": "0", "pids.max": "6"}
    assert _sandbox_cgroup.settings_of(None, None) == {}


@needs_cgroup
def test_control_group(monkeypatch):
    """A function and a program have a group of their own, which is removed later."""
    with own_cgroup() as directory:
        monkeypatch.setattr(_sandbox_cgroup, "find", lambda controllers: directory)
        sandbox = build(read=["/proc"])
        sandbox._settings = {"cgroup.max.descendants": "0"}
        group = sandbox.run(lambda: Path("/proc/self/cgroup").read_text())
        assert f"{directory.name}/butter-sandbox-{os.getpid()}-" in group
        assert list(directory.glob("butter-*")) == []
        assert b"/butter-sandbox-" in output(["cat", "/proc/self/cgroup"], sandbox=sandbox)[0]
        with pytest.raises(ValueError, match="cgroup must be None"):
            spawn(["true"], sandbox=sandbox, cgroup=directory)
        _sandbox_cgroup.sweep(directory)
        assert list(directory.glob("butter-*")) == []


# the filters


EVERYTHING = Needs(connect=True, bind=True, execute=True)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("socket", (socket.AF_UNIX, socket.SOCK_STREAM, 0)),
        ("socket", (socket.AF_INET, socket.SOCK_DGRAM, 0)),
        ("socket", (socket.AF_INET | 1 << 32, socket.SOCK_RAW, 0)),
        ("socket", (socket.AF_INET, socket.SOCK_STREAM, 262)),
        ("socketpair", (socket.AF_UNIX, socket.SOCK_DGRAM, 0)),
        ("sendto", (3, 0, 0, 0x20000000)),
        ("ioctl", (0, 0x5412)),
        ("ioctl", (0, 0x5412 | 1 << 32)),
        ("clone", (0x10000000,)),
        ("clone", (0x8000,)),
        ("clone3", (0, 0)),
        ("unshare", (0x10000000,)),
        ("open", (0, os.O_CREAT, 0o4755)),
        ("openat", (0, 0, os.O_CREAT, 0o2755)),
        ("openat", (0, 0, O_TMPFILE | os.O_WRONLY, 0o4755)),
        ("openat2", (0, 0, 0)),
        ("mknod", (0, 0o104755, 0)),
        ("chmod", (0, 0o4755)),
        ("fchmodat", (0, 0, 0o2755)),
        ("chown", (0, 0)),
        ("memfd_create", (0, 1)),
        ("execveat", ()),
        ("prlimit64", (1, 7)),
        ("setpriority", (2, 0)),
        ("personality", (0x40000,)),
        ("prctl", (1, 0)),
        ("prctl", (1, signal.SIGTERM)),
        ("prctl", (1, signal.SIGKILL | 1 << 32)),
        ("prctl", (1 | 1 << 32, 0)),
        ("prctl", (36, 1)),  # PR_SET_CHILD_SUBREAPER
        ("prctl", (35, 13)),  # PR_SET_MM
        ("prctl", (59, 1)),  # PR_SET_SYSCALL_USER_DISPATCH
        ("prctl", (62, 1, 1)),  # PR_SCHED_CORE
        ("prctl", (0x59616D61, 1)),  # PR_SET_PTRACER
        ("prctl", (1000,)),
        ("setsockopt", (3, 6, 31)),  # TCP_ULP
        ("setsockopt", (3, 6 | 1 << 32, 31 | 1 << 32)),
        ("fcntl", (0, fcntl.F_NOTIFY)),
        ("io_uring_setup", ()),
        ("ptrace", ()),
        ("process_vm_readv", ()),
        ("pidfd_getfd", ()),
        ("open_by_handle_at", ()),
        ("keyctl", ()),
        ("bpf", ()),
        ("mount", ()),
        ("open_tree", ()),
        ("fsopen", ()),
        ("setxattr", ()),
        ("shmget", ()),
        ("kexec_load", ()),
    ],
)
def test_refused_calls(profile, call, arguments):
    """The calls that no profile has are refused, also beside a caller's filter."""
    for filter in filter_of(profile, EVERYTHING), gaps_of(EVERYTHING):
        try:
            action = filter.test(call, *arguments)
        except ValueError:
            continue  # the architecture lacks it
        if filter.default == ALLOW and call in ("open_tree", "fsopen"):
            continue  # useless without the calls that mount
        assert action.name == "ERRNO"


@pytest.mark.parametrize(
    ("call", "arguments", "names"),
    [
        ("open", (0, os.O_CREAT, 0o755), "pure network-client build"),
        ("open", (0, os.O_RDONLY, 0o4755), "pure network-client build"),
        ("ioctl", (0, 0x5401), "pure network-client build"),
        ("clone", (0x3D0F00,), "pure network-client build"),
        ("clone", (17,), "build"),
        ("memfd_create", (0, 9), "pure network-client build"),
        ("chmod", (0, 0o755), "build"),
        ("utimensat", (), "build"),
        ("prlimit64", (0, 7), "pure network-client build"),
        ("socket", (socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 6), "pure network-client build"),
        ("kill", (), "pure network-client build"),
        ("setsid", (), "build"),
        ("setsockopt", (3, 6, 1), "pure network-client build"),
        ("prctl", (1, signal.SIGKILL), "pure network-client build"),
        ("prctl", (15,), "pure network-client build"),  # PR_SET_NAME
        ("prctl", (38, 1), "pure network-client build"),  # PR_SET_NO_NEW_PRIVS
        ("prctl", (0x53564D41,), "pure network-client build"),  # PR_SET_VMA
    ],
)
def test_allowed_calls(call, arguments, names):
    """A profile allows what its programs need."""
    for profile in PROFILES.values():
        try:
            action = filter_of(profile, EVERYTHING).test(call, *arguments)
        except ValueError:
            continue  # the architecture lacks it
        assert (action == ALLOW) is (profile.name in names.split()), profile.name


def test_filter_by_needs():
    """Calls that an older ABI would let through are closed, and those without need."""
    pure = PROFILES["pure"]
    old_one = filter_of(pure, Needs(signals=False, abi=1))
    assert filter_of(pure, Needs()).test("execve").name == "ERRNO"
    assert filter_of(pure, EVERYTHING).test("execve") == ALLOW
    for request in 0x8901, 0x8902:  # FIOSETOWN, SIOCSPGRP
        for closed in filter_of(pure, Needs(devices=True, signals=False, abi=5)), gaps_of(Needs(True, signals=False)):
            assert closed.test("ioctl", 3, request).name == "ERRNO"
        assert filter_of(pure, Needs(devices=True)).test("ioctl", 3, request) == ALLOW
    for call, arguments in (
        ("kill", ()),
        ("fcntl", (0, 8)),
        ("truncate", ()),
        ("openat", (0, 0, os.O_TRUNC)),
    ):
        assert old_one.test(call, *arguments).name == "ERRNO"
        assert gaps_of(Needs(signals=False, abi=1)).test(call, *arguments).name == "ERRNO"
        assert filter_of(pure, Needs()).test(call, *arguments) == ALLOW
    assert filter_of(pure, Needs(connect=True)).test("listen").name == "ERRNO"
    assert filter_of(pure, Needs(devices=True)).test("ioctl", 0, 0x1234) == ALLOW
    assert filter_of(pure, Needs(devices=True)).test("ioctl", 0, 0x5412).name == "ERRNO"


def test_profiles_name_calls():
    """Each call that a profile names is one, or a later kernel's."""
    assert _sandbox_profiles.filter_of(PROFILES["build"], EVERYTHING).program()


# the report


def test_report():
    """A report is plain data, and has a row for each gap of landlock."""
    report = Sandbox(syscalls="build", rlimits={resource.RLIMIT_CPU: (1, 2)}).report()
    assert json.loads(json.dumps(report)) == report
    assert report["rlimits"] == {"RLIMIT_CORE": [1, 1], "RLIMIT_CPU": [1, 2]}
    ways = {way["name"]: way for way in report["ways"]}
    assert set(GAPS) <= set(ways)
    assert len(ways) == len(report["ways"])
    assert ways["udp"] == {"name": "udp", "meaning": GAPS["udp"].meaning, "closed": True, "by": ways["udp"]["by"]}
    assert not ways["chmod"]["closed"]


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_calls_of_gaps(gap):
    """Each gap has calls to try on the filters."""
    assert calls_of(gap)


def test_report_of_a_filter():
    """The report tells what a filter of the caller's closes, with the one beside it."""
    weak = Sandbox(syscalls=Filter(ALLOW)).report()
    assert weak["profile"] is None
    ways = {way["name"]: way["closed"] for way in weak["ways"]}
    assert ways["io_uring"]
    assert ways["udp"]
    assert Sandbox(syscalls=Filter(ALLOW)).run(lambda: 5) == 5


def test_report_of_processes(monkeypatch):
    """Processes outlive run() where it may start any, and there is no control group."""

    def outliving(**options):
        ways = Sandbox(**options).report()["ways"]
        return next(way["by"] for way in ways if way["name"] == "outliving")

    monkeypatch.setattr(_sandbox_cgroup, "find", lambda controllers: Path("/"))
    assert outliving() == ["seccomp"]
    assert outliving(syscalls="build") == []
    assert outliving(syscalls="build", processes=5) == ["cgroup"]


@pytest.mark.parametrize(
    ("options", "closed"),
    [
        ({"read": ["/proc", "/usr", "/dev/null"], "write": ["/tmp"]}, True),
        ({"read": ["/"]}, False),
        ({"execute": ["/dev"]}, False),
        ({"write": ["/proc/sys/kernel"]}, False),
        ({"write": [b"/sys"]}, False),
    ],
)
def test_report_of_settings(monkeypatch, options, closed):
    """The report has the machine that root owns, and needs no capabilities for."""
    for user, found in (0, closed), (1000, True):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        ways = {way["name"]: way["closed"] for way in Sandbox(**options).report()["ways"]}
        assert ways["settings"] is found


@scopes
def test_scope():
    """With scope=False signals leave the sandbox, and the report says so."""
    free = Sandbox(scope=False)
    assert free.run(os.kill, os.getpid(), 0) is None
    with pytest.raises(PermissionError):
        Sandbox().run(os.kill, os.getpid(), 0)
    assert not {way["name"]: way["closed"] for way in free.report()["ways"]}["signal"]


def test_kernel_without_a_reason(monkeypatch):
    """The sentence about a kernel without landlock is the kernel's own."""

    def body():
        inject("landlock_create_ruleset", errno.EOPNOTSUPP)
        return Sandbox().report()["missing"]

    assert "lsm=" in in_child(body)[0]
    assert _sandbox_kernel.has_filters()
