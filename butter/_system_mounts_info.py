"""The mount table, from listmount and statmount or from ``/proc``: mounts()."""

from __future__ import annotations

import errno
import os
import struct
from itertools import chain
from typing import TYPE_CHECKING

from butter._constants.system import (
    MS_DIRSYNC,
    MS_LAZYTIME,
    MS_MANDLOCK,
    MS_PRIVATE,
    MS_RDONLY,
    MS_SHARED,
    MS_SLAVE,
    MS_SYNCHRONOUS,
    MS_UNBINDABLE,
)
from butter._constants.system_mounts import (
    LSMT_ROOT,
    MOUNT_ATTR_IDMAP,
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_RELATIME,
    MOUNT_ATTR_STRICTATIME,
    STATMOUNT_FS_SUBTYPE,
    STATMOUNT_FS_TYPE,
    STATMOUNT_MNT_BASIC,
    STATMOUNT_MNT_OPTS,
    STATMOUNT_MNT_POINT,
    STATMOUNT_MNT_ROOT,
    STATMOUNT_SB_BASIC,
    STATMOUNT_SB_SOURCE,
)
from butter._system_mountinfo import MountLine, mount_lines
from butter._system_mounts_c import ffi, lib
from butter._system_mounts_status import LISTMOUNT, STATMOUNT, TOO_SMALL, statmount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# the struct butter_mount, without and with the numbers that come beside the strings
_NUMBERS = struct.Struct("=2Q6I16x")
_ALL_NUMBERS = struct.Struct("=2Q6IQI4x")
_COUNT = 1024
_TEXT = 1 << 18
# the errnos of a kernel that is too old, and of a seccomp filter
_MISSING = (-1 - errno.ENOSYS, -1 - errno.EPERM)

_WHOLE = (
    STATMOUNT_MNT_BASIC
    | STATMOUNT_SB_BASIC
    | STATMOUNT_MNT_POINT
    | STATMOUNT_MNT_ROOT
    | STATMOUNT_FS_TYPE
    | STATMOUNT_FS_SUBTYPE
    | STATMOUNT_SB_SOURCE
    | STATMOUNT_MNT_OPTS
)


