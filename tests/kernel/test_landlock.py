"""Rulesets of landlock: what they handle, allow and forbid, and to whom."""

import ctypes
import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import threading
from array import array

import pytest
import support
from support import in_child, needs_landlock

from butter import _landlock, _landlock_errors, landlock
from butter.errors import InvalidArgument
from butter.landlock import (
    ABIS,
    EXECUTE,
    FLAGS,
    FS,
    LANDLOCK_ACCESS_FS_EXECUTE,
    LANDLOCK_ACCESS_FS_READ_FILE,
    LANDLOCK_ACCESS_NET_BIND_TCP,
    LANDLOCK_CREATE_RULESET_VERSION,
    LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF,
    NET,
    READ,
    SCOPE,
    WRITE,
    LandlockFs,
    NetPortAttr,
    NotEnforced,
    PathBeneathAttr,
    Ruleset,
    RulesetAttr,
    abi,
    errata,
    landlock_add_rule,
    landlock_create_ruleset,
    landlock_restrict_self,
)
from butter.prctl import prctl

pytestmark = needs_landlock(1)


def fence(*arguments, allow=(), ports=(), **options):
    """Put a new ruleset around this process: for a child."""
    prctl.no_new_privs = True
    with Ruleset(*arguments, **options) as ruleset:
        for path, rights in allow:
            ruleset.allow_path(path, rights)
        for port, rights in ports:
            ruleset.allow_port(port, rights)
        ruleset.restrict()
        return ruleset.unenforced


def outcome(action):
    """The name of the errno that *action* fails with, or None."""
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def fenced(action, *arguments, **options):
    """The outcome of *action* in a child behind a fence."""

    def body():
        fence(*arguments, **options)
        return outcome(action)

    return in_child(body)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current directory, with some files."""
    for name in "one", "two":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    (tmp_path / "link").symlink_to("one/file")
    (tmp_path / "two/link").symlink_to("../one/file")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kernel(monkeypatch):
    """``kernel(3)`` lets landlock be of ABI 3, or of none: the numbers of its calls.

    It returns the list of those that make a ruleset.
    """
    made = []
    real = landlock.landlock_create_ruleset

    def create(attr, size=None, flags=0, closefd=True):
        if attr is None:
            return real(None, 0, flags)
        made.append(attr)
        return real(RulesetAttr(LANDLOCK_ACCESS_FS_EXECUTE))

    def pretend(number):
        monkeypatch.setattr(landlock, "abi", lambda: number)
        monkeypatch.setattr(landlock, "landlock_create_ruleset", create)
        return made

    return pretend


# the ABI


def test_abi():
    """The number of the ABI is that of the kernel's version, or a newer one."""
    number = abi()
    assert number >= 1
    if number < max(ABIS):
        newest = max(known for known, since in ABIS.items() if tuple(map(int, since.split("."))) <= support.kernel())
        assert number >= newest


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_landlock(number):
    """Without landlock the ABI is 0, and a ruleset says why there is none."""

    def body():
        support.inject("landlock_create_ruleset", number)
        assert abi() == 0
        assert errata() == frozenset()
        with pytest.raises(NotEnforced) as caught:
            Ruleset()
        assert caught.value.errno == number
        with Ruleset(best_effort=True, closefd=False) as ruleset:
            assert os.get_inheritable(ruleset.fileno())
            assert ruleset.handled == frozenset()
            assert ruleset.unenforced == {*FS, *NET, *SCOPE}
            ruleset.allow_path("/", READ)
            ruleset.allow_port(80, "bind_tcp")
            ruleset.restrict()
            os.listdir("/")
            with pytest.raises(OSError, match="is not a ruleset"):
                landlock_restrict_self(ruleset)
        return str(caught.value)

    assert ("lsm=" if number == errno.EOPNOTSUPP else "older than Linux 5.13") in in_child(body)


@needs_landlock(7)
def test_errata():
    """The mended defects have small numbers."""
    assert errata() <= set(range(1, 64))
    assert {1, 2} <= errata()


def test_numbers():
    """The bits are those of the kernel's header, and each has its ABI and kernel."""
    assert [right.bit for right in FS.values()] == [1 << bit for bit in range(17)]
    assert [right.bit for right in NET.values()] == [1 << bit for bit in range(4)]
    assert [right.bit for right in SCOPE.values()] == [1, 2]
    assert [right.bit for right in FLAGS.values()] == [1, 2, 4, 8]
    assert (FS["resolve_unix"].abi, FS["resolve_unix"].kernel) == (9, "7.1")
    assert (NET["bind_udp"].abi, FLAGS["tsync"].abi, SCOPE["signal"].abi) == (10, 8, 6)
    of_files = {"execute", "write_file", "read_file", "truncate", "ioctl_dev", "resolve_unix"}
    assert {name for name, right in FS.items() if not right.directory} == of_files
    assert (READ | WRITE | EXECUTE).isdisjoint({"make_char", "make_block"})
    assert set(FS) >= READ | WRITE | EXECUTE


