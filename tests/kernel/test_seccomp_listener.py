"""Notifications of seccomp: what they tell, and that each is answered exactly once."""

import copy
import ctypes
import errno
import gc
import os
import pickle
import platform
import select
import signal
import struct
import threading
import time
from unittest import mock

import pytest
import support
from features import LONG, Calls
from hypothesis import given
from hypothesis import strategies as st
from support import in_child, needs

from butter import _seccomp_listener
from butter.errors import InvalidArgument, InvalidPath, NoMoreEvents
from butter.prctl import prctl
from butter.seccomp import (
    ALLOW,
    ERRNO,
    NOTIFY,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
    CallGone,
    Filter,
    Listener,
    Notification,
)

pytestmark = Calls.needs

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[platform.machine()]
GETPPID = support.number_of("getppid")
DENIED = (-1, errno.EPERM)
EMULATED = (-1, errno.ENOSYS)

needs_add_fd = needs(kernel=(5, 9))
needs_send = needs(kernel=(5, 14))

ANSWERS = {
    "respond": lambda notification: notification.respond(1),
    "fail": lambda notification: notification.fail(errno.EIO),
    "proceed": lambda notification: notification.proceed(),
    "add_fd": lambda notification: notification.add_fd(0),
    "add_fd with send": lambda notification: notification.add_fd(0, send=True),
}
USES = {
    **ANSWERS,
    "read_memory": lambda notification: notification.read_memory(notification.arguments[0], 1),
    "read_path": lambda notification: notification.read_path(notification.arguments[0]),
    "pidfd": lambda notification: notification.pidfd().close(),
}


@pytest.fixture(scope="module")
def fences():
    fences = support.Fences()
    yield fences
    fences.end()


@pytest.fixture
def fence(fences):
    fence = fences.make()
    yield fence
    fence.close()


@pytest.fixture
def listener(fence):
    with Listener.adopt(fence.fd) as listener:
        yield listener


@pytest.fixture(params=[True, False], ids=["read", "poll"])
def way(request, monkeypatch):
    """Both ways in which a read waits: by the ioctl, and on old kernels by poll."""
    if request.param and not _seccomp_listener.READ_ENDS:
        pytest.skip("the ioctl does not end before Linux 6.11")
    monkeypatch.setattr(_seccomp_listener, "READ_ENDS", request.param)
    # the buffers of earlier reads keep the way that they were made for
    _seccomp_listener.reader.free.clear()
    yield
    _seccomp_listener.reader.free.clear()


@pytest.fixture
def called(fence, listener):
    """A notification whose first two arguments are a text and a number."""
    fence.call("/a/path", 77)
    return listener.wait(LONG)


def kill(fence):
    """Kill the fenced process, and return when it is gone."""
    with open(f"/proc/{fence.pid}/stat") as stat:
        os.kill(fence.pid, signal.SIGKILL)
        deadline = time.monotonic() + LONG
        try:
            while stat.read() and time.monotonic() < deadline:
                stat.seek(0)
        except ProcessLookupError:
            pass


def until_it_is_gone(notification):
    deadline = time.monotonic() + LONG
    while notification.valid():
        assert time.monotonic() < deadline


def readable(listener):
    return bool(select.select([listener], [], [], 0)[0])


# the filter of this thread


def in_thread(body):
    """Run *body* in a thread of a child without privileges to gain; return its result.

    *body* gets a list, for what another thread is to have.
    """

    def run():
        prctl.no_new_privs = True
        return body()

    return in_child(run)


def fenced_thread(begin, then):
    """Start a thread that loads a filter by ``begin()`` and goes on with ``then()``."""
    begun, results = threading.Event(), []

    def run():
        try:
            results.append(begin())
        except BaseException as error:
            results.append(error)
            return
        finally:
            begun.set()
        results.append(then())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert begun.wait(LONG)
    if isinstance(results[0], BaseException):
        raise results[0]
    return thread, results


def call():
    """Make the system call; os.getppid() would keep the GIL while it waits."""
    return support.libc.syscall(GETPPID)


def ask():
    return Filter(ALLOW).add("getppid", NOTIFY)


