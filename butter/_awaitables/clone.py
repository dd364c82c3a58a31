"""Programs, under whichever event loop: starting them, their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from butter._awaitables._awaitable import forward
from butter._awaitables.pidfd import AnyPidfd
from butter._clone_process import GRACE, Process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from typing_extensions import Unpack

    from butter._arguments import Path
    from butter._clone_spawn import SpawnOptions
    from butter._clone_spawn_descriptors import Stream


class AnyProcess(AnyPidfd):
    """The part of ``Process_async`` that is the same under each loop."""

    _source_class = Process
    _source: Process

    _has_input = False

    def __init__(
        self,
        argv: Sequence[Path],
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        grace: float | None = GRACE,
        **options: Unpack[SpawnOptions],
    ) -> None:
        for name in ("text", "encoding", "errors"):
            if options.get(name):
                raise TypeError(f"Process_async does not take {name}: its streams have bytes, to encode and decode")
        super().__init__(Process(argv, stdin=stdin, stdout=stdout, stderr=stderr, grace=grace, **options))

    async def _wait_surely(self, timeout: float | None, killed: bool = False) -> None:
        """Wait for the end of the program, at most so long."""
        try:
            await self.wait(timeout)
        except (self._timed_out, ChildProcessError):
            pass

    async def _end(self) -> None:
        """Terminate the program, kill it after the grace time, reap it, and close."""
        source = self._source
        try:
            try:
                if not self.closed() and source._runs():
                    source.terminate()
                    await self._wait_surely(source._grace)
            finally:
                if not self.closed() and source._runs():
                    source.kill()
                    await self._wait_surely(None, killed=True)
        finally:
            if not self.closed():
                # one that was killed, but could not be waited for
                source._leave_child(self.fileno())
            self.close()

    def __enter__(self) -> NoReturn:
        raise TypeError("the end of a program is awaited: use async with")

    @property
    def args(self) -> Sequence[Path] | None:
        """The program and its arguments, as they were passed."""
        return self._source.args

    poll = forward(Process.poll)
    send_signal = forward(Process.send_signal)
    terminate = forward(Process.terminate)
    kill = forward(Process.kill)
