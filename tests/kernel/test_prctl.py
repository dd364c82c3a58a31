"""prctl and capabilities: what each setting does, and what stands in its way."""

import ctypes
import gc
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from support import (
    alone,
    become_nobody,
    in_child,
    inject,
    libc,
    needs,
    needs_mounts,
    needs_namespaces,
    own_mounts,
    own_namespaces,
)

from butter import _prctl, _prctl_errors, _prctl_options, errors
from butter import prctl as module
from butter._prctl_capabilities import decode_file_capabilities, encode_file_capabilities
from butter.errors import InvalidArgument, UnknownError
from butter.prctl import *  # noqa: F403
from butter.prctl import (
    Capability,
    Prctl,
    PrctlOption,
    ProcessorSettings,
    Subreaper,
    capabilities,
    capget,
    capset,
    prctl,
)

# ruff: noqa: F405

# the settings of the thread and of the process, with a value that none has at first
THREADS = {
    "name": "another",
    "pdeathsig": signal.SIGUSR2,
    "no_new_privs": True,
    "keepcaps": True,
    "securebits": PrctlSecurebits.NO_SETUID_FIXUP,
    "timerslack": 70_000,
    "mce_kill": PrctlMceKill.EARLY,
}
PROCESSES = {
    "sub_reaper": True,
    "child_subreaper": True,
    "subreaper": True,
    "dumpable": False,
    "thp_disable": True,
    "thp_except_advised": True,
    "memory_merge": True,
    "mdwe": PrctlMdwe.REFUSE_EXEC_GAIN,
    "timer_restore_ids": True,
    "futex_hash_slots": 16,
}
# what this machine may not have, or not let a test see
SINCE = {
    "thp_except_advised": (6, 18),
    "memory_merge": (6, 4),
    "mdwe": (6, 3),
    "timer_restore_ids": (6, 15),
    "futex_hash_slots": (6, 16),
}
NEEDS = {"securebits": "CAP_SETPCAP"}
# the calls that reading and setting make, where no machine has them all
CALLS = {
    "io_flusher": ((58,), (57, 1), True),
    "rseq_slice": ((79, 1), (79, 2, 1), True),
    "timing": ((13,), (14, 0), PR_TIMING_STATISTICAL),
    "store_bypass": ((52, 0), (53, 0, 4), PR_SPEC_DISABLE),
    "indirect_branch": ((52, 1), (53, 1, 2), PR_SPEC_ENABLE),
    "l1d_flush": ((52, 2), (53, 2, 2), PR_SPEC_ENABLE),
    "tagged_addr_ctrl": ((56,), (55, 1), PR_TAGGED_ADDR_ENABLE),
    "pac_enabled_keys": ((61,), (60, 15, 1), PR_PAC_APIAKEY),
    "sve_vl": ((51,), (50, 32), 32),
    "sme_vl": ((64,), (63, 64), 64),
    "shadow_stack": ((74, "address"), (75, 1), PR_SHADOW_STACK_ENABLE),
    "landing_pads": ((80, 0, "address"), (81, 0, 1), PR_CFI_ENABLE),
    "riscv_vector": ((70,), (69, 2), PR_RISCV_V_VSTATE_CTRL_ON),
    "unalign": ((5, "address"), (6, 1), PR_UNALIGN_NOPRINT),
    "endian": ((19, "address"), (20, 1), PR_ENDIAN_LITTLE),
    "fpexc": ((11, "address"), (12, 0x10000), PR_FP_EXC_DIV),
    "fpemu": ((9, "address"), (10, 2), PR_FPEMU_SIGFPE),
    "fp_mode": ((46,), (45, 1), PR_FP_MODE_FR),
    "tsc": ((25, "address"), (26, 2), False),
}
# the bytes of security.capability, by its revision
LENGTHS = {1: 12, 2: 20, 3: 24}
OTHERS = {"seccomp", "capbset", "ambient"}


def marked(settings):
    """The settings as parameters, with what each needs."""
    parameters = []
    for name, value in settings.items():
        marks = [needs(kernel=SINCE[name])] if name in SINCE else []
        marks += [needs(NEEDS[name])] if name in NEEDS else []
        parameters.append(pytest.param(name, value, marks=marks, id=name))
    return parameters


def status(field, thread="self"):
    """A field of the status of a thread."""
    path = "/proc/thread-self/status" if thread == "self" else f"/proc/self/task/{thread}/status"
    with open(path) as lines:
        return next(line.split()[1] for line in lines if line.startswith(f"{field}:"))


def in_thread(function, *args):
    """The result of ``function(*args)`` in a thread of its own."""
    returned = []
    thread = threading.Thread(target=lambda: returned.append(function(*args)))
    thread.start()
    thread.join()
    return returned[0]


def without_zeros(arguments):
    """Arguments without the zeros at the end."""
    arguments = list(arguments)
    while arguments[-1] == 0:
        arguments.pop()
    return tuple(arguments)


@pytest.fixture
def calls(monkeypatch):
    """The calls that reach C, with "address" for an address; each returns 0."""
    made = []

    def record(option, *numbers):
        made.append(without_zeros([option, *("address" if number > 1 << 20 else number for number in numbers)]))
        return 0

    monkeypatch.setattr(_prctl, "lib", SimpleNamespace(prctl=record))
    return made


# settings


def test_every_setting_is_tested():
    """Each attribute is in one of the tables above."""
    attributes = {name for name in dir(Prctl) if not name.startswith("_") and not callable(getattr(Prctl, name))}
    assert attributes == {*THREADS, *PROCESSES, *CALLS, *OTHERS}


