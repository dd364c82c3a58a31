"""The command of ``butter watch``: paths, waiting, restart, signals, terminal."""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import F_SETPIPE_SZ, finish, state, stop, watching
from support import in_child, needs, until

from butter.cli._output import sentence
from butter.cli._watch_command import Command
from butter.cli._watch_run import Runner
from butter.cli._watch_run_options import add_options
from butter.errors import sysctl

pytestmark = needs(kernel=(5, 4))

# notes its arguments in a file, and ends when the test opens the fifo
WAITS = ["sh", "-c", 'echo "$*" >> runs; read status < fifo; exit $status', "sh"]


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")


def with_runner(argv, body, **options):
    """The lines that a Runner tells, and that of an error or the exception of its end.

    *body* uses the Runner in a process of its own, without a terminal.
    """

    def run():
        os.setsid()
        told = []
        try:
            with Runner(argv, tell=told.append, **options) as runner:
                body(runner)
        except OSError as error:
            told.append(sentence(error))
        except (SystemExit, KeyboardInterrupt) as end:
            told.append(end)
        return told

    return in_child(run)


def until_steps(runner, condition):
    """Let the runner do its steps until *condition* is met."""
    while not condition():
        # a file comes without an event
        if select.select([runner], [], [], 0.005)[0]:
            runner.step()


def lines(name="runs"):
    return Path(name).read_text().splitlines() if os.path.exists(name) else []


def let_end(status=0):
    Path("fifo").write_text(f"{status}\n")


def gone(pid):
    """Whether a process has ended; it may be a zombie."""
    try:
        return state(pid) == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    ("argv", "filled"),
    [
        (["make"], ["make"]),
        (["cc", "{}", "-o{}.o"], ["cc", "a", "-oa.o"]),
        (["tar", "{+}", "--x={+}"], ["tar", "a", "b", "--x=a", "--x=b"]),
        (["node", "{{}}", "{{+}}{}", "{ }"], ["node", "{}", "{+}a", "{ }"]),
    ],
)
def test_places(argv, filled):
    """{} is a path, {+} an argument for each, and doubled braces are plain ones."""
    assert list(map(os.fsdecode, Command(argv).arguments([b"a", b"b"]))) == filled


@pytest.mark.parametrize(
    ("argv", "options", "words"),
    [([], {}, "missing"), (["a{}", "{+}"], {}, "use one"), (["a", "{}"], {"restart": True}, "from the start")],
)
def test_wrong_command(argv, options, words):
    """A command that cannot be is refused before anything runs."""
    with pytest.raises(ValueError, match=words):
        Runner(argv, tell=print, **options)


def test_options():
    """A command waits for its end unless an option says otherwise."""
    parser = argparse.ArgumentParser()
    add_options(parser, float)
    assert vars(parser.parse_args([])) == {"restart": False, "on_busy": None, "kill_after": None}
    assert parser.parse_args(["--kill-after", "0.5"]).kill_after == 0.5
    with pytest.raises(SystemExit):
        parser.parse_args(["--restart", "--on-busy", "skip"])


def test_run_for_each_path():
    """With {} the command runs for each path, and each exit status is told."""

    def body(runner):
        runner.changed(["a", b"\xff\n", "-n", "a"])
        runner.finish()

    told = with_runner(["sh", "-c", 'printf "%s;" "$1" >> runs; exit ${#1}', "sh", "{}"], body)
    assert Path("runs").read_bytes() == b"a;\xff\n;./-n;"
    assert [line.rpartition(": ")[2] for line in told] == [f"ended with status {length}" for length in (1, 2, 4)]


def test_environment():
    """All paths are in a file, and in a variable where that is not ambiguous."""
    script = 'printf "%s;" "${BUTTER_PATHS-none}" >> runs; cat "$BUTTER_PATHS_FILE" >> runs; kill $$'

    def body(runner):
        for paths in ["a", b"\xff"], ["a\nb", "c"]:
            runner.changed(paths)
            runner.finish()
        assert runner.status == 128 + signal.SIGTERM

    told = with_runner(["sh", "-c", script], body)
    assert Path("runs").read_bytes() == b"a\n\xff;a\0\xff\0" + b"none;a\nb\0c\0"
    assert [line.rpartition(": ")[2] for line in told] == [
        "ended by SIGTERM",
        "BUTTER_PATHS_FILE has them",
        "ended by SIGTERM",
    ]


