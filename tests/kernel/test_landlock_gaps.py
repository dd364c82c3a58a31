"""The things that landlock lets through: each gap of the table, on this kernel."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import resource
import signal
import socket
import sys
import termios
import traceback

import pytest
from support import in_child, libc, needs_landlock
from support.attacks.world import program

from butter.inotify import IN_CREATE, Inotify
from butter.landlock import GAPS, READ, Ruleset, abi
from butter.memfd import memfd_create
from butter.prctl import prctl

pytestmark = needs_landlock(1)

ACTIONS = {}
SHMGET, SHMCTL = {"x86_64": (29, 31), "aarch64": (194, 195)}[platform.machine()]
KEYCTL = {"x86_64": 250, "aarch64": 219}[platform.machine()]


def passes(name, prepare=lambda: None):
    """The decorated function does what the gap *name* is about.

    It gets what *prepare* returned before the fence.
    """

    def register(function):
        ACTIONS.setdefault(name, []).append((prepare, function))
        return function

    return register


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return result


@passes("stat")
def look(_):
    os.stat("file")
    os.readlink("link")
    os.statvfs("file")


@passes("inotify")
def watch(_):
    with Inotify() as inotify:
        inotify.watch("directory", IN_CREATE)


@passes("chdir")
def go(_):
    os.chdir("directory")


@passes("chmod")
def change_mode(_):
    os.chmod("file", 0o600)


@passes("chown")
def change_group(_):
    os.chown("file", -1, os.getegid())


@passes("utime")
def change_times(_):
    os.utime("file")


@passes("xattr")
def change_attributes(_):
    os.listxattr("file")
    with contextlib.suppress(OSError):
        os.setxattr("file", "user.butter", b"x")


def open_file():
    return os.open("file", os.O_RDWR)


@passes("flock", open_file)
def lock(fd):
    fcntl.flock(fd, fcntl.LOCK_EX)


@passes("open_files", open_file)
def read(fd):
    assert os.read(fd, 7) == b"content"
    os.ftruncate(fd, 7)


@passes("open_files", lambda: os.open(".", os.O_RDONLY))
def list_directory(fd):
    assert os.listdir(fd)


@passes("mmap", lambda: os.open(sys.executable, os.O_RDONLY))
def map_code(fd):
    mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()


# programs that do nothing but exit
MACHINE, CODE = {
    "x86_64": (62, "b83c00000031ff0f05"),  # mov $60, %eax; xor %edi, %edi; syscall
    "aarch64": (183, "a80b8052000080d2010000d4"),  # mov w8, #93; mov x0, #0; svc #0
}[platform.machine()]


@passes("memfd")
def execute_memory(_):
    fd = memfd_create("program")
    os.write(fd, program(bytes.fromhex(CODE), MACHINE))
    pid = os.fork()
    if not pid:
        try:
            os.execve(fd, ["program"], {})
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, "execve")


@passes("truncate")
def truncate(_):
    if libc.truncate(b"file", 0):  # PyPy would open it
        raise OSError(ctypes.get_errno(), "truncate")


def server(family, kind, address):
    listening = socket.socket(family, kind)
    listening.bind(address)
    if kind == socket.SOCK_STREAM:
        listening.listen()
    return listening


def tcp():
    return server(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))


@passes("tcp", tcp)
def connect(listening):
    with socket.socket() as client:
        client.connect(listening.getsockname())


@passes("ioctl")
def command(_):
    # the rule of the fence allows to open it
    with open("/dev/zero", "rb", buffering=0) as zero:
        try:
            fcntl.ioctl(zero, termios.TIOCGWINSZ, bytes(8))
        except OSError as error:
            if error.errno != errno.ENOTTY:  # the answer of the device
                raise


@passes("abstract_unix_socket", lambda: server(socket.AF_UNIX, socket.SOCK_STREAM, ""))
def connect_to_a_name(listening):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listening.getsockname())


@passes("signal")
def send_signal(_):
    os.kill(os.getppid(), 0)


@passes("unix_socket", lambda: server(socket.AF_UNIX, socket.SOCK_STREAM, "socket"))
def connect_to_a_path(_):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("socket")


@passes("udp", lambda: server(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)))
def send(receiving):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", receiving.getsockname())


@passes("tcp_fast_open", tcp)
def connect_by_sending(listening):
    with socket.socket() as client:
        client.sendto(b"x", 0x20000000, listening.getsockname())  # MSG_FASTOPEN


@passes("tcp_listen")
def listen(_):
    with socket.socket() as listening:
        listening.listen()
        assert listening.getsockname()[1]


@passes("mptcp", tcp)
def connect_by_mptcp(listening):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as client:
        client.connect(listening.getsockname())


@passes("raw_socket")
def raw(_):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


@passes("netlink")
def netlink(_):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as route:
        route.bind((0, 0))


@passes("vsock")
def vsock(_):
    socket.socket(40, socket.SOCK_STREAM).close()


@passes("shared_memory")
def share(_):
    call(SHMCTL, call(SHMGET, 0, 4096, 0o1600), 0, None)


@passes("keyring")
def ask_for_a_keyring(_):
    call(KEYCTL, 0, -3, 1)  # KEYCTL_GET_KEYRING_ID of the session


@passes("limits")
def limit_another(_):
    limits = resource.prlimit(os.getppid(), resource.RLIMIT_CORE)
    resource.prlimit(os.getppid(), resource.RLIMIT_CORE, limits)


@passes("user_namespace")
def leave_the_user_namespace(_):
    if libc.unshare(0x10000000):
        raise OSError(errno.EPERM, "unshare")


@passes("io_uring")
def ring(_):
    os.close(call(425, 1, bytes(120)))


@passes("system")
def name_the_host(_):
    if os.geteuid() == 0:
        socket.sethostname(socket.gethostname())


#: the errno where a kernel has closed a gap without a new ABI, as Debian's 6.12
CLOSED = {"tcp_fast_open": "EACCES"}


def outcome(prepare, action, fenced):
    """The name of the errno that *action* fails with in a child, or None."""

    def body():
        # the parent of the action, outside the fence, is of the same user
        prepared = prepare()
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            if fenced:
                prctl.no_new_privs = True
                with Ruleset() as ruleset:
                    ruleset.allow_path("/dev/zero", READ)
                    ruleset.restrict()
            signal.alarm(30)
            action(prepared)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
        except BaseException:
            traceback.print_exc()
            os._exit(255)

    code = in_child(body)
    assert code in errno.errorcode or not code, "the action failed, see its stderr"
    return errno.errorcode.get(code)


def test_each_gap_is_tried():
    """There is an action for each gap of the table, and no other."""
    assert ACTIONS.keys() == GAPS.keys()
    assert all(gap.name == name and gap.calls and gap.meaning for name, gap in GAPS.items())


@pytest.mark.parametrize(
    ("name", "prepare", "action"),
    [pytest.param(name, *way, id=way[1].__name__) for name, ways in ACTIONS.items() for way in ways],
)
def test_gap(tmp_path, monkeypatch, name, prepare, action):
    """A thing that works without a fence works within it, until an ABI forbids it."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "directory").mkdir()
    monkeypatch.chdir(tmp_path)
    without = outcome(prepare, action, False)
    (tmp_path / "socket").unlink(missing_ok=True)
    if GAPS[name].abi is None or GAPS[name].abi > abi():
        assert outcome(prepare, action, True) in (without, CLOSED.get(name, without))
    else:
        assert without is None
        assert outcome(prepare, action, True) in ("EACCES", "EPERM")
