#!/usr/bin/env python3
"""Open a port as root, give all privileges up for ever, and only then serve.

    python examples/drop_privileges.py USER PORT [CAPABILITY...]

The capabilities that are named, as NET_BIND_SERVICE, are kept. It needs root.
"""

import contextlib
import os
import pwd
import socket
import sys

from butter.prctl import Capability, PrctlSecurebits, capget, capset, prctl

# root is a user as any other, and stays one
BITS = PrctlSecurebits.NOROOT | PrctlSecurebits.NOROOT_LOCKED


def drop(name: str, keep: "set[Capability]") -> None:
    user = pwd.getpwnam(name)
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("other threads would keep their capabilities")
    # these need a capability, so they come first
    prctl.capbset.drop(*(prctl.capbset - keep))
    prctl.securebits = BITS
    prctl.keepcaps = True
    # the user comes last of these, because then the right to set the others is gone
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    capset(keep, keep, ())
    prctl.no_new_privs = True
    prctl.dumpable = False
    check(user.pw_uid, user.pw_gid, keep)


def check(uid: int, gid: int, keep: "set[Capability]") -> None:
    """Raise RuntimeError if anything is left, or can come back."""
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (gid,) * 3 or os.getgroups():
        raise RuntimeError("the user or its groups are left")
    if capget() != (keep, keep, set()) or prctl.capbset - keep or prctl.ambient:
        raise RuntimeError("capabilities are left")
    if prctl.dumpable or not prctl.no_new_privs or prctl.securebits & BITS != BITS:
        raise RuntimeError("the process can be looked into, or get more again")
    with contextlib.suppress(PermissionError):
        os.setresuid(0, 0, 0)
        raise RuntimeError("root can come back")


def main(user: str, port: int, *names: str) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener, contextlib.suppress(KeyboardInterrupt):
        drop(user, {Capability[name] for name in names})
        print("port", listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            with client, contextlib.suppress(ConnectionError):
                client.sendall(b"I am user %d\n" % os.getuid())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
