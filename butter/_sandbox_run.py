"""Running a function in a forked child, whose result is not trusted."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import time
from typing import TYPE_CHECKING

from butter import _sandbox_child as child
from butter._pipe import pipe2
from butter._sandbox_data import Damaged, decoded
from butter._sandbox_exceptions import builtin
from butter.errors import InvalidArgument
from butter.eventlike import LONGEST_POLL, deadline_of, timed_out
from butter.pidfd import PIDFD_SIGNAL_PROCESS_GROUP, Pidfd, _left_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from butter._fence import Fence

_PORTION = 1 << 16
# how many seconds a killed child may take to end, and how often handlers of signals may
# raise meanwhile
_LONGEST_END = 10
_TRIES = 100
_HINTS: dict[int, str] = {
    signal.SIGSYS: ": a filter of system calls does that",
    signal.SIGXCPU: ": the limit RLIMIT_CPU does that",
    signal.SIGXFSZ: ": the limit RLIMIT_FSIZE does that",
    signal.SIGKILL: ": the kernel does that at the hard limit RLIMIT_CPU, and for want of memory",
}


class SandboxedError(Exception):
    """A function in a sandbox raised something, or ended without a result.

    An exception of a class that is not builtin arrives as this one, with its text. Of
    one that is builtin this is the ``__cause__``, with the traceback.
    """

    #: the traceback in the child, as text, or empty
    traceback: str = ""
    #: the signal that killed the child, or None
    signal: int | None = None

    def __init__(self, text: str, traceback: str = "", signal: int | None = None) -> None:
        super().__init__(text)
        self.traceback, self.signal = traceback, signal

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.traceback, self.signal)


def run(
    fence: Fence,
    function: Callable[..., Any],
    arguments: Sequence[object],
    streams: Sequence[int],
    timeout: float | None,
    limit: int,
) -> Any:
    """Return what the function returns in a forked child behind the fence."""
    deadline = deadline_of(timeout)
    ends: list[int] = []
    # handlers would run in the child, too
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        start, go, results, sender = _made(ends)
        pid = _forked()
        if not pid:
            os.close(go)
            child.live(fence, function, arguments, streams, start, sender, limit)
        process = _opened(pid)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.write(go, b"g")
            content = _received(process, results, deadline, timeout, limit)
        finally:
            _end(process)
    finally:
        for fd in ends:
            os.close(fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _outcome(content)


def _made(ends: list[int]) -> list[int]:
    """Make the two pipes. Their ends come into the list, which is returned."""
    ends += pipe2(os.O_CLOEXEC)
    ends += pipe2(os.O_CLOEXEC)
    return ends


def _forked() -> int:
    try:
        return os.fork()
    except PermissionError as error:
        error.strerror = "sandbox: a filter around this process forbids the fork, as a sandbox without processes does"
        raise


def _received(process: Pidfd, results: int, deadline: float | None, timeout: float | None, limit: int) -> bytes:
    """Return what the child sends, once it is complete."""
    poll, content, size, ended = select.poll(), bytearray(), None, False
    poll.register(results, select.POLLIN)
    poll.register(process.fileno(), select.POLLIN)
    while size is None or len(content) < size:
        left = LONGEST_POLL if deadline is None else max(0, deadline - time.monotonic()) * 1000
        ready = {fd for fd, _ in poll.poll(math.ceil(min(left, LONGEST_POLL)))}
        if results in ready:
            # also what a child that has ended has sent
            content += os.read(results, _PORTION)
            if size is None and len(content) >= child.HEADER:
                size = child.HEADER + int.from_bytes(content[: child.HEADER], "little")
                if size > child.HEADER + max(limit, child.LONGEST_ERROR):
                    raise SandboxedError(f"the child sends {size} bytes as its result; the limit is {limit}")
        elif ended:
            raise _ended(process)
        elif ready:
            # it may have sent the rest after the look at the pipe, and before its end
            ended = True
        elif deadline is not None and time.monotonic() >= deadline:
            raise timed_out(TimeoutError, timeout, "the function has not returned")
    return bytes(content[child.HEADER :])


def _opened(pid: int) -> Pidfd:
    """Return the object for the child, or leave none, as for want of a descriptor."""
    try:
        return Pidfd(pid)
    except BaseException:
        # it waits for a byte, and so the number is its own
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        raise


def _end(process: Pidfd) -> None:
    """Kill the child, and the processes of its group; close the object.

    All signals are blocked. A handler that waits already, or whose signal another
    thread gets, may raise anywhere: then this goes on, and its exception comes last.
    """
    interruption = None
    for _ in range(_TRIES):
        try:
            # this runs the handlers that wait
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            _kill(process)
            break
        except BaseException as error:
            interruption = error
    process.close()
    if interruption is not None:
        raise interruption


def _kill(process: Pidfd) -> None:
    """Kill the child with its group, and reap it."""
    _kill_group(process)
    # a sandbox around this one may forbid signals, and then the child ends by itself
    with contextlib.suppress(ProcessLookupError, PermissionError):
        process.kill()
    try:
        process.wait(_LONGEST_END)
    except ChildProcessError:
        pass  # another call has reaped it
    except TimeoutError:
        _left_behind.add(process.fileno())  # it waits for a disk, is traced, or may not be killed


def _kill_group(process: Pidfd) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            process.send_signal(signal.SIGKILL, flags=PIDFD_SIGNAL_PROCESS_GROUP)
        except InvalidArgument:  # older than Linux 6.9
            os.killpg(process.pid or 0, signal.SIGKILL)


def _ended(process: Pidfd) -> SandboxedError:
    """Return the exception for a child that has ended without a result."""
    _kill_group(process)  # while the number is the child's
    try:
        code = process.wait()
    except ChildProcessError:
        return SandboxedError("the child has ended without a result, and another call has reaped it")
    if code >= 0:
        return SandboxedError(f"the child has ended with the exit code {code}, and without a result")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return SandboxedError(f"the child was killed by {name}{_HINTS.get(-code, '')}", signal=-code)


def _outcome(content: bytes) -> Any:
    """Return the result that was sent, or raise the exception; for any bytes."""
    try:
        found = decoded(content)
    except Damaged as error:
        raise SandboxedError(f"what the child has sent is not a result: {error}") from None
    if isinstance(found, tuple) and len(found) == 2 and found[0] == "value":
        return found[1]
    if not (
        isinstance(found, tuple)
        and [type(each) for each in found] == [str, str, tuple, str, str]
        and found[0] == "raised"
    ):
        raise SandboxedError("what the child has sent is neither a result nor an exception")
    _, name, arguments, text, lines = found
    cause = SandboxedError(_printable(text), _printable(lines))
    exception = builtin(name, arguments)
    if exception is None:
        raise cause
    raise exception from cause


def _printable(text: str) -> str:
    """Return a text that does nothing to a terminal."""
    shown = text[: child.LONGEST_TEXT]
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in shown)
