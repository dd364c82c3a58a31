"""The constants of clone. Written by tools/constants.py from butter/build/clone.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._clone_c import lib
from butter._enums import Flags

__all__ = [
    "CLONE_FILES",
    "CLONE_FS",
    "CLONE_NEWCGROUP",
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWTIME",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "CLONE_SIGHAND",
    "CLONE_SYSVSEM",
    "CLONE_THREAD",
    "CLONE_VM",
    "CloneMounts",
    "CloneNew",
    "CloneUnshare",
    "NS_GET_ID",
    "NS_GET_MNTNS_ID",
    "NS_GET_NSTYPE",
    "NS_GET_OWNER_UID",
    "NS_GET_PARENT",
    "NS_GET_USERNS",
    "SETNS_ANY",
    "UNSHARE_EMPTY_MNTNS",
]

# the kinds of namespaces: a new one for unshare, the one that setns has to meet
#: mount namespace: the tree of directories
CLONE_NEWNS: Final[int] = lib.CLONE_NEWNS
#: uts namespace: host name and domain name
CLONE_NEWUTS: Final[int] = lib.CLONE_NEWUTS
#: ipc namespace: System V IPC and POSIX message queues
CLONE_NEWIPC: Final[int] = lib.CLONE_NEWIPC
#: user namespace: ids of users and groups, and capabilities
CLONE_NEWUSER: Final[int] = lib.CLONE_NEWUSER
#: pid namespace: ids of processes; the caller's children enter a new one
CLONE_NEWPID: Final[int] = lib.CLONE_NEWPID
#: network namespace: devices, addresses, routes, ports
CLONE_NEWNET: Final[int] = lib.CLONE_NEWNET
#: cgroup namespace: the root of the control groups
CLONE_NEWCGROUP: Final[int] = lib.CLONE_NEWCGROUP
#: time namespace: offsets of clocks; the caller's children enter a new one (Linux 5.6)
CLONE_NEWTIME: Final[int] = lib.CLONE_NEWTIME

# what else unshare stops sharing with other threads and processes
#: root directory, working directory and umask
CLONE_FS: Final[int] = lib.CLONE_FS
#: the table of descriptors
CLONE_FILES: Final[int] = lib.CLONE_FILES
#: adjustments of System V semaphores
CLONE_SYSVSEM: Final[int] = lib.CLONE_SYSVSEM
#: memory: allowed for a single thread alone, and without effect
CLONE_VM: Final[int] = lib.CLONE_VM
#: signal handlers: allowed for a single thread alone, and without effect
CLONE_SIGHAND: Final[int] = lib.CLONE_SIGHAND
#: the group of threads: allowed for a single thread alone, and without effect
CLONE_THREAD: Final[int] = lib.CLONE_THREAD

# the mounts of the new mount namespace
#: an empty mount namespace instead of a copy (Linux 7.1)
UNSHARE_EMPTY_MNTNS: Final[int] = lib.UNSHARE_EMPTY_MNTNS

# the kind that setns need not check, and the requests of ioctl for namespaces
#: any kind of namespace
SETNS_ANY: Final[int] = lib.SETNS_ANY
#: open the user namespace that owns the namespace
NS_GET_USERNS: Final[int] = lib.NS_GET_USERNS
#: open the parent of a user or pid namespace
NS_GET_PARENT: Final[int] = lib.NS_GET_PARENT
#: the kind of the namespace, as CLONE_NEWNET
NS_GET_NSTYPE: Final[int] = lib.NS_GET_NSTYPE
#: the user that owns a user namespace
NS_GET_OWNER_UID: Final[int] = lib.NS_GET_OWNER_UID
#: the id of a mount namespace, which is never used again (Linux 6.11)
NS_GET_MNTNS_ID: Final[int] = lib.NS_GET_MNTNS_ID
#: the id of any namespace, which is never used again (Linux 6.18)
NS_GET_ID: Final[int] = lib.NS_GET_ID


class CloneNew(Flags):
    """The kinds of namespaces: a new one for unshare, the one that setns has to meet."""

    NEWNS = CLONE_NEWNS
    NEWUTS = CLONE_NEWUTS
    NEWIPC = CLONE_NEWIPC
    NEWUSER = CLONE_NEWUSER
    NEWPID = CLONE_NEWPID
    NEWNET = CLONE_NEWNET
    NEWCGROUP = CLONE_NEWCGROUP
    NEWTIME = CLONE_NEWTIME

    __since__ = {
        "CLONE_NEWTIME": (CLONE_NEWTIME, "5.6"),
    }


class CloneUnshare(Flags):
    """What else unshare stops sharing with other threads and processes."""

    FS = CLONE_FS
    FILES = CLONE_FILES
    SYSVSEM = CLONE_SYSVSEM
    VM = CLONE_VM
    SIGHAND = CLONE_SIGHAND
    THREAD = CLONE_THREAD


class CloneMounts(Flags):
    """The mounts of the new mount namespace."""

    EMPTY_MNTNS = UNSHARE_EMPTY_MNTNS

    __since__ = {
        "UNSHARE_EMPTY_MNTNS": (UNSHARE_EMPTY_MNTNS, "7.1"),
    }
