"""The answers to permission events, each of which is given once."""

from __future__ import annotations

import errno
import itertools
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import integer
from butter._constants.fanotify import FAN_DENY, FAN_ERRNO_BITS, FAN_ERRNO_SHIFT, FAN_RESPONSE_INFO_AUDIT_RULE
from butter._descriptor import is_open
from butter._fanotify_errors import PERMISSION
from butter._fanotify_event_errors import ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._fanotify_event import FanotifyEvent
    from butter._fanotify_handle_paths import Paths

# an answer: the descriptor of the event, and what it is
_ANSWER = struct.Struct("iI")
# the record of an AuditRule: its type, nothing, its size, its numbers
_RECORD = struct.Struct("BBHIII")

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


def audit_record(rule: AuditRule) -> bytes:
    """Return the bytes that follow an answer with this reason."""
    if not isinstance(rule, AuditRule):
        raise TypeError(f"audit must be a bool or an AuditRule, not {type(rule).__name__}")
    numbers = (integer(value, 32, f"the {name} of an AuditRule") for name, value in rule._asdict().items())
    return _RECORD.pack(FAN_RESPONSE_INFO_AUDIT_RULE, 0, _RECORD.size, *numbers)


class Answers:
    """The permission events of one object that were read and not yet answered.

    The events share it with the object, and may outlive it.
    """

    # An answer names an event by the number of its descriptor. The kernel takes the
    # first event that waits with that number, so an answer may reach another task where
    # a number is used again: where an event is answered twice, or its descriptor is
    # closed before it is answered. Therefore
    #
    # * an event is answered by the one that takes its key out of the set, which is a
    #   single step for threads, handlers and finalisers. The key has the number of the
    #   read too;
    # * where the program got a descriptor and has closed it by its number, its event is
    #   answered before the next read, which may use the number again;
    # * where another thread closed it during the read, the older event is answered
    #   before the newer one can be. If the program had answered the older one by hand,
    #   the newer gets the default then, which is the safe mistake;
    # * an event's own close answers while its descriptor is open. The kernel then
    #   refuses a second answer, so the close tries again where a handler raised.

    __slots__ = ("_answering", "_latest", "_serials", "default", "fd", "flags", "handed_over", "waiting")

    def __init__(self, fd: int | None, default: int, flags: int | None) -> None:
        self.fd = fd  # None once the object is closed, and in a forked child
        self.default = default
        self.flags = flags  # of fanotify_init; None if they are not known
        self.waiting: set[tuple[int, int]] = set()
        #: those whose descriptor belongs to the program
        self.handed_over: set[tuple[int, int]] = set()
        self._answering: set[tuple[int, int]] = set()  # those being written
        self._latest: dict[int, int] = {}  # the serial of the last event with a number
        self._serials = itertools.count()

    def next_serial(self) -> int:
        """Return a number for the next read."""
        return next(self._serials)

    def begin(self, keys: Iterable[tuple[int, int]]) -> None:
        """Let the events with these keys wait. A second call does no harm."""
        for key in keys:
            self.end_older(*key)
            self._latest[key[1]] = key[0]
            self.waiting.add(key)

    def end_older(self, serial: int, number: int) -> None:
        """Answer an event of another read that had the same number."""
        older = self._latest.get(number, serial)
        if older != serial:
            self.give_default((older, number))

    def end_closed(self) -> None:
        """Answer the events whose descriptors the program has closed by number."""
        for key in list(self.handed_over):
            if key not in self.waiting or not is_open(key[1]):
                self.give_default(key)
                self.handed_over.discard(key)

    def give(self, key: tuple[int, int], response: int, record: bytes = b"") -> None:
        """Answer the event with this key.

        Raises KeyError if it does not wait, else what ANSWER says.
        """
        answering = self._answering
        # before the key is taken, so that close() finds it here or there
        answering.add(key)
        try:
            self.waiting.remove(key)
            self._write(key, response, record)
        except (FileNotFoundError, KeyError):
            raise
        except BaseException:
            # It still waits; or a handler raised, and the kernel refuses a second.
            self.waiting.add(key)
            raise
        finally:
            answering.discard(key)

    def _write(self, key: tuple[int, int], response: int, record: bytes = b"") -> None:
        fd, failure = self.fd, 0
        if fd is None:
            raise KeyError(key)
        try:
            os.write(fd, _ANSWER.pack(key[1], response) + record)
        except OSError as error:
            failure = error.errno or errno.EINVAL
        if failure:
            ANSWER.fail(failure, fd=fd)

    def give_default(self, key: tuple[int, int]) -> None:
        """Answer the event with this key by the default, unless it was answered.

        If a handler raises, a second call does what the first left.
        """
        if key not in self.waiting:
            return
        try:
            self.give(key, self.default)
        except (KeyError, OSError):
            # another was faster: a thread, the program by hand, or the end
            self.waiting.discard(key)

    def give_defaults(self, keys: Iterable[tuple[int, int]]) -> None:
        """Answer those events with these keys that wait by the default."""
        for key in keys:
            self.give_default(key)

    def end(self) -> None:
        """Answer all by the default, those too that another thread is answering."""
        self.give_defaults(list(self.waiting))
        for key in list(self._answering):
            with suppress(KeyError, OSError):
                self._write(key, self.default)

    def forget(self) -> None:
        """Answer nothing any more: the process is a forked child."""
        self.fd = None
        for keys in self.waiting, self._answering, self.handed_over:
            keys.clear()


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
