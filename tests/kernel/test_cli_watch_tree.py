"""``butter watch -r`` and ``--follow``: whole trees, and files by their names."""

import base64
import json
import os
import pty
import resource
import signal
import sys
import termios
from pathlib import Path

import pytest
import support
from commands import COMMAND, finish, ignore, one_line, refusal, run, stop, wait_until_drained, watching
from support import needs, needs_namespaces, own_filesystem

from butter.cli._watch_tree import kinds_of
from butter.cli.watch import events_argument
from butter.inotify import IN_ATTRIB, IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MODIFY, IN_MOVE, IN_OPEN

pytestmark = pytest.mark.usefixtures("plain_environment")


def told(line):
    """The columns of a line without the time."""
    return tuple(line.split(maxsplit=2)[1:])


def replace(path, text="new"):
    """Write another file and move it over *path*, as editors do."""
    other = path.with_name("other")
    other.write_text(text)
    other.rename(path)


def limited(limit, value):
    """Have namespaces in which a limit of inotify has another value."""
    support.own_namespaces()
    Path("/proc/sys", limit.replace(".", "/")).write_text(str(value))


def next_line(process):
    """The columns of the next line without the time."""
    return told(process.stdout.readline().decode().rstrip("\n"))


def test_tree(here):
    """With -r a line is a change below the path, and a move is one line."""
    (here / "known").mkdir()
    with watching(here, "-r") as process:
        (here / "a").mkdir()
        assert next_line(process) == ("CREATED|ISDIR", f"{here}/a")
        (here / "a" / "file").write_text("1")
        assert next_line(process) == ("CREATED", f"{here}/a/file")
        assert next_line(process) == ("WRITTEN", f"{here}/a/file")
        (here / "a" / "file").rename(here / "known" / "moved")
        assert next_line(process) == ("MOVED", f"{here}/a/file -> {here}/known/moved")
        (here / "known" / "moved").chmod(0o600)
        assert next_line(process) == ("ATTRIBUTES", f"{here}/known/moved")
        (here / "known" / "moved").unlink()
        assert next_line(process) == ("DELETED", f"{here}/known/moved")


def test_tree_json(here):
    """A record of -r has the fields of a change, and bytes in base64 where needed."""
    with watching(".", "-r", "--json", "-e", "created,moved") as process:
        os.mkdir(b"d\xfe")
        made = json.loads(process.stdout.readline())
        os.rename(b"d\xfe", b"e")
        moved = json.loads(process.stdout.readline())
        Path("e", "file").touch()
        new = json.loads(process.stdout.readline())
    assert made.pop("time") > 0
    assert base64.b64decode(made.pop("path_base64")) == b"./d\xfe"
    nothing = {"old_path": None, "is_dir": True, "process": None}
    assert made == {"kind": "created", "path": "./d\\xfe", "synthetic": made["synthetic"], **nothing}
    assert (moved["kind"], moved["path"], moved["old_path"]) == ("moved", "./e", "./d\\xfe")
    assert base64.b64decode(moved["old_path_base64"]) == b"./d\xfe"
    assert (new["kind"], new["path"], new["is_dir"]) == ("created", "./e/file", False)


def test_patterns_of_a_tree(here):
    """Globs and .gitignore files leave paths out, with all below them."""
    ignore(here, "*.log\n")
    (here / "build").mkdir()
    arguments = "--exclude", "build/", "--include", "*.c", "--include", "*.log", "--gitignore"
    with watching(here, "-r", "-e", "create", "-n", "2", *arguments) as process:
        for name in "build/a.c", "a.log", "a.txt", "a.c", "sub/b.c":
            (here / name).parent.mkdir(exist_ok=True)
            (here / name).touch()
        _, lines, _ = finish(process)
    assert [told(line)[1] for line in lines] == [f"{here}/a.c", f"{here}/sub"]


