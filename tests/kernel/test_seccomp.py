"""seccomp: what the kernel makes of filters, actions, flags and threads."""

import ctypes
import errno
import mmap
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
from hypothesis import settings
from support import alone, become_nobody, filters, in_child, kernel, libc, needs

from butter import _seccomp_bpf as bpf
from butter._look import status_field
from butter._seccomp_calls import architecture
from butter.errors import InvalidArgument
from butter.prctl import capabilities, prctl
from butter.seccomp import *  # noqa: F403
from butter.seccomp import Filter, ThreadsDiffer, action_available, notification_sizes, seccomp, syscall_number

# ruff: noqa: F405

ALLOW_ALL = Filter(ALLOW).program()
# a call that no kernel knows
UNUSED = filters.UNUSED[0]
ACTIONS = [ALLOW, LOG, NOTIFY, TRACE(), ERRNO(0), TRAP(), KILL_THREAD, KILL_PROCESS]
needs_x86 = needs(when=platform.machine() == "x86_64", reason="needs the calls of x86_64")

libc.syscall.restype = ctypes.c_long


def call(number, *args):
    """Make a system call, and return its result and its errno."""
    ctypes.set_errno(0)
    return libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulonglong, args)), ctypes.get_errno()


def load(action, *comparisons, call=UNUSED, default=ALLOW, **options):
    """Load a filter with one rule: for a child."""
    prctl.no_new_privs = True
    Filter(default, **options).add(call, action, *comparisons).load()


def signal_of(body):
    """The signal that a forked child dies of, which runs *body*; 0 if it lives on."""
    pid = os.fork()
    if not pid:
        try:
            libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: it leaves no core
            body()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


# actions


@alone
def test_allow_and_log():
    """ALLOW and LOG let the call be made."""
    for number, action in zip(filters.UNUSED, (ALLOW, LOG)):
        load(action, call=number)
        assert call(number) == (-1, errno.ENOSYS)


@alone
def test_errno():
    """ERRNO lets the call fail with the errno, and with 0 it seems to work."""
    prctl.no_new_privs = True
    made = Filter(ALLOW).add("getpid", ERRNO(errno.EXDEV)).add("getppid", ERRNO(0)).add("gettid", ERRNO(4095))
    made.load()
    assert call(syscall_number("getpid")) == (-1, errno.EXDEV)
    assert call(syscall_number("getppid")) == (0, 0)
    assert call(syscall_number("gettid")) == (-1, 4095)


def test_kill_process():
    """KILL_PROCESS ends the process by SIGSYS, from any thread."""

    def body():
        load(KILL_PROCESS)
        thread = threading.Thread(target=call, args=(UNUSED,))
        thread.start()
        thread.join()

    assert signal_of(body) == signal.SIGSYS


@alone
def test_kill_thread():
    """KILL_THREAD ends a thread alone; the last thread's end is that of the process."""
    before = len(os.listdir("/proc/self/task"))
    load(KILL_THREAD)
    started = threading.Event()

    def body():
        started.set()
        call(UNUSED)

    threading.Thread(target=body, daemon=True).start()
    started.wait()
    while len(os.listdir("/proc/self/task")) > before:
        os.sched_yield()
    assert signal_of(lambda: call(UNUSED)) == signal.SIGSYS


@alone
def test_trap():
    """TRAP sends SIGSYS, whose handler in C finds the number of the rule."""
    found = []

    @ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.c_void_p)
    def handler(number, info, context):
        found.append((number, info[1]))  # si_errno

    # struct sigaction of the C library: the handler, 128 bytes of a mask, the flags
    action = (ctypes.c_char * 256)()
    ctypes.c_void_p.from_buffer(action).value = ctypes.cast(handler, ctypes.c_void_p).value
    ctypes.c_int.from_buffer(action, 136).value = 4  # SA_SIGINFO
    assert libc.sigaction(signal.SIGSYS, action, None) == 0
    load(TRAP(1234))
    call(UNUSED)
    assert found == [(signal.SIGSYS, 1234)]


@alone
def test_trace_without_a_debugger():
    """TRACE lets the call fail with ENOSYS where there is no debugger."""
    load(TRACE(1), call="getpid")
    assert call(syscall_number("getpid")) == (-1, errno.ENOSYS)


def test_available_actions():
    """The kernel says which actions it knows, whatever their number is."""
    assert all(action_available(action) for action in ACTIONS if action != NOTIFY)
    assert action_available(NOTIFY) or kernel() < (5, 0)
    assert action_available(ERRNO(5))
    assert not action_available(0x7FF10000)
    with pytest.raises(ValueError, match="action is -1"):
        action_available(-1)


