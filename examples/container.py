#!/usr/bin/env python3
"""Run a program in a container: with the programs of this machine, and nothing else.

    python examples/container.py PROGRAM [ARGUMENT...]

It needs no privileges where the machine allows user namespaces.
"""

import contextlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from butter.clone import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    Child,
    map_ids,
    spawn,
    unshare,
)
from butter.signalfd import SFD_NONBLOCK, SI_KERNEL, Signal, Signalfd
from butter.system import MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount

DEVICES = "null", "zero", "full", "random", "urandom", "tty"
SIGNALS = [getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "TERM", "TSTP", "USR1", "USR2")]
# where the new root is mounted, and seen by the child alone, until it becomes /
PLACE = "/tmp"


def tree(stack: contextlib.ExitStack) -> list[tuple[Any, ...]]:
    """Make the root and what is mounted in it; all of it is attached nowhere yet."""
    root = stack.enter_context(Mount.new("tmpfs", mode="755"))
    for name in "usr", "proc", "dev", "tmp":
        os.mkdir(name, dir_fd=root.fileno())
    for name in "bin", "sbin", "lib", "lib64":
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), name, dir_fd=root.fileno())
    usr = stack.enter_context(Mount.clone("/usr", recursive=True))
    usr.set(readonly=True, nosuid=True, nodev=True, recursive=True)
    mounts: list[tuple[Any, ...]] = [(root, PLACE), (usr, f"{PLACE}/usr")]
    for name in DEVICES:
        os.close(os.open(f"dev/{name}", os.O_CREAT | os.O_WRONLY, dir_fd=root.fileno()))
        mounts.append((stack.enter_context(Mount.clone(f"/dev/{name}")), f"{PLACE}/dev/{name}"))
    return [*mounts, ("proc", f"{PLACE}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)]


def pass_on(event: Signal, child: Child) -> None:
    """Do to the program what the signal would do if the program were not process 1."""
    lines = Path(f"/proc/{child.pid}/status").read_text(errors="replace").splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    cared_for = int(status["SigCgt"], 16) | int(status["SigIgn"], 16) | int(status["SigBlk"], 16)
    if not cared_for >> event.signal - 1 & 1 and event.signal == signal.SIGTSTP:
        child.send_signal(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)  # until the shell continues this process
        child.send_signal(signal.SIGCONT)
    elif not cared_for >> event.signal - 1 & 1:
        child.kill()
    # the terminal sends its signals to both, but its end to the leader of a session
    elif event.code != SI_KERNEL or (event.signal == signal.SIGHUP and os.getsid(0) == os.getpid()):
        child.send_signal(event.signal)


def main(argv: list[str]) -> int:
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    map_ids(os.getpid(), [(0, user, 1)], [(0, group, 1)])
    with Signalfd(SIGNALS, SFD_NONBLOCK) as signals, contextlib.ExitStack() as stack:
        child = stack.enter_context(
            spawn(
                argv,
                namespaces=CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP,
                hostname="container",
                mounts=tree(stack),
                root=PLACE,  # by pivot_root, and the old root is unmounted
                capabilities=(),
                no_new_privs=True,
                pdeathsig=signal.SIGKILL,
                timeout=10,
            )
        )
        while child not in select.select([child, signals], [], [])[0]:
            for event in signals.read_events():
                pass_on(event, child)
        signals.read_events()  # would end this process now; they were for the program
        code = child.wait()
    return code if code >= 0 else 128 - code  # as a shell says it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sh"]))