@pytest.mark.parametrize("place", ["{+}", ""])
def test_too_many_paths(place):
    """Paths that are too long for one run are in several, or in the file alone."""
    paths = [f"{number:04}{'x' * 4000}" for number in range(560)]
    script = 'echo $# >> runs; tr "\\0" "\\n" < "$BUTTER_PATHS_FILE" | cut -c -4 >> file'

    def body(runner):
        runner.changed(paths)
        runner.finish()

    told = with_runner(["sh", "-c", script, "sh", place], body)
    assert lines("file") == [path[:4] for path in paths]
    if place:
        assert sum(map(int, lines())) == len(paths)
        assert len(lines()) == len(told) > 1
    else:
        assert lines() == ["1"]
        assert "BUTTER_PATHS is not set" in told[0]


def test_queue():
    """Changes while the command runs make one more run, however many there are."""

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lambda: lines() == ["a"])
        runner.changed(["b"])
        runner.changed(["a", "b"])
        let_end()
        until_steps(runner, lambda: lines() == ["a", "b a"])
        let_end(3)
        runner.finish()

    assert [line[-1] for line in with_runner([*WAITS, "{+}"], body)] == ["0", "3"]


def test_skip():
    """With skip, changes while the command runs are dropped, and those just after."""

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lambda: lines() == ["a"])
        runner.changed(["b"])
        let_end()
        runner.finish()
        runner.changed(["c"])
        assert not runner.busy
        until(lambda: runner.changed(["d"]) or runner.busy)
        until_steps(runner, lambda: lines() == ["a", "d"])

    with_runner([*WAITS, "{+}"], body, on_busy="skip", late=0.05)


def test_busy_restart():
    """With restart, a change ends the command, which then runs for both changes."""

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lambda: lines() == ["a"])
        runner.changed(["b"])
        until_steps(runner, lambda: lines() == ["a", "a b"])
        let_end()
        runner.finish()
        assert runner.status == 0

    told = with_runner([*WAITS, "{+}"], body, on_busy="restart")
    assert [line.rpartition(": ")[2] for line in told] == ["starts again", "ended with status 0"]


SERVER = 'trap "" TERM; sh -c "echo \\$\\$ >> runs; exec sleep 60" & trap - TERM; wait'


def test_restart():
    """A server runs from the start, and its whole group ends before the next."""

    def body(runner):
        until_steps(runner, lambda: len(lines()) == 1)
        runner.changed(["a"])
        until_steps(runner, lambda: len(lines()) == 2)
        assert gone(lines()[0])

    told = with_runner(["sh", "-c", SERVER], body, restart=True, kill_after=0.02)
    assert gone(lines()[1])
    assert [line.rpartition(": ")[2] for line in told] == [
        "did not end within 0.02 seconds, and is killed",
        "starts again",
        "did not end within 0.02 seconds, and is killed",
    ]


def test_restart_of_a_server_that_has_ended():
    """A server that ends is started at the next change, once what it left has ended."""

    def body(runner):
        until_steps(runner, lambda: runner.status == 7)
        until(lambda: len(lines()) == 1)
        runner.changed(["a"])
        until_steps(runner, lambda: len(lines()) == 2)
        assert gone(lines()[0])

    script = 'sh -c "echo \\$\\$ >> runs; exec sleep 60" & exit 7'
    told = with_runner(["sh", "-c", script], body, restart=True)
    assert told[0].endswith("status 7")


@pytest.mark.parametrize(
    ("number", "taken", "end"),
    [
        (signal.SIGINT, "INT", KeyboardInterrupt),
        (signal.SIGTERM, "TERM", SystemExit),
        (signal.SIGHUP, "TERM", SystemExit),
        (signal.SIGQUIT, "TERM", SystemExit),
    ],
)
def test_signal(number, taken, end):
    """A signal that ends butter ends the command and its processes too."""
    script = (
        f"(sleep 60 & echo $! > child; wait) & trap 'echo {taken} >> runs; exit 5' {taken}; echo ready >> runs; wait"
    )

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lambda: lines("child") and lines())
        os.kill(os.getpid(), number)
        select.select([runner], [], [])
        runner.step()

    told = with_runner(["sh", "-c", script], body, kill_after=1)
    assert type(told[-1]) is end
    assert end is KeyboardInterrupt or told[-1].code == 128 + number
    assert lines() == ["ready", taken]
    assert told[0].endswith("status 5")
    assert gone(lines("child")[0])


