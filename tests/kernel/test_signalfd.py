"""signalfd on this kernel: receiving, the fields of each signal, and each failure."""

import collections.abc
import copy
import ctypes
import errno
import fcntl
import os
import pickle
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from support import alone, blocked, kernel_mask, libc, send

from butter import _signalfd
from butter import signalfd as module
from butter._signalfd import read_events
from butter.errors import InvalidArgument, OutOfMemory
from butter.signalfd import (
    CLD_EXITED,
    CLD_KILLED,
    SFD_NONBLOCK,
    SI_QUEUE,
    SI_TIMER,
    SI_TKILL,
    SI_USER,
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGINFO_LENGTH,
    ChildCode,
    Signal,
    SignalCode,
    Signalfd,
    pthread_sigmask,
    signalfd,
    signum_to_signame,
    sigset,
    str_to_events,
)

USR1, USR2, CHLD, RT = signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGRTMIN
EVERY = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def queue(number, value, pid=None):
    """Send a signal with a value."""
    if libc.sigqueue(pid or os.getpid(), int(number), ctypes.c_void_p(value)):
        raise OSError(ctypes.get_errno(), "sigqueue")


class Number:
    """An object that has a descriptor and nothing else."""

    def __init__(self, fd):
        self.fileno = lambda: fd


@pytest.fixture
def fd():
    fd = signalfd([USR1])
    yield fd
    os.close(fd)


@pytest.fixture
def made():
    with Signalfd() as made:
        yield made


# Sets of signals


@pytest.mark.parametrize(
    "signals",
    [10, USR1, [10], (USR1,), {10}, frozenset([USR1]), range(10, 11), iter([10]), {10: None}, [10, USR1, 10]],
    ids=lambda value: type(value).__name__,
)
def test_sigset(signals):
    """One signal or any iterable of them is a set of signals."""
    assert sigset(signals) == {USR1}


def test_sigset_members():
    """A named signal is a member of signal.Signals, a real-time signal an int."""
    assert {type(member) for member in sigset([USR1, 15])} == {signal.Signals}
    assert sigset(signal.valid_signals()) == signal.valid_signals()
    assert sigset(()) == set()
    assert sigset([RT + 3]) == {RT + 3}


@pytest.mark.defect("S2")
@pytest.mark.parametrize("number", [0, -1, 32, 33, 65, 9999, 2**31 - 1, 2**31, 2**64, -(2**31) - 1])
def test_no_signal(number, fd, made):
    """A number that is not a signal's is refused before anything happens."""
    for call in (
        sigset,
        signalfd,
        Signalfd,
        lambda signals: signalfd(signals, fd),
        lambda signals: pthread_sigmask(SIG_BLOCK, signals),
        made.enable,
        made.disable,
    ):
        for signals in (number, [USR2, number]):
            with pytest.raises(ValueError, match=r"no signal|it must be"):
                call(signals)
    assert blocked() == made.signals == set()
    assert kernel_mask(fd) == {USR1}


@pytest.mark.parametrize(
    "signals",
    [None, 1.5, "SIGUSR1", ["SIGUSR1"], [None], object(), [[10]], ("1",)],
    ids=lambda value: type(value).__name__,
)
def test_wrong_type(signals):
    """Another type than a signal or an iterable of signals is a TypeError."""
    for call in (sigset, signalfd, Signalfd, lambda signals: pthread_sigmask(SIG_BLOCK, signals)):
        with pytest.raises(TypeError):
            call(signals)


@pytest.mark.parametrize(
    "call",
    [
        lambda number: signalfd([], flags=number),
        lambda number: signalfd([], fd=number),
        lambda number: Signalfd([], flags=number),
        lambda number: pthread_sigmask(number, []),
    ],
)
def test_descriptors_flags_and_actions_are_ints(call):
    """Another type is a TypeError, and a number beyond the C type a ValueError."""
    for wrong in "0", None, 0.5:
        with pytest.raises(TypeError):
            call(wrong)
    for number in 2**31, -(2**31) - 1, 2**64:
        with pytest.raises(ValueError, match="it must be"):
            call(number)


# pthread_sigmask


@pytest.mark.defect("S3")
@alone
def test_pthread_sigmask():
    """Each action changes the mask and returns the mask before."""
    assert pthread_sigmask(SIG_BLOCK, [USR1, RT]) == set()
    assert pthread_sigmask(SIG_BLOCK, USR2) == {USR1, RT}
    assert pthread_sigmask(SIG_UNBLOCK, [USR1]) == {USR1, USR2, RT}
    assert pthread_sigmask(SIG_SETMASK, iter([signal.SIGHUP])) == {USR2, RT} == sigset([USR2, RT])
    assert blocked() == {signal.SIGHUP}
    old = pthread_sigmask(signal.SIG_SETMASK, ())
    assert old == {signal.SIGHUP}
    assert type(old.pop()) is signal.Signals
    assert blocked() == set()


