"""Starting a program: each option, each step that fails, each trap of shared memory."""

import contextlib
import ctypes
import errno
import fcntl
import gc
import io
import os
import pty
import re
import resource
import select
import signal
import socket
import sys
import termios
import threading
from pathlib import Path

import pytest
import support
from support import KINDS, alone, in_child, inject, needs, needs_cgroup, needs_namespaces, own_cgroup, until

import butter
from butter import _clone_spawn
from butter._clone_spawn import _Birth
from butter._clone_spawn_c import ffi
from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    DEVNULL,
    PIPE,
    STDOUT,
    Namespace,
    spawn,
)
from butter.errors import InvalidArgument, InvalidPath, PathNotADirectory, PathNotFound
from butter.pidfd import P_ALL, P_PID, WEXITED, WNOWAIT, Pidfd, waitid
from butter.signalfd import Signalfd
from butter.system import MS_BIND, MS_MOVE, MS_REC, MS_REMOUNT, MS_SHARED, Mount

pytestmark = needs(kernel=(5, 4))

ALL = sum(KINDS.values())
# as this user is called inside and outside
OWN = {"uid_map": [(0, os.geteuid(), 1)], "gid_map": [(0, os.getegid(), 1)]}
needs_root = needs("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_SYS_CHROOT")
# whether a middle child makes that of the program
MIDDLE = [False, pytest.param(True, marks=needs_root)]
# for waits that find children of every kind
_WALL = 0x40000000
# PR_GET_DUMPABLE, PR_SET_DUMPABLE
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4


def output(argv, **options):
    """The output of a program, or of a script for the shell."""
    if isinstance(argv, str):
        argv = ["/bin/sh", "-c", argv]
    with spawn(argv, stdout=PIPE, timeout=60, **options) as child:
        text = child.stdout.read()
        assert child.wait(60) == 0, text
        return os.fsdecode(text).removesuffix("\n")


def run(argv, **options):
    """The exit code of a program."""
    with spawn(argv, timeout=60, **options) as child:
        return child.wait(60)


def status(**options):
    """The fields of a program's ``/proc/self/status``."""
    return dict(line.split(":\t", 1) for line in output(["cat", "/proc/self/status"], **options).splitlines())


def namespace(kind, pid="thread-self"):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


@contextlib.contextmanager
def joining(middle=True, *new):
    """Options of a child that joins a namespace beside a new one, or none."""
    if not middle:
        yield {}
        return
    with contextlib.closing(Namespace.current("uts")) as own:
        yield {"namespaces": [*(new or [CLONE_NEWIPC]), own]}


@contextlib.contextmanager
def namespaces_of(pid, *kinds):
    """The namespaces of a process, of all kinds by default."""
    with contextlib.ExitStack() as stack:
        found = (Namespace(f"/proc/{pid}/ns/{kind}") for kind in kinds or KINDS)
        yield [stack.enter_context(contextlib.closing(each)) for each in found]


@contextlib.contextmanager
def sleeping(**options):
    """A program that sleeps meanwhile."""
    with spawn(["sleep", "600"], timeout=60, **options) as child:
        try:
            yield child
        finally:
            child.kill()
            child.wait()


def no_child_is_left():
    """This process, which had no children before, has none."""
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG | _WALL)


# the program


def test_it_is_a_pidfd():
    """A spawned program is waited for, signalled and selected as any other Pidfd."""
    with spawn(["sh", "-c", "exit 7"]) as child:
        assert isinstance(child, Pidfd)
        assert select.select([child], [], [], 60)[0] == [child]
        assert child.wait() == child.returncode == 7
    with spawn(["sleep", "60"]) as child:
        assert Path(f"/proc/{child.pid}/cmdline").read_bytes() == b"sleep\x0060\0"
        child.terminate()
        assert child.wait() == -signal.SIGTERM


def test_infinite_timeout():
    """A timeout of infinity is none."""
    with spawn(["true"], timeout=float("inf")) as child:
        assert child.wait() == 0


def test_arguments_of_each_type(tmp_path):
    """Arguments are str, bytes or paths, and arrive byte for byte."""
    odd = b"\xff \n'"
    assert os.fsencode(output([b"printf", "%s|%s|%s", odd, tmp_path, ""])) == odd + b"|" + bytes(tmp_path) + b"|"


@pytest.mark.parametrize("env", [{}, {"A": "1", b"B": b"\xff"}, {"PATH": "/bin:/usr/bin", "A": ""}])
def test_environment(env):
    """The environment is the one that was passed, and nothing beside it."""
    found = os.fsencode(output(["/usr/bin/env"], env=env))
    expected = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env.items()]
    assert sorted(found.split(b"\n") if found else []) == sorted(expected)


def test_environment_of_this_process(monkeypatch):
    """Without env the program has os.environ, as it is when spawn is called."""
    monkeypatch.setenv("BUTTER_TEST", "inherited")
    assert output("echo $BUTTER_TEST") == "inherited"


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_search_path(tmp_path):
    """A name without a slash is looked for along path, or else along PATH of env."""
    for name in "one", "two":
        script(tmp_path / name / "prog", f"echo {name}")
    one, two = tmp_path / "one", tmp_path / "two"
    assert output(["prog"], path=f"{tmp_path}/none:{two}:{one}") == "two"
    assert output(["prog"], env={"PATH": f"{one}:{two}"}) == "one"
    assert output(["prog"], env={"PATH": str(one)}, path=str(two)) == "two"
    assert output(["prog"], path="/none:", cwd=two) == "two"
    assert output(["./prog"], path="/none", cwd=one) == "one"


def test_search_passes_over_what_cannot_be_run(tmp_path):
    """A file without permission is passed over, and the error if none is found."""
    script(tmp_path / "one" / "prog", "echo one").chmod(0o644)
    script(tmp_path / "two" / "prog", "echo two")
    assert output(["prog"], path=f"{tmp_path}/one:{tmp_path}/two") == "two"
    with pytest.raises(PermissionError, match=r"^.Errno 13. spawn\(argv\): "):
        spawn(["prog"], path=f"{tmp_path}/one:{tmp_path}/none")


def test_search_passes_over_every_error(tmp_path):
    """A file that is not a program, or a loop, is passed over, and the first error."""
    script(tmp_path / "one" / "prog", "").write_text("not a program")
    (tmp_path / "two").mkdir()
    os.symlink("prog", tmp_path / "two" / "prog")
    script(tmp_path / "three" / "prog", "echo three")
    one, two, three = (str(tmp_path / name) for name in ("one", "two", "three"))
    assert output(["prog"], path=f"{one}:{two}:{tmp_path}/{'n' * 256}:{three}") == "three"
    for order, number in ((two, one), errno.ELOOP), ((one, two), errno.ENOEXEC):
        with pytest.raises(OSError, match=r"spawn\(argv\): ") as caught:
            spawn(["prog"], path=":".join(["/none", *order, "/dev/null"]))
        assert caught.value.errno == number


@alone
def test_program_that_does_not_exist():
    """A missing program is a FileNotFoundError with its name, and no child is left."""
    with pytest.raises(FileNotFoundError, match=r"spawn\(argv\): the program") as caught:
        spawn(["no-such-program", "argument"])
    assert caught.value.filename == "no-such-program"
    no_child_is_left()