def test_second_signal():
    """A second signal does not wait for a command that does not end."""

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lines)
        os.kill(os.getpid(), signal.SIGTERM)
        until_steps(runner, lambda: False)

    script = "trap 'kill -HUP $PPID' TERM; echo ready >> runs; while :; do read line < fifo; done"
    (end,) = with_runner(["sh", "-c", script], body, kill_after=3600)
    assert end.code == 128 + signal.SIGTERM


def test_killed():
    """Where butter itself is killed, the command ends too."""
    pid = os.fork()
    if not pid:
        try:
            with Runner(["sh", "-c", "echo $$ >> runs; exec sleep 60"], tell=print, restart=True):
                signal.pause()
        finally:
            os._exit(1)
    until(lines)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: gone(lines()[0]))


def test_ignored_signal():
    """A hang-up that was ignored from the start, as by nohup, ends nothing."""

    def body(runner):
        os.kill(os.getpid(), signal.SIGHUP)
        runner.changed(["a"])
        runner.finish()

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert with_runner(["true"], body) == ["true: ended with status 0"]
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nosuch", "the command 'nosuch' was not found"),
        ("./fifo", "the command './fifo' cannot be executed: Permission denied"),
        ("./lost", "the command './lost' names an interpreter that does not exist"),
        ("./empty", "the command './empty' is not a program of this machine"),
    ],
)
def test_command_that_cannot_start(program, words):
    """A command that cannot start is an error, in plain words."""
    for name, content in ("lost", "#!/nosuch/sh\n"), ("empty", ""):
        Path(name).write_text(content)
        Path(name).chmod(0o755)
    (error,) = with_runner([program], lambda runner: runner.changed(["a"]))
    assert error.startswith(words)


def test_command_that_is_gone():
    """A command that has run before, and is gone for a while, is told alone."""

    def body(runner):
        for start in 1, 2, 3:
            if start != 2:
                os.symlink("/bin/true", "program")
            runner.changed(["a"])
            runner.finish()
            if start == 1:
                os.unlink("program")

    first, second, third = with_runner(["./program"], body)
    assert first == third == "./program: ended with status 0"
    assert second == "the command './program' was not found"


@contextmanager
def in_terminal(argv, **options):
    """A Runner in the foreground of a terminal, which a shell has started.

    Without ``restart`` a path has changed; with it the command runs anyway.
    Yields our end of the terminal, the Runner's pid, and a function that returns its
    exit code: 130 after Ctrl-C, if the terminal then was its own and echoed.
    """
    reading, writing = os.pipe()
    shell, terminal = pty.fork()
    if not shell:
        os.close(reading)
        pid = os.fork()
        if pid:
            os.setpgid(pid, pid)
            os.tcsetpgrp(0, pid)
            os.write(writing, b"%d\n" % pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            os.write(writing, b"%d\n" % code)
            os._exit(0)
        code = 99
        try:
            until(lambda: os.tcgetpgrp(0) == os.getpid())
            with (
                open("told", "w", buffering=1) as told,
                Runner(argv, tell=lambda line: print(line, file=told), **options) as runner,
            ):
                if not options.get("restart"):
                    runner.changed(["a"])
                while True:
                    select.select([runner], [], [])
                    runner.step()
        except KeyboardInterrupt:
            # A test may press Ctrl-C until this process is gone. One that was pressed
            # meanwhile is raised by this call.
            while True:
                try:
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    break
                except KeyboardInterrupt:
                    pass
            if termios.tcgetattr(0)[3] & termios.ECHO and os.tcgetpgrp(0) == os.getpid():
                code = 130
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading) as numbers:
        pid = int(numbers.readline())
        try:
            yield terminal, pid, lambda: int(numbers.readline())
        finally:
            os.kill(shell, signal.SIGKILL)
            os.close(terminal)
            os.waitpid(shell, 0)


def ready(terminal):
    """The number that the command prints once it is ready."""
    found = b""
    while not re.search(rb"[0-9]+\r\n$", found):
        found += os.read(terminal, 100)
    return int(found.split()[-1])


def test_terminal():
    """The command reads from the terminal, and Ctrl-C ends both and leaves it sane."""
    with in_terminal(["sh", "-c", "read line; stty -echo; echo $line $$; exec sleep 60"]) as (terminal, _, exit_code):
        os.write(terminal, b"word\n")
        pid = ready(terminal)
        os.write(terminal, b"\3")
        assert exit_code() == 130
        assert gone(pid)