@pytest.mark.defect("I1")
@pytest.mark.parametrize(("name", "value"), marked({**THREADS, **PROCESSES}))
@alone
def test_set_and_read(name, value):
    """A setting reads as what it was set to, and had another value before."""
    assert getattr(prctl, name) != value
    setattr(prctl, name, value)
    assert getattr(prctl, name) == value
    assert type(getattr(prctl, name)) is (Subreaper if name == "subreaper" else type(value))


@pytest.mark.parametrize(("name", "value"), marked(THREADS))
@alone
def test_settings_of_the_thread(name, value):
    """A setting of the thread stays as it was in other threads."""
    before = getattr(prctl, name)
    in_thread(setattr, prctl, name, value)
    assert getattr(prctl, name) == before
    assert "thread" in getattr(Prctl, name).__doc__


@pytest.mark.parametrize(("name", "value"), marked(PROCESSES))
@alone
def test_settings_of_the_process(name, value):
    """A setting of the process is seen by all threads."""
    in_thread(setattr, prctl, name, value)
    assert getattr(prctl, name) == value
    assert re.search("the process's|Another name", getattr(Prctl, name).__doc__)


@pytest.mark.parametrize(("name", "get", "put", "value"), [(name, *row) for name, row in CALLS.items()])
def test_calls_of_settings(calls, name, get, put, value):
    """Reading and setting make the calls of the manual page on any machine."""
    getattr(prctl, name)
    setattr(prctl, name, value)
    assert calls == [without_zeros(get), without_zeros(put)]


@pytest.mark.parametrize(
    ("value", "exception"), [(2, ValueError), (-1, ValueError), ("yes", TypeError), (None, TypeError)]
)
def test_switches_are_true_or_false(calls, value, exception):
    """Anything else is refused before there is a call."""
    for name in "dumpable", "no_new_privs", "tsc", "thp_except_advised":
        with pytest.raises(exception, match=name):
            setattr(prctl, name, value)
    assert calls == []


@pytest.mark.parametrize("name", sorted({*THREADS, *PROCESSES, *CALLS, *OTHERS} - {"child_subreaper", "subreaper"}))
def test_docstrings_say_whose_it_is(name):
    """Each setting is said to be the thread's or the process's."""
    assert re.search("thread's|process's|the thread may|of the thread", getattr(Prctl, name).__doc__)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 2) for name in ("subreaper", "sub_reaper", "child_subreaper", "thp_disable", "memory_merge")),
        *((name, 1 << 32) for name in ("unalign", "endian", "fpexc", "fpemu", "fp_mode", "subreaper", "thp_disable")),
        ("futex_hash_slots", 1 << 40),
        ("futex_hash_slots", 1 << 31),
        ("timerslack", 1 << 63),
        ("securebits", 1 << 64),
        ("securebits", -1),
    ],
)
def test_values_that_would_be_cut_off(calls, name, value):
    """A value that the kernel's type cannot hold is refused before there is a call."""
    with pytest.raises(ValueError, match=f"{name} is {value}; it must be 0 to"):
        setattr(prctl, name, value)
    assert calls == []


def test_wrong_names_of_settings():
    """A setting that does not exist, or that cannot be set, is an AttributeError."""
    with pytest.raises(AttributeError):
        prctl.dumpabel = True
    with pytest.raises(AttributeError, match="seccomp cannot be set"):
        prctl.seccomp = 1
    for name in "capbset", "ambient":
        with pytest.raises(AttributeError):
            setattr(prctl, name, ())


def test_one_object():
    """prctl is an object and not a class; printing it tells the thread's name."""
    assert isinstance(prctl, Prctl)
    assert not isinstance(prctl, type)
    assert repr(prctl) == f"<prctl of the thread {prctl.name!r}>"
    assert prctl is module.prctl


@alone
def test_agrees_with_proc():
    """The settings are those that /proc shows."""
    prctl.name = "a name"
    prctl.no_new_privs = True
    prctl.timerslack = 123_456
    assert Path("/proc/thread-self/comm").read_text() == "a name\n"
    assert status("NoNewPrivs") == "1"
    assert Path("/proc/self/timerslack_ns").read_text() == "123456\n"
    assert prctl.seccomp == int(status("Seccomp"))
    assert {1 << int(number) for number in prctl.capbset} == {
        1 << number for number in range(64) if int(status("CapBnd"), 16) >> number & 1
    }


@pytest.mark.parametrize("name", ["", "x" * 15, "hé", "\udcff", b"bytes"])
@alone
def test_names(name):
    """A name of up to 15 bytes, in any spelling that the filesystem may have."""
    prctl.name = name
    assert prctl.name == os.fsdecode(name)
    assert prctl(PR_GET_NAME) == os.fsencode(name)


@pytest.mark.parametrize(
    ("name", "exception"), [("x" * 16, ValueError), ("é" * 8, ValueError), ("a\0b", ValueError), (5, TypeError)]
)
def test_names_that_cannot_be(calls, name, exception):
    """A name that the kernel would cut off is refused before there is a call."""
    with pytest.raises(exception):
        prctl.name = name
    assert calls == []


@pytest.mark.parametrize("value", [0, None])
@alone
def test_no_death_signal(value):
    """None and 0 are for no signal; a real-time signal may lack a name."""
    prctl.pdeathsig = signal.SIGRTMIN + 5
    assert prctl.pdeathsig == signal.SIGRTMIN + 5
    prctl.pdeathsig = value
    assert prctl.pdeathsig is None


