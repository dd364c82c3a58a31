"""The events of :manpage:`fanotify(7)`, the one parser of them, and their answers."""

from __future__ import annotations

import errno
import os
import struct
import warnings
from typing import TYPE_CHECKING

from butter._constants.fanotify import (
    FAN_ACCESS,
    FAN_ACCESS_PERM,
    FAN_ALLOW,
    FAN_ATTRIB,
    FAN_AUDIT,
    FAN_CLASS_PRE_CONTENT,
    FAN_CLOSE,
    FAN_CLOSE_NOWRITE,
    FAN_CLOSE_WRITE,
    FAN_CREATE,
    FAN_DELETE,
    FAN_DELETE_SELF,
    FAN_DENY,
    FAN_ENABLE_AUDIT,
    FAN_EPIDFD,
    FAN_ERRNO_SHIFT,
    FAN_EVENT_ON_CHILD,
    FAN_FS_ERROR,
    FAN_INFO,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_MODIFY,
    FAN_MOVE,
    FAN_MOVE_SELF,
    FAN_MOVED_FROM,
    FAN_MOVED_TO,
    FAN_NOFD,
    FAN_NOPIDFD,
    FAN_ONDIR,
    FAN_OPEN,
    FAN_OPEN_EXEC,
    FAN_OPEN_EXEC_PERM,
    FAN_OPEN_PERM,
    FAN_PRE_ACCESS,
    FAN_Q_OVERFLOW,
    FAN_RENAME,
    FAN_RESPONSE_INFO_AUDIT_RULE,
    FanotifyMask,
)
from butter._descriptor import closed_error, link_of
from butter._fanotify_answers import Answers, AuditRule, Origin
from butter._fanotify_errors import PERMISSION, READ
from butter._fanotify_records import NO_RECORDS, Records, records_of
from butter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ClassVar, NoReturn

    from typing_extensions import Self

    from butter.pidfd import Pidfd

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

_errorcode = errno.errorcode

# the number of a descriptor that an event has closed
_CLOSED = -(2**31)

# the number of a descriptor that an event has closed
_CLOSED = -(2**31)

# Pidfd.adopt: butter.fanotify, which stands a floor above as Pidfd does, sets it
adopt_pidfd: Callable[[int], Pidfd]


class _Has(property):
    """A property of an event: whether it has one of *bits*."""

    def __init__(self, bits: int, meaning: str) -> None:
        def has(event: FanotifyEvent) -> bool:
            return event.mask & bits != 0

        super().__init__(has)
        # before Python 3.12 the docstring of the class would hide that of doc=
        self.__doc__ = f"Whether {meaning}."

    if TYPE_CHECKING:

        def __get__(self, event: object, cls: type | None = None) -> bool: ...  # type: ignore[override]


class _Recorded(property):
    """A property of an event that one of its records has."""

    def __init__(self, name: str, meaning: str) -> None:
        def recorded(event: FanotifyEvent) -> Any:
            return getattr(event._read_records(), name)

        super().__init__(recorded)
        self.__doc__ = f"{meaning}, or None."

    if TYPE_CHECKING:

        def __get__(self, event: object, cls: type | None = None) -> Any: ...


