#!/usr/bin/env python3
"""Copy a directory and all that is in it, as cp -r, by io_uring (Linux 5.19).

    python examples/copy_tree.py SOURCE TARGET

TARGET must not exist. 32 files are copied at once, each by chains of linked requests:
open both, read a part and write it, read the next, and at last close both.
"""

import errno
import mmap
import os
import stat
import sys
from collections.abc import Generator
from functools import partial

from butter.system import AT_SYMLINK_NOFOLLOW
from butter.uring import IOSQE_IO_LINK, Completion, FixedFile, Ring

JOBS, PART, PARTS = 32, 1 << 16, 16  # files at once, bytes of a part, parts in a chain
OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # whatever has come there meanwhile
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
# a job yields a chain of requests, and gets their completions
Steps = Generator["list[partial[int]]", "list[Completion]", None]


class Copy:
    def __init__(self, ring: Ring) -> None:
        self.ring, self.umask = ring, os.umask(0)
        self.paths: list[tuple[str, str]] = []
        self.directories: list[tuple[str, int]] = []
        # each job has two registered files, and a part of a registered buffer
        ring.register_files(2 * JOBS)
        ring.register_buffers([mmap.mmap(-1, JOBS * PART)])

    def copy(self, job: int, source: str, target: str) -> Steps:
        [looked] = yield [partial(self.ring.statx, source, at_flags=AT_SYMLINK_NOFOLLOW)]
        kind, mode = stat.S_IFMT(looked.value.st_mode), looked.value.st_mode & 0o777 & ~self.umask
        if kind == stat.S_IFREG:
            yield from self.copy_file(job, source, target, mode, looked.value.st_size)
        elif kind == stat.S_IFLNK:
            yield [partial(self.ring.symlink, os.readlink(source), target)]
        elif kind == stat.S_IFDIR:
            yield [partial(self.ring.mkdir, target, mode | stat.S_IRWXU)]
            self.directories.append((target, mode))
            self.paths += [(f"{source}/{name}", f"{target}/{name}") for name in os.listdir(source)]
        else:
            raise OSError(errno.EINVAL, "this is not a file, a directory or a link")

    def copy_file(self, job: int, source: str, target: str, mode: int, size: int) -> Steps:
        ring, old, new = self.ring, FixedFile(2 * job), FixedFile(2 * job + 1)
        opening = partial(ring.open, target, NEW, mode, slot=new.index)
        chain, copied = [partial(ring.open, source, OLD, slot=old.index), opening], 0
        while True:
            end = min(size, copied + PART * PARTS)
            for offset in range(copied, end, PART):
                for method, file in (ring.read_fixed, old), (ring.write_fixed, new):
                    part = partial(method, file, 0, offset, start=job * PART, size=min(PART, end - offset))
                    chain.append(part)
            if end == size:
                chain += [partial(ring.close_fd, old), partial(ring.close_fd, new)]
            done = yield chain
            # a short read or write ends a chain, and the next one begins there
            moved = sum(max(0, each.result) for each in done if each.operation.name == "write_fixed")
            copied, chain = copied + moved, []
            if copied == size:
                return
            if not moved:  # the file is shorter than it was
                size = copied + next(each.result for each in done if each.operation.name == "read_fixed")

    def run(self, source: str, target: str) -> bool:
        """Copy, and return whether all was copied."""
        self.paths.append((source, target))
        complete, free = True, list(range(JOBS))
        while self.paths or len(free) < JOBS:
            if self.paths and free:
                source, target = self.paths.pop()
                job, found, asked = free.pop(), list[Completion](), 0
                steps = self.copy(job, source, target)
            else:
                done = self.ring.wait()
                job, source, target, steps, found, asked = done.user_data
                found.append(done)
            if len(found) < asked:
                continue  # the chain has not ended
            try:
                for error in filter(None, (each.error for each in found)):
                    if error.errno != errno.ECANCELED:
                        raise error
                chain = steps.send(found) if found else next(steps)
            except (StopIteration, OSError) as end:
                free.append(job)
                if isinstance(end, OSError):
                    print(f"{source!r} to {target!r}: {end}", file=sys.stderr)
                    complete = False
                continue
            user_data = job, source, target, steps, list[Completion](), len(chain)
            for request in chain[:-1]:
                request(user_data=user_data, flags=IOSQE_IO_LINK)
            chain[-1](user_data=user_data)
        # the last ones first; until now files could be put into them
        for target, mode in reversed(self.directories):
            if ~mode & stat.S_IRWXU:
                os.chmod(target, mode)
        return complete


def main(source: str, target: str) -> None:
    if os.path.commonpath([os.path.realpath(source), os.path.realpath(target)]) == os.path.realpath(source):
        sys.exit(f"{target!r} is in {source!r}")
    with Ring(256) as ring:
        sys.exit(0 if Copy(ring).run(source, target) else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
