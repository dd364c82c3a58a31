"""The notifications of seccomp: what a task wants of the kernel, and its answer."""

from __future__ import annotations

import errno
import os
from struct import Struct
from typing import TYPE_CHECKING, ClassVar

from butter._arguments import CLOEXEC_DEFAULT, fileno, integer
from butter._constants.seccomp_listener import (
    SECCOMP_ADDFD_FLAG_SEND,
    SECCOMP_ADDFD_FLAG_SETFD,
    SECCOMP_USER_NOTIF_FLAG_CONTINUE,
)
from butter._look import status_field
from butter._seccomp_actions import errno_of
from butter._seccomp_calls import syscall_name
from butter._seccomp_listener import SIZE, Answers, read_memory
from butter._seccomp_listener_errors import READ_MEMORY, VALID, CallGone
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    from butter._arguments import FileDescriptor
    from butter._seccomp_listener import Received
    from butter.pidfd import Pidfd

    Given = TypeVar("Given")

# a method has a parameter called errno
_EFAULT, _ENAMETOOLONG, _ESRCH = errno.EFAULT, errno.ENAMETOOLONG, errno.ESRCH

# id, pid, flags, number, arch, instruction pointer, six arguments
_FIELDS = Struct("=QIIiIQ6Q")
_id_of = Struct("=Q72x").unpack
_PAGE = 4096
_LONGEST_PATH = 4096


def _field(index: int, meaning: str) -> Any:
    """Return a property that has one field of the bytes."""
    return property(lambda self: _FIELDS.unpack(self._raw)[index], doc=meaning)


