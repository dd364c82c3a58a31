"""Watching whole filesystems, and deciding: objects for :manpage:`fanotify(7)`."""

from __future__ import annotations

import errno
import os
from collections import deque
from contextlib import suppress
from os import O_RDONLY, O_RDWR, O_WRONLY
from typing import TYPE_CHECKING

from butter._arguments import ACCESS_MODE, CLOEXEC_DEFAULT, integer, one_spelling
from butter._constants import fanotify as _constants
from butter._constants import fanotify_handle as _handle_constants
from butter._constants.fanotify import *  # noqa: F403
from butter._constants.fanotify import (
    FAN_ALLOW,
    FAN_CLASS_NOTIF,
    FAN_CLOEXEC,
    FAN_DENY,
    FAN_ENABLE_AUDIT,
    FAN_MARK_ADD,
    FAN_MARK_DONT_FOLLOW,
    FAN_MARK_FILESYSTEM,
    FAN_MARK_FLUSH,
    FAN_MARK_IGNORE,
    FAN_MARK_IGNORED_MASK,
    FAN_MARK_INODE,
    FAN_MARK_MNTNS,
    FAN_MARK_MOUNT,
    FAN_MARK_REMOVE,
    FAN_REPORT_FD_ERROR,
    FAN_REPORT_MNT,
    FAN_REPORT_TID,
)
from butter._constants.fanotify_handle import *  # noqa: F403
from butter._constants.fanotify_handle import AT_FDCWD
from butter._descriptor import get_buffered_length
from butter._fanotify import fanotify_init, fanotify_mark
from butter._fanotify_answers import FAN_DENY_ERRNO, Answers, AuditRule
from butter._fanotify_errors import CLASS, FID, LINK, group_of
from butter._fanotify_event import FanotifyEvent
from butter._fanotify_handle import FileHandle, name_to_handle_at, open_by_handle_at
from butter._fanotify_handle_paths import Paths, UnknownPath
from butter._fanotify_modify_dir import modify_dir
from butter._fanotify_read import FEW, MANY, read_events, size_of, str_to_events
from butter.errors import InvalidArgument
from butter.eventlike import Eventlike, readable
from butter.pidfd import Pidfd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from butter._arguments import FileDescriptor, Path
    from butter._fanotify_read import Columns

__all__ = [
    "FAN_DENY_ERRNO",
    "O_RDONLY",
    "O_RDWR",
    "O_WRONLY",
    "AuditRule",
    "Fanotify",
    "FanotifyEvent",
    "FileHandle",
    "Paths",
    "UnknownPath",
    "close_events",
    "fanotify_init",
    "fanotify_mark",
    "name_to_handle_at",
    "open_by_handle_at",
    "str_to_events",
]
__all__ += _constants.__all__
__all__ += _handle_constants.__all__

__getattr__ = modify_dir(__name__)

FanotifyEvent._pidfd_class = Pidfd

_RESPONSES = {"allow": FAN_ALLOW, "deny": FAN_DENY}

# the errnos of a read that does not have an event, or that can never have one
_NOTHING = (errno.EAGAIN, errno.EBADF, errno.EBADMSG, errno.EINVAL)