@alone
def test_everything_blocked():
    """SIGKILL and SIGSTOP in a mask are ignored."""
    pthread_sigmask(SIG_BLOCK, signal.valid_signals())
    assert pthread_sigmask(SIG_BLOCK, ()) == blocked() == EVERY


# signalfd


def test_another_mask(fd):
    """A signalfd, a number or an object, gets another mask and keeps its flags."""
    assert signalfd([USR2, RT], fd) == fd
    assert kernel_mask(fd) == {USR2, RT}
    with Signalfd([USR1], SFD_NONBLOCK) as signals:
        assert signalfd(USR2, signals) == signals.fileno()
        assert kernel_mask(signals.fileno()) == {USR2}
        assert not os.get_blocking(signals.fileno())


def test_signals_that_cannot_be_received():
    """SIGKILL and SIGSTOP are dropped from a set with others, and refused alone."""
    with Signalfd(signal.valid_signals()) as signals:
        assert kernel_mask(signals.fileno()) == signals.sigmask == EVERY
        assert signal.SIGKILL not in signals
        assert signal.SIGSTOP not in signals
        signals.enable([signal.SIGKILL, USR1])
        assert kernel_mask(signals.fileno()) == signals.sigmask == EVERY
        signals.disable([signal.SIGKILL])
        for call in (signals.enable, Signalfd):
            with pytest.raises(ValueError, match="SIGKILL and SIGSTOP cannot be received"):
                call([signal.SIGKILL, signal.SIGSTOP])
            with pytest.raises(ValueError, match="SIGKILL cannot be received"):
                call(signal.SIGKILL)


# The object


@pytest.mark.defect("S1", "S5")
def test_object_mask():
    """The object's mask is in force from the start, and its methods change it."""
    with Signalfd([USR1]) as signals:
        fd = signals.fileno()
        assert kernel_mask(fd) == signals.sigmask == {USR1}
        assert USR1 in signals
        assert 10 in signals
        assert USR2 not in signals
        signals.enable(USR2)
        assert kernel_mask(fd) == signals.sigmask == {USR1, USR2}
        signals.enable([USR2, RT])
        signals.disable(USR1)
        assert kernel_mask(fd) == signals.sigmask == {USR2, RT}
        signals.disable([USR1, RT])
        assert kernel_mask(fd) == signals.sigmask == {USR2}
        signals.enable_all()
        assert kernel_mask(fd) == signals.sigmask == EVERY
        assert all(number in signals for number in EVERY)
        signals.disable_all()
        assert kernel_mask(fd) == signals.sigmask == set()
        assert USR2 not in signals


def test_mask_is_a_copy():
    """The mask is a copy of the set that was given, and ``sigmask`` returns a copy."""
    given = {USR1}
    with Signalfd(given) as signals:
        given.add(USR2)
        signals.sigmask.add(USR2)
        assert signals.sigmask == kernel_mask(signals.fileno()) == {USR1}


@alone
def test_many_signals_in_one_read():
    """One read takes all signals: each real-time signal in order, others once."""
    with Signalfd([USR1, USR2, RT, RT + 1], SFD_NONBLOCK) as signals:
        assert signals.read_events() == []
        for value in (3, 1, 2):
            queue(RT + 1, value)
            queue(RT, value)
            send(USR2)
            send(USR1)
        events = signals.read_events()
        assert [event.signal for event in events] == [USR1, USR2, RT, RT, RT, RT + 1, RT + 1, RT + 1]
        assert [event.ssi_int for event in events] == [0, 0, 3, 1, 2, 3, 1, 2]
        assert signals.read_events() == []
        with pytest.raises(BlockingIOError, match="no signal waits") as caught:
            signals.read_event()
        assert caught.value.errno == errno.EAGAIN


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_signals_that_could_not_be_made(in_child, monkeypatch, error):
    """Signals that were read but failed to be made are pending, and come first."""

    def fail(records):
        raise error

    def body():
        with Signalfd([RT], SFD_NONBLOCK) as signals:
            queue(RT, 1)
            queue(RT, 2)
            with monkeypatch.context() as patch:
                patch.setattr(_signalfd, "_unpack", fail)
                with pytest.raises(error):
                    signals.read_events()
            assert signals.pending == 2
            assert support.in_child(lambda: signals.pending) == 0
            queue(RT, 3)
            assert signals.wait(10).ssi_int == 1
            return [event.ssi_int for event in support.drain(signals)]

    assert in_child(body) == [2, 3]