def test_listen():
    """``listen`` loads the filter, and another thread answers the calls of this one."""

    def body():
        thread, results = fenced_thread(lambda: ask().listen(), call)
        with results[0] as listener:
            notification = listener.wait(LONG)
            told = (notification.pid, notification.name, notification.number, notification.arch, notification.flags)
            assert told == (thread.native_id, "getppid", GETPPID, ARCH, 0)
            assert len(notification.arguments) == 6
            assert notification.instruction_pointer > 0
            with notification.pidfd() as pidfd:
                assert pidfd.pid == os.getpid()
            notification.respond(4321)
            thread.join(LONG)
            assert not os.get_inheritable(listener.fileno())
        return results[1]

    assert in_thread(body) == 4321


@needs(kernel=(5, 7))
def test_listen_for_all_threads():
    """With flags that allow a listener beside TSYNC every thread gets the filter."""

    def body():
        flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH
        thread, results = fenced_thread(lambda: ask().listen(flags), lambda: None)
        thread.join(LONG)
        results[0].close()
        return call(), ctypes.get_errno()

    assert in_thread(body) == EMULATED


def test_refused_flags_of_listen():
    """A listener beside TSYNC alone is refused, and a second listener of a thread."""

    def body():
        with pytest.raises(InvalidArgument, match="SECCOMP_FILTER_FLAG_TSYNC_ESRCH"):
            ask().listen(SECCOMP_FILTER_FLAG_TSYNC)
        with pytest.raises(InvalidArgument, match="0x100000"):
            ask().listen(1 << 20)

        def begin():
            first = ask().listen()
            with first, pytest.raises(OSError, match="listener") as caught:
                ask().listen()
            assert caught.value.errno == errno.EBUSY

        fenced_thread(begin, lambda: None)[0].join(LONG)

    in_thread(body)


@needs(kernel=(6, 6))
def test_sync_wake_up(listener, fence):
    """A listener may be told to wake its tasks on its own processor."""
    listener.set_flags(SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
    fence.call()
    listener.wait(LONG).respond(5)
    assert fence.result() == (5, 0)
    with pytest.raises(InvalidArgument, match="not 0x6"):
        listener.set_flags(7)
    in_thread(lambda: fenced_thread(lambda: ask().listen(sync_wake_up=True).close(), lambda: None)[0].join(LONG))


def test_without_the_flag_the_listener_is_closed(monkeypatch):
    """Where the kernel lacks a flag of the listener, no descriptor is left open."""

    def refuse(fd, flags):
        raise InvalidArgument(errno.EINVAL, "a test")

    def body():
        monkeypatch.setattr("butter.seccomp.set_flags", refuse)
        before = support.descriptors()
        with pytest.raises(InvalidArgument, match="a test"):
            ask().listen(sync_wake_up=True)
        return support.descriptors() == before

    assert in_thread(body)


# answers


@pytest.mark.parametrize("value", [0, 7, 2**63 - 1, -(2**63)])
def test_respond(called, fence, value):
    """A call returns the value of the answer, of 64 bits."""
    called.respond(value)
    assert fence.result() == (value, 0)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, 4095])
def test_fail(called, fence, number):
    """A call fails with the errno of the answer."""
    called.fail(number)
    assert fence.result() == (-1, number)


@needs(kernel=(5, 5))
def test_proceed(called, fence):
    """The kernel makes a call that proceeds."""
    called.proceed()
    with open(f"/proc/{fence.pid}/stat") as stat:
        parent = int(stat.read().rpartition(")")[2].split()[1])
    assert fence.result() == (parent, 0)


@pytest.mark.parametrize(
    ("method", "arguments", "exception"),
    [
        ("respond", [2**63], ValueError),
        ("respond", ["1"], TypeError),
        ("fail", [0], ValueError),
        ("fail", [-errno.EPERM], ValueError),
        ("fail", [4096], ValueError),
        ("fail", [None], TypeError),
        ("fail", [True], TypeError),
        ("add_fd", [None], TypeError),
        ("add_fd", [0, -1], ValueError),
        ("add_fd", [0, 2**31], ValueError),
        ("read_memory", [-1, 1], ValueError),
        ("read_memory", [0, -1], ValueError),
        ("read_memory", ["0", 1], TypeError),
        ("read_path", [2**64], ValueError),
    ],
)
def test_impossible_arguments(called, fence, method, arguments, exception):
    """An impossible argument is an error before anything happens: the call waits on."""
    with pytest.raises(exception, match=r"must be|is "):
        getattr(called, method)(*arguments)
    called.respond(3)
    assert fence.result() == (3, 0)


