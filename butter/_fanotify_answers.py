"""The answers to permission events, each of which is given once."""

from __future__ import annotations

import errno
import itertools
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import integer
from butter._constants.fanotify import FAN_DENY, FAN_ERRNO_BITS, FAN_ERRNO_SHIFT
from butter._fanotify_errors import ANSWER, PERMISSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._fanotify_event import FanotifyEvent
    from butter._fanotify_handle_paths import Paths

# an answer: the descriptor of the event, and what it is
_ANSWER = struct.Struct("iI")

# the errnos that a denied task may get in the pre-content class
DENY_ERRNOS = (
    errno.EPERM,
    errno.EIO,
    errno.EBUSY,
    errno.ETXTBSY,
    errno.EAGAIN,
    errno.ENOSPC,
    errno.EDQUOT,
)


def FAN_DENY_ERRNO(err: int) -> int:
    """``FAN_DENY_ERRNO(err)``: returns the answer that denies with the errno *err*.

    It is for programs that write their answers by themselves, as
    :meth:`FanotifyEvent.deny` does. Only a group of ``FAN_CLASS_PRE_CONTENT`` may write
    it, and *err* is EPERM, EIO, EBUSY, ETXTBSY, EAGAIN, ENOSPC or EDQUOT. The kernel
    refuses other answers, and the task goes on waiting.

    Raises ValueError for a number that an answer does not have room for.

    Linux 6.14, :manpage:`fanotify(7)`.
    """
    return FAN_DENY | integer(err, FAN_ERRNO_BITS, "err") << FAN_ERRNO_SHIFT


class AuditRule(NamedTuple):
    """``AuditRule(number, subject_trust=2, object_trust=2)``: the reason of an answer.

    *number* is that of the rule that decided. The trusts say whether the process and
    the file are trusted: 0 no, 1 yes, 2 unknown. They stand in the audit record.
    """

    number: int
    subject_trust: int = 2
    object_trust: int = 2


class Answers:
    """The permission events of one object that were read and not yet answered.

    The events share it with the object, and may outlive it.
    """

    # An answer names an event by the number of its descriptor. The kernel takes the
    # first event that waits with that number, so a second answer to one event may let
    # another task pass, once the number is used again. Therefore an event is answered
    # by the one that takes its key out of the set, which is a single step for threads,
    # handlers and finalisers. The key has the number of the read too, since a program
    # may close a descriptor before it answers.

    __slots__ = ("_serials", "default", "fd", "flags", "waiting")

    def __init__(self, fd: int | None, default: int, flags: int | None) -> None:
        self.fd = fd  # None once the object is closed, and in a forked child
        self.default = default
        self.flags = flags  # of fanotify_init; None if they are not known
        self.waiting: set[tuple[int, int]] = set()
        self._serials = itertools.count()

    def next_serial(self) -> int:
        """Return a number for the next read."""
        return next(self._serials)

    def write(self, fd: int, response: int, record: bytes = b"") -> None:
        """Answer the event with the descriptor *fd*. Raises what ANSWER says."""
        failure = 0
        try:
            os.write(-1 if self.fd is None else self.fd, _ANSWER.pack(fd, response) + record)
        except OSError as error:
            failure = error.errno or errno.EINVAL
        if failure:
            ANSWER.fail(failure, fd=self.fd)

    def give_default(self, key: tuple[int, int]) -> None:
        """Answer the event with this key by the default, unless it was answered."""
        if key not in self.waiting:
            return
        try:
            self.waiting.remove(key)
            # a list is made in one step, while other threads go on
            if any(other == key[1] for _, other in list(self.waiting)):
                # The program closed the descriptor by its number, which another event
                # has by now; that may be the one that the kernel would find.
                return
            self.write(key[1], self.default)
        except (KeyError, OSError):
            pass  # another was faster: a thread, the program by hand, or the end
        except BaseException:
            # a handler raised; close() answers it later, if it still waits
            self.waiting.add(key)
            raise

    def give_defaults(self, keys: Iterable[tuple[int, int]] | None = None) -> None:
        """Answer those events with these keys that wait, or all, by the default."""
        for key in list(self.waiting) if keys is None else keys:
            self.give_default(key)

    def forget(self) -> None:
        """Answer nothing any more: the process is a forked child."""
        self.fd = None
        self.waiting.clear()


def keys_of(events: Iterable[FanotifyEvent]) -> list[tuple[int, int]]:
    """Return the keys of permission events, by which their answers are known.

    The kernel has denied those whose file it could not open.
    """
    return [(event[6].serial, event[2]) for event in events if event[1] & PERMISSION and event[2] >= 0]


class Origin:
    """The read that made some events: its number, and what their object knows.

    While the events are ``making``, the buffer of the read owns their descriptors.
    ``asks`` is whether some wait for an answer, ``pidfds`` whether some have a pidfd.
    """

    __slots__ = ("answers", "asks", "making", "paths", "pidfds", "serial")

    def __init__(self, answers: Answers, paths: Paths, serial: int) -> None:
        self.answers = answers
        self.paths = paths  # of the files that the object watches
        self.serial = serial
        self.making = True
        self.asks = self.pidfds = False
