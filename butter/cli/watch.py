"""``butter watch`` shows what happens to files and directories."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import sys
import time
from typing import TYPE_CHECKING

from butter.cli import did_you_mean
from butter.cli._output import shortened, tell_if_room
from butter.cli._watch import KINDS, ONLY_FANOTIFY, Burst, Loop, Settled
from butter.cli._watch_output import FIELDS, Output, Silent, formatted_time, printer
from butter.cli._watch_run_options import HELP, KILL_AFTER, add_options
from butter.inotify import IN_ACCESS, IN_ALL_EVENTS, IN_CLOSE_NOWRITE, IN_MODIFY, IN_OPEN, InotifyMask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter.cli import Commands
    from butter.cli._watch import Show, Source
    from butter.cli._watch_run import Runner

# the events that can be asked for, by the name that -e takes
EVENTS = {name.lower(): int(bits) for name, bits in InotifyMask.__members__.items() if not bits & ~IN_ALL_EVENTS}
EVENTS["all"] = EVENTS.pop("all_events")
# fanotify has the same bits for the events that inotify has
EVENTS.update(ONLY_FANOTIFY)

#: the events of files that are read
READING = IN_ACCESS | IN_OPEN | IN_CLOSE_NOWRITE

#: for how long a path has to be quiet before a command is run for it, in seconds
DEBOUNCE = 0.1

#: how many times as long a command waits at most while paths go on changing
PATIENCE = 20

#: the longest time that an option takes, in seconds
LONGEST_TIME = 1e9

#: the longest column of --format
WIDEST = 1000

#: how long the line may be that tells which paths are watched
LONGEST = 100

DESCRIPTION = """\
Show what happens to files and directories, one line for each event: the time
at which it was read, the names of its flags, the path. See inotify(7). With
-r and --follow a line is a change, which is true when it is told: a directory
that appears is looked through, and lost events are found again by looking.

Without -r a directory is watched without the directories in it. A path that
moves is told (MOVE_SELF), and so is the end of a watch (IGNORED) and an
overflow, even if they were not asked for; these are not counted. The command
ends when its last watch ends.

Output into a watched directory makes events, which make more output, for ever.
With --filesystem and --who the command leaves out its own events, but not
those of a program that its output is piped to."""

EPILOG = """\
events:
{events}

kinds of changes:
  created     it appeared, or was found in a directory that appeared
  written     it was closed after writing, or another file took its name
  modified    it was written to
  attributes  its mode, owner, times or links are others
  deleted     it is gone, with all that was below it
  moved       it has another path, with all that is below it

examples:
  butter watch .                              everything, until Ctrl-C
  butter watch -r src --gitignore --settle 0.2
  butter watch -e create,moved_to ~/Downloads
  butter watch --filesystem /home -e create,delete,rename
  butter watch --json . | jq -r .path         in a longer pipe jq needs --unbuffered
  butter watch -r . -0 --format '{{path}}' | xargs -0 -n 1 echo
  find . -name '*.c' | butter watch - --summary
  butter watch -r src -- make                 run make after each change
  butter watch --follow -n 1 -t 60 -e close_write out
      wait a minute for 'out' to be written, however that is done

-r and --follow tell the kinds of changes, for which the events stand as well;
modified is told if -e has it. A file that is replaced, moved in or linked counts
as close_write. --follow stays with the name, as tail -F does: through a rename
over the file, and while there is no such file. A file that it finds complete
is CREATED. A PATH that is MOVED away, and one that is DELETED, is always told.

A PATH within another one is watched with that. Each directory of -r and
--follow takes an instance of inotify, of which a user has few; all files share
one. If watches run out while -r runs, each directory without one is told, and
the others are watched on. A PATH that cannot be read is told and left out, if
there are others, and so is a directory below one.

{command}
A glob without a slash is compared with names, and one with a slash with paths
below PATH: '*.o', 'build/', 'docs/**/*.html'. A glob that ends with a slash is
for directories. Without -r all of them are for the names in the directory.

Text escapes backslashes, control characters, and bytes that are not UTF-8. -0
ends each line with a NUL, and prints names as they are. --time-format is that
of strftime, with %f for microseconds. --format is a line with fields, as in
'{{time}} {{flags:20}} {{path}}'.

fields of --format:
{fields}

A record of --json has time (seconds since 1970), path, name (within the
directory), wd, mask, flags, cookie (the same in both halves of a move). Bytes
that are not UTF-8 become backslash escapes, and name_base64 and path_base64
then have the bytes. For a file watched by several paths, 'also' lists the
others; 'moved' says that the watched path has moved since. Where the kernel
lost events a record has the flag IN_Q_OVERFLOW and no path.

