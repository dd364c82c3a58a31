"""The cases of epoll from other test suites, one test for each, named after it.

butter does not have ``epoll_create`` (epoll_create01 and 02), and makes the pointers
that a call takes itself (epoll_pwait04). epoll_wait08, a signal during a wait, is
``test_calls_go_on_after_a_handler`` of the feature's own tests.
"""

import contextlib
import errno
import itertools
import os
import select
import signal
import socket
import time

import pytest
import support
from support import alarms, in_child, needs

from butter.epoll import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDHUP,
    Epoll,
    epoll_create1,
    epoll_ctl,
    epoll_pwait,
    epoll_pwait2,
    epoll_wait,
)
from butter.errors import InvalidArgument
from butter.eventfd import Eventfd
from butter.fanotify import FAN_REPORT_FID, Fanotify
from butter.inotify import Inotify
from butter.memfd import Memfd
from butter.pidfd import Pidfd
from butter.signalfd import Signalfd
from butter.system import AT_FDCWD, fsopen, open_tree
from butter.timerfd import Timer

O_PATH = 0o10000000
EVENTS = [EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLERR, EPOLLHUP, EPOLLET, EPOLLONESHOT, EPOLLRDHUP]


@pytest.fixture
def epoll():
    with Epoll() as epoll:
        yield epoll


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def number_of(exception, call, *arguments):
    """The errno of a call that raises *exception*."""
    with pytest.raises(exception) as caught:
        call(*arguments)
    return caught.value.errno


def chain(stack, innermost, length):
    """So many epolls, each of which waits for the one before, the first for a file."""
    made = []
    for _ in range(length):
        epoll = stack.enter_context(Epoll())
        epoll.register(made[-1] if made else innermost, EPOLLIN)
        made.append(epoll)
    return made


def test_epoll_create03():
    """Without a descriptor left there is not an epoll either."""
    with pytest.raises(OSError, match="RLIMIT_NOFILE") as caught:
        support.exhaust_descriptors(Epoll, limit=30)
    assert caught.value.errno == errno.EMFILE


def test_epoll_create1_01():
    """The flag EPOLL_CLOEXEC closes the descriptor on exec, and without it nothing."""
    for flags, inheritable in (0, True), (EPOLL_CLOEXEC, False):
        fd = epoll_create1(flags, closefd=False)
        assert os.get_inheritable(fd) is inheritable
        os.close(fd)


def test_epoll_create1_02():
    """Other flags are refused."""
    for flags in -1, EPOLL_CLOEXEC + 1:
        assert number_of(InvalidArgument, epoll_create1, flags) == errno.EINVAL


def test_epoll_ctl01(epoll, pipe):
    """Adding, changing and removing decide which events come."""
    reading, writing = pipe
    epoll_ctl(epoll, EPOLL_CTL_ADD, reading, EPOLLIN)
    epoll_ctl(epoll, EPOLL_CTL_ADD, writing, EPOLLIN)
    os.write(writing, b"x")
    assert epoll_wait(epoll, 2) == [(EPOLLIN, reading)]
    epoll_ctl(epoll, EPOLL_CTL_MOD, writing, EPOLLOUT)
    os.write(writing, b"x")
    assert sorted(epoll_wait(epoll, 2)) == [(EPOLLIN, reading), (EPOLLOUT, writing)]
    epoll_ctl(epoll, EPOLL_CTL_DEL, writing)
    os.write(writing, b"x")
    assert epoll_wait(epoll, 2) == [(EPOLLIN, reading)]
    epoll_ctl(epoll, EPOLL_CTL_DEL, reading)
    assert epoll_wait(epoll, 2, 0) == []


def test_epoll_ctl02(epoll, pipe, tmp_path):
    """Each wrong argument has its errno."""
    reading, writing = pipe
    epoll.register(reading, EPOLLIN)
    directory = os.open(tmp_path, os.O_RDONLY)
    for exception, number, arguments in (
        (InvalidArgument, errno.EBADF, (-1, EPOLL_CTL_ADD, writing)),
        (PermissionError, errno.EPERM, (epoll, EPOLL_CTL_ADD, directory)),
        (InvalidArgument, errno.EBADF, (epoll, EPOLL_CTL_ADD, -1)),
        (InvalidArgument, errno.EINVAL, (epoll, -1, writing)),
        (InvalidArgument, errno.EINVAL, (epoll, EPOLL_CTL_ADD, epoll)),
        (FileNotFoundError, errno.ENOENT, (epoll, EPOLL_CTL_DEL, writing)),
        (FileNotFoundError, errno.ENOENT, (epoll, EPOLL_CTL_MOD, writing)),
        (FileExistsError, errno.EEXIST, (epoll, EPOLL_CTL_ADD, reading)),
    ):
        assert number_of(exception, epoll_ctl, *arguments) == number
    os.close(directory)


