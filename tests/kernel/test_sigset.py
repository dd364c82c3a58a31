"""Sets of signals: the masks of threads, signals with values, and waits for them."""

import ctypes
import fcntl
import gc
import os
import select
import signal
import struct
import threading
import time

import pytest
import support
from support import alarms, in_child

from butter.signalfd import Signal, Signalfd, pthread_sigmask
from butter.sigset import (
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    blocked,
    pause,
    sigaddset,
    sigdelset,
    sigemptyset,
    sigfillset,
    sigismember,
    sigprocmask,
    sigqueue,
    sigsuspend,
    sigtimedwait,
)

MILLISECOND = 10**6
SECOND = 10**9
# queues up, and is not that of other tests
QUEUED = signal.SIGRTMIN + 5
FAR = 1000 * SECOND
# the command of fcntl, which not every Python has
F_SETSIG = 10


@pytest.fixture
def mask():
    """The mask of this thread, which a test may change."""
    before = support.blocked()
    yield before
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def queued():
    """A signal that every thread of this process blocks, and that does not wait."""
    before = support.block_everywhere(QUEUED)
    yield QUEUED
    support.discard(QUEUED)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interrupt(*_):
    raise support.Interruption


# sets


def test_sets():
    """The calls change a Python set as those of C change a sigset_t."""
    signals = set()
    sigfillset(signals)
    assert signals == signal.valid_signals()
    sigdelset(signals, signal.SIGINT)
    sigdelset(signals, signal.SIGINT)
    assert signals == signal.valid_signals() - {signal.SIGINT}
    sigemptyset(signals)
    assert signals == set()
    sigaddset(signals, 10)
    sigaddset(signals, signal.SIGUSR1)
    assert signals == {signal.SIGUSR1}
    assert sigismember(signals, 10) is True
    assert sigismember(signals, signal.SIGTERM) is False


@pytest.mark.parametrize("call", [sigaddset, sigdelset, sigismember])
def test_signals_that_are_none(call):
    """A set takes no number that is not a signal's, and no other type."""
    signals = {signal.SIGINT}
    for number in (0, -1, 32, 65, 1 << 40):
        with pytest.raises(ValueError, match=f"{number}"):
            call(signals, number)
    for value in (10.0, "SIGINT", None, [10]):
        with pytest.raises(TypeError, match="signum must be an int"):
            call(signals, value)
    assert signals == {signal.SIGINT}


def test_sets_that_are_none():
    """A set of signals is a Python set: one that cannot be changed is refused."""
    for call in (sigemptyset, sigfillset, lambda signals: sigaddset(signals, 1)):
        for value in (frozenset(), [], 0):
            with pytest.raises(TypeError, match="signals must be a set"):
                call(value)


# the mask


def test_sigprocmask(mask):
    """The mask is changed as asked, and the one before is returned."""
    assert sigprocmask(SIG_BLOCK, {signal.SIGUSR1, signal.SIGRTMAX}) == mask
    assert support.blocked() == mask | {signal.SIGUSR1, signal.SIGRTMAX}
    assert sigprocmask(SIG_UNBLOCK, signal.SIGUSR1) == mask | {signal.SIGUSR1, signal.SIGRTMAX}
    assert sigprocmask(SIG_SETMASK, [signal.SIGUSR2]) == mask | {signal.SIGRTMAX}
    assert sigprocmask(SIG_BLOCK) == support.blocked() == {signal.SIGUSR2}


def test_a_mask_of_all_signals(mask):
    """All signals but two can be blocked, and each comes back as its member."""
    sigprocmask(SIG_SETMASK, signal.valid_signals())
    found = sigprocmask(SIG_SETMASK, mask)
    assert found == signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    assert {each for each in found if isinstance(each, signal.Signals)} == found & set(signal.Signals)


def test_a_mask_is_that_of_a_thread(mask):
    """Another thread has a mask of its own, which it inherits."""
    seen = []

    def body():
        seen.append(sigprocmask(SIG_SETMASK, {signal.SIGUSR2}))
        seen.append(sigprocmask(SIG_BLOCK))

    sigprocmask(SIG_BLOCK, {signal.SIGUSR1})
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    # pthread_sigmask of butter, and of Python, tell the same
    assert sigprocmask(SIG_BLOCK) == pthread_sigmask(SIG_BLOCK, ()) == mask | {signal.SIGUSR1} == seen[0]
    assert seen[1] == {signal.SIGUSR2}