class Fanotify(Eventlike[FanotifyEvent]):
    """``Fanotify(flags=FAN_CLASS_NOTIF, *, default="allow", exclude_self=False)``.

    Watches files, mounts and filesystems, and decides about the use of files. Its
    events are FanotifyEvents. ::

        with Fanotify() as fanotify:
            fanotify.watch("/home", FAN_CLOSE_WRITE, FAN_MARK_FILESYSTEM)
            for event in fanotify:
                with event:
                    print(event.filename, event.pid, event.flags)

    *flags* are FanotifyInit's, *event_flags* those of :func:`os.open` for the
    descriptors of events. *closefd* keeps the descriptor, and those of events, from
    programs that the process executes. ``FAN_REPORT_FD_ERROR`` is added where events
    have descriptors: an event comes also if its file cannot be opened, and its
    ``fileno()`` raises the error. Before Linux 6.13 the read raises it.

    With ``FAN_CLASS_CONTENT`` or ``FAN_CLASS_PRE_CONTENT`` the object has permission
    events, whose tasks wait for an answer. *default* is "allow" or "deny": the answer
    to events that are closed or forgotten without one, as when a handler raises.
    ``close()`` answers all. If the process dies, the kernel allows, and if the queue is
    full, it allows without asking, whatever *default* is: a guard has
    ``FAN_UNLIMITED_QUEUE``. A forked child closes its copy of such an object and never
    answers.

    *exclude_self* leaves out the events of this process, and allows what they ask. A
    thread that uses a marked file by its path still waits until another thread has read
    the event; ``event.fileno()`` is never reported. With ``FAN_REPORT_TID`` an event of
    a thread of this process that has ended by the time of the read is reported.

    Without CAP_SYS_ADMIN an object needs ``FAN_REPORT_FID`` or ``FAN_REPORT_DIR_FID``,
    and has marks on files and directories alone (Linux 5.13); or it needs
    ``FAN_REPORT_MNT``, and has marks only as root of a user namespace (Linux 6.16).

    Raises what :func:`fanotify_init` does, ValueError for another *default*.

    Linux 2.6.37, :manpage:`fanotify(7)`.
    """

    _kind = "an fanotify descriptor"
    _link = LINK

    _flags: int | None = None  # those of fanotify_init; None if they are not known
    _event_flags = O_RDONLY
    _default = FAN_ALLOW
    _answers: Answers | None
    _exclude_self = False
    _only_own = False  # the last read took events of this process alone
    _size = FEW  # of a read; this one is right for any group

    def __init__(
        self,
        flags: int = FAN_CLASS_NOTIF,
        event_flags: int = O_RDONLY,
        closefd: bool = CLOEXEC_DEFAULT,
        *,
        default: str = "allow",
        exclude_self: bool = False,
    ) -> None:
        if not isinstance(flags, int):
            raise TypeError(f"flags must be an int, not {type(flags).__name__}: pass a path to watch()")
        flags = integer(flags, 32, "flags")
        self.default = default
        fd = None
        if not flags & (FID | FAN_REPORT_MNT):
            # Linux 6.13. Without it an event whose file cannot be opened is lost.
            with suppress(OSError):
                fd = fanotify_init(flags | FAN_REPORT_FD_ERROR, event_flags, closefd)
                flags |= FAN_REPORT_FD_ERROR
        super().__init__(fanotify_init(flags, event_flags, closefd) if fd is None else fd)
        self._know(flags | FAN_CLOEXEC if closefd else flags, event_flags)
        self._exclude_self = exclude_self
        self._answers = Answers(self.fileno(), self._default, self._flags)

    def _init_state(self) -> None:
        super()._init_state()
        self._unmade: deque[Columns] = deque()
        self._answers = None
        self._paths = Paths()

    def _adopted(self, fd: int) -> None:
        group = group_of(fd)
        if group is not None:
            self._know(*group)
        # The kernel does not tell FAN_ENABLE_AUDIT, and refuses an audit without it.
        flags = None if self._flags is None else self._flags | FAN_ENABLE_AUDIT
        self._answers = Answers(fd, self._default, flags)

    def _know(self, flags: int, event_flags: int) -> None:
        self._flags, self._event_flags = flags, event_flags
        self._size = size_of(flags)

    @property
    def default(self) -> str:
        """The answer to events that do not get another: "allow" or "deny".

        It is for events that were queued. If the queue is full the kernel allows
        without asking, which ``FAN_UNLIMITED_QUEUE`` prevents.
        """
        return next(name for name, response in _RESPONSES.items() if response == self._default)

    @default.setter
    def default(self, value: str) -> None:
        if value not in tuple(_RESPONSES):  # a list cannot be looked up in a dict
            raise ValueError(f"default must be 'allow' or 'deny', not {value!r}")
        self._default = _RESPONSES[value]
        if self._answers is not None:
            self._answers.default = self._default

    @property
    def blocking(self) -> bool:
        """Whether a read waits for an event."""
        return os.get_blocking(self.fileno())

    def watch(
        self,
        path: Path | None,
        events: int | None = None,
        flags: int = 0,
        dfd: FileDescriptor = AT_FDCWD,
        *,
        mask: int | None = None,
        event_mask: int | None = None,
    ) -> None:
        """Watch *path* for *events*, which are added to those that it has.

        *path* is str, bytes or PathLike, relative to the directory *dfd*; None is the
        file *dfd* itself. *events* are bits of FanotifyMask. *flags* are FanotifyMark's
        and say what is watched: the file or directory alone, or its whole mount
        (``FAN_MARK_MOUNT``) or filesystem (``FAN_MARK_FILESYSTEM``). *mask* and
        *event_mask* are older names of *events*.

        The process needs permission to read the file or directory *path*.

        Raises what :func:`fanotify_mark` does, ValueError if the object is closed.
        """
        fanotify_mark(self.fileno(), path, _events(events, mask, event_mask), _flags(flags, FAN_MARK_ADD), dfd)
        if self._size == MANY:
            self._paths.add("" if path is None else path, dfd, not flags & FAN_MARK_DONT_FOLLOW)

    def ignore(
        self,
        path: Path | None,
        events: int | None = None,
        flags: int = 0,
        dfd: FileDescriptor = AT_FDCWD,
        *,
        mask: int | None = None,
        event_mask: int | None = None,
    ) -> None:
        """Report these *events* of *path* no more, whichever mark asks for them.

        The arguments are those of :meth:`watch`. ``FAN_MARK_IGNORED_MASK`` is added to
        *flags*, unless they have ``FAN_MARK_IGNORE`` (Linux 6.0). A modification ends
        it without ``FAN_MARK_IGNORED_SURV_MODIFY``. :meth:`del_ignore` takes it back.

        ``FAN_EVENT_ON_CHILD`` and ``FAN_ONDIR`` in *events* mean something only with
        ``FAN_MARK_IGNORE``. Without it the mark is about directories too, and about the
        files in a directory only if :meth:`watch` asked for those.

        Raises what :func:`fanotify_mark` does, ValueError if the object is closed.
        """
        fanotify_mark(self.fileno(), path, _events(events, mask, event_mask), _ignoring(flags) | FAN_MARK_ADD, dfd)

    def del_ignore(
        self,
        path: Path | None,
        events: int | None = None,
        flags: int = 0,
        dfd: FileDescriptor = AT_FDCWD,
    ) -> None:
        """Report these *events* of *path* again, which :meth:`ignore` hid.

        The arguments are those of :meth:`ignore`, with the same *flags*.

        Raises what :func:`fanotify_mark` does, PathNotFound also if there is no such
        mark, ValueError if the object is closed.
        """
        self.del_watch(path, events, _ignoring(flags), dfd)

    def del_watch(
        self,
        path: Path | None,
        events: int | None = None,
        flags: int = 0,
        dfd: FileDescriptor = AT_FDCWD,
        *,
        mask: int | None = None,
        event_mask: int | None = None,
    ) -> None:
        """Remove *events* from the mark on *path*, whose type is in *flags*.

        Its events that wait are still delivered, and what it ignores stays ignored:
        :meth:`del_ignore` is for that. The arguments are those of :meth:`watch`.

        Raises what :func:`fanotify_mark` does, PathNotFound also if there is no such
        mark, ValueError if the object is closed.
        """
        fanotify_mark(self.fileno(), path, _events(events, mask, event_mask), _flags(flags, FAN_MARK_REMOVE), dfd)

    def flush(self, flags: int | None = None) -> None:
        """Remove all marks, or those of the type in *flags*, as FAN_MARK_MOUNT.

        Raises what :func:`fanotify_mark` does, ValueError if the object is closed.
        """
        fd = self.fileno()
        if flags is not None:
            fanotify_mark(fd, None, 0, _flags(flags, FAN_MARK_FLUSH))
            return
        for each in self._types():
            try:
                fanotify_mark(fd, None, 0, each | FAN_MARK_FLUSH)
            except (InvalidArgument, PermissionError):
                # an old kernel, or an unprivileged group, does not have such marks
                if each in (FAN_MARK_INODE, FAN_MARK_MNTNS):
                    raise

    def _types(self) -> tuple[int, ...]:
        if self._flags is not None and self._flags & FAN_REPORT_MNT:
            return (FAN_MARK_MNTNS,)
        return FAN_MARK_INODE, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM

    def path(self, event: FanotifyEvent) -> str | None:
        """The path of an event, as its attribute ``path``; None for an overflow.

        Raises :class:`UnknownPath` where it cannot be known.
        """
        return event.path

    def writable(self) -> bool:
        """Whether the descriptors of events are open for writing (*event_flags*)."""
        return self._event_flags & ACCESS_MODE != O_RDONLY

    def _asks(self) -> bool:
        """Return whether the object may have permission events."""
        return self._flags is None or self._flags & CLASS != FAN_CLASS_NOTIF

    def _read_events(self) -> list[FanotifyEvent]:
        answers = self._answers
        if answers is not None and answers.handed_over:
            answers.end_closed()
        while True:
            self._only_own = False
            events = read_events(self.fileno(), self._made, self._unmade, self._size)
            # no event at all would mean that a signal came, or that none is left
            if not (self._only_own and readable(self, 0)):
                return events

    def _made(self, columns: Columns) -> list[FanotifyEvent]:
        answers = self._answers
        if answers is None:
            self._answers = answers = Answers(self._fd, self._default, self._flags)
        if self._exclude_self:
            threads = self._flags is not None and self._flags & FAN_REPORT_TID != 0
            self._only_own = columns.leave_out_own(answers, threads)
        return columns.made(answers, self._paths)

    def _drop_batch(self) -> None:
        answers = self._answers
        if answers is not None:
            if answers.fd is not None and self._asks():
                self._answer_all(answers, answers.fd)
            answers.fd = None
        while self._batch:
            self._batch.popleft().close()
        while self._unmade:
            self._unmade.popleft().drop()

    def _answer_all(self, answers: Answers, fd: int) -> None:
        """End all marks, and answer the events that wait by the default."""
        for each in self._types():
            with suppress(OSError):
                fanotify_mark(fd, None, 0, each | FAN_MARK_FLUSH)
        with suppress(OSError):
            # the marks are gone for all that share it, so none of them misses an event
            os.set_blocking(fd, False)
        wrong, left = 0, -1
        while wrong not in _NOTHING:
            try:
                close_events(read_events(fd, self._made, self._unmade, self._size))
            except OSError as error:
                wrong, before, left = error.errno or errno.EINVAL, left, get_buffered_length(fd)
                if left == before:
                    break  # the read has not taken the event, and none ever will
        answers.end()

    def _after_fork(self) -> None:
        if self._answers is not None:
            self._answers.forget()
        super()._after_fork()
        fd = self._fd
        if fd is not None and self._answers is not None and self._asks():
            # as long as a copy is open the kernel does not allow what waits
            self._fd = None
            os.close(fd)