@pytest.mark.parametrize("where", ["-r", "names"])
def test_patterns_without_a_tree(here, where):
    """Without -r the globs are for the names in the directory."""
    ignore(here, "*.log\n")
    arguments = ["--exclude", "b.c", "--include", "*.c", "--include", "*.log", "--gitignore"]
    with watching(here, "-e", "create", "-n", "2", *arguments, *(["-r"] if where == "-r" else [])) as process:
        for name in "a.log", "a.txt", "b.c", "a.c":
            (here / name).touch()
        (here / "directory").mkdir()
        _, lines, _ = finish(process)
    assert [told(line)[1] for line in lines] == [f"{here}/a.c", f"{here}/directory"]


@pytest.mark.parametrize("glob", ["", "/", "../x", "./x", "a//b"])
def test_globs_that_match_nothing(glob, capsys):
    """A glob that no path can match is refused, with and without -r."""
    words = "argument --exclude: it has an empty" if glob in ("", "/", "a//b") else "it has the part"
    for tree in [], ["-r"]:
        one_line(refusal(capsys, *tree, "--exclude", glob, "."), words)


@pytest.mark.parametrize(
    ("argument", "kinds"),
    [
        ("create", IN_CREATE),
        ("created,written", IN_CREATE | IN_CLOSE_WRITE),
        ("close", IN_CLOSE_WRITE),
        ("delete_self,moved_from", IN_DELETE | IN_MOVE),
        ("rename", IN_MOVE),
        ("all", IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE | IN_MOVE),
    ],
)
def test_events_stand_for_kinds(argument, kinds):
    """With -r the name of an event stands for a kind of change."""
    assert kinds_of(events_argument(argument)) == (kinds, 0)


def test_events_without_a_kind(here):
    """An event that does not stand for a change is refused with -r."""
    assert kinds_of(events_argument("open,create")) == (IN_CREATE, IN_OPEN)
    done = run("watch", "-r", here, "-e", "open,create")
    assert (done.returncode, done.stdout) == (2, "")
    one_line(done.stderr, "open: -r and --follow have no such changes; they have: created, written")


def test_a_replacement_counts_as_close_write(here):
    """With -e close_write a file that is moved over another one is told."""
    (here / "a").touch()
    (here / "b").touch()
    with watching(here, "-r", "-e", "close_write", "-n", "2") as process:
        (here / "a").rename(here / "b")
        (here / "c").write_text("1")
        _, lines, _ = finish(process)
    assert [told(line) for line in lines] == [("MOVED", f"{here}/a -> {here}/b"), ("WRITTEN", f"{here}/c")]


def test_settled_changes(here):
    """--settle has one line for each path, once it was quiet."""
    (here / "file").write_text("old")
    with watching(here, "-r", "--settle", "0.05", "-n", "2") as process:
        stop(process)
        (here / "gone").touch()
        (here / "gone").unlink()
        replace(here / "file")
        (here / "new").write_text("1")
        (here / "new").write_text("2")
        process.send_signal(signal.SIGCONT)
        _, lines, _ = finish(process)
    assert [told(line) for line in lines] == [("WRITTEN", f"{here}/file"), ("CREATED", f"{here}/new")]


@needs(kernel=(5, 4))
@pytest.mark.parametrize("tree", [["-r"], []])
def test_changes_that_are_not_settled_at_the_end(here, tree):
    """Lines that have not settled at Ctrl-C are printed then."""
    with watching(here, *tree, "--settle", "60", "-e", "create,close_write", "--csv") as process:
        assert process.stdout.readline()
        (here / "new").touch()
        wait_until_drained(process)
        process.send_signal(signal.SIGINT)
        code, lines, said = finish(process)
    assert (code, said) == (130, "")
    flags = "CREATED" if tree else "CREATE|CLOSE_WRITE"
    assert [line.split(",")[1:3] for line in lines] == [[flags, f"{here}/new"]]