@needs_send
@pytest.mark.parametrize("second", ANSWERS)
@pytest.mark.parametrize("first", [name for name in ANSWERS if name != "add_fd"])
def test_second_answer(called, fence, first, second):
    """A second answer is a ValueError, whichever came first."""
    ANSWERS[first](called)
    assert not called.valid()
    fence.result()
    with pytest.raises(ValueError, match="does not wait for an answer: it was answered"):
        ANSWERS[second](called)


def test_eight_threads_answer(called, fence):
    """Of eight threads that answer one notification, one succeeds."""
    barrier, outcomes = threading.Barrier(8), []

    def answer(number):
        barrier.wait()
        try:
            called.respond(number)
            outcomes.append(number)
        except ValueError:
            outcomes.append(None)

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    [number] = [each for each in outcomes if each is not None]
    assert (len(outcomes), fence.result()) == (8, (number, 0))


def test_forgotten(fence, listener):
    """A notification that the program forgets fails with EPERM."""
    fence.call()
    support.forget([listener.wait(LONG)])
    assert fence.result() == DENIED


@pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="it forgets later")
def test_forgotten_in_a_loop(fence, listener):
    """A loop that forgets its notification lets the call fail, and not when it ends."""
    results = []

    def loop():
        for notification in listener:
            del notification

    thread = threading.Thread(target=loop)
    thread.start()
    for _ in range(2):
        fence.call()
        results.append(fence.result())
    fence.close()
    thread.join(LONG)
    assert results == [DENIED, DENIED]


def test_close_answers(fence):
    """A close lets what was read fail with EPERM; the rest fails with ENOSYS."""
    fence.call(times=3)
    listener = Listener.adopt(fence.fd)
    taken = [listener.wait(LONG)]
    listener._batch.append(listener.wait(LONG))
    listener.close()
    assert sorted(fence.result() for _ in range(3)) == [DENIED, DENIED, EMULATED]
    for use in USES.values():
        with pytest.raises(ValueError, match="its listener is closed"):
            use(taken[0])
    assert not taken[0].valid()
    fence.call()
    assert fence.result() == EMULATED


def test_the_buffer_of_a_read_is_answered_too(fence, monkeypatch):
    """A close lets a call fail that a failed read has left in the object."""
    fence.call()
    listener = Listener.adopt(fence.fd)

    def fail(self, received):
        raise MemoryError

    monkeypatch.setattr(Listener, "_made", fail)
    with pytest.raises(MemoryError):
        listener.wait(LONG)
    assert listener.pending == 1
    listener.close()
    assert fence.result() == DENIED


def test_made_by_hand():
    """A notification of bytes has fields, and nothing that waits for an answer."""
    raw = struct.pack("=QIIiIQ6Q", 9, 8, 7, GETPPID, ARCH, 6, *range(6))
    notification = Notification(raw)
    assert notification.id == 9
    assert (notification.pid, notification.flags, notification.number) == (8, 7, GETPPID)
    assert (notification.arch, notification.instruction_pointer) == (ARCH, 6)
    assert (notification.arguments, notification.name) == ((0, 1, 2, 3, 4, 5), "getppid")
    assert repr(notification) == "<Notification getppid(0x0, 0x1, 0x2, 0x3, 0x4, 0x5) pid=8>"
    assert not notification.valid()
    for use in USES.values():
        with pytest.raises(ValueError, match="no listener has read it"):
            use(notification)
    for wrong in (b"", raw[:-1], raw + b"\0"):
        with pytest.raises(ValueError, match="80 bytes"):
            Notification(wrong)
    with pytest.raises(TypeError, match="raw must be bytes"):
        Notification(bytearray(raw))


@given(st.binary(min_size=80, max_size=80))
def test_any_bytes(raw):
    """Any bytes of the right size are a notification that can be printed."""
    notification = Notification(raw)
    assert repr(notification).startswith("<Notification ")
    assert notification.name is None or isinstance(notification.name, str)


def test_no_copies(called):
    """A notification cannot be copied or pickled: the copy would answer, too."""
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot copy or pickle"):
            duplicate(called)


# a task that is gone


