"""Moving bytes: the cost of a call of splice, and the time of a big copy."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.floor import Floor, timed
from benchmarks.runner import Comparison, Sample, repeated
from butter.memfd import Memfd
from butter.splice import copy, splice

floor = Floor(
    "floor_splice",
    """
    void one_byte(int fd_in, int fd_out, long count);
    void send(int fd_in, int fd_out);
    void move(int fd_in, int fd_out);
    """,
    """
    #ifndef _GNU_SOURCE
    # define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <sys/sendfile.h>

    static void one_byte(int fd_in, int fd_out, long count)
    {
        while (count--)
            splice(fd_in, NULL, fd_out, NULL, 1, 0);
    }

    static void send(int fd_in, int fd_out)
    {
        off_t offset = 0;
        while (sendfile(fd_out, fd_in, &offset, 1 << 30) > 0) {
        }
    }

    static void move(int fd_in, int fd_out)
    {
        while (splice(fd_in, NULL, fd_out, NULL, 1 << 30, 0) > 0) {
        }
    }
    """,
)

KIB = 1 << 10
GIB = 1 << 30
STREAM = 256 << 20
BYTES = 50_000


@contextmanager
def child(work: Callable[[], object]) -> Iterator[None]:
    """Run *work* in another process, which has ended when this ends."""
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


def one_byte(splices: Callable[[int, int], float]) -> Sample:
    """Return a sample of a splice of one byte from a pipe to /dev/null.

    *splices* takes the two descriptors and splices BYTES times.
    """

    def sample() -> float:
        reading, writing = os.pipe()
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.write(writing, bytes(BYTES))
            return splices(reading, null)
        finally:
            for fd in reading, writing, null:
                os.close(fd)

    return sample


def by_statement(call: str, **names: object) -> Sample:
    return one_byte(lambda reading, null: repeated(call, BYTES, reading=reading, null=null, **names))


def file_to_socket(send: Callable[[int, int], object]) -> Sample:
    """Return a sample: the nanoseconds of a KiB from a file to a socket.

    The file is a GiB in memory, and another process reads the socket.
    """

    def sample() -> float:
        with Memfd("benchmark") as memfd, memfd.open("wb") as file:
            for _ in range(GIB // len(BLOCK)):
                file.write(BLOCK)
            file.flush()
            here, there = socket.socketpair()

            def consume() -> None:
                here.close()
                drain(there.fileno())

            with here, child(consume):
                there.close()
                start = time.perf_counter_ns()
                send(memfd.fileno(), here.fileno())
                elapsed = time.perf_counter_ns() - start
                here.close()
        return elapsed / (GIB / KIB)

    return sample


def socket_to_pipe(move: Callable[[socket.socket, int], object]) -> Sample:
    """Return a sample: the nanoseconds of a KiB from a socket to a pipe.

    Another process writes to the socket, and a third one reads the pipe.
    """

    def sample() -> float:
        here, there = socket.socketpair()
        reading, writing = os.pipe()

        def produce() -> None:
            os.close(writing)
            here.close()
            for _ in range(STREAM // len(BLOCK)):
                there.sendall(BLOCK)

        def consume() -> None:
            os.close(writing)
            here.close()
            there.close()
            drain(reading)

        with child(consume):
            os.close(reading)
            with child(produce):
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
    calls = {
        "C floor": one_byte(lambda reading, null: timed(floor.one_byte, reading, null, BYTES)),
        "butter": by_statement("splice(reading, null, len=1)", splice=splice),
    }
    if hasattr(os, "splice"):  # Python 3.10
        calls["os.splice"] = by_statement("splice(reading, null, 1)", splice=os.splice)
    yield Comparison("A splice of one byte", calls, margins={"os.splice": 450})
    yield Comparison(
        "Copying 1 GiB from a file to a socket, each KiB",
        {
            "C floor": file_to_socket(lambda source, target: floor.send(source, target)),
            "butter": file_to_socket(lambda source, target: copy(source, target, in_offset=0)),
            "os.sendfile": file_to_socket(sendfile),
        },
        {"os.sendfile": 1},
    )
    yield Comparison(
        "Copying 256 MiB from a socket to a pipe, each KiB",
        {
            "C floor": socket_to_pipe(lambda source, target: floor.move(source.fileno(), target)),
            "butter": socket_to_pipe(copy),
            "shutil.copyfileobj": socket_to_pipe(copyfileobj),
        },
        {"shutil.copyfileobj": 0.5},
        rounds=5,
    )