def _flags(flags: int, added: int) -> int:
    """Return *flags*, which the program passed, with a bit of ours."""
    return integer(flags, 32, "flags") | added


def _ignoring(flags: int) -> int:
    """Return the flags of a mark that ignores, in the way that *flags* say, if any."""
    return flags if _flags(flags, 0) & FAN_MARK_IGNORE else flags | FAN_MARK_IGNORED_MASK


def _events(events: int | None, mask: int | None, event_mask: int | None) -> int:
    value = one_spelling("events, mask", events, mask, None)
    value = one_spelling("events, event_mask", value, event_mask, None)
    if value is None:
        raise TypeError("events are missing: bits of FanotifyMask")
    return integer(value, 64, "the mask of events")


def close_events(events: Iterable[FanotifyEvent]) -> None:
    """Close many events, faster than one by one. Each may be closed already.

    Raises OSError (EBADF) in the end if the program closed some by their numbers.
    """
    close, failure = os.close, None
    for event in events:
        origin = event[6]
        try:
            if origin is None or origin.asks or origin.pidfds:
                event.close()
                continue
            # as FanotifyEvent.close does for one that has nothing but a descriptor
            state, mine = event.__dict__, []  # type: ignore[var-annotated]
            try:
                state.setdefault("_closed", mine)
            finally:
                if "_closed" in state and state["_closed"] is mine and event[2] >= 0:
                    close(event[2])
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure
