"""The constants of seccomp. Written by tools/constants.py from butter/build/seccomp.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._seccomp_c import lib

__all__ = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_NEW_LISTENER",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_TSYNC_ESRCH",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    "SECCOMP_GET_ACTION_AVAIL",
    "SECCOMP_GET_NOTIF_SIZES",
    "SECCOMP_RET_ACTION",
    "SECCOMP_RET_ACTION_FULL",
    "SECCOMP_RET_ALLOW",
    "SECCOMP_RET_DATA",
    "SECCOMP_RET_ERRNO",
    "SECCOMP_RET_KILL",
    "SECCOMP_RET_KILL_PROCESS",
    "SECCOMP_RET_KILL_THREAD",
    "SECCOMP_RET_LOG",
    "SECCOMP_RET_TRACE",
    "SECCOMP_RET_TRAP",
    "SECCOMP_RET_USER_NOTIF",
    "SECCOMP_SET_MODE_FILTER",
    "SECCOMP_SET_MODE_STRICT",
    "SeccompFlag",
    "SeccompOperation",
    "SeccompReturn",
]

# what seccomp does
#: allow read, write, _exit and sigreturn alone, and kill for any other call
SECCOMP_SET_MODE_STRICT: Final[int] = lib.SECCOMP_SET_MODE_STRICT
#: put a filter in front of every system call
SECCOMP_SET_MODE_FILTER: Final[int] = lib.SECCOMP_SET_MODE_FILTER
#: tell whether the kernel knows an action (Linux 4.14)
SECCOMP_GET_ACTION_AVAIL: Final[int] = lib.SECCOMP_GET_ACTION_AVAIL
#: return the sizes of the structs of notifications (Linux 5.0)
SECCOMP_GET_NOTIF_SIZES: Final[int] = lib.SECCOMP_GET_NOTIF_SIZES

# how a filter is put in front
#: of every thread of the process, and not only of this one
SECCOMP_FILTER_FLAG_TSYNC: Final[int] = lib.SECCOMP_FILTER_FLAG_TSYNC
#: log every answer but ALLOW that actions_logged lists (Linux 4.14)
SECCOMP_FILTER_FLAG_LOG: Final[int] = lib.SECCOMP_FILTER_FLAG_LOG
#: leave speculative execution as it is (Linux 4.17)
SECCOMP_FILTER_FLAG_SPEC_ALLOW: Final[int] = lib.SECCOMP_FILTER_FLAG_SPEC_ALLOW
#: return a descriptor that has the notifications (Linux 5.0)
SECCOMP_FILTER_FLAG_NEW_LISTENER: Final[int] = lib.SECCOMP_FILTER_FLAG_NEW_LISTENER
#: with TSYNC, fail with ESRCH if a thread differs (Linux 5.7)
SECCOMP_FILTER_FLAG_TSYNC_ESRCH: Final[int] = lib.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#: a taken notification waits for death alone (Linux 5.19)
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: Final[int] = lib.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

# what a filter answers, the strictest first
#: kill the process, as by SIGSYS (Linux 4.14)
SECCOMP_RET_KILL_PROCESS: Final[int] = lib.SECCOMP_RET_KILL_PROCESS
#: kill the thread, as by SIGSYS
SECCOMP_RET_KILL_THREAD: Final[int] = lib.SECCOMP_RET_KILL_THREAD
#: the same as SECCOMP_RET_KILL_THREAD
SECCOMP_RET_KILL: Final[int] = lib.SECCOMP_RET_KILL
#: send SIGSYS, which a handler may catch, instead of the call
SECCOMP_RET_TRAP: Final[int] = lib.SECCOMP_RET_TRAP
#: let the call fail with the errno in the lowest 16 bits
SECCOMP_RET_ERRNO: Final[int] = lib.SECCOMP_RET_ERRNO
#: ask the listener of the filter (Linux 5.0)
SECCOMP_RET_USER_NOTIF: Final[int] = lib.SECCOMP_RET_USER_NOTIF
#: ask the debugger; without one the call fails with ENOSYS
SECCOMP_RET_TRACE: Final[int] = lib.SECCOMP_RET_TRACE
#: allow the call, and log it (Linux 4.14)
SECCOMP_RET_LOG: Final[int] = lib.SECCOMP_RET_LOG
#: allow the call
SECCOMP_RET_ALLOW: Final[int] = lib.SECCOMP_RET_ALLOW

# the parts of an answer
#: the bits with the action
SECCOMP_RET_ACTION_FULL: Final[int] = lib.SECCOMP_RET_ACTION_FULL
#: the bits with the action, except that of SECCOMP_RET_KILL_PROCESS
SECCOMP_RET_ACTION: Final[int] = lib.SECCOMP_RET_ACTION
#: the bits with the errno, or with the number for the handler or debugger
SECCOMP_RET_DATA: Final[int] = lib.SECCOMP_RET_DATA


class SeccompOperation(Number):
    """What seccomp does."""

    SET_MODE_STRICT = SECCOMP_SET_MODE_STRICT
    SET_MODE_FILTER = SECCOMP_SET_MODE_FILTER
    GET_ACTION_AVAIL = SECCOMP_GET_ACTION_AVAIL
    GET_NOTIF_SIZES = SECCOMP_GET_NOTIF_SIZES

    __since__ = {
        "SECCOMP_GET_NOTIF_SIZES": (SECCOMP_GET_NOTIF_SIZES, "5.0"),
    }


class SeccompFlag(Flags):
    """How a filter is put in front."""

    TSYNC = SECCOMP_FILTER_FLAG_TSYNC
    LOG = SECCOMP_FILTER_FLAG_LOG
    SPEC_ALLOW = SECCOMP_FILTER_FLAG_SPEC_ALLOW
    NEW_LISTENER = SECCOMP_FILTER_FLAG_NEW_LISTENER
    TSYNC_ESRCH = SECCOMP_FILTER_FLAG_TSYNC_ESRCH
    WAIT_KILLABLE_RECV = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

    __since__ = {
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW": (SECCOMP_FILTER_FLAG_SPEC_ALLOW, "4.17"),
        "SECCOMP_FILTER_FLAG_NEW_LISTENER": (SECCOMP_FILTER_FLAG_NEW_LISTENER, "5.0"),
        "SECCOMP_FILTER_FLAG_TSYNC_ESRCH": (SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "5.7"),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "5.19"),
    }


class SeccompReturn(Number):
    """What a filter answers, the strictest first."""

    KILL_PROCESS = SECCOMP_RET_KILL_PROCESS
    KILL_THREAD = SECCOMP_RET_KILL_THREAD
    KILL = SECCOMP_RET_KILL
    TRAP = SECCOMP_RET_TRAP
    ERRNO = SECCOMP_RET_ERRNO
    USER_NOTIF = SECCOMP_RET_USER_NOTIF
    TRACE = SECCOMP_RET_TRACE
    LOG = SECCOMP_RET_LOG
    ALLOW = SECCOMP_RET_ALLOW

    __since__ = {
        "SECCOMP_RET_USER_NOTIF": (SECCOMP_RET_USER_NOTIF, "5.0"),
    }