@alone
def test_dumpable_for_root_alone():
    """The third value, which the kernel may set, is not dumpable."""
    _prctl.lib = SimpleNamespace(prctl=lambda *_: SUID_DUMP_ROOT)
    assert prctl.dumpable is False


def test_no_new_privs_cannot_be_unset():
    """The error says so, and is a ValueError."""
    with pytest.raises(ValueError, match="PR_SET_NO_NEW_PRIVS: the value must be 1, since it cannot be switched off"):
        prctl.no_new_privs = False


@needs(kernel=(6, 18))
@alone
def test_thp_except_advised():
    """It counts as thp_disable, and goes away with it."""
    prctl.thp_except_advised = True
    assert prctl.thp_disable is True
    prctl.thp_except_advised = False
    assert (prctl.thp_disable, prctl.thp_except_advised) == (False, False)


# parents and children


def dies_of(pid):
    """The signal that ends the child *pid*."""
    _, how = os.waitpid(pid, 0)
    return os.WTERMSIG(how)


@alone
def test_die_with_parent_that_is_gone():
    """A parent that ended before is noticed: the child ends itself by the signal."""
    pid = os.fork()
    if not pid:
        prctl.die_with_parent(os.getppid() + 1, signal.SIGUSR1)
        os._exit(0)
    assert dies_of(pid) == signal.SIGUSR1


@alone
def test_die_with_parent_by_a_wrong_signal():
    """A wrong signal is refused before anything changes."""
    prctl.pdeathsig = signal.SIGUSR2
    for wrong, exception in (None, TypeError), (-1, ValueError), (65, InvalidArgument):
        with pytest.raises(exception, match="signal"):
            prctl.die_with_parent(os.getppid(), wrong)
    assert prctl.pdeathsig == signal.SIGUSR2


@alone
def test_die_with_parent():
    """The child goes on while its parent lives, and ends with it."""
    prctl.sub_reaper = True  # so that this process can wait for the grandchild
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        own = os.getpid()
        child = os.fork()
        if not child:
            prctl.die_with_parent(own)
            os.write(writing, b"%d" % os.getpid())
            time.sleep(60)
        time.sleep(60)
    child = int(os.read(reading, 20))
    os.kill(parent, signal.SIGTERM)
    assert dies_of(parent) == signal.SIGTERM
    assert dies_of(child) == signal.SIGKILL


@needs("CAP_SYS_ADMIN")
@alone
def test_die_with_parent_in_a_pid_namespace():
    """A parent outside of the pid namespace does not count as one that has ended."""
    parent = os.getpid()
    assert libc.unshare(0x20000000) == 0  # CLONE_NEWPID

    def body():
        prctl.die_with_parent(parent)
        return os.getpid(), os.getppid(), prctl.pdeathsig

    assert in_child(body) == (1, 0, signal.SIGKILL)


@alone
def test_with_subreaper():
    """``with prctl.subreaper`` restores what was before, after an exception too."""

    def body():
        with prctl.subreaper:
            assert prctl.sub_reaper is True
            with prctl.subreaper:
                pass
            assert prctl.sub_reaper is True
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert prctl.sub_reaper is False
    assert repr(prctl.subreaper) == "False"
    assert not prctl.subreaper
    subreaper = prctl.subreaper
    with subreaper:
        with subreaper:
            pass
        assert prctl.sub_reaper is True
    assert prctl.sub_reaper is False


@alone
def test_subreaper_is_left_by_a_child():
    """A child that is forked within ``with`` is not a subreaper after it either."""
    prctl.sub_reaper = True
    with prctl.subreaper:
        pid = os.fork()
    if not pid:
        os._exit(prctl.sub_reaper)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert prctl.sub_reaper is True


@pytest.mark.parametrize(
    ("name", "value", "stay"),
    [("timerslack", 70_000, lambda: prctl.slack(70_000)), ("sub_reaper", True, lambda: prctl.subreaper)],
)
@alone
def test_handlers_that_raise(name, value, stay):
    """A handler that raises anywhere within ``with`` leaves nothing changed."""
    before, found = getattr(prctl, name), set()

    def body():
        with stay():
            found.add(getattr(prctl, name))

    gc.disable()
    for moment in support.moments():
        more = support.interrupt_between(body, moment)
        gc.collect()
        if not more:
            break
        assert getattr(prctl, name) == before
    assert found == {value}
    assert getattr(prctl, name) == before != value


# time


@alone
def test_slack():
    """The slack is as before after ``with``, also after an exception."""
    prctl.timerslack = 60_000

    def body():
        with prctl.slack(5_000_000):
            assert prctl.timerslack == 5_000_000
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert prctl.timerslack == 60_000
    with pytest.raises(ValueError, match="nanoseconds"), prctl.slack(-1):
        raise AssertionError("the body ran")


@alone
def test_slack_of_another_thread():
    """A slack that is left in another thread stays, and so does that thread's."""
    stay = prctl.slack(70_000)
    stay.__enter__()

    def leave():
        prctl.timerslack = 80_000
        with pytest.raises(RuntimeError, match="to be set back in another one"):
            stay.__exit__(None, None, None)
        return prctl.timerslack

    assert (in_thread(leave), prctl.timerslack) == (80_000, 70_000)


@alone
def test_slack_is_left_by_a_child():
    """A child that is forked within ``with`` leaves it with the slack of before."""
    before = prctl.timerslack
    with prctl.slack(70_000):
        pid = os.fork()
    if not pid:
        os._exit(prctl.timerslack != before)
    assert os.waitpid(pid, 0) == (pid, 0)


