"""The constants of system_mounts. Written by tools/constants.py from butter/build/system_mounts.py: edit that."""

from __future__ import annotations

from typing import Final

from butter._enums import Flags, Number
from butter._system_mounts_c import lib

__all__ = [
    "AT_EMPTY_PATH",
    "AT_FDCWD",
    "AT_NO_AUTOMOUNT",
    "AT_RECURSIVE",
    "AT_SYMLINK_NOFOLLOW",
    "FSCONFIG_CMD_CREATE",
    "FSCONFIG_CMD_CREATE_EXCL",
    "FSCONFIG_CMD_RECONFIGURE",
    "FSCONFIG_SET_BINARY",
    "FSCONFIG_SET_FD",
    "FSCONFIG_SET_FLAG",
    "FSCONFIG_SET_PATH",
    "FSCONFIG_SET_PATH_EMPTY",
    "FSCONFIG_SET_STRING",
    "FSMOUNT_CLOEXEC",
    "FSMOUNT_NAMESPACE",
    "FSOPEN_CLOEXEC",
    "FSPICK_CLOEXEC",
    "FSPICK_EMPTY_PATH",
    "FSPICK_NO_AUTOMOUNT",
    "FSPICK_SYMLINK_NOFOLLOW",
    "FsconfigCommand",
    "Fsmount",
    "Fsopen",
    "Fspick",
    "LISTMOUNT_REVERSE",
    "LSMT_ROOT",
    "ListmountFlags",
    "MOUNT_ATTR_IDMAP",
    "MOUNT_ATTR_NOATIME",
    "MOUNT_ATTR_NODEV",
    "MOUNT_ATTR_NODIRATIME",
    "MOUNT_ATTR_NOEXEC",
    "MOUNT_ATTR_NOSUID",
    "MOUNT_ATTR_NOSYMFOLLOW",
    "MOUNT_ATTR_RDONLY",
    "MOUNT_ATTR_RELATIME",
    "MOUNT_ATTR_STRICTATIME",
    "MOUNT_ATTR__ATIME",
    "MOVE_MOUNT_BENEATH",
    "MOVE_MOUNT_F_AUTOMOUNTS",
    "MOVE_MOUNT_F_EMPTY_PATH",
    "MOVE_MOUNT_F_SYMLINKS",
    "MOVE_MOUNT_SET_GROUP",
    "MOVE_MOUNT_T_AUTOMOUNTS",
    "MOVE_MOUNT_T_EMPTY_PATH",
    "MOVE_MOUNT_T_SYMLINKS",
    "MountAt",
    "MountAttr",
    "MoveMount",
    "OPEN_TREE_CLOEXEC",
    "OPEN_TREE_CLONE",
    "OPEN_TREE_NAMESPACE",
    "OpenTree",
    "STATMOUNT_BY_FD",
    "STATMOUNT_FS_SUBTYPE",
    "STATMOUNT_FS_TYPE",
    "STATMOUNT_MNT_BASIC",
    "STATMOUNT_MNT_GIDMAP",
    "STATMOUNT_MNT_NS_ID",
    "STATMOUNT_MNT_OPTS",
    "STATMOUNT_MNT_POINT",
    "STATMOUNT_MNT_ROOT",
    "STATMOUNT_MNT_UIDMAP",
    "STATMOUNT_OPT_ARRAY",
    "STATMOUNT_OPT_SEC_ARRAY",
    "STATMOUNT_PROPAGATE_FROM",
    "STATMOUNT_SB_BASIC",
    "STATMOUNT_SB_SOURCE",
    "STATMOUNT_SUPPORTED_MASK",
    "StatmountFlags",
    "StatmountMask",
]

# the flags of fsopen
#: close the descriptor when the process executes another program (Linux 5.2)
FSOPEN_CLOEXEC: Final[int] = lib.FSOPEN_CLOEXEC

# the flags of fspick
#: close the descriptor when the process executes another program (Linux 5.2)
FSPICK_CLOEXEC: Final[int] = lib.FSPICK_CLOEXEC
#: do not follow a symbolic link at the end of the path (Linux 5.2)
FSPICK_SYMLINK_NOFOLLOW: Final[int] = lib.FSPICK_SYMLINK_NOFOLLOW
#: do not mount an automount point at the end of the path (Linux 5.2)
FSPICK_NO_AUTOMOUNT: Final[int] = lib.FSPICK_NO_AUTOMOUNT
#: the path may be empty, and then means the descriptor itself (Linux 5.2)
FSPICK_EMPTY_PATH: Final[int] = lib.FSPICK_EMPTY_PATH

