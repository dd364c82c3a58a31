"""The sandbox of ``butter fence``, the start of its program, and its report."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import textwrap
from typing import TYPE_CHECKING

from butter.cli import FAILED, OWN_FAILURE, _foreground
from butter.cli._container import NETWORK, OF_USR
from butter.cli._ordinary import Ordinary
from butter.cli._output import printable, sentence, tell
from butter.clone import spawn
from butter.sandbox import DEVICES, NotEnforced, Sandbox

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

NOT_EXECUTABLE, NOT_FOUND = 126, 127

#: the directories of programs and libraries, where they exist: to be executed
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")

#: the variables that PROGRAM has without --env; those of LC_, too
KEPT = ("COLORTERM", "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER")


def sandbox_of(options: argparse.Namespace) -> Sandbox:
    """Return the sandbox that the command line describes."""
    read, execute = list(options.read), list(options.execute)
    if options.program is not None:
        execute += [path for path in candidates(options.program) if os.path.isfile(path)][:1]
    if not options.bare:
        files = (*OF_USR, "/etc/localtime", *(NETWORK if options.connect else ()))
        read += filter(os.path.exists, files)
        execute += filter(os.path.exists, SYSTEM)
    return Sandbox(
        read,
        options.write,
        execute,
        options.connect,
        options.bind,
        devices=[*DEVICES, *options.devices],
        syscalls=options.profile or ("network-client" if options.connect or options.bind else "pure"),
        env=environment(options),
        rlimits={limit: (value, value) for limit, value in options.rlimit},
        memory=options.memory,
        processes=options.processes,
        best_effort=options.best_effort,
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
        if options.connect:
            # a name is asked for by TCP then
            found["RES_OPTIONS"] = "use-vc"
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
            for words in sandbox.report()["missing"] if options.best_effort else ():
                tell(f"fence: not enforced: {words}")
            # where it is ignored no exit code is kept
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            received = stack.enter_context(_foreground.signals())
            child = spawn(
                [options.program, *options.arguments],
                sandbox=sandbox,
                # so that it does not outlive this process
                pdeathsig=signal.SIGKILL,
            )
        except NotEnforced:
            tell(f"fence: {'; '.join(sandbox.report()['missing'])}; --best-effort starts PROGRAM without that")
            return OWN_FAILURE
        except (OSError, ValueError) as error:
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
    words = sentence(error).removeprefix("sandbox: ")
    if isinstance(error, PermissionError) and words.startswith("execute "):
        return NOT_EXECUTABLE, f"--{words}"
    return OWN_FAILURE, words


def show_report(options: argparse.Namespace) -> int:
    """Print what holds on this kernel; return 0 if PROGRAM would be started."""
    try:
        report = sandbox_of(options).report()
    except ValueError as error:
        tell(f"fence: {error}")
        return OWN_FAILURE
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        for line in lines_of(report):
            print(line)
    return 0 if report["starts"] else FAILED


def lines_of(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    abi = f"ABI {report['landlock_abi']} of landlock" if report["landlock_abi"] else "no landlock"
    yield f"Linux {report['kernel']}, with {abi}"
    yield f"the profile {report['profile']}, which holds from Linux {report['promised']} on"
    for words in report["missing"]:
        yield f"missing: {words}"
    for heading, closed in ("closed", True), ("open", False):
        ways = [way for way in report["ways"] if way["closed"] == closed]
        if ways:
            yield ""
            yield f"{heading}:"
        for way in ways:
            text = f"{way['meaning']} ({' and '.join(way['by'])})" if closed else way["meaning"]
            yield from textwrap.wrap(
                text, 78, initial_indent=f"  {way['name']:<21} ", subsequent_indent=" " * 24, break_on_hyphens=False
            )
