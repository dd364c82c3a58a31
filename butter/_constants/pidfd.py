"""The constants of pidfd. Written by tools/constants.py from butter/build/pidfd.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._pidfd_c import lib

__all__ = [
    "PIDFD_COREDUMPED",
    "PIDFD_COREDUMP_ROOT",
    "PIDFD_COREDUMP_SKIP",
    "PIDFD_COREDUMP_USER",
    "PIDFD_GET_CGROUP_NAMESPACE",
    "PIDFD_GET_INFO",
    "PIDFD_GET_IPC_NAMESPACE",
    "PIDFD_GET_MNT_NAMESPACE",
    "PIDFD_GET_NET_NAMESPACE",
    "PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE",
    "PIDFD_GET_PID_NAMESPACE",
    "PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE",
    "PIDFD_GET_TIME_NAMESPACE",
    "PIDFD_GET_USER_NAMESPACE",
    "PIDFD_GET_UTS_NAMESPACE",
    "PIDFD_INFO_CGROUPID",
    "PIDFD_INFO_COREDUMP",
    "PIDFD_INFO_COREDUMP_CODE",
    "PIDFD_INFO_COREDUMP_SIGNAL",
    "PIDFD_INFO_CREDS",
    "PIDFD_INFO_EXIT",
    "PIDFD_INFO_PID",
    "PIDFD_INFO_SIZE_VER0",
    "PIDFD_INFO_SIZE_VER1",
    "PIDFD_INFO_SIZE_VER2",
    "PIDFD_INFO_SIZE_VER3",
    "PIDFD_INFO_SUPPORTED_MASK",
    "PIDFD_NONBLOCK",
    "PIDFD_SELF",
    "PIDFD_SELF_PROCESS",
    "PIDFD_SELF_THREAD",
    "PIDFD_SELF_THREAD_GROUP",
    "PIDFD_SIGNAL_PROCESS_GROUP",
    "PIDFD_SIGNAL_THREAD",
    "PIDFD_SIGNAL_THREAD_GROUP",
    "PIDFD_THREAD",
    "PIDFS_IOCTL_MAGIC",
    "P_ALL",
    "P_PGID",
    "P_PID",
    "P_PIDFD",
    "PidfdCoredump",
    "PidfdInfo",
    "PidfdNamespace",
    "PidfdOpen",
    "PidfdSignal",
    "WCONTINUED",
    "WEXITED",
    "WNOHANG",
    "WNOWAIT",
    "WSTOPPED",
    "WaitId",
    "WaitOption",
]

# the flags of pidfd_open
#: waitid fails with EAGAIN while the process runs (Linux 5.10)
PIDFD_NONBLOCK: Final[int] = lib.PIDFD_NONBLOCK
#: the number is that of a thread, of any in its process (Linux 6.9)
PIDFD_THREAD: Final[int] = lib.PIDFD_THREAD

# the scope of a signal, if it is not what the pidfd was opened for
#: the thread alone (Linux 6.9)
PIDFD_SIGNAL_THREAD: Final[int] = lib.PIDFD_SIGNAL_THREAD
#: the whole process (Linux 6.9)
PIDFD_SIGNAL_THREAD_GROUP: Final[int] = lib.PIDFD_SIGNAL_THREAD_GROUP
#: every process of the process group that it leads (Linux 6.9)
PIDFD_SIGNAL_PROCESS_GROUP: Final[int] = lib.PIDFD_SIGNAL_PROCESS_GROUP

# what is asked of a process, and what the answer has
#: numbers of thread, process and parent, until it is reaped (Linux 6.13)
PIDFD_INFO_PID: Final[int] = lib.PIDFD_INFO_PID
#: users and groups, until it is reaped (Linux 6.13)
PIDFD_INFO_CREDS: Final[int] = lib.PIDFD_INFO_CREDS
#: the number of its control group (Linux 6.13)
PIDFD_INFO_CGROUPID: Final[int] = lib.PIDFD_INFO_CGROUPID
#: the wait status, once it was reaped (Linux 6.15)
PIDFD_INFO_EXIT: Final[int] = lib.PIDFD_INFO_EXIT
#: whether it dumped core (Linux 6.16)
PIDFD_INFO_COREDUMP: Final[int] = lib.PIDFD_INFO_COREDUMP
#: which of these bits the kernel knows (Linux 6.19)
PIDFD_INFO_SUPPORTED_MASK: Final[int] = lib.PIDFD_INFO_SUPPORTED_MASK
#: the signal that made it dump core (Linux 6.19)
PIDFD_INFO_COREDUMP_SIGNAL: Final[int] = lib.PIDFD_INFO_COREDUMP_SIGNAL
#: the code of that signal (Linux 7.1)
PIDFD_INFO_COREDUMP_CODE: Final[int] = lib.PIDFD_INFO_COREDUMP_CODE

# what became of the core dump
#: there was a crash, and the kernel looked at it
PIDFD_COREDUMPED: Final[int] = lib.PIDFD_COREDUMPED
#: none was written
PIDFD_COREDUMP_SKIP: Final[int] = lib.PIDFD_COREDUMP_SKIP
#: it was written as the user's
PIDFD_COREDUMP_USER: Final[int] = lib.PIDFD_COREDUMP_USER
#: it was written as root's, and is to be kept secret
PIDFD_COREDUMP_ROOT: Final[int] = lib.PIDFD_COREDUMP_ROOT

# which namespace of a process
#: that of control groups (Linux 6.11)
PIDFD_GET_CGROUP_NAMESPACE: Final[int] = lib.PIDFD_GET_CGROUP_NAMESPACE
#: that of message queues, semaphores and shared memory (Linux 6.11)
PIDFD_GET_IPC_NAMESPACE: Final[int] = lib.PIDFD_GET_IPC_NAMESPACE
#: that of mounts (Linux 6.11)
PIDFD_GET_MNT_NAMESPACE: Final[int] = lib.PIDFD_GET_MNT_NAMESPACE
#: that of the network (Linux 6.11)
PIDFD_GET_NET_NAMESPACE: Final[int] = lib.PIDFD_GET_NET_NAMESPACE
#: that of process numbers (Linux 6.11)
PIDFD_GET_PID_NAMESPACE: Final[int] = lib.PIDFD_GET_PID_NAMESPACE
#: that of the process numbers of new children (Linux 6.11)
PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE: Final[int] = lib.PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE
#: that of clocks (Linux 6.11)
PIDFD_GET_TIME_NAMESPACE: Final[int] = lib.PIDFD_GET_TIME_NAMESPACE
#: that of the clocks of new children (Linux 6.11)
PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE: Final[int] = lib.PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE
#: that of users and capabilities (Linux 6.11)
PIDFD_GET_USER_NAMESPACE: Final[int] = lib.PIDFD_GET_USER_NAMESPACE
#: that of the host's name (Linux 6.11)
PIDFD_GET_UTS_NAMESPACE: Final[int] = lib.PIDFD_GET_UTS_NAMESPACE

# which children waitid waits for
#: any child
P_ALL: Final[int] = lib.P_ALL
#: the child with this number
P_PID: Final[int] = lib.P_PID
#: the children of this process group
P_PGID: Final[int] = lib.P_PGID
#: the child of this pidfd (Linux 5.4)
P_PIDFD: Final[int] = lib.P_PIDFD

# what waitid waits for, and how
#: do not wait
WNOHANG: Final[int] = lib.WNOHANG
#: for children that a signal stopped
WSTOPPED: Final[int] = lib.WSTOPPED
#: for children that have ended
WEXITED: Final[int] = lib.WEXITED
#: for stopped children that go on
WCONTINUED: Final[int] = lib.WCONTINUED
#: leave the child as it is: another call returns the same again
WNOWAIT: Final[int] = lib.WNOWAIT

# instead of a pidfd, and other numbers
#: the calling thread (Linux 6.15)
PIDFD_SELF: Final[int] = lib.PIDFD_SELF
#: the same as PIDFD_SELF (Linux 6.15)
PIDFD_SELF_THREAD: Final[int] = lib.PIDFD_SELF_THREAD
#: the calling process (Linux 6.17)
PIDFD_SELF_PROCESS: Final[int] = lib.PIDFD_SELF_PROCESS
#: the same as PIDFD_SELF_PROCESS (Linux 6.17)
PIDFD_SELF_THREAD_GROUP: Final[int] = lib.PIDFD_SELF_THREAD_GROUP
#: the number of the ioctl that returns information (Linux 6.13)
PIDFD_GET_INFO: Final[int] = lib.PIDFD_GET_INFO
#: the size of its first struct
PIDFD_INFO_SIZE_VER0: Final[int] = lib.PIDFD_INFO_SIZE_VER0
#: the size with what belongs to PIDFD_INFO_COREDUMP
PIDFD_INFO_SIZE_VER1: Final[int] = lib.PIDFD_INFO_SIZE_VER1
#: the size with what belongs to PIDFD_INFO_SUPPORTED_MASK
PIDFD_INFO_SIZE_VER2: Final[int] = lib.PIDFD_INFO_SIZE_VER2
#: the size with what belongs to PIDFD_INFO_COREDUMP_CODE
PIDFD_INFO_SIZE_VER3: Final[int] = lib.PIDFD_INFO_SIZE_VER3
#: the letter of the ioctls of pidfds
PIDFS_IOCTL_MAGIC: Final[int] = lib.PIDFS_IOCTL_MAGIC


class PidfdOpen(Flags):
    """The flags of pidfd_open."""

    NONBLOCK = PIDFD_NONBLOCK
    THREAD = PIDFD_THREAD

    __since__ = {
        "PIDFD_NONBLOCK": (PIDFD_NONBLOCK, "5.10"),
        "PIDFD_THREAD": (PIDFD_THREAD, "6.9"),
    }


class PidfdSignal(Flags):
    """The scope of a signal, if it is not what the pidfd was opened for."""

    THREAD = PIDFD_SIGNAL_THREAD
    THREAD_GROUP = PIDFD_SIGNAL_THREAD_GROUP
    PROCESS_GROUP = PIDFD_SIGNAL_PROCESS_GROUP

    __since__ = {
        "PIDFD_SIGNAL_THREAD": (PIDFD_SIGNAL_THREAD, "6.9"),
        "PIDFD_SIGNAL_THREAD_GROUP": (PIDFD_SIGNAL_THREAD_GROUP, "6.9"),
        "PIDFD_SIGNAL_PROCESS_GROUP": (PIDFD_SIGNAL_PROCESS_GROUP, "6.9"),
    }


class PidfdInfo(Flags):
    """What is asked of a process, and what the answer has."""

    PID = PIDFD_INFO_PID
    CREDS = PIDFD_INFO_CREDS
    CGROUPID = PIDFD_INFO_CGROUPID
    EXIT = PIDFD_INFO_EXIT
    COREDUMP = PIDFD_INFO_COREDUMP
    SUPPORTED_MASK = PIDFD_INFO_SUPPORTED_MASK
    COREDUMP_SIGNAL = PIDFD_INFO_COREDUMP_SIGNAL
    COREDUMP_CODE = PIDFD_INFO_COREDUMP_CODE

    __since__ = {
        "PIDFD_INFO_PID": (PIDFD_INFO_PID, "6.13"),
        "PIDFD_INFO_CREDS": (PIDFD_INFO_CREDS, "6.13"),
        "PIDFD_INFO_CGROUPID": (PIDFD_INFO_CGROUPID, "6.13"),
        "PIDFD_INFO_EXIT": (PIDFD_INFO_EXIT, "6.15"),
        "PIDFD_INFO_COREDUMP": (PIDFD_INFO_COREDUMP, "6.16"),
        "PIDFD_INFO_SUPPORTED_MASK": (PIDFD_INFO_SUPPORTED_MASK, "6.19"),
        "PIDFD_INFO_COREDUMP_SIGNAL": (PIDFD_INFO_COREDUMP_SIGNAL, "6.19"),
        "PIDFD_INFO_COREDUMP_CODE": (PIDFD_INFO_COREDUMP_CODE, "7.1"),
    }


class PidfdCoredump(Flags):
    """What became of the core dump."""

    COREDUMPED = PIDFD_COREDUMPED
    COREDUMP_SKIP = PIDFD_COREDUMP_SKIP
    COREDUMP_USER = PIDFD_COREDUMP_USER
    COREDUMP_ROOT = PIDFD_COREDUMP_ROOT


class PidfdNamespace(Number):
    """Which namespace of a process."""

    CGROUP_NAMESPACE = PIDFD_GET_CGROUP_NAMESPACE
    IPC_NAMESPACE = PIDFD_GET_IPC_NAMESPACE
    MNT_NAMESPACE = PIDFD_GET_MNT_NAMESPACE
    NET_NAMESPACE = PIDFD_GET_NET_NAMESPACE
    PID_NAMESPACE = PIDFD_GET_PID_NAMESPACE
    PID_FOR_CHILDREN_NAMESPACE = PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE
    TIME_NAMESPACE = PIDFD_GET_TIME_NAMESPACE
    TIME_FOR_CHILDREN_NAMESPACE = PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE
    USER_NAMESPACE = PIDFD_GET_USER_NAMESPACE
    UTS_NAMESPACE = PIDFD_GET_UTS_NAMESPACE

    __since__ = {
        "PIDFD_GET_CGROUP_NAMESPACE": (PIDFD_GET_CGROUP_NAMESPACE, "6.11"),
        "PIDFD_GET_IPC_NAMESPACE": (PIDFD_GET_IPC_NAMESPACE, "6.11"),
        "PIDFD_GET_MNT_NAMESPACE": (PIDFD_GET_MNT_NAMESPACE, "6.11"),
        "PIDFD_GET_NET_NAMESPACE": (PIDFD_GET_NET_NAMESPACE, "6.11"),
        "PIDFD_GET_PID_NAMESPACE": (PIDFD_GET_PID_NAMESPACE, "6.11"),
        "PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE": (PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE, "6.11"),
        "PIDFD_GET_TIME_NAMESPACE": (PIDFD_GET_TIME_NAMESPACE, "6.11"),
        "PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE": (PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE, "6.11"),
        "PIDFD_GET_USER_NAMESPACE": (PIDFD_GET_USER_NAMESPACE, "6.11"),
        "PIDFD_GET_UTS_NAMESPACE": (PIDFD_GET_UTS_NAMESPACE, "6.11"),
    }


class WaitId(Number):
    """Which children waitid waits for."""

    ALL = P_ALL
    PID = P_PID
    PGID = P_PGID
    PIDFD = P_PIDFD

    __since__ = {
        "P_PIDFD": (P_PIDFD, "5.4"),
    }


class WaitOption(Flags):
    """What waitid waits for, and how."""

    WNOHANG = WNOHANG
    WSTOPPED = WSTOPPED
    WEXITED = WEXITED
    WCONTINUED = WCONTINUED
    WNOWAIT = WNOWAIT