@alone
def test_slack_that_cannot_be_set():
    """The kernel's refusal is raised, and names the call."""
    inject("prctl", 1)
    with pytest.raises(PermissionError, match="prctl: "), prctl.slack(70_000):
        raise AssertionError("the body ran")


@alone
def test_slack_that_cannot_be_set_back():
    """A filter that comes meanwhile does not hide that the slack stays as it is."""
    stay = prctl.slack(70_000)
    stay.__enter__()
    inject("prctl", 1)
    with pytest.raises(PermissionError, match="prctl: "):
        stay.__exit__(None, None, None)


@alone
def test_long_slack():
    """A slack of more than 32 bits comes back whole; one of 64 bits is refused."""
    prctl.timerslack = 1 << 40
    assert prctl.timerslack == 1 << 40
    with pytest.raises(ValueError, match="nanoseconds is 9223372036854775808"):
        prctl(PR_SET_TIMERSLACK, 1 << 63)


# memory


def test_set_vma_name(calls):
    """A buffer is named for its length, and an address for the length beside it."""
    with mmap.mmap(-1, 8192) as memory:
        prctl.set_vma_name(memory, "a name")
        prctl.set_vma_name(memory, None, 4096)
    prctl.set_vma_name(4096, b"a name", 8192)
    option = PR_SET_VMA
    assert calls == [
        (option, 0, "address", 8192, "address"),
        (option, 0, "address", 4096),
        (option, 0, 4096, 8192, "address"),
    ]
    with pytest.raises(TypeError, match="an address needs a length"):
        prctl.set_vma_name(4096, "a name")
    with pytest.raises(TypeError, match="a buffer that can be written"):
        prctl.set_vma_name(b"bytes", "a name")


@pytest.mark.parametrize(("pid", "number"), [(None, ()), (7, (7,)), (PR_SET_PTRACER_ANY, ("address",))])
def test_set_ptracer(calls, pid, number):
    """A process, none, or all."""
    prctl.set_ptracer(pid)
    assert calls == [(PR_SET_PTRACER, *number)]


# the call


def test_results_through_pointers():
    """The result is the value that C writes to an address, or that C returns."""
    assert prctl(PR_GET_PDEATHSIG) == prctl(PR_GET_CHILD_SUBREAPER) == 0
    assert prctl(PR_GET_NAME) == os.fsencode(prctl.name)
    assert prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1
    room = ctypes.c_int(99)
    assert prctl(PR_GET_PDEATHSIG, ctypes.addressof(room)) == 0
    assert room.value == 0


@needs(kernel=(6, 4))
def test_buffers():
    """A buffer is filled by the kernel, and one that cannot be written is refused."""
    vector = bytearray(4096)
    length = prctl(PR_GET_AUXV, vector, len(vector))
    known = Path("/proc/self/auxv").read_bytes()
    assert known
    assert vector[:length].startswith(known)
    with pytest.raises(TypeError, match="buffer must be a buffer that can be written or an int, not bytes"):
        prctl(PR_GET_AUXV, b"bytes", 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PR_SET_DUMPABLE,), "PR_SET_DUMPABLE takes value, and 0 were passed"),
        ((PR_SET_DUMPABLE, None), "value must be an int, not NoneType"),
        ((PR_SET_DUMPABLE, b"1"), "value must be an int, not bytes"),
        ((PR_GET_DUMPABLE, 0, 0, 0, 0, 0), "takes no argument, and 5 were passed"),
        ((PR_GET_PDEATHSIG, bytearray(4)), "int must be an int"),
        ((PR_SET_NAME, 1.5), "name must be str or bytes, not float"),
        ((PR_SET_SECCOMP, 2, "text"), "filter must be a buffer or an int, not str"),
        (("3",), "option must be an int"),
    ],
)
def test_arguments_of_a_wrong_type(calls, arguments, words):
    """They are a TypeError before there is a call."""
    with pytest.raises(TypeError, match=words):
        prctl(*arguments)
    assert calls == []


@pytest.mark.parametrize(
    "arguments",
    [
        (1 << 31,),
        (PR_SET_DUMPABLE, -1),
        (PR_SET_DUMPABLE, 1 << 64),
        (999, -1),
        (PR_SET_PTRACER, (1 << 32) - 1),
        (PR_SET_PTRACER, (1 << 32) + 1),
        (PR_SET_TSC, (1 << 32) + 1),
        (PR_SET_ENDIAN, 1 << 32),
        (PR_SET_MM, (1 << 32) + PR_SET_MM_BRK, 0),
        (PR_SET_MM, PR_SET_MM_EXE_FILE, 1 << 32),
        (PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, 1 << 40),
        (PR_SCHED_CORE, 1 << 32, 0, 0),
        (PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 1 << 32, 0),
        (PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 1 << 32),
    ],
)
def test_numbers_out_of_range(calls, arguments):
    """They are a ValueError before there is a call."""
    with pytest.raises(ValueError, match="it must be"):
        prctl(*arguments)
    assert calls == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PR_GET_AUXV, bytearray(8), 448), "size is 448, and buffer has 8 bytes"),
        ((PR_GET_AUXV, memoryview(bytearray(64))[:32], 33), "size is 33, and buffer has 32 bytes"),
        ((PR_SET_MM, PR_SET_MM_AUXV, bytearray(16), 32), "size is 32, and value has 16 bytes"),
        ((PR_SET_MM, PR_SET_MM_MAP, bytearray(16), 104), "size is 104, and value has 16 bytes"),
        ((PR_SET_MM, PR_SET_MM_MAP_SIZE, bytearray(3)), "value has 3 bytes; at least 4 are needed"),
        ((PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 0, bytearray(7)), "cookie has 7 bytes; at least 8 are needed"),
        ((PR_SET_SECCOMP, SECCOMP_MODE_FILTER, b""), r"filter has 0 bytes; at least \d+ are needed"),
        ((PR_SET_VMA, PR_SET_VMA_ANON_NAME, bytearray(64), 65, "a name"), "size is 65, and address has 64 bytes"),
    ],
)
@alone
def test_buffers_that_are_too_small(arguments, words):
    """The kernel does not go beyond the end of a buffer: that is a ValueError."""
    _prctl.lib = None  # no call is made, which could overwrite the memory of others
    with pytest.raises(ValueError, match=words):
        prctl(*arguments)


