#!/usr/bin/env python3
"""A process hands data to another, and neither can change them any more.

    python examples/sealed_memfd.py

The unix socket carries a descriptor and not a copy. The receiver first checks that it
is a memfd, and looks at its seals: they forbid the sender to change the data, and to
shorten the file under a mapping, which would end the receiver with SIGBUS.
"""

import os
import socket

from butter.memfd import F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE, Memfd

NEEDED = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW


def send(connection: socket.socket, text: bytes) -> None:
    with Memfd("letter", text) as draft, draft.sealed_copy() as letter:
        socket.send_fds(connection, [b"letter"], [letter.fileno()])


def receive(connection: socket.socket) -> bytes:
    _, fds, _, _ = socket.recv_fds(connection, 100, 1)
    if not fds:
        raise EOFError("no letter: the sender has ended")
    (fd,) = fds
    os.set_inheritable(fd, False)  # programs that this process executes do not get it
    try:
        letter = Memfd.adopt(fd)
    except BaseException:
        os.close(fd)  # it is not a memfd, and this process still owns it
        raise
    with letter:
        if letter.flags & NEEDED != NEEDED:
            raise ValueError("not sealed: the sender could still change it")
        with letter.mmap() as text:
            return bytes(text)


def main() -> None:
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        send(there, b"these bytes cannot change")
        os._exit(0)
    there.close()  # or the end of a child that sends nothing would not be noticed
    with here:
        print("received:", receive(here).decode())
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