WAYS = {
    "written": lambda path: path.write_text("1"),
    "replaced": replace,
    "deleted first": lambda path: (path.unlink(missing_ok=True), path.write_text("1")),
    "moved away first": lambda path: (path.exists() and path.rename(path.with_name("old")), replace(path)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("exists", [False, True])
def test_waiting_for_a_file(here, way, exists):
    """The example of the help ends with 0 for every way of writing a file."""
    assert "  butter watch --follow -n 1 -t 60 -e close_write out\n" in run("watch", "--help").stdout
    out = here / "out"
    if exists:
        out.write_text("0")
    with watching("--follow", "-n", "1", "-t", "60", "-e", "close_write", out) as process:
        WAYS[way](out)
        code, lines, said = finish(process)
    assert (code, said, len(lines)) == (0, "", 1)
    assert told(lines[0]) in [("WRITTEN", str(out)), ("CREATED", str(out))]


def test_following_a_name(here):
    """--follow stays with a name through replacement, deletion, and a new directory."""
    path = here / "below" / "file"
    with watching(path, "--follow", "-e", "created,written,deleted") as process:
        path.parent.mkdir()
        replace(path)
        assert next_line(process) == ("CREATED", str(path))
        replace(path)
        assert next_line(process) == ("WRITTEN", str(path))
        path.unlink()
        assert next_line(process) == ("DELETED", str(path))
        path.mkdir()
        assert next_line(process) == ("CREATED|ISDIR", str(path))
        (path / "new").touch()
        assert next_line(process) == ("CREATED", f"{path}/new")


def test_a_name_that_was_a_directory(here):
    """--follow tells the file that has the name of a directory, which has gone."""
    path = here / "name"
    path.mkdir()
    with watching("--follow", path) as process:
        path.rmdir()
        assert next_line(process) == ("DELETED|ISDIR", str(path))
        path.write_text("1")
        assert next_line(process) == ("CREATED", str(path))
        path.write_text("2")
        assert next_line(process) == ("WRITTEN", str(path))


def test_a_directory_in_the_place_of_a_file(here):
    """A directory that takes the name of a file is not a written file."""
    path = here / "name"
    path.touch()
    with watching("--follow", path, "-e", "close_write,create") as process:
        stop(process)
        path.unlink()
        path.mkdir()
        process.send_signal(signal.SIGCONT)
        assert next_line(process) == ("CREATED|ISDIR", str(path))


COMPLETE = {
    "moved": lambda here: (here / "outside").rename(here / "tree" / "file"),
    "linked": lambda here: os.link(here / "outside", here / "tree" / "file"),
    "moved over another": lambda here: COMPLETE["moved"](here),
}


@pytest.mark.parametrize("settle", [[], ["--settle", "0.02"]])
@pytest.mark.parametrize("way", COMPLETE)
def test_a_file_that_comes_complete(here, way, settle):
    """With -r and -e close_write a file is told that came complete, and once."""
    (here / "tree").mkdir()
    (here / "outside").touch()
    if way == "moved over another":
        (here / "tree" / "file").touch()
    with watching("-r", here / "tree", "-e", "close_write", *settle) as process:
        COMPLETE[way](here)
        assert next_line(process)[1] == f"{here}/tree/file"
        (here / "tree" / "file").chmod(0o600)
        (here / "tree" / "last").touch()
        assert next_line(process)[1] == f"{here}/tree/last"


def test_a_file_in_a_new_directory_was_written(here):
    """With -e close_write a file is told that was complete before it was found."""
    (here / "other" / "below").mkdir(parents=True)
    (here / "other" / "below" / "file").write_text("1")
    (here / "tree").mkdir()
    with watching("-r", here / "tree", "-e", "close_write", "-n", "1") as process:
        (here / "other" / "below").rename(here / "tree" / "below")
        _, lines, _ = finish(process)
    assert told(lines[0]) == ("CREATED", f"{here}/tree/below/file")


def test_paths_within_others(here):
    """A path that is named twice, or is watched with another one, is one."""
    (here / "below" / "deep").mkdir(parents=True)
    (here / "file").touch()
    (here / "link").symlink_to("below/target")
    paths = here / "below" / "deep", here, f"{here}/", here / "below", here / "file", here / "link", here / "new"
    with watching("-r", "--follow", *paths, "-n", "4", "-e", "create,attrib") as process:
        (here / "below" / "deep" / "one").touch()
        (here / "file").chmod(0o600)
        (here / "new").touch()
        # what the link leads to is another file
        (here / "below" / "target").mkdir()
        _, lines, _ = finish(process)
    assert {told(line)[1] for line in lines} >= {f"{here}/below/deep/one", f"{here}/file", f"{here}/new"}
    assert len({told(line) for line in lines}) == 4
    (here / "below" / "sub").mkdir()
    paths = here / "below", here / "below" / "sub", here / "below" / "file"
    with watching("--follow", *paths, "-n", "2", "-e", "create") as process:
        (here / "below" / "file").mkdir()
        (here / "below" / "sub" / "file").mkdir()
        _, lines, _ = finish(process)
    assert [told(line)[1] for line in lines] == [f"{here}/below/file", f"{here}/below/sub/file"]


@needs_namespaces
def test_the_limit_of_instances(here):
    """The error says that each path takes an instance of inotify."""
    for name in "one", "two":
        (here / name).mkdir()
    done = run("watch", "-r", here / "one", here / "two", preexec_fn=lambda: limited("user.max_inotify_instances", 1))
    assert (done.returncode, done.stdout) == (1, "")
    words = "; each directory of -r and --follow takes one, and there are 2: "
    one_line(done.stderr, "user.max_inotify_instances is 1", f"{words}'{here}/two'\n")


@needs_namespaces
def test_many_files_that_are_followed(here):
    """Thousands of files take one instance of inotify, and few descriptors."""
    names = [str(number) for number in range(1000)]
    for name in names[:-1]:
        (here / name).touch()

    def enter():
        limited("user.max_inotify_instances", 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))

    (here / "list").write_text("\n".join(names))
    arguments = "--follow", "--from-file", "list", "-n", "3", "-e", "close_write", "--settle", "0.02"
    with watching(*arguments, preexec_fn=enter, cwd=here) as process:
        for name in names[-1], "500", "0":
            replace(here / name)
        code, lines, said = finish(process)
    assert (code, said) == (0, "")
    assert {told(line) for line in lines} == {("CREATED", "999"), ("WRITTEN", "500"), ("WRITTEN", "0")}


@pytest.mark.parametrize(
    ("path", "words"),
    [("x" * 300, "longer than"), ("file/x", "is not a directory"), ("file/", "is not a directory")],
)
def test_names_that_can_never_come(here, path, words):
    """--follow does not wait for a name that no file can have."""
    (here / "file").touch()
    done = run("watch", "--follow", here / path if path[-1] != "/" else f"{here}/{path}")
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, words, f"{path[-50:]}'")


