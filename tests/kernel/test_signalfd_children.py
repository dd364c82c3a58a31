"""Children of each kind that the documentation names, under a Signalfd that blocks."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from support import blocked

from butter.asyncio.signalfd import Signalfd_async
from butter.signalfd import SIG_BLOCK, SIG_UNBLOCK, Signalfd, pthread_sigmask

SLEEP = ["sleep", "1000"]


def test_subprocess(in_child):
    """A child of subprocess with ``preexec_fn=signals.restore`` ends by SIGTERM."""

    def body():
        statuses = []

        def start():
            with subprocess.Popen(SLEEP, preexec_fn=signals.restore) as process:
                process.terminate()
                try:
                    statuses.append(process.wait(30))
                finally:
                    process.kill()

        with Signalfd([signal.SIGTERM, signal.SIGINT]) as signals:
            start()
            thread = threading.Thread(target=start)
            thread.start()
            thread.join()
            assert blocked() == signals.signals
        return statuses

    assert in_child(body) == [-signal.SIGTERM] * 2


@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="PyPy has no os.posix_spawn")
def test_posix_spawn(in_child):
    """A child of os.posix_spawn with ``setsigmask=[]`` ends by SIGTERM."""

    def body():
        with Signalfd([signal.SIGTERM, signal.SIGCHLD]) as signals:
            pid = os.posix_spawnp(SLEEP[0], SLEEP, os.environ, setsigmask=[])
            os.kill(pid, signal.SIGTERM)
            event = signals.wait(30)
            assert os.waitpid(pid, 0) == (pid, signal.SIGTERM)
            return event.pid == pid, event.child_status

    assert in_child(body) == (True, signal.SIGTERM)


def test_fork(in_child):
    """A child of os.fork that calls ``signals.restore()`` ends by SIGTERM."""

    def body():
        with Signalfd([signal.SIGTERM]) as signals:
            pid = os.fork()
            if not pid:
                os.kill(os.getpid(), signal.SIGTERM)
                signals.restore()
                os._exit(1)
            assert os.waitpid(pid, 0) == (pid, signal.SIGTERM)
            return blocked()

    assert in_child(body) == {signal.SIGTERM}


PROGRAM = """
import multiprocessing, signal, sys
from multiprocessing import resource_tracker, shared_memory
from butter.signalfd import *

def work(connection):
    connection.send(signal.SIGTERM in pthread_sigmask(SIG_SETMASK, ()))
    signal.pause()

def children(method):
    context = multiprocessing.get_context(method)
    resource_tracker.ensure_running()
    with Signalfd([signal.SIGINT, signal.SIGTERM]):
        ours, theirs = context.Pipe()
        child = context.Process(target=work, args=(theirs,), daemon=True)
        child.start()
        print("inherited:", ours.poll(30) and ours.recv())
        child.terminate()
        child.join(30)
        print("ended by:", child.exitcode)
        with context.Pool(1, initializer=pthread_sigmask, initargs=(SIG_SETMASK, ())) as pool:
            print("in a pool:", pool.apply(pthread_sigmask, (SIG_BLOCK, ())))
        print("blocked:", len(pthread_sigmask(SIG_BLOCK, ())))

def memory(when):
    if when == "before":
        resource_tracker.ensure_running()
    with Signalfd([signal.SIGINT, signal.SIGTERM]) as signals:
        shared = shared_memory.SharedMemory(create=True, size=1)
        if when == "again":
            signals.block()
        print("blocked:", len(pthread_sigmask(SIG_BLOCK, ())))
        shared.close()
        shared.unlink()
    print("after:", len(pthread_sigmask(SIG_BLOCK, ())))

if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
"""


@pytest.fixture
def program(tmp_path):
    """A function that runs PROGRAM with arguments, and returns the lines it prints."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)

    def run(*arguments):
        command = [sys.executable, "-W", "error", path, *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=100, check=True)
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(program, method):
    """A child of multiprocessing ends by SIGTERM if it changed the inherited mask."""
    assert program("children", method) == ["inherited: True", "ended by: -15", "in a pool: set()", "blocked: 2"]


@pytest.mark.parametrize("when", ["before", "again"])
def test_shared_memory(program, when):
    """Signals stay blocked if multiprocessing's tracker ran before, or by block()."""
    assert program("memory", when) == ["blocked: 2", "after: 0"]


def test_blocked_again(in_child):
    """A second block() blocks again; the mask from before the first is restored."""

    def body():
        pthread_sigmask(SIG_BLOCK, [signal.SIGHUP])
        with Signalfd([signal.SIGINT, signal.SIGTERM]) as signals:
            pthread_sigmask(SIG_UNBLOCK, [signal.SIGTERM])
            signals.block()
            os.kill(os.getpid(), signal.SIGTERM)
            received = signals.wait(30).signal
            assert blocked() == {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
        return received, blocked()

    assert in_child(body) == (signal.SIGTERM, {signal.SIGHUP})


@pytest.mark.parametrize(
    "place", [Signalfd, Signalfd.block, Signalfd.restore, Signalfd_async], ids=lambda place: place.__qualname__
)
def test_documentation(place):
    """The documentation of the object and its mask names each kind of child."""
    for words in ("subprocess", "asyncio", "multiprocessing", "posix_spawn", "setsigmask=[]", "preexec_fn"):
        assert words in place.__doc__