def test_blocked(mask):
    """Signals are blocked inside, and the mask is restored whatever the block did."""
    sigprocmask(SIG_BLOCK, signal.SIGUSR2)
    with blocked(signal.SIGUSR1, QUEUED) as before:
        assert before == mask | {signal.SIGUSR2}
        assert support.blocked() == mask | {signal.SIGUSR1, signal.SIGUSR2, QUEUED}
        with blocked(signal.SIGUSR1, signal.SIGHUP):
            assert signal.SIGHUP in support.blocked()
        assert signal.SIGUSR1 in support.blocked()
        sigprocmask(SIG_SETMASK, {signal.SIGRTMAX})
    assert support.blocked() == mask | {signal.SIGUSR2}


def test_blocked_restores_after_an_exception(mask):
    """An exception that leaves the block restores the mask."""
    with pytest.raises(support.Interruption), blocked(signal.SIGUSR1):
        interrupt()
    assert support.blocked() == mask


def test_blocked_delivers_at_the_end():
    """A signal that came inside is handled when the block is left, and not before."""
    handled = []
    with alarms(lambda number, _: handled.append(number), 0):
        with blocked(signal.SIGALRM):
            support.send(signal.SIGALRM)
            assert handled == []
        support.until(lambda: handled)
    assert handled == [signal.SIGALRM]


def test_blocked_refuses_what_is_not_a_signal(mask):
    """A number that is not a signal's, or a list, blocks nothing."""
    for wrong, error in ((33, ValueError), ([1], TypeError), ("SIGINT", TypeError)):
        with pytest.raises(error), blocked(signal.SIGUSR1, wrong):
            pass
    assert support.blocked() == mask


def test_blocked_in_another_thread(mask):
    """A block that is left in another thread than it was entered changes neither."""
    manager = blocked(signal.SIGUSR1)
    seen = []

    def body():
        manager.__enter__()
        seen.append(support.blocked())
        left.set()
        end.wait()
        seen.append(support.blocked())

    left, end = threading.Event(), threading.Event()
    thread = threading.Thread(target=body)
    thread.start()
    left.wait()
    with pytest.raises(RuntimeError, match="another one"):
        manager.__exit__(None, None, None)
    assert support.blocked() == mask
    end.set()
    thread.join()
    assert seen == [mask | {signal.SIGUSR1}] * 2


def test_blocked_survives_handlers_that_raise(mask):
    """Wherever a handler raises in the with statement, the mask is restored."""

    def use():
        with blocked(signal.SIGUSR1):
            pass

    for moment in support.moments():
        raised = support.interrupt_between(use, moment)
        gc.collect()  # PyPy ends the generator then
        assert support.blocked() == mask, moment
        if not raised:
            break


def test_blocked_in_a_forked_child(mask):
    """A child that is forked inside leaves the block as its parent does."""

    def body():
        with blocked(signal.SIGUSR1):
            child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(int(support.blocked() != mask))

    assert in_child(body) == 0


# signals with a value


@pytest.mark.parametrize("value", [0, 5, -5, (1 << 31) - 1, 1 << 40, (1 << 63) - 1, -1 << 63, 1 << 63, (1 << 64) - 1])
def test_values(queued, value):
    """A value arrives whole, and its lower half as an int."""
    sigqueue(os.getpid(), queued, value)
    taken = sigtimedwait(queued, 0)
    assert taken.ssi_ptr == value % (1 << 64)
    sigqueue(os.getpid(), queued, taken.ssi_ptr)
    assert sigtimedwait(queued, 0) == taken
    assert taken.ssi_int == ctypes.c_int32(value & 0xFFFFFFFF).value
    assert (taken.signal, taken.pid, taken.uid) == (queued, os.getpid(), os.getuid())
    assert str(taken.code) == "QUEUE"


def test_signals_queue_up(queued):
    """A real-time signal waits as often as it was sent, in order."""
    for value in range(20):
        sigqueue(os.getpid(), queued, value)
    assert [sigtimedwait(queued, 0).ssi_int for _ in range(20)] == list(range(20))
    assert sigtimedwait(queued, 0) is None


def test_a_signal_of_0_only_looks():
    """A signal of 0 is not sent, but tells whether the process is there."""
    assert sigqueue(os.getpid(), 0) is None
    with support.Child() as child:
        pid = child.pid
        sigqueue(pid, 0)
    with pytest.raises(ProcessLookupError, match=f"no process {pid}"):
        sigqueue(pid, 0)