class FanotifyEvent:
    """``FanotifyEvent(version, mask, fd, pid, info=b"")``: one event.

    * ``version`` (int): that of the kernel's interface, 3
    * ``mask`` (int): ``FAN_*`` bits that say what happened
    * ``fd`` (int): a descriptor of the file, ``FAN_NOFD`` without one
    * ``pid`` (int): the process behind the event, or the thread with
      ``FAN_REPORT_TID``; 0 if it is not in this PID namespace, or if this user may not
      know it
    * *info* (bytes): the records that follow an event

    An event that a Fanotify read owns its descriptor, so close it, which ``with`` does
    too. One that the program forgets warns (ResourceWarning) and closes it. Reading
    ``fd`` hands the descriptor to the program, which then closes it by itself or by
    ``close()``; ``fileno()`` and ``filename`` do not. An event that was made otherwise
    owns nothing.

    A permission event (``permission_event``) makes a task wait for :meth:`allow` or
    :meth:`deny`. One that is closed or forgotten without an answer gets the ``default``
    of its object.

    See :manpage:`fanotify(7)`.
    """

    __slots__ = ("_fd", "_filename", "_info", "_origin", "_pidfd", "_records", "mask", "pid", "version")

    # These three are set when they are asked for, except the pidfd of an event that
    # owns it: to set them at once would cost each event a tenth of its time.
    _filename: str | None
    _records: Records
    _pidfd: int | Pidfd

    # Pidfd, which butter.fanotify sets: that stands a floor above, as Pidfd does
    _pidfd_class: ClassVar[type[Pidfd]]

    def __init__(self, version: int, mask: int, fd: int, pid: int, info: bytes = b"") -> None:
        self.version = version
        self.mask = mask
        self._fd = fd
        self.pid = pid
        self._info = info
        self._origin: Origin | None = None

    def _read_records(self) -> Records:
        try:
            return self._records
        except AttributeError:
            self._records = records_of(self._info) if self._info else NO_RECORDS
            return self._records

    @property
    def fd(self) -> int:
        """The descriptor of the file, which from now on the program has to close.

        ``FAN_NOFD`` (-1) if there is none: in an overflow, in events with handles, and
        once the event is closed. Another negative number is the errno of a file that
        could not be opened (``FAN_REPORT_FD_ERROR``); ``fileno()`` raises it.
        """
        fd, origin = self._fd, self._origin
        if fd >= 0 and origin is not None and origin.owning:
            self._origin = Origin(origin.answers, origin.serial)
        return fd if fd != _CLOSED else FAN_NOFD

    def fileno(self) -> int:
        """The number of the descriptor, which the event goes on owning.

        Raises ValueError if there is none, OSError if the file could not be opened
        (``FAN_REPORT_FD_ERROR``).
        """
        fd = self._fd
        if fd >= 0:
            return fd
        if fd == _CLOSED:
            raise closed_error()
        if fd != FAN_NOFD:
            READ.fail(-fd, kept=True)
        raise ValueError("the event does not have a descriptor")

    @property
    def filename(self) -> str | None:
        """The path of the descriptor; in events with handles the name in the directory.

        None if the event has neither. The path is looked up once, so ask before the
        event is closed. That of a deleted file ends with ``(deleted)``.

        Raises ValueError if the event was closed before.
        """
        try:
            return self._filename
        except AttributeError:
            pass
        fd = self._fd
        if fd == _CLOSED:
            raise closed_error()
        self._filename = link_of(fd) if fd >= 0 else self.name
        return self._filename

    @property
    def flags(self) -> FanotifyMask:
        """``mask`` as a FanotifyMask, which prints the names of its bits."""
        return FanotifyMask(self.mask)

    @property
    def pidfd(self) -> Pidfd | None:
        """The process behind the event, a :class:`butter.pidfd.Pidfd`, or None.

        It is never another process, even if the number was used again. It belongs to
        the event, which closes it; ``Pidfd.adopt(event.pidfd)`` takes it over. None
        without ``FAN_REPORT_PIDFD``.

        Raises ProcessLookupError if the process was gone before the event was read,
        OSError if the kernel could not make a pidfd.
        """
        try:
            found = self._pidfd
        except AttributeError:
            recorded = self._read_records().pidfd
            if recorded is None:
                return None
            found = recorded
        if not isinstance(found, int):
            return found
        if found >= 0:
            self._pidfd = made = self._pidfd_class.adopt(found)
            return made
        if found == _CLOSED:
            raise closed_error()
        if found in (FAN_NOPIDFD, -errno.ESRCH):
            READ.fail(errno.ESRCH)
        READ.fail(errno.ENODATA if found == FAN_EPIDFD else -found, kept=True)

    handle = _Recorded("handle", "The handle of the file, a FileHandle (``FAN_REPORT_FID``)")
    dir_handle = _Recorded("dir_handle", "The handle of the directory of the file (``FAN_REPORT_DIR_FID``)")
    name = _Recorded("name", "The name in that directory, ``.`` for the directory itself (``FAN_REPORT_NAME``)")
    old_dir_handle = _Recorded("old_dir_handle", "The handle of the directory before a rename")
    old_name = _Recorded("old_name", "The name before a rename")
    error = _Recorded("error", "The errno of the first error of the filesystem (``FAN_FS_ERROR``)")
    error_count = _Recorded("error_count", "How many errors of the filesystem came since the last such event")
    offset = _Recorded("offset", "Where the range of the file begins that a task wants (``FAN_PRE_ACCESS``)")
    count = _Recorded("size", "How many bytes that range has")
    mount_id = _Recorded("mount_id", "The id of the mount, which no other mount gets (``FAN_REPORT_MNT``)")

    access_event = _Has(FAN_ACCESS, "the file was read")
    modify_event = _Has(FAN_MODIFY, "the file was written, or truncated")
    attrib_event = _Has(FAN_ATTRIB, "metadata changed: mode, owner, times, number of links")
    close_write_event = _Has(FAN_CLOSE_WRITE, "a file that was open for writing was closed")
    close_nowrite_event = _Has(FAN_CLOSE_NOWRITE, "a file or directory that was not open for writing was closed")
    close_event = _Has(FAN_CLOSE, "the file was closed, whatever it was open for")
    open_event = _Has(FAN_OPEN, "the file was opened")
    open_exec_event = _Has(FAN_OPEN_EXEC, "the file was opened to be executed")
    moved_from_event = _Has(FAN_MOVED_FROM, "the name left the directory")
    moved_to_event = _Has(FAN_MOVED_TO, "the name came into the directory")
    moved_event = _Has(FAN_MOVE, "the name left the directory, or came into it")
    rename_event = _Has(FAN_RENAME, "a name became another; the event has both")
    create_event = _Has(FAN_CREATE, "the name was created in the directory")
    delete_event = _Has(FAN_DELETE, "the name was deleted from the directory")
    delete_self_event = _Has(FAN_DELETE_SELF, "the marked object itself was deleted")
    move_self_event = _Has(FAN_MOVE_SELF, "the marked object itself was moved")
    fs_error_event = _Has(FAN_FS_ERROR, "the filesystem found an error in itself")
    mount_attach_event = _Has(FAN_MNT_ATTACH, "the mount appeared, or came from elsewhere")
    mount_detach_event = _Has(FAN_MNT_DETACH, "the mount is gone, or went elsewhere")
    open_perm_event = _Has(FAN_OPEN_PERM, "a task waits for permission to open the file")
    access_perm_event = _Has(FAN_ACCESS_PERM, "a task waits for permission to read the file")
    open_exec_perm_event = _Has(FAN_OPEN_EXEC_PERM, "a task waits for permission to open the file to execute it")
    pre_access_event = _Has(FAN_PRE_ACCESS, "a task waits until it may use a range of the file")
    permission_event = _Has(PERMISSION, "a task waits for an answer to the event")
    queue_overflow_event = _Has(FAN_Q_OVERFLOW, "the queue was full: an unknown number of events of every mark is lost")
    overflow_event = queue_overflow_event
    on_dir_event = _Has(FAN_ONDIR, "the event is about a directory")
    on_child_event = _Has(FAN_EVENT_ON_CHILD, "the event is about a file in the marked directory (old kernels)")

    def allow(self, audit: AuditRule | bool = False) -> None:
        """Let the task of a permission event go on.

        *audit* makes an audit record, with an AuditRule one that has its numbers: the
        group needs ``FAN_ENABLE_AUDIT``.

        Raises ValueError if the event does not wait for an answer: because it is not a
        permission event, was answered or closed, or belongs to another process. Raises
        ValueError for an audit without ``FAN_ENABLE_AUDIT``, and FileNotFoundError if
        another that has the descriptor was faster.
        """
        self._answer(FAN_ALLOW, audit)

    def deny(self, errno: int | None = None, audit: AuditRule | bool = False) -> None:
        """Let the call of the task of a permission event fail.

        It fails with EPERM, or with *errno*. That needs ``FAN_CLASS_PRE_CONTENT`` and
        Linux 6.14, and may be EPERM, EIO, EBUSY, ETXTBSY, EAGAIN, ENOSPC or EDQUOT. For
        *audit*, and what else is raised, see :meth:`allow`.

        Raises ValueError for another errno, or in another class; the event then still
        waits for its answer.
        """
        response = FAN_DENY
        if errno is not None:
            if errno not in DENY_ERRNOS:
                names = ", ".join(_errorcode[each] for each in DENY_ERRNOS)
                raise ValueError(f"a task can be denied with one of {names}, not with {_errorcode.get(errno, errno)}")
            flags = self._answers().flags
            if flags is not None and not flags & FAN_CLASS_PRE_CONTENT:
                raise ValueError("only a group of FAN_CLASS_PRE_CONTENT can deny with an errno; others deny with EPERM")
            response |= errno << FAN_ERRNO_SHIFT
        self._answer(response, audit)

    def _answers(self) -> Answers:
        if not self.mask & PERMISSION:
            raise ValueError(f"{self!r} is not a permission event: no task waits for an answer")
        if self._fd == _CLOSED:
            raise ValueError(f"{self!r} does not wait for an answer: it was closed")
        origin = self._origin
        if origin is None:
            raise ValueError(f"{self!r} was not read by a Fanotify object, which could answer it")
        return origin.answers

    def _answer(self, response: int, audit: AuditRule | bool) -> None:
        answers, record = self._answers(), b""
        if audit is not False:
            if answers.flags is not None and not answers.flags & FAN_ENABLE_AUDIT:
                raise ValueError("an audit record needs a group with FAN_ENABLE_AUDIT")
            response |= FAN_AUDIT
            if isinstance(audit, AuditRule):
                response |= FAN_INFO
                record = struct.pack("BBHIII", FAN_RESPONSE_INFO_AUDIT_RULE, 0, 16, *audit)
        origin = self._origin
        key = (origin.serial, self._fd) if origin is not None else (-1, -1)
        try:
            answers.waiting.remove(key)
        except KeyError:
            why = "its object is closed, or belongs to another process" if answers.fd is None else "it was answered"
            raise ValueError(f"{self!r} does not wait for an answer: {why}") from None
        try:
            answers.write(key[1], response, record)
        except FileNotFoundError:
            raise
        except BaseException:
            # It still waits; or a handler raised, and the kernel refuses a second one.
            answers.waiting.add(key)
            raise

    def close(self) -> None:
        """Close the descriptor and the pidfd, also if ``fd`` handed the first over.

        A permission event that was not answered gets the default of its object. A
        second call does nothing.
        """
        self._close(os.close)

    def _close(self, close: Callable[[int], object]) -> None:
        fd, self._fd = self._fd, _CLOSED
        origin, self._origin = self._origin, None
        try:
            if origin is not None and self.mask & PERMISSION:
                origin.answers.give_default((origin.serial, fd))
        finally:
            try:
                self._close_pidfd(close, origin is not None)
            finally:
                if fd >= 0:
                    close(fd)

    def _close_pidfd(self, close: Callable[[int], object], owned: bool) -> None:
        try:
            found = self._pidfd
        except AttributeError:
            return
        self._pidfd = _CLOSED
        if not isinstance(found, int):
            if not found.closed():
                found.close()
        elif found >= 0 and owned:
            close(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        origin = getattr(self, "_origin", None)
        # while the events of its read are being made, their buffer owns everything
        if origin is None or origin.making:
            return
        fd = self._fd
        if self.mask & PERMISSION:
            origin.answers.give_default((origin.serial, fd))
        owned = fd >= 0 and origin.owning
        pidfd = getattr(self, "_pidfd", FAN_NOPIDFD)
        if owned or (isinstance(pidfd, int) and pidfd >= 0):
            try:
                warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                if not owned:
                    self._fd = _CLOSED
                self._close(close)

    def __repr__(self) -> str:
        fd = "closed" if self._fd == _CLOSED else self._fd
        try:
            name = f", name={self.name!r}" if self.name is not None else ""
        except InvalidArgument:
            name = ", broken"  # made by hand
        return f"{type(self).__name__}(mask={FanotifyMask(self.mask)}, fd={fd}, pid={self.pid}{name})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot copy or pickle {type(self).__name__!r}: two events would close one descriptor")
