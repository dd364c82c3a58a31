"""Moving bytes: what a call of splice costs, and how long a big copy takes."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.runner import Comparison, Sample, repeated
from butter.memfd import Memfd
from butter.splice import copy, splice

KIB = 1 << 10
GIB = 1 << 30
STREAM = 256 << 20


@contextmanager
def child(work: Callable[[], object]) -> Iterator[None]:
    """Another process does *work*, and has done it when this ends."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    yield
    os.waitpid(pid, 0)


def drain(fd: int) -> None:
    buffer = bytearray(1 << 20)
    while os.readv(fd, [buffer]):
        pass


def one_byte(call: str, **names: object) -> Sample:
    """A splice of one byte from a pipe to /dev/null, which was written before."""

    def sample() -> float:
        reading, writing = os.pipe()
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.write(writing, bytes(50_000))
            return repeated(call, 50_000, reading=reading, null=null, **names)
        finally:
            for fd in reading, writing, null:
                os.close(fd)

    return sample


def file_to_socket(send: Callable[[int, int], object]) -> Sample:
    """Nanoseconds for a KiB, of a GiB that lies in memory to a socket that another process reads."""

    def sample() -> float:
        with Memfd("benchmark") as memfd, memfd.open("wb") as file:
            for _ in range(GIB // len(BLOCK)):
                file.write(BLOCK)
            file.flush()
            here, there = socket.socketpair()
            with here, child(lambda: (here.close(), drain(there.fileno()))):
                there.close()
                start = time.perf_counter_ns()
                send(memfd.fileno(), here.fileno())
                elapsed = time.perf_counter_ns() - start
                here.close()
        return elapsed / (GIB / KIB)

    return sample


def socket_to_pipe(move: Callable[[socket.socket, int], object]) -> Sample:
    """Nanoseconds for a KiB from a socket that another process writes to a pipe that a third one reads."""

    def sample() -> float:
        here, there = socket.socketpair()
        reading, writing = os.pipe()

        def produce() -> None:
            for _ in range(STREAM // len(BLOCK)):
                there.sendall(BLOCK)

        with child(lambda: (os.close(writing), here.close(), there.close(), drain(reading))):
            os.close(reading)
            with child(lambda: (os.close(writing), here.close(), produce())):
                there.close()
                start = time.perf_counter_ns()
                move(here, writing)
                elapsed = time.perf_counter_ns() - start
                here.close()
                os.close(writing)
        return elapsed / (STREAM / KIB)

    return sample


BLOCK = os.urandom(1 << 20)


def sendfile(source: int, target: int) -> None:
    offset = 0
    while sent := os.sendfile(target, source, offset, GIB):
        offset += sent


def copyfileobj(source: socket.socket, target: int) -> None:
    with source.makefile("rb") as reader, open(target, "wb", closefd=False) as writer:
        shutil.copyfileobj(reader, writer)


def comparisons() -> Iterator[Comparison]:
    calls = {"butter": one_byte("splice(reading, null, len=1)", splice=splice)}
    if hasattr(os, "splice"):  # Python 3.10
        calls["os.splice"] = one_byte("splice(reading, null, 1)", splice=os.splice)
    yield Comparison("A splice of one byte", calls, margins={"os.splice": 450})
    yield Comparison(
        "Copying 1 GiB from a file to a socket, each KiB",
        {
            "butter": file_to_socket(lambda source, target: copy(source, target, in_offset=0)),
            "os.sendfile": file_to_socket(sendfile),
        },
        {"os.sendfile": 1.05},
        rounds=5,
    )
    yield Comparison(
        "Copying 256 MiB from a socket to a pipe, each KiB",
        {"butter": socket_to_pipe(copy), "shutil.copyfileobj": socket_to_pipe(copyfileobj)},
        {"shutil.copyfileobj": 0.5},
        rounds=5,
    )