@alone
def test_more_than_one_read():
    """Hundreds of signals come in several reads, all of them and in order."""
    with Signalfd([RT], SFD_NONBLOCK) as signals:
        for value in range(300):
            queue(RT, value)
        batches = []
        while batch := signals.read_events():
            batches.append([event.ssi_int for event in batch])
        assert [value for batch in batches for value in batch] == list(range(300))
        assert len(batches) < 5


@pytest.mark.parametrize("name", ["enable", "disable", "enable_all", "disable_all"])
def test_mask_of_a_closed_object(name):
    """The mask of a closed object cannot be changed."""
    signals = Signalfd([USR1])
    signals.close()
    arguments = ([USR2],) if name in ("enable", "disable") else ()
    with pytest.raises(ValueError, match="closed file"):
        getattr(signals, name)(*arguments)
    assert signals.sigmask == {USR1}
    with pytest.raises(ValueError, match="closed file"):
        signalfd([USR2], signals)


def test_mask_without_init():
    """An object that __init__ never saw receives no signals."""
    signals = Signalfd.__new__(Signalfd)
    assert USR1 not in signals
    assert signals.signals == set()
    assert repr(signals) == "<Signalfd fd=closed signals=none>"


def test_repr():
    """An object prints the names of its signals."""
    with Signalfd([USR2, RT + 1, USR1]) as signals:
        assert repr(signals) == f"<Signalfd fd={signals.fileno()} signals=SIGUSR1|SIGUSR2|SIGRTMIN+1>"
        signals.enable_all()
        assert repr(signals).endswith(" signals=all>")


def test_spellings():
    """The older names of the set of signals work, but not both names at once."""
    with Signalfd(sigmask=[USR1]) as signals:
        assert signals.signals == signals.sigmask == kernel_mask(signals.fileno()) == {USR1}
        signals.enable(signals=USR2)
        signals.disable(signal=USR1)
        assert signals.signals == {USR2}
        signals.disable(signals=USR2)
        assert signals.signals == set()
        for call in (
            lambda: Signalfd([USR1], sigmask=[USR1]),
            lambda: signals.disable(USR1, signal=USR1),
            lambda: Signalfd(signals=[USR1], sigmask=[USR1]),
        ):
            with pytest.raises(TypeError, match="one argument"):
                call()
        with pytest.raises(TypeError, match="the signals to receive no longer"):
            signals.disable()


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ("SIGTERM", "such as signal.SIGTERM, not the str 'SIGTERM'"),
        (["usr1"], "such as signal.SIGUSR1, not the str 'usr1'"),
        ([USR1, "stop it"], "such as signal.SIGTERM, not the str 'stop it'"),
    ],
)
def test_names_are_no_signals(signals, words):
    """A name instead of a signal is a TypeError that names the constant."""
    with Signalfd() as made:
        for call in (sigset, Signalfd, made.enable, made.disable):
            with pytest.raises(TypeError, match=re.escape(words)):
                call(signals)


def test_adopt():
    """An adopted descriptor's signals are read from the kernel."""
    with Signalfd.adopt(signalfd([USR1, RT], flags=SFD_NONBLOCK)) as signals:
        assert signals.signals == {USR1, RT}
        assert type(min(signals.signals)) is signal.Signals
        signals.enable(USR2)
        assert kernel_mask(signals.fileno()) == signals.signals == {USR1, USR2, RT}


@support.needs_namespaces
@alone
def test_adopt_without_proc():
    """Without /proc an adopting object receives signals that it does not know."""
    support.own_namespaces()
    assert libc.mount(b"none", b"/proc", b"tmpfs", 0, None) == 0
    pthread_sigmask(SIG_BLOCK, [USR1])
    with Signalfd.adopt(signalfd([USR1])) as signals:
        assert signals.signals == set()
        send(USR1)
        assert signals.wait(10).signal == USR1


# The with statement


@alone
def test_with_blocks_and_restores():
    """The block has the signals blocked, and its end restores the mask from before."""
    pthread_sigmask(SIG_BLOCK, [signal.SIGHUP])
    signals = Signalfd([USR1])
    assert blocked() == {signal.SIGHUP}
    with signals as entered:
        assert entered is signals
        assert blocked() == {signal.SIGHUP, USR1}
        signals.enable([USR2])
        assert blocked() == {signal.SIGHUP, USR1, USR2}
        signals.disable([USR1])
        assert blocked() == {signal.SIGHUP, USR1, USR2}
    assert blocked() == {signal.SIGHUP}
    assert signals.closed()
    with pytest.raises(LookupError), Signalfd([USR1]):
        raise LookupError
    assert blocked() == {signal.SIGHUP}


