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
