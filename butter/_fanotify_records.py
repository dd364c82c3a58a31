"""The records that follow an event of :manpage:`fanotify(7)`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from butter._constants.fanotify import (
    FAN_EVENT_INFO_TYPE_DFID,
    FAN_EVENT_INFO_TYPE_DFID_NAME,
    FAN_EVENT_INFO_TYPE_ERROR,
    FAN_EVENT_INFO_TYPE_FID,
    FAN_EVENT_INFO_TYPE_MNT,
    FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
    FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
    FAN_EVENT_INFO_TYPE_PIDFD,
    FAN_EVENT_INFO_TYPE_RANGE,
)
from butter._fanotify_c import ffi, lib
from butter._fanotify_errors import READ
from butter._fanotify_handle import FileHandle

if TYPE_CHECKING:
    from typing import Any


class Records(NamedTuple):
    """The records of an event; None for those that it does not have."""

    handle: FileHandle | None = None
    dir_handle: FileHandle | None = None
    name: str | None = None
    old_dir_handle: FileHandle | None = None
    old_name: str | None = None
    error: int | None = None
    error_count: int | None = None
    offset: int | None = None
    size: int | None = None
    mount_id: int | None = None
    pidfd: int | None = None  # or FAN_NOPIDFD, FAN_EPIDFD, -errno


NO_RECORDS = Records()

# Looked up once, here: tests replace `lib` and `ffi` of butter._fanotify with mocks.
_parse = lib.butter_fanotify_parse_records


def _handle(info: bytes, fid: Any) -> FileHandle:
    return FileHandle((fid.fsid[0], fid.fsid[1]), fid.type, info[fid.handle : fid.handle + fid.handle_size])


def _name(info: bytes, fid: Any) -> str:
    return os.fsdecode(info[fid.name : fid.name + fid.name_size])


def records_of(info: bytes) -> Records:
    """Return the records in *info*.

    Raises InvalidArgument for records that are cut short.
    """
    found = ffi.new("butter_fanotify_records *")
    READ.check(_parse(info, len(info), found))

    def has(kind: int) -> bool:
        return bool(found.present >> kind & 1)

    name = directory = None
    if has(FAN_EVENT_INFO_TYPE_NEW_DFID_NAME):
        directory, name = _handle(info, found.new), _name(info, found.new)
    elif has(FAN_EVENT_INFO_TYPE_DFID_NAME):
        directory, name = _handle(info, found.directory), _name(info, found.directory)
    elif has(FAN_EVENT_INFO_TYPE_DFID):
        directory = _handle(info, found.directory)
    old, error = has(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME), has(FAN_EVENT_INFO_TYPE_ERROR)
    ranged = has(FAN_EVENT_INFO_TYPE_RANGE)
    return Records(
        _handle(info, found.file) if has(FAN_EVENT_INFO_TYPE_FID) else None,
        directory,
        name,
        _handle(info, found.old) if old else None,
        _name(info, found.old) if old else None,
        found.error if error else None,
        found.error_count if error else None,
        found.offset if ranged else None,
        found.size if ranged else None,
        found.mount if has(FAN_EVENT_INFO_TYPE_MNT) else None,
        found.pidfd if has(FAN_EVENT_INFO_TYPE_PIDFD) else None,
    )
