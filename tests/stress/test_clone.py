"""Namespaces under load: each thread is where it belongs, and nothing piles up."""

import os
import signal
import sys
import threading
import time

import pytest
import support
from support import alone, needs_namespaces, own_namespaces

from butter.clone import CLONE_NEWUTS, Namespace, run_in, setns, unshare

pytestmark = pytest.mark.stress


def current():
    """The uts namespace of this thread."""
    return os.stat("/proc/thread-self/ns/uts").st_ino


@needs_namespaces
@alone
def test_threads_that_come_and_go():
    """Threads that enter each other's namespaces are inside, and then back."""
    own_namespaces()
    namespaces, wrong = [], []
    for _ in range(4):
        unshare(CLONE_NEWUTS)
        namespaces.append(Namespace.current(CLONE_NEWUTS))

    def come_and_go():
        unshare(CLONE_NEWUTS)
        own = current()
        try:
            for turn in range(5000):
                namespace = namespaces[turn % 4]
                with namespace.entered():
                    inside = current()
                if (inside, current()) != (namespace.identity[1], own):
                    wrong.append((inside, current()))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for namespace in namespaces:
        namespace.close()
    assert wrong == []


@needs_namespaces
@alone
def test_many_functions_inside():
    """Thousands of threads begin and end, and leave nothing behind."""
    own_namespaces()
    unshare(CLONE_NEWUTS)
    inside = Namespace.current(CLONE_NEWUTS)
    unshare(CLONE_NEWUTS)
    outside, before = current(), support.descriptors()
    for _ in range(3_000):
        assert run_in(current, inside) == inside.identity[1]
        assert current() == outside
    assert support.descriptors() == before
    assert threading.active_count() == 1
    inside.close()


class Boom(BaseException):
    """The exception of a signal handler."""


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="its finalisers run later, and handlers elsewhere")
@needs_namespaces
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@alone
def test_handlers_that_raise(monkeypatch):
    """Thousands of blocks that a handler interrupts leave the thread where it was."""
    own_namespaces()
    unshare(CLONE_NEWUTS)
    inside = Namespace.current(CLONE_NEWUTS)
    unshare(CLONE_NEWUTS)
    outside = Namespace.current(CLONE_NEWUTS)
    home, path, left = current(), f"/proc/self/fd/{inside.fileno()}", 0
    # an exception inside of a finaliser is reported, and goes nowhere
    monkeypatch.setattr(sys, "unraisablehook", lambda report: None)

    def handler(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise Boom

    signal.signal(signal.SIGALRM, handler)
    raised = [0, 0]
    for turn in range(20_000):
        way = turn % 2
        try:
            try:
                # a time of its own for each turn, so that each place is met
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + turn % 397 * 2.5e-7)
                with Namespace(path) if way else inside.entered():
                    pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                # a handler that has to run yet does so where the thread waits
                time.sleep(0)
        except Boom:
            raised[way] += 1
        if current() != home:
            left += 1
            setns(outside)
    assert left == 0
    assert min(raised) > 1000
    inside.close()
    outside.close()