A record of -r and --follow has time, kind, path, old_path (before a move),
is_dir, synthetic (found by looking), process (a number, with --who). Of a PATH
that has moved away, 'kind' is moved, old_path is null, and 'moved' is true.

--filesystem watches everything on the filesystem of a path, by one mark, and
needs CAP_SYS_ADMIN. It has more events: {only}. 'all' is then
each happening once: a rename is one event with both paths, and the end of a
file is its DELETE. A path is where the directory is now, with the name that
the file had in it then; it is unknown in a part of the filesystem that is not
mounted at PATH. Where files have no handles (overlay), and in a subvolume of
btrfs, the mount is watched instead, which has the events of open files alone. Paths
of --filesystem, and of --who without -r, are absolute.

The process behind an event is found through a pidfd, and so is never another
one. Its name and command are those that it had when the event was read; a
process that had ended by then has only its number.

A record of --filesystem and --who has time, path, name, mask, flags, and for
a rename old_path and old_name; pid, comm (the name of the process), cmdline (a
list) and ended. Each is null where it is not known, and path_unknown and
process_unknown then say why. FAN_FS_ERROR has error (its errno) and
error_count. Where the kernel lost events the flag is FAN_Q_OVERFLOW.

"""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "watch",
        help="show what happens to files and directories",
        description=DESCRIPTION,
        epilog=EPILOG.format(
            events=in_columns(list(EVENTS)),
            only=", ".join(ONLY_FANOTIFY),
            fields="\n".join(f"  {name:10} {meaning}" for name, meaning in FIELDS.items()),
            command=HELP,
        ),
    )
    parser.set_defaults(refuse=parser.error)
    parser.takes_command = True
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="a file or directory; '-' reads paths from stdin")
    # taken from the command line before argparse sees it
    add("argv", nargs="*", metavar="-- COMMAND", help="a program that is run on changes, and its arguments")
    add("-r", "--recursive", action="store_true", help="with all that is below, as it comes and goes")
    add("--follow", action="store_true", help="stay with the name, and wait for it if there is no such file")
    add("--exclude", action="append", type=glob_argument, metavar="GLOB", help="leave these out")
    add("--include", action="append", type=glob_argument, metavar="GLOB", help="only these files")
    add("--gitignore", action="store_true", help="leave out what git ignores")
    add(
        "-e",
        "--events",
        action="append",
        type=events_argument,
        metavar="EVENTS",
        help="only these, as create,delete or IN_CREATE,IN_DELETE "
        "(default: all, but with -r not modified, and with COMMAND none of reading)",
    )
    add("--settle", type=time_argument, metavar="SECONDS", help="one line for each path, once it was quiet for so long")
    add("--who", action="store_true", help="with the process behind each event, as root")
    add("--filesystem", metavar="PATH", help="instead: the whole filesystem of PATH, with --who")
    add("--from-file", action="append", metavar="FILE", help="the paths in FILE, one a line or with NULs between them")
    add(
        "-n", "--count", type=count_argument, metavar="COUNT", help="stop after COUNT of the events that were asked for"
    )
    add("-t", "--time", type=time_argument, metavar="SECONDS", help="stop after SECONDS, such as 0.5 or 60")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    forms.add_argument("--csv", action="store_true", help="a table, with the date")
    forms.add_argument("--format", type=format_argument, metavar="FORMAT", help="another line, as '{time} {path}'")
    add("--time-format", type=time_format_argument, metavar="FORMAT", help="another time, as '%%F %%T'")
    add("-0", "--null", action="store_true", help="end each line with a NUL, and escape nothing")
    add("--summary", action="store_true", help="instead of lines: how often what happened, at the end")
    add("--color", choices=["auto", "always", "never"], default="auto", help="colours (default: on a terminal)")
    add("-q", "--quiet", action="store_true", help="do not tell what is watched")
    add_options(parser, time_argument)
    # because of -0, the -1 of '-t -1' would be an option, and not a wrong time
    parser._has_negative_number_optionals.clear()


def in_columns(words: list[str]) -> str:
    rows = [words[start : start + 5] for start in range(0, len(words), 5)]
    return "\n".join("  " + "".join(f"{word:15}" for word in row).rstrip() for row in rows)


def events_argument(argument: str) -> int:
    mask = 0
    for name in argument.lower().split(","):
        bare = re.sub("^(in|fan)_", "", name.strip()).replace("all_events", "all")
        bits = KINDS.get(bare) or EVENTS.get(bare)
        if bits is None:
            known = [*EVENTS, *KINDS]
            words = did_you_mean(bare, known) or f"; these are: {', '.join(known)}"
            raise argparse.ArgumentTypeError(f"{name.strip()!r} is not an event{words}")
        mask |= bits
    return mask


def count_argument(argument: str) -> int:
    # int() refuses thousands of digits
    if not re.fullmatch("[0-9]{1,18}", argument) or int(argument) == 0:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a whole number above 0")
    return int(argument)


def time_argument(argument: str) -> float:
    try:
        number = float(argument)
    except ValueError:
        number = math.nan
    # what timers and poll() take is less than infinity
    if not 0 <= number <= LONGEST_TIME:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a number of seconds")
    return number


def glob_argument(argument: str) -> str:
    from butter._tree_patterns import Matchers

    try:
        Matchers.of(argument, "it")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return argument


def format_argument(argument: str) -> str:
    import string

    try:
        for _, field, spec, conversion in string.Formatter().parse(argument):
            if field is not None and (field not in FIELDS or conversion or not is_column(spec or "")):
                raise ValueError(field)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{argument!r} is not a format; its fields are {', '.join(f'{{{name}}}' for name in FIELDS)}"
        ) from None
    return argument


def time_format_argument(argument: str) -> str:
    try:
        formatted_time(0.0, argument).encode()
    except ValueError:
        # also of what is not UTF-8, or not in the character set of the locale
        raise argparse.ArgumentTypeError(f"{argument!a} is not a format of a time here") from None
    return argument


def is_column(spec: str) -> bool:
    """Return whether *spec* is that of a column for text, as in ``{path:>20}``."""
    try:
        format("", spec)
    except ValueError:
        return False
    return all(int(number) <= WIDEST for number in re.findall("[0-9]{1,9}", spec))


def run(options: argparse.Namespace) -> int:
    deadline = math.inf if options.time is None else time.monotonic() + options.time
    named = bool(options.paths or options.from_file)
    options.paths = all_paths(options)
    check_forms(options)
    check_globs(options)
    if options.argv == []:
        options.refuse("a COMMAND is needed after --")
    if not options.paths and options.filesystem is None:
        if named:
            options.refuse("a PATH is needed, and there is none in the file or on stdin")
        without = "" if options.argv is None else "; what follows -- is a COMMAND"
        options.refuse(f"a PATH or --filesystem PATH is needed{without}")
    if options.paths and options.filesystem is not None:
        options.refuse("a PATH or --filesystem PATH is needed, and not both")
    if options.filesystem is not None:
        options.who = True
        check_filesystem(options)
    if options.argv is not None and options.settle is None:
        options.settle = DEBOUNCE
    runner = None if options.argv is None else runner_of(options)
    output = Output(raw=options.null)
    with contextlib.ExitStack() as stack:
        sources, watched = sources_of(options)
        for source in sources:
            stack.callback(source.close)
        stack.enter_context(output.interruptible())
        if not options.quiet:
            tell_if_room(f"watching {watched}")
        burst = None
        if runner is not None:
            paths = list(map(os.fsencode, options.paths or [options.filesystem]))
            burst = Burst(stack.enter_context(runner), paths, max(1.0, PATIENCE * options.settle))
        return Loop(sources, output, show_of(output, options), options.count, burst).run(deadline)


def runner_of(options: argparse.Namespace) -> Runner:
    """Return what runs the command of *options*."""
    from butter.cli._watch_run import Runner

    try:
        return Runner(
            options.argv,
            restart=options.restart,
            on_busy=options.on_busy or "queue",
            tell=tell_if_room,
            kill_after=KILL_AFTER if options.kill_after is None else options.kill_after,
            late=options.settle,
        )
    except ValueError as error:
        options.refuse(str(error))
        raise


def check_forms(options: argparse.Namespace) -> None:
    """Refuse options that would have no effect beside the others."""
    if options.argv is None:
        for name in ("restart", "on_busy", "kill_after"):
            # 0 seconds is a time
            if getattr(options, name) is not None and getattr(options, name) is not False:
                options.refuse(f"--{name.replace('_', '-')} needs a COMMAND after --")
    if options.color != "auto":
        for name in ("json", "csv", "format", "summary"):
            if getattr(options, name):
                options.refuse(f"--color does not go with --{name}, which has no colours")
        if options.argv is not None:
            options.refuse("--color does not go with a COMMAND, beside which no lines are shown")
    for name, other in ("time_format", "json"), ("time_format", "summary"), ("format", "summary"):
        if getattr(options, name) is not None and getattr(options, other):
            options.refuse(f"--{name.replace('_', '-')} does not go with --{other}")


def check_globs(options: argparse.Namespace) -> None:
    """Refuse globs where every path is a file, with which none is compared."""
    if options.paths and all(os.path.exists(path) and not os.path.isdir(path) for path in options.paths):
        for name in ("exclude", "include", "gitignore"):
            if getattr(options, name):
                options.refuse(f"--{name} is about the files in a directory, and no PATH is one")


def check_filesystem(options: argparse.Namespace) -> None:
    for name in ("recursive", "follow", "gitignore"):
        if getattr(options, name):
            options.refuse(f"--{name} does not go with --filesystem, which has all that is below by itself")


def all_paths(options: argparse.Namespace) -> list[str]:
    """Return the paths of the command line, and those in files that it names."""
    paths: list[str] = []
    for path in options.paths:
        paths += paths_in(path) if path == "-" else [path]
    for name in options.from_file or ():
        paths += paths_in(name)
    return paths


def paths_in(name: str) -> list[str]:
    """Return the paths in a file, or in standard input for ``-``."""
    if name == "-":
        if sys.stdin is None:
            return []
        data = sys.stdin.buffer.read()
    else:
        with open(name, "rb") as file:
            data = file.read()
    if b"\0" in data:
        paths = data.split(b"\0")
        # the end of a line in which the last path has not a NUL of its own
        paths[-1] = paths[-1].removesuffix(b"\n")
    else:
        paths = data.split(b"\n")
        if all(path.endswith(b"\r") for path in paths[:-1]):
            # of a system where lines end so
            paths = [path.removesuffix(b"\r") for path in paths]
    return [os.fsdecode(path) for path in paths if path]


def sources_of(options: argparse.Namespace) -> tuple[list[Source], str]:
    """Return where the lines come from, and the words for what is watched."""
    # a command that reads the files would run again, for ever
    default = IN_ALL_EVENTS if options.argv is None else IN_ALL_EVENTS & ~READING
    mask = joined(options.events or [default])
    sources: list[Source]
    watched = listed(list(map(os.fsencode, options.paths)))
    if options.recursive or options.follow:
        from butter.cli import _watch_paths, _watch_tree

        kinds, others = _watch_tree.kinds_of(mask)
        if others:
            options.refuse(f"{names_of(others)}: -r and --follow have no such changes; they have: {', '.join(KINDS)}")
        # each write of a file is one, so they have to be asked for
        paths, named = _watch_paths.paths_of(options, options.paths, kinds if options.events else kinds & ~IN_MODIFY)
        watched = listed(named)
        return [paths], f"{watched} and all below" if options.recursive else watched
    if options.who:
        from butter.cli import _watch_filesystem

        source, words = _watch_filesystem.source_of(options, mask)
        sources, watched = [source], words or watched
    else:
        if others := mask & joined(ONLY_FANOTIFY.values()):
            options.refuse(f"{names_of(others)}: only --filesystem and --who have such events")
        return sources_of_paths(options, mask)
    if options.settle is not None:
        sources = [Settled(source, options.settle) for source in sources]
    return sources, watched


def sources_of_paths(options: argparse.Namespace, mask: int) -> tuple[list[Source], str]:
    """Return the sources for directories alone and for files, and words for both."""
    sources: list[Source] = []
    named: list[bytes] = []
    files = files_to_follow(options, mask)
    others = [path for path in options.paths if path not in files]
    try:
        if others:
            from butter.cli._watch_names import source_of_names

            one_line = not (options.json or options.summary)
            names, named = source_of_names(options, others, mask, one_line)
            sources.append(names if options.settle is None else Settled(names, options.settle))
        if files:
            from butter.cli._watch_paths import paths_of
            from butter.cli._watch_tree import kinds_of

            paths, found = paths_of(options, list(files), kinds_of(mask)[0])
            sources.append(paths)
            named += found
    except BaseException:
        for source in sources:
            source.close()
        raise
    return sources, listed(named)


def files_to_follow(options: argparse.Namespace, mask: int) -> dict[str, None]:
    """Return the files that are followed by their names, because a command is run.

    Most editors save into a new file, which gets the name: nothing would tell of the
    next save.
    """
    if options.argv is None:
        return {}
    files = dict.fromkeys(path for path in options.paths if os.path.exists(path) and not os.path.isdir(path))
    if files:
        from butter.cli._watch_tree import kinds_of

        # these events are of the file that is open
        if kinds_of(mask)[1] or (options.events and mask & IN_MODIFY):
            return {}
    return files


def joined(masks: Iterable[int]) -> int:
    mask = 0
    for each in masks:
        mask |= each
    return mask


def names_of(mask: int) -> str:
    return ", ".join(name for name, bits in EVENTS.items() if bits & mask == bits)


def listed(paths: list[bytes]) -> str:
    """Return the paths in a few words, however many there are."""
    words = [shortened(path) for path in paths]
    text = ", ".join(words)
    return text if len(text) <= LONGEST or len(words) == 1 else f"{len(words)} paths, the first is {words[0]}"


def show_of(output: Output, options: argparse.Namespace) -> Show:
    """Return what is done with lines."""
    if options.argv is not None and not (options.json or options.csv or options.format or options.summary):
        return Silent()
    if options.summary:
        from butter.cli._watch_summary import Summary

        return Summary(output, options)
    return printer(output, options)
