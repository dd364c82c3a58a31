"""The command itself, run as people run it."""

import base64
import contextlib
import ctypes
import errno
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import support
from support import needs

import butter
from butter import cli
from butter.errors import sysctl
from butter.inotify import InotifyEvent

# a warning is an error here too, so whatever the command leaks is on its stderr
COMMAND = [sys.executable, "-W", "error", "-m", "butter"]
CLONE_NEWUSER = 0x10000000
LINE = re.compile(r"(\d\d:\d\d:\d\d\.\d\d\d)  (\S+) +(.*)")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    """The butter that is tested, run from a place where no other is, and nothing that changes its output."""
    monkeypatch.setenv("PYTHONPATH", str(Path(butter.__file__).parent.parent))
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "PYTHONUNBUFFERED", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def here(tmp_path):
    """An empty directory to watch."""
    path = tmp_path / "here"
    path.mkdir()
    return path


def run(*arguments, **options):
    """The command, run to its end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, **options}
    return subprocess.run([*COMMAND, *map(os.fspath, arguments)], **options)


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
def watching(*arguments, **options):
    """``butter watch`` from the moment it watches."""
    with started("watch", *arguments, **options) as process:
        first = process.stderr.readline()
        assert first.startswith(b"butter: watching "), first + process.stderr.read()
        yield process


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


# the command line


def test_version():
    """``--version`` says the version of the package."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"butter {butter.__version__}\n", "")


