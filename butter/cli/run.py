"""``butter run`` runs a program in a container: no images, no daemon, no privileges."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
from typing import TYPE_CHECKING

from butter.cli import OWN_FAILURE
from butter.cli._output import printable, sentence, tell
from butter.cli._values import count_argument, size_argument

if TYPE_CHECKING:
    from butter.cli import Commands
    from butter.cli._container import Bind

DESCRIPTION = """\
Run PROGRAM in a container of its own. It sees this machine's /usr, read-only,
an empty /tmp, its own /proc and a minimal /dev. It has no network, no view of
other processes, no capability, and cannot get one. Nothing is left of it when
it ends, and it ends with this command, however that ends."""

EPILOG = """\
PROGRAM is process 1, with the terminal, the environment, and the status that
this command ends with. It is root inside, by name alone, and outside the user
that runs the command. Its directory is the one of the command where a --bind
or --write shows it, else /.

examples:
  butter run -- sh                            look around: id, ps, ls /
  butter run --bind . -- python3 program.py   the files of this directory
  butter run --net --write . -- make          they may change, and use the network
  butter run --memory 512m --processes 50 -- sh -c 'untrusted'

exit codes:
  125      the container or PROGRAM could not be started, or the command line
           is wrong, and a line on stderr says why
  128 + N  the signal N has ended PROGRAM: 130 Ctrl-C, 137 SIGKILL, 143 SIGTERM
  other    the exit code of PROGRAM
"""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser("run", help="run a program in a container of its own", description=DESCRIPTION)
    parser.status_of_errors = OWN_FAILURE
    # without the codes of the other subcommands
    parser.epilog = EPILOG
    parser.add_argument("--net", action="store_true", help="the network of the machine, instead of a loopback alone")
    parser.add_argument(
        "--bind",
        dest="binds",
        action="append",
        default=[],
        type=bind_argument,
        metavar="SOURCE[:TARGET]",
        help="show a file or directory of the machine, read-only, at the same path or at TARGET",
    )
    parser.add_argument(
        "--write", dest="binds", action="append", type=write_argument, metavar="DIR[:TARGET]", help="the same, writable"
    )
    parser.add_argument("--hostname", default="butter", metavar="H", help="the host name inside (default: butter)")
    parser.add_argument("--user", action="store_true", help="keep the numbers of the user and group, instead of root's")
    parser.add_argument("--memory", type=size_argument, metavar="SIZE", help="the most memory, as 512m or 2g")
    parser.add_argument("--processes", type=count_argument, metavar="N", help="the most processes and threads")
    parser.add_argument(
        "--env", action="append", default=[], type=variable_argument, metavar="K=V", help="set a variable"
    )
    parser.add_argument("program", metavar="PROGRAM", help="the program")
    arguments = parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="its arguments")
    arguments.required = False


def bind_argument(argument: str, writable: bool = False) -> Bind:
    # not imported for the help of all subcommands
    from butter.cli._container import Bind

    source, _, target = argument.partition(":")
    if not source:
        # an unset variable of a script would show the whole directory
        raise argparse.ArgumentTypeError(f"{argument!r} does not begin with a path")
    source = os.path.abspath(source)
    target = os.path.normpath(target or source)
    if not target.startswith("/") or not target.strip("/"):
        raise argparse.ArgumentTypeError(f"the target {target!r} is not an absolute path below /")
    if re.match("/+proc/+([0-9]|self|thread-self)", target):
        raise argparse.ArgumentTypeError(f"the target {target!r} belongs to a process, which does not run yet")
    return Bind(source, f"/{target.strip('/')}", writable, f"{'--write' if writable else '--bind'} {argument}")


def write_argument(argument: str) -> Bind:
    return bind_argument(argument, writable=True)


def variable_argument(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{argument!r} is not NAME=VALUE")
    return name, value


def run(options: argparse.Namespace) -> int:
    # what it takes is slow to import
    from butter.cli import _container, _foreground

    with contextlib.ExitStack() as stack:
        try:
            rlimits, cgroup = limits(options, stack)
            received = stack.enter_context(_foreground.signals())
            _container.enter(options.user, options.net)
            child = _container.start(
                [options.program, *options.arguments],
                options.binds,
                hostname=options.hostname,
                env={**os.environ, **dict(options.env)},
                network=options.net,
                rlimits=rlimits,
                cgroup=cgroup,
            )
        except (OSError, ValueError) as error:
            tell(f"run: {reason(error, options.program)}")
            return OWN_FAILURE
        with child:
            return _foreground.wait(child, received)


def reason(error: Exception, program: str) -> str:
    """Return why there is no container, and where possible what to do about it."""
    if not isinstance(error, OSError):
        return str(error)
    if error.filename == program and (error.strerror or "").startswith("spawn(argv)"):
        name = f"'{printable(os.fsencode(program))}'"
        if isinstance(error, FileNotFoundError):
            return (
                f"{name}, or the interpreter that it names, is not in the container, "
                f"which has /usr alone, and what --bind shows"
            )
        return f"{name} cannot be executed: {os.strerror(error.errno or 0)}"
    if isinstance(error, PermissionError) and error.filename == "proc":
        return (
            "a /proc for the container is not allowed, because mounts on the /proc of this machine hide parts of it, "
            "as in most containers; unmount them, or start the outer container with its whole /proc"
        )
    return sentence(error)


def limits(options: argparse.Namespace, stack: contextlib.ExitStack) -> tuple[dict[int, tuple[int, int]], int | None]:
    """Return the limits of each process, and the control group that limits them all."""
    settings, rlimits, each = {}, {}, []
    if options.memory is not None:
        settings["memory.max"] = str(options.memory)
        rlimits[resource.RLIMIT_AS] = options.memory
        each.append("--memory limits each process alone")
    if options.processes is not None:
        settings["pids.max"] = str(options.processes)
        # this command is one of those that the kernel counts
        rlimits[resource.RLIMIT_NPROC] = options.processes + 1
        each.append("--processes limits the user inside")
    if not settings:
        return {}, None
    # also slow to import
    from butter.cli import _cgroup

    controllers = {name.partition(".")[0] for name in settings}
    words = " and ".join(sorted(controllers))
    directory = _cgroup.find(controllers)
    if directory is not None:
        fd = stack.enter_context(_cgroup.group(directory, settings))
        tell(f"run: a control group in {directory} limits the whole container: {words}")
        return {}, fd
    if options.processes is not None and os.geteuid() == 0:
        raise ValueError(
            "--processes: the kernel counts the processes of every user but root, and there is no control group "
            "with the controller pids here; run the command as another user"
        )
    tell(
        f"run: {', '.join(each)}; a limit of the whole container takes a control group of version 2 with {words}, "
        f"in which this user may make groups"
    )
    return {limit: (capped(limit, value),) * 2 for limit, value in rlimits.items()}, None


def capped(limit: int, value: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
