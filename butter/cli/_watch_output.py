"""The output of ``butter watch``: its forms, and what Ctrl-C leaves of it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

from butter.cli._output import colourful, output_number, printable
from butter.cli._watch import COLOURS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType
    from typing import Any

    from butter.cli._watch import Line, Show

#: the most bytes that a pipe with room for anything takes at once
PIECE = 4096

#: for how many milliseconds a reader may pause that has not read all when Ctrl-C comes,
#: or when the time is up
PATIENCE = 500

#: for how many milliseconds the output may be waited for before the sources are drained
PAUSE = 10

#: what --format may name, and what the field is
FIELDS = {
    "time": "the time, see --time-format",
    "flags": "the flags or the kind, as in the second column",
    "path": "the path",
    "old_path": "the path before a move, else nothing",
    "name": "the name within the watched directory, or at the end of the path",
    "pid": "the number of the process (--who)",
    "comm": "its name",
}

#: the date and the time, for tables
DATE = "%Y-%m-%d %H:%M:%S.%f"


class Output:
    """Standard output, written in such a way that Ctrl-C loses nothing.

    Python's own KeyboardInterrupt may come at any moment, and then it is not known how
    much was written. Here it is raised only while the command waits: for events, or for
    room in a pipe. A second Ctrl-C is raised at once.
    """

    def __init__(self, raw: bool = False) -> None:
        self.number = output_number()
        #: called again and again while the output is written: because the reader is
        #: slow, the queue of the kernel must not overflow, nor a command be left alone
        self.meanwhile: Callable[[], None] = nothing
        self._left = memoryview(b"")
        self._room = select.poll()
        if self.number is not None:
            self._room.register(self.number, select.POLLOUT)
        self._raw = raw
        self._waiting = self._interrupted = False
        #: whether Ctrl-C came, and only what is in memory is written
        self.hurried = False
        #: when the command ends, by the monotonic clock
        self.deadline = math.inf
        #: whether the output was not read at the end, and is left out
        self._dropped = False

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Take Ctrl-C as this class does."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        try:
            signal.signal(signal.SIGINT, self._on_interrupt)
        except ValueError:
            # a thread that is not the main one, which Ctrl-C does not interrupt
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        again, self._interrupted = self._interrupted, True
        if self._waiting or again:
            raise KeyboardInterrupt

    def hurry(self, rest: Callable[[], None]) -> None:
        """Call *rest* after Ctrl-C: it writes only as long as the output is read."""
        self.hurried, self._waiting = True, False
        with contextlib.suppress(KeyboardInterrupt):
            self.write("")
            rest()

    def wait(self, poll: select.poll, milliseconds: int) -> list[tuple[int, int]]:
        """Return ``poll.poll(milliseconds)``, which Ctrl-C interrupts."""
        try:
            self._waiting = True
            if self._interrupted and not self.hurried:
                raise KeyboardInterrupt
            return poll.poll(milliseconds)
        finally:
            self._waiting = False

    def write(self, text: str) -> None:
        """Write *text*, and what a Ctrl-C before has left.

        After the deadline it writes only as long as the output is read.
        """
        if self._dropped:
            return
        if self.number is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        data = self._bytes(text)
        self._left = memoryview(bytes(self._left) + data if self._left else data)
        while self._left:
            self.meanwhile()
            late = time.monotonic() >= self.deadline
            if not self.wait(self._room, PATIENCE if late or self.hurried else PAUSE):
                if self.hurried:
                    raise KeyboardInterrupt
                if late:
                    self._dropped = True
                    return
                continue
            try:
                written = os.write(self.number, self._left[:PIECE])
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise
            except OSError as error:
                error.strerror = f"standard output: {error.strerror}"
                raise
            self._left = self._left[written:]

    def _bytes(self, text: str) -> bytes:
        if self._raw:
            return os.fsencode(text)
        encoding = sys.stdout.encoding or "utf-8"
        try:
            return text.encode(encoding)
        except UnicodeEncodeError:
            # as \u, so that a character is never taken for a byte
            return "".join(
                character if can_encode(character, encoding) else code_of(character) for character in text
            ).encode(encoding)


def nothing() -> None:
    """Do nothing."""


def can_encode(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def code_of(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def printer(output: Output, options: argparse.Namespace) -> Show:
    """Return what shows lines in the form that *options* ask for."""
    shown = os.fsdecode if options.null else printable
    end = "\0" if options.null else "\n"
    clock = clock_of(options.time_format or (DATE if options.csv else None))
    if options.json:
        return Printer(output, json_form(), end)
    if options.csv:
        columns = ["time", "flags", "path", "old_path", *(["pid", "comm"] if options.who else [])]
        output.write(",".join(columns) + end)
        return Printer(output, csv_form(clock, shown, columns), end)
    if options.format is not None:
        return Printer(output, own_form(options.format, clock, shown), end)
    coloured = {"always": True, "never": False, "auto": colourful()}[options.color]
    return Printer(output, text_form(clock, shown, coloured), end)


class Printer:
    """Shows lines, each in a form."""

    def __init__(self, output: Output, form: Callable[[Line], str], end: str) -> None:
        self._output = output
        self._form = form
        self._end = end

    def lines(self, lines: Sequence[Line]) -> None:
        """Write *lines*."""
        form, end = self._form, self._end
        self._output.write("".join([form(line) + end for line in lines]))

    def end(self) -> None:
        """Know that no line comes any more."""


class Silent:
    """Shows nothing, as for a command that is run."""

    def lines(self, lines: Sequence[Line]) -> None:
        """Leave *lines* out."""

    def end(self) -> None:
        """Know that no line comes any more."""


def clock_of(form: str | None) -> Callable[[float], str]:
    """Return what formats a time of day; by itself that has milliseconds."""
    known = -1.0, ""

    def clock(now: float) -> str:
        nonlocal known
        if now != known[0]:
            known = now, formatted_time(now, form)
        return known[1]

    return clock


def formatted_time(now: float, form: str | None) -> str:
    if form is None:
        return time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03}"
    import datetime

    return datetime.datetime.fromtimestamp(now).astimezone().strftime(form)


def text_form(clock: Callable[[float], str], shown: Callable[[bytes], str], coloured: bool) -> Callable[[Line], str]:
    """Return the form for people: the time, the flags, the path."""

    def plain(line: Line) -> str:
        return f"{clock(line.time)}  {'|'.join(line.flags):19}  {line.words(shown)}{line.note}"

    def colours(line: Line) -> str:
        colour = next((code for bits, code in COLOURS if line.mask & bits), 0)
        return (
            f"\033[2m{clock(line.time)}\033[0m  \033[{colour}m{'|'.join(line.flags):19}\033[0m  "
            f"{line.words(shown)}{line.note}"
        )

    return colours if coloured else plain


def json_form() -> Callable[[Line], str]:
    """Return the form for programs: one JSON object."""
    import json

    def form(line: Line) -> str:
        return json.dumps({"time": round(line.time, 6), **line.json()})

    return form


def own_form(text: str, clock: Callable[[float], str], shown: Callable[[bytes], str]) -> Callable[[Line], str]:
    """Return the form that --format describes."""
    needs_time = "{time" in text

    def form(line: Line) -> str:
        return text.format(**fields_of(line, clock if needs_time else str, shown))

    return form


def fields_of(line: Line, clock: Callable[[float], str], shown: Callable[[bytes], str]) -> dict[str, Any]:
    more = line.more()
    name = more.get("name") or os.path.basename(line.path or b"")
    return {
        "time": clock(line.time),
        "flags": "|".join(line.flags),
        "path": shown(line.path or b""),
        "old_path": shown(line.old_path or b""),
        "name": shown(name),
        "pid": str(more.get("pid") or ""),
        "comm": shown(more.get("comm") or b""),
    }


def csv_form(clock: Callable[[float], str], shown: Callable[[bytes], str], columns: list[str]) -> Callable[[Line], str]:
    """Return the form of a row of a table."""

    def form(line: Line) -> str:
        fields = fields_of(line, clock, shown)
        return ",".join([quoted(str(fields[column])) for column in columns])

    return form


def quoted(text: str) -> str:
    """Return a field of a table, with quotes where it needs them."""
    return '"' + text.replace('"', '""') + '"' if any(character in text for character in ',"\r\n') else text
