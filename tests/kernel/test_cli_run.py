"""``butter run``: the view of the program, its terminal, signals, limits and end."""

import ctypes
import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from commands import Terminal, children, one_line, ready, run, run_as_nobody, state, stop, stopped_job
from support import needs, needs_namespaces, until
from support.cgroups import needs_cgroup, own_cgroup
from support.mounts import libc, own_mounts, raw_mount

import butter
from butter.cli import _cgroup

pytestmark = [pytest.mark.usefixtures("plain_environment"), needs_namespaces, needs(kernel=(5, 12))]


def run_unprivileged(*arguments):
    """The command, run by a user without rights."""
    imports = "from butter import cli\nfrom butter.cli import _cgroup, _container, _foreground, run"
    return run_as_nobody(imports, "cli.main()", *arguments)


USERS = pytest.mark.parametrize("run_by", [run, run_unprivileged], ids=["caller", "unprivileged"])


def inside(script, *options, run_by=run, **settings):
    """The lines that a shell script prints in a container."""
    done = run_by("run", *options, "--", "sh", "-c", script, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@USERS
def test_what_the_program_sees(run_by):
    """The program is process 1, with a tree, a host and a /proc of its own."""
    script = "echo $$ /proc/[0-9]*; id -u; hostname; ls -A /tmp; tail -n +3 /proc/net/dev; ls -d /usr/bin /bin/sh"
    processes, user_id, host, loopback, *files = inside(script, "--hostname", "toast", run_by=run_by)
    assert (processes, user_id, host) == ("1 /proc/1", "0", "toast")
    assert loopback.split()[0] == "lo:"
    assert files == ["/bin/sh", "/usr/bin"]


@USERS
def test_what_the_program_may(run_by):
    """The program has no capability, and /usr and /proc/sys are read-only."""
    script = """
grep -E '^(Cap|NoNewPrivs)' /proc/self/status
for path in /usr/none /proc/sys/kernel/sysrq /proc/sysrq-trigger; do
  (: >> $path) 2> /dev/null && echo "can write $path"
done
: > /tmp/x && echo x > /dev/null && echo done
"""
    *status, last = inside(script, run_by=run_by)
    assert [line.split()[1] for line in status] == ["0" * 16] * 5 + ["1"]
    assert last == "done"


def test_old_root_is_gone():
    """Nothing of the machine is mounted inside but /usr, its links, and devices."""
    targets = {line.split()[1] for line in inside("cat /proc/mounts")}
    rest = {target for target in targets if not target.startswith(("/usr", "/dev", "/proc"))}
    assert "/" in rest <= {"/", "/etc/alternatives", "/etc/ld.so.cache"}


def test_bind_and_write(tmp_path):
    """--bind shows files read-only, at another path too, --write writable."""
    for name in "read", "written":
        (tmp_path / name).mkdir()
    (tmp_path / "read/file").write_text("bread\n")
    options = "--bind", tmp_path / "read", "--bind", f"{tmp_path}/read/file:/etc/a/file"
    script = (
        f"pwd; cat /etc/a/file; (: > {tmp_path}/read/x) 2> /dev/null || echo refused; echo toast > {tmp_path}/written/x"
    )
    lines = inside(script, *options, "--write", tmp_path / "written", cwd=tmp_path / "read")
    assert lines == [str(tmp_path / "read"), "bread", "refused"]
    assert (tmp_path / "written/x").read_text() == "toast\n"
    assert sorted(os.listdir(tmp_path / "read")) == ["file"]


def test_write_below_bind(tmp_path):
    """A directory in one that --bind shows is writable with --write before it too."""
    (tmp_path / "written").mkdir()
    inside(f"echo toast > {tmp_path}/written/x", "--write", tmp_path / "written", "--bind", tmp_path)
    assert (tmp_path / "written/x").read_text() == "toast\n"


def test_environment_and_user():
    """--env sets a variable beside the others, --user keeps the caller's ids."""
    environment = {**os.environ, "KEPT": "kept"}
    assert inside("echo $KEPT $SET", "--env", "SET=a=b", env=environment) == ["kept a=b"]
    assert inside("id -u; id -g", "--user") == [str(os.geteuid()), str(os.getegid())]


def test_net():
    """With --net the network is that of the caller, else one of its own."""
    own = os.readlink("/proc/self/ns/net")
    assert inside("readlink /proc/self/ns/net", "--net") == [own]
    assert inside("readlink /proc/self/ns/net") != [own]


def test_loopback():
    """Programs inside reach each other by the loopback device, which is up."""
    assert int(inside("grep -c 127.0.0.1 /proc/net/fib_trie")[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/none"], "run: '/none', or the interpreter that it names, is not in the container, which has /usr alone"),
        (["/usr"], "run: '/usr' cannot be executed: Permission denied"),
        (["--bind", "/none:/x", "true"], "run: --bind /none:/x: No such file or directory: '/none'"),
        (["--write", "/usr:/proc/none", "true"], "run: --write /usr:/proc/none: '/proc/none' does not exist in"),
        (["--bind", "/usr:/proc/1/root", "true"], "'/proc/1/root' belongs to a process"),
        (["--bind", "/usr:/dev/null", "true"], "run: --bind /usr:/dev/null: '/dev/null' is a file in the container"),
        (["--bind", "/usr:/dev/stdin", "true"], "run: --bind /usr:/dev/stdin: '/dev/stdin' is a link"),
        (["--write", "", "true"], "'' does not begin with a path"),
        (["--bind", "/usr:/usr/none", "true"], "'/usr/none' does not exist in the container"),
        (["--bind", "/etc:etc", "true"], "not an absolute path"),
        (["--bind", "/etc:/", "true"], "below /"),
        (["--memory", "much", "true"], "'much' is not a size"),
        (["--processes", "0", "true"], "'0' is not a whole number"),
        (["--env", "A", "true"], "'A' is not NAME=VALUE"),
        (["--hostname", "h" * 65, "true"], "65 bytes"),
        ([], "PROGRAM"),
    ],
)
def test_failure(arguments, words):
    """A failure of the command itself is 125 and one line."""
    done = run("run", *arguments)
    assert (done.returncode, done.stdout) == (125, "")
    one_line(done.stderr, words)


def test_hidden_proc():
    """Where a part of /proc is hidden, as in a container, a line says so."""

    def enter():
        own_mounts()
        raw_mount("tmpfs", "/proc/fs", "tmpfs")

    done = run("run", "true", preexec_fn=enter)
    assert done.returncode == 125
    one_line(done.stderr, "mounts on the /proc of this machine hide parts of it")


def test_memory():
    """--memory is a limit of the program, and a line says of which kind it is."""
    done = run("run", "--memory", "64m", "--", "sh", "-c", "ulimit -v; exec head -c 512m /dev/zero | tail", timeout=60)
    one_line(done.stderr.splitlines(keepends=True)[0], "memory")
    if "--memory limits each process" in done.stderr:
        assert done.stdout.splitlines()[0] == str(64 << 10)


def test_processes():
    """--processes is a limit that holds for users other than root."""
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; echo too many"
    done = run_unprivileged("run", "--processes", "4", "--", "sh", "-c", script)
    assert "too many" not in done.stdout
    assert done.returncode not in (0, 125)
    one_line(done.stderr.splitlines(keepends=True)[0], "pids")


def program(script, **options):
    """``butter run`` of a shell script that has printed a line."""
    return ready("run", "--", "sh", "-c", script, **options)


def python(script, *words, **options):
    """``butter run`` of a Python program that has printed a line."""
    paths = {sys.base_prefix, sys.prefix, str(Path(butter.__file__).parent.parent)}
    binds = [word for path in sorted(paths) for word in ("--bind", path)]
    return ready("run", *binds, *words, "--", sys.executable, "-c", script, **options)


def waiting(pid, number):
    """Whether a signal waits for a process."""
    return bool(int(Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0], 16) >> number - 1 & 1)


