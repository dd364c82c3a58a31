"""The requests of a ring that wait, or that end or change others."""

from __future__ import annotations

import errno
import os
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from butter._arguments import fileno, integer
from butter._constants.uring_ring import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_ASYNC_CANCEL_FD,
    IORING_ASYNC_CANCEL_FD_FIXED,
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_EPOLL_CTL,
    IORING_OP_EPOLL_WAIT,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_OP_WAITID,
    IORING_POLL_ADD_MULTI,
    IORING_TIMEOUT_MULTISHOT,
    IORING_TIMEOUT_UPDATE,
    UringPoll,
)
from butter._uring_memory import NULL, address, pointer, span, struct, writable
from butter._uring_operation_errors import WAITS
from butter._uring_operations import Completion, Operation
from butter._uring_ring import FixedFile, Queue

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor
    from butter._uring_ring import AnyFile

# of struct siginfo, of a child: signo, errno, code, and after a gap pid, uid, status
_SIGINFO = Struct("@iii4xIIi")
_EPOLL_EVENT = Struct("=IQ" if os.uname().machine == "x86_64" else "=I4xQ")


class ChildState(NamedTuple):
    """The state of a child that ``waitid`` has found: a named tuple of ints.

    The fields are those of :func:`os.waitid`.
    """

    si_pid: int
    si_uid: int
    si_signo: int
    si_status: int
    si_code: int


def _child(completion: Completion) -> ChildState | None:
    signo, _, code, pid, uid, status = _SIGINFO.unpack_from(completion.buffer)
    return ChildState(pid, uid, signo, status, code) if pid else None


def _ready(completion: Completion) -> list[tuple[int, int]]:
    return list(_EPOLL_EVENT.iter_unpack(completion.buffer[: completion.result * _EPOLL_EVENT.size]))


def _is_over(completion: Completion) -> bool:
    return completion.result == -errno.ETIME


POLL = Operation("poll", IORING_OP_POLL_ADD, WAITS)
CHANGE_POLL = Operation("change_poll", IORING_OP_POLL_REMOVE, WAITS)
TIMEOUT = Operation("timeout", IORING_OP_TIMEOUT, WAITS, _is_over, fine=(errno.ETIME,))
CHANGE_TIMEOUT = Operation("change_timeout", IORING_OP_TIMEOUT_REMOVE, WAITS)
LINK_TIMEOUT = Operation(
    "link_timeout", IORING_OP_LINK_TIMEOUT, WAITS, _is_over, fine=(errno.ETIME, errno.ECANCELED, errno.EALREADY)
)
CANCEL = Operation("cancel", IORING_OP_ASYNC_CANCEL, WAITS)
WAITID = Operation("waitid", IORING_OP_WAITID, WAITS, _child)
EPOLL_CTL = Operation("epoll_ctl", IORING_OP_EPOLL_CTL, WAITS)
EPOLL_WAIT = Operation("epoll_wait", IORING_OP_EPOLL_WAIT, WAITS, _ready)