@needs(kernel=(5, 0))
def test_sizes_of_notifications():
    """The kernel says how large its structs are."""
    sizes = notification_sizes()
    assert sizes.seccomp_data == 64
    assert sizes.seccomp_notif >= 80
    assert sizes.seccomp_notif_resp >= 24


# filters, and the threads that have them


@alone
def test_no_new_privs_is_left_alone():
    """Loading a filter does not set no_new_privs, and without privileges it fails."""
    if os.geteuid() == 0:
        Filter(ALLOW).load()
    assert not prctl.no_new_privs
    become_nobody()
    capabilities.effective = ()
    with pytest.raises(PermissionError, match=r"a filter needs no_new_privs.*prctl\.no_new_privs = True") as caught:
        Filter(ALLOW).load()
    assert caught.value.errno == errno.EACCES
    assert not prctl.no_new_privs
    prctl.no_new_privs = True
    Filter(ALLOW).load()
    assert status_field("Seccomp") == "2"


@alone
def test_a_filter_is_that_of_a_thread():
    """Without TSYNC another thread goes on without the filter, and a new one has it."""
    go, done = threading.Event(), threading.Event()
    found = []

    def other():
        go.wait()
        found.append(call(UNUSED))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    load(ERRNO(77))
    go.set()
    done.wait()
    thread.join()
    assert found == [(-1, errno.ENOSYS)]
    later = threading.Thread(target=lambda: found.append(call(UNUSED)))
    later.start()
    later.join()
    assert found[1] == call(UNUSED) == (-1, 77)


@alone
def test_all_threads():
    """With TSYNC each thread has the filter."""
    go = threading.Event()
    found = []

    def other():
        go.wait()
        found.append(call(UNUSED))

    threads = [threading.Thread(target=other) for _ in range(3)]
    for thread in threads:
        thread.start()
    prctl.no_new_privs = True
    Filter(ALLOW).add(UNUSED, ERRNO(77)).load(SECCOMP_FILTER_FLAG_TSYNC)
    go.set()
    for thread in threads:
        thread.join()
    assert found == [(-1, 77)] * 3


@pytest.mark.parametrize("flags", [0, pytest.param(SECCOMP_FILTER_FLAG_TSYNC_ESRCH, marks=needs(kernel=(5, 7)))])
@alone
def test_threads_that_differ(flags):
    """A thread with a filter of its own stops TSYNC; the error may have its number."""
    ready, done = threading.Event(), threading.Event()
    prctl.no_new_privs = True

    def other():
        Filter(ALLOW).load()
        ready.set()
        done.wait()

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait()
    try:
        with pytest.raises(ThreadsDiffer, match="has a filter that this thread lacks") as caught:
            Filter(ALLOW).add(UNUSED, ERRNO(77)).load(SECCOMP_FILTER_FLAG_TSYNC | flags)
    finally:
        done.set()
        thread.join()
    assert caught.value.errno == errno.ESRCH
    assert caught.value.tid == (0 if flags else thread.native_id)
    assert call(UNUSED) == (-1, errno.ENOSYS)


@alone
def test_the_strictest_filter_counts():
    """Of several filters the strictest answer counts, in whichever order they came."""
    load(ERRNO(5))
    load(ALLOW, call=UNUSED)
    load(LOG, call=UNUSED)
    assert call(UNUSED) == (-1, 5)
    load(TRACE())
    assert call(UNUSED) == (-1, 5)


@alone
def test_filters_are_inherited():
    """A forked child and an executed program have the filter."""
    load(ERRNO(77), call="getppid")
    assert in_child(call, syscall_number("getppid")) == (-1, 77)
    code = f"import ctypes; print(ctypes.CDLL(None).syscall({syscall_number('getppid')}))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).stdout == "-1\n"


@needs(kernel=(4, 17))
@alone
def test_a_filter_with_flags():
    """The flags for logging and for speculation change nothing that a call sees."""
    prctl.no_new_privs = True
    flags = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW
    Filter(ALLOW).add(UNUSED, ERRNO(77)).load(flags)
    assert call(UNUSED) == (-1, 77)


