"""The command as a whole: its help, its exit codes, its output, and what it imports."""

import contextlib
import errno
import io
import os
import signal
import subprocess
from pathlib import Path

import pytest
import support
from commands import one_line, run, run_program
from support import needs

import butter
from butter import cli
from butter.cli._output import drop_output

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_version():
    """``--version`` prints the version of the package."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"butter {butter.__version__}\n", "")


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)])
def test_help(command):
    """Each help explains the exit codes, and that of the command names its commands."""
    done = run(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    first = {"run": "125      the container", "fence": "125      the fences"}.get(*command or [""], "0    done\n")
    assert f"exit codes:\n  {first}" in done.stdout
    if not command:
        assert [name for name in cli.COMMANDS if f"\n    {name} " not in done.stdout] == []


def test_no_command():
    """Without a command the help is printed on stderr."""
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "butter demo" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words", "parser"),
    [
        (["frobnicate"], "'frobnicate' is not a command; these are: watch,", "butter"),
        (["wacth", "."], "'wacth' is not a command; did you mean 'watch'?", "butter"),
        (["--versoin"], "unrecognized arguments: --versoin; did you mean '--version'?", "butter"),
        (["run", "--hstname=x", "--", "sh"], "did you mean '--hostname'?", "butter run"),
        (["fence", "--raed=x", "--", "sh"], "did you mean '--read'?", "butter fence"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate", "butter"),
        (["--frobnicate", "demo"], "unrecognized arguments: --frobnicate", "butter"),
        (["demo", "--frobnicate"], "unrecognized arguments: --frobnicate", "butter demo"),
        (["doctor", "more"], "unrecognized arguments: more", "butter doctor"),
        (["watch"], "PATH", "butter watch"),
        (["watch", ".", "--js"], "unrecognized arguments: --js", "butter watch"),
    ],
)
def test_wrong_command_line(arguments, words, parser):
    """One line says what is wrong, and names the help of that part."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (125 if arguments[0] in ("run", "fence") else 2, "")
    one_line(done.stderr, words, f" ('{parser} --help' tells more)")


def test_wrong_choice(capsys):
    """The choices of an option are named, and the one that was probably meant."""
    parser = cli.Parser(prog="butter")
    parser.add_argument("--when", choices=("always", "never"))
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--when", "alwyas"])
    one_line(capsys.readouterr().err, "--when: 'alwyas' is not one of always, never; did you mean 'always'? (")


@pytest.mark.parametrize(("argument", "unbuffered"), [("doctor", ""), ("--help", ""), ("--help", "1")])
def test_reader_of_the_rest_is_gone(monkeypatch, argument, unbuffered):
    """A command whose output is a closed pipe ends with 141, without a message."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(argument, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["watch", "--help"], ["doctor"]])
def test_full_disk_for_the_rest(monkeypatch, arguments, unbuffered):
    """A full disk is one line of error, buffered or not, also from argparse."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 1
    one_line(done.stderr, "No space left on device")


def test_closed_output(here):
    """A closed output is noticed before anything is watched."""
    done = run("watch", here, preexec_fn=lambda: os.close(1), stdout=None)
    assert done.returncode == 1
    one_line(done.stderr, "standard output is closed")


def test_closed_error_output(here):
    """A sentence for a closed stderr is not printed among the events."""
    done = run("watch", here / "missing", preexec_fn=lambda: os.close(2), stderr=None)
    assert (done.returncode, done.stdout) == (1, "")


def test_interrupted_while_imported():
    """Ctrl-C ends the command as it ends one in C, without a traceback."""
    # in the working directory, which 'python -m' searches first
    Path("argparse.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = run("watch", ".")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_no_descriptor_left(here):
    """A command that cannot open anything says so in one sentence."""
    program = """
import resource, sys
from butter.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
sys.exit(main(sys.argv[1:]))
"""
    done = run_program(program, "watch", here)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr)


def test_no_dev_null(monkeypatch, capfd):
    """The command can fail without /dev/null."""
    monkeypatch.setattr(os, "devnull", "/nowhere/null")
    assert cli.main(["watch", "/nowhere"]) == 1
    one_line(capfd.readouterr().err, "does not exist")
    drop_output()