BAD = {
    "a str": (TypeError, "argv must be a list", "true", {}),
    "bytes": (TypeError, "argv must be a list", b"true", {}),
    "no argv": (ValueError, "argv is empty", [], {}),
    "no program": (ValueError, "is empty", [""], {}),
    "a set": (TypeError, "argv must be a list of .*, not set", {"true"}, {}),
    "a dict": (TypeError, "argv must be a list of .*, not dict", {"true": 1}, {}),
    "nothing": (TypeError, "argv must be a list of .*, not NoneType", None, {}),
    "None": (TypeError, r"argv.0. must be str, .*, not NoneType", [None], {}),
    "a number": (TypeError, r"argv.1. must be str, .*, not int", ["true", 5], {}),
    "NUL": (ValueError, r"null byte in argv.1.", ["true", "a\0b"], {}),
    "NUL in cwd": (ValueError, "null byte in cwd", ["true"], {"cwd": "a\0b"}),
    "NUL in env": (ValueError, "null byte", ["true"], {"env": {"A": "\0"}}),
    "NUL in path": (ValueError, "null byte in path", ["true"], {"path": "a\0b"}),
    "path type": (TypeError, "path must be str", ["true"], {"path": ["/bin"]}),
    "cwd type": (TypeError, "cwd must be str", ["true"], {"cwd": 5}),
    "root type": (TypeError, "root must be str", ["true"], {"root": ["/"]}),
    "name of env": (ValueError, "env: 'A=' is not the name of a variable", ["true"], {"env": {"A=": ""}}),
    "hostname": (ValueError, "CLONE_NEWUTS", ["true"], {"hostname": "name"}),
    "hostname type": (TypeError, "hostname", ["true"], {"hostname": 5, "namespaces": CLONE_NEWUTS}),
    "long hostname": (ValueError, "64", ["true"], {"hostname": "n" * 65, "namespaces": CLONE_NEWUTS}),
    "uid_map": (ValueError, "CLONE_NEWUSER", ["true"], {"uid_map": [(0, 0, 1)]}),
    "gid_map": (ValueError, "CLONE_NEWUSER", ["true"], {"gid_map": [(0, 0, 1)], "namespaces": CLONE_NEWNS}),
    "a wrong map": (TypeError, "uid_map", ["true"], {"uid_map": [(0, 0)], "namespaces": CLONE_NEWUSER}),
    "a map of what": (TypeError, "uid_map must be a list", ["true"], {"uid_map": 5, "namespaces": CLONE_NEWUSER}),
    "a bool in a map": (TypeError, "in gid_map .* not bool", ["true"],
                        {"gid_map": [(0, 0, True)], "namespaces": CLONE_NEWUSER}),
    "namespaces": (TypeError, "namespaces must be a list", ["true"], {"namespaces": None}),
    "a name of namespaces": (TypeError, "an entry of namespaces must be", ["true"], {"namespaces": ["net"]}),
    "namespaces without order": (TypeError, "namespaces must be a list", ["true"], {"namespaces": {CLONE_NEWNET}}),
    "namespaces as a bool": (TypeError, "namespaces must be", ["true"], {"namespaces": True}),
    "flags": (ValueError, "unknown bits 0x200", ["true"], {"namespaces": 0x200}),
    "no namespace": (ValueError, "is not a namespace", ["true"], {"namespaces": sys.__stdin__}),
    "mounts": (ValueError, "CLONE_NEWNS", ["true"], {"mounts": [("a", "/b")]}),
    "mounts type": (TypeError, "mounts must be a list", ["true"], {"mounts": 5}),
    **{
        f"a wrong mount {number}": (error, words, ["true"], {"mounts": [entry], "namespaces": CLONE_NEWNS})
        for number, (error, words, entry) in enumerate([
            (TypeError, "mounts must be a list of tuples", "/a"),
            (TypeError, "mounts must be a list of tuples", ("a",)),
            (TypeError, "mounts must be .*: a Mount has its flags already", (sys.__stdin__, "/a", None)),
            (TypeError, "mounts: source must be str", (5, "/a")),
            (TypeError, "mounts: target must be str", ("a", None)),
            (TypeError, "mounts: fs must be str", ("a", "/a", 5)),
            (TypeError, "mounts: flags must be an int, not bool", ("a", "/a", "tmpfs", True)),
            (TypeError, "mounts: data must be", ("a", "/a", "tmpfs", 0, 5)),
            (ValueError, "mounts: data has 5000 bytes", ("a", "/a", "tmpfs", 0, "d" * 5000)),
        ])
    },
    "session and group": (ValueError, "process_group", ["true"], {"new_session": True, "process_group": 5}),
    "process_group": (ValueError, "process_group", ["true"], {"process_group": -1}),
    "umask": (ValueError, "umask", ["true"], {"umask": 0o1000}),
    "nice": (TypeError, "nice", ["true"], {"nice": "5"}),
    **{
        f"{option} as a bool": (TypeError, f"{option} must be .*, not bool", ["true"], {option: True})
        for option in ("process_group", "umask", "nice", "group", "user", "pdeathsig", "cgroup", "foreground", "stdin")
    },
    **{
        f"a bool in {option}": (TypeError, f"an entry of {option} must be .*, not bool", ["true"], {option: [True]})
        for option in ("groups", "capabilities", "signals", "pass_fds")
    },
    **{
        f"{option} as text": (TypeError, f"{option} must be True or False", ["true"], {option: "no"})
        for option in ("new_session", "no_new_privs")
    },
    "rlimits name": (TypeError, "a key of rlimits must be a number", ["true"], {"rlimits": {"nofile": (5, 5)}}),
    "rlimits bool": (TypeError, "RLIMIT_NOFILE.* not bool", ["true"], {"rlimits": {resource.RLIMIT_NOFILE: (True, 5)}}),
    "cgroup number": (ValueError, "cgroup is -1", ["true"], {"cgroup": -1}),
    "cgroup closed": (InvalidArgument, r"spawn\(cgroup\): descriptor 999", ["true"], {"cgroup": 999}),
    "foreground closed": (InvalidArgument, r"spawn\(foreground\): descriptor 999", ["true"], {"foreground": 999}),
    "no descriptor": (TypeError, "stdin is StringIO, which does not have", ["true"], {"stdin": io.StringIO()}),
    "rlimits": (ValueError, "rlimits", ["true"], {"rlimits": {7: (-2, 5)}}),
    "stdin": (ValueError, "stdin is -2", ["true"], {"stdin": STDOUT}),
    "stdout": (ValueError, "stdout is -9", ["true"], {"stdout": -9}),
    "stderr type": (TypeError, "stderr must be a path", ["true"], {"stderr": 2.5}),
    "pass_fds": (ValueError, "pass_fds", ["true"], {"pass_fds": [-1]}),
    "pass_fds type": (TypeError, "pass_fds must be a list", ["true"], {"pass_fds": 5}),
    "pass_fds key": (TypeError, "a key of pass_fds must be", ["true"], {"pass_fds": {"0": 0}}),
    "pass_fds value": (TypeError, "a value of pass_fds must be", ["true"], {"pass_fds": {0: "0"}}),
    "twice": (ValueError, "the number 1 ", ["true"], {"pass_fds": {1: 0}, "stdout": PIPE, "stdin": PIPE}),
    "groups": (TypeError, "groups", ["true"], {"groups": "audio"}),
    "group bytes": (TypeError, "an entry of groups must be a number or a name", ["true"], {"groups": [b"audio"]}),
    "user bytes": (TypeError, "user must be a number or a name", ["true"], {"user": b"root"}),
    "NUL in user": (ValueError, "user: there is no user", ["true"], {"user": "a\0b"}),
    "group": (ValueError, "no group 'none such'", ["true"], {"group": "none such"}),
    "user": (ValueError, "no user 'none such'", ["true"], {"user": "none such"}),
    "user unchanged": (ValueError, "not an id", ["true"], {"user": 2**32 - 1}),
    "group unchanged": (ValueError, "not an id", ["true"], {"group": 2**32 - 1}),
    "groups unchanged": (ValueError, "not an id", ["true"], {"groups": [2**32 - 1]}),
    "user number": (ValueError, "user", ["true"], {"user": -1}),
    "capabilities": (ValueError, "capabilities", ["true"], {"capabilities": [64]}),
    "pdeathsig": (ValueError, "pdeathsig", ["true"], {"pdeathsig": 65}),
    "capabilities type": (TypeError, "capabilities must be a list", ["true"], {"capabilities": 10}),
    "capabilities name": (TypeError, "an entry of capabilities must", ["true"], {"capabilities": ["NET_RAW"]}),
    "pdeathsig type": (TypeError, "pdeathsig must be a signal", ["true"], {"pdeathsig": "TERM"}),
    "signals": (ValueError, "signals is 65, and signals are 1 to 64", ["true"], {"signals": [65]}),
    "SIGKILL": (ValueError, "signals: no program blocks SIGKILL", ["true"], {"signals": [signal.SIGKILL]}),
    "SIGSTOP": (ValueError, "signals: no program blocks SIGSTOP", ["true"], {"signals": [signal.SIGSTOP]}),
    "signals type": (TypeError, "signals must be a list", ["true"], {"signals": 9}),
    "rlimits type": (TypeError, "rlimits must be {resource", ["true"], {"rlimits": [(7, (5, 5))]}),
    "one limit": (TypeError, "RLIMIT_NOFILE. must be .soft, hard.", ["true"], {"rlimits": {resource.RLIMIT_NOFILE: 5}}),
    "env type": (TypeError, "env must be a mapping", ["true"], {"env": []}),
    "env value": (TypeError, "env: the value of 'A' must be str or bytes, not int", ["true"], {"env": {"A": 5}}),
    "env name": (TypeError, "env: a name must be str or bytes, not int", ["true"], {"env": {5: "A"}}),
    "timeout": (ValueError, "timeout", ["true"], {"timeout": -1}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, monkeypatch):
    """Bad input is refused before anything starts, and leaves nothing open."""
    error, words, argv, options = BAD[name]
    monkeypatch.setattr("butter._clone_spawn._Birth.start", lambda *_, **__: pytest.fail("a child was made"))
    with pytest.raises(error, match=words):
        spawn(argv, **options)


def test_bad_environment_stays_secret():
    """The error about a null byte names the variable, and has no value of any."""
    with pytest.raises(ValueError, match="null byte in the value of 'TOKEN'") as caught:
        spawn(["true"], env={"OTHER": "hidden", "TOKEN": "hid\0den"})
    assert "hid" not in str(caught.value)


# its descriptors


def test_pipes():
    """PIPE makes a pipe, whose other end is a file that the object closes."""
    with spawn(["sh", "-c", "cat; echo error >&2"], stdin=PIPE, stdout=PIPE, stderr=PIPE) as child:
        child.stdin.write(b"input\n")
        child.stdin.close()
        assert (child.stdout.read(), child.stderr.read()) == (b"input\n", b"error\n")
        child.wait()
    assert child.stdout.closed
    assert child.stderr.closed


def test_close_closes_the_pipes():
    """The pipes are closed with the object, by close() too."""
    child = spawn(["true"], stdin=PIPE, stdout=PIPE, stderr=PIPE)
    child.wait()
    child.close()
    assert child.stdin.closed
    assert child.stdout.closed
    assert child.stderr.closed


def test_streams_of_each_kind(tmp_path):
    """A stream is a number, an object, a path, DEVNULL, or STDOUT for stderr."""
    with open(tmp_path / "out", "wb+") as out, open(tmp_path / "in", "wb+", buffering=0) as into:
        into.write(b"from a file\n")
        into.seek(0)
        assert run(["sh", "-c", "cat; echo error >&2"], stdin=into, stdout=out.fileno(), stderr=STDOUT) == 0
        assert (tmp_path / "out").read_bytes() == b"from a file\nerror\n"
    assert (
        run(["sh", "-c", "cat; echo >&2"], stdin=tmp_path / "out", stdout=tmp_path / "in", stderr=f"{tmp_path}/e") == 0
    )
    assert (tmp_path / "in").read_bytes() == b"from a file\nerror\n"
    assert (tmp_path / "e").read_bytes() == b"\n"
    assert output("cat; echo lost >&2", stdin=DEVNULL, stderr=DEVNULL) == ""


@pytest.mark.parametrize("namespaces", [0, CLONE_NEWUSER])
def test_file_that_waits(namespaces, tmp_path):
    """A FIFO waits for its other end in the child, so the timeout covers it."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TimeoutError):
        spawn(["cat"], stdin=tmp_path / "fifo", namespaces=namespaces, timeout=0.05)
    with support.running((tmp_path / "fifo").write_text, "through a FIFO"):
        assert output(["cat"], stdin=tmp_path / "fifo", namespaces=namespaces) == "through a FIFO"


@needs_root
def test_file_of_another_user(tmp_path):
    """The files are opened with the rights of this process, not the program's."""
    secret = tmp_path / "secret"
    secret.write_text("mine")
    secret.chmod(0)
    os.chown(secret, 12345, 12345)
    assert output(["cat"], stdin=secret, namespaces=CLONE_NEWUSER) == "mine"
    assert output(["cat"], stdin=secret, user=54321) == "mine"


def test_errors_go_to_a_passed_stdout(pipe):
    """stderr=STDOUT is the program's own stdout, also where pass_fds has that one."""
    assert run(["sh", "-c", "echo error >&2"], stderr=STDOUT, pass_fds={1: pipe.writing}) == 0
    assert os.read(pipe.reading, 99) == b"error\n"


def test_streams_are_exchanged(tmp_path):
    """Each stream may be the number that another has here."""

    def body():
        for number, name in enumerate("abc"):
            fd = os.open(tmp_path / name, os.O_RDWR | os.O_CREAT)
            os.dup2(fd, number)
            os.close(fd)
        assert run(["sh", "-c", "echo 0 >&0; echo 1 >&1; echo 2 >&2"], stdin=1, stdout=2, stderr=0) == 0

    in_child(body)
    assert [(tmp_path / name).read_text() for name in "abc"] == ["2\n", "0\n", "1\n"]


def listed(**options):
    """The descriptors of a program, but that of the listing itself."""
    lines = output(["ls", "-l", "/proc/self/fd"], **options).splitlines()
    found = dict(line.rpartition(" -> ")[::2] for line in lines if " -> " in line)
    return {int(left.split()[-1]): what for left, what in found.items() if not what.startswith("/proc/")}


@pytest.mark.parametrize("hidden", [None, errno.ENOSYS, errno.EINVAL])
def test_other_descriptors_are_closed(hidden):
    """A program has its streams and pass_fds alone, without close_range too."""

    def body():
        for fd in range(20, 40):
            os.dup2(0, fd, inheritable=fd % 2)
        if hidden:
            inject("close_range", hidden)
        return set(listed(pass_fds=[25, 30])), set(listed())

    assert in_child(body) == ({0, 1, 2, 25, 30}, {0, 1, 2})


def test_passed_descriptors_change_places(pipe, pipe2):
    """The numbers in the program may be those of other descriptors here."""
    one, two = pipe.writing, pipe2.writing
    ours, theirs = support.descriptors(), listed(pass_fds={two: one, one: two})
    assert (theirs[one], theirs[two]) == (ours[two], ours[one])


def test_passed_descriptor_with_the_number_of_the_connection():
    """The connection between the two processes gives way, wherever it is."""

    def body():
        free = os.dup(0)
        os.close(free)
        numbers = dict.fromkeys(range(free, free + 6), 0)
        return set(listed(pass_fds=numbers)) == {0, 1, 2, *numbers}

    assert in_child(body)


def test_closed_descriptor():
    """A descriptor that is not open is InvalidArgument, which names it."""
    with pytest.raises(InvalidArgument, match=r"spawn\(pass_fds\): descriptor 999 is not open"):
        spawn(["true"], pass_fds=[0, 999])


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr", "pass_fds"])
def test_closed_descriptor_whose_number_spawn_needs(name):
    """A closed descriptor is not replaced by a pipe or directory that spawn opens."""

    def body():
        rest = dict.fromkeys({"stdin", "stdout", "stderr"} - {name}, PIPE)
        for number in sorted(set(range(3, 32)) - set(support.descriptors())):
            with pytest.raises(InvalidArgument, match=rf"spawn\({name}\): descriptor {number} is not open"):
                spawn(["true"], cgroup="/", **{name: [number] if name == "pass_fds" else number}, **rest)
        os.close(1)
        with pytest.raises(InvalidArgument, match=r"spawn\(stderr\): descriptor 1 is not open"):
            spawn(["true"], stdin=PIPE, stderr=STDOUT)

    in_child(body)


def test_number_above_the_limit():
    """A number that is above the limit is refused, and the limit is named."""

    def body():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with pytest.raises(InvalidArgument, match="RLIMIT_NOFILE is 64"):
            spawn(["true"], pass_fds={64: 0})

    in_child(body)


# what surrounds it


def test_cwd_and_umask(tmp_path):
    """The program has a working directory and umask of its own."""
    before = os.getcwd()
    assert output("pwd; umask", cwd=tmp_path, umask=0o27) == f"{tmp_path}\n0027"
    assert os.getcwd() == before


def test_nice():
    """nice adds to the priority that this process has."""

    def body():
        # whatever the priority of the tests is
        own = os.nice(3)
        assert output(["nice"], nice=4) == str(min(own + 4, 19))
        assert output(["nice"], nice=100) == "19"
        assert os.nice(0) == own

    in_child(body)


def test_rlimits():
    """Limits are set, -1 is infinity, and those of this process stay."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limits = {resource.RLIMIT_CORE: (0, hard), resource.RLIMIT_NOFILE: (20, 30)}
    assert output("ulimit -c; ulimit -Sn; ulimit -Hn", rlimits=limits) == "0\n20\n30"
    assert resource.getrlimit(resource.RLIMIT_CORE) == (soft, hard)
    if hard == resource.RLIM_INFINITY:
        assert output("ulimit -c", rlimits={resource.RLIMIT_CORE: (-1, -1)}) == "unlimited"


def test_limit_of_descriptors_below_a_stream():
    """A limit that the program's streams do not fit into is named."""
    with pytest.raises(InvalidArgument, match=r"a stream, or .* RLIMIT_NOFILE"):
        spawn(["true"], stdout=PIPE, rlimits={resource.RLIMIT_NOFILE: (0, 0)})


@needs(kernel=(5, 11))
def test_limit_of_descriptors_below_those_in_use():
    """A limit of descriptors that is lower than the numbers in use hinders no step."""

    def body():
        for fd in range(50, 60):
            os.dup2(0, fd)
        return output("ulimit -n", rlimits={resource.RLIMIT_NOFILE: (5, 5)})

    assert in_child(body) == "5"


def process(text):
    """``(process group, session, foreground group)`` from ``/proc/<pid>/stat``."""
    fields = text.rpartition(")")[2].split()
    return int(fields[2]), int(fields[3]), int(fields[5])


def test_session_and_process_group():
    """A program is in this process's session and group, or in another."""
    assert process(output(["cat", "/proc/self/stat"]))[:2] == (os.getpgid(0), os.getsid(0))
    with spawn(["sleep", "60"], process_group=0) as leader, spawn(["sleep", "60"], new_session=True) as alone:
        assert (os.getpgid(leader.pid), os.getsid(leader.pid)) == (leader.pid, os.getsid(0))
        assert (os.getpgid(alone.pid), os.getsid(alone.pid)) == (alone.pid, alone.pid)
        assert process(output(["cat", "/proc/self/stat"], process_group=leader.pid))[0] == leader.pid
        with pytest.raises(PermissionError, match=r"spawn\(process_group\)"):
            spawn(["true"], process_group=alone.pid)
        for child in leader, alone:
            child.kill()
            child.wait()


def test_foreground_of_a_new_session():
    """A new session gets the terminal, and the program is in its foreground."""
    ours, theirs = pty.openpty()
    with open(ours, "rb+", buffering=0), open(theirs, "rb+", buffering=0) as terminal:
        child = spawn(["sleep", "60"], new_session=True, foreground=terminal)
        assert os.tcgetpgrp(ours) == child.pid
        child.kill()
        child.wait()
        child.close()


def test_foreground_within_a_session():
    """A process group gets the foreground of the terminal, from the background too."""

    def body():
        _, theirs = pty.openpty()
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        with spawn(["sleep", "60"], process_group=0, foreground=theirs) as child:
            # from the background: it would stop a program that did not block SIGTTOU
            with spawn(["sleep", "60"], process_group=0, foreground=theirs) as second:
                found = os.tcgetpgrp(theirs) == second.pid
                second.kill()
                second.wait()
            child.kill()
            child.wait()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return found

    assert in_child(body)


def test_foreground_of_something_else(pipe):
    """A descriptor that is not this session's terminal is refused."""
    with pytest.raises(OSError, match=r"spawn\(foreground\): .*is not the terminal"):
        spawn(["true"], foreground=pipe.reading)


# ids and rights


@needs_root
def test_ids():
    """User, group and groups are numbers or names."""
    found = status(user=1234, group=2345, groups=[1, 77])
    assert (found["Uid"].split(), found["Gid"].split()) == (["1234"] * 4, ["2345"] * 4)
    assert found["Groups"].split() == ["1", "77"]
    assert status(groups=[])["Groups"].split() == []
    assert output("id -un; id -gn; id -Gn", user="daemon", group="bin", groups=["sys"]) == "daemon\nbin\nbin sys"


@needs_root
@pytest.mark.parametrize(
    "options",
    [
        {"user": 1234},
        {"group": 1234},
        {"groups": [5], "user": 1234},
        {"user": 1234, "namespaces": CLONE_NEWNET},
        {"groups": [5], "capabilities": [10], "no_new_privs": True, "pdeathsig": signal.SIGTERM},
        {"namespaces": ALL, "capabilities": [], "mounts": [("tmpfs", "/tmp", "tmpfs")], "cwd": "/tmp", **OWN},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("argv", [["true"], ["no-such-program"]], ids=str)
def test_ids_leave_this_process_as_it_is(argv, options):
    """Whether the program starts or not, this process stays dumpable."""

    def body():
        assert support.libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0) == 0
        stop, seen = threading.Event(), set()

        def watch():
            while not stop.is_set():
                seen.add(support.libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for _ in range(3):
                try:
                    run(argv, path="/bin", **options)
                except FileNotFoundError:
                    pass
        finally:
            stop.set()
            watcher.join()
        return seen

    assert in_child(body) == {1}


@contextlib.contextmanager
def stranger_s_user_namespace():
    """The namespace of a process of another user."""
    ready, write = os.pipe()
    other = os.fork()
    if other == 0:
        try:
            os.setresgid(1234, 1234, 1234)
            os.setresuid(1234, 1234, 1234)
            support.libc.unshare(CLONE_NEWUSER)
            os.write(write, b"1")
            signal.pause()
        finally:
            os._exit(1)
    try:
        assert os.read(ready, 1) == b"1"
        with contextlib.closing(Namespace(f"/proc/{other}/ns/user")) as joined:
            yield joined
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
        os.close(ready)
        os.close(write)


@needs_root
@alone
@pytest.mark.parametrize("new", [0, CLONE_NEWUTS])
def test_joining_a_stranger_s_user_namespace(new):
    """A child that joins another user's namespace leaves this process dumpable."""
    # In shared memory the kernel would see that the memory is now that of a process
    # with the rights of a namespace, and make the files in /proc of both root's.
    with stranger_s_user_namespace() as joined:
        assert support.libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0) == 0
        options = {"namespaces": [new, joined]}
        assert run(["true"], **options) == 0
        with pytest.raises(FileNotFoundError):
            spawn(["no-such-program"], **options)
        with pytest.raises(InvalidArgument, match="has no number in the user namespace"):
            spawn(["true"], user=4321, **options)
        assert support.libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0) == 1


@needs_root
def test_ids_are_not_this_process_s():
    """This process keeps its ids: no call tells its other threads of new ones."""

    def body():
        before = os.getresuid(), os.getresgid(), os.getgroups()
        status(user=1234, group=1234, groups=[1])
        return before == (os.getresuid(), os.getresgid(), os.getgroups())

    assert in_child(body)


SETS = "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"


@needs_root
@pytest.mark.parametrize("user", [None, 1234])
@pytest.mark.parametrize("kept", [{10, 12}, set()], ids=str)
def test_capabilities(user, kept):
    """The program has these capabilities in all of its five sets, and no others."""
    found = status(user=user, capabilities=kept)
    expected = sum(1 << number for number in kept)
    assert {name: int(found[name], 16) for name in SETS} == dict.fromkeys(SETS, expected)


@needs_root
def test_capability_that_this_process_lacks():
    """A capability that is not permitted here is PermissionError."""

    def body():
        support.become_nobody()
        spawn(["true"], capabilities={10})

    with pytest.raises(PermissionError, match=r"spawn\(capabilities\)"):
        in_child(body)


def test_no_new_privs():
    """The program cannot gain rights, and this process still can."""
    assert status(no_new_privs=True)["NoNewPrivs"] == "1"
    assert status()["NoNewPrivs"] == "0"


def ended(pipe):
    """The content of a pipe, once no process has its writing end any more."""
    pipe.close_writing()
    assert select.select([pipe.reading], [], [], 60)[0]
    return os.read(pipe.reading, 99)


@pytest.mark.parametrize("user", [None, pytest.param(1234, marks=needs_root)])
@pytest.mark.parametrize("middle", MIDDLE)
def test_death_signal(pipe, user, middle):
    """The program is killed when this process dies, with another user too."""

    def body():
        with joining(middle, CLONE_NEWPID) as options:
            death = signal.SIGKILL
            programs.append(spawn(["sleep", "600"], pdeathsig=death, user=user, pass_fds=[pipe.writing], **options))

    programs = []
    in_child(body)
    assert ended(pipe) == b""


# signals


def numbers(mask):
    return {number for number in range(1, 65) if int(mask, 16) >> number - 1 & 1}


@pytest.mark.parametrize("hidden", [None, "clone3"])
@alone
def test_signals_are_as_at_the_start_of_a_program(hidden):
    """The program inherits ignored signals, but none that Python ignores."""
    if hidden:
        inject(hidden, errno.ENOSYS)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR2, signal.SIGRTMIN])
    found = status()
    assert numbers(found["SigBlk"]) == numbers(found["SigCgt"]) == set()
    own = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    assert signal.SIGHUP in numbers(found["SigIgn"])
    assert numbers(found["SigIgn"]) == numbers(own["SigIgn"]) - {signal.SIGPIPE, signal.SIGXFSZ}
    assert numbers(status(signals=[signal.SIGUSR1, 64])["SigBlk"]) == {signal.SIGUSR1, 64}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == {signal.SIGTERM, signal.SIGUSR2, signal.SIGRTMIN}