@alone
def test_the_limit_of_all_filters():
    """Filters that are too long together are OutOfMemory, which says their number."""
    prctl.no_new_privs = True
    program = bpf.encoded([bpf.Instruction(bpf.LD_IMM)] * 4095 + [bpf.Instruction(bpf.RET_K, k=ALLOW)])
    for _ in range(7):
        seccomp(SECCOMP_SET_MODE_FILTER, 0, program)
    with pytest.raises(MemoryError, match=r"the (\d+ )?filters of this thread have 32768 instructions") as caught:
        seccomp(SECCOMP_SET_MODE_FILTER, 0, program)
    assert caught.value.errno == errno.ENOMEM


@alone
def test_strict_mode_after_a_filter():
    """A thread with a filter cannot get the strict mode any more."""
    load(ERRNO(77))
    with pytest.raises(InvalidArgument, match="this thread has a filter, and so cannot get the strict mode"):
        seccomp(SECCOMP_SET_MODE_STRICT)


@pytest.mark.parametrize(
    ("arguments", "exception", "words"),
    [
        ((99,), InvalidArgument, "neither this kernel nor butter knows operation 99"),
        ((SECCOMP_SET_MODE_STRICT, 1), InvalidArgument, "the flags must be 0 for SET_MODE_STRICT, and are 0x1"),
        ((SECCOMP_GET_ACTION_AVAIL, 1, ALLOW), InvalidArgument, "the flags must be 0 for GET_ACTION_AVAIL"),
        pytest.param(
            *((SECCOMP_GET_NOTIF_SIZES, 1), InvalidArgument, "the flags must be 0 for GET_NOTIF_SIZES"),
            marks=needs(kernel=(5, 0)),
        ),
        ((SECCOMP_SET_MODE_FILTER, 1 << 20, ALLOW_ALL), InvalidArgument, "unknown flags 0x100000"),
        (
            (SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, ALLOW_ALL),
            InvalidArgument,
            "is about notifications: add SECCOMP_FILTER_FLAG_NEW_LISTENER",
        ),
        pytest.param(
            (SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, ALLOW_ALL),
            InvalidArgument,
            "could be a thread or a descriptor: add SECCOMP_FILTER_FLAG_TSYNC_ESRCH",
            marks=needs(kernel=(5, 0)),
        ),
        ((SECCOMP_SET_MODE_FILTER, 0, b""), InvalidArgument, "the program has 0 instructions"),
        ((SECCOMP_SET_MODE_FILTER, 0, ALLOW_ALL[:8]), InvalidArgument, "the last instruction .* is not a return"),
        ((SECCOMP_SET_MODE_FILTER, 0, b"abc"), ValueError, "the program has 3 bytes; it must be a multiple of 8"),
        ((SECCOMP_SET_MODE_FILTER, 0, bytes(8 << 16)), ValueError, "the program has 524288 bytes"),
        ((SECCOMP_SET_MODE_FILTER, 0, "abc"), TypeError, "args must be the bytes of a program, not str"),
        ((SECCOMP_SET_MODE_FILTER, 0), TypeError, "args must be the bytes of a program, not NoneType"),
        ((SECCOMP_GET_ACTION_AVAIL,), TypeError, "args must be an action, not NoneType"),
        ((SECCOMP_GET_ACTION_AVAIL, 0, 1 << 32), ValueError, "args is 4294967296"),
        ((SECCOMP_GET_ACTION_AVAIL, 0, 0x7FF10000), OSError, "this kernel does not know the action 0x7ff10000"),
        ((SECCOMP_GET_NOTIF_SIZES, 0, 1), TypeError, "SECCOMP_GET_NOTIF_SIZES takes no args"),
        (("1",), TypeError, "operation must be an int"),
        ((1, -1, ALLOW_ALL), ValueError, "flags is -1"),
    ],
)
@alone
def test_what_the_call_refuses(arguments, exception, words):
    """The call has a sentence for each combination that is refused."""
    prctl.no_new_privs = True
    with pytest.raises(exception, match=words):
        seccomp(*arguments)


@alone
def test_operations_of_later_kernels():
    """An operation that butter does not know takes an address or a buffer."""
    for args in (None, 0, 1 << 63, b"buffer"):
        with pytest.raises(InvalidArgument, match="operation 1000"):
            seccomp(1000, 0, args)


@needs(kernel=(5, 0))
@alone
def test_the_descriptor_of_a_listener():
    """The call returns a descriptor that is closed on exec, and a second is refused."""
    prctl.no_new_privs = True
    fd = seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, ALLOW_ALL)
    try:
        assert not os.get_inheritable(fd)
        with pytest.raises(OSError, match="has a filter with a listener already") as caught:
            seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, ALLOW_ALL)
        assert caught.value.errno == errno.EBUSY
    finally:
        os.close(fd)