@pytest.mark.parametrize("command", [[], ["watch"], ["doctor"], ["demo"]])
def test_help(command):
    """Each help explains the exit codes, and that of the command names its commands."""
    done = run(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "exit codes:\n  0    done\n" in done.stdout
    if not command:
        assert [word for word in ("watch", "doctor", "demo") if f"\n    {word} " not in done.stdout] == []


def test_help_of_watch_names_every_event():
    """Whoever wants an event finds its name in the help."""
    words = run("watch", "--help").stdout.split()
    assert set(cli.EVENTS) <= set(words)


def test_help_of_watch_warns_of_its_own_output():
    """``butter watch . > ./log`` never ends, and the help says so."""
    assert "Output into a watched" in run("watch", "--help").stdout


def test_no_command():
    """Without a command there is the help, on stderr."""
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "butter demo" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["frobnicate"], "frobnicate"),
        (["doctor", "more"], "more"),
        (["watch"], "PATH"),
        (["watch", ".", "--js"], "--js"),
        (["watch", ".", "-n", "0"], "'0' is not a whole number above 0"),
        (["watch", ".", "-n", "-1"], "'-1' is not"),
        (["watch", ".", "-n", "many"], "'many' is not"),
        (["watch", ".", "-n", "1.5"], "'1.5' is not"),
        (["watch", ".", "-n", "9" * 5000], "9"),
        (["watch", ".", "-t", "soon"], "'soon' is not a number of seconds"),
        (["watch", ".", "-t", "-1"], "'-1' is not"),
        (["watch", ".", "-t", "nan"], "'nan' is not"),
        (["watch", ".", "-t", "inf"], "'inf' is not"),
        (["watch", ".", "-e", ""], "'' is not an event"),
        (["watch", ".", "-e", "create,,delete"], "'' is not an event"),
        (["watch", ".", "-e", "isdir"], "'isdir' is not an event"),
        (["watch", ".", "-e", "create,creat"], "'creat' is not an event; these are: access, modify, attrib"),
    ],
)
def test_wrong_command_line(arguments, word):
    """One line says what is wrong and where the help is."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    one_line(done.stderr, word, "--help' tells more")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("create", "CREATE"),
        ("IN_CREATE", "CREATE"),
        ("Create, in_delete", "CREATE DELETE"),
        ("close", "CLOSE_WRITE CLOSE_NOWRITE"),
        ("move,close_write", "MOVED_FROM MOVED_TO CLOSE_WRITE"),
    ],
)
def test_event_names(text, names):
    """Names come with and without prefix, in any case."""
    assert set(cli.names(cli.event_names(text))) == set(names.split())


@pytest.mark.parametrize("text", ["all", "ALL", "IN_ALL_EVENTS", "all_events"])
def test_all_events(text):
    """All is the twelve events of the manual page."""
    assert len(cli.names(cli.event_names(text))) == 12


# butter watch: what it shows


def test_watch_directory(here):
    """One line for each event: time, flags, path."""
    with watching(here, "-n", "3", "-e", "create,close_write,delete") as process:
        (here / "a name").write_bytes(b"")
        (here / "directory").mkdir()
        code, lines, said = finish(process)
    assert (code, said) == (0, "")
    assert [LINE.fullmatch(line).groups()[1:] for line in lines] == [
        ("CREATE", f"{here}/a name"),
        ("CLOSE_WRITE", f"{here}/a name"),
        ("CREATE|ISDIR", f"{here}/directory"),
    ]


def test_watch_file_and_directory(here, tmp_path):
    """A file has no name within itself."""
    file = tmp_path / "file"
    file.touch()
    with watching(file, here, "-n", "2", "-e", "modify", "-e", "create") as process:
        os.truncate(file, 1)  # one event, where write_text would truncate and write
        (here / "new").mkdir()
        _, lines, _ = finish(process)
    assert [LINE.fullmatch(line)[3] for line in lines] == [str(file), f"{here}/new"]


def test_everything_is_the_default(here):
    """Without -e an opened and closed file is told of too."""
    (here / "file").touch()
    with watching(here, "-n", "2") as process:
        (here / "file").open().close()
        _, lines, _ = finish(process)
    assert [LINE.fullmatch(line)[2] for line in lines] == ["OPEN", "CLOSE_NOWRITE"]


def test_relative_path():
    """A path is shown as it was given."""
    with watching(".", "-n", "1", "-e", "create") as process:
        Path("new").touch()
        _, lines, _ = finish(process)
    assert lines[0].endswith("  ./new")


def test_count_stops_within_a_batch(here):
    """No line more than COUNT, however many events one read gave."""
    with watching(here, "-n", "2", "-e", "create") as process:
        stop(process)
        for number in range(5):
            (here / str(number)).touch()
        process.send_signal(signal.SIGCONT)
        code, lines, _ = finish(process)
    assert code == 0
    assert [line[-2:] for line in lines] == ["/0", "/1"]


def test_lines_come_as_they_happen(here):
    """Each line is there before the next event is made, although the output is a pipe."""
    with watching(here, "-e", "create") as process:
        for name in ("one", "two", "three"):
            (here / name).touch()
            assert process.stdout.readline().decode().endswith(f"/{name}\n")


def test_json(here):
    """Every field of the event, and the time at which it was read."""
    before = time.time()
    with watching(here, "--json", "-n", "3", "-e", "create,move") as process:
        (here / "old").mkdir()
        (here / "old").rename(here / "new é\n")
        _, lines, _ = finish(process)
    made, gone, come = map(json.loads, lines)
    assert before <= made["time"] <= gone["time"] <= come["time"] <= time.time()
    cookie = gone["cookie"]
    assert cookie > 0
    expected = [
        ("old", ["IN_CREATE", "IN_ISDIR"], 0x40000100, 0),
        ("old", ["IN_MOVED_FROM", "IN_ISDIR"], 0x40000040, cookie),
        ("new é\n", ["IN_MOVED_TO", "IN_ISDIR"], 0x40000080, cookie),
    ]
    for event, (name, flags, mask, cookie) in zip((made, gone, come), expected):
        del event["time"]
        assert event == {
            "path": f"{here}/{name}",
            "name": name,
            "wd": 1,
            "mask": mask,
            "flags": flags,
            "cookie": cookie,
        }


def test_names_that_are_not_utf8(here):
    """JSON has backslash escapes and the bytes in base64, only where they are needed."""
    directory = os.path.join(os.fsencode(here), b"d\xfe")
    os.mkdir(directory)
    with watching(here, directory, "--json", "-n", "3", "-e", "create") as process:
        os.mkdir(os.path.join(os.fsencode(here), b"caf\xe9"))
        os.mkdir(os.path.join(os.fsencode(here), b"caf\\xe9"))
        os.mkdir(os.path.join(directory, b"plain"))
        _, lines, _ = finish(process)
    bad, good, below = map(json.loads, lines)
    assert (bad["name"], bad["path"]) == ("caf\\xe9", f"{here}/caf\\xe9")
    assert base64.b64decode(bad["name_base64"]) == b"caf\xe9"
    assert base64.b64decode(bad["path_base64"]) == os.fsencode(here) + b"/caf\xe9"
    assert good["name"] == bad["name"]
    assert not {"name_base64", "path_base64"} & set(good)
    assert (below["name"], below["path"]) == ("plain", f"{here}/d\\xfe/plain")
    assert base64.b64decode(below["path_base64"]) == directory + b"/plain"
    assert "name_base64" not in below


def test_names_that_would_change_the_terminal(here):
    """A newline begins no line of its own, an escape sequence does nothing, and bytes are escaped."""
    with watching(here, "-n", "1", "-e", "create") as process:
        os.mkdir(os.path.join(os.fsencode(here), b"a\nb\x1b[31m\xff"))
        _, lines, _ = finish(process)
    assert len(lines) == 1
    assert lines[0].endswith(r"/a\nb\x1b[31m\xff")


def test_locale_without_the_letter(here, monkeypatch):
    """What the output cannot encode has escapes too, instead of ending the command."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    with watching(here, "-n", "1", "-e", "create") as process:
        (here / "caf\xe9").touch()
        code, lines, _ = finish(process)
    assert code == 0
    assert lines[0].endswith(r"/caf\xe9")