class Waits(Queue):
    """The requests of a ring that wait, or that end or change others."""

    def poll(
        self,
        fd: AnyFile,
        events: int,
        user_data: Any = None,
        *,
        multishot: bool = False,
        poll_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Wait until *fd* is ready for one of *events*, as ``select.POLLIN``.

        The result of the completion is the events that came. With *multishot* each
        change is a completion (``more``), until the request is cancelled (Linux 5.13).
        *poll_flags* are UringPoll's.

        Linux 5.1, :manpage:`poll(2)`.
        """
        how = integer(poll_flags, 32, "poll_flags") | (IORING_POLL_ADD_MULTI if multishot else 0)
        return self._queue(*(POLL, fd, NULL, how, 0, integer(events, 32, "events")), user_data=user_data, flags=flags)

    def change_poll(self, request: int, events: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Have the *request* of ``poll`` wait for other *events* (Linux 5.13)."""
        how = UringPoll.UPDATE_EVENTS | UringPoll.ADD_MULTI
        target, events = pointer(integer(request, 63, "request")), integer(events, 32, "events")
        return self._queue(CHANGE_POLL, -1, target, int(how), 0, events, user_data=user_data, flags=flags)

    def timeout(
        self,
        seconds: float,
        user_data: Any = None,
        *,
        count: int = 0,
        multishot: bool = False,
        timeout_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Complete after a number of *seconds*, or after *count* other completions.

        The value of the completion says whether the time is over; its result is -ETIME
        then, which is not an ``error`` here. With *multishot* the time begins again,
        *count* times or for ever (Linux 6.4). *timeout_flags* are UringTimeout's. A
        time with ``IORING_TIMEOUT_ABS`` is that of the machine: io_uring does not know
        the offsets of a time namespace.

        Linux 5.4.
        """
        memory = span(seconds)
        how = integer(timeout_flags, 32, "timeout_flags") | (IORING_TIMEOUT_MULTISHOT if multishot else 0)
        return self._queue(
            *(TIMEOUT, -1, memory, 1, integer(count, 32, "count"), how), user_data=user_data, kept=memory, flags=flags
        )

    def change_timeout(
        self,
        request: int,
        seconds: float,
        user_data: Any = None,
        *,
        linked: bool = False,
        timeout_flags: int = 0,
        flags: int = 0,
    ) -> int:
        """Have the *request* of ``timeout`` complete in *seconds*.

        With *linked* the request is that of ``link_timeout`` (Linux 5.15).
        *timeout_flags* say whether the time is absolute; the clock stays.

        Linux 5.11.
        """
        memory, target = span(seconds), pointer(integer(request, 63, "request"))
        how = integer(timeout_flags, 32, "timeout_flags") | IORING_TIMEOUT_UPDATE
        if linked:
            how |= IORING_LINK_TIMEOUT_UPDATE
        return self._queue(
            *(CHANGE_TIMEOUT, -1, target, 0, address(memory), how),
            user_data=user_data,
            kept=memory,
            flags=flags,
        )

    def link_timeout(self, seconds: float, user_data: Any = None, *, timeout_flags: int = 0, flags: int = 0) -> int:
        """Cancel the request before this one, which has ``IOSQE_IO_LINK``, in time.

        The value of the completion says whether the time was over.

        Linux 5.5.
        """
        memory, how = span(seconds), integer(timeout_flags, 32, "timeout_flags")
        return self._queue(LINK_TIMEOUT, -1, memory, 1, 0, how, user_data=user_data, kept=memory, flags=flags)

    def cancel(self, request: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Ask the kernel to end a *request*, by its number.

        The cancelled request completes too, mostly with ECANCELED, and its buffer is in
        use until then. The completion of this one has FileNotFoundError where the other
        has completed already, and OSError (EALREADY) where it is under way; both are
        normal, as two things happen at once.

        Linux 5.5.
        """
        target = pointer(integer(request, 63, "request"))
        return self._queue(CANCEL, -1, target, user_data=user_data, flags=flags)

    def cancel_fd(self, fd: AnyFile, user_data: Any = None, *, flags: int = 0) -> int:
        """Ask the kernel to end all requests for the file of *fd*.

        The result of the completion is how many there were. A descriptor that was
        closed does not lead to its file: then use ``cancel``.

        Linux 5.19.
        """
        how = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL
        kept = fd
        if isinstance(fd, FixedFile):
            fd, how = fd.index, how | IORING_ASYNC_CANCEL_FD_FIXED
        return self._queue(CANCEL, fd, op_flags=how, user_data=user_data, kept=kept, flags=flags)

    def cancel_all(self, user_data: Any = None, *, flags: int = 0) -> int:
        """Ask the kernel to end all requests of the ring.

        The result of the completion is how many there were.

        Linux 5.19.
        """
        how = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL
        return self._queue(CANCEL, -1, op_flags=how, user_data=user_data, flags=flags)

    def waitid(self, idtype: int, id: FileDescriptor, options: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Wait for a child; the arguments are those of :func:`os.waitid`.

        The value of the completion is a ChildState, or None with ``WNOHANG`` where no
        child has changed.

        Linux 6.7, :manpage:`waitid(2)`.
        """
        found, memory = writable(128)
        return self._queue(
            *(WAITID, fileno(id), NULL, integer(idtype, 31, "idtype"), address(memory)),
            user_data=user_data,
            buffer=found,
            kept=(memory, id),
            flags=flags,
            file_index=integer(options, 31, "options"),
        )

    def epoll_ctl(
        self,
        epfd: FileDescriptor,
        op: int,
        fd: FileDescriptor,
        events: int = 0,
        data: int | None = None,
        user_data: Any = None,
        *,
        flags: int = 0,
    ) -> int:
        """Change the registrations of an epoll, as :func:`butter.epoll.epoll_ctl` does.

        Linux 5.6, :manpage:`epoll_ctl(2)`.
        """
        number = fileno(fd) & 0xFFFFFFFF
        data = number if data is None else integer(data, 64, "data")
        memory = struct(_EPOLL_EVENT.pack(integer(events, 32, "events"), data))
        return self._queue(
            *(EPOLL_CTL, epfd, memory, integer(op, 31, "op"), number),
            user_data=user_data,
            kept=(memory, fd),
            flags=flags,
        )

    def epoll_wait(self, epfd: FileDescriptor, maxevents: int, user_data: Any = None, *, flags: int = 0) -> int:
        """Wait for events of an epoll.

        The value of the completion is a list of pairs, as that of
        :func:`butter.epoll.epoll_wait`.

        Linux 6.15, :manpage:`epoll_wait(2)`.
        """
        found, memory = writable(integer(maxevents, 24, "maxevents") * _EPOLL_EVENT.size)
        return self._queue(
            *(EPOLL_WAIT, epfd, memory, maxevents), user_data=user_data, buffer=found, kept=memory, flags=flags
        )