# the commands of fsconfig
#: set an option without a value (Linux 5.2)
FSCONFIG_SET_FLAG: Final[int] = lib.FSCONFIG_SET_FLAG
#: set an option to a string (Linux 5.2)
FSCONFIG_SET_STRING: Final[int] = lib.FSCONFIG_SET_STRING
#: set an option to bytes, of which aux is the number (Linux 5.2)
FSCONFIG_SET_BINARY: Final[int] = lib.FSCONFIG_SET_BINARY
#: set an option to the file of a path, which is relative to aux (Linux 5.2)
FSCONFIG_SET_PATH: Final[int] = lib.FSCONFIG_SET_PATH
#: the same; an empty path means the file of aux itself (Linux 5.2)
FSCONFIG_SET_PATH_EMPTY: Final[int] = lib.FSCONFIG_SET_PATH_EMPTY
#: set an option to the file of the descriptor aux (Linux 5.2)
FSCONFIG_SET_FD: Final[int] = lib.FSCONFIG_SET_FD
#: make the filesystem, or find one that exists and is like it (Linux 5.2)
FSCONFIG_CMD_CREATE: Final[int] = lib.FSCONFIG_CMD_CREATE
#: change the filesystem (Linux 5.2)
FSCONFIG_CMD_RECONFIGURE: Final[int] = lib.FSCONFIG_CMD_RECONFIGURE
#: make the filesystem, and fail if one that exists is like it (Linux 6.6)
FSCONFIG_CMD_CREATE_EXCL: Final[int] = lib.FSCONFIG_CMD_CREATE_EXCL

# the flags of fsmount
#: close the descriptor when the process executes another program (Linux 5.2)
FSMOUNT_CLOEXEC: Final[int] = lib.FSMOUNT_CLOEXEC
#: put the mount into a new mount namespace, and return that (Linux 7.1)
FSMOUNT_NAMESPACE: Final[int] = lib.FSMOUNT_NAMESPACE

# the attributes of a mount
#: nothing can be written through the mount (Linux 5.2)
MOUNT_ATTR_RDONLY: Final[int] = lib.MOUNT_ATTR_RDONLY
#: programs get no privileges of their files (Linux 5.2)
MOUNT_ATTR_NOSUID: Final[int] = lib.MOUNT_ATTR_NOSUID
#: device files cannot be opened (Linux 5.2)
MOUNT_ATTR_NODEV: Final[int] = lib.MOUNT_ATTR_NODEV
#: no program can be executed (Linux 5.2)
MOUNT_ATTR_NOEXEC: Final[int] = lib.MOUNT_ATTR_NOEXEC
#: all bits of the three settings of access times (Linux 5.2)
MOUNT_ATTR__ATIME: Final[int] = lib.MOUNT_ATTR__ATIME
#: reading changes an access time after a write, or once a day (Linux 5.2)
MOUNT_ATTR_RELATIME: Final[int] = lib.MOUNT_ATTR_RELATIME
#: reading changes no access time (Linux 5.2)
MOUNT_ATTR_NOATIME: Final[int] = lib.MOUNT_ATTR_NOATIME
#: reading always changes the access time (Linux 5.2)
MOUNT_ATTR_STRICTATIME: Final[int] = lib.MOUNT_ATTR_STRICTATIME
#: reading changes no access time of a directory (Linux 5.2)
MOUNT_ATTR_NODIRATIME: Final[int] = lib.MOUNT_ATTR_NODIRATIME
#: owners are those that a user namespace maps them to (Linux 5.12)
MOUNT_ATTR_IDMAP: Final[int] = lib.MOUNT_ATTR_IDMAP
#: symbolic links are not followed (Linux 5.14)
MOUNT_ATTR_NOSYMFOLLOW: Final[int] = lib.MOUNT_ATTR_NOSYMFOLLOW

# the flags of open_tree, and some of MountAt beside them
#: open a copy of the mount, which is attached nowhere (Linux 5.2)
OPEN_TREE_CLONE: Final[int] = lib.OPEN_TREE_CLONE
#: put the copy into a new mount namespace, and return that (Linux 7.0)
OPEN_TREE_NAMESPACE: Final[int] = lib.OPEN_TREE_NAMESPACE
#: close the descriptor when the process executes another program (Linux 5.2)
OPEN_TREE_CLOEXEC: Final[int] = lib.OPEN_TREE_CLOEXEC

