"""The read of a seccomp listener, and the answers, each of which is given once."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from butter._buffers import Reader
from butter._constants.seccomp_listener import SECCOMP_ADDFD_FLAG_SEND
from butter._seccomp_listener_c import ffi, lib
from butter._seccomp_listener_errors import ADD_FD, ANSWER, READ, READ_MEMORY, SET_FLAGS, VALID
from butter.errors import UnknownError as UnknownError
from butter.errors import running_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from butter._seccomp_notification import Notification

#: the size of a notification, in bytes
SIZE: int = ffi.sizeof("butter_notification")
#: whether a read that waits in the kernel ends with the last task
READ_ENDS = running_kernel() >= (6, 11)

_GONE = -1 - errno.ESRCH
# looked up once, here: each notification needs them
_send, _new, _buffer = lib.butter_notification_send, ffi.new, ffi.buffer


class Received:
    """Room for the notification of one read."""

    __slots__ = ("struct", "view")

    def __init__(self) -> None:
        self.struct = _new("butter_received *", {"ioctl_ends": READ_ENDS})
        self.view = _buffer(lib.butter_notification_of(self.struct), SIZE)

    def __len__(self) -> int:
        count: int = self.struct.count
        return count

    def id(self) -> int:
        """Return the id of the notification."""
        return int.from_bytes(self.view[:8], "little")


#: returns the notification of one read; none if a signal interrupted it, or if the task
#: was killed meanwhile
reader: Reader[Received, Notification] = Reader(Received, lib.butter_notification_receive, READ)


class Answers:
    """The notifications of one listener that were read and not yet answered.

    The notifications share it with the listener, and may outlive it.
    """

    # A notification is answered by the caller, finaliser or close() that takes its id
    # out of the set, which is a single step for threads and handlers. The kernel never
    # uses an id again, and refuses a second answer: so an answer that a handler
    # interrupts, and which may have been given, may be tried again. Its errno does not
    # say that this was a second one, but that the call is gone.

    __slots__ = ("fd", "waiting")

    def __init__(self, fd: int | None) -> None:
        self.fd = fd  # None once the listener is closed, and in a forked child
        self.waiting: set[int] = set()

    def give(self, id: int, value: int, error: int, flags: int) -> None:
        """Answer the notification with this id.

        Raises KeyError if it does not wait, else what ANSWER says. If the kernel
        refuses the answer it still waits.
        """
        fd = self.fd
        if fd is None:
            raise KeyError(id)
        result = self._answered(id, _send, fd, id, value, error, flags)
        if result < 0:
            ANSWER.check(result, fd=fd, flags=flags)

    def add_fd(self, id: int, flags: int, source: int, newfd: int | None, newfd_flags: int) -> int:
        """Give the task a descriptor, and return its number there.

        Raises KeyError if the notification does not wait, else what ADD_FD says.
        """
        fd = self.fd
        if fd is None or id not in self.waiting:
            raise KeyError(id)
        if source < 0:
            # C has no such number here
            ADD_FD.fail(errno.EBADF, fd=fd, flags=flags, source=source, newfd=newfd)
        arguments = fd, id, flags, source, newfd or 0, newfd_flags
        if flags & SECCOMP_ADDFD_FLAG_SEND:
            result = self._answered(id, lib.butter_notification_add_fd, *arguments)
        else:
            result = lib.butter_notification_add_fd(*arguments)
        return ADD_FD.check(result, fd=fd, flags=flags, source=source, newfd=newfd)

    def _answered(self, id: int, function: Callable[..., int], *arguments: int) -> int:
        """Return the result of *function*, a function of C that gives the answer.

        If it fails the notification still waits, unless the call is gone.

        Raises KeyError if the notification does not wait.
        """
        waiting = self.waiting
        try:
            waiting.remove(id)
            result = function(*arguments)
        except KeyError:
            raise
        except BaseException:
            # a handler raised before the answer, or after it
            waiting.add(id)
            raise
        if result < 0 and result != _GONE:
            waiting.add(id)
        return result

    def valid(self, id: int) -> bool:
        """Return whether the call of this notification waits for its answer."""
        fd = self.fd
        if fd is None or id not in self.waiting:
            return False
        result = lib.butter_notification_valid(fd, id)
        if result != _GONE:
            VALID.check(result, fd=fd)
        return result == 0

    def fail(self, id: int) -> None:
        """Let the call fail with EPERM, unless it has its answer.

        If a handler raises, a second call does what the first left.
        """
        fd = self.fd
        if fd is not None and id in self.waiting:
            _send(fd, id, 0, -errno.EPERM, 0)
            self.waiting.discard(id)

    def end(self) -> None:
        """Let all calls that wait fail, and answer nothing any more."""
        for id in list(self.waiting):
            self.fail(id)
        self.fd = None

    def forget(self) -> None:
        """Answer nothing any more: the process is a forked child."""
        self.fd = None
        self.waiting.clear()


def set_flags(fd: int, flags: int) -> None:
    """Set the flags of a listener, which are ListenerFlag's."""
    SET_FLAGS.check(lib.butter_listener_set_flags(fd, flags), fd=fd, flags=flags)


def read_memory(pid: int, address: int, length: int) -> bytes:
    """Return what a task has at *address*, up to *length* bytes: at least one.

    Raises what READ_MEMORY says.
    """
    buffer = _new("char[]", length)
    count = lib.butter_read_memory(pid, address, buffer, length)
    if count <= 0:
        READ_MEMORY.check(count or -1 - errno.EFAULT, address=address, length=length)
    return bytes(_buffer(buffer, count))
