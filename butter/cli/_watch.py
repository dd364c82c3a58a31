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
from butter.cli._output import escaped, printable, tell_if_room
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
    from collections.abc import Callable, Iterable, Sequence
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

        def waits(self) -> bool:
            """Return whether anything is in memory that may become a line."""

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
        self.old_path = self.old_path or later.old_path
        self.counted = self.counted or later.counted


class Settled:
    """A source that has one line for each path, once the path was quiet.

    A line without a path, as that of an overflow, has nothing to wait for.
    """

    def __init__(self, source: Source, seconds: float) -> None:
        self._source = source
        self._seconds = seconds
        #: the lines that wait, the one that is due first at the beginning
        self._waiting: dict[bytes, tuple[float, Line]] = {}
        self.fileno, self.drain, self.close = source.fileno, source.drain, source.close

    def take(self) -> list[Line]:
        """Return the lines of the paths that were quiet for long enough."""
        now = time.monotonic()
        lines = self._merge(self._source.take(), now + self._seconds)
        due = []
        for path, (when, line) in self._waiting.items():
            if when > now:
                break
            due.append(path)
            lines.append(line)
        for path in due:
            del self._waiting[path]
        return lines

    def _merge(self, lines: list[Line], deadline: float) -> list[Line]:
        """Let *lines* wait until *deadline*, and return those that have no path."""
        others = []
        for line in lines:
            path = line.path
            if path is None:
                others.append(line)
                continue
            before = self._waiting.pop(path, None)
            if before is not None:
                before[1].merge(line)
                line = before[1]
            self._waiting[path] = deadline, line
        return others

    def left(self) -> float | None:
        """Return in how many seconds a path may be quiet for long enough."""
        left = self._source.left()
        for when, _ in self._waiting.values():
            first = max(0.0, when - time.monotonic())
            return first if left is None else min(left, first)
        return left

    def waits(self) -> bool:
        """Return whether a path is not settled."""
        return bool(self._waiting) or self._source.waits()

    def rest(self) -> list[Line]:
        """Return all lines."""
        others = self._merge(self._source.rest(), 0.0)
        waiting, self._waiting = self._waiting, {}
        return others + [line for _, line in waiting.values()]

    def over(self) -> str | None:
        """Return why no line can come any more; None if one can."""
        return None if self._waiting else self._source.over()


class Burst:
    """The paths that *runner* gets at once, when nothing has changed for a moment.

    That is when no line waits to be settled, but at the latest *longest* seconds after
    the first change. *watched* are the paths that may have changed where events were
    lost.
    """

    def __init__(self, runner: Runner, watched: Sequence[bytes], longest: float) -> None:
        self.runner = runner
        self._watched = watched
        self._longest = longest
        self._paths: dict[bytes, None] = {}
        self._until = math.inf

    def add(self, lines: Iterable[Line]) -> None:
        """Keep the paths of *lines*."""
        for line in lines:
            if line.mask & IN_Q_OVERFLOW:
                self._paths.update(dict.fromkeys(self._watched))
            elif line.counted and line.path is not None:
                self._paths[line.path] = None

    def left(self) -> float:
        """Return in how many seconds the command has to run, though paths change."""
        return max(0.0, self._until - time.monotonic())

    def wait(self) -> None:
        """Know that more lines may come soon."""
        if self._until == math.inf:
            self._until = time.monotonic() + self._longest

    def end(self) -> None:
        """Run the command for the paths."""
        paths, self._paths, self._until = list(self._paths), {}, math.inf
        if paths:
            self.runner.changed(paths)


class Loop:
    """Shows the lines of *sources*, at most *count* of those that were asked for.

    With a *burst*, a command is run for their paths.
    """

    def __init__(
        self,
        sources: list[Source],
        output: Output,
        show: Show,
        count: int | None = None,
        burst: Burst | None = None,
    ) -> None:
        self._sources = sources
        self._output = output
        self._show = show
        self._count = count
        self._burst = burst
        self._runner = None if burst is None else burst.runner
        self._poll = select.poll()
        output.meanwhile = self._meanwhile
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
        self._output.deadline = deadline
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
        burst = self._burst
        while (left := deadline - time.monotonic()) > 0:
            self._wait(left)
            overdue = burst is not None and not burst.left()
            if self._took([line for source in self._sources for line in (source.rest() if overdue else source.take())]):
                return self._finished()
            ends = [source.over() for source in self._sources]
            if all(ends):
                self._finished()
                tell_if_room(f"nothing is left to watch: {ends[0]}")
                return FAILED
        enough = self._took([line for source in self._sources for line in source.rest()])
        status = self._finished()
        return status if enough or self._count is None else TOO_FEW

    def _took(self, lines: list[Line]) -> bool:
        """Show *lines*, and return whether COUNT is reached.

        If it is time, the command is run for them.
        """
        enough = self._shown(lines)
        if self._burst is not None:
            self._burst.add(lines)
            if any(source.waits() for source in self._sources):
                self._burst.wait()
            else:
                self._burst.end()
        return enough

    def _finished(self) -> int:
        """Wait until the command has run for all that was shown; return its status."""
        if self._burst is None:
            return 0
        self._burst.end()
        return self._burst.runner.finish()

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
        if self._burst is not None:
            seconds = min(seconds, self._burst.left())
        milliseconds = LONGEST_POLL if seconds == math.inf else min(math.ceil(seconds * 1000), LONGEST_POLL)
        ready = dict(self._output.wait(self._poll, milliseconds))
        if self._output.number in ready:
            raise BrokenPipeError
        if self._runner is not None and self._runner.fileno() in ready:
            self._runner.step()
        for source, number in zip(self._sources, numbers):
            if number in ready:
                source.drain()

    def _meanwhile(self) -> None:
        """Do what cannot wait for a slow reader of the output."""
        if self._runner is not None:
            # it has the signals, Ctrl-C too
            self._runner.step()
        if not self._output.hurried:
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
                    tell_if_room(line.warning)
        return count == 0


def json_fields(key: str, data: bytes) -> dict[str, str]:
    """Return *data* as the field *key*.

    If it is not UTF-8, a second field has it in base64.
    """
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        import base64

        return {key: escaped(data), f"{key}_base64": base64.b64encode(data).decode()}