def test_terminal_of_a_killed_shell():
    """A shell that took the terminal, and is killed, does not keep it."""
    script = "import os, sys; os.setpgid(0, 0); import signal; signal.signal(signal.SIGTTOU, signal.SIG_IGN); "
    script += "os.tcsetpgrp(0, os.getpid()); print(os.getpid(), flush=True); signal.pause()"
    with in_terminal([sys.executable, "-S", "-c", script]) as (terminal, pid, exit_code):
        os.kill(ready(terminal), signal.SIGKILL)
        until(lambda: os.tcgetpgrp(terminal) == pid)
        os.write(terminal, b"\3")
        assert exit_code() == 130


@pytest.mark.parametrize("status", [0, 1])
def test_terminal_in_another_mode(status):
    """A command that leaves the terminal in a mode of its own does not leave it so."""
    script = f"stty -echo -isig; echo $$; exit {status}"
    with in_terminal(["sh", "-c", script]) as (terminal, _, exit_code):
        ready(terminal)
        until(lambda: termios.tcgetattr(terminal)[3] & termios.ECHO)
        os.write(terminal, b"\3")
        assert exit_code() == 130


# notes its number, and stays unless it is killed
STAYS = 'sh -c "echo \\$\\$ >> runs; exec sleep 60"'


def test_processes_of_a_program_in_a_terminal():
    """A signal that ends butter ends all processes of the command in the terminal."""
    with in_terminal(["sh", "-c", f"{STAYS} & setsid {STAYS}; echo after >> runs"]) as (_, pid, exit_code):
        until(lambda: len(lines()) == 2)
        os.kill(pid, signal.SIGTERM)
        exit_code()
        assert len(lines()) == 2
        assert all(map(gone, lines()))


def test_second_interrupt_in_a_terminal():
    """A second Ctrl-C kills all processes of a command that ignores the first."""
    script = f'trap "" INT TERM; {STAYS}; {STAYS}'
    with in_terminal(["sh", "-c", script], kill_after=3600) as (terminal, pid, exit_code):
        until(lines)
        # two at once may be one
        until(lambda: os.write(terminal, b"\3") and gone(pid))
        assert exit_code() == 130
        assert all(map(gone, lines()))


def test_processes_of_an_earlier_run():
    """Processes that a run has left at its own end are not ended with a later one."""

    def body(runner):
        runner.changed(["a"])
        until_steps(runner, lambda: len(lines()) == 1)
        runner.finish()
        runner.changed(["b"])
        until_steps(runner, lambda: len(lines()) == 2)

    script = f'if [ "$1" = a ]; then {STAYS} & else {STAYS}; fi'
    with_runner(["sh", "-c", script, "sh", "{}"], body)
    first, second = lines()
    assert gone(second)
    assert not gone(first)
    os.kill(int(first), signal.SIGKILL)


def test_restart_of_a_server_in_sessions():
    """A server ends with all it has started, in sessions of their own too."""

    def body(runner):
        until_steps(runner, lambda: len(lines()) == 2)
        runner.changed(["a"])
        until_steps(runner, lambda: len(lines()) == 4)
        assert all(map(gone, lines()[:2]))

    # the second is a child of the runner
    with_runner(["sh", "-c", f"setsid {STAYS} & (setsid {STAYS} &); wait"], body, restart=True)
    assert all(map(gone, lines()))


def test_use_of_the_terminal_by_a_server():
    """A server that uses the terminal is stopped by the kernel, and that is told."""
    with in_terminal(["sh", "-c", "read line < /dev/tty"], restart=True) as (terminal, _, exit_code):
        until(lambda: lines("told"))
        assert "stopped by SIGTTIN, for it uses the terminal" in lines("told")[0]
        os.write(terminal, b"\3")
        assert exit_code() == 130


def test_stop_and_go_on():
    """Ctrl-Z stops a server too, and both go on together."""
    with in_terminal(["sh", "-c", "echo $$; exec sleep 60"], restart=True) as (terminal, pid, exit_code):
        server = ready(terminal)
        os.write(terminal, b"\x1a")
        until(lambda: state(pid) == state(server) == "T")
        os.kill(pid, signal.SIGCONT)
        until(lambda: "T" not in state(pid) + state(server))
        os.write(terminal, b"\3")
        assert exit_code() == 130
        assert gone(server)


# the command line

# notes its arguments in a file, after a moment in which it may be ended
NOTES = ["sh", "-c", 'sleep 0.05; echo "$*" >> runs; exit 4', "sh", "{+}"]