STARTS_PROCESSES = """
echo ready
while :; do /bin/true; done
"""
TAKES_BY_SIGWAIT = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
sys.exit(5)
"""
TAKES_BY_SIGNALFD = """
import select, signal, sys
from butter.signalfd import Signalfd
with Signalfd([signal.SIGTERM]) as received:
    print("ready", flush=True)
    select.select([received], [], [])
    received.read_events()
sys.exit(5)
"""
STAYS_IN_VFORK = """
import ctypes, os, signal
libc, actions = ctypes.CDLL(None), ctypes.create_string_buffer(1024)
libc.posix_spawn_file_actions_init(actions)
libc.posix_spawn_file_actions_addopen(actions, 0, b"fifo", os.O_RDONLY, 0)
print("ready", flush=True)
libc.posix_spawn(ctypes.create_string_buffer(8), b"/bin/true", actions, None, (ctypes.c_char_p * 2)(b"true"), None)
while True:
    signal.pause()
"""
BLOCKS = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"reached\\n"))
print("ready", flush=True)
sys.stdin.readline()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
while True:
    signal.pause()
"""


def test_signal_while_processes_start():
    """A signal ends a program that blocks it again and again, for a moment."""
    for _ in range(10):
        with program(STARTS_PROCESSES) as process:
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM


