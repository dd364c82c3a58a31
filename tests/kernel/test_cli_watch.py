"""``butter watch``, run as people run it."""

import base64
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
import support
from commands import F_SETPIPE_SZ, finish, one_line, refusal, run, run_at_limit, started, stop, watching
from support import needs_namespaces

from butter.cli._flags import flag_names
from butter.cli._output import printable
from butter.cli._watch_names import NameLine
from butter.cli._watch_output import FIELDS, clock_of, text_form
from butter.cli.watch import EVENTS, events_argument
from butter.errors import sysctl
from butter.inotify import InotifyEvent

pytestmark = pytest.mark.usefixtures("plain_environment")

LINE = re.compile(r"(\d\d:\d\d:\d\d\.\d\d\d)  (\S+) +(.*)")


def test_help_of_watch():
    """The help names every event, and that a log in a watched directory never ends."""
    words = run("watch", "--help").stdout
    assert set(EVENTS) <= set(words.split())
    assert "Output into a watched" in words
    for name, meaning in FIELDS.items():
        assert re.search(rf"^  {name} +{re.escape(meaning)}$", words, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", "0"], "'0' is not a whole number above 0"),
        (["-n", "many"], "'many' is not"),
        (["-n", "1.5"], "'1.5' is not"),
        (["-n", "9" * 5000], "9"),
        (["-t", "soon"], "'soon' is not a number of seconds"),
        (["--time=-1"], "'-1' is not"),
        (["-t", "nan"], "'nan' is not"),
        (["-t", "inf"], "'inf' is not"),
        (["-e", ""], "'' is not an event"),
        (["-e", "create,,delete"], "'' is not an event"),
        (["-e", "isdir"], "'isdir' is not an event"),
        (["-e", "create,creat"], "'creat' is not an event; did you mean 'create'?"),
        (["-e", "IN_XYZZY"], "'in_xyzzy' is not an event; these are: access, modify, attrib"),
        (["-t", "1e306"], "'1e306' is not a number of seconds"),
        (["--kill-after", "1e300"], "'1e300' is not a number of seconds"),
        (["--color", "always", "--json"], "--color does not go with --json"),
        (["--color", "never", "--summary"], "--color does not go with --summary"),
        (["--color", "always", "--", "make"], "--color does not go with a COMMAND"),
    ],
)
def test_wrong_arguments(arguments, words, capsys):
    """One line says what is wrong with the value of an option."""
    one_line(refusal(capsys, ".", *arguments), words, "'butter watch --help' tells more")


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("create", "CREATE"),
        ("IN_CREATE", "CREATE"),
        ("Create, in_delete", "CREATE DELETE"),
        ("close", "CLOSE_WRITE CLOSE_NOWRITE"),
        ("move,close_write", "MOVED_FROM MOVED_TO CLOSE_WRITE"),
    ],
)
def test_event_names(argument, names):
    """Names of events have any case, with or without prefix."""
    assert set(flag_names(events_argument(argument))) == set(names.split())


@pytest.mark.parametrize("argument", ["all", "ALL", "IN_ALL_EVENTS", "all_events"])
def test_all_events(argument):
    """``all`` is the twelve events of the manual page."""
    assert len(flag_names(events_argument(argument))) == 12


# what it shows


def test_watch_directory(here):
    """Each event is one line: time, flags, path."""
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
    """An event of a watched file has the path of the file alone."""
    file = tmp_path / "file"
    file.touch()
    with watching(file, here, "-n", "2", "-e", "modify", "-e", "create") as process:
        os.truncate(file, 1)  # one event, where write_text would truncate and write
        (here / "new").mkdir()
        _, lines, _ = finish(process)
    assert [LINE.fullmatch(line)[3] for line in lines] == [str(file), f"{here}/new"]


def test_everything_is_the_default(here):
    """Without -e every event is printed."""
    (here / "file").touch()
    with watching(here, "-n", "2") as process:
        (here / "file").open().close()
        _, lines, _ = finish(process)
    assert [LINE.fullmatch(line)[2] for line in lines] == ["OPEN", "CLOSE_NOWRITE"]