# what a ruleset handles


def test_everything_by_default():
    """A ruleset handles all that the ABI of this kernel has."""
    with Ruleset() as ruleset:
        expected = {name for table in (FS, NET, SCOPE) for name, right in table.items() if right.abi <= abi()}
        assert ruleset.handled == expected
        assert ruleset.unenforced == frozenset()
        assert ruleset.abi == min(abi(), max(ABIS))


@pytest.mark.parametrize("number", ABIS)
def test_each_abi(kernel, number):
    """The default of each ABI is all its rights, and none of a newer one."""
    made = kernel(number)
    Ruleset().close()
    Ruleset(abi=number).close()
    fs, net, scope = (1 << 13 if number < 2 else 1 << 14 if number < 3 else 1 << 15), 0, 0
    if number >= 5:
        fs = 1 << 16 if number < 9 else 1 << 17
    net = 0 if number < 4 else 3 if number < 10 else 15
    scope = 3 if number >= 6 else 0
    assert made == [RulesetAttr(fs - 1, net, scope)] * 2


@pytest.mark.parametrize("number", [number for number in ABIS if number > 1])
def test_an_older_abi_by_number(kernel, number):
    """A program that asks for an ABI has the same fence on each newer kernel."""
    made = kernel(number)
    for asked in range(1, number + 1):
        Ruleset(abi=asked).close()
    kernel(10)
    for asked in range(1, number + 1):
        Ruleset(abi=asked).close()
    assert made[:number] == made[number:]
    assert len(set(made)) == len({name for name in ABIS if name <= number} - {7, 8})


@pytest.mark.parametrize(
    "rights",
    [
        "read_file",
        LANDLOCK_ACCESS_FS_READ_FILE,
        LandlockFs.READ_FILE,
        ["read_file"],
        {LandlockFs.READ_FILE, "read_file"},
        iter(["read_file"]),
    ],
)
def test_rights_in_any_form(rights):
    """Rights are names, bits, members of the class, and collections of them."""
    with Ruleset(rights, (), (), abi=1) as ruleset:
        assert ruleset.handled == {"read_file"}
        ruleset.allow_path("/", ["read_file"])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"fs": "read"}, ValueError, "fs has 'read'; the rights are execute, write_file"),
        ({"net": {"bind_tcp", "signal"}}, ValueError, "net has 'signal'; the rights are bind_tcp"),
        ({"scope": 4}, ValueError, "scope has 0x4, whose bits 0x4 are not those of a right"),
        ({"fs": -1}, ValueError, "are not those of a right"),
        ({"fs": b"read_file"}, TypeError, "fs must be names of rights, not bytes"),
        ({"fs": 1.5}, TypeError, "fs must be names of rights, not float"),
        ({"fs": [None]}, TypeError, "not NoneType"),
        ({"abi": 0}, ValueError, "abi is 0; .* 1 to 10"),
        ({"abi": 11}, ValueError, "abi is 11; .* 1 to 10"),
        ({"abi": "1"}, TypeError, "abi must be an int"),
        (
            {"fs": "truncate", "abi": 2},
            ValueError,
            r"truncate \(landlock ABI 3, Linux 6.2\); the program asks for ABI 2",
        ),
        ({"fs": (), "net": (), "scope": ()}, InvalidArgument, "would handle nothing"),
        ({"quiet": ["read"]}, ValueError, "quiet has 'read'; the rights are execute"),
        ({"quiet": [1]}, TypeError, "quiet must be names of rights: a bit is that of"),
        ({"quiet": 4}, TypeError, "int"),
        ({"fs": "execute", "quiet": "read_file"}, ValueError, "quiet has read_file, which the ruleset does not handle"),
        ({"quiet": "read_file", "abi": 7}, ValueError, r"quiet \(landlock ABI 10, Linux 7.2\); the program asks for"),
        ({"best_effort": 5}, TypeError, "best_effort must be True or False, not int"),
    ],
)
def test_bad_arguments(arguments, error, words):
    """A wrong right or ABI is named before anything happens."""
    with pytest.raises(error, match=words):
        Ruleset(**arguments)


