"""Forked children, and what they may become."""

import ctypes
import functools
import os
import pickle
import select
import signal
import sys
import time
import traceback

import pytest

from support.needs import needs

libc = ctypes.CDLL(None, use_errno=True)
#: the same for calls that copy the process: in the copy no other thread would give the
#: interpreter back, and pytest-xdist has one (PyPy cannot keep it)
libc_alone = getattr(ctypes, "PyDLL", ctypes.CDLL)(None, use_errno=True)


def in_child(body, *args, timeout=60):
    """Run ``body(*args)`` in a forked child; return its result, or raise its exception.

    A child that dies of a signal, or takes longer than *timeout* seconds, is a failure.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            try:
                outcome = (True, body(*args))
            except BaseException as error:
                error.__notes__ = [traceback.format_exc()]
                outcome = (False, error)
            with open(writing, "wb") as pipe:
                pickle.dump(outcome, pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    deadline = time.monotonic() + timeout
    data = b""
    with open(reading, "rb", buffering=0) as pipe:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while True:
            if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                pytest.fail(f"the child took longer than {timeout} seconds")
            part = pipe.read(1 << 16)
            if not part:
                break
            data += part
    _, status = os.waitpid(pid, 0)
    assert os.WIFEXITED(status), f"the child died of {signal.Signals(os.WTERMSIG(status)).name}"
    assert os.WEXITSTATUS(status) == 0, "the child failed, see its stderr"
    good, value = pickle.loads(data)
    if not good:
        raise value
    return value


class Child:
    """A forked child that waits for its exit code; the end of ``with`` reaps it."""

    def __init__(self):
        reading, self._writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(self._writing)  # so that it ends with its parent
                told = os.read(reading, 1)
                os._exit(told[0] if told else 0)
            finally:
                os._exit(99)
        os.close(reading)

    def exit(self, code):
        """Let the child exit with this code; it may take a moment."""
        os.write(self._writing, bytes([code]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._writing)
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # it was reaped, and its number may be another process's


class Stranger:
    """A process that is not a child; its parent reaps it on demand."""

    def __init__(self):
        ours, theirs = os.pipe()
        orders, self._orders = os.pipe()
        self.parent = os.fork()
        if not self.parent:
            try:
                child = Child()
                os.write(theirs, child.pid.to_bytes(4, "little"))
                child.exit(os.read(orders, 1)[0])
                os.read(orders, 1)
                os.waitpid(child.pid, 0)
                os.read(orders, 1)
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(orders)
        self.pid = int.from_bytes(os.read(ours, 4), "little")
        os.close(ours)

    def exit(self, code):
        os.write(self._orders, bytes([code]))

    def be_reaped(self):
        os.write(self._orders, b"r")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._orders)
        os.kill(self.parent, signal.SIGKILL)
        os.waitpid(self.parent, 0)


def forge(content):
    """Send something else than a result, as a child that was taken over can."""
    for fd in range(3, 64):
        try:
            os.write(fd, content)
        except OSError:
            pass
    os._exit(0)


def alone(test):
    """Run a test in a forked child, because signals and masks are the process's."""

    @functools.wraps(test)
    def run(**fixtures):
        in_child(lambda: test(**fixtures))

    return run


def alone_in_namespaces(test):
    """Run a test in a child with namespaces of its own, in *tmp_path*."""

    @needs_namespaces
    @functools.wraps(test)
    def run(tmp_path, **fixtures):
        def body():
            own_namespaces()
            os.chdir(tmp_path)
            test(tmp_path, **fixtures)

        in_child(body)

    return run


def own_namespaces(root=True):
    """Make this process root in user and mount namespaces of its own: for a child.

    Without *root* the namespace knows no user, and programs in it have no capability.
    """
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(0x10000000 | 0x20000):  # CLONE_NEWUSER, CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    if not root:
        return
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def namespaces_allowed():
    """Whether a process of this user can have a user namespace."""
    try:
        in_child(own_namespaces)
    except OSError:
        return False
    return True


needs_namespaces = needs(when=namespaces_allowed(), reason="needs user namespaces")