@alone
def test_child_of_a_program_with_a_signalfd():
    """A program that is started inside ``with Signalfd`` can be terminated."""
    with Signalfd([signal.SIGTERM, signal.SIGCHLD]), spawn(["sleep", "60"]) as child:
        child.terminate()
        assert child.wait(60) == -signal.SIGTERM


@alone
@pytest.mark.parametrize("middle", MIDDLE)
def test_ignored_children(middle):
    """Where SIGCHLD is ignored programs start, and a step that fails is told."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with joining(middle) as options:
        if support.kernel() >= (6, 15):
            assert output(["cat"], stdin=DEVNULL, **options) == ""
        else:
            spawn(["true"], **options).close()
        with pytest.raises(FileNotFoundError):
            spawn(["no-such-program"], **options)


@needs_root
@alone
def test_signals_of_the_children():
    """The end of the program sends SIGCHLD, and no other child does."""
    with Signalfd([signal.SIGCHLD]) as signals, joining() as options:
        with spawn(["true"], **options) as child:
            assert signals.read_event().pid == child.pid
            child.wait()
        with pytest.raises(FileNotFoundError):
            spawn(["no-such-program"], **options)
        assert not select.select([signals], [], [], 0)[0]


# namespaces


@needs_namespaces
@pytest.mark.parametrize("kind", KINDS)
def test_new_namespaces(kind):
    """Each kind of namespace is the program's own, and this thread keeps its own."""
    before = {name: namespace(name) for name in KINDS}
    options = {"namespaces": KINDS[kind]} if support.capable("CAP_SYS_ADMIN") else {}
    options = options or {"namespaces": KINDS[kind] | CLONE_NEWUSER, **OWN}
    text = output("for name in " + " ".join(KINDS) + "; do readlink /proc/self/ns/$name; done", **options)
    found = dict(zip(KINDS, text.splitlines()))
    changed = {name for name in KINDS if found[name] != before[name]}
    assert changed in ({kind}, {kind, "user"})
    assert {name: namespace(name) for name in KINDS} == before


