# The types of system_mounts's C. Written by tools/constants.py from butter/build/system_mounts.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_mount:
    id: int
    parent: int
    old_id: int
    old_parent: int
    flags: int
    propagation: int
    peer_group: int
    master: int
    device: int
    superblock_flags: int
    unused: int

class butter_reached:
    last: int
    length: int
    failed: int

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    FSOPEN_CLOEXEC: int
    FSPICK_CLOEXEC: int
    FSPICK_SYMLINK_NOFOLLOW: int
    FSPICK_NO_AUTOMOUNT: int
    FSPICK_EMPTY_PATH: int
    FSCONFIG_SET_FLAG: int
    FSCONFIG_SET_STRING: int
    FSCONFIG_SET_BINARY: int
    FSCONFIG_SET_PATH: int
    FSCONFIG_SET_PATH_EMPTY: int
    FSCONFIG_SET_FD: int
    FSCONFIG_CMD_CREATE: int
    FSCONFIG_CMD_RECONFIGURE: int
    FSCONFIG_CMD_CREATE_EXCL: int
    FSMOUNT_CLOEXEC: int
    FSMOUNT_NAMESPACE: int
    MOUNT_ATTR_RDONLY: int
    MOUNT_ATTR_NOSUID: int
    MOUNT_ATTR_NODEV: int
    MOUNT_ATTR_NOEXEC: int
    MOUNT_ATTR__ATIME: int
    MOUNT_ATTR_RELATIME: int
    MOUNT_ATTR_NOATIME: int
    MOUNT_ATTR_STRICTATIME: int
    MOUNT_ATTR_NODIRATIME: int
    MOUNT_ATTR_IDMAP: int
    MOUNT_ATTR_NOSYMFOLLOW: int
    OPEN_TREE_CLONE: int
    OPEN_TREE_NAMESPACE: int
    OPEN_TREE_CLOEXEC: int
    AT_SYMLINK_NOFOLLOW: int
    AT_NO_AUTOMOUNT: int
    AT_EMPTY_PATH: int
    AT_RECURSIVE: int
    MOVE_MOUNT_F_SYMLINKS: int
    MOVE_MOUNT_F_AUTOMOUNTS: int
    MOVE_MOUNT_F_EMPTY_PATH: int
    MOVE_MOUNT_T_SYMLINKS: int
    MOVE_MOUNT_T_AUTOMOUNTS: int
    MOVE_MOUNT_T_EMPTY_PATH: int
    MOVE_MOUNT_SET_GROUP: int
    MOVE_MOUNT_BENEATH: int
    STATMOUNT_SB_BASIC: int
    STATMOUNT_MNT_BASIC: int
    STATMOUNT_PROPAGATE_FROM: int
    STATMOUNT_MNT_ROOT: int
    STATMOUNT_MNT_POINT: int
    STATMOUNT_FS_TYPE: int
    STATMOUNT_MNT_NS_ID: int
    STATMOUNT_MNT_OPTS: int
    STATMOUNT_FS_SUBTYPE: int
    STATMOUNT_SB_SOURCE: int
    STATMOUNT_OPT_ARRAY: int
    STATMOUNT_OPT_SEC_ARRAY: int
    STATMOUNT_SUPPORTED_MASK: int
    STATMOUNT_MNT_UIDMAP: int
    STATMOUNT_MNT_GIDMAP: int
    STATMOUNT_BY_FD: int
    LISTMOUNT_REVERSE: int
    LSMT_ROOT: int
    AT_FDCWD: int
    def fsopen(self, fstype: bytes | FFI.CData, flags: int, /) -> int: ...
    def fspick(self, dirfd: int, path: bytes | FFI.CData, flags: int, /) -> int: ...
    def fsconfig(self, fd: int, cmd: int, key: bytes | FFI.CData, value: bytes | FFI.CData, aux: int, /) -> int: ...
    def fsmount(self, fd: int, flags: int, attributes: int, /) -> int: ...
    def move_mount(
        self, from_dirfd: int, from_path: bytes | FFI.CData, to_dirfd: int, to_path: bytes | FFI.CData, flags: int, /
    ) -> int: ...
    def open_tree(self, dirfd: int, path: bytes | FFI.CData, flags: int, /) -> int: ...
    def open_tree_attr(
        self,
        dirfd: int,
        path: bytes | FFI.CData,
        flags: int,
        attr_set: int,
        attr_clr: int,
        propagation: int,
        userns_fd: int,
        /,
    ) -> int: ...
    def mount_setattr(
        self,
        dirfd: int,
        path: bytes | FFI.CData,
        flags: int,
        attr_set: int,
        attr_clr: int,
        propagation: int,
        userns_fd: int,
        /,
    ) -> int: ...
    def statmount(
        self, mnt_id: int, mnt_ns_id: int, fd: FFI.CData, mask: int, flags: int, buffer: bytes | FFI.CData, size: int, /
    ) -> int: ...
    def listmount(
        self, mnt_id: int, mnt_ns_id: int, fd: FFI.CData, last: int, flags: int, ids: FFI.CData, count: int, /
    ) -> int: ...
    def butter_mount_id(self, fd: int, /) -> int: ...
    def butter_mounts(
        self,
        reached: butter_reached,
        strings: int,
        mounts: butter_mount,
        count: int,
        text: bytes | FFI.CData,
        size: int,
        /,
    ) -> int: ...

ffi: _FFI
lib: _Lib