@alone
def test_auxv_does_not_overflow():
    """A buffer that is smaller than its size keeps the memory behind it whole."""
    memory = bytearray(4096)
    with pytest.raises(ValueError, match="size is 448"):
        prctl(PR_GET_AUXV, memoryview(memory)[:8], 448)
    assert not any(memory)
    with mmap.mmap(-1, 8192) as mapped, pytest.raises(ValueError, match="size is 8193"):
        prctl.set_vma_name(mapped, "a name", 8193)


def test_options_of_the_future(calls):
    """An option that butter does not know is passed on, with numbers and buffers."""
    prctl(1000, 1, bytearray(4), None, 2)
    assert calls == [(1000, 1, "address", 0, 2)]


def test_every_option_is_described():
    """Each option has its arguments in the table."""
    assert {*map(int, PrctlOption)} == {*_prctl_options.OPTIONS}


def test_replaced_lib(monkeypatch):
    """A mock that returns -1 after setting errno is believed."""
    module.ffi.errno = 112
    monkeypatch.setattr(_prctl, "lib", SimpleNamespace(prctl=lambda *_: -1))
    with pytest.raises(UnknownError) as caught:
        prctl(PR_GET_DUMPABLE)
    assert caught.value.errno == 112


# why something is refused


def refused(number, option, *arguments):
    """The sentence for an errno of an option."""
    with pytest.raises(OSError, match="prctl: ") as caught:
        _prctl_errors.PRCTL.fail(number, option=option, arguments=(*arguments, 0, 0, 0, 0)[:4])
    return caught.value.strerror


def test_too_many_arguments():
    """The kernel refuses those that the option does not take, and the error says so."""
    with pytest.raises(
        InvalidArgument, match="PR_SET_NO_NEW_PRIVS takes 1 of the four arguments; the others must be 0"
    ):
        prctl(PR_SET_NO_NEW_PRIVS, 1, 1)


@pytest.mark.parametrize("name", [name for name in CALLS if name in dir(ProcessorSettings)])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64", "sparc64"])
def test_what_an_architecture_lacks(monkeypatch, name, machine):
    """The error for an option of other architectures names them."""
    monkeypatch.setattr(_prctl_options, "running_kernel", lambda: (99, 0))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine, release="99.0"))
    option = CALLS[name][0][0]
    has = _prctl_options.OPTIONS[option].machines
    here = {"aarch64": "arm64", "riscv64": "riscv"}.get(machine, machine) in has or not has
    assert ("and lacks it" in refused(22, option)) == (not here)