@alone
def test_close_inside_with():
    """A block that closes its object ends with the mask from before."""
    with Signalfd([USR1]) as signals:
        signals.close()
        assert blocked() == {USR1}
    assert blocked() == set()


@alone
def test_with_within_with():
    """An object entered twice restores the first mask; blocks of two objects nest."""
    with Signalfd([USR1]) as signals:
        with signals:
            assert blocked() == {USR1}
        assert blocked() == set()
        assert signals.closed()
    with Signalfd([USR1]):
        with Signalfd([USR2]):
            assert blocked() == {USR1, USR2}
        assert blocked() == {USR1}
    assert blocked() == set()


@alone
def test_handler_that_raises_on_exit():
    """A signal that was not read is handled behind the block, which has closed all."""
    seen = []

    def handler(*_):
        seen.append("handled")
        raise LookupError

    signal.signal(USR1, handler)
    signals = Signalfd([USR1])
    with pytest.raises(LookupError), signals:
        seen.append(send(USR1))
    assert seen == [None, "handled"]
    assert signals.closed()
    assert blocked() == set()


@alone
def test_block_and_restore():
    """block and restore are the two halves of ``with``; restore alone does nothing."""
    with Signalfd([USR1]) as outer:
        outer.restore()
        assert blocked() == set()
        outer.block()
        outer.block()
        assert blocked() == {USR1}
        outer.restore()
        outer.restore()
        assert blocked() == set()


PRINT_MASK = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))))"


def test_inherited_by_programs(in_child):
    """A program inherits the blocked signals."""

    def body():
        with Signalfd([USR1]):
            return subprocess.run([sys.executable, "-c", PRINT_MASK], stdout=subprocess.PIPE, check=True).stdout

    assert in_child(body) == b"[10]\n"


# The fields of a signal


@alone
def test_kill():
    """A signal of kill has the process and user that sent it."""
    with Signalfd([USR1]) as signals:
        send(USR1)
        event = signals.wait(10)
    assert event.signal == event.ssi_signo == USR1
    assert event.signal_code == event.ssi_code == SI_USER
    assert event.code is SignalCode.USER
    assert event.pid == event.ssi_pid == os.getpid()
    assert event.uid == event.ssi_uid == os.getuid()
    assert event.name == signum_to_signame[event.signal] == "SIGUSR1"
    assert repr(event) == f"<Signal ssi_signo=SIGUSR1 ssi_code=USER ssi_pid={os.getpid()}" + (
        f" ssi_uid={os.getuid()}>" if os.getuid() else ">"
    )


@alone
def test_queued_value():
    """A signal of sigqueue brings its value, as int and as pointer."""
    with Signalfd([RT + 2]) as signals:
        queue(RT + 2, 0x1234_5678_9ABC_DEF0)
        queue(RT + 2, -5)
        first, second = signals.read_events()
    assert (first.signal, first.code, first.name) == (RT + 2, SignalCode.QUEUE, "SIGRTMIN+2")
    assert first.ssi_ptr == 0x1234_5678_9ABC_DEF0
    assert first.ssi_int == ctypes.c_int32(0x9ABC_DEF0).value
    assert (second.ssi_int, second.ssi_ptr, second.ssi_code) == (-5, 2**64 - 5, SI_QUEUE)


@alone
def test_child():
    """SIGCHLD has the child's status; a second SIGCHLD is lost while one waits."""
    with Signalfd([CHLD]) as signals:
        pid = os.fork()
        if not pid:
            os._exit(7)
        event = signals.wait(10)
        assert (event.pid, event.child_status, event.signal_code) == (pid, 7, CLD_EXITED)
        assert event.code is ChildCode.EXITED
        assert "ssi_code=EXITED" in repr(event)
        assert os.waitpid(pid, 0) == (pid, 7 << 8)
        pid = os.fork()
        if not pid:
            signal.pause()
        os.kill(pid, signal.SIGKILL)
        event = signals.wait(10)
        assert (event.pid, event.child_status, event.code) == (pid, signal.SIGKILL, CLD_KILLED)
        os.waitpid(pid, 0)
        children = []
        for _ in range(3):
            pid = os.fork()
            if not pid:
                os._exit(0)
            children.append(pid)
        # all three have ended, and none is reaped yet
        for pid in children:
            assert libc.waitid(1, pid, ctypes.create_string_buffer(128), 0x01000004) == 0  # P_PID, WEXITED | WNOWAIT
        assert signals.wait(10).pid in children
        assert signals.pending == 0
        with pytest.raises(TimeoutError):
            signals.wait(0)
        assert {os.wait()[0] for _ in children} == set(children)


