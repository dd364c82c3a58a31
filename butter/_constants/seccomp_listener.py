"""The constants of seccomp_listener. Written by tools/constants.py from butter/build/seccomp_listener.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._seccomp_listener_c import lib

__all__ = [
    "AddFd",
    "ListenerFlag",
    "NotificationAnswer",
    "SECCOMP_ADDFD_FLAG_SEND",
    "SECCOMP_ADDFD_FLAG_SETFD",
    "SECCOMP_IOCTL_NOTIF_ADDFD",
    "SECCOMP_IOCTL_NOTIF_ID_VALID",
    "SECCOMP_IOCTL_NOTIF_RECV",
    "SECCOMP_IOCTL_NOTIF_SEND",
    "SECCOMP_IOCTL_NOTIF_SET_FLAGS",
    "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP",
    "SECCOMP_USER_NOTIF_FLAG_CONTINUE",
]

# how a call goes on
#: the kernel makes the call, as if there were no filter (Linux 5.5)
SECCOMP_USER_NOTIF_FLAG_CONTINUE: Final[int] = lib.SECCOMP_USER_NOTIF_FLAG_CONTINUE

# how a listener works
#: the two sides wake each other on one processor (Linux 6.6)
SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: Final[int] = lib.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

# how a descriptor comes to a task
#: it gets a number that is chosen (Linux 5.9)
SECCOMP_ADDFD_FLAG_SETFD: Final[int] = lib.SECCOMP_ADDFD_FLAG_SETFD
#: its number is the answer, too (Linux 5.14)
SECCOMP_ADDFD_FLAG_SEND: Final[int] = lib.SECCOMP_ADDFD_FLAG_SEND

# the numbers of the ioctls of a listener
#: takes a notification
SECCOMP_IOCTL_NOTIF_RECV: Final[int] = lib.SECCOMP_IOCTL_NOTIF_RECV
#: answers one
SECCOMP_IOCTL_NOTIF_SEND: Final[int] = lib.SECCOMP_IOCTL_NOTIF_SEND
#: fails if the call does not wait any more
SECCOMP_IOCTL_NOTIF_ID_VALID: Final[int] = lib.SECCOMP_IOCTL_NOTIF_ID_VALID
#: gives the task a descriptor (Linux 5.9)
SECCOMP_IOCTL_NOTIF_ADDFD: Final[int] = lib.SECCOMP_IOCTL_NOTIF_ADDFD
#: sets flags of the listener (Linux 6.6)
SECCOMP_IOCTL_NOTIF_SET_FLAGS: Final[int] = lib.SECCOMP_IOCTL_NOTIF_SET_FLAGS


class NotificationAnswer(Flags):
    """How a call goes on."""

    CONTINUE = SECCOMP_USER_NOTIF_FLAG_CONTINUE

    __since__ = {
        "SECCOMP_USER_NOTIF_FLAG_CONTINUE": (SECCOMP_USER_NOTIF_FLAG_CONTINUE, "5.5"),
    }


class ListenerFlag(Flags):
    """How a listener works."""

    SYNC_WAKE_UP = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

    __since__ = {
        "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP": (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, "6.6"),
    }


class AddFd(Flags):
    """How a descriptor comes to a task."""

    SETFD = SECCOMP_ADDFD_FLAG_SETFD
    SEND = SECCOMP_ADDFD_FLAG_SEND

    __since__ = {
        "SECCOMP_ADDFD_FLAG_SETFD": (SECCOMP_ADDFD_FLAG_SETFD, "5.9"),
        "SECCOMP_ADDFD_FLAG_SEND": (SECCOMP_ADDFD_FLAG_SEND, "5.14"),
    }
