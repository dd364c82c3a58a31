"""The constants of system. Written by tools/constants.py from butter/build/system.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags
from butter._system_c import lib

__all__ = [
    "HOST_NAME_MAX",
    "MAXPATHLEN",
    "MNT_DETACH",
    "MNT_EXPIRE",
    "MNT_FORCE",
    "MS_ACTIVE",
    "MS_BIND",
    "MS_BORN",
    "MS_DIRSYNC",
    "MS_I_VERSION",
    "MS_KERNMOUNT",
    "MS_LAZYTIME",
    "MS_MANDLOCK",
    "MS_MGC_MSK",
    "MS_MGC_VAL",
    "MS_MOVE",
    "MS_NOATIME",
    "MS_NODEV",
    "MS_NODIRATIME",
    "MS_NOEXEC",
    "MS_NOREMOTELOCK",
    "MS_NOSEC",
    "MS_NOSUID",
    "MS_NOSYMFOLLOW",
    "MS_NOUSER",
    "MS_POSIXACL",
    "MS_PRIVATE",
    "MS_RDONLY",
    "MS_REC",
    "MS_RELATIME",
    "MS_REMOUNT",
    "MS_RMT_MASK",
    "MS_SHARED",
    "MS_SILENT",
    "MS_SLAVE",
    "MS_STRICTATIME",
    "MS_SUBMOUNT",
    "MS_SYNCHRONOUS",
    "MS_UNBINDABLE",
    "MS_VERBOSE",
    "MountFlags",
    "UMOUNT_NOFOLLOW",
    "UmountFlags",
]

# the flags of mount
#: nothing can be written through the mount
MS_RDONLY: Final[int] = lib.MS_RDONLY
#: set-user-ID bits and file capabilities mean nothing when a program is executed
MS_NOSUID: Final[int] = lib.MS_NOSUID
#: device files cannot be opened
MS_NODEV: Final[int] = lib.MS_NODEV
#: no program can be executed
MS_NOEXEC: Final[int] = lib.MS_NOEXEC
#: a write waits until the device has it
MS_SYNCHRONOUS: Final[int] = lib.MS_SYNCHRONOUS
#: change the flags and options of a mount that exists
MS_REMOUNT: Final[int] = lib.MS_REMOUNT
#: mandatory locks; Linux 5.15 and later ignore it
MS_MANDLOCK: Final[int] = lib.MS_MANDLOCK
#: a change of a directory waits until the device has it
MS_DIRSYNC: Final[int] = lib.MS_DIRSYNC
#: symbolic links are not followed (Linux 5.10)
MS_NOSYMFOLLOW: Final[int] = lib.MS_NOSYMFOLLOW
#: reading changes no access time
MS_NOATIME: Final[int] = lib.MS_NOATIME
#: reading changes no access time of a directory
MS_NODIRATIME: Final[int] = lib.MS_NODIRATIME
#: mount a file or directory that exists a second time
MS_BIND: Final[int] = lib.MS_BIND
#: move a mount to another place
MS_MOVE: Final[int] = lib.MS_MOVE
#: the mounts below it too (with MS_BIND or a propagation)
MS_REC: Final[int] = lib.MS_REC
#: some warnings are not written to the kernel's log
MS_SILENT: Final[int] = lib.MS_SILENT
#: the old name of MS_SILENT
MS_VERBOSE: Final[int] = lib.MS_VERBOSE
#: POSIX access control lists; filesystems decide that themselves by now
MS_POSIXACL: Final[int] = lib.MS_POSIXACL
#: propagation: neither receives nor sends mounts, and cannot be bound
MS_UNBINDABLE: Final[int] = lib.MS_UNBINDABLE
#: propagation: neither receives nor sends mounts
MS_PRIVATE: Final[int] = lib.MS_PRIVATE
#: propagation: receives mounts, and sends none
MS_SLAVE: Final[int] = lib.MS_SLAVE
#: propagation: receives mounts, and sends them
MS_SHARED: Final[int] = lib.MS_SHARED
#: reading changes an access time only after a write, or once a day
MS_RELATIME: Final[int] = lib.MS_RELATIME
#: count the changes of each inode
MS_I_VERSION: Final[int] = lib.MS_I_VERSION
#: reading always changes the access time
MS_STRICTATIME: Final[int] = lib.MS_STRICTATIME
#: times are changed in memory, and written later
MS_LAZYTIME: Final[int] = lib.MS_LAZYTIME

# the flags of umount, and UMOUNT_NOFOLLOW beside them
#: abort what is under way (for network filesystems); data may be lost
MNT_FORCE: Final[int] = lib.MNT_FORCE
#: take the mount out of the tree now, and end it when it is no longer busy
MNT_DETACH: Final[int] = lib.MNT_DETACH
#: the first call marks the mount (Retry), the second unmounts it if it was not used
MNT_EXPIRE: Final[int] = lib.MNT_EXPIRE

# a flag of umount with a prefix of its own
#: fail if the last part of the path is a symbolic link
UMOUNT_NOFOLLOW: Final[int] = lib.UMOUNT_NOFOLLOW

# flags that the kernel keeps for itself, and the number that old programs put before the flags of mount
#: the kernel mounts it for itself
MS_KERNMOUNT: Final[int] = lib.MS_KERNMOUNT
#: the kernel mounts it below another filesystem
MS_SUBMOUNT: Final[int] = lib.MS_SUBMOUNT
#: locks are not sent to the server (GFS2)
MS_NOREMOTELOCK: Final[int] = lib.MS_NOREMOTELOCK
#: the filesystem tells which files have no capabilities
MS_NOSEC: Final[int] = lib.MS_NOSEC
#: the filesystem is complete
MS_BORN: Final[int] = lib.MS_BORN
#: the filesystem is in use
MS_ACTIVE: Final[int] = lib.MS_ACTIVE
#: programs cannot mount it
MS_NOUSER: Final[int] = lib.MS_NOUSER
#: the flags of a filesystem that MS_REMOUNT changes
MS_RMT_MASK: Final[int] = lib.MS_RMT_MASK
#: the number, which Linux 2.4 and later ignore
MS_MGC_VAL: Final[int] = lib.MS_MGC_VAL
#: the bits of that number
MS_MGC_MSK: Final[int] = lib.MS_MGC_MSK

# the longest names, in bytes
#: of a host or domain name
HOST_NAME_MAX: Final[int] = lib.HOST_NAME_MAX
#: of a path, with the NUL that ends it in C
MAXPATHLEN: Final[int] = lib.MAXPATHLEN


class MountFlags(Flags):
    """The flags of mount."""

    RDONLY = MS_RDONLY
    NOSUID = MS_NOSUID
    NODEV = MS_NODEV
    NOEXEC = MS_NOEXEC
    SYNCHRONOUS = MS_SYNCHRONOUS
    REMOUNT = MS_REMOUNT
    MANDLOCK = MS_MANDLOCK
    DIRSYNC = MS_DIRSYNC
    NOSYMFOLLOW = MS_NOSYMFOLLOW
    NOATIME = MS_NOATIME
    NODIRATIME = MS_NODIRATIME
    BIND = MS_BIND
    MOVE = MS_MOVE
    REC = MS_REC
    SILENT = MS_SILENT
    VERBOSE = MS_VERBOSE
    POSIXACL = MS_POSIXACL
    UNBINDABLE = MS_UNBINDABLE
    PRIVATE = MS_PRIVATE
    SLAVE = MS_SLAVE
    SHARED = MS_SHARED
    RELATIME = MS_RELATIME
    I_VERSION = MS_I_VERSION
    STRICTATIME = MS_STRICTATIME
    LAZYTIME = MS_LAZYTIME

    __since__ = {
        "MS_NOSYMFOLLOW": (MS_NOSYMFOLLOW, "5.10"),
    }


class UmountFlags(Flags):
    """The flags of umount, and UMOUNT_NOFOLLOW beside them."""

    FORCE = MNT_FORCE
    DETACH = MNT_DETACH
    EXPIRE = MNT_EXPIRE
