"""The result of statx, with the names of os.stat."""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from butter._uring_operations import Completion

# of struct statx: mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks,
# attributes_mask, atime, btime, ctime and mtime (seconds and nanoseconds), rdev, dev
_STATX = Struct("=IIQIIIHxxQQQQqIxxxxqIxxxxqIxxxxqIxxxxIIII")
_SECOND = 10**9


class Stat(NamedTuple):
    """The result of ``statx``: a named tuple, with the fields of :func:`os.stat`.

    Times are in nanoseconds (``st_mtime_ns``) and, as properties, in seconds;
    ``st_birthtime_ns`` is 0 where the filesystem does not know it. ``stx_mask`` has the
    bits of what the kernel has filled in, and ``stx_attributes`` the attributes of the
    file, both as in :manpage:`statx(2)`.
    """

    st_mode: int
    st_ino: int
    st_dev: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int
    st_atime_ns: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_birthtime_ns: int
    st_blksize: int
    st_blocks: int
    st_rdev: int
    stx_mask: int
    stx_attributes: int

    @property
    def st_atime(self) -> float:
        """The time of the last access, in seconds."""
        return self.st_atime_ns / _SECOND

    @property
    def st_mtime(self) -> float:
        """The time of the last change of the content, in seconds."""
        return self.st_mtime_ns / _SECOND

    @property
    def st_ctime(self) -> float:
        """The time of the last change of the file, in seconds."""
        return self.st_ctime_ns / _SECOND


def stat_of(completion: Completion) -> Stat:
    """Return what a request of statx has found."""
    found = _STATX.unpack_from(completion.buffer)
    mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks, _ = found[:11]
    atime, btime, ctime, mtime = (found[at] * _SECOND + found[at + 1] for at in (11, 13, 15, 17))
    rdev, dev = os.makedev(*found[19:21]), os.makedev(*found[21:23])
    return Stat(
        *(mode, ino, dev, nlink, uid, gid, size, atime, mtime, ctime, btime, blksize, blocks, rdev, mask, attributes)
    )