@alone
def test_child_times():
    """The times of a child are the clock ticks that found it running."""
    with Signalfd([CHLD]) as signals:
        pid = os.fork()
        if not pid:
            while time.process_time() < 0.3:
                sum(range(10_000))
            os._exit(0)
        event = signals.wait(60)
        _, _, usage = os.wait4(pid, 0)
    ran = usage.ru_utime + usage.ru_stime
    told = (event.child_user_time + event.child_system_time) / os.sysconf("SC_CLK_TCK")
    assert 0 < told < ran * 3
    assert (event.child_user_time, event.child_system_time) == (event.ssi_utime, event.ssi_stime)


@alone
def test_sigio():
    """A SIGIO has the descriptor, and the events for which it is ready."""
    reading, writing = os.pipe()
    with Signalfd([signal.SIGIO]) as signals:
        fcntl.fcntl(reading, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(reading, 10, signal.SIGIO)  # F_SETSIG: without it nothing is told
        fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
        os.write(writing, b"x")
        event = signals.wait(10)
    assert (event.name, event.sigio_fd, event.ssi_fd) == ("SIGIO", reading, reading)
    assert event.sigio_band == event.ssi_band
    assert event.sigio_band & select.POLLIN
    assert event.code == 1  # POLL_IN, which no enum of butter has
    assert event.signal_code == 1


@alone
def test_posix_timer():
    """A timer's signal has its number, and the count of unseen expirations."""

    class Event(ctypes.Structure):
        _fields_ = [
            ("value", ctypes.c_void_p),
            ("signo", ctypes.c_int),
            ("notify", ctypes.c_int),
            ("_", ctypes.c_byte * 48),
        ]

    rt = libc if hasattr(libc, "timer_create") else ctypes.CDLL("librt.so.1", use_errno=True)
    with Signalfd([RT]) as signals:
        timer = ctypes.c_void_p()
        event = Event(value=0x77, signo=int(RT), notify=0)
        assert rt.timer_create(1, ctypes.byref(event), ctypes.byref(timer)) == 0
        millisecond = (ctypes.c_long * 4)(0, 1_000_000, 0, 1_000_000)
        assert rt.timer_settime(timer, 0, millisecond, None) == 0
        seen = signals.wait(10)
        assert (seen.code, seen.ssi_int) == (SI_TIMER, 0x77)
        assert seen.timer_id == seen.ssi_tid == (timer.value or 0)
        # it runs out many times while its first signal waits
        poll = select.poll()
        poll.register(signals, select.POLLIN)
        poll.poll(10_000)
        start = time.monotonic()
        while time.monotonic() < start + 0.01:
            pass
        # not in the next signal if that was sent while the first waited
        while not signals.wait(10).overrun:
            pass
        # before Linux 6.13 a signal survives its timer, and would end the process when
        # nothing blocks it
        assert rt.timer_settime(timer, 0, (ctypes.c_long * 4)(), None) == 0
        rt.timer_delete(timer)
        support.discard(RT)


@pytest.mark.defect("S4")
def test_every_field():
    """Each field of the manual's struct has its value, and so has its older name."""
    unsigned, signed, long = ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint64

    class Siginfo(ctypes.Structure):
        _fields_ = [
            ("ssi_signo", unsigned),
            ("ssi_errno", signed),
            ("ssi_code", signed),
            ("ssi_pid", unsigned),
            ("ssi_uid", unsigned),
            ("ssi_fd", signed),
            ("ssi_tid", unsigned),
            ("ssi_band", unsigned),
            ("ssi_overrun", unsigned),
            ("ssi_trapno", unsigned),
            ("ssi_status", signed),
            ("ssi_int", signed),
            ("ssi_ptr", long),
            ("ssi_utime", long),
            ("ssi_stime", long),
            ("ssi_addr", long),
            ("ssi_addr_lsb", ctypes.c_uint16),
            ("pad2", ctypes.c_uint16),
            ("ssi_syscall", signed),
            ("ssi_call_addr", long),
            ("ssi_arch", unsigned),
            ("pad", ctypes.c_uint8 * 28),
        ]

    assert ctypes.sizeof(Siginfo) == SIGINFO_LENGTH
    names = [name for name, _ in Siginfo._fields_ if name.startswith("ssi_")]
    assert list(Signal._fields) == names
    for value in (-1, 1):
        siginfo = Siginfo(**{name: value * (number + 1000) for number, name in enumerate(names)})
        (event,) = str_to_events(bytes(siginfo))
        assert event == tuple(getattr(siginfo, name) for name in names)
        assert event == Signal(siginfo)
        assert event._asdict() == {name: getattr(event, name) for name in names}
        old = {
            "signal": "signo",
            "signal_code": "code",
            "pid": "pid",
            "uid": "uid",
            "sigio_fd": "fd",
            "timer_id": "tid",
            "sigio_band": "band",
            "overrun": "overrun",
            "trapno": "trapno",
            "child_status": "status",
            "child_user_time": "utime",
            "child_system_time": "stime",
        }
        for ours, manual in old.items():
            assert getattr(event, ours) == getattr(siginfo, f"ssi_{manual}")


def test_signal_made_by_hand():
    """A Signal is made of anything with its fields, and is a tuple that pickles."""
    event = Signal(types.SimpleNamespace(ssi_signo=10, ssi_pid=5))
    assert (event.signal, event.pid, event.uid) == (10, 5, 0)
    assert Signal(event) == event
    assert pickle.loads(pickle.dumps(event)) == event
    assert type(pickle.loads(pickle.dumps(event))) is Signal
    assert copy.copy(event) == event
    assert {event: 1}[Signal(event)] == 1
    assert event._replace(ssi_pid=6).pid == 6
    assert Signal(types.SimpleNamespace(ssi_signo=99)).name == "99"
    with pytest.raises(AttributeError):
        event.other = 1
    with pytest.raises(TypeError):
        Signal()


class Noted(Signal):
    """A subclass with a constructor and attributes of its own."""

    def __new__(cls, siginfo, note):
        self = super().__new__(cls, siginfo)
        self.note = note
        return self

    def __init__(self, siginfo, note):
        self.length = len(note)


class Labelled(collections.abc.Hashable):
    label = "labelled"


def test_subclass_of_signal():
    """A subclass of Signal is made, copied and pickled as one of a named tuple."""
    event = Noted(types.SimpleNamespace(ssi_signo=10, ssi_pid=5), "note")
    assert (event.name, event.pid, event.note, event.length) == ("SIGUSR1", 5, "note", 4)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(event, protocol))
        assert (type(again), again, vars(again)) == (Noted, event, vars(event))
    assert type(copy.copy(event)) is type(copy.deepcopy(event)) is type(event._replace(ssi_pid=6)) is Noted
    assert vars(copy.copy(event)) == vars(event)
    assert Signal._field_defaults == {}

    class Mixed(Signal, Labelled):
        pass

    assert (Mixed(event).label, Mixed(event).pid) == ("labelled", 5)


