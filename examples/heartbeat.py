#!/usr/bin/env python3
"""A server that sends every client a sign of life, once a period.

    python examples/heartbeat.py [PORT [SECONDS]]     then: nc 127.0.0.1 PORT

A timerfd counts the periods that the loop was too busy for, so the next beat has all of
them, and the number stays right.
"""

import asyncio
import sys

from butter.asyncio.timerfd import Timerfd_async


async def serve(port: int, period: float) -> None:
    clients: set[asyncio.StreamWriter] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        try:
            await reader.read()  # until the client leaves
        finally:
            clients.discard(writer)
            writer.close()

    async with await asyncio.start_server(welcome, "127.0.0.1", port) as server, Timerfd_async() as timer:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        beat = 0
        async for ticks in timer.every(seconds=period):
            beat += ticks
            for client in clients:
                client.write(b"beat %d\n" % beat)


if __name__ == "__main__":
    numbers = sys.argv[1:] + ["0", "1"][len(sys.argv) - 1 :]
    asyncio.run(serve(int(numbers[0]), float(numbers[1])))
