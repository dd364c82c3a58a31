"""pidfd on this kernel: exit codes, signals, information, and the object."""

import ctypes
import errno
import itertools
import os
import platform
import re
import select
import signal
import sys
import threading

import pytest
import support
from support import Child, alone, libc, libc_alone, needs

from butter import pidfd as module
from butter.errors import InvalidArgument
from butter.pidfd import (
    P_ALL,
    P_PID,
    P_PIDFD,
    PIDFD_GET_MNT_NAMESPACE,
    PIDFD_GET_NET_NAMESPACE,
    PIDFD_INFO_COREDUMP,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    PIDFD_NONBLOCK,
    PIDFD_SELF,
    PIDFD_SELF_PROCESS,
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
    PIDFD_THREAD,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    Pidfd,
    PidfdNamespace,
    ProcessInfo,
    Siginfo,
    Waited,
    pidfd_get_info,
    pidfd_get_namespace,
    pidfd_getfd,
    pidfd_open,
    pidfd_send_signal,
    waitid,
)
from butter.signalfd import CLD_EXITED, CLD_KILLED, CLD_STOPPED, SI_QUEUE, SIG_BLOCK, Signalfd, pthread_sigmask

pytestmark = needs(kernel=(5, 4))

# far more than anything takes
LONG = 30

# the kernel keeps the exit code of a process that was reaped
keeps_codes = needs(kernel=(6, 15))


@pytest.fixture
def child():
    """A child that waits to be told how to end."""
    with Child() as child:
        yield child


@pytest.fixture
def process(child):
    """A Pidfd of that child."""
    with Pidfd(child.pid) as process:
        yield process


def is_reaped(pid):
    """Whether the number is not that of a child of this process (any more)."""
    try:
        waitid(P_PID, pid, WEXITED | WNOHANG | WNOWAIT)
    except ChildProcessError:
        return True
    return False


def until_ended(process):
    """Return as soon as the process has ended."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    assert poll.poll(LONG * 1000)


# how a process ended


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code(child, process, code):
    """A wait returns the exit status and reaps; later ones return the same."""
    child.exit(code)
    assert process.wait() == code
    assert is_reaped(child.pid)
    assert process.wait(0) == process.poll() == process.returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGRTMIN + 1])
def test_killed(process, number):
    """The exit code of a process that a signal killed is the signal's, negative."""
    process.send_signal(number)
    assert process.wait(LONG) == -number


def test_terminate_and_kill():
    """``terminate`` sends SIGTERM, ``kill`` SIGKILL."""
    for way, number in (Pidfd.terminate, signal.SIGTERM), (Pidfd.kill, signal.SIGKILL):
        with Child() as child, Pidfd(child.pid) as process:
            way(process)
            assert process.wait(LONG) == -number


def test_running(child, process):
    """While the process runs there is no code, and a timeout is a TimeoutError."""
    assert process.poll() is None
    assert process.returncode is None
    for timeout in (0, 0.01):
        with pytest.raises(TimeoutError, match=f"the process has not ended within {timeout} seconds") as caught:
            process.wait(timeout)
        assert caught.value.errno == errno.ETIMEDOUT
    for timeout in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            process.wait(timeout)
    child.exit(3)
    assert process.wait(LONG) == 3


def test_poll_reaps(child, process):
    """``poll`` reaps a child that has ended, as a wait does."""
    child.exit(4)
    until_ended(process)
    assert not is_reaped(child.pid)
    assert process.poll() == 4
    assert is_reaped(child.pid)


def test_nonblocking(child):
    """A wait for a pidfd with PIDFD_NONBLOCK waits as well."""
    with Pidfd(child.pid, PIDFD_NONBLOCK) as process:
        assert process.poll() is None
        child.exit(5)
        assert process.wait(LONG) == 5


def test_select(child, process):
    """select, poll and epoll take the object, and say when the process has ended."""
    with select.epoll() as epoll:
        epoll.register(process, select.EPOLLIN)
        assert not select.select([process], [], [], 0)[0]
        assert not epoll.poll(0)
        child.exit(0)
        assert select.select([process], [], [], LONG)[0] == [process]
        assert epoll.poll(LONG) == [(process.fileno(), select.EPOLLIN)]


def test_threads_wait(child, process):
    """Of many threads that wait each gets the exit code, whichever reaps the child."""
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(process.wait(LONG))) for _ in range(8)]
    for thread in threads:
        thread.start()
    child.exit(9)
    for thread in threads:
        thread.join()
    assert codes == [9] * 8