def test_bits_without_a_name():
    """What a newer kernel may add is shown as a number."""
    assert cli.names(0x40100100) == ["CREATE", "ISDIR", "0x100000"]


def test_two_paths_of_one_file(here):
    """Both names are shown, and the file is one watch."""
    first, second = here / "first", here / "second"
    first.touch()
    os.link(first, second)
    with watching(first, second, first, "-n", "1", "-e", "modify") as process:
        first.write_text("1")
        _, lines, _ = finish(process)
    assert lines[0].endswith(f"  {first}  (also {second})")
    with watching(first, second, first, "--json", "-n", "1", "-e", "modify") as process:
        first.write_text("2")
        _, lines, _ = finish(process)
    event = json.loads(lines[0])
    assert (event["path"], event["also"]) == (str(first), [str(second)])


def terminal(here):
    """What ``butter watch`` writes to a terminal about a new directory."""
    control, side = pty.openpty()
    try:
        with watching(here, "-n", "1", "-e", "create", stdout=side) as process:
            (here / "new").mkdir()
            assert process.wait(60) == 0
        return os.read(control, 4096).decode()
    finally:
        os.close(control)
        os.close(side)


def test_colours_on_a_terminal(here):
    """A terminal gets colours: here the green of something new."""
    assert "\033[32mCREATE|ISDIR" in terminal(here)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours(here, monkeypatch, variable, value):
    """A terminal gets none where NO_COLOR is set, or where it has none."""
    monkeypatch.setenv(variable, value)
    assert LINE.fullmatch(terminal(here).rstrip())


def test_empty_no_color_is_not_set(here, monkeypatch):
    """The convention: NO_COLOR counts when it is not empty."""
    monkeypatch.setenv("NO_COLOR", "")
    assert "\033[" in terminal(here)


# butter watch: how it ends


def stop(process):
    """Stop *process*, and come back when it has stopped."""
    process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        os.sched_yield()


