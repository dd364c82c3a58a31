#!/usr/bin/env python3
"""A TCP proxy whose bytes never come into this process.

    python examples/proxy.py PORT HOST PORT

The kernel moves them from socket to socket through a pipe; the loop runs only when a
socket has to be waited for.
"""

import asyncio
import contextlib
import socket
import sys

from butter.asyncio.splice import copy


async def one_way(source: socket.socket, target: socket.socket) -> None:
    try:
        await copy(source, target)
        target.shutdown(socket.SHUT_WR)  # the other half may go on
    except OSError:
        # this connection is broken: shutting both down ends the other way too
        for end in source, target:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


async def proxy(client: socket.socket, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        with client, socket.socket() as server:
            server.setblocking(False)
            await loop.sock_connect(server, (host, port))
            await asyncio.gather(one_way(client, server), one_way(server, client))
    except OSError as error:
        print(f"{host} port {port}: {error}", file=sys.stderr)


async def main(port: int, host: str, target: int) -> None:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        print("port", listener.getsockname()[1], flush=True)
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:
                print("no client:", error, file=sys.stderr)
                await asyncio.sleep(0.1)  # without a free descriptor it fails again at once
                continue
            client.setblocking(False)
            task = asyncio.create_task(proxy(client, host, target))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
