#!/usr/bin/env python3
"""A TCP proxy that keeps what passes, and whose bytes never come into this process.

    python examples/log_by_tee.py PORT HOST PORT DIRECTORY

Each connection has a directory of its own below DIRECTORY, with the files "request" and
"reply". Each of its two directions has a thread, which waits in the kernel.
"""

import contextlib
import os
import socket
import sys
import tempfile
import threading
import time

from butter.pipe import Pipe
from butter.splice import splice, tee


def move(pipe: Pipe, target: int, count: int) -> None:
    while count:
        count -= splice(pipe.reader, target, len=count)


def one_way(source: socket.socket, target: socket.socket, log: str) -> None:
    try:
        # not opened for appending, which splice refuses
        with open(log, "xb", buffering=0) as file, Pipe() as passing, Pipe() as copied:
            while count := splice(source, passing.writer):
                while count:
                    # it may copy a part only: what fits in the other pipe
                    part = tee(passing.reader, copied.writer, count)
                    move(copied, file.fileno(), part)
                    move(passing, target.fileno(), part)
                    count -= part
        target.shutdown(socket.SHUT_WR)  # the other half may go on
    except OSError as error:
        print(f"{log}: {error}", file=sys.stderr)
        # no more bytes pass: shutting both down ends the other way too
        for end in source, target:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def proxy(client: socket.socket, address: "tuple[str, int]", directory: str) -> None:
    with client:
        try:
            place = tempfile.mkdtemp(prefix=f"{client.getpeername()[1]}-", dir=directory)
            server = socket.create_connection(address)
        except OSError as error:
            print(*address, error, file=sys.stderr)
            return
        with server:
            arguments = server, client, os.path.join(place, "reply")
            reply = threading.Thread(target=one_way, args=arguments, daemon=True)
            reply.start()
            one_way(client, server, os.path.join(place, "request"))
            reply.join()


def main(port: int, host: str, target: int, directory: str) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener, contextlib.suppress(KeyboardInterrupt):
        print("port", listener.getsockname()[1], flush=True)
        while True:
            try:
                client, _ = listener.accept()
            except OSError as error:
                print("no client:", error, file=sys.stderr)
                time.sleep(0.1)  # without a free descriptor it fails again at once
                continue
            threading.Thread(target=proxy, args=(client, (host, target), directory), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
