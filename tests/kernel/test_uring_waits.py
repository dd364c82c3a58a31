"""The requests of a ring that wait or end others, and the permissions of a ring."""

import errno
import itertools
import mmap
import os
import re
import select
import signal
import threading
import time
from pathlib import Path

import pytest
import support
from features import LONG
from support import in_child, in_place, needs
from support.completions import completions, done

from butter.epoll import EPOLL_CTL_ADD, EPOLLIN, Epoll
from butter.errors import InvalidArgument
from butter.pidfd import P_PID, WEXITED
from butter.uring import (
    IORING_OP_NOP,
    IORING_OP_READ,
    IORING_REGISTER_BUFFERS,
    IORING_SETUP_R_DISABLED,
    IORING_TIMEOUT_ABS,
    IORING_TIMEOUT_BOOTTIME,
    IORING_TIMEOUT_REALTIME,
    IOSQE_ASYNC,
    IOSQE_IO_LINK,
    Ring,
    UringOp,
)

pytestmark = needs(kernel=(5, 6))


def test_poll(ring, pipe):
    """A descriptor is waited for, and the completion says what it is ready for."""
    ring.poll(pipe[0], select.POLLIN)
    ring.submit()
    with pytest.raises(TimeoutError):
        ring.wait(0)
    os.write(pipe[1], b"x")
    assert done(ring) == select.POLLIN


@needs(kernel=(5, 13))
def test_multishot_poll(ring, pipe):
    """One request tells of each change, and its events can be changed."""
    request = ring.poll(pipe[0], select.POLLIN, "poll", multishot=True)
    ring.submit()
    for _ in range(3):
        os.write(pipe[1], b"x")
        completion = ring.wait(LONG)
        assert (completion.user_data, completion.more) == ("poll", True)
        os.read(pipe[0], 1)
    ring.change_poll(request, select.POLLPRI, "change")
    assert completions(ring, 1)["change"].error is None
    os.write(pipe[1], b"x")
    with pytest.raises(TimeoutError):
        ring.wait(0)
    ring.cancel(request, "cancel")
    assert completions(ring, 2)["poll"].error.errno == errno.ECANCELED


def test_timeouts(ring):
    """A timeout completes after its time, or after so many completions."""
    start = time.monotonic()
    ring.timeout(0.005)
    assert done(ring) is True
    assert time.monotonic() - start >= 0.005
    ring.timeout(LONG, "timeout", count=1)
    ring.nop("nop")
    assert completions(ring, 2)["timeout"].value is False
    ring.timeout(monotonic_of_the_machine() + 0.001, timeout_flags=IORING_TIMEOUT_ABS)
    assert done(ring) is True


def monotonic_of_the_machine():
    """The time of the monotonic clock without the offset of a time namespace."""
    offsets = Path("/proc/self/timens_offsets")
    offset = 0.0
    if offsets.exists():
        (words,) = (line.split() for line in offsets.read_text().splitlines() if line.startswith("monotonic"))
        offset = int(words[1]) + int(words[2]) / 1e9
    return time.monotonic() - offset


@needs(kernel=(5, 11))
def test_a_changed_timeout(ring):
    """A timeout gets another time, or is cancelled."""
    request = ring.timeout(LONG, "timeout")
    ring.submit()
    ring.change_timeout(request, 0.001, "change")
    assert completions(ring, 2)["timeout"].value is True
    request = ring.timeout(LONG, "timeout")
    ring.submit()
    ring.cancel(request)
    completion = completions(ring, 2)["timeout"]
    assert completion.error.errno == errno.ECANCELED
    ring.change_timeout(request, 1)
    with pytest.raises(FileNotFoundError):
        done(ring)


@needs(kernel=(6, 4))
def test_multishot_timeout(ring):
    """A multishot timeout completes as often as it was asked to."""
    ring.timeout(0.001, multishot=True, count=3)
    events = list(itertools.islice(ring, 3))
    assert [event.more for event in events] == [True, True, False]
    assert all(event.value for event in events)


@needs(kernel=(5, 15))
def test_clocks_of_timeouts(ring):
    """An absolute time is one of the clock that the flags say."""
    thirty_years = 30 * 365 * 86400  # over, by the time of day, and far away for the others
    ring.timeout(thirty_years, timeout_flags=IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME)
    assert done(ring) is True
    for clock in 0, IORING_TIMEOUT_BOOTTIME:
        ring.timeout(1e-9, timeout_flags=IORING_TIMEOUT_ABS | clock)
        assert done(ring) is True
        request = ring.timeout(thirty_years, "timeout", timeout_flags=IORING_TIMEOUT_ABS | clock)
        ring.submit()
        with pytest.raises(TimeoutError):
            ring.wait(0)
        ring.change_timeout(request, 1e-9, "change", timeout_flags=IORING_TIMEOUT_ABS)
        assert completions(ring, 2)["timeout"].value is True


