# The types of fanotify_handle's C. Written by tools/constants.py from butter/build/fanotify_handle.py: edit that.
from typing import Any

from _cffi_backend import FFI

class butter_mount:
    id: int
    fsid: FFI.CData

class butter_handle:
    mount: butter_mount
    size: int
    type: int
    handle: FFI.CData

class butter_found:
    step: int
    length: int
    fsid: FFI.CData
    file: butter_handle
    path: FFI.CData

class _FFI(FFI):
    # a new struct has a class above, which only the name in cdecl tells
    def new(self, cdecl: str | FFI.CType, init: Any = ..., /) -> Any: ...

class _Lib:
    AT_SYMLINK_FOLLOW: int
    AT_EMPTY_PATH: int
    AT_HANDLE_FID: int
    AT_HANDLE_MNT_ID_UNIQUE: int
    AT_HANDLE_CONNECTABLE: int
    AT_FDCWD: int
    FD_PIDFS_ROOT: int
    FD_NSFS_ROOT: int
    MAX_HANDLE_SZ: int
    BUTTER_PLACE: int
    BUTTER_OPEN: int
    BUTTER_LINK: int
    BUTTER_PATH: int
    def name_to_handle_at(self, dirfd: int, path: bytes | FFI.CData, flags: int, found: butter_handle, /) -> int: ...
    def open_by_handle_at(
        self, mount_fd: int, handle: bytes | FFI.CData, size: int, type: int, flags: int, /
    ) -> int: ...
    def butter_open_handle(
        self, mount_fd: int, handle: bytes | FFI.CData, size: int, type: int, flags: int, mount: butter_mount, /
    ) -> int: ...
    def butter_leads_to(
        self, path: bytes | FFI.CData, mount: butter_mount, handle: bytes | FFI.CData, size: int, type: int, /
    ) -> int: ...
    def butter_is_on(self, path: bytes | FFI.CData, mount: butter_mount, /) -> int: ...
    def butter_path_of(self, fd: int, found: butter_found, /) -> int: ...
    def butter_find(self, dirfd: int, path: bytes | FFI.CData, follow: int, found: butter_found, /) -> int: ...
    def butter_find_handle(
        self,
        place: bytes | FFI.CData,
        mount: butter_mount,
        handle: bytes | FFI.CData,
        size: int,
        type: int,
        found: butter_found,
        /,
    ) -> int: ...

ffi: _FFI
lib: _Lib