def test_signal_while_a_process_starts_slowly(tmp_path):
    """A signal that comes in a vfork that lasts ends the program after it."""
    os.mkfifo(tmp_path / "fifo")
    with python(STAYS_IN_VFORK, "--write", tmp_path, cwd=tmp_path) as process:
        (child,) = children(process.pid)
        until(lambda: state(child) == "D")
        process.terminate()
        # Sent now, the signal would get lost when the program unblocks it.
        end = time.monotonic() + 2
        while time.monotonic() < end and not waiting(child, signal.SIGTERM):
            time.sleep(0.001)
        with open(tmp_path / "fifo", "wb"):
            assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.parametrize("script", [TAKES_BY_SIGWAIT, TAKES_BY_SIGNALFD])
def test_signal_taken_without_a_handler(script):
    """A program that blocks a signal, and waits for it, is not killed by it."""
    with python(script) as process:
        process.terminate()
        assert process.wait(60) == 5


def test_signal_blocked_for_long():
    """A signal that waits, and is then unblocked with the default action, kills."""
    with python(BLOCKS, stdin=subprocess.PIPE) as process:
        process.terminate()
        (child,) = children(process.pid)
        until(lambda: waiting(child, signal.SIGTERM))
        # afterwards the command has seen that it waits
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"reached\n"
        process.communicate(b"\n", timeout=60)
        assert process.returncode == 128 + signal.SIGTERM


def test_killed_parent():
    """After SIGKILL of the command no process of the container is left."""
    with program("sleep 60 & echo ready; wait") as process:
        process.kill()
        # the end of the pipe comes when its last writer is gone
        assert process.communicate(timeout=60) == (b"", b"")


class HeldExec:
    """Holds each execve of *path* in the kernel until ``let_go``."""

    def __init__(self, path):
        # FAN_CLASS_CONTENT; FAN_MARK_ADD, FAN_OPEN_EXEC_PERM
        self._fd = libc.fanotify_init(4, os.O_RDONLY)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "fanotify_init")
        if libc.fanotify_mark(self._fd, 1, ctypes.c_uint64(0x40000), -1, os.fsencode(path)):
            error = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(error, "fanotify_mark")

    def wait(self):
        """Wait for an execve to begin."""
        assert select.select([self._fd], [], [], 30)[0]
        self._event = struct.unpack("=IBBHQii", os.read(self._fd, 24))[5]

    def let_go(self):
        os.write(self._fd, struct.pack("=iI", self._event, 1))
        os.close(self._event)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # this lets go as well
        os.close(self._fd)


def can_hold():
    """Whether this process may hold an execve."""
    try:
        with HeldExec(__file__):
            return True
    except OSError:
        return False


@needs(when=can_hold(), reason="needs the permission events of fanotify")
@pytest.mark.parametrize("by_terminal", [True, False])
def test_signal_during_exec(tmp_path, by_terminal):
    """A signal that a handler would take ends a program that is in execve meanwhile."""
    program = shutil.copy("/bin/sleep", tmp_path)
    script = f"trap 'exit 3' INT; exec {program} 60"
    with HeldExec(program) as held, Terminal("--bind", tmp_path, "sh", "-c", script) as terminal:
        held.wait()
        (child,) = children(terminal.pid)
        if by_terminal:
            terminal.write(b"\x03")
        else:
            terminal.send_signal(signal.SIGINT)
        # the command has got the signal, and seen a handler
        until(lambda: waiting(child, signal.SIGINT) or waiting(child, signal.SIGSTOP))
        until(lambda: not waiting(terminal.pid, signal.SIGINT) and state(terminal.pid) == "S")
        held.let_go()
        assert os.waitstatus_to_exitcode(terminal.status()) == 130


