"""Namespaces under load: each thread is where it belongs, and nothing piles up."""

import os
import threading

import pytest
import support
from support import alone, needs_namespaces, own_namespaces

from butter.clone import CLONE_NEWUTS, Namespace, run_in, unshare

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