def test_wrong_arguments_of_sigqueue():
    """Numbers are ints that C can hold."""
    for arguments in ((1 << 31, 0), (0, 1 << 31), (0, 0, 1 << 64), (0, 0, (-1 << 63) - 1)):
        with pytest.raises(ValueError, match="must be"):
            sigqueue(*arguments)
    for arguments in (("1", 0), (0, 1.0), (0, 0, None)):
        with pytest.raises(TypeError, match="must be an int"):
            sigqueue(*arguments)


# waiting


def same_signal(number, send):
    """A signal that is sent twice, as sigtimedwait and as a signalfd have it."""
    send()
    taken = sigtimedwait(number, 30 * SECOND)
    send()
    with Signalfd(number) as signals:
        return taken, signals.wait(30)


def test_a_signal_is_that_of_a_signalfd():
    """Each field is the one that a signalfd has, whatever sent the signal."""

    def body():
        sigprocmask(SIG_BLOCK, signal.valid_signals())
        for number, send in (
            (signal.SIGUSR1, lambda: os.kill(os.getpid(), signal.SIGUSR1)),
            (signal.SIGUSR2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)),
            (QUEUED, lambda: sigqueue(os.getpid(), QUEUED, 77)),
            (signal.SIGALRM, lambda: signal.setitimer(signal.ITIMER_REAL, 0.001)),
        ):
            taken, expected = same_signal(number, send)
            assert taken == expected
            assert type(taken) is Signal

    in_child(body)