@alone
def test_a_filter_for_calls_of_others():
    """A filter may be for foreign architectures alone, if it allows this machine's."""
    load(ERRNO(77), call="getpid", arch="x32", foreign=ALLOW)
    assert call(syscall_number("getpid")) == (os.getpid(), 0)
    assert status_field("Seccomp") == "2"


# the rules of a real program


@alone
def test_arguments_of_real_calls():
    """A rule about an argument holds for a call of Python."""
    load(ERRNO(errno.EACCES), EQ(0, socket.AF_INET6, bits=32), call="socket")
    socket.socket(socket.AF_UNIX).close()
    with pytest.raises(PermissionError):
        socket.socket(socket.AF_INET6)


@alone
def test_the_upper_half_of_a_register():
    """A comparison of 32 bits holds whatever the upper half is, one of 64 does not."""
    prctl.no_new_privs = True
    first, second = filters.UNUSED[:2]
    Filter(ALLOW).add(first, ERRNO(5), EQ(0, 7, bits=32)).add(second, ERRNO(5), EQ(0, 7)).load()
    assert call(first, 7) == call(first, 1 << 40 | 7) == call(second, 7) == (-1, 5)
    assert call(second, 1 << 40 | 7) == (-1, errno.ENOSYS)


@needs_x86
def test_calls_of_x32():
    """A call with the bit of x32 ends the process, also where the kernel lacks x32."""

    def body():
        load(ERRNO(77))
        call(0x40000000 | syscall_number("getpid"))

    assert signal_of(body) == signal.SIGSYS


@needs_x86
@alone
def test_a_call_that_no_debugger_would_make():
    """The number -1 is not one of x32: the call fails as it does without a filter."""
    load(ERRNO(77))
    assert call(0xFFFFFFFF) == (-1, errno.ENOSYS)


def call_of_i386(number, *args):
    """Make a system call by ``int 0x80``, and return its result or -errno."""
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # push rbx; mov eax, edi; mov ebx, esi; mov ecx, edx; int 0x80; pop rbx; ret
    memory.write(bytes.fromhex("53 89f8 89f3 89d1 cd80 5b c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)(address)
    return function(number, *(*args, 0, 0)[:2])


def has_i386():
    """Whether a process of x86_64 can make calls of i386."""
    return platform.machine() == "x86_64" and signal_of(lambda: os._exit(call_of_i386(20) <= 0)) == 0


needs_i386 = needs(when=has_i386(), reason="needs the calls of i386")


@needs_i386
def test_calls_of_i386():
    """A call of i386 ends the process, unless the filter says otherwise."""
    assert signal_of(lambda: (load(ERRNO(77)), call_of_i386(20))) == signal.SIGSYS

    def body():
        load(ERRNO(77), foreign=ERRNO(78))
        refused = call_of_i386(20)
        return refused, call(UNUSED)

    assert in_child(body) == (-78, (-1, 77))


@needs_i386
@alone
def test_rules_of_i386():
    """Rules by name hold for i386 as well, and for the calls behind socketcall."""
    prctl.no_new_privs = True
    made = Filter(ALLOW, ["x86_64", "i386"]).add("getppid", ERRNO(77)).add("socket", ERRNO(78))
    made.add("dup", ERRNO(79), EQ(0, -1))
    made.load()
    assert call_of_i386(syscall_number("getppid", "i386")) == -77
    assert call(syscall_number("getppid")) == (-1, 77)
    assert call_of_i386(syscall_number("socketcall", "i386"), 1) == -78
    assert call_of_i386(syscall_number("socket", "i386")) == -78
    assert call_of_i386(syscall_number("socketcall", "i386"), 30) == -errno.EINVAL
    assert call_of_i386(syscall_number("dup", "i386"), 0xFFFFFFFF) == -79
    assert call(syscall_number("dup"), (1 << 64) - 1) == (-1, 79)
    with pytest.raises(OSError, match=re.escape(os.strerror(78))):
        socket.socket()


# the interpreter


def test_filters_answer_as_the_interpreter():
    """Random filters answer as their rules say, in interpreter and kernel."""

    def body():
        prctl.no_new_privs = True
        return filters.compare_filters("suite", settings().max_examples // 3, 20)

    assert in_child(body) > 100


def test_programs_answer_as_in_the_interpreter():
    """Random programs are taken by the kernel as the check says, and answer alike."""

    def body():
        prctl.no_new_privs = True
        return filters.compare_programs("suite", settings().max_examples, 10, architecture().audit)

    assert in_child(body) > 10
