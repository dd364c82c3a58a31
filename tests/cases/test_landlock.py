"""The cases of landlock: one test for each, named after it."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import termios
from array import array

import pytest
import support
from support import in_child, needs, needs_landlock

from butter.errors import InvalidArgument
from butter.landlock import (
    EXECUTE,
    LANDLOCK_ACCESS_FS_EXECUTE,
    LANDLOCK_ACCESS_NET_BIND_TCP,
    LANDLOCK_RULE_NET_PORT,
    LANDLOCK_RULE_PATH_BENEATH,
    NetPortAttr,
    NotEnforced,
    PathBeneathAttr,
    Ruleset,
    abi,
    landlock_add_rule,
    landlock_restrict_self,
)
from butter.prctl import prctl


def restrict(ruleset):
    """Put the ruleset around this process: for a child."""
    prctl.no_new_privs = True
    with ruleset:
        ruleset.restrict()


@contextlib.contextmanager
def refused(number):
    """The block fails with this errno."""
    with pytest.raises(OSError, match=re.escape(f"[Errno {number}]")):
        yield


# landlock02


@pytest.fixture
def only_execute():
    with Ruleset(LANDLOCK_ACCESS_FS_EXECUTE, net=(), scope=(), abi=1) as ruleset:
        yield ruleset


@pytest.fixture
def below():
    """The attribute of the rule that everything below the root may be executed."""
    fd = os.open("/", os.O_RDONLY)
    yield PathBeneathAttr(LANDLOCK_ACCESS_FS_EXECUTE, fd)
    os.close(fd)


@needs_landlock(4)
@pytest.mark.parametrize(
    ("rule_type", "changed", "flags", "number"),
    [
        (LANDLOCK_RULE_PATH_BENEATH, {}, 1, errno.EINVAL),
        (0, {}, 0, errno.EINVAL),
        (LANDLOCK_RULE_PATH_BENEATH, {"allowed_access": 0}, 0, errno.ENOMSG),
        (LANDLOCK_RULE_PATH_BENEATH, {"parent_fd": -1}, 0, errno.EBADF),
        (LANDLOCK_RULE_PATH_BENEATH, None, 0, errno.EFAULT),
        (LANDLOCK_RULE_NET_PORT, NetPortAttr(LANDLOCK_ACCESS_FS_EXECUTE, 448), 0, errno.EINVAL),
        (LANDLOCK_RULE_NET_PORT, NetPortAttr(LANDLOCK_ACCESS_NET_BIND_TCP, 32768), 0, errno.EINVAL),
    ],
)
def test_landlock02(only_execute, below, rule_type, changed, flags, number):
    """A rule that the ruleset cannot have is refused."""
    attr = below._replace(**changed) if isinstance(changed, dict) else changed
    if flags and abi() >= 10:
        flags = 2  # 1 is LANDLOCK_ADD_RULE_QUIET by then
    with refused(number):
        landlock_add_rule(only_execute, rule_type, attr, flags)
    landlock_add_rule(only_execute, LANDLOCK_RULE_PATH_BENEATH, below)


@needs_landlock(1)
def test_landlock02_without_a_ruleset(below):
    """A rule needs the descriptor of a ruleset."""
    with refused(errno.EBADF):
        landlock_add_rule(-1, LANDLOCK_RULE_PATH_BENEATH, below)


# landlock03


@needs_landlock(1)
@pytest.mark.parametrize(
    ("fd", "flags", "number"),
    [(None, 0xFFFFFFFF, errno.EINVAL), (-1, 0, errno.EBADF), ("/proc/self/status", 0, errno.EBADFD)],
)
def test_landlock03(only_execute, fd, flags, number):
    """A thread is not restricted by what is not a ruleset, or with unknown flags."""

    def body():
        prctl.no_new_privs = True
        with contextlib.ExitStack() as stack:
            ruleset = only_execute if fd is None else stack.enter_context(open(fd)) if isinstance(fd, str) else fd
            with refused(number):
                landlock_restrict_self(ruleset, flags)

    in_child(body)


@needs_landlock(1)
def test_landlock03_without_privileges(only_execute):
    """A thread needs no_new_privs or CAP_SYS_ADMIN, and the error says so."""

    def body():
        support.become_nobody()
        with pytest.raises(PermissionError, match=r"CAP_SYS_ADMIN.*prctl\.no_new_privs = True"):
            landlock_restrict_self(only_execute)
        prctl.no_new_privs = True
        landlock_restrict_self(only_execute)

    in_child(body)


@needs_landlock(1)
def test_landlock03_layers(only_execute):
    """Sixteen rulesets fit around a thread, and not a seventeenth."""

    def body():
        prctl.no_new_privs = True
        for _ in range(16):
            landlock_restrict_self(only_execute)
        with pytest.raises(InvalidArgument, match="16 rulesets around it") as caught:
            landlock_restrict_self(only_execute)
        assert caught.value.errno == errno.E2BIG

    in_child(body)


# landlock04


def execute():
    pid = os.fork()
    if not pid:
        try:
            os.execv("program", ["program"])
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def open_and_close(flags):
    os.close(os.open("file", flags))


def shorten_by_descriptor():
    fd = os.open("file", os.O_WRONLY)
    try:
        os.ftruncate(fd, 1)
    finally:
        os.close(fd)


def make_socket():
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket")


# what is done, and the rights that it needs
OPERATIONS = [
    (execute, "execute read_file"),
    (lambda: open_and_close(os.O_WRONLY), "write_file"),
    (lambda: open_and_close(os.O_RDONLY), "read_file"),
    (lambda: os.listdir("."), "read_dir"),
    (lambda: os.rmdir("directory"), "remove_dir"),
    (lambda: os.unlink("unlinked"), "remove_file"),
    (lambda: os.remove("removed"), "remove_file"),
    (lambda: os.mknod("regular", stat.S_IFREG | 0o600), "make_reg"),
    (lambda: os.mknod("character", stat.S_IFCHR | 0o600, os.makedev(1, 3)), "make_char"),
    (lambda: os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(7, 0)), "make_block"),
    (lambda: os.mkfifo("fifo"), "make_fifo"),
    (make_socket, "make_sock"),
    (lambda: os.symlink("file", "link"), "make_sym"),
    (lambda: os.truncate("file", 1), "truncate"),
    (shorten_by_descriptor, "write_file truncate"),
    (lambda: open_and_close(os.O_WRONLY | os.O_TRUNC), "write_file truncate"),
]
GRANTED = [
    "execute read_file",
    "write_file",
    "read_file",
    "read_dir",
    "remove_dir",
    "remove_file",
    "make_char",
    "make_block",
    "make_reg",
    "make_sock",
    "make_fifo",
    "make_sym",
    "truncate write_file",
]


@needs_landlock(3)
@needs("CAP_MKNOD")
@pytest.mark.parametrize("granted", GRANTED)
def test_landlock04(tmp_path, granted):
    """An operation works if its rights were granted, and fails with EACCES if not."""
    shutil.copy("/bin/true", tmp_path / "program")
    for name in "file", "unlinked", "removed":
        (tmp_path / name).write_text("content")
    (tmp_path / "directory").mkdir()

    def body():
        os.chdir(tmp_path)
        ruleset = Ruleset(net=(), scope=())
        for place in {os.path.realpath(place) for place in ("/lib", "/lib64", "/usr/lib") if os.path.exists(place)}:
            ruleset.allow_path(place, EXECUTE)
        ruleset.allow_path(".", granted.split())
        restrict(ruleset)
        for operation, needed in OPERATIONS:
            if set(needed.split()) <= set(granted.split()):
                operation()
            else:
                with refused(errno.EACCES):
                    operation()

    in_child(body)


# landlock05


@needs_landlock(2)
def test_landlock05(tmp_path):
    """A file is renamed between directories if both of them have refer."""
    for name in "folder1", "folder2", "folder3":
        (tmp_path / name).mkdir()
    (tmp_path / "folder1/file").touch()

    def body():
        os.chdir(tmp_path)
        ruleset = Ruleset(["read_file", "write_file", "refer"], net=(), scope=(), abi=2)
        ruleset.allow_path("folder1", "refer")
        ruleset.allow_path("folder2", "refer")
        restrict(ruleset)
        os.rename("folder1/file", "folder2/file")
        with refused(errno.EXDEV):
            os.rename("folder2/file", "folder3/file")
        os.rename("folder2/file", "folder1/file")

    in_child(body)


# landlock06


@needs_landlock(5)
def test_landlock06(tmp_path):
    """Without ioctl_dev, the commands of files and those of every descriptor work."""
    (tmp_path / "file").write_text("content")

    def body():
        with open(tmp_path / "file", "rb") as file, open("/dev/zero", "rb", buffering=0) as zero:
            restrict(Ruleset("ioctl_dev", net=(), scope=(), abi=5))
            waiting = array("i", [0])
            fcntl.ioctl(file, termios.FIONREAD, waiting)
            assert waiting[0] == 7
            for command in termios.FIOCLEX, termios.FIONCLEX:
                fcntl.ioctl(zero, command)
            for command in termios.FIONBIO, termios.FIOASYNC:
                fcntl.ioctl(zero, command, array("i", [0]))

    in_child(body)


# landlock08

FAMILIES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
RIGHTS = {
    (socket.SOCK_STREAM, "bind"): "bind_tcp",
    (socket.SOCK_STREAM, "connect"): "connect_tcp",
    (socket.SOCK_DGRAM, "bind"): "bind_udp",
    (socket.SOCK_DGRAM, "connect"): "connect_send_udp",
}


def use(method, family, kind, port):
    with socket.socket(family, kind) as user:
        user.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        getattr(user, method)((FAMILIES[family], port))


@needs_landlock(4)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("kind", "method"), RIGHTS)
def test_landlock08(family, kind, method):
    """A port is bound or connected to if a rule allows it; others are EACCES."""
    # where the ABI does not have UDP, the ruleset is refused, and names right and ABI
    right = RIGHTS[kind, method]
    if "udp" in right and abi() < 10:
        with pytest.raises(
            NotEnforced, match=rf"{right} \(landlock ABI 10, Linux 7\.2\): .* has landlock ABI {abi()};"
        ):
            Ruleset((), right, ())
        return

    def body(port):
        use(method, family, kind, port)
        ruleset = Ruleset((), right, ())
        ruleset.allow_port(port, right)
        restrict(ruleset)
        use(method, family, kind, port)
        with refused(errno.EACCES):
            use(method, family, kind, port + 0x80)

    with socket.socket(family, kind) as server:
        server.bind((FAMILIES[family], 0))
        port = server.getsockname()[1]
        if method == "bind":
            server.close()
        elif kind == socket.SOCK_STREAM:
            server.listen()
        in_child(body, port)


# landlock10


@needs_landlock(6)
@pytest.mark.parametrize("fenced", ["target", "killer", "both"])
def test_landlock10(fenced):
    """A signal leaves no fence that has the scope, and is sent within one."""

    def body():
        if fenced == "both":
            restrict(Ruleset((), (), "signal"))
        reading, writing = os.pipe()
        target = os.fork()
        if not target:
            if fenced == "target":
                restrict(Ruleset((), (), "signal"))
            os.write(writing, b"x")
            signal.pause()
        os.read(reading, 1)
        killer = os.fork()
        if not killer:
            if fenced == "killer":
                restrict(Ruleset((), (), "signal"))
            try:
                os.kill(target, signal.SIGKILL)
            except OSError as error:
                os._exit(error.errno)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(killer, 0)[1])
        if code:
            os.kill(target, signal.SIGKILL)
        os.waitpid(target, 0)
        return code

    assert in_child(body) == (errno.EPERM if fenced == "killer" else 0)