@needs_namespaces
def test_all_namespaces_at_once():
    """A program in new namespaces of all kinds is root and the first process there."""
    text = output("id -u; echo $$; cat /proc/self/uid_map", namespaces=ALL, **OWN)
    assert text.split() == ["0", "1", "0", str(os.geteuid()), "1"]


@needs_namespaces
def test_namespaces_of_a_user():
    """A user without rights maps its own ids."""

    def body():
        support.become_nobody()
        user, group = os.getuid(), os.getgid()
        options = {"uid_map": [(0, user, 1)], "gid_map": [(5, group, 1)]}
        return output("id -u; id -g; hostname", namespaces=ALL, hostname="inside", **options).split()

    assert in_child(body) == ["0", "5", "inside"]


@needs_root
def test_several_ranges():
    """Maps have several ranges, which only a process outside can write."""
    maps = [(0, 1000, 10), (10, 5000, 5)]
    text = output("cat /proc/self/uid_map /proc/self/gid_map", namespaces=CLONE_NEWUSER, uid_map=maps, gid_map=maps)
    assert text.split() == ["0", "1000", "10", "10", "5000", "5"] * 2
    assert output("id -u; id -g", namespaces=CLONE_NEWUSER, uid_map=maps, gid_map=maps, user=12, group=3) == "12\n3"


@alone
@needs_namespaces
def test_maps_that_are_refused():
    """A map that the kernel refuses is an error of its option, and no child is left."""
    support.become_nobody()
    before = support.descriptors()
    for name in "uid_map", "gid_map":
        with pytest.raises(OSError, match=rf"spawn\({name}\): "):
            spawn(["true"], namespaces=CLONE_NEWUSER, **{name: [(0, 0, 2)]})
    no_child_is_left()
    assert support.descriptors() == before


@alone
@needs_namespaces
@needs_root
def test_maps_after_a_change_of_ids():
    """A process that has changed its ids is told why it cannot write the maps."""
    support.become_nobody()
    user = os.getuid()
    # as a change of ids does, where no sysctl says otherwise
    assert support.libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0
    with pytest.raises(PermissionError, match=r"spawn\(uid_map\): .*PR_SET_DUMPABLE") as caught:
        spawn(["true"], namespaces=CLONE_NEWUSER, uid_map=[(0, user, 1)])
    assert not re.search(r"process \d", str(caught.value))
    assert support.libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0) == 0
    assert run(["true"], namespaces=CLONE_NEWUSER, uid_map=[(0, user, 1)]) == 0


@needs_namespaces
@needs_namespaces
def test_child_that_is_killed_before_the_maps_are_written(monkeypatch):
    """A killed child is a program that was killed, whatever is not written any more."""
    write = _clone_spawn.map_child

    def map_child(pid, *others):
        os.kill(pid, signal.SIGKILL)
        waitid(P_PID, pid, WEXITED | WNOWAIT)
        write(pid, *others)

    monkeypatch.setattr(_clone_spawn, "map_child", map_child)
    with spawn(["true"], namespaces=CLONE_NEWUSER, **OWN) as child:
        assert child.wait() == -signal.SIGKILL


def test_step_that_fails_before_the_maps_are_written():
    """The error is that of the step, though the child has ended before its maps."""
    for _ in range(20):
        with pytest.raises(InvalidArgument, match=r"spawn\(pass_fds\): the child has no descriptor"):
            spawn(["true"], namespaces=CLONE_NEWUSER, pass_fds={2**31 - 2: 0}, **OWN)


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_joining(kind):
    """Each kind of namespace can be joined, and this thread keeps its own."""

    def body():
        support.libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)
        before = {name: namespace(name) for name in (*KINDS, "pid_for_children", "time_for_children")}
        with spawn(["sleep", "60"], namespaces=KINDS[kind]) as other:
            joined = Namespace(f"/proc/{other.pid}/ns/{kind}")
            if kind == "pid":
                assert output("echo $$", namespaces=joined) == "2"
            text = output("for name in " + " ".join(KINDS) + "; do readlink /proc/self/ns/$name; done",
                          namespaces=[joined])  # fmt: skip
            expected = {**{name: before[name] for name in KINDS}, kind: namespace(kind, other.pid)}
            joined.close()
            other.kill()
            other.wait()
        if kind == "pid":
            expected[kind] = ""  # the old /proc does not show the number of the shell in there
        assert {**dict(zip(KINDS, text.splitlines())), **({kind: ""} if kind == "pid" else {})} == expected
        assert {name: namespace(name) for name in before} == before
        assert support.libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0) == 1

    in_child(body)


@needs_root
def test_joining_several():
    """Several namespaces are joined in their order, beside new ones."""
    kinds = "net", "ipc", "uts"
    with spawn(["sleep", "60"], namespaces=CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) as other:
        joined = [Namespace(f"/proc/{other.pid}/ns/{kind}") for kind in kinds]
        text = output("for name in net ipc uts pid; do readlink /proc/self/ns/$name; done; echo $$",
                      namespaces=[CLONE_NEWPID, *joined])  # fmt: skip
        assert text.split()[:3] == [namespace(kind, other.pid) for kind in kinds]
        assert text.split()[4] == "1"
        for each in joined:
            each.close()
        other.kill()
        other.wait()


