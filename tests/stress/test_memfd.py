"""memfd under load: sealed copies are whole, and nothing piles up."""

import os
import threading

import pytest
import support

from butter.memfd import F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, Memfd, Sealed

pytestmark = pytest.mark.stress

ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE


def test_copies_of_what_changes():
    """While threads change the original, each copy is sealed and keeps its bytes."""
    done = threading.Event()
    failures = []

    def change(memfd, step):
        try:
            while not done.is_set():
                for size in (1 << 20, 3 << 20, 100, 2 << 20):
                    memfd.truncate(size + step)
                    os.pwrite(memfd.fileno(), b"x" * 1000, size // 2)
        except BaseException as error:
            failures.append(error)

    with Memfd("changing", 1 << 20) as memfd:
        threads = [threading.Thread(target=change, args=(memfd, step)) for step in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(5000):
            with memfd.sealed_copy() as sealed:
                assert sealed.flags & ALL_SEALS == ALL_SEALS
                size, content = len(sealed), os.pread(sealed.fileno(), 1 << 23, 0)
                assert len(content) == size == len(sealed)
                with (
                    pytest.raises(Sealed),
                    Memfd.adopt(os.open(f"/proc/self/fd/{sealed.fileno()}", os.O_RDWR)) as again,
                ):
                    again.truncate(0)
                assert os.pread(sealed.fileno(), 1 << 23, 0) == content
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_large_copy():
    """A copy of 300 MiB is equal to its original."""
    block = os.urandom(1 << 20)
    with Memfd("large", 300 << 20) as memfd:
        with memfd.mmap() as mapping:
            for start in range(0, 300 << 20, 1 << 20):
                mapping[start : start + 8] = start.to_bytes(8, "little")
            mapping[-1 << 20 :] = block
        with memfd.sealed_copy() as sealed, sealed.mmap() as copied, memfd.mmap() as mapping:
            assert len(copied) == 300 << 20
            for start in range(0, 300 << 20, 1 << 20):
                assert copied[start : start + 8] == mapping[start : start + 8]
            assert copied[-1 << 20 :] == block


def test_many():
    """Ten thousand memfds made, mapped, sealed and closed leave nothing behind."""
    before = support.descriptors()
    for number in range(10_000):
        with Memfd(f"number {number}") as memfd:
            with memfd.mmap(100) as mapping:
                mapping[:4] = number.to_bytes(4, "little")
            memfd.revoke(F_SEAL_WRITE | F_SEAL_SEAL)
            assert int.from_bytes(os.pread(memfd.fileno(), 4, 0), "little") == number
    assert support.descriptors() == before
