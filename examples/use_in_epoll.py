#!/usr/bin/env python3
"""A server that tells its clients which files are complete, in one loop of epoll.

    python examples/use_in_epoll.py DIRECTORY [PORT]     then: nc 127.0.0.1 PORT

The loop waits for changes of the directory, for signals, for clients that come and for
clients that go.
"""

import os
import signal
import socket
import sys
import time

from butter.epoll import EPOLLIN, Epoll
from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_NONBLOCK, IN_ONLYDIR, Inotify
from butter.signalfd import SFD_NONBLOCK, Signalfd


def main(directory: str, port: int = 0) -> None:
    clients: dict[int, socket.socket] = {}

    def drop(client: socket.socket) -> None:
        del clients[client.fileno()]
        epoll.unregister(client)  # before it is closed
        client.close()

    def tell(line: bytes, *receivers: socket.socket) -> None:
        for client in receivers:
            try:
                client.sendall(line)
            except OSError:
                drop(client)  # it has gone, or does not read

    with (
        Signalfd([signal.SIGINT, signal.SIGTERM], SFD_NONBLOCK) as signals,
        Inotify(IN_NONBLOCK) as inotify,
        socket.create_server(("127.0.0.1", port)) as server,
        Epoll() as epoll,
    ):
        inotify.watch(directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR)
        server.setblocking(False)
        for source in signals, inotify, server:
            epoll.register(source, EPOLLIN)
        print("port", server.getsockname()[1], flush=True)
        for fd, _ in epoll:
            if fd == signals.fileno():
                names = [event.name for event in signals.read_events()]
                print("ends by", *names, flush=True)
                break
            elif fd == inotify.fileno():
                events = inotify.read_events()
                for event in events:
                    if event.overflow_event:
                        tell(b"events were lost: list the directory\n", *clients.values())
                    elif event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                        tell(b"%s is complete\n" % event.filename, *clients.values())
                if any(event.ignored_event for event in events):
                    tell(b"the directory is gone\n", *clients.values())
                    print("ends: the directory is gone", flush=True)
                    break
            elif fd == server.fileno():
                try:
                    client, _ = server.accept()
                except OSError as error:
                    print("no client:", error, file=sys.stderr, flush=True)
                    time.sleep(0.1)  # without a free descriptor it fails again at once
                    continue
                client.setblocking(False)
                clients[client.fileno()] = client
                epoll.register(client, EPOLLIN)
                tell(b"watching %s\n" % os.fsencode(directory), client)
            else:
                client = clients[fd]
                try:
                    gone = client.recv(4096) == b""
                except OSError:
                    gone = True
                if gone:
                    drop(client)
        for client in list(clients.values()):
            drop(client)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
