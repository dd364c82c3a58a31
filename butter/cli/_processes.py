"""The process behind an event of fanotify: its number, name and command."""

# How a process is found, and why it is never another one
#
# An event has the number of the process, and that may be another process's by the time
# the event is read. The event also has a pidfd, which stays with its process. So
# /proc/<number> is read first, and then the pidfd is asked whether its process still
# has its number: a signal of 0 finds each process that was not reaped. If it was not,
# no other process can have had the number meanwhile. If it was, all that was read is
# dropped.

from __future__ import annotations

import base64
import select
import shlex
from typing import TYPE_CHECKING, NamedTuple

from butter.cli._output import escaped, printable, sentence
from butter.cli._watch import json_fields

if TYPE_CHECKING:
    from butter.fanotify import FanotifyEvent
    from butter.pidfd import Pidfd

#: how much of a command is shown to people
LONGEST_COMMAND = 200


class Process(NamedTuple):
    """A process, with what is known of it; None for what is not."""

    pid: int | None
    comm: bytes | None = None  # its name
    cmdline: list[bytes] | None = None  # its program and arguments; a kernel thread has none
    ended: bool | None = None
    unknown: str | None = None  # why the name is not known

    def json(self) -> dict[str, object]:
        """The fields for programs."""
        fields: dict[str, object] = {"pid": self.pid, "comm": None, "cmdline": None, "ended": self.ended}
        if self.comm is not None:
            fields.update(json_fields("comm", self.comm))
        if self.cmdline is not None:
            fields["cmdline"] = [escaped(argument) for argument in self.cmdline]
            if any(len(json_fields("", argument)) > 1 for argument in self.cmdline):
                fields["cmdline_base64"] = [base64.b64encode(argument).decode() for argument in self.cmdline]
        if self.unknown is not None:
            fields["process_unknown"] = self.unknown
        return fields

    def text(self) -> str:
        """The words for people, as ``touch[1234]: touch file``."""
        if self.comm is None:
            return f"process {'?' if self.pid is None else self.pid} ({self.unknown})"
        name = f"{printable(self.comm)}[{self.pid}]"
        if self.ended:
            return f"{name}, which has ended"
        if not self.cmdline:
            return name
        return f"{name}: {command_of(self.cmdline)}"


def command_of(cmdline: list[bytes]) -> str:
    """Return the beginning of a command for people."""
    command = " ".join(shlex.quote(printable(argument)) for argument in cmdline)
    return f"{command[:LONGEST_COMMAND]}{'...' * (len(command) > LONGEST_COMMAND)}"


GONE = "it had ended when the event was read"


def process_of(event: FanotifyEvent) -> Process:
    """Return the process behind *event*, whose group has ``FAN_REPORT_PIDFD``."""
    number = event.pid
    if number <= 0:
        return Process(None, unknown="it is in a PID namespace that this one does not see")
    try:
        pidfd = event.pidfd
    except ProcessLookupError:
        return Process(number, ended=True, unknown=GONE)
    except OSError as error:
        return Process(number, unknown=sentence(error))
    if pidfd is None:
        return Process(number, unknown="the event does not have a pidfd")
    return process_behind(number, pidfd)


def process_behind(number: int, pidfd: Pidfd) -> Process:
    """Return the process of *pidfd*, which had *number* when the event was made."""
    # in the PID namespace of /proc, which may be another than that of this process
    shown = pidfd.pid
    comm = cmdline = None
    if shown is not None:
        comm, cmdline = proc_file(shown, "comm"), proc_file(shown, "cmdline")
    # only now, see above
    if was_reaped(pidfd):
        return Process(number, ended=True, unknown=GONE)
    ended = has_ended(pidfd)
    if comm is None:
        return Process(number, ended=ended, unknown="/proc does not show it")
    return Process(number, comm.removesuffix(b"\n"), None if cmdline is None else arguments_of(cmdline), ended)


def was_reaped(pidfd: Pidfd) -> bool:
    """Return whether the number of the process may be another one's by now."""
    try:
        pidfd.send_signal(0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and another user's
    return False


def has_ended(pidfd: Pidfd) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def proc_file(pid: int, name: str) -> bytes | None:
    """Return the content of a file of /proc; None where it cannot be read."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return None


def arguments_of(cmdline: bytes) -> list[bytes]:
    """Return the arguments in a file ``cmdline``, each of which ends with a NUL."""
    return cmdline.removesuffix(b"\0").split(b"\0") if cmdline else []
