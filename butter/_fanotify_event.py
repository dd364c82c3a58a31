"""The events of :manpage:`fanotify(7)`, the one parser of them, and their answers."""

from __future__ import annotations

import errno
import os
import struct
import warnings
from operator import itemgetter
from typing import TYPE_CHECKING

from butter._arguments import integer
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
    FAN_REPORT_FD_ERROR,
    FanotifyMask,
)
from butter._descriptor import closed_error, link_of
from butter._enums import has
from butter._fanotify_answers import DENY_ERRNOS, FAN_DENY_ERRNO, AuditRule, Origin, audit_record
from butter._fanotify_errors import FID, PERMISSION
from butter._fanotify_event_errors import READ
from butter._fanotify_handle_paths import UnknownPath, path_of
from butter._fanotify_records import check_records, records_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ClassVar, NoReturn

    from typing_extensions import Self

    from butter._fanotify_handle import FileHandle
    from butter.pidfd import Pidfd

# a method has a parameter called errno
_errorcode, EPERM = errno.errorcode, errno.EPERM

# the first four fields of an event: its size, version, nothing, the size of its header
_METADATA = struct.Struct("=IBBH")


# The annotations in the class tell editors and type checkers what these return.
def _field(index: int, meaning: str) -> Any:
    return property(itemgetter(index), doc=meaning)


def _recorded(name: str, meaning: str) -> Any:
    """Return a property of an event that one of its records has."""

    def recorded(event: FanotifyEvent) -> Any:
        return event._read_records().get(name)

    return property(recorded, doc=f"{meaning}, or None.")


