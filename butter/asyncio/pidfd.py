"""Waiting for processes in an asyncio program; see :mod:`butter.pidfd`."""

from __future__ import annotations

import time
from math import inf

from butter._awaitables.pidfd import AnyPidfd
from butter.asyncio._awaitable import LONGEST_TIMER, Awaitable, WaitTimeout, look_again
from butter.eventlike import deadline_of, timed_out
from butter.pidfd import LATE, NOT_ENDED, SOON, Pidfd

__all__ = ["Pidfd_async"]


class Pidfd_async(AnyPidfd, Awaitable[Pidfd]):
    """``Pidfd_async(pid, flags=0)``: a process whose end tasks wait for. ::

        async with Pidfd_async(os.posix_spawn("/bin/true", ["true"], {})) as process:
            print(await process.wait())  # 0

    *pid* is the number of a process, or a :class:`butter.pidfd.Pidfd`, which this takes
    over and closes. *flags* are PidfdOpen's, for a number.

    It is not a queue: any number of tasks may wait, and each gets the same exit code.
    Cancelling one changes nothing for the others.

    Raises what :class:`butter.pidfd.Pidfd` does, and ValueError for a Pidfd with
    *flags*, or one that belongs to an awaitable already.
    """

    async def wait(self, timeout: float | None = None) -> int:
        """Return the exit code of the process, waiting at most *timeout* seconds.

        *timeout* is an int or float; None waits for ever. :meth:`Pidfd.wait
        <butter.pidfd.Pidfd.wait>` says when the wait ends.

        Raises TimeoutError, which is the builtin and asyncio's on every Python, if the
        process has not ended in time; ChildProcessError if its exit code is not known;
        ValueError for a negative timeout, and if the object is closed, also during the
        wait.
        """
        deadline, delay, source = deadline_of(timeout), SOON, self._source
        loop, waiters = self._bind(), self._waiters
        # all waiters are woken at once, so there is no order, and a place is any object
        place, timer = loop.create_future(), None
        try:
            while True:
                left = inf if deadline is None else deadline - time.monotonic()
                # until the loop says that the process has ended there is nothing to see
                if self._ended or left <= 0 or source.returncode is not None:
                    code = source.poll()
                    if code is not None:
                        return code
                if left <= 0:
                    raise timed_out(WaitTimeout, timeout, NOT_ENDED)
                if self._ended:
                    # as in Pidfd.wait(): its parent or its tracer has to reap it first
                    left, delay = min(left, delay), min(2 * delay, LATE)
                elif not self._reading:
                    self._watch(loop)
                self._reader.waited_for = self
                waiters[place] = future = loop.create_future()
                if left < inf:
                    timer = loop.call_later(min(left, LONGEST_TIMER), look_again, future)
                await future
                if timer is not None:
                    timer.cancel()
                # all are woken at once, and one before this may have closed the object
                if source.returncode is not None:
                    return source.returncode
        finally:
            waiters.pop(place, None)
            if timer is not None:
                timer.cancel()
            if not waiters:
                self._reader.waited_for = None

    def _readable(self) -> None:
        # A process ends once, and the descriptor stays readable: the loop would call
        # this in every turn.
        self._ended = True
        self._stop_watching()
        for future in self._waiters.values():
            look_again(future)
