"""Sandboxes under load: any bytes from a child, kills at any time, and threads."""

import os
import random
import threading

import pytest
from support import descriptors, forge

from butter._sandbox_data import Damaged, decoded, encoded
from butter.sandbox import Sandbox, SandboxedError

pytestmark = pytest.mark.stress

VALUE = [None, True, 1 << 70, -1.5, "ä", b"\xff", (1, [2]), {1, "a"}, {"k": {(): b""}}]


def test_changed_bytes():
    """A hundred thousand changed values are plain data or Damaged, and nothing else."""
    choose, content, damaged = random.Random(1), encoded(VALUE, 1 << 16), 0
    for _ in range(100_000):
        changed = bytearray(content)
        for _ in range(choose.randrange(1, 5)):
            changed[choose.randrange(len(changed))] = choose.randrange(256)
        try:
            decoded(bytes(changed))
        except Damaged:
            damaged += 1
    assert 1000 < damaged < 100_000


def test_forged_results():
    """A forged result is plain data, or an exception of a known class."""
    choose, sandbox, before = random.Random(2), Sandbox(), descriptors()
    for _ in range(200):
        content = bytearray(encoded(("raised", "ValueError", (1, "x"), "text", "lines"), 1 << 16))
        for _ in range(choose.randrange(4)):
            content[choose.randrange(len(content))] = choose.randrange(256)
        with pytest.raises((SandboxedError, ValueError)) as caught:
            sandbox.run(forge, len(content).to_bytes(8, "little") + bytes(content))
        assert caught.type in (SandboxedError, ValueError)
    assert descriptors() == before


def test_timeouts_at_any_time():
    """A child that is killed at any moment leaves no process and no descriptor."""
    choose, sandbox, before = random.Random(3), Sandbox(), descriptors()
    outcomes = set()
    for _ in range(200):
        try:
            outcomes.add(sandbox.run(int, timeout=choose.random() / 50))
        except TimeoutError:
            outcomes.add("late")
    assert outcomes == {0, "late"}
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_threads():
    """Threads that run functions at the same time get each their own results."""
    sandbox, results = Sandbox(), {}

    def work(number):
        results[number] = [sandbox.run(pow, number, each, timeout=60) for each in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [number**each for each in range(20)] for number in range(4)}
