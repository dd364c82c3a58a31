"""The calls that tell of mounts: :manpage:`statmount(2)`, :manpage:`listmount(2)`."""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from butter._arguments import fileno, integer
from butter._constants.system_mounts import (
    AT_EMPTY_PATH,
    LSMT_ROOT,
    STATMOUNT_FS_SUBTYPE,
    STATMOUNT_FS_TYPE,
    STATMOUNT_MNT_BASIC,
    STATMOUNT_MNT_GIDMAP,
    STATMOUNT_MNT_NS_ID,
    STATMOUNT_MNT_OPTS,
    STATMOUNT_MNT_POINT,
    STATMOUNT_MNT_ROOT,
    STATMOUNT_MNT_UIDMAP,
    STATMOUNT_OPT_ARRAY,
    STATMOUNT_OPT_SEC_ARRAY,
    STATMOUNT_PROPAGATE_FROM,
    STATMOUNT_SB_BASIC,
    STATMOUNT_SB_SOURCE,
    STATMOUNT_SUPPORTED_MASK,
    ListmountFlags,
    StatmountFlags,
)
from butter._look import look
from butter._system_mounts_c import ffi as ffi
from butter._system_mounts_c import lib
from butter._system_mounts_errors import unknown
from butter.errors import (
    BAD_DESCRIPTOR,
    NO_MEMORY,
    Errors,
    InternalError,
    InvalidArgument,
    PathNotFound,
    descriptors_exhausted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from butter._arguments import FileDescriptor
    from butter.errors import Meaning

TOO_SMALL = -1 - errno.EOVERFLOW
_LARGEST = 1 << 24
_IDS = 1024
_FIRST_ID = 1 << 31


_FOREIGN = "to look at that mount namespace needs CAP_SYS_ADMIN in the user namespace that owns it"


def _no_id(mnt_id: int, mnt_ns_id: int = 0, fd: object = None, **_: object) -> str:
    # every namespace that exists has a root
    root = mnt_ns_id and lib.listmount(LSMT_ROOT, mnt_ns_id, ffi.NULL, 0, 0, ffi.new("uint64_t *"), 1)
    if root == -1 - errno.ENOENT:
        return f"there is no mount namespace {mnt_ns_id} (any more), or {_FOREIGN}"
    namespace = "that" if mnt_ns_id or fd is not None else "this"
    return f"there is no mount {mnt_id:#x} (any more) in {namespace} mount namespace"


def _outside(mnt_ns_id: int = 0, fd: object = None, **_: object) -> str:
    outside = "the mount is outside the root of this process, which then needs CAP_SYS_ADMIN"
    return f"{_FOREIGN}, or {outside}" if mnt_ns_id or fd is not None else outside


def _bad_request(mnt_id: int, last: int, fd: int | None) -> str:
    # the ids that /proc/self/mountinfo has are less than any unique one
    if mnt_id < _FIRST_ID:
        return f"mnt_id {mnt_id} is not the unique id of a mount, as listmount returns them"
    if 0 < last < _FIRST_ID:
        return f"last {last} is not the unique id of a mount, as listmount returns them"
    if fd is not None:
        return f"descriptor {fd} is not a mount namespace, or this kernel, older than Linux 6.18, does not take it"
    return "this kernel does not take such a request, which statmount(2) and listmount(2) describe"


def _status_refused(mnt_id: int, flags: int, fd: int | None = None, **_: object) -> str:
    return unknown(flags, StatmountFlags) or _bad_request(mnt_id, 0, fd)


def _list_refused(mnt_id: int, flags: int, fd: int | None = None, last: int = 0, **_: object) -> str:
    return unknown(flags, ListmountFlags) or _bad_request(mnt_id, last, fd)


_REQUEST: Mapping[int, Meaning] = {
    errno.E2BIG: (InternalError, "the kernel does not know so large a request"),
    errno.EBADF: (InvalidArgument, "the descriptor of the mount or mount namespace is not open"),
    errno.EMFILE: (OSError, descriptors_exhausted),
    errno.EFAULT: (InternalError, "the buffer is not in the memory of this process"),
    errno.ENOENT: (PathNotFound, _no_id),
    errno.ENOMEM: NO_MEMORY,
    errno.EPERM: (PermissionError, _outside),
}
STATMOUNT = Errors(
    "statmount",
    {
        **_REQUEST,
        errno.EINVAL: (InvalidArgument, _status_refused),
        errno.EOVERFLOW: (InvalidArgument, "the strings of the mount are longer than 16 MiB"),
    },
    since="6.8",
)
LISTMOUNT = Errors("listmount", {**_REQUEST, errno.EINVAL: (InvalidArgument, _list_refused)}, since="6.8")
STATX = Errors("statx", {errno.EBADF: BAD_DESCRIPTOR, errno.ENOMEM: NO_MEMORY}, since="4.11")


class StatMount(NamedTuple):
    """The result of :func:`statmount`: the fields of ``struct statmount``.

    A field that was not asked for, or that the kernel does not know, is None, and so is
    a string that is empty. The names are those of C.
    """

    size: int
    mask: int
    sb_dev_major: int | None
    sb_dev_minor: int | None
    sb_magic: int | None
    sb_flags: int | None
    fs_type: str | None
    mnt_id: int | None
    mnt_parent_id: int | None
    mnt_id_old: int | None
    mnt_parent_id_old: int | None
    mnt_attr: int | None
    mnt_propagation: int | None
    mnt_peer_group: int | None
    mnt_master: int | None
    propagate_from: int | None
    mnt_root: str | None
    mnt_point: str | None
    mnt_ns_id: int | None
    fs_subtype: str | None
    sb_source: str | None
    mnt_opts: str | None
    opt_array: list[str] | None
    opt_sec_array: list[str] | None
    supported_mask: int | None
    mnt_uidmap: list[str] | None
    mnt_gidmap: list[str] | None


# struct statmount up to mnt_gidmap, and where its strings begin
_STATMOUNT = struct.Struct("=IIQIIQIIQQIIQQQQQIIQIIIIIIQIIII")
_STRINGS = 512


def statmount(
    mnt_id: int, mask: int, flags: int = 0, *, mnt_ns_id: int = 0, fd: FileDescriptor | None = None
) -> StatMount:
    """``statmount(req, buf, bufsize, flags)``: returns the status of a mount.

    *mnt_id* is its unique id, as :func:`listmount` returns it. *mask* (StatmountMask)
    is what to look up; *flags* are StatmountFlags'. The mount is one of the mount
    namespace with the id *mnt_ns_id* (Linux 6.11), or of that which the descriptor *fd*
    is (Linux 6.18), or, with ``STATMOUNT_BY_FD``, the mount that *fd* is; without them
    one of the caller's own namespace.

    Raises PathNotFound if there is no such mount, InvalidArgument, PermissionError for
    a mount outside the root of the process, OutOfMemory.

    Linux 6.8, :manpage:`statmount(2)`.
    """
    mnt_id, mask, flags = integer(mnt_id, 64, "mnt_id"), integer(mask, 64, "mask"), integer(flags, 32, "flags")
    namespace, number = integer(mnt_ns_id, 64, "mnt_ns_id"), None if fd is None else fileno(fd)
    place = ffi.NULL if number is None else ffi.new("int *", number)
    size, result = 1 << 12, TOO_SMALL
    while result == TOO_SMALL and size <= _LARGEST:
        buffer = ffi.new("char[]", size)
        result = lib.statmount(mnt_id, namespace, place, mask, flags, buffer, size)
        size *= 4
    if result < 0:
        STATMOUNT.check(result, mnt_id=mnt_id, flags=flags, mnt_ns_id=namespace, fd=number)
    return _status(bytes(ffi.buffer(buffer)))


def _status(content: bytes) -> StatMount:
    """Return the ``struct statmount`` whose bytes begin *content*."""
    (
        size, opts, mask, major, minor, magic, sb_flags, fs_type, mnt_id, parent, old_id, old_parent, attr,
        propagation, peer_group, master, propagate_from, root, point, ns_id, subtype, source,
        opt_num, opt, sec_num, sec, supported, uid_num, uid, gid_num, gid,
    ) = _STATMOUNT.unpack_from(content)  # fmt: skip
    strings = content[_STRINGS:size]

    def number(bit: int, value: int) -> int | None:
        return value if mask & bit else None

    def array(bit: int, offset: int, count: int) -> list[str] | None:
        return list(map(os.fsdecode, strings[offset:].split(b"\0", count)[:count])) if mask & bit else None

    def string(bit: int, offset: int) -> str | None:
        found = array(bit, offset, 1)
        return found[0] if found else None

    return StatMount(
        size=size,
        mask=mask,
        sb_dev_major=number(STATMOUNT_SB_BASIC, major),
        sb_dev_minor=number(STATMOUNT_SB_BASIC, minor),
        sb_magic=number(STATMOUNT_SB_BASIC, magic),
        sb_flags=number(STATMOUNT_SB_BASIC, sb_flags),
        fs_type=string(STATMOUNT_FS_TYPE, fs_type),
        mnt_id=number(STATMOUNT_MNT_BASIC, mnt_id),
        mnt_parent_id=number(STATMOUNT_MNT_BASIC, parent),
        mnt_id_old=number(STATMOUNT_MNT_BASIC, old_id),
        mnt_parent_id_old=number(STATMOUNT_MNT_BASIC, old_parent),
        mnt_attr=number(STATMOUNT_MNT_BASIC, attr),
        mnt_propagation=number(STATMOUNT_MNT_BASIC, propagation),
        mnt_peer_group=number(STATMOUNT_MNT_BASIC, peer_group),
        mnt_master=number(STATMOUNT_MNT_BASIC, master),
        propagate_from=number(STATMOUNT_PROPAGATE_FROM, propagate_from),
        mnt_root=string(STATMOUNT_MNT_ROOT, root),
        mnt_point=string(STATMOUNT_MNT_POINT, point),
        mnt_ns_id=number(STATMOUNT_MNT_NS_ID, ns_id),
        fs_subtype=string(STATMOUNT_FS_SUBTYPE, subtype),
        sb_source=string(STATMOUNT_SB_SOURCE, source),
        mnt_opts=string(STATMOUNT_MNT_OPTS, opts),
        opt_array=array(STATMOUNT_OPT_ARRAY, opt, opt_num),
        opt_sec_array=array(STATMOUNT_OPT_SEC_ARRAY, sec, sec_num),
        supported_mask=number(STATMOUNT_SUPPORTED_MASK, supported),
        mnt_uidmap=array(STATMOUNT_MNT_UIDMAP, uid, uid_num),
        mnt_gidmap=array(STATMOUNT_MNT_GIDMAP, gid, gid_num),
    )


def listmount(
    mnt_id: int = LSMT_ROOT,
    last: int = 0,
    count: int | None = None,
    flags: int = 0,
    *,
    mnt_ns_id: int = 0,
    fd: FileDescriptor | None = None,
) -> list[int]:
    """``listmount(req, ids, count, flags)``: returns the unique ids of mounts.

    They are those below the mount *mnt_id*, by default below the root of the process,
    in the order of their making: those that come after the id *last*, and *count* at
    most, None for all. *flags* are ListmountFlags'. *mnt_ns_id* and *fd* are another
    mount namespace, as in :func:`statmount`.

    Raises PathNotFound if there is no such mount, InvalidArgument, PermissionError for
    a mount outside the root of the process, OutOfMemory.

    Linux 6.8, :manpage:`listmount(2)`.
    """
    mnt_id, last, flags = integer(mnt_id, 64, "mnt_id"), integer(last, 64, "last"), integer(flags, 32, "flags")
    namespace, number = integer(mnt_ns_id, 64, "mnt_ns_id"), None if fd is None else fileno(fd)
    place = ffi.NULL if number is None else ffi.new("int *", number)
    left = 1 << 63 if count is None else integer(count, 63, "count")
    found: list[int] = []
    while True:
        room = min(left - len(found), _IDS)
        ids = ffi.new("uint64_t[]", room)
        listed = lib.listmount(mnt_id, namespace, place, last, flags, ids, room)
        if listed < 0:
            LISTMOUNT.check(listed, mnt_id=mnt_id, flags=flags, mnt_ns_id=namespace, fd=number, last=last)
        found += list(ids[0:listed])
        if listed < room or len(found) == left:
            return found
        last = found[-1]


def mount_id(fd: int) -> int:
    """``statx(fd, STATX_MNT_ID_UNIQUE)``: returns the unique id of the mount of a file.

    Raises what the table STATX says. The flag is of Linux 6.8.
    """
    return STATX.check(lib.butter_mount_id(fd), fd=fd)


def is_mount(fd: int) -> bool:
    """Return whether a file is the root of a mount; True if the kernel is silent."""
    return look("", fd, AT_EMPTY_PATH).begins is not False