# how open_tree and mount_setattr look the path up
#: do not follow a symbolic link at the end of the path
AT_SYMLINK_NOFOLLOW: Final[int] = lib.AT_SYMLINK_NOFOLLOW
#: do not mount an automount point at the end of the path
AT_NO_AUTOMOUNT: Final[int] = lib.AT_NO_AUTOMOUNT
#: the path may be empty, and then means the descriptor itself
AT_EMPTY_PATH: Final[int] = lib.AT_EMPTY_PATH
#: the mounts below it too (Linux 5.2)
AT_RECURSIVE: Final[int] = lib.AT_RECURSIVE

# the flags of move_mount
#: follow a symbolic link at the end of the source (Linux 5.2)
MOVE_MOUNT_F_SYMLINKS: Final[int] = lib.MOVE_MOUNT_F_SYMLINKS
#: mount an automount point at the end of the source (Linux 5.2)
MOVE_MOUNT_F_AUTOMOUNTS: Final[int] = lib.MOVE_MOUNT_F_AUTOMOUNTS
#: the source may be empty, and then means its descriptor itself (Linux 5.2)
MOVE_MOUNT_F_EMPTY_PATH: Final[int] = lib.MOVE_MOUNT_F_EMPTY_PATH
#: follow a symbolic link at the end of the target (Linux 5.2)
MOVE_MOUNT_T_SYMLINKS: Final[int] = lib.MOVE_MOUNT_T_SYMLINKS
#: mount an automount point at the end of the target (Linux 5.2)
MOVE_MOUNT_T_AUTOMOUNTS: Final[int] = lib.MOVE_MOUNT_T_AUTOMOUNTS
#: the target may be empty, and then means its descriptor itself (Linux 5.2)
MOVE_MOUNT_T_EMPTY_PATH: Final[int] = lib.MOVE_MOUNT_T_EMPTY_PATH
#: do not move, but give the target the source's propagation (Linux 5.15)
MOVE_MOUNT_SET_GROUP: Final[int] = lib.MOVE_MOUNT_SET_GROUP
#: put the source below the uppermost mount of the target (Linux 6.5)
MOVE_MOUNT_BENEATH: Final[int] = lib.MOVE_MOUNT_BENEATH

# what statmount looks up
#: the device, kind and flags of the filesystem (Linux 6.8)
STATMOUNT_SB_BASIC: Final[int] = lib.STATMOUNT_SB_BASIC
#: the ids, attributes and propagation of the mount (Linux 6.8)
STATMOUNT_MNT_BASIC: Final[int] = lib.STATMOUNT_MNT_BASIC
#: the peer group that it receives mounts from (Linux 6.8)
STATMOUNT_PROPAGATE_FROM: Final[int] = lib.STATMOUNT_PROPAGATE_FROM
#: which directory of the filesystem is mounted (Linux 6.8)
STATMOUNT_MNT_ROOT: Final[int] = lib.STATMOUNT_MNT_ROOT
#: the path where it is mounted (Linux 6.8)
STATMOUNT_MNT_POINT: Final[int] = lib.STATMOUNT_MNT_POINT
#: the type of the filesystem (Linux 6.8)
STATMOUNT_FS_TYPE: Final[int] = lib.STATMOUNT_FS_TYPE
#: the id of the mount namespace (Linux 6.11)
STATMOUNT_MNT_NS_ID: Final[int] = lib.STATMOUNT_MNT_NS_ID
#: the options of the filesystem in one string (Linux 6.11)
STATMOUNT_MNT_OPTS: Final[int] = lib.STATMOUNT_MNT_OPTS
#: the rest of the type, as sshfs of fuse.sshfs (Linux 6.13)
STATMOUNT_FS_SUBTYPE: Final[int] = lib.STATMOUNT_FS_SUBTYPE
#: the source, as a device (Linux 6.13)
STATMOUNT_SB_SOURCE: Final[int] = lib.STATMOUNT_SB_SOURCE
#: the options of the filesystem one by one (Linux 6.13)
STATMOUNT_OPT_ARRAY: Final[int] = lib.STATMOUNT_OPT_ARRAY
#: the options of security modules one by one (Linux 6.13)
STATMOUNT_OPT_SEC_ARRAY: Final[int] = lib.STATMOUNT_OPT_SEC_ARRAY
#: which of these bits the kernel knows (Linux 6.15)
STATMOUNT_SUPPORTED_MASK: Final[int] = lib.STATMOUNT_SUPPORTED_MASK
#: how the mount maps users (Linux 6.15)
STATMOUNT_MNT_UIDMAP: Final[int] = lib.STATMOUNT_MNT_UIDMAP
#: how the mount maps groups (Linux 6.15)
STATMOUNT_MNT_GIDMAP: Final[int] = lib.STATMOUNT_MNT_GIDMAP

