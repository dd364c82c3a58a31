"""What the tests share: children, needs, descriptors, and system calls that fail on demand."""

from __future__ import annotations

import ctypes
import os
import pickle
import platform
import resource
import select
import signal
import struct
import sys
import time
import traceback
from contextlib import contextmanager

import pytest

from butter.signalfd import SFD_NONBLOCK, Signalfd

# @needs("CAP_SYS_ADMIN"), @needs(kernel=(5, 13)): a skip where that is not met, or a failure with --no-kernel-skips
needs = pytest.mark.needs

CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_SETUID": 7,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_SYS_TIME": 25,
    "CAP_WAKE_ALARM": 35,
}


def capable(name):
    """Whether this process has the capability *name* in force."""
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))
    return bool(effective >> CAPABILITIES[name] & 1)


def kernel():
    """The running kernel's version, as ``(6, 18)``."""
    return tuple(int(number) for number in platform.release().split("-")[0].split(".")[:2])


def unmet(*capabilities, kernel=None, when=True, reason=""):
    """Why a need is not met, or None."""
    for name in capabilities:
        if not capable(name):
            return f"needs {name}"
    if kernel is not None and globals()["kernel"]() < kernel:
        return f"needs Linux {kernel[0]}.{kernel[1]}"
    return None if when else reason


def descriptors():
    """The open descriptors of this process: ``{number: what it is}``."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # that of the listing itself
    return found


def in_child(body, *args, timeout=60):
    """What ``body(*args)`` returns, run in a forked child; what it raises is raised here.

    A child that dies of a signal, or takes longer than *timeout* seconds, is a failure.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            try:
                outcome = (True, body(*args))
            except BaseException as error:
                error.__notes__ = [traceback.format_exc()]
                outcome = (False, error)
            with open(writing, "wb") as pipe:
                pickle.dump(outcome, pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    deadline = time.monotonic() + timeout
    data = b""
    with open(reading, "rb", buffering=0) as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while True:
            if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                pytest.fail(f"the child took longer than {timeout} seconds")
            part = pipe.read(1 << 16)
            if not part:
                break
            data += part
    _, status = os.waitpid(pid, 0)
    assert os.WIFEXITED(status), f"the child died of {signal.Signals(os.WTERMSIG(status)).name}"
    assert os.WEXITSTATUS(status) == 0, "the child failed, see its stderr"
    good, value = pickle.loads(data)
    if not good:
        raise value
    return value


def become_nobody():
    """Be a user who may not pass by permissions, and who uses nothing yet, where the tests run as root: for a child."""
    if os.geteuid() == 0:
        # of its own, since limits of a user count what another suite uses too
        nobody = 20_000 + os.getpid() % 40_000
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)


def allow_descriptors(count):
    """Let this process have *count* descriptors: for a child.

    Root may though its hard limit is lower.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def needs_descriptors(count):
    """The mark of a test that calls ``allow_descriptors(count)``."""
    with open("/proc/sys/fs/nr_open") as file:
        most = int(file.read()) if capable("CAP_SYS_RESOURCE") else resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return needs(when=count <= most, reason=f"needs CAP_SYS_RESOURCE, or a hard limit of {count} descriptors")


def occupy_descriptors(last):
    """Open descriptors until the number *last* is taken: for a child."""
    allow_descriptors(4096)
    while os.dup(0) < last:
        pass


def exhaust_descriptors(make, *args, limit=0):
    """Call ``make(*args)`` in a child that may have *limit* descriptors until it raises, which is raised here."""

    def body():
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        made = []  # which keeps them open
        while True:
            made.append(make(*args))

    in_child(body)


def drain(source):
    """Every event that waits in *source*, which is non-blocking."""
    events = []
    while found := source.read_events():
        events += found
    return events


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def read_all(fd):
    """What a descriptor gives until its end."""
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def alarms(handler, interval=0.02, once=False):
    """Call *handler* for SIGALRM, which comes every *interval* seconds.

    With an interval of 0 it comes only when a test sends it. A handler is not called
    within itself, though on a slow machine the signal comes while it runs; nor again
    after it raised or, with *once*, was called. The signal goes on coming, because one
    right in front of a system call does not end its waiting.
    """
    turns = [None]

    def handle(*args):
        try:
            turns.pop()
        except IndexError:
            return
        handler(*args)
        if not once:
            turns.append(None)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, interval, interval)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def when_waiting(handler):
    """Return a handler for ``alarms`` that calls *handler* only in a wait.

    That is where the signal comes twice in a row.
    """
    place = None

    def handle(number, frame):
        nonlocal place
        last, place = place, (frame.f_code, frame.f_lasti)
        if place == last:
            handler(number, frame)

    return handle


def block_everywhere(number):
    """Block the signal *number*, and wait until each thread of this process does.

    Any other would take it, and before Python 3.13 a thread that was joined may still
    have to end. Returns what this thread blocked before.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    deadline = time.monotonic() + 30
    while not all(blocks(f"/proc/self/task/{thread}/status", number) for thread in os.listdir("/proc/self/task")):
        assert time.monotonic() < deadline, f"a thread does not block signal {number}"
    return before