def test_output_without_a_descriptor(here, capsys):
    """An output in memory is as good as a file."""
    (here / "file").touch()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["watch", str(here / "missing")]) == 1
        one_line(capsys.readouterr().err, "does not exist")
        assert cli.main(["watch", str(here), "-t", "0.01"]) == 0
        assert out.getvalue() == ""
        assert cli.main(["--version"]) == 0
    assert out.getvalue() == f"butter {butter.__version__}\n"


@pytest.mark.parametrize(("arguments", "code"), [(["watch", "/nowhere"], 1), (["doctor"], 130)])
def test_the_caller_keeps_its_output(arguments, code, tmp_path):
    """The caller's standard output is unchanged, and has all that was written."""
    program = f"""
from butter import cli
from butter.cli import doctor
def interrupt(options):
    print("dropped")
    raise KeyboardInterrupt
doctor.run = interrupt
print("before", end=" ")
assert cli.main({arguments}) == {code}
print("after", end=" ")
"""
    with open(tmp_path / "out", "w") as out:
        run_program(program, stdout=out, stderr=subprocess.DEVNULL).check_returncode()
    assert (tmp_path / "out").read_text() == "before after "


def test_the_caller_keeps_a_broken_output():
    """An output without a reader stays, and Python does not flush it at its end."""
    program = """
import os, sys
from butter.cli import main
before = os.fstat(1)
assert main(["--version"]) == 141
assert os.path.samestat(before, os.fstat(1))
"""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_program(program, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


AT_THE_LIMIT = """
import os, resource, sys, tempfile
from butter import cli, clone, eventfd, inotify, memfd, pidfd, prctl, signalfd, splice, system, timerfd
from butter.cli import _demo, doctor
import concurrent.futures.thread
cli.command_line(sys.argv[1:]).parse_args(sys.argv[1:])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
sys.exit(cli.main(sys.argv[1:]))
"""


@needs("CAP_SETUID")
@pytest.mark.parametrize(("command", "words"), [("doctor", "butter: no process"), ("demo", "butter: demo: no process")])
def test_no_process_or_thread_left(command, words):
    """At the limit of a user's processes a command says so in one line."""
    done = run_program(AT_THE_LIMIT, command)
    assert done.returncode == 1
    one_line(done.stderr, words, "RLIMIT_NPROC is 0")


IMPORTED = """
import sys
from butter import cli
try:
    cli.main(sys.argv[1:])
finally:
    print(*(name for name in sys.modules if name.startswith("butter.cli.") or name == "asyncio"))
"""


@pytest.mark.parametrize(("command", "others"), [("watch", ["doctor", "demo"]), ("doctor", ["watch", "demo"])])
def test_only_the_chosen_subcommand_is_imported(command, others):
    """A subcommand imports no other one, and asyncio only if it needs it."""
    imported = run_program(IMPORTED, command, *(["/nowhere"] if command == "watch" else [])).stdout.split()
    assert f"butter.cli.{command}" in imported
    assert not {"asyncio", *(f"butter.cli.{name}" for name in others)} & set(imported)


def test_help_does_not_import_asyncio():
    """The help imports every subcommand, but nothing that only their work needs."""
    imported = run_program(IMPORTED, "--help").stdout.splitlines()[-1].split()
    assert {f"butter.cli.{name}" for name in cli.COMMANDS} <= set(imported)
    assert "asyncio" not in imported


def test_every_module_is_a_subcommand():
    """Each module of the package without an underscore is a subcommand."""
    found = [path.stem for path in Path(cli.__file__).parent.glob("*.py") if not path.stem.startswith("_")]
    assert sorted(found) == sorted(cli.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "call", "number", "words"),
    [
        (["watch", "/nowhere"], None, 0, "butter: the path does not exist: '/nowhere'\n"),
        (["watch", "/"], "inotify_init1", errno.ENOSYS, "hides it ('butter doctor' names it)\n"),
        pytest.param(
            *(["run", "--", "true"], "open_tree", errno.EPERM, "butter: run: a seccomp filter or a security module"),
            marks=needs(kernel=(5, 12)),
        ),
    ],
)
def test_errors_name_no_call(arguments, call, number, words, capfd):
    """An error is told in the words of the command, without the call in C."""

    def body():
        if call is not None:
            support.inject(call, number)
        return cli.main(arguments)

    assert support.in_child(body) in (1, 125)
    one_line(capfd.readouterr().err, words)
