"""The behaviours of seccomp that are to be proved, by their names."""

import os
import platform
import signal

import pytest
from support import in_child, libc, needs_no_filter

from butter.prctl import PR_GET_SECCOMP, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, prctl
from butter.seccomp import (
    ALLOW,
    KILL_THREAD,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
    Filter,
    ffi,
    seccomp,
    syscall_number,
)

ALLOWED = "waitid rt_sigprocmask close exit wait4 write clone"


def strict_by_prctl():
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)


def strict_by_seccomp():
    seccomp(SECCOMP_SET_MODE_STRICT)


def allowed():
    """The program of the cases, which allows a few calls and kills for the others."""
    made = Filter(KILL_THREAD)
    for name in ALLOWED.split():
        made.add(name, ALLOW)
    return made.program()


def filter_by_prctl():
    program = ffi.from_buffer(allowed())
    whole = ffi.new("struct sock_fprog *", {"len": len(program) // 8, "filter": ffi.cast("void *", program)})
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ffi.buffer(whole))


def filter_by_seccomp():
    seccomp(SECCOMP_SET_MODE_FILTER, 0, allowed())


def ask_for_the_mode():
    libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0)


def read_and_write():
    os.read(READING, 1)
    os.write(WRITING, b"x")
    libc.syscall(syscall_number("exit"), 7)


def close():
    os.close(READING)
    libc.syscall(syscall_number("exit"), 7)


def leave():
    os._exit(7)  # by exit_group


# by the flag SIGCHLD, as fork of the C library has it
def fork():
    pid = libc.syscall(syscall_number("clone"), signal.SIGCHLD, None, None, None, None)
    if pid == 0:
        libc.syscall(syscall_number("exit_group"), 7)
    status = os.waitpid(pid, 0)[1]
    libc.syscall(syscall_number("exit"), os.WTERMSIG(status))


READING, WRITING = -1, -1


def ended(load, act):
    """The signal that ends a child which loads and acts, or minus its exit code."""

    def body():
        global READING, WRITING
        READING, WRITING = os.pipe()
        os.write(WRITING, b"y")
        pid = os.fork()
        if not pid:
            try:
                libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: it leaves no core
                prctl.no_new_privs = True
                load()
                act()
            finally:
                os._exit(99)
        status = os.waitpid(pid, 0)[1]
        return os.WTERMSIG(status) or -os.WEXITSTATUS(status)

    return in_child(body)


@needs_no_filter  # a thread with a filter cannot get the strict mode
@pytest.mark.parametrize("load", [strict_by_prctl, strict_by_seccomp])
@pytest.mark.parametrize(
    ("act", "end"),
    [
        (ask_for_the_mode, signal.SIGKILL),
        pytest.param(
            read_and_write,
            -7,
            marks=pytest.mark.skipif(
                platform.python_implementation() == "PyPy", reason="PyPy makes other calls around a read"
            ),
        ),
        (close, signal.SIGKILL),
    ],
)
def test_seccomp01_strict(load, act, end):
    """In the strict mode a thread may read, write and end, and is killed for others."""
    assert ended(load, act) == end


@pytest.mark.parametrize("load", [filter_by_prctl, filter_by_seccomp])
@pytest.mark.parametrize(
    ("act", "end"), [(ask_for_the_mode, signal.SIGSYS), (close, -7), (leave, signal.SIGSYS), (fork, -signal.SIGSYS)]
)
def test_seccomp01_filter(load, act, end):
    """With a filter the allowed calls work, also in a child, and others kill."""
    assert ended(load, act) == end
