"""The calls of :manpage:`fanotify(7)`."""

from __future__ import annotations

import os
from builtins import PermissionError as PermissionError
from os import O_RDONLY as O_RDONLY
from os import O_RDWR as O_RDWR
from os import O_WRONLY as O_WRONLY
from typing import TYPE_CHECKING

from butter._arguments import CLOEXEC_DEFAULT, fileno, fsencode, integer
from butter._constants.fanotify import *  # noqa: F403
from butter._constants.fanotify import FAN_CLOEXEC
from butter._constants.fanotify_handle import AT_FDCWD
from butter._fanotify_c import ffi, lib
from butter._fanotify_errors import INIT, MARK
from butter._fanotify_event import FanotifyEvent as FanotifyEvent
from butter._fanotify_modify_dir import modify_dir
from butter._fanotify_read import str_to_events as str_to_events
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from butter._arguments import FileDescriptor, Path

#: a number of butter 0.13, which nothing uses
READ_EVENTS_MAX = 10

__getattr__ = modify_dir(__name__)


def fanotify_init(flags: int = 0, event_flags: int = O_RDONLY, closefd: bool = CLOEXEC_DEFAULT) -> int:
    """``fanotify_init(flags, event_flags)``: returns a new fanotify descriptor.

    *flags* are FanotifyInit's. *event_flags* are those of :func:`os.open` for the
    descriptors of events: O_RDONLY, O_WRONLY or O_RDWR, and others that the manual page
    lists. *closefd* adds ``FAN_CLOEXEC``, and ``O_CLOEXEC`` for the descriptors of
    events.

    Raises PermissionError without CAP_SYS_ADMIN, which groups need whose events have
    descriptors, InvalidArgument for flags that exclude each other or need another,
    OSError (EMFILE, ENFILE) where a limit is reached, OutOfMemory.

    Linux 2.6.37, :manpage:`fanotify_init(2)`.
    """
    flags, event_flags = integer(flags, 32, "flags"), integer(event_flags, 32, "event_flags")
    if closefd:
        flags, event_flags = flags | FAN_CLOEXEC, event_flags | os.O_CLOEXEC
    fd = lib.fanotify_init(flags, event_flags)
    return fd if fd >= 0 else INIT.check(fd, flags=flags, event_flags=event_flags)


def fanotify_mark(fd: FileDescriptor, path: Path | None, mask: int, flags: int, dfd: FileDescriptor = AT_FDCWD) -> None:
    """``fanotify_mark(fd, flags, mask, dfd, path)``: changes the mark on *path*.

    *mask* are the events, bits of FanotifyMask, which ``FAN_MARK_ADD`` in *flags* adds
    to the mark and ``FAN_MARK_REMOVE`` removes from it. *flags* are FanotifyMark's: the
    command, and the type of the mark, which is on a file or directory, a mount, a
    filesystem or a mount namespace. A relative *path* begins at the directory *dfd*;
    None stands for the file *dfd* itself, or for nothing with ``FAN_MARK_FLUSH``.

    Raises PathNotFound, PathNotADirectory, InvalidPath, PermissionError,
    FileExistsError, IsADirectoryError, InvalidArgument, OSError (ENOSPC: no mark is
    left; ENODEV, EOPNOTSUPP, EXDEV: the filesystem cannot have such a mark).

    Linux 2.6.37, :manpage:`fanotify_mark(2)`.
    """
    number, mask, flags = fileno(fd), integer(mask, 64, "mask"), integer(flags, 32, "flags")
    directory, name = fileno(dfd), ffi.NULL if path is None else fsencode(path)
    MARK.check(
        lib.fanotify_mark(number, flags, mask, directory, name), path, fd=number, mask=mask, flags=flags, dfd=directory
    )
