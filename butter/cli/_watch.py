"""A line of ``butter watch``, and the loop that shows the lines of all sources.

A source is where lines come from: the names of directories (``_watch_names.py``), trees
and files that are followed (``_watch_tree.py``), fanotify (``_watch_filesystem.py``).
It moves what the kernel has into memory by ``drain``, and makes lines of that by
``take``, a few at a time. The loop drains all sources before it takes, and again after
each few lines. So the queue of the kernel is short however slow the output is, and it
is the memory of the command that grows, up to a bound.

inotify and fanotify have the same bits for the same events, and a kind of change has
the bit of its event.
"""

from __future__ import annotations

import math
import select
import time
from typing import TYPE_CHECKING

# not from its constants, whose classes take milliseconds to make
from butter._fanotify_c import lib
from butter.cli import FAILED, TOO_FEW
from butter.cli._output import escaped, printable, tell
from butter.eventlike import LONGEST_POLL
from butter.inotify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MODIFY,
    IN_MOVE,
    IN_MOVE_SELF,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    from butter.cli._watch_output import Output
    from butter.cli._watch_run import Runner

    class Source(Protocol):
        """Where lines come from."""

        def fileno(self) -> int: ...

        def drain(self) -> None:
            """Move what the kernel has into memory, without waiting."""

        def take(self) -> list[Line]:
            """Make some lines of what is in memory, without waiting."""

        def left(self) -> float | None:
            """Return in how many seconds ``take`` may have lines without a ``drain``.

            None if nothing is in memory.
            """

        def rest(self) -> list[Line]:
            """Make all lines of what is in memory, also of what is not settled."""

        def over(self) -> str | None:
            """Return why no line can come any more; None if one can."""

        def close(self) -> None:
            """End the watches."""

    class Show(Protocol):
        """Shows lines, in some form."""

        def lines(self, lines: Sequence[Line]) -> None: ...

        def end(self) -> None: ...


# the events that inotify does not have, by the name that -e takes
ONLY_FANOTIFY: dict[str, int] = {
    "open_exec": lib.FAN_OPEN_EXEC,
    "rename": lib.FAN_RENAME,
    "fs_error": lib.FAN_FS_ERROR,
}

# the kinds of changes, by the name that -e takes, with the events that they stand for
KINDS = {
    "created": IN_CREATE,
    "written": IN_CLOSE_WRITE,
    "modified": IN_MODIFY,
    "attributes": IN_ATTRIB,
    "deleted": IN_DELETE,
    "moved": IN_MOVE,
}

# green for a beginning, red for an end, yellow for a move, cyan for a change
COLOURS = [
    (IN_CREATE, 32),
    # IN_IGNORED is FAN_FS_ERROR
    (IN_DELETE | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW, 31),
    (IN_MOVE | IN_MOVE_SELF | lib.FAN_RENAME, 33),
    (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB, 36),
]

#: how many lines are made at once
SOME = 500

#: how many lines may wait in memory, and how many bytes of events
MOST_LINES, MOST_BYTES = 1 << 18, 1 << 26


class Line:
    """One line of the output: what happened to a path."""

    __slots__ = ("counted", "flags", "mask", "old_path", "path", "time", "warning")

    #: what stands after the path, for people
    note = ""

    def __init__(self, now: float, flags: list[str], mask: int, path: bytes | None, counted: bool = True) -> None:
        self.time = now
        self.flags = flags
        #: the bits of inotify or fanotify
        self.mask = mask
        #: None for what has no path, as an overflow
        self.path = path
        self.old_path: bytes | None = None
        #: whether the line was asked for
        self.counted = counted
        #: the sentence that is told on stderr after the line
        self.warning: str | None = None

    def words(self, shown: Callable[[bytes], str] = printable) -> str:
        """The path for people, and of a move both."""
        path = "-" if self.path is None else shown(self.path)
        return path if self.old_path is None else f"{shown(self.old_path)} -> {path}"

    def json(self) -> dict[str, Any]:
        """The fields for programs, without the time."""
        raise NotImplementedError

    def more(self) -> dict[str, Any]:
        """The fields that ``--format`` has beside the time, the flags and the paths."""
        return {}

    def merge(self, later: Line) -> None:
        """Stand for a later line about the same path as well."""
        self.time = later.time
        self.mask |= later.mask
        self.flags += [flag for flag in later.flags if flag not in self.flags]
        self.counted = self.counted or later.counted