def test_relative_path():
    """A path is printed as it was given."""
    with watching(".", "-n", "1", "-e", "create") as process:
        Path("new").touch()
        _, lines, _ = finish(process)
    assert lines[0].endswith("  ./new")


def test_count_stops_within_a_batch(here):
    """COUNT lines are printed, however many events one read returned."""
    with watching(here, "-n", "2", "-e", "create") as process:
        stop(process)
        for number in range(5):
            (here / str(number)).touch()
        process.send_signal(signal.SIGCONT)
        code, lines, _ = finish(process)
    assert code == 0
    assert [line[-2:] for line in lines] == ["/0", "/1"]


def test_lines_come_as_they_happen(here):
    """Each line is in the pipe before the next event is made."""
    with watching(here, "-e", "create") as process:
        for name in ("one", "two", "three"):
            (here / name).touch()
            assert process.stdout.readline().decode().endswith(f"/{name}\n")


def test_json(here):
    """A record has every field of the event, and the time at which it was read."""
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
    """A record has the bytes of a name in base64, only where they are needed."""
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
    """Newlines, escape sequences and bytes in a name are escaped."""
    with watching(here, "-n", "1", "-e", "create") as process:
        os.mkdir(os.path.join(os.fsencode(here), b"a\nb\x1b[31m\xff"))
        _, lines, _ = finish(process)
    assert len(lines) == 1
    assert lines[0].endswith(r"/a\nb\x1b[31m\xff")


