"""The run of trio as files see it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import trio

from butter._awaitables._files_engine import PAUSE, AnyEngine
from butter._awaitables._files_loop import AnyLoop
from butter.trio._awaitable import Awaitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._awaitables._files_engine import Request

_store: trio.lowlevel.RunVar[dict[Any, Any]] = trio.lowlevel.RunVar("butter.trio.aio")


class Engine(AnyEngine, Awaitable[Any]):
    """A ring or an Aio that the first of the tasks in a line watches."""

    async def wait(self, request: Request) -> None:
        """Wait until the kernel has ended *request*; a cancelled task cancels it."""
        try:
            try:
                await self._wait_for(request)
            except trio.Cancelled:
                if not (request.done or request.firm):
                    self.cancel(request)
                with trio.CancelScope(shield=True):
                    await self._wait_for(request)
                raise
        finally:
            self._leave_line(request)
            self._end_if_idle()

    async def _wait_for(self, request: Request) -> None:
        while not (request.done or self.closed()):
            await self._wait_in_line(request, trio.current_time() + PAUSE if self._late else inf)
            self._hand_over()

    def _wake_waiter(self, waiter: Any) -> None:
        waiter.cancel()


class Loop(AnyLoop):
    """The run of trio."""

    event = trio.Event
    looks = True
    engine = Engine
    current = staticmethod(trio.lowlevel.current_trio_token)

    def store(self) -> dict[Any, Any]:
        """Return what the running loop keeps for files until its end."""
        try:
            return _store.get()
        except LookupError:
            _store.set({})
            return _store.get()

    async def checkpoint(self) -> None:
        """Let other tasks run."""
        await trio.lowlevel.checkpoint()

    async def look(self) -> None:
        """Raise Cancelled where the task was cancelled."""
        await trio.lowlevel.checkpoint_if_cancelled()

    async def in_thread(self, request: Request, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Call *function* in a thread, and put its result into *request*."""
        with trio.CancelScope(shield=request.firm):
            await trio.to_thread.run_sync(request.make, function, arguments)
        await trio.lowlevel.checkpoint_if_cancelled()