ONCE = """
import os, signal
def close(*_):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.write(1, b"closing\\n")
signal.signal(signal.SIGINT, close)
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"reached\\n"))
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


def test_handler_for_one_ctrl_c():
    """A program that handles one Ctrl-C alone is ended by the second."""
    options = "--bind", sys.base_prefix, "--bind", sys.prefix
    with Terminal(*options, "--", sys.executable, "-c", ONCE) as terminal:
        terminal.expect(b"ready")
        # afterwards the command has seen the handler
        terminal.send_signal(signal.SIGUSR1)
        terminal.expect(b"reached")
        stop(terminal)
        terminal.write(b"\x03")
        terminal.expect(b"closing")
        terminal.send_signal(signal.SIGCONT)
        # the signal of the smaller number was taken first
        terminal.send_signal(signal.SIGUSR1)
        terminal.expect(b"reached")
        terminal.write(b"\x03")
        assert os.waitstatus_to_exitcode(terminal.status()) == 130


def test_resize():
    """The program learns that its terminal has another size."""
    with Terminal("bash", "-c", "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done") as terminal:
        terminal.expect(b"ready")
        fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("4H", 31, 99, 0, 0))
        terminal.expect(b"31 99")


def test_job_control():
    """A shell inside has jobs: Ctrl-Z stops one, and Ctrl-C does not end the shell."""
    with Terminal("--env", "PS1=prompt> ", "--env", "HISTFILE=", "bash", "--norc", "-i") as terminal:
        terminal.expect(b"prompt> ")
        terminal.write(b"sleep 60\n")
        terminal.expect(b"sleep 60")
        until(lambda: in_front(terminal) == "sleep")
        terminal.write(b"\x1a")
        terminal.expect(b"Stopped")
        terminal.expect(b"prompt> ")
        terminal.write(b"fg\n")
        until(lambda: in_front(terminal) == "sleep")
        terminal.write(b"\x03")
        terminal.expect(b"prompt> ")
        terminal.write(b"exit 4\n")
        assert os.waitstatus_to_exitcode(terminal.status()) == 4


def in_front(terminal):
    """The name of the program that has the terminal."""
    return Path(f"/proc/{os.tcgetpgrp(terminal.fd)}/comm").read_text().strip()


def test_job_of_a_shell():
    """Ctrl-Z stops the command as a job, and fg continues it in its mode."""
    with stopped_job("run", "sh", "-c", "stty -icanon; echo rea''dy; exec sleep 60") as terminal:
        terminal.write(b"fg\n")
        # a shell that reads a line has neither, one whose job runs has both
        until(lambda: termios.tcgetattr(terminal.fd)[3] & (termios.ICANON | termios.ECHO) == termios.ECHO)
        terminal.write(b"\x03")
        terminal.expect(b"prompt> ")
        terminal.write(b"echo status $?\n")
        terminal.expect(b"status 130")


def test_job_in_the_background(tmp_path):
    """A command that ends in the background leaves the terminal to the shell."""
    script = f"echo rea''dy; while [ ! -e {tmp_path}/end ]; do sleep 0.01; done"
    with stopped_job("run", "--bind", str(tmp_path), "sh", "-c", script) as terminal:
        terminal.write(b"bg\n")
        terminal.expect(b"prompt> ")
        (tmp_path / "end").touch()
        until(lambda: not children(terminal.pid))
        terminal.write(b"echo ali''ve\n")
        terminal.expect(b"alive")


def test_name_of_any_bytes():
    """A program may have a name that is not text, and takes signals all the same."""
    with program(r"printf '\377\376' >/proc/$$/comm; echo ready; while :; do sleep 0.01; done") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM


GROUP = """
import sys, time
from pathlib import Path
from butter.cli import _cgroup
from butter.clone import spawn
with _cgroup.group(Path(sys.argv[1]), {"cgroup.max.descendants": "0"}) as fd:
    child = spawn(["sleep", "60"], cgroup=fd)
    print("ready", flush=True)
    child.wait()
"""


@needs_cgroup
def test_control_group_is_removed():
    """The group goes with its process, killed or not, and with all that is in it."""
    with own_cgroup() as directory:
        with _cgroup.group(directory, {"cgroup.max.descendants": "0"}):
            (made,) = directory.glob("butter-run-*")
            assert (made / "cgroup.max.descendants").read_text() == "0\n"
        assert not made.exists()
        with subprocess.Popen([sys.executable, "-c", GROUP, directory], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            process.kill()
        until(lambda: not list(directory.glob("butter-run-*")))
