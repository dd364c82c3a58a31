"""Pipes, connections, and threads at their other end."""

import os
import socket
import threading
from contextlib import contextmanager


class Pipe:
    """A pipe, as (reading end, writing end); both are closed with it, or before."""

    def __init__(self, flags=0):
        self.ends = list(os.pipe2(flags | os.O_CLOEXEC))

    reading = property(lambda self: self.ends[0])
    writing = property(lambda self: self.ends[1])

    def __getitem__(self, index):
        return self.ends[index]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_reading()
        self.close_writing()

    def close_reading(self):
        self._close(0)

    def close_writing(self):
        self._close(1)

    def _close(self, index):
        fd, self.ends[index] = self.ends[index], None
        if fd is not None:
            os.close(fd)


@contextmanager
def sockets(kind="unix", blocking=True):
    """The two ends of a connection, "unix" or "tcp"."""
    if kind == "unix":
        here, there = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            here = socket.create_connection(server.getsockname())
            there, _ = server.accept()
    with here, there:
        here.setblocking(blocking)
        there.setblocking(blocking)
        yield here, there


@contextmanager
def running(body, *args):
    """Run *body* in a thread meanwhile; what it raises is raised here."""
    raised = []

    def guarded():
        try:
            body(*args)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()
    if raised:
        raise raised[0]
