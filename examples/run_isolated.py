#!/usr/bin/env python3
"""Run a program without network, without a view of other processes, with its own /tmp.

    python examples/run_isolated.py COMMAND [ARGUMENT...]

It needs no privileges where the machine allows user namespaces, and the program has
none. It is killed with this process, so that it is never left alone.
"""

import os
import signal
import sys

from butter.clone import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    spawn,
)
from butter.system import MS_NODEV, MS_NOEXEC, MS_NOSUID


def main(argv: list[str]) -> int:
    user, group = os.geteuid(), os.getegid()
    with spawn(
        argv,
        namespaces=CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
        # the same user inside and outside
        uid_map=[(user, user, 1)],
        gid_map=[(group, group, 1)],
        hostname="isolated",
        mounts=[
            # with the processes of the new namespace alone
            ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC),
            ("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, {"size": "64m", "mode": "1777"}),
        ],
        capabilities=(),
        no_new_privs=True,
        pdeathsig=signal.SIGKILL,
        timeout=10,
    ) as child:
        code = child.wait()
    # as a shell says it, where a signal has killed the program
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sh"]))
