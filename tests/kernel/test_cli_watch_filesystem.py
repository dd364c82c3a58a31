"""``butter watch --filesystem``, on a filesystem that the machine does not see."""

import base64
import errno
import functools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
import support
from commands import finish, ignore, one_line, refusal, run, stop, watching
from support import in_child, needs, needs_namespaces, own_filesystem
from support.mounts import raw_mount

from butter.cli._output import printable
from butter.cli._processes import Process, process_of
from butter.cli._watch_filesystem import BITS, Found, FoundLine
from butter.cli._watch_output import clock_of, json_form, text_form
from butter.cli.watch import EVENTS
from butter.errors import sysctl
from butter.fanotify import (
    FAN_FS_ERROR,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_Q_OVERFLOW,
    FAN_REPORT_FID,
    FAN_REPORT_PIDFD,
    Fanotify,
    FanotifyEvent,
)
from butter.pidfd import P_PID, WEXITED, WNOWAIT, waitid

pytestmark = pytest.mark.usefixtures("plain_environment")

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d\d\d  (\S+) +(.*)  by (.*)")


def on_a_filesystem(test):
    """Run a test in a child, as ``test(path)``, with a new tmpfs on *path*."""

    @needs("CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", kernel=(5, 17))
    @functools.wraps(test)
    def run(tmp_path, **fixtures):
        own_filesystem(lambda path: test(Path(path), **fixtures), tmp_path, "tmpfs")

    # pytest asks for the fixture of this function, and not for those of the test
    del run.__wrapped__
    return run


def text_line(found):
    """The line for people."""
    return text_form(clock_of(None), printable, False)(FoundLine(0.0, found))


def json_line(found):
    """The record."""
    return json_form()(FoundLine(0.0, found))


def records(process):
    """The records of a command that ends by itself, without their times."""
    code, lines, said = finish(process)
    assert (code, said) == (0, "")
    found = [json.loads(line) for line in lines]
    for record in found:
        assert record.pop("time") > 0
    return found


def this_process():
    """The fields of a record that are about the process of the test."""
    return {
        "pid": os.getpid(),
        "comm": Path("/proc/self/comm").read_text().rstrip("\n"),
        "cmdline": Path("/proc/self/cmdline").read_text().split("\0")[:-1],
        "ended": False,
    }


# what it shows


@on_a_filesystem
def test_json(here):
    """A record has the path below any directory, and the process behind the event."""
    (here / "a" / "b").mkdir(parents=True)
    with watching("--filesystem", here, "--json", "-n", "3", "-e", "create,delete,FAN_RENAME") as process:
        (here / "a" / "b" / "old").mkdir()
        (here / "a" / "b" / "old").rename(here / "new é\n")
        (here / "new é\n").rmdir()
        made, moved, gone = records(process)
    new = {"path": f"{here}/new é\n", "name": "new é\n"}
    old = f"{here}/a/b/old"
    me = this_process()
    assert made == {"path": old, "name": "old", "mask": 0x40000100, "flags": ["FAN_CREATE", "FAN_ONDIR"], **me}
    flags = ["FAN_RENAME", "FAN_ONDIR"]
    assert moved == {**new, "old_path": old, "old_name": "old", "mask": 0x50000000, "flags": flags, **me}
    assert gone == {**new, "mask": 0x40000200, "flags": ["FAN_DELETE", "FAN_ONDIR"], **me}


@on_a_filesystem
def test_patterns(here):
    """--who leaves out names by globs, and by the .gitignore files of each path."""
    for name in "one", "two":
        (here / name).mkdir()
        ignore(here / name, "*.log\n" if name == "one" else "")
    arguments = here / "one", here / "two", "--gitignore", "--exclude", "*.o"
    with watching("--who", *arguments, "--json", "-n", "2", "-e", "create") as process:
        for name in "one/a.log", "one/a.o", "two/a.o", "two/a.log", "one/a.c":
            (here / name).touch()
        assert [record["path"] for record in records(process)] == [f"{here}/two/a.log", f"{here}/one/a.c"]


