"""Programs in an asyncio program: starting them, their streams, their end."""

from __future__ import annotations

import asyncio
import time
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from typing import TYPE_CHECKING

from butter._awaitables.clone import AnyProcess
from butter._clone_process import GRACE, NOT_AT_END, bytes_of, checked_input
from butter.asyncio._awaitable import LONGEST_TIMER, WaitTimeout
from butter.asyncio.pidfd import Pidfd_async
from butter.eventlike import deadline_of, timed_out

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any

    from typing_extensions import Self, Unpack

    from butter._arguments import Path
    from butter._clone_spawn import SpawnOptions
    from butter._clone_spawn_descriptors import Stream
    from butter._descriptor import Descriptor

__all__ = ["Process_async"]

# the bytes that a stream holds before the program has to wait, as asyncio has them
_LIMIT = 1 << 16


class Process_async(AnyProcess, Pidfd_async):
    """``Process_async(argv, *, stdin=None, …)``: a program with streams. ::

        async with Process_async(["sort"], stdin=PIPE, stdout=PIPE) as process:
            output, _ = await process.communicate(b"b\\na\\n")
        print(process.returncode, output)

    The arguments are those of :class:`butter.clone.Process`, but for text: the streams
    of asyncio have bytes. *limit* is that of :class:`asyncio.StreamReader`.

    The constructor starts the program, which takes a millisecond, and ``async with``
    connects the streams; so does ``process = await Process_async(argv)``, for a program
    that is to outlive a block. The end of the block is the end of the program, as
    :class:`butter.clone.Process` has it: also if the task is cancelled, which ends the
    grace time.

    Any number of tasks may wait for its end. Cancelling a task loses neither input nor
    output.

    Raises what :class:`butter.clone.Process` does, and TypeError for *text*, *encoding*
    and *errors*.
    """

    _limit = _LIMIT
    _opening: asyncio.Task[None] | None = None

    #: where to write for the program, if stdin is PIPE, else None
    stdin: StreamWriter | None = None
    #: where to read what it writes, if stdout is PIPE, else None
    stdout: StreamReader | None = None
    #: the same for its errors
    stderr: StreamReader | None = None

    def __init__(
        self,
        argv: Sequence[Path],
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        limit: int = _LIMIT,
        grace: float | None = GRACE,
        **options: Unpack[SpawnOptions],
    ) -> None:
        super().__init__(argv, stdin=stdin, stdout=stdout, stderr=stderr, grace=grace, **options)
        self._limit = limit

    async def _open(self) -> Self:
        """Connect the streams, once."""
        loop = self._bind()
        if self._opening is None:
            self._transports: list[Any] = []
            self._parts: tuple[list[bytes], list[bytes]] = ([], [])
            source = self._source
            # from here on the loop closes them, not the object underneath
            pipes = source.stdin, source.stdout, source.stderr
            source.stdin = source.stdout = source.stderr = None
            self._opening = loop.create_task(self._connected(loop, pipes))
            # an error is for the tasks that wait, of which there may be none any more
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        # a task that is cancelled meanwhile leaves it to the others
        await asyncio.shield(self._opening)
        return self

    async def _connected(self, loop: asyncio.AbstractEventLoop, pipes: tuple[Any, Any, Any]) -> None:
        stdin, stdout, stderr = pipes
        left = [pipe for pipe in pipes if pipe is not None]
        try:
            # the object may be closed before each, and meanwhile
            if stdin is not None and not self.closed():
                left.remove(stdin)
                transport, protocol = await loop.connect_write_pipe(
                    lambda: StreamReaderProtocol(None, loop=loop),  # type: ignore[arg-type]
                    stdin,
                )
                self._transports.append(transport)
                self.stdin = StreamWriter(transport, protocol, None, loop)
            if stdout is not None and not self.closed():
                left.remove(stdout)
                self.stdout = await self._reader_of(loop, stdout)
            if stderr is not None and not self.closed():
                left.remove(stderr)
                self.stderr = await self._reader_of(loop, stderr)
        finally:
            for pipe in left:
                pipe.close()
            if self.closed():
                self._disconnect()

    async def _reader_of(self, loop: asyncio.AbstractEventLoop, pipe: Any) -> StreamReader:
        reader = StreamReader(self._limit, loop=loop)
        transport, _protocol = await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader, loop=loop), pipe)
        self._transports.append(transport)
        return reader

    def __await__(self) -> Generator[Any, None, Self]:
        return self._open().__await__()

    async def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write *input*, read all output, wait for the end; return (stdout, stderr).

        *input* is bytes or another buffer. The results are bytes, and None where there
        is no pipe. A program that does not read all of its input is not an error.

        Raises TimeoutError, which is the builtin and asyncio's on every Python, after
        *timeout* seconds: the program then goes on. Neither this nor cancelling loses
        anything: a later call, without *input*, continues, and the output is complete.
        Bytes that were read from the streams before are not part of it.

        Raises ValueError for an *input* without a pipe, or a second one, TypeError for
        one of another type, and ChildProcessError as :meth:`Pidfd_async.wait
        <butter.asyncio.pidfd.Pidfd_async.wait>` does.
        """
        deadline = deadline_of(timeout)
        await self._open()
        # a stream also closes where the program has ended, which is not an error
        input = checked_input(input, self.stdin, False, self._has_input)
        if self.stdin is not None and not self._has_input:
            data = bytes_of(input)
            self._has_input = True
            # the loop writes it, whatever becomes of this task
            if data and not self.stdin.is_closing():
                self.stdin.write(data)
            self.stdin.close()
        running: set[asyncio.Future[Any]] = {asyncio.ensure_future(self.wait())}
        for stream, parts in zip((self.stdout, self.stderr), self._parts):
            if stream is not None:
                running.add(asyncio.ensure_future(_collect(stream, parts)))
        try:
            while running:
                left = LONGEST_TIMER if deadline is None else max(0.0, deadline - time.monotonic())
                done, running = await asyncio.wait(running, timeout=min(left, LONGEST_TIMER))
                for task in done:
                    task.result()
                if running and not left:
                    raise timed_out(WaitTimeout, timeout, NOT_AT_END)
        finally:
            for task in running:
                task.cancel()
            if running:
                # a later call must find the streams without readers
                await asyncio.wait(running)
        out, err = (b"".join(parts) for parts in self._parts)
        return None if self.stdout is None else out, None if self.stderr is None else err

    async def __aenter__(self) -> Self:
        try:
            return await self._open()
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise

    async def __aexit__(self, *error: Any) -> None:
        await self._end()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        # a turn of the loop, in which it closes the pipes
        await asyncio.sleep(0)

    def close(self) -> None:
        """Close the object and its streams; every waiter gets a ValueError.

        The program goes on; ``async with`` ends it. A second close does nothing.
        """
        super().close()
        loop = self._loop
        if self._opening is None:
            self._source._close_pipes()
        elif self._opening.done() and loop is not None and not loop.is_closed():
            # else the task that connects the streams closes them at its end
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the streams, and the pipes that are not connected."""
        self._source._close_pipes()
        for transport in self._transports:
            transport.close()
        if self.stdin is not None and self.stdin.transport.get_write_buffer_size():
            # it would wait for a reader of what was not written yet
            self.stdin.transport.abort()

    def _give_up(self) -> Descriptor:
        if self._opening is not None:
            raise ValueError(f"{self!r} is in use: a loop has its streams")
        return super()._give_up()


async def _collect(reader: StreamReader, parts: list[bytes]) -> None:
    """Have what the reader reads, also if this is cancelled."""
    while data := await reader.read(_LIMIT):
        parts.append(data)
