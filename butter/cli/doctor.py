"""``butter doctor`` says which features work here, and why others do not."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import platform
import pwd
import re
import signal
import threading
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from butter import __version__
from butter._look import capable, status_field, text_of
from butter.cli import FAILED
from butter.cli._limits import Limit, limits, processes_exhausted, user_limit
from butter.cli._output import sentence
from butter.cli._probes import BACKENDS, FEATURES, MODES, remedy
from butter.errors import Errors, OutOfMemory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import NoReturn

    from butter.cli import Commands
    from butter.cli._probes import Probe

DESCRIPTION = """\
Try each feature for real, in a child process, and say why it does not work
and what helps. Then show what fanotify has for some users alone, and
which backend a tree gets, neither of which changes the exit code, and the
limits that matter.

With --watches, show instead how many inotify watches and instances each user
has, and each process. Processes that share an instance, as after a fork, have
a row each, and it counts once for the user; or for each of them where the
kernel does not compare descriptors, as in some containers."""

FORK = Errors(
    "fork",
    {
        errno.EAGAIN: (OSError, processes_exhausted),
        errno.ENOMEM: (OutOfMemory, "the kernel has no memory for this call"),
    },
)


class Problem(NamedTuple):
    """Why a probe failed, with the errno where there is one."""

    number: int | None
    reason: str


class Row(TypedDict):
    """A feature in the report."""

    name: str  # of the feature
    works: bool  # whether it works here, for this user
    reason: str | None  # why it does not, null if it works
    remedy: str | None  # the advice, where there is one


class Report(TypedDict):
    """The whole report, as ``--json`` prints it."""

    butter: str  # the version of butter
    python: str  # the implementation and version of Python
    kernel: str  # the name and release of the kernel
    machine: str  # the architecture, as x86_64
    user: str  # the effective user: the name, and the number
    seccomp: str  # the mode of this process: off, strict, filter or unknown
    landlock: int  # the number of its ABI, 0 where it is not there
    capabilities: list[str]  # the names of the effective ones
    container: list[str]  # signs that this is a container
    features: list[Row]  # the features
    fanotify: list[Row]  # what fanotify has for some users alone
    trees: list[Row]  # the backends of butter.tree, the first choice first
    limits: list[Limit]  # the limits of the system


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "doctor", help="try what works here, and say why something does not", description=DESCRIPTION
    )
    parser.add_argument(
        "--watches",
        action="store_true",
        help="instead: the inotify watches and instances of each user and process, beside the limits",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")


def run(options: argparse.Namespace) -> int:
    if options.watches:
        return show_watches(options.json)
    with waitable_children():
        report = examine()
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)
    return 0 if all(row["works"] for row in report["features"]) else FAILED


def show_watches(as_json: bool) -> int:
    # not imported for the rest, which says so where inotify cannot be imported
    from butter.cli import _watches

    found = _watches.examine()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _watches.show(found)
    return 0


@contextlib.contextmanager
def waitable_children() -> Iterator[None]:
    """Make sure that children can be waited for.

    If SIGCHLD is ignored, which a process inherits, waitpid finds no child (ECHILD).
    Only the main thread may change that.
    """
    ignored = signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    change = ignored and threading.current_thread() is threading.main_thread()
    if change:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if change:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def show(report: Report) -> None:
    """Print *report* for people."""
    print(f"butter {report['butter']}, {report['python']}, {report['kernel']}, {report['machine']}")
    landlock = f"landlock ABI {report['landlock']}" if report["landlock"] else "no landlock"
    seccomp = f"seccomp {report['seccomp']}"
    print(f"user {report['user']}, capabilities: {shown(report['capabilities'])}, {seccomp}, {landlock}")
    print(f"container: {', '.join(report['container']) or 'no sign of one'}\n")
    show_rows(report["features"])
    print("\nfanotify, for some users alone:")
    show_rows(report["fanotify"])
    print(f"\nbackend of a tree: {choice(report['trees'])}")
    show_rows(report["trees"])
    print("\nsandbox: 'butter fence --report' says which ways out are closed here\n")
    for limit in report["limits"]:
        value = "unknown" if limit["value"] is None else limit["value"]
        print(f"{limit['name']:30} {value:>20}  {limit['meaning']}")


def show_rows(rows: list[Row]) -> None:
    for row in rows:
        print(f"{row['name']:14}{'works' if row['works'] else row['reason']}")
        if row["remedy"]:
            print(f"{'':14}{row['remedy']}")


def choice(rows: list[Row]) -> str:
    """Return which backend a tree of this user has, from the *rows* of both."""
    inotify, fanotify = (row["works"] for row in rows)
    if not inotify:
        return "fanotify" if fanotify else "none works"
    limit = user_limit("watches")
    watches = "unknown" if limit is None else limit
    if not fanotify:
        return f"inotify, for at most {watches} directories"
    return f"inotify, or fanotify for more than {watches} directories"


def examine() -> Report:
    return {
        "butter": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "user": user_name(),
        "seccomp": {"0": "off", "1": "strict", "2": "filter"}.get(status_field("Seccomp"), "unknown"),
        "landlock": landlock_abi(),
        "capabilities": capabilities(),
        "container": container_hints(),
        "features": [row_of(*each) for each in FEATURES],
        "fanotify": rows_of_modes(),
        "trees": [row_of(*each) for each in BACKENDS],
        "limits": limits(),
    }


def landlock_abi() -> int:
    """Return the ABI of landlock, or 0, also where its module cannot be imported."""
    with contextlib.suppress(Exception):
        from butter.landlock import abi

        return abi()
    return 0


def rows_of_modes() -> list[Row]:
    # Once for all: the import takes longer than the probes do. Where it fails each of
    # them says so.
    with contextlib.suppress(Exception):
        importlib.import_module("butter.fanotify")
        importlib.import_module("butter.system")
    return [row_of(*each) for each in MODES]


def row_of(name: str, since: str, probe: Probe) -> Row:
    problem = attempt(probe)
    if problem is None:
        return {"name": name, "works": True, "reason": None, "remedy": None}
    return {"name": name, "works": False, "reason": problem.reason, "remedy": remedy(problem.number, since)}


def attempt(probe: Probe, limit: float = 5) -> Problem | None:
    """Run *probe* in a child and return its problem; None if it works.

    The probe may take *limit* seconds. It may also be killed, as by a seccomp filter.
    """
    reading, writing = os.pipe()
    pid = -1
    try:
        pid = os.fork()
    except OSError as error:
        number = error.errno or 0
    if pid < 0:
        os.close(reading)
        os.close(writing)
        FORK.fail(number)
    if pid == 0:
        answer_of_child(probe, limit, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        # A probe that works makes the child write "null". An empty answer means that
        # the child ended before the probe did.
        problem = json.loads(answer or '[null, "the process ended without an answer"]')
        return Problem(*problem) if problem else None
    name = signal.Signals(os.WTERMSIG(status)).name
    if name == "SIGSYS":
        return Problem(errno.ENOSYS, "a seccomp filter kills the process that makes this call (SIGSYS)")
    return Problem(None, f"no answer within {limit} seconds" if name == "SIGALRM" else f"the process died of {name}")


def answer_of_child(probe: Probe, limit: float, writing: int) -> NoReturn:
    """Run *probe*, write its problem or null to *writing*, and end the process."""
    try:
        # the end of a session, of which the whole job is told, waits for a probe that
        # has to remove a directory
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGTERM))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limit)
        problem = None
        try:
            probe()
        except BaseException as error:
            problem = Problem(getattr(error, "errno", None), sentence(error, call=True))
        os.write(writing, json.dumps(problem).encode())
    finally:
        os._exit(0)


def user_name() -> str:
    try:
        return f"{pwd.getpwuid(os.geteuid()).pw_name} ({os.geteuid()})"
    except KeyError:
        return str(os.geteuid())


def capabilities() -> list[str]:
    """Return the names of the capabilities that are in force."""
    from butter.prctl import Capability

    return [f"CAP_{capability.name}" for capability in Capability if capable(capability)]


def shown(names: list[str]) -> str:
    """Return capabilities for people: root's in one word, and those that it lacks."""
    from butter.prctl import Capability

    lacking = [f"CAP_{capability.name}" for capability in Capability if f"CAP_{capability.name}" not in names]
    if len(lacking) > len(names):
        return " ".join(names) or "none"
    return f"all but {' '.join(lacking)}" if lacking else "all"


def container_hints() -> list[str]:
    """Return the signs that this is a container; some containers leave none."""
    hints = [path for path in ("/.dockerenv", "/run/.containerenv") if os.path.exists(path)]
    hints += filter(None, [text_of("/run/systemd/container").strip(), os.environ.get("container")])  # noqa: SIM112
    hints += sorted(set(re.findall("docker|kubepods|libpod|lxc", text_of("/proc/self/cgroup"))))
    if text_of("/proc/self/uid_map").split() not in ([], ["0", "0", "4294967295"]):
        hints.append("user namespace")
    return hints
