"""Programs as :class:`subprocess.Popen` has them, on top of spawn."""

from __future__ import annotations

import codecs
import functools
import io
import locale
import math
import os
import select
import time
from select import POLLIN, POLLOUT
from typing import TYPE_CHECKING, Generic, overload

from butter._checks import refuse
from butter._clone_spawn import Child, is_open, spawn
from butter.eventlike import LONGEST_POLL, deadline_of, readable, timed_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import IO, Any, Literal

    from typing_extensions import TypeVar, Unpack

    from butter._arguments import Path
    from butter._clone_spawn import SpawnOptions
    from butter._clone_spawn_descriptors import Stream

    Text = TypeVar("Text", bytes, str, default=bytes)
else:
    from typing import TypeVar

    Text = TypeVar("Text", bytes, str)

__all__ = ["Process"]

#: how many seconds a program has after SIGTERM until SIGKILL
GRACE = 5.0

#: what a communicate in vain says: the pipes may be another process's, too
NOT_AT_END = "the process has not ended, or another one still has its pipes,"

# what a pipe holds
_PORTION = 1 << 16


def checked_input(input: Any, stdin: object, closed: bool, begun: bool) -> Any:
    """Return the input of a first or later communicate, or raise for a wrong one."""
    if input is None:
        return b""
    if begun:
        raise ValueError("an earlier call has the input, and this call goes on with it: input must be None")
    if stdin is None:
        raise ValueError("input needs stdin=PIPE")
    if closed:
        raise ValueError("stdin is closed: input must be None")
    return input


def bytes_of(input: Any) -> memoryview:
    """Return the bytes of the input for a binary file."""
    try:
        return memoryview(input).cast("B")
    except TypeError:
        raise TypeError(f"input must be bytes or another buffer, not {type(input).__name__}") from None


def close_pipe(stream: IO[Any]) -> None:
    """Close our end of a pipe, whatever becomes of its last bytes."""
    try:
        stream.close()
    except (BrokenPipeError, BlockingIOError):
        pass  # the program does not read any more


class _Exchange:
    """The bytes of communicate, written and read: a later call goes on with them."""

    def __init__(self, stdin: IO[Any] | None, outputs: Sequence[IO[Any] | None], input: Any) -> None:
        self._stdin, self._outputs, self._left = stdin, outputs, bytes_of(input)
        self._parts: list[list[bytes]] = [[], []]
        for stream in self._open_streams():
            # our end alone: that of the program is another open file
            os.set_blocking(stream.fileno(), False)
        for output, parts in zip(outputs, self._parts):
            if output is not None and not output.closed:
                # the caller may have read a line before, and the file more than that
                buffer: Any = getattr(output, "buffer", output)
                parts.append(buffer.read(len(buffer.peek())))

    def _open_streams(self) -> Iterator[IO[Any]]:
        return (stream for stream in (self._stdin, *self._outputs) if stream is not None and not stream.closed)

    def run(self, deadline: float | None) -> bool:
        """Move bytes until each pipe is at its end; return False at *deadline*."""
        poll, waiting = select.poll(), {}
        for stream in self._open_streams():
            waiting[stream.fileno()] = stream
            poll.register(stream.fileno(), POLLOUT if stream is self._stdin else POLLIN)
        while waiting:
            left = math.inf if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            for fd, _event in poll.poll(math.ceil(min(left, LONGEST_POLL))):
                if not self._move(fd, waiting[fd]):
                    poll.unregister(fd)
                    close_pipe(waiting.pop(fd))
            if not left:
                break
        return not waiting

    def _move(self, fd: int, stream: IO[Any]) -> bool:
        """Move some bytes; return whether there may be more."""
        try:
            if stream is not self._stdin:
                data = os.read(fd, _PORTION)
                self._parts[self._outputs.index(stream)].append(data)
                return bool(data)
            # what the program wrote before comes first
            stream.flush()
            if self._left:
                self._left = self._left[os.write(fd, self._left[:_PORTION]) :]
            return bool(self._left)
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False  # the program has closed its input, and need not read all

    def output(self, number: int) -> bytes:
        """Return what was read from stdout (0) or stderr (1)."""
        return b"".join(self._parts[number])


