"""The forked child of a sandbox, from the fork to its end: it runs one function.

It sends a value as :mod:`butter._sandbox_data` has it: ``("value", result)``,
or ``("raised", name of the class, arguments, text, traceback)``.
"""

from __future__ import annotations

# traceback imports ast, tokenize and unicodedata late, and so behind the fence
import ast  # noqa: F401
import fcntl
import gc
import os
import signal
import sys
import tokenize  # noqa: F401
import traceback
import unicodedata  # noqa: F401
from typing import TYPE_CHECKING

from butter._sandbox_data import encoded
from butter._sandbox_exceptions import EXCEPTIONS
from butter._sandbox_start import put_up
from butter.errors import plain
from butter.fd import close_range
from butter.prctl import prctl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, NoReturn

    from butter._fence import Fence

#: the bytes in front of what the child sends: how long it is
HEADER = 8
#: how many characters of a traceback are sent
LONGEST_TEXT = 1 << 14
#: how long an exception is at most; its arguments are left out if they are longer
LONGEST_ERROR = 1 << 18

_FIRST_FREE = 3
# PyPy does not have it
_F_DUPFD_CLOEXEC = 1030
_parents: list[object] = []


class _Copy:
    """A descriptor of a fence, which is none of the streams."""

    def __init__(self, fd: int) -> None:
        self._fd = _copied(fd)

    def fileno(self) -> int:
        return self._fd


def _copied(fd: int) -> int:
    """Return a copy past the streams, whose numbers others have in some parents."""
    return fcntl.fcntl(fd, _F_DUPFD_CLOEXEC, _FIRST_FREE)


def live(
    fence: Fence,
    function: Callable[..., Any],
    arguments: Sequence[object],
    streams: Sequence[int],
    start: int,
    results: int,
    limit: int,
) -> NoReturn:
    """Run the function behind the fence, send what becomes of it, and end.

    All signals are blocked. *start* is the descriptor of a pipe with a byte for the
    moment at which the parent is ready, *results* that of the pipe for the result, at
    most *limit* bytes long. *streams* become those of the child; -1 is /dev/null.
    """
    try:
        try:
            # first, so that all that fails from here on is told
            results = _copied(results)
            fence = _settle(fence, streams, start, results)
            _enter(fence)
            content = _run(function, arguments, limit)
        except BaseException as error:
            content = told(error)
        _send(results, content)
    finally:
        # no handlers of atexit, and no buffers of files, since they are the parent's
        os._exit(0)


def _settle(fence: Fence, streams: Sequence[int], start: int, results: int) -> Fence:
    """Leave what is the parent's. Return the fence with its new descriptors."""
    prctl.pdeathsig = signal.SIGKILL
    if not os.read(start, 1):
        os._exit(0)  # the parent is gone, or was interrupted
    # without a controlling terminal, nothing can be typed into one
    os.setsid()
    for signum in signal.valid_signals():
        if callable(signal.getsignal(signum)) and signum not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    copies = [None if each is None else _Copy(each.fileno()) for each in (fence.cgroup, fence.ruleset)]
    fence = fence._replace(cgroup=copies[0], ruleset=copies[1])
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for place, fd in enumerate([_copied(null if fd < 0 else fd) for fd in streams]):
        os.dup2(fd, place)
    _close_all_but([results, *(each.fileno() for each in copies if each is not None)])
    # what is unwritten in the parent's files is the parent's: they are kept, so that
    # nothing writes it when they are forgotten
    _parents[:] = [sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__]
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    if hasattr(gc, "freeze"):
        gc.freeze()  # nor are the parent's other objects finalised here
    os.environ.clear()
    os.environ.update(fence.env or {})
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return fence


def _enter(fence: Fence) -> None:
    """Put up the fence, and let go of what it was made of."""
    try:
        put_up(fence)
    except OSError as error:
        raise plain(error) from error
    for each in (fence.cgroup, fence.ruleset):
        if each is not None:
            os.close(each.fileno())


def _close_all_but(kept: Iterable[int]) -> None:
    """Close all descriptors past the streams, but for these."""
    first = _FIRST_FREE
    for fd in [*sorted(kept), 1 << 31]:
        if first < fd:
            try:
                close_range(first, fd - 1)
            except OSError:  # older than Linux 5.9, or hidden by a filter
                os.closerange(first, min(fd, os.sysconf("SC_OPEN_MAX")))
        first = fd + 1


def _run(function: Callable[..., Any], arguments: Sequence[object], limit: int) -> bytes:
    """Return what the function returns, as it is sent."""
    value = function(*arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return encoded(("value", value), limit)


def told(error: BaseException) -> bytes:
    """Return an exception, as it is sent."""
    name: str = ""
    arguments: tuple[Any, ...] = ()
    if EXCEPTIONS.get(type(error).__name__) is type(error):
        name, arguments = type(error).__name__, error.args
    if name and isinstance(error, OSError) and len(error.args) > 1:
        # OSError itself finds the class by the errno; between the two names it has the
        # number of an error of Windows
        # PyPy has the path as it was passed
        files = [
            os.fspath(file) if isinstance(file, os.PathLike) else file for file in (error.filename, error.filename2)
        ]
        name, arguments = "OSError", (error.errno, error.strerror, files[0], None, files[1])
    # apart, so that a traceback that cannot be made does not cost the text
    text = _joined(traceback.format_exception_only, type(error), error).strip() or type(error).__name__
    lines = _joined(traceback.format_exception, type(error), error, error.__traceback__)
    fields = text[:LONGEST_TEXT], lines[-LONGEST_TEXT:]
    try:
        return encoded(("raised", name, tuple(arguments), *fields), LONGEST_ERROR)
    except Exception:  # the arguments are not plain data
        return encoded(("raised", "", (), *fields), LONGEST_ERROR)


def _joined(lines_of: Callable[..., Iterable[str]], *arguments: object) -> str:
    """Return lines as one text, which is empty if they cannot be made."""
    try:
        return "".join(lines_of(*arguments))
    except BaseException:
        return ""


def _send(results: int, content: bytes) -> None:
    left = memoryview(len(content).to_bytes(HEADER, "little") + content)
    while left:
        left = left[os.write(results, left) :]