@needs_namespaces
def test_entering_a_container_without_rights():
    """A user without rights enters all namespaces of a process in its own container."""

    def body():
        support.become_nobody()
        maps = {"uid_map": [(0, os.getuid(), 1)], "gid_map": [(0, os.getgid(), 1)]}
        mounts = [("proc", "/proc", "proc")]
        with sleeping(namespaces=ALL, mounts=mounts, **maps) as other:
            kinds = sorted(KINDS, key=lambda kind: kind != "user")
            with namespaces_of(other.pid, *kinds) as joined:
                text = output(f"id -u; cd /proc/self/ns; readlink {' '.join(kinds)}; ls -d /proc/[1-9]*",
                              namespaces=joined)  # fmt: skip
            return text.split()[: len(kinds) + 2], ["0", *(namespace(kind, other.pid) for kind in kinds), "/proc/1"]

    found, expected = in_child(body)
    assert found == expected


@needs_namespaces
@alone
def test_new_namespaces_belong_to_the_joined_user_namespace():
    """Namespaces are joined first, and own the new ones."""
    support.become_nobody()
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(sleeping(namespaces=CLONE_NEWUSER, uid_map=[(0, os.getuid(), 1)]))
        (joined,) = stack.enter_context(namespaces_of(other.pid, "user"))
        options = {"namespaces": [CLONE_NEWUTS | CLONE_NEWPID, joined], "hostname": "inside"}
        child = stack.enter_context(sleeping(**options))
        for made in stack.enter_context(namespaces_of(child.pid, "uts", "pid")):
            assert stack.enter_context(contextlib.closing(made.userns())) == joined
        assert output("uname -n", **options) == "inside"


@needs_root
def test_user_namespace_beside_joined_ones():
    """The maps of a new user namespace are written where others are joined too."""
    maps = {"uid_map": [(0, 1000, 10)], "gid_map": [(0, 2000, 10)]}
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(sleeping(namespaces=CLONE_NEWPID | CLONE_NEWUTS, hostname="joined"))
        joined = stack.enter_context(namespaces_of(other.pid, "pid", "uts"))
        text = output("uname -n; id -u; id -g; cat /proc/self/uid_map; echo $$",
                      namespaces=[CLONE_NEWUSER, *joined], user=3, group=4, **maps)  # fmt: skip
    assert text.split() == ["joined", "3", "4", "0", "1000", "10", "2"]


@needs_root
def test_ids_beside_joined_namespaces():
    """The child of a middle child changes its ids, and this process keeps its own."""

    def body():
        support.libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)
        with joining() as options:
            found = status(user=1234, group=2345, capabilities=[10], no_new_privs=True, **options)
        return found["Uid"].split()[0], found["Gid"].split()[0], support.libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0)

    assert in_child(body) == ("1234", "2345", 1)


@needs_root
def test_session_of_a_child_beside_joined_namespaces():
    """A session and its terminal are the program's where others are joined too."""
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack:
        _, terminal = (stack.enter_context(open(fd, "rb+", buffering=0)) for fd in (ours, theirs))
        options = stack.enter_context(joining())
        child = stack.enter_context(sleeping(new_session=True, foreground=terminal, **options))
        assert os.tcgetpgrp(ours) == os.getsid(child.pid) == child.pid


@needs_root
@alone
def test_join_that_fails_beside_new_namespaces():
    """A join or a new namespace that fails is named, and leaves nothing."""
    with joining() as options:
        before = support.descriptors()
        inject("setns", errno.EPERM)
        with pytest.raises(PermissionError, match=r"spawn\(namespaces\): setns: "):
            spawn(["true"], stdout=PIPE, **options)
        assert support.descriptors() == before
    no_child_is_left()


@needs_namespaces
@alone
def test_new_namespace_that_fails_beside_joined_ones():
    """A limit of namespaces is named where a middle child reaches it."""
    support.own_namespaces()
    assert support.libc.unshare(CLONE_NEWUTS) == 0
    Path("/proc/sys/user/max_ipc_namespaces").write_text("0")
    with (
        joining() as options,
        pytest.raises(PermissionError, match=r"spawn\(namespaces\): .*user\.max_ipc_namespaces is 0"),
    ):
        spawn(["true"], **options)
    no_child_is_left()


@needs_root
@alone
def test_middle_child_without_a_descriptor_for_the_other():
    """Where the program's child gets no pidfd, it is killed, and the error says why."""
    with joining() as options:
        before = support.descriptors()
        inject("pidfd_open", errno.EMFILE)
        with pytest.raises(OSError, match=r"spawn\(namespaces\): pidfd_open: .*RLIMIT_NOFILE"):
            spawn(["true"], stdout=PIPE, **options)
        assert support.descriptors() == before
    no_child_is_left()


@needs_root
@pytest.mark.parametrize("populated", [False, True])
def test_thread_whose_children_enter_another_pid_namespace(populated):
    """Namespaces that need a middle child are refused, and others are joined."""

    def body():
        if support.libc.unshare(CLONE_NEWPID):
            raise OSError(ctypes.get_errno(), "unshare")
        with contextlib.closing(Namespace.current("uts")) as own, contextlib.ExitStack() as stack:
            if populated:
                stack.enter_context(sleeping())
            with pytest.raises(InvalidArgument, match="children are in its own pid namespace"):
                spawn(["true"], namespaces=[own, CLONE_NEWIPC])
            return int(output("echo $$", namespaces=own)) if populated else 2

    assert 2 <= in_child(body) <= 9


@needs_root
def test_namespace_after_a_user_namespace_that_does_not_own_it():
    """A namespace that a joined user namespace does not own is joined before that."""
    with spawn(["sleep", "60"], namespaces=CLONE_NEWUSER, **OWN) as other:
        user, network = Namespace(f"/proc/{other.pid}/ns/user"), Namespace.current("net")
        with contextlib.closing(user), contextlib.closing(network):
            with pytest.raises(PermissionError, match=r"the net namespace .* does not belong to the user"):
                spawn(["true"], namespaces=[user, network])
            assert run(["true"], namespaces=[network, user]) == 0
        other.kill()
        other.wait()


@pytest.mark.parametrize("new", [False, True])
def test_namespaces_of_one_kind(new):
    """A program is in one namespace of each kind, so two of a kind are refused."""
    with contextlib.closing(Namespace.current("uts")) as joined:
        other = CLONE_NEWUTS if new else joined
        with pytest.raises(ValueError, match="namespaces has a uts namespace twice"):
            spawn(["true"], namespaces=[joined, other])


@needs_root
def test_pid_namespace_that_cannot_be_joined():
    """A pid namespace that is not below this one is refused, and changes nothing."""

    def inside():
        before = namespace("pid_for_children")
        with pytest.raises(InvalidArgument, match=r"spawn\(namespaces\): setns"):
            spawn(["true"], namespaces=outer)
        return before == namespace("pid_for_children")

    def body():
        support.own_mounts()
        if support.libc.unshare(CLONE_NEWPID):
            raise OSError(ctypes.get_errno(), "unshare")

        def first():
            support.raw_mount("proc", "/proc", "proc")
            return inside()

        return in_child(first)

    with Namespace.current("pid") as outer:
        assert in_child(body)


@needs_namespaces
def test_hostname():
    """The host name is that of the new namespace alone."""
    before = socket.gethostname()
    for name in "h" * 64, b"bytes":
        assert output(["uname", "-n"], namespaces=CLONE_NEWUTS | CLONE_NEWUSER, hostname=name) == os.fsdecode(name)
    assert socket.gethostname() == before


# mounts and the root


@needs_namespaces
def test_mounts(tmp_path):
    """Mounts are made in their order, and appear in the program's namespace alone."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/file").write_text("bound")
    (tmp_path / "target").mkdir()
    before = support.mountinfo()
    mounts = [
        ("tmpfs", tmp_path / "target", "tmpfs", 0, {"size": "64k"}),
        (str(tmp_path / "source"), os.fsencode(tmp_path / "target"), None, MS_BIND),
    ]
    text = output(["cat", tmp_path / "target/file"], namespaces=CLONE_NEWUSER | CLONE_NEWNS, mounts=mounts, **OWN)
    assert text == "bound"
    assert support.mountinfo() == before


@needs_root
def test_mounts_do_not_reach_a_shared_tree(tmp_path):
    """The program's mounts, and a failing child's, do not appear in a shared tree."""
    (tmp_path / "target").mkdir()

    def body():
        support.own_mounts(tmp_path)
        (tmp_path / "target").mkdir()
        support.raw_mount(None, "/", None, MS_REC | MS_SHARED)
        before = support.mountinfo()
        options = {"namespaces": CLONE_NEWNS, "mounts": [("tmpfs", tmp_path / "target", "tmpfs")]}
        assert "target" in output(["cat", "/proc/self/mountinfo"], **options)
        with pytest.raises(PathNotFound):
            spawn(["true"], cwd="/none/such", **options)
        return before == support.mountinfo()

    assert in_child(body)


@needs_root
@needs(kernel=(5, 2))
def test_detached_mount(tmp_path):
    """A Mount that is not part of a tree yet is attached in the program's namespace."""
    with Mount.new("tmpfs", size="64k") as mount:
        with open("made here", "w", opener=lambda path, flags: os.open(path, flags, dir_fd=mount.fileno())) as file:
            file.write("content")
        text = output(["cat", tmp_path / "made here"], namespaces=CLONE_NEWNS, mounts=[(mount, tmp_path)])
    assert text == "content"
    assert os.listdir(tmp_path) == []


@needs_namespaces
def test_failing_mount():
    """A mount that fails raises what butter.system.mount does."""
    with pytest.raises(PathNotFound, match=r"spawn\(mounts\): mount: ") as caught:
        spawn(
            ["true"], namespaces=CLONE_NEWUSER | CLONE_NEWNS, mounts=[("tmpfs", "/no/such/directory", "tmpfs")], **OWN
        )
    assert caught.value.filename2 == "/no/such/directory"