def without_kept_codes():
    """Be on a kernel that does not keep exit codes: for a child."""
    support.inject("ioctl", errno.ENOTTY, arguments={1: module.PIDFD_GET_INFO})


@alone
def test_threads_wait_on_an_older_kernel():
    """Without kept codes too, a thread gets the code of a child that another reaped."""
    without_kept_codes()
    for code in range(50):
        with Child() as child, Pidfd(child.pid) as process:
            codes = []
            threads = [threading.Thread(target=lambda: codes.append(process.wait(LONG))) for _ in range(4)]  # noqa: B023
            for thread in threads:
                thread.start()
            child.exit(code)
            for thread in threads:
                thread.join()
            assert codes == [code] * 4


@keeps_codes
def test_reaped_by_another_call(child, process):
    """A child that another call has reaped still has its exit code."""
    child.exit(6)
    os.waitpid(child.pid, 0)
    assert process.wait() == process.wait(0) == process.poll() == 6


@keeps_codes
def test_killed_and_reaped_by_another_call(child, process):
    """So has one that a signal killed."""
    process.kill()
    os.waitpid(child.pid, 0)
    assert process.wait() == -signal.SIGKILL


@keeps_codes
@alone
def test_ignored_children():
    """Where the kernel reaps because SIGCHLD is ignored, the code is known too."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with Child() as child, Pidfd(child.pid) as process:
        assert process.poll() is None
        child.exit(8)
        assert process.wait(LONG) == 8


@keeps_codes
def test_stranger():
    """The code of a stranger is known once its parent has reaped it."""
    with support.Stranger() as stranger, Pidfd(stranger.pid) as process:
        assert process.poll() is None
        stranger.exit(11)
        until_ended(process)
        assert process.poll() is None
        for timeout in (0, 0.01):
            with pytest.raises(TimeoutError):
                process.wait(timeout)
        timer = threading.Timer(0.01, stranger.be_reaped)
        timer.start()
        assert process.wait(LONG) == 11
        timer.join()


@alone
def test_lost():
    """A code that nothing keeps is a ChildProcessError each time, never a guess."""
    without_kept_codes()
    with Child() as child, Pidfd(child.pid) as process:
        child.exit(0)
        os.waitpid(child.pid, 0)
        for _ in range(2):
            for way in process.wait, process.poll:
                with pytest.raises(ChildProcessError, match="the exit code of the process is lost") as caught:
                    way()
                assert caught.value.errno == errno.ECHILD
        assert process.returncode is None


def test_child_of_clone():
    """A child whose end sends no signal is waited for like every other."""
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    pid = libc_alone.syscall(number, 0, None, None, None, None)
    if not pid:
        os._exit(12)
    with Pidfd(pid) as process:
        assert process.wait(LONG) == 12


def traced(pid, orders, answer):
    """Trace the process *pid* until a byte comes, then reap it: for a child."""
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    assert libc.ptrace(0x4206, pid, None, None) == 0  # PTRACE_SEIZE
    os.write(answer, b"t")
    os.read(orders, 1)
    os.waitpid(pid, 0x40000000)  # __WALL


def test_traced_child(child, process, pipe):
    """A traced child ends for its parent once its tracer has seen that."""
    ours, theirs = os.pipe()
    tracer = os.fork()
    if not tracer:
        status = 1
        try:
            traced(child.pid, pipe[0], theirs)
            status = 0
        finally:
            os._exit(status)
    assert os.read(ours, 1) == b"t"
    os.close(ours)
    os.close(theirs)
    child.exit(13)
    until_ended(process)
    assert process.poll() is None
    with pytest.raises(TimeoutError):
        process.wait(0.01)
    os.write(pipe[1], b"r")
    assert process.wait(LONG) == 13
    assert os.waitpid(tracer, 0)[1] == 0


# signal handlers


def test_wait_goes_on_after_a_signal(child, process):
    """A signal handler runs during a wait, which then goes on."""
    calls = []

    def handler(*_):
        calls.append(None)
        if len(calls) == 3:
            child.exit(14)

    with support.alarms(handler):
        assert process.wait() == 14
    assert len(calls) >= 3


def test_handler_raises_in_a_wait(child, process):
    """An exception of a handler ends a wait, and costs no exit code."""

    def handler(*_):
        raise KeyError

    with support.alarms(support.when_waiting(handler)), pytest.raises(KeyError):
        process.wait()
    child.exit(15)
    assert process.wait(LONG) == 15


def test_handler_closes_in_a_wait(child):
    """A wait for an object that a handler closes is a ValueError."""
    process = Pidfd(child.pid)
    handler = support.when_waiting(lambda *_: process.closed() or process.close())
    with support.alarms(handler), pytest.raises(ValueError, match="closed file"):
        process.wait()


@alone
def test_handler_raises_anywhere():
    """A handler that raises, anywhere, costs neither exit code nor reaping."""
    without_kept_codes()
    for at in itertools.count():
        with Child() as child, Pidfd(child.pid) as process:
            child.exit(16)
            until_ended(process)
            places, raised = itertools.count(), []

            def profile(frame, event, arg, at=at, places=places, raised=raised):
                if event in ("call", "c_return") and arg is not sys.setprofile and next(places) == at:
                    sys.setprofile(None)
                    raised.append(at)
                    raise KeyError

            sys.setprofile(profile)
            try:
                process.poll()
            except KeyError:
                pass
            finally:
                sys.setprofile(None)
            assert process.poll() == 16
            assert is_reaped(child.pid)
            if not raised:
                assert at > 3
                return


# the object


def test_pid(child, process):
    """The object knows the process number, also of an adopted descriptor."""
    assert process.pid == child.pid
    assert repr(process) == f"<Pidfd fd={process.fileno()} pid={child.pid}>"
    with Pidfd.adopt(pidfd_open(child.pid)) as adopted:
        assert adopted.pid == child.pid
    process.kill()
    process.wait()
    assert repr(process) == f"<Pidfd fd={process.fileno()} pid={child.pid} returncode=-9>"
    with Pidfd.adopt(os.dup(process.fileno())) as adopted:
        assert adopted.pid is None


def test_adopted_from_an_object(child, process):
    """An object that adopts another knows its exit code."""
    child.exit(17)
    process.wait(LONG)
    with Pidfd.adopt(process) as adopted:
        assert (adopted.returncode, adopted.wait(), adopted.pid) == (17, 17, child.pid)


def test_closed(child):
    """A closed object keeps the exit code that it knew, and answers nothing else."""
    process = Pidfd(child.pid)
    child.exit(18)
    process.wait(LONG)
    process.close()
    assert process.returncode == 18
    for way in process.wait, process.poll, process.kill, process.info, lambda: process.getfd(0):
        with pytest.raises(ValueError, match="closed file"):
            way()


@alone
def test_refused():
    """Where a filter refuses waitid there is neither an object nor a descriptor."""
    support.inject("waitid", errno.EPERM)
    before = support.descriptors()
    with pytest.raises(PermissionError, match="waitid"):
        Pidfd(os.getpid())
    assert support.descriptors() == before


def test_closing_leaves_the_child(child):
    """An object that is closed leaves the child as it is."""
    Pidfd(child.pid).close()
    child.exit(19)
    assert os.waitpid(child.pid, 0)[1] == 19 << 8


def forget(child):
    """Make a Pidfd of *child*, and forget it."""
    box = [Pidfd(child.pid)]
    with pytest.warns(ResourceWarning, match=re.escape(f"unclosed {box[0]!r}")):
        support.forget(box)


def test_forgotten(child):
    """The child of a forgotten object is reaped when a later Pidfd is made."""
    before = support.descriptors()
    forget(child)
    # which neither ends nor loses it
    for _ in range(2):
        Pidfd(os.getpid()).close()
        assert not is_reaped(child.pid)
    with Pidfd(child.pid) as process:
        child.exit(0)
        until_ended(process)
        Pidfd(os.getpid()).close()
        assert is_reaped(child.pid)
    assert support.descriptors() == before


def test_forgotten_after_its_end(child):
    """A forgotten object that knew the exit code leaves nothing behind."""
    box = [Pidfd(child.pid)]
    child.exit(0)
    box[0].wait(LONG)
    before = len(support.descriptors())
    with pytest.warns(ResourceWarning, match="unclosed"):
        support.forget(box)
    assert len(support.descriptors()) == before - 1


@alone
def test_forgotten_and_no_descriptor_is_left():
    """Without a descriptor left the object of a child is forgotten all the same."""
    with Child() as child:
        box = [Pidfd(child.pid)]
        fd = box[0].fileno()
        support.allow_descriptors(fd)
        with pytest.warns(ResourceWarning, match="unclosed"):
            support.forget(box)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
        assert not is_reaped(child.pid)


def test_forgotten_and_forked(child, in_child):
    """A forked child closes the descriptors of what its parent forgot."""
    forget(child)
    kept = next(fd for fd, link in support.descriptors().items() if link == "anon_inode:[pidfd]")

    def body():
        assert kept not in support.descriptors()
        Pidfd(os.getpid()).close()

    in_child(body)
    child.exit(0)
    os.waitpid(child.pid, 0)
    Pidfd(os.getpid()).close()
    assert kept not in support.descriptors()


@keeps_codes
def test_forked(child, process):
    """A forked child gets the exit code of what is not its child."""
    asks, told = os.pipe()

    def body():
        assert process.poll() is None
        os.write(told, b"?")
        code = process.wait(LONG)
        # a forgotten object of what is not a child leaves nothing
        forked = [Pidfd.adopt(os.dup(process.fileno()))]
        before = len(support.descriptors())
        with pytest.warns(ResourceWarning, match="unclosed"):
            support.forget(forked)
        assert len(support.descriptors()) == before - 1
        return code

    def reap():
        os.read(asks, 1)
        child.exit(20)
        os.waitpid(child.pid, 0)

    with support.running(reap):
        assert support.in_child(body) == 20
    os.close(asks)
    os.close(told)


# signals


def test_gone(child, process):
    """A signal to a process that was reaped is a ProcessLookupError."""
    process.kill()
    until_ended(process)
    process.send_signal(0)
    process.wait()
    for way in process.kill, process.terminate, lambda: process.send_signal(0):
        with pytest.raises(ProcessLookupError, match="has ended, and its parent has waited for it"):
            way()


@pytest.mark.parametrize("value", [777, 2**64 - 1, -1, 0])
@alone
def test_value(value):
    """A value that is sent with a signal arrives with it, and so does the sender."""
    pthread_sigmask(SIG_BLOCK, [signal.SIGUSR1])
    with Signalfd([signal.SIGUSR1]) as signals, Pidfd(os.getpid()) as process:
        process.send_signal(signal.SIGUSR1, value)
        event = signals.wait(LONG)
    assert event.ssi_ptr == value % 2**64
    assert (event.code, event.pid, event.uid) == (SI_QUEUE, os.getpid(), os.getuid())


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_value_that_is_too_large(process, value):
    """A value of more than 64 bits is a ValueError."""
    with pytest.raises(ValueError, match="si_value"):
        process.send_signal(signal.SIGUSR1, value)


@needs(kernel=(6, 9))
@pytest.mark.parametrize(
    ("arguments", "number", "words"),
    [
        ((15, None, 8), errno.EINVAL, "the only flags are PIDFD_SIGNAL_THREAD, .*, not 0x8"),
        ((15, None, 3), errno.EINVAL, "a signal has one scope"),
        ((-1, None, 0), errno.EINVAL, "there is no signal -1"),
        ((15, Siginfo(16), 0), errno.EINVAL, "sig is 15, and si_signo of info is 16"),
        ((15, Siginfo(15, 0), 0), errno.EPERM, "si_code of info is 0"),
        ((15, Siginfo(15, -6), 0), errno.EPERM, "si_code of info is -6"),
    ],
)
def test_refused_signals(process, arguments, number, words):
    """The sentence about a refused signal names the argument that is wrong."""
    with pytest.raises(OSError, match=words) as caught:
        pidfd_send_signal(process, *arguments)
    assert caught.value.errno == number
    assert process.poll() is None


@support.needs_namespaces
def test_signal_from_another_namespace(in_child):
    """A process in a PID namespace of its own cannot signal one outside."""

    def inside():
        with pytest.raises(InvalidArgument, match="is in another PID namespace"):
            process.send_signal(0)

    def body():
        assert libc.unshare(0x10000000 | 0x20000000) == 0  # CLONE_NEWUSER, CLONE_NEWPID
        in_child(inside)

    with Pidfd(os.getpid()) as process:
        in_child(body)


@needs(kernel=(6, 9))
@alone
def test_scopes():
    """A signal goes to the process, to one thread of it, or to its process group."""
    os.setpgid(0, 0)
    pthread_sigmask(SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    ready, go = threading.Event(), threading.Event()
    seen = []

    def body():
        ready.set()
        go.wait()
        seen.extend(signal.sigpending())

    thread = threading.Thread(target=body)
    thread.start()
    with Child() as child, Pidfd(thread.native_id, PIDFD_THREAD) as one, Pidfd(os.getpid()) as process:
        one.send_signal(signal.SIGUSR1)
        assert signal.sigpending() == set()
        process.send_signal(signal.SIGUSR1, flags=PIDFD_SIGNAL_THREAD)
        assert signal.sigpending() == {signal.SIGUSR1}
        go.set()
        thread.join()
        assert seen == [signal.SIGUSR1]
        process.send_signal(signal.SIGUSR2, flags=PIDFD_SIGNAL_THREAD_GROUP)
        assert signal.SIGUSR2 in signal.sigpending()
        # the child is in the group, and a copy of the process that blocks two signals
        signal.signal(signal.SIGTERM, lambda *_: None)
        process.send_signal(signal.SIGTERM, flags=PIDFD_SIGNAL_PROCESS_GROUP)
        with Pidfd(child.pid) as other:
            assert other.wait(LONG) == -signal.SIGTERM


@needs(kernel=(6, 17))
@alone
def test_self():
    """Two numbers stand for pidfds of the calling thread and process."""
    pthread_sigmask(SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    pidfd_send_signal(PIDFD_SELF, signal.SIGUSR1)
    pidfd_send_signal(PIDFD_SELF_PROCESS, signal.SIGUSR2)
    assert signal.sigpending() == {signal.SIGUSR1, signal.SIGUSR2}


# what the kernel knows


@needs(kernel=(6, 13))
def test_info(child, process):
    """Information has process, parent and users; fields without an answer are None."""
    info = process.info()
    assert isinstance(info, ProcessInfo)
    assert info.mask & (PIDFD_INFO_PID | PIDFD_INFO_CREDS) == PIDFD_INFO_PID | PIDFD_INFO_CREDS
    assert (info.pid, info.tgid, info.ppid) == (child.pid, child.pid, os.getpid())
    assert (info.ruid, info.euid, info.suid) == os.getresuid()
    assert (info.rgid, info.egid, info.sgid) == os.getresgid()
    assert (info.fsuid, info.fsgid) == (os.geteuid(), os.getegid())
    assert info.exit_code is None
    assert info.coredump_mask is None
    assert pidfd_get_info(process, PIDFD_INFO_EXIT).exit_code is None


@keeps_codes
def test_info_after_the_end(child, process):
    """Once it was reaped only the wait status is left, for PIDFD_INFO_EXIT."""
    child.exit(21)
    process.wait(LONG)
    info = process.info(PIDFD_INFO_EXIT)
    assert info.exit_code == 21 << 8
    assert info.pid is info.ruid is None


@needs(kernel=(6, 16))
def test_info_about_a_core_dump(process):
    """A process that did not crash did not dump core."""
    process.kill()
    until_ended(process)
    info = process.info(PIDFD_INFO_COREDUMP)
    assert not info.coredump_mask & module.PIDFD_COREDUMPED


def test_getfd(tmp_path):
    """A duplicate of the process's descriptor shares its position."""
    with open(tmp_path / "file", "w+") as file:
        file.write("bytes")
        file.flush()
        with Child() as owner, Pidfd(owner.pid) as process:
            file.seek(0)
            for options, inheritable in ({}, False), ({"closefd": False}, True):
                fd = process.getfd(file.fileno(), **options)
                assert os.get_inheritable(fd) is inheritable
                assert os.path.sameopenfile(fd, file.fileno())
                os.lseek(fd, 3, os.SEEK_SET)
                assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 3
                os.close(fd)
            with pytest.raises(InvalidArgument, match="the process does not have a descriptor 999999"):
                process.getfd(999_999)