class Notification:
    """``Notification(raw)``: a system call that waits for an answer.

    ::

        if notification.name == "mkdir":
            notification.fail(errno.EROFS)
        else:
            notification.proceed()

    A listener reads notifications; *raw* are the bytes of one, without a task that
    waits. Each is answered exactly once: by :meth:`respond`, :meth:`fail`,
    :meth:`proceed`, or :meth:`add_fd` with ``send=True``. One that the program forgets,
    or that has no answer when its listener is closed, fails with EPERM. A variable
    keeps it: that of a loop holds the last notification while the loop waits for the
    next, and the task waits as long.

    Each answer, and each method that reads, raises CallGone if the call does not wait
    any more, since the task was killed or a signal interrupted the call; a call that is
    then begun again has a new notification. It raises ValueError if the notification
    was answered, if its listener is closed, or in a forked child.

    Linux 5.0, :manpage:`seccomp_unotify(2)`.
    """

    __slots__ = {
        "__weakref__": "Weak references.",
        "_answers": "Where its listener keeps what waits.",
        "_gone": "It is there once the kernel has said that the call is gone.",
        "_raw": "The bytes of the notification.",
        "id": "The number by which the kernel knows the notification (int).",
    }
    id: int

    # Pidfd, which butter.seccomp sets: that stands a floor above, as Pidfd does
    _pidfd_class: ClassVar[type[Pidfd]]

    _raw: bytes
    _gone: bool
    # None until the read has returned, so that a notification which a signal handler
    # loses before is made anew
    _answers: Answers | None

    def __init__(self, raw: bytes) -> None:
        self._answers = None
        if not isinstance(raw, bytes):
            raise TypeError(f"raw must be bytes, not {type(raw).__name__}")
        if len(raw) != SIZE:
            raise ValueError(f"a notification has {SIZE} bytes, not {len(raw)}")
        self._raw = raw
        (self.id,) = _id_of(raw)

    pid: int = _field(
        1, "The thread that makes the call, by its number here; 0 if it is not in this PID namespace (int)."
    )
    flags: int = _field(2, "Nothing yet: kernels of today say 0 (int).")
    number: int = _field(3, "The number of the system call, in the table of ``arch`` (int).")
    arch: int = _field(4, "The architecture of the call, as ``AUDIT_ARCH_X86_64`` (int).")
    instruction_pointer: int = _field(5, "The address of the instruction after the call (int).")

    @property
    def arguments(self) -> tuple[int, ...]:
        """The six arguments of the call, each an int of 64 bits.

        Those that the call does not have are what stood in their registers. Of an
        argument of 32 bits, as a descriptor or a mode, the upper half is whatever the
        task put there: ``arguments[0] & 0xFFFFFFFF``.
        """
        return _FIELDS.unpack(self._raw)[6:]

    @property
    def name(self) -> str | None:
        """The name of the system call, None if butter's tables do not know it."""
        return syscall_name(self.number, self.arch)

    def respond(self, value: int) -> None:
        """Let the call return *value*, without being made.

        *value* is an int of 64 bits. A C library takes -4095 to -1 for an errno, for
        which there is :meth:`fail`.

        Raises CallGone, ValueError as the class says, and for a number out of range.
        """
        self._answer(Answers.give, integer(value, -64, "value"), 0, 0)

    def fail(self, errno: int) -> None:
        """Let the call fail with *errno*, as ``errno.EACCES``, without being made.

        Raises CallGone, ValueError as the class says, and for a number that is not 1 to
        4095.
        """
        self._answer(Answers.give, 0, -errno_of(errno, 1), 0)

    def proceed(self) -> None:
        """Let the kernel make the call, as if there were no filter.

        **The memory of the task must not have decided this.** Until
        the kernel makes the call, another thread of the task, or a process that shares
        its memory, can change what an argument points to: a path that was allowed
        becomes another. The arguments themselves do not change; but what a descriptor
        stands for, or a name, does. So this is for calls that another fence holds, or
        that are harmless with any memory. The rest is answered with what this process
        did itself.

        Raises CallGone, ValueError as the class says, InvalidArgument before Linux 5.5.
        """
        self._answer(Answers.give, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)

    def add_fd(
        self, fd: FileDescriptor, newfd: int | None = None, send: bool = False, closefd: bool = CLOEXEC_DEFAULT
    ) -> int:
        """Give the task a duplicate of *fd*, and return its number there.

        *newfd* is the number to use: an open descriptor of the task is closed first. By
        default it is the lowest that is free. With *send* the call returns this number
        as well, and so the notification is answered (Linux 5.14); without, it waits on,
        and may get several descriptors. *closefd* keeps the descriptor from programs
        that the task executes. *fd* stays open here.

        If it raises anything but CallGone, the notification still waits for its answer.

        Raises CallGone, ValueError as the class says, InvalidArgument if *fd* is not
        open, or *newfd* is above the limit of the task, OSError (EMFILE) if the task
        has no number left.

        Linux 5.9, :manpage:`seccomp_unotify(2)`.
        """
        number = fileno(fd)
        flags = SECCOMP_ADDFD_FLAG_SEND if send else 0
        if newfd is not None:
            flags |= SECCOMP_ADDFD_FLAG_SETFD
            newfd = integer(newfd, 31, "newfd")
        return self._answer(Answers.add_fd, flags, number, newfd, os.O_CLOEXEC if closefd else 0)

    def valid(self) -> bool:
        """Whether the call still waits for its answer.

        It may be gone the moment after: the answer then raises CallGone.
        """
        answers = self._answers
        return answers is not None and answers.valid(self.id)

    def pidfd(self) -> Pidfd:
        """A new :class:`butter.pidfd.Pidfd` of the process that makes the call.

        It is never another process, even if the number was used again: the call still
        waited after the pidfd was opened. Close it, which ``with`` does, too.

        Raises CallGone, ValueError as the class says, and ValueError for a task of a
        PID namespace that this process does not see.

        Linux 5.3, :manpage:`pidfd_open(2)`.
        """
        failure, task = None, self._task()
        # the first thread of a process has the number of the process
        number = status_field("Tgid", task) or task
        try:
            opened = self._pidfd_class(int(number))
        except OSError as error:
            failure = error
        if failure is not None:
            self._check_valid()
            raise failure
        try:
            self._check_valid()
        except BaseException:
            opened.close()
            raise
        return opened

    def read_memory(self, address: int, length: int) -> bytes:
        """The *length* bytes that the task has at *address*, an argument of the call.

        The call still waited after they were read, so they are the task's. But its
        other threads may change them at any time: what was decided about them has to be
        done with these bytes, and not by :meth:`proceed`. The read waits where the
        memory is that of a file whose server does not answer.

        Raises CallGone, ValueError as the class says; InvalidArgument (EFAULT) if the
        task does not have all of this memory; PermissionError if this process may not
        trace the task; ValueError for an impossible number.

        :manpage:`process_vm_readv(2)`.
        """
        address, length = integer(address, 64, "address"), integer(length, 30, "length")
        found = self._read(address, length) if length else b""
        if len(found) < length:
            READ_MEMORY.fail(_EFAULT, address=address, length=length)
        return found

    def read_path(self, address: int) -> str:
        """The path, or other text that ends with a NUL, that is at *address*.

        It is as the task wrote it: relative to the working directory of the task or to
        a descriptor of it, and with the symbolic links of its root. Bytes that are not
        text are in it as :func:`os.fsdecode` has them.

        Raises what :meth:`read_memory` does, InvalidPath if there are more than 4095
        bytes.
        """
        address, found = integer(address, 64, "address"), b""
        while len(found) < _LONGEST_PATH:
            here = address + len(found)
            # up to the end of a page, as the next one may not be there
            part = self._read(here, min(_PAGE - here % _PAGE, _LONGEST_PATH - len(found)))
            end = part.find(b"\0")
            if end >= 0:
                return os.fsdecode(found + part[:end])
            found += part
        READ_MEMORY.fail(_ENAMETOOLONG, address=address)

    def _read(self, address: int, length: int) -> bytes:
        """Return bytes of the task, and check afterwards that they are its own."""
        number, found, failure = self._task(), b"", None
        try:
            found = read_memory(number, address, length)
        except OSError as error:
            failure = error
        self._check_valid()
        if failure is not None:
            raise failure
        return found

    def _task(self) -> int:
        """Return the number of the task, which has to wait for its answer."""
        if self._answers is None or self.id not in self._answers.waiting:
            raise self._not_waiting()
        number: int = self.pid
        if not number:
            raise ValueError(f"{self!r} is of a task that is not in the PID namespace of this process")
        return number

    def _check_valid(self) -> None:
        """Raise CallGone unless the call still waits."""
        if not self.valid():
            VALID.fail(_ESRCH)

    def _not_waiting(self) -> Exception:
        """Return the error of an answer that nothing waits for."""
        if hasattr(self, "_gone"):
            return VALID.error(_ESRCH)
        if self._answers is None:
            why = "no listener has read it"
        elif self._answers.fd is None:
            why = "its listener is closed, or belongs to another process"
        else:
            why = "it was answered"
        return ValueError(f"{self!r} does not wait for an answer: {why}")

    def _answer(self, give: Callable[..., Given], *arguments: int | None) -> Given:
        """Return the result of *give*, a method of Answers."""
        if self._answers is not None:
            try:
                return give(self._answers, self.id, *arguments)
            except KeyError:
                pass
            except CallGone:
                self._gone = True
                raise
        raise self._not_waiting()

    def __del__(self) -> None:
        # one that __new__ alone has made does not have the attribute
        answers = getattr(self, "_answers", None)
        if answers is not None and self.id in answers.waiting:
            answers.fail(self.id)

    def __repr__(self) -> str:
        name = self.name or f"{self.number}"
        return f"<{type(self).__name__} {name}({', '.join(map(hex, self.arguments))}) pid={self.pid}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot copy or pickle {type(self).__name__!r}: a call is answered once")


def made(received: Received, answers: Answers, new: Any = Notification.__new__) -> list[Notification]:
    """Return the notification of one read, whose answer *answers* gives."""
    # the constructor, without its checks
    notification: Notification = new(Notification)
    notification._answers = None
    notification._raw = raw = received.view[:]
    (id,) = _id_of(raw)
    notification.id = id
    answers.waiting.add(id)
    events = [notification]
    # Last, and without a call: a handler that raises before leaves the buffer, from
    # which the notification is made again, and one that was lost answers nothing.
    notification._answers = answers
    return events
