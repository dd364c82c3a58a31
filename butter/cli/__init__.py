"""The ``butter`` command.

A subcommand is a module of this package with two functions: ``add_to(commands)`` adds
its parser, ``run(options)`` does the work and returns the exit code. Its name stands in
:data:`COMMANDS`, and nothing else is needed: the module is imported when it is chosen.

``butter --help`` makes the parsers of all subcommands. So a subcommand imports modules
that are slow to import, as asyncio is, within ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import io
import signal
import sys
from typing import TYPE_CHECKING

from butter import __version__
from butter.cli._output import drop_output, sentence, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from _typeshed import SupportsWrite

__all__ = ["main"]

#: the subcommands, in the order of the help
COMMANDS = ("watch", "run", "fence", "doctor", "demo")

FAILED, USAGE, TOO_FEW, INTERRUPTED, NO_READER = 1, 2, 3, 128 + signal.SIGINT, 128 + signal.SIGPIPE
OWN_FAILURE = 125  # where every other code may be that of a program

EXIT_CODES = """\
exit codes:
  0    done
  1    failed, and a line on stderr says why; doctor: something does not work
  2    the command line is wrong
  3    watch: the time was up before COUNT events came
  125  run and fence: failed, or the command line is wrong; else they end as
       their program, and fence with 126 or 127 if it could not be started
  130  ended by Ctrl-C, even if events were shown before
  141  the reader of the output has exited, as head does after its last line
  N    watch -n or -t: that of COMMAND when it last ran, as a shell has it: 127
       if it could not be started, 128 and the number of a signal that ended it
"""

EXAMPLES = """\
examples:
  butter demo                       see it work: a few seconds, no root
  butter watch .                    every event of this directory, until Ctrl-C
  butter watch -e create,delete /tmp
  butter watch --filesystem /home   of all below, and by which process, as root
  butter run -- sh                  a shell in a container of its own
  butter fence --read . -- make -n   no file but what is named
  butter doctor                     what this kernel and this user may use

'butter COMMAND --help' tells more.

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with *arguments* and return its exit code.

    *arguments* default to ``sys.argv[1:]``; ``butter --help`` lists the exit codes.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stdout is None:
        if arguments[:1] in (["run"], ["fence"]):
            return status_of(arguments)  # the output is that of its program
        tell("standard output is closed")
        return FAILED
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a name that the locale cannot write should not stop the command
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.flush()  # so that the caller's own output is not dropped below
        status = status_of(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        # not flushed: Ctrl-C also ends the wait for a reader that does not read
        drop_output()
        return INTERRUPTED
    except BrokenPipeError:
        status = NO_READER
    except OSError as error:
        tell(sentence(error))
        status = FAILED
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
    return status


def status_of(arguments: Sequence[str]) -> int:
    try:
        return run_command(arguments)
    except SystemExit as end:
        # raised by argparse: after --help and --version, and for a wrong argument
        return int(end.code or 0)


def run_command(arguments: Sequence[str]) -> int:
    parser = command_line(arguments)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    status: int = subcommand(options.command).run(options)
    return status


def command_line(arguments: Sequence[str]) -> Parser:
    """Return the parser for *arguments*.

    If they begin with a subcommand the parser knows only this one, otherwise all.
    """
    parser = Parser(prog="butter", description="Linux's own facilities, seen from the command line.", epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"butter {__version__}")
    commands = parser.add_subparsers(prog="butter", dest="command", metavar="COMMAND", title="commands")
    for command in import_chosen(arguments):
        command.add_to(commands)
    return parser


def import_chosen(arguments: Sequence[str]) -> list[ModuleType]:
    """Return the subcommand that *arguments* begin with, otherwise all."""
    chosen = [name for name in COMMANDS if name in arguments[:1]]
    return [subcommand(name) for name in chosen or COMMANDS]


def subcommand(name: str) -> ModuleType:
    return importlib.import_module(f"butter.cli.{name}")


class Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **settings: Any) -> None:
        # argparse makes a formatter for each option, and would import shutil for this
        settings.setdefault("width", 78)
        super().__init__(prog, **settings)


class Parser(argparse.ArgumentParser):
    """A parser whose help ends with the exit codes, and whose errors are one line."""

    status_of_errors = USAGE
    #: whether a program and its arguments may follow after ``--``, as ``options.argv``
    takes_command = False

    def __init__(self, *, epilog: str = "", **settings: Any) -> None:
        super().__init__(
            epilog=epilog + EXIT_CODES,
            formatter_class=Formatter,
            # an abbreviation that works today would break with the next option
            allow_abbrev=False,
            **settings,
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        # Otherwise the parser of 'butter' refuses the options that a subcommand does
        # not know, and the error would name the wrong --help.
        argv = None
        if self.takes_command and "--" in args:
            end = args.index("--")
            args, argv = args[:end], args[end + 1 :]
        options, unknown = super().parse_known_args(args, namespace)
        if self.takes_command:
            # argparse may take a path for it that stands after an option
            unknown += options.argv or ()
            options.argv = argv
        if unknown:
            names = [name for action in self._actions for name in action.option_strings]
            near = (did_you_mean(word.partition("=")[0], names) for word in unknown if word.startswith("-"))
            self.error(f"unrecognized arguments: {' '.join(unknown)}{next(filter(None, near), '')}")
        return options, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # the words of argparse are others, and differ from one Python to the next
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        near = did_you_mean(str(value), names)
        if isinstance(action, argparse._SubParsersAction):
            words = near or f"; these are: {', '.join(names)}"
            raise argparse.ArgumentError(None, f"{value!r} is not a command{words}")
        raise argparse.ArgumentError(action, f"{value!r} is not one of {', '.join(names)}{near}")

    def error(self, message: str) -> NoReturn:
        tell(f"{message} ('{self.prog} --help' tells more)")
        raise SystemExit(self.status_of_errors)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # argparse ignores an error while it writes the output of --help or --version;
        # main's flush would notice it only if the output is buffered
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return the end of an error about *word*: the most similar of *names*, if any."""
    import difflib  # takes a while, and most commands do not need it

    return "".join(f"; did you mean {name!r}?" for name in difflib.get_close_matches(word, names, 1))


if TYPE_CHECKING:
    #: the argument of ``add_to``
    Commands = argparse._SubParsersAction[Parser]