@pytest.mark.parametrize(("machine", "has"), [("x86_64", True), ("aarch64", True), ("ppc64le", False)])
def test_architectures_of_tsc(monkeypatch, machine, has):
    """The machine of uname is known by the kernel's name for its architecture."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine, release="6.18"))
    assert ("this machine is ppc64le, and lacks it" in refused(22, PR_SET_TSC)) == (not has)


def test_what_this_machine_lacks():
    """An attribute of another architecture is a ValueError for both uses."""
    for use in lambda: prctl.fp_mode, lambda: setattr(prctl, "fp_mode", 1):
        with pytest.raises(ValueError, match=r"PR_(GET|SET)_FP_MODE exists on mips; this machine is .*, and lacks it"):
            use()


def test_what_an_old_kernel_lacks(monkeypatch):
    """The kernel that brought the option is named."""
    monkeypatch.setattr(_prctl_options, "running_kernel", lambda: (4, 14))
    assert "PR_SET_MDWE exists since Linux 6.3, and this kernel is" in refused(22, PR_SET_MDWE, 1)


@needs(kernel=(5, 17))
@pytest.mark.parametrize(
    ("built", "words"),
    [
        (False, "PR_SET_VMA needs a kernel that was built with CONFIG_ANON_VMA_NAME, and this one was not"),
        (True, "PR_SET_VMA: the address must be that of a page"),
        (None, "or this kernel was built without CONFIG_ANON_VMA_NAME"),
    ],
)
def test_what_a_kernel_was_built_without(monkeypatch, built, words):
    """The configuration is named, where it is known or may be the cause."""
    monkeypatch.setattr(_prctl_errors, "built_with", lambda config: built)
    assert words in refused(22, PR_SET_VMA)


def test_built_with(monkeypatch, tmp_path):
    """The configuration is that of the kernel or the distribution, or not known."""
    config = tmp_path / "config"
    config.write_bytes(b"#\nCONFIG_KSM=y\n# CONFIG_SMP is not set\n")

    def opened(path, mode):
        assert mode == "rb"
        return open(config if path.startswith("/boot/config-") else tmp_path / "missing", mode)

    monkeypatch.setattr(_prctl_options, "open", opened, raising=False)
    assert (_prctl_options.built_with("CONFIG_KSM"), _prctl_options.built_with("CONFIG_SMP")) == (True, False)
    config.unlink()
    assert _prctl_options.built_with("CONFIG_KSM") is None


def test_unknown_capabilities():
    """A capability that this kernel does not have is named with its last one."""
    for arguments in (PR_CAPBSET_READ, 63), (PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 63):
        with pytest.raises(InvalidArgument, match=r"this kernel has no capability 63: its last one is \d+"):
            prctl(*arguments)


@needs("CAP_SETPCAP")
@alone
def test_locked_securebits():
    """The bits that are locked are named, and so are those that are not known."""
    prctl.securebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED
    for bits in 0, SECBIT_NOROOT_LOCKED, SECBIT_NOROOT:
        with pytest.raises(PermissionError, match=r"NOROOT.* is locked, and cannot be changed any more"):
            prctl.securebits = bits
    with pytest.raises(PermissionError, match="unknown securebits 0x1000"):
        prctl.securebits |= 0x1000
    prctl.securebits |= SECBIT_KEEP_CAPS_LOCKED
    with pytest.raises(PermissionError, match="SECBIT_KEEP_CAPS_LOCKED does not let it change"):
        prctl.keepcaps = True


@alone
def test_securebits_without_privileges():
    """The capability that is missing is named."""
    capabilities.effective = ()
    with pytest.raises(PermissionError, match="PR_SET_SECUREBITS needs CAP_SETPCAP, which is not in this thread's"):
        prctl.securebits = SECBIT_NOROOT


@needs(kernel=(5, 6))
@needs_namespaces
@alone
def test_capability_of_the_initial_namespace():
    """Root of another user namespace lacks capabilities of the initial one."""
    own_namespaces()
    assert Capability.SYS_RESOURCE in capabilities.effective
    with pytest.raises(PermissionError, match="PR_SET_IO_FLUSHER needs CAP_SYS_RESOURCE in the initial user namespace"):
        prctl.io_flusher = True
    with pytest.raises(PermissionError, match="PR_SET_MM needs CAP_SYS_RESOURCE in the initial user namespace"):
        prctl(PR_SET_MM, PR_SET_MM_BRK, 1)


@needs(kernel=(6, 3))
@alone
def test_mdwe_stays():
    """The changes that memory refuses stay refused."""
    prctl.mdwe = PR_MDWE_REFUSE_EXEC_GAIN
    with pytest.raises(PermissionError, match="its bits cannot be changed once they are set"):
        prctl.mdwe = 0


@pytest.mark.parametrize(
    ("number", "option", "arguments", "words"),
    [
        (1, PR_SCHED_CORE, (1, 7), "may not trace the process 7"),
        (3, PR_SCHED_CORE, (1, 7), "there is no process or thread 7"),
        (1, PR_SET_NAME, (), "seccomp filter"),
        (1, PR_PPC_SET_DEXCR, (), "security module"),
        (9, PR_SET_VMA, (), "only anonymous memory can have a name"),
        (9, PR_SET_MM, (13, 77), "descriptor 77 is not open"),
        (12, PR_SET_VMA, (), "a part of the memory is not mapped"),
        (12, PR_SET_SECCOMP, (), "no memory for it"),
        (13, PR_SET_MM, (), "the file is not executable"),
        (22, PR_SET_PTRACER, (7,), "Yama|YAMA"),
        (22, PR_CAPBSET_READ, (1,), "does not take this value"),
    ],
)
def test_causes(monkeypatch, number, option, arguments, words):
    """The sentence of an errno depends on the option, and on what is in the way."""
    monkeypatch.setattr(_prctl_errors, "capable", lambda capability: True)
    monkeypatch.setattr(_prctl_errors, "built_with", lambda config: False)
    assert re.search(words, refused(number, option, *arguments))


@pytest.mark.parametrize(("control", "words"), [(8, "switched off for ever"), (2, "a mitigation of the whole system")])
def test_speculation_that_stays(monkeypatch, control, words):
    """Whether this thread or the system decided is told apart."""
    monkeypatch.setattr(_prctl_errors, "_asked", lambda *_: control)
    assert words in refused(1, PR_SET_SPECULATION_CTRL, 0, 2)


def test_securebits_of_a_newer_kernel(monkeypatch):
    """A bit that the kernel is too old for is named with the kernel that has it."""
    monkeypatch.setattr(errors, "running_kernel", lambda: (6, 1))
    monkeypatch.setattr(_prctl_errors, "capable", lambda capability: True)
    assert "does not know SECBIT_EXEC_RESTRICT_FILE (Linux 6.14)" in refused(1, PR_SET_SECUREBITS, 0x100)


def test_capability_without_a_name():
    """A capability that is newer than butter is told by its number."""
    assert _prctl_errors.capability_name(12) == "CAP_NET_ADMIN"
    assert _prctl_errors.capability_name(50) == "capability 50"


@alone
def test_sentences_where_nothing_can_be_asked():
    """A sentence that looks for its cause is made where a filter forbids looking."""
    inject("capget", 1)
    inject("prctl", 1)
    with pytest.raises(PermissionError, match="CAP_CHOWN cannot become ambient: it is not in the permitted set"):
        prctl.ambient.raise_(Capability.CHOWN)
    with pytest.raises(PermissionError, match="a seccomp filter"):
        prctl.capbset.drop(0)


# capabilities


def test_capget():
    """The three sets are those of /proc, as sets of Capability."""
    sets = capget()
    for found, field in zip(sets, ("CapEff", "CapPrm", "CapInh")):
        assert sum(1 << number for number in found) == int(status(field), 16)
        assert {type(each) for each in found} <= {Capability}
    assert sets == (capabilities.effective, capabilities.permitted, capabilities.inheritable)
    assert "CHOWN" in repr(capabilities) or not sets.permitted
    assert capget(threading.get_native_id()) == capget(os.getpid()) == sets


@needs("CAP_CHOWN")
@alone
def test_capset():
    """The sets take Capability and int, and an error names the capability."""
    capset([Capability.CHOWN, 5], {0, 5}, iter([5]))
    assert capget() == ({Capability.CHOWN, Capability.KILL}, {Capability.CHOWN, Capability.KILL}, {Capability.KILL})
    with pytest.raises(PermissionError, match="CAP_NET_RAW cannot be permitted: what was given up does not come back"):
        capset((), {0, 5, 13}, ())
    with pytest.raises(PermissionError, match="CAP_KILL cannot be effective without being permitted"):
        capset({5}, {0}, ())
    with pytest.raises(
        PermissionError, match="CAP_NET_RAW cannot become inheritable: it is not permitted, and CAP_SETPCAP"
    ):
        capset((), {0, 5}, {5, 13})


@needs("CAP_SETPCAP", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE")
@alone
def test_giving_privileges_up():
    """The example of the manual keeps one capability, and no group of root's."""
    os.setgroups([0, 4])
    page = Path(__file__).parent.parent.parent / "docs" / "prctl.rst"
    text = page.read_text().partition("Giving privileges up")[2].partition(":: python\n\n")[2]
    exec(textwrap.dedent(text[: re.search(r"^\S", text, re.MULTILINE).start()]), {})
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == ((1000,) * 3, (1000,) * 3, [])
    keep = {Capability.NET_BIND_SERVICE}
    assert (capget(), prctl.capbset, prctl.no_new_privs) == ((keep, keep, set()), keep, True)