def test_time_is_up(here):
    """-t alone is a wish that is met: 0."""
    start = time.monotonic()
    done = run("watch", here, "-t", "0.3")
    assert time.monotonic() - start >= 0.3
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"butter: watching {here}\n")


def test_time_is_up_before_the_count(here):
    """3 when fewer than COUNT events came; those that came are shown."""
    with watching(here, "-t", "1", "-n", "2", "-e", "create") as process:
        (here / "one").touch()
        code, lines, said = finish(process)
    assert (code, len(lines), said) == (3, 1, "")


def test_time_is_up_although_events_keep_coming(here):
    """SECONDS are in all, not for each event."""
    with watching(here, "-t", "0.5", "-e", "create,delete", stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < deadline
            (here / "x").touch()
            (here / "x").unlink()
        assert process.returncode == 0


def test_last_watch_ends(here):
    """When nothing is left to watch the command says so and ends."""
    first, second = here / "first", here / "second"
    first.touch()
    second.touch()
    with watching(first, second, "-e", "delete_self") as process:
        first.unlink()
        assert b"DELETE_SELF" in process.stdout.readline()
        assert b"IGNORED" in process.stdout.readline()
        second.unlink()
        code, lines, said = finish(process)
    assert code == 1
    assert [LINE.fullmatch(line)[2] for line in lines] == ["DELETE_SELF", "IGNORED"]
    one_line(said, "nothing is left to watch")


def test_the_end_of_a_watch_is_not_counted(here):
    """Only what was asked for counts."""
    directory = here / "directory"
    directory.mkdir()
    with watching(directory, "-n", "1", "-e", "create", "--json") as process:
        directory.rmdir()
        code, lines, _ = finish(process)
    assert (code, [json.loads(line)["flags"] for line in lines]) == (1, [["IN_IGNORED"]])


def test_overflow(here):
    """Lost events are a record, and a sentence with the limit on stderr."""
    limit = sysctl("fs.inotify.max_queued_events")
    one, two = here / "one", here / "two"
    one.touch()
    two.touch()
    with watching(here, "--json", "-e", "attrib") as process:
        stop(process)
        for _ in range(limit // 2 + 10):
            # in turns, because the kernel makes one event of two that are the same
            os.chmod(one, 0o600)
            os.chmod(two, 0o600)
        process.send_signal(signal.SIGCONT)
        *events, overflow = (json.loads(process.stdout.readline()) for _ in range(limit + 1))
        one_line(process.stderr.readline().decode(), "overflow", f"fs.inotify.max_queued_events is {limit}; 'sysctl ")
    assert {event["flags"][0] for event in events} == {"IN_ATTRIB"}
    assert overflow.pop("time") > 0
    expected = {"path": None, "name": "", "wd": -1, "mask": 0x4000, "flags": ["IN_Q_OVERFLOW"], "cookie": 0}
    assert overflow == expected


def test_overflow_for_people():
    """The line of an overflow has no path."""
    assert LINE.fullmatch(cli.line(0.0, InotifyEvent(-1, 0x4000, 0, b""), [], False)).groups()[1:] == (
        "Q_OVERFLOW",
        "-",
    )


@pytest.mark.parametrize("events", [0, 1])
def test_interrupted(here, events):
    """Ctrl-C ends it with 130 and without a word, before and after events."""
    with watching(here, "-e", "create") as process:
        for number in range(events):
            (here / str(number)).touch()
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert finish(process) == (130, [], "")


def test_reader_is_gone(here):
    """As with ``| head -1``: the command ends, without waiting for another event."""
    with watching(here, "-e", "create") as process:
        (here / "one").touch()
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


@pytest.mark.parametrize("argument", ["doctor", "--help"])
def test_reader_of_the_rest_is_gone(argument):
    """Nor does anything else complain about a closed pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(argument, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_full_disk(here):
    """An output that cannot be written is an error of one line."""
    with open("/dev/full", "w") as full, watching(here, "-e", "create", stdout=full) as process:
        (here / "one").touch()
        assert process.wait(60) == 1
        one_line(process.stderr.read().decode(), "No space left on device")


def test_closed_output(here):
    """A closed output is noticed before anything is watched."""
    done = run("watch", here, preexec_fn=lambda: os.close(1), stdout=None)
    assert done.returncode == 1
    one_line(done.stderr, "standard output is closed")


def test_closed_error_output(here):
    """A sentence for a closed stderr does not end up among the events."""
    done = run("watch", here / "missing", preexec_fn=lambda: os.close(2), stderr=None)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["watch", "--help"], ["doctor"]])
def test_full_disk_for_the_rest(monkeypatch, arguments, unbuffered):
    """Nor is it overlooked where Python does not buffer, and argparse writes."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 1
    one_line(done.stderr, "No space left on device")


def test_reader_of_unbuffered_help_is_gone(monkeypatch):
    """A closed pipe is noticed there too."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    test_reader_of_the_rest_is_gone("--help")


def test_interrupted_while_imported():
    """Ctrl-C ends it with 130 and without a traceback from its first moment."""
    # in the working directory, which 'python -m' searches first
    Path("argparse.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = run("watch", ".")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_interrupted_while_the_reader_does_not_read(here):
    """One Ctrl-C ends a command that waits for room in a pipe."""
    with watching(here, "-e", "create") as process:
        status = Path(f"/proc/{process.pid}/syscall")
        deadline = time.monotonic() + 60
        number = blocked = 0
        # its first argument is descriptor 1, and stays that although there is ever more to show
        while blocked < 3:
            assert time.monotonic() < deadline
            for _ in range(100):
                (here / str(number)).touch()
                number += 1
            time.sleep(0.01)
            blocked = blocked + 1 if status.read_text().split()[1:2] == ["0x1"] else 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""


# the command, called by a program


def test_no_descriptor_left(here):
    """Where the command cannot open anything that is one sentence."""
    program = """
import resource, sys
from butter.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run([sys.executable, "-c", program, "watch", here], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr)


def test_no_dev_null(monkeypatch, capfd):
    """Nor does the command need /dev/null to fail."""
    monkeypatch.setattr(os, "devnull", "/nowhere/null")
    assert cli.main(["watch", "/nowhere"]) == 1
    one_line(capfd.readouterr().err, "does not exist")
    cli.drop_output()


def test_output_without_a_descriptor(here, capsys):
    """What a program collects in memory is watched for as long as the rest."""
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
    """Standard output is afterwards what it was, and nothing that the caller wrote is lost."""
    program = f"""
from butter import cli
def interrupt(options):
    print("dropped")
    raise KeyboardInterrupt
cli.run_doctor = interrupt
print("before", end=" ")
assert cli.main({arguments}) == {code}
print("after", end=" ")
"""
    with open(tmp_path / "out", "w") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, stderr=subprocess.DEVNULL, timeout=60, check=True)
    assert (tmp_path / "out").read_text() == "before after "


def test_the_caller_keeps_a_broken_output():
    """So is a pipe without a reader, and what was for it is not tried again when Python ends."""
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
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


# butter watch: what it cannot do


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing", ["the path does not exist", "'missing'"]),
        ("", ["the path does not exist", "''"]),
        ("/dev/null/file", ["not a directory", "'/dev/null/file'"]),
        ("x" * 300, ["longer than", "xxx'"]),
        ("y/" * 2100, ["longer than", "y/'"]),
        (b"\xff\n", [r"'\xff\n'"]),
    ],
)
def test_paths_that_are_refused(path, words):
    """One line names the reason and the path, and nothing is watched, though another path is good."""
    done = run("watch", ".", path)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, *words)