class Process(Child, Generic[Text]):
    """``Process(argv, *, stdin=None, …)``: a program as subprocess.Popen has it.

    ::

        with Process(["sort"], stdin=PIPE, stdout=PIPE, text=True) as process:
            output, _ = process.communicate("b\\na\\n")
        print(process.returncode, output)

    *stdin*, *stdout* and *stderr* are PIPE, DEVNULL, the path of a file, a descriptor,
    or an object with ``fileno()``; *stderr* may be STDOUT. The attributes of these
    names are binary files where PIPE was passed, else None. With *text*, *encoding* or
    *errors* they are text files, and communicate takes and returns str.

    *options* are all others of :func:`spawn`: namespaces, cgroup, mounts, cwd, env,
    user, rlimits and the rest.

    The end of the ``with`` statement is the end of the program: it is sent SIGTERM if
    it still runs, and SIGKILL *grace* seconds later (None: never); it is reaped, and
    its pipes and the pidfd are closed. A program that should end by itself is waited
    for in the block. Only a child of this process is ended so: a forked child that
    leaves the block does nothing to the program. A program that is the first in a pid
    namespace gets SIGTERM only if it has a handler for it.

    Raises what :func:`spawn` does, ValueError for a negative *grace*, and LookupError
    for an *encoding* that is unknown or not one of text, or unknown *errors*. Nothing
    of the program is left then, nor after an exception of a signal handler.
    """

    stdin: IO[Text] | None = None  # type: ignore[assignment]
    stdout: IO[Text] | None = None  # type: ignore[assignment]
    stderr: IO[Text] | None = None  # type: ignore[assignment]

    _argv: Sequence[Path] | None = None
    _grace: float | None = GRACE
    _encoding: str | None = None
    _errors: str | None = None
    _exchange: _Exchange | None = None
    _forked = False  # a copy in a forked child

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: Process[bytes],
            argv: Sequence[Path],
            *,
            stdin: Stream = ...,
            stdout: Stream = ...,
            stderr: Stream = ...,
            text: Literal[False] = ...,
            encoding: None = ...,
            errors: None = ...,
            grace: float | None = ...,
            **options: Unpack[SpawnOptions],
        ) -> None: ...
        @overload
        def __init__(
            self: Process[str],
            argv: Sequence[Path],
            *,
            stdin: Stream = ...,
            stdout: Stream = ...,
            stderr: Stream = ...,
            text: bool = ...,
            encoding: str | None = ...,
            errors: str | None = ...,
            grace: float | None = ...,
            **options: Unpack[SpawnOptions],
        ) -> None: ...

    def __init__(
        self,
        argv: Sequence[Path],
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        text: bool = False,
        encoding: str | None = None,
        errors: str | None = None,
        grace: float | None = GRACE,
        **options: Unpack[SpawnOptions],
    ) -> None:
        deadline_of(grace, "grace")  # raises for what is not a time
        if text or encoding or errors:
            for name, value in ("encoding", encoding), ("errors", errors):
                if not isinstance(value, (str, type(None))):
                    refuse(value, name, "str or None")
            encoding = codecs.lookup(encoding or locale.getpreferredencoding(False)).name
            # these raise for what the files of the pipes would refuse
            codecs.lookup_error(errors or "strict")
            io.TextIOWrapper(io.BytesIO(), encoding, errors)
        # A signal handler may raise at any time. Filled by C alone, the list has the
        # child before that.
        children: list[Child] = []
        try:
            start = functools.partial(spawn, stdin=stdin, stdout=stdout, stderr=stderr, **options)
            children.extend(map(start, [argv]))
            self._take_over(children[0])
            self._argv, self._grace, self._encoding, self._errors = argv, grace, encoding, errors
            if encoding:
                for name in ("stdin", "stdout", "stderr"):
                    pipe = getattr(self, name)
                    if pipe is not None:
                        setattr(self, name, io.TextIOWrapper(pipe, encoding, errors, write_through=True))
        except BaseException:
            if children:
                if self._fd is None:
                    self._take_over(children[0])
                self._grace = 0
                Process.__exit__(self, None, None, None)
            raise

    def __repr__(self) -> str:
        return super().__repr__() if self._argv is None else f"{super().__repr__()[:-1]} args={self._argv!r}>"

    @property
    def args(self) -> Sequence[Path] | None:
        """The program and its arguments, as they were passed."""
        return self._argv

    def poll(self) -> int | None:
        """The exit code of a program that has ended, None while it runs.

        It is that of :meth:`Pidfd.poll <butter.pidfd.Pidfd.poll>`, and once it is known
        also that of a closed object.
        """
        return self._code if self._fd is None and self._code is not None else super().poll()

    def send_signal(self, signal: int, value: int | None = None, flags: int = 0) -> None:
        """Send *signal* to the program, or do nothing if it has ended.

        Raises ProcessLookupError for a signal to the group of a program that runs and
        does not lead one. All else is as in :meth:`Pidfd.send_signal
        <butter.pidfd.Pidfd.send_signal>`.
        """
        if self._code is None:
            try:
                super().send_signal(signal, value, flags)
            except ProcessLookupError:
                if self._runs():
                    raise  # it does not lead a process group

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write *input*, read all output, wait for the end; return (stdout, stderr).

        Reading and writing take turns, so neither the program nor this call waits for
        ever, however much there is. *input* is bytes or another buffer, and str for
        text files. The results are of the same type, and None where there is no pipe. A
        program that does not read all of its input is not an error.

        Raises TimeoutError after *timeout* seconds: the program then goes on, and
        nothing is lost. A later call, without *input*, continues, and the output is
        complete. Between the calls the pipes should not be used otherwise. Bytes that a
        binary file has read ahead are part of the output, but not those of a text file:
        read lines of text, or communicate.

        Raises ValueError for an *input* without a pipe, or a second one, TypeError for
        one of another type, UnicodeError, and ChildProcessError as
        :meth:`Pidfd.wait <butter.pidfd.Pidfd.wait>` does.
        """
        deadline = deadline_of(timeout)
        exchange = self._exchange
        input = checked_input(input, self.stdin, not is_open(self.stdin), exchange is not None)
        if exchange is None:
            if self._encoding and input != b"":
                if not isinstance(input, str):
                    raise TypeError(f"input must be str for a text file, not {type(input).__name__}")
                input = input.encode(self._encoding, self._errors or "strict")
            exchange = self._exchange = _Exchange(self.stdin, (self.stdout, self.stderr), input)
        # a process may end after its pipes
        if not exchange.run(deadline) or (self.poll() is None and not readable(self, deadline)):
            raise timed_out(TimeoutError, timeout, NOT_AT_END)
        self.wait()
        return self._output(exchange, 0, self.stdout), self._output(exchange, 1, self.stderr)

    def _output(self, exchange: _Exchange, number: int, stream: IO[Any] | None) -> Any:
        if stream is None:
            return None
        data = exchange.output(number)
        if not self._encoding:
            return data
        return io.TextIOWrapper(io.BytesIO(data), self._encoding, self._errors).read()

    def _runs(self) -> bool:
        """Return whether a child of this process has not ended."""
        try:
            return self._child and self.poll() is None
        except ChildProcessError:
            return False  # another call has reaped it

    def _close_pipes(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if not is_open(stream):
                continue
            if self._forked:
                # the parent writes what is left, to a pipe that waits as it wants
                buffer: Any = getattr(stream, "buffer", stream)
                buffer.raw.close()
            else:
                # what is left to write must not wait for a reader
                os.set_blocking(stream.fileno(), False)
                close_pipe(stream)

    def _after_fork(self) -> None:
        super()._after_fork()
        self._forked = True

    def _end(self) -> None:
        """Terminate the program, kill it after the grace time, reap it."""
        try:
            if self._runs():
                self.terminate()
                readable(self, deadline_of(self._grace))
        finally:
            if self._runs():
                self.kill()
                try:
                    self.wait()
                except ChildProcessError:
                    pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._fd is not None:
                self._end()
        finally:
            self._close_pipes()
            if self._fd is not None:
                # after a second Ctrl-C
                self._leave_child(self._fd)
                self.close()