def test_epoll_ctl03(epoll, pipe):
    """A descriptor can be changed to any set of events."""
    epoll.register(pipe[0], EPOLLIN)
    for chosen in itertools.product([0, 1], repeat=len(EVENTS)):
        epoll.modify(pipe[0], sum(event for event, there in zip(EVENTS, chosen) if there))


def test_epoll_ctl04(epoll, pipe, stack):
    """A sixth level of epolls is refused."""
    nested = chain(stack, pipe[0], 5)
    assert number_of(InvalidArgument, epoll.register, nested[-1]) in (errno.EINVAL, errno.ELOOP)


def test_epoll_ctl05(pipe, stack):
    """A ring of epolls is refused."""
    nested = chain(stack, pipe[0], 5)
    nested[0].unregister(pipe[0])
    assert number_of(InvalidArgument, nested[0].register, nested[-1]) == errno.ELOOP


def zoo(stack, path):
    """A descriptor of each kind, by name, whose epoll wants all, or refuses it."""
    connection = stack.enter_context(socket.socket())
    ends = os.pipe()
    for end in ends:
        stack.callback(os.close, end)

    def opened(fd):
        stack.callback(os.close, fd)
        return fd

    ready = {
        "pipe": ends[0],
        "write end": ends[1],
        "socket": connection,
        "unix socket": stack.enter_context(socket.socket(socket.AF_UNIX)),
        "epoll": stack.enter_context(Epoll()),
        "eventfd": stack.enter_context(Eventfd()),
        "signalfd": stack.enter_context(contextlib.closing(Signalfd())),
        "timerfd": stack.enter_context(Timer()),
        "inotify": stack.enter_context(Inotify()),
        "fanotify": stack.enter_context(Fanotify(FAN_REPORT_FID)),
        "pidfd": stack.enter_context(Pidfd(os.getpid())),
    }
    always = {
        "file": opened(os.open(path / "file", os.O_RDWR | os.O_CREAT)),
        "directory": opened(os.open(path, os.O_RDONLY)),
        "/dev/zero": opened(os.open("/dev/zero", os.O_RDONLY)),
        "maps": opened(os.open("/proc/self/maps", os.O_RDONLY)),
        "memfd": stack.enter_context(Memfd("file")),
    }
    ready["terminal"], other = map(opened, os.openpty())
    ready["other end of a terminal"] = other
    paths = {"O_PATH": opened(os.open(path, O_PATH))}
    if support.capable("CAP_SYS_ADMIN"):
        always["fsopen"] = opened(fsopen("tmpfs"))
        paths["open_tree"] = opened(open_tree(AT_FDCWD, "/"))
    return ready, always, paths


@needs(kernel=(5, 13))
def test_epoll_ctl06(tmp_path, stack):
    """Of each kind of descriptor it is known whether an epoll can wait for it."""
    ready, always, paths = zoo(stack, tmp_path)
    for fd in ready.values():
        with Epoll() as epoll:
            epoll.register(fd, EPOLLIN)
    with Epoll() as epoll:
        for fd in always.values():
            assert number_of(PermissionError, epoll.register, fd) == errno.EPERM
        for fd in paths.values():
            assert number_of(InvalidArgument, epoll.register, fd) == errno.EBADF


def test_epoll_ctl07(stack):
    """An epoll that another waits for cannot wait for that."""
    one, other = stack.enter_context(Epoll()), stack.enter_context(Epoll())
    one.register(other)
    assert number_of(InvalidArgument, other.register, one) == errno.ELOOP


def too_late(*_):
    raise AssertionError("a short timeout was taken for none")