HIDING = r", as the program sees it \(a mount before this one may hide it\)"
ONE_HIDES = r", as the program sees it \(one of mounts may hide it\)"
# what is below the directory "hidden" is there for this process alone
UNSEEN = {
    "target": (PathNotFound, f"'DIR/hidden/inside' does not exist{HIDING}",
               {"mounts": [("tmpfs", "DIR/hidden/inside", "tmpfs")]}),
    "source": (PathNotFound, f"'DIR/hidden/inside' or 'DIR/place' does not exist{HIDING}",
               {"mounts": [("DIR/hidden/inside", "DIR/place", None, MS_BIND)]}),
    "options": (PathNotFound, f"'DIR/place' or a path in the options .* does not exist{HIDING}",
                {"mounts": [("o", "DIR/place", "overlay", 0, "lowerdir=DIR/hidden/inside:DIR/hidden")]}),
    "file": (PathNotADirectory, f"'DIR/place' or 'DIR/file' is not a directory, .*{HIDING}",
             {"mounts": [("DIR/place", "DIR/file", None, MS_BIND)]}),
    "loop": (InvalidPath, f"'DIR/loop' goes through too many .*{HIDING}", {"mounts": [("tmpfs", "DIR/loop", "tmpfs")]}),
    "no mount point": (InvalidArgument, f"'DIR/place' is not a mount point, .*{HIDING}",
                       {"mounts": [(None, "DIR/place", None, MS_REMOUNT | MS_BIND)]}),
    "root": (PathNotFound, f"'DIR/hidden/inside' does not exist{ONE_HIDES}", {"root": "DIR/hidden/inside"}),
    "cwd": (PathNotFound, f"the directory does not exist{ONE_HIDES}", {"cwd": "DIR/hidden/inside"}),
    "argv": (PathNotFound, f"the program, .* does not exist{ONE_HIDES}", {"path": "DIR/hidden"}),
    "below the root": (PathNotFound, r"argv\): .* does not exist, as the program sees it \(its paths begin at root\)",
                       {"root": "DIR/hidden"}),
}  # fmt: skip


# before Linux 5.11 a user namespace has no overlay, and a program needs /proc
@needs_namespaces
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs(kernel=(5, 11) if name in ("options", "below the root") else (5, 4)))
        for name in UNSEEN
    ],
)
def test_words_about_what_the_program_does_not_see(tmp_path, name):
    """A sentence about a path that a mount hides says whose sight that is."""

    def here(value):
        if isinstance(value, (list, tuple)):
            return type(value)(map(here, value))
        return value.replace("DIR", str(tmp_path)) if isinstance(value, str) else value

    error, words, options = UNSEEN[name]
    for directory in "hidden/inside", "place":
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    script(tmp_path / "hidden" / "prog", "")
    options = {option: here(value) for option, value in options.items()}
    options["mounts"] = [("tmpfs", tmp_path / "hidden", "tmpfs"), *options.get("mounts", ())]
    with pytest.raises(error, match=words.replace("DIR", re.escape(str(tmp_path)))):
        spawn(["prog"], namespaces=CLONE_NEWUSER | CLONE_NEWNS, **options, **OWN)


# mounts that are refused in a new user namespace, and the remedy
REMEDIES = {
    "proc": (PermissionError, "'proc' shows the pid namespace, .*: add CLONE_NEWPID", ("p", "DIR", "proc")),
    "sysfs": (PermissionError, "'sysfs' shows the net namespace, .*: add CLONE_NEWNET", ("s", "DIR", "sysfs")),
    "remount": (PermissionError, "the flags of the mount at '/proc'", (None, "/proc", None, MS_REMOUNT)),
    "bind": (InvalidArgument, "locked, so what they hide must not be seen: add MS_REC", ("/", "DIR", None, MS_BIND)),
    "move": (InvalidArgument, "is not a mount point, is locked", ("/", "DIR", None, MS_MOVE)),
    "devtmpfs": (PermissionError, "a user namespace cannot mount the filesystem", ("d", "DIR", "devtmpfs")),
}


@needs_namespaces
@pytest.mark.parametrize("name", REMEDIES)
def test_words_about_mounts_of_a_user_namespace(tmp_path, name):
    """A mount that a new user namespace may not make is told with its remedy."""
    error, words, (source, target, *rest) = REMEDIES[name]
    target = target.replace("DIR", str(tmp_path))
    with pytest.raises(error, match=rf"spawn\(mounts\): mount: .*{words}"):
        spawn(["true"], namespaces=CLONE_NEWUSER | CLONE_NEWNS, mounts=[(source, target, *rest)], **OWN)


@needs_root
def test_words_about_a_hidden_proc(tmp_path):
    """A proc that would show more than those that are mounted is told so."""

    def body():
        support.own_mounts()
        support.raw_mount("tmpfs", "/proc/sys", "tmpfs")
        namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID
        spawn(["true"], namespaces=namespaces, mounts=[("proc", tmp_path, "proc")], **OWN)

    with pytest.raises(PermissionError, match="would show more than those that are mounted"):
        in_child(body)


@needs_root
@needs(kernel=(5, 2))
def test_words_about_a_mount_that_cannot_be_attached(tmp_path):
    """A Mount that is attached already, or does not fit its place, is told so."""
    (tmp_path / "file").touch()
    with Mount.new("tmpfs") as detached, Mount("/") as attached:
        for mount, place, words in (
            (attached, tmp_path, "is not a detached mount"),
            (detached, tmp_path / "file", "is a directory, and the other is not"),
            (detached, tmp_path / "none", "none' does not exist"),
        ):
            with pytest.raises(OSError, match=rf"spawn\(mounts\): move_mount: .*{words}"):
                spawn(["true"], namespaces=CLONE_NEWNS, mounts=[(mount, place)])


@needs_namespaces
@pytest.mark.parametrize("root", ["/", "//.", "/.."])
def test_root_that_is_the_root_already(root):
    """The root of this process as the program's root is nothing to change."""
    assert output("pwd", namespaces=CLONE_NEWUSER | CLONE_NEWNS, root=root, **OWN) == "/"


@needs_namespaces
def test_root_that_leads_to_the_root(tmp_path):
    """A link to the root is refused, with the reason."""
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(InvalidArgument, match=r"spawn\(root\): .* leads to the root that there is already"):
        spawn(["true"], namespaces=CLONE_NEWUSER | CLONE_NEWNS, root=tmp_path / "link", **OWN)


def busybox_like(path):
    """A root directory in which a shell runs: the machine's own, bound."""
    for name in "usr", "bin", "lib", "lib64", "proc":
        (path / name).mkdir()
    binds = [(f"/{name}", path / name, None, MS_BIND | MS_REC) for name in ("usr", "bin", "lib", "lib64")]
    return [bind for bind in binds if os.path.exists(bind[0])]


@needs_namespaces
def test_root_in_a_mount_namespace(tmp_path):
    """A mount namespace gets a new root, and nothing of the old one is left."""
    mounts = busybox_like(tmp_path)
    (tmp_path / "mark").write_text("new root")
    text = output(
        "pwd; cat /mark; ls -d /work /tmp /etc 2>/dev/null; cd ..; ls -d mark; readlink /proc/self/ns/mnt;"
        "wc -l </proc/self/mountinfo",
        namespaces=CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID,
        mounts=[*mounts, ("proc", tmp_path / "proc", "proc")],
        root=tmp_path,
        **OWN,
    )
    lines = text.splitlines()
    assert lines[:3] == ["/", "new root", "mark"] or lines[:2] == ["/", "new rootmark"]
    # the mounts of the old root went with it: only those below the new one are left
    assert int(lines[-1]) < len(support.mountinfo()) + len(mounts)


@needs_namespaces
@needs(kernel=(5, 11))
@alone
def test_root_that_is_the_working_directory(tmp_path):
    """The working directory, by the name of a dot, becomes the root too."""
    mounts = busybox_like(tmp_path)
    os.chdir(tmp_path)
    assert output("ls -d /usr", namespaces=CLONE_NEWUSER | CLONE_NEWNS, mounts=mounts, root=".", **OWN) == "/usr"


@needs_root
@needs(kernel=(5, 11))
def test_root_without_a_namespace(tmp_path):
    """Without a mount namespace the root is changed by chroot, and cwd is below it."""

    def body():
        support.own_mounts(tmp_path)
        (tmp_path / "inside").mkdir()
        for source, target, kind, flags in busybox_like(tmp_path):
            support.raw_mount(source, target, kind, flags)
        return output("pwd; ls -d /inside; ls -d /etc 2>/dev/null || true", root=tmp_path, cwd="/inside").split()

    assert in_child(body) == ["/inside", "/inside"]


# control groups


@needs_cgroup
@pytest.mark.parametrize("hidden", [None, "clone3"])
@pytest.mark.parametrize("form", ["path", "descriptor"])
@pytest.mark.parametrize("middle", MIDDLE)
def test_cgroup(form, hidden, middle):
    """The program is in the control group; without clone3 the child joins it itself."""

    def body(path):
        if hidden:
            inject(hidden, errno.ENOSYS)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        with joining(middle) as options, sleeping(cgroup=path if form == "path" else fd, **options) as child:
            return support.members(path) == [child.pid]

    with own_cgroup() as path:
        assert in_child(body, path)


@needs_cgroup
@pytest.mark.parametrize("new", [0, pytest.param(CLONE_NEWTIME, marks=needs_root)])
def test_cgroup_that_clone3_does_not_know(new):
    """Before Linux 5.7, where its clone3 takes no cgroup, the child joins it itself."""

    def body(path):
        inject("clone3", errno.E2BIG, arguments={1: 88})  # the size of the arguments with it
        with sleeping(cgroup=path, namespaces=new) as child:
            own = namespace("time") == namespace("time", child.pid)
            return support.members(path) == [child.pid] and own == (not new)

    with own_cgroup() as path:
        assert in_child(body, path)


@needs_cgroup
@needs_root
def test_cgroup_namespace_begins_at_the_cgroup():
    """In a new cgroup namespace the root is the control group of the program."""
    with own_cgroup() as path:
        text = output(["cat", "/proc/self/cgroup"], cgroup=path, namespaces=CLONE_NEWCGROUP)
        assert "0::/" in text.splitlines()


@pytest.mark.parametrize(
    ("cgroup", "error"), [("/none/such", PathNotFound), ("/proc/self/status", PathNotADirectory), ("/", OSError)]
)
def test_what_is_not_a_cgroup(cgroup, error):
    """A path that is not a control group is refused."""
    with pytest.raises(error, match="spawn"):
        spawn(["true"], cgroup=cgroup)


# old kernels, and filters that hide calls


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG], ids=errno.errorcode.get)
def test_without_clone3(number):
    """Where clone3 is missing, hidden or too old, clone does the same."""

    def body():
        inject("clone3", number)
        options = {"namespaces": ALL & ~CLONE_NEWTIME, "hostname": "old", **OWN} if support.namespaces_allowed() else {}
        with pytest.raises(FileNotFoundError):
            spawn(["no-such-program"])
        return output("echo $$; uname -n", **options).split() if options else ["1", "old"]

    assert in_child(body) == ["1", "old"]


