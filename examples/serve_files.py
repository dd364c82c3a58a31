#!/usr/bin/env python3
"""A web server for the files below a directory: one thread, by io_uring (Linux 6.0).

    python examples/serve_files.py DIRECTORY [PORT [PATIENCE]]

A client that does not take its file is cut off after PATIENCE seconds.
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from urllib.parse import unquote_to_bytes

from butter.uring import IOSQE_IO_LINK, RESOLVE_BENEATH, BufferGroup, Completion, Ring

PART, LONGEST = 1 << 16, 10_000  # bytes of a file in memory, and of a first line
FLAGS = os.O_RDONLY | os.O_NONBLOCK  # a named pipe would wait for a writer
BUSY = (-errno.EMFILE, -errno.ENFILE)


def ignore(done: Completion) -> None:
    pass


class Client:
    """The user_data of a request is the method that takes its completion."""

    def __init__(self, ring: Ring, buffers: BufferGroup, root: int, fd: int) -> None:
        self.ring, self.buffers, self.root, self.fd = ring, buffers, root, fd
        self.line, self.file, self.size, self.position = b"", -1, 0, 0
        self.busy = 0  # how many things have to end before the connection is closed
        self.receive()

    def receive(self) -> None:
        self.busy += 1
        self.ring.recv(self.fd, self.buffers, self.received, multishot=True)

    def received(self, done: Completion) -> None:
        # what follows the line, or a line that is too long, is dropped
        if done.result > 0 and b"\n" not in self.line and len(self.line) <= LONGEST:
            self.line += done.value
            if b"\n" in self.line:
                self.open()
            elif len(self.line) > LONGEST:
                self.cut_off()
        if not done.more:
            if done.result > 0 or done.result == -errno.ENOBUFS:  # all were in use
                self.receive()
            self.ended(done)

    def cut_off(self) -> None:
        self.busy += 1
        self.ring.shutdown(self.fd, socket.SHUT_RDWR, self.ended)

    def ended(self, done: Completion) -> None:
        self.busy -= 1
        if not self.busy:
            self.ring.close_fd(self.fd, ignore)

    def open(self) -> None:
        self.busy += 1
        try:
            path = unquote_to_bytes(self.line.split()[1]).lstrip(b"/")
            self.ring.open(path, FLAGS, 0, self.opened, dir_fd=self.root, resolve=RESOLVE_BENEATH)
        except (IndexError, ValueError):
            self.answer("400 Bad Request")

    def opened(self, done: Completion) -> None:
        status = "503 Service Unavailable" if done.result in BUSY else "404 Not Found"
        if done.result >= 0:
            self.file, found = done.result, os.fstat(done.result)
            if stat.S_ISREG(found.st_mode):
                self.size, status = found.st_size, "200 OK"
        self.answer(status)

    def answer(self, status: str) -> None:
        self.send(f"HTTP/1.0 {status}\r\nContent-Length: {self.size}\r\n\r\n".encode())

    def send(self, data: bytes) -> None:
        # the request that is linked to it begins when the client has taken all
        self.ring.send(self.fd, data, ignore, msg_flags=socket.MSG_WAITALL, flags=IOSQE_IO_LINK)
        if self.position < self.size:
            self.ring.pread(self.file, min(PART, self.size - self.position), self.position, self.was_read)
        else:
            self.ring.shutdown(self.fd, socket.SHUT_WR, self.answered)

    def was_read(self, done: Completion) -> None:
        if done.result > 0:
            self.position += done.result
            self.send(done.value)
        else:  # the client does not take it, or the file became shorter
            self.cut_off()
            self.answered(done)

    def answered(self, done: Completion) -> None:
        if self.file >= 0:
            os.close(self.file)
        self.ended(done)


def main(directory: str, port: str = "0", patience: str = "30") -> None:
    def accept(_: object = None) -> None:
        ring.accept(listener, accepted, multishot=True)

    def accepted(done: Completion) -> None:
        if done.error:
            print("no client:", done.error, file=sys.stderr)
        else:
            Client(ring, buffers, root, done.result)
        if not done.more:
            ring.timeout(0.1, accept)  # without a free descriptor it fails again at once

    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    with socket.create_server(("127.0.0.1", int(port))) as listener, Ring() as ring:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(float(patience) * 1000))
        buffers = ring.provide(256, 4096)
        print("port", listener.getsockname()[1], flush=True)
        accept()
        for done in ring:
            done.user_data(done)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
