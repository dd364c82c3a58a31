"""The options of ``butter watch … -- COMMAND``, apart from the code that runs it.

The parser is made at each start, and the rest is slow to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

#: how many seconds a command may take to end
KILL_AFTER = 5.0

HELP = """\
COMMAND runs without a shell when paths have changed, once nothing has changed
for 0.1 seconds, or for those of --settle. While changes go on it runs at the
latest 20 times as long after the first of them, or a second if that is longer.
A file that it writes below PATH is a change, which runs it again, for ever:
--exclude or --gitignore leave such files out.

{} in its arguments stands for a path, and COMMAND runs once for each; with {+}
it runs once, with an argument for each path, or more often where they are too
many for one; without both it runs once. {{}} is a plain {}. A path that begins
with '-' gets './'.

COMMAND finds the same paths in its environment: in BUTTER_PATHS, each on a
line, and in the file that BUTTER_PATHS_FILE names, each with a NUL at its end,
as 'xargs -0' reads them. BUTTER_PATHS is not set where a path has a newline in
it, or where the paths are too long for the environment.

A change that comes while COMMAND runs is run for afterwards, however many come.
With --on-busy restart the command is ended instead, and runs for the paths of
both; with --on-busy skip such changes are dropped. With --restart COMMAND is a
server: it runs from the start, and each change ends it and starts it anew. To
end it, all that it has started gets SIGTERM, in whichever group or session that
is, and SIGKILL after --kill-after. Processes of other users are left out, and so
are those that a run has left which ended by itself, without a restart.

COMMAND has the terminal, whose modes are afterwards as they were before. With
--restart and --on-busy restart it is in a process group of its own, and does
not have the terminal: standard input is empty, and where it opens /dev/tty the
kernel stops it, which is told. Ctrl-C ends both, and so do SIGTERM, SIGHUP and
SIGQUIT; a second one does not wait for COMMAND.

A PATH that is a file is followed by its name, as with --follow, because most
editors save into a new file. COMMAND runs when the file is closed, or with
-e modify at each write. With modify, and with events that --follow does not
have, the file itself is watched, whatever name it has.

Only events of changes run COMMAND, unless -e has others, and only its own output
is shown, unless the command line has a form for lines, as --json.

How each run ends is told on stderr. With -n and -t the last run is waited for,
and 'butter watch' ends with its status, unless there were fewer changes than
COUNT; with --restart it ends with 0. A COMMAND that cannot be started the first
time is an error.
"""


def add_options(parser: argparse.ArgumentParser, seconds: Callable[[str], float]) -> None:
    """Add the options that say how a command runs.

    They become ``restart``, ``on_busy`` and ``kill_after``, which are None if they are
    not there. *seconds* is the type of a time.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--restart", action="store_true", help="COMMAND is a server: start it now, and anew after each change"
    )
    group.add_argument(
        "--on-busy",
        choices=["queue", "skip", "restart"],
        help="what a change does while COMMAND runs: wait for its end (queue), nothing, or end it (default: queue)",
    )
    parser.add_argument(
        "--kill-after",
        type=seconds,
        metavar="SECONDS",
        help=f"how long COMMAND may take to end until SIGKILL ends it (default: {KILL_AFTER:g})",
    )