@on_a_filesystem
def test_a_path_that_moves(here):
    """--who tells that a path has moved, and does not count that."""
    (here / "file").touch()
    with watching("--who", here / "file", "--json", "-n", "1", "-e", "close_write") as process:
        (here / "file").rename(here / "new")
        (here / "new").write_text("1")
        moved, written = records(process)
    assert (moved["flags"], moved["path"]) == (["FAN_MOVE_SELF"], f"{here}/new")
    assert written["flags"] == ["FAN_CLOSE_WRITE"]


@on_a_filesystem
def test_lines_for_people(here):
    """A line has time, flags, path and process, and both paths of a rename."""
    with watching("--filesystem", here, "-n", "2", "-e", "create,rename") as process:
        (here / "old").mkdir()
        (here / "old").rename(here / "a\nb")
        _, lines, _ = finish(process)
    me = this_process()
    made, moved = (LINE.fullmatch(line).groups() for line in lines)
    assert made[:2] == ("CREATE|ONDIR", f"{here}/old")
    assert moved[:2] == ("RENAME|ONDIR", rf"{here}/old -> {here}/a\nb")
    assert made[2].startswith(f"{me['comm']}[{me['pid']}]: {me['cmdline'][0]} ")


@on_a_filesystem
def test_both_halves_of_a_move_are_one_event(here):
    """With both halves of a move asked for, a move is one line and one of COUNT."""
    for which, events in ("--who", "move"), ("--who", "all"), ("--filesystem", "move"):
        (here / "old").mkdir()
        with watching(which, here, "-n", "1", "-e", events) as process:
            (here / "old").rename(here / "new")
            _, (line,), _ = finish(process)
        assert LINE.fullmatch(line).groups()[:2] == ("RENAME|ONDIR", f"{here}/old -> {here}/new")
        (here / "new").rmdir()


@on_a_filesystem
def test_everything_is_the_default(here):
    """Without -e a rename and a deletion are one event each."""
    with watching("--filesystem", here, "--json") as process:
        (here / "old").mkdir()
        (here / "old").rename(here / "new")
        (here / "new").rmdir()
        (here / "end").mkdir()
        flags = [json.loads(process.stdout.readline())["flags"][0] for _ in range(4)]
    assert flags == ["FAN_CREATE", "FAN_RENAME", "FAN_DELETE", "FAN_CREATE"]


@on_a_filesystem
def test_own_events_are_left_out(here):
    """A log on the filesystem itself does not make events for ever."""
    log = here / "log"
    arguments = "--filesystem", here, "--json", "-n", "3", "-e", "create,modify"
    with open(log, "wb") as output, watching(*arguments, stdout=output) as process:
        for number in range(1, 4):
            (here / str(number)).mkdir()
            while process.poll() is None and log.read_bytes().count(b"\n") < number:
                time.sleep(0.001)
        assert process.wait(60) == 0
    found = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(record["name"], record["pid"]) for record in found] == [(name, os.getpid()) for name in "123"]


@on_a_filesystem
def test_names_that_are_not_utf8(here):
    """Names and arguments that are not UTF-8 are in base64, too."""
    name = b"caf\xe9"
    with watching("--filesystem", here, "--json", "-n", "1", "-e", "create") as process:
        command = ["sh", "-c", ': > "$0"; read answer', name]
        with subprocess.Popen(command, cwd=here, stdin=subprocess.PIPE):
            (record,) = records(process)
    assert (record["name"], base64.b64decode(record["name_base64"])) == ("caf\\xe9", name)
    assert base64.b64decode(record["path_base64"]) == os.fsencode(here / os.fsdecode(name))
    assert record["cmdline"] == [*command[:3], "caf\\xe9"]
    assert [base64.b64decode(each) for each in record["cmdline_base64"]] == [*map(os.fsencode, command)]
    assert (record["comm"], "comm_base64" in record) == ("sh", False)