# the flags of statmount
#: the mount is that of the descriptor, and not that of an id (Linux 7.0)
STATMOUNT_BY_FD: Final[int] = lib.STATMOUNT_BY_FD

# the flags of listmount
#: the newest mounts come first (Linux 6.11)
LISTMOUNT_REVERSE: Final[int] = lib.LISTMOUNT_REVERSE

# numbers in place of an id or a descriptor
#: for listmount: the root of the calling process (Linux 6.8)
LSMT_ROOT: Final[int] = lib.LSMT_ROOT
#: for a directory: the working directory
AT_FDCWD: Final[int] = lib.AT_FDCWD


class Fsopen(Flags):
    """The flags of fsopen."""

    CLOEXEC = FSOPEN_CLOEXEC

    __since__ = {
        "FSOPEN_CLOEXEC": (FSOPEN_CLOEXEC, "5.2"),
    }


class Fspick(Flags):
    """The flags of fspick."""

    CLOEXEC = FSPICK_CLOEXEC
    SYMLINK_NOFOLLOW = FSPICK_SYMLINK_NOFOLLOW
    NO_AUTOMOUNT = FSPICK_NO_AUTOMOUNT
    EMPTY_PATH = FSPICK_EMPTY_PATH

    __since__ = {
        "FSPICK_CLOEXEC": (FSPICK_CLOEXEC, "5.2"),
        "FSPICK_SYMLINK_NOFOLLOW": (FSPICK_SYMLINK_NOFOLLOW, "5.2"),
        "FSPICK_NO_AUTOMOUNT": (FSPICK_NO_AUTOMOUNT, "5.2"),
        "FSPICK_EMPTY_PATH": (FSPICK_EMPTY_PATH, "5.2"),
    }


class FsconfigCommand(Number):
    """The commands of fsconfig."""

    SET_FLAG = FSCONFIG_SET_FLAG
    SET_STRING = FSCONFIG_SET_STRING
    SET_BINARY = FSCONFIG_SET_BINARY
    SET_PATH = FSCONFIG_SET_PATH
    SET_PATH_EMPTY = FSCONFIG_SET_PATH_EMPTY
    SET_FD = FSCONFIG_SET_FD
    CMD_CREATE = FSCONFIG_CMD_CREATE
    CMD_RECONFIGURE = FSCONFIG_CMD_RECONFIGURE
    CMD_CREATE_EXCL = FSCONFIG_CMD_CREATE_EXCL

    __since__ = {
        "FSCONFIG_SET_FLAG": (FSCONFIG_SET_FLAG, "5.2"),
        "FSCONFIG_SET_STRING": (FSCONFIG_SET_STRING, "5.2"),
        "FSCONFIG_SET_BINARY": (FSCONFIG_SET_BINARY, "5.2"),
        "FSCONFIG_SET_PATH": (FSCONFIG_SET_PATH, "5.2"),
        "FSCONFIG_SET_PATH_EMPTY": (FSCONFIG_SET_PATH_EMPTY, "5.2"),
        "FSCONFIG_SET_FD": (FSCONFIG_SET_FD, "5.2"),
        "FSCONFIG_CMD_CREATE": (FSCONFIG_CMD_CREATE, "5.2"),
        "FSCONFIG_CMD_RECONFIGURE": (FSCONFIG_CMD_RECONFIGURE, "5.2"),
        "FSCONFIG_CMD_CREATE_EXCL": (FSCONFIG_CMD_CREATE_EXCL, "6.6"),
    }