def unshare():
    assert ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0


def user_namespaces():
    return subprocess.run(["unshare", "-Ur", "true"], stderr=subprocess.DEVNULL).returncode == 0


in_namespaces = needs(when=user_namespaces(), reason="needs user namespaces")


@in_namespaces
def test_permission(here):
    """What may not be read is not watched, and the line says so."""
    here.chmod(0)
    # a user namespace without a mapping takes the capabilities away, root's too
    done = run("watch", here, preexec_fn=unshare)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "no permission", f"'{here}'")


def limited(limit, *arguments):
    """The command in a user namespace where the sysctl *limit* is 0."""
    script = f'echo 0 > /proc/sys/user/{limit} && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", script, "sh", *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@in_namespaces
@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_limits(here, limit):
    """A limit that is reached is named, with its value and what raises it."""
    done = limited(limit, "watch", here)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, f"user.{limit} is 0", f"'sysctl user.{limit}=")


# butter doctor


def test_doctor():
    """Here every feature works, and has a row; so has every limit."""
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    for name, _, _ in cli.FEATURES:
        assert re.search(rf"^{name} +works$", done.stdout, re.MULTILINE)
    for name in cli.LIMITS:
        assert re.search(rf"^{re.escape(name)} +(\d+|unknown)  \w", done.stdout, re.MULTILINE)


