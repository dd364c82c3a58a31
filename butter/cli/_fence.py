"""The sandbox of ``butter fence``, the start of its program, and its report."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING

from butter.cli import OWN_FAILURE, _foreground
from butter.cli._ordinary import Ordinary
from butter.cli._output import printable, sentence, tell
from butter.clone import spawn
from butter.sandbox import Sandbox

if TYPE_CHECKING:
    import argparse

NOT_EXECUTABLE, NOT_FOUND = 126, 127

#: what programs need to start, where it exists: to be executed, and to be read
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")

#: the variables that PROGRAM has though nobody names them; those of LC_, too
KEPT = ("COLORTERM", "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER")


def sandbox_of(options: argparse.Namespace) -> Sandbox:
    """Return the sandbox that the command line describes."""
    read, execute = list(options.read), list(options.execute)
    if options.program is not None:
        execute += [path for path in candidates(options.program) if os.path.isfile(path)][:1]
    if not options.bare:
        read += filter(os.path.exists, SYSTEM_FILES)
        execute += filter(os.path.exists, SYSTEM)
    # those that every program may use are the default
    devices = {"devices": [*DEVICES, *options.devices]} if options.devices else {}
    return Sandbox(
        read,
        options.write,
        execute,
        options.connect,
        options.bind,
        syscalls=options.profile or ("network-client" if options.connect or options.bind else "pure"),
        env=environment(options),
        rlimits={limit: (value, value) for limit, value in options.rlimit},
        memory=options.memory,
        processes=options.processes,
        best_effort=options.best_effort,
        **devices,
    )


def candidates(program: str) -> list[str]:
    """Return the paths at which a program is looked for."""
    if "/" in program:
        return [program]
    return [os.path.join(directory, program) for directory in os.get_exec_path()]


def environment(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables of PROGRAM."""
    found = {}
    if not options.bare:
        found = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")}
    for name, value in options.env:
        if value is not None:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def run(options: argparse.Namespace) -> int:
    """Run the program, and return its status as a shell does."""
    with contextlib.ExitStack() as stack:
        try:
            sandbox = sandbox_of(options)
            # where it is ignored no exit code is kept
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            received = stack.enter_context(_foreground.signals())
            child = spawn(
                [options.program, *options.arguments],
                sandbox=sandbox,
                # so that it does not outlive this process
                pdeathsig=signal.SIGKILL,
            )
        except (OSError, ValueError, RuntimeError) as error:
            status, words = failure(error, options.program)
            tell(f"fence: {words}")
            return status
        with child:
            return _foreground.wait(child, received, Ordinary(child))


def failure(error: Exception, program: str) -> tuple[int, str]:
    """Return the status and the words for a program that was not started."""
    if not isinstance(error, OSError):
        return OWN_FAILURE, str(error)
    name = f"'{printable(os.fsencode(program))}'"
    if (error.strerror or "").startswith("spawn(argv)"):
        if isinstance(error, FileNotFoundError):
            there = "/" in program and os.path.lexists(program)
            return NOT_FOUND, f"{name} {'names an interpreter that does not exist' if there else 'was not found'}"
        return NOT_EXECUTABLE, f"{name} cannot be executed: {os.strerror(error.errno or 0)}"
    if error.errno == errno.EACCES and (error.strerror or "").startswith("sandbox: execute "):
        return NOT_EXECUTABLE, sentence(error)
    return OWN_FAILURE, sentence(error)