def test_refused_by_an_older_kernel(kernel):
    """A right that is not there is an error that names it, the ABI and the kernel."""
    kernel(3)
    words = (
        r"cannot enforce bind_tcp \(landlock ABI 4, Linux 6\.7\): Linux [0-9.]+ has landlock ABI 3; best_effort=True"
    )
    with pytest.raises(NotEnforced, match=words) as caught:
        Ruleset(net="bind_tcp")
    assert caught.value.errno == errno.EOPNOTSUPP
    with pytest.raises(NotEnforced, match=r"ioctl_dev \(landlock ABI 5, .*signal \(landlock ABI 6"):
        Ruleset(abi=6)


def test_best_effort(kernel):
    """With best_effort, what cannot be enforced is left out and listed."""
    made = kernel(3)
    with Ruleset(abi=6, best_effort=True) as ruleset:
        assert ruleset.unenforced == {"ioctl_dev", "bind_tcp", "connect_tcp", "abstract_unix_socket", "signal"}
        assert made == [RulesetAttr((1 << 15) - 1)]
        ruleset.allow_port(80, "bind_tcp")
        ruleset.allow_path("/", "ioctl_dev")
        assert len(ruleset.unenforced) == 5
    with Ruleset((), "bind_tcp", (), best_effort=True) as ruleset:
        assert ruleset.unenforced == {"bind_tcp"}
        assert ruleset.handled == frozenset()


@needs_landlock(6)
def test_quiet(kernel, monkeypatch, tmp_path):
    """Rights are quiet for the ruleset, and for each rule that says so."""
    made, rules = kernel(10), []
    monkeypatch.setattr(
        landlock, "landlock_add_rule", lambda _, kind, attr, flags=0: rules.append((kind, attr[0], flags))
    )
    with Ruleset("read_file", "bind_tcp", "signal", quiet={"read_file", "bind_tcp", "signal"}) as ruleset:
        assert made == [RulesetAttr(1 << 2 | 1 << 13, 1, 2, 1 << 2, 1, 2)]
        assert ruleset.handled == {"read_file", "refer", "bind_tcp", "signal"}
        assert ruleset.unenforced == frozenset()
        ruleset.allow_path(tmp_path, "read_file", quiet=True)
        ruleset.allow_path(tmp_path, (), quiet=True)
        ruleset.allow_path(tmp_path, "read_file")
        ruleset.allow_port(80, "bind_tcp", quiet=True)
        ruleset.allow_port(80, (), quiet=True)
        assert rules == [(1, 4, 1), (1, 0, 1), (1, 4, 0), (2, 1, 1), (2, 0, 1)]
        with pytest.raises(TypeError, match="quiet must be True or False"):
            ruleset.allow_port(80, (), quiet=1)
    with Ruleset("read_file") as ruleset, pytest.raises(ValueError, match="made with the names of its quiet rights"):
        ruleset.allow_path(tmp_path, "read_file", quiet=True)


def test_quiet_of_an_older_kernel(kernel, monkeypatch, tmp_path):
    """Before ABI 10 quiet rights are an error, or are in what is not enforced."""
    made, rules = kernel(9), []
    monkeypatch.setattr(landlock, "landlock_add_rule", lambda *arguments: rules.append(arguments[2:]))
    with pytest.raises(NotEnforced, match=r"quiet \(landlock ABI 10, Linux 7\.2\): .*best_effort=True"):
        Ruleset("read_file", quiet="read_file")
    with Ruleset("read_file", (), (), quiet="read_file", best_effort=True) as ruleset:
        assert made == [RulesetAttr(1 << 2 | 1 << 13)]
        assert ruleset.unenforced == {"quiet"}
        ruleset.allow_path(tmp_path, (), quiet=True)
        ruleset.allow_port(80, (), quiet=True)
        assert rules == []
        ruleset.allow_path(tmp_path, "read_file", quiet=True)
        assert [flags for _, flags in rules] == [0]


def test_best_effort_on_this_kernel():
    """A right of a newer ABI is left out, and the others are enforced."""

    def body():
        missing = fence(["read_file"], abi=max(ABIS), best_effort=True)
        assert missing == {name for name, right in {**NET, **SCOPE}.items() if right.abi > abi()}
        return outcome(lambda: os.close(os.open("/proc/self/status", os.O_RDONLY)))

    assert in_child(body) == "EACCES"


@pytest.mark.skipif(max(ABIS) < 10, reason="the constants are older")
def test_new_rights_reach_the_kernel(kernel):
    """UDP and sockets with paths are asked for by their bits."""
    made = kernel(10)
    Ruleset("resolve_unix", {"bind_udp", "connect_send_udp"}, ()).close()
    assert made == [RulesetAttr(1 << 16 | 1 << 13, 12, 0)]