class Settled:
    """A source that has one line for each path, once the path was quiet."""

    def __init__(self, source: Source, seconds: float) -> None:
        self._source = source
        self._seconds = seconds
        #: the lines that wait, the one that is due first at the beginning
        self._waiting: dict[bytes | None, tuple[float, Line]] = {}
        self.fileno, self.drain, self.close = source.fileno, source.drain, source.close

    def take(self) -> list[Line]:
        """Return the lines of the paths that were quiet for long enough."""
        now = time.monotonic()
        self._merge(self._source.take(), now + self._seconds)
        due = []
        for path, (when, line) in self._waiting.items():
            if when > now:
                break
            due.append((path, line))
        for path, _ in due:
            del self._waiting[path]
        return [line for _, line in due]

    def _merge(self, lines: list[Line], deadline: float) -> None:
        for line in lines:
            before = self._waiting.pop(line.path, None)
            if before is not None:
                before[1].merge(line)
                line = before[1]
            self._waiting[line.path] = deadline, line

    def left(self) -> float | None:
        """Return in how many seconds a path may be quiet for long enough."""
        left = self._source.left()
        for when, _ in self._waiting.values():
            first = max(0.0, when - time.monotonic())
            return first if left is None else min(left, first)
        return left

    def rest(self) -> list[Line]:
        """Return all lines."""
        self._merge(self._source.rest(), 0.0)
        waiting, self._waiting = self._waiting, {}
        return [line for _, line in waiting.values()]

    def over(self) -> str | None:
        """Return why no line can come any more; None if one can."""
        return None if self._waiting else self._source.over()


class Loop:
    """Shows the lines of *sources*, at most *count* of those that were asked for."""

    def __init__(
        self,
        sources: list[Source],
        output: Output,
        show: Show,
        count: int | None = None,
        runner: Runner | None = None,
    ) -> None:
        self._sources = sources
        self._output = output
        self._show = show
        self._count = count
        self._runner = runner
        self._poll = select.poll()
        output.meanwhile = self._drain
        #: the descriptors of the sources, which one that follows a name may change
        self._numbers: list[int] = []

    def run(self, deadline: float) -> int:
        """Show lines until *deadline*, and return the exit code.

        Raises BrokenPipeError as soon as the reader of the output is gone, and
        KeyboardInterrupt after Ctrl-C, when the lines that are in memory are shown.
        """
        # Registered for no events: poll() always reports POLLERR, so in 'butter watch |
        # head' the command ends as soon as head exits, and not at the next event.
        if self._output.number is not None:
            self._poll.register(self._output.number, 0)
        if self._runner is not None:
            self._poll.register(self._runner.fileno(), select.POLLIN)
        try:
            code = self._until(deadline)
            self._show.end()
            return code
        except KeyboardInterrupt:
            self._output.hurry(self._finish)
            raise

    def _finish(self) -> None:
        self._shown([line for source in self._sources for line in source.rest()])
        self._show.end()

    def _until(self, deadline: float) -> int:
        while (left := deadline - time.monotonic()) > 0:
            self._wait(left)
            lines = [line for source in self._sources for line in source.take()]
            enough = self._shown(lines)
            self._change(lines)
            if enough:
                if self._runner is not None:
                    self._runner.finish()
                return 0
            ends = [source.over() for source in self._sources]
            if all(ends):
                tell(f"nothing is left to watch: {ends[0]}")
                return FAILED
        if self._shown([line for source in self._sources for line in source.rest()]):
            return 0
        return 0 if self._count is None else TOO_FEW

    def _wait(self, seconds: float) -> None:
        """Wait for something to do, at most *seconds*, and drain what is readable."""
        numbers = [source.fileno() for source in self._sources]
        if numbers != self._numbers:
            for number in self._numbers:
                # it may be closed, and then be another one's
                self._poll.register(number, 0)
                self._poll.unregister(number)
            for number in numbers:
                self._poll.register(number, select.POLLIN)
            self._numbers = numbers
        for source in self._sources:
            left = source.left()
            seconds = seconds if left is None else min(seconds, left)
        milliseconds = LONGEST_POLL if seconds == math.inf else min(math.ceil(seconds * 1000), LONGEST_POLL)
        ready = dict(self._output.wait(self._poll, milliseconds))
        if self._output.number in ready:
            raise BrokenPipeError
        if self._runner is not None and self._runner.fileno() in ready:
            self._runner.step()
        for source, number in zip(self._sources, numbers):
            if number in ready:
                source.drain()

    def _drain(self) -> None:
        for source in self._sources:
            source.drain()

    def _shown(self, lines: list[Line]) -> bool:
        """Show *lines*, and return whether COUNT is reached."""
        count = self._count
        if count is not None:
            for number, line in enumerate(lines):
                count -= line.counted
                if not count:
                    del lines[number + 1 :]
                    break
            self._count = count
        if lines:
            self._show.lines(lines)
            for line in lines:
                if line.warning is not None:
                    tell(line.warning)
        return count == 0

    def _change(self, lines: list[Line]) -> None:
        """Run the command for the paths of *lines*."""
        if self._runner is None:
            return
        paths: dict[bytes, None] = {}
        for line in lines:
            if line.counted and line.path is not None:
                paths[line.path] = None
        if paths:
            self._runner.changed(list(paths))


def json_fields(key: str, data: bytes) -> dict[str, str]:
    """Return *data* as the field *key*.

    If it is not UTF-8, a second field has it in base64.
    """
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        import base64

        return {key: escaped(data), f"{key}_base64": base64.b64encode(data).decode()}
