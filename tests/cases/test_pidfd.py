"""The cases of pidfd from other test suites, one test for each."""

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import threading

import pytest
import support
from support import Child, libc, needs

from butter.errors import InvalidArgument
from butter.pidfd import (
    P_PIDFD,
    PIDFD_NONBLOCK,
    WEXITED,
    Siginfo,
    pidfd_getfd,
    pidfd_open,
    pidfd_send_signal,
    waitid,
)
from butter.signalfd import SI_QUEUE, SIG_BLOCK, Signalfd, pthread_sigmask

pytestmark = needs(kernel=(5, 4))

USR1, USR2 = signal.SIGUSR1, signal.SIGUSR2


@pytest.fixture
def child():
    with Child() as child:
        yield child


def until_ended(fd):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return poll.poll(30_000)


def test_pidfd_open02():
    """An unused number, a negative number and an unknown flag are told apart."""
    for arguments, exception, number in (
        ((2**31 - 1, 0), ProcessLookupError, errno.ESRCH),
        ((-1, 0), InvalidArgument, errno.EINVAL),
        ((os.getpid(), 1), InvalidArgument, errno.EINVAL),
    ):
        with pytest.raises(exception) as caught:
            pidfd_open(*arguments)
        assert caught.value.errno == number


def test_pidfd_open03(child):
    """The descriptor of a child becomes readable when that ends."""
    fd = pidfd_open(child.pid)
    child.exit(0)
    assert until_ended(fd) == [(fd, select.POLLIN)]
    os.close(fd)


@needs(kernel=(5, 10))
def test_pidfd_open04(child):
    """With PIDFD_NONBLOCK waitid fails while the child runs, and not afterwards."""
    fd = pidfd_open(child.pid, PIDFD_NONBLOCK)
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
    with pytest.raises(BlockingIOError) as caught:
        waitid(P_PIDFD, fd, WEXITED)
    assert caught.value.errno == errno.EAGAIN
    child.exit(0)
    assert until_ended(fd)
    assert waitid(P_PIDFD, fd, WEXITED).si_pid == child.pid
    os.close(fd)


def test_pidfd_getfd01(tmp_path):
    """The duplicate of a child's descriptor is of the same file, and close-on-exec."""
    column = {"x86_64": 312, "aarch64": 272}[platform.machine()]
    with open(tmp_path / "file", "w") as file, Child() as child:
        pidfd = pidfd_open(child.pid)
        fd = pidfd_getfd(pidfd, file.fileno(), 0)
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        numbers = (os.getpid(), child.pid, 0, fd, file.fileno())  # KCMP_FILE
        assert libc.syscall(column, *map(ctypes.c_ulong, numbers)) == 0
        os.close(fd)
        os.close(pidfd)


def test_pidfd_send_signal01(in_child):
    """A value that is sent by a directory of /proc arrives in another thread."""

    def body():
        pthread_sigmask(SIG_BLOCK, [USR1])
        pidfd = os.open("/proc/self", os.O_DIRECTORY | os.O_CLOEXEC)
        with Signalfd([USR1]) as signals:
            seen = []
            thread = threading.Thread(target=lambda: seen.append(signals.read_event()))
            thread.start()
            info = Siginfo(USR1, SI_QUEUE, os.getpid(), os.getuid(), 777)
            pidfd_send_signal(pidfd, USR1, info, 0)
            thread.join()
        assert [(event.signal, event.ssi_int) for event in seen] == [(USR1, 777)]

    in_child(body)


@needs("CAP_SETUID")
def test_pidfd_send_signal02(in_child, tmp_path):
    """An unknown flag, a file, another info's signal and root's process are refused."""

    def body(parent):
        file = os.open(tmp_path / "file", os.O_RDONLY | os.O_CREAT)
        init = os.open(f"/proc/{parent}", os.O_DIRECTORY)
        own = pidfd_open(os.getpid())
        support.become_nobody()
        info = Siginfo(USR1, SI_QUEUE, os.getpid(), os.getuid())
        for arguments, exception, number in (
            ((own, USR1, info, 99999), InvalidArgument, errno.EINVAL),
            ((file, USR1, info, 0), InvalidArgument, errno.EBADF),
            ((own, USR2, info, 0), InvalidArgument, errno.EINVAL),
            ((init, USR1, info, 0), PermissionError, errno.EPERM),
        ):
            with pytest.raises(exception) as caught:
                pidfd_send_signal(*arguments)
            assert caught.value.errno == number

    in_child(body, os.getpid())


def forked():
    """A child that waits for the end of its parent, or for a signal."""
    pid = os.fork()
    if not pid:
        signal.pause()
    return pid


@needs("CAP_SYS_ADMIN")
def test_pidfd_send_signal03(in_child):
    """The directory of a reaped process does not reach the next with its number."""

    def in_namespace():
        # process 1 of an own namespace: no other process takes the number
        assert libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0
        first = forked()
        pidfd = os.open(f"/proc/{first}", os.O_DIRECTORY)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(first - 1))
        second = forked()
        assert second == first
        with pytest.raises(ProcessLookupError) as caught:
            pidfd_send_signal(pidfd, USR1)
        assert caught.value.errno == errno.ESRCH
        os.kill(second, signal.SIGKILL)
        assert os.waitpid(second, 0)[1] == signal.SIGKILL

    def body():
        assert libc.unshare(0x20000000 | 0x20000) == 0  # CLONE_NEWPID, CLONE_NEWNS
        assert libc.mount(None, b"/", None, 0x44000, None) == 0  # MS_REC, MS_PRIVATE
        support.in_child(in_namespace)

    in_child(body)