# rules


@pytest.mark.parametrize("form", [str, os.fsencode, lambda path: path, lambda path: os.open(path, os.O_RDONLY)])
def test_paths_in_any_form(place, form):
    """A rule takes a path as str, bytes or PathLike, or a descriptor."""

    def body():
        fence(READ, (), (), allow=[(form(place / "one"), READ)])
        assert (place / "one/file").read_text() == "content"
        assert os.listdir("one") == ["file"]
        return outcome((place / "two/file").read_text), outcome(lambda: os.listdir("."))

    assert in_child(body) == ("EACCES", "EACCES")


def test_a_path_that_is_missing(place):
    """A path that is not there is PathNotFound, with the name."""
    with Ruleset() as ruleset, pytest.raises(FileNotFoundError, match="does not exist") as caught:
        ruleset.allow_path("missing", READ)
    assert caught.value.filename == "missing"


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        (True, TypeError, "path must be a path or a descriptor, not bool"),
        (-1, InvalidArgument, "descriptor -1 is not open"),
        (99_999, InvalidArgument, "descriptor 99999 is not open"),
        ("a\0b", ValueError, r"embedded null byte in the path b'a\\x00b'"),
        (1.5, TypeError, "fd must be an int or have fileno"),
    ],
)
def test_what_is_not_a_path(path, error, words):
    """A path that cannot be one is an error that says why."""
    with Ruleset() as ruleset, pytest.raises(error, match=words):
        ruleset.allow_path(path, READ)


def test_a_rule_of_a_file(place):
    """A file gets the rights that a file can have, and none of directories alone."""

    def body():
        fence(None, (), (), allow=[("one/file", READ | WRITE)])
        with open("one/file", "r+") as file:
            assert file.read() == "content"
        return outcome(lambda: os.unlink("one/file"))

    assert in_child(body) == "EACCES"
    with Ruleset() as ruleset:
        with pytest.raises(InvalidArgument, match="not that of a directory, which alone can have read_dir, make_reg"):
            ruleset.allow_path("one/file", {"read_dir", "make_reg"})
        with pytest.raises(InvalidArgument, match="needs a right"):
            ruleset.allow_path("one/file", ())


def test_rules_and_symbolic_links(place):
    """A rule goes through a link to its file, but not from a directory to others."""

    assert fenced(lambda: open("link").close(), READ, (), (), allow=[("link", READ)]) is None
    assert fenced(lambda: open("two/link").close(), READ, (), (), allow=[("two", READ)]) == "EACCES"


def test_a_rule_belongs_to_the_file(place):
    """A file that takes the path later does not have the rights of the rule."""

    def body():
        with Ruleset(READ, (), ()) as ruleset:
            ruleset.allow_path("one/file", READ)
            os.rename("one/file", "one/moved")
            os.rename("two/file", "one/file")
            prctl.no_new_privs = True
            ruleset.restrict()
        open("one/moved").close()
        return outcome(lambda: open("one/file"))

    assert in_child(body) == "EACCES"


def test_rights_that_are_not_handled(place):
    """A rule about a right that the ruleset could have, and has not, is a mistake."""
    with Ruleset("read_file", (), ()) as ruleset:
        with pytest.raises(InvalidArgument, match=r"does not handle execute \(landlock ABI 1, .*allows it everywhere"):
            ruleset.allow_path("one", EXECUTE)
        with pytest.raises(ValueError, match="the rights are execute"):
            ruleset.allow_path("one", "read")


def test_rights_that_came_later(kernel):
    """A rule passes over rights of newer ABIs, and refuses to be about them alone."""
    kernel(10)
    with Ruleset(abi=1) as ruleset:
        ruleset.allow_path("/", {"execute", "ioctl_dev"})
        with pytest.raises(
            NotEnforced, match=r"has the rights of ABI 1, whose rules are not about refer \(landlock ABI 2"
        ):
            ruleset.allow_path("/", "refer")
        with pytest.raises(NotEnforced, match="bind_tcp"):
            ruleset.allow_port(80, "bind_tcp")
    with Ruleset(abi=1, best_effort=True) as ruleset:
        ruleset.allow_port(80, "bind_tcp")
        ruleset.allow_path("/", "refer")
        assert ruleset.unenforced == {"bind_tcp"}