# how the end of a child is told, and how it is killed
@pytest.mark.parametrize("hidden", ["gettid", "pidfd_send_signal"])
@alone
def test_timeout_where_a_filter_hides(hidden, tmp_path):
    """A child whose steps take too long is killed without the call that is hidden."""
    os.mkfifo(tmp_path / "fifo")
    before = support.descriptors()
    inject(hidden, errno.ENOSYS)
    with pytest.raises(TimeoutError):
        spawn(["true"], stdin=tmp_path / "fifo", timeout=0.05)
    assert support.descriptors() == before
    no_child_is_left()


@needs_root
@alone
@pytest.mark.parametrize("hidden", ["ppoll", "sendto"])
def test_filter_that_hides_what_spawn_needs(hidden):
    """Where the two cannot speak or wait, spawn says so, and leaves nothing behind."""
    with joining() as options:
        before = support.descriptors()
        inject(hidden, errno.ENOSYS)
        with pytest.raises(OSError, match=f"spawn.*: a seccomp filter hides .*{hidden}"):
            spawn(["true"], stdout=PIPE, **options)
        assert support.descriptors() == before
    no_child_is_left()


@needs_root
@needs(kernel=(5, 0))
@pytest.mark.parametrize("own_memory", [False, True])
@alone
def test_number_of_a_middle_child_s_child_has_its_page(own_memory):
    """The kernel can store the number also for a middle child that is being killed."""

    def spawns():
        inject("clone3", errno.ENOSYS)
        if own_memory:
            inject("clone", errno.EINVAL, first=0x100 | 0x1000)  # CLONE_VM, CLONE_PIDFD
        # CLONE_VM, CLONE_PARENT, CLONE_PARENT_SETTID
        listeners.append(support.hold("clone", first=0x100 | 0x8000 | 0x100000 | CLONE_NEWIPC))
        with joining() as options, spawn(["true"], timeout=60, **options) as child:
            codes.append(child.wait())

    listeners, codes = [], []
    thread = threading.Thread(target=spawns)
    thread.start()
    until(lambda: listeners)
    assert select.select(listeners, [], [], 60)[0]
    middle = Path(f"/proc/self/task/{thread.native_id}/children").read_text().strip()
    _, _, page = Path(f"/proc/{middle}/smaps").read_text().partition(" rw-s ")
    os.kill(int(middle), signal.SIGKILL)
    thread.join()
    assert codes == [-signal.SIGKILL]
    assert "/dev/zero" in page.splitlines()[0]
    assert re.search(r"^Rss: +([0-9]+)", page, re.MULTILINE)[1] != "0"
    os.close(listeners[0])
    no_child_is_left()


@needs_root
@pytest.mark.parametrize("own_memory", [False, True])
def test_joining_without_clone3(own_memory):
    """A middle child makes that of the program by clone, in shared memory or not."""

    def body():
        inject("clone3", errno.ENOSYS)
        if own_memory:
            # CLONE_VM, with CLONE_PIDFD, and with CLONE_PARENT and CLONE_PARENT_SETTID
            inject("clone", errno.EINVAL, first=0x100 | 0x1000)
            inject("clone", errno.EINVAL, first=0x100 | 0x8000 | 0x100000 | CLONE_NEWPID)
        with joining(True, CLONE_NEWPID) as options:
            with pytest.raises(FileNotFoundError):
                spawn(["no-such-program"], **options)
            return output("echo $$", **options)

    assert in_child(body) == "1"


def test_without_shared_memory():
    """Where a child cannot share the memory, as in an emulator, it has its own."""

    def body():
        inject("clone3", errno.ENOSYS)
        inject("clone", errno.EINVAL, first=0x100 | 0x1000 | signal.SIGCHLD)  # CLONE_VM, CLONE_PIDFD
        with pytest.raises(FileNotFoundError):
            spawn(["no-such-program"])
        return output(["echo", "done"])

    assert in_child(body) == "done"


@needs_namespaces
def test_time_namespace_without_clone3():
    """CLONE_NEWTIME is part of the signal in clone, so it is refused without clone3."""

    def body():
        inject("clone3", errno.ENOSYS)
        spawn(["true"], namespaces=CLONE_NEWTIME | CLONE_NEWUSER)

    with pytest.raises(OSError, match="CLONE_NEWTIME needs clone3"):
        in_child(body)


# steps that fail leave nothing


@needs_cgroup
@alone
def test_clone_that_fails_after_the_number_was_stored(monkeypatch):
    """A number that the kernel stored for a child that it then refused is not used."""

    def start(birth, *args, **options):
        try:
            start_child(birth, *args, **options)
        finally:
            numbers.append(birth.state.pidfd)

    start_child, numbers = _Birth.start, []
    monkeypatch.setattr(_Birth, "start", start)
    with own_cgroup() as path:
        removed = path / "removed"
        removed.mkdir()
        directory = os.open(removed, os.O_RDONLY | os.O_DIRECTORY)
        removed.rmdir()
        with pytest.raises(OSError, match="the cgroup was removed"):
            spawn(["true"], cgroup=directory)
    assert numbers == [-1]


FAILING = {
    "argv": ({}, FileNotFoundError),
    "cwd": ({"cwd": "/none/such"}, PathNotFound),
    "rlimits": ({"rlimits": {resource.RLIMIT_CORE: (5, 3)}}, InvalidArgument),
    "rlimits unknown": ({"rlimits": {99: (5, 5)}}, InvalidArgument),
    "stdin": ({"stdin": "/none/such"}, PathNotFound),
    "stdout": ({"stdout": "/"}, IsADirectoryError),
    "stderr": ({"stderr": "/", "namespaces": CLONE_NEWUSER}, IsADirectoryError),
    "pass_fds": ({"pass_fds": [999]}, InvalidArgument),
    "process_group": ({"process_group": 1}, PermissionError),
    "foreground": ({"foreground": 0}, OSError),
    "root": ({"root": "/none/such"}, PathNotFound),
    "cgroup": ({"cgroup": "/"}, OSError),
    "mounts": ({"namespaces": ALL, "mounts": [("a", "/none", "tmpfs")], **OWN}, PathNotFound),
    "root of a namespace": ({"namespaces": ALL, "root": "/none/such", **OWN}, PathNotFound),
    "user": ({"namespaces": ALL, "user": 77, **OWN}, InvalidArgument),
    "group": ({"namespaces": ALL, "group": 77, **OWN}, InvalidArgument),
    "groups": ({"namespaces": ALL, "groups": [77], **OWN}, OSError),
    "capabilities": ({"namespaces": ALL, "capabilities": [63], **OWN}, OSError),
}


@needs_root
@alone
@pytest.mark.parametrize("name", FAILING)
def test_failing_steps_leave_nothing(name):
    """A step that fails is named, and leaves no process, descriptor or mount behind."""
    options, error = FAILING[name]
    option = name.split()[0]
    script = ["no-such-program"] if option == "argv" else ["true"]
    with open(os.devnull) as null:
        os.dup2(null.fileno(), 0)
    before = support.descriptors(), support.mountinfo(), os.listdir("/proc/self/task")
    with pytest.raises(error, match=rf"^.Errno \d+. spawn(\({option}\))?: "):
        spawn(script, **{"stdin": PIPE if name == "argv" else None, "stdout": PIPE, **options})
    no_child_is_left()
    assert (support.descriptors(), support.mountinfo(), os.listdir("/proc/self/task")) == before


@needs_cgroup
@alone
def test_failing_step_leaves_the_cgroup_empty():
    """A child that fails after it joined a control group does not stay there."""
    with own_cgroup() as path:
        with pytest.raises(PathNotFound):
            spawn(["true"], cgroup=path, cwd="/none/such")
        assert not support.populated(path)


def test_no_descriptor_left():
    """Without a descriptor for the connection, the sentence names the limit."""

    def body():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        spawn(["true"])

    with pytest.raises(OSError, match="RLIMIT_NOFILE is 3") as caught:
        in_child(body)
    assert caught.value.errno == errno.EMFILE


def test_errno_of_this_thread():
    """A step that fails does not touch the errno of the thread that waits for it."""
    ffi.errno = 77
    with pytest.raises(PathNotFound):
        spawn(["no-such-program"], path="/none:/such:/path")
    assert ffi.errno == 77


# children that hang


@needs_namespaces
@alone
def test_helper_that_hangs(tmp_path, monkeypatch):
    """A helper that does not end is killed at the timeout, and so is the child."""
    helper = script(tmp_path / "bin" / "newuidmap", "exec sleep 600")
    monkeypatch.setattr("butter._clone_maps._helper", lambda *_: str(helper))
    with pytest.raises(TimeoutError, match="newuidmap"):
        spawn(["true"], namespaces=CLONE_NEWUSER, timeout=0.1, **OWN)
    no_child_is_left()


@needs_cgroup
@alone
@pytest.mark.parametrize("middle", MIDDLE)
def test_timeout(middle):
    """A child whose steps take longer than the timeout is killed."""
    with own_cgroup(frozen=True) as path, joining(middle) as options:
        before = support.descriptors()
        with pytest.raises(TimeoutError, match=r"within 0\.05 seconds"):
            spawn(["true"], cgroup=path, timeout=0.05, stdout=PIPE, **options)
        assert not support.populated(path)
        assert support.descriptors() == before
    no_child_is_left()


@needs_root
@needs(kernel=(5, 0))
@alone
def test_middle_child_that_hangs():
    """A join that takes longer than the timeout is ended, too."""
    with joining() as options:
        listener = support.hold("setns")
        before = support.descriptors()
        with pytest.raises(TimeoutError, match=r"within 0\.05 seconds"):
            spawn(["true"], timeout=0.05, stdout=PIPE, **options)
        assert support.descriptors() == before
        os.close(listener)
    no_child_is_left()


@needs_root
@needs(kernel=(5, 0))
def test_middle_child_that_hangs_beside_the_other(pipe):
    """The child that a middle child has made ends with it, and is reaped."""
    pid = os.fork()
    if pid == 0:
        try:
            with joining() as options:
                # this process cannot exit either, and so is killed
                support.hold("exit_group")
                with pytest.raises(TimeoutError):
                    spawn(["true"], timeout=0.2, **options)
            no_child_is_left()
            os.write(pipe.writing, b"nothing is left")
        finally:
            os.close(pipe.writing)
            signal.pause()
    try:
        assert ended(pipe) == b"nothing is left"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@contextlib.contextmanager
def joining_a_stranger():
    """Options of a child whose rights grow, which ends a death signal."""
    with stranger_s_user_namespace() as joined:
        yield {"namespaces": joined}


