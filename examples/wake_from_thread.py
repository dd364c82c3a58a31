#!/usr/bin/env python3
"""A thread wakes the loop, without a lock and without a queue that might fill.

    python examples/wake_from_thread.py

However often the thread counts before the loop looks, the loop wakes up once, and gets
the sum.
"""

import asyncio
import threading

from butter.asyncio.eventfd import Eventfd_async

PIECES = 100_000


async def main() -> None:
    async with Eventfd_async() as ready:

        def produce() -> None:
            for _ in range(PIECES):
                ready.increment()

        thread = threading.Thread(target=produce)
        thread.start()
        seen = wakeups = 0
        try:
            while seen < PIECES:
                seen += await ready.wait()
                wakeups += 1
        finally:
            # the descriptor is closed when the thread no longer uses it
            thread.join()
    print(seen, "pieces in", "fewer" if wakeups < PIECES else "as many", "wake-ups")


if __name__ == "__main__":
    asyncio.run(main())
