"""Random operations of rings and of aio, under random cancellations and closes.

    python tests/rings.py [COUNT [SEED]]

COUNT operations (1,000,000) of each, of which four threads do a tenth; then the same
with the allocator of Python that fills what it frees, in the development mode. Each
operation has its own bytes, each completion comes once, and nothing is left. A crash
prints where each thread is.

The operations follow from the seed, and their order from the kernel.
"""

import errno
import gc
import os
import random
import select
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import support

from butter import _uring_slots
from butter.aio import EFD_NONBLOCK, Aio, aligned_buffer
from butter.uring import IOSQE_ASYNC, Ring

THREADS = 4
PAGE, PAGES = 4096, 64
#: what a pipe has
WRITTEN = b"0123456789abcdef"


class Load:
    """Random operations, whose buffers tell whether the kernel wrote where it may."""

    #: how large the buffers are
    size = 0

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.pipes = [os.pipe() for _ in range(4)]
        for _, end in self.pipes:
            os.set_blocking(end, False)
        self.file, path = tempfile.mkstemp()
        os.write(self.file, b"".join(bytes([number]) * PAGE for number in range(PAGES)))
        self.direct = self.file
        try:
            self.direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
        except OSError:
            pass  # a filesystem in memory
        os.unlink(path)
        self.made = self.done = self.closed = 0

    def close(self):
        """Close what it has open."""
        for fd in {self.file, self.direct, *(end for ends in self.pipes for end in ends)}:
            os.close(fd)

    def write(self, chance):
        """Write into a pipe that is not full."""
        try:
            os.write(chance.choice(self.pipes)[1], WRITTEN)
        except BlockingIOError:
            pass

    def some(self, target, chance, count):
        """Do so many operations; return how many were queued and completed."""
        mine, made, done = [], 0, 0
        for _ in range(count):
            made += self.queue(target, mine, chance)
            if chance.random() < 0.1:
                for completion in target.read_events():
                    self.check(completion)
                    done += 1
        return made, done

    def run(self, count):
        """Do so many operations, in objects that are closed at random."""
        while self.made < count:
            target = self.open(self.chance)
            made, done = self.some(target, self.chance, self.chance.randrange(1, 600))
            self.made, self.done = self.made + made, self.done + done
            way = self.chance.randrange(3)
            if way == 0:
                self.done += self.complete(target)
            if way == 2:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ResourceWarning)
                    del target
                    gc.collect()
            else:
                target.close()
            self.closed += 1
            # freed memory that is used again shows a late write of the kernel
            garbage = [bytearray(b"\xaa" * self.size) for _ in range(200)]
            assert all(block.count(0xAA) == self.size for block in garbage)

    def until_closed(self, target, seed, sums, errors):
        """Do operations until another thread closes the object."""
        chance = random.Random(seed)
        try:
            while True:
                sums.append(self.some(target, chance, 20))
        except ValueError as error:
            errors.append(str(error))

    def run_threads(self, count):
        """Do so many operations, in objects that some threads use and one closes."""
        end = self.made + count
        while self.made < end:
            target, sums, errors = self.open(self.chance), [], []

            threads = [
                threading.Thread(target=self.until_closed, args=(target, self.chance.random(), sums, errors))
                for _ in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            threads[0].join(self.chance.random() / 20)
            target.close()
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive()
            # a read may have begun with the number, as it may of every object
            assert all("closed file" in error or "is not open" in error for error in errors), errors
            assert len(errors) == THREADS
            self.made += sum(made for made, _ in sums)
            self.done += sum(done for _, done in sums)
            self.closed += 1


class UringLoad(Load):
    """That of rings."""

    size = 64

    def open(self, chance):
        """A ring that does not wait."""
        ring = Ring(chance.choice([4, 32, 256]))
        os.set_blocking(ring.fileno(), False)
        return ring

    def queue(self, ring, mine, chance):
        """Queue one request, or some; return how many."""
        choice = chance.random()
        if choice < 0.4:
            page = chance.randrange(PAGES)
            ring.pread(self.file, 64, page * PAGE, user_data=page)
        elif choice < 0.5:
            requests = [(self.file, 64, chance.randrange(PAGES) * PAGE) for _ in range(5)]
            for (_, _, at), found in zip(requests, ring.read_many(requests)):
                assert found == bytes([at // PAGE]) * 64
            return len(requests)
        elif choice < 0.8:
            flags = IOSQE_ASYNC if choice < 0.51 else 0
            mine.append(ring.pread(chance.choice(self.pipes)[0], 16, user_data="pipe", flags=flags))
        elif choice < 0.95:
            ring.cancel(mine.pop(chance.randrange(len(mine))) if mine else 1, "cancel")
        elif choice < 0.98:
            self.write(chance)
            ring.nop("nop")
        elif len(mine) > 500:
            ring.cancel_all("cancel")
            mine.clear()
        else:
            ring.cancel_fd(chance.choice(self.pipes)[0], "cancel")
        return 1

    def check(self, completion):
        """Look at one completion."""
        if isinstance(completion.user_data, int):
            assert completion.value == bytes([completion.user_data]) * 64
        elif completion.user_data == "pipe":
            assert completion.result in (16, -errno.ECANCELED, -errno.EINTR)
            assert completion.buffer == (WRITTEN if completion.result > 0 else bytes(16))
        else:
            assert completion.user_data in ("nop", "cancel")

    def complete(self, ring):
        """Have all requests complete; return how many that were."""
        done, deadline = 0, time.monotonic() + 60
        while ring.in_flight:
            # what a worker is just about to begin is not cancelled
            assert time.monotonic() < deadline
            ring.cancel_all("cancel")
            try:
                while ring.in_flight:
                    self.check(ring.wait(0.1))
                    done += 1
            except TimeoutError:
                pass
        assert ring._slots == {}
        return done

    def run(self, count):
        """The same, and no memory was given up."""
        super().run(count)
        assert _uring_slots.abandoned == []


class AioLoad(Load):
    """That of aio."""

    size = PAGE

    def open(self, chance):
        """A context that does not wait."""
        return Aio(chance.choice([1, 8, 64]), EFD_NONBLOCK)

    def queue(self, aio, mine, chance):
        """Queue or cancel one operation; return 1."""
        choice = chance.random()
        page = chance.randrange(PAGES)
        if choice < 0.3:
            mine.append(aio.poll(chance.choice(self.pipes)[0], select.POLLIN, user_data="poll"))
        elif choice < 0.5:
            mine.append(aio.pread(self.direct, aligned_buffer(PAGE), page * PAGE, user_data=page))
        elif choice < 0.7:
            mine.append(aio.pread(self.file, PAGE, page * PAGE, user_data=page))
        elif choice < 0.72:
            mine.append(aio.pread(999_999, 10, user_data="refused"))
        elif choice < 0.75:
            self.write(chance)
            aio.submit()
        else:
            aio.cancel(mine.pop(chance.randrange(len(mine))) if mine else 1)
        return 1

    def check(self, completion):
        """Look at one completion."""
        if completion.user_data == "refused":
            assert completion.error.errno in (errno.EBADF, errno.ECANCELED)
        elif completion.user_data == "poll":
            assert completion.error is None or completion.error.errno == errno.ECANCELED
        elif completion.error is None:
            assert completion.data == bytes([completion.user_data]) * PAGE
        else:
            assert completion.error.errno == errno.ECANCELED

    def complete(self, aio):
        """Have all operations complete; return how many that were."""
        done = 0
        for _, end in self.pipes:
            try:
                os.write(end, WRITTEN)
            except BlockingIOError:
                pass
        while aio.in_flight or aio.queued:
            self.check(aio.wait(60))
            done += 1
        return done


LOADS = {"uring": UringLoad, "aio": AioLoad}


def load(kind, count=1_000_000, seed=0):
    """Do so many operations of "uring" or "aio"; return a sentence about them."""
    begun, made = time.monotonic(), LOADS[kind](seed)
    try:
        made.run(count - count // 10)
        made.run_threads(count // 10)
    finally:
        made.close()
    seconds = time.monotonic() - begun
    return f"{kind}: {made.made} operations, {made.done} completions, {made.closed} closes, in {seconds:.0f} seconds"


def load_beside_freed_memory(kind, count, seed=0):
    """The same in a Python whose allocator fills what it frees."""
    program = f"import rings; print(rings.load({kind!r}, {count}, {seed}), 'with the allocator for debugging')"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", support.same_path(program)]
    env = {**os.environ, "PYTHONMALLOC": "debug", "PYTHONFAULTHANDLER": "1"}
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(count=1_000_000, seed=0):
    """Do all of it, and print what was done."""
    for kind in LOADS:
        print(load(kind, count, seed), flush=True)
        print(load_beside_freed_memory(kind, count, seed), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
