#!/usr/bin/env python3
"""A program that finishes its work when it is told to stop: SIGTERM, or Ctrl-C.

    python examples/graceful_shutdown.py

The signals come as events, in order with all other events, and not in the middle of a
piece of work. ``async with`` blocks them, and restores the mask. A child process
inherits the blocked signals, so it is started with *preexec_fn*: without it, this child
could not be terminated. It has a session of its own, because Ctrl-C goes to every
process of the terminal.
"""

import asyncio
import signal

from butter.asyncio.signalfd import Signalfd_async


async def work(name: str, stopping: asyncio.Event) -> None:
    done = 0
    while not stopping.is_set():
        await asyncio.sleep(0.01)  # a piece of work that must not be cut short
        done += 1
    print(name, "stopped after", "some" if done else "no", "pieces, and none is half done")


async def main() -> None:
    stopping = asyncio.Event()
    async with Signalfd_async([signal.SIGINT, signal.SIGTERM]) as signals:
        workers = [asyncio.create_task(work(name, stopping)) for name in ("first", "second")]
        helper = await asyncio.create_subprocess_exec(
            "sleep", "1000", preexec_fn=signals.restore, start_new_session=True
        )
        print("working", flush=True)
        received = await signals.get()
        print(f"{received.name} from process {received.pid}: finishing", flush=True)
        stopping.set()
        await asyncio.gather(*workers)
        helper.terminate()
        print("the helper process ended:", signal.Signals(-await helper.wait()).name)


if __name__ == "__main__":
    asyncio.run(main())