def blocks(status, number):
    """Whether the thread of this file blocks the signal *number*, or has ended."""
    try:
        with open(status) as lines:
            mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigBlk"))
    except (FileNotFoundError, ProcessLookupError):
        return True
    return bool(mask >> number - 1 & 1)


def discard(number):
    """Take the signal *number*, which is blocked, away from who would get it when it no longer is."""
    with Signalfd(number, SFD_NONBLOCK) as rest:
        while rest.read_events():
            pass


def same_path(program):
    """*program* for ``python -c``: it imports what this process does, and not what lies in the working directory."""
    return f"import sys; sys.path[:] = {sys.path!r}\n{program}"


libc = ctypes.CDLL(None, use_errno=True)


def own_namespaces(root=True):
    """Make this process root in a user namespace and a mount namespace of its own: for a child.

    Without *root* the namespace knows no user: a program that is run then has no capability, root's neither.
    """
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(0x10000000 | 0x20000):  # CLONE_NEWUSER, CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    if not root:
        return
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def namespaces_allowed():
    """Whether a process of this user can have a user namespace."""
    try:
        in_child(own_namespaces)
    except OSError:
        return False
    return True


needs_namespaces = needs(when=namespaces_allowed(), reason="needs user namespaces")

# numbers on x86_64 and on aarch64
_SYSCALLS = {
    "read": (0, 63),
    "write": (1, 64),
    "poll": (7, 73),  # which is ppoll on aarch64
    "lseek": (8, 62),
    "pwrite64": (18, 68),
    "fcntl": (72, 25),
    "signalfd4": (289, 74),
    "splice": (275, 76),
    "tee": (276, 77),
    "sendfile": (40, 71),
    "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    "eventfd2": (290, 19),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "inotify_rm_watch": (255, 28),
    "memfd_create": (319, 279),
    "copy_file_range": (326, 285),
    "rt_sigprocmask": (14, 135),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def inject(call, number, first=None):
    """From now on, and for ever, the system call *call* of this process fails with errno *number*: run it in a child.

    With *first*, only calls whose first argument is that number.
    """
    column, architecture = _ARCHITECTURES[platform.machine()]
    allow = (0x06, 0, 0, 0x7FFF0000)
    program = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 1, 0, architecture),
        allow,
        (0x20, 0, 0, 0),  # load the number of the call
        (0x15, 1, 0, _SYSCALLS[call][column]),
        allow,
    ]
    if first is not None:
        program += [(0x20, 0, 0, 16), (0x15, 1, 0, first), allow]
    program.append((0x06, 0, 0, 0x00050000 | number))
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    filters = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    argument = Program(len(program), ctypes.addressof(filters))
    # PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP in SECCOMP_MODE_FILTER
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(argument)):
        raise OSError(ctypes.get_errno(), "seccomp")


def inject_in_child(call, number, function, *args, first=None):
    """Run ``function(*args)`` in a child after ``inject(call, number, first)``; what it raises is raised here."""

    def body():
        inject(call, number, first)
        function(*args)

    in_child(body)