def test_a_file_with_r(here):
    """With -r a file is followed by its name."""
    (here / "file").touch()
    with watching(here / "file", "-r", "-n", "1", "-e", "written") as process:
        replace(here / "file")
        _, lines, _ = finish(process)
    assert told(lines[0]) == ("WRITTEN", f"{here}/file")


def test_a_missing_path(here):
    """Without --follow a path that does not exist is an error."""
    done = run("watch", "-r", here / "missing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"butter: the path does not exist: '{here}/missing'\n"


def test_the_root_goes(here):
    """The end of a tree is told, not counted, and its path is waited for."""
    tree = here / "tree"
    tree.mkdir()
    with watching(tree, "-r", "-e", "created", "-n", "1") as process:
        tree.rename(here / "away")
        assert next_line(process) == ("MOVED|ISDIR", f"{tree}  (moved away: this is no longer its path)")
        tree.mkdir()
        code, lines, _ = finish(process)
    assert (code, [told(line) for line in lines]) == (0, [("CREATED|ISDIR", str(tree))])
    with watching(tree, "-r", "--json", "-e", "created") as process:
        tree.rename(here / "other")
        moved = json.loads(process.stdout.readline())
        tree.mkdir()
        assert json.loads(process.stdout.readline())["kind"] == "created"
    assert (moved["kind"], moved["path"], moved["old_path"], moved["moved"]) == ("moved", str(tree), None, True)
    with watching(tree, "-r") as process:
        tree.rmdir()
        assert next_line(process) == ("DELETED|ISDIR", str(tree))


@needs_namespaces
def test_unreadable_directories(here):
    """With -r paths that cannot be read are told, and the others are watched."""
    for name in "closed", "open", "open/below":
        (here / name).mkdir()
    (here / "closed").chmod(0)
    (here / "open" / "below").chmod(0)
    arguments = "-r", here / "closed", here / "open", "-t", "0.1"
    done = run("watch", *arguments, preexec_fn=lambda: support.own_namespaces(root=False))
    assert (done.returncode, done.stdout) == (0, "")
    *skipped, last = done.stderr.splitlines()
    assert last == f"butter: watching {here}/open and all below"
    reason = "butter: skipped: no permission to read the directory, or to search one above it: "
    assert sorted(skipped) == [f"{reason}'{here}/closed'", f"{reason}'{here}/open/below'"]
    done = run("watch", "-r", here / "closed", preexec_fn=lambda: support.own_namespaces(root=False))
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "no permission to read the directory", f"'{here}/closed'")


