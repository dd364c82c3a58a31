"""Waiting for processes under trio; see :mod:`butter.pidfd`."""

from __future__ import annotations

import trio

from butter._awaitables.pidfd import AnyPidfd
from butter.eventlike import timed_out
from butter.pidfd import LATE, NOT_ENDED, SOON, Pidfd
from butter.trio._awaitable import Awaitable, WaitTimeout, end_of

__all__ = ["Pidfd_async"]


class Pidfd_async(AnyPidfd, Awaitable[Pidfd]):
    """``Pidfd_async(pid, flags=0)``: a process whose end tasks wait for. ::

        async with Pidfd_async(os.posix_spawn("/bin/true", ["true"], {})) as process:
            print(await process.wait())  # 0

    The arguments and methods are those of :class:`butter.asyncio.pidfd.Pidfd_async`.
    Any number of tasks may wait, and each gets the same exit code.
    """

    async def wait(self, timeout: float | None = None) -> int:
        """Return the exit code of the process, waiting at most *timeout* seconds.

        *timeout* is an int or float, of the clock of trio; None waits for ever.
        :meth:`Pidfd.wait <butter.pidfd.Pidfd.wait>` says when the wait ends.

        Raises TimeoutError, which is ``trio.TooSlowError`` too, if the process has not
        ended in time; ``trio.ClosedResourceError``, which is a ValueError, if the
        object is closed, also during the wait; ChildProcessError if the exit code is
        not known; ValueError for a negative timeout.
        """
        deadline, delay, place = end_of(timeout), SOON, object()
        await trio.lowlevel.checkpoint()
        self._bind()
        try:
            while True:
                # a code that is known outlives the object, which another task may close
                code = self._source.returncode
                if code is None:
                    self._check_open()
                    code = self._source.poll()
                if code is not None:
                    return code
                now = trio.current_time()
                if now >= deadline:
                    raise timed_out(WaitTimeout, timeout, NOT_ENDED)
                until = deadline
                if self._ended:
                    # as in Pidfd.wait(): its parent or its tracer has to reap it first
                    until, delay = min(deadline, now + delay), min(2 * delay, LATE)
                await self._wait_in_line(place, until, watch=not self._ended)
        finally:
            self._leave_line(place)

    def _readable(self) -> None:
        # a process ends once, and the descriptor stays readable
        self._ended = True
        self._wake_all()