@needs(kernel=(5, 13))
def test_epoll_pwait06(tmp_path, stack):
    """No small timeout counts as infinite, whatever the epoll waits for."""
    ready, _, _ = zoo(stack, tmp_path)
    for fd in ready.values():
        with Epoll() as epoll:
            epoll.register(fd, EPOLLET)  # for nothing but an error
            epoll.poll(0)
            start = time.monotonic()
            # the alarm ends a wait that would have no end
            with alarms(too_late, interval=30, once=True):
                for nanoseconds in 1_000_000, 10_000, 100, 10, 1, 0:
                    epoll_pwait2(epoll, 1, nanoseconds)
                    epoll_pwait(epoll, 1, nanoseconds // 1_000_000)
            assert time.monotonic() - start < 30
            epoll.unregister(fd)


def test_epoll_wait02(epoll, pipe):
    """A wait for an idle pipe is never over early."""
    epoll.register(pipe[0], EPOLLIN)
    for milliseconds in 1, 1, 2, 5, 10, 25:
        start = time.monotonic_ns()
        assert epoll_wait(epoll, 1, milliseconds) == []
        assert time.monotonic_ns() - start >= milliseconds * 1_000_000


def test_epoll_wait03(epoll, pipe):
    """A descriptor that is not an epoll, and an impossible number, are refused."""
    for number, arguments in (
        (errno.EBADF, (-1, 1)),
        (errno.EINVAL, (pipe[0], 1)),
        (errno.EINVAL, (epoll, -1)),
        (errno.EINVAL, (epoll, 0)),
    ):
        assert number_of(InvalidArgument, epoll_wait, *arguments) == number


def test_epoll_wait05(epoll):
    """EPOLLRDHUP tells that a connection will not be read any more."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        epoll.register(client, EPOLLRDHUP)
        client.shutdown(socket.SHUT_RD)
        ((fd, events),) = epoll.poll(30)
        assert fd == client.fileno()
        assert events & EPOLLRDHUP


def test_epoll_wait07(epoll, pipe):
    """EPOLLONESHOT tells of one event, whatever comes after it."""
    reading, writing = pipe
    epoll.register(reading, EPOLLIN | EPOLLONESHOT)
    os.write(writing, b"x")
    assert epoll_wait(epoll, 1, 0) == [(EPOLLIN, reading)]
    os.read(reading, 1)
    assert epoll_wait(epoll, 1, 0) == []
    os.write(writing, b"x")
    assert epoll_wait(epoll, 1, 0) == []


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_epoll_wait09(pipe, stack, depth):
    """Each of nested epolls tells of the one in it, and the last of the pipe."""
    nested = chain(stack, pipe[0], depth)
    os.write(pipe[1], b"x")
    for outer, inner in zip(nested[::-1], [*nested[-2::-1], None]):
        assert outer.poll(0) == [(pipe[0] if inner is None else inner.fileno(), EPOLLIN)]


@needs("CAP_SYS_ADMIN")
def test_epoll_wait10(tmp_path):
    """The table of mounts has urgent news after each mount."""

    def body():
        support.own_mounts()
        with open("/proc/self/mounts") as table, Epoll() as epoll:
            epoll.register(table, EPOLLPRI)
            for change in (
                lambda: support.libc.mount(b"none", os.fsencode(tmp_path), b"tmpfs", 0, None),
                lambda: support.libc.umount2(os.fsencode(tmp_path), 0),
            ):
                table.seek(0)
                table.read()
                epoll.poll(0)
                assert change() == 0
                ((fd, events),) = epoll.poll(30)
                assert fd == table.fileno()
                assert events & EPOLLPRI

    in_child(body)


def test_epoll_wait11(pipe):
    """A reader that waits learns that the last writer has closed its end."""
    reading, writing = pipe

    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(writing)
            with Epoll() as epoll:
                epoll.register(reading, EPOLLIN)
                status = 0 if epoll.poll(30) == [(reading, EPOLLHUP)] else 2
        finally:
            os._exit(status)
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def pipes(stack, count, ready):
    """Pipes of which the first are *ready*; their reading ends."""
    ends = []
    for number in range(count):
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        if number < ready:
            os.write(writing, b"x")
        ends.append(reading)
    return ends


def test_epoll_wait13(epoll, stack):
    """Ready files come by threes, each once if it is emptied, and a quiet one never."""
    ends = pipes(stack, 18, 13)
    for index, end in enumerate(ends):
        epoll_ctl(epoll, EPOLL_CTL_ADD, end, EPOLLIN, index)
    seen, sizes = [], []
    while found := epoll_wait(epoll, 3, 0):
        sizes.append(len(found))
        for _, index in found:
            os.read(ends[index], 1)
            seen.append(index)
    assert sizes == [3, 3, 3, 3, 1]
    assert sorted(seen) == list(range(13))


def test_epoll_wait14(epoll, stack):
    """Files that stay ready come in turn."""
    for index, end in enumerate(pipes(stack, 13, 13)):
        epoll_ctl(epoll, EPOLL_CTL_ADD, end, EPOLLIN, index)
    seen = [index for _ in range(4 * 13 // 3 + 1) for _, index in epoll_wait(epoll, 3, 0)]
    assert sorted(seen[: 4 * 13]) == sorted(4 * list(range(13)))


def test_epoll_wait16(pipe, stack):
    """Of eight epolls that wait for one pipe with EPOLLEXCLUSIVE a write wakes one."""
    reading, writing = pipe
    told, tell = os.pipe()
    waiting = {str(support.number_of(name)) for name in ("epoll_wait", "epoll_pwait")}
    children = []
    for _ in range(8):
        child = os.fork()
        if not child:
            try:
                with Epoll() as epoll:
                    epoll.register(reading, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE)
                    os.write(tell, b"r")
                    while True:
                        epoll.read_event()
                        os.write(tell, b"w")
            finally:
                os._exit(1)
        children.append(child)
    try:
        for _ in children:
            assert os.read(told, 1) == b"r"
        for child in children:
            support.until(lambda child=child: call_of(child) in waiting)
        for _ in range(8):
            os.write(writing, b"x")
            assert os.read(told, 1) == b"w"
            os.read(reading, 1)
            # a process that was woken has told before it waits again
            for child in children:
                support.until(lambda child=child: call_of(child) in waiting)
            assert not select.select([told], [], [], 0)[0]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(told)
        os.close(tell)


def call_of(pid):
    """The number of the system call that a process is in."""
    with open(f"/proc/{pid}/syscall") as file:
        return file.read().split()[0]
