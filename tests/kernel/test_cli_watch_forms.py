"""The forms of the output of ``butter watch``, and where its paths come from."""

import contextlib
import csv
import datetime
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from commands import F_SETPIPE_SZ, finish, one_line, refusal, run, started, stop, wait_until_drained, watching
from support import needs, until

from butter.cli import _watch_names
from butter.errors import sysctl
from butter.inotify import IN_MOVE

pytestmark = pytest.mark.usefixtures("plain_environment")

LINE = re.compile(r"(\d\d:\d\d:\d\d\.\d\d\d)  (\S+) +(.*)")


def columns(lines):
    """The flags and the paths."""
    return [LINE.fullmatch(line).groups()[1:] for line in lines]


def test_a_move_is_one_line(here):
    """A move within the watched directories is one line, and one of COUNT."""
    (here / "to").mkdir()
    with watching(here, here / "to", "-n", "4", "-e", "move,create") as process:
        (here / "old").touch()
        (here / "old").rename(here / "to" / "new")
        (here / "to" / "new").rename(here.parent / "away")
        (here.parent / "away").rename(here / "back")
        _, lines, _ = finish(process)
    assert columns(lines) == [
        ("CREATE", f"{here}/old"),
        ("MOVED_FROM|MOVED_TO", f"{here}/old -> {here}/to/new"),
        ("MOVED_FROM", f"{here}/to/new"),
        ("MOVED_TO", f"{here}/back"),
    ]


@pytest.mark.parametrize("is_dir", [False, True])
def test_a_path_that_moves(here, is_dir):
    """A watched path that moves is told, uncounted, and its later lines say so."""
    path = here / "path"
    path.mkdir() if is_dir else path.touch()
    with watching(path, "-e", "attrib", "-n", "2") as process:
        path.chmod(0o700)
        path.rename(here / "other")
        (here / "other").chmod(0o500)
        _, lines, _ = finish(process)
    suffix = "|ISDIR" if is_dir else ""
    moved = f"{path}  (moved away: this is no longer its path)"
    expected = [("ATTRIB" + suffix, str(path)), ("MOVE_SELF", moved), ("ATTRIB" + suffix, moved)]
    assert columns(lines) == expected
    (here / "other").rename(path)
    with watching(path, "--json", "-e", "attrib", "-n", "1") as process:
        path.rename(here / "other")
        (here / "other").chmod(0o700)
        first, second = map(json.loads, finish(process)[1])
    assert (first["flags"], first["moved"], second["moved"]) == (["IN_MOVE_SELF"], True, True)


def test_a_path_that_moves_and_comes_back(here):
    """A watched path that is back at its name is not said to have moved away."""
    path = here / "path"
    path.mkdir()
    with watching(path, "-e", "attrib", "-n", "1") as process:
        path.rename(here / "other")
        assert b"moved away" in process.stdout.readline()
        (here / "other").rename(path)
        path.chmod(0o700)
        _, lines, _ = finish(process)
    assert columns(lines) == [("MOVE_SELF", str(path)), ("ATTRIB|ISDIR", str(path))]


def names_of_moves(here, monkeypatch):
    """A source for the names in a directory with "a" and "b", one event a read."""
    (here / "a").touch()
    (here / "b").touch()
    monkeypatch.setattr(_watch_names, "READ", 32)
    names = _watch_names.Names(IN_MOVE, True, None)
    names.add(os.fsencode(here))
    return names


def words(lines):
    """The last component of each path."""
    return [[os.path.basename(path or b"").decode() for path in (line.old_path, line.path)] for line in lines]


def test_half_of_a_move_beside_a_whole_one(here, monkeypatch):
    """A move is one line although half of one before it was waited for in vain."""
    names = names_of_moves(here, monkeypatch)
    with contextlib.closing(names):
        (here / "a").rename(here.parent / "a")
        names.drain()
        assert names.take() == []
        until(lambda: names.left() == 0)
        (here / "b").rename(here / "c")
        names.drain()
        assert words(names.take() + names.take()) == [["", "a"], ["b", "c"]]


def test_the_rest_has_whole_moves(here, monkeypatch):
    """A move that was read in two parts is one line at the end of the watch."""
    names = names_of_moves(here, monkeypatch)
    with contextlib.closing(names):
        (here / "b").rename(here / "c")
        names.drain()
        assert words(names.rest()) == [["b", "c"]]


def test_settled_moves(here):
    """With --settle a move is one line, and that of a path that moves says so."""
    (here / "old").touch()
    path = here / "path"
    path.mkdir()
    with watching(here, path, "--settle", "0.05", "-n", "2", "-e", "move,attrib") as process:
        stop(process)
        path.chmod(0o700)
        (here / "old").rename(here / "new")
        path.rename(here.parent / "path")
        process.send_signal(signal.SIGCONT)
        _, lines, _ = finish(process)
    moved, away = columns(lines)
    assert moved == ("MOVED_FROM|MOVED_TO", f"{here}/old -> {here}/new")
    assert away[0].startswith("ATTRIB|ISDIR|")
    assert away[1] == f"{path}  (moved away: this is no longer its path)"


