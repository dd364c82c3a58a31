"""Programs under trio: starting them, their streams, their end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio
from trio.lowlevel import FdStream

from butter._awaitables.clone import AnyProcess
from butter._clone_process import NOT_AT_END, bytes_of, checked_input
from butter.eventlike import timed_out
from butter.trio._awaitable import WaitTimeout, end_of
from butter.trio.pidfd import Pidfd_async

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from butter._descriptor import Descriptor

__all__ = ["Process_async"]

# what a pipe holds
_PORTION = 1 << 16


class Process_async(AnyProcess, Pidfd_async):
    """``Process_async(argv, *, stdin=None, …)``: a program with streams. ::

        async with Process_async(["sort"], stdin=PIPE, stdout=PIPE) as process:
            output, _ = await process.communicate(b"b\\na\\n")
        print(process.returncode, output)

    The arguments are those of :class:`butter.clone.Process`, but for text: the streams
    of trio have bytes.

    The constructor starts the program, which takes a millisecond, and ``async with``
    connects the streams. The end of the block, and ``aclose()``, is the end of the
    program, as :class:`butter.clone.Process` has it. A task that was cancelled waits
    for the *grace* time all the same; with None the program is killed at once then.

    Any number of tasks may wait for its end. Cancelling a task loses neither input nor
    output of ``communicate``.

    Raises what :class:`butter.clone.Process` does, and TypeError for *text*, *encoding*
    and *errors*.
    """

    #: where to write for the program, if stdin is PIPE, else None
    stdin: FdStream | None = None
    #: where to read what it writes, if stdout is PIPE, else None
    stdout: FdStream | None = None
    #: the same for its errors
    stderr: FdStream | None = None

    _open = False  # the streams are connected
    _communicates = False  # a task does so now

    def _connect(self) -> None:
        """Connect the streams, once."""
        if self._open:
            return
        self._open, source = True, self._source
        self._left: memoryview = memoryview(b"")
        self._parts: tuple[list[bytes], list[bytes]] = ([], [])
        for name in ("stdin", "stdout", "stderr"):
            pipe = getattr(source, name)
            if pipe is not None:
                # from here on the stream closes it, not the object underneath
                setattr(self, name, FdStream(os.dup(pipe.fileno())))
                setattr(source, name, None)
                pipe.close()

    def _streams(self) -> list[FdStream]:
        """Return the streams that are not closed."""
        streams = (self.stdin, self.stdout, self.stderr)
        return [stream for stream in streams if stream is not None and stream.fileno() >= 0]

    async def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write *input*, read all output, wait for the end; return (stdout, stderr).

        *input* is bytes or another buffer. The results are bytes, and None where there
        is no pipe. A program that does not read all of its input is not an error.

        Raises TimeoutError, which is ``trio.TooSlowError`` too, after *timeout* seconds
        of the clock of trio: the program then goes on. Neither this nor cancelling
        loses anything: a later call, without *input*, continues, and the output is
        complete. Bytes that were read from the streams before are not part of it.

        Raises ValueError for an *input* without a pipe, or a second one, TypeError for
        one of another type, ``trio.BusyResourceError`` while another task does the
        same, and ChildProcessError as :meth:`Pidfd_async.wait
        <butter.trio.pidfd.Pidfd_async.wait>` does.
        """
        deadline = end_of(timeout)
        await trio.lowlevel.checkpoint()
        if self._communicates:
            raise trio.BusyResourceError(f"another task communicates with {self!r}")
        self._connect()
        stdin = self.stdin
        input = checked_input(input, stdin, stdin not in self._streams(), self._has_input)
        if stdin is not None and not self._has_input:
            self._left, self._has_input = bytes_of(input), True
        self._communicates = True
        try:
            with trio.CancelScope(deadline=deadline) as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._feed)
                    for stream, parts in zip((self.stdout, self.stderr), self._parts):
                        nursery.start_soon(_collect, stream, parts)
            if scope.cancelled_caught:
                raise timed_out(WaitTimeout, timeout, NOT_AT_END)
            try:
                await self.wait(None if timeout is None else max(0, deadline - trio.current_time()))
            except WaitTimeout:
                raise timed_out(WaitTimeout, timeout, NOT_AT_END) from None
        finally:
            self._communicates = False
        out, err = (b"".join(parts) for parts in self._parts)
        return None if self.stdout is None else out, None if self.stderr is None else err

    async def _feed(self) -> None:
        """Write what is left of the input, and close the stream."""
        # FdStream.send_all() does not tell how much it wrote before it was cancelled
        stream = self.stdin
        try:
            while stream in self._streams() and self._left:
                try:
                    self._left = self._left[os.write(stream.fileno(), self._left[:_PORTION]) :]
                    await trio.lowlevel.checkpoint()
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(stream.fileno())
        except BrokenPipeError:
            pass  # the program has closed its input, and need not read all
        except trio.ClosedResourceError:
            return
        if stream is not None:
            stream.close()

    async def _wait_surely(self, timeout: float | None, killed: bool = False) -> None:
        with trio.CancelScope(shield=killed or timeout is not None):
            await super()._wait_surely(timeout)

    async def __aenter__(self) -> Self:
        try:
            self._connect()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the program, and close the object and its streams."""
        await self._end()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close the object and its streams; every waiter gets a ClosedResourceError.

        The program goes on; ``async with`` ends it. A second close does nothing.
        Outside of ``trio.run()`` the streams are closed when they are collected.
        """
        super().close()
        self._source._close_pipes()
        if trio.lowlevel.in_trio_run() and not self._source._forked:
            for stream in self._streams():
                stream.close()

    def _give_up(self) -> Descriptor:
        if self._streams():
            raise ValueError(f"{self!r} is in use: a loop has its streams")
        return super()._give_up()


async def _collect(stream: FdStream | None, parts: list[bytes]) -> None:
    """Have what the program writes, also if this is cancelled."""
    try:
        while stream is not None and stream.fileno() >= 0:
            try:
                data = os.read(stream.fileno(), _PORTION)
                if not data:
                    return
                parts.append(data)
                await trio.lowlevel.checkpoint()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(stream.fileno())
    except trio.ClosedResourceError:
        pass