def test_locale_without_the_letter(here, monkeypatch):
    """Characters that the output cannot encode are escaped."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    with watching(here, "-n", "1", "-e", "create") as process:
        (here / "caf\xe9").touch()
        code, lines, _ = finish(process)
    assert code == 0
    assert lines[0].endswith(r"/caf\u00e9")


def test_bits_without_a_name():
    """Bits that a newer kernel may add are printed as a number."""
    assert flag_names(0x40100100) == ["CREATE", "ISDIR", "0x100000"]


def test_two_paths_of_one_file(here):
    """Two paths of one file are one watch, and both are printed."""
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
    with watching(here, f"{here}/", "-n", "1", "-e", "create") as process:
        (here / "new").mkdir()
        _, lines, _ = finish(process)
    assert lines[0].endswith(f"  {here}/new")


def terminal(here):
    """The output of ``butter watch`` to a terminal for a new directory."""
    control, side = pty.openpty()
    try:
        with watching(here, "-n", "1", "-e", "create", stdout=side) as process:
            (here / "new").mkdir()
            assert process.wait(60) == 0
        return os.read(control, 4096).decode()
    finally:
        os.close(control)
        os.close(side)


@pytest.mark.parametrize("variable", ["NO_COLOR", "NO_MATTER"])
def test_colours_on_a_terminal(here, monkeypatch, variable):
    """A terminal gets colours, also where NO_COLOR is empty."""
    monkeypatch.setenv(variable, "")
    assert "\033[32mCREATE|ISDIR" in terminal(here)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours(here, monkeypatch, variable, value):
    """A terminal that has no colours, or where NO_COLOR is set, gets none."""
    monkeypatch.setenv(variable, value)
    assert LINE.fullmatch(terminal(here).rstrip())


# how it ends


def test_time_is_up(here):
    """-t without -n ends with 0 after its time."""
    start = time.monotonic()
    done = run("watch", here, "-t", "0.3")
    assert time.monotonic() - start >= 0.3
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"butter: watching {here}\n")


def test_time_is_up_before_the_count(here):
    """-t with -n ends with 3 when fewer events than COUNT came."""
    with watching(here, "-t", "1", "-n", "2", "-e", "create") as process:
        (here / "one").touch()
        code, lines, said = finish(process)
    assert (code, len(lines), said) == (3, 1, "")


def test_time_is_up_although_events_keep_coming(here):
    """-t is a time in all, not for each event."""
    with watching(here, "-t", "0.2", "-e", "create,delete", stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < deadline
            (here / "x").touch()
            (here / "x").unlink()
        assert process.returncode == 0


def test_last_watch_ends(here):
    """The command says that nothing is left to watch, and ends."""
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
    """-n counts only events that were asked for."""
    directory = here / "directory"
    directory.mkdir()
    with watching(directory, "-n", "1", "-e", "create", "--json") as process:
        directory.rmdir()
        code, lines, _ = finish(process)
    assert (code, [json.loads(line)["flags"] for line in lines]) == (1, [["IN_IGNORED"]])


def test_overflow(here):
    """An overflow is a record, and a sentence with the limit on stderr."""
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
    line = NameLine(0.0, InotifyEvent(-1, 0x4000, 0, b""), [], False, False)
    assert LINE.fullmatch(text_form(clock_of(None), printable, False)(line)).groups()[1:] == ("Q_OVERFLOW", "-")


@pytest.mark.parametrize("events", [0, 1])
def test_interrupted(here, events):
    """Ctrl-C ends the command with 130, before and after events."""
    with watching(here, "-e", "create") as process:
        for number in range(events):
            (here / str(number)).touch()
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert finish(process) == (130, [], "")


def test_reader_is_gone(here):
    """The command ends with its reader, without waiting for another event."""
    with watching(here, "-e", "create") as process:
        (here / "one").touch()
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_full_disk(here):
    """An output that cannot be written is an error of one line."""
    with open("/dev/full", "w") as full, watching(here, "-e", "create", stdout=full) as process:
        (here / "one").touch()
        assert process.wait(60) == 1
        one_line(process.stderr.read().decode(), "No space left on device")


def test_interrupted_while_the_reader_does_not_read(here):
    """One Ctrl-C ends a command that waits for room in a pipe."""
    with watching(here, "-e", "create") as process:
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
        # more than has room
        for number in range(200):
            (here / str(number)).touch()
        select.select([process.stdout], [], [], 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""


def test_interrupted_with_lines_in_memory(here):
    """On Ctrl-C all that was read is still printed, if the output has a reader."""
    with watching(here, "-e", "create") as process:
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
        stop(process)
        for number in range(300):
            (here / str(number)).touch()
        process.send_signal(signal.SIGCONT)
        select.select([process.stdout], [], [], 60)
        process.send_signal(signal.SIGINT)
        code, lines, said = finish(process)
    assert (code, said) == (130, "")
    assert [int(line.rpartition("/")[2]) for line in lines] == list(range(300))


# what it cannot do


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
    """One line names the reason and the path, and good paths are not watched."""
    done = run("watch", ".", path)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, *words)


@needs_namespaces
def test_permission(here):
    """The line for a directory without permission says so."""
    here.chmod(0)
    done = run("watch", here, preexec_fn=lambda: support.own_namespaces(root=False))
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "no permission", f"'{here}'")


@needs_namespaces
def test_permission_for_some(here):
    """A path without permission is skipped if there are others."""
    for name in "closed", "open":
        (here / name).mkdir()
    (here / "closed").chmod(0)
    enter = lambda: support.own_namespaces(root=False)  # noqa: E731
    with started("watch", here / "closed", here / "open", "-n", "1", preexec_fn=enter) as process:
        one_line(process.stderr.readline().decode(), "skipped: no permission", f"'{here}/closed'")
        assert process.stderr.readline().decode() == f"butter: watching {here}/open\n"
        (here / "open" / "new").mkdir()
        code, lines, said = finish(process)
    assert (code, [LINE.fullmatch(line)[3] for line in lines], said) == (0, [f"{here}/open/new"], "")


def test_a_long_path(here):
    """A very long path is not told whole."""
    done = run("watch", "y/" * 2500)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "longer than", f"'{'y/' * 75}[...]{'y/' * 75}'")


@needs_namespaces
@pytest.mark.parametrize("limit", ["user.max_inotify_instances", "user.max_inotify_watches"])
def test_limits(here, limit):
    """A limit that is reached is named, with its value and a remedy."""
    done = run_at_limit(limit, "watch", here)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, f"{limit} is 0", f"'sysctl {limit}=")