def test_doctor_json():
    """The same for programs, with the values that the system has."""
    done = run("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["butter"] == butter.__version__
    assert os.uname().release in found["kernel"]
    assert "inotify" in [row["name"] for row in found["features"]]
    assert all(row["works"] and row["reason"] is row["remedy"] is None for row in found["features"])
    values = {row["name"]: row["value"] for row in found["limits"]}
    assert values["fs.inotify.max_user_watches"] == sysctl("fs.inotify.max_user_watches")
    assert values["RLIMIT_NOFILE"] > 0


CALLS = {
    "inotify": "inotify_init1",
    "eventfd": "eventfd2",
    "timerfd": "timerfd_create",
    "signalfd": "signalfd4",
    "memfd": "memfd_create",
    "splice": "splice",
}


def test_every_feature_is_made_to_fail():
    """The next test leaves none out."""
    assert {name for name, _, _ in cli.FEATURES} <= set(CALLS)


@pytest.mark.parametrize("name", [name for name, _, _ in cli.FEATURES])
@pytest.mark.parametrize(("number", "remedy"), [(errno.ENOSYS, "seccomp profile"), (errno.EPERM, "capability")])
def test_doctor_where_a_call_fails(name, number, remedy):
    """The feature that a seccomp filter takes away is the one that is named, with what helps."""
    done = run("doctor", "--json", preexec_fn=lambda: support.inject(CALLS[name], number))
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["seccomp"]) == (1, "", "filter")
    broken = {row["name"]: row for row in found["features"] if not row["works"]}
    assert list(broken) == [name], broken
    assert broken[name]["reason"]
    assert remedy in broken[name]["remedy"]


def test_doctor_for_people_where_a_call_fails():
    """The reason is in the row, and the remedy below it."""
    done = run("doctor", preexec_fn=lambda: support.inject("inotify_init1", errno.ENOSYS))
    assert done.returncode == 1
    assert re.search(r"^inotify +inotify_init1: .*seccomp.*\n +this kernel has the call.*\n", done.stdout, re.MULTILINE)


@in_namespaces
def test_doctor_at_a_limit():
    """A limit that is reached is named in the row."""
    done = limited("max_inotify_instances", "doctor", "--json")
    found = json.loads(done.stdout)
    row = next(row for row in found["features"] if row["name"] == "inotify")
    assert "user.max_inotify_instances is 0" in row["reason"]
    assert "raise the limit" in row["remedy"]
    assert "user namespace" in found["container"]
    assert next(row["value"] for row in found["limits"] if row["name"] == "user.max_inotify_instances") == 0


