"""``butter watch`` shows what happens to files and directories."""

from __future__ import annotations

import argparse
import functools
import json
import math
import operator
import os
import re
import sys
import time
from typing import TYPE_CHECKING

from butter.cli import FAILED, TOO_FEW
from butter.cli._flags import flag_names
from butter.cli._output import colourful, escaped, printable, tell
from butter.cli._watch import ONLY_FANOTIFY, batches, json_fields, text_start
from butter.errors import raise_sysctl
from butter.inotify import IN_ALL_EVENTS, IN_NONBLOCK, Inotify, InotifyMask

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from butter.cli import Commands
    from butter.inotify import InotifyEvent

    #: returns the line of an event for the time of day, the event and its paths
    Render = Callable[[float, InotifyEvent, list[bytes]], str]

# the events that can be asked for, by the name that -e takes
EVENTS = {name.lower(): int(bits) for name, bits in InotifyMask.__members__.items() if not bits & ~IN_ALL_EVENTS}
EVENTS["all"] = EVENTS.pop("all_events")
# fanotify has the same bits for the events that inotify has
EVENTS.update(ONLY_FANOTIFY)

DESCRIPTION = """\
Show what happens to files and directories, one line for each event: the time
at which it was read, the names of its flags, the path. See inotify(7). With
--filesystem the line has the process, too, see fanotify(7).

A directory is watched without the directories in it. The end of a watch
(IGNORED) and an overflow are always shown, and not counted. The command ends
when its last watch ends.

Output into a watched directory makes events, which make more output, for ever.
With --filesystem the command leaves out its own events, but not those of a
program that its output is piped to."""