@needs_namespaces
def test_an_unreadable_directory_that_comes_later(here):
    """A directory that cannot be read is told when it appears, too."""
    enter = lambda: support.own_namespaces(root=False)  # noqa: E731
    with watching(here, "-r", "-e", "create", "-n", "1", preexec_fn=enter) as process:
        (here / "closed").mkdir(0)
        code, lines, said = finish(process)
    assert (code, [told(line)[1] for line in lines]) == (0, [f"{here}/closed"])
    one_line(said, "skipped: no permission to read the directory", f"'{here}/closed'")


@needs_namespaces
def test_too_few_watches_at_the_start(here):
    """A tree that has too few watches is an error, in the words of a command."""
    for number in range(10):
        (here / str(number)).mkdir()
    done = run("watch", "-r", here, preexec_fn=lambda: limited("user.max_inotify_watches", len(here.parents) + 3))
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "the tree needs", "as root raises it: ", f"'{here}'\n")


@needs_namespaces
def test_watches_that_run_out(here):
    """A directory that has no watch is told, and the others are watched on."""
    enter = lambda: limited("user.max_inotify_watches", len(here.parents) + 1)  # noqa: E731
    with watching(here, "-r", "-e", "create", "-n", "3", preexec_fn=enter) as process:
        (here / "one").mkdir()
        assert next_line(process) == ("CREATED|ISDIR", f"{here}/one")
        warning = process.stderr.readline().decode()
        (here / "two").touch()
        assert next_line(process) == ("CREATED", f"{here}/two")
        (here / "three").touch()
        code, lines, said = finish(process)
    one_line(warning, "not watched: this user has watches for", "user.max_inotify_watches is", f": '{here}/one'\n")
    assert (code, [told(line) for line in lines], said) == (0, [("CREATED", f"{here}/three")], "")


@pytest.mark.parametrize("option", ["-r", "--follow"])
def test_few_descriptors(here, option):
    """The error of a process without a descriptor names the path of the user."""
    (here / "file").touch()
    path = here / "file" if option == "--follow" else here
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))  # noqa: E731
    done = run("watch", option, path, preexec_fn=limit)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "RLIMIT_NOFILE is 8", f": '{path}'\n")