@pytest.mark.parametrize(
    ("port", "error", "words"),
    [
        (-1, ValueError, "port is -1; it must be 0 to 65535"),
        (65536, ValueError, "port is 65536"),
        ("80", TypeError, "port"),
    ],
)
@needs_landlock(4)
def test_bad_ports(port, error, words):
    """A port is a number from 0 to 65535."""
    with Ruleset() as ruleset:
        with pytest.raises(error, match=words):
            ruleset.allow_port(port, "bind_tcp")
        ruleset.allow_port(65535, LANDLOCK_ACCESS_NET_BIND_TCP)


def test_rules_of_a_closed_ruleset():
    """A closed ruleset has neither rules nor a fence."""
    ruleset = Ruleset()
    ruleset.close()
    for method in (lambda: ruleset.allow_path("/", READ), lambda: ruleset.allow_port(1, "bind_tcp"), ruleset.restrict):
        with pytest.raises(ValueError, match="closed file"):
            method()


def test_adopted(place):
    """A ruleset that comes as a number has rules about the rights that it has."""

    def body():
        with Ruleset.adopt(landlock_create_ruleset(RulesetAttr(LANDLOCK_ACCESS_FS_READ_FILE))) as ruleset:
            assert ruleset.handled is None
            ruleset.allow_path("one", "read_file")
            with pytest.raises(InvalidArgument, match="rights that the ruleset does not handle"):
                ruleset.allow_path("one", "execute")
            prctl.no_new_privs = True
            ruleset.restrict()
        open("one/file").close()
        return outcome(lambda: open("two/file"))

    assert in_child(body) == "EACCES"
    with Ruleset(READ, (), ()) as ruleset, Ruleset.adopt(ruleset) as other:
        assert other.handled == READ | ({"refer"} if abi() > 1 else set())


# what is forbidden


def test_read_only(place):
    """A program that only reads cannot change a file, by any of the calls."""

    def body():
        fence(scope=(), net=(), allow=[("/", READ | EXECUTE)])
        with open("one/file") as file:
            assert file.read() == "content"
        return [
            outcome(lambda: open("one/file", "r+")),
            outcome(lambda: open("one/new", "w")),
            outcome(lambda: os.unlink("one/file")),
            outcome(lambda: os.mkdir("new")),
            outcome(lambda: os.rename("one/file", "one/new")),
            outcome(lambda: os.link("one/file", "one/new")),
        ]

    assert in_child(body) == ["EACCES"] * 6


@needs_landlock(3)
@pytest.mark.parametrize(("number", "expected"), [(2, None), (3, "EACCES")])
def test_truncate(place, number, expected):
    """Emptying a file needs truncate from ABI 3 on, and is free before."""

    def truncate():
        # PyPy would open it
        if support.libc.truncate(b"one/file", 0):
            raise OSError(ctypes.get_errno(), "truncate")

    assert fenced(truncate, None, (), (), number) == expected


def test_refer(place):
    """Every ruleset about files forbids to rename between directories, by any right."""

    def rename():
        os.rename("one/file", "two/new")

    assert fenced(rename, "execute", (), (), 1) == "EXDEV"
    if abi() > 1:
        assert fenced(rename, "execute", (), ()) == "EXDEV"
        assert fenced(rename, "execute", (), (), allow=[("one", "refer")]) == "EXDEV"
        assert fenced(rename, "execute", (), (), allow=[(".", "refer")]) is None


@needs_landlock(4)
def test_refer_without_files(place):
    """A ruleset about ports alone forbids no rename."""
    assert fenced(lambda: os.rename("one/file", "two/new"), (), "bind_tcp", ()) is None


@needs_landlock(2)
def test_refer_gains_no_right(place):
    """A file cannot be moved to where it would have more rights."""
    allow = [(".", WRITE), ("two", EXECUTE)]
    assert fenced(lambda: os.rename("one/file", "two/new"), None, (), (), allow=allow) == "EXDEV"
    assert fenced(lambda: os.rename("one/file", "two/new"), None, (), (), allow=[(".", WRITE)]) is None


@needs_landlock(5)
@pytest.mark.parametrize(("rights", "expected"), [("read_file", "EACCES"), ("read_file ioctl_dev", "ENOTTY")])
def test_ioctl_of_a_device(rights, expected):
    """A device that is opened without ioctl_dev has no commands of its own."""

    def command():
        with open("/dev/zero", "rb", buffering=0) as zero:
            fcntl.ioctl(zero, termios.FIONBIO, array("i", [0]))
            fcntl.ioctl(zero, termios.TIOCGWINSZ, bytes(8))

    assert fenced(command, {"read_file", "ioctl_dev"}, (), (), allow=[("/dev/zero", rights.split())]) == expected