def test_a_signal_of_a_descriptor():
    """A signal that F_SETSIG chose has the descriptor, and what it is ready for."""

    def body():
        sigprocmask(SIG_BLOCK, QUEUED)
        reading, writing = os.pipe()
        fcntl.fcntl(reading, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(reading, F_SETSIG, QUEUED)
        fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
        taken, expected = same_signal(QUEUED, lambda: os.write(writing, b"x"))
        assert taken == expected
        assert (taken.sigio_fd, taken.pid, taken.sigio_band & select.POLLIN) == (reading, 0, select.POLLIN)

    in_child(body)


# a code of its own that a signal has means another thing with another kernel
OWN_CODES = {signal.SIGILL, signal.SIGFPE, signal.SIGSEGV, signal.SIGBUS, signal.SIGTRAP, signal.SIGCHLD, signal.SIGSYS}


def test_each_code_is_that_of_a_signalfd():
    """For every signal, and every code, the fields are those that a signalfd has."""
    codes = [*range(-8, 0), -60, *range(13), 128]

    def body():
        sigprocmask(SIG_BLOCK, signal.valid_signals())
        tried = 0
        for number in {*range(1, 32), QUEUED} - {signal.SIGKILL, signal.SIGSTOP}:
            with Signalfd(number) as signals:
                for code in codes:
                    if number in OWN_CODES and code > 1:
                        continue
                    content = struct.pack("iii4xiiQ", number, 0, code, 11, 22, 0x3333333344444444) + b"\x55" * 16
                    # the kernel refuses what it would have to expand
                    info = ctypes.create_string_buffer(content, 128)
                    call = support.number_of("rt_sigqueueinfo"), os.getpid(), int(number), info
                    assert support.libc.syscall(*call) == 0
                    taken = sigtimedwait(number, 0)
                    assert support.libc.syscall(*call) == 0
                    assert taken == signals.read_event()
                    tried += 1
        return tried

    assert in_child(body) > 600


def test_the_end_of_a_child():
    """A SIGCHLD has the child, its status, and the code that says how it ended."""

    def body():
        sigprocmask(SIG_BLOCK, signal.SIGCHLD)
        child = os.fork()
        if not child:
            os._exit(7)
        taken = sigtimedwait(signal.SIGCHLD)
        os.waitpid(child, 0)
        assert (taken.pid, taken.child_status, str(taken.code)) == (child, 7, "EXITED")

    in_child(body)


def test_a_timer_that_expires():
    """A signal of a POSIX timer has its overruns, and the value of its event."""

    class Event(ctypes.Structure):
        _fields_ = (
            ("value", ctypes.c_void_p),
            ("number", ctypes.c_int),
            ("notify", ctypes.c_int),
            ("rest", ctypes.c_char * 48),
        )

    def body():
        sigprocmask(SIG_BLOCK, QUEUED)
        timer = ctypes.c_void_p()
        event = Event(value=99, number=QUEUED)
        assert support.libc.timer_create(1, ctypes.byref(event), ctypes.byref(timer)) == 0
        times = (ctypes.c_long * 4)(0, MILLISECOND, 0, MILLISECOND)
        assert support.libc.timer_settime(timer, 0, times, None) == 0
        first = sigtimedwait(QUEUED)
        support.until(lambda: sigtimedwait(QUEUED).overrun > 0)
        assert (str(first.code), first.ssi_int, first.ssi_ptr, first.pid) == ("TIMER", 99, 99, 0)

    in_child(body)


def test_a_wait_in_vain(queued):
    """A wait for a signal that does not come ends after its time, and not before."""
    start = time.monotonic_ns()
    assert sigtimedwait(queued, 20 * MILLISECOND) is None
    assert time.monotonic_ns() - start >= 20 * MILLISECOND
    assert sigtimedwait((), 0) is None


def test_handlers_do_not_end_a_wait(queued):
    """The handlers of other signals run during a wait, which then goes on."""
    ran = []

    def handler(*_):
        ran.append(None)
        if len(ran) == 3:
            sigqueue(os.getpid(), queued, 3)

    for limit in None, FAR:
        ran.clear()
        with alarms(support.when_waiting(handler), 0.002):
            assert sigtimedwait(queued, limit).ssi_int == 3


def test_handlers_do_not_prolong_a_wait(queued):
    """A wait that handlers interrupt again and again ends in time."""
    start = time.monotonic_ns()
    with alarms(lambda *_: None, 0.002):
        assert sigtimedwait(queued, 30 * MILLISECOND) is None
    assert time.monotonic_ns() - start >= 30 * MILLISECOND


@pytest.mark.parametrize(
    "wait", [lambda: sigtimedwait(QUEUED), lambda: sigtimedwait(QUEUED, FAR), lambda: sigsuspend(()), pause]
)
def test_a_handler_that_raises_ends_a_wait(queued, wait):
    """An exception of a handler ends each wait."""
    with pytest.raises(support.Interruption), alarms(interrupt):
        wait()


def test_wrong_times(queued):
    """A time is an int that is not negative, and of 63 bits."""
    for wrong in -1, 1 << 63:
        with pytest.raises(ValueError, match="nanoseconds is"):
            sigtimedwait(queued, wrong)
    with pytest.raises(TypeError, match="nanoseconds must be an int"):
        sigtimedwait(queued, 0.5)


def test_sigsuspend_has_no_gap(mask):
    """A signal that came before the call, but was blocked, ends it."""
    handled = []
    with alarms(lambda number, _: handled.append(number), 0), blocked(signal.SIGALRM) as before:
        support.send(signal.SIGALRM)
        assert sigsuspend(before) is None
        support.until(lambda: handled)
        assert support.blocked() == mask | {signal.SIGALRM}
    assert handled == [signal.SIGALRM]


def test_sigsuspend_blocks_the_others():
    """Meanwhile the thread blocks the signals that were passed, and no others."""

    def body():
        order = []
        for number in signal.SIGUSR1, signal.SIGUSR2:
            signal.signal(number, lambda number, _: order.append((number, support.blocked())))
        sigprocmask(SIG_SETMASK, {signal.SIGUSR1, signal.SIGUSR2})
        for number in signal.SIGUSR1, signal.SIGUSR2:
            os.kill(os.getpid(), number)
        sigsuspend({signal.SIGUSR1})
        support.until(lambda: order)
        assert [number for number, _ in order] == [signal.SIGUSR2]

    in_child(body)


def test_pause():
    """A wait for a handler ends when one has run."""
    handled = []
    with alarms(lambda number, _: handled.append(number), 0.01):
        assert pause() is None
        support.until(lambda: handled)


@pytest.mark.parametrize(
    ("wait", "call"),
    [(lambda: sigtimedwait(QUEUED), "rt_sigtimedwait"), (lambda: sigsuspend(()), "rt_sigsuspend"), (pause, "ppoll")],
    ids=["sigtimedwait", "sigsuspend", "pause"],
)
def test_other_threads_run_during_a_wait(wait, call):
    """A thread that waits lets others run."""

    def body():
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        place = f"/proc/self/task/{thread.native_id}/syscall"

        def waits():
            with open(place) as file:
                return file.read().split()[0] == str(support.number_of(call))

        support.until(waits)

    in_child(body)
