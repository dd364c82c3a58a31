"""spawn under load: threads, signals, steps that fail, and nothing that is left."""

import collections
import errno
import os
import random
import resource
import signal
import sys
import threading
import time
from contextlib import closing, contextmanager, nullcontext

import pytest
import support

from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    DEVNULL,
    PIPE,
    Namespace,
    spawn,
)

pytestmark = pytest.mark.stress

SPAWNS, FAILING, THREADS = 10_000, 1_000, 8
# for waits that find children of every kind
_WALL = 0x40000000
# of each kind of namespace; those that were left behind would use them up
MOST_NAMESPACES = 300

ALL = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS
INSIDE = {"namespaces": ALL, "uid_map": [(0, 0, 1)], "gid_map": [(0, 0, 1)]}

# options of a program that starts, and how often each is chosen
GOOD = [
    (60, {}),
    (20, {"stdin": DEVNULL, "pass_fds": {9: 0}, "cwd": "/", "umask": 0, "new_session": True}),
    (10, {**INSIDE, "hostname": "stress", "mounts": [("tmpfs", "/tmp", "tmpfs")]}),
    (2, {"user": 0, "group": 0}),
]
# options of a step that fails, and its errno
BAD = [
    ({"cwd": "/none/such"}, errno.ENOENT),
    ({"pass_fds": [9_999]}, errno.EBADF),
    ({"rlimits": {resource.RLIMIT_CORE: (2, 1)}}, errno.EINVAL),
    ({"root": "/none/such"}, errno.ENOENT),
    ({"foreground": 0}, errno.ENOTTY),
    ({**INSIDE, "mounts": [("tmpfs", "/tmp", "tmpfs"), ("tmpfs", "/none/such", "tmpfs")]}, errno.ENOENT),
    ({**INSIDE, "groups": [77]}, errno.EPERM),
    ({"user": 77}, errno.EINVAL),
]


@contextmanager
def interrupted(interval=0.001):
    """A signal every millisecond, with a handler of Python's. Returns its calls."""
    calls = collections.Counter()
    before = signal.signal(signal.SIGALRM, lambda *_: calls.update(["calls"]))
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    try:
        yield calls
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def storm(spawns, failing, cgroup, joined):
    """Start *spawns* programs from threads; *failing* of them fail. Returns errors."""
    lock, failures = threading.Lock(), []
    # with a middle child
    beside = {"namespaces": [CLONE_NEWUTS | CLONE_NEWPID, joined]}
    good = [*GOOD, (10, beside)]
    bad = [*BAD, ({**beside, "cwd": "/none/such"}, errno.ENOENT)]
    jobs = [None] * (spawns - failing) + [number % len(bad) for number in range(failing)]
    random.shuffle(jobs)

    def work():
        while True:
            with lock:
                if not jobs or failures:
                    return
                job = jobs.pop()
            try:
                one(job)
            except BaseException as error:
                failures.append(error)

    def one(job):
        if job is None:
            ((_, options),) = random.choices(good, [weight for weight, _ in good])
            if cgroup and random.random() < 0.1:
                options = {**options, "cgroup": cgroup}
            with spawn(["/bin/true"], timeout=60, **options) as child:
                assert child.wait(60) == 0
            return
        options, expected = bad[job]
        try:
            spawn(["/bin/true"], timeout=60, stdout=PIPE, cgroup=cgroup, **options)
        except OSError as error:
            if error.errno != expected:
                raise
        else:
            raise AssertionError(f"started in spite of {options}")

    threads = [threading.Thread(target=work) for _ in range(THREADS - 1)]
    for thread in threads:
        thread.start()
    work()  # the main thread too, in which the handlers run
    for thread in threads:
        thread.join()
    return failures


def limit_namespaces():
    """Let this process's user namespace have few namespaces at a time."""
    for kind in "cgroup", "ipc", "mnt", "pid", "user", "uts":
        with open(f"/proc/sys/user/max_{kind}_namespaces", "w") as file:
            file.write(str(MOST_NAMESPACES))


@support.needs_namespaces
def test_storm():
    """Programs from eight threads, a tenth of them failing, leave nothing behind."""

    def body(cgroup):
        support.own_namespaces()
        limit_namespaces()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        before = support.descriptors(), support.mountinfo()
        with interrupted() as calls, closing(Namespace.current("mnt")) as joined:
            failures = storm(SPAWNS, FAILING, cgroup, joined)
        if failures:
            raise failures[0]
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG | _WALL)
        assert (support.descriptors(), support.mountinfo()) == before
        assert calls["calls"] > 1000
        return cgroup is None or not support.populated(cgroup)

    usable = os.geteuid() == 0 and support.cgroups.usable()
    with support.own_cgroup() if usable else nullcontext() as cgroup:
        assert support.in_child(body, cgroup, timeout=600)


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="PyPy's fork is not safe with threads")
def test_forks_of_other_threads():
    """Processes that another thread forks meanwhile hold no spawn up."""

    def body():
        stop, forked = threading.Event(), []

        def fork():
            while not stop.is_set():
                pid = os.fork()
                if pid == 0:
                    signal.pause()
                forked.append(pid)
                time.sleep(0.005)
                if len(forked) > 20:
                    os.kill(forked[0], signal.SIGKILL)
                    os.waitpid(forked.pop(0), 0)

        thread = threading.Thread(target=fork)
        thread.start()
        try:
            for _ in range(1000):
                with spawn(["/bin/true"], timeout=60) as child:
                    assert child.wait(60) == 0
        finally:
            stop.set()
            thread.join()
            for pid in forked:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    support.in_child(body, timeout=300)
