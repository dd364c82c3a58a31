"""signalfd under load: queued signals are counted, and none is lost or read twice."""

import asyncio
import ctypes
import errno
import os
import random
import resource
import signal
import threading

import pytest
import support
from loops import both, run

from butter import _signalfd
from butter.asyncio.signalfd import Signalfd_async
from butter.signalfd import SFD_NONBLOCK, Signalfd

pytestmark = pytest.mark.stress

RT = [signal.SIGRTMIN + number for number in range(8)]
sigqueue = support.libc.sigqueue
sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]


def short_queue():
    """Let at most a thousand signals wait: the kernel searches all of them."""
    limit = getattr(resource, "RLIMIT_SIGPENDING", 11)  # PyPy has no name for it
    _, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (1000, hard))


def queue(pid, number, value):
    """Send a real-time signal with a value, again and again while the queue is full."""
    while sigqueue(pid, number, value):
        assert ctypes.get_errno() == errno.EAGAIN
        os.sched_yield()


def sender(pid, start, stop):
    """A child that sends *start* to *stop*, spread over the real-time signals."""
    child = os.fork()
    if not child:
        status = 1
        try:
            for value in range(start, stop):
                queue(pid, RT[value % len(RT)], value)
            status = 0
        finally:
            os._exit(status)
    return child


def reaped(children):
    for child in children:
        assert os.waitpid(child, 0) == (child, 0)


def test_storm():
    """A million signals of two processes are counted exactly, each kind in order."""
    count = 1_000_000

    def body():
        short_queue()
        with Signalfd(RT, SFD_NONBLOCK) as signals:
            pid = os.getpid()
            children = [sender(pid, 0, count // 2), sender(pid, count // 2, count)]
            seen = bytearray(count)
            last = {}
            left = count
            while left:
                events = signals.read_events() or [signals.wait(60)]
                for event in events:
                    value = event.ssi_int
                    assert not seen[value]
                    seen[value] = 1
                    key = event.ssi_pid, event.ssi_signo
                    assert last.get(key, -1) < value
                    last[key] = value
                left -= len(events)
            reaped(children)
            assert signals.read_events() == []
            assert seen.count(1) == count
            assert len(last) == 2 * len(RT)

    support.in_child(body, timeout=120)


@both
def test_cancellation(kind):
    """Signals come through waiters that are cancelled at random; none is lost."""
    count = 200_000

    async def main():
        randomly = random.Random(0)
        async with Signalfd_async(RT[0]) as signals:
            seen = []

            async def wait():
                seen.append((await signals.get()).ssi_int)

            pid, sent = os.getpid(), 0
            while len(seen) < count:
                for _ in range(min(randomly.randrange(40), count - sent)):
                    queue(pid, RT[0], sent)
                    sent += 1
                tasks = [asyncio.ensure_future(wait()) for _ in range(randomly.randrange(1, 30))]
                for _ in range(randomly.randrange(3)):
                    await asyncio.sleep(0)
                for task in tasks:
                    if randomly.random() < 0.3:
                        task.cancel()
                await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return seen

    def body():
        seen = run(main(), kind, timeout=120)
        # in the order of the waiters: a cancelled one leaves its signal to the next
        assert seen == list(range(count))

    support.in_child(body, timeout=120)


def test_changing_masks():
    """Threads change the mask while signals come in: no signal is lost."""
    count = 20_000

    def body():
        with Signalfd(RT, SFD_NONBLOCK) as signals:
            short_queue()
            done = threading.Event()

            def change(number):
                while not done.is_set():
                    signals.disable(number)
                    signals.enable(number)

            threads = [threading.Thread(target=change, args=(number,)) for number in RT[:3]]
            for thread in threads:
                thread.start()
            child = sender(os.getpid(), 0, count)
            seen = []
            while len(seen) < count:
                seen += [event.ssi_int for event in signals.read_events()]
            done.set()
            for thread in threads:
                thread.join()
            reaped([child])
            assert signals.sigmask == set(RT)
            assert sorted(seen) == list(range(count))

    support.in_child(body)


def test_handlers_while_reading():
    """A Python handler with failing calls of its own spoils no read."""
    count = 50_000

    def body():
        handled = 0

        def handler(*_):
            nonlocal handled
            handled += 1
            with pytest.raises(ValueError, match="not open"):
                _signalfd.signalfd([], -2)

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
        with Signalfd(RT) as signals:
            child = sender(os.getpid(), 0, count)
            seen = [signals.read_event().ssi_int for _ in range(count)]
            signal.setitimer(signal.ITIMER_REAL, 0)
            reaped([child])
        assert sorted(seen) == list(range(count))
        assert handled > 10

    support.in_child(body)


def test_forks():
    """Hundreds of children receive their own signals, and no descriptor piles up."""

    def body():
        with Signalfd(RT) as signals:
            before = len(support.descriptors())
            for value in range(400):
                child = os.fork()
                if not child:
                    queue(os.getpid(), RT[0], value)
                    event = signals.read_event()
                    good = (event.ssi_int, event.pid, len(support.descriptors())) == (value, os.getpid(), before)
                    os._exit(0 if good else 1)
                reaped([child])

    support.in_child(body)
