"""The program in front of the terminal, of ``butter run`` and of ``butter fence``."""

import os
import shlex
import signal
import subprocess

import pytest
from commands import COMMAND, Terminal, children, ready, run, state, stop
from support import needs, needs_namespaces, needs_no_filter, until

pytestmark = pytest.mark.usefixtures("plain_environment")

STARTS = {
    "run": ["run"],
    # with other programs, as the containers of run have them
    "fence": ["fence", "--profile", "build"],
}


@pytest.fixture(
    params=[
        pytest.param("run", marks=[needs_namespaces, needs(kernel=(5, 12))]),
        pytest.param("fence", marks=[needs_no_filter, needs(kernel=(6, 12))]),
    ]
)
def start(request):
    """The words of a command that starts a program, up to its options."""
    return STARTS[request.param]


@pytest.fixture
def program(start):
    """``program(script)`` is a shell script behind the command, which has begun."""
    return lambda script, **options: ready(*start, "--", "sh", "-c", script, **options)


@pytest.fixture
def terminal_of(start):
    """``terminal_of(script)`` is the same at a terminal of its own."""
    return lambda script: Terminal("sh", "-c", script, command=(*COMMAND, *start))


def test_closed_descriptors(start, tmp_path):
    """Without standard streams the program runs all the same."""
    script = f"echo > {tmp_path}/x; exit 7"
    command = shlex.join([*COMMAND, *start, "--write", str(tmp_path), "--", "sh", "-c", script])
    assert subprocess.run(["sh", "-c", f"exec {command} <&- >&- 2>&-"], timeout=60).returncode == 7
    assert (tmp_path / "x").exists()


def test_exit_status(start, program):
    """The status is that of the program, and 128 and the signal that has killed it."""
    assert run(*start, "--", "sh", "-c", "exit 7").returncode == 7
    assert run(*start, "sh", "-c", 'test "$1" = -x', "sh", "-x").returncode == 0
    with program("echo ready; exec sleep 60") as process:
        os.kill(*children(process.pid), signal.SIGKILL)
        assert process.wait(60) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signal(program, number):
    """A signal reaches a handler of the program, and ends a program without one."""
    name = number.name[3:]
    with program(f"trap 'echo {name}; exit 5' {name}; echo ready; while :; do sleep 0.01; done") as process:
        process.send_signal(number)
        assert process.communicate(timeout=60) == (f"{name}\n".encode(), b"")
        assert process.returncode == 5
    with program("echo ready; exec sleep 60") as process:
        process.send_signal(number)
        assert process.communicate(timeout=60) == (b"", b"")
        assert process.returncode == 128 + number


def test_ignored_signal(program):
    """A signal that the program ignores does not end it."""
    with program("trap '' TERM; trap 'exit 6' USR1; echo ready; while :; do sleep 0.01; done") as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 6


def test_ctrl_c(terminal_of):
    """Ctrl-C ends a program without a handler, and runs a handler once."""
    with terminal_of("echo ready; exec sleep 60") as terminal:
        terminal.expect(b"ready")
        terminal.write(b"\x03")
        assert os.waitstatus_to_exitcode(terminal.status()) == 130
    script = "trap 'echo caught' INT; trap 'exit 3' QUIT; echo ready; while :; do sleep 0.01; done"
    with terminal_of(script) as terminal:
        terminal.expect(b"ready")
        terminal.write(b"\x03")
        terminal.expect(b"caught")
        terminal.write(b"\x1c")
        assert os.waitstatus_to_exitcode(terminal.status()) == 3
        assert b"caught" not in terminal.seen


@pytest.mark.parametrize(("script", "status"), [("trap 'exit 5' HUP", 5), (":", 128 + signal.SIGHUP)])
def test_hang_up(terminal_of, script, status):
    """The end of the terminal ends a program, or runs its handler."""
    # the command is the leader of the session, so the kernel tells it alone
    with terminal_of(f"{script}; echo ready; while :; do sleep 0.01; done") as terminal:
        terminal.expect(b"ready")
        hang_up(terminal)
        assert os.waitstatus_to_exitcode(terminal.status()) == status


def hang_up(terminal):
    """Close the terminal's other end."""
    with open(os.devnull) as null:
        os.dup2(null.fileno(), terminal.fd, inheritable=False)


def test_signal_that_ends_the_program(terminal_of):
    """A signal of the terminal does not end the command after its program."""
    with terminal_of("trap 'exit 3' QUIT; echo ready; while :; do sleep 0.01; done") as terminal:
        terminal.expect(b"ready")
        (child,) = children(terminal.pid)
        stop(terminal)
        terminal.write(b"\x1c")
        until(lambda: state(child) == "Z")
        terminal.send_signal(signal.SIGCONT)
        assert os.waitstatus_to_exitcode(terminal.status()) == 3


def test_ctrl_z(start, program):
    """A stop signal stops the program and the command, and SIGCONT lets both go on."""
    # a process group whose session has no parent of it would not stop
    with program("echo ready; exec sleep 60", preexec_fn=os.setpgrp) as process:
        (child,) = children(process.pid)
        process.send_signal(signal.SIGTSTP)
        assert os.WSTOPSIG(os.waitpid(process.pid, os.WUNTRACED)[1]) == signal.SIGTSTP
        if start[0] == "run":
            # it does not wait until the program has stopped
            until(lambda: state(child) == "T")
        assert state(child) == "T"
        process.send_signal(signal.SIGCONT)
        until(lambda: state(child) != "T")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM


def test_ignored_ctrl_z(program):
    """A program that ignores a stop signal goes on, and so does the command."""
    with program("trap '' TSTP; trap 'exit 6' USR1; echo ready; while :; do sleep 0.01; done") as process:
        process.send_signal(signal.SIGTSTP)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 6