@needs_landlock(4)
def test_port_zero():
    """The right to bind to port 0 is the right to a port that the kernel chooses."""

    def bind(port):
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))
            assert server.getsockname()[1]

    assert fenced(lambda: bind(0), (), "bind_tcp", ()) == "EACCES"
    assert fenced(lambda: bind(0), (), "bind_tcp", (), ports=[(0, "bind_tcp")]) is None
    assert fenced(lambda: bind(9), (), "bind_tcp", (), ports=[(0, "bind_tcp")]) == "EACCES"


@needs_landlock(6)
@pytest.mark.parametrize("inside", [False, True])
def test_abstract_sockets(inside):
    """With the scope, abstract sockets of others are out of reach, and own ones not."""
    name = f"\0butter {os.getpid()} {inside}"

    def body():
        fence((), (), "abstract_unix_socket")
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            if inside:
                server.bind(name)
                server.listen()
            return outcome(lambda: client.connect(name))

    with socket.socket(socket.AF_UNIX) as server:
        if not inside:
            server.bind(name)
            server.listen()
        assert in_child(body) == (None if inside else "EPERM")


@needs_landlock(6)
def test_signals():
    """With the scope, signals reach the children, and not the parent."""

    def body():
        fence((), (), "signal")
        with support.Child() as child:
            os.kill(child.pid, signal.SIGKILL)
        return outcome(lambda: os.kill(os.getppid(), 0))

    assert in_child(body) == "EPERM"


def test_open_files_stay_open(place):
    """A file that was opened before keeps its rights, and so does a directory."""

    def body():
        with open("one/file", "r+") as file:
            directory = os.open("one", os.O_RDONLY)
            fence()
            assert file.read() == "content"
            assert os.listdir(directory) == ["file"]
            return outcome(lambda: os.open("file", os.O_RDONLY, dir_fd=directory))

    assert in_child(body) == "EACCES"


# whom a fence is around


def test_children_and_programs(place):
    """A fence is around the children and the programs, and cannot be left."""

    def body():
        fence({"write_file"}, (), ())
        pid = os.fork()
        if not pid:
            os._exit(outcome(lambda: os.open("one/file", os.O_WRONLY)) != "EACCES")
        assert os.waitpid(pid, 0)[1] == 0
        program = "import os; os.open('one/file', os.O_WRONLY)"
        # pipes, because /dev/null cannot be opened for writing
        return subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, stdin=subprocess.PIPE).stderr

    assert b"PermissionError: [Errno 13]" in in_child(body)


def test_threads_that_exist(place):
    """Another thread stays outside the fence, and threads that start later do not."""

    def body():
        seen, turn = {}, threading.Event()

        def write(name):
            turn.wait()
            seen[name] = outcome(lambda: open("one/file", "r+").close())

        before = threading.Thread(target=write, args=("before",))
        before.start()
        fence({"write_file"}, (), ())
        after = threading.Thread(target=write, args=("after",))
        after.start()
        turn.set()
        before.join()
        after.join()
        return seen

    assert in_child(body) == {"before": None, "after": "EACCES"}


@pytest.mark.parametrize("best_effort", [False, True])
def test_every_thread(place, best_effort):
    """With tsync the fence is around every thread, or that is an error, or listed."""

    def body():
        seen, turn = [], threading.Event()

        def write():
            turn.wait()
            seen.append(outcome(lambda: open("one/file", "r+").close()))

        other = threading.Thread(target=write)
        other.start()
        prctl.no_new_privs = True
        try:
            with Ruleset("write_file", (), (), best_effort=best_effort) as ruleset:
                ruleset.restrict(tsync=True)
                missing = ruleset.unenforced
        finally:
            turn.set()
            other.join()
        return seen, missing

    if abi() >= 8:
        assert in_child(body) == (["EACCES"], frozenset())
    elif best_effort:
        assert in_child(body) == ([None], {"tsync"})
    else:
        with pytest.raises(NotEnforced, match=r"cannot enforce tsync \(landlock ABI 8, Linux 7\.0\): .*; leave it out"):
            in_child(body)


def test_the_only_thread(place):
    """One thread is every thread, on any ABI."""

    def body():
        prctl.no_new_privs = True
        with Ruleset("write_file", (), ()) as ruleset:
            ruleset.restrict(tsync=True)
            assert ruleset.unenforced == frozenset()
        return outcome(lambda: open("one/file", "r+"))

    assert in_child(body) == "EACCES"


def test_fences_add_up(place):
    """An inner fence allows nothing that an outer one forbids."""

    def body():
        fence({"read_file"}, (), (), allow=[("one", "read_file")])
        fence({"read_file"}, (), (), allow=[("/", "read_file")])
        open("one/file").close()
        return outcome(lambda: open("two/file"))

    assert in_child(body) == "EACCES"