@needs("CAP_SETPCAP")
@alone
def test_inheritable_and_the_bounding_set():
    """A capability that the bounding set lacks cannot become inheritable."""
    prctl.capbset.drop(Capability.NET_RAW)
    with pytest.raises(PermissionError, match="CAP_NET_RAW cannot become inheritable: the bounding set lacks it"):
        capabilities.inheritable = {Capability.NET_RAW}


@needs("CAP_CHOWN")
@alone
def test_attributes_of_capabilities():
    """Each set can be changed by itself; what is not permitted is not effective."""
    capabilities.effective -= {Capability.CHOWN}
    assert Capability.CHOWN in capabilities.permitted
    capabilities.effective |= {0}
    capabilities.inheritable = [Capability.CHOWN]
    capabilities.permitted -= {0}
    assert 0 not in capabilities.effective | capabilities.permitted
    assert capabilities.inheritable == {Capability.CHOWN}
    with pytest.raises(AttributeError):
        capabilities.ambient = ()


@alone
def test_capabilities_of_the_thread():
    """A thread changes its own alone."""
    before = capget()
    assert in_thread(lambda: (setattr(capabilities, "effective", ()), capget())[1]).effective == set()
    assert capget() == before


@pytest.mark.parametrize(
    ("wrong", "exception"),
    [(64, ValueError), (-1, ValueError), (63, ValueError), ("CHOWN", TypeError), (1.0, TypeError)],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda wrong: capset((), (), [wrong]),
        lambda wrong: setattr(capabilities, "effective", [wrong]),
        lambda wrong: prctl.capbset.drop(wrong),
        lambda wrong: prctl.ambient.raise_(wrong),
        lambda wrong: prctl.ambient.lower(wrong),
        lambda wrong: set_file_capabilities("/nothing", [wrong]),
    ],
)
def test_what_is_not_a_capability(use, wrong, exception):
    """It is refused before anything happens, also where the kernel would ignore it."""
    before = capget(), set(prctl.capbset)
    with pytest.raises(exception, match="capability"):
        use(wrong)
    assert (capget(), set(prctl.capbset)) == before


