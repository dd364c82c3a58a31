"""The behaviours of prctl, capget and capset that are to be proved, by their names."""

import ctypes
import faulthandler
import mmap
import os
import platform
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from support import alone, become_nobody, in_child, libc, needs

from butter.errors import InvalidArgument
from butter.prctl import *  # noqa: F403
from butter.prctl import Capability, capabilities, capget, capset, prctl

# ruff: noqa: F405

LONGEST = (1 << 64) - 1
needs_x86 = needs(when=platform.machine() == "x86_64", reason="needs the instruction rdtsc")


@alone
def test_prctl01():
    """The death signal is read back."""
    assert prctl(PR_SET_PDEATHSIG, signal.SIGUSR2) == 0
    assert prctl(PR_GET_PDEATHSIG) == signal.SIGUSR2


def allow_all():
    """A seccomp program that allows everything, and the memory that it is in."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
    return struct.pack("@HP", 1, ctypes.addressof(code)), code


@pytest.mark.parametrize(
    ("arguments", "exception"),
    [
        ((999,), InvalidArgument),
        ((PR_SET_PDEATHSIG, LONGEST), InvalidArgument),
        ((PR_SET_DUMPABLE, 2), InvalidArgument),
        ((PR_SET_NAME, LONGEST), InvalidArgument),
        ((PR_SET_SECCOMP, SECCOMP_MODE_FILTER, LONGEST), InvalidArgument),
        ((PR_SET_SECCOMP, SECCOMP_MODE_FILTER, "a program"), PermissionError),
        ((PR_SET_TIMING, PR_TIMING_TIMESTAMP), InvalidArgument),
        ((PR_SET_NO_NEW_PRIVS, 0), InvalidArgument),
        ((PR_SET_NO_NEW_PRIVS, 1, 1), InvalidArgument),
        ((PR_GET_NO_NEW_PRIVS, 1), InvalidArgument),
        ((PR_SET_THP_DISABLE, 0, 1), InvalidArgument),
        ((PR_GET_THP_DISABLE, 1, 1), InvalidArgument),
        ((PR_CAP_AMBIENT, LONGEST), InvalidArgument),
        ((PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1), InvalidArgument),
        ((PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, LONGEST), InvalidArgument),
        ((PR_GET_SPECULATION_CTRL, 0, LONGEST), InvalidArgument),
        ((PR_SET_SECUREBITS, 0), PermissionError),
        ((PR_CAPBSET_DROP, 1), PermissionError),
    ],
)
@alone
def test_prctl02(arguments, exception):
    """An option that a thread without privileges may not use raises an exception."""
    capabilities.effective -= {Capability.SYS_ADMIN, Capability.SETPCAP}
    program, _code = allow_all()
    with pytest.raises(exception, match="prctl: "):
        prctl(*(program if argument == "a program" else argument for argument in arguments))


@alone
def test_prctl03():
    """A subreaper is the parent of its orphaned grandchild; its children are not."""
    children = []
    signal.signal(signal.SIGCHLD, lambda *_: children.append(None))
    prctl.sub_reaper = True
    reading, writing = os.pipe()
    orphaned, orphan = os.pipe()
    child = os.fork()
    if not child:
        inherited = prctl.sub_reaper
        if not os.fork():
            os.read(orphaned, 1)
            os.write(writing, b"%d %d" % (inherited, os.getppid()))
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(children) == 1
    os.write(orphan, b"x")
    assert os.read(reading, 20) == b"0 %d" % os.getpid()
    grandchild, how = os.wait()
    assert (grandchild != child, os.waitstatus_to_exitcode(how)) == (True, 7)
    assert len(children) == 2
    assert prctl.sub_reaper is True


@needs("CAP_SETUID", "CAP_CHOWN")
def test_prctl06(public_path):
    """no_new_privs goes to children, and a set-user-id program stays the user's."""
    program = public_path / "cat"
    shutil.copy("/bin/cat", program)
    program.chmod(0o6755)

    def status():
        text = subprocess.run([program, "/proc/self/status"], check=True, capture_output=True, text=True).stdout
        patterns = r"NoNewPrivs:\s(\d)", r"Uid:\s\d+\s(\d+)", r"Gid:\s\d+\s(\d+)"
        return tuple(re.search(pattern, text)[1] for pattern in patterns)

    def body(restricted):
        assert prctl.no_new_privs is False
        if restricted:
            prctl.no_new_privs = True
        become_nobody()
        return prctl.no_new_privs, in_child(lambda: prctl.no_new_privs), str(os.geteuid()), status()

    assert in_child(body, False)[3] == ("0", "0", "0")
    own, forked, user, executed = in_child(body, True)
    assert (own, forked, executed) == (True, True, ("1", user, user))