@needs(kernel=(5, 15))
def test_a_changed_linked_timeout(ring, pipe):
    """The time of a linked timeout is changed, too."""
    ring.pread(pipe[0], 1, user_data="read", flags=IOSQE_IO_LINK)
    request = ring.link_timeout(LONG, "timeout")
    ring.submit()
    ring.change_timeout(request, 1, "wrong")
    with pytest.raises(FileNotFoundError):
        done(ring)
    ring.change_timeout(request, 0, "change", linked=True)
    events = completions(ring, 3)
    assert events["change"].error is None
    assert events["timeout"].value is True
    assert events["read"].error.errno in (errno.ECANCELED, errno.EINTR)


def test_linked_timeouts(ring, pipe):
    """The request before a linked timeout ends with its time, or ends it."""
    ring.pread(pipe[0], 1, user_data="read", flags=IOSQE_IO_LINK)
    ring.link_timeout(0.001, "timeout")
    events = completions(ring, 2)
    assert events["read"].error.errno in (errno.ECANCELED, errno.EINTR)
    assert events["timeout"].value is True
    os.write(pipe[1], b"x")
    ring.pread(pipe[0], 1, user_data="read", flags=IOSQE_IO_LINK)
    ring.link_timeout(LONG, "timeout")
    events = completions(ring, 2)
    assert events["read"].value == b"x"
    assert events["timeout"].error is None
    assert events["timeout"].value is False


@needs(kernel=(5, 19))
def test_cancelling(ring, pipe):
    """Requests are cancelled by number, by descriptor, and all together."""
    other = os.pipe()
    request = ring.pread(pipe[0], 1, user_data=1)
    for user_data in (2, 3):
        ring.pread(pipe[0], 1, user_data=user_data)
    ring.pread(other[0], 1, user_data=4, flags=IOSQE_ASYNC)
    ring.submit()
    ring.cancel(request, "one")
    events = completions(ring, 2)
    assert (events[1].error.errno, events["one"].error) == (errno.ECANCELED, None)
    ring.cancel_fd(pipe[0], "fd")
    events = completions(ring, 3)
    assert events["fd"].value == 2
    assert {events[2].error.errno, events[3].error.errno} == {errno.ECANCELED}
    ring.cancel_all("all")
    events = completions(ring, 2)
    assert events["all"].error is None or events["all"].error.errno == errno.EALREADY
    assert events[4].error.errno in (errno.ECANCELED, errno.EINTR)
    ring.cancel(request)
    with pytest.raises(FileNotFoundError, match="completed already"):
        done(ring)
    for end in other:
        os.close(end)


@needs(kernel=(5, 19))
def test_cancelling_after_the_descriptor_was_closed(ring, pipe):
    """A close of the descriptor leaves the request, which its number still finds."""
    descriptor = os.dup(pipe[0])
    request = ring.pread(descriptor, 1, user_data="read")
    ring.submit()
    os.close(descriptor)
    ring.cancel_fd(descriptor)
    with pytest.raises(InvalidArgument, match="not open"):
        done(ring)
    assert ring.in_flight == 1
    ring.cancel(request, "cancel")
    assert completions(ring, 2)["read"].error.errno == errno.ECANCELED


@needs(kernel=(6, 7))
def test_waitid(ring):
    """A child is waited for, as by os.waitid."""
    child = os.fork()
    if not child:
        os._exit(7)
    ring.waitid(P_PID, child, WEXITED)
    result = done(ring)
    assert (result.si_pid, result.si_status, result.si_code) == (child, 7, 1)  # CLD_EXITED
    assert result.si_signo == signal.SIGCHLD
    ring.waitid(P_PID, child, WEXITED)
    with pytest.raises(ChildProcessError):
        done(ring)


@in_place
@needs(kernel=(6, 7))
def test_futexes(ring):
    """A futex is waited for until it is woken, one or one of several."""
    memory = mmap.mmap(-1, 4096)
    one, other = memoryview(memory)[:4], memoryview(memory)[4:8]
    ring.futex_wait(one, 0, "waits")
    ring.submit()
    with pytest.raises(TimeoutError):
        ring.wait(0)
    with pytest.raises(BufferError):
        memory.close()
    ring.futex_wake(one, 5, "wakes")
    events = completions(ring, 2)
    assert (events["waits"].value, events["wakes"].value) == (0, 1)
    ring.futex_wait(one, 1)
    with pytest.raises(BlockingIOError):
        done(ring)
    ring.futex_waitv([(one, 0), (other, 0)], "waits")
    ring.submit()
    ring.futex_wake(other, 1, "wakes")
    assert completions(ring, 2)["waits"].value == 1
    for wrong in (bytearray(3), memoryview(memory)[1:5]):
        with pytest.raises(ValueError, match="a futex"):
            ring.futex_wait(wrong, 0)
    del events, wrong
    one.release()
    other.release()
    memory.close()