@on_a_filesystem
def test_a_path_that_is_not_mounted_here(here):
    """Outside the part of the filesystem that is mounted, only the name is known."""
    part, mounted = here / "part", here / "mounted"
    part.mkdir()
    mounted.mkdir()
    raw_mount(part, mounted, None, 0x1000)  # MS_BIND
    with watching("--filesystem", mounted, "--json", "-n", "2", "-e", "create") as process:
        (here / "outside").mkdir()
        (part / "inside").mkdir()
        outside, inside = records(process)
    assert (outside["path"], outside["name"], outside["path_unknown"]) == (None, "outside", "unreachable")
    assert (inside["path"], "path_unknown" in inside) == (f"{mounted}/inside", False)
    with watching("--filesystem", mounted, "-n", "1", "-e", "create") as process:
        (here / "more").mkdir()
        _, lines, _ = finish(process)
    assert LINE.fullmatch(lines[0])[2] == "(path unknown: unreachable, the name is more)"
    support.libc.umount2(os.fsencode(mounted), 2)


# the process


def child_that_makes(path):
    """A child that makes a directory and ends, which waitpid has not reaped."""
    pid = os.fork()
    if not pid:
        try:
            path.mkdir()
        finally:
            os._exit(0)
    waitid(P_PID, pid, WEXITED | WNOWAIT)
    return pid


@on_a_filesystem
def test_processes_that_have_ended(here):
    """A process that ended is called that; one that was reaped has only a number."""
    comm = this_process()["comm"]
    with watching("--filesystem", here, "--json", "-n", "2", "-e", "create") as process:
        stop(process)
        reaped = child_that_makes(here / "one")
        os.waitpid(reaped, 0)
        zombie = child_that_makes(here / "two")
        process.send_signal(signal.SIGCONT)
        first, second = records(process)
        os.waitpid(zombie, 0)
    assert (first["pid"], first["comm"], first["cmdline"], first["ended"]) == (reaped, None, None, True)
    assert "had ended" in first["process_unknown"]
    assert (second["pid"], second["comm"], second["cmdline"], second["ended"]) == (zombie, comm, [], True)


@on_a_filesystem
def test_a_deleted_program(here):
    """A process whose program was deleted and replaced has its own name and command."""
    program = here / "old name\n"
    shutil.copy(shutil.which("sh"), program)
    with subprocess.Popen([program, "-c", "read go; : > made; read end"], cwd=here, stdin=subprocess.PIPE) as shell:
        program.unlink()
        shutil.copy(shutil.which("cat"), program)
        with watching("--filesystem", here, "--json", "-n", "1", "-e", "create") as process:
            shell.stdin.write(b"\n")
            shell.stdin.flush()
            (record,) = records(process)
        shell.stdin.close()
    assert (record["pid"], record["comm"], record["ended"]) == (shell.pid, "old name\n", False)
    assert record["cmdline"][0] == str(program)


@needs("CAP_SYS_ADMIN", kernel=(5, 15))
def test_the_number_of_another_process(tmp_path):
    """A process that has the number by now is never taken for the one of the event."""

    def first_of_namespace():
        raw_mount("proc", "/proc", "proc")
        with Fanotify(FAN_REPORT_FID | FAN_REPORT_PIDFD) as fanotify:
            fanotify.watch(tmp_path, FAN_OPEN | FAN_ONDIR)
            number = os.fork()
            if not number:
                os.listdir(tmp_path)
                signal.pause()
            with fanotify.wait(60) as event:
                known = process_of(event)
                os.kill(number, signal.SIGKILL)
                os.waitpid(number, 0)
                # the next process gets the same number
                Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
                with support.Child() as other:
                    assert other.pid == number
                    assert Path(f"/proc/{number}/comm").read_text()
                    return known.comm is not None, known.pid == number, process_of(event)

    def body():
        support.own_mounts()
        assert support.libc.unshare(0x20000000) == 0  # CLONE_NEWPID
        return in_child(first_of_namespace)

    known, same, later = in_child(body)
    assert known
    assert same
    assert (later.comm, later.cmdline, later.ended) == (None, None, True)