class FanotifyEvent(tuple):  # type: ignore[type-arg]
    """``FanotifyEvent(version, mask, fd, pid, info=b"")``: one event.

    * ``version`` (int): that of the kernel's interface, 3
    * ``mask`` (int): ``FAN_*`` bits that say what happened
    * ``fd`` (int): a descriptor of the file, ``FAN_NOFD`` without one
    * ``pid`` (int): the process behind the event, or the thread with
      ``FAN_REPORT_TID``; 0 if it is not in this PID namespace, or if this user may not
      know it
    * *info* (bytes): the records that follow an event; others are an InvalidArgument

    An event that a Fanotify read owns its descriptor, so close it, which ``with`` does
    too. One that the program forgets warns (ResourceWarning) and closes it. Reading
    ``fd`` hands the descriptor to the program, which then closes it by itself or by
    ``close()``; ``fileno()`` and ``filename`` do not. An event that was made by hand,
    or by :func:`str_to_events`, owns neither descriptor nor pidfd: it closes both in
    ``close()``, and never when it is forgotten.

    A permission event (``permission_event``) makes a task wait for :meth:`allow` or
    :meth:`deny`. One that is closed or forgotten without an answer gets the ``default``
    of its object.

    See :manpage:`fanotify(7)`.
    """

    # Why an event is a tuple
    #
    # A read makes hundreds of events, and a constructor that is written in Python takes
    # longer for each than the kernel does. tuple's own constructor does not, and the
    # fields never change. An event that is closed, asked for its records, and so on,
    # keeps that in its __dict__, which Python makes only then. Its fields are
    #
    #     version, mask, descriptor, pid, bytes of its read, its place in them, Origin
    #
    # An event that was made by hand has its records, no place and no Origin.

    version: int = _field(0, "The version of the kernel's interface, 3.")
    mask: int = _field(1, "``FAN_*`` bits that say what happened; ``flags`` prints them.")
    pid: int = _field(3, "The process, or the thread (``FAN_REPORT_TID``); 0 if it cannot be known here.")

    _number = property(itemgetter(2))  # of the descriptor, which may be closed by now
    _origin = property(itemgetter(6))  # the read that made the event, or None

    # Pidfd, which butter.fanotify sets: that stands a floor above, as Pidfd does
    _pidfd_class: ClassVar[type[Pidfd]]

    def __new__(cls, version: int, mask: int, fd: int, pid: int, info: bytes = b"") -> Self:
        if not isinstance(info, bytes):
            raise TypeError(f"info must be bytes, not {type(info).__name__}")
        if info:
            check_records(info)
        return super().__new__(cls, (version, mask, fd, pid, info, None, None))

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def _read_records(self) -> dict[str, Any]:
        records: dict[str, Any] | None = self.__dict__.get("_records")
        if records is None:
            info, offset = self[4], self[5]
            begin, end = 0, len(info)
            if offset is not None:
                # the event among those of its read
                size, _, _, header = _METADATA.unpack_from(info, offset)
                begin, end = offset + header, offset + size
            records = self.__dict__["_records"] = records_of(info, begin, end)
        return records

    def _is_closed(self) -> bool:
        return "_closed" in self.__dict__

    @property
    def fd(self) -> int:
        """The descriptor of the file, which from now on the program has to close.

        ``FAN_NOFD`` (-1) if there is none: in an overflow, in events with handles, and
        once the event is closed. Where the kernel could not open the file, as when this
        process has no descriptor left, it is the errno as a negative number, which
        ``fileno()`` raises.
        """
        if self._is_closed():
            return FAN_NOFD
        self.__dict__["_handed_over"] = True
        number: int = self._number
        origin = self._origin
        if origin is not None and origin.asks:
            origin.answers.handed_over.add((origin.serial, number))
        return number

    def fileno(self) -> int:
        """The number of the descriptor, which the event goes on owning.

        Raises ValueError if there is none, OSError if the kernel could not open the
        file (Linux 6.13; before, the read raises it).
        """
        if self._is_closed():
            raise closed_error()
        number: int = self._number
        if number >= 0:
            return number
        self._check_opened()
        raise ValueError("the event does not have a descriptor")

    def _check_opened(self) -> None:
        """Raise the error with which the kernel did not open the file, if any."""
        number = self._number
        if number == FAN_NOFD:
            # The errno EPERM is the same number. Only an overflow is about no file.
            origin = self._origin
            flags = 0 if origin is None else origin.answers.flags or 0
            if not flags & FAN_REPORT_FD_ERROR or flags & FID or self.mask & FAN_Q_OVERFLOW:
                return
        if number < 0:
            READ.fail(-number, kept=True)

    @property
    def filename(self) -> str | None:
        """The path of the descriptor; in events with handles the name in the directory.

        None if the event has neither. The path is looked up once, so ask before the
        event is closed. That of a deleted file ends with ``(deleted)``.

        Raises ValueError if the event was closed before, OSError if the kernel could
        not open the file.
        """
        state = self.__dict__
        if "_filename" not in state:
            number = self._number
            if number >= 0 and self._is_closed():
                raise closed_error()
            self._check_opened()
            state["_filename"] = link_of(number) if number >= 0 else self.name
        found: str | None = state["_filename"]
        return found

    @property
    def path(self) -> str | None:
        """Where the file of the event is now; None if the event is not about a file.

        With a descriptor it is the file's own path, and with handles that of the
        directory, joined with the name. After a rename it is the new one, or None if
        the new directory is not watched.

        Raises UnknownPath where it cannot be known, ValueError if the descriptor was
        closed before, OSError if the kernel could not open the file.
        """
        if self._number >= 0:
            return path_of(self.fileno())
        self._check_opened()
        directory, name, file = self.dir_handle, self.name, self.handle
        if directory is not None and name is not None:
            return self._find(directory, name)
        found = directory if file is None else file
        return None if found is None else self._find(found)

    @property
    def old_path(self) -> str | None:
        """Where the name of a rename was, as far as its directory is known now.

        None if the event is not a rename (``FAN_RENAME``), or came from a directory
        that is not watched. For the rest see :attr:`path`.
        """
        directory, name = self.old_dir_handle, self.old_name
        return None if directory is None or name is None else self._find(directory, name)

    def _find(self, handle: FileHandle, name: str = "") -> str:
        origin: Origin | None = self._origin
        if origin is None:
            raise UnknownPath(f"{self!r} was not read by a Fanotify object, which knows paths", "unwatched")
        return origin.paths.path(handle, name)

    @property
    def flags(self) -> FanotifyMask:
        """``mask`` as a FanotifyMask, which prints the names of its bits."""
        return FanotifyMask(self.mask)

    @property
    def pidfd(self) -> Pidfd | None:
        """The process behind the event, a :class:`butter.pidfd.Pidfd`, or None.

        It is never another process, even if the number was used again. It belongs to
        the event, which closes it; ``Pidfd.adopt(event.pidfd)`` takes it over. None
        without ``FAN_REPORT_PIDFD``. Forgetting that of an event that owns nothing
        does not close it.

        Raises ProcessLookupError if the process was gone before the event was read,
        OSError if the kernel could not make a pidfd, ValueError if the event was closed
        before.
        """
        made: Pidfd | None = self.__dict__.get("_pidfd")
        if made is not None:
            return made
        number = self._read_records().get("pidfd")
        if number is None:
            return None
        if number in (FAN_NOPIDFD, -errno.ESRCH):
            READ.fail(errno.ESRCH)
        if number < 0:
            READ.fail(errno.ENODATA if number == FAN_EPIDFD else -number, kept=True)
        if self._is_closed():
            raise closed_error()
        made = self._pidfd_class.adopt(number)
        if self._origin is None:
            made._opened = None  # so its finaliser leaves it to the program
        self.__dict__["_pidfd"] = made
        return made

    handle: FileHandle | None = _recorded(
        "handle",
        "The handle of the file, a FileHandle (``FAN_REPORT_FID``); with that flag alone, and an event of a name, "
        "that of the directory",
    )
    dir_handle: FileHandle | None = _recorded(
        "dir_handle", "The handle of the directory of the file (``FAN_REPORT_DIR_FID``)"
    )
    name: str | None = _recorded(
        "name", "The name in that directory, ``.`` for the directory itself (``FAN_REPORT_NAME``)"
    )
    old_dir_handle: FileHandle | None = _recorded("old_dir_handle", "The handle of the directory before a rename")
    old_name: str | None = _recorded("old_name", "The name before a rename")
    error: int | None = _recorded("error", "The errno of the first error of the filesystem (``FAN_FS_ERROR``)")
    error_count: int | None = _recorded(
        "error_count", "How many errors of the filesystem came since the last such event"
    )
    offset: int | None = _recorded(
        "offset", "Where the range of the file begins that a task wants (``FAN_PRE_ACCESS``)"
    )
    count: int | None = _recorded("size", "How many bytes that range has")  # type: ignore[assignment]
    mount_id: int | None = _recorded("mount_id", "The id of the mount, which no other mount gets (``FAN_REPORT_MNT``)")

    access_event: bool = has(FAN_ACCESS, "the file was read")
    modify_event: bool = has(FAN_MODIFY, "the file was written, or, in an event with handles, truncated")
    attrib_event: bool = has(FAN_ATTRIB, "metadata changed: mode, owner, times, number of links")
    close_write_event: bool = has(FAN_CLOSE_WRITE, "a file that was open for writing was closed")
    close_nowrite_event: bool = has(FAN_CLOSE_NOWRITE, "a file or directory that was not open for writing was closed")
    close_event: bool = has(FAN_CLOSE, "the file was closed, whatever it was open for")
    open_event: bool = has(FAN_OPEN, "the file was opened")
    open_exec_event: bool = has(FAN_OPEN_EXEC, "the file was opened to be executed")
    moved_from_event: bool = has(FAN_MOVED_FROM, "the name left the directory")
    moved_to_event: bool = has(FAN_MOVED_TO, "the name came into the directory")
    moved_event: bool = has(FAN_MOVE, "the name left the directory, or came into it")
    rename_event: bool = has(FAN_RENAME, "a name became another; the event has both")
    create_event: bool = has(FAN_CREATE, "the name was created in the directory")
    delete_event: bool = has(FAN_DELETE, "the name was deleted from the directory")
    delete_self_event: bool = has(FAN_DELETE_SELF, "the marked object itself was deleted")
    move_self_event: bool = has(FAN_MOVE_SELF, "the marked object itself was moved")
    fs_error_event: bool = has(FAN_FS_ERROR, "the filesystem found an error in itself")
    mount_attach_event: bool = has(FAN_MNT_ATTACH, "the mount appeared, or came from elsewhere")
    mount_detach_event: bool = has(FAN_MNT_DETACH, "the mount is gone, or went elsewhere")
    open_perm_event: bool = has(FAN_OPEN_PERM, "a task waits for permission to open the file")
    access_perm_event: bool = has(FAN_ACCESS_PERM, "a task waits for permission to read the file")
    open_exec_perm_event: bool = has(FAN_OPEN_EXEC_PERM, "a task waits for permission to open the file to execute it")
    pre_access_event: bool = has(FAN_PRE_ACCESS, "a task waits until it may use a range of the file")
    permission_event: bool = has(PERMISSION, "a task waits for an answer to the event")
    queue_overflow_event: bool = has(
        FAN_Q_OVERFLOW, "the queue was full: an unknown number of events of every mark is lost"
    )
    overflow_event: bool = queue_overflow_event
    on_dir_event: bool = has(FAN_ONDIR, "the event is about a directory")
    on_child_event: bool = has(FAN_EVENT_ON_CHILD, "the event is about a file in the marked directory (old kernels)")

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
        if errno is not None:
            errno = integer(errno, -32, "errno")
        if errno not in (None, EPERM):
            if errno not in DENY_ERRNOS:
                names = ", ".join(_errorcode[each] for each in DENY_ERRNOS)
                raise ValueError(f"a task can be denied with one of {names}, not with {_errorcode.get(errno, errno)}")
            flags = self._origin_of_task().answers.flags
            if flags is not None and not flags & FAN_CLASS_PRE_CONTENT:
                raise ValueError("only a group of FAN_CLASS_PRE_CONTENT can deny with an errno; others deny with EPERM")
        self._answer(FAN_DENY if errno is None else FAN_DENY_ERRNO(errno), audit)

    def _origin_of_task(self) -> Origin:
        """Return the read that made this event, whose task waits for an answer."""
        if not self[1] & PERMISSION:
            raise ValueError(f"{self!r} is not a permission event: no task waits for an answer")
        if self._is_closed():
            raise ValueError(f"{self!r} does not wait for an answer: it was closed")
        origin: Origin | None = self[6]
        if origin is None:
            raise ValueError(f"{self!r} was not read by a Fanotify object, which could answer it")
        if self[2] < 0:
            raise ValueError(f"{self!r} does not wait for an answer: the kernel could not open its file, and denied it")
        return origin

    def _answer(self, response: int, audit: AuditRule | bool) -> None:
        origin, record = self._origin_of_task(), b""
        answers, key = origin.answers, (origin.serial, self[2])
        if audit is not False:
            if answers.flags is not None and not answers.flags & FAN_ENABLE_AUDIT:
                raise ValueError("an audit record needs a group with FAN_ENABLE_AUDIT")
            response |= FAN_AUDIT
            if audit is not True:
                response |= FAN_INFO
                record = audit_record(audit)
        try:
            answers.give(key, response, record)
        except KeyError:
            why = "its object is closed, or belongs to another process" if answers.fd is None else "it was answered"
            raise ValueError(f"{self!r} does not wait for an answer: {why}") from None

    def close(self) -> None:
        """Close the descriptor and the pidfd, also if ``fd`` handed the first over.

        A permission event that was not answered gets the default of its object. A
        second call does nothing.
        """
        self._close(os.close)

    def _close(self, close: Callable[[int], object], kept: bool = False) -> None:
        """Answer, and close all but a descriptor that is to be *kept*."""
        state, number, origin = self.__dict__, self[2], self[6]
        mine: list[None] = []
        try:
            # one step, which two threads cannot both win; a handler may raise after it
            state.setdefault("_closed", mine)
        finally:
            if "_closed" in state and state["_closed"] is mine:
                try:
                    if origin is not None and origin.asks:
                        key = origin.serial, number
                        try:
                            origin.answers.give_default(key)
                        except BaseException:
                            # a handler raised, and this is the last chance
                            origin.answers.give_default(key)
                            raise
                finally:
                    try:
                        if origin is None or origin.pidfds:
                            self._close_pidfd(close)
                    finally:
                        if number >= 0 and not kept:
                            close(number)

    def _close_pidfd(self, close: Callable[[int], object]) -> None:
        made: Pidfd | None = self.__dict__.get("_pidfd")
        if made is not None:
            if not made.closed():
                made.close()
        else:
            number = self._read_records().get("pidfd")
            if number is not None and number >= 0:
                close(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name is not None else ""
        fd = "closed" if self._is_closed() else self._number
        return f"FanotifyEvent(mask={FanotifyMask(self.mask)}, fd={fd}, pid={self.pid}{name})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("cannot copy or pickle a FanotifyEvent: two events would close one descriptor")


class OwningEvent(FanotifyEvent):
    """An event that a read made, and that has something to close."""

    def __del__(self, warn: Any = warnings.warn, close: Any = os.close) -> None:
        state, origin = self.__dict__, self[6]
        # while the events of its read are being made, their buffer owns everything
        if "_closed" in state or origin is None or origin.making:
            return
        try:
            kept = "_handed_over" in state or self[2] < 0
            pidfd = self._read_records().get("pidfd") if origin.pidfds and "_pidfd" not in state else None
            if not kept or (pidfd is not None and pidfd >= 0):
                warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
        finally:
            # a handler may have raised, or memory run out, before *kept* is known
            self._close(close, "_handed_over" in state)
