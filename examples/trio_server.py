#!/usr/bin/env python3
"""A trio server that tells its clients which files are complete, and ends in order.

    python examples/trio_server.py DIRECTORY [PORT]     then: nc 127.0.0.1 PORT

At SIGTERM or Ctrl-C each client still gets the lines that wait for it, and a last one.
After GRACE seconds, or at a second signal, the clients that do not read are cut off.
"""

import logging
import os
import signal
import sys

import trio

from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_ONLYDIR
from butter.trio.inotify import Inotify_async
from butter.trio.signalfd import Signalfd_async

GRACE = 5  # seconds


async def main(directory: str, port: int) -> None:
    queues: dict[trio.MemorySendChannel[bytes], trio.CancelScope] = {}

    async def serve(client: trio.SocketStream) -> None:
        sender, receiver = trio.open_memory_channel[bytes](1000)
        async with trio.open_nursery() as nursery, sender, receiver:
            if work.cancel_scope.cancel_called:
                return  # accepted at the last moment
            queues[sender] = nursery.cancel_scope
            nursery.start_soon(wait_until_gone, client, nursery.cancel_scope)
            try:
                await client.send_all(b"watching %s\n" % os.fsencode(directory))
                async for line in receiver:
                    await client.send_all(line)
                await client.send_all(b"the server ends\n")
            except trio.BrokenResourceError:
                pass  # the client has gone
            finally:
                del queues[sender]
            nursery.cancel_scope.cancel()

    async def wait_until_gone(client: trio.SocketStream, scope: trio.CancelScope) -> None:
        try:
            async for _ in client:
                pass
        except trio.BrokenResourceError:
            pass
        scope.cancel()

    def tell(line: bytes) -> None:
        for queue, scope in queues.items():
            try:
                queue.send_nowait(line)
            except trio.WouldBlock:
                scope.cancel()  # a client that does not read

    async def watch() -> None:
        async for event in inotify:
            if event.overflow_event:
                tell(b"events were lost: list the directory\n")
            elif event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                tell(b"%s is complete\n" % event.filename)
        tell(b"the directory is gone\n")
        logging.info("the directory is gone")
        work.cancel_scope.cancel()

    async def obey() -> None:
        received = await signals.get()
        logging.info("%s from process %d", received.name, received.pid)
        work.cancel_scope.cancel()
        await signals.get()
        clients.cancel_scope.cancel()

    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals, Inotify_async() as inotify:
        inotify.watch(directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR)
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as clients:
                async with trio.open_nursery() as work:
                    nursery.start_soon(obey)
                    work.start_soon(watch)
                    listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
                    print("port", listeners[0].socket.getsockname()[1], flush=True)
                    await trio.serve_listeners(serve, listeners, handler_nursery=clients)
                for queue in queues:
                    queue.close()
                clients.cancel_scope.deadline = trio.current_time() + GRACE
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    trio.run(main, sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
