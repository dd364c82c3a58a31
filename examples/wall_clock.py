#!/usr/bin/env python3
"""Do something on each full minute of the clock on the wall, also after it was set.

    python examples/wall_clock.py [SECONDS]

SECONDS is the period, 60 by default: 3600 is each full hour, of UTC.
"""

import contextlib
import errno
import sys
import time

from butter.timerfd import CLOCK_REALTIME, Timer


def arm(timer: Timer, period: int) -> None:
    """Let the timer expire at the next multiple of so many nanoseconds."""
    while True:
        now = time.time_ns()
        first = now - now % period + period
        try:
            timer.after(0, first).every(0, period).update(absolute=True, cancel_on_set=True)
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
        # the clock may have been set before the timer could notice that
        if first - period <= time.time_ns() < first:
            return


def main(period: int) -> None:
    with Timer(CLOCK_REALTIME) as timer, contextlib.suppress(KeyboardInterrupt):
        arm(timer, period)
        print("armed", flush=True)
        while True:
            try:
                count = timer.wait()
            except OSError as error:
                if error.errno != errno.ECANCELED:
                    raise
                arm(timer, period)
                print("the clock was set", flush=True)
            else:
                print(time.strftime("%H:%M:%S"), f"({count})", flush=True)


if __name__ == "__main__":
    main(int(float(sys.argv[1]) * 10**9) if len(sys.argv) > 1 else 60 * 10**9)