@given(st.binary(max_size=1000), st.integers(0, 8))
def test_any_bytes(data, whole):
    """Any bytes are signals or a ValueError."""
    data = (data * 9)[: whole * 128] if whole else data
    if len(data) % 128:
        with pytest.raises(ValueError, match="not signals"):
            str_to_events(data)
        return
    events = str_to_events(data)
    assert len(events) * 128 == len(data)
    for number, event in enumerate(events):
        assert event.ssi_signo == int.from_bytes(data[number * 128 :][:4], sys.byteorder)
        assert repr(event)
        assert event.name
        assert event.code == event.ssi_code


def test_no_bytes():
    """str_to_events takes any buffer, also an empty one."""
    assert str_to_events(b"") == []
    assert str_to_events(bytearray(256)) == str_to_events(memoryview(bytes(256))) == [Signal(None)] * 2


@pytest.mark.defect("S6")
def test_names():
    """Every signal has one name, that of signal.Signals, and other numbers none."""
    assert signum_to_signame[29] == "SIGIO"
    assert set(signum_to_signame) == set(map(int, signal.valid_signals()))
    for number, name in signum_to_signame.items():
        assert signal.Signals[name] == number if "+" not in name else int(name.partition("+")[2]) + RT == number


# Threads, signals and forks


@alone
def test_signal_of_a_thread():
    """A signal that is sent to a thread is read by that thread alone."""
    with Signalfd([USR1], SFD_NONBLOCK) as signals:
        sent, seen = threading.Event(), []

        def wait():
            sent.wait()
            seen.append(signals.read_event())

        thread = threading.Thread(target=wait)
        thread.start()
        signal.pthread_kill(thread.ident, USR1)
        with pytest.raises(BlockingIOError):
            signals.read_event()
        sent.set()
        thread.join()
    assert [event.code for event in seen] == [SI_TKILL]


