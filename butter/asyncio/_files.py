"""The event loops of asyncio as files see them."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

from butter._awaitables._files_backends import failure
from butter._awaitables._files_engine import PAUSE, AnyEngine
from butter._awaitables._files_loop import AnyLoop
from butter.asyncio._awaitable import Awaitable, look_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._awaitables._files_engine import Request


class Engine(AnyEngine, Awaitable[Any]):
    """A ring or an Aio that a loop watches."""

    async def wait(self, request: Request) -> None:
        """Wait until the kernel has ended *request*; a cancelled task cancels it."""
        loop, waiters = self._bind(), self._waiters
        cancelled = None
        if not self._reading:
            self._watch(loop)
        self._reader.waited_for = self
        try:
            while not (request.done or self.closed()):
                waiters[request] = future = loop.create_future()
                if self._late:
                    loop.call_later(PAUSE, self._hand_over)
                try:
                    await future
                except asyncio.CancelledError as error:
                    cancelled = error
                    if not (request.done or request.firm):
                        self.cancel(request)
        finally:
            waiters.pop(request, None)
            if not waiters:
                self._reader.waited_for = None
                self._end_if_idle()
        if cancelled is not None:
            raise cancelled

    def _hand_over(self) -> None:
        super()._hand_over()
        if self._late and self._loop is not None and not self.closed():
            self._loop.call_later(PAUSE, self._hand_over)

    def _wake_waiter(self, waiter: Any) -> None:
        look_again(waiter)


class Loop(AnyLoop):
    """The event loops of asyncio."""

    event = asyncio.Event
    engine = Engine
    current = staticmethod(asyncio.get_running_loop)

    def store(self) -> dict[Any, Any]:
        """Return what the running loop keeps for files until its end."""
        # an attribute, since it goes with the loop
        loop: Any = asyncio.get_running_loop()
        try:
            found: dict[Any, Any] = loop._butter_files
        except AttributeError:
            found = loop._butter_files = {}
        return found

    def is_closed(self, loop: Any) -> bool:
        """Return whether *loop* was closed, maybe with tasks that never end."""
        return loop is not None and bool(loop.is_closed())

    async def checkpoint(self) -> None:
        """Let other tasks run."""
        await asyncio.sleep(0)

    async def in_thread(self, request: Request, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Call *function* in a thread, and put its result into *request*."""
        loop = asyncio.get_running_loop()
        # the thread, or the task that is cancelled before it has begun, takes it
        left: list[None] = [None]

        def work() -> None:
            try:
                left.pop()
            except IndexError:
                return
            request.make(function, arguments)

        try:
            thread = loop.run_in_executor(None, work)
        except BaseException:
            # it is queued all the same, and a busy thread may have taken it
            try:
                left.pop()
            except IndexError:
                while not request.done:
                    await asyncio.sleep(PAUSE)
            raise
        thread.add_done_callback(lambda _: look_again(waiter))
        cancelled = None
        while not thread.done():
            waiter = loop.create_future()
            try:
                await waiter
            except asyncio.CancelledError as error:
                cancelled = error
                if left and not request.firm:
                    try:
                        left.pop()
                        break
                    except IndexError:
                        pass
        failed: BaseException | None = None
        try:
            if thread.cancelled():
                # the program has ended the executor
                failed = failure(errno.ECANCELED, *request.paths)
            elif thread.done():
                failed = thread.exception()
            if cancelled is not None:
                raise cancelled
            if failed is not None:
                raise failed
        finally:
            del thread, failed, cancelled  # which refer to this frame