def test_the_end_of_the_watch_waits_for_the_command():
    """A change before the end of the last watch runs the command, to its end."""
    os.mkdir("in")
    with watching("in", "-e", "create", "--", *NOTES) as process:
        os.mkdir("in/new")
        os.rmdir("in/new")
        os.rmdir("in")
        code, _, said = finish(process)
    assert (code, lines()) == (1, ["in/new"])
    assert "{+}" not in said
    assert said.endswith(
        "butter: nothing is left to watch: every path was deleted or unmounted; with --follow a path is waited for\n"
    )


@pytest.mark.parametrize("events", [[], ["-e", "close_write"]])
def test_a_file_is_followed_by_its_name(events):
    """Each save of a file runs the command, also into a new file that gets the name."""
    os.mkdir("in")
    Path("file").touch()
    with watching("in", "file", *events, "--", *NOTES) as process:
        for save in 1, 2, 3:
            Path("new").write_text("new")
            if save == 2:
                # as vim does with a copy of the file before
                os.rename("file", "file~")
            os.rename("new", "file")
            until(lambda: len(lines()) == save)  # noqa: B023
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert lines() == ["file"] * 3


def test_writes_of_an_open_file():
    """With -e modify each write runs the command, though the file stays open."""
    with open("file", "wb", buffering=0) as file, watching("file", "-e", "modify", "-n", "1", "--", *NOTES) as process:
        file.write(b"line")
        code, _, _ = finish(process)
    assert (code, lines()) == (4, ["file"])


@pytest.mark.parametrize("count", [[], ["-n", "1"]])
def test_the_end_of_the_time_waits_for_the_command(count):
    """A change that is not settled when the time is up runs the command, to its end."""
    os.mkdir("in")
    with watching("in", "-e", "create", "--settle", "60", "-t", "2", *count, "--", *NOTES) as process:
        os.mkdir("in/new")
        code, _, _ = finish(process)
    assert (code, lines()) == (4, ["in/new"])


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_a_burst_is_one_run(options):
    """The command runs for all changes of a burst at once, of every PATH."""
    os.mkdir("a")
    os.mkdir("b")
    with watching(*options, "a", "b", "-e", "create", "-n", "40", "--settle", "0.2", "--", *NOTES) as process:
        for number in range(40):
            os.mkdir(f"{'ab'[number % 2]}/{number}")
            # longer than all of them may take to settle one by one
            time.sleep(0.01)
        finish(process)
    assert [len(line.split()) for line in lines()] == [40]


def test_a_path_that_is_always_busy():
    """The command runs after a while although a path goes on changing."""
    os.mkdir("in")
    with watching("in", "-e", "create", "--settle", "0.05", "--", *NOTES) as process:

        def runs():
            os.mkdir("in/new")
            os.rmdir("in/new")
            return lines()

        until(runs)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert set(lines()) == {"in/new"}


def test_lost_events_run_the_command():
    """Where events were lost the command runs for the watched paths."""
    os.mkdir("a")
    os.mkdir("b")
    with watching("a", "b", "-e", "create", "-n", "1", "--", *NOTES) as process:
        stop(process)
        for _ in range(sysctl("fs.inotify.max_queued_events") // 4 + 10):
            # MOVE_SELF, which is not counted; in turns, as two that are alike are one
            for old, new in ("a", "c"), ("b", "d"), ("c", "a"), ("d", "b"):
                os.rename(old, new)
        process.send_signal(signal.SIGCONT)
        until(lines)
        os.mkdir("b/new")
        finish(process)
    assert lines() == ["a b", "b/new"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_output_is_not_read(number):
    """A signal ends the command that waits for room in a pipe, and its program."""
    os.mkdir("in")
    with watching("in", "--json", "-e", "create", "--", "sleep", "60") as process:
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
        # more than has room
        for name in range(200):
            os.mkdir(f"in/{name}")
        select.select([process.stdout], [], [], 60)
        process.send_signal(number)
        assert process.wait(60) == 128 + number


def test_signal_while_the_sentences_are_not_read():
    """A signal ends the command although the exit statuses have no reader."""
    os.mkdir("in")
    with watching("in", "-e", "create", "--settle", "0", "--", "sh", "-c", "echo >> runs; exit 1", "{}") as process:
        fcntl.fcntl(process.stderr, F_SETPIPE_SZ, 4096)
        # each has a sentence of its own, and all are more than have room
        for name in range(150):
            os.mkdir(f"in/{name}")
        until(lambda: len(lines()) == 150)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