def test_globs_without_a_directory(here):
    """Globs that would be compared with nothing are refused."""
    (here / "file").touch()
    for option in ["--exclude", "*.o"], ["--include", "*.c"], ["--gitignore"]:
        for tree in [], ["-r"], ["--follow"]:
            done = run("watch", *tree, here / "file", *option)
            assert (done.returncode, done.stdout) == (2, "")
            one_line(done.stderr, f"{option[0]} is about the files in a directory, and no PATH is one")


@needs(kernel=(5, 17))
@needs_namespaces
@pytest.mark.parametrize("tree", [["-r"], []])
def test_processes_need_root(here, tree):
    """The error of --who names the capability, and no flag of a call."""
    done = run("watch", "--who", *tree, here, preexec_fn=lambda: support.own_namespaces(root=False))
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "butter: it needs CAP_SYS_ADMIN, as root has it; 'butter watch PATH' shows")


@needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(5, 17))
def test_limits_of_a_command(tmp_path):
    """A command has the limit of descriptors that butter was started with."""

    def test(path):
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))  # noqa: E731
        command = "--", "sh", "-c", "ulimit -Sn"
        with watching("-r", "--who", path, "-n", "1", "-e", "create", *command, preexec_fn=limit) as process:
            Path(path, "new").touch()
            assert finish(process)[1] == ["200"]

    own_filesystem(test, tmp_path, "tmpfs")


@needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(5, 17))
def test_process_of_a_change(tmp_path):
    """--who has the process behind each change, with -r too."""

    def test(path):
        path = Path(path)
        with watching(path, "-r", "--who", "--json", "-n", "1", "-e", "created") as process:
            (path / "new").touch()
            (record,) = map(json.loads, finish(process)[1])
        assert (record["process"], record["path"]) == (os.getpid(), f"{path}/new")
        assert record["comm"] == Path("/proc/self/comm").read_text().rstrip("\n")
        (path / "more").mkdir()
        with watching(path / "more", path / "new", "--who", "-n", "2", "-e", "create,attrib") as process:
            (path / "more" / "file").touch()
            (path / "new").chmod(0o600)
            _, lines, _ = finish(process)
        assert [told(line)[1].split("  by ")[0] for line in lines] == [f"{path}/more/file", f"{path}/new"]
        assert f"[{os.getpid()}]" in lines[0]

    own_filesystem(test, tmp_path, "tmpfs")


@needs(kernel=(5, 4))
def test_a_command_runs_on_changes(here):
    """A command is run for each changed path, and not because it reads the file."""
    with watching(here, "-n", "2", "--settle", "0.02", "--", "cat", "{}") as process:
        (here / "one").write_text("1\n")
        assert process.stdout.readline() == b"1\n"
        (here / "two").write_text("2\n")
        code, lines, said = finish(process)
    assert (code, lines) == (0, ["2"])
    assert said.count(": ended with status 0\n") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["."], "a COMMAND is needed after --"), (["."], "--restart runs COMMAND"), ([], "a PATH or --filesystem PATH")],
)
def test_wrong_commands(arguments, words, capsys):
    """One line says what is wrong with a command line that has a command."""
    restart = words.startswith("--restart")
    command = ["--restart", "--", "cat", "{}"] if restart else ["--"] if arguments else ["--", "make"]
    assert words in refusal(capsys, *arguments, *command).splitlines()[-1]


@needs(kernel=(5, 4))
def test_interrupted_in_a_terminal(here):
    """Ctrl-C in a terminal ends the command and its server, and leaves it sane."""
    pid, control = pty.fork()
    if not pid:
        server = "trap 'echo ended; exit' INT TERM; echo ready; while :; do sleep 0.02; done"
        os.execv(sys.executable, [*COMMAND, "watch", "-r", here, "--restart", "--", "sh", "-c", server])
    try:
        before = termios.tcgetattr(control)
        said = b""
        while b"ready" not in said:
            said += os.read(control, 4096)
        os.write(control, b"\x03")
        while b"ended" not in said:
            said += os.read(control, 4096)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
        assert termios.tcgetattr(control) == before
    finally:
        os.close(control)