class Fsmount(Flags):
    """The flags of fsmount."""

    CLOEXEC = FSMOUNT_CLOEXEC
    NAMESPACE = FSMOUNT_NAMESPACE

    __since__ = {
        "FSMOUNT_CLOEXEC": (FSMOUNT_CLOEXEC, "5.2"),
        "FSMOUNT_NAMESPACE": (FSMOUNT_NAMESPACE, "7.1"),
    }


class MountAttr(Flags):
    """The attributes of a mount."""

    RDONLY = MOUNT_ATTR_RDONLY
    NOSUID = MOUNT_ATTR_NOSUID
    NODEV = MOUNT_ATTR_NODEV
    NOEXEC = MOUNT_ATTR_NOEXEC
    _ATIME = MOUNT_ATTR__ATIME
    RELATIME = MOUNT_ATTR_RELATIME
    NOATIME = MOUNT_ATTR_NOATIME
    STRICTATIME = MOUNT_ATTR_STRICTATIME
    NODIRATIME = MOUNT_ATTR_NODIRATIME
    IDMAP = MOUNT_ATTR_IDMAP
    NOSYMFOLLOW = MOUNT_ATTR_NOSYMFOLLOW

    __since__ = {
        "MOUNT_ATTR_RDONLY": (MOUNT_ATTR_RDONLY, "5.2"),
        "MOUNT_ATTR_NOSUID": (MOUNT_ATTR_NOSUID, "5.2"),
        "MOUNT_ATTR_NODEV": (MOUNT_ATTR_NODEV, "5.2"),
        "MOUNT_ATTR_NOEXEC": (MOUNT_ATTR_NOEXEC, "5.2"),
        "MOUNT_ATTR__ATIME": (MOUNT_ATTR__ATIME, "5.2"),
        "MOUNT_ATTR_RELATIME": (MOUNT_ATTR_RELATIME, "5.2"),
        "MOUNT_ATTR_NOATIME": (MOUNT_ATTR_NOATIME, "5.2"),
        "MOUNT_ATTR_STRICTATIME": (MOUNT_ATTR_STRICTATIME, "5.2"),
        "MOUNT_ATTR_NODIRATIME": (MOUNT_ATTR_NODIRATIME, "5.2"),
        "MOUNT_ATTR_IDMAP": (MOUNT_ATTR_IDMAP, "5.12"),
        "MOUNT_ATTR_NOSYMFOLLOW": (MOUNT_ATTR_NOSYMFOLLOW, "5.14"),
    }


class OpenTree(Flags):
    """The flags of open_tree, and some of MountAt beside them."""

    CLONE = OPEN_TREE_CLONE
    NAMESPACE = OPEN_TREE_NAMESPACE
    CLOEXEC = OPEN_TREE_CLOEXEC

    __since__ = {
        "OPEN_TREE_CLONE": (OPEN_TREE_CLONE, "5.2"),
        "OPEN_TREE_NAMESPACE": (OPEN_TREE_NAMESPACE, "7.0"),
        "OPEN_TREE_CLOEXEC": (OPEN_TREE_CLOEXEC, "5.2"),
    }


class MountAt(Flags):
    """How open_tree and mount_setattr look the path up."""

    SYMLINK_NOFOLLOW = AT_SYMLINK_NOFOLLOW
    NO_AUTOMOUNT = AT_NO_AUTOMOUNT
    EMPTY_PATH = AT_EMPTY_PATH
    RECURSIVE = AT_RECURSIVE

    __since__ = {
        "AT_RECURSIVE": (AT_RECURSIVE, "5.2"),
    }