EPILOG = """\
events:
{events}

examples:
  butter watch .                              everything, until Ctrl-C
  butter watch -e create,moved_to ~/Downloads
  butter watch -n 1 -t 60 -e close_write out  wait a minute for 'out' to be written
  butter watch --json . | jq -r .path
  butter watch --filesystem /home -e create,delete,rename

A record of --json has time (seconds since 1970), path, name (within the
directory), wd, mask, flags, cookie (the same in both halves of a move). Bytes
that are not UTF-8 become backslash escapes, and name_base64 and path_base64
then have the bytes. For a file watched by several paths, 'also' lists the
others. Where the kernel lost events a record has the flag IN_Q_OVERFLOW and
no path.

--filesystem watches everything on the filesystem of a path, by one mark, and
needs CAP_SYS_ADMIN. It has more events: {only}. 'all' is then
each happening once: a rename is one event with both paths, and the end of a
file is its DELETE. A path is where the directory is now, with the name that
the file had in it then; it is unknown in a part of the filesystem that is not
mounted at PATH. Where files have no handles (overlay), and in a subvolume of
btrfs, the mount is watched instead, which has the events of open files alone.

The process behind an event is found through a pidfd, and so is never another
one. Its name and command are those that it had when the event was read; a
process that had ended by then has only its number.

A record of --filesystem has time, path, name, mask, flags, and for a rename
old_path and old_name; pid, comm (the name of the process), cmdline (a list)
and ended. Each is null where it is not known, and path_unknown and
process_unknown then say why. FAN_FS_ERROR has error (its errno) and
error_count. Where the kernel lost events the flag is FAN_Q_OVERFLOW.

"""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "watch",
        help="show what happens to files and directories",
        description=DESCRIPTION,
        epilog=EPILOG.format(events=in_columns(list(EVENTS)), only=", ".join(ONLY_FANOTIFY)),
    )
    parser.set_defaults(refuse=parser.error)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a file or directory")
    parser.add_argument(
        "--filesystem",
        metavar="PATH",
        help="instead: the whole filesystem of PATH, with the process behind each event",
    )
    parser.add_argument(
        "-e",
        "--events",
        action="append",
        type=events_argument,
        metavar="EVENTS",
        help="only these, as create,delete or IN_CREATE,IN_DELETE (default: all)",
    )
    parser.add_argument(
        "-n",
        "--count",
        type=count_argument,
        metavar="COUNT",
        help="stop after COUNT of the events that were asked for",
    )
    parser.add_argument(
        "-t", "--time", type=time_argument, metavar="SECONDS", help="stop after SECONDS, such as 0.5 or 60"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")


def in_columns(words: list[str]) -> str:
    rows = [words[start : start + 5] for start in range(0, len(words), 5)]
    return "\n".join("  " + "".join(f"{word:15}" for word in row).rstrip() for row in rows)


def events_argument(argument: str) -> int:
    mask = 0
    for name in argument.lower().split(","):
        bits = EVENTS.get(re.sub("^(in|fan)_", "", name.strip()).replace("all_events", "all"))
        if bits is None:
            raise argparse.ArgumentTypeError(f"{name.strip()!r} is not an event; these are: {', '.join(EVENTS)}")
        mask |= bits
    return mask


def count_argument(argument: str) -> int:
    if not re.fullmatch("[0-9]+", argument) or int(argument) == 0:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a whole number above 0")
    return int(argument)


def time_argument(argument: str) -> float:
    try:
        number = float(argument)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a number of seconds")
    return number


def run(options: argparse.Namespace) -> int:
    mask = functools.reduce(operator.or_, options.events or [IN_ALL_EVENTS])
    deadline = math.inf if options.time is None else time.monotonic() + options.time
    if bool(options.paths) == (options.filesystem is not None):
        options.refuse("a PATH or --filesystem PATH is needed, and not both")
    if options.filesystem is not None:
        from butter.cli import _watch_filesystem

        return _watch_filesystem.run(options, mask, deadline)
    if more := [name for name, bit in ONLY_FANOTIFY.items() if mask & bit]:
        options.refuse(f"{', '.join(more)}: only --filesystem has such events")
    render: Render = json_line if options.json else functools.partial(text_line, colour=colourful())
    count = 0
    with Inotify(IN_NONBLOCK) as inotify:
        watched = Watched(inotify, mask)
        for path in options.paths:
            watched.add(os.fsencode(path))
        tell(f"watching {', '.join(printable(os.fsencode(path)) for path in options.paths)}")
        for now, events in batches(inotify, deadline):
            for event in events:
                print(render(now, event, watched.paths_of(event)))
                if event.overflow_event:
                    limit = raise_sysctl("fs.inotify.max_queued_events")
                    tell(f"overflow: the queue was full, and events of any path are lost: {limit}")
                watched.follow(event)
                # an overflow, or the end of a watch, was not asked for
                count += event.mask & mask != 0
                if count == options.count:
                    return 0
            sys.stdout.flush()
            if not watched.paths:
                tell("nothing is left to watch: every path was deleted or unmounted")
                return FAILED
    return 0 if options.count is None else TOO_FEW


class Watched:
    """The watches with all paths of each; ``Inotify.path`` knows only the newest."""

    def __init__(self, inotify: Inotify, mask: int) -> None:
        self.inotify = inotify
        self.mask = mask
        self.paths: dict[int, list[bytes]] = {}

    def add(self, path: bytes) -> None:
        # two paths of one file (a hard link, a symbolic link) have one watch
        self.paths.setdefault(self.inotify.watch(path, self.mask), []).append(path)

    def paths_of(self, event: InotifyEvent) -> list[bytes]:
        """Return every path of the file of *event*, the newest first.

        The list is empty for an overflow.
        """
        name = event.filename
        newest: Any = self.inotify.path(event)
        others = [os.path.join(path, name) if name else path for path in self.paths.get(event.wd, ())]
        return [] if newest is None else [newest, *(path for path in dict.fromkeys(others) if path != newest)]

    def follow(self, event: InotifyEvent) -> None:
        """Forget the watch that *event* ends, if it ends one."""
        if event.ignored_event:
            self.paths.pop(event.wd, None)


def json_line(now: float, event: InotifyEvent, paths: list[bytes]) -> str:
    """Return the line of an event for programs."""
    fields: dict[str, object] = {"time": round(now, 6), "path": None}
    if paths:
        fields.update(json_fields("path", paths[0]))
    fields.update(json_fields("name", event.filename))
    flags = [f"IN_{name}" for name in flag_names(event.mask)]
    fields.update(wd=event.wd, mask=event.mask, flags=flags, cookie=event.cookie)
    if paths[1:]:
        fields["also"] = [escaped(path) for path in paths[1:]]
    return json.dumps(fields)


def text_line(now: float, event: InotifyEvent, paths: list[bytes], colour: bool) -> str:
    """Return the line of an event for people."""
    path, *also = map(printable, paths) if paths else ["-"]
    return f"{text_start(now, '|'.join(flag_names(event.mask)), event.mask, colour)}{path}" + (
        f"  (also {', '.join(also)})" if also else ""
    )