# the call in which a child hangs, and its options
HANGING = {
    "steps": ("chdir", lambda: joining(False)),
    "steps beside joined namespaces": ("chdir", joining),
    "a join": ("setns", joining),
    "steps after rights were gained": ("chdir", joining_a_stranger),
}


@needs_root
@needs(kernel=(5, 0))
@pytest.mark.parametrize("name", HANGING)
def test_child_that_hangs_is_killed_with_this_process(name):
    """A child does not outlive this process before it executes the program."""
    call, options = HANGING[name]
    ours, theirs = socket.socketpair()
    with ours, theirs, options() as joined, support.Pipe() as pipe:
        pid = os.fork()
        if pid == 0:
            try:
                socket.send_fds(theirs, [b"h"], [support.hold(call)])
                spawn(["true"], cwd="/", **joined)
            finally:
                os._exit(1)
        _, (listener,), *_ = socket.recv_fds(ours, 1, 1)
        try:
            waits = select.select([listener], [], [], 60)[0]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert waits
        assert ended(pipe) == b""
        os.close(listener)


@pytest.mark.parametrize("middle", MIDDLE)
def test_program_outlives_this_process(pipe, pipe2, middle):
    """The program does not die with the process that has started it."""

    def body():
        with joining(middle) as options:
            script = ["sh", "-c", "read line; echo $line"]
            programs.append(spawn(script, stdin=pipe.reading, stdout=pipe2.writing, **options))

    programs = []
    in_child(body)
    os.write(pipe.writing, b"alive\n")
    assert ended(pipe2) == b"alive\n"


@needs_cgroup
@alone
def test_child_that_outlives_sigkill(pipe):
    """A child that cannot be killed keeps what it uses, and a later spawn reaps it."""
    options = {"env": {f"NAME{number}": f"value {number}" * 10 for number in range(100)}, "pass_fds": {9: pipe.writing}}
    with own_cgroup(frozen=True) as path:
        inject("pidfd_send_signal", errno.EPERM)
        inject("kill", errno.EPERM)
        with pytest.raises(TimeoutError):
            spawn(["/bin/sh", "-c", "echo $NAME99 >&9"], cgroup=path, timeout=0.05, **options)
        gc.collect()
        # in the memory of the environment, if that was freed
        filled = [bytes([255]) * size for size in range(8, 1 << 15, 8)]
        support.freeze(path, False)
        assert filled
        assert ended(pipe) == b"value 99" * 10 + b"\n"
        until(lambda: not support.populated(path))
    assert waitid(P_ALL, 0, WEXITED | WNOWAIT)
    with spawn(["true"]) as child:
        child.wait()
    no_child_is_left()


MANNERS = [({}, False), ({"stdin": PIPE, "stdout": PIPE, "stderr": DEVNULL}, False), ({"cwd": "/none/such"}, False)]
MANNERS += [pytest.param({"cwd": cwd}, True, marks=needs_root) for cwd in ("/", "/none/such")]


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its finalisers run later, and handlers elsewhere")
@needs_cgroup
@alone
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize(("options", "middle"), MANNERS, ids=str)
def test_handler_that_raises_anywhere(options, middle):
    """A handler that raises at any call in spawn leaves no process and descriptor."""
    package = os.path.dirname(butter.__file__)

    def profile(frame, event, _):
        # handlers run at the beginning of a function, and when a call returns
        nonlocal left
        if event == "c_call" or not frame.f_code.co_filename.startswith(package):
            return
        if (event, frame.f_code) == ("return", spawn.__code__):
            sys.setprofile(None)
            return
        left -= 1
        if left == 0:
            sys.setprofile(None)
            raise Interrupted

    def attempt(number):
        nonlocal left
        left = number
        sys.setprofile(profile)
        try:
            child = spawn(["sleep", "60"], cgroup=path, **options, **joined)
            child.kill()
            child.wait()
            child.close()
        except PathNotFound:
            pass
        except Interrupted:
            return True
        finally:
            sys.setprofile(None)
        return False

    left = 0
    with own_cgroup() as path, joining(middle) as joined:
        attempt(0)
        before, number = support.descriptors(), 1
        while attempt(number):
            assert support.descriptors() == before, number
            assert not support.populated(path), number
            number += 1
    assert number > 40
    no_child_is_left()


@needs_cgroup
@alone
@pytest.mark.parametrize("middle", MIDDLE)
def test_handler_that_forks(middle):
    """A process that a signal handler forks leaves this process's child alone."""
    forked = []

    def handler(*_):
        if support.populated(path) and not forked:
            forked.append(os.fork())
            if not forked[0]:
                sys.exit(0)
            os.waitpid(forked[0], 0)
            support.freeze(path, False)

    with own_cgroup(frozen=True) as path, joining(middle) as options, support.alarms(handler):
        try:
            child = spawn(["true"], cgroup=path, **options)
        except SystemExit:
            os._exit(0)
        assert child.wait() == 0
        child.close()
    assert len(forked) == 1


class Interrupted(Exception):
    """The exception of a signal handler."""


@needs_cgroup
@alone
@pytest.mark.parametrize("own_memory", [False, pytest.param(True, marks=needs_root)])
@pytest.mark.parametrize("middle", MIDDLE)
def test_handler_that_raises(own_memory, middle):
    """A signal handler that raises, as Ctrl-C does, ends a child that hangs."""

    def handler(*_):
        if support.populated(path):
            raise Interrupted

    with own_cgroup(frozen=True) as path, joining(middle) as options:
        before = support.descriptors()
        with support.alarms(handler, once=False), pytest.raises(Interrupted):
            spawn(["true"], cgroup=path, user=1234 if own_memory else None, **options)
        assert not support.populated(path)
        assert support.descriptors() == before
    no_child_is_left()


@needs_cgroup
@alone
@pytest.mark.parametrize("middle", MIDDLE)
def test_handler_that_returns(middle):
    """A signal handler that returns is called during the wait, which then goes on."""
    calls = []

    def handler(*_):
        calls.append(None)
        if len(calls) == 5:
            support.freeze(path, False)

    with own_cgroup(frozen=True) as path, joining(middle) as options, support.alarms(handler):
        assert output(["echo", "done"], cgroup=path, **options) == "done"
    assert len(calls) >= 5


@needs_cgroup
@pytest.mark.parametrize("middle", MIDDLE)
def test_this_process_can_be_killed(middle):
    """A process whose child hangs before the exec can be killed."""
    with own_cgroup(frozen=True) as path, joining(middle) as options:
        pid = os.fork()
        if pid == 0:
            try:
                spawn(["true"], cgroup=path, **options)
            finally:
                os._exit(1)
        until(lambda: support.populated(path))
        with Pidfd(pid) as process:
            process.kill()
            assert process.wait(30) == -signal.SIGKILL


@needs_cgroup
@pytest.mark.parametrize(
    "namespaces", [[0], *(pytest.param([CLONE_NEWPID, *more], marks=needs_root) for more in ([], ["joined"]))], ids=str
)
def test_parent_that_dies_before_the_death_signal_is_set(pipe, namespaces):
    """A child whose parent died before it set the death signal executes nothing."""

    def body():
        options = joined if len(namespaces) > 1 else {"namespaces": namespaces}
        spawn(["echo", "executed"], cgroup=path, pdeathsig=signal.SIGKILL, stdout=pipe.writing, **options)

    with own_cgroup(frozen=True) as path, joining(True, CLONE_NEWPID) as joined:
        pid = os.fork()
        if pid == 0:
            try:
                body()
            finally:
                os._exit(1)
        until(lambda: support.populated(path))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        support.freeze(path, False)
        assert ended(pipe) == b""


@needs_cgroup
@needs_namespaces
def test_parent_that_dies_before_it_writes_the_maps(pipe, monkeypatch):
    """A child that waits for its maps ends with its parent."""

    def body():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("butter._clone_spawn.map_child", lambda *_: os._exit(0))
            spawn(["sh", "-c", "echo executed"], namespaces=CLONE_NEWUSER, stdout=pipe.writing, **OWN)

    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    assert ended(pipe) == b""


@needs_cgroup
@needs(kernel=(5, 6))
@pytest.mark.parametrize("user", [None, pytest.param(os.geteuid(), marks=needs_root)])
@pytest.mark.parametrize("middle", MIDDLE)
@pytest.mark.parametrize("killed", [False, True])
def test_another_process_with_the_connection(user, middle, killed):
    """Another process with the child's end of the connection does not hold spawn up."""
    connection = []

    def not_ours(pid):
        ours = set(support.descriptors().values())
        theirs = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
        return [fd for fd, what in theirs.items() if what not in ours]

    def steal():
        until(lambda: support.members(path))
        with Pidfd(support.members(path)[0]) as child:
            until(lambda: not_ours(child.pid))
            connection.extend(map(child.getfd, not_ours(child.pid)))
            if killed:
                child.kill()
            else:
                support.freeze(path, False)

    with own_cgroup(frozen=True) as path, joining(middle) as options:
        thief = threading.Thread(target=steal)
        thief.start()
        with spawn(["true"], cgroup=path, user=user, timeout=60, **options) as child:
            assert child.wait(60) == (-signal.SIGKILL if killed else 0)
        thief.join()
    assert connection
    for fd in connection:
        os.close(fd)


@needs_cgroup
@alone
@pytest.mark.parametrize("middle", MIDDLE)
def test_killed_child(middle):
    """A child that is killed before the exec is a program that was killed."""
    with own_cgroup(frozen=True) as path, joining(middle) as options:

        def kill(*_):
            if support.populated(path):
                support.kill_all(path)

        with support.alarms(kill), spawn(["true"], cgroup=path, **options) as child:
            assert child.wait() == -signal.SIGKILL


@alone
def test_forgotten_children_are_reaped():
    """A child that the program forgets warns, and the next spawn reaps it."""
    forgotten = [spawn(["true"])]
    assert select.select(forgotten, [], [], 60)[0]
    with pytest.warns(ResourceWarning, match="unclosed <Child"):
        support.forget(forgotten)
    with spawn(["true"]) as child:
        child.wait()
    no_child_is_left()


def test_threads():
    """Threads start programs at once, each with its own pipes and options."""
    failures = []

    def work(number):
        try:
            for turn in range(20):
                text = f"{number}-{turn}"
                assert output(["echo", text], cwd="/", umask=number) == text
                with pytest.raises(FileNotFoundError, match=f"none-{text}"):
                    spawn([f"none-{text}"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