@needs(kernel=(6, 11))
@pytest.mark.parametrize("kind", PidfdNamespace, ids=str)
def test_namespace(process, kind):
    """A descriptor of each namespace of the process is that of /proc."""
    name = str(kind).removesuffix("_NAMESPACE").lower()
    for options, inheritable in ({}, False), ({"closefd": False}, True):
        fd = process.namespace(kind, **options)
        assert os.fstat(fd).st_ino == os.stat(f"/proc/{process.pid}/ns/{name}").st_ino
        assert os.get_inheritable(fd) is inheritable
        os.close(fd)


def test_namespace_of_no_kind(process):
    """Another number is a ValueError, since it may be another ioctl's."""
    for kind in (0, 6, module.PIDFD_GET_INFO, PIDFD_GET_NET_NAMESPACE + 100):
        with pytest.raises(ValueError, match="kind is 0x"):
            process.namespace(kind)


# threads


@needs(kernel=(6, 9))
def test_thread(pipe):
    """A thread has a pidfd only with PIDFD_THREAD; it ends with its thread."""
    thread = threading.Thread(target=os.read, args=(pipe[0], 1))
    thread.start()
    with pytest.raises((FileNotFoundError, InvalidArgument), match=f"{thread.native_id} is the number of a thread"):
        pidfd_open(thread.native_id)
    with Pidfd(thread.native_id, PIDFD_THREAD) as process:
        assert process.poll() is None
        os.write(pipe[1], b"x")
        thread.join()
        if support.kernel() >= (6, 15):
            assert process.wait(LONG) == 0
        else:
            with pytest.raises(ChildProcessError):
                process.wait(LONG)