@needs_mounts
@alone
def test_unknown_capabilities_without_proc(tmp_path):
    """An unknown capability is refused as well where /proc is not mounted."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    own_mounts("/proc")
    before, path = capget(), tmp_path / "file"
    path.touch()
    for use in lambda: capset({50}, {50}, {50}), lambda: set_file_capabilities(path, {50}):
        with pytest.raises(ValueError, match=f"this kernel has no capability 50: its last one is {last}$"):
            use()
    assert (capget(), get_file_capabilities(path)) == (before, None)


@alone
def test_unknown_capabilities_under_a_filter():
    """If the kernel cannot be asked, only capabilities that butter knows are taken."""
    before = capget()
    capabilities.inheritable = before.inheritable
    inject("prctl", 1)
    capset(*before)
    with pytest.raises(ValueError, match="this kernel has no capability 50"):
        capset({50}, {50}, {50})
    assert capget() == before


@needs("CAP_SETPCAP")
@alone
def test_bounding_set():
    """It is a set of what the kernel has: ``in``, iteration, comparison, and drop."""
    before = set(prctl.capbset)
    assert Capability.CHOWN in prctl.capbset
    prctl.capbset.drop(Capability.CHOWN, 5)
    assert prctl.capbset == before - {0, 5}
    assert before - prctl.capbset == {Capability.CHOWN, Capability.KILL}
    assert len(prctl.capbset) == len(before) - 2
    assert prctl.capbset <= before
    assert repr(prctl.capbset).startswith("BoundingSet({DAC_OVERRIDE, ")
    assert not {63, 64, -1, "CHOWN", None} & prctl.capbset
    assert all(wrong not in prctl.capbset for wrong in (63, 64, -1, "CHOWN", None))


@needs("CAP_CHOWN", "CAP_SETPCAP")
@alone
def test_ambient_set():
    """A capability that is permitted and inheritable, and no other, can be ambient."""
    with pytest.raises(PermissionError, match="CAP_CHOWN cannot become ambient: it is not in the inheritable set"):
        prctl.ambient.raise_(Capability.CHOWN)
    capabilities.inheritable = {0, 5}
    prctl.ambient.raise_(Capability.CHOWN, 5)
    assert prctl.ambient == {Capability.CHOWN, Capability.KILL}
    assert int(status("CapAmb"), 16) == 0b100001
    prctl.ambient.lower(5, 13)
    assert [*prctl.ambient] == [Capability.CHOWN]
    prctl.ambient.clear()
    assert not prctl.ambient
    prctl.securebits = SECBIT_NO_CAP_AMBIENT_RAISE
    with pytest.raises(PermissionError, match="SECBIT_NO_CAP_AMBIENT_RAISE forbids it"):
        prctl.ambient.raise_(0)
    capabilities.permitted -= {0}
    with pytest.raises(PermissionError, match="CAP_CHOWN cannot become ambient: it is not in the permitted set"):
        prctl.ambient.raise_(0)


# files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"")
    return path


@needs("CAP_SETFCAP")
@pytest.mark.parametrize("spelling", [str, os.fsencode, Path, lambda path: os.open(path, os.O_RDONLY)])
def test_file_capabilities(file, spelling):
    """A file by any path or descriptor keeps what was set; removing is idempotent."""
    name = spelling(str(file))
    assert get_file_capabilities(name) is None
    set_file_capabilities(name, {Capability.NET_RAW, 38}, [10], effective=True)
    assert get_file_capabilities(name) == ({Capability.NET_RAW, Capability.PERFMON}, {10}, True, 0)
    set_file_capabilities(name, {0}, rootid=1000)
    assert get_file_capabilities(name) == ({0}, set(), False, 1000)
    set_file_capabilities(name, *get_file_capabilities(name))
    assert get_file_capabilities(name).rootid == 1000
    remove_file_capabilities(name)
    remove_file_capabilities(name)
    assert get_file_capabilities(name) is None
    if isinstance(name, int):
        os.close(name)


@needs("CAP_SETFCAP")
@needs(when=shutil.which("setcap") is not None, reason="needs setcap of libcap")
def test_libcap_agrees(file):
    """The programs of libcap set and show the same capabilities of a file."""
    subprocess.run(["setcap", "cap_net_raw,cap_bpf=ep", file], check=True)
    assert get_file_capabilities(file) == ({13, 39}, set(), True, 0)
    set_file_capabilities(file, {13}, {13}, effective=True, rootid=1000)
    shown = subprocess.run(["getcap", "-n", file], check=True, capture_output=True, text=True).stdout
    assert "cap_net_raw=eip" in shown
    assert "1000" in shown


@needs("CAP_CHOWN")
@needs_namespaces
@alone
def test_file_of_another_namespace():
    """CAP_SETFCAP of a user namespace is not enough for a file of another one."""
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "program")
    Path(path).touch()
    os.chown(path, 12345, 12345)
    own_namespaces()
    try:
        with pytest.raises(PermissionError, match="CAP_SETFCAP has to be over the user namespace of the filesystem"):
            set_file_capabilities(path, {Capability.NET_RAW})
    finally:
        shutil.rmtree(directory)


@needs("CAP_SETFCAP", "CAP_SETUID")
def test_capabilities_of_a_program(public_path):
    """A program that another user executes has the capabilities of its file."""
    program = public_path / "cat"
    shutil.copy("/bin/cat", program)
    set_file_capabilities(program, {Capability.NET_RAW}, effective=True)

    def body():
        become_nobody()
        return subprocess.run([program, "/proc/self/status"], check=True, capture_output=True, text=True).stdout

    assert re.search(f"^CapEff:\\s*{1 << 13:016x}$", in_child(body), re.MULTILINE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (struct.pack("<3I", 0x01000001, 1, 2), ({0}, {1}, True, 0)),
        (struct.pack("<5I", 0x02000000, 1, 2, 1 << 6, 0), ({0, 38}, {1}, False, 0)),
        (struct.pack("<6I", 0x03000001, 0, 0, 0, 1 << 31, 7), (set(), {63}, True, 7)),
    ],
)
def test_revisions(value, expected):
    """Each revision of the attribute is read."""
    assert decode_file_capabilities(value) == expected


HEADS = st.sampled_from([b"\0\0\0\1", b"\1\0\0\2", b"\1\0\0\3", b""])


@given(
    st.tuples(HEADS, st.sampled_from([8, 16, 20]).flatmap(lambda n: st.binary(min_size=n, max_size=n)) | st.binary())
)
def test_any_bytes(parts):
    """Bytes are capabilities, or a ValueError."""
    value = b"".join(parts)
    try:
        found = decode_file_capabilities(value)
    except ValueError:
        assert len(value) < 12 or len(value) != LENGTHS.get(value[3])
    else:
        assert len(value) == LENGTHS[value[3]]
        assert all(0 <= number < 64 for number in found.permitted | found.inheritable)


@given(st.sets(st.integers(0, 37)), st.sets(st.integers(0, 37)), st.booleans(), st.integers(0, (1 << 32) - 1))
def test_there_and_back(permitted, inheritable, effective, rootid):
    """Capabilities of a file that were encoded are decoded as the same."""
    value = encode_file_capabilities(permitted, inheritable, effective, rootid)
    assert decode_file_capabilities(value) == (permitted, inheritable, effective, rootid)
