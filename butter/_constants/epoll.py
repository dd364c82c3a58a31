"""The constants of epoll. Written by tools/constants.py from butter/build/epoll.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._epoll_c import lib

__all__ = [
    "EPIOCGPARAMS",
    "EPIOCSPARAMS",
    "EPOLLERR",
    "EPOLLET",
    "EPOLLEXCLUSIVE",
    "EPOLLHUP",
    "EPOLLIN",
    "EPOLLMSG",
    "EPOLLNVAL",
    "EPOLLONESHOT",
    "EPOLLOUT",
    "EPOLLPRI",
    "EPOLLRDBAND",
    "EPOLLRDHUP",
    "EPOLLRDNORM",
    "EPOLLWAKEUP",
    "EPOLLWRBAND",
    "EPOLLWRNORM",
    "EPOLL_CLOEXEC",
    "EPOLL_CTL_ADD",
    "EPOLL_CTL_DEL",
    "EPOLL_CTL_MOD",
    "EpollInit",
    "EpollMask",
    "EpollOp",
]

# the flags of epoll_create1
#: close the descriptor when the process executes another program
EPOLL_CLOEXEC: Final[int] = lib.EPOLL_CLOEXEC

# the operations of epoll_ctl
#: register a descriptor
EPOLL_CTL_ADD: Final[int] = lib.EPOLL_CTL_ADD
#: forget a descriptor
EPOLL_CTL_DEL: Final[int] = lib.EPOLL_CTL_DEL
#: change the events and the data of a descriptor
EPOLL_CTL_MOD: Final[int] = lib.EPOLL_CTL_MOD

# events to wait for, and how, and those that have come
#: there is something to read, or the end of it
EPOLLIN: Final[int] = lib.EPOLLIN
#: there is something urgent: out-of-band data, a mount table that changed
EPOLLPRI: Final[int] = lib.EPOLLPRI
#: a write does not wait
EPOLLOUT: Final[int] = lib.EPOLLOUT
#: the same as EPOLLIN, for most files
EPOLLRDNORM: Final[int] = lib.EPOLLRDNORM
#: priority data can be read
EPOLLRDBAND: Final[int] = lib.EPOLLRDBAND
#: the same as EPOLLOUT
EPOLLWRNORM: Final[int] = lib.EPOLLWRNORM
#: priority data can be written
EPOLLWRBAND: Final[int] = lib.EPOLLWRBAND
#: ignored by the kernel
EPOLLMSG: Final[int] = lib.EPOLLMSG
#: an error, or a pipe without a reader; always waited for
EPOLLERR: Final[int] = lib.EPOLLERR
#: the descriptor is not open: of poll, an epoll never tells of it
EPOLLNVAL: Final[int] = lib.EPOLLNVAL
#: the other end hung up; always waited for
EPOLLHUP: Final[int] = lib.EPOLLHUP
#: the other end of a stream socket sends no more
EPOLLRDHUP: Final[int] = lib.EPOLLRDHUP
#: of several epolls that wait for one file, wake one or a few, not all (Linux 4.5)
EPOLLEXCLUSIVE: Final[int] = lib.EPOLLEXCLUSIVE
#: the system does not suspend while the event is handled (Linux 3.5)
EPOLLWAKEUP: Final[int] = lib.EPOLLWAKEUP
#: after one event wait for nothing, until the events are changed anew
EPOLLONESHOT: Final[int] = lib.EPOLLONESHOT
#: tell only of what is new, not of what still lasts
EPOLLET: Final[int] = lib.EPOLLET

# requests of ioctl, about busy polling
#: set the parameters (Linux 6.9)
EPIOCSPARAMS: Final[int] = lib.EPIOCSPARAMS
#: get the parameters (Linux 6.9)
EPIOCGPARAMS: Final[int] = lib.EPIOCGPARAMS


class EpollInit(Flags):
    """The flags of epoll_create1."""

    CLOEXEC = EPOLL_CLOEXEC


class EpollOp(Number):
    """The operations of epoll_ctl."""

    ADD = EPOLL_CTL_ADD
    DEL = EPOLL_CTL_DEL
    MOD = EPOLL_CTL_MOD


class EpollMask(Flags):
    """Events to wait for, and how, and those that have come."""

    IN = EPOLLIN
    PRI = EPOLLPRI
    OUT = EPOLLOUT
    RDNORM = EPOLLRDNORM
    RDBAND = EPOLLRDBAND
    WRNORM = EPOLLWRNORM
    WRBAND = EPOLLWRBAND
    MSG = EPOLLMSG
    ERR = EPOLLERR
    NVAL = EPOLLNVAL
    HUP = EPOLLHUP
    RDHUP = EPOLLRDHUP
    EXCLUSIVE = EPOLLEXCLUSIVE
    WAKEUP = EPOLLWAKEUP
    ONESHOT = EPOLLONESHOT
    ET = EPOLLET
