"""The records that follow an event of :manpage:`fanotify(7)`."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

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
from butter._fanotify_event_errors import READ
from butter._fanotify_handle import FileHandle

if TYPE_CHECKING:
    from typing import Any

# the beginning of every record: its type and size; after it come the fields of its type
_RECORD = struct.Struct("=BxH")
# a record with a handle: the size of the record, fsid, size and type of the handle
_HANDLE = struct.Struct("=2xHiiIi")

# the attributes that the records with a handle become: the handle, and the name if any
_HANDLES = {
    FAN_EVENT_INFO_TYPE_FID: ("handle", None),
    FAN_EVENT_INFO_TYPE_DFID: ("dir_handle", None),
    FAN_EVENT_INFO_TYPE_DFID_NAME: ("dir_handle", "name"),
    FAN_EVENT_INFO_TYPE_OLD_DFID_NAME: ("old_dir_handle", "old_name"),
    FAN_EVENT_INFO_TYPE_NEW_DFID_NAME: ("dir_handle", "name"),
}
# those that the others become, and their fields
_OTHERS = {
    FAN_EVENT_INFO_TYPE_PIDFD: (("pidfd",), struct.Struct("=4xi")),
    FAN_EVENT_INFO_TYPE_ERROR: (("error", "error_count"), struct.Struct("=4xiI")),
    FAN_EVENT_INFO_TYPE_RANGE: (("offset", "size"), struct.Struct("=8xQQ")),
    FAN_EVENT_INFO_TYPE_MNT: (("mount_id",), struct.Struct("=8xQ")),
}

# Looked up once, here: tests replace `lib` and `ffi` of butter._fanotify with mocks.
_check = lib.butter_fanotify_check


def check_records(info: bytes) -> None:
    """Raise InvalidArgument for records that are cut short, as those made by hand."""
    READ.check(_check(info, len(info), ffi.new("int32_t *")))


def records_of(data: bytes, offset: int, end: int) -> dict[str, Any]:
    """Return the records from *offset* to *end* of *data*, by the names of attributes.

    Records that are cut short have been refused, by the parser of a read or by
    check_records.
    """
    # In Python, because a struct of C costs more to look into than all of this.
    found: dict[str, Any] = {}
    while offset < end:
        names = _HANDLES.get(data[offset])
        if names is None:
            kind, size = _RECORD.unpack_from(data, offset)
            if kind in _OTHERS:
                keys, fields = _OTHERS[kind]
                found.update(zip(keys, fields.unpack_from(data, offset)))
        else:
            handle, name = names
            size, first, second, length, kind = _HANDLE.unpack_from(data, offset)
            begin = offset + _HANDLE.size
            content = data[begin : begin + length]
            found[handle] = FileHandle._make(((first, second), kind, content))
            if name is not None:
                found[name] = os.fsdecode(data[begin + length : offset + size].partition(b"\0")[0])
        offset += size
    return found