def test_rules_after_the_fence(place):
    """A rule that comes after restrict is not in force."""

    def body():
        prctl.no_new_privs = True
        with Ruleset("read_file", (), ()) as ruleset:
            ruleset.restrict()
            ruleset.allow_path(os.open(".", os.O_RDONLY), "read_file")
            assert outcome(lambda: os.open("one/file", os.O_RDONLY)) == "EACCES"
        return outcome(lambda: open("one/file"))

    assert in_child(body) == "EACCES"


def test_privileges_are_the_callers():
    """A ruleset never sets no_new_privs, and without privileges that is an error."""

    def body():
        support.become_nobody()
        with Ruleset() as ruleset:
            with pytest.raises(PermissionError, match=r"needs CAP_SYS_ADMIN.*'prctl\.no_new_privs = True' sets it"):
                ruleset.restrict()
            assert not prctl.no_new_privs
            prctl.no_new_privs = True
            ruleset.restrict()

    in_child(body)


# the sentences of errors


class OldKernel:
    """The C functions of landlock on a kernel with this ABI, which refuses the call."""

    def __init__(self, abi, number):
        self.abi, self.number = abi, number

    def landlock_create_ruleset(self, attr, size, flags):
        return self.abi if flags == LANDLOCK_CREATE_RULESET_VERSION and size == 0 else -1 - self.number

    def landlock_add_rule(self, *_):
        return -1 - self.number

    landlock_restrict_self = landlock_add_rule


ATTR = RulesetAttr(LANDLOCK_ACCESS_FS_READ_FILE)


@pytest.mark.parametrize(
    ("number", "call", "error", "words"),
    [
        (
            3,
            lambda: landlock_create_ruleset(RulesetAttr(1 << 15)),
            errno.EINVAL,
            r"know ioctl_dev \(.*has landlock ABI 3$",
        ),
        (
            9,
            lambda: landlock_create_ruleset(RulesetAttr(0, 4)),
            errno.EINVAL,
            r"know bind_udp \(landlock ABI 10, Linux 7",
        ),
        (
            3,
            lambda: landlock_create_ruleset(RulesetAttr(0, 1)),
            errno.E2BIG,
            r"know bind_tcp \(landlock ABI 4, Linux 6\.7",
        ),
        (5, lambda: landlock_create_ruleset(RulesetAttr(0, 1, 2)), errno.E2BIG, r"know signal \(landlock ABI 6"),
        (9, lambda: landlock_create_ruleset(RulesetAttr(4, 0, 0, 4)), errno.E2BIG, "quiet rights came with ABI 10"),
        (10, lambda: landlock_create_ruleset(RulesetAttr(4, 0, 0, 8)), errno.EINVAL, "a quiet right has to be handled"),
        (10, lambda: landlock_create_ruleset(ATTR, 7), errno.EINVAL, "size is 7; the shortest struct has 8 bytes"),
        (10, lambda: landlock_create_ruleset(ATTR, 8, 4), errno.EINVAL, "unknown flags 0x4"),
        (10, lambda: landlock_create_ruleset(ATTR, 8, 1), errno.EINVAL, "a flag asks a question, alone"),
        (6, lambda: landlock_create_ruleset(None, 0, 2), errno.EINVAL, "ERRATA needs a kernel that has it, as Linux 6"),
        (10, lambda: landlock_create_ruleset(ATTR), errno.EINVAL, "seccomp filter or a security module"),
        (3, lambda: landlock_add_rule(0, 2, NetPortAttr(1, 80)), errno.EINVAL, "rules about ports came with ABI 4"),
        (4, lambda: landlock_add_rule(0, 2, NetPortAttr(1, 1 << 16)), errno.EINVAL, "the port is 65536"),
        (
            4,
            lambda: landlock_add_rule(0, 2, NetPortAttr(4, 80)),
            errno.EINVAL,
            "rights that the ruleset does not handle",
        ),
        (
            9,
            lambda: landlock_add_rule(0, 2, NetPortAttr(1, 80), 1),
            errno.EINVAL,
            "QUIET came with ABI 10, Linux 7.2: ",
        ),
        (10, lambda: landlock_add_rule(0, 2, NetPortAttr(1, 80), 2), errno.EINVAL, "unknown flags 0x2"),
        (4, lambda: landlock_add_rule(0, 3, None), errno.EINVAL, "rule_type is 3, which is not one of LandlockRule"),
        (4, lambda: landlock_add_rule(99_999, 2, NetPortAttr(1, 80)), errno.EBADF, "descriptor 99999 is not open"),
        (
            4,
            lambda: landlock_add_rule(99_999, 2, NetPortAttr(1, 80)),
            errno.EBADFD,
            "descriptor 99999 is not a ruleset",
        ),
        (7, lambda: landlock_restrict_self(0, 8), errno.EINVAL, r"know tsync \(landlock ABI 8, Linux 7\.0\): "),
        (8, lambda: landlock_restrict_self(0, 8), errno.EINVAL, "seccomp filter or a security module"),
        (8, lambda: landlock_restrict_self(99_999), errno.EBADFD, "descriptor 99999 is not a ruleset"),
    ],
)
def test_sentences(monkeypatch, number, call, error, words):
    """An error says which bit, flag or argument it is about, and which ABI there is."""
    for module in _landlock, _landlock_errors:
        monkeypatch.setattr(module, "lib", OldKernel(number, error))
    with pytest.raises(InvalidArgument, match=words) as caught:
        call()
    assert caught.value.errno == error


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: landlock_create_ruleset((1,)), TypeError, "attr must be a RulesetAttr or None, not tuple"),
        (lambda: landlock_create_ruleset(RulesetAttr(-1)), ValueError, "handled_access_fs is -1"),
        (lambda: landlock_create_ruleset(RulesetAttr(0, 1 << 64)), ValueError, "handled_access_net is"),
        (lambda: landlock_create_ruleset(ATTR, -1), ValueError, "size is -1"),
        (lambda: landlock_create_ruleset(ATTR, None, 1 << 32), ValueError, "flags is"),
        (lambda: landlock_add_rule(0, 1, (1, 0)), TypeError, "a PathBeneathAttr, a NetPortAttr or None, not tuple"),
        (
            lambda: landlock_add_rule(0, 1, NetPortAttr(1, 1)),
            TypeError,
            "PATH_BENEATH does not have a NetPortAttr",
        ),
        (lambda: landlock_add_rule(0, 2, PathBeneathAttr(1, 1)), TypeError, "NET_PORT does not have a PathBeneathAttr"),
        (lambda: landlock_create_ruleset(None, 99), InvalidArgument, "attr is None, and the kernel reads"),
        (lambda: landlock_add_rule(0, 1, PathBeneathAttr(-1, 0)), ValueError, "allowed_access is -1"),
        (lambda: landlock_add_rule(0, 1, PathBeneathAttr(1, "0")), TypeError, "str"),
        (lambda: landlock_add_rule(0, 2, NetPortAttr(1, -1)), ValueError, "port is -1"),
        (lambda: landlock_restrict_self(0, -1), ValueError, "flags is -1"),
        (lambda: landlock_restrict_self(None), TypeError, "NoneType"),
    ],
)
def test_bad_arguments_of_calls(call, error, words):
    """A wrong type, or a number that C does not have, is refused before the call."""
    with pytest.raises(error, match=words):
        call()


