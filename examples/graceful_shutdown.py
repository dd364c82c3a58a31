#!/usr/bin/env python3
"""A program that finishes its work when it is told to stop: SIGTERM, or Ctrl-C.

    python examples/graceful_shutdown.py [SECONDS [GRACE]]

A piece of work takes SECONDS, and is not cut short. The signals come as events, in
order with all other events. The work has GRACE seconds to end, unless a second signal
comes. The child process is terminated last, and has 5 seconds for that.
"""

import asyncio
import logging
import signal
import sys

from butter.asyncio.clone import Process_async
from butter.asyncio.signalfd import Signalfd_async

# print would raise an error when the reader of the output has gone, or the disk is full
log = logging.getLogger().info


async def work(name: str, piece: float, stopping: asyncio.Event) -> None:
    done = 0
    while not stopping.is_set():
        await asyncio.sleep(piece)
        done += 1
    log(f"{name} stopped after {'some' if done else 'no'} pieces, and none is half done")


async def serve(piece: float, stopping: asyncio.Event) -> None:
    # with a session of its own, because Ctrl-C goes to every process of the terminal
    # and killed by the kernel, if this program cannot end it
    helper = Process_async(["sleep", "1000"], new_session=True, grace=5, pdeathsig=signal.SIGKILL)
    try:
        async with helper:
            log("working")
            await asyncio.gather(*(work(name, piece, stopping) for name in ("first", "second")))
    finally:
        log(f"the helper process ended: {helper.returncode}")


async def main(piece: float = 0.01, grace: float = 10) -> int:
    stopping = asyncio.Event()
    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        serving = asyncio.create_task(serve(piece, stopping))

        async def obey() -> None:
            received = await signals.get()
            log(f"{received.name} from process {received.pid}: finishing")
            stopping.set()
            try:
                await signals.get(timeout=grace)
            except TimeoutError:
                log("the time is over")
            serving.cancel()

        obeying = asyncio.create_task(obey())
        await asyncio.wait([serving])
        obeying.cancel()
        if serving.cancelled():
            return 1
        serving.result()
        return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(asyncio.run(main(*map(float, sys.argv[1:]))))