def test_settled_names(here):
    """With --settle a path has one line, with the flags of all its events."""
    with watching(here, "--settle", "0.05", "-n", "2", "-e", "create,close_write,delete") as process:
        stop(process)
        (here / "one").touch()
        (here / "one").unlink()
        (here / "two").touch()
        process.send_signal(signal.SIGCONT)
        _, lines, _ = finish(process)
    assert columns(lines) == [("CREATE|CLOSE_WRITE|DELETE", f"{here}/one"), ("CREATE|CLOSE_WRITE", f"{here}/two")]


def test_names_are_not_ambiguous(here, monkeypatch):
    """A backslash is escaped, so that no two names are printed alike."""
    names = [b"a\\nb", b"a\nb", "ü".encode(), b"\xfc", b"\\xfc"]
    shown = [r"a\\nb", r"a\nb", "ü", r"\xfc", r"\\xfc"]
    for encoding, letter in ("utf-8", "ü"), ("ascii", r"\u00fc"):
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        with watching(here, "-e", "create", "-n", str(len(names))) as process:
            for name in names:
                os.close(os.open(os.path.join(os.fsencode(here), name), os.O_CREAT))
            lines = process.communicate(timeout=60)[0].decode(encoding).splitlines()
        assert [line.rpartition("/")[2] for line in lines] == [letter if name == "ü" else name for name in shown]
        for name in names:
            os.unlink(os.path.join(os.fsencode(here), name))


def test_raw_names(here):
    """-0 ends lines with NUL, and prints names as they are."""
    with watching(here, "-0", "--format", "{flags} {path}", "-e", "create", "-n", "2") as process:
        for name in b"a\nb\\", b"\xff":
            os.mkdir(os.path.join(os.fsencode(here), name))
        out = process.communicate(timeout=60)[0]
    assert out == b"CREATE|ISDIR %b/a\nb\\\0CREATE|ISDIR %b/\xff\0" % (os.fsencode(here), os.fsencode(here))


def test_table(here):
    """--csv is a table with a heading, dates, and quotes where they are needed."""
    with watching(here, "--csv", "-e", "create,move", "-n", "2") as process:
        (here / 'a,"b"').touch()
        (here / 'a,"b"').rename(here / "c")
        _, lines, _ = finish(process)
    heading, made, moved = csv.reader(lines)
    assert heading == ["time", "flags", "path", "old_path"]
    assert made[1:] == ["CREATE", f'{here}/a,"b"', ""]
    assert moved[1:] == ["MOVED_FROM|MOVED_TO", f"{here}/c", f'{here}/a,"b"']
    assert abs(datetime.datetime.fromisoformat(made[0]).timestamp() - time.time()) < 60


def test_own_format(here):
    """--format has the fields that it names, and --time-format the time."""
    form = "{time}|{flags:8}|{name}|{old_path}|{path}|{pid}{comm}"
    arguments = "--format", form, "--time-format", "%Y %f", "-e", "create", "-n", "1"
    with watching(here, *arguments) as process:
        (here / "new").touch()
        _, (line,), _ = finish(process)
    assert re.fullmatch(rf"\d{{4}} \d{{6}}\|CREATE  \|new\|\|{here}/new\|", line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "{nothing}"], "'{nothing}' is not a format; its fields are {time}, {flags}, {path}"),
        (["--format", "{"], "'{' is not a format"),
        (["--format", "{path.upper}"], "is not a format"),
        (["--format", "{path[0]}"], "is not a format"),
        (["--format", "{flags:{path}}"], "is not a format"),
        (["--format", "{flags:d}"], "is not a format"),
        (["--format", "{pid!r}"], "is not a format"),
        (["--format", "{}"], "is not a format"),
        (["--format", "{path:99999}"], "is not a format"),
        (["--time-format", "%F", "--json"], "--time-format does not go with --json"),
        (["--time-format", "%F", "--summary"], "--time-format does not go with --summary"),
        (["--format", "{path}", "--summary"], "--format does not go with --summary"),
        (["--restart"], "--restart needs a COMMAND after --"),
        (["--on-busy", "queue"], "--on-busy needs a COMMAND after --"),
        (["--kill-after", "5"], "--kill-after needs a COMMAND after --"),
        (["--time-format", "\udcff"], "is not a format of a time"),
        (["-t", "-1"], "'-1' is not a number of seconds"),
        (["--settle", "-1"], "'-1' is not a number of seconds"),
        (["-n", "9" * 5000], "is not a whole number above 0"),
        (["--json", "--csv"], "not allowed with argument"),
        (["--color", "often"], "'often'"),
        (["--exclude", ""], "--exclude: it has an empty glob"),
        (["--filesystem", "/", "--follow"], "--follow does not go with --filesystem"),
    ],
)
def test_wrong_forms(arguments, words, capsys):
    """One line says what is wrong with a form."""
    one_line(refusal(capsys, *([] if "--filesystem" in arguments else ["."]), *arguments), words)