def test_a_longer_struct():
    """A struct that is longer than the newest one is filled with zeros."""
    os.close(landlock_create_ruleset(ATTR, 1000))


# the log


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, 0),
        ({"log_same_exec": False}, 1),
        ({"log_new_exec": True}, 2),
        ({"log_subdomains": False}, 4),
        ({"log_same_exec": False, "log_new_exec": True, "log_subdomains": False, "tsync": True}, 15),
    ],
)
def test_flags(kernel, monkeypatch, options, flags):
    """Each option of restrict is a flag; ABIs without it refuse it, or leave it out."""
    given = []
    monkeypatch.setattr(landlock, "landlock_restrict_self", lambda fd, flags: given.append(flags))
    monkeypatch.setattr(landlock, "status_field", lambda name: "2")
    kernel(8)
    with Ruleset() as ruleset:
        ruleset.restrict(**options)
        kernel(6)
        if options:
            with pytest.raises(NotEnforced, match=re.escape("(landlock ABI 7, Linux 6.15)")):
                ruleset.restrict(**options)
    assert given == [flags]
    with Ruleset(best_effort=True) as ruleset:
        ruleset.restrict(**options)
        assert ruleset.unenforced == {name for name, right in FLAGS.items() if right.bit & flags}
    assert given == [flags, 0]


@needs_landlock(7)
def test_flags_on_this_kernel():
    """The kernel takes each flag of the log, and one of them without a ruleset."""

    def body():
        prctl.no_new_privs = True
        landlock_restrict_self(-1, LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF)
        with Ruleset() as ruleset:
            ruleset.restrict(log_same_exec=False, log_new_exec=True, log_subdomains=False)

    in_child(body)
