#!/usr/bin/env python3
"""A server that sends every client a sign of life, once a period.

    python examples/heartbeat.py [PORT [SECONDS]]     then: nc 127.0.0.1 PORT

A timerfd counts the periods that the loop was too busy for, so the next beat has all of
them, and the number stays right.
"""

import asyncio
import contextlib
import sys

from butter.asyncio.timerfd import Timerfd_async

LIMIT = 4096  # the bytes that may wait for a client


async def serve(port: int, period: float) -> None:
    clients: set[asyncio.StreamWriter] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        try:
            # until the client leaves, or asyncio.run ends the task
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                while await reader.read(4096):
                    pass
        finally:
            clients.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(welcome, "127.0.0.1", port)
    # since Python 3.12.1 "async with server" would wait for the clients at its end
    with contextlib.closing(server):
        print("port", server.sockets[0].getsockname()[1], flush=True)
        beat = 0
        async with Timerfd_async() as timer:
            async for ticks in timer.every(seconds=period):
                beat += ticks
                for client in clients:
                    if client.transport.get_write_buffer_size() > LIMIT:
                        client.transport.abort()  # it does not read
                    else:
                        client.write(b"beat %d\n" % beat)


if __name__ == "__main__":
    numbers = sys.argv[1:] + ["0", "1"][len(sys.argv) - 1 :]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(numbers[0]), float(numbers[1])))