@needs_send
@pytest.mark.parametrize("use", USES)
def test_killed(called, fence, use):
    """An answer to a killed task, or a look into it, is a CallGone."""
    kill(fence)
    until_it_is_gone(called)
    with pytest.raises(CallGone, match="was killed") as caught:
        USES[use](called)
    assert isinstance(caught.value, ProcessLookupError)
    assert caught.value.errno == errno.ESRCH
    assert not called.valid()
    for use_again in USES.values():
        with pytest.raises(CallGone, match="was killed"):
            use_again(called)


@needs_send
@pytest.mark.parametrize("use", USES)
def test_interrupted(called, fence, listener, use):
    """A call that a signal interrupted is gone; the next has its own notification."""
    fence.interrupt()
    assert fence.result() == (-1, errno.EINTR)
    with pytest.raises(CallGone, match="interrupted"):
        USES[use](called)
    fence.call()
    listener.wait(LONG).respond(6)
    assert fence.result() == (6, 0)


@needs(kernel=(5, 19))
def test_wait_killable(fences):
    """With the flag a signal does not interrupt a call whose notification was read."""
    fence = fences.make(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
    try:
        with Listener.adopt(fence.fd) as listener:
            fence.call()
            notification = listener.wait(LONG)
            fence.interrupt()
            fence.call()  # it obeys in order, so the signal was sent
            other = listener.wait(LONG)
            assert notification.valid()
            notification.respond(1)
            other.respond(2)
            assert {fence.result(), fence.result()} == {(1, 0), (2, 0)}
    finally:
        fence.close()


@pytest.mark.parametrize("blocking", [True, False])
def test_interrupted_before_the_read(fence, listener, way, blocking):
    """A call that is gone before it was read is left out, and the wait goes on."""
    os.set_blocking(listener.fileno(), blocking)
    fence.call()
    assert readable(listener)
    fence.interrupt()
    assert fence.result() == (-1, errno.EINTR)
    with pytest.raises(TimeoutError):
        listener.wait(0.01)
    if not blocking:
        assert listener.read_events() == []
    timer = threading.Timer(0.01, fence.call, [1, 2])
    timer.start()
    (listener.read_event() if blocking else listener.wait()).respond(3)
    timer.join(LONG)
    assert fence.result() == (3, 0)


@pytest.mark.parametrize("blocking", [True, False])
def test_gone_between_poll_and_read(fence, listener, way, blocking, monkeypatch):
    """A call may be gone although the descriptor was readable: the wait goes on."""
    os.set_blocking(listener.fileno(), blocking)
    fence.call()
    real, before = listener._read_events, [True]

    def late():
        if before:
            before.clear()
            fence.interrupt()
            assert fence.result() == (-1, errno.EINTR)
        return real()

    monkeypatch.setattr(listener, "_read_events", late)
    if blocking:
        timer = threading.Timer(0.01, fence.call)
        timer.start()
        listener.wait().respond(4)
        timer.join(LONG)
        assert fence.result() == (4, 0)
    else:
        with pytest.raises(TimeoutError):
            listener.wait(0.01)


@pytest.mark.parametrize("blocking", [True, False])
def test_iteration_ends(fence, listener, way, blocking):
    """An iteration ends, and waits raise NoMoreEvents, when the last task is gone."""
    os.set_blocking(listener.fileno(), blocking)
    fence.call(times=3)
    seen = []
    for notification in listener:
        seen.append(notification.pid)
        notification.respond(0)
        if len(seen) == 3:
            threading.Timer(0.01, fence.close).start()
    assert len(set(seen)) == 3
    for wait in (listener.read_event, listener.wait, lambda: listener.wait(LONG)):
        with pytest.raises(NoMoreEvents, match="the last task under the filter is gone") as caught:
            wait()
        assert caught.value.errno == errno.ENODATA
    assert list(listener) == []


def test_killed_with_a_notification(fence, listener):
    """The end is noticed although a notification waited that nothing has read."""
    fence.call()
    kill(fence)
    with pytest.raises(NoMoreEvents):
        listener.read_event()


# descriptors


def link(fence, number):
    return os.readlink(f"/proc/{fence.pid}/fd/{number}")


def flags(fence, number):
    with open(f"/proc/{fence.pid}/fdinfo/{number}") as info:
        return int(next(line for line in info if line.startswith("flags")).split()[1], 8)


@needs_add_fd
@pytest.mark.parametrize("closefd", [True, False])
def test_add_fd(called, fence, tmp_path, closefd):
    """The task gets a duplicate of a descriptor, which is its own."""
    with open(tmp_path / "file", "w") as file:
        number = called.add_fd(file, closefd=closefd)
        assert not file.closed
    assert link(fence, number) == str(tmp_path / "file")
    assert bool(flags(fence, number) & os.O_CLOEXEC) is closefd
    assert called.valid()
    called.respond(number)
    assert fence.result() == (number, 0)


@needs_add_fd
def test_add_fd_with_a_number(called, fence, tmp_path):
    """A number that is chosen is used, and closed first if it is open."""
    for name in ("first", "second"):
        with open(tmp_path / name, "w") as file:
            assert called.add_fd(file, 50) == 50
        assert link(fence, 50) == str(tmp_path / name)
    called.respond(0)


@needs_send
@pytest.mark.parametrize("newfd", [None, 60])
def test_add_fd_that_answers(called, fence, newfd):
    """With ``send`` the number of the descriptor is the answer."""
    number = called.add_fd(0, newfd, send=True)
    assert fence.result() == (number, 0)
    assert newfd in (None, number)
    assert link(fence, number) == os.readlink("/proc/self/fd/0")


@needs_send
@pytest.mark.parametrize("send", [True, False])
def test_add_fd_that_fails(called, fence, send):
    """A descriptor that cannot be given leaves the call waiting for its answer."""
    for number in 999, -1:
        with pytest.raises(InvalidArgument, match=f"descriptor {number} is not open"):
            called.add_fd(number, send=send)
    with pytest.raises(InvalidArgument, match="RLIMIT_NOFILE of the task is not above 2147483647"):
        called.add_fd(0, 2**31 - 1, send=send)
    assert called.valid()
    assert called.add_fd(0, send=True) == fence.result()[0]


def test_add_fd_beside_an_answer(called, fence, monkeypatch):
    """An add_fd that fails while another thread answers leaves the call answered."""

    def add_fd(*_):
        called.respond(3)
        return -1 - errno.EBADF

    monkeypatch.setattr(_seccomp_listener, "lib", mock.Mock(butter_notification_add_fd=add_fd))
    with pytest.raises(InvalidArgument, match="descriptor 0 is not open"):
        called.add_fd(0)
    assert fence.result() == (3, 0)
    with pytest.raises(ValueError, match="it was answered"):
        called.respond(4)


# memory


def test_read_memory(called):
    """Memory is read as long as it was asked for."""
    address = called.arguments[0]
    assert called.read_memory(address, 7) == b"/a/path"
    assert called.read_memory(address + 1, 1) == b"a"
    assert called.read_memory(0, 0) == b""
    for wrong in (0, 2**64 - 1):
        with pytest.raises(InvalidArgument, match=f"1 bytes of memory at {wrong:#x}") as caught:
            called.read_memory(wrong, 1)
        assert caught.value.errno == errno.EFAULT
    with pytest.raises(InvalidArgument, match="does not have 1073741823 bytes"):
        called.read_memory(address, 2**30 - 1)


@pytest.mark.parametrize(
    "path", ["", "a", "/" + "d" * 200, "/".join(["n" * 250] * 16), "x" * 4095, "caf\u00e9", "\udcff"]
)
def test_read_path(fence, listener, path):
    """A path ends with its NUL, wherever pages end, and may have any bytes."""
    fence.call(path)
    notification = listener.wait(LONG)
    assert notification.read_path(notification.arguments[0]) == path
    notification.respond(0)


def test_read_a_long_path(fence, listener):
    """Without a NUL among 4096 bytes it is not a path."""
    fence.call("x" * 4096)
    notification = listener.wait(LONG)
    with pytest.raises(InvalidPath, match="longer than 4095") as caught:
        notification.read_path(notification.arguments[0])
    assert caught.value.errno == errno.ENAMETOOLONG
    with pytest.raises(InvalidArgument, match="at 0x5"):
        notification.read_path(5)
    notification.respond(0)


@pytest.mark.parametrize("method", ["read_memory", "read_path", "pidfd"])
def test_validity_is_checked_after_the_read(called, fence, monkeypatch, method):
    """Bytes of a task that went meanwhile, perhaps another's, are not returned."""
    opened = []

    class Other:
        """The pidfd of a new process that has the number of the task."""

        def __init__(self, number):
            kill(fence)
            until_it_is_gone(called)
            opened.append(self)

        def close(self):
            opened.remove(self)

    def read(number, address, length):
        kill(fence)
        until_it_is_gone(called)
        return b"another's\0"[:length]

    monkeypatch.setattr("butter._seccomp_notification.read_memory", read)
    monkeypatch.setattr(Notification, "_pidfd_class", Other)
    with pytest.raises(CallGone):
        USES[method](called)
    assert opened == []


def test_pidfd(called, fence):
    """The pidfd is that of the process, also where a thread makes the call."""
    assert called.pid != fence.pid
    with called.pidfd() as pidfd:
        assert pidfd.pid == fence.pid


@support.needs_namespaces
def test_task_of_another_namespace(fence, listener):
    """A task outside of this PID namespace has no number here, and can be answered."""
    fence.call("/path")
    number = os.dup(listener.fileno())

    def body():
        support.own_namespaces()
        support.libc.unshare(0x20000000)  # CLONE_NEWPID, for the child

        def inside():
            with Listener.adopt(number) as mine:
                notification = mine.wait(LONG)
                assert notification.pid == 0
                for use in ("read_path", "pidfd"):
                    with pytest.raises(ValueError, match="PID namespace"):
                        USES[use](notification)
                notification.respond(8)

        in_child(inside)

    in_child(body)
    os.close(number)
    assert fence.result() == (8, 0)


# forks, handlers


def test_fork(called, fence, listener):
    """A forked child has no copy of the listener, and answers nothing."""
    number = listener.fileno()

    def body():
        assert listener.closed()
        assert number not in support.descriptors()
        assert not called.valid()
        for use in USES.values():
            with pytest.raises(ValueError, match="belongs to another process"):
                use(called)
        called.__del__()
        gc.collect()

    in_child(body)
    assert called.valid()
    called.respond(9)
    assert fence.result() == (9, 0)


def test_handler_in_a_read(fence, listener):
    """A handler that raises in a read loses nothing that no answer follows."""
    lost = 0
    for moment in support.moments():
        fence.call()
        taken = []
        came = support.interrupt_between(lambda taken=taken: taken.append(listener.read_event()), moment)
        if not taken and (listener.pending or readable(listener)):
            taken.append(listener.wait(LONG))
        if taken:
            taken.pop().respond(moment)
            assert fence.result() == (moment, 0)
        else:
            gc.collect()
            lost += 1
            assert fence.result() == DENIED
        if not came:
            break
    assert moment > 10
    assert lost <= 2


@needs_send
@pytest.mark.parametrize("answer", [name for name in ANSWERS if name != "add_fd"])
def test_handler_in_an_answer(fence, listener, answer):
    """A handler that raises in an answer leaves a call that has or can have one."""
    for moment in support.moments():
        fence.call()
        notification = listener.wait(LONG)
        came = support.interrupt_between(lambda notification=notification: ANSWERS[answer](notification), moment)
        if notification.valid():
            notification.fail(errno.EDOM)
            assert fence.result() == (-1, errno.EDOM)
        else:
            assert fence.result() not in (DENIED, EMULATED)
            with pytest.raises((CallGone, ValueError)):
                notification.respond(0)
        if not came:
            break
    assert moment > 2


def test_another_that_has_the_listener(called, fence, listener):
    """Where another answers first, the answer here is a CallGone, and not a second."""
    with Listener.adopt(os.dup(listener.fileno())) as other:
        other._answers.waiting.add(called.id)
        other._answers.give(called.id, 5, 0, 0)
    with pytest.raises(CallGone):
        called.respond(6)
    assert fence.result() == (5, 0)


def test_other_calls_fail_or_pass():
    """Rules beside NOTIFY are the filter's as ever."""

    def body():
        filter = ask().add("getpgrp", ERRNO(errno.EDOM)) if platform.machine() == "x86_64" else ask()
        thread, results = fenced_thread(filter.listen, lambda: (os.getuid(), call()))
        with results[0] as listener:
            for notification in listener:
                notification.fail(errno.EXDEV)
                break
            thread.join(LONG)
        return results[1]

    assert in_thread(body) == (os.getuid(), -1)
