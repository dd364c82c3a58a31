"""Running the ``butter`` command as people do, for the tests of the command."""

import contextlib
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import support

from butter import cli
from butter._inotify import queued
from butter.pidfd import Pidfd

# a warning is an error here too, so a leak of the command is on its stderr
COMMAND = [sys.executable, "-W", "error", "-m", "butter"]

F_SETPIPE_SZ = 1031  # fcntl has it since Python 3.10


def run(*arguments, **options):
    """The command, run to its end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, **options}
    return subprocess.run([*COMMAND, *map(os.fspath, arguments)], **options)


def refusal(capsys, *arguments):
    """The words by which ``butter watch`` refuses *arguments*, in this process."""
    assert cli.main(["watch", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def run_program(program, *arguments, **options):
    """A Python program that calls the command, run to its end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, **options}
    return subprocess.run([sys.executable, "-W", "error", "-c", program, *map(os.fspath, arguments)], **options)


def run_as_nobody(imports, call, *arguments):
    """A Python program that runs ``sys.exit(call)`` as a user without rights.

    Python itself may be where only root can read it, so *imports* are before that.
    """
    lines = (
        *("import sys", "sys.path[0] = sys.argv.pop(1)", "import support"),
        *(imports, "support.become_nobody()", f"sys.exit({call})"),
    )
    return run_program("\n".join(lines), Path(__file__).parent, *arguments)


def run_at_limit(limit, *arguments):
    """The command in a user namespace where the sysctl *limit* is 0."""

    def enter():
        support.own_namespaces()
        Path("/proc/sys", limit.replace(".", "/")).write_text("0")

    return run(*arguments, preexec_fn=enter)


@contextlib.contextmanager
def started(*arguments, **options):
    """The command while it runs; killed at the end unless it is gone."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with subprocess.Popen([*COMMAND, *map(os.fspath, arguments)], **options) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def ready(*arguments, **options):
    """The command from the moment its program has printed ``ready``."""
    with started(*arguments, **options) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process


@contextlib.contextmanager
def watching(*arguments, **options):
    """``butter watch`` from the moment it watches."""
    with started("watch", *arguments, **options) as process:
        first = process.stderr.readline()
        assert first.startswith(b"butter: watching "), first + process.stderr.read()
        yield process


def state(pid):
    """The letter of a process's state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def children(pid):
    """The numbers of a process's children."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def stop(process):
    """Stop *process*, and come back when it has stopped."""
    process.send_signal(signal.SIGSTOP)
    while state(process.pid) != "T":
        os.sched_yield()


def wait_until_drained(process):
    """Come back when the inotify queue of *process* is empty."""
    descriptors = Path(f"/proc/{process.pid}/fd")
    (number,) = (int(fd.name) for fd in descriptors.iterdir() if os.readlink(fd) == "anon_inode:inotify")
    with Pidfd(process.pid) as pidfd, open(pidfd.getfd(number), "rb") as queue:
        support.until(lambda: not queued(queue.fileno()))


def finish(process):
    """``(exit code, lines, what it said after it began)``."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode().splitlines(), err.decode()


def one_line(stderr, *words):
    """*stderr* is a single line of the command, with *words* in it."""
    assert stderr.startswith("butter: ")
    assert stderr.count("\n") == 1
    assert stderr.endswith("\n")
    for word in words:
        assert word in stderr


def ignore(directory, rules):
    """Give a directory a .gitignore, and let the rules of those above it not count.

    The tests may run below a directory that a repository ignores.
    """
    (directory / ".git").mkdir()
    (directory / ".gitignore").write_text(rules)


class Terminal:
    """``butter run``, or another command, in front of a terminal of its own."""

    def __init__(self, *arguments, command=(*COMMAND, "run")):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            with contextlib.suppress(OSError):
                os.execvp(command[0], [*command, *map(os.fspath, arguments)])
            os._exit(99)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def write(self, text):
        os.write(self.fd, text)

    def send_signal(self, number):
        os.kill(self.pid, number)

    def expect(self, words):
        """Read until *words* were printed."""
        deadline = time.monotonic() + 30
        while words not in self.seen:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], self.seen
            try:
                self.seen += os.read(self.fd, 1000)
            except OSError:
                # the last process that had the terminal has ended
                pytest.fail(f"{words!r} is not in {self.seen!r}")
        self.seen = self.seen.partition(words)[2]

    def status(self, options=0):
        """The status of the command, when it has one."""
        found = []

        def ended():
            found[:] = os.waitpid(self.pid, options | os.WNOHANG)
            return found[0]

        support.until(ended)
        return found[1]


@contextlib.contextmanager
def stopped_job(*arguments, says=()):
    """A shell at a terminal, with a stopped command whose program has printed ready.

    Before it stops, the program prints what it *says*.
    """
    with Terminal("--norc", "-i", command=("env", "PS1=prompt> ", "HISTFILE=", "bash")) as terminal:
        terminal.expect(b"prompt> ")
        terminal.write(f"{shlex.join([*COMMAND, *arguments])}\n".encode())
        terminal.expect(b"ready")
        terminal.write(b"\x1a")
        for words in (*says, b"Stopped", b"prompt> "):
            terminal.expect(words)
        yield terminal