@alone
def test_threads_change_the_mask():
    """After threads changed the mask at once, the kernel has that of the object."""
    with Signalfd() as signals:
        mine = [sorted(EVERY)[number::4] for number in range(4)]

        def work(own):
            for _ in range(200):
                signals.enable(own)
                signals.disable(own[1:])

        threads = [threading.Thread(target=work, args=(own,)) for own in mine]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kernel_mask(signals.fileno()) == signals.sigmask == {own[0] for own in mine}


@alone
def test_handler_that_raises_during_a_read():
    """A handler's exception ends a read even if the read itself might raise it."""
    raised = BlockingIOError(errno.EAGAIN, "mine")

    def handler(*_):
        raise raised

    with Signalfd([USR1]) as signals:

        def read_events():
            while not signals._read_events():  # nothing, where a handler has returned
                pass

        for read in (signals.read_event, read_events):
            with pytest.raises(BlockingIOError) as caught, support.alarms(support.when_waiting(handler)):
                read()
            assert caught.value is raised


@alone
def test_fork():
    """A child's object gets the child's signals, with a mask of its own."""
    with Signalfd([USR1, RT]) as signals:
        fd = signals.fileno()
        queue(RT, 1)
        send(USR1)
        assert signals.wait(10).signal == USR1
        assert signals.pending == 1

        def child():
            assert signals.fileno() == fd
            assert signals.pending == 0
            send(USR1)
            event = signals.wait(10)
            assert event.pid == os.getpid()
            epoll = select.epoll()
            epoll.register(signals, select.EPOLLIN)
            queue(RT, 2)
            assert epoll.poll(10) == [(fd, select.EPOLLIN)]
            assert signals.wait(10).ssi_int == 2
            signals.enable([USR2])
            assert kernel_mask(fd) == {USR1, USR2, RT}
            assert os.get_blocking(fd)
            assert not os.get_inheritable(fd)

        support.in_child(child)
        assert kernel_mask(fd) == {USR1, RT}
        assert signals.read_event().ssi_int == 1


@alone
def test_fork_keeps_the_flags():
    """The child's descriptor is non-blocking and inheritable as the parent's is."""
    with Signalfd([USR1], SFD_NONBLOCK, closefd=False) as signals:

        def child():
            assert not os.get_blocking(signals.fileno())
            assert os.get_inheritable(signals.fileno())
            assert kernel_mask(signals.fileno()) == {USR1}

        support.in_child(child)


@alone
def test_fork_without_a_spare_descriptor():
    """The child needs no second descriptor, not even for a moment."""
    with Signalfd([USR1]) as signals:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(support.descriptors())
        spare = [os.dup(0) for _ in range(highest)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(support.descriptors()) + 1, hard))
        pid = os.fork()
        if not pid:
            # no pipe, no listing of /proc: nothing but the signal
            os.kill(os.getpid(), USR1)
            os._exit(signals.wait(10).signal)
        assert os.waitpid(pid, 0)[1] == USR1 << 8
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in spare:
            os.close(fd)


@alone
def test_fork_where_no_signalfd_can_be_made():
    """A child that cannot make a signalfd closes its object; the parent's works on."""
    with Signalfd([USR1]) as signals:
        fd = signals.fileno()

        def child():
            support.inject("signalfd4", errno.ENOMEM)
            reading, writing = os.pipe()
            pid = os.fork()
            if not pid:
                os.write(writing, b"closed" if signals.closed() else b"open")
                os._exit(0)
            os.waitpid(pid, 0)
            assert os.read(reading, 10) == b"closed"
            assert not signals.closed()

        support.in_child(child)
        send(USR1)
        assert signals.wait(10).signal == USR1
        assert signals.fileno() == fd


@alone
def test_fork_where_the_number_is_out_of_reach():
    """A child that may not use the number has a closed object, and no leak."""
    reading, writing = os.pipe()
    with Signalfd([USR1]) as signals:
        fd = signals.fileno()
        os.close(reading)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (fd, hard))
        pid = os.fork()
        if not pid:
            left = "anon_inode:[signalfd]" in support.descriptors().values()
            os._exit(5 if signals.closed() and not left else 6)
        assert os.waitpid(pid, 0)[1] == 5 << 8
        assert not signals.closed()
    os.close(writing)


@alone
def test_fork_of_a_closed_object():
    """A fork leaves closed objects, and numbers that no object opened, as they are."""
    signals = Signalfd([USR1])
    signals.close()
    reading, writing = os.pipe()
    strange = Signalfd.__new__(Signalfd)
    strange._fd = reading

    def child():
        assert signals.closed()
        os.write(writing, b"x")
        assert os.read(reading, 1) == b"x"

    support.in_child(child)


# Errors