def test_old_kernel():
    """A call that is missing on a kernel before its time needs another kernel, not another filter."""
    assert cli.remedy(errno.ENOSYS, since="99.1") == "run Linux 99.1 or newer"
    assert "seccomp" in cli.remedy(errno.ENOSYS, since="2.6.27")


def test_attempt_is_killed():
    """A filter may also kill: the command survives and says so."""
    number, reason = cli.attempt(lambda: os.kill(os.getpid(), signal.SIGSYS))
    assert number == errno.ENOSYS
    assert "seccomp" in reason
    assert cli.attempt(lambda: os.kill(os.getpid(), signal.SIGKILL)) == (None, "the process died of SIGKILL")


def test_attempt_takes_too_long():
    """A call that never answers is an answer."""
    assert cli.attempt(signal.pause, 0.1) == (None, "no answer within 0.1 seconds")


def test_attempt_raises():
    """A module that cannot be imported is a reason as well."""

    def broken():
        raise ImportError("no module named x")

    assert cli.attempt(broken) == (None, "ImportError: no module named x")
    assert cli.attempt(lambda: None) is None


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (lambda: os._exit(5), "the process ended without an answer"),
        (lambda: sys.exit(3), "SystemExit: 3"),
        (lambda: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
    ],
)
def test_attempt_ends_without_success(probe, reason):
    """Only what came to its end works."""
    assert cli.attempt(probe) == (None, reason)


def test_attempt_where_fork_fails(monkeypatch):
    """The sentence names the call and the limit, and no descriptor is left behind."""

    def fork():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    before = support.descriptors()
    with pytest.raises(BlockingIOError, match=r"fork: .*RLIMIT_NPROC is "):
        cli.attempt(lambda: None)
    assert support.descriptors() == before


LIMITED = """
import os, resource, sys, tempfile
from butter import cli
from butter.asyncio import eventfd, inotify, signalfd, splice, timerfd
from butter import memfd
import concurrent.futures.thread, pathlib
cli.command_line().parse_args(sys.argv[1:])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
sys.exit(cli.main(sys.argv[1:]))
"""


@needs("CAP_SETUID")
@pytest.mark.parametrize(("command", "words"), [("doctor", "fork: "), ("demo", "demo: ")])
def test_no_process_or_thread_left(command, words):
    """At the limit of a user both say so in one line. All is imported before, because root alone may read it."""
    program = [sys.executable, "-W", "error", "-c", LIMITED, command]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    one_line(done.stderr, words, "RLIMIT_NPROC is 0")


@pytest.mark.parametrize("action", [signal.SIG_IGN, signal.SIG_DFL])
def test_doctor_where_children_are_ignored(action, capsys):
    """An ignored SIGCHLD, inherited or the caller's own, does not hide how a probe ended, and stays ignored."""
    before = signal.signal(signal.SIGCHLD, action)
    try:
        assert cli.main(["doctor"]) == 0
        assert signal.getsignal(signal.SIGCHLD) == action
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "works" in capsys.readouterr().out


# butter demo


def test_demo(tmp_path, monkeypatch):
    """Files, timer and wake-up arrive, and nothing is left behind."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    inotify = "inotify   CREATE ", "MOVED_TO ", "CREATE|ISDIR ", "DELETE "
    others = "timerfd   1 tick", "signalfd  SIGUSR1", "eventfd   1 call", "memfd     16 bytes", "splice    16 of"
    for words in inotify + others:
        assert words in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_demo_interrupted(tmp_path, monkeypatch):
    """Ctrl-C ends the demo, its thread included, and its directory is gone."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with started("demo") as process:
        while b"inotify" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        code, lines, said = finish(process)
    assert (code, said) == (130, "")
    assert not [line for line in lines if "wakes the loop" in line]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_demo_without_a_reader(tmp_path):
    """A closed pipe ends the demo as well."""
    with started("demo") as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_asyncio_is_for_the_demo_alone():
    """``butter watch`` does not wait for asyncio to be imported."""
    code = "import sys, butter.cli; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