# the calls


def test_waitid(child):
    """waitid returns what happened to a child, or None with WNOHANG."""
    fd = pidfd_open(child.pid)
    assert waitid(P_PIDFD, fd, WEXITED | WNOHANG) is None
    os.kill(child.pid, signal.SIGSTOP)
    stopped = Waited(child.pid, os.getuid(), signal.SIGCHLD, signal.SIGSTOP, CLD_STOPPED)
    assert waitid(P_PID, child.pid, WSTOPPED) == stopped
    os.kill(child.pid, signal.SIGCONT)
    child.exit(22)
    exited = Waited(child.pid, os.getuid(), signal.SIGCHLD, 22, CLD_EXITED)
    for idtype, number in (P_PIDFD, fd), (P_PID, child.pid):
        assert waitid(idtype, number, WEXITED | WNOWAIT) == exited
    assert waitid(P_PIDFD, fd, WEXITED) == exited
    with pytest.raises(ChildProcessError, match="it is not a child of this process"):
        waitid(P_PIDFD, fd, WEXITED)
    os.close(fd)


@alone
def test_waitid_any():
    """P_ALL waits for any child."""
    with Child() as child:
        os.kill(child.pid, signal.SIGKILL)
        assert waitid(P_ALL, 0, WEXITED) == Waited(child.pid, os.getuid(), signal.SIGCHLD, signal.SIGKILL, CLD_KILLED)