@pytest.mark.defect("S3")
def test_bad_arguments(fd, tmp_path):
    """The error for another kind of descriptor, or unknown flags, names them."""
    with pytest.raises(InvalidArgument, match="not 0x1") as caught:
        signalfd([], flags=1, closefd=False)
    assert caught.value.errno == errno.EINVAL
    with (tmp_path / "file").open("w") as file, pytest.raises(InvalidArgument, match="is not a signalfd") as caught:
        signalfd([], file)
    assert caught.value.errno == errno.EINVAL


def test_descriptor_of_another_process():
    """A signalfd that another process receives has that process's signals."""

    def body():
        ours, theirs = socket.socketpair()
        fd = signalfd([USR1])
        socket.send_fds(ours, [b"x"], [fd])
        os.close(fd)

        def child():
            _, (received,), _, _ = socket.recv_fds(theirs, 1, 1)
            pthread_sigmask(SIG_BLOCK, [USR1])
            send(USR1)
            (event,) = read_events(Number(received))
            assert event.pid == os.getpid()

        support.in_child(child)

    support.in_child(body)


# The calls that other people's tests replace


def interrupt(patch, name, number):
    """Have a handler raise after call *number* of *name*; the list of the calls."""
    real, calls = getattr(module, name), []

    def changed(*arguments):
        result = real(*arguments)
        calls.append(arguments)
        if len(calls) == number:
            raise LookupError
        return result

    patch.setattr(module, name, changed)
    return calls


@pytest.mark.parametrize("number", [1, 2, 3])
def test_handler_that_raises_on_the_way(in_child, monkeypatch, number):
    """A handler that raises in __enter__ or __exit__ leaves the mask restored."""

    def body():
        signals = Signalfd([USR1])
        interrupt(monkeypatch, "pthread_sigmask", number)
        with pytest.raises(LookupError), signals:
            assert blocked() == {USR1}
        left = blocked(), signals._blocked
        if not signals.closed():
            signals.close()
        return left

    assert in_child(body) == (set(), None)


CHANGES = {
    "enable": lambda signals: signals.enable([USR1, USR2]),
    "enable_all": lambda signals: signals.enable_all(),
    "disable": lambda signals: signals.disable([USR1, RT]),
    "disable_all": lambda signals: signals.disable_all(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_that_the_kernel_refuses(in_child, change):
    """A change that the kernel refuses leaves the masks as they were."""

    def body():
        pthread_sigmask(SIG_BLOCK, [signal.SIGHUP])
        with Signalfd([USR1, signal.SIGINT]) as signals:
            support.inject("signalfd4", errno.ENOMEM)
            with pytest.raises(OutOfMemory):
                change(signals)
            assert blocked() == {signal.SIGHUP, USR1, signal.SIGINT}
            assert signals.signals == kernel_mask(signals.fileno()) == {USR1, signal.SIGINT}
        assert blocked() == {signal.SIGHUP}

    in_child(body)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("where", [("pthread_sigmask", 1), ("pthread_sigmask", 2), ("signalfd", 1)], ids=str)
def test_handler_that_raises_in_a_change(in_child, monkeypatch, change, where):
    """A handler that raises during a change of the set leaves all as it was."""
    name, number = where

    def body():
        with Signalfd([USR1, signal.SIGINT]) as signals:
            with monkeypatch.context() as patch:
                calls = interrupt(patch, name, number)
                try:
                    change(signals)
                except LookupError:
                    assert blocked() == {USR1, signal.SIGINT}
                    assert signals.signals == {USR1, signal.SIGINT}
            assert kernel_mask(signals.fileno()) == signals.signals
            return bool(calls)

    assert in_child(body) is (name == "signalfd" or change in (CHANGES["enable"], CHANGES["enable_all"]))


@alone
def test_handler_that_closes_in_a_change():
    """A handler that closes the object in a change and raises harms no other file."""
    signals = Signalfd([USR1])
    fd = signals.fileno()

    def closing(*arguments):
        signals.close()
        assert signalfd([RT]) == fd
        raise LookupError

    module.signalfd = closing
    with pytest.raises(LookupError):
        signals.enable([USR2])
    assert kernel_mask(fd) == {RT}


@alone
def test_handler_that_raises_before_the_mask_is_given_back():
    """A restore that a handler interrupts is repeated, and the descriptor closed."""

    class Interrupted(Signalfd):
        interruptions = 1

        def restore(self):
            if self.interruptions:
                self.interruptions -= 1
                raise LookupError
            super().restore()

    signals = Interrupted([USR1])
    with pytest.raises(LookupError), signals:
        assert blocked() == {USR1}
    assert blocked() == set()
    assert signals.closed()