@pytest.mark.parametrize("value", [1, 70_000, (1 << 31) - 1])
@alone
def test_prctl08(value):
    """The slack is read back, and a child begins with it; 0 restores that."""
    default = prctl.timerslack
    prctl.timerslack = value
    assert prctl.timerslack == int(Path("/proc/self/timerslack_ns").read_text()) == value

    def child():
        began = prctl.timerslack
        prctl.timerslack = 5
        prctl.timerslack = 0
        return began, prctl.timerslack

    assert in_child(child) == (value, value)
    prctl.timerslack = 0
    assert prctl.timerslack == default


@pytest.mark.parametrize("seconds", [0.001, 0.002, 0.005, 0.01])
@alone
def test_prctl09(seconds):
    """No sleep with slack ends early, and the best one ends about in time."""
    over = []
    with prctl.slack(200_000):
        for _ in range(5):
            start = time.monotonic_ns()
            time.sleep(seconds)
            over.append(time.monotonic_ns() - start - int(seconds * 1e9))
    assert min(over) >= 0
    assert min(over) < 200_000 + 50_000_000


@needs_x86
@alone
def test_prctl10():
    """Reading the timestamp counter works, and after PR_TSC_SIGSEGV is SIGSEGV."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("0f31 48c1e220 4809d0 c3"))  # rdtsc, and its two halves in one register
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    prctl.tsc = True
    assert prctl(PR_GET_TSC) == PR_TSC_ENABLE
    assert 0 < rdtsc() < rdtsc()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        faulthandler.disable()
        found = ctypes.c_int()
        prctl.tsc = False
        # not by butter: a tracer, as that of coverage, reads the counter at each call
        libc.prctl(PR_GET_TSC, ctypes.byref(found), 0, 0, 0)
        os.write(writing, b"%d" % found.value)
        rdtsc()
        os._exit(0)
    os.close(writing)
    _, how = os.waitpid(child, 0)
    # the garbage collector of PyPy reads the counter too, perhaps before that write
    if platform.python_implementation() != "PyPy":
        assert os.read(reading, 9) == b"%d" % PR_TSC_SIGSEGV
    assert os.WTERMSIG(how) == signal.SIGSEGV


@pytest.mark.parametrize("pid", [0, "own"])
@alone
def test_capget01(pid):
    """A capability that was taken out of the effective set is not in it any more."""
    capabilities.effective -= {Capability.NET_RAW}
    sets = capget(os.getpid() if pid == "own" else pid)
    assert Capability.NET_RAW not in sets.effective
    assert sets.effective == sets.permitted - {Capability.NET_RAW}


def test_capget02():
    """A negative thread is an InvalidArgument, a missing one a ProcessLookupError."""
    with pytest.raises(InvalidArgument):
        capget(-1)
    unused = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    with pytest.raises(ProcessLookupError, match=f"thread {unused}"):
        capget(unused)


@needs("CAP_SETPCAP")
@alone
def test_capset03():
    """Without CAP_SETPCAP only what is permitted can become inheritable."""
    only = {Capability.KILL}
    capset(only, only, only)
    with pytest.raises(PermissionError, match="CAP_NET_RAW cannot become inheritable"):
        capset(only, only, {*only, Capability.NET_RAW})
    assert capget() == (only, only, only)


@alone
def test_capset04():
    """The capabilities of a child cannot be set."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    with pytest.raises(PermissionError, match=f"thread {child} is another one"):
        capset(*capget(), pid=child)
    os.close(writing)
    os.waitpid(child, 0)