class MoveMount(Flags):
    """The flags of move_mount."""

    F_SYMLINKS = MOVE_MOUNT_F_SYMLINKS
    F_AUTOMOUNTS = MOVE_MOUNT_F_AUTOMOUNTS
    F_EMPTY_PATH = MOVE_MOUNT_F_EMPTY_PATH
    T_SYMLINKS = MOVE_MOUNT_T_SYMLINKS
    T_AUTOMOUNTS = MOVE_MOUNT_T_AUTOMOUNTS
    T_EMPTY_PATH = MOVE_MOUNT_T_EMPTY_PATH
    SET_GROUP = MOVE_MOUNT_SET_GROUP
    BENEATH = MOVE_MOUNT_BENEATH

    __since__ = {
        "MOVE_MOUNT_F_SYMLINKS": (MOVE_MOUNT_F_SYMLINKS, "5.2"),
        "MOVE_MOUNT_F_AUTOMOUNTS": (MOVE_MOUNT_F_AUTOMOUNTS, "5.2"),
        "MOVE_MOUNT_F_EMPTY_PATH": (MOVE_MOUNT_F_EMPTY_PATH, "5.2"),
        "MOVE_MOUNT_T_SYMLINKS": (MOVE_MOUNT_T_SYMLINKS, "5.2"),
        "MOVE_MOUNT_T_AUTOMOUNTS": (MOVE_MOUNT_T_AUTOMOUNTS, "5.2"),
        "MOVE_MOUNT_T_EMPTY_PATH": (MOVE_MOUNT_T_EMPTY_PATH, "5.2"),
        "MOVE_MOUNT_SET_GROUP": (MOVE_MOUNT_SET_GROUP, "5.15"),
        "MOVE_MOUNT_BENEATH": (MOVE_MOUNT_BENEATH, "6.5"),
    }


class StatmountMask(Flags):
    """What statmount looks up."""

    SB_BASIC = STATMOUNT_SB_BASIC
    MNT_BASIC = STATMOUNT_MNT_BASIC
    PROPAGATE_FROM = STATMOUNT_PROPAGATE_FROM
    MNT_ROOT = STATMOUNT_MNT_ROOT
    MNT_POINT = STATMOUNT_MNT_POINT
    FS_TYPE = STATMOUNT_FS_TYPE
    MNT_NS_ID = STATMOUNT_MNT_NS_ID
    MNT_OPTS = STATMOUNT_MNT_OPTS
    FS_SUBTYPE = STATMOUNT_FS_SUBTYPE
    SB_SOURCE = STATMOUNT_SB_SOURCE
    OPT_ARRAY = STATMOUNT_OPT_ARRAY
    OPT_SEC_ARRAY = STATMOUNT_OPT_SEC_ARRAY
    SUPPORTED_MASK = STATMOUNT_SUPPORTED_MASK
    MNT_UIDMAP = STATMOUNT_MNT_UIDMAP
    MNT_GIDMAP = STATMOUNT_MNT_GIDMAP

    __since__ = {
        "STATMOUNT_SB_BASIC": (STATMOUNT_SB_BASIC, "6.8"),
        "STATMOUNT_MNT_BASIC": (STATMOUNT_MNT_BASIC, "6.8"),
        "STATMOUNT_PROPAGATE_FROM": (STATMOUNT_PROPAGATE_FROM, "6.8"),
        "STATMOUNT_MNT_ROOT": (STATMOUNT_MNT_ROOT, "6.8"),
        "STATMOUNT_MNT_POINT": (STATMOUNT_MNT_POINT, "6.8"),
        "STATMOUNT_FS_TYPE": (STATMOUNT_FS_TYPE, "6.8"),
        "STATMOUNT_MNT_NS_ID": (STATMOUNT_MNT_NS_ID, "6.11"),
        "STATMOUNT_MNT_OPTS": (STATMOUNT_MNT_OPTS, "6.11"),
        "STATMOUNT_FS_SUBTYPE": (STATMOUNT_FS_SUBTYPE, "6.13"),
        "STATMOUNT_SB_SOURCE": (STATMOUNT_SB_SOURCE, "6.13"),
        "STATMOUNT_OPT_ARRAY": (STATMOUNT_OPT_ARRAY, "6.13"),
        "STATMOUNT_OPT_SEC_ARRAY": (STATMOUNT_OPT_SEC_ARRAY, "6.13"),
        "STATMOUNT_SUPPORTED_MASK": (STATMOUNT_SUPPORTED_MASK, "6.15"),
        "STATMOUNT_MNT_UIDMAP": (STATMOUNT_MNT_UIDMAP, "6.15"),
        "STATMOUNT_MNT_GIDMAP": (STATMOUNT_MNT_GIDMAP, "6.15"),
    }


class StatmountFlags(Flags):
    """The flags of statmount."""

    BY_FD = STATMOUNT_BY_FD

    __since__ = {
        "STATMOUNT_BY_FD": (STATMOUNT_BY_FD, "7.0"),
    }


class ListmountFlags(Flags):
    """The flags of listmount."""

    REVERSE = LISTMOUNT_REVERSE

    __since__ = {
        "LISTMOUNT_REVERSE": (LISTMOUNT_REVERSE, "6.11"),
    }
