"""The tests' helpers: descriptors, bytes and signals here, the rest by topic."""

# ruff: noqa: F401  # the topics are imported for those who import this

from __future__ import annotations

import gc
import inspect
import itertools
import os
import resource
import signal
import sys
import time
from contextlib import contextmanager

import butter
from butter.signalfd import SFD_NONBLOCK, Signalfd
from support.cgroups import freeze, kill_all, members, needs_cgroup, own_cgroup, populated
from support.children import (
    Child,
    Stranger,
    alone,
    alone_in_namespaces,
    forge,
    in_child,
    libc,
    libc_alone,
    namespaces_allowed,
    needs_namespaces,
    own_namespaces,
)
from support.fenced import Fence, Fences
from support.mounts import (
    FILESYSTEMS,
    Mounter,
    loop_device,
    mountinfo,
    needs_ext4,
    needs_loop,
    needs_mounts,
    own_filesystem,
    own_mounts,
    own_uts,
    raw_mount,
)
from support.needs import capable, in_place, kernel, needs, needs_landlock, needs_no_filter, unmet
from support.seccomp import answer, hold, inject, inject_in_child, number_of
from support.streams import Pipe, running, sockets
from support.tables import EACH_KIND, KINDS, errno_tables


def descriptors():
    """The open descriptors of this process: ``{number: what it is}``."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # that of the listing itself
    return found


def next_descriptor():
    """The number that the next descriptor of this process gets."""
    number = os.dup(0)
    os.close(number)
    return number


def become_nobody():
    """Become a user without rights and possessions, if root: for a child."""
    if os.geteuid() == 0:
        # an id of its own: the limits of a user count the use of another suite too
        nobody = 20_000 + os.getpid() % 40_000
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
        # PR_SET_DUMPABLE: otherwise root owns the files of this process in /proc
        libc.prctl(4, 1, 0, 0, 0)


def allow_descriptors(count):
    """Let this process have *count* descriptors: for a child.

    Root may though its hard limit is lower.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def needs_descriptors(count):
    """The mark of a test that calls ``allow_descriptors(count)``."""
    with open("/proc/sys/fs/nr_open") as file:
        most = int(file.read()) if capable("CAP_SYS_RESOURCE") else resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return needs(when=count <= most, reason=f"needs CAP_SYS_RESOURCE, or a hard limit of {count} descriptors")


def occupy_descriptors(last):
    """Open descriptors until the number *last* is taken: for a child."""
    allow_descriptors(4096)
    while os.dup(0) < last:
        pass


def exhaust_descriptors(make, *args, limit=0):
    """Call ``make(*args)`` in a child with *limit* descriptors until it raises."""

    def body():
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        made = []  # which keeps them open
        while True:
            made.append(make(*args))

    in_child(body)


def drain(source):
    """Every event that waits in *source*, which is non-blocking."""
    events = []
    while found := source.read_events():
        events += found
    return events


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def read_all(fd):
    """The bytes of a descriptor until its end."""
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def alarms(handler, interval=0.02, once=False):
    """Call *handler* for SIGALRM, which comes every *interval* seconds.

    With an interval of 0 it comes only when a test sends it. A handler is not called
    within itself, though on a slow machine the signal comes while it runs; nor again
    after it raised or, with *once*, was called. The signal goes on coming, because one
    right in front of a system call does not end its waiting.
    """
    turns = [None]

    def handle(*args):
        try:
            turns.pop()
        except IndexError:
            return
        handler(*args)
        if not once:
            turns.append(None)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, interval, interval)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def when_waiting(handler):
    """Return a handler for ``alarms`` that calls *handler* only in a wait.

    That is where the signal comes twice in a row.
    """
    place = None

    def handle(number, frame):
        nonlocal place
        last, place = place, (frame.f_code, frame.f_lasti)
        if place == last:
            handler(number, frame)

    return handle


def block_everywhere(number):
    """Block the signal *number*, and wait until each thread of this process does.

    Any other would take it, and before Python 3.13 a thread that was joined may still
    have to end. Returns what this thread blocked before.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    deadline = time.monotonic() + 30
    while not all(blocks(f"/proc/self/task/{thread}/status", number) for thread in os.listdir("/proc/self/task")):
        assert time.monotonic() < deadline, f"a thread does not block signal {number}"
    return before


def blocks(status, number):
    """Whether the thread of this file blocks the signal *number*, or has ended."""
    try:
        with open(status) as lines:
            mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigBlk"))
    except (FileNotFoundError, ProcessLookupError):
        return True
    return bool(mask >> number - 1 & 1)


def discard(number):
    """Take away the signal *number*, which is blocked, before it is delivered."""
    with Signalfd(number, SFD_NONBLOCK) as rest:
        while rest.read_events():
            pass


def same_path(program):
    """*program* for ``python -c``, which imports from the places of this process."""
    return f"import sys; sys.path[:] = {sys.path!r}\n{program}"


def send(number, pid=None):
    """Send a signal to this process, or to another."""
    os.kill(pid or os.getpid(), number)


def blocked():
    """The signals that this thread blocks."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())


def kernel_mask(fd):
    """The signals of a signalfd, as the kernel tells them."""
    with open(f"/proc/self/fdinfo/{fd}") as info:
        bits = next(int(line.split()[1], 16) for line in info if line.startswith("sigmask"))
    return {number for number in range(1, 65) if bits >> number - 1 & 1}


def until(condition, limit=30):
    """Wait until *condition* is met, which comes without an event; at most so long."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Interruption(BaseException):
    """The exception of a signal handler that comes at a bad moment."""


def moments():
    """The numbers of the moments of a long call, for ``interrupt``.

    They are all on CPython. Tracing takes PyPy minutes, so it gets each seventh.
    """
    return itertools.count(step=7 if sys.implementation.name == "pypy" else 1)


def interrupt(call, moment, events=("call", "line")):
    """Call it, and raise Interruption at a line of butter, or the call of a function.

    *moment* is the number of that event, from 0. Returns whether it came.
    """
    left = itertools.count(moment, -1)
    place = os.path.dirname(butter.__file__)

    def look(frame, event, _):
        if not frame.f_code.co_filename.startswith(place) or frame.f_code.co_name == "__del__":
            return None
        if event in events and next(left) == 0:
            raise Interruption
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        call()
    except Interruption:
        return True
    finally:
        sys.settrace(before)
    return False


def interrupt_between(call, moment):
    """Call it, and raise Interruption where Python may run a signal handler.

    That is where a function begins, and where one that is written in C has returned. A
    generator that goes on is left out: before Python 3.12 a trace function cannot raise
    there, as a handler can. *moment* is the number of that place, from 0. Returns
    whether there is such a place.
    """
    left = itertools.count(moment, -1)

    def look(frame, event, function):
        if frame.f_code.co_name == "__del__":
            return  # Python would only report the exception
        begins = event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR
        if (begins or event == "c_return") and function is not sys.setprofile and next(left) == 0:
            sys.setprofile(None)
            raise Interruption

    sys.setprofile(look)
    try:
        call()
    except Interruption:
        return True
    finally:
        sys.setprofile(None)
    return False


def forget(objects):
    """Empty the list *objects* and collect the garbage, which PyPy puts off."""
    objects.clear()
    gc.collect()
