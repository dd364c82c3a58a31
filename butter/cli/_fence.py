"""The sandbox of ``butter fence``, the start of its program, and its report."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import textwrap
from typing import TYPE_CHECKING

from butter._checks import limit_name
from butter._clone_spawn_options import program_of
from butter._look import CAP_SYS_RESOURCE, capable
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

#: the directories whose files need no capability of root, their owner, by the option
#: that opens them
OWNED = {
    "read": {"/dev": "reads the disks, and so each file"},
    "write": {
        "/proc/sys": "sets what the kernel starts outside of the fence",
        "/sys": "sets what the devices do",
        "/dev": "writes to the disks, and so to each file",
    },
}


def sandbox_of(options: argparse.Namespace) -> Sandbox:
    """Return the sandbox that the command line describes."""
    read, execute, variables = list(options.read), list(options.execute), environment(options)
    if options.program is not None:
        execute += program(options.program, variables)
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
        env=variables,
        rlimits={limit: (value, value) for limit, value in options.rlimit},
        memory=options.memory,
        processes=options.processes,
        best_effort=options.best_effort,
    )


def program(name: str, variables: dict[str, str]) -> list[str]:
    """Return the path of PROGRAM, looked for as its start does, in its own PATH.

    There is none, or that of a file whose start will fail, for a reason of its own.
    """
    candidates = map(os.fsdecode, program_of([os.fsencode(name)], variables, None).candidates)
    files = [path for path in candidates if os.path.isfile(path)]
    return ([path for path in files if os.access(path, os.X_OK)] or files)[:1]


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
            for words in warnings(options):
                tell(f"fence: warning: {words}")
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
            status, words = failure(error, options)
            tell(f"fence: {words}")
            return status
        with child:
            return _foreground.wait(child, received, Ordinary(child))


def failure(error: Exception, options: argparse.Namespace) -> tuple[int, str]:
    """Return the status and the words for a program that was not started."""
    if not isinstance(error, OSError):
        return OWN_FAILURE, str(error)
    words, program = sentence(error).removeprefix("sandbox: ").replace("open(O_PATH): ", ""), options.program
    if (error.strerror or "").startswith("spawn(argv)"):
        return not_started(program, isinstance(error, FileNotFoundError), error.errno)
    if isinstance(error, PermissionError) and words.startswith("execute "):
        if "/" in program and os.path.isdir(program):
            return not_started(program, False)
        return NOT_EXECUTABLE, f"--{words}"
    if isinstance(error, FileNotFoundError) and error.filename in options.write:
        words += "; make it before, or name its directory"
    return OWN_FAILURE, words


def not_started(program: str, missing: bool, number: int | None = errno.EACCES) -> tuple[int, str]:
    """Return the status and the words for a start that fails, by the errno *number*."""
    name, is_path = f"'{printable(os.fsencode(program))}'", "/" in program
    if is_path and os.path.isdir(program):
        return NOT_EXECUTABLE, f"{name} is a directory"
    if not missing:
        return NOT_EXECUTABLE, f"{name} cannot be executed: {os.strerror(number or 0)}"
    if not is_path or not os.path.lexists(program):
        return NOT_FOUND, f"{name} was not found"
    why = "names an interpreter" if os.path.exists(program) else "is a symbolic link to a file"
    return NOT_FOUND, f"{name} {why} that does not exist"


def show_report(options: argparse.Namespace) -> int:
    """Print what holds on this kernel; return 0 if PROGRAM would be started."""
    try:
        sandbox = sandbox_of(options)
        report = sandbox.report()
        errors = list(obstacles(sandbox, options))
    except ValueError as error:
        tell(f"fence: {error}")
        return OWN_FAILURE
    report.update(starts=report["starts"] and not errors, errors=errors, warnings=list(warnings(options)))
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        for line in lines_of(report):
            print(line)
    return 0 if report["starts"] else FAILED


def obstacles(sandbox: Sandbox, options: argparse.Namespace) -> Iterator[str]:
    """Sentences about what keeps PROGRAM from its start on any kernel."""
    for limit, value in options.rlimit:
        most = highest(limit)
        if value > most:
            yield f"{limit_name(limit)}: {value} is above {most}, and this process may not have more"
    found = program(options.program, environment(options)) if options.program is not None else []
    if options.program is not None and not (found and os.access(found[0], os.X_OK)):
        yield not_started(options.program, not found)[1]
        return
    try:
        fence = sandbox._fence()
        try:
            if found:
                sandbox._check_program([os.fsencode(found[0])])
        finally:
            sandbox._release(fence)
    except NotEnforced:
        pass  # which the report says
    except OSError as error:
        yield failure(error, options)[1]


def highest(limit: int) -> int:
    """Return the highest number that a limit can be set to."""
    if capable(CAP_SYS_RESOURCE):
        if limit != resource.RLIMIT_NOFILE:
            return (1 << 64) - 1
        with contextlib.suppress(OSError), open("/proc/sys/fs/nr_open", "rb") as file:
            return int(file.read())
    # RLIM_INFINITY is -1
    return resource.getrlimit(limit)[1] % (1 << 64)


def warnings(options: argparse.Namespace) -> Iterator[str]:
    """Sentences about what is named, and is a way out for root."""
    for option, places in OWNED.items():
        for path in getattr(options, option):
            real = os.path.realpath(path)
            for place, words in places.items():
                common = os.path.commonpath([real, place])
                # not each file in the others sets something, as those of /proc/sys do
                if (common == real or common == place == "/proc/sys") and owns(place):
                    yield f"--{option} {printable(os.fsencode(path))} has {place}, by which root {words}"


def owns(path: str) -> bool:
    try:
        return os.stat(path).st_uid == os.geteuid()
    except OSError:
        return False


def lines_of(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    abi = f"ABI {report['landlock_abi']} of landlock" if report["landlock_abi"] else "no landlock"
    yield f"Linux {report['kernel']}, with {abi}"
    yield f"the profile {report['profile']}, which holds from Linux {report['promised']} on"
    for heading, sentences in ("missing", "missing"), ("error", "errors"), ("warning", "warnings"):
        for words in report[sentences]:
            yield f"{heading}: {words}"
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