@pytest.mark.parametrize(("color", "code"), [("always", "\033[32m"), ("never", "")])
def test_colours_as_asked(here, color, code):
    """--color decides, whatever the output is."""
    control, side = pty.openpty()
    output = side if color == "never" else subprocess.PIPE
    try:
        with watching(here, "-n", "1", "-e", "create", "--color", color, stdout=output) as process:
            (here / "new").mkdir()
            out = finish(process)[1][0] if color == "always" else process.wait(60) or os.read(control, 4096).decode()
    finally:
        os.close(control)
        os.close(side)
    assert f"  {code}CREATE|ISDIR" in out


def test_summary(here):
    """--summary counts each thing that happened to each path, and prints no line."""
    arguments = here, "-e", "create,delete", "--summary", "-n", "5"
    found = []
    for form in [], ["--json"], ["--csv"]:
        with watching(*arguments, *form) as process:
            for name in "a", "b", "a":
                (here / name).touch()
                if name == "a":
                    (here / name).unlink()
            found.append(finish(process)[1])
        (here / "b").unlink()
    text, records, rows = found
    assert [line.split() for line in text] == [
        ["total", "CREATE", "DELETE", "path"],
        ["4", "2", "2", f"{here}/a"],
        ["1", "1", "0", f"{here}/b"],
    ]
    assert json.loads(records[0]) == {"path": f"{here}/a", "total": 4, "counts": {"CREATE": 2, "DELETE": 2}}
    assert [row.split(",") for row in rows] == [line.split() for line in text]


@needs(kernel=(5, 4))
def test_summary_after_an_interrupt(here):
    """Ctrl-C ends a summary, which is printed."""
    with watching(here, "-e", "create", "--summary") as process:
        (here / "new").mkdir()
        wait_until_drained(process)
        process.send_signal(signal.SIGINT)
        code, lines, said = finish(process)
    assert (code, said, lines[1:]) == (130, "", [f"    1       1  {here}/new"])


@pytest.mark.parametrize("data", [b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\r\ntwo", b"one\0two", b"one\0two\n"])
def test_paths_from_a_file(here, data):
    """Paths come from stdin and from files, one a line or with NULs between them."""
    for name in "one", "two":
        os.mkdir(name)
    (here / "paths").write_bytes(data)
    with open(here / "paths", "rb") as paths, started("watch", "-", "-n", "1", "-q", stdin=paths) as process:
        until(lambda: os.utime("two") or process.poll() is not None)
        assert process.stdout.readline().split()[2] == b"two"
    done = run("watch", "-t", "0", "--from-file", here / "paths", "--from-file", here / "paths")
    assert (done.returncode, done.stderr) == (0, "butter: watching one, two, one, two\n")


def test_no_path_in_a_file(here):
    """A file that is missing or has no path is an error."""
    one_line(run("watch", "--from-file", here / "missing").stderr, "No such file", f"'{here}/missing'")
    one_line(run("watch", "-", stdin=subprocess.DEVNULL).stderr, "there is none in the file or on stdin")
    one_line(run("watch", "--", "true").stderr, "a PATH", "is needed; what follows -- is a COMMAND")


def test_many_paths(here):
    """The line that tells what is watched is short, however many paths there are."""
    for number in range(100):
        (here / str(number)).mkdir()
    done = run("watch", "-t", "0", *(here / str(number) for number in range(100)))
    assert (done.returncode, done.stderr) == (0, f"butter: watching 100 paths, the first is {here}/0\n")
    assert run("watch", "-t", "0", "-q", here).stderr == ""


@needs(kernel=(5, 4))
def test_a_slow_reader_loses_nothing(here):
    """Events are moved into memory while the output is not read."""
    limit = sysctl("fs.inotify.max_queued_events")
    with watching(here, "-e", "create,delete", "-n", str(2 * limit)) as process:
        for number in range(limit):
            (here / "x").touch()
            (here / "x").unlink()
            if not number % 1000:
                # the output has no room any more, and still the queue becomes empty
                wait_until_drained(process)
        _, lines, said = finish(process)
    assert (len(lines), said) == (2 * limit, "")


@pytest.mark.parametrize("command", [[], ["--", "true"]])
def test_time_is_up_while_the_reader_does_not_read(here, command):
    """The command ends when its time is up, although the output is not read."""
    with watching(here, "--json", "-e", "create", "-t", "1", *command) as process:
        fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
        # more than has room
        for name in range(200):
            (here / str(name)).mkdir()
        select.select([process.stdout], [], [], 60)
        assert process.wait(60) == 0


@needs(kernel=(5, 4))
def test_lost_events_while_the_sentences_are_not_read(here):
    """Ctrl-C ends the command although the sentence about lost events has no reader."""
    with watching(here, "-e", "create,delete", "--summary") as process:
        with (
            contextlib.suppress(BlockingIOError),
            open(
                os.open(f"/proc/self/fd/{process.stderr.fileno()}", os.O_WRONLY | os.O_NONBLOCK), "wb", buffering=0
            ) as full,
        ):
            for size in 4096, 1:
                while full.write(bytes(size)):
                    pass
        stop(process)
        for _ in range(sysctl("fs.inotify.max_queued_events") // 2 + 1):
            (here / "x").touch()
            (here / "x").unlink()
        process.send_signal(signal.SIGCONT)
        wait_until_drained(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