def test_waitid_goes_on_after_a_signal(child, process):
    """A signal handler runs during a wait of waitid, which then goes on."""
    calls = []

    def handler(*_):
        calls.append(None)
        if len(calls) == 3:
            child.exit(23)

    with support.alarms(handler):
        assert waitid(P_PIDFD, process, WEXITED).si_status == 23


def test_waitid_refused():
    """The sentence about a refused wait says what each argument can be."""
    for arguments, words in (((99, 1, WEXITED), "idtype must be P_PID"), ((P_PID, 1, 0), "at least one of WEXITED")):
        with pytest.raises(InvalidArgument, match=words):
            waitid(*arguments)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (pidfd_open, ("1",)),
        (pidfd_open, (1, None)),
        (pidfd_send_signal, (0, "SIGTERM")),
        (pidfd_getfd, (0, "1")),
        (pidfd_get_info, (None,)),
        (pidfd_get_namespace, (0, "net")),
        (waitid, ("P_PID", 1, WEXITED)),
    ],
)
def test_wrong_types(call, arguments):
    """An argument of another type is a TypeError."""
    with pytest.raises(TypeError, match="must be"):
        call(*arguments)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (pidfd_open, (2**31,)),
        (pidfd_open, (1, -1)),
        (pidfd_send_signal, (0, 2**31)),
        (pidfd_send_signal, (0, 1, Siginfo(1, si_uid=-1))),
        (pidfd_getfd, (0, 2**31)),
        (pidfd_get_info, (0, -1)),
        (waitid, (-1, 1, WEXITED)),
    ],
)
def test_wrong_numbers(call, arguments):
    """A number that the C type does not hold is a ValueError."""
    with pytest.raises(ValueError, match="must be"):
        call(*arguments)


def test_not_a_pidfd(pipe):
    """A descriptor of another kind is told apart, and named."""
    fd = pipe[0]
    for way in (
        lambda: pidfd_send_signal(fd, 0),
        lambda: pidfd_getfd(fd, 0),
        lambda: waitid(P_PIDFD, fd, WEXITED),
        lambda: pidfd_get_info(fd),
        lambda: pidfd_get_namespace(fd, PIDFD_GET_MNT_NAMESPACE),
    ):
        with pytest.raises(OSError, match=f"descriptor {fd} is not a pidfd, but 'pipe:"):
            way()
