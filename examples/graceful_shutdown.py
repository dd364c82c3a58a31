#!/usr/bin/env python3
"""A program that finishes its work when it is told to stop: SIGTERM, or Ctrl-C.

    python examples/graceful_shutdown.py [SECONDS [GRACE]]

A piece of work takes SECONDS, and is not cut short. The signals come as events, in
order with all other events. The work has GRACE seconds to end, unless a second signal
comes. The child process is terminated last, and has 5 seconds for that.
"""

import asyncio
import signal
import sys

from butter.asyncio.clone import Process_async
from butter.asyncio.signalfd import Signalfd_async


async def work(name: str, piece: float, stopping: asyncio.Event) -> None:
    done = 0
    while not stopping.is_set():
        await asyncio.sleep(piece)
        done += 1
    print(name, "stopped after", "some" if done else "no", "pieces, and none is half done", flush=True)


async def serve(piece: float, stopping: asyncio.Event) -> None:
    # with a session of its own, because Ctrl-C goes to every process of the terminal
    helper = Process_async(["sleep", "1000"], new_session=True, grace=5)
    try:
        async with helper:
            print("working", flush=True)
            await asyncio.gather(*(work(name, piece, stopping) for name in ("first", "second")))
    finally:
        print("the helper process ended:", helper.returncode, flush=True)


async def main(piece: float = 0.01, grace: float = 10) -> int:
    stopping = asyncio.Event()
    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        serving = asyncio.create_task(serve(piece, stopping))

        async def obey() -> None:
            received = await signals.get()
            print(f"{received.name} from process {received.pid}: finishing", flush=True)
            stopping.set()
            try:
                await signals.get(timeout=grace)
            except TimeoutError:
                print("the time is over", flush=True)
            serving.cancel()

        obeying = asyncio.create_task(obey())
        await asyncio.wait([serving])
        obeying.cancel()
        if serving.cancelled():
            return 1
        serving.result()
        return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*map(float, sys.argv[1:]))))