@needs(kernel=(5, 18))
def test_messages(ring):
    """A ring gets a completion from another ring, and wakes by it."""
    with Ring(2) as other:
        waiting = threading.Thread(target=lambda: events.append(other.wait()))
        events = []
        waiting.start()
        ring.msg_ring(other, 5, 1 << 40)
        assert done(ring) == 0
        waiting.join(LONG)
        (event,) = events
        assert event[:3] == (1 << 40, 5, 0)
        assert (event.request, event.operation.name, event.value) == (0, "message", 5)
        assert other.in_flight == 0


@needs(kernel=(5, 18))
def test_a_message_to_another_file(ring, pipe):
    """A message to what is not a ring is an error that says so."""
    ring.msg_ring(pipe[1], 5)
    with pytest.raises(InvalidArgument, match="not that of a ring"):
        done(ring)


@needs(kernel=(6, 15))
def test_epoll(ring, pipe):
    """The registrations of an epoll are changed, and its events waited for."""
    with Epoll() as epoll:
        ring.epoll_ctl(epoll, EPOLL_CTL_ADD, pipe[0], EPOLLIN, 1 << 40)
        assert done(ring) == 0
        ring.epoll_wait(epoll, 5)
        ring.submit()
        os.write(pipe[1], b"x")
        assert done(ring) == [(EPOLLIN, 1 << 40)]
        ring.epoll_ctl(epoll, EPOLL_CTL_ADD, pipe[0], EPOLLIN)
        with pytest.raises(FileExistsError):
            done(ring)
        ring.epoll_ctl(epoll, EPOLL_CTL_ADD, -1, EPOLLIN)
        with pytest.raises(InvalidArgument):
            done(ring)


# what a ring may do


def test_probe(ring):
    """The probe names the operations that the kernel has."""
    operations = ring.probe()
    assert {UringOp.NOP, UringOp.READ, UringOp.OPENAT2} <= operations
    assert 255 not in operations


@needs(kernel=(5, 10))
def test_restrictions(pipe):
    """A restricted ring does what it was allowed, once it is enabled."""
    with Ring(8, IORING_SETUP_R_DISABLED) as ring:
        ring.nop()
        with pytest.raises(InvalidArgument, match=r"Ring\.enable"):
            ring.submit()
        ring.restrict([IORING_OP_NOP, IORING_OP_READ], flags_allowed=IOSQE_IO_LINK)
        ring.enable()
        assert done(ring) == 0
        ring.pwrite(pipe[1], b"x")
        with pytest.raises(PermissionError, match="a restriction of the ring"):
            done(ring)
        with pytest.raises(PermissionError, match="io_uring_register: a restriction"):
            ring.register_buffers([mmap.mmap(-1, 4096)])


@needs(kernel=(5, 10))
def test_registrations_that_are_allowed():
    """A restricted ring registers the kinds of things that it was allowed."""
    with Ring(8, IORING_SETUP_R_DISABLED) as ring:
        ring.restrict(registrations=[IORING_REGISTER_BUFFERS])
        ring.enable()
        ring.register_buffers([mmap.mmap(-1, 4096)])


@needs(kernel=(5, 15))
def test_workers(ring):
    """The kernel's workers are limited, and the old limits come back."""
    before = ring.max_workers(3, 4)
    assert min(before) > 0
    assert ring.max_workers() == (3, 4)


def test_available():
    """A process learns whether it can have a ring, and why not."""
    assert Ring.available() is None

    def forbidden(number):
        support.inject("io_uring_setup", number)
        error = Ring.available()
        return type(error), error.errno, error.strerror

    kind, number, words = in_child(forbidden, errno.ENOSYS)
    assert (kind, number) == (OSError, errno.ENOSYS)
    assert "older than Linux 5.1, or a seccomp filter" in words
    kind, number, words = in_child(forbidden, errno.EPERM)
    assert (kind, number) == (PermissionError, errno.EPERM)
    assert "filter" in words


@needs("CAP_SYS_ADMIN", kernel=(6, 6))
def test_forbidden_by_the_administrator(monkeypatch):
    """The error names the sysctl that forbids io_uring, and how to change it."""
    from butter import _uring_errors

    for value, words in ((2, r"io_uring_disabled is 2; 'sysctl"), (1, "is 1, so this needs CAP_SYS_ADMIN")):
        monkeypatch.setattr(_uring_errors, "sysctl", lambda name, value=value: value)
        error = _uring_errors.SETUP.error(errno.EPERM)
        assert isinstance(error, PermissionError)
        assert re.search(words, error.strerror)


def test_sizes_of_structs():
    """An event of an epoll, and what waitid tells, are as long as the kernel's."""
    from butter import _uring_waits
    from butter._epoll_errors import EVENT_SIZE

    assert _uring_waits._EPOLL_EVENT.size == EVENT_SIZE
    assert _uring_waits._SIGINFO.size == 28