@on_a_filesystem
def test_pid_namespaces(here):
    """A process of another PID namespace has no number; /proc may be of another one."""
    assert support.libc.unshare(0x20000000) == 0  # CLONE_NEWPID, of the children
    with watching("--filesystem", here, "--json", "-e", "create") as process:
        (here / "outside").mkdir()
        # The command is the first process of its namespace, so its end would wait for
        # the one of the shell.
        with subprocess.Popen(["sh", "-c", ": > inside; read answer"], cwd=here, stdin=subprocess.PIPE):
            outside, inside = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (outside["name"], outside["pid"], outside["comm"], outside["ended"]) == ("outside", None, None, None)
    assert "PID namespace" in outside["process_unknown"]
    assert (inside["name"], inside["pid"], inside["comm"]) == ("inside", 2, "sh")


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (Process(7, b"a\n", [b"a", b"b c"], False), r"a\n[7]: a 'b c'"),
        (Process(7, b"kthreadd", [], False), "kthreadd[7]"),
        (Process(7, b"a", [], True), "a[7], which has ended"),
        (Process(7, unknown="why"), "process 7 (why)"),
        (Process(None, unknown="why"), "process ? (why)"),
        (Process(7, b"a", [b"x" * 300], False), f"a[7]: {'x' * 200}..."),
    ],
)
def test_words_for_a_process(process, words):
    """A process is printed with what is known of it, and a long command is cut."""
    assert process.text() == words


# how it ends


@on_a_filesystem
def test_overflow(here):
    """An overflow is a record, and a sentence with the limit on stderr."""
    limit = sysctl("fs.fanotify.max_queued_events")
    (here / "file").touch()

    def make():
        for number in range(limit + 10):
            os.link(here / "file", here / str(number))

    with watching("--filesystem", here, "--json", "-e", "create") as process:
        stop(process)
        in_child(make)  # there is little to find out about a process that has ended
        process.send_signal(signal.SIGCONT)
        *events, overflow = (json.loads(process.stdout.readline()) for _ in range(limit + 1))
        one_line(process.stderr.readline().decode(), "overflow", f"fs.fanotify.max_queued_events is {limit}; 'sysctl ")
    assert [event["name"] for event in events] == [str(number) for number in range(limit)]
    assert overflow.pop("time") > 0
    process = {"pid": None, "comm": None, "cmdline": None, "ended": None}
    assert overflow == {"path": None, "name": None, "mask": 0x4000, "flags": ["FAN_Q_OVERFLOW"], **process}


def test_overflow_for_people():
    """The line of an overflow has neither path nor process."""
    line = text_line(Found(FanotifyEvent(3, FAN_Q_OVERFLOW, -1, 0)))
    assert re.fullmatch(r"\S+  Q_OVERFLOW +-", line)


def test_errors_of_a_filesystem():
    """An error that the filesystem found has no path, but an errno and a number."""
    records = struct.pack("=BBHqIi", 1, 0, 20, 0, 0, 0) + struct.pack("=BBHiI", 5, 0, 12, errno.EUCLEAN, 3)
    found = Found(FanotifyEvent(3, FAN_FS_ERROR, -1, 7, records))
    assert re.search(r"  FS_ERROR +-  errors: 3, the first: .*  by process 7 ", text_line(found))
    record = json.loads(json_line(found))
    assert (record["path"], record["error"], record["error_count"]) == (None, errno.EUCLEAN, 3)
    assert "path_unknown" not in record


def test_a_file_that_cannot_be_opened():
    """An event whose file could not be opened says why there is no path."""
    record = json.loads(json_line(Found(FanotifyEvent(3, FAN_OPEN, -errno.EACCES, 7))))
    assert record["path"] is None
    assert "security module" in record["path_unknown"]


@on_a_filesystem
def test_unmounted(here):
    """The command ends when the filesystem is unmounted."""
    os.chdir("/")  # and with this the command
    with watching("--filesystem", here, "-e", "create") as process:
        assert support.libc.umount2(os.fsencode(here), 0) == 0
        code, lines, said = finish(process)
    assert (code, lines) == (1, [])
    one_line(said, "nothing is left to watch", "unmounted")


