"""``butter fence`` runs a program that may use no more than what is named."""

from __future__ import annotations

import argparse
import re
import resource
from typing import TYPE_CHECKING

from butter.cli import OWN_FAILURE, did_you_mean
from butter.cli._values import count_argument, size_argument

if TYPE_CHECKING:
    from butter.cli import Commands

#: the profiles of butter.sandbox, which takes long to import
PROFILES = ("pure", "network-client", "build")

#: the limits of a process, by the word that --rlimit takes
RLIMITS = {
    name[len("RLIMIT_") :].lower(): getattr(resource, name)
    for name in sorted(dir(resource))
    if name.startswith("RLIMIT_")
}
# the same limit by the name that BSD gave it
RLIMITS.pop("ofile", None)

DESCRIPTION = """\
Run PROGRAM with fences around it: it may read, write and execute the files
that are named, connect to and listen at the TCP ports that are named, and use
no other network, device, process or privilege. Where this kernel cannot
enforce that, PROGRAM is not started. Any user may do it, nothing is mounted,
and the files have their own paths; 'butter run' makes containers."""

EPILOG = """\
A PATH is a file, or a directory and all that is below it. A file that may be
written or executed may be read, too. Beside what is named, PROGRAM may execute itself
and what is below /usr and its like (/bin, /lib, /lib64), which programs need to
start, and use /dev/null, /dev/zero, /dev/full, /dev/random and /dev/urandom.
With --connect it may read the files that name hosts, and needs port 53 to ask a
server for names. With --bare it has itself and the devices alone, and what it
needs to start is named.

PROGRAM has the terminal, whose mode it may set with --devices /dev/tty, the
working directory, and standard input, output and error, but no other open file.
Its variables are PATH, HOME, TERM, LANG and their like, and those of --env. It has
no capability, and cannot get one. It ends with this command; processes that it has
started in the background go on, behind the same fences.

A shell script starts other programs, and so needs --profile build. A Python of a venv
needs --read of the venv, and of the Python that it was made from, whose directory
.venv/bin/python -c 'import sys; print(sys.base_prefix)' prints; the python3 of pyenv
is a shell script that starts the one which 'pyenv which python3' prints.

examples:
  butter fence --read . -- /usr/bin/python3 program.py
  butter fence --read photo.png --write out -- convert photo.png out/small.jpg
  butter fence --profile build --read . --write build -- make
  butter fence --connect 443 --connect 53 --write . -- curl -O URL
  butter fence --devices /dev/tty --read notes -- less notes
  butter fence --report --json               what holds on this kernel

exit codes:
  125      the fences could not be put up, or the command line is wrong, and a
           line on stderr says why
  126      PROGRAM cannot be executed
  127      PROGRAM was not found
  128 + N  the signal N has ended PROGRAM: 130 Ctrl-C, 137 SIGKILL, and 159 a
           system call that has no business there
  other    the exit code of PROGRAM
"""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "fence", help="run a program that may use what is named, and no more", description=DESCRIPTION
    )
    parser.status_of_errors = OWN_FAILURE
    # without the codes of the other subcommands
    parser.epilog = EPILOG
    for name, words in (
        ("read", "files that may be read"),
        ("write", "files that may be read, written, made and removed"),
        ("execute", "files that may be read and executed"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], type=path_argument, metavar="PATH", help=words)
    for name, words in ("connect", "connected to"), ("bind", "listened at"):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            type=port_argument,
            metavar="PORT",
            help=f"a TCP port to be {words}",
        )
    parser.add_argument(
        "--devices", action="append", default=[], type=path_argument, metavar="PATH", help="devices that may be used"
    )
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        help="the system calls: pure computes, and is the default; network-client has TCP, and is the default "
        "with --connect or --bind; build starts other programs, too",
    )
    parser.add_argument("--bare", action="store_true", help="nothing that is not named: not /usr, and no variables")
    parser.add_argument(
        "--env", action="append", default=[], type=variable_argument, metavar="K[=V]", help="keep or set a variable"
    )
    parser.add_argument(
        "--rlimit",
        action="append",
        default=[],
        type=rlimit_argument,
        metavar="NAME=N",
        help="a limit of each process, as cpu=60 (seconds), fsize=10m or nofile=64",
    )
    parser.add_argument(
        "--memory", type=size_argument, metavar="SIZE", help="the most memory of all processes, as 512m"
    )
    parser.add_argument("--processes", type=count_argument, metavar="N", help="the most processes and threads")
    parser.add_argument(
        "--best-effort", action="store_true", help="start PROGRAM though this kernel enforces less, and say what"
    )
    parser.add_argument("--report", action="store_true", help="say what holds on this kernel, and start nothing")
    parser.add_argument("--json", action="store_true", help="the report as JSON, for programs")
    parser.add_argument("program", nargs="?", metavar="PROGRAM", help="the program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="its arguments")
    parser.set_defaults(refuse=parser.error)


def path_argument(argument: str) -> str:
    if not argument:
        # an unset variable of a script would name the working directory
        raise argparse.ArgumentTypeError("'' is not a path")
    return argument


def port_argument(argument: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", argument) or not 0 < int(argument) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{argument!r} is not a port, from 1 to 65535")
    return int(argument)


def variable_argument(argument: str) -> tuple[str, str | None]:
    name, equals, value = argument.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{argument!r} is not NAME or NAME=VALUE")
    return name, value if equals else None


def rlimit_argument(argument: str) -> tuple[int, int]:
    name, equals, value = argument.partition("=")
    if name not in RLIMITS:
        near = did_you_mean(name.lower(), RLIMITS) or f"; these are: {', '.join(RLIMITS)}"
        raise argparse.ArgumentTypeError(f"{name!r} is not a limit{near}")
    if not equals:
        raise argparse.ArgumentTypeError(f"{name!r} lacks its number, as in {name}=60")
    return RLIMITS[name], 0 if value == "0" else size_argument(value)


def run(options: argparse.Namespace) -> int:
    if options.json and not options.report:
        options.refuse("--json is about the --report")
    if options.program is None and not options.report:
        options.refuse("PROGRAM is missing")
    # what it takes is slow to import
    from butter.cli import _fence

    return _fence.show_report(options) if options.report else _fence.run(options)