class MountInfo:
    """A mount, as :func:`mounts` found it.

    It keeps what it found, whatever happens to the mount later. These attributes are
    left out by ``mounts(strings=False)``, and are looked up when the first of them is
    asked for: :attr:`device`, :attr:`superblock_flags`, :attr:`path`, :attr:`root`,
    :attr:`fstype`, :attr:`source` and :attr:`options`. They raise PathNotFound if the
    mount is gone by then.
    """

    __slots__ = ("_numbers", "_strings")

    def __init__(self, numbers: tuple[int, ...], strings: tuple[str, ...] | None = None) -> None:
        self._numbers = numbers
        self._strings = strings

    def _complete(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return the numbers and strings, all of them."""
        if self._strings is None:
            whole = look_up(self.id)
            self._numbers, self._strings = (*self._numbers[:8], *whole._numbers[8:]), whole._strings or ()
        return self._numbers, self._strings

    @property
    def id(self) -> int:
        """Its id, which no other mount has had since the boot.

        Where :func:`mounts` has to read ``/proc``, it is :attr:`old_id`.
        """
        return self._numbers[0]

    @property
    def parent(self) -> int:
        """The id of the mount that it is on; its own for the root."""
        return self._numbers[1]

    @property
    def old_id(self) -> int:
        """The id that ``/proc/self/mountinfo`` has, which a later mount may get."""
        return self._numbers[2]

    @property
    def old_parent(self) -> int:
        """The parent's id of that kind."""
        return self._numbers[3]

    @property
    def flags(self) -> int:
        """Its attributes, as bits of MountAttr."""
        return self._numbers[4]

    @property
    def propagation(self) -> int:
        """``MS_SHARED``, ``MS_SLAVE``, both, ``MS_PRIVATE`` or ``MS_UNBINDABLE``."""
        return self._numbers[5]

    @property
    def peer_group(self) -> int:
        """The id of the peers that it shares mounts with, 0 if it does not."""
        return self._numbers[6]

    @property
    def master(self) -> int:
        """The id of the peers that it receives mounts from, 0 if it does not."""
        return self._numbers[7]

    @property
    def device(self) -> int:
        """The device number of the filesystem, as ``os.stat(path).st_dev``."""
        return self._complete()[0][8]

    @property
    def superblock_flags(self) -> int:
        """The filesystem's own ``MS_RDONLY``, ``MS_SYNCHRONOUS``, ``MS_DIRSYNC`` and
        ``MS_LAZYTIME``."""
        return self._complete()[0][9]

    @property
    def path(self) -> str:
        """Where it is mounted, from the root of the process."""
        return (self._strings or self._complete()[1])[0]

    @property
    def root(self) -> str:
        """Which file or directory of the filesystem is mounted, ``/`` for all of it."""
        return (self._strings or self._complete()[1])[1]

    @property
    def fstype(self) -> str:
        """The type of the filesystem, as ``ext4`` or ``fuse.sshfs``."""
        return (self._strings or self._complete()[1])[2]

    @property
    def source(self) -> str:
        """The thing that was mounted, in the words of its filesystem: ``/dev/sda1``."""
        return (self._strings or self._complete()[1])[3]

    @property
    def options(self) -> str:
        """The options of the filesystem, between commas, as it writes them itself."""
        return (self._strings or self._complete()[1])[4]

    def __repr__(self) -> str:
        known = "" if self._strings is None else f" {self.fstype} {self.path!r}"
        return f"<MountInfo {self.id:#x}{known}>"


def look_up(number: int, namespace: int = 0) -> MountInfo:
    """Return the mount with this id, in the mount namespace with the id *namespace*.

    0 is that of the calling thread. Raises what :func:`statmount` does.
    """
    status = statmount(number, _WHOLE, mnt_ns_id=namespace)
    return MountInfo(
        (
            number,
            status.mnt_parent_id or 0,
            status.mnt_id_old or 0,
            status.mnt_parent_id_old or 0,
            status.mnt_attr or 0,
            status.mnt_propagation or 0,
            status.mnt_peer_group or 0,
            status.mnt_master or 0,
            os.makedev(status.sb_dev_major or 0, status.sb_dev_minor or 0),
            status.sb_flags or 0,
        ),
        (
            status.mnt_point or "",
            status.mnt_root or "",
            ".".join(filter(None, (status.fs_type, status.fs_subtype))),
            status.sb_source or "",
            status.mnt_opts or "",
        ),
    )


def mounts(strings: bool = True) -> Iterator[MountInfo]:
    """The mounts of this mount namespace, in the order of their making.

    Those outside the root of the process are left out. The table may change meanwhile:
    it is read in batches of a thousand, and a mount that comes or goes during the
    iteration may be there or not. Without *strings* only numbers are read, in a third
    of the time; the rest of a mount is then looked up where it is asked for.

    Raises OSError where neither the calls nor ``/proc`` tell of mounts, OutOfMemory.

    Linux 6.13 has the calls, :func:`listmount` and :func:`statmount`; on an older one,
    and where a seccomp filter hides them, ``/proc/thread-self/mountinfo`` is read, and
    *strings* makes no difference.
    """
    return chain.from_iterable(_batches(strings))


def _batches(strings: bool) -> Iterator[Iterable[MountInfo]]:
    """Read the table in batches, each in one call of C."""
    reached, found, size = ffi.new("butter_reached *"), ffi.new("butter_mount[]", _COUNT), _TEXT
    text = ffi.new("char[]", size)
    while count := lib.butter_mounts(reached, strings, found, _COUNT, text, size):
        if count == TOO_SMALL:
            size *= 4
            text = ffi.new("char[]", size)
        elif count in _MISSING and not reached.last:
            yield map(from_line, mount_lines())
            return
        else:
            if count < 0:
                errors = STATMOUNT if reached.failed else LISTMOUNT
                errors.check(count, mnt_id=reached.failed or LSMT_ROOT, last=reached.last, flags=0)
            numbers = bytes(ffi.buffer(found, count * _NUMBERS.size))
            yield _batch(numbers, bytes(ffi.buffer(text, reached.length)) if strings else None)


def _batch(found: bytes, text: bytes | None) -> Iterable[MountInfo]:
    if text is None:
        return map(MountInfo, _NUMBERS.iter_unpack(found))
    # decoded and cut in one step each; there are five strings for each mount
    strings = iter(os.fsdecode(text).split("\0"))
    return map(MountInfo, _ALL_NUMBERS.iter_unpack(found), zip(*[strings] * 5))


# where the calls are missing

_ATTRIBUTES = {
    "ro": MOUNT_ATTR_RDONLY,
    "nosuid": MOUNT_ATTR_NOSUID,
    "nodev": MOUNT_ATTR_NODEV,
    "noexec": MOUNT_ATTR_NOEXEC,
    "noatime": MOUNT_ATTR_NOATIME,
    "nodiratime": MOUNT_ATTR_NODIRATIME,
    "relatime": MOUNT_ATTR_RELATIME,
    "nosymfollow": MOUNT_ATTR_NOSYMFOLLOW,
    "idmapped": MOUNT_ATTR_IDMAP,
}
_PEERS = {"shared": MS_SHARED, "master": MS_SLAVE, "unbindable": MS_UNBINDABLE}
_SUPERBLOCK = {
    "rw": 0,
    "ro": MS_RDONLY,
    "sync": MS_SYNCHRONOUS,
    "dirsync": MS_DIRSYNC,
    "mand": MS_MANDLOCK,
    "lazytime": MS_LAZYTIME,
}


def from_line(line: MountLine) -> MountInfo:
    """Return the mount of a line of ``mountinfo``."""
    peers = dict(field.partition(":")[::2] for field in line.propagation)
    major, minor = map(int, line.device.split(":"))
    flags = _flags(_ATTRIBUTES, line.options)
    if "noatime" not in line.options and "relatime" not in line.options:
        flags |= MOUNT_ATTR_STRICTATIME
    # the filesystem's own options come after those that every superblock has
    words = enumerate(line.superblock)
    own = next((place for place, word in words if word not in _SUPERBLOCK), len(line.superblock))
    return MountInfo(
        (
            line.id,
            line.parent,
            line.id,
            line.parent,
            flags,
            sum(bit for name, bit in _PEERS.items() if name in peers) or MS_PRIVATE,
            int(peers.get("shared", 0)),
            int(peers.get("master", 0)),
            os.makedev(major, minor),
            _flags(_SUPERBLOCK, line.superblock[:own]),
        ),
        (line.target, line.root, line.kind, line.source, ",".join(line.superblock[own:])),
    )


def _flags(names: Mapping[str, int], found: Iterable[str]) -> int:
    return sum(names.get(name, 0) for name in found)