@on_a_filesystem
def test_time_is_up_before_the_count(here):
    """-t with -n ends with 3 when fewer events than COUNT came, without -n with 0."""
    assert run("watch", "--filesystem", here, "-t", "0.1", "-n", "2", "-e", "create").returncode == 3
    assert run("watch", "--filesystem", here, "-t", "0.1").returncode == 0


@on_a_filesystem
def test_interrupted(here):
    """Ctrl-C ends the command with 130."""
    with watching("--filesystem", here, "-e", "create") as process:
        (here / "one").mkdir()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert finish(process) == (130, [], "")


@on_a_filesystem
def test_the_reader_ends(here):
    """As in a pipe to head -1, the command ends when its output has no reader."""
    reading, writing = os.pipe()
    with watching("--filesystem", here, "--json", "-e", "create", stdout=writing) as process:
        os.close(writing)
        (here / "one").mkdir()
        assert json.loads(os.read(reading, 1 << 16))["name"] == "one"
        os.close(reading)
        code, said = process.wait(60), process.stderr.read().decode()
    assert (code, said) == (141, "")


# what it cannot do


@on_a_filesystem
def test_a_mount_instead(here):
    """Where files have no handles, the mount is watched, and the command says so."""
    for name in "lower", "upper", "work", "merged":
        (here / name).mkdir()
    (here / "upper" / "file").touch()
    merged = here / "merged"
    raw_mount("overlay", merged, "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work,index=off,nfs_export=off")
    try:
        with watching("--filesystem", merged, "--json", "-n", "1", "-e", "open,access") as process:
            (merged / "directory").mkdir()
            with open(merged / "file"):
                (record,) = records(process)
        path = f"{merged}/file"
        assert record == {"path": path, "name": None, "mask": 0x20, "flags": ["FAN_OPEN"], **this_process()}
        done = run("watch", "--filesystem", merged, "-t", "0")
        one_line(done.stderr, f"watching the mount of {merged}", "only ACCESS, MODIFY", "no handles")
        refused = run("watch", "--filesystem", merged, "-e", "open,create,delete")
    finally:
        support.libc.umount2(os.fsencode(merged), 2)
    assert (refused.returncode, refused.stdout) == (1, "")
    one_line(refused.stderr, "no handles", "does not have CREATE, DELETE", f"'{merged}'")


@needs(kernel=(5, 15))
@needs_namespaces
def test_without_privileges(here):
    """The sentence names the capability, and what works without it."""
    done = run("watch", "--filesystem", here, preexec_fn=support.own_namespaces)
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "REPORT_PIDFD", "needs CAP_SYS_ADMIN in the first user namespace", "'butter watch PATH'")


@needs("CAP_SYS_ADMIN", kernel=(5, 15))
def test_a_missing_path(here):
    """A path that does not exist is named."""
    done = run("watch", "--filesystem", here / "missing")
    assert (done.returncode, done.stdout) == (1, "")
    one_line(done.stderr, "the path does not exist", f"'{here}/missing'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filesystem", ".", "."], "not both"),
        (["-e", "create,rename,open_exec", "."], "open_exec, rename: only --filesystem and --who have such events"),
        (["--filesystem", ".", "-e", "isdir"], "'isdir' is not an event"),
        (["--who", "-e", "fs_error", "."], "fs_error: only --filesystem has such events"),
        (["--filesystem", ""], "--filesystem: the path is empty"),
    ],
)
def test_wrong_arguments(arguments, words, capsys):
    """One line says which arguments do not go together."""
    one_line(refusal(capsys, *arguments), words, "'butter watch --help' tells more")


def test_events_have_the_same_numbers():
    """An event has one number in inotify and fanotify, as -e takes it for granted."""
    both = {name: bit for name, bit in EVENTS.items() if name.upper() in BITS}
    assert len(both) == 15
    assert {name.upper(): bit for name, bit in both.items()}.items() <= BITS.items()
