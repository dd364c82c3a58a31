"""A million requests of rings, under random cancellations and closes."""

import errno
import os
import random
import subprocess
import sys

import pytest
import support
from features import LONG
from support import needs

from butter import _uring_slots
from butter.uring import IOSQE_ASYNC, Ring

pytestmark = [pytest.mark.stress, needs(kernel=(5, 19))]

COUNT = 1_000_000
#: with the allocator of Python that fills what it frees
CHECKED = 100_000


class Load:
    """Random requests, whose buffers tell whether the kernel wrote where it may."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pipes = [os.pipe() for _ in range(4)]
        self.file = os.open("/proc/self/exe", os.O_RDONLY)
        self.expected = os.pread(self.file, 64, 0)
        self.made = self.done = 0

    def close(self):
        for ends in self.pipes:
            for end in ends:
                os.close(end)
        os.close(self.file)

    def queue(self, ring, mine):
        """Queue one request."""
        self.made += 1
        choice = self.random.random()
        if choice < 0.5:
            ring.pread(self.file, 64, 0, user_data="file")
        elif choice < 0.8:
            flags = IOSQE_ASYNC if choice < 0.51 else 0
            mine.append(ring.pread(self.random.choice(self.pipes)[0], 16, user_data="pipe", flags=flags))
        elif choice < 0.95:
            request = mine.pop(self.random.randrange(len(mine))) if mine else 1
            ring.cancel(request, "cancel")
        elif choice < 0.98:
            os.write(self.random.choice(self.pipes)[1], b"0123456789abcdef")
            ring.nop("nop")
        else:
            ring.cancel_fd(self.random.choice(self.pipes)[0], "cancel")

    def check(self, completion):
        """Look at one completion."""
        self.done += 1
        if completion.user_data == "file":
            assert completion.value == self.expected
        elif completion.user_data == "pipe":
            assert completion.result in (16, -errno.ECANCELED, -errno.EINTR)
            assert completion.buffer == (b"0123456789abcdef" if completion.result > 0 else bytes(16))

    def run(self, count):
        """Make so many requests, in rings that are closed at random."""
        while self.made < count:
            ring, mine = Ring(self.random.choice([4, 32, 256])), []
            os.set_blocking(ring.fileno(), False)
            for _ in range(self.random.randrange(1, 20_000)):
                self.queue(ring, mine)
                if self.random.random() < 0.1:
                    for completion in ring.read_events():
                        self.check(completion)
                if len(mine) > 500:
                    ring.cancel_all("cancel")
                    mine.clear()
            ring.close()
            assert ring._slots == {}
        assert _uring_slots.abandoned == []


def test_a_million_requests():
    """Each buffer has what its request has read, and nothing is lost or left."""
    load = Load(1)
    try:
        load.run(COUNT)
    finally:
        load.close()
    assert load.done > COUNT // 4


def test_requests_where_freed_memory_is_overwritten():
    """With the debug allocator no request writes into freed memory."""
    program = (
        "from stress.test_uring import CHECKED, Load\nload = Load(2); load.run(CHECKED); load.close(); print('done')"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", support.same_path(program)],
        env={**os.environ, "PYTHONMALLOC": "debug"},
        capture_output=True,
        text=True,
        timeout=20 * LONG,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
