"""The ``butter`` command: ``watch`` shows file events, ``doctor`` what works here, ``demo`` how it feels."""

from __future__ import annotations

import argparse
import base64
import errno
import functools
import io
import json
import math
import os
import platform
import pwd
import re
import resource
import select
import signal
import sys
import time

from butter import __version__
from butter.errors import Errors, OutOfMemory, raise_sysctl, sysctl
from butter.eventlike import LONGEST_POLL
from butter.inotify import (
    IN_ALL_EVENTS,
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MODIFY,
    IN_MOVE,
    IN_MOVE_SELF,
    IN_NONBLOCK,
    IN_OPEN,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    Inotify,
    InotifyMask,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from butter.inotify import InotifyEvent

    Probe = Callable[[], object]

__all__ = ["main"]

FAILED, USAGE, TOO_FEW, INTERRUPTED, NO_READER = 1, 2, 3, 128 + signal.SIGINT, 128 + signal.SIGPIPE

EXIT_CODES = """\
exit codes:
  0    done
  1    failed, and a line on stderr says why; doctor: something does not work
  2    the command line is wrong
  3    watch: the time was up before COUNT events came
  130  ended by Ctrl-C, also when events were shown before
  141  the reader of the output is gone, as head is after its last line
"""

# all that can be asked for, by the name that -e takes
EVENTS = {name.lower(): int(bits) for name, bits in InotifyMask.__members__.items() if not bits & ~IN_ALL_EVENTS}
EVENTS["all"] = EVENTS.pop("all_events")

# the names of single bits, in the order of the manual page
BITS = {name: int(bit) for name, bit in InotifyMask.__members__.items() if not bit & (bit - 1)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with *arguments* (default: ``sys.argv[1:]``) and return its exit code; ``--help`` lists them."""
    if sys.stdout is None:
        tell("standard output is closed")
        return FAILED
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a name that the locale cannot write is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.flush()  # what the caller wrote is not among what is dropped below
        try:
            status = run(arguments)
        except SystemExit as end:  # argparse's way to end: --help, --version, a wrong command line
            status = int(end.code or 0)
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


def drop_output() -> None:
    """Forget what could not be written: when Python ends it would be tried once more, and fail, or wait, again."""
    output = output_number()
    if output is None:
        return
    try:
        with open(os.devnull, "wb") as null, open(os.dup(output), "wb") as kept:
            os.dup2(null.fileno(), output)
            try:
                sys.stdout.flush()
            finally:
                # the descriptor belongs to the caller, who may go on
                os.dup2(kept.fileno(), output)
    except OSError:
        pass  # no /dev/null or no descriptor left: Python complains at its end, which is less than a traceback


def output_number() -> int | None:
    """The descriptor of standard output; None where it has none, as in ``redirect_stdout(io.StringIO())``."""
    try:
        return sys.stdout.fileno()
    except OSError:
        return None


def run(arguments: Sequence[str] | None) -> int:
    parser = command_line()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    result: int = options.run(options)
    return result


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with laid-out help, and errors of one line."""

    def __init__(self, **settings: Any) -> None:
        # an abbreviation that works today would break with the next option
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        tell(f"{message} ('{self.prog} --help' tells more)")
        raise SystemExit(USAGE)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse hides that the output of --help and --version cannot be
        # written; only a buffered one is still noticed by main's flush
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def command_line() -> Parser:
    parser = Parser(
        prog="butter",
        description="Linux's own facilities, seen from the command line.",
        epilog="""\
examples:
  butter demo                       see it work: a few seconds, no root
  butter watch .                    every event of this directory, until Ctrl-C
  butter watch -e create,delete /tmp
  butter doctor                     what this kernel and this user may use

'butter COMMAND --help' tells more.

"""
        + EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"butter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    watch = commands.add_parser(
        "watch",
        help="show what happens to files and directories",
        description="""\
Show what happens to files and directories, one line for each event: the time
at which it was read, the names of its flags, the path. See inotify(7).

A directory is watched alone, without the directories in it. The end of a watch
(IGNORED) and an overflow are shown whatever was asked for, and not counted;
the last end of a watch ends the command.

Output into a watched directory makes events, whose lines make more, for ever.""",
        epilog=f"""\
events:
{columns(list(EVENTS))}

examples:
  butter watch .                              everything, until Ctrl-C
  butter watch -e create,moved_to ~/Downloads
  butter watch -n 1 -t 60 -e close_write out  wait a minute for 'out' to be written
  butter watch --json . | jq -r .path

A record of --json has time (seconds since 1970), path, name (within the
directory), wd, mask, flags, cookie (the same in both halves of a move). What
is not UTF-8 has backslash escapes, and its bytes in name_base64, path_base64.
A file watched by several paths has its others in 'also'. Where the kernel
lost events a record has the flag IN_Q_OVERFLOW and no path.

"""
        + EXIT_CODES,
    )
    watch.add_argument("paths", nargs="+", metavar="PATH", help="a file or directory")
    watch.add_argument(
        "-e",
        "--events",
        action="append",
        type=event_names,
        metavar="EVENTS",
        help="only these, as create,delete or IN_CREATE,IN_DELETE (default: all)",
    )
    watch.add_argument(
        "-n", "--count", type=positive, metavar="COUNT", help="stop after so many of the events that were asked for"
    )
    watch.add_argument("-t", "--time", type=seconds, metavar="SECONDS", help="stop after this time, 0.5 or 60")
    watch.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    watch.set_defaults(run=run_watch)

    doctor = commands.add_parser(
        "doctor",
        help="try what works here, and say why something does not",
        description="""\
Try each feature for real, in a child process, and say why one does not work
and what helps. Then the limits that matter.""",
        epilog=EXIT_CODES,
    )
    doctor.add_argument("--json", action="store_true", help="one JSON object, for programs")
    doctor.set_defaults(run=run_doctor)

    demo = commands.add_parser(
        "demo",
        help="see it work: a few seconds, no arguments, no root",
        description="Change files in a temporary directory and show the events as they reach an asyncio loop.",
        epilog=EXIT_CODES,
    )
    demo.set_defaults(run=run_demo)
    return parser


def columns(names: list[str]) -> str:
    rows = [names[start : start + 5] for start in range(0, len(names), 5)]
    return "\n".join("  " + "".join(f"{name:15}" for name in row).rstrip() for row in rows)


def event_names(text: str) -> int:
    mask = 0
    for name in text.lower().split(","):
        bits = EVENTS.get(name.strip().removeprefix("in_").replace("all_events", "all"))
        if bits is None:
            raise argparse.ArgumentTypeError(f"{name.strip()!r} is not an event; these are: {', '.join(EVENTS)}")
        mask |= bits
    return mask


def positive(text: str) -> int:
    if not re.fullmatch("[0-9]+", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return number


def tell(text: str) -> None:
    if sys.stderr is None:
        return  # closed, and print would take stdout instead
    try:
        print(f"butter: {text}", file=sys.stderr, flush=True)
    except OSError:
        pass  # nobody is left to be told


def sentence(error: BaseException) -> str:
    """An exception as one line."""
    if not isinstance(error, OSError) or error.strerror is None:
        return ": ".join(filter(None, [type(error).__name__, str(error)]))
    path = error.filename
    return error.strerror if path is None else f"{error.strerror}: '{printable(os.fsencode(path))}'"


def escaped(name: bytes) -> str:
    """*name* as text; what is not UTF-8 in it has backslash escapes."""
    return name.decode("utf-8", "backslashreplace")


def printable(name: bytes) -> str:
    """*name* for a terminal: a newline in it begins no line, an escape sequence changes no colour."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped(name))


# butter watch


class Watched:
    """What is watched: the paths of each watch descriptor. Whatever begins or ends a watch goes through here."""

    def __init__(self, inotify: Inotify, mask: int) -> None:
        self.inotify = inotify
        self.mask = mask
        self.paths: dict[int, list[bytes]] = {}

    def add(self, path: bytes) -> None:
        # two paths of one file (a hard link, a symbolic link) have one watch
        paths = self.paths.setdefault(self.inotify.watch(path, self.mask), [])
        if path not in paths:
            paths.append(path)

    def paths_of(self, event: InotifyEvent) -> list[bytes]:
        """Every path by which what *event* tells of was asked for; none for an overflow."""
        name = event.filename
        return [os.path.join(path, name) if name else path for path in self.paths.get(event.wd, ())]

    def follow(self, event: InotifyEvent) -> None:
        """Do what *event* means for the watches."""
        if event.ignored_event:
            self.paths.pop(event.wd, None)


def run_watch(options: argparse.Namespace) -> int:
    mask = 0
    for events in options.events or [IN_ALL_EVENTS]:
        mask |= events
    show: Callable[..., str] = record if options.json else functools.partial(line, colour=colourful())
    deadline = math.inf if options.time is None else time.monotonic() + options.time
    wanted = options.count or math.inf
    count = 0
    with Inotify(IN_NONBLOCK) as inotify:
        watched = Watched(inotify, mask)
        for path in options.paths:
            watched.add(os.fsencode(path))
        tell(f"watching {', '.join(printable(os.fsencode(path)) for path in options.paths)}")
        poll = select.poll()
        poll.register(inotify, select.POLLIN)
        # no event of its own, but an error is always told: without it nobody
        # would notice that head has gone before there is a next event
        output = output_number()
        if output is not None:
            poll.register(output, 0)
        while (left := deadline - time.monotonic()) > 0:
            ready = dict(poll.poll(min(left * 1000, LONGEST_POLL)))
            if output in ready:
                raise BrokenPipeError
            now = time.time()
            for event in inotify.read_events() if ready else ():
                print(show(now, event, watched.paths_of(event)))
                if event.overflow_event:
                    limit = raise_sysctl("fs.inotify.max_queued_events")
                    tell(f"overflow: the queue was full, and events of any path are lost: {limit}")
                watched.follow(event)
                # an overflow, or the end of a watch, was not asked for
                count += event.mask & mask != 0
                if count == wanted:
                    return 0
            sys.stdout.flush()
            if not watched.paths:
                tell("nothing is left to watch: every path was deleted or unmounted")
                return FAILED
    return 0 if options.count is None else TOO_FEW


def names(mask: int) -> list[str]:
    """The names of the bits in *mask*; bits without a name come last, as a number."""
    found = [name for name, bit in BITS.items() if mask & bit]
    rest = mask & ~sum(BITS.values())
    return [*found, f"{rest:#x}"] if rest else found


def record(now: float, event: InotifyEvent, paths: list[bytes]) -> str:
    """An event for programs."""
    fields: dict[str, object] = {"time": round(now, 6), "path": None}
    if paths:
        fields.update(text("path", paths[0]))
    fields.update(text("name", event.filename))
    fields.update(wd=event.wd, mask=event.mask, flags=[f"IN_{name}" for name in names(event.mask)], cookie=event.cookie)
    if paths[1:]:
        fields["also"] = [escaped(path) for path in paths[1:]]
    return json.dumps(fields)


def text(key: str, data: bytes) -> dict[str, str]:
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        return {key: escaped(data), f"{key}_base64": base64.b64encode(data).decode()}


def line(now: float, event: InotifyEvent, paths: list[bytes], colour: bool) -> str:
    """An event for people."""
    clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03}"
    flags = f"{'|'.join(names(event.mask)):19}"
    if colour:
        clock = f"\033[2m{clock}\033[0m"
        flags = f"\033[{next((code for bits, code in COLOURS if event.mask & bits), 0)}m{flags}\033[0m"
    path, *also = map(printable, paths) if paths else ["-"]
    return f"{clock}  {flags}  {path}" + (f"  (also {', '.join(also)})" if also else "")


# green for what begins, red for what ends, yellow for what moves, cyan for what changes
COLOURS = [
    (IN_CREATE, 32),
    (IN_DELETE | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW, 31),
    (IN_MOVE | IN_MOVE_SELF, 33),
    (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB, 36),
]


def colourful() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# butter doctor

#: each feature: its name, the first Linux that has it, and a function that uses it and raises where that fails
FEATURES: list[tuple[str, str, Callable[[], object]]] = []


def feature(name: str, since: str) -> Callable[[Probe], Probe]:
    """``@feature("inotify", since="2.6.27")``: doctor tries the decorated function."""

    def register(probe: Probe) -> Probe:
        FEATURES.append((name, since, probe))
        return probe

    return register


@feature("inotify", since="2.6.27")
def try_inotify() -> None:
    with Inotify() as inotify:
        inotify.watch("/", IN_OPEN)
        os.close(os.open("/", os.O_RDONLY))
        inotify.read_event()


# A probe imports its feature itself: one that cannot be imported is one row
# that says so, and 'butter watch' loads no feature that it does not use.


@feature("eventfd", since="2.6.27")
def try_eventfd() -> None:
    from butter.eventfd import Eventfd

    with Eventfd() as counter:
        counter.increment()
        counter.read_event()


@feature("timerfd", since="2.6.27")
def try_timerfd() -> None:
    from butter.timerfd import Timer

    with Timer() as timer:
        timer.after(seconds=0.001).update()
        timer.read_event()


@feature("signalfd", since="2.6.27")
def try_signalfd() -> None:
    from butter.signalfd import Signalfd

    with Signalfd([signal.SIGUSR1]) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        signals.read_event()


@feature("memfd", since="3.17")
def try_memfd() -> None:
    from butter.memfd import F_SEAL_WRITE, Memfd

    with Memfd("butter-doctor", 1) as memfd:
        memfd.revoke(F_SEAL_WRITE)


@feature("splice", since="2.6.17")
def try_splice() -> None:
    from butter.splice import splice

    first, second = os.pipe(), os.pipe()
    os.write(first[1], b"butter")
    splice(first[0], second[1], len=6)


def processes_exhausted(**_: object) -> str:
    """The sentence for EAGAIN, with which Linux refuses a process and a thread alike."""
    limits = resource.getrlimit(resource.RLIMIT_NPROC)
    soft, hard = ("unlimited" if limit == resource.RLIM_INFINITY else limit for limit in limits)
    return (
        f"no process or thread can be added: RLIMIT_NPROC is {soft} ('ulimit -u' raises it, up to {hard});"
        " pids.max of the cgroup and kernel.threads-max are limits too"
    )


FORK = Errors(
    "fork",
    {
        errno.EAGAIN: (OSError, processes_exhausted),
        errno.ENOMEM: (OutOfMemory, "the kernel has no memory for it"),
    },
)


def attempt(probe: Probe, limit: float = 5) -> tuple[int | None, str] | None:
    """What is wrong with *probe*, run in a child: ``(errno, reason)``, or None if it works.

    It may take *limit* seconds, and may also be killed, as some seccomp filters do.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        FORK.fail(error.errno or 0)
    if pid == 0:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, limit)
            problem = None
            try:
                probe()
            except BaseException as error:
                problem = getattr(error, "errno", None), sentence(error)
            os.write(writing, json.dumps(problem).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        # success is an answer too, "null": whoever says nothing did not come to the end
        problem = json.loads(answer or '[null, "the process ended without an answer"]')
        return tuple(problem) if problem else None
    name = signal.Signals(os.WTERMSIG(status)).name
    if name == "SIGSYS":
        return errno.ENOSYS, "a seccomp filter kills the process that makes this call (SIGSYS)"
    return None, f"no answer within {limit} seconds" if name == "SIGALRM" else f"the process died of {name}"


def missing(since: str) -> str:
    if version(platform.release()) < version(since):
        return f"run Linux {since} or newer"
    return "this kernel has the call, so allow it in the seccomp profile of the container or service"


DENIED = "run as root or with the capability that is named, or allow it in the profile of the container or service"
EXHAUSTED = "raise the limit that is named, or end what uses it up"
REMEDIES: dict[int | None, str | Callable[[str], str]] = {
    errno.ENOSYS: missing,
    errno.EPERM: DENIED,
    errno.EACCES: DENIED,
    errno.EMFILE: EXHAUSTED,
    errno.ENFILE: EXHAUSTED,
    errno.ENOSPC: EXHAUSTED,
}


def remedy(number: int | None, since: str) -> str | None:
    """What helps when a feature of Linux *since* fails with the errno *number*, if that is known."""
    found = REMEDIES.get(number)
    return found(since) if callable(found) else found


def version(release: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", release)[:3]]


def examine() -> dict[str, Any]:
    """All that doctor finds out."""
    features = []
    for name, since, probe in FEATURES:
        problem = attempt(probe)
        found: dict[str, object] = {"name": name, "works": problem is None, "reason": None, "remedy": None}
        if problem:
            found.update(reason=problem[1], remedy=remedy(problem[0], since))
        features.append(found)
    return {
        "butter": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "user": user(),
        "seccomp": {"0": "off", "1": "strict", "2": "filter"}.get(status_field("Seccomp"), "unknown"),
        "capabilities": status_field("CapEff"),
        "container": container(),
        "features": features,
        "limits": limits(),
    }


def user() -> str:
    try:
        return f"{pwd.getpwuid(os.geteuid()).pw_name} ({os.geteuid()})"
    except KeyError:
        return str(os.geteuid())


def contents(path: str) -> str:
    """The text of a small file, empty where there is none."""
    try:
        with open(path) as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def status_field(name: str) -> str:
    found = re.search(rf"^{name}:\s*(\S+)", contents("/proc/self/status"), re.MULTILINE)
    return found[1] if found else "unknown"


def container() -> list[str]:
    """What says that this is a container; some leave no trace."""
    hints = [path for path in ("/.dockerenv", "/run/.containerenv") if os.path.exists(path)]
    hints += filter(None, [contents("/run/systemd/container").strip(), os.environ.get("container")])  # noqa: SIM112
    hints += sorted(set(re.findall("docker|kubepods|libpod|lxc", contents("/proc/self/cgroup"))))
    if contents("/proc/self/uid_map").split() not in ([], ["0", "0", "4294967295"]):
        hints.append("user namespace")
    return hints


#: the limits of the system, with what each bounds
LIMITS = {
    "fs.inotify.max_user_instances": "inotify descriptors of a user",
    "user.max_inotify_instances": "the same, in this user namespace",
    "fs.inotify.max_user_watches": "inotify watches of a user",
    "user.max_inotify_watches": "the same, in this user namespace",
    "fs.inotify.max_queued_events": "events that wait in one inotify descriptor",
    "fs.file-max": "open files of the system",
    "fs.nr_open": "descriptors of a process, at most",
    "fs.pipe-max-size": "bytes in a pipe of a user who is not root",
}


def limits() -> list[dict[str, object]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = f"descriptors of this process; 'ulimit -n' raises it, up to {hard}"
    rows = [(name, sysctl(name), meaning) for name, meaning in LIMITS.items()]
    rows.append(("RLIMIT_NOFILE", soft, descriptors))
    return [{"name": name, "value": value, "meaning": meaning} for name, value, meaning in rows]


def run_doctor(options: argparse.Namespace) -> int:
    import threading

    # An ignored SIGCHLD, which a process inherits, leaves no child for waitpid
    # (ECHILD). Only the main thread may change that.
    ignored = signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    ignored = ignored and threading.current_thread() is threading.main_thread()
    if ignored:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        found = examine()
    finally:
        if ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"butter {found['butter']}, {found['python']}, {found['kernel']}, {found['machine']}")
        print(f"user {found['user']}, capabilities {found['capabilities']}, seccomp {found['seccomp']}")
        print(f"container: {', '.join(found['container']) or 'no sign of one'}\n")
        for row in found["features"]:
            print(f"{row['name']:12}{'works' if row['works'] else row['reason']}")
            if row["remedy"]:
                print(f"{'':12}{row['remedy']}")
        print()
        for row in found["limits"]:
            value = "unknown" if row["value"] is None else row["value"]
            print(f"{row['name']:30} {value:>20}  {row['meaning']}")
    return 0 if all(row["works"] for row in found["features"]) else FAILED


# butter demo


def run_demo(options: argparse.Namespace) -> int:
    # asyncio alone takes longer to import than the rest of the command to run
    import asyncio

    return asyncio.run(demo())


async def demo() -> int:
    import asyncio
    import tempfile
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from butter.asyncio.eventfd import Eventfd_async
    from butter.asyncio.inotify import Inotify_async
    from butter.asyncio.signalfd import Signalfd_async
    from butter.asyncio.splice import copy
    from butter.asyncio.timerfd import Timerfd_async
    from butter.memfd import Memfd

    start = time.monotonic()

    def say(who: str, what: str) -> None:
        print(f"{time.monotonic() - start:5.2f} s  {who:10}{what}", flush=True)

    async def files(inotify: Inotify_async) -> None:
        async for event in inotify:
            say("inotify", f"{'|'.join(names(event.mask)):14} {event.name}")

    async def heartbeat(timer: Timerfd_async) -> None:
        async for ticks in timer:
            say("timerfd", f"{ticks} tick")

    async def received(signals: Signalfd_async) -> None:
        async for event in signals:
            say("signalfd", f"{event.name} from process {event.pid}")

    def work(directory: Path, wakeup: Eventfd_async, stop: threading.Event) -> None:
        file, renamed = directory / "bread", directory / "toast"
        steps: list[tuple[str, Callable[[], object]]] = [
            ("makes a file", file.touch),
            ("writes into it", lambda: file.write_text("butter")),
            ("renames it", lambda: file.rename(renamed)),
            ("makes a directory", (directory / "plate").mkdir),
            ("deletes the file", renamed.unlink),
            ("sends a signal", lambda: os.kill(os.getpid(), signal.SIGUSR1)),
        ]
        try:
            for what, step in steps:
                say("a thread", what)
                step()
                if stop.wait(0.4):
                    return
            say("a thread", "wakes the loop")
        finally:
            wakeup.increment()

    print("A thread changes files. One asyncio loop waits for all that happens.\n")
    # Not the loop's own executor: to end it asyncio starts a thread, so where none can start it fails twice.
    with tempfile.TemporaryDirectory(prefix="butter-demo-") as directory, ThreadPoolExecutor(1) as executor:
        async with (
            Inotify_async() as inotify,
            Timerfd_async() as timer,
            Eventfd_async() as wakeup,
            Signalfd_async(signal.SIGUSR1) as signals,
        ):
            inotify.watch(directory, IN_CREATE | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE)
            timer.every(seconds=0.5)
            stop = threading.Event()
            loop = asyncio.get_running_loop()
            try:
                working = loop.run_in_executor(executor, work, Path(directory), wakeup, stop)
            except RuntimeError:
                tell(f"demo: {processes_exhausted()}")
                return FAILED
            waiting = files(inotify), heartbeat(timer), received(signals)
            tasks = [asyncio.ensure_future(coroutine) for coroutine in waiting]
            try:
                calls = await wakeup.wait()
                await working
                say("eventfd", f"{calls} call")
                with Memfd("toast", b"bread and butter") as memfd, memfd.sealed_copy() as sealed:
                    say("memfd", f"{len(sealed)} bytes that nobody can change")
                    with open(Path(directory, "toast"), "wb") as target:
                        say("splice", f"{await copy(sealed, target)} of them moved to a file")
            finally:
                # the thread must be gone before what it uses is closed, after Ctrl-C too
                stop.set()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, working, return_exceptions=True)
    print("\nNow yours: butter watch .")
    return 0
